//! The edge: a caching reverse proxy that behaves as `facts/cloudflare.md` says Cloudflare does. It computes each
//! answer from the scenario's settings and from what the origin really does; nothing is canned.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use rustls::ServerConfig;
use rustls::sign::CertifiedKey;

use super::gateway::{SECRET, set};
use super::page::Visit;
use super::pki::Pki;
use super::serve::{self, Peer, Port, Reply, TlsDoor};
use super::store::{self, CacheAction, CacheRule, EdgeTtl, Storage, Store};
use super::upstream::{Asked, Mode, Places, Upstream};
use super::{DemoError, token};
use crate::probe::tls::provider;

/// The zone's settings, as far as the scenarios need them.
#[derive(Clone, Debug)]
pub struct Zone {
    /// SSL mode.
    pub mode: Mode,
    /// Always Use HTTPS.
    pub always_use_https: bool,
    /// The Cache Rule for the host; `None`: Cloudflare decides by extension.
    pub rule: Option<CacheRule>,
    /// Browser Cache TTL in seconds; 0: the origin's headers are respected. (A new zone has 14400.)
    pub browser_ttl: u64,
    /// A challenge stands before everything.
    pub challenge: bool,
    /// Authenticated origin pulls.
    pub origin_pull: bool,
    /// A Transform Rule adds the header that the origin's authorizer demands.
    pub adds_secret: bool,
    /// Bot management sets a cookie of Cloudflare's own.
    pub bot_cookie: bool,
    /// Does the zone take TLS 1.0 and 1.1, as many do that were left at their default?
    pub legacy_tls: bool,
    /// The data centres that connections reach, in turn.
    pub colos: &'static [&'static str],
    /// Names in the edge's certificate: Universal SSL covers the apex and one label.
    pub certificate_names: &'static [&'static str],
    /// Days left of the edge's certificate.
    pub certificate_days: i64,
}

impl Default for Zone {
    /// A zone in good order.
    fn default() -> Self {
        Zone {
            mode: Mode::Strict,
            always_use_https: true,
            rule: Some(CacheRule { methods: &[], action: CacheAction::Eligible(EdgeTtl::RespectOrigin) }),
            browser_ttl: 0,
            challenge: false,
            origin_pull: false,
            adds_secret: true,
            bot_cookie: false,
            legacy_tls: false,
            colos: &["SEA"],
            certificate_names: &["example.com", "*.example.com"],
            certificate_days: 70,
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
    store: Store,
}

pub(super) async fn start(zone: &Zone, places: Places, pki: &Pki) -> Result<Running, DemoError> {
    let client = zone.origin_pull.then(|| pki.origin_pull_client()).transpose()?;
    let upstream = Upstream::new(zone.mode, places, pki.strict_roots(), client)?;
    let door = tls_door(zone, pki.edge(zone.certificate_names, zone.certificate_days)?)?;
    let edge = Arc::new(Edge { zone: zone.clone(), upstream, store: Store::default() });
    let handler = |scheme: &'static str| {
        let edge = edge.clone();
        move |request: Request<Bytes>| {
            let edge = edge.clone();
            async move { Some(edge.answer(scheme, request).await) }
        }
    };
    Ok(Running {
        https: serve::https(Arc::new(door), handler("https")).await?,
        http: serve::http(handler("http")).await?,
    })
}

/// For a name that no certificate covers the handshake fails (`facts/cloudflare.md` section 4.6).
fn tls_door(zone: &Zone, certificate: Arc<CertifiedKey>) -> Result<TlsDoor, DemoError> {
    let old = zone.legacy_tls.then(|| certificate.cert.clone());
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certificate)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let names = zone.certificate_names;
    let choose = move |name: Option<&str>| {
        let name = name?;
        let parent = name.split_once('.').map_or("", |(_, parent)| parent);
        let covered = names.iter().any(|own| *own == name || own.strip_prefix("*.") == Some(parent));
        covered.then(|| config.clone())
    };
    Ok(TlsDoor { choose: Box::new(choose), old })
}

