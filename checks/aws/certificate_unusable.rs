//! The certificate in ACM cannot be used, or is for other names (`facts/aws.md` sections 3.2 and 7.1).

use super::fixes;
use super::subject::{Subject, certificates, covers, in_region};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::gateway::{Arn, CertificateStatus};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

/// Names of a list's row: there may be more (`facts/aws.md` section 7.1).
const MOST_NAMES_OF_A_ROW: usize = 100;
/// Names that are shown.
const SHOWN: usize = 5;

/// Keys that some endpoints are said to refuse, and others to take: the documents disagree (`facts/aws.md` section
/// 3.2).
const UNUSUAL_KEYS: &[&str] = &["RSA_1024", "RSA_3072", "RSA_4096", "EC_secp521r1"];
/// Those that CloudFront, and so an edge-optimised domain, takes.
const USUAL_AT_EDGE: &[&str] = &["RSA_3072", "RSA_4096"];

pub(crate) const CHECK: Check = Check {
    id: "aws-certificate-unusable",
    title: "The certificate in ACM is issued, in its time and for the name",
    severity: Severity::High,
    needs: &[Probe::Gateway],
    why: "A certificate that is not issued cannot be put on a custom domain; one that has ended, or is for other names, \
          makes Cloudflare answer 526 under Full (strict).",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html",
        "https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains-prerequisites.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let subjects = certificates(evidence)?;
    let states: Vec<(&Subject<'_>, State)> =
        subjects.iter().map(|subject| (subject, state(evidence, subject))).collect();
    for (subject, state) in &states {
        if let State::Unusable(fault, _) = state {
            return Ok(Verdict::Fail(finding(evidence, subject, fault).confidence(subject.confidence)));
        }
    }
    for (subject, state) in &states {
        if let State::Unusual(key) = state {
            let finding = finding(evidence, subject, &format!("has a key of an unusual kind, {key}"))
                .proof("AWS's documents disagree on whether API Gateway takes it")
                .severity(Severity::Low)
                .confidence(Confidence::Low);
            return Ok(Verdict::Warn(finding));
        }
    }
    let mut said = Vec::new();
    for (_, state) in states {
        match state {
            State::Usable(line) => said.push(line),
            State::Unknown(why) => return Err(NotRun::inconclusive(why)),
            State::Unusable(..) | State::Unusual(_) => {}
        }
    }
    Ok(Verdict::pass(said.join("; ")))
}

fn finding(evidence: &Evidence, subject: &Subject<'_>, fault: &str) -> Finding {
    let certificate = subject.certificate;
    let status = certificate.status.as_ref().map(|status| format!("status {status}"));
    let reason = certificate.failure_reason.as_ref().map(|reason| format!("failure reason {reason}"));
    let ends =
        certificate.not_after.map(|end| format!("ends {} (judged as of {})", end.date(), evidence.gathered_at.date()));
    let names = (!certificate.names.is_empty()).then(|| format!("names {}", shown(&certificate.names)));
    let parts: Vec<String> = [status, reason, ends, names].into_iter().flatten().collect();
    let region = certificate.region.as_deref().map(|region| format!("ACM in {region}: ")).unwrap_or_default();
    Finding::seen(format!("{} {fault}", subject.name())).proof(format!("{region}{}", parts.join(", ")))
}

fn shown(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// What can be said of a certificate.
enum State {
    Usable(String),
    /// Why not, and how to mend it.
    Unusable(String, Cure),
    Unusual(String),
    Unknown(String),
}

/// How it is mended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cure {
    /// ACM waits for a proof.
    Validate,
    /// Another certificate.
    Replace,
}

fn state(evidence: &Evidence, subject: &Subject<'_>) -> State {
    let certificate = subject.certificate;
    let unusable = |fault: &str, cure| State::Unusable(fault.to_owned(), cure);
    let replace = Cure::Replace;
    match &certificate.status {
        Some(CertificateStatus::PendingValidation) => {
            return unusable("is not issued: ACM waits for the proof that the name is yours", Cure::Validate);
        }
        Some(CertificateStatus::ValidationTimedOut) => {
            return unusable("was never issued: the proof did not come within 72 hours", replace);
        }
        Some(CertificateStatus::Failed) => {
            let reason = certificate.failure_reason.as_deref();
            let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            return State::Unusable(format!("could not be issued{reason}"), replace);
        }
        Some(CertificateStatus::Revoked) => return unusable("is revoked", replace),
        Some(CertificateStatus::Inactive) => return unusable("is inactive", replace),
        Some(CertificateStatus::Expired) if certificate.not_after.is_none() => return unusable("has ended", replace),
        _ => {}
    }
    if let Some(end) = certificate.not_after
        && end < evidence.gathered_at
    {
        return State::Unusable(format!("has ended {}", ago((evidence.gathered_at - end).whole_days())), replace);
    }
    if certificate.status == Some(CertificateStatus::Expired) {
        return unusable("has ended, as ACM says", replace);
    }
    if let Some(begin) = certificate.not_before
        && begin > evidence.gathered_at
    {
        return State::Unusable(format!("is not valid before {}", begin.date()), replace);
    }
    let may_be_cut = certificate.is_summary && certificate.names.len() >= MOST_NAMES_OF_A_ROW;
    if let (Some(domain), false, false) = (subject.domain, certificate.names.is_empty(), may_be_cut)
        && !covers(certificate, &domain.name)
        && !certificate.covers(&evidence.target.host)
    {
        return State::Unusable(format!("does not cover it, but {}", shown(&certificate.names)), replace);
    }
    match &certificate.status {
        Some(CertificateStatus::Other(word)) => {
            return State::Unknown(format!("this version does not know the state {word} of {}", subject.name()));
        }
        None => {
            let command = certificate.arn.as_ref().map_or("ARN".to_owned(), Arn::for_shell);
            return State::Unknown(format!(
                "the state of {} is not told (`aws acm describe-certificate --certificate-arn {command}{}` tells it)",
                subject.name(),
                in_region(certificate.region.as_deref())
            ));
        }
        Some(_) => {}
    }
    if let Some(key) = &certificate.key_algorithm
        && UNUSUAL_KEYS.contains(&key.as_str())
        && !(subject.at_edge && USUAL_AT_EDGE.contains(&key.as_str()))
    {
        return State::Unusual(key.clone());
    }
    let left = certificate.not_after.map(|end| format!(", {} days left", (end - evidence.gathered_at).whole_days()));
    State::Usable(format!("{}: {}{}", certificate.label(), status(subject), left.unwrap_or_default()))
}

fn status(subject: &Subject<'_>) -> String {
    subject.certificate.status.as_ref().map_or_else(|| "unknown".into(), ToString::to_string)
}

fn ago(days: i64) -> String {
    match days {
        0 => "today".into(),
        1 => "1 day ago".into(),
        days => format!("{days} days ago"),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let subjects = certificates(evidence).unwrap_or_default();
    let faulty = subjects.iter().find_map(|subject| match state(evidence, subject) {
        State::Unusable(_, cure) => Some((subject, cure)),
        State::Unusual(_) => Some((subject, Cure::Replace)),
        _ => None,
    });
    let host = evidence.target.host.as_str();
    let domain = faulty.and_then(|(subject, _)| subject.domain);
    let of_certificate = faulty.filter(|_| domain.is_none()).and_then(|(subject, _)| subject.certificate.names.first());
    let name = domain.map(|domain| domain.name.as_str()).or(of_certificate.map(String::as_str)).unwrap_or(host);
    let at_edge = faulty.is_some_and(|(subject, _)| subject.at_edge);
    let home = domain.and_then(|domain| domain.region.clone());
    let held = faulty.and_then(|(subject, _)| subject.certificate.region.clone());
    let home = home.or_else(|| held.clone()).unwrap_or_else(|| fixes::region(evidence));
    let region = if at_edge { super::subject::EDGE_REGION.to_owned() } else { home.clone() };
    if let Some((subject, Cure::Validate)) = faulty {
        return validate(evidence, subject, name, held.as_deref().unwrap_or(&region));
    }
    let imported = faulty.filter(|(subject, _)| subject.certificate.is_imported());
    let fix = Fix::new(format!(
        "Put a certificate on the custom domain that is issued for {name}: a public one, which ACM renews, or for a \
         non-wildcard regional domain one of Cloudflare's Origin CA. Leave the mode at Full (strict)."
    ));
    let fix = fixes::attach(fixes::request(fix, name, &region), name, &home, at_edge);
    let fix = fixes::certificate_as_code(fix, name, &region, at_edge);
    match imported {
        Some((subject, _)) if !at_edge => fixes::reimport(fix, evidence, subject.certificate.arn.as_ref(), &region),
        _ => fix,
    }
}

/// ACM waits: what it wants to see.
fn validate(evidence: &Evidence, subject: &Subject<'_>, name: &str, region: &str) -> Fix {
    let records: Vec<_> = subject.certificate.validations.iter().filter_map(|one| one.record.as_ref()).collect();
    let fix = Fix::new(format!(
        "Add the validation record of {name} to the DNS zone that the world asks, DNS-only, and leave it there: ACM then \
         issues the certificate within minutes to hours."
    ));
    let arn = subject.certificate.arn.as_ref().map_or_else(|| "\"$CERTIFICATE_ARN\"".into(), Arn::for_shell);
    let fix = fix.shell(
        "The record that ACM wants",
        format!(
            "aws acm describe-certificate --certificate-arn {arn} --region {} --query \
             'Certificate.DomainValidationOptions[].ResourceRecord'",
            fixes::region_word(region)
        ),
    );
    records.into_iter().fold(fix, |fix, record| fixes::validation_record(fix, evidence, record, false))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn with(certificate: Value) -> Evidence {
        let mut whole = json!({"CertificateArn": format!("{ACM}:certificate/7a-1"), "SubjectAlternativeNames": [HOST],
            "Status": "ISSUED", "Type": "AMAZON_ISSUED", "KeyAlgorithm": "RSA-2048", "NotAfter": "2027-03-01T00:00:00Z"});
        for (key, value) in certificate.as_object().unwrap() {
            whole[key] = value.clone();
        }
        site(
            json!({"domains": [{"domainName": HOST, "region": "us-west-2", "endpointConfiguration": {"types": ["REGIONAL"]},
            "regionalCertificateArn": format!("{ACM}:certificate/7a-1")}], "certificates": [whole]}),
        )
    }

    #[test]
    fn by_state_dates_and_names() {
        for (certificate, expected) in [
            (json!({}), "pass"),
            (json!({"SubjectAlternativeNames": ["*.example.com"]}), "pass"),
            (json!({"Status": "PENDING_VALIDATION"}), "fail/high"),
            (json!({"Status": "FAILED", "FailureReason": "CAA_ERROR"}), "fail/high"),
            (json!({"Status": "VALIDATION_TIMED_OUT"}), "fail/high"),
            (json!({"Status": "REVOKED"}), "fail/high"),
            (json!({"Status": "INACTIVE"}), "fail/high"),
            (json!({"Status": "EXPIRED"}), "fail/high"),
            (json!({"NotAfter": "2026-11-25T11:59:59Z"}), "fail/high"),
            (json!({"NotAfter": "2026-11-25T12:00:00Z"}), "pass"),
            (json!({"NotBefore": "2026-11-25T12:00:01Z"}), "fail/high"),
            (json!({"SubjectAlternativeNames": ["other.example.com"]}), "fail/high"),
            (json!({"KeyAlgorithm": "RSA-4096"}), "warn/low"),
            (json!({"KeyAlgorithm": "EC_secp521r1"}), "warn/low"),
            (json!({"KeyAlgorithm": "EC_prime256v1"}), "pass"),
            (json!({"Status": "DREAMING"}), "inconclusive"),
            (json!({"Status": null}), "inconclusive"),
        ] {
            assert_eq!(word(&CHECK, &with(certificate.clone())), expected, "{certificate}");
        }
    }

    #[test]
    fn a_certificate_alone_is_judged_as_far_as_it_goes() {
        let alone = |certificate: Value| site(json!({"certificates": [certificate]}));
        let failed =
            alone(json!({"SubjectAlternativeNames": ["shop.example.org"], "Status": "FAILED", "region": "us-east-1"}));
        assert_eq!(word(&CHECK, &failed), "fail/medium");
        assert!(fix_text(&CHECK, &failed).contains("--domain-name 'shop.example.org'"));
        assert_eq!(word(&CHECK, &alone(json!({"SubjectAlternativeNames": [HOST], "Status": "ISSUED"}))), "pass");
        assert_eq!(word(&CHECK, &alone(json!({"region": "us-east-1"}))), "inconclusive");
    }

    #[test]
    fn the_fix_is_for_the_fault() {
        let pending = with(json!({"Status": "PENDING_VALIDATION", "DomainValidationOptions": [{"DomainName": HOST,
            "ResourceRecord": {"Name": format!("_d9.{HOST}."), "Type": "CNAME", "Value": "_c9.acm-validations.aws."}}]}));
        let text = fix_text(&CHECK, &pending);
        assert!(text.contains("_c9.acm-validations.aws") && text.contains("\"proxied\":false"), "{text}");
        let imported = fix_text(&CHECK, &with(json!({"Type": "IMPORTED", "Status": "EXPIRED"})));
        assert!(imported.contains("import-certificate") && imported.contains("certificate/7a-1"), "{imported}");
        assert!(!fix_text(&CHECK, &with(json!({"Status": "REVOKED"}))).contains("import-certificate"));
    }
}
