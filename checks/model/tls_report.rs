//! What somebody's TLS error message means: openssl, curl, Go, Node, Java, browsers, or plain words.

/// One fault that a message names, the precise before the general.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportedFault {
    /// The certificate is past its end.
    Expired,
    /// The certificate has not begun.
    NotYetValid,
    /// The certificate vouches for itself.
    SelfSigned,
    /// An intermediate was not sent.
    Incomplete,
    /// The issuer is not trusted.
    UnknownIssuer,
    /// The certificate is for other names.
    NameMismatch,
    /// The server wants a client certificate.
    ClientCertificate,
    /// Only old protocol versions.
    OldProtocol,
    /// What answers is not TLS.
    NotTls,
    /// The handshake failed, no more is said.
    Handshake,
    /// TCP was refused.
    Refused,
    /// Nothing answered.
    TimedOut,
    /// No route.
    Unreachable,
}

use ReportedFault as F;

/// Phrases in lower case; the first that a message contains wins within its line, and each fault is named once.
const PHRASES: &[(ReportedFault, &[&str])] = &[
    (
        F::Expired,
        &[
            "has expired",
            "certificate expired",
            "cert expired",
            "certificate_expired",
            "cert_has_expired",
            "expired certificate",
            "expired_certificate",
            "cert is expired",
            "certificate is expired",
            "cert_date_invalid",
            "certexpired",
        ],
    ),
    (F::NotYetValid, &["not yet valid", "cert_not_yet_valid", "notvalidyet"]),
    (
        F::Incomplete,
        &[
            "unable to verify the first certificate",
            "unable_to_verify_leaf_signature",
            "incomplete chain",
            "incomplete certificate chain",
            "chain is incomplete",
            "chain issues: incomplete",
            "missing intermediate",
            "intermediate certificate is missing",
            "intermediate is missing",
            "intermediate not sent",
        ],
    ),
    (
        F::UnknownIssuer,
        &[
            "in certificate chain",
            "in_cert_chain",
            "unknown authority",
            "unable to get local issuer",
            "unable_to_get_issuer_cert",
            "unknown ca",
            "unknown_ca",
            "unknownissuer",
            "unknown issuer",
            "authority_invalid",
            "valid certification path",
            "not trusted",
            "untrusted",
        ],
    ),
    (F::SelfSigned, &["self signed certificate", "self-signed certificate", "self_signed_cert", "self-signed"]),
    (
        F::NameMismatch,
        &[
            "does not match",
            "no alternative certificate subject name",
            "common_name_invalid",
            "bad_cert_domain",
            "hostname mismatch",
            "altname",
            "certificate is valid for",
            "name mismatch",
            "notvalidforname",
            "is not valid for",
        ],
    ),
    (
        F::ClientCertificate,
        &["certificate required", "certificate_required", "no required ssl certificate", "bad_ssl_client_auth_cert"],
    ),
    (
        F::OldProtocol,
        &[
            "protocol version",
            "protocol_version",
            "unsupported protocol",
            "unsupported_protocol",
            "unsupported_version",
        ],
    ),
    (
        F::NotTls,
        &[
            "wrong version number",
            "does not look like a tls",
            "rx_record_too_long",
            "plain http",
            "http response to https",
            "packet length too long",
        ],
    ),
    (
        F::Handshake,
        &[
            "handshake",
            "cipher",
            "unrecognized_name",
            "unrecognized name",
            "cloudflare 525",
            "error 525",
            "ssl_protocol_error",
            "internal error",
        ],
    ),
    (F::Refused, &["connection refused", "connection_refused", "econnrefused", "error 521"]),
    (F::TimedOut, &["timed out", "timeout", "timed_out", "etimedout", "error 522"]),
    (F::Unreachable, &["no route to host", "network is unreachable", "ehostunreach", "enetunreach", "error 523"]),
];

/// The faults that the message names, in the order of [`ReportedFault`]'s table; empty: none that we know.
pub fn faults(message: &str) -> Vec<ReportedFault> {
    let lower = message.to_lowercase();
    let mut found: Vec<ReportedFault> = PHRASES
        .iter()
        .filter(|(_, phrases)| phrases.iter().any(|p| lower.contains(p)))
        .map(|(fault, _)| *fault)
        .collect();
    // Go has one message for both ends of validity and tells which by the clock: "current time … is before …".
    if found.contains(&F::Expired) && found.contains(&F::NotYetValid) {
        let wrong = if lower.contains("is before") { F::Expired } else { F::NotYetValid };
        found.retain(|fault| *fault != wrong);
    }
    // "self-signed certificate in certificate chain" is about the root.
    if found.contains(&F::UnknownIssuer) && lower.contains("chain") {
        found.retain(|fault| *fault != F::SelfSigned);
    }
    // Whoever names a fault of the certificate got that far; the rest of the message is circumstance.
    if found.iter().any(|fault| *fault < F::Handshake) {
        found.retain(|fault| *fault < F::Handshake);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_programs_and_people_write() {
        for (message, wanted) in [
            ("curl: (60) SSL certificate problem: certificate has expired", vec![F::Expired]),
            ("x509: certificate has expired or is not yet valid: current time … is after …", vec![F::Expired]),
            ("x509: certificate has expired or is not yet valid: current time … is before …", vec![F::NotYetValid]),
            ("certificate expired at the origin; renewal failed with 403", vec![F::Expired]),
            ("net::ERR_CERT_AUTHORITY_INVALID", vec![F::UnknownIssuer]),
            ("self-signed certificate in certificate chain", vec![F::UnknownIssuer]),
            ("DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate", vec![F::SelfSigned]),
            ("unable to verify the first certificate", vec![F::Incomplete]),
            ("SSL: no alternative certificate subject name matches target host name 'x'", vec![F::NameMismatch]),
            ("tlsv13 alert certificate required", vec![F::ClientCertificate]),
            ("remote error: tls: handshake failure", vec![F::Handshake]),
            ("the origin offers 4 cipher suites, none of them known", vec![F::Handshake]),
            ("ssl3_get_record:wrong version number", vec![F::NotTls]),
            ("certificate has expired; the renewal job ran into a timeout", vec![F::Expired]),
            ("connect ECONNREFUSED 192.0.2.1:443", vec![F::Refused]),
            ("it does not work", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(faults(message), wanted, "{message}");
        }
    }
}
