//! The report: what every renderer tells, and the JSON format version 1 (`product.md` section 5).

mod build;
mod decision;
mod difference;
mod digest;
mod earlier;
mod measured;
mod own;
mod path;

use std::borrow::Cow;

use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::{Confidence, Fix, KNOWLEDGE, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::policy::{self, FailOn, Policy};

pub use build::{examine, examine_all, examine_each};
pub use decision::{Decision, DecisionStep, Expected, Fate, Phase, PlannedFix, SettledBy, StepOutcome};
pub use difference::{Answer, Change, Difference, RunReference};
pub use digest::{Digest, Group, Unjudged};
pub use earlier::{EarlierError, Known};
pub use measured::{CertificateReport, End, TimingReport};
pub use own::{OWN_AREA, Own};
pub use path::{Hop, HopId, Leg};

/// Version of the format: rises when a field goes away or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything about one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// Who made the report.
    pub tool: Tool,
    /// The run.
    pub run: Run,
    /// One entry for each target, in the order given.
    pub targets: Vec<TargetReport>,
    /// Results counted over all targets.
    pub summary: Summary,
    /// The least status that makes the exit code 1.
    #[serde(default)]
    pub fail_on: FailOn,
    /// The exit code of the process.
    pub exit_code: u8,
}

/// Who made the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `cfdoctor`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Day of the vendor facts that are compiled in, `YYYY-MM-DD`.
    pub knowledge: String,
}

/// The run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Unlike that of any other run.
    pub id: String,
    /// RFC 3339, UTC.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub started_at: OffsetDateTime,
    /// Milliseconds from start to report.
    pub elapsed_ms: u64,
    /// HTTP requests sent to edges and origins, in all attempts.
    pub requests_sent: u32,
    /// Requests sent to the APIs of Cloudflare and AWS, in all attempts.
    #[serde(default)]
    pub api_requests_sent: u32,
    /// How often targets were visited at most: more than once with `--wait` only, and then those that failed. The report
    /// is on the last attempt.
    #[serde(default = "once")]
    pub attempts: u32,
    /// The user stopped the run; what was gathered until then was judged.
    #[serde(default)]
    pub interrupted: bool,
    /// URLs of targets that were not reached before the interruption; the first thousand of them.
    #[serde(default)]
    pub not_visited: Vec<String>,
    /// How many more were not reached.
    #[serde(default)]
    pub not_visited_more: u64,
    /// Set when nothing real was examined: what the world on loopback plays.
    #[serde(default)]
    pub simulation: Option<String>,
    /// What is to be said about the run: ignores that serve no more, targets that were left out, what was resumed.
    #[serde(default)]
    pub notices: Vec<String>,
}

fn once() -> u32 {
    1
}

/// Everything about one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReport {
    /// The URL examined, without secrets.
    pub url: String,
    /// Its host.
    pub host: String,
    /// What the owner wants of the cache.
    pub expect: Expectation,
    /// Which box answered: `edge`, `worker`, `api-gateway-http`, …; null when nothing answered.
    pub answered_by: Option<String>,
    /// The sum of the results.
    pub verdict: TargetVerdict,
    /// Why something that matters could not be judged.
    #[serde(default)]
    pub inconclusive: Option<String>,
    /// The one cause; null when nothing is wrong.
    pub diagnosis: Option<Diagnosis>,
    /// When the evidence was gathered (RFC 3339, UTC): the "now" of every judgement here; null in reports made before
    /// it was told.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub gathered_at: Option<OffsetDateTime>,
    /// The way of a request from the visitor inwards, with what was seen at each hop; empty when nobody looked.
    #[serde(default)]
    pub path: Vec<Hop>,
    /// The servers' own certificates as sent, the edge's first.
    #[serde(default)]
    pub certificates: Vec<CertificateReport>,
    /// How long each request for the URL took, the edge's first; without those that nobody measured.
    #[serde(default)]
    pub timings: Vec<TimingReport>,
    /// What the cache did with the samples; null when none was answered.
    #[serde(default)]
    pub observed: Option<Observed>,
    /// The cache decision step by step; null when no answer tells of the cache.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// What each SSL mode would do here; null when nobody could tell.
    #[serde(default)]
    pub ssl_modes: Option<Vec<SslModeOutcome>>,
    /// The areas in path order.
    #[serde(default)]
    pub areas: Vec<AreaReport>,
    /// Every result, in path order.
    pub results: Vec<ResultReport>,
    /// HTTP requests sent to edge and origin of this target.
    #[serde(default)]
    pub requests_sent: u32,
    /// Requests sent to the APIs of Cloudflare and AWS for this target; what is known already is not asked again.
    #[serde(default)]
    pub api_requests_sent: u32,
    /// The line that names the target, where a file does.
    #[serde(default)]
    pub declared_at: Option<Place>,
    /// What is to be known beside the results: what a plan changes here.
    #[serde(default)]
    pub notices: Vec<String>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// As the user named it, relative to the folder where the program ran, if it can be.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// The sum of a target's results. Findings that are suppressed do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetVerdict {
    /// No finding.
    Pass,
    /// Warnings only.
    Warn,
    /// At least one failure.
    Fail,
    /// No failure, and something that matters could not be judged.
    Inconclusive,
}

