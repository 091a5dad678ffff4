//! Secrets and control characters taken out of what the API told.

use std::sync::LazyLock;

use cfdoctor_checks::evidence::redact::{self, REDACTED};
use cfdoctor_checks::evidence::text;
use regex::{Captures, Regex};
use serde_json::{Map, Value};

/// Characters kept of one text: the longest are expressions (4,096) and certificates.
const MAX_TEXT: usize = 16_384;

/// People put shared secrets into request headers that the edge adds: name and operation tell enough.
pub(super) fn header_values(rule: &mut Map<String, Value>) {
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
pub(super) fn compared_secrets(rule: &mut Map<String, Value>) {
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
pub(super) fn harmless(value: Value) -> Value {
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

/// Takes out, everywhere, what must not be seen: the account's id and the token, should a text hold them.
pub(super) fn without(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::String(words) => {
            for secret in secrets.iter().filter(|secret| secret.len() >= 8) {
                if words.contains(secret) {
                    *words = words.replace(secret, REDACTED);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| without(value, secrets)),
        Value::Object(object) => object.values_mut().for_each(|value| without(value, secrets)),
        _ => {}
    }
}
