//! What reddens a build: from a report to an exit code (`product.md` section 3).

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Report, ResultReport, Status, TargetReport, TargetVerdict};

/// Evaluated; nothing at or above `--fail-on`.
pub const OK: u8 = 0;
/// Evaluated; something at or above `--fail-on`.
pub const FINDINGS: u8 = 1;
/// Usage or configuration error; nothing was probed.
pub const USAGE: u8 = 2;
/// Something that matters could not be judged.
pub const INCONCLUSIVE: u8 = 3;
/// No targets.
pub const NO_TARGETS: u8 = 4;
/// Internal error.
pub const INTERNAL: u8 = 101;
/// Interrupted; the partial report was written.
pub const INTERRUPTED: u8 = 130;

/// What reddens the build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The least status that does.
    pub fail_on: FailOn,
    /// What stands in for "inconclusive"; `None`: exit code 3.
    pub inconclusive: Option<InconclusiveAs>,
}

/// `--fail-on`, inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// Warnings and failures.
    Warn,
    /// Failures.
    #[default]
    Fail,
    /// Nothing.
    Never,
}

/// `--inconclusive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InconclusiveAs {
    /// As if it had passed.
    Pass,
    /// As a warning.
    Warn,
    /// As a failure.
    Fail,
}

impl FailOn {
    /// Is this status at or above the line?
    pub fn reached_by(self, status: Status) -> bool {
        match self {
            FailOn::Warn => matches!(status, Status::Warn | Status::Fail),
            FailOn::Fail => status == Status::Fail,
            FailOn::Never => false,
        }
    }
}

/// What targets add up to, one after another. Suppressed findings do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many there were.
    pub targets: u64,
    has_findings: bool,
    is_inconclusive: bool,
}

impl Sum {
    /// One more.
    pub fn add(&mut self, target: &TargetReport, policy: &Policy) {
        let counts = |result: &ResultReport| !result.is_suppressed() && policy.fail_on.reached_by(result.status);
        self.targets += 1;
        self.has_findings |= target.results.iter().any(counts);
        self.is_inconclusive |= target.verdict == TargetVerdict::Inconclusive || target.inconclusive.is_some();
    }

    /// The exit code of a run that was not interrupted.
    pub fn exit_code(&self, policy: &Policy) -> u8 {
        match (self.targets, self.has_findings, self.is_inconclusive) {
            (0, ..) => NO_TARGETS,
            (_, true, _) => FINDINGS,
            (_, _, false) => OK,
            _ => match policy.inconclusive {
                None => INCONCLUSIVE,
                Some(InconclusiveAs::Pass) => OK,
                Some(InconclusiveAs::Warn) if policy.fail_on.reached_by(Status::Warn) => FINDINGS,
                Some(InconclusiveAs::Warn) => OK,
                Some(InconclusiveAs::Fail) => FINDINGS,
            },
        }
    }
}

/// The exit code of a report.
pub fn exit_code(report: &Report, policy: &Policy) -> u8 {
    if report.run.interrupted {
        return INTERRUPTED;
    }
    let mut sum = Sum::default();
    report.targets.iter().for_each(|target| sum.add(target, policy));
    sum.exit_code(policy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing;

    /// Statuses of one target's results, `inconclusive`, policy, code.
    type Row = (&'static [Status], bool, FailOn, Option<InconclusiveAs>, u8);

    #[test]
    fn the_table_of_exit_codes() {
        use FailOn::{Fail, Never, Warn};
        use InconclusiveAs as As;
        const P: Status = Status::Pass;
        const W: Status = Status::Warn;
        const F: Status = Status::Fail;
        let rows: &[Row] = &[
            (&[P], false, Fail, None, 0),
            (&[P, W], false, Fail, None, 0),
            (&[P, W], false, Warn, None, 1),
            (&[P, F], false, Fail, None, 1),
            (&[P, F], false, Warn, None, 1),
            (&[P, W, F], false, Never, None, 0),
            (&[P, Status::NotRun], false, Warn, None, 0),
            (&[P], true, Fail, None, 3),
            (&[P, W], true, Fail, None, 3),
            (&[P, W], true, Warn, None, 1),
            (&[P, F], true, Fail, None, 1),
            (&[P, F], true, Never, None, 3),
            (&[P], true, Fail, Some(As::Pass), 0),
            (&[P], true, Fail, Some(As::Warn), 0),
            (&[P], true, Warn, Some(As::Warn), 1),
            (&[P], true, Never, Some(As::Warn), 0),
            (&[P], true, Fail, Some(As::Fail), 1),
            (&[P], true, Never, Some(As::Fail), 1),
            (&[P, F], true, Fail, Some(As::Pass), 1),
            (&[P], false, Fail, Some(As::Fail), 0),
        ];
        for (number, (statuses, inconclusive, fail_on, as_what, code)) in rows.iter().enumerate() {
            let report = testing::report_of(statuses, *inconclusive);
            let policy = Policy { fail_on: *fail_on, inconclusive: *as_what };
            assert_eq!(exit_code(&report, &policy), *code, "row {number}");
        }
    }

    #[test]
    fn no_targets_and_interruption() {
        let mut report = testing::report_of(&[Status::Fail], false);
        report.run.interrupted = true;
        assert_eq!(exit_code(&report, &Policy::default()), INTERRUPTED);
        report.run.interrupted = false;
        report.targets.clear();
        assert_eq!(exit_code(&report, &Policy::default()), NO_TARGETS);
    }

    #[test]
    fn a_suppressed_failure_does_not_count() {
        let mut report = testing::report_of(&[Status::Fail], false);
        report.targets[0].results[0].suppressed = Some("known".into());
        assert_eq!(exit_code(&report, &Policy::default()), OK);
    }
}
