//! What the checks of this area share: which answer is judged, and ready-made lines for fixes.

use crate::check::Probe;
use crate::evidence::http::Outcome;
use crate::evidence::target::Scheme;
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Exchange, Exchanges, Proxied, Response};
use crate::verdict::NotRun;

/// Where an answer was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// As a visitor asks.
    Edge,
    /// Asked directly.
    Origin,
}

/// An answer and where it was seen.
pub(super) struct Seen<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) response: &'a Response,
    pub(super) place: Place,
}

impl Seen<'_> {
    /// `GET https://… answered 403`, with the place where it is not the edge.
    pub(super) fn line(&self) -> String {
        let directly = if self.place == Place::Origin { " (asked directly)" } else { "" };
        let request = &self.exchange.request;
        format!("{} {} answered {}{directly}", request.method, request.url, self.response.status)
    }
}

/// The answer to judge: the edge's first, or the origin's own where nobody asked the edge (files taken at the origin).
/// Where the edge was asked in vain, what the origin tells us directly is not what visitors meet.
///
/// # Errors
/// Neither answered, or nobody asked.
pub(super) fn answer(evidence: &Evidence) -> Result<Seen<'_>, NotRun> {
    match evidence.edge.http.get() {
        Ok(http) if !http.samples.is_empty() => first(http, Place::Edge).ok_or_else(|| no_answer(http)),
        Ok(http) => Err(no_answer(http)),
        Err(why @ NotRun::Disabled(_)) => {
            evidence.origin.http.found().and_then(|http| first(http, Place::Origin)).ok_or(why)
        }
        Err(why) => Err(why),
    }
}

/// The origin's own first answer, unless it is tomorrow's origin.
pub(super) fn origin(evidence: &Evidence) -> Option<Seen<'_>> {
    let assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
    evidence.origin.http.found().filter(|_| !assumed).and_then(|http| first(http, Place::Origin))
}

fn first(http: &Exchanges, place: Place) -> Option<Seen<'_>> {
    let exchange = http.samples.first()?;
    Some(Seen { exchange, response: exchange.response()?, place })
}

/// Why the first sample brought no answer.
fn no_answer(http: &Exchanges) -> NotRun {
    let why = match http.samples.first().map(|sample| &sample.outcome) {
        Some(Outcome::Failed(failure)) => format!("no answer came from the edge: {}", failure.describe()),
        _ => "no answer came from the edge".into(),
    };
    NotRun::blocked(Probe::EdgeHttp, why)
}

/// The question is about Cloudflare: it does not arise for a name that is not proxied.
///
/// # Errors
/// The host is not proxied.
pub(super) fn behind_cloudflare(evidence: &Evidence) -> Result<(), NotRun> {
    match evidence.proxied() {
        Proxied::No(_) => Err(NotRun::not_applicable(format!("{} is not proxied by Cloudflare", evidence.target.host))),
        Proxied::Yes(_) | Proxied::Unknown(_) => Ok(()),
    }
}

/// A call of Cloudflare's API for this zone, to paste.
pub(super) fn zone_call(method: &str, path: &str, body: &str) -> String {
    format!(
        "curl -X {method} \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/{path}\" \\\n  \
         -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H \"Content-Type: application/json\" \\\n  \
         --data {}",
        shell_quote(body)
    )
}

/// Terraform (Cloudflare provider v5) for one zone setting.
pub(super) fn zone_setting(id: &str, value: &str) -> String {
    format!(
        "resource \"cloudflare_zone_setting\" \"{id}\" {{\n  zone_id    = var.zone_id\n  setting_id = \"{id}\"\n  \
         value      = \"{value}\"\n}}"
    )
}

/// Asks the origin as Cloudflare does: same SNI and Host, without Cloudflare between.
pub(super) fn ask_directly(evidence: &Evidence) -> String {
    let target = &evidence.target;
    let (host, port) =
        target.origin.as_ref().map_or(("ORIGIN_HOST".to_owned(), 443), |origin| (origin.host.clone(), origin.port));
    // The declared port is the HTTPS one, so a target on http:// is asked over https.
    let (from, url) = match target.scheme {
        Scheme::Http => (443, format!("https://{}{}", target.host, target.path)),
        Scheme::Https => (target.port, target.url()),
    };
    format!("curl -sSi --connect-to {}:{from}:{host}:{port} {}", target.host, shell_quote(&url))
}

/// `the one sample`, or `3 of 5 samples`.
pub(super) fn of_samples(hits: usize, all: usize) -> String {
    if all > 1 { format!("{hits} of {all} samples") } else { "the one sample".into() }
}
