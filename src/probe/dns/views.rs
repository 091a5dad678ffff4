//! The same name as others see it: the system's resolver, a public one, the zone's own servers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use cfdoctor_checks::evidence::dns::{Chain, Lookup, View, Viewer, ZoneCut};
use futures_util::future::join_all;
use hickory_net::{DnsError, NetError};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};

use super::follow::{chain, follow};
use super::message::{Manner, name_of, unanswered};
use super::names::Names;
use super::server::{Panel, Server};
use crate::probe::Reach;
use crate::probe::budget::Budget;
use crate::settings::Family;

/// Public resolvers; the second stands in for the first.
pub(super) const PUBLIC: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)), IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8))];
/// Name servers of the zone that are compared.
const MAX_AUTHORITIES: usize = 3;

/// Those who look.
pub(super) struct Views<'a> {
    /// The resolver that finds the name servers' addresses.
    pub(super) panel: &'a Panel,
    /// The system's resolver, set up once.
    pub(super) names: &'a Names,
    pub(super) budget: &'a Budget,
    pub(super) family: Family,
    /// Time for one question: comparisons must not hold up the visit.
    pub(super) step: Duration,
    pub(super) authority_port: u16,
    /// The name servers of a zone are whatever its owner says.
    pub(super) reach: Reach,
    /// Resolvers that everybody can ask.
    pub(super) public: &'a [Server],
}

impl Views<'_> {
    /// What an application on this machine gets, hosts file and search list included.
    pub(super) async fn system(&self, name: &str) -> View {
        let found = match self.names.system() {
            Ok(resolver) => {
                self.budget.count_query();
                self.budget.count_query();
                let work = resolver.lookup_ip(name.to_owned());
                self.budget.limit(self.step, work).await.unwrap_or(Err(NetError::Timeout))
            }
            Err(error) => Err(error),
        };
        let (ipv4, ipv6) = match &found {
            Ok(found) => {
                let ttl = found.as_lookup().answers().iter().map(|record| record.ttl).min().unwrap_or(0);
                let of = |wanted: fn(&IpAddr) -> bool| {
                    let addresses: Vec<IpAddr> = found.iter().filter(wanted).take(64).collect();
                    if addresses.is_empty() {
                        Lookup::NoData
                    } else {
                        Lookup::Answer { addresses, ttl, authenticated: false }
                    }
                };
                (of(IpAddr::is_ipv4), of(IpAddr::is_ipv6))
            }
            Err(error) => (failed(error), failed(error)),
        };
        let mut seen = Chain { name: name.to_ascii_lowercase(), hops: Vec::new(), ipv4, ipv6, fault: None };
        let (ipv4, ipv6) = (&mut seen.ipv4, &mut seen.ipv6);
        match self.family {
            Family::Any => {}
            Family::V4 => *ipv6 = Lookup::NotAsked { why: "-4 was given".into() },
            Family::V6 => *ipv4 = Lookup::NotAsked { why: "-6 was given".into() },
        }
        View { who: Viewer::System, server: "the system's resolver".into(), chain: seen }
    }

    /// A resolver that everybody can ask.
    pub(super) async fn public(&self, name: &str) -> View {
        let panel = self.panel.beside(self.public.to_vec(), self.step);
        let chain = chain(&panel, Manner::PLAIN, self.family, None, name).await;
        View { who: Viewer::Public, server: panel.label(), chain }
    }

    /// Some of the zone's name servers, asked directly.
    pub(super) async fn authorities(&self, zone: &ZoneCut, name: &str) -> Vec<View> {
        let Ok(apex) = name_of(&zone.apex) else { return Vec::new() };
        let servers = zone.name_servers.iter().take(MAX_AUTHORITIES);
        join_all(servers.map(|server| self.authority(&apex, server, name))).await.into_iter().flatten().collect()
    }

    async fn authority(&self, apex: &Name, server: &str, name: &str) -> Option<View> {
        let addresses = self.addresses(server).await;
        let first = addresses.first()?;
        let label = format!("{server} ({})", first.ip());
        let permitted = addresses.iter().filter(|address| self.reach.refusal(address.ip()).is_none());
        let servers: Vec<Server> = permitted.map(|address| Server::udp(*address)).collect();
        if let (true, Some(why)) = (servers.is_empty(), self.reach.refusal(first.ip())) {
            let none = Lookup::NotAsked { why };
            let name = name.to_ascii_lowercase();
            let chain = Chain { name, hops: Vec::new(), ipv4: none.clone(), ipv6: none, fault: None };
            return Some(View { who: Viewer::Authoritative, server: label, chain });
        }
        let panel = self.panel.beside(servers, self.step);
        let chain = chain(&panel, Manner::DIRECT, self.family, Some(apex), name).await;
        Some(View { who: Viewer::Authoritative, server: label, chain })
    }

    /// Where a name server is: IPv4 unless only IPv6 may be used or is there.
    async fn addresses(&self, server: &str) -> Vec<SocketAddr> {
        let Ok(name) = name_of(server) else { return Vec::new() };
        let kinds: &[RecordType] = match self.family {
            Family::Any => &[RecordType::A, RecordType::AAAA],
            Family::V4 => &[RecordType::A],
            Family::V6 => &[RecordType::AAAA],
        };
        for kind in kinds {
            let found = follow(self.panel, Manner::UNCHECKED.shared(), None, &name, *kind).await.lookup();
            if let [first, ..] = found.addresses() {
                let second = found.addresses().get(1);
                return [first]
                    .into_iter()
                    .chain(second)
                    .map(|address| SocketAddr::new(*address, self.authority_port))
                    .collect();
            }
        }
        Vec::new()
    }
}

/// The system resolver's error (it tells NXDOMAIN from NODATA by the response code alone).
fn failed(error: &NetError) -> Lookup {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => Lookup::NxDomain,
            ResponseCode::ServFail => Lookup::ServFail { extended: None },
            ResponseCode::Refused => Lookup::Refused,
            _ => Lookup::NoData,
        },
        NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail)) => Lookup::ServFail { extended: None },
        NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) => Lookup::Refused,
        NetError::Dns(DnsError::ResponseCode(code)) => Lookup::Other { rcode: u16::from(*code) },
        other => unanswered(other),
    }
}
