//! What the samples show: who answered, from cache or not, and whether a copy lives.

use std::rc::Rc;

use time::OffsetDateTime;

use crate::evidence::Evidence;
use crate::evidence::http::{CacheStatus, Exchange, Response};
use crate::model::attribution::{self, AnsweredBy};
use crate::model::cloudflare;

/// The samples at the edge that tell something of the cache.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// In order.
    pub samples: Vec<Seen>,
    /// Samples that were a challenge, a failure, or an error page of Cloudflare's own.
    pub left_out: usize,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its place among the samples.
    pub index: usize,
    /// `cf-cache-status`, if sent.
    pub status: Option<CacheStatus>,
    /// Status code.
    pub http: u16,
    /// Were all headers seen?
    pub whole: bool,
    /// Seconds in the cache.
    pub age: Option<u64>,
    /// Data centre.
    pub colo: Option<String>,
    /// When it was answered.
    pub at: Option<OffsetDateTime>,
    /// Method that it was asked with.
    pub method: String,
    /// Asked with HEAD.
    pub head: bool,
    /// Did we send it ourselves, so that URL and headers are surely the same each time?
    pub ours: bool,
    /// Did the edge answer before its cache: a redirect, a block, an error of its own?
    pub edge_made: bool,
    /// Does it carry a sign of Cloudflare?
    pub by_cloudflare: bool,
}

/// What the samples have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// No sample tells.
    Nothing,
    /// A copy was served; before it, none or a first fetch.
    Healthy,
    /// Served from cache, and then not, within one data centre.
    OnlySometimes,
    /// Never served from cache.
    Never,
}

impl Observed {
    /// Reads the samples.
    pub fn of(evidence: &Evidence) -> Rc<Observed> {
        evidence.once(|evidence| Rc::new(Observed::read(evidence)))
    }

    fn read(evidence: &Evidence) -> Observed {
        let Some(http) = evidence.edge.http.found() else { return Observed::default() };
        let samples: Vec<Seen> =
            http.samples.iter().enumerate().filter_map(|(index, exchange)| Seen::of(index, exchange)).collect();
        Observed { left_out: http.samples.len() - samples.len(), samples }
    }

