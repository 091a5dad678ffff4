//! SARIF 2.1.0, as GitHub's code scanning takes it: only findings are results, each with a file and a line
//! (<https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning>).

use std::io::{self, Write};

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::{Confidence, Severity};
use serde_json::{Map, Value, json};
use time::Duration;
use time::format_description::well_known::Rfc3339;

use super::findings::{Found, uri, worst_first};
use super::{Look, json as harmless_json};
use crate::explain::{self, Entry};
use crate::policy;
use crate::report::{ReasonKind, Report, ResultReport, Status, TargetReport};

/// Results of one run: GitHub rejects files with more. It shows the first 5,000, so the worst come first.
const MAX_RESULTS: usize = 25_000;
/// Characters of a message or a description; GitHub cuts descriptions at 1,024.
const MAX_TEXT: usize = 1000;

/// Checks whose failure lets somebody read, alter or reach what he should not. GitHub ranks these by a score, the
/// others by their level.
const SECURITY: &[&str] = &[
    "aws-default-endpoint-open",
    "aws-security-policy-outdated",
    "cache-cors-shared",
    "cache-private-shared",
    "cloudflare-minimum-tls-weak",
    "cloudflare-ssl-mode-weak",
    "edge-http-not-redirected",
    "edge-legacy-tls",
    "origin-bypass-open",
    "origin-certificate-untrusted",
    "origin-certificate-weak",
    "origin-tls-outdated",
];

/// Writes one document with one run.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    let findings = worst_first(report);
    let not_run: Vec<(&TargetReport, &ResultReport)> = report
        .targets
        .iter()
        .flat_map(|target| target.results.iter().map(move |result| (target, result)))
        .filter(|(_, result)| result.status == Status::NotRun)
        .collect();
    let mut rules = Rules::default();
    let results: Vec<Value> = findings.iter().take(MAX_RESULTS).map(|found| result(found, &mut rules)).collect();
    let mut notes: Vec<Value> =
        not_run.iter().map(|(target, result)| notification(target, result, &mut rules)).collect();
    if let Some(more) = findings.len().checked_sub(MAX_RESULTS).filter(|more| *more > 0) {
        let text = format!("{more} more findings are not in this file: code scanning takes {MAX_RESULTS}");
        notes.push(json!({"level": "warning", "message": {"text": text}}));
    }
    for (target, why) in report.targets.iter().filter_map(|target| Some((target, target.inconclusive.as_deref()?))) {
        notes.push(json!({
            "level": "warning",
            "message": {"text": format!("could not be judged: {}", text::shorten(why, MAX_TEXT))},
            "locations": [logical(target)],
        }));
    }
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": text::clean(&report.tool.name),
                "semanticVersion": text::clean(&report.tool.version),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.list,
            }},
            // What stands before the last slash is the category in code scanning.
            "automationDetails": {"id": format!("cfdoctor/{}", text::clean(&report.run.id))},
            "invocations": [invocation(report, notes)],
            "results": results,
        }],
    });
    writeln!(out, "{}", harmless_json::harmless(&serde_json::to_string_pretty(&document)?))
}

fn invocation(report: &Report, notes: Vec<Value>) -> Value {
    let run = &report.run;
    let elapsed = Duration::milliseconds(run.elapsed_ms.try_into().unwrap_or(i64::MAX));
    let end = run.started_at.checked_add(elapsed).unwrap_or(run.started_at);
    let mut invocation = json!({
        "executionSuccessful": !matches!(report.exit_code, policy::INTERRUPTED | policy::INTERNAL),
        "exitCode": report.exit_code,
        "toolExecutionNotifications": notes,
    });
    for (name, time) in [("startTimeUtc", run.started_at), ("endTimeUtc", end)] {
        if let Ok(time) = time.format(&Rfc3339) {
            invocation[name] = time.into();
        }
    }
    invocation
}

