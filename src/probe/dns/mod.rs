//! Names: who is asked, and what they say, hop by hop.
//!
//! Every diagnostic question goes over the low-level client, because a resolver library normalises TTLs and hides
//! dangling chains and loops; only the system's own view comes from one.

mod caa;
mod datagrams;
mod follow;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod message;
mod names;
mod server;
#[cfg(test)]
mod tests;
mod views;
mod zone;

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cfdoctor_checks::evidence::dns::{CaaSearch, Chain, Lookup, View, ZoneCut};
use cfdoctor_checks::evidence::{Gathered, text, tls::TrustInputs};
use hickory_proto::rr::RecordType;
use hickory_resolver::config::ProtocolConfig;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};

use self::follow::{chain, follow};
use self::message::{Manner, name_of};
pub use self::names::Names;
use self::server::{Panel, Server, Stream};
use self::views::{PUBLIC, Views};
use super::Reach;
use super::budget::Budget;
use crate::settings::{Family, ResolverChoice, Settings};

/// The longest wait for one question, all tries together.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for questions that only compare, so that a silent bystander does not hold up the visit.
const COMPARISON_PATIENCE: Duration = Duration::from_secs(2);
/// Addresses of one resolver that are tried.
const MAX_RESOLVER_ADDRESSES: usize = 2;

/// Asks about names; clones share connections, counters and the knowledge of which server answers.
///
/// Connections to a resolver (`tcp://`, `tls://`, `https://`, cut answers) are not taken from the budget of
/// connections: that one protects the site.
#[derive(Clone)]
pub struct Asker {
    inner: Arc<Inner>,
}

struct Inner {
    names: Arc<Names>,
    panel: Panel,
    step: Duration,
    budget: Budget,
    family: Family,
    /// Compare with the system's resolver and a public one: only if the user did not say whose view counts.
    compare: bool,
    authority_port: u16,
    reach: Reach,
}

/// What stands around a name: nothing of it is needed to reach the site.
#[derive(Clone, Debug, PartialEq)]
pub struct Surroundings {
    /// The zone that holds the name.
    pub zone: Gathered<ZoneCut>,
    /// The name asked elsewhere.
    pub views: Vec<View>,
    /// CAA, climbing.
    pub caa: Gathered<CaaSearch>,
}

impl Asker {
    /// Finds out whom to ask. Never fails: a machine without name servers is evidence, told by every lookup.
    pub async fn new(settings: &Settings, budget: &Budget) -> Asker {
        let step = PATIENCE.min(settings.connect_timeout);
        let names = &settings.shared.names;
        let found = match names.resolver(settings) {
            Some(servers) => Ok(servers),
            None => servers(settings, step, budget).await.inspect(|found| names.keep_resolver(settings, found)),
        };
        let panel = match found {
            Ok(servers) => Panel::new(servers, step, budget).sharing(names),
            Err(why) => Panel::nobody(why, budget),
        };
        Asker::with(panel, step, settings, budget)
    }

    fn with(panel: Panel, step: Duration, settings: &Settings, budget: &Budget) -> Asker {
        Asker {
            inner: Arc::new(Inner {
                names: settings.shared.names.clone(),
                panel,
                step,
                budget: budget.clone(),
                family: settings.family,
                compare: settings.resolver == ResolverChoice::System,
                authority_port: settings.authority_port,
                reach: settings.reach,
            }),
        }
    }

    /// The resolver as people know it.
    pub fn label(&self) -> String {
        self.inner.panel.label()
    }

    /// The name followed to its addresses, A and AAAA at once; one round trip in the healthy case.
    pub async fn chain(&self, name: &str) -> Chain {
        chain(&self.inner.panel, Manner::PLAIN, self.inner.family, None, name).await
    }

    /// The same for a name that many hosts have in common: what another visit learnt a moment ago is good enough.
    pub async fn shared_chain(&self, name: &str) -> Chain {
        chain(&self.inner.panel, Manner::PLAIN.shared(), self.inner.family, None, name).await
    }

    /// The name's addresses with DNSSEC checking disabled (CD): IPv4, or IPv6 where only that may be used.
    pub async fn unchecked(&self, name: &str) -> Lookup {
        let kind = if self.inner.family == Family::V6 { RecordType::AAAA } else { RecordType::A };
        match name_of(name) {
            Ok(name) => follow(&self.inner.panel, Manner::UNCHECKED, None, &name, kind).await.lookup(),
            Err(lookup) => lookup,
        }
    }

    /// The address of a name that does not exist, IPv4, or IPv6 where only that may be used: NXDOMAIN from a resolver that
    /// works and tells the truth. The name lies in a domain that is kept for examples (RFC 6761 section 6.5) and has no
    /// wildcard, is new each time, and is not of the zone of `host`.
    pub async fn impossible(&self, host: &str) -> Lookup {
        let kind = if self.inner.family == Family::V6 { RecordType::AAAA } else { RecordType::A };
        let domain = if in_domain(host, "example.com") { "example.net" } else { "example.com" };
        // The hasher's keys are random for each call.
        match name_of(&format!("cfdoctor-{:016x}.{domain}", RandomState::new().hash_one(host))) {
            Ok(name) => follow(&self.inner.panel, Manner::PLAIN, None, &name, kind).await.lookup(),
            Err(lookup) => lookup,
        }
    }

