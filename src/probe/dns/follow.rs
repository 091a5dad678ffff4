//! From a name along its CNAMEs to the records at the end, every hop kept.

use cfdoctor_checks::evidence::dns::{Chain, ChainFault, Hop, Lookup};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::message::{Manner, Question, addresses, failure, name_of, rcode, text_of};
use super::server::Panel;
use crate::settings::Family;

/// CNAMEs that a chain may have (`product.md` section 10).
pub(super) const MAX_HOPS: usize = 16;

/// Where a question led.
pub(super) struct Followed {
    pub(super) hops: Vec<Hop>,
    pub(super) fault: Option<ChainFault>,
    /// The name at the end.
    pub(super) at: Name,
    /// The records there, or why there are none.
    pub(super) records: Result<Vec<Record>, Lookup>,
    /// AD bit of the last answer.
    pub(super) authenticated: bool,
}

impl Followed {
    /// The addresses at the end, or why there are none.
    pub(super) fn lookup(&self) -> Lookup {
        match &self.records {
            Ok(records) => addresses(records, self.authenticated),
            Err(lookup) => lookup.clone(),
        }
    }
}

/// A and AAAA at once.
pub(super) async fn chain(panel: &Panel, manner: Manner, family: Family, zone: Option<&Name>, name: &str) -> Chain {
    let asked = match name_of(name) {
        Ok(asked) => asked,
        Err(lookup) => {
            let name = cfdoctor_checks::evidence::text::shorten(&name.to_ascii_lowercase(), 255);
            return Chain { name, hops: Vec::new(), ipv4: lookup.clone(), ipv6: lookup, fault: None };
        }
    };
    let one = async |wanted: bool, kind, option: &str| {
        if wanted {
            Ok(follow(panel, manner, zone, &asked, kind).await)
        } else {
            Err(Lookup::NotAsked { why: format!("{option} was given") })
        }
    };
    let (ipv4, ipv6) =
        tokio::join!(one(family != Family::V6, RecordType::A, "-6"), one(family != Family::V4, RecordType::AAAA, "-4"));
    let lookup = |side: &Result<Followed, Lookup>| side.as_ref().map_or_else(Clone::clone, Followed::lookup);
    let (lookup4, lookup6) = (lookup(&ipv4), lookup(&ipv6));
    // Both ask about one chain; the way that came further tells more of it.
    let (ipv4, ipv6) = (ipv4.ok(), ipv6.ok());
    let reach = |side: &Option<Followed>| side.as_ref().map_or(0, |followed| followed.hops.len());
    let best = if reach(&ipv6) > reach(&ipv4) { ipv6 } else { ipv4.or(ipv6) };
    let (hops, fault) = best.map_or_else(Default::default, |followed| (followed.hops, followed.fault));
    Chain { name: text_of(&asked), hops, ipv4: lookup4, ipv6: lookup6, fault }
}

