//! The limit engine: just the network steps of a healthy visit on bare tokio and rustls, with no evidence and no
//! judgement. Nothing that takes these steps can be faster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Where the steps lead.
#[derive(Clone)]
pub struct Places {
    pub resolver: SocketAddr,
    pub edge: SocketAddr,
    pub origin: SocketAddr,
    pub host: String,
    pub origin_host: String,
    pub path: String,
}

/// Edge (DNS, TCP, TLS, two answers) and origin (DNS, TCP, TLS, one answer) at once.
pub async fn visit(places: &Places) {
    tokio::join!(leg(places, &places.host, places.edge, 2), leg(places, &places.origin_host, places.origin, 1));
}

async fn leg(places: &Places, name: &str, address: SocketAddr, answers: usize) {
    resolve(places.resolver, name).await;
    let tcp = TcpStream::connect(address).await.expect("the world listens");
    let _ = tcp.set_nodelay(true);
    let server_name = ServerName::try_from(places.host.clone()).expect("a host name");
    let mut tls = TlsConnector::from(config()).connect(server_name, tcp).await.expect("the world speaks TLS");
    for _ in 0..answers {
        let request = format!("GET {} HTTP/1.1\r\nhost: {}\r\naccept: */*\r\n\r\n", places.path, places.host);
        tls.write_all(request.as_bytes()).await.expect("the world reads");
        answer(&mut tls).await;
    }
}

/// Reads one answer with a content length.
async fn answer(stream: &mut (impl AsyncReadExt + Unpin)) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let length = stream.read(&mut buffer).await.expect("the world answers");
        assert!(length > 0, "the world closed early");
        seen.extend_from_slice(&buffer[..length]);
        let Some(end) = seen.windows(4).position(|octets| octets == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
        let body: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
            .expect("the world states its lengths");
        if seen.len() >= end + 4 + body {
            return;
        }
    }
}

async fn resolve(resolver: SocketAddr, name: &str) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let mut question = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).expect("a label is short"));
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(b"\x00\x00\x01\x00\x01");
    let mut answer = [0; 4096];
    // A question is lost where buffers are full.
    loop {
        socket.send_to(&question, resolver).await.expect("the resolver is there");
        if let Ok(received) = timeout(Duration::from_secs(1), socket.recv(&mut answer)).await {
            received.expect("the resolver answers");
            return;
        }
    }
}

fn config() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Anything(provider.clone()));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

#[derive(Debug)]
struct Anything(Arc<rustls::crypto::CryptoProvider>);

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
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
