//! Where a connection goes, by the options.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::evidence::tls::Connect;

use super::Route;
use crate::probe::Reach;
use crate::probe::budget::Budget;
use crate::settings::{Family, ProxyKind, Settings};

/// Characters kept of the system's words.
const MAX_WHY: usize = 200;

/// Where to connect to.
pub(super) struct Place {
    /// Host name or address.
    pub(super) host: String,
    pub(super) port: u16,
    /// An HTTP proxy gets the name: it may know addresses that we do not, and often takes names only. Not where the
    /// user gave the address, and not where addresses are judged: nobody would judge the one that the proxy finds.
    pub(super) by_name: bool,
    /// Families in turn, IPv4 first.
    pub(super) addresses: Vec<IpAddr>,
    /// The longest wait for a connection.
    pub(super) step: Duration,
}

impl Place {
    /// Applies `--connect-to`, then `--resolve`, then `-4` and `-6`, as curl does.
    pub(super) async fn of(route: &Route, settings: &Settings, budget: &Budget) -> Result<Place, Connect> {
        let (peer, step) = (plain(&route.peer), route.step(settings));
        let moved = settings.connect_to.iter().find(|rule| {
            rule.port.is_none_or(|port| port == route.port)
                && rule.host.as_deref().is_none_or(|host| bare(host).eq_ignore_ascii_case(&peer))
        });
        let host = moved.and_then(|rule| rule.to_host.as_deref()).map_or_else(|| peer.clone(), plain);
        let port = moved.and_then(|rule| rule.to_port).unwrap_or(route.port);
        let http_proxy = settings.reach == Reach::Anywhere
            && settings.proxy.as_ref().is_some_and(|proxy| proxy.kind == ProxyKind::Http);

        let given = given_addresses(settings, &host, port)
            .or_else(|| if host == peer { given_addresses(settings, &peer, route.port) } else { None });
        let (found, by_name) = if let Ok(address) = host.parse::<IpAddr>() {
            (vec![address], false)
        } else if let Some(addresses) = given {
            (addresses, false)
        } else if host == peer {
            (route.addresses.clone(), http_proxy)
        } else if http_proxy {
            return Ok(Place { host, port, by_name: true, addresses: Vec::new(), step });
        } else {
            (look_up(&host, port, step, budget).await.map_err(|why| Connect::NoAddress { why })?, false)
        };
        if found.is_empty() {
            let why = route.no_address.clone().unwrap_or_else(|| format!("none is known for {}", text::clean(&host)));
            return Err(Connect::NoAddress { why });
        }
        let addresses = in_turn(found.iter().copied().filter(|address| settings.family.allows(*address)));
        if addresses.is_empty() && !by_name {
            let (option, kind) = if settings.family == Family::V6 { ("-6", "IPv6") } else { ("-4", "IPv4") };
            return Err(Connect::NoAddress { why: format!("{} has no {kind} address ({option})", text::clean(&host)) });
        }
        Ok(Place { host, port, by_name, addresses, step })
    }

    /// Addresses with the port.
    pub(super) fn sockets(&self) -> Vec<SocketAddr> {
        self.addresses.iter().map(|address| SocketAddr::new(*address, self.port)).collect()
    }
}

/// Asks the system about a name that is not the target's.
pub(super) async fn look_up(host: &str, port: u16, step: Duration, budget: &Budget) -> Result<Vec<IpAddr>, String> {
    match budget.limit(step, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(found)) => Ok(found.map(|socket| socket.ip()).collect()),
        Ok(Err(error)) => Err(format!("{}: {}", text::clean(host), text::shorten(&error.to_string(), MAX_WHY))),
        Err(patience) => Err(format!("looking up {} took longer than {}", text::clean(host), patience.describe())),
    }
}

/// The addresses that `--resolve` gives.
fn given_addresses(settings: &Settings, host: &str, port: u16) -> Option<Vec<IpAddr>> {
    let rule = settings
        .resolve
        .iter()
        .find(|rule| rule.port == port && (rule.host == "*" || bare(&rule.host).eq_ignore_ascii_case(host)))?;
    Some(rule.addresses.clone())
}

/// Without the root's dot and an address's brackets.
fn bare(host: &str) -> &str {
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host)
}

/// The same in lower case.
fn plain(host: &str) -> String {
    bare(host).to_ascii_lowercase()
}

