//! `cfdoctor.toml`: found, read, laid under the command line, applied to results, shown; and `--wait`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use cfdoctor::render::Format;
use clap::ValueEnum;
use serde_json::Value;

struct Ran {
    code: i32,
    out: String,
    told: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.told))
    }
}

fn doctor(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    let ours = |name: &str| ["CLOUDFLARE_", "AWS_", "CFDOCTOR_"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    for name in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command.env("LANG", "C.UTF-8").env("COLUMNS", "120").current_dir(folder).args(arguments);
    command.timeout(Duration::from_secs(60));
    command
}

fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap(), out: text(stdout), told: text(stderr) }
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    ran(&mut doctor(folder, arguments))
}

/// A folder with this configuration.
fn with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cfdoctor.toml"), text).unwrap();
    folder
}

fn result<'a>(report: &'a Value, check: &str) -> &'a Value {
    let mut results = report["targets"][0]["results"].as_array().unwrap().iter();
    results.find(|result| result["check"] == check).unwrap_or_else(|| panic!("no result of {check}"))
}

#[test]
fn bad_configurations_are_said_with_line_and_column() {
    for (text, place, says) in [
        ("fial-on = \"warn\"\n", "1:1", "did you mean fail-on?"),
        ("# x\nsamples = \"three\"\n", "2:11", "invalid type: string \"three\", expected u32"),
        ("samples = 99\n", "1:11", "99 is not from 1 to 8"),
        ("[[target]]\nurl = \"lambda.example.com\"\norigins = \"x\"\n", "3:1", "did you mean origin?"),
        ("[[target]]\nurl = \"https://user:s3cr3t@a.example.com\"\n", "2:7", "Authorization"),
        ("[[target]]\norigin = \"o.example.com\"\n", "1:", "url"),
        ("[[target]]\nurl = \"a.example.com\"\n[[target]]\nurl = \"https://A.example.com/\"\n", "4:7", "twice"),
        ("[[ignore]]\ncheck = \"edge-legacy-tsl\"\nbecause = \"x\"\n", "2:9", "did you mean edge-legacy-tls?"),
        ("[[ignore]]\ncheck = \"edge-legacy-tls\"\n", "1:", "because"),
        ("[[ignore]]\ncheck = \"edge-legacy-tls\"\nbecause = \"\"\n", "3:11", "reason"),
        ("[[ignore]]\ncheck = \"edge-legacy-tls\"\nbecause = \"x\"\nuntil = 2027-02-31\n", "4:", ""),
        ("[[ignore]]\ncheck = \"edge-legacy-tls\"\nbecause = \"x\"\nuntil = \"soon\"\n", "4:9", "2027-01-31"),
        ("[severity]\nedge-legcy-tls = \"low\"\n", "2:1", "did you mean edge-legacy-tls?"),
        ("[severity]\nedge-legacy-tls = \"hihg\"\n", "2:19", "did you mean high?"),
        ("[[assert]]\nname = \"x\"\n", "1:1", "nothing is asserted"),
        ("[[assert]]\nstatus = [200, 999]\n", "2:10", "100 to 599"),
        ("[[assert]]\nheader = { name = \"a\", matches = \"(\" }\n", "2:34", "regular expression"),
        ("[[assert]]\nttl-at-least = \"1w\"\n", "2:16", "30d"),
        ("only = [\"dns\", \"egde\"]\n", "1:16", "did you mean edge?"),
        ("timeout = \"5\"\n", "1:11", "unit"),
        ("resolver = \"dns.example.com\"\n", "1:12", "tls://HOST"),
        ("fail-on = \"warn\n", "1:", ""),
        ("proxy = \"http://user:s3cr3t@p.example.com:80\"\n", "1:9", "--proxy"),
        ("header = [\"Accept: text/html\", \"Authorization: Bearer s3cr3t\"]\n", "1:32", "type -H"),
        ("header = [\"X-Api-Key: s3cr3t\"]\n", "1:11", "secret"),
        ("header = [\"s3cr3t\"]\n", "1:11", "colon"),
        ("key = \"client.key\"\n", "1:1", "cert"),
        ("zone-json = [\"absent.json\"]\n", "1:14", "absent.json cannot be read"),
        ("\nbaseline = \"absent.json\"\n", "2:12", "absent.json cannot be read"),
        ("cacert = \"roots.pem\"\n", "1:10", "sequence"),
    ] {
        let folder = with(text);
        for command in [&["check", "a.example.com"][..], &["lint", "x"], &["demo"], &["config", "show"]] {
            let Ran { code, out, told } = run(folder.path(), command);
            assert_eq!((code, out.as_str()), (2, ""), "{text:?}: {told}");
            assert!(
                told.starts_with(&format!("error: cfdoctor.toml:{place}")) && told.contains(says),
                "{text:?}: {told}"
            );
            assert!(!told.contains("s3cr3t"), "{told}");
        }
        let plan = run(folder.path(), &["check", "a.example.com", "--dry-run", "--no-config"]);
        assert_eq!(plan.code, 0, "--no-config: {}", plan.told);
    }
}

