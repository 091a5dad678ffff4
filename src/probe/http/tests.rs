//! HTTP/1 against servers that are sound, and servers that are not.

use std::time::{Duration, Instant};

use cfdoctor_checks::evidence::http::{BodyEnd, Failure, Outcome, Response};
use cfdoctor_checks::evidence::target::Scheme;
use secrecy::SecretString;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::testing::{connect, read_head, scripted, serve, settings};
use super::{Ask, Connection, Exchange};
use crate::probe::budget::Budget;
use crate::settings::Settings;

const GET: Ask<'static> =
    Ask { method: "GET", scheme: Scheme::Http, authority: "site.test", path: "/a?b=c", headers: &[] };

fn budget() -> Budget {
    Budget::quiet(Duration::from_secs(5))
}

/// One GET, answered so; the server closes after it, or keeps quiet if `hold`.
async fn get(answer: &[u8], hold: bool) -> Exchange {
    let server = scripted(vec![answer.to_vec()], hold).await;
    connect(&server, false, &budget()).await.send(&GET).await
}

fn answered(exchange: &Exchange) -> &Response {
    exchange.response().unwrap_or_else(|| panic!("{:?}", exchange.outcome))
}

fn failed(exchange: Exchange) -> Failure {
    match exchange.outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Answered(response) => panic!("{response:?}"),
    }
}

