//! Progress on stderr: only on a terminal, and what it waits for after ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cfdoctor_checks::evidence::text;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::stage::Stage;
use crate::probe::budget::Budget;

/// After this long it says what it waits for.
const PATIENCE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(120);

/// The line on stderr.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    total: usize,
    open: Mutex<Vec<Open>>,
    pause: Mutex<Option<Pause>>,
}

/// Between two attempts (`--wait`).
struct Pause {
    what: String,
    attempts: u32,
    until: Instant,
    since: Instant,
    limit: Duration,
}

struct Open {
    index: usize,
    host: String,
    since: Instant,
    deadline: Duration,
    budget: Budget,
}

impl Progress {
    pub(super) fn new(stage: &Stage<'_>, total: usize) -> Self {
        let bar = stage.shows_progress.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let ticks = if stage.is_unicode() { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ " } else { "-\\|/ " };
            let style =
                ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or(ProgressStyle::default_spinner());
            bar.set_style(style.tick_chars(ticks));
            bar
        });
        Progress { bar, total, open: Mutex::default(), pause: Mutex::default() }
    }

    /// A visit began.
    pub(super) fn begin(&self, index: usize, host: &str, deadline: Duration, budget: &Budget) {
        let open = Open { index, host: text::clean(host), since: Instant::now(), deadline, budget: budget.clone() };
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(open);
    }

    /// A visit ended.
    pub(super) fn end(&self, index: usize) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| open.index != index);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// All visits ended, and the next attempt comes at `until`.
    pub(super) fn pause(&self, what: &str, attempts: u32, until: Instant, since: Instant, limit: Duration) {
        let pause = Pause { what: text::clean(what), attempts, until, since, limit };
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(pause);
    }

    /// The next attempt begins.
    pub(super) fn resume(&self) {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(bar) = &self.bar {
            bar.set_position(0);
        }
    }

    /// Keeps the line up to date, for ever.
    pub(super) async fn keep(&self) {
        let Some(bar) = &self.bar else { return std::future::pending().await };
        loop {
            bar.set_message(self.message(bar.position(), Instant::now()));
            bar.tick();
            tokio::time::sleep(TICK).await;
        }
    }

    /// Clears the line.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn message(&self, done: u64, now: Instant) -> String {
        if let Some(pause) = &*self.pause.lock().unwrap_or_else(PoisonError::into_inner) {
            let Pause { what, attempts, .. } = pause;
            let tried = if *attempts == 1 { "tried once".into() } else { format!("tried {attempts} times") };
            let next = pause.until.saturating_duration_since(now).as_secs();
            let waited = now.saturating_duration_since(pause.since).as_secs();
            let limit = pause.limit.as_secs();
            return format!("waiting for {what} ({tried}, again in {next} s; {waited} s of at most {limit} s)");
        }
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(oldest) = open.iter().min_by_key(|open| open.since) else {
            return "beginning".into();
        };
        let waited = now.saturating_duration_since(oldest.since);
        let what = if self.total == 1 {
            format!("examining {}", oldest.host)
        } else {
            format!("{done} of {} examined", self.total)
        };
        if waited < PATIENCE {
            return what;
        }
        let waits = oldest.budget.waits();
        let waits = if waits.is_empty() { format!("the answers of {}", oldest.host) } else { waits.join(", ") };
        let (waited, deadline) = (waited.as_secs(), oldest.deadline.as_secs());
        format!("{what}: waiting for {waits} ({waited} s of at most {deadline} s)")
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A line that nobody sees.
    pub(crate) fn hidden(total: usize) -> Progress {
        Progress { bar: None, total, open: Mutex::default(), pause: Mutex::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::hidden;
    use super::*;

    #[test]
    fn says_what_it_waits_for() {
        let budget = Budget::quiet(Duration::from_secs(45));
        let progress = hidden(1);
        assert_eq!(progress.message(0, Instant::now()), "beginning");
        progress.begin(0, "a.example.com", Duration::from_secs(45), &budget);
        let now = Instant::now();
        assert_eq!(progress.message(0, now), "examining a.example.com");
        let later = now + Duration::from_secs(12);
        assert!(progress.message(0, later).contains("waiting for the answers of a.example.com (12 s of at most 45 s)"));
        let waiting = budget.waiting_for("TLS with the origin");
        assert!(progress.message(0, later).contains("waiting for TLS with the origin (12 s"));
        drop(waiting);
        assert!(!progress.message(0, later).contains("TLS"));
        progress.end(0);
        assert_eq!(progress.message(1, later), "beginning");
    }

    #[test]
    fn many_targets_are_counted() {
        let budget = Budget::quiet(Duration::from_secs(45));
        let progress = hidden(20);
        progress.begin(3, "d.example.com", Duration::from_secs(45), &budget);
        assert_eq!(progress.message(3, Instant::now()), "3 of 20 examined");
    }

    #[test]
    fn between_attempts_it_says_what_for_and_how_often() {
        let progress = hidden(1);
        let now = Instant::now();
        progress.pause("edge-origin-error to be well", 3, now + Duration::from_secs(20), now, Duration::from_secs(300));
        assert_eq!(
            progress.message(1, now),
            "waiting for edge-origin-error to be well (tried 3 times, again in 20 s; 0 s of at most 300 s)"
        );
        progress.resume();
        assert_eq!(progress.message(0, now), "beginning");
    }
}
