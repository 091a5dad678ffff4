//! Whether the account's custom domain is the way that requests take, and what shows that this way works.

use crate::evidence::gateway::{Api, Domain};
use crate::evidence::{Evidence, Response};
use crate::model::attribution::attribute;
use crate::model::{cloudflare, reach};
use crate::verdict::{Confidence, NotRun};

/// The one domain of the host, if the record may lead to it.
///
/// # Errors
/// As [`reach::domain`]; or the record leads to another kind of origin, so what is left in the account is of no matter.
pub(super) fn domain(evidence: &Evidence) -> Result<&Domain, NotRun> {
    let domain = reach::domain(evidence)?;
    leads_to(evidence, domain)?;
    Ok(domain)
}

/// The way to the API, if the record may lead to its domain.
///
/// # Errors
/// As [`reach::way`] and [`domain`].
pub(super) fn way(evidence: &Evidence) -> Result<reach::Way<'_>, NotRun> {
    let way = reach::way(evidence)?;
    leads_to(evidence, way.domain)?;
    Ok(way)
}

/// Does nothing say that the record leads elsewhere?
pub(super) fn leads_to(evidence: &Evidence, domain: &Domain) -> Result<(), NotRun> {
    match &evidence.target.origin {
        Some(origin) if !is_target(domain, &origin.host) && !reach::may_be_gateway(&origin.host) => {
            Err(NotRun::not_applicable(format!(
                "the record points at {}, not at the custom domain {}",
                origin.host, domain.name
            )))
        }
        _ => Ok(()),
    }
}

fn is_target(domain: &Domain, name: &str) -> bool {
    domain.targets().any(|own| own == name)
}

/// How sure it is that requests take this way: the record's target is the domain's own, or API Gateway itself answered.
pub(super) fn sureness(evidence: &Evidence, domain: &Domain) -> Confidence {
    let by_record = evidence.target.origin.as_ref().is_some_and(|origin| is_target(domain, &origin.host));
    let by_answer = edge(evidence).is_some_and(|answer| attribute(answer).by.is_gateway());
    if by_record || by_answer { Confidence::High } else { Confidence::Medium }
}

/// Is the origin that of tomorrow, of which today's edge tells nothing?
fn is_tomorrow(evidence: &Evidence) -> bool {
    evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed)
}

/// The edge's first answer, unless the origin is that of tomorrow.
pub(super) fn edge(evidence: &Evidence) -> Option<&Response> {
    evidence.edge_answer().ok().filter(|_| !is_tomorrow(evidence))
}

/// A good answer that the origin made just now: what the account says is in the way cannot be in it.
pub(super) fn works(evidence: &Evidence) -> Option<String> {
    let fresh = evidence.edge_serves_fresh().filter(|answer| answer.status < 400 && !is_tomorrow(evidence))?;
    Some(format!("the edge serves what the origin answered just now ({})", fresh.status))
}

/// Cloudflare's error at the edge, 520 and the like.
pub(super) fn edge_error(evidence: &Evidence) -> Option<u16> {
    cloudflare::error_code(edge(evidence)?)
}

/// The account and what is seen contradict each other.
pub(super) fn contradiction(account: &str, seen: &str) -> NotRun {
    NotRun::inconclusive(format!("{account}, and yet {seen}: older data, or another way than the custom domain?"))
}

/// `f1e2d3c4b5 (HTTP API "endpoint")`.
pub(super) fn name(api: &Api) -> String {
    let own = api.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
    format!("{} ({} API{own})", api.id, api.protocol)
}
