//! The document without secrets and account ids, made before anything else reads it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::words::same;
use crate::evidence::redact::{self, REDACTED};
use crate::evidence::text::{clean, hex};

/// Left out whole: environment variables, the signed link to the code, labels, templates and parameters of requests
/// (people put keys there), the value of an API key.
const DROPPED: &[&str] =
    &["environment", "code", "tags", "requestParameters", "requestTemplates", "imageConfigResponse"];
/// Names are kept, values are not: variables of a stage.
const BLANKED: &[&str] = &["stageVariables", "variables"];

/// The same document without secrets; account ids become [`account_token`]s. Doing it twice changes nothing.
pub(super) fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted_text(text)),
        Value::Array(list) => Value::Array(list.iter().map(redacted).collect()),
        Value::Object(object) => Value::Object(object.iter().filter_map(|(key, value)| entry(key, value)).collect()),
        other => other.clone(),
    }
}

fn entry(key: &str, value: &Value) -> Option<(String, Value)> {
    let is = |names: &[&str]| names.iter().any(|name| same(name, key));
    let clean_key = redacted_text(key);
    if is(DROPPED) {
        return None;
    }
    if is(BLANKED) {
        let names = value.as_object().into_iter().flatten();
        let blanked: Map<String, Value> = names.map(|(name, _)| (redacted_text(name), REDACTED.into())).collect();
        return Some((clean_key, Value::Object(blanked)));
    }
    // A policy is JSON in text, with v1 even escaped once more (`facts/aws.md` section 7.1).
    if let (true, Value::String(text)) = (is(&["policy"]), value) {
        let policy = parsed(text).or_else(|| parsed(&text.replace("\\\"", "\"").replace("\\/", "/")));
        return Some((clean_key, redacted(&policy.unwrap_or_else(|| value.clone()))));
    }
    Some((clean_key, redacted(value)))
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

fn redacted_text(text: &str) -> String {
    static ACCOUNT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b[0-9]{12}\b").ok());
    let text = clean(text);
    let text = match ACCOUNT.as_ref() {
        Some(account) => {
            account.replace_all(&text, |found: &regex::Captures<'_>| account_token(&found[0])).into_owned()
        }
        None => text,
    };
    redact::text(&text)
}

/// What stands for an account id: `account-` and 16 bits of its SHA-256. Equal ids have equal tokens, and too little of
/// the 40 bits of an id is left to find it.
pub(super) fn account_token(id: &str) -> String {
    let hash = Sha256::digest(format!("cfdoctor account {id}"));
    format!("account-{}", hex(&hash[..2]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_secret_and_no_account_survives() {
        let given = json!({
            "FunctionArn": "arn:aws:lambda:us-west-2:123456789012:function:f",
            "Environment": {"Variables": {"DB": "s3cr3t"}},
            "Code": {"Location": "https://b.s3.amazonaws.com/?X-Amz-Signature=s3cr3t"},
            "stageVariables": {"key": "s3cr3t"},
            "Account": "123456789012",
            "123456789012": "x",
            "RequestTemplates": {"application/json": "s3cr3t"},
            "Policy": "{\"Statement\":[{\"Principal\":{\"AWS\":\"arn:aws:iam::123456789012:root\"}}]}",
            "not_after": 123_456_789_012_i64,
        });
        let out = redacted(&given);
        let text = out.to_string();
        assert!(!text.contains("s3cr3t"), "{text}");
        assert!(!text.replace("123456789012}", "").contains("\"123456789012"), "{text}");
        assert!(!text.contains(":123456789012:"), "{text}");
        assert_eq!(
            out["Policy"]["Statement"][0]["Principal"]["AWS"],
            format!("arn:aws:iam::{}:root", out["Account"].as_str().unwrap())
        );
        assert_eq!(out["stageVariables"], json!({"key": "(redacted)"}));
        assert_eq!(redacted(&out), out, "twice is once");
    }

    #[test]
    fn accounts_can_still_be_compared() {
        assert_eq!(account_token("123456789012"), account_token("123456789012"));
        assert_ne!(account_token("123456789012"), account_token("210987654321"));
        assert_eq!(account_token("123456789012").len(), "account-".len() + 4);
    }

    #[test]
    fn the_doubly_escaped_policy_of_a_rest_api_is_read() {
        let given = json!({"policy": r#"{\"Version\":\"2012-10-17\",\"Statement\":[]}"#});
        assert_eq!(redacted(&given)["policy"]["Statement"], json!([]));
        assert_eq!(redacted(&json!({"policy": "no policy"})), json!({"policy": "no policy"}));
    }
}
