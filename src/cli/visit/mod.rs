//! Visits targets: several at once, each told as soon as it is done, interruptible.

mod one;

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cfdoctor_checks::evidence::{Evidence, Target, redact, text};
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::CommandError;
use super::progress::Progress;
use super::roster::{Job, Roster};
use super::stage::Stage;
use super::tell::{Silence, Teller};
use super::wait;
use crate::fleet;
use crate::policy;
use crate::probe::budget::Budget;
use crate::report::{Run, TargetReport};
use crate::settings::Settings;
use crate::shared::Admission;
use one::{Visited, Visitor};

/// Targets not visited that the report names.
const NAMED: usize = 1000;

/// What a run is about.
pub(super) struct Tour<'a> {
    pub(super) roster: &'a Roster<'a>,
    pub(super) settings: Settings,
    /// Visits at the same time.
    pub(super) concurrency: u32,
    /// `--wait`: visit again until nothing fails, for at most so long.
    pub(super) wait: Option<Duration>,
    /// `--record`.
    pub(super) record: Option<&'a Path>,
    /// What is played, where nothing is real.
    pub(super) simulation: Option<String>,
}

/// Octets of a thread's stack: what the main thread has. Rules, templates and evidence are judged on all of them.
const STACK: usize = 8 * 1024 * 1024;

pub(super) fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(|error| CommandError::Internal(format!("no runtime: {error}")))
}

/// Gathers over the network, judges, reports.
pub(super) fn run(stage: &Stage<'_>, tour: Tour<'_>) -> Result<u8, CommandError> {
    let runtime = runtime()?;
    let code = runtime.block_on(visit(stage, tour));
    // A resolver of the system that still waits must not hold up the exit.
    runtime.shutdown_background();
    code
}

/// The same inside a runtime.
pub(super) async fn visit(stage: &Stage<'_>, tour: Tour<'_>) -> Result<u8, CommandError> {
    let gather = |target: Arc<Target>, settings: Arc<Settings>, budget: Budget| async move {
        crate::probe::gather(&target, &settings, &budget).await
    };
    visit_by(stage, tour, gather).await
}

/// The same, by this way of looking.
async fn visit_by<G, F>(stage: &Stage<'_>, tour: Tour<'_>, gather: G) -> Result<u8, CommandError>
where
    G: Fn(Arc<Target>, Arc<Settings>, Budget) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Evidence> + Send + 'static,
{
    if let Some(folder) = tour.record {
        std::fs::create_dir_all(folder).map_err(|error| {
            CommandError::usage(format!("--record {}: the folder cannot be made ({error})", folder.display()))
        })?;
    }
    let (began, roster) = (Instant::now(), tour.roster);
    let run = Run { simulation: tour.simulation.clone(), ..new_run(OffsetDateTime::now_utc(), began, &[]) };
    let (stop, interrupted) = watch::channel(false);
    let stop = Arc::new(stop);
    let listening = tokio::spawn(listen(Arc::clone(&stop)));
    let progress = Progress::new(stage, roster.total());
    let teller = Teller::open(stage, (run, began), roster.earlier(), (roster.total(), roster.is_part()))?;
    let mut round = Round { teller, failed: None, unkept: None, stop, interrupted, progress: &progress };
    if let Some(earlier) = roster.earlier() {
        let (done, failing) = round.teller.carry(earlier, |url| roster.index_of(url)).map_err(Silence::into_error)?;
        progress.skip(done, failing);
    }

    let admission = Admission::new(tour.concurrency as usize, &tour.settings.shared.pulse);
    let visitor = Visitor {
        settings: Arc::new(tour.settings),
        judge: Arc::clone(&stage.judge),
        record: tour.record.map(|folder| (folder.to_owned(), roster.total() > 1)),
        gather,
    };
    let (attempts, left) = tokio::select! {
        done = round.all(&visitor, &admission, roster, tour.wait, began) => done,
        () = progress.keep() => return Err(CommandError::Internal("the progress ended before the visit".into())),
    };
    progress.clear();
    listening.abort();
    let Round { teller, failed, unkept, .. } = round;
    if let Some(error) = failed {
        return Err(error);
    }
    let code = teller.finish(roster.notices.clone(), left, attempts)?;
    match unkept {
        Some(why) => Err(CommandError::Internal(format!("--record: {why}"))),
        None => Ok(code),
    }
}

/// What changes while targets are visited.
struct Round<'a> {
    teller: Teller<'a>,
    /// Why nothing more can be told.
    failed: Option<CommandError>,
    /// Why a recording could not be written, the first time.
    unkept: Option<String>,
    stop: Arc<watch::Sender<bool>>,
    interrupted: watch::Receiver<bool>,
    progress: &'a Progress,
}

/// A visit, and what an attempt before brought (`--wait`).
struct Attempt {
    job: Job,
    before: Option<Box<TargetReport>>,
}

