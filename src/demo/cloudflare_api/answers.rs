//! Every endpoint that is known here: the permission that it takes and what it answers.

use serde_json::{Value, json};

use super::{CloudflareApi, envelope};
use crate::demo::serve::Reply;

/// One endpoint with the ids of its path.
pub(super) enum Endpoint {
    /// `tokens/verify`, of the user or of an account.
    Verify,
    Zones,
    WorkerDomains(String),
    Zone(String, Part),
}

/// What is asked of one zone.
pub(super) enum Part {
    Itself,
    Records,
    Setting(String),
    Phase(String),
    HostPull(String),
    /// An object of the document, or this where it is not in it.
    Object(&'static str, Value, &'static str),
    /// A list of the document.
    List(&'static str, &'static str),
}

const CERTIFICATES: &str = "SSL and Certificates Read";
const SETTINGS: &str = "Zone Settings Read";
/// Rows in a page, where nothing is asked for.
const PER_PAGE: u64 = 20;
const RECORDS_PER_PAGE: u64 = 100;

impl Endpoint {
    /// The endpoint of a path; `None`: there is none.
    pub(super) fn of(path: &str) -> Option<Endpoint> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        Some(match segments.as_slice() {
            ["user", "tokens", "verify"] | ["accounts", _, "tokens", "verify"] => Endpoint::Verify,
            ["zones"] => Endpoint::Zones,
            ["accounts", account, "workers", "domains"] => Endpoint::WorkerDomains((*account).to_owned()),
            ["zones", zone, rest @ ..] => Endpoint::Zone((*zone).to_owned(), Part::of(rest)?),
            _ => return None,
        })
    }

    /// The permission that it takes (`facts/cloudflare.md` section 8.3).
    pub(super) fn permission(&self) -> &'static str {
        match self {
            Endpoint::Verify => "",
            Endpoint::Zones => "Zone Read",
            Endpoint::WorkerDomains(_) => "Workers Scripts Read",
            Endpoint::Zone(_, part) => part.permission(),
        }
    }

    /// The answer.
    pub(super) fn answer(&self, api: &CloudflareApi, query: &[(String, String)]) -> Reply {
        let asked = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        match self {
            Endpoint::Verify => envelope::result(&api.token_status()),
            Endpoint::Zones => {
                let zones = (0..api.zones.len()).filter_map(|number| zone(api, number));
                let zones: Vec<Value> = zones.filter(|zone| is(zone, "name", asked("name"))).collect();
                envelope::page(&zones, query, PER_PAGE, api.max_per_page.min(50))
            }
            Endpoint::WorkerDomains(account) => {
                let numbers = 0..api.zones.len();
                let own = numbers.filter(|number| account_of(&api.zones, *number) == *account);
                let rows = own.flat_map(|number| {
                    let id = id_of(&api.zones, number);
                    list(api.zones.get(number), "worker_domains").iter().map(move |row| {
                        let mut row = row.clone();
                        if row.get("zone_id").is_none() {
                            row["zone_id"] = json!(id);
                        }
                        row
                    })
                });
                let rows: Vec<Value> = rows
                    .filter(|row| is(row, "hostname", asked("hostname")) && is(row, "zone_id", asked("zone_id")))
                    .collect();
                envelope::result(&json!(rows))
            }
            Endpoint::Zone(id, part) => match (0..api.zones.len()).find(|number| id_of(&api.zones, *number) == *id) {
                Some(number) => part.answer(api, number, query),
                None => envelope::error(
                    404,
                    7003,
                    "Could not route to the zone, perhaps your object identifier is invalid?",
                ),
            },
        }
    }
}

