//! Answers of HTTP/1 that are too long, too slow, too clever or no answers.

use super::certificates::{plain_pem, plain_tls};
use super::doctor::{Case, all_survive};
use super::script::{Front, Server, Step};
use super::{at_edge, at_origin, friendly_edge, lead};
use Step::{Answer, Close, Drip, Flood, Request, Reset, Say, Silence};

const OK: &str = "HTTP/1.1 200 OK\r\nServer: cloudflare\r\nCF-Ray: 8f0000000000abcd-FRA\r\nCF-Cache-Status: MISS\r\n";

/// What a row stands for: name, answer, what the evidence then says.
type Row = (&'static str, Vec<Step>, &'static str);

fn say(text: impl AsRef<[u8]>) -> Step {
    Say(text.as_ref().to_vec())
}

fn flood(text: &str) -> Step {
    Flood(text.into())
}

/// A good head with these lines, and what follows it.
fn ok(lines: impl AsRef<[u8]>, rest: impl AsRef<[u8]>) -> Step {
    Say([OK.as_bytes(), lines.as_ref(), b"\r\n", rest.as_ref()].concat())
}

fn heads() -> Vec<Row> {
    let long = |length| format!("X-Long: {}\r\nContent-Length: 0\r\n", "a".repeat(length));
    vec![
        ("a header line of 60,000 octets", vec![ok(long(60_000), "")], "\"status\": 200"),
        ("a header line of 64 KiB", vec![ok(long(64 * 1024), "")], "more than 64 KiB"),
        ("10,000 header lines", vec![ok("a: b\r\n".repeat(10_000), "")], "more than 256 fields"),
        ("10,000 long header lines", vec![ok("abcd: efgh\r\n".repeat(10_000), "")], "more than 64 KiB"),
        ("a header line without end", vec![say(OK), say("X: "), flood("a")], "more than 64 KiB"),
        ("header lines without end", vec![say(OK), flood("a: b\r\n")], "more than 64 KiB"),
        ("continued lines without end", vec![say(OK), flood(" a\r\n")], "more than 64 KiB"),
        ("a head of one octet a second", vec![Drip(OK.into())], "timed-out"),
        ("half a head, then silence", vec![say(OK), Silence], "timed-out"),
        ("half a head, then the end", vec![say(OK), Close], "in the middle of the head"),
        ("interim answers without end", vec![flood("HTTP/1.1 100 Continue\r\n\r\n")], "interim answers (1xx)"),
        ("an unasked switch of protocols", vec![say("HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n\0\0")], "\"status\": 101"),
        ("status 999", vec![say("HTTP/1.1 999 \u{1b}[31mX\r\nContent-Length: 0\r\n\r\n")], "\"status\": 999"),
        ("status 099", vec![say("HTTP/1.1 099 X\r\n\r\n"), Close], "not-http"),
        ("status 20x", vec![say("HTTP/1.1 20x OK\r\n\r\n"), Close], "not-http"),
        ("status 2000", vec![say("HTTP/1.1 2000 OK\r\n\r\n"), Close], "not-http"),
        ("HTTP/0.9", vec![say("<html>\u{1b}[2Jhello</html>"), Close], "not-http"),
        ("HTTP/9.9", vec![say("HTTP/9.9 200 OK\r\n\r\n"), Close], "\"version\": \"HTTP/9.9\""),
        ("bare line feeds", vec![say("HTTP/1.1 200 OK\nX-Bare: yes\nContent-Length: 2\n\nhi")], "X-Bare"),
        ("bare carriage returns", vec![ok("X: a\rSet-Cookie: b\r\nContent-Length: 0\r\n", "")], "\u{fffd}Set-Cookie"),
        ("a NUL", vec![ok("X: a\0b\r\n", ""), Close], "NUL"),
        ("octets that are not UTF-8", vec![ok(b"X-L\xe9: caf\xe9 \xff\xfe\r\nContent-Length: 0\r\n", "")], "café"),
        ("no answer, the end", vec![Close], "closed"),
        ("no answer, a reset", vec![Reset], "reset"),
        ("no answer", vec![Silence], "timed-out"),
        ("an answer and a half", vec![ok("Content-Length: 2\r\n", "hiHTTP/1.1 200 OK\r\nX: ")], "\"length\": 2"),
    ]
}

