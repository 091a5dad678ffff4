//! GitLab's code quality report: a list of findings, which a merge request shows
//! (<https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>).

use std::io::{self, Write};

use cfdoctor_checks::Severity;
use cfdoctor_checks::evidence::text;
use serde::Serialize;

use super::findings::{Found, worst_first};
use super::{Look, json};
use crate::report::{Report, Status};

/// Characters of a description.
const MAX_TEXT: usize = 1000;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// Writes the findings. The format has no place for what was not run, nor for what passed.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    let issues: Vec<Issue> = worst_first(report).iter().map(Issue::of).collect();
    writeln!(out, "{}", json::harmless(&serde_json::to_string_pretty(&issues)?))
}

impl Issue {
    fn of(found: &Found<'_>) -> Self {
        let result = found.result;
        let known = result.suppressed.as_deref().map(|why| format!(" (does not count: {})", text::clean(why)));
        let (path, begin) = found.place_or_placeholder();
        let url = text::clean(&found.target.url);
        let text = format!("{}: {url}: {}{}", result.status.word(), found.seen(MAX_TEXT), known.unwrap_or_default());
        Issue {
            description: text,
            check_name: text::clean(&result.check),
            fingerprint: found.identity(),
            severity: severity(found),
            location: Location { path, lines: Lines { begin } },
        }
    }
}

/// `info`, `minor`, `major`, `critical` or `blocker`: a failure weighs one more than a warning.
fn severity(found: &Found<'_>) -> &'static str {
    let result = found.result;
    if result.suppressed.is_some() {
        return "info";
    }
    match (result.severity, result.status == Status::Fail) {
        (Severity::Low, false) => "info",
        (Severity::Low, true) | (Severity::Medium, false) => "minor",
        (Severity::Medium, true) | (Severity::High, false) => "major",
        (Severity::High, true) | (Severity::Critical, false) => "critical",
        (Severity::Critical, true) => "blocker",
    }
}
