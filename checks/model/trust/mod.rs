//! Would this chain be trusted, for these names, at this time? One pure step for each policy.
//!
//! What a client reports as one error is taken apart here: the path to an anchor, the name, and the dates are judged
//! each on its own, so that a certificate that is expired, for another name *and* from nobody is all three.

mod anchors;
mod lookalike;
mod missing;
mod name;
mod path;
mod verified;

use std::rc::Rc;

use time::OffsetDateTime;

use crate::evidence::tls::{Certificate, Connect, Handshake, TrustInputs};
use crate::evidence::{Evidence, Gathered};
use crate::verdict::Confidence;

pub use anchors::{AnchorKind, Issuer, ORIGIN_CA_ROOTS_END, issuer_by_name};
pub use lookalike::{ServiceCertificate, is_cloudflare_client_certificate, service_certificate};
pub use name::{Field, NameVerdict, matches as name_matches};

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A visitor's: public roots and `--cacert`; the name must be in the subject alternative names.
    PublicWeb,
    /// Cloudflare's towards the origin under Full (strict): those, or Cloudflare Origin CA; common name or
    /// alternative name, of the requested or the target name (`facts/cloudflare.md` section 4.2).
    FullStrict,
    /// Cloudflare's towards the origin where the zone has a custom origin trust store: its authorities alone, given as
    /// extra roots; names as in [`Policy::FullStrict`].
    CustomStore,
}

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Whose rules.
    pub policy: Policy,
    /// As sent, leaf first.
    pub chain: &'a [Certificate],
    /// The name asked for.
    pub requested: &'a str,
    /// The name that the record points at, where it is known and not an address.
    pub target: Option<&'a str>,
    /// When.
    pub at: OffsetDateTime,
    /// Roots beyond the built-in ones.
    pub roots: &'a TrustInputs,
}

/// The answer, in its three independent parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Trust {
    /// Does it end in an anchor, whatever the dates?
    pub path: PathVerdict,
    /// Is it for this name?
    pub name: NameVerdict,
    /// Certificates of the path outside their validity, leaf first; extra ones that were sent and are not needed do
    /// not count.
    pub dates: Vec<DateFault>,
}

/// Where the chain leads, whatever the dates and names.
#[derive(Clone, Debug, PartialEq)]
pub enum PathVerdict {
    /// To an anchor.
    Trusted {
        /// Of this kind.
        by: AnchorKind,
        /// The certificates used, as places in the chain, leaf first.
        used: Vec<usize>,
        /// When the anchor itself ends, where we hold its certificate. Trust does not end with it here: what
        /// Cloudflare does then is not known (`facts/cloudflare.md` section 5).
        anchor_ends: Option<OffsetDateTime>,
    },
    /// The leaf vouches for itself.
    SelfSigned,
    /// An issuer is not among what was sent, and is probably an intermediate of a public CA.
    Incomplete {
        /// The issuer's name.
        missing: String,
        /// How likely that is it, rather than a private CA.
        likely: Confidence,
        /// What makes it likely.
        because: String,
    },
    /// To nobody that we know.
    UnknownIssuer {
        /// The issuer at the end of what was sent.
        issuer: String,
        /// It bears the name of this anchor, but another key signed.
        name_of: Option<AnchorKind>,
    },
    /// The certificate is for clients, mail or code, not for servers (extended key usage).
    NotAServerCertificate,
    /// A CA in the path may not issue this: name constraints, path length, or no CA at all.
    ConstraintViolated(String),
    /// The first certificate is a CA's own; whether Cloudflare minds is not known.
    CaUsedAsLeaf,
    /// A signature, key or extension that our library cannot judge; others may.
    CannotVerify(String),
    /// The bytes are no certificate.
    Unreadable(String),
    /// Only somebody's report is known: judged by the issuer's name alone.
    Reported(Issuer),
    /// Nothing was sent, or nothing is known of it.
    Absent,
}

/// One certificate outside its validity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFault {
    /// Its place in the chain; 0 is the leaf.
    pub index: usize,
    /// Which side.
    pub kind: DateFaultKind,
}

