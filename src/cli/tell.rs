//! Tells of targets as they finish: formats of one target after another at once, the others when all are done.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use cfdoctor_checks::evidence::text;

use super::CommandError;
use super::output::{Growing, OutputFile};
use super::stage::{Page, Stage};
use crate::config::IgnoresSeen;
use crate::fleet::{Earlier, EarlierLinesError, Finished};
use crate::policy::{INTERRUPTED, OK, Policy, Sum};
use crate::render::jsonl::{self, Sums};
use crate::render::{Detail, Format, Look, short, terminal};
use crate::report::{Digest, Report, Run, SCHEMA_VERSION, TargetReport, Tool};

/// Where the reports of a run go.
pub(super) struct Teller<'a> {
    stage: &'a Stage<'a>,
    tool: Tool,
    /// The run, as far as it has come.
    run: Run,
    clock: Instant,
    streams: Vec<Stream>,
    /// Reports with their places; all of them where a format needs the whole, else the first few.
    kept: Vec<(usize, TargetReport)>,
    /// Does a format need the whole?
    keeps_all: bool,
    digest: Digest,
    sum: Sum,
    ignores: IgnoresSeen,
    /// How many targets there are.
    total: u64,
    /// May there be none at all?
    may_be_empty: bool,
}

/// A format that tells one target after another, and where to.
struct Stream {
    format: Format,
    look: Look,
    to: Outlet,
    /// What an earlier run has finished stands there already.
    has_earlier: bool,
}

enum Outlet {
    /// Whoever reads it may have gone away.
    Stdout { gone: bool },
    /// The name is shown where it cannot be written.
    File(Growing, String),
}

/// Why nothing more is to be told.
#[derive(Debug)]
pub(super) enum Silence {
    /// Nobody reads it, and there is no file.
    NobodyReads,
    /// It cannot be written.
    Failed(CommandError),
}

impl Silence {
    /// The error; where nobody reads, that is none.
    pub(super) fn into_error(self) -> CommandError {
        match self {
            Silence::Failed(error) => error,
            Silence::NobodyReads => CommandError::Internal("nobody reads the report".into()),
        }
    }
}

/// Can the format be told one target after another?
fn is_stream(format: Format) -> bool {
    matches!(format, Format::Jsonl | Format::Short)
}

impl<'a> Teller<'a> {
    /// Opens what is written as it comes. `run`: as it begins; `earlier`: what is not visited again.
    pub(super) fn open(
        stage: &'a Stage<'a>,
        (run, clock): (Run, Instant),
        earlier: Option<&Earlier>,
        (total, may_be_empty): (usize, bool),
    ) -> Result<Self, CommandError> {
        let output = stage.output;
        let mut streams = Vec::new();
        for file in output.outputs.iter().filter(|file| is_stream(file.format)) {
            let is_resumed = file.format == Format::Jsonl && earlier.is_some_and(|one| same(&one.path, &file.path));
            streams.push(Stream::file(file, stage.plain(), if is_resumed { earlier } else { None })?);
        }
        if is_stream(output.format) {
            let to = Outlet::Stdout { gone: false };
            streams.push(Stream { format: output.format, look: stage.look, to, has_earlier: false });
        }
        let formats = output.outputs.iter().map(|file| file.format).chain([output.format]);
        let is_whole = |format: Format| match format {
            Format::Human => stage.page == Page::Why || stage.look.detail == Detail::Full,
            _ => !is_stream(format),
        };
        let keeps_all = formats.clone().any(is_whole);
        Ok(Teller {
            stage,
            tool: Tool::this(),
            run,
            clock,
            streams,
            kept: Vec::new(),
            keeps_all,
            digest: Digest::default(),
            sum: Sum::default(),
            ignores: IgnoresSeen::default(),
            total: total as u64,
            may_be_empty,
        })
    }

