//! The target is in another region than the API, or in none.

use super::change_record;
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Response};
use crate::model::origin_host::{OriginClass, classify, region};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-region-mismatch",
    title: "The target is in the API's region",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone, Probe::Gateway],
    why: "A regional custom domain, bucket or function exists in one region only. In another one the target does \
          not resolve, or \
          answers with the region's own certificate and 403.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/general/latest/gr/apigateway.html",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    // The bucket's own word needs no name.
    let answers = [("the edge", evidence.edge_answer().ok()), ("the origin", evidence.origin_answer().ok())];
    for (who, response) in answers {
        if let Some((response, said)) = response.and_then(|response| Some((response, misplaced(response)?))) {
            let finding =
                Finding::seen(format!("{who} answers S3's PermanentRedirect: the bucket is in another region{said}"))
                    .proof(format!("status {}, <Code>PermanentRedirect</Code>", response.status));
            return Ok(Verdict::Fail(finding));
        }
    }
    let name = super::target_name(evidence)?;
    let Some(named) = classify(name).region else {
        return Err(NotRun::not_applicable(format!("{name} names no region")));
    };
    // What was seen to work outranks what was said of it.
    let works = evidence.edge_answer().is_ok_and(|response| response.status < 400);
    let resolves = evidence.origin_chain().is_ok_and(|chain| !chain.addresses().is_empty());
    if region(&named).is_none() {
        // The list is dated, and AWS opens regions.
        if works || resolves {
            return Ok(Verdict::pass(format!("{named} is newer than our list of regions; {name} resolves")));
        }
        let known_absent =
            evidence.origin_chain().is_ok_and(|chain| chain.ipv4.is_definite() && chain.addresses().is_empty());
        let finding = Finding::seen(format!("{named} in {name} is no region of AWS"));
        return Ok(if known_absent {
            Verdict::Fail(finding.proof(format!("{name} does not resolve")))
        } else {
            Verdict::Warn(finding.confidence(Confidence::Medium))
        });
    }
    let Some(wanted) = &evidence.target.region else {
        return Ok(by_account(evidence, name, &named, works)
            .or_else(|| by_other_records(evidence, name, &named, works))
            .unwrap_or_else(|| Verdict::pass(format!("the target is in {named}"))));
    };
    if *wanted == named {
        return Ok(Verdict::pass(format!("the target is in {named}, as it should be")));
    }
    if region(wanted).is_none() {
        return Err(NotRun::inconclusive(format!("{wanted}, given as the region, is not on our list")));
    }
    let finding = Finding::seen(format!("the target is in {named}, and the region given for the API is {wanted}"))
        .proof(format!("target {name}"));
    let looked = evidence.origin_chain().is_ok() || evidence.edge_answer().is_ok() || evidence.origin_answer().is_ok();
    Ok(match (works, looked) {
        (true, _) => Verdict::Warn(
            finding.confidence(Confidence::Low).proof("yet the edge's answer is good: is the given region right?"),
        ),
        (false, true) => Verdict::Fail(finding),
        (false, false) => Verdict::Warn(finding.confidence(Confidence::Medium)),
    })
}

/// Another record of the zone with the same id in another region: an id is one region's, so one of the two is wrong. It is
/// this one where its target does not resolve or the edge fails.
fn by_other_records(evidence: &Evidence, name: &str, named: &str, works: bool) -> Option<Verdict> {
    let records = evidence.zone_of_host().ok()?.records.found()?;
    let own = classify(name);
    let other = records.0.iter().find(|record| {
        let there = record.content.as_deref().map(classify);
        there.is_some_and(|there| {
            there.class == own.class && there.id.is_some() && there.id == own.id && there.region != own.region
        })
    })?;
    let gone = evidence.origin_chain().is_ok_and(|chain| chain.ipv4.is_definite() && chain.addresses().is_empty());
    let fails = evidence.edge_answer().is_ok_and(|response| response.status >= 500 || response.status == 403);
    if works || !(gone || fails) {
        return None;
    }
    let region = classify(other.content.as_deref()?).region?;
    let finding =
        Finding::seen(format!("the target is in {named}, and another record has the same target in {region}"))
            .proof(format!("target {name}"))
            .proof(format!("in the zone: {}", other.describe()));
    Some(Verdict::Fail(finding.confidence(Confidence::Medium)))
}

