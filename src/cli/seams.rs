//! What other modules bring to the commands, each behind one call.

use std::any::Any;

use cfdoctor_checks::evidence::Target;

use super::CommandError;
use crate::settings::Settings;

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
