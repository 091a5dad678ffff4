//! `lint` of a Terraform plan with 5,000 resources, and of a small dump: `cargo bench --locked --bench plan`.
//!
//! The plan is made on the fly, as `terraform show -json` writes it (planned values, changes, prior state and
//! configuration): records of several zones, a part of them proxied, domains with certificates, APIs, mappings and
//! functions. Goals: under 500 ms and 200 MB for the plan, under 30 ms from start to finish for the dump.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const RESOURCES: usize = 5_000;
const ROUNDS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, dump) = (folder.path().join("plan.json"), folder.path().join("dump.txt"));
    let hosts = write_plan(&plan);
    let headers = "HTTP/2 200\r\ndate: Mon, 23 Nov 2026 10:00:00 GMT\r\ncontent-type: application/json\r\ncf-cache-status: DYNAMIC\r\n\
                   cf-ray: 8953561510-FRA\r\nserver: cloudflare\r\n\r\n";
    fs::write(&dump, headers).unwrap();
    println!(
        "{} MB, {RESOURCES} resources, {hosts} hosts; medians of {ROUNDS} runs",
        fs::metadata(&plan).unwrap().len() / 1_000_000
    );
    let (time, memory) = median(|| run(&["lint".as_ref(), plan.as_ref()]));
    println!(
        "plan   {:>7.1} ms   peak memory {} MB   (goal: 500 ms, 200 MB)",
        time.as_secs_f64() * 1e3,
        memory.unwrap_or(0) / 1000
    );
    let (small, _) =
        median(|| run(&["lint".as_ref(), dump.as_ref(), "--url".as_ref(), "https://lambda.example.com/".as_ref()]));
    println!("dump   {:>7.1} ms   (goal: 30 ms)", small.as_secs_f64() * 1e3);
    if !cfg!(debug_assertions) {
        assert!(
            time < Duration::from_millis(500) && memory.is_none_or(|kilobytes| kilobytes < 200_000),
            "beyond the goal"
        );
        assert!(small < Duration::from_millis(30), "slower than the goal");
    }
}

fn median(mut measure: impl FnMut() -> (Duration, Option<u64>)) -> (Duration, Option<u64>) {
    let mut runs: Vec<_> = (0..ROUNDS).map(|_| measure()).collect();
    runs.sort();
    runs[ROUNDS / 2]
}

