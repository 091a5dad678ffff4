//! Stored, but never fresh (`facts/cloudflare.md` 1.1 C, 9.1 rows 15 and 16).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-control-revalidates";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "A stored copy stays fresh for a while",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "no-cache, max-age=0, s-maxage=0 and an Expires that is past let Cloudflare keep a copy, but each request \
         is confirmed with the origin first: MISS, then REVALIDATED or EXPIRED for ever. With Origin Cache Control \
         off (Enterprise's default) such answers are not stored at all: BYPASS.",
    fix: |evidence, _| {
        let fix = Fix::new(
            "Give the answer a positive lifetime, if visitors may see it that much later; a validator (ETag) makes \
             what is confirmed cheap.",
        );
        fixes::give_lifetime(fix, evidence)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/cache-control/",
        "https://developers.cloudflare.com/cache/concepts/revalidation/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn words_that_leave_no_lifetime() {
        for (name, value) in [("cache-control", "no-cache"), ("cache-control", "max-age=0"), ("expires", "0")] {
            let zero = site(CSS).edge(200, &["MISS", "EXPIRED"], &[(name, value)]);
            assert_eq!(word(&CHECK, &zero), "warn", "{value}");
            assert_eq!(word(&CHECK, &zero.clone().expecting(Cached)), "fail", "{value}");
            is_honest(&CHECK, &zero);
        }
        let off = site(CSS).edge(200, &["BYPASS"], &[("cache-control", "no-cache, must-revalidate")]);
        assert_eq!(word(&CHECK, &off), "warn");
        for fine in ["max-age=60", "no-cache=\"set-cookie\", max-age=60", "no-store, max-age=0"] {
            assert_eq!(word(&CHECK, &site(CSS).edge(200, &["MISS"], &[("cache-control", fine)])), "pass", "{fine}");
        }
    }

    #[test]
    fn revalidated_for_ever_in_an_excerpt() {
        let answers: Vec<(u16, Lines)> = vec![
            (200, &[("cf-cache-status", "MISS")]),
            (200, &[("cf-cache-status", "REVALIDATED")]),
            (200, &[("cf-cache-status", "REVALIDATED")]),
        ];
        assert_eq!(word(&CHECK, &site(CSS).excerpt(&answers).expecting(Cached)), "fail");
        let served = site(CSS).edge(200, &["HIT", "REVALIDATED", "HIT"], &[("cache-control", "max-age=60")]);
        assert_eq!(word(&CHECK, &served), "pass");
    }
}
