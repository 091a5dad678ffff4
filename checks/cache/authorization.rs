//! Authorization in the request, and no word that lets the answer be shared (`facts/cloudflare.md` 1.1 C, 9.1 row 17).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::model::cache::{self, CacheInput};
use crate::verdict::Fix;

const ID: &str = "cache-authorization";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "An answer to an authorised request may be shared, or is not asked to be",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "The answer to a request with Authorization is stored only if it carries public, s-maxage or \
         must-revalidate. The same URL may be a HIT without the header.",
    fix: |evidence, _| {
        let fix = Fix::new(
            "If every caller gets the same answer, let the origin send public; if the answer is the caller's own, it \
             must not be cached: leave it as it is.",
        );
        let value = CacheInput::of(evidence).map_or_else(|| "public, max-age=7200".into(), |i| cache::shared(&i));
        fixes::look_twice(fixes::send_header(fix, &value), &evidence.target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/cache-control/",
        "https://developers.cloudflare.com/cache/troubleshooting/investigating-uncached-responses/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn needs_a_word_that_shares() {
        let of = |control: &str| {
            let lines = [("cache-control", control)];
            site(API)
                .edge(200, &["BYPASS", "BYPASS"], &lines)
                .sending("Authorization", "Bearer abcdefgh")
                .expecting(Cached)
        };
        assert_eq!(word(&CHECK, &of("max-age=60")), "fail");
        is_honest(&CHECK, &of("max-age=60"));
        for shared in ["public, max-age=60", "s-maxage=60", "max-age=60, must-revalidate"] {
            assert_eq!(word(&CHECK, &of(shared)), "pass", "{shared}");
        }
        let without = site(API).edge(200, &["BYPASS"], &[("cache-control", "max-age=60")]);
        assert_eq!(word(&CHECK, &without), "pass");
    }
}
