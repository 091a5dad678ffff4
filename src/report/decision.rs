//! The cache decision as data: what the model asked, what it looked at, what decided, and what each fix leads to.

use cfdoctor_checks::Confidence;
use cfdoctor_checks::evidence::{Evidence, Target, redact};
use cfdoctor_checks::model::cache::{self, CachePlan, Change, Conclusion, Obstacle, Outcome, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Predicted;

/// What Cloudflare decides for this URL, step by step in its own order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// What becomes of the answer.
    pub outcome: Fate,
    /// Id of the step that decides against caching; null where none does.
    pub decided_by: Option<String>,
    /// One line for each sample that tells of the cache.
    pub samples: Vec<String>,
    /// The questions in order, up to the one that decides.
    pub steps: Vec<DecisionStep>,
    /// What will be seen as things are.
    pub expected: Expected,
    /// The obstacles in order, each with the change that takes it away and what is seen after it.
    pub plan: Vec<PlannedFix>,
    /// What will be seen once all of them are out of the way; null where that cannot be predicted.
    pub predicted: Option<Predicted>,
}

/// What becomes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// The edge answers before its cache is asked.
    NoLookup,
    /// Decided on the request: `DYNAMIC`.
    NotEligible,
    /// Decided on the answer: `BYPASS`.
    NotStorable,
    /// Stored, and confirmed with the origin each time.
    NeverFresh,
    /// Stored under a key that nobody asks for twice.
    Fragmented,
    /// Stored and served.
    Cached,
    /// A fact that decides is not known.
    Unknown,
}

/// The part of the procedure that a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// May the request ask the cache?
    Request,
    /// May the answer be stored?
    Answer,
    /// How long is a copy fresh?
    Lifetime,
    /// Is the same copy asked for again?
    Key,
}

/// Does a step let the answer be cached?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcome {
    /// Ruled out as a reason: nothing here stands in the way.
    Yes,
    /// Decides: this keeps the answer out of the cache, or makes the copy useless.
    No,
    /// What would decide it was not seen.
    Unknown,
}

/// One question of the procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionStep {
    /// Short name, unique within a decision.
    pub id: String,
    /// The part of the procedure.
    pub phase: Phase,
    /// The question.
    pub question: String,
    /// The observed values.
    pub looked_at: Vec<String>,
    /// The answer.
    pub outcome: StepOutcome,
    /// The answer in words.
    pub says: String,
    /// How sure a "no" is; null for others.
    pub confidence: Option<Confidence>,
    /// Id of the check whose finding a "no" is.
    pub check: Option<String>,
    /// The one command that would settle what is not known.
    pub settle: Option<SettledBy>,
    /// Where the rule is written down.
    pub source: String,
}

/// A command, and what to read in its output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettledBy {
    /// The command.
    pub command: String,
    /// What its output tells.
    pub reading: String,
}

/// What will be seen on a cold cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expected {
    /// What becomes of the answer.
    pub outcome: Fate,
    /// Possible values of `cf-cache-status` for requests 1, 2 and 3; several where sources conflict or a fact is not
    /// known; empty: there will be no such header.
    pub statuses: Vec<Vec<String>>,
    /// Seconds at the edge.
    pub edge_ttl_s: Option<u64>,
    /// Which header or rule gives them.
    pub edge_ttl_from: Option<String>,
    /// Seconds in browsers.
    pub browser_ttl_s: Option<u64>,
    /// What decides then, in words; null where nothing does any more.
    pub because: Option<String>,
}

/// An obstacle, and the change that takes it away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedFix {
    /// Id of the check that names the obstacle; its result has the fix.
    pub check: String,
    /// The obstacle in words.
    pub because: String,
    /// Does it keep the answer out of the cache, or does it only leave the lifetime to Cloudflare's assumption?
    pub blocks: bool,
    /// The changes in words; empty: none that the model believes in.
    pub changes: Vec<String>,
    /// What will be seen after it and all before it; null where no change is believed.
    pub after: Option<Expected>,
}

