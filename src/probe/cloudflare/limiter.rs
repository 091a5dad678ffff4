//! Cloudflare's limits on requests, kept by all targets of a run together.
//!
//! 1,200 requests in five minutes for a user, 200 a second for an address; beyond it everything is blocked for five
//! minutes (`facts/cloudflare.md` section 8.1).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Requests in [`WINDOW`].
const MOST: usize = 1_200;
const WINDOW: Duration = Duration::from_secs(300);
/// Requests in a second.
const MOST_A_SECOND: usize = 200;
const SECOND: Duration = Duration::from_secs(1);

/// Lets a request go when it may.
pub(super) struct Limiter {
    state: Mutex<State>,
    windows: [(usize, Duration); 2],
}

#[derive(Default)]
struct State {
    /// When requests were let go, the oldest first.
    sent: VecDeque<Instant>,
    /// The API told us to wait until then.
    blocked_until: Option<Instant>,
}

impl Default for Limiter {
    fn default() -> Self {
        Limiter::new([(MOST, WINDOW), (MOST_A_SECOND, SECOND)])
    }
}

impl Limiter {
    fn new(windows: [(usize, Duration); 2]) -> Self {
        Limiter { state: Mutex::default(), windows }
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// How long one would have to wait, where that is beyond `until`.
    pub(super) async fn turn(&self, until: Instant) -> Result<(), Duration> {
        loop {
            let now = Instant::now();
            let Some(free) = self.take(now) else { return Ok(()) };
            if free > until {
                return Err(free - now);
            }
            tokio::time::sleep_until(free).await;
        }
    }

    /// The API asked for a pause.
    pub(super) fn pause(&self, length: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + length;
        state.blocked_until = Some(state.blocked_until.map_or(end, |before| before.max(end)));
    }

    /// Takes a place; or says when the next one is free.
    fn take(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = self.windows.iter().map(|(_, window)| *window).max().unwrap_or_default();
        while state.sent.front().is_some_and(|sent| *sent + longest <= now) {
            state.sent.pop_front();
        }
        let full = |(most, window): &(usize, Duration)| {
            let oldest = state.sent.len().checked_sub(*most).and_then(|at| state.sent.get(at))?;
            Some(*oldest + *window).filter(|free| *free > now)
        };
        let blocked = state.blocked_until.filter(|end| *end > now);
        let wait = self.windows.iter().filter_map(full).chain(blocked).max();
        if wait.is_none() {
            state.sent.push_back(now);
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_window_makes_wait_or_gives_up() {
        let limiter = Limiter::new([(5, Duration::from_secs(60)), (3, Duration::from_millis(40))]);
        let start = Instant::now();
        let soon = start + Duration::from_secs(5);
        for _ in 0..3 {
            limiter.turn(soon).await.unwrap();
        }
        assert!(start.elapsed() < Duration::from_millis(40));
        limiter.turn(soon).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(40), "the fourth waits for the short window");
        limiter.turn(soon).await.unwrap();
        let wait = limiter.turn(soon).await.unwrap_err();
        assert!((55..=60).contains(&wait.as_secs()), "{wait:?}");
    }

    #[tokio::test]
    async fn a_pause_holds_for_everybody() {
        let limiter = Limiter::default();
        limiter.pause(Duration::from_millis(50));
        limiter.pause(Duration::from_millis(1));
        let start = Instant::now();
        assert!(limiter.turn(start + Duration::from_millis(10)).await.is_err());
        limiter.turn(start + Duration::from_secs(1)).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn the_documented_number_in_five_minutes() {
        let limiter = Limiter::new([(MOST, WINDOW), (MOST, Duration::from_millis(1))]);
        let until = Instant::now() + Duration::from_secs(2);
        for _ in 0..MOST {
            limiter.turn(until).await.unwrap();
        }
        assert!(limiter.turn(until).await.unwrap_err() > Duration::from_secs(290));
    }
}
