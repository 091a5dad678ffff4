//! The record pins an address of a service that moves its addresses (`facts/aws.md` section 1.2).

use std::net::IpAddr;

use super::{change_record, region_for_commands};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::attribution::{AnsweredBy, attribute};
use crate::model::cloudflare::error_code;
use crate::model::origin_host::OriginClass;
use crate::model::trust::{served_chain, service_certificate};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-target-is-address",
    title: "The record names its service, not an address of it",
    severity: Severity::Medium,
    needs: &[Probe::Zone, Probe::OriginTls, Probe::OriginHttp, Probe::EdgeHttp],
    why: "API Gateway, CloudFront and function URLs answer at addresses that AWS changes without notice and shares among \
          customers. A record that pins one works until that day; then the site is down, or somebody else's service \
          answers there. A CNAME follows the changes.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains.html",
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html",
        "https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let records = evidence.zone_of_host()?.records.get()?;
    let host = &evidence.target.host;
    let Some(record) = records.end_of(host) else {
        return Err(NotRun::not_applicable(format!("the zone's records tell no target of {host}")));
    };
    let Some(address) = record.address() else {
        return Ok(Verdict::pass(record.describe()));
    };
    if is_placeholder(address) {
        return Ok(Verdict::pass(format!("{address} is a placeholder: something at the edge answers")));
    }
    // Only what was seen at this very address tells whose it is.
    let asked = evidence.target.origin.as_ref().is_some_and(|origin| origin.host.parse() == Ok(address));
    let handshake = evidence.origin.tls.get()?;
    let there = asked || handshake.address.is_some_and(|socket| socket.ip() == address);
    if !there {
        return Err(NotRun::not_applicable(format!("{address} itself was not asked")));
    }
    let certificate = served_chain(handshake).first().and_then(service_certificate);
    let answer = evidence.origin_answer().ok().map(attribute);
    let service = match (&certificate, answer.as_ref().map(|answer| answer.by)) {
        (Some(service), _) => service.class.name(),
        (None, Some(AnsweredBy::ApiGatewayHttp | AnsweredBy::ApiGatewayRest)) => "API Gateway",
        (None, Some(AnsweredBy::CloudFront)) => "CloudFront",
        (None, Some(AnsweredBy::FunctionUrl)) => "Lambda function URL",
        // A load balancer may stand behind addresses that stay (Global Accelerator, a network load balancer).
        _ => return Ok(Verdict::pass(format!("nothing says that {address} is an address that moves"))),
    };
    let mut finding = Finding::seen(format!(
        "{host} is pinned to {address}, an address of the service {service}, which changes them"
    ))
    .proof(format!("in the zone: {}", record.describe()))
    .proofs(certificate.iter().map(|service| format!("certificate at {address}: {}", service.pattern)))
    .proofs(answer.into_iter().flat_map(|answer| answer.proof).map(|line| format!("origin: {line}")));
    // A server of one's own that passes answers of the service on leaves the same headers.
    if certificate.is_none() {
        finding = finding
            .confidence(Confidence::Medium)
            .proof("unless a server of your own at that address passes the answers on");
    }
    // The service's own certificate in the place of the name's: the address belongs to others by now.
    let broken = evidence.edge_answer().ok().and_then(error_code).filter(|code| (520..=526).contains(code));
    Ok(match (broken, &certificate) {
        (Some(code), Some(_)) => {
            Verdict::Fail(finding.proof(format!("the edge answers with error {code}")).severity(Severity::Critical))
        }
        _ => Verdict::Warn(finding),
    })
}

