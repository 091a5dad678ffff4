//! TCP, with everything that decides where it goes: `--connect-to`, `--resolve`, `-4`, `-6`, `--proxy`.

mod place;
mod proxy;
mod race;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cfdoctor_checks::evidence::tls::Connect;
use tokio::io::{AsyncRead, AsyncWrite};

use super::budget::Budget;
use crate::settings::Settings;
use place::Place;

/// Addresses tried for one connection.
const MAX_TRIES: usize = 2;

/// A byte stream both ways.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A byte stream both ways, whatever is below it.
pub type BoxedIo = Box<dyn Io>;

/// Whom to connect to, before the options have their say.
#[derive(Clone, Debug)]
pub struct Route {
    /// Host of the URL, or the origin's name, or an address.
    pub peer: String,
    /// Port of the URL.
    pub port: u16,
    /// What the peer's name resolved to.
    pub addresses: Vec<IpAddr>,
    /// Why there is no address, if so.
    pub no_address: Option<String>,
    /// The longest wait for TCP and for TLS, where that is less than `--connect-timeout`.
    pub patience: Option<Duration>,
}

/// The longest that a look which only adds detail may wait for TCP: a port that drops packets holds up nobody else's
/// result. Two repeated SYNs (after 1 s and 3 s) fit in.
const OPTIONAL_CONNECT: Duration = Duration::from_secs(5);

impl Route {
    /// The same way, for a look that only adds detail.
    pub(super) fn optional(&self) -> Route {
        Route { patience: Some(OPTIONAL_CONNECT), ..self.clone() }
    }

    /// The longest wait for TCP, and for TLS.
    pub(super) fn step(&self, settings: &Settings) -> Duration {
        self.patience.map_or(settings.connect_timeout, |patience| patience.min(settings.connect_timeout))
    }
}

/// A connection, or why there is none.
pub struct Dialed {
    /// The connection; `None`: `connect` says why.
    pub stream: Option<BoxedIo>,
    /// Where it went; `None` when nothing was tried, or the proxy looked the name up.
    pub address: Option<SocketAddr>,
    /// How it went.
    pub connect: Connect,
    /// Milliseconds from the SYN of the connection that came through until it was usable (a proxy's tunnel included).
    pub connect_ms: Option<f64>,
    /// Other addresses that failed before, in words.
    pub earlier: Vec<String>,
}

/// Connects. Costs one connection of the budget for each address tried: one on a healthy path.
pub async fn open(route: &Route, settings: &Settings, budget: &Budget) -> Dialed {
    open_at_most(MAX_TRIES, route, settings, budget).await
}

/// [`open`], trying no more than `most` addresses.
pub(super) async fn open_at_most(most: usize, route: &Route, settings: &Settings, budget: &Budget) -> Dialed {
    let place = match Place::of(route, settings, budget).await {
        Ok(place) => place,
        Err(connect) => return Dialed::failed(connect),
    };
    match &settings.proxy {
        Some(proxy) => proxy::connect(proxy, &place, most, settings, budget).await,
        None => {
            let sockets = place.sockets();
            race::connect(&sockets, most, place.step, settings.reach, budget).await.into_dialed()
        }
    }
}

impl Dialed {
    fn failed(connect: Connect) -> Self {
        Dialed { stream: None, address: None, connect, connect_ms: None, earlier: Vec::new() }
    }
}
