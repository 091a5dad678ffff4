//! Cloudflare's shapes, sound and odd.

use serde_json::{Value, json};

use super::*;
use crate::model::cache::{EdgeTtlMode, Plan, RuleSays};
use crate::model::ssl_mode::SslMode;
use crate::verdict::NotRun;

fn zone(document: Value) -> Zone {
    Zone::from_document(document).unwrap()
}

#[test]
fn a_part_that_is_absent_says_why() {
    let zone = zone(json!({
        "settings": {"ssl": "strict", "always_online": null},
        "not_read": {
            "rulesets.http_config_settings": {"kind": "forbidden", "permission": "Config Settings Read"},
            "page_rules": {"kind": "inconclusive", "text": "the API answered 500"},
        },
    }));
    assert_eq!(zone.settings.ssl.found(), Some(&SslMode::Strict));
    assert!(
        matches!(zone.settings.always_online.get(), Err(NotRun::Blocked { by, .. }) if by.contains("settings.always_online"))
    );
    assert!(matches!(zone.rules.config.get(), Err(NotRun::Forbidden { scope, .. }) if scope == "Config Settings Read"));
    assert_eq!(zone.page_rules.get(), Err(NotRun::Inconclusive("the API answered 500".into())));
    assert!(zone.oddities.is_empty());
}

#[test]
fn raw_answers_find_their_place() {
    let ok = |result: Value| zone(json!({"success": true, "errors": [], "result": result}));
    let records = ok(json!([{"type": "CNAME", "name": "a.example.com", "content": "B.example.net.", "proxied": true}]));
    assert_eq!(records.records.found().unwrap().of("a.example.com")[0].content.as_deref(), Some("b.example.net"));
    assert_eq!(ok(json!({"id": "ssl", "value": "flexible"})).settings.ssl.found(), Some(&SslMode::Flexible));
    let rules = ok(json!({"id": "1", "phase": "http_config_settings", "rules": [
        {"expression": "true", "action": "set_config", "action_parameters": {"ssl": "strict"}, "enabled": true}]}));
    assert_eq!(rules.rules.config.found().unwrap().len(), 1);
    let details = ok(json!([{"id": "z", "name": "example.com", "status": "active", "plan": {"legacy_id": "free"}}]));
    assert_eq!(details.details.found().unwrap().plan, Some(Plan::Free));
    for wrong in [
        json!(7),
        json!([]),
        json!({"a": 1}),
        json!({"success": false, "errors": [{"code": 9109}]}),
        json!({"result": 4}),
    ] {
        assert!(Zone::from_document(wrong).is_err());
    }
}

#[test]
fn new_words_are_told_of_and_harm_nothing() {
    let zone = zone(json!({
        "zone": {"name": "Example.com", "status": "hibernating", "plan": {"legacy_id": "galactic"}, "development_mode": false},
        "settings": {"ssl": "quantum", "cache_level": {"id": "cache_level", "value": "basic"}},
        "rulesets": {"http_request_cache_settings": [7, {"expression": "true", "action": "set_cache_settings",
            "action_parameters": {"cache": true, "edge_ttl": {"mode": "dream", "default": 60}}}]},
    }));
    assert_eq!(zone.details.found().unwrap().status, Some(ZoneStatus::Other("hibernating".into())));
    assert!(matches!(zone.settings.ssl.get(), Err(NotRun::Inconclusive(_))));
    assert!(zone.settings.cache_level.found().is_some());
    assert_eq!(zone.rules.cache.found().unwrap().len(), 1);
    assert_eq!(zone.oddities.len(), 4, "{:?}", zone.oddities);
}

#[test]
fn every_spelling_of_a_query_key() {
    let key = |query: Value| {
        let zone = zone(
            json!({"rulesets": {"http_request_cache_settings": [{"expression": "true", "action": "set_cache_settings",
            "action_parameters": {"cache": true, "cache_key": {"custom_key": {"query_string": query}}}}]}}),
        );
        let Action::Cache(settings) = &zone.rules.cache.found().unwrap()[0].action else { panic!("no cache rule") };
        settings.key.clone().unwrap().query
    };
    for all in [json!({"exclude": "*"}), json!({"exclude": ["*"]}), json!({"exclude": {"all": true}})] {
        assert_eq!(key(all), QueryKey::Nothing);
    }
    assert_eq!(key(json!({"include": {"list": ["a"]}})), QueryKey::Only(vec!["a".into()]));
    assert_eq!(key(json!({"exclude": ["a", "b"]})), QueryKey::Without(vec!["a".into(), "b".into()]));
    assert_eq!(key(json!({"include": "*"})), QueryKey::Whole);
}

