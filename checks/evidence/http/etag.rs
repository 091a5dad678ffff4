//! `ETag` (RFC 9110 §8.8.3).

use super::Headers;

/// A validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ETag {
    /// In the right form.
    Valid {
        /// `W/`: equal meaning, not equal octets.
        weak: bool,
        /// What stands between the quotation marks.
        opaque: String,
    },
    /// Without quotation marks, or with them in the wrong place.
    Malformed(String),
}

impl ETag {
    /// Reads the value.
    pub fn parse(text: &str) -> ETag {
        let text = text.trim();
        let (weak, rest) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
        let inner = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match inner {
            Some(opaque) if !opaque.contains('"') => ETag::Valid { weak, opaque: opaque.to_owned() },
            _ => ETag::Malformed(text.to_owned()),
        }
    }

    /// The value written anew.
    pub fn print(&self) -> String {
        match self {
            ETag::Valid { weak, opaque } => format!("{}\"{opaque}\"", if *weak { "W/" } else { "" }),
            ETag::Malformed(text) => text.clone(),
        }
    }
}

impl Headers {
    /// `ETag`, if sent.
    pub fn etag(&self) -> Option<ETag> {
        self.first("etag").map(ETag::parse)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_strong_and_weak() {
        assert_eq!(ETag::parse("\"a\""), ETag::Valid { weak: false, opaque: "a".into() });
        assert_eq!(ETag::parse("W/\"a\""), ETag::Valid { weak: true, opaque: "a".into() });
        assert_eq!(ETag::parse("a"), ETag::Malformed("a".into()));
        assert_eq!(ETag::parse("\""), ETag::Malformed("\"".into()));
    }

    proptest! {
        #[test]
        fn printing_agrees(text in ".{0,40}") {
            let once = ETag::parse(&text);
            prop_assert_eq!(&once, &ETag::parse(&once.print()));
        }
    }
}
