//! One zone's answers laid together as the document that `--zone-json` reads and `--record` writes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::parts::Part;
use super::permissions::PermissionRow;

/// A document in the making.
pub(super) struct Draft {
    root: Map<String, Value>,
    not_read: BTreeMap<&'static str, Value>,
    notes: Vec<String>,
}

impl Draft {
    /// A document of which only the zone itself is known.
    pub(super) fn of(zone: Value) -> Draft {
        Draft { root: Map::from_iter([("zone".to_owned(), zone)]), not_read: BTreeMap::new(), notes: Vec::new() }
    }

    /// Lays in one part, or why it was not read.
    pub(super) fn add(&mut self, row: &PermissionRow, part: Part) {
        if part.odd_rows > 0 {
            self.notes.push(format!("{}: {} entries of an unknown shape were left out", row.key, part.odd_rows));
        }
        if let Some(cut) = part.cut {
            self.notes.push(format!("{}: {cut}", row.key));
        }
        match part.value {
            Ok(value) => self.put(row.key, std::sync::Arc::unwrap_or_clone(value)),
            Err(trouble) => {
                self.not_read.insert(row.key, trouble.not_read(row.permission));
            }
        }
    }

    /// Adds rows to a list that came cut or not at all: those of the host, which are exact.
    pub(super) fn add_rows(&mut self, row: &PermissionRow, part: Part) {
        let Ok(Value::Array(more)) = part.value.map(std::sync::Arc::unwrap_or_clone) else { return };
        let list = self.root.entry(row.key).or_insert_with(|| json!([]));
        let Value::Array(list) = list else { return };
        for row in more {
            if !list.iter().any(|known| known.get("id").is_some() && known.get("id") == row.get("id")) {
                list.push(row);
            }
        }
        if self.not_read.remove(row.key).is_some() {
            self.notes.push(format!("{}: only those of the host are read", row.key));
        }
    }

    /// Says that a part was not asked for.
    pub(super) fn left_out(&mut self, row: &PermissionRow, why: &str) {
        self.not_read.insert(row.key, json!({"kind": "inconclusive", "text": why}));
    }

    /// `a.b` is key `b` of object `a`.
    pub(super) fn put(&mut self, key: &str, value: Value) {
        match key.split_once('.') {
            None => {
                self.root.insert(key.to_owned(), value);
            }
            Some((outer, inner)) => {
                let group = self.root.entry(outer).or_insert_with(|| json!({}));
                if let Value::Object(group) = group {
                    group.insert(inner.to_owned(), value);
                }
            }
        }
    }

    /// The document.
    pub(super) fn done(mut self) -> Value {
        if !self.not_read.is_empty() {
            self.root.insert("not_read".into(), json!(self.not_read));
        }
        if !self.notes.is_empty() {
            self.root.insert("notes".into(), json!(self.notes));
        }
        Value::Object(self.root)
    }
}
