//! The guard of servers: whoever may name a target must not lead us into our own network.
//!
//! It judges the address of a socket right where the socket is opened, whatever a name resolved to before. Everything
//! that is not assigned for the public Internet is refused: the registries of special-purpose addresses
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>)
//! and, of IPv6, what lies outside of 2000::/3 (<https://www.iana.org/assignments/ipv6-address-space>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// Where connections may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere: the user names the target.
    #[default]
    Anywhere,
    /// Public addresses only: somebody else names it.
    PublicOnly,
}

impl Reach {
    /// Why this address is not connected to; `None`: it may be.
    pub fn refusal(self, address: IpAddr) -> Option<String> {
        let what = match self {
            Reach::Anywhere => None,
            Reach::PublicOnly => special(address),
        }?;
        Some(format!("refused: {address} is {what} (--allow-private permits it)"))
    }
}

/// Ranges and what they are, the narrower first. Parts that the registries call globally reachable (AS112, AMT, and
/// anycast within 192.0.0.0/24 and 2001::/23) serve nobody's web site: those inside a listed range are refused with it.
const RANGES: &[(&str, &str)] = &[
    // <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>; other clouds use the first too.
    ("169.254.169.254/32", "the metadata address of a cloud"),
    ("fd00:ec2::254/128", "the metadata address of a cloud"),
    // <https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16>: out of a public range.
    ("168.63.129.16/32", "the address of a cloud's own services"),
    ("0.0.0.0/32", "the unspecified address"),
    ("0.0.0.0/8", "an address of this network"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "a shared address behind a provider's NAT"),
    ("127.0.0.0/8", "a loopback address"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "an address reserved for protocols"),
    ("192.0.2.0/24", "an address for documentation"),
    ("192.88.99.0/24", "a reserved address (once 6to4 relays)"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "an address for benchmarks"),
    ("198.51.100.0/24", "an address for documentation"),
    ("203.0.113.0/24", "an address for documentation"),
    ("224.0.0.0/4", "a multicast address"),
    ("255.255.255.255/32", "the broadcast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "the unspecified address"),
    ("::1/128", "a loopback address"),
    ("64:ff9b:1::/48", "a private address behind a translator"),
    ("100::/64", "an address that discards everything"),
    ("2001:2::/48", "an address for benchmarks"),
    ("2001:db8::/32", "an address for documentation"),
    ("2001::/23", "an address reserved for protocols"),
    ("3fff::/20", "an address for documentation"),
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a private address (site-local)"),
    ("ff00::/8", "a multicast address"),
];

static NETWORKS: LazyLock<Vec<(IpNet, &str)>> =
    LazyLock::new(|| RANGES.iter().filter_map(|(range, what)| Some((range.parse().ok()?, *what))).collect());

/// What an address is that is not a public one.
fn special(address: IpAddr) -> Option<String> {
    let carried = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => carried(v6),
    };
    // What stands for a public IPv4 address is judged by that one.
    let stands_for_another = matches!(carried, Some(("IPv4-mapped" | "NAT64", _)));
    if let Some((form, inner)) = carried
        && let Some((v4, what)) = inner.into_iter().find_map(|v4| Some((v4, listed(v4.into())?)))
    {
        return Some(format!("the {form} form of {v4}, {what}"));
    }
    if let Some(what) = listed(address) {
        return Some(what.to_owned());
    }
    match address {
        // RFC 4291 §2.4: global unicast addresses are assigned from 2000::/3 only.
        IpAddr::V6(v6) if v6.segments()[0] & 0xe000 != 0x2000 && !stands_for_another => {
            Some("an address that is not assigned".into())
        }
        _ => None,
    }
}

fn listed(address: IpAddr) -> Option<&'static str> {
    NETWORKS.iter().find(|(range, _)| range.contains(&address)).map(|(_, what)| *what)
}

