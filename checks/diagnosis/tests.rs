//! What is said where nothing was seen.

use super::*;
use crate::evidence::Gathered;

const GOOD: Check = Check {
    id: "dns-good",
    title: "It is well",
    severity: Severity::Low,
    needs: &[],
    why: "because",
    fix: |_, _| crate::verdict::Fix::new("nothing"),
    sources: &[],
    judge: |_| Ok(Verdict::Pass(None)),
};
const BAD: Check = Check { id: "dns-bad", judge: |_| Ok(Verdict::Fail(Finding::seen("bad"))), ..GOOD };
static CHECKS: [Check; 2] = [GOOD, BAD];

/// The word about an edge of which only this handshake is known.
fn word(connect: serde_json::Value, outcome: serde_json::Value, checks: &'static [Check]) -> Option<String> {
    let legacy = serde_json::json!({ "missing": { "not-applicable": "not asked" } });
    let target = "https://a.example.com/".parse().unwrap();
    let mut evidence = Evidence::nothing(target, time::OffsetDateTime::UNIX_EPOCH);
    let handshake = serde_json::json!({ "peer": "a", "connect": connect, "outcome": outcome, "legacy": legacy });
    evidence.edge.tls = Gathered::Found(serde_json::from_value(handshake).unwrap());
    assess(&evidence, checks.iter()).inconclusive
}

#[test]
fn silence_is_not_good_news() {
    let [good, both] = [&CHECKS[..1], &CHECKS[..]];
    for outcome in [
        "closed".into(),
        "reset".into(),
        serde_json::json!({ "not-tls": { "first": "SSH" } }),
        serde_json::json!({ "broken": { "why": "nonsense" } }),
        serde_json::json!({ "timed-out": { "after_ms": 10_000, "limit": "step" } }),
    ] {
        let said = word("open".into(), outcome.clone(), good).unwrap_or_default();
        assert!(said.starts_with("the edge gave no whole answer: "), "{outcome}: {said}");
        assert_eq!(word("open".into(), outcome, both), None, "a failure was found");
    }
    let nowhere = serde_json::json!({ "no-address": { "why": "no answer in time" } });
    assert!(word(nowhere, "not-reached".into(), good).unwrap().contains("no answer in time"));
    assert_eq!(word("open".into(), "completed".into(), good), None);
    assert_eq!(word("reported".into(), serde_json::json!({ "reported": { "error": "x" } }), good), None);
}

#[test]
fn what_is_required_must_be_read() {
    let mut target: crate::evidence::Target = "https://a.example.com/".parse().unwrap();
    target.required = vec![Probe::Zone];
    let mut evidence = Evidence::nothing(target, time::OffsetDateTime::UNIX_EPOCH);
    let said = assess(&evidence, CHECKS[..1].iter()).inconclusive.unwrap();
    assert!(said.contains("required") && said.contains("no credential"), "{said}");
    evidence.zone = Gathered::Found(crate::evidence::Zone::unknown());
    assert_eq!(assess(&evidence, CHECKS[..1].iter()).inconclusive, None);
}
