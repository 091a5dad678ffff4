//! From many results to one cause (`diagnosis.md`).

use crate::check::Check;
use crate::evidence::Evidence;
use crate::verdict::{Confidence, NotRun, Verdict};

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

/// Runs `checks` over the evidence and looks for the one cause.
pub fn assess(evidence: &Evidence, checks: impl Iterator<Item = &'static Check>) -> Assessment {
    let results: Vec<Judged> = checks.map(|check| Judged { check, answer: check.run(evidence) }).collect();
    Assessment { caused_by: vec![None; results.len()], results, diagnosis: None, inconclusive: None }
}
