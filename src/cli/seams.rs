//! What other modules bring to the commands, each behind one call.

use std::any::Any;
use std::path::Path;

use cfdoctor_checks::evidence::{Evidence, Target};

use super::{CommandError, LintInput};
use crate::settings::Settings;

/// Keeps the evidence in a folder.
pub(super) fn record(_evidence: &Evidence, folder: &Path) -> Result<(), CommandError> {
    Err(CommandError::Internal(format!("{}: recording is not part of this build", folder.display())))
}

/// Evidence from files.
pub(super) fn lint(_input: &LintInput) -> Result<Vec<Evidence>, CommandError> {
    Err(CommandError::Internal("reading files is not part of this build".into()))
}

/// A scenario of the demo.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// One line: what is wrong there.
    pub(super) story: &'static str,
}

/// A running world; it stops when dropped.
pub(super) struct RunningWorld {
    pub(super) target: Target,
    pub(super) settings: Settings,
    _world: Box<dyn Any + Send>,
}

/// The scenario that `demo` shows without a name.
pub(super) const TYPICAL: &str = "strict-expired";

/// Every scenario, in the order shown to people.
pub(super) fn scenarios() -> Vec<Scenario> {
    Vec::new()
}

/// Starts the world of a scenario.
pub(super) async fn start(scenario: &Scenario) -> Result<RunningWorld, CommandError> {
    Err(CommandError::Internal(format!("the world of {} is not part of this build", scenario.name)))
}
