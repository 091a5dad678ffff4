//! What the model decides on: request, response, day, zone, and what was observed.

use time::{Date, OffsetDateTime};

use super::observation::Observed;
use super::platform::{self, Platform};
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
    /// Octets of the whole object, if told.
    pub size: Option<u64>,
    /// Media type, lower case.
    pub media_type: Option<String>,
    /// `ETag` or `Last-Modified`.
    pub has_validator: bool,
}

/// What is known of the zone; `None`: not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZoneKnowledge {
    /// The plan.
    pub plan: Option<Plan>,
    /// Zone setting `cache_level`.
    pub cache_level: Option<CacheLevel>,
    /// Development Mode.
    pub development_mode: Option<bool>,
    /// Zone setting `browser_cache_ttl`; 0: respect what the origin sends.
    pub browser_cache_ttl: Option<u64>,
    /// What the Cache Rule or Page Rule that wins says of this request.
    pub rule: Option<RuleSays>,
    /// Its Edge TTL.
    pub edge_ttl: Option<EdgeTtl>,
    /// Its Browser TTL.
    pub browser_ttl: Option<BrowserRule>,
    /// Origin Cache Control as a rule sets it.
    pub origin_cache_control: Option<bool>,
    /// Its `vary` object.
    pub vary: Option<VaryRule>,
    /// Its cache key.
    pub key: Option<KeyRule>,
    /// Its Cache Deception Armor.
    pub deception_armor: Option<bool>,
    /// Ports made cacheable.
    pub additional_ports: Vec<u16>,
    /// Always Online.
    pub always_online: Option<bool>,
    /// Cache Response Rules that match.
    pub response_rules: Option<ResponseRules>,
    /// Does a Worker with a script take this URL?
    pub worker: Option<bool>,
    /// The hosting platform that owns the Cloudflare in front of the host.
    pub platform: Option<Platform>,
}

/// Cloudflare's plans, as far as the cache tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Free.
    Free,
    /// Pro.
    Pro,
    /// Business.
    Business,
    /// Enterprise.
    Enterprise,
}

/// Zone setting `cache_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheLevel {
    /// Only URLs without a query string.
    Basic,
    /// The query string is ignored.
    Simplified,
    /// Each query string is an object of its own ("Standard").
    Aggressive,
}

/// What rules say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSays {
    /// No rule speaks: the default applies.
    Nothing,
    /// Eligible for cache (Cache Everything).
    Eligible,
    /// Bypass cache.
    Bypass,
}

/// A rule's Edge TTL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeTtl {
    /// Its mode.
    pub mode: EdgeTtlMode,
    /// Times for status codes: from, to (inclusive), seconds (0: no-cache, -1: no-store).
    pub by_status: Vec<(u16, u16, i64)>,
}

/// How a rule's Edge TTL relates to the origin's headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EdgeTtlMode {
    /// The origin decides; Cloudflare's defaults where it is silent.
    #[default]
    RespectOrigin,
    /// These seconds, whatever the origin says.
    Override(u64),
    /// The origin decides; not cached where it is silent.
    BypassByDefault,
}

/// A rule's Browser TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserRule {
    /// As the origin sends it.
    RespectOrigin,
    /// These seconds.
    Override(u64),
    /// No storing in browsers where the origin is silent.
    Bypass,
}

/// A rule's `vary` object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaryRule {
    /// For headers that are not named.
    pub default: VaryAction,
    /// For named headers, lower case.
    pub headers: Vec<(String, VaryAction)>,
}

/// What happens to a header that `Vary` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaryAction {
    /// Normalised into the key.
    Normalize,
    /// As it is into the key.
    Passthrough,
    /// Not stored.
    Bypass,
}

/// A rule's cache key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRule {
    /// The query string is left out.
    pub ignore_query: bool,
    /// `Origin` is left out.
    pub exclude_origin: bool,
    /// What else enters it: headers, cookies, device type, country, language.
    pub extra: Vec<String>,
}

/// Cache Response Rules that match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseRules {
    /// `Cache-Control` as they leave it, if they set it.
    pub cache_control: Option<CacheControl>,
    /// `strip_set_cookie`.
    pub strip_set_cookie: bool,
}

impl ZoneKnowledge {
    /// Is Origin Cache Control on? `None`: the plan is not known.
    ///
    /// Always on Free, Pro and Business; off by default on Enterprise; on where a Cache Response Rule matched
    /// (`facts/cloudflare.md` 1.3).
    pub fn origin_cache_control(&self) -> Option<bool> {
        if self.response_rules.is_some() {
            return Some(true);
        }
        match self.plan {
            Some(Plan::Free | Plan::Pro | Plan::Business) => Some(true),
            Some(Plan::Enterprise) => Some(self.origin_cache_control.unwrap_or(false)),
            None => self.origin_cache_control,
        }
    }

    /// The seconds that a rule forces for this status, whatever the origin sends.
    pub fn forced_ttl(&self, status: u16) -> Option<(i64, super::Source)> {
        let rule = self.edge_ttl.as_ref()?;
        if let Some((_, _, seconds)) = rule.by_status.iter().find(|(from, to, _)| (*from..=*to).contains(&status)) {
            return Some((*seconds, super::Source::RuleStatus));
        }
        match rule.mode {
            EdgeTtlMode::Override(seconds) => {
                Some((i64::try_from(seconds).unwrap_or(i64::MAX), super::Source::RuleOverride))
            }
            EdgeTtlMode::RespectOrigin | EdgeTtlMode::BypassByDefault => None,
        }
    }
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
            whole: response.headers_look_whole(),
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
    pub fn from_evidence(evidence: &Evidence) -> Option<CacheInput> {
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
        Some(CacheInput {
            request,
            response: Some(response),
            date: dated.unwrap_or(evidence.gathered_at).date(),
            zone: ZoneKnowledge { platform: platform::recognise(evidence), ..ZoneKnowledge::default() },
            observed,
        })
    }
}
