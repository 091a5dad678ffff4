//! Plans, templates and certificate chains: as a gate without network, and laid over live answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use cfdoctor::Report;
use cfdoctor::lint::declared::Tomorrow;
use cfdoctor::lint::plans;
use cfdoctor::report::{Status, TargetReport};
use cfdoctor_checks::evidence::target::DeclaredOrigin;
use cfdoctor_checks::evidence::{Evidence, Gathered, Zone};
use serde_json::{Value, json};

use crate::fixtures;

const EXAMPLE: &str = "tests/example-repository";
const HOST: &str = "lambda.example.com";

/// Standard output, standard error, exit code.
fn run(arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CLOUDFLARE_") || name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("LANG", "C.UTF-8").env_remove("GITHUB_STEP_SUMMARY");
    let output = command.args(arguments).timeout(std::time::Duration::from_secs(60)).output().unwrap();
    let Output { status, stdout, stderr } = output;
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.code().unwrap())
}

fn report(arguments: &[&str]) -> (Report, i32) {
    let (out, told, code) = run(&[arguments, &["--format", "json"]].concat());
    (serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{told}")), code)
}

fn finding<'a>(target: &'a TargetReport, check: &str) -> Option<&'a cfdoctor::report::ResultReport> {
    target.results.iter().find(|result| result.check == check && result.status.is_finding())
}

fn status(target: &TargetReport, check: &str) -> Status {
    target.results.iter().find(|result| result.check == check).unwrap().status
}

#[test]
fn the_gate_opens_for_the_good_plan_and_shuts_for_the_bad_one() {
    let (good, code) = report(&["lint", &format!("{EXAMPLE}/good/plan.json")]);
    assert_eq!(code, 0, "{:?}", good.targets[0].results.iter().filter(|r| r.status.is_finding()).collect::<Vec<_>>());
    for check in ["dns-target-default-endpoint", "aws-target-mismatch", "aws-mapping-missing", "aws-certificate-region"]
    {
        assert_eq!(status(&good.targets[0], check), Status::Pass, "{check}");
    }
    let plan = format!("{EXAMPLE}/bad/plan.json");
    let (bad, code) = report(&["lint", &plan]);
    assert_eq!(code, 1);
    let target = &bad.targets[0];
    assert_eq!(target.url, "https://lambda.example.com/");
    let text = fs::read_to_string(&plan).unwrap();
    for (check, resource) in [
        ("dns-target-default-endpoint", "cloudflare_record.lambda"),
        ("cloudflare-ssl-mode-weak", "cloudflare_zone_settings_override.main"),
        ("cloudflare-minimum-tls-weak", "cloudflare_zone_settings_override.main"),
        ("cloudflare-rule-never-matches", "cloudflare_ruleset.cache"),
        ("aws-default-endpoint-open", "aws_apigatewayv2_api.api"),
    ] {
        let Some(found) = finding(target, check) else {
            // The API of the bad plan belongs to no domain, which is all that is wrong with it.
            assert_eq!(check, "aws-default-endpoint-open");
            continue;
        };
        let place = found.declared_at.as_ref().unwrap_or_else(|| panic!("{check} has no place"));
        assert_eq!(place.file, plan, "{check}");
        assert!(text.lines().nth(place.line as usize - 1).unwrap().contains(resource), "{check}: {place:?}");
        assert!(found.proof.iter().any(|line| line.contains(resource)), "{check}: {:?}", found.proof);
    }
    let told = serde_json::to_string(&bad).unwrap();
    assert!(!told.contains("knownafterapply"), "what stands in for an unknown name is never told");
    assert!(told.contains("${aws_apigatewayv2_api.api.api_endpoint}"));
}

