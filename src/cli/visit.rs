//! Visits targets: several at once, results in the order given, interruptible.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cfdoctor_checks::evidence::{Evidence, Target, redact};
use futures_util::{StreamExt, stream};
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::CommandError;
use super::progress::Progress;
use super::stage::Stage;
use super::wait;
use crate::policy;
use crate::probe::budget::Budget;
use crate::recording;
use crate::report::{Report, Run, TargetReport};
use crate::settings::Settings;

/// Targets in flight.
const AT_ONCE: usize = 8;

/// What a run is about.
pub(super) struct Tour<'a> {
    pub(super) targets: &'a [Target],
    pub(super) settings: &'a Settings,
    /// `--wait`: visit again until nothing fails, for at most so long.
    pub(super) wait: Option<Duration>,
    /// `--record`.
    pub(super) record: Option<&'a Path>,
    /// What is played, where nothing is real.
    pub(super) simulation: Option<String>,
}

/// Gathers over the network, judges, reports.
pub(super) fn run(stage: &Stage<'_>, tour: &Tour<'_>) -> Result<u8, CommandError> {
    let runtime = runtime()?;
    let code = runtime.block_on(visit(stage, tour));
    // A resolver of the system that still waits must not hold up the exit.
    runtime.shutdown_background();
    code
}

pub(super) fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Internal(format!("no runtime: {error}")))
}

/// The same inside a runtime.
pub(super) async fn visit(stage: &Stage<'_>, tour: &Tour<'_>) -> Result<u8, CommandError> {
    if let Some(folder) = tour.record {
        std::fs::create_dir_all(folder).map_err(|error| {
            CommandError::usage(format!("--record {}: the folder cannot be made ({error})", folder.display()))
        })?;
    }
    let clock = (OffsetDateTime::now_utc(), Instant::now());
    let (stop, interrupted) = watch::channel(false);
    let listening = tokio::spawn(listen(stop));
    let progress = Progress::new(stage, tour.targets.len());
    let last = tokio::select! {
        last = attempts(stage, tour, clock, &interrupted, &progress, crate::probe::gather) => last,
        () = progress.keep() => return Err(CommandError::Internal("the progress ended before the visit".into())),
    };
    progress.clear();
    listening.abort();
    let mut recorded = Ok(());
    if let Some(folder) = tour.record {
        for (index, evidence) in last.evidence.iter().enumerate() {
            if let Some(evidence) = evidence {
                recorded = recorded.and(keep(evidence, &record_folder(folder, index, tour.targets)));
            }
        }
    }
    let code = stage.finish(&last.report)?;
    recorded.map(|()| code)
}

/// The last attempt.
struct Last {
    report: Report,
    /// For each target, unless the visit was interrupted before.
    evidence: Vec<Option<Evidence>>,
}

/// One visit; with `--wait` as many as it takes.
async fn attempts(
    stage: &Stage<'_>,
    tour: &Tour<'_>,
    (started_at, clock): (OffsetDateTime, Instant),
    interrupted: &watch::Receiver<bool>,
    progress: &Progress,
    gather: impl AsyncFn(&Target, &Settings, &Budget) -> Evidence,
) -> Last {
    let (mut sent, mut api_sent) = (0_u32, 0_u32);
    let mut attempts = 0_u32;
    loop {
        attempts = attempts.saturating_add(1);
        let evidence = gather_all(tour, interrupted, progress, &gather).await;
        let mut targets: Vec<TargetReport> =
            evidence.iter().flatten().map(|evidence| stage.examine(evidence)).collect();
        if let Some(plan) = &tour.settings.plan {
            targets.iter_mut().for_each(|target| plan.anchor(target));
        }
        let missed = tour.targets.iter().zip(&evidence).filter(|(_, evidence)| evidence.is_none());
        let not_visited = missed.map(|(target, _)| redact::text(&target.url())).collect();
        let mut run = new_run(started_at, clock, &targets);
        sent = sent.saturating_add(run.requests_sent);
        api_sent = api_sent.saturating_add(run.api_requests_sent);
        run = Run {
            requests_sent: sent,
            api_requests_sent: api_sent,
            attempts,
            interrupted: *interrupted.borrow(),
            not_visited,
            simulation: tour.simulation.clone(),
            ..run
        };
        let mut report = stage.report(run, targets);
        let asked = evidence.iter().flatten().map(wait::asked_for).max().unwrap_or_default();
        let limit = tour.wait.filter(|_| wait::is_worth_it(&report));
        let pause = limit.and_then(|limit| wait::pause(attempts, asked, limit.saturating_sub(clock.elapsed())));
        let (Some(limit), Some(pause)) = (limit, pause) else { return Last { report, evidence } };
        let what = wait::what(&report);
        tracing::info!(attempts, ?pause, what, "not yet");
        progress.pause(&what, attempts, Instant::now() + pause, clock, limit);
        if !slept(pause, interrupted).await {
            report.run.interrupted = true;
            let Report { run, targets, .. } = report;
            return Last { report: stage.report(Run { notices: Vec::new(), ..run }, targets), evidence };
        }
        progress.resume();
    }
}

