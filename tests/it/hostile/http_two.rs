//! Frames of HTTP/2 that no sound server sends.

use super::certificates::h2_tls;
use super::doctor::{Case, all_survive};
use super::script::{Front, Step};
use super::{at_edge, at_origin};
use Step::{Close, Flood, Frames, Reset, Say, Silence};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` and `:status: 100` as HPACK has them (RFC 7541 §6.1, §6.2.2).
const STATUS_200: &[u8] = &[0x88];
const STATUS_100: &[u8] = b"\x08\x03100";

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// One setting.
fn setting(id: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

/// The head of an answer, and the body follows.
fn head(block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, block)
}

/// A literal header line that is not indexed: name, and a value of less than 127 octets.
fn line(name: &str, value: &[u8]) -> Vec<u8> {
    [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value].concat()
}

/// One line of 4 KB in the table, then that line again 16,000 times: 64 MB of header lines in 20 KB.
fn hpack_bomb() -> Vec<Step> {
    const LENGTH: usize = 4000;
    let number = LENGTH - 127; // RFC 7541 §5.1, 7 bits and more
    let length = [0x7f, (number % 128) as u8 | 0x80, (number / 128) as u8];
    let entry = [&[0x40, 1, b'a'][..], &length, &vec![b'b'; LENGTH]].concat();
    let block = [STATUS_200, &entry, &vec![0xbe; 16_000 - entry.len()]].concat();
    vec![Say(frame(HEADERS, 0, 1, &block)), Say(frame(CONTINUATION, END_HEADERS, 1, &vec![0xbe; 16_000]))]
}

/// Before any request.
fn at_once() -> Vec<(&'static str, Vec<Step>, &'static str)> {
    let goaway = [&[0; 4][..], &11_u32.to_be_bytes(), b"\x1b[31mcalm"].concat();
    vec![
        ("GOAWAY at once", vec![Say(frame(GOAWAY, 0, 0, &goaway)), Close], "failed"),
        ("no frame at all", vec![Silence], "timed-out"),
        ("the end", vec![Close], "failed"),
        (
            "HTTP/1 in answer to HTTP/2",
            vec![Say(b"HTTP/1.1 400 Bad\r\n\r\n\x1b[31m".to_vec()), Close],
            "HTTP/2 was agreed",
        ),
        ("octets of no frame", vec![Say((0..=255).rev().cycle().take(5000).collect()), Silence], "failed"),
        ("octets of no frame without end", vec![Flood((0..=255).collect())], "failed"),
        ("a frame of 16 MiB", vec![Say(vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]), Flood(b"x".to_vec())], "failed"),
        ("settings without end", vec![Flood(setting(3, 100))], "too-large"),
        ("pings without end", vec![Flood(frame(PING, 0, 0, &[7; 8]))], "too-large"),
        ("frames of unknown kinds without end", vec![Flood(frame(0xee, 0, 0, b"x"))], "too-large"),
        ("windows without end", vec![Flood(frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]))], "failed"),
        ("no stream allowed", vec![Say(setting(3, 0)), Silence], "timed-out"),
        ("a window of nothing", vec![Say(setting(4, 0)), Silence], "timed-out"),
        ("a table of 4 GiB", vec![Say(setting(1, u32::MAX)), Silence], "timed-out"),
    ]
}

/// In answer to a request.
fn in_answer() -> Vec<(&'static str, Vec<Step>, &'static str)> {
    let head_only = |block: &[u8]| vec![Say(head(block)), Silence];
    let many = |count| (0..count).flat_map(|_| line("a", b"b")).collect::<Vec<u8>>();
    let endless = |piece: Vec<u8>| vec![Say(head(STATUS_200)), Flood(piece)];
    vec![
        ("a reset stream", vec![Say(frame(RST_STREAM, 0, 1, &2_u32.to_be_bytes())), Silence], "failed"),
        ("resets without end", vec![Flood(frame(RST_STREAM, 0, 1, &2_u32.to_be_bytes()))], "failed"),
        ("resets of other streams", vec![Flood(frame(RST_STREAM, 0, 77, &2_u32.to_be_bytes()))], "failed"),
        ("data before the head", vec![Say(frame(DATA, 0, 1, b"x")), Silence], "failed"),
        ("a head without a status", head_only(&line("a", b"b")), "failed"),
        ("status 099", head_only(b"\x08\x03099"), "failed"),
        ("status 999", head_only(b"\x08\x03999"), "\"status\": 999"),
        ("status 20x", head_only(b"\x08\x0320x"), "failed"),
        ("a head of nonsense", head_only(&[0xff; 40]), "failed"),
        ("escapes in a line", head_only(&[STATUS_200, &line("x", b"\x1b[31mred")].concat()), "failed"),
        ("octets that are not UTF-8", head_only(&[STATUS_200, &line("x", b"caf\xe9 \xff")].concat()), "café"),
        ("1,000 lines", head_only(&[STATUS_200, &many(1000)].concat()), "more than 256 fields"),
        ("a bomb of HPACK", hpack_bomb(), "header_list_way_too_large"),
        (
            "a head without end",
            vec![Say(frame(HEADERS, 0, 1, STATUS_200)), Flood(frame(CONTINUATION, 0, 1, &line("a", b"b")))],
            "failed",
        ),
        ("interim heads without end", vec![Flood(head(STATUS_100))], "failed"),
        ("a pushed answer", vec![Say(frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02\x88")), Silence], "failed"),
        ("more than the window", endless(frame(DATA, 0, 1, &[b'x'; 16_000])), "broken"),
        ("empty pieces without end", endless(frame(DATA, 0, 1, b"")), "broken"),
        ("padding without end", endless(frame(DATA, 8, 1, &[&[255][..], &[0; 255]].concat())), "broken"),
        ("a line of capitals", head_only(&[STATUS_200, &line("X-Y", b"z")].concat()), "failed"),
        (
            "a line of the connection",
            head_only(&[STATUS_200, &line("transfer-encoding", b"chunked")].concat()),
            "failed",
        ),
        ("two statuses", head_only(&[STATUS_200, STATUS_200].concat()), "failed"),
        ("the head of a request", head_only(b"\x82\x84\x86"), "failed"),
        (
            "another length than announced",
            vec![
                Say(head(&[STATUS_200, &line("content-length", b"5")].concat())),
                Say(frame(DATA, END_STREAM, 1, b"hi")),
                Silence,
            ],
            "broken",
        ),
        (
            "GOAWAY in the midst of an answer",
            vec![Say(head(STATUS_200)), Say(frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 2])), Close],
            "broken",
        ),
        ("trailers without end", endless(frame(HEADERS, END_HEADERS, 1, &line("a", b"b"))), "broken"),
        ("half a body, then silence", head_only(STATUS_200), "timed-out"),
        ("half a body, then a reset", vec![Say(head(STATUS_200)), Say(frame(DATA, 0, 1, b"x")), Reset], "broken"),
        ("half a body, then the end", vec![Say(head(STATUS_200)), Say(frame(DATA, 0, 1, b"x")), Close], "broken"),
        (
            "the end of a stream twice",
            vec![Say(frame(HEADERS, END_HEADERS | END_STREAM, 1, STATUS_200).repeat(2)), Silence],
            "\"status\": 200",
        ),
    ]
}

/// Every script of frames: name, steps, what the evidence of a visit then says.
pub(super) fn cases() -> Vec<(&'static str, Vec<Step>, &'static str)> {
    let hello = || Say(frame(SETTINGS, 0, 0, b""));
    let raw = |name: &str| name.starts_with("HTTP/1") || name.starts_with("octets of no frame") || name == "the end";
    let at_once = at_once().into_iter().map(|(name, steps, says)| {
        let begin = if raw(name) || name == "no frame at all" { vec![] } else { vec![hello()] };
        (name, [begin, steps].concat(), says)
    });
    let in_answer =
        in_answer().into_iter().map(|(name, steps, says)| (name, [vec![hello(), Frames], steps].concat(), says));
    at_once.chain(in_answer).collect()
}

#[test]
fn frames_at_the_edge() {
    let clear = || (Front::Raw, vec![Say(frame(SETTINGS, 0, 0, b"")), Silence]);
    let at_edge = |(name, steps, says): (&str, _, _)| at_edge(name, (h2_tls(), steps), clear(), says);
    all_survive(cases().into_iter().map(at_edge).collect());
}

#[test]
fn frames_at_the_origin() {
    const NAMES: &[&str] =
        &["GOAWAY at once", "settings without end", "no stream allowed", "a bomb of HPACK", "a reset stream"];
    let chosen: Vec<_> = cases().into_iter().filter(|(name, ..)| NAMES.contains(name)).collect();
    assert_eq!(chosen.len(), NAMES.len());
    let cases: Vec<Case> =
        chosen.into_iter().map(|(name, steps, says)| at_origin(name, (h2_tls(), steps), says)).collect();
    all_survive(cases);
}
