//! Name servers and how they are spoken to: one question, one answer, over UDP, TCP, TLS or HTTPS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cfdoctor_checks::evidence::dns::Lookup;
use futures_util::future::{Either, select};
use hickory_net::NetError;
use hickory_net::h2::HttpsClientStream;
use hickory_net::runtime::{RuntimeProvider, Spawn, TokioRuntimeProvider};
use hickory_net::tcp::TcpClientStream;
use hickory_net::tls::tls_client_connect;
use hickory_net::xfer::{DnsExchange, DnsHandle, DnsMultiplexer, FirstAnswer};
use hickory_proto::op::{Message, ResponseCode};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::sync::Mutex;

use super::datagrams::Datagrams;
use super::message::{Question, rcode, unanswered};
use super::names::Names;
use crate::probe::budget::Budget;
use crate::shared::is_shortage;

/// A name server.
#[derive(Clone)]
pub(super) struct Server {
    address: SocketAddr,
    label: String,
    transport: Transport,
}

#[derive(Clone)]
enum Transport {
    /// The visit's socket.
    Udp,
    /// One connection for all questions, opened by the first.
    Stream(Arc<Connection>),
}

struct Connection {
    kind: Stream,
    /// Owns the tasks that drive the connection, and ends them when dropped.
    provider: TokioRuntimeProvider,
    open: Mutex<Option<DnsExchange<TokioRuntimeProvider>>>,
}

/// What is spoken over a connection.
pub(super) enum Stream {
    /// DNS over TCP.
    Tcp,
    /// DNS over TLS.
    Tls(ServerName<'static>, Arc<ClientConfig>),
    /// DNS over HTTPS: host, path.
    Https(Arc<str>, Arc<str>, Arc<ClientConfig>),
}

impl Server {
    /// A server that is asked over UDP, and over TCP where its answer is cut.
    pub(super) fn udp(address: SocketAddr) -> Self {
        let label = if address.port() == 53 { address.ip().to_string() } else { address.to_string() };
        Server { address, label, transport: Transport::Udp }
    }

    /// A server that is asked over one connection.
    pub(super) fn stream(address: SocketAddr, label: String, kind: Stream) -> Self {
        let connection = Connection { kind, provider: TokioRuntimeProvider::new(), open: Mutex::new(None) };
        Server { address, label, transport: Transport::Stream(Arc::new(connection)) }
    }

    /// One question; cut answers are asked for again over TCP, and servers that stumble over EDNS again without it
    /// (RFC 6891 §7).
    async fn ask(&self, question: &Question, panel: &Panel) -> Result<Message, Lookup> {
        let mut answer = self.exchange(question, true, panel).await?;
        if matches!(rcode(&answer), ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS) {
            answer = self.exchange(question, false, panel).await?;
        }
        if answer.metadata.truncation && matches!(self.transport, Transport::Udp) {
            let whole = Server::stream(self.address, self.label.clone(), Stream::Tcp);
            answer = Box::pin(whole.exchange(question, true, panel)).await.map_err(|lookup| match lookup {
                Lookup::Unreachable { why } => {
                    Lookup::Unreachable { why: format!("the answer was cut, and over TCP: {why}") }
                }
                other => other,
            })?;
        }
        // What is missing from half an answer is not absent.
        if answer.metadata.truncation {
            return Err(Lookup::Unreachable { why: "the answer was cut, over TCP too".into() });
        }
        Ok(answer)
    }

    async fn exchange(&self, question: &Question, edns: bool, panel: &Panel) -> Result<Message, Lookup> {
        panel.budget.count_query();
        let answer = match &self.transport {
            Transport::Udp => panel.datagrams.exchange(self.address, question, edns).await,
            // On the heap: TLS and HTTPS are large, and most questions go over UDP.
            Transport::Stream(connection) => {
                Box::pin(connection.exchange(self.address, question, edns, panel.step)).await
            }
        };
        let answer = answer.map_err(|error| {
            if matches!(&error, NetError::Io(io) if is_shortage(io)) {
                panel.budget.note_shortage();
            }
            unanswered(&error)
        })?;
        if question.matches(&answer) {
            Ok(answer)
        } else {
            Err(Lookup::Unreachable { why: "the server answered another question".into() })
        }
    }
}

impl Connection {
    async fn exchange(
        &self,
        address: SocketAddr,
        question: &Question,
        edns: bool,
        step: Duration,
    ) -> Result<Message, NetError> {
        let open = self.get(address, step).await?;
        let answer = open.send(question.request(edns)).first_answer().await;
        if answer.is_err() {
            *self.open.lock().await = None;
        }
        Ok(answer?.into_message())
    }

