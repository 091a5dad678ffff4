//! What the model answers: a trace of steps, and what follows from it.

use std::borrow::Cow;

use crate::evidence::Target;
use crate::evidence::http::CacheStatus;
use crate::evidence::text::shell_quote;
use crate::verdict::Confidence;

/// Words of the model: mostly written in the source, sometimes with an observed value in them.
pub type Text = Cow<'static, str>;

/// Does this step let the answer be cached?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing here stands in the way.
    Yes,
    /// This keeps the answer out of the cache, or makes the copy useless.
    No,
    /// What would decide it was not seen.
    Unknown,
}

/// The parts of the procedure, in Cloudflare's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

impl Phase {
    /// All, in order.
    pub const ALL: [Phase; 4] = [Phase::Request, Phase::Answer, Phase::Lifetime, Phase::Key];

    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Request => "request",
            Phase::Answer => "answer",
            Phase::Lifetime => "lifetime",
            Phase::Key => "key",
        }
    }
}

/// What would settle what is not known: one command, and what to read in its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The command; `{url}`, `{host}`, `{port}` and `{origin}` stand for the target's.
    command: &'static str,
    /// What its output tells.
    pub reading: &'static str,
}

impl Settle {
    /// A command and what it tells.
    pub(super) const fn by(command: &'static str, reading: &'static str) -> Settle {
        Settle { command, reading }
    }

    /// Cloudflare's own trace of what its rules and its cache would do.
    pub const TRACE: Settle = Settle::by(
        "curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json '{\"url\": \"{address}\", \"method\": \
         \"GET\", \"skip_response\": true}' \
         https://api.cloudflare.com/client/v4/accounts/$ACCOUNT_ID/request-tracer/trace",
        "which rules match, and what the cache does (Cloudflare Trace)",
    );

    /// The command for this target.
    pub fn command(&self, target: &Target) -> String {
        let url = shell_quote(&target.url());
        let origin = target.origin.as_ref().map(|origin| format!("{}:{}", origin.host, origin.port));
        self.command
            .replace("{host}", &target.host)
            .replace("{port}", &target.port.to_string())
            .replace("{origin}", origin.as_deref().unwrap_or("ORIGIN:443"))
            .replace("{url}", &url)
            .replace("{address}", &target.url().replace('\'', "%27").replace('"', "%22"))
    }
}

/// Asks once and shows every header.
pub(super) const ASK: &str = "curl -sS -o /dev/null -D - {url}";

/// Shows what was not quoted.
pub(super) const HEADERS: Settle = Settle::by(ASK, "shows every header");

/// One question of the procedure.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Short name, unique within a trace.
    pub id: &'static str,
    /// The part of the procedure.
    pub phase: Phase,
    /// The question.
    pub question: &'static str,
    /// What was looked at.
    pub looked_at: Vec<Text>,
    /// The answer.
    pub outcome: Outcome,
    /// The answer in words.
    pub says: Text,
    /// Where the rule is written down.
    pub source: &'static str,
    /// The check whose finding a "no" is.
    pub check: Option<&'static str>,
    /// How sure a "no" is.
    pub confidence: Confidence,
    /// What would settle an "unknown".
    pub settle: Option<Settle>,
}

impl Step {
    /// A question, not yet answered.
    pub(super) fn ask(id: &'static str, question: &'static str, source: &'static str) -> Step {
        Step {
            id,
            phase: Phase::Request,
            question,
            looked_at: Vec::new(),
            outcome: Outcome::Unknown,
            says: Cow::Borrowed(""),
            source,
            check: None,
            confidence: Confidence::High,
            settle: None,
        }
    }

    pub(super) fn saw(mut self, what: impl Into<Text>) -> Step {
        self.looked_at.push(what.into());
        self
    }

    pub(super) fn yes(self, says: impl Into<Text>) -> Step {
        Step { outcome: Outcome::Yes, says: says.into(), ..self }
    }

    pub(super) fn no(self, check: &'static str, confidence: Confidence, says: impl Into<Text>) -> Step {
        Step { outcome: Outcome::No, check: Some(check), confidence, says: says.into(), ..self }
    }

    /// With what would settle a doubtful "no".
    pub(super) fn settled_by(self, settle: Settle) -> Step {
        Step { settle: Some(settle), ..self }
    }

    pub(super) fn unknown(self, check: Option<&'static str>, says: impl Into<Text>, settle: Settle) -> Step {
        Step { outcome: Outcome::Unknown, check, says: says.into(), settle: Some(settle), ..self }
    }
}

