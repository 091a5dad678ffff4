//! `Vary` keeps the answer out (`facts/cloudflare.md` 1.7, 9.1 rows 20 and 21).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-vary-blocks";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "Vary lets the answer be stored",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Vary: * is never stored (since 2026-05-04). Other names are ignored, unless a Cache Rule's vary setting \
         says what becomes of them: into the key, or bypass.",
    fix: |evidence, _| {
        let fix = Fix::new("Send Vary with the names of the headers that the answer depends on, never *.");
        let (name, value) = fixes::kept(evidence);
        let headers = [(name, value.as_str()), ("Vary", "Accept-Encoding")];
        let fix = fixes::send_headers(fix, 200, &headers, "");
        fixes::look_twice(fix, &evidence.target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/vary/",
        "https://developers.cloudflare.com/changelog/post/2026-05-04-pingora-powers-cache/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn a_star_is_never_stored() {
        let star = site(CSS).edge(200, &["BYPASS", "BYPASS"], &[("cache-control", "max-age=60"), ("vary", "*")]);
        assert_eq!(word(&CHECK, &star.clone().expecting(Cached)), "fail");
        is_honest(&CHECK, &star);
        let names = site(CSS).edge(200, &["HIT"], &[("cache-control", "max-age=60"), ("vary", "Cookie, Origin")]);
        assert_eq!(word(&CHECK, &names.expecting(Cached)), "pass");
        // DYNAMIC is decided before the origin answers, so Vary cannot be the reason.
        let theory =
            site("https://a.example.com/").edge(200, &["DYNAMIC"], &[("vary", "User-Agent")]).expecting(Cached);
        assert_eq!(word(&CHECK, &theory), "pass");
        let mut old = star;
        old.gathered_at = time::macros::datetime!(2025-01-01 0:00 UTC);
        assert_eq!(word(&CHECK, &old), "pass");
    }
}
