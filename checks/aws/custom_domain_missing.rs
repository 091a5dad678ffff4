//! Nobody made the custom domain (`facts/aws.md` sections 0 and 3.1, gotcha G1).

use super::fixes;
use super::seen::{AtEdge, at_edge, own_certificate, service};
use super::subject::covers;
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Gateway};
use crate::model::origin_host::{OriginClass, classify};
use crate::verdict::{Confidence, Finding, NotRun, Verdict};

/// Names that are listed as proof.
const SHOWN: usize = 5;

pub(crate) const CHECK: Check = Check {
    id: "aws-custom-domain-missing",
    title: "The custom domain exists",
    severity: Severity::Critical,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginTls, Probe::Gateway],
    why: "API Gateway answers only names that are registered as a custom domain in its own region. Any other name gets \
          the region's own certificate and 403 Forbidden: 526 under Full (strict), which looks like a bad certificate, \
          or a 403 that looks like a firewall.",
    fix: |evidence, _| fixes::custom_domain(evidence, &fixes::region(evidence)),
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-regional-api-custom-domain-create.html",
        "https://repost.aws/knowledge-center/api-gateway-domain-certificate",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let gateway = evidence.gateway.get()?;
    let host = &evidence.target.host;
    let found = gateway.domains_of(host)?;
    if !found.is_empty() {
        let places: Vec<String> = found.iter().map(|domain| super::subject::place(domain)).collect();
        return Ok(Verdict::pass(places.join("; ")));
    }
    if let Some(why) = gateway.unread("domains") {
        return Err(why);
    }
    let target = evidence.origin_name().map(classify);
    let class = target.as_ref().map_or(OriginClass::Unknown, |target| target.class);
    if !may_need_one(class) {
        return Err(NotRun::not_applicable(format!("the record points at {}, not at API Gateway", class.one())));
    }
    let looked = &gateway.regions_looked_at;
    if let Some(region) = target.and_then(|target| target.region)
        && !looked.is_empty()
        && !looked.contains(&region)
    {
        return Err(NotRun::inconclusive(format!(
            "{host} is no custom domain in {}, and the record's target is in {region}: look there with --aws-regions \
             {region}",
            looked.join(", ")
        )));
    }
    if let Some(line) = own_certificate(evidence) {
        return Err(elsewhere(gateway, host, &line));
    }
    let seen = format!("neither {host} nor its wildcard is a custom domain {}", within(gateway));
    let finding = Finding::seen(seen).proof(others(gateway)).proofs(usable(gateway, host));
    // The name is unique in its region across all accounts: the region's own certificate says that nobody has it.
    if let Some(line) = service(evidence) {
        return Ok(Verdict::Fail(finding.proof(line)));
    }
    match at_edge(evidence) {
        AtEdge::Refused(line) => Ok(Verdict::Fail(finding.proof(line).confidence(Confidence::Medium))),
        AtEdge::Served(line) => Err(elsewhere(gateway, host, &line)),
        AtEdge::Unknown if class == OriginClass::GatewayCustomTarget && !looked.is_empty() => Ok(Verdict::Warn(
            finding
                .proof("another account may have it: the certificate that the target shows for the name would tell")
                .confidence(Confidence::Low),
        )),
        AtEdge::Unknown => Err(NotRun::inconclusive(format!(
            "{host} is no custom domain {}, and nothing shows that this account serves it: another account?",
            within(gateway)
        ))),
    }
}

fn may_need_one(class: OriginClass) -> bool {
    matches!(
        class,
        OriginClass::Unknown | OriginClass::CloudFront | OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault
    )
}

fn elsewhere(gateway: &Gateway, host: &str, line: &str) -> NotRun {
    NotRun::inconclusive(format!("{host} is no custom domain {}, and yet {line}: another account?", within(gateway)))
}

/// Where was looked.
fn within(gateway: &Gateway) -> String {
    match gateway.regions_looked_at.as_slice() {
        [] => "of this account, as far as its data goes".into(),
        regions => format!("of this account in {}", regions.join(", ")),
    }
}

/// The custom domains that are there.
fn others(gateway: &Gateway) -> String {
    let domains = gateway.domains.found().into_iter().flatten();
    let all: Vec<String> = domains.map(super::subject::place).collect();
    match (all.len(), all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ")) {
        (0, _) => "it has no custom domain there".into(),
        (count, shown) if count > SHOWN => format!("its custom domains: {shown} and {} more", count - SHOWN),
        (_, shown) => format!("its custom domains: {shown}"),
    }
}

