//! Reading Cloudflare's shapes as they come: absent, null, misspelt and new values never stop the rest.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::check::Probe;
use crate::evidence::Gathered;
use crate::evidence::text::{clean, shorten};
use crate::verdict::NotRun;

/// Most oddities that are told of.
const MOST_ODDITIES: usize = 32;
/// Most elements that are read of one list: zones of this size are read whole, and no file can make us slow.
const MOST_ELEMENTS: usize = 20_000;

/// One zone document being read.
pub(super) struct Reader<'a> {
    document: &'a Map<String, Value>,
    /// Shapes that this version does not know: where, and what was there.
    pub(super) oddities: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Map<String, Value>) -> Self {
        Reader { document, oddities: Vec::new() }
    }

    /// The part at `key`, or why it is not there.
    pub(super) fn part<T>(&mut self, key: &str, read: impl FnOnce(&mut Self, &Value) -> Option<T>) -> Gathered<T> {
        self.value(key, self.document.get(key), read)
    }

    /// The part at `outer.inner`, for instance `settings.ssl`.
    pub(super) fn inner<T>(
        &mut self,
        outer: &str,
        inner: &str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Gathered<T> {
        let value = self.document.get(outer).and_then(|part| part.get(inner));
        self.value(&format!("{outer}.{inner}"), value, read)
    }

    fn value<T>(
        &mut self,
        key: &str,
        value: Option<&Value>,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Gathered<T> {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Gathered::Missing(self.why_not(key));
        };
        match read(self, value) {
            Some(found) => Gathered::Found(found),
            None => {
                self.odd(key, value);
                let why = format!("the zone's {key} has a shape that this version does not know");
                Gathered::Missing(NotRun::inconclusive(why))
            }
        }
    }

    /// Why a key is absent: `not_read` says it, else the document simply lacks it.
    fn why_not(&self, key: &str) -> NotRun {
        let Some(reason) = self.document.get("not_read").and_then(|reasons| reasons.get(key)) else {
            return NotRun::blocked(Probe::Zone, format!("what is known of the zone does not include its {key}"));
        };
        let text = |name: &str| reason.get(name).and_then(Value::as_str).map(clean);
        match (text("kind").as_deref(), text("permission"), text("text")) {
            (Some("forbidden"), Some(scope), _) => NotRun::Forbidden { probe: Probe::Zone, scope },
            (Some("not-applicable"), _, Some(why)) => NotRun::NotApplicable(why),
            (_, _, why) => NotRun::Inconclusive(why.unwrap_or_else(|| format!("the zone's {key} could not be read"))),
        }
    }

    /// Remembers a shape that this version does not know.
    pub(super) fn odd(&mut self, place: impl Display, value: &Value) {
        if self.oddities.len() < MOST_ODDITIES {
            self.oddities.push(format!("{place}: {}", shorten(&value.to_string(), 80)));
        }
    }

    /// Every element of a list (or of `{result: […]}`, `{rules: […]}`) that can be read; the others are told of.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        value: &Value,
        read: impl Fn(&mut Self, &Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let rows = elements(value)?;
        let mut found = Vec::new();
        for (index, row) in rows.iter().take(MOST_ELEMENTS).enumerate() {
            if row.is_null() {
                continue;
            }
            match read(self, row) {
                Some(item) => found.push(item),
                None => self.odd(format_args!("{key}[{index}]"), row),
            }
        }
        Some(found)
    }
}

/// The rows of a list, also inside an API envelope or a ruleset.
fn elements(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(rows) => Some(rows),
        Value::Object(map) => ["result", "rules"].iter().find_map(|key| map.get(*key).and_then(elements)),
        _ => None,
    }
}

/// Cleaned text at `key`.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(clean)
}

/// Cleaned text, lower case, without the final dot: a DNS name.
pub(super) fn name(value: &Value, key: &str) -> Option<String> {
    text(value, key).map(|name| name.trim_end_matches('.').to_ascii_lowercase())
}

/// A boolean, or the words `on` and `off` of zone settings.
pub(super) fn on(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::String(word) => match word.as_str() {
            "on" | "true" | "enabled" => Some(true),
            "off" | "false" | "disabled" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The boolean at `key`.
pub(super) fn flag(value: &Value, key: &str) -> Option<bool> {
    value.get(key).and_then(on)
}

/// A whole number, also one written as text.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Cleaned texts of a list, or of a single text.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![clean(one)],
        Value::Array(many) => many.iter().filter_map(Value::as_str).take(MOST_ELEMENTS).map(clean).collect(),
        _ => Vec::new(),
    }
}
