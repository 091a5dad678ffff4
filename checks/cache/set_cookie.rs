//! A cookie blocks storing (`facts/cloudflare.md` 1.6, 9.1 rows 10 and 11).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Target;
use crate::model::cache::CacheInput;
use crate::verdict::Fix;

const ID: &str = "cache-set-cookie";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The answer sets no cookie",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "An answer that sets a cookie is not stored (BYPASS; before 2026-05-26 often MISS each time). Frameworks \
         set a session cookie on every answer, also where nobody is logged in. Cloudflare's own cookies (__cf_bm and \
         the like) do not count, unless the origin itself sends them: then another Cloudflare stands behind yours.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let input = CacheInput::of(evidence);
        let answer = input.as_ref().and_then(|input| input.response.as_ref());
        let cookies = answer.map(|answer| answer.cookies.as_slice()).unwrap_or_default();
        if !cookies.is_empty() && cookies.iter().all(|cookie| cookie.is_cloudflares()) {
            let fix = Fix::new(
                "In the zone behind yours, turn off what sets the cookie; or strip it here, if the answer holds no \
                 user data.",
            );
            return fixes::look_twice(strip(fix, target), target);
        }
        let fix = Fix::new(
            "Do not set the cookie on this path. Only if the answer holds no user data, a Cache Response Rule may \
             strip it instead (the visitor then gets no cookie either).",
        );
        let (name, value) = fixes::kept(evidence);
        let note = "Payload format 2.0: leave cookies out; 1.0: leave Set-Cookie out of headers and multiValueHeaders.";
        let fix = fixes::send_headers(fix, 200, &[(name, &value)], note);
        fixes::look_twice(strip(fix, target), target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/cache-behavior/",
        "https://developers.cloudflare.com/cache/how-to/cache-response-rules/settings/",
        "https://developers.cloudflare.com/cache/troubleshooting/bot-management-o2o-cache-bypass/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

/// A Cache Response Rule that takes the cookie away before storing.
fn strip(fix: Fix, target: &Target) -> Fix {
    let fix = fix.dashboard(format!(
        "Only if it holds no user data: Caching → Cache Rules → Cache Response Rules → Create rule → {} → Strip \
         Set-Cookie",
        fixes::expression(target)
    ));
    let parameters = serde_json::json!({ "strip_set_cookie": true });
    fixes::cautious_rule(fix, target, fixes::RESPONSE, "Strip cookies of", parameters)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn names_the_cookie() {
        let session = site(API).edge(
            200,
            &["BYPASS", "BYPASS"],
            &[("cache-control", "max-age=60"), ("set-cookie", "sid=x; Path=/")],
        );
        let (word_, seen) = verdict(&CHECK, &session);
        assert_eq!(word_, "warn");
        assert!(seen.contains("sid") && !seen.contains("sid=x"), "{seen}");
        assert_eq!(word(&CHECK, &session.clone().expecting(Cached)), "fail");
        is_honest(&CHECK, &session);
    }

    #[test]
    fn cloudflares_cookies_count_only_at_the_origin() {
        let bot = site(CSS).edge(200, &["MISS", "HIT"], &[("set-cookie", "__cf_bm=x; path=/")]);
        assert_eq!(word(&CHECK, &bot), "pass");
        let inner = site(CSS)
            .edge(200, &["BYPASS"], &[("cache-control", "max-age=60"), ("set-cookie", "__cf_bm=x")])
            .origin_says(200, &[("cache-control", "max-age=60"), ("set-cookie", "__cf_bm=x")]);
        let (word_, seen) = verdict(&CHECK, &inner);
        assert_eq!(word_, "warn");
        assert!(seen.contains("second Cloudflare"), "{seen}");
    }

    #[test]
    fn an_excerpt_that_leaves_the_cookie_out() {
        let quoted: Lines = &[("cache-control", "public, max-age=86400"), ("cf-cache-status", "BYPASS")];
        let thin = site(API).excerpt(&[(200, quoted)]).expecting(Cached);
        assert_eq!(word(&CHECK, &thin), "fail");
        assert_eq!(word(&CHECK, &site(API).edge(200, &["DYNAMIC"], &[("set-cookie", "a=b")])), "pass");
        let layered = site(API).edge(200, &["DYNAMIC"], &[("cache-control", "s-maxage=60"), ("set-cookie", "a=b")]);
        assert!(verdict(&CHECK, &layered).1.starts_with("Next, once cache-not-eligible"));
    }
}
