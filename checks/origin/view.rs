//! What the checks of this area share: the way to the origin as the edge tells of it, and the origin's handshake.

use std::rc::Rc;

use url::Url;

use crate::check::Probe;
use crate::evidence::tls::{Certificate, Handshake, TlsOutcome};
use crate::evidence::{Evidence, Exchange, Gathered, Response};
use crate::model::cloudflare;
use crate::model::origin_host::{self, OriginClass};
use crate::model::tls_report::{ReportedFault, faults};
use crate::model::trust::served_chain;
use crate::verdict::{Confidence, Finding, NotRun, Verdict};

/// What the edge's answers tell of its way to the origin's HTTPS port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// One of Cloudflare's own errors, 520–526.
    Error {
        /// Which.
        code: u16,
        /// The answer, for proof.
        line: String,
    },
    /// It passed on an answer that the origin made just now: the way works.
    Serves(String),
    /// It answered, but in a way that says nothing of the origin: from its cache, a challenge, over `http://`.
    Silent(String),
    /// No answer of the edge, or today's edge does not use this origin.
    Unseen,
}

/// Reads the edge's answers for the target over HTTPS. An error counts beside good answers: it does happen.
pub(crate) fn edge(evidence: &Evidence) -> Rc<Edge> {
    evidence.once(|evidence| Rc::new(read_edge(evidence)))
}

fn read_edge(evidence: &Evidence) -> Edge {
    let assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
    let Some(http) = evidence.edge.http.found().filter(|_| !assumed) else { return Edge::Unseen };
    let all = || http.samples.iter().chain(&http.redirects).filter(|exchange| exchange.response().is_some());
    let over_https = || all().filter(|exchange| is_own_https(evidence, exchange));
    let error = over_https().find_map(|exchange| Some((cloudflare_error(exchange.response()?)?, line(exchange))));
    if let Some((code, line)) = error {
        return Edge::Error { code, line };
    }
    if let Some(fresh) = evidence.edge_serves_fresh()
        && let Some(exchange) = over_https().find(|e| e.response().is_some_and(|r| std::ptr::eq(r, fresh)))
    {
        return Edge::Serves(line(exchange));
    }
    all().next().map_or(Edge::Unseen, |exchange| Edge::Silent(line(exchange)))
}

/// `http://` is another way to the origin, and another host another origin.
fn is_own_https(evidence: &Evidence, exchange: &Exchange) -> bool {
    Url::parse(&exchange.request.url)
        .is_ok_and(|url| url.scheme() == "https" && url.host_str() == Some(evidence.target.host.as_str()))
}

/// The errors that are about TCP, TLS or an unusable answer (`facts/cloudflare.md` section 6).
fn cloudflare_error(response: &Response) -> Option<u16> {
    cloudflare::error_code(response).filter(|code| (520..=526).contains(code))
}

/// An answer of the edge in one line.
pub(crate) fn line(exchange: &Exchange) -> String {
    let Some(response) = exchange.response() else { return format!("edge: {}: no answer", exchange.request.url) };
    let status = response.headers.first("cf-cache-status").map(|value| format!(", cf-cache-status: {value}"));
    let Exchange { request, .. } = exchange;
    format!("edge: {} {} → {}{}", request.method, request.url, response.status, status.unwrap_or_default())
}

impl Edge {
    /// The code of its error.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Edge::Error { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The answer, for proof.
    pub(crate) fn line(&self) -> Option<&str> {
        match self {
            Edge::Error { line, .. } | Edge::Serves(line) | Edge::Silent(line) => Some(line),
            Edge::Unseen => None,
        }
    }
}

/// Did the edge bring any answer at all, so that our own network works?
pub(crate) fn our_network_works(evidence: &Evidence) -> bool {
    evidence.edge_exchanges().any(|exchange| exchange.response().is_some())
        && evidence.edge_exchanges().any(|exchange| cloudflare::fingerprint(exchange).is_some())
}

/// The origin's handshake.
///
/// # Errors
/// Nobody looked; where the origin is not known, what to do about it.
pub(crate) fn handshake(evidence: &Evidence) -> Result<&Handshake, NotRun> {
    evidence.origin.tls.get().map_err(|why| match (&evidence.target.origin, &why) {
        (None, NotRun::Disabled(_)) => NotRun::origin_unknown(),
        _ => why,
    })
}

