//! Reports as visits bring them, made from the evidence of fixtures: with path, certificates and a cache decision.

use cfdoctor::policy::Policy;
use cfdoctor::report::{End, Report, Run, TimingReport, examine};
use cfdoctor_checks::Check;
use serde_json::Value;
use time::macros::datetime;

use crate::fixtures;

const FIXTURES: [&str; 4] = ["cache-json-without-rule", "certificate-expired", "healthy", "origin-refused"];

/// One target for each of [`FIXTURES`]; with times, which the fixtures leave out.
pub fn report() -> Report {
    let checks: Vec<&'static Check> = cfdoctor_checks::all().collect();
    let named = |name: &str| fixtures::all().iter().find(|fixture| fixture.name == name).unwrap();
    let mut targets: Vec<_> = FIXTURES.iter().map(|name| examine(&named(name).evidence, &checks)).collect();
    for target in &mut targets {
        target.timings = vec![
            timing(End::Edge, "request 1", Some(18.2)),
            timing(End::Edge, "request 2", None),
            TimingReport {
                failed: Some("no answer within 35 s".into()),
                ..timing(End::Origin, "request 1", Some(80.0))
            },
        ];
    }
    let run = Run {
        id: "3f2a".into(),
        started_at: datetime!(2026-11-23 10:00 UTC),
        elapsed_ms: 1812,
        requests_sent: 24,
        api_requests_sent: 51,
        interrupted: true,
        not_visited: vec!["https://later.example.com/".into()],
        not_visited_more: 0,
        attempts: 1,
        notices: Vec::new(),
        simulation: Some("nothing real was examined".into()),
    };
    Report::new(run, targets, &Policy::default())
}

fn timing(end: End, label: &str, opening_ms: Option<f64>) -> TimingReport {
    TimingReport {
        end,
        label: label.into(),
        dns_ms: opening_ms,
        connect_ms: opening_ms,
        tls_ms: opening_ms,
        head_ms: Some(120.5),
        total_ms: Some(131.0),
        status: Some(200),
        cf_cache_status: Some("MISS".into()),
        failed: None,
    }
}

const EVIL: &str = "\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)></svg></style>&amp;\u{1b}\u{202e}\
                    javascript:alert(1)";

/// The same report with an attack in every text that may come from outside; ids keep their beginning.
pub fn hostile() -> Report {
    let mut json = serde_json::to_value(report()).unwrap();
    poison(&mut json);
    serde_json::from_value(json).unwrap()
}

fn poison(value: &mut Value) {
    const TEXTS: &[&str] = &[
        "url",
        "host",
        "answered_by",
        "inconclusive",
        "summary",
        "because",
        "title",
        "name",
        "seen",
        "proof",
        "text",
        "label",
        "docs",
        "suppressed",
        "subject",
        "issuer",
        "names",
        "failed",
        "cf_cache_status",
        "samples",
        "statuses",
        "looked_at",
        "says",
        "question",
        "command",
        "reading",
        "source",
        "changes",
        "simulation",
        "not_visited",
        "mode",
        "fingerprint",
    ];
    const IDS: &[&str] = &["check", "cause", "caused_by", "then", "decided_by", "findings"];
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::Object(_) => poison(field),
                    // A list of objects may have the name of a text.
                    Value::Array(list) if list.iter().any(Value::is_object) => poison(field),
                    _ if TEXTS.contains(&key.as_str()) => replace(field, &|_| EVIL.to_owned()),
                    _ if IDS.contains(&key.as_str()) => replace(field, &|old| format!("{old}{EVIL}")),
                    _ => {}
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(poison),
        _ => {}
    }
}

fn replace(value: &mut Value, by: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = by(text),
        Value::Array(list) => list.iter_mut().for_each(|one| replace(one, by)),
        _ => {}
    }
}
