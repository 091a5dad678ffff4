//! APIs of a template with their stages, routes and integrations.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::intrinsics::not_read;
use super::{Reader, Resource};
use crate::lint::declared::{List, Thing};

impl Reader<'_> {
    pub(super) fn api(&mut self, resource: &Resource) {
        let id = self.own_id(resource);
        let mut value = resource.pick(&[
            ("Name", "name"),
            ("ProtocolType", "protocolType"),
            ("DisableExecuteApiEndpoint", "disableExecuteApiEndpoint"),
            ("CorsConfiguration", "corsConfiguration"),
            ("BinaryMediaTypes", "binaryMediaTypes"),
            ("Policy", "policy"),
        ]);
        let is_rest = resource.kind == "AWS::ApiGateway::RestApi";
        if is_rest {
            value.insert("protocolType".into(), "REST".into());
            let types = resource.get("EndpointConfiguration.Types").cloned().unwrap_or_else(|| json!(["EDGE"]));
            value.insert("endpointConfiguration".into(), json!({"types": types}));
        }
        let by_document = ["Body", "BodyS3Location"].iter().any(|key| resource.get(key).is_some());
        self.declare_api(resource, &id, value, by_document);
        if !is_rest && !by_document {
            self.declared.account.knows(List::Apis, "routes");
            self.declared.account.knows(List::Apis, "integrations");
        }
        // With a target, AWS makes one route, one integration and the stage by itself.
        if let Some(target) = resource.text("Target") {
            let key = resource.text("RouteKey").unwrap_or("$default");
            let kind = if target.starts_with("arn:") { "AWS_PROXY" } else { "HTTP_PROXY" };
            let account = &mut self.declared.account;
            account.part(List::Apis, &id, "routes", json!({"routeKey": key, "target": "integrations/quick"}));
            account.part(List::Apis, &id, "stages", deployed("$default"));
            let integration = json!({"integrationId": "quick", "integrationType": kind, "integrationUri": target});
            account.part(List::Apis, &id, "integrations", integration);
        }
    }

    fn declare_api(&mut self, resource: &Resource, id: &str, mut value: Map<String, Value>, by_document: bool) {
        if let Some(region) = self.resolver.region() {
            value.insert("region".into(), region.into());
        }
        if resource.get("DisableExecuteApiEndpoint").is_none()
            && !self.is_written(resource, "DisableExecuteApiEndpoint")
        {
            value.insert("disableExecuteApiEndpoint".into(), false.into());
        }
        if by_document {
            let why = "the routes are in the API's OpenAPI document, which is not read";
            let reasons = ["routes", "integrations", "resources"].map(|part| not_read(part, why));
            let all = reasons.into_iter().filter_map(|one| one.as_object().cloned()).flatten();
            value.insert("not_read".into(), Value::Object(all.collect()));
        }
        self.declared.account.declare(List::Apis, id, value, false);
        self.source(Thing::Api(id.to_owned()), resource, resource.text("Name").map(str::to_owned));
    }

    pub(super) fn api_part(&mut self, resource: &Resource) {
        let api = resource.text("ApiId").or_else(|| resource.text("RestApiId")).map(str::to_owned);
        let Some(api) = api else { return };
        let (part, row) = match resource.kind.as_str() {
            "AWS::ApiGatewayV2::Stage" => {
                let names = [
                    ("StageName", "stageName"),
                    ("AutoDeploy", "autoDeploy"),
                    ("DefaultRouteSettings", "defaultRouteSettings"),
                ];
                let mut row = resource.pick(&names);
                row.insert("deploymentId".into(), "(known after deployment)".into());
                ("stages", row)
            }
            "AWS::ApiGateway::Stage" => {
                let mut row =
                    resource.pick(&[("StageName", "stageName"), ("CacheClusterEnabled", "cacheClusterEnabled")]);
                row.insert("deploymentId".into(), "(known after deployment)".into());
                let settings = resource.get("MethodSettings").and_then(Value::as_array).into_iter().flatten();
                let settings: Map<String, Value> = settings
                    .filter_map(|one| {
                        let text = |key: &str| one.get(key).and_then(Value::as_str);
                        let path = text("ResourcePath")?.trim_start_matches('/').to_owned();
                        let key = format!("{}/{}", if path.is_empty() { "*" } else { &path }, text("HttpMethod")?);
                        let of = |key: &str| one.get(key).cloned().unwrap_or_default();
                        Some((key, json!({"cachingEnabled": of("CachingEnabled"), "cacheTtlInSeconds": of("CacheTtlInSeconds")})))
                    })
                    .collect();
                if !settings.is_empty() {
                    row.insert("methodSettings".into(), Value::Object(settings));
                }
                ("stages", row)
            }
            "AWS::ApiGatewayV2::Route" => (
                "routes",
                resource.pick(&[
                    ("RouteKey", "routeKey"),
                    ("AuthorizationType", "authorizationType"),
                    ("ApiKeyRequired", "apiKeyRequired"),
                    ("Target", "target"),
                ]),
            ),
            _ => {
                let mut row = resource.pick(&[
                    ("IntegrationType", "integrationType"),
                    ("IntegrationUri", "integrationUri"),
                    ("IntegrationMethod", "integrationMethod"),
                    ("PayloadFormatVersion", "payloadFormatVersion"),
                    ("TimeoutInMillis", "timeoutInMillis"),
                    ("ConnectionType", "connectionType"),
                ]);
                row.insert("integrationId".into(), self.own_id(resource).into());
                ("integrations", row)
            }
        };
        self.part(List::Apis, &api, part, row);
        self.source(Thing::Api(api), resource, None);
    }

    /// A SAM API: the API, its stage, and perhaps its domain.
    pub(super) fn serverless_api(&mut self, resource: &Resource) {
        let id = self.own_id(resource);
        let is_http = resource.kind == "AWS::Serverless::HttpApi";
        let mut value = resource.pick(&[
            ("Name", "name"),
            ("DisableExecuteApiEndpoint", "disableExecuteApiEndpoint"),
            ("BinaryMediaTypes", "binaryMediaTypes"),
        ]);
        value.insert("protocolType".into(), if is_http { "HTTP" } else { "REST" }.into());
        if !is_http {
            let kind = resource.text("EndpointConfiguration.Type").or_else(|| resource.text("EndpointConfiguration"));
            value.insert("endpointConfiguration".into(), json!({"types": [kind.unwrap_or("EDGE")]}));
        } else if let Some(cors) = resource.get("CorsConfiguration").filter(|cors| cors.is_object()) {
            value.insert("corsConfiguration".into(), cors.clone());
        }
        let stage = resource.text("StageName").unwrap_or("$default").to_owned();
        let by_document = ["DefinitionBody", "DefinitionUri"].iter().any(|key| resource.get(key).is_some());
        self.declare_api(resource, &id, value, by_document);
        self.declared.account.part(List::Apis, &id, "stages", deployed(&stage));
        self.serverless_domain(resource, &id, &stage);
    }

    /// The methods of REST APIs, which are resources of their own.
    pub(super) fn rest_methods(&mut self, all: &[Resource]) {
        let mut paths: BTreeMap<String, BTreeMap<String, Map<String, Value>>> = BTreeMap::new();
        let resources: BTreeMap<String, &Resource> = all
            .iter()
            .filter(|one| one.kind == "AWS::ApiGateway::Resource")
            .map(|one| (self.own_id(one), one))
            .collect();
        for method in all.iter().filter(|one| one.kind == "AWS::ApiGateway::Method") {
            let (Some(api), Some(verb)) = (method.text("RestApiId"), method.text("HttpMethod")) else { continue };
            let Some(path) = method.text("ResourceId").and_then(|id| path_of(id, &resources, 0)) else { continue };
            let mut row =
                method.pick(&[("AuthorizationType", "authorizationType"), ("ApiKeyRequired", "apiKeyRequired")]);
            if let Some(integration) = method.get("Integration") {
                let names = [
                    ("Type", "type"),
                    ("Uri", "uri"),
                    ("IntegrationHttpMethod", "httpMethod"),
                    ("TimeoutInMillis", "timeoutInMillis"),
                ];
                let known = names
                    .iter()
                    .filter_map(|(ours, theirs)| Some(((*theirs).to_owned(), integration.get(*ours)?.clone())));
                row.insert("methodIntegration".into(), Value::Object(known.collect()));
            }
            paths
                .entry(api.to_owned())
                .or_default()
                .entry(path)
                .or_default()
                .insert(verb.to_owned(), Value::Object(row));
        }
        for (api, paths) in paths {
            for (path, methods) in paths {
                let row = json!({"id": path, "path": path, "resourceMethods": methods});
                self.declared.account.part(List::Apis, &api, "resources", row);
            }
        }
    }
}

/// The path of a REST resource, put together out of its parents'.
fn path_of(id: &str, resources: &BTreeMap<String, &Resource>, depth: usize) -> Option<String> {
    if id.starts_with("root of ") {
        return Some("/".into());
    }
    let resource = resources.get(id).filter(|_| depth < 32)?;
    let parent = path_of(resource.text("ParentId")?, resources, depth + 1)?;
    Some(format!("{}/{}", parent.trim_end_matches('/'), resource.text("PathPart")?))
}

/// A stage that is deployed together with its API.
fn deployed(name: &str) -> Value {
    json!({"stageName": name, "autoDeploy": true, "deploymentId": "(known after deployment)"})
}