/// One cause, with what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// Id of a result that is `warn` or `fail`.
    pub cause: String,
    /// How sure.
    pub confidence: Confidence,
    /// The cause in one or two sentences.
    pub summary: String,
    /// Ids of the next obstacles, in order.
    pub then: Vec<String>,
    /// What people would suspect, and why it is not that.
    pub ruled_out: Vec<RuledOut>,
    /// What will be seen once everything named is mended.
    pub predicted: Option<Predicted>,
}

/// A suspect that is cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuledOut {
    /// Id of the check.
    pub check: String,
    /// The evidence that clears it.
    pub because: String,
}

/// What will be seen after the fixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Predicted {
    /// `cf-cache-status` of requests 1..n.
    pub statuses: Vec<String>,
    /// Seconds at the edge.
    pub edge_ttl_s: Option<u64>,
    /// Seconds in browsers.
    pub browser_ttl_s: Option<u64>,
}

/// What the cache did with the samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// `cf-cache-status` of each answered sample, `none` where the header was absent.
    pub statuses: Vec<String>,
    /// Seconds, `Age` of the last answered sample.
    pub age_s: Option<u64>,
}

/// What one SSL mode would do here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SslModeOutcome {
    /// `off`, `flexible`, `full`, `strict` or `origin_pull`.
    pub mode: String,
    /// `served`, `521`, `525`, `526`, `loop`, …
    pub outcome: String,
    /// The evidence for it.
    pub because: String,
}

/// One area of the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AreaReport {
    /// The prefix of its checks' ids.
    pub id: String,
    /// What people read.
    pub title: String,
    /// The worst of its results that count; `not-run` only when nothing was judged.
    pub status: Status,
    /// What was seen there, in one line.
    pub summary: Option<String>,
}

/// Status of one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Could not be judged; `reason` says why.
    NotRun,
    /// Looked, and it is right.
    Pass,
    /// Works today at a risk.
    Warn,
    /// Broken now or on a known date.
    Fail,
}

/// The answer of one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultReport {
    /// Id of the check.
    pub check: Cow<'static, str>,
    /// Its area.
    pub area: Cow<'static, str>,
    /// The healthy state.
    pub title: Cow<'static, str>,
    /// The answer.
    pub status: Status,
    /// How much a failure hurts.
    pub severity: Severity,
    /// How sure a finding is; null for others.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// One sentence with the observed value.
    pub seen: Option<String>,
    /// Quotable lines of evidence.
    pub proof: Vec<String>,
    /// Id of the result that explains this one.
    pub caused_by: Option<String>,
    /// Why it was not run.
    pub reason: Option<Reason>,
    /// What to change.
    pub fix: Option<Fix>,
    /// Where the vendor or a standard says so.
    pub docs: Option<Cow<'static, str>>,
    /// The same for the same check, host and cause, whatever the measured values.
    pub fingerprint: String,
    /// Why this finding does not count, if so.
    pub suppressed: Option<String>,
    /// The line that is at fault, where that is known better than for the whole target.
    #[serde(default)]
    pub declared_at: Option<Place>,
}

/// Why a check was not run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The word for it.
    pub kind: ReasonKind,
    /// The sentence for people.
    pub text: String,
}

/// The words of `product.md` section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonKind {
    /// The check itself failed.
    Bug,
    /// Our own network, a challenge, a rate limit.
    Inconclusive,
    /// An earlier fact kept us from looking.
    Blocked,
    /// The credential lacks a permission.
    Forbidden,
    /// No credential.
    NoCredential,
    /// Switched off.
    Disabled,
    /// The question does not arise.
    NotApplicable,
}

/// Results counted; each is in one of the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Passed.
    pub pass: u32,
    /// Warnings.
    pub warn: u32,
    /// Failures.
    pub fail: u32,
    /// Not run.
    pub not_run: u32,
    /// Warnings and failures that do not count.
    #[serde(default)]
    pub suppressed: u32,
}