/// The origin's certificates as served.
///
/// # Errors
/// Nobody looked, or none was seen; with a 526 at the edge, what would tell which fault it is.
pub(crate) fn chain(evidence: &Evidence) -> Result<&[Certificate], NotRun> {
    let chain = served_chain(handshake(evidence)?);
    if chain.is_empty() {
        return Err(NotRun::blocked(Probe::OriginTls, "no certificate of the origin was seen"));
    }
    Ok(chain)
}

/// Like [`chain`], for the checks that a 526 may be about: it says so where the origin was not seen.
pub(crate) fn certificate_chain<'a>(evidence: &'a Evidence, edge: &Edge) -> Result<&'a [Certificate], NotRun> {
    chain(evidence).map_err(|why| match edge.code() {
        Some(526) => NotRun::blocked(
            Probe::OriginTls,
            format!(
                "Cloudflare refuses the origin's certificate (526), and that alone does not tell why; {}",
                settle(evidence)
            ),
        ),
        _ => why,
    })
}

fn settle(evidence: &Evidence) -> &'static str {
    match evidence.target.origin {
        None => "give --origin HOST, as in the proxied record's content",
        Some(_) => "a handshake with the origin would",
    }
}

/// The faults that somebody reported of the origin's TLS.
pub(crate) fn reported(evidence: &Evidence) -> Vec<ReportedFault> {
    match evidence.origin.tls.found().map(|handshake| &handshake.outcome) {
        Some(TlsOutcome::Reported { error: Some(error) }) => {
            let mut found = faults(error);
            // The way to a public authority was not found: what lies between was not sent.
            let public = evidence.origin.tls.found().and_then(Handshake::leaf).is_some_and(is_of_public_authority);
            if public && error.to_lowercase().contains("local issuer") {
                let unknown = found.iter_mut().filter(|fault| **fault == ReportedFault::UnknownIssuer);
                unknown.for_each(|fault| *fault = ReportedFault::Incomplete);
            }
            found
        }
        _ => Vec::new(),
    }
}

/// Does the issuer's name, as somebody wrote it down, say that it is one of the large public authorities?
fn is_of_public_authority(leaf: &Certificate) -> bool {
    const PUBLIC: &[&str] = &[
        "let's encrypt",
        "amazon",
        "google trust services",
        "digicert",
        "sectigo",
        "globalsign",
        "godaddy",
        "ssl.com",
        "zerossl",
    ];
    let issuer = leaf.issuer.to_lowercase().replace('\u{2019}', "'");
    PUBLIC.iter().any(|name| issuer.contains(name))
}

/// The words of that report.
pub(crate) fn report_line(evidence: &Evidence) -> Option<String> {
    match evidence.origin.tls.found().map(|handshake| &handshake.outcome) {
        Some(TlsOutcome::Reported { error: Some(error) }) => Some(format!("reported of the origin: {error}")),
        _ => None,
    }
}

/// The kind of service without HTTPS that the report names, by its words or by a host name.
pub(crate) fn reported_http_only(evidence: &Evidence) -> Option<&'static str> {
    let Some(TlsOutcome::Reported { error: Some(error) }) = evidence.origin.tls.found().map(|found| &found.outcome)
    else {
        return None;
    };
    let is_name = |c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-');
    let by_name = error.split(is_name).map(|word| origin_host::classify(word.trim_matches('.')).class);
    let named = by_name.into_iter().find(|class| class.is_http_only());
    let lower = error.to_lowercase();
    let in_words = lower.contains("s3") && lower.contains("website");
    named.or(in_words.then_some(OriginClass::S3Website)).map(OriginClass::name)
}

/// The origin as people know it.
pub(crate) fn origin_name(evidence: &Evidence) -> String {
    match (&evidence.target.origin, &evidence.origin.tls) {
        (Some(origin), _) => origin.host.clone(),
        (None, Gathered::Found(handshake)) => handshake.peer.clone(),
        (None, Gathered::Missing(_)) => "the origin".into(),
    }
}

