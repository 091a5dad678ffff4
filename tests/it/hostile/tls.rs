//! Ports where TLS should be spoken, and certificates that are not as they should be.

use super::certificates::{
    followed_by, long_chain, plain_tls, tls, with_name, with_names, with_subject, with_years, wrong_key,
};
use super::doctor::{Case, all_survive};
use super::script::{Front, Step};
use super::{at_edge, at_origin};
use Step::{Close, Drip, Flood, Hello, Rekey, Request, Reset, Say, Silence};

/// What a row stands for: name, what is sent below TLS, what the evidence then says.
type Row = (&'static str, Vec<Step>, &'static str);

/// The beginning of a ServerHello: record, message of 200 octets, version, and no more.
const HALF_A_HELLO: &[u8] = &[0x16, 3, 3, 0, 204, 2, 0, 0, 200, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9];

fn ports() -> Vec<Row> {
    let say = |octets: &[u8]| Say(octets.to_vec());
    let record = |kind: u8, body: &[u8]| [&[kind, 3, 3, 0, body.len() as u8][..], body].concat();
    let page = "HTTP/1.1 400 Bad Request\r\nServer: \u{1b}[31mx\r\n\r\nplain HTTP request was sent";
    vec![
        ("SSH", vec![say(b"SSH-2.0-OpenSSH_9.6\x1b[31m\r\n"), Hello, Close], "SSH-2.0"),
        ("SMTP that waits", vec![say(b"220 mail.example.com ESMTP\r\n"), Silence], "220 mail"),
        ("plain HTTP", vec![Hello, say(page.as_bytes()), Close], "400 Bad Request"),
        ("silence", vec![Silence], "timed-out"),
        ("silence after the hello", vec![Hello, Silence], "timed-out"),
        ("a reset at once", vec![Reset], "reset"),
        ("a reset after the hello", vec![Hello, Reset], "reset"),
        ("the end at once", vec![Close], "\"chain\": []"),
        ("the end after the hello", vec![Hello, Close], "closed"),
        ("half a hello, then silence", vec![Hello, say(HALF_A_HELLO), Silence], "timed-out"),
        ("half a hello, then the end", vec![Hello, say(HALF_A_HELLO), Close], "\"chain\": []"),
        ("half a hello, then a reset", vec![Hello, say(HALF_A_HELLO), Reset], "reset"),
        ("octets of chance", vec![Hello, say(&(0..=255).rev().collect::<Vec<u8>>()), Close], "not-tls"),
        ("octets of chance without end", vec![Flood((0..=255).rev().collect())], "not-tls"),
        ("a record of nonsense", vec![Hello, say(&record(22, &[0xff; 100])), Silence], "broken"),
        ("a message without end", vec![Hello, Flood(record(22, &[11, 0xff, 0xff, 0xff, 0, 0]))], "broken"),
        ("empty records without end", vec![Hello, Flood(record(22, b""))], "\"chain\": []"),
        ("warnings without end", vec![Hello, Flood(record(21, &[1, 90]))], "\"chain\": []"),
        ("warnings of an end without end", vec![Hello, Flood(record(21, &[1, 0]))], "\"chain\": []"),
        ("fatal alerts without end", vec![Hello, Flood(record(21, &[2, 40]))], "handshake_failure"),
        ("wishes for a new handshake without end", vec![Hello, Flood(record(22, &[0, 0, 0, 0]))], "\"chain\": []"),
        ("changes of the cipher without end", vec![Hello, Flood(record(20, &[1]))], "\"chain\": []"),
        ("a hello of one octet a second", vec![Hello, Drip(HALF_A_HELLO.to_vec())], "timed-out"),
        ("an alert of no known number", vec![Hello, say(&record(21, &[2, 201])), Close], "201"),
    ]
}

