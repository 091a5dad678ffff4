use serde_json::{Value, json};

use super::super::testing::*;
use super::CHECK;
use crate::evidence::http::Outcome;
use crate::evidence::tls::{Connect, TlsOutcome};
use crate::evidence::{Evidence, Gathered};
use crate::origin::testing as origin;
use crate::{Finding, StepKind};

fn pages(rules: Value) -> Evidence {
    zone(json!({ "page_rules": rules }))
}

fn ssl(mode: &str) -> Value {
    json!([{"id": "ssl", "value": mode}])
}

/// The origin answers on 443, refuses on 80; the edge answers so.
fn seen(mut evidence: Evidence, status: u16) -> Evidence {
    evidence.origin.tls = Gathered::Found(origin::completed(Vec::new()));
    let evidence = origin::on_port_80(evidence, origin::refused());
    let evidence = origin::origin_answers(evidence, origin::answered(200, [], "{}"));
    if status == 200 { origin::served(evidence) } else { origin::edge_error(evidence, status) }
}

#[test]
fn each_mode_has_its_verdict() {
    let of = |mode: &str| verdict(&CHECK, &zone(json!({"settings": {"ssl": mode}})));
    assert_eq!(of("strict"), ("pass".into(), "Full (strict) by zone setting ssl".into()));
    assert_eq!(of("origin_pull").0, "pass");
    assert_eq!(of("full").0, "warn/medium");
    let (word, says) = of("flexible");
    assert_eq!(word, "fail/critical");
    assert!(says.contains("does not listen (521)"), "{says}");
    assert_eq!(of("off").0, "fail/critical");
}

#[test]
fn the_five_classic_mistakes_are_named() {
    // No rule at all.
    let (word, says) = verdict(&CHECK, &seen(pages(json!([])), 521));
    assert_eq!(word, "fail/critical");
    assert!(says.contains("(zone setting ssl)") && says.contains("(521)") && !says.contains(';'), "{says}");
    // The pattern is wrong.
    let (word, says) = verdict(&CHECK, &seen(pages(json!([page("lambda.example.com", 1, ssl("strict"))])), 521));
    assert_eq!(word, "fail/critical");
    assert!(says.contains("Page Rule lambda.example.com would set strict, but does not match"), "{says}");
    // A broader rule has the higher priority.
    let lower = json!([
        page("lambda.example.com/*", 1, ssl("strict")),
        page("*example.com/*", 2, json!([{"id": "browser_cache_ttl", "value": 1800}]))
    ]);
    let (word, says) = verdict(&CHECK, &seen(pages(lower), 521));
    assert_eq!(word, "fail/critical");
    assert!(says.contains("only Page Rule *example.com/* applies"), "{says}");
    // Full instead of strict.
    let (word, says) = verdict(&CHECK, &seen(pages(json!([page("lambda.example.com/*", 1, ssl("full"))])), 200));
    assert_eq!(word, "warn/medium");
    assert!(says.contains("Full (Page Rule lambda.example.com/*)"), "{says}");
    // A host two labels deep.
    let mut deep = seen(pages(json!([page("lambda.example.com/*", 1, ssl("strict"))])), 521);
    deep.target = "https://eu.lambda.example.com/endpoint".parse().unwrap();
    let (word, says) = verdict(&CHECK, &deep);
    assert_eq!(word, "fail/critical");
    assert!(says.contains("its host lambda.example.com is not the URL's eu.lambda.example.com"), "{says}");
}

