//! The custom domain is edge-optimised, which puts CloudFront behind Cloudflare, or private (`facts/aws.md` sections 3.1
//! and 4.1, gotcha G47).

use super::fixes;
use super::route;
use super::subject::place;
use super::typed::in_region;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::gateway::{Domain, EndpointType};
use crate::evidence::text::shell_quote;
use crate::model::reach;
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-endpoint-type",
    title: "The custom domain is regional",
    severity: Severity::High,
    needs: &[Probe::Gateway],
    why: "An edge-optimised domain is a CloudFront distribution of Amazon's own: behind Cloudflare that is two CDNs one \
          after the other, more way for every request, and one that nobody can configure or purge. A private domain is \
          reached from VPC endpoints only, never from Cloudflare. A regional one is what belongs behind Cloudflare.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-endpoint-types.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-custom-domains.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-api-migrate-endpoint.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let domains = reach::domains(evidence)?;
    for domain in &domains {
        route::leads_to(evidence, domain)?;
    }
    if domains.iter().all(|domain| is_only(domain, &EndpointType::Private)) {
        let lines = domains.iter().map(|domain| place(domain));
        return Ok(Verdict::Fail(
            Finding::seen(format!(
                "{} is a private custom domain: VPC endpoints reach it, Cloudflare does not",
                domains.first().map_or(evidence.target.host.as_str(), |domain| domain.name.as_str())
            ))
            .proofs(lines),
        ));
    }
    if let Some(edge) = domains.iter().find(|domain| is_through_cloudfront(evidence, domain)) {
        let finding = Finding::seen(format!(
            "{} is edge-optimised: every request passes Cloudflare, then Amazon's own CloudFront",
            edge.name
        ))
        .proof(place(edge))
        .proofs(edge.distribution.iter().map(|name| format!("its distribution: {name}")));
        return Ok(Verdict::Warn(finding.severity(Severity::Low)));
    }
    if let Some(untold) = domains.iter().find(|domain| domain.endpoint_types.is_empty()) {
        return Err(NotRun::inconclusive(format!(
            "the AWS evidence does not tell the endpoint type of {} (`aws apigateway get-domain-name --domain-name {}` \
             tells it)",
            untold.name,
            shell_quote(&untold.name)
        )));
    }
    let places: Vec<String> = domains.iter().map(|domain| place(domain)).collect();
    Ok(Verdict::pass(places.join("; ")))
}

fn is_only(domain: &Domain, kind: &EndpointType) -> bool {
    domain.endpoint_types.as_slice() == std::slice::from_ref(kind)
}

