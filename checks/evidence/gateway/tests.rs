//! Documents, raw outputs and their ways together.

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::check::Probe;

fn one_domain(gateway: &Gateway) -> &Domain {
    match gateway.domains.found().unwrap().as_slice() {
        [domain] => domain,
        other => panic!("{other:?}"),
    }
}

/// v1 and v2 of one regional domain, as the CLI prints them.
fn regional() -> (Value, Value) {
    let v1 = json!({"domainName": "Api.example.com", "regionalDomainName": "d-abc123def4.execute-api.us-west-2.amazonaws.com",
        "regionalHostedZoneId": "Z2", "regionalCertificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/7a-1",
        "endpointConfiguration": {"types": ["REGIONAL"], "ipAddressType": "ipv4"}, "domainNameStatus": "AVAILABLE",
        "securityPolicy": "SecurityPolicy_TLS13_1_2_2021_06", "endpointAccessMode": "STRICT",
        "routingMode": "BASE_PATH_MAPPING_ONLY", "tags": {"owner": "me"}});
    let v2 = json!({"ApiMappingSelectionExpression": "$request.basepath", "DomainName": "api.example.com",
        "DomainNameConfigurations": [{"ApiGatewayDomainName": "d-abc123def4.execute-api.us-west-2.amazonaws.com",
            "CertificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/7a-1", "DomainNameStatus": "AVAILABLE",
            "EndpointType": "REGIONAL", "HostedZoneId": "Z2", "SecurityPolicy": "TLS_1_2"}],
        "MutualTlsAuthentication": {}, "RoutingMode": "API_MAPPING_ONLY", "Tags": {}});
    (v1, v2)
}

#[test]
fn both_versions_of_one_domain_are_one() {
    let (v1, v2) = regional();
    for (first, second) in [(&v1, &v2), (&v2, &v1)] {
        let both = Gateway::accept(first).unwrap().merge(Gateway::accept(second).unwrap());
        let domain = one_domain(&both);
        assert_eq!((domain.name.as_str(), domain.region.as_deref()), ("api.example.com", Some("us-west-2")));
        assert_eq!(domain.target.as_deref(), Some("d-abc123def4.execute-api.us-west-2.amazonaws.com"));
        assert_eq!(domain.certificate.as_ref().map(Arn::id), Some("7a-1"));
        assert_eq!(domain.access_mode, Gathered::Found(Some(AccessMode::Strict)));
        assert!(domain.has_enhanced_policy() && domain.is_regional() && domain.mutual_tls.is_none());
        assert_eq!(domain.routing_mode, RoutingMode::Mappings);
    }
    let v2_alone = Gateway::accept(&v2).unwrap();
    assert!(matches!(one_domain(&v2_alone).access_mode, Gathered::Missing(_)), "only v1 tells it");
}

#[test]
fn an_edge_optimised_domain() {
    let v1 = json!({"domainName": "edge.example.com", "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/9",
        "distributionDomainName": "d111111abcdef8.cloudfront.net", "endpointConfiguration": {"types": ["EDGE"]},
        "regionalDomainName": "d-bogus.execute-api.eu-west-1.amazonaws.com",
        "domainNameArn": "arn:aws:apigateway:eu-west-1::/domainnames/edge.example.com"});
    let gateway = Gateway::accept(&v1).unwrap();
    let domain = one_domain(&gateway);
    assert!(domain.is_edge() && !domain.is_regional());
    assert_eq!(domain.targets().collect::<Vec<_>>(), ["d111111abcdef8.cloudfront.net"]);
    assert_eq!(domain.edge_certificate.as_ref().and_then(Arn::region), Some("us-east-1"));
    assert_eq!((domain.certificate.as_ref(), domain.region.as_deref()), (None, Some("eu-west-1")));
}