fn result(found: &Found<'_>, rules: &mut Rules) -> Value {
    let (target, result) = (found.target, found.result);
    let (path, line) = found.place_or_placeholder();
    let mut message = format!("{}: {}", text::clean(&target.host), found.seen(MAX_TEXT));
    if let Some(fix) = &result.fix {
        message.push_str(&format!("\nFix: {}", text::shorten(&fix.summary, MAX_TEXT)));
    }
    let suppressions: Vec<Value> = result
        .suppressed
        .iter()
        .map(|why| json!({"kind": "external", "status": "accepted", "justification": text::shorten(why, MAX_TEXT)}))
        .collect();
    let identity = found.identity();
    json!({
        "ruleId": text::clean(&result.check),
        "ruleIndex": rules.index(result),
        "kind": "fail",
        "level": if result.status == Status::Fail { "error" } else { "warning" },
        "message": {"text": message},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&path), "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": line},
            },
            "logicalLocations": logical(target)["logicalLocations"],
        }],
        // The first is the one that code scanning compares.
        "partialFingerprints": {
            "primaryLocationLineHash": format!("{identity}:1"),
            "cfdoctor/v1": text::clean(&result.fingerprint),
        },
        "suppressions": suppressions,
        "properties": properties(found),
    })
}

/// What SARIF has no name for.
fn properties(found: &Found<'_>) -> Value {
    let result = found.result;
    json!({
        "url": text::clean(&found.target.url),
        "severity": explain::severity(result.severity),
        "confidence": result.confidence,
        "isCause": found.is_cause(),
        "causedBy": result.caused_by.as_deref().map(text::clean),
        "proof": result.proof.iter().map(|line| text::shorten(line, MAX_TEXT)).collect::<Vec<_>>(),
    })
}

/// The host, for readers that know more than files.
fn logical(target: &TargetReport) -> Value {
    json!({"logicalLocations": [{
        "name": text::clean(&target.host),
        "fullyQualifiedName": text::clean(&target.url),
        "kind": "resource",
    }]})
}

fn notification(target: &TargetReport, result: &ResultReport, rules: &mut Rules) -> Value {
    let (kind, why) = match &result.reason {
        Some(reason) => (Some(reason.kind), text::shorten(&reason.text, MAX_TEXT)),
        None => (None, "not run".to_owned()),
    };
    let level = match kind {
        Some(ReasonKind::Bug) => "error",
        Some(ReasonKind::Inconclusive | ReasonKind::Forbidden) => "warning",
        _ => "note",
    };
    json!({
        "level": level,
        "message": {"text": format!("{}: {why}", text::clean(&result.check))},
        "associatedRule": {"id": text::clean(&result.check), "index": rules.index(result)},
        "locations": [logical(target)],
        "properties": {"reason": kind},
    })
}

/// Every check that is named, once, in the order of its first mention.
#[derive(Default)]
struct Rules {
    list: Vec<Value>,
    known: std::collections::HashMap<String, usize>,
}

impl Rules {
    fn index(&mut self, result: &ResultReport) -> usize {
        if let Some(index) = self.known.get(&*result.check) {
            return *index;
        }
        let index = self.list.len();
        self.known.insert(result.check.to_string(), index);
        self.list.push(rule(result));
        index
    }
}

/// What the catalogue says of a check; a report of another version may name one that it does not know.
fn rule(result: &ResultReport) -> Value {
    let entry = explain::find(&result.check);
    let severity = entry.as_ref().map_or(result.severity, |entry| entry.severity);
    let mut rule = Map::new();
    let mut set = |name: &str, value: Value| rule.insert(name.into(), value);
    set("id", text::clean(&result.check).into());
    set("name", text::shorten(&pascal(&result.check), 250).into());
    set("shortDescription", json!({"text": text::shorten(&result.title, MAX_TEXT)}));
    let why = entry.as_ref().map_or(&*result.title, |entry| &entry.why);
    set("fullDescription", json!({"text": text::shorten(why, MAX_TEXT)}));
    set("help", entry.as_ref().map_or_else(|| json!({"text": text::clean(&result.title)}), help));
    if let Some(docs) = entry.as_ref().and_then(|entry| entry.sources.first()) {
        set("helpUri", docs.as_str().into());
    }
    let is_grave = severity >= Severity::High;
    set("defaultConfiguration", json!({"level": if is_grave { "error" } else { "warning" }}));
    let mut properties = json!({
        "tags": [text::clean(&result.area)],
        "precision": match result.confidence {
            Some(Confidence::Low) => "low",
            Some(Confidence::Medium) => "medium",
            Some(Confidence::High) | None => "high",
        },
        "problem.severity": if is_grave { "error" } else { "warning" },
    });
    if SECURITY.contains(&&*result.check) {
        properties["tags"] = json!([text::clean(&result.area), "security"]);
        properties["security-severity"] = score(severity).into();
    }
    set("properties", properties);
    Value::Object(rule)
}

