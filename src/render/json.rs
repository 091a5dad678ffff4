//! The whole report as one JSON document.

use std::io::{self, Write};

use cfdoctor_checks::evidence::text;

use super::Look;
use crate::report::Report;

/// Writes the report as one JSON document.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", harmless(&serde_json::to_string_pretty(report)?))
}

/// JSON in which the characters that move a cursor, hide text or turn its direction are spelt `\uXXXX`. The document
/// stays the same: such characters stand in strings only.
pub(super) fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && text::is_hostile(c) {
            // All of them are in the Basic Multilingual Plane.
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_spelt_out() {
        let text = "a\u{9b}\u{202e}\u{7f}\u{1b}é\n";
        let json = harmless(&serde_json::to_string(text).unwrap());
        assert_eq!(json, r#""a\u009b\u202e\u007f\u001bé\n""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
