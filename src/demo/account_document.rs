//! What AWS's APIs would tell of a scenario's account: the same custom domain, certificate, API and function that the
//! origin plays, in the APIs' shapes.

use cfdoctor_checks::model::origin_host::{OriginClass, classify};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::gateway::{INTEGRATION_LIMIT, Product, ROUTE};
use super::origin::Origin;
use super::pki::OriginCertificate;
use super::world::Scenario;

/// The account of every scenario (AWS's own example number).
const ACCOUNT: &str = "111122223333";
/// The API.
const API: &str = "a1b2c3d4e5";
/// The function.
const FUNCTION: &str = "endpoint";
/// Where the API lives where nothing else is said.
const REGION: &str = "us-west-2";

/// The account as `aws … get-…` would tell of it.
pub(super) fn document(scenario: &Scenario) -> Value {
    let origin = (scenario.origin)();
    let region = region(scenario);
    let is_api = matches!(origin.product, Product::Http | Product::Rest);
    let mut document = json!({
        "domains": if has_domain(scenario, &origin) { json!([domain(scenario, &origin, &region)]) } else { json!([]) },
        "certificates": if has_domain(scenario, &origin) { json!([certificate(scenario, &origin, &region)]) } else { json!([]) },
        "apis": if is_api { json!([api(&origin, &region)]) } else { json!([]) },
        "functions": [function(scenario, &origin, &region)],
    });
    (scenario.account)(&mut document);
    document
}

/// The API's own region: what the owner says, else the one in the target's name.
fn region(scenario: &Scenario) -> String {
    let named = || classify(scenario.target).region;
    scenario.region.map(ToOwned::to_owned).or_else(named).unwrap_or_else(|| REGION.into())
}

fn has_domain(scenario: &Scenario, origin: &Origin) -> bool {
    matches!(origin.product, Product::Http | Product::Rest)
        && (origin.certificate != OriginCertificate::Service || scenario.region.is_some())
        && classify(scenario.target).class != OriginClass::GatewayDefault
}

fn certificate_arn(region: &str) -> String {
    format!("arn:aws:acm:{region}:{ACCOUNT}:certificate/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
}

fn domain(scenario: &Scenario, origin: &Origin, region: &str) -> Value {
    // A record that leads elsewhere does not change the domain's own name.
    let own = classify(scenario.target).region.as_deref() == Some(region);
    let target =
        if own { scenario.target.to_owned() } else { format!("d-z9y8x7w6v5.execute-api.{region}.amazonaws.com") };
    let mutual = if origin.mutual_tls { json!({"truststoreUri": "s3://demo-truststore/ca.pem"}) } else { Value::Null };
    let mappings = match origin.mapped {
        true => json!([{"apiId": API, "apiMappingId": "m1", "apiMappingKey": "", "stage": stage(origin)}]),
        false => json!([]),
    };
    json!({
        "region": region,
        "domainName": scenario.host,
        "apiMappingSelectionExpression": "$request.basepath",
        "domainNameConfigurations": [{
            "apiGatewayDomainName": target,
            "certificateArn": certificate_arn(region),
            "endpointType": "REGIONAL",
            "securityPolicy": "TLS_1_2",
            "domainNameStatus": "AVAILABLE",
            "ipAddressType": "ipv4",
        }],
        "mutualTlsAuthentication": mutual,
        "routingMode": "API_MAPPING_ONLY",
        "api_mappings": mappings,
        "routing_rules": [],
    })
}

fn certificate(scenario: &Scenario, origin: &Origin, region: &str) -> Value {
    use OriginCertificate as As;
    let is_public = matches!(origin.certificate, As::Public | As::Expiring | As::NoIntermediate);
    let now = OffsetDateTime::now_utc();
    let (starts, ends) = match origin.certificate {
        As::Expired => (-372, -7),
        As::NotYetValid => (7, 372),
        As::Expiring => (-188, 10),
        As::Public | As::NoIntermediate => (-40, 158),
        _ => (-35, 5440),
    };
    let seconds = |days: i64| (now + Duration::days(days)).unix_timestamp();
    let names = if origin.certificate == As::WrongName { vec!["other.example.com"] } else { vec![scenario.host] };
    let mut certificate = json!({
        "region": region,
        "CertificateArn": certificate_arn(region),
        "DomainName": names.first(),
        "SubjectAlternativeNames": names,
        "Status": if ends < 0 { "EXPIRED" } else { "ISSUED" },
        "Type": if is_public { "AMAZON_ISSUED" } else { "IMPORTED" },
        "Issuer": if is_public { "Amazon" } else { "CloudFlare, Inc." },
        "KeyAlgorithm": "EC_prime256v1",
        "NotBefore": seconds(starts),
        "NotAfter": seconds(ends),
        "InUseBy": [format!("arn:aws:apigateway:{region}::/domainnames/{}", scenario.host)],
        "RenewalEligibility": if is_public { "ELIGIBLE" } else { "INELIGIBLE" },
    });
    if let (Some((name, value)), Some(object)) = (validation_record(scenario), certificate.as_object_mut()) {
        let validation = json!([{
            "DomainName": scenario.host,
            "ValidationDomain": scenario.host,
            "ValidationMethod": "DNS",
            "ValidationStatus": "SUCCESS",
            "ResourceRecord": {
                "Name": format!("{name}."),
                "Type": "CNAME",
                "Value": format!("{value}."),
            },
        }]);
        object.insert("DomainValidationOptions".into(), validation);
    }
    certificate
}

/// The record by which ACM proves the name of a certificate of its own, and what it must point at.
pub(super) fn validation_record(scenario: &Scenario) -> Option<(String, &'static str)> {
    use OriginCertificate as As;
    let is_public = matches!((scenario.origin)().certificate, As::Public | As::Expiring | As::NoIntermediate);
    is_public.then(|| {
        let name = format!("_3e8d0a1b2c3d4e5f60718293a4b5c6d7.{}", scenario.host);
        (name, "_9f8e7d6c5b4a39281706f5e4d3c2b1a0.xlfgrmvvlj.acm-validations.aws")
    })
}

fn stage(origin: &Origin) -> &'static str {
    if origin.product == Product::Rest { "prod" } else { "$default" }
}

