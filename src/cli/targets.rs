//! Which targets: from the command line or stdin, with the user's wishes.

use std::io::Read;

use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::http::HeaderLine;
use cfdoctor_checks::evidence::target::{DeclaredOrigin, Expectation};
use clap::CommandFactory;
use secrecy::ExposeSecret;

use super::CommandError;
use super::args::{Cli, WishArgs};
use super::{suggest, values};
use crate::config::Config;
use crate::settings::Settings;

/// Octets of a list of targets (`product.md` section 10).
const MAX_LIST: u64 = 10 * 1024 * 1024;

/// What is wanted of targets.
pub(super) struct Wanted<'a> {
    /// What was typed.
    pub(super) wishes: &'a WishArgs,
    /// What stands in the file.
    pub(super) config: &'a Config,
    /// What the owner wants of the cache where neither says so.
    pub(super) unless_said: Expectation,
}

/// The targets in the order given; those of the configuration where none is given.
pub(super) fn named(given: &[String], wanted: &Wanted<'_>, settings: &Settings) -> Result<Vec<Target>, CommandError> {
    if given.is_empty() && wanted.config.target.is_empty() {
        return Err(CommandError::NoTargets(
            "no targets: give a host name or a URL, or - to read them from stdin, or list them in cfdoctor.toml \
             (cfdoctor --help says more)"
                .into(),
        ));
    }
    let mut targets = Vec::new();
    if given.is_empty() {
        for declared in &wanted.config.target {
            targets.push(declared.target().map_err(CommandError::Usage)?);
        }
    }
    let mut stdin_read = false;
    for given in given {
        if given != "-" {
            targets.push(one(given, "").map_err(|error| meant_a_command(given, error))?);
        } else if !stdin_read {
            stdin_read = true;
            targets.extend(list(&stdin()?)?);
        }
    }
    if targets.is_empty() {
        return Err(CommandError::NoTargets(
            "no targets: stdin has none; write one host name or URL on each line".into(),
        ));
    }
    let headers: Vec<HeaderLine> =
        settings.request_headers.iter().map(|(name, value)| HeaderLine::new(name, value.expose_secret())).collect();
    for target in &mut targets {
        let wishes = wishes_for(&target.url(), wanted.wishes, wanted.config, wanted.unless_said);
        wish(target, &wishes, Reading::Strict)?;
        target.headers.clone_from(&headers);
    }
    Ok(targets)
}

/// What was given, else what the configuration lists, else the hosts that the plan declares.
pub(super) fn or_planned(given: &[String], config: &Config, settings: &Settings) -> Result<Vec<String>, CommandError> {
    match (&settings.plan, given) {
        (Some(plan), []) if config.target.is_empty() => {
            let (hosts, notes) = plan.hosts();
            if hosts.is_empty() {
                let why = notes.first().map_or("it declares no proxied record and no custom domain", String::as_str);
                return Err(CommandError::NoTargets(format!("no targets: --plan: {why}; name a host or a URL")));
            }
            Ok(hosts)
        }
        _ => Ok(given.to_vec()),
    }
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

fn one(text: &str, place: &str) -> Result<Target, CommandError> {
    text.parse().map_err(|error| CommandError::usage(format!("{place}{error}")))
}

/// A mistyped command reads as a host without a dot.
fn meant_a_command(given: &str, error: CommandError) -> CommandError {
    let command = Cli::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    match suggest::nearest(given, names.into_iter()) {
        Some(name) if !given.contains('.') => {
            CommandError::usage(format!("{error} (or did you mean the command `cfdoctor {name}`?)"))
        }
        _ => error,
    }
}

fn stdin() -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_LIST + 1).read_to_end(&mut bytes);
    read.map_err(|error| CommandError::usage(format!("stdin: cannot be read ({error})")))?;
    if bytes.len() as u64 > MAX_LIST {
        return Err(CommandError::usage("stdin: more than 10 MiB of targets; split the list"));
    }
    String::from_utf8(bytes)
        .map_err(|_| CommandError::usage("stdin: this is not UTF-8 text; write one target on each line"))
}

/// One target on each line; `#` starts a comment at the start of a line or after a space, so that a URL may hold one.
pub(super) fn list(text: &str) -> Result<Vec<Target>, CommandError> {
    let mut targets = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        let end = if line.starts_with('#') { Some(0) } else { line.find(" #").or_else(|| line.find("\t#")) };
        let line = line.get(..end.unwrap_or(line.len())).unwrap_or(line).trim();
        if !line.is_empty() {
            targets.push(one(line, &format!("stdin, line {}: ", index + 1))?);
        }
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let text = "\u{feff}# hosts\n a.example.com \r\n\nhttps://b.example.com/x#y  # why\n";
        let urls: Vec<String> = list(text).unwrap().iter().map(Target::url).collect();
        assert_eq!(urls, ["https://a.example.com/", "https://b.example.com/x"]);
        assert!(list("# none\n\n").unwrap().is_empty());
        let error = list("a.example.com\nfile:///x\n").unwrap_err().to_string();
        assert!(error.starts_with("stdin, line 2: "), "{error}");
    }

    #[test]
    fn mistyped_commands_are_recognised() {
        let error = meant_a_command("lnit", one("lnit", "").unwrap_err()).to_string();
        assert!(error.contains("`cfdoctor lint`"), "{error}");
        let error = meant_a_command("localhost", one("localhost", "").unwrap_err()).to_string();
        assert!(!error.contains("command"), "{error}");
    }
}
