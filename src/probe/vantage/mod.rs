//! One end of the path: TLS, the requests over its connection, and the optional looks beside them.

mod line;
mod questions;
mod redirects;

#[cfg(test)]
mod tests;

use cfdoctor_checks::evidence::http::{Exchange, Exchanges, Failure, Outcome};
use cfdoctor_checks::evidence::target::{DeclaredOrigin, Scheme, Target};
use cfdoctor_checks::evidence::tls::{Connect, LegacyAnswer, LegacyHello, TlsVersion};
use cfdoctor_checks::evidence::{Gathered, Handshake, Vantage};
use cfdoctor_checks::{NotRun, Probe};
use futures_util::future::BoxFuture;

use crate::probe::budget::Budget;
use crate::probe::dial::Route;
use crate::probe::tls;
use crate::settings::Settings;
use line::Line;
use questions::Asked;

pub use questions::MAX_SAMPLES;

/// Finds the way to another host and port, for redirects that lead there.
pub type Resolve<'a> = dyn Fn(String, u16) -> BoxFuture<'a, Route> + Send + Sync + 'a;

/// What a visitor meets. `route` leads to the HTTPS port, `plain` to the port of `http://`.
pub async fn edge(
    target: &Target,
    route: &Route,
    plain: &Route,
    resolve: &Resolve<'_>,
    settings: &Settings,
    budget: &Budget,
) -> Vantage {
    let wants_tls = settings.probes.contains(&Probe::EdgeTls);
    let wants_http = settings.probes.contains(&Probe::EdgeHttp);
    let visit = Visit { target, route, plain, resolve, settings, budget, wants_tls, wants_http };
    let main = async {
        match target.scheme {
            Scheme::Https => visit.in_tls().await,
            // On the heap, as everything that few visits need.
            Scheme::Http => Box::pin(visit.in_clear()).await,
        }
    };
    let beside = async {
        if !wants_http || target.scheme == Scheme::Http {
            return None;
        }
        Some(Box::pin(questions::in_clear(target, plain, settings, budget)).await)
    };
    let old = async {
        if !wants_tls {
            return Gathered::Missing(NotRun::Disabled(Probe::EdgeTls));
        }
        Box::pin(legacy(route, &target.host, TlsVersion::Tls11, settings, budget)).await
    };
    let ((mut handshake, mut exchanges), beside, old) = tokio::join!(main, beside, old);
    if let Some(exchange) = beside {
        exchanges.plain = found_unless_nowhere(exchange, Probe::EdgeHttp);
    }
    if let Some(handshake) = &mut handshake {
        let reached = handshake.connect == Connect::Open || !old.found().is_some_and(is_nothing);
        let blocked = || Gathered::Missing(NotRun::blocked(Probe::EdgeTls, handshake.connect.describe()));
        handshake.legacy = if reached { old } else { blocked() };
    }
    Vantage {
        tls: handshake.map_or(Gathered::Missing(NotRun::Disabled(Probe::EdgeTls)), Gathered::Found),
        http: if wants_http {
            found_if_asked(exchanges, Probe::EdgeHttp)
        } else {
            Gathered::Missing(NotRun::Disabled(Probe::EdgeHttp))
        },
    }
}

/// The main part of a visit to the edge.
struct Visit<'a, 'r> {
    target: &'a Target,
    route: &'a Route,
    plain: &'a Route,
    resolve: &'a Resolve<'r>,
    settings: &'a Settings,
    budget: &'a Budget,
    wants_tls: bool,
    wants_http: bool,
}

impl Visit<'_, '_> {
    /// `https://`: everything over the handshake's connection.
    async fn in_tls(&self) -> (Option<Handshake>, Exchanges) {
        if !self.wants_tls && !self.wants_http {
            return (None, nothing_asked(Probe::EdgeHttp, "nobody looked"));
        }
        let Visit { target, settings, budget, .. } = self;
        let mut line = Line::new(Scheme::Https, &target.host, target.port, self.route.clone(), settings);
        let mut handshake = line.shake_hands(settings, budget).await;
        if !self.wants_http || !handshake.completed() {
            let why = line::failure(&handshake).describe();
            return (Some(handshake), nothing_asked(Probe::EdgeHttp, &why));
        }
        let asked = questions::at_edge(&mut line, target, settings, budget).await;
        if asked.failed() {
            line.apply_late_fault(&mut handshake);
        }
        (Some(handshake), self.follow(asked, vec![line]).await)
    }

