//! Plans in the shapes of both providers, whole and broken.

use cfdoctor_checks::evidence::gateway::EndpointType;
use cfdoctor_checks::evidence::{Gateway, Zone};
use serde_json::{Value, json};

use super::*;
use crate::lint::declared::is_stand_in;

const GOOD: &str = include_str!("../../../tests/example-repository/good/plan.json");
const BAD: &str = include_str!("../../../tests/example-repository/bad/plan.json");

fn read_plan(text: &str) -> Declared {
    let mut declared = Declared::default();
    read(text.as_bytes(), "plan.json", None, &mut declared).unwrap();
    declared
}

fn zone(declared: &Declared) -> Zone {
    declared.zone_over("lambda.example.com", None).unwrap()
}

fn gateway(declared: &Declared) -> Gateway {
    declared.account_over(None).unwrap()
}

/// A resource that is made, and how it is written.
fn made(address: &str, after: Value, unknown: Value, expressions: Value) -> (Value, Value) {
    let (kind, name) = address.rsplit('.').next().map(|name| (address.rsplit('.').nth(1).unwrap(), name)).unwrap();
    let change = json!({"actions": ["create"], "before": null, "after": after, "after_unknown": unknown});
    let module = address.strip_suffix(&format!(".{kind}.{name}"));
    let mut changed = json!({"address": address, "mode": "managed", "type": kind, "name": name, "change": change});
    if let Some(module) = module {
        changed["module_address"] = module.into();
    }
    let written = json!({"address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name,
        "provider_config_key": kind.split('_').next().unwrap(), "expressions": expressions});
    (changed, written)
}

fn plan(changes: &[Value], root_module: Value) -> String {
    json!({
        "format_version": "1.2",
        "resource_changes": changes,
        "configuration": {
            "provider_config": {"aws": {"expressions": {"region": {"constant_value": "eu-west-1"}}}},
            "root_module": root_module,
        },
    })
    .to_string()
}

fn root(all: Vec<(Value, Value)>) -> String {
    let (changes, written): (Vec<Value>, Vec<Value>) = all.into_iter().unzip();
    plan(&changes, json!({"resources": written}))
}

#[test]
fn a_good_plan_is_one_site() {
    let declared = read_plan(GOOD);
    let (zone, gateway) = (zone(&declared), gateway(&declared));
    assert_eq!(zone.oddities, Vec::<String>::new());
    assert_eq!(zone.name(), Some("example.com"));
    let record = &zone.records.found().unwrap().0[0];
    assert_eq!((record.name.as_deref(), record.proxied), (Some("lambda.example.com"), Some(true)));
    // Neither name exists yet, and yet it is one name: the record points at this domain.
    let domain = &gateway.domains.found().unwrap()[0];
    assert!(is_stand_in(domain.target.as_deref().unwrap()));
    assert_eq!(record.content, domain.target);
    assert_eq!(domain.region.as_deref(), Some("us-west-2"));
    let api = &gateway.apis.found().unwrap()[0];
    let mapping = &domain.mappings.get().unwrap()[0];
    assert_eq!(
        (mapping.key.as_str(), mapping.api.as_ref(), mapping.stage.as_deref()),
        ("", Some(&api.id), Some("$default"))
    );
    let route = &api.routes.get().unwrap()[0];
    let integration = api.integration(route).unwrap().unwrap();
    let function = gateway.function(&integration.function().unwrap()).unwrap();
    assert_eq!(function.policy.get().unwrap().statements.len(), 1);
    let certificate = gateway.certificate(domain.certificate.as_ref().unwrap()).unwrap();
    assert_eq!(
        (certificate.names.as_slice(), certificate.arn.as_ref().unwrap().region()),
        (&["lambda.example.com".to_owned()][..], Some("us-west-2"))
    );
    assert_eq!(zone.rules.cache.found().unwrap().len(), 1);
    assert!(zone.rules.config.found().is_none(), "a phase that the plan does not manage is not known");
    assert_eq!(declared.hosts(&mut Vec::new()), ["lambda.example.com"]);
}

