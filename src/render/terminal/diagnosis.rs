//! The end of a target: one cause with all that follows from it, or a clear good word.

use std::io::{self, Write};

use cfdoctor_checks::Confidence;

use super::super::look::{Detail, Tone};
use super::super::{sentence, waived};
use super::page::Page;
use super::problem;
use crate::report::{Diagnosis, Observed, Predicted, ResultReport, Status, Summary, TargetReport, TargetVerdict};

/// Lines of the cause's proof that are repeated here.
const EVIDENCE_LINES: usize = 4;

/// Writes the diagnosis, or the good word.
pub(super) fn render<W: Write>(page: &mut Page<'_, W>, target: &TargetReport) -> io::Result<()> {
    if page.look.detail != Detail::Quiet {
        page.blank()?;
    }
    page.rule("Diagnosis")?;
    match &target.diagnosis {
        Some(diagnosis) => cause(page, target, diagnosis)?,
        None => no_cause(page, target)?,
    }
    if let Some(why) = &target.inconclusive {
        let mark = page.look.mark(Status::NotRun);
        let lead = [(Tone::Caution, mark), (Tone::Caution, " Inconclusive: ")];
        page.para(&lead, why, page.width_of(mark) + 1)?;
    }
    Ok(())
}

fn cause<W: Write>(page: &mut Page<'_, W>, target: &TargetReport, diagnosis: &Diagnosis) -> io::Result<()> {
    let found = target.result(&diagnosis.cause);
    let status = found.map_or(Status::Fail, |result| result.status);
    let mark = page.look.mark(status);
    let sure = match diagnosis.confidence {
        Confidence::High => "high confidence",
        Confidence::Medium => "medium confidence",
        Confidence::Low => "low confidence: possibly",
    };
    let lead = [(Tone::of(status), mark), (Tone::Plain, " "), (Tone::of(status), &diagnosis.cause)];
    page.para(&lead, &format!(" ({sure})"), 4)?;
    page.para(&[(Tone::Plain, "  ")], &sentence(&diagnosis.summary), 2)?;
    page.blank()?;
    for (index, line) in evidence(target, found).iter().enumerate() {
        field(page, if index == 0 { "Evidence" } else { "" }, line)?;
    }
    for (index, out) in diagnosis.ruled_out.iter().enumerate() {
        field(page, if index == 0 { "Ruled out" } else { "" }, &format!("{}: {}", out.check, out.because))?;
    }
    if let Some(fix) = found.and_then(|result| result.fix.as_ref()) {
        problem::fix(page, fix, "  Fix        ", 2)?;
    }
    for (index, id) in diagnosis.then.iter().enumerate() {
        let seen = target.result(id).and_then(|result| result.seen.as_deref());
        let line = seen.map_or_else(|| id.clone(), |seen| format!("{id}: {seen}"));
        field(page, if index == 0 { "Next" } else { "" }, &line)?;
    }
    if let Some(predicted) = &diagnosis.predicted {
        let all = if diagnosis.then.is_empty() { "" } else { "once all of it is mended: " };
        field(page, "Afterwards", &format!("{all}{}", after(predicted)))?;
    }
    if cfdoctor_checks::find(&diagnosis.cause).is_some() {
        page.para(&[(Tone::Quiet, "  More       ")], &format!("cfdoctor explain {}", diagnosis.cause), 13)?;
    }
    match found.and_then(|result| result.docs.as_deref()) {
        Some(url) => page.url("", url, 13),
        None => Ok(()),
    }
}

/// A label in its column, and the text beside it.
fn field<W: Write>(page: &mut Page<'_, W>, label: &str, text: &str) -> io::Result<()> {
    let label = format!("  {label:<10} ");
    page.para(&[(Tone::Strong, &label)], text, 13)
}

/// What the cause was seen by: its first proof lines, and the names of what it explains. The summary above has the
/// sentences already.
fn evidence(target: &TargetReport, found: Option<&ResultReport>) -> Vec<String> {
    let Some(found) = found else { return Vec::new() };
    let mut lines: Vec<String> = found.proof.iter().take(EVIDENCE_LINES).cloned().collect();
    let symptoms = target.results.iter().filter(|other| {
        other.status.is_finding() && target.root_of(other).is_some_and(|root| root.check == found.check)
    });
    let names: Vec<&str> = symptoms.map(|other| &*other.check).collect();
    if !names.is_empty() {
        lines.push(format!("explains {}", names.join(", ")));
    }
    lines
}

/// `MISS, then HIT; 7200 s at the edge; 14400 s in browsers`.
fn after(predicted: &Predicted) -> String {
    let mut parts = vec![predicted.statuses.join(", then ")];
    parts.extend(predicted.edge_ttl_s.map(|seconds| format!("{seconds} s at the edge")));
    parts.extend(predicted.browser_ttl_s.map(|seconds| format!("{seconds} s in browsers")));
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

fn no_cause<W: Write>(page: &mut Page<'_, W>, target: &TargetReport) -> io::Result<()> {
    let Summary { warn, fail, pass, suppressed, .. } = Summary::of(target.results.iter());
    // Only what came from the cache is a proof of good health; everything else just was not asked to be there.
    let from_cache = |status: &String| ["HIT", "REVALIDATED", "UPDATING", "STALE"].contains(&status.as_str());
    let cached = target.observed.as_ref().filter(|observed| observed.statuses.iter().any(from_cache));
    let proof = cached.map(seen_at_the_edge);
    let (status, word, text) = match target.verdict {
        TargetVerdict::Pass => {
            let proof = proof.unwrap_or_else(|| format!("{pass} of {pass} that could be judged are right"));
            (Status::Pass, format!("{} is well: ", target.host), proof + &waived(suppressed))
        }
        TargetVerdict::Warn => {
            let many = if warn == 1 { "one thing".into() } else { format!("{warn} things") };
            let also = proof.map(|proof| format!("; {proof}")).unwrap_or_default();
            (Status::Warn, "Nothing is broken: ".into(), format!("{many} above could be better{also}"))
        }
        TargetVerdict::Fail => {
            let many = if fail == 1 { "the failure above stands".into() } else { format!("{fail} failures stand") };
            (Status::Fail, "No common cause: ".into(), format!("{many} alone"))
        }
        TargetVerdict::Inconclusive => return Ok(()),
    };
    let mark = page.look.mark(status);
    let lead = [(Tone::of(status), mark), (Tone::Plain, " "), (Tone::of(status), &word)];
    page.para(&lead, &text, page.width_of(mark) + 1)
}

/// `the edge answered MISS, then HIT (Age 12 s)`.
fn seen_at_the_edge(observed: &Observed) -> String {
    let statuses = observed.statuses.iter().map(|status| if status == "none" { "no cf-cache-status" } else { status });
    let statuses = statuses.collect::<Vec<_>>().join(", then ");
    match observed.age_s {
        Some(age) => format!("the edge answered {statuses} (Age {age} s)"),
        None => format!("the edge answered {statuses}"),
    }
}
