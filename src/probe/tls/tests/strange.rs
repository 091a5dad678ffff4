//! Servers that do not do as they should.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cfdoctor_checks::evidence::tls::{ClientCertificate, Connect, Limit, TlsOutcome};
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::super::{handshake, worth_a_legacy_hello};
use super::world::{
    Clients, HOST, WANTED, budget, hear_hello, issue, look, params, route, serve, serve_tls, serve_words,
    server_config, settings,
};
use crate::probe::budget::Budget;
use crate::settings::{Proxy, ProxyKind, Settings};

async fn reset(mut stream: TcpStream) {
    hear_hello(&mut stream).await;
    stream.set_zero_linger().unwrap();
}

#[tokio::test]
async fn alerts_have_their_number_and_name() {
    for (words, code, name) in [
        (&b"\x15\x03\x03\x00\x02\x02\x28"[..], 40, "handshake_failure"),
        (b"\x15\x03\x01\x00\x02\x02\x46", 70, "protocol_version"),
        (b"\x15\x03\x03\x00\x02\x02\x70", 112, "unrecognized_name"),
    ] {
        let (seen, io) = look(serve_words(words).await).await;
        assert!(io.is_none());
        let name = name.into();
        assert_eq!(seen.outcome, TlsOutcome::Alert { code, name, after_handshake: false });
        assert_eq!(seen.client_certificate, ClientCertificate::NotAsked);
        assert!(worth_a_legacy_hello(&seen) && seen.tls_ms.is_none());
    }
}

