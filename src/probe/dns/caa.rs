//! CAA as a certification authority looks for it (RFC 8659 §3).

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::Gathered;
use cfdoctor_checks::evidence::dns::{CaaSearch, CaaStep, Lookup};
use hickory_proto::rr::RecordType;

use super::follow::follow;
use super::message::{Manner, caa_records, name_of, text_of};
use super::server::Panel;

/// Names asked on the way up.
const MAX_STEPS: usize = 16;

/// Climbs from the name to the child of the top-level domain; aliases are followed by the resolver, and the parent
/// is that of the name asked, not of its target. Stops at the first set, and at the first failure: an authority
/// would stop there too.
pub(super) async fn search(panel: &Panel, name: &str) -> Gathered<CaaSearch> {
    let mut at = match name_of(name) {
        Ok(name) => name,
        Err(lookup) => return Gathered::Missing(NotRun::Inconclusive(lookup.describe())),
    };
    let mut steps = Vec::new();
    while at.num_labels() >= 2 {
        if steps.len() == MAX_STEPS {
            return Gathered::Missing(NotRun::Inconclusive(format!("no CAA within {MAX_STEPS} labels")));
        }
        // The host's own question is asked for it; its parents are those of many.
        let manner = Manner { shared: !steps.is_empty(), ..Manner::PLAIN };
        let found = follow(panel, manner, None, &at, RecordType::CAA).await;
        let through = (!found.hops.is_empty()).then(|| text_of(&found.at));
        let (records, failed) = match &found.records {
            Ok(records) => (caa_records(records), None),
            Err(Lookup::NoData | Lookup::NxDomain) => (Vec::new(), None),
            Err(lookup) => (Vec::new(), Some(lookup.clone())),
        };
        let over = !records.is_empty() || failed.is_some();
        steps.push(CaaStep { name: text_of(&at), through, records, failed });
        if over {
            break;
        }
        at = at.base_name();
    }
    Gathered::Found(CaaSearch { steps })
}