#[test]
fn a_named_file_must_be_there() {
    let folder = with("");
    let Ran { code, told, .. } = run(folder.path(), &["a.example.com", "--config", "absent.toml", "--dry-run"]);
    assert_eq!((code, told.contains("absent.toml: cannot be read")), (2, true), "{told}");
    let Ran { code, told, .. } =
        ran(doctor(folder.path(), &["a.example.com", "--dry-run"]).env("CFDOCTOR_CONFIG", "absent.toml"));
    assert_eq!((code, told.contains("CFDOCTOR_CONFIG: absent.toml")), (2, true), "{told}");
    let both = run(folder.path(), &["a.example.com", "--config", "x", "--no-config"]);
    assert_eq!((both.code, both.told.contains("cannot be used with")), (2, true), "{}", both.told);
}

const TWO: &str = "\
region = \"us-west-2\"
[[target]]
url = \"https://lambda.example.com/endpoint\"
origin = \"d-abc123.execute-api.us-west-2.amazonaws.com\"
method = \"HEAD\"
[[target]]
url = \"other.example.com\"
";

#[test]
fn targets_of_the_file_are_examined_and_typed_ones_get_its_options() {
    let folder = with(TWO);
    let plan = |arguments: &[&str]| {
        let ran = run(folder.path(), &[arguments, &["--dry-run", "--format", "json"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.told);
        ran.json()["targets"].as_array().unwrap().clone()
    };
    let said = |target: &Value, what: &str| target["requests"].to_string().contains(what);
    let both = plan(&[]);
    assert_eq!(both.len(), 2);
    assert_eq!(both[0]["url"], "https://lambda.example.com/endpoint");
    assert!(said(&both[0], "d-abc123") && said(&both[0], "HEAD https") && !said(&both[1], "HEAD https"));
    let typed = plan(&["lambda.example.com/endpoint"]);
    assert!(typed.len() == 1 && said(&typed[0], "d-abc123") && said(&typed[0], "HEAD https"));
    let stronger = plan(&["lambda.example.com/endpoint", "--origin", "o.example.net", "-X", "GET"]);
    assert!(
        said(&stronger[0], "o.example.net") && !said(&stronger[0], "d-abc123") && !said(&stronger[0], "HEAD https")
    );
    let another = plan(&["lambda.example.com/"]);
    assert!(!said(&another[0], "d-abc123"), "another URL is not the one in the file");
    assert_eq!(run(folder.path(), &["--no-config"]).code, 4);
}

#[test]
fn it_is_found_from_a_folder_of_the_repository() {
    let folder = with(TWO);
    let deep = folder.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    let arguments = ["--dry-run", "--format", "json"];
    assert_eq!(run(&deep, &arguments).code, 4, "outside of a repository only this folder counts");
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    assert_eq!(run(&deep, &arguments).json()["targets"].as_array().unwrap().len(), 2);
    std::fs::write(folder.path().join("cfdoctor.toml"), "samples = 0\n").unwrap();
    let told = run(&deep, &arguments).told;
    assert!(told.starts_with("error: ../../cfdoctor.toml:1:11: samples: 0 is not from 1 to 8"), "{told}");
}

#[test]
fn what_is_ignored_is_seen_and_does_not_count() {
    let folder = with(
        "[[ignore]]\ncheck = \"origin-certificate-expired\"\nbecause = \"known to the team\"\nuntil = 2999-12-31\n",
    );
    // The cause is known, what it causes is not: it is still the cause.
    let one = run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "--format", "json"]);
    let report = one.json();
    assert_eq!((one.code, &report["exit_code"]), (1, &1.into()));
    let target = &report["targets"][0];
    assert_eq!(
        (&target["verdict"], &target["diagnosis"]["cause"]),
        (&"fail".into(), &"origin-certificate-expired".into())
    );
    let ignored = result(&report, "origin-certificate-expired");
    assert_eq!(
        (&ignored["status"], &ignored["suppressed"]),
        (&"fail".into(), &"ignored: known to the team (until 2999-12-31)".into())
    );
    assert_eq!((&report["summary"]["suppressed"], &report["summary"]["fail"]), (&1.into(), &1.into()));

    let text = "[[ignore]]\ncheck = \"*-origin-error\"\ntarget = \"*.example.com\"\nbecause = \"the same\"\n";
    let file = folder.path().join("cfdoctor.toml");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + text).unwrap();
    let all = run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "--format", "json"]);
    let report = all.json();
    assert_eq!(all.code, 0, "{}", all.out);
    assert_eq!((&report["targets"][0]["verdict"], &report["targets"][0]["diagnosis"]), (&"pass".into(), &Value::Null));
    assert_eq!((&report["summary"]["suppressed"], &report["summary"]["fail"]), (&2.into(), &0.into()));
    let area = |id: &str| {
        let areas = report["targets"][0]["areas"].as_array().unwrap();
        areas.iter().find(|area| area["id"] == id).unwrap()["status"].clone()
    };
    assert_eq!((area("origin"), area("edge")), ("pass".into(), "pass".into()));
    let human = run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare"]).out;
    assert!(human.contains("does not count: ignored: known to the team"), "{human}");
    assert!(human.contains("2 do not count"), "{human}");
    let quiet = run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "-q"]).out;
    assert!(!quiet.contains("origin-certificate-expired"), "{quiet}");
    assert_eq!(
        run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "--no-config", "--format", "short"]).code,
        1
    );
}

