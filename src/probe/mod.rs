//! The probes: who looks, in which order, and what runs beside what.
//!
//! The order is [`gather`] itself: each leg starts as soon as its own name is resolved, and what needs no answer of
//! another starts at once, so that a healthy visit takes the longer of the two legs and nothing more. Where only the
//! zone knows what the record points at, the origin's leg waits for the Cloudflare API, which starts with the edge's.

mod api;
pub mod aws;
pub mod budget;
pub mod cloudflare;
pub mod dial;
pub mod dns;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod http;
mod known;
mod reach;
mod secrets;
pub mod tls;
pub mod vantage;

use std::net::IpAddr;
use std::time::Instant;

use cfdoctor_checks::evidence::dns::{Chain, Lookup};
use cfdoctor_checks::evidence::target::Scheme;
use cfdoctor_checks::evidence::{Dns, Evidence, Gateway, Gathered, Target, Vantage};
use cfdoctor_checks::model::cloudflare as ranges;
use cfdoctor_checks::{NotRun, Probe};
use futures_util::FutureExt;
use futures_util::future::join_all;
use time::OffsetDateTime;

use crate::lint::declared::is_stand_in;
use crate::settings::Settings;
use crate::shared;
pub use reach::Reach;

use budget::Budget;
use dial::Route;
use dns::{Asker, Surroundings};
use known::Way;
pub(crate) use known::{declared_origin, wants_zone};
use tokio::sync::oneshot;
use vantage::OriginLeg;

/// Validation records that are looked up. A certificate has one for each name; the first ones tell whether somebody
/// tidied up.
pub(crate) const MAX_VALIDATION_NAMES: usize = 4;

/// What the account tells of a target, in the region of what its record points at; `zone` brings what the zone tells of
/// that, or is dropped where nobody reads it.
pub(crate) async fn known_gateway(
    target: &Target,
    zone: oneshot::Receiver<cloudflare::Looked>,
    settings: &Settings,
    budget: &Budget,
) -> Gathered<Gateway> {
    let unread = || cloudflare::Looked::Missing(NotRun::NoCredential(Probe::Zone));
    let zone = known::read(target, zone.await.unwrap_or_else(|_| unread()), settings);
    let way = Way::of(target, zone.found(), settings);
    known::gateway(target, way.origin.as_ref(), settings, budget).await
}

/// Looks at the whole path of `target`; every failure on the way is evidence.
pub async fn gather(target: &Target, settings: &Settings, budget: &Budget) -> Evidence {
    let gathered_at = OffsetDateTime::now_utc();
    settings.shared.pulse.keep();
    let budget = &budget.feeling(&settings.shared.pulse);
    let asker = Asker::new(settings, budget).await;
    let (sender, way) = oneshot::channel();
    let zone = known::zone(target, settings, budget, sender);
    let way = async { way.await.unwrap_or_else(|_| Way::of(target, None, settings)) }.shared();
    let origin = async {
        // Who names the origin need not wait for the zone; a rule that changes how it is asked is rare.
        let named = Way::of(target, None, settings);
        let first = match named.origin {
            Some(_) => named,
            None => way.clone().await,
        };
        let leg = Box::pin(origin_leg(&asker, target, &first, settings, budget)).await;
        let known = way.clone().await;
        match known == first {
            true => (first, leg),
            false => (known.clone(), Box::pin(origin_leg(&asker, target, &known, settings, budget)).await),
        }
    };
    let gateway = async {
        let way = way.clone().await;
        let gateway = known::gateway(target, way.origin.as_ref(), settings, budget).await;
        let validation = validation(&asker, target, &gateway, settings).await;
        (gateway, validation)
    };
    let (
        (host, host_ms, Doubts { unchecked, impossible }, edge),
        (way, (origin_chain, origin_ms, mut leg)),
        around,
        zone,
        (gateway, validation),
    ) = tokio::join!(
        // On the heap: each leg's memory is free when it ends.
        Box::pin(edge_leg(&asker, target, settings, budget)),
        origin,
        surroundings(&asker, target, settings),
        zone,
        gateway,
    );
    if let Ok(leg) = &mut leg {
        compare_bodies(&edge, leg, settings, budget).await;
    }
    let dns = match around {
        Some(around) => Gathered::Found(Dns {
            resolver: asker.label(),
            host,
            host_unchecked: unchecked,
            impossible,
            zone: around.zone,
            views: around.views,
            caa: around.caa,
            validation,
            origin: origin_chain,
            host_ms: Some(host_ms),
            origin_ms,
        }),
        None => Gathered::Missing(NotRun::Disabled(Probe::Dns)),
    };
    let mut evidence = Evidence {
        target: Target { origin: way.origin, ..target.redacted() },
        gathered_at,
        trust: settings.trust.clone(),
        dns,
        edge,
        origin: leg.map_or_else(unseen, |leg| leg.vantage),
        zone,
        gateway,
        traffic: budget.spent(),
    };
    settings.shared.heed(&evidence);
    secrets::take_out(&mut evidence, settings);
    if let Some(plan) = &settings.plan {
        plan.adjust(&mut evidence);
    }
    evidence
}

