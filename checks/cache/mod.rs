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
mod validators_missing;
mod vary_blocks;
mod worker_in_front;

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
    use super::summary;
    use super::testing::*;

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
