//! Cloudflare's addresses and fingerprints.

use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;

use crate::evidence::http::{Exchange, Response};

/// Cloudflare's published ranges (`facts/cloudflare-ips.txt`, <https://www.cloudflare.com/ips/>).
pub static RANGES: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    include_str!("../data/cloudflare-ips.txt").lines().filter_map(|l| l.trim().parse().ok()).collect()
});

/// Does Cloudflare publish this address as its own?
pub fn owns(address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    RANGES.iter().any(|range| range.contains(&address))
}

/// The line that proves that Cloudflare took part in this exchange, if one does.
///
/// `cf-ray` is set on every proxied response (`facts/cloudflare.md` section 2), `cf-cache-status` by its cache alone; `/cdn-cgi/trace` with `colo=` is
/// answered by the edge alone.
pub fn fingerprint(exchange: &Exchange) -> Option<String> {
    let response = exchange.response()?;
    if let Some(line) = response.headers.quote("cf-ray").into_iter().next() {
        return Some(line);
    }
    if response.headers.first("server").is_some_and(|server| server.eq_ignore_ascii_case("cloudflare")) {
        return Some("server: cloudflare".into());
    }
    if let Some(line) = response.headers.quote("cf-cache-status").into_iter().next() {
        return Some(line);
    }
    if exchange.request.url.contains("/cdn-cgi/trace") && response.status == 200 {
        return response
            .body
            .prefix
            .lines()
            .find(|line| line.starts_with("colo="))
            .map(|line| format!("/cdn-cgi/trace: {line}"));
    }
    None
}

/// A challenge page: the request reached neither cache nor origin (`facts/cloudflare.md` section 2, `cf-mitigated`).
pub fn is_challenge(response: &Response) -> bool {
    response.headers.first("cf-mitigated").is_some_and(|value| value.eq_ignore_ascii_case("challenge"))
}

/// An error that Cloudflare made because the way to the origin failed: 520–527 and 530, or a page with a
/// `cf-error-type` (`facts/cloudflare.md` section 6).
pub fn is_origin_error(response: &Response) -> bool {
    matches!(response.status, 520..=527 | 530) || response.headers.has("cf-error-type")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_ranges() {
        assert_eq!(RANGES.len(), 22);
        for inside in ["104.16.0.1", "172.67.1.2", "2606:4700::1111", "::ffff:104.16.0.1"] {
            assert!(owns(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["127.0.0.1", "8.8.8.8", "1.1.1.1", "2001:db8::1"] {
            assert!(!owns(outside.parse().unwrap()), "{outside}");
        }
    }
}
