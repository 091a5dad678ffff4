//! A check is a value: what it looks at, why that matters, how to mend it, and the function that judges.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::verdict::{Finding, Fix, NotRun, Verdict};

/// How much a failure hurts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Hygiene.
    Low,
    /// Costs money, speed or safety margin.
    Medium,
    /// Visitors meet it, or soon will.
    High,
    /// The site is down, or data leaks.
    Critical,
}

/// A part of the evidence: who looks, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Names: resolver, authoritative servers, CAA, DNSSEC.
    Dns,
    /// TCP and TLS with the edge.
    EdgeTls,
    /// HTTP at the edge.
    EdgeHttp,
    /// TCP and TLS with the origin.
    OriginTls,
    /// HTTP at the origin.
    OriginHttp,
    /// The Cloudflare zone's settings, records and rules.
    Zone,
    /// API Gateway, ACM and Lambda.
    Gateway,
}

impl Probe {
    /// Every part, in path order.
    pub const ALL: &[Probe] = &[
        Probe::Dns,
        Probe::EdgeTls,
        Probe::EdgeHttp,
        Probe::OriginTls,
        Probe::OriginHttp,
        Probe::Zone,
        Probe::Gateway,
    ];
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Probe::Dns => "DNS",
            Probe::EdgeTls => "TLS at the edge",
            Probe::EdgeHttp => "HTTP at the edge",
            Probe::OriginTls => "TLS at the origin",
            Probe::OriginHttp => "HTTP at the origin",
            Probe::Zone => "the Cloudflare zone",
            Probe::Gateway => "the AWS account",
        })
    }
}

/// One independent question about a site. Same evidence, same verdict.
pub struct Check {
    /// `<area>-<file name>`, kebab case; names the problem; public API, never reused.
    pub id: &'static str,
    /// Names the healthy state, so that it reads well beside ✓.
    pub title: &'static str,
    /// How much a failure hurts.
    pub severity: Severity,
    /// The parts of the evidence that the verdict depends on.
    pub needs: &'static [Probe],
    /// Why it matters.
    pub why: &'static str,
    /// The change that mends what was found, with real names in it.
    pub fix: fn(&Evidence, &Finding) -> Fix,
    /// Sources of every claim, https.
    pub sources: &'static [&'static str],
    /// The verdict, or why there is none.
    pub judge: fn(&Evidence) -> Result<Verdict, NotRun>,
}

impl Check {
    /// Judges; a panic in the check becomes [`NotRun::Bug`] and harms no other check.
    ///
    /// # Errors
    /// The reason why the check could not be judged.
    pub fn run(&self, evidence: &Evidence) -> Result<Verdict, NotRun> {
        catch_unwind(AssertUnwindSafe(|| (self.judge)(evidence))).unwrap_or_else(|panic| {
            let what = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "panic".into());
            Err(NotRun::Bug(crate::evidence::text::clean(&what)))
        })
    }

    /// The fix for what was found, with real names and ids in it. Of what keeps an answer out of the cache, only a fix that the
    /// cache model believes is offered.
    pub fn mend(&self, evidence: &Evidence, finding: &Finding) -> Fix {
        evidence.with_ids(crate::cache::believed(self.id, evidence, (self.fix)(evidence, finding)))
    }

    /// The area: the id up to its first hyphen.
    pub fn area(&self) -> &'static str {
        self.id.split('-').next().unwrap_or(self.id)
    }
}

/// A group of checks, in the order shown to people.
pub struct Area {
    /// The prefix of its checks' ids.
    pub id: &'static str,
    /// What people read.
    pub title: &'static str,
    /// The one line for an area that is all well: what was seen there.
    pub summary: fn(&Evidence) -> Option<String>,
    /// Its checks, in the order shown to people.
    pub checks: &'static [Check],
}
