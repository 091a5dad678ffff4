//! Files that hold canaries, read by `lint` and by `check`.

use std::fs;

use super::*;

/// Files with canaries where people leave them: name and text.
fn inputs() -> Vec<(&'static str, String)> {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{PRIVATE_KEY}\n-----END PRIVATE KEY-----\n");
    let basic = BASE64.encode(format!("user:{PASSWORD}"));
    let url = format!("https://lambda.example.com/endpoint?X-Amz-Signature={SIGNATURE}");
    let dump = format!(
        "* Connected to lambda.example.com (192.0.2.1) port 443\n> GET /endpoint?X-Amz-Signature={SIGNATURE} HTTP/1.1\n\
         > Host: lambda.example.com\n> Authorization: Basic {basic}\n> Cookie: sid={COOKIE}\n> X-Api-Key: {API_KEY}\n>\n\
         < HTTP/1.1 200 OK\n< Date: Mon, 23 Nov 2026 10:00:00 GMT\n< CF-Ray: 8f0000000000abcd-FRA\n\
         < Set-Cookie: sid={COOKIE}; Path=/\n< X-Echo: {COOKIE} {PASSWORD}\n< no header {COOKIE}\n\
         < Location: /landing?token={AUTHORIZATION}\n<\nyou sent {PASSWORD}, {COOKIE} and {API_KEY}\n\
         {{\"token\": \"{TOKEN}\", \"Authorization\": \"Bearer {AUTHORIZATION}\"}}\n{pem}"
    );
    let line = |name: &str, value: &str| serde_json::json!({"name": name, "value": value});
    let har = serde_json::json!({"log": {"version": "1.2", "entries": [
        {"startedDateTime": "2026-11-23T10:00:00Z", "time": 1,
         "request": {"method": "GET", "url": url, "headers": [line("Cookie", &format!("sid={COOKIE}")),
            line("Authorization", &format!("Bearer {AUTHORIZATION}")), line("X-Api-Key", API_KEY)],
            "cookies": [line("sid", COOKIE)], "queryString": [line("X-Amz-Signature", SIGNATURE)],
            "postData": {"mimeType": "text/plain", "text": PASSWORD}},
         "response": {"status": 500, "httpVersion": "h2", "headers": [line("X-Echo", AUTHORIZATION),
            line("set-cookie", &format!("sid={COOKIE}\nother={COOKIE}")),
            line("location", &format!("https://lambda.example.com/?u=a%26X-Amz-Signature%3D{SIGNATURE}"))],
            "cookies": [line("sid", COOKIE)],
            "content": {"size": 9, "mimeType": "text/plain", "text": format!("{COOKIE} {AUTHORIZATION} {API_KEY}")}}},
        {"request": {"method": "GET", "url": url}, "response": {"status": TOKEN}},
        {"request": {"method": "GET", "url": 7, "headers": TOKEN}, "response": {"status": 200}},
    ]}});
    let observations = serde_json::json!({"dns": [{"name": "lambda.example.com", "type": "A", "data": "192.0.2.1"},
        {"name": 7, "type": TOKEN}, TOKEN], "tls": [{"peer": TOKEN}, {"peer": "origin", "sans": TOKEN},
        {"peer": "origin", "error": format!("got Bearer {AUTHORIZATION}")}]});
    let zone = serde_json::json!({"zone": {"id": "0123456789abcdef0123456789abcdef", "name": "example.com",
            "account": {"id": TOKEN}, "owner": {"email": COOKIE}},
        "dns_records": [{"type": "TXT", "name": "lambda.example.com", "content": TOKEN, "comment": TOKEN},
            {"type": "CNAME", "name": "lambda.example.com", "content": "origin.example.net", "proxied": true}],
        "settings": {"ssl": TOKEN.len()},
        "page_rules": [{"targets": [{"target": "url", "constraint": {"operator": "matches", "value": "*.example.com/*"}}],
            "actions": [{"id": "forwarding_url", "value": {"url": format!("https://x.example.com/?token={SIGNATURE}")}}]}],
        "rulesets": {"http_request_cache_settings": [{"action": "set_cache_settings", "enabled": true,
            "expression": format!("http.request.headers[\"x-api-key\"][0] eq \"{TOKEN}\""),
            "action_parameters": {"cache": false}}],
         "http_request_late_transform": [{"action": "rewrite", "enabled": true, "expression": "true",
            "action_parameters": {"headers": {"X-Origin-Verify": {"operation": "set", "value": TOKEN}}}}]}});
    let account = serde_json::json!({"domains": [{"domainName": "lambda.example.com", "region": "us-west-2",
            "regionalDomainName": "d-abc.execute-api.us-west-2.amazonaws.com"}],
        "functions": [{"FunctionName": "f", "FunctionArn": "arn:aws:lambda:us-west-2:123456789012:function:f",
            "region": "us-west-2", "Environment": {"Variables": {"DB_PASSWORD": PASSWORD, "TOKEN": TOKEN}}}],
        "apis": [{"apiId": "abc", "region": "us-west-2", "integrations": [{"integrationId": "i",
            "requestParameters": {"overwrite:header.x-api-key": format!("'{TOKEN}'")},
            "integrationUri": format!("https://user:{PROXY}@x.example.com/")}],
            "stages": [{"stageName": "$default", "stageVariables": {"key": TOKEN}}]}]});
    let change = |kind: &str, after: serde_json::Value| {
        serde_json::json!({"address": format!("{kind}.a"), "mode": "managed", "type": kind, "name": "a",
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": {},
                "after_sensitive": {"value": true, "certificate_private_key": true}}})
    };
    let plan = serde_json::json!({"format_version": "1.2", "terraform_version": "1.9.0",
    "variables": {"token": {"value": TOKEN}},
    "configuration": {"provider_config": {"cloudflare": {"name": "cloudflare",
        "expressions": {"api_token": {"constant_value": TOKEN}}}}, "root_module": {}},
    "resource_changes": [
        change("aws_lambda_function", serde_json::json!({"function_name": "f", "timeout": TOKEN,
            "environment": [{"variables": {"PASSWORD": PASSWORD}}]})),
        change("aws_api_gateway_domain_name", serde_json::json!({"domain_name": "lambda.example.com",
            "certificate_private_key": pem, "certificate_body": pem})),
        change("cloudflare_record", serde_json::json!({"name": "lambda.example.com", "type": "TXT",
            "content": TOKEN, "value": TOKEN, "zone_id": "0123456789abcdef0123456789abcdef"})),
        change("cloudflare_ruleset", serde_json::json!({"zone_id": "0123456789abcdef0123456789abcdef", "kind": "zone",
            "phase": "http_request_late_transform", "name": "r", "rules": [{"action": "rewrite", "expression": "true",
            "action_parameters": [{"headers": [{"name": "X-Api-Key", "operation": "set", "value": TOKEN}]}]}]})),
    ]});
    let template = format!(
        "AWSTemplateFormatVersion: '2010-09-09'\nParameters:\n  Token: {{Type: String, NoEcho: true, Default: {TOKEN}}}\n\
         Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      FunctionName: f\n      Timeout: {TOKEN}\n\
         \x20     Environment: {{Variables: {{PASSWORD: '{PASSWORD}', T: !Ref Token}}}}\n\
         \x20 D:\n    Type: AWS::ApiGatewayV2::DomainName\n    Properties: {{DomainName: lambda.example.com}}\n"
    );
    vec![
        ("dump.txt", dump.clone()),
        ("cut.txt", dump[..dump.len() / 3].to_owned()),
        ("visit.har", har.to_string()),
        ("cut.har", har.to_string()[..har.to_string().len() - 30].to_owned()),
        ("observations.json", observations.to_string()),
        ("zone.json", zone.to_string()),
        ("account.json", account.to_string()),
        ("plan.json", plan.to_string()),
        ("template.yaml", template),
        ("key.pem", pem.clone()),
        ("cut.pem", pem[..pem.len() / 2].to_owned()),
        ("token.txt", format!("{TOKEN}\n{AWS_SECRET}\n")),
        (".env", format!("CLOUDFLARE_API_TOKEN={TOKEN}\nAWS_SECRET_ACCESS_KEY={AWS_SECRET}\n")),
        ("odd.json", serde_json::json!({"a": TOKEN}).to_string()),
        ("credentials.json", serde_json::json!({"AccessKeyId": AWS_KEY, "SecretAccessKey": AWS_SECRET}).to_string()),
        ("text.json", format!("\"{TOKEN}\"")),
    ]
}

