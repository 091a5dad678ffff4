//! Everything around a run: the look of each stream, logs, and where the report goes.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use cfdoctor_checks::Check;
use cfdoctor_checks::evidence::{Evidence, text};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::OutputArgs;
use super::{CommandError, to_stdout};
use crate::config::{Config, Loaded};
use crate::policy::Policy;
use crate::render::look::{self, ColourChoice, DEFAULT_WIDTH};
use crate::render::terminal::why;
use crate::render::{Detail, Format, Look, github, jsonl, markdown, render};
use crate::report::{Known, Report, Run, TargetReport};

/// Our own modules only: libraries log headers, and headers hold secrets.
const LOGGED: [&str; 2] = ["cfdoctor", "cfdoctor_checks"];

/// What `human` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// The whole report.
    Report,
    /// The cache decision.
    Why,
}

/// Judges evidence as configuration and baseline want it, on any thread.
pub(super) struct Judge {
    checks: Vec<&'static Check>,
    loaded: Loaded,
    /// What is known already.
    known: Option<Known>,
}

impl Judge {
    pub(super) fn examine(&self, evidence: &Evidence) -> TargetReport {
        self.loaded.examine(evidence, &self.checks, self.known.as_ref())
    }
}

/// What a run needs to know of its surroundings.
pub(super) struct Stage<'a> {
    pub(super) output: &'a OutputArgs,
    pub(super) look: Look,
    pub(super) page: Page,
    pub(super) judge: Arc<Judge>,
    /// Does stderr show progress?
    pub(super) shows_progress: bool,
}

impl<'a> Stage<'a> {
    /// Looks at terminal and environment, and whether every output can be written.
    pub(super) fn new(
        output: &'a OutputArgs,
        checks: &[&'static Check],
        loaded: &Loaded,
    ) -> Result<Self, CommandError> {
        for file in &output.outputs {
            file.check()?;
        }
        let known = output.baseline.as_deref().map(baseline).transpose()?;
        let detail = match (output.quiet, output.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Full,
            _ => Detail::Normal,
        };
        if output.verbose {
            log(output.color);
        }
        Ok(Stage {
            output,
            page: Page::Report,
            judge: Arc::new(Judge { checks: checks.to_vec(), loaded: loaded.clone(), known }),
            look: Look { detail, ..stdout_look(output.color) },
            shows_progress: io::stderr().is_terminal() && !output.quiet && !output.no_progress && !output.verbose,
        })
    }

    /// The same, showing another page to people.
    pub(super) fn showing(self, page: Page) -> Self {
        Stage { page, ..self }
    }

    /// May marks and spinners be more than ASCII?
    pub(super) fn is_unicode(&self) -> bool {
        self.look.unicode
    }

    /// Judges the evidence as configuration and baseline want it.
    pub(super) fn examine(&self, evidence: &Evidence) -> TargetReport {
        self.judge.examine(evidence)
    }

    /// The file and what it says.
    pub(super) fn loaded(&self) -> &Loaded {
        &self.judge.loaded
    }

    /// What the configuration says.
    pub(super) fn config(&self) -> &Config {
        &self.judge.loaded.config
    }

    /// What reddens the build.
    pub(super) fn policy(&self) -> Policy {
        self.output.policy.policy()
    }

    /// The look of a file.
    pub(super) fn plain(&self) -> Look {
        Look { colour: false, links: false, ..self.look }
    }

    /// The report of the run.
    pub(super) fn report(&self, mut run: Run, targets: Vec<TargetReport>) -> Report {
        if run.simulation.is_none() {
            run.notices.extend(self.loaded().notices(&targets));
        }
        Report::new(run, targets, &self.policy())
    }

    /// Writes the report wherever it is wanted, and gives the exit code.
    pub(super) fn finish(&self, report: &Report) -> Result<u8, CommandError> {
        self.tell_notices(&report.run);
        // Files first: a reader of stdout that goes away must not cost them.
        let plain = self.plain();
        let mut written = Ok(());
        for file in &self.output.outputs {
            let this = self.text(file.format, report, &plain).and_then(|text| file.write(&text));
            written = written.and(this);
        }
        written = written.and(self.summarize(report));
        to_stdout(&self.text(self.output.format, report, &self.look)?)?;
        written.map(|()| report.exit_code)
    }

    /// Notices for people, where no format for people shows them.
    pub(super) fn tell_notices(&self, run: &Run) {
        if self.output.format != Format::Human {
            for notice in &run.notices {
                // Nobody may be reading.
                let _ = writeln!(io::stderr(), "cfdoctor: {}", text::clean(notice));
            }
        }
    }

    /// The report in a format.
    pub(super) fn text(&self, format: Format, report: &Report, look: &Look) -> Result<Vec<u8>, CommandError> {
        let mut text = Vec::new();
        match (format, self.page) {
            (Format::Human, Page::Why) => why(report, look, &mut text),
            (Format::Jsonl, _) => jsonl::lines(report, &self.policy(), &mut text),
            _ => render(format, report, look, &mut text),
        }
        .map_err(|error| CommandError::Internal(format!("the report could not be rendered: {error}")))?;
        Ok(text)
    }

    /// Adds the report to the summary of the step of GitHub Actions, where annotations are made.
    pub(super) fn summarize(&self, report: &Report) -> Result<(), CommandError> {
        let has_annotations = self.output.format == Format::Github
            || self.output.outputs.iter().any(|file| file.format == Format::Github);
        match variable(STEP_SUMMARY).filter(|path| has_annotations && !path.is_empty()) {
            Some(path) => step_summary(report, Path::new(&path)),
            None => Ok(()),
        }
    }
}

fn baseline(path: &Path) -> Result<Known, CommandError> {
    Report::read(path)
        .map(|report| Known::of(&report))
        .map_err(|error| CommandError::usage(format!("--baseline {}: {error}", path.display())))
}

/// Where GitHub Actions wants what is shown on the page of a run.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Adds the report to the summary of the step, as much as there is room for.
fn step_summary(report: &Report, path: &Path) -> Result<(), CommandError> {
    let wrong = |error| CommandError::output(format!("{STEP_SUMMARY} ({})", path.display()), error);
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(wrong)?;
    let used = file.metadata().map_err(wrong)?.len();
    let room = github::SUMMARY_LIMIT.saturating_sub(used.try_into().unwrap_or(usize::MAX));
    let text = markdown::within(report, room);
    if text.len() <= room { file.write_all(text.as_bytes()).map_err(wrong) } else { Ok(()) }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The look of stdout.
pub(super) fn stdout_look(choice: ColourChoice) -> Look {
    let is_terminal = io::stdout().is_terminal();
    let columns = is_terminal.then(terminal_size::terminal_size).flatten().map(|(columns, _)| usize::from(columns.0));
    Look {
        width: look::width(&variable, columns.or(Some(DEFAULT_WIDTH))),
        colour: look::is_coloured(choice, &variable, is_terminal),
        unicode: look::is_utf8(&variable),
        links: is_terminal && variable("TERM").is_none_or(|term| term != "dumb"),
        detail: Detail::Normal,
    }
}

/// `-v`: what is done, on stderr.
pub(super) fn log(choice: ColourChoice) {
    let colour = look::is_coloured(choice, &variable, io::stderr().is_terminal());
    // An error means that somebody who embeds us logs already.
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colour).with_target(false);
    let ours = Targets::new().with_targets(LOGGED.map(|target| (target, LevelFilter::DEBUG)));
    let _ = tracing_subscriber::registry().with(lines.with_filter(ours)).try_init();
}