/// Follows `name` to its records of one kind; with `zone`, only as far as that zone's own answers reach.
///
/// In the healthy case one question answers everything. Further ones are asked where an answer stops at a CNAME, and
/// CNAME by CNAME where the server fails: resolvers answer a loop, or a dangling chain, with a bare SERVFAIL.
pub(super) async fn follow(
    panel: &Panel,
    manner: Manner,
    zone: Option<&Name>,
    name: &Name,
    kind: RecordType,
) -> Followed {
    let mut way = Way::new(name);
    for _ in 0..=MAX_HOPS {
        let answer = match ask(panel, manner, &way.at, kind).await {
            Ok(answer) => answer,
            Err(lookup) => return way.ended(Err(lookup), false),
        };
        if zone.is_some() && failure(&answer).is_none() && !answer.metadata.authoritative {
            return way.ended(Err(Lookup::Unreachable { why: not_authoritative(&answer) }), false);
        }
        let before = way.hops.len();
        way.take(&answer, zone);
        if let Some(lookup) = way.cut_off(zone) {
            return way.ended(Err(lookup), false);
        }
        if let Some(lookup) = failure(&answer) {
            if !matches!(lookup, Lookup::ServFail { .. }) || zone.is_some() {
                return way.ended(Err(lookup), false);
            }
            let alone = ask(panel, manner, &way.at, RecordType::CNAME).await;
            let known = way.hops.len();
            if let Ok(alone) = &alone {
                way.take(alone, zone);
            }
            if let Some(lookup) = way.cut_off(zone) {
                return way.ended(Err(lookup), false);
            }
            if way.hops.len() == known {
                return way.ended(Err(lookup), false);
            }
            continue;
        }
        let records: Vec<Record> = answer
            .answers
            .iter()
            .filter(|record| record.name == way.at && record.record_type() == kind)
            .cloned()
            .collect();
        if !records.is_empty() {
            return way.ended(Ok(records), answer.metadata.authentic_data);
        }
        if rcode(&answer) == ResponseCode::NXDomain {
            return way.ended(Err(Lookup::NxDomain), false);
        }
        let denied = answer.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
        if denied || way.hops.len() == before {
            return way.ended(Err(Lookup::NoData), false);
        }
    }
    way.fault = Some(ChainFault::TooLong);
    way.ended(Err(Lookup::NotAsked { why: "the chain is too long".into() }), false)
}

async fn ask(panel: &Panel, manner: Manner, name: &Name, kind: RecordType) -> Result<Message, Lookup> {
    panel.ask(&Question { name: name.clone(), kind, manner }).await
}

fn not_authoritative(answer: &Message) -> String {
    let referred = answer.authorities.iter().find_map(|record| match &record.data {
        RData::NS(_) => Some(text_of(&record.name)),
        _ => None,
    });
    match referred {
        Some(zone) => format!("it refers to the name servers of {zone}"),
        None => {
            "the answer is not authoritative: another server answers in its place, or it does not have the zone".into()
        }
    }
}

/// How far we have come.
pub(super) struct Way {
    at: Name,
    met: Vec<Name>,
    pub(super) hops: Vec<Hop>,
    fault: Option<ChainFault>,
}

impl Way {
    pub(super) fn new(name: &Name) -> Self {
        Way { at: name.clone(), met: vec![name.clone()], hops: Vec::new(), fault: None }
    }

    /// Takes the CNAMEs of one answer, in the chain's order.
    pub(super) fn take(&mut self, answer: &Message, zone: Option<&Name>) {
        while self.fault.is_none() && zone.is_none_or(|zone| zone.zone_of(&self.at)) {
            let Some((target, ttl)) = answer.answers.iter().find_map(|record| match &record.data {
                RData::CNAME(target) if record.name == self.at => Some((target.0.clone(), record.ttl)),
                _ => None,
            }) else {
                return;
            };
            self.hops.push(Hop { from: text_of(&self.at), to: text_of(&target), ttl });
            if self.met.contains(&target) {
                self.fault = Some(ChainFault::Loop { at: text_of(&target) });
            } else if self.hops.len() > MAX_HOPS {
                self.fault = Some(ChainFault::TooLong);
            }
            self.met.push(target.clone());
            self.at = target;
        }
    }

    /// Why there is nothing more to ask, if so.
    fn cut_off(&self, zone: Option<&Name>) -> Option<Lookup> {
        match &self.fault {
            Some(ChainFault::Loop { at }) => {
                return Some(Lookup::NotAsked { why: format!("the chain comes back to {at}") });
            }
            Some(ChainFault::TooLong) => return Some(Lookup::NotAsked { why: "the chain is too long".into() }),
            None => {}
        }
        let zone = zone?;
        (!zone.zone_of(&self.at))
            .then(|| Lookup::NotAsked { why: format!("{} lies outside the zone {}", text_of(&self.at), text_of(zone)) })
    }

    fn ended(self, records: Result<Vec<Record>, Lookup>, authenticated: bool) -> Followed {
        Followed { hops: self.hops, fault: self.fault, at: self.at, records, authenticated }
    }
}