/// One certificate of the chain in one line.
pub(crate) fn certificate_line(index: usize, certificate: &Certificate) -> String {
    let place = if index == 0 { "leaf".to_owned() } else { format!("certificate {index}") };
    let named = match (certificate.subject.is_empty(), certificate.names.first()) {
        (false, _) => certificate.subject.clone(),
        (true, Some(name)) => name.clone(),
        (true, None) => "(subject not known)".into(),
    };
    let mut line = format!("{place}: {named}");
    if !certificate.issuer.is_empty() {
        line += &format!("; issuer {}", certificate.issuer);
    }
    match (certificate.not_before, certificate.not_after) {
        (Some(start), Some(end)) => line += &format!("; valid {} to {}", start.date(), end.date()),
        (None, Some(end)) => line += &format!("; valid until {}", end.date()),
        _ => {}
    }
    line
}

/// What a certificate that strict modes refuse amounts to (`diagnosis.md` section 2).
///
/// A 526 is its proof. A fresh answer beside it proves that the mode is not strict. Where nobody looked at the edge,
/// what is `broken` in itself fails, for then the certificate is all there is to judge.
pub(crate) fn weigh(evidence: &Evidence, edge: &Edge, broken: bool, finding: Finding) -> Verdict {
    let finding = match edge.line() {
        Some(line) => finding.proof(line),
        None => finding,
    };
    let at_most = |finding: Finding, most: Confidence| {
        let confidence = finding.confidence.min(most);
        finding.confidence(confidence)
    };
    match edge {
        Edge::Error { code: 526, .. } => Verdict::Fail(finding),
        Edge::Serves(_) => Verdict::Warn(
            finding.proof("the edge still serves fresh answers, so the mode is not strict: nobody verifies the origin"),
        ),
        Edge::Error { .. } | Edge::Silent(_) => Verdict::Warn(at_most(
            finding.proof(
                "not decided at the edge: strict and origin_pull would answer 526, full would serve, unverified",
            ),
            Confidence::Medium,
        )),
        Edge::Unseen => {
            let assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
            let when = if assumed { "once the record points here, " } else { "" };
            let finding = at_most(
                finding.proof(format!("{when}strict and origin_pull would answer 526; full would serve, unverified")),
                Confidence::Medium,
            );
            if broken { Verdict::Fail(finding) } else { Verdict::Warn(finding) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::testing::*;

    #[test]
    fn the_edge_is_read_over_https_and_for_this_host() {
        let base = evidence();
        assert_eq!(*edge(&base), Edge::Unseen);
        assert!(matches!(*edge(&served(base.clone())), Edge::Serves(_)));
        assert_eq!(edge(&edge_error(base.clone(), 526)).code(), Some(526));
        assert!(matches!(*edge(&edge_hit(base.clone())), Edge::Silent(_)));
        let typed = at_edge(base.clone(), 502, [("cf-error-type", "520"), ("cf-ray", "1")], "");
        assert_eq!(edge(&typed).code(), Some(520));
        assert!(matches!(*edge(&at_edge(base.clone(), 530, [("cf-error-type", "1016")], "")), Edge::Silent(_)));
        for other in ["http://api.example.com/data", "https://www.example.org/data"] {
            let mut elsewhere = edge_error(base.clone(), 522);
            let Gathered::Found(http) = &mut elsewhere.edge.http else { unreachable!() };
            http.samples[0].request.url = other.into();
            assert!(matches!(*edge(&elsewhere), Edge::Silent(_)), "{other}");
        }
        let mut tomorrow = served(base);
        tomorrow.target.origin.as_mut().unwrap().assumed = true;
        assert_eq!(*edge(&tomorrow), Edge::Unseen);
    }

    #[test]
    fn an_error_counts_beside_good_answers() {
        let mut evidence = served(evidence());
        let Gathered::Found(http) = &mut evidence.edge.http else { unreachable!() };
        http.samples.push(exchange("https://api.example.com/data", answered(522, [], "")));
        assert_eq!(edge(&evidence).code(), Some(522));
    }

    #[test]
    fn an_unknown_origin_says_what_to_give() {
        let mut evidence = edge_error(evidence(), 526);
        evidence.target.origin = None;
        let why = certificate_chain(&evidence, &edge(&evidence)).unwrap_err();
        assert_eq!(why.kind(), "blocked");
        assert!(why.text().contains("526") && why.text().contains("--origin HOST"), "{}", why.text());
        assert!(handshake(&evidence).unwrap_err().text().contains("--origin"));
    }
}
