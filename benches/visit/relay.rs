//! A slow link on loopback: the kernel's own delay (netem) is not to be had everywhere, a relay is.
//!
//! A relay adds one round trip to the opening of a connection (the client's first octets wait for it, as the
//! handshake of TCP would have made them wait) and half a round trip to every octet in each direction, in order and
//! without limiting what is in flight.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Starts a TCP relay to `backend`; `round_trip` may be zero.
pub async fn tcp(backend: SocketAddr, round_trip: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = client.set_nodelay(true);
                let accepted = Instant::now();
                let Ok(server) = TcpStream::connect(backend).await else { return };
                let _ = server.set_nodelay(true);
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pump(from_client, to_server, round_trip / 2, accepted + round_trip));
                pump(from_server, to_client, round_trip / 2, accepted).await;
            });
        }
    });
    address
}

/// Moves octets with a delay; none leaves before `not_before` plus the delay.
async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    delay: Duration,
    not_before: Instant,
) {
    let (send, mut receive) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((at, octets)) = receive.recv().await {
            sleep_until(at).await;
            if to.write_all(&octets).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        let at = Instant::now().max(not_before) + delay;
        if length == 0 || send.send((at, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

/// Starts a UDP relay to `backend`: every datagram is answered one round trip later.
pub async fn udp(backend: SocketAddr, round_trip: Duration) -> SocketAddr {
    let socket = std::sync::Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("loopback has a free port"));
    let address = socket.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            let (question, back, at) = (buffer[..length].to_vec(), socket.clone(), Instant::now() + round_trip);
            tokio::spawn(async move {
                let Ok(upstream) = UdpSocket::bind("127.0.0.1:0").await else { return };
                let mut answer = vec![0; 4096];
                if upstream.send_to(&question, backend).await.is_ok()
                    && let Ok(length) = upstream.recv(&mut answer).await
                {
                    sleep_until(at).await;
                    let _ = back.send_to(&answer[..length], client).await;
                }
            });
        }
    });
    address
}
