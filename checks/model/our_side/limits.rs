//! Challenges, blocks and rate limits: they are aimed at whoever asks, and what lies behind them is not seen.

use crate::evidence::{Evidence, Response};
use crate::model::attribution::{self, AnsweredBy};
use crate::model::cloudflare;
use crate::model::errors::{self, Layer};
use crate::verdict::Confidence;

/// What stood in the way.
pub struct Obstacle {
    /// In words, with the status.
    pub what: String,
    /// The lines that show it.
    pub proof: Vec<String>,
    /// How sure it is that the edge refused us, rather than the site.
    pub confidence: Confidence,
}

/// What every sample at the edge met, if all of them met one.
pub fn all_refused(evidence: &Evidence) -> Option<Obstacle> {
    let http = evidence.edge.http.found()?;
    let mut all = http.samples.iter().map(|sample| sample.response().and_then(obstacle));
    let first = all.next()??;
    all.all(|other| other.is_some()).then_some(first)
}

/// Is it a code of Cloudflare's security products?
pub(crate) fn is_security(code: u16) -> bool {
    errors::lookup(code).is_some_and(|error| error.layer == Layer::EdgeSecurity)
}

/// The challenge, block or rate limit that an answer is.
pub fn obstacle(response: &Response) -> Option<Obstacle> {
    let headers = &response.headers;
    let status = response.status;
    let found = |what: String, proof, confidence| Some(Obstacle { what, proof, confidence });
    if cloudflare::is_challenge(response) {
        return found(format!("a Cloudflare challenge ({status})"), headers.quote("cf-mitigated"), Confidence::High);
    }
    if let Some(code) = cloudflare::error_code(response).filter(|code| is_security(*code)) {
        let meaning = errors::lookup(code).map_or("", |error| error.meaning);
        return found(
            format!("Cloudflare's error {code}, {meaning} ({status})"),
            vec![format!("error {code} on a {status}")],
            Confidence::High,
        );
    }
    if headers.first("x-amzn-waf-action").is_some_and(|action| matches!(action, "challenge" | "captcha")) {
        return found(format!("an AWS WAF challenge ({status})"), headers.quote("x-amzn-waf-action"), Confidence::High);
    }
    if let Some(words) = cloudflare::security_page(response) {
        let line = format!("the {status} page says: {words}");
        return found(format!("a Cloudflare challenge or block page ({status})"), vec![line], Confidence::High);
    }
    // A rule may block with a page of the owner's making: the edge answered, and did not ask the cache.
    let own_error = cloudflare::error_code(response).is_some();
    if matches!(status, 403 | 429) && !own_error && attribution::attribute(response).by == AnsweredBy::Edge {
        let mut proof = headers.quote("cf-ray");
        proof.push(format!("{status} without cf-cache-status and without any header of AWS: made at the edge"));
        let what = if status == 429 { "a rate limit at the edge" } else { "a block at the edge" };
        return found(format!("{what} ({status})"), proof, Confidence::Medium);
    }
    None
}
