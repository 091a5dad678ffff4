//! Which output of the AWS CLI (or answer of the API) is this? Told by its keys; both spellings.

use serde_json::{Map, Value, json};

use super::merge::UNATTACHED;
use super::read::{get, has, text};
use super::words::same;

/// Keys that make a JSON object the document itself.
const OWN: &[&str] = &["domains", "certificates", "apis", "functions", "regions_looked_at", "identity", "not_read"];
/// A page that is not the last one has one of these.
const CUT: &[&str] = &["nextToken", "position", "nextMarker", "marker"];
/// Most items of a list that are looked at to tell its kind.
const SAMPLE: usize = 5;

/// The value as (part of) the document; `None`: nothing that we know.
pub(super) fn document(value: &Value) -> Option<Value> {
    match value {
        Value::Array(items) => list_of_items(items, None),
        Value::Object(object) => {
            let own = object.iter().any(|(key, value)| {
                OWN.contains(&key.as_str()) && (value.is_array() || value.is_object()) && !is_foreign(value)
            });
            if own { Some(value.clone()) } else { output(value) }
        }
        _ => None,
    }
}

/// `apis` and the like as lists of plain texts belong to somebody else.
fn is_foreign(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.first().is_some_and(|item| !item.is_object() && !item.is_string()))
}

/// An output of the CLI.
fn output(value: &Value) -> Option<Value> {
    // A list in its wrapping: HTTP and WebSocket `Items`, REST `item` on the wire and `items` in the CLI.
    for key in ["items", "item"] {
        if let Some(Value::Array(items)) = get(value, key) {
            return list_of_items(items, cut(value));
        }
    }
    let lists =
        [("CertificateSummaryList", "certificates"), ("Functions", "functions"), ("FunctionUrlConfigs", "url_configs")];
    for (key, place) in lists {
        if let Some(Value::Array(items)) = get(value, key) {
            return Some(placed(place, items.clone(), cut(value)));
        }
    }
    if let Some(Value::Array(rules)) = get(value, "routingRules") {
        return Some(placed("routing_rules", rules.clone(), cut(value)));
    }
    if let Some(certificate) = get(value, "Certificate").filter(|inner| has(inner, "CertificateArn")) {
        return Some(placed("certificates", vec![certificate.clone()], None));
    }
    if let Some(function) = get(value, "Configuration").filter(|inner| has(inner, "FunctionArn")) {
        return Some(placed("functions", vec![function.clone()], None));
    }
    if has(value, "UserId") && has(value, "Account") && has(value, "Arn") {
        return Some(json!({"identity": value}));
    }
    if let Some(policy) = function_policy(value) {
        return Some(policy);
    }
    let place = kind(value)?;
    Some(placed(place, vec![value.clone()], None))
}

/// The answer of GetPolicy, or the policy document of a function by itself.
fn function_policy(value: &Value) -> Option<Value> {
    let inner = match get(value, "policy") {
        Some(Value::String(text)) if has(value, "RevisionId") => serde_json::from_str(text).ok()?,
        Some(inner @ Value::Object(_)) if has(value, "RevisionId") => inner.clone(),
        None if has(value, "Statement") => value.clone(),
        _ => return None,
    };
    let statements = super::read::objects(&inner, "Statement")?;
    let function = statements.iter().find_map(|statement| {
        let resources = super::read::texts(statement, "Resource");
        resources.into_iter().find(|resource| resource.contains(":function:"))
    });
    match function {
        Some(arn) => Some(json!({"functions": [{"FunctionArn": arn, "policy": inner}]})),
        None if has(value, "RevisionId") => Some(json!({UNATTACHED: {"policy": inner}})),
        None => None,
    }
}

fn cut(value: &Value) -> Option<&'static str> {
    CUT.iter().copied().find(|key| text(value, key).is_some())
}

fn list_of_items(items: &[Value], cut: Option<&str>) -> Option<Value> {
    let place = items.iter().take(SAMPLE).find_map(kind)?;
    Some(placed(place, items.to_vec(), cut))
}

/// The items in their place in the document; a page that is not the last is marked as not whole.
fn placed(place: &str, items: Vec<Value>, cut: Option<&str>) -> Value {
    let why = cut.map(|key| {
        let text = format!("the file holds only the first page ({key} leads to the next one)");
        json!({"kind": "inconclusive", "text": text})
    });
    if OWN.contains(&place) {
        let mut document = json!({place: items});
        if let Some(why) = why {
            document["not_read"] = json!({format!("{place}.next_page"): why});
        }
        return document;
    }
    // The URL of a function names its function; the other parts do not name their owner.
    if place == "url_configs" && !items.is_empty() {
        let functions: Vec<Value> = items
            .iter()
            .filter_map(|url| {
                let arn = text(url, "FunctionArn")?;
                // The URL of an alias belongs to the function as well: the owner is the function itself.
                let unqualified: Vec<&str> = arn.splitn(8, ':').take(7).collect();
                Some(json!({"FunctionArn": unqualified.join(":"), "url_configs": [url]}))
            })
            .collect();
        return json!({"functions": functions});
    }
    let mut loose = Map::new();
    loose.insert(place.into(), items.into());
    if let Some(why) = why {
        loose.insert("not_read".into(), json!({place: why}));
    }
    json!({UNATTACHED: loose})
}

/// The list to which an item belongs.
fn kind(item: &Value) -> Option<&'static str> {
    let object = item.as_object()?;
    let any = |keys: &[&str]| keys.iter().any(|key| has(item, key));
    let all = |keys: &[&str]| keys.iter().all(|key| object.keys().any(|name| same(name, key)));
    if has(item, "domainName")
        && any(&["domainNameConfigurations", "endpointConfiguration", "regionalDomainName", "distributionDomainName"])
    {
        return Some("domains");
    }
    if any(&["CertificateArn"]) && any(&["DomainName", "Status", "SubjectAlternativeNames"]) {
        return Some("certificates");
    }
    if any(&["FunctionUrl"]) && any(&["AuthType", "FunctionArn"]) {
        return Some("url_configs");
    }
    if any(&["FunctionArn"]) && any(&["Runtime", "Handler", "PackageType", "State", "CodeSha256"]) {
        return Some("functions");
    }
    if has(item, "routingRuleId") || (has(item, "priority") && has(item, "actions") && has(item, "conditions")) {
        return Some("routing_rules");
    }
    if has(item, "apiMappingId") || (has(item, "restApiId") && all(&["basePath"])) {
        return Some("api_mappings");
    }
    if has(item, "routeKey") && any(&["routeId", "target", "authorizationType"]) {
        return Some("routes");
    }
    if has(item, "integrationId") || has(item, "integrationType") {
        return Some("integrations");
    }
    if has(item, "stageName") {
        return Some("stages");
    }
    if has(item, "apiId") && any(&["protocolType", "apiEndpoint"]) {
        return Some("apis");
    }
    if has(item, "id") && has(item, "path") && any(&["resourceMethods", "pathPart", "parentId"]) {
        return Some("resources");
    }
    if has(item, "id") && any(&["apiKeySource", "rootResourceId", "disableExecuteApiEndpoint"]) {
        return Some("apis");
    }
    // The root of a REST API is all that some answers have: `{"id": …, "path": "/"}`.
    (text(item, "path").as_deref() == Some("/") && has(item, "id") && object.len() <= 3).then_some("resources")
}
