//! The small pieces: marks, links, dates, blocks to copy.

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::{Confidence, Fix, Severity, StepKind};
use maud::{Markup, html};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use url::Url;

pub(super) use super::super::sentence;
use super::super::terminal::step_kind;
use crate::report::{ResultReport, Status, StepOutcome, TargetReport, TargetVerdict};

/// A target and its number in the file, which makes its anchors unlike those of the others.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) target: &'a TargetReport,
    pub(super) number: usize,
}

impl<'a> Subject<'a> {
    /// The anchor of a part of this target.
    pub(super) fn anchor(&self, part: &str) -> String {
        format!("t{}-{part}", self.number)
    }

    /// The anchor of the result of this check. Numbered: an id may hold anything in a report that was read.
    pub(super) fn anchor_of(&self, check: &str) -> Option<String> {
        let index = self.target.results.iter().position(|result| result.check == check)?;
        Some(self.anchor(&format!("r{index}")))
    }

    /// The check's id, as a link to its result where there is one.
    pub(super) fn check(&self, check: &str) -> Markup {
        html! {
            @match self.anchor_of(check) {
                Some(anchor) => a.check href={ "#" (anchor) } { (harmless(check)) },
                None => span.check { (harmless(check)) },
            }
        }
    }

    /// Is it the result that the diagnosis names?
    pub(super) fn is_cause(&self, result: &ResultReport) -> bool {
        self.target.diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.cause == result.check)
    }

    /// The findings that this one explains.
    pub(super) fn explained_by(&self, root: &ResultReport) -> Vec<&'a ResultReport> {
        let explained = |other: &&ResultReport| {
            other.status.is_finding() && self.target.root_of(other).is_some_and(|found| found.check == root.check)
        };
        self.target.results.iter().filter(explained).collect()
    }
}

/// Without control and direction characters, which no escaping takes away.
pub(super) fn harmless(given: &str) -> String {
    text::clean(given)
}

/// Harmless as well; the line breaks of a block stay.
pub(super) fn harmless_block(given: &str) -> String {
    given.split('\n').map(text::clean).collect::<Vec<_>>().join("\n")
}

/// The class of a status, and the name of its mark.
pub(super) fn class(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Warn => "warn",
        Status::Fail => "fail",
        Status::NotRun => "none",
    }
}

/// What people read.
pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "Well",
        Status::Warn => "Warning",
        Status::Fail => "Failure",
        Status::NotRun => "Not examined",
    }
}

/// The status that a verdict looks like, and the word for it.
pub(super) fn verdict(verdict: TargetVerdict) -> (&'static str, &'static str) {
    match verdict {
        TargetVerdict::Pass => ("pass", "Well"),
        TargetVerdict::Warn => ("warn", "Works, with warnings"),
        TargetVerdict::Fail => ("fail", "Broken"),
        TargetVerdict::Inconclusive => ("open", "Inconclusive"),
    }
}

/// A mark with a shape of its own, and its word for those who do not see it.
pub(super) fn mark(class: &str, label: &str) -> Markup {
    html! {
        svg class={ "mark " (class) } viewBox="0 0 20 20" role="img" aria-label=(label) { use href={ "#m-" (class) } {} }
    }
}

/// The mark where the word stands beside it.
pub(super) fn silent_mark(class: &str) -> Markup {
    html! { svg class={ "mark " (class) } viewBox="0 0 20 20" aria-hidden="true" { use href={ "#m-" (class) } {} } }
}

/// The mark of a result.
pub(super) fn status_mark(status: Status) -> Markup {
    mark(class(status), word(status))
}

/// The class of a step's answer, and its word.
pub(super) fn answer(outcome: StepOutcome) -> (&'static str, &'static str) {
    match outcome {
        StepOutcome::Yes => ("pass", "Not the reason"),
        StepOutcome::No => ("fail", "This decides"),
        StepOutcome::Unknown => ("open", "Not known"),
    }
}

/// The shapes of all marks, once for the page.
pub(super) fn sprite() -> Markup {
    html! {
        svg.sprite width="0" height="0" aria-hidden="true" focusable="false" {
            symbol id="m-pass" viewBox="0 0 20 20" {
                circle cx="10" cy="10" r="9" fill="currentColor" {}
                path.glyph d="M5.6 10.4 8.7 13.4 14.4 7" {}
            }
            symbol id="m-warn" viewBox="0 0 20 20" {
                path d="M10 1.2 19.3 18H.7z" fill="currentColor" stroke="currentColor" stroke-width="1" stroke-linejoin="round" {}
                path.glyph d="M10 7.4v4.8M10 15.1v.1" {}
            }
            symbol id="m-fail" viewBox="0 0 20 20" {
                path d="M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3z" fill="currentColor" {}
                path.glyph d="M6.7 6.7l6.6 6.6M13.3 6.7l-6.6 6.6" {}
            }
            symbol id="m-none" viewBox="0 0 20 20" {
                circle.hollow cx="10" cy="10" r="8" stroke-dasharray="3 2.03" {}
                path.line d="M6.5 10h7" {}
            }
            symbol id="m-open" viewBox="0 0 20 20" {
                circle.hollow cx="10" cy="10" r="8.2" {}
                path.line d="M7.3 8.1c0-3.6 5.4-3.6 5.4-.2 0 2-2.7 2.1-2.7 4.1M10 14.6v.1" {}
            }
        }
    }
}

