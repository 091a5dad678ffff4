//! The first thing that people read: the verdict, the one cause, what to do, what they will see then.

use maud::{Markup, html};

use super::parts::{self, Subject, harmless};
use crate::report::{Diagnosis, Observed, Predicted, ResultReport, Status, Summary, TargetVerdict};

/// Lines of the cause's proof that are shown here; all of them are with the result.
const PROOF_LINES: usize = 8;

/// Diagnosis, or the good word.
pub(super) fn render(subject: Subject<'_>) -> Markup {
    let target = subject.target;
    html! {
        section.diagnosis aria-label="Diagnosis" {
            @match &target.diagnosis {
                Some(diagnosis) => (cause(subject, diagnosis)),
                None => (no_cause(subject)),
            }
            @if let Some(why) = &target.inconclusive {
                p.notice { (parts::silent_mark("open")) span { b { "Inconclusive: " } (harmless(why)) } }
            }
        }
    }
}

fn cause(subject: Subject<'_>, diagnosis: &Diagnosis) -> Markup {
    let found = subject.target.result(&diagnosis.cause);
    let class = parts::class(found.map_or(Status::Fail, |result| result.status));
    html! {
        div class={ "cause " (class) } {
            p.cause-id {
                span.eyebrow { "Diagnosis" }
                (subject.check(&diagnosis.cause))
                span.chip { (parts::sure(diagnosis.confidence)) }
            }
            p.summary { (parts::sentence(&diagnosis.summary)) }
            div.columns {
                @if let Some(found) = found { (evidence(subject, found)) }
                @if !diagnosis.ruled_out.is_empty() {
                    div {
                        h3 { "What it is not" }
                        ul.ruled-out {
                            @for out in &diagnosis.ruled_out {
                                li { (parts::silent_mark("pass")) span { (subject.check(&out.check)) ": " (harmless(&out.because)) } }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(fix) = found.and_then(|result| result.fix.as_ref()) {
            div.fix id=(subject.anchor("fix")) { h3 { "Fix" } (parts::fix(fix)) }
        }
        @if diagnosis.predicted.is_some() || !diagnosis.then.is_empty() { (what_follows(subject, diagnosis)) }
        p.more {
            @if cfdoctor_checks::find(&diagnosis.cause).is_some() {
                "More: " code { "cfdoctor explain " (harmless(&diagnosis.cause)) }
            }
            @if let Some(url) = found.and_then(|result| result.docs.as_deref()) { " · " (parts::link(url, url)) }
        }
    }
}

fn evidence(subject: Subject<'_>, found: &ResultReport) -> Markup {
    let symptoms = subject.explained_by(found);
    let shown = found.proof.get(..PROOF_LINES).unwrap_or(&found.proof);
    let left = found.proof.len() - shown.len();
    html! {
        @if !found.proof.is_empty() || !symptoms.is_empty() {
            div {
                h3 { "Proof" }
                (parts::proof(shown))
                @if left > 0 { p.quiet { (parts::count(left, "more line", "more lines")) " with the result below" } }
                @if !symptoms.is_empty() {
                    p.explains {
                        "It explains: "
                        @for (index, other) in symptoms.iter().enumerate() {
                            @if index > 0 { ", " }
                            (subject.check(&other.check))
                        }
                    }
                }
            }
        }
    }
}

fn what_follows(subject: Subject<'_>, diagnosis: &Diagnosis) -> Markup {
    html! {
        div.columns {
            @if let Some(predicted) = &diagnosis.predicted {
                div.afterwards {
                    h3 { @if diagnosis.then.is_empty() { "What you will see afterwards" } @else { "What you will see once all of it is mended" } }
                    (prediction(predicted))
                }
            }
            @if !diagnosis.then.is_empty() {
                div {
                    h3 { (if diagnosis.then.len() == 1 { "The next obstacle" } else { "The next obstacles, in order" }) }
                    ol.next {
                        @for id in &diagnosis.then {
                            li {
                                (subject.check(id))
                                @if let Some(seen) = subject.target.result(id).and_then(|result| result.seen.as_deref()) { ": " (harmless(seen)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Statuses and lifetimes.
pub(super) fn prediction(predicted: &Predicted) -> Markup {
    html! {
        @if !predicted.statuses.is_empty() { (parts::statuses(&predicted.statuses)) }
        (lifetimes(predicted.edge_ttl_s, predicted.browser_ttl_s))
    }
}

/// How long copies live.
pub(super) fn lifetimes(edge_ttl_s: Option<u64>, browser_ttl_s: Option<u64>) -> Markup {
    html! {
        @if edge_ttl_s.is_some() || browser_ttl_s.is_some() {
            p.lifetimes {
                @if let Some(edge) = edge_ttl_s { "kept for " b { (parts::seconds(edge)) } " at the edge" }
                @if edge_ttl_s.is_some() && browser_ttl_s.is_some() { ", " }
                @if let Some(browser) = browser_ttl_s { b { (parts::seconds(browser)) } " in browsers" }
            }
        }
    }
}

fn no_cause(subject: Subject<'_>) -> Markup {
    let target = subject.target;
    let Summary { warn, fail, pass, .. } = Summary::of(target.results.iter());
    let observed = target.observed.as_ref().filter(|observed| is_served(observed));
    let (class, word, text) = match target.verdict {
        TargetVerdict::Pass => {
            ("pass", format!("{} is well", target.host), format!("{pass} of {pass} that could be judged are right."))
        }
        TargetVerdict::Warn => {
            let many = if warn == 1 { "One thing".into() } else { format!("{warn} things") };
            ("warn", "Nothing is broken".into(), format!("{many} below could be better."))
        }
        TargetVerdict::Fail => {
            let many =
                if fail == 1 { "The failure below stands".into() } else { format!("{fail} failures below stand") };
            ("fail", "No common cause".into(), format!("{many} alone."))
        }
        // The reason says it all.
        TargetVerdict::Inconclusive => return html! {},
    };
    html! {
        div class={ "cause " (class) } {
            p.cause-id { span.eyebrow { "Diagnosis" } }
            p.summary { b { (harmless(&word)) ". " } (harmless(&text)) }
            @if let Some(observed) = observed { (seen_at_the_edge(observed)) }
        }
    }
}

/// Only what came from the cache is a proof of good health; everything else just was not asked to be there.
fn is_served(observed: &Observed) -> bool {
    observed.statuses.iter().any(|status| ["HIT", "REVALIDATED", "UPDATING", "STALE"].contains(&status.as_str()))
}

fn seen_at_the_edge(observed: &Observed) -> Markup {
    let words: Vec<&str> =
        observed.statuses.iter().map(|word| if word == "none" { "no cf-cache-status" } else { word }).collect();
    html! {
        h3 { "What the edge answered" }
        (parts::statuses(&words))
        @if let Some(age) = observed.age_s { p.lifetimes { "The last copy was " b { (parts::seconds(age)) } " old." } }
    }
}
