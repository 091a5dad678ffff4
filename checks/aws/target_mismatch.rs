//! The record points past the custom domain (`facts/aws.md` sections 1.2 and 3.1).

use super::fixes;
use super::seen::{AtEdge, at_edge, own_certificate, service};
use super::subject::{in_region, place};
use crate::check::{Check, Probe, Severity};
use crate::evidence::gateway::Domain;
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Gateway};
use crate::model::origin_host::{OriginClass, classify};
use crate::model::reach;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-target-mismatch",
    title: "The record points at the custom domain's own target",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginTls, Probe::Gateway],
    why: "Each custom domain has a target name of its own, d-….execute-api or a CloudFront name, and gets a new one when \
          it is made again. A record that points at another one reaches a place that does not know the name, or will \
          not for long.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-regional-api-custom-domain-create.html",
        "https://docs.aws.amazon.com/apigateway/latest/api/API_DomainName.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let gateway = evidence.gateway.get()?;
    let host = &evidence.target.host;
    let serving = reach::domains(evidence)?;
    let covering = covering(gateway, host);
    let targets: Vec<&str> = covering.iter().flat_map(|domain| domain.targets()).collect();
    if targets.is_empty() {
        return Err(NotRun::inconclusive(untold(&serving)));
    }
    let name = record(evidence)?;
    if let Some(domain) = covering.iter().find(|domain| domain.targets().any(|target| target == name)) {
        return Ok(Verdict::pass(format!("{name} is the target of {}", place(domain))));
    }
    if let Ok(chain) = evidence.origin_chain()
        && let Some(hop) = chain.hops.iter().find(|hop| targets.contains(&hop.to.as_str()))
    {
        return Ok(Verdict::pass(format!("{name} leads to {}, the domain's own target", hop.to)));
    }
    let found = classify(name);
    let is_edge = serving.iter().any(|domain| domain.distribution.is_some());
    match found.class {
        OriginClass::GatewayCustomTarget => {}
        OriginClass::CloudFront if is_edge => {}
        OriginClass::CloudFront => {
            return Err(NotRun::not_applicable(format!(
                "the record points at {name}, a CloudFront distribution in front of API Gateway"
            )));
        }
        OriginClass::GatewayDefault => {
            return Err(NotRun::not_applicable(format!(
                "{name} is an API's default endpoint: dns-target-default-endpoint judges that"
            )));
        }
        OriginClass::Unknown => {
            return Err(NotRun::inconclusive(format!(
                "the record points at {name}, and it was not seen to lead to {}",
                targets.join(" or ")
            )));
        }
        other => {
            return Err(NotRun::not_applicable(format!("the record points at {}, not at API Gateway", other.one())));
        }
    }
    let near = serving.iter().any(|domain| domain.region.is_some() && domain.region == found.region);
    let finding = Finding::seen(format!("the record points at {name}, and {host} is at {}", targets.join(" and ")))
        .proofs(serving.iter().flat_map(|domain| {
            domain.targets().map(|target| format!("{}: target {target}", place(domain))).collect::<Vec<_>>()
        }));
    weigh(evidence, finding, near)
}

/// Whether one target of a region serves every domain of that region is not documented (`facts/aws.md` section 11,
/// point 4): there, what is seen decides.
fn weigh(evidence: &Evidence, finding: Finding, near: bool) -> Result<Verdict, NotRun> {
    let works = match at_edge(evidence) {
        AtEdge::Served(line) => Some(line),
        AtEdge::Refused(line) => return Ok(Verdict::Fail(finding.proof(line))),
        AtEdge::Unknown => None,
    };
    match (works.or_else(|| own_certificate(evidence)), service(evidence)) {
        (Some(line), _) if near => {
            Ok(Verdict::Warn(finding.proof(format!("it works all the same: {line}")).confidence(Confidence::Low)))
        }
        (Some(line), _) => {
            Err(NotRun::inconclusive(format!("{}, and yet {line}: another account's domain?", finding.seen)))
        }
        (None, Some(line)) => Ok(Verdict::Fail(finding.proof(line))),
        (None, None) if near => Ok(Verdict::Warn(finding.confidence(Confidence::Medium))),
        (None, None) => Ok(Verdict::Fail(finding.confidence(Confidence::Medium))),
    }
}

/// Every domain that could answer: the exact one, and the wildcard behind it.
fn covering<'a>(gateway: &'a Gateway, host: &str) -> Vec<&'a Domain> {
    gateway.domains.found().into_iter().flatten().filter(|domain| domain.covers(host)).collect()
}