/// Against the regions in which the account has the custom domain; none: it has it nowhere, or that does not tell.
fn by_account(evidence: &Evidence, name: &str, named: &str, works: bool) -> Option<Verdict> {
    let regions = account_regions(evidence, name);
    if regions.is_empty() {
        return None;
    }
    if regions.iter().any(|region| region == named) {
        return Some(Verdict::pass(format!("the target is in {named}, where the custom domain is")));
    }
    let all = regions.join(" and ");
    if works {
        // Another account may have the name there.
        return Some(Verdict::pass(format!(
            "the target is in {named}, and answers; the account has the name in {all}"
        )));
    }
    let finding =
        Finding::seen(format!("the target is in {named}, and the custom domain {} is in {all}", evidence.target.host))
            .proof(format!("target {name}"));
    let looked = evidence.edge_answer().is_ok() || evidence.origin_answer().is_ok();
    Some(if looked { Verdict::Fail(finding) } else { Verdict::Warn(finding.confidence(Confidence::Medium)) })
}

/// The regions of the host's regional custom domains, where the record points at API Gateway.
fn account_regions(evidence: &Evidence, name: &str) -> Vec<String> {
    if !matches!(classify(name).class, OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault) {
        return Vec::new();
    }
    let gateway = evidence.gateway.found();
    let domains = gateway.and_then(|gateway| gateway.domains_of(&evidence.target.host).ok()).unwrap_or_default();
    let mut regions: Vec<String> =
        domains.iter().filter(|domain| !domain.is_edge()).filter_map(|domain| domain.region.clone()).collect();
    regions.dedup();
    regions
}

/// S3's word for a bucket that lives elsewhere, and where, if it says so.
fn misplaced(response: &Response) -> Option<String> {
    response
        .body
        .prefix
        .contains("<Code>PermanentRedirect</Code>")
        .then(|| response.headers.first("x-amz-bucket-region").map(|region| format!(", {region}")).unwrap_or_default())
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let name = evidence.origin_name().unwrap_or("d-xxxxxxxxxx.execute-api.REGION.amazonaws.com");
    let target = classify(name);
    let answers = [evidence.edge_answer().ok(), evidence.origin_answer().ok()];
    let told = answers.into_iter().flatten().find(|response| misplaced(response).is_some());
    let shown = told.and_then(|response| response.headers.first("x-amz-bucket-region"));
    let of_account = account_regions(evidence, name);
    let region = shown.or(evidence.target.region.as_deref()).or(of_account.first().map(String::as_str));
    let region = region.unwrap_or("REGION");
    let fix = Fix::new(format!("Point {host} at the target in the region where the service is."));
    if told.is_some() || matches!(target.class, OriginClass::S3Rest | OriginClass::S3Website) {
        let bucket = target.id.unwrap_or_else(|| host.clone());
        let content = match &target.region {
            Some(named) => name.replace(named, region),
            None => format!("{bucket}.s3.{region}.amazonaws.com"),
        };
        let fix = fix.shell("Where the bucket lives", format!("aws s3api get-bucket-location --bucket {bucket}"));
        return change_record(fix, host, &content, true);
    }
    let content = match target.region {
        Some(named) if target.class != OriginClass::GatewayCustomTarget => name.replace(&named, region),
        _ => own_target(evidence, region).unwrap_or_else(|| format!("d-xxxxxxxxxx.execute-api.{region}.amazonaws.com")),
    };
    let fix = fix.shell(
        "The custom domain's target there",
        format!(
            "aws apigatewayv2 get-domain-name --region {region} --domain-name {host} --query \
             'DomainNameConfigurations[0].ApiGatewayDomainName' --output text"
        ),
    );
    change_record(fix, host, &content, true)
}

