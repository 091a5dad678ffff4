//! HTTP/2, frame by frame.

use super::*;
use crate::probe::http::testing::Server;
use tokio::io::AsyncReadExt as _;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// HPACK: `:status: 200`.
const OK: &[u8] = &[0x88];
/// HPACK: `:status: 103`, never indexed.
const HINTS: &[u8] = &[0x18, 3, b'1', b'0', b'3'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn field(name: &str, value: &str) -> Vec<u8> {
    assert!(name.len() < 127 && value.len() < 127);
    [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
}

/// Waits for the request's HEADERS frame; says SETTINGS first.
async fn greet(stream: &mut TcpStream) -> Option<()> {
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.ok()?;
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.ok()?;
        if head[3] == HEADERS {
            return Some(());
        }
    }
}

/// Answers the first request with `frames`, then with `again` for as long as somebody reads, then holds.
async fn server(frames: Vec<u8>, again: Vec<u8>, hold: bool) -> Server {
    serve(move |mut stream, _| {
        let (frames, again) = (frames.clone(), again.clone());
        async move {
            if greet(&mut stream).await.is_none() || stream.write_all(&frames).await.is_err() {
                return;
            }
            let (mut read, mut write) = stream.split();
            let repeat = async {
                while !again.is_empty() && write.write_all(&again).await.is_ok() {}
                if hold {
                    std::future::pending::<()>().await;
                }
                let _ = write.shutdown().await;
            };
            let drain = async {
                let mut sink = [0; 4096];
                while read.read(&mut sink).await.is_ok_and(|n| n > 0) {}
            };
            tokio::select! { () = drain => {}, () = repeat => {} }
        }
    })
    .await
}

async fn get(frames: Vec<u8>, again: Vec<u8>, hold: bool) -> Exchange {
    let server = server(frames, again, hold).await;
    connect(&server, true, &budget()).await.send(&GET).await
}

#[tokio::test]
async fn an_answer_is_read_whole() {
    let head = [
        OK,
        &field("x-a", "1"),
        &field("set-cookie", "a=12345678"),
        &field("x-b", "caf\u{e9}"),
        &field("set-cookie", "b=12345678"),
    ]
    .concat();
    let frames =
        [frame(HEADERS, END_HEADERS, 1, &head), frame(DATA, 0, 1, b"hel"), frame(DATA, END_STREAM, 1, b"lo")].concat();
    let exchange = get(frames, Vec::new(), true).await;
    let response = answered(&exchange);
    assert_eq!((response.status, response.version.as_str()), (200, "HTTP/2"));
    assert_eq!(response.headers.all("set-cookie").collect::<Vec<_>>(), ["a=(redacted)", "b=(redacted)"]);
    assert_eq!(response.headers.first("x-b"), Some("café"));
    assert_eq!((response.body.prefix.as_str(), &response.body.end), ("hello", &BodyEnd::Complete));
    assert!(exchange.request.headers.lines().iter().all(|line| !line.name.chars().any(char::is_uppercase)));
    assert!(exchange.timing.head_ms.unwrap() <= exchange.timing.total_ms.unwrap());
}

#[tokio::test]
async fn refusals_are_typed() {
    let reset = failed(get(frame(RST_STREAM, 0, 1, &[0, 0, 0, 0x0d]), Vec::new(), true).await);
    assert!(matches!(&reset, Failure::Protocol { why } if why.contains("HTTP/1.1")), "{reset:?}");
    let goaway = failed(get(frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0x0b]), Vec::new(), true).await);
    assert!(matches!(&goaway, Failure::Protocol { why } if why.contains("load")), "{goaway:?}");
    let closed = failed(get(Vec::new(), Vec::new(), false).await);
    assert!(matches!(closed, Failure::Closed), "{closed:?}");
    let silent = failed(get(Vec::new(), Vec::new(), true).await);
    assert!(matches!(silent, Failure::TimedOut(_)), "{silent:?}");
    let garbage = failed(get(frame(0xee, 0xff, 0x7fff_ffff, &[1; 20_000]), Vec::new(), true).await);
    assert!(matches!(garbage, Failure::Protocol { .. }), "{garbage:?}");
    let cut = [frame(HEADERS, END_HEADERS, 1, OK), frame(DATA, 0, 1, b"abc"), frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])]
        .concat();
    let cut = get(cut, Vec::new(), true).await;
    assert!(matches!(&answered(&cut).body.end, BodyEnd::Broken { .. }));
    let lost = [frame(HEADERS, END_HEADERS, 1, OK), frame(DATA, 0, 1, b"abc")].concat();
    let lost = get(lost, Vec::new(), false).await;
    assert!(matches!(&answered(&lost).body, body if body.length == 3 && matches!(body.end, BodyEnd::Broken { .. })));
    let wrong = [
        frame(HEADERS, END_HEADERS, 1, &[OK, &field("content-length", "2")].concat()),
        frame(DATA, END_STREAM, 1, b"abc"),
    ]
    .concat();
    let wrong = get(wrong, Vec::new(), true).await;
    assert!(matches!(&answered(&wrong).body.end, BodyEnd::Broken { .. }));
}

