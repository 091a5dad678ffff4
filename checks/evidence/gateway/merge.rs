//! Several documents laid into one, and parts without an owner given to the only one that they can belong to.

use serde_json::{Map, Value};

use super::Arn;
use super::read::{get, host, text};
use super::words::same;

/// Parts that came without their owner, by the key under which the owner holds them.
pub(super) const UNATTACHED: &str = "unattached";

/// Where a part belongs: key of the part, list of the owners.
const OWNERS: &[(&str, &str)] = &[
    ("api_mappings", "domains"),
    ("routing_rules", "domains"),
    ("stages", "apis"),
    ("routes", "apis"),
    ("integrations", "apis"),
    ("resources", "apis"),
    ("url_configs", "functions"),
    ("policy", "functions"),
];

/// Lists whose items are one when they tell of the same thing.
const LISTS: &[&str] = &["domains", "certificates", "apis", "functions"];

/// Both in one document.
pub(super) fn merged(one: Value, other: Value) -> Value {
    let mut out = object(one);
    for (key, value) in object(other) {
        match out.remove(&key) {
            Some(mine) => out.insert(key, joined(mine, value)),
            None => out.insert(key, value),
        };
    }
    settled(Value::Object(out))
}

/// The document with one item for each thing and no part without an owner, where that can be told. Doing it twice
/// changes nothing.
pub(super) fn settled(document: Value) -> Value {
    let mut document = object(document);
    for list in LISTS {
        if let Some(Value::Array(items)) = document.get_mut(*list) {
            *items = distinct(list, std::mem::take(items));
        }
    }
    let Some(Value::Object(mut loose)) = document.remove(UNATTACHED) else { return Value::Object(document) };
    for (part, owners) in OWNERS {
        let Some(value) = loose.remove(*part) else { continue };
        match document.get_mut(*owners).and_then(Value::as_array_mut).map(Vec::as_mut_slice) {
            Some([Value::Object(owner)]) => {
                match owner.remove(*part) {
                    Some(mine) => owner.insert((*part).into(), joined(mine, value)),
                    None => owner.insert((*part).into(), value),
                };
            }
            _ => {
                loose.insert((*part).into(), value);
            }
        }
    }
    // The reasons for cut parts go with them.
    if let Some(Value::Object(reasons)) = loose.remove("not_read") {
        for (part, why) in reasons {
            let owners = OWNERS.iter().find(|(key, _)| *key == part).map_or("", |(_, owners)| *owners);
            match document.get_mut(owners).and_then(Value::as_array_mut).map(Vec::as_mut_slice) {
                Some([Value::Object(owner)]) => {
                    if let Value::Object(own) = owner.entry("not_read").or_insert_with(|| Value::Object(Map::new())) {
                        own.insert(part, why);
                    }
                }
                _ => {
                    if let Value::Object(kept) = loose.entry("not_read").or_insert_with(|| Value::Object(Map::new())) {
                        kept.insert(part, why);
                    }
                }
            }
        }
    }
    if !loose.is_empty() {
        document.insert(UNATTACHED.into(), Value::Object(loose));
    }
    Value::Object(document)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Lists are joined without repetition, objects laid over each other, and of two plain values the first stays.
fn joined(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Array(mut mine), Value::Array(theirs)) => {
            for item in theirs {
                if !mine.contains(&item) {
                    mine.push(item);
                }
            }
            Value::Array(mine)
        }
        (Value::Object(mine), Value::Object(theirs)) => Value::Object(laid_over(mine, theirs)),
        (Value::Null, other) => other,
        (mine, _) => mine,
    }
}

fn laid_over(mut mine: Map<String, Value>, theirs: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in theirs {
        let known =
            mine.iter().find(|(name, value)| same(name, &key) && !value.is_null()).map(|(name, _)| name.clone());
        match known {
            Some(name) => {
                let own = mine.remove(&name).unwrap_or_default();
                mine.insert(name, joined(own, value));
            }
            None => {
                mine.insert(key, value);
            }
        }
    }
    mine
}

fn distinct(list: &str, items: Vec<Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        match out.iter_mut().find(|known| is_same(list, known, &item)) {
            Some(known) => *known = joined(std::mem::take(known), item),
            None => out.push(item),
        }
    }
    out
}

/// Do the two items tell of one thing?
fn is_same(list: &str, one: &Value, other: &Value) -> bool {
    let equal = |read: &dyn Fn(&Value) -> Option<String>| {
        let mine = read(one);
        mine.is_some() && mine == read(other)
    };
    let arn = |value: &Value, key: &str| text(value, key).and_then(|arn| Arn::of(&arn));
    // Where both say a region it has to be the same one.
    let region = |value: &Value| {
        let of_arn = || {
            let keys = ["domainNameArn", "CertificateArn", "FunctionArn"];
            keys.iter().find_map(|key| arn(value, key)).and_then(|arn| arn.region().map(ToOwned::to_owned))
        };
        let of_target = || crate::model::origin_host::classify(&host(value, "regionalDomainName")?).region;
        text(value, "region").or_else(of_arn).or_else(of_target)
    };
    if let (Some(mine), Some(theirs)) = (region(one), region(other))
        && mine != theirs
    {
        return false;
    }
    match list {
        "domains" => equal(&|value| host(value, "domainName")),
        "certificates" => match (arn(one, "CertificateArn"), arn(other, "CertificateArn")) {
            (Some(mine), Some(theirs)) => mine.is(&theirs),
            _ => false,
        },
        "apis" => equal(&|value| text(value, "apiId").or_else(|| text(value, "id"))),
        _ => equal(&|value| {
            let value = get(value, "Configuration").unwrap_or(value);
            let arn = arn(value, "FunctionArn");
            let (name, qualifier) = arn.as_ref().and_then(Arn::function).map_or((None, None), |(n, q)| (Some(n), q));
            let name = name.map(ToOwned::to_owned).or_else(|| text(value, "FunctionName"))?;
            let qualifier = qualifier.filter(|qualifier| *qualifier != "$LATEST").unwrap_or_default();
            Some(format!("{name}:{qualifier}"))
        }),
    }
}
