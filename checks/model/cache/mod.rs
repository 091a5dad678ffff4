//! The cache model: one pure function from request, response, day and what is known of the zone to a decision.
//!
//! Cloudflare's own order: may the request ask the cache ([`eligibility`]), may the answer be stored
//! ([`storability`]), for how long is it fresh ([`freshness`]), does anybody ask for the same copy again ([`key`]).
//! Rules carry the day from which they hold, so that an old dump is judged by the rules of its day. What is unknown
//! stays unknown, narrowed by what was observed. This is the only place where such a rule is written
//! (`facts/cloudflare.md` sections 1 and 9.1).

mod change;
#[cfg(test)]
mod conformance;
mod decision;
pub mod eligibility;
pub mod freshness;
mod input;
pub mod key;
mod known;
pub mod observation;
mod plan;
pub mod platform;
mod sharing;
pub mod storability;
#[cfg(test)]
mod tests;
mod zone;

pub use change::{Change, after};
pub use decision::{BrowserTtl, Conclusion, Decision, Freshness, Outcome, Phase, Settle, Source, Step, Text};
pub use input::{Answer, Asked, CacheInput};
pub use observation::{Observed, Pattern, Seen};
pub(crate) use plan::PROPOSED;
pub use plan::{CachePlan, Obstacle, plan, proposed, shared, wanted};
pub use zone::{
    BrowserRule, CacheLevel, Deciders, EdgeTtl, EdgeTtlMode, KeyRule, Plan, ResponseRules, RuleSays, VaryAction,
    VaryRule, ZoneKnowledge,
};

use decision::Trace;

use crate::evidence::http::CacheStatus;

/// Decides.
pub fn decide(input: &CacheInput) -> Decision {
    let mut trace = Trace { steps: Vec::with_capacity(16), phase: Phase::Request };
    let eligibility = eligibility::judge(input, &mut trace);
    let mut storability = Outcome::Unknown;
    let mut freshness = Freshness::default();
    if eligibility != Outcome::No {
        trace.phase = Phase::Answer;
        storability = storability::judge(input, &mut trace);
        if storability != Outcome::No {
            trace.phase = Phase::Lifetime;
            freshness = freshness::judge(input, &mut trace);
            if trace.steps.last().is_none_or(|step| step.outcome != Outcome::No) {
                trace.phase = Phase::Key;
                key::judge(input, &mut trace);
            }
        }
    }
    let conclusion = conclude(&trace, eligibility, storability);
    let browser_ttl = match conclusion {
        Conclusion::Cached | Conclusion::Fragmented | Conclusion::NeverFresh => freshness::browser(input),
        _ => BrowserTtl::default(),
    };
    let expected = expect(input, conclusion, &trace);
    Decision { steps: trace.steps, eligibility, storability, freshness, browser_ttl, expected, conclusion }
}

fn conclude(trace: &Trace, eligibility: Outcome, storability: Outcome) -> Conclusion {
    let decider = trace.steps.iter().find(|step| step.outcome == Outcome::No).map(|step| step.id);
    match (decider, eligibility, storability) {
        (Some("owner" | "before-cache"), ..) => Conclusion::NoLookup,
        (Some(_), Outcome::No, _) => Conclusion::NotEligible,
        (Some(_), _, Outcome::No) => Conclusion::NotStorable,
        (Some("key"), ..) => Conclusion::Fragmented,
        (Some(_), ..) => Conclusion::NeverFresh,
        (None, Outcome::Unknown, _) | (None, _, Outcome::Unknown) => Conclusion::Unknown,
        (None, ..) if trace.steps.iter().any(|s| s.outcome == Outcome::Unknown && s.check.is_some()) => {
            Conclusion::Unknown
        }
        (None, ..) => Conclusion::Cached,
    }
}

/// `cf-cache-status` of requests 1, 2 and 3 on a cold cache.
fn expect(input: &CacheInput, conclusion: Conclusion, trace: &Trace) -> Vec<Vec<CacheStatus>> {
    use CacheStatus::{Bypass, Dynamic, Expired, Hit, Miss, Revalidated};
    let decider = trace.steps.iter().find(|step| step.outcome == Outcome::No).map(|step| step.id);
    let each = |set: &[CacheStatus]| vec![set.to_vec(); 3];
    match conclusion {
        Conclusion::NoLookup => Vec::new(),
        // The sources conflict about Development Mode and about `cache_level=basic` (section 10, items 2 and row 24).
        Conclusion::NotEligible if matches!(decider, Some("development-mode" | "cache-level")) => {
            each(&[Dynamic, Miss])
        }
        Conclusion::NotEligible => each(&[Dynamic]),
        // Section 10, item 1; and before 2026-05-26 MISS did not mean storable.
        Conclusion::NotStorable if decider == Some("set-cookie") => each(&[Bypass, Miss]),
        Conclusion::NotStorable if input.date < storability::MISS_MEANS_STORABLE => each(&[Bypass, Miss]),
        Conclusion::NotStorable => each(&[Bypass]),
        Conclusion::NeverFresh => {
            let on_its_own = input.response.as_ref().is_some_and(|answer| answer.winner().0 == "Cache-Control");
            match input.zone.origin_cache_control() {
                None if on_its_own => {
                    vec![vec![Miss, Bypass], vec![Revalidated, Expired, Bypass], vec![Revalidated, Expired, Bypass]]
                }
                _ => vec![vec![Miss], vec![Revalidated, Expired], vec![Revalidated, Expired]],
            }
        }
        Conclusion::Fragmented => each(&[Miss]),
        Conclusion::Cached => vec![vec![Miss], vec![Hit], vec![Hit]],
        Conclusion::Unknown => each(&[Dynamic, Bypass, Miss, Hit]),
    }
}
