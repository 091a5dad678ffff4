//! What must hold whatever came in.

use std::sync::LazyLock;

use cfdoctor_checks::Check;
use cfdoctor_checks::evidence::{Evidence, redact, text};
use clap::ValueEnum as _;
use serde_json::Value;
use time::macros::datetime;

use crate::policy::{self, Policy};
use crate::render::{Detail, Format, Look, render};
use crate::report::{ReasonKind, Report, Run, TargetReport, examine};

/// Characters of a text of a report: a line of proof has up to 2000, a command to paste some more.
const MAX_TEXT: usize = 64 * 1024;
/// Octets of a report on one target, however large the input.
const MAX_REPORT: usize = 8 * 1024 * 1024;

/// No text in which a terminal, a log or a browser would see more than text; line feeds may stand.
pub(crate) fn harmless(what: &str) {
    if let Some(at) = what.find(|c| c != '\n' && text::is_hostile(c)) {
        let before: String = what[..at].chars().rev().take(80).collect::<Vec<_>>().into_iter().rev().collect();
        panic!("a control character after {before:?}: {:?}", what[at..].chars().next());
    }
}

/// Redacting again changes nothing.
pub(crate) fn redacted_once(name: &str, value: &str) {
    let once = redact::header(name, value);
    assert_eq!(redact::header(name, &once), once, "{name}: {value}");
    let once = redact::text(value);
    assert_eq!(redact::text(&once), once, "{value}");
}

/// Everything of the evidence is harmless, survives a recording, and can be judged and told in every format.
pub(crate) fn judged(evidence: &Evidence) -> Report {
    let written = serde_json::to_value(evidence).expect("evidence is JSON");
    each_text(&written, &mut |what| harmless(what));
    let read: Evidence = serde_json::from_value(written).expect("a recording is read back");
    assert_eq!(&read, evidence);
    told(vec![examined(evidence)])
}

/// The judgement; twice the same.
pub(crate) fn examined(evidence: &Evidence) -> TargetReport {
    static CHECKS: LazyLock<Vec<&'static Check>> = LazyLock::new(|| cfdoctor_checks::all().collect());
    let report = examine(evidence, &CHECKS);
    assert_eq!(examine(evidence, &CHECKS), report, "two judgements differ");
    report
}

/// A report on these, which holds in every format.
pub(crate) fn told(targets: Vec<TargetReport>) -> Report {
    let run = Run { elapsed_ms: 1, ..Run::begun("0".into(), datetime!(2026-11-23 10:00 UTC)) };
    let report = Report::new(run, targets, &Policy::default());
    assert!([policy::OK, policy::FINDINGS, policy::INCONCLUSIVE, policy::NO_TARGETS].contains(&report.exit_code));
    for target in &report.targets {
        for result in &target.results {
            let reason = result.reason.as_ref().map(|reason| reason.kind);
            assert_ne!(reason, Some(ReasonKind::Bug), "{}: {:?}", result.check, result.reason);
        }
        if let Some(diagnosis) = &target.diagnosis {
            let cause = target.results.iter().find(|result| result.check == diagnosis.cause);
            assert!(cause.is_some_and(|result| result.status.is_finding()), "{}", diagnosis.cause);
        }
    }
    let mut length = 0;
    each_text(&serde_json::to_value(&report).expect("a report is JSON"), &mut |what| {
        harmless(what);
        assert!(what.len() <= MAX_TEXT, "a text of {} octets", what.len());
        length += what.len();
    });
    let look = Look { detail: Detail::Full, ..Look::plain(80) };
    // A fuzzer comes by often: one format each time.
    let formats = Format::value_variants();
    let chosen = if cfg!(fuzzing) { length % formats.len()..length % formats.len() + 1 } else { 0..formats.len() };
    for format in &formats[chosen] {
        let mut out = Vec::new();
        render(*format, &report, &look, &mut out).expect("a vector takes everything");
        let out = String::from_utf8(out).expect("UTF-8");
        harmless(&out);
        assert!(out.len() <= MAX_REPORT * report.targets.len().max(1), "{format:?}: {} octets", out.len());
        if *format == Format::Json {
            assert_eq!(serde_json::from_str::<Report>(&out).expect("our own report"), report);
        }
    }
    report
}

/// Every key and text.
pub(crate) fn each_text(value: &Value, look: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(all) => all.iter().for_each(|value| each_text(value, look)),
        Value::Object(all) => {
            for (key, value) in all {
                look(key);
                each_text(value, look);
            }
        }
        _ => {}
    }
}
