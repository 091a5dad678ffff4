//! Of what the API told, the fields that the doctor reads; without secrets, account ids and control characters.

use serde_json::{Map, Value};

use super::answer::Trouble;
use super::fields::{fields_of, kept};
use super::hide::{self, harmless};
use super::permissions::Shape;

/// Rows kept of one list.
const MAX_ROWS: usize = 100_000;
/// Record types that lead somewhere or decide about certificates; the others, TXT first of all, hold people's secrets.
const RECORD_TYPES: &[&str] = &["A", "AAAA", "CNAME", "NS", "CAA", "HTTPS"];

/// What is kept of one part, and what was odd about it.
#[derive(Debug, PartialEq)]
pub(super) struct Reduced {
    pub(super) value: Value,
    /// Rows that could not be read.
    pub(super) odd_rows: usize,
}

/// Reduces one `result`.
///
/// # Errors
/// It is not of the documented shape.
pub(super) fn part(key: &str, shape: Shape, result: Value) -> Result<Reduced, Trouble> {
    let wrong = |due: &str| Trouble::Shape(format!("{due} was due"));
    match shape {
        Shape::Setting => match result {
            // Some settings say `enabled` for the value (ssl_recommender, auto_origin_tls_kex).
            Value::Object(mut setting) => {
                let value = setting.remove("value").or_else(|| setting.remove("enabled"));
                Ok(whole(harmless(value.ok_or_else(|| wrong("a value"))?)))
            }
            _ => Err(wrong("a setting")),
        },
        Shape::Object(fields) => match result {
            Value::Object(object) => Ok(whole(Value::Object(kept(object, &fields_of(fields))))),
            _ => Err(wrong("an object")),
        },
        Shape::List(fields, _) => match result {
            Value::Array(rows) => Ok(list(key, fields, rows)),
            Value::Null => Ok(whole(Value::Array(Vec::new()))),
            _ => Err(wrong("a list")),
        },
        Shape::Rules(fields) => match result {
            // `rules` may be absent where there are none.
            Value::Object(mut ruleset) => match ruleset.remove("rules").unwrap_or(Value::Null) {
                Value::Array(rules) => Ok(list(key, fields, rules)),
                Value::Null => Ok(whole(Value::Array(Vec::new()))),
                _ => Err(wrong("a list of rules")),
            },
            _ => Err(wrong("a ruleset")),
        },
    }
}

fn whole(value: Value) -> Reduced {
    Reduced { value, odd_rows: 0 }
}

/// Reduces the rows of a list.
pub(super) fn list(key: &str, fields: &'static str, rows: Vec<Value>) -> Reduced {
    let fields = fields_of(fields);
    let mut odd_rows = 0;
    let mut reduced = Vec::new();
    for row in rows.into_iter().take(MAX_ROWS) {
        match row {
            Value::Object(row) if is_wanted(key, &row) => {
                let mut row = kept(row, &fields);
                if key == "rulesets.http_request_late_transform" {
                    hide::header_values(&mut row);
                }
                hide::compared_secrets(&mut row);
                reduced.push(Value::Object(row));
            }
            Value::Object(_) => {}
            _ => odd_rows += 1,
        }
    }
    Reduced { value: Value::Array(reduced), odd_rows }
}

