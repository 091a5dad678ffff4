//! Servers on loopback that misbehave by script.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Between the octets of [`Step::Drip`].
pub(super) const DRIP: Duration = Duration::from_secs(1);
/// Octets that a flood writes at once.
const WAVE: usize = 32 * 1024;
/// A client's HTTP/2 preface.
const PREFACE: usize = 24;
/// The frame type HEADERS.
const HEADERS: u8 = 1;

/// Where all servers of the tests run.
pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// Steps by a request's first line.
pub(crate) type Choice = Arc<dyn Fn(&str) -> Vec<Step> + Send + Sync>;

/// What a server does next. After the last step the first one follows again.
#[derive(Clone)]
pub(crate) enum Step {
    /// Reads a request of HTTP/1, with what its `Content-Length` announces.
    Request,
    /// Reads a TLS record.
    Hello,
    /// Reads the preface and the frames of HTTP/2, to the first request.
    Frames,
    /// Writes.
    Say(Vec<u8>),
    /// Writes what comes of the last request's first line.
    Answer(fn(&str) -> String),
    /// Writes what comes of the last request's whole head.
    Echo(fn(&str) -> String),
    /// Goes on with the steps that come of the last request's first line.
    Choose(Choice),
    /// Writes this until so many octets are written.
    Pour(Vec<u8>, usize),
    /// Writes the same for ever, as fast as it is read.
    Flood(Vec<u8>),
    /// Writes the same for ever, one octet a second.
    Drip(Vec<u8>),
    /// Renews the keys of TLS 1.3 so many times.
    Rekey(u32),
    /// Reads, and says nothing.
    Silence,
    /// Closes in order.
    Close,
    /// Sends RST.
    Reset,
}

/// What lies between TCP and the script.
#[derive(Clone)]
pub(crate) enum Front {
    Raw,
    Tls(Arc<ServerConfig>),
}

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    visits: Arc<AtomicU32>,
    heard: Arc<Mutex<String>>,
}

impl Server {
    /// Follows the script on each connection.
    pub(crate) fn start(front: Front, steps: Vec<Step>) -> Self {
        let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server { port, visits: Arc::default(), heard: Arc::default() };
        let (visits, heard) = (server.visits.clone(), server.heard.clone());
        RUNTIME.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                visits.fetch_add(1, Ordering::SeqCst);
                let (front, steps, heard) = (front.clone(), steps.clone(), heard.clone());
                tokio::spawn(async move {
                    let io = match front {
                        Front::Raw => Io::Raw(stream),
                        Front::Tls(config) => match TlsAcceptor::from(config).accept(stream).await {
                            Ok(stream) => Io::Tls(Box::new(stream)),
                            Err(_) => return,
                        },
                    };
                    let _ = Talk { io, heard, line: String::new(), head: String::new() }.follow(&steps).await;
                });
            }
        });
        server
    }

    /// A port where nobody listens.
    pub(crate) fn closed_port() -> u16 {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    /// Connections so far.
    pub(super) fn visits(&self) -> u32 {
        self.visits.load(Ordering::SeqCst)
    }

    /// Every request of HTTP/1 so far.
    pub(super) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

enum Io {
    Raw(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

impl Io {
    fn duplex(&mut self) -> &mut dyn Duplex {
        match self {
            Io::Raw(stream) => stream,
            Io::Tls(stream) => stream,
        }
    }

    async fn say(&mut self, octets: &[u8]) -> io::Result<()> {
        self.duplex().write_all(octets).await?;
        self.duplex().flush().await
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Io::Raw(stream) => stream,
            Io::Tls(stream) => stream.get_ref().0,
        }
    }
}

struct Talk {
    io: Io,
    heard: Arc<Mutex<String>>,
    /// The last request's first line.
    line: String,
    /// The last request.
    head: String,
}

impl Talk {
    /// Ends with an error when the other side is gone.
    async fn follow(&mut self, steps: &[Step]) -> io::Result<()> {
        loop {
            let mut rest: VecDeque<Step> = steps.iter().cloned().collect();
            while let Some(step) = rest.pop_front() {
                match step {
                    Step::Request => self.request().await?,
                    Step::Hello => {
                        let length = self.number(5, 3).await?;
                        self.skip(length).await?;
                    }
                    Step::Frames => self.frames().await?,
                    Step::Choose(of) => {
                        for step in of(&self.line).into_iter().rev() {
                            rest.push_front(step);
                        }
                    }
                    Step::Say(octets) => self.io.say(&octets).await?,
                    Step::Pour(piece, octets) => {
                        let wave = piece.repeat(WAVE.div_ceil(piece.len()));
                        for _ in 0..octets / wave.len() {
                            self.io.say(&wave).await?;
                        }
                        self.io.say(&piece.repeat(octets % wave.len() / piece.len())).await?;
                    }
                    Step::Answer(of) => self.io.say(of(&self.line).as_bytes()).await?,
                    Step::Echo(of) => self.io.say(of(&self.head).as_bytes()).await?,
                    Step::Flood(piece) => {
                        let wave = piece.repeat(WAVE.div_ceil(piece.len()));
                        loop {
                            self.io.say(&wave).await?;
                        }
                    }
                    Step::Drip(piece) => {
                        for octet in piece.iter().cycle() {
                            self.io.say(&[*octet]).await?;
                            tokio::time::sleep(DRIP).await;
                        }
                    }
                    Step::Rekey(times) => {
                        for _ in 0..times {
                            if let Io::Tls(stream) = &mut self.io {
                                stream.get_mut().1.refresh_traffic_keys().map_err(io::Error::other)?;
                            }
                            self.io.say(b"").await?;
                        }
                    }
                    Step::Silence => loop {
                        self.io.duplex().read_u8().await?;
                    },
                    Step::Close => return self.io.duplex().shutdown().await,
                    Step::Reset => return self.io.tcp().set_zero_linger(),
                }
            }
        }
    }

    async fn request(&mut self) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.io.duplex().read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        self.skip(length.unwrap_or_default()).await?;
        self.line = head.lines().next().unwrap_or_default().to_owned();
        self.heard.lock().unwrap().push_str(&head);
        self.head = head;
        Ok(())
    }

    async fn frames(&mut self) -> io::Result<()> {
        self.skip(PREFACE).await?;
        loop {
            let mut head = [0; 9];
            self.io.duplex().read_exact(&mut head).await?;
            self.skip(usize::from(head[1]) << 8 | usize::from(head[2])).await?;
            if head[3] == HEADERS {
                return Ok(());
            }
        }
    }

    /// Reads a head of `length` octets and gives the 16-bit number `at` that place in it.
    async fn number(&mut self, length: usize, at: usize) -> io::Result<usize> {
        let mut head = vec![0; length];
        self.io.duplex().read_exact(&mut head).await?;
        Ok(usize::from(head[at]) << 8 | usize::from(head[at + 1]))
    }

    async fn skip(&mut self, octets: usize) -> io::Result<()> {
        self.io.duplex().read_exact(&mut vec![0; octets]).await.map(|_| ())
    }
}
