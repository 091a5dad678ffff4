//! `cfdoctor config show`: every effective value, and where it comes from.

use clap::{Arg, ArgAction, CommandFactory};
use serde::Serialize;
use serde_json::{Value, json};

use cfdoctor_checks::evidence::{redact, text};

use super::args::{Cli, DataFormat, ShowArgs};
use super::setup::{FoundBy, Setup, Typed};
use super::{CommandError, known, settings, stage, to_stdout};
use crate::config::{Config, TargetConfig, VARIABLE};
use crate::policy::OK;
use crate::render::Look;
use crate::render::look::Tone;
use crate::report::Place;

/// Variables that change what the program does. Of a secret one only that it is set is shown.
const VARIABLES: &[(&str, bool)] = &[
    (VARIABLE, false),
    ("CLOUDFLARE_API_TOKEN", true),
    ("CLOUDFLARE_BASE_URL", false),
    ("AWS_PROFILE", false),
    ("AWS_ACCESS_KEY_ID", true),
    ("AWS_SECRET_ACCESS_KEY", true),
    ("AWS_SESSION_TOKEN", true),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", false),
    ("AWS_ENDPOINT_URL", false),
    ("NO_COLOR", false),
    ("FORCE_COLOR", false),
    ("CLICOLOR_FORCE", false),
    ("CLICOLOR", false),
    ("COLUMNS", false),
];
/// Options that are not shown: those of this command, those of a target, and those that name the targets of one run.
const OTHERS: &[&str] = &[
    "help",
    "version",
    "format",
    "dry-run",
    "origin",
    "assume-origin",
    "method",
    "no-config",
    "targets",
    "zone",
    "shard",
    "resume",
];
/// What is shown in place of a secret.
const REDACTED: &str = "(redacted)";

/// The whole answer; the JSON format.
#[derive(Serialize)]
struct Shown {
    /// The file that applies; null: none.
    file: Option<String>,
    values: Vec<Entry>,
    targets: Vec<Vec<Entry>>,
    ignore: Vec<Rule>,
    severity: Vec<Rule>,
    assert: Vec<Rule>,
}

/// A value with its origin.
#[derive(Serialize)]
struct Entry {
    key: String,
    /// Null: not set, and there is no default.
    value: Value,
    origin: Origin,
}

