//! Functions of a template, their URLs, and who may call them.

use serde_json::{Map, Value, json};

use super::intrinsics::not_read;
use super::{Reader, Resource};
use crate::lint::declared::{Form, List, Thing};

impl Reader<'_> {
    pub(super) fn function(&mut self, resource: &Resource) {
        let name = self.declare_function(resource, None);
        self.declared.account.knows(List::Functions, "policy");
        self.declared.account.knows(List::Functions, "url_configs");
        self.source(Thing::Function(name.clone()), resource, Some(name));
    }

    fn declare_function(&mut self, resource: &Resource, not_read: Option<Value>) -> String {
        let name = self.own_id(resource);
        let mut value = resource.pick(&[("Runtime", "Runtime"), ("Timeout", "Timeout"), ("MemorySize", "MemorySize")]);
        value.extend(self.attribute(resource, "Arn").map(|arn| ("FunctionArn".to_owned(), arn.into())));
        if let Some(region) = self.resolver.region() {
            value.insert("region".into(), region.into());
        }
        value.extend(not_read.map(|why| ("not_read".to_owned(), why)));
        self.declared.account.declare(List::Functions, &name, value, false);
        name
    }

    pub(super) fn function_url(&mut self, resource: &Resource) {
        let Some(name) = resource.text("TargetFunctionArn").and_then(function_name) else { return };
        let url = self.attribute(resource, "FunctionUrl");
        let mut row = resource.pick(&[("AuthType", "AuthType"), ("InvokeMode", "InvokeMode"), ("Cors", "Cors")]);
        if let Some(url) = url {
            row.insert("FunctionUrl".into(), url.into());
            self.part(List::Functions, &name, "url_configs", row);
        }
        self.source(Thing::Function(name), resource, None);
    }

    pub(super) fn permission(&mut self, resource: &Resource) {
        let Some(name) = resource.text("FunctionName").and_then(function_name) else { return };
        let principal = match resource.text("Principal") {
            Some("*") | None => json!("*"),
            Some(service) if service.contains(".amazonaws.com") => json!({"Service": service}),
            Some(account) => json!({"AWS": account}),
        };
        let mut conditions = Map::new();
        let mut add = |operator: &str, key: &str, value: &str| {
            conditions.entry(operator).or_insert_with(|| json!({}))[key] = value.into();
        };
        match (resource.text("SourceArn"), self.is_written(resource, "SourceArn")) {
            (Some(arn), _) => add("ArnLike", "AWS:SourceArn", arn),
            // Written, but not known: never taken for too narrow.
            (None, true) => add("ArnLike", "AWS:SourceArn", "arn:aws:execute-api:*:*:*/*"),
            (None, false) => {}
        }
        if let Some(kind) = resource.text("FunctionUrlAuthType") {
            add("StringEquals", "lambda:FunctionUrlAuthType", kind);
        }
        if let Some(flag) = resource.truth("InvokedViaFunctionUrl") {
            add("Bool", "lambda:InvokedViaFunctionUrl", if flag { "true" } else { "false" });
        }
        let region = self.resolver.region().unwrap_or_default();
        let mut statement = json!({
            "Sid": resource.id, "Effect": "Allow", "Principal": principal,
            "Action": resource.text("Action").unwrap_or("lambda:InvokeFunction"),
            "Resource": format!("arn:aws:lambda:{region}:************:function:{name}"),
        });
        if !conditions.is_empty() {
            statement["Condition"] = Value::Object(conditions);
        }
        self.declared.account.part(List::Functions, &name, "policy", statement);
        self.source(Thing::Function(name), resource, None);
    }

    /// A SAM function: its events are routes, integrations and permissions in one.
    pub(super) fn serverless_function(&mut self, resource: &Resource) {
        // SAM writes the permissions itself.
        let reason = not_read("policy", "SAM writes the function's policy");
        let name = self.declare_function(resource, Some(reason));
        let arn = self.attribute(resource, "Arn").unwrap_or_default();
        let events = resource.get("Events").and_then(Value::as_object).into_iter().flatten();
        for (event, value) in events {
            let property = |key: &str| value.get("Properties").and_then(|all| all.get(key)).and_then(Value::as_str);
            let api = match value.get("Type").and_then(Value::as_str) {
                Some("HttpApi") => property("ApiId"),
                Some("Api") => property("RestApiId"),
                _ => None,
            };
            let Some(api) = api else { continue };
            let (path, method) = (property("Path"), property("Method").unwrap_or("any").to_ascii_uppercase());
            let method = if method == "*" { "ANY" } else { &method };
            let key = path.map_or_else(|| "$default".to_owned(), |path| format!("{method} {path}"));
            let id = format!("{}-{event}", resource.id);
            let integration = json!({"integrationId": id, "integrationType": "AWS_PROXY", "integrationUri": arn});
            let account = &mut self.declared.account;
            if value.get("Type").and_then(Value::as_str) == Some("HttpApi") {
                account.part(
                    List::Apis,
                    api,
                    "routes",
                    json!({"routeKey": key, "target": format!("integrations/{id}")}),
                );
                account.part(List::Apis, api, "integrations", integration);
            } else if let Some(path) = path {
                let integration = json!({"type": "AWS_PROXY", "uri": arn, "httpMethod": "POST"});
                let methods = json!({method: {"methodIntegration": integration}});
                account.part(List::Apis, api, "resources", json!({"id": id, "path": path, "resourceMethods": methods}));
            }
        }
        if let Some(config) = resource.get("FunctionUrlConfig").and_then(Value::as_object) {
            let shown = format!("{}Url.FunctionUrl", resource.id);
            let host = self.resolver.stand_in(&resource.id, Form::FunctionUrl, &shown, &mut self.declared.stand_ins);
            if let Some(host) = host {
                let mut row: Map<String, Value> = config.clone();
                row.insert("FunctionUrl".into(), format!("https://{host}/").into());
                self.part(List::Functions, &name, "url_configs", row);
            }
        }
        self.source(Thing::Function(name.clone()), resource, Some(name));
    }
}

/// The function's name in a name, an ARN, or either with a qualifier.
fn function_name(text: &str) -> Option<String> {
    let rest = text.rsplit_once(":function:").map_or(text, |(_, rest)| rest);
    rest.split([':', '/']).next().filter(|name| !name.is_empty()).map(str::to_owned)
}
