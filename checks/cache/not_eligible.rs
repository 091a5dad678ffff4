//! The request is not eligible: `DYNAMIC` (`facts/cloudflare.md` 1.1 B 5–6, 9.1 rows 1, 2 and 24).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::verdict::Fix;

const ID: &str = "cache-not-eligible";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "The URL is eligible for the cache",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Cloudflare decides by the URL, before it sees the answer: only 56 file extensions (and robots.txt) are \
          cached without a rule, never HTML, JSON or a path without extension. A good Cache-Control cannot opt in; it \
          only sets the lifetime of what is already eligible.",
    fix: |evidence, _| {
        let target = &evidence.target;
        let fix = Fix::new(format!(
            "Make {}{} eligible with a Cache Rule, if every visitor gets the same answer there.",
            target.host,
            target.path_only()
        ));
        fixes::look_twice(fixes::make_eligible(fix, target), target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/default-cache-behavior/",
        "https://developers.cloudflare.com/cache/how-to/cache-rules/settings/",
    ],
    judge: |evidence| case::obstacle(evidence, ID),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::{Cached, Uncached};
    use crate::{Severity, Verdict};

    #[test]
    fn dynamic_on_an_api_path() {
        let plain = site(API).edge(200, &["DYNAMIC", "DYNAMIC"], &[]);
        let (word_, seen) = verdict(&CHECK, &plain);
        assert_eq!(word_, "warn");
        assert!(seen.contains("as configured"), "{seen}");
        let Ok(Verdict::Warn(finding)) = CHECK.run(&plain) else { panic!() };
        assert_eq!(finding.severity, Some(Severity::Low));
        assert!(finding.proof.iter().any(|line| line.contains("DYNAMIC, at SEA")), "{:?}", finding.proof);
        let wished = site(API).edge(200, &["DYNAMIC"], &[("cache-control", "public, s-maxage=60")]);
        let Ok(Verdict::Warn(finding)) = CHECK.run(&wished) else { panic!() };
        assert_eq!(finding.severity, None);
        assert!(!finding.seen.contains("as configured"));
        assert_eq!(word(&CHECK, &plain.clone().expecting(Cached)), "fail");
        assert_eq!(word(&CHECK, &plain.clone().expecting(Uncached)), "pass");
        assert_eq!(word(&CHECK, &plain.clone().expecting(Cached).by_head()), "warn");
        is_honest(&CHECK, &plain);
    }

    #[test]
    fn leaves_others_alone() {
        assert_eq!(word(&CHECK, &site(API).edge(200, &["MISS", "HIT"], &[])), "pass");
        assert_eq!(word(&CHECK, &site(CSS).edge(200, &["DYNAMIC"], &[])), "pass");
        assert_eq!(word(&CHECK, &site(API).edge(200, &["BYPASS"], &[])), "pass");
        assert_eq!(word(&CHECK, &site("a.example.com").edge(403, &["DYNAMIC"], &[])), "not-applicable");
        assert_eq!(word(&CHECK, &site(API).edge(404, &["DYNAMIC"], &[])), "not-applicable");
        let challenged = site(API).edge(403, &["", ""], &[("cf-mitigated", "challenge")]).expecting(Cached);
        assert_eq!(word(&CHECK, &challenged), "inconclusive");
        assert_eq!(word(&CHECK, &site(API).edge(522, &[""], &[])), "blocked");
        assert_eq!(word(&CHECK, &site(API)), "disabled");
        let elsewhere = site(API).excerpt(&[(200, &[("date", "Mon, 23 Nov 2026 10:00:00 GMT"), ("server", "nginx")])]);
        assert_eq!(word(&CHECK, &elsewhere), "not-applicable");
    }

    #[test]
    fn an_excerpt_that_starts_dynamic() {
        let mixed = site(API)
            .excerpt(&[
                (200, &[("cf-cache-status", "DYNAMIC")]),
                (200, &[("cf-cache-status", "DYNAMIC")]),
                (200, &[("cf-cache-status", "MISS")]),
                (200, &[("cf-cache-status", "HIT")]),
            ])
            .expecting(Cached);
        assert_eq!(word(&CHECK, &mixed), "warn");
    }
}
