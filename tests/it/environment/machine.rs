//! What our own machine lacks: a network, descriptors, room on the disk, a reader.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::scene::{Scene, all_are_told};
use super::world::{HOST, World};
use crate::hostile::doctor::{Seat, doctor};
use crate::hostile::script::Server;

/// The program by way of a shell line in which `"$@"` stands for it.
fn in_shell(line: &str, arguments: &[String]) -> std::process::Output {
    let program = doctor(&[] as &[&str]);
    let _seat = Seat::take();
    let mut command = Command::new("sh");
    command.args(["-c", line, "sh"]).arg(program.get_program());
    command.args(["check", "--no-config", "--format", "json", &format!("https://{HOST}/x")]).args(arguments);
    command.stdin(Stdio::null()).env("LANG", "C.UTF-8").output().unwrap()
}

/// Nothing fails, no check whose id begins with one of `prevented` passes, and the code is 3.
fn is_inconclusive(output: &std::process::Output, prevented: &[&str], words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}{text}");
    let results = report["targets"][0]["results"].as_array().unwrap();
    for result in results {
        let id = result["check"].as_str().unwrap();
        let passed = result["status"] == "pass" && prevented.iter().any(|begin| id.starts_with(begin));
        assert!(result["status"] != "fail" && !passed, "{result}");
    }
    for word in words {
        assert!(text.contains(word), "nobody says {word:?}: {text}");
    }
}

/// Without any network: a namespace of its own, where the machine lets us make one.
#[test]
fn offline() {
    let patience = ["--connect-timeout", "2s", "--timeout", "2s", "--deadline", "15s"].map(String::from);
    if Command::new("unshare").args(["-n", "true"]).status().is_ok_and(|status| status.success()) {
        let output = in_shell("exec unshare -n \"$@\"", &patience);
        is_inconclusive(&output, &["edge-", "cache-", "dns-not-proxied"], &["unreachable"]);
    }
    // Nobody listens anywhere.
    let closed = Server::closed_port();
    let mut arguments = patience.to_vec();
    arguments.extend(["--resolver".into(), format!("127.0.0.1:{closed}")]);
    all_are_told(vec![
        Scene::new("no resolver", arguments, &["the resolver 127.0.0.1", "of no use"])
            .unjudged(&["edge-", "cache-", "dns-name"]),
    ]);
}

#[test]
fn descriptors_run_out() {
    for most in [8, 10, 12, 14, 16, 20, 24] {
        let output = in_shell(&format!("ulimit -n {most}; exec \"$@\""), &World::sound().arguments());
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        // So few that not even the program's own works can start is an error of its own; else nobody else is blamed.
        assert!(matches!(output.status.code(), Some(0 | 3 | 101 | 2)), "{most}: {:?}\n{said}\n{text}", output.status);
        assert!(!text.contains("\"status\": \"fail\""), "{most}: {text}");
        if output.status.code() == Some(3) {
            // One descriptor is enough for all questions about names.
            is_inconclusive(&output, &["edge-", "cache-"], &["Too many open files"]);
        }
    }
}

/// Where a report or a recording cannot be written, one sentence says so, and no verdict comes of it.
#[test]
fn nowhere_to_write() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below_a_file = file.path().join("kept").display().to_string();
    for (option, value) in [("-o", "json=/dev/full".to_owned()), ("--record", below_a_file)] {
        let mut arguments = World::sound().arguments();
        arguments.extend([option.to_owned(), value]);
        let output = in_shell("exec \"$@\"", &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(2 | 101)), "{option}: {:?}: {said}", output.status);
        assert!(said.contains(option.trim_start_matches('-')) || said.contains("/dev/full"), "{option}: {said}");
    }
}

#[test]
fn nobody_reads() {
    for line in ["exec \"$@\" >&-", "exec \"$@\" >/dev/full"] {
        let output = in_shell(line, &World::sound().arguments());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 101)), "{line}: {:?}: {said}", output.status);
        assert!(!said.contains("panicked"), "{line}: {said}");
    }
}
