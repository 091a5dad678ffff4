//! The whole page: head with its policy, index, targets, and the facts of the run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::parts::{self, Subject, harmless};
use super::{certificates, decision, diagnosis, picture, results, timings};
use crate::report::{Report, Run, Status, Summary, TargetReport};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Targets that the index names; a HAR file holds thousands.
const MAX_ROWS: usize = 20_000;

/// The page; `room`: octets for the sections about targets.
pub(super) fn page(report: &Report, room: usize) -> Markup {
    let several = report.targets.len() != 1;
    let (sections, written) = sections(report, room, several);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "cfdoctor " (harmless(&report.tool.version)) };
                title { (title(report)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (parts::sprite())
                a.skip href="#main" { "Skip to the diagnosis" }
                header.top {
                    p.brand { b { "cfdoctor" } " report" }
                    (toolbar(report))
                }
                @if let Some(what) = &report.run.simulation {
                    p.banner role="note" { b { "Simulation: " } (harmless(what)) }
                }
                main id="main" tabindex="-1" {
                    @if report.targets.is_empty() { p.notice { (parts::silent_mark("open")) span { "There was no target." } } }
                    @if several && !report.targets.is_empty() { (index(report, written)) }
                    (sections)
                }
                (footer(report))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Only this page's own style and script, and no way to the network.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

fn title(report: &Report) -> String {
    match report.targets.as_slice() {
        [one] => format!("{}: {} - cfdoctor", harmless(&one.host), parts::verdict(one.verdict).1),
        several => format!("{} targets - cfdoctor", several.len()),
    }
}

/// The targets in their order, as many as there is room for, and how many those are.
fn sections(report: &Report, room: usize, several: bool) -> (Markup, usize) {
    let mut text = String::new();
    for (index, target) in report.targets.iter().enumerate() {
        let section = section(report, Subject { target, number: index + 1 }, several).into_string();
        // One is always shown, however large.
        if index > 0 && text.len() + section.len() > room {
            return (PreEscaped(text), index);
        }
        text.push_str(&section);
    }
    (PreEscaped(text), report.targets.len())
}

fn section(report: &Report, subject: Subject<'_>, several: bool) -> Markup {
    let target = subject.target;
    let (class, word) = parts::verdict(target.verdict);
    html! {
        article.target id=(subject.anchor("target")) aria-labelledby=(subject.anchor("name")) {
            div class={ "verdict " (class) } {
                (parts::silent_mark(class))
                div {
                    p.verdict-word { (word) }
                    @if several { h2 id=(subject.anchor("name")) { (harmless(&target.url)) } }
                    @else { h1 id=(subject.anchor("name")) { (harmless(&target.url)) } }
                    p.counts { (counts(&Summary::of(target.results.iter()))) @if let Some(who) = &target.answered_by { " · answered by " b { (harmless(who)) } } }
                }
            }
            (diagnosis::render(subject))
            (picture::render(subject))
            (certificates::render(subject, report.run.started_at))
            (timings::render(subject))
            (decision::render(subject))
            (results::render(subject))
            p.quiet.target-cost { (parts::count(target.requests_sent as usize, "request was sent", "requests were sent")) " for this target" @if let Some(at) = target.gathered_at { "; judged as of " (parts::moment(at)) } "." }
        }
    }
}

fn counts(summary: &Summary) -> String {
    let Summary { pass, warn, fail, not_run, suppressed } = *summary;
    let parts = [
        (fail > 0).then(|| parts::count(fail as usize, "failure", "failures")),
        (warn > 0).then(|| parts::count(warn as usize, "warning", "warnings")),
        Some(format!("{pass} well")),
        (not_run > 0).then(|| format!("{not_run} not examined")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ") + &super::super::waived(suppressed)
}

/// Shown by the script, which it needs.
fn toolbar(report: &Report) -> Markup {
    // A finding that does not count is shown among those that do.
    let all = || report.targets.iter().flat_map(|target| &target.results);
    let count = |status| all().filter(|result| result.status == status).count();
    let buttons = [
        ("fail", "fail", "Failures", count(Status::Fail)),
        ("warn", "warn", "Warnings", count(Status::Warn)),
        ("pass", "pass", "Well", count(Status::Pass)),
        ("not-run", "none", "Not examined", count(Status::NotRun)),
    ];
    html! {
        div.toolbar role="group" aria-label="Which results are shown" {
            button type="button" data-show="all" aria-pressed="true" { "All" }
            @for (status, class, word, count) in buttons {
                button type="button" data-show=(status) aria-pressed="false" {
                    (parts::silent_mark(class)) (word) span.number { (count) }
                }
            }
            button.fold type="button" data-fold="close" { "Fold all" }
        }
        p.status role="status" {}
    }
}

fn index(report: &Report, written: usize) -> Markup {
    html! {
        section.index aria-label="Targets" {
            h1 { (report.targets.len()) " targets" }
            p.counts { (counts(&report.summary)) }
            @if written < report.targets.len() {
                p.notice { (parts::silent_mark("open")) span {
                    "Only the first " (written) " are told in full here, or this page would be too large for browsers. "
                    "All of them are in " code { "--format json" } "."
                } }
            }
            div.scroll tabindex="0" role="region" aria-label="Table of targets" {
                table {
                    thead { tr { th scope="col" { "verdict" } th scope="col" { "target" } th scope="col" { "cause" } th scope="col" { "results" } } }
                    tbody { @for (at, target) in report.targets.iter().take(MAX_ROWS).enumerate() { (row(Subject { target, number: at + 1 }, at < written)) } }
                }
            }
            @if report.targets.len() > MAX_ROWS { p.quiet { "and " (report.targets.len() - MAX_ROWS) " more" } }
        }
    }
}

fn row(subject: Subject<'_>, is_told: bool) -> Markup {
    let TargetReport { url, verdict, diagnosis, results, .. } = subject.target;
    let (class, word) = parts::verdict(*verdict);
    html! {
        tr {
            td.nowrap { (parts::silent_mark(class)) " " (word) }
            th scope="row" { @if is_told { a href={ "#" (subject.anchor("target")) } { (harmless(url)) } } @else { (harmless(url)) } }
            td { @if let Some(diagnosis) = diagnosis { code { (harmless(&diagnosis.cause)) } } }
            td { (counts(&Summary::of(results.iter()))) }
        }
    }
}

fn footer(report: &Report) -> Markup {
    let Run {
        id,
        started_at,
        elapsed_ms,
        requests_sent,
        api_requests_sent,
        interrupted,
        not_visited,
        notices,
        attempts,
        ..
    } = &report.run;
    html! {
        footer {
            h2 { "The run" }
            @if *interrupted {
                p.notice { (parts::silent_mark("open")) span {
                    b { "Interrupted. " }
                    @if not_visited.is_empty() { "What was gathered until then is judged above." }
                    @else { "Not visited: " @for (index, url) in not_visited.iter().take(MAX_ROWS).enumerate() { @if index > 0 { ", " } (harmless(url)) } }
                } }
            }
            @for notice in notices.iter().take(MAX_ROWS) {
                p.notice { (parts::silent_mark("open")) span { (harmless(notice)) } }
            }
            dl.facts {
                dt { "started" } dd { (parts::moment(*started_at)) }
                dt { "took" } dd { (elapsed_ms / 1000) "." (elapsed_ms % 1000 / 100) " s" }
                @if *attempts > 1 { dt { "attempts" } dd { (attempts) "; the last is told here" } }
                dt { "requests sent" } dd { (requests_sent) @if *api_requests_sent > 0 { ", and " (api_requests_sent) " to the APIs" } }
                dt { "results" } dd { (counts(&report.summary)) }
                dt { "exit code" } dd { (report.exit_code) }
                dt { "tool" } dd { (harmless(&report.tool.name)) " " (harmless(&report.tool.version)) ", vendor facts of " (harmless(&report.tool.knowledge)) }
                dt { "run" } dd { code { (harmless(id)) } }
            }
        }
    }
}