/// GitHub's bounds: over 9.0 critical, from 7.0 high, from 4.0 medium.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

fn help(entry: &Entry) -> Value {
    let mut plain = entry.why.clone();
    if let Some(fix) = &entry.fix {
        plain.push_str(&format!("\n\n{}", fix.summary));
        for step in &fix.steps {
            plain.push_str(&format!("\n\n{}:\n{}", step.label, step.text));
        }
    }
    let mut markdown = Vec::new();
    // Writing to memory cannot fail.
    let _ = explain::markdown(&[entry], &mut markdown);
    json!({"text": plain, "markdown": String::from_utf8_lossy(&markdown)})
}

/// `edge-origin-error` as `EdgeOriginError`: SARIF wants an identifier.
fn pascal(id: &str) -> String {
    id.split(|c: char| !c.is_alphanumeric())
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing;

    fn document(report: &Report) -> Value {
        let mut out = Vec::new();
        render(report, &Look::plain(80), &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn security_checks_exist() {
        for id in SECURITY {
            assert!(cfdoctor_checks::find(id).is_some(), "{id}");
        }
        assert!(SECURITY.is_sorted(), "in the order of the alphabet");
    }

    #[test]
    fn a_rule_tells_what_the_catalogue_does() {
        let mut report = testing::report_of(&[Status::Fail, Status::NotRun, Status::Pass], false);
        report.targets[0].results[0].check = "edge-legacy-tls".into();
        let document = document(&report);
        let rules = document["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 2, "a pass names no rule");
        assert_eq!(rules[0]["name"], "EdgeLegacyTls");
        assert!(rules[0]["help"]["markdown"].as_str().unwrap().contains("### How to mend it"));
        assert!(rules[0]["properties"]["security-severity"].is_string());
        let note = &document["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
        assert_eq!((&note["level"], &note["associatedRule"]["index"]), (&json!("note"), &json!(1)));
    }

    #[test]
    fn a_finding_has_the_place_that_declares_it() {
        let mut report = testing::report_of(&[Status::Fail], false);
        let place = |document: &Value| document["runs"][0]["results"][0]["locations"][0]["physicalLocation"].clone();
        assert_eq!(place(&document(&report))["artifactLocation"]["uri"], "cfdoctor.toml");
        let declared = |file: &str, line| Some(crate::report::Place { file: file.into(), line });
        report.targets[0].declared_at = declared("infra/my targets.toml", 7);
        let at = place(&document(&report));
        assert_eq!(
            (&at["artifactLocation"]["uri"], &at["region"]["startLine"]),
            (&json!("infra/my%20targets.toml"), &json!(7))
        );
        report.targets[0].results[0].declared_at = declared("plan.json", 0);
        let at = place(&document(&report));
        assert_eq!((&at["artifactLocation"]["uri"], &at["region"]["startLine"]), (&json!("plan.json"), &json!(1)));
    }

    #[test]
    fn what_does_not_count_is_marked() {
        let mut report = testing::report_of(&[Status::Fail, Status::Warn], false);
        report.targets[0].results[0].suppressed = Some("known".into());
        let document = document(&report);
        let results = document["runs"][0]["results"].as_array().unwrap();
        // An empty list says that it was looked at, and nothing suppresses it (SARIF 2.1.0 §3.27.23).
        assert_eq!(results[0]["suppressions"], json!([]));
        assert_eq!(results[1]["suppressions"][0]["justification"], "known");
    }
}
