//! Lines and columns, and where each key of a file stands.

use std::collections::HashMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in a text file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl Position {
    /// Where the octet `at` stands in `text`.
    pub fn of(text: &str, at: usize) -> Position {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

/// Where each key and its value begin: octets, by paths such as `target.0.url`.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions {
    text: String,
    starts: HashMap<String, (usize, usize)>,
}

impl Positions {
    /// Those of a document; of one that is no TOML there are none.
    pub(super) fn of(text: &str) -> Self {
        let mut positions = Positions { text: text.to_owned(), starts: HashMap::new() };
        if let Ok(table) = DeTable::parse(text) {
            positions.table("", table.get_ref());
        }
        positions
    }

    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            self.value(path, key.span().start, value);
        }
    }

    fn value(&mut self, path: String, key: usize, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(&path, table),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(format!("{path}.{index}"), item.span().start, item);
                }
            }
            _ => {}
        }
        self.starts.insert(path, (key, value.span().start));
    }

    /// Where the key stands; for an item of a list, the item.
    pub(super) fn key(&self, path: &str) -> Option<Position> {
        self.starts.get(path).map(|(key, _)| Position::of(&self.text, *key))
    }

    /// Where the value begins.
    pub(super) fn value_at(&self, path: &str) -> Option<Position> {
        self.starts.get(path).map(|(_, value)| Position::of(&self.text, *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_found() {
        let positions =
            Positions::of("a = 1\n\n[[target]]\nurl = \"x\"\n[[target]]\n  url = \"é\"\n[severity]\nb-c = \"low\"\n");
        let at = |position: Option<Position>| position.map(|position| (position.line, position.column));
        assert_eq!(at(positions.value_at("a")), Some((1, 5)));
        assert_eq!(at(positions.value_at("target.0.url")), Some((4, 7)));
        assert_eq!(at(positions.key("target.1.url")), Some((6, 3)));
        assert_eq!(at(positions.key("target.1")).map(|(line, _)| line), Some(5));
        assert_eq!(at(positions.key("severity.b-c")), Some((8, 1)));
        assert_eq!(at(positions.key("absent")), None);
        assert_eq!(Position::of("é\nxé", 4), Position { line: 2, column: 2 });
        assert_eq!(at(Positions::of("a =").key("a")), None);
    }
}
