//! From errors to what they say about the peer.

use std::io;
use std::time::Duration;

use cfdoctor_checks::evidence::tls::{
    Certificate, ClientCertificate, Connect, Handshake, Key, Limit, Patience, TlsOutcome, alert_name,
};
use cfdoctor_checks::evidence::{redact, text};

use super::recorder::Answered;
use super::tap::{Traces, is_reset};

/// Characters kept of a reason.
const MAX_WHY: usize = 200;
/// Characters shown of what is not TLS.
const MAX_FIRST: usize = 120;

/// What a failed handshake was.
pub(super) fn of(error: &io::Error, traces: &Traces, after: Duration) -> TlsOutcome {
    if let Some(other) = not_tls(traces) {
        return other;
    }
    if let Some(error) = inner(error) {
        return match alert(error) {
            Some(code) => TlsOutcome::Alert { code, name: alert_name(code).into(), after_handshake: false },
            None => TlsOutcome::Broken { why: text::shorten(&error.to_string(), MAX_WHY) },
        };
    }
    match error.kind() {
        _ if is_reset(error) || traces.write_refused() => TlsOutcome::Reset,
        io::ErrorKind::UnexpectedEof => TlsOutcome::Closed,
        io::ErrorKind::TimedOut => {
            let after_ms = after.as_millis().try_into().unwrap_or(u64::MAX);
            TlsOutcome::TimedOut(Patience { after_ms, limit: Limit::Step })
        }
        _ => TlsOutcome::Broken { why: text::shorten(&error.to_string(), MAX_WHY) },
    }
}

/// What a handshake was whose time ran out.
pub(super) fn unfinished(patience: Patience, traces: &Traces) -> TlsOutcome {
    not_tls(traces).unwrap_or(TlsOutcome::TimedOut(patience))
}

fn not_tls(traces: &Traces) -> Option<TlsOutcome> {
    let head = traces.head();
    (!looks_like_tls(&head)).then(|| TlsOutcome::NotTls { first: first_words(&head) })
}

/// The server's signature under the handshake was not accepted. That need not be the server's fault: our library
/// knows neither RSA of less than 2048 bits nor certificates with extensions that it does not understand.
pub(super) fn unverifiable(leaf: Option<&Certificate>, error: &rustls::Error) -> TlsOutcome {
    let key = match leaf.and_then(|leaf| leaf.key.as_ref()) {
        Some(Key::Rsa { bits }) => format!("RSA, {bits} bits"),
        Some(Key::Ec { curve }) => format!("elliptic curve {curve}"),
        Some(Key::Other { algorithm }) => algorithm.clone(),
        None => "unreadable".into(),
    };
    let why = format!("we could not check the handshake's signature with the certificate's key ({key}): {error}");
    TlsOutcome::Broken { why: text::shorten(&why, MAX_WHY) }
}

/// What happened to the client certificate, by our answer and by how it ended.
pub(super) fn client_certificate(answered: Option<Answered>, outcome: &TlsOutcome) -> ClientCertificate {
    let refused = match outcome {
        TlsOutcome::Alert { code, .. } => speaks_of_client_certificate(*code),
        // It asked, read our answer and went away without a word: API Gateway is said to do this
        // (`facts/aws.md` section 3.4).
        TlsOutcome::Closed | TlsOutcome::Reset => true,
        _ => false,
    };
    match (answered, refused) {
        (None, _) => ClientCertificate::NotAsked,
        (Some(Answered::Empty), false) => ClientCertificate::Asked,
        (Some(Answered::Empty), true) => ClientCertificate::Required,
        (Some(Answered::Sent), false) => ClientCertificate::Sent,
        (Some(Answered::Sent), true) => ClientCertificate::Rejected,
    }
}

/// Alerts by which servers refuse a client's certificate, or its absence, after they asked for one: RFC 8446 §6.2
/// has certificate_required for it, RFC 5246 §7.4.6 handshake_failure, and others are in use.
pub(super) fn speaks_of_client_certificate(code: u8) -> bool {
    matches!(code, 40..=46 | 48 | 49 | 51 | 116)
}

