//! The owner's own conditions, reported like checks; and the sum of a target once it is known what counts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cfdoctor_checks::diagnosis::Assessment;
use cfdoctor_checks::evidence::Evidence;
use cfdoctor_checks::{Confidence, NotRun, Severity, Verdict};

use super::build::{fingerprint, line, proof, verdict, worst};
use super::path::path;
use super::{AreaReport, Diagnosis, Place, Reason, ReasonKind, ResultReport, Status, TargetReport};

/// The area of the owner's own conditions, and the prefix of their ids.
pub const OWN_AREA: &str = "assert";

/// The answer of one of the owner's conditions.
pub struct Own {
    /// `assert-…`
    pub id: String,
    /// What it is called.
    pub title: String,
    /// How much it hurts where it does not hold.
    pub severity: Severity,
    /// Does it hold?
    pub answer: Result<Verdict, NotRun>,
    /// Where it is written.
    pub declared_at: Option<Place>,
}

impl TargetReport {
    /// Adds the owner's own conditions. One that could not be judged for a reason of the visit leaves the target
    /// inconclusive: nobody demands what does not matter.
    pub fn add_own(&mut self, evidence: &Evidence, own: impl Iterator<Item = Own>) {
        for own in own {
            let result = own.report(&evidence.target.host);
            let unseen = result.reason.as_ref().filter(|reason| {
                matches!(reason.kind, ReasonKind::Inconclusive | ReasonKind::Blocked | ReasonKind::Bug)
            });
            if let Some(why) = unseen {
                let text = format!("{} could not be judged: {}", result.check, why.text);
                self.inconclusive.get_or_insert_with(|| line(&text));
            }
            self.results.push(result);
        }
    }

    /// Sums up anew, from what counts: verdict, areas, and the one cause.
    pub fn settle(&mut self, evidence: &Evidence, assessment: &Assessment) {
        if self.results.iter().any(ResultReport::is_suppressed) {
            let counts = |id: &str| self.result(id).is_some_and(ResultReport::is_counting);
            self.diagnosis = assessment.diagnosis_of(evidence, &counts).as_ref().map(Diagnosis::from);
        }
        let own = || self.results.iter().filter(|result| result.area == OWN_AREA);
        if self.diagnosis.is_none() {
            let worst = own().filter(|result| result.is_counting()).rev().max_by_key(|result| result.status);
            self.diagnosis = worst.map(|result| Diagnosis {
                cause: result.check.to_string(),
                confidence: Confidence::High,
                summary: result.seen.clone().unwrap_or_else(|| result.title.to_string()),
                then: Vec::new(),
                ruled_out: Vec::new(),
                predicted: None,
            });
        }
        self.path = catch_unwind(AssertUnwindSafe(|| path(evidence, self.diagnosis.as_ref(), &self.results)))
            .unwrap_or_default();
        for area in &mut self.areas {
            area.status = worst(self.results.iter().filter(|result| result.area == area.id)).unwrap_or(area.status);
        }
        if let Some(status) = worst(own()) {
            self.areas.push(AreaReport { id: OWN_AREA.into(), title: "Asserts".into(), status, summary: None });
        }
        // With `--only` there may be nothing but own conditions, and none that is about this target.
        if self.results.iter().all(|result| result.status == Status::NotRun) {
            self.inconclusive.get_or_insert_with(|| "nothing could be judged".into());
        }
        self.verdict = verdict(&self.results, self.inconclusive.is_some());
    }
}

impl Own {
    fn report(self, host: &str) -> ResultReport {
        let verdict = self.answer.as_ref().ok();
        let finding = verdict.and_then(Verdict::finding);
        let (status, seen) = match verdict {
            None => (Status::NotRun, None),
            Some(Verdict::Pass(seen)) => (Status::Pass, seen.as_deref()),
            Some(Verdict::Warn(finding)) => (Status::Warn, Some(finding.seen.as_str())),
            Some(Verdict::Fail(finding)) => (Status::Fail, Some(finding.seen.as_str())),
        };
        ResultReport {
            area: OWN_AREA.into(),
            title: line(&self.title).into(),
            status,
            severity: self.severity,
            confidence: finding.map(|finding| finding.confidence),
            seen: seen.map(line),
            proof: finding.map(|finding| proof(&finding.proof)).unwrap_or_default(),
            caused_by: None,
            reason: self.answer.as_ref().err().map(Reason::from),
            fix: None,
            docs: None,
            fingerprint: fingerprint(&self.id, host, None),
            suppressed: None,
            declared_at: self.declared_at,
            check: self.id.into(),
        }
    }
}
