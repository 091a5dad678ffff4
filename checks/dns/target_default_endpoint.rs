//! The record points at an API's default endpoint.

use super::{change_record, region_for_commands};
use crate::aws::MappedApi;
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Response};
use crate::model::origin_host::{OriginClass, classify};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-target-default-endpoint",
    title: "The record points at the custom domain's target",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "An API's default endpoint answers only to its own name. Asked with the visitor's it says 403 Forbidden, \
          and under \
          Full (strict) Cloudflare may refuse its certificate first (526). The custom domain has a target of its \
          own, d-….",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains.html",
        "https://repost.aws/knowledge-center/api-gateway-domain-certificate",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let name = super::target_name(evidence)?;
    let target = classify(name);
    if target.class != OriginClass::GatewayDefault {
        return Ok(Verdict::pass(format!("{name} is no default endpoint")));
    }
    let finding = Finding::seen(format!(
        "{name} is an API's default endpoint, which does not serve the name {}",
        evidence.target.host
    ));
    match evidence.edge_answer().ok() {
        Some(response) if is_refused(response) => {
            Ok(Verdict::Fail(finding.proof(format!("the edge answers {}", response.status))))
        }
        // The endpoint never lets a foreign name through (`facts/aws.md` section 1.2): something rewrites it.
        Some(response) if response.status < 500 && !super::is_challenged(response) => Ok(Verdict::pass(format!(
            "the edge answers {}, so a Host override or a Worker rewrites the name for {name}",
            response.status
        ))),
        _ => match evidence.origin_answer() {
            Ok(response) if is_refused(response) => Ok(Verdict::Fail(
                finding.proof(format!("asked for {}, the origin answers {}", evidence.target.host, response.status)),
            )),
            _ => super::unseen(evidence, name, finding),
        },
    }
}

/// 403 is the gateway's word for a foreign name, 525 and 526 Cloudflare's for its certificate (`facts/aws.md` section 0).
fn is_refused(response: &Response) -> bool {
    matches!(response.status, 403 | 525 | 526) && !super::is_challenged(response)
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let region = region_for_commands(evidence);
    let api = evidence.origin_name().and_then(|name| classify(name).id).unwrap_or_else(|| "$API_ID".into());
    let mapped = MappedApi::of(evidence, Some(region.as_str()));
    let fix = Fix::new(format!(
        "Create the custom domain {host} in API Gateway, map it to the API, and point the record at the domain's \
         own target."
    ))
    .shell(
        "Create the domain (the certificate must be in the same region)",
        format!(
            "aws apigatewayv2 create-domain-name --region {region} --domain-name {host} --domain-name-configurations \
             CertificateArn=$CERTIFICATE_ARN,EndpointType=REGIONAL,SecurityPolicy=TLS_1_2"
        ),
    )
    .shell(
        mapped.label(),
        format!(
            "aws apigatewayv2 create-api-mapping --region {region} --domain-name {host} --api-id {api} --stage {}",
            mapped.stage_word()
        ),
    )
    .shell(
        "The target to point at",
        format!(
            "aws apigatewayv2 get-domain-name --region {region} --domain-name {host} --query \
             'DomainNameConfigurations[0].ApiGatewayDomainName' --output text"
        ),
    );
    change_record(fix, host, &format!("d-xxxxxxxxxx.execute-api.{region}.amazonaws.com"), true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::verdict::Confidence;

    fn pointed(at: &str) -> Evidence {
        declared(chain(&[at], &["192.0.2.1"]))
    }

    #[test]
    fn refused_or_rewritten() {
        for (status, expected) in [
            (403, "fail"),
            (526, "fail"),
            (525, "fail"),
            (200, "pass"),
            (404, "pass"),
            (401, "pass"),
            (521, "fail"),
            (500, "fail"),
        ] {
            assert_eq!(word(&judge(&edge(pointed(DEFAULT), status, ""))), expected, "{status}");
        }
        let certain = judge(&edge(pointed(DEFAULT), 403, "")).unwrap();
        assert_eq!(certain.finding().unwrap().confidence, Confidence::High);
        let fix = fix(&pointed(DEFAULT), certain.finding().unwrap());
        assert!(fix.steps[1].text.contains("--api-id abc123def4 "), "{fix:?}");
    }

    #[test]
    fn without_the_edge_the_origin_may_tell() {
        let mut evidence = pointed(DEFAULT);
        assert_eq!(word(&judge(&evidence)), "warn", "all that is known is what the user said");
        assert_eq!(judge(&evidence).unwrap().finding().unwrap().confidence, Confidence::Medium);
        evidence.origin.http = exchanges(403, &[], "{\"message\":\"Forbidden\"}");
        assert_eq!(judge(&evidence).unwrap().finding().unwrap().confidence, Confidence::High);
        let mut challenged = evidence.clone();
        challenged.edge.http = exchanges(403, &[("cf-mitigated", "challenge"), ("cf-ray", "1-SJC")], "");
        assert_eq!(word(&judge(&challenged)), "fail");
    }

    #[test]
    fn other_targets_pass() {
        assert_eq!(word(&judge(&pointed(TARGET))), "pass");
        assert_eq!(word(&judge(&pointed("origin.example.net"))), "pass");
        assert_eq!(word(&judge(&with(host(chain(&[HOST, DEFAULT], &["192.0.2.1"]))))), "fail");
        assert_eq!(word(&judge(&with(proxied()))), "not-applicable");
        assert_eq!(word(&judge(&nothing())), "disabled");
    }
}
