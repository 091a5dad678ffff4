//! A hostile network, the program in it, and what its report may say.

use std::fs;
use std::process::Stdio;
use std::sync::Mutex;

use serde_json::Value;

use super::world::{HOST, PUBLIC};
use crate::hostile::doctor::{Seat, doctor};

/// Programs of one test at the same time.
const AT_ONCE: usize = 3;

/// One situation.
pub(super) struct Scene {
    pub(super) name: &'static str,
    /// Beside `check URL`.
    pub(super) arguments: Vec<String>,
    /// What the report has to say of the culprit, in the reasons or as a whole.
    pub(super) culprit: &'static [&'static str],
    /// Beginnings of the ids of checks that could not be judged.
    pub(super) unjudged: &'static [&'static str],
    /// The code with which it ends.
    pub(super) code: i32,
}

/// Beginnings of the ids of every check of what a visitor meets.
pub(super) const VISITOR: &[&str] = &["edge-", "cache-", "dns-not-proxied", "dns-name-unresolvable"];

impl Scene {
    /// Nothing of what a visitor meets could be judged.
    pub(super) fn new(name: &'static str, arguments: Vec<String>, culprit: &'static [&'static str]) -> Scene {
        Scene { name, arguments, culprit, unjudged: &["edge-", "cache-"], code: 3 }
    }

    pub(super) fn unjudged(mut self, unjudged: &'static [&'static str]) -> Scene {
        self.unjudged = unjudged;
        self
    }
}

/// How the program ended and what it reported.
pub(super) struct Told {
    pub(super) code: Option<i32>,
    pub(super) target: Value,
    pub(super) stderr: String,
}

/// `check` of the site with limits that a loaded machine keeps; those of `extra` come after them, and count.
pub(super) fn examine(extra: &[String]) -> Told {
    examine_with(extra, &[])
}

/// The same with these variables.
pub(super) fn examine_with(extra: &[String], variables: &[(&str, &str)]) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    fs::write(&roots, PUBLIC.root.pem()).unwrap();
    let mut arguments: Vec<String> = ["check", "--no-config", "--format", "json", "--cacert"].map(Into::into).into();
    arguments.push(roots.display().to_string());
    if !extra.iter().any(|argument| argument.contains("://lambda")) {
        arguments.push(format!("https://{HOST}/x"));
    }
    for (option, value) in [("--connect-timeout", "5s"), ("--timeout", "10s"), ("--deadline", "40s")] {
        if !extra.iter().any(|argument| argument == option) {
            arguments.extend([option.into(), value.into()]);
        }
    }
    arguments.extend(extra.iter().cloned());
    let _seat = Seat::take();
    let output = doctor(&arguments).envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Told { code: output.status.code(), target: report["targets"][0].clone(), stderr }
}

impl Told {
    /// `id: status (what was seen, or the reason)` of each result that `keep` wants, by id and status.
    pub(super) fn results(&self, keep: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let all = self.target["results"].as_array().cloned().unwrap_or_default();
        let word = |result: &Value, key: &str| result[key].as_str().unwrap_or_default().to_owned();
        all.iter()
            .map(|result| (word(result, "check"), word(result, "status"), result))
            .filter(|(id, status, _)| keep(id, status))
            .map(|(id, status, result)| {
                let text = result["seen"].as_str().or(result["reason"]["text"].as_str()).unwrap_or_default();
                format!("{id}: {status} ({text})")
            })
            .collect()
    }

    fn words(&self) -> String {
        let reasons = self.results(|_, status| status == "not-run" || status == "warn");
        format!("{}\n{}", self.target["inconclusive"].as_str().unwrap_or_default(), reasons.join("\n"))
    }

    /// What is wrong with it.
    fn faults(&self, scene: &Scene) -> Vec<String> {
        let mut faults = Vec::new();
        if self.code != Some(scene.code) {
            let why = self.target["inconclusive"].as_str().unwrap_or("no word of it");
            faults.push(format!("code {:?} instead of {} ({why}): {}", self.code, scene.code, self.stderr));
        }
        faults.extend(self.results(|_, status| status == "fail"));
        let is_unjudged = |id: &str| scene.unjudged.iter().any(|begin| id.starts_with(begin));
        faults.extend(self.results(|id, status| is_unjudged(id) && status == "pass"));
        let words = self.words();
        for word in scene.culprit.iter().filter(|word| !words.contains(**word)) {
            faults.push(format!("nobody says {word:?}: {words}"));
        }
        faults
    }
}

/// Every scene goes as it should.
pub(super) fn all_are_told(scenes: Vec<Scene>) {
    let queue = Mutex::new(scenes.into_iter());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(scene) = queue.lock().unwrap().next() else { return };
                    let found = examine(&scene.arguments).faults(&scene);
                    faults.lock().unwrap().extend(found.into_iter().map(|fault| format!("{}: {fault}", scene.name)));
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The site is well: code 0, and neither a failure nor a word of our own side.
pub(super) fn all_is_well(name: &str, arguments: &[String]) {
    let told = examine(arguments);
    let why = || format!("{}\n{}", told.stderr, told.results(|_, status| status != "pass").join("\n"));
    assert_eq!(told.code, Some(0), "{name}: {}", why());
    assert!(told.target["inconclusive"].is_null(), "{name}: {}", told.target["inconclusive"]);
    for id in ["edge-unreachable", "edge-certificate-not-covering", "edge-certificate-expiring", "dns-not-proxied"] {
        assert_eq!(told.results(|check, status| check == id && status == "pass").len(), 1, "{name}: {id}: {}", why());
    }
}
