//! AWS: APIs with their stages, routes and integrations.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Reader;
use super::resource::{Field, Resource};
use crate::lint::declared::{Change, List, Thing};

impl<'a> Reader<'a> {
    pub(super) fn api(&mut self, at: usize, resource: &'a Resource) {
        if !resource.stays() {
            if let Some(id) = resource.was("id") {
                self.declared.account.drop(List::Apis, id);
                self.source(Thing::Api(id.to_owned()), resource, None);
            }
            return;
        }
        let id = self.id_of(resource);
        let mut value = resource.pick(&[
            ("name", "name"),
            ("protocol_type", "protocolType"),
            ("api_endpoint", "apiEndpoint"),
            ("disable_execute_api_endpoint", "disableExecuteApiEndpoint"),
            ("binary_media_types", "binaryMediaTypes"),
            ("policy", "policy"),
        ]);
        if let Some(region) = self.region(at) {
            value.insert("region".into(), region.into());
        }
        if resource.field("disable_execute_api_endpoint") == Field::Absent {
            value.insert("disableExecuteApiEndpoint".into(), false.into());
        }
        if resource.kind == "aws_api_gateway_rest_api" {
            value.insert("protocolType".into(), "REST".into());
            let types = resource.rows("endpoint_configuration").first().and_then(|one| one.get("types")).cloned();
            value.insert("endpointConfiguration".into(), json!({"types": types.unwrap_or_else(|| json!(["EDGE"]))}));
        }
        if let Some(Value::Object(cors)) = resource.rows("cors_configuration").first() {
            let names = [
                ("allow_origins", "allowOrigins"),
                ("allow_methods", "allowMethods"),
                ("allow_credentials", "allowCredentials"),
            ];
            let known =
                names.iter().filter_map(|(ours, theirs)| Some(((*theirs).to_owned(), cors.get(*ours)?.clone())));
            value.insert("corsConfiguration".into(), known.collect::<Map<_, _>>().into());
        }
        let account = &mut self.declared.account;
        account.declare(List::Apis, &id, value, resource.is_new());
        // An OpenAPI document makes routes that are no resources.
        let by_document = resource.field("body") != Field::Absent;
        if by_document {
            let reason = json!({"kind": "inconclusive", "text": "the routes are in the API's OpenAPI document, which is not read"});
            let item = account.item(List::Apis, &id);
            item.value
                .insert("not_read".into(), json!({"routes": reason, "integrations": reason, "resources": reason}));
        } else if resource.kind == "aws_apigatewayv2_api" {
            account.knows(List::Apis, "routes");
            account.knows(List::Apis, "integrations");
        }
        if resource.field("target") != Field::Absent && resource.kind == "aws_apigatewayv2_api" {
            self.quick_created(resource, &id);
        }
        self.source(Thing::Api(id), resource, resource.text("name").map(str::to_owned));
    }

    /// With a target, AWS makes one route, one integration and the stage `$default` by itself.
    fn quick_created(&mut self, resource: &Resource, id: &str) {
        let uri = self.uri_at(resource, "target");
        let key = resource.text("route_key").unwrap_or("$default").to_owned();
        let account = &mut self.declared.account;
        account.part(
            List::Apis,
            id,
            "stages",
            json!({"stageName": "$default", "autoDeploy": true, "deploymentId": "(known after apply)"}),
        );
        account.part(List::Apis, id, "routes", json!({"routeKey": key, "target": "integrations/quick"}));
        let mut integration = json!({"integrationId": "quick", "integrationType": "AWS_PROXY"});
        if let Some(uri) = uri {
            if !uri.starts_with("arn:") {
                integration["integrationType"] = "HTTP_PROXY".into();
            }
            integration["integrationUri"] = uri.into();
        }
        account.part(List::Apis, id, "integrations", integration);
    }