#[test]
fn an_exact_name_beats_the_wildcard_of_its_region_only() {
    let gateway = Gateway::from_document(json!({"domains": [
        {"domainName": "*.example.com", "region": "us-west-2"},
        {"domainName": "a.example.com", "region": "us-west-2"},
        {"domainName": "*.example.com", "region": "eu-west-1"},
        {"domainName": "b.example.com", "region": "eu-west-1"},
    ]}));
    let of = |host: &str| {
        let found = gateway.domains_of(host).unwrap();
        found.iter().map(|d| format!("{} {}", d.name, d.region.as_deref().unwrap_or("?"))).collect::<Vec<_>>()
    };
    assert_eq!(of("a.example.com"), ["a.example.com us-west-2", "*.example.com eu-west-1"]);
    assert_eq!(of("x.a.example.com"), Vec::<String>::new(), "one label only");
    assert_eq!(of("example.com"), Vec::<String>::new());
}

#[test]
fn not_read_is_not_none() {
    let gateway = Gateway::from_document(json!({
        "domains": [{"domainName": "a.example.com", "api_mappings": [],
            "not_read": {"routing_rules": {"kind": "forbidden", "permission": "apigateway:ListRoutingRules"}}}],
        "not_read": {"certificates": {"kind": "forbidden", "permission": "acm:DescribeCertificate"},
            "domains.eu-west-1": {"kind": "inconclusive", "text": "throttled"}},
    }));
    let domain = one_domain(&gateway);
    assert_eq!(domain.mappings, Gathered::Found(Vec::new()));
    let scope = |scope: &str| NotRun::Forbidden { probe: Probe::Gateway, scope: scope.into() };
    assert_eq!(domain.rules, Gathered::Missing(scope("apigateway:ListRoutingRules")));
    assert_eq!(gateway.certificates, Gathered::Missing(scope("acm:DescribeCertificate")));
    let arn = Arn::of("arn:aws:acm:us-west-2:x:certificate/1").unwrap();
    assert_eq!(gateway.certificate(&arn).unwrap_err(), scope("acm:DescribeCertificate"));
    assert_eq!(gateway.unread("domains"), Some(NotRun::Inconclusive("throttled".into())));
    assert_eq!(gateway.unread("dom"), None);
    let functions = Gateway::from_document(
        json!({"not_read": {"functions.f": {"kind": "forbidden", "permission": "lambda:GetPolicy"}}}),
    );
    assert_eq!(functions.functions, Gathered::Missing(scope("lambda:GetPolicy")));
    let told = gateway.api("abc").unwrap_err().text();
    assert!(told.contains("aws apigatewayv2 get-api --api-id 'abc'"), "{told}");
    let absent = Gateway::from_document(json!({"domains": [{"domainName": "a.example.com", "api_mappings": null}]}));
    let why = one_domain(&absent).mappings.get().unwrap_err().text();
    assert!(why.contains("get-api-mappings --domain-name 'a.example.com'"), "{why}");
}

#[test]
fn mappings_of_both_versions_are_one() {
    let gateway = Gateway::from_document(json!({"domains": [{"domainName": "a.example.com", "api_mappings": [
        {"ApiId": "abc", "ApiMappingId": "1", "ApiMappingKey": "", "Stage": "$default"},
        {"restApiId": "abc", "basePath": "(none)", "stage": "$default"},
        {"apiId": "def", "apiMappingKey": "/v1/orders/", "stage": "prod"},
        {"apiMappingKey": "told-by-somebody"}, {"apiMappingId": "2"}, 7, null,
    ]}]}));
    let mappings = one_domain(&gateway).mappings.found().unwrap().clone();
    let keys: Vec<&str> = mappings.iter().map(|mapping| mapping.key.as_str()).collect();
    assert_eq!(keys, ["", "v1/orders", "told-by-somebody"]);
    assert_eq!(mappings[2].api, None, "a report names the path and not the API");
}

