//! Patterns of the operators `wildcard` and `strict wildcard`: `*` is any number of octets, the whole value must match
//! (docs: ruleset-engine/rules-language/operators, "Wildcard matching").

/// A pattern, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Between the stars: one more than there are stars.
    parts: Vec<Vec<u8>>,
    strict: bool,
    source: Vec<u8>,
}

impl Pattern {
    /// Reads a pattern: `*` is the only metacharacter, `\*` and `\\` are itself, `**` is an error.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(text: &[u8], strict: bool) -> Result<Pattern, &'static str> {
        let (mut parts, mut part, mut octets) = (Vec::new(), Vec::new(), text.iter().peekable());
        while let Some(octet) = octets.next() {
            match octet {
                b'*' if octets.peek() == Some(&&b'*') => return Err("two stars in a row; one is enough"),
                b'*' => parts.push(std::mem::take(&mut part)),
                b'\\' => match octets.next() {
                    Some(escaped @ (b'*' | b'\\')) => part.push(*escaped),
                    Some(_) => return Err("in a pattern a backslash stands before * or \\ only"),
                    None => return Err("the pattern ends with a backslash"),
                },
                _ => part.push(*octet),
            }
        }
        parts.push(part);
        // Cloudflare's parser takes ten (as the published builds of it are set); more would be slow.
        if parts.len() > 11 {
            Err("more than ten stars in a pattern")
        } else {
            Ok(Pattern { parts, strict, source: text.to_vec() })
        }
    }

    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// As written.
    pub(super) fn source(&self) -> &[u8] {
        &self.source
    }

    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        if self.strict { a == b } else { a.eq_ignore_ascii_case(b) }
    }

    /// Does the whole of `value` match?
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        self.captures(value).is_some()
    }

    /// What each star stands for, as short as possible from left to right.
    pub(super) fn captures<'v>(&self, value: &'v [u8]) -> Option<Vec<&'v [u8]>> {
        let (first, others) = self.parts.split_first()?;
        let start = value.get(..first.len()).filter(|start| self.same(start, first))?;
        let mut rest = value.get(start.len()..)?;
        let Some((last, middle)) = others.split_last() else {
            return rest.is_empty().then(Vec::new);
        };
        let mut stars = Vec::with_capacity(others.len());
        for part in middle {
            let at = self.find(rest, part)?;
            stars.push(rest.get(..at)?);
            rest = rest.get(at + part.len()..)?;
        }
        let at = rest.len().checked_sub(last.len())?;
        if !self.same(rest.get(at..)?, last) {
            return None;
        }
        stars.push(rest.get(..at)?);
        Some(stars)
    }

    fn find(&self, value: &[u8], part: &[u8]) -> Option<usize> {
        if part.is_empty() {
            return Some(0);
        }
        value.windows(part.len()).position(|window| self.same(window, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        Pattern::new(pattern.as_bytes(), false).unwrap().matches(value.as_bytes())
    }

    #[test]
    fn the_whole_value_must_match() {
        assert!(matches("a*c", "abbbc") && matches("a*c", "ac") && !matches("a*c", "abcd") && !matches("a*c", "xac"));
        assert!(matches("", "") && !matches("", "a") && matches("*", "") && matches("*", "anything"));
        assert!(matches("*.example.com", "a.b.example.com") && !matches("*.example.com", "example.com"));
        assert!(matches("a*a", "aa") && !matches("a*a", "a"), "one letter cannot be both ends");
        assert!(matches("*a*b*", "xxaxxbxx") && !matches("*b*a*b", "ab"));
    }

    #[test]
    fn case_is_ignored_unless_strict() {
        assert!(matches("EXAMPLE.*", "example.com"));
        assert!(!Pattern::new(b"EXAMPLE.*", true).unwrap().matches(b"example.com"));
    }

    #[test]
    fn escapes_and_errors() {
        assert!(matches(r"a\*b", "a*b") && !matches(r"a\*b", "axb") && matches(r"a\\b", r"a\b"));
        for bad in ["a**b", r"a\b", r"a\", "************"] {
            assert!(Pattern::new(bad.as_bytes(), false).is_err(), "{bad}");
        }
    }

    #[test]
    fn stars_take_the_least() {
        let pattern = Pattern::new(b"https://*.example.com/*/*", false).unwrap();
        let stars = pattern.captures(b"https://apps.example.com/calendar/admin?expand=true").unwrap();
        assert_eq!(stars, [&b"apps"[..], b"calendar", b"admin?expand=true"]);
    }
}