/// A link where it leads to the web, else plain text: what a report holds may be `javascript:`.
pub(super) fn link(url: &str, label: &str) -> Markup {
    let leads_to_the_web =
        Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    html! {
        @if leads_to_the_web {
            a href=(harmless(url)) rel="noopener noreferrer external" { (harmless(label)) }
        } @else {
            span { (harmless(url)) }
        }
    }
}

/// Where to read more about a result.
pub(super) fn docs(result: &ResultReport) -> Markup {
    html! {
        @if let Some(url) = &result.docs { p.docs { "Documentation: " (link(url, url)) } }
    }
}

/// Lines of evidence, each whole.
pub(super) fn proof(lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            ul.proof { @for line in lines { li { code { (harmless(line)) } } } }
        }
    }
}

/// A fix with its steps, each to be copied.
pub(super) fn fix(fix: &Fix) -> Markup {
    html! {
        p.fix-summary { (harmless(&fix.summary)) }
        @if !fix.steps.is_empty() {
            ol.steps {
                @for step in &fix.steps {
                    li.step {
                        div.step-head {
                            span.kind { (step_kind(step.kind)) }
                            // The dashboard's label says "Dashboard" again.
                            @if !step.label.eq_ignore_ascii_case(step_kind(step.kind)) {
                                span.step-label { (harmless(&step.label)) }
                            }
                            (copy_button())
                        }
                        @if step.kind == StepKind::Dashboard {
                            p.pick.to-copy { (harmless_block(&step.text)) }
                        } @else {
                            (block(&step.text))
                        }
                    }
                }
            }
        }
    }
}

/// A command with its button.
pub(super) fn command(given: &str) -> Markup {
    html! { div.step { div.step-head { span.kind { "Shell" } (copy_button()) } (block(given)) } }
}

fn block(given: &str) -> Markup {
    html! { pre { code.to-copy { (harmless_block(given)) } } }
}

/// Shown by the script only: without it, nothing could be copied.
fn copy_button() -> Markup {
    html! { button.copy type="button" { "Copy" } }
}

/// The day, with the whole moment for machines and on hover.
pub(super) fn day(moment: OffsetDateTime) -> Markup {
    let whole = moment.format(&Rfc3339).unwrap_or_default();
    html! { time datetime=(whole) title=(whole) { (moment.date()) } }
}

/// Day and minute, UTC.
pub(super) fn moment(moment: OffsetDateTime) -> Markup {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let whole = moment.format(&Rfc3339).unwrap_or_default();
    html! { time datetime=(whole) { (moment.format(&format).unwrap_or_default()) } }
}

/// How sure, in words.
pub(super) fn sure(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high confidence",
        Confidence::Medium => "medium confidence",
        Confidence::Low => "low confidence: a possibility",
    }
}

/// How much it hurts.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low severity",
        Severity::Medium => "medium severity",
        Severity::High => "high severity",
        Severity::Critical => "critical",
    }
}

/// `cf-cache-status` of one request after another.
pub(super) fn statuses<T: AsRef<str>>(words: &[T]) -> Markup {
    html! {
        ol.statuses {
            @for (index, word) in words.iter().enumerate() {
                li { span.nth { "request " (index + 1) ": " } (status_word(word.as_ref())) }
            }
        }
    }
}

/// One `cf-cache-status`.
pub(super) fn status_word(word: &str) -> Markup {
    html! { span class={ "status-word " (heat(word)) } { (harmless(word)) } }
}

/// Did the cache serve it?
fn heat(word: &str) -> &'static str {
    match word {
        "HIT" | "STALE" | "UPDATING" | "REVALIDATED" => "served",
        "MISS" | "EXPIRED" => "asked",
        _ => "passed-by",
    }
}

/// `3 warnings`, `1 warning`.
pub(super) fn count(many: usize, one: &str, several: &str) -> String {
    format!("{many} {}", if many == 1 { one } else { several })
}

/// `7200 s`, with hours or days where they are easier to read.
pub(super) fn seconds(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{seconds} s ({} min)", tenths(seconds, 60)),
        7200..172_800 => format!("{seconds} s ({} h)", tenths(seconds, 3600)),
        _ => format!("{seconds} s ({} days)", tenths(seconds, 86400)),
    }
}

fn tenths(value: u64, unit: u64) -> f64 {
    (value as f64 / unit as f64 * 10.0).round() / 10.0
}