#[test]
fn a_warning_can_be_made_a_failure_and_a_failure_a_warning() {
    let folder = with("[severity]\norigin-certificate-expired = \"warn\"\nedge-origin-error = \"warn\"\n");
    let ran = run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "--format", "json"]);
    let report = ran.json();
    assert_eq!((ran.code, &report["targets"][0]["verdict"]), (0, &"warn".into()));
    assert_eq!(report["targets"][0]["diagnosis"]["cause"], "origin-certificate-expired");
    std::fs::write(
        folder.path().join("cfdoctor.toml"),
        "fail-on = \"never\"\n[severity]\norigin-certificate-expired = \"low\"\n",
    )
    .unwrap();
    let ran = run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "--format", "json"]);
    let report = ran.json();
    assert_eq!((ran.code, &report["fail_on"]), (0, &"never".into()));
    let result = result(&report, "origin-certificate-expired");
    assert_eq!((&result["status"], &result["severity"]), (&"fail".into(), &"low".into()));
    let typed =
        run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "--fail-on", "fail", "--format", "short"]);
    assert_eq!(typed.code, 1, "what is typed wins");

    let warned = run(folder.path(), &["demo", "three-layers", "--format", "json", "--no-config"]).json();
    let results = warned["targets"][0]["results"].as_array().unwrap();
    let warning = results.iter().find(|result| result["status"] == "warn").unwrap()["check"].as_str().unwrap();
    std::fs::write(folder.path().join("cfdoctor.toml"), format!("[severity]\n{warning} = \"fail\"\n")).unwrap();
    let raised = run(folder.path(), &["demo", "three-layers", "--format", "json"]);
    assert_eq!((raised.code, &self::result(&raised.json(), warning)["status"]), (1, &"fail".into()));
}

