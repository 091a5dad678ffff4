//! What one target may cost: time, connections, requests. Every wait of a probe goes through [`Budget::limit`].

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cfdoctor_checks::evidence::Traffic;
use cfdoctor_checks::evidence::tls::{Limit, Patience};
use tokio::sync::watch;
use tokio::time::Instant;

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
        Budget { deadline: Instant::now() + deadline, interrupted, counters: Arc::default(), waits: Arc::default() }
    }

    /// A budget that nobody interrupts.
    pub fn quiet(deadline: Duration) -> Self {
        let (_, never) = watch::channel(false);
        Budget::new(deadline, never)
    }

    /// Awaits `work` for at most `step`, and never beyond the deadline or an interruption.
    ///
    /// # Errors
    /// How long we waited, and whose limit ended it.
    pub async fn limit<T>(&self, step: Duration, work: impl Future<Output = T>) -> Result<T, Patience> {
        let start = Instant::now();
        let (end, limit) =
            if start + step <= self.deadline { (start + step, Limit::Step) } else { (self.deadline, Limit::Deadline) };
        let patience = |limit| Patience { after_ms: start.elapsed().as_millis().try_into().unwrap_or(u64::MAX), limit };
        let mut interrupted = self.interrupted.clone();
        let interruption = async move {
            if interrupted.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await; // the sender is gone: nobody can interrupt any more
            }
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = tokio::time::sleep_until(end) => Err(patience(limit)),
            () = interruption => Err(patience(Limit::Interrupted)),
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

    #[test]
    fn connections_run_out() {
        let budget = Budget::quiet(Duration::from_secs(1));
        assert_eq!((0..10).filter(|_| budget.take_connection()).count(), MAX_CONNECTIONS as usize);
        assert_eq!(budget.spent().connections, MAX_CONNECTIONS);
    }
}
