//! Cloudflare: Page Rules.

use serde_json::{Map, Value, json};

use super::Reader;
use super::resource::Resource;
use crate::lint::declared::{Change, Thing};

impl Reader<'_> {
    pub(super) fn page_rule(&mut self, resource: &Resource) {
        let zone = self.zone_key(resource);
        let pattern = resource.text("target").or_else(|| resource.was("target"));
        let Some(pattern) = pattern else { return self.tell_unknown(resource, "target") };
        if let (true, Some(row)) = (resource.stays(), row(&resource.after)) {
            self.declared.zone(&zone).push("page_rules", row);
        }
        if let (true, Some(row)) = (resource.change != Some(Change::None), row(&resource.before)) {
            self.declared.zone(&zone).drop_row("page_rules", row);
        }
        self.source(Thing::PageRule(zone, pattern.to_owned()), resource, Some(pattern.to_owned()));
    }
}

/// The API's shape of a Page Rule (`facts/cloudflare.md` section 8.3).
fn row(values: &Value) -> Option<Value> {
    let pattern = values.get("target")?.as_str()?;
    let actions = match values.get("actions") {
        Some(Value::Array(rows)) => rows.first().and_then(Value::as_object),
        other => other.and_then(Value::as_object),
    };
    let actions: Vec<Value> = actions.into_iter().flatten().filter_map(|(id, value)| action(id, value)).collect();
    let mut row = Map::new();
    if let Some(id) = values.get("id").filter(|id| id.is_string()) {
        row.insert("id".into(), id.clone());
    }
    row.insert("targets".into(), json!([{"target": "url", "constraint": {"operator": "matches", "value": pattern}}]));
    row.insert("actions".into(), actions.into());
    row.insert("priority".into(), values.get("priority").filter(|p| !p.is_null()).cloned().unwrap_or_else(|| 1.into()));
    row.insert(
        "status".into(),
        values.get("status").filter(|s| s.is_string()).cloned().unwrap_or_else(|| "active".into()),
    );
    Some(Value::Object(row))
}

fn action(id: &str, value: &Value) -> Option<Value> {
    let first = |value: &Value| match value {
        Value::Array(rows) if rows.iter().all(Value::is_object) => rows.first().cloned(),
        other => Some(other.clone()),
    };
    let value = match value {
        Value::Null | Value::Bool(false) => return None,
        Value::String(text) if text.is_empty() => return None,
        // Version 4 cannot leave a number out: zero is not set.
        Value::Number(number) if number.as_i64() == Some(0) && id == "edge_cache_ttl" => return None,
        Value::Bool(true) => return Some(json!({"id": id, "value": "on"})),
        Value::Array(rows) if id == "cache_ttl_by_status" => {
            let by_codes = rows.iter().filter_map(|row| {
                let ttl = row.get("ttl")?;
                let ttl = match ttl.as_i64() {
                    Some(0) => "no-cache".into(),
                    Some(-1) => "no-store".into(),
                    _ => ttl.clone(),
                };
                Some((row.get("codes")?.as_str()?.to_owned(), ttl))
            });
            let by_codes: Map<String, Value> = by_codes.collect();
            if by_codes.is_empty() {
                return None;
            }
            Value::Object(by_codes)
        }
        other => first(other)?,
    };
    let value = match (id, value) {
        ("cache_key_fields", Value::Object(parts)) => {
            Value::Object(parts.into_iter().filter_map(|(key, part)| Some((key, first(&part)?))).collect())
        }
        ("forwarding_url", Value::Object(parts)) => Value::Object(parts),
        // `minify` and the like: switches of another kind, off while nothing in them is on.
        (_, Value::Object(parts)) if parts.values().all(|part| part.is_null() || part == "off") => return None,
        (_, value) => value,
    };
    Some(json!({"id": id, "value": value}))
}

#[cfg(test)]
mod tests {
    use cfdoctor_checks::evidence::zone::Zone;
    use serde_json::json;

    use super::*;

    #[test]
    fn both_shapes_give_the_same_rule() {
        let block = json!({"target": "api.example.com/*", "priority": 2, "status": "active", "actions": [{
            "cache_level": "cache_everything", "edge_cache_ttl": 7200, "always_use_https": false, "ssl": "",
            "forwarding_url": [], "cache_ttl_by_status": [{"codes": "404", "ttl": 0}], "browser_cache_ttl": "1800",
            "cache_key_fields": [{"query_string": [{"ignore": true}], "host": [{"resolved": true}]}]}]});
        let nested = json!({"target": "api.example.com/*", "priority": 2, "actions": {
            "cache_level": "cache_everything", "edge_cache_ttl": 7200, "cache_ttl_by_status": {"404": "no-cache"},
            "browser_cache_ttl": 1800, "cache_key_fields": {"query_string": {"ignore": true}, "host": {"resolved": true}}}});
        let read = |values: &Value| {
            let zone = Zone::from_document(json!({"page_rules": [row(values).unwrap()]})).unwrap();
            assert_eq!(zone.oddities, Vec::<String>::new());
            let mut rule = zone.page_rules.found().unwrap()[0].clone();
            rule.actions.ids.sort();
            rule
        };
        assert_eq!(read(&block), read(&nested));
        assert_eq!(read(&block).actions.edge_ttl.unwrap().by_status, [(404, 404, 0)]);
    }
}
