//! The certificate will not be renewed: nobody can, or ACM cannot see what it wants to see (`facts/aws.md` sections 0
//! and 3.2, gotchas G10–G12).

use time::OffsetDateTime;

use super::fixes;
use super::subject::{Subject, certificates, in_region};
use super::validation::{Proof, proofs};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::gateway::{Arn, CertificateKind, CertificateStatus, RenewalStatus, ValidationMethod};
use crate::evidence::text::shell_quote;
use crate::model::caa;
use crate::model::ssl_mode::SslMode;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

/// Below this many days left it is a failure (`diagnosis.md` section 2).
const FAIL_DAYS: i64 = 14;
/// An imported certificate is near its end below this, or below a third of its life.
const IMPORTED_DAYS: i64 = 30;

pub(crate) const CHECK: Check = Check {
    id: "aws-certificate-renewal-blocked",
    title: "The certificate will be renewed in time",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::Zone, Probe::Gateway],
    why: "Amazon's public certificates live 198 days, and each time ACM proves the name again by a CNAME that must be in \
          public DNS, un-proxied, and by CAA that lets Amazon in. What was tidied away breaks the site half a year \
          later. An imported certificate is renewed by nobody.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/acm/latest/userguide/dns-renewal-validation.html",
        "https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html",
        "https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html",
        "https://docs.aws.amazon.com/acm/latest/userguide/import-certificate.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let subjects = certificates(evidence)?;
    let (mut said, mut unknown, mut found) = (Vec::new(), None, Vec::new());
    for subject in &subjects {
        match prospect(evidence, subject) {
            Prospect::Sound(line) => said.push(line),
            Prospect::Unknown(why) => unknown = Some(why),
            Prospect::Blocked(blocks) => found.push((subject, blocks)),
        }
    }
    // The one that ends first is the finding.
    found.sort_by_key(|(subject, _)| subject.certificate.not_after);
    if let Some((subject, blocks)) = found.first() {
        return Ok(verdict(evidence, subject, blocks));
    }
    match unknown {
        Some(why) => Err(NotRun::inconclusive(why)),
        None => Ok(Verdict::pass(said.join("; "))),
    }
}

/// How a certificate's renewal looks.
enum Prospect {
    Sound(String),
    Blocked(Vec<Block>),
    Unknown(String),
}

/// One thing that keeps it from being renewed.
struct Block {
    /// As a clause: `the validation record _x.name does not exist`.
    what: String,
    kind: BlockKind,
    confidence: Confidence,
}

