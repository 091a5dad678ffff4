//! Reading AWS's JSON: both spellings of a key (`DomainName` of the CLI, `domainName` of the wire, `domain_name`), and
//! `null` is as good as absent.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::words::same;
use crate::check::Probe;
use crate::evidence::Gathered;
use crate::verdict::NotRun;

/// The value under a key in any spelling; `null` is none.
pub(super) fn get<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    let found = match object.get(key) {
        Some(found) if !found.is_null() => Some(found),
        _ => object.iter().find(|(name, value)| same(name, key) && !value.is_null()).map(|(_, value)| value),
    };
    found.filter(|value| !value.is_null())
}

/// Has it this key, whatever stands there but `null`?
pub(super) fn has(value: &Value, key: &str) -> bool {
    get(value, key).is_some()
}

/// Text that is not empty.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    get(value, key)?.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// A whole number, also one in text.
pub(super) fn number(value: &Value, key: &str) -> Option<u64> {
    let found = get(value, key)?;
    found.as_u64().or_else(|| found.as_str()?.parse().ok())
}

/// A truth, also one in text.
pub(super) fn truth(value: &Value, key: &str) -> Option<bool> {
    let found = get(value, key)?;
    found.as_bool().or_else(|| found.as_str()?.to_ascii_lowercase().parse().ok())
}

/// The objects of a list, or the one object that stands in its place.
pub(super) fn objects<'a>(value: &'a Value, key: &str) -> Option<Vec<&'a Value>> {
    match get(value, key)? {
        Value::Array(list) => Some(list.iter().filter(|item| item.is_object()).collect()),
        object @ Value::Object(_) => Some(vec![object]),
        _ => None,
    }
}

/// The texts of a list, or the one text that stands in its place.
pub(super) fn texts(value: &Value, key: &str) -> Vec<String> {
    match get(value, key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

/// A moment: epoch seconds (ACM, v1), ISO 8601 (v2, the CLI) or Lambda's offset without a colon
/// (`facts/aws.md` section 7.1).
pub(super) fn moment(value: &Value, key: &str) -> Option<OffsetDateTime> {
    match get(value, key)? {
        Value::Number(seconds) => {
            #[allow(clippy::cast_possible_truncation)] // `as` saturates, and what is out of range is refused
            let whole = seconds.as_i64().unwrap_or_else(|| seconds.as_f64().unwrap_or(f64::MAX) as i64);
            OffsetDateTime::from_unix_timestamp(whole).ok()
        }
        Value::String(text) => OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
            let (before, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
            OffsetDateTime::parse(&format!("{before}:{minutes}"), &Rfc3339).ok()
        }),
        _ => None,
    }
}

/// A host name: lower case, without trailing dot.
pub(super) fn host(value: &Value, key: &str) -> Option<String> {
    text(value, key).map(|name| name.trim_end_matches('.').to_ascii_lowercase())
}

/// A part of `item`: what was read, or why it was not. A reason under `not_read` prevails over what is there, for
/// then it is not whole.
pub(super) fn part<T>(
    item: &Value,
    key: &str,
    absent: impl FnOnce() -> String,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Gathered<T> {
    if let Some(why) = get(item, "not_read").and_then(|reasons| get(reasons, key)) {
        return Gathered::Missing(reason(why));
    }
    match get(item, key).and_then(read) {
        Some(found) => Gathered::Found(found),
        None => Gathered::Missing(NotRun::Inconclusive(absent())),
    }
}

/// An entry of `not_read` as the reason that it states.
pub(super) fn reason(entry: &Value) -> NotRun {
    let why = text(entry, "text");
    let permission = text(entry, "permission");
    match text(entry, "kind").as_deref() {
        Some("forbidden") => NotRun::Forbidden {
            probe: Probe::Gateway,
            scope: permission.or(why).unwrap_or_else(|| "a permission".into()),
        },
        Some("no-credential") => NotRun::NoCredential(Probe::Gateway),
        Some("disabled") => NotRun::Disabled(Probe::Gateway),
        Some("not-applicable") => NotRun::NotApplicable(why.unwrap_or_else(|| "it does not apply".into())),
        Some("blocked") => NotRun::blocked(Probe::Gateway, why.unwrap_or_else(|| "it was not reached".into())),
        _ => NotRun::Inconclusive(why.unwrap_or_else(|| "it was not read".into())),
    }
}

/// The reason as an entry of `not_read`: the way back from what reads it.
pub fn not_read(why: &NotRun) -> Value {
    let mut entry = Map::new();
    entry.insert("kind".into(), why.kind().into());
    match why {
        NotRun::Forbidden { scope, .. } => entry.insert("permission".into(), scope.clone().into()),
        NotRun::Blocked { by, .. } => entry.insert("text".into(), by.clone().into()),
        NotRun::NoCredential(_) | NotRun::Disabled(_) => None,
        NotRun::NotApplicable(text) | NotRun::Inconclusive(text) | NotRun::Bug(text) => {
            entry.insert("text".into(), text.clone().into())
        }
    };
    Value::Object(entry)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn keys_in_any_spelling() {
        for item in [json!({"DomainName": "A.example.com."}), json!({"domain_name": "a.example.com"})] {
            assert_eq!(host(&item, "domainName").as_deref(), Some("a.example.com"));
        }
        let nulls = json!({"domainName": null, "DomainName": "b", "x": null});
        assert_eq!(text(&nulls, "domainName").as_deref(), Some("b"));
        assert!(!has(&nulls, "x"));
        assert_eq!(truth(&json!({"a": "True"}), "a"), Some(true));
        assert_eq!(number(&json!({"a": "29000"}), "a"), Some(29_000));
    }

    #[test]
    fn every_way_to_write_a_moment() {
        let then = Some(datetime!(2026-11-23 18:55:33 UTC));
        for written in [
            json!(1_795_460_133_i64),
            json!(1_795_460_133.25),
            json!("2026-11-23T18:55:33Z"),
            json!("2026-11-23T19:55:33+01:00"),
            json!("2026-11-23T18:55:33+0000"),
        ] {
            assert_eq!(moment(&json!({"t": written}), "t"), then, "{written}");
        }
        for nonsense in [json!(1e300), json!("soon"), json!("é"), json!("1"), json!([])] {
            assert_eq!(moment(&json!({"t": nonsense}), "t"), None, "{nonsense}");
        }
    }

    #[test]
    fn reasons_survive_the_document() {
        for why in [
            NotRun::Forbidden { probe: Probe::Gateway, scope: "apigateway:GET".into() },
            NotRun::Inconclusive("throttled".into()),
            NotRun::NotApplicable("none".into()),
            NotRun::blocked(Probe::Gateway, "no domain"),
            NotRun::NoCredential(Probe::Gateway),
            NotRun::Disabled(Probe::Gateway),
        ] {
            assert_eq!(reason(&not_read(&why)), why);
        }
    }
}
