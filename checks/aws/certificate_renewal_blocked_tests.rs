use serde_json::{Value, json};

use super::*;
use crate::aws::testing::*;
use crate::evidence::dns::{Chain, Dns, Lookup};

const NAME: &str = "_d9.lambda.example.com";
const VALUE: &str = "_c9.acm-validations.aws";

fn certificate(more: Value) -> Value {
    let mut whole = json!({"CertificateArn": format!("{ACM}:certificate/7a-1"), "SubjectAlternativeNames": [HOST],
        "Status": "ISSUED", "Type": "AMAZON_ISSUED", "NotBefore": "2026-09-01T00:00:00Z", "NotAfter": "2027-01-25T12:00:00Z",
        "DomainValidationOptions": [{"DomainName": HOST, "ValidationMethod": "DNS",
            "ResourceRecord": {"Name": format!("{NAME}."), "Type": "CNAME", "Value": format!("{VALUE}.")}}]});
    for (key, value) in more.as_object().unwrap() {
        whole[key] = value.clone();
    }
    whole
}

fn with(more: Value) -> Evidence {
    site(
        json!({"domains": [{"domainName": HOST, "region": "us-west-2", "endpointConfiguration": {"types": ["REGIONAL"]},
        "regionalCertificateArn": format!("{ACM}:certificate/7a-1")}], "certificates": [certificate(more)]}),
    )
}

fn seen(site: Evidence, validation: Chain) -> Evidence {
    with_names(site, Dns { validation: vec![validation], ..names() })
}

fn missing() -> Chain {
    chain(&[NAME], Lookup::NxDomain)
}

fn stands() -> Chain {
    chain(&[NAME, VALUE], Lookup::NxDomain)
}

fn record(content: &str, proxied: bool) -> Value {
    json!({"zone": {"name": "example.com", "id": "023e105f4ecef8ad9ca31a8372d0c353"},
        "dns_records": [{"type": "CNAME", "name": NAME, "content": content, "proxied": proxied}]})
}

#[test]
fn as_the_world_sees_the_record() {
    for (chain, expected) in [
        (stands(), "pass"),
        (missing(), "warn/high"),
        (chain(&[NAME], Lookup::NoData), "warn/high"),
        (chain(&[NAME, "_c8.acm-validations.aws"], Lookup::NxDomain), "warn/high"),
        (chain(&[NAME], addresses(&["104.16.1.2"])), "warn/high"),
        (chain(&[NAME], Lookup::TimedOut), "inconclusive"),
    ] {
        // The test's chains answer NODATA for AAAA, which is what a name that is there says.
        let chain =
            Chain { ipv6: if chain.ipv4 == Lookup::TimedOut { Lookup::TimedOut } else { Lookup::NoData }, ..chain };
        assert_eq!(word(&CHECK, &seen(with(json!({})), chain.clone())), expected, "{chain:?}");
    }
    let why = CHECK.run(&with(json!({}))).unwrap_err().text();
    assert!(why.contains("dig +short CNAME '_d9.lambda.example.com'"), "{why}");
}

#[test]
fn the_days_decide_how_bad_it_is() {
    for (end, expected) in [
        ("2026-12-09T12:00:00Z", "warn/high"),
        ("2026-12-09T11:59:59Z", "fail/high"),
        ("2026-11-20T12:00:00Z", "fail/high"),
    ] {
        assert_eq!(word(&CHECK, &seen(with(json!({"NotAfter": end})), missing())), expected, "{end}");
    }
    assert_eq!(word(&CHECK, &seen(with(json!({"Status": "PENDING_VALIDATION"})), missing())), "fail/high");
    let finding = CHECK.run(&seen(with(json!({})), missing())).unwrap().finding().unwrap().clone();
    assert!(finding.seen.contains("ends in 61 days") && finding.seen.contains("does not exist"), "{}", finding.seen);
}

#[test]
fn as_the_zone_tells_it() {
    let zone = |content: &str, proxied| with_zone(with(json!({})), record(content, proxied));
    assert_eq!(word(&CHECK, &zone(VALUE, false)), "pass");
    assert_eq!(word(&CHECK, &zone(VALUE, true)), "warn/high");
    assert_eq!(word(&CHECK, &zone("_c8.acm-validations.aws", false)), "warn/medium");
    let other = json!({"zone": {"name": "example.com"}, "dns_records": [{"type": "A", "name": "www.example.com", "content": "192.0.2.1"}]});
    assert_eq!(word(&CHECK, &with_zone(with(json!({})), other)), "warn/medium");
    let cut =
        json!({"zone": {"name": "example.com"}, "dns_records": [{"type": "CNAME", "name": HOST, "content": TARGET}]});
    assert_eq!(word(&CHECK, &with_zone(with(json!({})), cut)), "inconclusive");
    let elsewhere = seen(zone(VALUE, false), missing());
    let finding = CHECK.run(&elsewhere).unwrap().finding().unwrap().clone();
    assert!(finding.seen.contains("another zone is asked"), "{}", finding.seen);
    assert!(fix_text(&CHECK, &elsewhere).contains("dig +short NS 'example.com'"));
    assert_eq!(
        word(&CHECK, &seen(zone(VALUE, true), stands())),
        "pass",
        "the world sees it: another zone holds the name"
    );
}

