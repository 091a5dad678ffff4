//! What the APIs tell: the same whichever way it comes, and obeyed by the probes.

use std::collections::BTreeMap;

use cfdoctor_checks::Probe;
use cfdoctor_checks::diagnosis::assess;
use cfdoctor_checks::evidence::{Evidence, Gateway, Gathered, Zone};
use serde_json::json;

use super::sound;
use crate::demo::{Scenario, Sight, World, find, zone_document};
use crate::probe::budget::Budget;
use crate::settings::Settings;

async fn gathered(world: &World, settings: &Settings) -> Evidence {
    crate::gather(&world.target(Sight::Known), settings, &Budget::quiet(settings.deadline)).await
}

/// Check → verdict in words, and the cause.
fn answers(evidence: &Evidence) -> (BTreeMap<&'static str, String>, Option<&'static str>) {
    let assessment = assess(evidence, cfdoctor_checks::all());
    let words = assessment.results.iter().map(|judged| {
        let word = match &judged.answer {
            Ok(cfdoctor_checks::Verdict::Pass(_)) => "pass",
            Ok(cfdoctor_checks::Verdict::Warn(_)) => "warn",
            Ok(cfdoctor_checks::Verdict::Fail(_)) => "fail",
            Err(why) => why.kind(),
        };
        (judged.check.id, word.to_owned())
    });
    (words.collect(), assessment.diagnosis.map(|diagnosis| diagnosis.cause))
}

#[tokio::test]
async fn a_token_and_a_file_give_the_same_report() {
    for name in ["healthy", "flexible", "not-eligible", "not-proxied", "browser-ttl"] {
        let scenario = find(name).unwrap();
        let world = World::start(scenario).await.unwrap();
        let with_token = Settings { aws: None, ..world.settings(Sight::Known) };
        let told = gathered(&world, &with_token).await;
        assert!(told.zone.found().is_some(), "{name}: {:?}", told.zone.get());
        let file = Zone::from_document(zone_document::document(scenario)).unwrap();
        let with_file = Settings { zone_file: Some(file.into()), ..world.settings(Sight::BlackBox) };
        let read = gathered(&world, &with_file).await;
        assert_eq!(answers(&told), answers(&read), "{name}");
        assert_eq!(told.target.origin, read.target.origin, "{name}");
    }
}

#[tokio::test]
async fn the_origin_is_asked_as_the_zones_rules_say() {
    let scenario = Scenario {
        told: |zone| {
            zone["rulesets"]["http_request_origin"] = json!([{"expression": "(http.host eq \"lambda.example.com\")",
                "enabled": true, "action": "route", "action_parameters": {"host_header": "shop.example.com"}}]);
            zone["rulesets"]["http_request_transform"] = json!([{"expression": "true", "enabled": true,
                "action": "rewrite", "action_parameters": {"uri": {"path": {"value": "/v2/endpoint"}}}}]);
        },
        ..sound()
    };
    let world = World::start(&scenario).await.unwrap();
    let evidence = gathered(&world, &world.settings(Sight::Known)).await;
    let handshake = evidence.origin.tls.found().unwrap();
    assert_eq!(handshake.server_name.as_deref(), Some("shop.example.com"));
    let asked = &evidence.origin.http.found().unwrap().samples[0].request.url;
    assert_eq!(asked, "https://shop.example.com/v2/endpoint");
}

#[tokio::test]
async fn a_useless_token_harms_nothing_else() {
    let world = World::start(find("healthy").unwrap()).await.unwrap();
    let known = world.settings(Sight::Known);
    let unusable = crate::settings::Credential::Unusable("the token has a line break in it".into());
    let settings = Settings { cloudflare: unusable, aws: None, ..known };
    let target = world.target(Sight::BlackBox);
    let evidence = crate::gather(&target, &settings, &Budget::quiet(settings.deadline)).await;
    assert!(matches!(&evidence.zone, Gathered::Missing(why) if why.text().contains("line break")));
    assert!(evidence.edge_answer().is_ok() && evidence.origin.tls.found().is_some());
}

#[tokio::test]
async fn acms_validation_records_are_looked_up_where_a_check_asks() {
    let world = World::start(find("healthy").unwrap()).await.unwrap();
    let host = &world.target(Sight::BlackBox).host;
    let records: Vec<_> = (0..6)
        .map(|number| {
            let record =
                json!({"Name": format!("_{number}d9.{host}."), "Type": "CNAME", "Value": "_c9.acm-validations.aws."});
            json!({"DomainName": host, "ValidationMethod": "DNS", "ResourceRecord": record})
        })
        .collect();
    let account =
        Gateway::from_document(json!({"certificates": [{"SubjectAlternativeNames": [host], "Status": "ISSUED",
        "Type": "AMAZON_ISSUED", "NotAfter": "2099-01-01T00:00:00Z", "DomainValidationOptions": records}]}));
    let asked = Settings { gateway_file: Some(account.into()), ..world.settings(Sight::BlackBox) };
    let evidence = gathered(&world, &asked).await;
    let seen = &evidence.dns.found().unwrap().validation;
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert!(seen.iter().all(|chain| chain.ipv4 == cfdoctor_checks::evidence::dns::Lookup::NxDomain), "{seen:?}");
    assert_eq!(answers(&evidence).0["aws-certificate-renewal-blocked"], "warn");
    let mut unasked = asked;
    unasked.probes.remove(&Probe::Gateway);
    assert!(gathered(&world, &unasked).await.dns.found().unwrap().validation.is_empty());
}
