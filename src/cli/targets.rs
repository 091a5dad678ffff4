//! What is wished of a target: as typed, else as the configuration has it.

use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::target::{DeclaredOrigin, Expectation};
use clap::CommandFactory;

use super::CommandError;
use super::args::{Cli, WishArgs};
use super::{suggest, values};
use crate::config::Config;

/// What is wanted of targets.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// What was typed.
    pub(super) wishes: &'a WishArgs,
    /// What stands in the file.
    pub(super) config: &'a Config,
    /// What the owner wants of the cache where neither says so.
    pub(super) unless_said: Expectation,
}

/// What is wished of this URL: as typed, else as the file has it for the URL, else as the file has it for all.
pub(super) fn wishes_for(url: &str, typed: &WishArgs, config: &Config, unless_said: Expectation) -> WishArgs {
    let mut wishes = typed.clone();
    let own = config.options_of(url).map(|(_, own)| own.clone()).unwrap_or_default();
    if wishes.origin.is_none() && wishes.assume_origin.is_none() {
        wishes.origin = own.origin;
    }
    wishes.expect = wishes.expect.or(own.expect).or(config.expect).or(Some(unless_said));
    let region = wishes.region.or(own.region).or_else(|| config.region.clone());
    wishes.region = region.and_then(|name| values::region(&name).ok());
    wishes.method = wishes.method.or(own.method);
    wishes
}

/// How names are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// They will be looked up: only what DNS can hold.
    Strict,
    /// They come out of somebody's report and are never looked up: placeholders may stand.
    Pasted,
}

/// Lays the user's wishes over a target.
pub(super) fn wish(target: &mut Target, wishes: &WishArgs, reading: Reading) -> Result<(), CommandError> {
    let origin = |option: &str, given: &str| {
        let read = match reading {
            Reading::Strict => given.parse(),
            Reading::Pasted => DeclaredOrigin::pasted(given),
        };
        read.map_err(|error| CommandError::usage(format!("{option}: {error}")))
    };
    if let Some(method) = &wishes.method {
        target.method.clone_from(method);
    }
    target.expect = wishes.expect.unwrap_or_default();
    target.region.clone_from(&wishes.region);
    target.origin = match (&wishes.origin, &wishes.assume_origin) {
        (Some(given), _) => Some(origin("--origin", given)?),
        (None, Some(given)) => Some(DeclaredOrigin { assumed: true, ..origin("--assume-origin", given)? }),
        (None, None) => None,
    };
    Ok(())
}

/// A mistyped command reads as a host without a dot.
pub(super) fn meant_a_command(given: &str, error: CommandError) -> CommandError {
    let command = Cli::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    match suggest::nearest(given, names.into_iter()) {
        Some(name) if !given.contains('.') => {
            CommandError::usage(format!("{error} (or did you mean the command `cfdoctor {name}`?)"))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_commands_are_recognised() {
        let said = |given: &str| meant_a_command(given, CommandError::usage("no target")).to_string();
        assert!(said("lnit").contains("`cfdoctor lint`"));
        assert!(!said("localhost").contains("command"));
    }
}
