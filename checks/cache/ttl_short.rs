//! Copies die before they are asked for again (`facts/cloudflare.md` 9.1 row 30).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::http::CacheStatus;
use crate::evidence::target::Expectation;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

/// Below this many seconds a copy helps only sites with several visits a minute in each data centre (product.md).
const SHORT: u64 = 60;

pub(crate) const CHECK: Check = Check {
    id: "cache-ttl-short",
    title: "A copy lives long enough to be asked for again",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Each data centre keeps its own copy. If it is stale before the next visitor of that data centre comes, \
          every visit is MISS or EXPIRED and goes to the origin.",
    fix: |evidence, _| {
        let fix = Fix::new("Give a longer lifetime; stale-while-revalidate lets visitors have the old copy meanwhile.");
        let fix = fixes::send_header(fix, "public, max-age=7200, stale-while-revalidate=60");
        fixes::look_twice(fixes::edge_ttl(fix, &evidence.target, 7200), &evidence.target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/troubleshooting/investigating-cache-miss/",
        "https://developers.cloudflare.com/cache/concepts/revalidation/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let case = case::look(evidence)?.unless_blocked()?;
    if evidence.target.expect == Expectation::Uncached {
        return Err(NotRun::not_applicable("you do not want it cached"));
    }
    let (seen, freshness) = (&case.input.observed, &case.plan.now.freshness);
    let lines = case.sample_lines();
    let fetched = |status: &CacheStatus| matches!(status, CacheStatus::Miss | CacheStatus::Expired);
    let pause = seen.longest_pause().unwrap_or(0);
    if let (Some(seconds), Some(from)) = (freshness.edge_s, freshness.from) {
        if seconds > 0
            && pause >= seconds
            && !seen.has_hit()
            && seen.statuses().all(fetched)
            && seen.statuses().count() > 1
        {
            let says = format!(
                "Fresh for {seconds} s ({}), but asked for {pause} s apart: each visit fetches it anew",
                from.name()
            );
            return Ok(Verdict::Warn(Finding::seen(says).proofs(lines)));
        }
        if (1..SHORT).contains(&seconds) {
            let says = format!("Fresh for only {seconds} s at the edge ({})", from.name());
            return Ok(Verdict::Warn(Finding::seen(says).proofs(lines)));
        }
    }
    let expired = seen.count(&CacheStatus::Expired);
    let complained = seen.is_excerpt() && evidence.target.expect == Expectation::Cached;
    if !seen.has_hit() && seen.statuses().all(fetched) && (expired > 1 || expired == 1 && complained) {
        let confidence = if expired > 1 { Confidence::Medium } else { Confidence::Low };
        let says = "EXPIRED and no HIT: the copy was stale before it was asked for again";
        return Ok(Verdict::Warn(Finding::seen(says).confidence(confidence).proofs(lines)));
    }
    Ok(match case.plan.now.lifetime() {
        Some(lifetime) => Verdict::pass(lifetime),
        None => Verdict::Pass(None),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    #[test]
    fn short_lives() {
        let brief = site(CSS).edge(200, &["MISS", "HIT"], &[("cache-control", "s-maxage=30")]);
        assert_eq!(word(&CHECK, &brief), "warn");
        is_honest(&CHECK, &brief);
        assert_eq!(word(&CHECK, &site(CSS).edge(200, &["MISS"], &[("cache-control", "s-maxage=60")])), "pass");
        assert_eq!(
            word(&CHECK, &site(CSS).edge(200, &["EXPIRED", "EXPIRED"], &[("cache-control", "max-age=600")])),
            "warn"
        );
        assert_eq!(
            word(&CHECK, &site(CSS).edge(200, &["EXPIRED", "HIT"], &[("cache-control", "max-age=600")])),
            "pass"
        );
        assert_eq!(
            word(&CHECK, &site(API).edge(200, &["DYNAMIC"], &[("cache-control", "max-age=5")])),
            "not-applicable"
        );
        assert_eq!(word(&CHECK, &site(CSS).edge(200, &["MISS"], &[("cache-control", "max-age=0")])), "not-applicable");
    }

    #[test]
    fn an_excerpt_that_expired() {
        let expired: Lines = &[("cf-cache-status", "EXPIRED")];
        assert_eq!(word(&CHECK, &site(CSS).excerpt(&[(200, expired)])), "pass");
        assert_eq!(word(&CHECK, &site(CSS).excerpt(&[(200, expired)]).expecting(Cached)), "warn");
    }

    #[test]
    fn visits_further_apart_than_the_lifetime() {
        let at = |time| [("cf-cache-status", "EXPIRED"), ("cache-control", "max-age=300"), ("date", time)];
        let (a, b) = (at("Wed, 17 Feb 2021 09:00:00 GMT"), at("Wed, 17 Feb 2021 10:00:00 GMT"));
        let (word_, seen) = verdict(&CHECK, &site(CSS).excerpt(&[(200, &a), (200, &b)]));
        assert_eq!(word_, "warn");
        assert!(seen.contains("3600 s apart"), "{seen}");
    }
}
