//! What tells copies apart, and whether anybody asks for the same one twice (`facts/cloudflare.md` 1.8).

use super::decision::{Settle, Step, Trace};
use super::input::{Asked, CacheInput};
use super::zone::{CacheLevel, who};
use crate::evidence::http::CacheStatus;
use crate::verdict::Confidence;

const KEYS: &str = "https://developers.cloudflare.com/cache/how-to/cache-keys/";

/// Asks for the very same thing twice.
const AGAIN: Settle = Settle::by(
    "for i in 1 2; do curl -sS -o /dev/null -D - {url}; done",
    "the second is a HIT if the very same URL and headers find the copy again",
);

/// Request headers beside the URL that enter the default key.
const IN_THE_KEY: &[&str] = &[
    "origin",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-forwarded-host",
    "x-host",
    "x-forwarded-scheme",
    "x-original-url",
    "x-rewrite-url",
    "forwarded",
];

/// Parameters that advertisers, players and scripts add, and that seldom change the answer.
const TRACKING: &[&str] = &[
    "fbclid", "gclid", "msclkid", "dclid", "yclid", "twclid", "igshid", "mc_eid", "mc_cid", "_ga", "_gl", "ref",
    "srsltid",
];

/// Parameters whose purpose is to differ each time.
const BUSTERS: &[&str] = &[
    "_",
    "t",
    "ts",
    "time",
    "timestamp",
    "now",
    "cb",
    "cachebuster",
    "cache_buster",
    "cachebust",
    "nocache",
    "no_cache",
    "bust",
    "rnd",
    "rand",
    "random",
    "nonce",
    "r",
];

/// Parameters of signed URLs: each signature is another key.
const SIGNATURES: &[&str] = &[
    "token",
    "signature",
    "sig",
    "expires",
    "x-amz-signature",
    "x-amz-date",
    "x-amz-credential",
    "policy",
    "key-pair-id",
];

/// Query parameters that make a new key at nearly every visit, with the reason.
pub fn scattering_parameters(query: &str) -> Vec<(String, &'static str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let lower = name.trim().to_ascii_lowercase();
            let is = |list: &[&str]| list.contains(&lower.as_str());
            let digits = value.len() >= 10 && value.bytes().all(|b| b.is_ascii_digit());
            let bare = !pair.contains('=');
            let differs = digits || value.contains('.') || value.is_empty() || value.len() >= 8;
            let busts = ["cachebust", "cache-bust", "cache_bust"].iter().any(|word| lower.contains(word))
                || is(BUSTERS) && differs
                || digits && lower != "id"
                || bare && lower.len() >= 10 && lower.bytes().all(|b| b.is_ascii_digit());
            let why = if lower.starts_with("utm_") || is(TRACKING) {
                "tracking"
            } else if is(SIGNATURES) {
                "signature"
            } else if busts {
                "cache buster"
            } else {
                return None;
            };
            Some((name.trim().to_owned(), why))
        })
        .collect()
}

/// Request headers of this request that enter the default key.
pub fn key_headers(request: &Asked) -> Vec<&str> {
    request.headers.iter().map(String::as_str).filter(|name| IN_THE_KEY.contains(name)).collect()
}

/// Does this parameter enter the key?
fn counts(input: &CacheInput, parameter: &str) -> bool {
    if input.zone.cache_level == Some(CacheLevel::Simplified) {
        return false;
    }
    input.zone.key.as_ref().is_none_or(|key| {
        let listed = key.only.is_empty() || key.only.iter().any(|name| name == parameter);
        !key.ignore_query && listed && !key.without.iter().any(|name| name == parameter)
    })
}

/// Adds the step.
pub(super) fn judge(input: &CacheInput, trace: &mut Trace) {
    let step = Step::ask("key", "Is the same copy asked for again?", KEYS);
    let request = &input.request;
    let mut scatter: Vec<String> = Vec::new();
    let parameters = request.query.as_deref().map(scattering_parameters).unwrap_or_default();
    let parameters = parameters.into_iter().filter(|(name, _)| counts(input, name));
    scatter.extend(parameters.map(|(name, why)| format!("the query parameter {name} ({why})")));
    let no_origin = input.zone.key.as_ref().is_some_and(|key| key.exclude_origin);
    for header in key_headers(request).into_iter().filter(|header| !(no_origin && *header == "origin")) {
        scatter.push(format!("the request header {header}"));
    }
    if let Some(key) = &input.zone.key {
        let rule = who(&input.zone.by.key, "the rule");
        scatter.extend(key.extra.iter().map(|part| format!("{part} (by {rule})")));
    }
    if scatter.is_empty() {
        trace.add(step.yes("nothing in the URL or headers makes a new key at each visit"));
        return;
    }
    let what = scatter.join(", ");
    let step = step.saw(what.clone());
    let seen = &input.observed;
    let misses = seen.count(&CacheStatus::Miss);
    // A request that we repeat ourselves has the same key each time: a scattered key cannot explain its misses.
    let replayed = seen.samples.iter().filter(|sample| sample.ours).count() > 1;
    if seen.has_hit() || seen.proves_stored() {
        trace.add(
            step.yes(format!("an identical request is served from cache; each value of {what} is a copy of its own")),
        );
    } else if misses > 0 && misses == seen.statuses().count() && !replayed {
        trace.add(step.no(
            "cache-key-fragmented",
            // Whether the URL was the very same each time, somebody's excerpt does not say.
            Confidence::Low,
            format!("never served from cache, and the key holds {what}: each value is another copy"),
        ));
    } else {
        trace.add(step.unknown(None, format!("the key holds {what}"), AGAIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_scatters() {
        let of = |query: &str| scattering_parameters(query).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(of("utm_source=x&page=2&fbclid=abc"), ["utm_source", "fbclid"]);
        assert_eq!(of("t=1700000000"), ["t"]);
        assert_eq!(of("t=small"), Vec::<String>::new());
        assert_eq!(of("_=1700000000123"), ["_"]);
        assert_eq!(of("<cache-buster>"), ["<cache-buster>"]);
        assert_eq!(of("token=(redacted)"), ["token"]);
        assert_eq!(of("v=12&lang=en&id=12345678901"), Vec::<String>::new());
        assert_eq!(of(""), Vec::<String>::new());
    }
}
