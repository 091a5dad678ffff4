//! The edge's way to the origin: by SSL mode, over real sockets, with Cloudflare's rules of trust.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::page::Visit;
use super::{DemoError, name_server};
use crate::probe::tls::provider;

/// The edge waits 19 s for a connection and 120 s for an answer in reality (`facts/cloudflare.md` section 6); nobody
/// wants to wait that long here.
const CONNECT_PATIENCE: Duration = Duration::from_millis(400);
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(1);
const ANSWER_PATIENCE: Duration = Duration::from_secs(3);
const MAX_BODY: usize = 1024 * 1024;

/// SSL mode (`facts/cloudflare.md` section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No HTTPS at all: visitors are sent to plain HTTP.
    Off,
    /// Plain HTTP to the origin.
    Flexible,
    /// TLS, any certificate.
    Full,
    /// TLS, verified.
    Strict,
    /// TLS, verified, whatever the visitor speaks.
    OriginPull,
}

impl Mode {
    /// The scheme towards the origin for a visitor's scheme: Full and strict follow it.
    pub(super) fn scheme(self, visitor: &'static str) -> &'static str {
        match self {
            Mode::Off | Mode::Flexible => "http",
            Mode::Full | Mode::Strict => visitor,
            Mode::OriginPull => "https",
        }
    }
}

/// Where the edge finds the origin.
pub(super) struct Places {
    /// Who is asked for the target's address.
    pub(super) resolver: SocketAddr,
    /// The record's target.
    pub(super) target: String,
    /// Where its port 443 is on loopback.
    pub(super) https: SocketAddr,
    /// Where its port 80 is on loopback.
    pub(super) http: SocketAddr,
}

/// One request to the origin.
pub(super) struct Asked<'a> {
    pub(super) scheme: &'static str,
    pub(super) visit: &'a Visit<'a>,
    pub(super) path: &'a str,
    pub(super) method: &'a Method,
    pub(super) body: Bytes,
    pub(super) client: IpAddr,
    pub(super) ray: &'a str,
    /// A header that the zone's Transform Rule adds.
    pub(super) secret: Option<(&'static str, &'static str)>,
}

/// Why the origin brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OriginFault {
    Unresolvable,
    Refused,
    TimedOut,
    Unroutable,
    Handshake,
    Untrusted,
    NoAnswer,
    BadAnswer,
}

impl OriginFault {
    /// HTTP status and Cloudflare's error code.
    pub(super) fn codes(self) -> (u16, u16) {
        match self {
            OriginFault::Unresolvable => (530, 1016),
            OriginFault::BadAnswer => (520, 520),
            OriginFault::Refused => (521, 521),
            OriginFault::TimedOut => (522, 522),
            OriginFault::Unroutable => (523, 523),
            OriginFault::NoAnswer => (524, 524),
            OriginFault::Handshake => (525, 525),
            OriginFault::Untrusted => (526, 526),
        }
    }

    /// The page's title.
    pub(super) fn name(self) -> &'static str {
        match self {
            OriginFault::Unresolvable => "Origin DNS error",
            OriginFault::BadAnswer => "Web server is returning an unknown error",
            OriginFault::Refused => "Web server is down",
            OriginFault::TimedOut => "Connection timed out",
            OriginFault::Unroutable => "Origin is unreachable",
            OriginFault::NoAnswer => "A timeout occurred",
            OriginFault::Handshake => "SSL handshake failed",
            OriginFault::Untrusted => "Invalid SSL certificate",
        }
    }
}

/// What the origin answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The way to one origin.
pub(super) struct Upstream {
    places: Places,
    tls: Arc<ClientConfig>,
}

