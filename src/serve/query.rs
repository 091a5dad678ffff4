//! What `/probe` is asked for.

use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::evidence::text;

use crate::suggest;

/// Octets of a query.
const MAX_QUERY: usize = 4096;
/// Characters shown of what was given.
const MAX_SHOWN: usize = 100;
/// The parameters.
const NAMES: [&str; 4] = ["target", "origin", "expect", "region"];

/// The parameters of a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Host name or URL.
    pub target: String,
    /// What the proxied record points at: HOST or HOST:PORT.
    pub origin: Option<String>,
    /// What the owner wants of the cache.
    pub expect: Option<Expectation>,
    /// AWS region.
    pub region: Option<String>,
}

impl Query {
    /// Reads what stands behind the question mark.
    ///
    /// # Errors
    /// One sentence: which parameter, what is wrong with it.
    pub fn read(query: &str) -> Result<Query, String> {
        if query.len() > MAX_QUERY {
            return Err(format!("the query has more than {MAX_QUERY} octets"));
        }
        let mut values: [Option<String>; 4] = Default::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let slot = NAMES.iter().position(|known| *known == name).and_then(|at| values.get_mut(at));
            let Some(slot) = slot else {
                let hint = suggest::hint(&name, NAMES.into_iter());
                let given = text::shorten(&name, MAX_SHOWN);
                return Err(format!("no parameter {given:?} is known{hint} (there are {})", NAMES.join(", ")));
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(format!("the parameter {name} is there twice"));
            }
        }
        let [target, origin, expect, region] = values.map(|value| value.filter(|value| !value.is_empty()));
        let target = target.ok_or("the parameter target is missing: /probe?target=https://lambda.example.com/")?;
        let expect = match expect.as_deref() {
            None => None,
            Some("cached") => Some(Expectation::Cached),
            Some("uncached") => Some(Expectation::Uncached),
            Some("any") => Some(Expectation::Any),
            Some(other) => {
                let given = text::shorten(other, MAX_SHOWN);
                return Err(format!("expect is cached, uncached or any, not {given:?}"));
            }
        };
        Ok(Query { target, origin, expect, region })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_prometheus_sends_is_read() {
        let query =
            "target=https%3A%2F%2Flambda.example.com%2Fa%3Fb%3D1&origin=d-x.example.net%3A8443&expect=cached&region=";
        let read = Query::read(query).unwrap();
        assert_eq!(read.target, "https://lambda.example.com/a?b=1");
        assert_eq!(read.origin.as_deref(), Some("d-x.example.net:8443"));
        assert_eq!((read.expect, read.region), (Some(Expectation::Cached), None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, said) in [
            ("", "target is missing"),
            ("target=", "target is missing"),
            ("targt=a.example.com", "did you mean target?"),
            ("target=a.example.com&target=b.example.com", "target is there twice"),
            ("target=a.example.com&expect=maybe", "not \"maybe\""),
            ("target=a.example.com&module=http_2xx", "\"module\""),
            (&"x".repeat(5000), "4096 octets"),
        ] {
            let error = Query::read(query).unwrap_err();
            assert!(error.contains(said), "{query}: {error}");
        }
    }

    proptest! {
        #[test]
        fn errors_are_one_harmless_line(query in "\\PC{0,80}|(target=[%0-9a-f&=]{0,60})|(expect=%1b%5b31m%0a.{0,20}&target=x)") {
            if let Err(error) = Query::read(&query) {
                prop_assert!(!error.contains('\n') && error.len() < 1000);
                prop_assert!(!error.chars().any(text::is_hostile), "{:?}", error);
            }
        }
    }
}