#[test]
fn code_scanning_gets_the_line_of_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.sarif");
    let out = format!("sarif={}", file.display());
    let (_, told, code) = run(&["lint", &format!("{EXAMPLE}/bad/plan.json"), "-o", &out]);
    assert_eq!(code, 1, "{told}");
    let sarif: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let one = results.iter().find(|one| one["ruleId"] == "cloudflare-ssl-mode-weak").unwrap();
    let place = &one["locations"][0]["physicalLocation"];
    assert!(place["artifactLocation"]["uri"].as_str().unwrap().ends_with("bad/plan.json"), "{place}");
    assert!(place["region"]["startLine"].as_u64().unwrap() > 1, "{place}");
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn bad_input_is_refused_with_place_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let good = fs::read_to_string(format!("{EXAMPLE}/good/plan.json")).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec![HOST.into()]).unwrap().self_signed(&key).unwrap();
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let cycle = "Resources:\n  A: {Type: AWS::Lambda::Function, Properties: {FunctionName: !Ref B}}\n  B: {Type: AWS::Lambda::Function, Properties: {FunctionName: !Ref A}}\n";
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let rows: &[(&str, &str, &[&str])] = &[
        ("cut.json", good.get(..good.len() / 3).unwrap(), &["cut off", "line ", "terraform show -json"]),
        ("other.json", &good.replacen("\"1.2\"", "\"3.0\"", 1), &["format_version", "Terraform 1.x"]),
        ("cycle.yaml", cycle, &["A → B → A", "Break it"]),
        ("yaml.yaml", "AWSTemplateFormatVersion: x\nResources:\n  A: [\n", &["line ", "column "]),
        ("locked.pem", &format!("{}{locked}", leaf.pem()), &["encrypted", "openssl pkey"]),
        ("mixed.pem", &format!("{}{other}", leaf.pem()), &["does not belong to the certificate of lambda.example.com"]),
    ];
    for (name, text, wanted) in rows {
        let path = written(folder, name, text);
        let (out, told, code) = run(&["lint", &path, "--url", "https://lambda.example.com/"]);
        assert_eq!((code, out.as_str()), (2, ""), "{name}: {told}");
        assert!(told.contains(&path), "{name}: {told}");
        wanted.iter().for_each(|wanted| assert!(told.contains(wanted), "{name}: {told}"));
        assert!(!told.contains(other.lines().nth(1).unwrap()), "{told}");
    }
    let cut = folder.join("cut.json").display().to_string();
    let (_, told, code) = run(&["check", HOST, "--plan", &cut]);
    assert!(code == 2 && told.contains("--plan ") && told.contains("cut off"), "{told}");
    let empty = written(folder, "empty.json", "{\"format_version\": \"1.2\", \"resource_changes\": []}");
    let (_, told, code) = run(&["lint", &empty]);
    assert!(code == 4 && told.contains("--url"), "{told}");
}

#[test]
fn a_chain_is_judged_as_the_origin_will_send_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["other.example.com".into()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2024, 1, 1);
    let leaf = parameters.self_signed(&key).unwrap();
    let text = format!("Bag Attributes\n\n{}\ntext after it\n{}", leaf.pem(), key.serialize_pem());
    let path = written(folder, "chain.pem", &text);
    let (report, code) = report(&["lint", &path, "--url", "https://lambda.example.com/"]);
    assert_eq!(code, 1);
    let target = &report.targets[0];
    for check in ["origin-certificate-expired", "origin-certificate-name-mismatch", "origin-certificate-untrusted"] {
        let found = finding(target, check).unwrap_or_else(|| panic!("{check}: {:?}", target.results));
        let place = found.declared_at.as_ref().unwrap();
        assert_eq!((place.file.as_str(), place.line), (path.as_str(), 3), "{check}");
    }
    assert!(!serde_json::to_string(&report).unwrap().contains(key.serialize_pem().lines().nth(1).unwrap()));
}

#[test]
fn without_a_target_the_plan_names_them() {
    let (out, told, code) = run(&["check", "--plan", &format!("{EXAMPLE}/good/plan.json"), "--dry-run"]);
    assert!(code == 0 && out.contains(HOST), "{out}{told}");
}

/// No name can be looked up here, and yet the plan is judged: what it changes, and what breaks.
#[test]
fn the_plan_is_judged_over_what_is_live() {
    let plan = format!("{EXAMPLE}/bad/plan.json");
    let (report, code) = report(&[
        "https://lambda.example.com/endpoint",
        "--plan",
        &plan,
        "--resolver",
        "127.0.0.1:9",
        "--deadline",
        "5s",
        "--no-progress",
    ]);
    assert_eq!(code, 1);
    let target = &report.targets[0];
    assert!(finding(target, "cloudflare-ssl-mode-weak").unwrap().declared_at.is_some());
    assert_eq!(status(target, "dns-name-unresolvable"), Status::NotRun, "today's name is not tomorrow's");
    let notices = target.notices.join("\n");
    assert!(
        notices.contains(
            "the plan creates cloudflare_record.lambda (CNAME ${aws_apigatewayv2_api.api.api_endpoint} (proxied))"
        ),
        "{notices}"
    );
    assert!(notices.contains("cloudflare_zone_settings_override.main (ssl: flexible)"), "{notices}");
}

/// A site that is well today.
fn today() -> Evidence {
    let fixture = fixtures::all().iter().find(|fixture| fixture.name == "healthy-zone").unwrap();
    fixture.evidence.clone()
}

