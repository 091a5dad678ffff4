//! One visit: gathered, recorded, judged. The evidence does not outlive it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::{Evidence, Gathered, Target, Vantage};
use futures_util::FutureExt as _;
use time::OffsetDateTime;

use crate::cli::roster::Job;
use crate::cli::stage::Judge;
use crate::cli::wait;
use crate::probe::budget::Budget;
use crate::recording;
use crate::report::TargetReport;
use crate::settings::Settings;

/// How targets are visited.
pub(super) struct Visitor<G> {
    pub(super) settings: Arc<Settings>,
    pub(super) judge: Arc<Judge>,
    /// `--record`, and whether each target has its own folder in it.
    pub(super) record: Option<(PathBuf, bool)>,
    pub(super) gather: G,
}

/// What a visit brought.
pub(super) struct Visited {
    pub(super) job: Job,
    pub(super) report: Box<TargetReport>,
    /// What an attempt before brought.
    pub(super) before: Option<Box<TargetReport>>,
    /// The wait that the site itself demands.
    pub(super) asked: Duration,
    /// Why the recording could not be written.
    pub(super) unkept: Option<String>,
}

impl Visited {
    /// What an attempt before brought, and nothing since.
    pub(super) fn before(job: Job, report: Box<TargetReport>) -> Self {
        Visited { job, report, before: None, asked: Duration::ZERO, unkept: None }
    }
}

impl<G, F> Visitor<G>
where
    G: Fn(Arc<Target>, Arc<Settings>, Budget) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Evidence> + Send + 'static,
{
    /// Visits a target, on its own.
    pub(super) fn visit(
        &self,
        job: Job,
        before: Option<Box<TargetReport>>,
        budget: Budget,
    ) -> impl Future<Output = Visited> + Send + 'static {
        let (settings, judge, gather) = (Arc::clone(&self.settings), Arc::clone(&self.judge), self.gather.clone());
        let folder = self.record.as_ref().map(|(folder, has_many)| record_folder(folder, &job, *has_many));
        async move {
            let host = job.target.host.clone();
            let (turn, budget) = {
                let _waiting = budget.waiting_for("its turn at the host");
                let turn = budget.unless_interrupted(settings.shared.manners.host(&host)).await;
                // The time of a visit is not that of those before it.
                (turn, budget.beginning_now(settings.deadline))
            };
            tracing::info!(host, "visit begins");
            // On the heap: what looking needs is free again when the judging begins.
            let work = Box::pin(gather(Arc::clone(&job.target), Arc::clone(&settings), budget.clone()));
            let evidence = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(evidence) => evidence,
                Err(_) => broken_off(&job.target),
            };
            drop(turn);
            tracing::info!(host, traffic = ?budget.spent(), "visit ends");
            let (evidence, unkept) = match folder {
                Some(folder) => keep(evidence, folder).await,
                None => (Some(evidence), None),
            };
            let evidence = evidence.unwrap_or_else(|| broken_off(&job.target));
            let mut report = judge.examine(&evidence);
            if let Some(plan) = &settings.plan {
                plan.anchor(&mut report);
            }
            if report.declared_at.is_none() {
                report.declared_at.clone_from(&job.declared_at);
            }
            Visited { asked: wait::asked_for(&evidence), job, report: Box::new(report), before, unkept }
        }
    }
}

/// Writes the recording, without holding up other visits. Gives the evidence back, and what went wrong.
async fn keep(evidence: Evidence, folder: PathBuf) -> (Option<Evidence>, Option<String>) {
    let work = move || {
        let written = recording::write(&evidence, &folder);
        (evidence, written.err().map(|error| error.to_string()))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok((evidence, unkept)) => (Some(evidence), unkept),
        Err(error) => (None, Some(error.to_string())),
    }
}

/// A visit that panicked must not take the others with it, and tells nothing of the site.
fn broken_off(target: &Target) -> Evidence {
    fn bug<T>() -> Gathered<T> {
        Gathered::Missing(NotRun::Bug("the visit itself panicked".into()))
    }
    let vantage = || Vantage { tls: bug(), http: bug() };
    Evidence {
        dns: bug(),
        edge: vantage(),
        origin: vantage(),
        ..Evidence::nothing(target.redacted(), OffsetDateTime::now_utc())
    }
}

/// One target's recording is the folder itself; several have one each in it.
fn record_folder(folder: &Path, job: &Job, has_many: bool) -> PathBuf {
    match has_many {
        false => folder.to_owned(),
        true => folder.join(format!("{:03}-{}", job.index + 1, job.target.host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_have_their_own_folders() {
        let folder = Path::new("kept");
        let job = Job { index: 1, target: Arc::new("h1.example.com".parse().unwrap()), declared_at: None };
        assert_eq!(record_folder(folder, &job, false), folder);
        assert_eq!(record_folder(folder, &job, true), folder.join("002-h1.example.com"));
    }

    #[test]
    fn a_visit_that_panicked_blames_nobody() {
        let evidence = broken_off(&"h1.example.com".parse().unwrap());
        let report = crate::report::examine(&evidence, &cfdoctor_checks::all().collect::<Vec<_>>());
        assert!(report.inconclusive.is_some());
        assert!(report.results.iter().all(|result| !result.status.is_finding()));
    }
}
