//! A CloudFormation or SAM template, JSON or YAML, as the account's document (`facts/aws.md` section 9.4).
//!
//! Intrinsic functions are resolved where the template itself tells their value: parameters by their defaults, pseudo
//! parameters, mappings, conditions, references to other resources. What it does not tell stays unknown and is named.

mod api;
mod cycle;
mod document;
mod domain;
mod function;
mod intrinsics;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use self::document::Document;
use self::intrinsics::Resolver;
use super::declared::{Change, Declared, List, Source, Thing};
use crate::report::Place;

/// Most notes about values that are not known.
const MOST_NOTES: usize = 40;

/// Reads the file into `declared`; `region` is where the stack will be.
///
/// # Errors
/// It is no template, or its references go round in circles: where, and the remedy.
pub(in crate::lint) fn read(
    bytes: &[u8],
    name: &str,
    region: Option<&str>,
    declared: &mut Declared,
) -> Result<(), String> {
    let document = document::parse(bytes)?;
    if !is_one(&document.value) {
        return Err("no CloudFormation or SAM template: it has no Resources with a Type of AWS".into());
    }
    cycle::look(&document.value)?;
    let resolver = Resolver::new(&document.value, region, name);
    let mut reader = Reader { file: name, document: &document, resolver, declared };
    reader.all();
    Ok(())
}

/// Is this JSON a template?
pub(in crate::lint) fn is_one(value: &Value) -> bool {
    let resources = value.get("Resources").and_then(Value::as_object);
    resources.is_some_and(|all| {
        let is_aws =
            |one: &Value| one.get("Type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("AWS::"));
        all.values().any(is_aws)
    })
}

/// Does this text look like a YAML template?
pub(in crate::lint) fn is_yaml_one(text: &str) -> bool {
    let has_resources = text.lines().any(|line| line.trim_end() == "Resources:" || line.starts_with("Resources: "));
    has_resources && (text.contains("AWSTemplateFormatVersion") || text.contains("AWS::"))
}

/// One template being translated.
struct Reader<'a> {
    file: &'a str,
    document: &'a Document,
    resolver: Resolver<'a>,
    declared: &'a mut Declared,
}

/// A resource with its properties resolved.
struct Resource {
    id: String,
    kind: String,
    /// What is known of its properties.
    properties: Value,
}

impl Reader<'_> {
    fn all(&mut self) {
        let Some(resources) = self.document.value.get("Resources").and_then(Value::as_object) else { return };
        let mut all: Vec<Resource> = Vec::new();
        for (id, written) in resources {
            let Some(kind) = written.get("Type").and_then(Value::as_str) else { continue };
            if let Some(condition) = written.get("Condition").and_then(Value::as_str) {
                match self.resolver.condition(condition) {
                    Some(false) => continue,
                    Some(true) => {}
                    None => {
                        self.resolver.note(format!("whether {id} is made depends on {condition}, which is not known"))
                    }
                }
            }
            let properties = written.get("Properties").cloned().unwrap_or_default();
            let properties = self.resolver.with_globals(kind, properties);
            let properties = self.resolver.properties(id, &properties, &mut self.declared.stand_ins);
            all.push(Resource { id: id.clone(), kind: kind.to_owned(), properties });
        }
        self.resolver.manages_mappings = all.iter().any(|one| {
            let managing = ["::ApiMapping", "::BasePathMapping", "::Api", "::RestApi", "::HttpApi"];
            managing.iter().any(|end| one.kind.ends_with(end))
        });
        for resource in &all {
            self.translate(resource);
        }
        self.rest_methods(&all);
        let notes = std::mem::take(&mut self.resolver.notes);
        let more = notes.len().saturating_sub(MOST_NOTES);
        self.declared.notes.extend(notes.into_iter().take(MOST_NOTES).map(|note| format!("{}: {note}", self.file)));
        if more > 0 {
            self.declared.notes.push(format!("{}: {more} more values are not known", self.file));
        }
    }

    fn translate(&mut self, resource: &Resource) {
        match resource.kind.as_str() {
            "AWS::ApiGatewayV2::DomainName" | "AWS::ApiGateway::DomainName" => self.domain(resource),
            "AWS::ApiGatewayV2::ApiMapping" | "AWS::ApiGateway::BasePathMapping" => self.mapping(resource),
            "AWS::ApiGatewayV2::RoutingRule" => self.routing_rule(resource),
            "AWS::ApiGatewayV2::Api" | "AWS::ApiGateway::RestApi" => self.api(resource),
            "AWS::ApiGatewayV2::Stage"
            | "AWS::ApiGatewayV2::Route"
            | "AWS::ApiGatewayV2::Integration"
            | "AWS::ApiGateway::Stage" => self.api_part(resource),
            "AWS::Serverless::HttpApi" | "AWS::Serverless::Api" => self.serverless_api(resource),
            "AWS::CertificateManager::Certificate" => self.certificate(resource),
            "AWS::Lambda::Function" => self.function(resource),
            "AWS::Lambda::Url" => self.function_url(resource),
            "AWS::Lambda::Permission" => self.permission(resource),
            "AWS::Serverless::Function" => self.serverless_function(resource),
            _ => {}
        }
    }

    /// Remembers where a thing is declared.
    fn source(&mut self, thing: Thing, resource: &Resource, detail: Option<String>) {
        let line = self.document.lines.get(&resource.id).copied().unwrap_or(1);
        let place = Place { file: self.file.to_owned(), line };
        self.declared.sources.push(Source { thing, name: resource.id.clone(), place, change: Change::None, detail });
    }

    /// Is the property there, known or not?
    fn is_written(&self, resource: &Resource, property: &str) -> bool {
        let resources = self.document.value.get("Resources");
        resources.and_then(|all| all.get(&resource.id)?.get("Properties")?.get(property)).is_some()
    }

    /// The name of a resource itself: what `Ref` gives.
    fn own_id(&mut self, resource: &Resource) -> String {
        let found = self.resolver.reference(&resource.id, &mut self.declared.stand_ins);
        found.as_ref().and_then(Value::as_str).map_or_else(|| resource.id.clone(), str::to_owned)
    }

    fn attribute(&mut self, resource: &Resource, name: &str) -> Option<String> {
        let found = self.resolver.attribute(&resource.id, name, &mut self.declared.stand_ins)?;
        found.as_str().map(str::to_owned)
    }

    fn part(&mut self, list: List, id: &str, part: &'static str, row: Map<String, Value>) {
        self.declared.account.part(list, id, part, Value::Object(row));
    }
}

impl Resource {
    fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.properties, |value, key| match value {
            Value::Array(rows) => rows.get(key.parse::<usize>().ok()?),
            other => other.get(key),
        })
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str().filter(|text| !text.is_empty())
    }

    fn truth(&self, path: &str) -> Option<bool> {
        let value = self.get(path)?;
        value.as_bool().or_else(|| value.as_str()?.to_ascii_lowercase().parse().ok())
    }

    /// Those of these properties that are known, under the names that answers of the API have for them.
    fn pick(&self, names: &[(&str, &str)]) -> Map<String, Value> {
        let known = |(ours, theirs): &(&str, &str)| Some(((*theirs).to_owned(), self.get(ours)?.clone()));
        names.iter().filter_map(known).filter(|(_, value)| !value.is_null()).collect()
    }
}
