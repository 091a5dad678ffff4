//! `no-store` or bare `private` in the header that decides (`facts/cloudflare.md` 1.1 C, 9.1 rows 12–14).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::model::cache::CacheInput;
use crate::verdict::Fix;

const ID: &str = "cache-control-forbids";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The origin allows the edge to store its answer",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "no-store and private forbid every shared cache to keep the answer; Cloudflare obeys them in \
          Cloudflare-CDN-Cache-Control, else in CDN-Cache-Control, else in Cache-Control, and reports BYPASS.",
    fix: |evidence, _| {
        let input = CacheInput::of(evidence);
        let header =
            input.as_ref().and_then(|input| Some(input.response.as_ref()?.winner().0)).unwrap_or("Cache-Control");
        let summary = if header == "Cache-Control" {
            "If the answer is the same for every visitor, let the origin say so; if it holds user data, leave it as \
                 it is."
                .to_owned()
        } else {
            format!(
                "If the answer is the same for every visitor, remove {header} at the origin (it beats Cache-Control) \
                 and send one Cache-Control; if it holds user data, leave it as it is."
            )
        };
        fixes::give_lifetime(Fix::new(summary), evidence)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/cache-control/",
        "https://developers.cloudflare.com/cache/concepts/cdn-cache-control/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::{Cached, Uncached};

    #[test]
    fn speaks_when_a_header_forbids() {
        for header in ["no-store", "private, max-age=60", "Private", "max-age=60, NO-STORE"] {
            let refused = site(CSS).edge(200, &["BYPASS", "BYPASS"], &[("cache-control", header)]);
            assert_eq!(word(&CHECK, &refused), "warn", "{header}");
            assert_eq!(word(&CHECK, &refused.clone().expecting(Cached)), "fail", "{header}");
            assert_eq!(word(&CHECK, &refused.clone().expecting(Uncached)), "pass", "{header}");
            is_honest(&CHECK, &refused);
        }
        let hidden = site(CSS)
            .edge(200, &["BYPASS"], &[("cache-control", "max-age=60")])
            .origin_says(200, &[("cache-control", "max-age=60"), ("cloudflare-cdn-cache-control", "no-store")]);
        let (word_, seen) = verdict(&CHECK, &hidden);
        assert_eq!(word_, "warn");
        assert!(seen.contains("Cloudflare-CDN-Cache-Control"), "{seen}");
    }

    #[test]
    fn a_redirect_that_only_the_header_forbids() {
        let thin = site("https://a.example.com/go/1").excerpt(&[(302, &[("cache-control", "max-age=86400, private")])]);
        assert_eq!(word(&CHECK, &thin.expecting(Cached)), "fail");
    }

    #[test]
    fn is_next_behind_dynamic_where_caching_is_wanted() {
        let layered = site(API).edge(200, &["DYNAMIC"], &[("cache-control", "private")]);
        assert_eq!(word(&CHECK, &layered), "pass");
        let (word_, seen) = verdict(&CHECK, &layered.expecting(Cached));
        assert_eq!(word_, "warn");
        assert!(seen.starts_with("Next, once cache-not-eligible is mended"), "{seen}");
    }

    #[test]
    fn leaves_others_alone() {
        for header in ["public, max-age=60", "private=\"x-user\", max-age=60", "no-cache"] {
            assert_eq!(word(&CHECK, &site(CSS).edge(200, &["MISS"], &[("cache-control", header)])), "pass", "{header}");
        }
        let stored = site(CSS).edge(200, &["HIT"], &[("cache-control", "private")]);
        assert_eq!(word(&CHECK, &stored), "pass");
    }
}
