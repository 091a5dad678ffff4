//! The probe against a table of answers: pages, both versions, refusals, throttling, the number of round trips.

use std::time::Duration;

use cfdoctor_checks::evidence::gateway::{Domain, RoutingMode};
use cfdoctor_checks::evidence::{Gateway, Gathered, Target};
use cfdoctor_checks::{NotRun, Probe};
use serde_json::{Value, json};

use super::stub::Stub;
use super::{AwsAccess, AwsRegions, identity, look};
use crate::probe::budget::Budget;

const CERTIFICATE: &str = "arn:aws:acm:eu-west-1:123456789012:certificate/7a-1";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:f";
const POINTS_AT: &str = "d-abc123def4.execute-api.eu-west-1.amazonaws.com";

async fn seen(access: &AwsAccess, url: &str, points_at: Option<&str>) -> Gathered<Gateway> {
    let target: Target = url.parse().unwrap();
    look(&target, points_at, access, &Budget::quiet(Duration::from_secs(40))).await
}

fn found(gathered: Gathered<Gateway>) -> Gateway {
    match gathered {
        Gathered::Found(gateway) => gateway,
        Gathered::Missing(why) => panic!("{}", why.text()),
    }
}

fn only<'a>(gateway: &'a Gateway, host: &str) -> &'a Domain {
    match gateway.domains_of(host).unwrap().as_slice() {
        [domain] => domain,
        other => panic!("{other:?}"),
    }
}

fn v1_domain(name: &str) -> Value {
    json!({"domainName": name, "regionalDomainName": POINTS_AT, "regionalCertificateArn": CERTIFICATE,
        "endpointConfiguration": {"types": ["REGIONAL"]}, "domainNameStatus": "AVAILABLE", "securityPolicy": "TLS_1_2",
        "endpointAccessMode": "BASIC", "routingMode": "BASE_PATH_MAPPING_ONLY"})
}

fn v2_domain(name: &str) -> Value {
    json!({"domainName": name, "domainNameConfigurations": [{"apiGatewayDomainName": POINTS_AT, "certificateArn": CERTIFICATE,
        "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2", "domainNameStatus": "AVAILABLE"}], "routingMode": "API_MAPPING_ONLY"})
}

