//! Lists, parts of lists, the page for people, what is said before anything is visited.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::site::Site;
use super::{check, doctor, host, lines, list, ran};

#[test]
fn lines_come_as_targets_finish() {
    let (site, folder) = (Site::start(Duration::ZERO), tempfile::tempdir().unwrap());
    list(folder.path(), "list", &site, 40);
    site.hold(0);
    let arguments = ["--targets", "list", "--format", "jsonl", "--concurrency", "4", "-o", "json=whole.json"];
    let mut command = check(folder.path(), &site, &arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut all = String::new();
    let mut next = || {
        let line = out.next().unwrap().unwrap();
        all.push_str(&line);
        all.push('\n');
        serde_json::from_str::<Value>(&line).unwrap()
    };
    // One host holds up nobody else.
    let before: BTreeSet<String> = (0..39).map(|_| host(&next())).collect();
    assert!(before.len() == 39 && !before.contains("h0.example.com"));
    site.release();
    assert_eq!(host(&next()), "h0.example.com");
    let last = next();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!((&last["sums"]["targets"]["fail"], &last["exit_code"]), (&4.into(), &1.into()));
    assert_eq!(lines(&all).0.len(), 40);
    let whole: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("whole.json")).unwrap()).unwrap();
    let order: Vec<String> = (0..40).map(|number| format!("h{number}.example.com")).collect();
    let hosts: Vec<&str> = whole["targets"].as_array().unwrap().iter().map(|t| t["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, order, "the whole report keeps the order given");
    assert_eq!(whole["targets"][7]["declared_at"], serde_json::json!({"file": "list", "line": 8}));
}

#[test]
fn bad_lines_stop_everything() {
    let (site, folder) = (Site::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let text = format!("# ours\n{}\nfile:///etc/passwd\nlocalhost\n", site.url(1));
    std::fs::write(folder.path().join("list"), text).unwrap();
    let ran = ran(check(folder.path(), &site, &["--targets", "list", "-o", "jsonl=out.jsonl"]));
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.told.contains("list, line 3: ") && ran.told.contains("1 more line is bad: 4"), "{}", ran.told);
    assert!(site.visits().is_empty() && !folder.path().join("out.jsonl").exists());
}

#[test]
fn stdin_and_files_make_one_list() {
    let (site, folder) = (Site::start(Duration::ZERO), tempfile::tempdir().unwrap());
    list(folder.path(), "list", &site, 3);
    let arguments = [&site.url(7), "--targets", "-", "--targets", "list", "--format", "short"];
    let mut child = check(folder.path(), &site, &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}  # again\n{}", site.url(1), site.url(5)).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let (out, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(out.lines().filter(|line| line.contains("verdict: ")).count(), 5, "{out}");
    assert!(told.contains("1 target is given more than once"), "{told}");
    let visits = site.visits();
    assert!(visits.len() == 5 && visits.values().all(|times| *times == 1), "{visits:?}");
}

#[test]
fn parts_make_up_the_whole() {
    let (site, folder) = (Site::start(Duration::ZERO), tempfile::tempdir().unwrap());
    list(folder.path(), "list", &site, 30);
    let mut union = BTreeSet::new();
    let (mut targets, mut passed) = (0, 0);
    for part in 1..=3 {
        let shard = format!("{part}/3");
        let ran = ran(check(folder.path(), &site, &["--targets", "list", "--shard", &shard, "--format", "jsonl"]));
        assert!(matches!(ran.code, 0 | 1), "{}", ran.told);
        let (lines, last) = lines(&ran.out);
        targets += lines.len();
        union.extend(lines.iter().map(host));
        passed += last["sums"]["targets"]["pass"].as_u64().unwrap();
    }
    assert_eq!((targets, union.len(), passed), (30, 30, 27));
    // A part without targets is well, and its report says so.
    std::fs::write(folder.path().join("one"), site.url(1)).unwrap();
    let codes: Vec<i32> = (1..=3)
        .map(|part| {
            let shard = format!("{part}/3");
            let ran = ran(check(folder.path(), &site, &["--targets", "one", "--shard", &shard, "--format", "json"]));
            let report: Value = serde_json::from_str(&ran.out).unwrap();
            assert_eq!(report["exit_code"], 0);
            let is_empty = report["targets"].as_array().unwrap().is_empty();
            assert_eq!(is_empty, ran.told.contains("none of the 1 targets is in this part"), "{}", ran.told);
            i32::from(is_empty) * 10 + ran.code
        })
        .collect();
    assert_eq!(codes.iter().sum::<i32>(), 20);
    std::fs::write(folder.path().join("none"), "# nobody\n").unwrap();
    let ran = ran(check(folder.path(), &site, &["--targets", "none", "--shard", "1/3"]));
    assert_eq!((ran.code, ran.told.contains("none has none")), (4, true), "{}", ran.told);
}

#[test]
fn many_targets_have_a_page_that_can_be_read() {
    let (site, folder) = (Site::start(Duration::ZERO), tempfile::tempdir().unwrap());
    list(folder.path(), "list", &site, 60);
    let ran = ran(check(folder.path(), &site, &["--targets", "list"]));
    assert_eq!(ran.code, 1, "{}", ran.told);
    assert!(ran.out.lines().count() < 15, "{}", ran.out);
    for part in ["assert-up: 6 targets", "60 targets: 54 well, 6 broken", "One in full: cfdoctor http://h"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(ran.told, "");
}

#[test]
fn a_reader_that_goes_away_ends_the_visits() {
    let (site, folder) = (Site::start(Duration::from_millis(20)), tempfile::tempdir().unwrap());
    list(folder.path(), "list", &site, 400);
    let arguments = ["--targets", "list", "--format", "jsonl", "--concurrency", "2"];
    let mut child =
        check(folder.path(), &site, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    assert!(site.visits().len() < 400);
}

#[test]
fn a_dry_run_is_bounded() {
    let (site, folder) = (Site::start(Duration::ZERO), tempfile::tempdir().unwrap());
    list(folder.path(), "list", &site, 250);
    let human = ran(check(folder.path(), &site, &["--targets", "list", "--dry-run", "--concurrency", "7"])).out;
    assert!(
        human.contains("… and 240 targets more") && human.contains("At most 7 targets at the same time"),
        "{human}"
    );
    let json = ran(check(folder.path(), &site, &["--targets", "list", "--dry-run", "--format", "json"])).out;
    let plan: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((plan["targets"].as_array().unwrap().len(), &plan["more_targets"]), (100, &150.into()));
    let zone = ["check", "--zone", "example.com", "--dry-run"].map(Into::into);
    let mut command = doctor(folder.path(), &zone);
    command.env("CLOUDFLARE_API_TOKEN", "NobodyKnowsThisToken0NobodyKnowsThisToken");
    command.env("CLOUDFLARE_BASE_URL", format!("http://127.0.0.1:{}/", site.port));
    let plan = ran(command);
    assert_eq!(plan.code, 0, "{}", plan.told);
    assert!(
        plan.out.contains("GET /zones?name=example.com") && plan.out.contains("Nothing was looked up"),
        "{}",
        plan.out
    );
    assert!(site.visits().is_empty());
}

#[test]
fn the_number_at_once_can_be_configured() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cfdoctor.toml"), "concurrency = 5\n").unwrap();
    let shown = ran(doctor(folder.path(), &["config", "show"].map(Into::into))).out;
    assert!(shown.contains("concurrency = 5") && !shown.contains("shard"), "{shown}");
    std::fs::write(folder.path().join("cfdoctor.toml"), "concurrency = 0\n").unwrap();
    let refused = ran(doctor(folder.path(), &["a.example.com".into()]));
    assert_eq!((refused.code, refused.told.contains("0 is not from 1 to 4096")), (2, true), "{}", refused.told);
}

/// Visits run at the same time, and not more than were asked for.
#[test]
fn many_at_once_are_quicker() {
    let (site, folder) = (Site::start(Duration::from_millis(100)), tempfile::tempdir().unwrap());
    list(folder.path(), "list", &site, 40);
    let took = |concurrency: &str| {
        let start = Instant::now();
        let ran = ran(check(folder.path(), &site, &["--targets", "list", "--concurrency", concurrency, "-q"]));
        assert_eq!(ran.code, 1, "{}", ran.told);
        start.elapsed()
    };
    assert!(took("2") >= Duration::from_secs(2), "twenty rounds of 100 ms");
}