const ASSERTS: &str = "\
[[assert]]
name = \"Answers well\"
status = [200, 304]
header = { name = \"Cache-Control\", matches = \"s-maxage=\\\\d+\" }
cache-status = \"HIT\"
ttl-at-least = \"1m\"
certificate-days-at-least = 1
region = \"us-west-2\"
[[assert]]
name = \"No trace of the framework\"
header = { name = \"x-powered-by\", present = false }
[[assert]]
name = \"Kept for a year\"
ttl-at-least = \"365d\"
[[assert]]
name = \"Elsewhere\"
target = \"other.example.com\"
status = 500
";

#[test]
fn the_owners_conditions_are_reported_like_checks() {
    let folder = with(ASSERTS);
    let names: Vec<String> = Format::value_variants()
        .iter()
        .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
        .collect();
    let files: Vec<String> = names.iter().map(|name| format!("{name}=out.{name}")).collect();
    let mut arguments = vec!["demo", "healthy", "--format", "json"];
    arguments.extend(files.iter().flat_map(|file| ["-o", file.as_str()]));
    let ran = run(folder.path(), &arguments);
    assert_eq!(ran.code, 1, "{}", ran.told);
    let report = ran.json();
    let well = result(&report, "assert-answers-well");
    assert_eq!((&well["status"], &well["area"]), (&"pass".into(), &"assert".into()), "{well}");
    assert_eq!(result(&report, "assert-no-trace-of-the-framework")["status"], "pass");
    let kept = result(&report, "assert-kept-for-a-year");
    assert_eq!((&kept["status"], &kept["title"]), (&"fail".into(), &"Kept for a year".into()));
    assert!(kept["seen"].as_str().unwrap().contains("31536000 s wanted"), "{kept}");
    assert_eq!(kept["declared_at"], serde_json::json!({"file": "cfdoctor.toml", "line": 12}));
    assert!(!ran.out.contains("assert-elsewhere"), "it is about another target");
    let target = &report["targets"][0];
    assert_eq!((&target["verdict"], &target["diagnosis"]["cause"]), (&"fail".into(), &"assert-kept-for-a-year".into()));
    for name in &names {
        let text = std::fs::read_to_string(folder.path().join(format!("out.{name}"))).unwrap();
        assert!(text.contains("assert-kept-for-a-year"), "{name}: {text}");
    }
    let human = std::fs::read_to_string(folder.path().join("out.human")).unwrap();
    assert!(!human.contains("cfdoctor explain assert-"), "there is nothing to explain: {human}");
}

#[test]
fn an_own_condition_is_the_cause_only_where_nothing_else_is_wrong() {
    let folder = with(ASSERTS);
    let report = run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "--format", "json"]).json();
    assert_eq!(result(&report, "assert-answers-well")["status"], "fail");
    assert_eq!(report["targets"][0]["diagnosis"]["cause"], "origin-certificate-expired");
    let ran = run(folder.path(), &["demo", "expired", "--only", "assert-no-*", "--format", "json"]);
    let results = ran.json()["targets"][0]["results"].as_array().unwrap().len();
    assert_eq!((ran.code, results), (0, 1), "{}", ran.out);
    let skipped = run(folder.path(), &["demo", "healthy", "--skip", "assert", "--format", "short"]);
    assert_eq!((skipped.code, skipped.out.contains("assert-")), (0, false));
}

