//! A metric family, in the two texts that Prometheus reads.

use std::collections::BTreeSet;
use std::io::{self, Write};

use cfdoctor_checks::evidence::text;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// OpenMetrics 1.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
    OpenMetrics,
    /// Prometheus' own text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
    Prometheus,
}

impl Syntax {
    /// `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Syntax::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Syntax::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What stands after the last family.
    ///
    /// # Errors
    /// The writer's own.
    pub fn end(self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Syntax::OpenMetrics => writeln!(out, "# EOF"),
            Syntax::Prometheus => Ok(()),
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up; the series end in `_total`.
    Counter,
    /// The value is 1, the labels tell; the series end in `_info`.
    Info,
    /// Counts in buckets.
    Histogram,
}

/// Names and values of labels.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// A metric family: no series appears twice, whatever is added.
pub struct Family {
    name: String,
    kind: Kind,
    help: &'static str,
    series: Vec<String>,
    known: BTreeSet<String>,
}

impl Family {
    /// An empty family; the name without the ending of its kind.
    pub fn new(kind: Kind, name: &str, help: &'static str) -> Self {
        Family { name: name.to_owned(), kind, help, series: Vec::new(), known: BTreeSet::new() }
    }

    /// A gauge of ours.
    pub fn gauge(name: &str, help: &'static str) -> Self {
        Family::new(Kind::Gauge, &format!("cfdoctor_{name}"), help)
    }

    /// Adds a series, unless these labels have one or the value is no number.
    pub fn add(&mut self, labels: Labels<'_>, value: f64) {
        let ending = match self.kind {
            Kind::Gauge | Kind::Histogram => "",
            Kind::Counter => "_total",
            Kind::Info => "_info",
        };
        self.line(ending, labels, value);
    }

    /// Fills a histogram: for each bucket its bound and how many were in it; how many were beyond; their sum.
    pub fn observed(&mut self, buckets: impl Iterator<Item = (f64, u64)>, beyond: u64, sum: f64) {
        let mut count = 0;
        for (bound, inside) in buckets {
            count += inside;
            // The spelling that both texts ask of bounds: 1.0, not 1.
            self.line("_bucket", &[("le", &format!("{bound:?}"))], count as f64);
        }
        count += beyond;
        self.line("_bucket", &[("le", "+Inf")], count as f64);
        self.line("_sum", &[], sum);
        self.line("_count", &[], count as f64);
    }

    fn line(&mut self, ending: &str, labels: Labels<'_>, value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label_value(value))).collect();
        let labels = labels.join(",");
        if value.is_finite() && self.known.insert(format!("{ending}{{{labels}")) {
            let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            self.series.push(format!("{}{ending}{braces} {value}", self.name));
        }
    }

    /// Writes the family, if there is anything in it.
    ///
    /// # Errors
    /// The writer's own.
    pub fn write(&self, syntax: Syntax, out: &mut impl Write) -> io::Result<()> {
        if self.series.is_empty() {
            return Ok(());
        }
        let (ending, kind) = match (self.kind, syntax) {
            (Kind::Gauge, _) => ("", "gauge"),
            (Kind::Histogram, _) => ("", "histogram"),
            (Kind::Counter, Syntax::OpenMetrics) => ("", "counter"),
            (Kind::Counter, Syntax::Prometheus) => ("_total", "counter"),
            (Kind::Info, Syntax::OpenMetrics) => ("", "info"),
            // It knows no such kind.
            (Kind::Info, Syntax::Prometheus) => ("_info", "gauge"),
        };
        writeln!(out, "# TYPE {}{ending} {kind}\n# HELP {}{ending} {}", self.name, self.name, self.help)?;
        self.series.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

/// Escaped as both texts want it; there is no line break left to escape.
fn label_value(from: &str) -> String {
    text::clean(from).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(family: &Family, syntax: Syntax) -> String {
        let mut out = Vec::new();
        family.write(syntax, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn labels_are_escaped_and_series_unique() {
        let mut family = Family::gauge("x", "y");
        family.add(&[("a", "b\"c\\d\ne")], 1.0);
        family.add(&[("a", "b\"c\\d\ne")], 2.0);
        family.add(&[("a", "z")], f64::NAN);
        assert_eq!(family.series, ["cfdoctor_x{a=\"b\\\"c\\\\d\u{fffd}e\"} 1"]);
    }

    #[test]
    fn each_text_has_its_own_spelling() {
        let mut counter = Family::new(Kind::Counter, "x", "y");
        counter.add(&[], 3.0);
        assert_eq!(written(&counter, Syntax::OpenMetrics), "# TYPE x counter\n# HELP x y\nx_total 3\n");
        assert_eq!(written(&counter, Syntax::Prometheus), "# TYPE x_total counter\n# HELP x_total y\nx_total 3\n");
        let mut info = Family::new(Kind::Info, "x", "y");
        info.add(&[("a", "b")], 1.0);
        assert_eq!(written(&info, Syntax::OpenMetrics), "# TYPE x info\n# HELP x y\nx_info{a=\"b\"} 1\n");
        assert_eq!(written(&info, Syntax::Prometheus), "# TYPE x_info gauge\n# HELP x_info y\nx_info{a=\"b\"} 1\n");
        assert_eq!(written(&Family::gauge("z", "y"), Syntax::Prometheus), "", "nothing to tell");
    }

    #[test]
    fn a_histogram_counts_upwards() {
        let mut histogram = Family::new(Kind::Histogram, "x_seconds", "y");
        histogram.observed([(0.5, 2), (1.0, 0), (10.0, 3)].into_iter(), 1, 12.5);
        let text = written(&histogram, Syntax::OpenMetrics);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "x_seconds_bucket{le=\"0.5\"} 2",
                "x_seconds_bucket{le=\"1.0\"} 2",
                "x_seconds_bucket{le=\"10.0\"} 5",
                "x_seconds_bucket{le=\"+Inf\"} 6",
                "x_seconds_sum 12.5",
                "x_seconds_count 6",
            ]
        );
    }
}
