//! `cfdoctor demo`: the doctor over real sockets in a small world on loopback.

use super::args::DemoArgs;
use super::seams::{self, Scenario};
use super::stage::Stage;
use super::visit::{self, Tour};
use super::{CommandError, select, suggest, to_stdout};

/// Runs the command.
pub(super) fn run(arguments: &DemoArgs) -> Result<u8, CommandError> {
    let scenarios = seams::scenarios();
    if arguments.list {
        let width = scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
        let line = |scenario: &Scenario| format!("{:width$}  {}\n", scenario.name, scenario.story);
        to_stdout(scenarios.iter().map(line).collect::<String>().as_bytes())?;
        return Ok(crate::policy::OK);
    }
    let scenario = find(&scenarios, arguments.scenario.as_deref().unwrap_or(seams::TYPICAL))?;
    let checks = arguments.select.checks()?;
    let stage = Stage::new(&arguments.output, &checks)?;
    let runtime = visit::runtime()?;
    let code = runtime.block_on(async {
        let mut world = seams::start(scenario).await?;
        world.settings.probes = select::probes(&checks);
        let simulation = format!(
            "the scenario {:?} on loopback; nothing outside this machine was asked. {}",
            scenario.name, scenario.story
        );
        let targets = std::slice::from_ref(&world.target);
        let tour = Tour { targets, settings: &world.settings, record: None, simulation: Some(simulation) };
        visit::visit(&stage, &tour).await
    });
    runtime.shutdown_background();
    code
}

fn find<'a>(scenarios: &'a [Scenario], name: &str) -> Result<&'a Scenario, CommandError> {
    scenarios.iter().find(|scenario| scenario.name == name).ok_or_else(|| {
        let hint = suggest::hint(name, scenarios.iter().map(|scenario| scenario.name));
        CommandError::usage(format!("demo: no scenario {name:?} is known{hint} (`cfdoctor demo --list` has them all)"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scenarios_are_corrected() {
        let known = [Scenario { name: "healthy", story: "sound" }, Scenario { name: "expired", story: "late" }];
        assert_eq!(find(&known, "expired").unwrap().story, "late");
        let error = find(&known, "helthy").err().unwrap().to_string();
        assert!(error.contains("did you mean healthy?") && error.contains("--list"), "{error}");
    }
}
