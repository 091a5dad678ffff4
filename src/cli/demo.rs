//! `cfdoctor demo`: the doctor over real sockets in a small world on loopback.

use super::args::DemoArgs;
use super::roster::Roster;
use super::setup::{Setup, Typed};
use super::stage::{Page, Stage};
use super::visit::{self, Tour};
use super::{CommandError, select, suggest, to_stdout};
use crate::demo::{self, SCENARIOS, Scenario, Sight, World};

/// Runs the command.
pub(super) fn run(mut arguments: DemoArgs, typed: Typed) -> Result<u8, CommandError> {
    if arguments.list {
        let width = SCENARIOS.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
        let line = |scenario: &Scenario| format!("{:width$}  {}\n", scenario.name, scenario.line);
        to_stdout(SCENARIOS.iter().map(line).collect::<String>().as_bytes())?;
        return Ok(crate::policy::OK);
    }
    let scenario = find(arguments.scenario.as_deref().unwrap_or(demo::TYPICAL))?;
    let mut setup = Setup::load(&arguments.output.config, typed)?;
    setup.policy(&mut arguments.output.policy);
    let checks = setup.checks(&mut arguments.select)?;
    let page = if arguments.why { Page::Why } else { Page::Report };
    let stage = Stage::new(&arguments.output, &checks, &setup.loaded)?.showing(page);
    let sight = if arguments.black_box { Sight::BlackBox } else { Sight::Known };
    let runtime = visit::runtime()?;
    let code = runtime.block_on(async {
        let world = World::start(scenario).await.map_err(|error| CommandError::Internal(error.to_string()))?;
        let settings =
            crate::Settings { probes: select::probes(&checks, &setup.loaded.config), ..world.settings(sight) };
        let roster = Roster::of(world.target(sight));
        let simulation = format!(
            "the scenario {:?} on loopback; nothing outside this machine was asked. {}",
            scenario.name, scenario.story
        );
        let tour = Tour {
            roster: &roster,
            settings,
            concurrency: 1,
            wait: None,
            record: arguments.record.as_deref(),
            simulation: Some(simulation),
        };
        visit::visit(&stage, tour).await
    });
    runtime.shutdown_background();
    code
}

fn find(name: &str) -> Result<&'static Scenario, CommandError> {
    demo::find(name).ok_or_else(|| {
        let hint = suggest::hint(name, SCENARIOS.iter().map(|scenario| scenario.name));
        CommandError::usage(format!("demo: no scenario {name:?} is known{hint} (`cfdoctor demo --list` has them all)"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scenarios_are_corrected() {
        assert_eq!(find(demo::TYPICAL).unwrap().name, demo::TYPICAL);
        let error = find("helthy").err().unwrap().to_string();
        assert!(error.contains("did you mean healthy?") && error.contains("--list"), "{error}");
    }
}
