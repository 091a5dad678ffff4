//! Each visit makes another key (`facts/cloudflare.md` 1.8, 9.1 rows 22–26).

use serde_json::json;

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::model::cache::{CacheInput, key};
use crate::verdict::Fix;

const ID: &str = "cache-key-fragmented";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "Visitors share one copy",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "The key holds scheme, host, path and the whole query string, and the request's Origin header. Tracking \
         parameters, cache busters, signatures and many calling sites make a copy for each value, and each of them \
         starts with a MISS.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let query = target.path.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let names: Vec<String> = key::scattering_parameters(query).into_iter().map(|(name, _)| name).collect();
        let by_origin = case::request_header(evidence, "origin").is_some();
        let depends = CacheInput::of(evidence)
            .is_some_and(|input| input.response.as_ref().is_some_and(|answer| answer.depends_on_origin));
        if by_origin && names.is_empty() && depends {
            let fix = Fix::new(
                "Send Access-Control-Allow-Origin: * where no credentials are used, and no Vary: Origin; then Origin \
                 can leave the key. As long as the answer depends on Origin, each calling site needs a copy of its own.",
            );
            let (name, value) = fixes::kept(evidence);
            let headers = [("Access-Control-Allow-Origin", "*"), (name, value.as_str())];
            return fixes::look_twice(fixes::send_headers(fix, 200, &headers, ""), target);
        }
        let (summary, part, parameters) = if by_origin && names.is_empty() {
            (
                "Leave Origin out of the cache key, only if the answer (Access-Control-Allow-Origin included) does \
                 not depend on it; custom keys by header need Enterprise."
                    .to_owned(),
                "leave Origin out",
                json!({ "cache": true, "cache_key": { "custom_key": { "header": { "exclude_origin": true } } } }),
            )
        } else {
            (
                format!(
                    "Ignore the query string in the cache key, only if the answer does not depend on it; on \
                     Enterprise, exclude just {}.",
                    if names.is_empty() { "what differs".to_owned() } else { names.join(", ") }
                ),
                "ignore the query string",
                json!({ "cache": true, "cache_key": { "custom_key": { "query_string": { "exclude": { "all": true } } } } }),
            )
        };
        let fix = Fix::new(summary).dashboard(format!(
            "Caching → Cache Rules → Create rule → {} → Eligible for cache → Cache key: {part}",
            fixes::expression(target)
        ));
        fixes::look_twice(fixes::rule(fix, target, fixes::REQUEST, "Cache key of", parameters), target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/how-to/cache-keys/",
        "https://developers.cloudflare.com/cache/how-to/cache-rules/settings/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn queries_that_differ_each_time() {
        let url = "https://a.example.com/a.css?utm_source=x&page=2";
        let miss: Lines = &[("cf-cache-status", "MISS"), ("cache-control", "max-age=3600")];
        let excerpt = site(url).excerpt(&[(200, miss), (200, miss)]).expecting(Cached);
        let (word_, seen) = verdict(&CHECK, &excerpt);
        assert_eq!(word_, "warn");
        assert!(seen.contains("utm_source") && !seen.contains("page"), "{seen}");
        is_honest(&CHECK, &excerpt);
        // What we send ourselves has the same key each time, so the key cannot be the reason.
        let ours =
            site(url).edge(200, &["MISS", "MISS", "MISS"], &[("cache-control", "max-age=3600")]).expecting(Cached);
        assert_eq!(word(&CHECK, &ours), "pass");
        assert_eq!(word(&CHECK, &site(url).edge(200, &["MISS", "HIT"], &[])), "pass");
    }

    #[test]
    fn origins_are_keys_too() {
        let miss: Lines = &[("cf-cache-status", "MISS"), ("cache-control", "max-age=3600")];
        let cors = site(CSS).excerpt(&[(200, miss), (200, miss)]).sending("Origin", "https://b.example");
        assert_eq!(word(&CHECK, &cors), "warn");
        let (_, seen) = verdict(&CHECK, &cors);
        assert!(seen.contains("request header origin"), "{seen}");
        assert_eq!(word(&CHECK, &site(CSS).excerpt(&[(200, miss), (200, miss)])), "pass");
    }
}