#[test]
fn caa_without_amazon() {
    let shut = |records: &[(&str, &str)], more: Value| {
        with_names(with(more), Dns { validation: vec![stands()], caa: caa(records), ..names() })
    };
    assert_eq!(word(&CHECK, &shut(&[("issue", "letsencrypt.org")], json!({}))), "warn/high");
    assert_eq!(word(&CHECK, &shut(&[("issue", "letsencrypt.org"), ("issue", "amazonaws.com")], json!({}))), "pass");
    assert_eq!(word(&CHECK, &shut(&[("issuewild", "letsencrypt.org")], json!({}))), "pass");
    let text = fix_text(&CHECK, &shut(&[("issue", "letsencrypt.org")], json!({})));
    assert!(text.contains(r#""tag":"issue","value":"amazon.com""#), "{text}");
}

#[test]
fn an_imported_one_is_renewed_by_nobody() {
    let imported = |end: &str| with(json!({"Type": "IMPORTED", "DomainValidationOptions": null, "NotAfter": end}));
    assert_eq!(word(&CHECK, &imported("2041-01-01T00:00:00Z")), "pass");
    assert_eq!(word(&CHECK, &imported("2026-12-20T00:00:00Z")), "warn/high");
    assert_eq!(word(&CHECK, &imported("2026-12-01T00:00:00Z")), "fail/high");
    assert!(fix_text(&CHECK, &imported("2026-12-01T00:00:00Z")).contains("import-certificate --certificate-arn"));
    let short = json!({"Type": "IMPORTED", "DomainValidationOptions": null, "NotBefore": "2026-11-20T00:00:00Z",
        "NotAfter": "2026-11-29T12:00:01Z"});
    assert_eq!(word(&CHECK, &with(short)), "pass", "a third of its life is left");
}

#[test]
fn acms_own_word() {
    let pending = json!({"RenewalSummary": {"RenewalStatus": "PENDING_VALIDATION"}});
    assert_eq!(word(&CHECK, &seen(with(pending), stands())), "warn/medium");
    let done = json!({"RenewalSummary": {"RenewalStatus": "SUCCESS"}});
    assert_eq!(word(&CHECK, &seen(with(done), stands())), "pass");
}

#[test]
fn thin_data_of_one_certificate() {
    let thin =
        json!({"certificates": [{"SubjectAlternativeNames": ["shop.example.org"], "Status": "PENDING_VALIDATION"}]});
    let site = site(thin.clone());
    assert!(CHECK.run(&site).unwrap_err().text().contains("describe-certificate"));
    assert_eq!(word(&CHECK, &seen(site, chain(&["_9a.shop.example.org"], Lookup::NxDomain))), "fail/medium");
    let of_another = seen(crate::aws::testing::site(thin), chain(&["_9a.www.example.org"], Lookup::NxDomain));
    assert_eq!(word(&CHECK, &of_another), "inconclusive");
}

#[test]
fn the_fix_holds_the_record() {
    let text = fix_text(&CHECK, &with_zone(seen(with(json!({})), missing()), record("x.example.com", true)));
    for part in [NAME, VALUE, "\"proxied\":false", "certificate/7a-1", "023e105f4ecef8ad9ca31a8372d0c353"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_a_file_calls_a_region_stays_in_its_word() {
    let thin = json!({"certificates": [{"SubjectAlternativeNames": [HOST], "Status": "PENDING_VALIDATION", "region": "x;id",
        "DomainValidationOptions": [{"DomainName": HOST, "ResourceRecord": {"Name": "_x$(id).lambda.example.com", "Type": "CNAME", "Value": VALUE}}]}]});
    let site = seen(site(thin), chain(&["_x$(id).lambda.example.com"], addresses(&["104.16.1.2"])));
    let text = fix_text(&CHECK, &site);
    assert!(text.contains("--region 'x;id'") && text.contains("'_x$(id).lambda.example.com'"), "{text}");
}

#[test]
fn a_proxied_record_in_the_zone_needs_no_account_to_tell_it() {
    let certificate = json!({"SubjectAlternativeNames": [HOST], "Status": "PENDING_VALIDATION"});
    let of = |content: &str, proxied: bool| {
        let zone = crate::evidence::Zone::from_document(record(content, proxied)).unwrap();
        Evidence { zone: crate::evidence::Gathered::Found(zone), ..site(json!({ "certificates": [certificate] })) }
    };
    assert_eq!(word(&CHECK, &of(VALUE, true)), "fail/medium");
    assert_eq!(word(&CHECK, &of(VALUE, false)), "inconclusive", "which record ACM wants is not told");
    assert_eq!(word(&CHECK, &of("elsewhere.example.net", true)), "inconclusive");
}