    /// `http://`: the samples in clear text; TLS is looked at beside, and serves a redirect to it.
    async fn in_clear(&self) -> (Option<Handshake>, Exchanges) {
        let Visit { target, settings, budget, .. } = self;
        let https = Scheme::Https.default_port();
        let mut secure = Line::new(Scheme::Https, &target.host, https, self.route.optional(), settings);
        let mut clear = Line::new(Scheme::Http, &target.host, target.port, self.plain.clone(), settings);
        let shaken = async { if self.wants_tls { Some(secure.shake_hands(settings, budget).await) } else { None } };
        if !self.wants_http {
            return (shaken.await, nothing_asked(Probe::EdgeHttp, "nobody looked"));
        }
        let (handshake, asked) = tokio::join!(shaken, questions::at_edge(&mut clear, target, settings, budget));
        let mut exchanges = self.follow(asked, vec![clear, secure]).await;
        exchanges.plain = match exchanges.samples.first() {
            // The target itself is what would be asked there: this is the same exchange.
            Some(first) if target.port == Scheme::Http.default_port() => {
                found_unless_nowhere(first.clone(), Probe::EdgeHttp)
            }
            _ => Gathered::Missing(NotRun::not_applicable(format!("the target is http:// on port {}", target.port))),
        };
        (handshake, exchanges)
    }

    async fn follow(&self, asked: Asked, lines: Vec<Line>) -> Exchanges {
        let hops =
            Box::pin(redirects::follow(&asked, self.target, lines, self.resolve, self.settings, self.budget)).await;
        Exchanges {
            samples: asked.samples,
            redirects: hops.0,
            redirects_stopped: hops.1,
            trace: asked.trace,
            preflight: asked.preflight,
            ..nothing_asked(Probe::EdgeHttp, "nobody looked")
        }
    }
}

/// The origin as Cloudflare meets it, and the line to ask it again.
pub struct OriginLeg {
    /// What was seen.
    pub vantage: Vantage,
    line: Line,
    /// The target as the origin is asked for it.
    target: Target,
}

/// How Cloudflare asks the origin where a rule overrides it (`facts/cloudflare.md` section 4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `Host`, and with it SNI; `None`: the visitor's name.
    pub host: Option<String>,
    /// SNI where it is another than `Host`.
    pub server_name: Option<String>,
    /// Path and query, where they are rewritten.
    pub path: Option<String>,
}

impl Overrides {
    /// The target as the origin is asked for it.
    fn apply(&self, target: &Target) -> Target {
        Target {
            host: self.host.clone().unwrap_or_else(|| target.host.clone()),
            path: self.path.clone().unwrap_or_else(|| target.path.clone()),
            ..target.clone()
        }
    }
}

/// What Cloudflare meets: SNI and `Host` are the target's, or the override's. `plain` leads to port 80.
pub async fn origin(
    target: &Target,
    origin: &DeclaredOrigin,
    overrides: &Overrides,
    route: &Route,
    plain: &Route,
    settings: &Settings,
    budget: &Budget,
) -> OriginLeg {
    let wants_tls = settings.probes.contains(&Probe::OriginTls);
    let wants_http = settings.probes.contains(&Probe::OriginHttp);
    let asked = overrides.apply(target);
    let target = &asked;
    let server_name = overrides.server_name.as_ref().unwrap_or(&target.host);
    let mut line = Line::new(Scheme::Https, server_name, origin.port, route.clone(), settings)
        .towards_origin(&origin.host, settings);
    let main = async {
        if !wants_tls && !wants_http {
            return (None, None);
        }
        let mut handshake = line.shake_hands(settings, budget).await;
        let mut sample = None;
        if wants_http && handshake.completed() && line::requests_left(budget) > 0 {
            let exchange = questions::at_origin(&mut line, target, settings, budget).await;
            if exchange.response().is_none() {
                line.apply_late_fault(&mut handshake);
            }
            sample = Some(exchange);
        }
        handshake.legacy = if wants_tls {
            Box::pin(old_origin(&handshake, route, server_name, settings, budget)).await
        } else {
            Gathered::Missing(NotRun::Disabled(Probe::OriginTls))
        };
        (Some(handshake), sample)
    };
    let beside = async {
        if wants_http { Some(Box::pin(questions::in_clear(target, plain, settings, budget)).await) } else { None }
    };
    let ((handshake, sample), plain_exchange) = tokio::join!(main, beside);
    let http = match plain_exchange {
        Some(exchange) => {
            let edge_only = || Gathered::Missing(NotRun::not_applicable("only the edge is asked this"));
            let exchanges = Exchanges {
                samples: sample.into_iter().collect(),
                redirects: Vec::new(),
                redirects_stopped: None,
                plain: found_unless_nowhere(exchange, Probe::OriginHttp),
                trace: edge_only(),
                preflight: edge_only(),
            };
            found_if_asked(exchanges, Probe::OriginHttp)
        }
        None => Gathered::Missing(NotRun::Disabled(Probe::OriginHttp)),
    };
    let tls = handshake.map_or(Gathered::Missing(NotRun::Disabled(Probe::OriginTls)), Gathered::Found);
    OriginLeg { vantage: Vantage { tls, http }, line, target: asked.clone() }
}