fn function_arn(region: &str) -> String {
    format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{FUNCTION}")
}

fn api(origin: &Origin, region: &str) -> Value {
    let uri =
        format!("arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{}/invocations", function_arn(region));
    let endpoint = format!("https://{API}.execute-api.{region}.amazonaws.com");
    if origin.product == Product::Rest {
        let method = json!({"httpMethod": "ANY", "authorizationType": if origin.demands_secret { "CUSTOM" } else { "NONE" },
            "apiKeyRequired": false, "methodIntegration": {"type": "AWS_PROXY", "httpMethod": "POST", "uri": uri, "timeoutInMillis": 29_000}});
        return json!({
            "region": region, "apiId": API, "name": "demo", "protocolType": "REST", "disableExecuteApiEndpoint": true,
            "endpointConfiguration": {"types": ["REGIONAL"]}, "rootResourceId": "root", "apiKeySource": "HEADER",
            "stages": [{"stageName": "prod", "deploymentId": "d1", "cacheClusterEnabled": false}],
            "resources": [{"id": "root", "path": "/"}, {"id": "r1", "path": ROUTE, "parentId": "root", "resourceMethods": {"ANY": method}}],
        });
    }
    json!({
        "region": region, "apiId": API, "name": "demo", "protocolType": "HTTP", "apiEndpoint": endpoint,
        "disableExecuteApiEndpoint": true, "routeSelectionExpression": "$request.method $request.path",
        "stages": [{"stageName": "$default", "autoDeploy": true, "deploymentId": "d1"}],
        "routes": [{"routeId": "r1", "routeKey": format!("ANY {ROUTE}"), "target": "integrations/i1", "apiKeyRequired": false,
            "authorizationType": if origin.demands_secret { "CUSTOM" } else { "NONE" }}],
        "integrations": [{"integrationId": "i1", "integrationType": "AWS_PROXY", "integrationUri": uri,
            "integrationMethod": "POST", "payloadFormatVersion": "2.0", "timeoutInMillis": 30_000, "connectionType": "INTERNET"}],
    })
}

fn function(scenario: &Scenario, origin: &Origin, region: &str) -> Value {
    let arn = function_arn(region);
    let is_slow = origin.function.takes > INTEGRATION_LIMIT;
    let url = match (origin.product, classify(scenario.target).class) {
        (Product::FunctionUrl, OriginClass::FunctionUrl) => {
            json!([{"FunctionUrl": format!("https://{}/", scenario.target),
            "FunctionArn": arn, "AuthType": "NONE", "InvokeMode": "BUFFERED"}])
        }
        _ => json!([]),
    };
    let mut statements =
        vec![json!({"Sid": "api", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn,
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Condition": {"ArnLike": {"AWS:SourceArn": format!("arn:aws:execute-api:{region}:{ACCOUNT}:{API}/*")}}})];
    if origin.product == Product::FunctionUrl {
        statements
            .push(json!({"Sid": "url", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
            "Resource": arn, "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}}));
        statements
            .push(json!({"Sid": "invoke", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction",
            "Resource": arn, "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}}));
    }
    json!({
        "region": region, "FunctionName": FUNCTION, "FunctionArn": arn, "Runtime": "nodejs22.x", "MemorySize": 256,
        "Timeout": if is_slow { 60 } else { 10 }, "State": "Active", "LastUpdateStatus": "Successful",
        "policy": {"Version": "2012-10-17", "Id": "default", "Statement": statements},
        "url_configs": url,
    })
}
