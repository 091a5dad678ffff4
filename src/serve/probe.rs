//! One probe: a visit within the time that Prometheus gives, judged and told.

use std::time::Duration;

use cfdoctor_checks::evidence::Target;
use http::header::{HeaderMap, HeaderName};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Running;
use super::own::Ended;
use crate::probe::budget::Budget;
use crate::render::openmetrics::{self, Syntax};
use crate::report::{Report, Run};

/// How long Prometheus waits for this scrape.
const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");
/// Below this nobody is blamed for not answering: two repeated SYNs (after 1 s and 3 s) fit in.
const FAIR_CONNECT: Duration = Duration::from_secs(4);

/// How long a probe may take: never longer than `most`, and with `offset` to spare where Prometheus says how long it
/// waits.
///
/// # Errors
/// The header makes no sense.
pub(super) fn limit(headers: &HeaderMap, most: Duration, offset: Duration) -> Result<Duration, String> {
    let Some(given) = headers.get(SCRAPE_TIMEOUT) else { return Ok(most) };
    let seconds = given.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok()).filter(|seconds| *seconds > 0.0);
    let given = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let given = given.ok_or_else(|| format!("{SCRAPE_TIMEOUT} is no number of seconds"))?;
    // A scrape that is shorter than the offset still gets something.
    Ok(most.min(given.saturating_sub(offset).max(given / 2)))
}

/// The limit of TCP and of TLS in a visit of this length: there has to be time left to say what was found.
pub(super) fn connect_limit(given: Duration, whole: Duration) -> Duration {
    given.min(FAIR_CONNECT.max(whole / 2))
}

/// A probe that is counted, however it ends.
struct Counted<'a> {
    running: &'a Running,
    since: Instant,
    how: Ended,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.running.own.end(self.how, self.since.elapsed());
    }
}

/// Visits the target. The visit ends with this future.
pub(super) async fn run(running: &Running, target: &Target, limit: Duration, syntax: Syntax) -> Vec<u8> {
    running.own.begin();
    let mut counted = Counted { running, since: Instant::now(), how: Ended::Dropped };
    let started_at = OffsetDateTime::now_utc();
    let exporter = &running.exporter;
    tracing::info!(host = target.host, ?limit, "probe begins");
    let settings = running.settings(limit);
    let budget = Budget::new(limit, running.interrupt.subscribe());
    // On the heap: it is large.
    let evidence = Box::pin(crate::gather(target, &settings, &budget)).await;
    let found = exporter.loaded.examine(&evidence, &exporter.checks, None);
    let elapsed = counted.since.elapsed();
    // Harmless: the report is made so.
    let why = found.inconclusive.as_deref();
    tracing::info!(host = target.host, verdict = found.verdict.word(), why, ?elapsed, "probe ends");
    counted.how = Ended::Judged(found.verdict);
    let run = Run {
        elapsed_ms: elapsed.as_millis().try_into().unwrap_or(u64::MAX),
        requests_sent: found.requests_sent,
        api_requests_sent: found.api_requests_sent,
        interrupted: *running.interrupt.borrow(),
        ..Run::begun(String::new(), started_at)
    };
    let report = Report::new(run, vec![found], &exporter.policy);
    let mut out = Vec::new();
    // Writing into memory does not fail.
    let _ = openmetrics::probe(&report, elapsed.as_secs_f64(), syntax, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn given(value: &'static str) -> Result<Duration, String> {
        let headers = HeaderMap::from_iter([(SCRAPE_TIMEOUT, HeaderValue::from_static(value))]);
        limit(&headers, Duration::from_secs(45), Duration::from_millis(500))
    }

    #[test]
    fn prometheus_own_limit_is_kept() {
        assert_eq!(given("10"), Ok(Duration::from_millis(9500)));
        assert_eq!(given("120.000"), Ok(Duration::from_secs(45)));
        assert_eq!(given("0.4"), Ok(Duration::from_millis(200)));
        for wrong in ["", "0", "-1", "NaN", "inf", "1e300", "ten", "1 0"] {
            assert!(given(wrong).is_err(), "{wrong}");
        }
        assert_eq!(limit(&HeaderMap::new(), Duration::from_secs(45), Duration::ZERO), Ok(Duration::from_secs(45)));
    }

    #[test]
    fn connecting_leaves_time_for_the_rest_and_stays_fair() {
        let of = |given, whole| connect_limit(Duration::from_secs(given), Duration::from_millis(whole));
        assert_eq!(of(10, 45_000), Duration::from_secs(10));
        assert_eq!(of(10, 9_500), Duration::from_millis(4750));
        assert_eq!(of(10, 2_000), Duration::from_secs(4), "the deadline ends it, and nobody is blamed");
        assert_eq!(of(1, 2_000), Duration::from_secs(1));
    }
}
