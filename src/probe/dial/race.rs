//! Several addresses raced (RFC 8305): the next one starts when the one before fails, or is slow.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::evidence::tls::{Connect, Limit, Patience};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{BoxedIo, Dialed};
use crate::probe::Reach;
use crate::probe::budget::{Budget, MAX_CONNECTIONS};
use crate::shared::is_shortage;

/// RFC 8305 §8: "Connection Attempt Delay".
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of a family that this machine cannot use cost nothing, but have an end too.
const MAX_FUTILE: usize = 2;
/// What our own system is short of comes back when other visits end.
const SHORTAGE_PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];
/// Characters kept of the system's words.
const MAX_WHY: usize = 200;
/// Refused addresses that are told of.
const MAX_REFUSED: usize = 4;

/// How the race went.
pub(super) struct Raced {
    pub(super) winner: Option<Winner>,
    /// Of the winner, or of the failure that says most.
    pub(super) address: Option<SocketAddr>,
    pub(super) connect: Connect,
    /// Other addresses that failed, in words.
    pub(super) earlier: Vec<String>,
}

pub(super) struct Winner {
    pub(super) stream: TcpStream,
    pub(super) ms: f64,
}

/// What happened so far; kept outside the race, so that it survives a time limit.
#[derive(Default)]
struct Course {
    running: Vec<SocketAddr>,
    failed: Vec<(SocketAddr, Connect)>,
    no_connection_left: bool,
}

/// Connects to the first of `addresses` that answers, trying at most `most`, all within `step`. Nothing is sent to an
/// address that is out of `reach`, and it counts as no try.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    most: usize,
    step: Duration,
    reach: Reach,
    budget: &Budget,
) -> Raced {
    let (permitted, refused) = within(reach, addresses);
    if permitted.is_empty() && !refused.is_empty() {
        let mut refused = refused.into_iter();
        let why = refused.next().unwrap_or_default();
        let connect = Connect::NoAddress { why };
        return Raced { winner: None, address: None, connect, earlier: refused.collect() };
    }
    let mut raced = try_all(&permitted, most, step, budget).await;
    raced.earlier.extend(refused);
    raced
}

/// The addresses that may be connected to, and why others may not.
pub(super) fn within(reach: Reach, addresses: &[SocketAddr]) -> (Vec<SocketAddr>, Vec<String>) {
    let permitted = addresses.iter().copied().filter(|address| reach.refusal(address.ip()).is_none()).collect();
    let refused = addresses.iter().filter_map(|address| reach.refusal(address.ip())).take(MAX_REFUSED).collect();
    (permitted, refused)
}

async fn try_all(addresses: &[SocketAddr], most: usize, step: Duration, budget: &Budget) -> Raced {
    let mut course = Course::default();
    let result = budget.limit(step, pin!(race(addresses, most, budget, &mut course))).await;
    match result {
        Ok(Some((address, winner))) => {
            let mut earlier: Vec<String> =
                course.failed.iter().map(|(address, connect)| format!("{address}: {}", connect.describe())).collect();
            earlier.extend(
                course
                    .running
                    .iter()
                    .filter(|other| **other != address)
                    .map(|slow| format!("{slow}: no TCP answer after {} ms", HEAD_START.as_millis())),
            );
            Raced { winner: Some(winner), address: Some(address), connect: Connect::Open, earlier }
        }
        Ok(None) => course.lost(),
        Err(patience) => {
            course.failed.extend(course.running.drain(..).map(|address| (address, Connect::TimedOut(patience))));
            course.lost()
        }
    }
}

async fn race(
    addresses: &[SocketAddr],
    most: usize,
    budget: &Budget,
    course: &mut Course,
) -> Option<(SocketAddr, Winner)> {
    let mut waiting = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let (mut left, mut futile, mut start_next) = (most, 0, true);
    loop {
        if start_next
            && left > 0
            && !course.no_connection_left
            && let Some(address) = waiting.next()
        {
            if budget.take_connection() {
                left -= 1;
                course.running.push(address);
                attempts.push(attempt(address, budget));
            } else {
                course.no_connection_left = true;
            }
        }
        if attempts.is_empty() {
            return None;
        }
        let may_start = left > 0 && waiting.len() > 0 && !course.no_connection_left;
        start_next = tokio::select! {
            biased;
            Some((address, result)) = attempts.next() => match result {
                Ok(winner) => return Some((address, winner)),
                Err(failure) => {
                    course.running.retain(|other| *other != address);
                    if failure.futile && futile < MAX_FUTILE {
                        futile += 1;
                        left += 1;
                    }
                    course.failed.push((address, failure.connect));
                    true
                }
            },
            () = tokio::time::sleep(HEAD_START), if may_start => true,
        };
    }
}