    /// A stage, a route, an integration.
    pub(super) fn api_part(&mut self, resource: &'a Resource) {
        let path = if resource.kind.starts_with("aws_apigatewayv2_") { "api_id" } else { "rest_api_id" };
        let known = resource.text(path).or_else(|| resource.was(path)).map(str::to_owned);
        let is_read = matches!(
            resource.kind.as_str(),
            "aws_apigatewayv2_stage"
                | "aws_apigatewayv2_route"
                | "aws_apigatewayv2_integration"
                | "aws_api_gateway_stage"
                | "aws_api_gateway_method_settings"
                | "aws_api_gateway_deployment"
        );
        if !is_read {
            return;
        }
        let Some(api) = known.or_else(|| self.id_at(resource, path)) else { return };
        let (part, key) = match resource.kind.as_str() {
            "aws_apigatewayv2_stage" => ("stages", resource.was("name")),
            "aws_api_gateway_stage" => ("stages", resource.was("stage_name")),
            "aws_apigatewayv2_route" => ("routes", resource.was("route_key")),
            "aws_apigatewayv2_integration" => ("integrations", resource.was("id")),
            _ => return self.source(Thing::Api(api), resource, None),
        };
        if let (Some(key), true) = (key, resource.change.is_some_and(|change| change != Change::None)) {
            self.declared.account.drop_part(List::Apis, &api, part, key);
        }
        if resource.stays() {
            let row = match part {
                "stages" => self.stage(resource),
                "routes" => self.route(resource),
                _ => self.integration(resource),
            };
            self.declared.account.part(List::Apis, &api, part, Value::Object(row));
        }
        self.source(Thing::Api(api), resource, None);
    }

    fn stage(&mut self, resource: &Resource) -> Map<String, Value> {
        let mut row = resource.pick(&[
            ("name", "stageName"),
            ("stage_name", "stageName"),
            ("auto_deploy", "autoDeploy"),
            ("deployment_id", "deploymentId"),
            ("cache_cluster_enabled", "cacheClusterEnabled"),
            ("cache_cluster_size", "cacheClusterSize"),
            ("web_acl_arn", "webAclArn"),
        ]);
        if resource.field("deployment_id") == Field::Unknown || resource.truth("auto_deploy") == Some(true) {
            row.entry("deploymentId").or_insert_with(|| "(known after apply)".into());
        }
        if let Some(Value::Object(limits)) = resource.rows("default_route_settings").first() {
            let names =
                [("throttling_rate_limit", "throttlingRateLimit"), ("throttling_burst_limit", "throttlingBurstLimit")];
            let known =
                names.iter().filter_map(|(ours, theirs)| Some(((*theirs).to_owned(), limits.get(*ours)?.clone())));
            row.insert("defaultRouteSettings".into(), known.collect::<Map<_, _>>().into());
        }
        if let Some(name) = row.get("stageName").and_then(Value::as_str) {
            let settings = self.method_settings(resource, name);
            if !settings.is_empty() {
                row.insert("methodSettings".into(), Value::Object(settings));
            }
        }
        row
    }

    /// What is set for the methods of a REST stage.
    fn method_settings(&self, stage: &Resource, name: &str) -> Map<String, Value> {
        let of_stage = |one: &&Resource| {
            one.kind == "aws_api_gateway_method_settings"
                && one.stays()
                && one.module_address == stage.module_address
                && self.stage_at(one, "stage_name").as_deref() == Some(name)
        };
        let all = self.resources.iter().filter(of_stage);
        all.filter_map(|one| {
            let settings = one.rows("settings").first()?;
            let of = |key: &str| settings.get(key).cloned().unwrap_or_default();
            let value =
                json!({"cachingEnabled": of("caching_enabled"), "cacheTtlInSeconds": of("cache_ttl_in_seconds")});
            Some((one.text("method_path")?.to_owned(), value))
        })
        .collect()
    }

    fn route(&mut self, resource: &Resource) -> Map<String, Value> {
        let mut row = resource.pick(&[
            ("route_key", "routeKey"),
            ("authorization_type", "authorizationType"),
            ("api_key_required", "apiKeyRequired"),
            ("target", "target"),
        ]);
        if resource.field("target") == Field::Unknown
            && let Some(id) = self.id_at(resource, "target")
        {
            row.insert("target".into(), format!("integrations/{id}").into());
        }
        row
    }