    /// What an earlier run has finished counts as if it had been visited now. Gives how many there are, and how many
    /// of them are not well. `index_of`: where a target stands.
    pub(super) fn carry(&mut self, earlier: &Earlier, index_of: impl Fn(&str) -> usize) -> Result<(u64, u64), Silence> {
        let place = text::clean(&earlier.path.display().to_string());
        let failing = |teller: &Self| teller.digest.verdicts.fail + teller.digest.verdicts.inconclusive;
        earlier
            .each(|Finished { line, target }| -> Result<(), Carrying> {
                for stream in self.streams.iter_mut().filter(|stream| !stream.has_earlier) {
                    let text = match stream.format {
                        Format::Jsonl => (jsonl::harmless_line(&line) + "\n").into_bytes(),
                        _ => stream.text(&self.tool, &self.run, &target, self.stage).map_err(Carrying::Told)?,
                    };
                    stream.write(&text).map_err(Carrying::Told)?;
                }
                self.note(index_of(&target.url), target);
                Ok(())
            })
            .map_err(|error| match error {
                Carrying::Told(error) => Silence::Failed(error),
                Carrying::Read(error) => Silence::Failed(CommandError::Internal(format!("--resume {place}: {error}"))),
            })?;
        Ok((self.digest.verdicts.total(), failing(self)))
    }

    /// A target is done.
    pub(super) fn tell(&mut self, index: usize, target: TargetReport) -> Result<(), Silence> {
        self.run.elapsed_ms = millis(self.clock);
        for stream in &mut self.streams {
            let text = stream.text(&self.tool, &self.run, &target, self.stage).map_err(Silence::Failed)?;
            stream.write(&text).map_err(Silence::Failed)?;
        }
        self.note(index, target);
        let is_gone = |stream: &Stream| matches!(stream.to, Outlet::Stdout { gone: true });
        let has_more = self.digest.verdicts.total() < self.total;
        match has_more && self.streams.iter().any(is_gone) && self.stage.output.outputs.is_empty() {
            true => Err(Silence::NobodyReads),
            false => Ok(()),
        }
    }

    /// What reddens the build.
    pub(super) fn policy(&self) -> Policy {
        self.stage.policy()
    }

    /// The user wants no more: what ends from now on may be cut short.
    pub(super) fn interrupted(&mut self) {
        self.run.interrupted = true;
    }

    /// What this attempt cost.
    pub(super) fn sent(&mut self, attempt: &TargetReport) {
        let run = &mut self.run;
        run.requests_sent = run.requests_sent.saturating_add(attempt.requests_sent);
        run.api_requests_sent = run.api_requests_sent.saturating_add(attempt.api_requests_sent);
    }

    fn note(&mut self, index: usize, target: TargetReport) {
        self.digest.add(&target);
        self.sum.add(&target, &self.stage.policy());
        self.stage.loaded().see(&mut self.ignores, &target);
        if self.keeps_all || self.digest.verdicts.total() <= Digest::FEW as u64 {
            self.kept.push((index, target));
        } else {
            self.kept = Vec::new();
        }
    }

    /// All is done: the rest is written. `notices` and what was not visited are of this run.
    pub(super) fn finish(
        mut self,
        notices: Vec<String>,
        left: (Vec<String>, u64),
        attempts: u32,
    ) -> Result<u8, CommandError> {
        self.run.elapsed_ms = millis(self.clock);
        self.run.attempts = attempts;
        (self.run.not_visited, self.run.not_visited_more) = left;
        self.run.notices = notices;
        if self.run.simulation.is_none() {
            self.run.notices.extend(self.stage.loaded().notices_of(&self.ignores));
        }
        let policy = self.stage.policy();
        let exit_code = match (self.run.interrupted, self.sum.targets) {
            (true, _) => INTERRUPTED,
            (false, 0) if self.may_be_empty => OK,
            _ => self.sum.exit_code(&policy),
        };
        self.kept.sort_by_key(|(index, _)| *index);
        let report = Report {
            schema_version: SCHEMA_VERSION,
            tool: self.tool.clone(),
            run: self.run.clone(),
            targets: std::mem::take(&mut self.kept).into_iter().map(|(_, target)| target).collect(),
            summary: self.digest.results,
            fail_on: policy.fail_on,
            exit_code,
        };
        self.write(&report).map(|()| exit_code)
    }

    fn write(&mut self, report: &Report) -> Result<(), CommandError> {
        self.stage.tell_notices(&report.run);
        let mut written = Ok(());
        // Files first: a reader of stdout that goes away must not cost them.
        for file in self.stage.output.outputs.iter().filter(|file| !is_stream(file.format)) {
            let this = self.whole(file.format, report, &self.stage.plain()).and_then(|text| file.write(&text));
            written = written.and(this);
        }
        written = written.and(self.stage.summarize(report));
        let sums = Sums { targets: self.digest.verdicts, results: self.digest.results };
        for stream in &mut self.streams {
            written = written.and(stream.end(report, sums));
        }
        if !is_stream(self.stage.output.format) {
            let text = self.whole(self.stage.output.format, report, &self.stage.look)?;
            super::to_stdout(&text)?;
        }
        written
    }

