//! What Prometheus scrapes, or the text-file collector of its node exporter picks up: a whole report, or the one target of
//! a probe.

mod family;

use std::io::{self, Write};

use cfdoctor_checks::Confidence;
use cfdoctor_checks::evidence::http::CacheStatus;
use time::OffsetDateTime;

use super::Look;
use crate::explain;
use crate::report::{Report, Summary, TargetReport};

pub use family::{Family, Kind, Labels, Syntax};

/// Writes one exposition; the families in a fixed order, `# EOF` last.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    let mut families = of_targets(Told { report, names_targets: true });
    families.extend([
        run("duration_seconds", "From start to report.", report.run.elapsed_ms as f64 / 1000.0),
        run("start_timestamp_seconds", "When it began.", seconds(report.run.started_at)),
        run("exit_code", "0 well, 1 findings, 3 could not tell.", f64::from(report.exit_code)),
        run("targets_not_visited", "Not reached before the interruption.", report.run.left() as f64),
        build(&report.tool.version, &report.tool.knowledge),
    ]);
    write(&families, Syntax::OpenMetrics, out)
}

/// Writes what a probe of one target found. The series do not name it: whoever scrapes knows what was asked for.
///
/// # Errors
/// The writer's own.
pub fn probe(report: &Report, elapsed_seconds: f64, syntax: Syntax, out: &mut impl Write) -> io::Result<()> {
    let one = |name: &str, help: &'static str, value: f64| {
        let mut family = Family::new(Kind::Gauge, name, help);
        family.add(&[], value);
        family
    };
    let is_well = report.exit_code == crate::policy::OK;
    let mut families = vec![
        one("probe_success", "1: judged, and nothing is at or above --fail-on.", f64::from(u8::from(is_well))),
        one("probe_duration_seconds", "How long the whole visit took.", elapsed_seconds),
    ];
    families.extend(of_targets(Told { report, names_targets: false }));
    write(&families, syntax, out)
}

/// Writes families and their end.
///
/// # Errors
/// The writer's own.
pub fn write(families: &[Family], syntax: Syntax, out: &mut impl Write) -> io::Result<()> {
    families.iter().try_for_each(|family| family.write(syntax, out))?;
    syntax.end(out)
}

/// Who made this.
pub fn build(version: &str, knowledge: &str) -> Family {
    let mut family = Family::new(Kind::Info, "cfdoctor_build", "Who made this.");
    family.add(&[("version", version), ("knowledge", knowledge)], 1.0);
    family
}

/// A report, and whether its series name their target.
#[derive(Clone, Copy)]
struct Told<'a> {
    report: &'a Report,
    names_targets: bool,
}

impl<'a> Told<'a> {
    fn targets(self) -> impl Iterator<Item = &'a TargetReport> {
        self.report.targets.iter()
    }

    fn add(self, family: &mut Family, target: &TargetReport, labels: Labels<'_>, value: f64) {
        let own: Labels<'_> = if self.names_targets { &[("host", &target.host), ("url", &target.url)] } else { &[] };
        family.add(&[own, labels].concat(), value);
    }
}

/// What is told of every target.
fn of_targets(told: Told<'_>) -> Vec<Family> {
    let mut families = vec![
        check_status(told),
        check_suppressed(told),
        target_verdict(told),
        diagnosis(told),
        target_results(told),
        cache_status(told),
        cache_age(told),
        certificate_end(told),
    ];
    // Prometheus wants seconds; who probes can subtract, who reads a file should not have to.
    families.extend(told.names_targets.then(|| certificate_days(told)));
    families.extend([phases(told), requests(told), api_requests(told)]);
    families
}

fn seconds(time: OffsetDateTime) -> f64 {
    time.unix_timestamp() as f64
}

fn check_status(told: Told<'_>) -> Family {
    let mut family = Family::gauge("check_status", "1 for the status that a check has now.");
    for target in told.targets() {
        for result in &target.results {
            let labels = [
                ("area", &*result.area),
                ("check", &result.check),
                ("severity", explain::severity(result.severity)),
                ("status", result.status.word()),
            ];
            told.add(&mut family, target, &labels, 1.0);
        }
    }
    family
}

fn check_suppressed(told: Told<'_>) -> Family {
    let mut family = Family::gauge("check_suppressed", "1 for a finding that does not count.");
    for target in told.targets() {
        for result in target.results.iter().filter(|result| result.suppressed.is_some()) {
            told.add(&mut family, target, &[("check", &result.check)], 1.0);
        }
    }
    family
}

fn target_verdict(told: Told<'_>) -> Family {
    let mut family = Family::gauge("target_verdict", "1 for the verdict on a target, with the cause, if any.");
    for target in told.targets() {
        let cause = target.diagnosis.as_ref().map_or("", |diagnosis| &diagnosis.cause);
        told.add(&mut family, target, &[("verdict", target.verdict.word()), ("cause", cause)], 1.0);
    }
    family
}