    fn integration(&mut self, resource: &Resource) -> Map<String, Value> {
        let mut row = resource.pick(&[
            ("integration_type", "integrationType"),
            ("integration_method", "integrationMethod"),
            ("payload_format_version", "payloadFormatVersion"),
            ("timeout_milliseconds", "timeoutInMillis"),
            ("connection_type", "connectionType"),
        ]);
        row.insert("integrationId".into(), self.id_of(resource).into());
        if let Some(uri) = self.uri_at(resource, "integration_uri") {
            row.insert("integrationUri".into(), uri.into());
        }
        let parameters = resource
            .rows("response_parameters")
            .iter()
            .filter_map(|one| Some((one.get("status_code")?.as_str()?.to_owned(), one.get("mappings")?.clone())));
        let parameters: Map<String, Value> = parameters.collect();
        if !parameters.is_empty() {
            row.insert("responseParameters".into(), Value::Object(parameters));
        }
        row
    }

    /// The methods of REST APIs that the plan makes: resources, methods and integrations are told one by one.
    pub(super) fn rest_routes(&mut self) {
        let mut paths: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>> = BTreeMap::new();
        let all = self.resources;
        let of_kind = |kind: &str| -> Vec<&'a Resource> {
            all.iter().filter(|one| one.stays() && !one.is_data && one.kind == kind).collect()
        };
        let (methods, integrations) = (of_kind("aws_api_gateway_method"), of_kind("aws_api_gateway_integration"));
        for (is_integration, resource) in
            methods.into_iter().map(|one| (false, one)).chain(integrations.into_iter().map(|one| (true, one)))
        {
            let Some(api) = self.id_at(resource, "rest_api_id") else { continue };
            let (Some(path), Some(method)) = (self.path_at(resource, "resource_id", 0), self.method_at(resource))
            else {
                continue;
            };
            let slot =
                paths.entry(api).or_default().entry(path).or_default().entry(method).or_insert_with(|| json!({}));
            match is_integration {
                false => {
                    let own = resource
                        .pick(&[("authorization", "authorizationType"), ("api_key_required", "apiKeyRequired")]);
                    own.into_iter().for_each(|(key, value)| slot[key] = value);
                }
                true => {
                    let mut own = resource.pick(&[
                        ("type", "type"),
                        ("integration_http_method", "httpMethod"),
                        ("timeout_milliseconds", "timeoutInMillis"),
                    ]);
                    if let Some(uri) = self.uri_at(resource, "uri") {
                        own.insert("uri".into(), uri.into());
                    }
                    slot["methodIntegration"] = Value::Object(own);
                }
            }
        }
        for (api, paths) in paths {
            for (path, methods) in paths {
                let methods: Map<String, Value> = methods.into_iter().collect();
                let row = json!({"id": path, "path": path, "resourceMethods": methods});
                self.declared.account.part(List::Apis, &api, "resources", row);
            }
        }
    }

    fn method_at(&self, resource: &Resource) -> Option<String> {
        let known = resource.text("http_method").map(str::to_owned);
        known.or_else(|| self.pointed(resource, "http_method")?.0.resource.text("http_method").map(str::to_owned))
    }

    /// The path of the REST resource at a path of attributes: known, or put together out of its parents'.
    fn path_at(&self, resource: &Resource, key: &str, depth: usize) -> Option<String> {
        if depth > 32 {
            return None;
        }
        let to = match self.pointed(resource, key) {
            Some((to, _)) => to.resource,
            // Known already: by its id.
            None => {
                let id = resource.text(key)?;
                let by_id = |one: &&Resource| one.kind == "aws_api_gateway_resource" && one.text("id") == Some(id);
                let root = |one: &&Resource| {
                    one.kind == "aws_api_gateway_rest_api" && one.text("root_resource_id") == Some(id)
                };
                self.resources.iter().find(by_id).or_else(|| self.resources.iter().find(root))?
            }
        };
        match to.kind.as_str() {
            "aws_api_gateway_rest_api" => Some("/".into()),
            "aws_api_gateway_resource" => match to.text("path") {
                Some(path) => Some(path.to_owned()),
                None => {
                    let parent = self.path_at(to, "parent_id", depth + 1)?;
                    Some(format!("{}/{}", parent.trim_end_matches('/'), to.text("path_part")?))
                }
            },
            _ => None,
        }
    }
}