#[test]
fn a_record_may_lead_to_the_default_endpoint() {
    let declared = read_plan(BAD);
    let record = zone(&declared).records.found().unwrap().0[0].clone();
    let class = cfdoctor_checks::model::origin_host::classify(record.content.as_deref().unwrap());
    assert_eq!(class.class, cfdoctor_checks::model::origin_host::OriginClass::GatewayDefault);
    assert_eq!(class.id.as_ref(), Some(&gateway(&declared).apis.found().unwrap()[0].id));
    let told = declared.stand_ins.told(&record.describe()).unwrap();
    assert!(told.contains("CNAME ${aws_apigatewayv2_api.api.api_endpoint} (proxied)"), "{told}");
    let line = |name: &str| declared.sources.iter().find(|source| source.name == name).unwrap().place.line;
    let at = line("cloudflare_record.lambda") as usize;
    assert!(BAD.lines().nth(at - 1).unwrap().contains("cloudflare_record.lambda"));
}

#[test]
fn both_versions_of_the_cloudflare_provider() {
    let zone_id = "0123456789abcdef0123456789abcdef";
    let rules = json!([{"expression": "true", "action": "route", "enabled": true, "description": "o",
        "action_parameters": {"origin": {"host": "o.example.net", "port": 8443}, "sni": {"value": "s.example.net"}}}]);
    let blocks = json!([{"expression": "true", "action": "route", "enabled": true, "description": "o", "ref": null,
        "action_parameters": [{"origin": [{"host": "o.example.net", "port": 8443}], "sni": [{"value": "s.example.net"}], "uri": []}]}]);
    let ruleset = |rules: Value| {
        made(
            "cloudflare_ruleset.o",
            json!({"zone_id": zone_id, "kind": "zone", "phase": "http_request_origin", "rules": rules}),
            json!({}),
            json!({}),
        )
    };
    let zone_resource = |after: Value| made("cloudflare_zone.z", after, json!({}), json!({}));
    let five = root(vec![
        zone_resource(json!({"id": zone_id, "name": "example.com"})),
        made(
            "cloudflare_dns_record.a",
            json!({"zone_id": zone_id, "name": "lambda.example.com", "type": "A", "content": "192.0.2.1", "proxied": true, "ttl": 1}),
            json!({}),
            json!({}),
        ),
        made(
            "cloudflare_zone_setting.ssl",
            json!({"zone_id": zone_id, "setting_id": "ssl", "value": "full"}),
            json!({}),
            json!({}),
        ),
        made("cloudflare_tiered_cache.t", json!({"zone_id": zone_id, "value": "on"}), json!({}), json!({})),
        made(
            "cloudflare_workers_route.w",
            json!({"zone_id": zone_id, "pattern": "lambda.example.com/x*", "script": "w"}),
            json!({}),
            json!({}),
        ),
        made(
            "cloudflare_authenticated_origin_pulls_settings.p",
            json!({"zone_id": zone_id, "enabled": true}),
            json!({}),
            json!({}),
        ),
        made(
            "cloudflare_page_rule.p",
            json!({"zone_id": zone_id, "target": "lambda.example.com/*", "priority": 1, "status": "active", "actions": {"ssl": "strict"}}),
            json!({}),
            json!({}),
        ),
        ruleset(rules),
    ]);
    let four = root(vec![
        zone_resource(json!({"id": zone_id, "zone": "example.com"})),
        made(
            "cloudflare_record.a",
            json!({"zone_id": zone_id, "name": "lambda", "type": "A", "value": "192.0.2.1", "proxied": true, "ttl": 1}),
            json!({"content": true, "hostname": true}),
            json!({"value": {"constant_value": "192.0.2.1"}}),
        ),
        made(
            "cloudflare_zone_settings_override.s",
            json!({"zone_id": zone_id, "settings": [{"ssl": "full", "minify": []}]}),
            json!({"settings": [{"brotli": true}]}),
            json!({}),
        ),
        made("cloudflare_tiered_cache.t", json!({"zone_id": zone_id, "cache_type": "smart"}), json!({}), json!({})),
        made(
            "cloudflare_worker_route.w",
            json!({"zone_id": zone_id, "pattern": "lambda.example.com/x*", "script_name": "w"}),
            json!({}),
            json!({}),
        ),
        made(
            "cloudflare_authenticated_origin_pulls.p",
            json!({"zone_id": zone_id, "enabled": true, "authenticated_origin_pulls_certificate": "c1"}),
            json!({}),
            json!({}),
        ),
        made(
            "cloudflare_page_rule.p",
            json!({"zone_id": zone_id, "target": "lambda.example.com/*", "priority": 1, "status": "active", "actions": [{"ssl": "strict", "always_use_https": false, "minify": []}]}),
            json!({}),
            json!({}),
        ),
        ruleset(blocks),
    ]);
    let of = |text: &str| {
        let zone = zone(&read_plan(text));
        assert_eq!(zone.oddities, Vec::<String>::new());
        let records: Vec<String> = zone.records.found().unwrap().0.iter().map(|record| record.describe()).collect();
        let on = (
            zone.settings.ssl.found().copied(),
            zone.settings.smart_topology.found().copied(),
            zone.origin_pulls.zone.found().copied(),
        );
        (
            records,
            on,
            zone.rules.origin.found().cloned(),
            zone.worker_routes.found().cloned(),
            zone.page_rules.found().cloned(),
            zone.name().map(str::to_owned),
        )
    };
    assert_eq!(of(&five), of(&four));
    assert_eq!(of(&five).0, ["lambda.example.com A 192.0.2.1 (proxied)"]);
    assert_eq!((of(&five).1.1, of(&five).1.2), (Some(true), Some(true)));
    assert_eq!(of(&five).5.as_deref(), Some("example.com"));
}

