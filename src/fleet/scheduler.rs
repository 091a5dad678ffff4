//! Visits one after another and several at once: a job is made when it may begin, and told as soon as it ends.

use std::future::Future;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::shared::Admission;

/// Runs `visit` for each job, as many at once as `admission` lets in, and gives what each brings to `done` in the order
/// in which they end. A job is taken when it may begin, and none any more once `stop` is true: `jobs` then still holds
/// those that were left. Visits that run are waited for; they are to end by themselves when they are stopped.
///
/// # Panics
/// Where a visit panics.
pub async fn run<J, T, F>(
    jobs: &mut impl Iterator<Item = J>,
    admission: &Admission,
    stop: &watch::Receiver<bool>,
    visit: impl Fn(J) -> F,
    mut done: impl FnMut(T),
) where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut running = JoinSet::new();
    let mut has_more = true;
    loop {
        has_more &= !*stop.borrow();
        tokio::select! {
            // What has ended is told first: nothing piles up.
            biased;
            Some(ended) = running.join_next() => match ended {
                Ok(told) => done(told),
                Err(error) => if let Ok(panic) = error.try_into_panic() { std::panic::resume_unwind(panic) },
            },
            () = stopped(stop), if has_more => has_more = false,
            permit = admission.enter(), if has_more => match jobs.next() {
                Some(job) => {
                    let visit = visit(job);
                    running.spawn(async move {
                        let told = visit.await;
                        drop(permit);
                        told
                    });
                }
                None => has_more = false,
            },
            else => break,
        }
    }
}

/// Ends when the user wants no more.
async fn stopped(stop: &watch::Receiver<bool>) {
    if stop.clone().wait_for(|stopped| *stopped).await.is_err() {
        std::future::pending().await // the sender is gone: nobody can stop it any more
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::shared::Pulse;

    fn at_once(most: usize) -> Admission {
        Admission::new(most, &Pulse::default())
    }

    #[tokio::test]
    async fn jobs_are_taken_when_they_may_begin() {
        let (admission, (_sender, stop)) = (at_once(8), watch::channel(false));
        let (taken, ended, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let mut jobs = (0..1000_usize).inspect(|_| {
            let ahead = taken.fetch_add(1, Ordering::SeqCst) + 1 - ended.load(Ordering::SeqCst);
            most.fetch_max(ahead, Ordering::SeqCst);
        });
        let mut told = Vec::new();
        let visit = |job: usize| async move {
            // Later ones are quicker.
            tokio::time::sleep(Duration::from_micros(1000 - job as u64)).await;
            job
        };
        let done = |job| {
            ended.fetch_add(1, Ordering::SeqCst);
            told.push(job);
        };
        run(&mut jobs, &admission, &stop, visit, done).await;
        assert_eq!((told.len(), admission.running()), (1000, 0));
        assert!(most.load(Ordering::SeqCst) <= 9, "{most:?}");
        told.sort_unstable();
        assert_eq!(told, (0..1000).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn the_limit_is_used_whole() {
        let (admission, (_sender, stop)) = (at_once(8), watch::channel(false));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let visit = |_: usize| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
                running.fetch_sub(1, Ordering::SeqCst);
            }
        };
        run(&mut (0..20), &admission, &stop, visit, |()| {}).await;
        assert_eq!(most.load(Ordering::SeqCst), 8);
    }

    #[tokio::test]
    async fn a_stop_leaves_the_rest() {
        let (admission, (sender, stop)) = (at_once(4), watch::channel(false));
        let mut jobs = 0..10;
        let visit = |job: usize| {
            let stop = stop.clone();
            async move {
                stopped(&stop).await;
                job
            }
        };
        let mut told = Vec::new();
        let stops = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            sender.send(true).unwrap();
        };
        tokio::join!(run(&mut jobs, &admission, &stop, visit, |job| told.push(job)), stops);
        told.sort_unstable();
        assert_eq!((told, jobs), (vec![0, 1, 2, 3], 4..10));
    }
}
