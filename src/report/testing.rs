//! Reports made by hand, and the tests of the real ones.

use cfdoctor_checks::diagnosis::{Assessment, Diagnosis as Found, Judged, RuledOut as Cleared};
use cfdoctor_checks::evidence::http::{Body, Exchange, Exchanges, Headers, Outcome, Request, Response, Timing};
use cfdoctor_checks::evidence::{Evidence, Gathered, Target};
use cfdoctor_checks::{Check, Finding, NotRun, Probe, Verdict};
use time::macros::datetime;

use super::*;

/// A report of one target whose results have these statuses.
pub(crate) fn report_of(statuses: &[Status], inconclusive: bool) -> Report {
    let results = statuses.iter().map(|status| ResultReport {
        check: "dns-something".into(),
        area: "dns".into(),
        title: "It is well".into(),
        status: *status,
        severity: Severity::Low,
        confidence: None,
        seen: None,
        proof: Vec::new(),
        caused_by: None,
        reason: None,
        fix: None,
        docs: None,
        fingerprint: String::new(),
        suppressed: None,
        declared_at: None,
    });
    let target = TargetReport {
        url: "https://lambda.example.com/".into(),
        host: "lambda.example.com".into(),
        expect: Expectation::Any,
        answered_by: None,
        verdict: TargetVerdict::Pass,
        inconclusive: inconclusive.then(|| "a challenge".into()),
        diagnosis: None,
        gathered_at: None,
        path: Vec::new(),
        certificates: Vec::new(),
        timings: Vec::new(),
        observed: None,
        decision: None,
        ssl_modes: None,
        areas: Vec::new(),
        results: results.collect(),
        requests_sent: 0,
        api_requests_sent: 0,
        declared_at: None,
        notices: Vec::new(),
    };
    Report::new(run(), vec![target], &Policy::default())
}

fn run() -> Run {
    Run { elapsed_ms: 1, ..Run::begun("test".into(), datetime!(2026-11-23 10:00 UTC)) }
}

const FAILING: Check = Check {
    id: "edge-first",
    title: "The first is well",
    severity: Severity::High,
    needs: &[Probe::EdgeHttp],
    why: "because",
    fix: |_, finding| Fix::new(format!("Mend {}", finding.seen)).shell("do\x07", "one \x1b[31m\\\n  two\n"),
    sources: &["https://example.com/docs"],
    judge: |_| Err(NotRun::inconclusive("never asked")),
};
const SECOND: Check = Check { id: "dns-second", fix: |_, _| panic!("a broken fix"), ..FAILING };
const THIRD: Check = Check { id: "cache-third", ..FAILING };
static CHECKS: [Check; 3] = [FAILING, SECOND, THIRD];

fn evidence() -> Evidence {
    let target: Target = "https://lambda.example.com/endpoint?token=s3cr3t".parse().unwrap();
    Evidence::nothing(target, datetime!(2026-11-23 10:00 UTC))
}

fn judged(answers: [Result<Verdict, NotRun>; 3]) -> Assessment {
    let results = CHECKS.iter().zip(answers).map(|(check, answer)| Judged { check, answer }).collect();
    Assessment { results, caused_by: vec![None; 3], diagnosis: None, inconclusive: None }
}

#[test]
fn hostile_text_and_secrets_end_here() {
    let finding = Finding::seen("red \x1b[31m and \u{202e}back\r\n").proof("x-evil: \x1b]0;title\x07");
    let mut assessment =
        judged([Ok(Verdict::Fail(finding)), Err(NotRun::inconclusive("no\x1b[2J")), Ok(Verdict::pass("fine\x08"))]);
    assessment.diagnosis = Some(Found {
        cause: "edge-first",
        confidence: Confidence::High,
        summary: "bad\x1b[0m".into(),
        then: vec!["cache-third"],
        ruled_out: vec![Cleared { check: "dns-second", because: "\x1b[5m".into() }],
        predicted: None,
    });
    let report = Report::target(&evidence(), &assessment);
    let json = serde_json::to_string(&report).unwrap();
    let raw: String = serde_json::from_str::<serde_json::Value>(&json).unwrap().to_string();
    assert!(!raw.contains("\\u001b") && !raw.contains("\\u0007") && !raw.contains('\u{202e}'), "{raw}");
    assert!(!json.contains("s3cr3t"), "{json}");
    assert_eq!(report.results[0].fix.as_ref().unwrap().steps[0].text, "one \u{fffd}[31m\\\n  two");
}

