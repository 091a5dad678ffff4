//! One end of the path: TLS, the requests over its connection, and the optional looks beside them.

mod line;
mod questions;
mod redirects;

#[cfg(test)]
mod tests;

use std::time::Duration;

use cfdoctor_checks::NotRun;
use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::http::{Exchange, Exchanges, Failure, Outcome};
use cfdoctor_checks::evidence::target::{DeclaredOrigin, Scheme, Target};
use cfdoctor_checks::evidence::tls::{Connect, LegacyAnswer, LegacyHello, TlsVersion};
use cfdoctor_checks::evidence::{Gathered, Handshake, Vantage};
use futures_util::future::BoxFuture;

use crate::probe::budget::Budget;
use crate::probe::dial::Route;
use crate::probe::tls;
use crate::settings::Settings;
use line::Line;

/// Finds the way to another host and port, for redirects that lead there.
pub type Resolve<'a> = dyn Fn(String, u16) -> BoxFuture<'a, Route> + Send + Sync + 'a;

/// The longest that a look which only adds detail may wait for TCP: a port that drops packets holds up nobody else's
/// result. Two repeated SYNs (after 1 s and 3 s) fit in.
const OPTIONAL_CONNECT: Duration = Duration::from_secs(5);

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
    let patient = optional(settings);
    let in_clear = target.scheme == Scheme::Http;
    let needs_handshake = wants_tls || (wants_http && !in_clear);
    let secure_port = if in_clear { Scheme::Https.default_port() } else { target.port };
    let clear_port = if in_clear { target.port } else { Scheme::Http.default_port() };
    let mut secure = Line::new(Scheme::Https, &target.host, secure_port, route.clone(), settings);
    let mut clear = Line::new(Scheme::Http, &target.host, clear_port, plain.clone(), settings);

    let main = async {
        if in_clear {
            let (handshake, asked) = tokio::join!(
                async { if needs_handshake { Some(secure.shake_hands(&patient, budget).await) } else { None } },
                async {
                    if wants_http { Some(questions::at_edge(&mut clear, target, settings, budget).await) } else { None }
                },
            );
            return (handshake, asked, vec![clear, secure]);
        }
        let mut handshake = None;
        let mut asked = None;
        if needs_handshake {
            let mut shaken = secure.shake_hands(settings, budget).await;
            if wants_http && shaken.completed() {
                let answers = questions::at_edge(&mut secure, target, settings, budget).await;
                if answers.failed() {
                    secure.apply_late_fault(&mut shaken);
                }
                asked = Some(answers);
            }
            handshake = Some(shaken);
        }
        (handshake, asked, vec![secure])
    };
    let beside = async {
        if wants_http && !in_clear { Some(questions::in_clear(target, plain, &patient, budget).await) } else { None }
    };
    let old = async {
        if !wants_tls {
            return Gathered::Missing(NotRun::Disabled(Probe::EdgeTls));
        }
        legacy(route, target, TlsVersion::Tls11, &patient, budget).await
    };
    let ((mut handshake, asked, lines), plain_exchange, old) = tokio::join!(main, beside, old);

    let blocked =
        handshake.as_ref().map_or_else(|| "TLS was not tried".into(), |shaken| line::failure(shaken).describe());
    if let Some(handshake) = &mut handshake {
        let reached = handshake.connect == Connect::Open || !old.found().is_some_and(is_nothing);
        handshake.legacy =
            if reached { old } else { Gathered::Missing(NotRun::blocked(Probe::EdgeTls, blocked.clone())) };
    }
    let tls = handshake.map_or(Gathered::Missing(NotRun::Disabled(Probe::EdgeTls)), Gathered::Found);
    let http = if wants_http {
        let mut exchanges = nothing_asked(Probe::EdgeHttp, &blocked);
        if let Some(asked) = asked {
            let (redirects, stopped) = redirects::follow(&asked, target, lines, resolve, settings, budget).await;
            exchanges.redirects = redirects;
            exchanges.redirects_stopped = stopped;
            exchanges.samples = asked.samples;
            exchanges.trace = asked.trace;
            exchanges.preflight = asked.preflight;
        }
        exchanges.plain = match plain_exchange {
            Some(exchange) => Gathered::Found(exchange),
            None if clear_port == Scheme::Http.default_port() => exchanges.samples.first().cloned().map_or(
                Gathered::Missing(NotRun::blocked(Probe::EdgeHttp, "nothing was asked")),
                Gathered::Found, // the target itself is http:// on port 80: this is the same exchange
            ),
            None => Gathered::Missing(NotRun::not_applicable(format!("the target is http:// on port {clear_port}"))),
        };
        found_unless_nowhere(exchanges, Probe::EdgeHttp, blocked)
    } else {
        Gathered::Missing(NotRun::Disabled(Probe::EdgeHttp))
    };
    Vantage { tls, http }
}

