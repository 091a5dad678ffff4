//! Our own formats read back: configuration, reports, recordings.

use cfdoctor_checks::evidence::{Evidence, Target};
use time::macros::datetime;

use super::harmless;
use super::holds::{examined, told};
use crate::report::{Difference, Known, Report};

/// `cfdoctor.toml`, and the judgement by it.
pub(super) fn config(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    match crate::config::parse("cfdoctor.toml", text) {
        Ok(loaded) => {
            let target: Target = "https://lambda.example.com/endpoint".parse().expect("a URL");
            let evidence = Evidence::nothing(target, datetime!(2026-11-23 10:00 UTC));
            let checks: Vec<_> = cfdoctor_checks::all().collect();
            let report = loaded.examine(&evidence, &checks, None);
            let report = told(vec![report]);
            loaded.notices(&report.targets).iter().for_each(|notice| harmless(notice));
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.starts_with("cfdoctor.toml") && error.len() < 16_384, "{error}");
        }
    }
}

/// An earlier report: `--baseline`, `diff`, `--resume`.
pub(super) fn report(octets: &[u8]) {
    match Report::parse(octets) {
        Ok(report) => {
            let known = Known::of(&report);
            for target in &report.targets {
                let mut target = target.clone();
                known.mark(&mut target);
                assert!(target.results.iter().all(|result| !result.status.is_finding() || result.suppressed.is_some()));
            }
            let difference = Difference::between(&report, &report);
            assert_eq!(difference.exit_code, 0, "a report is no worse than itself");
        }
        Err(error) => assert!(error.to_string().len() < 4096),
    }
}

/// The parts of a recording, together in one file.
pub(super) fn recording(octets: &[u8]) {
    let Ok(evidence) = serde_json::from_slice::<Evidence>(octets) else { return };
    told(vec![examined(&evidence)]);
    // What we would record of it is read as the same.
    let again: Evidence =
        serde_json::from_slice(&serde_json::to_vec(&evidence).expect("evidence is JSON")).expect("a recording");
    assert_eq!(again, evidence);
}
