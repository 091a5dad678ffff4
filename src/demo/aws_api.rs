//! A stand-in for the AWS APIs that the doctor reads: API Gateway v1 and v2, ACM, Lambda and STS on one port, answered
//! from a document of the account (`facts/aws.md` section 7). Region and service are read from the signature's scope, as
//! an emulator must; the signature itself is not checked.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::DemoError;
use super::serve::{self, Port, Reply};

/// The listening stand-in.
pub(super) struct Running {
    address: SocketAddr,
    _port: Port,
}

impl Running {
    /// Base URL of every service.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Serves an account. The document has `domains`, `certificates`, `apis` and `functions` as `lint` reads them, each with
/// its `region`, not redacted.
pub(super) async fn serve(account: Value) -> Result<Running, DemoError> {
    let account = Arc::new(account);
    let port = serve::http(move |request: Request<Bytes>| {
        let account = account.clone();
        async move { Some(answer(&account, &request)) }
    })
    .await?;
    Ok(Running { address: port.address, _port: port })
}

/// What is asked for.
struct Question<'a> {
    account: &'a Value,
    region: &'a str,
}

fn answer(account: &Value, request: &Request<Bytes>) -> Reply {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`
    let scope: Vec<&str> = text("authorization").split(['/', ',']).collect();
    let (Some(region), Some(service)) = (scope.get(2), scope.get(3)) else {
        return refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    };
    let question = Question { account, region };
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match *service {
        "sts" => identity(),
        "acm" => question.acm(text("x-amz-target"), request.body()),
        "lambda" => question.lambda(&parts),
        _ => question.gateway(&parts),
    }
}

impl<'a> Question<'a> {
    /// The items of a list in this region.
    fn items(&self, list: &str) -> impl Iterator<Item = &'a Value> {
        let region = self.region.to_owned();
        let items = self.account.get(list).and_then(Value::as_array).into_iter().flatten();
        items.filter(move |item| item.get("region").and_then(Value::as_str) == Some(region.as_str()))
    }

    fn find(&self, list: &str, key: &str, value: &str) -> Option<&'a Value> {
        self.items(list).find(|item| item.get(key).and_then(Value::as_str) == Some(value))
    }

    fn gateway(&self, parts: &[&str]) -> Reply {
        let api = |id: &str| self.find("apis", "apiId", id);
        let domain = |name: &str| self.find("domains", "domainName", name);
        let is_rest = |api: &&Value| api.get("protocolType").and_then(Value::as_str) == Some("REST");
        match parts {
            ["v2", "domainnames"] => page("items", self.items("domains").map(without_parts).collect()),
            ["v2", "domainnames", name] => found(domain(name).map(without_parts)),
            ["v2", "domainnames", name, "apimappings"] => part(domain(name), "api_mappings", "items"),
            ["v2", "domainnames", name, "routingrules"] => part(domain(name), "routing_rules", "routingRules"),
            ["v2", "apis", id] => found(api(id).filter(|api| !is_rest(api)).map(without_parts)),
            ["v2", "apis", id, list @ ("stages" | "routes" | "integrations")] => {
                part(api(id).filter(|api| !is_rest(api)), list, "items")
            }
            ["domainnames"] => page("item", self.items("domains").map(as_version_one).collect()),
            ["domainnames", name] => found(domain(name).map(as_version_one)),
            ["domainnames", name, "basepathmappings"] => match domain(name) {
                Some(domain) => page("item", rows(domain, "api_mappings").map(base_path_mapping).collect()),
                None => not_found(),
            },
            ["restapis", id] => found(api(id).filter(is_rest).map(rest_api)),
            ["restapis", id, "stages"] => part(api(id).filter(is_rest), "stages", "item"),
            ["restapis", id, "resources"] => part(api(id).filter(is_rest), "resources", "item"),
            _ => not_found(),
        }
    }

    fn acm(&self, target: &str, body: &Bytes) -> Reply {
        let asked: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        match target.rsplit('.').next() {
            Some("DescribeCertificate") => {
                let arn = asked.get("CertificateArn").and_then(Value::as_str).unwrap_or_default();
                match self.find("certificates", "CertificateArn", arn) {
                    Some(certificate) => ok(&json!({"Certificate": without_parts(certificate)})),
                    None => refusal(400, "ResourceNotFoundException", "Could not find the certificate"),
                }
            }
            Some("ListCertificates") => {
                page("CertificateSummaryList", self.items("certificates").map(without_parts).collect())
            }
            _ => refusal(400, "UnknownOperationException", "no such operation"),
        }
    }

    fn lambda(&self, parts: &[&str]) -> Reply {
        let function = |name: &str| {
            // An ARN is asked for as often as a name.
            let name = name.split(":function:").nth(1).unwrap_or(name);
            self.find("functions", "FunctionName", name.split(':').next().unwrap_or(name))
        };
        let missing = || refusal(404, "ResourceNotFoundException", "Function not found");
        match parts {
            [_, "functions"] => page("Functions", self.items("functions").map(without_parts).collect()),
            [_, "functions", name, "configuration"] => {
                function(name).map_or_else(missing, |function| ok(&without_parts(function)))
            }
            [_, "functions", name, "policy"] => match function(name).and_then(|function| function.get("policy")) {
                Some(policy) => ok(&json!({"Policy": policy.to_string(), "RevisionId": "1"})),
                None => missing(),
            },
            [_, "functions", name, "urls"] => match function(name) {
                Some(function) => page("FunctionUrlConfigs", rows(function, "url_configs").cloned().collect()),
                None => missing(),
            },
            [_, "functions", name, "url"] => {
                let url = function(name).and_then(|function| rows(function, "url_configs").next());
                url.map_or_else(missing, ok)
            }
            _ => missing(),
        }
    }
}

/// What belongs to an item beside what its own call tells.
const PARTS: &[&str] = &[
    "region",
    "api_mappings",
    "routing_rules",
    "stages",
    "routes",
    "integrations",
    "resources",
    "policy",
    "url_configs",
];

fn without_parts(item: &Value) -> Value {
    let kept = item.as_object().into_iter().flatten().filter(|(key, _)| !PARTS.contains(&key.as_str()));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn rows<'a>(item: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    item.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The same domain as the older API tells of it.
fn as_version_one(domain: &Value) -> Value {
    let text = |value: &Value, key: &str| value.get(key).cloned().unwrap_or(Value::Null);
    let own = domain.pointer("/domainNameConfigurations/0").unwrap_or(&Value::Null);
    let kind = own.get("endpointType").and_then(Value::as_str).unwrap_or("REGIONAL");
    let is_edge = kind == "EDGE";
    let mut one = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            one.insert(key.to_owned(), value);
        }
    };
    put("domainName", text(domain, "domainName"));
    put(if is_edge { "certificateArn" } else { "regionalCertificateArn" }, text(own, "certificateArn"));
    put(if is_edge { "distributionDomainName" } else { "regionalDomainName" }, text(own, "apiGatewayDomainName"));
    put("endpointConfiguration", json!({"types": [kind]}));
    put("securityPolicy", text(own, "securityPolicy"));
    put("domainNameStatus", text(own, "domainNameStatus"));
    put("domainNameStatusMessage", text(own, "domainNameStatusMessage"));
    put("mutualTlsAuthentication", text(domain, "mutualTlsAuthentication"));
    put("endpointAccessMode", json!("BASIC"));
    let mode = match domain.get("routingMode").and_then(Value::as_str) {
        Some("ROUTING_RULE_ONLY") => "ROUTING_RULE_ONLY",
        Some("ROUTING_RULE_THEN_API_MAPPING") => "ROUTING_RULE_THEN_BASE_PATH_MAPPING",
        _ => "BASE_PATH_MAPPING_ONLY",
    };
    put("routingMode", json!(mode));
    Value::Object(one)
}

fn base_path_mapping(mapping: &Value) -> Value {
    let key = mapping.get("apiMappingKey").and_then(Value::as_str).filter(|key| !key.is_empty());
    json!({"basePath": key.unwrap_or("(none)"), "restApiId": mapping.get("apiId"), "stage": mapping.get("stage")})
}

fn rest_api(api: &Value) -> Value {
    let mut api = without_parts(api);
    if let Some(api) = api.as_object_mut() {
        api.remove("protocolType");
        if let Some(id) = api.remove("apiId") {
            api.insert("id".into(), id);
        }
    }
    api
}

fn found(item: Option<Value>) -> Reply {
    item.map_or_else(not_found, |item| ok(&item))
}

fn part(item: Option<&Value>, list: &str, key: &str) -> Reply {
    match item {
        Some(item) => page(key, rows(item, list).cloned().collect()),
        None => not_found(),
    }
}

fn page(key: &str, items: Vec<Value>) -> Reply {
    ok(&json!({ key: items }))
}

fn ok(body: &Value) -> Reply {
    serve::reply(200, &[("content-type", "application/json")], body.to_string())
}

fn not_found() -> Reply {
    refusal(404, "NotFoundException", "Invalid identifier specified")
}

fn refusal(status: u16, kind: &str, message: &str) -> Reply {
    let body = json!({"__type": kind, "message": message}).to_string();
    let mut reply = serve::reply(status, &[("content-type", "application/json")], body);
    if let Ok(kind) = HeaderValue::from_str(kind) {
        reply.headers_mut().insert("x-amzn-errortype", kind);
    }
    reply
}

fn identity() -> Reply {
    let xml = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
               <Arn>arn:aws:sts::111122223333:assumed-role/doctor/demo</Arn><UserId>AROADEMO:demo</UserId>\
               <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    serve::reply(200, &[(header::CONTENT_TYPE.as_str(), "text/xml")], xml)
}
