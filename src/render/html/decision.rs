//! The cache decision as a flow: the questions in Cloudflare's order, the one that decides, and what each fix leads to.

use maud::{Markup, html};

use super::diagnosis::{lifetimes, prediction};
use super::parts::{self, Subject, harmless};
use crate::report::{Decision, DecisionStep, Expected, Fate, Phase, PlannedFix, StepOutcome};

const PHASES: [(Phase, &str, &str); 4] = [
    (Phase::Request, "Request", "May this request ask the cache?"),
    (Phase::Answer, "Answer", "May the answer be kept?"),
    (Phase::Lifetime, "Lifetime", "How long may the copy be used?"),
    (Phase::Key, "Key", "Will anybody ask for the same copy?"),
];

/// The section; nothing where no answer tells of the cache.
pub(super) fn render(subject: Subject<'_>) -> Markup {
    let Some(decision) = &subject.target.decision else { return html! {} };
    html! {
        section.decision aria-label="Cache decision" {
            h3 { "The cache decision" }
            p.headline { (headline(decision)) }
            (picture(subject, decision))
            @if !decision.samples.is_empty() {
                details.samples open { summary { "What the edge said" } (parts::proof(&decision.samples)) }
            }
            @for (phase, _, question) in PHASES { (phase_steps(subject, decision, phase, question)) }
            @if !decision.plan.is_empty() { (plan(subject, decision)) }
        }
    }
}

fn headline(decision: &Decision) -> &'static str {
    match decision.outcome {
        Fate::NoLookup => "The edge answers before its cache is asked.",
        Fate::NotEligible => "Decided on the request: the cache is not even asked (DYNAMIC).",
        Fate::NotStorable => "Decided on the answer: the cache is asked, but may not keep it (BYPASS).",
        Fate::NeverFresh => "A copy is kept, and the origin is asked each time all the same.",
        Fate::Fragmented => "Copies are kept that nobody asks for twice.",
        Fate::Cached => "Nothing stands in the way: it is kept, and served from the copy.",
        Fate::Unknown => "A fact that decides is not known.",
    }
}

/// What became of a phase.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Passed,
    Decides,
    Open,
    NotReached,
}

impl State {
    fn class(self) -> &'static str {
        match self {
            State::Passed => "pass",
            State::Decides => "fail",
            State::Open => "open",
            State::NotReached => "none",
        }
    }

    fn word(self) -> &'static str {
        match self {
            State::Passed => "lets it through",
            State::Decides => "decides",
            State::Open => "not all known",
            State::NotReached => "does not come up",
        }
    }
}

fn steps_of(decision: &Decision, phase: Phase) -> impl Iterator<Item = &DecisionStep> {
    decision.steps.iter().filter(move |step| step.phase == phase)
}

fn decides(decision: &Decision, step: &DecisionStep) -> bool {
    decision.decided_by.as_ref() == Some(&step.id)
}

fn state(decision: &Decision, phase: Phase) -> State {
    let mut steps = steps_of(decision, phase).peekable();
    if steps.peek().is_none() {
        return State::NotReached;
    }
    let steps: Vec<&DecisionStep> = steps.collect();
    if steps.iter().any(|step| decides(decision, step) || step.outcome == StepOutcome::No) {
        State::Decides
    } else if steps.iter().any(|step| step.outcome == StepOutcome::Unknown) {
        State::Open
    } else {
        State::Passed
    }
}

/// The four phases and the end, in a row on wide pages and in a column on narrow ones.
fn picture(subject: Subject<'_>, decision: &Decision) -> Markup {
    html! {
        ol.flow {
            @for (phase, name, question) in PHASES {
                @let state = state(decision, phase);
                li class={ "stage " (state.class()) } {
                    a href={ "#" (subject.anchor(name)) } {
                        (parts::silent_mark(state.class()))
                        span.stage-name { (name) }
                        span.stage-word { (state.word()) }
                        span.stage-question { (question) }
                    }
                }
            }
            li.stage.end {
                div {
                    span.stage-name { "Seen by visitors" }
                    (outlook(&decision.expected))
                }
            }
        }
    }
}

