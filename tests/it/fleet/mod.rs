//! Many targets over real sockets: lists, parts, zones, an interruption and what comes after it, memory.

mod lists;
mod memory;
mod resumed;
mod site;
mod zones;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use site::Site;

/// The program, in a folder without configuration and credentials.
fn doctor(folder: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    let ours = |name: &str| ["CLOUDFLARE_", "AWS_", "CFDOCTOR_"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    for name in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command.env("LANG", "C.UTF-8").env("COLUMNS", "100").current_dir(folder).args(arguments);
    command
}

struct Ran {
    code: i32,
    out: String,
    told: String,
}

fn ran(mut command: Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap(), out: text(stdout), told: text(stderr) }
}

/// `check` of what these arguments name, on this site: one request for each target, and one condition on it.
fn check(folder: &Path, site: &Site, arguments: &[&str]) -> Command {
    std::fs::write(folder.join("cfdoctor.toml"), "[[assert]]\nname = \"up\"\nstatus = 200\n").unwrap();
    let mut all: Vec<String> = vec!["check".into()];
    all.extend(arguments.iter().map(ToString::to_string));
    all.extend(["--resolve".into(), format!("*:{}:127.0.0.1", site.port)]);
    all.extend(["--only", "assert", "--samples", "1", "--retries", "0"].map(Into::into));
    doctor(folder, &all)
}

/// A list of so many hosts of the site.
fn list(folder: &Path, name: &str, site: &Site, count: usize) {
    let text: String = (0..count).map(|number| format!("{}\n", site.url(number))).collect();
    std::fs::write(folder.join(name), text).unwrap();
}

/// The lines of targets, and the last one.
fn lines(text: &str) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.pop().unwrap();
    assert!(last["sums"].is_object(), "{last}");
    assert!(lines.iter().all(|line| line["target"].is_object()));
    (lines, last)
}

fn host(line: &Value) -> String {
    line["target"]["host"].as_str().unwrap().to_owned()
}

/// What is told of a target, whatever the run.
fn told(line: &Value) -> (String, String, String) {
    let target = &line["target"];
    (target["url"].to_string(), target["verdict"].to_string(), target["results"][0]["status"].to_string())
}
