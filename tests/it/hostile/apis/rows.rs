//! What both APIs are made to do.

use super::super::http_one::bomb;
use super::super::script::Step;
use super::{Row, answer, json};
use Step::{Close, Drip, Flood, Pour, Reset, Say, Silence};

const PAGE: &str = "<html><h1>\u{1b}[31mWelcome</h1></html>";
const MEGABYTE: usize = 1024 * 1024;

/// What a vendor says of each kind of trouble.
pub(super) struct Words {
    /// A page with 200, and one with 403.
    pub(super) page: &'static str,
    pub(super) forbidden_page: &'static str,
    /// 500 and 502.
    pub(super) failed: &'static str,
    pub(super) late: &'static str,
    /// What is no JSON.
    pub(super) no_json: &'static str,
    /// JSON of another shape.
    pub(super) shape: &'static str,
    pub(super) large: &'static str,
    /// Not large, but of too many pieces.
    pub(super) many: &'static str,
    /// The connection broke.
    pub(super) broken: &'static str,
    pub(super) redirected: &'static str,
    /// 429, and a wait that is stated and too long.
    pub(super) limited: &'static str,
    pub(super) limited_long: &'static str,
}

fn rows_of(name: &'static str, says: &'static str, steps: Vec<Step>) -> Row {
    Row { name, steps, says }
}

