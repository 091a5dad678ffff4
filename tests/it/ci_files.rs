//! What CI systems read: well formed, and with no command that the program does not know.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use saphyr_parser::{Event, Parser};

/// Every file, and how many commands of ours are in it.
const FILES: &[(&str, usize)] = &[
    ("action.yml", 3),
    ("ci/example-github.yml", 0),
    ("ci/gitlab.yml", 2),
    ("ci/example-gitlab.yml", 0),
    (".pre-commit-hooks.yaml", 3),
    ("ci/example-pre-commit.yaml", 0),
    ("Dockerfile", 0),
];

/// What the variables of the files stand for in this test.
const VARIABLES: &[(&str, &str)] = &[
    ("\"${files[@]}\"", "plan.json"),
    ("\"${targets[@]}\"", "lambda.example.com"),
    ("\"${more[@]}\"", "--baseline old.json"),
    ("\"sarif=$SARIF\"", "sarif=out.sarif"),
    ("\"json=$REPORT\"", "json=out.json"),
    ("\"$EXPECT\"", "any"),
    ("\"$FAIL_ON\"", "fail"),
    ("$CFDOCTOR_FILES", "plan.json"),
    ("$CFDOCTOR_TARGETS", "lambda.example.com"),
    ("\"$CFDOCTOR_FAIL_ON\"", "fail"),
];

/// The commands in a file, as words.
fn commands(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("- ").trim_start_matches("entry: ");
        line.starts_with("cfdoctor ").then(|| line.to_owned())
    });
    lines
        .map(|mut line| {
            for (variable, value) in VARIABLES {
                line = line.replace(variable, value);
            }
            assert!(!line.contains('$') && !line.contains('"'), "{line}");
            line.split_whitespace().skip(1).map(str::to_owned).collect()
        })
        .collect()
}

#[test]
fn files_are_well_formed_and_their_commands_known() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy("tests/example-repository/good/plan.json", folder.path().join("plan.json")).unwrap();
    let run = |arguments: &[String]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
        command.current_dir(folder.path()).env_remove("GITHUB_STEP_SUMMARY").args(arguments).output().unwrap()
    };
    run(&["lint", "plan.json", "-o", "json=old.json"].map(str::to_owned));
    for (file, count) in FILES {
        let text = fs::read_to_string(file).unwrap();
        if !file.ends_with("Dockerfile") {
            for event in Parser::new_from_str(&text) {
                event.unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
        let found = commands(&text);
        assert_eq!(found.len(), *count, "{file}: {found:?}");
        for mut words in found {
            // A hook gets its files from pre-commit.
            if *file == ".pre-commit-hooks.yaml" {
                words.push("plan.json".into());
            }
            let shown = words.join(" ");
            // Everything before --help is parsed; nothing is looked up.
            let output = run(&[words.clone(), vec!["--help".into()]].concat());
            assert!(output.status.success(), "{file}: {shown}: {}", String::from_utf8_lossy(&output.stderr));
            if words[0] == "lint" && !shown.contains("--kind template") && !shown.contains("--kind pem") {
                let output = run(&words);
                assert!(output.status.success(), "{file}: {shown}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
}

#[test]
fn the_action_hands_inputs_to_the_shell_as_variables_only() {
    let text = fs::read_to_string("action.yml").unwrap();
    let mut is_run = false;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with("run: |") {
            is_run = true;
        } else if indent <= 6 && !line.trim().is_empty() {
            is_run = false;
        }
        assert!(!is_run || !line.contains("${{"), "an input is pasted into a script: {line}");
    }
    // Every input that is used is declared, and every one that is declared is used.
    let used: std::collections::BTreeSet<&str> = text
        .split("inputs.")
        .skip(1)
        .map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '-')).next().unwrap())
        .collect();
    let inputs = text.split("\ninputs:\n").nth(1).unwrap().split("\noutputs:\n").next().unwrap();
    let declared: std::collections::BTreeSet<&str> = inputs
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.trim().trim_end_matches(':'))
        .collect();
    assert_eq!(used, declared);
}

#[test]
fn examples_use_what_there_is() {
    let read = |path: &str| fs::read_to_string(path).unwrap();
    let scalars = |text: &str| -> Vec<String> {
        let events = Parser::new_from_str(text).map(|event| event.unwrap().0);
        events
            .filter_map(|event| if let Event::Scalar(value, ..) = event { Some(value.into_owned()) } else { None })
            .collect()
    };
    let hooks = scalars(&read(".pre-commit-hooks.yaml"));
    for hook in scalars(&read("ci/example-pre-commit.yaml")).iter().filter(|value| value.starts_with("cfdoctor-")) {
        assert!(hooks.contains(hook), "{hook}");
    }
    let template = scalars(&read("ci/gitlab.yml"));
    for job in scalars(&read("ci/example-gitlab.yml"))
        .iter()
        .filter(|value| value.starts_with(".cfdoctor") || value.starts_with("CFDOCTOR_"))
    {
        assert!(template.contains(job), "{job}");
    }
    let docker = read("Dockerfile");
    assert!(docker.contains("\nFROM scratch\n") && docker.contains("USER 65534"));
    assert!(docker.contains("release/build") && read("release/build").contains("cargo build --locked"));
    assert!(Path::new("Cargo.lock").is_file(), "--locked needs it");
}
