//! Saved answers: the output of `curl -sI`, `-si`, `-sD-`, `-sv`, and what resembles it.
//!
//! Read line by line: a status line opens an answer, header lines follow up to an empty line, then the body up to
//! the next status line. In the verbose form `> ` lines are the request and `* ` lines are curl's own words.

use cfdoctor_checks::evidence::http::{
    Body, BodyEnd, Exchange, Exchanges, Headers, Outcome, Request, Response, Timing,
};
use cfdoctor_checks::evidence::redact::Secrets;
use cfdoctor_checks::evidence::target::{Scheme, Target};
use cfdoctor_checks::evidence::text::{clean, clean_bytes, shorten};
use cfdoctor_checks::evidence::{Evidence, Gathered, redact};
use cfdoctor_checks::{NotRun, Probe};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Octets of a body that are kept, as in a live visit.
const PREFIX: usize = 8 * 1024;
/// Header lines of one answer that are kept, as in a live visit.
const MAX_FIELDS: usize = 256;
/// Answers of one file that are kept.
const MAX_ANSWERS: usize = 1000;

/// One answer, with what the dump tells of its request.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    status: u16,
    version: String,
    headers: Headers,
    body: String,
    /// From `> ` lines.
    method: Option<String>,
    path: Option<String>,
    host: Option<String>,
    asked: Headers,
    /// From `* Connected to … port …`.
    port: Option<u16>,
}

impl Answer {
    /// The URL, where the request's own lines tell it.
    pub(super) fn url(&self) -> Option<String> {
        let (host, path) = (self.host.as_deref()?, self.path.as_deref()?);
        if path.contains("://") {
            return Some(path.to_owned());
        }
        let scheme = if self.port == Some(80) { "http" } else { "https" };
        Some(format!("{scheme}://{host}{path}"))
    }
}

/// Does any line of the text open an answer?
pub(super) fn looks_like_one(text: &str) -> bool {
    text.lines().take(20_000).any(|line| status_line(line.trim_start_matches("< ")).is_some())
}

/// `HTTP/2 200`, `HTTP/1.1 404 Not Found`.
fn status_line(line: &str) -> Option<(String, u16, &str)> {
    let rest = line.strip_prefix("HTTP/")?;
    let (version, rest) = rest.split_once(' ')?;
    if version.is_empty() || !version.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let rest = rest.trim_start();
    let (code, reason) = rest.split_once(' ').unwrap_or((rest.trim_end(), ""));
    let status = code.trim_end().parse().ok().filter(|status| (100..1000).contains(status))?;
    let version = if version == "1.0" || version == "1.1" { version } else { version.split('.').next()? };
    Some((format!("HTTP/{version}"), status, reason))
}

enum Reading {
    Outside,
    Head,
    Body,
}

