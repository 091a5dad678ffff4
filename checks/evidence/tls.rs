//! TCP and TLS as they happened, failures included; certificates as sent.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Gathered;

pub use super::alert::alert_name;

/// One connection to a TLS port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handshake {
    /// The name whose address was connected to (host, or the origin's name).
    pub peer: String,
    /// Where the TCP connection went; `None` when no address was known or only somebody's report is.
    #[serde(default)]
    pub address: Option<SocketAddr>,
    /// The name sent as SNI.
    #[serde(default)]
    pub server_name: Option<String>,
    /// The TCP part.
    pub connect: Connect,
    /// The TLS part.
    pub outcome: TlsOutcome,
    /// What was agreed, once completed.
    #[serde(default)]
    pub session: Option<Session>,
    /// Certificates as sent, leaf first, at most 32; recorded also when the handshake failed after them.
    #[serde(default)]
    pub chain: Vec<Certificate>,
    /// Was an OCSP response stapled?
    #[serde(default)]
    pub ocsp_stapled: bool,
    /// Client certificates.
    #[serde(default)]
    pub client_certificate: ClientCertificate,
    /// The raw hello of old versions, where it was tried.
    pub legacy: Gathered<LegacyHello>,
    /// Milliseconds for TCP, once connected.
    #[serde(default)]
    pub connect_ms: Option<f64>,
    /// Milliseconds for TLS, once completed.
    #[serde(default)]
    pub tls_ms: Option<f64>,
    /// Earlier tries that failed, in words (`--retries`, other addresses).
    #[serde(default)]
    pub earlier: Vec<String>,
}

/// The TCP part of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connect {
    /// Connected.
    Open,
    /// RST to the SYN.
    Refused,
    /// Nothing came back.
    TimedOut(Patience),
    /// No route, network or host unreachable, permission denied …
    Unreachable {
        /// The system's own words.
        why: String,
    },
    /// There was no address to connect to, none that may be connected to, or no socket or connection left on our side:
    /// nothing was sent.
    NoAddress {
        /// Why.
        why: String,
    },
    /// The proxy (`--proxy`) failed us.
    ProxyFailed {
        /// What it said.
        why: String,
    },
    /// Only somebody's report is known (`lint`).
    Reported,
}

/// How long we waited, and whose limit ended it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patience {
    /// Milliseconds waited.
    pub after_ms: u64,
    /// Which limit was met.
    pub limit: Limit,
}

/// Which limit ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The limit of this step (`--connect-timeout`, `--timeout`): long enough to blame the peer.
    Step,
    /// The deadline of the whole target came first.
    Deadline,
    /// The user interrupted.
    Interrupted,
    /// Our own machine had more to do than it can: what ended then may have ended because of us.
    Overloaded,
}

/// The TLS part of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsOutcome {
    /// Handshake done (and, where something was read, no alert after it).
    Completed,
    /// A fatal alert.
    Alert {
        /// Number (RFC 8446 §6).
        code: u8,
        /// Its name, `handshake_failure`.
        name: String,
        /// It came after our part was done (a TLS 1.3 server refusing the missing client certificate).
        #[serde(default)]
        after_handshake: bool,
    },
    /// What came is not TLS.
    NotTls {
        /// The first bytes, cleaned.
        first: String,
    },
    /// The peer closed without a word.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// No more bytes came.
    TimedOut(Patience),
    /// TLS, but broken: our library's reason.
    Broken {
        /// The reason.
        why: String,
    },
    /// TCP did not get that far.
    NotReached,
    /// Only somebody's report is known (`lint`).
    Reported {
        /// Their words, cleaned; `None`: they reported a certificate, not a fault.
        error: Option<String>,
    },
}

/// What a completed handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Protocol version.
    pub version: TlsVersion,
    /// IANA name of the cipher suite.
    pub cipher: String,
    /// Key exchange group.
    #[serde(default)]
    pub group: Option<String>,
    /// ALPN protocol, `h2` or `http/1.1`.
    #[serde(default)]
    pub alpn: Option<String>,
}

/// Protocol version, old to new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// SSL 3.0.
    #[serde(rename = "SSL 3.0")]
    Ssl3,
    /// TLS 1.0.
    #[serde(rename = "TLS 1.0")]
    Tls10,
    /// TLS 1.1.
    #[serde(rename = "TLS 1.1")]
    Tls11,
    /// TLS 1.2.
    #[serde(rename = "TLS 1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "TLS 1.3")]
    Tls13,
}

impl TlsVersion {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            TlsVersion::Ssl3 => "SSL 3.0",
            TlsVersion::Tls10 => "TLS 1.0",
            TlsVersion::Tls11 => "TLS 1.1",
            TlsVersion::Tls12 => "TLS 1.2",
            TlsVersion::Tls13 => "TLS 1.3",
        }
    }
}

/// Client certificates in the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificate {
    /// The server did not ask.
    #[default]
    NotAsked,
    /// The server asked; we had none, and it went on.
    Asked,
    /// The server asked, and got the one of `--cert`.
    Sent,
    /// The server asked, got none, and refused to go on.
    Required,
    /// The server asked, got the one of `--cert`, and refused it.
    Rejected,
}

/// What a raw ClientHello that offers nothing newer than `offered` brought: old servers answer it in clear text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LegacyHello {
    /// The newest version offered.
    pub offered: TlsVersion,
    /// The answer.
    pub answer: LegacyAnswer,
    /// The certificates of the answer, leaf first.
    #[serde(default)]
    pub chain: Vec<Certificate>,
    /// Did the server ask for a client certificate?
    #[serde(default)]
    pub asks_client_certificate: bool,
}