/// Certificates that wait for a domain.
fn usable(gateway: &Gateway, host: &str) -> Vec<String> {
    let certificates = gateway.certificates.found().into_iter().flatten().filter(|one| covers(one, host));
    let line = |one: &crate::evidence::gateway::Certificate| {
        let region = one.region.as_deref().unwrap_or("a region not told");
        format!("a certificate for the name is in ACM in {region}: {}", one.label())
    };
    certificates.take(SHOWN).map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::testing::*;

    fn other() -> serde_json::Value {
        json!({"domains": [{"domainName": "shop.example.com", "region": "us-west-2"}], "regions_looked_at": ["us-west-2"]})
    }

    #[test]
    fn a_name_or_its_wildcard_is_there() {
        for name in [HOST, "*.example.com"] {
            let site = site(json!({"domains": [{"domainName": name, "region": "us-west-2"}]}));
            assert_eq!(word(&CHECK, &site), "pass");
        }
    }

    #[test]
    fn the_regions_own_certificate_or_the_edge_is_the_proof() {
        let bare = site(other());
        assert_eq!(word(&CHECK, &bare), "warn/low");
        assert_eq!(word(&CHECK, &shows(bare.clone(), &["*.execute-api.us-west-2.amazonaws.com"])), "fail/high");
        assert_eq!(word(&CHECK, &edge(bare.clone(), 526, "")), "fail/medium");
        assert_eq!(word(&CHECK, &gateway_says(bare.clone(), 403, "Forbidden")), "fail/medium");
        let finding = CHECK.run(&bare).unwrap().finding().unwrap().clone();
        assert!(finding.seen.contains("in us-west-2") && finding.proof[0].contains("shop.example.com"), "{finding:?}");
    }

    #[test]
    fn what_is_served_belongs_to_another_account() {
        let own = shows(site(other()), &[HOST]);
        let why = CHECK.run(&own).unwrap_err();
        assert_eq!(why.kind(), "inconclusive");
        assert!(why.text().contains("another account?"), "{}", why.text());
        assert_eq!(word(&CHECK, &edge(site(other()), 200, "{}")), "inconclusive");
        assert_eq!(word(&CHECK, &gateway_says(site(other()), 404, "Not Found")), "inconclusive", "the API was reached");
    }

    #[test]
    fn another_region_another_kind_of_origin_and_unread_domains_prove_nothing() {
        let mut elsewhere = site(other());
        elsewhere.target.origin = Some("d-abc123def4.execute-api.eu-west-1.amazonaws.com".parse().unwrap());
        let why = CHECK.run(&elsewhere).unwrap_err().text();
        assert!(why.contains("--aws-regions eu-west-1"), "{why}");
        let mut balanced = site(other());
        balanced.target.origin = Some("my-lb-1234567890.us-west-2.elb.amazonaws.com".parse().unwrap());
        assert_eq!(word(&CHECK, &balanced), "not-applicable");
        let mut unknown = site(other());
        unknown.target.origin = None;
        assert_eq!(word(&CHECK, &unknown), "inconclusive");
        let denied = site(
            json!({"domains": [], "not_read": {"domains.us-west-2": {"kind": "forbidden", "permission": "apigateway:GET"}}}),
        );
        assert_eq!(word(&CHECK, &denied), "forbidden");
        assert_eq!(word(&CHECK, &site(json!({"apis": []}))), "inconclusive");
        let file = site(json!({"domains": [{"domainName": "shop.example.com"}]}));
        assert_eq!(word(&CHECK, &file), "inconclusive", "a file of another account");
    }

    #[test]
    fn the_fix_has_what_is_known_in_it() {
        let mut account = other();
        account["certificates"] = json!([{"CertificateArn": format!("{ACM}:certificate/7a-1"), "Status": "ISSUED",
            "SubjectAlternativeNames": [HOST]}]);
        account["apis"] = json!([{"apiId": "f1e2d3c4b5", "region": "us-west-2", "protocolType": "HTTP"}]);
        let site = site(account);
        let text = fix_text(&CHECK, &site);
        for part in ["--region us-west-2", "certificate/7a-1", "'f1e2d3c4b5'", "--domain-name 'lambda.example.com'"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