#[test]
fn what_acm_tells() {
    let gateway = Gateway::accept(&json!({"Certificate": {
        "CertificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/7a-1", "DomainName": "api.example.com",
        "SubjectAlternativeNames": ["API.example.com", "*.example.com"], "Status": "PENDING_VALIDATION",
        "Issuer": "Amazon", "KeyAlgorithm": "RSA-2048", "NotAfter": 1_795_460_133.0, "Type": "AMAZON_ISSUED",
        "RenewalEligibility": "INELIGIBLE", "InUseBy": ["arn:aws:elasticloadbalancing:us-west-2:123456789012:x"],
        "DomainValidationOptions": [{"DomainName": "api.example.com", "ValidationStatus": "PENDING_VALIDATION",
            "ValidationMethod": "DNS", "ResourceRecord": {"Name": "_d9.api.example.com.", "Type": "CNAME", "Value": "_c9.acm-validations.aws."}}],
    }})).unwrap();
    let [certificate] = gateway.certificates.found().unwrap().as_slice() else { panic!() };
    assert_eq!(certificate.status, Some(CertificateStatus::PendingValidation));
    assert_eq!(certificate.key_algorithm.as_deref(), Some("RSA_2048"));
    assert_eq!(certificate.not_after, Some(datetime!(2026-11-23 18:55:33 UTC)));
    assert!(certificate.covers("x.example.com") && certificate.covers("api.example.com"));
    assert!(!certificate.covers("example.com") && !certificate.covers("a.b.example.com") && !certificate.is_summary);
    let record = certificate.validations[0].record.as_ref().unwrap();
    assert_eq!((record.name.as_str(), record.value.as_str()), ("_d9.api.example.com", "_c9.acm-validations.aws"));
    assert!(!certificate.in_use_by[0].contains("123456789012"));
    let list = Gateway::accept(
        &json!({"CertificateSummaryList": [{"CertificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/7a-1",
        "DomainName": "api.example.com", "Status": "ISSUED", "Type": "IMPORTED"}]}),
    )
    .unwrap();
    assert!(list.certificates.found().unwrap()[0].is_summary);
    let both = gateway.merge(list);
    assert_eq!(both.certificates.found().unwrap().len(), 1, "the row and the certificate are one");
}

#[test]
fn the_outputs_of_an_http_api_find_their_api() {
    let api = json!({"ApiEndpoint": "https://abc123defg.execute-api.eu-central-1.amazonaws.com", "ApiId": "abc123defg",
        "Name": "shop", "ProtocolType": "HTTP", "DisableExecuteApiEndpoint": true, "CorsConfiguration": {"AllowOrigins": ["*"]}});
    let stages = json!({"Items": [{"StageName": "$default", "AutoDeploy": true, "DefaultRouteSettings": {"ThrottlingRateLimit": 0.0},
        "StageVariables": {"key": "s3cr3t"}}]});
    let routes = json!({"Items": [{"RouteKey": "GET /items", "RouteId": "r", "Target": "integrations/i1", "AuthorizationType": "JWT"}]});
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:f";
    let integrations = json!({"Items": [{"IntegrationId": "i1", "IntegrationType": "AWS_PROXY", "TimeoutInMillis": 30000,
        "IntegrationUri": format!("arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{function}/invocations")}]});
    // In any order, also before the API itself.
    let parts = [routes, stages, integrations, api].map(|part| Gateway::accept(&part).unwrap());
    let gateway = parts.into_iter().reduce(Gateway::merge).unwrap();
    assert!(gateway.unattached.is_empty());
    let api = gateway.api("abc123defg").unwrap();
    assert_eq!((&api.protocol, api.region.as_deref()), (&Protocol::Http, Some("eu-central-1")));
    assert!(api.default_endpoint_disabled == Some(true) && api.cors.is_some());
    assert_eq!(api.stage("$default").unwrap().and_then(|stage| stage.rate_limit), Some(0.0));
    let route = &api.routes.found().unwrap()[0];
    assert_eq!(route.authorization, Authorization::Jwt);
    let integration = api.integration(route).unwrap().unwrap();
    assert_eq!(integration.function().unwrap().function(), Some(("f", None)));
    assert!(!serde_json::to_string(&gateway).unwrap().contains("s3cr3t"));
}

