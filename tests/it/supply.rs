//! What is in the tree and how it is built: licences, duplicates, sources and bans as `deny.toml` has them (cargo-deny
//! itself takes longer to build than everything here; `.ci/long` runs it), the oldest Rust, `--locked`, no `unsafe`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

/// Everything that is in the tree for the machine that builds this, as Cargo resolved it. It was all fetched for that.
fn metadata() -> Value {
    let cargo = env!("CARGO");
    let version = Command::new(cargo).arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = ["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", host];
    let output = Command::new(cargo).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn policy() -> toml::Table {
    fs::read_to_string("deny.toml").unwrap().parse().unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The packages that a user's build has in it: those for tests alone are not among them.
fn shipped(metadata: &Value) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Value> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| (text(node, "id"), node)).collect();
    let mut rest: Vec<&str> =
        metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = rest.pop() {
        if seen.insert(id) {
            let is_for_use = |dependency: &&Value| {
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev")
            };
            let dependencies = nodes[id]["deps"].as_array().unwrap().iter().filter(is_for_use);
            rest.extend(dependencies.map(|dependency| text(dependency, "pkg")));
        }
    }
    seen
}

/// `rustls@0.23` is every 0.23 of it, `openssl` every version.
fn is_meant(entry: &toml::Value, name: &str, version: &str) -> bool {
    let entry = entry["crate"].as_str().unwrap();
    match entry.split_once('@') {
        None => entry == name,
        Some((wanted, prefix)) => wanted == name && (version == prefix || version.starts_with(&format!("{prefix}."))),
    }
}

#[test]
fn licences_sources_and_versions_are_those_that_are_allowed() {
    let (metadata, policy) = (metadata(), policy());
    let shipped = shipped(&metadata);
    let allowed: Vec<Licensee> = policy["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|licence| Licensee::parse(licence.as_str().unwrap()).unwrap())
        .collect();
    let bans = &policy["bans"];
    assert_eq!(bans["multiple-versions"].as_str(), Some("deny"));
    let list = |key: &str| bans[key].as_array().unwrap().clone();
    let (denied, skipped) = (list("deny"), list("skip"));
    assert!(skipped.len() <= 12, "a list of exceptions that grows is no rule");
    assert!(denied.iter().chain(&skipped).all(|entry| entry.get("reason").is_some()));
    for one in ["openssl", "native-tls", "aws-lc-rs"] {
        assert!(denied.iter().any(|entry| is_meant(entry, one, "1.0.0")), "{one}");
    }
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 200, "{}", packages.len());
    for package in packages {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let licence = text(package, "license");
        let expression = Expression::parse_mode(licence, ParseMode::LAX);
        let expression = expression.unwrap_or_else(|error| panic!("{name}: {licence:?}: {error}"));
        let is_allowed = expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted)));
        assert!(is_allowed, "{name} {version} is under {licence}, which deny.toml does not allow");
        match package["source"].as_str() {
            None => assert!(text(package, "manifest_path").starts_with(env!("CARGO_MANIFEST_DIR")), "{name}"),
            Some(source) => assert!(source.ends_with("/crates.io-index"), "{name} comes from {source}"),
        }
        assert!(!denied.iter().any(|entry| is_meant(entry, name, version)), "{name} is denied by deny.toml");
        if shipped.contains(text(package, "id")) && !skipped.iter().any(|entry| is_meant(entry, name, version)) {
            versions.entry(name).or_default().push(version);
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "more than one version of {versions:?}");
}

#[test]
fn the_oldest_rust_is_stated_and_kept_to() {
    let manifest: toml::Table = fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    let stated = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    let number = |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().unwrap()).collect() };
    for package in metadata()["packages"].as_array().unwrap() {
        if let Some(wanted) = package["rust_version"].as_str() {
            assert!(number(wanted) <= [number(stated), vec![0]].concat(), "{} wants {wanted}", text(package, "name"));
        }
    }
    assert!(fs::read_to_string("README.md").unwrap().contains(&format!("Rust {stated} or newer")));
    // What the standard library got later is refused by a lint, since rust-version is set.
    let lints = &manifest["workspace"]["lints"];
    assert_eq!(lints["clippy"]["incompatible_msrv"].as_str(), Some("warn"), "CI makes warnings errors");
}

#[test]
fn no_unsafe_of_our_own() {
    let manifest: toml::Table = fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    assert_eq!(manifest["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let own: toml::Table =
            fs::read_to_string(Path::new(member.as_str().unwrap()).join("Cargo.toml")).unwrap().parse().unwrap();
        assert_eq!(own["lints"]["workspace"].as_bool(), Some(true), "{member}");
    }
    let code = regex::Regex::new(r"\bunsafe\s*(\{|fn\b|impl\b|trait\b|extern\b)|allow\(unsafe_code").unwrap();
    for file in files(&|path| path.extension().is_some_and(|kind| kind == "rs")) {
        // This file names what it looks for.
        if !file.ends_with("tests/it/supply.rs") {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!code.is_match(&text), "{}", file.display());
        }
    }
}

/// Our own files, without what was built, recorded or generated.
fn files(is_wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if ![".git", "target", "fixtures", "corpus", "artifacts", "snapshots"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if is_wanted(&path) {
                found.push(path);
            }
        }
    }
    found
}

/// The commands of Cargo in a text that resolve dependencies and are not held to the lock file. Prose that only names
/// `cargo test` has no options.
fn unlocked(text: &str) -> Vec<String> {
    let command = regex::Regex::new(
        r"(?m)(^\s*)?\bcargo( \+\S+)? (bench|build|check|clippy|doc|install|metadata|run|rustc|test|tree)\b[^\n`;|&)]*",
    )
    .unwrap();
    let joined = text.replace("\\\n", " ");
    let is_command = |found: &regex::Captures<'_>| found.get(1).is_some() || found[0].contains(" -");
    let found = command.captures_iter(&joined).filter(is_command).map(|found| found[0].trim().to_owned());
    found.filter(|command| !command.contains("--locked")).collect()
}

#[test]
fn every_command_is_held_to_the_lock_file() {
    let text = "run `cargo bench --bench visit`, as cargo test does, and\ncargo build \\\n  --locked\n  cargo build";
    assert_eq!(unlocked(text), ["cargo bench --bench visit", "cargo build"]);
    let names_commands = |path: &Path| {
        let kind = path.extension().map(|kind| kind.to_string_lossy().into_owned()).unwrap_or_default();
        let is_bench = kind == "rs" && path.components().any(|part| part.as_os_str() == "benches");
        is_bench || ["", "md", "sh", "toml", "yaml", "yml"].contains(&kind.as_str())
    };
    let mut looked_at = 0;
    for file in files(&names_commands) {
        // What is no text has no command in it.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        looked_at += usize::from(text.contains("cargo "));
        let found = unlocked(&text);
        assert!(found.is_empty(), "{}: without --locked: {found:?}", file.display());
    }
    assert!(looked_at > 5, "{looked_at}");
}
