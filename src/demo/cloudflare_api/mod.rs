//! A stand-in for the Cloudflare API: the same endpoints, envelope, codes and limits (`facts/cloudflare.md` section 8),
//! answered from documents of zones.

mod answers;
mod envelope;
mod fault;
#[cfg(test)]
mod secured;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::DemoError;
use super::serve::{self, Peer, Port, Reply};
use answers::Endpoint;
pub use fault::Fault;

/// Where the API is below its host, as at Cloudflare.
const PREFIX: &str = "/client/v4";

/// A token as Cloudflare makes them: 40 letters and digits.
const TOKEN: &str = "DemoReadOnlyToken0DemoReadOnlyToken0Demo";

/// The state of the token that the stand-in knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// Valid.
    Active,
    /// Its time is over.
    Expired,
    /// Revoked: nobody knows it any more.
    Revoked,
    /// The client's address is not on its list.
    AddressFiltered,
    /// Too many failed authentications from this address.
    ShutOut,
}

/// What the API has to answer with.
pub struct CloudflareApi {
    zones: Vec<Value>,
    token: TokenState,
    /// Permissions that the token lacks.
    lacking: BTreeSet<&'static str>,
    delay: Duration,
    /// Rows in a page, whatever is asked for.
    max_per_page: u64,
    /// Requests until there is a 429, and how long it then lasts, in seconds.
    limit: Option<(usize, u64)>,
    faults: BTreeMap<String, Fault>,
}

/// The API, listening.
pub struct Running {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Seen>>,
    _port: Port,
}

#[derive(Default)]
struct Seen {
    /// `path?query` of each request, without the prefix.
    requests: Vec<String>,
    connections: BTreeSet<u64>,
    /// Requests since the last pause.
    since: usize,
    blocked_until: Option<Instant>,
    /// How often each fault has struck.
    struck: BTreeMap<String, u32>,
}

impl CloudflareApi {
    /// An API that knows one zone. The document is of the shape of `zone.json`; beside it what Cloudflare knows and the
    /// doctor must not keep (account, owner, comments, TXT records) may be in it.
    pub fn new(document: Value) -> CloudflareApi {
        CloudflareApi {
            zones: vec![document],
            token: TokenState::Active,
            lacking: BTreeSet::new(),
            delay: Duration::ZERO,
            max_per_page: 5_000_000,
            limit: None,
            faults: BTreeMap::new(),
        }
    }

    /// One more zone.
    #[must_use]
    pub fn zone(mut self, document: Value) -> Self {
        self.zones.push(document);
        self
    }

    /// Takes a permission from the token, as the API spells it ("DNS Read").
    #[must_use]
    pub fn without_permission(mut self, permission: &'static str) -> Self {
        self.lacking.insert(permission);
        self
    }

    /// Another state of the token.
    #[must_use]
    pub fn token(mut self, state: TokenState) -> Self {
        self.token = state;
        self
    }

    /// Each answer takes this long.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// No page has more rows, whatever is asked for.
    #[must_use]
    pub fn max_per_page(mut self, rows: u64) -> Self {
        self.max_per_page = rows.max(1);
        self
    }

    /// After `requests`, everything is answered with 429 for `seconds`.
    #[must_use]
    pub fn limit(mut self, requests: usize, seconds: u64) -> Self {
        self.limit = Some((requests, seconds));
        self
    }

    /// Requests whose path ends so meet this fault. `""`: every one.
    #[must_use]
    pub fn fault(mut self, path_end: &str, fault: Fault) -> Self {
        self.faults.insert(path_end.to_owned(), fault);
        self
    }

    /// Serves HTTP on loopback.
    ///
    /// # Errors
    /// Loopback could not be used.
    pub async fn serve(self) -> Result<Running, DemoError> {
        let (api, seen) = (Arc::new(self), Arc::<Mutex<Seen>>::default());
        let port = serve::http(handler(api, seen.clone())).await?;
        Ok(Running { address: port.address, scheme: "http", seen, _port: port })
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `CLOUDFLARE_BASE_URL` has to be.
    pub fn base_url(&self) -> String {
        match self.scheme {
            "https" => format!("https://localhost:{}{PREFIX}", self.address.port()),
            _ => format!("http://{}{PREFIX}", self.address),
        }
    }

    /// What `CLOUDFLARE_API_TOKEN` has to be.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// `path?query` of every request so far, without the prefix, in order of arrival.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.seen).requests.clone()
    }

