//! What looks personal is served from cache (`facts/cloudflare.md` 1.6, 9.1 row 38).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::http::{CacheStatus, Name};
use crate::evidence::target::Expectation;
use crate::model::cache::Answer;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cache-private-shared",
    title: "Nothing personal is served from cache",
    severity: Severity::Critical,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp],
    why: "An Edge TTL override stores answers that the origin marked private or no-store, and takes the Set-Cookie \
          from those that carry one. If such an answer holds one visitor's data, every other visitor gets it.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let fix = fixes::purge(Fix::new("Purge the copy now, and keep this URL out of the cache."), "Purge", target)
            .dashboard(format!(
                "Caching → Cache Rules → Create rule → {} → Bypass cache → place it last",
                fixes::expression(target)
            ));
        fixes::rule(fix, target, fixes::REQUEST, "Never cache", serde_json::json!({ "cache": false }))
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/cache-behavior/",
        "https://developers.cloudflare.com/cache/how-to/cache-rules/settings/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let observed = case::samples(evidence)?;
    let http = evidence.edge.http.get()?;
    let copy = http.answers().find(|answer| {
        answer
            .headers
            .cf_cache_status()
            .is_some_and(|s| matches!(s, CacheStatus::Hit | CacheStatus::Stale | CacheStatus::Updating))
    });
    let Some(copy) = copy.filter(|copy| (200..400).contains(&copy.status)) else { return Ok(Verdict::Pass(None)) };
    let assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
    let origin =
        evidence.origin.http.found().and_then(|http| http.first()).filter(|o| !assumed && o.status == copy.status);
    let edge = Answer::of(copy, false);
    let sent = origin.map(|origin| Answer::of(origin, true));
    let Some((says, confidence)) = personal(evidence, &edge, sent.as_ref()) else { return Ok(Verdict::Pass(None)) };
    let mut finding = Finding::seen(says).confidence(confidence).proofs(observed.lines());
    for name in ["cache-control", "set-cookie"] {
        finding = finding.proofs(copy.headers.quote(name).into_iter().map(|line| format!("edge: {line}")));
        let lines = origin.map(|origin| origin.headers.quote(name)).unwrap_or_default();
        finding = finding.proofs(lines.into_iter().map(|line| format!("origin: {line}")));
    }
    if evidence.target.expect == Expectation::Uncached && confidence == Confidence::High && finding.seen == UNWANTED {
        finding = finding.severity(Severity::High);
    }
    if confidence == Confidence::Low {
        finding = finding.severity(Severity::Medium);
    }
    Ok(if confidence > Confidence::Low && !observed.has_head() {
        Verdict::Fail(finding)
    } else {
        Verdict::Warn(finding)
    })
}

const UNWANTED: &str = "It is served from cache, and you do not want it cached";

