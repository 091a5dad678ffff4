//! `cfdoctor lint`: the same judgement over files.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use cfdoctor_checks::evidence::Target;
use time::OffsetDateTime;

use super::CommandError;
use super::args::{FileArgs, LintArgs, WishArgs};
use super::setup::{Setup, Typed};
use super::stage::Stage;
use super::targets::{self, Reading};
use super::{values, visit};
use crate::config::Config;
use crate::lint::{LintInput, read};
use crate::report;

/// Runs the command.
pub(super) fn run(mut arguments: LintArgs, typed: Typed) -> Result<u8, CommandError> {
    let mut setup = Setup::load(&arguments.output.config, typed)?;
    setup.output(&mut arguments.output);
    let checks = setup.checks(&mut arguments.select)?;
    let input = input(&arguments.files, &arguments.reading, arguments.url.as_deref(), &arguments.wishes)?;
    let stage = Stage::new(&arguments.output, &checks, &setup.loaded)?;
    judge(&stage, &input, "lint")
}

/// Judges what the files hold.
pub(super) fn judge(stage: &Stage<'_>, input: &LintInput, command: &str) -> Result<u8, CommandError> {
    let (started_at, clock) = (OffsetDateTime::now_utc(), Instant::now());
    let found = read(input).map_err(|error| CommandError::usage(format!("{command}: {error}")))?;
    for note in found.notes {
        // Nobody may be reading; what was skipped changes no verdict.
        let _ = writeln!(io::stderr(), "cfdoctor: {note}");
    }
    let (mut evidence, mut groups) = (found.evidence, found.groups);
    if evidence.is_empty() && groups.is_empty() {
        return Err(CommandError::NoTargets("no targets: the files name no URL; give one with --url".into()));
    }
    let shared = groups.iter_mut().flat_map(|(base, targets)| std::iter::once(&mut base.target).chain(targets));
    for target in evidence.iter_mut().map(|one| &mut one.target).chain(shared) {
        lay_over(target, input, stage.config());
    }
    let mut targets = report::examine_all(&evidence, |one| stage.examine(one));
    for (base, hosts) in &groups {
        targets.extend(report::examine_each(base, hosts, |one| stage.examine(one)));
    }
    if !found.places.is_empty() {
        targets.iter_mut().for_each(|target| found.places.anchor(&found.declared, target, false));
    }
    // Nothing was sent now, whatever was sent when the files were made.
    let run = report::Run { requests_sent: 0, api_requests_sent: 0, ..visit::new_run(started_at, clock, &targets) };
    stage.finish(&stage.report(run, targets))
}

/// What the configuration wants of a target that nobody typed anything about.
fn lay_over(target: &mut Target, input: &LintInput, config: &Config) {
    let own = config.options_of(&target.url()).map(|(_, own)| own);
    if input.expect.is_none()
        && let Some(expect) = own.and_then(|own| own.expect).or(config.expect)
    {
        target.expect = expect;
    }
    if target.region.is_none() {
        let region = own.and_then(|own| own.region.as_ref()).or(config.region.as_ref());
        target.region = region.and_then(|name| values::region(name).ok());
    }
}

/// What the files are to be read as.
pub(super) fn input(
    files: &[PathBuf],
    reading: &FileArgs,
    url: Option<&str>,
    wishes: &WishArgs,
) -> Result<LintInput, CommandError> {
    let parse = |text: &str| Target::pasted(text).map_err(|error| CommandError::usage(format!("URL: {error}")));
    let mut url: Option<Target> = url.map(parse).transpose()?;
    let mut sample: Target =
        "https://lambda.example.com/".parse().map_err(|error| CommandError::Internal(format!("{error}")))?;
    targets::wish(url.as_mut().unwrap_or(&mut sample), wishes, Reading::Pasted)?;
    let wished = url.as_ref().unwrap_or(&sample);
    Ok(LintInput {
        files: files.to_vec(),
        kind: reading.kind,
        at: reading.at,
        origin: wished.origin.clone(),
        expect: wishes.expect,
        region: wishes.region.clone(),
        method: wishes.method.clone(),
        url,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use cfdoctor_checks::evidence::target::Expectation;

    use super::super::args::{Cli, Command};
    use super::*;

    fn read_arguments(arguments: &[&str]) -> Result<LintInput, CommandError> {
        let Some(Command::Lint(lint)) =
            Cli::try_parse_from([&["cfdoctor", "lint"], arguments].concat()).unwrap().command
        else {
            panic!("not lint")
        };
        input(&lint.files, &lint.reading, lint.url.as_deref(), &lint.wishes)
    }

    #[test]
    fn only_what_was_said_is_passed_on() {
        let bare = read_arguments(&["dir"]).unwrap();
        assert_eq!((bare.url, bare.expect, bare.method, bare.origin), (None, None, None, None));
        let full = read_arguments(&[
            "a.json",
            "edge:b.txt",
            "--url",
            "a.example.com/x",
            "--expect",
            "cached",
            "--assume-origin",
            "o.example.net",
            "--region",
            "us-west-2",
            "--at",
            "2026-11-23T10:00:00Z",
            "-X",
            "HEAD",
        ])
        .unwrap();
        let url = full.url.unwrap();
        assert_eq!((url.path.as_str(), url.expect, url.method.as_str()), ("/x", Expectation::Cached, "HEAD"));
        assert!(url.origin.unwrap().assumed && full.origin.unwrap().assumed);
        assert_eq!(full.at.unwrap().year(), 2026);
        assert_eq!(full.files.len(), 2);
        assert!(read_arguments(&["x", "--url", "file:///x"]).unwrap_err().to_string().starts_with("URL: "));
    }

    #[test]
    fn placeholders_of_a_report_are_no_error() {
        let input = read_arguments(&["x", "--url", "https://<domain>/a b", "--assume-origin", "NXDOMAIN"]).unwrap();
        assert_eq!(input.url.unwrap().url(), "https://domain/a%20b");
        assert_eq!(input.origin.unwrap().host, "nxdomain");
    }
}
