use super::fixes::{custom_domain, region};
use super::view::{self, Edge, edge, origin_name};
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Response};
use crate::model::attribution::attribute;
use crate::model::gateway_error::GatewayErrorKind;
use crate::model::origin_host::OriginClass;
use crate::model::trust::{ServiceCertificate, name_matches, service_certificate, target_name};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-default-certificate",
    title: "The service knows the custom domain",
    severity: Severity::Critical,
    needs: &[Probe::OriginTls, Probe::EdgeHttp],
    why: "An AWS endpoint that does not know the visitor's name does not refuse the handshake: it answers with its own \
          certificate, such as *.execute-api.REGION.amazonaws.com. Under strict that shows as 526, or, where the \
          record's target bears that name, as 403 Forbidden. One cause, two faces.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-regional-api-custom-domain-create.html",
        "https://repost.aws/knowledge-center/api-gateway-domain-certificate",
        "https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/full-strict/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    let leaf = view::certificate_chain(evidence, &edge)?.first();
    let Some((leaf, service)) = leaf.and_then(|leaf| Some((leaf, service_certificate(leaf)?))) else {
        return Ok(Verdict::pass("the certificate is the name's own, not the service's"));
    };
    if leaf.names.iter().any(|name| name_matches(name, &evidence.target.host)) {
        return Ok(Verdict::pass(format!("{} is a name of the service itself", evidence.target.host)));
    }
    if matches!(service.class, OriginClass::FunctionUrl | OriginClass::S3Rest) {
        return Err(NotRun::not_applicable(format!(
            "the {} has only its own certificate, {}; whether it serves this name is dns-target-foreign-host's \
            question",
            service.class.name(),
            service.pattern
        )));
    }
    Ok(weigh(evidence, &edge, &service))
}

fn weigh(evidence: &Evidence, edge: &Edge, service: &ServiceCertificate) -> Verdict {
    let host = &evidence.target.host;
    let seen = format!(
        "{} answers {host} with the service's own certificate, {}: the custom domain is not there",
        origin_name(evidence),
        service.pattern
    );
    let finding = Finding::seen(seen).proofs(edge.line().map(str::to_owned));
    let rejected = evidence.edge_answer().ok().filter(|response| rejects(service.class, response));
    match edge {
        Edge::Error { code: 526, .. } => Verdict::Fail(finding),
        Edge::Serves(_) | Edge::Silent(_) if rejected.is_some() => {
            let line = rejected
                .map(|response| format!("the edge passes on {}: {}", response.status, response.body.prefix.trim()));
            Verdict::Fail(finding.proofs(line))
        }
        Edge::Serves(line) => {
            Verdict::pass(format!("the edge serves all the same: an override or a Worker sends another name ({line})"))
        }
        Edge::Error { .. } | Edge::Silent(_) => Verdict::Warn(both(evidence, finding, service)),
        Edge::Unseen => Verdict::Fail(both(evidence, finding, service)),
    }
}

/// Which of its two faces it has was not seen.
fn both(evidence: &Evidence, finding: Finding, service: &ServiceCertificate) -> Finding {
    let covered = target_name(evidence).is_some_and(|target| name_matches(&service.pattern, target));
    let strict = if covered {
        "strict: 403, for the certificate covers the record's target and Cloudflare takes that; 526 if it does not"
    } else {
        "strict: 526, for the certificate covers neither the name nor the record's target"
    };
    finding.proof(strict).proof("full: 403 from the service").confidence(Confidence::Low)
}