fn certificates() -> Vec<(&'static str, Front, &'static str)> {
    let escapes = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\u{202e}evil\r\nX: y";
    let rest = |rest: Vec<Vec<u8>>| tls(followed_by(rest));
    vec![
        ("500 names", tls(with_names(500)), "n499.example.com"),
        ("1,500 names", tls(with_names(1500)), "n499.example.com"),
        ("20,000 names", tls(with_names(20_000)), "edge"),
        ("escapes in the subject", tls(with_subject(escapes)), "\u{fffd}[31mred"),
        ("escapes in a name", tls(with_name("\u{1b}[31m.example.com")), "\u{fffd}[31m.example.com"),
        ("a NUL in a name", tls(with_name("lambda.example.com\0.evil.example")), "\u{fffd}.evil.example"),
        ("a name of stars", tls(with_name("*.*.*.*")), "*.*.*.*"),
        ("a subject of 20,000 letters", tls(with_subject(&"a".repeat(5_000))), "aaaa"),
        ("a subject of 100,000 letters", tls(with_subject(&"a".repeat(100_000))), "edge"),
        ("years of long ago", tls(with_years(1950, 1951)), "1951-12-31"),
        ("years without end", tls(with_years(1975, 9999)), "9999-12-31"),
        ("years that run backwards", tls(with_years(2049, 1999)), "1999-12-31"),
        ("a chain of 40", tls(long_chain(39)), "Authority 38"),
        ("a chain of 10", tls(long_chain(9)), "Authority 0"),
        ("octets behind the certificate", rest(vec![vec![0xff; 500]]), "unreadable"),
        ("nothing behind the certificate", rest(vec![vec![]; 3]), "unreadable"),
        ("1,000 small pieces behind it", rest(vec![vec![0x30, 0x00]; 1000]), "unreadable"),
        ("deep nests behind it", rest(vec![[0x30, 0x80].repeat(8000)]), "unreadable"),
        ("octets in place of a certificate", tls(vec![vec![0x30, 0x82, 0xff, 0xff, 1, 2, 3].into()]), "unreadable"),
        ("no octet in place of a certificate", tls(vec![vec![].into()]), "unreadable"),
        ("a chain of 10 MB", rest(vec![vec![0x30; 1_000_000]; 10]), "edge"),
        ("the key of another", wrong_key(), "lambda.example.com"),
        ("no certificate", tls(vec![]), "\"chain\": []"),
    ]
}

fn answers() -> Vec<Step> {
    vec![Request, Say(b"HTTP/1.1 200 OK\r\nServer: cloudflare\r\nContent-Length: 2\r\n\r\nhi".to_vec())]
}

#[test]
fn ports_at_the_edge() {
    let clear = || (plain_tls(), vec![Silence]);
    let cases = ports().into_iter().map(|(name, steps, says)| at_edge(name, (Front::Raw, steps), clear(), says));
    all_survive(cases.collect());
}

#[test]
fn certificates_at_the_edge() {
    let clear = || (Front::Raw, answers());
    let cases = certificates().into_iter().map(|(name, front, says)| at_edge(name, (front, answers()), clear(), says));
    all_survive(cases.collect());
}

/// What TLS 1.3 has in place of a renegotiation, before and in the midst of an answer.
#[test]
fn keys_renewed_for_ever() {
    let clear = || (Front::Raw, answers());
    let head = || Say(b"HTTP/1.1 200 OK\r\nServer: cloudflare\r\nContent-Length: 2\r\n\r\n".to_vec());
    let rows = [
        ("a few new keys before the answer", vec![Request, Rekey(5), head(), Say(b"hi".to_vec())], "\"status\": 200"),
        ("100,000 new keys before the answer", vec![Request, Rekey(100_000), head(), Say(b"hi".to_vec())], "samples"),
        ("100,000 new keys in the answer", vec![Request, head(), Rekey(100_000), Say(b"hi".to_vec())], "samples"),
    ];
    all_survive(
        rows.into_iter().map(|(name, steps, says)| at_edge(name, (plain_tls(), steps), clear(), says)).collect(),
    );
}

#[test]
fn tls_at_the_origin() {
    let some = |name: &str| {
        ["SSH", "plain HTTP", "silence after", "half", "a message", "a reset"].iter().any(|part| name.starts_with(part))
    };
    let ports = ports().into_iter().filter(|(name, ..)| some(name));
    let ports = ports.map(|(name, steps, says)| at_origin(name, (Front::Raw, steps), says));
    let sound = ["20,000 names", "a subject of 100,000 letters", "a chain of 10 MB"];
    let certificates = certificates().into_iter().filter(|(name, ..)| !sound.contains(name));
    let certificates = certificates.map(|(name, front, says)| at_origin(name, (front, answers()), says));
    let cases: Vec<Case> = ports.chain(certificates).collect();
    all_survive(cases);
}
