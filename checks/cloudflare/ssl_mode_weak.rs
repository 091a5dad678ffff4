//! The encryption mode of this URL does not verify the origin, or does not even use HTTPS (`facts/cloudflare.md` 4.1,
//! 9.2 rows 43, 45 and 70).

use super::{fixes, view};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::http::{Failure, Outcome};
use crate::evidence::tls::{Connect, TlsOutcome};
use crate::model::cloudflare::error_code;
use crate::model::effective::{Effective, Setter, Stronger};
use crate::model::origin_host::OriginClass;
use crate::model::ssl_mode::{self, ModeResult, SslMode};
use crate::verdict::{Confidence, Finding, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-ssl-mode-weak",
    title: "The edge verifies the origin's certificate",
    severity: Severity::Critical,
    needs: &[Probe::Zone, Probe::EdgeHttp, Probe::OriginTls, Probe::OriginHttp],
    why: "In Flexible and Off the edge speaks plain HTTP to the origin, on port 80, where API Gateway does not listen \
          (521). In Full it takes any certificate, so whoever stands between edge and origin can read and alter the \
          traffic. The zone's mode is the lowest word: the Page Rule that applies beats it, and the last Configuration \
          Rule that matches beats both.",
    fix: |evidence, _| fixes::make_strict(evidence),
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/",
        "https://developers.cloudflare.com/rules/configuration-rules/settings/",
        "https://developers.cloudflare.com/rules/reference/page-rules-migration/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let target = view::over_https(&evidence.target);
    let effective = match evidence.effective_for(&target) {
        Ok(effective) => effective,
        Err(why) => return inferred(evidence).ok_or(why),
    };
    without_origin(evidence, &effective)?;
    let Some(mode) = effective.ssl.value else {
        return Err(NotRun::inconclusive(format!("the SSL mode is {}", effective.ssl.doubts.join("; "))));
    };
    // Flexible is for port 443 only; other HTTPS ports behave as Full (section 4.1).
    let other_port = target.port != 443 && mode == SslMode::Flexible;
    let acting = if other_port { SslMode::Full } else { mode };
    match acting {
        SslMode::Strict | SslMode::OriginPull if effective.ssl.certain().is_some() => {
            Ok(Verdict::pass(format!("{} by {}", view::mode_name(mode), effective.ssl.by)))
        }
        SslMode::Strict | SslMode::OriginPull => Err(NotRun::inconclusive(format!(
            "{} by {}, {}",
            view::mode_name(mode),
            effective.ssl.by,
            effective.ssl.doubts.join("; ")
        ))),
        SslMode::Full => Ok(Verdict::Warn(full(evidence, &effective, other_port))),
        SslMode::Off | SslMode::Flexible => Ok(plain(evidence, &effective, mode)),
    }
}

/// Where the mode is of no consequence: no origin is asked, or none that has HTTPS.
fn without_origin(evidence: &Evidence, effective: &Effective) -> Result<(), NotRun> {
    let none = |why: String| Err(NotRun::not_applicable(why));
    if let Some(Some(to)) = effective.redirect.certain() {
        return none(format!(
            "{} answers with a redirect ({}), so no origin is asked",
            effective.redirect.by, to.status
        ));
    }
    if let Some(Some(place)) = effective.connector.certain() {
        return none(format!("{} sends the request to {place}, whatever the mode is", effective.connector.by));
    }
    if matches!(effective.worker.by, Setter::WorkerDomain { .. }) && effective.worker.certain().is_some() {
        return none(format!("{} is the origin, so no other one is asked", effective.worker.by));
    }
    let Some(behind) = view::of_target(evidence) else { return Ok(()) };
    if let Some(product) = behind.product {
        return none(format!("{} is {product}: Cloudflare reaches it without regard to the mode", behind.name));
    }
    if behind.class.is_http_only() {
        return none(format!("{} is {}, which has no HTTPS", behind.name, behind.class.one()));
    }
    if has_no_https(evidence) {
        return none(format!("{} answers on port 80 and not on 443: it has no HTTPS", behind.name));
    }
    Ok(())
}

