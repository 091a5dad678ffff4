//! What is asked over a line: the samples, `/cdn-cgi/trace`, the preflight; and beside it `http://`.

use cfdoctor_checks::evidence::Gathered;
use cfdoctor_checks::evidence::http::{BodyEnd, Exchange, Failure, Outcome};
use cfdoctor_checks::evidence::redact::REDACTED;
use cfdoctor_checks::evidence::target::{Scheme, Target};
use cfdoctor_checks::{NotRun, Probe};
use secrecy::{ExposeSecret as _, SecretString};

use super::line::{self, Line};
use crate::probe::budget::Budget;
use crate::probe::dial::Route;
use crate::probe::http::{Ask, Connection};
use crate::settings::Settings;

/// An answer slower than this is not sampled again (`product.md` section 2).
const TOO_SLOW_MS: f64 = 10_000.0;
/// Answered by the edge itself (`facts/cloudflare.md` section 2).
const TRACE_PATH: &str = "/cdn-cgi/trace";

/// The most samples: of the 12 requests (`product.md` section 10) the `http://` looks, the trace, the origin's answer
/// and its confirmation keep theirs.
pub const MAX_SAMPLES: u32 = 7;

/// What was asked over the main line at the edge.
pub(super) struct Asked {
    pub(super) samples: Vec<Exchange>,
    /// The raw `Location` of the first sample.
    pub(super) location: Option<String>,
    pub(super) trace: Gathered<Exchange>,
    pub(super) preflight: Gathered<Exchange>,
}

impl Asked {
    /// Did the first sample bring no answer?
    pub(super) fn failed(&self) -> bool {
        self.samples.first().is_some_and(|sample| sample.response().is_none())
    }
}

/// Samples, then the preflight; the trace beside the later samples where HTTP/2 allows that, else after them.
pub(super) async fn at_edge(line: &mut Line, target: &Target, settings: &Settings, budget: &Budget) -> Asked {
    let authority = target.authority();
    let ask = Ask {
        method: &target.method,
        scheme: target.scheme,
        authority: &authority,
        path: &target.path,
        headers: &settings.request_headers,
    };
    let trace = Ask { method: "GET", path: TRACE_PATH, headers: &[], ..ask };
    let first = line.ask(&ask, settings, budget).await;
    let count = if is_read_only(&target.method) { settings.samples.clamp(1, MAX_SAMPLES) } else { 1 };
    let mut samples = vec![first.exchange];
    let beside = line.beside().filter(|_| line::requests_left(budget) > 0);
    let traced_beside = beside.is_some();
    let more = async {
        while samples.len() < count as usize && samples.last().is_some_and(may_repeat) && can_go_on(line, budget) {
            samples.push(line.ask(&ask, settings, budget).await.exchange);
        }
    };
    let traced = async {
        match beside {
            Some(connection) => Some(trace_over(connection, &trace).await),
            None => None,
        }
    };
    let ((), traced) = tokio::join!(more, traced);
    let refused =
        matches!(samples.first().map(|s| &s.outcome), Some(Outcome::Failed(Failure::Tls { .. } | Failure::Connect(_))));
    let trace = match traced {
        Some(exchange) => Gathered::Found(without_address(exchange)),
        None if refused && !traced_beside => blocked(samples.first()),
        None if can_go_on(line, budget) => {
            Gathered::Found(without_address(line.ask(&trace, settings, budget).await.exchange))
        }
        None => Gathered::Missing(NotRun::inconclusive("no request, connection or time was left")),
    };
    let preflight = match origin_header(settings) {
        None => Gathered::Missing(NotRun::not_applicable("no -H Origin was given")),
        Some(_) if refused => blocked(samples.first()),
        Some(_) if !can_go_on(line, budget) => {
            Gathered::Missing(NotRun::inconclusive("no request, connection or time was left"))
        }
        Some(origin) => {
            let headers = preflight_headers(origin, target, settings);
            let ask = Ask { method: "OPTIONS", headers: &headers, ..ask };
            Gathered::Found(line.ask(&ask, settings, budget).await.exchange)
        }
    };
    Asked { samples, location: first.location, trace, preflight }
}

