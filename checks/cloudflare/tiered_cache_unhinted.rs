//! Smart Tiered Cache cannot tell where an AWS origin is, unless it is told (`facts/cloudflare.md` section 0 and 1.10,
//! gotcha 29).

use super::api;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::cache::{Observed, RuleSays};
use crate::model::origin_host::{OriginClass, OriginHost, classify};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-tiered-cache-unhinted",
    title: "Smart Tiered Cache knows the origin's region",
    severity: Severity::Low,
    needs: &[Probe::Zone, Probe::Dns, Probe::EdgeHttp],
    why: "Smart Tiered Cache measures where an origin is, and picks one upper data centre beside it. Addresses of AWS \
          are anycast or shared by a region, so it cannot: more data centres ask the origin than need to. Since April \
          2026 a hint names the region.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/cache/how-to/tiered-cache/",
        "https://developers.cloudflare.com/changelog/2026-04-17-smart-tiered-cache-for-public-cloud/",
        "https://developers.cloudflare.com/api/resources/cache/subresources/origin_cloud_regions/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let zone = evidence.zone_of_host()?;
    evidence.meant_for_the_edge()?;
    if !*zone.settings.smart_topology.get()? {
        return Ok(Verdict::pass("Smart Tiered Cache is off"));
    }
    if zone.settings.tiered_caching.found() == Some(&false) {
        return Ok(Verdict::pass("Tiered Cache is off"));
    }
    let (name, origin) = origin(evidence)?;
    if !uses_the_cache(evidence) {
        return Err(NotRun::not_applicable("nothing shows that this URL uses the cache"));
    }
    let hints = zone.cloud_regions.get()?;
    let of_aws = |vendor: &Option<String>| vendor.as_deref().is_none_or(|vendor| vendor.eq_ignore_ascii_case("aws"));
    if let Some(hint) = hints.iter().find(|hint| of_aws(&hint.vendor)) {
        let region = hint.region.as_deref().unwrap_or("a region");
        return Ok(Verdict::pass(format!("the zone has a hint for AWS, {region}")));
    }
    let finding = Finding::seen(format!(
        "Smart Tiered Cache is on, the origin is {}, and the zone has no region hint for it",
        origin.class.one()
    ))
    .proof(format!("the record leads to {name}"))
    .proof("tiered_cache_smart_topology_enable: on; hints for AWS: none");
    // Which hint Cloudflare takes for which origin is documented by address only.
    Ok(Verdict::Warn(finding.confidence(Confidence::Medium)))
}

/// The origin, where it is a service of AWS whose addresses tell no place.
fn origin(evidence: &Evidence) -> Result<(&str, OriginHost), NotRun> {
    let name = evidence.origin_name().ok_or_else(NotRun::origin_unknown)?;
    let origin = classify(name);
    match origin.class {
        OriginClass::Unknown => Err(NotRun::not_applicable(format!("{name} is not known to be at AWS"))),
        OriginClass::Ec2 => {
            Err(NotRun::not_applicable(format!("{name} has an address of its own, which can be measured")))
        }
        _ => Ok((name, origin)),
    }
}

/// A rule makes the URL eligible, or an answer asked the cache.
fn uses_the_cache(evidence: &Evidence) -> bool {
    let by_rule =
        evidence.effective().is_ok_and(|effective| effective.cache.rule.certain() == Some(&RuleSays::Eligible));
    let asked = |status: crate::evidence::http::CacheStatus| status.proves_eligible();
    by_rule
        || evidence.edge.http.found().is_some() && Observed::of(evidence).statuses().any(|status| asked(status.clone()))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let region = evidence.target.region.clone().or_else(|| classify(evidence.origin_name()?).region);
    let region = region.unwrap_or_else(|| "REGION".into());
    let chain = evidence.origin_chain().ok().map(|chain| chain.addresses()).unwrap_or_default();
    let address = chain.first().map_or_else(|| "ORIGIN_ADDRESS".into(), ToString::to_string);
    // Where the probe reads the hints too (`facts/cloudflare.md` 8.3); its predecessor, `/cache/origin_cloud_regions`,
    // ended on 2026-10-01.
    let path = format!("/origin/cloud_regions/{address}");
    let body = serde_json::json!({ "origin_ip": address, "vendor": "aws", "region": region }).to_string();
    Fix::new(format!("Tell Smart Tiered Cache that the origin is in aws/{region}."))
        .dashboard(format!("Caching → Tiered Cache → Smart Tiered Cache → origin region: AWS, {region}"))
        .api("The hint, for one address of the origin", api::call("PUT", &path, Some(&body)))
        .terraform(
            "The same, Cloudflare provider v5",
            format!(
                "resource \"cloudflare_origin_cloud_region\" \"origin\" {{\n  zone_id   = var.zone_id\n  origin_ip = \
                 \"{address}\"\n  vendor    = \"aws\"\n  region    = \"{region}\"\n}}"
            ),
        )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::zone_testing::*;
    use super::*;

    fn of(settings: Value, hints: Value, target: &str) -> Evidence {
        let document = json!({"zone": {"name": "example.com"}, "settings": settings, "cloud_regions": hints});
        let mut evidence = with(document);
        evidence.target.origin = Some(target.parse().unwrap());
        evidence
    }

    #[test]
    fn only_where_all_of_it_holds() {
        let on = || json!({"tiered_caching": "on", "tiered_cache_smart_topology_enable": "on"});
        let hint = |vendor: &str| json!([{"origin_ip": "192.0.2.1", "vendor": vendor, "region": "us-west-2"}]);
        assert_eq!(word(&CHECK, &served(of(on(), json!([]), TARGET))), "warn/medium");
        assert_eq!(word(&CHECK, &served(of(on(), hint("gcp"), TARGET))), "warn/medium");
        assert_eq!(word(&CHECK, &served(of(on(), hint("aws"), TARGET))), "pass");
        assert_eq!(word(&CHECK, &served(of(on(), Value::Null, TARGET))), "blocked");
        assert_eq!(word(&CHECK, &of(on(), json!([]), TARGET)), "not-applicable", "nothing is cached");
        assert_eq!(word(&CHECK, &served(of(on(), json!([]), "origin.example.net"))), "not-applicable");
        let off = json!({"tiered_caching": "on", "tiered_cache_smart_topology_enable": "off"});
        assert_eq!(word(&CHECK, &served(of(off, json!([]), TARGET))), "pass");
        assert_eq!(
            word(
                &CHECK,
                &served(of(
                    json!({"tiered_cache_smart_topology_enable": "on", "tiered_caching": "off"}),
                    json!([]),
                    TARGET
                ))
            ),
            "pass"
        );
        assert_eq!(word(&CHECK, &served(of(json!({}), json!([]), TARGET))), "blocked");
        let fix = CHECK.mend(&of(on(), json!([]), TARGET), &Finding::seen("x"));
        assert!(fix.summary.contains("aws/us-west-2"), "{}", fix.summary);
        let put = &fix.steps.iter().find(|step| step.text.contains("curl")).unwrap().text;
        assert!(put.contains("-X PUT") && put.contains("/origin/cloud_regions/"), "where the probe reads it: {put}");
    }
}
