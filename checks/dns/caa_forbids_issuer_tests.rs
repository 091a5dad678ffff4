use super::super::testing::*;
use super::*;
use crate::evidence::dns::{Dns, Lookup};
use crate::evidence::tls::TlsOutcome;

const AMAZON: &str = "CN=Amazon RSA 2048 M02,O=Amazon,C=US";
const GOOGLE: &str = "CN=WE1,O=Google Trust Services,C=US";

fn at(steps: Vec<CaaStep>) -> Evidence {
    with(Dns { caa: Gathered::Found(CaaSearch { steps }), ..proxied() })
}

fn zone(records: &[&str]) -> Evidence {
    at(vec![caa(HOST, &[]), caa("example.com", records)])
}

#[test]
fn the_edges_authority() {
    for (records, expected) in [
        (&[][..], "pass"),
        (&["issue pki.goog", "issuewild pki.goog"], "pass"),
        (&["issue pki.goog; cansignhttpexchanges=yes"], "pass"),
        (&["issue pki.goog", "issuewild letsencrypt.org"], "warn"),
        (&["issue letsencrypt.org"], "warn"),
        (&["iodef mailto:x@example.com"], "pass"),
    ] {
        let mut evidence = zone(records);
        evidence.edge.tls = handshake(GOOGLE, &["example.com", "*.example.com"]);
        assert_eq!(word(&judge(&evidence)), expected, "{records:?}");
    }
}

#[test]
fn a_wildcards_search_begins_at_the_parent() {
    let steps = || vec![caa(HOST, &["issue amazon.com"])];
    let mut evidence = at(steps());
    evidence.edge.tls = handshake(GOOGLE, &["example.com", "*.example.com"]);
    assert_eq!(word(&judge(&evidence)), "pass", "the host's own set does not touch the wildcard");
    evidence.edge.tls = handshake(GOOGLE, &[HOST]);
    assert_eq!(word(&judge(&evidence)), "warn");
}

#[test]
fn acm_at_the_origin() {
    let mut evidence = zone(&["issue letsencrypt.org", "issue awstrust.com"]);
    evidence.origin.tls = handshake(AMAZON, &[HOST]);
    assert_eq!(word(&judge(&evidence)), "pass");
    evidence = zone(&["issue letsencrypt.org"]);
    evidence.origin.tls = handshake(AMAZON, &[HOST]);
    let verdict = judge(&evidence).unwrap();
    assert_eq!(word(&Ok(verdict.clone())), "warn");
    let text = format!("{:?}", fix(&evidence, verdict.finding().unwrap()));
    assert!(text.contains("amazon.com") && !text.contains("pki.goog"), "{text}");
    evidence.gathered_at += time::Duration::days(90);
    assert_eq!(word(&judge(&evidence)), "fail", "it has run out");
    let mut own = zone(&["issue letsencrypt.org"]);
    own.origin.tls = handshake(AMAZON, &["*.execute-api.us-west-2.amazonaws.com"]);
    assert_eq!(word(&judge(&own)), "not-applicable", "the service's own certificate");
}

#[test]
fn an_inherited_set_names_its_owner() {
    let mut step = caa(HOST, &["issue letsencrypt.org"]);
    step.through = Some("cname.host.example.net".into());
    let mut evidence = at(vec![step]);
    evidence.origin.tls = handshake(AMAZON, &[HOST]);
    let verdict = judge(&evidence).unwrap();
    assert!(verdict.finding().unwrap().proof[0].contains("through its CNAME to cname.host.example.net"));
    assert!(fix(&evidence, verdict.finding().unwrap()).summary.contains("cname.host.example.net"));
}

#[test]
fn one_certificate_and_no_domain() {
    let of = |certificate: serde_json::Value, records: &[&str]| {
        let steps = vec![caa("a.example.org", records), caa("example.org", &["issue amazon.com"])];
        let account = serde_json::json!({ "certificates": [certificate] });
        Evidence { gateway: Gathered::Found(crate::evidence::Gateway::from_document(account)), ..at(steps) }
    };
    let waiting =
        || serde_json::json!({"SubjectAlternativeNames": ["*.a.example.org"], "Status": "PENDING_VALIDATION"});
    let evidence = of(waiting(), &["issue letsencrypt.org"]);
    let verdict = judge(&evidence).unwrap();
    assert_eq!(word(&Ok(verdict.clone())), "fail");
    let finding = verdict.finding().unwrap();
    assert!(finding.proof.iter().any(|line| line.starts_with("example.org lets Amazon in")), "{finding:?}");
    assert!(format!("{:?}", fix(&evidence, finding)).contains("amazon.com"));
    assert_ne!(word(&judge(&of(waiting(), &["issue awstrust.com"]))), "fail");
    let imported = serde_json::json!({"SubjectAlternativeNames": ["a.example.org"], "Type": "IMPORTED"});
    assert_ne!(word(&judge(&of(imported, &["issue letsencrypt.org"]))), "warn");
    let above = at(vec![caa("example.org", &["issue letsencrypt.org"])]);
    let account = serde_json::json!({ "certificates": [waiting()] });
    let above = Evidence { gateway: Gathered::Found(crate::evidence::Gateway::from_document(account)), ..above };
    assert_eq!(word(&judge(&above)), "fail", "the set of the parent is all that was reported");
    let issued = serde_json::json!({"SubjectAlternativeNames": ["a.example.org"], "Status": "ISSUED"});
    assert_eq!(word(&judge(&of(issued, &["issue letsencrypt.org"]))), "warn");
}

#[test]
fn unknown_and_unseen() {
    let mut evidence = zone(&["issue letsencrypt.org"]);
    assert_eq!(word(&judge(&evidence)), "not-applicable");
    evidence.edge.tls = handshake("CN=Some CA,O=Sectigo Limited", &[HOST]);
    assert_eq!(word(&judge(&evidence)), "not-applicable");
    let mut failed = caa(HOST, &[]);
    failed.failed = Some(Lookup::TimedOut);
    assert_eq!(word(&judge(&at(vec![failed]))), "inconclusive");
}

#[test]
fn no_certificate_and_nobody_to_issue_one() {
    let broken = |records: &[&str]| {
        let mut evidence = zone(records);
        evidence.edge.tls = handshake(GOOGLE, &[]);
        if let Gathered::Found(handshake) = &mut evidence.edge.tls {
            handshake.chain.clear();
            handshake.outcome =
                TlsOutcome::Alert { code: 40, name: "handshake_failure".into(), after_handshake: false };
        }
        evidence
    };
    assert_eq!(word(&judge(&broken(&["issue digicert.com"]))), "fail");
    assert_eq!(word(&judge(&broken(&["issue letsencrypt.org"]))), "not-applicable");
}