/// Port 443 refuses, port 80 answers.
fn has_no_https(evidence: &Evidence) -> bool {
    let refused = evidence.origin.tls.found().is_some_and(|handshake| handshake.connect == Connect::Refused);
    let plain = evidence.origin.http.found().and_then(|http| http.plain.found());
    refused && plain.is_some_and(|exchange| exchange.response().is_some())
}

/// The sentence's beginning, and what is the same for every weak mode.
fn start(effective: &Effective, mode: SslMode, says: &str) -> Finding {
    let ssl = &effective.ssl;
    let mut seen = format!("the SSL mode here is {} ({}): {says}", view::mode_name(mode), ssl.by);
    let mut finding = Finding::seen("").proof(format!("ssl = {}, by {}", mode.api(), ssl.by.line()));
    if let Some(reason) = why_not_stronger(effective, mode) {
        seen.push_str("; ");
        seen.push_str(&reason.clause);
        finding = finding.proofs(reason.proof);
    }
    finding.seen = seen;
    finding.proofs(ssl.doubts.iter().map(|doubt| format!("not settled: {doubt}")))
}

/// A rule that was meant to help.
struct Reason {
    clause: String,
    proof: Vec<String>,
}

/// The rule that would make it stronger, and why it does not.
fn why_not_stronger(effective: &Effective, mode: SslMode) -> Option<Reason> {
    let is_stronger = |value: &str| view::mode_of(value).is_some_and(|other| other > mode);
    if let Some(beaten) = effective.overruled.iter().find(|o| o.setting == "ssl" && is_stronger(&o.value)) {
        let why = match beaten.because {
            Stronger::HigherPriority => {
                format!("only {} applies, which has the higher priority", beaten.by)
            }
            Stronger::Worker => format!("{} takes the URL, and Page Rules may not act there", beaten.by),
            _ => format!("{} decides", beaten.by),
        };
        return Some(Reason {
            clause: format!("{} sets {}, but {why}", beaten.setter, beaten.value),
            proof: vec![beaten.setter.line(), beaten.by.line()],
        });
    }
    let meant = effective.meant_for("ssl");
    let miss = meant
        .into_iter()
        .find(|miss| miss.would_set.iter().any(|set| set.setting == "ssl" && is_stronger(&set.value)))?;
    let because = miss.because.join("; ");
    let would = miss.would_set.iter().find(|set| set.setting == "ssl").map_or("", |set| set.value.as_str());
    let mut proof = vec![miss.setter.line()];
    proof.extend(miss.corrected.as_ref().map(|corrected| format!("this would match: {corrected}")));
    Some(Reason { clause: format!("{} would set {would}, but does not match: {because}", miss.setter), proof })
}

fn full(evidence: &Evidence, effective: &Effective, other_port: bool) -> Finding {
    let says = if other_port {
        "on this port it acts as Full: encrypted, and any certificate is taken"
    } else {
        "encrypted, but any certificate is taken"
    };
    let mode = effective.ssl.value.unwrap_or(SslMode::Full);
    let finding = start(effective, mode, says).severity(Severity::Medium).confidence(confidence(effective, false));
    let strict = ssl_mode::outcomes(evidence).into_iter().flatten().find(|outcome| outcome.mode == SslMode::Strict);
    finding.proofs(strict.map(|outcome| outcome.to_string()))
}

