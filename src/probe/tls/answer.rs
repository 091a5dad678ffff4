//! What a server says to a raw hello, read from its bytes (RFC 5246 §6.2.1, §7.4; RFC 6101 for SSL 3.0).
//!
//! Up to TLS 1.2 all of this is in clear text, so no cryptography is needed.

use cfdoctor_checks::evidence::certificate::MAX_CHAIN;
use cfdoctor_checks::evidence::tls::{Certificate, LegacyAnswer, TlsVersion, alert_name};

use super::hello::suite_name;
use super::outcome::{first_words, looks_like_tls};

/// Octets read of an answer. Real ones have 2 to 10 KiB.
pub(super) const MAX_ANSWER: usize = 256 * 1024;
/// Octets kept of what is not TLS.
const MAX_HEAD: usize = 512;
/// RFC 5246 §6.2.3 allows 2¹⁴ + 2048 in a record.
const MAX_RECORD: usize = 16 * 1024 + 2048;
/// Octets of one handshake message: a chain of certificates is the longest.
const MAX_MESSAGE: usize = 128 * 1024;

const HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;

const FATAL: u8 = 2;
const CLOSE_NOTIFY: u8 = 0;

/// Listens to an answer as it comes in, in pieces of any size.
#[derive(Default)]
pub(super) struct Listener {
    /// The start of a record that is not complete.
    record: Vec<u8>,
    /// The start of a handshake message that is not complete: messages may be spread over records.
    message: Vec<u8>,
    received: usize,
    accepted: Option<(TlsVersion, u16)>,
    chain: Vec<Vec<u8>>,
    asks_client_certificate: bool,
    end: Option<End>,
}

/// After this nothing more is of interest.
enum End {
    /// ServerHelloDone.
    Done,
    Alert(u8),
    /// Not TLS, or not as it should be.
    Strange(String),
}

/// What was heard.
pub(super) struct Heard {
    /// `None`: nothing that decides.
    pub(super) answer: Option<LegacyAnswer>,
    pub(super) chain: Vec<Certificate>,
    pub(super) asks_client_certificate: bool,
}

impl Listener {
    /// Takes the next octets; `true`: that is all we want to hear.
    pub(super) fn hear(&mut self, octets: &[u8]) -> bool {
        let room = MAX_ANSWER.saturating_sub(self.received);
        let octets = octets.get(..room).unwrap_or(octets);
        self.received += octets.len();
        self.record.extend_from_slice(octets);
        let mut rest = std::mem::take(&mut self.record);
        while self.end.is_none() {
            if !looks_like_tls(&rest) {
                let head = rest.get(..MAX_HEAD).unwrap_or(&rest);
                self.end = Some(End::Strange(format!("what came is not TLS: {}", first_words(head))));
                break;
            }
            let [kind, _, _, high, low, ..] = rest[..] else { break };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length > MAX_RECORD {
                self.end = Some(End::Strange("a record is longer than TLS allows".into()));
                break;
            }
            if rest.len() < HEADER + length {
                break;
            }
            let later = rest.split_off(HEADER + length);
            self.take_record(kind, rest.get(HEADER..).unwrap_or_default());
            rest = later;
        }
        self.record = rest;
        if self.end.is_none() && self.received >= MAX_ANSWER {
            self.end = Some(End::Strange("the answer has no end".into()));
        }
        self.end.is_some()
    }

    /// What was heard until now.
    pub(super) fn heard(self) -> Heard {
        let accepted =
            self.accepted.map(|(version, suite)| LegacyAnswer::Accepted { version, cipher: suite_name(suite) });
        let answer = match (self.end, accepted) {
            // A server that chooses and then gives up does not take it.
            (Some(End::Alert(code)), _) if code != CLOSE_NOTIFY => {
                Some(LegacyAnswer::Alert { code, name: alert_name(code).into() })
            }
            (Some(End::Strange(why)), None) => Some(LegacyAnswer::Nothing { why }),
            (_, accepted) => accepted,
        };
        let chain = self.chain.iter().map(|der| Certificate::parse(der)).collect();
        Heard { answer, chain, asks_client_certificate: self.asks_client_certificate }
    }

