//! Something beats Cache-Control and keeps the answer out (`facts/cloudflare.md` 1.1 D, 9.1 rows 13, 14).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-control-overridden";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "Cache-Control decides, or what beats it agrees",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Cloudflare-CDN-Cache-Control (which Cloudflare consumes, so visitors never see it), CDN-Cache-Control, \
         Cache Rules and Cache Response Rules are stronger than Cache-Control. A BYPASS that no visible header \
         explains comes from one of them.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let origin =
            target.origin.as_ref().map_or_else(|| "ORIGIN:443".to_owned(), |o| format!("{}:{}", o.host, o.port));
        let fix = Fix::new(
            "Look at the origin's own answer and at the response rules, and remove what forbids storing.",
        )
        .shell(
            "The origin's own headers (with --cert and --key, if it demands a client certificate)",
            format!(
                "curl -sS -o /dev/null -D - --connect-to {}:{}:{origin} {} | grep -iE 'cache-control|set-cookie|vary'",
                target.host,
                target.port,
                fixes::shell_quote(&target.url())
            ),
        )
        .api(
            "The Cache Response Rules",
            "curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" https://api.cloudflare.com/client/v4/zones/\
                 $ZONE_ID/rulesets/phases/http_response_cache_settings/entrypoint",
        );
        fixes::look_twice(fix, target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/cdn-cache-control/",
        "https://developers.cloudflare.com/cache/how-to/cache-response-rules/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn bypass_that_nothing_visible_explains() {
        let hidden = site(API).edge(200, &["BYPASS", "BYPASS"], &[("cache-control", "public, max-age=60")]);
        assert_eq!(word(&CHECK, &hidden), "warn");
        // Which of several invisible causes it is, is a guess; that it is not stored was seen.
        assert_eq!(word(&CHECK, &hidden.clone().expecting(Cached)), "fail");
        is_honest(&CHECK, &hidden);
        let cookie = site(API).edge(200, &["BYPASS"], &[("cache-control", "max-age=60"), ("set-cookie", "a=b")]);
        assert_eq!(word(&CHECK, &cookie), "pass");
        let edge_wins =
            site(API).edge(200, &["HIT"], &[("cache-control", "no-cache"), ("cdn-cache-control", "max-age=60")]);
        assert_eq!(word(&CHECK, &edge_wins), "pass");
    }
}
