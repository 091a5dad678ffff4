//! What one host, and one origin behind many hosts, are asked at once (`product.md` sections 9 and 10).
//!
//! Each answer that comes uncached from an origin runs somebody's function, so many targets behind one origin wait for
//! each other, and a site that asks for peace gets it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cfdoctor_checks::evidence::{Evidence, Vantage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::probe::budget::Budget;

/// Visits of one host (several URLs) at once.
const AT_HOST: usize = 2;
/// Between the beginnings of two visits of one host.
const BETWEEN: Duration = Duration::from_millis(250);
/// Visits that ask one origin at once: an API Gateway of an account takes thousands a second, a small server this.
const AT_ORIGIN: usize = 32;
/// Visits that ask one address at once, whatever the names of the origins there: a small server may have hundreds.
const AT_ADDRESS: usize = 64;
/// A site that asks for peace is waited for so long before its next visit; after that the visit says so instead.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// No site is believed that it wants more peace than this.
const LONGEST_PEACE: Duration = Duration::from_secs(3600);
/// Places that nobody uses are tidied away beyond so many.
const MAX_IDLE: usize = 1024;

/// Who is asked how much; clones share it.
#[derive(Clone, Default)]
pub struct Manners {
    hosts: Arc<Mutex<HashMap<String, Arc<Place>>>>,
    origins: Arc<Mutex<HashMap<String, Arc<Place>>>>,
    addresses: Arc<Mutex<HashMap<String, Arc<Place>>>>,
}