/// Zone, CAA and other views: only where a chosen check asks for them. The addresses are needed in any case.
async fn surroundings(asker: &Asker, target: &Target, settings: &Settings) -> Option<Surroundings> {
    match settings.probes.contains(&Probe::Dns) {
        true => Some(asker.surroundings(&target.host).await),
        false => None,
    }
}

/// The records by which ACM proves the names of the host's certificates, as the world sees them: only where a chosen
/// check asks for names and account.
async fn validation(asker: &Asker, target: &Target, gateway: &Gathered<Gateway>, settings: &Settings) -> Vec<Chain> {
    let is_asked = [Probe::Dns, Probe::Gateway].iter().all(|probe| settings.probes.contains(probe));
    let Some(gateway) = gateway.found().filter(|_| is_asked) else { return Vec::new() };
    let names = gateway.validation_names(&target.host);
    join_all(names.iter().take(MAX_VALIDATION_NAMES).map(|name| asker.chain(name))).await
}

/// What was asked of the resolver because its word for the host looked doubtful.
struct Doubts {
    /// The host with checking disabled, after a SERVFAIL.
    unchecked: Option<Lookup>,
    /// A name that does not exist, after a SERVFAIL or where the addresses are not Cloudflare's: does it fail on all, or
    /// invent what it says?
    impossible: Option<Lookup>,
}

async fn doubts(asker: &Asker, host: &Chain, settings: &Settings) -> Doubts {
    let fails = [&host.ipv4, &host.ipv6].into_iter().any(|lookup| matches!(lookup, Lookup::ServFail { .. }));
    let is_strange = !ranges::outside(&host.addresses()).is_empty();
    let unchecked = async {
        match &host.ipv4 {
            Lookup::ServFail { .. } => Some(Box::pin(asker.unchecked(&host.name)).await),
            _ => None,
        }
    };
    let impossible = async {
        match settings.probes.contains(&Probe::Dns) && (fails || is_strange) {
            true => Some(Box::pin(asker.impossible(&host.name)).await),
            false => None,
        }
    };
    let (unchecked, impossible) = tokio::join!(unchecked, impossible);
    Doubts { unchecked, impossible }
}

/// What a visitor meets.
async fn edge_leg(
    asker: &Asker,
    target: &Target,
    settings: &Settings,
    budget: &Budget,
) -> (Chain, f64, Doubts, Vantage) {
    let (host, host_ms) = timed_chain(asker, &target.host).await;
    let doubts = doubts(asker, &host, settings);
    let (https_port, http_port) = match target.scheme {
        Scheme::Https => (target.port, 80),
        Scheme::Http => (443, target.port),
    };
    let follow = |name: String, port: u16| {
        async move {
            let chain = asker.chain(&name).await;
            route(&chain, &name, port)
        }
        .boxed()
    };
    let (https, plain) = (route(&host, &target.host, https_port), route(&host, &target.host, http_port));
    let vantage = async {
        match settings.shared.manners.host_peace(&target.host) {
            Some(left) => unseen(NotRun::Inconclusive(shared::refused(left))),
            None => vantage::edge(target, &https, &plain, &follow, settings, budget).await,
        }
    };
    let (doubts, vantage) = tokio::join!(doubts, vantage);
    (host, host_ms, doubts, vantage)
}

