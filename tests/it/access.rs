//! What a missing permission costs, held to the fixtures: a part of the zone taken away changes the answers of the checks
//! that the table names, and of no other.

use std::collections::{BTreeMap, BTreeSet};

use assert_cmd::Command;
use cfdoctor::access::COSTS;
use cfdoctor::probe::cloudflare::{PERMISSIONS, ZONE};
use cfdoctor_checks::evidence::{Evidence, Gathered, Zone};
use serde_json::json;

use crate::fixtures;

/// The evidence with one part of the zone refused.
fn without(evidence: &Evidence, key: &str) -> Option<Evidence> {
    let mut document = evidence.zone.found()?.document().clone();
    let (outer, inner) = key.split_once('.').map_or((key, None), |(outer, inner)| (outer, Some(inner)));
    let taken = match inner {
        Some(inner) => document.get_mut(outer)?.as_object_mut()?.remove(inner),
        None => document.as_object_mut()?.remove(outer),
    };
    taken?;
    let reasons = document.as_object_mut()?.entry("not_read").or_insert_with(|| json!({}));
    reasons[key] = json!({"kind": "forbidden", "permission": "Something Read"});
    let zone = Zone::from_document(document).ok()?;
    Some(Evidence { zone: Gathered::Found(zone), ..evidence.clone() })
}

/// Check → its answer, as far as the judgement goes.
fn answers(evidence: &Evidence) -> BTreeMap<&'static str, String> {
    let word = |answer| match answer {
        Ok(cfdoctor_checks::Verdict::Pass(_)) => "pass".to_owned(),
        Ok(cfdoctor_checks::Verdict::Warn(finding)) => format!("warn {:?}", finding.confidence),
        Ok(cfdoctor_checks::Verdict::Fail(finding)) => format!("fail {:?}", finding.confidence),
        Err(why) => cfdoctor_checks::NotRun::kind(&why).to_owned(),
    };
    cfdoctor_checks::all().map(|check| (check.id, word(check.run(evidence)))).collect()
}

#[test]
fn the_table_of_costs_is_what_the_fixtures_show() {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for fixture in fixtures::all().iter().filter(|fixture| fixture.evidence.zone.found().is_some()) {
        let whole = answers(&fixture.evidence);
        for row in std::iter::once(&ZONE).chain(PERMISSIONS) {
            let Some(less) = without(&fixture.evidence, row.key) else { continue };
            let less = answers(&less);
            let changed = whole.iter().filter(|(check, answer)| less.get(*check) != Some(*answer));
            found.entry(row.key).or_default().extend(changed.map(|(check, _)| *check));
        }
    }
    found.retain(|_, checks| !checks.is_empty());
    let table: BTreeMap<&str, BTreeSet<&str>> =
        COSTS.iter().map(|(key, checks)| (*key, checks.iter().copied().collect())).collect();
    let shown: Vec<String> = found.iter().map(|(key, checks)| format!("    ({key:?}, &{checks:?}),")).collect();
    // `{a, b}` of a set has to become `[a, b]` there.
    assert_eq!(table, found, "the table should be\n{}", shown.join("\n"));
}

/// `cfdoctor access` with a token of no value and these arguments, against a port where nobody listens.
fn access(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfdoctor"));
    command.env("CLOUDFLARE_API_TOKEN", "Abcdefghij_klmnopqrst-uvwxyzABCDEFGHIJKL");
    command.env("CLOUDFLARE_BASE_URL", "http://127.0.0.1:2").env_remove("CFDOCTOR_CONFIG");
    let output = command.arg("access").args(arguments).args(["--aws", "never"]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn access_reads_the_configuration_and_reaches_the_apis_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cfdoctor.toml");
    std::fs::write(&file, "cloudflare = \"never\"\n").unwrap();
    let file = file.to_str().unwrap();
    let (code, text) = access(&["--config", file]);
    assert!(code == Some(0) && text.contains("switched off (--cloudflare never)"), "{text}");
    let (_, text) = access(&["--config", file, "--cloudflare", "auto", "--proxy", "http://me:s3cr3t@127.0.0.1:1"]);
    assert!(text.contains("cannot be reached") && !text.contains("s3cr3t"), "{text}");
    for (arguments, told) in [
        (["--no-config", "--cacert", "absent.pem"], "--cacert absent.pem: cannot be read"),
        (["--no-config", "--proxy", "ftp://x"], "--proxy: use http://"),
    ] {
        let (code, text) = access(&arguments);
        assert!(code == Some(2) && text.contains(told), "{arguments:?}: {text}");
    }
}
