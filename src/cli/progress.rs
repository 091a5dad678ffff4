//! Progress on stderr: only on a terminal, and what it waits for after ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cfdoctor_checks::evidence::text;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::stage::Stage;
use crate::probe::budget::Budget;

/// After this long it says what it waits for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Visits that tell the pace.
const PACE: u64 = 5;
const TICK: Duration = Duration::from_millis(120);

/// The line on stderr.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    total: usize,
    open: Mutex<Vec<Open>>,
    pause: Mutex<Option<Pause>>,
    counts: Mutex<Counts>,
    since: Instant,
}

/// How far it is.
#[derive(Clone, Copy, Default)]
struct Counts {
    done: u64,
    /// Of these, targets that are not well.
    failing: u64,
    /// Of these, targets that an earlier run has finished.
    skipped: u64,
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
            let template = if total > 1 { "{spinner} {bar:24} {wide_msg}" } else { "{spinner} {wide_msg}" };
            let style = ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_spinner());
            let style = style.progress_chars(if stage.is_unicode() { "█▉▊▋▌▍▎▏ " } else { "#- " });
            bar.set_style(style.tick_chars(ticks));
            bar.set_length(total.try_into().unwrap_or(u64::MAX));
            bar
        });
        Progress::with(bar, total)
    }

    fn with(bar: Option<ProgressBar>, total: usize) -> Self {
        let (open, pause, counts) = (Mutex::default(), Mutex::default(), Mutex::default());
        Progress { bar, total, open, pause, counts, since: Instant::now() }
    }

    /// So many were finished by an earlier run, and so many of these are not well.
    pub(super) fn skip(&self, done: u64, failing: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts = Counts { done, failing, skipped: done };
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    /// Does something else on the terminal, and shows the line again.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }

    /// A visit began.
    pub(super) fn begin(&self, index: usize, host: &str, deadline: Duration, budget: &Budget) {
        let open = Open { index, host: text::clean(host), since: Instant::now(), deadline, budget: budget.clone() };
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(open);
    }

    /// A visit ended; `fails`: and the target is not well.
    pub(super) fn end(&self, index: usize, fails: bool) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| open.index != index);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.done += 1;
        counts.failing += u64::from(fails);
        if let Some(bar) = &self.bar {
            bar.set_position(counts.done);
        }
    }

    /// All visits ended, and the next attempt comes at `until`.
    pub(super) fn pause(&self, what: &str, attempts: u32, until: Instant, since: Instant, limit: Duration) {
        let pause = Pause { what: text::clean(what), attempts, until, since, limit };
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(pause);
    }

    /// The next attempt begins, with so many that were not well.
    pub(super) fn resume(&self, again: u64) {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.done = counts.done.saturating_sub(again);
        counts.failing = counts.failing.saturating_sub(again);
        // The pause tells nothing of the pace.
        counts.skipped = counts.done;
        if let Some(bar) = &self.bar {
            bar.set_position(counts.done);
        }
    }

    /// Keeps the line up to date, for ever.
    pub(super) async fn keep(&self) {
        let Some(bar) = &self.bar else { return std::future::pending().await };
        loop {
            bar.set_message(self.message(Instant::now()));
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

    fn message(&self, now: Instant) -> String {
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
        let what = if self.total == 1 { format!("examining {}", oldest.host) } else { self.far(now) };
        if waited < PATIENCE {
            return what;
        }
        let waits = oldest.budget.waits();
        let waits = if waits.is_empty() { format!("the answers of {}", oldest.host) } else { waits.join(", ") };
        let (waited, deadline) = (waited.as_secs(), oldest.deadline.as_secs());
        format!("{what}: waiting for {waits} ({waited} s of at most {deadline} s)")
    }
}

impl Progress {
    /// `120 of 300 examined, 4 not well, about 12 s left`.
    fn far(&self, now: Instant) -> String {
        let Counts { done, failing, skipped } = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = format!("{done} of {} examined", self.total);
        if failing > 0 {
            text.push_str(&format!(", {failing} not well"));
        }
        let (own, left) = (done - skipped, (self.total as u64).saturating_sub(done));
        if own >= PACE && left > 0 {
            let each = now.saturating_duration_since(self.since).as_secs_f64() / own as f64;
            text.push_str(&format!(", about {} left", rough(each * left as f64)));
        }
        text
    }
}

/// Seconds, minutes or hours.
fn rough(seconds: f64) -> String {
    match seconds {
        ..=90.0 => format!("{seconds:.0} s"),
        ..=5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A line that nobody sees.
    pub(crate) fn hidden(total: usize) -> Progress {
        Progress::with(None, total)
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
        assert_eq!(progress.message(Instant::now()), "beginning");
        progress.begin(0, "a.example.com", Duration::from_secs(45), &budget);
        let now = Instant::now();
        assert_eq!(progress.message(now), "examining a.example.com");
        let later = now + Duration::from_secs(12);
        assert!(progress.message(later).contains("waiting for the answers of a.example.com (12 s of at most 45 s)"));
        let waiting = budget.waiting_for("TLS with the origin");
        assert!(progress.message(later).contains("waiting for TLS with the origin (12 s"));
        drop(waiting);
        assert!(!progress.message(later).contains("TLS"));
        progress.end(0, false);
        assert_eq!(progress.message(later), "beginning");
    }

    #[test]
    fn many_targets_are_counted() {
        let budget = Budget::quiet(Duration::from_secs(45));
        let progress = hidden(20);
        progress.begin(3, "d.example.com", Duration::from_secs(45), &budget);
        for index in 10..20 {
            progress.begin(index, "x.example.com", Duration::from_secs(45), &budget);
            progress.end(index, index == 12);
        }
        assert_eq!(
            progress.message(progress.since + Duration::from_secs(5)),
            "10 of 20 examined, 1 not well, about 5 s left"
        );
        progress.resume(1);
        assert_eq!(progress.message(Instant::now()), "9 of 20 examined");
        progress.skip(4, 0);
        assert_eq!(progress.message(Instant::now()), "4 of 20 examined");
        assert_eq!([rough(12.2), rough(600.0), rough(9000.0)], ["12 s", "10 min", "2.5 h"]);
    }

    #[test]
    fn between_attempts_it_says_what_for_and_how_often() {
        let progress = hidden(1);
        let now = Instant::now();
        progress.pause("edge-origin-error to be well", 3, now + Duration::from_secs(20), now, Duration::from_secs(300));
        assert_eq!(
            progress.message(now),
            "waiting for edge-origin-error to be well (tried 3 times, again in 20 s; 0 s of at most 300 s)"
        );
        progress.resume(1);
        assert_eq!(progress.message(now), "beginning");
    }
}
