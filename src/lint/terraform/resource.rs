//! One resource as it will be: what is known of it, what is known after apply only, and what must not be told.

use serde_json::{Map, Value};

use crate::lint::declared::Change;

/// A resource instance.
#[derive(Debug, Default)]
pub(super) struct Resource {
    /// `module.a["x"].aws_apigatewayv2_api.main[0]`.
    pub(super) address: String,
    /// `aws_apigatewayv2_api`.
    pub(super) kind: String,
    /// Names of the modules around it, without their keys.
    pub(super) module: Vec<String>,
    /// The modules around it, with their keys: `module.a["x"]`.
    pub(super) module_address: String,
    /// `aws_apigatewayv2_api.main`, `data.aws_region.current`: as its module writes it.
    pub(super) written: String,
    /// Key among the instances of `count` or `for_each`.
    pub(super) index: Option<Value>,
    /// A data source?
    pub(super) is_data: bool,
    /// What becomes of it.
    pub(super) change: Option<Change>,
    /// As it was, secrets out; null for what is new.
    pub(super) before: Value,
    /// As it will be, secrets out; null for what is deleted.
    pub(super) after: Value,
    /// `true` where a value is known after apply only.
    pub(super) unknown: Value,
}

/// A value of a resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    /// Known, and not null.
    Known(&'a Value),
    /// Known after apply, or a secret.
    Unknown,
    /// Not set.
    Absent,
}

/// The value at a path of keys and indices (`domain_name_configuration.0.certificate_arn`). A list with one object
/// counts as the object where a key is asked for: blocks and nested attributes read alike.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = value;
    for part in path.split('.') {
        if let (Value::Array(rows), true) = (value, part.parse::<usize>().is_err()) {
            value = rows.first()?;
        }
        value = match value {
            Value::Object(map) => map.get(part)?,
            Value::Array(rows) => rows.get(part.parse::<usize>().ok()?)?,
            // `after_unknown` says `true` for a whole part.
            Value::Bool(true) => return Some(value),
            _ => return None,
        };
    }
    Some(value)
}

/// Is something in it known after apply only?
fn has_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Array(rows) => rows.iter().any(has_true),
        Value::Object(map) => map.values().any(has_true),
        _ => false,
    }
}

impl Resource {
    /// The value at a path as it will be.
    pub(super) fn field(&self, path: &str) -> Field<'_> {
        match at(&self.after, path) {
            Some(value) if !value.is_null() => Field::Known(value),
            _ if at(&self.unknown, path).is_some_and(has_true) => Field::Unknown,
            _ => Field::Absent,
        }
    }

    /// The value, where it is known.
    pub(super) fn value(&self, path: &str) -> Option<&Value> {
        match self.field(path) {
            Field::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Text that is known and not empty.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.value(path)?.as_str().filter(|text| !text.is_empty())
    }

    /// A truth that is known, also one in text.
    pub(super) fn truth(&self, path: &str) -> Option<bool> {
        let value = self.value(path)?;
        value.as_bool().or_else(|| value.as_str()?.parse().ok())
    }

    /// A list that is known; one object in place of a list is taken too.
    pub(super) fn rows(&self, path: &str) -> &[Value] {
        match self.value(path) {
            Some(Value::Array(rows)) => rows,
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => &[],
        }
    }

    /// Text as it was.
    pub(super) fn was(&self, path: &str) -> Option<&str> {
        at(&self.before, path)?.as_str().filter(|text| !text.is_empty())
    }

    /// Is it there tomorrow?
    pub(super) fn stays(&self) -> bool {
        self.change != Some(Change::Delete)
    }

    /// Is it made, as itself or in place of what there was?
    pub(super) fn is_new(&self) -> bool {
        matches!(self.change, Some(Change::Create | Change::Replace))
    }

    /// Those of these attributes that are known, under the names that the other side has for them.
    pub(super) fn pick(&self, names: &[(&str, &str)]) -> Map<String, Value> {
        let known = |(ours, theirs): &(&str, &str)| {
            let value = self.value(ours)?;
            let is_empty = value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty);
            (!is_empty).then(|| ((*theirs).to_owned(), value.clone()))
        };
        names.iter().filter_map(known).collect()
    }
}

/// The value without what is marked as a secret.
pub(super) fn without_secrets(value: Value, secret: &Value) -> Value {
    match (value, secret) {
        (_, Value::Bool(true)) => Value::Null,
        (Value::Object(map), Value::Object(marks)) => Value::Object(
            map.into_iter()
                .map(|(key, value)| match marks.get(&key) {
                    Some(mark) => (key, without_secrets(value, mark)),
                    None => (key, value),
                })
                .collect(),
        ),
        (Value::Array(rows), Value::Array(marks)) => Value::Array(
            rows.into_iter()
                .enumerate()
                .map(|(at, value)| match marks.get(at) {
                    Some(mark) => without_secrets(value, mark),
                    None => value,
                })
                .collect(),
        ),
        (value, _) => value,
    }
}

/// What is marked as a secret and has a value counts as unknown.
pub(super) fn secrets_as_unknown(unknown: Value, secret: &Value) -> Value {
    match (unknown, secret) {
        (_, Value::Bool(true)) => Value::Bool(true),
        (Value::Object(mut map), Value::Object(marks)) => {
            for (key, mark) in marks {
                let known = map.remove(key).unwrap_or(Value::Null);
                map.insert(key.clone(), secrets_as_unknown(known, mark));
            }
            Value::Object(map)
        }
        (Value::Null | Value::Bool(false), marks @ (Value::Object(_) | Value::Array(_))) => marks.clone(),
        (Value::Array(mut rows), Value::Array(marks)) => {
            for (at, mark) in marks.iter().enumerate() {
                match rows.get_mut(at) {
                    Some(row) => *row = secrets_as_unknown(row.take(), mark),
                    None => rows.push(mark.clone()),
                }
            }
            Value::Array(rows)
        }
        (unknown, _) => unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_unknown_and_absent() {
        let resource = Resource {
            after: json!({"name": "a", "block": [{"x": 1}], "nothing": null, "half": [{}]}),
            unknown: json!({"id": true, "half": [{"y": true}], "name": false}),
            ..Resource::default()
        };
        assert_eq!(resource.text("name"), Some("a"));
        assert_eq!(resource.field("id"), Field::Unknown);
        assert_eq!(resource.field("half.0.y"), Field::Unknown);
        assert_eq!(resource.field("half.y"), Field::Unknown, "a block reads as an object");
        assert_eq!(resource.field("nothing"), Field::Absent);
        assert_eq!(resource.value("block.x"), Some(&json!(1)));
    }

    #[test]
    fn secrets_are_unknown() {
        let marks = json!({"key": true, "list": [{"a": true}]});
        let value = without_secrets(json!({"key": "s3cr3t", "list": [{"a": "s3cr3t", "b": 1}], "n": 1}), &marks);
        assert_eq!(value, json!({"key": null, "list": [{"a": null, "b": 1}], "n": 1}));
        let resource =
            Resource { after: value, unknown: secrets_as_unknown(json!({"n": false}), &marks), ..Resource::default() };
        assert_eq!((resource.field("key"), resource.field("list.0.a")), (Field::Unknown, Field::Unknown));
    }
}
