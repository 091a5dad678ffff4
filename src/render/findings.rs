//! What the formats of CI systems share: findings worst first, each with a place and an identity.

use cfdoctor_checks::evidence::text;
use sha2::{Digest, Sha256};

use crate::report::{Place, Report, ResultReport, TargetReport};

/// Where a finding is shown that no file declares: CI systems want a file for everything, and the same one each time.
pub(super) const PLACEHOLDER: &str = "cfdoctor.toml";

/// A finding and its target.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) target: &'a TargetReport,
    pub(super) result: &'a ResultReport,
}

/// Every finding, worst first; those that do not count come last.
pub(super) fn worst_first(report: &Report) -> Vec<Found<'_>> {
    let of = |target| move |result| Found { target, result };
    let mut all: Vec<Found<'_>> = report
        .targets
        .iter()
        .flat_map(|target| target.results.iter().filter(|result| result.status.is_finding()).map(of(target)))
        .collect();
    all.sort_by_key(|Found { result, .. }| {
        let first_is_worse = std::cmp::Reverse((result.status, result.severity));
        (result.suppressed.is_some(), first_is_worse, result.caused_by.is_some())
    });
    all
}

impl Found<'_> {
    /// What was seen, else what should be; one harmless line of at most so many characters.
    pub(super) fn seen(&self, most: usize) -> String {
        text::shorten(self.result.seen.as_deref().unwrap_or(&self.result.title), most)
    }

    /// Is it the one that the diagnosis names?
    pub(super) fn is_cause(&self) -> bool {
        self.target.diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.cause == self.result.check)
    }

    /// The place that declares it, if any does.
    fn declared_at(&self) -> Option<&Place> {
        self.result.declared_at.as_ref().or(self.target.declared_at.as_ref())
    }

    /// Path and line, if a file declares it.
    pub(super) fn place(&self) -> Option<(String, u32)> {
        let place = self.declared_at()?;
        let path = relative(&place.file);
        (!path.is_empty()).then(|| (path, place.line.max(1)))
    }

    /// Path and line; the placeholder's where no file declares it.
    pub(super) fn place_or_placeholder(&self) -> (String, u32) {
        self.place().unwrap_or_else(|| (PLACEHOLDER.to_owned(), 1))
    }

    /// Like the fingerprint, and another one for each URL: CI systems show one of those that are the same.
    pub(super) fn identity(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&*self.result.fingerprint, &self.result.check, &self.target.url] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        text::hex(&hash.finalize()[..16])
    }
}

/// A path below the folder of the repository: forward slashes, nothing above it.
fn relative(file: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in file.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            // The drive of Windows.
            _ if parts.is_empty() && part.len() == 2 && part.ends_with(':') => {}
            _ => parts.push(part),
        }
    }
    text::clean(&parts.join("/"))
}

/// A relative path as a relative URI (RFC 3986 §4.2; a colon in the first segment would make a scheme of it).
pub(super) fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Status, testing};

    #[test]
    fn paths_stay_below_the_repository() {
        for (given, path) in [
            ("infra/main.tf", "infra/main.tf"),
            ("./a//b", "a/b"),
            ("/etc/passwd", "etc/passwd"),
            ("../../a/../b", "b"),
            ("C:\\site\\plan.json", "site/plan.json"),
            ("..", ""),
            ("a\nb", "a\u{fffd}b"),
        ] {
            assert_eq!(relative(given), path);
        }
        assert_eq!(uri("a b/c:d%é.tf"), "a%20b/c%3Ad%25%C3%A9.tf");
    }

    #[test]
    fn the_worst_comes_first_and_what_does_not_count_last() {
        let mut report = testing::report_of(&[Status::Warn, Status::Fail, Status::Fail, Status::Pass], false);
        report.targets[0].results[1].suppressed = Some("known".into());
        let order: Vec<(Status, bool)> =
            worst_first(&report).iter().map(|found| (found.result.status, found.result.suppressed.is_some())).collect();
        assert_eq!(order, [(Status::Fail, false), (Status::Warn, false), (Status::Fail, true)]);
    }

    #[test]
    fn one_identity_for_each_url() {
        let mut report = testing::report_of(&[Status::Fail], false);
        report.targets.push(report.targets[0].clone());
        report.targets[1].url = "https://lambda.example.com/other".into();
        let all = worst_first(&report);
        assert_eq!(all[0].result.fingerprint, all[1].result.fingerprint);
        assert_ne!(all[0].identity(), all[1].identity());
    }
}
