//! Every result by area, and what was not examined and why.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts::{self, Subject, harmless};
use crate::report::{AreaReport, Reason, ReasonKind, ResultReport, SslModeOutcome, Status};

/// All areas.
pub(super) fn render(subject: Subject<'_>) -> Markup {
    let target = subject.target;
    // A report made by another version may hold results of areas that it does not list.
    let is_listed = |result: &ResultReport| target.areas.iter().any(|area| area.id == result.area);
    let others: Vec<&ResultReport> = target.results.iter().filter(|result| !is_listed(result)).collect();
    html! {
        section.results aria-label="Results" {
            h3 { "Every result" }
            @for area in &target.areas { (one_area(subject, area)) }
            @if !others.is_empty() {
                details.area open {
                    summary { span.area-title { "Other results" } }
                    @for result in others { (one(subject, result)) }
                }
            }
        }
        (not_examined(subject))
    }
}

fn one_area(subject: Subject<'_>, area: &AreaReport) -> Markup {
    let of_area = |result: &&ResultReport| result.area == area.id;
    let results: Vec<&ResultReport> = subject.target.results.iter().filter(of_area).collect();
    let (found, rest): (Vec<&ResultReport>, Vec<&ResultReport>) =
        results.iter().copied().partition(|result| result.status.is_finding());
    html! {
        details.area open {
            summary {
                (parts::status_mark(area.status))
                span.area-title { (harmless(&area.title)) }
                span.area-line { (tally(area, &results)) }
            }
            @for result in &found { (one(subject, result)) }
            @if area.id == "origin" && let Some(modes) = &subject.target.ssl_modes { (ssl_modes(modes)) }
            @for result in &rest { (one(subject, result)) }
        }
    }
}

/// What was seen there, where all is well; else the counts.
fn tally(area: &AreaReport, results: &[&ResultReport]) -> String {
    let count = |status| results.iter().filter(|result| result.status == status).count();
    if area.status == Status::Pass
        && let Some(summary) = &area.summary
    {
        return harmless(summary);
    }
    let words = [
        (Status::Fail, "failure", "failures"),
        (Status::Warn, "warning", "warnings"),
        (Status::Pass, "well", "well"),
        (Status::NotRun, "not examined", "not examined"),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter(|(status, _, _)| count(*status) > 0)
        .map(|(status, one, several)| parts::count(count(*status), one, several))
        .collect();
    parts.join(", ")
}

fn one(subject: Subject<'_>, result: &ResultReport) -> Markup {
    let index = subject.target.results.iter().position(|other| std::ptr::eq(other, result)).unwrap_or_default();
    let class = parts::class(result.status);
    html! {
        article class={ "result " (class) @if result.status.is_finding() { " finding" } }
            id=(subject.anchor(&format!("r{index}"))) data-status=(result.status.word()) {
            (parts::status_mark(result.status))
            div.result-body {
                p.result-head {
                    span.check { (harmless(&result.check)) }
                    @if result.status.is_finding() { span.chip { (parts::severity(result.severity)) } }
                    @if let Some(confidence) = result.confidence { span.chip { (parts::sure(confidence)) } }
                    @if let Some(why) = &result.suppressed { span.chip.strong { "does not count: " (harmless(why)) } }
                    @if subject.is_cause(result) { span.chip.strong { "the cause" } }
                }
                @if result.status.is_finding() { (finding(subject, result)) } @else { (quiet(result)) }
            }
        }
    }
}

fn finding(subject: Subject<'_>, result: &ResultReport) -> Markup {
    html! {
        p.sentence { (parts::sentence(result.seen.as_deref().unwrap_or(&result.title))) }
        @if let Some(cause) = &result.caused_by { p.quiet { "Explained by " (subject.check(cause)) "." } }
        (parts::proof(&result.proof))
        @if subject.is_cause(result) && result.fix.is_some() {
            p { a href={ "#" (subject.anchor("fix")) } { "The fix is with the diagnosis above." } }
        } @else if let Some(fix) = &result.fix {
            h5 { "Fix" }
            (parts::fix(fix))
        }
        (parts::docs(result))
    }
}

/// A pass, or what was not examined.
fn quiet(result: &ResultReport) -> Markup {
    html! {
        p.sentence {
            (harmless(&result.title))
            @if let Some(seen) = &result.seen { span.seen { (harmless(seen)) } }
            @if let Some(reason) = &result.reason { span.seen { (kind(reason.kind)) ": " (harmless(&reason.text)) } }
        }
        @if let Some(url) = &result.docs { p.docs { (parts::link(url, "documentation")) } }
    }
}

/// Why not, in words.
fn kind(kind: ReasonKind) -> &'static str {
    match kind {
        ReasonKind::Bug => "the check itself failed",
        ReasonKind::Inconclusive => "inconclusive",
        ReasonKind::Blocked => "blocked",
        ReasonKind::Forbidden => "forbidden",
        ReasonKind::NoCredential => "no credential",
        ReasonKind::Disabled => "switched off",
        ReasonKind::NotApplicable => "does not arise",
    }
}

fn ssl_modes(modes: &[SslModeOutcome]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="SSL modes" {
            table {
                caption { "What each SSL mode of Cloudflare would do here" }
                thead { tr { th scope="col" { "mode" } th scope="col" { "outcome" } th scope="col" { "because" } } }
                tbody {
                    @for mode in modes {
                        tr {
                            th scope="row" { code { (harmless(&mode.mode)) } }
                            td { b { (harmless(&mode.outcome)) } }
                            td { (harmless(&mode.because)) }
                        }
                    }
                }
            }
        }
    }
}

/// Each reason once, with the checks that it kept from looking.
fn not_examined(subject: Subject<'_>) -> Markup {
    let mut groups: BTreeMap<(ReasonKind, &str), Vec<&str>> = BTreeMap::new();
    for result in &subject.target.results {
        if let Some(Reason { kind, text }) = result.reason.as_ref().filter(|_| result.status == Status::NotRun) {
            groups.entry((*kind, text)).or_default().push(&result.check);
        }
    }
    html! {
        @if !groups.is_empty() {
            section.not-examined aria-label="Not examined" {
                h3 { "What was not examined, and why" }
                ul.reasons {
                    @for ((reason, text), checks) in &groups {
                        li {
                            (parts::silent_mark("none"))
                            div {
                                p { b { (kind(*reason)) ": " } (harmless(text)) }
                                p.quiet { @for (index, check) in checks.iter().enumerate() { @if index > 0 { ", " } (subject.check(check)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
