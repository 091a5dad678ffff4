//! Names: every hop as the servers told it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Gathered;

/// What DNS says about the host and the declared origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dns {
    /// The resolver that `host`, `origin`, `zone` and `caa` were asked of, as people know it (`192.0.2.53`, a DoH URL).
    pub resolver: String,
    /// The visitor's name.
    pub host: Chain,
    /// The host's A question asked again with checking disabled: only after a SERVFAIL.
    #[serde(default)]
    pub host_unchecked: Option<Lookup>,
    /// A name that does not exist, asked of the same resolver: an address there is invented, and a failure there is no
    /// news of the host. Only where the answer for the host looked doubtful.
    #[serde(default)]
    pub impossible: Option<Lookup>,
    /// The zone that holds the host.
    pub zone: Gathered<ZoneCut>,
    /// The host's name asked elsewhere: the system's resolver, a public one, each authoritative server.
    #[serde(default)]
    pub views: Vec<View>,
    /// CAA for the host, climbing the tree (RFC 8659 §3).
    pub caa: Gathered<CaaSearch>,
    /// The declared origin's name; missing when none was declared or it is an address.
    pub origin: Gathered<Chain>,
    /// Milliseconds until the host's addresses were known; `None`: nobody measured (files).
    #[serde(default)]
    pub host_ms: Option<f64>,
    /// The same for the declared origin.
    #[serde(default)]
    pub origin_ms: Option<f64>,
    /// The records by which ACM proves the names of a certificate (`_….name`), as the world sees them; only those that
    /// somebody looked up.
    #[serde(default)]
    pub validation: Vec<Chain>,
}

/// A name followed to its addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// The name asked for.
    pub name: String,
    /// Each CNAME, in order; at most 17 are kept.
    #[serde(default)]
    pub hops: Vec<Hop>,
    /// A records at the end of the chain.
    pub ipv4: Lookup,
    /// AAAA records at the end of the chain.
    pub ipv6: Lookup,
    /// The chain itself is broken.
    #[serde(default)]
    pub fault: Option<ChainFault>,
}

/// One CNAME.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Owner.
    pub from: String,
    /// Target.
    pub to: String,
    /// Seconds, as this server said.
    pub ttl: u32,
}

/// The chain never ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainFault {
    /// It comes back to this name.
    Loop {
        /// The name that was met twice.
        at: String,
    },
    /// More than 16 CNAMEs.
    TooLong,
}

/// One question, one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// Addresses.
    Answer {
        /// As sent, at most 64.
        addresses: Vec<IpAddr>,
        /// Seconds, the smallest of the address records.
        ttl: u32,
        /// The resolver vouches for DNSSEC (AD bit).
        #[serde(default)]
        authenticated: bool,
    },
    /// The name exists, without this type.
    NoData,
    /// No such name.
    NxDomain,
    /// The server failed.
    ServFail {
        /// Extended DNS error (RFC 8914), if sent.
        #[serde(default)]
        extended: Option<String>,
    },
    /// The server will not answer us.
    Refused,
    /// Another response code.
    Other {
        /// RCODE.
        rcode: u16,
    },
    /// No answer in time.
    TimedOut,
    /// The server could not be reached, or its answer could not be read.
    Unreachable {
        /// What happened.
        why: String,
    },
    /// Not asked, because …
    NotAsked {
        /// Why.
        why: String,
    },
}

/// The zone that holds a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneCut {
    /// Its apex.
    pub apex: String,
    /// Its name servers as the resolver told them, sorted.
    pub name_servers: Vec<String>,
    /// Does the zone carry a DS at its parent? `None`: could not tell.
    #[serde(default)]
    pub signed: Option<bool>,
}

/// The host's name as another server answers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Who was asked.
    pub who: Viewer,
    /// The server, as people know it.
    pub server: String,
    /// Its answer.
    pub chain: Chain,
}

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Viewer {
    /// What an application on this machine gets (hosts file and search list included).
    System,
    /// A public resolver.
    Public,
    /// A name server of the zone.
    Authoritative,
}

/// The search for CAA records, from the name upwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaaSearch {
    /// Each name asked, the host first, up to the first set that was found.
    pub steps: Vec<CaaStep>,
}

/// One name of the search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaaStep {
    /// The name asked.
    pub name: String,
    /// The CNAME target that owns the set, where the name is an alias.
    #[serde(default)]
    pub through: Option<String>,
    /// Its records; empty: none there.
    #[serde(default)]
    pub records: Vec<CaaRecord>,
    /// The lookup failed: issuance would be refused (RFC 8659 §3).
    #[serde(default)]
    pub failed: Option<Lookup>,
}

/// One CAA record (RFC 8659 §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaaRecord {
    /// Issuer critical flag.
    #[serde(default)]
    pub critical: bool,
    /// `issue`, `issuewild`, `iodef`, …, lower case.
    pub tag: String,
    /// The value as sent, cleaned.
    pub value: String,
}

impl Lookup {
    /// The addresses, if there are any.
    pub fn addresses(&self) -> &[IpAddr] {
        match self {
            Lookup::Answer { addresses, .. } => addresses,
            _ => &[],
        }
    }

    /// Did the server say something definite about the name (an answer, NODATA or NXDOMAIN)?
    pub fn is_definite(&self) -> bool {
        matches!(self, Lookup::Answer { .. } | Lookup::NoData | Lookup::NxDomain)
    }

    /// Not answered for a reason that may be ours.
    pub fn is_silent(&self) -> bool {
        matches!(self, Lookup::TimedOut | Lookup::Unreachable { .. } | Lookup::NotAsked { .. })
    }

    /// The answer in a few words.
    pub fn describe(&self) -> String {
        match self {
            Lookup::Answer { addresses, .. } => {
                addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            Lookup::NoData => "NODATA (the name exists, without this type)".into(),
            Lookup::NxDomain => "NXDOMAIN (no such name)".into(),
            Lookup::ServFail { extended: Some(what) } => format!("SERVFAIL ({what})"),
            Lookup::ServFail { extended: None } => "SERVFAIL".into(),
            Lookup::Refused => "REFUSED".into(),
            Lookup::Other { rcode } => format!("RCODE {rcode}"),
            Lookup::TimedOut => "no answer in time".into(),
            Lookup::Unreachable { why } => format!("no usable answer ({why})"),
            Lookup::NotAsked { why } => format!("not asked ({why})"),
        }
    }
}

impl Chain {
    /// All addresses at the end, IPv4 first.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.ipv4.addresses().iter().chain(self.ipv6.addresses()).copied().collect()
    }

    /// The last name of the chain.
    pub fn end(&self) -> &str {
        self.hops.last().map_or(&self.name, |hop| &hop.to)
    }
}

impl CaaSearch {
    /// The relevant set: the first that is not empty.
    pub fn relevant(&self) -> Option<&CaaStep> {
        self.steps.iter().find(|step| !step.records.is_empty())
    }
}
