//! A Worker answers before the cache (`facts/cloudflare.md` 1.1 A, 1.11, 9.1 rows 7 and 42).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::http::CacheStatus;
use crate::evidence::target::Expectation;
use crate::evidence::{Evidence, Target};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

const ID: &str = "cache-worker-in-front";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The answer comes through the cache, not from a Worker before it",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Workers run in front of the zone's cache. What a Worker makes itself is not stored, whatever Cache-Control it \
         sets, and its answer carries no cf-cache-status. Cached is what it fetches, what it puts into the Cache API, \
         and, where its configuration turns Workers Caching on, what it answers.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let fix = Fix::new(
            "Let the Worker fetch through the cache, or turn on its own cache; the Cache API stores for one data centre \
             only.",
        )
        .code(
            "wrangler.jsonc: store what the Worker makes, by the Cache-Control that it sends",
            "\"cache\": { \"enabled\": true }",
        )
        .code(
            "Worker: fetch through the cache",
            "return fetch(request, { cf: { cacheEverything: true, cacheTtlByStatus: { \"200-299\": 7200, \
                 \"400-599\": -1 } } });",
        )
        .code(
            "Worker: store what it makes",
            "const cache = caches.default;\nlet response = await cache.match(request);\nif (!response) {\n  \
             response = await make(request); // with Cache-Control: public, max-age=7200, without Set-Cookie\n  \
             ctx.waitUntil(cache.put(request, response.clone()));\n}\nreturn response;",
        )
        .api(
            "Which Worker takes this URL?",
            "curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
             https://api.cloudflare.com/client/v4/zones/$ZONE_ID/workers/routes",
        );
        fixes::look_twice(without_worker(fix, target), target)
    },
    sources: &[
        "https://developers.cloudflare.com/workers/reference/how-the-cache-works/",
        "https://developers.cloudflare.com/workers/cache/",
        "https://developers.cloudflare.com/cache/interaction-cloudflare-products/workers/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let case = case::look(evidence)?;
    let verdict = case.judge(evidence, ID);
    if matches!(verdict, Verdict::Pass(_)) && lives_by_the_workers_word(evidence, &case) {
        let worker = case.input.zone.by.worker.as_deref().unwrap_or("a Worker");
        let says = format!(
            "EXPIRED: the copy had ended when it was asked for, and {worker} takes this URL: how long an answer lives is \
             what the Worker says or sets, not what the files behind it would"
        );
        let settle =
            "what would settle it: the cache-control of a whole answer, and the same with the route taken away";
        let finding = Finding::seen(says).confidence(Confidence::Low).severity(Severity::Low);
        return Ok(Verdict::Warn(finding.proofs(case.sample_lines()).proof(settle)));
    }
    Ok(verdict)
}

/// Somebody wants it cached, and notes of EXPIRED are all there is to see: no lifetime, no time of day, and a Worker on
/// the way that decides both. A visit of our own, or an answer that tells its lifetime, is judged by what it shows.
fn lives_by_the_workers_word(evidence: &Evidence, case: &case::Case) -> bool {
    let seen = &case.input.observed;
    let undated = seen.samples.iter().all(|sample| sample.at.is_none() && !sample.whole);
    evidence.target.expect == Expectation::Cached
        && case.input.zone.worker == Some(true)
        && seen.is_excerpt()
        && undated
        && seen.statuses().next() == Some(&CacheStatus::Expired)
        && case.input.response.as_ref().is_none_or(|answer| !answer.speaks_of_freshness())
}

/// A route without a script takes the path away from the Worker (`facts/cloudflare.md` section 7, Worker routes).
fn without_worker(fix: Fix, target: &Target) -> Fix {
    let pattern = format!("{}{}", target.host, target.path_only());
    let body = serde_json::json!({ "pattern": pattern }).to_string();
    fix.dashboard(format!("Or, if this path needs no Worker: Workers Routes → Add route → {pattern} → Worker: None"))
        .api(
            "Or, if this path needs no Worker: a route without a script",
            format!(
                "curl -sS -X POST -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {} \
             https://api.cloudflare.com/client/v4/zones/$ZONE_ID/workers/routes",
                fixes::shell_quote(&body)
            ),
        )
        .terraform(
            "The same, Cloudflare provider v5",
            format!(
                "resource \"cloudflare_workers_route\" \"none\" {{\n  zone_id = var.zone_id\n  pattern = {}\n}}",
                fixes::hcl_text(&pattern)
            ),
        )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn success_without_a_status_of_the_cache() {
        let worker = site(API).edge(200, &["", ""], &[("cache-control", "public, max-age=60")]);
        assert_eq!(word(&CHECK, &worker), "warn");
        assert_eq!(word(&CHECK, &worker.clone().expecting(Cached)), "fail");
        is_honest(&CHECK, &worker);
        assert_eq!(word(&CHECK, &site(API).edge(200, &["DYNAMIC"], &[])), "pass");
    }

    #[test]
    fn a_worker_that_is_known() {
        let route = |pattern: &str| serde_json::json!({"worker_routes": [{"pattern": pattern, "script": "w"}], "worker_domains": []});
        let lists = "_routes.json: include /*, exclude /build/*";
        let expired: &[(u16, Lines)] =
            &[(200, &[("cf-cache-status", "EXPIRED")]), (200, &[("cf-cache-status", "HIT")])];
        for (pattern, wanted) in [("a.example.com/*", "warn"), (lists, "warn"), ("b.example.com/*", "pass")] {
            let told = site(CSS).excerpt(expired).in_zone(route(pattern));
            assert_eq!(word(&CHECK, &told.clone().expecting(Cached)), wanted, "{pattern}");
            assert_eq!(word(&CHECK, &told), "pass", "nobody wants it cached");
        }
        let ours = site(CSS).edge(200, &["EXPIRED", "HIT"], &[]).in_zone(route("a.example.com/*"));
        assert_eq!(word(&CHECK, &ours.expecting(Cached)), "pass", "a visit shows that a copy lives");
        let dynamic: &[(u16, Lines)] = &[(200, &[("cf-cache-status", "DYNAMIC")])];
        for (pattern, wanted) in
            [("a.example.com/*", "fail"), ("functions/[[path]].ts", "fail"), ("b.example.com/*", "pass")]
        {
            let told = site(CSS).excerpt(dynamic).in_zone(route(pattern)).expecting(Cached);
            assert_eq!(word(&CHECK, &told), wanted, "{pattern}");
        }
    }

    #[test]
    fn absence_proves_nothing_elsewhere() {
        let thin = site(API).excerpt(&[(200, &[("cache-control", "public, max-age=60")])]).expecting(Cached);
        assert_eq!(word(&CHECK, &thin), "pass");
        let redirect = site(API).edge(301, &[""], &[("location", "https://b.example/")]).expecting(Cached);
        assert_eq!(word(&CHECK, &redirect), "not-applicable");
        let mut old = site(API).edge(200, &[""], &[("cache-control", "max-age=60")]).expecting(Cached);
        old.gathered_at = time::macros::datetime!(2018-06-01 0:00 UTC);
        assert_eq!(word(&CHECK, &old), "pass");
        assert_eq!(word(&super::super::not_eligible::CHECK, &old), "fail");
    }
}