#[test]
fn references_go_through_modules_variables_and_keys() {
    let (domain, domain_written) = made(
        r#"module.api["x"].aws_apigatewayv2_domain_name.d"#,
        json!({"domain_name": "lambda.example.com", "domain_name_configuration": [{"endpoint_type": "REGIONAL"}]}),
        json!({"domain_name_configuration": [{"target_domain_name": true}]}),
        json!({}),
    );
    let (mut record, record_written) = made(
        "module.dns.cloudflare_dns_record.r",
        json!({"zone_id": "z1", "name": "lambda.example.com", "type": "CNAME", "proxied": true}),
        json!({"content": true}),
        json!({"content": {"references": ["var.target"]}}),
    );
    record["index"] = 0.into();
    let text = plan(
        &[domain, record],
        json!({"module_calls": {
            "api": {"module": {
                "resources": [domain_written],
                "outputs": {"target": {"expression": {"references": [
                    "aws_apigatewayv2_domain_name.d.domain_name_configuration[0].target_domain_name", "aws_apigatewayv2_domain_name.d"]}}},
            }},
            "dns": {"expressions": {"target": {"references": ["module.api[\"x\"].target", "module.api[\"x\"]", "module.api"]}},
                "module": {"resources": [record_written], "variables": {"target": {}}}},
        }}),
    );
    let declared = read_plan(&text);
    let record = zone(&declared).records.found().unwrap().0[0].clone();
    assert_eq!(record.content, gateway(&declared).domains.found().unwrap()[0].target, "{:?}", declared.notes);
    assert!(record.content.unwrap().contains(".eu-west-1."));
}

