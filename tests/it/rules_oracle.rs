//! The parser of rule expressions against Cloudflare's own, on every expression of `fixtures/rules`.
//!
//! Cloudflare's parser comes with a Python wheel, octorules-wirefilter; it parses and type-checks, and does not evaluate.
//! `CFDOCTOR_RULES_ORACLE` names a Python that has it (tests/run sees to that). Where the two are known to differ, the
//! table says so, and `fixtures/rules/README.md` says why.

use std::io::Write;
use std::process::{Command, Stdio};

use cfdoctor_checks::model::rules::{parse, parse_value};
use serde_json::Value;

/// An expression as Cloudflare's parser takes it, ours, whether ours takes it, and the known difference.
struct Case {
    asked: String,
    written: String,
    read: bool,
    differs: Option<String>,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir("fixtures/rules").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let table: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            cases.extend(table.iter().filter_map(case));
        }
    }
    cases
}

fn case(case: &Value) -> Option<Case> {
    let differs = case["oracle"].as_str().map(str::to_owned);
    if let Some(written) = case["expression"].as_str() {
        let written = written.to_owned();
        return Some(Case { asked: written.clone(), read: parse(&written).is_ok(), written, differs });
    }
    // It reads conditions only; a call can be made one.
    let written = case["value"].as_str()?.to_owned();
    let called = written.ends_with(')') && !written.starts_with('(');
    called.then(|| Case { asked: format!("{written} eq \"\""), read: parse_value(&written).is_ok(), written, differs })
}

#[test]
fn cloudflares_parser_agrees() {
    let Some(python) = std::env::var_os("CFDOCTOR_RULES_ORACLE") else {
        eprintln!("left out: CFDOCTOR_RULES_ORACLE names no Python with octorules-wirefilter (tests/run gets one)");
        return;
    };
    let cases = cases();
    let asked: Vec<&str> = cases.iter().map(|case| case.asked.as_str()).collect();
    let mut child = Command::new(python)
        .arg("tests/it/rules_oracle.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("CFDOCTOR_RULES_ORACLE can be started");
    let mut input = child.stdin.take().unwrap();
    let question = serde_json::to_vec(&asked).unwrap();
    let writer = std::thread::spawn(move || input.write_all(&question));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the oracle failed: {}", output.status);
    let verdicts: Vec<Option<String>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdicts.len(), cases.len());

    let mut wrong = Vec::new();
    for (case, error) in cases.iter().zip(&verdicts) {
        let agree = error.is_none() == case.read;
        match (&case.differs, agree) {
            (None, false) => wrong.push(format!("{}\n  ours: {}, Cloudflare's: {error:?}", case.written, case.read)),
            (Some(why), true) => wrong.push(format!("{}\n  no longer a difference: {why}", case.written)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let known = cases.iter().filter(|case| case.differs.is_some()).count();
    eprintln!("{} expressions; {known} known differences", cases.len());
}