/// A whole account: domain, mappings, HTTP API, function.
fn fill(stub: &Stub) {
    stub.says("eu-west-1 /domainnames", 200, json!({"item": [v1_domain("api.example.com"), v1_domain("else.example.com")]}))
        .says("eu-west-1 /v2/domainnames", 200, json!({"items": [v2_domain("api.example.com")], "nextToken": "2"}))
        .says("eu-west-1 /v2/domainnames?nextToken=2", 200, json!({"items": [v2_domain("*.example.com")]}))
        .says("eu-west-1 /v2/domainnames/api.example.com/apimappings", 200, json!({"items": [{"apiId": "abc123defg", "apiMappingId": "1", "apiMappingKey": "v1", "stage": "$default"}]}))
        .says("eu-west-1 DescribeCertificate", 200, json!({"Certificate": {"CertificateArn": CERTIFICATE, "DomainName": "api.example.com", "SubjectAlternativeNames": ["api.example.com"], "Status": "ISSUED", "KeyAlgorithm": "RSA-2048", "NotAfter": 1_795_460_133.0}}))
        .says("eu-west-1 ListCertificates", 200, json!({"CertificateSummaryList": [{"CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/other", "DomainName": "*.example.com"},
            {"CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/foreign", "DomainName": "example.org"}]}))
        .says("eu-west-1 /v2/apis/abc123defg", 200, json!({"apiId": "abc123defg", "protocolType": "HTTP", "name": "shop", "apiEndpoint": "https://abc123defg.execute-api.eu-west-1.amazonaws.com"}))
        .says("eu-west-1 /v2/apis/abc123defg/stages", 200, json!({"items": [{"stageName": "$default", "autoDeploy": true, "deploymentId": "d"}]}))
        .says("eu-west-1 /v2/apis/abc123defg/routes", 200, json!({"items": [{"routeKey": "GET /items", "routeId": "r", "target": "integrations/i"}]}))
        .says("eu-west-1 /v2/apis/abc123defg/integrations", 200, json!({"items": [{"integrationId": "i", "integrationType": "AWS_PROXY",
            "integrationUri": format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations")}]}));
    let arn = FUNCTION.replace(':', "%3A");
    stub.says(
        &format!("eu-west-1 /2015-03-31/functions/{arn}/configuration"),
        200,
        json!({"FunctionName": "f", "FunctionArn": FUNCTION, "Runtime": "nodejs22.x", "Timeout": 30,
            "Environment": {"Variables": {"KEY": "s3cr3t"}}}),
    )
    .says(&format!("eu-west-1 /2021-10-31/functions/{arn}/urls"), 200, json!({"FunctionUrlConfigs": []}));
}

#[tokio::test]
async fn the_whole_way_in_three_round_trips() {
    let stub = Stub::open(Duration::from_millis(400)).await;
    fill(&stub);
    // In one page: a second page would be a round trip of its own.
    stub.forget("eu-west-1 /v2/domainnames").says(
        "eu-west-1 /v2/domainnames",
        200,
        json!({"items": [v2_domain("api.example.com")]}),
    );
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    let gateway = found(seen(&access, "https://api.example.com/v1/items", None).await);
    assert!(stub.round_trips() <= 3, "{} in a row: {:#?}", stub.round_trips(), stub.questions());
    let function = gateway.functions.found().map(|functions| functions[0].name.clone());
    assert_eq!(function.as_deref(), Some("f"), "{:#}", gateway.document());
}

#[tokio::test]
async fn everything_that_the_path_reaches() {
    let stub = Stub::open(Duration::ZERO).await;
    fill(&stub);
    let access = stub.access("us-west-2", AwsRegions::Usual);
    let gateway = found(seen(&access, "https://api.example.com/v1/items?x=1", Some(POINTS_AT)).await);
    assert_eq!(gateway.regions_looked_at, ["eu-west-1", "us-west-2"]);
    let domain = only(&gateway, "api.example.com");
    assert_eq!(domain.access_mode.found().map(Option::is_some), Some(true), "only v1 tells it");
    assert_eq!((domain.target.as_deref(), domain.mappings.found().map(Vec::len)), (Some(POINTS_AT), Some(1)));
    let names: Vec<&str> = gateway.domains.found().unwrap().iter().map(|domain| domain.name.as_str()).collect();
    assert_eq!(
        names,
        ["*.example.com", "api.example.com", "else.example.com"],
        "the wildcard and whose target it is, too"
    );
    let certificate = gateway.certificate(domain.certificate.as_ref().unwrap()).unwrap();
    assert!(certificate.covers("api.example.com") && !certificate.is_summary);
    assert_eq!(gateway.certificates.found().unwrap().len(), 2, "and one more that covers the host");
    let api = gateway.api("abc123defg").unwrap();
    assert_eq!(api.stage("$default").unwrap().and_then(|stage| stage.auto_deploy), Some(true));
    let function = &gateway.functions.found().unwrap()[0];
    assert_eq!((function.timeout, function.policy.found().map(|policy| policy.statements.len())), (Some(30), Some(0)));
    assert_eq!(function.urls, Gathered::Found(Vec::new()));
    let text = gateway.document().to_string();
    assert!(!text.contains("s3cr3t") && !text.contains("123456789012") && !text.contains("AIDA"), "{text}");
    assert!(gateway.not_read.is_empty(), "{:?}", gateway.not_read);
}

#[tokio::test]
async fn many_hosts_share_the_list_of_a_region() {
    let stub = Stub::open(Duration::ZERO).await;
    fill(&stub);
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    for host in ["api.example.com", "a.example.com", "b.example.com"] {
        let gateway = found(seen(&access, host, None).await);
        assert_eq!(gateway.domains_of(host).unwrap().len(), 1);
    }
    let count = |question: &str| stub.questions().iter().filter(|asked| *asked == question).count();
    assert_eq!((count("eu-west-1 /domainnames"), count("eu-west-1 GetCallerIdentity")), (1, 1));
}

#[tokio::test]
async fn what_is_denied_is_named_and_the_rest_is_kept() {
    let stub = Stub::open(Duration::ZERO).await;
    fill(&stub);
    stub.forget("eu-west-1 DescribeCertificate").denies(
        "eu-west-1 DescribeCertificate",
        "acm:DescribeCertificate",
        CERTIFICATE,
    );
    stub.forget("eu-west-1 /v2/apis/abc123defg/routes").denies(
        "eu-west-1 /v2/apis/abc123defg/routes",
        "apigateway:GET",
        "arn:aws:apigateway:eu-west-1::/apis/abc123defg/routes",
    );
    stub.denies("us-west-2 /domainnames", "apigateway:GET", "arn:aws:apigateway:us-west-2::/domainnames");
    stub.denies("us-west-2 /v2/domainnames", "apigateway:GET", "arn:aws:apigateway:us-west-2::/domainnames");
    for (name, v) in [("api", ""), ("api", "/v2"), ("%2A", ""), ("%2A", "/v2")] {
        stub.denies(&format!("us-west-2 {v}/domainnames/{name}.example.com"), "apigateway:GET", "x");
    }
    let access = stub.access("us-west-2", AwsRegions::Usual);
    let gateway = found(seen(&access, "https://api.example.com/v1/items", Some(POINTS_AT)).await);
    let forbidden = |why: Option<NotRun>| match why {
        Some(NotRun::Forbidden { probe: Probe::Gateway, scope }) => scope,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        forbidden(gateway.unread("domains.us-west-2")),
        "apigateway:GET on arn:aws:apigateway:us-west-2::/domainnames"
    );
    let domain = only(&gateway, "api.example.com");
    let certificate = gateway.certificate(domain.certificate.as_ref().unwrap()).err();
    assert!(forbidden(certificate).starts_with("acm:DescribeCertificate on arn:aws:acm:eu-west-1:"));
    let api = gateway.api("abc123defg").unwrap();
    assert!(forbidden(api.routes.get().err()).contains("/apis/abc123defg/routes"));
    assert!(api.stages.found().is_some() && api.integrations.found().is_some());
}

#[tokio::test]
async fn who_may_not_list_may_still_see_the_one() {
    let stub = Stub::open(Duration::ZERO).await;
    for v in ["", "/v2"] {
        stub.denies(
            &format!("eu-west-1 {v}/domainnames"),
            "apigateway:GET",
            "arn:aws:apigateway:eu-west-1::/domainnames",
        );
    }
    stub.says("eu-west-1 /domainnames/api.example.com", 200, v1_domain("api.example.com"));
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    let gateway = found(seen(&access, "api.example.com", None).await);
    assert!(only(&gateway, "api.example.com").is_regional());
    assert_eq!(gateway.unread("domains"), None);
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let stub = Stub::open(Duration::ZERO).await;
    let throttled = || json!({"__type": "TooManyRequestsException", "message": "slow down", "limitType": "x"});
    stub.says("eu-west-1 /domainnames", 429, throttled())
        .says("eu-west-1 /domainnames", 200, json!({"item": [v1_domain("api.example.com")]}))
        .says("eu-west-1 /v2/domainnames", 200, json!({"items": []}))
        .says("eu-west-1 ListCertificates", 400, json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    let gateway = found(seen(&access, "api.example.com", None).await);
    assert_eq!(gateway.domains.found().map(Vec::len), Some(1), "at the second try");
    let why = gateway.unread("certificates.eu-west-1").unwrap().text();
    assert!(why.contains("throttled us at every try"), "{why}");
    assert_eq!(stub.questions().iter().filter(|asked| asked.ends_with("ListCertificates")).count(), 4);
}

#[tokio::test]
async fn the_rules_of_a_domain_in_rule_mode_are_read() {
    let stub = Stub::open(Duration::ZERO).await;
    let mut domain = v1_domain("*.example.com");
    domain["routingMode"] = json!("ROUTING_RULE_ONLY");
    stub.says("eu-west-1 /domainnames", 200, json!({"item": [domain]}))
        .says(
            "eu-west-1 /v2/domainnames/%2A.example.com/routingrules",
            200,
            json!({"routingRules": [{"priority": 10, "routingRuleId": "r",
            "conditions": [{"matchHeaders": {"anyOf": [{"header": "Host", "valueGlob": "shop.*"}]}}],
            "actions": [{"invokeApi": {"apiId": "a1b2c3d4e5", "stage": "prod", "stripBasePath": false}}]}]}),
        )
        .says("eu-west-1 /restapis/a1b2c3d4e5", 200, json!({"id": "a1b2c3d4e5", "name": "shop"}))
        .says("eu-west-1 /restapis/a1b2c3d4e5/stages", 200, json!({"item": [{"stageName": "prod"}]}))
        .says(
            "eu-west-1 /restapis/a1b2c3d4e5/resources?embed=methods",
            200,
            json!({"_embedded": {"item": [{"id": "r", "path": "/{proxy+}",
            "resourceMethods": {"ANY": {"methodIntegration": {"type": "MOCK"}}}}]}}),
        );
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    let gateway = found(seen(&access, "https://shop.example.com/cart", None).await);
    let domain = only(&gateway, "shop.example.com");
    assert_eq!((&domain.routing_mode, domain.rules.found().map(Vec::len)), (&RoutingMode::Rules, Some(1)));
    let api = gateway.api("a1b2c3d4e5").unwrap();
    assert_eq!(api.routes.found().unwrap()[0].key, "ANY /{proxy+}");
}

#[tokio::test]
async fn the_function_behind_a_function_url() {
    let stub = Stub::open(Duration::ZERO).await;
    let host = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws";
    let arn = FUNCTION.replace(':', "%3A");
    stub.says("eu-west-1 /2015-03-31/functions", 200, json!({"Functions": [{"FunctionName": "f", "FunctionArn": FUNCTION, "Runtime": "nodejs22.x"}]}))
        .says(&format!("eu-west-1 /2021-10-31/functions/{arn}/urls"), 200, json!({"FunctionUrlConfigs": [{"FunctionUrl": format!("https://{host}/"), "FunctionArn": FUNCTION, "AuthType": "NONE"}]}));
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    let gateway = found(seen(&access, "a.example.com", Some(host)).await);
    let (function, url) = gateway.function_url(host).unwrap();
    assert_eq!((function.name.as_str(), url.host.as_str()), ("f", host));
    assert_eq!(function.policy.found().map(|policy| policy.statements.len()), Some(0));
    let other = host.replace("abcdef", "zzzzzz");
    let gateway = found(seen(&access, "a.example.com", Some(&other)).await);
    assert!(gateway.function_url(&other).unwrap_err().text().contains("no function of the account"));
}

#[tokio::test]
async fn sessions_that_are_over_and_regions_that_are_not_enabled() {
    let stub = Stub::open(Duration::ZERO).await;
    let bad = || json!({"__type": "UnrecognizedClientException", "message": "The security token included in the request is invalid."});
    stub.says("ap-east-1 /domainnames", 403, bad()).says("ap-east-1 /v2/domainnames", 403, bad());
    stub.says("eu-west-1 /domainnames", 200, json!({"item": [v1_domain("api.example.com")]}));
    let named = AwsRegions::Named(vec!["ap-east-1".into(), "eu-west-1".into()]);
    let gateway = found(seen(&stub.access("eu-west-1", named), "api.example.com", None).await);
    let why = gateway.unread("domains.ap-east-1").unwrap().text();
    assert!(why.contains("not enabled") && gateway.domains_of("api.example.com").unwrap().len() == 1, "{why}");

    let expired = Stub::open(Duration::ZERO).await;
    let over = || json!({"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"});
    expired.says("eu-west-1 /domainnames", 403, over()).says("eu-west-1 /v2/domainnames", 403, over());
    expired.says("eu-west-1 GetCallerIdentity", 403, json!("ExpiredToken"));
    let access = expired.access("eu-west-1", AwsRegions::Usual);
    let why = seen(&access, "api.example.com", None).await.get().unwrap_err();
    assert!(why.kind() == "blocked" && why.text().contains("expired"), "{}", why.text());
    assert!(identity(&access, &Budget::quiet(Duration::from_secs(9))).await.unwrap_err().text().contains("expired"));
}

#[tokio::test]
async fn a_dead_endpoint_ends_with_the_budget() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stub = Stub::open(Duration::ZERO).await;
    let silent = Stub { endpoint: format!("http://{}", listener.local_addr().unwrap()), ..stub };
    let target: Target = "api.example.com".parse().unwrap();
    let access = silent.access("eu-west-1", AwsRegions::Usual);
    let start = std::time::Instant::now();
    let gateway = found(look(&target, None, &access, &Budget::quiet(Duration::from_millis(700))).await);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert!(gateway.domains.get().unwrap_err().text().contains("did not answer in time"));
}
