//! Many targets on one page: their problems by cause, whatever their number.

use std::collections::BTreeMap;

use cfdoctor_checks::Severity;

use super::{Report, ResultReport, Status, Summary, TargetReport, TargetVerdict, Verdicts};

/// Names that are kept of each group.
const KEPT: usize = 12;
/// Different reasons that are kept of what could not be judged.
const REASONS: usize = 12;

/// What targets have in common. Its size does not depend on their number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digest {
    /// Targets by verdict.
    pub verdicts: Verdicts,
    /// Results counted.
    pub results: Summary,
    groups: BTreeMap<String, Group>,
    unjudged: BTreeMap<String, Unjudged>,
}

/// Targets with the same problem, which no other problem explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Id of the check.
    pub check: String,
    /// The worst status.
    pub status: Status,
    /// The worst severity.
    pub severity: Severity,
    /// How many have it.
    pub targets: u64,
    /// Of how many it is the diagnosis.
    pub diagnosed: u64,
    /// URLs of the first ones that have it as badly as the worst.
    pub urls: Vec<String>,
    /// What was seen at the first of these.
    pub seen: String,
    /// What to change there, in a sentence.
    pub fix: Option<String>,
}

/// Targets about which something that matters could not be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unjudged {
    /// Why, at the first of them.
    pub why: String,
    /// How many.
    pub targets: u64,
    /// URLs of the first ones.
    pub urls: Vec<String>,
}

impl Digest {
    /// Targets that are told one by one; of more than these there is a digest.
    pub const FEW: usize = 10;

    /// All of a report.
    pub fn of(report: &Report) -> Self {
        let mut digest = Digest::default();
        report.targets.iter().for_each(|target| digest.add(target));
        digest
    }

    /// One more.
    pub fn add(&mut self, target: &TargetReport) {
        self.verdicts.add(target.verdict);
        for result in &target.results {
            self.results.add(result);
            if result.is_counting() && target.root_of(result).is_none() {
                self.found(target, result);
            }
        }
        if target.verdict == TargetVerdict::Inconclusive {
            let why = target.inconclusive.as_deref().unwrap_or("something that matters could not be judged");
            self.not_judged(target, why);
        }
    }

    fn found(&mut self, target: &TargetReport, result: &ResultReport) {
        let group = self.groups.entry(result.check.to_string()).or_insert_with(|| Group {
            check: result.check.to_string(),
            status: Status::Pass,
            severity: Severity::Low,
            targets: 0,
            diagnosed: 0,
            urls: Vec::new(),
            seen: String::new(),
            fix: None,
        });
        if (result.status, result.severity) > (group.status, group.severity) || group.targets == 0 {
            (group.status, group.severity) = (result.status, result.severity);
            group.urls.clear();
            group.seen = result.seen.clone().unwrap_or_else(|| result.title.to_string());
            group.fix = result.fix.as_ref().map(|fix| fix.summary.clone());
        }
        group.targets += 1;
        group.diagnosed +=
            u64::from(target.diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.cause == result.check));
        if (result.status, result.severity) == (group.status, group.severity) && group.urls.len() < KEPT {
            group.urls.push(target.url.clone());
        }
    }

    /// Reasons differ in names and numbers: what is alike but for the host is one.
    fn not_judged(&mut self, target: &TargetReport, why: &str) {
        let mut key = why.replace(&target.host, "…");
        if !self.unjudged.contains_key(&key) && self.unjudged.len() >= REASONS {
            key = String::new();
        }
        let unjudged = self.unjudged.entry(key).or_default();
        if unjudged.targets == 0 {
            unjudged.why = why.to_owned();
        }
        unjudged.targets += 1;
        if unjudged.urls.len() < KEPT {
            unjudged.urls.push(target.url.clone());
        }
    }

    /// The problems, the worst first, then the most frequent.
    pub fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.status, group.severity, group.diagnosed, group.targets)));
        groups
    }

    /// What could not be judged, the most frequent reason first.
    pub fn unjudged(&self) -> Vec<&Unjudged> {
        let mut all: Vec<&Unjudged> = self.unjudged.values().collect();
        all.sort_by_key(|unjudged| std::cmp::Reverse(unjudged.targets));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing;

    fn target(number: usize, statuses: &[Status]) -> TargetReport {
        let mut target = testing::report_of(statuses, false).targets.remove(0);
        target.host = format!("h{number}.example.com");
        target.url = format!("https://{}/", target.host);
        for (result, id) in target.results.iter_mut().zip(["a", "b", "c"]) {
            result.check = id.into();
            result.seen = Some(format!("{id} of {}", target.host));
        }
        target
    }

    #[test]
    fn problems_are_grouped_and_the_worst_comes_first() {
        let mut digest = Digest::default();
        for number in 0..30 {
            digest.add(&target(number, &[Status::Pass, Status::Warn]));
        }
        let mut broken = target(30, &[Status::Fail, Status::Fail, Status::Fail]);
        broken.results[1].caused_by = Some("a".into());
        broken.results[2].suppressed = Some("known".into());
        digest.add(&broken);
        let groups = digest.groups();
        let told: Vec<_> = groups.iter().map(|group| (group.check.as_str(), group.targets)).collect();
        assert_eq!(told, [("a", 1), ("b", 30)], "what is explained or does not count has no group");
        assert_eq!((groups[1].urls.len(), groups[1].seen.as_str()), (KEPT, "b of h0.example.com"));
        assert_eq!((digest.results.warn, digest.results.fail, digest.results.suppressed), (30, 2, 1));
    }

    #[test]
    fn the_worst_of_a_group_is_shown() {
        let mut digest = Digest::default();
        digest.add(&target(0, &[Status::Warn]));
        digest.add(&target(1, &[Status::Fail]));
        digest.add(&target(2, &[Status::Warn]));
        let groups = digest.groups();
        assert_eq!((groups[0].status, groups[0].targets), (Status::Fail, 3));
        assert_eq!(
            (groups[0].urls.as_slice(), groups[0].seen.as_str()),
            (&["https://h1.example.com/".to_owned()][..], "a of h1.example.com")
        );
    }

    #[test]
    fn reasons_do_not_grow_with_the_targets() {
        let mut digest = Digest::default();
        for number in 0..1000 {
            let mut target = target(number, &[Status::NotRun]);
            target.verdict = TargetVerdict::Inconclusive;
            target.inconclusive = Some(format!("nobody answered for {}", target.host));
            digest.add(&target);
            target.inconclusive = Some(format!("attempt {number}"));
            digest.add(&target);
        }
        let all = digest.unjudged();
        assert_eq!((all[0].targets, all[0].why.as_str()), (1000, "nobody answered for h0.example.com"));
        assert!(all.len() <= REASONS + 1);
        assert_eq!(all.iter().map(|one| one.targets).sum::<u64>(), 2000);
    }
}
