//! Questions over UDP, on one socket for each family and visit, as an application's resolver has it.
//!
//! The port is the system's choice, so it is random as each question's id is; an answer is one only from the address
//! that was asked, with that id and about that question (RFC 5452 §9.1). The library's own client opens a socket for
//! each question: that was a third of the system calls of a visit.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hickory_net::NetError;
use hickory_proto::ProtoError;
use hickory_proto::op::{Message, MessageType};
use tokio::net::UdpSocket;
use tokio::sync::{OnceCell, oneshot};
use tokio::task::coop::consume_budget;

use super::message::Question;

/// Octets of a datagram that are read: what EDNS offers is well below.
const MAX_DATAGRAM: usize = 4096;

/// The sockets of one visit; each is opened by its first question.
#[derive(Default)]
pub(super) struct Datagrams {
    v4: OnceCell<Socket>,
    v6: OnceCell<Socket>,
}

struct Socket {
    udp: UdpSocket,
    waiting: Mutex<Vec<Waiting>>,
}

/// Somebody who waits for an answer.
struct Waiting {
    server: SocketAddr,
    id: u16,
    question: Question,
    tell: oneshot::Sender<Result<Message, NetError>>,
}

/// A question that waits for its answer, until it is dropped.
struct Asked<'a> {
    socket: &'a Socket,
    answer: oneshot::Receiver<Result<Message, NetError>>,
}

