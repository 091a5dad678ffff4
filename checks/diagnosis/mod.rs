//! From many results to one cause (`diagnosis.md`).
//!
//! A result is *the* cause only if it explains what was observed. So the way goes backwards: from the worst thing
//! that a visitor meets, through what explains it, to the root. Where nothing is visibly wrong, the highest finding
//! in the order is named; hygiene never is.

mod order;
mod sight;
#[cfg(test)]
mod tests;

use crate::check::{Check, Probe, Severity};
use crate::evidence::http::{BodyEnd, Outcome, Response};
use crate::evidence::tls::{Connect, Limit, TlsOutcome};
use crate::evidence::{Evidence, OurSide};
use crate::model::our_side::{self, Part};
use crate::verdict::{Confidence, Finding, NotRun, Verdict};
use order::{EXPLAINS, HYGIENE, ONLY_IF_FAILED, ORDER, SYMPTOMS};
pub use sight::Sight;
use sight::refused;

/// A check and its answer.
pub struct Judged {
    /// The check.
    pub check: &'static Check,
    /// Its answer.
    pub answer: Result<Verdict, NotRun>,
}

/// One cause, with what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The id of the result that explains the symptom; that result is a warning or a failure.
    pub cause: &'static str,
    /// How sure.
    pub confidence: Confidence,
    /// The cause in one or two sentences.
    pub summary: String,
    /// The next obstacles once the cause is mended, in order.
    pub then: Vec<&'static str>,
    /// What people would suspect, and why it is not that.
    pub ruled_out: Vec<RuledOut>,
    /// What will be seen once everything named is mended.
    pub predicted: Option<Prediction>,
}

/// A suspect that is cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuledOut {
    /// The check.
    pub check: &'static str,
    /// The evidence that clears it.
    pub because: String,
}

/// What the edge will answer after the fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// `cf-cache-status` of requests 1..n.
    pub statuses: Vec<String>,
    /// Seconds at the edge.
    pub edge_ttl_s: Option<u64>,
    /// Seconds in browsers.
    pub browser_ttl_s: Option<u64>,
}

/// The whole judgement of one target.
pub struct Assessment {
    /// Every result, in the register's order.
    pub results: Vec<Judged>,
    /// For each result, the id of the result that explains it.
    pub caused_by: Vec<Option<&'static str>>,
    /// The one cause; `None`: nothing is wrong (or nothing could be judged).
    pub diagnosis: Option<Diagnosis>,
    /// Something that matters could not be judged (`product.md` section 3, code 3): why.
    pub inconclusive: Option<String>,
}

/// How many obstacles behind the cause, and how many cleared suspects, are named.
const NAMED: usize = 4;

/// Runs `checks` over the evidence and looks for the one cause.
pub fn assess(evidence: &Evidence, checks: impl Iterator<Item = &'static Check>) -> Assessment {
    evidence.judged(|| conclude(evidence, judge(evidence, checks)))
}

/// Runs `checks` over what our own side let us see.
pub fn judge(evidence: &Evidence, checks: impl Iterator<Item = &'static Check>) -> Vec<Judged> {
    let sight = evidence.judged(|| Sight::of(evidence));
    sight.judged(|| checks.map(|check| Judged { check, answer: sight.run(check) }).collect())
}

/// Looks for the one cause.
pub fn conclude(evidence: &Evidence, results: Vec<Judged>) -> Assessment {
    evidence.judged(|| weigh(evidence, results))
}

fn weigh(evidence: &Evidence, results: Vec<Judged>) -> Assessment {
    let board = Board { evidence, results: &results, counts: &|_| true };
    let caused_by = results.iter().map(|judged| board.explained_by(judged.check.id).map(|(id, _)| id)).collect();
    let diagnosis = board.diagnose();
    let inconclusive = board.inconclusive();
    Assessment { caused_by, diagnosis, inconclusive, results }
}

