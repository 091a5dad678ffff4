//! The certificate is in a region where API Gateway does not look for it (`facts/aws.md` section 3.2, gotchas G6, G7).

use super::fixes;
use super::subject::{self, EDGE_REGION, Subject};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::reach;
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-certificate-region",
    title: "The certificate is in the region that the domain reads",
    severity: Severity::High,
    needs: &[Probe::Gateway],
    why: "A regional custom domain takes its certificate from ACM in its own region, an edge-optimised one from \
          us-east-1 only. API Gateway refuses any other with \"Certificate must be in '…'\", and the custom domain is \
          not made.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains-prerequisites.html",
        "https://github.com/hashicorp/terraform-provider-aws/issues/5305",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let gateway = evidence.gateway.get()?;
    let (mut well, mut unknown) = (Vec::new(), None);
    for domain in reach::domains(evidence)? {
        if domain.endpoint_types.is_empty() {
            unknown = Some(NotRun::inconclusive(format!("the endpoint type of {} is not told", domain.name)));
            continue;
        }
        // The region stands in the ARN: the certificate itself need not have been read.
        let named = [(&domain.certificate, false), (&domain.edge_certificate, true)];
        let named: Vec<(String, &str, Option<&str>)> = named
            .into_iter()
            .filter_map(|(arn, at_edge)| {
                let arn = arn.as_ref()?;
                let wanted = if at_edge { Some(EDGE_REGION) } else { domain.region.as_deref() };
                Some((arn.id().to_owned(), arn.region()?, wanted))
            })
            .collect();
        let inferred = if named.is_empty() { subject::of(gateway, domain) } else { Ok(Vec::new()) };
        let inferred = match &inferred {
            Ok(subjects) => subjects,
            Err(why) => {
                unknown = Some(why.clone());
                continue;
            }
        };
        for (label, region, wanted) in named {
            match wanted {
                Some(wanted) if wanted == region => well.push(format!("{label} is in {region}")),
                Some(wanted) => return Ok(Verdict::Fail(misplaced(&subject::place(domain), &label, region, wanted))),
                None => unknown = Some(NotRun::inconclusive(format!("the region of {} is not told", domain.name))),
            }
        }
        for subject in inferred {
            let label = subject.certificate.label();
            match (subject.certificate.region.as_deref(), subject.wanted_region()) {
                (Some(region), Some(wanted)) if region == wanted => well.push(format!("{label} is in {region}")),
                (Some(region), Some(wanted)) => {
                    let finding = misplaced(&subject::place(domain), &label, region, wanted);
                    return Ok(Verdict::Fail(finding.confidence(subject.confidence)));
                }
                _ => {
                    let why = format!("the region of the certificate {label}, or of {}, is not told", domain.name);
                    unknown = Some(NotRun::inconclusive(why));
                }
            }
        }
    }
    match unknown {
        Some(why) => Err(why),
        None => Ok(Verdict::pass(well.join("; "))),
    }
}