#[test]
fn instances_find_their_own_neighbours() {
    let mut all = Vec::new();
    for key in ["a", "b"] {
        let (mut changed, written) = made(
            "aws_apigatewayv2_api.api",
            json!({"name": key, "protocol_type": "HTTP"}),
            json!({"id": true, "api_endpoint": true}),
            json!({}),
        );
        changed["index"] = key.into();
        changed["address"] = format!("aws_apigatewayv2_api.api[\"{key}\"]").into();
        all.push((changed, written));
        let (mut changed, written) = made(
            "cloudflare_dns_record.r",
            json!({"zone_id": "z1", "name": format!("{key}.example.com"), "type": "CNAME", "proxied": true}),
            json!({"content": true}),
            json!({"content": {"references": ["aws_apigatewayv2_api.api", "each.key"]}}),
        );
        changed["index"] = key.into();
        changed["address"] = format!("cloudflare_dns_record.r[\"{key}\"]").into();
        all.push((changed, written));
    }
    let declared = read_plan(&root(all));
    let ids: Vec<String> = gateway(&declared).apis.found().unwrap().iter().map(|api| api.id.clone()).collect();
    let records = zone(&declared).records.found().unwrap().0.clone();
    for (record, id) in records.iter().zip(&ids) {
        assert!(record.content.as_deref().unwrap().starts_with(&format!("{id}.execute-api.")), "{record:?} {ids:?}");
    }
    assert_eq!(records.len(), 2);
}

#[test]
fn what_is_deleted_is_gone() {
    let change = |address: &str, actions: Value, before: Value, after: Value| {
        let (kind, name) = address.split_once('.').unwrap();
        json!({"address": address, "mode": "managed", "type": kind, "name": name,
            "change": {"actions": actions, "before": before, "after": after, "after_unknown": {}}})
    };
    let record = |content: &str| json!({"id": "r1", "zone_id": "z1", "name": "lambda.example.com", "type": "CNAME", "content": content, "proxied": true});
    let text = plan(
        &[
            change(
                "cloudflare_dns_record.gone",
                json!(["delete"]),
                json!({"id": "r0", "zone_id": "z1", "name": "old.example.com", "type": "A", "content": "192.0.2.1"}),
                Value::Null,
            ),
            change(
                "cloudflare_dns_record.moved",
                json!(["update"]),
                record("old.example.net"),
                record("new.example.net"),
            ),
            change(
                "cloudflare_dns_record.kept",
                json!(["forget"]),
                json!({"id": "r2", "zone_id": "z1", "name": "kept.example.com", "type": "A", "content": "192.0.2.2"}),
                Value::Null,
            ),
            change(
                "cloudflare_ruleset.gone",
                json!(["delete"]),
                json!({"zone_id": "z1", "kind": "zone", "phase": "http_config_settings", "rules": []}),
                Value::Null,
            ),
            change(
                "aws_apigatewayv2_domain_name.gone",
                json!(["delete"]),
                json!({"domain_name": "old.example.com"}),
                Value::Null,
            ),
            change(
                "aws_apigatewayv2_api_mapping.gone",
                json!(["delete"]),
                json!({"domain_name": "lambda.example.com", "api_id": "a1", "api_mapping_key": "v1"}),
                Value::Null,
            ),
        ],
        json!({}),
    );
    let declared = read_plan(&text);
    let today = Zone::from_document(json!({"dns_records": [
        {"id": "r0", "name": "old.example.com", "type": "A", "content": "192.0.2.1"},
        {"id": "r1", "name": "lambda.example.com", "type": "CNAME", "content": "old.example.net"},
        {"id": "r9", "name": "other.example.com", "type": "A", "content": "192.0.2.9"}]}))
    .unwrap();
    let tomorrow = declared.zone_over("lambda.example.com", Some(&today)).unwrap();
    let names: Vec<String> = tomorrow.records.found().unwrap().0.iter().map(|record| record.describe()).collect();
    assert!(!names.iter().any(|name| name.contains("old.example")), "{names:?}");
    assert!(names.iter().any(|name| name.contains("CNAME new.example.net")) && names.len() == 3, "{names:?}");
    assert_eq!(tomorrow.rules.config.found().map(Vec::len), Some(0), "no ruleset, no rules");
    let account = Gateway::from_document(json!({"domains": [
        {"domainName": "old.example.com"},
        {"domainName": "lambda.example.com", "api_mappings": [{"apiId": "a1", "apiMappingKey": "v1"}, {"apiId": "a1"}]}]}));
    let account = declared.account_over(Some(&account)).unwrap();
    let domains = account.domains.found().unwrap();
    assert_eq!((domains.len(), domains[0].mappings.get().unwrap().len()), (1, 1));
}

