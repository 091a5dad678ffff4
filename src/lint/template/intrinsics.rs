//! Intrinsic functions: resolved where the template tells their value, else unknown and named.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::lint::declared::{Form, StandIns};

/// Functions in functions are followed this far.
const DEEPEST: usize = 40;

/// Resolves values of one template.
pub(super) struct Resolver<'a> {
    template: &'a Value,
    region: Option<&'a str>,
    file: &'a str,
    /// What could not be resolved.
    pub(super) notes: Vec<String>,
    /// Does the template manage mappings, or APIs that would need some?
    pub(super) manages_mappings: bool,
    conditions: BTreeMap<String, Option<bool>>,
    /// What is being resolved: `Domain: CertificateArn`.
    place: String,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(template: &'a Value, region: Option<&'a str>, file: &'a str) -> Self {
        Resolver {
            template,
            region,
            file,
            notes: Vec::new(),
            manages_mappings: false,
            conditions: BTreeMap::new(),
            place: String::new(),
        }
    }

    pub(super) fn region(&self) -> Option<&'a str> {
        self.region
    }

    pub(super) fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// SAM's `Globals` under the resource's own properties.
    pub(super) fn with_globals(&self, kind: &str, properties: Value) -> Value {
        let Some(section) = kind.strip_prefix("AWS::Serverless::") else { return properties };
        let globals = self.template.pointer(&format!("/Globals/{section}")).and_then(Value::as_object);
        let Some(globals) = globals else { return properties };
        let mut all = globals.clone();
        if let Value::Object(own) = properties {
            all.extend(own);
        }
        Value::Object(all)
    }

    /// The properties of a resource, unknown ones left out and named.
    pub(super) fn properties(&mut self, id: &str, properties: &Value, names: &mut StandIns) -> Value {
        let mut out = Map::new();
        for (key, value) in properties.as_object().into_iter().flatten() {
            self.place = format!("{id}: {key}");
            if let Some(value) = self.value(value, names, DEEPEST).filter(|value| !value.is_null()) {
                out.insert(key.clone(), value);
            }
        }
        Value::Object(out)
    }

    fn unknown(&mut self, why: &str) -> Option<Value> {
        self.note(format!("{} is not known: {why}", self.place));
        None
    }

    /// The value with every function resolved; in lists and objects, what is unknown is left out.
    fn value(&mut self, value: &Value, names: &mut StandIns, depth: usize) -> Option<Value> {
        let Some(depth) = depth.checked_sub(1) else { return self.unknown("functions in functions, too deep") };
        match value {
            Value::Array(rows) => Some(rows.iter().filter_map(|row| self.value(row, names, depth)).collect()),
            Value::Object(map) => match only_entry(map) {
                Some((name, argument)) if name == "Ref" || name.starts_with("Fn::") => {
                    self.function(name, argument, names, depth)
                }
                _ => {
                    let entries = map.iter().filter_map(|(key, inner)| {
                        let inner = self.value(inner, names, depth)?;
                        (!inner.is_null()).then(|| (key.clone(), inner))
                    });
                    Some(Value::Object(entries.collect()))
                }
            },
            plain => Some(plain.clone()),
        }
    }

    fn function(&mut self, name: &str, argument: &Value, names: &mut StandIns, depth: usize) -> Option<Value> {
        let rows = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (name, rows) {
            ("Ref", _) => self.reference(argument.as_str()?, names),
            ("Fn::GetAtt", [id, attribute]) => {
                let attribute = self.value(attribute, names, depth)?;
                self.attribute(id.as_str()?, attribute.as_str()?, names)
            }
            ("Fn::GetAtt", _) => {
                let (id, attribute) = argument.as_str()?.split_once('.')?;
                self.attribute(id, attribute, names)
            }
            ("Fn::Sub", [text, own]) => self.sub(text.as_str()?, own.as_object(), names, depth),
            ("Fn::Sub", _) => self.sub(argument.as_str()?, None, names, depth),
            ("Fn::Join", [delimiter, list]) => {
                let list = self.list(list, names, depth)?;
                let parts: Option<Vec<String>> = list.iter().map(plain).collect();
                Some(parts?.join(delimiter.as_str().unwrap_or_default()).into())
            }
            ("Fn::Split", [delimiter, text]) => {
                let text = self.value(text, names, depth)?;
                let delimiter = delimiter.as_str().filter(|delimiter| !delimiter.is_empty())?;
                Some(text.as_str()?.split(delimiter).map(Value::from).collect())
            }
            ("Fn::Select", [index, list]) => {
                let index: usize = plain(&self.value(index, names, depth)?)?.parse().ok()?;
                self.list(list, names, depth)?.get(index).cloned()
            }
            ("Fn::If", [condition, then, otherwise]) => match self.condition(condition.as_str()?) {
                Some(true) => self.value(then, names, depth),
                Some(false) => self.value(otherwise, names, depth),
                None => {
                    self.unknown(&format!("the condition {} depends on what is given at deployment", plain(condition)?))
                }
            },
            ("Fn::FindInMap", [map, first, second, ..]) => {
                let keys = [map, first, second].map(|key| self.value(key, names, depth).as_ref().and_then(plain));
                let [Some(map), Some(first), Some(second)] = keys else {
                    return self.unknown("a key of Fn::FindInMap is not known");
                };
                let found = self.template.get("Mappings").and_then(|all| all.get(&map)?.get(&first)?.get(&second));
                match found {
                    Some(found) => Some(found.clone()),
                    None => self.unknown(&format!("the mapping {map} has no {first}, {second}")),
                }
            }
            ("Fn::ImportValue", _) => self.unknown("it is imported from another stack"),
            ("Fn::ToJsonString", _) => Some(self.value(argument, names, depth)?.to_string().into()),
            (other, _) => self.unknown(&format!("{other} is not resolved here")),
        }
    }

    /// A list of which every element is known.
    fn list(&mut self, value: &Value, names: &mut StandIns, depth: usize) -> Option<Vec<Value>> {
        match value {
            Value::Array(rows) => rows.iter().map(|row| self.value(row, names, depth)).collect(),
            other => match self.value(other, names, depth)? {
                Value::Array(rows) => Some(rows),
                _ => None,
            },
        }
    }

    /// `${Name}`, `${Resource.Attribute}`, `${!literal}`.
    fn sub(
        &mut self,
        text: &str,
        own: Option<&Map<String, Value>>,
        names: &mut StandIns,
        depth: usize,
    ) -> Option<Value> {
        let mut parts = text.split("${");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let Some((name, rest)) = part.split_once('}') else {
                out += &format!("${{{part}");
                continue;
            };
            let name = name.trim();
            let value = match (name.strip_prefix('!'), own.and_then(|own| own.get(name))) {
                (Some(literal), _) => Some(format!("${{{literal}}}").into()),
                (None, Some(own)) => self.value(own, names, depth),
                (None, None) => match name.split_once('.') {
                    Some((id, attribute)) => self.attribute(id, attribute, names),
                    None => self.reference(name, names),
                },
            };
            out += &plain(&value?)?;
            out += rest;
        }
        Some(out.into())
    }

    /// What `Ref` gives: a parameter's default, a pseudo parameter, a resource's own name.
    pub(super) fn reference(&mut self, name: &str, names: &mut StandIns) -> Option<Value> {
        let region = self.region;
        let is_china = region.is_some_and(|region| region.starts_with("cn-"));
        match name {
            "AWS::NoValue" => return Some(Value::Null),
            "AWS::Region" => {
                return match region {
                    Some(region) => Some(region.into()),
                    None => self.unknown("the region is not in the template; give it with --region"),
                };
            }
            "AWS::Partition" if is_china => return Some("aws-cn".into()),
            "AWS::Partition" if region.is_some_and(|region| region.starts_with("us-gov-")) => {
                return Some("aws-us-gov".into());
            }
            "AWS::Partition" => return Some("aws".into()),
            "AWS::URLSuffix" => return Some(if is_china { "amazonaws.com.cn" } else { "amazonaws.com" }.into()),
            "AWS::AccountId" => return Some("************".into()),
            _ if name.starts_with("AWS::") => return self.unknown(&format!("{name} is known at deployment only")),
            _ => {}
        }
        if let Some(parameter) = self.template.get("Parameters").and_then(|all| all.get(name)) {
            return self.parameter(name, parameter);
        }
        let resource = self.template.get("Resources").and_then(|all| all.get(name));
        let Some(kind) = resource.and_then(|one| one.get("Type")?.as_str()) else {
            return self.unknown(&format!("{name} is neither a parameter nor a resource"));
        };
        let written = |key: &str| resource.and_then(|one| one.get("Properties")?.get(key)).cloned();
        // Names that are given, not made.
        let key = match kind {
            "AWS::ApiGatewayV2::DomainName" | "AWS::ApiGateway::DomainName" => Some("DomainName"),
            "AWS::Lambda::Function" | "AWS::Serverless::Function" => Some("FunctionName"),
            "AWS::ApiGatewayV2::Stage" | "AWS::ApiGateway::Stage" => Some("StageName"),
            _ => None,
        };
        if let Some(value) = key.and_then(written)
            && let Some(known) = self.value(&value, names, DEEPEST / 2)
        {
            return Some(known);
        }
        let id = self.stand_in(name, Form::Id, name, names)?;
        match kind {
            "AWS::CertificateManager::Certificate" => {
                let region = region.unwrap_or_default();
                Some(format!("arn:aws:acm:{region}:************:certificate/{id}").into())
            }
            _ => Some(id.into()),
        }
    }

    fn parameter(&mut self, name: &str, parameter: &Value) -> Option<Value> {
        let kind = parameter.get("Type").and_then(Value::as_str).unwrap_or("String");
        if kind.starts_with("AWS::SSM::Parameter::Value") {
            return self.unknown(&format!("the parameter {name} is looked up at deployment"));
        }
        let Some(default) = parameter.get("Default") else {
            return self.unknown(&format!("the parameter {name} has no default"));
        };
        if parameter.get("NoEcho").is_some_and(|flag| flag == true || flag == "true") {
            return self.unknown(&format!("the parameter {name} is a secret"));
        }
        match (kind, default.as_str()) {
            (kind, Some(text)) if kind == "CommaDelimitedList" || kind.starts_with("List<") => {
                Some(text.split(',').map(|part| Value::from(part.trim())).collect())
            }
            // A default that is empty stands for "to be given" as often as for nothing; conditions tell them apart.
            _ => Some(default.clone()),
        }
    }

    /// What `Fn::GetAtt` gives, as far as its kind is known.
    pub(super) fn attribute(&mut self, id: &str, name: &str, names: &mut StandIns) -> Option<Value> {
        let kind = self.template.pointer(&format!("/Resources/{}/Type", id.replace('/', "~1")));
        let Some(kind) = kind.and_then(Value::as_str) else {
            return self.unknown(&format!("{id} is no resource of the template"));
        };
        let shown = format!("{id}.{name}");
        let region = self.region;
        let form = match (kind, name) {
            ("AWS::ApiGatewayV2::DomainName" | "AWS::ApiGateway::DomainName", "RegionalDomainName") => {
                Form::DomainTarget
            }
            ("AWS::ApiGateway::DomainName", "DistributionDomainName") => Form::Distribution,
            (_, "ApiEndpoint") => Form::DefaultEndpoint,
            (_, "FunctionUrl") => Form::FunctionUrl,
            ("AWS::CloudFront::Distribution", "DomainName") => Form::Distribution,
            ("AWS::ElasticLoadBalancingV2::LoadBalancer", "DNSName") => Form::LoadBalancer,
            ("AWS::Lambda::Function" | "AWS::Serverless::Function", "Arn") => {
                let function = self.reference(id, names)?;
                let region = region.unwrap_or_default();
                return Some(format!("arn:aws:lambda:{region}:************:function:{}", plain(&function)?).into());
            }
            ("AWS::ApiGatewayV2::Api" | "AWS::ApiGateway::RestApi", "ApiId" | "RestApiId") => {
                return self.reference(id, names);
            }
            ("AWS::ApiGateway::RestApi", "RootResourceId") => return Some(format!("root of {id}").into()),
            _ => {
                return self.unknown(&format!("{shown} is known after deployment only"));
            }
        };
        match self.stand_in(id, form, &shown, names) {
            Some(host) if name == "ApiEndpoint" || name == "FunctionUrl" => Some(format!("https://{host}").into()),
            Some(host) => Some(host.into()),
            None => {
                self.unknown(&format!("{shown} is known after deployment only; with --region its kind can be told"))
            }
        }
    }

    /// A name that stands in for something of a resource.
    pub(super) fn stand_in(&self, id: &str, form: Form, shown: &str, names: &mut StandIns) -> Option<String> {
        names.name(&format!("{}:{id}", self.file), form, self.region, shown)
    }

    /// Does a condition hold? `None`: it depends on what is given at deployment.
    pub(super) fn condition(&mut self, name: &str) -> Option<bool> {
        if let Some(known) = self.conditions.get(name) {
            return *known;
        }
        let written = self.template.get("Conditions")?.get(name)?;
        let found = self.holds(written, DEEPEST);
        self.conditions.insert(name.to_owned(), found);
        found
    }

    fn holds(&mut self, condition: &Value, depth: usize) -> Option<bool> {
        let depth = depth.checked_sub(1)?;
        let (name, argument) = only_entry(condition.as_object()?)?;
        let rows = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (name, rows) {
            ("Condition", _) => self.condition(argument.as_str()?),
            ("Fn::Not", [inner]) => Some(!self.holds(inner, depth)?),
            ("Fn::Equals", [one, other]) => {
                // Nothing that stands in for something is ever compared: two that are unknown may be equal or not.
                let mut names = StandIns::default();
                let notes = self.notes.len();
                let (one, other) = (self.value(one, &mut names, depth), self.value(other, &mut names, depth));
                self.notes.truncate(notes);
                Some(plain(&one?)? == plain(&other?)?)
            }
            ("Fn::And" | "Fn::Or", rows) => {
                let all: Vec<Option<bool>> = rows.iter().map(|row| self.holds(row, depth)).collect();
                let decides = name == "Fn::Or";
                if all.contains(&Some(decides)) {
                    return Some(decides);
                }
                (!all.contains(&None)).then_some(!decides)
            }
            _ => None,
        }
    }
}

/// The entry of an object that has only this one.
fn only_entry(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    let (name, value) = entries.next()?;
    entries.next().is_none().then_some((name.as_str(), value))
}

/// As CloudFormation writes it into text.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A reason for a part that is not read.
pub(super) fn not_read(part: &str, why: &str) -> Value {
    json!({part: {"kind": "inconclusive", "text": why}})
}
