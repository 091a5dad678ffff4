//! The Cloudflare API: everything about the zone of a host, in one document of Cloudflare's own shapes.
//!
//! Two round trips after the connection is up: which zone it is, then everything else at once. What concerns the whole
//! zone is read once in a run. Nothing here fails a visit: what could not be read is named in the document's
//! `not_read`.

mod access;
mod answer;
mod asked;
mod client;
mod document;
mod fields;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hide;
mod hosts;
mod limiter;
mod lookup;
mod once;
mod parts;
mod permissions;
mod reduce;
mod tell;
#[cfg(test)]
mod tests;
mod verify;

use std::time::Duration;

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::tls::{Limit, Patience};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::budget::Budget;
use asked::Asked;
use client::Asker;
use parts::Place;

pub use access::{AccessError, BASE_URL, CloudflareAccess};
pub use answer::{TokenFault, Trouble};
pub use hosts::{ZoneHosts, hosts};
pub(crate) use lookup::candidates as zone_candidates;
pub use permissions::{PERMISSIONS, PermissionRow, ZONE};
pub use verify::{Verified, verify};

/// Requests for one host. Only further pages of lists with thousands of rows, the host's own rows where such a list is
/// cut, and one repetition after a 429 come on top.
pub const MAX_API_REQUESTS: usize = 35;

/// Everything asked of the API for one host, together.
pub const LOOK_LIMIT: Duration = Duration::from_secs(15);

/// What the origin's leg needs to know before it can start.
const EARLY: &[&str] =
    &["dns_records", "page_rules", "rulesets.http_request_origin", "rulesets.http_request_transform"];

/// What the API told of a host's zone.
#[derive(Clone, Debug, PartialEq)]
pub enum Looked {
    /// The document, whatever is missing in it.
    Found(Value),
    /// Nothing of the zone is known, and why.
    Missing(NotRun),
}

/// Reads the zone of `host`. Into `early` goes, as soon as they are there, a document with the records, the Page Rules
/// and the Origin Rules only: what the proxied record points at, and how it is asked.
pub async fn look(
    host: &str,
    access: &CloudflareAccess,
    budget: &Budget,
    early: Option<oneshot::Sender<Looked>>,
) -> Looked {
    look_within(LOOK_LIMIT, host, access, budget, early).await
}

async fn look_within(
    limit: Duration,
    host: &str,
    access: &CloudflareAccess,
    budget: &Budget,
    early: Option<oneshot::Sender<Looked>>,
) -> Looked {
    let _waiting = budget.waiting_for("the Cloudflare API");
    let start = Instant::now();
    let asker = access.asker(budget, limit);
    let zone = match budget.limit(limit, lookup::zone(&access.run, &asker, host)).await {
        Ok(Ok(zone)) => zone,
        Ok(Err(why)) => return missing(why, early),
        Err(patience) => return missing(NotRun::Inconclusive(late(&patience, limit)), early),
    };
    let place = Place { zone: zone.id.clone(), account: zone.account.clone(), host: host.to_owned() };
    let asked = Asked::all(access, &asker, &zone, &place);
    let early = async {
        asked.arrival(EARLY).await;
        if let Some(early) = early {
            // Nobody may be waiting any more.
            let _ = early.send(Looked::Found(asked.document(EARLY, "")));
        }
    };
    let rest = limit.saturating_sub(start.elapsed());
    let late = match budget.limit(rest, async { tokio::join!(early, asked.arrival(&[])) }).await {
        Ok(_) => "the question was dropped".into(),
        Err(patience) => late(&patience, limit),
    };
    Looked::Found(asked.document(&[], &late))
}

fn missing(why: NotRun, early: Option<oneshot::Sender<Looked>>) -> Looked {
    let looked = Looked::Missing(why);
    if let Some(early) = early {
        let _ = early.send(looked.clone());
    }
    looked
}

/// Whose limit ended the waiting.
fn late(patience: &Patience, limit: Duration) -> String {
    let within = answer::seconds(limit);
    match patience.limit {
        Limit::Step => format!("the Cloudflare API did not answer within {within}"),
        Limit::Deadline => "the Cloudflare API did not answer before the deadline of the visit".into(),
        Limit::Overloaded => "our own machine was too busy to hear the Cloudflare API".into(),
        Limit::Interrupted => "interrupted before the Cloudflare API had answered".into(),
    }
}

impl CloudflareAccess {
    fn asker(&self, budget: &Budget, limit: Duration) -> Asker {
        Asker {
            base: self.base.clone(),
            token: self.token.clone(),
            until: Instant::now() + limit,
            patience: limit,
            budget: budget.clone(),
        }
    }
}
