//! What a server says to a raw hello, in pieces of any size.

use cfdoctor_checks::evidence::certificate::MAX_CHAIN;
use cfdoctor_checks::evidence::tls::LegacyAnswer;

use super::answer::{Heard, Listener};
use crate::fuzzing::harmless;

/// The first octet tells the size of the pieces; heard whole, the same is heard.
pub(crate) fn hello(octets: &[u8]) {
    let Some((size, octets)) = octets.split_first() else { return };
    let whole = heard(octets, octets.len());
    let pieces = heard(octets, usize::from(*size) + 1);
    // Of what is not TLS, as much is quoted as had come.
    let told = |heard: &Heard| match &heard.answer {
        Some(LegacyAnswer::Nothing { .. }) => Some(LegacyAnswer::Nothing { why: String::new() }),
        answer => answer.clone(),
    };
    assert_eq!(
        (told(&whole), whole.chain.len(), whole.asks_client_certificate),
        (told(&pieces), pieces.chain.len(), pieces.asks_client_certificate)
    );
    assert!(whole.chain.len() <= MAX_CHAIN);
    for certificate in &whole.chain {
        for words in [&certificate.subject, &certificate.issuer] {
            harmless(words);
        }
        certificate.names.iter().for_each(|name| harmless(name));
    }
    if let Some(LegacyAnswer::Nothing { why }) = &whole.answer {
        harmless(why);
        assert!(why.len() < 2000, "{why}");
    }
}

fn heard(octets: &[u8], size: usize) -> Heard {
    let mut listener = Listener::default();
    let _ = octets.chunks(size.max(1)).any(|piece| listener.hear(piece));
    listener.heard()
}
