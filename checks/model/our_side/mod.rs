//! What on our own side stood in the way: a resolver that lies, a portal, a proxy that reads TLS, a firewall, a clock.
//!
//! Each is told from the whole evidence, never from one failure alone. What it spoilt is then taken for not seen, with
//! the culprit as the reason, so that every check says so by itself: nobody judges a site by what was not the site.

mod clock;
mod interceptor;
mod limits;
mod path;
mod resolver;
mod stand_in;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::check::Probe;
use crate::evidence::http::{Exchange, Exchanges};
use crate::evidence::{Evidence, Gathered, Response};
use crate::model::cloudflare;
use crate::verdict::NotRun;

pub use clock::{WrongClock, wrong_clock};
pub(crate) use limits::is_security;
pub use limits::{Obstacle, all_refused, obstacle};
pub use resolver::is_local;

/// Something on our own side, and what cannot be judged for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// Who it is and how that shows, in one sentence.
    pub culprit: String,
    /// What it spoilt.
    pub spoils: Vec<Part>,
}

/// A part of the evidence that can be spoilt by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Names.
    Dns,
    /// TLS with the edge.
    EdgeTls,
    /// All of HTTP at the edge.
    EdgeHttp,
    /// `http://` at the edge.
    EdgePlain,
    /// TLS with the origin.
    OriginTls,
    /// All of HTTP at the origin.
    OriginHttp,
}

/// Everything that a visitor meets.
const EDGE: [Part; 2] = [Part::EdgeTls, Part::EdgeHttp];
/// Everything that Cloudflare meets.
const ORIGIN: [Part; 2] = [Part::OriginTls, Part::OriginHttp];

/// What disturbed the visit; the one that explains most comes first.
pub fn disturbances(evidence: &Evidence) -> Vec<Disturbance> {
    let all = [
        resolver::silent,
        resolver::failing,
        resolver::inventing,
        resolver::lying,
        path::no_way,
        path::nothing_passes,
        path::nothing_large_passes,
        interceptor::found,
        stand_in::portal,
        stand_in::plain,
        stand_in::replay,
    ];
    all.iter().filter_map(|look| look(evidence)).collect()
}

/// The evidence without what `disturbances` spoilt.
pub fn undisturbed<'a>(evidence: &'a Evidence, disturbances: &[Disturbance]) -> Cow<'a, Evidence> {
    let mut left = Cow::Borrowed(evidence);
    for disturbance in disturbances {
        for part in &disturbance.spoils {
            part.blank(left.to_mut(), &disturbance.culprit);
        }
    }
    left
}

impl Part {
    /// Takes the part away, unless it is gone already.
    fn blank(self, evidence: &mut Evidence, culprit: &str) {
        match self {
            Part::Dns => blank(&mut evidence.dns, culprit),
            Part::EdgeTls => blank(&mut evidence.edge.tls, culprit),
            Part::EdgeHttp => blank(&mut evidence.edge.http, culprit),
            Part::EdgePlain => {
                if let Gathered::Found(http) = &mut evidence.edge.http {
                    blank(&mut http.plain, culprit);
                }
            }
            Part::OriginTls => blank(&mut evidence.origin.tls, culprit),
            Part::OriginHttp => blank(&mut evidence.origin.http, culprit),
        }
    }
}

/// What somebody switched off, or has no credential for, stays so: the disturbance took nothing from it.
fn blank<T>(part: &mut Gathered<T>, culprit: &str) {
    let is_ours =
        matches!(part, Gathered::Found(_) | Gathered::Missing(NotRun::Blocked { .. } | NotRun::Inconclusive(_)));
    if is_ours {
        *part = Gathered::Missing(NotRun::inconclusive(culprit));
    }
}

/// Whom the visit met at the edge, by the answers for the target and the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    /// Cloudflare: one of its marks is on an answer.
    Cloudflare,
    /// Somebody else: answers whose headers were all seen, and none of them Cloudflare's.
    Stranger,
    /// No answer that tells.
    Nobody,
}

fn met(evidence: &Evidence) -> Met {
    if evidence.edge_exchanges().any(|exchange| cloudflare::fingerprint(exchange).is_some()) {
        return Met::Cloudflare;
    }
    match samples(evidence).filter_map(Exchange::response).any(Response::is_whole) {
        true => Met::Stranger,
        false => Met::Nobody,
    }
}

fn samples(evidence: &Evidence) -> impl Iterator<Item = &Exchange> {
    evidence.edge.http.found().into_iter().flat_map(|http: &Exchanges| http.samples.iter())
}

/// Do all addresses of the host belong to Cloudflare?
fn is_at_cloudflare(evidence: &Evidence) -> bool {
    let addresses = evidence.dns.found().map(|dns| dns.host.addresses()).unwrap_or_default();
    !addresses.is_empty() && cloudflare::outside(&addresses).is_empty()
}

/// Has the user chosen this probe, so that a disturbance of it means something?
fn was_seen(evidence: &Evidence, probe: Probe) -> bool {
    match probe {
        Probe::EdgeTls => evidence.edge.tls.found().is_some(),
        Probe::EdgeHttp => evidence.edge.http.found().is_some(),
        Probe::OriginTls => evidence.origin.tls.found().is_some(),
        Probe::OriginHttp => evidence.origin.http.found().is_some(),
        _ => false,
    }
}