fn phase_steps(subject: Subject<'_>, decision: &Decision, phase: Phase, question: &str) -> Markup {
    let name = PHASES.iter().find(|(one, _, _)| *one == phase).map_or("", |(_, name, _)| name);
    let id = subject.anchor(name);
    if state(decision, phase) == State::NotReached {
        let is_decided = decision.steps.last().is_some_and(|last| last.phase < phase);
        let why =
            if is_decided { "does not come up: it was decided above" } else { "nothing was seen that would tell" };
        return html! {
            div.phase.skipped id=(id) { (parts::silent_mark("none")) p.quiet { b { (name) } ": " (why) } }
        };
    }
    html! {
        div.phase id=(id) {
            h4 { span.phase-name { (name) } (question) }
            ol.questions { @for step in steps_of(decision, phase) { (one_step(subject, decision, step)) } }
        }
    }
}

fn one_step(subject: Subject<'_>, decision: &Decision, step: &DecisionStep) -> Markup {
    let (class, word) = parts::answer(step.outcome);
    let decides = decides(decision, step);
    let answer = match step.outcome {
        StepOutcome::Yes => "Yes",
        StepOutcome::No => "No",
        StepOutcome::Unknown => "Not known",
    };
    html! {
        li class={ "question " (class) @if decides { " decides" } } {
            (parts::mark(class, word))
            div {
                p { (harmless(&step.question)) " " b { (answer) } ": " (harmless(&step.says))
                    @if decides { " " span.chip.strong { "this decides" } }
                    @if let Some(confidence) = step.confidence { " " span.chip { (parts::sure(confidence)) } }
                }
                @if !step.looked_at.is_empty() {
                    p.looked { "looked at " @for (index, line) in step.looked_at.iter().enumerate() { @if index > 0 { "; " } code { (harmless(line)) } } }
                }
                @if let Some(settle) = step.settle.as_ref().filter(|_| step.outcome != StepOutcome::Yes) {
                    p.looked { "to know: " (harmless(&settle.reading)) }
                    (parts::command(&settle.command))
                }
                p.looked {
                    @if let Some(check) = &step.check { (subject.check(check)) " · " }
                    "rule: " (parts::link(&step.source, &step.source))
                }
            }
        }
    }
}

/// What will be seen, as statuses and lifetimes.
fn outlook(expected: &Expected) -> Markup {
    let words: Vec<String> = expected.statuses.iter().map(|set| set.join(" or ")).collect();
    let is_each = words.len() > 1 && words.windows(2).all(|pair| pair.first() == pair.last());
    html! {
        @match words.as_slice() {
            [] => p.quiet { "no cf-cache-status" },
            [first, ..] if is_each => p.statuses { (parts::status_word(first)) span.each-time { "each time" } },
            words => (parts::statuses(words)),
        }
        (lifetimes(expected.edge_ttl_s, expected.browser_ttl_s))
    }
}

fn plan(subject: Subject<'_>, decision: &Decision) -> Markup {
    html! {
        h4 { "What each fix leads to, in this order" }
        ol.plan {
            li.now { p.plan-head { b { "As it is" } } (outlook(&decision.expected)) }
            @for planned in &decision.plan { (planned_fix(subject, planned)) }
        }
        p.in-the-end {
            b { "In the end: " }
            @match &decision.predicted {
                Some(predicted) => (prediction(predicted)),
                None => "not predicted: a fact that decides is not known yet.",
            }
        }
    }
}

fn planned_fix(subject: Subject<'_>, planned: &PlannedFix) -> Markup {
    html! {
        li {
            p.plan-head { "After mending " (subject.check(&planned.check)) @if !planned.blocks { " " span.chip { "no obstacle, but better said" } } }
            p.quiet { (harmless(&planned.because)) }
            @if !planned.changes.is_empty() { p { (harmless(&planned.changes.join("; "))) } }
            @match &planned.after {
                Some(after) => {
                    (outlook(after))
                    @if let Some(because) = &after.because { p.quiet { "then: " (harmless(because)) } }
                }
                None => p.quiet { "what is seen after it is not predicted" },
            }
        }
    }
}
