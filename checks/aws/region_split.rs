//! One name in several regions, and one record (`facts/aws.md` section 10, gotcha G48).

use serde_json::json;

use super::subject::place;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::gateway::Domain;
use crate::evidence::zone::Phase;
use crate::verdict::{Finding, Fix, NotRun, Verdict};
use crate::zone_rule::{ZoneRule, quoted};

pub(crate) const CHECK: Check = Check {
    id: "aws-region-split",
    title: "Every region of the name is reached",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::Gateway],
    why: "A custom domain may exist in several regions under one name, but a CNAME leads to one of them. The others are \
          paid for, deployed and never asked; whoever believes in a fail-over does not have one.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-endpoint-types.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/dns-failover.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let gateway = evidence.gateway.get()?;
    let host = &evidence.target.host;
    let domains = gateway.domains_of(host)?;
    let regions = regions(&domains);
    match regions.as_slice() {
        [] if domains.is_empty() => {
            return Err(gateway.unread("domains").unwrap_or_else(|| {
                NotRun::blocked(Probe::Gateway, format!("no custom domain of the account serves {host}"))
            }));
        }
        [] => return Err(NotRun::inconclusive(format!("the region of {host} is not told"))),
        [only] => return Ok(Verdict::pass(format!("{host} is in {only} alone"))),
        _ => {}
    }
    let Some(name) = evidence.origin_name() else {
        evidence.dns.get()?;
        return Err(NotRun::origin_unknown());
    };
    let Some(reached) = domains.iter().find(|domain| domain.targets().any(|target| target == name)) else {
        return Ok(Verdict::pass(format!(
            "{name}, where the record points, is none of the regions' own targets: it may choose among them"
        )));
    };
    let others: Vec<&&Domain> = domains.iter().filter(|domain| domain.region != reached.region).collect();
    let never: Vec<&str> = others.iter().filter_map(|domain| domain.region.as_deref()).collect();
    let here = reached.region.as_deref().unwrap_or("one region");
    let finding = Finding::seen(format!(
        "{host} is a custom domain in {}, and its one record leads to {here}: {} is never reached",
        regions.join(" and "),
        never.join(" and ")
    ));
    Ok(Verdict::Warn(finding.proof(format!("record: {host} → {name}")).proofs(domains.iter().map(|d| place(d)))))
}

/// The regions, each once, in order.
fn regions(domains: &[&Domain]) -> Vec<String> {
    let mut regions: Vec<String> = domains.iter().filter_map(|domain| domain.region.clone()).collect();
    regions.sort();
    regions.dedup();
    regions
}

/// `lambda-us-west-2.example.com`: one label, so that Universal SSL covers it.
fn name_in(host: &str, region: &str) -> String {
    match host.split_once('.') {
        Some((label, rest)) => format!("{label}-{region}.{rest}"),
        None => format!("{host}-{region}"),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let domains = evidence.gateway.found().and_then(|gateway| gateway.domains_of(host).ok()).unwrap_or_default();
    let known: Vec<(String, Option<String>)> = domains
        .iter()
        .filter_map(|domain| Some((domain.region.clone()?, domain.targets().next().map(str::to_owned))))
        .collect();
    let known = if known.is_empty() { vec![("us-west-2".into(), None), ("eu-central-1".into(), None)] } else { known };
    let names: Vec<String> = known.iter().map(|(region, _)| name_in(host, region)).collect();
    let fix = Fix::new(format!(
        "Give each region a name of its own ({}), and let one rule with a wildcard cover them all; or put a load balancer \
         (Cloudflare Load Balancing, Route 53 latency records) between the name and the regions.",
        names.join(", ")
    ));
    let fix = known.iter().zip(&names).fold(fix, |fix, ((region, target), name)| {
        let quoted = crate::evidence::text::shell_quote(name);
        let fix = fix.shell(
            format!("The name of {region}; its certificate has to cover it"),
            format!(
                "aws apigatewayv2 create-domain-name --domain-name {quoted} --domain-name-configurations \
                 CertificateArn=\"$CERTIFICATE_ARN\",EndpointType=REGIONAL,SecurityPolicy=TLS_1_2 --region {}",
                super::fixes::region_word(region)
            ),
        );
        let target = target.as_deref().map(|target| format!(" (today's target there: {target})")).unwrap_or_default();
        fix.dashboard(format!(
            "DNS → Records → Add record: CNAME, {name}, target: the new domain's own{target}, Proxied"
        ))
    });
    let (label, rest) = host.split_once('.').unwrap_or((host, "example.com"));
    let rule = ZoneRule {
        phase: Phase::Cache,
        description: "Cache the API in every region".into(),
        expression: format!("(http.host wildcard {})", quoted(&format!("{label}-*.{rest}"))),
        action: "set_cache_settings",
        parameters: json!({"cache": true, "edge_ttl": {"mode": "respect_origin"}, "browser_ttl": {"mode": "respect_origin"}}),
    };
    let fix = rule.add_to(fix);
    known.iter().zip(&names).take(1).fold(fix, |fix, ((region, _), name)| {
        fix.terraform(
            "AWS provider, once for each region",
            format!(
                "resource \"aws_apigatewayv2_domain_name\" \"api\" {{\n  provider    = aws.{}\n  domain_name = \
                 \"{name}\"\n\n  domain_name_configuration {{\n    certificate_arn = \
                 aws_acm_certificate.origin.arn\n    endpoint_type   = \"REGIONAL\"\n    security_policy = \
                 \"TLS_1_2\"\n  }}\n}}",
                region.replace('-', "_")
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn domain(region: &str, id: &str) -> Value {
        json!({"domainName": HOST, "region": region, "endpointConfiguration": {"types": ["REGIONAL"]},
            "regionalDomainName": format!("d-{id}.execute-api.{region}.amazonaws.com")})
    }

    fn split() -> Evidence {
        site(json!({"domains": [domain("us-west-2", "abc123def4"), domain("eu-central-1", "zzz123def4")]}))
    }

    #[test]
    fn one_record_for_two_regions() {
        assert_eq!(word(&CHECK, &split()), "warn/high");
        let finding = CHECK.run(&split()).unwrap().finding().unwrap().clone();
        assert!(finding.seen.ends_with("leads to us-west-2: eu-central-1 is never reached"), "{}", finding.seen);
        let text = fix_text(&CHECK, &split());
        assert!(text.contains("lambda-eu-central-1.example.com") && text.contains("lambda-*.example.com"), "{text}");
    }

    #[test]
    fn one_region_or_something_that_chooses() {
        assert_eq!(word(&CHECK, &site(json!({"domains": [domain("us-west-2", "abc123def4")]}))), "pass");
        let mut chosen = split();
        chosen.target.origin = Some("latency.example.net".parse().unwrap());
        assert_eq!(word(&CHECK, &chosen), "pass");
        chosen.target.origin = None;
        assert_eq!(word(&CHECK, &chosen), "disabled", "the record is not known");
        assert_eq!(word(&CHECK, &with_names(chosen, names())), "not-applicable");
        assert_eq!(word(&CHECK, &site(json!({"domains": []}))), "blocked");
    }
}