#[test]
fn ignores_that_serve_no_more_are_reported() {
    let folder = with("");
    let recorded = run(folder.path(), &["demo", "healthy", "--record", "visit", "--format", "short"]);
    assert_eq!(recorded.code, 0, "{}", recorded.told);
    let url = "https://lambda.example.com/endpoint";
    std::fs::write(
        folder.path().join("cfdoctor.toml"),
        format!(
            "[[target]]\nurl = \"{url}\"\n[[ignore]]\ncheck = \"edge-legacy-tls\"\nbecause = \"old clients\"\n\
             [[ignore]]\ncheck = \"dns\"\ntarget = \"elsewhere.example.com\"\nbecause = \"not examined here\"\n"
        ),
    )
    .unwrap();
    let ran = run(folder.path(), &["lint", "visit", "--format", "json"]);
    let report = ran.json();
    let notice = "cfdoctor.toml:4: the ignore of edge-legacy-tls matches nothing any more; take it out";
    assert_eq!(report["run"]["notices"], serde_json::json!([notice]));
    assert_eq!((ran.code, ran.told.trim()), (0, format!("cfdoctor: {notice}").as_str()));
    assert_eq!(report["targets"][0]["declared_at"], serde_json::json!({"file": "cfdoctor.toml", "line": 2}));
    let human = run(folder.path(), &["lint", "visit"]);
    assert!(human.out.contains(&format!("Note: {notice}")) && human.told.is_empty(), "{}{}", human.out, human.told);

    let recorded =
        run(folder.path(), &["demo", "expired", "--skip", "aws,cloudflare", "--record", "broken", "--format", "short"]);
    assert_eq!(recorded.code, 1);
    std::fs::write(
        folder.path().join("cfdoctor.toml"),
        "[[ignore]]\ncheck = \"*\"\nbecause = \"until the move\"\nuntil = 2020-01-31\n",
    )
    .unwrap();
    let ran = run(folder.path(), &["lint", "broken", "--format", "json"]);
    let said = ran.json()["run"]["notices"][0].as_str().unwrap().to_owned();
    assert_eq!(ran.code, 1, "it has expired: {}", ran.out);
    assert!(said.contains("ended on 2020-01-31"), "{said}");
    let then = run(folder.path(), &["lint", "broken", "--at", "2020-01-31T23:00:00Z", "--format", "json"]);
    assert_eq!((then.code, &then.json()["run"]["notices"]), (0, &serde_json::json!([])), "its last day");
}

#[test]
fn config_show_names_the_origin_of_every_value() {
    let folder = with(&format!("samples = 5\nskip = [\"aws\"]\n{TWO}{ASSERTS}"));
    let mut command = doctor(
        folder.path(),
        &[
            "config",
            "show",
            "--format",
            "json",
            "--timeout",
            "9s",
            "--proxy",
            "http://u:s3cr3t@p.example.com:80",
            "-H",
            "Authorization: s3cr3t",
            "--method",
            "GET",
        ],
    );
    let ran = ran(command.env("CLOUDFLARE_API_TOKEN", "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3").env("NO_COLOR", "1"));
    assert_eq!(ran.code, 0, "{}", ran.told);
    assert!(!ran.out.contains("s3cr3t"), "{}", ran.out);
    let shown = ran.json();
    let value = |key: &str| {
        let all = shown["values"].as_array().unwrap();
        let entry = all.iter().find(|entry| entry["key"] == key).unwrap_or_else(|| panic!("{key}: {}", ran.out));
        (entry["value"].clone(), entry["origin"].clone())
    };
    let file = |line: u32| serde_json::json!({"kind": "file", "file": "cfdoctor.toml", "line": line});
    let default = serde_json::json!({"kind": "default"});
    assert_eq!(shown["file"], "cfdoctor.toml");
    assert_eq!(value("samples"), (5.into(), file(1)));
    assert_eq!(value("skip"), (serde_json::json!(["aws"]), file(2)));
    assert_eq!(value("region"), ("us-west-2".into(), file(3)));
    assert_eq!(value("timeout"), ("9s".into(), serde_json::json!({"kind": "flag", "flag": "--timeout"})));
    assert_eq!(value("deadline"), ("45s".into(), default.clone()));
    assert_eq!(value("fail-on"), ("fail".into(), default.clone()));
    assert_eq!(value("ipv4"), (false.into(), default.clone()));
    assert_eq!(value("inconclusive"), (Value::Null, default.clone()));
    assert_eq!(value("header").0, serde_json::json!(["Authorization: (redacted)"]));
    let variable = serde_json::json!({"kind": "environment", "variable": "CLOUDFLARE_API_TOKEN"});
    assert_eq!(value("CLOUDFLARE_API_TOKEN"), ("(redacted)".into(), variable));
    let target = shown["targets"][0].as_array().unwrap();
    let of = |key: &str| target.iter().find(|entry| entry["key"] == key).unwrap()["origin"].clone();
    assert_eq!((of("url"), of("origin"), of("region"), of("expect")), (file(5), file(6), file(3), default));
    assert_eq!(of("method")["flag"], "--method");
    assert_eq!(shown["assert"][0]["what"], "assert-answers-well: Answers well");

    let human = run(folder.path(), &["config", "show"]).out;
    for line in ["# configuration: cfdoctor.toml", "samples = 5", "# cfdoctor.toml:1", "# default", "[[target]]"] {
        assert!(human.contains(line), "{line}: {human}");
    }
    assert!(toml::from_str::<toml::Table>(&human).is_ok(), "what is shown can be pasted: {human}");
    let named = ran_with_variable(folder.path());
    assert_eq!(named["origin"]["variable"], "CFDOCTOR_CONFIG");
}

