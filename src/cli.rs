//! The command line: arguments in, exit code out.

mod access;
mod args;
mod demo;
mod diff;
mod dry_run;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod known;
mod lint;
mod lists;
mod manual;
mod output;
mod progress;
mod roster;
mod select;
mod serve;
mod settings;
mod setup;
mod show;
mod stage;
mod targets;
mod tell;
mod visit;
mod wait;
mod why;
mod zone;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::evidence::{redact, text};
use clap::{CommandFactory, FromArgMatches};

use crate::{policy, suggest, values};
use args::{CheckArgs, Cli, Command, ConfigCommand, FleetArgs};
use dry_run::DryRun;
use roster::Roster;
use setup::{Setup, Typed};
use stage::Stage;
use visit::Tour;

/// Why a command ended without a report.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Wrong usage or input: one sentence that names the place and the remedy. Nothing was probed.
    #[error("{0}")]
    Usage(String),
    /// There is nothing to examine.
    #[error("{0}")]
    NoTargets(String),
    /// Nothing could be learnt of what is to be examined.
    #[error("{0}")]
    Inconclusive(String),
    /// What was found could not be written.
    #[error("{what}: {source}")]
    Output {
        /// What was to be written.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Something that should not happen.
    #[error("{0}")]
    Internal(String),
}

impl CommandError {
    fn usage(what: impl Into<String>) -> Self {
        CommandError::Usage(what.into())
    }

    fn output(what: impl Into<String>, source: io::Error) -> Self {
        CommandError::Output { what: what.into(), source }
    }

    fn exit_code(&self) -> u8 {
        match self {
            CommandError::Usage(_) => policy::USAGE,
            CommandError::NoTargets(_) => policy::NO_TARGETS,
            CommandError::Inconclusive(_) => policy::INCONCLUSIVE,
            CommandError::Output { .. } | CommandError::Internal(_) => policy::INTERNAL,
        }
    }
}

/// Runs the program with these arguments (its own name first) and gives its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_hostile = arguments.iter().any(|argument| argument.to_string_lossy().chars().any(char::is_control));
    let read = Cli::command().try_get_matches_from(arguments);
    let read = read.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, Typed::of(&matches))));
    let (cli, typed) = match read {
        Ok(read) => read,
        Err(error) => {
            // Help and version are errors to clap, with code 0. An error repeats the argument as it came.
            let lines = error.render().to_string();
            let harmless = if error.use_stderr() { redact::text(&lines) } else { lines.clone() };
            let _ = if is_hostile || harmless != lines {
                let lines = harmless;
                writeln!(io::stderr(), "{}", lines.lines().map(text::clean).collect::<Vec<_>>().join("\n"))
            } else {
                error.print()
            };
            return error.exit_code().try_into().unwrap_or(policy::USAGE);
        }
    };
    match execute(cli, typed) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", redact::text(&text::clean(&error.to_string())));
            error.exit_code()
        }
    }
}

fn execute(cli: Cli, typed: Typed) -> Result<u8, CommandError> {
    match cli.command {
        None => check(cli.check, typed),
        Some(Command::Check(arguments)) => check(*arguments, typed),
        Some(Command::Why(arguments)) => why::run(*arguments, typed),
        Some(Command::Lint(arguments)) => lint::run(*arguments, typed),
        Some(Command::Access(arguments)) => access::run(*arguments, typed),
        Some(Command::Explain(arguments)) => manual::explain(&arguments),
        Some(Command::Demo(arguments)) => demo::run(*arguments, typed),
        Some(Command::Serve(arguments)) => serve::run(*arguments, typed),
        Some(Command::Config(ConfigCommand::Show(arguments))) => show::run(&arguments, typed),
        Some(Command::Diff(arguments)) => diff::run(&arguments),
        Some(Command::Schema { what }) => manual::schema(what),
        Some(Command::Completions { shell }) => manual::completions(shell),
        Some(Command::Man) => manual::man(),
    }
}

/// `cfdoctor [check] TARGET...`
fn check(mut arguments: CheckArgs, typed: Typed) -> Result<u8, CommandError> {
    let mut setup = Setup::load(&arguments.output.config, typed)?;
    setup.output(&mut arguments.output);
    setup.network(&mut arguments.network)?;
    setup.known(&mut arguments.known);
    setup.fleet(&mut arguments.fleet);
    let checks = setup.checks(&mut arguments.select)?;
    let config = &setup.loaded.config;
    let mut settings = settings::read(&arguments.network)?;
    settings.probes = select::probes(&checks, config);
    let region = arguments.wishes.region.as_deref().or(config.region.as_deref());
    known::apply(&arguments.known, region, &mut settings)?;
    let wanted = targets::Wanted { wishes: &arguments.wishes, config, unless_said: Expectation::Any };
    let mut roster = Roster::new(wanted, &settings, known::required(&arguments.known));
    let FleetArgs { lists, zones, concurrency, shard, resume } = &arguments.fleet;
    let unless_given = || roster::unless_given(config, &settings);
    roster.given(&arguments.targets, lists, unless_given, !zones.is_empty())?;
    // A zone is in one part as a whole; of the others nobody asks.
    let here: Vec<String> = zones.iter().filter(|zone| shard.is_none_or(|shard| shard.holds(zone))).cloned().collect();
    let access = zone::access(&here, &settings)?;
    let resume = resume.as_deref();
    let grows =
        |path: &Path| arguments.output.outputs.iter().any(|file| file.is_lines() && tell::same(&file.path, path));
    let dry_run = arguments.network.dry_run;
    let settle = |roster: &mut Roster<'_>| {
        roster.may_be_empty = zones.len() > here.len() || (dry_run && !here.is_empty());
        roster.settle(*shard, resume, resume.is_some_and(grows))
    };
    let wait = arguments.network.wait;
    if dry_run {
        settle(&mut roster)?;
        let dry = DryRun { roster: &roster, zones: &here, settings: &settings, concurrency: *concurrency, wait };
        return dry_run::run(&dry, &arguments.output);
    }
    let stage = Stage::new(&arguments.output, &checks, &setup.loaded)?;
    let record = arguments.network.record.as_deref();
    let runtime = visit::runtime()?;
    let code = runtime.block_on(async {
        if let Some(access) = access {
            for (name, found) in zone::read(&here, access).await? {
                roster.zone(&name, found);
            }
        }
        settle(&mut roster)?;
        let tour = Tour {
            roster: &roster,
            settings: settings.clone(),
            concurrency: *concurrency,
            wait,
            record,
            simulation: None,
        };
        visit::visit(&stage, tour).await
    });
    // A resolver of the system that still waits must not hold up the exit.
    runtime.shutdown_background();
    code
}

/// Writes to stdout; a reader that went away is no error.
fn to_stdout(text: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::output("stdout", error)),
        _ => Ok(()),
    }
}