impl Part {
    fn of(segments: &[&str]) -> Option<Part> {
        let list = |key, permission| Part::List(key, permission);
        let object = Part::Object;
        Some(match segments {
            [] => Part::Itself,
            ["dns_records"] => Part::Records,
            ["dns_settings"] => object(
                "dns_settings",
                json!({"flatten_all_cnames": false, "zone_mode": "standard", "multi_provider": false, "ns_ttl": 86400,
                    "secondary_overrides": false, "foundation_dns": false, "nameservers": {"type": "cloudflare.standard"}}),
                "DNS Read",
            ),
            ["settings", id] => Part::Setting((*id).to_owned()),
            ["argo", "tiered_caching"] => Part::Setting("tiered_caching".into()),
            ["cache", "tiered_cache_smart_topology_enable"] => {
                Part::Setting("tiered_cache_smart_topology_enable".into())
            }
            ["pagerules"] => list("page_rules", "Page Rules Read"),
            ["rulesets", "phases", phase, "entrypoint"] => Part::Phase((*phase).to_owned()),
            ["workers", "routes"] => list("worker_routes", "Workers Routes Read"),
            ["snippets", "snippet_rules"] => list("snippets", "Snippets Read"),
            ["cloud_connector", "rules"] => list("cloud_connector", "Cloud Connector Read"),
            ["ssl", "certificate_packs"] => list("certificate_packs", CERTIFICATES),
            ["ssl", "verification"] => list("ssl_verification", CERTIFICATES),
            ["ssl", "universal", "settings"] => object("universal_ssl", json!({"enabled": true}), CERTIFICATES),
            ["acm", "total_tls"] => object("total_tls", json!({"enabled": false}), CERTIFICATES),
            ["acm", "custom_trust_store"] => list("custom_trust_store", CERTIFICATES),
            ["origin_tls_client_auth"] => list("origin_tls_client_auth", CERTIFICATES),
            ["origin_tls_client_auth", "settings"] => {
                object("origin_tls_client_auth_settings", json!({"enabled": false}), CERTIFICATES)
            }
            ["origin_tls_client_auth", "hostnames", host] => Part::HostPull((*host).to_owned()),
            ["hostnames", "settings", "min_tls_version"] => list("hostname_settings.min_tls_version", CERTIFICATES),
            ["origin", "cloud_regions"] => list("cloud_regions", SETTINGS),
            ["custom_hostnames"] => list("custom_hostnames", CERTIFICATES),
            _ => return None,
        })
    }

    fn permission(&self) -> &'static str {
        match self {
            Part::Itself => "Zone Read",
            Part::Records => "DNS Read",
            Part::Setting(_) => SETTINGS,
            Part::HostPull(_) => CERTIFICATES,
            Part::Object(_, _, permission) | Part::List(_, permission) => permission,
            Part::Phase(phase) => match phase.as_str() {
                "http_request_origin" => "Origin Read",
                "http_config_settings" => "Config Settings Read",
                "http_request_cache_settings" | "http_response_cache_settings" => "Cache Settings Read",
                "http_request_dynamic_redirect" => "Dynamic URL Redirects Read",
                "http_request_transform" | "http_request_late_transform" => "Zone Transform Rules Read",
                _ => "Account Rulesets Read",
            },
        }
    }

    fn answer(&self, api: &CloudflareApi, number: usize, query: &[(String, String)]) -> Reply {
        let document = api.zones.get(number);
        let asked = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        match self {
            Part::Itself => envelope::result(&zone(api, number).unwrap_or_default()),
            Part::Records => {
                let rows = list(document, "dns_records").iter();
                let rows = rows.filter(|row| is(row, "name", asked("name")) && is(row, "type", asked("type")));
                let rows: Vec<Value> = rows.cloned().collect();
                envelope::page(&rows, query, RECORDS_PER_PAGE, api.max_per_page)
            }
            Part::Setting(id) => match at(document, &format!("settings.{id}")).cloned().or_else(|| default_setting(id))
            {
                Some(value) => {
                    envelope::result(&json!({"id": id, "value": value, "editable": true, "modified_on": null}))
                }
                None => envelope::error(404, 1006, "Unknown zone setting"),
            },
            Part::Phase(phase) => match at(document, &format!("rulesets.{phase}")).and_then(Value::as_array) {
                None => envelope::no_entrypoint(phase),
                Some(rules) => {
                    let mut ruleset = json!({"id": "2f2feab2026849078ba485f918791bdc", "kind": "zone", "name": "default",
                        "phase": phase, "version": "4", "last_updated": "2026-11-01T08:00:00Z"});
                    if !rules.is_empty() {
                        ruleset["rules"] = json!(rules);
                    }
                    envelope::result(&ruleset)
                }
            },
            Part::HostPull(host) => match at(document, "origin_tls_client_auth_hostname") {
                Some(found) if is(found, "hostname", Some(host)) => envelope::result(found),
                _ => envelope::error(404, 1404, "The hostname has no association"),
            },
            Part::Object(key, default, _) => envelope::result(at(document, key).unwrap_or(default)),
            Part::List(key, _) => {
                let rows = list(document, key).iter();
                let rows: Vec<Value> = rows.filter(|row| is(row, "hostname", asked("hostname"))).cloned().collect();
                envelope::page(&rows, query, PER_PAGE.max(100), api.max_per_page)
            }
        }
    }
}

