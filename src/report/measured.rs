//! What was measured on the way: how long each phase took, and how long certificates live.

use cfdoctor_checks::evidence::tls::Handshake;
use cfdoctor_checks::evidence::{Evidence, Vantage, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Certificates of one chain that are told.
const MAX_CHAIN: usize = 8;

/// Which end of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What a visitor meets.
    Edge,
    /// What Cloudflare meets.
    Origin,
}

/// A certificate as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateReport {
    /// Who sent it.
    pub side: Side,
    /// 0 is the leaf.
    pub position: u32,
    /// Distinguished name.
    pub subject: String,
    /// Distinguished name.
    pub issuer: String,
    /// RFC 3339, UTC; null where it could not be read.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub not_before: Option<OffsetDateTime>,
    /// RFC 3339, UTC; null where it could not be read.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub not_after: Option<OffsetDateTime>,
}

/// How long one request took, in milliseconds; null where a phase was not reached or not needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimingReport {
    /// Who was asked.
    pub side: Side,
    /// The number of the sample, from 1.
    pub sample: u32,
    /// TCP.
    pub connect_ms: Option<f64>,
    /// TLS.
    pub tls_ms: Option<f64>,
    /// From the request to the head of the answer.
    pub head_ms: Option<f64>,
    /// From the request to the end of the body.
    pub total_ms: Option<f64>,
}

impl Side {
    /// The word in every format.
    pub fn word(self) -> &'static str {
        match self {
            Side::Edge => "edge",
            Side::Origin => "origin",
        }
    }
}

fn sides(evidence: &Evidence) -> [(Side, &Vantage); 2] {
    [(Side::Edge, &evidence.edge), (Side::Origin, &evidence.origin)]
}

/// The chains, the edge's first.
pub(super) fn certificates(evidence: &Evidence) -> Vec<CertificateReport> {
    let mut all = Vec::new();
    for (side, vantage) in sides(evidence) {
        let chain = vantage.tls.found().map(|tls: &Handshake| tls.chain.as_slice()).unwrap_or_default();
        for (certificate, position) in chain.iter().take(MAX_CHAIN).zip(0..) {
            all.push(CertificateReport {
                side,
                position,
                subject: text::clean(&certificate.subject),
                issuer: text::clean(&certificate.issuer),
                not_before: certificate.not_before,
                not_after: certificate.not_after,
            });
        }
    }
    all
}

/// Every sample that was timed, the edge's first.
pub(super) fn timings(evidence: &Evidence) -> Vec<TimingReport> {
    let mut all = Vec::new();
    for (side, vantage) in sides(evidence) {
        let samples = vantage.http.found().map(|http| http.samples.as_slice()).unwrap_or_default();
        for (exchange, sample) in samples.iter().zip(1..) {
            let timing = &exchange.timing;
            if timing.connect_ms.or(timing.tls_ms).or(timing.head_ms).or(timing.total_ms).is_some() {
                all.push(TimingReport {
                    side,
                    sample,
                    connect_ms: timing.connect_ms,
                    tls_ms: timing.tls_ms,
                    head_ms: timing.head_ms,
                    total_ms: timing.total_ms,
                });
            }
        }
    }
    all
}
