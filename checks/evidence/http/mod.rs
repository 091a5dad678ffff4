//! HTTP as it happened: requests, header lines as sent, time of each phase.

mod age;
mod cache_control;
mod cache_control_faults;
mod cf_cache_status;
mod cf_ray;
mod content_range;
mod etag;
mod expires;
mod set_cookie;
mod vary;

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use age::Age;
pub use cache_control::{CacheControl, Directive, Fault, FaultKind, MOST_SECONDS, Name, Seconds};
pub use cf_cache_status::CacheStatus;
pub use cf_ray::CfRay;
pub use content_range::ContentRange;
pub use etag::ETag;
pub use expires::{Expires, http_date};
pub use set_cookie::SetCookie;
pub use vary::Vary;

use super::Gathered;
use super::tls::{Connect, Patience, TlsOutcome};

/// What was asked at one end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchanges {
    /// Requests for the target's URL, in order, over the handshake's connection where it was kept open.
    #[serde(default)]
    pub samples: Vec<Exchange>,
    /// The hops after the first sample, where that one redirects; each is whole.
    #[serde(default)]
    pub redirects: Vec<Exchange>,
    /// Why following stopped before an answer that is no redirect, if so.
    #[serde(default)]
    pub redirects_stopped: Option<String>,
    /// `http://` on port 80, same host and path.
    pub plain: Gathered<Exchange>,
    /// `/cdn-cgi/trace` (edge only).
    pub trace: Gathered<Exchange>,
    /// The CORS preflight, where `-H Origin` was given (edge only).
    pub preflight: Gathered<Exchange>,
}

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// When it was sent; for files, when the answer says so (`Date`), else unknown.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub sent_at: Option<OffsetDateTime>,
    /// What came.
    pub outcome: Outcome,
    /// Milliseconds of each phase.
    #[serde(default)]
    pub timing: Timing,
    /// Earlier tries that failed in transport, in words (`--retries`).
    #[serde(default)]
    pub earlier: Vec<String>,
}

/// A request as sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Method.
    pub method: String,
    /// The URL asked for (visitor's view: host of the `Host` header), signed parameters redacted.
    pub url: String,
    /// Header lines, secrets redacted.
    #[serde(default)]
    pub headers: Headers,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// An answer whose head could be read.
    Answered(Box<Response>),
    /// No answer.
    Failed(Failure),
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// TCP failed.
    Connect(Connect),
    /// TLS failed; the vantage's handshake says how.
    Tls {
        /// In words.
        why: String,
    },
    /// Nothing, or not all of the head, came in time.
    TimedOut(Patience),
    /// The peer closed before an answer.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// The head went over a limit of ours (64 KiB, 256 fields).
    TooLarge {
        /// Which limit.
        why: String,
    },
    /// What came is not HTTP.
    NotHttp {
        /// What it is, with its first bytes, cleaned.
        why: String,
    },
    /// HTTP/2 error, GOAWAY, or another protocol failure.
    Protocol {
        /// The reason.
        why: String,
    },
    /// We did not ask: our own decision, which says nothing of the peer.
    NotSent {
        /// The reason.
        why: String,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Status code, as sent (may be beyond 599).
    pub status: u16,
    /// `HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`.
    pub version: String,
    /// Header lines in order, duplicates kept; secrets redacted.
    #[serde(default)]
    pub headers: Headers,
    /// The body.
    #[serde(default)]
    pub body: Body,
}

/// A body, or what we kept of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Octets read as they came on the wire after transfer coding, at most 1 MiB.
    pub length: u64,
    /// Hash over what was read, lower-case hex; `None` when nothing was read (HEAD, files).
    #[serde(default)]
    pub sha256: Option<String>,
    /// The first 8 KiB as text: cleaned, secrets redacted; empty for binary types.
    #[serde(default)]
    pub prefix: String,
    /// How reading ended.
    #[serde(default)]
    pub end: BodyEnd,
}

/// How reading a body ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyEnd {
    /// Whole.
    #[default]
    Complete,
    /// Our bound of 1 MiB.
    CutByUs,
    /// It came too slowly.
    TimedOut(Patience),
    /// It ended before its announced length, or its chunks were broken.
    Broken {
        /// The reason.
        why: String,
    },
    /// Not known (files).
    Unknown,
}

/// Milliseconds of each phase; `None`: not part of this exchange (reused connection) or not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// TCP.
    #[serde(default)]
    pub connect_ms: Option<f64>,
    /// TLS.
    #[serde(default)]
    pub tls_ms: Option<f64>,
    /// From the request to the head of the answer.
    #[serde(default)]
    pub head_ms: Option<f64>,
    /// From the request to the end of the body.
    #[serde(default)]
    pub total_ms: Option<f64>,
}

/// Header lines in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(Vec<HeaderLine>);

/// One header line: name as sent, value cleaned of control characters and redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub struct HeaderLine {
    /// As sent (HTTP/2 has only lower case).
    pub name: String,
    /// Without surrounding white space.
    pub value: String,
}

impl From<(String, String)> for HeaderLine {
    fn from((name, value): (String, String)) -> Self {
        HeaderLine::new(&name, &value)
    }
}

impl From<HeaderLine> for (String, String) {
    fn from(line: HeaderLine) -> Self {
        (line.name, line.value)
    }
}

impl fmt::Display for HeaderLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value)
    }
}

