//! A scenario, running: name server, edge and origin, and what the doctor has to be told to find them.

use std::net::SocketAddr;

use cfdoctor_checks::evidence::target::{DeclaredOrigin, Expectation};
use cfdoctor_checks::evidence::tls::TrustInputs;
use cfdoctor_checks::evidence::{Target, target::Scheme};
use hickory_proto::op::ResponseCode;
use tokio::sync::OnceCell;

use super::edge::{self, Places, Zone};
use super::gateway::{self, Origin};
use super::name_server::{self, Fault};
use super::pki::Pki;
use super::{DemoError, HOST};
use crate::settings::{ConnectTo, ResolverChoice, Settings};

/// What the public name servers say of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Proxied: Cloudflare's addresses.
    Proxied,
    /// DNS-only: the CNAME is visible.
    DnsOnly,
    /// No such name.
    NxDomain,
    /// The name exists, without addresses.
    NoData,
    /// The resolver fails unless checking is disabled.
    BrokenDnssec,
    /// The resolver fails.
    ServFail,
    /// The chain comes back to itself.
    Loop,
    /// Proxied by the name servers, while the resolver still has the old answer: no such name.
    StaleNegative,
}

/// A small world with a known fault.
pub struct Scenario {
    /// What people type.
    pub name: &'static str,
    /// One line for `demo --list`.
    pub line: &'static str,
    /// What happened there.
    pub story: &'static str,
    /// The id of the cause that the doctor has to find; `None`: nothing is wrong.
    pub cause: Option<&'static str>,
    /// Every warning and failure, and no other.
    pub expect: &'static [(&'static str, &'static str)],
    /// The URL's path.
    pub path: &'static str,
    /// What the owner wants of the cache.
    pub wish: Expectation,
    /// DNS.
    pub names: Names,
    /// The record's target, as the doctor is told it.
    pub target: &'static str,
    /// Does the target's name resolve?
    pub target_resolves: bool,
    /// The zone's settings.
    pub zone: fn() -> Zone,
    /// The origin.
    pub origin: fn() -> Origin,
}

/// A running world; everything in it ends when it is dropped.
pub struct World {
    settings: Settings,
    target: Target,
    _name_servers: Vec<name_server::Running>,
    _edge: edge::Running,
    _origin: gateway::Running,
}

/// Addresses that Cloudflare publishes as its own, for the proxied name: the way leads to loopback all the same.
const EDGE_ADDRESSES: [&str; 2] = ["104.16.132.229", "104.16.133.229"];
/// An address of a documentation range (RFC 5737), for the gateway.
const ORIGIN_ADDRESS: &str = "203.0.113.80";

impl World {
    /// Starts the world of a scenario.
    ///
    /// # Errors
    /// Loopback or TLS cannot be used here.
    pub async fn start(scenario: &Scenario) -> Result<World, DemoError> {
        let pki = pki().await?;
        let origin = gateway::start(&(scenario.origin)(), pki).await?;
        let places = Places {
            origin: scenario.target_resolves.then_some((origin.https.address, origin.http.address)),
            origin_name: scenario.target.to_owned(),
        };
        let edge = edge::start(&(scenario.zone)(), places, pki).await?;
        let (resolver, authority) = name_servers(scenario).await?;
        let leads = |host: &str, port, to: SocketAddr| ConnectTo {
            host: Some(host.to_owned()),
            port: Some(port),
            to_host: Some(to.ip().to_string()),
            to_port: Some(to.port()),
        };
        let (visitor_https, visitor_http) = match scenario.names {
            // Nothing stands between the visitor and the gateway.
            Names::DnsOnly => (origin.https.address, origin.http.address),
            _ => (edge.https.address, edge.http.address),
        };
        let settings = Settings {
            resolver: ResolverChoice::Udp(resolver.address),
            authority_port: authority.address.port(),
            connect_to: vec![
                leads(HOST, 443, visitor_https),
                leads(HOST, 80, visitor_http),
                leads(scenario.target, 443, origin.https.address),
                leads(scenario.target, 80, origin.http.address),
            ],
            trust: TrustInputs { extra_roots: pki.public_roots(), origin_ca: Some(pki.origin_ca_roots()) },
            ..Settings::default()
        };
        let target = Target {
            scheme: Scheme::Https,
            host: HOST.to_owned(),
            port: 443,
            path: scenario.path.to_owned(),
            path_named: scenario.path != "/",
            method: "GET".to_owned(),
            headers: Vec::new(),
            expect: scenario.wish,
            region: None,
            origin: Some(DeclaredOrigin { host: scenario.target.to_owned(), port: 443, assumed: false }),
        };
        Ok(World { settings, target, _name_servers: vec![resolver, authority], _edge: edge, _origin: origin })
    }

    /// What a visitor of this world asks about.
    pub fn target(&self) -> Target {
        self.target.clone()
    }

    /// How the doctor finds the world.
    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }
}

/// The certificates are the slow part of a start, and no world changes them.
async fn pki() -> Result<&'static Pki, DemoError> {
    static PKI: OnceCell<Pki> = OnceCell::const_new();
    PKI.get_or_try_init(|| async { Pki::new() }).await
}

/// The resolver and the zone's own server; each has its own view where the scenario wants that.
async fn name_servers(scenario: &Scenario) -> Result<(name_server::Running, name_server::Running), DemoError> {
    let [first, second] = EDGE_ADDRESSES;
    let proxied = format!("lambda 300 IN A {first}\nlambda 300 IN A {second}");
    let host = match scenario.names {
        Names::Proxied | Names::BrokenDnssec | Names::ServFail | Names::StaleNegative => proxied.clone(),
        Names::DnsOnly => format!("lambda 300 IN CNAME {}.", scenario.target),
        Names::NxDomain => String::new(),
        Names::NoData => "lambda 300 IN TXT \"v=spf1 -all\"".to_owned(),
        Names::Loop => "lambda 300 IN CNAME api\napi 300 IN CNAME lambda".to_owned(),
    };
    let common = "@ 86400 IN NS ada.ns.cloudflare.com.\n@ 86400 IN NS bob.ns.cloudflare.com.\n";
    let (label, parent) = scenario.target.split_once('.').unwrap_or((scenario.target, "invalid"));
    let target = if scenario.target_resolves { format!("{label} 60 IN A {ORIGIN_ADDRESS}") } else { String::new() };
    let servers = "ada.ns 86400 IN A 127.0.0.1\nbob.ns 86400 IN A 127.0.0.1";
    let world = |host: &str| {
        name_server::World::default()
            .zone("com.", "example 86400 IN NS ada.ns.cloudflare.com.")
            .zone("example.com.", &format!("{common}{host}"))
            .zone("cloudflare.com.", servers)
            .zone(&format!("{parent}."), &target)
    };
    let resolver = match scenario.names {
        Names::BrokenDnssec => world(&host)
            .zone(
                "com.",
                "example 86400 IN DS 2371 13 2 1F987CC6583E92DF0890718C42A2E7E2F8C6F6B9C9BEB33BF0E1D2C3B4A59687",
            )
            .fault(&format!("{HOST}."), Fault::Bogus("DNSKEY Missing")),
        Names::ServFail => world(&host).fault(&format!("{HOST}."), Fault::Code(ResponseCode::ServFail)),
        Names::StaleNegative => world(""),
        Names::Loop => world(&host).follows(8),
        _ => world(&host),
    };
    let authority = match scenario.names {
        Names::ServFail => world(&host).fault(&format!("{HOST}."), Fault::Code(ResponseCode::ServFail)),
        _ => world(&host),
    };
    Ok((resolver.serve().await?, authority.authority().serve().await?))
}
