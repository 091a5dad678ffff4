//! `cfdoctor why`: the cache decision for one URL, over the network or from files.

use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::target::Expectation;

use super::args::WhyArgs;
use super::dry_run::DryRun;
use super::roster::Roster;
use super::setup::{Setup, Typed};
use super::stage::{Page, Stage};
use super::{CommandError, dry_run, known, lint, select, settings, targets, visit};

/// Who asks why it is not cached wants it cached, unless they say otherwise.
const UNLESS_SAID: Expectation = Expectation::Cached;

/// Runs the command.
pub(super) fn run(mut arguments: WhyArgs, typed: Typed) -> Result<u8, CommandError> {
    let mut setup = Setup::load(&arguments.output.config, typed)?;
    setup.output(&mut arguments.output);
    setup.network(&mut arguments.network)?;
    setup.known(&mut arguments.known);
    let checks = setup.checks(&mut arguments.select)?;
    if !arguments.files.is_empty() {
        let url = Target::pasted(&arguments.url).map(|target| target.url()).unwrap_or_default();
        let wishes = targets::wishes_for(&url, &arguments.wishes, &setup.loaded.config, UNLESS_SAID);
        let input = lint::input(&arguments.files, &arguments.reading, Some(&arguments.url), &wishes)?;
        let stage = Stage::new(&arguments.output, &checks, &setup.loaded)?.showing(Page::Why);
        return lint::judge(&stage, &input, "why");
    }
    if arguments.reading.kind.is_some() || arguments.reading.at.is_some() {
        return Err(CommandError::usage("--kind and --at are about saved answers; name the files after the URL"));
    }
    let network = &arguments.network;
    let mut settings = settings::read(network)?;
    settings.probes = select::probes(&checks, &setup.loaded.config);
    let region = arguments.wishes.region.as_deref().or(setup.loaded.config.region.as_deref());
    known::apply(&arguments.known, region, &mut settings)?;
    let wanted = targets::Wanted { wishes: &arguments.wishes, config: &setup.loaded.config, unless_said: UNLESS_SAID };
    let mut roster = Roster::new(wanted, &settings, known::required(&arguments.known));
    let given = std::slice::from_ref(&arguments.url);
    roster.given(given, &[] as &[&str], || Ok(Vec::new()), false)?;
    roster.settle(None, None, false)?;
    let (record, wait) = (network.record.as_deref(), network.wait);
    if network.dry_run {
        let dry = DryRun { roster: &roster, zones: &[], settings: &settings, concurrency: 1, wait };
        return dry_run::run(&dry, &arguments.output);
    }
    let stage = Stage::new(&arguments.output, &checks, &setup.loaded)?.showing(Page::Why);
    visit::run(&stage, visit::Tour { roster: &roster, settings, concurrency: 1, wait, record, simulation: None })
}
