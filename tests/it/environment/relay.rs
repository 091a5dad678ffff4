//! Relays and proxies between the doctor and the world.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::hostile::script::RUNTIME;

/// Octets of a packet that no path drops: what is left of IPv6's least MTU.
const SMALL: usize = 1200;

fn listen() -> (TcpListener, u16) {
    let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// An MTU black hole before `to`: connections come about and small packets pass; from the first large one from the
/// server on, nothing does. So many pass before, whatever their size.
pub(super) fn black_hole(to: u16, first: usize) -> u16 {
    let (listener, port) = listen();
    RUNTIME.spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], to))).await else { return };
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let up = async { tokio::io::copy(&mut from_client, &mut to_server).await.map(|_| ()) };
                let down = async {
                    let mut packet = vec![0; 64 * 1024];
                    let mut passed = 0;
                    loop {
                        let length = from_server.read(&mut packet).await?;
                        // TLS sends its certificates in a large packet.
                        if length > SMALL / 2 && passed >= first {
                            return std::future::pending().await;
                        }
                        passed += 1;
                        to_client.write_all(&packet[..length]).await?;
                    }
                };
                let _: (std::io::Result<()>, std::io::Result<()>) = tokio::join!(up, down);
            });
        }
    });
    port
}

/// An HTTP proxy that does as it is told: CONNECT, and octets both ways. Every place is `127.0.0.1` at the port that
/// `ports` has for it.
pub(super) fn tunnel(ports: Vec<(String, u16)>) -> u16 {
    let (listener, port) = listen();
    RUNTIME.spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let ports = ports.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(octet) = client.read_u8().await else { return };
                    head.push(octet);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let place = head.split(' ').nth(1).unwrap_or_default();
                let to = ports.iter().find(|(name, _)| name == place).map(|(_, port)| *port);
                let server = match to {
                    Some(to) => TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], to))).await.ok(),
                    None => None,
                };
                let Some(mut server) = server else {
                    let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
                    return;
                };
                let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}
