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
    let mut from = 0;
    loop {
        from += plain(json.as_bytes().get(from..)?);
        let (before, rest) = json.split_at_checked(from)?;
        let c = rest.chars().next()?;
        from += c.len_utf8();
        if c != '\n' && text::is_hostile(c) {
            return Some((before, c, rest.get(c.len_utf8()..)?));
        }
    }
}

/// How many octets from the first on are printable ASCII; eight at a time, as a fleet writes 50 KB a host.
fn plain(octets: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let is_plain = |eight: &[u8; 8]| {
        let word = u64::from_ne_bytes(*eight);
        let below_space = word.wrapping_sub(ONES * 0x20) & !word;
        let from_del = word.wrapping_add(ONES) | word;
        (below_space | from_del) & (ONES * 0x80) == 0
    };
    let (words, _) = octets.as_chunks::<8>();
    let whole = 8 * words.iter().take_while(|eight| is_plain(eight)).count();
    let rest = octets.get(whole..).unwrap_or_default();
    whole + rest.iter().take_while(|octet| matches!(octet, b' '..=b'~')).count()
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
        for at in 0..20 {
            for c in ['\u{7f}', '\u{80}', '\u{feff}', '\u{1b}', '\0', '\u{1f}'] {
                let text = format!("{}{c}{}", "a".repeat(at), "~ ".repeat(9));
                let json = format!("{}\\u{:04x}{}", "a".repeat(at), u32::from(c), "~ ".repeat(9));
                assert_eq!(harmless(&text), json);
            }
        }
        assert!(matches!(harmless("{\n  \"é → ü\": \"~\"\n}"), Cow::Borrowed(_)), "nothing is copied for nothing");
    }
}
