//! The resolver: what it says of a name that does not exist, of all names, and against the zone's own servers.

use std::net::IpAddr;

use super::{Disturbance, EDGE, Met, ORIGIN, Part, met};
use crate::evidence::dns::{Chain, Dns, Lookup, View, Viewer};
use crate::evidence::target::Scheme;
use crate::evidence::{Evidence, Gathered};
use crate::model::cloudflare;
use crate::model::trust::{NameVerdict, PathVerdict, at_edge, at_origin};

/// It fails on every name: also on one that any resolver knows to be absent.
pub(super) fn failing(evidence: &Evidence) -> Option<Disturbance> {
    let dns = evidence.dns.found()?;
    let impossible = dns.impossible.as_ref()?;
    let is_out = |lookup: &Lookup| matches!(lookup, Lookup::ServFail { .. }) || lookup.is_silent();
    if !is_out(impossible) || has_answered(dns) {
        return None;
    }
    let culprit = format!(
        "the resolver {} fails on every name: {} for {}, and {} for a name of another zone",
        dns.resolver,
        dns.host.ipv4.describe(),
        dns.host.name,
        impossible.describe()
    );
    Some(Disturbance { culprit, spoils: vec![Part::Dns, Part::EdgeTls, Part::EdgeHttp] })
}

/// Did it say anything definite, of whatever name?
fn has_answered(dns: &Dns) -> bool {
    let unchecked = dns.host_unchecked.iter();
    let origin = dns.origin.found().into_iter().flat_map(|chain| [&chain.ipv4, &chain.ipv6]);
    let lookups = [&dns.host.ipv4, &dns.host.ipv6].into_iter().chain(unchecked).chain(origin);
    lookups.into_iter().any(Lookup::is_definite) || dns.zone.found().is_some()
}

/// It says nothing, or will not speak with us.
pub(super) fn silent(evidence: &Evidence) -> Option<Disturbance> {
    let dns = evidence.dns.found()?;
    let is_mute = |lookup: &Lookup| {
        matches!(lookup, Lookup::TimedOut | Lookup::Unreachable { .. } | Lookup::Refused | Lookup::Other { .. })
    };
    let lookups = [&dns.host.ipv4, &dns.host.ipv6];
    let asked: Vec<&Lookup> = lookups.into_iter().filter(|one| !matches!(one, Lookup::NotAsked { .. })).collect();
    if asked.is_empty() || !asked.iter().all(|lookup| is_mute(lookup)) || !dns.host.hops.is_empty() {
        return None;
    }
    let culprit =
        format!("the resolver {} is of no use: for {} it gives {}", dns.resolver, dns.host.name, asked[0].describe());
    Some(Disturbance { culprit, spoils: vec![Part::Dns, Part::EdgeTls, Part::EdgeHttp] })
}

/// It has an address for a name that does not exist: whatever it says of others may be invented too. Where Cloudflare
/// answered, its word for the host was true.
pub(super) fn inventing(evidence: &Evidence) -> Option<Disturbance> {
    let dns = evidence.dns.found()?;
    let invented = dns.impossible.as_ref()?.addresses();
    if invented.is_empty() || met(evidence) == Met::Cloudflare {
        return None;
    }
    let culprit = format!(
        "the resolver {} invents answers (a captive portal, or a provider that rewrites NXDOMAIN): it has {} for a name \
         that does not exist, and {} for {}",
        dns.resolver,
        list(invented),
        list(&dns.host.addresses()),
        dns.host.name
    );
    let mut spoils = vec![Part::Dns];
    spoils.extend(led_astray(evidence, dns, invented));
    Some(Disturbance { culprit, spoils })
}

/// The ends that were looked for where the resolver led, and did not prove to be who they should be.
fn led_astray(evidence: &Evidence, dns: &Dns, invented: &[IpAddr]) -> Vec<Part> {
    let mut parts = EDGE.to_vec();
    let is_invented = |chain: &Chain| chain.addresses().iter().all(|a| invented.contains(a) || is_local(*a));
    let origin_astray = dns.origin.found().is_some_and(is_invented);
    let is_vouched = at_origin(evidence).is_some_and(|trust| trust.accepted() == Some(true));
    if origin_astray && !is_vouched {
        parts.extend(ORIGIN);
    }
    parts
}