/// The target's request, sent to the origin.
pub(super) async fn at_origin(line: &mut Line, target: &Target, settings: &Settings, budget: &Budget) -> Exchange {
    let authority = target.authority();
    let ask = Ask {
        method: &target.method,
        scheme: Scheme::Https,
        authority: &authority,
        path: &target.path,
        headers: &settings.request_headers,
    };
    line.ask(&ask, settings, budget).await.exchange
}

/// `http://` with the same host and path. The user's lines stay out of it: they were not meant to go in clear text.
pub(super) async fn in_clear(target: &Target, route: &Route, settings: &Settings, budget: &Budget) -> Exchange {
    let method = if is_read_only(&target.method) { &target.method } else { "GET" };
    let ask = Ask { method, scheme: Scheme::Http, authority: &target.host, path: &target.path, headers: &[] };
    let mut line = Line::new(Scheme::Http, &target.host, Scheme::Http.default_port(), route.optional(), settings);
    line.ask(&ask, settings, budget).await.exchange
}

/// May the same be asked again: answered, quickly, and without a word to wait?
pub(super) fn may_repeat(exchange: &Exchange) -> bool {
    let Some(response) = exchange.response() else { return false };
    let waits = response.status == 429 || (response.status == 503 && response.headers.has("retry-after"));
    let slow = exchange.timing.total_ms.is_some_and(|ms| ms > TOO_SLOW_MS);
    !waits && !slow && !matches!(response.body.end, BodyEnd::TimedOut(_))
}

/// Methods that only read.
pub(super) fn is_read_only(method: &str) -> bool {
    ["GET", "HEAD"].contains(&method)
}

fn can_go_on(line: &Line, budget: &Budget) -> bool {
    line.is_usable(budget) && !budget.is_over() && line::requests_left(budget) > 0
}

async fn trace_over(mut connection: Connection, ask: &Ask<'_>) -> Exchange {
    connection.send(ask).await
}

fn blocked(first: Option<&Exchange>) -> Gathered<Exchange> {
    let why = match first.map(|exchange| &exchange.outcome) {
        Some(Outcome::Failed(failure)) => failure.describe(),
        _ => "nothing was answered before".into(),
    };
    Gathered::Missing(NotRun::blocked(Probe::EdgeHttp, why))
}

/// The trace tells the visitor's own address: that is nobody's business in a report.
fn without_address(mut exchange: Exchange) -> Exchange {
    if let Outcome::Answered(response) = &mut exchange.outcome {
        let hidden = |line: &str| if line.starts_with("ip=") { format!("ip={REDACTED}") } else { line.to_owned() };
        response.body.prefix = response.body.prefix.split('\n').map(hidden).collect::<Vec<_>>().join("\n");
    }
    exchange
}

fn origin_header(settings: &Settings) -> Option<&SecretString> {
    settings.request_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("origin")).map(|(_, value)| value)
}

/// The lines of a browser's preflight for the user's request: names of the lines that a script would have set, no
/// credentials (Fetch standard, "CORS-preflight fetch").
fn preflight_headers(origin: &SecretString, target: &Target, settings: &Settings) -> Vec<(String, SecretString)> {
    const NOT_NAMED: &[&str] = &[
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-language",
        "content-length",
        "cookie",
        "date",
        "host",
        "origin",
        "referer",
        "user-agent",
    ];
    let mut names: Vec<String> = settings.request_headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names
        .retain(|name| !NOT_NAMED.contains(&name.as_str()) && !name.starts_with("sec-") && !name.starts_with("proxy-"));
    names.sort();
    names.dedup();
    let mut headers = vec![
        ("Origin".to_owned(), SecretString::from(origin.expose_secret())),
        ("Access-Control-Request-Method".to_owned(), SecretString::from(target.method.as_str())),
    ];
    if !names.is_empty() {
        headers.push(("Access-Control-Request-Headers".to_owned(), SecretString::from(names.join(","))));
    }
    headers
}
