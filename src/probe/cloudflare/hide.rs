//! The account's id and the token taken out of what the API told.

use cfdoctor_checks::evidence::redact::REDACTED;
pub(super) use cfdoctor_checks::evidence::zone::hide::{compared_secrets, harmless, header_values};
use serde_json::Value;

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
