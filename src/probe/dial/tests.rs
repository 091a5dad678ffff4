//! Real sockets on loopback.

use std::net::Ipv4Addr;
use std::time::Duration;

use cfdoctor_checks::evidence::tls::Limit;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::settings::{ConnectTo, Proxy, ProxyKind, Resolve};

fn budget() -> Budget {
    Budget::quiet(Duration::from_secs(20))
}

fn route(addresses: &[&str], port: u16) -> Route {
    Route {
        peer: "www.example.com".into(),
        port,
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        no_address: None,
        patience: None,
    }
}

/// A server that repeats what it gets, for one connection.
async fn echo(address: &str) -> u16 {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    port
}

/// A port of 127.0.0.1 on which nobody listens.
async fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn assert_echoes(dialed: Dialed) {
    let mut stream = dialed.stream.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"hello");
}

#[tokio::test]
async fn a_healthy_visit_opens_exactly_one_connection() {
    let port = echo("127.0.0.1").await;
    let budget = budget();
    let dialed = open(&route(&["127.0.0.1", "127.0.0.1"], port), &Settings::default(), &budget).await;
    assert_eq!(dialed.connect, Connect::Open);
    assert_eq!(dialed.address, Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)));
    assert!(dialed.connect_ms.is_some_and(|ms| ms < 1000.0));
    assert!(dialed.earlier.is_empty());
    assert_eq!(budget.spent().connections, 1);
    assert_echoes(dialed).await;
}

#[tokio::test]
async fn a_refusal_is_said() {
    let dialed = open(&route(&["127.0.0.1"], dead_port().await), &Settings::default(), &budget()).await;
    assert_eq!(dialed.connect, Connect::Refused);
    assert!(dialed.stream.is_none() && dialed.address.is_some());
}

#[tokio::test]
async fn no_connection_is_opened_when_none_is_left() {
    let budget = budget();
    while budget.take_connection() {}
    let dialed = open(&route(&["127.0.0.1"], echo("127.0.0.1").await), &Settings::default(), &budget).await;
    assert!(matches!(dialed.connect, Connect::NoAddress { why } if why.contains("used up")));
}

// Other systems give 127.0.0.1 alone to loopback.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_second_address_is_tried_at_once_when_the_first_refuses() {
    let port = echo("127.0.0.2").await;
    let budget = budget();
    let dialed = open(&route(&["127.0.0.1", "127.0.0.2", "127.0.0.3"], port), &Settings::default(), &budget).await;
    assert_eq!(dialed.connect, Connect::Open);
    assert_eq!(dialed.earlier, [format!("127.0.0.1:{port}: the TCP connection was refused")]);
    assert_eq!(budget.spent().connections, 2);
    assert_echoes(dialed).await;

    let dialed = open(&route(&["127.0.0.3", "127.0.0.4", "127.0.0.2"], port), &Settings::default(), &budget).await;
    assert_eq!(dialed.connect, Connect::Refused, "two are tried, not three");
    assert_eq!(dialed.earlier.len(), 1);
}

/// A port of `address` whose queue is full, so that a SYN gets no answer. Keep what is returned.
#[cfg(target_os = "linux")]
async fn silent_port(address: &str) -> (u16, impl Sized) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    let listener = socket.listen(0).unwrap();
    let local = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(local)).await {
        waiting.push(stream);
    }
    (local.port(), (listener, waiting))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_second_address_gets_its_chance_when_the_first_is_silent() {
    let (port, _kept) = silent_port("127.0.0.1").await;
    let listener = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let dialed = open(&route(&["127.0.0.1", "127.0.0.2"], port), &Settings::default(), &budget()).await;
    assert_eq!(dialed.connect, Connect::Open);
    assert_eq!(dialed.address, Some(listener.local_addr().unwrap()));
    assert_eq!(dialed.earlier, [format!("127.0.0.1:{port}: no TCP answer after 250 ms")]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn silence_ends_by_the_limit_that_is_nearest() {
    let (port, _kept) = silent_port("127.0.0.1").await;
    let settings = Settings { connect_timeout: Duration::from_millis(300), ..Settings::default() };
    let dialed = open(&route(&["127.0.0.1"], port), &settings, &budget()).await;
    assert!(matches!(dialed.connect, Connect::TimedOut(patience) if patience.limit == Limit::Step));
    let short = Budget::quiet(Duration::from_millis(100));
    let dialed = open(&route(&["127.0.0.1"], port), &settings, &short).await;
    assert!(matches!(dialed.connect, Connect::TimedOut(patience) if patience.limit == Limit::Deadline));
}

#[tokio::test]
async fn connect_to_and_resolve_lead_elsewhere() {
    let port = echo("127.0.0.1").await;
    let to = ConnectTo {
        host: Some("www.example.com".into()),
        port: Some(443),
        to_host: Some("localhost".into()),
        to_port: Some(port),
    };
    let settings = Settings { connect_to: vec![to], family: crate::settings::Family::V4, ..Settings::default() };
    assert_echoes(open(&route(&["192.0.2.1"], 443), &settings, &budget()).await).await;
    let resolve = Resolve { host: "*".into(), port, addresses: vec![Ipv4Addr::LOCALHOST.into()] };
    let settings = Settings { resolve: vec![resolve], ..Settings::default() };
    assert_echoes(open(&route(&["192.0.2.1"], port), &settings, &budget()).await).await;
}

fn through(kind: ProxyKind, port: u16, credentials: Option<&str>) -> Settings {
    let credentials = credentials.map(SecretString::from);
    let proxy = Proxy { kind, host: "127.0.0.1".into(), port, credentials };
    Settings { proxy: Some(proxy), ..Settings::default() }
}

/// An HTTP proxy that answers once with `answer`, then repeats what it gets; gives the request.
async fn http_proxy(answer: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        String::from_utf8(head).unwrap()
    });
    (port, request)
}

