//! What the zone does with this URL: every rule with its match, and every setting with who set it.
//!
//! Cloudflare's own order (`facts/cloudflare.md` 3.1, 3.2): zone settings are the lowest, then the one Page Rule of the
//! highest priority that matches, then the modern rules, of which for each setting the last match wins. What was not
//! read, and what a condition leaves open, becomes a doubt that is named, never silence.

mod correct;
mod decide;
mod decided;
mod judge;
mod near_miss;
mod page_rules;
mod setter;
mod takers;
#[cfg(test)]
mod tests;
mod words;

use std::rc::Rc;

use serde::{Deserialize, Serialize};

pub use decide::of;
pub use decided::{Decided, Overruled, Stronger};
pub use setter::Setter;

use super::cache::{BrowserRule, CacheLevel, EdgeTtl, Plan, RuleSays, VaryRule};
use super::ssl_mode::SslMode;
use crate::evidence::zone::{CacheKey, DirectiveChange, Phase};
use crate::evidence::{Evidence, Target};
use crate::verdict::NotRun;

/// What the zone does with one URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The URL.
    pub url: String,
    /// Every modern rule, in the order in which they run.
    pub rules: Vec<JudgedRule>,
    /// Every Page Rule, highest priority first.
    pub page_rules: Vec<JudgedPageRule>,
    /// Every Worker route, Worker domain, Snippet rule and Cloud Connector rule.
    pub takers: Vec<JudgedTaker>,
    /// Parts of the zone that decide something here and were not read: the part, and why.
    pub unread: Vec<Unread>,
    /// Path and query as the rules after the URL rewrite see them.
    pub path: Decided<String>,
    /// What answers with a redirect before the origin is asked; `Some(None)`: nothing does.
    pub redirect: Decided<Option<RedirectTo>>,
    /// SSL mode.
    pub ssl: Decided<SslMode>,
    /// Is `http://` redirected to `https://` (the setting, or a Page Rule's)?
    pub always_use_https: Decided<bool>,
    /// A `Host` that is sent in place of the visitor's; SNI goes with it.
    pub host_header: Decided<Option<String>>,
    /// An SNI in place of the one that goes with `Host`.
    pub sni: Decided<Option<String>>,
    /// A name that is resolved in place of the record's target (`origin.host`, `resolve_override`).
    pub dns_override: Decided<Option<String>>,
    /// A port in place of the visitor's.
    pub port: Decided<Option<u16>>,
    /// The Worker that takes the URL.
    pub worker: Decided<Option<String>>,
    /// The Snippets that run.
    pub snippets: Decided<Vec<String>>,
    /// The object store that answers in place of the record's target: its host, else its provider.
    pub connector: Decided<Option<String>>,
    /// The cache.
    pub cache: CacheSettings,
    /// What matches and yet does not decide.
    pub overruled: Vec<Overruled>,
    /// Rules that seem to be meant for this URL and do not match it.
    pub near_misses: Vec<NearMiss>,
}

/// Everything of the zone that the cache depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSettings {
    /// Eligible, bypass, or nothing said.
    pub rule: Decided<RuleSays>,
    /// Edge TTL of a rule.
    pub edge_ttl: Decided<Option<EdgeTtl>>,
    /// Browser TTL of a rule.
    pub browser_ttl: Decided<Option<BrowserRule>>,
    /// Cache key of a rule.
    pub key: Decided<Option<CacheKey>>,
    /// Origin Cache Control, where a rule switches it.
    pub origin_cache_control: Decided<Option<bool>>,
    /// `vary` of a rule.
    pub vary: Decided<Option<VaryRule>>,
    /// Cache Deception Armor.
    pub deception_armor: Decided<bool>,
    /// Ports that rules make cacheable.
    pub additional_ports: Decided<Vec<u16>>,
    /// Does a rule switch `stale-while-revalidate` off?
    pub stale_while_updating_disabled: Decided<bool>,
    /// Does a Cache Response Rule match (which turns Origin Cache Control on)?
    pub response_rule: Decided<bool>,
    /// Is `Set-Cookie` stripped before storing?
    pub strip_set_cookie: Decided<bool>,
    /// Changes that Cache Response Rules make to `Cache-Control`, in order.
    pub cache_control: Decided<Vec<DirectiveChange>>,
    /// Cache Level of the zone or the Page Rule.
    pub level: Decided<CacheLevel>,
    /// Browser Cache TTL of the zone, seconds; 0: the origin's headers are respected.
    pub browser_cache_ttl: Decided<u64>,
    /// Development Mode.
    pub development_mode: Decided<bool>,
    /// Always Online.
    pub always_online: Decided<bool>,
    /// The plan.
    pub plan: Decided<Plan>,
}

/// A part of the zone that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// As people call it: "Configuration Rules".
    pub part: &'static str,
    /// Why, as a sentence.
    pub why: String,
}