/// The answers of a dump, and what was skipped (with its line).
///
/// # Errors
/// Why there is no whole answer in it.
pub(super) fn parse(bytes: &[u8]) -> Result<(Vec<Answer>, Vec<String>), String> {
    let (mut answers, mut notes) = (Vec::<Answer>::new(), Vec::new());
    let (mut reading, mut current, mut next) = (Reading::Outside, None::<Answer>, Answer::default());
    let mut secrets = Secrets::default();
    for (index, raw) in bytes.split(|b| *b == b'\n').enumerate() {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let line = clean_bytes(raw);
        let at = index + 1;
        if let Some(asked) = line.strip_prefix("> ").or_else(|| (line == ">").then_some("")) {
            if matches!(reading, Reading::Body | Reading::Head) {
                finish(&mut answers, &mut current, &mut notes);
                reading = Reading::Outside;
            }
            request_line(asked, &mut next, &mut secrets);
            continue;
        }
        if line.starts_with("* ") || line.starts_with("{ [") || line.starts_with("} [") {
            note_port(&line, &mut next);
            continue;
        }
        let verbose = line.strip_prefix("< ").or_else(|| (line == "<").then_some(""));
        let text = verbose.unwrap_or(&line);
        if let Some((version, status, reason)) = status_line(text) {
            finish(&mut answers, &mut current, &mut notes);
            if answers.len() >= MAX_ANSWERS {
                notes.push(format!("line {at}: only the first {MAX_ANSWERS} answers are judged"));
                hide(&mut answers, &secrets);
                return Ok((answers, notes));
            }
            let tunnel = status == 200 && reason.to_ascii_lowercase().contains("connection established");
            if tunnel || (100..200).contains(&status) {
                reading = Reading::Outside; // a proxy's or an interim answer, not the origin's
            } else {
                let asked = std::mem::take(&mut next);
                next.port = asked.port;
                current = Some(Answer { status, version, ..asked });
                reading = Reading::Head;
            }
            continue;
        }
        match (&reading, current.as_mut()) {
            (Reading::Head, Some(_)) if text.trim().is_empty() => reading = Reading::Body,
            (Reading::Head, Some(answer)) => header_line(text, at, answer, &mut notes, &mut secrets),
            (Reading::Body, Some(answer)) if answer.body.len() < PREFIX && verbose.is_none() => {
                answer.body.push_str(&line);
                answer.body.push('\n');
            }
            _ => {}
        }
    }
    let cut = matches!(reading, Reading::Head);
    finish(&mut answers, &mut current, &mut notes);
    if cut && let Some(last) = answers.last() {
        notes.push(format!("the last answer (status {}) ends inside its header lines", last.status));
    }
    hide(&mut answers, &secrets);
    if answers.is_empty() {
        return Err("taken for an HTTP dump, but no answer in it could be read".into());
    }
    Ok((answers, notes))
}

/// What the file shows as a secret in one place is one in every other.
fn hide(answers: &mut [Answer], secrets: &Secrets) {
    for answer in answers {
        answer.headers.hide(secrets);
        answer.body = secrets.blank(std::mem::take(&mut answer.body));
        answer.path = answer.path.take().map(|path| secrets.blank(path));
    }
}

fn finish(answers: &mut Vec<Answer>, current: &mut Option<Answer>, notes: &mut Vec<String>) {
    if let Some(answer) = current.take() {
        if answer.headers.lines().len() >= MAX_FIELDS {
            notes.push(format!("an answer has more than {MAX_FIELDS} header lines; the rest is left out"));
        }
        answers.push(answer);
    }
}

fn request_line(text: &str, next: &mut Answer, secrets: &mut Secrets) {
    if text.is_empty() {
        return;
    }
    let mut words = text.split(' ');
    if let (Some(method), Some(path), Some(version)) = (words.next(), words.next(), words.next())
        && version.starts_with("HTTP/")
    {
        secrets.learn_url(path);
        *next = Answer {
            method: Some(shorten(method, 20)),
            path: Some(path.to_owned()),
            port: next.port,
            ..Answer::default()
        };
        return;
    }
    if let Some((name, value)) = text.split_once(':')
        && next.asked.lines().len() < MAX_FIELDS
    {
        if name.eq_ignore_ascii_case("host") {
            next.host = Some(value.trim().to_ascii_lowercase());
        }
        secrets.guess(name, value);
        next.asked.push(name, value);
    }
}

/// `* Connected to host (1.2.3.4) port 443`.
fn note_port(line: &str, next: &mut Answer) {
    if let Some((_, after)) = line.split_once(" port ")
        && line.contains("onnected to ")
    {
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        next.port = digits.parse().ok().or(next.port);
    }
}

fn header_line(text: &str, at: usize, answer: &mut Answer, notes: &mut Vec<String>, secrets: &mut Secrets) {
    if answer.headers.lines().len() >= MAX_FIELDS {
        return;
    }
    match text.split_once(':') {
        // HTTP/2 pseudo headers as some tools print them.
        Some(("", _)) => {}
        Some((name, value)) if !name.is_empty() && !name.contains(' ') => {
            secrets.guess(name, value);
            answer.headers.push(name, value);
        }
        // What stands there is not repeated: half of a cookie is no header line either.
        _ => notes.push(format!("line {at}: not a header line, skipped")),
    }
}

