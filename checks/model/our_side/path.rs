//! The way through our own network: what does not pass to anybody is not the site's fault.

use super::{Disturbance, EDGE, ORIGIN, Part};
use crate::evidence::http::{Exchanges, Failure, Outcome};
use crate::evidence::tls::{Connect, Handshake, Limit, TlsOutcome};
use crate::evidence::{Evidence, Vantage};
use crate::model::cloudflare::fingerprint;

/// An end to which our own system had no way: no route at all, or none over the family of the only addresses that it
/// has. To Cloudflare every network has a way; to an origin that others of the family are reached and it is not may be
/// the origin's fault.
pub(super) fn no_way(evidence: &Evidence) -> Option<Disturbance> {
    let (mut spoils, mut said) = (Vec::new(), Vec::new());
    for (end, parts) in [(&evidence.edge, EDGE), (&evidence.origin, ORIGIN)] {
        let Some(handshake) = end.tls.found() else { continue };
        let Some(address) = handshake.address else { continue };
        let family = if address.is_ipv6() { "IPv6" } else { "IPv4" };
        let Handshake { peer, .. } = handshake;
        let line = match &handshake.connect {
            Connect::NoAddress { why } => format!("{peer} at {}: {why}", address.ip()),
            Connect::Unreachable { .. } if parts == ORIGIN && works_over(evidence, address.is_ipv6()) => continue,
            Connect::Unreachable { why } => format!("no way over {family} to {peer} at {}: {why}", address.ip()),
            _ => continue,
        };
        said.push(line);
        spoils.extend(parts);
    }
    (!spoils.is_empty())
        .then(|| Disturbance { culprit: format!("our own machine has no connection: {}", said.join("; ")), spoils })
}

/// Did any connection over this family come about?
fn works_over(evidence: &Evidence, v6: bool) -> bool {
    [&evidence.edge, &evidence.origin].into_iter().filter_map(|end| end.tls.found()).any(|handshake| {
        handshake.connect == Connect::Open && handshake.address.is_some_and(|address| address.is_ipv6() == v6)
    })
}

/// Neither edge nor origin came as far as TLS, in whatever way each failed: what both have in common is us. Cloudflare's
/// edge does not go away together with somebody's origin.
pub(super) fn nothing_passes(evidence: &Evidence) -> Option<Disturbance> {
    let (edge, origin) = (evidence.edge.tls.found()?, evidence.origin.tls.found()?);
    let (at_edge, at_origin) = (broken(edge)?, broken(origin)?);
    if edge.address.is_some() && edge.address == origin.address {
        return None;
    }
    let stalled = |handshake: &Handshake| matches!(handshake.outcome, TlsOutcome::TimedOut(_));
    let hint = match stalled(edge) && stalled(origin) {
        true => "small packets pass and large ones do not (an MTU black hole), or a firewall holds TLS up",
        false => "a firewall, or no way out",
    };
    let culprit = format!("nobody can be reached through our own network ({hint}): edge {at_edge}, origin {at_origin}");
    // Port 80 may be open, and what Cloudflare said there counts.
    let plain = evidence.edge.http.found().and_then(|http| http.plain.found());
    let edge = if plain.is_some_and(|exchange| fingerprint(exchange).is_some()) { &EDGE[..1] } else { &EDGE[..] };
    Some(Disturbance { culprit, spoils: [edge, &ORIGIN[..]].concat() })
}

/// How a handshake broke off without a word of TLS from the other side; `None`: there was one, or we cut it short.
fn broken(handshake: &Handshake) -> Option<String> {
    let place = handshake.place();
    match (&handshake.connect, &handshake.outcome) {
        (Connect::TimedOut(patience), _) if patience.limit != Limit::Step => None,
        (connect @ (Connect::Refused | Connect::TimedOut(_) | Connect::Unreachable { .. }), _) => {
            Some(format!("{place}: {}", connect.describe()))
        }
        (Connect::Open, TlsOutcome::TimedOut(patience)) if patience.limit != Limit::Step => None,
        (
            Connect::Open,
            outcome @ (TlsOutcome::Closed | TlsOutcome::Reset | TlsOutcome::TimedOut(_) | TlsOutcome::NotTls { .. }),
        ) if handshake.chain.is_empty() => Some(format!("{place}: {}", outcome.describe())),
        _ => None,
    }
}

/// Both ends shook hands, and no answer came through from either.
pub(super) fn nothing_large_passes(evidence: &Evidence) -> Option<Disturbance> {
    let (at_edge, at_origin) = (unanswered(&evidence.edge)?, unanswered(&evidence.origin)?);
    let culprit = format!(
        "answers do not come through our own network, though handshakes do (an MTU black hole, or a firewall): edge: \
         {at_edge}; origin: {at_origin}"
    );
    Some(Disturbance { culprit, spoils: vec![Part::EdgeHttp, Part::OriginHttp] })
}

/// Why no request brought a byte of an answer; `None`: one did, or none was sent.
fn unanswered(end: &Vantage) -> Option<String> {
    if !end.tls.found()?.completed() {
        return None;
    }
    let http: &Exchanges = end.http.found()?;
    let mut failures = http.samples.iter().map(|exchange| match &exchange.outcome {
        Outcome::Failed(failure @ (Failure::Closed | Failure::Reset)) => Some(failure),
        Outcome::Failed(failure @ Failure::TimedOut(patience)) if patience.limit == Limit::Step => Some(failure),
        _ => None,
    });
    let first = failures.next()??;
    failures.all(|failure| failure.is_some()).then(|| first.describe())
}
