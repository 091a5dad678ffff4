//! The report for people: path order, problems with proof and fix, the diagnosis last.

mod diagnosis;
mod explained;
mod fleet;
mod footer;
mod page;
mod problem;
mod why;

use std::io::{self, Write};

use super::look::{Detail, Look, Tone};
use crate::report::{AreaReport, Digest, ReasonKind, Report, ResultReport, Run, Status, TargetReport};
use page::Page;

pub use explained::{Explained, explained, explained_line};
pub use fleet::render as digest;
pub use why::render as why;

pub(crate) use problem::kind as step_kind;

/// Writes the report for people; more than a few targets share a page, unless everything is wanted (`-v`).
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, look: &Look, out: &mut impl Write) -> io::Result<()> {
    if report.targets.len() > Digest::FEW && look.detail != Detail::Full {
        return fleet::of(report, look, out);
    }
    let mut page = Page::new(look, out);
    simulation(&mut page, &report.run)?;
    let mut silent = true;
    for target in &report.targets {
        if look.detail == Detail::Quiet && target.verdict == crate::report::TargetVerdict::Pass {
            continue;
        }
        if !silent {
            page.blank()?;
        }
        silent = false;
        whole_target(&mut page, target)?;
    }
    footer::run(&mut page, &report.run, &report.summary, report.targets.len())
}

fn simulation<W: Write>(page: &mut Page<'_, W>, run: &Run) -> io::Result<()> {
    let Some(what) = &run.simulation else { return Ok(()) };
    page.para(&[(Tone::Caution, "Simulation: ")], what, 0)?;
    page.blank()
}

fn whole_target<W: Write>(page: &mut Page<'_, W>, target: &TargetReport) -> io::Result<()> {
    head(page, target)?;
    let width = target.areas.iter().map(|area| page.width_of(&area.title)).max().unwrap_or_default();
    for area in &target.areas {
        whole_area(page, target, area, width)?;
        if area.id == "origin" {
            ssl_modes(page, target)?;
        }
    }
    if !target.areas.iter().any(|area| area.id == "origin") {
        ssl_modes(page, target)?;
    }
    diagnosis::render(page, target)?;
    footer::target(page, target)
}

fn head<W: Write>(page: &mut Page<'_, W>, target: &TargetReport) -> io::Result<()> {
    page.para(&[(Tone::Strong, &target.url)], "", 0)?;
    if page.look.detail == Detail::Quiet {
        return Ok(());
    }
    if let Some(who) = &target.answered_by {
        page.para(&[(Tone::Quiet, "answered by ")], who, 2)?;
    }
    for notice in &target.notices {
        page.para(&[(Tone::Caution, "note: ")], notice, 6)?;
    }
    page.blank()
}

/// How many are well, and why the others were not examined, if they are the most.
fn well(results: &[&ResultReport]) -> String {
    let well = results.iter().filter(|result| result.status == Status::Pass).count();
    let others: Vec<&str> = results.iter().filter_map(|r| Some(r.reason.as_ref()?.text.as_str())).collect();
    let often = |text: &str| others.iter().filter(|other| **other == text).count();
    match others.iter().copied().max_by_key(|text| often(text)) {
        Some(why) if others.len() > well => format!("{well} well, {} not examined: {why}", others.len()),
        _ => format!("{well} looked at, all well"),
    }
}

/// An area that is all well is one line; problems get their room.
fn whole_area<W: Write>(
    page: &mut Page<'_, W>,
    target: &TargetReport,
    area: &AreaReport,
    width: usize,
) -> io::Result<()> {
    let results: Vec<&ResultReport> = target.results.iter().filter(|result| result.area == area.id).collect();
    // What another area's finding explains is told there.
    let (explained, own): (Vec<&ResultReport>, Vec<&ResultReport>) =
        results.iter().copied().filter(|result| result.status.is_finding()).partition(|r| target.root_of(r).is_some());
    // What does not count is no problem.
    let waived = |result: &&&ResultReport| result.is_suppressed() && page.look.detail == Detail::Quiet;
    let own: Vec<&ResultReport> = own.iter().filter(|result| !waived(result)).copied().collect();
    if page.look.detail == Detail::Quiet && own.is_empty() {
        return Ok(());
    }
    let text = match area.status {
        Status::Pass => area.summary.clone().unwrap_or_else(|| well(&results)),
        Status::NotRun => unseen(&results),
        Status::Warn | Status::Fail => tally(target, &own, &explained, &results),
    };
    let title = page.padded(&area.title, width);
    let mark = page.look.mark(area.status);
    let lead = [(Tone::of(area.status), mark), (Tone::Plain, " "), (Tone::Strong, &title), (Tone::Plain, "  ")];
    page.para(&lead, &text, page.width_of(mark) + width + 3)?;
    for result in &own {
        problem::render(page, target, result)?;
    }
    if page.look.detail == Detail::Full {
        for result in results.iter().filter(|result| !result.status.is_finding()) {
            quiet_result(page, result)?;
        }
        page.blank()?;
    }
    Ok(())
}