impl HeaderLine {
    /// A line from outside: cleaned and redacted here, once.
    pub fn new(name: &str, value: &str) -> Self {
        let name = super::text::clean(name.trim());
        let value = super::redact::header(&name, &super::text::cleaned(value.trim()));
        HeaderLine { name, value }
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(lines: I) -> Self {
        Headers(lines.into_iter().map(HeaderLine::from).collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Headers {
    fn from(lines: [(&str, &str); N]) -> Self {
        Headers(lines.iter().map(|(name, value)| HeaderLine::new(name, value)).collect())
    }
}

impl Headers {
    /// Adds a line at the end; it is cleaned and redacted here.
    pub fn push(&mut self, name: &str, value: &str) {
        self.0.push(HeaderLine::new(name, value));
    }

    /// The same for a line of our own, in which there is nothing to clean or to redact.
    pub fn push_harmless(&mut self, name: &str, value: &'static str) {
        self.0.push(HeaderLine { name: name.to_owned(), value: value.to_owned() });
    }

    /// Takes these secrets out of every line.
    pub fn hide(&mut self, secrets: &super::redact::Secrets) {
        for line in &mut self.0 {
            if secrets.are_in(&line.value) || secrets.are_in(&line.name) {
                *line = HeaderLine::new(&secrets.blank(line.name.clone()), &secrets.blank(line.value.clone()));
            }
        }
    }

    /// Every line, in order.
    pub fn lines(&self) -> &[HeaderLine] {
        &self.0
    }

    /// The values of every line with this name, in order; names compare without case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value.as_str())
    }

    /// The first value with this name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value.as_str())
    }

    /// Is there such a line?
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// `name: value` lines with this name, as sent: for proof.
    pub fn quote(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|line| line.name.eq_ignore_ascii_case(name)).map(ToString::to_string).collect()
    }
}

impl Exchange {
    /// The answer, if there was one.
    pub fn response(&self) -> Option<&Response> {
        match &self.outcome {
            Outcome::Answered(response) => Some(response),
            Outcome::Failed(_) => None,
        }
    }
}

impl Exchanges {
    /// The first sample's answer.
    pub fn first(&self) -> Option<&Response> {
        self.samples.first().and_then(Exchange::response)
    }

    /// Every answer of the samples, in order.
    pub fn answers(&self) -> impl Iterator<Item = &Response> {
        self.samples.iter().filter_map(Exchange::response)
    }
}

impl Response {
    /// Is the status a redirect with a place to go?
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308) && self.headers.has("location")
    }

    /// Do the header lines look as if all of them were seen? Every server with a clock dates its answers (RFC 9110
    /// §6.6.1), so a report without `Date` and with few lines is somebody's excerpt: what is absent there proves
    /// nothing.
    pub fn is_whole(&self) -> bool {
        self.headers.has("date") || self.headers.lines().len() >= 6
    }

    /// Media type without parameters, lower case.
    pub fn media_type(&self) -> Option<String> {
        let value = self.headers.first("content-type")?;
        Some(value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase())
    }
}

impl Failure {
    /// In words, as a clause.
    pub fn describe(&self) -> String {
        match self {
            Failure::Connect(connect) => connect.describe(),
            Failure::Tls { why } => format!("TLS failed: {why}"),
            Failure::TimedOut(patience) => format!("no answer within {}", patience.describe()),
            Failure::Closed => "the connection was closed without an answer".into(),
            Failure::Reset => "the connection was reset".into(),
            Failure::TooLarge { why } => format!("the answer's head is too large: {why}"),
            Failure::NotHttp { why } => format!("what came is not HTTP: {why}"),
            Failure::Protocol { why } => format!("the protocol failed: {why}"),
            Failure::NotSent { why } => format!("nothing was sent: {why}"),
        }
    }
}

impl Connect {
    /// In words, as a clause.
    pub fn describe(&self) -> String {
        match self {
            Connect::Open => "connected".into(),
            Connect::Refused => "the TCP connection was refused".into(),
            Connect::TimedOut(patience) => format!("no TCP answer within {}", patience.describe()),
            Connect::Unreachable { why } => format!("unreachable: {why}"),
            Connect::NoAddress { why } => format!("no address to connect to: {why}"),
            Connect::ProxyFailed { why } => format!("the proxy failed: {why}"),
            Connect::Reported => "reported from elsewhere".into(),
        }
    }
}

impl TlsOutcome {
    /// In words, as a clause.
    pub fn describe(&self) -> String {
        match self {
            TlsOutcome::Completed => "the connection was lost after the handshake".into(),
            TlsOutcome::Alert { code, name, .. } => format!("the server sent the alert {name} ({code})"),
            TlsOutcome::NotTls { first } => format!("what came is not TLS: {first:?}"),
            TlsOutcome::Closed => "the server closed the connection during the handshake".into(),
            TlsOutcome::Reset => "the server reset the connection during the handshake".into(),
            TlsOutcome::TimedOut(patience) => format!("the handshake was not done within {}", patience.describe()),
            TlsOutcome::Broken { why } => why.clone(),
            TlsOutcome::NotReached => "TCP did not get that far".into(),
            TlsOutcome::Reported { error } => error.clone().unwrap_or_else(|| "reported from elsewhere".into()),
        }
    }
}

impl Patience {
    /// `35 s`, or `4.2 s (our deadline)`.
    pub fn describe(&self) -> String {
        let seconds = format!("{} s", (self.after_ms as f64 / 100.0).round() / 10.0);
        match self.limit {
            super::tls::Limit::Step => seconds,
            super::tls::Limit::Deadline => format!("{seconds} (our deadline)"),
            super::tls::Limit::Interrupted => format!("{seconds} (interrupted)"),
            super::tls::Limit::Overloaded => format!("{seconds} (our own machine was overloaded)"),
        }
    }
}
