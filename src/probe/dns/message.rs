//! One question and its answer, in our words: names as text, response codes as [`Lookup`]s.

use std::net::IpAddr;

use cfdoctor_checks::evidence::dns::{CaaRecord, Lookup};
use cfdoctor_checks::evidence::text;
use hickory_net::NetError;
use hickory_proto::op::{DnsRequest, DnsRequestOptions, Edns, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// Addresses kept of one answer.
const MAX_ADDRESSES: usize = 64;
/// CAA records kept of one answer.
const MAX_CAA: usize = 64;
/// Characters kept of a text that a server sent.
const MAX_TEXT: usize = 300;

/// What is asked, and how.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) kind: RecordType,
    pub(super) manner: Manner,
}

/// The bits of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// RD: the server shall do the whole work.
    pub(super) recursion: bool,
    /// CD: an answer that fails DNSSEC is wanted too.
    pub(super) unchecked: bool,
    /// The answer is the same for many hosts: one that another visit got is good enough.
    pub(super) shared: bool,
}

impl Manner {
    /// As an application asks.
    pub(super) const PLAIN: Manner = Manner { recursion: true, unchecked: false, shared: false };
    /// As an application that does not care about DNSSEC asks.
    pub(super) const UNCHECKED: Manner = Manner { recursion: true, unchecked: true, shared: false };
    /// As a resolver asks a name server of the zone.
    pub(super) const DIRECT: Manner = Manner { recursion: false, unchecked: false, shared: false };

    /// The same for what many hosts have in common.
    pub(super) const fn shared(self) -> Manner {
        Manner { shared: true, ..self }
    }
}

impl Question {
    /// The message, with a fresh random id. AD is set to learn whether the resolver vouches for DNSSEC without having
    /// signatures sent along (RFC 6840 §5.7).
    pub(super) fn request(&self, edns: bool) -> DnsRequest {
        let mut message = Message::query();
        message.add_query(Query::query(self.name.clone(), self.kind));
        message.metadata.recursion_desired = self.manner.recursion;
        message.metadata.checking_disabled = self.manner.unchecked;
        message.metadata.authentic_data = self.manner.recursion;
        let mut options = DnsRequestOptions::default();
        options.use_edns = edns;
        if edns {
            message.edns.get_or_insert_with(Edns::new).set_max_payload(options.edns_payload_len);
        }
        DnsRequest::new(message, options)
    }

    /// Is this an answer to this very question?
    pub(super) fn matches(&self, answer: &Message) -> bool {
        matches!(answer.queries.as_slice(), [query]
            if query.name() == &self.name && query.query_type() == self.kind)
    }
}

/// A name that DNS can be asked about.
///
/// # Errors
/// It is none.
pub(super) fn name_of(text: &str) -> Result<Name, Lookup> {
    let mut name = Name::from_ascii(text).map_err(|error| Lookup::Unreachable {
        why: format!("{:?} is not a name: {}", text::shorten(text, 80), text::clean(&error.to_string())),
    })?;
    name.set_fqdn(true);
    Ok(name)
}

/// A name as evidence: lower case, without the last dot.
pub(super) fn text_of(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    let text = text.strip_suffix('.').unwrap_or(&text);
    if text.is_empty() { ".".into() } else { text::shorten(text, 255) }
}

/// The response code, upper bits included.
pub(super) fn rcode(answer: &Message) -> ResponseCode {
    match &answer.edns {
        Some(edns) if edns.rcode_high() != 0 => {
            ResponseCode::from(edns.rcode_high(), answer.metadata.response_code.low())
        }
        _ => answer.metadata.response_code,
    }
}

