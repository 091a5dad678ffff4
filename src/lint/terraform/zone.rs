//! Cloudflare: which zone a resource belongs to, and the parts of a zone that are neither records nor rules.

use serde_json::{Value, json};

use super::Reader;
use super::resource::{Field, Resource};
use super::rules::unblocked;
use crate::lint::declared::Thing;

impl<'a> Reader<'a> {
    /// Zones that the plan makes or reads: their ids and names.
    pub(super) fn zones(&mut self) {
        for resource in self.resources {
            match resource.kind.as_str() {
                "cloudflare_zone" if resource.stays() => {
                    let id = resource.text("zone_id").or_else(|| resource.text("id"));
                    let key = id.unwrap_or(&resource.address).to_owned();
                    let name = resource.text("name").or_else(|| resource.text("zone"));
                    let name = name.or_else(|| resource.text("filter.name")).map(name_of);
                    self.name_zone(&key, name);
                }
                "cloudflare_zones" if resource.is_data => {
                    let rows: Vec<_> = resource.rows("result").iter().chain(resource.rows("zones")).collect();
                    for row in rows {
                        let text = |key: &str| row.get(key).and_then(Value::as_str);
                        if let Some(id) = text("id") {
                            self.name_zone(id, text("name").map(name_of));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn name_zone(&mut self, key: &str, name: Option<String>) {
        let zone = self.declared.zone(key);
        zone.name = name.or(zone.name.take());
    }

    /// The key of the zone that a resource belongs to.
    pub(super) fn zone_key(&self, resource: &Resource) -> String {
        if let Some(id) = resource.text("zone_id").or_else(|| resource.was("zone_id")) {
            return id.to_owned();
        }
        match self.pointed(resource, "zone_id") {
            Some((pointed, _)) => {
                let zone = pointed.resource;
                zone.text("zone_id").or_else(|| zone.text("id")).unwrap_or(&zone.address).to_owned()
            }
            None => match self.declared.zones.as_slice() {
                [only] => only.key.clone(),
                _ => self.references.of(resource, "zone_id").first().cloned().unwrap_or_else(|| "a zone".into()),
            },
        }
    }

    /// Everything of a zone that is neither a record nor a rule.
    pub(super) fn zone_part(&mut self, resource: &'a Resource) {
        let zone = self.zone_key(resource);
        let part = |key: &str| Thing::Part(zone.clone(), key.to_owned());
        match resource.kind.as_str() {
            "cloudflare_zone" if resource.stays() => {
                let key = resource.text("id").unwrap_or(&resource.address).to_owned();
                let mut details = resource.pick(&[
                    ("id", "id"),
                    ("name", "name"),
                    ("zone", "name"),
                    ("status", "status"),
                    ("paused", "paused"),
                    ("type", "type"),
                    ("name_servers", "name_servers"),
                    ("meta", "meta"),
                    ("development_mode", "development_mode"),
                ]);
                match resource.value("plan") {
                    Some(Value::Object(plan)) => details.extend([("plan".to_owned(), Value::Object(plan.clone()))]),
                    Some(Value::String(plan)) => details.extend([("plan".to_owned(), json!({"legacy_id": plan}))]),
                    _ => {}
                }
                self.declared.zone(&key).document.insert("zone".into(), Value::Object(details));
                self.source(Thing::Part(key, "zone".into()), resource, None);
            }
            "cloudflare_zone_setting"
            | "cloudflare_zone_settings_override"
            | "cloudflare_tiered_cache"
            | "cloudflare_argo_tiered_caching"
            | "cloudflare_argo"
            | "cloudflare_total_tls"
            | "cloudflare_universal_ssl_setting"
            | "cloudflare_zone_dns_settings"
            | "cloudflare_hostname_tls_setting" => {
                self.setting(resource, &zone);
            }
            "cloudflare_authenticated_origin_pulls"
            | "cloudflare_authenticated_origin_pulls_settings"
            | "cloudflare_authenticated_origin_pulls_certificate" => self.origin_pulls(resource, &zone),
            "cloudflare_custom_origin_trust_store" => {
                let row = resource.pick(&[
                    ("id", "id"),
                    ("certificate", "certificate"),
                    ("issuer", "issuer"),
                    ("expires_on", "expires_on"),
                ]);
                self.row(resource, &zone, "custom_trust_store", Value::Object(row), part("custom_trust_store"));
            }
            "cloudflare_cloud_connector_rules" | "cloudflare_snippet_rules" => {
                let key = if resource.kind.contains("snippet") { "snippets" } else { "cloud_connector" };
                let rules = if resource.stays() { resource.rows("rules") } else { &[] };
                let rules: Vec<Value> = rules.iter().map(|rule| unblocked(rule.clone())).collect();
                self.declared.zone(&zone).document.insert(key.into(), Value::Array(rules));
                self.source(Thing::Worker(zone), resource, None);
            }
            "cloudflare_worker_route" | "cloudflare_workers_route" => {
                let mut row = resource.pick(&[
                    ("id", "id"),
                    ("pattern", "pattern"),
                    ("script", "script"),
                    ("script_name", "script"),
                ]);
                if resource.field("script") == Field::Unknown || resource.field("script_name") == Field::Unknown {
                    row.insert("script".into(), "(known after apply)".into());
                }
                self.row(resource, &zone, "worker_routes", Value::Object(row), Thing::Worker(zone.clone()));
            }
            "cloudflare_worker_domain" | "cloudflare_workers_domain" | "cloudflare_workers_custom_domain" => {
                let row = resource.pick(&[("id", "id"), ("hostname", "hostname"), ("service", "service")]);
                self.row(resource, &zone, "worker_domains", Value::Object(row), Thing::Worker(zone.clone()));
            }
            "cloudflare_custom_hostname" => {
                let row = resource.pick(&[
                    ("id", "id"),
                    ("hostname", "hostname"),
                    ("status", "status"),
                    ("custom_origin_server", "custom_origin_server"),
                ]);
                self.row(resource, &zone, "custom_hostnames", Value::Object(row), part("custom_hostnames"));
            }
            _ => {}
        }
    }

    /// A row of a list: there, changed, or taken away.
    pub(super) fn row(&mut self, resource: &Resource, zone: &str, key: &str, row: Value, thing: Thing) {
        let declared = self.declared.zone(zone);
        if resource.stays() {
            declared.push(key, row);
        }
        if resource.before.is_object()
            && resource.change.is_some_and(|change| change != crate::lint::declared::Change::None)
        {
            declared.drop_row(key, resource.before.clone());
        }
        self.source(thing, resource, None);
    }

    fn origin_pulls(&mut self, resource: &Resource, zone: &str) {
        let is_on = resource.stays() && resource.truth("enabled") != Some(false);
        let thing = |key: &str| Thing::Part(zone.to_owned(), key.to_owned());
        match resource.kind.as_str() {
            "cloudflare_authenticated_origin_pulls_settings" => {
                let on = json!({"enabled": is_on});
                self.declared.zone(zone).document.insert("origin_tls_client_auth_settings".into(), on);
                self.source(thing("origin_tls_client_auth_settings"), resource, None);
            }
            "cloudflare_authenticated_origin_pulls_certificate" => {
                if resource.text("type") != Some("per-hostname") {
                    let row = Value::Object(resource.pick(&[
                        ("id", "id"),
                        ("status", "status"),
                        ("expires_on", "expires_on"),
                    ]));
                    self.row(resource, zone, "origin_tls_client_auth", row, thing("origin_tls_client_auth"));
                }
            }
            // Version 5 lists hosts; version 4 names one, or a certificate for the zone, or means the global setting
            // (`facts/aws.md` section 9.2).
            _ => {
                let rows = if resource.stays() { resource.rows("config") } else { &[] };
                let mut hosts: Vec<(String, bool)> = Vec::new();
                for row in rows {
                    let host = row.get("hostname").and_then(Value::as_str);
                    let on = row.get("enabled").and_then(Value::as_bool).unwrap_or(false);
                    hosts.extend(host.map(|host| (name_of(host), on)));
                }
                if let Some(host) = resource.text("hostname") {
                    hosts.push((name_of(host), is_on));
                }
                let has_certificate = resource.field("authenticated_origin_pulls_certificate") != Field::Absent;
                let declared = self.declared.zone(zone);
                if !hosts.is_empty() {
                    declared.host_pulls.extend(hosts.into_iter().map(|(host, on)| (host, on.into())));
                } else if has_certificate {
                    declared.document.insert("origin_tls_client_auth_settings".into(), json!({"enabled": is_on}));
                } else if resource.value("enabled").is_some() || !resource.stays() {
                    declared.set("settings", "tls_client_auth", if is_on { "on" } else { "off" }.into());
                }
                self.source(thing("origin_tls_client_auth_hostname"), resource, None);
            }
        }
    }
}

/// A host as it is compared: lower case, without the final dot.
pub(super) fn name_of(text: &str) -> String {
    text.trim_end_matches('.').to_ascii_lowercase()
}
