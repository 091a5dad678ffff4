//! A scenario, running: name servers, edge and origin, and what the doctor has to be told to find them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::target::{DeclaredOrigin, Expectation, Scheme};
use cfdoctor_checks::evidence::tls::TrustInputs;
use hickory_proto::op::ResponseCode;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::cloudflare_api::{self, CloudflareApi};
use super::edge::{self, Zone};
use super::name_server::{self, Fault};
use super::origin::{self, Door, Origin};
use super::pki::Pki;
use super::upstream::Places;
use super::{DemoError, account_document, aws_api, zone_document};
use crate::probe::aws::{AwsAccess, AwsRegions, Fixed};
use crate::probe::cloudflare::CloudflareAccess;
use crate::settings::{ConnectTo, Credential, ResolverChoice, Settings};

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
    /// The resolver fails, and so do the zone's own servers.
    ServFail,
    /// The chain comes back to itself.
    Loop,
    /// Proxied by the name servers, while the resolver still has the old answer: no such name.
    StaleNegative,
}

impl Names {
    /// Can a visitor get an address?
    fn resolve(self) -> bool {
        matches!(self, Names::Proxied | Names::DnsOnly)
    }
}

/// A small world with a known fault.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// What people type.
    pub name: &'static str,
    /// One line for `demo --list`.
    pub line: &'static str,
    /// What happened there.
    pub story: &'static str,
    /// The id of the cause that the doctor has to find; `None`: nothing is wrong.
    pub cause: Option<&'static str>,
    /// Every warning and failure, and no other: check and `warn` or `fail`.
    pub expect: &'static [(&'static str, &'static str)],
    /// The visitor's name.
    pub host: &'static str,
    /// The URL's path.
    pub path: &'static str,
    /// What the owner wants of the cache.
    pub wish: Expectation,
    /// Where the owner says that the API lives.
    pub region: Option<&'static str>,
    /// DNS.
    pub names: Names,
    /// Further lines of the zone `example.com`, as in a zone file.
    pub records: &'static str,
    /// The record's target, as the doctor is told it.
    pub target: &'static str,
    /// Does the target's name resolve?
    pub target_resolves: bool,
    /// Does the doctor have the client certificate that the origin demands of Cloudflare (`--cert`, `--key`)?
    pub has_client_certificate: bool,
    /// What the doctor says where it may read the APIs, if it is more than without: the cause, and every warning and
    /// failure.
    pub known: Option<Known>,
    /// What the API tells of the zone beyond what the settings say.
    pub told: fn(&mut Value),
    /// What AWS's APIs tell beyond what the origin plays.
    pub account: fn(&mut Value),
    /// The zone's settings.
    pub zone: fn() -> Zone,
    /// The origin.
    pub origin: fn() -> Origin,
}

/// What is found by who may read the APIs.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The cause.
    pub cause: Option<&'static str>,
    /// Every warning and failure.
    pub expect: &'static [(&'static str, &'static str)],
}

/// How much of a world the doctor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// What everybody sees, and what the record points at.
    BlackBox,
    /// What the vendors' APIs tell, too.
    Known,
}

/// A running world; everything in it ends when it is dropped.
pub struct World {
    settings: Settings,
    target: Target,
    cloudflare: CloudflareAccess,
    aws: AwsAccess,
    _apis: (cloudflare_api::Running, aws_api::Running),
    _name_servers: [name_server::Running; 2],
    _edge: edge::Running,
    _origin: origin::Running,
}

/// Addresses that Cloudflare publishes as its own, for the proxied name: the way leads to loopback all the same.
const EDGE_ADDRESSES: [&str; 3] = ["104.16.132.229", "104.16.133.229", "2606:4700::6810:84e5"];
/// An address of a documentation range (RFC 5737), for the origin.
const ORIGIN_ADDRESS: &str = "203.0.113.80";
/// The doctor's patience where the origin says nothing: 10 s in reality.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

impl World {
    /// Starts the world of a scenario.
    ///
    /// # Errors
    /// Loopback or TLS cannot be used here.
    pub async fn start(scenario: &Scenario) -> Result<World, DemoError> {
        let pki = pki().await?;
        let doors = (scenario.origin)();
        let origin = origin::start(&doors, scenario.host, scenario.target, pki).await?;
        let [resolver, authority] = name_servers(scenario).await?;
        let places = Places {
            resolver: resolver.address,
            target: scenario.target.to_owned(),
            https: origin.https.address,
            http: origin.http.address,
        };
        let edge = edge::start(&(scenario.zone)(), places, pki).await?;
        let visitor = match scenario.names {
            // Nothing stands between the visitor and the origin.
            Names::DnsOnly => (origin.https.address, origin.http.address),
            _ => (edge.https.address, edge.http.address),
        };
        // Where DNS gives no address, nobody finds the way: a rule would hide that.
        let mut connect_to = Vec::new();
        if scenario.names.resolve() {
            connect_to.extend(leads(scenario.host, visitor));
        }
        if scenario.target_resolves {
            connect_to.extend(leads(scenario.target, (origin.https.address, origin.http.address)));
        }
        let mut settings = Settings {
            resolver: ResolverChoice::Udp(resolver.address),
            authority_port: authority.address.port(),
            connect_to,
            trust: TrustInputs { extra_roots: pki.public_roots(), origin_ca: Some(pki.origin_ca_roots()) },
            ..Settings::default()
        };
        if scenario.has_client_certificate {
            settings.client_identity = Some(pki.client_identity()?);
        }
        if matches!(doors.door, Door::Silent | Door::Hangs) {
            settings.connect_timeout = SHORT_PATIENCE;
        }
        let api = CloudflareApi::new(zone_document::document(scenario)).serve().await?;
        let cloudflare = CloudflareAccess::new(api.token(), Some(&api.base_url()));
        let account = aws_api::serve(account_document::document(scenario)).await?;
        let aws = Fixed { endpoint: account.base_url(), key: "AKIADEMO".into(), secret: "demo".into(), region: None };
        Ok(World {
            settings,
            target: target(scenario),
            cloudflare: cloudflare.map_err(|error| DemoError::Setup(error.to_string()))?,
            aws: AwsAccess::fixed(aws, AwsRegions::Usual),
            _apis: (api, account),
            _name_servers: [resolver, authority],
            _edge: edge,
            _origin: origin,
        })
    }

