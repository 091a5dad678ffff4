//! How many visits at once: as many as were asked for, as long as the machine bears them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Pulse;

/// Visits at once in the beginning: well below what a single core bears (about 300, `performance.md`).
const FIRST: f64 = 128.0;
/// However bad it is, a run goes on.
const LEAST: f64 = 4.0;
/// What is left of the limit after a strain.
const CUT: f64 = 0.7;
/// The visits that are under way must end before less of them can show.
const BETWEEN_CUTS: Duration = Duration::from_millis(500);
/// Visits more with each generation, once a limit was met.
const GROWTH: f64 = 8.0;

/// The limit of visits at once: it grows with each visit that ends, and shrinks when [`Pulse`] tells a strain
/// (additive increase, multiplicative decrease). Clones share it.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    pulse: Pulse,
    most: f64,
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    limit: f64,
    in_flight: usize,
    /// Strains that were answered.
    strains: u64,
    /// The last cut; `None`: no limit was met yet.
    cut: Option<Instant>,
}

/// A place among the visits at once, until it is dropped.
pub struct Permit(Arc<Inner>);

impl Admission {
    /// At most `most` (at least 1) visits at once.
    pub fn new(most: usize, pulse: &Pulse) -> Admission {
        let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
        let state = State { limit: most.min(FIRST), in_flight: 0, strains: pulse.strains(), cut: None };
        Admission(Arc::new(Inner { pulse: pulse.clone(), most, state: Mutex::new(state), freed: Notify::new() }))
    }

    /// Waits until another visit may start.
    pub async fn enter(&self) -> Permit {
        loop {
            let freed = self.0.freed.notified();
            if let Some(permit) = self.try_enter() {
                // One notice may stand for several places.
                self.0.freed.notify_one();
                return permit;
            }
            freed.await;
        }
    }

    /// A place, if there is one at this moment.
    pub fn try_enter(&self) -> Option<Permit> {
        let mut state = self.0.state();
        if state.in_flight >= state.places() {
            return None;
        }
        state.in_flight += 1;
        Some(Permit(self.0.clone()))
    }

    /// Visits that may be under way at once at this moment.
    pub fn limit(&self) -> usize {
        self.0.state().places()
    }

    /// Visits under way.
    pub fn running(&self) -> usize {
        self.0.state().in_flight
    }
}

impl State {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the most, which fits")]
    fn places(&self) -> usize {
        self.limit as usize
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A visit ended.
    fn leave(&self, now: Instant) {
        let strains = self.pulse.strains();
        let mut state = self.state();
        state.in_flight -= 1;
        if strains > state.strains {
            state.strains = strains;
            if state.cut.is_none_or(|cut| now - cut >= BETWEEN_CUTS) {
                state.cut = Some(now);
                state.limit = (state.limit * CUT).max(LEAST).min(self.most);
                tracing::info!(at_once = state.places(), "our own machine is strained: fewer visits at once");
            }
        } else {
            let more = if state.cut.is_none() { 1.0 } else { GROWTH / state.limit };
            state.limit = (state.limit + more).min(self.most);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.leave(Instant::now());
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn it_grows_to_the_most_and_no_further() {
        let admission = Admission::new(200, &Pulse::default());
        assert_eq!(admission.limit(), 128);
        let visits = (0..1000).map(|_| async {
            let _permit = admission.enter().await;
            tokio::task::yield_now().await;
            admission.running()
        });
        let seen = join_all(visits).await;
        assert_eq!(seen.into_iter().max(), Some(200));
        assert_eq!((admission.limit(), admission.running()), (200, 0));
    }

    /// A visit that ends at `now`.
    fn visit(admission: &Admission, now: Instant) {
        admission.0.state().in_flight += 1;
        admission.0.leave(now);
    }

    #[test]
    fn a_strain_cuts_it_once_and_calm_lets_it_grow_again() {
        let pulse = Pulse::default();
        let admission = Admission::new(1000, &pulse);
        let mut now = Instant::now();
        (0..104).for_each(|_| visit(&admission, now));
        assert_eq!(admission.limit(), 232);
        pulse.lose(Duration::from_secs(1));
        visit(&admission, now);
        assert_eq!(admission.limit(), 162);
        pulse.lose(Duration::from_secs(1));
        visit(&admission, now + BETWEEN_CUTS / 2);
        assert_eq!(admission.limit(), 162, "what is under way gets time to end");
        now += BETWEEN_CUTS;
        pulse.shortage();
        visit(&admission, now);
        assert_eq!(admission.limit(), 113);
        (0..113).for_each(|_| visit(&admission, now));
        assert!((119..=122).contains(&admission.limit()), "one generation: {}", admission.limit());
        for _ in 0..100 {
            now += BETWEEN_CUTS;
            pulse.shortage();
            visit(&admission, now);
        }
        assert_eq!((admission.limit(), admission.running()), (4, 0), "never none");
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_that_is_left() {
        let admission = Admission::new(1, &Pulse::default());
        let first = admission.enter().await;
        assert!(admission.try_enter().is_none());
        let waiting = tokio::spawn({
            let admission = admission.clone();
            async move { drop(admission.enter().await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert!(admission.try_enter().is_some());
    }
}
