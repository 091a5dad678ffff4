//! Two reports side by side: which findings appeared, went away, changed.

use std::collections::{HashMap, HashSet};

use cfdoctor_checks::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Report, ResultReport, SCHEMA_VERSION, Status};
use crate::policy;

/// What changed from one report to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Version of this format, that of the report.
    pub schema_version: u32,
    /// The earlier run.
    pub old: RunReference,
    /// The later run.
    pub new: RunReference,
    /// Findings that were none before.
    pub appeared: Vec<Change>,
    /// Findings that are none any more.
    pub gone: Vec<Change>,
    /// Findings before and now, told otherwise.
    pub changed: Vec<Change>,
    /// Findings that are the same.
    pub unchanged: u32,
    /// URLs that only the earlier run examined.
    pub only_old: Vec<String>,
    /// URLs that only the later run examined.
    pub only_new: Vec<String>,
    /// 1 if something that counts appeared or became worse, else 0.
    pub exit_code: u8,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunReference {
    /// Its id.
    pub id: String,
    /// RFC 3339, UTC.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub started_at: OffsetDateTime,
    /// Version of the program.
    pub version: String,
}

/// One check of one target, before and now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// URL of the target.
    pub url: String,
    /// Id of the check.
    pub check: String,
    /// Before; null when it was not asked.
    pub before: Option<Answer>,
    /// Now; null when it was not asked.
    pub now: Option<Answer>,
}

/// What a check answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The status.
    pub status: Status,
    /// How much a failure hurts.
    pub severity: Severity,
    /// What was seen, or why it was not run.
    pub said: Option<String>,
    /// Id of the result that explains it.
    pub caused_by: Option<String>,
    /// Why it does not count, if so.
    pub suppressed: Option<String>,
}

impl Difference {
    /// From `old` to `new`. Targets are the same if their URLs are.
    pub fn between(old: &Report, new: &Report) -> Self {
        let (before, now) = (answers(old), answers(new));
        let (old_urls, new_urls) = (urls(old), urls(new));
        let mut difference = Difference {
            schema_version: SCHEMA_VERSION,
            old: RunReference::of(old),
            new: RunReference::of(new),
            appeared: Vec::new(),
            gone: Vec::new(),
            changed: Vec::new(),
            unchanged: 0,
            only_old: old_urls.iter().filter(|url| !new_urls.contains(*url)).map(ToString::to_string).collect(),
            only_new: new_urls.iter().filter(|url| !old_urls.contains(*url)).map(ToString::to_string).collect(),
            exit_code: policy::OK,
        };
        for key in keys(new) {
            let change = Change::of(key, before.get(&key), now.get(&key));
            match (change.was_finding(), change.is_finding()) {
                (_, false) => {}
                (false, true) => difference.appeared.push(change),
                (true, true) if change.before == change.now => difference.unchanged += 1,
                (true, true) => difference.changed.push(change),
            }
        }
        for key in keys(old) {
            let change = Change::of(key, before.get(&key), now.get(&key));
            if change.was_finding() && !change.is_finding() {
                difference.gone.push(change);
            }
        }
        if difference.appeared.iter().chain(&difference.changed).any(Change::is_worse) {
            difference.exit_code = policy::FINDINGS;
        }
        difference
    }
}

/// URL and check.
type Key<'a> = (&'a str, &'a str);

/// In the order of the report, each once.
fn keys(report: &Report) -> Vec<Key<'_>> {
    let mut known = HashSet::new();
    let all = report
        .targets
        .iter()
        .flat_map(|target| target.results.iter().map(|result| (target.url.as_str(), &*result.check)));
    all.filter(|key| known.insert(*key)).collect()
}

fn answers(report: &Report) -> HashMap<Key<'_>, &ResultReport> {
    let mut answers = HashMap::new();
    for target in &report.targets {
        for result in &target.results {
            answers.entry((target.url.as_str(), &*result.check)).or_insert(result);
        }
    }
    answers
}

fn urls(report: &Report) -> Vec<&str> {
    let mut known = HashSet::new();
    report.targets.iter().map(|target| target.url.as_str()).filter(|url| known.insert(*url)).collect()
}