/// What the response code says when it is neither NOERROR nor NXDOMAIN; a resolver that says that it lies counts as
/// one that did not answer.
pub(super) fn failure(answer: &Message) -> Option<Lookup> {
    let extended = extended(answer);
    // Forged, blocked, censored, filtered, prohibited (RFC 8914 §4): the resolver's policy, not the name's state.
    if let Some((code @ (4 | 15..=18), said)) = &extended {
        return Some(Lookup::Unreachable { why: format!("the resolver filters this name: {code} {said}") });
    }
    match rcode(answer) {
        ResponseCode::NoError if is_referral(answer) => {
            Some(Lookup::Unreachable { why: "the resolver refers to other name servers and does not ask them".into() })
        }
        ResponseCode::NoError | ResponseCode::NXDomain => None,
        ResponseCode::ServFail => {
            Some(Lookup::ServFail { extended: extended.map(|(code, said)| format!("{code} {said}")) })
        }
        ResponseCode::Refused => Some(Lookup::Refused),
        other => Some(Lookup::Other { rcode: u16::from(other) }),
    }
}

/// Does a server that shall do the whole work name others in place of an answer? Without a SOA record that says nothing
/// about the name (RFC 2308 §2.2).
fn is_referral(answer: &Message) -> bool {
    let has = |kind: RecordType| answer.authorities.iter().any(|record| record.record_type() == kind);
    answer.metadata.recursion_desired && answer.answers.is_empty() && has(RecordType::NS) && !has(RecordType::SOA)
}

/// The extended DNS error (RFC 8914): code, and its name with the server's text.
fn extended(answer: &Message) -> Option<(u16, String)> {
    const CODE: u16 = 15;
    let Some(EdnsOption::Unknown(_, data)) = answer.edns.as_ref()?.option(EdnsCode::from(CODE)) else {
        return None;
    };
    let (code, said) = data.split_first_chunk::<2>()?;
    let code = u16::from_be_bytes(*code);
    let said = text::shorten(&text::clean_bytes(said), MAX_TEXT);
    let name = NAMES.get(usize::from(code)).copied().unwrap_or("Unknown");
    Some((code, if said.trim().is_empty() { name.into() } else { format!("{name}: {said}") }))
}

/// Names of the extended errors, by code (RFC 8914 §4.1–4.25).
const NAMES: [&str; 25] = [
    "Other",
    "Unsupported DNSKEY Algorithm",
    "Unsupported DS Digest Type",
    "Stale Answer",
    "Forged Answer",
    "DNSSEC Indeterminate",
    "DNSSEC Bogus",
    "Signature Expired",
    "Signature Not Yet Valid",
    "DNSKEY Missing",
    "RRSIGs Missing",
    "No Zone Key Bit Set",
    "NSEC Missing",
    "Cached Error",
    "Not Ready",
    "Blocked",
    "Censored",
    "Filtered",
    "Prohibited",
    "Stale NXDOMAIN Answer",
    "Not Authoritative",
    "Not Supported",
    "No Reachable Authority",
    "Network Error",
    "Invalid Data",
];

/// A transport's failure.
pub(super) fn unanswered(error: &NetError) -> Lookup {
    match error {
        NetError::Timeout => Lookup::TimedOut,
        NetError::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => Lookup::TimedOut,
        NetError::Io(io) => Lookup::Unreachable { why: text::shorten(&io.to_string(), MAX_TEXT) },
        other => Lookup::Unreachable { why: text::shorten(&other.to_string(), MAX_TEXT) },
    }
}

/// The addresses among these records.
pub(super) fn addresses(records: &[Record], authenticated: bool) -> Lookup {
    let found: Vec<(IpAddr, u32)> =
        records.iter().filter_map(|record| Some((record.data.ip_addr()?, record.ttl))).take(MAX_ADDRESSES).collect();
    match found.iter().map(|(_, ttl)| *ttl).min() {
        Some(ttl) => Lookup::Answer { addresses: found.into_iter().map(|(ip, _)| ip).collect(), ttl, authenticated },
        None => Lookup::NoData,
    }
}

/// The CAA records among these records.
pub(super) fn caa_records(records: &[Record]) -> Vec<CaaRecord> {
    records
        .iter()
        .filter_map(|record| match &record.data {
            RData::CAA(caa) => Some(CaaRecord {
                critical: caa.issuer_critical,
                tag: text::shorten(&caa.tag.to_ascii_lowercase(), MAX_TEXT),
                value: text::shorten(&text::clean_bytes(&caa.value), MAX_TEXT),
            }),
            _ => None,
        })
        .take(MAX_CAA)
        .collect()
}
