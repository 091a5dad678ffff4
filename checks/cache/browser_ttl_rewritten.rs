//! Browsers keep it longer than the origin said (`facts/cloudflare.md` 1.9, 9.1 row 37).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::http::{CacheControl, CacheStatus, Name, Seconds};
use crate::model::cache::BrowserRule;
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cache-browser-ttl-rewritten",
    title: "Browsers keep the answer as long as the origin says",
    severity: Severity::Low,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "The zone's Browser Cache TTL (4 hours unless changed) replaces a lower max-age on everything that the cache \
          handles. A purge clears the edge, not the browsers: they keep the old copy until that time is over.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let fix = Fix::new("Let Cloudflare respect the origin's headers, for the zone or for this URL.")
            .dashboard("Caching → Configuration → Browser Cache TTL: Respect Existing Headers")
            .api(
                "For the whole zone",
                "curl -sS -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json '{\"value\":0}' \
                 https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/browser_cache_ttl",
            )
            .terraform(
                "For the whole zone, Cloudflare provider v5",
                "resource \"cloudflare_zone_setting\" \"browser_cache_ttl\" {\n  zone_id    = var.zone_id\n  \
                 setting_id = \"browser_cache_ttl\"\n  value      = 0\n}",
            );
        let fix = fix.dashboard(format!(
            "Or for this URL only: Caching → Cache Rules → Create rule → {} → Eligible for cache → Browser TTL: Respect \
             origin TTL",
            fixes::expression(target)
        ));
        let parameters = serde_json::json!({ "cache": true, "browser_ttl": { "mode": "respect_origin" } });
        fixes::rule(fix, target, fixes::REQUEST, "Browser TTL of", parameters)
    },
    sources: &["https://developers.cloudflare.com/cache/how-to/edge-browser-cache-ttl/"],
    judge,
};

/// How long browsers may keep it: `None`, the header does not say.
fn for_browsers(control: &CacheControl) -> Option<u64> {
    if control.forbids(Name::NoStore) || control.forbids(Name::NoCache) {
        return Some(0);
    }
    control.seconds(Name::MaxAge).and_then(Seconds::floored)
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    case::samples(evidence)?;
    let origin = evidence.origin_answer()?;
    if evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed) {
        return Err(NotRun::not_applicable("the origin is tomorrow's; today's edge does not use it"));
    }
    let edge = evidence.edge.http.get()?.answers().find(|answer| {
        // Never on BYPASS or DYNAMIC.
        answer.headers.cf_cache_status().is_some_and(|s| s.proves_eligible() && s != CacheStatus::Bypass)
    });
    let Some(edge) = edge.filter(|edge| edge.status == origin.status) else {
        return Err(NotRun::not_applicable("the cache did not handle the answer"));
    };
    let (sent, shown) = (origin.headers.cache_control(), edge.headers.cache_control());
    // A stored copy may be older than what the origin sends today; a lifetime that only grew at the edge is its doing.
    Ok(match (for_browsers(&sent), for_browsers(&shown)) {
        (Some(meant), Some(seen)) if seen > meant => Verdict::Warn(
            Finding::seen(format!("The origin gives browsers {meant} s, the edge tells them {seen} s"))
                .proofs(origin.headers.quote("cache-control").into_iter().map(|line| format!("origin: {line}")))
                .proofs(edge.headers.quote("cache-control").into_iter().map(|line| format!("edge: {line}")))
                .proofs(said(evidence)),
        ),
        _ => Verdict::Pass(None),
    })
}

/// Who says so in the zone: a rule's Browser TTL, else the zone's setting.
fn said(evidence: &Evidence) -> Option<String> {
    evidence.zone_of_host().ok()?;
    let effective = evidence.effective().ok()?;
    let (rule, zone) = (&effective.cache.browser_ttl, &effective.cache.browser_cache_ttl);
    match (rule.certain()?, zone.certain()) {
        (Some(BrowserRule::Override(seconds)), _) => Some(format!("{}: Browser TTL {seconds} s", rule.by)),
        (None, Some(seconds)) if *seconds > 0 => Some(format!("{}: {seconds} s", zone.by)),
        (Some(BrowserRule::RespectOrigin), _) | (None, Some(0)) => {
            Some("by the zone the origin's headers are respected: a Worker or a response rule writes this, or the copy is older".into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;

    #[test]
    fn longer_than_the_origin_said() {
        let of = |origin: &str, edge: &str, status: &str| {
            site(CSS).edge(200, &[status], &[("cache-control", edge)]).origin_says(200, &[("cache-control", origin)])
        };
        let longer = of("public, max-age=60", "public, max-age=14400", "HIT");
        assert_eq!(word(&CHECK, &longer), "warn");
        is_honest(&CHECK, &longer);
        assert_eq!(word(&CHECK, &of("no-cache", "max-age=14400, must-revalidate", "MISS")), "warn");
        assert_eq!(word(&CHECK, &of("max-age=60", "max-age=60", "HIT")), "pass");
        // The origin gave browsers no time, so none is lengthened.
        assert_eq!(word(&CHECK, &of("s-maxage=7200", "max-age=14400", "HIT")), "pass");
        assert_eq!(word(&CHECK, &of("max-age=60", "max-age=14400", "DYNAMIC")), "not-applicable");
        assert_eq!(word(&CHECK, &site(CSS).edge(200, &["HIT"], &[("cache-control", "max-age=14400")])), "disabled");
    }

    #[test]
    fn the_zone_says_who_does_it() {
        let longer = site(CSS)
            .edge(200, &["HIT"], &[("cache-control", "public, max-age=14400")])
            .origin_says(200, &[("cache-control", "public, max-age=60")]);
        let under = |ttl: u64| {
            let mut evidence = longer.clone();
            let document = serde_json::json!({"zone": {"name": "example.com"}, "settings": {"browser_cache_ttl": ttl},
                "page_rules": [], "worker_routes": [], "worker_domains": [],
                "rulesets": {"http_request_cache_settings": [], "http_request_transform": []}});
            evidence.zone = crate::evidence::Gathered::Found(crate::evidence::Zone::from_document(document).unwrap());
            let Ok(crate::Verdict::Warn(finding)) = CHECK.run(&evidence) else { panic!("no warning") };
            is_honest(&CHECK, &evidence);
            finding.proof.join("; ")
        };
        assert!(under(14400).contains("zone setting browser_cache_ttl: 14400 s"), "{}", under(14400));
        assert!(under(0).contains("are respected"), "{}", under(0));
    }
}