/// Head of an answer whose body follows.
fn begin(lines: &str) -> Step {
    Say(format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{lines}\r\n").into_bytes())
}

/// Every behaviour. `list`: the beginning of a sound answer that is a list, up to its first row.
pub(super) fn all(words: &Words, list: &str) -> Vec<Row> {
    [pages(words), slow(words), shapes(words, list), large(words, list), lines(words)].concat()
}

/// A choice of every kind, for the second question, where a case costs more time.
pub(super) fn some(words: &Words, list: &str) -> Vec<Row> {
    const NAMES: &[&str] = &[
        "a page with 200",
        "a page with 500",
        "half a body, then silence",
        "half an object",
        "JSON as deep as a well",
        "50 MB in chunks",
        "7 MB of empty objects",
        "a pause of ages",
        "the end",
    ];
    let mut rows: Vec<Row> = all(words, list).into_iter().filter(|row| NAMES.contains(&row.name)).collect();
    for row in &mut rows {
        // So many questions may take their time.
        row.says = [row.says, "|", words.late].concat().leak();
    }
    assert_eq!(rows.len(), NAMES.len());
    rows
}

fn pages(words: &Words) -> Vec<Row> {
    let page = |status: &str| vec![answer(status, "Content-Type: text/html\r\n", PAGE)];
    let limited = |pause: &str| vec![answer("429 Too Many", &format!("Retry-After: {pause}\r\n"), "")];
    vec![
        rows_of("a page with 200", words.page, page("200 OK")),
        rows_of("a page with 403", words.forbidden_page, page("403 Forbidden")),
        rows_of("a page with 500", words.failed, page("500 Oops")),
        rows_of("a page with 502", words.failed, page("502 Bad Gateway")),
        rows_of("nothing with 200", words.no_json, vec![json("200 OK", "")]),
        rows_of("a redirect to nowhere", words.redirected, vec![answer("302 Found", "Location: http://\r\n", "")]),
        rows_of("a pause of ages", words.limited_long, limited("99999999999999999")),
        rows_of("a pause beyond numbers", words.limited, limited("99999999999999999999999999")),
        rows_of("a negative pause", words.limited, limited("-5")),
        rows_of("a pause of words", words.limited, limited("soon")),
        rows_of("429 for ever", words.limited, limited("0")),
    ]
}

fn slow(words: &Words) -> Vec<Row> {
    let half = Say(b"HTTP/1.1 200 OK\r\nContent-".to_vec());
    vec![
        rows_of("silence", words.late, vec![Silence]),
        rows_of("half a head, then silence", words.late, vec![half.clone(), Silence]),
        rows_of("a head of one octet a second", words.late, vec![Drip(b"HTTP/1.1 200 OK\r\nX: y".to_vec())]),
        rows_of(
            "half a body, then silence",
            words.late,
            vec![begin("Content-Length: 90\r\n"), Say(b"{".into()), Silence],
        ),
        rows_of("a body of one octet a second", words.late, vec![begin(""), Drip(b" ".to_vec())]),
        rows_of("the end", words.broken, vec![Close]),
        rows_of("a reset", words.broken, vec![Reset]),
        rows_of("half a head, then the end", words.broken, vec![half, Close]),
        rows_of(
            "half a body, then the end",
            words.broken,
            vec![begin("Content-Length: 90\r\n"), Say(b"{".into()), Close],
        ),
        rows_of("half a body, then a reset", words.broken, vec![begin("Content-Length: 90\r\n"), Reset]),
        rows_of("another protocol", words.broken, vec![Say(b"SSH-2.0-OpenSSH_9.6\x1b[31m\r\n".to_vec()), Close]),
    ]
}

fn shapes(words: &Words, list: &str) -> Vec<Row> {
    let told = |name, says, body: &[u8]| rows_of(name, says, vec![json("200 OK", body)]);
    let join = |parts: &[&[u8]]| parts.concat();
    let list = list.as_bytes();
    vec![
        told("half an object", words.no_json, list),
        told("JSON as deep as a well", words.no_json, &join(&[list, "[".repeat(10_000).as_bytes()])),
        told(
            "closed nests",
            words.no_json,
            &join(&[list, "[".repeat(10_000).as_bytes(), "]".repeat(10_000).as_bytes(), b"]}"]),
        ),
        told("a number beyond numbers", words.no_json, &join(&[list, b"1e999]}"])),
        told("a NUL", words.no_json, &join(&[list, b"\"a\0b\"]}"])),
        told("octets that are not UTF-8", words.no_json, &join(&[list, b"\"\xff\xfe\xc3\x28\"]}"])),
        told("half a pair of surrogates", words.no_json, &join(&[list, b"\"\\ud800\"]}"])),
        told("a byte order mark", words.no_json, &join(&[b"\xef\xbb\xbf", list, b"]}"])),
        told("an object twice", words.no_json, &join(&[list, b"]}", list, b"]}"])),
        told("a list in place of an object", words.shape, b"[]"),
        told("a word in place of an object", words.shape, b"\"\\u001b[31mhello\""),
        told("nothing at all", words.shape, b"null"),
    ]
}

fn large(words: &Words, list: &str) -> Vec<Row> {
    let row = |name, says, lines: &str, rest: Vec<Step>| {
        rows_of(name, says, [vec![begin(lines), Say(list.into())], rest].concat())
    };
    let text = || Pour(b"\"0123456789abcdefghijklmnopqrstuvwxyz\",".to_vec(), 50 * MEGABYTE);
    let whole = |piece: &str, octets: usize| {
        let body = format!("{list}{}{}]}}", piece.repeat(octets / piece.len()), piece.trim_end_matches(','));
        vec![json("200 OK", body)]
    };
    let chunk = |body: &str| format!("{:x}\r\n{body}\r\n", body.len()).into_bytes();
    let chunked = "Transfer-Encoding: chunked\r\n";
    let in_chunks =
        |rest| rows_of("50 MB in chunks", words.large, [vec![begin(chunked), Say(chunk(list))], rest].concat());
    vec![
        row("50 MB announced", words.large, &format!("Content-Length: {}\r\n", 50 * MEGABYTE), vec![text(), Close]),
        row("50 MB", words.large, "", vec![text(), Close]),
        in_chunks(vec![Pour(chunk(&"\"0123456789\",".repeat(1000)), 50 * MEGABYTE), Close]),
        rows_of("chunks without end", words.late, vec![begin(chunked), Flood(b"1\r\n \r\n".to_vec())]),
        rows_of("a chunk without size", words.broken, vec![begin(chunked), Say(b"zz\r\n\r\n".to_vec()), Close]),
        rows_of("a body without end", words.large, vec![begin(""), Flood(b" ".to_vec())]),
        rows_of("7 MB of empty objects", words.many, whole("{},", 7 * MEGABYTE)),
        rows_of("7 MB of objects with one field", words.many, whole("{\"a\":{}},", 7 * MEGABYTE)),
        rows_of("7 MB of numbers", words.many, whole("1,", 7 * MEGABYTE)),
        rows_of("a bomb of gzip", words.no_json, vec![begin("Content-Encoding: gzip\r\n"), Say(bomb(500_000)), Close]),
    ]
}

fn lines(words: &Words) -> Vec<Row> {
    let head = || Say(b"HTTP/1.1 200 OK\r\n".to_vec());
    vec![
        rows_of("a header line without end", words.broken, vec![head(), Say(b"X: ".to_vec()), Flood(b"a".to_vec())]),
        rows_of("header lines without end", words.broken, vec![head(), Flood(b"a: b\r\n".to_vec())]),
        rows_of("escapes in a line", words.broken, vec![head(), Say(b"X: \x1b[31mred\r\n\r\n{}".to_vec()), Close]),
        rows_of("10,000 header lines", words.broken, vec![head(), Say(b"a: b\r\n".repeat(10_000)), Close]),
        rows_of(
            "two lengths",
            words.broken,
            vec![begin("Content-Length: 1\r\nContent-Length: 2\r\n"), Say(b"{}".to_vec()), Close],
        ),
        rows_of("a negative length", words.broken, vec![begin("Content-Length: -1\r\n"), Say(b"{}".to_vec()), Close]),
        rows_of("interim answers without end", words.late, vec![Flood(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())]),
    ]
}
