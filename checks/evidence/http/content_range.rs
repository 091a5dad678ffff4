//! `Content-Range` (RFC 9110 §14.4) and the size of the whole object.

use super::{Headers, Response};

/// Which part of an object an answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes 0-99/1000`.
    Bytes {
        /// First and last octet; `None`: unsatisfied (`*`).
        range: Option<(u64, u64)>,
        /// Octets of the whole object, where it is known.
        size: Option<u64>,
    },
    /// Another unit, or not in the right form.
    Other(String),
}

impl ContentRange {
    /// Reads the value.
    pub fn parse(text: &str) -> ContentRange {
        let text = text.trim();
        Self::bytes(text).unwrap_or_else(|| ContentRange::Other(text.to_owned()))
    }

    fn bytes(text: &str) -> Option<ContentRange> {
        let number = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse::<u64>().ok()).flatten();
        let (unit, rest) = text.split_once(' ')?;
        let (range, size) = rest.trim().split_once('/')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let range = match range {
            "*" => None,
            range => {
                let (first, last) = range.split_once('-')?;
                Some((number(first)?, number(last)?))
            }
        };
        let size = match size {
            "*" => None,
            size => Some(number(size)?),
        };
        Some(ContentRange::Bytes { range, size })
    }

    /// The value written anew.
    pub fn print(&self) -> String {
        match self {
            ContentRange::Bytes { range, size } => {
                let range = range.map_or("*".to_owned(), |(first, last)| format!("{first}-{last}"));
                format!("bytes {range}/{}", size.map_or("*".to_owned(), |size| size.to_string()))
            }
            ContentRange::Other(text) => text.clone(),
        }
    }
}

impl Headers {
    /// `Content-Range`, if sent.
    pub fn content_range(&self) -> Option<ContentRange> {
        self.first("content-range").map(ContentRange::parse)
    }

    /// `Content-Length`, if it is a number.
    pub fn content_length(&self) -> Option<u64> {
        self.first("content-length").and_then(|text| text.trim().parse().ok())
    }
}

impl Response {
    /// Octets of the whole object, as its headers tell: the size behind the slash of a part, else the length.
    pub fn object_size(&self) -> Option<u64> {
        match self.headers.content_range() {
            Some(ContentRange::Bytes { size, .. }) => size,
            _ => self.headers.content_length(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_parts() {
        let part = ContentRange::parse("bytes 0-99/1000");
        assert_eq!(part, ContentRange::Bytes { range: Some((0, 99)), size: Some(1000) });
        assert_eq!(ContentRange::parse("bytes */7"), ContentRange::Bytes { range: None, size: Some(7) });
        assert!(matches!(ContentRange::parse("lines 0-1/2"), ContentRange::Other(_)));
        assert!(matches!(ContentRange::parse("bytes a-1/2"), ContentRange::Other(_)));
    }

    proptest! {
        #[test]
        fn printing_agrees(text in "(bytes )?.{0,30}") {
            let once = ContentRange::parse(&text);
            prop_assert_eq!(&once, &ContentRange::parse(&once.print()));
        }
    }
}