/// One line for an area with findings: how many, and what is explained elsewhere.
fn tally(
    target: &TargetReport,
    own: &[&ResultReport],
    explained: &[&ResultReport],
    results: &[&ResultReport],
) -> String {
    let count = |status| own.iter().filter(|result| result.status == status && result.is_counting()).count();
    let mut parts = Vec::new();
    parts.extend(some(count(Status::Fail), "failure", "failures"));
    parts.extend(some(count(Status::Warn), "warning", "warnings"));
    parts.extend(some(own.iter().filter(|r| r.is_suppressed()).count(), "does not count", "do not count"));
    for result in explained {
        let root = target.root_of(result).map_or("another", |root| &root.check);
        parts.push(format!("{} (explained by {root})", result.check));
    }
    let well = results.iter().filter(|result| result.status == Status::Pass).count();
    parts.extend((well > 0).then(|| format!("{well} well")));
    parts.join(", ")
}

/// `3 warnings`, or nothing for none.
fn some(count: usize, one: &str, many: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    }
}

/// Why an area was not examined: the reason that most of its checks share, unless it is only "does not apply".
fn unseen(results: &[&ResultReport]) -> String {
    let reasons = || results.iter().filter_map(|result| result.reason.as_ref());
    let weight = |text: &str| reasons().filter(|reason| reason.text == text).count();
    let telling = |kind: ReasonKind| kind != ReasonKind::NotApplicable;
    let best = reasons().min_by_key(|reason| (!telling(reason.kind), std::cmp::Reverse(weight(&reason.text))));
    match best {
        None => "not examined".into(),
        Some(reason) if reason.text.contains("not examined") => reason.text.clone(),
        Some(reason) => format!("not examined: {}", reason.text),
    }
}

/// A pass, or a check that was not run, in full (`-v`).
fn quiet_result<W: Write>(page: &mut Page<'_, W>, result: &ResultReport) -> io::Result<()> {
    let mark = page.look.mark(result.status);
    let (text, tone) = match (&result.reason, &result.seen) {
        (Some(reason), _) => (format!("{}: {}", result.title, reason.text), Tone::Quiet),
        (None, Some(seen)) => (format!("{}: {seen}", result.title), Tone::Plain),
        (None, None) => (result.title.to_string(), Tone::Plain),
    };
    let lead = [(Tone::Plain, "  "), (Tone::of(result.status), mark), (Tone::Plain, " ")];
    page.toned(&lead, tone, &text, page.width_of(mark) + 3)
}

/// What each SSL mode would do: in a line, or with the evidence (`-v`).
fn ssl_modes<W: Write>(page: &mut Page<'_, W>, target: &TargetReport) -> io::Result<()> {
    let Some(modes) = target.ssl_modes.as_ref().filter(|modes| !modes.is_empty()) else {
        return Ok(());
    };
    match page.look.detail {
        Detail::Quiet => Ok(()),
        Detail::Normal => {
            let each: Vec<String> = modes.iter().map(|mode| format!("{} {}", mode.mode, mode.outcome)).collect();
            page.para(&[(Tone::Quiet, "  SSL modes here: ")], &each.join(" · "), 4)
        }
        Detail::Full => {
            page.para(&[(Tone::Strong, "  What each SSL mode would do here")], "", 4)?;
            for mode in modes {
                let lead = format!("    {} → {}: ", mode.mode, mode.outcome);
                page.para(&[(Tone::Plain, &lead)], &mode.because, 6)?;
            }
            page.blank()
        }
    }
}
