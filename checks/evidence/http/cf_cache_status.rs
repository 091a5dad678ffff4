//! `cf-cache-status` (<https://developers.cloudflare.com/cache/concepts/cache-responses/>).

use std::fmt;

use super::Headers;

/// What the edge's cache did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CacheStatus {
    /// Served from cache, fresh.
    Hit,
    /// Cacheable, but not in this cache.
    Miss,
    /// Was stored, is stale; the origin sent it anew.
    Expired,
    /// A stale copy, because the origin failed.
    Stale,
    /// Eligible, but the answer may not be stored.
    Bypass,
    /// Stored, and the origin confirmed it just now.
    Revalidated,
    /// A stale copy while a new one is fetched.
    Updating,
    /// Not eligible: decided on the request.
    Dynamic,
    /// The edge answered without asking its cache.
    None,
    /// As `None`, in logs.
    Unknown,
    /// A word that is not in the documentation.
    Other(String),
}

impl CacheStatus {
    const WORDS: &[(CacheStatus, &str)] = &[
        (CacheStatus::Hit, "HIT"),
        (CacheStatus::Miss, "MISS"),
        (CacheStatus::Expired, "EXPIRED"),
        (CacheStatus::Stale, "STALE"),
        (CacheStatus::Bypass, "BYPASS"),
        (CacheStatus::Revalidated, "REVALIDATED"),
        (CacheStatus::Updating, "UPDATING"),
        (CacheStatus::Dynamic, "DYNAMIC"),
        (CacheStatus::None, "NONE"),
        (CacheStatus::Unknown, "UNKNOWN"),
    ];

    /// Reads the value, in any case.
    pub fn parse(text: &str) -> CacheStatus {
        let text = text.trim();
        let known = CacheStatus::WORDS.iter().find(|(_, word)| word.eq_ignore_ascii_case(text));
        known.map_or_else(|| CacheStatus::Other(text.to_owned()), |(status, _)| status.clone())
    }

    /// Did the body come from the cache? (`facts/cf-cache-status.csv`)
    pub fn is_from_cache(&self) -> bool {
        matches!(self, CacheStatus::Hit | CacheStatus::Stale | CacheStatus::Updating | CacheStatus::Revalidated)
    }

    /// Is it only given to requests that are eligible?
    pub fn proves_eligible(&self) -> bool {
        self.is_from_cache() || matches!(self, CacheStatus::Miss | CacheStatus::Expired | CacheStatus::Bypass)
    }

    /// Is it only given where a copy is or was stored?
    pub fn proves_stored(&self) -> bool {
        self.is_from_cache() || *self == CacheStatus::Expired
    }
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CacheStatus::Other(word) => f.write_str(word),
            known => {
                f.write_str(CacheStatus::WORDS.iter().find(|(status, _)| status == known).map_or("", |(_, word)| word))
            }
        }
    }
}

impl Headers {
    /// `cf-cache-status`, if sent.
    pub fn cf_cache_status(&self) -> Option<CacheStatus> {
        self.first("cf-cache-status").map(CacheStatus::parse)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_the_words() {
        assert_eq!(CacheStatus::parse("hit"), CacheStatus::Hit);
        assert_eq!(CacheStatus::parse("STREAM_HIT"), CacheStatus::Other("STREAM_HIT".into()));
        assert!(CacheStatus::Bypass.proves_eligible() && !CacheStatus::Bypass.proves_stored());
        assert!(!CacheStatus::Dynamic.proves_eligible());
    }

    proptest! {
        #[test]
        fn printing_agrees(text in ".{0,30}") {
            let once = CacheStatus::parse(&text);
            prop_assert_eq!(&once, &CacheStatus::parse(&once.to_string()));
        }
    }
}
