//! What the model decides on: request, response, day, zone, and what was observed.

use std::rc::Rc;

use time::{Date, OffsetDateTime};

use super::known;
use super::observation::Observed;
use super::platform;
use super::zone::ZoneKnowledge;
use crate::evidence::http::{CacheControl, Expires, Response, SetCookie, Vary};
use crate::evidence::target::Scheme;
use crate::evidence::{Evidence, Target};

/// Everything that a decision depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheInput {
    /// The request.
    pub request: Asked,
    /// The origin's answer, if any answer is known.
    pub response: Option<Answer>,
    /// The day whose rules apply.
    pub date: Date,
    /// What is known of the zone.
    pub zone: ZoneKnowledge,
    /// What the edge was seen to do.
    pub observed: Observed,
}

/// A request, as far as the cache looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Method, upper case.
    pub method: String,
    /// Scheme of the URL.
    pub scheme: Scheme,
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path without query.
    pub path: String,
    /// What stands after the first `?`.
    pub query: Option<String>,
    /// Names of the request headers that the user sends, lower case.
    pub headers: Vec<String>,
}

/// An answer, as far as the cache looks at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Was it taken at the origin? Else it is what the edge shows.
    pub from_origin: bool,
    /// Were all headers seen?
    pub whole: bool,
    /// May the edge have rewritten `Cache-Control` (Browser Cache TTL)? Only on answers of the cache.
    pub rewritable: bool,
    /// `Cache-Control`.
    pub cache_control: CacheControl,
    /// `CDN-Cache-Control`.
    pub cdn: CacheControl,
    /// `Cloudflare-CDN-Cache-Control`.
    pub cloudflare_cdn: CacheControl,
    /// `Surrogate-Control`.
    pub surrogate: CacheControl,
    /// `Expires`.
    pub expires: Option<Expires>,
    /// `Date`.
    pub date: Option<OffsetDateTime>,
    /// Cookies that count: Cloudflare's own only where the origin itself sent them.
    pub cookies: Vec<SetCookie>,
    /// `Vary`.
    pub vary: Vary,
    /// Does the answer depend on the request's `Origin`: an `Access-Control-Allow-Origin` for one site, or a `Vary` that
    /// names it?
    pub depends_on_origin: bool,
    /// Octets of the whole object, if told.
    pub size: Option<u64>,
    /// Media type, lower case.
    pub media_type: Option<String>,
    /// `ETag` or `Last-Modified`.
    pub has_validator: bool,
}

impl Asked {
    /// The request that the user asked about.
    pub fn of(target: &Target) -> Asked {
        let (path, query) = match target.path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target.path.as_str(), None),
        };
        Asked {
            method: target.method.to_ascii_uppercase(),
            scheme: target.scheme,
            host: target.host.clone(),
            port: target.port,
            path: path.to_owned(),
            query,
            headers: target.headers.iter().map(|line| line.name.to_ascii_lowercase()).collect(),
        }
    }

    /// Does the request carry this header?
    pub fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|name| name == header)
    }

    /// The extension of the path's last segment.
    pub fn extension(&self) -> Option<&str> {
        let segment = self.path.rsplit('/').next()?;
        segment.rsplit_once('.').map(|(_, extension)| extension).filter(|extension| !extension.is_empty())
    }
}

impl Answer {
    /// Reads a response's caching headers.
    pub fn of(response: &Response, from_origin: bool) -> Answer {
        let headers = &response.headers;
        let status = headers.cf_cache_status();
        let mut cookies = headers.set_cookies();
        // Cloudflare's own cookies say nothing of the application, unless the origin itself sent them: then a second
        // Cloudflare stands behind the first (`facts/cloudflare.md` 1.6, O2O).
        cookies.retain(|cookie| from_origin || !cookie.is_cloudflares());
        Answer {
            status: response.status,
            from_origin,
            whole: response.is_whole(),
            rewritable: !from_origin
                && status.is_some_and(|s| s.proves_eligible() && s != crate::evidence::http::CacheStatus::Bypass),
            cache_control: headers.cache_control(),
            cdn: headers.cdn_cache_control(),
            cloudflare_cdn: headers.cloudflare_cdn_cache_control(),
            surrogate: headers.surrogate_control(),
            expires: headers.expires(),
            date: headers.date(),
            cookies,
            vary: headers.vary(),
            depends_on_origin: headers.vary().names("origin")
                || headers.first("access-control-allow-origin").is_some_and(|value| value.trim() != "*"),
            size: response.object_size(),
            media_type: response.media_type(),
            has_validator: headers.has("etag") || headers.has("last-modified"),
        }
    }

    /// Is there any word about freshness?
    pub fn speaks_of_freshness(&self) -> bool {
        [&self.cache_control, &self.cdn, &self.cloudflare_cdn, &self.surrogate]
            .iter()
            .any(|header| !header.directives.is_empty())
            || self.expires.is_some()
    }

    /// Does the origin give shared caches a positive lifetime: did somebody want this cached?
    pub fn wants_caching(&self, now: OffsetDateTime) -> bool {
        let (_, header) = self.winner();
        if header.is_present() && !header.directives.is_empty() {
            return header.wants_shared_storing();
        }
        self.expires.as_ref().is_some_and(|expires| expires.seconds_from(self.date.unwrap_or(now)) > 0)
    }

    /// The header that decides at Cloudflare (`facts/cloudflare.md` 1.1 D 5).
    pub fn winner(&self) -> (&'static str, &CacheControl) {
        if self.cloudflare_cdn.is_present() {
            ("Cloudflare-CDN-Cache-Control", &self.cloudflare_cdn)
        } else if self.cdn.is_present() {
            ("CDN-Cache-Control", &self.cdn)
        } else if self.surrogate.is_present() {
            ("Surrogate-Control", &self.surrogate)
        } else {
            ("Cache-Control", &self.cache_control)
        }
    }
}

impl CacheInput {
    /// The question that the evidence asks: the origin's own headers where they are known and it gave the same kind
    /// of answer, else what the edge shows; `None`: no answer that tells of the cache.
    pub fn of(evidence: &Evidence) -> Option<Rc<CacheInput>> {
        evidence.once(|evidence| CacheInput::read(evidence).map(Rc::new))
    }

    fn read(evidence: &Evidence) -> Option<CacheInput> {
        let observed = Observed::of(evidence);
        let edge = observed.representative(evidence)?;
        let assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
        let origin = evidence.origin.http.found().and_then(|http| http.first()).filter(|_| !assumed);
        let origin = origin.filter(|origin| origin.status == edge.status);
        let response = origin.map_or_else(|| Answer::of(edge, false), |origin| Answer::of(origin, true));
        let dated = edge.headers.date().filter(|date| *date < evidence.gathered_at);
        let mut request = Asked::of(&evidence.target);
        // What a dump shows of the request counts too.
        if let Some(sample) = evidence.edge.http.found()?.samples.first() {
            if request.method == "GET" {
                request.method = sample.request.method.to_ascii_uppercase();
            }
            request.headers.extend(sample.request.headers.lines().iter().map(|line| line.name.to_ascii_lowercase()));
        }
        let platform = platform::recognise(evidence);
        // What stands in a zone of yours says nothing of somebody else's Cloudflare.
        let known = evidence.effective().ok().filter(|_| platform.is_none());
        let known = known.map(|effective| known::knowledge(&effective, Some(&response))).unwrap_or_default();
        Some(CacheInput {
            request,
            response: Some(response),
            date: dated.unwrap_or(evidence.gathered_at).date(),
            zone: ZoneKnowledge { platform, ..known },
            observed: (*observed).clone(),
        })
    }
}
