//! The shipped scrape configuration, rules and dashboard: nothing in them is asked of a metric that does not exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;

use super::server::{Exporter, Site};

pub(super) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/prometheus").join(name)
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(path("dashboard.json")).unwrap()).unwrap()
}

/// What the panels ask, with the dashboard's variables filled in.
pub(super) fn expressions() -> Vec<String> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let fill = |expression: &str| {
        let filled =
            expression.replace("$__rate_interval", "1m").replace("$job", "cfdoctor").replace("$instance", ".*");
        assert!(!filled.contains('$'), "{filled}");
        filled
    };
    targets.map(|target| fill(target["expr"].as_str().unwrap())).collect()
}

/// Names of metrics in an expression.
fn named(expression: &str) -> BTreeSet<String> {
    let labels = Regex::new(r#""[^"]*""#).unwrap();
    let names = Regex::new(r"\b(?:cfdoctor|probe|process)[_:][a-z_:]+").unwrap();
    names.find_iter(&labels.replace_all(expression, "")).map(|name| name.as_str().to_owned()).collect()
}

/// Names of the series in a text.
fn told(text: &str) -> impl Iterator<Item = String> + '_ {
    let series = text.lines().filter(|line| !line.starts_with('#'));
    series.filter_map(|line| Some(line.split(['{', ' ']).next()?.to_owned()))
}

#[test]
fn what_is_asked_is_told() {
    let site = Site::start("expired");
    let exporter = Exporter::start(&site.flags());
    let texts = [exporter.get(&site.probe(), "").body, exporter.get("/metrics", "").body];
    let mut known: BTreeSet<String> = texts.iter().flat_map(|text| told(text)).collect();
    // Only where the owner ignores something.
    known.insert("cfdoctor_check_suppressed".into());
    let rules = fs::read_to_string(path("cfdoctor.rules.yml")).unwrap();
    known.extend(rules.lines().filter_map(|line| Some(line.split_once("record: ")?.1.to_owned())));
    // Of the rules everything but the sentences for people.
    let asked: String =
        rules.lines().filter(|line| !line.contains('\'') && !line.contains("- alert")).collect::<Vec<_>>().join("\n");
    let tests = fs::read_to_string(path("cfdoctor.rules.test.yml")).unwrap();
    let series: Vec<String> =
        tests.lines().filter_map(|line| Some(line.split_once("series: '")?.1.to_owned())).collect();
    let mut expressions = expressions();
    let variables = dashboard()["templating"]["list"].clone();
    let variables = variables.as_array().unwrap().iter().filter_map(|one| one["definition"].as_str());
    expressions.extend(variables.map(ToOwned::to_owned));
    expressions.push(asked);
    expressions.extend(series);
    assert!(expressions.len() > 20);
    for expression in &expressions {
        let unknown: Vec<String> = named(expression).into_iter().filter(|name| !known.contains(name)).collect();
        assert_eq!(unknown, Vec::<String>::new(), "{expression}\nknown: {known:?}");
    }
    assert!(expressions.iter().flat_map(|one| named(one)).collect::<BTreeSet<_>>().len() > 12);
}

#[test]
fn the_dashboard_is_sound() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36 && dashboard["uid"] == "cfdoctor");
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut cells = BTreeSet::new();
    for panel in panels {
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24 && place("h") > 0, "{}", panel["title"]);
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{} lies over another", panel["title"]);
            }
        }
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        }
        let references: BTreeSet<&str> =
            panel["targets"].as_array().unwrap().iter().map(|target| target["refId"].as_str().unwrap()).collect();
        assert_eq!(references.len(), panel["targets"].as_array().unwrap().len());
    }
}

/// The documentation names every metric, and no other.
#[test]
fn the_page_names_every_metric() {
    let site = Site::start("expired");
    let exporter = Exporter::start(&site.flags());
    let texts = [exporter.get(&site.probe(), "").body, exporter.get("/metrics", "").body];
    let base = |name: String| {
        let cut = ["_bucket", "_count", "_sum"].iter().find_map(|ending| name.strip_suffix(ending));
        cut.map_or(name.clone(), ToOwned::to_owned)
    };
    let mut known: BTreeSet<String> = texts.iter().flat_map(|text| told(text)).map(base).collect();
    known.extend(["cfdoctor_check_suppressed".to_owned(), "cfdoctor_cache_age_seconds".to_owned()]);
    let page = fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/exporter.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next());
    let rows: BTreeSet<String> = rows.filter(|row| row.contains('_')).map(ToOwned::to_owned).collect();
    assert_eq!(rows, known);
}