impl OriginLeg {
    /// Asks the origin a second time and adds the exchange to the samples; `false`: not asked (nothing answered
    /// before, the method is not one to repeat, or no request is left).
    pub async fn again(&mut self, settings: &Settings, budget: &Budget) -> bool {
        let target = &self.target;
        let Gathered::Found(exchanges) = &mut self.vantage.http else { return false };
        let answered = exchanges.samples.last().is_some_and(questions::may_repeat);
        if !answered
            || !line::is_safe(&target.method)
            || !self.line.is_usable(budget)
            || budget.is_over()
            || line::requests_left(budget) == 0
        {
            return false;
        }
        exchanges.samples.push(questions::at_origin(&mut self.line, target, settings, budget).await);
        true
    }
}

/// The raw hello of old versions.
async fn legacy(
    route: &Route,
    server_name: &str,
    offered: TlsVersion,
    settings: &Settings,
    budget: &Budget,
) -> Gathered<LegacyHello> {
    Gathered::Found(tls::legacy(&route.optional(), server_name, offered, settings, budget).await)
}

/// Did the raw hello bring nothing?
fn is_nothing(hello: &LegacyHello) -> bool {
    matches!(hello.answer, LegacyAnswer::Nothing { .. })
}

/// Where our library and the origin found nothing in common: what does an old hello find there?
async fn old_origin(
    handshake: &Handshake,
    route: &Route,
    server_name: &str,
    settings: &Settings,
    budget: &Budget,
) -> Gathered<LegacyHello> {
    if tls::worth_a_legacy_hello(handshake) {
        return legacy(route, server_name, TlsVersion::Tls12, settings, budget).await;
    }
    match handshake.connect {
        Connect::Open => Gathered::Missing(NotRun::not_applicable("the handshake shows what the origin speaks")),
        _ => Gathered::Missing(NotRun::blocked(Probe::OriginTls, handshake.connect.describe())),
    }
}

/// Exchanges before anything was asked, because of `why`.
fn nothing_asked(probe: Probe, why: &str) -> Exchanges {
    let blocked = || Gathered::Missing(NotRun::blocked(probe, why));
    Exchanges {
        samples: Vec::new(),
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: blocked(),
        trace: blocked(),
        preflight: blocked(),
    }
}

/// Why nothing was sent, if there was nowhere to connect to (no address, or no connection left) or it was not to be sent.
fn nowhere(exchange: &Exchange, probe: Probe) -> Option<NotRun> {
    match &exchange.outcome {
        Outcome::Failed(failure @ (Failure::Connect(Connect::NoAddress { .. }) | Failure::NotSent { .. })) => {
            Some(NotRun::blocked(probe, failure.describe()))
        }
        _ => None,
    }
}

/// An exchange, if anybody was asked.
fn found_unless_nowhere(exchange: Exchange, probe: Probe) -> Gathered<Exchange> {
    nowhere(&exchange, probe).map_or(Gathered::Found(exchange), Gathered::Missing)
}

/// Exchanges, if anybody was asked anything.
fn found_if_asked(exchanges: Exchanges, probe: Probe) -> Gathered<Exchanges> {
    let silent = match (exchanges.samples.first(), &exchanges.plain) {
        (_, Gathered::Found(_)) => None,
        (Some(first), Gathered::Missing(_)) => nowhere(first, probe),
        (None, Gathered::Missing(why)) => Some(why.clone()),
    };
    silent.map_or(Gathered::Found(exchanges), Gathered::Missing)
}
