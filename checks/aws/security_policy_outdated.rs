//! The custom domain accepts TLS below 1.2 (`facts/aws.md` section 3.3).

use super::route;
use super::subject::place;
use super::typed::{hcl, in_region, yaml};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::gateway::Domain;
use crate::evidence::text::shell_quote;
use crate::model::reach;
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-security-policy-outdated",
    title: "The custom domain wants TLS 1.2 or newer",
    severity: Severity::Low,
    needs: &[Probe::Gateway],
    why: "With the policy TLS_1_0 the custom domain also takes TLS 1.0 and 1.1 and old suites from whoever asks it \
          directly. Cloudflare itself speaks 1.2 and 1.3 to it, so nothing is lost by leaving them out; mutual TLS, HTTP \
          APIs and keys of several levels even demand it.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html",
    ],
    judge,
};

/// The oldest version that a policy takes; `None`: a policy that this version does not know.
fn oldest(policy: &str) -> Option<&'static str> {
    match policy {
        "TLS_1_0" => Some("TLS 1.0"),
        "TLS_1_2" => Some("TLS 1.2"),
        // Names that begin so take 1.2 or 1.3 at the least; the rest of the name is about suites and key exchange.
        _ if policy.starts_with("SecurityPolicy_TLS13_1_3") || policy == "SecurityPolicy_TLS13_2025_EDGE" => {
            Some("TLS 1.3")
        }
        _ if policy.starts_with("SecurityPolicy_TLS13_1_2") || policy.starts_with("SecurityPolicy_TLS12_") => {
            Some("TLS 1.2")
        }
        _ => None,
    }
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let domains = reach::domains(evidence)?;
    let mut seen = Vec::new();
    let mut open = None;
    for domain in &domains {
        route::leads_to(evidence, domain)?;
        match domain.security_policy.as_deref().map(|policy| (policy, oldest(policy))) {
            Some((_, Some("TLS 1.0"))) => return Ok(Verdict::Warn(found(domain))),
            Some((policy, Some(version))) => seen.push(format!("{policy}: {version} or newer")),
            Some((policy, None)) => {
                open = Some(format!("this version does not know the security policy {policy} of {}", domain.name))
            }
            None => {
                open = Some(format!(
                    "the AWS evidence does not tell the security policy of {} (`aws apigateway get-domain-name \
                     --domain-name {}` tells it)",
                    domain.name,
                    shell_quote(&domain.name)
                ));
            }
        }
    }
    open.map_or_else(|| Ok(Verdict::pass(seen.join("; "))), |why| Err(NotRun::inconclusive(why)))
}

fn found(domain: &Domain) -> Finding {
    Finding::seen(format!("{} takes TLS 1.0 and 1.1: its security policy is TLS_1_0", domain.name)).proof(place(domain))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let domains = reach::domains(evidence).unwrap_or_default();
    let old = domains.iter().find(|domain| domain.security_policy.as_deref() == Some("TLS_1_0"));
    let name = old.map_or(evidence.target.host.as_str(), |domain| domain.name.as_str());
    let region = in_region(evidence, old.and_then(|domain| domain.region.as_deref()));
    Fix::new(format!(
        "Set the security policy of {name} to TLS_1_2; the change takes up to an hour, and the domain serves meanwhile."
    ))
    .shell(
        "Change it",
        format!(
            "aws apigateway update-domain-name --domain-name {} --patch-operations \
             op=replace,path=/securityPolicy,value=TLS_1_2{region}",
            shell_quote(name)
        ),
    )
    .dashboard(format!("API Gateway → Custom domain names → {name} → Edit → Minimum TLS version: TLS 1.2"))
    .terraform(
        "AWS provider",
        format!(
            "resource \"aws_api_gateway_domain_name\" \"api\" {{\n  domain_name     = {}\n  security_policy = \"TLS_1_2\"\n}}",
            hcl(Some(name), "domain_name")
        ),
    )
    .code(
        "SAM template, properties of the AWS::Serverless::Api",
        format!("Domain:\n  DomainName: {}\n  SecurityPolicy: TLS_1_2", yaml(Some(name), "DomainName")),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn of(policy: Value) -> Evidence {
        site(
            json!({"domains": [{"domainName": HOST, "region": "us-west-2", "regionalDomainName": TARGET, "securityPolicy": policy}]}),
        )
    }

    #[test]
    fn by_the_oldest_version_that_it_takes() {
        for (policy, expected) in [
            ("TLS_1_0", "warn/high"),
            ("TLS_1_2", "pass"),
            ("SecurityPolicy_TLS13_1_3_2025_09", "pass"),
            ("SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "pass"),
            ("SecurityPolicy_TLS12_2018_EDGE", "pass"),
            ("SecurityPolicy_TLS13_2025_EDGE", "pass"),
            ("SecurityPolicy_TLS14_2030", "inconclusive"),
        ] {
            assert_eq!(word(&CHECK, &of(json!(policy))), expected, "{policy}");
        }
        let why = CHECK.run(&of(json!(null))).unwrap_err().text();
        assert!(why.contains("get-domain-name --domain-name 'lambda.example.com'"), "{why}");
    }

    #[test]
    fn of_several_regions_the_worst_decides() {
        let two = json!({"domains": [
            {"domainName": HOST, "region": "us-west-2", "securityPolicy": "TLS_1_2"},
            {"domainName": HOST, "region": "eu-west-1", "regionalDomainName": "d-zzz.execute-api.eu-west-1.amazonaws.com", "securityPolicy": "TLS_1_0"}]});
        let mut site = site(two);
        site.target.origin = None;
        assert_eq!(word(&CHECK, &site), "warn/high");
        let text = fix_text(&CHECK, &of(json!("TLS_1_0")));
        assert!(text.contains("value=TLS_1_2 --region us-west-2"), "{text}");
    }
}
