//! Chains that were judged a moment ago. A score of checks ask about the same two or three one after another, and each
//! answer costs the verification of several signatures. It depends on nothing but the question, so that remembering it
//! changes nothing.

use std::cell::RefCell;

use time::OffsetDateTime;

use super::{Policy, Question, Trust};
use crate::evidence::tls::{Certificate, TrustInputs};

/// Edge, origin, the origin by a custom trust store.
const MOST: usize = 3;

/// A question that outlives its evidence.
struct Asked {
    policy: Policy,
    chain: Vec<Certificate>,
    requested: String,
    target: Option<String>,
    at: OffsetDateTime,
    roots: TrustInputs,
}

thread_local! {
    /// The last questions, the oldest first.
    static LAST: RefCell<Vec<(Asked, Trust)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn judge(question: &Question<'_>, judge: impl FnOnce(&Question<'_>) -> Trust) -> Trust {
    let known =
        LAST.with_borrow(|last| last.iter().find(|(asked, _)| asked.is(question)).map(|(_, trust)| trust.clone()));
    if let Some(trust) = known {
        return trust;
    }
    let trust = judge(question);
    LAST.with_borrow_mut(|last| {
        if last.len() >= MOST {
            last.remove(0);
        }
        last.push((Asked::of(question), trust.clone()));
    });
    trust
}

impl Asked {
    fn of(question: &Question<'_>) -> Asked {
        Asked {
            policy: question.policy,
            chain: question.chain.to_vec(),
            requested: question.requested.to_owned(),
            target: question.target.map(ToOwned::to_owned),
            at: question.at,
            roots: question.roots.clone(),
        }
    }

    fn is(&self, question: &Question<'_>) -> bool {
        self.policy == question.policy
            && self.at == question.at
            && self.requested == question.requested
            && self.target.as_deref() == question.target
            && self.chain == question.chain
            && self.roots == *question.roots
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::PathVerdict;
    use super::super::name::NameVerdict;
    use super::*;

    #[test]
    fn the_same_question_is_judged_once_and_another_anew() {
        let judged = Cell::new(0);
        let answer = |question: &Question<'_>| {
            judged.set(judged.get() + 1);
            let name = NameVerdict::Unknown(question.requested.to_owned());
            Trust { path: PathVerdict::Absent, name, dates: Vec::new() }
        };
        let roots = TrustInputs::default();
        let base = Question {
            policy: Policy::PublicWeb,
            chain: &[],
            requested: "a.example",
            target: None,
            at: OffsetDateTime::UNIX_EPOCH,
            roots: &roots,
        };
        let later = OffsetDateTime::UNIX_EPOCH + time::Duration::SECOND;
        let others = [
            base,
            Question { requested: "b.example", ..base },
            Question { target: Some("t.example"), ..base },
            Question { policy: Policy::FullStrict, ..base },
            Question { at: later, ..base },
        ];
        for (number, question) in others.iter().enumerate() {
            for _ in 0..3 {
                let trust = judge(question, answer);
                assert_eq!(trust.name, NameVerdict::Unknown(question.requested.to_owned()));
                assert_eq!(judged.get(), number + 1);
            }
        }
        judge(&base, answer);
        assert_eq!(judged.get(), others.len() + 1, "the oldest is forgotten");
    }
}
