//! Cloudflare: settings of a zone, one resource each (version 5) or all in one block (version 4).

use serde_json::{Value, json};

use super::Reader;
use super::resource::{Field, Resource};
use crate::lint::declared::Thing;

impl Reader<'_> {
    pub(super) fn setting(&mut self, resource: &Resource, zone: &str) {
        match resource.kind.as_str() {
            "cloudflare_zone_setting" => {
                let Some(id) = resource.text("setting_id").or_else(|| resource.was("setting_id")) else { return };
                let value = resource.value("value").cloned().or_else(|| {
                    // Some have `enabled` in place of a value.
                    resource.truth("enabled").map(|on| if on { "on".into() } else { "off".into() })
                });
                if resource.field("value") == Field::Unknown {
                    self.tell_unknown(resource, "value");
                }
                self.one(resource, zone, id, value);
            }
            // The provider sets back what it finds in `initial_settings` when the resource goes.
            "cloudflare_zone_settings_override" => {
                let (path, values) = match resource.stays() {
                    true => ("settings", &resource.after),
                    false => ("initial_settings", &resource.before),
                };
                let block = match values.get(path) {
                    Some(Value::Array(rows)) => rows.first().and_then(Value::as_object),
                    other => other.and_then(Value::as_object),
                };
                for (id, value) in block.into_iter().flatten() {
                    // Only a setting that is written is managed; the others are null, or what is there already.
                    let is_plain = value.is_string() || value.is_number() || value.is_boolean();
                    if is_plain && value != &json!("") {
                        let id = if id == "zero_rtt" { "0rtt" } else { id };
                        self.one(resource, zone, id, Some(value.clone()));
                    }
                }
            }
            // Version 4 has the type, version 5 on or off (`facts/aws.md` section 9.2).
            "cloudflare_tiered_cache" => {
                let smart = match (resource.text("value"), resource.text("cache_type")) {
                    (Some(value), _) => Some(value == "on"),
                    (None, Some(kind)) => Some(kind == "smart"),
                    (None, None) => None,
                };
                let smart = if resource.stays() { smart } else { Some(false) };
                let word = |on: bool| Value::from(if on { "on" } else { "off" });
                self.one(resource, zone, "tiered_cache_smart_topology_enable", smart.map(word));
                if let Some(kind) = resource.text("cache_type") {
                    self.one(resource, zone, "tiered_caching", Some(word(kind != "off")));
                }
            }
            "cloudflare_argo_tiered_caching" | "cloudflare_argo" => {
                let value = resource.value("value").or_else(|| resource.value("tiered_caching")).cloned();
                self.one(resource, zone, "tiered_caching", value);
            }
            "cloudflare_zone_dns_settings" => {
                let settings = resource.pick(&[
                    ("zone_mode", "zone_mode"),
                    ("multi_provider", "multi_provider"),
                    ("foundation_dns", "foundation_dns"),
                    ("nameservers", "nameservers"),
                ]);
                self.part(resource, zone, "dns_settings", Value::Object(settings));
            }
            "cloudflare_total_tls" => {
                let settings =
                    resource.pick(&[("enabled", "enabled"), ("certificate_authority", "certificate_authority")]);
                self.part(resource, zone, "total_tls", Value::Object(settings));
            }
            "cloudflare_universal_ssl_setting" => {
                self.part(resource, zone, "universal_ssl", Value::Object(resource.pick(&[("enabled", "enabled")])));
            }
            _ => {
                let id = resource.text("setting_id").or_else(|| resource.text("setting"));
                let (Some("min_tls_version"), Some(host), Some(value)) =
                    (id, resource.text("hostname"), resource.text("value"))
                else {
                    return;
                };
                let row = json!({"hostname": host, "value": value});
                let all = self.declared.zone(zone).document.entry("hostname_settings").or_insert_with(|| json!({}));
                let known = all.get("min_tls_version").and_then(Value::as_array).cloned().unwrap_or_default();
                if resource.stays() {
                    all["min_tls_version"] = known.into_iter().chain([row]).collect();
                }
                self.source(Thing::Part(zone.to_owned(), "hostname_settings".into()), resource, None);
            }
        }
    }

    /// One setting; what is taken away stays as it is at Cloudflare's.
    fn one(&mut self, resource: &Resource, zone: &str, id: &str, value: Option<Value>) {
        let before = resource.before.get("value").or_else(|| resource.before.pointer(&format!("/settings/0/{id}")));
        let detail = match (before, &value) {
            (Some(before), Some(value)) if before != value => {
                Some(format!("{id}: {} → {}", plain(before), plain(value)))
            }
            (None, Some(value)) => Some(format!("{id}: {}", plain(value))),
            _ => None,
        };
        if let Some(value) = value {
            self.declared.zone(zone).set("settings", id, value);
        }
        self.source(Thing::Setting(zone.to_owned(), id.to_owned()), resource, detail);
    }

    fn part(&mut self, resource: &Resource, zone: &str, key: &str, value: Value) {
        if resource.stays() {
            self.declared.zone(zone).document.insert(key.into(), value);
        }
        self.source(Thing::Part(zone.to_owned(), key.to_owned()), resource, None);
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
