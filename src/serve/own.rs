//! The exporter's own metrics.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cfdoctor_checks::KNOWLEDGE;

use crate::render::openmetrics::{self, Family, Kind, Syntax};
use crate::report::TargetVerdict;

/// Seconds; a visit takes from some tenths to the deadline.
const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Judged(TargetVerdict),
    /// The scrape was dropped, and the visit with it.
    Dropped,
}

/// Why no probe was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Busy,
    BadRequest,
    NotConfigured,
}

const ENDED: [Ended; 5] = [
    Ended::Judged(TargetVerdict::Pass),
    Ended::Judged(TargetVerdict::Warn),
    Ended::Judged(TargetVerdict::Fail),
    Ended::Judged(TargetVerdict::Inconclusive),
    Ended::Dropped,
];
const REFUSED: [Refused; 3] = [Refused::Busy, Refused::BadRequest, Refused::NotConfigured];

impl Ended {
    fn word(self) -> &'static str {
        match self {
            Ended::Judged(verdict) => verdict.word(),
            Ended::Dropped => "dropped",
        }
    }
}

impl Refused {
    fn word(self) -> &'static str {
        match self {
            Refused::Busy => "busy",
            Refused::BadRequest => "bad-request",
            Refused::NotConfigured => "not-configured",
        }
    }
}

/// What is counted.
#[derive(Default)]
struct Tally {
    in_flight: u64,
    ended: [u64; ENDED.len()],
    refused: [u64; REFUSED.len()],
    buckets: [u64; BOUNDS.len()],
    beyond: u64,
    seconds: f64,
}

pub(super) struct Own {
    started_at: SystemTime,
    tally: Mutex<Tally>,
}

impl Own {
    pub(super) fn new() -> Self {
        Own { started_at: SystemTime::now(), tally: Mutex::default() }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self) {
        self.tally().in_flight += 1;
    }

    pub(super) fn end(&self, how: Ended, took: Duration) {
        let mut tally = self.tally();
        let tally = &mut *tally;
        tally.in_flight = tally.in_flight.saturating_sub(1);
        count(&ENDED, how, &mut tally.ended);
        if how == Ended::Dropped {
            // How long somebody else was patient is no measure of ours.
            return;
        }
        let seconds = took.as_secs_f64();
        tally.seconds += seconds;
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound);
        match bucket.and_then(|at| tally.buckets.get_mut(at)) {
            Some(bucket) => *bucket += 1,
            None => tally.beyond += 1,
        }
    }

    pub(super) fn refuse(&self, why: Refused) {
        count(&REFUSED, why, &mut self.tally().refused);
    }

    pub(super) fn write(&self, concurrency: usize, syntax: Syntax, out: &mut impl io::Write) -> io::Result<()> {
        let tally = self.tally();
        let gauge = |name: &str, help: &'static str, value: f64| {
            let mut family = Family::gauge(&format!("exporter_{name}"), help);
            family.add(&[], value);
            family
        };
        let counter = |name: &str, help: &'static str| Family::new(Kind::Counter, name, help);
        let mut ended =
            counter("cfdoctor_exporter_probes", "Probes that ended, by verdict; dropped: with their scrape.");
        for (how, number) in ENDED.iter().zip(tally.ended) {
            ended.add(&[("verdict", how.word())], number as f64);
        }
        let mut refused = counter("cfdoctor_exporter_probes_refused", "Probes that were not begun, and why.");
        for (why, number) in REFUSED.iter().zip(tally.refused) {
            refused.add(&[("reason", why.word())], number as f64);
        }
        let mut durations =
            Family::new(Kind::Histogram, "cfdoctor_exporter_probe_duration_seconds", "How long probes took.");
        durations.observed(BOUNDS.into_iter().zip(tally.buckets), tally.beyond, tally.seconds);
        let mut started = Family::new(Kind::Gauge, "process_start_time_seconds", "When this process began.");
        let since = self.started_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        started.add(&[], since.as_secs_f64());
        let families = [
            openmetrics::build(env!("CARGO_PKG_VERSION"), KNOWLEDGE),
            gauge("probes_in_flight", "Probes that run now.", tally.in_flight as f64),
            gauge("probes_in_flight_limit", "Probes that may run at the same time.", concurrency as f64),
            ended,
            refused,
            durations,
            started,
        ];
        openmetrics::write(&families, syntax, out)
    }
}

fn count<T: PartialEq>(all: &[T], one: T, numbers: &mut [u64]) {
    if let Some(number) = all.iter().position(|known| *known == one).and_then(|at| numbers.get_mut(at)) {
        *number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_once() {
        let own = Own::new();
        for _ in 0..3 {
            own.begin();
        }
        own.end(Ended::Judged(TargetVerdict::Warn), Duration::from_millis(250));
        own.end(Ended::Dropped, Duration::from_secs(3));
        own.refuse(Refused::Busy);
        own.begin();
        own.end(Ended::Judged(TargetVerdict::Fail), Duration::from_secs(100));
        let mut out = Vec::new();
        own.write(7, Syntax::Prometheus, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "cfdoctor_exporter_probes_in_flight 1",
            "cfdoctor_exporter_probes_in_flight_limit 7",
            "cfdoctor_exporter_probes_total{verdict=\"pass\"} 0",
            "cfdoctor_exporter_probes_total{verdict=\"warn\"} 1",
            "cfdoctor_exporter_probes_total{verdict=\"fail\"} 1",
            "cfdoctor_exporter_probes_total{verdict=\"dropped\"} 1",
            "cfdoctor_exporter_probes_refused_total{reason=\"busy\"} 1",
            "cfdoctor_exporter_probe_duration_seconds_bucket{le=\"0.1\"} 0",
            "cfdoctor_exporter_probe_duration_seconds_bucket{le=\"0.25\"} 1",
            "cfdoctor_exporter_probe_duration_seconds_bucket{le=\"60.0\"} 1",
            "cfdoctor_exporter_probe_duration_seconds_bucket{le=\"+Inf\"} 2",
            "cfdoctor_exporter_probe_duration_seconds_sum 100.25",
            "cfdoctor_exporter_probe_duration_seconds_count 2",
        ] {
            assert!(text.lines().any(|given| given == line), "{line} is missing in\n{text}");
        }
    }
}