/// Too late or too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFaultKind {
    /// It ended then.
    Expired(OffsetDateTime),
    /// It begins then.
    NotYetValid(OffsetDateTime),
}

/// Judges a chain.
pub fn judge(question: &Question<'_>) -> Trust {
    let (path, looked_at) = path::find(question);
    let name = match question.chain.first() {
        Some(leaf) => name::judge(question, leaf),
        None => NameVerdict::Unknown("no certificate was seen".into()),
    };
    Trust { path, name, dates: date_faults(question, &looked_at) }
}

/// Both ends of validity are part of it (RFC 5280 §4.1.2.5).
fn date_faults(question: &Question<'_>, places: &[usize]) -> Vec<DateFault> {
    let fault = |index: usize| {
        let certificate = question.chain.get(index)?;
        let kind = match (certificate.not_before, certificate.not_after) {
            (_, Some(end)) if question.at > end => DateFaultKind::Expired(end),
            (Some(start), _) if question.at < start => DateFaultKind::NotYetValid(start),
            _ => return None,
        };
        Some(DateFault { index, kind })
    };
    places.iter().copied().filter_map(fault).collect()
}

/// The origin's chain by Cloudflare's rules; `None`: no certificate of the origin was seen.
pub fn at_origin(evidence: &Evidence) -> Option<Rc<Trust>> {
    evidence.once(judge_origin)
}

fn judge_origin(evidence: &Evidence) -> Option<Rc<Trust>> {
    let handshake = evidence.origin.tls.found()?;
    let chain = served_chain(handshake);
    if chain.is_empty() {
        return None;
    }
    Some(Rc::new(judge(&Question {
        policy: Policy::FullStrict,
        chain,
        requested: requested_name(evidence, handshake),
        target: target_name(evidence),
        at: evidence.gathered_at,
        roots: &evidence.trust,
    })))
}

/// The origin's chain by the authorities of the zone's custom origin trust store, which replace the public ones
/// (`facts/cloudflare.md` section 4.2).
pub fn at_origin_by_store(evidence: &Evidence) -> Option<Rc<ByStore>> {
    evidence.once(judge_by_store)
}

fn judge_by_store(evidence: &Evidence) -> Option<Rc<ByStore>> {
    let store = evidence.zone_of_host().ok()?.trust_store.found()?;
    let active: Vec<_> = store.iter().filter(|authority| authority.active).collect();
    if active.is_empty() {
        return None;
    }
    let roots: Vec<_> = active.iter().filter_map(|authority| anchors::pem(authority.pem.as_deref()?)).collect();
    let whole = roots.len() == active.len();
    let handshake = evidence.origin.tls.found()?;
    let chain = served_chain(handshake);
    if chain.is_empty() {
        return None;
    }
    let roots = TrustInputs { extra_roots: roots, origin_ca: Some(Vec::new()) };
    let trust = judge(&Question {
        policy: Policy::CustomStore,
        chain,
        requested: requested_name(evidence, handshake),
        target: target_name(evidence),
        at: evidence.gathered_at,
        roots: &roots,
    });
    Some(Rc::new(ByStore { trust, whole }))
}

/// A chain judged by a custom origin trust store.
#[derive(Clone, Debug, PartialEq)]
pub struct ByStore {
    /// The answer.
    pub trust: Trust,
    /// Could every authority of the store be read? Else what is refused here may be accepted there.
    pub whole: bool,
}

/// The edge's chain by a visitor's rules; `None`: no certificate of the edge was seen.
pub fn at_edge(evidence: &Evidence) -> Option<Rc<Trust>> {
    evidence.once(judge_edge)
}

fn judge_edge(evidence: &Evidence) -> Option<Rc<Trust>> {
    let chain = served_chain(evidence.edge.tls.found()?);
    if chain.is_empty() {
        return None;
    }
    Some(Rc::new(judge(&Question {
        policy: Policy::PublicWeb,
        chain,
        requested: &evidence.target.host,
        target: None,
        at: evidence.gathered_at,
        roots: &evidence.trust,
    })))
}

