//! Reports made earlier: read back, and held against a new one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cfdoctor_checks::evidence::redact;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Report, Run, SCHEMA_VERSION, Status, Summary, TargetReport, Tool};
use crate::policy::FailOn;
use crate::render::jsonl::Line;

/// Octets of a report file: some thousand targets, all of them broken.
const MAX_OCTETS: u64 = 256 * 1024 * 1024;
/// Where reports come from, for those that gave something else.
const REMEDY: &str = "make one with -o json=FILE or -o jsonl=FILE";

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

/// The only field that every version has, and what tells a line from a whole report.
#[derive(Deserialize)]
struct Version {
    schema_version: u64,
    #[serde(default)]
    target: Option<IgnoredAny>,
    #[serde(default)]
    sums: Option<IgnoredAny>,
}

impl Version {
    fn is_known(&self) -> Result<(), EarlierError> {
        match self.schema_version > u64::from(SCHEMA_VERSION) {
            true => Err(EarlierError::Newer { found: self.schema_version }),
            false => Ok(()),
        }
    }
}

impl Report {
    /// Reads what the format `json` wrote, or `jsonl`: there the files of several runs may stand one after another, and
    /// the later line on a target counts.
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
        let first = text.split(|octet| *octet == b'\n').find(|line| !line.trim_ascii().is_empty());
        let first: Option<Version> = first.and_then(|line| serde_json::from_slice(line).ok());
        if first.is_some_and(|first| first.target.is_some() || first.sums.is_some()) {
            return lines(text);
        }
        parse::<Version>(text)?.is_known()?;
        parse(text)
    }
}

/// The report that lines make up.
fn lines(text: &[u8]) -> Result<Report, EarlierError> {
    let mut targets: Vec<Option<TargetReport>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut last: Option<(Tool, Run, u8, bool)> = None;
    for (line, number) in text.split(|octet| *octet == b'\n').zip(1_usize..) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let at = |error| match error {
            EarlierError::NotJson { column, .. } => EarlierError::NotJson { line: number, column },
            other => other,
        };
        parse::<Version>(line).map_err(at)?.is_known()?;
        let Line { tool, run, exit_code, target, sums, .. } = parse(line).map_err(at)?;
        if let Some(target) = target {
            let before = places.insert(target.url.clone(), targets.len());
            if let Some(slot) = before.and_then(|place| targets.get_mut(place)) {
                *slot = None;
            }
            targets.push(Some(target.into_owned()));
        }
        // The sums of a run tell more of it than its other lines.
        if sums.is_some() || last.as_ref().is_none_or(|(.., is_whole)| !is_whole) {
            last = Some((tool.into_owned(), run.into_owned(), exit_code, sums.is_some()));
        }
    }
    let targets: Vec<TargetReport> = targets.into_iter().flatten().collect();
    let (tool, run, exit_code, _) = last.ok_or(EarlierError::NotJson { line: 1, column: 0 })?;
    let summary = Summary::of(targets.iter().flat_map(|target| &target.results));
    let fail_on = FailOn::default();
    Ok(Report { schema_version: SCHEMA_VERSION, tool, run, targets, summary, fail_on, exit_code })
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
    fn lines_make_up_a_report() {
        let of = |url: &str, status| {
            let mut one = report(&[("a", status)]);
            one.targets[0].url = url.into();
            let mut out = Vec::new();
            crate::render::jsonl::lines(&one, &Policy::default(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        // Two shards, and one of them once more.
        let text = [of("x", Status::Fail), of("y", Status::Pass), "\n".into(), of("x", Status::Warn)].concat();
        let read = Report::read(file(&text).path()).unwrap();
        let told: Vec<_> = read.targets.iter().map(|target| (target.url.as_str(), target.results[0].status)).collect();
        assert_eq!(told, [("y", Status::Pass), ("x", Status::Warn)]);
        assert_eq!((read.summary.pass, read.summary.warn, read.summary.fail, read.exit_code), (1, 1, 0, 0));
        let cut = text.lines().next().unwrap().len() + 20;
        let error = Report::read(file(&text[..cut]).path()).unwrap_err().to_string();
        assert!(error.contains("line 2, column"), "{error}");
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
