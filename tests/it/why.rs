//! `why`: the trace, read aloud; and what fixes of the cache may never do.

use std::path::PathBuf;

use cfdoctor::lint::{LintInput, read};
use cfdoctor::render::{Detail, Look, terminal};
use cfdoctor::report::{Report, Run, StepOutcome, TargetReport};
use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::evidence::{Evidence, Target};
use cfdoctor_checks::model::cache::CacheInput;
use cfdoctor_checks::{Check, Fix};
use proptest::prelude::*;
use time::macros::datetime;

use crate::fixtures;

/// Each dump with the URL that it is about.
const DUMPS: &[(&str, &str)] = &[
    ("three-layers", "https://lambda.example.com/endpoint"),
    ("always-revalidated", "https://lambda.example.com/counter"),
    ("healthy", "https://www.example.com/site.css"),
    ("private", "https://shop.example.com/app.js?v=3&utm_source=mail"),
    ("invalid-certificate", "https://lambda.example.com/endpoint"),
];

fn evidence(name: &str, url: &str) -> Evidence {
    let input = LintInput {
        files: vec![PathBuf::from(format!("fixtures/dumps/{name}.http"))],
        url: Some(url.parse().unwrap()),
        at: Some(datetime!(2026-11-23 10:01 UTC)),
        expect: Some(Expectation::Cached),
        ..LintInput::default()
    };
    read(&input).unwrap().evidence.remove(0)
}

fn all_checks() -> Vec<&'static Check> {
    cfdoctor_checks::all().collect()
}

fn report(targets: Vec<TargetReport>) -> Report {
    let run = Run {
        id: "test".into(),
        started_at: datetime!(2026-11-23 10:00 UTC),
        elapsed_ms: 0,
        requests_sent: 0,
        api_requests_sent: 0,
        interrupted: false,
        not_visited: Vec::new(),
        not_visited_more: 0,
        attempts: 1,
        simulation: None,
        notices: Vec::new(),
    };
    Report::new(run, targets, &cfdoctor::policy::Policy::default())
}