/// Why the copy looks personal, strongest reason first.
fn personal(evidence: &Evidence, edge: &Answer, sent: Option<&Answer>) -> Option<(String, Confidence)> {
    let denied = |answer: &Answer| {
        let (name, header) = answer.winner();
        let found = [Name::Private, Name::NoStore].into_iter().find(|denied| header.forbids(*denied))?;
        Some(format!("{} in {name}", found.text()))
    };
    if let Some(denied) = sent.and_then(denied) {
        return Some((
            format!("The origin forbids storing ({denied}), and it is served from cache: a rule overrides it"),
            Confidence::High,
        ));
    }
    // The origin's own answer was seen: what the edge shows to browsers is then no contradiction.
    if sent.is_none()
        && let Some(denied) = denied(edge)
    {
        let says = format!(
            "The answer is marked {denied}, and it is served from cache: a rule overrides it, or \
             Cloudflare-CDN-Cache-Control (invisible here) allows it"
        );
        return Some((says, Confidence::Medium));
    }
    if let Some(cookie) = edge.cookies.first() {
        return Some((
            format!("A stored answer sets the cookie {} for whoever asks", cookie.label()),
            Confidence::Medium,
        ));
    }
    if evidence.target.expect == Expectation::Uncached {
        return Some((UNWANTED.into(), Confidence::High));
    }
    let authorised = case::request_header(evidence, "authorization").is_some();
    let shared = |answer: &Answer| {
        [Name::Public, Name::SMaxage, Name::MustRevalidate].into_iter().any(|n| answer.winner().1.has(n))
    };
    if authorised && !shared(sent.unwrap_or(edge)) && (edge.whole || sent.is_some()) {
        return Some((
            "An answer to a request with Authorization is served from cache, and nothing says that it may be shared"
                .into(),
            Confidence::Medium,
        ));
    }
    if let Some(cookie) = sent.and_then(|sent| sent.cookies.iter().find(|cookie| !cookie.is_cloudflares())) {
        return Some((
            format!(
                "The origin sets the cookie {} on an answer that is served from cache; visitors do not get it, and \
                     the body may be one visitor's",
                cookie.label()
            ),
            Confidence::Low,
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::Severity;
    use crate::evidence::target::Expectation::Uncached;

    #[test]
    fn what_looks_personal() {
        let of = |lines: Lines| site(API).edge(200, &["MISS", "HIT"], lines);
        for lines in [
            &[("cache-control", "private, max-age=60")][..],
            &[("cache-control", "no-store")],
            &[("set-cookie", "sid=x")],
        ] {
            assert_eq!(word(&CHECK, &of(lines)), "fail", "{lines:?}");
            assert_eq!(word(&CHECK, &of(lines).by_head()), "warn", "{lines:?}");
            is_honest(&CHECK, &of(lines));
        }
        let origin = of(&[("cache-control", "max-age=14400")]).origin_says(200, &[("cache-control", "private")]);
        assert_eq!(word(&CHECK, &origin), "fail");
        let token = of(&[("cache-control", "max-age=60")]).sending("Authorization", "Bearer abcdefgh");
        assert_eq!(word(&CHECK, &token), "fail");
        let cookie = of(&[("cache-control", "max-age=60")]).origin_says(200, &[("set-cookie", "sid=x")]);
        assert_eq!(word(&CHECK, &cookie), "warn");
        is_honest(&CHECK, &cookie);
    }

    #[test]
    fn what_is_meant_to_be_shared() {
        let of = |lines: Lines| site(API).edge(200, &["HIT"], lines);
        assert_eq!(word(&CHECK, &of(&[("cache-control", "public, max-age=60"), ("set-cookie", "__cf_bm=x")])), "pass");
        assert_eq!(word(&CHECK, &of(&[("cache-control", "private=\"x-user\", max-age=60")])), "pass");
        assert_eq!(word(&CHECK, &of(&[("cache-control", "no-store"), ("cdn-cache-control", "max-age=60")])), "pass");
        let split = of(&[("cache-control", "private, max-age=0")]).origin_says(
            200,
            &[("cache-control", "private, max-age=0"), ("cloudflare-cdn-cache-control", "max-age=600")],
        );
        assert_eq!(word(&CHECK, &split), "pass");
        let shared = of(&[("cache-control", "public, max-age=60")]).sending("Authorization", "Bearer abcdefgh");
        assert_eq!(word(&CHECK, &shared), "pass");
        let refused = site(API).edge(200, &["BYPASS"], &[("cache-control", "private")]);
        assert_eq!(word(&CHECK, &refused), "pass");
    }

    #[test]
    fn any_hit_where_none_is_wanted() {
        let unwanted = site(API).edge(200, &["HIT"], &[("cache-control", "public, max-age=60")]).expecting(Uncached);
        assert_eq!(word(&CHECK, &unwanted), "fail");
        let Ok(crate::Verdict::Fail(finding)) = CHECK.run(&unwanted) else { panic!() };
        assert_eq!(finding.severity, Some(Severity::High));
        assert_eq!(word(&CHECK, &site(API).edge(200, &["DYNAMIC"], &[]).expecting(Uncached)), "pass");
    }
}
