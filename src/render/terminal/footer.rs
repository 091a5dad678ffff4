//! Counts, what was not examined and why, what the visit cost.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::super::look::{Detail, Tone};
use super::super::requests;
use super::page::Page;
use super::some;
use crate::report::{Reason, ReasonKind, ResultReport, Run, Status, Summary, TargetReport};

/// The counts of one target, and what was not examined.
pub(super) fn target<W: Write>(page: &mut Page<'_, W>, target: &TargetReport) -> io::Result<()> {
    if page.look.detail == Detail::Quiet {
        return Ok(());
    }
    page.blank()?;
    let summary = Summary::of(target.results.iter());
    page.para(&[], &counts(&summary), 2)?;
    // With -v each of them has its own line already.
    if page.look.detail == Detail::Normal { not_examined(page, &target.results) } else { Ok(()) }
}

/// Targets not visited that are named.
const NAMED: usize = 10;

/// The last lines: what the whole run cost, and what it left out. `several`: how many targets the sums are of, where
/// that is to be told.
pub(super) fn run<W: Write>(page: &mut Page<'_, W>, run: &Run, sums: &Summary, several: usize) -> io::Result<()> {
    if run.interrupted {
        let left = run.left();
        let named = run.not_visited.get(..NAMED).unwrap_or(&run.not_visited);
        let text = match (left, left.saturating_sub(named.len() as u64)) {
            (0, _) => "what was gathered until then is judged above".into(),
            (_, 0) => format!("{left} not visited: {}", named.join(", ")),
            (_, more) => format!("{left} not visited: {} and {more} more", named.join(", ")),
        };
        page.para(&[(Tone::Caution, "Interrupted: ")], &text, 2)?;
    }
    for notice in &run.notices {
        page.para(&[(Tone::Caution, "Note: ")], notice, 2)?;
    }
    if page.look.detail == Detail::Quiet {
        return Ok(());
    }
    let mut cost = format!("{}, {}", requests(run), seconds(run.elapsed_ms));
    if run.attempts > 1 {
        cost.push_str(&format!(", {} attempts; the last is told here", run.attempts));
    }
    if several > 1 {
        page.blank()?;
        page.para(&[], &format!("{several} targets: {}", counts(sums)), 2)?;
    }
    page.toned(&[], Tone::Quiet, &cost, 2)
}

/// `31 well, 2 warnings, 1 failure, 9 not examined`.
fn counts(summary: &Summary) -> String {
    let Summary { pass, warn, fail, not_run, suppressed } = *summary;
    let mut parts = vec![format!("{pass} well")];
    parts.extend(some(warn as usize, "warning", "warnings"));
    parts.extend(some(fail as usize, "failure", "failures"));
    parts.extend(some(suppressed as usize, "does not count", "do not count"));
    parts.extend(some(not_run as usize, "not examined", "not examined"));
    parts.join(", ")
}

fn seconds(elapsed_ms: u64) -> String {
    format!("{}.{} s", elapsed_ms / 1000, elapsed_ms % 1000 / 100)
}

/// One line for each reason; questions that do not arise share one.
fn not_examined<W: Write>(page: &mut Page<'_, W>, results: &[ResultReport]) -> io::Result<()> {
    let mut groups: BTreeMap<&Reason, Vec<&str>> = BTreeMap::new();
    let mut moot = 0;
    for result in results.iter().filter(|result| result.status == Status::NotRun) {
        match &result.reason {
            Some(reason) if reason.kind != ReasonKind::NotApplicable => {
                groups.entry(reason).or_default().push(&result.check);
            }
            _ => moot += 1,
        }
    }
    let mark = page.look.mark(Status::NotRun);
    let lead = [(Tone::Quiet, mark), (Tone::Quiet, " ")];
    let hang = page.width_of(mark) + 1;
    for (reason, checks) in groups {
        let what = match checks.as_slice() {
            [one] => (*one).to_owned(),
            several => format!("{} checks", several.len()),
        };
        page.toned(&lead, Tone::Quiet, &format!("{what}: {}", reason.text), hang)?;
    }
    if let Some(many) = some(moot, "question does not arise here", "questions do not arise here") {
        page.toned(&lead, Tone::Quiet, &format!("{many} (-v names them)"), hang)?;
    }
    Ok(())
}
