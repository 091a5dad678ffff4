//! What rustls asks us about certificates: everything is recorded and nothing refused, except a handshake whose
//! signature does not fit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cfdoctor_checks::evidence::certificate::MAX_CHAIN;
use cfdoctor_checks::evidence::text;
use cfdoctor_checks::evidence::tls::Handshake;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::settings::ClientIdentity;
use crate::shared::Certificates;

/// Records the server's certificates.
#[derive(Debug)]
pub(super) struct Recorder {
    algorithms: WebPkiSupportedAlgorithms,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    ocsp_stapled: bool,
    signature_error: Option<Error>,
}

impl Recorder {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Recorder { algorithms: provider.signature_verification_algorithms, seen: Mutex::default() }
    }

    /// Fills in what the server sent.
    pub(super) fn write_into(&self, handshake: &mut Handshake, certificates: &Certificates) {
        let seen = lock(&self.seen);
        handshake.chain = certificates.read_all(&seen.chain);
        handshake.ocsp_stapled = seen.ocsp_stapled;
    }

    /// Why the signature of the handshake was not accepted, if so.
    pub(super) fn signature_error(&self) -> Option<Error> {
        lock(&self.seen).signature_error.clone()
    }

    fn note(&self, result: Result<HandshakeSignatureValid, Error>) -> Result<HandshakeSignatureValid, Error> {
        if let Err(error) = &result {
            lock(&self.seen).signature_error = Some(error.clone());
        }
        result
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut seen = lock(&self.seen);
        seen.chain = std::iter::once(end_entity)
            .chain(intermediates)
            .take(MAX_CHAIN)
            .map(|der| der.clone().into_owned())
            .collect();
        seen.ocsp_stapled = !ocsp_response.is_empty();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.note(verify_tls12_signature(message, certificate, signed, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.note(verify_tls13_signature(message, certificate, signed, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// How we answered a server that asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// With none.
    Empty,
    /// With that of `--cert`.
    Sent,
}

/// Our client certificate, if there is one to show, and whether it was asked for.
#[derive(Debug)]
pub(super) struct Identity {
    key: Option<Arc<CertifiedKey>>,
    answered: Mutex<Option<Answered>>,
}

impl Identity {
    /// No certificate to show.
    pub(super) fn none() -> Self {
        Identity { key: None, answered: Mutex::default() }
    }

    /// The certificate of `--cert`, and in words why it cannot be used, if so.
    pub(super) fn of(given: &ClientIdentity, provider: &CryptoProvider) -> (Self, Option<String>) {
        match provider.key_provider.load_private_key(given.key.clone_key()) {
            Ok(key) => {
                let key = Some(Arc::new(CertifiedKey::new(given.chain.clone(), key)));
                (Identity { key, answered: Mutex::default() }, None)
            }
            Err(error) => {
                let why = format!("the client certificate was not sent: {}", text::clean(&error.to_string()));
                (Identity::none(), Some(why))
            }
        }
    }

    /// `None`: the server did not ask.
    pub(super) fn answered(&self) -> Option<Answered> {
        *lock(&self.answered)
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        tracing::debug!(acceptable_issuers = issuers.len(), "the server asks for a client certificate");
        // rustls sends nothing when no scheme fits.
        let key = self.key.clone().filter(|key| key.key.choose_scheme(schemes).is_some());
        *lock(&self.answered) = Some(if key.is_some() { Answered::Sent } else { Answered::Empty });
        key
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}

/// The lock, also after another thread's panic: what is recorded stays true.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
