//! Signatures of certificates that were verified a moment ago.
//!
//! Many hosts share their intermediates, those of one zone all of the chain; a signature is some tenth of a
//! millisecond of work. Whether it fits depends on nothing but key, message and signature.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use ring::digest::{Context, SHA256};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

/// Signatures that are remembered; some 50 octets each.
const MOST: usize = 4096;

type Digest = [u8; 32];

static KNOWN: LazyLock<Mutex<HashMap<Digest, bool>>> = LazyLock::new(Mutex::default);

static REMEMBERING: LazyLock<Vec<Remembering>> =
    LazyLock::new(|| webpki::ALL_VERIFICATION_ALGS.iter().map(|algorithm| Remembering(*algorithm)).collect());

/// All algorithms of [`webpki::ALL_VERIFICATION_ALGS`], in their order.
pub(super) static ALGORITHMS: LazyLock<Vec<&'static dyn SignatureVerificationAlgorithm>> =
    LazyLock::new(|| REMEMBERING.iter().map(|algorithm| algorithm as _).collect());

/// An algorithm that remembers its answers.
#[derive(Debug)]
struct Remembering(&'static dyn SignatureVerificationAlgorithm);

impl SignatureVerificationAlgorithm for Remembering {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let digest = self.digest(public_key, message, signature);
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).copied();
        let fits = known.unwrap_or_else(|| {
            let fits = self.0.verify_signature(public_key, message, signature).is_ok();
            let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(digest, fits);
            fits
        });
        if fits { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

impl Remembering {
    fn digest(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Digest {
        let (key_kind, kind) = (self.public_key_alg_id(), self.signature_alg_id());
        let mut context = Context::new(&SHA256);
        for part in [key_kind.as_ref(), kind.as_ref(), public_key, message, signature] {
            // With its length, so that no other parts give the same octets.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static VERIFIED: AtomicUsize = AtomicUsize::new(0);

    /// Takes a signature that is the message backwards.
    #[derive(Debug)]
    struct Backwards;

    impl SignatureVerificationAlgorithm for Backwards {
        fn verify_signature(&self, _: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
            VERIFIED.fetch_add(1, Ordering::Relaxed);
            if message.iter().rev().eq(signature) { Ok(()) } else { Err(InvalidSignature) }
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            AlgorithmIdentifier::from_slice(b"backwards")
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            AlgorithmIdentifier::from_slice(b"backwards")
        }
    }

    #[test]
    fn the_same_is_verified_once_and_another_anew() {
        let algorithm = Remembering(&Backwards);
        let verify = |key: &str, message: &str, signature: &str| {
            algorithm.verify_signature(key.as_bytes(), message.as_bytes(), signature.as_bytes()).is_ok()
        };
        let cases = [
            ("key", "abc", "cba", true),
            ("key", "abc", "abc", false),
            ("ke", "yabc", "cba", false),
            ("keya", "bc", "cb", true),
            ("other", "abc", "cba", true),
        ];
        for (number, (key, message, signature, fits)) in cases.into_iter().enumerate() {
            for _ in 0..3 {
                assert_eq!(verify(key, message, signature), fits, "{number}");
                assert_eq!(VERIFIED.load(Ordering::Relaxed), number + 1);
            }
        }
    }

    #[test]
    fn it_knows_all_algorithms() {
        assert_eq!(ALGORITHMS.len(), webpki::ALL_VERIFICATION_ALGS.len());
        for (ours, theirs) in ALGORITHMS.iter().zip(webpki::ALL_VERIFICATION_ALGS) {
            assert_eq!(ours.signature_alg_id(), theirs.signature_alg_id());
            assert_eq!(ours.public_key_alg_id(), theirs.public_key_alg_id());
        }
    }
}