/// A turn at a host or an origin, until it is dropped.
pub struct Turn(#[allow(dead_code, reason = "held, not used")] [Option<OwnedSemaphorePermit>; 2]);

struct Place {
    turns: Arc<Semaphore>,
    calendar: Mutex<Calendar>,
}

#[derive(Default)]
struct Calendar {
    /// The next visit begins no earlier.
    next: Option<Instant>,
    /// The site asked for peace until then.
    peace: Option<Instant>,
}

impl Calendar {
    /// Enters a visit that somebody wants to begin at `now`, and tells when it may.
    fn begin(&mut self, now: Instant) -> Instant {
        let peace = self.peace.map_or(now, |peace| peace.min(now + LONGEST_WAIT));
        let start = self.next.map_or(now, |next| next.max(now)).max(peace);
        self.next = Some(start + BETWEEN);
        start
    }
}

impl Manners {
    /// Waits for the host's turn: not too many visits at once, not too soon after another, and for a while not before
    /// it wants to be asked again.
    pub async fn host(&self, host: &str) -> Turn {
        let place = place(&self.hosts, host, AT_HOST);
        // Nobody closes the semaphore: without a permit there is still the spacing.
        let permit = place.turns.clone().acquire_owned().await.ok();
        let now = Instant::now();
        let start = place.calendar().begin(now);
        if start > now {
            sleep_until(start).await;
        }
        Turn([permit, None])
    }

    /// How long the host still wants peace.
    pub fn host_peace(&self, host: &str) -> Option<Duration> {
        peace(&self.hosts, host)
    }

    /// Waits for a turn at an origin, and at its address, within the visit's time.
    ///
    /// # Errors
    /// There was none in time, or the origin wants peace: why the origin is not asked.
    pub async fn origin(&self, name: &str, address: Option<IpAddr>, budget: &Budget) -> Result<Turn, String> {
        if let Some(left) = peace(&self.origins, name) {
            return Err(refused(left));
        }
        let turns = place(&self.origins, name, AT_ORIGIN).turns.clone();
        let by_name = turn(turns, budget, || format!("{AT_ORIGIN} other visits were asking this origin")).await?;
        let Some(address) = address else { return Ok(Turn([by_name, None])) };
        let turns = place(&self.addresses, &address.to_string(), AT_ADDRESS).turns.clone();
        let what = || format!("{AT_ADDRESS} other visits were asking origins at {address}");
        let by_address = turn(turns, budget, what).await?;
        Ok(Turn([by_name, by_address]))
    }

    /// Remembers the peace that the last answers asked for (`Retry-After` of 429 and 503).
    pub(crate) fn heed(&self, evidence: &Evidence) {
        if let Some(wait) = asked_for(&evidence.edge, evidence) {
            remember(&place(&self.hosts, &evidence.target.host, AT_HOST), wait);
        }
        if let (Some(wait), Some(origin)) = (asked_for(&evidence.origin, evidence), &evidence.target.origin) {
            remember(&place(&self.origins, &origin.host, AT_ORIGIN), wait);
        }
    }
}

/// A turn within the visit's time, or why there was none.
async fn turn(
    turns: Arc<Semaphore>,
    budget: &Budget,
    what: impl FnOnce() -> String,
) -> Result<Option<OwnedSemaphorePermit>, String> {
    let turn = budget.limit(LONGEST_WAIT, turns.acquire_owned()).await;
    turn.map(Result::ok).map_err(|patience| format!("{}, and no turn came within {}", what(), patience.describe()))
}

/// Why somebody who wants peace is not asked.
pub(crate) fn refused(left: Duration) -> String {
    format!("an earlier answer said Retry-After, and {} s of it are left: not asked before", left.as_secs() + 1)
}

impl Place {
    fn calendar(&self) -> MutexGuard<'_, Calendar> {
        self.calendar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_idle(self: &Arc<Self>, now: Instant) -> bool {
        let calendar = self.calendar();
        Arc::strong_count(self) == 1
            && Arc::strong_count(&self.turns) == 1
            && calendar.next.is_none_or(|next| next <= now)
            && calendar.peace.is_none_or(|peace| peace <= now)
    }
}

fn place(places: &Mutex<HashMap<String, Arc<Place>>>, name: &str, at_once: usize) -> Arc<Place> {
    let name = name.to_ascii_lowercase();
    let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
    if places.len() >= MAX_IDLE && !places.contains_key(&name) {
        let now = Instant::now();
        places.retain(|_, place| !place.is_idle(now));
    }
    let new = || Place { turns: Arc::new(Semaphore::new(at_once)), calendar: Mutex::default() };
    places.entry(name).or_insert_with(|| Arc::new(new())).clone()
}

fn peace(places: &Mutex<HashMap<String, Arc<Place>>>, name: &str) -> Option<Duration> {
    let places = places.lock().unwrap_or_else(PoisonError::into_inner);
    let left = places.get(&name.to_ascii_lowercase())?.calendar().peace?.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

fn remember(place: &Place, wait: Duration) {
    place.calendar().peace = Some(Instant::now() + wait.min(LONGEST_PEACE));
}

/// `Retry-After` (RFC 9110 §10.2.3) of the last answer, where it refuses for now.
fn asked_for(vantage: &Vantage, evidence: &Evidence) -> Option<Duration> {
    let answer = vantage.http.found()?.answers().last()?;
    if !matches!(answer.status, 429 | 503) {
        return None;
    }
    let value = answer.headers.first("retry-after")?.trim();
    let date = || {
        let at = httpdate::parse_http_date(value).ok()?;
        u64::try_from((time::OffsetDateTime::from(at) - evidence.gathered_at).whole_seconds()).ok()
    };
    let seconds = value.parse::<u64>().ok().or_else(date)?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use cfdoctor_checks::evidence::http::Exchanges;
    use cfdoctor_checks::evidence::{Gathered, Target};
    use futures_util::FutureExt as _;
    use futures_util::future::join_all;
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;

    fn evidence() -> Evidence {
        let target: Target = "www.example.com".parse().unwrap();
        Evidence::nothing(target, OffsetDateTime::UNIX_EPOCH)
    }

    fn answered(status: u16, retry_after: &str) -> Exchanges {
        let missing = json!({"missing": {"not-applicable": "not asked"}});
        serde_json::from_value(json!({
            "samples": [{
                "request": {"method": "GET", "url": "https://www.example.com/", "headers": []},
                "sent_at": null,
                "outcome": {"answered": {
                    "status": status, "version": "HTTP/2", "headers": [["retry-after", retry_after]],
                    "body": {"length": 0, "sha256": null, "prefix": "", "end": "complete"},
                }},
                "timing": {}, "earlier": [],
            }],
            "redirects": [], "redirects_stopped": null, "plain": missing, "trace": missing, "preflight": missing,
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn visits_of_one_host_are_few_at_once_and_spaced() {
        let manners = Manners::default();
        let start = Instant::now();
        let at_once = std::cell::Cell::new((0, 0));
        let visit = || async {
            let _turn = manners.host("WWW.example.com").await;
            let begun = start.elapsed();
            let (now, most) = at_once.get();
            at_once.set((now + 1, most.max(now + 1)));
            tokio::time::sleep(Duration::from_millis(600)).await;
            at_once.set((at_once.get().0 - 1, at_once.get().1));
            begun
        };
        let visits = join_all((0..3).map(|_| visit()));
        let other = async { manners.host("other.example.com").now_or_never().is_some() };
        let (mut begun, other) = tokio::join!(visits, other);
        begun.sort_unstable();
        assert_eq!(at_once.get().1, AT_HOST);
        assert!(begun[1] - begun[0] >= BETWEEN && begun[2] - begun[0] >= Duration::from_millis(600), "{begun:?}");
        assert!(other, "others do not wait");
    }

    #[tokio::test]
    async fn an_origin_behind_many_hosts_is_asked_by_few_at_once() {
        let manners = Manners::default();
        let budget = Budget::quiet(Duration::from_millis(300));
        let mut turns = Vec::new();
        for _ in 0..AT_ORIGIN {
            turns.push(manners.origin("d-1.example.net", None, &budget).await.unwrap());
        }
        let none = manners.origin("D-1.example.net", None, &budget).await.err().unwrap();
        assert!(none.starts_with("32 other visits") && none.contains("deadline"), "{none}");
        let budget = Budget::quiet(Duration::from_secs(30));
        assert!(manners.origin("d-2.example.net", None, &budget).await.is_ok());
        turns.pop();
        assert!(manners.origin("d-1.example.net", None, &budget).await.is_ok());
    }

    #[tokio::test]
    async fn names_at_one_address_share_its_turns() {
        let manners = Manners::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let budget = Budget::quiet(Duration::from_secs(30));
        let mut turns = Vec::new();
        for n in 0..AT_ADDRESS {
            turns.push(manners.origin(&format!("o{n}.example.net"), Some(address), &budget).await.unwrap());
        }
        let short = Budget::quiet(Duration::from_millis(300));
        let none = manners.origin("other.example.net", Some(address), &short).await.err().unwrap();
        assert!(none.starts_with("64 other visits were asking origins at 192.0.2.1"), "{none}");
        let elsewhere: IpAddr = "192.0.2.2".parse().unwrap();
        assert!(manners.origin("other.example.net", Some(elsewhere), &budget).await.is_ok());
        turns.pop();
        assert!(manners.origin("other.example.net", Some(address), &budget).await.is_ok());
    }

    #[test]
    fn a_site_that_wants_peace_gets_it() {
        let manners = Manners::default();
        let mut seen = evidence();
        for (status, value, wait) in [
            (429, "20", Some(20)),
            (200, "20", None),
            (503, "soon", None),
            (503, "Thu, 01 Jan 1970 00:02:00 GMT", Some(120)),
        ] {
            seen.edge.http = Gathered::Found(answered(status, value));
            assert_eq!(asked_for(&seen.edge, &seen), wait.map(Duration::from_secs), "{status} {value}");
        }
        assert_eq!(manners.host_peace("www.example.com"), None);
        manners.heed(&seen);
        let left = manners.host_peace("WWW.example.com").unwrap();
        assert!(left > Duration::from_secs(60) && left <= Duration::from_secs(120), "{left:?}");
        assert!(refused(left).contains("Retry-After"));
        let now = Instant::now();
        let start = place(&manners.hosts, "www.example.com", AT_HOST).calendar().begin(now);
        assert_eq!(start - now, LONGEST_WAIT, "no list waits for one host for ever");
    }

    #[test]
    fn places_that_nobody_uses_are_tidied_away() {
        let manners = Manners::default();
        let held = place(&manners.hosts, "held.example.com", AT_HOST);
        for n in 0..5000 {
            place(&manners.hosts, &format!("h{n}.example.com"), AT_HOST);
        }
        let hosts = manners.hosts.lock().unwrap();
        assert!(hosts.len() <= MAX_IDLE + 1);
        assert!(Arc::ptr_eq(&hosts["held.example.com"], &held), "who is there stays");
    }
}
