//! What one target may cost: time, connections, requests. Every wait of a probe goes through [`Budget::limit`].

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cfdoctor_checks::evidence::Traffic;
use cfdoctor_checks::evidence::tls::{Limit, Patience};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::shared::Pulse;

/// TCP connections for one target (`product.md` section 10).
pub const MAX_CONNECTIONS: u32 = 6;
/// HTTP requests for one target (`product.md` section 10).
pub const MAX_REQUESTS: u32 = 12;

/// The limits of one target's visit; clones share the counters.
#[derive(Clone)]
pub struct Budget {
    deadline: Instant,
    interrupted: watch::Receiver<bool>,
    counters: Arc<Counters>,
    waits: Arc<Mutex<Vec<Arc<str>>>>,
    pulse: Option<Pulse>,
}

/// So much lost time may make a server give us up, which closes idle connections after a few seconds.
const MUCH_LOST: Duration = Duration::from_secs(2);

/// Our own machine during an exchange ([`Budget::watch`]).
pub struct Watch<'a> {
    budget: &'a Budget,
    start: Instant,
    lost: Duration,
}

impl Watch<'_> {
    /// Was our machine so busy that a peer which went away may have gone because of us?
    pub fn overloaded(&self) -> Option<Patience> {
        (self.budget.lost().saturating_sub(self.lost) >= MUCH_LOST).then(|| Patience {
            after_ms: self.start.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            limit: Limit::Overloaded,
        })
    }
}

/// Something is waited for as long as this lives ([`Budget::waiting_for`]).
pub struct Waiting {
    what: Arc<str>,
    waits: Arc<Mutex<Vec<Arc<str>>>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).retain(|what| !Arc::ptr_eq(what, &self.what));
    }
}

#[derive(Default)]
struct Counters {
    dns_queries: AtomicU32,
    connections: AtomicU32,
    http_requests: AtomicU32,
    api_requests: AtomicU32,
}

impl Budget {
    /// A budget that ends `deadline` from now, or as soon as `interrupted` turns true.
    pub fn new(deadline: Duration, interrupted: watch::Receiver<bool>) -> Self {
        Budget {
            deadline: Instant::now() + deadline,
            interrupted,
            counters: Arc::default(),
            waits: Arc::default(),
            pulse: None,
        }
    }

    /// A budget that nobody interrupts.
    pub fn quiet(deadline: Duration) -> Self {
        let (_, never) = watch::channel(false);
        Budget::new(deadline, never)
    }

    /// The same budget, which ends `deadline` from now.
    #[must_use]
    pub fn beginning_now(&self, deadline: Duration) -> Self {
        Budget { deadline: Instant::now() + deadline, ..self.clone() }
    }

    /// The same budget for a process whose pulse is felt: time that our own machine lost counts for no step.
    #[must_use]
    pub fn feeling(&self, pulse: &Pulse) -> Self {
        Budget { pulse: Some(pulse.clone()), ..self.clone() }
    }

    /// Our own system ran out of something.
    pub fn note_shortage(&self) {
        if let Some(pulse) = &self.pulse {
            pulse.shortage();
        }
    }

    /// Time that our own machine lost so far.
    pub fn lost(&self) -> Duration {
        self.pulse.as_ref().map(Pulse::lost).unwrap_or_default()
    }