    /// What a visitor of this world asks about. Who may read the zone need not be told what the record points at.
    pub fn target(&self, sight: Sight) -> Target {
        match sight {
            Sight::BlackBox => self.target.clone(),
            Sight::Known => Target { origin: None, ..self.target.clone() },
        }
    }

    /// How the doctor finds the world.
    pub fn settings(&self, sight: Sight) -> Settings {
        match sight {
            Sight::BlackBox => self.settings.clone(),
            Sight::Known => Settings {
                cloudflare: Credential::Usable(self.cloudflare.clone()),
                aws: Some(self.aws.clone()),
                ..self.settings.clone()
            },
        }
    }
}

/// `--connect-to` for both ports of a host.
fn leads(host: &str, (https, http): (SocketAddr, SocketAddr)) -> [ConnectTo; 2] {
    [(443, https), (80, http)].map(|(port, to)| ConnectTo {
        host: Some(host.to_owned()),
        port: Some(port),
        to_host: Some(to.ip().to_string()),
        to_port: Some(to.port()),
    })
}

fn target(scenario: &Scenario) -> Target {
    Target {
        scheme: Scheme::Https,
        host: scenario.host.to_owned(),
        port: 443,
        path: scenario.path.to_owned(),
        path_named: scenario.path != "/",
        method: "GET".to_owned(),
        headers: Vec::new(),
        expect: scenario.wish,
        region: scenario.region.map(ToOwned::to_owned),
        origin: Some(DeclaredOrigin::named(scenario.target, 443)),
        required: Vec::new(),
    }
}

/// The authorities' keys are the slow part of a start, and no world changes them.
async fn pki() -> Result<&'static Pki, DemoError> {
    static PKI: OnceCell<Arc<Pki>> = OnceCell::const_new();
    PKI.get_or_try_init(|| async { Pki::new().map(Arc::new) }).await.map(|pki| &**pki)
}

/// The resolver and the zone's own server; each has its own view where the scenario wants that.
async fn name_servers(scenario: &Scenario) -> Result<[name_server::Running; 2], DemoError> {
    const COMMON: &str = "@ 86400 IN NS ada.ns.cloudflare.com.\n@ 86400 IN NS bob.ns.cloudflare.com.\n";
    const SERVERS: &str = "ada.ns 86400 IN A 127.0.0.1\nbob.ns 86400 IN A 127.0.0.1";
    let own = format!("{}.", scenario.host);
    let host = match scenario.names {
        Names::Proxied | Names::BrokenDnssec | Names::ServFail | Names::StaleNegative => EDGE_ADDRESSES
            .map(|address| format!("{own} 300 IN {} {address}\n", if address.contains(':') { "AAAA" } else { "A" }))
            .concat(),
        Names::DnsOnly => format!("{own} 300 IN CNAME {}.\n", scenario.target),
        Names::NxDomain => String::new(),
        Names::NoData => format!("{own} 300 IN TXT \"v=spf1 -all\"\n"),
        Names::Loop => format!("{own} 300 IN CNAME api\napi 300 IN CNAME {own}\n"),
    };
    let validation = zone_document::standing_validation(scenario)
        .map(|(name, target)| format!("{name}. 300 IN CNAME {target}.\n"))
        .unwrap_or_default();
    let (label, parent) = scenario.target.split_once('.').unwrap_or((scenario.target, "invalid"));
    let target = if scenario.target_resolves { format!("{label} 60 IN A {ORIGIN_ADDRESS}") } else { String::new() };
    let world = |host: &str| {
        let world = name_server::World::default()
            .zone("com.", "")
            .zone("example.com.", &format!("{COMMON}{host}{validation}{}", scenario.records))
            .zone("cloudflare.com.", SERVERS)
            .zone(&format!("{parent}."), &target);
        match scenario.names {
            // The zone was signed at its old provider, whose key the registrar still names.
            Names::BrokenDnssec => world.signed("example.com."),
            _ => world,
        }
    };
    let resolver = match scenario.names {
        Names::BrokenDnssec => world(&host).fault(&own, Fault::Bogus("DNSKEY Missing")),
        Names::ServFail => world(&host).fault(&own, Fault::Code(ResponseCode::ServFail)),
        Names::StaleNegative => world(""),
        Names::Loop => world(&host).follows(8),
        _ => world(&host),
    };
    let authority = match scenario.names {
        Names::ServFail => world(&host).fault(&own, Fault::Code(ResponseCode::ServFail)),
        _ => world(&host),
    };
    Ok([resolver.serve().await?, authority.authority().serve().await?])
}
