//! `cfdoctor why`: the cache decision for one URL, over the network or from files.

use cfdoctor_checks::evidence::target::Expectation;

use super::args::{WhyArgs, WishArgs};
use super::stage::{Page, Stage};
use super::{CommandError, dry_run, known, lint, select, settings, targets, visit};

/// Runs the command.
pub(super) fn run(arguments: &WhyArgs) -> Result<u8, CommandError> {
    let checks = arguments.select.checks()?;
    // Who asks why it is not cached wants it cached, unless they say otherwise.
    let wishes = WishArgs { expect: arguments.wishes.expect.or(Some(Expectation::Cached)), ..arguments.wishes.clone() };
    if !arguments.files.is_empty() {
        let input = lint::input(&arguments.files, &arguments.reading, Some(&arguments.url), &wishes)?;
        let stage = Stage::new(&arguments.output, &checks)?.showing(Page::Why);
        return lint::judge(&stage, &input, "why");
    }
    if arguments.reading.kind.is_some() || arguments.reading.at.is_some() {
        return Err(CommandError::usage("--kind and --at are about saved answers; name the files after the URL"));
    }
    let network = &arguments.network;
    let mut settings = settings::read(network)?;
    settings.probes = select::probes(&checks);
    known::apply(&arguments.known, wishes.region.as_deref(), &mut settings)?;
    let mut targets = targets::named(std::slice::from_ref(&arguments.url), &wishes, &settings)?;
    known::require(&arguments.known, &mut targets);
    if network.dry_run {
        return dry_run::run(&targets, &settings, &arguments.output);
    }
    let stage = Stage::new(&arguments.output, &checks)?.showing(Page::Why);
    let record = network.record.as_deref();
    visit::run(&stage, &visit::Tour { targets: &targets, settings: &settings, record, simulation: None })
}
