//! What rustls does not speak: a glance at a ClientHello, bare alerts, and the first flight of SSL 3.0 to TLS 1.1.
//!
//! The flight is all that a doctor can read without cryptography: ServerHello, Certificate and ServerHelloDone are in
//! clear up to TLS 1.2. The key exchange is never completed.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A protocol version as it stands on the wire.
pub(super) type Version = [u8; 2];
pub(super) const SSL3: Version = [3, 0];
pub(super) const TLS12: Version = [3, 3];

/// RFC 5246 §7.2: no common parameters.
pub(super) const HANDSHAKE_FAILURE: u8 = 40;
/// RFC 5246 §7.2: the version is known, and not supported.
pub(super) const PROTOCOL_VERSION: u8 = 70;

/// `TLS_RSA_WITH_AES_128_CBC_SHA`: the suite that every server of that time had.
const SUITE: u16 = 0x002f;
/// Longest hello that is read.
const MAX_HELLO: usize = 16 * 1024;
/// How long an old server waits for the key exchange.
const PATIENCE: Duration = Duration::from_secs(2);

/// The newest version that the client offers up to TLS 1.2, without taking the octets off the stream; `None`: what
/// came is no ClientHello.
pub(super) async fn newest_offered(stream: &TcpStream) -> Option<Version> {
    let mut start = [0; 11];
    for _ in 0..100 {
        match stream.peek(&mut start).await {
            Ok(0) | Err(_) => return None,
            Ok(length) if length < start.len() && start.first() == Some(&22) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(length) => {
                let [kind, _, _, _, _, message, _, _, _, major, minor] = start;
                return (length == start.len() && kind == 22 && message == 1).then_some([major, minor]);
            }
        }
    }
    None
}

/// Refuses with a fatal alert, and lets the client read it.
pub(super) async fn refuse(mut stream: TcpStream, description: u8) {
    let alert = [21, 3, 1, 0, 2, 2, description];
    if stream.write_all(&alert).await.is_ok() {
        drain(&mut stream).await;
    }
}

/// Speaks `newest` and nothing newer: sends the first flight, or refuses a client with whom it shares no suite.
pub(super) async fn answer(mut stream: TcpStream, newest: Version, chain: &[CertificateDer<'static>]) {
    let Some(hello) = read_hello(&mut stream).await else { return };
    let Some(version) = hello.get(9..11).map(|offered| newest.min([offered[0], offered[1]])) else { return };
    if !offers(&hello, SUITE) {
        return refuse(stream, HANDSHAKE_FAILURE).await;
    }
    if send_flight(&mut stream, version, chain).await.is_ok() {
        drain(&mut stream).await;
    }
}

async fn send_flight(
    stream: &mut (impl AsyncWrite + Unpin),
    version: Version,
    chain: &[CertificateDer<'static>],
) -> std::io::Result<()> {
    let [high, low] = SUITE.to_be_bytes();
    let server_hello = [&version[..], &[0x5a; 32], &[0, high, low, 0]].concat();
    let certificates: Vec<u8> =
        chain.iter().flat_map(|certificate| [&long(certificate.len())[..], certificate].concat()).collect();
    let certificate = [&long(certificates.len())[..], &certificates].concat();
    for (kind, body) in [(2, server_hello), (11, certificate), (14, Vec::new())] {
        let message = [&[kind][..], &long(body.len()), &body].concat();
        // A record holds 16 KiB at most; a chain may need more than one.
        for part in message.chunks(16 * 1024) {
            let length = u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
            stream.write_all(&[&[22][..], &version, &length, part].concat()).await?;
        }
    }
    stream.flush().await
}

/// A length of three octets.
fn long(length: usize) -> [u8; 3] {
    let [_, a, b, c] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [a, b, c]
}

/// One record.
async fn read_hello(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut record = vec![0; 5];
    stream.read_exact(&mut record).await.ok()?;
    let length = usize::from(u16::from_be_bytes([*record.get(3)?, *record.get(4)?]));
    if length > MAX_HELLO {
        return None;
    }
    record.resize(5 + length, 0);
    stream.read_exact(record.get_mut(5..)?).await.ok()?;
    Some(record)
}

/// Is `suite` among those of the hello (record header 5, message header 4, version 2, random 32, session id, suites)?
fn offers(hello: &[u8], suite: u16) -> bool {
    let suites = || {
        let session = usize::from(*hello.get(43)?);
        let at = 44 + session;
        let length = usize::from(u16::from_be_bytes([*hello.get(at)?, *hello.get(at + 1)?]));
        hello.get(at + 2..at + 2 + length)
    };
    suites().is_some_and(|suites| suites.chunks_exact(2).any(|pair| pair == suite.to_be_bytes()))
}

/// Reads until the client goes, so that closing does not reset what it has not read yet.
async fn drain(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    let _ = tokio::time::timeout(PATIENCE, async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} }).await;
}
