//! TLS errors as people report them: a browser's code, curl's or a library's words.

/// `protocol_version` (RFC 8446 §6).
pub(super) const PROTOCOL_VERSION: u8 = 70;

/// What a reported TLS error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reported {
    /// The name: refused in the handshake, or not in the certificate.
    Name,
    /// The client: its TLS version is too old, or it sends no name (SNI).
    OldClient,
    /// The certificate's dates.
    Expired,
    /// The certificate's issuer.
    Untrusted,
    /// No connection, or one cut off before TLS was through.
    NoConnection,
    /// Something else.
    Other,
}

/// The words of browsers, curl, OpenSSL, Go, Java and Python, lower case; the first line that fits decides.
const WORDS: &[(Reported, &[&str])] = &[
    // Browsers say "version or cipher" for handshake_failure, which is how the edge refuses a name that it has no
    // certificate for.
    (
        Reported::Name,
        &[
            "version_or_cipher_mismatch",
            "no_cypher_overlap",
            "handshake_failure",
            "handshake failure",
            "unrecognized_name",
            "unrecognized name",
            "unrecognised",
            "common_name_invalid",
            "bad_cert_domain",
            "no alternative certificate subject name",
            "hostname mismatch",
            "hostname doesn't match",
            "hostname verification",
            "does not match",
            "doesn't match",
            "not valid for",
            "is valid for",
            "altnames",
            "altname_invalid",
            "no subject alternative",
            "does not cover",
            "not covered",
            "no certificate for",
            "no peer certificate",
            "tlsv1 unrecognized",
            "alert 40",
            "alert number 40",
            "alert 112",
        ],
    ),
    (Reported::Expired, &["expired", "date_invalid", "not yet valid", "has_expired"]),
    (
        Reported::Untrusted,
        &[
            "authority_invalid",
            "unknown_issuer",
            "unknown issuer",
            "unknown authority",
            "self signed",
            "self-signed",
            "unable to get local issuer",
            "unable to verify the first",
            "unable to get issuer",
            "not trusted",
            "untrusted",
            "path building failed",
        ],
    ),
    (
        Reported::OldClient,
        &[
            "protocol_version",
            "protocol version",
            "unsupported protocol",
            "unsupported_protocol",
            "obsolete",
            "deprecated tls",
            "minimum tls",
            "tlsv1",
            "tls 1.0",
            "tls 1.1",
            "tls1.0",
            "tls1.1",
            "sslv3",
            "wrong version number",
            "no sni",
            "without sni",
        ],
    ),
    (
        Reported::NoConnection,
        &[
            "refused",
            "timed out",
            "timeout",
            "time-out",
            "reset",
            "unreachable",
            "connection_closed",
            "connection closed",
            "eof",
            "no route",
            "ssl_connect",
            "ssl_syscall",
        ],
    ),
];

/// What these words are about.
pub(super) fn read(error: &str) -> Reported {
    let error = error.to_ascii_lowercase();
    WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| error.contains(word)))
        .map_or(Reported::Other, |(kind, _)| *kind)
}

/// Is this alert how a server says that it has nothing for the name: `handshake_failure` (40), `unrecognized_name` (112)?
pub(super) fn refuses_the_name(alert: u8) -> bool {
    matches!(alert, 40 | 112)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_browsers_and_libraries() {
        for (error, about) in [
            ("ERR_SSL_VERSION_OR_CIPHER_MISMATCH (only while proxied)", Reported::Name),
            ("SSL_ERROR_NO_CYPHER_OVERLAP", Reported::Name),
            ("sslv3 alert handshake failure", Reported::Name),
            ("curl: (60) SSL: no alternative certificate subject name matches target host name", Reported::Name),
            ("NET::ERR_CERT_COMMON_NAME_INVALID", Reported::Name),
            ("x509: certificate is valid for *.example.com, not a.b.example.com", Reported::Name),
            ("NET::ERR_CERT_DATE_INVALID", Reported::Expired),
            ("certificate has expired", Reported::Expired),
            ("NET::ERR_CERT_AUTHORITY_INVALID", Reported::Untrusted),
            ("client speaks TLSv1, minimum is TLS 1.2", Reported::OldClient),
            ("tlsv1 alert protocol version", Reported::OldClient),
            ("connection refused", Reported::NoConnection),
            ("it is broken", Reported::Other),
        ] {
            assert_eq!(read(error), about, "{error}");
        }
    }
}