/// IPv4 addresses that an IPv6 address stands for, and by which mechanism.
fn carried(address: Ipv6Addr) -> Option<(&'static str, Vec<Ipv4Addr>)> {
    let four = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    let [a, b, c, d, e, f, g, h] = address.segments();
    let last = four(g, h);
    match [a, b, c, d, e, f] {
        // RFC 4291 §2.5.5.2.
        [0, 0, 0, 0, 0, 0xffff] => Some(("IPv4-mapped", vec![last])),
        // RFC 7915: IPv4-translated.
        [0, 0, 0, 0, 0xffff, 0] => Some(("IPv4-translated", vec![last])),
        // RFC 4291 §2.5.5.1, deprecated; :: and ::1 are none.
        [0, 0, 0, 0, 0, 0] if u32::from(last) > 1 => Some(("IPv4-compatible", vec![last])),
        // RFC 6052 §2.1.
        [0x64, 0xff9b, 0, 0, 0, 0] => Some(("NAT64", vec![last])),
        // RFC 3056 §2.
        [0x2002, high, low, ..] => Some(("6to4", vec![four(high, low)])),
        // RFC 4380 §4: the server, and the client with every bit turned.
        [0x2001, 0, high, low, ..] => Some(("Teredo", vec![four(!g, !h), four(high, low)])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(address: &str) -> Option<String> {
        Reach::PublicOnly.refusal(address.parse().unwrap())
    }

    #[test]
    fn every_range_can_be_read() {
        assert_eq!(NETWORKS.len(), RANGES.len());
    }

    #[test]
    fn what_is_not_public_is_refused_and_named() {
        for (address, what) in [
            ("127.0.0.1", "a loopback address"),
            ("127.255.255.254", "a loopback address"),
            ("10.0.0.1", "a private address"),
            ("172.16.0.1", "a private address"),
            ("172.31.255.255", "a private address"),
            ("192.168.1.1", "a private address"),
            ("100.64.0.1", "NAT"),
            ("100.127.255.255", "NAT"),
            ("169.254.169.254", "metadata"),
            ("169.254.170.2", "link-local"),
            ("168.63.129.16", "cloud"),
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "this network"),
            ("192.0.0.192", "reserved for protocols"),
            ("192.0.2.1", "documentation"),
            ("192.88.99.1", "reserved"),
            ("198.18.0.1", "benchmarks"),
            ("198.19.255.255", "benchmarks"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.1", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.250", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("fc00::1", "a private address"),
            ("fd12:3456::1", "a private address"),
            ("fd00:ec2::254", "metadata"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("100::1", "discards"),
            ("100:0:0:1::1", "not assigned"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("2001:2::1", "benchmarks"),
            ("2001:20::1", "reserved for protocols"),
            ("5f00::1", "not assigned"),
            ("4000::1", "not assigned"),
            ("::808:808", "not assigned"),
            ("::ffff:0:808:808", "not assigned"),
            ("::ffff:127.0.0.1", "the IPv4-mapped form of 127.0.0.1, a loopback address"),
            ("::ffff:169.254.169.254", "the IPv4-mapped form of 169.254.169.254, the metadata address"),
            ("::7f00:1", "the IPv4-compatible form of 127.0.0.1"),
            ("::ffff:0:a00:1", "the IPv4-translated form of 10.0.0.1"),
            ("64:ff9b::a00:1", "the NAT64 form of 10.0.0.1, a private address"),
            ("64:ff9b:1::808:808", "translator"),
            ("2002:7f00:1::", "the 6to4 form of 127.0.0.1"),
            ("2002:a9fe:a9fe::1", "the 6to4 form of 169.254.169.254"),
            // Server 8.8.8.8, client 10.0.0.1; then the other way round; then both public.
            ("2001:0:808:808:0:0:f5ff:fffe", "the Teredo form of 10.0.0.1"),
            ("2001:0:a00:1:0:0:f7f7:f7f7", "the Teredo form of 10.0.0.1"),
            ("2001:0:808:808:0:0:f7f7:f7f7", "reserved for protocols"),
        ] {
            let why = refused(address).unwrap_or_else(|| panic!("{address} is let through"));
            assert!(why.contains(what), "{address}: {why}");
            assert!(why.ends_with("(--allow-private permits it)") && why.starts_with("refused: "), "{why}");
            assert_eq!(Reach::Anywhere.refusal(address.parse().unwrap()), None);
        }
        assert_eq!(refused("10.0.0.1").unwrap(), "refused: 10.0.0.1 is a private address (--allow-private permits it)");
    }

    #[test]
    fn public_addresses_pass() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "104.16.132.229",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::6810:84e5",
            "2600:1f14::1",
            "2001:4860:4860::8888",
            "2400:cb00::1",
            "::ffff:104.16.132.229",
            "64:ff9b::6810:84e5",
            "2002:6810:84e5::1",
        ] {
            assert_eq!(refused(address), None);
        }
    }

    proptest! {
        /// However an IPv4 address is dressed up, it is judged as itself.
        #[test]
        fn a_disguise_changes_nothing(bits in any::<u32>()) {
            let plain = Ipv4Addr::from(bits);
            let is_refused = special(plain.into()).is_some();
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            let mapped = special(plain.to_ipv6_mapped().into()).is_some();
            let nat64 = special(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low).into()).is_some();
            let relayed = special(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1).into()).is_some();
            prop_assert_eq!([mapped, nat64, relayed], [is_refused; 3]);
        }
    }
}
