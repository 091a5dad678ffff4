//! Facts that several checks need, derived from the evidence in one place.

use super::http::{Exchange, Response};
use super::tls::{Connect, TlsOutcome};
use super::{Evidence, Exchanges};
use crate::check::Probe;
use crate::model::cloudflare;
use crate::verdict::NotRun;

/// Does the visitor meet Cloudflare for this name?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// Yes, by this proof.
    Yes(String),
    /// No, by this proof.
    No(Vec<String>),
    /// Could not tell, because …
    Unknown(String),
}

/// Does our own network let us judge?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OurSide {
    /// Something else answered, so the network works: what it was.
    Works(String),
    /// Nothing else was there to tell by, or nothing answered at all.
    Unknown(String),
}

impl Evidence {
    /// Is the host proxied by Cloudflare, as a visitor sees it? (`facts/cloudflare.md` section 7, "Detect proxied".)
    pub fn proxied(&self) -> Proxied {
        if let Some(line) = self.edge_exchanges().find_map(cloudflare::fingerprint) {
            return Proxied::Yes(line.to_string());
        }
        // The absence of a header proves something only in an answer whose headers are all there.
        let answered = self.edge.http.found().and_then(Exchanges::first).filter(|response| response.is_whole());
        let Ok(dns) = self.dns.get() else {
            return match answered {
                // Somebody's excerpt of the headers proves nothing by what it leaves out.
                Some(answer) if !answer.is_whole() => {
                    Proxied::Unknown("the headers of the answer were not all seen".into())
                }
                Some(_) => Proxied::No(vec!["the answer carries no cf-ray and no server: cloudflare".into()]),
                None => Proxied::Unknown("neither DNS nor a whole answer was seen".into()),
            };
        };
        let addresses = dns.host.addresses();
        if addresses.is_empty() {
            return Proxied::Unknown(format!("{} has no address", dns.host.name));
        }
        let outside: Vec<String> = cloudflare::outside(&addresses).iter().map(ToString::to_string).collect();
        match (outside.is_empty(), answered) {
            // A partial zone is reached by this name (section 7).
            (true, None) if dns.host.hops.iter().any(|hop| hop.to.ends_with(".cdn.cloudflare.net")) => {
                Proxied::Yes(format!("{} leads to cdn.cloudflare.net", dns.host.name))
            }
            (true, None) if dns.host.hops.is_empty() => {
                Proxied::Yes(format!("{} resolves to Cloudflare's addresses only", dns.host.name))
            }
            (true, None) => Proxied::Unknown(
                "a visible CNAME leads to Cloudflare's addresses; another Cloudflare customer's may be meant".into(),
            ),
            (true, Some(_)) => Proxied::Unknown(
                "the addresses are Cloudflare's, but the answer carries no sign of Cloudflare: something on the way \
                 answers in its place"
                    .into(),
            ),
            (false, Some(_)) => {
                let mut proof: Vec<String> =
                    dns.host.hops.iter().map(|hop| format!("{} CNAME {}", hop.from, hop.to)).collect();
                proof.push(format!("{} → {} (outside Cloudflare's ranges)", dns.host.end(), outside.join(", ")));
                proof.push("the answer carries no cf-ray".into());
                Proxied::No(proof)
            }
            // Enterprise static addresses and BYOIP lie outside the published list, so addresses alone prove it
            // only together with a visible CNAME that leads elsewhere.
            (false, None) if !dns.host.hops.is_empty() => {
                let mut proof: Vec<String> =
                    dns.host.hops.iter().map(|hop| format!("{} CNAME {}", hop.from, hop.to)).collect();
                proof.push(format!("{} → {} (outside Cloudflare's ranges)", dns.host.end(), outside.join(", ")));
                Proxied::No(proof)
            }
            (false, None) => Proxied::Unknown(format!(
                "{} is outside Cloudflare's published ranges, and no answer was seen",
                outside.join(", ")
            )),
        }
    }

    /// The name that the record points at: the declared origin, or where the record is visibly DNS-only the CNAME's
    /// target that names a known service, else the end of the chain.
    pub fn origin_name(&self) -> Option<&str> {
        if let Some(declared) = &self.target.origin {
            return declared.host.parse::<std::net::IpAddr>().is_err().then_some(declared.host.as_str());
        }
        let chain = self.visible_target()?;
        let known = chain.hops.iter().map(|hop| hop.to.as_str()).find(|name| {
            crate::model::origin_host::classify(name).class != crate::model::origin_host::OriginClass::Unknown
        });
        Some(known.unwrap_or(chain.end()))
    }