/// An entry of a list in the file.
#[derive(Serialize)]
struct Rule {
    what: String,
    origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
enum Origin {
    Default,
    File(Place),
    Environment { variable: String },
    Flag { flag: String },
}

/// Runs the command.
pub(super) fn run(arguments: &ShowArgs, typed: Typed) -> Result<u8, CommandError> {
    let setup = Setup::load(&arguments.config, typed)?;
    // What would be refused when it is used is refused here too.
    let mut read = settings::read(&arguments.network)?;
    known::apply(&arguments.known, None, &mut read)?;
    let mut config = setup.loaded.config.clone();
    arguments.select.checks(&mut config)?;
    let shown = Shown {
        file: setup.loaded.file.as_deref().map(text::clean),
        values: values(&setup),
        targets: targets(&setup, arguments),
        ignore: ignores(&setup),
        severity: severities(&setup),
        assert: asserts(&setup),
    };
    let text = match arguments.format {
        DataFormat::Human => human(&shown, &stage::stdout_look(arguments.color)),
        DataFormat::Json => serde_json::to_string_pretty(&shown)
            .map(|json| json + "\n")
            .map_err(|error| CommandError::Internal(format!("config show: {error}")))?,
    };
    to_stdout(text.as_bytes())?;
    Ok(OK)
}

/// Every option, then the variables that are set.
fn values(setup: &Setup) -> Vec<Entry> {
    let mut command = Cli::command();
    command.build();
    let show = command.find_subcommand("config").and_then(|config| config.find_subcommand("show"));
    let options = show.into_iter().flat_map(clap::Command::get_arguments);
    let mut entries: Vec<Entry> = options.filter_map(|option| entry(setup, option)).collect();
    for (name, is_secret) in VARIABLES {
        let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else { continue };
        let value = if *is_secret { REDACTED.into() } else { redact::text(&text::clean(&value.to_string_lossy())) };
        let origin = Origin::Environment { variable: (*name).into() };
        entries.push(Entry { key: (*name).into(), value: value.into(), origin });
    }
    entries
}

fn entry(setup: &Setup, option: &Arg) -> Option<Entry> {
    let key = option.get_long()?;
    // Those are about this command; the others of a target are shown with it.
    if OTHERS.contains(&key) {
        return None;
    }
    let id = option.get_id().as_str();
    let flag = || Origin::Flag { flag: format!("--{key}") };
    if setup.typed.has(id) {
        return Some(Entry { key: key.into(), value: given(setup, option), origin: flag() });
    }
    if key == "config" {
        let origin = match setup.found_by {
            Some(FoundBy::Flag) => flag(),
            Some(FoundBy::Variable) => Origin::Environment { variable: VARIABLE.into() },
            Some(FoundBy::Looking) | None => Origin::Default,
        };
        let file = setup.loaded.file.as_deref().map(text::clean);
        return Some(Entry { key: key.into(), value: json!(file), origin });
    }
    let leaves_skip = key == "skip" && setup.typed.has("only");
    if let Some(value) = setup.loaded.table.get(key).filter(|_| !leaves_skip) {
        let value = serde_json::to_value(value).map(clean).unwrap_or_default();
        return Some(Entry { key: key.into(), value, origin: from_file(setup, key) });
    }
    let defaults: Vec<Value> =
        option.get_default_values().iter().map(|value| simple(&value.to_string_lossy())).collect();
    let value = match (option.get_action(), key) {
        (ArgAction::SetTrue, _) => false.into(),
        (ArgAction::Append, _) => Value::Array(defaults),
        (_, "expect") => "any".into(),
        (_, "resolver") => "system".into(),
        _ if option.get_num_args().is_some_and(|range| range.max_values() > 1) => Value::Array(defaults),
        _ => defaults.into_iter().next().unwrap_or_default(),
    };
    Some(Entry { key: key.into(), value, origin: Origin::Default })
}

/// What was typed, without secrets.
fn given(setup: &Setup, option: &Arg) -> Value {
    let id = option.get_id().as_str();
    if matches!(option.get_action(), ArgAction::SetTrue) {
        return true.into();
    }
    let raw = setup.typed.matches.get_raw(id).into_iter().flatten().map(|raw| raw.to_string_lossy());
    let mut all: Vec<Value> = raw
        .map(|raw| match id {
            "headers" => {
                let name = raw.split_once(':').map_or("", |(name, _)| name);
                format!("{}: {REDACTED}", text::clean(name)).into()
            }
            "proxy" => match raw.rsplit_once('@') {
                Some((before, place)) => {
                    let scheme = before.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
                    text::clean(&format!("{scheme}{REDACTED}@{place}")).into()
                }
                None => text::clean(&raw).into(),
            },
            _ => simple(&raw),
        })
        .collect();
    match option.get_action() {
        ArgAction::Append => Value::Array(all),
        _ if all.len() == 1 => all.remove(0),
        _ => Value::Array(all),
    }
}

/// A number where it is one.
fn simple(text: &str) -> Value {
    match text.parse::<u64>() {
        Ok(number) => number.into(),
        Err(_) => redact::text(&text::clean(text)).into(),
    }
}

/// Harmless text only.
fn clean(value: Value) -> Value {
    match value {
        Value::String(string) => redact::text(&text::clean(&string)).into(),
        Value::Array(items) => items.into_iter().map(clean).collect(),
        other => other,
    }
}

fn from_file(setup: &Setup, path: &str) -> Origin {
    setup.loaded.place(path).map_or(Origin::Default, Origin::File)
}

/// Each target of the file with what applies to it.
fn targets(setup: &Setup, arguments: &ShowArgs) -> Vec<Vec<Entry>> {
    let config = &setup.loaded.config;
    config.target.iter().enumerate().map(|(index, own)| target(setup, arguments, index, own)).collect()
}

fn target(setup: &Setup, arguments: &ShowArgs, index: usize, own: &TargetConfig) -> Vec<Entry> {
    let config: &Config = &setup.loaded.config;
    let wishes = &arguments.wishes;
    let word = |value: cfdoctor_checks::evidence::target::Expectation| json!(value);
    let typed = |flag: &str, value: Option<Value>| value.map(|value| (value, Origin::Flag { flag: flag.into() }));
    let inner = |key: &str, value: Option<Value>| {
        value.map(|value| (clean(value), from_file(setup, &format!("target.{index}.{key}"))))
    };
    let outer = |key: &str, value: Option<Value>| value.map(|value| (clean(value), from_file(setup, key)));
    let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
    let origin = typed("--origin", text(&wishes.origin))
        .or_else(|| typed("--assume-origin", text(&wishes.assume_origin)))
        .or_else(|| inner("origin", text(&own.origin)));
    let region = typed("--region", text(&wishes.region))
        .or_else(|| inner("region", text(&own.region)))
        .or_else(|| outer("region", text(&config.region)));
    let expect = typed("--expect", wishes.expect.map(word))
        .or_else(|| inner("expect", own.expect.map(word)))
        .or_else(|| outer("expect", config.expect.map(word)))
        .unwrap_or((json!("any"), Origin::Default));
    let method = typed("--method", text(&wishes.method))
        .or_else(|| inner("method", text(&own.method)))
        .unwrap_or((json!("GET"), Origin::Default));
    let none = || (Value::Null, Origin::Default);
    let url = own.target().map(|target| target.url()).unwrap_or_else(|_| own.url.clone());
    let all = [
        ("url", inner("url", Some(json!(redact::text(&url)))).unwrap_or_else(none)),
        ("origin", origin.unwrap_or_else(none)),
        ("region", region.unwrap_or_else(none)),
        ("expect", expect),
        ("method", method),
    ];
    all.into_iter().map(|(key, (value, origin))| Entry { key: key.into(), value, origin }).collect()
}

fn ignores(setup: &Setup) -> Vec<Rule> {
    let all = setup.loaded.config.ignore.iter().enumerate();
    all.map(|(index, ignore)| Rule {
        what: format!("{}: {}", ignore.describe(), ignore.because()),
        origin: from_file(setup, &format!("ignore.{index}.check")),
    })
    .collect()
}

fn severities(setup: &Setup) -> Vec<Rule> {
    let all = setup.loaded.config.severity.iter();
    all.map(|(id, what)| Rule {
        what: format!("{} is {}", text::clean(id), json!(what).as_str().unwrap_or_default()),
        origin: from_file(setup, &format!("severity.{id}")),
    })
    .collect()
}

fn asserts(setup: &Setup) -> Vec<Rule> {
    let all = setup.loaded.config.assert.iter().enumerate();
    all.map(|(index, one)| Rule {
        what: format!("{}: {}", one.id(), one.title()),
        origin: from_file(setup, &format!("assert.{index}")),
    })
    .collect()
}

/// As TOML, with the origin as a comment.
fn human(shown: &Shown, look: &Look) -> String {
    let mut lines = match &shown.file {
        Some(file) => vec![format!("# configuration: {file}")],
        None => vec!["# no configuration file".to_owned()],
    };
    lines.extend(table(&shown.values, look));
    for target in &shown.targets {
        lines.push(String::new());
        lines.push("[[target]]".into());
        lines.extend(table(target, look));
    }
    for (title, rules) in [("ignored", &shown.ignore), ("severity", &shown.severity), ("assert", &shown.assert)] {
        if !rules.is_empty() {
            lines.push(String::new());
            lines.push(format!("# {title}"));
            lines.extend(rules.iter().map(|rule| format!("# {} ({})", rule.what, origin(&rule.origin))));
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn table(entries: &[Entry], look: &Look) -> Vec<String> {
    let sides: Vec<String> = entries
        .iter()
        .map(|entry| match &entry.value {
            Value::Null => format!("# {} is not set", entry.key),
            value => format!("{} = {value}", entry.key),
        })
        .collect();
    let width = sides.iter().map(|side| side.chars().count()).filter(|width| *width <= 44).max().unwrap_or_default();
    let lines = sides.iter().zip(entries).map(|(side, entry)| {
        let space = " ".repeat(width.saturating_sub(side.chars().count()));
        let tone = if matches!(entry.origin, Origin::Default) { Tone::Quiet } else { Tone::Plain };
        format!("{}{space}  {}", look.text(side), look.paint(tone, &format!("# {}", origin(&entry.origin))))
    });
    lines.collect()
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".into(),
        Origin::File(place) => format!("{}:{}", text::clean(&place.file), place.line),
        Origin::Environment { variable } => format!("environment variable {variable}"),
        Origin::Flag { flag } => flag.clone(),
    }
}