impl RunReference {
    fn of(report: &Report) -> Self {
        RunReference {
            id: report.run.id.clone(),
            started_at: report.run.started_at,
            version: report.tool.version.clone(),
        }
    }
}

impl Change {
    fn of((url, check): Key<'_>, before: Option<&&ResultReport>, now: Option<&&ResultReport>) -> Self {
        let answer = |result: &&ResultReport| Answer::of(result);
        Change { url: url.into(), check: check.into(), before: before.map(answer), now: now.map(answer) }
    }

    fn was_finding(&self) -> bool {
        self.before.as_ref().is_some_and(|answer| answer.status.is_finding())
    }

    fn is_finding(&self) -> bool {
        self.now.as_ref().is_some_and(|answer| answer.status.is_finding())
    }

    /// Does it count now, and is its status worse than before?
    pub fn is_worse(&self) -> bool {
        let before = self.before.as_ref().map(|answer| answer.status).filter(|status| status.is_finding());
        self.now.as_ref().is_some_and(|now| {
            now.suppressed.is_none() && now.status.is_finding() && before.is_none_or(|before| now.status > before)
        })
    }
}

impl Answer {
    fn of(result: &ResultReport) -> Self {
        let reason = result.reason.as_ref().map(|reason| reason.text.clone());
        Answer {
            status: result.status,
            severity: result.severity,
            said: result.seen.clone().or(reason),
            caused_by: result.caused_by.clone(),
            suppressed: result.suppressed.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::report_of;
    use super::*;

    fn report(rows: &[(&str, Status, &str)]) -> Report {
        let mut report = report_of(&rows.iter().map(|row| row.1).collect::<Vec<_>>(), false);
        for (result, (check, _, seen)) in report.targets[0].results.iter_mut().zip(rows) {
            result.check = (*check).to_owned().into();
            result.seen = Some((*seen).into());
        }
        report
    }

    fn ids(changes: &[Change]) -> Vec<&str> {
        changes.iter().map(|change| change.check.as_str()).collect()
    }

    #[test]
    fn what_appeared_went_away_and_changed() {
        use Status::{Fail, NotRun, Pass, Warn};
        let old =
            report(&[("a", Fail, "x"), ("b", Warn, "x"), ("c", Fail, "x"), ("d", Pass, "x"), ("e", Fail, "1 day")]);
        let new =
            report(&[("a", Fail, "x"), ("b", Pass, "x"), ("c", NotRun, "x"), ("d", Warn, "x"), ("e", Fail, "2 days")]);
        let difference = Difference::between(&old, &new);
        assert_eq!(ids(&difference.appeared), ["d"]);
        assert_eq!(ids(&difference.gone), ["b", "c"]);
        assert_eq!(ids(&difference.changed), ["e"]);
        assert_eq!((difference.unchanged, difference.exit_code), (1, policy::FINDINGS));
        assert_eq!(difference.gone[1].now.as_ref().unwrap().status, NotRun);
    }

    #[test]
    fn one_only_if_something_that_counts_is_new_or_worse() {
        use Status::{Fail, Warn};
        let code = |old: &Report, new: &Report| Difference::between(old, new).exit_code;
        let warn = report(&[("a", Warn, "x")]);
        let mut fail = report(&[("a", Fail, "x")]);
        assert_eq!((code(&warn, &warn), code(&fail, &warn), code(&warn, &fail)), (0, 0, 1));
        fail.targets[0].results[0].suppressed = Some("known".into());
        assert_eq!(code(&warn, &fail), 0);
    }

    #[test]
    fn targets_of_one_side_are_named() {
        let old = report(&[("a", Status::Fail, "x")]);
        let mut new = old.clone();
        new.targets[0].url = "https://other.example.com/".into();
        let difference = Difference::between(&old, &new);
        assert_eq!(difference.only_old, ["https://lambda.example.com/"]);
        assert_eq!(difference.only_new, ["https://other.example.com/"]);
        assert_eq!((ids(&difference.appeared), ids(&difference.gone)), (vec!["a"], vec!["a"]));
        assert_eq!(difference.gone[0].now, None);
    }
}