/// The certificates of the handshake, or of the raw hello where only that brought some.
pub fn served_chain(handshake: &Handshake) -> &[Certificate] {
    match &handshake.legacy {
        Gathered::Found(hello) if handshake.chain.is_empty() => &hello.chain,
        _ => &handshake.chain,
    }
}

/// The name asked for in TLS.
pub fn requested_name<'a>(evidence: &'a Evidence, handshake: &'a Handshake) -> &'a str {
    match &handshake.server_name {
        Some(name) if handshake.connect != Connect::Reported => name,
        _ => &evidence.target.host,
    }
}

/// The name that the record points at, unless that is an address.
pub fn target_name(evidence: &Evidence) -> Option<&str> {
    let origin = evidence.target.origin.as_ref()?;
    origin.host.parse::<std::net::IpAddr>().is_err().then_some(origin.host.as_str())
}

impl Trust {
    /// Would this policy take it? `None`: not for us to say.
    pub fn accepted(&self) -> Option<bool> {
        if !self.dates.is_empty() || matches!(self.name, NameVerdict::NotCovered { .. }) {
            return Some(false);
        }
        match &self.path {
            PathVerdict::Trusted { .. } => self.name.is_covered().then_some(true),
            PathVerdict::SelfSigned
            | PathVerdict::Incomplete { .. }
            | PathVerdict::UnknownIssuer { .. }
            | PathVerdict::NotAServerCertificate
            | PathVerdict::ConstraintViolated(_) => Some(false),
            PathVerdict::CaUsedAsLeaf
            | PathVerdict::CannotVerify(_)
            | PathVerdict::Unreadable(_)
            | PathVerdict::Reported(_)
            | PathVerdict::Absent => None,
        }
    }

    /// The issuer's kind, where it is an anchor's or reported by name.
    pub fn anchor(&self) -> Option<AnchorKind> {
        match &self.path {
            PathVerdict::Trusted { by, .. } => Some(*by),
            PathVerdict::Reported(Issuer::OriginCa) => Some(AnchorKind::OriginCa),
            PathVerdict::Reported(Issuer::Public) => Some(AnchorKind::Public),
            _ => None,
        }
    }

    /// In words, as a clause.
    pub fn describe(&self) -> String {
        let mut said = Vec::new();
        for fault in &self.dates {
            said.push(match fault.kind {
                DateFaultKind::Expired(end) => format!("expired on {}", end.date()),
                DateFaultKind::NotYetValid(start) => format!("not valid before {}", start.date()),
            });
        }
        if let NameVerdict::NotCovered { .. } = &self.name {
            said.push("for another name".into());
        }
        if !matches!(self.path, PathVerdict::Trusted { .. } | PathVerdict::Reported(_)) || said.is_empty() {
            said.push(self.path.describe());
        }
        said.join(", ")
    }
}

impl PathVerdict {
    /// In words, as a clause.
    pub fn describe(&self) -> String {
        match self {
            PathVerdict::Trusted { by, .. } => format!("trusted through {}", by.name()),
            PathVerdict::SelfSigned => "self-signed".into(),
            PathVerdict::Incomplete { missing, .. } => format!("the intermediate \"{missing}\" is not sent"),
            PathVerdict::UnknownIssuer { issuer, .. } => {
                format!("issued by \"{issuer}\", neither a public CA nor Cloudflare Origin CA")
            }
            PathVerdict::NotAServerCertificate => "not a server certificate (extended key usage)".into(),
            PathVerdict::ConstraintViolated(what) => what.clone(),
            PathVerdict::CaUsedAsLeaf => "the first certificate is a CA's own".into(),
            PathVerdict::CannotVerify(why) => format!("could not be verified here: {why}"),
            PathVerdict::Unreadable(why) => format!("unreadable: {why}"),
            PathVerdict::Reported(issuer) => match issuer {
                Issuer::OriginCa => "issued by Cloudflare Origin CA, by the name reported".into(),
                Issuer::Public => "issued by a public CA, by the name reported".into(),
                Issuer::Other => "its issuer's name alone does not tell".into(),
            },
            PathVerdict::Absent => "no certificate was seen".into(),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
