//! Plain clients: HTTP over TCP, and over TLS with or without a client certificate.

use crate::demo::Sight;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::demo::World;
use crate::probe::tls::provider;
use crate::settings::ClientIdentity;

/// What was answered.
#[derive(Debug)]
pub(in crate::demo) struct Answer {
    pub(in crate::demo) status: u16,
    pub(in crate::demo) headers: HeaderMap,
    pub(in crate::demo) body: String,
}

/// Where the world's settings lead for a host and port.
pub(in crate::demo) fn place(world: &World, host: &str, port: u16) -> SocketAddr {
    let settings = world.settings(Sight::BlackBox);
    let rule = settings.connect_to.iter().find(|rule| rule.host.as_deref() == Some(host) && rule.port == Some(port));
    let rule = rule.unwrap_or_else(|| panic!("nothing leads to {host}:{port}"));
    SocketAddr::new(rule.to_host.as_deref().unwrap().parse().unwrap(), rule.to_port.unwrap())
}

/// `GET path` with these header lines; the first may be `:method`.
fn request(host: &str, path: &str, headers: &[(&str, &str)], h2: bool) -> Request<Empty<Bytes>> {
    let uri = if h2 { format!("https://{host}{path}") } else { path.to_owned() };
    let mut request = Request::builder().uri(uri);
    if !h2 {
        request = request.header("host", host);
    }
    for (name, value) in headers {
        request = if *name == ":method" { request.method(*value) } else { request.header(*name, *value) };
    }
    request.body(Empty::new()).unwrap()
}

async fn read(answer: hyper::Response<hyper::body::Incoming>) -> Answer {
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

/// One request in clear text.
pub(in crate::demo) async fn plain(
    to: SocketAddr,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Answer, hyper::Error> {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(read(sender.send_request(request(host, path, headers, false)).await?).await)
}

/// A TLS connection, whatever the certificate.
pub(in crate::demo) async fn shake_hands(
    to: SocketAddr,
    name: &str,
    alpn: &[&str],
    identity: Option<&ClientIdentity>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything));
    let mut config = match identity {
        Some(own) => builder.with_client_auth_cert(own.chain.clone(), own.key.clone_key()).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(to).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let work = TlsConnector::from(Arc::new(config)).connect(name, stream);
    tokio::time::timeout(Duration::from_secs(5), work).await.expect("the world is quick")
}

/// An open HTTP/2 connection to the visitor's name at the edge.
pub(in crate::demo) struct Visitor {
    sender: hyper::client::conn::http2::SendRequest<Empty<Bytes>>,
    host: &'static str,
}

impl Visitor {
    pub(super) async fn of(world: &World) -> Visitor {
        let host = super::super::HOST;
        let stream = shake_hands(place(world, host, 443), host, &["h2"], None).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let io = TokioIo::new(stream);
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        Visitor { sender, host }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.ask(path, &[]).await
    }

    pub(super) async fn ask(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        read(self.sender.send_request(request(self.host, path, headers, true)).await.unwrap()).await
    }
}

/// One HTTP/1.1 request to the origin, with SNI and Host as given.
pub(in crate::demo) async fn at_origin(
    world: &World,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    identity: Option<&ClientIdentity>,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let target = world.target(Sight::BlackBox).origin.unwrap().host;
    let stream = shake_hands(place(world, &target, 443), host, &["http/1.1"], identity).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(read(sender.send_request(request(host, path, headers, false)).await?).await)
}

/// Takes every certificate.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
