//! `cfdoctor lint`: the same judgement over files.

use std::io::{self, Write};
use std::time::Instant;

use cfdoctor_checks::evidence::Target;
use time::OffsetDateTime;

use super::CommandError;
use super::args::LintArgs;
use super::stage::Stage;
use super::{targets, visit};
use crate::lint::{LintInput, read};
use crate::report;

/// Runs the command.
pub(super) fn run(arguments: &LintArgs) -> Result<u8, CommandError> {
    let checks = arguments.select.checks()?;
    let input = input(arguments)?;
    let stage = Stage::new(&arguments.output, &checks)?;
    let (started_at, clock) = (OffsetDateTime::now_utc(), Instant::now());
    let found = read(&input).map_err(|error| CommandError::usage(format!("lint: {error}")))?;
    for note in found.notes {
        // Nobody may be reading; what was skipped changes no verdict.
        let _ = writeln!(io::stderr(), "cfdoctor: {note}");
    }
    let evidence = found.evidence;
    if evidence.is_empty() {
        return Err(CommandError::NoTargets("no targets: the files name no URL; give one with --url".into()));
    }
    let targets: Vec<_> = evidence.iter().map(|evidence| report::examine(evidence, &checks)).collect();
    // Nothing was sent now, whatever was sent when the files were made.
    let run = report::Run { requests_sent: 0, ..visit::new_run(started_at, clock, &targets) };
    stage.finish(run, targets)
}

fn input(arguments: &LintArgs) -> Result<LintInput, CommandError> {
    let wishes = &arguments.wishes;
    let mut url: Option<Target> = match &arguments.url {
        Some(text) => Some(text.parse().map_err(|error| CommandError::usage(format!("--url: {error}")))?),
        None => None,
    };
    let mut sample: Target =
        "https://lambda.example.com/".parse().map_err(|error| CommandError::Internal(format!("{error}")))?;
    targets::wish(url.as_mut().unwrap_or(&mut sample), wishes);
    let wished = url.as_ref().unwrap_or(&sample);
    Ok(LintInput {
        files: arguments.files.clone(),
        kind: arguments.kind,
        at: arguments.at,
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
        input(&lint)
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
        assert!(read_arguments(&["x", "--url", "file:///x"]).unwrap_err().to_string().starts_with("--url: "));
    }
}