#[tokio::test]
async fn another_protocol_is_named() {
    let server = scripted(vec![b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec()], false).await;
    let failure = failed(connect(&server, true, &budget()).await.send(&GET).await);
    assert!(matches!(&failure, Failure::NotHttp { why } if why.contains("HTTP/1.1 400")), "{failure:?}");
}

#[tokio::test]
async fn floods_end_within_bounds() {
    let start = Instant::now();
    let hints = frame(HEADERS, END_HEADERS, 1, HINTS);
    for (name, frames, again) in [
        ("pings", Vec::new(), frame(PING, 0, 0, &[0; 8]).repeat(500)),
        ("settings", Vec::new(), frame(SETTINGS, 0, 0, &[]).repeat(500)),
        ("hints", Vec::new(), hints.repeat(500)),
        ("continuations", frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 0, 1, &[]).repeat(500)),
        (
            "one long name",
            frame(HEADERS, 0, 1, OK),
            frame(CONTINUATION, 0, 1, &field("x", &"y".repeat(120)).repeat(100)),
        ),
        ("unknown frames", Vec::new(), frame(0xbb, 0, 0, &[0; 16_000])),
    ] {
        let exchange = get(frames, again, true).await;
        let failure = failed(exchange);
        assert!(
            matches!(failure, Failure::TooLarge { .. } | Failure::Protocol { .. } | Failure::TimedOut(_)),
            "{name}: {failure:?}"
        );
    }
    let body = get(frame(HEADERS, END_HEADERS, 1, OK), frame(DATA, 0, 1, &[b'x'; 100]), true).await;
    let body = &answered(&body).body;
    assert!(body.length <= 1024 * 1024 && body.end != BodyEnd::Complete, "{body:?}");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn heads_and_bodies_are_bounded() {
    let long = [OK, &field("x", &"y".repeat(120)).repeat(600)].concat();
    let mut head = frame(HEADERS, END_STREAM, 1, &[]);
    for piece in long.chunks(16_000) {
        head.extend(frame(CONTINUATION, 0, 1, piece));
    }
    head.extend(frame(CONTINUATION, END_HEADERS, 1, &[]));
    let failure = failed(get(head, Vec::new(), true).await);
    assert!(matches!(failure, Failure::TooLarge { .. }), "{failure:?}");
    let tiny = [OK, &field("x", "").repeat(300)].concat();
    let failure = failed(get(frame(HEADERS, END_HEADERS | END_STREAM, 1, &tiny), Vec::new(), true).await);
    assert!(matches!(&failure, Failure::TooLarge { why } if why.contains("256")), "{failure:?}");
}

#[tokio::test]
async fn data_after_hints_does_not_break_us() {
    let frames = [frame(HEADERS, END_HEADERS, 1, HINTS), frame(DATA, END_STREAM, 1, b"abc")].concat();
    let failure = failed(get(frames, Vec::new(), true).await);
    assert!(matches!(failure, Failure::Protocol { .. } | Failure::TimedOut(_)), "{failure:?}");
    let failure = failed(get(frame(DATA, END_STREAM, 1, b"abc"), Vec::new(), true).await);
    assert!(matches!(failure, Failure::Protocol { .. } | Failure::TimedOut(_)), "{failure:?}");
}
