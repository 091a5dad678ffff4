//! What Cloudflare's API would tell of a scenario's zone: the same settings that the edge obeys, in the API's shapes.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::account_document::validation_record;
use super::edge::Zone;
use super::pki::OriginCertificate;
use super::store::{CacheAction, EdgeTtl};
use super::upstream::Mode;
use super::world::{Names, Scenario};

/// The apex of every scenario.
const APEX: &str = "example.com";
/// The zone's id, made up.
const ID: &str = "5f0c8a1e27b94d3690acde1357924680";

/// The zone as `GET /zones/…` and its neighbours would tell of it.
pub(super) fn document(scenario: &Scenario) -> Value {
    let zone = (scenario.zone)();
    let mut document = json!({
        "zone": {
            "id": ID,
            "name": APEX,
            "status": "active",
            "paused": false,
            "type": "full",
            "development_mode": 0,
            "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
            "plan": {"legacy_id": "free", "name": "Free Website"},
            "meta": {"cdn_only": false, "dns_only": false, "phishing_detected": false},
        },
        "dns_settings": {
            "zone_mode": "standard",
            "multi_provider": false,
            "foundation_dns": false,
            "flatten_all_cnames": false,
        },
        "dns_records": records(scenario),
        "settings": {
            "ssl": mode(zone.mode),
            "ssl_automatic_mode": "custom",
            "always_use_https": on(zone.always_use_https),
            "min_tls_version": if zone.legacy_tls { "1.0" } else { "1.2" },
            "tls_client_auth": on(zone.origin_pull),
            "cache_level": "aggressive",
            "browser_cache_ttl": zone.browser_ttl,
            "always_online": "off",
            "development_mode": "off",
            "tiered_caching": "off",
            "tiered_cache_smart_topology_enable": "off",
        },
        "page_rules": [],
        "rulesets": {
            "http_request_dynamic_redirect": [],
            "http_request_transform": [],
            "http_config_settings": [],
            "http_request_origin": [],
            "http_request_late_transform": header_rules(&zone),
            "http_request_cache_settings": cache_rules(&zone, scenario.host),
            "http_response_cache_settings": [],
        },
        "worker_routes": [],
        "worker_domains": [],
        "snippets": [],
        "cloud_connector": [],
        "certificate_packs": [pack(&zone)],
        "ssl_verification": [{"certificate_status": "active", "validation_method": "txt", "verification_status": true}],
        "universal_ssl": {"enabled": true},
        "total_tls": {"enabled": false},
        "custom_trust_store": [],
        "origin_tls_client_auth_settings": {"enabled": false},
        "origin_tls_client_auth": [],
        "origin_tls_client_auth_hostname": {"hostname": scenario.host, "enabled": null},
        "hostname_settings": {"min_tls_version": []},
        "cloud_regions": [],
        "custom_hostnames": [],
    });
    (scenario.told)(&mut document);
    document
}

/// The validation record of ACM, where nobody took it away.
pub(super) fn standing_validation(scenario: &Scenario) -> Option<(String, &'static str)> {
    let is_gone = (scenario.origin)().certificate == OriginCertificate::Expiring;
    validation_record(scenario).filter(|_| !is_gone)
}

fn records(scenario: &Scenario) -> Value {
    let own = |kind: &str, content: &str, proxied: bool| json!({"type": kind, "name": scenario.host, "content": content, "proxied": proxied, "ttl": 1});
    match scenario.names {
        Names::NxDomain => json!([]),
        Names::NoData => json!([own("TXT", "\"v=spf1 -all\"", false)]),
        Names::Loop => json!([
            own("CNAME", "api.example.com", false),
            {"type": "CNAME", "name": "api.example.com", "content": scenario.host, "proxied": false, "ttl": 1},
        ]),
        names => {
            let mut records = vec![own("CNAME", scenario.target, names != Names::DnsOnly)];
            if let Some((name, content)) = standing_validation(scenario) {
                records.push(json!({"type": "CNAME", "name": name, "content": content, "proxied": false, "ttl": 1}));
            }
            Value::Array(records)
        }
    }
}

fn cache_rules(zone: &Zone, host: &str) -> Value {
    let Some(rule) = zone.rule else { return json!([]) };
    let mut expression = format!("http.host eq \"{host}\"");
    if !rule.methods.is_empty() {
        let methods: Vec<String> = rule.methods.iter().map(|method| format!("\"{method}\"")).collect();
        expression = format!("{expression} and http.request.method in {{{}}}", methods.join(" "));
    }
    let parameters = match rule.action {
        CacheAction::Bypass => json!({"cache": false}),
        CacheAction::Eligible(EdgeTtl::RespectOrigin) => {
            json!({"cache": true, "edge_ttl": {"mode": "respect_origin"}})
        }
        CacheAction::Eligible(EdgeTtl::BypassByDefault) => {
            json!({"cache": true, "edge_ttl": {"mode": "bypass_by_default"}})
        }
        CacheAction::Eligible(EdgeTtl::Override(seconds)) => {
            json!({"cache": true, "edge_ttl": {"mode": "override_origin", "default": seconds}})
        }
    };
    json!([{
        "id": "2c0fc9fa937b11eaa1b71c4d701ab86e",
        "description": "Cache the API",
        "expression": format!("({expression})"),
        "enabled": true,
        "action": "set_cache_settings",
        "action_parameters": parameters,
    }])
}

/// The rule that adds the origin's secret.
fn header_rules(zone: &Zone) -> Value {
    if !zone.adds_secret {
        return json!([]);
    }
    let (name, secret) = super::gateway::SECRET;
    json!([{
        "id": "3d1fc9fa937b11eaa1b71c4d701ab86e",
        "description": "Prove to the origin that it is us",
        "expression": "true",
        "enabled": true,
        "action": "rewrite",
        "action_parameters": {"headers": {name: {"operation": "set", "value": secret}}},
    }])
}

fn pack(zone: &Zone) -> Value {
    let ends = OffsetDateTime::now_utc() + Duration::days(zone.certificate_days);
    let ends = ends.replace_nanosecond(0).unwrap_or(ends).format(&Rfc3339).unwrap_or_default();
    json!({
        "id": "3822ff90-ea29-44df-9e55-21300bb9419b",
        "type": "universal",
        "hosts": zone.certificate_names,
        "status": "active",
        "certificate_authority": "google",
        "validation_method": "txt",
        "validity_days": 90,
        "certificates": [{"hosts": zone.certificate_names, "status": "active", "expires_on": ends}],
        "validation_errors": [],
        "validation_records": [],
    })
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Flexible => "flexible",
        Mode::Full => "full",
        Mode::Strict => "strict",
        Mode::OriginPull => "origin_pull",
    }
}

fn on(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