#[tokio::test]
async fn lines_come_out_as_sent_and_the_connection_is_used_again() {
    let answer = b"HTTP/1.1 200 OK\r\nCache-Control: a\r\nX-Z: 1\r\ncache-control: b\r\nSET-cookie: sid=s3cr3ts3cr3t; Path=/\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    let server = scripted(vec![answer.to_vec(), answer.to_vec()], true).await;
    let budget = budget();
    let mut connection = connect(&server, false, &budget).await;
    let first = connection.send(&GET).await;
    let second = connection.send(&GET).await;
    assert_eq!((server.connections(), budget.spent().http_requests), (1, 2));
    let response = answered(&first);
    let names: Vec<&str> = response.headers.lines().iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["Cache-Control", "X-Z", "cache-control", "SET-cookie", "Content-Type", "Content-Length"]);
    assert_eq!(response.headers.all("cache-control").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        (response.body.prefix.as_str(), response.body.length, &response.body.end),
        ("hello", 5, &BodyEnd::Complete)
    );
    assert_eq!(
        response.body.sha256.as_deref(),
        Some("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    );
    assert_eq!(response.version, "HTTP/1.1");
    let timing = second.timing;
    assert!(timing.head_ms.unwrap() <= timing.total_ms.unwrap() && timing.connect_ms.is_none());
    assert!(first.sent_at.unwrap() <= second.sent_at.unwrap());
    assert_eq!(first.request.url, "http://site.test/a?b=c");
    let head = &server.heads()[0];
    assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\nHost: site.test\r\nUser-Agent: cfdoctor/"), "{head}");
    assert!(!head.to_ascii_lowercase().contains("accept-encoding"), "{head}");
}

#[tokio::test]
async fn secrets_are_sent_but_never_recorded() {
    let echo = b"HTTP/1.1 200 OK\r\nX-Echo: hunter2hunter2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"authorization\":\"Basic hunter2hunter2\",\"cookie\":\"sid=cookie-value\"}";
    let server = scripted(vec![echo.to_vec()], false).await;
    let headers = [
        ("Authorization".to_owned(), SecretString::from("Basic hunter2hunter2")),
        ("Cookie".to_owned(), SecretString::from("sid=cookie-value")),
        ("X-Api-Key".to_owned(), SecretString::from("key-of-mine")),
    ];
    let ask = Ask { path: "/?token=in-the-url", headers: &headers, ..GET };
    let exchange = connect(&server, false, &budget()).await.send(&ask).await;
    let sent = &server.heads()[0];
    let json = serde_json::to_string(&exchange).unwrap();
    for secret in ["hunter2hunter2", "cookie-value", "key-of-mine", "in-the-url"] {
        assert!(sent.contains(secret), "{sent}");
        assert!(!json.contains(secret), "{json}");
    }
    assert!(json.contains("Authorization"));
    assert_eq!(answered(&exchange).headers.first("x-echo"), Some("(redacted)"));
}

#[tokio::test]
async fn bodies_of_every_framing() {
    let whole = |exchange: &Exchange| {
        let body = &answered(exchange).body;
        (body.prefix.clone(), body.end.clone())
    };
    let chunked = get(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2 \r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n",
        true,
    )
    .await;
    assert_eq!(whole(&chunked), ("abcde".into(), BodyEnd::Complete));
    let both =
        get(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", true)
            .await;
    assert_eq!(whole(&both), ("abcde".into(), BodyEnd::Complete));
    assert_eq!(answered(&both).headers.first("content-length"), Some("3"));
    let old = get(b"HTTP/1.0 200 OK\r\n\r\nuntil the end", false).await;
    assert_eq!(whole(&old), ("until the end".into(), BodyEnd::Complete));
    assert_eq!(answered(&old).version, "HTTP/1.0");
    let bare = get(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", true).await;
    assert_eq!(whole(&bare), ("ok".into(), BodyEnd::Complete));
    let none = get(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", true).await;
    assert_eq!((answered(&none).body.length, &answered(&none).body.sha256), (0, &None));
    let early = get(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true).await;
    assert_eq!((answered(&early).status, answered(&early).headers.has("link")), (200, false));
}

#[tokio::test]
async fn broken_bodies_are_said_to_be() {
    let broken = async |answer: &[u8]| {
        let exchange = get(answer, false).await;
        let body = &answered(&exchange).body;
        let BodyEnd::Broken { why } = &body.end else { panic!("{:?}", body.end) };
        (body.length, why.clone())
    };
    let short = broken(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
    assert_eq!(short, (3, "it ended 7 octets before its announced end".into()));
    let cut = broken(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc").await;
    assert_eq!(cut.0, 3);
    for (answer, why) in [
        (&b"zz\r\nabc"[..], "size"),
        (b"-1\r\nabc\r\n", "size"),
        (b"3\r\nabcdef\r\n0\r\n\r\n", "longer"),
        (b"3\r\nabc\r\n", "before the last one"),
        (b"fffffffffffffffff\r\n", "size"),
        (&[b'1'; 2000], "1 KiB"),
    ] {
        let told = broken(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", answer].concat()).await.1;
        assert!(told.contains(why), "{told}");
    }
    let twice = broken(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd").await;
    assert!(twice.1.contains("disagree"), "{}", twice.1);
}

#[tokio::test]
async fn what_is_no_answer_is_named() {
    assert!(matches!(failed(get(b"", false).await), Failure::Closed));
    for (answer, why) in [
        (&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], "SSH-2.0"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS record"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "HTTP/2"),
        (b"<html>no head</html>", "<html>"),
        (b"HTTP/1.1 1000 Far\r\n\r\n", "1000"),
        (b"HTTP/1.1 200 OK\r\nA\x00: b\r\n\r\n", "NUL"),
    ] {
        let Failure::NotHttp { why: told } = failed(get(answer, true).await) else { panic!("{why}") };
        assert!(told.contains(why), "{told}");
        assert!(!told.contains('\0') && !told.contains('\x1b'));
    }
    assert!(matches!(failed(get(b"HTTP/1.1 200 OK\r\nA: b", false).await), Failure::Protocol { .. }));
    let strange = get(b"HTTP/1.1 999 \xff\xfe\r\nX: \x1b]0;owned\x07\r\nContent-Length: 0\r\n\r\n", true).await;
    assert_eq!(answered(&strange).status, 999);
    assert!(!serde_json::to_string(&strange).unwrap().contains("\\u001b"));
}

#[tokio::test]
async fn heads_are_bounded() {
    let mut long = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    long.resize(65 * 1024, b'a');
    assert!(matches!(failed(get(&long, true).await), Failure::TooLarge { .. }));
    let many = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(10_000), b"\r\n".to_vec()].concat();
    let Failure::TooLarge { why } = failed(get(&many, true).await) else { panic!() };
    assert!(why.contains("256") || why.contains("64 KiB"), "{why}");
    let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    assert!(matches!(failed(get(&interim, true).await), Failure::Protocol { .. }));
    let large =
        [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ".to_vec(), vec![b'a'; 60_000], b"\r\n\r\n".to_vec()].concat();
    assert_eq!(answered(&get(&large, true).await).headers.first("x").unwrap().len(), 60_000);
}

/// Writes `head`, then `piece` again and again every `pause`, for as long as somebody reads.
async fn endless(head: &'static [u8], piece: Vec<u8>, pause: Duration) -> Exchange {
    let server = serve(move |mut stream, _| {
        let piece = piece.clone();
        async move {
            let _ = read_head(&mut stream).await;
            let _ = stream.write_all(head).await;
            while stream.write_all(&piece).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        }
    })
    .await;
    let patience = if pause.is_zero() { Duration::from_secs(10) } else { settings().timeout };
    let settings = Settings { timeout: patience, ..settings() };
    let stream = TcpStream::connect(server.address).await.unwrap();
    let budget = Budget::quiet(Duration::from_secs(20));
    let mut connection = Connection::over(Box::new(stream), false, &budget, &settings).await.unwrap();
    let exchange = connection.send(&GET).await;
    assert!(!connection.is_open());
    exchange
}

#[tokio::test]
async fn endless_answers_end_at_our_bounds() {
    let start = Instant::now();
    let block = vec![b'x'; 64 * 1024];
    for head in [
        &b"HTTP/1.1 200 OK\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n",
    ] {
        let exchange = endless(head, block.clone(), Duration::ZERO).await;
        let body = &answered(&exchange).body;
        assert_eq!((body.length, &body.end), (1024 * 1024, &BodyEnd::CutByUs));
        assert_eq!(body.prefix.len(), 8 * 1024);
    }
    let tiny =
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n".repeat(9000), Duration::ZERO)
            .await;
    assert!(matches!(answered(&tiny).body.end, BodyEnd::Broken { .. }));
    let head = endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n".repeat(1000), Duration::ZERO).await;
    assert!(matches!(failed(head), Failure::TooLarge { .. }));
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn slow_answers_end_at_our_patience() {
    let pause = Duration::from_millis(50);
    let body =
        endless(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n", b"x".to_vec(), pause)
            .await;
    let read = &answered(&body).body;
    let BodyEnd::TimedOut(patience) = &read.end else { panic!("{:?}", read.end) };
    assert!(patience.after_ms >= settings().timeout.as_millis() as u64, "{patience:?}");
    assert!(read.length >= 5 && read.prefix.len() as u64 == read.length, "{}", read.length);
    let head = endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n".to_vec(), pause).await;
    assert!(matches!(failed(head), Failure::TimedOut(_)));
    let silent = endless(b"", b"".to_vec(), pause).await;
    assert!(silent.timing.head_ms.is_none());
    assert!(matches!(failed(silent), Failure::TimedOut(_)));
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_costs_no_request() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let server = scripted(vec![answer], false).await;
    let budget = budget();
    let mut connection = connect(&server, false, &budget).await;
    assert!(connection.send(&GET).await.response().is_some());
    assert!(connection.is_open());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(matches!(failed(connection.send(&GET).await), Failure::Closed));
    assert_eq!(budget.spent().http_requests, 1);
    assert!(!connection.is_open());
}

#[tokio::test]
async fn requests_run_out() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let server = scripted(vec![answer; 20], false).await;
    let mut connection = connect(&server, false, &budget()).await;
    for _ in 0..12 {
        assert!(connection.send(&GET).await.response().is_some());
    }
    assert!(matches!(failed(connection.send(&GET).await), Failure::Protocol { .. }));
    assert_eq!(server.heads().len(), 12);
}

mod two;