fn misplaced(place: &str, label: &str, region: &str, wanted: &str) -> Finding {
    let why = match wanted == EDGE_REGION && place.contains("edge-optimised") {
        true => "an edge-optimised domain reads its certificate in us-east-1 only".to_owned(),
        false => format!("the domain reads its certificate in its own region, {wanted}"),
    };
    Finding::seen(format!("the certificate {label} is in {region}, and it has to be in {wanted}"))
        .proof(place.to_owned())
        .proof(why)
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let subjects = evidence.gateway.found().map(|_| subject::certificates(evidence).unwrap_or_default());
    let of_finding = subjects.iter().flatten().find(|one| one.certificate.region.as_deref() != one.wanted_region());
    let at_edge = of_finding.is_some_and(|subject: &Subject<'_>| subject.at_edge);
    let domains = reach::domains(evidence).unwrap_or_default();
    let home = domains.first().and_then(|domain| domain.region.clone()).unwrap_or_else(|| fixes::region(evidence));
    let name = domains.first().map_or(evidence.target.host.as_str(), |domain| domain.name.as_str());
    let region = if at_edge { EDGE_REGION.to_owned() } else { home.clone() };
    let regional = if at_edge {
        " Behind Cloudflare a REGIONAL domain is the better choice: it needs no second CDN, and its certificate may be \
         in the API's own region."
    } else {
        ""
    };
    let fix = Fix::new(format!(
        "Have a certificate for {name} in {} and put that on the custom domain: ACM cannot move one.{regional}",
        fixes::plain_region(&region)
    ));
    let fix = fixes::attach(fixes::request(fix, name, &region), name, &home, at_edge);
    fixes::certificate_as_code(fix, name, &region, at_edge)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn regional(certificate: &str) -> Evidence {
        site(
            json!({"domains": [{"domainName": HOST, "region": "us-west-2", "endpointConfiguration": {"types": ["REGIONAL"]},
            "regionalCertificateArn": format!("arn:aws:acm:{certificate}:123456789012:certificate/7a-1")}]}),
        )
    }

    fn edge_optimised(certificate: &str) -> Evidence {
        site(
            json!({"domains": [{"domainName": HOST, "region": "eu-west-1", "endpointConfiguration": {"types": ["EDGE"]},
            "certificateArn": format!("arn:aws:acm:{certificate}:123456789012:certificate/7a-1")}]}),
        )
    }

    #[test]
    fn by_endpoint_type() {
        for (site, expected) in [
            (regional("us-west-2"), "pass"),
            (regional("us-east-1"), "fail/high"),
            (edge_optimised("us-east-1"), "pass"),
            (edge_optimised("eu-west-1"), "fail/high"),
        ] {
            assert_eq!(word(&CHECK, &site), expected);
        }
        let text = fix_text(&CHECK, &regional("us-east-1"));
        assert!(text.contains(
            "request-certificate --domain-name 'lambda.example.com' --validation-method DNS --region us-west-2"
        ));
    }

    #[test]
    fn thin_data_without_an_arn() {
        let thin = |kind: &str, region: &str, certificate: Value| {
            site(
                json!({"domains": [{"DomainName": HOST, "region": region, "DomainNameConfigurations": [{"EndpointType": kind}]}],
                "certificates": [certificate]}),
            )
        };
        assert_eq!(word(&CHECK, &thin("EDGE", "eu-west-1", json!({"region": "eu-west-1"}))), "fail/medium");
        assert_eq!(word(&CHECK, &thin("EDGE", "eu-west-1", json!({"region": "us-east-1"}))), "pass");
        let elsewhere =
            thin("REGIONAL", "eu-central-1", json!({"region": "us-east-1", "SubjectAlternativeNames": [HOST]}));
        assert_eq!(word(&CHECK, &elsewhere), "fail/medium");
        let text = fix_text(&CHECK, &elsewhere);
        assert!(text.contains("--region eu-central-1") && !text.contains("us-east-1"), "{text}");
        let of_another = json!({"region": "us-east-1", "SubjectAlternativeNames": ["shop.example.org"]});
        assert_eq!(word(&CHECK, &thin("REGIONAL", "eu-central-1", of_another)), "inconclusive");
        assert_eq!(word(&CHECK, &thin("REGIONAL", "eu-central-1", json!({"Status": "ISSUED"}))), "inconclusive");
    }

    #[test]
    fn what_is_not_told_is_not_guessed() {
        let no_type = site(json!({"domains": [{"domainName": HOST, "region": "us-west-2"}]}));
        assert_eq!(word(&CHECK, &no_type), "inconclusive");
        let no_region = site(json!({"domains": [{"domainName": HOST, "endpointConfiguration": {"types": ["REGIONAL"]},
            "regionalCertificateArn": format!("{ACM}:certificate/7a-1")}]}));
        assert_eq!(word(&CHECK, &no_region), "inconclusive");
        assert_eq!(word(&CHECK, &site(json!({"certificates": []}))), "inconclusive");
        assert_eq!(word(&CHECK, &site(json!({"domains": []}))), "blocked");
    }
}