#[tokio::test]
async fn other_protocols_are_shown() {
    for (words, shown) in [
        (&b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\nThe plain HTTP request"[..], "HTTP/1.1 400 Bad Request"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0-OpenSSH_9.6"),
        (b"<\x1b[2J", "<\u{fffd}[2J"),
        (b"\x80\x80\x80\x80\x80\x80", "\u{fffd}"),
    ] {
        let (seen, _) = look(serve_words(words).await).await;
        assert!(
            matches!(&seen.outcome, TlsOutcome::NotTls { first } if first.starts_with(shown)),
            "{:?}",
            seen.outcome
        );
        assert!(!worth_a_legacy_hello(&seen));
    }
    // One that waits for more after a word too short for a record.
    let port = serve(|mut stream| async move {
        let _ = stream.write_all(b"+OK").await;
        while stream.read_u8().await.is_ok() {}
    })
    .await;
    let short = Settings { connect_timeout: Duration::from_millis(200), ..settings() };
    let (seen, _) = handshake(&route(port), &WANTED, &short, &budget()).await;
    assert_eq!(seen.outcome, TlsOutcome::NotTls { first: "+OK".into() });
    // A server that speaks first.
    let port = serve(|mut stream| async move {
        let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    let (seen, _) = look(port).await;
    assert!(
        matches!(&seen.outcome, TlsOutcome::NotTls { first } if first.starts_with("220 mail")),
        "{:?}",
        seen.outcome
    );
}

#[tokio::test]
async fn broken_tls_is_told_from_no_tls() {
    for words in [&b"\x16\x03\x03\x00\x05hello"[..], b"\x17\x03\x03\x00\x05hello", b"\x16\x03\x03\xff\xff"] {
        let (seen, _) = look(serve_words(words).await).await;
        assert!(matches!(&seen.outcome, TlsOutcome::Broken { why } if !why.is_empty()), "{:?}", seen.outcome);
    }
}

#[tokio::test]
async fn closing_resetting_and_silence_are_three_things() {
    let (seen, _) = look(serve_words(b"").await).await;
    assert_eq!(seen.outcome, TlsOutcome::Closed);
    let (seen, _) = look(serve(reset).await).await;
    assert_eq!(seen.outcome, TlsOutcome::Reset);
    let silent = serve(|mut stream| async move { while stream.read_u8().await.is_ok() {} }).await;
    let short = Settings { connect_timeout: Duration::from_millis(200), ..settings() };
    let (seen, _) = handshake(&route(silent), &WANTED, &short, &budget()).await;
    assert_eq!(seen.connect, Connect::Open);
    assert!(matches!(seen.outcome, TlsOutcome::TimedOut(patience) if patience.limit == Limit::Step));
}

#[tokio::test]
async fn transport_errors_are_tried_again_and_recorded() {
    let again = Settings { retries: 1, ..settings() };
    let acceptor = TlsAcceptor::from(Arc::new(server_config(&issue(&params(HOST)), &[&TLS13], Clients::Any)));
    let visits = Arc::new(AtomicU32::new(0));
    let port = serve(move |stream| {
        let (acceptor, visit) = (acceptor.clone(), visits.fetch_add(1, Ordering::SeqCst));
        async move {
            if visit == 0 {
                reset(stream).await;
            } else if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read_u8().await;
            }
        }
    })
    .await;
    let visit = budget();
    let (seen, io) = handshake(&route(port), &WANTED, &again, &visit).await;
    assert!(io.is_some() && seen.outcome == TlsOutcome::Completed);
    assert_eq!(seen.earlier, [format!("127.0.0.1:{port}: the connection was reset during the handshake")]);
    assert_eq!(visit.spent().connections, 2);

    let visit = budget();
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (seen, _) = handshake(&route(refused), &WANTED, &again, &visit).await;
    assert_eq!((seen.connect, seen.outcome), (Connect::Refused, TlsOutcome::NotReached));
    assert_eq!((seen.earlier.len(), visit.spent().connections), (1, 2));

    // An alert is an answer: once is enough.
    let visit = budget();
    let port = serve_words(b"\x15\x03\x03\x00\x02\x02\x28").await;
    let (seen, _) = handshake(&route(port), &WANTED, &again, &visit).await;
    assert_eq!((seen.earlier.len(), visit.spent().connections), (0, 1));
}

#[tokio::test]
async fn a_retry_cut_short_by_us_does_not_excuse_the_peer() {
    let silent = serve(|mut stream| async move { while stream.read_u8().await.is_ok() {} }).await;
    let again = Settings { retries: 3, connect_timeout: Duration::from_millis(300), ..settings() };
    let (seen, _) = handshake(&route(silent), &WANTED, &again, &Budget::quiet(Duration::from_millis(650))).await;
    assert!(matches!(seen.outcome, TlsOutcome::TimedOut(patience) if patience.limit == Limit::Step), "{seen:?}");
    assert!(seen.earlier.iter().any(|line| line.contains("our deadline")), "{:?}", seen.earlier);

    let (seen, _) = handshake(&route(silent), &WANTED, &again, &Budget::quiet(Duration::from_millis(100))).await;
    assert!(matches!(seen.outcome, TlsOutcome::TimedOut(patience) if patience.limit == Limit::Deadline));
    assert!(seen.earlier.is_empty());
}

#[tokio::test]
async fn endless_and_dribbling_answers_end() {
    let flood = serve(|mut stream| async move {
        let record = [&[0x16, 3, 3, 0x40, 0x00, 11, 0, 0xff, 0xff][..], &[0; 0x4000 - 4]].concat();
        while stream.write_all(&record).await.is_ok() {}
    })
    .await;
    let (seen, _) = look(flood).await;
    assert!(matches!(seen.outcome, TlsOutcome::Broken { .. }), "{:?}", seen.outcome);
    let dribble = serve(|mut stream| async move {
        while stream.write_all(b"\x15\x03\x03\x00\x02\x01\x5a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let start = tokio::time::Instant::now();
    let short = Settings { connect_timeout: Duration::from_millis(300), ..settings() };
    let (seen, _) = handshake(&route(dribble), &WANTED, &short, &budget()).await;
    assert_ne!(seen.outcome, TlsOutcome::Completed);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn tls_goes_through_a_proxys_tunnel() {
    let port = serve_tls(server_config(&issue(&params(HOST)), &[&TLS13], Clients::Any)).await;
    let proxy = serve(move |mut stream| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let mut onward = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await;
    let proxy = Proxy { kind: ProxyKind::Http, host: "localhost".into(), port: proxy, credentials: None };
    let through = Settings { proxy: Some(proxy), ..settings() };
    let (seen, io) = handshake(&route(443), &WANTED, &through, &budget()).await;
    assert!(super::world::ask(&mut io.unwrap()).await.starts_with(b"HTTP/1.1 200"));
    assert_eq!((seen.address, seen.chain.len()), (None, 2));
}