#[tokio::test]
async fn an_http_proxy_opens_a_tunnel_to_the_name() {
    let (port, request) = http_proxy("HTTP/1.1 200 Connection established\r\nVia: 1.1 p\r\n\r\n").await;
    let budget = budget();
    let dialed = open(&route(&["192.0.2.1"], 443), &through(ProxyKind::Http, port, Some("user:s3cr3t")), &budget).await;
    assert_eq!((&dialed.connect, dialed.address), (&Connect::Open, None));
    assert_eq!(budget.spent().connections, 1);
    assert_echoes(dialed).await;
    let request = request.await.unwrap();
    assert!(request.starts_with("CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n"));
    assert!(request.contains("Proxy-Authorization: Basic dXNlcjpzM2NyM3Q=\r\n"));
}

#[tokio::test]
async fn a_proxys_failure_is_the_proxys() {
    for (answer, said) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407 Proxy Authentication"),
        ("HTTP/1.0 503 Service \x1b[31mUnavailable\r\n\r\n", "503 Service \u{fffd}[31mUnavailable"),
        ("SSH-2.0-x\r\n\r\n", "SSH-2.0-x"),
        ("", "closed the connection"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let dialed = open(&route(&["192.0.2.1"], 443), &through(ProxyKind::Http, port, None), &budget()).await;
        assert!(dialed.stream.is_none());
        assert!(matches!(&dialed.connect, Connect::ProxyFailed { why } if why.contains(said)), "{:?}", dialed.connect);
    }
    let dead = through(ProxyKind::Http, dead_port().await, None);
    let dialed = open(&route(&["192.0.2.1"], 443), &dead, &budget()).await;
    assert!(matches!(dialed.connect, Connect::ProxyFailed { why } if why.contains("refused")));
}

#[tokio::test]
async fn a_silent_or_endless_proxy_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut settings = through(ProxyKind::Http, port, None);
    settings.connect_timeout = Duration::from_millis(200);
    let dialed = open(&route(&["192.0.2.1"], 443), &settings, &budget()).await;
    assert!(matches!(dialed.connect, Connect::ProxyFailed { why } if why.contains("no answer within")));
    drop(listener);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"X-Filler: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n").await.is_ok() {}
    });
    let dialed = open(&route(&["192.0.2.1"], 443), &through(ProxyKind::Http, port, None), &budget()).await;
    assert!(matches!(dialed.connect, Connect::ProxyFailed { why } if why.contains("no end")));
}

/// A SOCKS 5 proxy that wants `login`, if any, answers with `code`, and then repeats what it gets; gives the request.
async fn socks_proxy(login: Option<&'static [u8]>, code: u8) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 2];
        stream.read_exact(&mut hello).await.unwrap();
        let mut methods = vec![0; usize::from(hello[1])];
        stream.read_exact(&mut methods).await.unwrap();
        match login {
            Some(expected) if methods.contains(&2) => {
                stream.write_all(&[5, 2]).await.unwrap();
                let mut given = vec![0; expected.len()];
                stream.read_exact(&mut given).await.unwrap();
                stream.write_all(&[1, u8::from(given != expected)]).await.unwrap();
            }
            Some(_) => stream.write_all(&[5, 0xff]).await.unwrap(),
            None => stream.write_all(&[5, 0]).await.unwrap(),
        }
        let mut request = vec![0; 10];
        if stream.read_exact(&mut request).await.is_err() {
            return Vec::new();
        }
        stream.write_all(&[5, code, 0, 3, 2, b'a', b'b', 0, 80]).await.unwrap();
        tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        request
    });
    (port, request)
}