fn diagnosis(told: Told<'_>) -> Family {
    let mut family = Family::new(Kind::Info, "cfdoctor_diagnosis", "The one cause of what is wrong, if anything is.");
    for target in told.targets() {
        if let Some(diagnosis) = &target.diagnosis {
            let labels = [("cause", diagnosis.cause.as_str()), ("confidence", confidence(diagnosis.confidence))];
            told.add(&mut family, target, &labels, 1.0);
        }
    }
    family
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}

fn target_results(told: Told<'_>) -> Family {
    let mut family = Family::gauge("target_results", "Checks by status; suppressed: findings that do not count.");
    for target in told.targets() {
        let Summary { pass, warn, fail, not_run, suppressed } = Summary::of(target.results.iter());
        let counts = [("pass", pass), ("warn", warn), ("fail", fail), ("not-run", not_run), ("suppressed", suppressed)];
        for (status, count) in counts {
            told.add(&mut family, target, &[("status", status)], f64::from(count));
        }
    }
    family
}

fn cache_status(told: Told<'_>) -> Family {
    let mut family = Family::gauge(
        "cache_status",
        "1 for the cf-cache-status of a sample; none: no such header; OTHER: an unknown word.",
    );
    for target in told.targets() {
        for (status, sample) in target.observed.iter().flat_map(|observed| &observed.statuses).zip(1..) {
            let sample: u32 = sample;
            told.add(&mut family, target, &[("sample", &sample.to_string()), ("status", &known(status))], 1.0);
        }
    }
    family
}

/// A word that Cloudflare documents: a server must not be able to make ever new series.
fn known(status: &str) -> String {
    match CacheStatus::parse(status) {
        _ if status == "none" => status.to_owned(),
        CacheStatus::Other(_) => "OTHER".to_owned(),
        word => word.to_string(),
    }
}

fn cache_age(told: Told<'_>) -> Family {
    let mut family = Family::gauge("cache_age_seconds", "Age of the last sample.");
    for target in told.targets() {
        if let Some(age) = target.observed.as_ref().and_then(|observed| observed.age_s) {
            told.add(&mut family, target, &[], age as f64);
        }
    }
    family
}

fn certificate_end(told: Told<'_>) -> Family {
    let mut family =
        Family::gauge("certificate_not_after_timestamp_seconds", "End of validity of a server's own certificate.");
    for target in told.targets() {
        for certificate in &target.certificates {
            if let Some(end) = certificate.not_after {
                told.add(&mut family, target, &[("end", certificate.end.word())], seconds(end));
            }
        }
    }
    family
}

fn certificate_days(told: Told<'_>) -> Family {
    let mut family = Family::gauge("certificate_days_left", "Whole days of validity that were left.");
    for target in told.targets() {
        for certificate in &target.certificates {
            if let Some(days) = certificate.days_left {
                told.add(&mut family, target, &[("end", certificate.end.word())], days as f64);
            }
        }
    }
    family
}

fn phases(told: Told<'_>) -> Family {
    let mut family =
        Family::gauge("phase_duration_seconds", "How long a phase of a request took; head: until the first line.");
    for target in told.targets() {
        for timing in &target.timings {
            for (phase, ms) in [
                ("dns", timing.dns_ms),
                ("connect", timing.connect_ms),
                ("tls", timing.tls_ms),
                ("head", timing.head_ms),
                ("total", timing.total_ms),
            ] {
                if let Some(ms) = ms {
                    let labels = [("end", timing.end.word()), ("request", &timing.label), ("phase", phase)];
                    told.add(&mut family, target, &labels, ms / 1000.0);
                }
            }
        }
    }
    family
}

fn requests(told: Told<'_>) -> Family {
    let mut family = Family::gauge("target_requests_sent", "HTTP requests of this visit to edge and origin.");
    for target in told.targets() {
        told.add(&mut family, target, &[], f64::from(target.requests_sent));
    }
    family
}

fn api_requests(told: Told<'_>) -> Family {
    let help = "Requests of this visit to the APIs of Cloudflare and AWS.";
    let mut family = Family::gauge("target_api_requests_sent", help);
    for target in told.targets() {
        told.add(&mut family, target, &[], f64::from(target.api_requests_sent));
    }
    family
}

fn run(name: &str, help: &'static str, value: f64) -> Family {
    let mut family = Family::gauge(&format!("run_{name}"), help);
    family.add(&[], value);
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documented_words_make_series() {
        for (sent, told) in [("HIT", "HIT"), ("hit", "HIT"), ("none", "none"), ("x1", "OTHER"), ("", "OTHER")] {
            assert_eq!(known(sent), told);
        }
    }
}
