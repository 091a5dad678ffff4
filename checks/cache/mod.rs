//! The checks of the area `cache`, in the order shown to people.

mod authorization;
mod browser_ttl_rewritten;
mod case;
mod control_forbids;
mod control_malformed;
mod control_missing;
mod control_overridden;
mod control_revalidates;
mod cors_shared;
mod errors_stored;
mod fixes;
mod gate;
mod key_fragmented;
mod method_uncacheable;
mod never_hit;
mod not_eligible;
mod object_too_large;
mod platform_owned;
mod port_uncacheable;
mod private_shared;
mod rule_bypasses;
mod set_cookie;
mod stale_disabled;
mod status_uncacheable;
#[cfg(test)]
pub(crate) mod testing;
mod ttl_short;
mod type_mismatch;
mod validators_missing;
mod vary_blocks;
mod worker_in_front;

pub(crate) use gate::believed;

use crate::check::Area;
use crate::evidence::Evidence;
use crate::model::cache::{Observed, Pattern};

/// The area.
pub(crate) const AREA: Area = Area {
    id: "cache",
    title: "Cache",
    summary,
    checks: &[
        not_eligible::CHECK,
        rule_bypasses::CHECK,
        method_uncacheable::CHECK,
        port_uncacheable::CHECK,
        status_uncacheable::CHECK,
        object_too_large::CHECK,
        control_missing::CHECK,
        control_forbids::CHECK,
        control_revalidates::CHECK,
        control_malformed::CHECK,
        control_overridden::CHECK,
        set_cookie::CHECK,
        authorization::CHECK,
        vary_blocks::CHECK,
        key_fragmented::CHECK,
        ttl_short::CHECK,
        stale_disabled::CHECK,
        worker_in_front::CHECK,
        platform_owned::CHECK,
        never_hit::CHECK,
        type_mismatch::CHECK,
        cors_shared::CHECK,
        validators_missing::CHECK,
        browser_ttl_rewritten::CHECK,
        errors_stored::CHECK,
        private_shared::CHECK,
    ],
};