fn change(address: &str, actions: Value, before: Value, after: Value) -> Value {
    let (kind, name) = address.split_once('.').unwrap();
    json!({"address": address, "mode": "managed", "type": kind, "name": name,
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": {}}})
}

fn zone_id(evidence: &Evidence) -> String {
    evidence.zone.get().unwrap().id_or_placeholder().to_owned()
}

/// What is reported of the site once the plan lies over it, and the evidence.
fn over(evidence: Evidence, changes: &[Value]) -> (TargetReport, Evidence) {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("plan.json");
    fs::write(&file, json!({"format_version": "1.2", "resource_changes": changes}).to_string()).unwrap();
    let plan = Tomorrow::new(plans(&[file], Some("us-west-2")).unwrap());
    let mut evidence = evidence;
    evidence.zone = plan.zone(HOST, evidence.zone);
    evidence.gateway = plan.gateway(evidence.gateway);
    let recorded = DeclaredOrigin::of_record(evidence.zone.get().unwrap().records.get().unwrap(), HOST).unwrap();
    evidence.target.origin = Some(DeclaredOrigin { assumed: plan.moves_origin(HOST), ..recorded });
    plan.adjust(&mut evidence);
    let checks: Vec<_> = cfdoctor_checks::all().collect();
    let mut report = cfdoctor::report::examine(&evidence, &checks);
    plan.anchor(&mut report);
    (report, evidence)
}

fn record(id: &str, zone: &str, content: &str) -> Value {
    json!({"id": id, "zone_id": zone, "name": HOST, "type": "CNAME", "content": content, "proxied": true, "ttl": 1})
}

#[test]
fn a_plan_that_changes_nothing_changes_no_answer() {
    let zone = zone_id(&today());
    let same = record("1", &zone, "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com");
    let (report, evidence) = over(today(), &[change("cloudflare_dns_record.r", json!(["no-op"]), same.clone(), same)]);
    let findings: Vec<_> = report.results.iter().filter(|result| result.status.is_finding()).collect();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((report.notices, evidence.target.origin.unwrap().assumed), (Vec::<String>::new(), false));
    assert_eq!(evidence.edge, today().edge);
}

#[test]
fn a_record_that_moves_makes_todays_edge_worthless() {
    let zone = zone_id(&today());
    let (before, after) = (
        record("1", &zone, "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com"),
        record("1", &zone, "a1b2c3d4e5.execute-api.us-west-2.amazonaws.com"),
    );
    let (report, evidence) = over(today(), &[change("cloudflare_dns_record.r", json!(["update"]), before, after)]);
    assert!(evidence.target.origin.as_ref().unwrap().assumed);
    assert!(evidence.edge.http.found().is_none() && evidence.edge.tls.found().is_some());
    assert_eq!(evidence.zone.get().unwrap().records.get().unwrap().0.len(), 1);
    let found = finding(&report, "dns-target-default-endpoint").unwrap();
    assert!(found.proof.iter().any(|line| line.contains("cloudflare_dns_record.r")), "{found:?}");
    assert!(
        report.notices[0].contains("d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com (proxied) → a1b2c3d4e5"),
        "{:?}",
        report.notices
    );
}

#[test]
fn a_rule_for_the_cache_is_judged_by_what_it_will_do() {
    let zone = zone_id(&today());
    let rule = |expression: &str| {
        json!({"zone_id": zone, "kind": "zone", "phase": "http_request_cache_settings", "rules": [
        {"description": "all", "expression": expression, "action": "set_cache_settings", "enabled": true, "action_parameters": {"cache": false}}]})
    };
    let (report, evidence) =
        over(today(), &[change("cloudflare_ruleset.cache", json!(["create"]), Value::Null, rule("true"))]);
    assert!(!format!("{:?}", evidence.edge.http).contains("cf-cache-status"), "today's cache tells nothing of it");
    let found = finding(&report, "cache-rule-bypasses").unwrap_or_else(|| panic!("{:?}", report.results));
    assert_eq!(found.status, Status::Fail, "the fixture wants it cached");
    assert!(found.declared_at.is_some());
    let (report, _) = over(
        today(),
        &[change(
            "cloudflare_ruleset.cache",
            json!(["create"]),
            Value::Null,
            rule("http.host eq \"other.example.com\""),
        )],
    );
    assert!(finding(&report, "cache-rule-bypasses").is_none());
}

#[test]
fn todays_errors_are_not_blamed_on_what_mends_them() {
    let fixture = fixtures::all().iter().find(|fixture| fixture.name == "mapping-missing").unwrap();
    let mut evidence = fixture.evidence.clone();
    evidence.zone = Gathered::Found(
        Zone::from_document(json!({"dns_records": [
        record("1", "z1", "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com")]}))
        .unwrap(),
    );
    let domain = json!({"id": HOST, "domain_name": HOST, "domain_name_configuration": [{"endpoint_type": "REGIONAL",
        "security_policy": "TLS_1_2", "target_domain_name": "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com"}]});
    let kept = change("aws_apigatewayv2_domain_name.d", json!(["no-op"]), domain.clone(), domain);
    let mapping = change(
        "aws_apigatewayv2_api_mapping.m",
        json!(["create"]),
        Value::Null,
        json!({"domain_name": HOST, "api_id": "a1b2c3d4e5", "stage": "$default"}),
    );
    let (before, _) = over(evidence.clone(), std::slice::from_ref(&kept));
    assert!(finding(&before, "edge-gateway-rejects").is_some(), "{:?}", before.results);
    let (after, evidence) = over(evidence, &[kept, mapping]);
    assert!(finding(&after, "edge-gateway-rejects").is_none() && evidence.edge.http.found().is_none());
    assert_eq!(status(&after, "aws-mapping-missing"), Status::Pass);
}
