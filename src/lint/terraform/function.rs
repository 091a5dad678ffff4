//! AWS: functions, their URLs, and who may call them.

use serde_json::{Map, Value, json};

use super::Reader;
use super::resource::{Field, Resource};
use crate::lint::declared::{Change, Form, List, Thing};

impl<'a> Reader<'a> {
    pub(super) fn function(&mut self, at: usize, resource: &'a Resource) {
        match resource.kind.as_str() {
            "aws_lambda_function" => {
                let name = self.name_of_function(resource);
                if !resource.stays() {
                    self.declared.account.drop(List::Functions, &name);
                } else {
                    let mut value =
                        resource.pick(&[("runtime", "Runtime"), ("timeout", "Timeout"), ("memory_size", "MemorySize")]);
                    value.insert("FunctionArn".into(), self.arn(at, resource, &name).into());
                    if let Some(region) = self.region(at) {
                        value.insert("region".into(), region.into());
                    }
                    self.declared.account.declare(List::Functions, &name, value, resource.is_new());
                    self.declared.account.knows(List::Functions, "policy");
                    self.declared.account.knows(List::Functions, "url_configs");
                }
                self.source(Thing::Function(name.clone()), resource, Some(name));
            }
            "aws_lambda_function_url" => {
                let Some(name) = self.function_at(resource, "function_name") else {
                    return self.tell_unknown(resource, "function_name");
                };
                let region = self.region(at).map(str::to_owned);
                let reference = format!("{}.function_url", resource.address);
                let url = resource.text("function_url").map(str::to_owned).or_else(|| {
                    let host = self.stand_in(resource, Form::FunctionUrl, region.as_deref(), &reference)?;
                    Some(format!("https://{host}/"))
                });
                let account = &mut self.declared.account;
                if resource.before.is_object() && resource.change.is_some_and(|change| change != Change::None) {
                    let key = resource.was("function_url").unwrap_or_default();
                    account.drop_part(List::Functions, &name, "url_configs", key);
                }
                if let (true, Some(url)) = (resource.stays(), url) {
                    let mut row = resource.pick(&[("authorization_type", "AuthType"), ("invoke_mode", "InvokeMode")]);
                    row.insert("FunctionUrl".into(), url.into());
                    if let Some(cors) = resource.rows("cors").first().filter(|cors| cors.is_object()) {
                        row.insert("Cors".into(), cors.clone());
                    }
                    account.part(List::Functions, &name, "url_configs", Value::Object(row));
                }
                self.source(Thing::Function(name), resource, None);
            }
            "aws_lambda_permission" => self.permission(at, resource),
            _ => {}
        }
    }

    fn permission(&mut self, at: usize, resource: &Resource) {
        let Some(name) = self.function_at(resource, "function_name") else {
            return self.tell_unknown(resource, "function_name");
        };
        let account = &mut self.declared.account;
        if resource.before.is_object() && resource.change.is_some_and(|change| change != Change::None) {
            let sid = resource.was("statement_id").unwrap_or_default();
            account.drop_part(List::Functions, &name, "policy", sid);
        }
        if resource.stays() {
            let text = |path: &str| resource.text(path);
            let principal = text("principal").unwrap_or_default();
            let principal = match principal {
                "*" => json!("*"),
                service if service.contains(".amazonaws.com") => json!({"Service": service}),
                account => json!({"AWS": account}),
            };
            let mut conditions = Map::new();
            let mut add = |operator: &str, key: &str, value: Value| {
                let all = conditions.entry(operator).or_insert_with(|| json!({}));
                all[key] = value;
            };
            if let Some(arn) = self.source_arn(resource) {
                add("ArnLike", "AWS:SourceArn", arn.into());
            }
            if let Some(account) = text("source_account") {
                add("StringEquals", "AWS:SourceAccount", account.into());
            }
            if let Some(kind) = text("function_url_auth_type") {
                add("StringEquals", "lambda:FunctionUrlAuthType", kind.into());
            }
            if let Some(flag) = resource.truth("invoked_via_function_url") {
                add("Bool", "lambda:InvokedViaFunctionUrl", flag.to_string().into());
            }
            let sid = text("statement_id").unwrap_or(&resource.address);
            let region = self.region(at).unwrap_or_default();
            let qualifier = text("qualifier").map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
            let mut statement = json!({
                "Sid": sid, "Effect": "Allow", "Principal": principal,
                "Action": text("action").unwrap_or("lambda:InvokeFunction"),
                "Resource": format!("arn:aws:lambda:{region}:************:function:{name}{qualifier}"),
            });
            if !conditions.is_empty() {
                statement["Condition"] = Value::Object(conditions);
            }
            self.declared.account.part(List::Functions, &name, "policy", statement);
        }
        self.source(Thing::Function(name), resource, None);
    }

