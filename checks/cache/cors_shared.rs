//! One site's `Access-Control-Allow-Origin` is served to another (`facts/cloudflare.md` 1.8).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::http::{CacheStatus, Response};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cache-cors-shared",
    title: "Each calling site gets its own Access-Control-Allow-Origin",
    severity: Severity::High,
    needs: &[Probe::EdgeHttp],
    why: "An API that echoes the caller's Origin in Access-Control-Allow-Origin needs a copy for each Origin. If a \
          rule leaves Origin out of the key, the first caller's header is served to all, and every other site's \
          browsers refuse it.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let fix = Fix::new(
            "Put Origin back into the cache key (it is there by default), or send Access-Control-Allow-Origin: * \
             where no credentials are used.",
        )
        .code(
            "Lambda proxy response, Python",
            "\"headers\": {\"Access-Control-Allow-Origin\": \"*\", \"Cache-Control\": \"public, max-age=7200\"},",
        )
        .code(
            "Lambda proxy response, Node.js",
            "headers: { \"Access-Control-Allow-Origin\": \"*\", \"Cache-Control\": \"public, max-age=7200\" },",
        )
        .api(
            "Which rule leaves Origin out (exclude_origin, or a custom header key)?",
            "curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
             https://api.cloudflare.com/client/v4/zones/$ZONE_ID/\
             \
             rulesets/phases/http_request_cache_settings/entrypoint | jq \
             '.result.rules[].action_parameters.cache_key'",
        );
        fixes::purge(fix, "Purge what is stored now", target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/how-to/cache-keys/",
        "https://developers.cloudflare.com/cache/cache-security/cors/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let observed = case::samples(evidence)?;
    let http = evidence.edge.http.get()?;
    let Some(usual) = case::request_header(evidence, "origin") else {
        return Err(NotRun::not_applicable("no Origin was sent; give one with -H 'Origin: https://…'"));
    };
    let from_cache = |response: &Response| {
        response.headers.cf_cache_status().is_some_and(|s| s.is_from_cache() && s != CacheStatus::Revalidated)
    };
    let copies: Vec<(&str, &Response)> = http
        .samples
        .iter()
        .filter_map(|sample| Some((sample.request.headers.first("origin").unwrap_or(usual), sample.response()?)))
        .filter(|(_, response)| from_cache(response))
        .collect();
    if copies.is_empty() {
        return Err(NotRun::not_applicable("no answer came from the cache"));
    }
    for (asked, copy) in copies {
        let allowed = copy.headers.first("access-control-allow-origin");
        let foreign = allowed.is_some_and(|value| value != "*" && !value.eq_ignore_ascii_case("null"))
            && allowed.is_some_and(|value| !value.eq_ignore_ascii_case(asked));
        let lost = allowed.is_none() && copy.is_whole() && copy.headers.vary().names("origin");
        let finding = |says: String, confidence| {
            Finding::seen(says)
                .confidence(confidence)
                .proof(format!("request: Origin: {}", asked))
                .proofs(copy.headers.quote("access-control-allow-origin"))
                .proofs(copy.headers.quote("vary"))
                .proofs(observed.lines())
        };
        if foreign {
            let allowed = allowed.unwrap_or_default();
            // An origin that allows one fixed site says so to everybody: only Vary tells that it echoes.
            if !copy.headers.vary().names("origin") {
                let says = format!(
                    "The stored copy allows {allowed} and not {asked}: either the API allows that one site, or a copy \
                     made for it is served to all"
                );
                return Ok(Verdict::Warn(finding(says, Confidence::Low).severity(Severity::Low)));
            }
            let says = format!("A copy made for {allowed} was served to {asked}: Origin is not in the cache key");
            let finding = finding(says, Confidence::High);
            return Ok(if observed.has_head() { Verdict::Warn(finding) } else { Verdict::Fail(finding) });
        }
        if lost {
            let says = "A copy made for a request without Origin, and so without Access-Control-Allow-Origin, was \
                 served to one with it";
            return Ok(Verdict::Warn(finding(says.into(), Confidence::Medium)));
        }
    }
    Ok(Verdict::Pass(None))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;

    #[test]
    fn copies_of_others() {
        let of = |lines: Lines| site(API).edge(200, &["HIT"], lines).sending("Origin", "https://b.example");
        let foreign = of(&[("access-control-allow-origin", "https://c.example"), ("vary", "Origin")]);
        assert_eq!(word(&CHECK, &foreign), "fail");
        assert_eq!(word(&CHECK, &foreign.clone().by_head()), "warn");
        is_honest(&CHECK, &foreign);
        assert_eq!(word(&CHECK, &of(&[("access-control-allow-origin", "https://c.example")])), "warn");
        assert_eq!(word(&CHECK, &of(&[("vary", "Origin")])), "warn");
        assert_eq!(
            word(&CHECK, &of(&[("access-control-allow-origin", "https://b.example"), ("vary", "Origin")])),
            "pass"
        );
        assert_eq!(word(&CHECK, &of(&[("access-control-allow-origin", "*"), ("vary", "Origin")])), "pass");
        assert_eq!(word(&CHECK, &of(&[])), "pass");
        assert_eq!(word(&CHECK, &site(API).edge(200, &["HIT"], &[("vary", "Origin")])), "not-applicable");
    }
}