/// The target of the host's custom domain in this region, where the account is known.
fn own_target(evidence: &Evidence, region: &str) -> Option<String> {
    let domains = evidence.gateway.found()?.domains_of(&evidence.target.host).ok()?;
    domains.iter().find(|domain| domain.region.as_deref() == Some(region))?.target.clone()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn at(name: &str, addresses: &[&str], region: Option<&str>) -> Evidence {
        let mut evidence = declared(chain(&[name], addresses));
        evidence.target.region = region.map(Into::into);
        evidence
    }

    #[test]
    fn by_name_and_wish() {
        const SITE: &str = "b.s3-website-us-west-2.amazonaws.com";
        const NOWHERE: &str = "d-abc123def4.execute-api.us-west-9.amazonaws.com";
        let here = &["192.0.2.1"][..];
        for (name, addresses, region, expected) in [
            (TARGET, here, None, "pass"),
            (TARGET, here, Some("us-west-2"), "pass"),
            (TARGET, here, Some("eu-west-1"), "fail"),
            (TARGET, here, Some("us-west-9"), "inconclusive"),
            (SITE, here, Some("eu-west-1"), "fail"),
            (NOWHERE, &[], None, "fail"),
            (NOWHERE, here, None, "pass"),
            ("d111111abcdef8.cloudfront.net", here, Some("eu-west-1"), "not-applicable"),
        ] {
            assert_eq!(word(&judge(&at(name, addresses, region))), expected, "{name} {region:?}");
        }
        let mut unseen = nothing();
        unseen.target.origin = Some(NOWHERE.parse().unwrap());
        assert_eq!(word(&judge(&unseen)), "warn");
        assert_eq!(word(&judge(&edge(at(TARGET, here, Some("eu-west-1")), 200, ""))), "warn");
        assert_eq!(word(&judge(&with(host(chain(&[HOST, TARGET], here))))), "pass");
        assert_eq!(word(&judge(&with(proxied()))), "not-applicable");
    }

    #[test]
    fn a_bucket_says_where_it_is() {
        let body = "<Error><Code>PermanentRedirect</Code></Error>";
        assert_eq!(word(&judge(&edge(nothing(), 301, body))), "fail");
        let mut direct = nothing();
        direct.origin.http = exchanges(301, &[("x-amz-bucket-region", "ap-northeast-1")], body);
        let verdict = judge(&direct).unwrap();
        assert!(verdict.finding().unwrap().seen.contains("ap-northeast-1"));
        let fixed = format!(
            "{:?}",
            fix(&at("b.s3.us-east-1.amazonaws.com", &[], Some("eu-west-1")), verdict.finding().unwrap())
        );
        assert!(fixed.contains("b.s3.eu-west-1.amazonaws.com"), "{fixed}");
    }

    #[test]
    fn the_same_target_elsewhere_in_the_zone() {
        const ELSEWHERE: &str = "d-abc123def4.execute-api.eu-west-1.amazonaws.com";
        let other =
            serde_json::json!([{"name": "www.example.com", "type": "CNAME", "content": ELSEWHERE, "proxied": true}]);
        let of = |addresses: &[&str]| records(at(TARGET, addresses, None), other.clone());
        assert_eq!(word(&judge(&of(&[]))), "fail");
        assert_eq!(word(&judge(&of(&["192.0.2.1"]))), "pass", "nothing is wrong with this one");
        assert_eq!(word(&judge(&edge(of(&["192.0.2.1"]), 403, ""))), "fail");
        assert_eq!(word(&judge(&edge(of(&["192.0.2.1"]), 200, ""))), "pass");
        let unlike = serde_json::json!([{"name": "eu.example.com", "type": "CNAME", "content": "d-zzz.execute-api.eu-west-1.amazonaws.com"}]);
        assert_eq!(word(&judge(&records(at(TARGET, &[], None), unlike))), "pass", "another API");
    }

    #[test]
    fn by_the_account() {
        let account = |region: &str| {
            let mut site = at(TARGET, &["192.0.2.1"], None);
            let domain = serde_json::json!({"domainName": HOST, "region": region, "regionalDomainName": format!("d-own.execute-api.{region}.amazonaws.com"),
                "endpointConfiguration": {"types": ["REGIONAL"]}});
            let document = serde_json::json!({"domains": [domain]});
            site.gateway = crate::evidence::Gathered::Found(crate::evidence::Gateway::from_document(document));
            site
        };
        assert_eq!(word(&judge(&account("us-west-2"))), "pass");
        assert_eq!(word(&judge(&account("eu-west-1"))), "warn", "nothing was seen of it");
        assert_eq!(word(&judge(&edge(account("eu-west-1"), 403, ""))), "fail");
        assert_eq!(word(&judge(&edge(account("eu-west-1"), 200, ""))), "pass", "another account's");
        let fixed = format!("{:?}", fix(&account("eu-west-1"), &Finding::seen("")));
        assert!(fixed.contains("d-own.execute-api.eu-west-1.amazonaws.com"), "{fixed}");
        let mut balanced = account("eu-west-1");
        balanced.target.origin = Some("my-lb-1234567890.us-west-2.elb.amazonaws.com".parse().unwrap());
        assert_eq!(word(&judge(&balanced)), "pass");
    }
}