    async fn get(&self, address: SocketAddr, step: Duration) -> Result<DnsExchange<TokioRuntimeProvider>, NetError> {
        let mut open = self.open.lock().await;
        if let Some(exchange) = open.as_ref() {
            return Ok(exchange.clone());
        }
        let provider = self.provider.clone();
        let exchange = match &self.kind {
            Stream::Tcp => TcpClientStream::exchange(address, None, step, None, provider).await?,
            Stream::Tls(name, config) => {
                // Not `tls_exchange`: it leaves SNI out, and some servers choose their certificate by it.
                let (stream, handle) = tls_client_connect(address, name.clone(), config.clone(), provider.clone());
                let multiplexer = DnsMultiplexer::new(stream.await?, handle).with_timeout(step);
                let (exchange, background) = DnsExchange::from_stream(multiplexer);
                provider.create_handle().spawn_bg(background);
                exchange
            }
            Stream::Https(host, path, config) => {
                let mut builder = HttpsClientStream::builder(config.clone(), provider);
                builder.request_timeout(step);
                builder.exchange(address, host.clone(), path.clone()).await?
            }
        };
        *open = Some(exchange.clone());
        Ok(exchange)
    }
}

/// Servers that stand in for each other: when one is silent, the next is asked.
pub(super) struct Panel {
    servers: Vec<Server>,
    /// Why there is none, if there is none.
    trouble: String,
    /// The one that answered last.
    preferred: AtomicUsize,
    step: Duration,
    budget: Budget,
    /// The visit's sockets.
    datagrams: Arc<Datagrams>,
    /// What other visits know, and under which name they know these servers.
    names: Option<(Arc<Names>, Arc<str>)>,
}

impl Panel {
    /// `step`: the time for one question, all tries together.
    pub(super) fn new(servers: Vec<Server>, step: Duration, budget: &Budget) -> Self {
        Panel {
            servers,
            trouble: "there is no name server to ask".into(),
            preferred: AtomicUsize::new(0),
            step,
            budget: budget.clone(),
            datagrams: Arc::default(),
            names: None,
        }
    }

    /// Answers that are the same for many hosts are shared with other visits that ask these servers.
    pub(super) fn sharing(self, names: &Arc<Names>) -> Self {
        let labels: Vec<&str> = self.servers.iter().map(|server| server.label.as_str()).collect();
        let of = labels.join(" ").into();
        Panel { names: Some((names.clone(), of)), ..self }
    }

    /// Other servers, asked by the same visit.
    pub(super) fn beside(&self, servers: Vec<Server>, step: Duration) -> Self {
        Panel { datagrams: self.datagrams.clone(), ..Panel::new(servers, step, &self.budget) }
    }

    /// Nobody to ask, because …
    pub(super) fn nobody(trouble: String, budget: &Budget) -> Self {
        Panel { trouble, ..Panel::new(Vec::new(), Duration::ZERO, budget) }
    }

    /// The server that answers at present, as people know it.
    pub(super) fn label(&self) -> String {
        self.servers.get(self.preferred.load(Ordering::Relaxed)).map_or_else(|| "none".into(), |s| s.label.clone())
    }

    /// One question, or what another visit learnt by it, where that is good enough.
    pub(super) async fn ask(&self, question: &Question) -> Result<Message, Lookup> {
        match &self.names {
            Some((names, of)) if question.manner.shared => {
                let work = names.answer(of, question, self.ask_servers(question));
                // Who waits for another's answer, and then asks himself, waits no longer than both.
                self.budget.limit(2 * self.step, Box::pin(work)).await.unwrap_or(Err(Lookup::TimedOut))
            }
            _ => self.ask_servers(question).await,
        }
    }

    /// One question, at most two tries: the second starts when the first failed or was silent for a quarter of the
    /// time, and the first stays welcome. A refusal sends us on to the next server, as it does an application.
    async fn ask_servers(&self, question: &Question) -> Result<Message, Lookup> {
        if self.servers.is_empty() {
            return Err(Lookup::Unreachable { why: self.trouble.clone() });
        }
        if self.budget.is_over() {
            return Err(Lookup::NotAsked { why: "no time was left".into() });
        }
        let start = self.preferred.load(Ordering::Relaxed);
        let next = (start + 1) % self.servers.len();
        let work = async {
            let first = Box::pin(self.servers[start].ask(question, self));
            let patience = Box::pin(tokio::time::sleep(self.step / 4));
            match select(first, patience).await {
                Either::Left((Ok(answer), _)) if start == next || rcode(&answer) != ResponseCode::Refused => {
                    Ok((start, answer))
                }
                Either::Left((failed, _)) => match Box::pin(self.servers[next].ask(question, self)).await {
                    Ok(answer) => Ok((next, answer)),
                    Err(_) => failed.map(|answer| (start, answer)),
                },
                Either::Right(((), first)) => {
                    let second = Box::pin(self.servers[next].ask(question, self));
                    match select(first, second).await {
                        Either::Left((Ok(answer), _)) => Ok((start, answer)),
                        Either::Left((Err(_), second)) => second.await.map(|answer| (next, answer)),
                        Either::Right((Ok(answer), _)) => Ok((next, answer)),
                        Either::Right((Err(_), first)) => first.await.map(|answer| (start, answer)),
                    }
                }
            }
        };
        // On the heap, and before the limit, which would hold it twice: a visit has many questions side by side.
        match self.budget.limit(self.step, Box::pin(work)).await {
            Ok(Ok((server, answer))) => {
                self.preferred.store(server, Ordering::Relaxed);
                Ok(answer)
            }
            Ok(Err(lookup)) => Err(lookup),
            Err(_) => Err(Lookup::TimedOut),
        }
    }
}