impl Datagrams {
    /// One question, one answer. Waits for as long as it is polled.
    ///
    /// # Errors
    /// The system has no socket, or does not send; the answer cannot be read.
    pub(super) async fn exchange(
        &self,
        server: SocketAddr,
        question: &Question,
        edns: bool,
    ) -> Result<Message, NetError> {
        let (socket, any) = match server {
            SocketAddr::V4(_) => (&self.v4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            SocketAddr::V6(_) => (&self.v6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let bind = || async {
            let udp = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
            Ok::<_, io::Error>(Socket { udp, waiting: Mutex::default() })
        };
        socket.get_or_try_init(bind).await?.exchange(server, question, edns).await
    }
}

impl Socket {
    async fn exchange(&self, server: SocketAddr, question: &Question, edns: bool) -> Result<Message, NetError> {
        let (octets, mut asked) = self.enter(server, question, edns)?;
        self.udp.send_to(&octets, server).await?;
        loop {
            tokio::select! {
                biased;
                answer = &mut asked.answer => return answer.unwrap_or(Err(NetError::Timeout)),
                // Whoever is first reads, for himself or for another.
                ready = self.udp.readable() => {
                    ready?;
                    self.read()?;
                }
            }
            // Nobody who floods us keeps the other tasks waiting.
            consume_budget().await;
        }
    }

    /// The question in octets, with an id that no other question to this server has at present.
    fn enter(&self, server: SocketAddr, question: &Question, edns: bool) -> Result<(Vec<u8>, Asked<'_>), NetError> {
        let mut waiting = self.waiting();
        let request = loop {
            let request = question.request(edns);
            if !waiting.iter().any(|other| (other.server, other.id) == (server, request.id)) {
                break request;
            }
        };
        let (octets, id) = (request.to_vec()?, request.id);
        let (tell, answer) = oneshot::channel();
        waiting.push(Waiting { server, id, question: question.clone(), tell });
        Ok((octets, Asked { socket: self, answer }))
    }

    /// Reads one datagram, if there is one, and tells whoever waits for it.
    fn read(&self) -> io::Result<()> {
        let mut buffer = [0; MAX_DATAGRAM];
        let (octets, from) = match self.udp.try_recv_from(&mut buffer) {
            Ok((length, from)) => (buffer.get(..length).unwrap_or_default(), from),
            // On Windows: nobody listens where an earlier question went, which may be another's.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionReset) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Some(id) = octets.first_chunk().copied().map(u16::from_be_bytes) else { return Ok(()) };
        let mut waiting = self.waiting();
        let asked =
            |other: &Waiting| (other.server.ip(), other.server.port(), other.id) == (from.ip(), from.port(), id);
        let Some(at) = waiting.iter().position(asked) else { return Ok(()) };
        let answer = match Message::from_vec(octets) {
            Ok(answer) if answer.metadata.message_type != MessageType::Response => Err(ProtoError::NotAResponse.into()),
            // Somebody guessed the id: the server's own answer may still come.
            Ok(answer) if !waiting[at].question.matches(&answer) => return Ok(()),
            Ok(answer) => Ok(answer),
            Err(error) => Err(error.into()),
        };
        // Nobody listens any more: nobody needs it.
        let _ = waiting.swap_remove(at).tell.send(answer);
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.answer.close();
        self.socket.waiting().retain(|other| !other.tell.is_closed());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use hickory_proto::op::MessageType;
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData, Record, RecordType};

    use super::super::message::Manner;
    use super::*;

    fn question(name: &str) -> Question {
        Question { name: Name::from_ascii(name).unwrap(), kind: RecordType::A, manner: Manner::PLAIN }
    }

    /// What the server got: the question, and from where.
    async fn asked(server: &UdpSocket) -> (Message, SocketAddr) {
        let mut buffer = [0; 1500];
        let (length, from) = server.recv_from(&mut buffer).await.unwrap();
        (Message::from_vec(&buffer[..length]).unwrap(), from)
    }

    /// The answer 192.0.2.`last`.
    fn answer(question: &Message, last: u8) -> Message {
        let mut answer = question.clone();
        answer.metadata.message_type = MessageType::Response;
        let name = question.queries[0].name().clone();
        answer.answers.push(Record::from_rdata(name, 60, RData::A(A::new(192, 0, 2, last))));
        answer
    }

    async fn send(server: &UdpSocket, answer: &Message, to: SocketAddr) {
        server.send_to(&answer.to_vec().unwrap(), to).await.unwrap();
    }

    fn last(answer: Result<Message, NetError>) -> u8 {
        match answer.unwrap().answers[0].data {
            RData::A(A(address)) => address.octets()[3],
            _ => 0,
        }
    }

    async fn world() -> (UdpSocket, SocketAddr, Arc<Datagrams>) {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        (server, address, Arc::default())
    }

    #[tokio::test]
    async fn many_questions_share_a_socket_and_get_their_own_answers_in_any_order() {
        let (server, address, datagrams) = world().await;
        let running: Vec<_> = (1..=20_u8)
            .map(|n| {
                let datagrams = datagrams.clone();
                let work =
                    async move { last(datagrams.exchange(address, &question(&format!("h{n}.test.")), true).await) };
                tokio::spawn(work)
            })
            .collect();
        let mut questions = Vec::new();
        for _ in 0..20 {
            questions.push(asked(&server).await);
        }
        assert!(questions.iter().all(|(_, from)| from.port() == questions[0].1.port()));
        for (question, from) in questions.iter().rev() {
            let name = question.queries[0].name().to_ascii();
            let n = name.trim_start_matches('h').trim_end_matches(".test.").parse().unwrap();
            send(&server, &answer(question, n), *from).await;
        }
        for (n, work) in (1..=20).zip(running) {
            assert_eq!(work.await.unwrap(), n);
        }
        assert!(datagrams.v4.get().unwrap().waiting().is_empty() && datagrams.v6.get().is_none());
    }

    #[tokio::test]
    async fn who_is_not_asked_or_guesses_is_not_heard() {
        let (server, address, datagrams) = world().await;
        let question = question("a.test.");
        let forger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let serve = async {
            let (question, from) = asked(&server).await;
            send(&forger, &answer(&question, 1), from).await;
            let mut wrong_id = answer(&question, 2);
            wrong_id.metadata.id = question.metadata.id.wrapping_add(1);
            send(&server, &wrong_id, from).await;
            let mut other = answer(&question, 3);
            other.queries[0].set_name(Name::from_ascii("b.test.").unwrap());
            send(&server, &other, from).await;
            server.send_to(b"x", from).await.unwrap();
            send(&server, &answer(&question, 4), from).await;
        };
        let (answer, ()) = tokio::join!(datagrams.exchange(address, &question, true), serve);
        assert_eq!(last(answer), 4);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told() {
        let (server, address, datagrams) = world().await;
        let question = question("a.test.");
        for (cut, echo) in [(13, false), (usize::MAX, true)] {
            let serve = async {
                let (question, from) = asked(&server).await;
                let octets = if echo { question.to_vec() } else { answer(&question, 1).to_vec() }.unwrap();
                server.send_to(&octets[..octets.len().min(cut)], from).await.unwrap();
            };
            let (answer, ()) = tokio::join!(datagrams.exchange(address, &question, true), serve);
            assert!(matches!(answer, Err(NetError::Proto(_))), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_flood_holds_up_nobody_and_who_gave_up_leaves_no_trace() {
        let (server, address, datagrams) = world().await;
        let question = question("a.test.");
        let flood = async {
            let (question, from) = asked(&server).await;
            let mut forged = answer(&question, 1);
            forged.metadata.id = question.metadata.id.wrapping_add(1);
            let octets = forged.to_vec().unwrap();
            loop {
                let _ = server.try_send_to(&octets, from);
                consume_budget().await;
            }
        };
        let work = async { tokio::join!(datagrams.exchange(address, &question, true), flood) };
        assert!(tokio::time::timeout(Duration::from_millis(200), work).await.is_err());
        assert!(datagrams.v4.get().unwrap().waiting().is_empty());
    }
}