    fn whole(&self, format: Format, report: &Report, look: &Look) -> Result<Vec<u8>, CommandError> {
        let is_digest = format == Format::Human
            && self.stage.page == Page::Report
            && look.detail != Detail::Full
            && self.digest.verdicts.total() > Digest::FEW as u64;
        if !is_digest {
            return self.stage.text(format, report, look);
        }
        let mut text = Vec::new();
        let wrong = |error: io::Error| CommandError::Internal(format!("the report could not be rendered: {error}"));
        terminal::digest(&self.digest, &report.run, look, &mut text).map_err(wrong)?;
        Ok(text)
    }
}

/// What can go wrong with a report of an earlier run.
enum Carrying {
    Read(EarlierLinesError),
    Told(CommandError),
}

impl From<EarlierLinesError> for Carrying {
    fn from(error: EarlierLinesError) -> Self {
        Carrying::Read(error)
    }
}

impl Stream {
    /// A file. JSON Lines can be read while they grow, and stay whatever happens. Where they are the ones that are
    /// resumed, the finished lines are taken over first, so that the file is never without them.
    fn file(file: &OutputFile, look: Look, resumed: Option<&Earlier>) -> Result<Self, CommandError> {
        let name = file.path.display().to_string();
        let wrong = |error| CommandError::output(name.clone(), error);
        let mut growing = file.grow(file.format == Format::Jsonl && resumed.is_none()).map_err(wrong)?;
        if let Some(earlier) = resumed {
            if let Some(first) = &earlier.first_other {
                return Err(CommandError::usage(format!(
                    "--resume {name}: it tells of {} targets that are not among those asked about now, as {first}; write \
                     to another file with -o jsonl=FILE, so that they are not lost",
                    earlier.others
                )));
            }
            earlier
                .each(|Finished { line, .. }| -> Result<(), EarlierLinesError> {
                    Ok(growing.add(format!("{}\n", jsonl::harmless_line(&line)).as_bytes())?)
                })
                .map_err(|error| CommandError::Internal(format!("--resume {name}: {error}")))?;
            growing.settle().map_err(wrong)?;
        }
        Ok(Stream {
            format: file.format,
            look,
            to: Outlet::File(growing, name.clone()),
            has_earlier: resumed.is_some(),
        })
    }

    fn text(&self, tool: &Tool, run: &Run, target: &TargetReport, stage: &Stage<'_>) -> Result<Vec<u8>, CommandError> {
        let mut text = Vec::new();
        let told = match self.format {
            Format::Jsonl => jsonl::target(tool, run, target, &stage.policy(), &mut text),
            _ => short::target(target, &self.look, &mut text),
        };
        told.map_err(|error| CommandError::Internal(format!("the report could not be rendered: {error}")))?;
        Ok(text)
    }

    fn end(&mut self, report: &Report, sums: Sums) -> Result<(), CommandError> {
        let mut text = Vec::new();
        let told = match self.format {
            Format::Jsonl => jsonl::last(&report.tool, &report.run, sums, report.exit_code, &mut text),
            _ => short::last(&report.run, &self.look, &mut text),
        };
        told.map_err(|error| CommandError::Internal(format!("the report could not be rendered: {error}")))?;
        self.write(&text)?;
        match &mut self.to {
            Outlet::File(file, name) => file.settle().map_err(|error| CommandError::output(name.clone(), error)),
            Outlet::Stdout { .. } => Ok(()),
        }
    }

    fn write(&mut self, text: &[u8]) -> Result<(), CommandError> {
        match &mut self.to {
            Outlet::Stdout { gone: true } => Ok(()),
            Outlet::Stdout { gone } => {
                let mut out = io::stdout().lock();
                match out.write_all(text).and_then(|()| out.flush()) {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        *gone = true;
                        Ok(())
                    }
                    Err(error) => Err(CommandError::output("stdout", error)),
                    Ok(()) => Ok(()),
                }
            }
            Outlet::File(file, name) => file.add(text).map_err(|error| CommandError::output(name.clone(), error)),
        }
    }
}

/// Are these the same file?
pub(super) fn same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        // What is not there yet is told apart by its name.
        _ => one == other,
    }
}

fn millis(clock: Instant) -> u64 {
    clock.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
}