impl Assessment {
    /// The one cause of the findings that `counts` lets count. A finding that does not count is the cause only of one
    /// that does.
    pub fn diagnosis_of(&self, evidence: &Evidence, counts: &dyn Fn(&str) -> bool) -> Option<Diagnosis> {
        Board { evidence, results: &self.results, counts }.diagnose()
    }
}

/// The results laid out for reasoning.
struct Board<'a> {
    evidence: &'a Evidence,
    results: &'a [Judged],
    /// Does the owner let the finding of this id count?
    counts: &'a dyn Fn(&str) -> bool,
}

impl Board<'_> {
    fn verdict(&self, id: &str) -> Option<&Verdict> {
        self.results.iter().find(|judged| judged.check.id == id)?.answer.as_ref().ok()
    }

    fn finding(&self, id: &str) -> Option<&Finding> {
        self.verdict(id)?.finding()
    }

    /// Has it found something that can be a cause?
    fn may_be_cause(&self, id: &str) -> bool {
        self.finding(id).is_some() && (self.failed(id) || !ONLY_IF_FAILED.contains(&id))
    }

    fn failed(&self, id: &str) -> bool {
        matches!(self.verdict(id), Some(Verdict::Fail(_)))
    }

    /// A finding that counts.
    fn counts(&self, id: &str) -> bool {
        self.finding(id).is_some() && (self.counts)(id)
    }

    /// A finding that counts, or explains one.
    fn matters(&self, id: &str) -> bool {
        let explains_one = || {
            let others = self.results.iter().map(|judged| judged.check.id);
            others.filter(|other| self.counts(other)).any(|other| self.root(other).0 == id)
        };
        self.finding(id).is_some() && ((self.counts)(id) || explains_one())
    }

    fn severity(&self, id: &str) -> Severity {
        let own = crate::find(id).map_or(Severity::Low, |check| check.severity);
        self.finding(id).and_then(|finding| finding.severity).unwrap_or(own)
    }

    /// The highest finding in the order that explains the finding `id`, with how sure that explanation can be.
    fn explained_by(&self, id: &str) -> Option<(&'static str, Confidence)> {
        self.finding(id)?;
        EXPLAINS
            .iter()
            .filter(|line| line.effects.contains(&id) && line.cause != id)
            .filter(|line| self.may_be_cause(line.cause) && (line.when)(self.evidence))
            // Two findings that could explain each other: the higher one in the order is the explanation.
            .filter(|line| rank(line.cause) < rank(id) || !explains(id, line.cause))
            // A mere warning does not explain a failure, unless that is what the line is about.
            .min_by_key(|line| (rank(line.cause), line.at_most))
            .map(|line| (line.cause, line.at_most))
    }

    /// From a finding back to what explains it, and what explains that.
    fn root(&self, id: &'static str) -> (&'static str, Confidence) {
        let (mut at, mut confidence) = (id, Confidence::High);
        // The explanations are acyclic (a test holds them to it); the bound is for the pair that is not.
        for _ in 0..8 {
            match self.explained_by(at) {
                Some((cause, at_most)) => {
                    confidence = confidence.min(at_most);
                    at = cause;
                }
                None => break,
            }
        }
        (at, confidence)
    }

    /// The cause and the symptom that led to it.
    fn cause(&self) -> Option<(&'static str, Option<&'static str>, Confidence)> {
        // A name that no longer passes through Cloudflare, or a challenge on everything, is met before all else.
        let worst = SYMPTOMS.iter().copied().find(|id| self.counts(id) && self.failed(id));
        let symptom = worst.or_else(|| SYMPTOMS.iter().copied().find(|id| self.counts(id)));
        if let Some(symptom) = symptom {
            let (root, confidence) = self.root(symptom);
            return Some((root, Some(symptom), confidence));
        }
        let ranked: Vec<&'static str> = ORDER
            .iter()
            .copied()
            .flatten()
            .copied()
            .filter(|id| self.matters(id) && self.may_be_cause(id) && self.explained_by(id).is_none())
            .collect();
        let first = |keep: &dyn Fn(&&'static str) -> bool| ranked.iter().copied().find(|id| keep(id));
        let cause = first(&|id| self.failed(id))
            .or_else(|| first(&|id| self.severity(id) > Severity::Low))
            .or_else(|| first(&|_| true))?;
        Some((cause, None, Confidence::High))
    }

    fn diagnose(&self) -> Option<Diagnosis> {
        let (cause, symptom, chain_confidence) = self.cause()?;
        let finding = self.finding(cause)?;
        let confidence = finding.confidence.min(chain_confidence);
        let mut summary = match confidence {
            Confidence::Low => format!("Possibly: {}", finding.seen),
            _ => finding.seen.clone(),
        };
        if let Some(symptom) = symptom.filter(|symptom| *symptom != cause).and_then(|id| self.finding(id)) {
            summary = format!("{}. It explains what visitors meet: {}", summary.trim_end_matches('.'), symptom.seen);
        }
        let plan = cause.starts_with("cache-").then(|| crate::model::cache::plan(self.evidence)).flatten();
        Some(Diagnosis {
            cause,
            confidence,
            summary,
            then: self.then(cause, plan.as_deref()),
            ruled_out: self.ruled_out(cause, symptom),
            predicted: plan.and_then(|plan| plan.predicted.clone()),
        })
    }

    /// What comes next: the obstacles of the cache plan, else the other findings that nothing explains.
    fn then(&self, cause: &str, plan: Option<&crate::model::cache::CachePlan>) -> Vec<&'static str> {
        let mut next: Vec<&'static str> = Vec::new();
        if let Some(plan) = plan {
            let obstacles = plan.obstacles.iter().map(|obstacle| obstacle.check);
            next.extend(obstacles.filter(|check| *check != cause && (self.counts)(check)));
        }
        next.extend(ORDER.iter().copied().flatten().copied().filter(|id| {
            self.failed(id)
                && self.counts(id)
                && *id != cause
                && self.root(id).0 != cause
                && self.explained_by(id).is_none()
        }));
        let mut seen = Vec::new();
        next.retain(|id| {
            !seen.contains(id) && {
                seen.push(*id);
                true
            }
        });
        next.truncate(NAMED);
        next
    }

    /// Those that explain such a symptom elsewhere, and passed here with something seen.
    fn ruled_out(&self, cause: &str, symptom: Option<&'static str>) -> Vec<RuledOut> {
        let suspects: Vec<&'static str> = match symptom {
            Some(symptom) => ORDER
                .iter()
                .copied()
                .flatten()
                .copied()
                .filter(|id| explains(id, symptom) || SYMPTOMS.contains(id) && rank(id) <= rank(symptom))
                .collect(),
            None => {
                let area = cause.split('-').next().unwrap_or_default();
                let lines = ORDER.iter().copied().flatten().copied();
                lines.filter(|id| id.split('-').next() == Some(area)).collect()
            }
        };
        suspects
            .into_iter()
            .filter(|id| *id != cause)
            .filter_map(|id| match self.verdict(id)? {
                Verdict::Pass(Some(seen)) => Some(RuledOut { check: id, because: seen.clone() }),
                _ => None,
            })
            .take(NAMED)
            .collect()
    }

    /// Does something that matters stay unjudged (`product.md` section 3)?
    fn inconclusive(&self) -> Option<String> {
        let bug = self.results.iter().find_map(|judged| match &judged.answer {
            Err(NotRun::Bug(what)) => Some(format!("the check {} failed itself ({what})", judged.check.id)),
            _ => None,
        });
        if let Some(why) = bug.or_else(|| self.unread()) {
            return Some(why);
        }
        if let Some(culprits) = self.disturbed() {
            return Some(culprits);
        }
        if !self.results.is_empty() && self.results.iter().all(|judged| judged.answer.is_err()) {
            let why = self.results.iter().find_map(|judged| match &judged.answer {
                Err(NotRun::Inconclusive(why)) => Some(why.clone()),
                _ => None,
            });
            return Some(why.unwrap_or_else(|| "no check could be judged".into()));
        }
        self.edge_unseen()
    }

    /// Who on our own side kept a visitor's view from being judged. What only Cloudflare meets, or only `http://`, leaves
    /// enough to go by.
    fn disturbed(&self) -> Option<String> {
        let visitor = [Part::Dns, Part::EdgeTls, Part::EdgeHttp];
        let disturbances = our_side::disturbances(self.evidence).into_iter();
        let mut culprits: Vec<String> = disturbances
            .filter(|one| one.spoils.iter().any(|part| visitor.contains(part)))
            .map(|one| one.culprit)
            .chain(our_side::wrong_clock(self.evidence).map(|clock| clock.culprit))
            .collect();
        culprits.retain(|culprit| {
            let told = NotRun::inconclusive(culprit);
            self.results.iter().any(|judged| judged.answer.as_ref().err() == Some(&told))
        });
        (!culprits.is_empty()).then(|| culprits.join("; "))
    }

    /// What the user requires to be read, and was not.
    fn unread(&self) -> Option<String> {
        self.evidence.target.required.iter().find_map(|probe| {
            let why = match probe {
                Probe::Zone => self.evidence.zone.get().err()?,
                Probe::Gateway => self.evidence.gateway.get().err()?,
                _ => return None,
            };
            Some(format!("{probe} was required and could not be read: {}", why.text()))
        })
    }

    /// Every sample at the edge was a challenge or failed on our side; or the edge gave no whole answer, and no check
    /// can say whose fault that is: silence is not good news.
    fn edge_unseen(&self) -> Option<String> {
        let judged = self.results.iter().any(|judged| matches!(judged.answer, Ok(Verdict::Fail(_))));
        let unanswered = |why: String| (!judged).then(|| format!("the edge gave no whole answer: {why}"));
        if let Some(http) = self.evidence.edge.http.found()
            && let Some(first) = http.samples.first()
        {
            if let Some(why) = refused(self.evidence) {
                return Some(why);
            }
            let broken = |response: &Response| matches!(response.body.end, BodyEnd::Broken { .. });
            return match &first.outcome {
                Outcome::Failed(failure) if http.answers().next().is_none() => unanswered(failure.describe()),
                Outcome::Answered(response) if http.answers().all(broken) => match &response.body.end {
                    BodyEnd::Broken { why } => unanswered(format!("its body broke off ({why})")),
                    _ => None,
                },
                _ => None,
            };
        }
        let handshake = self.evidence.edge.tls.found()?;
        let ours = |limit: Limit| limit != Limit::Step;
        match (&handshake.connect, &handshake.outcome) {
            (Connect::ProxyFailed { why }, _) => Some(format!("the proxy failed us: {why}")),
            (Connect::TimedOut(patience), _) | (_, TlsOutcome::TimedOut(patience)) if ours(patience.limit) => {
                Some("our own time limit ended the visit before the edge answered".into())
            }
            (Connect::Refused | Connect::TimedOut(_) | Connect::Unreachable { .. }, _) => {
                match self.evidence.our_side() {
                    OurSide::Works(_) => None,
                    OurSide::Unknown(why) => {
                        Some(format!("the edge could not be reached, and it may be our own network: {why}"))
                    }
                }
            }
            (Connect::Open, TlsOutcome::Completed | TlsOutcome::Reported { .. } | TlsOutcome::NotReached) => None,
            (Connect::Open, outcome) => unanswered(outcome.describe()),
            (Connect::NoAddress { .. }, _) => unanswered(handshake.connect.describe()),
            (Connect::Reported, _) => None,
        }
    }
}

/// The place in the order; unranked and hygiene come last.
fn rank(id: &str) -> usize {
    ORDER.iter().copied().flatten().position(|ranked| *ranked == id).unwrap_or(usize::MAX)
}

/// Is there any line by which `cause` explains `effect`?
fn explains(cause: &str, effect: &str) -> bool {
    EXPLAINS.iter().any(|line| line.cause == cause && line.effects.contains(&effect))
}

/// Is this a finding that never is a cause?
pub fn is_hygiene(id: &str) -> bool {
    HYGIENE.contains(&id)
}
