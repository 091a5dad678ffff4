//! The origin says nothing of freshness (`facts/cloudflare.md` 1.5, 9.1 rows 19 and 41).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::target::Expectation;
use crate::model::cache::{CacheInput, freshness};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

const ID: &str = "cache-control-missing";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The origin says how long its answer stays fresh",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "API Gateway and Lambda send no Cache-Control of their own. Once the URL is eligible, Cloudflare then \
          assumes: two hours for 200, 206 and 301, twenty minutes for 302 and 303, three minutes for 404 and 410, and \
          nothing for other statuses; a rule may also refuse to cache such answers. Browsers get the zone's Browser \
          Cache TTL, four hours unless changed.",
    fix: |evidence, _| {
        let fix = Fix::new("Send a Cache-Control with the lifetime that you mean.");
        fixes::give_lifetime(fix, evidence)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/how-to/configure-cache-status-code/",
        "https://developers.cloudflare.com/cache/concepts/cache-control/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let case = case::look(evidence)?;
    let Some(answer) = case.input.response.as_ref() else { return Ok(Verdict::Pass(None)) };
    if answer.speaks_of_freshness() {
        return Ok(Verdict::Pass(case.plan.now.lifetime()));
    }
    let blocks = case.plan.obstacles.iter().any(|obstacle| obstacle.check == ID && obstacle.blocks);
    // BYPASS, and a rule that bypasses where the origin is silent: the one explains the other, whatever was not quoted.
    let explained = blocks && case.input.observed.is_bypass();
    if !(answer.whole || answer.from_origin || explained) {
        return Err(NotRun::inconclusive("the headers of the answer were not all seen"));
    }
    if blocks || evidence.target.expect == Expectation::Uncached {
        return Ok(case.judge(evidence, ID));
    }
    let listed = case.plan.obstacles.iter().any(|obstacle| obstacle.check == ID);
    // Without any other obstacle it matters only where no copy was served yet: a HIT shows that the assumption suits.
    let waits =
        case.plan.obstacles.is_empty() && !case.input.observed.has_hit() && case.input.observed.proves_eligible();
    Ok(if listed || waits {
        Verdict::Warn(assumed(&case.input, &case))
    } else {
        Verdict::Pass(case.plan.now.lifetime())
    })
}

fn assumed(input: &CacheInput, case: &case::Case) -> Finding {
    let (status, from_origin) = input.response.as_ref().map_or((200, false), |a| (a.status, a.from_origin));
    let who = if from_origin { "The origin sends" } else { "The answer carries" };
    let then = match freshness::default_ttl(status) {
        Some(seconds) if input.observed.proves_eligible() => format!("Cloudflare assumes {seconds} s for {status}"),
        Some(seconds) => format!("once eligible, Cloudflare assumes {seconds} s for {status}"),
        None => format!("Cloudflare does not cache {status} without one"),
    };
    let place = if from_origin { "at the origin" } else { "at the edge" };
    Finding::seen(format!("{who} no Cache-Control and no Expires; {then}"))
        .proof(format!(
            "status {status} {place}, without Cache-Control, CDN-Cache-Control, Surrogate-Control and Expires"
        ))
        .proofs(case.sample_lines())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::{Cached, Uncached};

    #[test]
    fn the_next_obstacle_of_a_dynamic_path() {
        let silent = site(API).edge(200, &["DYNAMIC", "DYNAMIC"], &[]);
        assert_eq!(word(&CHECK, &silent), "warn");
        assert_eq!(word(&CHECK, &silent.clone().expecting(Cached)), "warn");
        assert_eq!(word(&CHECK, &silent.clone().expecting(Uncached)), "pass");
        is_honest(&CHECK, &silent);
        assert!(verdict(&CHECK, &silent).1.contains("7200 s"));
        let speaks = site(API).edge(200, &["DYNAMIC"], &[("cache-control", "no-store")]);
        assert_eq!(word(&CHECK, &speaks), "pass");
        let personal = site(API).edge(200, &["DYNAMIC"], &[("set-cookie", "sid=x")]);
        assert_eq!(word(&CHECK, &personal), "pass");
    }

    #[test]
    fn a_hit_needs_no_word() {
        let hit = site(CSS).edge(200, &["MISS", "HIT"], &[("cache-control", "max-age=14400")]).origin_says(200, &[]);
        assert_eq!(word(&CHECK, &hit), "pass");
        let waiting = site(CSS).edge(200, &["MISS"], &[("cache-control", "max-age=14400")]).origin_says(200, &[]);
        assert_eq!(word(&CHECK, &waiting), "warn");
    }

    #[test]
    fn bypass_and_silence_belong_together() {
        let refused = site(API).edge(200, &["BYPASS", "BYPASS"], &[]).expecting(Cached);
        assert_eq!(word(&CHECK, &refused), "fail");
        let seen = refused.origin_says(200, &[]);
        assert_eq!(word(&CHECK, &seen), "fail");
        assert!(verdict(&CHECK, &seen).1.contains("the origin's own answer"));
        let thin = site(API).excerpt(&[(200, &[("cf-cache-status", "BYPASS")])]).expecting(Cached);
        assert_eq!(word(&CHECK, &thin), "inconclusive");
        let rule = serde_json::json!([{"expression": "true", "action": "set_cache_settings",
            "action_parameters": {"cache": true, "edge_ttl": {"mode": "bypass_by_default"}}}]);
        let ruled = thin.in_zone(serde_json::json!({"rulesets": {"http_request_cache_settings": rule}}));
        assert_eq!(word(&CHECK, &ruled), "fail", "the rule and BYPASS explain each other");
    }
}
