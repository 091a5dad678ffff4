//! Reports made earlier: read back, and held against a new one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cfdoctor_checks::evidence::redact;
use serde::Deserialize;

use super::{Report, SCHEMA_VERSION, Status, TargetReport};

/// Octets of a report file: some thousand targets, all of them broken.
const MAX_OCTETS: u64 = 256 * 1024 * 1024;
/// Where reports come from, for those that gave something else.
const REMEDY: &str = "make one with -o json=FILE";

/// Why a file cannot be used as a report; each names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum EarlierError {
    /// The system's reason.
    #[error("cannot be read ({0})")]
    Io(#[from] io::Error),
    /// Larger than any report.
    #[error("it is larger than 256 MiB; {REMEDY}")]
    TooLarge,
    /// Not JSON, or cut short.
    #[error("line {line}, column {column}: this is not whole JSON; {REMEDY}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON, but not this.
    #[error("this is no report of cfdoctor ({why}); {REMEDY}")]
    NotReport {
        /// What does not fit.
        why: String,
    },
    /// Made by a program that knows more.
    #[error(
        "its schema version is {found}, and this cfdoctor ({version}) reads up to {SCHEMA_VERSION}; update cfdoctor, or \
         make the file again with this one",
        version = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The version found.
        found: u64,
    },
}

/// The only field that every version has.
#[derive(Deserialize)]
struct Version {
    schema_version: u64,
}

impl Report {
    /// Reads what the format `json` wrote.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(path: &Path) -> Result<Self, EarlierError> {
        let mut text = Vec::new();
        File::open(path)?.take(MAX_OCTETS + 1).read_to_end(&mut text)?;
        if text.len() as u64 > MAX_OCTETS {
            return Err(EarlierError::TooLarge);
        }
        Report::parse(&text)
    }

    /// The same of what was read already.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, EarlierError> {
        let version: Version = parse(text)?;
        if version.schema_version > u64::from(SCHEMA_VERSION) {
            return Err(EarlierError::Newer { found: version.schema_version });
        }
        parse(text)
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, EarlierError> {
    serde_json::from_slice(text).map_err(|error| {
        if error.is_data() {
            EarlierError::NotReport { why: redact::reason(&error) }
        } else {
            EarlierError::NotJson { line: error.line(), column: error.column() }
        }
    })
}

/// What an earlier report knew.
pub struct Known {
    /// The worst status of each fingerprint.
    worst: HashMap<String, Status>,
    why: String,
}

impl Known {
    /// The findings of this report.
    pub fn of(earlier: &Report) -> Self {
        let mut worst: HashMap<String, Status> = HashMap::new();
        for result in earlier.targets.iter().flat_map(|target| &target.results) {
            if result.status.is_finding() {
                let known = worst.entry(result.fingerprint.clone()).or_insert(result.status);
                *known = result.status.max(*known);
            }
        }
        Known { worst, why: format!("in the baseline of {}", earlier.run.started_at.date()) }
    }

    /// Marks what was known: only new findings count, and those that are worse now.
    pub fn mark(&self, target: &mut TargetReport) {
        for result in &mut target.results {
            let is_known = self.worst.get(&result.fingerprint).is_some_and(|then| result.status <= *then);
            if result.status.is_finding() && is_known && result.suppressed.is_none() {
                result.suppressed = Some(self.why.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::report_of;
    use super::*;
    use crate::policy::{self, Policy};

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn report(rows: &[(&str, Status)]) -> Report {
        let mut report = report_of(&rows.iter().map(|row| row.1).collect::<Vec<_>>(), false);
        for (result, (fingerprint, _)) in report.targets[0].results.iter_mut().zip(rows) {
            result.fingerprint = (*fingerprint).into();
        }
        report
    }

    #[test]
    fn a_report_is_read_back() {
        let report = report(&[("a", Status::Fail)]);
        let kept = file(&serde_json::to_string(&report).unwrap());
        assert_eq!(Report::read(kept.path()).unwrap(), report);
    }

    #[test]
    fn what_cannot_be_used_says_why_and_what_to_do() {
        let whole = serde_json::to_string(&report(&[("a", Status::Fail)])).unwrap();
        let newer = whole.replacen("\"schema_version\":1", "\"schema_version\":2", 1).replace("\"run\"", "\"visit\"");
        for (text, parts) in [
            (newer.as_str(), ["schema version is 2", "update cfdoctor"]),
            (&whole[..whole.len() / 2], ["line 1, column", "-o json=FILE"]),
            ("", ["line 1, column 0", "-o json=FILE"]),
            ("{\"schema_version\": 1}", ["no report of cfdoctor (missing field `tool`", "-o json=FILE"]),
            ("{\"a\": 1}", ["missing field `schema_version`", "-o json=FILE"]),
            ("[]", ["no report", "-o json=FILE"]),
            ("<html>", ["line 1, column 1", "not whole JSON"]),
        ] {
            let error = Report::read(file(text).path()).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
        assert!(Report::read(Path::new("/nonexistent/x")).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn only_what_is_new_or_worse_counts() {
        let earlier = report(&[("a", Status::Fail), ("b", Status::Warn), ("c", Status::Pass), ("d", Status::Fail)]);
        let now = |rows: &[(&str, Status)]| {
            let mut now = report(rows);
            now.targets.iter_mut().for_each(|target| Known::of(&earlier).mark(target));
            let marked = now.targets[0].results.iter().map(|result| result.suppressed.is_some()).collect::<Vec<_>>();
            (marked, policy::exit_code(&now, &Policy::default()))
        };
        assert_eq!(now(&[("a", Status::Fail), ("b", Status::Warn)]), (vec![true, true], policy::OK));
        assert_eq!(now(&[("a", Status::Warn), ("d", Status::Pass)]), (vec![true, false], policy::OK));
        assert_eq!(now(&[("b", Status::Fail)]), (vec![false], policy::FINDINGS), "it was a warning");
        assert_eq!(now(&[("c", Status::Fail)]), (vec![false], policy::FINDINGS), "it was well");
        assert_eq!(now(&[("e", Status::Fail)]), (vec![false], policy::FINDINGS), "nobody knew it");
        let mut ignored = report(&[("a", Status::Fail)]);
        ignored.targets[0].results[0].suppressed = Some("accepted by the owner".into());
        Known::of(&earlier).mark(&mut ignored.targets[0]);
        assert_eq!(ignored.targets[0].results[0].suppressed.as_deref(), Some("accepted by the owner"));
    }
}