#[test]
fn parts_without_an_owner_wait_and_are_named() {
    let mappings = json!({"Items": [{"ApiId": "abc", "ApiMappingId": "1", "ApiMappingKey": "", "Stage": "$default"}]});
    let alone = Gateway::accept(&mappings).unwrap();
    assert_eq!(alone.unattached.get("api_mappings"), Some(&1));
    let two = Gateway::accept(&json!({"domains": [{"domainName": "a.example.com"}, {"domainName": "b.example.com"}]}))
        .unwrap();
    let still = two.merge(alone.clone());
    assert_eq!(still.unattached.len(), 1, "two could be the owner");
    assert!(still.domains.found().unwrap().iter().all(|domain| domain.mappings.found().is_none()));
    let (v1, _) = regional();
    let found = alone.merge(Gateway::accept(&v1).unwrap());
    assert_eq!(one_domain(&found).mappings.found().unwrap().len(), 1);
}

#[test]
fn a_cut_page_proves_no_absence() {
    let page = json!({"Items": [{"ApiId": "abc", "ApiMappingId": "1", "ApiMappingKey": "x"}], "NextToken": "eyJ"});
    let (v1, _) = regional();
    let gateway = Gateway::accept(&v1).unwrap().merge(Gateway::accept(&page).unwrap());
    assert!(one_domain(&gateway).mappings.get().unwrap_err().text().contains("first page"));
    let domains = json!({"items": [v1], "position": "p"});
    let gateway = Gateway::accept(&domains).unwrap();
    assert!(gateway.domains.found().is_some() && gateway.unread("domains").is_some());
}