/// Families in turn (RFC 8305 §4), IPv4 first: where a machine has only one of them, it is this.
pub(super) fn in_turn(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = addresses.partition(IpAddr::is_ipv4);
    let (mut v4, mut v6) = (v4.into_iter(), v6.into_iter());
    let mut out = Vec::new();
    loop {
        match (v4.next(), v6.next()) {
            (None, None) => return out,
            pair => out.extend([pair.0, pair.1].into_iter().flatten()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::{ConnectTo, Proxy, Resolve};

    fn route() -> Route {
        Route {
            peer: "www.example.com".into(),
            port: 443,
            addresses: ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map(|a| a.parse().unwrap()).to_vec(),
            no_address: None,
            patience: None,
        }
    }

    async fn sockets(settings: &Settings) -> Vec<String> {
        let place = Place::of(&route(), settings, &Budget::quiet(Duration::from_secs(5))).await;
        match place {
            Ok(place) => place.sockets().iter().map(ToString::to_string).collect(),
            Err(connect) => vec![connect.describe()],
        }
    }

    fn resolve(host: &str, port: u16, address: &str) -> Resolve {
        Resolve { host: host.into(), port, addresses: vec![address.parse().unwrap()] }
    }

    fn connect_to(host: Option<&str>, port: Option<u16>, to_host: Option<&str>, to_port: Option<u16>) -> ConnectTo {
        ConnectTo { host: host.map(Into::into), port, to_host: to_host.map(Into::into), to_port }
    }

    #[tokio::test]
    async fn families_take_turns_and_can_be_chosen() {
        let mut settings = Settings::default();
        assert_eq!(sockets(&settings).await, ["192.0.2.1:443", "[2001:db8::1]:443", "192.0.2.2:443"]);
        settings.family = Family::V6;
        assert_eq!(sockets(&settings).await, ["[2001:db8::1]:443"]);
        settings.resolve = vec![resolve("*", 443, "192.0.2.9")];
        assert!(sockets(&settings).await[0].contains("has no IPv6 address (-6)"));
    }

    #[tokio::test]
    async fn resolve_counts_by_host_and_port() {
        let mut settings = Settings {
            resolve: vec![resolve("www.example.com", 80, "192.0.2.80"), resolve("other.example.com", 443, "192.0.2.8")],
            ..Settings::default()
        };
        assert_eq!(sockets(&settings).await.len(), 3);
        settings.resolve.push(resolve("WWW.example.com", 443, "192.0.2.9"));
        assert_eq!(sockets(&settings).await, ["192.0.2.9:443"]);
    }

    #[tokio::test]
    async fn connect_to_takes_the_first_match_and_resolve_sees_its_target() {
        let mut settings = Settings {
            connect_to: vec![
                connect_to(Some("other.example.com"), None, Some("192.0.2.70"), None),
                connect_to(Some("WWW.example.com."), Some(443), Some("[2001:db8::7]"), Some(8443)),
                connect_to(None, None, Some("192.0.2.71"), None),
            ],
            ..Settings::default()
        };
        assert_eq!(sockets(&settings).await, ["[2001:db8::7]:8443"]);
        settings.connect_to = vec![connect_to(None, None, None, Some(8443))];
        assert_eq!(sockets(&settings).await[0], "192.0.2.1:8443");
        settings.connect_to = vec![connect_to(None, None, Some("lab.example.net"), None)];
        settings.resolve = vec![resolve("lab.example.net", 443, "192.0.2.9")];
        assert_eq!(sockets(&settings).await, ["192.0.2.9:443"]);
        settings.connect_to = vec![connect_to(None, None, Some("localhost"), None)];
        settings.family = Family::V4;
        assert_eq!(sockets(&settings).await, ["127.0.0.1:443"]);
    }

    #[tokio::test]
    async fn an_http_proxy_gets_the_name_unless_the_user_gave_the_address() {
        let proxy = Proxy { kind: ProxyKind::Http, host: "proxy.example.net".into(), port: 3128, credentials: None };
        let mut settings = Settings { proxy: Some(proxy), ..Settings::default() };
        let budget = Budget::quiet(Duration::from_secs(5));
        assert!(Place::of(&route(), &settings, &budget).await.is_ok_and(|place| place.by_name));
        settings.connect_to = vec![connect_to(None, None, Some("nowhere.invalid"), None)];
        assert!(Place::of(&route(), &settings, &budget).await.is_ok_and(|place| place.host == "nowhere.invalid"));
        settings.connect_to.clear();
        settings.resolve = vec![resolve("*", 443, "192.0.2.9")];
        assert!(Place::of(&route(), &settings, &budget).await.is_ok_and(|place| !place.by_name));
    }

    #[tokio::test]
    async fn without_an_address_the_reason_is_kept() {
        let route = Route { addresses: Vec::new(), no_address: Some("NXDOMAIN".into()), ..route() };
        let none = Place::of(&route, &Settings::default(), &Budget::quiet(Duration::from_secs(5))).await.err();
        assert_eq!(none, Some(Connect::NoAddress { why: "NXDOMAIN".into() }));
    }
}
