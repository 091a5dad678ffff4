//! Certificates that a terminal, a parser or a store would rather not meet.

use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::script::Front;

/// The name that is asked for.
const HOST: &str = "lambda.example.com";

static EVERYDAY: LazyLock<rcgen::Certificate> =
    LazyLock::new(|| named(&[HOST.into()]).self_signed(&leaf_key()).unwrap());

/// TLS with an everyday certificate, for HTTP/1.
pub(super) fn plain_tls() -> Front {
    static CONFIG: LazyLock<Arc<ServerConfig>> =
        LazyLock::new(|| config(vec![EVERYDAY.der().clone()], &leaf_key(), &[b"http/1.1"]));
    Front::Tls(CONFIG.clone())
}

/// The certificate of [`plain_tls`], for `--cacert`.
pub(super) fn plain_pem() -> String {
    EVERYDAY.pem()
}

/// TLS with an everyday certificate, for HTTP/2.
pub(super) fn h2_tls() -> Front {
    static CONFIG: LazyLock<Arc<ServerConfig>> =
        LazyLock::new(|| config(vec![leaf(&named(&[HOST.into()]))], &leaf_key(), &[b"h2"]));
    Front::Tls(CONFIG.clone())
}

/// TLS for `localhost` with HTTP/2, and the certificate that a client has to trust, as PEM.
pub(super) fn localhost_h2() -> (Front, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    (Front::Tls(config(vec![made.cert.der().clone()], &made.signing_key, &[b"h2"])), made.cert.pem())
}

/// TLS with this chain; its first certificate is for [`leaf_key`].
pub(super) fn tls(chain: Vec<CertificateDer<'static>>) -> Front {
    Front::Tls(config(chain, &leaf_key(), &[b"http/1.1"]))
}

/// One key for all: only what is around it is hostile.
fn leaf_key() -> KeyPair {
    static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| KeyPair::generate().unwrap().serialize_der());
    KeyPair::try_from(KEY.clone()).unwrap()
}

fn named(names: &[String]) -> CertificateParams {
    let mut params = CertificateParams::new(names.to_vec()).unwrap();
    params.distinguished_name = subject(HOST);
    params
}

fn subject(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn leaf(params: &CertificateParams) -> CertificateDer<'static> {
    params.self_signed(&leaf_key()).unwrap().der().clone()
}

/// A certificate for so many names.
pub(super) fn with_names(count: usize) -> Vec<CertificateDer<'static>> {
    vec![leaf(&named(&(0..count).map(|n| format!("n{n}.example.com")).collect::<Vec<_>>()))]
}

/// A certificate for one name of DNS, of these characters.
pub(super) fn with_name(name: &str) -> Vec<CertificateDer<'static>> {
    vec![leaf(&named(&[name.into()]))]
}

/// A certificate whose subject is this, everywhere in it.
pub(super) fn with_subject(text: &str) -> Vec<CertificateDer<'static>> {
    let mut params = named(&[HOST.into()]);
    for part in [DnType::CommonName, DnType::OrganizationName, DnType::OrganizationalUnitName, DnType::LocalityName] {
        params.distinguished_name.push(part, text);
    }
    vec![leaf(&params)]
}

/// A certificate of these years.
pub(super) fn with_years(from: i32, to: i32) -> Vec<CertificateDer<'static>> {
    let mut params = named(&[HOST.into()]);
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 12, 31);
    vec![leaf(&params)]
}

/// A leaf, and so many authorities one above the other.
pub(super) fn long_chain(count: usize) -> Vec<CertificateDer<'static>> {
    let mut above: Option<Issuer<'static, KeyPair>> = None;
    let mut chain = Vec::new();
    for number in 0..count {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&format!("Authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let made = match &above {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        chain.push(made.unwrap().der().clone());
        above = Some(Issuer::new(params, key));
    }
    chain.push(named(&[HOST.into()]).signed_by(&leaf_key(), &above.unwrap()).unwrap().der().clone());
    chain.reverse();
    chain
}

/// A sound leaf, and after it what is none.
pub(super) fn followed_by(rest: Vec<Vec<u8>>) -> Vec<CertificateDer<'static>> {
    let mut chain = vec![leaf(&named(&[HOST.into()]))];
    chain.extend(rest.into_iter().map(CertificateDer::from));
    chain
}

/// TLS with a sound certificate, and with the key of another.
pub(super) fn wrong_key() -> Front {
    Front::Tls(config(followed_by(vec![]), &KeyPair::generate().unwrap(), &[b"http/1.1"]))
}

/// A server that sends this chain, whatever it is.
pub(crate) fn config(chain: Vec<CertificateDer<'static>>, key: &KeyPair, alpn: &[&[u8]]) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let key = provider.key_provider.load_private_key(PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(Arc::new(CertifiedKey::new(chain, key)))));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}
