//! A proxy that reads TLS: its certificates stand in place of Cloudflare's and the origin's.

use super::{Disturbance, Met, ORIGIN, Part, is_at_cloudflare, met, samples, was_seen};
use crate::check::Probe;
use crate::evidence::Evidence;
use crate::evidence::tls::{Certificate, Handshake};
use crate::model::cloudflare;
use crate::model::trust::{Issuer, PathVerdict, at_edge, issuer_by_name, served_chain};

/// Products and services that issue certificates of their own for every site, by what stands in the issuer's name;
/// lower case. Their certificates are known even where their root was given with `--cacert`.
const PRODUCTS: &[&str] = &[
    "avast",
    "avg web",
    "bitdefender",
    "blue coat",
    "bluecoat",
    "burp",
    "charles proxy",
    "checkpoint",
    "check point",
    "cisco umbrella",
    "do_not_trust_fiddlerroot",
    "eset ssl filter",
    "forcepoint",
    "fortigate",
    "fortinet",
    "kaspersky",
    "mcafee web gateway",
    "mitmproxy",
    "netskope",
    "palo alto",
    "portswigger",
    "proxyman",
    "skyhigh",
    "sonicwall",
    "sophos",
    "squid",
    "watchguard",
    "zscaler",
];

/// Cloudflare's edge shows certificates of public authorities only. Where Cloudflare answers, or all addresses are its
/// own, a certificate for the name from somebody else was made on the way.
pub(super) fn found(evidence: &Evidence) -> Option<Disturbance> {
    let edge = evidence.edge.tls.found()?;
    let leaf = served_chain(edge).first()?;
    if !leaf.covers(&evidence.target.host) || !(is_at_cloudflare(evidence) || met(evidence) == Met::Cloudflare) {
        return None;
    }
    let known = product(edge);
    if known.is_none() && !is_private(evidence, edge) {
        return None;
    }
    let issuer = known.or_else(|| leaf.issuer_name()).unwrap_or_else(|| "nobody".into());
    let mut spoils = vec![Part::EdgeTls];
    if !samples(evidence).any(|exchange| cloudflare::fingerprint(exchange).is_some()) {
        spoils.push(Part::EdgeHttp);
    }
    let both = evidence.origin.tls.found().is_some_and(|origin| is_of_the_same(edge, origin));
    if both {
        spoils.extend(ORIGIN);
    }
    let whose = match both {
        true => "the certificates shown for the edge and for the origin are",
        false if was_seen(evidence, Probe::OriginTls) => "the certificate shown for the edge, not the origin's, is",
        false => "the certificate shown for the edge is",
    };
    let culprit = format!(
        "a proxy on our own side opens TLS: {whose} issued by \"{issuer}\", and Cloudflare shows certificates of public \
         authorities only"
    );
    Some(Disturbance { culprit, spoils })
}

/// The name of a known product in an issuer's name.
fn product(handshake: &Handshake) -> Option<String> {
    let issuers = served_chain(handshake).iter().map(|certificate| certificate.issuer.as_str());
    issuers.into_iter().find(|issuer| {
        let lower = issuer.to_lowercase();
        PRODUCTS.iter().any(|name| lower.contains(name))
    })?;
    served_chain(handshake).first().and_then(Certificate::issuer_name)
}

/// Does the chain end with nobody that a visitor knows? Its signatures are worked through only where the names do not
/// speak for a public authority.
fn is_private(evidence: &Evidence, edge: &Handshake) -> bool {
    let chain = served_chain(edge);
    let is_public = |certificate: &Certificate| issuer_by_name(&certificate.issuer) == Issuer::Public;
    if chain.iter().any(is_public) || chain.first().is_none_or(|leaf| leaf.der.is_none()) {
        return false;
    }
    at_edge(evidence)
        .is_some_and(|trust| matches!(trust.path, PathVerdict::SelfSigned | PathVerdict::UnknownIssuer { .. }))
}

/// Does the origin show the edge's own certificate, or one of the same authority, which is no public one?
pub(super) fn is_of_the_same(edge: &Handshake, origin: &Handshake) -> bool {
    let (Some(one), Some(other)) = (served_chain(edge).first(), served_chain(origin).first()) else { return false };
    let same_leaf = !one.sha256.is_empty() && one.sha256 == other.sha256;
    let is_private = issuer_by_name(&one.issuer) == Issuer::Other && !one.issuer.is_empty() && !one.self_signed;
    same_leaf || is_private && one.issuer == other.issuer
}
