//! The edge: a caching reverse proxy that behaves as `facts/cloudflare.md` says Cloudflare does. It computes each
//! answer from the scenario's settings and from what the origin really does; nothing is canned.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use rustls::ServerConfig;
use rustls::sign::CertifiedKey;

use super::pki::Pki;
use super::serve::{self, Port, Reply};
use super::upstream::{self, Mode, OriginFault, Upstream};
use super::{DemoError, HOST};
use crate::probe::tls::provider;

/// The zone's settings, as far as the scenarios need them.
#[derive(Clone, Debug)]
pub struct Zone {
    /// SSL mode.
    pub mode: Mode,
    /// Always Use HTTPS.
    pub always_use_https: bool,
    /// A Cache Rule makes every URL of the host eligible.
    pub eligible: bool,
    /// A challenge stands before everything.
    pub challenge: bool,
    /// Authenticated origin pulls.
    pub origin_pull: bool,
    /// A transform adds this cookie of Cloudflare's own to every answer.
    pub bot_cookie: bool,
    /// The data centres that answer, in turn.
    pub colos: &'static [&'static str],
    /// Names in the edge's certificate; empty: the host.
    pub certificate_names: &'static [&'static str],
}

impl Default for Zone {
    fn default() -> Self {
        Zone {
            mode: Mode::Strict,
            always_use_https: true,
            eligible: true,
            challenge: false,
            origin_pull: false,
            bot_cookie: false,
            colos: &["SEA"],
            certificate_names: &[],
        }
    }
}

/// The running edge.
pub(super) struct Running {
    pub(super) https: Port,
    pub(super) http: Port,
}

struct Edge {
    zone: Zone,
    upstream: Upstream,
    cache: Mutex<HashMap<(String, String), Stored>>,
    requests: AtomicU64,
}

#[derive(Clone)]
struct Stored {
    at: Instant,
    fresh: Duration,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Where the edge finds the origin.
pub(super) struct Places {
    /// `None`: the record's target does not resolve.
    pub(super) origin: Option<(SocketAddr, SocketAddr)>,
    pub(super) origin_name: String,
}

pub(super) async fn start(zone: &Zone, places: Places, pki: &Pki) -> Result<Running, DemoError> {
    let names: &[&str] = if zone.certificate_names.is_empty() { &[HOST] } else { zone.certificate_names };
    let client = zone.origin_pull.then(|| pki.origin_pull_client()).transpose()?;
    let upstream = Upstream::new(zone.mode, places, pki.strict_roots(), client)?;
    let edge = Arc::new(Edge {
        zone: zone.clone(),
        upstream,
        cache: Mutex::default(),
        requests: AtomicU64::new(0x8f3b_2c1d_0e9f_0000),
    });
    let tls = tls(pki.edge(names)?)?;
    let handler = |scheme: &'static str| {
        let edge = edge.clone();
        move |request: Request<Bytes>| {
            let edge = edge.clone();
            async move { Some(edge.answer(scheme, request).await) }
        }
    };
    Ok(Running {
        https: serve::https(Arc::new(tls), handler("https")).await?,
        http: serve::http(handler("http")).await?,
    })
}

fn tls(certificate: Arc<CertifiedKey>) -> Result<ServerConfig, DemoError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certificate)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl Edge {
    async fn answer(&self, scheme: &'static str, request: Request<Bytes>) -> Reply {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let place = usize::try_from(number % 0x1000).unwrap_or(0) % self.zone.colos.len().max(1);
        let colo = self.zone.colos.get(place).copied().unwrap_or("SEA");
        let mut reply = self.decide(scheme, request, colo).await;
        let headers = reply.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static("cloudflare"));
        set(headers, "cf-ray", &format!("{number:016x}-{colo}"));
        if self.zone.bot_cookie {
            let cookie = HeaderValue::from_static("__cf_bm=demo; path=/; HttpOnly; Secure");
            headers.append(header::SET_COOKIE, cookie);
        }
        reply
    }

    /// In Cloudflare's order: answers of the edge's own, the cache, the origin (`facts/cloudflare.md` section 1.1).
    async fn decide(&self, scheme: &'static str, request: Request<Bytes>, colo: &str) -> Reply {
        let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        let host = serve::host(&request);
        if request.uri().path() == "/cdn-cgi/trace" {
            let text = format!("fl=demo\nh={host}\nvisit_scheme={scheme}\ncolo={colo}\ntls=TLSv1.3\n");
            return serve::reply(200, &[("content-type", "text/plain")], text);
        }
        if scheme == "http" && self.zone.always_use_https {
            let mut reply = serve::reply(301, &[], "");
            set(reply.headers_mut(), "location", &format!("https://{host}{path}"));
            return reply;
        }
        if self.zone.challenge {
            return serve::reply(
                403,
                &[("content-type", "text/html; charset=UTF-8"), ("cf-mitigated", "challenge")],
                "<!DOCTYPE html><title>Just a moment...</title>",
            );
        }
        let method = request.method().clone();
        let eligible = self.is_eligible(&method, &request);
        let key = (colo.to_owned(), path.clone());
        if eligible && let Some(stored) = self.fresh(&key) {
            return hit(&stored, &method);
        }
        let answer = self.upstream.fetch(scheme, &host, &path, &method, request.headers()).await;
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(fault) => return error_page(fault),
        };
        if matches!(answer.status.as_u16(), 502 | 504) {
            return branded(answer.status.as_u16()); // the origin's own page is replaced
        }
        let (status, lifetime) = match eligible {
            false => ("DYNAMIC", None),
            true => match storable(&answer, &request) {
                Some(lifetime) => ("MISS", Some(lifetime)),
                None => ("BYPASS", None),
            },
        };
        if let Some(lifetime) = lifetime {
            answer.headers.remove(header::SET_COOKIE);
            if !lifetime.is_zero() {
                let stored = Stored {
                    at: Instant::now(),
                    fresh: lifetime,
                    status: answer.status,
                    headers: answer.headers.clone(),
                    body: answer.body.clone(),
                };
                self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(key, stored);
            }
            rewrite_browser_ttl(&mut answer.headers);
        }
        let mut reply = to_reply(answer.status, answer.headers, answer.body, &method);
        set(reply.headers_mut(), "cf-cache-status", status);
        reply
    }

    /// By method, rule and extension, never by content type (`facts/cloudflare.md` section 1.1 B).
    fn is_eligible(&self, method: &Method, request: &Request<Bytes>) -> bool {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return false;
        }
        let path = request.uri().path();
        let file = path.rsplit('/').next().unwrap_or_default();
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        self.zone.eligible
            || path == "/robots.txt"
            || extension.is_some_and(|extension| upstream::DEFAULT_EXTENSIONS.lines().any(|known| known == extension))
    }

    fn fresh(&self, key: &(String, String)) -> Option<Stored> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(key).filter(|stored| stored.at.elapsed() < stored.fresh).cloned()
    }
}