impl Round<'_> {
    /// Every target; with `--wait` those that fail again and again. Gives the number of attempts, and what was not
    /// visited: the first URLs, and how many more.
    async fn all<G, F>(
        &mut self,
        visitor: &Visitor<G>,
        admission: &Admission,
        roster: &Roster<'_>,
        wait: Option<Duration>,
        began: Instant,
    ) -> (u32, (Vec<String>, u64))
    where
        G: Fn(Arc<Target>, Arc<Settings>, Budget) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Evidence> + Send + 'static,
    {
        let mut jobs = roster.jobs().map(|job| Attempt { job, before: None });
        let mut failing = self.once(visitor, admission, &mut jobs, wait.is_some()).await;
        let left = count_left(jobs.map(|attempt| attempt.job));
        let mut attempts = 1_u32;
        while let Some(limit) = wait.filter(|_| !failing.is_empty() && !*self.interrupted.borrow()) {
            let asked = failing.iter().map(|visited| visited.asked).max().unwrap_or_default();
            let Some(pause) = wait::pause(attempts, asked, limit.saturating_sub(began.elapsed())) else { break };
            let what = wait::what(failing.iter().map(|visited| &*visited.report));
            tracing::info!(attempts, ?pause, what, targets = failing.len(), "not yet");
            self.progress.pause(&what, attempts, Instant::now() + pause, began, limit);
            if !slept(pause, &self.interrupted).await {
                break;
            }
            self.progress.resume(failing.len() as u64);
            attempts = attempts.saturating_add(1);
            visitor.settings.shared.forget_names();
            let again = |visited: Visited| Attempt { job: visited.job, before: Some(visited.report) };
            let mut jobs = std::mem::take(&mut failing).into_iter().map(again);
            failing = self.once(visitor, admission, &mut jobs, true).await;
            for Attempt { job, before } in jobs {
                // Not visited again: what was seen before still holds.
                failing.extend(before.map(|report| Visited::before(job, report)));
            }
        }
        if *self.interrupted.borrow() {
            self.teller.interrupted();
        }
        for visited in failing {
            self.tell(visited.job.index, *visited.report);
        }
        (attempts, left)
    }

    /// One visit of each. Gives those that are worth another one, where that is wanted; all others are told.
    async fn once<G, F>(
        &mut self,
        visitor: &Visitor<G>,
        admission: &Admission,
        jobs: &mut impl Iterator<Item = Attempt>,
        waits: bool,
    ) -> Vec<Visited>
    where
        G: Fn(Arc<Target>, Arc<Settings>, Budget) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Evidence> + Send + 'static,
    {
        let (interrupted, progress) = (self.interrupted.clone(), self.progress);
        let begin = |Attempt { job, before }: Attempt| {
            let deadline = visitor.settings.deadline;
            let budget = Budget::new(deadline, interrupted.clone());
            progress.begin(job.index, &job.target.host, deadline, &budget);
            visitor.visit(job, before, budget)
        };
        let policy = self.teller.policy();
        let mut failing = Vec::new();
        let done = |mut visited: Visited| {
            let is_cut = *interrupted.borrow();
            if is_cut {
                self.teller.interrupted();
            }
            self.teller.sent(&visited.report);
            self.unkept = self.unkept.take().or(visited.unkept.take());
            // What was seen whole says more than what was cut short.
            if let Some(before) = visited.before.take().filter(|_| is_cut) {
                visited.report = before;
            }
            let fails = wait::is_worth_it(&visited.report, &policy);
            progress.end(visited.job.index, fails);
            match waits && fails && !is_cut {
                true => failing.push(visited),
                false => self.tell(visited.job.index, *visited.report),
            }
        };
        fleet::run(jobs, admission, &interrupted, begin, done).await;
        failing
    }

    fn tell(&mut self, index: usize, report: TargetReport) {
        let teller = &mut self.teller;
        match self.progress.aside(|| teller.tell(index, report)) {
            Ok(()) => {}
            Err(silence) => {
                if let Silence::Failed(error) = silence {
                    self.failed.get_or_insert(error);
                }
                // Nobody would learn of the rest.
                let _ = self.stop.send(true);
            }
        }
    }
}

/// The first URLs of what was not visited, and how many more there are.
fn count_left(jobs: impl Iterator<Item = Job>) -> (Vec<String>, u64) {
    let (mut named, mut more) = (Vec::new(), 0);
    for job in jobs {
        if named.len() < NAMED {
            named.push(text::clean(&redact::text(&job.target.url())));
        } else {
            more += 1;
        }
    }
    (named, more)
}

/// Sleeps; false: the user ended it.
async fn slept(pause: Duration, interrupted: &watch::Receiver<bool>) -> bool {
    let mut interrupted = interrupted.clone();
    tokio::select! {
        () = tokio::time::sleep(pause) => true,
        Ok(_) = interrupted.wait_for(|stopped| *stopped) => false,
    }
}

/// The first Ctrl-C ends the waiting, the second everything.
async fn listen(stop: Arc<watch::Sender<bool>>) {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    let _ = stop.send(true);
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(policy::INTERRUPTED.into());
    }
}

/// A run that began then and ends now.
pub(super) fn new_run(started_at: OffsetDateTime, clock: Instant, targets: &[TargetReport]) -> Run {
    // The hasher's keys are random for each call.
    let id = RandomState::new().hash_one((started_at.unix_timestamp_nanos(), std::process::id()));
    Run {
        elapsed_ms: clock.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        requests_sent: targets.iter().map(|target| target.requests_sent).sum(),
        api_requests_sent: targets.iter().map(|target| target.api_requests_sent).sum(),
        ..Run::begun(format!("{id:016x}"), started_at.replace_nanosecond(0).unwrap_or(started_at))
    }
}

#[cfg(test)]
mod tests;
