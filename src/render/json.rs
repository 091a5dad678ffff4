//! The whole report as one JSON document.

use std::borrow::Cow;
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
pub(super) fn harmless(json: &str) -> Cow<'_, str> {
    let (mut out, mut rest) = (String::new(), json);
    while let Some((before, c, after)) = around_hostile(rest) {
        out.push_str(before);
        // All of them are in the Basic Multilingual Plane.
        out.push_str(&format!("\\u{:04x}", u32::from(c)));
        rest = after;
    }
    if out.is_empty() { Cow::Borrowed(json) } else { Cow::Owned(out + rest) }
}

/// The first hostile character, and what stands before and after it.
fn around_hostile(json: &str) -> Option<(&str, char, &str)> {
    // Octet by octet: nearly all are plain, and a fleet writes 50 KB a host.
    let plain = |octet: &u8| matches!(octet, b'\n' | b' '..=b'~');
    let mut from = 0;
    loop {
        from += json.as_bytes().get(from..)?.iter().position(|octet| !plain(octet))?;
        let (before, rest) = json.split_at_checked(from)?;
        let c = rest.chars().next()?;
        from += c.len_utf8();
        if text::is_hostile(c) {
            return Some((before, c, rest.get(c.len_utf8()..)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_spelt_out() {
        let text = "a\u{9b}\u{202e}→\u{7f}\u{1b}é\n";
        let json = serde_json::to_string(text).unwrap();
        let json = harmless(&json);
        assert_eq!(json, r#""a\u009b\u202e→\u007f\u001bé\n""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        assert!(matches!(harmless("{\n  \"é → ü\": \"~\"\n}"), Cow::Borrowed(_)), "nothing is copied for nothing");
    }
}
