//! The checks of the area `cache`, in the order shown to people.

mod case;
mod control_forbids;
mod control_missing;
mod fixes;
mod never_hit;
mod not_eligible;
#[cfg(test)]
pub(crate) mod testing;

use crate::check::Area;
use crate::evidence::Evidence;
use crate::model::cache::{Observed, Pattern};

/// The area.
pub(crate) const AREA: Area = Area {
    id: "cache",
    title: "Cache",
    summary,
    checks: &[not_eligible::CHECK, control_missing::CHECK, control_forbids::CHECK, never_hit::CHECK],
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
