//! Somebody answers in Cloudflare's place: a portal that wants a login, a filter with its page, a cache.

use super::interceptor::is_of_the_same;
use super::{Disturbance, EDGE, Met, ORIGIN, Part, is_at_cloudflare, met, samples};
use crate::evidence::Evidence;
use crate::evidence::http::{Exchange, Outcome, Response};
use crate::evidence::target::Scheme;
use crate::evidence::text;
use crate::evidence::tls::TlsOutcome;
use crate::model::cloudflare;
use crate::model::trust::{PathVerdict, at_edge, served_chain};
use url::Url;

/// The addresses are Cloudflare's, and who answers there is not: without a mark of Cloudflare's, and without a
/// certificate for the name that a visitor would trust.
pub(super) fn portal(evidence: &Evidence) -> Option<Disturbance> {
    if !is_at_cloudflare(evidence) || met(evidence) == Met::Cloudflare || has_the_certificate(evidence) {
        return None;
    }
    let how = stranger(evidence).or_else(|| not_tls(evidence))?;
    Some(Disturbance {
        culprit: format!(
            "something on our own side (a captive portal, a filter or a firewall) answers in Cloudflare's place: {how}"
        ),
        spoils: EDGE
            .into_iter()
            .chain(if is_at_the_origin_too(evidence) { &ORIGIN[..] } else { &[] }.to_vec())
            .collect(),
    })
}

/// Does the origin show a certificate of the same making?
fn is_at_the_origin_too(evidence: &Evidence) -> bool {
    let ends = evidence.edge.tls.found().zip(evidence.origin.tls.found());
    ends.is_some_and(|(edge, origin)| is_of_the_same(edge, origin))
}

/// An answer of the stranger, on the target's URL or on `http://`.
fn stranger(evidence: &Evidence) -> Option<String> {
    let plain = evidence.edge.http.found().and_then(|http| http.plain.found());
    let exchange =
        samples(evidence).chain(plain).find(|exchange| exchange.response().is_some_and(Response::is_whole))?;
    let certificate = evidence.edge.tls.found().and_then(|handshake| {
        let leaf = served_chain(handshake).first()?;
        Some(format!(", with a certificate of \"{}\"", leaf.issuer_name().unwrap_or_else(|| leaf.subject.clone())))
    });
    Some(format!("{}{} and without any mark of Cloudflare", line(exchange), certificate.unwrap_or_default()))
}

/// On Cloudflare's HTTPS port something else than TLS is spoken.
fn not_tls(evidence: &Evidence) -> Option<String> {
    match &evidence.edge.tls.found()?.outcome {
        TlsOutcome::NotTls { first } => {
            Some(format!("its HTTPS port speaks no TLS (\"{}\")", text::shorten(first, 60)))
        }
        _ => None,
    }
}

/// Does whoever answers hold a trusted certificate for the name? Then the site has given it to him. Over `http://`
/// nobody shows one.
fn has_the_certificate(evidence: &Evidence) -> bool {
    let is_secure = evidence.target.scheme == Scheme::Https;
    let covers = |leaf: &crate::evidence::tls::Certificate| leaf.covers(&evidence.target.host);
    let shown = evidence.edge.tls.found().and_then(|handshake| served_chain(handshake).first());
    is_secure
        && shown.is_some_and(covers)
        && !at_edge(evidence)
            .is_some_and(|trust| matches!(trust.path, PathVerdict::SelfSigned | PathVerdict::UnknownIssuer { .. }))
}

/// `https://` is Cloudflare's, and `http://` is answered by somebody else, and not as a site that sends visitors to
/// `https://` would: what passes in clear text can be answered by anybody on the way.
pub(super) fn plain(evidence: &Evidence) -> Option<Disturbance> {
    let http = evidence.edge.http.found()?;
    let exchange = http.plain.found()?;
    let response = exchange.response().filter(|response| response.is_whole())?;
    let secure = samples(evidence)
        .chain(http.trace.found())
        .any(|exchange| is_secure(exchange) && cloudflare::fingerprint(exchange).is_some());
    if !secure || cloudflare::fingerprint(exchange).is_some() || leads_to_https(exchange, response) {
        return None;
    }
    Some(Disturbance {
        culprit: format!(
            "something on our own side (a portal, a filter or a cache) answers http:// in Cloudflare's place: {} without \
             any mark of Cloudflare, which https:// bears",
            line(exchange)
        ),
        spoils: vec![Part::EdgePlain],
    })
}

fn is_secure(exchange: &Exchange) -> bool {
    exchange.request.url.to_ascii_lowercase().starts_with("https://")
}

/// To the same host.
fn leads_to_https(exchange: &Exchange, response: &Response) -> bool {
    let Ok(asked) = Url::parse(&exchange.request.url) else { return false };
    let to = response.headers.first("location").and_then(|to| asked.join(to).ok());
    response.is_redirect() && to.is_some_and(|to| to.scheme() == "https" && to.host() == asked.host())
}

/// Cloudflare numbers every answer, the stored ones too (`cf-ray`, `facts/cloudflare.md` section 2): the same number on
/// several answers means that one answer was kept on the way and told again.
pub(super) fn replay(evidence: &Evidence) -> Option<Disturbance> {
    let rays: Vec<&str> = samples(evidence)
        .filter_map(|exchange| match &exchange.outcome {
            Outcome::Answered(response) => response.headers.first("cf-ray"),
            Outcome::Failed(_) => None,
        })
        .collect();
    let first = rays.first()?;
    // Some report the same answer several times, without saying when.
    let live = samples(evidence).all(|exchange| exchange.sent_at.is_some());
    if rays.len() < 2 || !live || rays.iter().any(|ray| ray != first) || first.len() < MIN_RAY {
        return None;
    }
    // A number that does not change may also be somebody's model of an edge: the cache must show itself.
    let is_by_a_cache = |line: &&String| !line.to_ascii_lowercase().contains("cloudfront");
    let marks = samples(evidence).filter_map(Exchange::response).find_map(|response| {
        ["via", "x-cache"].iter().flat_map(|name| response.headers.quote(name)).find(|line| is_by_a_cache(&line))
    })?;
    Some(Disturbance {
        culprit: format!(
            "a cache on our own side answers in Cloudflare's place ({marks}): {} answers bear one number, cf-ray: {first}, which \
             Cloudflare gives once",
            rays.len()
        ),
        spoils: vec![Part::EdgeHttp],
    })
}

/// A number is at least sixteen hexadecimal digits; shorter ones were made up or cut by who reports them.
const MIN_RAY: usize = 16;

/// `GET https://… answered 302 (location: …)`.
fn line(exchange: &Exchange) -> String {
    let Some(response) = exchange.response() else { return exchange.request.url.clone() };
    let marks = ["location", "server", "via"].iter().find_map(|name| response.headers.quote(name).into_iter().next());
    let marks = marks.map(|line| format!(" ({})", text::shorten(&line, 120))).unwrap_or_default();
    format!("{} {} answered {}{marks}", exchange.request.method, exchange.request.url, response.status)
}