#[test]
fn files_are_named_as_seen_from_the_configuration() {
    let folder = with("");
    let root = folder.path();
    std::fs::create_dir_all(root.join("infra/data")).unwrap();
    std::fs::create_dir(root.join(".git")).unwrap();
    let config = "zone-json = [\"data/zone.json\"]\naws-json = [\"data/account.json\"]\nbaseline = \"data/old.json\"\n\
                  header = [\"Accept: text/html\"]\nproxy = \"http://p.example.com:3128\"\n";
    std::fs::write(root.join("infra/cfdoctor.toml"), config).unwrap();
    std::fs::remove_file(root.join("cfdoctor.toml")).unwrap();
    std::fs::write(root.join("infra/data/zone.json"), r#"{"zone": {"name": "example.com", "status": "pending"}}"#)
        .unwrap();
    std::fs::write(root.join("infra/data/account.json"), r#"{"domains": []}"#).unwrap();
    let demo = run(root, &["demo", "expired", "--no-config", "-o", "json=infra/data/old.json", "--format", "short"]);
    assert_eq!(demo.code, 1, "{}", demo.told);
    for (here, name) in [("infra", "cfdoctor.toml"), ("infra/data", "../cfdoctor.toml"), (".", "infra/cfdoctor.toml")] {
        let shown = run(&root.join(here), &["config", "show", "--format", "json", "--config", name]);
        assert_eq!(shown.code, 0, "{here}: {}", shown.told);
        for (key, value) in
            [("zone-json", "data/zone.json"), ("proxy", "http://p.example.com:3128"), ("header", "Accept")]
        {
            let all = shown.json();
            let entry = all["values"].as_array().unwrap().iter().find(|entry| entry["key"] == key).unwrap().clone();
            assert!(entry["value"].to_string().contains(value) && entry["origin"]["kind"] == "file", "{here}: {entry}");
        }
    }
    // They are read, not only shown: what is wrong in one of them stops the visit.
    std::fs::write(root.join("infra/data/zone.json"), "{").unwrap();
    let broken = run(root, &["a.example.com", "--dry-run", "--config", "infra/cfdoctor.toml"]);
    assert!(broken.code == 2 && broken.told.contains("infra/data/zone.json"), "{}", broken.told);
    let typed = run(root, &["a.example.com", "--dry-run", "--config", "infra/cfdoctor.toml", "--zone-json", "x.json"]);
    assert!(typed.code == 2 && typed.told.contains("--zone-json x.json"), "what is typed wins: {}", typed.told);
}

fn ran_with_variable(folder: &Path) -> Value {
    let mut command = doctor(folder, &["config", "show", "--format", "json"]);
    let shown = ran(command.env("CFDOCTOR_CONFIG", "cfdoctor.toml")).json();
    shown["values"].as_array().unwrap().iter().find(|entry| entry["key"] == "config").unwrap().clone()
}

#[test]
fn the_readmes_example_is_valid_and_the_schema_says_so() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    cfdoctor::config::parse("cfdoctor.toml", example).unwrap();
    let schema = run(Path::new("."), &["schema", "config"]).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let as_json = |text: &str| {
        // A date is text in JSON.
        let quoted = text.replace("until = 2027-01-31", "until = \"2027-01-31\"");
        serde_json::to_value(toml::from_str::<toml::Table>(&quoted).unwrap()).unwrap()
    };
    for text in [example, TWO, ASSERTS] {
        let errors: Vec<String> = validator.iter_errors(&as_json(text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    for bad in ["fial-on = \"warn\"", "samples = 99", "[[ignore]]\ncheck = \"dns\"", "[[assert]]\nstatus = \"x\""] {
        assert!(!validator.is_valid(&as_json(bad)), "{bad}");
    }
}

/// A server whose first answers are 503, then 200; its port.
fn recovering(failures: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut answered = 0;
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let counts = request.starts_with("GET /x ");
            let status = if counts && answered < failures { "503 Service Unavailable" } else { "200 OK" };
            answered += usize::from(counts);
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        }
    });
    port
}

#[test]
fn wait_repeats_until_nothing_fails() {
    let folder = with("[[assert]]\nname = \"up\"\nstatus = 200\n");
    let visit = |port: u16, wait: &str| {
        let (url, pin) = (format!("http://a.example.com:{port}/x"), format!("*:{port}:127.0.0.1"));
        let arguments =
            [&url, "--resolve", &pin, "--only", "assert", "--samples", "1", "--wait", wait, "--format", "json"];
        let began = Instant::now();
        (run(folder.path(), &arguments), began.elapsed())
    };
    let (ran, took) = visit(recovering(1), "1m");
    let report = ran.json();
    assert_eq!((ran.code, &report["run"]["attempts"]), (0, &2.into()), "{}", ran.out);
    assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(30), "{took:?}");
    assert!(report["run"]["requests_sent"].as_u64() > report["targets"][0]["requests_sent"].as_u64());
    assert_eq!(result(&report, "assert-up")["status"], "pass");
    let (ran, took) = visit(recovering(usize::MAX), "3s");
    assert_eq!((ran.code, &ran.json()["run"]["attempts"]), (1, &1.into()), "too soon for another");
    assert!(took < Duration::from_secs(30), "{took:?}");
    let (ran, _) = visit(recovering(0), "1m");
    assert_eq!((ran.code, &ran.json()["run"]["attempts"]), (0, &1.into()));
    let plan = run(folder.path(), &["a.example.com", "--wait", "2m", "--dry-run"]).out;
    assert!(plan.contains("for at most 120 s"), "{plan}");
}

