//! JUnit's XML: a suite for each target, a case for each check. Valid by the schema of Jenkins' xUnit plugin (kept
//! with the tests), which wants no attribute that the usual libraries add.

use std::io::{self, Write};

use cfdoctor_checks::evidence::text;

use super::Look;
use crate::policy::FailOn;
use crate::report::{ReasonKind, Report, ResultReport, Status, TargetReport};

/// How a case ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// Writes one document.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    let all = || report.targets.iter().flat_map(|target| &target.results);
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="cfdoctor" {} time="{}.{:03}">"#,
        counts(all(), report.fail_on, report.run.not_visited.len()),
        report.run.elapsed_ms / 1000,
        report.run.elapsed_ms % 1000
    )?;
    for target in &report.targets {
        suite(report, target, out)?;
    }
    for url in &report.run.not_visited {
        let url = escape(url);
        writeln!(out, r#"  <testsuite name="{url}" tests="1" failures="0" errors="0" skipped="1">"#)?;
        writeln!(out, r#"    <testcase name="visit" classname="cfdoctor">"#)?;
        writeln!(out, r#"      <skipped message="interrupted before its turn"/>"#)?;
        writeln!(out, "    </testcase>\n  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// The attributes `tests`, `failures` and `errors`.
fn counts<'a>(results: impl Iterator<Item = &'a ResultReport>, fail_on: FailOn, more: usize) -> String {
    let endings: Vec<Ending> = results.map(|result| ending(result, fail_on)).collect();
    let count = |wanted| endings.iter().filter(|ending| **ending == wanted).count();
    let (failures, errors) = (count(Ending::Failure), count(Ending::Error));
    format!(r#"tests="{}" failures="{failures}" errors="{errors}""#, endings.len() + more)
}

fn suite(report: &Report, target: &TargetReport, out: &mut impl Write) -> io::Result<()> {
    let skipped = target.results.iter().filter(|result| ending(result, report.fail_on) == Ending::Skipped).count();
    let start = report.run.started_at;
    writeln!(
        out,
        r#"  <testsuite name="{}" {} skipped="{skipped}" hostname="{}" timestamp="{}T{:02}:{:02}:{:02}">"#,
        escape(&target.url),
        counts(target.results.iter(), report.fail_on, 0),
        escape(&target.host),
        start.date(),
        start.hour(),
        start.minute(),
        start.second()
    )?;
    writeln!(out, "    <properties>")?;
    let cause = target.diagnosis.as_ref().map(|diagnosis| diagnosis.cause.as_str());
    let exit_code = report.exit_code.to_string();
    for (name, value) in [
        ("verdict", Some(target.verdict.word())),
        ("cause", cause),
        ("answered-by", target.answered_by.as_deref()),
        ("run", Some(report.run.id.as_str())),
        ("exit-code", Some(exit_code.as_str())),
    ] {
        if let Some(value) = value {
            writeln!(out, r#"      <property name="cfdoctor.{name}" value="{}"/>"#, escape(value))?;
        }
    }
    writeln!(out, "    </properties>")?;
    for result in &target.results {
        case(target, result, report.fail_on, out)?;
    }
    if let Some(why) = &target.inconclusive {
        writeln!(out, "    <system-err>could not be judged: {}</system-err>", escape(why))?;
    }
    writeln!(out, "  </testsuite>")
}

/// A suppressed finding is no failure, and no pass either.
fn ending(result: &ResultReport, fail_on: FailOn) -> Ending {
    let is_bug = result.reason.as_ref().is_some_and(|reason| reason.kind == ReasonKind::Bug);
    match result.status {
        Status::NotRun if is_bug => Ending::Error,
        Status::NotRun => Ending::Skipped,
        Status::Pass => Ending::Passed,
        Status::Warn | Status::Fail if result.suppressed.is_some() => Ending::Skipped,
        Status::Warn if fail_on != FailOn::Warn => Ending::Passed,
        Status::Warn | Status::Fail => Ending::Failure,
    }
}

fn case(target: &TargetReport, result: &ResultReport, fail_on: FailOn, out: &mut impl Write) -> io::Result<()> {
    let (host, area, check) = (escape(&target.host), escape(&result.area), escape(&result.check));
    write!(out, r#"    <testcase name="{check}" classname="{host}.{area}""#)?;
    let seen = escape(result.seen.as_deref().unwrap_or(&result.title));
    match (ending(result, fail_on), result.status) {
        (Ending::Passed, Status::Warn) => {
            writeln!(out, ">\n      <system-out>warn: {seen}\n{}</system-out>\n    </testcase>", body(result))
        }
        (Ending::Passed, _) => writeln!(out, "/>"),
        (Ending::Failure, status) => {
            let body = body(result);
            let kind = status.word();
            writeln!(out, ">\n      <failure type=\"{kind}\" message=\"{seen}\">{body}</failure>\n    </testcase>")
        }
        (Ending::Error, _) => {
            let why = escape(reason(result));
            writeln!(out, ">\n      <error type=\"bug\" message=\"{why}\"/>\n    </testcase>")
        }
        (Ending::Skipped, Status::NotRun) => {
            let why = escape(reason(result));
            writeln!(out, ">\n      <skipped message=\"{why}\"/>\n    </testcase>")
        }
        (Ending::Skipped, status) => {
            let why = escape(result.suppressed.as_deref().unwrap_or_default());
            let kind = status.word();
            writeln!(
                out,
                ">\n      <skipped type=\"{kind}\" message=\"does not count: {why}\">{seen}</skipped>\n    </testcase>"
            )
        }
    }
}

fn reason(result: &ResultReport) -> &str {
    result.reason.as_ref().map_or("not run", |reason| reason.text.as_str())
}

/// Proof, cause and fix, a line each.
fn body(result: &ResultReport) -> String {
    let mut lines: Vec<String> = result.proof.iter().map(|line| escape(line)).collect();
    if let Some(cause) = &result.caused_by {
        lines.push(format!("explained by {}", escape(cause)));
    }
    if let Some(fix) = &result.fix {
        lines.push(format!("Fix: {}", escape(&fix.summary)));
        for step in &fix.steps {
            lines.push(format!("{}:", escape(&step.label)));
            lines.extend(step.text.lines().map(|line| format!("  {}", escape(line))));
        }
    }
    if let Some(docs) = &result.docs {
        lines.push(escape(docs));
    }
    lines.join("\n")
}

/// One line for text and attributes. What XML 1.0 cannot hold at all (§2.2) was made `�`.
fn escape(from: &str) -> String {
    let mut out = String::with_capacity(from.len());
    for c in text::clean(from).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}