    /// A watch on our own machine for one exchange with a peer.
    pub fn watch(&self) -> Watch<'_> {
        Watch { budget: self, start: Instant::now(), lost: self.lost() }
    }

    /// Awaits `work` for at most `step`, and never beyond the deadline or an interruption. What our own machine lost
    /// in the meantime is added to the step: only calm time says something about the peer.
    ///
    /// A large future is given pinned ([`std::pin::pin!`], or on the heap): an `async fn` keeps what it was given, and
    /// what it awaits of it, in two places.
    ///
    /// # Errors
    /// How long we waited, and whose limit ended it.
    pub async fn limit<T>(&self, step: Duration, work: impl Future<Output = T>) -> Result<T, Patience> {
        let (start, lost) = (Instant::now(), self.lost());
        let patience = |limit| Patience { after_ms: start.elapsed().as_millis().try_into().unwrap_or(u64::MAX), limit };
        tokio::select! {
            biased;
            done = work => Ok(done),
            limit = self.end_of(start + step, lost) => Err(patience(limit)),
            () = self.interruption() => Err(patience(Limit::Interrupted)),
        }
    }

    /// Awaits `work`, however long it takes; `None`: interrupted before.
    pub async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.interruption() => None,
        }
    }

    async fn interruption(&self) {
        if self.interrupted.clone().wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await; // the sender is gone: nobody can interrupt any more
        }
    }

    /// Sleeps until a step ends that ends at `end` if nothing is lost from here on; tells whose limit that was.
    async fn end_of(&self, end: Instant, lost_before: Duration) -> Limit {
        loop {
            let end = end + self.lost().saturating_sub(lost_before);
            if end > self.deadline {
                tokio::time::sleep_until(self.deadline).await;
                return Limit::Deadline;
            }
            if end <= Instant::now() {
                return Limit::Step;
            }
            tokio::time::sleep_until(end).await;
        }
    }

    /// Is there no time left?
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.deadline || *self.interrupted.borrow()
    }

    /// Says what is waited for until the guard is dropped, as a noun ("TLS with the origin"): progress shows it.
    #[must_use]
    pub fn waiting_for(&self, what: &str) -> Waiting {
        let what: Arc<str> = what.into();
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).push(what.clone());
        Waiting { what, waits: self.waits.clone() }
    }

    /// What is waited for, the oldest first.
    pub fn waits(&self) -> Vec<String> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).iter().map(ToString::to_string).collect()
    }

    /// Counts a DNS question.
    pub fn count_query(&self) {
        self.counters.dns_queries.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one of the TCP connections; `false`: none is left, do not connect.
    #[must_use]
    pub fn take_connection(&self) -> bool {
        take(&self.counters.connections, MAX_CONNECTIONS)
    }

    /// Takes one of the HTTP requests; `false`: none is left, do not ask.
    #[must_use]
    pub fn take_request(&self) -> bool {
        take(&self.counters.http_requests, MAX_REQUESTS)
    }

    /// Counts a request to an API of Cloudflare or AWS; these keep their own limits.
    pub fn count_api_request(&self) {
        self.counters.api_requests.fetch_add(1, Ordering::Relaxed);
    }

    /// What was spent so far.
    pub fn spent(&self) -> Traffic {
        Traffic {
            dns_queries: self.counters.dns_queries.load(Ordering::Relaxed),
            connections: self.counters.connections.load(Ordering::Relaxed),
            http_requests: self.counters.http_requests.load(Ordering::Relaxed),
            api_requests: self.counters.api_requests.load(Ordering::Relaxed),
        }
    }
}

fn take(counter: &AtomicU32, most: u32) -> bool {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < most).then_some(n + 1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_nearest_limit_ends_a_wait() {
        let budget = Budget::quiet(Duration::from_millis(40));
        let step = budget.limit(Duration::from_millis(5), std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(step.limit, Limit::Step);
        let deadline = budget.limit(Duration::from_secs(5), std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(deadline.limit, Limit::Deadline);
        assert!(budget.is_over());
        let (stop, interrupted) = watch::channel(false);
        let budget = Budget::new(Duration::from_secs(5), interrupted);
        stop.send(true).unwrap();
        let cut = budget.limit(Duration::from_secs(1), std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(cut.limit, Limit::Interrupted);
    }

    #[tokio::test]
    async fn time_that_we_lost_counts_for_no_step_and_never_beyond_the_deadline() {
        let pulse = Pulse::default();
        let calm = Budget::quiet(Duration::from_secs(45)).feeling(&pulse);
        let losing = async |time| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            pulse.lose(time);
        };
        let silent = calm.limit(Duration::from_millis(200), std::future::pending::<()>());
        let (step, ()) = tokio::join!(silent, losing(Duration::from_millis(400)));
        let step = step.unwrap_err();
        assert!(step.limit == Limit::Step && step.after_ms >= 600, "{step:?}");
        let start = Instant::now();
        pulse.lose(Duration::from_secs(3600));
        let step = calm.limit(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(step.limit, Limit::Step, "what was lost before is not given back twice");
        assert!(start.elapsed() < Duration::from_secs(30));
        let short = Budget::quiet(Duration::from_millis(500)).feeling(&pulse);
        let silent = short.limit(Duration::from_millis(200), std::future::pending::<()>());
        let (cut, ()) = tokio::join!(silent, losing(Duration::from_secs(100)));
        let cut = cut.unwrap_err();
        assert!(cut.limit == Limit::Deadline && cut.after_ms < 45_000, "and then it is nobody's fault: {cut:?}");
    }

    #[tokio::test]
    async fn much_lost_time_is_an_excuse_for_who_went_away() {
        let pulse = Pulse::default();
        let budget = Budget::quiet(Duration::from_secs(45)).feeling(&pulse);
        pulse.lose(Duration::from_secs(10));
        let watch = budget.watch();
        pulse.lose(Duration::from_secs(1));
        assert_eq!(watch.overloaded(), None);
        pulse.lose(Duration::from_secs(1));
        assert!(watch.overloaded().is_some_and(|patience| patience.limit == Limit::Overloaded));
        assert_eq!(Budget::quiet(Duration::from_secs(45)).watch().overloaded(), None, "nobody feels the pulse");
    }

    #[test]
    fn connections_run_out() {
        let budget = Budget::quiet(Duration::from_secs(1));
        assert_eq!((0..10).filter(|_| budget.take_connection()).count(), MAX_CONNECTIONS as usize);
        assert_eq!(budget.spent().connections, MAX_CONNECTIONS);
    }
}