fn hit(stored: &Stored, method: &Method) -> Reply {
    let mut headers = stored.headers.clone();
    rewrite_browser_ttl(&mut headers);
    let mut reply = to_reply(stored.status, headers, stored.body.clone(), method);
    set(reply.headers_mut(), "cf-cache-status", "HIT");
    set(reply.headers_mut(), "age", &stored.at.elapsed().as_secs().to_string());
    reply
}

fn to_reply(status: StatusCode, headers: HeaderMap, body: Bytes, method: &Method) -> Reply {
    let body = if *method == Method::HEAD { Bytes::new() } else { body };
    let mut reply = Reply::new(Full::new(body));
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}

/// How long an eligible answer is kept; `None`: it may not be stored (`facts/cloudflare.md` section 1.1 C, with
/// Origin Cache Control on).
fn storable(answer: &upstream::Answer, request: &Request<Bytes>) -> Option<Duration> {
    let header =
        |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_ascii_lowercase);
    let control = header("cloudflare-cdn-cache-control")
        .or_else(|| header("cdn-cache-control"))
        .or_else(|| header("cache-control"))
        .unwrap_or_default();
    let directives: Vec<&str> = control.split(',').map(str::trim).collect();
    let has = |name: &str| directives.contains(&name);
    let seconds =
        |name: &str| directives.iter().find_map(|d| d.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
    if has("no-store") || has("private") || header("vary").is_some_and(|vary| vary.trim() == "*") {
        return None;
    }
    if answer.headers.contains_key(header::SET_COOKIE) {
        return None;
    }
    let shareable = has("public") || has("must-revalidate") || seconds("s-maxage").is_some();
    if request.headers().contains_key(header::AUTHORIZATION) && !shareable {
        return None;
    }
    if has("no-cache") {
        return Some(Duration::ZERO);
    }
    if let Some(seconds) = seconds("s-maxage").or_else(|| seconds("max-age")) {
        return Some(Duration::from_secs(seconds));
    }
    match answer.status.as_u16() {
        200 | 206 | 301 => Some(Duration::from_secs(7200)),
        302 | 303 => Some(Duration::from_secs(1200)),
        404 | 410 => Some(Duration::from_secs(180)),
        _ => None,
    }
}

/// Browser Cache TTL, zone default of 4 hours: raises what the origin said, never lowers it
/// (`facts/cloudflare.md` section 1.9).
fn rewrite_browser_ttl(headers: &mut HeaderMap) {
    const FOUR_HOURS: u64 = 14_400;
    let control = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let max_age = control.split(',').find_map(|d| d.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    if max_age.is_none_or(|seconds| seconds < FOUR_HOURS) {
        set(headers, "cache-control", &format!("max-age={FOUR_HOURS}"));
    }
    headers.remove("cloudflare-cdn-cache-control");
}

/// The page for a way to the origin that failed (`facts/cloudflare.md` section 6).
fn error_page(fault: OriginFault) -> Reply {
    let (status, code) = fault.codes();
    let name = fault.name();
    let body = format!(
        "<!DOCTYPE html><title>{HOST} | {code}: {name}</title><h1>{name}</h1><p>Error code {code}</p><p>cloudflare</p>"
    );
    let mut reply = serve::reply(status, &[("content-type", "text/html; charset=UTF-8")], body);
    set(reply.headers_mut(), "cf-error-type", &code.to_string());
    set(reply.headers_mut(), "cf-error-origin", "edge");
    set(reply.headers_mut(), "cache-control", "private, no-store");
    reply
}

fn branded(status: u16) -> Reply {
    let name = if status == 502 { "Bad gateway" } else { "Gateway time-out" };
    let body = format!(
        "<!DOCTYPE html><title>{HOST} | {status}: {name}</title><h1>{name} Error code {status}</h1><p>cloudflare</p>"
    );
    serve::reply(status, &[("content-type", "text/html; charset=UTF-8"), ("cf-cache-status", "DYNAMIC")], body)
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
