//! The judgement of cfdoctor: [`evidence`] in, verdicts out. No socket, clock, file or runtime: a check can judge
//! but cannot look (`clippy.toml` forbids what `std` would offer).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs))]

mod check;
pub mod diagnosis;
pub mod evidence;
pub mod model;
mod verdict;
mod zone_rule;

mod aws;
mod cache;
mod cloudflare;
mod dns;
mod edge;
mod origin;

pub use check::{Area, Check, Probe, Severity};
pub use verdict::{Confidence, Finding, Fix, NotRun, Step, StepKind, Verdict};

/// The register: every area in path order.
pub const AREAS: &[Area] = &[dns::AREA, edge::AREA, origin::AREA, aws::AREA, cloudflare::AREA, cache::AREA];

/// Ids that were once published and are never reused.
pub const RETIRED: &[&str] = &[];

/// Day of the vendor facts that are compiled in (`shared/facts`).
pub const KNOWLEDGE: &str = "2026-11-23";

/// Every check, in the order shown to people.
pub fn all() -> impl Iterator<Item = &'static Check> {
    AREAS.iter().flat_map(|area| area.checks)
}

/// The check with this id.
pub fn find(id: &str) -> Option<&'static Check> {
    all().find(|check| check.id == id)
}