    /// Which calls are let in: known, or every one of the API that it refers to. The text around the reference is not
    /// in a plan, so it is never taken for too narrow.
    fn source_arn(&mut self, resource: &Resource) -> Option<String> {
        match resource.field("source_arn") {
            Field::Known(value) => value.as_str().map(str::to_owned),
            Field::Absent => None,
            Field::Unknown => match self.pointed(resource, "source_arn") {
                Some((to, _)) => {
                    let api = match to.resource.kind.as_str() {
                        "aws_apigatewayv2_api" | "aws_api_gateway_rest_api" => Some(to),
                        "aws_apigatewayv2_stage" => self.pointed(to.resource, "api_id").map(|(to, _)| to),
                        kind if kind.starts_with("aws_api_gateway_") => {
                            self.pointed(to.resource, "rest_api_id").map(|(to, _)| to)
                        }
                        _ => None,
                    };
                    let id = api.map(|to| self.id_of(to.resource)).unwrap_or_else(|| "*".into());
                    let region = api.and_then(|to| self.region(to.at)).unwrap_or("*");
                    Some(format!("arn:aws:execute-api:{region}:*:{id}/*"))
                }
                None => {
                    self.tell_unknown(resource, "source_arn");
                    Some("arn:aws:execute-api:*:*:*/*".into())
                }
            },
        }
    }

    fn name_of_function(&mut self, resource: &Resource) -> String {
        let known = resource.text("function_name").or_else(|| resource.was("function_name"));
        known.map_or_else(|| self.id_of(resource), str::to_owned)
    }

    fn arn(&self, at: usize, resource: &Resource, name: &str) -> String {
        let region = self.region(at).unwrap_or_default();
        resource
            .text("arn")
            .map_or_else(|| format!("arn:aws:lambda:{region}:************:function:{name}"), str::to_owned)
    }

    /// Name of the function at a path: known as name or ARN, or that of the resource which it refers to.
    pub(super) fn function_at(&mut self, resource: &Resource, path: &str) -> Option<String> {
        if let Some(known) = resource.text(path).or_else(|| resource.was(path)) {
            let name = known.rsplit_once(":function:").map_or(known, |(_, rest)| rest);
            return name.split([':', '/']).next().map(str::to_owned);
        }
        let to = self.pointed(resource, path)?.0.resource;
        match to.kind.as_str() {
            "aws_lambda_function" => Some(self.name_of_function(to)),
            "aws_lambda_alias" => self.function_at(to, "function_name"),
            _ => None,
        }
    }

    /// The URI of an integration: known, or that of the function which it refers to.
    pub(super) fn uri_at(&mut self, resource: &Resource, path: &str) -> Option<String> {
        if let Some(known) = resource.text(path) {
            return Some(known.to_owned());
        }
        let (to, _) = self.pointed(resource, path)?;
        let (function, at, qualifier) = match to.resource.kind.as_str() {
            "aws_lambda_function" => (to.resource, to.at, None),
            "aws_lambda_alias" => {
                let (function, _) = self.pointed(to.resource, "function_name")?;
                (function.resource, function.at, to.resource.text("name"))
            }
            _ => return None,
        };
        let name = self.name_of_function(function);
        let arn = self.arn(at, function, &name);
        let qualifier = qualifier.map(|name| format!(":{name}")).unwrap_or_default();
        let region = self.region(at).unwrap_or_default();
        Some(format!("arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}{qualifier}/invocations"))
    }
}