/// The decision for this evidence; `None`: no answer tells of the cache.
pub(super) fn decision(evidence: &Evidence) -> Option<Decision> {
    let input = cache::CacheInput::of(evidence)?;
    let plan = cache::plan(evidence)?;
    let target = &evidence.target;
    let CachePlan { obstacles, predicted, now } = &*plan;
    Some(Decision {
        outcome: fate(now.conclusion),
        decided_by: now.decider().map(|step| step.id.to_owned()),
        samples: input.observed.lines().iter().map(|line| harmless(line)).collect(),
        steps: now.steps.iter().map(|step| DecisionStep::of(step, target)).collect(),
        expected: Expected::of(now),
        plan: obstacles.iter().map(PlannedFix::of).collect(),
        predicted: predicted.as_ref().map(Predicted::from),
    })
}

fn harmless(line: &str) -> String {
    super::build::line(&redact::text(line))
}

fn fate(conclusion: Conclusion) -> Fate {
    match conclusion {
        Conclusion::NoLookup => Fate::NoLookup,
        Conclusion::NotEligible => Fate::NotEligible,
        Conclusion::NotStorable => Fate::NotStorable,
        Conclusion::NeverFresh => Fate::NeverFresh,
        Conclusion::Fragmented => Fate::Fragmented,
        Conclusion::Cached => Fate::Cached,
        Conclusion::Unknown => Fate::Unknown,
    }
}

impl DecisionStep {
    fn of(step: &Step, target: &Target) -> Self {
        let outcome = match step.outcome {
            Outcome::Yes => StepOutcome::Yes,
            Outcome::No => StepOutcome::No,
            Outcome::Unknown => StepOutcome::Unknown,
        };
        DecisionStep {
            id: step.id.into(),
            phase: match step.phase {
                cache::Phase::Request => Phase::Request,
                cache::Phase::Answer => Phase::Answer,
                cache::Phase::Lifetime => Phase::Lifetime,
                cache::Phase::Key => Phase::Key,
            },
            question: step.question.into(),
            looked_at: step.looked_at.iter().map(|line| harmless(line)).collect(),
            outcome,
            says: harmless(&step.says),
            confidence: (outcome == StepOutcome::No).then_some(step.confidence),
            check: step.check.map(Into::into),
            settle: step
                .settle
                .map(|settle| SettledBy { command: harmless(&settle.command(target)), reading: settle.reading.into() }),
            source: step.source.into(),
        }
    }
}

impl Expected {
    fn of(decision: &cache::Decision) -> Self {
        let words = |set: &Vec<_>| set.iter().map(ToString::to_string).map(|word: String| harmless(&word)).collect();
        let open = || decision.steps.iter().find(|step| step.outcome == Outcome::Unknown && step.check.is_some());
        let is_served = decision.conclusion == Conclusion::Cached;
        let because = if is_served { None } else { decision.decider().or_else(open) };
        Expected {
            outcome: fate(decision.conclusion),
            statuses: decision.expected.iter().map(words).collect(),
            edge_ttl_s: decision.freshness.edge_s,
            edge_ttl_from: decision.freshness.from.map(|source| source.name().to_owned()),
            browser_ttl_s: decision.browser_ttl.seconds,
            because: because.map(|step| harmless(&step.says)),
        }
    }
}

impl PlannedFix {
    fn of(obstacle: &Obstacle) -> Self {
        PlannedFix {
            check: obstacle.check.into(),
            because: harmless(&obstacle.step.says),
            blocks: obstacle.blocks,
            changes: obstacle.changes.iter().map(|change| harmless(&change.words())).collect(),
            after: obstacle.after.as_ref().map(|after| {
                let mut expected = Expected::of(after);
                if obstacle.changes.contains(&Change::CacheInWorker) {
                    // What a Worker's answer says of the cache is the Worker's own affair.
                    expected.statuses.clear();
                }
                expected
            }),
        }
    }
}