/// The answer to a raw hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegacyAnswer {
    /// The server takes it.
    Accepted {
        /// Version chosen.
        version: TlsVersion,
        /// Cipher suite chosen, as `0xC02F` or its IANA name.
        cipher: String,
    },
    /// A fatal alert: this is how a sound server refuses.
    Alert {
        /// Number.
        code: u8,
        /// Its name.
        name: String,
    },
    /// Not TLS, closed, reset or silent.
    Nothing {
        /// What happened.
        why: String,
    },
}

/// Roots beyond the built-in ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustInputs {
    /// `--cacert`: added to the public roots.
    #[serde(default)]
    pub extra_roots: Vec<Der>,
    /// `--origin-ca`: replaces the built-in Cloudflare Origin CA roots.
    #[serde(default)]
    pub origin_ca: Option<Vec<Der>>,
}

/// DER bytes, base64 in JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Der(pub Vec<u8>);

impl std::fmt::Debug for Der {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Der({} octets)", self.0.len())
    }
}

impl TryFrom<String> for Der {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(text).map(Der)
    }
}

impl From<Der> for String {
    fn from(der: Der) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(der.0)
    }
}

/// A certificate as sent, or as somebody reported it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The bytes; `None` when only somebody's report is known.
    #[serde(default)]
    pub der: Option<Der>,
    /// Why the bytes could not be read, if so; the other fields are then empty.
    #[serde(default)]
    pub unreadable: Option<String>,
    /// Subject, RFC 4514 form, cleaned.
    #[serde(default)]
    pub subject: String,
    /// Issuer, RFC 4514 form, cleaned.
    #[serde(default)]
    pub issuer: String,
    /// The subject's common name.
    #[serde(default)]
    pub common_name: Option<String>,
    /// dNSName entries, lower case, at most 500.
    #[serde(default)]
    pub names: Vec<String>,
    /// iPAddress entries.
    #[serde(default)]
    pub addresses: Vec<std::net::IpAddr>,
    /// Start of validity.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub not_before: Option<OffsetDateTime>,
    /// End of validity.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// The public key.
    #[serde(default)]
    pub key: Option<Key>,
    /// Name of the signature algorithm (`sha256WithRSAEncryption`), or its OID.
    #[serde(default)]
    pub signature: String,
    /// Issuer and subject are the same and, where we can tell, the signature is its own.
    #[serde(default)]
    pub self_signed: bool,
    /// Basic constraints say CA.
    #[serde(default)]
    pub is_ca: bool,
    /// SHA-256 of the bytes, lower-case hex.
    #[serde(default)]
    pub sha256: String,
    /// Authority information access: where the issuer's certificate is.
    #[serde(default)]
    pub issuer_url: Option<String>,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// RSA.
    Rsa {
        /// Modulus size.
        bits: u32,
    },
    /// Elliptic curve.
    Ec {
        /// `P-256`, `P-384`, `P-521`, or the OID.
        curve: String,
    },
    /// Another algorithm.
    Other {
        /// Its name or OID.
        algorithm: String,
    },
}

impl Handshake {
    /// The server's own certificate.
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// Did the handshake go through?
    pub fn completed(&self) -> bool {
        self.outcome == TlsOutcome::Completed
    }

    /// The address, or what stands for it.
    pub fn place(&self) -> String {
        self.address.map_or_else(|| self.peer.clone(), |address| address.to_string())
    }
}

impl Certificate {
    /// Does it name this host? A wildcard stands for exactly one whole label, the left-most (RFC 6125 §6.4.3); the
    /// common name does not count.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(rest) => host
                .split_once('.')
                .is_some_and(|(label, parent)| !label.is_empty() && parent.eq_ignore_ascii_case(rest)),
            None => name.eq_ignore_ascii_case(host),
        })
    }

    /// The organisation (`O=`) of the issuer, else its common name: what people call the CA.
    pub fn issuer_name(&self) -> Option<String> {
        attribute(&self.issuer, "O").or_else(|| attribute(&self.issuer, "CN"))
    }
}

/// The value of an attribute in an RFC 4514 name; `\,` and quotes are undone.
fn attribute(name: &str, kind: &str) -> Option<String> {
    let (mut parts, mut part, mut escaped, mut quoted) = (Vec::new(), String::new(), false, false);
    for c in name.chars() {
        match c {
            _ if escaped => {
                part.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' | '+' if !quoted => parts.push(std::mem::take(&mut part)),
            _ => part.push(c),
        }
    }
    parts.push(part);
    parts.iter().find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(kind).then(|| value.trim().to_owned()).filter(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let certificate =
            Certificate { names: vec!["example.com".into(), "*.example.com".into()], ..Certificate::default() };
        for (host, covered) in [
            ("example.com", true),
            ("api.example.com", true),
            ("API.example.com.", true),
            ("a.b.example.com", false),
            (".example.com", false),
            ("example.org", false),
        ] {
            assert_eq!(certificate.covers(host), covered, "{host}");
        }
    }

    #[test]
    fn names_the_issuer() {
        for (issuer, name) in [
            ("CN=WE1,O=Google Trust Services,C=US", Some("Google Trust Services")),
            (r"C=US, O=CloudFlare\, Inc., OU=x", Some("CloudFlare, Inc.")),
            (r#"C=US, O="CloudFlare, Inc.", OU=x"#, Some("CloudFlare, Inc.")),
            ("CN=only", Some("only")),
            ("", None),
        ] {
            let certificate = Certificate { issuer: issuer.into(), ..Certificate::default() };
            assert_eq!(certificate.issuer_name().as_deref(), name, "{issuer}");
        }
    }
}