/// What becomes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The edge answers before the cache is asked (a Worker, the platform's own edge).
    NoLookup,
    /// Decided on the request: `DYNAMIC`.
    NotEligible,
    /// Decided on the response: `BYPASS`.
    NotStorable,
    /// Stored, and checked with the origin each time.
    NeverFresh,
    /// Stored, but under a key that nobody asks for twice.
    Fragmented,
    /// Stored and served.
    Cached,
    /// A fact that decides is unknown.
    Unknown,
}

/// How long the edge keeps it, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Freshness {
    /// Seconds; `None`: not known, or not stored.
    pub edge_s: Option<u64>,
    /// Which header or rule says so.
    pub from: Option<Source>,
    /// Was it read from what the origin sent (not from what the edge may have rewritten)?
    pub certain: bool,
}

/// What the lifetime at the edge comes from, strongest first (`facts/cloudflare.md` 1.1 D).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A rule's time for this status code.
    RuleStatus,
    /// A rule that overrides the origin.
    RuleOverride,
    /// A Cache Response Rule.
    ResponseRule,
    /// `Cloudflare-CDN-Cache-Control`.
    CloudflareCdnCacheControl,
    /// `CDN-Cache-Control`.
    CdnCacheControl,
    /// `Surrogate-Control`.
    SurrogateControl,
    /// `s-maxage` of `Cache-Control`.
    SMaxage,
    /// `max-age` of `Cache-Control`.
    MaxAge,
    /// `Expires`.
    Expires,
    /// Cloudflare's own table for answers that say nothing.
    Default,
}

impl Source {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Source::RuleStatus => "the rule's TTL for this status code",
            Source::RuleOverride => "the rule's Edge TTL",
            Source::ResponseRule => "a Cache Response Rule",
            Source::CloudflareCdnCacheControl => "Cloudflare-CDN-Cache-Control",
            Source::CdnCacheControl => "CDN-Cache-Control",
            Source::SurrogateControl => "Surrogate-Control",
            Source::SMaxage => "s-maxage",
            Source::MaxAge => "max-age",
            Source::Expires => "Expires",
            Source::Default => "Cloudflare's default for this status code",
        }
    }
}

/// How long browsers keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BrowserTtl {
    /// Seconds; `None`: not at all, or not known.
    pub seconds: Option<u64>,
    /// Does the edge write it in place of what the origin sent?
    pub rewritten: bool,
    /// The zone's setting is not known; its default of 4 h was taken.
    pub assumed: bool,
}

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The questions in Cloudflare's order, up to the first "no".
    pub steps: Vec<Step>,
    /// May the request ask the cache?
    pub eligibility: Outcome,
    /// May the answer be stored?
    pub storability: Outcome,
    /// For how long.
    pub freshness: Freshness,
    /// For how long browsers keep it.
    pub browser_ttl: BrowserTtl,
    /// The possible `cf-cache-status` of requests 1, 2 and 3 on a cold cache; more than one where sources conflict
    /// or a fact is unknown; empty: there will be no such header.
    pub expected: Vec<Vec<CacheStatus>>,
    /// What becomes of the answer.
    pub conclusion: Conclusion,
}

impl Decision {
    /// The step that decides against caching.
    pub fn decider(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.outcome == Outcome::No)
    }

    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The id of the check that names what keeps the answer out of the cache.
    pub fn obstacle(&self) -> Option<&'static str> {
        self.decider().and_then(|step| step.check)
    }
}

/// The steps so far; nothing is asked after a "no".
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) steps: Vec<Step>,
    /// The part of the procedure that the next steps belong to.
    pub(super) phase: Phase,
}

impl Trace {
    /// Adds a step that counts; true: it said no.
    pub(super) fn add(&mut self, step: Step) -> bool {
        let no = step.outcome == Outcome::No;
        self.steps.push(Step { phase: self.phase, ..step });
        no
    }

    /// The worst answer among the steps from `start` that count for a verdict: an unknown without a check is a note.
    pub(super) fn worst_since(&self, start: usize) -> Outcome {
        let steps = &self.steps[start.min(self.steps.len())..];
        if steps.iter().any(|step| step.outcome == Outcome::No) {
            Outcome::No
        } else if steps.iter().any(|step| step.outcome == Outcome::Unknown && step.check.is_some()) {
            Outcome::Unknown
        } else {
            Outcome::Yes
        }
    }
}
