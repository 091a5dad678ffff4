//! Storable by every visible rule, and yet never served from cache (`facts/cloudflare.md` 9.1 rows 27–29 and 36).

use time::macros::date;

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::http::CacheStatus;
use crate::evidence::target::Expectation;
use crate::model::cache::{Observed, Pattern, Seen};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

/// This many misses of one URL in one data centre are no coincidence of a cold cache: the first fills it.
const ENOUGH: usize = 3;

/// A pause in which objects that nobody asks for are dropped, whatever their lifetime (9.1 row 28).
const IDLE: u64 = 3600;

/// Whose copies live this long, expects a HIT on the next day.
const DAY: u64 = 24 * 3600;

pub(crate) const CHECK: Check = Check {
    id: "cache-never-hit",
    title: "A stored copy is served",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Since 2026-05-26 MISS means that the answer may be stored but is not here. Each data centre fills its own \
          cache, and what nobody asks for is dropped before its lifetime ends, so only a second GET of the same URL \
          in the same data centre tells. If that is a MISS again, something keeps the copy from being found: the key, \
          a purge, or an eviction.",
    fix: |evidence, _| {
        let fix = Fix::new(
            "Ask the same URL several times in the same data centre; if it stays MISS, look at the cache key and at \
             purges, and turn Tiered Cache on so that data centres share what they have.",
        )
        .dashboard("Caching → Tiered Cache → Smart Tiered Caching Topology: on")
        .api(
            "Read what the cache key is (Cloudflare Trace)",
            format!(
                "curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {} \
                 https://api.cloudflare.com/client/v4/accounts/$ACCOUNT_ID/request-tracer/trace",
                fixes::shell_quote(
                    &serde_json::json!({ "url": evidence.target.url(), "method": "GET", "skip_response": true })
                        .to_string()
                )
            ),
        )
        .terraform(
            "Cloudflare provider v5",
            "resource \"cloudflare_tiered_cache\" \"this\" {\n  zone_id = var.zone_id\n  value   = \"on\"\n}",
        );
        fixes::look_twice(fix, &evidence.target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/troubleshooting/investigating-cache-miss/",
        "https://developers.cloudflare.com/changelog/post/2026-05-26-bypass-status-for-uncacheable-responses/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let case = case::look(evidence)?.unless_blocked()?;
    let seen = &case.input.observed;
    if evidence.target.expect == Expectation::Uncached {
        return Err(NotRun::not_applicable("you do not want it cached"));
    }
    let lines = case.sample_lines();
    match seen.pattern() {
        Pattern::Nothing => Err(NotRun::inconclusive("no answer carries cf-cache-status")),
        Pattern::OnlySometimes => Ok(Verdict::Warn(
            Finding::seen(format!(
                "Served from cache, then not, at {}: the copy was dropped or purged in between",
                seen.colos().join(", ")
            ))
            .confidence(Confidence::Medium)
            .proofs(lines),
        )),
        Pattern::Healthy if lost_after_a_pause(seen) && evidence.target.expect == Expectation::Cached => {
            Ok(Verdict::Warn(
                Finding::seen(
                    "Served from cache at first, later not: copies that nobody asks for are dropped before their time",
                )
                .confidence(Confidence::Low)
                .proofs(lines),
            ))
        }
        Pattern::Healthy if missed_within_its_life(&case) && evidence.target.expect == Expectation::Cached => {
            let says = "Served from cache when asked again (HIT); the MISS before it, of an object that may be kept for \
                        days, means that no copy was in that data centre: each has its own, and copies that nobody asks \
                        for are dropped before their time";
            let finding = Finding::seen(says).confidence(Confidence::Low).severity(Severity::Low);
            Ok(Verdict::Warn(finding.proofs(lines)))
        }
        Pattern::Healthy => Ok(Verdict::pass(healthy(seen))),
        Pattern::Never => never(evidence, &case),
    }
}

/// HIT, and at the end MISS again, where the data centre is not known.
fn lost_after_a_pause(seen: &Observed) -> bool {
    let statuses: Vec<&CacheStatus> = seen.statuses().collect();
    let hit = statuses.iter().position(|status| **status == CacheStatus::Hit);
    let last = statuses.last().is_some_and(|status| matches!(status, CacheStatus::Miss | CacheStatus::Expired));
    hit.is_some() && last && seen.one_colo().is_none() && seen.colos().len() < 2
}

/// Somebody's notes of a MISS and then a HIT, of which the second is only a word: how much time lay around them is not
/// told, and the object lives so long that a MISS surprises them. A whole dump of the two is simply a cache that fills.
fn missed_within_its_life(case: &case::Case) -> bool {
    let seen = &case.input.observed;
    let first = seen.samples.first().and_then(|sample| sample.status.as_ref());
    let only_words = |sample: &Seen| sample.status == Some(CacheStatus::Hit) && !sample.whole && sample.at.is_none();
    seen.is_excerpt()
        && first == Some(&CacheStatus::Miss)
        && seen.samples.first().is_some_and(|sample| sample.at.is_some())
        && seen.samples.iter().skip(1).all(only_words)
        && case.plan.now.freshness.edge_s.is_some_and(|seconds| seconds >= DAY)
}

fn healthy(seen: &Observed) -> String {
    let place = seen.one_colo().map(|colo| format!(" at {colo}")).unwrap_or_default();
    let statuses: Vec<String> = seen.statuses().map(ToString::to_string).collect();
    let age = seen.samples.iter().rev().find_map(|s| s.age).map(|age| format!(", age {age} s")).unwrap_or_default();
    format!("{}{place}{age}", statuses.join(", "))
}

fn never(evidence: &Evidence, case: &case::Case) -> Result<Verdict, NotRun> {
    let seen = &case.input.observed;
    if !seen.statuses().all(|status| matches!(status, CacheStatus::Miss | CacheStatus::Expired)) {
        return Err(NotRun::inconclusive("the answers contradict one another about the cache"));
    }
    let (count, colos) = (seen.statuses().count(), seen.colos());
    let pause = seen.longest_pause().unwrap_or(0);
    let lifetime = case.plan.now.freshness.edge_s.unwrap_or(0);
    let silent = case.input.response.as_ref().is_some_and(|a| (a.whole || a.from_origin) && !a.speaks_of_freshness());
    if count == 1 && seen.is_excerpt() && wanted(evidence) && seen.count(&CacheStatus::Miss) == 1 && !silent {
        let says =
            "MISS: storable, but no copy was in the data centre that answered; ask twice to see whether one stays";
        return Ok(Verdict::Warn(Finding::seen(says).confidence(Confidence::Low).proofs(case.sample_lines())));
    }
    if count < 2 {
        return Err(NotRun::inconclusive("one answer cannot tell whether the next is served from cache; ask twice"));
    }
    if lifetime > 0 && pause >= lifetime {
        return Err(NotRun::not_applicable("the copy's lifetime had ended in between"));
    }
    let means_storable = case.input.date >= date!(2026 - 05 - 26);
    let finding = |says: String, confidence| Finding::seen(says).confidence(confidence).proofs(case.sample_lines());
    if pause >= IDLE {
        let says = format!(
            "MISS each time, {} h apart: a copy that nobody asks for is dropped long before its {lifetime} s are over",
            pause / 3600
        );
        return Ok(Verdict::Warn(finding(says, Confidence::Medium)));
    }
    match seen.one_colo() {
        None if colos.len() > 1 && !has_repeat(seen) => Err(NotRun::inconclusive(format!(
            "each answer came from another data centre ({}), and each fills its own cache",
            colos.join(", ")
        ))),
        None => {
            let says = format!(
                "{count} answers and no HIT; which data centre gave them is not known, so each may be its first"
            );
            Ok(Verdict::Warn(finding(says, Confidence::Low)))
        }
        Some(colo) => {
            let says = format!(
                "{count} answers at {colo}, at most {} s apart, and never a HIT, though nothing visible forbids it",
                pause.max(1)
            );
            let sure = count >= ENOUGH && means_storable && !seen.has_head();
            let confidence = if sure { Confidence::Medium } else { Confidence::Low };
            let finding = finding(says, confidence);
            Ok(if sure && wanted(evidence) { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
        }
    }
}

fn wanted(evidence: &Evidence) -> bool {
    evidence.target.expect == Expectation::Cached
}

/// Did one data centre answer twice?
fn has_repeat(seen: &Observed) -> bool {
    seen.colos().len() < seen.samples.iter().filter(|sample| sample.colo.is_some()).count()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    const FRESH: Lines = &[("cache-control", "public, max-age=7200")];

    #[test]
    fn misses_in_one_data_centre() {
        let thrice = site(CSS).edge(200, &["MISS", "MISS", "MISS"], FRESH);
        assert_eq!(word(&CHECK, &thrice), "warn");
        assert_eq!(word(&CHECK, &thrice.clone().expecting(Cached)), "fail");
        assert_eq!(word(&CHECK, &thrice.clone().expecting(Cached).by_head()), "warn");
        is_honest(&CHECK, &thrice);
        let twice = site(CSS).edge(200, &["MISS", "MISS"], FRESH).expecting(Cached);
        assert_eq!(word(&CHECK, &twice), "warn");
        assert_eq!(word(&CHECK, &site(CSS).edge(200, &["MISS"], FRESH).expecting(Cached)), "inconclusive");
    }

    #[test]
    fn other_data_centres_prove_nothing() {
        let spread = site(CSS).edge_at(200, &["MISS", "MISS", "MISS"], &["SEA", "LAX", "FRA"], FRESH).expecting(Cached);
        assert_eq!(word(&CHECK, &spread), "inconclusive");
        let both = site(CSS).edge_at(200, &["MISS", "HIT", "MISS"], &["SEA", "SEA", "FRA"], FRESH).expecting(Cached);
        assert_eq!(word(&CHECK, &both), "pass");
        let lost = site(CSS).edge(200, &["HIT", "MISS", "HIT"], FRESH).expecting(Cached);
        assert_eq!(word(&CHECK, &lost), "warn");
    }

    #[test]
    fn excerpts() {
        let dated =
            |day: &'static str| [("cf-cache-status", "MISS"), ("cache-control", "max-age=2764800"), ("date", day)];
        let (first, second) = (dated("Wed, 17 Feb 2021 09:07:35 GMT"), dated("Fri, 19 Feb 2021 09:07:35 GMT"));
        let idle = site(CSS).excerpt(&[(200, &first), (200, &second)]).expecting(Cached);
        let (word_, seen) = verdict(&CHECK, &idle);
        assert_eq!(word_, "warn");
        assert!(seen.contains("48 h apart"), "{seen}");
        let mixed = site(CSS).excerpt(&[
            (200, &[("cf-cache-status", "MISS"), ("cache-control", "max-age=14400")]),
            (200, &[("cf-cache-status", "DYNAMIC")]),
        ]);
        assert_eq!(word(&CHECK, &mixed.expecting(Cached)), "inconclusive");
    }

    #[test]
    fn a_note_of_a_miss_in_the_middle_of_a_long_life() {
        let first: Lines = &[
            ("cf-cache-status", "MISS"),
            ("cache-control", "max-age=2764800"),
            ("date", "Wed, 17 Feb 2021 09:07:35 GMT"),
        ];
        let noted = site(CSS).excerpt(&[(200, first), (200, &[("cf-cache-status", "HIT")])]);
        assert_eq!(word(&CHECK, &noted.clone().expecting(Cached)), "warn");
        assert_eq!(word(&CHECK, &noted), "pass");
        let second: Lines = &[
            ("cf-cache-status", "HIT"),
            ("cache-control", "max-age=2764800"),
            ("date", "Wed, 17 Feb 2021 09:07:36 GMT"),
        ];
        let dumped = site(CSS).excerpt(&[(200, first), (200, second)]).expecting(Cached);
        assert_eq!(word(&CHECK, &dumped), "pass");
    }

    #[test]
    fn a_healthy_site() {
        let (word_, seen) = verdict(&CHECK, &site(API).edge(200, &["MISS", "HIT", "HIT"], FRESH));
        assert_eq!((word_, seen.as_str()), ("pass", "MISS, HIT, HIT at SEA, age 3 s"));
        assert_eq!(word(&CHECK, &site(API).edge(200, &["DYNAMIC"], FRESH)), "not-applicable");
    }
}
