//! A question asked once for all who want the answer, whoever of them goes away meanwhile.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// An answer that may still be on its way.
pub(super) type Pending<V> = watch::Receiver<Option<V>>;

/// Answers by question.
pub(super) struct Once<V>(Arc<Mutex<HashMap<String, Pending<V>>>>);

impl<V> Default for Once<V> {
    fn default() -> Self {
        Once(Arc::default())
    }
}

impl<V: Clone + Send + Sync + 'static> Once<V> {
    /// The answer to `question`: the one on its way or at hand, else what `ask` brings. It is asked on its own, so that
    /// a target whose time is up does not take the answer away from the others. `keep`: is this answer for those who
    /// come later, too? What concerns one host only is not: memory does not grow with the number of targets.
    pub(super) fn ask<F>(
        &self,
        question: String,
        keep: impl FnOnce(&V) -> bool + Send + 'static,
        ask: impl FnOnce() -> F,
    ) -> Pending<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = all.get(&question) {
            return pending.clone();
        }
        let (answer, pending) = watch::channel(None);
        all.insert(question.clone(), pending.clone());
        drop(all);
        let (work, all) = (ask(), Arc::clone(&self.0));
        tokio::spawn(async move {
            // Forgotten also where the work panics.
            let mut forget = Forget { all, question: Some(question) };
            let value = work.await;
            if keep(&value) {
                forget.question = None;
            }
            drop(forget);
            let _ = answer.send(Some(value));
        });
        pending
    }

    /// Is there an answer at hand or on its way?
    pub(super) fn knows(&self, question: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(question)
    }
}

struct Forget<V> {
    all: Arc<Mutex<HashMap<String, Pending<V>>>>,
    question: Option<String>,
}

impl<V> Drop for Forget<V> {
    fn drop(&mut self) {
        if let Some(question) = self.question.take() {
            self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&question);
        }
    }
}

/// The answer, when it is there; `None`: it will never be.
pub(super) async fn arrival<V: Clone>(mut pending: Pending<V>) -> Option<V> {
    match pending.wait_for(Option::is_some).await {
        Ok(value) => value.clone(),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn asked_once_for_all() {
        let (once, asked) = (Once::<u32>::default(), Arc::new(AtomicU32::new(0)));
        let ask = |key: &str, keep: fn(&u32) -> bool| {
            let asked = asked.clone();
            once.ask(key.to_owned(), keep, || async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                asked.fetch_add(1, Ordering::Relaxed)
            })
        };
        let gone = ask("a", |_| true);
        drop(gone);
        let (one, two) = tokio::join!(arrival(ask("a", |_| true)), arrival(ask("a", |_| true)));
        assert_eq!((one, two, once.knows("a")), (Some(0), Some(0), true));
        assert_eq!(arrival(ask("b", |_| false)).await, Some(1), "not kept");
        assert_eq!(arrival(ask("b", |_| true)).await, Some(2), "asked again");
    }

    #[tokio::test]
    async fn a_panic_leaves_nobody_waiting() {
        let once = Once::<u32>::default();
        let pending = once.ask("a".into(), |_| true, || async { panic!("the work fails") });
        assert_eq!(arrival(pending).await, None);
        assert_eq!(arrival(once.ask("a".into(), |_| true, || async { 7 })).await, Some(7));
    }
}
