//! The checks of the area `cloudflare`, in the order shown to people.

mod api;
mod edge_certificate_pending;
mod fixes;
mod minimum_tls_weak;
mod page_rule_superseded;
mod rule_never_matches;
mod rule_shadowed;
mod ssl_mode_weak;
mod strict_breaks_neighbour;
#[cfg(test)]
mod testing;
mod tiered_cache_unhinted;
mod trust_store_replaced;
mod view;
mod worker_intercepts;
mod zone_inactive;
#[cfg(test)]
mod zone_testing;

pub(crate) use fixes::make_strict;

use crate::check::Area;
use crate::evidence::Evidence;

/// The area.
pub(crate) const AREA: Area = Area {
    id: "cloudflare",
    title: "Cloudflare zone",
    summary,
    checks: &[
        zone_inactive::CHECK,
        ssl_mode_weak::CHECK,
        strict_breaks_neighbour::CHECK,
        rule_never_matches::CHECK,
        rule_shadowed::CHECK,
        page_rule_superseded::CHECK,
        trust_store_replaced::CHECK,
        edge_certificate_pending::CHECK,
        minimum_tls_weak::CHECK,
        worker_intercepts::CHECK,
        tiered_cache_unhinted::CHECK,
    ],
};

/// One line for an area that is all well: the SSL mode, and who set it.
fn summary(evidence: &Evidence) -> Option<String> {
    let effective = evidence.effective().ok()?;
    let mode = effective.ssl.certain()?;
    Some(format!("{} by {}", view::mode_name(*mode), effective.ssl.by))
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::{AREA, summary};

    #[test]
    fn every_check_explains_itself_without_evidence() {
        for check in AREA.checks {
            let fix = (check.fix)(&nothing(), &crate::Finding::seen(""));
            assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{}", check.id);
            assert_eq!(check.area(), "cloudflare");
        }
    }

    #[test]
    fn says_the_mode_and_who_set_it() {
        let evidence = zone(serde_json::json!({"rulesets": {"http_config_settings": [strict("true")]}}));
        assert_eq!(summary(&evidence).unwrap(), "Full (strict) by Configuration Rule \"Strict for the APIs\"");
        assert_eq!(summary(&nothing()), None);
    }
}