/// Time and peak memory (kB, where the system tells it) of one run.
fn run(arguments: &[&Path]) -> (Duration, Option<u64>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    command.args(arguments).args(["--fail-on", "never", "--no-config", "--format", "json"]);
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("cfdoctor can be started");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    loop {
        if let Some(kilobytes) = fs::read_to_string(&status).ok().and_then(|text| high_water(&text)) {
            peak = peak.max(Some(kilobytes));
        }
        if child.try_wait().unwrap().is_some() {
            return (start.elapsed(), peak);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Writes the plan and tells how many hosts it has.
fn write_plan(path: &Path) -> usize {
    let (mut changes, mut planned, mut written) = (Vec::new(), Vec::new(), Vec::new());
    let mut hosts = 0;
    let mut add = |kind: &str, name: String, after: Value, unknown: Value, expressions: Value| {
        let address = format!("{kind}.{name}");
        changes.push(json!({"address": address, "mode": "managed", "type": kind, "name": name, "provider_name": "registry/x",
            "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": unknown, "before_sensitive": false, "after_sensitive": {}}}));
        planned.push(json!({"address": address, "mode": "managed", "type": kind, "name": name, "provider_name": "registry/x", "values": after, "sensitive_values": {}}));
        written.push(json!({"address": address, "mode": "managed", "type": kind, "name": name, "provider_config_key": kind.split('_').next(), "expressions": expressions}));
    };
    let reference = |to: String| json!({"references": [to]});
    for number in 0..RESOURCES / 10 {
        let zone = format!("{:032x}", number % 5);
        let host = format!("h{number}.zone{}.example", number % 5);
        let name = format!("r{number}");
        // Every fifth site has an API of its own; the other names are of mail, verification and plain services.
        if number % 5 == 0 {
            hosts += 1;
            add(
                "aws_apigatewayv2_api",
                name.clone(),
                json!({"name": host, "protocol_type": "HTTP"}),
                json!({"id": true, "api_endpoint": true}),
                json!({}),
            );
            add(
                "aws_acm_certificate",
                name.clone(),
                json!({"domain_name": host, "validation_method": "DNS"}),
                json!({"arn": true}),
                json!({}),
            );
            add(
                "aws_lambda_function",
                name.clone(),
                json!({"function_name": name, "runtime": "nodejs22.x", "timeout": 10}),
                json!({"arn": true, "invoke_arn": true}),
                json!({}),
            );
            add(
                "aws_lambda_permission",
                name.clone(),
                json!({"statement_id": "g", "action": "lambda:InvokeFunction", "function_name": name, "principal": "apigateway.amazonaws.com"}),
                json!({"source_arn": true}),
                json!({"source_arn": reference(format!("aws_apigatewayv2_api.{name}.execution_arn"))}),
            );
            add(
                "aws_apigatewayv2_integration",
                name.clone(),
                json!({"integration_type": "AWS_PROXY"}),
                json!({"id": true, "api_id": true, "integration_uri": true}),
                json!({"api_id": reference(format!("aws_apigatewayv2_api.{name}.id")), "integration_uri": reference(format!("aws_lambda_function.{name}.invoke_arn"))}),
            );
            add(
                "aws_apigatewayv2_route",
                name.clone(),
                json!({"route_key": "$default"}),
                json!({"api_id": true, "target": true}),
                json!({"api_id": reference(format!("aws_apigatewayv2_api.{name}.id")), "target": reference(format!("aws_apigatewayv2_integration.{name}.id"))}),
            );
            add(
                "aws_apigatewayv2_domain_name",
                name.clone(),
                json!({"domain_name": host, "domain_name_configuration": [{"endpoint_type": "REGIONAL", "security_policy": "TLS_1_2"}]}),
                json!({"domain_name_configuration": [{"certificate_arn": true, "target_domain_name": true}]}),
                json!({"domain_name_configuration": [{"certificate_arn": reference(format!("aws_acm_certificate.{name}.arn"))}]}),
            );
            add(
                "aws_apigatewayv2_api_mapping",
                name.clone(),
                json!({"domain_name": host, "stage": "$default"}),
                json!({"api_id": true}),
                json!({"api_id": reference(format!("aws_apigatewayv2_api.{name}.id"))}),
            );
            add(
                "cloudflare_dns_record",
                name.clone(),
                json!({"zone_id": zone, "name": host, "type": "CNAME", "proxied": true, "ttl": 1}),
                json!({"content": true}),
                json!({"content": reference(format!("aws_apigatewayv2_domain_name.{name}.domain_name_configuration[0].target_domain_name"))}),
            );
            add(
                "aws_cloudwatch_log_group",
                name.clone(),
                json!({"name": host, "retention_in_days": 30}),
                json!({"arn": true}),
                json!({}),
            );
        } else {
            for part in 0..10 {
                let content = format!("192.0.2.{}", (number + part) % 250);
                add(
                    "cloudflare_dns_record",
                    format!("{name}_{part}"),
                    json!({"zone_id": zone, "name": format!("p{part}.{host}"), "type": "A", "content": content, "proxied": false, "ttl": 300}),
                    json!({"id": true}),
                    json!({"content": {"constant_value": content}}),
                );
            }
        }
    }
    for zone in 0..5 {
        let id = format!("{zone:032x}");
        add(
            "cloudflare_zone_setting",
            format!("ssl{zone}"),
            json!({"zone_id": id, "setting_id": "ssl", "value": "strict"}),
            json!({}),
            json!({}),
        );
        let rules: Vec<Value> = (0..20).map(|n| json!({"description": format!("rule {n}"), "expression": format!("http.host eq \"h{n}.zone{zone}.example\""), "action": "set_cache_settings", "enabled": true, "action_parameters": {"cache": true}})).collect();
        add(
            "cloudflare_ruleset",
            format!("cache{zone}"),
            json!({"zone_id": id, "kind": "zone", "phase": "http_request_cache_settings", "rules": rules}),
            json!({}),
            json!({}),
        );
    }
    let plan = json!({
        "format_version": "1.2", "terraform_version": "1.9.8",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"provider_config": {"aws": {"expressions": {"region": {"constant_value": "us-west-2"}}}}, "root_module": {"resources": written}},
    });
    fs::write(path, plan.to_string()).unwrap();
    hosts
}
