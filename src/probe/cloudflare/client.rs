//! One HTTP client for the API: one HTTP/2 connection, bounded answers, limits kept, no redirects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cfdoctor_checks::evidence::text;
use futures_util::stream::{self, StreamExt as _};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use rustls::AlertDescription;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use url::Url;

use super::MAX_API_REQUESTS;
use super::answer::{Answer, Page, Trouble};
use super::limiter::Limiter;
use super::reduce::Reduced;
use super::tell::{self, Head};
use crate::probe::api::{Reach, SMALL, aside, causes, reason, weight, weight_of};
use crate::probe::budget::Budget;
use crate::settings::{Settings, USER_AGENT};

/// Octets read of one answer.
pub(super) const MAX_ANSWER: usize = 10 * 1024 * 1024;
/// Pages read of one list.
pub(super) const MAX_PAGES: u64 = 20;
/// What the values of one answer may take in memory, octets: 5,000 records take 20 MiB.
const MAX_WEIGHT: usize = 32 * 1024 * 1024;
/// What the rows of one list may take in memory, octets: [`MAX_PAGES`] of 5,000 records with all that is kept of them.
const MAX_KEPT: usize = 256 * 1024 * 1024;
/// Pages of one list that are asked for at the same time.
const PAGES_AT_ONCE: usize = 4;
/// Connections where the server speaks HTTP/1: as many as one host costs requests.
const MAX_CONNECTIONS: usize = MAX_API_REQUESTS;
/// Octets on their way over one connection of HTTP/2, so that answers that wait for their turn do not stop the others.
const WINDOW: u32 = 16 * 1024 * 1024;
/// A `Retry-After` beyond a day is taken for a day.
const LONGEST_PAUSE: u64 = 86_400;

/// The HTTP side, shared by all targets of a run.
pub(super) struct Client {
    /// Speaks HTTP/2 only, so that all requests wait for one connection and share it. `None`: plain HTTP on loopback.
    h2: Option<reqwest::Client>,
    h1: reqwest::Client,
    /// The server does not speak HTTP/2.
    speaks_h1: AtomicBool,
    h2_worked: AtomicBool,
    limiter: Limiter,
    /// Places of connections of HTTP/1.
    connections: Arc<Semaphore>,
    /// The right to hold a large answer.
    large: Arc<Semaphore>,
}

/// How one target asks: with which token, until when, on whose account.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) base: Url,
    pub(super) token: SecretString,
    pub(super) until: Instant,
    pub(super) patience: Duration,
    pub(super) budget: Budget,
}

impl Asker {
    /// The token, to be looked for where it must not be.
    pub(super) fn secret(&self) -> &str {
        self.token.expose_secret()
    }
}

/// The rows of a list.
pub(super) struct Listing {
    /// What is kept of them.
    pub(super) rows: Vec<Value>,
    /// Rows that could not be read.
    pub(super) odd_rows: usize,
    /// What is missing of it, in words; `None`: nothing.
    pub(super) cut: Option<String>,
}