    /// The host's own chain, where it openly leads to the origin: a CNAME is visible, and neither it nor an answer
    /// belongs to Cloudflare (a proxied CNAME is always flattened, `facts/cloudflare.md` section 7).
    pub fn visible_target(&self) -> Option<&super::dns::Chain> {
        let host = &self.dns.found()?.host;
        let addresses = host.addresses();
        let at_cloudflare = (!addresses.is_empty() && cloudflare::outside(&addresses).is_empty())
            || host.hops.iter().any(|hop| hop.to.ends_with(".cdn.cloudflare.net"))
            || matches!(self.proxied(), Proxied::Yes(_));
        (!host.hops.is_empty() && host.fault.is_none() && !at_cloudflare).then_some(host)
    }

    /// The chain of the name in [`Evidence::origin_name`].
    ///
    /// # Errors
    /// Nobody looked, or the origin is not known.
    pub fn origin_chain(&self) -> Result<&super::dns::Chain, NotRun> {
        if self.target.origin.is_some() {
            return self.dns.get()?.origin.get();
        }
        self.dns.get()?;
        self.visible_target().ok_or_else(NotRun::origin_unknown)
    }

    /// Every exchange seen at the edge: samples, hops, `http://`, trace, preflight.
    pub fn edge_exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.edge.http.found().into_iter().flat_map(|http| {
            http.samples
                .iter()
                .chain(&http.redirects)
                .chain(http.plain.found())
                .chain(http.trace.found())
                .chain(http.preflight.found())
        })
    }

    /// The first answer to the target's URL at the edge.
    ///
    /// # Errors
    /// Nobody looked, or no answer came.
    pub fn edge_answer(&self) -> Result<&Response, NotRun> {
        let http = self.edge.http.get()?;
        http.first().ok_or_else(|| NotRun::blocked(Probe::EdgeHttp, "no answer came from the edge"))
    }

    /// The first answer of the origin, asked directly.
    ///
    /// # Errors
    /// Nobody looked, or no answer came.
    pub fn origin_answer(&self) -> Result<&Response, NotRun> {
        let http = self.origin.http.get()?;
        http.first().ok_or_else(|| NotRun::blocked(Probe::OriginHttp, "no answer came from the origin"))
    }

    /// Did the edge pass on an answer that the origin made just now (not from cache, not made by Cloudflare)?
    ///
    /// Such an answer proves that the way from Cloudflare to the origin works, whatever we see of the origin.
    pub fn edge_serves_fresh(&self) -> Option<&Response> {
        self.edge.http.found()?.answers().find(|response| {
            let status = response.headers.first("cf-cache-status").unwrap_or_default();
            let from_origin = ["DYNAMIC", "MISS", "BYPASS", "EXPIRED", "REVALIDATED"]
                .iter()
                .any(|fetched| status.eq_ignore_ascii_case(fetched));
            from_origin && !cloudflare::is_origin_error(response) && !cloudflare::is_challenge(response)
        })
    }

    /// Does our own network work? Tells by what the origin's same port let through: as far as TLS, or where the edge
    /// did not even take the connection, as far as TCP. DNS tells nothing of it: firewalls let it pass.
    pub fn our_side(&self) -> OurSide {
        let nothing = || OurSide::Unknown("nothing else on the network was there to compare with".into());
        let Some(origin) = self.origin.tls.found() else { return nothing() };
        let edge = self.edge.tls.found();
        let spoke_tls =
            origin.completed() || !origin.chain.is_empty() || matches!(origin.outcome, TlsOutcome::Alert { .. });
        let no_tcp = edge.is_some_and(|edge| edge.connect != Connect::Open);
        if !(spoke_tls || no_tcp && origin.connect == Connect::Open) {
            return nothing();
        }
        let is_v6 = |handshake: &super::Handshake| handshake.address.map(|address| address.is_ipv6());
        if no_tcp && edge.and_then(is_v6) == Some(true) && is_v6(origin) == Some(false) {
            return OurSide::Unknown("what else answered did so over IPv4, and the edge was asked over IPv6".into());
        }
        OurSide::Works(format!("the origin {} answered", origin.place()))
    }

    /// Could TLS with the edge be completed?
    pub fn edge_tls_completed(&self) -> bool {
        self.edge.tls.found().is_some_and(|handshake| handshake.outcome == TlsOutcome::Completed)
    }
}