/// Is a raw hello worth a connection? Only where rustls was turned away before it saw a certificate: by a server that
/// speaks an older version, for instance.
pub fn worth_a_legacy_hello(handshake: &Handshake) -> bool {
    handshake.connect == Connect::Open
        && handshake.chain.is_empty()
        && matches!(
            handshake.outcome,
            TlsOutcome::Alert { after_handshake: false, .. }
                | TlsOutcome::Closed
                | TlsOutcome::Reset
                | TlsOutcome::Broken { .. }
        )
}

/// A failed try in words.
pub(super) fn failure(handshake: &Handshake) -> String {
    let place = handshake.place();
    if handshake.connect != Connect::Open {
        return format!("{place}: {}", handshake.connect.describe());
    }
    let what = match &handshake.outcome {
        TlsOutcome::Completed => "completed".into(),
        TlsOutcome::Alert { code, name, .. } => format!("alert {code} ({name})"),
        TlsOutcome::NotTls { first } => format!("not TLS: {first}"),
        TlsOutcome::Closed => "the connection was closed during the handshake".into(),
        TlsOutcome::Reset => "the connection was reset during the handshake".into(),
        TlsOutcome::TimedOut(patience) => format!("no end of the handshake within {}", patience.describe()),
        TlsOutcome::Broken { why } => why.clone(),
        TlsOutcome::NotReached => "not reached".into(),
        TlsOutcome::Reported { error } => error.clone().unwrap_or_default(),
    };
    format!("{place}: {what}")
}

/// The rustls error inside, however deep.
pub(super) fn inner(error: &io::Error) -> Option<&rustls::Error> {
    let mut inner = error.get_ref()?;
    loop {
        if let Some(found) = inner.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        inner = inner.downcast_ref::<io::Error>()?.get_ref()?;
    }
}

/// The alert that the peer sent, if it is one.
pub(super) fn alert(error: &rustls::Error) -> Option<u8> {
    match error {
        rustls::Error::AlertReceived(description) => Some(u8::from(*description)),
        _ => None,
    }
}

/// A record starts with its type (20 to 24) and the version's major number 3 (RFC 8446 §5.1).
pub(super) fn looks_like_tls(head: &[u8]) -> bool {
    match head {
        [] => true,
        [kind] => (20..=24).contains(kind),
        [kind, major, ..] => (20..=24).contains(kind) && *major == 3,
    }
}

/// The first octets, fit to be shown.
pub(super) fn first_words(head: &[u8]) -> String {
    text::shorten(&redact::text(&text::clean_bytes(head)), MAX_FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_found_however_deep_it_lies() {
        let deep = || rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let once = io::Error::other(deep());
        let twice = io::Error::other(io::Error::other(deep()));
        for error in [once, twice] {
            assert_eq!(inner(&error).and_then(alert), Some(116));
        }
        assert!(inner(&io::ErrorKind::UnexpectedEof.into()).is_none());
    }

    #[test]
    fn a_client_certificate_is_refused_only_when_asked_for() {
        let alert = |code| TlsOutcome::Alert { code, name: alert_name(code).into(), after_handshake: false };
        for (answered, outcome, expected) in [
            (None, alert(40), ClientCertificate::NotAsked),
            (Some(Answered::Empty), alert(40), ClientCertificate::Required),
            (Some(Answered::Empty), alert(80), ClientCertificate::Asked),
            (Some(Answered::Empty), TlsOutcome::Reset, ClientCertificate::Required),
            (Some(Answered::Empty), TlsOutcome::Completed, ClientCertificate::Asked),
            (Some(Answered::Sent), alert(48), ClientCertificate::Rejected),
            (Some(Answered::Sent), TlsOutcome::Completed, ClientCertificate::Sent),
        ] {
            assert_eq!(client_certificate(answered, &outcome), expected, "{answered:?} {outcome:?}");
        }
    }

    #[test]
    fn records_are_told_from_other_protocols() {
        for (head, tls) in [
            (&b"\x15\x03\x01"[..], true),
            (b"\x16", true),
            (b"HTTP/1.1 400 Bad Request", false),
            (b"SSH-2.0-x", false),
            (b"\x16\x02", false),
            (b"\x80\x2e", false),
        ] {
            assert_eq!(looks_like_tls(head), tls, "{head:?}");
        }
        assert_eq!(first_words(b"HTTP/1.1 400\r\nx: y"), "HTTP/1.1 400\u{fffd}\u{fffd}x: y");
    }
}
