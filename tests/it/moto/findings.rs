//! The probe against moto and a file of the same account give the same findings.

use std::collections::BTreeSet;

use cfdoctor::config::Loaded;
use cfdoctor::probe::aws::{AwsRegions, look};
use cfdoctor::report::TargetReport;
use cfdoctor_checks::evidence::target::DeclaredOrigin;
use cfdoctor_checks::evidence::zone::Zone;
use cfdoctor_checks::evidence::{Evidence, Gateway, Gathered, Target};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{HOME, Moto, budget};

/// What the emulator cannot say (`facts/moto-notes.md`): a domain that is frozen, one that is not there for sure (its
/// versions of the API each keep domains of their own, which the probe asks one after the other).
const NOT_EMULATED: &[&str] = &["aws-domain-frozen"];

/// A site, and what is wrong with it.
struct Row {
    url: &'static str,
    /// What its record points at.
    points_at: Option<String>,
    /// More regions than the one at home.
    wide: bool,
    speaks: &'static [&'static str],
}

fn rows(moto: &Moto) -> Vec<Row> {
    let text = |key: &str| moto.account[key].as_str().unwrap().to_owned();
    let host = |key: &str| text(key).trim_start_matches("https://").trim_end_matches('/').to_owned();
    let row = |url, speaks| Row { url, points_at: None, wide: false, speaks };
    let elsewhere = "d-0000000000.execute-api.eu-central-1.amazonaws.com".to_owned();
    vec![
        row("https://api.example.com/v1/shop/items", &["aws-default-endpoint-open"]),
        row("https://api.example.com/nowhere", &["aws-mapping-missing"]),
        Row {
            points_at: Some(elsewhere.clone()),
            ..row("https://missing.example.com/", &["aws-custom-domain-missing"])
        },
        row("https://ending.example.com/items", &["aws-certificate-renewal-blocked"]),
        row("https://misplaced.example.com/items", &["aws-certificate-region"]),
        row("https://uncovered.example.com/items", &["aws-certificate-unusable"]),
        row("https://mutual.example.com/items", &["aws-mutual-tls-unmet"]),
        row("https://edge.example.com/a", &["aws-endpoint-type"]),
        row("https://old.example.com/a", &["aws-security-policy-outdated", "aws-stage-cache-stacked"]),
        row("https://rest.example.com/shop/a", &["aws-invoke-permission-missing"]),
        Row { points_at: Some(elsewhere), ..row("https://rest.example.com/shop/a", &["aws-target-mismatch"]) },
        Row {
            wide: true,
            points_at: Some(text("split")),
            ..row("https://split.example.com/items", &["aws-region-split"])
        },
        Row { points_at: Some(host("closed")), ..row("https://fn.example.com/", &["aws-function-url-auth"]) },
    ]
}

/// The zone: its record, and nothing that shows a client certificate to the origin.
fn zone(target: &Target, points_at: Option<&str>) -> Zone {
    let records = points_at.map(|to| json!([{"type": "CNAME", "name": target.host, "content": to, "proxied": true}]));
    let document = json!({
        "zone": {"name": "example.com", "status": "active", "type": "full"},
        "dns_records": records,
        "settings": {"tls_client_auth": "off", "ssl": "strict"},
        "page_rules": [], "rulesets": {"http_config_settings": []},
        "origin_tls_client_auth": [], "origin_tls_client_auth_settings": {"enabled": false},
        "origin_tls_client_auth_hostname": {"enabled": false},
    });
    Zone::from_document(document).unwrap()
}

fn report(row: &Row, gateway: Gateway, at: OffsetDateTime) -> TargetReport {
    let mut target: Target = row.url.parse().unwrap();
    target.origin = row.points_at.as_ref().map(|to| DeclaredOrigin { from_zone: true, ..to.parse().unwrap() });
    let zone = zone(&target, row.points_at.as_deref());
    let mut evidence = Evidence::nothing(target, at);
    evidence.zone = Gathered::Found(zone);
    evidence.gateway = Gathered::Found(gateway);
    let checks: Vec<_> = cfdoctor_checks::all().collect();
    Loaded::default().examine(&evidence, &checks, None)
}