/// Edge-optimised; of one that has both types, where the record points at the distribution.
fn is_through_cloudfront(evidence: &Evidence, domain: &Domain) -> bool {
    let record = evidence.target.origin.as_ref().map(|origin| origin.host.as_str());
    domain.is_edge()
        || (domain.endpoint_types.contains(&EndpointType::Edge)
            && record.is_some()
            && record == domain.distribution.as_deref())
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let domains = reach::domains(evidence).unwrap_or_default();
    let Some(edge) = domains.iter().find(|domain| is_through_cloudfront(evidence, domain)) else {
        // A public domain cannot be made of a private one, so it is a new one.
        return fixes::custom_domain(evidence, &fixes::region(evidence));
    };
    let region = fixes::region(evidence);
    let own = edge.region.as_deref();
    let name = shell_quote(&edge.name);
    Fix::new(format!(
        "Give {} a regional endpoint beside the other one, point the record at its target, and take the \
         edge-optimised one away when nothing uses it any more.",
        edge.name
    ))
    .shell(
        "Add the regional endpoint, with a certificate of the API's own region",
        format!(
            "aws apigateway update-domain-name --domain-name {name} --patch-operations \
             op=add,path=/endpointConfiguration/types,value=REGIONAL \
             op=add,path=/regionalCertificateArn,value={}{}",
            fixes::certificate(evidence, &region),
            in_region(evidence, own)
        ),
    )
    .shell(
        "Its target, for the record",
        format!(
            "aws apigateway get-domain-name --domain-name {name} --query regionalDomainName --output text{}",
            in_region(evidence, own)
        ),
    )
    .dashboard(format!("DNS → Records → {} → Edit: CNAME to that target, Proxied", evidence.target.host))
    .shell(
        "Later, without the distribution",
        format!(
            "aws apigateway update-domain-name --domain-name {name} --patch-operations \
             op=remove,path=/endpointConfiguration/types,value=EDGE{}",
            in_region(evidence, own)
        ),
    )
    .terraform(
        "AWS provider (the type is EDGE where none is named)",
        format!(
            "resource \"aws_api_gateway_domain_name\" \"api\" {{\n  domain_name              = {}\n  \
             regional_certificate_arn = aws_acm_certificate.origin.arn\n  security_policy          = \"TLS_1_2\"\n\n  \
             endpoint_configuration {{\n    types = [\"REGIONAL\"]\n  }}\n}}",
            super::typed::hcl(Some(&edge.name), "domain_name")
        ),
    )
    .code(
        "SAM template, properties of the AWS::Serverless::Api",
        format!(
            "EndpointConfiguration:\n  Type: REGIONAL\nDomain:\n  DomainName: {}\n  CertificateArn: !Ref CertificateArn\n  \
             EndpointConfiguration: REGIONAL",
            super::typed::yaml(Some(&edge.name), "DomainName")
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn of(types: Value) -> Evidence {
        site(json!({"domains": [{"domainName": HOST, "region": "us-west-2", "regionalDomainName": TARGET,
            "distributionDomainName": "d111111abcdef8.cloudfront.net", "endpointConfiguration": {"types": types}}]}))
    }

    #[test]
    fn regional_is_what_belongs_here() {
        assert_eq!(word(&CHECK, &of(json!(["REGIONAL"]))), "pass");
        assert_eq!(word(&CHECK, &of(json!([]))), "inconclusive");
        assert_eq!(word(&CHECK, &of(json!(["REGIONAL", "EDGE"]))), "pass", "it moves, and the record has moved");
    }

    #[test]
    fn two_content_networks_are_a_low_warning() {
        let mut site = of(json!(["EDGE"]));
        for origin in ["d111111abcdef8.cloudfront.net", TARGET] {
            site.target.origin = Some(origin.parse().unwrap());
            assert_eq!(word(&CHECK, &site), "warn/high", "{origin}");
        }
        assert_eq!(CHECK.run(&site).unwrap().finding().unwrap().severity, Some(Severity::Low));
        let mut moving = of(json!(["REGIONAL", "EDGE"]));
        moving.target.origin = Some("d111111abcdef8.cloudfront.net".parse().unwrap());
        assert_eq!(word(&CHECK, &moving), "warn/high");
        let text = fix_text(&CHECK, &site);
        assert!(text.contains("op=add,path=/endpointConfiguration/types,value=REGIONAL") && text.contains("us-west-2"));
    }

    #[test]
    fn thin_data_is_enough() {
        let thin =
            site(json!({"domains": [{"DomainName": HOST, "DomainNameConfigurations": [{"EndpointType": "EDGE"}]}]}));
        assert_eq!(word(&CHECK, &thin), "warn/high");
    }

    #[test]
    fn private_is_not_reached_from_cloudflare() {
        assert_eq!(word(&CHECK, &of(json!(["PRIVATE"]))), "fail/high");
        assert!(fix_text(&CHECK, &of(json!(["PRIVATE"]))).contains("create-domain-name"));
        let both = site(json!({"domains": [
            {"domainName": HOST, "region": "us-west-2", "endpointConfiguration": {"types": ["PRIVATE"]}},
            {"domainName": HOST, "region": "us-west-2", "regionalDomainName": TARGET, "domainNameArn": "x",
                "endpointConfiguration": {"types": ["REGIONAL"]}}]}));
        assert_eq!(word(&CHECK, &both), "pass", "inside and outside have one name");
    }

    #[test]
    fn another_site_is_left_alone() {
        let mut elsewhere = of(json!(["PRIVATE"]));
        elsewhere.target.origin = Some("my-lb-1234567890.us-west-2.elb.amazonaws.com".parse().unwrap());
        assert_eq!(word(&CHECK, &elsewhere), "not-applicable");
        assert_eq!(word(&CHECK, &site(json!({"domains": [{"domainName": "shop.example.com"}]}))), "blocked");
        assert_eq!(word(&CHECK, &site(json!({}))), "inconclusive");
    }
}
