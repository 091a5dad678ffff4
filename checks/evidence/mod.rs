//! Everything that the probes brought, frozen: plain data, serde, no methods that act.
//!
//! A failed connection is evidence, not an error. [`Gathered::Missing`] means only "did not look".

mod alert;
pub mod certificate;
pub mod dns;
mod facts;
pub mod gateway;
pub mod http;
mod once;
mod pasted;
pub mod redact;
pub mod target;
pub mod text;
pub mod tls;
pub mod zone;
mod zone_facts;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::check::Probe;
use crate::verdict::NotRun;

pub use dns::Dns;
pub use facts::{OurSide, Proxied};
pub use gateway::Gateway;
pub use http::{Exchange, Exchanges, Response};
pub use target::Target;
pub use tls::Handshake;
pub use zone::Zone;
pub use zone_facts::Idle;

/// What the probes brought about one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What the user asked about and wishes: all that a check may know of it.
    pub target: Target,
    /// When it was gathered: the only clock that a check may read.
    #[serde(with = "time::serde::rfc3339")]
    pub gathered_at: OffsetDateTime,
    /// Roots beyond the built-in ones.
    #[serde(default)]
    pub trust: tls::TrustInputs,
    /// Names.
    pub dns: Gathered<Dns>,
    /// What a visitor meets: through Cloudflare.
    pub edge: Vantage,
    /// What Cloudflare meets: straight to the origin.
    pub origin: Vantage,
    /// The Cloudflare zone: settings, records, rules.
    #[serde(default = "no_zone")]
    pub zone: Gathered<Zone>,
    /// API Gateway, ACM and Lambda.
    #[serde(default = "no_gateway")]
    pub gateway: Gathered<Gateway>,
    /// What the visit cost.
    #[serde(default)]
    pub traffic: Traffic,
}

/// One end seen from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vantage {
    /// TCP and TLS on the HTTPS port.
    pub tls: Gathered<Handshake>,
    /// HTTP, over that connection and beside it.
    pub http: Gathered<Exchanges>,
}

/// Brought, or why nobody looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gathered<T> {
    /// Looked; this is what was there.
    Found(T),
    /// Did not look.
    Missing(NotRun),
}

impl<T> Gathered<T> {
    /// What was found.
    ///
    /// # Errors
    /// Why nobody looked.
    pub fn get(&self) -> Result<&T, NotRun> {
        match self {
            Gathered::Found(value) => Ok(value),
            Gathered::Missing(why) => Err(why.clone()),
        }
    }

    /// What was found, if anything.
    pub fn found(&self) -> Option<&T> {
        match self {
            Gathered::Found(value) => Some(value),
            Gathered::Missing(_) => None,
        }
    }
}

/// Nobody had a token.
fn no_zone() -> Gathered<Zone> {
    Gathered::Missing(NotRun::NoCredential(Probe::Zone))
}

/// What the visit cost the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// DNS questions asked.
    pub dns_queries: u32,
    /// TCP connections opened.
    pub connections: u32,
    /// HTTP requests sent.
    pub http_requests: u32,
    /// Requests to the APIs of Cloudflare and AWS.
    #[serde(default)]
    pub api_requests: u32,
}

impl Evidence {
    /// Evidence about `target` in which nobody has looked anywhere: the base of tests and of offline inputs.
    pub fn nothing(target: Target, gathered_at: OffsetDateTime) -> Self {
        fn unseen<T>(probe: Probe) -> Gathered<T> {
            Gathered::Missing(NotRun::Disabled(probe))
        }
        Evidence {
            target,
            gathered_at,
            trust: tls::TrustInputs::default(),
            dns: unseen(Probe::Dns),
            edge: Vantage { tls: unseen(Probe::EdgeTls), http: unseen(Probe::EdgeHttp) },
            origin: Vantage { tls: unseen(Probe::OriginTls), http: unseen(Probe::OriginHttp) },
            zone: no_zone(),
            gateway: no_gateway(),
            traffic: Traffic::default(),
        }
    }

    /// The same evidence with one part blanked.
    #[must_use]
    pub fn without(mut self, probe: Probe) -> Self {
        match probe {
            Probe::Dns => self.dns = Gathered::Missing(NotRun::Disabled(probe)),
            Probe::EdgeTls => self.edge.tls = Gathered::Missing(NotRun::Disabled(probe)),
            Probe::EdgeHttp => self.edge.http = Gathered::Missing(NotRun::Disabled(probe)),
            Probe::OriginTls => self.origin.tls = Gathered::Missing(NotRun::Disabled(probe)),
            Probe::OriginHttp => self.origin.http = Gathered::Missing(NotRun::Disabled(probe)),
            Probe::Zone => self.zone = Gathered::Missing(NotRun::Disabled(probe)),
            Probe::Gateway => self.gateway = Gathered::Missing(NotRun::Disabled(probe)),
        }
        self
    }
}

/// Nobody gave us AWS credentials.
fn no_gateway() -> Gathered<Gateway> {
    Gathered::Missing(NotRun::NoCredential(Probe::Gateway))
}
