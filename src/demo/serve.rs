//! Small servers on loopback: each takes a port that the system chooses and ends when its [`Port`] is dropped.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::server::Acceptor;
use rustls::{ProtocolVersion, ServerConfig};
use rustls_pki_types::CertificateDer;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::LazyConfigAcceptor;

use super::DemoError;
use super::old_tls::{self, Version};
use crate::probe::dial::BoxedIo;

/// An answer.
pub(super) type Reply = Response<Full<Bytes>>;

/// A request body is not read beyond this.
const MAX_BODY: usize = 64 * 1024;

/// A listening port.
pub(super) struct Port {
    pub(super) address: SocketAddr,
    task: Option<JoinHandle<()>>,
    _held: Held,
}

/// What keeps a port as it is.
enum Held {
    Nothing,
    /// Bound and not listening: connections are refused, and nobody else gets the port.
    Bound(#[allow(dead_code, reason = "held, not used")] TcpSocket),
    /// Listening with a full queue: further connections hang.
    Full(#[allow(dead_code, reason = "held, not used")] Box<(TcpListener, Vec<TcpStream>)>),
}

/// The connection that a request came over; handlers find it among the request's extensions.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// Connections of one port are numbered from 0.
    pub(super) connection: u64,
    /// The client.
    pub(super) address: IpAddr,
    /// TLS, if any.
    pub(super) tls: Option<Secured>,
}

/// What TLS told about a connection.
#[derive(Clone, Debug)]
pub(super) struct Secured {
    pub(super) version: Option<ProtocolVersion>,
    pub(super) server_name: Option<String>,
    /// The client's certificates, leaf first; empty: none were sent.
    pub(super) client: Vec<CertificateDer<'static>>,
}

/// Chooses the configuration by the name that the client asks for; `None`: a handshake failure.
pub(super) type Choose = dyn Fn(Option<&str>) -> Option<Arc<ServerConfig>> + Send + Sync;

/// The TLS side of a port.
pub(super) struct TlsDoor {
    pub(super) choose: Box<Choose>,
    /// Hellos that end before TLS 1.2 are answered with this chain; without one they are refused.
    pub(super) old: Option<Vec<CertificateDer<'static>>>,
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

/// What happens at a connection.
type Serve = Box<dyn Fn(TcpStream, Peer) -> BoxFuture<'static, ()> + Send + Sync>;
/// What a port answers. Boxed, as one HTTP server for all ports is some hundred kilobytes less of program.
type Handler = Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Option<Reply>> + Send + Sync>;

/// Takes each connection and hands it to `serve`.
async fn accept<F>(serve: impl Fn(TcpStream, Peer) -> F + Send + Sync + 'static) -> Result<Port, DemoError>
where
    F: Future<Output = ()> + Send + 'static,
{
    accept_boxed(Box::new(move |stream, peer| serve(stream, peer).boxed())).await
}

async fn accept_boxed(serve: Serve) -> Result<Port, DemoError> {
    let (listener, address) = bind().await?;
    let task = tokio::spawn(async move {
        // The connections end with the listener, so that a dropped world leaves nothing running.
        let mut connections = tokio::task::JoinSet::new();
        let mut number = 0;
        loop {
            match listener.accept().await {
                Ok((stream, client)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream, Peer { connection: number, address: client.ip(), tls: None }));
                    number += 1;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(Port { address, task: Some(task), _held: Held::Nothing })
}

/// HTTP/1.1 in clear. A handler that gives no answer closes the connection.
pub(super) async fn http<H, F>(handler: H) -> Result<Port, DemoError>
where
    H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    F: Future<Output = Option<Reply>> + Send + 'static,
{
    let handler: Handler = Arc::new(move |request| handler(request).boxed());
    accept(move |stream, peer| connection(Box::new(stream), peer, false, handler.clone())).await
}

/// HTTP/1.1 and HTTP/2 over TLS.
pub(super) async fn https<H, F>(door: Arc<TlsDoor>, handler: H) -> Result<Port, DemoError>
where
    H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    F: Future<Output = Option<Reply>> + Send + 'static,
{
    let handler: Handler = Arc::new(move |request| handler(request).boxed());
    accept(move |stream, peer| secured(door.clone(), stream, peer, handler.clone())).await
}

async fn secured(door: Arc<TlsDoor>, stream: TcpStream, mut peer: Peer, handler: Handler) {
    // rustls refuses such hellos too, but for want of an extension, which is not what servers say.
    if let Some(offered) = old_tls::newest_offered(&stream).await
        && offered < old_tls::TLS12
    {
        return match &door.old {
            Some(chain) => old_tls::answer(stream, offered, chain).await,
            None => old_tls::refuse(stream, old_tls::PROTOCOL_VERSION).await,
        };
    }
    let Ok(start) = LazyConfigAcceptor::new(Acceptor::default(), stream).await else { return };
    let server_name = start.client_hello().server_name().map(str::to_ascii_lowercase);
    let Some(config) = (door.choose)(server_name.as_deref()) else {
        return old_tls::refuse(start.io, old_tls::HANDSHAKE_FAILURE).await;
    };
    let Ok(stream) = start.into_stream(config).await else { return };
    let session = stream.get_ref().1;
    let h2 = session.alpn_protocol() == Some(b"h2");
    peer.tls = Some(Secured {
        version: session.protocol_version(),
        server_name,
        client: session.peer_certificates().unwrap_or_default().iter().map(|c| c.clone().into_owned()).collect(),
    });
    connection(Box::new(stream), peer, h2, handler).await;
}

async fn connection(stream: BoxedIo, peer: Peer, h2: bool, handler: Handler) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, peer) = (handler.clone(), peer.clone());
        async move {
            let (mut head, body) = request.into_parts();
            head.extensions.insert(peer);
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

/// A port on which nothing listens.
pub(super) fn refusing() -> Result<Port, DemoError> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    Ok(Port { address: socket.local_addr()?, task: None, _held: Held::Bound(socket) })
}

/// A port at which a connection hangs: its queue is full, so that the system drops every further SYN.
pub(super) async fn hanging() -> Result<Port, DemoError> {
    const MOST: usize = 64;
    const STUCK: Duration = Duration::from_millis(30);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(1)?;
    let address = listener.local_addr()?;
    let mut queue = Vec::new();
    while queue.len() < MOST {
        match tokio::time::timeout(STUCK, TcpStream::connect(address)).await {
            Ok(stream) => queue.push(stream?),
            Err(_) => return Ok(Port { address, task: None, _held: Held::Full(Box::new((listener, queue))) }),
        }
    }
    Err(DemoError::Setup("this system does not let a connection hang on loopback".into()))
}

/// An address to which no TCP connection has a route: the broadcast address of loopback.
pub(super) fn unroutable() -> Port {
    Port { address: SocketAddr::from(([127, 255, 255, 255], 443)), task: None, _held: Held::Nothing }
}

/// Takes connections and never says a word.
pub(super) async fn silent() -> Result<Port, DemoError> {
    accept(|stream, _| async move {
        let _kept_open = stream;
        std::future::pending::<()>().await;
    })
    .await
}

/// Resets each connection once something was sent.
pub(super) async fn resetting() -> Result<Port, DemoError> {
    accept(|mut stream, _| async move {
        let mut first = [0; 1];
        let _ = stream.read(&mut first).await;
        // Closing with unread octets makes the system send RST instead of FIN.
        drop(stream);
    })
    .await
}

/// Refuses every hello.
pub(super) async fn refusing_tls() -> Result<Port, DemoError> {
    accept(|stream, _| async move {
        if old_tls::newest_offered(&stream).await.is_some() {
            old_tls::refuse(stream, old_tls::HANDSHAKE_FAILURE).await;
        }
    })
    .await
}

/// A server that knows nothing newer than `newest`.
pub(super) async fn old(newest: Version, chain: Vec<CertificateDer<'static>>) -> Result<Port, DemoError> {
    let chain = Arc::new(chain);
    accept(move |stream, _| {
        let chain = chain.clone();
        async move { old_tls::answer(stream, newest, &chain).await }
    })
    .await
}
