//! References that go round in circles: CloudFormation refuses them, and nothing could be resolved.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Who refers to whom.
type Graph<'a> = BTreeMap<&'a str, BTreeSet<String>>;

/// Looks for a cycle among the resources, and among the conditions.
///
/// # Errors
/// There is one: its members, and the remedy.
pub(super) fn look(template: &Value) -> Result<(), String> {
    for (part, what) in [("Resources", "resources"), ("Conditions", "conditions")] {
        let Some(all) = template.get(part).and_then(Value::as_object) else { continue };
        let mut graph: Graph<'_> = BTreeMap::new();
        for (id, value) in all {
            let mut to = BTreeSet::new();
            references(value, &mut to);
            to.retain(|name| all.contains_key(name));
            graph.insert(id, to);
        }
        if let Some(members) = cycle(&graph) {
            return Err(format!(
                "a cycle of references between {what}: {}; CloudFormation refuses it. Break it where one of them needs \
                 the other's value least, for instance by a resource of its own for the permission or the mapping",
                members.join(" → ")
            ));
        }
    }
    Ok(())
}

/// Everything that a value refers to: `Ref`, `Fn::GetAtt`, `Fn::Sub`, `DependsOn`, conditions.
pub(super) fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(rows) => rows.iter().for_each(|row| references(row, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Ref" | "DependsOn" | "Condition", Value::String(name)) => {
                        found.insert(name.clone());
                    }
                    ("DependsOn", Value::Array(names)) => {
                        found.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::GetAtt", Value::String(text)) => {
                        found.extend(text.split('.').next().map(str::to_owned));
                    }
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        found.extend(parts.first().and_then(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::Sub", Value::String(text)) => found.extend(names_in(text)),
                    ("Fn::Sub", Value::Array(parts)) => {
                        let own = parts.get(1).and_then(Value::as_object);
                        let text = parts.first().and_then(Value::as_str).unwrap_or_default();
                        found.extend(names_in(text).filter(|name| !own.is_some_and(|own| own.contains_key(name))));
                        parts.iter().skip(1).for_each(|part| references(part, found));
                    }
                    (_, value) => references(value, found),
                }
            }
        }
        _ => {}
    }
}

/// The names in `${…}`.
fn names_in(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split("${").skip(1).filter(|part| !part.starts_with('!'));
    parts.filter_map(|part| Some(part.split('}').next()?.split('.').next()?.trim().to_owned()))
}

/// The members of a cycle, the first one again at the end.
fn cycle(graph: &Graph<'_>) -> Option<Vec<String>> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in graph.keys().copied() {
        // Depth first, with the way so far: a name on it is a cycle.
        let mut way: Vec<(&str, Vec<&str>)> = vec![(start, next(graph, start))];
        while let Some((name, left)) = way.last_mut() {
            let name = *name;
            match left.pop() {
                None => {
                    done.insert(name);
                    way.pop();
                }
                Some(to) if done.contains(to) => {}
                Some(to) => match way.iter().position(|(on_way, _)| *on_way == to) {
                    Some(at) => {
                        let members = way.iter().skip(at).map(|(name, _)| (*name).to_owned());
                        return Some(members.chain([to.to_owned()]).collect());
                    }
                    None => way.push((to, next(graph, to))),
                },
            }
        }
    }
    None
}

fn next<'a>(graph: &'a Graph<'a>, name: &str) -> Vec<&'a str> {
    graph.get(name).into_iter().flatten().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cycles_are_named_with_their_members() {
        let template = json!({"Resources": {
            "A": {"Type": "AWS::X", "Properties": {"x": {"Fn::Sub": "${B.Arn}/${!B}"}}},
            "B": {"Type": "AWS::X", "Properties": {"x": [{"Fn::GetAtt": ["C", "Arn"]}]}},
            "C": {"Type": "AWS::X", "DependsOn": ["A"]},
            "D": {"Type": "AWS::X", "Properties": {"x": {"Ref": "A"}}},
        }});
        let error = look(&template).unwrap_err();
        assert!(error.contains("resources: A → B → C → A;"), "{error}");
        let alone = json!({"Resources": {"A": {"Properties": {"x": {"Ref": "A"}}}}});
        assert!(look(&alone).unwrap_err().contains("A → A"));
    }

    #[test]
    fn what_only_looks_like_one_passes() {
        let template = json!({
            "Resources": {
                "A": {"Properties": {"x": {"Ref": "B"}, "y": {"Ref": "AWS::Region"}}},
                "B": {"Properties": {"x": {"Fn::Sub": ["${A} ${!A}", {"A": "text"}]}}},
            },
            "Conditions": {"X": {"Fn::Not": [{"Condition": "Y"}]}, "Y": {"Fn::Equals": [{"Ref": "A"}, "b"]}},
        });
        assert_eq!(look(&template), Ok(()));
        let conditions = json!({"Conditions": {"X": {"Fn::Not": [{"Condition": "X"}]}}});
        assert!(look(&conditions).unwrap_err().contains("conditions: X → X"));
    }
}