#[test]
fn lint_shows_none_of_what_files_hold() {
    let mut wrong = Vec::new();
    for (name, text) in inputs() {
        for kind in [None, Some("http"), Some("har"), Some("zone"), Some("terraform"), Some("template")] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), &text).unwrap();
            let mut arguments: Vec<String> = ["lint", name, "--no-config", "--format", "json"].map(Into::into).into();
            arguments.extend(["--url".into(), "https://lambda.example.com/endpoint".into()]);
            arguments.extend(every_format());
            arguments.extend(kind.iter().flat_map(|kind| ["--kind".to_owned(), (*kind).to_owned()]));
            let (found, code) = leaks(folder.path(), &arguments, &[], "");
            assert!(matches!(code, Some(0..=4)), "{name} as {kind:?}: {code:?}");
            wrong.extend(found.into_iter().map(|what| format!("{name} as {kind:?}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Configuration, baseline, recording: what is broken there is named without its value.
#[test]
fn our_own_files_are_no_way_out() {
    let recorded = |part: &str, text: &str| (format!("visit/{part}.json"), text.to_owned());
    let config = |text: String| ("cfdoctor.toml".to_owned(), text);
    let lint = |more: &[&str]| -> Vec<String> {
        [&["lint", "visit"], more].concat().iter().map(|one| (*one).into()).collect()
    };
    let bare = |words: &[&str]| -> Vec<String> { words.iter().map(|one| (*one).into()).collect() };
    let cases: Vec<(Vec<String>, (String, String))> = vec![
        (bare(&["config", "show"]), config(format!("cloudflare = \"{TOKEN}\"\n"))),
        (bare(&["config", "show"]), config(format!("retries = \"{TOKEN}\"\n"))),
        (bare(&["config", "show"]), config(format!("resolver = \"https://user:{PROXY}@dns.example.com/dns-query\"\n"))),
        (bare(&["config", "show"]), config(format!("token = \"{TOKEN}\"\n"))),
        (
            bare(&["config", "show"]),
            config(format!("[[target]]\nurl = \"https://user:{PASSWORD}@lambda.example.com/\"\n")),
        ),
        (
            bare(&["config", "show"]),
            config(format!("[[target]]\nurl = \"https://lambda.example.com/?X-Amz-Signature={SIGNATURE}\"\n")),
        ),
        (bare(&["config", "show", "--format", "json"]), config(format!("fail-on = {TOKEN}\n"))),
        (
            bare(&["check", "--dry-run"]),
            config(format!("[[target]]\nurl = \"https://lambda.example.com/?token={SIGNATURE}\"\n")),
        ),
        (lint(&[]), recorded("visit", &format!("{{\"recording_version\": \"{TOKEN}\"}}"))),
        (
            lint(&[]),
            recorded("visit", &format!("{{\"recording_version\": 1, \"cfdoctor\": \"x\", \"target\": \"{TOKEN}\"}}")),
        ),
        (bare(&["lint", "old.json"]), ("old.json".into(), format!("{{\"schema_version\": 1, \"tool\": \"{TOKEN}\"}}"))),
        (
            bare(&["diff", "old.json", "old.json"]),
            ("old.json".into(), format!("{{\"schema_version\": 1, \"tool\": \"{TOKEN}\"}}")),
        ),
        (
            bare(&["lint", "old.json", "--baseline", "old.json"]),
            ("old.json".into(), format!("{{\"schema_version\": \"{TOKEN}\"}}")),
        ),
        (
            bare(&["check", "lambda.example.com", "--dry-run", "--zone-json", "z.json"]),
            ("z.json".into(), format!("{{\"dns_records\": \"{TOKEN}\", \"settings\": [\"{TOKEN}\"]")),
        ),
        (
            bare(&["check", "lambda.example.com", "--dry-run", "--cert", "key.pem"]),
            ("key.pem".into(), format!("-----BEGIN PRIVATE KEY-----\n{PRIVATE_KEY}\n-----END PRIVATE KEY-----\n")),
        ),
        (
            bare(&["check", "lambda.example.com", "--dry-run", "--cacert", "key.pem"]),
            ("key.pem".into(), format!("-----BEGIN CERTIFICATE-----\n{PRIVATE_KEY}%\n-----END CERTIFICATE-----\n")),
        ),
    ];
    let mut wrong = Vec::new();
    for (arguments, (name, text)) in cases {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(&name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &text).unwrap();
        let (found, code) = leaks(folder.path(), &arguments, &[], "");
        assert!(matches!(code, Some(0..=4)), "{arguments:?}: {code:?}");
        wrong.extend(found.into_iter().map(|what| format!("{arguments:?} with {text}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
