//! `Expires` and `Date` (RFC 9110 §5.6.7, RFC 9111 §5.3).

use time::OffsetDateTime;

use super::Headers;

/// When the answer stops being fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expires {
    /// At this time.
    At(OffsetDateTime),
    /// Not a date (`0`, `-1`, a wrong weekday): a cache takes it for the past (RFC 9111 §5.3).
    Unparsable(String),
}

impl Expires {
    /// Reads the value.
    pub fn parse(text: &str) -> Expires {
        http_date(text).map_or_else(|| Expires::Unparsable(text.to_owned()), Expires::At)
    }

    /// Seconds from `now`; 0 when it is past or no date.
    pub fn seconds_from(&self, now: OffsetDateTime) -> u64 {
        match self {
            Expires::At(at) => u64::try_from((*at - now).whole_seconds()).unwrap_or(0),
            Expires::Unparsable(_) => 0,
        }
    }

    /// The value written anew.
    pub fn print(&self) -> String {
        match self {
            Expires::At(at) => {
                let since = std::time::Duration::from_secs(at.unix_timestamp().try_into().unwrap_or(0));
                httpdate::HttpDate::from(std::time::UNIX_EPOCH + since).to_string()
            }
            Expires::Unparsable(text) => text.clone(),
        }
    }
}

/// An HTTP date in any of the three formats.
pub fn http_date(text: &str) -> Option<OffsetDateTime> {
    let since = httpdate::parse_http_date(text.trim()).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    OffsetDateTime::from_unix_timestamp(i64::try_from(since.as_secs()).ok()?).ok()
}

impl Headers {
    /// `Expires`, if sent.
    pub fn expires(&self) -> Option<Expires> {
        self.first("expires").map(Expires::parse)
    }

    /// `Date`, if it was sent and is one.
    pub fn date(&self) -> Option<OffsetDateTime> {
        self.first("date").and_then(http_date)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn reads_dates_and_says_what_is_none() {
        let noon = datetime!(2018-06-01 12:27:54 UTC);
        assert_eq!(Expires::parse("Fri, 01 Jun 2018 12:27:54 GMT"), Expires::At(noon));
        assert_eq!(
            Expires::parse("Fri, 01 Jun 2018 12:27:54 GMT").seconds_from(datetime!(2018-06-01 12:27:00 UTC)),
            54
        );
        for bad in ["0", "-1", "Fri, 01 Jun 2018 12:27:54 UTC", ""] {
            assert_eq!(Expires::parse(bad), Expires::Unparsable(bad.into()));
            assert_eq!(Expires::parse(bad).seconds_from(noon), 0);
        }
    }

    proptest! {
        #[test]
        fn printing_agrees(seconds in 0i64..4_102_444_800, text in ".{0,40}") {
            let at = Expires::At(OffsetDateTime::from_unix_timestamp(seconds).unwrap());
            prop_assert_eq!(&at, &Expires::parse(&at.print()));
            let any = Expires::parse(&text);
            prop_assert_eq!(&any, &Expires::parse(&any.print()));
        }
    }
}
