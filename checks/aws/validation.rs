//! The records by which ACM proves the names of a certificate: as ACM wants them, as the world sees them, as they
//! stand in the zone (`facts/aws.md` section 3.2, gotchas G11 and G12).

use super::fixes;
use crate::evidence::Evidence;
use crate::evidence::dns::{Chain, Lookup};
use crate::evidence::gateway::{Certificate, ValidationRecord};
use crate::evidence::text::shell_quote;
use crate::evidence::zone::Record;
use crate::model::cloudflare;
use crate::verdict::{Confidence, Fix};

/// Where every value of ACM ends.
const ACM_VALIDATIONS: &str = "acm-validations.aws";

/// One record, with what is seen of it.
pub(super) struct Proof {
    /// The name that it proves.
    pub(super) of: String,
    /// Its owner name.
    pub(super) name: String,
    /// What it has to be; none: thin data does not tell.
    wanted: Option<ValidationRecord>,
    public: Public,
    zone: InZone,
}

/// As the world sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Public {
    Right,
    /// Points elsewhere.
    Other(String),
    /// Cloudflare answers in its place.
    Proxied(String),
    /// It is not there; the answer.
    Missing(String),
    /// Nobody looked, or no answer came.
    Unseen,
}

/// As it stands in the zone of the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
enum InZone {
    Right(String),
    Proxied(String),
    Other(String),
    /// The zone holds the name, and no such record.
    Missing(String),
    /// Not this zone's, or its records are not known.
    Unknown,
}

/// The records of a certificate that are proved by DNS, each once.
pub(super) fn proofs(evidence: &Evidence, certificate: &Certificate) -> Vec<Proof> {
    let renewal = certificate.renewal.iter().flat_map(|renewal| &renewal.validations);
    let mut found: Vec<Proof> = Vec::new();
    for validation in certificate.validations.iter().chain(renewal) {
        let Some(record) = &validation.record else { continue };
        if found.iter().any(|proof| proof.name == record.name) {
            continue;
        }
        found.push(Proof {
            of: validation.name.clone(),
            name: record.name.clone(),
            public: public(chain(evidence, &record.name), Some(&record.value)),
            zone: in_zone(evidence, &record.name, &record.value),
            wanted: Some(record.clone()),
        });
    }
    if found.is_empty() {
        found.extend(in_the_zone(evidence, certificate));
    }
    if found.is_empty()
        && let Some((of, chain)) = seen_for(evidence, certificate)
    {
        found.push(Proof {
            of: of.to_owned(),
            name: chain.name.clone(),
            wanted: None,
            public: public(Some(chain), None),
            zone: in_zone(evidence, &chain.name, ACM_VALIDATIONS),
        });
    }
    found
}

/// Records of the zone that lead to ACM for one of the certificate's names, where the account does not tell which ones
/// ACM wants. Only what is wrong with them says something: the right one may be another.
fn in_the_zone(evidence: &Evidence, certificate: &Certificate) -> Option<Proof> {
    let records = evidence.zone.found()?.records.found()?;
    records.0.iter().find_map(|record| {
        let name = record.name.as_deref()?;
        let (label, of) = name.split_once('.')?;
        let leads = record.content.as_deref().is_some_and(|to| to.trim_end_matches('.').ends_with(ACM_VALIDATIONS));
        let own = certificate.names.iter().find(|own| own.strip_prefix("*.").unwrap_or(own) == of)?;
        (label.starts_with('_') && leads && record.proxied == Some(true)).then(|| Proof {
            of: own.clone(),
            name: name.to_owned(),
            wanted: None,
            public: public(chain(evidence, name), None),
            zone: InZone::Proxied(record.describe()),
        })
    })
}

/// A record that somebody looked up for one of the certificate's names: `_x.name`.
pub(super) fn seen_for<'a>(evidence: &'a Evidence, certificate: &'a Certificate) -> Option<(&'a str, &'a Chain)> {
    let seen = &evidence.dns.found()?.validation;
    seen.iter().find_map(|chain| {
        let (label, of) = chain.name.split_once('.')?;
        let name = certificate.names.iter().find(|name| name.strip_prefix("*.").unwrap_or(name) == of)?;
        label.starts_with('_').then_some((name.as_str(), chain))
    })
}

fn chain<'a>(evidence: &'a Evidence, name: &str) -> Option<&'a Chain> {
    evidence.dns.found()?.validation.iter().find(|chain| chain.name == name)
}

fn is_wanted(value: &str, wanted: Option<&str>) -> bool {
    match wanted {
        Some(wanted) => value == wanted,
        None => value.ends_with(ACM_VALIDATIONS),
    }
}

fn public(chain: Option<&Chain>, wanted: Option<&str>) -> Public {
    let Some(chain) = chain else { return Public::Unseen };
    if chain.hops.iter().any(|hop| is_wanted(&hop.to, wanted)) {
        return Public::Right;
    }
    if let Some(hop) = chain.hops.first() {
        return Public::Other(hop.to.clone());
    }
    let addresses = chain.addresses();
    if !addresses.is_empty() {
        let shown = addresses.iter().take(2).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return match addresses.iter().all(|address| cloudflare::owns(*address)) {
            true => Public::Proxied(shown),
            false => Public::Other(shown),
        };
    }
    let lookups = [&chain.ipv4, &chain.ipv6];
    match lookups.into_iter().find(|lookup| matches!(lookup, Lookup::NxDomain | Lookup::NoData)) {
        Some(lookup) => Public::Missing(lookup.describe()),
        None => Public::Unseen,
    }
}