#[test]
fn page_rules_come_highest_priority_first() {
    let zone = zone(json!({"page_rules": [
        {"priority": 1, "status": "active", "targets": [{"target": "url", "constraint": {"operator": "matches", "value": "a.example.com/*"}}],
         "actions": [{"id": "cache_level", "value": "cache_everything"}, {"id": "edge_cache_ttl", "value": 7200}]},
        {"priority": 2, "status": "disabled", "targets": [{"constraint": {"value": "*"}}],
         "actions": [{"id": "ssl", "value": "strict"}, {"id": "cache_ttl_by_status", "value": {"500-599": "no-store", "200": 60}}]},
    ]}));
    let rules = zone.page_rules.found().unwrap();
    assert_eq!((rules[0].priority, rules[0].enabled, rules[0].actions.ssl), (2, false, Some(SslMode::Strict)));
    assert!(rules[0].actions.edge_ttl.as_ref().unwrap().by_status.contains(&(500, 599, -1)));
    assert_eq!(rules[1].actions.cache, Some(RuleSays::Eligible));
    assert_eq!(rules[1].actions.edge_ttl.as_ref().unwrap().mode, EdgeTtlMode::Override(7200));
}

#[test]
fn the_record_of_a_host() {
    let zone = zone(json!({"dns_records": [
        null,
        {"type": "TXT", "name": "a.example.com", "content": "x"},
        {"type": "CNAME", "name": "a.example.com", "content": "b.example.com.", "proxied": true},
        {"type": "CNAME", "name": "B.example.com", "content": "d-abc.execute-api.us-west-2.amazonaws.com"},
        {"type": "A", "name": "*.example.com", "content": "192.0.2.1"},
        {"type": "CNAME", "name": "loop.example.com", "content": "loop.example.com"},
        {"type": "A", "name": "x.deep.example.com", "content": "192.0.2.7"},
    ]}));
    let records = zone.records.found().unwrap();
    let end = |host: &str| records.end_of(host).and_then(|record| record.content.clone());
    assert_eq!(end("a.example.com").as_deref(), Some("d-abc.execute-api.us-west-2.amazonaws.com"));
    assert_eq!(end("c.example.com").as_deref(), Some("192.0.2.1"));
    assert_eq!(end("loop.example.com").as_deref(), Some("loop.example.com"));
    // deep.example.com exists (as an empty non-terminal), so the wildcard does not answer for names below it.
    assert_eq!(end("y.deep.example.com"), None);
    assert_eq!(end("example.org"), None);
}

#[test]
fn a_document_goes_round_unchanged() {
    let document = json!({"settings": {"ssl": "full"}, "dns_records": []});
    let zone = zone(document.clone());
    assert_eq!(serde_json::to_value(&zone).unwrap(), document);
    assert_eq!(serde_json::from_value::<Zone>(document).unwrap(), zone);
    let merged = zone.merged(json!({"settings": {"always_online": "on"}})).unwrap();
    assert_eq!(
        (merged.settings.ssl.found(), merged.settings.always_online.found()),
        (Some(&SslMode::Full), Some(&true))
    );
}

#[test]
fn what_must_not_be_kept_is_gone() {
    let told = json!({
        "zone": {"name": "example.com", "account": {"id": "0123456789abcdef0123456789abcdef"}, "owner": {"email": "a@example.com"}},
        "dns_records": [{"type": "TXT", "name": "example.com", "content": "proof=s3cr3t", "comment": "s3cr3t"}],
        "rulesets": {
            "http_request_late_transform": [{"expression": "true", "action": "rewrite",
                "action_parameters": {"headers": {"x-origin": {"operation": "set", "value": "s3cr3t"}}}}],
            "http_request_cache_settings": {"rules": [{"action": "set_cache_settings", "action_parameters": {"cache": true},
                "expression": "http.request.headers[\"x-api-key\"][0] eq \"s3cr3t\" and http.host eq \"a.example.com\""}]},
        },
    });
    let zone = zone(told);
    let kept = zone.document().to_string();
    assert!(
        !kept.contains("s3cr3t") && !kept.contains("0123456789abcdef") && !kept.contains("a@example.com"),
        "{kept}"
    );
    assert!(zone.rules.cache.found().unwrap()[0].expression.ends_with("http.host eq \"a.example.com\""));
    assert_eq!(Zone::from_document(zone.document().clone()).unwrap(), zone);
}
