//! What our own side let us see, and what may be said of it.

use std::borrow::Cow;

use crate::check::{Check, Probe};
use crate::evidence::Evidence;
use crate::model::cloudflare;
use crate::model::our_side::{self, WrongClock};
use crate::verdict::{Confidence, NotRun, Verdict};

/// Evidence without what our own side disturbed; where our clock is wrong, by both clocks.
pub struct Sight<'a> {
    seen: Cow<'a, Evidence>,
    by_theirs: Option<(Evidence, WrongClock)>,
    /// Why no sample at the edge was an answer to us, if so.
    refused: Option<String>,
}

impl<'a> Sight<'a> {
    /// What may be judged of this evidence.
    pub fn of(evidence: &'a Evidence) -> Sight<'a> {
        let seen = our_side::undisturbed(evidence, &our_side::disturbances(evidence));
        let clock = our_side::wrong_clock(evidence);
        let by_theirs = clock.map(|clock| (Evidence { gathered_at: clock.theirs, ..seen.clone().into_owned() }, clock));
        Sight { seen, by_theirs, refused: refused(evidence) }
    }

    /// Does `work`, in which checks are run: what they work out of the same evidence is worked out once.
    pub fn judged<R>(&self, work: impl FnOnce() -> R) -> R {
        self.seen.judged(work)
    }

    /// Runs a check. A pass that speaks of answers which nobody got is none.
    ///
    /// # Errors
    /// Why it could not be judged.
    pub fn run(&self, check: &Check) -> Result<Verdict, NotRun> {
        let answer = self.judge(|evidence| check.run(evidence));
        match (&answer, &self.refused) {
            (Ok(Verdict::Pass(_)), Some(why)) if is_about_answers(check) => Err(NotRun::inconclusive(why)),
            _ => answer,
        }
    }

    /// Asks a question. What hangs on the date is not decided where two clocks tell two dates; what does not is the same
    /// by both. Where our clock is so wrong that certificates seem out of date, even the words must be the same.
    ///
    /// # Errors
    /// Why it could not be judged.
    pub fn judge(&self, question: impl Fn(&Evidence) -> Result<Verdict, NotRun>) -> Result<Verdict, NotRun> {
        let by_ours = question(&self.seen);
        let Some((theirs, clock)) = &self.by_theirs else { return by_ours };
        let by_theirs = question(theirs);
        let same = if clock.misdates { by_ours == by_theirs } else { word(&by_ours) == word(&by_theirs) };
        if same { by_theirs } else { Err(NotRun::inconclusive(&clock.culprit)) }
    }
}

fn word(answer: &Result<Verdict, NotRun>) -> &'static str {
    match answer {
        Ok(Verdict::Pass(_)) => "pass",
        Ok(Verdict::Warn(_)) => "warn",
        Ok(Verdict::Fail(_)) => "fail",
        Err(why) => why.kind(),
    }
}

/// Why no sample at the edge was an answer to us, if so. A block that its owner made for all alike is guessed only, and a
/// warning says so.
pub(super) fn refused(evidence: &Evidence) -> Option<String> {
    let http = evidence.edge.http.found()?;
    let challenged = |exchange: &crate::evidence::Exchange| exchange.response().is_some_and(cloudflare::is_challenge);
    if !http.samples.is_empty() && http.samples.iter().all(challenged) {
        return Some("every answer of the edge was a challenge".into());
    }
    let limited = http.first().is_some_and(|response| response.status == 429);
    let met = our_side::all_refused(evidence).filter(|met| limited || met.confidence == Confidence::High)?;
    Some(format!("every answer of the edge was {}", met.what))
}

/// Does a pass of this check speak of the answers to the target's URL? Some ask something else.
fn is_about_answers(check: &Check) -> bool {
    const OTHER_REQUESTS: &[&str] = &["edge-http-not-redirected", "edge-preflight-blocked"];
    matches!(check.area(), "edge" | "cache")
        && check.needs.contains(&Probe::EdgeHttp)
        && !OTHER_REQUESTS.contains(&check.id)
}
