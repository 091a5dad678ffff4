//! Our own clock, held against those of the others.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::evidence::http::{Exchange, Exchanges, http_date};
use crate::evidence::tls::Certificate;
use crate::evidence::{Evidence, Vantage};
use crate::model::cloudflare;
use crate::model::trust::served_chain;

/// Clocks may differ by this much: a slow answer, a server without NTP.
const TOLERANCE: Duration = Duration::minutes(10);

/// Our clock is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongClock {
    /// What ours says.
    pub ours: OffsetDateTime,
    /// What the others' say.
    pub theirs: OffsetDateTime,
    /// The sentence.
    pub culprit: String,
    /// Is a certificate outside its dates by ours, and within them by theirs? Then nothing that is told of dates counts.
    pub misdates: bool,
}

/// Is this machine's clock wrong? Cloudflare's `Date` must say so, and somebody beside it: the origin's `Date`, or a
/// certificate that is outside its dates by our clock and within them by theirs. One server with a wrong clock, or an
/// answer out of somebody's cache, is not enough.
pub fn wrong_clock(evidence: &Evidence) -> Option<WrongClock> {
    let edge = ahead(evidence.edge_exchanges().filter(|exchange| cloudflare::fingerprint(exchange).is_some()))?;
    if edge.abs() <= TOLERANCE {
        return None;
    }
    let origin = evidence.origin.http.found().and_then(|http: &Exchanges| ahead(http.samples.iter()));
    let agreed = origin.is_some_and(|origin| (origin - edge).abs() <= TOLERANCE);
    let ours = evidence.gathered_at;
    let theirs = ours.checked_add(edge)?;
    let (by_ours, by_theirs) = (valid_at(evidence, ours), valid_at(evidence, theirs));
    if by_theirs < by_ours || (by_theirs == by_ours && !agreed) {
        return None;
    }
    let way = if edge.is_positive() { "behind" } else { "ahead" };
    let whose = if agreed { "Cloudflare and the origin date" } else { "Cloudflare dates" };
    let culprit = format!(
        "this machine's clock is wrong: it says {}, {} {way} of what {whose} their answers with",
        ours.replace_nanosecond(0).unwrap_or(ours).format(&Rfc3339).unwrap_or_default(),
        span(edge.abs())
    )
    .replace("Cloudflare dates their answers", "Cloudflare dates its answers");
    Some(WrongClock { ours, theirs, culprit, misdates: by_theirs > by_ours })
}

/// How far the clock behind these answers is ahead of ours, by the middle one of those that were made just now.
fn ahead<'a>(exchanges: impl Iterator<Item = &'a Exchange>) -> Option<Duration> {
    let mut all: Vec<Duration> = exchanges.filter_map(one).collect();
    all.sort();
    all.get(all.len() / 2).copied()
}

fn one(exchange: &Exchange) -> Option<Duration> {
    let response = exchange.response()?;
    let stored =
        response.headers.has("age") || response.headers.cf_cache_status().is_some_and(|status| status.is_from_cache());
    let date = response.headers.first("date").filter(|_| !stored).and_then(http_date)?;
    let waited = exchange.timing.head_ms.filter(|ms| ms.is_finite() && (0.0..1e9).contains(ms)).unwrap_or(0.0);
    Some(date - exchange.sent_at?.checked_add(Duration::milliseconds(waited as i64))?)
}

/// How many certificates of the path are within their dates then.
fn valid_at(evidence: &Evidence, at: OffsetDateTime) -> usize {
    let is_valid = |certificate: &&Certificate| {
        certificate.not_before.is_none_or(|start| start <= at) && certificate.not_after.is_none_or(|end| at <= end)
    };
    let leaf = |end: &'_ Vantage| end.tls.found().and_then(|handshake| served_chain(handshake).first().cloned());
    [leaf(&evidence.edge), leaf(&evidence.origin)].iter().flatten().filter(is_valid).count()
}

/// `3 days`, `5 hours`, rounded.
fn span(duration: Duration) -> String {
    let minutes = (duration.whole_seconds() + 30) / 60;
    let hours = (minutes + 30) / 60;
    match (minutes, hours) {
        (..120, _) => format!("{minutes} minutes"),
        (_, ..48) => format!("{hours} hours"),
        _ => format!("{} days", (hours + 12) / 24),
    }
}