/// Does a rule match this URL?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matched {
    /// It does.
    Yes,
    /// It does not: the parts that keep it from matching.
    No(Vec<Miss>),
    /// Cannot be told: the terms that are not known ("ip.src.country").
    Unknown(Vec<String>),
    /// It is switched off; what it would do otherwise.
    Disabled(Box<Matched>),
    /// It cannot be read.
    Unreadable(Unreadable),
    /// It would match, but Cloudflare does not look at it here: the reason.
    Suppressed(String),
}

/// A part of a condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The part, as it is written.
    pub term: String,
    /// What is there instead, where it can be told.
    pub actual: Option<String>,
    /// The small mistake that it looks like, as a clause.
    pub slip: Option<String>,
}

/// Where a condition cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Octet of the expression.
    pub at: usize,
    /// What is wrong there.
    pub message: String,
    /// The expression with a caret under the place, lines separated by line feeds.
    pub caret: String,
}

/// One thing that a rule sets, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sets {
    /// The setting, as the API names it: `ssl`, `cache`, `edge_ttl`, `host_header` …
    pub setting: &'static str,
    /// Its value, as people write it: `strict`, `bypass`, `300 s`.
    pub value: String,
}

/// A modern rule and what it makes of this URL.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedRule {
    /// The rule.
    pub setter: Setter,
    /// Its phase.
    pub phase: Phase,
    /// Does it match?
    pub matched: Matched,
    /// What it sets.
    pub sets: Vec<Sets>,
}

/// A Page Rule and what it makes of this URL.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedPageRule {
    /// The rule.
    pub setter: Setter,
    /// Does it match, and do Page Rules act here at all?
    pub matched: Matched,
    /// Is it the one that applies: the highest that matches?
    pub applies: bool,
    /// What it sets.
    pub sets: Vec<Sets>,
}

/// Something that may answer in the origin's place.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedTaker {
    /// The route, domain or rule.
    pub setter: Setter,
    /// Does it match?
    pub matched: Matched,
}

/// What answers before the origin is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectTo {
    /// Status code.
    pub status: u16,
    /// Where to; `None`: computed from what is not known.
    pub location: Option<String>,
}

/// A rule that seems to be meant for this URL and does not match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The rule.
    pub setter: Setter,
    /// What it would set.
    pub would_set: Vec<Sets>,
    /// What kind of slip it looks like.
    pub slip: Slip,
    /// What keeps it from matching, as clauses ("its path is /foo/*, and the URL's is /foo").
    pub because: Vec<String>,
    /// The pattern or expression that would match, where it can be told.
    pub corrected: Option<String>,
}

/// How a rule misses the URL that it seems to be meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slip {
    /// It can match no request at all: a scheme in a host, an upper-case host, a path without its slash.
    Impossible,
    /// Host alone, without `/*`.
    NoPath,
    /// The path differs by a slash, by case, or by a missing `*`.
    Path,
    /// The query string gets in the way.
    Query,
    /// The scheme is the other one, or missing.
    Scheme,
    /// The host differs by a star, by case, by a letter or by `www.`.
    Host,
    /// The host has one label more than the one that is named.
    Deeper,
    /// Switched off.
    Disabled,
    /// It cannot be read, and names the host.
    Unreadable,
    /// It is for other paths of the same host.
    OtherPath,
}

impl Slip {
    /// Does it look like a mistake by itself? A rule for other paths or another host may well be meant so.
    pub fn is_mistake(self) -> bool {
        !matches!(self, Slip::Deeper | Slip::Disabled | Slip::Unreadable | Slip::OtherPath)
    }
}

impl Matched {
    /// Does it match for sure?
    pub fn is_yes(&self) -> bool {
        matches!(self, Matched::Yes)
    }

    /// The terms that are not known, if that is why nobody can tell.
    pub fn unknown(&self) -> Option<&[String]> {
        match self {
            Matched::Unknown(terms) => Some(terms),
            _ => None,
        }
    }
}

impl Effective {
    /// The rules that seem to be meant for this URL and would set `setting` otherwise than it is, likeliest first.
    pub fn meant_for(&self, setting: &str) -> impl Iterator<Item = &NearMiss> {
        let mut found: Vec<&NearMiss> =
            self.near_misses.iter().filter(|miss| miss.would_set.iter().any(|set| set.setting == setting)).collect();
        found.sort_by_key(|miss| miss.slip);
        found.into_iter()
    }
}

impl Evidence {
    /// What the zone does with the target's URL.
    ///
    /// # Errors
    /// The zone is not known.
    pub fn effective(&self) -> Result<Rc<Effective>, NotRun> {
        self.once(|evidence| evidence.worked_out(&evidence.target).map(Rc::new))
    }

    /// The same for another URL of the zone (the target with another scheme, a neighbour).
    ///
    /// # Errors
    /// The zone is not known.
    pub fn effective_for(&self, target: &Target) -> Result<Rc<Effective>, NotRun> {
        if *target == self.target { self.effective() } else { self.worked_out(target).map(Rc::new) }
    }

    fn worked_out(&self, target: &Target) -> Result<Effective, NotRun> {
        let zone = self.zone.get()?;
        let answer = self.origin_answer().or_else(|_| self.edge_answer()).ok();
        Ok(of(zone, target, answer))
    }
}
