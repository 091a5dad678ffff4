//! `--wait`: the visit again and again, until nothing fails or the time is up.

use std::time::Duration;

use cfdoctor_checks::evidence::Evidence;

use crate::policy::{FINDINGS, INCONCLUSIVE, Policy, Sum};
use crate::report::{ResultReport, TargetReport};

/// The first pause; a site is not asked more often than that.
const FIRST: Duration = Duration::from_secs(5);
/// The longest: what has spread is noticed within a minute.
const LONGEST: Duration = Duration::from_secs(60);
/// Findings that the progress names.
const NAMED: usize = 3;

/// May another visit of this target bring better news?
pub(super) fn is_worth_it(target: &TargetReport, policy: &Policy) -> bool {
    let mut sum = Sum::default();
    sum.add(target, policy);
    matches!(sum.exit_code(policy), FINDINGS | INCONCLUSIVE)
}

/// How long until the next attempt; `None`: the time is up. `asked` is the wait that the site itself demands.
pub(super) fn pause(attempts: u32, asked: Duration, left: Duration) -> Option<Duration> {
    let doubled = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(8));
    let wanted = doubled.min(LONGEST).max(asked);
    if wanted <= left {
        return Some(wanted);
    }
    // One last time at the very end, if that is not too soon.
    (left >= FIRST.max(asked)).then_some(left)
}

/// The longest `Retry-After` (RFC 9110 §10.2.3) of what was answered last, at either end.
pub(super) fn asked_for(evidence: &Evidence) -> Duration {
    let ends = [&evidence.edge, &evidence.origin];
    let answers = ends.into_iter().filter_map(|end| end.http.found()?.answers().last());
    let seconds = answers.filter_map(|answer| {
        let value = answer.headers.first("retry-after")?.trim();
        let date = || {
            let at = httpdate::parse_http_date(value).ok()?;
            u64::try_from((time::OffsetDateTime::from(at) - evidence.gathered_at).whole_seconds()).ok()
        };
        value.parse::<u64>().ok().or_else(date)
    });
    Duration::from_secs(seconds.max().unwrap_or_default())
}

/// What is waited for: `origin-certificate-expired and 2 more`.
pub(super) fn what<'a>(targets: impl Iterator<Item = &'a TargetReport>) -> String {
    let results = targets.flat_map(|target| &target.results);
    let counting: Vec<&ResultReport> = results.filter(|result| result.is_counting()).collect();
    let worst = counting.iter().map(|result| result.status).max();
    let mut names: Vec<&str> = Vec::new();
    for result in counting.iter().filter(|result| Some(result.status) == worst && result.caused_by.is_none()) {
        if !names.contains(&&*result.check) {
            names.push(&result.check);
        }
    }
    match names.len() {
        0 => "a clear answer".into(),
        count if count > NAMED => {
            let named = names.get(..NAMED).unwrap_or_default().join(", ");
            format!("{named} and {} more to be well", count - NAMED)
        }
        _ => format!("{} to be well", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Report, Status, testing};

    #[test]
    fn pauses_grow_and_end() {
        let seconds = |attempts, asked, left| {
            pause(attempts, Duration::from_secs(asked), Duration::from_secs(left)).map(|pause| pause.as_secs())
        };
        let pauses: Vec<_> = (1..=6).map(|attempts| seconds(attempts, 0, 1000).unwrap()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        assert_eq!(seconds(u32::MAX, 0, 1000), Some(60));
        assert_eq!(seconds(4, 0, 25), Some(25), "one last time at the end");
        assert_eq!(seconds(1, 0, 4), None, "too soon");
        assert_eq!(seconds(1, 120, 1000), Some(120), "the site asked for it");
        assert_eq!(seconds(1, 120, 100), None);
    }

    #[test]
    fn what_is_waited_for_is_named() {
        let mut report = testing::report_of(&[Status::Fail, Status::Fail, Status::Warn, Status::Fail], false);
        for (result, id) in report.targets[0].results.iter_mut().zip(["a", "b", "c", "d"]) {
            result.check = id.into();
        }
        report.targets[0].results[1].suppressed = Some("known".into());
        let is_worth_it = |report: &Report| is_worth_it(&report.targets[0], &Policy::default());
        assert_eq!(what(report.targets.iter()), "a, d to be well");
        assert!(is_worth_it(&report));
        let unclear = testing::report_of(&[Status::Pass], true);
        assert!(is_worth_it(&unclear));
        assert_eq!(what(unclear.targets.iter()), "a clear answer");
        assert!(!is_worth_it(&testing::report_of(&[Status::Warn], false)));
    }
}