/// The zone as `GET /zones/{id}` shows it: with its account, owner and the token's permissions.
fn zone(api: &CloudflareApi, number: usize) -> Option<Value> {
    let mut zone = at(api.zones.get(number), "zone")?.clone();
    let account = account_of(&api.zones, number);
    zone["id"] = json!(id_of(&api.zones, number));
    for (key, value) in [
        ("account", json!({"id": account, "name": "Demo account"})),
        ("owner", json!({"id": null, "type": "user", "email": "owner@example.com"})),
        ("permissions", json!(["#zone:read", "#dns_records:read"])),
        ("status", json!("active")),
        ("paused", json!(false)),
        ("type", json!("full")),
        ("development_mode", json!(0)),
        ("plan", json!({"id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "name": "Free Website", "legacy_id": "free"})),
    ] {
        if zone.get(key).is_none() {
            zone[key] = value;
        }
    }
    Some(zone)
}

fn id_of(zones: &[Value], number: usize) -> String {
    let stated = at(zones.get(number), "zone.id").and_then(Value::as_str);
    stated.map_or_else(|| format!("023e105f4ecef8ad9ca31a8372d0{number:04x}"), ToOwned::to_owned)
}

fn account_of(zones: &[Value], number: usize) -> String {
    let stated = at(zones.get(number), "zone.account").and_then(|account| account.get("id")?.as_str());
    stated.map_or_else(|| format!("01a7362d577a6c3019a474fd6f48{number:04x}"), ToOwned::to_owned)
}

/// `a.b` is key `b` of object `a`.
fn at<'a>(document: Option<&'a Value>, key: &str) -> Option<&'a Value> {
    let document = document?;
    match key.split_once('.') {
        None => document.get(key),
        Some((outer, inner)) => document.get(outer)?.get(inner),
    }
}

fn list<'a>(document: Option<&'a Value>, key: &str) -> &'a [Value] {
    at(document, key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Does the row pass the filter?
fn is(row: &Value, field: &str, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| row.get(field).and_then(Value::as_str) == Some(wanted))
}

/// What a new zone has.
fn default_setting(id: &str) -> Option<Value> {
    Some(match id {
        "ssl" => json!("full"),
        "ssl_automatic_mode" => json!("custom"),
        "always_use_https" | "tls_client_auth" | "always_online" | "tiered_caching" => json!("off"),
        "tiered_cache_smart_topology_enable" | "development_mode" => json!("off"),
        "cache_level" => json!("aggressive"),
        "browser_cache_ttl" => json!(14_400),
        "min_tls_version" => json!("1.0"),
        _ => return None,
    })
}