/// Puts the answers where they belong: samples of the target's URL, hops after a redirect, `http://`.
pub(super) fn lay_over(
    evidence: &mut Evidence,
    edge: Vec<Answer>,
    origin: Vec<Answer>,
    method: Option<&str>,
    notes: &mut Vec<String>,
) {
    if !edge.is_empty() {
        let exchanges = exchanges(&evidence.target, edge, method, Probe::EdgeHttp, notes);
        if let Some(first) = exchanges.samples.first()
            && method.is_none()
        {
            evidence.target.method.clone_from(&first.request.method);
        }
        evidence.edge.http = Gathered::Found(exchanges);
    }
    if !origin.is_empty() {
        evidence.origin.http = Gathered::Found(exchanges(&evidence.target, origin, method, Probe::OriginHttp, notes));
    }
}

fn exchanges(
    target: &Target,
    answers: Vec<Answer>,
    method: Option<&str>,
    probe: Probe,
    notes: &mut Vec<String>,
) -> Exchanges {
    let mut found = only_samples(Vec::new(), probe);
    let head = method.is_none() && !answers.is_empty() && answers.iter().all(only_head);
    if head {
        notes.push(
            "taken with HEAD (curl -I), it seems: no answer has a body; HEAD misleads, so nothing of the cache fails \
             on it (was it GET? say --method GET)"
                .into(),
        );
    }
    // Where the last answer was a redirect, the next one is asked at its Location.
    let mut led_to: Option<String> = None;
    for answer in answers {
        let url = answer.url().or_else(|| led_to.take()).unwrap_or_else(|| target.url());
        let exchange = exchange(answer, &url, method, head);
        let location = exchange.response().filter(|r| r.is_redirect()).and_then(|r| r.headers.first("location"));
        led_to = location.and_then(|to| url::Url::parse(&url).ok()?.join(to).ok()).map(String::from);
        let same = same_url(&url, &target.url());
        let plain = url.starts_with("http://") && target.scheme == Scheme::Https;
        if exchange.request.method == "OPTIONS" && target.method != "OPTIONS" {
            found.preflight = Gathered::Found(exchange);
        } else if plain && same_url(&url.replacen("http://", "https://", 1), &target.url()) {
            found.plain = Gathered::Found(exchange);
        } else if url.contains("/cdn-cgi/trace") {
            found.trace = Gathered::Found(exchange);
        } else if same || found.samples.is_empty() && probe == Probe::OriginHttp {
            found.samples.push(exchange);
        } else if found.samples.last().and_then(Exchange::response).is_some_and(Response::is_redirect) {
            found.redirects.push(exchange);
        } else if found.samples.is_empty() && found.redirects.is_empty() {
            // Somebody saved it under another spelling of the URL: it is still what they ask about.
            found.samples.push(exchange);
        } else {
            notes.push(format!("an answer for {} is about another URL, skipped", shorten(&redact::text(&url), 80)));
        }
    }
    found
}

/// Samples, and nothing else looked at.
pub(super) fn only_samples(samples: Vec<Exchange>, probe: Probe) -> Exchanges {
    let unseen = || Gathered::Missing(NotRun::Disabled(probe));
    Exchanges {
        samples,
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: unseen(),
        trace: unseen(),
        preflight: unseen(),
    }
}

/// Only a head, where a GET would have brought a body.
fn only_head(answer: &Answer) -> bool {
    if let Some(method) = &answer.method {
        return method == "HEAD";
    }
    let length = answer.headers.first("content-length").and_then(|value| value.parse::<u64>().ok());
    answer.body.trim().is_empty() && length != Some(0) && !matches!(answer.status, 204 | 301..=308)
}

