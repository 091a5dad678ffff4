//! Servers on loopback for tests: scripted ones that may say anything.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cfdoctor_checks::evidence::tls::{Der, TrustInputs};
use http_body_util::Full;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Connection;
use crate::probe::budget::Budget;
use crate::settings::Settings;

/// A server, with what reached it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    log: Log,
}

/// What reached a server.
#[derive(Clone, Default)]
pub(crate) struct Log {
    connections: Arc<AtomicU32>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub(crate) fn note(&self, head: String) {
        self.heads.lock().unwrap().push(head);
    }
}

impl Server {
    pub(crate) fn connections(&self) -> u32 {
        self.log.connections.load(Ordering::Relaxed)
    }

    /// Every request head, whole.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.log.heads.lock().unwrap().clone()
    }
}

/// Serves every connection with `handle`.
pub(crate) async fn serve<F, Fut>(handle: F) -> Server
where
    F: Fn(TcpStream, Log) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server { address: listener.local_addr().unwrap(), log: Log::default() };
    let log = server.log.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            log.connections.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(handle(stream, log.clone()));
        }
    });
    server
}

/// Reads one HTTP/1 request head; `None`: the client is gone.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Answers request after request with `answers`; keeps the connection open, silently, after the last one if `hold`.
pub(crate) async fn speak(mut stream: impl AsyncRead + AsyncWrite + Unpin, log: &Log, answers: &[Vec<u8>], hold: bool) {
    for answer in answers {
        let Some(head) = read_head(&mut stream).await else { return };
        log.note(head);
        if stream.write_all(answer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
    if hold {
        let _ = stream.read_u8().await;
    }
    let _ = stream.shutdown().await;
}

/// A server whose every connection gets the same answers.
pub(crate) async fn scripted(answers: Vec<Vec<u8>>, hold: bool) -> Server {
    let answers = Arc::new(answers);
    serve(move |stream, log| {
        let answers = answers.clone();
        async move { speak(stream, &log, &answers, hold).await }
    })
    .await
}

/// Short waits.
pub(crate) fn settings() -> Settings {
    Settings {
        timeout: Duration::from_millis(700),
        connect_timeout: Duration::from_millis(700),
        trust: TrustInputs { extra_roots: vec![Der(OWN.0.to_vec())], origin_ca: None },
        ..Settings::default()
    }
}

/// The certificate of [`tls`], which [`settings`] trust, and its key.
static OWN: LazyLock<(CertificateDer<'static>, Vec<u8>)> = LazyLock::new(|| {
    let certified = rcgen::generate_simple_self_signed(vec!["site.test".to_owned()]).unwrap();
    (certified.cert.der().clone(), certified.signing_key.serialize_der())
});

/// A connection in clear text.
pub(crate) async fn connect(server: &Server, h2: bool, budget: &Budget) -> Connection {
    let stream = TcpStream::connect(server.address).await.unwrap();
    Connection::over(Box::new(stream), h2, budget, &settings()).await.unwrap()
}

/// A TLS configuration with our own certificate for `site.test`; `wants_client`: refuses who shows none.
pub(crate) fn tls(alpn: &[&str], wants_client: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (certificate, key) = (OWN.0.clone(), PrivateKeyDer::Pkcs8(OWN.1.clone().into()));
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// A request as a sound server saw it: its first line and its header lines.
fn seen<B>(request: &Request<B>) -> String {
    let host = request.uri().authority().map(|a| format!("\n:authority: {a}")).unwrap_or_default();
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let lines: String =
        request.headers().iter().map(|(name, value)| format!("\n{name}: {}", value.to_str().unwrap())).collect();
    format!("{} {path}{host}{lines}", request.method())
}

/// What a [`site`] says to a path: status, header lines, body.
pub(crate) type Said = (u16, Vec<(&'static str, String)>, &'static str);

/// A sound server: over TLS where `acceptor` is given, HTTP/2 where agreed.
pub(crate) async fn site(
    acceptor: Option<TlsAcceptor>,
    says: impl Fn(&str) -> Said + Send + Sync + Clone + 'static,
) -> Server {
    serve(move |stream, log| {
        let (acceptor, says) = (acceptor.clone(), says.clone());
        async move {
            let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                log.note(seen(&request));
                let (status, lines, body) = says(request.uri().path_and_query().map_or("/", |path| path.as_str()));
                let mut answer = Response::builder().status(status);
                for (name, value) in lines {
                    answer = answer.header(name, value);
                }
                let answer = answer.body(Full::new(Bytes::from_static(body.as_bytes())));
                async move { answer }
            });
            let Some(acceptor) = acceptor else {
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                return;
            };
            let Ok(stream) = acceptor.accept(stream).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            } else {
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        }
    })
    .await
}

/// A relay to `server` over which every octet takes half of `round_trip`.
pub(crate) async fn delayed(server: &Server, round_trip: Duration) -> Server {
    let there = server.address;
    serve(move |near, _| async move {
        let far = TcpStream::connect(there).await.unwrap();
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::join!(carry(near_in, far_out, round_trip / 2), carry(far_in, near_out, round_trip / 2));
    })
    .await
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, pause: Duration) {
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    let reading = async {
        let mut octets = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut octets).await {
            let _ = send.send((tokio::time::Instant::now() + pause, octets[..read].to_vec()));
        }
        drop(send);
    };
    let writing = async {
        while let Some((due, octets)) = receive.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&octets).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
