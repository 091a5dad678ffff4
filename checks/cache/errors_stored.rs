//! An error is served from cache (`facts/cloudflare.md` 9.1 rows 38 and 71).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::http::{CacheStatus, Response};
use crate::model::cache::freshness;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cache-errors-stored",
    title: "No error is served from cache",
    severity: Severity::High,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp],
    why: "An Edge TTL override without times for status codes keeps errors as long as answers: one failure of Lambda \
          or one refusal to one caller is then what everybody gets. Redirects are kept for two hours by default.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let fix = fixes::purge(
            Fix::new("Purge the copy, and give error statuses no lifetime in the rule that stores them."),
            "Purge",
            target,
        )
        .dashboard(format!(
            "Caching → Cache Rules → the rule for {} → Edge TTL → Status code TTL: 400–599 → No store",
            fixes::expression(target)
        ));
        let parameters = serde_json::json!({
            "cache": true,
            "edge_ttl": {
                "mode": "respect_origin",
                "status_code_ttl": [{ "status_code_range": { "from": 400, "to": 599 }, "value": -1 }],
            },
        });
        fixes::rule(fix, target, fixes::REQUEST, "Do not store errors of", parameters)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/how-to/configure-cache-status-code/",
        "https://developers.cloudflare.com/cache/how-to/cache-rules/settings/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let observed = case::samples(evidence)?;
    let http = evidence.edge.http.get()?;
    let copies = http.answers().filter(|answer| {
        answer
            .headers
            .cf_cache_status()
            .is_some_and(|s| matches!(s, CacheStatus::Hit | CacheStatus::Stale | CacheStatus::Updating))
    });
    let head = observed.has_head();
    for copy in copies {
        let Some((says, fails, confidence)) = wrong(evidence, copy) else { continue };
        let finding = Finding::seen(says)
            .confidence(confidence)
            .proofs(observed.lines())
            .proofs(copy.headers.quote("cache-control"));
        return Ok(if fails && !head { Verdict::Fail(finding) } else { Verdict::Warn(finding) });
    }
    Ok(Verdict::Pass(None))
}

/// What is wrong with this copy, whether that is certain enough to fail, and how sure.
fn wrong(evidence: &Evidence, copy: &Response) -> Option<(String, bool, Confidence)> {
    let status = copy.status;
    let age = copy.headers.age().and_then(crate::evidence::http::Age::seconds);
    match status {
        401 | 403 | 429 | 500..=599 => Some((
            format!("{status} is served from cache: one caller's failure is everybody's"),
            true,
            Confidence::High,
        )),
        404 | 410 => {
            let (age, usual) = (age?, freshness::default_ttl(status)?);
            (age > usual).then(|| {
                let says = format!(
                    "{status} is served from cache after {age} s; by default it would be forgotten after {usual} s"
                );
                (says, false, Confidence::High)
            })
        }
        200..=299 if is_lambda_error(copy) => {
            Some((format!("{status} with the body of a Lambda error is served from cache"), true, Confidence::Medium))
        }
        301 | 302 | 303 | 307 | 308 => {
            let declared = evidence.target.origin.as_ref().is_none_or(|origin| !origin.assumed);
            let origin = evidence.origin.http.found().and_then(|http| http.first()).filter(|_| declared)?;
            let gone = (200..300).contains(&origin.status);
            gone.then(|| {
                let says = format!(
                    "A redirect ({status}) is served from cache that the origin no longer sends (it answers {})",
                    origin.status
                );
                (says, true, Confidence::Medium)
            })
        }
        _ => None,
    }
}

/// The body that the Lambda runtime or API Gateway makes when a function fails.
fn is_lambda_error(response: &Response) -> bool {
    let body = response.body.prefix.trim_start();
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(body) else { return false };
    let gateway = fields.get("message").and_then(|m| m.as_str()) == Some("Internal server error");
    (gateway && fields.len() == 1)
        || (fields.contains_key("errorMessage")
            && (fields.contains_key("errorType") || fields.contains_key("stackTrace")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;

    #[test]
    fn errors_in_the_cache() {
        for status in [401, 403, 429, 500, 503] {
            let stored = site(API).edge(status, &["HIT", "HIT"], &[]);
            assert_eq!(word(&CHECK, &stored), "fail", "{status}");
            assert_eq!(word(&CHECK, &stored.by_head()), "warn", "{status}");
            assert_eq!(word(&CHECK, &site(API).edge(status, &["MISS"], &[])), "pass", "{status}");
        }
        is_honest(&CHECK, &site(API).edge(403, &["HIT"], &[]));
        assert_eq!(word(&CHECK, &site(API).edge(200, &["HIT"], &[]).with_body("{\"ok\":true}")), "pass");
        let lambda = "{\"errorMessage\":\"boom\",\"errorType\":\"Error\"}";
        assert_eq!(word(&CHECK, &site(API).edge(200, &["HIT"], &[]).with_body(lambda)), "fail");
        assert_eq!(word(&CHECK, &site(API).edge(200, &["DYNAMIC"], &[]).with_body(lambda)), "pass");
    }

    #[test]
    fn missing_pages_and_redirects() {
        let gone = |age| site(API).edge(404, &["STALE"], &[("age", age)]);
        assert_eq!(word(&CHECK, &gone("180")), "pass");
        assert_eq!(word(&CHECK, &gone("181")), "warn");
        let moved = site(API).edge(301, &["HIT"], &[("location", "/x")]);
        assert_eq!(word(&CHECK, &moved), "pass");
        let old = moved.origin_says(200, &[]);
        assert_eq!(word(&CHECK, &old), "fail");
        is_honest(&CHECK, &old);
    }
}