fn is_wanted(key: &str, row: &Map<String, Value>) -> bool {
    key != "dns_records" || row.get("type").and_then(Value::as_str).is_some_and(|kind| RECORD_TYPES.contains(&kind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::permissions::PERMISSIONS;
    use super::*;

    fn reduced(key: &str, result: Value) -> Value {
        let row = PERMISSIONS.iter().find(|row| row.key == key).unwrap();
        part(key, row.shape, result).unwrap().value
    }

    #[test]
    fn only_the_listed_fields_stay() {
        let records = json!([
            {"id": "1", "type": "CNAME", "name": "a.example.com", "content": "b.example.net", "proxied": true, "ttl": 1,
             "comment": "s3cr3t", "tags": ["s3cr3t"], "settings": {"flatten_cname": true, "x": 1}, "meta": {"y": 2}},
            {"id": "2", "type": "TXT", "name": "example.com", "content": "s3cr3t"},
            {"id": "3", "type": "A", "name": "c\u{1b}[0m.example.com", "content": "192.0.2.1"},
        ]);
        let kept = reduced("dns_records", records);
        assert_eq!(
            kept,
            json!([
                {"id": "1", "type": "CNAME", "name": "a.example.com", "content": "b.example.net", "proxied": true,
                 "ttl": 1, "settings": {"flatten_cname": true}},
                {"id": "3", "type": "A", "name": "c\u{fffd}[0m.example.com", "content": "192.0.2.1"},
            ])
        );
        let packs = json!([{"id": "p", "hosts": ["a", {"b": 1}], "certificates": [{"id": "c", "private_key": "s3cr3t"}, 7],
            "validation_records": [{"txt_name": "_acme.a", "txt_value": "s3cr3t"}], "validation_errors": null}]);
        assert_eq!(
            reduced("certificate_packs", packs),
            json!([{"id": "p", "hosts": ["a"], "certificates": [{"id": "c"}],
                "validation_records": [{"txt_name": "_acme.a"}], "validation_errors": null}])
        );
    }

    #[test]
    fn secrets_in_rules_are_hidden() {
        let rules = json!({"id": "r", "rules": [{
            "action": "rewrite", "expression": "true",
            "action_parameters": {"headers": {
                "x-origin-verify": {"operation": "set", "value": "s3cr3t"},
                "x-other": {"operation": "set", "expression": "concat(\"s3cr3t\", ip.src)"},
                "x-gone": {"operation": "remove"},
            }},
        }]});
        let kept = reduced("rulesets.http_request_late_transform", rules);
        assert!(!kept.to_string().contains("s3cr3t"), "{kept}");
        assert_eq!(kept[0]["action_parameters"]["headers"]["x-gone"], json!({"operation": "remove"}));
        assert_eq!(kept[0]["action_parameters"]["headers"]["x-origin-verify"]["operation"], "set");

        let expression = r##"http.host eq "a.example.com" and any(http.request.headers["x-api-key"][*] eq "s3cr3t")
            and http.request.headers["authorization"][0] contains "s3cr\"3t" and http.request.cookies["sid"][0] == "s3cr3t"
            and http.request.headers["x-api-key"][0] wildcard r#"s3cr3t*"# and lower(http.request.uri.args["token"][0]) in
            {"s3cr3t" "s3cr3u"} and http.request.headers["accept"][0] eq "text/html""##;
        let kept = reduced("rulesets.http_request_cache_settings", json!({"rules": [{"expression": expression}]}));
        let kept = kept[0]["expression"].as_str().unwrap();
        assert!(!kept.contains("s3cr"), "{kept}");
        assert!(kept.starts_with(
            r#"http.host eq "a.example.com" and any(http.request.headers["x-api-key"][*] eq "(redacted)")"#
        ));
        assert!(kept.ends_with(r#"http.request.headers["accept"][0] eq "text/html""#), "{kept}");
        assert!(!kept.contains(['\n', '\u{fffd}']), "{kept}");
    }

    #[test]
    fn new_shapes_are_kept_or_named_and_never_fatal() {
        for exclude in [json!("*"), json!(["*"]), json!({"all": true}), json!({"list": ["a", "b"]})] {
            let parameters = json!({"cache_key": {"custom_key": {"query_string": {"exclude": exclude}}}, "new": [1]});
            let rules = json!({"rules": [{"action": "set_brand_new", "action_parameters": parameters.clone()}]});
            let kept = reduced("rulesets.http_request_cache_settings", rules);
            assert_eq!(kept, json!([{"action": "set_brand_new", "action_parameters": parameters}]));
        }
        for row in PERMISSIONS {
            for odd in [json!(7), json!("x"), json!([7, null, "x"]), json!({}), json!(null), json!([{}]), json!([[]])] {
                match part(row.key, row.shape, odd.clone()) {
                    Ok(reduced) => assert!(!reduced.value.is_number() && reduced.value != "x", "{}: {odd}", row.key),
                    Err(trouble) => assert!(trouble.text().contains("was due"), "{}", row.key),
                }
            }
        }
        let odd = part("worker_routes", Shape::List("id", None), json!([1, {"id": "a"}, null])).unwrap();
        assert_eq!((odd.value, odd.odd_rows), (json!([{"id": "a"}]), 2));
        assert_eq!(part("settings.x", Shape::Setting, json!({"id": "x", "enabled": true})).unwrap().value, json!(true));
    }

    #[test]
    fn certificates_of_the_trust_store_stay_readable() {
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n";
        let kept = reduced("custom_trust_store", json!([{"id": "t", "certificate": pem}]));
        assert_eq!(kept[0]["certificate"], pem.trim_end());
        let kept = reduced("origin_tls_client_auth", json!([{"id": "t", "certificate": pem, "private_key": "s3cr3t"}]));
        assert_eq!(kept, json!([{"id": "t"}]));
    }
}