/// The service's own answer to a name that it does not know (`facts/aws.md` section 4.2, "Host not registered").
fn rejects(class: OriginClass, response: &Response) -> bool {
    let headers = &response.headers;
    match class {
        OriginClass::GatewayDefault | OriginClass::GatewayCustomTarget => {
            let said = attribute(response).product_error;
            response.status == 403 && said.is_some_and(|error| error.kind == GatewayErrorKind::Forbidden)
        }
        OriginClass::CloudFront => {
            let made_there = headers.first("x-cache").is_some_and(|value| value.contains("rror from cloudfront"));
            matches!(response.status, 403 | 421) && made_there
        }
        _ => false,
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let leaf = view::chain(evidence).ok().and_then(|chain| chain.first());
    let service = leaf.and_then(service_certificate);
    let region = service.as_ref().and_then(|service| service.region.clone()).unwrap_or_else(|| region(evidence));
    match service.map(|service| service.class) {
        Some(OriginClass::CloudFront) => Fix::new(format!(
            "Add {} to the distribution's alternate domain names, with a certificate in us-east-1; or create the \
             edge-optimised custom domain that was meant.",
            evidence.target.host
        ))
        .dashboard("CloudFront → Distributions → the distribution → Settings → Alternate domain names")
        .shell(
            "Or look for the API's custom domain",
            format!("aws apigateway get-domain-name --domain-name {} --region {region}", evidence.target.host),
        ),
        Some(class @ (OriginClass::AppRunner | OriginClass::Amplify | OriginClass::AppSync)) => {
            Fix::new(format!("Associate {} with the {} as a custom domain.", evidence.target.host, class.name()))
                .dashboard(format!("AWS console → the {} → Custom domains", class.name()))
        }
        _ => custom_domain(evidence, &region),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::testing::*;

    fn with(names: &[&str]) -> Evidence {
        let pki = pki();
        pki.site(vec![pki.public.sign(Leaf::of(names))])
    }

    fn gateway() -> Evidence {
        with(&["*.execute-api.us-west-2.amazonaws.com"])
    }

    #[test]
    fn both_faces_are_said_until_the_edge_shows_one() {
        assert_eq!(word(&CHECK, &gateway()), "fail/low");
        assert_eq!(word(&CHECK, &edge_hit(gateway())), "warn/low");
        assert_eq!(word(&CHECK, &edge_error(gateway(), 526)), "fail/high");
        for headers in [
            [("x-amzn-errortype", "ForbiddenException:http"), ("cf-ray", "1")],
            [("apigw-requestid", "a="), ("cf-ray", "1")],
        ] {
            let forbidden = at_edge(gateway(), 403, headers, r#"{"message":"Forbidden"}"#);
            assert_eq!(word(&CHECK, &forbidden), "fail/high");
        }
        let dynamic = [("x-amzn-errortype", "ForbiddenException"), ("cf-cache-status", "DYNAMIC")];
        assert_eq!(word(&CHECK, &at_edge(gateway(), 403, dynamic, r#"{"message":"Forbidden"}"#)), "fail/high");
    }

    #[test]
    fn a_site_that_works_is_left_alone() {
        assert_eq!(word(&CHECK, &served(gateway())), "pass");
        let missing_token = at_edge(
            gateway(),
            403,
            [("x-amzn-errortype", "MissingAuthenticationTokenException"), ("cf-cache-status", "DYNAMIC")],
            r#"{"message":"Missing Authentication Token"}"#,
        );
        assert_eq!(word(&CHECK, &missing_token), "pass", "the API was reached");
        assert_eq!(word(&CHECK, &with(&[HOST])), "pass");
        assert_eq!(word(&CHECK, &with(&["*.example.com"])), "pass");
        let mut own = gateway();
        own.target.host = "a1b2c3.execute-api.us-west-2.amazonaws.com".into();
        assert_eq!(word(&CHECK, &own), "pass");
    }

    #[test]
    fn services_without_custom_domains_are_anothers_question() {
        assert_eq!(word(&CHECK, &with(&["*.lambda-url.us-east-1.on.aws"])), "not-applicable");
        assert_eq!(word(&CHECK, &with(&["*.s3.us-west-2.amazonaws.com"])), "not-applicable");
        assert_eq!(word(&CHECK, &with(&["*.cloudfront.net"])), "fail/low");
        let refused = at_edge(with(&["*.cloudfront.net"]), 403, [("x-cache", "Error from cloudfront")], "<html>");
        assert_eq!(word(&CHECK, &refused), "fail/high");
    }

    #[test]
    fn the_fix_is_in_the_certificates_region() {
        let mut elsewhere = with(&["*.execute-api.eu-central-1.amazonaws.com"]);
        elsewhere.target.origin = Some("192.0.2.7".parse().unwrap());
        let finding = CHECK.run(&elsewhere).unwrap().finding().unwrap().clone();
        let fix = (CHECK.fix)(&elsewhere, &finding);
        assert!(fix.steps.iter().any(|step| step.text.contains("--region eu-central-1")), "{fix:?}");
        assert!(finding.proof.iter().any(|line| line.starts_with("strict: 526")));
    }

    #[test]
    fn no_certificate_no_verdict() {
        assert_eq!(word(&CHECK, &edge_error(evidence(), 526)), "blocked");
        assert_eq!(word(&CHECK, &evidence()), "disabled");
    }
}