/// Of the whole account what its owner would write down for this site: the things that the probe found worth reading. What
/// is told of each is Amazon's own client's word.
fn scoped(account: &Value, gateway: &Gateway) -> Value {
    let mut account = account.clone();
    let arn = |arn: Option<&cfdoctor_checks::evidence::gateway::Arn>| arn.map(|arn| arn.id().to_owned());
    let domains: Vec<&str> = gateway.domains.found().into_iter().flatten().map(|one| one.name.as_str()).collect();
    let apis: Vec<&str> = gateway.apis.found().into_iter().flatten().map(|one| one.id.as_str()).collect();
    let functions: Vec<&str> = gateway.functions.found().into_iter().flatten().map(|one| one.name.as_str()).collect();
    let certificates: Vec<String> =
        gateway.certificates.found().into_iter().flatten().filter_map(|one| arn(one.arn.as_ref())).collect();
    let certificates: Vec<&str> = certificates.iter().map(String::as_str).collect();
    let keys: [(&str, &[&str], &[&str]); 4] = [
        ("domains", &["DomainName", "domainName"], &domains),
        ("apis", &["ApiId", "id"], &apis),
        ("functions", &["FunctionName"], &functions),
        ("certificates", &["CertificateArn"], &certificates),
    ];
    for (list, names, wanted) in keys {
        let is_wanted = |item: &Value| {
            let own = names.iter().find_map(|name| item[*name].as_str()).unwrap();
            wanted.iter().any(|wanted| own == *wanted || own.ends_with(&format!("/{wanted}")))
        };
        account[list].as_array_mut().unwrap().retain(is_wanted);
    }
    account
}

/// What a reader of the report learns, whoever asked AWS.
fn told(report: &TargetReport) -> Value {
    let results = report.results.iter().map(|result| {
        let fix = result.fix.as_ref();
        json!([result.check, result.status, result.severity, result.seen, result.proof, result.caused_by, fix])
    });
    json!({"results": results.collect::<Vec<_>>(), "diagnosis": report.diagnosis, "verdict": report.verdict})
}

pub(super) async fn the_same_findings(moto: &Moto) {
    let at = OffsetDateTime::now_utc();
    let mut spoken = BTreeSet::new();
    for row in rows(moto) {
        let regions = if row.wide { vec![HOME.to_owned(), "us-west-2".into()] } else { vec![HOME.to_owned()] };
        let access = moto.access(HOME, AwsRegions::Named(regions.clone()));
        let target: Target = row.url.parse().unwrap();
        let looked = match look(&target, row.points_at.as_deref(), &access, &budget()).await {
            Gathered::Found(gateway) => gateway,
            Gathered::Missing(why) => panic!("{}: {}", row.url, why.text()),
        };
        let file = scoped(&moto.account["accounts"][regions.join(",")], &looked);
        let file = serde_json::to_vec(&file).unwrap();
        let looked = report(&row, looked, at);
        let read = report(&row, cfdoctor::lint::account(&file).unwrap(), at);
        assert_eq!(told(&looked), told(&read), "{}", row.url);
        let findings = looked.results.iter().filter(|result| result.status.is_finding());
        let found: BTreeSet<String> = findings.map(|result| result.check.to_string()).collect();
        for check in row.speaks {
            assert!(found.contains(*check), "{}: {check} is silent among {found:?}", row.url);
        }
        spoken.extend(found);
    }
    let area = cfdoctor_checks::AREAS.iter().find(|area| area.id == "aws").unwrap();
    let silent: Vec<_> = area.checks.iter().map(|check| check.id).filter(|id| !spoken.contains(*id)).collect();
    assert_eq!(silent, NOT_EMULATED, "of the checks that moto can make speak");
}
