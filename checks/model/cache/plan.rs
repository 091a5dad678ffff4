//! Which obstacles stand between this URL and a HIT: the first decides, the others are found by mending it in the model
//! and deciding again.

use std::rc::Rc;

use super::change::{apply, settled};
use super::decision::Step;
use super::input::{Answer, CacheInput};
use super::zone::RuleSays;
use super::{Change, Conclusion, Decision, Source, decide};
use crate::diagnosis::Prediction;
use crate::evidence::Evidence;
use crate::evidence::http::Name;
use crate::evidence::target::Expectation;

/// What a new `Cache-Control` says where the origin gives no lifetime of its own to keep: two hours, as Cloudflare
/// itself assumes for a 200.
pub(crate) const PROPOSED: &str = "public, max-age=7200";

/// More obstacles than the model knows would be a loop.
const MOST_OBSTACLES: usize = 12;

/// One thing that keeps the answer from being served from cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// The check that names it.
    pub check: &'static str,
    /// The changes that take it away, as the model believes; empty: none does.
    pub changes: Vec<Change>,
    /// The step that said no.
    pub step: Step,
    /// Does it keep the answer out of the cache, or does it only leave the lifetime to Cloudflare's assumption?
    pub blocks: bool,
    /// The decision once this obstacle and those before it are out of the way; `None`: no change is believed.
    pub after: Option<Decision>,
}

impl CachePlan {
    /// The obstacle that this check names.
    pub fn obstacle(&self, check: &str) -> Option<&Obstacle> {
        self.obstacles.iter().find(|obstacle| obstacle.check == check)
    }
}

/// The obstacles in order, and what will be seen once all are out of the way.
#[derive(Clone, Debug, PartialEq)]
pub struct CachePlan {
    /// The first is the cause.
    pub obstacles: Vec<Obstacle>,
    /// `None`: a fix's effect cannot be predicted.
    pub predicted: Option<Prediction>,
    /// The decision as things are.
    pub now: Decision,
}

/// Does somebody want this URL cached: by `--expect`, or because the origin gives shared caches a lifetime?
pub fn wanted(evidence: &Evidence, input: &CacheInput) -> bool {
    match evidence.target.expect {
        Expectation::Cached => true,
        Expectation::Uncached => false,
        Expectation::Any => input.response.as_ref().is_some_and(|answer| answer.wants_caching(evidence.gathered_at)),
    }
}

/// The plan for this evidence; `None`: no answer tells of the cache, or it is an error that is not even eligible.
///
/// Where nobody wants the URL cached, only the first obstacle is named (and the lifetime that nobody sends, where the
/// answer carries nothing personal): a page that is meant to be dynamic has no list of faults.
pub fn plan(evidence: &Evidence) -> Option<Rc<CachePlan>> {
    evidence.once(plan_anew)
}

fn plan_anew(evidence: &Evidence) -> Option<Rc<CachePlan>> {
    let input = CacheInput::of(evidence)?;
    let status = input.response.as_ref().map_or(0, |answer| answer.status);
    // An error that is not even eligible is a fault of the path or the application, not of the cache.
    if status >= 400 && input.observed.is_dynamic() {
        return None;
    }
    Some(Rc::new(make(&input, wanted(evidence, &input))))
}

fn make(input: &CacheInput, wanted: bool) -> CachePlan {
    let now = decide(input);
    let mut obstacles: Vec<Obstacle> = Vec::new();
    let mut decision = now.clone();
    let mut current = input.clone();
    let mut open = false;
    while let Some(step) = decision.decider().cloned() {
        let Some(check) = step.check else { break };
        let seen_before = obstacles.iter().any(|obstacle| obstacle.check == check);
        if seen_before || obstacles.len() >= MOST_OBSTACLES {
            open = true;
            break;
        }
        let mut changes = cure(check, &current);
        if !changes.is_empty() {
            current = settled(&current);
            changes.iter().for_each(|change| apply(&mut current, change));
            decision = decide(&current);
        }
        // A fix is believed only if the model, asked again, is no longer stopped by the same thing.
        open = changes.is_empty() || decision.obstacle() == Some(check);
        if open {
            changes.clear();
        }
        let after = (!open).then(|| decision.clone());
        obstacles.push(Obstacle { check, changes, step, blocks: true, after });
        if open {
            break;
        }
        if !wanted {
            break;
        }
    }
    let silent = !obstacles.is_empty() && !open && is_silent(input) && !is_personal(input, wanted);
    if silent
        && obstacles.iter().all(|o| !matches!(o.check, "cache-control-missing" | "cache-status-uncacheable"))
        && let Some(step) = decision.step("lifetime").cloned()
    {
        let change = Change::SetCacheControl { value: PROPOSED.into() };
        apply(&mut current, &change);
        let after = Some(decide(&current));
        let changes = vec![change];
        obstacles.push(Obstacle { check: "cache-control-missing", changes, step, blocks: false, after });
    }
    let in_a_worker = obstacles.iter().any(|obstacle| obstacle.changes.contains(&Change::CacheInWorker));
    // What a Worker's answer will say of the cache is the Worker's own affair.
    let predicted = (!open && !in_a_worker && decision.conclusion == Conclusion::Cached).then(|| predict(&decision));
    CachePlan { obstacles, predicted, now }
}

