//! Text from outside, made harmless.

use std::borrow::Cow;

/// `text` without control and bidirectional-override characters (each becomes `�`), so that it can be shown on a
/// terminal. Tabs become spaces.
pub fn clean(text: &str) -> String {
    cleaned(text).into_owned()
}

/// The same, borrowed where there is nothing to clean.
pub fn cleaned(text: &str) -> Cow<'_, str> {
    // Nearly all text is plain ASCII, and there is a lot of it.
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return text.into();
    }
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if is_hostile(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Like [`clean`], for bytes of unknown encoding: UTF-8 where it is, Latin-1 octets otherwise.
pub fn clean_bytes(bytes: &[u8]) -> String {
    clean(&of_bytes(bytes))
}

/// The same, not cleaned.
pub fn of_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

/// The first `max` characters of the cleaned text, with `…` where something was cut.
pub fn shorten(text: &str, max: usize) -> String {
    if text.len() <= max {
        return clean(text);
    }
    // Cleaning is one character for one, so it can be cut first.
    match text.char_indices().nth(max) {
        Some((at, _)) => clean(text.get(..at).unwrap_or_default()) + "…",
        None => clean(text),
    }
}

/// Octets as hexadecimal digits, lower case.
pub fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = Vec::with_capacity(2 * octets.len());
    for octet in octets {
        digits.push(DIGITS[usize::from(octet >> 4)]);
        digits.push(DIGITS[usize::from(octet & 15)]);
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// Text as one word of a POSIX shell, for commands to paste: a URL from outside may hold a quotation mark.
pub fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Characters that move the cursor, hide text or turn its direction.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_never_survive() {
        assert_eq!(clean("a\x1b[31mb\u{202e}c\td"), "a\u{fffd}[31mb\u{fffd}c d");
        assert_eq!(clean_bytes(b"caf\xe9"), "café");
        assert_eq!(shorten("abcdef", 3), "abc…");
        assert_eq!(shorten("abc", 3), "abc");
    }

    #[test]
    fn octets_are_two_digits_each() {
        assert_eq!(hex(&[0, 9, 0x1f, 0xff]), "00091fff");
    }

    #[test]
    fn a_quotation_mark_ends_no_word() {
        assert_eq!(shell_quote("/it's"), r"'/it'\''s'");
        assert_eq!(shell_quote(""), "''");
    }
}