fn in_zone(evidence: &Evidence, name: &str, wanted: &str) -> InZone {
    let Some(zone) = evidence.zone.found() else { return InZone::Unknown };
    let holds = zone.name().is_some_and(|apex| name.strip_suffix(apex).is_some_and(|rest| rest.ends_with('.')));
    let Some(records) = zone.records.found().filter(|_| holds) else { return InZone::Unknown };
    let own: Vec<&Record> = records.0.iter().filter(|record| record.name.as_deref() == Some(name)).collect();
    let Some(record) = own.first() else {
        // A list that was cut holds the host's own records only.
        let is_whole = records.0.iter().any(|record| record.name.as_deref() != Some(evidence.target.host.as_str()));
        return match (is_whole, zone.name()) {
            (true, Some(apex)) => InZone::Missing(apex.to_owned()),
            _ => InZone::Unknown,
        };
    };
    let is_right = record.content.as_deref().is_some_and(|content| content.ends_with(wanted));
    match (is_right, record.proxied) {
        (_, Some(true)) => InZone::Proxied(record.describe()),
        (true, _) => InZone::Right(record.describe()),
        (false, _) => InZone::Other(record.describe()),
    }
}

impl Proof {
    /// Was it seen at all, by the world's eyes or in the zone?
    pub(super) fn is_seen(&self) -> bool {
        self.public != Public::Unseen || matches!(self.zone, InZone::Right(_))
    }

    /// What is wrong with it, as a clause. What the world sees decides: the zone may not be the one that it asks.
    pub(super) fn fault(&self) -> Option<(String, Confidence)> {
        let name = &self.name;
        let (what, confidence) = match (&self.public, &self.zone) {
            (Public::Right, _) => return None,
            (Public::Proxied(_), _) | (Public::Missing(_) | Public::Other(_), InZone::Proxied(_)) => {
                (format!("the validation record {name} is proxied, so that nobody sees it"), Confidence::High)
            }
            (Public::Missing(_), InZone::Right(_)) => (
                format!(
                    "the validation record {name} stands in the zone, and the world does not see it: another zone is asked"
                ),
                Confidence::High,
            ),
            (Public::Missing(_), _) => {
                (format!("the validation record {name} does not exist in public DNS"), Confidence::High)
            }
            (Public::Other(_), _) => {
                (format!("the validation record {name} does not point where ACM wants it"), Confidence::High)
            }
            (Public::Unseen, InZone::Proxied(_)) => {
                (format!("the validation record {name} is proxied in the zone"), Confidence::High)
            }
            (Public::Unseen, InZone::Other(_)) => {
                (format!("the validation record {name} does not point where ACM wants it"), Confidence::Medium)
            }
            (Public::Unseen, InZone::Missing(apex)) => {
                (format!("the zone {apex} has no validation record {name}"), Confidence::Medium)
            }
            (Public::Unseen, InZone::Right(_) | InZone::Unknown) => return None,
        };
        Some((what, confidence))
    }

    /// The evidence.
    pub(super) fn lines(&self) -> Vec<String> {
        let name = &self.name;
        let wanted = self.wanted.as_ref().map(|record| format!("ACM wants: {name} {} {}", record.kind, record.value));
        let public = match &self.public {
            Public::Right | Public::Unseen => None,
            Public::Other(to) => Some(format!("public DNS: {name} → {to}")),
            Public::Proxied(addresses) => Some(format!("public DNS: {name} → {addresses} (Cloudflare's)")),
            Public::Missing(answer) => Some(format!("public DNS: {name}: {answer}")),
        };
        let zone = match &self.zone {
            InZone::Right(record) | InZone::Proxied(record) | InZone::Other(record) => {
                Some(format!("in the zone: {record}"))
            }
            InZone::Missing(apex) => Some(format!("in the zone {apex}: no record of that name")),
            InZone::Unknown => None,
        };
        [wanted, public, zone].into_iter().flatten().collect()
    }

    /// The cure in a clause.
    pub(super) fn cure(&self) -> String {
        match (&self.zone, &self.public) {
            (InZone::Right(_), _) => format!("add the record {} in the DNS zone that the world asks", self.name),
            (InZone::Proxied(_), _) | (_, Public::Proxied(_)) => {
                format!("set the validation record {} to DNS-only", self.name)
            }
            (InZone::Other(_), _) | (_, Public::Other(_)) => {
                format!("correct the validation record {}", self.name)
            }
            _ => format!("restore the validation record {}, DNS-only, and leave it there", self.name),
        }
    }

    /// The steps.
    pub(super) fn mend(&self, fix: Fix, evidence: &Evidence) -> Fix {
        let stands = matches!(self.zone, InZone::Proxied(_) | InZone::Other(_))
            || matches!(self.public, Public::Proxied(_) | Public::Other(_));
        if let (InZone::Right(_), _) | (_, Public::Missing(_)) = (&self.zone, &self.public) {
            let apex = evidence.zone.found().and_then(|zone| zone.name());
            let of = apex.unwrap_or(self.of.trim_start_matches("*."));
            let fix = fix.shell("Which name servers the world asks", format!("dig +short NS {}", shell_quote(of)));
            return self.record(fix, evidence, false);
        }
        self.record(fix, evidence, stands)
    }

    fn record(&self, fix: Fix, evidence: &Evidence, stands: bool) -> Fix {
        match &self.wanted {
            Some(record) => fixes::validation_record(fix, evidence, record, stands),
            None => fix.dashboard(format!(
                "DNS → Records: CNAME {}, target as ACM names it (….{ACM_VALIDATIONS}), DNS only",
                self.name
            )),
        }
    }
}
