//! A ClientHello written by hand, for servers that rustls does not talk to.

use std::net::IpAddr;
use std::pin::pin;

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::evidence::tls::{Connect, LegacyAnswer, LegacyHello, Limit, Patience, TlsVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::answer::{Heard, Listener};
use super::provider;
use super::tap::is_reset;
use crate::probe::budget::Budget;
use crate::probe::dial::{self, BoxedIo, Route};
use crate::settings::Settings;

/// Characters kept of the system's words.
const MAX_WHY: usize = 200;

/// The suites offered, old and new, with their IANA names: whatever key and method a server has, one fits.
const SUITES: &[(u16, &str)] = &[
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
];

/// RFC 5746 §3.3: stands for an empty renegotiation_info where extensions cannot be sent.
const RENEGOTIATION_SCSV: u16 = 0x00ff;

/// x25519, P-256, P-384, P-521, x448, secp256k1.
const GROUPS: &[u16] = &[0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x0016];

/// ECDSA with P-256, P-384, P-521; Ed25519, Ed448; RSA-PSS with both kinds of key; PKCS #1; SHA-1.
const SIGNATURES: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
    0x0301, 0x0303, 0x0203, 0x0201,
];

/// Offers nothing newer than `offered` (TLS 1.2 at most, for newer answers are encrypted) and reads what comes back.
/// Costs one connection, is not repeated, and goes away after the answer.
pub async fn legacy(
    route: &Route,
    server_name: &str,
    offered: TlsVersion,
    settings: &Settings,
    budget: &Budget,
) -> LegacyHello {
    let offered = offered.min(TlsVersion::Tls12);
    let nothing = |why: String| LegacyHello {
        offered,
        answer: LegacyAnswer::Nothing { why },
        chain: Vec::new(),
        asks_client_certificate: false,
    };
    let dialed = dial::open_at_most(1, route, settings, budget).await;
    let Some(mut stream) = dialed.stream else {
        return nothing(match dialed.connect {
            Connect::Open => "not connected".into(),
            other => other.describe(),
        });
    };
    let mut random = [0; 32];
    // Nothing is kept secret by it: without good numbers the hello still does its work.
    let _ = provider().secure_random.fill(&mut random);
    let hello = client_hello(server_name, offered, &random);

    let mut listener = Listener::default();
    let end = match budget.limit(route.step(settings), pin!(exchange(&mut stream, &hello, &mut listener))).await {
        Ok(end) => end,
        Err(patience) => silence(patience),
    };
    let Heard { answer, chain, asks_client_certificate } = listener.heard();
    match answer {
        Some(answer) => LegacyHello { offered, answer, chain, asks_client_certificate },
        None => nothing(end),
    }
}

/// Sends the hello and listens; in words, how it ended when the answer did not.
async fn exchange(stream: &mut BoxedIo, hello: &[u8], listener: &mut Listener) -> String {
    // A refusal may be waiting to be read although the write failed.
    let written = stream.write_all(hello).await;
    let mut buffer = vec![0; 2 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) if written.is_err() => return "the connection was reset".into(),
            Ok(0) => return "the connection was closed without an answer".into(),
            Ok(length) => {
                if listener.hear(buffer.get(..length).unwrap_or_default()) {
                    return "the answer ended".into();
                }
            }
            Err(error) if is_reset(&error) => return "the connection was reset".into(),
            Err(error) => return text::shorten(&error.to_string(), MAX_WHY),
        }
    }
}

fn silence(patience: Patience) -> String {
    match patience.limit {
        Limit::Step => format!("no answer within {}", patience.describe()),
        Limit::Deadline | Limit::Interrupted | Limit::Overloaded => {
            format!("we stopped waiting after {}", patience.describe())
        }
    }
}

/// IANA name of a suite that we offer, or its number.
pub(super) fn suite_name(suite: u16) -> String {
    match SUITES.iter().find(|(code, _)| *code == suite) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("0x{suite:04X}"),
    }
}

/// One record with a ClientHello (RFC 5246 §7.4.1.2).
fn client_hello(server_name: &str, offered: TlsVersion, random: &[u8; 32]) -> Vec<u8> {
    let [major, minor] = wire(offered);
    let mut suites: Vec<u16> = SUITES.iter().map(|(code, _)| *code).collect();
    // SSL 3.0 knows no extensions, and some of its servers hang up on them.
    let extensions = if offered == TlsVersion::Ssl3 {
        suites.push(RENEGOTIATION_SCSV);
        Vec::new()
    } else {
        sized(&extensions(server_name, offered))
    };
    let body = [
        &[major, minor][..],
        random,
        &[0], // no session to resume
        &sized(&words(&suites)),
        &[1, 0], // no compression
        &extensions,
    ]
    .concat();
    let message = [&[1, 0][..], &sized(&body)].concat();
    // The record's version is the oldest that both may know (RFC 5246, appendix E.1).
    let [major, minor] = wire(offered.min(TlsVersion::Tls10));
    [&[22, major, minor][..], &sized(&message)].concat()
}

fn extensions(server_name: &str, offered: TlsVersion) -> Vec<u8> {
    let extension = |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &sized(body)].concat();
    let mut out = Vec::new();
    let name = server_name.strip_suffix('.').unwrap_or(server_name);
    if name.parse::<IpAddr>().is_err() && !name.is_empty() && name.len() <= 255 {
        let entry = [&[0][..], &sized(name.as_bytes())].concat();
        out.extend(extension(0, &sized(&entry))); // server_name
    }
    out.extend(extension(10, &sized(&words(GROUPS)))); // supported_groups
    out.extend(extension(11, &[1, 0])); // ec_point_formats: uncompressed
    if offered >= TlsVersion::Tls12 {
        out.extend(extension(13, &sized(&words(SIGNATURES)))); // signature_algorithms
    }
    out.extend(extension(23, &[])); // extended_master_secret
    out.extend(extension(0xff01, &[0])); // renegotiation_info
    out
}

fn wire(version: TlsVersion) -> [u8; 2] {
    match version {
        TlsVersion::Ssl3 => [3, 0],
        TlsVersion::Tls10 => [3, 1],
        TlsVersion::Tls11 => [3, 2],
        TlsVersion::Tls12 | TlsVersion::Tls13 => [3, 3],
    }
}

/// The octets with their length before them. All that we send is far below 2¹⁶.
fn sized(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], body].concat()
}

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fit_and_the_name_is_there() {
        for offered in [TlsVersion::Ssl3, TlsVersion::Tls10, TlsVersion::Tls11, TlsVersion::Tls12] {
            let hello = client_hello("www.example.com.", offered, &[7; 32]);
            assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
            assert_eq!(&hello[9..11], wire(offered));
            let named = hello.windows(15).any(|part| part == b"www.example.com");
            assert_eq!(named, offered != TlsVersion::Ssl3);
        }
        let hello = client_hello("192.0.2.1", TlsVersion::Tls12, &[7; 32]);
        assert!(!hello.windows(9).any(|part| part == b"192.0.2.1"));
    }

    #[test]
    fn rustls_servers_can_read_it() {
        let mut acceptor = rustls::server::Acceptor::default();
        let hello = client_hello("www.example.com", TlsVersion::Tls12, &[7; 32]);
        acceptor.read_tls(&mut &hello[..]).unwrap();
        let accepted = acceptor.accept().ok().flatten().unwrap();
        assert_eq!(accepted.client_hello().server_name(), Some("www.example.com"));
        assert_eq!(accepted.client_hello().cipher_suites().len(), SUITES.len());
    }
}