impl Client {
    pub(super) fn new(base: &Url, settings: &Settings) -> Result<Client, String> {
        let reach = Reach::from(settings);
        let build = |alpn: &[u8]| {
            let builder = reach
                .client(&[alpn])?
                .user_agent(USER_AGENT)
                .default_headers(HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]));
            let builder = if alpn == b"h2" {
                builder.http2_prior_knowledge().http2_initial_connection_window_size(WINDOW)
            } else {
                builder.http1_only()
            };
            builder.build().map_err(|error| reason(&error))
        };
        Ok(Client {
            h2: if base.scheme() == "https" { Some(build(b"h2")?) } else { None },
            h1: build(b"http/1.1")?,
            speaks_h1: AtomicBool::new(false),
            h2_worked: AtomicBool::new(false),
            limiter: Limiter::default(),
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            large: Arc::new(Semaphore::new(1)),
        })
    }

    /// `GET path?query`. Waits its turn; a 429 is obeyed and asked once more, if there is time.
    pub(super) async fn get(self: &Arc<Self>, asker: &Asker, path: &[&str], query: &[(&str, &str)]) -> Answer {
        match self.get_once(asker, path, query).await {
            Err(Trouble::RateLimited { retry_after }) => {
                let Some(wait) = retry_after else { return Err(Trouble::RateLimited { retry_after }) };
                let wait = Duration::from_secs(wait);
                self.limiter.pause(wait);
                if Instant::now() + wait >= asker.until {
                    return Err(Trouble::RateLimited { retry_after });
                }
                tokio::time::sleep(wait).await;
                self.get_once(asker, path, query).await
            }
            answer => answer,
        }
    }

    async fn get_once(self: &Arc<Self>, asker: &Asker, path: &[&str], query: &[(&str, &str)]) -> Answer {
        let limited = |wait: Duration| Trouble::RateLimited { retry_after: Some(wait.as_secs().saturating_add(1)) };
        self.limiter.turn(asker.until).await.map_err(limited)?;
        let url = address(&asker.base, path, query).ok_or_else(|| Trouble::Unreachable("no such address".into()))?;
        let exchange = aside(Arc::clone(self).exchange(asker.clone(), url));
        match tokio::time::timeout_at(asker.until, exchange).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Err(Trouble::Unreachable("the question was dropped".into())),
            Err(_) => Err(Trouble::TimedOut(asker.patience)),
        }
    }

    async fn exchange(self: Arc<Self>, asker: Asker, url: Url) -> Answer {
        let lost = |error: reqwest::Error| Trouble::Unreachable(reason(&error));
        let (mut response, _place) = self.send(&asker, url).await.map_err(lost)?;
        let head = head(&response);
        if response.content_length().is_some_and(|length| length > MAX_ANSWER as u64) {
            return Err(Trouble::TooLarge);
        }
        let mut body = Vec::new();
        let mut turn = None;
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Trouble::TooLarge);
            }
            if turn.is_none() && body.len() + chunk.len() > SMALL {
                turn = self.large.clone().acquire_owned().await.ok();
            }
            body.extend_from_slice(&chunk);
        }
        let weight = weight(&body);
        if weight > MAX_WEIGHT {
            return Err(Trouble::TooMuch);
        }
        if turn.is_none() && weight > SMALL * 8 {
            turn = self.large.clone().acquire_owned().await.ok();
        }
        let answer = tell::tell(&head, &body).map_err(|trouble| trouble.without(&[asker.secret()]));
        drop(turn);
        answer
    }

    /// The answer, and the place of its connection where it has one of its own.
    async fn send(
        &self,
        asker: &Asker,
        url: Url,
    ) -> Result<(reqwest::Response, Option<OwnedSemaphorePermit>), reqwest::Error> {
        asker.budget.count_api_request();
        // Nobody closes the semaphore.
        let place = || async { self.connections.clone().acquire_owned().await.ok() };
        let by = |client: &reqwest::Client| client.get(url.clone()).bearer_auth(asker.token.expose_secret()).send();
        let Some(h2) = self.h2.as_ref().filter(|_| !self.speaks_h1.load(Ordering::Relaxed)) else {
            let place = place().await;
            return Ok((by(&self.h1).await?, place));
        };
        let error = match by(h2).await {
            Ok(response) => {
                self.h2_worked.store(true, Ordering::Relaxed);
                return Ok((response, None));
            }
            Err(error) => error,
        };
        if self.h2_worked.load(Ordering::Relaxed) || !may_want_h1(&error) {
            return Err(error);
        }
        let place = place().await;
        let response = by(&self.h1).await?;
        self.speaks_h1.store(true, Ordering::Relaxed);
        Ok((response, place))
    }

    /// A whole list: the first page, then the others, no more than [`MAX_PAGES`]; `keep` takes of each what is wanted.
    /// An empty page ends it.
    pub(super) async fn list(
        self: &Arc<Self>,
        asker: &Asker,
        path: &[&str],
        query: &[(&str, &str)],
        per_page: Option<u32>,
        keep: impl Fn(Vec<Value>) -> Reduced,
    ) -> Result<Listing, Trouble> {
        let first = match per_page {
            Some(wanted) => {
                let wanted = wanted.to_string();
                self.get(asker, path, &[query, &[("page", "1"), ("per_page", wanted.as_str())]].concat()).await?
            }
            None => self.get(asker, path, query).await?,
        };
        let pages = pages_of(&first, per_page);
        let size = first.per_page.or(per_page.map(u64::from)).map(|size| size.to_string());
        let total = first.total_count;
        let mut listing = Listing { rows: Vec::new(), odd_rows: 0, cut: None };
        let mut room = MAX_KEPT;
        let mut add = |listing: &mut Listing, reduced: Reduced| {
            listing.odd_rows += reduced.odd_rows;
            let Value::Array(rows) = reduced.value else { return };
            for row in rows {
                match room.checked_sub(weight_of(&row)) {
                    Some(left) => room = left,
                    None => {
                        listing.cut = Some(format!("only the first {} are read", listing.rows.len()));
                        return;
                    }
                }
                listing.rows.push(row);
            }
        };
        add(&mut listing, keep(rows_of(first.result)?));
        let Some(size) = size.filter(|_| pages > 1) else { return Ok(listing) };
        let others = (2..=pages.min(MAX_PAGES)).map(|number| {
            let (number, size, keep) = (number.to_string(), &size, &keep);
            async move {
                let query = [query, &[("page", number.as_str()), ("per_page", size.as_str())]].concat();
                let rows = rows_of(self.get(asker, path, &query).await?.result)?;
                Ok::<_, Trouble>((rows.is_empty(), keep(rows)))
            }
        });
        let mut others = std::pin::pin!(stream::iter(others).buffered(PAGES_AT_ONCE));
        while let Some(other) = others.next().await {
            match other {
                Ok((true, _)) => break,
                Ok((false, reduced)) => add(&mut listing, reduced),
                Err(trouble) => listing.cut = Some(trouble.text()),
            }
        }
        if pages > MAX_PAGES && listing.cut.is_none() {
            let of = total.map_or_else(String::new, |total| format!(" of {total}"));
            listing.cut = Some(format!("only the first {}{of} are read", listing.rows.len()));
        }
        Ok(listing)
    }
}