/// What Cloudflare recommends where there is no origin: 192.0.2.0/24 and the discard prefix 100::/64
/// (`facts/cloudflare.md` section 6, 1034).
fn is_placeholder(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[..3] == [192, 0, 2],
        IpAddr::V6(v6) => v6.segments()[..4] == [0x100, 0, 0, 0],
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let region = match region_for_commands(evidence).as_str() {
        "$AWS_REGION" => certificate_region(evidence).unwrap_or_else(|| "$AWS_REGION".into()),
        known => known.to_owned(),
    };
    let service =
        evidence.origin.tls.found().and_then(|handshake| served_chain(handshake).first()).and_then(service_certificate);
    if service.is_some_and(|service| service.class == OriginClass::CloudFront) {
        let fix = Fix::new(format!("Replace the address records of {host} by one CNAME to the distribution's own name.")).shell(
            "Its name",
            format!("aws cloudfront list-distributions --query \"DistributionList.Items[?Aliases.Items && contains(Aliases.Items, '{host}')].DomainName\" --output text"),
        );
        return change_record(fix, host, "dxxxxxxxxxxxxx.cloudfront.net", true);
    }
    let in_name = if region.starts_with('$') { "REGION" } else { &region };
    let fix =
        Fix::new(format!("Replace the address records of {host} by one CNAME to the custom domain's own target."))
            .shell(
                "The target to point at",
                format!(
                    "aws apigatewayv2 get-domain-name --region {region} --domain-name {host} --query \
             'DomainNameConfigurations[0].ApiGatewayDomainName' --output text"
                ),
            );
    change_record(fix, host, &format!("d-xxxxxxxxxx.execute-api.{in_name}.amazonaws.com"), true)
}

fn certificate_region(evidence: &Evidence) -> Option<String> {
    let leaf = served_chain(evidence.origin.tls.found()?).first()?;
    service_certificate(leaf)?.region
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::*;
    use super::*;

    const ADDRESS: &str = "198.18.0.7";

    fn at(kind: &str, content: &str) -> Evidence {
        let records = json!([{"id": "2c", "name": HOST, "type": kind, "content": content, "proxied": true}]);
        let mut evidence = zone(with(proxied()), json!({"zone": {"name": "example.com"}, "dns_records": records}));
        evidence.target.origin = Some(content.parse().unwrap());
        evidence.origin.tls = handshake("O=Amazon", &[HOST]);
        evidence
    }

    #[test]
    fn what_the_address_shows() {
        let own = at("A", ADDRESS);
        assert_eq!(word(&judge(&own)), "pass", "anything may stand there");
        let mut gateway = own.clone();
        gateway.origin.http = exchanges(200, &[("apigw-requestid", "x="), ("date", "x")], "{}");
        assert!(matches!(judge(&gateway), Ok(Verdict::Warn(finding)) if finding.confidence == Confidence::Medium));
        let mut balancer = own.clone();
        balancer.origin.http = exchanges(503, &[("server", "awselb/2.0"), ("date", "x")], "");
        assert_eq!(word(&judge(&balancer)), "pass", "Global Accelerator keeps its addresses");
        let mut service = own.clone();
        service.origin.tls = handshake("O=Amazon", &["*.execute-api.eu-west-1.amazonaws.com"]);
        assert!(matches!(judge(&service), Ok(Verdict::Warn(finding)) if finding.confidence == Confidence::High));
        assert_eq!(word(&judge(&edge(service.clone(), 526, ""))), "fail");
        let text = format!("{:?}", CHECK.mend(&service, &Finding::seen("x")));
        assert!(text.contains("--region eu-west-1") && text.contains("dns_records/2c"), "{text}");
        service.origin.tls = handshake("O=Amazon", &["*.cloudfront.net"]);
        assert!(format!("{:?}", fix(&service, &Finding::seen("x"))).contains("list-distributions"));
    }

    #[test]
    fn what_is_no_question() {
        assert_eq!(word(&judge(&at("CNAME", TARGET))), "pass");
        assert_eq!(word(&judge(&at("A", "192.0.2.1"))), "pass", "originless");
        assert_eq!(word(&judge(&at("AAAA", "100::"))), "pass", "originless");
        let mut unseen = at("A", ADDRESS);
        unseen.target.origin = Some(TARGET.parse().unwrap());
        assert_eq!(word(&judge(&unseen)), "not-applicable", "another origin was asked");
        assert_eq!(word(&judge(&with(proxied()))), "no-credential");
        let mut nobody = at("A", ADDRESS);
        nobody.origin.tls = nothing().origin.tls;
        assert_eq!(word(&judge(&nobody)), "disabled");
    }
}
