//! `Age` (RFC 9111 §5.1).

use super::Headers;

/// How long a cache has had the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Seconds.
    Seconds(u64),
    /// Not a number of seconds.
    Invalid,
}

impl Age {
    /// Reads the value.
    pub fn parse(text: &str) -> Age {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Age::Invalid;
        }
        Age::Seconds(text.parse().unwrap_or(u64::MAX))
    }

    /// The seconds, if they are any.
    pub fn seconds(self) -> Option<u64> {
        match self {
            Age::Seconds(n) => Some(n),
            Age::Invalid => None,
        }
    }

    /// The value written anew; nothing stands for an invalid one.
    pub fn print(self) -> String {
        self.seconds().map(|n| n.to_string()).unwrap_or_default()
    }
}

impl Headers {
    /// `Age`, if sent.
    pub fn age(&self) -> Option<Age> {
        self.first("age").map(Age::parse)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_seconds() {
        assert_eq!(Age::parse("206"), Age::Seconds(206));
        assert_eq!(Age::parse("99999999999999999999999"), Age::Seconds(u64::MAX));
        assert_eq!(Age::parse("-1"), Age::Invalid);
        assert_eq!(Headers::from([("age", "x")]).age(), Some(Age::Invalid));
    }

    proptest! {
        #[test]
        fn printing_agrees(text in ".{0,30}") {
            let once = Age::parse(&text);
            prop_assert_eq!(once, Age::parse(&once.print()));
        }
    }
}
