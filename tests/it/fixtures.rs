//! The scenario folders: a base recording and a short difference from it.
//!
//! `scenario.toml`: `story`, `source`, `base` (folder to start from), `expect` (every warn and fail, and no other),
//! `cause` (the diagnosis), and the differences, in this order: `[replace]` (text, wherever it stands in the evidence),
//! `unset`, `[set]` (dotted path into the evidence, `*` for every element), `[headers]` (at both ends),
//! `[edge-headers]` and `[origin-headers]` (a value, a list of values, or `false` to take the line away; in every
//! sample), `edge-samples` (such headers for one sample each; there will be as many samples). A part's whole JSON file
//! beside it replaces that part.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cfdoctor::recording;
use cfdoctor_checks::evidence::Evidence;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    pub story: String,
    pub source: String,
    #[serde(default)]
    pub base: Option<String>,
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
    #[serde(default)]
    pub cause: Option<String>,
    #[serde(default)]
    replace: BTreeMap<String, String>,
    #[serde(default)]
    set: BTreeMap<String, toml::Value>,
    #[serde(default)]
    unset: Vec<String>,
    #[serde(default)]
    headers: HeaderLines,
    #[serde(default)]
    edge_headers: HeaderLines,
    #[serde(default)]
    origin_headers: HeaderLines,
    #[serde(default)]
    edge_samples: Vec<HeaderLines>,
}

/// Header names with what becomes of them.
type HeaderLines = BTreeMap<String, toml::Value>;

/// The samples of an end.
const SAMPLES: &str = "http.found.samples";

pub struct Fixture {
    pub name: String,
    pub scenario: Scenario,
    pub evidence: Evidence,
}

/// Every scenario of `fixtures/`, by name; read once for all tests.
pub fn all() -> &'static [Fixture] {
    static ALL: LazyLock<Vec<Fixture>> = LazyLock::new(read_all);
    &ALL
}

fn read_all() -> Vec<Fixture> {
    let mut folders: Vec<PathBuf> = fs::read_dir("fixtures")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("scenario.toml").is_file())
        .collect();
    folders.sort();
    folders.iter().map(|folder| load(folder)).collect()
}

fn load(folder: &Path) -> Fixture {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(folder.join("scenario.toml")).unwrap();
    let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut value = raw(folder, &scenario, &name);
    for (old, new) in &scenario.replace {
        let text = value.to_string();
        assert!(text.contains(old), "{name}: {old} stands nowhere");
        value = serde_json::from_str(&text.replace(old, new)).unwrap_or_else(|error| panic!("{name}: {old}: {error}"));
    }
    for path in &scenario.unset {
        at_path(&mut value, path, &name, &mut |slot| *slot = Value::Null);
    }
    for (path, new) in &scenario.set {
        let new = serde_json::to_value(new).unwrap();
        at_path(&mut value, path, &name, &mut |slot| *slot = new.clone());
    }
    let ends = [
        ("edge", &scenario.headers),
        ("origin", &scenario.headers),
        ("edge", &scenario.edge_headers),
        ("origin", &scenario.origin_headers),
    ];
    for (end, headers) in ends {
        set_headers(&mut value, &format!("{end}.{SAMPLES}.*"), headers, &name);
    }
    if !scenario.edge_samples.is_empty() {
        at_path(&mut value, &format!("edge.{SAMPLES}"), &name, &mut |slot| {
            let samples = slot.as_array_mut().unwrap();
            let last = samples.last().unwrap().clone();
            samples.resize(scenario.edge_samples.len(), last);
        });
    }
    for (index, headers) in scenario.edge_samples.iter().enumerate() {
        set_headers(&mut value, &format!("edge.{SAMPLES}.{index}"), headers, &name);
    }
    let evidence = serde_json::from_value(value).unwrap_or_else(|error| panic!("{name}: {error}"));
    Fixture { name, scenario, evidence }
}

/// The evidence before the differences, as JSON.
fn raw(folder: &Path, scenario: &Scenario, name: &str) -> Value {
    let base = scenario.base.as_ref().map(|base| Path::new("fixtures").join(base));
    if let Some(base) = &base
        && base.join("scenario.toml").is_file()
        && base != folder
    {
        // A base may itself be a difference.
        let below = load(base);
        let below_folder = tempfile::tempdir().unwrap();
        recording::write(&below.evidence, below_folder.path()).unwrap();
        let evidence = recording::read(folder, Some(below_folder.path()));
        return serde_json::to_value(evidence.unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap();
    }
    let evidence = recording::read(folder, base.as_deref()).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::to_value(evidence).unwrap()
}

/// Calls `change` on every place that `path` names; the last key is made where it is missing.
fn at_path(value: &mut Value, path: &str, name: &str, change: &mut dyn FnMut(&mut Value)) {
    fn walk(value: &mut Value, keys: &[&str], path: &str, name: &str, change: &mut dyn FnMut(&mut Value)) {
        let Some((key, rest)) = keys.split_first() else { return change(value) };
        match value {
            Value::Array(list) if *key == "*" => {
                assert!(!list.is_empty(), "{name}: {path}: nothing to change");
                list.iter_mut().for_each(|item| walk(item, rest, path, name, change));
            }
            Value::Array(list) => {
                let index: usize = key.parse().unwrap_or_else(|_| panic!("{name}: {path}: {key} is no index"));
                let slot = list.get_mut(index).unwrap_or_else(|| panic!("{name}: {path}: no element {key}"));
                walk(slot, rest, path, name, change);
            }
            Value::Object(map) if rest.is_empty() || map.contains_key(*key) => {
                walk(map.entry((*key).to_owned()).or_insert(Value::Null), rest, path, name, change);
            }
            _ => panic!("{name}: {path}: nothing at {key}"),
        }
    }
    let keys: Vec<&str> = path.split('.').collect();
    walk(value, &keys, path, name, change);
}

/// Changes the answers' headers in the samples that `path` names.
fn set_headers(value: &mut Value, path: &str, headers: &HeaderLines, name: &str) {
    for (header, new) in headers {
        let path = format!("{path}.outcome.answered.headers");
        at_path(value, &path, name, &mut |slot| set_header(slot, header, new));
    }
}

fn set_header(lines: &mut Value, name: &str, new: &toml::Value) {
    let lines = lines.as_array_mut().unwrap();
    lines.retain(|line| !line[0].as_str().unwrap().eq_ignore_ascii_case(name));
    let values = match new {
        toml::Value::Boolean(false) => return,
        toml::Value::Array(list) => list.iter().map(|value| value.as_str().unwrap().to_owned()).collect(),
        toml::Value::String(value) => vec![value.clone()],
        other => panic!("{name}: {other} is no header value"),
    };
    lines.extend(values.into_iter().map(|value| serde_json::json!([name, value])));
}