    /// The answer whose headers stand for all: the first that speaks of caching, else the first.
    pub(super) fn representative<'a>(&self, evidence: &'a Evidence) -> Option<&'a Response> {
        let http = evidence.edge.http.found()?;
        let answers = || self.samples.iter().filter_map(|seen| http.samples.get(seen.index)?.response());
        let speaks = |response: &&Response| {
            ["cache-control", "cdn-cache-control", "expires", "set-cookie"]
                .iter()
                .any(|name| response.headers.has(name))
        };
        answers().find(speaks).or_else(|| answers().next())
    }

    /// Every status that was seen, in order.
    pub fn statuses(&self) -> impl Iterator<Item = &CacheStatus> {
        self.samples.iter().filter_map(|seen| seen.status.as_ref())
    }

    /// How often this status was seen.
    pub fn count(&self, status: &CacheStatus) -> usize {
        self.statuses().filter(|seen| *seen == status).count()
    }

    /// The case was decided on the request, in most of what was seen.
    pub fn is_dynamic(&self) -> bool {
        self.mostly(&CacheStatus::Dynamic)
    }

    /// The case was refused on the response, in most of what was seen.
    pub fn is_bypass(&self) -> bool {
        self.mostly(&CacheStatus::Bypass)
    }

    /// The first answer, and at least half of all. In an undated excerpt the first alone: what follows there is often
    /// another URL or a later try, put beside it for comparison.
    fn mostly(&self, status: &CacheStatus) -> bool {
        let all = self.statuses().count();
        let repeats = self.samples.iter().any(|seen| seen.ours || seen.at.is_some());
        self.statuses().next() == Some(status) && (!repeats || self.count(status) * 2 >= all)
    }

    /// Do the statuses contradict one another?
    pub fn is_mixed(&self) -> bool {
        self.count(&CacheStatus::Dynamic) > 0 && self.statuses().any(CacheStatus::proves_eligible)
            || self.count(&CacheStatus::Bypass) > 0 && self.statuses().any(CacheStatus::is_from_cache)
    }

    /// Is it somebody's excerpt, not our own visit?
    pub fn is_excerpt(&self) -> bool {
        !self.samples.iter().any(|seen| seen.ours)
    }

    /// Was the request seen to be eligible?
    pub fn proves_eligible(&self) -> bool {
        !self.is_dynamic() && self.statuses().any(CacheStatus::proves_eligible)
    }

    /// Was a copy seen?
    pub fn proves_stored(&self) -> bool {
        !self.is_dynamic() && !self.is_bypass() && self.statuses().any(CacheStatus::proves_stored)
    }

    /// Was a fresh copy served?
    pub fn has_hit(&self) -> bool {
        !self.is_dynamic()
            && self.statuses().any(|s| matches!(s, CacheStatus::Hit | CacheStatus::Updating | CacheStatus::Stale))
    }

    /// A copy that the origin had to confirm each time.
    pub fn only_revalidates(&self) -> bool {
        !self.has_hit() && self.count(&CacheStatus::Revalidated) > 0
    }

    /// Answers of the origin's kind, by Cloudflare, with all headers seen, and not one with `cf-cache-status`: no cache
    /// was asked (`facts/cloudflare.md` 1.1 A, 9.1 row 7 and 42).
    pub fn bypasses_cache_altogether(&self) -> bool {
        let mut any = false;
        for seen in &self.samples {
            if seen.status.as_ref().is_some_and(|s| !matches!(s, CacheStatus::None | CacheStatus::Unknown)) {
                return false;
            }
            any |= (200..300).contains(&seen.http) && seen.whole && seen.by_cloudflare && !seen.edge_made;
        }
        any
    }

    /// Was any sample asked with HEAD?
    pub fn has_head(&self) -> bool {
        self.samples.iter().any(|seen| seen.head)
    }

    /// The data centre that gave every answer; `None`: several, or not known.
    pub fn one_colo(&self) -> Option<&str> {
        let first = self.samples.first()?.colo.as_deref()?;
        self.samples.iter().all(|seen| seen.colo.as_deref() == Some(first)).then_some(first)
    }

    /// Every data centre, each once, in order.
    pub fn colos(&self) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        for colo in self.samples.iter().filter_map(|seen| seen.colo.as_deref()) {
            if !out.contains(&colo) {
                out.push(colo);
            }
        }
        out
    }

    /// Does `Age` grow from one copy to the next: the same copy, still there?
    pub fn age_grows(&self) -> bool {
        let ages: Vec<u64> = self.samples.iter().filter_map(|seen| seen.age).collect();
        ages.len() > 1 && ages.windows(2).all(|pair| pair[1] >= pair[0]) && ages.first() < ages.last()
    }

    /// The longest pause between two answers, in seconds.
    pub fn longest_pause(&self) -> Option<u64> {
        let times: Vec<OffsetDateTime> = self.samples.iter().filter_map(|seen| seen.at).collect();
        times.windows(2).filter_map(|pair| u64::try_from((pair[1] - pair[0]).whole_seconds()).ok()).max()
    }

    /// What the samples have in common.
    pub fn pattern(&self) -> Pattern {
        if self.statuses().next().is_none() {
            return Pattern::Nothing;
        }
        if !self.has_hit() {
            return Pattern::Never;
        }
        let hit = |seen: &Seen| seen.status.as_ref().is_some_and(CacheStatus::is_from_cache);
        let first_hit = self.samples.iter().position(hit).unwrap_or(0);
        let after = &self.samples[first_hit..];
        let colo = after.first().and_then(|seen| seen.colo.as_deref());
        // A MISS elsewhere says nothing: each data centre fills its own cache (`facts/cloudflare.md` 1.10).
        let lost = after.iter().any(|seen| {
            matches!(seen.status, Some(CacheStatus::Miss | CacheStatus::Expired))
                && colo.is_some()
                && seen.colo.as_deref() == colo
        });
        if lost { Pattern::OnlySometimes } else { Pattern::Healthy }
    }

    /// One line for each sample: what it was, where, how old.
    pub fn lines(&self) -> Vec<String> {
        self.samples
            .iter()
            .map(|seen| {
                let mut line = format!("{}. {}", seen.index + 1, seen.method);
                line.push_str(&format!(" → {}", seen.http));
                match &seen.status {
                    Some(status) => line.push_str(&format!(", cf-cache-status: {status}")),
                    None if seen.whole => line.push_str(", no cf-cache-status"),
                    None => line.push_str(", cf-cache-status not quoted"),
                }
                if let Some(age) = seen.age {
                    line.push_str(&format!(", age: {age}"));
                }
                if let Some(colo) = &seen.colo {
                    line.push_str(&format!(", at {colo}"));
                }
                line
            })
            .collect()
    }
}

impl Seen {
    fn of(index: usize, exchange: &Exchange) -> Option<Seen> {
        let response = exchange.response()?;
        if cloudflare::is_challenge(response) || cloudflare::is_origin_error(response) {
            return None;
        }
        let headers = &response.headers;
        let status = headers.cf_cache_status();
        Some(Seen {
            index,
            http: response.status,
            whole: response.is_whole(),
            age: headers.age().and_then(crate::evidence::http::Age::seconds),
            colo: headers.cf_ray().and_then(|ray| ray.colo),
            at: exchange.sent_at.or_else(|| headers.date()),
            method: exchange.request.method.to_ascii_uppercase(),
            head: exchange.request.method.eq_ignore_ascii_case("HEAD"),
            ours: exchange.timing.head_ms.is_some(),
            edge_made: status.is_none()
                && (headers.has("location") || attribution::attribute(response).by == AnsweredBy::Edge),
            by_cloudflare: cloudflare::fingerprint(exchange).is_some(),
            status,
        })
    }
}
