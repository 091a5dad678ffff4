//! Ctrl-C in the middle of a list, and the rest afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::site::Site;
use super::{check, host, lines, list, ran, told};

const COUNT: usize = 300;

fn interrupt(child: &Child) {
    let sent = Command::new("sh").args(["-c", "kill -INT \"$0\"", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_default()
}

/// Waits until the file has so many lines.
fn until_lines(folder: &Path, name: &str, count: usize) {
    let start = Instant::now();
    while read(folder, name).lines().count() < count {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", read(folder, name).len());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a file tells of each target.
fn union(text: &str) -> BTreeSet<(String, String, String)> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| line["target"].is_object())
        .map(|line| told(&line))
        .collect()
}

#[test]
fn an_interrupted_run_goes_on_and_tells_the_same() {
    let (site, folder) = (Site::start(Duration::from_millis(10)), tempfile::tempdir().unwrap());
    let folder = folder.path();
    list(folder, "list", &site, COUNT);
    let whole = ran(check(folder, &site, &["--targets", "list", "--format", "jsonl"]));
    assert_eq!(whole.code, 1, "{}", whole.told);
    site.forget();

    let arguments = ["--targets", "list", "--concurrency", "4", "-o", "jsonl=part.jsonl", "--format", "short"];
    let resume = [&arguments[..], &["--resume", "part.jsonl"]].concat();
    // The same command begins and goes on.
    let mut child = check(folder, &site, &resume).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until_lines(folder, "part.jsonl", 40);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let part = read(folder, "part.jsonl");
    let (told_lines, last) = lines(&part);
    assert_eq!((&last["exit_code"], &last["run"]["interrupted"]), (&130.into(), &true.into()));
    let left = last["run"]["not_visited"].as_array().unwrap().len();
    assert_eq!(told_lines.len() + left, COUNT, "told, or named as not visited");
    let finished: BTreeSet<String> =
        told_lines.iter().filter(|line| line["run"]["interrupted"] == false).map(host).collect();
    assert!(finished.len() >= 39 && finished.len() < COUNT, "{}", finished.len());

    // The machine dies while the next line is written.
    let torn = part.lines().next().unwrap();
    std::fs::write(folder.join("part.jsonl"), format!("{part}{}", &torn[..torn.len() / 2])).unwrap();
    site.forget();
    let rest = ran(check(folder, &site, &resume));
    assert_eq!(rest.code, 1, "{}", rest.told);
    assert!(rest.told.contains(&format!("{} of {COUNT} targets are finished", finished.len())), "{}", rest.told);
    assert!(rest.told.contains("torn"), "{}", rest.told);
    let visits = site.visits();
    assert!(visits.keys().all(|host| !finished.contains(host)), "finished ones are left alone");
    assert_eq!(visits.len() + finished.len(), COUNT);

    let after = read(folder, "part.jsonl");
    assert_eq!(union(&after), union(&whole.out));
    let ((after, last), (_, whole_last)) = (lines(&after), lines(&whole.out));
    assert_eq!(after.len(), COUNT, "each is told once");
    assert_eq!((&last["sums"], &last["exit_code"]), (&whole_last["sums"], &whole_last["exit_code"]));
    // Each line says which run it is of.
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    after.iter().for_each(|line| *runs.entry(line["run"]["id"].to_string()).or_default() += 1);
    assert_eq!(
        runs.values().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from([finished.len(), COUNT - finished.len()])
    );

    // All is done: nobody is visited, and the exit code is what it was.
    site.forget();
    let again = ran(check(folder, &site, &["--targets", "list", "--resume", "part.jsonl", "--format", "json"]));
    assert_eq!((again.code, site.visits().len()), (1, 0), "{}", again.told);
    let report: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    let hosts: Vec<&str> = report["targets"].as_array().unwrap().iter().filter_map(|t| t["host"].as_str()).collect();
    assert_eq!(hosts, (0..COUNT).map(|number| format!("h{number}.example.com")).collect::<Vec<_>>());
    assert_eq!(report["summary"], whole_last["sums"]["results"]);
}

#[test]
fn what_does_not_belong_is_not_lost_silently() {
    let (site, folder) = (Site::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let folder = folder.path();
    list(folder, "both", &site, 8);
    list(folder, "few", &site, 3);
    assert_eq!(ran(check(folder, &site, &["--targets", "both", "-o", "jsonl=both.jsonl", "-q"])).code, 1);
    let before = read(folder, "both.jsonl");
    site.forget();
    let other = ran(check(folder, &site, &["--targets", "few", "--resume", "both.jsonl", "--format", "jsonl"]));
    assert_eq!((other.code, lines(&other.out).0.len(), site.visits().len()), (1, 3, 0), "{}", other.told);
    assert!(other.told.contains("5 lines are about other targets"), "{}", other.told);
    let same = ran(check(folder, &site, &["--targets", "few", "--resume", "both.jsonl", "-o", "jsonl=both.jsonl"]));
    assert_eq!((same.code, same.told.contains("not lost")), (2, true), "{}", same.told);
    assert_eq!(read(folder, "both.jsonl"), before);
    let newer = before.replacen("\"schema_version\":1", "\"schema_version\":9", 1);
    std::fs::write(folder.join("newer.jsonl"), newer).unwrap();
    let newer = ran(check(folder, &site, &["--targets", "both", "--resume", "newer.jsonl"]));
    assert_eq!((newer.code, newer.told.contains("line 1: its schema version is 9")), (2, true), "{}", newer.told);
    assert!(site.visits().is_empty());
    // Reports of shards are read one after another.
    std::fs::write(folder.join("all.jsonl"), format!("{before}{before}")).unwrap();
    let same = super::doctor(folder, &["diff", "both.jsonl", "all.jsonl"].map(Into::into)).output().unwrap();
    let shown = String::from_utf8(same.stdout).unwrap();
    assert_eq!(same.status.code(), Some(0), "{shown}{}", String::from_utf8_lossy(&same.stderr));
    assert!(shown.contains("0 appeared, 0 went away, 0 changed"), "{shown}");
}