/// Sleeps; false: the user ended it.
async fn slept(pause: Duration, interrupted: &watch::Receiver<bool>) -> bool {
    let mut interrupted = interrupted.clone();
    tokio::select! {
        () = tokio::time::sleep(pause) => true,
        Ok(_) = interrupted.wait_for(|stopped| *stopped) => false,
    }
}

/// `--record`.
fn keep(evidence: &Evidence, folder: &Path) -> Result<(), CommandError> {
    recording::write(evidence, folder).map_err(|error| CommandError::Internal(format!("--record: {error}")))
}

/// Evidence for each target, in order; `None`: interrupted before its turn.
async fn gather_all(
    tour: &Tour<'_>,
    interrupted: &watch::Receiver<bool>,
    progress: &Progress,
    gather: &impl AsyncFn(&Target, &Settings, &Budget) -> Evidence,
) -> Vec<Option<Evidence>> {
    let visits = tour.targets.iter().enumerate().map(|(index, target)| async move {
        if *interrupted.borrow() {
            return None;
        }
        let deadline = tour.settings.deadline;
        let budget = Budget::new(deadline, interrupted.clone());
        progress.begin(index, &target.host, deadline, &budget);
        tracing::info!(host = target.host, "visit begins");
        let evidence = gather(target, tour.settings, &budget).await;
        tracing::info!(host = target.host, traffic = ?budget.spent(), "visit ends");
        progress.end(index);
        Some(evidence)
    });
    stream::iter(visits).buffered(AT_ONCE).collect().await
}

/// The first Ctrl-C ends the waiting, the second everything.
async fn listen(stop: watch::Sender<bool>) {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    let _ = stop.send(true);
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(policy::INTERRUPTED.into());
    }
}

/// One target's recording is the folder itself; several have one each in it.
fn record_folder(folder: &Path, index: usize, targets: &[Target]) -> PathBuf {
    match targets {
        [_] => folder.to_owned(),
        _ => folder.join(format!("{:03}-{}", index + 1, targets.get(index).map_or("", |target| &target.host))),
    }
}

/// A run that began then and ends now.
pub(super) fn new_run(started_at: OffsetDateTime, clock: Instant, targets: &[TargetReport]) -> Run {
    // The hasher's keys are random for each call.
    let id = RandomState::new().hash_one((started_at.unix_timestamp_nanos(), std::process::id()));
    Run {
        id: format!("{id:016x}"),
        started_at: started_at.replace_nanosecond(0).unwrap_or(started_at),
        elapsed_ms: clock.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        requests_sent: targets.iter().map(|target| target.requests_sent).sum(),
        api_requests_sent: targets.iter().map(|target| target.api_requests_sent).sum(),
        interrupted: false,
        not_visited: Vec::new(),
        attempts: 1,
        simulation: None,
        notices: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::cli::progress::testing::hidden;

    fn targets(count: usize) -> Vec<Target> {
        (0..count).map(|n| format!("h{n}.example.com").parse().unwrap()).collect()
    }

    fn nothing(target: &Target) -> Evidence {
        Evidence::nothing(target.clone(), OffsetDateTime::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn several_at_once_in_the_order_given() {
        let targets = targets(20);
        let settings = Settings::default();
        let tour = Tour { targets: &targets, settings: &settings, wait: None, record: None, simulation: None };
        let (_stop, interrupted) = watch::channel(false);
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let gather = async |target: &Target, _: &Settings, _: &Budget| {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            // Later ones are quicker.
            let number: u64 = target.host[1..].split('.').next().unwrap().parse().unwrap();
            tokio::time::sleep(Duration::from_millis(40 - number)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            nothing(target)
        };
        let gathered = gather_all(&tour, &interrupted, &hidden(20), &gather).await;
        let hosts: Vec<String> = gathered.into_iter().map(|evidence| evidence.unwrap().target.host).collect();
        assert_eq!(hosts, targets.iter().map(|target| target.host.clone()).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    }

    #[tokio::test]
    async fn an_interruption_keeps_what_was_gathered() {
        let targets = targets(AT_ONCE + 2);
        let settings = Settings::default();
        let tour = Tour { targets: &targets, settings: &settings, wait: None, record: None, simulation: None };
        let (stop, interrupted) = watch::channel(false);
        let gather = async |target: &Target, _: &Settings, budget: &Budget| {
            let cut = budget.limit(Duration::from_secs(60), std::future::pending::<()>()).await;
            assert!(cut.is_err());
            nothing(target)
        };
        let progress = hidden(targets.len());
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            stop.send(true).unwrap();
        };
        let (gathered, ()) = tokio::join!(gather_all(&tour, &interrupted, &progress, &gather), stopping);
        let visited: Vec<bool> = gathered.iter().map(Option::is_some).collect();
        assert_eq!(visited.iter().filter(|visited| **visited).count(), AT_ONCE);
        assert_eq!(visited[AT_ONCE..], [false, false]);
    }

    #[test]
    fn recordings_have_their_own_folders() {
        let folder = Path::new("kept");
        assert_eq!(record_folder(folder, 0, &targets(1)), folder);
        assert_eq!(record_folder(folder, 1, &targets(2)), folder.join("002-h1.example.com"));
    }
}
