//! Where the zone of a name begins, who serves it, and whether it is signed.

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::Gathered;
use cfdoctor_checks::evidence::dns::{Lookup, ZoneCut};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use super::message::{Manner, Question, failure, name_of, rcode, text_of};
use super::server::Panel;

/// Labels that are climbed in search of the apex.
const MAX_CLIMB: usize = 12;
/// Name servers kept.
const MAX_NAME_SERVERS: usize = 16;

/// The zone that holds `name`.
pub(super) async fn zone_cut(panel: &Panel, name: &str) -> Gathered<ZoneCut> {
    let apex = match find_apex(panel, name).await {
        Ok(apex) => apex,
        Err(why) => return Gathered::Missing(NotRun::Inconclusive(why)),
    };
    let (servers, delegation) =
        tokio::join!(ask(panel, &apex, RecordType::NS, true), ask(panel, &apex, RecordType::DS, true));
    let mut name_servers: Vec<String> = servers.map_or_else(
        |_| Vec::new(),
        |answer| {
            answer
                .answers
                .iter()
                .filter_map(|record| match &record.data {
                    RData::NS(server) if record.name == apex => Some(text_of(&server.0)),
                    _ => None,
                })
                .take(MAX_NAME_SERVERS)
                .collect()
        },
    );
    name_servers.sort();
    name_servers.dedup();
    let signed = delegation.ok().and_then(|answer| match rcode(&answer) {
        ResponseCode::NoError => {
            Some(answer.answers.iter().any(|r| r.record_type() == RecordType::DS && r.name == apex))
        }
        ResponseCode::NXDomain => Some(false),
        _ => None,
    });
    Gathered::Found(ZoneCut { apex: text_of(&apex), name_servers, signed })
}

/// One question tells the apex: its SOA is the answer, or stands beside a negative one (RFC 2308 §3). An alias's SOA
/// is that of its target's zone, so the search goes on at the parent, which an alias never is an apex above.
///
/// Asked with checking disabled, so that a zone whose DNSSEC is broken is found too.
async fn find_apex(panel: &Panel, name: &str) -> Result<Name, String> {
    let mut at = name_of(name).map_err(|lookup| lookup.describe())?;
    for climbed in (0..MAX_CLIMB).map(|step| step > 0) {
        // The host's own question is asked for it; its parents are those of many.
        let answer = ask(panel, &at, RecordType::SOA, climbed)
            .await
            .map_err(|lookup| format!("SOA of {}: {}", text_of(&at), lookup.describe()))?;
        if let Some(lookup) = failure(&answer) {
            // Not further up: the parent's zone would be taken for that of a broken delegation.
            return Err(format!("SOA of {}: {}", text_of(&at), lookup.describe()));
        }
        if let Some(apex) = apex_in(&answer, &at) {
            return Ok(apex);
        }
        at = at.base_name();
        if at.is_root() {
            break;
        }
    }
    Err(format!("no SOA was found for {} and above", cfdoctor_checks::evidence::text::shorten(name, 255)))
}

fn apex_in(answer: &Message, at: &Name) -> Option<Name> {
    let is_alias = answer.answers.iter().any(|r| r.record_type() == RecordType::CNAME && &r.name == at);
    if is_alias {
        return None;
    }
    answer
        .answers
        .iter()
        .chain(&answer.authorities)
        .find(|r| r.record_type() == RecordType::SOA && r.name.zone_of(at))
        .map(|r| r.name.clone())
}

async fn ask(panel: &Panel, name: &Name, kind: RecordType, shared: bool) -> Result<Message, Lookup> {
    let manner = Manner { shared, ..Manner::UNCHECKED };
    panel.ask(&Question { name: name.clone(), kind, manner }).await
}
