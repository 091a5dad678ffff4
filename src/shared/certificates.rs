//! Certificates that were read a moment ago: many hosts share their intermediates, those of one zone their own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cfdoctor_checks::evidence::tls::Certificate;
use rustls_pki_types::CertificateDer;

/// Certificates that are remembered.
const MOST: usize = 256;
/// Octets of one that is: with [`MOST`] and what is read from it, a few megabytes.
const MOST_OCTETS: usize = 4096;

/// What certificates say, by their DER.
#[derive(Default)]
pub struct Certificates(Mutex<HashMap<Arc<[u8]>, Arc<Certificate>>>);

impl Certificates {
    /// What it says: [`Certificate::parse`], remembered.
    pub(crate) fn read(&self, der: &[u8]) -> Certificate {
        if der.len() > MOST_OCTETS {
            return Certificate::parse(der);
        }
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(der).cloned();
        if let Some(known) = known {
            return Certificate::clone(&known);
        }
        let certificate = Certificate::parse(der);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(der.into(), Arc::new(certificate.clone()));
        certificate
    }

    /// [`Certificates::read`] of a chain.
    pub(crate) fn read_all(&self, chain: &[CertificateDer<'_>]) -> Vec<Certificate> {
        chain.iter().map(|der| self.read(der)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(certificates: &Certificates) -> usize {
        certificates.0.lock().unwrap().len()
    }

    #[test]
    fn what_is_remembered_is_what_is_read() {
        let certificates = Certificates::default();
        let made = rcgen::generate_simple_self_signed(vec!["example.com".to_owned()]).unwrap();
        let large = vec![0x30; MOST_OCTETS + 1];
        for der in [made.cert.der(), &b"no certificate"[..], &[], &large] {
            for _ in 0..2 {
                assert_eq!(certificates.read(der), Certificate::parse(der));
            }
        }
        assert_eq!(known(&certificates), 3, "what is too large is read each time");
        for number in 0..2 * MOST {
            certificates.read(&number.to_be_bytes());
            assert!(known(&certificates) <= MOST);
        }
    }
}
