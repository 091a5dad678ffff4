//! What an unknown value refers to, by the configuration inside of the plan.

use std::collections::HashMap;

use serde_json::Value;

use super::file::{Configuration, Module};
use super::resource::Resource;

/// Modules, variables and outputs are followed this far.
const DEEPEST: usize = 24;

/// A resource that a value refers to.
#[derive(Clone, Copy)]
pub(super) struct Pointed<'a> {
    /// The resource.
    pub(super) resource: &'a Resource,
    /// Where in the list of resources it is.
    pub(super) at: usize,
}

/// The configuration, and the resources by how they are written.
pub(super) struct References<'a> {
    configuration: Option<&'a Configuration<'a>>,
    /// Resource, module by module, as written → expressions.
    expressions: HashMap<(String, &'a str), &'a str>,
    providers: HashMap<(String, &'a str), &'a str>,
    /// The same → instances.
    instances: HashMap<(String, &'a str), Vec<usize>>,
    resources: &'a [Resource],
}

/// Who refers: module and key of the instance.
#[derive(Clone, Copy)]
struct Asker<'a> {
    module: &'a [String],
    module_address: &'a str,
    index: Option<&'a Value>,
}

impl<'a> References<'a> {
    pub(super) fn new(configuration: Option<&'a Configuration<'a>>, resources: &'a [Resource]) -> Self {
        let mut all = References {
            configuration,
            expressions: HashMap::new(),
            providers: HashMap::new(),
            instances: HashMap::new(),
            resources,
        };
        for (at, resource) in resources.iter().enumerate() {
            all.instances.entry((resource.module.join("."), resource.written.as_str())).or_default().push(at);
        }
        if let Some(configuration) = configuration {
            all.collect(&configuration.root_module, &mut Vec::new());
        }
        all
    }

    fn collect(&mut self, module: &'a Module<'a>, path: &mut Vec<&'a str>) {
        let here = path.join(".");
        for resource in &module.resources {
            let written = resource.address.as_ref();
            if let Some(expressions) = resource.expressions {
                self.expressions.insert((here.clone(), written), expressions.get());
            }
            if let Some(key) = &resource.provider_config_key {
                self.providers.insert((here.clone(), written), key.as_ref());
            }
        }
        for (name, call) in &module.module_calls {
            path.push(name);
            self.collect(&call.module, path);
            path.pop();
        }
    }

    /// Key of the provider configuration that a resource uses.
    pub(super) fn provider(&self, resource: &Resource) -> Option<&'a str> {
        self.providers.get(&(resource.module.join("."), resource.written.as_str())).copied()
    }

    /// What is written for an attribute: its references, the most exact ones first.
    pub(super) fn of(&self, resource: &Resource, path: &str) -> Vec<String> {
        let Some(expressions) = self.expressions.get(&(resource.module.join("."), resource.written.as_str())) else {
            return Vec::new();
        };
        let Ok(expressions) = serde_json::from_str::<Value>(expressions) else { return Vec::new() };
        let mut value = &expressions;
        for part in path.split('.') {
            if value.get("references").is_some() {
                break;
            }
            if let (Value::Array(rows), true) = (value, part.parse::<usize>().is_err())
                && let Some(first) = rows.first()
            {
                value = first;
            }
            let inner = match (value, part.parse::<usize>()) {
                (Value::Array(rows), Ok(index)) => rows.get(index),
                _ => value.get(part),
            };
            match inner {
                Some(inner) => value = inner,
                None => return Vec::new(),
            }
        }
        listed(value)
    }

    /// The resource that an attribute of a resource refers to, and the attribute of it that is meant.
    pub(super) fn resolve(&self, resource: &Resource, path: &str) -> Option<(Pointed<'a>, String)> {
        let references = self.of(resource, path);
        let from = Asker {
            module: &resource.module,
            module_address: &resource.module_address,
            index: resource.index.as_ref(),
        };
        self.follow(from, &references, DEEPEST)
    }

    fn follow(&self, from: Asker<'_>, references: &[String], depth: usize) -> Option<(Pointed<'a>, String)> {
        let depth = depth.checked_sub(1)?;
        references.iter().find_map(|reference| self.follow_one(from, reference, depth))
    }

    fn follow_one(&self, from: Asker<'_>, reference: &str, depth: usize) -> Option<(Pointed<'a>, String)> {
        let parts = parts(reference);
        let word = |at: usize| parts.get(at).map(String::as_str);
        match word(0)? {
            "each" | "count" | "local" | "path" | "terraform" | "self" => None,
            "var" => {
                let (last, around) = from.module.split_last()?;
                let call = self.module(around)?.module_calls.get(last)?;
                let written = listed(call.expressions.get(word(1)?)?);
                let module_address =
                    from.module_address.rsplit_once("module.").map_or("", |(around, _)| around.trim_end_matches('.'));
                self.follow(Asker { module: around, module_address, index: from.index }, &written, depth)
            }
            "module" => {
                let name = word(1)?.split('[').next()?;
                let module: Vec<String> = from.module.iter().cloned().chain([name.to_owned()]).collect();
                let output = parts.get(2..)?.iter().find(|part| !part.starts_with('['))?;
                let written = listed(&self.module(&module)?.outputs.get(output)?.expression);
                let dot = if from.module_address.is_empty() { "" } else { "." };
                let module_address = format!("{}{dot}module.{name}", from.module_address);
                self.follow(Asker { module: &module, module_address: &module_address, index: None }, &written, depth)
            }
            first => {
                let from_data = if first == "data" { 1 } else { 0 };
                let (kind, name) = (word(from_data)?, word(from_data + 1)?);
                let written = format!("{}{kind}.{name}", if from_data == 1 { "data." } else { "" });
                let rest = parts.get(from_data + 2..)?;
                let (index, rest) = match rest.first() {
                    Some(part) if part.starts_with('[') => (Some(part.as_str()), rest.get(1..)?),
                    _ => (None, rest),
                };
                let at = self.instance(from, &written, index)?;
                let attribute =
                    rest.iter().filter(|part| !part.starts_with('[')).cloned().collect::<Vec<_>>().join(".");
                Some((Pointed { resource: self.resources.get(at)?, at }, attribute))
            }
        }
    }

    /// The instance that is meant: the one with the key that is written, else the one with the key of who asks, else
    /// the only one.
    fn instance(&self, from: Asker<'_>, written: &str, index: Option<&str>) -> Option<usize> {
        let all = self.instances.get(&(from.module.join("."), written))?;
        let of = |at: &usize| self.resources.get(*at);
        // In a module with several instances, the neighbour in the same one.
        let mut near: Vec<usize> = all
            .iter()
            .copied()
            .filter(|at| of(at).is_some_and(|resource| resource.module_address == from.module_address))
            .collect();
        if near.is_empty() {
            near.clone_from(all);
        }
        let with = |wanted: &Value| {
            near.iter().copied().find(|at| of(at).is_some_and(|resource| resource.index.as_ref() == Some(wanted)))
        };
        let written = index.and_then(|index| serde_json::from_str(index.strip_prefix('[')?.strip_suffix(']')?).ok());
        let only = if let [only] = near.as_slice() { Some(*only) } else { None };
        written.as_ref().and_then(with).or_else(|| with(from.index?)).or(only)
    }

    fn module(&self, path: &[String]) -> Option<&'a Module<'a>> {
        let mut module = &self.configuration?.root_module;
        for name in path {
            module = &module.module_calls.get(name)?.module;
        }
        Some(module)
    }
}

/// The references of an expression, also of one that is put together out of several.
fn listed(expression: &Value) -> Vec<String> {
    match expression {
        Value::Object(map) => match map.get("references") {
            Some(Value::Array(rows)) => rows.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => map.values().flat_map(listed).collect(),
        },
        Value::Array(rows) => rows.iter().flat_map(listed).collect(),
        _ => Vec::new(),
    }
}

/// `a.b["x.y"].c[0]` → `a`, `b`, `["x.y"]`, `c`, `[0]`.
pub(super) fn parts(reference: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut inside) = (false, false);
    for c in reference.chars() {
        match c {
            '"' => quoted = !quoted,
            '[' if !quoted => {
                inside = true;
                parts.push(String::new());
            }
            '.' if !quoted && !inside => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
        if c == ']' && !quoted {
            inside = false;
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_parts() {
        assert_eq!(parts(r#"module.a["x.y"].aws_x.b[0].c"#), ["module", "a", r#"["x.y"]"#, "aws_x", "b", "[0]", "c"]);
        assert_eq!(parts("var.x"), ["var", "x"]);
        assert!(parts("..").is_empty());
    }
}
