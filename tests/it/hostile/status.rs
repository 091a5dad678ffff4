//! The right status: what did not answer is never judged as if it had.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::doctor::Told;

/// What is wrong with the statuses, by what the recording holds.
pub(super) fn faults(told: &Told, folder: &Path) -> Vec<String> {
    let read = |part: &str| -> Value {
        let text = fs::read(folder.join(part).with_extension("json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    };
    let (edge, origin) = (read("edge"), read("origin"));
    // Beginning of the ids, the statuses that may not be there, and why not.
    let mut forbidden: Vec<(&str, &[&str], &str)> = Vec::new();
    if !has_head(&edge) {
        forbidden.push(("cache-", &["pass", "fail"], "the edge never answered"));
        forbidden.push(("edge-differs-from-origin", &["pass", "fail", "warn"], "the edge never answered"));
    }
    if has_no_chain(&edge) {
        forbidden.push(("edge-certificate-", &["pass"], "the edge sent no certificate"));
    }
    if !is_completed(&edge) {
        forbidden.push(("edge-unreachable", &["pass"], "there was no handshake"));
    }
    if edge["tls"]["found"]["address"].is_null() {
        forbidden.push(("edge-", &["pass"], "the host has no address"));
    }
    if !has_head(&origin) {
        forbidden.push(("edge-differs-from-origin", &["pass", "fail", "warn"], "the origin never answered"));
        forbidden.push(("origin-bypass-open", &["fail", "warn"], "the origin never answered"));
    }
    if has_no_chain(&origin) {
        forbidden.push(("origin-certificate-", &["pass"], "the origin sent no certificate"));
        forbidden.push(("origin-chain-incomplete", &["pass"], "the origin sent no certificate"));
    }
    // A closed door is no fault as long as the edge has answers.
    if !is_completed(&origin) && !has_head(&edge) {
        forbidden.push(("origin-handshake-failing", &["pass"], "there was no handshake with the origin"));
    }
    let wrong = |id: &str, status: &str| {
        let rule = forbidden.iter().find(|(begin, statuses, _)| id.starts_with(begin) && statuses.contains(&status));
        rule.map(|(.., why)| format!("{id} is {status}, and {why}"))
    };
    told.results().filter_map(|(id, status, _)| wrong(id, status)).collect()
}

/// Did any request for the target's URL bring an answer that did not break off?
pub(super) fn answered(vantage: &Value) -> bool {
    answers(vantage).any(|answer| answer["body"]["end"]["broken"].is_null())
}

/// Did any bring the head of an answer?
fn has_head(vantage: &Value) -> bool {
    answers(vantage).next().is_some()
}

fn answers(vantage: &Value) -> impl Iterator<Item = &Value> {
    let samples = vantage["http"]["found"]["samples"].as_array().into_iter().flatten();
    samples.map(|sample| &sample["outcome"]["answered"]).filter(|answer| answer.is_object())
}

fn has_no_chain(vantage: &Value) -> bool {
    vantage["tls"]["found"]["chain"].as_array().is_none_or(Vec::is_empty)
}

fn is_completed(vantage: &Value) -> bool {
    vantage["tls"]["found"]["outcome"] == "completed"
}

/// Which of these checks does not speak, and which check of this area fails beside them?
pub(super) fn spoken(told: &Told, area: &str, speaks: &[&str]) -> Vec<String> {
    let is_finding = |status: &str| matches!(status, "fail" | "warn");
    let silent =
        speaks.iter().filter(|wanted| !told.results().any(|(id, status, _)| id == **wanted && is_finding(status)));
    let silent = silent.map(|id| {
        let status = told.results().find(|(known, ..)| known == id);
        format!("{id} does not speak: {status:?}")
    });
    let others =
        told.results().filter(|(id, status, _)| id.starts_with(area) && *status == "fail" && !speaks.contains(id));
    silent.chain(others.map(|(id, ..)| format!("{id} fails"))).collect()
}