/// How many pages there are; some lists say so, some count the rows, some say nothing.
fn pages_of(first: &Page, per_page: Option<u32>) -> u64 {
    let size = first.per_page.or(per_page.map(u64::from)).filter(|size| *size > 0);
    let by_count = || Some(first.total_count?.div_ceil(size?));
    let is_full = || {
        let rows = first.result.as_array()?.len() as u64;
        // Nothing is said, and the page is full: look on, until one is empty.
        Some(if rows >= size? && per_page.is_some() { MAX_PAGES } else { 1 })
    };
    first.total_pages.or_else(by_count).or_else(is_full).unwrap_or(1)
}

pub(super) fn rows_of(result: Value) -> Result<Vec<Value>, Trouble> {
    match result {
        Value::Array(rows) => Ok(rows),
        Value::Null => Ok(Vec::new()),
        _ => Err(Trouble::Shape("no list where a list was due".into())),
    }
}

/// The URL; each part of the path is one segment, whatever it holds.
fn address(base: &Url, path: &[&str], query: &[(&str, &str)]) -> Option<Url> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Some(url)
}

fn head(response: &reqwest::Response) -> Head {
    let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let media_type = header(CONTENT_TYPE).and_then(|value| value.split(';').next()).filter(|name| !name.is_empty());
    Head {
        status: response.status().as_u16(),
        media_type: media_type.map_or_else(|| "something".into(), |name| text::shorten(name, 60)),
        retry_after: header(RETRY_AFTER).and_then(pause),
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
pub(super) fn pause(value: &str) -> Option<u64> {
    let by_date = || {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(std::time::SystemTime::now()).map_or(0, |wait| wait.as_secs().saturating_add(1)))
    };
    value.trim().parse::<u64>().ok().or_else(by_date).map(|seconds| seconds.min(LONGEST_PAUSE))
}

/// May the error come from a server that does not speak HTTP/2? It refuses the protocol in the handshake, or it breaks
/// off afterwards. Requests that waited for the same connection are cancelled: theirs is an error without a cause.
fn may_want_h1(error: &reqwest::Error) -> bool {
    let refused = rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol);
    let is_refused = || causes(error).any(|cause| cause.downcast_ref::<rustls::Error>() == Some(&refused));
    let is_cancelled = || !causes(error).any(|cause| cause.is::<std::io::Error>());
    if error.is_connect() { is_refused() || is_cancelled() } else { !error.is_timeout() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_of_a_path_stays_one_segment() {
        let base = Url::parse("https://api.example.com/client/v4").unwrap();
        let url = address(&base, &["zones", "a/../b?c", "x"], &[("name", "a&b=c")]).unwrap();
        assert_eq!(url.as_str(), "https://api.example.com/client/v4/zones/a%2F..%2Fb%3Fc/x?name=a%26b%3Dc");
        let bare = Url::parse("http://127.0.0.1:1/").unwrap();
        assert_eq!(address(&bare, &["zones"], &[]).unwrap().as_str(), "http://127.0.0.1:1/zones");
    }

    #[test]
    fn pauses_are_read_and_bounded() {
        assert_eq!(pause("7"), Some(7));
        assert_eq!(pause("99999999999"), Some(LONGEST_PAUSE));
        assert_eq!(pause("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        let soon = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(30));
        assert!((29..=31).contains(&pause(&soon).unwrap()));
        assert_eq!(pause("soon"), None);
        assert_eq!(pause("-1"), None);
    }

    #[test]
    fn pages_by_what_the_list_says() {
        let page = |rows: usize, per_page, total_count, total_pages| Page {
            result: json!(vec![1; rows]),
            per_page,
            total_count,
            total_pages,
        };
        assert_eq!(pages_of(&page(5, Some(5), Some(11), Some(3)), Some(5)), 3);
        assert_eq!(pages_of(&page(5, Some(5), Some(11), None), Some(5)), 3);
        assert_eq!(pages_of(&page(5, None, None, None), Some(5)), MAX_PAGES);
        assert_eq!(pages_of(&page(4, None, None, None), Some(5)), 1);
        assert_eq!(pages_of(&page(4, Some(0), Some(9), None), None), 1);
    }
}