#[test]
fn the_outputs_of_a_function() {
    let arn = "arn:aws:lambda:us-west-2:123456789012:function:f";
    let configuration = json!({"FunctionName": "f", "FunctionArn": arn, "Runtime": "nodejs22.x", "Timeout": 30, "State": "Active",
        "Environment": {"Variables": {"DB": "s3cr3t"}}});
    let url = json!({"FunctionUrl": "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-west-2.on.aws/", "FunctionArn": arn,
        "AuthType": "NONE", "InvokeMode": "BUFFERED"});
    let policy = json!({"Policy": json!({"Version": "2012-10-17", "Statement": [{"Sid": "url", "Effect": "Allow", "Principal": "*",
        "Action": "lambda:InvokeFunctionUrl", "Resource": arn, "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}}]}).to_string(),
        "RevisionId": "1"});
    let parts = [configuration, policy, url].map(|part| Gateway::accept(&part).unwrap());
    let gateway = parts.into_iter().reduce(Gateway::merge).unwrap();
    let (function, url) = gateway.function_url("abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-west-2.on.aws").unwrap();
    assert_eq!(
        (function.name.as_str(), function.timeout, url.auth.as_ref()),
        ("f", Some(30), Some(&Authorization::None))
    );
    let policy = function.policy.found().unwrap();
    assert_eq!(policy.statements[0].principals, ["*"]);
    assert_eq!(policy.statements[0].conditions[0].values, ["NONE"]);
    assert!(!serde_json::to_string(&gateway).unwrap().contains("s3cr3t"));
    assert!(
        gateway.function(&Arn::of("arn:aws:lambda:us-west-2:x:function:f:live").unwrap()).is_err(),
        "another alias"
    );
}

#[test]
fn a_rest_api_has_its_routes_in_its_resources() {
    let gateway = Gateway::from_document(json!({"apis": [{"id": "a1b2c3d4e5", "name": "shop", "region": "cn-north-1",
        "endpointConfiguration": {"types": ["EDGE"]}, "policy": "{\\\"Statement\\\":[]}",
        "stages": [{"stageName": "prod", "cacheClusterEnabled": true, "methodSettings": {"*/*": {"cachingEnabled": true, "cacheTtlInSeconds": 300}}}],
        "resources": [{"id": "r", "path": "/"}, {"id": "s", "path": "/{proxy+}", "resourceMethods": {"ANY": {"authorizationType": "NONE",
            "methodIntegration": {"type": "HTTP_PROXY", "uri": "https://x.example.com", "httpMethod": "ANY"}}}}]}]}));
    let api = gateway.api("a1b2c3d4e5").unwrap();
    assert_eq!(api.protocol, Protocol::Rest);
    assert_eq!(api.default_host.as_deref(), Some("a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn"));
    assert!(api.policy.is_some() && api.stage("prod").unwrap().unwrap().cache_enabled);
    let route = &api.routes.found().unwrap()[0];
    assert_eq!(
        (route.key.as_str(), api.integration(route).unwrap().unwrap().kind.as_ref()),
        ("ANY /{proxy+}", Some(&IntegrationKind::HttpProxy))
    );
}

#[test]
fn what_is_not_ours_is_not_accepted() {
    for other in [
        json!({"log": {"entries": []}}),
        json!({"zone": {"id": "x"}, "dns_records": []}),
        json!({"result": [{"type": "A", "content": "192.0.2.1"}]}),
        json!({"dns": [], "tls": []}),
        json!({"planned_values": {}, "resource_changes": []}),
        json!({"Resources": {"Api": {"Type": "AWS::Serverless::HttpApi"}}}),
        json!({"Items": []}),
        json!([]),
        json!("text"),
        json!(null),
        json!({"Certificate": "-----BEGIN CERTIFICATE-----"}),
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}),
    ] {
        assert!(Gateway::accept(&other).is_none(), "{other}");
    }
}

#[test]
fn the_document_survives_the_recording_and_odd_values_harm_nothing() {
    let (v1, v2) = regional();
    let odd = json!({"domains": [v1, v2, null, 7, {"domainName": 7}, {"domainName": "x", "domainNameConfigurations": "?"}],
        "certificates": {"CertificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/1"},
        "apis": [{"apiId": "a", "routes": "?", "stages": [{}], "not_read": 7}], "functions": "?", "not_read": [],
        "regions_looked_at": ["us-west-2"], "identity": {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:user/moto"}});
    let gateway = Gateway::from_document(odd);
    let again: Gateway = serde_json::from_str(&serde_json::to_string(&gateway).unwrap()).unwrap();
    assert_eq!(gateway, again);
    assert_eq!(gateway.certificates.found().unwrap().len(), 1);
    let account = gateway.identity.as_ref().unwrap().account.clone().unwrap();
    let domain = gateway.domains_of("api.example.com").unwrap()[0];
    assert_eq!(domain.certificate.as_ref().unwrap().account(), Some(account.as_str()), "one account, one token");
    assert!(!gateway.document().to_string().contains("123456789012"));
}

#[test]
fn the_validation_records_that_matter() {
    let certificate = |id: &str, host: &str| {
        json!({"CertificateArn": format!("arn:aws:acm:us-west-2:123456789012:certificate/{id}"), "SubjectAlternativeNames": [host],
            "DomainValidationOptions": [{"DomainName": host, "ResourceRecord": {"Name": format!("_{id}.{host}."), "Type": "CNAME", "Value": "_c.acm-validations.aws."}}]})
    };
    let all = json!([
        certificate("1", "api.example.com"),
        certificate("2", "api.example.com"),
        certificate("3", "x.example.com")
    ]);
    let used = json!({"domainName": "api.example.com", "regionalCertificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/1"});
    let shown = Gateway::from_document(json!({"domains": [used], "certificates": all}));
    assert_eq!(shown.validation_names("api.example.com"), ["_1.api.example.com"]);
    let alone = Gateway::from_document(json!({"certificates": all}));
    assert_eq!(alone.validation_names("api.example.com"), ["_1.api.example.com", "_2.api.example.com"]);
}
