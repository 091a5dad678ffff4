//! Small servers on loopback: each takes a port that the system chooses and ends when its [`Port`] is dropped.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::DemoError;

/// An answer.
pub(super) type Reply = Response<Full<Bytes>>;

/// A request body is not read beyond this.
const MAX_BODY: usize = 64 * 1024;

/// A listening port.
pub(super) struct Port {
    pub(super) address: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// An answer from its parts. Header names and values are the demo's own.
pub(super) fn reply(status: u16, headers: &[(&'static str, &'static str)], body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        reply.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    if let Ok(date) = HeaderValue::try_from(date) {
        reply.headers_mut().insert(http::header::DATE, date);
    }
    reply
}

/// The host that a request names, without port.
pub(super) fn host<T>(request: &Request<T>) -> String {
    let named = request.uri().host().map(ToOwned::to_owned);
    let header = || request.headers().get(http::header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let host = named.or_else(header).unwrap_or_default();
    host.split(':').next().unwrap_or_default().to_ascii_lowercase()
}

async fn bind() -> Result<(TcpListener, SocketAddr), DemoError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Takes each connection and hands it to `serve`.
async fn accept<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Result<Port, DemoError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, address) = bind().await?;
    let task = tokio::spawn(async move {
        // The connections end with the listener, so that a dropped world leaves nothing running.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(Port { address, task: Some(task) })
}

/// HTTP/1.1 in clear. A handler that gives no answer closes the connection.
pub(super) async fn http<H, F>(handler: H) -> Result<Port, DemoError>
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Reply>> + Send + 'static,
{
    accept(move |stream| connection(stream, false, handler.clone())).await
}

/// HTTP/1.1 and HTTP/2 over TLS.
pub(super) async fn https<H, F>(tls: Arc<ServerConfig>, handler: H) -> Result<Port, DemoError>
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Reply>> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(tls);
    accept(move |stream| {
        let (acceptor, handler) = (acceptor.clone(), handler.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                connection(stream, h2, handler).await;
            }
        }
    })
    .await
}

async fn connection<H, F>(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, h2: bool, handler: H)
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Reply>> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = handler.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes);
            let answer = handler(Request::from_parts(head, body.unwrap_or_default())).await;
            answer.ok_or_else(|| std::io::Error::other("the demo closes this connection"))
        }
    });
    let io = TokioIo::new(stream);
    // A client that goes away is no concern of the demo.
    if h2 {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
    }
}

/// A port on which nothing listens: it was free a moment ago.
pub(super) async fn refusing() -> Result<Port, DemoError> {
    let (listener, address) = bind().await?;
    drop(listener);
    Ok(Port { address, task: None })
}

/// Takes connections and never says a word.
pub(super) async fn silent() -> Result<Port, DemoError> {
    accept(|stream| async move {
        let _kept_open = stream;
        std::future::pending::<()>().await;
    })
    .await
}

/// Resets each connection once something was sent.
pub(super) async fn resetting() -> Result<Port, DemoError> {
    accept(|mut stream| async move {
        let mut first = [0; 1];
        let _ = stream.read(&mut first).await;
        // Closing with unread octets makes the system send RST instead of FIN.
        drop(stream);
    })
    .await
}

/// A server that knows nothing newer than TLS 1.0: it takes the version from the hello and refuses what is newer only.
pub(super) async fn tls10() -> Result<Port, DemoError> {
    accept(|mut stream| async move {
        let mut hello = [0; 2048];
        let Ok(length) = stream.read(&mut hello).await else { return };
        if length < 11 {
            return;
        }
        let _ = stream.write_all(&server_hello_tls10()).await;
        // The key exchange never comes; a moment later the server gives up, as real ones do.
        let _ = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut hello)).await;
    })
    .await
}

/// ServerHello with version 3.1 and TLS_RSA_WITH_AES_128_CBC_SHA, and ServerHelloDone (RFC 2246 §7.4.1.3, §7.4.5).
fn server_hello_tls10() -> Vec<u8> {
    let mut body = vec![3, 1];
    body.extend_from_slice(&[0x5a; 32]); // random
    body.push(0); // no session id
    body.extend_from_slice(&[0x00, 0x2f, 0x00]); // cipher suite, no compression
    let mut handshake = vec![2, 0, 0, u8::try_from(body.len()).unwrap_or(0)];
    handshake.extend_from_slice(&body);
    handshake.extend_from_slice(&[14, 0, 0, 0]);
    let mut record = vec![22, 3, 1, 0, u8::try_from(handshake.len()).unwrap_or(0)];
    record.extend_from_slice(&handshake);
    record
}