#[tokio::test]
async fn a_socks_proxy_connects_to_the_address() {
    for (login, credentials) in [(None, None), (Some(&b"\x01\x04user\x06s3cr3t"[..]), Some("user:s3cr3t"))] {
        let (port, request) = socks_proxy(login, 0).await;
        let dialed = open(&route(&["192.0.2.1"], 443), &through(ProxyKind::Socks5, port, credentials), &budget()).await;
        assert_eq!((&dialed.connect, dialed.address), (&Connect::Open, Some("192.0.2.1:443".parse().unwrap())));
        assert_echoes(dialed).await;
        assert_eq!(request.await.unwrap(), [5, 1, 0, 1, 192, 0, 2, 1, 1, 0xbb]);
    }
}

#[tokio::test]
async fn a_socks_proxys_refusal_is_the_proxys() {
    for (login, credentials, code, said) in [
        (None, None, 5, "connection refused"),
        (Some(&b"\x01\x04user\x06s3cr3t"[..]), None, 0, "wants a user name"),
        (Some(&b"\x01\x04user\x06s3cr3t"[..]), Some("user:s3cr3T"), 0, "refuses the user name"),
    ] {
        let (port, _) = socks_proxy(login, code).await;
        let settings = through(ProxyKind::Socks5, port, credentials);
        let dialed = open(&route(&["192.0.2.1"], 443), &settings, &budget()).await;
        assert!(
            matches!(&dialed.connect, Connect::ProxyFailed { why } if why.contains(said) && !why.contains("s3cr3")),
            "{:?}",
            dialed.connect
        );
    }
}

/// A listener on `address` that must never be connected to.
async fn forbidden(address: &str) -> TcpListener {
    TcpListener::bind((address, 0)).await.unwrap()
}

async fn assert_untouched(listener: TcpListener) {
    let met = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(met.is_err(), "somebody connected");
}

fn guarded() -> Settings {
    Settings { reach: crate::probe::Reach::PublicOnly, ..Settings::default() }
}

#[tokio::test]
async fn what_is_out_of_reach_is_never_connected_to() {
    let listener = forbidden("127.0.0.1").await;
    let port = listener.local_addr().unwrap().port();
    let to = |host: &str, to: &str| ConnectTo {
        host: Some(host.into()),
        port: None,
        to_host: Some(to.into()),
        to_port: Some(port),
    };
    let budget = budget();
    for (settings, addresses) in [
        (guarded(), vec!["127.0.0.1"]),
        (guarded(), vec!["::ffff:127.0.0.1", "0.0.0.0"]),
        (Settings { connect_to: vec![to("www.example.com", "127.0.0.1")], ..guarded() }, vec!["192.0.2.1"]),
        (Settings { connect_to: vec![to("www.example.com", "localhost")], ..guarded() }, vec!["192.0.2.1"]),
        (
            Settings {
                resolve: vec![Resolve { host: "*".into(), port, addresses: vec![Ipv4Addr::LOCALHOST.into()] }],
                ..guarded()
            },
            vec!["192.0.2.1"],
        ),
    ] {
        let dialed = open(&route(&addresses, port), &settings, &budget).await;
        assert!(dialed.stream.is_none() && dialed.address.is_none());
        assert!(
            matches!(&dialed.connect, Connect::NoAddress { why } if why.starts_with("refused: ") && why.contains("--allow-private")),
            "{:?}",
            dialed.connect
        );
    }
    assert_eq!(budget.spent().connections, 0);
    assert_untouched(listener).await;
}

#[tokio::test]
async fn a_proxy_is_led_to_public_addresses_only_and_by_address() {
    let (port, request) = http_proxy("HTTP/1.1 200 Connection established\r\n\r\n").await;
    let settings = Settings { reach: crate::probe::Reach::PublicOnly, ..through(ProxyKind::Http, port, None) };
    let refused = open(&route(&["10.0.0.1"], 443), &settings, &budget()).await;
    assert!(
        matches!(&refused.connect, Connect::NoAddress { why } if why.contains("10.0.0.1 is a private address")),
        "{:?}",
        refused.connect
    );
    // The first would be taken; and by name the proxy would ask DNS once more.
    let dialed = open(&route(&["169.254.169.254", "104.16.132.229"], 443), &settings, &budget()).await;
    assert_eq!(dialed.address, Some("104.16.132.229:443".parse().unwrap()));
    assert!(request.await.unwrap().starts_with("CONNECT 104.16.132.229:443 HTTP/1.1\r\n"));
}
