//! One line for each finding, one with the verdict of each target: for `grep`.

use std::io::{self, Write};

use super::look::{Detail, Look, Tone};
use crate::report::{Report, ResultReport, Run, Summary, TargetReport, TargetVerdict};

/// Writes `URL: status: check: what was seen` and `URL: verdict: …` lines.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, look: &Look, out: &mut impl Write) -> io::Result<()> {
    report.targets.iter().try_for_each(|one| target(one, look, out))?;
    last(&report.run, look, out)
}

/// The lines of one target.
///
/// # Errors
/// The writer's own.
pub fn target(target: &TargetReport, look: &Look, out: &mut impl Write) -> io::Result<()> {
    for result in target.results.iter().filter(|result| result.status.is_finding()) {
        finding(target, result, look, out)?;
    }
    if look.detail != Detail::Quiet || target.verdict != TargetVerdict::Pass {
        verdict(target, look, out)?;
    }
    Ok(())
}

/// The lines of what the run did not reach.
///
/// # Errors
/// The writer's own.
pub fn last(run: &Run, look: &Look, out: &mut impl Write) -> io::Result<()> {
    for url in &run.not_visited {
        writeln!(out, "{}: verdict: not visited (interrupted)", look.text(url))?;
    }
    match run.not_visited_more {
        0 => Ok(()),
        more => writeln!(out, "{more} more: not visited (interrupted)"),
    }
}

fn finding(target: &TargetReport, result: &ResultReport, look: &Look, out: &mut impl Write) -> io::Result<()> {
    let status = look.paint(Tone::of(result.status), result.status.word());
    let seen = look.text(result.seen.as_deref().unwrap_or(&result.title));
    write!(out, "{}: {status}: {}: {seen}", look.text(&target.url), look.text(&result.check))?;
    match &result.caused_by {
        Some(cause) => write!(out, " [explained by {}]", look.text(cause))?,
        None if target.diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.cause == result.check) => {
            write!(out, " [the cause]")?;
        }
        None => {}
    }
    if let Some(why) = &result.suppressed {
        write!(out, " [does not count: {}]", look.text(why))?;
    }
    writeln!(out)
}

fn verdict(target: &TargetReport, look: &Look, out: &mut impl Write) -> io::Result<()> {
    let Summary { pass, warn, fail, not_run, suppressed } = Summary::of(target.results.iter());
    let word = look.paint(Tone::of_verdict(target.verdict), target.verdict.word());
    write!(out, "{}: verdict: {word}", look.text(&target.url))?;
    if let Some(diagnosis) = &target.diagnosis {
        write!(out, ", cause {}", look.text(&diagnosis.cause))?;
    }
    write!(out, " ({fail} fail, {warn} warn, {pass} pass, {not_run} not run{})", super::waived(suppressed))?;
    if let Some(why) = &target.inconclusive {
        write!(out, "; inconclusive: {}", look.text(why))?;
    }
    writeln!(out)
}
