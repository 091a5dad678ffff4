//! OpenMetrics 1.0 text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>): what Prometheus scrapes, or the
//! text-file collector of its node exporter picks up.

use std::collections::BTreeSet;
use std::io::{self, Write};

use cfdoctor_checks::evidence::text;
use time::OffsetDateTime;

use super::Look;
use crate::explain;
use crate::report::{Report, Summary, TargetReport};

/// Writes one exposition; the families in a fixed order, `# EOF` last.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    for family in [
        check_status(report),
        check_suppressed(report),
        target_verdict(report),
        target_results(report),
        cache_status(report),
        cache_age(report),
        certificate_end(report),
        certificate_days(report),
        phases(report),
        requests(report),
        run("duration_seconds", "From start to report.", report.run.elapsed_ms as f64 / 1000.0),
        run("start_timestamp_seconds", "When it began.", seconds(report.run.started_at)),
        run("exit_code", "0 well, 1 findings, 3 could not tell.", f64::from(report.exit_code)),
        run("targets_not_visited", "Not reached before the interruption.", report.run.left() as f64),
        build(report),
    ] {
        family.write(out)?;
    }
    writeln!(out, "# EOF")
}

/// A metric family: no series appears twice, whatever the report holds.
struct Family {
    name: String,
    kind: &'static str,
    help: &'static str,
    series: Vec<String>,
    known: BTreeSet<String>,
}

/// Names and values of labels.
type Labels<'a> = &'a [(&'a str, &'a str)];

impl Family {
    fn gauge(name: &str, help: &'static str) -> Self {
        Family { name: format!("cfdoctor_{name}"), kind: "gauge", help, series: Vec::new(), known: BTreeSet::new() }
    }

    fn add(&mut self, labels: Labels<'_>, value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label_value(value))).collect();
        let labels = labels.join(",");
        if value.is_finite() && self.known.insert(labels.clone()) {
            let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let suffix = if self.kind == "info" { "_info" } else { "" };
            self.series.push(format!("{}{suffix}{braces} {value}", self.name));
        }
    }

    fn of_target(&mut self, target: &TargetReport, labels: Labels<'_>, value: f64) {
        let own = [("host", target.host.as_str()), ("url", target.url.as_str())];
        self.add(&[&own, labels].concat(), value);
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.series.is_empty() {
            return Ok(());
        }
        writeln!(out, "# TYPE {} {}\n# HELP {} {}", self.name, self.kind, self.name, self.help)?;
        self.series.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

/// Escaped as the format wants it; there is no line break left to escape.
fn label_value(from: &str) -> String {
    text::clean(from).replace('\\', "\\\\").replace('"', "\\\"")
}

fn seconds(time: OffsetDateTime) -> f64 {
    time.unix_timestamp() as f64
}

fn check_status(report: &Report) -> Family {
    let mut family = Family::gauge("check_status", "1 for the status that a check has now.");
    for target in &report.targets {
        for result in &target.results {
            let labels = [
                ("area", result.area.as_str()),
                ("check", &result.check),
                ("severity", explain::severity(result.severity)),
                ("status", result.status.word()),
            ];
            family.of_target(target, &labels, 1.0);
        }
    }
    family
}

fn check_suppressed(report: &Report) -> Family {
    let mut family = Family::gauge("check_suppressed", "1 for a finding that does not count.");
    for target in &report.targets {
        for result in target.results.iter().filter(|result| result.suppressed.is_some()) {
            family.of_target(target, &[("check", &result.check)], 1.0);
        }
    }
    family
}

fn target_verdict(report: &Report) -> Family {
    let mut family = Family::gauge("target_verdict", "1 for the verdict on a target, with the cause, if any.");
    for target in &report.targets {
        let cause = target.diagnosis.as_ref().map_or("", |diagnosis| &diagnosis.cause);
        family.of_target(target, &[("verdict", target.verdict.word()), ("cause", cause)], 1.0);
    }
    family
}

fn target_results(report: &Report) -> Family {
    let mut family = Family::gauge("target_results", "Checks by status; suppressed: findings that do not count.");
    for target in &report.targets {
        let Summary { pass, warn, fail, not_run, suppressed } = Summary::of(target.results.iter());
        let counts = [("pass", pass), ("warn", warn), ("fail", fail), ("not-run", not_run), ("suppressed", suppressed)];
        for (status, count) in counts {
            family.of_target(target, &[("status", status)], f64::from(count));
        }
    }
    family
}

fn cache_status(report: &Report) -> Family {
    let mut family = Family::gauge("cache_status", "1 for the cf-cache-status of a sample; none: no such header.");
    for target in &report.targets {
        for (status, sample) in target.observed.iter().flat_map(|observed| &observed.statuses).zip(1..) {
            let sample: u32 = sample;
            family.of_target(target, &[("sample", &sample.to_string()), ("status", status)], 1.0);
        }
    }
    family
}

fn cache_age(report: &Report) -> Family {
    let mut family = Family::gauge("cache_age_seconds", "Age of the last sample.");
    for target in &report.targets {
        if let Some(age) = target.observed.as_ref().and_then(|observed| observed.age_s) {
            family.of_target(target, &[], age as f64);
        }
    }
    family
}

fn certificate_end(report: &Report) -> Family {
    let mut family =
        Family::gauge("certificate_not_after_timestamp_seconds", "End of validity of a server's own certificate.");
    for target in &report.targets {
        for certificate in &target.certificates {
            if let Some(end) = certificate.not_after {
                family.of_target(target, &[("end", certificate.end.word())], seconds(end));
            }
        }
    }
    family
}

fn certificate_days(report: &Report) -> Family {
    let mut family = Family::gauge("certificate_days_left", "Whole days of validity that were left.");
    for target in &report.targets {
        for certificate in &target.certificates {
            if let Some(days) = certificate.days_left {
                family.of_target(target, &[("end", certificate.end.word())], days as f64);
            }
        }
    }
    family
}

fn phases(report: &Report) -> Family {
    let mut family = Family::gauge("phase_duration_seconds", "How long a phase of a request took.");
    for target in &report.targets {
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
                    family.of_target(target, &labels, ms / 1000.0);
                }
            }
        }
    }
    family
}

fn requests(report: &Report) -> Family {
    let mut family = Family::gauge("target_requests_sent", "HTTP requests of this visit.");
    for target in &report.targets {
        family.of_target(target, &[], f64::from(target.requests_sent));
    }
    family
}

fn run(name: &str, help: &'static str, value: f64) -> Family {
    let mut family = Family::gauge(&format!("run_{name}"), help);
    family.add(&[], value);
    family
}

fn build(report: &Report) -> Family {
    let mut family = Family { kind: "info", ..Family::gauge("build", "Who made this.") };
    family.add(&[("version", &report.tool.version), ("knowledge", &report.tool.knowledge)], 1.0);
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_series_unique() {
        let mut family = Family::gauge("x", "y");
        family.add(&[("a", "b\"c\\d\ne")], 1.0);
        family.add(&[("a", "b\"c\\d\ne")], 2.0);
        family.add(&[("a", "z")], f64::NAN);
        assert_eq!(family.series, ["cfdoctor_x{a=\"b\\\"c\\\\d\u{fffd}e\"} 1"]);
    }
}