fn plain(evidence: &Evidence, effective: &Effective, mode: SslMode) -> Verdict {
    let behind = view::of_target(evidence);
    let class = behind.as_ref().map_or(OriginClass::Unknown, |behind| behind.class);
    let outcome = ssl_mode::outcomes(evidence).into_iter().flatten().find(|outcome| outcome.mode == mode);
    let met = edge_code(evidence).filter(|code| (521..=523).contains(code));
    let breaks = outcome.as_ref().is_some_and(|outcome| {
        matches!(outcome.outcome, ModeResult::Error521 | ModeResult::Error522 | ModeResult::Error523 | ModeResult::Loop)
    });
    let says = match (met, &outcome, class.is_https_only()) {
        (Some(code), ..) => format!("Cloudflare asks the origin on port 80, and gets no further ({code})"),
        (None, Some(outcome), _) if outcome.outcome == ModeResult::Loop => {
            "the origin sends http:// back to https://, for ever".to_owned()
        }
        (None, _, true) => {
            format!("Cloudflare asks the origin on port 80, where {} does not listen (521)", class.one())
        }
        (None, Some(_), false) if breaks => "Cloudflare asks the origin on port 80, which is closed".to_owned(),
        _ => "Cloudflare speaks plain HTTP with the origin".to_owned(),
    };
    let finding = start(effective, mode, &says).proofs(outcome.iter().map(ToString::to_string));
    let fresh = evidence.edge_serves_fresh();
    if (breaks || class.is_https_only())
        && let Some(answer) = fresh
    {
        return Verdict::Warn(
            finding
                .proof(format!(
                    "yet the edge serves what the origin made just now ({}): the zone was read at another time, or \
                     something that we do not know decides",
                    answer.status
                ))
                .confidence(Confidence::Low),
        );
    }
    let seen_broken = met.is_some() || breaks;
    let finding = finding.confidence(confidence(effective, seen_broken));
    if seen_broken || class.is_https_only() {
        return Verdict::Fail(finding);
    }
    Verdict::Warn(finding.severity(Severity::High))
}

fn confidence(effective: &Effective, corroborated: bool) -> Confidence {
    match (effective.ssl.certain().is_some(), corroborated) {
        (true, _) => Confidence::High,
        (false, true) => Confidence::Medium,
        (false, false) => Confidence::Low,
    }
}

/// The first error of Cloudflare's own that visitors of the URL meet.
fn edge_code(evidence: &Evidence) -> Option<u16> {
    evidence.edge.http.found()?.samples.iter().find_map(|exchange| error_code(exchange.response()?))
}

/// Without the zone: 521 or 522 at the edge, just as port 80 answers us, while port 443 works. Nothing but Off or Flexible
/// asks on port 80 here.
fn inferred(evidence: &Evidence) -> Option<Verdict> {
    let code = edge_code(evidence).filter(|code| (521..=523).contains(code))?;
    let handshake = evidence.origin.tls.found()?;
    let plain = evidence.origin.http.found()?.plain.found()?;
    let Outcome::Failed(Failure::Connect(closed)) = &plain.outcome else { return None };
    let behind = view::of_target(evidence)?;
    let outcomes = ssl_mode::outcomes(evidence)?;
    let of = |mode| outcomes.iter().find(|outcome| outcome.mode == mode);
    let flexible = of(SslMode::Flexible)?;
    let opens = handshake.outcome == TlsOutcome::Completed && handshake.connect == Connect::Open;
    let is_assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
    // On another port Flexible acts as Full.
    let fits = flexible.outcome.to_string() == code.to_string() && evidence.target.port == 443;
    if !opens || !fits || is_assumed || behind.class.is_http_only() {
        return None;
    }
    let seen = format!(
        "the SSL mode here is probably Flexible or Off: Cloudflare answers {code}, as the origin's port 80 does ({}), \
         while its port 443 works",
        closed.describe()
    );
    let finding = Finding::seen(seen)
        .proofs(outcomes.iter().map(ToString::to_string))
        .proof("what would settle it: a token that may read the zone's settings and rules, or zone.json")
        .confidence(Confidence::Medium);
    Some(Verdict::Fail(finding))
}

#[cfg(test)]
#[path = "ssl_mode_weak_tests.rs"]
mod tests;
