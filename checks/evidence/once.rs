//! What is worked out of evidence is worked out once while the evidence is judged: a score of checks ask the same.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ptr;

use super::Evidence;

/// What was worked out of one evidence, by the function that did it.
struct Desk {
    /// Address of the evidence, which is borrowed as long as the desk stands: nobody changes it, and no other is there.
    of: usize,
    found: HashMap<TypeId, Box<dyn Any>>,
}

thread_local! {
    static DESK: RefCell<Option<Desk>> = const { RefCell::new(None) };
}

/// Puts the desk back that stood there before, also when a panic ends the work.
struct Before(Option<Desk>);

impl Drop for Before {
    fn drop(&mut self) {
        let before = self.0.take();
        DESK.with_borrow_mut(|desk| *desk = before);
    }
}

impl Evidence {
    /// Does `work`, in which what checks work out of this evidence is worked out once.
    pub fn judged<R>(&self, work: impl FnOnce() -> R) -> R {
        let of = ptr::from_ref(self).addr();
        if DESK.with_borrow(|desk| desk.as_ref().is_some_and(|desk| desk.of == of)) {
            return work();
        }
        let mine = Desk { of, found: HashMap::new() };
        let _before = Before(DESK.with_borrow_mut(|desk| desk.replace(mine)));
        work()
    }

    /// What `work` makes of this evidence: known already, if it was asked before within the same [`Evidence::judged`].
    /// What is returned is a copy: put what is large behind an [`Rc`](std::rc::Rc).
    pub(crate) fn once<T: Clone + 'static, F: Fn(&Evidence) -> T + 'static>(&self, work: F) -> T {
        // The type of a function's name, or of a closure that holds nothing, stands for what it does.
        const { assert!(size_of::<F>() == 0, "name a function") }
        let (of, by) = (ptr::from_ref(self).addr(), TypeId::of::<F>());
        let known = DESK.with_borrow(|desk| {
            let desk = desk.as_ref().filter(|desk| desk.of == of)?;
            desk.found.get(&by)?.downcast_ref::<T>().cloned()
        });
        if let Some(known) = known {
            return known;
        }
        let found = work(self);
        DESK.with_borrow_mut(|desk| {
            if let Some(desk) = desk.as_mut().filter(|desk| desk.of == of) {
                desk.found.insert(by, Box::new(found.clone()));
            }
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use time::OffsetDateTime;

    use super::*;

    thread_local! {
        static WORKED: Cell<u32> = const { Cell::new(0) };
    }

    fn host(evidence: &Evidence) -> String {
        WORKED.set(WORKED.get() + 1);
        evidence.target.host.clone()
    }

    fn path(evidence: &Evidence) -> String {
        evidence.target.path.clone()
    }

    fn of(host: &str) -> Evidence {
        Evidence::nothing(format!("https://{host}/x").parse().unwrap(), OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn each_question_is_worked_out_once_for_the_evidence_that_is_judged() {
        let (a, b) = (of("a.example"), of("b.example"));
        a.judged(|| {
            a.judged(|| assert_eq!((&*a.once(host), &*a.once(path)), ("a.example", "/x")));
            assert_eq!((&*a.once(host), WORKED.get()), ("a.example", 1));
            assert_eq!((&*b.once(host), &*b.once(host), WORKED.get()), ("b.example", "b.example", 3));
            b.judged(|| assert_eq!((&*b.once(host), &*b.once(host), WORKED.get()), ("b.example", "b.example", 4)));
            assert_eq!((&*a.once(host), WORKED.get()), ("a.example", 4), "the first desk stands again");
        });
    }

    #[test]
    fn evidence_that_was_changed_is_looked_at_anew() {
        let mut evidence = of("a.example");
        assert_eq!(evidence.judged(|| evidence.once(host)), "a.example");
        let bug = |_: &Evidence| -> () { panic!("a bug") };
        assert!(catch_unwind(AssertUnwindSafe(|| evidence.judged(|| evidence.once(bug)))).is_err());
        evidence.target.host = "b.example".into();
        assert_eq!(evidence.once(host), "b.example");
        assert_eq!(evidence.judged(|| evidence.once(host)), "b.example");
    }
}