fn exchange(answer: Answer, url: &str, method: Option<&str>, head: bool) -> Exchange {
    let sent_at = answer.headers.first("date").and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    let fallback = if head { "HEAD" } else { "GET" };
    let prefix = redact::text(&clean(&answer.body).replace('\u{fffd}', "\n"));
    Exchange {
        request: Request {
            method: answer.method.as_deref().or(method).unwrap_or(fallback).to_owned(),
            url: redact::text(url),
            headers: answer.asked,
        },
        sent_at,
        outcome: Outcome::Answered(Box::new(Response {
            status: answer.status,
            version: answer.version,
            headers: answer.headers,
            body: Body { length: prefix.len() as u64, sha256: None, prefix, end: BodyEnd::Unknown },
        })),
        timing: Timing::default(),
        earlier: Vec::new(),
    }
}

/// Equal but for case of the host, a default port and a bare `/`.
fn same_url(a: &str, b: &str) -> bool {
    match (url::Url::parse(a), url::Url::parse(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(dump: &str, url: &str) -> (Exchanges, Vec<String>) {
        let (answers, mut notes) = parse(dump.as_bytes()).unwrap();
        let target: Target = url.parse().unwrap();
        let found = exchanges(&target, answers, None, Probe::EdgeHttp, &mut notes);
        (found, notes)
    }

    #[test]
    fn reads_the_forms_of_curl() {
        let head =
            "HTTP/2 200 \r\ncontent-type: application/json\r\ncontent-length: 7\r\ncf-cache-status: DYNAMIC\r\n\r\n";
        let (found, notes) = laid(head, "https://a.example.com/x");
        assert_eq!(found.samples[0].request.method, "HEAD");
        assert!(notes[0].contains("HEAD"));
        let included = "HTTP/1.1 200 OK\nContent-Type: text/plain\nSet-Cookie: a=secret\n\nhello\nHTTP/1.1 is old\n\nHTTP/1.1 200 OK\nX: 2\n\nhello\n";
        let (found, _) = laid(included, "https://a.example.com/x");
        assert_eq!(found.samples.len(), 2);
        assert_eq!(found.samples[0].request.method, "GET");
        let first = found.samples[0].response().unwrap();
        assert!(first.body.prefix.contains("HTTP/1.1 is old"));
        assert_eq!(first.headers.first("set-cookie"), Some("a=(redacted)"));
        let verbose = "* Connected to a.example.com (192.0.2.1) port 443\n> GET /x HTTP/2\n> Host: a.example.com\n> authorization: Bearer secret\n>\n< HTTP/2 200\n< cf-ray: 1-SEA\n<\n{ [5 bytes data]\nhello\n";
        let (found, _) = laid(verbose, "https://a.example.com/x");
        assert_eq!(found.samples[0].request.headers.first("Authorization"), Some("Bearer (redacted)"));
        assert_eq!(found.samples[0].response().unwrap().body.prefix.trim(), "hello");
    }

    #[test]
    fn redirects_and_interim_answers_find_their_place() {
        let dump = "HTTP/1.1 200 Connection established\n\nHTTP/1.1 103 Early Hints\nlink: x\n\nHTTP/1.1 301 Moved\nlocation: https://a.example.com/y\n\nHTTP/2 200\nx: y\n\nbody\n";
        let (found, _) = laid(dump, "https://a.example.com/x");
        assert_eq!((found.samples.len(), found.redirects.len()), (1, 1));
        assert_eq!(found.redirects[0].request.url, "https://a.example.com/y");
        let http = "> GET / HTTP/1.1\n> Host: a.example.com\n>\n< HTTP/1.1 200 OK\n<\n";
        assert_eq!(laid(http, "https://a.example.com/").0.samples.len(), 1);
    }

    #[test]
    fn cut_and_broken_dumps_say_where() {
        let (answers, notes) = parse(b"HTTP/1.1 200 OK\nfoo: bar\nthis is no header\ncf-ray: 1").unwrap();
        assert_eq!(answers[0].headers.lines().len(), 2);
        assert!(notes[0].contains("line 3"), "{notes:?}");
        assert!(notes[1].contains("ends inside"), "{notes:?}");
        assert!(parse(b"nothing here").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
            let mut dump = b"HTTP/1.1 200 OK\n".to_vec();
            dump.extend(bytes);
            let _ = parse(&dump);
        }
    }
}
