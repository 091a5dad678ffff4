//! Secrets and control characters taken out of what is told of a zone.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use crate::evidence::redact::{self, REDACTED};
use crate::evidence::text;

/// Characters kept of one text: the longest are expressions (4,096) and certificates.
const MAX_TEXT: usize = 16_384;

/// Keys that tell of people and accounts, wherever they stand.
const PRIVATE: &[&str] = &["account", "owner", "permissions", "email", "comment", "comment_modified_on", "tags"];
/// Records whose text is somebody's proof of ownership, or worse.
const SECRET_RECORDS: &[&str] = &["TXT", "SPF"];

/// A zone's document without what must not be kept, whoever made it. Applied twice it does no more than once.
pub(super) fn document(document: Map<String, Value>) -> Map<String, Value> {
    let mut document = match harmless(Value::Object(document)) {
        Value::Object(document) => document,
        _ => Map::new(),
    };
    document.values_mut().for_each(forget);
    for record in document.get_mut("dns_records").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_secret = record.get("type").and_then(Value::as_str).is_some_and(|kind| SECRET_RECORDS.contains(&kind));
        if let Some(content) = record.get_mut("content").filter(|_| is_secret) {
            *content = REDACTED.into();
        }
    }
    for rules in document.get_mut("rulesets").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        let rows = match rules {
            Value::Object(ruleset) => ruleset.get_mut("rules"),
            rows => Some(rows),
        };
        for rule in rows.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
            header_values(rule);
            compared_secrets(rule);
        }
    }
    document
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| !PRIVATE.contains(&key.as_str()));
            object.values_mut().for_each(forget);
        }
        Value::Array(values) => values.iter_mut().for_each(forget),
        _ => {}
    }
}

/// People put shared secrets into request headers that the edge adds: name and operation tell enough.
pub fn header_values(rule: &mut Map<String, Value>) {
    let headers = rule.get_mut("action_parameters").and_then(|parameters| parameters.get_mut("headers"));
    let headers: Vec<&mut Value> = match headers {
        Some(Value::Object(by_name)) => by_name.values_mut().collect(),
        Some(Value::Array(rows)) => rows.iter_mut().collect(),
        _ => return,
    };
    for header in headers {
        match header {
            Value::Object(header) => {
                for key in ["value", "expression"] {
                    if let Some(value) = header.get_mut(key) {
                        *value = REDACTED.into();
                    }
                }
            }
            other => *other = REDACTED.into(),
        }
    }
}

/// An expression that compares a header, cookie or argument that carries a secret by custom shows the secret.
pub fn compared_secrets(rule: &mut Map<String, Value>) {
    static COMPARED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let access = r#"http\.request\.(headers|cookies|uri\.args)\["([^"]+)"\](?:\[[0-9*]+\])?"#;
        let operator = r"(?:eq|==|ne|!=|contains|matches|~|(?:strict\s+)?wildcard|in)";
        let literal = r##"(r#"[^#]*"#|r?"(?:[^"\\]|\\.)*"|\{[^}]*\})"##;
        Regex::new(&format!(r"({access}\s*\)?\s*{operator}\s*){literal}")).ok()
    });
    let Some(Value::String(expression)) = rule.get_mut("expression") else { return };
    let Some(compared) = COMPARED.as_ref() else { return };
    let hidden = compared.replace_all(expression, |found: &Captures<'_>| {
        let group = |number: usize| found.get(number).map_or("", |part| part.as_str());
        let name = group(3);
        let is_secret = match group(2) {
            "cookies" => true,
            "headers" => redact::header(name, "x") == REDACTED,
            _ => redact::text(&format!("?{name}=x")).ends_with(REDACTED),
        };
        match (is_secret, group(4).starts_with('{')) {
            (true, false) => format!("{}\"{REDACTED}\"", group(1)),
            (true, true) => format!("{}{{\"{REDACTED}\"}}", group(1)),
            (false, _) => group(0).to_owned(),
        }
    });
    if hidden != *expression {
        *expression = hidden.into_owned();
    }
}

/// Every text cleaned, redacted and bounded. Nesting is bounded by the JSON parser (128).
pub fn harmless(value: Value) -> Value {
    match value {
        Value::String(words) => Value::String(harmless_text(&words)),
        Value::Array(values) => values.into_iter().map(harmless).collect(),
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(name, value)| (harmless_text(&name), harmless(value))).collect())
        }
        plain => plain,
    }
}

fn harmless_text(words: &str) -> String {
    let redacted = redact::text(words);
    // Certificates keep their lines; nothing else has any.
    if redacted.starts_with("-----BEGIN CERTIFICATE-----") {
        let lines = redacted.lines().take(1_000).map(|line| text::shorten(line, 100));
        return lines.collect::<Vec<_>>().join("\n");
    }
    // Expressions may be laid out over lines: white space, not an attack.
    text::shorten(&redacted.replace(['\n', '\r'], " "), MAX_TEXT)
}
