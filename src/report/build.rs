//! From a judgement to the report on one target.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cfdoctor_checks::diagnosis::{self, Assessment, Judged};
use cfdoctor_checks::evidence::{Evidence, Exchanges, Target, redact, text};
use cfdoctor_checks::model::ssl_mode::{self, ModeResult};
use cfdoctor_checks::model::{attribution, cloudflare};
use cfdoctor_checks::{AREAS, Check, Fix, NotRun, Step, Verdict};
use sha2::{Digest, Sha256};

use super::{
    AreaReport, Diagnosis, Observed, Predicted, Reason, ReasonKind, Report, ResultReport, RuledOut, SslModeOutcome,
    Status, TargetReport, TargetVerdict,
};
use super::{decision, measured, path};

/// Characters of a sentence or a line of proof. The longest sound ones (a Content-Security-Policy, a signed URL) fit.
const MAX_LINE: usize = 2000;
/// Lines of one finding's proof.
const MAX_PROOF: usize = 100;

/// Judges the evidence by `checks` and reports on it.
pub fn examine(evidence: &Evidence, checks: &[&'static Check]) -> TargetReport {
    evidence.judged(|| Report::target(evidence, &diagnosis::assess(evidence, checks.iter().copied())))
}

/// Judges many, in their order, on every core: a HAR file holds thousands.
pub fn examine_all(evidence: &[Evidence], examine: impl Fn(&Evidence) -> TargetReport + Sync) -> Vec<TargetReport> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = evidence.len().div_ceil(threads).max(1);
    if threads == 1 || evidence.len() < WORTH_A_THREAD {
        return evidence.iter().map(examine).collect();
    }
    let examine = &examine;
    std::thread::scope(|scope| {
        let share_of = |part| {
            scope.spawn(move || -> Vec<TargetReport> {
                let part: &[Evidence] = part;
                part.iter().map(examine).collect()
            })
        };
        let running: Vec<_> = evidence.chunks(share).map(share_of).collect();
        // A check that panics is caught where it runs; were it anything else, it goes on here as it would have there.
        running
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Judges many targets that share everything else of `base`, in their order, on every core: a plan names thousands.
pub fn examine_each(
    base: &Evidence,
    targets: &[Target],
    examine: impl Fn(&Evidence) -> TargetReport + Sync,
) -> Vec<TargetReport> {
    let judge = |share: &[Target]| -> Vec<TargetReport> {
        let mut evidence = base.clone();
        let judge = |target: &Target| {
            evidence.target = target.clone();
            examine(&evidence)
        };
        share.iter().map(judge).collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if threads == 1 || targets.len() < WORTH_A_THREAD {
        return judge(targets);
    }
    std::thread::scope(|scope| {
        let share = targets.len().div_ceil(threads).max(1);
        let judge = &judge;
        let running: Vec<_> = targets.chunks(share).map(|share| scope.spawn(move || judge(share))).collect();
        running
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Fewer targets than this are judged before a thread has started.
const WORTH_A_THREAD: usize = 64;

impl Report {
    /// The report on one target. All text is made harmless here, once for every format.
    pub fn target(evidence: &Evidence, assessment: &Assessment) -> TargetReport {
        let host = &evidence.target.host;
        let results: Vec<ResultReport> = assessment
            .results
            .iter()
            .enumerate()
            .map(|(index, judged)| {
                let caused_by = assessment.caused_by.get(index).copied().flatten();
                result(evidence, host, judged, caused_by)
            })
            .collect();
        let inconclusive = assessment.inconclusive.as_deref().map(line).or_else(|| nothing_to_go_by(&results));
        let diagnosis = assessment.diagnosis.as_ref().map(Diagnosis::from);
        TargetReport {
            url: text::clean(&redact::text(&evidence.target.url())),
            host: text::clean(host),
            expect: evidence.target.expect,
            answered_by: answered_by(evidence),
            verdict: verdict(&results, inconclusive.is_some()),
            inconclusive,
            gathered_at: Some(evidence.gathered_at),
            path: catch_unwind(AssertUnwindSafe(|| path::path(evidence, diagnosis.as_ref(), &results)))
                .unwrap_or_default(),
            diagnosis,
            certificates: measured::certificates(evidence),
            timings: measured::timings(evidence),
            observed: observed(evidence),
            decision: catch_unwind(AssertUnwindSafe(|| decision::decision(evidence))).ok().flatten(),
            ssl_modes: ssl_modes(evidence),
            areas: areas(evidence, &results),
            results,
            requests_sent: evidence.traffic.http_requests,
            api_requests_sent: evidence.traffic.api_requests,
            declared_at: None,
            notices: Vec::new(),
        }
    }
}

/// Who made the answer; `None`: there was none.
fn answered_by(evidence: &Evidence) -> Option<String> {
    let answered =
        |end: &cfdoctor_checks::evidence::Vantage| end.http.found().is_some_and(|http| http.first().is_some());
    (answered(&evidence.edge) || answered(&evidence.origin))
        .then(|| attribution::answered_by(evidence).word().to_owned())
}

/// What visitors get now, where it tells of the way to the origin.
fn met(evidence: &Evidence) -> Option<(ModeResult, String)> {
    if let Some(answer) = evidence.edge_serves_fresh() {
        return Some((ModeResult::Served, format!("the edge passes on {}", answer.status)));
    }
    let code = cloudflare::error_code(evidence.edge_answer().ok()?)?;
    let result = match code {
        521 => ModeResult::Error521,
        525 => ModeResult::Error525,
        526 => ModeResult::Error526,
        _ => return None,
    };
    Some((result, format!("the edge answers {code}")))
}

/// What each SSL mode would do here, where the origin was seen.
fn ssl_modes(evidence: &Evidence) -> Option<Vec<SslModeOutcome>> {
    let mut outcomes = ssl_mode::outcomes(evidence)?;
    // What our own look at the origin leaves open, the answer in this very mode tells.
    let mode = evidence.effective().ok().and_then(|effective| effective.ssl.certain().copied());
    if let (Some(mode), Some((result, says))) = (mode, met(evidence)) {
        let now = outcomes.iter_mut().filter(|outcome| outcome.mode == mode);
        for outcome in now.filter(|outcome| outcome.outcome == ModeResult::Unknown) {
            outcome.because = format!("{says} in this mode ({})", outcome.because);
            outcome.outcome = result;
        }
    }
    Some(
        outcomes
            .iter()
            .map(|outcome| SslModeOutcome {
                mode: outcome.mode.api().to_owned(),
                outcome: outcome.outcome.to_string(),
                because: text::clean(&outcome.because),
            })
            .collect(),
    )
}

impl From<&diagnosis::Diagnosis> for Diagnosis {
    fn from(from: &diagnosis::Diagnosis) -> Self {
        let ruled_out = from.ruled_out.iter();
        Diagnosis {
            cause: from.cause.into(),
            confidence: from.confidence,
            summary: line(&from.summary),
            then: from.then.iter().map(ToString::to_string).collect(),
            ruled_out: ruled_out.map(|out| RuledOut { check: out.check.into(), because: line(&out.because) }).collect(),
            predicted: from.predicted.as_ref().map(Predicted::from),
        }
    }
}

impl From<&diagnosis::Prediction> for Predicted {
    fn from(from: &diagnosis::Prediction) -> Self {
        Predicted {
            statuses: from.statuses.iter().map(|status| text::clean(status)).collect(),
            edge_ttl_s: from.edge_ttl_s,
            browser_ttl_s: from.browser_ttl_s,
        }
    }
}

impl From<&NotRun> for Reason {
    fn from(why: &NotRun) -> Self {
        let kind = match why {
            NotRun::NoCredential(_) => ReasonKind::NoCredential,
            NotRun::Forbidden { .. } => ReasonKind::Forbidden,
            NotRun::Blocked { .. } => ReasonKind::Blocked,
            NotRun::Disabled(_) => ReasonKind::Disabled,
            NotRun::NotApplicable(_) => ReasonKind::NotApplicable,
            NotRun::Inconclusive(_) => ReasonKind::Inconclusive,
            NotRun::Bug(_) => ReasonKind::Bug,
        };
        Reason { kind, text: line(&why.text()) }
    }
}

fn result(evidence: &Evidence, host: &str, judged: &Judged, caused_by: Option<&'static str>) -> ResultReport {
    let check = judged.check;
    let verdict = judged.answer.as_ref().ok();
    let finding = verdict.and_then(Verdict::finding);
    let (status, seen) = match verdict {
        None => (Status::NotRun, None),
        Some(Verdict::Pass(seen)) => (Status::Pass, seen.as_deref()),
        Some(Verdict::Warn(finding)) => (Status::Warn, Some(finding.seen.as_str())),
        Some(Verdict::Fail(finding)) => (Status::Fail, Some(finding.seen.as_str())),
    };
    // A fix that panics must not cost the finding.
    let fix = finding.and_then(|finding| catch_unwind(AssertUnwindSafe(|| check.mend(evidence, finding))).ok());
    ResultReport {
        check: check.id.into(),
        area: check.area().into(),
        title: check.title.into(),
        status,
        severity: finding.and_then(|finding| finding.severity).unwrap_or(check.severity),
        confidence: finding.map(|finding| finding.confidence),
        seen: seen.map(line),
        proof: finding.map(|finding| proof(&finding.proof)).unwrap_or_default(),
        caused_by: caused_by.map(Into::into),
        reason: judged.answer.as_ref().err().map(Reason::from),
        fix: fix.map(clean_fix),
        docs: check.sources.first().map(|source| (*source).into()),
        fingerprint: fingerprint(check.id, host, caused_by),
        suppressed: None,
        declared_at: None,
    }
}

/// One line, harmless and of bounded length: what a server sends may fill pages.
pub(super) fn line(from: &str) -> String {
    text::shorten(from, MAX_LINE)
}

pub(super) fn proof(from: &[String]) -> Vec<String> {
    let more = from.len().checked_sub(MAX_PROOF).filter(|more| *more > 0).map(|more| format!("… and {more} more"));
    from.iter().take(MAX_PROOF).map(|text| line(text)).chain(more).collect()
}

/// Cleans every line of a fix; only its line breaks stay.
fn clean_fix(fix: Fix) -> Fix {
    let lines = |text: &str| text.split('\n').map(text::clean).collect::<Vec<_>>().join("\n");
    Fix {
        summary: line(&fix.summary),
        steps: fix
            .steps
            .into_iter()
            .map(|step| Step { kind: step.kind, label: text::clean(&step.label), text: lines(step.text.trim_end()) })
            .collect(),
    }
}

/// Depends on check, host and cause only, so that a baseline survives every change of measured values.
pub(super) fn fingerprint(check: &str, host: &str, caused_by: Option<&str>) -> String {
    let parts = ["cfdoctor/1", check, host, caused_by.unwrap_or_default(), ""];
    text::hex(&Sha256::digest(parts.join("\0"))[..16])
}

/// The rules of section 3 that the results alone decide: a check ended in a bug, or none could be judged.
fn nothing_to_go_by(results: &[ResultReport]) -> Option<String> {
    let bug = |result: &&ResultReport| result.reason.as_ref().is_some_and(|reason| reason.kind == ReasonKind::Bug);
    if let Some(result) = results.iter().find(bug) {
        return Some(format!("the check {} itself failed", result.check));
    }
    let nothing = !results.is_empty() && results.iter().all(|result| result.status == Status::NotRun);
    nothing.then(|| "no check could be judged".into())
}

/// What a result adds to a sum: a finding that does not count adds as much as a pass.
fn weight(result: &ResultReport) -> Status {
    if result.is_suppressed() { Status::Pass } else { result.status }
}

/// The worst of those that count.
pub(super) fn worst<'a>(results: impl Iterator<Item = &'a ResultReport>) -> Option<Status> {
    results.map(weight).max()
}

pub(super) fn verdict(results: &[ResultReport], inconclusive: bool) -> TargetVerdict {
    let worst = worst(results.iter());
    match worst {
        Some(Status::Fail) => TargetVerdict::Fail,
        _ if inconclusive => TargetVerdict::Inconclusive,
        Some(Status::Warn) => TargetVerdict::Warn,
        _ => TargetVerdict::Pass,
    }
}

fn areas(evidence: &Evidence, results: &[ResultReport]) -> Vec<AreaReport> {
    AREAS
        .iter()
        .filter_map(|area| {
            let status = worst(results.iter().filter(|result| result.area == area.id))?;
            let summary = catch_unwind(AssertUnwindSafe(|| (area.summary)(evidence))).ok().flatten();
            let summary = summary.as_deref().map(line);
            Some(AreaReport { id: area.id.into(), title: area.title.into(), status, summary })
        })
        .collect()
}

fn observed(evidence: &Evidence) -> Option<Observed> {
    let answers: Vec<_> = evidence.edge.http.found().into_iter().flat_map(Exchanges::answers).collect();
    let last = answers.last()?;
    let status = |value: Option<&str>| value.map_or_else(|| "none".into(), |value| text::shorten(value, 20));
    Some(Observed {
        statuses: answers.iter().map(|answer| status(answer.headers.first("cf-cache-status"))).collect(),
        age_s: last.headers.first("age").and_then(|value| value.trim().parse().ok()),
    })
}