/// It leads the host to an address that no visitor of a public site can be led to, or elsewhere than the zone's own
/// servers lead it; and who answered there is not Cloudflare.
pub(super) fn lying(evidence: &Evidence) -> Option<Disturbance> {
    let dns = evidence.dns.found()?;
    let addresses = dns.host.addresses();
    if addresses.is_empty() || met(evidence) == Met::Cloudflare {
        return None;
    }
    let local = addresses.iter().all(|address| is_local(*address)) && !is_published(dns, &addresses);
    let culprit = if local
        && (met(evidence) == Met::Stranger || !was_led_elsewhere(evidence) && !is_vouched_for(evidence))
    {
        format!(
            "the resolver {} leads {} to {}, which is no address of a public site (a filter, a hosts file, a split \
             horizon or a captive portal)",
            dns.resolver,
            dns.host.name,
            list(&addresses)
        )
    } else if let Some((server, theirs)) = contradicted(dns, &addresses) {
        format!(
            "the resolver {} leads {} to {}, while the zone's own server {server} leads it to {}: what answers there is \
             not what visitors meet",
            dns.resolver,
            dns.host.name,
            list(&addresses),
            list(&theirs)
        )
    } else {
        return None;
    };
    let mut spoils = vec![Part::Dns];
    spoils.extend(led_astray(evidence, dns, &addresses));
    Some(Disturbance { culprit, spoils })
}

/// Does every server of the zone that was asked lead the host there too, and no public resolver elsewhere? Then that is
/// what the zone says, and no invention of ours.
fn is_published(dns: &Dns, ours: &[IpAddr]) -> bool {
    let tells = |view: &&View| view.chain.ipv4.is_definite() || !view.chain.hops.is_empty();
    let says = |who: Viewer| dns.views.iter().filter(move |view| view.who == who).filter(tells);
    let target = |chain: &Chain| chain.hops.first().map(|hop| hop.to.clone());
    let agrees = |view: &View| {
        view.chain.addresses().iter().any(|address| ours.contains(address))
            || target(&view.chain).is_some() && target(&view.chain) == target(&dns.host)
    };
    says(Viewer::Authoritative).next().is_some() && says(Viewer::Authoritative).chain(says(Viewer::Public)).all(agrees)
}

/// A server of the zone that leads the host to Cloudflare, where all of them do and the resolver to none of these
/// addresses.
fn contradicted(dns: &Dns, ours: &[IpAddr]) -> Option<(String, Vec<IpAddr>)> {
    if !dns.host.hops.is_empty() || cloudflare::outside(ours).len() < ours.len() {
        return None;
    }
    let views = dns.views.iter().filter(|view| view.who == Viewer::Authoritative && view.chain.ipv4.is_definite());
    let mut word = None;
    for view in views {
        let theirs = view.chain.addresses();
        if theirs.is_empty() || !cloudflare::outside(&theirs).is_empty() {
            return None;
        }
        word.get_or_insert((view.server.clone(), theirs));
    }
    word
}

/// Did the user say where to go (`--resolve`, `--connect-to`, a proxy), so that the resolver's word did not count?
fn was_led_elsewhere(evidence: &Evidence) -> bool {
    let Some(address) = evidence.edge.tls.found().and_then(|handshake| handshake.address) else { return false };
    let known = evidence.dns.found().is_some_and(|dns| dns.host.addresses().contains(&address.ip()));
    let port = if evidence.target.scheme == Scheme::Https { evidence.target.port } else { 443 };
    !known || address.port() != port
}

/// Does the edge show a trusted certificate for the name?
fn is_vouched_for(evidence: &Evidence) -> bool {
    let is_open = matches!(&evidence.edge.tls, Gathered::Found(handshake) if !handshake.chain.is_empty());
    is_open
        && at_edge(evidence).is_some_and(|trust| {
            matches!(trust.path, PathVerdict::Trusted { .. }) && matches!(trust.name, NameVerdict::Covered { .. })
        })
}

/// An address that means something else in every network: private, shared, loopback, link-local, none.
pub fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            // 100.64.0.0/10 (RFC 6598), 0.0.0.0/8 (RFC 1122 section 3.2.1.3).
            let is_shared = a == 100 && b & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || a == 0 || v4.is_broadcast() || is_shared
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_local(IpAddr::V4(v4)),
            None => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

fn list(addresses: &[IpAddr]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(ToString::to_string).collect();
    match (shown.is_empty(), addresses.len() > SHOWN) {
        (true, _) => "no address".into(),
        (_, true) => format!("{} and others", shown.join(", ")),
        (_, false) => shown.join(", "),
    }
}