async fn attempt(address: SocketAddr, budget: &Budget) -> (SocketAddr, Result<Winner, Failed>) {
    let mut start = Instant::now();
    let mut connected = TcpStream::connect(address).await;
    for pause in SHORTAGE_PAUSES {
        let passes = |error: &io::Error| {
            // No port of ours is free. (Without an address of the other family it does not pass.)
            is_shortage(error) || (error.kind() == io::ErrorKind::AddrNotAvailable && address.is_ipv4())
        };
        if !connected.as_ref().is_err_and(passes) {
            break;
        }
        budget.note_shortage();
        tokio::time::sleep(pause).await;
        start = Instant::now();
        connected = TcpStream::connect(address).await;
    }
    let result = match connected {
        Ok(stream) => {
            // Without it small requests may wait for the peer's acknowledgement; a system that refuses is just slower.
            let _ = stream.set_nodelay(true);
            Ok(Winner { stream, ms: milliseconds(start.elapsed()) })
        }
        Err(error) => Err(Failed::of(&error, start.elapsed())),
    };
    (address, result)
}

struct Failed {
    connect: Connect,
    /// This machine has no way there, so nothing was sent: it does not count as a try.
    futile: bool,
}

impl Failed {
    fn of(error: &io::Error, after: Duration) -> Failed {
        let why = || text::shorten(&error.to_string(), MAX_WHY);
        let connect = match error.kind() {
            io::ErrorKind::ConnectionRefused => Connect::Refused,
            io::ErrorKind::TimedOut => {
                let after_ms = after.as_millis().try_into().unwrap_or(u64::MAX);
                Connect::TimedOut(Patience { after_ms, limit: Limit::Step })
            }
            _ if is_ours(error) => Connect::NoAddress { why: format!("our own system cannot connect: {}", why()) },
            _ => Connect::Unreachable { why: why() },
        };
        let futile = matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable);
        Failed { connect, futile }
    }
}

/// Our system ran out of something, or has no address of this family: no news of the peer.
fn is_ours(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || is_shortage(error)
}

impl Course {
    /// The failure that says most stands for all.
    fn lost(mut self) -> Raced {
        let Some(at) = (0..self.failed.len()).min_by_key(|at| silence(&self.failed[*at].1)) else {
            let why = if self.no_connection_left {
                format!("the {MAX_CONNECTIONS} connections for one target are used up")
            } else {
                "none was given".into()
            };
            return Raced { winner: None, address: None, connect: Connect::NoAddress { why }, earlier: Vec::new() };
        };
        let (address, connect) = self.failed.remove(at);
        let earlier = self.failed.iter().map(|(address, other)| format!("{address}: {}", other.describe())).collect();
        Raced { winner: None, address: Some(address), connect, earlier }
    }
}

/// How little a failure says about the peer: 0 is a plain answer, and what our own limits cut short says nothing.
fn silence(connect: &Connect) -> u8 {
    match connect {
        Connect::Open | Connect::Refused => 0,
        Connect::TimedOut(patience) if patience.limit == Limit::Step => 1,
        Connect::TimedOut(_) => 2,
        Connect::Unreachable { .. } | Connect::ProxyFailed { .. } => 3,
        Connect::NoAddress { .. } | Connect::Reported => 4,
    }
}

impl Raced {
    pub(super) fn into_dialed(self) -> Dialed {
        let connect_ms = self.winner.as_ref().map(|winner| winner.ms);
        let stream = self.winner.map(|winner| Box::new(winner.stream) as BoxedIo);
        Dialed { stream, address: self.address, connect: self.connect, connect_ms, earlier: self.earlier }
    }
}

/// A duration as evidence writes it.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_shortage_is_never_the_peers_fault() {
        let too_many_files = if cfg!(windows) { 10024 } else { 24 };
        let failed = Failed::of(&io::Error::from_raw_os_error(too_many_files), Duration::ZERO);
        assert!(matches!(failed.connect, Connect::NoAddress { why } if why.starts_with("our own system")));
        let failed = Failed::of(&io::ErrorKind::HostUnreachable.into(), Duration::ZERO);
        assert!(matches!(failed.connect, Connect::Unreachable { .. }) && !failed.futile);
        let failed = Failed::of(&io::ErrorKind::NetworkUnreachable.into(), Duration::ZERO);
        assert!(failed.futile);
    }

    #[test]
    fn the_failure_that_says_most_stands_for_all() {
        let [one, two]: [SocketAddr; 2] = ["192.0.2.1:1".parse().unwrap(), "192.0.2.2:1".parse().unwrap()];
        let unreachable = Connect::Unreachable { why: "no route".into() };
        let course = Course { failed: vec![(one, unreachable), (two, Connect::Refused)], ..Course::default() };
        let raced = course.lost();
        assert_eq!((raced.address, raced.connect), (Some(two), Connect::Refused));
        assert_eq!(raced.earlier, ["192.0.2.1:1: unreachable: no route"]);
    }
}
