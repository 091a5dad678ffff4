//! Servers and certificates to look at.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use cfdoctor_checks::evidence::tls::Handshake;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::super::{TlsIo, Wanted, handshake, provider};
use crate::probe::budget::Budget;
use crate::probe::dial::Route;
use crate::settings::Settings;

pub(super) const HOST: &str = "www.example.com";

/// A certificate authority with one leaf.
pub(super) struct Issued {
    pub(super) authority: CertificateDer<'static>,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: KeyPair,
}

impl Issued {
    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
}

pub(super) fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params
}

/// A leaf for `leaf`'s names, with its issuer in the chain.
pub(super) fn issue(leaf: &CertificateParams) -> Issued {
    let mut authority = params("Example Authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap().der().clone();
    let key = KeyPair::generate().unwrap();
    let der = leaf.signed_by(&key, &Issuer::from_params(&authority, &authority_key)).unwrap().der().clone();
    Issued { authority: root.clone(), chain: vec![der, root], key }
}

pub(super) fn self_signed(leaf: &CertificateParams) -> Issued {
    let key = KeyPair::generate().unwrap();
    let der = leaf.self_signed(&key).unwrap().der().clone();
    Issued { authority: der.clone(), chain: vec![der], key }
}

/// Whether a server wants to see the client's certificate.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Clients<'a> {
    Any,
    Asked(&'a Issued),
    Required(&'a Issued),
}

impl PartialEq for Issued {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

pub(super) fn server_config(
    issued: &Issued,
    versions: &[&'static SupportedProtocolVersion],
    clients: Clients<'_>,
) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions).unwrap();
    let verifier = |trusted: &Issued| {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.authority.clone()).unwrap();
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
    };
    let builder = match clients {
        Clients::Any => builder.with_no_client_auth(),
        Clients::Asked(trusted) => {
            builder.with_client_cert_verifier(verifier(trusted).allow_unauthenticated().build().unwrap())
        }
        Clients::Required(trusted) => builder.with_client_cert_verifier(verifier(trusted).build().unwrap()),
    };
    builder.with_single_cert_with_ocsp(issued.chain.clone(), issued.key(), b"stapled".to_vec()).unwrap()
}

/// Answers every request with `200`, over TLS; gives the port.
pub(super) async fn serve_tls(config: ServerConfig) -> u16 {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut request = [0; 1024];
            if stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                let _ = stream.read(&mut request).await;
            }
        }
    })
    .await
}

/// Gives every connection to `talk`; gives the port.
pub(super) async fn serve<F: Future<Output = ()> + Send + 'static>(
    talk: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream));
        }
    });
    port
}

/// Reads the hello, says `words`, and closes.
pub(super) async fn serve_words(words: &'static [u8]) -> u16 {
    serve(move |mut stream| async move {
        hear_hello(&mut stream).await;
        let _ = stream.write_all(words).await;
        let _ = stream.shutdown().await;
    })
    .await
}

/// Reads all of the ClientHello: an unread rest would turn closing into a reset.
pub(super) async fn hear_hello(stream: &mut TcpStream) {
    let mut head = [0; 5];
    if stream.read_exact(&mut head).await.is_ok() {
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        let _ = stream.read_exact(&mut body).await;
    }
}

pub(super) fn route(port: u16) -> Route {
    Route { peer: HOST.into(), port, addresses: vec![Ipv4Addr::LOCALHOST.into()], no_address: None, patience: None }
}

pub(super) fn budget() -> Budget {
    Budget::quiet(Duration::from_secs(20))
}

pub(super) const WANTED: Wanted<'static> =
    Wanted { server_name: HOST, alpn: &[b"h2", b"http/1.1"], client_identity: false };

/// Short waits, no second tries.
pub(super) fn settings() -> Settings {
    Settings { connect_timeout: Duration::from_secs(5), retries: 0, ..Settings::default() }
}

pub(super) async fn look(port: u16) -> (Handshake, Option<TlsIo>) {
    handshake(&route(port), &WANTED, &settings(), &budget()).await
}

/// Sends a request and reads to the end.
pub(super) async fn ask(io: &mut TlsIo) -> Vec<u8> {
    let _ = io.write_all(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n").await;
    let mut answer = vec![0; 1024];
    let length = io.read(&mut answer).await.unwrap_or_default();
    answer.truncate(length);
    answer
}
