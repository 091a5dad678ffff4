//! What is known of the zone, as far as the cache depends on it.

use super::Source;
use super::platform::Platform;
use crate::evidence::http::CacheControl;

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
    /// Where that is not known: the rule that says bypass, unless one decides that was not read.
    pub likely_bypass: Option<String>,
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
    /// Who decided, as people recognise it: `Cache Rule "Cache the API"`.
    pub by: Deciders,
}

/// Who decided; `None`: not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deciders {
    /// [`ZoneKnowledge::rule`]; where that is not known, what leaves it open.
    pub rule: Option<String>,
    /// [`ZoneKnowledge::edge_ttl`].
    pub edge_ttl: Option<String>,
    /// [`ZoneKnowledge::browser_ttl`].
    pub browser_ttl: Option<String>,
    /// [`ZoneKnowledge::vary`].
    pub vary: Option<String>,
    /// [`ZoneKnowledge::key`].
    pub key: Option<String>,
    /// [`ZoneKnowledge::response_rules`].
    pub response_rules: Option<String>,
    /// [`ZoneKnowledge::worker`]; where that is not known, the route that may take the URL.
    pub worker: Option<String>,
}

/// The decider's name, else what such a thing is called.
pub(super) fn who(name: &Option<String>, else_: &'static str) -> String {
    name.clone().unwrap_or_else(|| else_.to_owned())
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
    /// Of the query string only these parameters enter it; empty: all that are not left out.
    pub only: Vec<String>,
    /// These parameters are left out.
    pub without: Vec<String>,
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
    pub fn forced_ttl(&self, status: u16) -> Option<(i64, Source)> {
        let rule = self.edge_ttl.as_ref()?;
        if let Some((_, _, seconds)) = rule.by_status.iter().find(|(from, to, _)| (*from..=*to).contains(&status)) {
            return Some((*seconds, Source::RuleStatus));
        }
        match rule.mode {
            EdgeTtlMode::Override(seconds) => Some((i64::try_from(seconds).unwrap_or(i64::MAX), Source::RuleOverride)),
            EdgeTtlMode::RespectOrigin | EdgeTtlMode::BypassByDefault => None,
        }
    }
}
