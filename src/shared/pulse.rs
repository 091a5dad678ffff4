//! Is it us? A process that is overloaded sees other people's servers as slow.
//!
//! A heartbeat measures how late the runtime wakes a task that only sleeps. The time that was lost so is given back to
//! every wait that it fell into ([`Budget::limit`](crate::probe::budget::Budget::limit)), so that a time limit that is
//! held against a site was a limit of calm time; and whoever starts visits starts fewer ([`super::Admission`]).

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Between two beats.
const BEAT: Duration = Duration::from_millis(50);
/// The scheduler of a healthy machine is as late as this now and then.
const TOLERATED: Duration = Duration::from_millis(20);
/// A beat that is later than this says that the process has more to do than it can.
const STRAINED: Duration = Duration::from_millis(150);

/// How the process fares; clones share it.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Inner>);

struct Inner {
    epoch: Instant,
    /// Microseconds since `epoch` at which the next beat is due; 0: there is no heart yet.
    due: AtomicU64,
    /// Microseconds lost so far.
    lost: AtomicU64,
    strains: AtomicU64,
    heart: Mutex<Option<JoinHandle<()>>>,
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            epoch: Instant::now(),
            due: AtomicU64::default(),
            lost: AtomicU64::default(),
            strains: AtomicU64::default(),
            heart: Mutex::default(),
        }
    }
}

impl Pulse {
    /// Starts the heartbeat in the runtime of the caller, unless it beats already. It ends with the last clone.
    pub fn keep(&self) {
        let mut heart = self.0.heart.lock().unwrap_or_else(PoisonError::into_inner);
        if heart.as_ref().is_none_or(JoinHandle::is_finished) {
            self.0.due.store(self.0.now() + micros(BEAT), Ordering::Relaxed);
            *heart = Some(tokio::spawn(beat(Arc::downgrade(&self.0))));
        }
    }

    /// Time lost since the heart began to beat, a beat that is overdue at this moment included.
    pub fn lost(&self) -> Duration {
        let due = self.0.due.load(Ordering::Relaxed);
        let overdue = if due == 0 { 0 } else { self.0.now().saturating_sub(due) };
        let overdue = if overdue > micros(TOLERATED) { overdue } else { 0 };
        Duration::from_micros(self.0.lost.load(Ordering::Relaxed) + overdue)
    }

    /// How often the process had more to do than it can, or ran out of something. Whoever sees the number rise starts
    /// less.
    pub fn strains(&self) -> u64 {
        self.0.strains.load(Ordering::Relaxed)
    }

    /// Our own system refused a socket, a port or memory.
    pub fn shortage(&self) {
        self.0.strains.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn lose(&self, time: Duration) {
        self.0.late(micros(time));
    }
}

impl Inner {
    fn now(&self) -> u64 {
        micros(self.epoch.elapsed())
    }

    fn late(&self, by: u64) {
        if by > micros(TOLERATED) {
            self.lost.fetch_add(by, Ordering::Relaxed);
        }
        if by > micros(STRAINED) {
            self.strains.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(late_ms = by / 1000, "our own process is overloaded");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(heart) = self.heart.lock().unwrap_or_else(PoisonError::into_inner).take() {
            heart.abort();
        }
    }
}

async fn beat(inner: Weak<Inner>) {
    loop {
        let Some(due) =
            inner.upgrade().map(|inner| inner.epoch + Duration::from_micros(inner.due.load(Ordering::Relaxed)))
        else {
            return;
        };
        sleep_until(due).await;
        let Some(inner) = inner.upgrade() else { return };
        let now = inner.now();
        let late = now.saturating_sub(inner.due.load(Ordering::Relaxed));
        // First the next beat, then what was lost: a reader between the two sees too little, never too much.
        inner.due.store(now + micros(BEAT), Ordering::Relaxed);
        inner.late(late);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Did our own system run out of descriptors, buffers, ports or memory? No news of the peer, and it passes.
pub fn is_shortage(error: &io::Error) -> bool {
    // EMFILE, ENFILE everywhere; ENOBUFS on Linux and macOS; WSAEMFILE, WSAENOBUFS.
    const SHORTAGES: &[i32] = if cfg!(windows) { &[10024, 10055] } else { &[24, 23, 105, 55] };
    error.kind() == io::ErrorKind::OutOfMemory || error.raw_os_error().is_some_and(|code| SHORTAGES.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_runtime_that_is_held_up_loses_time() {
        let pulse = Pulse::default();
        assert_eq!((pulse.lost(), pulse.strains()), (Duration::ZERO, 0), "no heart, nothing to be late");
        pulse.keep();
        pulse.keep();
        tokio::task::yield_now().await;
        // Nothing else runs in this runtime while its only thread sleeps.
        std::thread::sleep(Duration::from_millis(600));
        assert!(pulse.lost() >= Duration::from_millis(500), "an overdue beat counts at once: {:?}", pulse.lost());
        assert_eq!(pulse.strains(), 0, "the heart had no chance to say so");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(pulse.lost() >= Duration::from_millis(500) && pulse.strains() >= 1);
    }

    #[tokio::test]
    async fn the_heart_stops_with_its_owner_and_starts_again_in_another_runtime() {
        let pulse = Pulse::default();
        let kept = pulse.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { kept.keep() });
        })
        .join()
        .unwrap();
        pulse.keep();
        let weak = Arc::downgrade(&pulse.0);
        tokio::task::yield_now().await;
        drop(pulse);
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn shortages_are_known() {
        let too_many_files = if cfg!(windows) { 10024 } else { 24 };
        assert!(is_shortage(&io::Error::from_raw_os_error(too_many_files)));
        assert!(!is_shortage(&io::ErrorKind::ConnectionRefused.into()));
    }
}
