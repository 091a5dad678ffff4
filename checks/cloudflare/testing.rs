//! Evidence for the tests of this area.

use serde_json::{Value, json};

use crate::check::Check;
use crate::evidence::zone::Zone;
use crate::evidence::{Evidence, Gathered};
use crate::verdict::{Confidence, Verdict};

pub(super) const URL: &str = "https://lambda.example.com/endpoint";

pub(super) fn nothing() -> Evidence {
    Evidence::nothing(URL.parse().unwrap(), time::macros::datetime!(2026-11-25 12:00 UTC))
}

/// A mixed zone of which everything is known, Flexible, without rules; with these parts in place of its own.
pub(super) fn document(parts: Value) -> Value {
    let mut base = json!({
        "zone": {"id": "023e105f4ecef8ad9ca31a8372d0c353", "name": "example.com", "plan": {"legacy_id": "free"}},
        "settings": {"ssl": "flexible", "always_use_https": "off", "cache_level": "aggressive", "browser_cache_ttl": 0,
            "development_mode": "off", "always_online": "off"},
        "dns_records": [
            {"type": "CNAME", "name": "lambda.example.com", "content": "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com", "proxied": true},
            {"type": "CNAME", "name": "eulambda.example.com", "content": "d-f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com", "proxied": true},
            {"type": "CNAME", "name": "www.example.com", "content": "www.example.com.s3-website-us-west-2.amazonaws.com", "proxied": true},
        ],
        "page_rules": [], "worker_routes": [], "worker_domains": [], "snippets": [], "cloud_connector": [],
        "rulesets": {"http_request_dynamic_redirect": [], "http_request_transform": [], "http_config_settings": [],
            "http_request_origin": [], "http_request_late_transform": [], "http_request_cache_settings": [],
            "http_response_cache_settings": []},
    });
    for (key, value) in parts.as_object().unwrap() {
        match (&mut base[key], value) {
            (Value::Object(old), Value::Object(new)) => old.extend(new.clone()),
            (slot, value) => *slot = value.clone(),
        }
    }
    base
}

pub(super) fn zone(parts: Value) -> Evidence {
    Evidence { zone: Gathered::Found(Zone::from_document(document(parts)).unwrap()), ..nothing() }
}

/// A Configuration Rule that makes strict.
pub(super) fn strict(expression: &str) -> Value {
    json!({"id": "s1", "description": "Strict for the APIs", "expression": expression, "action": "set_config",
        "action_parameters": {"ssl": "strict"}})
}

/// A Page Rule.
pub(super) fn page(pattern: &str, priority: i64, actions: Value) -> Value {
    json!({"id": format!("p{priority}"), "priority": priority, "status": "active",
        "targets": [{"target": "url", "constraint": {"operator": "matches", "value": pattern}}], "actions": actions})
}

/// The word of a verdict (with a severity of its own, and `low` or `medium` where it is less than sure), and what was seen.
pub(super) fn verdict(check: &Check, evidence: &Evidence) -> (String, String) {
    for probe in crate::Probe::ALL.iter().filter(|probe| !check.needs.contains(probe)) {
        let blanked = check.run(&evidence.clone().without(*probe));
        assert_eq!(format!("{blanked:?}"), format!("{:?}", check.run(evidence)), "{} depends on {probe}", check.id);
    }
    match check.run(evidence) {
        Ok(Verdict::Pass(seen)) => ("pass".into(), seen.unwrap_or_default()),
        Ok(verdict) => {
            let kind = if matches!(verdict, Verdict::Fail(_)) { "fail" } else { "warn" };
            let finding = verdict.finding().unwrap();
            let fix = check.mend(evidence, finding);
            assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{} has an empty fix", check.id);
            let sure = match finding.confidence {
                Confidence::High => "",
                Confidence::Medium => "/unsure",
                Confidence::Low => "/doubtful",
            };
            let severity = finding.severity.unwrap_or(check.severity);
            let severity = format!("{severity:?}").to_ascii_lowercase();
            (format!("{kind}/{severity}{sure}"), finding.seen.clone())
        }
        Err(why) => (why.kind().into(), why.text()),
    }
}