#[test]
fn unknown_values_are_named() {
    let text = root(vec![made(
        "cloudflare_dns_record.r",
        json!({"zone_id": "z1", "name": "lambda.example.com", "type": "CNAME", "proxied": true}),
        json!({"content": true}),
        json!({"content": {"references": ["local.target"]}}),
    )]);
    let declared = read_plan(&text);
    assert_eq!(
        declared.notes,
        ["plan.json: cloudflare_dns_record.r: content is known after apply only; it refers to local.target"]
    );
    assert_eq!(zone(&declared).records.found().unwrap().0[0].content, None);
}

#[test]
fn secrets_never_leave_the_plan() {
    let mut value: Value = serde_json::from_str(GOOD).unwrap();
    for change in value["resource_changes"].as_array_mut().unwrap() {
        let kind = change["type"].as_str().unwrap().to_owned();
        let change = &mut change["change"];
        if kind == "cloudflare_dns_record" {
            change["after"]["content"] = "s3cr3t.example.net".into();
            change["before"] =
                json!({"id": "1", "name": "lambda.example.com", "type": "CNAME", "content": "s3cr3t.example.org"});
            (change["before_sensitive"], change["after_sensitive"]) =
                (json!({"content": true}), json!({"content": true}));
            change["actions"] = json!(["update"]);
        }
        if kind == "aws_acm_certificate" {
            change["after"]["private_key"] = "s3cr3t".into();
        }
    }
    let declared = read_plan(&value.to_string());
    assert!(!format!("{declared:?}").contains("s3cr3t.example"), "what is marked as a secret is not read at all");
    assert!(!format!("{:?}", gateway(&declared).document()).contains("s3cr3t"));
    // Where it refers to is no secret.
    assert!(is_stand_in(zone(&declared).records.found().unwrap().0[0].content.as_deref().unwrap()));
}

#[test]
fn rest_apis_and_edge_domains() {
    let api = |to: &str| json!({"references": [to, to.rsplit_once('.').unwrap().0]});
    let text = root(vec![
        made(
            "aws_api_gateway_rest_api.r",
            json!({"name": "r", "endpoint_configuration": [{"types": ["REGIONAL"]}]}),
            json!({"id": true, "root_resource_id": true}),
            json!({}),
        ),
        made(
            "aws_api_gateway_resource.a",
            json!({"path_part": "a"}),
            json!({"id": true, "path": true, "parent_id": true, "rest_api_id": true}),
            json!({"parent_id": api("aws_api_gateway_rest_api.r.root_resource_id"), "rest_api_id": api("aws_api_gateway_rest_api.r.id")}),
        ),
        made(
            "aws_api_gateway_resource.b",
            json!({"path_part": "{b}"}),
            json!({"id": true, "path": true, "parent_id": true, "rest_api_id": true}),
            json!({"parent_id": api("aws_api_gateway_resource.a.id"), "rest_api_id": api("aws_api_gateway_rest_api.r.id")}),
        ),
        made(
            "aws_api_gateway_method.m",
            json!({"http_method": "GET", "authorization": "NONE"}),
            json!({"resource_id": true, "rest_api_id": true}),
            json!({"resource_id": api("aws_api_gateway_resource.b.id"), "rest_api_id": api("aws_api_gateway_rest_api.r.id")}),
        ),
        made(
            "aws_api_gateway_integration.i",
            json!({"type": "HTTP_PROXY", "uri": "https://b.example.net", "integration_http_method": "GET"}),
            json!({"resource_id": true, "rest_api_id": true, "http_method": true}),
            json!({"resource_id": api("aws_api_gateway_resource.b.id"), "rest_api_id": api("aws_api_gateway_rest_api.r.id"), "http_method": api("aws_api_gateway_method.m.http_method")}),
        ),
        made(
            "aws_api_gateway_stage.s",
            json!({"stage_name": "prod", "cache_cluster_enabled": true}),
            json!({"rest_api_id": true, "deployment_id": true}),
            json!({"rest_api_id": api("aws_api_gateway_rest_api.r.id")}),
        ),
        made(
            "aws_api_gateway_domain_name.d",
            json!({"domain_name": "lambda.example.com", "certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/1"}),
            json!({"cloudfront_domain_name": true}),
            json!({}),
        ),
        made(
            "aws_api_gateway_base_path_mapping.p",
            json!({"domain_name": "lambda.example.com", "stage_name": "prod", "base_path": "v1"}),
            json!({"api_id": true}),
            json!({"api_id": api("aws_api_gateway_rest_api.r.id")}),
        ),
    ]);
    let declared = read_plan(&text);
    let account = gateway(&declared);
    let api = &account.apis.found().unwrap()[0];
    let routes = api.routes.get().unwrap();
    assert_eq!(routes[0].key, "GET /a/{b}");
    assert_eq!(api.integration(&routes[0]).unwrap().unwrap().uri.as_deref(), Some("https://b.example.net"));
    assert!(api.stages.get().unwrap()[0].cache_enabled);
    let domain = &account.domains.found().unwrap()[0];
    assert_eq!(domain.endpoint_types, [EndpointType::Edge]);
    assert!(domain.distribution.as_deref().unwrap().ends_with(".cloudfront.net"));
    assert_eq!(domain.mappings.get().unwrap()[0].api.as_ref(), Some(&api.id));
}

