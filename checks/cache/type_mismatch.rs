//! Cache Deception Armor keeps an answer out whose type is not the extension's (`facts/cloudflare.md` 1.1 C, 1.10, 9.1 row
//! 35).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-type-mismatch";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "Extension and Content-Type agree, as Cache Deception Armor demands",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "With Cache Deception Armor an answer is stored only if its Content-Type fits the extension of the URL: JSON or \
          HTML under .css or .jpg is what an attacker makes of a personal page (/account/x.jpg), so it is not stored. A \
          Cache-Control of the origin, or an Edge TTL of a rule, goes before it.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let fix = Fix::new(
            "Send the Content-Type that the extension promises, or take the extension out of the path; leave the armor on: \
             it guards personal pages.",
        )
        .code(
            "Lambda proxy response, Python",
            "return {\n    \"statusCode\": 200,\n    \"headers\": {\n        \"Content-Type\": \"text/css\",  # of this \
             extension\n    },\n    \"body\": text,\n}",
        )
        .code(
            "Lambda proxy response, Node.js",
            "return {\n  statusCode: 200,\n  headers: {\n    \"Content-Type\": \"text/css\", // of this extension\n  },\n  \
             body: text,\n};",
        )
        .dashboard(format!(
            "The rule that switches it on: Caching → Cache Rules → the rule for {} → Cache key → Cache deception armor",
            fixes::expression(target)
        ));
        let parameters = serde_json::json!({ "cache": true, "cache_key": { "cache_deception_armor": false } });
        let fix = fixes::cautious_rule(fix, target, crate::evidence::zone::Phase::Cache, "No armor for", parameters);
        fixes::look_twice(fix, target)
    },
    sources: &["https://developers.cloudflare.com/cache/cache-security/cache-deception-armor/"],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;
    use crate::evidence::{Evidence, Gathered, Zone};

    fn armored(mut evidence: Evidence, on: bool) -> Evidence {
        let rule = json!([{"expression": "true", "action": "set_cache_settings", "enabled": true,
            "action_parameters": {"cache": true, "cache_key": {"cache_deception_armor": on}}}]);
        let document = json!({"zone": {"name": "example.com", "plan": {"legacy_id": "free"}}, "page_rules": [], "worker_routes": [],
            "worker_domains": [], "settings": {"development_mode": "off", "cache_level": "aggressive"},
            "rulesets": {"http_request_cache_settings": rule, "http_request_transform": [], "http_response_cache_settings": []}});
        evidence.zone = Gathered::Found(Zone::from_document(document).unwrap());
        evidence.expecting(Cached)
    }

    #[test]
    fn only_with_the_armor_and_only_where_the_types_disagree() {
        let of = |kind: &str, status: &str| site(CSS).edge(200, &[status, status], &[("content-type", kind)]);
        let json = armored(of("application/json", "BYPASS"), true);
        assert_eq!(word(&CHECK, &json), "fail");
        is_honest(&CHECK, &json);
        assert!(CHECK.mend(&json, &crate::Finding::seen("")).summary.contains("Content-Type"));
        assert_eq!(word(&CHECK, &armored(of("application/json", "BYPASS"), false)), "pass");
        assert_eq!(
            word(&CHECK, &of("application/json", "BYPASS").expecting(Cached)),
            "pass",
            "nothing is known of the zone"
        );
        for kind in ["text/css", "application/octet-stream"] {
            assert_eq!(word(&CHECK, &armored(of(kind, "MISS"), true)), "pass", "{kind}");
        }
        assert_eq!(word(&CHECK, &armored(of("application/json", "HIT"), true)), "pass", "it is stored all the same");
        let lived = [("content-type", "application/json"), ("cache-control", "max-age=600")];
        let lived = armored(site(CSS).edge(200, &["MISS", "HIT"], &lived), true);
        assert_eq!(word(&CHECK, &lived), "pass", "the origin's Cache-Control goes before it");
    }
}
