//! The doors at which HTTP is never reached.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::edge::old_hello;
use crate::demo::{old_tls, serve};

const MOMENT: Duration = Duration::from_millis(300);

async fn connect(to: SocketAddr) -> Result<std::io::Result<TcpStream>, tokio::time::error::Elapsed> {
    timeout(MOMENT, TcpStream::connect(to)).await
}

#[tokio::test]
async fn tcp_ends_as_the_door_says() {
    let refusing = serve::refusing().unwrap();
    for _ in 0..3 {
        assert_eq!(connect(refusing.address).await.unwrap().unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    let hanging = serve::hanging().await.unwrap();
    assert!(connect(hanging.address).await.is_err(), "nothing comes back");
    assert!(connect(hanging.address).await.is_err());
    let error = connect(serve::unroutable().address).await.unwrap().unwrap_err();
    assert_ne!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
}

#[tokio::test]
async fn talk_ends_as_the_door_says() {
    let silent = serve::silent().await.unwrap();
    let mut stream = connect(silent.address).await.unwrap().unwrap();
    stream.write_all(b"hello").await.unwrap();
    assert!(timeout(MOMENT, stream.read_u8()).await.is_err());
    let resetting = serve::resetting().await.unwrap();
    let mut stream = connect(resetting.address).await.unwrap().unwrap();
    stream.write_all(b"hello").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let refusing = serve::refusing_tls().await.unwrap();
    let mut stream = connect(refusing.address).await.unwrap().unwrap();
    stream.write_all(&old_hello(3)).await.unwrap();
    let mut alert = [0; 7];
    stream.read_exact(&mut alert).await.unwrap();
    assert_eq!(alert, [21, 3, 1, 0, 2, 2, old_tls::HANDSHAKE_FAILURE]);
}

#[tokio::test]
async fn an_old_server_shows_version_and_certificate() {
    let chain = vec![CertificateDer::from(vec![0x30; 700])];
    let old = serve::old(old_tls::SSL3, chain).await.unwrap();
    let mut stream = connect(old.address).await.unwrap().unwrap();
    stream.write_all(&old_hello(3)).await.unwrap();
    let mut records = Vec::new();
    for _ in 0..3 {
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[..3], [22, 3, 0], "SSL 3.0, whatever was offered");
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut body).await.unwrap();
        records.push(body);
    }
    assert_eq!(records[0][..6], [2, 0, 0, 38, 3, 0]);
    assert_eq!(records[1].len(), 4 + 3 + 3 + 700);
    assert_eq!(records[2], [14, 0, 0, 0]);
}

#[tokio::test]
async fn a_dropped_port_is_closed() {
    let silent = serve::silent().await.unwrap();
    let address = silent.address;
    let mut stream = connect(address).await.unwrap().unwrap();
    drop(silent);
    assert!(timeout(MOMENT, stream.read_u8()).await.unwrap().is_err(), "its connections end with it");
    assert_eq!(connect(address).await.unwrap().unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
