//! Where an expression cannot be read, and why.

use std::fmt;

use super::secret::masked;
use crate::evidence::text::clean;

/// An expression that Cloudflare would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Octet of the expression where the trouble starts.
    pub at: usize,
    /// How many octets are meant; at least one, unless the expression ends there.
    pub length: usize,
    /// What was expected, or what is wrong, as the second half of a sentence.
    pub message: String,
}

/// Characters of a line that are shown before and after the place.
const BEFORE: usize = 50;
const AFTER: usize = 60;

impl ParseError {
    pub(super) fn new(at: usize, length: usize, message: impl Into<String>) -> Self {
        ParseError { at, length, message: message.into() }
    }

    /// The same, with the place inside of `source` and on whole characters.
    pub(super) fn within(mut self, source: &str) -> Self {
        self.at = floor(source, self.at.min(source.len()));
        let mut end = self.at.saturating_add(self.length).min(source.len());
        while !source.is_char_boundary(end) {
            end += 1;
        }
        self.length = end - self.at;
        self
    }

    /// The line with the place, and a line with carets under it: `http.host = "a"` and `          ^`.
    ///
    /// Control characters are cleaned, so that one character of the source is one column; a long line is cut around
    /// the place; strings are masked where the expression is about something secret.
    pub fn caret(&self, source: &str) -> String {
        let source = masked(source);
        let source = source.as_ref();
        let at = floor(source, self.at.min(source.len()));
        let end = floor(source, self.at.saturating_add(self.length).min(source.len())).max(at);
        let (head, rest) = source.split_at_checked(at).unwrap_or((source, ""));
        let before = head.rsplit('\n').next().unwrap_or_default();
        let (marked, after) = rest.split_at_checked(end - at).unwrap_or((rest, ""));
        let ends_here = marked.contains('\n');
        let marked = marked.split('\n').next().unwrap_or_default();
        let after = if ends_here { "" } else { after.split('\n').next().unwrap_or_default() };

        let count = before.chars().count();
        let shown: String = before.chars().skip(count.saturating_sub(BEFORE)).collect();
        let shown = if count > BEFORE { format!("…{shown}") } else { shown };
        let tail: String = marked.chars().chain(after.chars()).take(AFTER).collect();
        let cut = if marked.chars().count() + after.chars().count() > AFTER { "…" } else { "" };
        let carets = marked.chars().count().clamp(1, AFTER);
        format!("{}{}{cut}\n{}{}", clean(&shown), clean(&tail), " ".repeat(shown.chars().count()), "^".repeat(carets))
    }
}

/// The last boundary of characters that is not after `at`.
fn floor(source: &str, mut at: usize) -> usize {
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at octet {}: {}", self.at, self.message)
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        let source = "ssl and\n  http.host = \"a\" or ssl";
        let error = ParseError::new(20, 1, "x");
        assert_eq!(error.caret(source), "  http.host = \"a\" or ssl\n            ^");
    }

    #[test]
    fn an_end_too_early_is_marked_behind_the_last_character() {
        let source = "http.host eq";
        assert_eq!(ParseError::new(12, 0, "x").caret(source), "http.host eq\n            ^");
    }

    #[test]
    fn control_characters_and_long_lines_do_no_harm() {
        let source = format!("{}\u{1b}[31m\u{e9} bad {}", "a".repeat(300), "b".repeat(300));
        let at = source.find("bad").unwrap();
        let shown = ParseError::new(at, 3, "x").caret(&source);
        assert!(!shown.contains('\u{1b}') && shown.contains('\u{e9}'), "{shown}");
        let (line, carets) = shown.split_once('\n').unwrap();
        assert!(line.chars().count() < 120 && line.starts_with('…') && line.ends_with('…'));
        let column = carets.chars().position(|c| c == '^').unwrap();
        assert_eq!(line.chars().skip(column).take(3).collect::<String>(), "bad");
    }

    #[test]
    fn a_place_inside_a_character_or_past_the_end_does_not_panic() {
        for at in 0..12 {
            for length in 0..12 {
                assert!(ParseError::new(at, length, "x").caret("a\u{20ac}\n\u{20ac}b").contains('^'));
            }
        }
    }
}
