//! One problem: mark, id, sentence; proof; what it explains; the fix.

use std::io::{self, Write};

use cfdoctor_checks::{Confidence, Fix, Severity, StepKind};

use super::super::look::{Detail, Tone};
use super::page::Page;
use crate::report::{ResultReport, Status, TargetReport};

/// Lines of proof that are shown without `-v`.
const PROOF_LINES: usize = 8;

/// Writes a finding that no other explains, with those that it explains folded under it.
pub(super) fn render<W: Write>(page: &mut Page<'_, W>, target: &TargetReport, result: &ResultReport) -> io::Result<()> {
    sentence(page, result, 2)?;
    if result.is_suppressed() && page.look.detail != Detail::Full && !explains_any(target, result) {
        // The owner knows it; -v tells it whole.
        return page.blank();
    }
    proof(page, result, 6)?;
    let others = target.results.iter().filter(|other| explains(target, result, other));
    for (index, other) in others.enumerate() {
        if index == 0 {
            page.para(&[(Tone::Quiet, "      this explains:")], "", 6)?;
        }
        sentence(page, other, 8)?;
        proof(page, other, 12)?;
    }
    if is_cause(target, result) {
        page.para(&[(Tone::Strong, "      Fix: ")], "in the diagnosis below", 8)?;
    } else if let Some(what) = &result.fix {
        fix(page, what, "      Fix: ", 6)?;
        more(page, result, 6)?;
    }
    page.blank()
}

/// Is this the finding that the diagnosis names?
fn is_cause(target: &TargetReport, result: &ResultReport) -> bool {
    target.diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.cause == result.check)
}

fn explains_any(target: &TargetReport, root: &ResultReport) -> bool {
    target.results.iter().any(|other| explains(target, root, other))
}

fn explains(target: &TargetReport, root: &ResultReport, other: &ResultReport) -> bool {
    other.status.is_finding() && target.root_of(other).is_some_and(|found| found.check == root.check)
}

fn sentence<W: Write>(page: &mut Page<'_, W>, result: &ResultReport, indent: usize) -> io::Result<()> {
    let (space, id) = (" ".repeat(indent), format!("{}: ", result.check));
    let mark = page.look.mark(result.status);
    let seen = result.seen.as_deref().unwrap_or(&result.title);
    let text = match weight(result) {
        Some(weight) => format!("{seen} [{weight}]"),
        None => seen.to_owned(),
    };
    let tone = Tone::of(result.status);
    let lead = [(Tone::Plain, space.as_str()), (tone, mark), (Tone::Plain, " "), (tone, &id)];
    page.para(&lead, &text, indent + 4)
}

/// Severity where it is not the usual one of the status, confidence where it is not high, and who waived it.
fn weight(result: &ResultReport) -> Option<String> {
    let mut parts = Vec::new();
    match (result.status, result.severity) {
        (_, Severity::Critical) => parts.push("critical".to_owned()),
        (Status::Warn, Severity::High) => parts.push("high".into()),
        (_, Severity::Low) => parts.push("low".into()),
        _ => {}
    }
    match result.confidence {
        Some(Confidence::Medium) => parts.push("medium confidence".into()),
        Some(Confidence::Low) => parts.push("low confidence: a possibility".into()),
        _ => {}
    }
    if let Some(why) = &result.suppressed {
        parts.push(format!("does not count: {why}"));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn proof<W: Write>(page: &mut Page<'_, W>, result: &ResultReport, indent: usize) -> io::Result<()> {
    let space = " ".repeat(indent);
    let most = if page.look.detail == Detail::Full { usize::MAX } else { PROOF_LINES };
    for line in result.proof.iter().take(most) {
        page.para(&[(Tone::Plain, &space)], line, indent + 2)?;
    }
    let left = result.proof.len().saturating_sub(most);
    if left > 0 {
        let text = format!("{left} more lines with -v");
        page.toned(&[(Tone::Plain, &space)], Tone::Quiet, &text, indent + 2)?;
    }
    Ok(())
}

/// The fix with its steps; blocks are left as they are, so that they can be pasted.
pub(super) fn fix<W: Write>(page: &mut Page<'_, W>, fix: &Fix, lead: &str, indent: usize) -> io::Result<()> {
    page.para(&[(Tone::Strong, lead)], &fix.summary, page.width_of(lead))?;
    let deeper = " ".repeat(indent + 2);
    for step in &fix.steps {
        if step.kind == StepKind::Dashboard {
            let label = format!("{}: ", step.label);
            page.para(&[(Tone::Plain, &deeper), (Tone::Quiet, &label)], &step.text, indent + 4)?;
        } else {
            let label = format!("{}: {}", kind(step.kind), step.label);
            page.toned(&[(Tone::Plain, &deeper)], Tone::Quiet, &label, indent + 4)?;
            page.verbatim(&step.text, indent + 4)?;
        }
    }
    Ok(())
}

/// Where to read more.
pub(super) fn more<W: Write>(page: &mut Page<'_, W>, result: &ResultReport, indent: usize) -> io::Result<()> {
    match &result.docs {
        Some(url) => page.url("docs: ", url, indent),
        None => Ok(()),
    }
}

/// Where a step is carried out.
pub(crate) fn kind(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Dashboard => "Dashboard",
        StepKind::Shell => "Shell",
        StepKind::Api => "API",
        StepKind::Terraform => "Terraform",
        StepKind::Code => "Code",
    }
}
