//! Name servers that lie, babble or say nothing.

use std::sync::LazyLock;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use super::script::{DRIP, RUNTIME};

pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;

/// Response, recursion desired and available.
pub(crate) const OK: u16 = 0x8180;
pub(crate) const CUT: u16 = OK | 0x0200;
pub(crate) const SERVFAIL: u16 = OK | 2;
pub(crate) const NXDOMAIN: u16 = OK | 3;
pub(crate) const REFUSED: u16 = OK | 5;
/// The name that was asked for, as a pointer (RFC 1035 §4.1.4).
pub(crate) const ASKED: &[u8] = &[0xc0, 12];

/// A question as it came.
pub(crate) struct Question {
    pub(super) id: [u8; 2],
    /// Name, type, class.
    pub(super) body: Vec<u8>,
    pub(crate) kind: u16,
}

/// What is said to a question: any number of messages.
pub(crate) type Speak = fn(&Question) -> Vec<Vec<u8>>;

impl Question {
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        let mut at = 12;
        while *packet.get(at)? != 0 {
            at += usize::from(packet[at]) + 1;
        }
        let kind = u16::from_be_bytes([*packet.get(at + 1)?, *packet.get(at + 2)?]);
        Some(Question { id: [packet[0], packet[1]], body: packet.get(12..at + 5)?.to_vec(), kind })
    }

    /// The name, lower case, as people write it.
    pub(crate) fn name(&self) -> String {
        let mut labels = Vec::new();
        let mut rest = &self.body[..];
        while let [length, after @ ..] = rest
            && *length > 0
        {
            let (label, left) = after.split_at(usize::from(*length).min(after.len()));
            labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
            rest = left;
        }
        labels.join(".")
    }

    pub(crate) fn reply(&self, flags: u16, answers: &[Vec<u8>], authorities: &[Vec<u8>]) -> Vec<u8> {
        self.counted(flags, answers.len() as u16, authorities.len() as u16, &[answers, authorities].concat().concat())
    }

    /// A message that says that it has so many records.
    pub(super) fn counted(&self, flags: u16, answers: u16, authorities: u16, records: &[u8]) -> Vec<u8> {
        let numbers = [flags, 1, answers, authorities, 0].map(u16::to_be_bytes).concat();
        [&self.id[..], &numbers, &self.body, records].concat()
    }

    /// The answer of a sound server: every name has one address, and nothing else.
    pub(super) fn sound(&self) -> Vec<u8> {
        match self.kind {
            A => self.reply(OK, &[record(ASKED, A, 60, &[127, 0, 0, 1])], &[]),
            SOA => self.reply(OK, &[], &[soa()]),
            _ => self.reply(OK, &[], &[soa()]),
        }
    }
}

/// The SOA of example.com.
pub(crate) fn soa() -> Vec<u8> {
    let zone = b"\x07example\x03com\0";
    record(zone, SOA, 60, &[&zone[..], zone, &[0; 20]].concat())
}

pub(crate) fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let head = [&kind.to_be_bytes()[..], &1_u16.to_be_bytes(), &ttl.to_be_bytes()].concat();
    [owner, &head, &(data.len() as u16).to_be_bytes(), data].concat()
}

/// Starts a server on UDP, and with `stream` on TCP; gives the port.
pub(crate) fn serve(speak: Speak, stream: Option<Speak>) -> u16 {
    let (udp, tcp) = RUNTIME.block_on(both_ports());
    let port = udp.local_addr().unwrap().port();
    RUNTIME.spawn(async move {
        let mut packet = [0; 4096];
        while let Ok((length, client)) = udp.recv_from(&mut packet).await {
            let Some(question) = Question::read(&packet[..length]) else { continue };
            for message in speak(&question) {
                let _ = udp.send_to(&message, client).await;
            }
        }
    });
    // Without `stream` the TCP port is closed again.
    if let Some(speak) = stream {
        RUNTIME.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                tokio::spawn(async move {
                    let mut packet = vec![0; usize::from(stream.read_u16().await.unwrap_or_default())];
                    if stream.read_exact(&mut packet).await.is_err() {
                        return;
                    }
                    for message in Question::read(&packet).iter().flat_map(speak) {
                        let _ = stream.write_all(&message).await;
                        if let [_] = message[..] {
                            tokio::time::sleep(DRIP).await;
                        }
                    }
                    while stream.read_u8().await.is_ok() {}
                });
            }
        });
    }
    port
}

/// One number that is free on UDP and on TCP.
async fn both_ports() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

/// The port of a sound name server.
pub(super) fn friendly() -> u16 {
    static PORT: LazyLock<u16> = LazyLock::new(|| serve(|question| vec![question.sound()], None));
    *PORT
}