impl Edge {
    async fn answer(&self, scheme: &'static str, request: Request<Bytes>) -> Reply {
        let Some(peer) = request.extensions().get::<Peer>().cloned() else {
            return serve::reply(500, &[], "no connection is known for this request");
        };
        // Anycast leads a whole connection to one place.
        let turn = usize::try_from(peer.connection).unwrap_or(0) % self.zone.colos.len().max(1);
        let colo = self.zone.colos.get(turn).copied().unwrap_or("SEA");
        let ray = format!("{:016x}-{colo}", token::bits());
        let mut reply = self.decide(scheme, &request, &peer, colo, &ray).await;
        let headers = reply.headers_mut();
        headers.remove("cloudflare-cdn-cache-control"); // for the edge alone
        headers.insert(header::SERVER, HeaderValue::from_static("cloudflare"));
        set(headers, "cf-ray", &ray);
        if self.zone.bot_cookie {
            let cookie = format!("__cf_bm={:016x}; path=/; HttpOnly; Secure; SameSite=None", token::bits());
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                headers.append(header::SET_COOKIE, cookie);
            }
        }
        reply
    }

    /// In Cloudflare's order: answers of the edge's own, the cache, the origin (`facts/cloudflare.md` section 1.1).
    async fn decide(
        &self,
        scheme: &'static str,
        request: &Request<Bytes>,
        peer: &Peer,
        colo: &str,
        ray: &str,
    ) -> Reply {
        let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let host = serve::host(request);
        let visit = Visit { scheme, host: &host, colo, headers: request.headers() };
        if request.uri().path() == "/cdn-cgi/trace" {
            return visit.trace(peer, request.version());
        }
        match scheme {
            "http" if self.zone.always_use_https => return visit.redirect("https", path),
            "https" if self.zone.mode == Mode::Off => return visit.redirect("http", path),
            _ => {}
        }
        if self.zone.challenge {
            return visit.challenge();
        }
        let rule = self.zone.rule.as_ref();
        let method = request.method();
        let eligible = store::is_eligible(rule, method, request.uri().path());
        let origin = request.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let inside = self.zone.mode.scheme(scheme);
        let key = [colo, inside, &host, path, origin].map(ToOwned::to_owned).into();
        let held = if eligible { self.store.find(&key) } else { None };
        if let Some(stored) = &held
            && let Some(age) = stored.age()
        {
            let mut headers = stored.headers.clone();
            set(&mut headers, "age", &age.to_string());
            return self.passed_on("HIT", stored.status, headers, stored.body.clone(), method);
        }

        // HEAD of an eligible URL fetches the whole object (section 1.1 B.1).
        let asked = Asked {
            scheme: inside,
            visit: &visit,
            path,
            method: if eligible { &Method::GET } else { method },
            body: request.body().clone(),
            client: peer.address,
            ray,
            secret: self.zone.adds_secret.then_some(SECRET),
        };
        let mut answer = match self.upstream.fetch(&asked).await {
            Ok(answer) => answer,
            Err(fault) => return visit.error(fault),
        };
        let storage = if eligible { store::storage(rule, &answer, request) } else { Storage::NotEligible };
        let status = match (storage, &held) {
            (Storage::NotEligible, _) => "DYNAMIC",
            (Storage::Refused, _) => "BYPASS",
            (Storage::Stored(_), None) => "MISS",
            (Storage::Stored(_), Some(_)) => "EXPIRED",
        };
        if matches!(answer.status.as_u16(), 502 | 504) {
            let mut reply = visit.branded(answer.status.as_u16()); // the origin's own page is replaced
            set(reply.headers_mut(), "cf-cache-status", status);
            return reply;
        }
        if let Storage::Stored(fresh) = storage {
            answer.headers.remove(header::SET_COOKIE);
            self.store.keep(key, &answer, fresh);
        }
        self.passed_on(status, answer.status, answer.headers, answer.body, method)
    }

    fn passed_on(
        &self,
        cache_status: &str,
        status: StatusCode,
        mut headers: HeaderMap,
        body: Bytes,
        method: &Method,
    ) -> Reply {
        if matches!(cache_status, "HIT" | "MISS" | "EXPIRED") {
            store::rewrite_browser_ttl(&mut headers, self.zone.browser_ttl);
        }
        set(&mut headers, "cf-cache-status", cache_status);
        let body = if *method == Method::HEAD { Bytes::new() } else { body };
        let mut reply = Reply::new(Full::new(body));
        *reply.status_mut() = status;
        *reply.headers_mut() = headers;
        reply
    }
}
