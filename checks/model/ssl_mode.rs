//! What each of Cloudflare's encryption modes would do with this origin (`facts/cloudflare.md` sections 4.1, 4.2, 6).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::trust::{self, AnchorKind, NameVerdict, PathVerdict, Trust};
use crate::evidence::http::{Exchange, Failure, Outcome};
use crate::evidence::target::Scheme;
use crate::evidence::tls::{ClientCertificate, Connect, Handshake, LegacyAnswer, Limit, TlsOutcome};
use crate::evidence::{Evidence, Gathered};
use crate::model::tls_report::{ReportedFault, faults};

/// The zone setting `ssl`, as the API spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SslMode {
    /// Off: plain HTTP all the way.
    Off,
    /// Flexible: plain HTTP to the origin.
    Flexible,
    /// Full: HTTPS to the origin, any certificate.
    Full,
    /// Full (strict): HTTPS, verified.
    Strict,
    /// Strict (SSL-Only Origin Pull): verified, for `http://` visitors too.
    OriginPull,
}

impl SslMode {
    /// All five, from the weakest.
    pub const ALL: [SslMode; 5] =
        [SslMode::Off, SslMode::Flexible, SslMode::Full, SslMode::Strict, SslMode::OriginPull];

    /// The API's word.
    pub fn api(self) -> &'static str {
        match self {
            SslMode::Off => "off",
            SslMode::Flexible => "flexible",
            SslMode::Full => "full",
            SslMode::Strict => "strict",
            SslMode::OriginPull => "origin_pull",
        }
    }
}

/// What a visitor of the target's URL would get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ModeResult {
    /// The origin's answer.
    #[serde(rename = "served")]
    Served,
    /// The origin's answer is unusable.
    #[serde(rename = "520")]
    Error520,
    /// TCP refused.
    #[serde(rename = "521")]
    Error521,
    /// TCP timed out.
    #[serde(rename = "522")]
    Error522,
    /// No route.
    #[serde(rename = "523")]
    Error523,
    /// The TLS handshake fails.
    #[serde(rename = "525")]
    Error525,
    /// The certificate is refused.
    #[serde(rename = "526")]
    Error526,
    /// Redirects without end.
    #[serde(rename = "loop")]
    Loop,
    /// Could not tell.
    #[serde(rename = "unknown")]
    Unknown,
}

impl fmt::Display for ModeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ModeResult::Served => "served",
            ModeResult::Error520 => "520",
            ModeResult::Error521 => "521",
            ModeResult::Error522 => "522",
            ModeResult::Error523 => "523",
            ModeResult::Error525 => "525",
            ModeResult::Error526 => "526",
            ModeResult::Loop => "loop",
            ModeResult::Unknown => "unknown",
        })
    }
}

/// What one mode would do here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeOutcome {
    /// The mode.
    pub mode: SslMode,
    /// What the visitor would get.
    pub outcome: ModeResult,
    /// The evidence for it, or why nobody can tell.
    pub because: String,
}

impl fmt::Display for ModeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mode {}: {} ({})", self.mode.api(), self.outcome, self.because)
    }
}

/// An outcome with its reason.
type Leg = (ModeResult, String);

/// What `off`, `flexible`, `full`, `strict` and `origin_pull` would each do for the target's URL; `None`: nothing was
/// seen of the origin.
pub fn outcomes(evidence: &Evidence) -> Option<[ModeOutcome; 5]> {
    let handshake = evidence.origin.tls.found()?;
    let plain = plain(evidence);
    let full = full(evidence, handshake);
    let strict = strict(evidence, &full);
    let https = evidence.target.scheme == Scheme::Https;
    // Flexible is for port 443 only; visitors of other HTTPS ports are served as in Full (section 4.1).
    let other_port = https && evidence.target.port != 443;
    let answer = |mode: SslMode| match (mode, https) {
        (SslMode::Flexible, true) if other_port => full.clone(),
        (SslMode::Off | SslMode::Flexible, _) => looped(evidence, &plain),
        (SslMode::Full, true) => back_and_forth(evidence, &full, &plain),
        (SslMode::Strict, true) => back_and_forth(evidence, &strict, &plain),
        // The origin is asked as the visitor asked: http:// on port 80, where a redirect to https:// is an answer.
        (SslMode::Full | SslMode::Strict, false) => plain.clone(),
        (SslMode::OriginPull, _) => strict.clone(),
    };
    Some(SslMode::ALL.map(|mode| {
        let (outcome, because) = answer(mode);
        ModeOutcome { mode, outcome, because }
    }))
}