fn bodies() -> Vec<Row> {
    let chunked = "Transfer-Encoding: chunked\r\n";
    let endless = || vec![ok("", ""), flood("0123456789")];
    vec![
        ("a body without end", endless(), "cut-by-us"),
        ("a body of one octet a second", vec![ok("", ""), Drip(b"x".to_vec())], "timed-out"),
        ("a bomb of gzip", vec![ok("Content-Encoding: gzip\r\n", bomb(900_000)), Close], "\"length\": 9000"),
        ("a bomb that says text", vec![ok("Content-Type: text/html\r\n", bomb(900_000)), Close], "\"length\": 9000"),
        ("much announced, nothing sent", vec![ok("Content-Length: 99999999999\r\n", "x"), Close], "announced end"),
        ("too little announced", vec![ok("Content-Length: 5\r\n", "a long body")], "\"length\": 5"),
        ("too much announced", vec![ok("Content-Length: 100\r\n", "short"), Close], "95 octets before"),
        ("too much announced, then a reset", vec![ok("Content-Length: 100\r\n", "short"), Reset], "reset"),
        ("too much announced, then silence", vec![ok("Content-Length: 100\r\n", "short"), Silence], "timed-out"),
        ("a negative length", vec![ok("Content-Length: -1\r\n", "x"), Close], "is no number"),
        (
            "a length beyond numbers",
            vec![ok(format!("Content-Length: {}\r\n", "9".repeat(40)), ""), Close],
            "no number",
        ),
        ("two lengths", vec![ok("Content-Length: 1\r\nContent-Length: 2\r\n", "xy"), Close], "disagree"),
        ("chunks of no size", vec![ok(chunked, "zz\r\n\u{1b}[2J"), Close], "begin with its size"),
        ("chunks of negative size", vec![ok(chunked, "-1\r\nx\r\n"), Close], "begin with its size"),
        ("a chunk of 2⁶⁴ octets", vec![ok(chunked, "ffffffffffffffff\r\n"), flood("y")], "cut-by-us"),
        ("chunks without end", vec![ok(chunked, ""), flood("1\r\nx\r\n")], "more chunk framing"),
        ("a chunk's extension without end", vec![ok(chunked, "5;"), flood("a")], "longer than 1 KiB"),
        ("trailers without end", vec![ok(chunked, "0\r\n"), flood("a: b\r\n")], "more chunk framing"),
        (
            "length and chunks",
            vec![ok([chunked, "Content-Length: 3\r\n"].concat(), "2\r\nhi\r\n0\r\n\r\n")],
            "length\": 2",
        ),
        ("chunks with a sign", vec![ok(chunked, "+2\r\nhi\r\n0\r\n\r\n"), Close], "begin with its size"),
        (
            "chunks of hexadecimals with a prefix",
            vec![ok(chunked, "0x2\r\nhi\r\n0\r\n\r\n"), Close],
            "begin with its size",
        ),
        (
            "chunked twice",
            vec![ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"), Close],
            "samples",
        ),
        (
            "chunked and something",
            vec![ok("Transfer-Encoding: chunked, x\r\n", "2\r\nhi\r\n0\r\n\r\n"), Close],
            "samples",
        ),
        ("nearly chunked", vec![ok("Transfer-Encoding: xchunked\r\n", "2\r\nhi\r\n0\r\n\r\n"), Close], "samples"),
        (
            "chunked after a vertical tab",
            vec![ok("Transfer-Encoding: \u{b}chunked\r\nContent-Length: 2\r\n", "hi"), Close],
            "samples",
        ),
        (
            "a blank before the colon",
            vec![ok("Transfer-Encoding : chunked\r\nContent-Length: 2\r\n", "hi"), Close],
            "samples",
        ),
        (
            "a coding on a folded line",
            vec![ok("Transfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n", "2\r\nhi\r\n0\r\n\r\n"), Close],
            "samples",
        ),
        ("a length with a sign", vec![ok("Content-Length: +2\r\n", "hi"), Close], "is no number"),
        ("a list of lengths", vec![ok("Content-Length: 2, 2\r\n", "hi"), Close], "samples"),
        ("a length and another answer within it", vec![ok("Content-Length: 200\r\n", OK), Silence], "timed-out"),
        (
            "a body where none may be",
            vec![Say(b"HTTP/1.1 304 Not\r\nContent-Length: 2\r\n\r\nhi".to_vec()), Close],
            "\"status\": 304",
        ),
        ("a line feed in a chunk's size", vec![ok(chunked, "2\nhi\r\n0\r\n\r\n"), Close], "samples"),
        ("JSON as deep as a well", vec![ok("Content-Type: application/json\r\n", "[".repeat(500_000)), Close], "[[["),
        (
            "a page of escapes",
            vec![ok("Content-Type: text/html\r\n", "\u{1b}]0;x\u{7}\u{9b}2J".repeat(1000)), Close],
            "\u{fffd}2J",
        ),
    ]
}

/// Lines that checks read, filled with what they do not expect.
fn lines() -> Vec<Row> {
    let line = |text: String| vec![ok(text + "\r\nContent-Length: 0\r\n", "")];
    vec![
        ("escapes everywhere", line(ESCAPES.into()), "[31m"),
        ("20,000 directives", line(format!("Cache-Control: {}", "a,".repeat(20_000))), "a,a,"),
        ("4,000 lifetimes", line(format!("Cache-Control: {}", numbered("max-age=", 4000))), "max-age=1,max-age=2"),
        ("a date of 50,000 octets", line(format!("Expires: {}", "Mon, ".repeat(10_000))), "Mon, Mon"),
        ("one directive of 60,000 octets", line(format!("Cache-Control: max-age={}", "9".repeat(60_000))), "9999"),
        ("quotes that do not end", line(format!("Cache-Control: private=\"{}", "\\\"".repeat(20_000))), "private="),
        ("9,000 names in Vary", line(format!("Vary: {}", numbered("h", 9000))), "h0,h1,h2"),
        ("200 cookies", line(format!("{}X: y", "Set-Cookie: a=b; Path=/; Max-Age=-1\r\n".repeat(200))), "Set-Cookie"),
        ("a cookie of 60,000 octets", line(format!("Set-Cookie: {}", "a;".repeat(30_000))), "Set-Cookie"),
        (
            "dates of no calendar",
            line("Date: never\r\nExpires: 99999\r\nAge: -5\r\nETag: \"\r\nLast-Modified: \x01".into()),
            "never",
        ),
        (
            "a wait of ages",
            vec![say("HTTP/1.1 429 X\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n")],
            "status\": 429",
        ),
        (
            "an unknown cache status",
            line("CF-Cache-Status: \u{1b}[31mWAT\r\nAge: 99999999999999999999999".into()),
            "WAT",
        ),
    ]
}

/// `h0,h1,h2` …
fn numbered(name: &str, count: usize) -> String {
    (0..count).map(|n| format!("{name}{n}")).collect::<Vec<_>>().join(",")
}

const ESCAPES: &str = "X-\u{1b}[31mName: \u{1b}[31mred\u{1b}]8;;http://evil.example/\u{7}link\r\nCache-Control: \u{1b}[31m\
                       no-store\u{202e}\r\nSet-Cookie: \u{1b}[31mid=1; Path=\u{9b}2J\r\nVary: \u{1b}[31m\r\nServer: \u{8}\u{8}";

fn redirects() -> Vec<Row> {
    let to = |place: &str| vec![say(format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"))];
    vec![
        ("to itself", to("/x"), "a loop"),
        ("to a file", to("file:///etc/passwd"), "out of HTTP"),
        ("to a script", to("javascript:alert(1)"), "out of HTTP"),
        ("to nowhere", to("http://"), "cannot be read"),
        ("to a port that is none", to("https://a.example.com:99999/"), "cannot be read"),
        ("to an empty place", to(""), "a loop"),
        ("to escapes", to("/\u{1b}[31m\u{7}"), "Location"),
        ("to a place of 60,000 octets", to(&format!("/{}", "a".repeat(60_000))), "Location"),
        ("on and on", vec![Answer(next_hop)], "/x"),
        ("to a name that is none", to("https://-\u{1b}..example.com/"), "redirects_stopped"),
    ]
}

/// `/x` leads to `/x1`, that to `/x11`, …
fn next_hop(line: &str) -> String {
    let path = line.split(' ').nth(1).unwrap_or_default();
    format!("HTTP/1.1 302 Found\r\nLocation: {path}1\r\nContent-Length: 0\r\n\r\n")
}

/// Zeros by the hundred million in `size` octets of gzip: after one literal only copies of 258 octets from distance 1
/// (RFC 1951 §3.2.6: length code 285 is 11000101, distance code 0 is 00000).
pub(super) fn bomb(size: usize) -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let begin = [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]; // last block, fixed codes, literal 0
    let copy = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let bits = begin.into_iter().chain(copy.into_iter().cycle());
    let mut octets = header.to_vec();
    let mut octet = 0_u8;
    for (at, bit) in bits.enumerate().take((size - header.len()) * 8) {
        octet |= bit << (at % 8);
        if at % 8 == 7 {
            octets.push(std::mem::take(&mut octet));
        }
    }
    octets.resize(size.next_multiple_of(1000), 0);
    octets
}

/// The same behind TLS and on the port of `http://`.
fn edge_cases(rows: Vec<Row>) -> Vec<Case> {
    rows.into_iter()
        .map(|(name, answer, says)| {
            let steps = [vec![Request], answer].concat();
            at_edge(name, (plain_tls(), steps.clone()), (Front::Raw, steps), says)
        })
        .collect()
}

#[test]
fn heads_and_bodies_at_the_edge() {
    all_survive(edge_cases([heads(), bodies()].concat()));
}

#[test]
fn lines_and_redirects_at_the_edge() {
    all_survive(edge_cases([lines(), redirects()].concat()));
}

#[test]
fn http_at_the_origin() {
    const NAMES: &[&str] = &[
        "a header line of 64 KiB",
        "10,000 header lines",
        "header lines without end",
        "a head of one octet a second",
        "interim answers without end",
        "HTTP/0.9",
        "no answer, a reset",
        "a body without end",
        "a body of one octet a second",
        "a bomb of gzip",
        "chunks without end",
        "escapes everywhere",
        "20,000 directives",
        "to itself",
    ];
    let rows = [heads(), bodies(), lines(), redirects()].concat();
    let chosen: Vec<Row> = rows.into_iter().filter(|(name, ..)| NAMES.contains(name)).collect();
    assert_eq!(chosen.len(), NAMES.len());
    let cases = chosen.into_iter().map(|(name, answer, says)| {
        let says = if name == "to itself" { "\"status\": 302" } else { says };
        at_origin(name, (plain_tls(), [vec![Request], answer].concat()), says)
    });
    all_survive(cases.collect());
}

const SECRETS: [&str; 4] = ["-H", "Authorization: Bearer hunter2hunter2", "-H", "Cookie: a=b"];

/// A redirect may lead anywhere; what the user says to the site goes to the site only.
#[test]
fn a_redirect_to_another_place_takes_no_secrets_along() {
    let away = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n";
    let site = Server::start(plain_tls(), vec![Request, say(away)]);
    let elsewhere = Server::start(Front::Raw, vec![Request, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")]);
    let mut arguments = lead("lambda.example.com", 443, site.port).to_vec();
    arguments.extend(friendly_edge()); // for its port 80: the first match counts
    arguments.extend(lead("169.254.169.254", 80, elsewhere.port));
    arguments.extend(SECRETS.map(Into::into));
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, plain_pem()).unwrap();
    arguments.extend(["--cacert".into(), trusted.display().to_string()]);
    let recorded = ("edge", "http://169.254.169.254/latest/meta-data/");
    all_survive(vec![Case::new("to the metadata of a cloud".into(), arguments, recorded)]);
    assert!(site.heard().contains("hunter2hunter2"));
    assert!(elsewhere.heard().starts_with("GET /latest/meta-data/ "), "{}", elsewhere.heard());
    assert!(!elsewhere.heard().contains("hunter2hunter2") && !elsewhere.heard().to_lowercase().contains("cookie"));
}

/// As curl, we say no secret to who cannot prove its name; what was kept back is said, and nothing is judged by it.
#[test]
fn an_untrusted_server_hears_no_secret() {
    let site = Server::start(plain_tls(), vec![Request, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")]);
    let mut arguments = lead("lambda.example.com", 443, site.port).to_vec();
    arguments.extend(friendly_edge());
    arguments.extend(lead("origin.example.net", 443, site.port));
    arguments.extend(["--origin".into(), "origin.example.net".into()]);
    arguments.extend(SECRETS.map(Into::into));
    let recorded =
        ("edge", "the request holds a secret (-H), and the certificate of lambda.example.com is not trusted");
    all_survive(vec![Case::new("to a stranger".into(), arguments, recorded)]);
    assert!(site.visits() > 1, "edge and origin were looked at");
    assert!(!site.heard().contains("hunter2hunter2") && !site.heard().to_lowercase().contains("cookie"));
}