/// The chain, and the milliseconds that it took.
async fn timed_chain(asker: &Asker, name: &str) -> (Chain, f64) {
    let start = Instant::now();
    let chain = asker.chain(name).await;
    (chain, start.elapsed().as_secs_f64() * 1000.0)
}

/// What Cloudflare meets.
async fn origin_leg(
    asker: &Asker,
    target: &Target,
    way: &Way,
    settings: &Settings,
    budget: &Budget,
) -> (Gathered<Chain>, Option<f64>, Result<OriginLeg, NotRun>) {
    let unknown = || (Gathered::Missing(NotRun::origin_unknown()), None, Err(NotRun::origin_unknown()));
    let Some(origin) = &way.origin else { return unknown() };
    if is_stand_in(&origin.host) {
        let why = NotRun::inconclusive("the origin exists after apply only");
        return (Gathered::Missing(why), None, Err(NotRun::origin_unknown()));
    }
    let (chain, took_ms, https, plain) = match origin.host.parse::<IpAddr>() {
        Ok(address) => {
            let to = |port| Route {
                peer: origin.host.clone(),
                port,
                addresses: vec![address],
                no_address: None,
                patience: None,
            };
            let why = "the declared origin is an address";
            (Gathered::Missing(NotRun::NotApplicable(why.into())), None, to(origin.port), to(80))
        }
        Err(_) => {
            // Many hosts may stand before one origin.
            let shared = origin.host != target.host;
            let start = Instant::now();
            let chain = if shared { asker.shared_chain(&origin.host).await } else { asker.chain(&origin.host).await };
            let took_ms = start.elapsed().as_secs_f64() * 1000.0;
            let (https, plain) = (route(&chain, &origin.host, origin.port), route(&chain, &origin.host, 80));
            (Gathered::Found(chain), Some(took_ms), https, plain)
        }
    };
    let leg = match settings.shared.manners.origin(&origin.host, https.addresses.first().copied(), budget).await {
        Ok(_turn) => Ok(vantage::origin(target, origin, &way.overrides, &https, &plain, settings, budget).await),
        Err(why) => Err(NotRun::Inconclusive(format!("{}: {why}", origin.host))),
    };
    (chain, took_ms, leg)
}

/// Nobody looked, because of `why`.
fn unseen(why: NotRun) -> Vantage {
    Vantage { tls: Gathered::Missing(why.clone()), http: Gathered::Missing(why) }
}

/// Where a resolved name leads.
fn route(chain: &Chain, peer: &str, port: u16) -> Route {
    let addresses = chain.addresses();
    let no_address = addresses.is_empty().then(|| match &chain.fault {
        Some(_) => format!("the CNAME chain of {} does not end", chain.name),
        None => format!("{}: {}", chain.end(), chain.ipv4.describe()),
    });
    Route { peer: peer.to_owned(), port, addresses, no_address, patience: None }
}

/// Asks the origin a second time where its body differs from the edge's, so that a body that changes by itself is
/// not taken for a difference.
async fn compare_bodies(edge: &Vantage, origin: &mut OriginLeg, settings: &Settings, budget: &Budget) {
    let hash = |vantage: &Vantage| {
        let response = vantage.http.found()?.first()?;
        Some((response.status, response.body.sha256.clone()?))
    };
    if let (Some(at_edge), Some(at_origin)) = (hash(edge), hash(&origin.vantage))
        && at_edge.0 == at_origin.0
        && at_edge.1 != at_origin.1
    {
        Box::pin(origin.again(settings, budget)).await;
    }
}