/// Port 80 of the origin.
fn plain(evidence: &Evidence) -> Leg {
    let Some(exchange) = evidence.origin.http.found().and_then(|http| http.plain.found()) else {
        let why = match evidence.origin_class() {
            class if class.is_https_only() => {
                format!("port 80 was not tried; 521 or 522 is likely, for {} has no listener there", class.one())
            }
            _ => "port 80 of the origin was not tried".into(),
        };
        return (ModeResult::Unknown, why);
    };
    match &exchange.outcome {
        Outcome::Answered(response) => {
            (ModeResult::Served, format!("the origin answers {} on port 80", response.status))
        }
        Outcome::Failed(failure) => {
            let (outcome, why) = unanswered(failure);
            (outcome, format!("port 80 of the origin: {why}"))
        }
    }
}

fn unanswered(failure: &Failure) -> Leg {
    let outcome = match failure {
        Failure::Connect(connect) => return connected(connect).unwrap_or((ModeResult::Unknown, connect.describe())),
        Failure::Closed | Failure::Reset | Failure::TooLarge { .. } | Failure::NotHttp { .. } => ModeResult::Error520,
        // Cloudflare waits longer than we do (524 after 120 s), and its HTTP/2 is not ours.
        Failure::TimedOut(_) | Failure::Protocol { .. } | Failure::Tls { .. } | Failure::NotSent { .. } => {
            ModeResult::Unknown
        }
    };
    (outcome, failure.describe())
}

/// The TCP part: an error, or nothing when it went through or nobody can tell.
fn connected(connect: &Connect) -> Option<Leg> {
    let outcome = match connect {
        Connect::Open | Connect::Reported => return None,
        Connect::Refused => ModeResult::Error521,
        Connect::TimedOut(patience) if patience.limit == Limit::Step => ModeResult::Error522,
        Connect::Unreachable { .. } => ModeResult::Error523,
        Connect::TimedOut(_) | Connect::NoAddress { .. } | Connect::ProxyFailed { .. } => ModeResult::Unknown,
    };
    Some((outcome, connect.describe()))
}

/// Port 443, any certificate.
fn full(evidence: &Evidence, handshake: &Handshake) -> Leg {
    if let Some((outcome, why)) = connected(&handshake.connect) {
        return (outcome, format!("port 443 of the origin: {why}"));
    }
    if matches!(handshake.client_certificate, ClientCertificate::Required | ClientCertificate::Rejected) {
        let why = "the origin demands a client certificate: served if Authenticated Origin Pulls sends one that it \
                   accepts, else 525 or 520";
        return (ModeResult::Unknown, why.into());
    }
    match &handshake.outcome {
        TlsOutcome::Completed => after_handshake(evidence),
        TlsOutcome::Alert { name, .. } => match &handshake.legacy {
            Gathered::Found(hello) if matches!(hello.answer, LegacyAnswer::Accepted { .. }) => (
                ModeResult::Unknown,
                "the origin speaks an old TLS that we do not; Cloudflare offers TLS 1.0 and later to origins".into(),
            ),
            _ => (ModeResult::Error525, format!("the origin answers the handshake with the alert {name}")),
        },
        TlsOutcome::NotTls { .. } => (ModeResult::Error525, "port 443 of the origin does not speak TLS".into()),
        TlsOutcome::Closed => (ModeResult::Error525, "the origin closes the connection during the handshake".into()),
        TlsOutcome::Reset => (ModeResult::Error525, "the origin resets the connection during the handshake".into()),
        TlsOutcome::TimedOut(patience) if patience.limit == Limit::Step => {
            (ModeResult::Error525, format!("the handshake got no answer within {}", patience.describe()))
        }
        TlsOutcome::TimedOut(patience) => {
            (ModeResult::Unknown, format!("the handshake was cut after {}", patience.describe()))
        }
        TlsOutcome::Broken { why } => (ModeResult::Unknown, format!("our library gave up on the handshake: {why}")),
        TlsOutcome::NotReached => (ModeResult::Unknown, "the handshake was not reached".into()),
        TlsOutcome::Reported { error } => reported(handshake, error.as_deref()),
    }
}

/// The first answer over HTTPS, where one was waited for.
fn after_handshake(evidence: &Evidence) -> Leg {
    let first = evidence.origin.http.found().and_then(|http| http.samples.first());
    match first.map(|exchange| &exchange.outcome) {
        Some(Outcome::Answered(response)) => {
            (ModeResult::Served, format!("the origin answers {} over HTTPS", response.status))
        }
        Some(Outcome::Failed(failure)) => unanswered(failure),
        None => (ModeResult::Served, "the TLS handshake with the origin succeeds".into()),
    }
}