enum BlockKind {
    Imported,
    Proof(Proof),
    /// CAA without Amazon: the owner of the set, and the tags that are missing.
    Caa(String, Vec<&'static str>),
    /// ACM says so, and what we see is in order.
    AsAcmSays,
}

fn prospect(evidence: &Evidence, subject: &Subject<'_>) -> Prospect {
    let certificate = subject.certificate;
    let left = days_left(evidence, certificate.not_after);
    let ends = left.map(|days| format!(", {days} days left")).unwrap_or_default();
    match &certificate.kind {
        Some(CertificateKind::Imported) => {
            let Some(left) = left else {
                return Prospect::Unknown(format!("when {} ends is not told{}", subject.name(), told_by(subject)));
            };
            return match left < imported_threshold(certificate.not_before, certificate.not_after) {
                true => Prospect::Blocked(vec![Block {
                    what: "it was imported, and nobody renews it".into(),
                    kind: BlockKind::Imported,
                    confidence: Confidence::High,
                }]),
                false => Prospect::Sound(format!("{}: imported{ends}", certificate.label())),
            };
        }
        Some(CertificateKind::Private) => {
            return Prospect::Sound(format!("{}: of a private authority{ends}", certificate.label()));
        }
        _ => {}
    }
    let proofs = proofs(evidence, certificate);
    let mut blocks: Vec<Block> = Vec::new();
    let mut unseen = Vec::new();
    for proof in proofs {
        match proof.fault() {
            Some((what, confidence)) => blocks.push(Block { what, kind: BlockKind::Proof(proof), confidence }),
            None if !proof.is_seen() => unseen.push(proof),
            None => {}
        }
    }
    blocks.extend(caa_block(evidence, subject));
    if blocks.is_empty()
        && let Some(line) = acm_says(subject)
    {
        blocks.push(Block { what: line, kind: BlockKind::AsAcmSays, confidence: Confidence::Medium });
    }
    if !blocks.is_empty() {
        return Prospect::Blocked(blocks);
    }
    let by_mail = certificate.validations.iter().any(|one| one.method == Some(ValidationMethod::Email));
    match unseen.first() {
        Some(proof) => Prospect::Unknown(format!(
            "whether the validation record of {} is in public DNS was not seen (`dig +short CNAME {}` tells it)",
            proof.of,
            shell_quote(&proof.name)
        )),
        None if by_mail => Prospect::Sound(format!("{}: renewed after a mail to the owner{ends}", certificate.label())),
        None if certificate.validations.is_empty() && super::validation::seen_for(evidence, certificate).is_none() => {
            Prospect::Unknown(format!("how {} is validated is not told{}", subject.name(), told_by(subject)))
        }
        None => Prospect::Sound(format!("{}: the validation record stands{ends}", certificate.label())),
    }
}

/// ACM's own word.
fn acm_says(subject: &Subject<'_>) -> Option<String> {
    let renewal = subject.certificate.renewal.as_ref()?;
    let reason = renewal.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    match &renewal.status {
        RenewalStatus::PendingValidation => Some(format!("ACM cannot prove the name for the renewal{reason}")),
        RenewalStatus::Failed => Some(format!("ACM's renewal failed{reason}")),
        _ => None,
    }
}

/// CAA that shuts Amazon out of one of the certificate's names, as far as the search went.
fn caa_block(evidence: &Evidence, subject: &Subject<'_>) -> Option<Block> {
    let search = evidence.dns.found()?.caa.found()?;
    subject.certificate.names.iter().find_map(|name| {
        let set = caa::relevant(search, name)?;
        let is_wildcard = name.starts_with("*.");
        if caa::permits(&set.records, &caa::AMAZON, is_wildcard) {
            return None;
        }
        let owner = set.through.clone().unwrap_or_else(|| set.name.clone());
        let narrows = is_wildcard && set.records.iter().any(|record| record.tag == "issuewild");
        let tags = if narrows { vec!["issuewild"] } else { vec!["issue"] };
        Some(Block {
            what: format!("CAA at {owner} does not let Amazon issue for {name}"),
            kind: BlockKind::Caa(owner, tags),
            confidence: Confidence::High,
        })
    })
}

fn verdict(evidence: &Evidence, subject: &Subject<'_>, blocks: &[Block]) -> Verdict {
    let certificate = subject.certificate;
    let left = days_left(evidence, certificate.not_after);
    let waits = certificate.status == Some(CertificateStatus::PendingValidation);
    let ended = left.is_some_and(|left| left < 0) || certificate.status == Some(CertificateStatus::Expired);
    let when = match left {
        _ if waits => " is not issued".to_owned(),
        Some(left) if left < 0 => format!(" ended {} days ago", -left),
        Some(left) => format!(" ends in {left} days"),
        None => " will not be renewed".to_owned(),
    };
    let all: Vec<&str> = blocks.iter().map(|block| block.what.as_str()).take(2).collect();
    let all = all.join(", and ");
    let confidence = blocks.iter().map(|block| block.confidence).max().unwrap_or_default().min(subject.confidence);
    let renewal = certificate.renewal.as_ref().map(|renewal| {
        let reason = renewal.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("ACM: renewal {}{reason}", renewal.status)
    });
    let status = certificate.status.as_ref().map(|status| format!("status {status}"));
    let ends = certificate.not_after.map(|end| format!("ends {}", end.date()));
    let facts: Vec<String> = [status, ends, renewal].into_iter().flatten().collect();
    let finding = Finding::seen(format!("{}{when}: {all}", subject.name()))
        .proofs((!facts.is_empty()).then(|| facts.join(", ")))
        .proofs(blocks.iter().flat_map(|block| lines(evidence, block)))
        .proofs(consequence(evidence).filter(|_| !waits && !ended).map(str::to_owned))
        .confidence(confidence);
    if waits || ended || left.is_some_and(|left| left < FAIL_DAYS) {
        Verdict::Fail(finding)
    } else {
        Verdict::Warn(finding)
    }
}

fn lines(evidence: &Evidence, block: &Block) -> Vec<String> {
    match &block.kind {
        BlockKind::Imported => vec!["type IMPORTED: ACM never renews it".into()],
        BlockKind::Proof(proof) => proof.lines(),
        BlockKind::Caa(..) => {
            let steps = evidence.dns.found().and_then(|dns| dns.caa.found()).map(|search| search.steps.as_slice());
            let set = steps.unwrap_or_default().iter().filter(|step| !step.records.is_empty());
            set.flat_map(|step| {
                let record = |record: &crate::evidence::dns::CaaRecord| format!("{} {:?}", record.tag, record.value);
                step.records.iter().map(move |one| format!("{} CAA {}", step.name, record(one)))
            })
            .collect()
        }
        BlockKind::AsAcmSays => vec!["what we see of the validation records is in order".into()],
    }
}

/// What visitors meet once it has ended.
fn consequence(evidence: &Evidence) -> Option<&'static str> {
    let effective = evidence.effective().ok()?;
    match effective.ssl.certain()? {
        SslMode::Strict | SslMode::OriginPull => Some("once it has ended, the mode verifies it and visitors get 526"),
        SslMode::Full => Some("once it has ended, the mode (Full) goes on without verifying it"),
        SslMode::Off | SslMode::Flexible => None,
    }
}

