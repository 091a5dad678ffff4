//! The program as a step of a pipeline: several outputs in one run, a baseline, two reports compared.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use cfdoctor::Report;
use cfdoctor::render::Format;
use clap::ValueEnum;
use serde_json::Value;

/// Standard output, standard error, exit code.
fn run(folder: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    command.env("LANG", "C.UTF-8").env("COLUMNS", "120").env_remove("FORCE_COLOR").env_remove("CLICOLOR_FORCE");
    command.env("GITHUB_STEP_SUMMARY", folder.join("summary.md")).current_dir(folder);
    let output = command.args(arguments).timeout(std::time::Duration::from_secs(60)).output().unwrap();
    let Output { status, stdout, stderr } = output;
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.code().unwrap())
}

/// A folder with the recording `visit` of a broken world, and its report `old.json`.
fn visited() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (_, told, code) =
        run(folder.path(), &["demo", "expired", "--record", "visit", "-o", "json=old.json", "--format", "short"]);
    assert_eq!(code, 1, "{told}");
    folder
}

fn names() -> Vec<String> {
    let names = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    names.map(|value| value.get_name().to_owned()).collect()
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The report without what differs from run to run.
fn timeless(mut report: Report) -> Report {
    report.run.id.clear();
    report.run.started_at = time::OffsetDateTime::UNIX_EPOCH;
    report.run.elapsed_ms = 0;
    report
}

#[test]
fn every_format_at_once_and_each_alone() {
    let folder = visited();
    let folder = folder.path();
    let files: Vec<String> = names().iter().map(|name| format!("{name}=out.{name}")).collect();
    let mut arguments = vec!["lint", "visit", "--format", "short"];
    arguments.extend(files.iter().flat_map(|file| ["-o", file.as_str()]));
    let (_, told, code) = run(folder, &arguments);
    assert_eq!(code, 1, "{told}");
    for name in names() {
        assert!(!read(folder, &format!("out.{name}")).is_empty(), "{name}");
        let (shown, told, code) = run(folder, &["lint", "visit", "--format", &name]);
        assert_eq!((code, shown.is_empty()), (1, false), "{name}: {told}");
    }
    let sarif: Value = serde_json::from_str(&read(folder, "out.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["invocations"][0]["exitCode"], 1);
    let report: Report = serde_json::from_str(&read(folder, "out.json")).unwrap();
    let line: Value = serde_json::from_str(read(folder, "out.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!(line["target"]["url"], report.targets[0].url.as_str());
    // What the visit measured is told of the recording, too.
    assert!(read(folder, "out.openmetrics").contains("cfdoctor_certificate_days_left{"));
    assert_eq!(report.targets[0].certificates.len(), 2);
}

#[test]
fn the_step_summary_is_added_to_and_stays_below_the_limit() {
    let folder = visited();
    let folder = folder.path();
    assert!(!folder.join("summary.md").exists(), "only annotations come with it");
    std::fs::write(folder.join("summary.md"), "# Before\n").unwrap();
    run(folder, &["lint", "visit", "--format", "github"]);
    let once = read(folder, "summary.md");
    assert!(once.starts_with("# Before\n## cfdoctor: broken\n"), "{once}");
    run(folder, &["lint", "visit", "-o", "github=annotations.txt", "-q"]);
    assert!(read(folder, "summary.md").len() > once.len());
    std::fs::write(folder.join("summary.md"), "x".repeat(1024 * 1024 - 1500)).unwrap();
    let (_, told, code) = run(folder, &["lint", "visit", "--format", "github"]);
    assert_eq!(code, 1, "{told}");
    assert!(read(folder, "summary.md").len() <= 1024 * 1024);
}

#[test]
fn a_baseline_leaves_what_is_new() {
    let folder = visited();
    let folder = folder.path();
    let arguments = ["lint", "visit", "--baseline", "old.json", "--format", "json"];
    let (shown, told, code) = run(folder, &arguments);
    assert_eq!(code, 0, "{told}");
    let report: Report = serde_json::from_str(&shown).unwrap();
    let findings: Vec<_> = report.targets[0].results.iter().filter(|result| result.status.is_finding()).collect();
    assert!(findings.len() >= 2, "they are marked, not dropped");
    assert!(findings.iter().all(|result| result.suppressed.as_ref().is_some_and(|why| why.contains("baseline"))));
    let (human, _, _) = run(folder, &["lint", "visit", "--baseline", "old.json"]);
    assert!(human.contains("does not count: in the baseline of"), "{human}");
    // One finding that the baseline does not have.
    let mut old: Report = serde_json::from_str(&read(folder, "old.json")).unwrap();
    let first = old.targets[0].results.iter().position(|result| result.status.is_finding()).unwrap();
    old.targets[0].results.remove(first);
    std::fs::write(folder.join("old.json"), serde_json::to_string(&old).unwrap()).unwrap();
    assert_eq!(run(folder, &arguments).2, 1);
}

#[test]
fn a_baseline_that_cannot_be_used_stops_before_anything_is_probed() {
    let folder = visited();
    let folder = folder.path();
    let newer = read(folder, "old.json").replacen("\"schema_version\": 1", "\"schema_version\": 9", 1);
    std::fs::write(folder.join("newer.json"), newer).unwrap();
    std::fs::write(folder.join("cut.json"), &read(folder, "old.json")[..500]).unwrap();
    for (file, part) in [("newer.json", "update cfdoctor"), ("cut.json", "line "), ("absent.json", "cannot be read")] {
        for arguments in [
            vec!["lint", "visit", "--baseline", file, "-o", "json=never.json"],
            vec!["lambda.example.com", "--baseline", file, "-o", "json=never.json"],
            vec!["diff", "old.json", file],
        ] {
            let (shown, told, code) = run(folder, &arguments);
            assert_eq!((code, shown.as_str()), (2, ""), "{told}");
            assert!(told.contains(file) && told.contains(part), "{told}");
        }
    }
    assert!(!folder.join("never.json").exists());
}

#[test]
fn two_reports_are_compared() {
    let folder = visited();
    let folder = folder.path();
    let (shown, told, code) = run(folder, &["diff", "old.json", "old.json"]);
    assert_eq!(code, 0, "{told}");
    assert!(shown.contains("0 appeared, 0 went away, 0 changed"), "{shown}");
    run(folder, &["demo", "healthy", "-o", "json=well.json", "--format", "short"]);
    let (shown, _, code) = run(folder, &["diff", "old.json", "well.json"]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("- fail: origin-certificate-expired: https://lambda.example.com/endpoint"), "{shown}");
    let (shown, _, code) = run(folder, &["diff", "well.json", "old.json", "--format", "json"]);
    assert_eq!(code, 1);
    let difference: Value = serde_json::from_str(&shown).unwrap();
    let (schema, _, _) = run(folder, &["schema", "diff"]);
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    assert!(validator.is_valid(&difference));
    let appeared = difference["appeared"].as_array().unwrap();
    assert!(appeared.iter().any(|change| change["check"] == "origin-certificate-expired"));
    let (schema, _, _) = run(folder, &["schema", "jsonl"]);
    assert!(schema.contains("\"target\""), "{schema}");
}

#[test]
fn the_recording_gives_the_report_of_the_visit() {
    let folder = visited();
    let folder = folder.path();
    let (shown, _, _) = run(folder, &["lint", "visit", "--format", "json"]);
    let (again, old): (Report, Report) =
        (serde_json::from_str(&shown).unwrap(), serde_json::from_str(&read(folder, "old.json")).unwrap());
    assert_eq!(timeless(again).targets, timeless(old).targets);
}

#[test]
fn a_dry_run_has_no_results_to_tell() {
    let folder = tempfile::tempdir().unwrap();
    let (shown, told, code) = run(folder.path(), &["lambda.example.com", "--dry-run", "--format", "sarif"]);
    assert_eq!((code, shown.as_str()), (2, ""));
    assert!(told.contains("human, short or json only"), "{told}");
}
