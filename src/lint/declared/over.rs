//! What is declared, laid over what there is today.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::account::List;
use super::{Account, DeclaredZone};

/// Lists that one resource holds whole.
const WHOLE: &[&str] = &["cloud_connector", "snippets"];

impl DeclaredZone {
    /// The zone's document as it will be.
    pub fn over(&self, today: Option<&Value>) -> Value {
        let mut document = today.and_then(Value::as_object).cloned().unwrap_or_default();
        for (key, gone) in &self.gone {
            if let (Some(Value::Array(rows)), Value::Array(gone)) = (document.get_mut(key), gone) {
                let gone = Known::of(key, gone);
                rows.retain(|row| !gone.has(row));
            }
        }
        for (key, value) in &self.document {
            put(&mut document, key, value);
        }
        Value::Object(document)
    }
}

/// Lays one part over the document.
fn put(document: &mut Map<String, Value>, key: &str, value: &Value) {
    match (document.get_mut(key), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            for (name, value) in new {
                // What a resource leaves to Cloudflare is as it is today.
                if !value.is_null() {
                    old.insert(name.clone(), value.clone());
                }
            }
        }
        (Some(Value::Array(old)), Value::Array(new)) if !WHOLE.contains(&key) => {
            let known = Known::of(key, new);
            old.retain(|row| !known.has(row));
            old.extend(new.iter().cloned());
        }
        _ => {
            document.insert(key.to_owned(), value.clone());
        }
    }
}

/// Rows that are told of elsewhere: by id, or by what they are.
struct Known<'a> {
    key: &'a str,
    ids: HashSet<&'a str>,
    natures: HashSet<String>,
    rows: &'a [Value],
}

impl<'a> Known<'a> {
    fn of(key: &'a str, rows: &'a [Value]) -> Self {
        let ids = rows.iter().filter_map(|row| row.get("id")?.as_str()).collect();
        Known { key, ids, natures: rows.iter().filter_map(|row| nature(key, row)).collect(), rows }
    }

    fn has(&self, row: &Value) -> bool {
        let by_id = row.get("id").and_then(Value::as_str).is_some_and(|id| self.ids.contains(id));
        by_id
            || match nature(self.key, row) {
                Some(nature) => self.natures.contains(&nature),
                None => self.rows.contains(row),
            }
    }
}

/// What tells a row from the others of its list, whatever its id.
fn nature(key: &str, row: &Value) -> Option<String> {
    let by: &[&str] = match key {
        "dns_records" => &["/name", "/type", "/content"],
        "page_rules" => &["/targets/0/constraint/value"],
        "worker_routes" => &["/pattern"],
        "worker_domains" | "custom_hostnames" => &["/hostname"],
        _ => return None,
    };
    let parts: Option<Vec<String>> =
        by.iter().map(|path| row.pointer(path)?.as_str().map(str::to_ascii_lowercase)).collect();
    parts.map(|parts| parts.join("\n"))
}

impl Account {
    /// The account's document as it will be. By itself it tells of whole things only: of a domain of which nothing but
    /// a mapping is declared, nothing is known.
    pub fn over(&self, today: Option<&Value>) -> Value {
        let mut document = today.and_then(Value::as_object).cloned().unwrap_or_default();
        for list in List::ALL {
            let declared: Vec<_> = self.items(list).filter(|item| item.is_whole || today.is_some()).collect();
            let is_touched = self.gone.iter().any(|(known, _)| *known == list);
            if declared.is_empty() && !is_touched {
                continue;
            }
            let Value::Array(rows) = document.entry(list.key()).or_insert_with(|| Value::Array(Vec::new())) else {
                continue;
            };
            let gone: HashSet<String> =
                self.gone.iter().filter(|(known, _)| *known == list).map(|(_, id)| plain(id)).collect();
            rows.retain(|row| !ids(list, row).any(|id| gone.contains(&id)));
            for gone in self.gone_parts.iter().filter(|gone| gone.list == list && today.is_some()) {
                for row in rows.iter_mut().filter(|row| ids(list, row).any(|id| id == plain(&gone.id))) {
                    let Some(part) = value_of(row, gone.part) else { continue };
                    let parts = if gone.part == "policy" { part.get_mut("Statement") } else { Some(part) };
                    if let Some(Value::Array(parts)) = parts {
                        parts.retain(|part| part_key(gone.part, part).as_deref() != Some(gone.key.as_str()));
                    }
                }
            }
            let places: HashMap<String, usize> =
                rows.iter().enumerate().flat_map(|(at, row)| ids(list, row).map(move |id| (id, at))).collect();
            for item in declared {
                let value = self.complete(list, item);
                match places.get(&plain(&item.id)).and_then(|at| rows.get_mut(*at)) {
                    Some(Value::Object(row)) if !item.is_new => lay(row, value),
                    Some(row) if item.is_whole => *row = Value::Object(value),
                    None if item.is_whole => rows.push(Value::Object(value)),
                    // A part of something that nobody tells of.
                    _ => {}
                }
            }
        }
        Value::Object(document)
    }
}

/// The value under a key in any spelling.
fn value_of<'a>(row: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    row.as_object_mut()?.iter_mut().find(|(name, _)| folded(name) == folded(key)).map(|(_, value)| value)
}