/// Targets counted by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdicts {
    /// No finding.
    pub pass: u64,
    /// Warnings only.
    pub warn: u64,
    /// At least one failure.
    pub fail: u64,
    /// No failure, and something that matters could not be judged.
    pub inconclusive: u64,
}

impl Verdicts {
    /// One more.
    pub fn add(&mut self, verdict: TargetVerdict) {
        let count = match verdict {
            TargetVerdict::Pass => &mut self.pass,
            TargetVerdict::Warn => &mut self.warn,
            TargetVerdict::Fail => &mut self.fail,
            TargetVerdict::Inconclusive => &mut self.inconclusive,
        };
        *count += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.pass + self.warn + self.fail + self.inconclusive
    }
}

impl Tool {
    /// This program.
    pub fn this() -> Self {
        Tool { name: "cfdoctor".into(), version: env!("CARGO_PKG_VERSION").into(), knowledge: KNOWLEDGE.into() }
    }
}

impl Run {
    /// A run that began then, with one attempt and nothing to tell yet.
    pub fn begun(id: String, started_at: OffsetDateTime) -> Self {
        Run {
            id,
            started_at,
            elapsed_ms: 0,
            requests_sent: 0,
            api_requests_sent: 0,
            attempts: once(),
            interrupted: false,
            not_visited: Vec::new(),
            not_visited_more: 0,
            simulation: None,
            notices: Vec::new(),
        }
    }

    /// Targets that were not reached before the interruption.
    pub fn left(&self) -> u64 {
        self.not_visited.len() as u64 + self.not_visited_more
    }
}

impl Report {
    /// The report of a run; `policy` gives the exit code.
    pub fn new(run: Run, targets: Vec<TargetReport>, policy: &Policy) -> Self {
        let summary = Summary::of(targets.iter().flat_map(|target| &target.results));
        let tool = Tool::this();
        let mut report = Report {
            schema_version: SCHEMA_VERSION,
            tool,
            run,
            targets,
            summary,
            fail_on: policy.fail_on,
            exit_code: 0,
        };
        report.exit_code = policy::exit_code(&report, policy);
        report
    }

    /// JSON Schema (2020-12) of the format.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Report)
    }
}

impl Summary {
    /// Counts results.
    pub fn of<'a>(results: impl Iterator<Item = &'a ResultReport>) -> Self {
        let mut summary = Summary::default();
        results.for_each(|result| summary.add(result));
        summary
    }

    /// One more.
    pub fn add(&mut self, result: &ResultReport) {
        match result.status {
            _ if result.is_suppressed() => self.suppressed += 1,
            Status::Pass => self.pass += 1,
            Status::Warn => self.warn += 1,
            Status::Fail => self.fail += 1,
            Status::NotRun => self.not_run += 1,
        }
    }
}

impl Status {
    /// The word in every format.
    pub fn word(self) -> &'static str {
        match self {
            Status::NotRun => "not-run",
            Status::Pass => "pass",
            Status::Warn => "warn",
            Status::Fail => "fail",
        }
    }

    /// Is it a warning or a failure?
    pub fn is_finding(self) -> bool {
        matches!(self, Status::Warn | Status::Fail)
    }
}

impl TargetVerdict {
    /// The word in every format.
    pub fn word(self) -> &'static str {
        match self {
            TargetVerdict::Pass => "pass",
            TargetVerdict::Warn => "warn",
            TargetVerdict::Fail => "fail",
            TargetVerdict::Inconclusive => "inconclusive",
        }
    }
}

impl ResultReport {
    /// A finding that does not count.
    pub fn is_suppressed(&self) -> bool {
        self.status.is_finding() && self.suppressed.is_some()
    }

    /// A finding that counts.
    pub fn is_counting(&self) -> bool {
        self.status.is_finding() && self.suppressed.is_none()
    }
}

impl TargetReport {
    /// The result of this check, if it was asked.
    pub fn result(&self, check: &str) -> Option<&ResultReport> {
        self.results.iter().find(|result| result.check == check)
    }

    /// The finding that explains `result` in the end, where another one does.
    pub fn root_of(&self, result: &ResultReport) -> Option<&ResultReport> {
        let mut root = None;
        let mut next = result.caused_by.as_deref();
        // Each step names another result, so more steps than results would be a circle.
        for _ in &self.results {
            match next.and_then(|id| self.result(id)).filter(|cause| cause.status.is_finding()) {
                Some(cause) if cause.check != result.check => {
                    root = Some(cause);
                    next = cause.caused_by.as_deref();
                }
                _ => break,
            }
        }
        root
    }
}

#[cfg(test)]
pub(crate) mod testing;
