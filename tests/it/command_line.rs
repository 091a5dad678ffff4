//! The program itself: parsing, bad input, the commands that need no network.

use std::io::Write;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CLOUDFLARE_") || name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    for name in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "COLUMNS", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("LANG", "C.UTF-8").args(arguments).timeout(std::time::Duration::from_secs(30));
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = doctor(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn bad_input_is_said_clearly_and_nothing_is_probed() {
    let rows: &[(&[&str], &str)] = &[
        (&["file:///etc/passwd"], "scheme"),
        (&["192.0.2.1"], "--resolve"),
        (&["[2001:db8::1]"], "--resolve"),
        (&["a.example.com/a b"], "%20"),
        (&["a.example.com:99999"], "port"),
        (&["a.example.com:0"], "from 1 to 65535"),
        (&["a.example.com:443:443"], "port"),
        (&[""], "it is empty"),
        (&["::1"], "--resolve"),
        (&["[::1"], "--resolve"),
        (&["0x7f.1"], "--resolve"),
        (&["a..example.com"], "empty label"),
        (&["*.example.com"], "no host name can have"),
        (&["a.example.com,b.example.com"], "no host name can have"),
        (&["xn--a.example.com"], "international"),
        (&["a\u{202e}b.example.com"], "international"),
        (&["a.example.com/\u{a0}x"], "%20"),
        (&["ftp://a.example.com"], "http and https"),
        (&["javascript:alert(1)"], "http://"),
        (&["data:text/html,x"], "http://"),
        (&["https://"], "empty host"),
        (&["a.example.com", "--origin", "192.0.2.1:0"], "from 1 to 65535"),
        (&["localhost"], "no dot"),
        (&["https://user:s3cr3t@a.example.com/"], "Authorization"),
        (&["a.example.com", "--region", "us-wset-2"], "did you mean us-west-2?"),
        (&["a.example.com", "--origin", "https://o.example.com/"], "HOST or HOST:PORT"),
        (&["a.example.com", "--origin", "o.example.com", "--assume-origin", "p.example.com"], "cannot be used with"),
        (&["a.example.com", "--resolver", "dns.example.com"], "tls://HOST"),
        (&["a.example.com", "--timeout", "5"], "unit"),
        (&["a.example.com", "--samples", "99"], "1..=8"),
        (&["a.example.com", "-4", "-6"], "cannot be used with"),
        (&["a.example.com", "-X", "G ET"], "a method is a word"),
        (&["a.example.com", "-H", "s3cr3t"], "colon"),
        (&["a.example.com", "--proxy", "ftp://u:s3cr3t@p"], "socks5://HOST:PORT"),
        (&["a.example.com", "--cacert", "/nonexistent/roots.pem"], "cannot be read"),
        (&["a.example.com", "--key", "k.pem"], "--cert"),
        (&["a.example.com", "--only", "nonsense-at-all"], "cfdoctor explain"),
        (&["a.example.com", "--format", "yaml"], "human"),
        (&["a.example.com", "-o", "json"], "FORMAT=FILE"),
        (&["a.example.com", "-o", "json=/nonexistent/folder/x"], "make it first"),
        (&["a.example.com", "--resolve", "a.example.com:443"], "HOST:PORT:ADDR"),
        (&["a.example.com", "--connect-to", "x"], "HOST1:PORT1:HOST2:PORT2"),
        (&["lnit", "x"], "cfdoctor lint"),
        (&["explain", "no-such-check"], "cfdoctor explain"),
        (&["demo", "no-such-world"], "--list"),
        (&["lint"], "FILE"),
        (&["lint", "x", "--at", "yesterday"], "RFC 3339"),
        (&["a.example.com", "-q", "-v"], "cannot be used with"),
        (&["--targets", "/nonexistent/list"], "cannot be read"),
        (&["a.example.com", "--concurrency", "0"], "1..=4096"),
        (&["a.example.com", "--shard", "3"], "K/N"),
        (&["a.example.com", "--shard", "4/3"], "1/3 to 3/3"),
        (&["a.example.com", "--resume", "/nonexistent/report.jsonl"], "cannot be read"),
        (&["--zone", "example.com"], "CLOUDFLARE_API_TOKEN"),
        (&["--zone", "example.com", "--cloudflare", "never"], "--cloudflare never"),
        (&["--zone", "https://example.com/"], "host name"),
        (&["a.example.com", "--nonsense"], "--nonsense"),
    ];
    for (arguments, says) in rows {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
        assert_eq!(stdout, "", "{arguments:?}");
        assert!(!stderr.contains("s3cr3t"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn other_alphabets_and_spellings_are_read() {
    let long = format!("a.example.com/{}", "x".repeat(9000));
    for (given, url) in [
        ("b\u{fc}cher.example", "https://xn--bcher-kva.example/"),
        ("B\u{dc}CHER.example/\u{e9}?q=\u{e9}#f", "https://xn--bcher-kva.example/%C3%A9?q=%C3%A9"),
        ("a\u{3002}example\u{ff0e}com", "https://a.example.com/"),
        ("HTTPS://A.Example.COM.:443", "https://a.example.com/"),
        ("http://a.example.com:8080/%zz", "http://a.example.com:8080/%zz"),
        ("_dmarc.example.com", "https://_dmarc.example.com/"),
        (&long, &format!("https://{long}")),
    ] {
        let (code, json, stderr) = run(&["check", given, "--dry-run", "--format", "json"]);
        assert_eq!(code, 0, "{given}: {stderr}");
        let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(plan["targets"][0]["url"], *url, "{given}");
    }
    let label = format!("{}.example.com", "a".repeat(64));
    let name = ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60), "example.com".into()].join(".");
    for (given, says) in [(label, "63 octets"), (name, "more than 253")] {
        let (code, _, stderr) = run(&["check", &given]);
        assert_eq!((code, stderr.contains(says), stderr.lines().count()), (2, true, 1), "{stderr}");
    }
}

#[test]
fn hostile_arguments_are_shown_harmlessly() {
    for arguments in [&["a\x1b[31m.example.com"][..], &["a.example.com", "--region", "\x1b[31m"], &["--\x1b[2J"]] {
        let (code, _, stderr) = run(arguments);
        assert_eq!(code, 2);
        assert!(!stderr.contains('\x1b'), "{stderr:?}");
    }
}

#[test]
fn no_targets() {
    let (code, _, stderr) = run(&[]);
    assert_eq!(code, 4);
    assert!(stderr.contains("no targets"), "{stderr}");
    for stdin in ["", "# nothing here\n\n   \n"] {
        let output = doctor(&["-"]).write_stdin(stdin).output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        assert!(String::from_utf8(output.stderr).unwrap().contains("stdin has none"));
    }
    let output = doctor(&["-"]).write_stdin("a.example.com\nnot a host\n").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("stdin, line 2: "));
    let output = doctor(&["-"]).write_stdin(&b"\xff\xfe\n"[..]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn dry_run_says_the_plan_and_sends_nothing() {
    let arguments = [
        "https://lambda.example.com/x",
        "--origin",
        "d-abc.execute-api.us-west-2.amazonaws.com",
        "-H",
        "Origin: https://app.example.com",
        "-H",
        "Authorization: Bearer s3cr3t",
        "--resolver",
        "127.0.0.1:5353",
        "--dry-run",
    ];
    let (code, human, _) = run(&arguments);
    assert_eq!(code, 0);
    assert!(human.contains("Nothing was looked up"), "{human}");
    let (code, json, _) = run(&[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(code, 0);
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["targets"][0]["url"], "https://lambda.example.com/x");
    assert!(plan["targets"][0]["requests"].as_array().is_some_and(|requests| !requests.is_empty()), "{json}");
    assert!(!json.contains("s3cr3t") && !human.contains("s3cr3t"));
    let mut listing = doctor(&["-", "--dry-run", "--format", "json"]);
    let listed = listing.write_stdin("b.example.com\na.example.com # two\n").output().unwrap().stdout;
    let plan: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(plan["targets"][0]["url"], "https://b.example.com/");
    assert_eq!(plan["targets"][1]["url"], "https://a.example.com/");
}

#[test]
fn a_host_named_like_a_command_is_examined_by_check() {
    let (code, stdout, _) = run(&["check", "demo.example.com", "--dry-run", "--no-config"]);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("https://demo.example.com/\n"), "{stdout}");
    let (code, _, stderr) = run(&["check", "demo"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("no dot"), "{stderr}");
}

#[test]
fn the_manual_commands_produce_output() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, stdout, _) = run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(stdout.contains("cfdoctor") && stdout.contains("assume-origin"), "{shell}");
    }
    let (code, man, _) = run(&["man"]);
    assert_eq!(code, 0);
    for part in [".TH cfdoctor", "\\-\\-assume\\-origin", "COMMAND EXPLAIN", "COMMAND LINT", "Exit codes"] {
        assert!(man.contains(part), "{part}");
    }
    let (code, schema, _) = run(&["schema", "report"]);
    assert_eq!(code, 0);
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(schema["properties"]["targets"].is_object(), "{schema}");
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(help.contains("Exit codes") && help.contains("demo"), "{help}");
}

#[test]
fn explain_lists_the_register() {
    let (code, json, _) = run(&["explain", "--format", "json"]);
    assert_eq!(code, 0);
    let catalogue: serde_json::Value = serde_json::from_str(&json).unwrap();
    let ids: Vec<&str> =
        catalogue["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(ids, cfdoctor_checks::all().map(|check| check.id).collect::<Vec<_>>());
    let (code, human, _) = run(&["explain"]);
    assert_eq!(code, 0);
    for id in ids {
        assert!(human.contains(id), "{id}");
    }
    for check in cfdoctor_checks::all() {
        for format in ["human", "markdown"] {
            let (code, text, _) = run(&["explain", check.id, "--format", format]);
            assert_eq!(code, 0);
            assert!(text.contains(check.title) || text.contains(check.id), "{text}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_cfdoctor"))
        .args(["completions", "bash"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn files_of_a_dry_run_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let file = format!("json={}", path.display());
    let (code, stdout, stderr) = run(&["a.example.com", "--dry-run", "-o", &file]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("lookup"), "{stdout}");
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["targets"][0]["url"], "https://a.example.com/");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no half file is left");
}

#[test]
fn a_private_key_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    write(&path, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IGtleQ==\n-----END PRIVATE KEY-----\n");
    let key = path.to_str().unwrap();
    let (code, _, stderr) = run(&["a.example.com", "--cert", key]);
    assert_eq!(code, 2);
    assert!(stderr.contains("no certificate in it") && !stderr.contains("c2VjcmV0"), "{stderr}");
}

fn write(path: &Path, text: &str) {
    std::fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn why_reads_files_and_tells_the_decision() {
    let dump = "fixtures/dumps/three-layers.http";
    let (code, human, stderr) = run(&["why", "https://lambda.example.com/endpoint", dump]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    assert!(human.starts_with("https://lambda.example.com/endpoint is not served from cache"), "{human}");
    let (code, json, _) = run(&["why", "https://<your domain>/end point", dump, "--format", "json"]);
    assert_eq!(code, 1);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let target = &report["targets"][0];
    assert_eq!((&target["expect"], &target["decision"]["decided_by"]), (&"cached".into(), &"extension".into()));
    assert_eq!(target["url"], "https://your-domain/end%20point");
    let (code, short, _) = run(&["why", "lambda.example.com/endpoint", dump, "--format", "short"]);
    assert_eq!(code, 1);
    assert!(short.contains("cache-not-eligible") && short.contains("[the cause]"), "{short}");
    let (code, _, _) = run(&["why", "lambda.example.com/endpoint", dump, "--expect", "uncached"]);
    assert_eq!(code, 0);
}

#[test]
fn why_over_the_network_is_as_strict_as_check() {
    for (arguments, says) in [
        (&["why"][..], "URL"),
        (&["why", "localhost"], "no dot"),
        (&["why", "https://<domain>/x"], "host"),
        (&["why", "a.example.com", "--at", "2026-11-23T10:00:00Z"], "files"),
        (&["why", "a.example.com", "/nonexistent/dump"], "/nonexistent/dump"),
        (&["why", "a.example.com", "--origin", "localhost"], "--origin"),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
    let (code, plan, _) = run(&["why", "a.example.com/x", "--dry-run"]);
    assert_eq!(code, 0);
    assert!(plan.starts_with("https://a.example.com/x\n"), "{plan}");
}

#[test]
fn the_version_names_the_features() {
    let (code, stdout, _) = run(&["--version"]);
    let feature = if cfg!(feature = "aws") { "(features: aws)" } else { "(built without aws)" };
    assert_eq!((code, stdout.trim_end()), (0, format!("cfdoctor {} {feature}", env!("CARGO_PKG_VERSION")).as_str()));
}