#[test]
fn what_is_ignored_gives_way_to_the_next_cause() {
    let folder = with("");
    let diagnosis = |report: &Value| report["targets"][0]["diagnosis"].clone();
    let before = diagnosis(&run(folder.path(), &["demo", "three-layers", "--format", "json"]).json());
    let cause = before["cause"].as_str().unwrap().to_owned();
    let text = format!("[[ignore]]\ncheck = \"{cause}\"\nbecause = \"later\"\n");
    std::fs::write(folder.path().join("cfdoctor.toml"), text).unwrap();
    let report = run(folder.path(), &["demo", "three-layers", "--format", "json"]).json();
    let after = diagnosis(&report);
    assert_ne!(after["cause"], before["cause"]);
    let next = result(&report, after["cause"].as_str().unwrap());
    assert_eq!((&next["suppressed"], next["status"] == "pass"), (&Value::Null, false));
    assert!(!after["then"].as_array().unwrap().contains(&cause.into()), "{after}");
}

fn fixture_evidence(name: &str) -> cfdoctor_checks::evidence::Evidence {
    crate::fixtures::all().iter().find(|fixture| fixture.name == name).unwrap().evidence.clone()
}

/// Status and sentence of one assertion on a fixture.
fn asserted(fixture: &str, text: &str) -> (String, String) {
    let evidence = fixture_evidence(fixture);
    let loaded = cfdoctor::config::parse("cfdoctor.toml", &format!("[[assert]]\nname = \"x\"\n{text}\n")).unwrap();
    let report = loaded.examine(&evidence, &[], None);
    let result = report.result("assert-x").unwrap();
    let said = result.seen.clone().or(result.reason.as_ref().map(|reason| reason.text.clone())).unwrap();
    (result.status.word().to_owned(), said)
}