#[test]
fn what_a_server_sends_does_not_fill_pages() {
    let long = "x".repeat(1_000_000);
    let finding = Finding::seen(long.clone()).proof(long.clone()).proofs((0..3999).map(|n| n.to_string()));
    let answers = [Ok(Verdict::Fail(finding)), Err(NotRun::inconclusive(long.clone())), Ok(Verdict::pass(long))];
    let report = Report::target(&evidence(), &judged(answers));
    assert_eq!(report.results[0].proof.len(), 101);
    assert_eq!(report.results[0].proof.last().unwrap(), "… and 3900 more");
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.len() < 300_000, "{}", json.len());
}

#[test]
fn a_broken_fix_does_not_cost_the_finding() {
    let warning = Ok(Verdict::Warn(Finding::seen("something")));
    let report = Report::target(&evidence(), &judged([Ok(Verdict::Pass(None)), warning, Ok(Verdict::Pass(None))]));
    assert_eq!((report.results[1].status, &report.results[1].fix), (Status::Warn, &None));
    assert_eq!(report.verdict, TargetVerdict::Warn);
}

#[test]
fn verdicts_of_targets() {
    let pass = || Ok(Verdict::Pass(None));
    let unknown = || Err(NotRun::inconclusive("a challenge"));
    let fail = || Ok(Verdict::Fail(Finding::seen("broken")));
    let verdict = |assessment: Assessment| {
        let report = Report::target(&evidence(), &assessment);
        (report.verdict, report.inconclusive)
    };
    assert_eq!(verdict(judged([pass(), pass(), unknown()])), (TargetVerdict::Pass, None));
    assert_eq!(verdict(judged([unknown(), unknown(), unknown()])).0, TargetVerdict::Inconclusive);
    let bug = verdict(judged([pass(), pass(), Err(NotRun::Bug("boom".into()))]));
    assert_eq!(bug, (TargetVerdict::Inconclusive, Some("the check cache-third itself failed".into())));
    let told = Assessment { inconclusive: Some("challenged".into()), ..judged([fail(), pass(), pass()]) };
    assert_eq!(verdict(told), (TargetVerdict::Fail, Some("challenged".into())));
}

#[test]
fn fingerprints_ignore_what_was_measured() {
    let print = |seen: &str, caused_by| {
        let answers = [Ok(Verdict::Fail(Finding::seen(seen))), Ok(Verdict::Pass(None)), Ok(Verdict::Pass(None))];
        let assessment = Assessment { caused_by: vec![caused_by, None, None], ..judged(answers) };
        Report::target(&evidence(), &assessment).results[0].fingerprint.clone()
    };
    assert_eq!(print("3 days", None), print("2 days", None));
    assert_ne!(print("3 days", None), print("3 days", Some("dns-second")));
    assert_eq!(print("x", None).len(), 32);
}

#[test]
fn roots_are_found_and_circles_end() {
    let mut target = report_of(&[Status::Fail, Status::Fail, Status::Fail], false).targets.remove(0);
    for (result, (id, cause)) in
        target.results.iter_mut().zip([("a", Some("b")), ("b", Some("c")), ("c", None::<&str>)])
    {
        result.check = id.into();
        result.caused_by = cause.map(Into::into);
    }
    assert_eq!(target.root_of(&target.results[0]).map(|r| &*r.check), Some("c"));
    target.results[2].caused_by = Some("a".into());
    assert!(target.root_of(&target.results[0]).is_some());
    target.results[0].caused_by = Some("absent".into());
    assert_eq!(target.root_of(&target.results[0]), None);
}

#[test]
fn what_the_cache_did_is_shown() {
    let mut evidence = evidence();
    let exchange = |headers: Headers| Exchange {
        request: Request { method: "GET".into(), url: evidence.target.url(), headers: Headers::default() },
        sent_at: None,
        outcome: Outcome::Answered(Box::new(Response {
            status: 200,
            version: "HTTP/2".into(),
            headers,
            body: Body::default(),
        })),
        timing: Timing::default(),
        earlier: Vec::new(),
    };
    let samples = vec![
        exchange(Headers::from([("cf-cache-status", "MISS")])),
        exchange(Headers::from([("cf-cache-status", "HIT"), ("age", "12")])),
    ];
    let missing = || Gathered::Missing(NotRun::Disabled(Probe::EdgeHttp));
    evidence.edge.http = Gathered::Found(Exchanges {
        samples,
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: missing(),
        trace: missing(),
        preflight: missing(),
    });
    let pass = || Ok(Verdict::Pass(None));
    let observed = Report::target(&evidence, &judged([pass(), pass(), pass()])).observed.unwrap();
    assert_eq!(observed, Observed { statuses: vec!["MISS".into(), "HIT".into()], age_s: Some(12) });
}