fn folded(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// The ids of a row, under every key that holds one.
fn ids(list: List, row: &Value) -> impl Iterator<Item = String> {
    let keys: Vec<String> = std::iter::once(list.id()).chain(list.other_ids().iter().copied()).map(folded).collect();
    let object = row.as_object().into_iter().flatten();
    let found = object.filter(move |(name, _)| keys.contains(&folded(name)));
    found.filter_map(|(_, value)| value.as_str().map(plain)).collect::<Vec<_>>().into_iter()
}

fn plain(id: &str) -> String {
    id.trim_end_matches('.').to_ascii_lowercase()
}

/// What tells a part from the others of its kind.
pub(super) fn part_key(part: &str, row: &Value) -> Option<String> {
    let keys: &[&str] = match part {
        "api_mappings" => &["apiMappingKey", "basePath"],
        "stages" => &["stageName"],
        "routes" => &["routeKey"],
        "integrations" => &["integrationId"],
        "policy" => &["Sid"],
        "url_configs" => &["FunctionUrl"],
        _ => &["id"],
    };
    let object = row.as_object()?;
    let of =
        |key: &&str| object.iter().find(|(name, _)| folded(name) == folded(key)).and_then(|(_, value)| value.as_str());
    let found = keys.iter().find_map(of);
    // A mapping without a key is that of the empty path.
    match (part, found) {
        ("api_mappings", None | Some("(none)")) => Some(String::new()),
        _ => found.map(str::to_owned),
    }
}

/// What is declared of a thing, over what it is today: each part that is told replaces today's, and the rows of lists
/// are told apart by their keys.
fn lay(row: &mut Map<String, Value>, declared: Map<String, Value>) {
    const LISTS: &[&str] = &["api_mappings", "stages", "routes", "integrations", "url_configs"];
    for (key, value) in declared {
        let known = row.keys().find(|name| folded(name) == folded(&key)).cloned();
        let old = known.as_ref().and_then(|name| row.remove(name));
        let value = match (old, value) {
            (Some(Value::Array(mut old)), Value::Array(new)) if LISTS.contains(&key.as_str()) => {
                old.retain(|one| !new.iter().any(|other| part_key(&key, one) == part_key(&key, other)));
                old.extend(new);
                Value::Array(old)
            }
            (Some(old), Value::Object(mut new)) if key == "policy" => {
                let today = old.get("Statement").and_then(Value::as_array).cloned().unwrap_or_default();
                if let Some(Value::Array(statements)) = new.get_mut("Statement") {
                    let sids: Vec<_> = statements.iter().map(|one| part_key("policy", one)).collect();
                    statements.extend(today.into_iter().filter(|one| !sids.contains(&part_key("policy", one))));
                }
                Value::Object(new)
            }
            (_, value) => value,
        };
        row.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tomorrows_records_replace_todays() {
        let mut zone = DeclaredZone::default();
        zone.drop_row("dns_records", json!({"id": "1", "name": "a.example.com", "type": "CNAME", "content": "old"}));
        zone.push("dns_records", json!({"id": "1", "name": "a.example.com", "type": "CNAME", "content": "new"}));
        zone.set("settings", "ssl", json!("full"));
        let today = json!({
            "dns_records": [
                {"id": "1", "name": "a.example.com", "type": "CNAME", "content": "old"},
                {"id": "2", "name": "b.example.com", "type": "A", "content": "192.0.2.1"}],
            "settings": {"ssl": "strict", "brotli": "on"},
        });
        let tomorrow = zone.over(Some(&today));
        assert_eq!(tomorrow["dns_records"].as_array().unwrap().len(), 2);
        assert_eq!(tomorrow["dns_records"][1]["content"], "new");
        assert_eq!(tomorrow["settings"], json!({"ssl": "full", "brotli": "on"}));
        assert_eq!(zone.over(None)["dns_records"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn tomorrows_account() {
        let mut account = Account::default();
        account.declare(List::Domains, "a.example.com", Map::new(), false);
        account.part(List::Domains, "a.example.com", "api_mappings", json!({"apiId": "new1", "apiMappingKey": "v2"}));
        account.drop_part(List::Domains, "a.example.com", "api_mappings", "v1");
        account.drop(List::Apis, "old1");
        account.part(List::Domains, "elsewhere.example.com", "api_mappings", json!({"apiId": "new1"}));
        let today = json!({
            "domains": [{"DomainName": "a.example.com", "RegionalDomainName": "d-x",
                "api_mappings": [{"ApiId": "old1", "ApiMappingKey": "v1"}, {"ApiId": "old2"}]}],
            "apis": [{"ApiId": "old1"}, {"ApiId": "old2"}],
        });
        let tomorrow = account.over(Some(&today));
        let domain = &tomorrow["domains"][0];
        assert_eq!(domain["RegionalDomainName"], "d-x");
        assert_eq!(domain["api_mappings"], json!([{"ApiId": "old2"}, {"apiId": "new1", "apiMappingKey": "v2"}]));
        assert_eq!(tomorrow["apis"], json!([{"ApiId": "old2"}]));
        assert_eq!(tomorrow["domains"].as_array().unwrap().len(), 1, "nobody tells of the other domain");
    }
}