fn told(evidence: &Evidence, look: &Look) -> String {
    let mut out = Vec::new();
    terminal::why(&report(vec![cfdoctor::examine(evidence, &all_checks())]), look, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn five_dumps_read_aloud() {
    for (name, url) in DUMPS {
        insta::assert_snapshot!(format!("why_{name}"), told(&evidence(name, url), &Look::plain(80)));
    }
}

#[test]
fn in_ascii_and_without_colour() {
    let (name, url) = DUMPS[0];
    let shown = told(&evidence(name, url), &Look { unicode: false, ..Look::plain(80) });
    assert!(shown.is_ascii(), "{shown}");
    assert!(shown.contains("x  Is the URL cached by default?") || shown.contains("x Is the URL"), "{shown}");
    let coloured = told(&evidence(name, url), &Look { colour: true, ..Look::plain(80) });
    assert!(coloured.contains("\x1b["));
    let plain = told(&evidence(name, url), &Look::plain(80));
    assert!(!plain.contains('\x1b'));
}

#[test]
fn quiet_tells_the_cause_and_full_every_way() {
    let (name, url) = DUMPS[0];
    let quiet = told(&evidence(name, url), &Look { detail: Detail::Quiet, ..Look::plain(80) });
    assert!(!quiet.contains("step by step") && quiet.contains("What decides"), "{quiet}");
    let full = told(&evidence(name, url), &Look { detail: Detail::Full, ..Look::plain(80) });
    for way in ["Dashboard: ", "API: ", "Terraform: ", "Code: Lambda proxy response, Python", "Node.js", "source: "] {
        assert!(full.contains(way), "{way}");
    }
}

#[test]
fn three_layers_are_predicted_one_by_one() {
    let (name, url) = DUMPS[0];
    let target = cfdoctor::examine(&evidence(name, url), &all_checks());
    let decision = target.decision.unwrap();
    assert_eq!(decision.decided_by.as_deref(), Some("extension"));
    let checks: Vec<&str> = decision.plan.iter().map(|planned| planned.check.as_str()).collect();
    assert_eq!(checks, ["cache-not-eligible", "cache-set-cookie"]);
    let after: Vec<String> =
        decision.plan.iter().map(|planned| planned.after.as_ref().unwrap().statuses[1].join("|")).collect();
    assert_eq!(after, ["BYPASS|MISS", "HIT"]);
    let predicted = decision.predicted.unwrap();
    assert_eq!((predicted.statuses, predicted.edge_ttl_s), (vec!["MISS".into(), "HIT".into()], Some(600)));
    assert_eq!(target.diagnosis.unwrap().then, ["cache-set-cookie"]);
}

#[test]
fn what_is_not_known_names_its_command() {
    for (name, url) in DUMPS {
        let Some(decision) = cfdoctor::examine(&evidence(name, url), &all_checks()).decision else { continue };
        for step in decision.steps.iter().filter(|step| step.outcome == StepOutcome::Unknown) {
            let settle = step.settle.as_ref().unwrap_or_else(|| panic!("{name}: {}", step.id));
            assert!(!settle.command.contains('{') || settle.command.contains("--json"), "{}", settle.command);
        }
    }
}

#[test]
fn the_decision_keeps_its_schema() {
    let schema = serde_json::to_value(Report::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let targets = DUMPS.iter().map(|(name, url)| cfdoctor::examine(&evidence(name, url), &all_checks())).collect();
    let report = report(targets);
    let json = serde_json::to_value(&report).unwrap();
    let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}

/// Every fix that is offered for this evidence, with the check it belongs to.
fn fixes(evidence: &Evidence) -> Vec<(&'static str, Fix)> {
    let found = all_checks().into_iter().filter_map(|check| {
        let verdict = check.run(evidence).ok()?;
        Some((check.id, check.mend(evidence, verdict.finding()?)))
    });
    found.collect()
}

/// `product.md` section 6, "Fixes never make it worse", as far as the cache goes.
fn harms_nobody(evidence: &Evidence) {
    let answer = CacheInput::of(evidence).and_then(|input| input.response.clone());
    for (id, fix) in fixes(evidence) {
        for step in &fix.steps {
            let text = &step.text;
            if text.contains("override_origin") || text.contains("strip_set_cookie") {
                assert!(step.label.contains("holds no user data"), "{id}: {}: {text}", step.label);
            }
            if text.contains("Ignore cache-control header") {
                assert!(text.contains("holds no user data"), "{id}: {text}");
            }
            if text.contains("http_response_headers_transform") {
                assert!(!text.to_ascii_lowercase().contains("set-cookie"), "{id}: {text}");
            }
            let depends = answer.as_ref().is_some_and(|answer| answer.depends_on_origin);
            assert!(!(depends && text.contains("exclude_origin\":true")), "{id}: {text}");
            if id.starts_with("cache-") {
                assert!(!text.contains("host_header") && !text.contains("\"sni\""), "{id}: {text}");
            }
        }
    }
}

#[test]
fn no_fix_of_a_fixture_makes_it_worse() {
    for fixture in fixtures::all() {
        for expect in [Expectation::Cached, Expectation::Any, Expectation::Uncached] {
            let mut evidence = fixture.evidence.clone();
            evidence.target.expect = expect;
            harms_nobody(&evidence);
        }
    }
    for (name, url) in DUMPS {
        harms_nobody(&evidence(name, url));
    }
}

/// A dump from these words, read as `lint` reads it.
fn made(url: &str, status: u16, lines: &[(&str, String)], statuses: &[&str], asked: &str) -> Option<Evidence> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.http");
    let target: Target = url.parse().unwrap();
    let mut text = String::new();
    for (index, cache) in statuses.iter().enumerate() {
        text.push_str(&format!("> GET {} HTTP/1.1\n> Host: {}\n{asked}>\n", target.path, target.host));
        text.push_str(&format!(
            "< HTTP/2 {status}\n< date: Mon, 23 Nov 2026 10:00:0{index} GMT\n< server: cloudflare\n"
        ));
        text.push_str(&format!("< cf-ray: 230b030023ae282{index}-SEA\n< cf-cache-status: {cache}\n"));
        for (name, value) in lines {
            text.push_str(&format!("< {name}: {value}\n"));
        }
        text.push_str("<\nbody\n");
    }
    std::fs::write(&path, text).unwrap();
    let input =
        LintInput { files: vec![path], url: Some(target), expect: Some(Expectation::Cached), ..LintInput::default() };
    read(&input).ok().map(|mut linted| linted.evidence.remove(0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_fix_makes_it_worse(
        path in prop::sample::select(vec!["endpoint", "site.css", "a.js?utm_source=x", "x?t=1700000000"]),
        status in prop::sample::select(vec![200_u16, 201, 206, 301, 404, 500]),
        control in prop::sample::select(vec!["", "private", "no-store", "no-cache", "max-age=0", "public; max-age=60",
            "s-maxage=600", "max-age=30, stale-while-revalidate=9, must-revalidate", "max-age=1h"]),
        cookie in any::<bool>(),
        vary in prop::sample::select(vec!["", "*", "Origin"]),
        allow in prop::sample::select(vec!["", "*", "https://app.example.net"]),
        asked in prop::sample::select(vec!["", "> Origin: https://app.example.net\n", "> Authorization: Bearer x\n",
            "> X-Forwarded-Host: b.example.com\n"]),
        seen in prop::sample::select(vec!["DYNAMIC", "BYPASS", "MISS", "HIT", "EXPIRED", "REVALIDATED"]),
    ) {
        let mut lines = Vec::new();
        for (name, value) in [("cache-control", control), ("vary", vary), ("access-control-allow-origin", allow)] {
            if !value.is_empty() {
                lines.push((name, value.to_owned()));
            }
        }
        if cookie {
            lines.push(("set-cookie", "sid=1".into()));
        }
        let evidence = made(&format!("https://a.example.com/{path}"), status, &lines, &[seen, seen], asked).unwrap();
        harms_nobody(&evidence);
        let shown = told(&evidence, &Look::plain(80));
        prop_assert!(shown.starts_with("https://a.example.com/"), "{shown}");
    }
}