#[test]
fn a_state_is_read_as_it_is() {
    let plan: Value = serde_json::from_str(GOOD).unwrap();
    let state = json!({"format_version": "1.0", "terraform_version": "1.9.8", "values": plan["planned_values"]});
    assert_eq!(zone(&read_plan(&state.to_string())).records.found().unwrap().0.len(), 1);
}

#[test]
fn broken_plans_are_refused_with_place_and_remedy() {
    let error = |text: &str| read(text.as_bytes(), "plan.json", None, &mut Declared::default()).unwrap_err();
    let half = GOOD.get(..GOOD.len() / 2).unwrap();
    let line = half.lines().count();
    let cut = error(half);
    assert!(cut.contains(&format!("ends at line {line}")) && cut.contains("terraform show -json"), "{cut}");
    let other = error(&GOOD.replacen("\"1.2\"", "\"2.0\"", 1));
    assert!(other.contains("format_version \"2.0\"") && other.contains("Terraform 1.x"), "{other}");
    assert!(error("{\"resource_changes\": []}").contains("no format_version"));
    assert!(error("{\"format_version\": \"1.0\"}").contains("neither a plan"));
    let odd = error(&GOOD.replacen("\"actions\": [", "\"actions\": 1, \"x\": [", 1));
    assert!(odd.contains("aws_lambda_function.api"), "{odd}");
}

/// Every part of a plan, one after the other, is something else: nothing may panic, whatever comes of it.
#[test]
fn no_plan_makes_it_panic() {
    let sound: Value = serde_json::from_str(GOOD).unwrap();
    let mut pointers = Vec::new();
    let mut todo = vec![(String::new(), &sound)];
    while let Some((pointer, value)) = todo.pop() {
        match value {
            Value::Object(map) => todo.extend(
                map.iter()
                    .map(|(key, value)| (format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), value)),
            ),
            Value::Array(rows) => {
                todo.extend(rows.iter().enumerate().map(|(at, value)| (format!("{pointer}/{at}"), value)))
            }
            _ => {}
        }
        pointers.push(pointer);
    }
    for (number, pointer) in pointers.iter().enumerate().filter(|(number, _)| number % 5 == 0) {
        let mut broken = sound.clone();
        let other = [
            json!(null),
            json!(true),
            json!([[]]),
            json!({"references": ["var.x", "module.a.b", "[", ""]}),
            json!("é[\""),
        ];
        *broken.pointer_mut(pointer).unwrap() = other[number / 5 % other.len()].clone();
        let mut declared = Declared::default();
        if read(broken.to_string().as_bytes(), "plan.json", None, &mut declared).is_ok() {
            for host in declared.hosts(&mut Vec::new()) {
                let _ = (declared.zone_over(&host, None), declared.account_over(None));
            }
        }
    }
}
