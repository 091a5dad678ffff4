//! The template's text as one JSON value, with the lines of its resources. YAML's short forms (`!Ref`) become long ones.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value, json};

/// Deeper nesting is refused.
const DEEPEST: usize = 64;
/// More values than this are refused: aliases could make billions of a few lines.
const MOST_VALUES: usize = 1_000_000;

/// A template.
pub(super) struct Document {
    pub(super) value: Value,
    /// Logical id → line, from 1.
    pub(super) lines: HashMap<String, u32>,
}

/// Reads JSON or YAML.
///
/// # Errors
/// Where it stops making sense.
pub(super) fn parse(bytes: &[u8]) -> Result<Document, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        format!("taken for a template, but it is not UTF-8 from octet {} on; save it as UTF-8", error.valid_up_to())
    })?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| format!("taken for a template, which stops making sense at {error}; save it whole"))?;
        let lines = lines_of_json(text, &value);
        return Ok(Document { value, lines });
    }
    yaml(text)
}

/// Where the keys of `Resources` stand in JSON.
fn lines_of_json(text: &str, value: &Value) -> HashMap<String, u32> {
    let resources = value.get("Resources").and_then(Value::as_object);
    let mut lines = HashMap::new();
    let mut inside = false;
    for (number, line) in (1_u32..).zip(text.lines()) {
        inside |= line.contains("\"Resources\"");
        let key = line.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
        if let (true, Some((key, rest))) = (inside, key)
            && rest.trim_start().starts_with(':')
            && resources.is_some_and(|all| all.contains_key(key))
        {
            lines.entry(key.to_owned()).or_insert(number);
        }
    }
    lines
}

/// A collection that is being read.
struct Open {
    value: Value,
    tag: Option<String>,
    anchor: usize,
    key: Option<String>,
}

/// Reads YAML event by event: the parser keeps lines and tags, which no tree does.
fn yaml(text: &str) -> Result<Document, String> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Value, usize)> = HashMap::new();
    let mut lines = HashMap::new();
    let mut root = Value::Null;
    let mut count = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            format!(
                "taken for a template, whose YAML stops making sense at line {}, column {}: {}",
                at.line(),
                at.col() + 1,
                error.info()
            )
        })?;
        let line = span.start.line();
        let fail = |what: &str| Err(format!("taken for a template, but {what} at line {line}"));
        count += 1;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = short_form(tag.as_deref());
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let is_key = open.last().is_some_and(|top| top.value.is_object() && top.key.is_none());
                let value = if plain && !is_key { scalar(&text) } else { Value::String(text.into_owned()) };
                (tagged(value, tag), anchor)
            }
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) if open.len() >= DEEPEST => {
                let _ = (anchor, tag);
                return fail("it is nested too deep");
            }
            Event::SequenceStart(anchor, tag) => {
                open.push(Open { value: json!([]), tag: short_form(tag.as_deref()), anchor, key: None });
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                open.push(Open { value: json!({}), tag: short_form(tag.as_deref()), anchor, key: None });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(done) => (tagged(done.value, done.tag), done.anchor),
                None => continue,
            },
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some((value, size)) => {
                    count += size;
                    (value.clone(), 0)
                }
                None => return fail("an alias has no anchor"),
            },
            // The first document is the template.
            Event::DocumentEnd => break,
            _ => continue,
        };
        if count > MOST_VALUES {
            return fail("it holds more values than any template (aliases of aliases?)");
        }
        if anchor > 0 {
            anchors.insert(anchor, (value.clone(), size(&value)));
        }
        let depth = open.len();
        match open.last_mut() {
            None => root = value,
            Some(Open { value: Value::Array(rows), .. }) => rows.push(value),
            Some(Open { value: Value::Object(map), key, .. }) => match key.take() {
                Some(known) => place(map, known, value),
                None => {
                    let text = match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    *key = Some(text.clone());
                    // A key two levels deep in `Resources` is a logical id.
                    if depth == 2 && open.first().and_then(|top| top.key.as_deref()) == Some("Resources") {
                        lines.entry(text).or_insert_with(|| u32::try_from(line).unwrap_or(u32::MAX));
                    }
                }
            },
            Some(_) => {}
        }
    }
    Ok(Document { value: root, lines })
}

/// `<<` merges; the first of two equal keys stays.
fn place(map: &mut Map<String, Value>, key: String, value: Value) {
    match value {
        Value::Object(merged) if key == "<<" => merged.into_iter().for_each(|(key, value)| {
            map.entry(key).or_insert(value);
        }),
        value => {
            map.insert(key, value);
        }
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(rows) => rows.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

/// `!GetAtt` → `Fn::GetAtt`; tags of YAML's own are no functions.
fn short_form(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| !tag.is_yaml_core_schema())?;
    match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => Some(name.to_owned()),
        name => Some(format!("Fn::{name}")),
    }
}

fn tagged(value: Value, tag: Option<String>) -> Value {
    match (tag.as_deref(), value) {
        (None, value) => value,
        (Some("Fn::GetAtt"), Value::String(text)) => {
            let (id, attribute) = text.split_once('.').unwrap_or((&text, ""));
            json!({"Fn::GetAtt": [id, attribute]})
        }
        (Some(tag), value) => Value::Object(Map::from_iter([(tag.to_owned(), value)])),
    }
}

/// A plain scalar by YAML's core schema. What begins with a zero stays text: account ids do.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && !(digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."));
    if is_number {
        if let Ok(number) = text.parse::<i64>() {
            return number.into();
        }
        // Dates and versions look like numbers at first; both fail to parse.
        if digits.bytes().all(|c| c.is_ascii_digit() || c == b'.')
            && let Some(number) = text.parse().ok().and_then(Number::from_f64)
        {
            return Value::Number(number);
        }
    }
    Value::String(text.to_owned())
}