    fn take_record(&mut self, kind: u8, body: &[u8]) {
        match (kind, body) {
            // Warnings (unrecognized_name, for instance) do not end a handshake.
            (ALERT, [level, code, ..]) if *level == FATAL || *code == CLOSE_NOTIFY => {
                self.end = Some(End::Alert(*code));
            }
            (HANDSHAKE, _) => {
                self.message.extend_from_slice(body);
                self.take_messages();
            }
            _ => {}
        }
    }

    fn take_messages(&mut self) {
        let mut rest = std::mem::take(&mut self.message);
        while self.end.is_none() {
            let [kind, high, middle, low, ..] = rest[..] else { break };
            let length = number(&[high, middle, low]);
            if length > MAX_MESSAGE {
                self.end = Some(End::Strange("a handshake message is longer than any real one".into()));
                break;
            }
            if rest.len() < MESSAGE_HEADER + length {
                break;
            }
            let later = rest.split_off(MESSAGE_HEADER + length);
            let body = rest.get(MESSAGE_HEADER..).unwrap_or_default();
            match kind {
                SERVER_HELLO => self.take_hello(body),
                CERTIFICATE => self.chain = certificates(body),
                CERTIFICATE_REQUEST => self.asks_client_certificate = true,
                SERVER_HELLO_DONE => self.end = Some(End::Done),
                _ => {}
            }
            rest = later;
        }
        self.message = rest;
    }

    /// RFC 5246 §7.4.1.3: version, random (32), session id (at most 32), cipher suite.
    fn take_hello(&mut self, body: &[u8]) {
        let suite_at = body.get(34).map(|length| 35 + usize::from(*length));
        let suite = suite_at.and_then(|at| body.get(at..at + 2));
        let (Some([major, minor]), Some([high, low])) = (body.get(..2), suite) else {
            self.end = Some(End::Strange("the server's hello is cut off".into()));
            return;
        };
        match version(*major, *minor) {
            Some(version) => self.accepted = Some((version, u16::from_be_bytes([*high, *low]))),
            None => {
                self.end =
                    Some(End::Strange(format!("the server chose version 0x{major:02x}{minor:02x}, never offered")));
            }
        }
    }
}

/// RFC 5246 §7.4.2: a list of certificates, each with its length before it. What is cut off is left out.
fn certificates(body: &[u8]) -> Vec<Vec<u8>> {
    let mut chain = Vec::new();
    let mut rest = body.get(3..).unwrap_or_default();
    while let [high, middle, low, tail @ ..] = rest
        && chain.len() < MAX_CHAIN
    {
        let length = number(&[*high, *middle, *low]);
        let Some((certificate, later)) = tail.split_at_checked(length) else { break };
        chain.push(certificate.to_vec());
        rest = later;
    }
    chain
}

fn number(octets: &[u8]) -> usize {
    octets.iter().fold(0, |sum, octet| (sum << 8) | usize::from(*octet))
}