fn days_left(evidence: &Evidence, end: Option<OffsetDateTime>) -> Option<i64> {
    let left = end? - evidence.gathered_at;
    // The last second of a day that is over is the day before.
    Some(left.whole_days() - i64::from(left.is_negative()))
}

fn imported_threshold(begin: Option<OffsetDateTime>, end: Option<OffsetDateTime>) -> i64 {
    let third = begin.zip(end).map(|(begin, end)| (end - begin).whole_days() / 3);
    third.map_or(IMPORTED_DAYS, |third| third.min(IMPORTED_DAYS))
}

fn told_by(subject: &Subject<'_>) -> String {
    let arn = subject.certificate.arn.as_ref().map_or("ARN".to_owned(), Arn::for_shell);
    let region = in_region(subject.certificate.region.as_deref());
    format!(" (`aws acm describe-certificate --certificate-arn {arn}{region}` tells it)")
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let subjects = certificates(evidence).unwrap_or_default();
    let mut found: Vec<(&Subject<'_>, Vec<Block>)> = subjects
        .iter()
        .filter_map(|subject| match prospect(evidence, subject) {
            Prospect::Blocked(blocks) => Some((subject, blocks)),
            _ => None,
        })
        .collect();
    found.sort_by_key(|(subject, _)| subject.certificate.not_after);
    let Some((subject, blocks)) = found.into_iter().next() else {
        let fix = Fix::new(format!("Restore the validation record of {host}, DNS-only, and leave it there."));
        return fix.shell(
            "The records that ACM wants to see",
            format!(
                "aws acm describe-certificate --certificate-arn \"$CERTIFICATE_ARN\" --region {} --query \
                 'Certificate.DomainValidationOptions[].ResourceRecord'",
                fixes::region(evidence)
            ),
        );
    };
    let certificate = subject.certificate;
    let region = certificate.region.clone().unwrap_or_else(|| fixes::region(evidence));
    let word = fixes::region_word(&region);
    let arn = certificate.arn.as_ref();
    if blocks.iter().any(|block| matches!(block.kind, BlockKind::Imported)) {
        let name = subject.domain.map_or(host.as_str(), |domain| domain.name.as_str());
        let home = subject.domain.and_then(|domain| domain.region.as_deref()).unwrap_or(&region);
        let fix = Fix::new(format!(
            "Import a new certificate over {}, or let a public one take its place, which ACM renews.",
            certificate.label()
        ));
        let fix = fixes::reimport(fix, evidence, arn, &region);
        return fixes::attach(fixes::request(fix, name, &region), name, home, subject.at_edge);
    }
    let mut fix = Fix::new(summary(&blocks));
    for block in &blocks {
        fix = match &block.kind {
            BlockKind::Proof(proof) => proof.mend(fix, evidence),
            BlockKind::Caa(owner, tags) => fixes::let_amazon_in(fix, evidence, owner, tags),
            BlockKind::Imported | BlockKind::AsAcmSays => fix,
        };
    }
    let arn = arn.map_or_else(|| "\"$CERTIFICATE_ARN\"".into(), Arn::for_shell);
    fix.shell(
        "What ACM wants to see, and how far it is",
        format!(
            "aws acm describe-certificate --certificate-arn {arn} --region {word} --query \
             'Certificate.[Status, RenewalSummary, DomainValidationOptions]'"
        ),
    )
}

fn summary(blocks: &[Block]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for block in blocks {
        let part = match &block.kind {
            BlockKind::Proof(proof) => proof.cure(),
            BlockKind::Caa(owner, _) => format!("let Amazon issue in the CAA records at {owner}"),
            BlockKind::AsAcmSays => "see what ACM says of each name".into(),
            BlockKind::Imported => continue,
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let text = parts.join(", and ");
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}. ACM then goes on by itself.", letters.as_str())
}

#[cfg(test)]
#[path = "certificate_renewal_blocked_tests.rs"]
mod tests;