#[test]
fn the_fix_spares_the_neighbour_and_serves_every_host_of_the_kind() {
    let evidence = seen(pages(json!([page("lambda.example.com/endpoint/*", 1, ssl("strict"))])), 521);
    let fix = CHECK.mend(&evidence, &Finding::seen(""));
    assert!(fix.summary.contains("*lambda.example.com") && fix.summary.contains("www.example.com"), "{}", fix.summary);
    let of = |kind| {
        fix.steps.iter().filter(move |step| step.kind == kind).map(|step| step.text.as_str()).collect::<String>()
    };
    let (api, terraform) = (of(StepKind::Api), of(StepKind::Terraform));
    assert!(api.contains(r#"(http.host wildcard \"*lambda.example.com\")"#), "{api}");
    assert!(api.contains("pagerules/p1") && api.contains("lambda.example.com/endpoint*"), "{api}");
    assert!(api.contains("023e105f4ecef8ad9ca31a8372d0c353") && !api.contains("$ZONE_ID"), "{api}");
    assert!(!api.contains("settings/ssl"), "never zone-wide beside a website: {api}");
    assert!(terraform.contains("ssl = \"strict\""), "{terraform}");
    assert!(of(StepKind::Dashboard).contains("Configuration Rules"));
    // Alone in its zone, the whole zone may be strict too.
    let records = json!([{"type": "CNAME", "name": "lambda.example.com", "content": "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com", "proxied": true}]);
    let alone = CHECK.mend(&zone(json!({ "dns_records": records })), &Finding::seen(""));
    assert!(alone.steps.iter().any(|step| step.text.contains("settings/ssl")), "{alone:?}");
    let unknown = CHECK.mend(&nothing(), &Finding::seen(""));
    assert!(!unknown.steps.iter().any(|step| step.text.contains("settings/ssl")), "{unknown:?}");
}

#[test]
fn silent_where_no_origin_with_https_is_asked() {
    let website =
        |name: &str| json!([{"type": "CNAME", "name": "lambda.example.com", "content": name, "proxied": true}]);
    for name in ["b.s3-website-us-west-2.amazonaws.com", "x.cfargotunnel.com", "x.pages.dev"] {
        assert_eq!(verdict(&CHECK, &zone(json!({ "dns_records": website(name) }))).0, "not-applicable", "{name}");
    }
    let taken = zone(json!({"worker_domains": [{"hostname": "lambda.example.com", "service": "w"}]}));
    assert_eq!(verdict(&CHECK, &taken).0, "not-applicable");
    let bucket = zone(json!({"cloud_connector": [{"expression": "true", "provider": "aws_s3"}]}));
    assert_eq!(verdict(&CHECK, &bucket).0, "not-applicable");
    let moved = zone(
        json!({"rulesets": {"http_request_dynamic_redirect": [{"expression": "true", "action": "redirect",
        "action_parameters": {"from_value": {"target_url": {"value": "https://new.example.com/"}, "status_code": 301}}}]}}),
    );
    assert_eq!(verdict(&CHECK, &moved).0, "not-applicable");
    // Port 80 answers, port 443 refuses.
    let mut plain = zone(json!({"dns_records": website("origin.example.net")}));
    plain.origin.tls = Gathered::Found(origin::failed(Connect::Refused, TlsOutcome::NotReached));
    let plain = origin::on_port_80(plain, origin::answered(200, [], ""));
    assert_eq!(verdict(&CHECK, &plain).0, "not-applicable");
}

#[test]
fn another_port_acts_as_full() {
    let mut other = zone(json!({"settings": {"ssl": "flexible"}}));
    other.target = "https://lambda.example.com:8443/".parse().unwrap();
    let (word, says) = verdict(&CHECK, &other);
    assert_eq!(word, "warn/medium");
    assert!(says.contains("acts as Full"), "{says}");
}

#[test]
fn an_origin_of_both_kinds_works_at_a_risk() {
    let records =
        json!([{"type": "CNAME", "name": "lambda.example.com", "content": "origin.example.net", "proxied": true}]);
    let mut both = zone(json!({ "dns_records": records }));
    both.origin.tls = Gathered::Found(origin::completed(Vec::new()));
    let plain = origin::on_port_80(both, origin::answered(200, [], "{}"));
    assert_eq!(verdict(&CHECK, &plain).0, "warn/high");
}

#[test]
fn doubts_and_contradictions_lower_the_confidence() {
    let open = zone(json!({"rulesets": {"http_config_settings": [strict("ip.src.country eq \"US\"")]}}));
    assert_eq!(verdict(&CHECK, &open).0, "fail/critical/doubtful");
    assert_eq!(verdict(&CHECK, &seen(open, 521)).0, "fail/critical/unsure");
    let unread = zone(json!({"settings": {"ssl": "strict"}, "page_rules": null}));
    assert_eq!(verdict(&CHECK, &unread).0, "inconclusive");
    assert_eq!(verdict(&CHECK, &zone(json!({"settings": {"ssl": null}}))).0, "inconclusive");
    // The edge serves what the origin made just now: then the mode is another.
    assert_eq!(verdict(&CHECK, &seen(zone(json!({"page_rules": []})), 200)).0, "warn/critical/doubtful");
}

#[test]
fn without_a_zone_the_ports_tell() {
    let mut evidence = nothing();
    evidence.target.origin = Some("d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com".parse().unwrap());
    assert_eq!(verdict(&CHECK, &evidence).0, "no-credential");
    assert_eq!(verdict(&CHECK, &seen(evidence.clone(), 521)).0, "fail/critical/unsure");
    // Port 80 refuses: Flexible would give 521, so a 522 comes from elsewhere.
    assert_eq!(verdict(&CHECK, &seen(evidence.clone(), 522)).0, "no-credential");
    assert_eq!(verdict(&CHECK, &seen(evidence.clone(), 200)).0, "no-credential");
    let answers: Outcome = origin::answered(200, [], "{}");
    assert_eq!(verdict(&CHECK, &origin::on_port_80(seen(evidence, 521), answers)).0, "no-credential");
}