    /// Connections that requests came over.
    pub fn connections(&self) -> usize {
        lock(&self.seen).connections.len()
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn handler(
    api: Arc<CloudflareApi>,
    seen: Arc<Mutex<Seen>>,
) -> impl Fn(Request<Bytes>) -> std::pin::Pin<Box<dyn Future<Output = Option<Reply>> + Send>> + Clone {
    move |request| {
        let (api, seen) = (api.clone(), seen.clone());
        Box::pin(async move { answer(&api, &seen, &request).await })
    }
}

async fn answer(api: &CloudflareApi, seen: &Mutex<Seen>, request: &Request<Bytes>) -> Option<Reply> {
    let uri = request.uri();
    let path = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let strikes = {
        let mut seen = lock(seen);
        let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
        seen.requests.push(format!("{path}{query}"));
        seen.connections.extend(request.extensions().get::<Peer>().map(|peer| peer.connection));
        if let Some(wait) = seen.blocked(api.limit) {
            return Some(envelope::rate_limited(wait));
        }
        let struck = api.faults.iter().find(|(end, _)| path.ends_with(end.as_str()));
        struck.map(|(end, fault)| {
            let times = seen.struck.entry(end.clone()).or_default();
            *times += 1;
            (fault, *times)
        })
    };
    tokio::time::sleep(api.delay).await;
    if let Some((fault, times)) = strikes
        && let Some(reply) = fault.strike(times).await
    {
        return reply;
    }
    if request.method() != http::Method::GET {
        return Some(envelope::error(405, 10405, "Method not allowed for this authentication scheme"));
    }
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(refusal) = api.refusal(token, path) {
        return Some(refusal);
    }
    let endpoint = Endpoint::of(path);
    let lacking = endpoint.as_ref().is_some_and(|endpoint| api.lacking.contains(endpoint.permission()));
    Some(match endpoint {
        None => envelope::error(400, 7000, "No route for that URI"),
        Some(_) if lacking => envelope::error(403, 10000, "Authentication error"),
        Some(endpoint) => endpoint.answer(api, &query),
    })
}

impl CloudflareApi {
    /// What is wrong with the token, if anything.
    fn refusal(&self, header: Option<&str>, path: &str) -> Option<Reply> {
        let given = header.and_then(|value| value.strip_prefix("Bearer "));
        let is_token = |token: &str| token.len() >= 20 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let Some(given) = given.filter(|token| is_token(token)) else { return Some(envelope::malformed_token()) };
        let verifies = path.ends_with("/tokens/verify");
        if self.token == TokenState::ShutOut {
            return Some(envelope::error(403, 10502, "Too many authentication failures. Please try again later."));
        }
        if given != TOKEN || self.token == TokenState::Revoked {
            return Some(match verifies {
                true => envelope::error(401, 1000, "Invalid API Token"),
                false => envelope::error(403, 9109, "Invalid access token"),
            });
        }
        match self.token {
            TokenState::AddressFiltered => {
                Some(envelope::error(403, 9109, "Cannot use the access token from location: 192.0.2.77"))
            }
            TokenState::Expired if !verifies => Some(envelope::error(403, 9109, "Invalid access token")),
            _ => None,
        }
    }

    /// What `tokens/verify` says.
    fn token_status(&self) -> Value {
        match self.token {
            TokenState::Expired => {
                json!({"id": "ed17574386854bf78a67040be0a770b0", "status": "expired", "expires_on": "2026-01-01T00:00:00Z"})
            }
            _ => json!({"id": "ed17574386854bf78a67040be0a770b0", "status": "active"}),
        }
    }
}

impl Seen {
    /// Seconds until requests are answered again; `None`: they are.
    fn blocked(&mut self, limit: Option<(usize, u64)>) -> Option<u64> {
        let (most, pause) = limit?;
        let now = Instant::now();
        if let Some(end) = self.blocked_until {
            if now < end {
                return Some(end.duration_since(now).as_secs().saturating_add(1).min(pause));
            }
            self.blocked_until = None;
            self.since = 0;
        }
        self.since += 1;
        if self.since <= most {
            return None;
        }
        self.blocked_until = Some(now + Duration::from_secs(pause));
        Some(pause)
    }
}
