//! May another visit begin? The one place where that is decided.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many visits may run at the same time. All who visit share one.
#[derive(Debug)]
pub struct Admission {
    limit: AtomicUsize,
    running: AtomicUsize,
    /// A visit ended, or the limit changed.
    changed: Notify,
}

/// The right to visit, for as long as it is held.
#[derive(Debug)]
pub struct Permit(Arc<Admission>);

impl Admission {
    /// At most so many at once; at least one.
    pub fn new(limit: usize) -> Self {
        Admission { limit: AtomicUsize::new(limit.max(1)), running: AtomicUsize::new(0), changed: Notify::new() }
    }

    /// Waits until another visit may begin. Nothing is taken where the waiting is given up.
    pub async fn enter(self: &Arc<Self>) -> Permit {
        loop {
            // Registered before looking, so that no change between the two is missed.
            let changed = self.changed.notified();
            if let Some(permit) = self.try_enter() {
                return permit;
            }
            changed.await;
        }
    }

    /// The right, if there is one now.
    pub fn try_enter(self: &Arc<Self>) -> Option<Permit> {
        let limit = self.limit.load(Ordering::Acquire);
        let taken = self
            .running
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |running| (running < limit).then_some(running + 1));
        taken.ok().map(|_| Permit(Arc::clone(self)))
    }

    /// Another limit from now on; visits that run are not ended.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit.max(1), Ordering::Release);
        self.changed.notify_waiters();
    }

    /// The limit.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Acquire)
    }

    /// Visits that run.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_limit_holds_and_may_change() {
        let admission = Arc::new(Admission::new(2));
        let (one, _two) = (admission.enter().await, admission.enter().await);
        assert!(admission.try_enter().is_none());
        let waits = async { admission.enter().await };
        let frees = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            drop(one);
        };
        let (three, ()) = tokio::join!(waits, frees);
        assert_eq!(admission.running(), 2);
        admission.set_limit(3);
        let four = admission.try_enter();
        assert!(four.is_some() && admission.try_enter().is_none());
        admission.set_limit(0);
        assert_eq!(admission.limit(), 1, "something can always go on");
        drop((three, four));
        assert!(admission.try_enter().is_none(), "one still runs");
    }

    #[tokio::test]
    async fn who_gives_up_takes_nothing() {
        let admission = Arc::new(Admission::new(1));
        let held = admission.enter().await;
        let given_up = tokio::time::timeout(Duration::from_millis(5), admission.enter()).await;
        assert!(given_up.is_err());
        drop(held);
        assert_eq!(admission.running(), 0);
    }
}
