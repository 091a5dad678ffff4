//! The custom domain cannot be changed any more (`facts/aws.md` section 3.2, gotcha G15).

use super::fixes;
use super::subject::in_region;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::gateway::{Domain, DomainStatus};
use crate::evidence::text::shell_quote;
use crate::model::reach;
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-domain-frozen",
    title: "The custom domain is in order",
    severity: Severity::High,
    needs: &[Probe::Gateway],
    why: "A domain that waits for a certificate or for the proof of its ownership keeps serving as it is, but nothing \
          of it can be changed: no new certificate, no policy, no trust store. When its certificate ends, so does the \
          site.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/api/API_DomainName.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mutual-tls.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let domains = reach::domains(evidence)?;
    if let Some((domain, kind)) = frozen(&domains) {
        let finding = Finding::seen(format!("{} is in state {}: {}", domain.name, state(domain), kind.what()))
            .proof(format!("{}: status {}", super::subject::place(domain), state(domain)))
            .proofs(domain.status_message.as_ref().map(|said| format!("AWS says: {said}")));
        return Ok(match kind {
            Frozen::Failed => Verdict::Fail(finding),
            _ => Verdict::Warn(finding),
        });
    }
    let mut said = Vec::new();
    for domain in domains {
        match &domain.status {
            None => return Err(NotRun::inconclusive(untold(domain))),
            Some(DomainStatus::Other(word)) => {
                let why = format!("this version does not know the state {word} of {}", domain.name);
                return Err(NotRun::inconclusive(why));
            }
            Some(DomainStatus::Updating | DomainStatus::Pending) => {
                said.push(format!("{}: a change is on its way ({})", domain.name, state(domain)));
            }
            Some(_) => said.push(format!("{}: {}", domain.name, state(domain))),
        }
    }
    Ok(Verdict::pass(said.join("; ")))
}

/// Why nothing of it can be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frozen {
    Reimport,
    Ownership,
    Failed,
}

impl Frozen {
    fn of(domain: &Domain) -> Option<Self> {
        match domain.status.as_ref()? {
            DomainStatus::PendingCertificateReimport => Some(Frozen::Reimport),
            DomainStatus::PendingOwnershipVerification => Some(Frozen::Ownership),
            DomainStatus::Failed => Some(Frozen::Failed),
            _ => None,
        }
    }

    fn what(self) -> &'static str {
        match self {
            Frozen::Reimport => "the certificate that was imported again no longer covers the name",
            Frozen::Ownership => "the certificate that proves the ownership of the name has ended",
            Frozen::Failed => "it could not be made",
        }
    }
}

fn frozen<'a>(domains: &[&'a Domain]) -> Option<(&'a Domain, Frozen)> {
    let all = || domains.iter().filter_map(|domain| Some((*domain, Frozen::of(domain)?)));
    all().find(|(_, state)| *state == Frozen::Failed).or_else(|| all().next())
}

fn state(domain: &Domain) -> &str {
    domain.status.as_ref().map_or("unknown", DomainStatus::word)
}

fn untold(domain: &Domain) -> String {
    format!(
        "the AWS evidence does not tell the state of {} (`aws apigateway get-domain-name --domain-name {}{}` tells it)",
        domain.name,
        shell_quote(&domain.name),
        in_region(domain.region.as_deref())
    )
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let domains = reach::domains(evidence).unwrap_or_default();
    let found = frozen(&domains);
    let region = found.and_then(|(domain, _)| domain.region.clone()).unwrap_or_else(|| fixes::region(evidence));
    let word = fixes::region_word(&region);
    let name = shell_quote(found.map_or(host.as_str(), |(domain, _)| domain.name.as_str()));
    match found {
        Some((domain, Frozen::Ownership)) => {
            let fix = Fix::new(format!(
                "Renew the certificate that proves the ownership of {}, or name a new one that Amazon issued.",
                domain.name
            ));
            let fix = match &domain.ownership_certificate {
                Some(arn) => fix.shell(
                    "Its state and the records that it wants",
                    format!("aws acm describe-certificate --certificate-arn {} --region {word}", arn.for_shell()),
                ),
                None => fix,
            };
            fixes::request(fix, &domain.name, &region).shell(
                "Name the new one",
                format!(
                    "aws apigateway update-domain-name --domain-name {name} --patch-operations \
                     op=replace,path=/ownershipVerificationCertificateArn,value=\"$CERTIFICATE_ARN\" --region {word}"
                ),
            )
        }
        Some((domain, Frozen::Failed)) => Fix::new(format!(
            "Delete the failed custom domain {} and make it again once what AWS says is mended.",
            domain.name
        ))
        .shell(
            "What AWS says",
            format!(
                "aws apigateway get-domain-name --domain-name {name} --region {word} --query \
                 '[domainNameStatus, domainNameStatusMessage]'"
            ),
        )
        .shell("Delete it", format!("aws apigateway delete-domain-name --domain-name {name} --region {word}")),
        _ => {
            let arn = found.and_then(|(domain, _)| domain.certificate.as_ref());
            let fix = Fix::new(format!("Import a certificate that covers {host} over the one that {host} shows."));
            fixes::reimport(fix, evidence, arn, &region)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::testing::*;

    fn at(status: &str) -> Evidence {
        site(json!({"domains": [{"domainName": HOST, "region": "us-west-2", "domainNameStatus": status,
            "domainNameStatusMessage": "because of it", "regionalCertificateArn": format!("{ACM}:certificate/7a-1"),
            "ownershipVerificationCertificateArn": format!("{ACM}:certificate/7a-2"),
            "endpointConfiguration": {"types": ["REGIONAL"]}}]}))
    }

    #[test]
    fn by_state() {
        for (status, expected) in [
            ("AVAILABLE", "pass"),
            ("UPDATING", "pass"),
            ("PENDING", "pass"),
            ("PENDING_CERTIFICATE_REIMPORT", "warn/high"),
            ("PENDING_OWNERSHIP_VERIFICATION", "warn/high"),
            ("FAILED", "fail/high"),
            ("DREAMING", "inconclusive"),
            ("", "inconclusive"),
        ] {
            assert_eq!(word(&CHECK, &at(status)), expected, "{status}");
        }
        assert_eq!(word(&CHECK, &site(json!({"domains": [{"domainName": "shop.example.org"}]}))), "blocked");
    }

    #[test]
    fn the_fix_is_for_the_state() {
        let reimport = fix_text(&CHECK, &at("PENDING_CERTIFICATE_REIMPORT"));
        assert!(reimport.contains("import-certificate") && reimport.contains("certificate/7a-1"), "{reimport}");
        let ownership = fix_text(&CHECK, &at("PENDING_OWNERSHIP_VERIFICATION"));
        assert!(ownership.contains("certificate/7a-2") && ownership.contains("ownershipVerification"), "{ownership}");
        assert!(fix_text(&CHECK, &at("FAILED")).contains("delete-domain-name --domain-name 'lambda.example.com'"));
    }
}
