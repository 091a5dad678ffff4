//! Validators that others wrote, in this process where they can be, else once over a batch.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/formats/vendored");

fn schema(text: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

static SARIF: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| schema(&std::fs::read_to_string(format!("{FOLDER}/sarif-schema-2.1.0.json")).unwrap()));

/// The fields that GitLab asks for, from its documentation of the format.
static GITLAB: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    schema(
        r#"{"type": "array", "items": {"type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
          "description": {"type": "string", "minLength": 1},
          "check_name": {"type": "string"},
          "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
          "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
          "location": {"type": "object", "required": ["path", "lines"], "properties": {
            "path": {"type": "string", "pattern": "^[^/]", "not": {"pattern": "^[.]{1,2}/|/[.]{2}/"}},
            "lines": {"type": "object", "required": ["begin"],
                      "properties": {"begin": {"type": "integer", "minimum": 1}}}}}}}}"#,
    )
});

fn check(validator: &jsonschema::Validator, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    value
}

/// Valid by the official schema, and by what GitHub asks for beyond it.
pub fn sarif(text: &str) -> Value {
    let document = check(&SARIF, text);
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        let base = url::Url::parse("https://repository.example/root/").unwrap();
        let whole = base.join(uri).unwrap();
        assert!(whole.as_str().starts_with(base.as_str()) && whole != base, "{uri}");
        assert!(whole.query().is_none() && whole.fragment().is_none(), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
        assert!(hash.ends_with(":1") && hash.len() == 34);
    }
    for rule in rules {
        for field in ["shortDescription", "fullDescription"] {
            assert!(rule[field]["text"].as_str().unwrap().chars().count() <= 1024);
        }
        assert!(rule["help"]["text"].is_string() && rule["id"].is_string());
        assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 20);
        if let Some(score) = rule["properties"]["security-severity"].as_str() {
            assert!((0.1..=10.0).contains(&score.parse::<f64>().unwrap()));
        }
    }
    document
}

pub fn gitlab(text: &str) -> Value {
    check(&GITLAB, text)
}

/// A piece of Markdown as a parser sees it.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// What stands in code.
    Code(String),
    /// What does not.
    Text(String),
    /// Raw HTML.
    Html(String),
    /// Where a link or an image leads.
    Link(String),
    /// A cell of a table ends.
    CellEnd,
}

/// GitHub's Markdown.
pub fn markdown(text: &str) -> Vec<Piece> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    let mut pieces = Vec::new();
    let mut in_block = false;
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_block = false,
            Event::End(pulldown_cmark::TagEnd::TableCell) => pieces.push(Piece::CellEnd),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                pieces.push(Piece::Link(dest_url.into_string()));
            }
            Event::Start(
                Tag::Emphasis | Tag::Strikethrough | Tag::BlockQuote(_) | Tag::Item | Tag::FootnoteDefinition(_),
            ) => {
                panic!("nobody wrote this: {text}")
            }
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {
                panic!("nobody wrote this: {text}")
            }
            Event::Text(text) if in_block => pieces.push(Piece::Code(text.into_string())),
            Event::Text(text) => match pieces.last_mut() {
                Some(Piece::Text(before)) => before.push_str(&text),
                _ => pieces.push(Piece::Text(text.into_string())),
            },
            Event::Code(text) => pieces.push(Piece::Code(text.into_string())),
            Event::Html(html) | Event::InlineHtml(html) => pieces.push(Piece::Html(html.trim().to_owned())),
            _ => {}
        }
    }
    pieces
}

/// The first of these that runs with these arguments. `tests/run` sets the variable where it has installed everything.
fn first_here(programs: &[&'static str], arguments: &[&str], package: &str) -> Option<&'static str> {
    let runs = |program: &&&str| Command::new(program).args(arguments).output().is_ok_and(|out| out.status.success());
    let found = programs.iter().find(runs).copied();
    let is_required = std::env::var_os("CFDOCTOR_VALIDATORS").is_some_and(|value| value == "require");
    assert!(found.is_some() || !is_required, "{package} is missing");
    if found.is_none() {
        eprintln!("left out: {package} is not installed (tests/run installs it)");
    }
    found
}

fn says_yes(program: &str, arguments: &[&str], files: &[PathBuf]) {
    let output = Command::new(program).args(arguments).args(files).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {}", told.lines().rev().take(20).collect::<Vec<_>>().join("\n"));
}

/// `xmllint` with the XML Schema.
pub fn xmllint(files: &[PathBuf]) {
    if let Some(xmllint) = first_here(&["xmllint"], &["--version"], "libxml2-utils") {
        let schema = format!("{FOLDER}/junit-10.xsd");
        says_yes(xmllint, &["--noout", "--nonet", "--schema", &schema], files);
    }
}

/// The OpenMetrics parser of Prometheus' Python client.
pub fn openmetrics(files: &[PathBuf]) {
    expositions(files, "prometheus_client.openmetrics.parser");
}

/// A parser of Prometheus' Python client, over files of which each says who made it or what it probed.
pub fn expositions(files: &[PathBuf], parser: &str) {
    // Debian's package belongs to Debian's interpreter, which need not be the first.
    let python = ["/usr/bin/python3", "python3"];
    if let Some(python) = first_here(&python, &["-c", &format!("import {parser}")], "python3-prometheus-client") {
        let program = format!("from {parser} import text_string_to_metric_families as parse")
            + "
import sys
for name in sys.argv[1:]:
    text = open(name, encoding='utf-8', newline='').read()
    try:
        families = list(parse(text))
        assert any(family.name in ('cfdoctor_build', 'cfdoctor_build_info', 'probe_success') for family in families)
    except Exception as error:
        sys.exit(f'{name}: {error!r}\\n{text[:4000]}')
";
        says_yes(python, &["-c", &program], files);
    }
}