/// What will be seen: `cf-cache-status` of the first two requests, and the lifetimes.
fn predict(decision: &Decision) -> Prediction {
    let words =
        |set: &Vec<_>| set.iter().map(crate::evidence::http::CacheStatus::to_string).collect::<Vec<_>>().join(" or ");
    Prediction {
        statuses: decision.expected.iter().take(2).map(words).collect(),
        edge_ttl_s: decision.freshness.edge_s,
        browser_ttl_s: decision.browser_ttl.seconds,
    }
}

/// Does the origin say nothing of freshness, with all its headers seen?
fn is_silent(input: &CacheInput) -> bool {
    input.response.as_ref().is_some_and(|answer| {
        (answer.whole || answer.from_origin) && !answer.speaks_of_freshness() && (200..300).contains(&answer.status)
    })
}

/// An answer with a cookie, where nobody asked for caching: leave it be.
fn is_personal(input: &CacheInput, wanted: bool) -> bool {
    let personal = |answer: &Answer| !answer.cookies.is_empty() || input.request.has("authorization");
    !wanted && input.response.as_ref().is_some_and(personal)
}

/// The changes that may take this obstacle away; empty: none that could be tried in the model.
fn cure(check: &'static str, input: &CacheInput) -> Vec<Change> {
    // The zone's rules were read and do not explain what was seen: another rule would not either.
    let unexplained = match check {
        "cache-not-eligible" => input.zone.rule == Some(RuleSays::Eligible),
        "cache-rule-bypasses" => {
            input.zone.rule == Some(RuleSays::Nothing) && input.zone.development_mode == Some(false)
        }
        _ => false,
    };
    if unexplained {
        return Vec::new();
    }
    vec![match check {
        "cache-method-uncacheable" => Change::UseGet,
        "cache-port-uncacheable" => Change::UseStandardPort,
        "cache-rule-bypasses" => Change::StopBypassing,
        "cache-not-eligible" => Change::MakeEligible,
        "cache-control-forbids"
        | "cache-control-revalidates"
        | "cache-control-malformed"
        | "cache-control-missing"
        | "cache-control-overridden"
        | "cache-status-uncacheable" => Change::SetCacheControl { value: proposed(input) },
        "cache-set-cookie" => Change::DropSetCookie,
        "cache-authorization" => Change::AllowShared,
        "cache-vary-blocks" => Change::DropVary,
        "cache-type-mismatch" => Change::FitType,
        "cache-object-too-large" => Change::SplitObject,
        "cache-platform-owned" => Change::UseOwnZone,
        "cache-worker-in-front" => Change::CacheInWorker,
        "cache-key-fragmented" => {
            let scatters = |query: &String| !super::key::scattering_parameters(query).is_empty();
            let by_query = input.request.query.as_ref().is_some_and(scatters);
            // Leaving Origin out would serve one site's answer to another where the answer depends on it.
            let depends = input.response.as_ref().is_some_and(|answer| answer.depends_on_origin);
            let by_origin = input.request.has("origin") && !depends;
            let changes = [(by_query, Change::IgnoreQuery), (by_origin, Change::ExcludeOrigin)];
            return changes.into_iter().filter(|(is_due, _)| *is_due).map(|(_, change)| change).collect();
        }
        _ => return Vec::new(),
    }]
}

/// The header that decides, with `public` in it.
pub(super) fn with_public(answer: &Answer) -> String {
    let (_, header) = answer.winner();
    let own = header.directives.iter().map(|directive| directive.raw.as_str());
    std::iter::once("public").chain(own).collect::<Vec<_>>().join(", ")
}

/// The `Cache-Control` that allows sharing and keeps what the origin says of lifetimes.
pub fn shared(input: &CacheInput) -> String {
    let own = input.response.as_ref().filter(|answer| !answer.winner().1.directives.is_empty());
    own.map_or_else(|| PROPOSED.to_owned(), with_public)
}

/// The `Cache-Control` to propose: the origin's own positive lifetime where it has one, else two hours.
pub fn proposed(input: &CacheInput) -> String {
    let own = input.response.as_ref().and_then(|answer| {
        let control = &answer.cache_control;
        let seconds = |name| control.seconds(name).and_then(crate::evidence::http::Seconds::floored);
        seconds(Name::SMaxage).or(seconds(Name::MaxAge)).filter(|n| *n > 0)
    });
    own.map_or_else(|| PROPOSED.to_owned(), |seconds| format!("public, max-age={seconds}"))
}

impl Decision {
    /// The lifetime at the edge with its source, as people say it.
    pub fn lifetime(&self) -> Option<String> {
        let seconds = self.freshness.edge_s?;
        Some(match self.freshness.from {
            Some(Source::Default) => format!("{seconds} s by Cloudflare's default"),
            _ => format!("{seconds} s"),
        })
    }
}