    /// Zone, other views and CAA, everything that does not depend on each other at once.
    pub async fn surroundings(&self, name: &str) -> Surroundings {
        let inner = &*self.inner;
        let public = PUBLIC.map(|address| Server::udp(SocketAddr::new(address, 53)));
        let views = Views {
            panel: &inner.panel,
            names: &inner.names,
            budget: &inner.budget,
            family: inner.family,
            step: COMPARISON_PATIENCE.min(inner.step),
            authority_port: inner.authority_port,
            reach: inner.reach,
            public: &public,
        };
        let zone = async {
            let zone = zone::zone_cut(&inner.panel, name).await;
            let seen = match &zone {
                Gathered::Found(cut) => views.authorities(cut, name).await,
                Gathered::Missing(_) => Vec::new(),
            };
            (zone, seen)
        };
        let elsewhere = async {
            if !inner.compare {
                return Vec::new();
            }
            let (system, public) = Box::pin(async { tokio::join!(views.system(name), views.public(name)) }).await;
            vec![system, public]
        };
        let ((zone, authorities), mut views, caa) = tokio::join!(zone, elsewhere, caa::search(&inner.panel, name));
        views.extend(authorities);
        Surroundings { zone, views, caa }
    }
}

fn in_domain(name: &str, domain: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The servers that `--resolver` means.
async fn servers(settings: &Settings, step: Duration, budget: &Budget) -> Result<Vec<Server>, String> {
    match &settings.resolver {
        ResolverChoice::System => {
            let (config, _) = hickory_resolver::system_conf::read_system_conf()
                .map_err(|error| format!("no name server is configured: {}", text::shorten(&error.to_string(), 200)))?;
            let port = |connections: &[hickory_resolver::config::ConnectionConfig]| {
                connections.iter().find(|c| matches!(c.protocol, ProtocolConfig::Udp)).map_or(53, |c| c.port)
            };
            let addresses = config.name_servers().iter().map(|s| SocketAddr::new(s.ip, port(&s.connections)));
            Ok(addresses.map(Server::udp).collect())
        }
        ResolverChoice::Udp(address) => Ok(vec![Server::udp(*address)]),
        ResolverChoice::Tcp(address) => Ok(vec![Server::stream(*address, format!("tcp://{address}"), Stream::Tcp)]),
        ResolverChoice::Tls { host, port } => {
            let config = tls_config(&settings.trust)?;
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                .map_err(|_| format!("{:?} is no server name", text::shorten(host, 100)))?;
            let label = if *port == 853 { format!("tls://{host}") } else { format!("tls://{host}:{port}") };
            let addresses = locate(host, *port, settings.family, step, budget).await?;
            let server = |a| Server::stream(a, label.clone(), Stream::Tls(name.clone(), config.clone()));
            Ok(addresses.into_iter().map(server).collect())
        }
        ResolverChoice::Https { url } => {
            let config = tls_config(&settings.trust)?;
            let parsed = url::Url::parse(url).map_err(|error| format!("the resolver's URL: {error}"))?;
            let host = parsed.host_str().ok_or("the resolver's URL has no host")?.to_owned();
            let port = parsed.port().unwrap_or(443);
            let path: Arc<str> = parsed.path().into();
            let bare: Arc<str> = host.trim_matches(['[', ']']).into();
            let addresses = locate(&host, port, settings.family, step, budget).await?;
            let label = text::shorten(url, 200);
            let kind = || Stream::Https(bare.clone(), path.clone(), config.clone());
            Ok(addresses.into_iter().map(|address| Server::stream(address, label.clone(), kind())).collect())
        }
    }
}

/// Addresses of the resolver itself, by the system's means.
async fn locate(
    host: &str,
    port: u16,
    family: Family,
    step: Duration,
    budget: &Budget,
) -> Result<Vec<SocketAddr>, String> {
    let bare = host.trim_matches(['[', ']']);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let host = text::shorten(host, 100);
    let found = budget
        .limit(step, tokio::net::lookup_host((bare, port)))
        .await
        .map_err(|_| format!("the resolver's own name {host} was not resolved in time"))?
        .map_err(|error| format!("the resolver's own name {host} does not resolve: {error}"))?;
    let usable: Vec<SocketAddr> = found.filter(|a| family.allows(a.ip())).take(MAX_RESOLVER_ADDRESSES).collect();
    if usable.is_empty() { Err(format!("the resolver {host} has no usable address")) } else { Ok(usable) }
}

/// Public roots and the user's own.
fn tls_config(trust: &TrustInputs) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(trust.extra_roots.iter().map(|der| CertificateDer::from(der.0.clone())));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