fn reported(handshake: &Handshake, error: Option<&str>) -> Leg {
    let found = faults(error.unwrap_or_default());
    let has = |fault| found.contains(&fault);
    if has(ReportedFault::Refused) {
        return (ModeResult::Error521, "a refused connection was reported".into());
    }
    if has(ReportedFault::Handshake) || has(ReportedFault::NotTls) {
        return (ModeResult::Error525, "a failed handshake was reported".into());
    }
    if !trust::served_chain(handshake).is_empty() {
        return (ModeResult::Served, "a certificate of the origin is known, so it speaks TLS".into());
    }
    (ModeResult::Unknown, "only a report of the origin is known".into())
}

/// The same with verification (section 4.2).
fn strict(evidence: &Evidence, full: &Leg) -> Leg {
    if full.0 != ModeResult::Served {
        return full.clone();
    }
    let Some(trust) = trust::at_origin(evidence) else {
        return (ModeResult::Unknown, "no certificate of the origin was seen".into());
    };
    // A custom origin trust store replaces the public authorities; of Origin CA under one nobody knows.
    if let Some(by) = trust::at_origin_by_store(evidence) {
        let said = format!("the certificate, by the zone's custom origin trust store: {}", by.trust.describe());
        return match (strict_accepts(evidence, &by.trust), trust.anchor()) {
            (Some(true), _) => (ModeResult::Served, said),
            (Some(false), anchor) if by.whole && anchor != Some(AnchorKind::OriginCa) => (ModeResult::Error526, said),
            _ => (ModeResult::Unknown, said),
        };
    }
    match strict_accepts(evidence, &trust) {
        Some(true) => (ModeResult::Served, format!("the certificate: {}", trust.describe())),
        Some(false) => (ModeResult::Error526, format!("the certificate: {}", trust.describe())),
        None => (ModeResult::Unknown, format!("the certificate: {}", trust.describe())),
    }
}

/// Would strict take it? Not for us to say where a foreign name stands against a target that is not known; where a
/// service's own certificate covers the target only (both 526 and 403 are reported, `facts/aws.md` section 0, fact 1);
/// and after the end of the Origin CA roots.
pub fn strict_accepts(evidence: &Evidence, trust: &Trust) -> Option<bool> {
    let leaf = evidence.origin.tls.found().and_then(|handshake| trust::served_chain(handshake).first());
    if let NameVerdict::Covered { name, .. } = &trust.name
        && *name != evidence.target.host
        && trust.accepted() == Some(true)
        && leaf.is_some_and(|leaf| trust::service_certificate(leaf).is_some())
    {
        return None;
    }
    let only_name = trust.dates.is_empty() && matches!(trust.path, PathVerdict::Trusted { .. });
    if only_name && evidence.target.origin.is_none() && trust.accepted() == Some(false) {
        return None;
    }
    if let PathVerdict::Trusted { by: trust::AnchorKind::OriginCa, anchor_ends: Some(ends), .. } = trust.path
        && evidence.gathered_at > ends
        && trust.accepted() == Some(true)
    {
        return None;
    }
    trust.accepted()
}

/// Off and Flexible ask `http://`; an origin that sends that back to `https://` is asked the same again for ever.
fn looped(evidence: &Evidence, plain: &Leg) -> Leg {
    match plain_exchange(evidence).and_then(|exchange| redirect_of(evidence, exchange)) {
        Some((Scheme::Https, location)) => {
            (ModeResult::Loop, format!("the origin's http:// answers with a redirect to {location}"))
        }
        _ => plain.clone(),
    }
}

/// Full and strict follow the visitor's scheme: an origin that sends https to http and http to https never ends.
fn back_and_forth(evidence: &Evidence, leg: &Leg, plain: &Leg) -> Leg {
    let first = evidence.origin.http.found().and_then(|http| http.samples.first());
    let down = first.and_then(|exchange| redirect_of(evidence, exchange));
    if leg.0 == ModeResult::Served
        && let Some((Scheme::Http, location)) = down
        && looped(evidence, plain).0 == ModeResult::Loop
    {
        return (ModeResult::Loop, format!("https:// redirects to {location}, and that back"));
    }
    leg.clone()
}

fn plain_exchange(evidence: &Evidence) -> Option<&Exchange> {
    evidence.origin.http.found()?.plain.found()
}

/// Does the answer redirect to the target's own URL, and by which scheme?
fn redirect_of<'a>(evidence: &Evidence, exchange: &'a Exchange) -> Option<(Scheme, &'a str)> {
    let response = exchange.response().filter(|response| response.is_redirect())?;
    let location = response.headers.first("location")?;
    let asked = Url::parse(&exchange.request.url).ok()?;
    let to = asked.join(location).ok()?;
    let same = to.host_str() == Some(evidence.target.host.as_str())
        && to.path() == asked.path()
        && to.query() == asked.query()
        && to.port().is_none();
    let scheme = match to.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return None,
    };
    same.then_some((scheme, location))
}

#[cfg(test)]
#[path = "ssl_mode_tests.rs"]
mod tests;
