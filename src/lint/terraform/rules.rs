//! Cloudflare: rulesets of a zone, as nested attributes (version 5) or as blocks (version 4).

use serde_json::{Map, Value};

use super::Reader;
use super::resource::Resource;
use crate::lint::declared::Thing;

/// What version 4 writes as a block, a list with one object: an object in the API.
const BLOCKS: &[&str] = &[
    "action_parameters",
    "browser_ttl",
    "cache_key",
    "cache_reserve",
    "cookie",
    "custom_key",
    "edge_ttl",
    "from_list",
    "from_value",
    "header",
    "host",
    "origin",
    "parameters",
    "path",
    "query",
    "query_string",
    "response",
    "serve_stale",
    "sni",
    "status_code_range",
    "target_url",
    "uri",
    "user",
    "vary",
];

impl Reader<'_> {
    pub(super) fn ruleset(&mut self, resource: &Resource) {
        let text = |key: &str| resource.text(key).or_else(|| resource.was(key));
        // Rulesets of an account reach every zone, but are of another kind; those that are called from others are not
        // the phase itself.
        let (Some(phase), Some("zone") | None) = (text("phase"), text("kind")) else { return };
        let zone = self.zone_key(resource);
        let rules = if resource.stays() { resource.rows("rules") } else { &[] };
        let rules: Vec<Value> = rules.iter().map(|rule| unblocked(rule.clone())).collect();
        if resource.field("rules") == super::resource::Field::Unknown {
            self.tell_unknown(resource, "rules");
        } else {
            self.declared.zone(&zone).set("rulesets", phase, Value::Array(rules));
        }
        self.source(Thing::Rules(zone, phase.to_owned()), resource, Some(phase.to_owned()));
    }
}

/// The API's shape of what a provider holds: no nulls, blocks as objects, headers by name.
pub(super) fn unblocked(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                match value {
                    Value::Null => {}
                    Value::Array(rows) if BLOCKS.contains(&key.as_str()) && rows.iter().all(Value::is_object) => {
                        if let Some(row) = rows.into_iter().next() {
                            out.insert(key, unblocked(row));
                        }
                    }
                    Value::Array(rows) if key == "headers" && rows.iter().all(|row| row.get("name").is_some()) => {
                        let by_name = rows.into_iter().filter_map(|row| {
                            let name = row.get("name")?.as_str()?.to_owned();
                            Some((name, unblocked(row)))
                        });
                        out.insert(key, Value::Object(by_name.collect()));
                    }
                    value => {
                        out.insert(key, unblocked(value));
                    }
                }
            }
            Value::Object(out)
        }
        Value::Array(rows) => Value::Array(rows.into_iter().filter(|row| !row.is_null()).map(unblocked).collect()),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_become_objects() {
        let block = json!({"action": "set_cache_settings", "action_parameters": [{"cache": true, "edge_ttl": [{
            "mode": "override_origin", "default": 7200, "status_code_ttl": [{"status_code": 404, "value": 60, "status_code_range": []}],
        }], "browser_ttl": [], "host_header": null}], "ref": null});
        let nested = json!({"action": "set_cache_settings", "action_parameters": {"cache": true, "edge_ttl": {
            "mode": "override_origin", "default": 7200, "status_code_ttl": [{"status_code": 404, "value": 60}]}}});
        assert_eq!(unblocked(block), nested);
        assert_eq!(unblocked(nested.clone()), nested);
        let headers = json!({"headers": [{"name": "x-key", "operation": "set", "value": "v"}]});
        assert_eq!(unblocked(headers)["headers"]["x-key"]["operation"], "set");
    }
}