/// Versions that may be in clear text.
fn version(major: u8, minor: u8) -> Option<TlsVersion> {
    match (major, minor) {
        (3, 0) => Some(TlsVersion::Ssl3),
        (3, 1) => Some(TlsVersion::Tls10),
        (3, 2) => Some(TlsVersion::Tls11),
        (3, 3) => Some(TlsVersion::Tls12),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind], &length[1..], body].concat()
    }

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 1][..], &length, body].concat()
    }

    /// A hello that chooses TLS 1.0 and 0xC013.
    fn hello() -> Vec<u8> {
        message(SERVER_HELLO, &[&[3, 1][..], &[7; 32], &[2, 9, 9], &[0xc0, 0x13, 0]].concat())
    }

    fn flight() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["www.example.com".to_owned()]).unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let one = [&u32::try_from(der.len()).unwrap().to_be_bytes()[1..], &der].concat();
        let list = [&u32::try_from(2 * one.len()).unwrap().to_be_bytes()[1..], &one, &one].concat();
        [
            hello(),
            message(CERTIFICATE, &list),
            message(CERTIFICATE_REQUEST, &[1, 1, 0, 0]),
            message(SERVER_HELLO_DONE, &[]),
        ]
        .concat()
    }

    fn hear(pieces: &[&[u8]]) -> (bool, Heard) {
        let mut listener = Listener::default();
        let done = pieces.iter().any(|piece| listener.hear(piece));
        (done, listener.heard())
    }

    fn accepted() -> Option<LegacyAnswer> {
        let cipher = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA".into();
        Some(LegacyAnswer::Accepted { version: TlsVersion::Tls10, cipher })
    }

    #[test]
    fn a_whole_flight_is_heard_in_pieces_of_any_size() {
        let flight = flight();
        for (in_record, in_piece) in [(16_000, 60_000), (7, 60_000), (1, 1), (100, 3)] {
            let bytes: Vec<u8> = flight.chunks(in_record).flat_map(|part| record(HANDSHAKE, part)).collect();
            let pieces: Vec<&[u8]> = bytes.chunks(in_piece).collect();
            let (done, heard) = hear(&pieces);
            assert!(done && heard.asks_client_certificate);
            assert_eq!(heard.answer, accepted());
            assert_eq!(heard.chain.len(), 2);
            assert_eq!(heard.chain[0].names, ["www.example.com"]);
        }
    }

    #[test]
    fn alerts_refuse_and_warnings_do_not() {
        let warning = record(ALERT, &[1, 112]);
        let fatal = record(ALERT, &[2, 70]);
        let (done, heard) = hear(&[&warning, &fatal]);
        assert!(done);
        assert_eq!(heard.answer, Some(LegacyAnswer::Alert { code: 70, name: "protocol_version".into() }));
        let (_, heard) = hear(&[&warning, &record(HANDSHAKE, &hello())]);
        assert_eq!(heard.answer, accepted());
        let (_, heard) = hear(&[&record(HANDSHAKE, &hello()), &record(ALERT, &[2, 40])]);
        assert_eq!(heard.answer, Some(LegacyAnswer::Alert { code: 40, name: "handshake_failure".into() }));
    }

    #[test]
    fn what_is_not_tls_is_shown() {
        for (bytes, shown) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP/1.1 400"),
            (b"\x16\x03\x01\xff\xff", "longer than TLS allows"),
            (b"\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03", "cut off"),
        ] {
            let (done, heard) = hear(&[bytes]);
            assert!(done);
            assert!(matches!(&heard.answer, Some(LegacyAnswer::Nothing { why }) if why.contains(shown)), "{bytes:?}");
        }
        assert_eq!(hear(&[b"\x16\x03"]).1.answer, None);
        assert_eq!(hear(&[]).1.answer, None);
    }

    #[test]
    fn an_endless_answer_ends() {
        let endless = record(HANDSHAKE, &message(12, &[0; 16_000])).repeat(40);
        let mut listener = Listener::default();
        assert!(endless.chunks(1500).any(|piece| listener.hear(piece)));
        assert!(listener.received <= MAX_ANSWER);
        assert!(matches!(listener.heard().answer, Some(LegacyAnswer::Nothing { why }) if why.contains("no end")));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), size in 1..200_usize) {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            hear(&pieces);
            // And behind a sound record's head, where the messages are read.
            let wrapped = record(HANDSHAKE, &bytes);
            hear(&[&wrapped]);
        }

        #[test]
        fn no_damage_panics(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut bytes = record(HANDSHAKE, &flight());
            let at = at.index(bytes.len());
            bytes[at] = to;
            bytes.truncate(cut.index(bytes.len()));
            let (_, heard) = hear(&[&bytes]);
            prop_assert!(heard.chain.len() <= MAX_CHAIN);
        }
    }
}
