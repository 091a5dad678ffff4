//! The fields that are kept, written as people write them: `id,settings{flatten_cname},value*`.

use serde_json::{Map, Value};

use super::hide::harmless;

/// One field that is kept.
pub(super) struct Field {
    name: &'static str,
    keep: Keep,
}

enum Keep {
    /// A scalar, or a list of scalars.
    Plain,
    /// Whatever it is.
    Any,
    /// These fields of an object, or of each object of a list.
    Fields(Vec<Field>),
}

/// `a,b*,c{d,e}`: a scalar, anything, and of an object two scalars.
pub(super) fn fields_of(text: &'static str) -> Vec<Field> {
    let mut rest = text;
    read_fields(&mut rest)
}

fn read_fields(rest: &mut &'static str) -> Vec<Field> {
    let mut fields = Vec::new();
    loop {
        *rest = rest.trim_start();
        let end = rest.find([',', '{', '}', '*']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        *rest = after;
        let mut keep = Keep::Plain;
        if let Some(after) = rest.strip_prefix('*') {
            (*rest, keep) = (after, Keep::Any);
        } else if let Some(after) = rest.strip_prefix('{') {
            *rest = after;
            keep = Keep::Fields(read_fields(rest));
        }
        if !name.is_empty() {
            fields.push(Field { name, keep });
        }
        match rest.strip_prefix(',') {
            Some(after) => *rest = after,
            None => {
                *rest = rest.strip_prefix('}').unwrap_or(rest);
                return fields;
            }
        }
    }
}

pub(super) fn kept(mut object: Map<String, Value>, fields: &[Field]) -> Map<String, Value> {
    let mut reduced = Map::new();
    for field in fields {
        if let Some(value) = object.remove(field.name).and_then(|value| keep(value, &field.keep)) {
            reduced.insert(field.name.to_owned(), value);
        }
    }
    reduced
}

fn keep(value: Value, how: &Keep) -> Option<Value> {
    match (how, value) {
        (Keep::Any, value) => Some(harmless(value)),
        (Keep::Plain | Keep::Fields(_), Value::Null) => Some(Value::Null),
        (Keep::Plain, Value::Array(values)) => {
            let plain = values.into_iter().filter(|value| !value.is_array() && !value.is_object());
            Some(harmless(plain.collect()))
        }
        (Keep::Plain, Value::Object(_)) => None,
        (Keep::Plain, value) => Some(harmless(value)),
        (Keep::Fields(fields), Value::Object(object)) => Some(Value::Object(kept(object, fields))),
        (Keep::Fields(fields), Value::Array(rows)) => {
            Some(rows.into_iter().filter_map(|row| Some(Value::Object(kept(object(row)?, fields)))).collect())
        }
        (Keep::Fields(_), _) => None,
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}