/// The origin as Cloudflare meets it, and the line to ask it again.
pub struct OriginLeg {
    /// What was seen.
    pub vantage: Vantage,
    line: Line,
}

/// What Cloudflare meets: SNI and `Host` are the target's. `plain` leads to port 80.
pub async fn origin(
    target: &Target,
    origin: &DeclaredOrigin,
    route: &Route,
    plain: &Route,
    settings: &Settings,
    budget: &Budget,
) -> OriginLeg {
    let wants_tls = settings.probes.contains(&Probe::OriginTls);
    let wants_http = settings.probes.contains(&Probe::OriginHttp);
    let patient = optional(settings);
    let mut line =
        Line::new(Scheme::Https, &target.host, origin.port, route.clone(), settings).with_client_identity(settings);
    let main = async {
        if !wants_tls && !wants_http {
            return (None, None);
        }
        let mut handshake = line.shake_hands(settings, budget).await;
        let mut sample = None;
        if wants_http && handshake.completed() {
            let exchange = questions::at_origin(&mut line, target, settings, budget).await;
            if exchange.response().is_none() {
                line.apply_late_fault(&mut handshake);
            }
            sample = Some(exchange);
        }
        handshake.legacy = if wants_tls {
            old_origin(&handshake, route, target, &patient, budget).await
        } else {
            Gathered::Missing(NotRun::Disabled(Probe::OriginTls))
        };
        (Some(handshake), sample)
    };
    let beside =
        async { if wants_http { Some(questions::in_clear(target, plain, &patient, budget).await) } else { None } };
    let ((handshake, sample), plain_exchange) = tokio::join!(main, beside);
    let blocked = handshake.as_ref().map_or_else(String::new, |handshake| line::failure(handshake).describe());
    let http = match plain_exchange {
        Some(exchange) => {
            let mut exchanges = nothing_asked(Probe::OriginHttp, &blocked);
            let edge_only = || Gathered::Missing(NotRun::not_applicable("only the edge is asked this"));
            exchanges.trace = edge_only();
            exchanges.preflight = edge_only();
            exchanges.samples.extend(sample);
            exchanges.plain = Gathered::Found(exchange);
            found_unless_nowhere(exchanges, Probe::OriginHttp, blocked)
        }
        None => Gathered::Missing(NotRun::Disabled(Probe::OriginHttp)),
    };
    let tls = handshake.map_or(Gathered::Missing(NotRun::Disabled(Probe::OriginTls)), Gathered::Found);
    OriginLeg { vantage: Vantage { tls, http }, line }
}

impl OriginLeg {
    /// Asks the origin a second time and adds the exchange to the samples; `false`: not asked (nothing answered
    /// before, the method is not one to repeat, or no request is left).
    pub async fn again(&mut self, target: &Target, settings: &Settings, budget: &Budget) -> bool {
        let Gathered::Found(exchanges) = &mut self.vantage.http else { return false };
        let answered = exchanges.samples.last().is_some_and(questions::may_repeat);
        if !answered
            || !line::is_safe(&target.method)
            || !self.line.is_usable()
            || budget.is_over()
            || line::requests_left(budget) == 0
        {
            return false;
        }
        exchanges.samples.push(questions::at_origin(&mut self.line, target, settings, budget).await);
        true
    }
}

/// The settings for looks that only add detail.
fn optional(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.connect_timeout = settings.connect_timeout.min(OPTIONAL_CONNECT);
    settings
}

/// The raw hello of old versions.
async fn legacy(
    route: &Route,
    target: &Target,
    offered: TlsVersion,
    settings: &Settings,
    budget: &Budget,
) -> Gathered<LegacyHello> {
    Gathered::Found(tls::legacy(route, &target.host, offered, settings, budget).await)
}

/// Did the raw hello bring nothing?
fn is_nothing(hello: &LegacyHello) -> bool {
    matches!(hello.answer, LegacyAnswer::Nothing { .. })
}

/// Where our library and the origin found nothing in common: what does an old hello find there?
async fn old_origin(
    handshake: &Handshake,
    route: &Route,
    target: &Target,
    settings: &Settings,
    budget: &Budget,
) -> Gathered<LegacyHello> {
    if tls::worth_a_legacy_hello(handshake) {
        return legacy(route, target, TlsVersion::Tls12, settings, budget).await;
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

/// Exchanges, unless there was not even an address to ask.
fn found_unless_nowhere(exchanges: Exchanges, probe: Probe, why: String) -> Gathered<Exchanges> {
    let nowhere =
        |exchange: &Exchange| matches!(&exchange.outcome, Outcome::Failed(Failure::Connect(Connect::NoAddress { .. })));
    if exchanges.samples.iter().chain(exchanges.plain.found()).all(nowhere) {
        return Gathered::Missing(NotRun::Blocked { probe, by: why });
    }
    Gathered::Found(exchanges)
}
