//! A rule, or Development Mode, turns the cache off for an eligible URL (`facts/cloudflare.md` 9.1 rows 3, 8).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::cache::RuleSays;
use crate::verdict::Fix;

const ID: &str = "cache-rule-bypasses";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "No rule turns the cache off for this URL",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "A path with a default extension is eligible without any rule. If it is DYNAMIC all the same, a Cache Rule \
         or Page Rule bypasses the cache (shown as DYNAMIC, not BYPASS), or Development Mode is on, which lasts \
         three hours. Of several Cache Rules that match, the last decides.",
    fix: |evidence, _| fix(evidence),
    sources: &[
        "https://developers.cloudflare.com/cache/how-to/cache-rules/order/",
        "https://developers.cloudflare.com/cache/reference/development-mode/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

fn fix(evidence: &Evidence) -> Fix {
    let target = &evidence.target;
    let known = evidence.effective().ok();
    if known.as_ref().is_some_and(|known| known.cache.development_mode.certain() == Some(&true)) {
        let fix = Fix::new("Turn Development Mode off; after three hours it ends by itself.")
            .dashboard("Caching → Configuration → Development Mode: Off")
            .api(
                "Turn it off",
                "curl -sS -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json '{\"value\":\"off\"}' \
                 https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/development_mode",
            );
        return fixes::look_twice(fix, target);
    }
    let rule = known.filter(|known| known.cache.rule.certain() == Some(&RuleSays::Bypass));
    let fix = match rule.map(|known| known.cache.rule.by.to_string()) {
        Some(rule) => {
            Fix::new(format!("Narrow {rule} so that it leaves this URL out, or add an eligible rule after it."))
        }
        None => Fix::new(
            "Find the rule that bypasses the cache for this URL and narrow it, or add an eligible rule after it; turn \
             Development Mode off.",
        )
        .api(
            "Which rules are there, and is Development Mode on?",
            "for what in rulesets/phases/http_request_cache_settings/entrypoint 'pagerules?status=active' \
             settings/development_mode; do\n  curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
             \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/$what\"\ndone",
        ),
    };
    fixes::look_twice(fixes::make_eligible(fix, target), target)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn a_rule_that_is_known_to_bypass() {
        let rule = serde_json::json!([{"priority": 1, "status": "active", "actions": [{"id": "cache_level", "value": "bypass"}],
            "targets": [{"target": "url", "constraint": {"operator": "matches", "value": "*example.com/*"}}]}]);
        let thin = || serde_json::json!({ "page_rules": rule });
        let whole = || {
            serde_json::json!({ "page_rules": rule, "worker_routes": [], "worker_domains": [],
            "rulesets": {"http_request_cache_settings": [], "http_request_transform": []} })
        };
        for document in [thin(), whole()] {
            for status in ["BYPASS", "DYNAMIC"] {
                let told = site(CSS).excerpt(&[(200, &[("cf-cache-status", status)])]).in_zone(document.clone());
                assert_eq!(word(&CHECK, &told.expecting(Cached)), "fail", "{status} {document}");
            }
            let hit = site(CSS).edge(200, &["MISS", "HIT"], &[]).in_zone(document);
            assert_eq!(word(&CHECK, &hit.expecting(Cached)), "pass", "what was served was not bypassed");
        }
    }

    #[test]
    fn dynamic_on_a_default_extension() {
        let off = site(CSS).edge(200, &["DYNAMIC", "DYNAMIC"], &[("cache-control", "max-age=60")]);
        assert_eq!(word(&CHECK, &off), "warn");
        assert_eq!(word(&CHECK, &off.clone().expecting(Cached)), "fail");
        is_honest(&CHECK, &off);
        let query = site("https://a.example.com/a.css?v=1").edge(200, &["DYNAMIC"], &[("cache-control", "max-age=60")]);
        assert!(verdict(&CHECK, &query).1.contains("No query string"));
        assert_eq!(word(&CHECK, &site(API).edge(200, &["DYNAMIC"], &[])), "pass");
        assert_eq!(word(&CHECK, &site(CSS).edge(200, &["MISS", "HIT"], &[])), "pass");
        // One answer of another kind among those that asked the cache decides nothing.
        assert_ne!(word(&CHECK, &site(CSS).edge(200, &["MISS", "MISS", "DYNAMIC"], &[]).expecting(Cached)), "fail");
    }
}
