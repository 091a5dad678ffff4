//! What was measured: the dates of certificates, the time of each request.

use cfdoctor_checks::evidence::tls::{Certificate, Handshake};
use cfdoctor_checks::evidence::{Evidence, Exchange, Vantage, redact};
use cfdoctor_checks::model::trust;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::build::line;

/// Names told of one certificate: the host's are among the first, and some hold hundreds.
const MAX_NAMES: usize = 20;
/// Requests told of one end.
const MAX_TIMINGS: usize = 50;

/// One end of the path, as it is seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// What a visitor meets.
    Edge,
    /// What Cloudflare meets, asked directly.
    Origin,
}

impl End {
    /// The word in every format.
    pub fn word(self) -> &'static str {
        match self {
            End::Edge => "edge",
            End::Origin => "origin",
        }
    }
}

/// A server's own certificate (the leaf) as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateReport {
    /// Who sent it.
    pub end: End,
    /// RFC 4514 form.
    pub subject: String,
    /// RFC 4514 form.
    pub issuer: String,
    /// The host names it is for, the first twenty.
    #[serde(default)]
    pub names: Vec<String>,
    /// Start of validity, RFC 3339, UTC; null where only somebody's report is known.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub not_before: Option<OffsetDateTime>,
    /// End of validity, RFC 3339, UTC; null where only somebody's report is known.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub not_after: Option<OffsetDateTime>,
    /// Whole days from `gathered_at` to the end of validity; negative once it is over.
    #[serde(default)]
    pub days_left: Option<i64>,
}

/// How long one request took, in milliseconds; a phase is null when it was not part of the request (the connection
/// was open already) or was not reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimingReport {
    /// Whom it was sent to.
    pub end: End,
    /// `request 1`, or `connection` where no request could be sent.
    pub label: String,
    /// Until the addresses were known.
    #[serde(default)]
    pub dns_ms: Option<f64>,
    /// TCP.
    #[serde(default)]
    pub connect_ms: Option<f64>,
    /// TLS.
    #[serde(default)]
    pub tls_ms: Option<f64>,
    /// From the request to the head of the answer.
    #[serde(default)]
    pub head_ms: Option<f64>,
    /// From the request to the end of the body: includes `head_ms`.
    #[serde(default)]
    pub total_ms: Option<f64>,
    /// Status code of the answer; null when there was none.
    #[serde(default)]
    pub status: Option<u16>,
    /// `cf-cache-status` of the answer, as sent.
    #[serde(default)]
    pub cf_cache_status: Option<String>,
    /// Why there was no answer.
    #[serde(default)]
    pub failed: Option<String>,
}

fn ends(evidence: &Evidence) -> [(End, &Vantage); 2] {
    [(End::Edge, &evidence.edge), (End::Origin, &evidence.origin)]
}

/// The leaf of each end.
pub(super) fn certificates(evidence: &Evidence) -> Vec<CertificateReport> {
    let leaf = |(end, vantage): (End, &Vantage)| {
        let leaf = trust::served_chain(vantage.tls.found()?).first()?;
        Some(certificate(end, leaf, evidence.gathered_at))
    };
    ends(evidence).into_iter().filter_map(leaf).collect()
}

fn certificate(end: End, leaf: &Certificate, now: OffsetDateTime) -> CertificateReport {
    CertificateReport {
        end,
        subject: line(&leaf.subject),
        issuer: line(&leaf.issuer),
        names: leaf.names.iter().take(MAX_NAMES).map(|name| line(name)).collect(),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        days_left: leaf.not_after.map(|end| (end - now).whole_days()),
    }
}

/// The samples of each end.
pub(super) fn timings(evidence: &Evidence) -> Vec<TimingReport> {
    let mut all = Vec::new();
    for (end, vantage) in ends(evidence) {
        let mut own: Vec<TimingReport> =
            samples(vantage).take(MAX_TIMINGS).map(|(n, one)| request(end, n, one)).collect();
        if own.is_empty() {
            own.extend(vantage.tls.found().map(|handshake| connection(end, handshake)));
        }
        // The name is looked up once, for all of them.
        if let (Some(first), Some(dns)) = (own.first_mut(), evidence.dns.found()) {
            first.dns_ms = rounded(if end == End::Edge { dns.host_ms } else { dns.origin_ms });
        }
        // What comes from files has no times.
        own.retain(TimingReport::is_measured);
        all.append(&mut own);
    }
    all
}

fn samples(vantage: &Vantage) -> impl Iterator<Item = (usize, &Exchange)> {
    vantage.http.found().into_iter().flat_map(|http| &http.samples).enumerate()
}

impl TimingReport {
    fn is_measured(&self) -> bool {
        [self.connect_ms, self.tls_ms, self.head_ms, self.total_ms].iter().any(Option::is_some)
    }
}

fn request(end: End, index: usize, exchange: &Exchange) -> TimingReport {
    use cfdoctor_checks::evidence::http::Outcome;
    let (status, cache, failed) = match &exchange.outcome {
        Outcome::Answered(response) => {
            (Some(response.status), response.headers.first("cf-cache-status").map(|word| harmless(word, 40)), None)
        }
        Outcome::Failed(failure) => (None, None, Some(line(&redact::text(&failure.describe())))),
    };
    let timing = &exchange.timing;
    TimingReport {
        end,
        label: format!("request {}", index + 1),
        dns_ms: None,
        connect_ms: rounded(timing.connect_ms),
        tls_ms: rounded(timing.tls_ms),
        head_ms: rounded(timing.head_ms),
        total_ms: rounded(timing.total_ms),
        status,
        cf_cache_status: cache,
        failed,
    }
}

fn connection(end: End, handshake: &Handshake) -> TimingReport {
    TimingReport {
        end,
        label: "connection".into(),
        dns_ms: None,
        connect_ms: rounded(handshake.connect_ms),
        tls_ms: rounded(handshake.tls_ms),
        head_ms: None,
        total_ms: None,
        status: None,
        cf_cache_status: None,
        failed: super::path::trouble(handshake).map(|why| line(&redact::text(&why))),
    }
}

fn harmless(text: &str, most: usize) -> String {
    cfdoctor_checks::evidence::text::shorten(text, most)
}

/// Microseconds are all that is meant; a recording may hold anything.
fn rounded(ms: Option<f64>) -> Option<f64> {
    ms.filter(|ms| ms.is_finite() && *ms >= 0.0).map(|ms| (ms * 1e3).round() / 1e3)
}