#[test]
fn each_condition_holds_breaks_and_cannot_be_told() {
    for (fixture, text, status, says) in [
        ("healthy", "status = 200", "pass", "the status is 200"),
        ("healthy", "status = [301, 404]", "fail", "the status is 200 (301 or 404 wanted)"),
        ("healthy", "status = 404\nlevel = \"warn\"", "warn", "404 wanted"),
        ("healthy", "at = \"origin\"\nstatus = 403", "pass", "the status is 403"),
        ("healthy", "header = { name = \"Cache-Control\" }", "pass", "cache-control: "),
        ("healthy", "header = { name = \"cache-control\", matches = \"^no-store$\" }", "fail", "/^no-store$/ wanted"),
        ("healthy", "header = { name = \"cache-control\", present = false }", "fail", "is there"),
        ("healthy", "header = { name = \"x-nothing\" }", "fail", "there is no header x-nothing"),
        ("healthy", "header = { name = \"x-nothing\", present = false }", "pass", "there is no header x-nothing"),
        ("healthy", "ttl-at-least = 60", "pass", "60 s wanted"),
        ("healthy", "ttl-at-least = \"365d\"", "fail", "31536000 s wanted"),
        ("healthy", "certificate-days-at-least = 1", "pass", "the certificate lasts"),
        ("healthy", "certificate-days-at-least = 9999", "fail", "9999 wanted"),
        ("healthy", "issuer = \"nobody\"", "fail", "issued by"),
        ("healthy", "region = \"us-west-2\"", "pass", "us-west-2"),
        ("healthy", "region = \"eu-central-1\"", "fail", "eu-central-1 wanted"),
        ("healthy", "cache-status = [\"hit\", \"STALE\"]", "pass", "HIT"),
        ("healthy", "cache-status = \"BYPASS\"", "fail", "BYPASS wanted"),
        ("healthy", "status = 200\ncache-status = \"BYPASS\"", "fail", "cf-cache-status"),
        ("certificate-expired", "at = \"origin\"\ncertificate-days-at-least = 1", "fail", "-"),
    ] {
        let (found, said) = asserted(fixture, text);
        assert_eq!(found, status, "{fixture}: {text}: {said}");
        assert!(said.contains(says), "{fixture}: {text}: {said}");
    }
}

#[test]
fn an_own_condition_that_the_visit_could_not_judge_is_no_good_news() {
    let mut evidence = fixture_evidence("healthy");
    let loaded = cfdoctor::config::parse("cfdoctor.toml", "[[assert]]\nname = \"x\"\nstatus = 200\n").unwrap();
    let checks: Vec<_> = cfdoctor_checks::all().collect();
    evidence.edge.http =
        cfdoctor_checks::evidence::Gathered::Missing(cfdoctor_checks::NotRun::inconclusive("our network"));
    let report = loaded.examine(&evidence, &checks, None);
    assert!(report.inconclusive.unwrap().contains("our network"));
    // Not looked at on purpose: files tell what they tell.
    evidence = evidence.without(cfdoctor_checks::Probe::EdgeHttp);
    let report = loaded.examine(&evidence, &checks, None);
    assert_eq!((report.result("assert-x").unwrap().status.word(), report.inconclusive), ("not-run", None));
}
