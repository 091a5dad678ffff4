//! JSON Lines: a line for each target as soon as it is done, then one with the sums. The files of several runs (the
//! shards of one list) can be laid one after another: each line says what it belongs to.

use std::borrow::Cow;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Look;
use super::json::harmless;
use crate::policy::{self, Policy};
use crate::report::{Report, Run, SCHEMA_VERSION, Summary, TargetReport, Tool, Verdicts};

/// Octets that the line of one target takes, where not much is wrong.
const USUAL: usize = 64 * 1024;

/// A line of `jsonl`: of one target, or, as the last one of a run, of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line<'a> {
    /// Version of this format, that of the report.
    pub schema_version: u32,
    /// Who made the report.
    pub tool: Cow<'a, Tool>,
    /// The run: in the line of a target as far as it had come, in the last line whole. Its id is the same in all lines.
    pub run: Cow<'a, Run>,
    /// In the line of a target, the exit code of a run on this target alone; in the last line that of the run.
    pub exit_code: u8,
    /// The target; absent in the last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Cow<'a, TargetReport>>,
    /// The sums; in the last line only. Those of several runs can be added up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sums: Option<Sums>,
}

/// What all targets of a run add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sums {
    /// Targets by verdict.
    pub targets: Verdicts,
    /// Results counted.
    pub results: Summary,
}

/// Writes a line for each target, and the last one.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    lines(report, &Policy { fail_on: report.fail_on, inconclusive: None }, out)
}

/// The same, where the whole policy is known.
///
/// # Errors
/// The writer's own.
pub fn lines(report: &Report, policy: &Policy, out: &mut impl Write) -> io::Result<()> {
    let mut sums = Sums { targets: Verdicts::default(), results: report.summary };
    for one in &report.targets {
        target(&report.tool, &report.run, one, policy, out)?;
        sums.targets.add(one.verdict);
    }
    last(&report.tool, &report.run, sums, report.exit_code, out)
}

/// Writes the line of a target.
///
/// # Errors
/// The writer's own.
pub fn target(tool: &Tool, run: &Run, one: &TargetReport, policy: &Policy, out: &mut impl Write) -> io::Result<()> {
    let mut sum = policy::Sum::default();
    sum.add(one, policy);
    let line = Line {
        schema_version: SCHEMA_VERSION,
        tool: Cow::Borrowed(tool),
        run: Cow::Borrowed(run),
        exit_code: sum.exit_code(policy),
        target: Some(Cow::Borrowed(one)),
        sums: None,
    };
    write(&line, out)
}

/// A line that was read, without what moves a cursor or hides text, should somebody have put it in.
pub(crate) fn harmless_line(line: &str) -> String {
    harmless(line.trim_end()).into_owned()
}

/// Writes the last line.
///
/// # Errors
/// The writer's own.
pub fn last(tool: &Tool, run: &Run, sums: Sums, exit_code: u8, out: &mut impl Write) -> io::Result<()> {
    let line = Line {
        schema_version: SCHEMA_VERSION,
        tool: Cow::Borrowed(tool),
        run: Cow::Borrowed(run),
        exit_code,
        target: None,
        sums: Some(sums),
    };
    write(&line, out)
}

fn write(line: &Line<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut json = Growing(Vec::with_capacity(USUAL));
    serde_json::to_writer(&mut json, line)?;
    let json = str::from_utf8(&json.0).map_err(io::Error::other)?;
    writeln!(out, "{}", harmless(json))
}

/// Octets as they come. A line is written in ten thousand pieces, most of them a comma or a quotation mark: in a program
/// that is compiled for its size the call for each takes longer than the piece itself.
struct Growing(Vec<u8>);

impl Write for Growing {
    #[inline(always)]
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.write_all(octets)?;
        Ok(octets.len())
    }

    #[inline(always)]
    fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        match *octets {
            [octet] => self.0.push(octet),
            _ => self.0.extend_from_slice(octets),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Status, testing};

    #[test]
    fn each_line_can_be_read_and_the_last_has_the_sums() {
        let mut report = testing::report_of(&[Status::Pass, Status::Warn], false);
        report.targets.push(testing::report_of(&[Status::Fail], false).targets.remove(0));
        let report = Report::new(report.run, report.targets, &Policy::default());
        let mut out = Vec::new();
        render(&report, &Look::plain(80), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Line<'_>> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let codes: Vec<u8> = lines.iter().map(|line| line.exit_code).collect();
        assert_eq!(codes, [0, 1, 1]);
        let targets: Vec<&TargetReport> = lines.iter().filter_map(|line| line.target.as_deref()).collect();
        assert_eq!(targets, report.targets.iter().collect::<Vec<_>>());
        let sums = lines.last().unwrap().sums.unwrap();
        assert_eq!((sums.targets.pass, sums.results), (2, report.summary));
        assert!(lines.iter().rev().skip(1).all(|line| line.sums.is_none()));
    }
}
