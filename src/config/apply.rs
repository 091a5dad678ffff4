//! The configuration at work: severities, ignores, the owner's own conditions, and what is to be said about ignores.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cfdoctor_checks::diagnosis::{self, Judged, Sight};
use cfdoctor_checks::evidence::{Evidence, Target};
use cfdoctor_checks::{Check, Finding, NotRun, Severity, Verdict};
use time::OffsetDateTime;

use super::ignore::shown;
use super::{Assertion, Config, Ignore, Loaded, Override};
use crate::report::{Known, Own, Report, Status, TargetReport};

impl Loaded {
    /// Judges the evidence by `checks` and by the owner's own conditions. What is `known` already is marked.
    pub fn examine(&self, evidence: &Evidence, checks: &[&'static Check], known: Option<&Known>) -> TargetReport {
        evidence.judged(|| self.examine_once(evidence, checks, known))
    }

    fn examine_once(&self, evidence: &Evidence, checks: &[&'static Check], known: Option<&Known>) -> TargetReport {
        let mut judged = diagnosis::judge(evidence, checks.iter().copied());
        for one in &mut judged {
            if let Some(what) = self.config.severity.get(one.check.id) {
                what.change(one);
            }
        }
        let assessment = diagnosis::conclude(evidence, judged);
        let mut report = Report::target(evidence, &assessment);
        let sight = Sight::of(evidence);
        let own = self.config.assert.iter().filter(|assertion| assertion.is_about(evidence));
        report.add_own(evidence, own.map(|assertion| self.own(assertion, &sight)));
        self.config.mark(&mut report, evidence.gathered_at);
        if let Some(known) = known {
            known.mark(&mut report);
        }
        report.settle(evidence, &assessment);
        report.declared_at = self
            .config
            .options_of(&evidence.target.url())
            .and_then(|(index, _)| self.place(&format!("target.{index}.url")));
        report
    }

    /// The result of one of the owner's conditions.
    fn own(&self, assertion: &Assertion, sight: &Sight<'_>) -> Own {
        let answer = catch_unwind(AssertUnwindSafe(|| sight.judge(|evidence| assertion.judge(evidence))));
        let answer = answer.unwrap_or_else(|_| Err(NotRun::Bug("the condition panicked".into())));
        let what = self.config.severity.get(assertion.id());
        let answer = answer.map(|verdict| match (verdict, what) {
            (Verdict::Warn(finding), Some(Override::Fail)) => Verdict::Fail(finding),
            (Verdict::Fail(finding), Some(Override::Warn)) => Verdict::Warn(finding),
            (verdict, _) => verdict,
        });
        let severity = what.and_then(|what| what.severity()).unwrap_or(Severity::High);
        Own {
            id: assertion.id().to_owned(),
            title: assertion.title(),
            severity,
            answer,
            declared_at: self.place(&assertion.path),
        }
    }

    /// What is to be said about ignores that serve no more.
    pub fn notices(&self, targets: &[TargetReport]) -> Vec<String> {
        let mut seen = IgnoresSeen::default();
        targets.iter().for_each(|target| self.see(&mut seen, target));
        self.notices_of(&seen)
    }

    /// Notes what a target tells about the ignores.
    pub fn see(&self, seen: &mut IgnoresSeen, target: &TargetReport) {
        seen.each.resize_with(self.config.ignore.len(), Seen::default);
        for (ignore, seen) in self.config.ignore.iter().zip(&mut seen.each) {
            seen.add(ignore, target);
        }
        if !self.config.ignore.is_empty()
            && let Some(index) =
                self.config.target.iter().position(|one| one.target().is_ok_and(|own| shown(&own) == target.url))
        {
            seen.examined.insert(index);
        }
    }

    /// What is to be said about ignores that serve no more, by all that was noted.
    pub fn notices_of(&self, seen: &IgnoresSeen) -> Vec<String> {
        let ignores = self.config.ignore.iter().zip(&seen.each).enumerate();
        ignores
            .filter_map(|(index, (ignore, one))| {
                let why = self.config.stale(ignore, one, &seen.examined)?;
                let place = self.place(&format!("ignore.{index}.check"));
                let place = place.map(|place| format!("{}:{}: ", place.file, place.line)).unwrap_or_default();
                Some(format!("{place}the ignore of {} {why}", ignore.describe()))
            })
            .collect()
    }
}

/// What the targets of a run tell about the ignores, whatever their number.
#[derive(Clone, Debug, Default)]
pub struct IgnoresSeen {
    each: Vec<Seen>,
    /// Targets of the configuration that were examined, by their place in it.
    examined: BTreeSet<usize>,
}

/// About one ignore.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The latest "now" of the targets that it is about; `None`: there was none.
    now: Option<OffsetDateTime>,
    /// It covers a finding, or would, were its time not over.
    covers: bool,
    /// Its check was run and passed somewhere.
    passed: bool,
}

impl Seen {
    fn add(&mut self, ignore: &Ignore, target: &TargetReport) {
        if !ignore.is_about(&target.host, &target.url) {
            return;
        }
        self.now = self.now.max(target.gathered_at);
        for result in &target.results {
            self.covers |= ignore.covers(&target.host, &target.url, result);
            self.passed |= ignore.names(result) && result.status == Status::Pass;
        }
    }
}

impl Override {
    /// Changes an answer, so that the diagnosis sees it as the owner does.
    fn change(self, judged: &mut Judged) {
        let Ok(verdict) = &mut judged.answer else { return };
        *verdict = match (std::mem::replace(verdict, Verdict::Pass(None)), self) {
            (Verdict::Warn(finding), Override::Fail) => Verdict::Fail(finding),
            (Verdict::Fail(finding), Override::Warn) => Verdict::Warn(finding),
            (Verdict::Warn(finding), to) => Verdict::Warn(weighed(finding, to)),
            (Verdict::Fail(finding), to) => Verdict::Fail(weighed(finding, to)),
            (pass, _) => pass,
        };
    }
}

/// Of another severity, where the override is one.
fn weighed(finding: Finding, to: Override) -> Finding {
    match to.severity() {
        Some(severity) => finding.severity(severity),
        None => finding,
    }
}

impl Config {
    /// Marks what is ignored.
    fn mark(&self, report: &mut TargetReport, now: OffsetDateTime) {
        let (host, url) = (report.host.clone(), report.url.clone());
        for result in &mut report.results {
            let mut ignores = self.ignore.iter().filter(|ignore| !ignore.has_expired(now));
            if let Some(ignore) = ignores.find(|ignore| ignore.covers(&host, &url, result)) {
                result.suppressed = Some(format!("ignored: {}", ignore.because()));
            }
        }
    }

    /// Why the ignore is to be looked at again, if it is. Silent where it could not be told: its check was not run, or
    /// not every target that it is about was examined.
    fn stale(&self, ignore: &Ignore, seen: &Seen, examined: &BTreeSet<usize>) -> Option<String> {
        let now = seen.now?;
        if seen.covers {
            let until = ignore.until.filter(|_| ignore.has_expired(now))?;
            return Some(format!("ended on {until}; what it covered counts again"));
        }
        let everything = self.target.iter().enumerate().all(|(index, declared)| {
            let is_about = |target: Target| ignore.is_about(&target.host, &shown(&target));
            examined.contains(&index) || !declared.target().is_ok_and(is_about)
        });
        (everything && seen.passed).then(|| "matches nothing any more; take it out".to_owned())
    }
}
