//! The checks of the area `cloudflare`, in the order shown to people.

mod api;
mod edge_certificate_pending;
mod minimum_tls_weak;
#[cfg(test)]
mod zone_testing;
mod tiered_cache_unhinted;
mod trust_store_replaced;
mod worker_intercepts;
mod zone_inactive;

use crate::check::Area;
use crate::evidence::Evidence;

/// The area.
pub(crate) const AREA: Area = Area {
    id: "cloudflare",
    title: "Cloudflare zone",
    summary,
    checks: &[
        zone_inactive::CHECK,
        trust_store_replaced::CHECK,
        edge_certificate_pending::CHECK,
        minimum_tls_weak::CHECK,
        worker_intercepts::CHECK,
        tiered_cache_unhinted::CHECK,
    ],
};

/// `zone example.com, Free plan, SSL mode strict`.
fn summary(evidence: &Evidence) -> Option<String> {
    let zone = evidence.zone_of_host().ok()?;
    let details = zone.details.found();
    let mut parts: Vec<String> = zone.name().map(|name| format!("zone {name}")).into_iter().collect();
    if let Some(plan) = details.and_then(|details| details.plan) {
        parts.push(format!("{plan:?} plan"));
    }
    if let Some(mode) = evidence.effective().ok().and_then(|effective| effective.ssl.certain().copied()) {
        parts.push(format!("SSL mode {}", mode.api()));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