impl Upstream {
    pub(super) fn new(
        mode: Mode,
        places: Places,
        roots: [CertificateDer<'static>; 2],
        client: Option<Arc<CertifiedKey>>,
    ) -> Result<Upstream, DemoError> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root)?;
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
            .build()
            .map_err(|error| DemoError::Setup(error.to_string()))?;
        let verifier = Arc::new(Trust { inner, mode, target: places.target.clone() });
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut tls = match client {
            // Not applied in Off and Flexible: there is no TLS.
            Some(key) => builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key))),
            None => builder.with_no_client_auth(),
        };
        tls.resumption = rustls::client::Resumption::disabled();
        Ok(Upstream { places, tls: Arc::new(tls) })
    }

    /// One request over a new connection.
    pub(super) async fn fetch(&self, asked: &Asked<'_>) -> Result<Answer, OriginFault> {
        let Places { resolver, target, https, http } = &self.places;
        let addresses = name_server::look_up(*resolver, target).await;
        if addresses.is_empty() {
            return Err(OriginFault::Unresolvable);
        }
        // Whatever the address is, the way leads to loopback.
        let tcp = connect(if asked.scheme == "https" { *https } else { *http }).await?;
        let request = request(asked).map_err(|_| OriginFault::BadAnswer)?;
        if asked.scheme == "http" {
            return exchange(tcp, request).await;
        }
        let name = ServerName::try_from(asked.visit.host.to_owned()).map_err(|_| OriginFault::Handshake)?;
        let handshake = timeout(HANDSHAKE_PATIENCE, TlsConnector::from(self.tls.clone()).connect(name, tcp)).await;
        let stream = handshake.map_err(|_| OriginFault::Handshake)?.map_err(|error| tls_fault(&error))?;
        exchange(stream, request).await
    }
}

/// The visitor's request, with what Cloudflare adds to it (`facts/cloudflare.md` section 2).
fn request(asked: &Asked<'_>) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in asked.visit.headers {
        if !matches!(name.as_str(), "host" | "connection" | "content-length" | "transfer-encoding" | "accept-encoding")
        {
            headers.append(name, value.clone());
        }
    }
    let (scheme, client) = (asked.visit.scheme, asked.client.to_string());
    for (name, value) in [
        ("host", asked.visit.host),
        ("accept-encoding", "gzip, br"),
        ("cdn-loop", "cloudflare"),
        ("cf-connecting-ip", &client),
        ("cf-ray", asked.ray),
        ("cf-visitor", &format!("{{\"scheme\":\"{scheme}\"}}")),
        ("x-forwarded-for", &client),
        ("x-forwarded-proto", scheme),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value)?);
    }
    if let Some((name, value)) = asked.secret {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let mut request = Request::builder().method(asked.method).uri(asked.path).body(Full::new(asked.body.clone()))?;
    *request.headers_mut() = headers;
    Ok(request)
}

async fn connect(to: SocketAddr) -> Result<TcpStream, OriginFault> {
    match timeout(CONNECT_PATIENCE, TcpStream::connect(to)).await {
        Err(_) => Err(OriginFault::TimedOut),
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Err(OriginFault::Refused),
        Ok(Err(_)) => Err(OriginFault::Unroutable),
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, OriginFault> {
    let fault = |error: hyper::Error| {
        // A TLS 1.3 server refuses a missing client certificate only after our side is done.
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(at) = source {
            if let Some(io) = at.downcast_ref::<std::io::Error>()
                && io.get_ref().is_some_and(|inner| inner.is::<Error>())
            {
                return OriginFault::Handshake;
            }
            source = at.source();
        }
        OriginFault::BadAnswer
    };
    let work = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(fault)?;
        let driver = tokio::spawn(connection);
        let answer = sender.send_request(request).await;
        let (head, body) = match answer {
            Ok(answer) => answer.into_parts(),
            Err(error) => {
                driver.abort();
                return Err(fault(error));
            }
        };
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| OriginFault::BadAnswer)?.to_bytes();
        driver.abort();
        let mut headers = head.headers;
        headers.remove(header::CONNECTION);
        headers.remove(header::TRANSFER_ENCODING);
        Ok(Answer { status: head.status, headers, body })
    };
    timeout(ANSWER_PATIENCE, work).await.map_err(|_| OriginFault::NoAnswer)?
}

fn tls_fault(error: &std::io::Error) -> OriginFault {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(_)) => OriginFault::Untrusted,
        _ => OriginFault::Handshake,
    }
}

/// Full takes any certificate; strict wants a public or Origin CA chain, for the requested or the target name
/// (`facts/cloudflare.md` section 4.2).
#[derive(Debug)]
struct Trust {
    inner: Arc<WebPkiServerVerifier>,
    mode: Mode,
    target: String,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        requested: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !matches!(self.mode, Mode::Strict | Mode::OriginPull) {
            return Ok(ServerCertVerified::assertion());
        }
        self.inner.verify_server_cert(leaf, others, requested, ocsp, now).or_else(|error| {
            let target = ServerName::try_from(self.target.clone()).map_err(|_| error.clone())?;
            self.inner.verify_server_cert(leaf, others, &target, ocsp, now).map_err(|_| error)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
