//! The edge's cache: what it may hold, for how long, and what it tells the browser (`facts/cloudflare.md` section 1).
//!
//! Written apart from the model in `checks/`, so that each is a test of the other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};

use super::upstream::Answer;

/// The 56 extensions and no other (`facts/cloudflare.md` section 1.2).
const DEFAULT_EXTENSIONS: &str = include_str!("../../checks/data/cacheable-extensions.txt");
/// `status,seconds` where nobody says anything (`facts/cloudflare.md` section 1.5).
const DEFAULT_TTL: &str = include_str!("../../checks/data/default-edge-ttl.csv");

/// A Cache Rule for the whole host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRule {
    /// What its expression asks of the method; empty: every method.
    pub methods: &'static [&'static str],
    /// What it does.
    pub action: CacheAction,
}

/// What a Cache Rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheAction {
    /// Eligible for cache, with this edge TTL.
    Eligible(EdgeTtl),
    /// Bypass cache.
    Bypass,
}

/// The edge TTL of a Cache Rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeTtl {
    /// As the origin says, else by status.
    RespectOrigin,
    /// As the origin says, else not stored.
    BypassByDefault,
    /// So many seconds, whatever the origin says.
    Override(u64),
}

/// What a stored answer is found by: data centre, scheme towards the origin, host, path with query, `Origin`
/// (`facts/cloudflare.md` section 1.8).
pub(super) type Key = (String, String, String, String, String);

/// What may be done with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// The request was not eligible: DYNAMIC.
    NotEligible,
    /// The answer forbids storing: BYPASS.
    Refused,
    /// Stored, and fresh for so long; the cookie of the answer is dropped.
    Stored(Duration),
}

/// A stored answer.
#[derive(Clone)]
pub(super) struct Stored {
    at: Instant,
    fresh: Duration,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Stored {
    /// Whole seconds since it was stored; `None`: no longer fresh.
    pub(super) fn age(&self) -> Option<u64> {
        let age = self.at.elapsed();
        (age < self.fresh).then_some(age.as_secs())
    }
}

/// Every data centre's cache.
#[derive(Default)]
pub(super) struct Store(Mutex<HashMap<Key, Stored>>);

impl Store {
    /// What is held, fresh or not.
    pub(super) fn find(&self, key: &Key) -> Option<Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) fn keep(&self, key: Key, answer: &Answer, fresh: Duration) {
        let (status, headers, body) = (answer.status, answer.headers.clone(), answer.body.clone());
        let stored = Stored { at: Instant::now(), fresh, status, headers, body };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, stored);
    }
}

/// Is the request eligible? By method, rule and extension, never by content type (section 1.1 B).
pub(super) fn is_eligible(rule: Option<&CacheRule>, method: &Method, path: &str) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return false;
    }
    match rule.filter(|rule| rule.methods.is_empty() || rule.methods.contains(&method.as_str())) {
        Some(rule) => rule.action != CacheAction::Bypass,
        None => {
            let file = path.rsplit('/').next().unwrap_or_default();
            let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
            file == "robots.txt"
                || extension.is_some_and(|own| DEFAULT_EXTENSIONS.lines().any(|known| known.trim() == own))
        }
    }
}

/// May the answer to an eligible request be stored (section 1.1 C and D, with Origin Cache Control on)?
pub(super) fn storage(rule: Option<&CacheRule>, answer: &Answer, request: &Request<Bytes>) -> Storage {
    let ttl = match rule.map(|rule| rule.action) {
        Some(CacheAction::Eligible(ttl)) => ttl,
        _ => EdgeTtl::RespectOrigin,
    };
    let headers = &answer.headers;
    if text(headers, "vary").is_some_and(|vary| vary.split(',').any(|name| name.trim() == "*")) {
        return Storage::Refused;
    }
    if let EdgeTtl::Override(seconds) = ttl {
        // Whether this alone makes errors cacheable is not known (section 1.5): here it does not.
        let stored = by_status(answer.status.as_u16()).map(|_| Duration::from_secs(seconds));
        return stored.map_or(Storage::Refused, Storage::Stored);
    }
    let control = ["cloudflare-cdn-cache-control", "cdn-cache-control", "cache-control"]
        .into_iter()
        .find_map(|name| Some(Control::of(&text(headers, name)?)))
        .unwrap_or_default();
    if control.has("no-store") || control.has("private") || headers.contains_key(header::SET_COOKIE) {
        return Storage::Refused;
    }
    let shareable = control.has("public") || control.has("must-revalidate") || control.seconds("s-maxage").is_some();
    if request.headers().contains_key(header::AUTHORIZATION) && !shareable {
        return Storage::Refused;
    }
    if control.has("no-cache") {
        return Storage::Stored(Duration::ZERO); // kept, and asked for again each time
    }
    let said = control.seconds("s-maxage").or_else(|| control.seconds("max-age")).or_else(|| expires(headers));
    match said {
        Some(seconds) => Storage::Stored(Duration::from_secs(seconds)),
        None if ttl == EdgeTtl::BypassByDefault => Storage::Refused,
        None => by_status(answer.status.as_u16()).map_or(Storage::Refused, Storage::Stored),
    }
}

fn by_status(status: u16) -> Option<Duration> {
    DEFAULT_TTL.lines().find_map(|line| {
        let (code, seconds) = line.split_once(',')?;
        (code.parse() == Ok(status)).then(|| seconds.trim().parse().ok().map(Duration::from_secs))?
    })
}

/// Seconds until `Expires`; what cannot be read is in the past.
fn expires(headers: &HeaderMap) -> Option<u64> {
    let at = text(headers, "expires")?;
    let left = httpdate::parse_http_date(&at).ok().and_then(|at| at.duration_since(std::time::SystemTime::now()).ok());
    Some(left.map_or(0, |left| left.as_secs()))
}

/// Browser Cache TTL: raises what the origin said, never lowers it; 0 leaves it alone (section 1.9). Only `max-age`
/// changes, the other directives stay.
pub(super) fn rewrite_browser_ttl(headers: &mut HeaderMap, setting: u64) {
    let mut control = Control::of(&text(headers, "cache-control").unwrap_or_default());
    if setting == 0 || control.seconds("max-age").is_some_and(|seconds| seconds >= setting) {
        return;
    }
    control.0.retain(|directive| !directive.is_empty() && !directive.starts_with("max-age"));
    control.0.push(format!("max-age={setting}"));
    if let Ok(value) = HeaderValue::try_from(control.0.join(", ")) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

/// All lines of a header in one.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// The directives of a Cache-Control line, as far as the demo's origins write them: lower case, without quotes.
#[derive(Default)]
struct Control(Vec<String>);

impl Control {
    fn of(line: &str) -> Control {
        Control(line.split(',').map(|directive| directive.trim().to_ascii_lowercase()).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|directive| directive == name)
    }

    fn seconds(&self, name: &str) -> Option<u64> {
        self.0.iter().find_map(|directive| directive.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    }
}