/// One line for an area that is all well: what the samples were, where, and for how long.
fn summary(evidence: &Evidence) -> Option<String> {
    let case = case::look(evidence).ok()?;
    let seen: &Observed = &case.input.observed;
    let statuses: Vec<String> = seen.statuses().map(ToString::to_string).collect();
    let first = statuses.first()?;
    let mut line = match (seen.pattern(), statuses.iter().position(|status| status == "HIT")) {
        (Pattern::Healthy, Some(at)) if at > 0 => format!("HIT after {}", statuses[at - 1]),
        (Pattern::Healthy, Some(_)) => "HIT".to_owned(),
        _ if statuses.iter().all(|status| status == first) => first.clone(),
        _ => statuses.join(", "),
    };
    if let Some(colo) = seen.one_colo() {
        line.push_str(&format!(" at {colo}"));
    }
    if let (Some(seconds), true) = (case.plan.now.freshness.edge_s, case.plan.now.freshness.certain) {
        line.push_str(&format!(", edge TTL {seconds} s"));
    }
    if let Some(age) = seen.samples.iter().rev().find_map(|sample| sample.age) {
        line.push_str(&format!(", age {age} s"));
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::*;
    use super::{AREA, summary};
    use crate::Verdict;
    use crate::evidence::Evidence;
    use crate::evidence::target::Expectation::{Any, Cached, Uncached};

    fn spoken(evidence: &Evidence) -> Vec<String> {
        AREA.checks
            .iter()
            .map(|check| (check.id, word(check, evidence)))
            .filter(|(_, word)| ["warn", "fail", "bug"].contains(word))
            .map(|(id, word)| format!("{word} {id}"))
            .collect()
    }

    #[test]
    fn a_healthy_site_is_left_alone() {
        let origin: Lines =
            &[("cache-control", "public, s-maxage=7200"), ("etag", "\"a\""), ("vary", "Accept-Encoding")];
        let shown: Lines = &[("cache-control", "public, s-maxage=7200, max-age=14400"), ("etag", "W/\"a\"")];
        for expect in [Any, Cached] {
            let well = site(API).edge(200, &["MISS", "HIT", "HIT"], shown).origin_says(200, origin).expecting(expect);
            assert_eq!(spoken(&well), Vec::<String>::new(), "{expect:?}");
            let colos =
                site(CSS).edge_at(200, &["HIT", "MISS", "HIT"], &["SEA", "LAX", "SEA"], shown).expecting(expect);
            assert_eq!(spoken(&colos), Vec::<String>::new(), "{expect:?}");
            // Closed to us, and nobody named a path.
            let closed = site("a.example.com").edge(403, &["DYNAMIC", "DYNAMIC"], &[]).expecting(expect);
            assert_eq!(spoken(&closed), Vec::<String>::new(), "{expect:?}");
        }
        let bot: Lines = &[("cache-control", "public, s-maxage=7200"), ("set-cookie", "__cf_bm=x; path=/")];
        assert_eq!(spoken(&site(CSS).edge(200, &["MISS", "HIT"], bot).expecting(Cached)), Vec::<String>::new());
    }

    #[test]
    fn one_problem_has_one_name() {
        let of = |statuses: &[&str], lines: Lines| spoken(&site(CSS).edge(200, statuses, lines).expecting(Cached));
        assert_eq!(of(&["BYPASS", "BYPASS"], &[("cache-control", "private")]), ["fail cache-control-forbids"]);
        assert_eq!(of(&["DYNAMIC"], &[("cache-control", "max-age=600")]), ["fail cache-rule-bypasses"]);
        let cookie: Lines = &[("cache-control", "max-age=600"), ("set-cookie", "a=b")];
        assert_eq!(of(&["BYPASS"], cookie), ["fail cache-set-cookie"]);
        let misses: Lines = &[("cache-control", "max-age=600")];
        assert_eq!(of(&["MISS", "MISS", "MISS"], misses), ["fail cache-never-hit"]);
        assert_eq!(of(&["", ""], misses), ["fail cache-worker-in-front"]);
    }

    #[test]
    fn every_check_explains_itself_without_evidence() {
        for check in AREA.checks {
            let fix = (check.fix)(&site("https://lambda.example.com/endpoint?x=1"), &crate::Finding::seen(""));
            assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{}", check.id);
            assert!(check.sources.iter().all(|source| source.starts_with("https://")), "{}", check.id);
            assert_eq!(check.area(), "cache");
        }
    }

    #[test]
    fn rules_come_in_three_ways_and_headers_in_two_languages() {
        use crate::StepKind::{Api, Code, Dashboard, Terraform};
        let rules = [
            "not-eligible",
            "rule-bypasses",
            "port-uncacheable",
            "status-uncacheable",
            "control-missing",
            "control-forbids",
            "control-revalidates",
            "control-malformed",
            "set-cookie",
            "key-fragmented",
            "ttl-short",
            "worker-in-front",
            "browser-ttl-rewritten",
            "errors-stored",
            "private-shared",
            "type-mismatch",
        ];
        let headers = [
            "control-missing",
            "control-forbids",
            "control-revalidates",
            "control-malformed",
            "set-cookie",
            "authorization",
            "vary-blocks",
            "ttl-short",
            "stale-disabled",
            "validators-missing",
            "cors-shared",
        ];
        let evidence = site("https://lambda.example.com/endpoint?utm_source=x");
        let fix = |name: &str| {
            let check = AREA.checks.iter().find(|check| check.id == format!("cache-{name}")).unwrap();
            (check.fix)(&evidence, &crate::Finding::seen(""))
        };
        for name in rules {
            let fix = fix(name);
            for kind in [Dashboard, Api, Terraform] {
                let own = |text: &str| text.contains("lambda.example.com") && text.contains("/endpoint");
                assert!(fix.steps.iter().any(|step| step.kind == kind && own(&step.text)), "{name}: {kind:?}");
            }
        }
        for name in headers {
            let code: Vec<String> =
                fix(name).steps.into_iter().filter(|step| step.kind == Code).map(|step| step.label).collect();
            for language in ["Python", "Node"] {
                assert!(code.iter().any(|label| label.contains(language)), "{name}: {language}");
            }
        }
    }

    /// What a fix lets the origin send, read by the model, mends what the check found.
    #[test]
    fn the_headers_that_are_offered_do_mend() {
        use crate::evidence::http::{CacheControl, Name};
        let sent = |evidence: &Evidence, id: &str| {
            let fix = crate::find(id).unwrap().mend(evidence, &crate::Finding::seen(""));
            let code = fix.steps.iter().find(|step| step.kind == crate::StepKind::Code).unwrap().text.clone();
            let (_, rest) = code.split_once("\"Cache-Control\": \"").unwrap_or_else(|| panic!("{id}: {code}"));
            rest.split('"').next().unwrap().to_owned()
        };
        let rows: &[(&str, &str, &str)] = &[
            ("cache-control-forbids", "private, max-age=60", "BYPASS"),
            ("cache-control-revalidates", "no-cache", "MISS"),
            ("cache-control-malformed", "public; max-age=60", "MISS"),
            ("cache-control-missing", "", "MISS"),
            ("cache-ttl-short", "max-age=5", "MISS"),
            ("cache-stale-disabled", "s-maxage=600, stale-while-revalidate=30", "MISS"),
        ];
        for (id, control, status) in rows {
            let lines = [("cache-control", *control)];
            let lines: Lines = if control.is_empty() { &[] } else { &lines };
            let broken = site(CSS).edge(200, &[status, status], lines).origin_says(200, lines).expecting(Cached);
            assert!(spoken(&broken).iter().any(|line| line.ends_with(id)), "{id}: {:?}", spoken(&broken));
            let offered = sent(&broken, id);
            let lines = [("cache-control", offered.as_str()), ("etag", "\"a\"")];
            let mended = site(CSS).edge(200, &["MISS", "HIT"], &lines).origin_says(200, &lines).expecting(Cached);
            assert_eq!(spoken(&mended), Vec::<String>::new(), "{id}: {offered}");
            assert!(!CacheControl::parse([offered.as_str()]).forbids(Name::NoStore));
        }
    }

    proptest! {
        #[test]
        fn no_headers_make_a_check_panic_and_head_never_fails(
            name in "(cache-control|cdn-cache-control|surrogate-control|set-cookie|vary|age|expires|etag|content-range|date)",
            value in ".{0,40}",
            status in "(HIT|MISS|DYNAMIC|BYPASS|EXPIRED|REVALIDATED|STALE|[A-Z]{0,4})",
            http in prop_oneof![Just(200u16), Just(206), Just(301), Just(404), Just(500), 0u16..1000],
            wish in prop_oneof![Just(Any), Just(Cached), Just(Uncached)],
        ) {
            let lines = [(name.as_str(), value.as_str())];
            let evidence = site(API).edge(http, &[&status, &status], &lines).origin_says(http, &lines).expecting(wish);
            for check in AREA.checks {
                let answer = check.run(&evidence);
                prop_assert!(!matches!(answer, Err(crate::NotRun::Bug(_))), "{}: {answer:?}", check.id);
                let by_head = check.run(&evidence.clone().by_head());
                prop_assert!(!matches!(by_head, Ok(Verdict::Fail(_))), "{}: {by_head:?}", check.id);
            }
        }
    }

    #[test]
    fn says_what_was_seen() {
        let well = site(API).edge(200, &["MISS", "HIT"], &[("cache-control", "public, s-maxage=7200")]);
        assert_eq!(summary(&well).unwrap(), "HIT after MISS at SEA, edge TTL 7200 s, age 2 s");
        // What the edge shows may be its own Browser Cache TTL: no lifetime is claimed.
        let unsure = site(API).edge(200, &["HIT"], &[("cache-control", "max-age=14400")]);
        assert_eq!(summary(&unsure).unwrap(), "HIT at SEA, age 1 s");
        assert_eq!(summary(&site(API).edge(200, &["DYNAMIC", "DYNAMIC"], &[])).unwrap(), "DYNAMIC at SEA");
        assert_eq!(summary(&site(API)), None);
    }
}