/// What the record points at.
fn record(evidence: &Evidence) -> Result<&str, NotRun> {
    evidence.origin_name().ok_or_else(|| match (&evidence.target.origin, evidence.dns.get()) {
        (Some(origin), _) => NotRun::not_applicable(format!("the record's target is the address {}", origin.host)),
        (None, Err(why)) => why,
        (None, Ok(_)) => NotRun::origin_unknown(),
    })
}

fn untold(serving: &[&Domain]) -> String {
    let commands: Vec<String> = serving
        .iter()
        .map(|domain| {
            let region = in_region(domain.region.as_deref());
            format!("`aws apigateway get-domain-name --domain-name {}{region}`", shell_quote(&domain.name))
        })
        .collect();
    format!("the AWS evidence does not tell the custom domain's target ({} tells it)", commands.join(", "))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let domains = reach::domains(evidence).unwrap_or_default();
    // Where the record names a region, the domain there is meant.
    let target = domains.iter().find_map(|domain| domain.targets().next());
    let content = target.map_or_else(|| "d-xxxxxxxxxx.execute-api.REGION.amazonaws.com".into(), str::to_owned);
    let fix = Fix::new(format!("Point the proxied record of {host} at {content}, and keep the mode Full (strict)."));
    let region = domains.first().and_then(|domain| domain.region.clone()).unwrap_or_else(|| fixes::region(evidence));
    let fix = fix.shell(
        "The domain's own target",
        format!(
            "aws apigateway get-domain-name --domain-name {} --region {} --query \
             '[regionalDomainName, distributionDomainName]' --output text",
            shell_quote(domains.first().map_or(host.as_str(), |domain| domain.name.as_str())),
            fixes::region_word(&region)
        ),
    );
    fixes::point_record(fix, evidence, &content)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::testing::*;
    use crate::evidence::Gathered;
    use crate::evidence::dns::Dns;

    const OWN: &str = "d-own1234567.execute-api.us-west-2.amazonaws.com";

    fn account() -> serde_json::Value {
        json!({"domains": [{"domainName": HOST, "region": "us-west-2", "regionalDomainName": OWN,
            "endpointConfiguration": {"types": ["REGIONAL"]}}]})
    }

    fn at(origin: &str) -> Evidence {
        let mut site = site(account());
        site.target.origin = Some(origin.parse().unwrap());
        site
    }

    #[test]
    fn its_own_target_or_a_name_that_leads_there() {
        assert_eq!(word(&CHECK, &at(OWN)), "pass");
        let mut alias = at("alias.example.net");
        assert_eq!(word(&CHECK, &alias), "inconclusive");
        let origin = Gathered::Found(chain(&["alias.example.net", OWN], addresses(&["192.0.2.1"])));
        alias.dns = Gathered::Found(Dns { origin, ..names() });
        assert_eq!(word(&CHECK, &alias), "pass");
        let mut visible = at(OWN);
        visible.target.origin = None;
        visible.dns = Gathered::Found(Dns { host: chain(&[HOST, OWN], addresses(&["192.0.2.1"])), ..names() });
        assert_eq!(word(&CHECK, &visible), "pass");
    }

    #[test]
    fn another_target() {
        let near = at(TARGET);
        assert_eq!(word(&CHECK, &near), "warn/medium");
        assert_eq!(word(&CHECK, &edge(near.clone(), 200, "")), "warn/low");
        assert_eq!(word(&CHECK, &edge(near.clone(), 526, "")), "fail/high");
        assert_eq!(word(&CHECK, &shows(near.clone(), &["*.execute-api.us-west-2.amazonaws.com"])), "fail/high");
        assert!(fix_text(&CHECK, &near).contains(OWN));
        let far = at("d-abc123def4.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(word(&CHECK, &far), "fail/medium");
        assert_eq!(word(&CHECK, &edge(far, 200, "")), "inconclusive", "another account's");
    }

    #[test]
    fn what_is_not_its_question() {
        for (origin, expected) in [
            ("d111111abcdef8.cloudfront.net", "not-applicable"),
            ("abc123def4.execute-api.us-west-2.amazonaws.com", "not-applicable"),
            ("my-lb-1234567890.us-west-2.elb.amazonaws.com", "not-applicable"),
            ("192.0.2.1", "not-applicable"),
        ] {
            assert_eq!(word(&CHECK, &at(origin)), expected, "{origin}");
        }
        let untold = site(json!({"domains": [{"domainName": HOST, "region": "us-west-2"}]}));
        assert!(CHECK.run(&untold).unwrap_err().text().contains("get-domain-name"));
        assert_eq!(word(&CHECK, &site(json!({"domains": []}))), "blocked");
        let mut unknown = at(OWN);
        unknown.target.origin = None;
        unknown.dns = Gathered::Found(names());
        assert_eq!(word(&CHECK, &unknown), "not-applicable");
    }
}
