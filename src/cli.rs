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
mod manual;
mod output;
mod progress;
mod select;
mod settings;
mod setup;
mod show;
mod stage;
mod targets;
mod visit;
mod wait;
mod why;

use std::ffi::OsString;
use std::io::{self, Write};

use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::evidence::{redact, text};
use clap::{CommandFactory, FromArgMatches};

use crate::{policy, suggest, values};
use args::{CheckArgs, Cli, Command, ConfigCommand};
use setup::{Setup, Typed};
use stage::Stage;

/// Why a command ended without a report.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Wrong usage or input: one sentence that names the place and the remedy. Nothing was probed.
    #[error("{0}")]
    Usage(String),
    /// There is nothing to examine.
    #[error("{0}")]
    NoTargets(String),
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
        Some(Command::Access(arguments)) => access::run(&arguments),
        Some(Command::Explain(arguments)) => manual::explain(&arguments),
        Some(Command::Demo(arguments)) => demo::run(*arguments, typed),
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
    setup.policy(&mut arguments.output.policy);
    setup.network(&mut arguments.network)?;
    setup.known(&mut arguments.known);
    let checks = setup.checks(&mut arguments.select)?;
    let config = &setup.loaded.config;
    let mut settings = settings::read(&arguments.network)?;
    settings.probes = select::probes(&checks, config);
    let region = arguments.wishes.region.as_deref().or(config.region.as_deref());
    known::apply(&arguments.known, region, &mut settings)?;
    let wanted = targets::Wanted { wishes: &arguments.wishes, config, unless_said: Expectation::Any };
    let given = targets::or_planned(&arguments.targets, config, &settings)?;
    let mut targets = targets::named(&given, &wanted, &settings)?;
    known::require(&arguments.known, &mut targets);
    let wait = arguments.network.wait;
    if arguments.network.dry_run {
        return dry_run::run(&targets, &settings, wait, &arguments.output);
    }
    let stage = Stage::new(&arguments.output, &checks, &setup.loaded)?;
    let record = arguments.network.record.as_deref();
    visit::run(&stage, &visit::Tour { targets: &targets, settings: &settings, wait, record, simulation: None })
}

/// Writes to stdout; a reader that went away is no error.
fn to_stdout(text: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::output("stdout", error)),
        _ => Ok(()),
    }
}
