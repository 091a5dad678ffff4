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
/// `cf-ray` is set on every proxied response (`facts/cloudflare.md` section 2), the other headers and the pages with
/// an error code are made by it alone (section 6); `/cdn-cgi/trace` with `colo=` is answered by the edge alone.
pub fn fingerprint(exchange: &Exchange) -> Option<String> {
    let response = exchange.response()?;
    for name in ["cf-ray", "cf-cache-status", "cf-mitigated", "cf-error-type"] {
        if let Some(line) = response.headers.quote(name).into_iter().next() {
            return Some(line);
        }
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
    if matches!(response.status, 520..=527 | 530) {
        return Some(format!("status {}, which Cloudflare alone uses", response.status));
    }
    error_code(response).map(|code| format!("Cloudflare's error page {code}"))
}

/// A row of `facts/cf-errors.csv`: the code and what Cloudflare calls it.
fn errors() -> impl Iterator<Item = (u16, &'static str)> {
    include_str!("../data/cf-errors.csv").lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        Some((fields.next()?.parse().ok()?, fields.nth(1)?))
    })
}

/// Cloudflare's own error code for this answer: 1000…1999, or the 5xx code in `cf-error-type`.
///
/// Read from `cf-error-type`, from the short text `error code: NNNN`, or from the error page (`Error NNNN`, or the
/// error's name on a 530); `facts/cloudflare.md` section 6. A page that merely talks about such a code does not
/// count: it must be an error, be signed with a Ray ID, name the error, or be hardly longer than that.
pub fn error_code(response: &Response) -> Option<u16> {
    if let Some(code) = response.headers.first("cf-error-type").and_then(|value| value.trim().parse().ok()) {
        return Some(code);
    }
    if ["apigw-requestid", "x-amz-apigw-id", "x-amzn-requestid"].iter().any(|name| response.headers.has(name)) {
        return None; // passed on from the origin
    }
    let text = visible_text(&response.body.prefix);
    if let Some(code) = text.strip_prefix("error code:").and_then(leading_code) {
        return Some(code);
    }
    let named = |code: u16| {
        errors().any(|(known, name)| {
            // The name up to the remark in brackets.
            known == code && text.contains(name.split('(').next().unwrap_or(name).trim().to_ascii_lowercase().as_str())
        })
    };
    let found = text.match_indices("error ").find_map(|(at, word)| {
        let rest = text.get(at + word.len()..)?;
        leading_code(rest.strip_prefix("code").unwrap_or(rest).trim_start_matches([':', ' ']))
    });
    if let Some(code) = found.filter(|code| errors().any(|(known, _)| known == *code)) {
        const HARDLY_LONGER: usize = 60;
        let is_page = text.contains("ray id") || text.contains("cloudflare") || named(code);
        return (is_page || response.status >= 400 || text.len() <= HARDLY_LONGER).then_some(code);
    }
    const WITH_530: [u16; 2] = [1016, 1033];
    (response.status == 530).then(|| WITH_530.into_iter().find(|code| named(*code))).flatten()
}

/// A code of four digits beginning with 1, and no digit after it.
fn leading_code(text: &str) -> Option<u16> {
    let digits: String = text.trim_start().chars().take_while(char::is_ascii_digit).take(5).collect();
    (digits.len() == 4 && digits.starts_with('1')).then(|| digits.parse().ok()).flatten()
}

/// The text of a page: without tags, white space run together, lower case.
fn visible_text(body: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                text.push(' ');
            }
            _ if !in_tag => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
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

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let mut response: Response =
            serde_json::from_value(serde_json::json!({ "status": status, "version": "HTTP/1.1" })).unwrap();
        headers.iter().for_each(|(name, value)| response.headers.push(name, value));
        response.body.prefix = body.into();
        response
    }

    #[test]
    fn reads_error_codes() {
        let page = "<title>Origin DNS error | www.example.com | Cloudflare</title><h1><span>Error</span>\n<span \
                    class=\"code\">1016</span></h1><p>Ray ID: 26ef2a0da3261e5f";
        for (status, headers, body, code) in [
            (530, &[("CF-Error-Type", "1016")][..], "", Some(1016)),
            (526, &[("cf-error-type", "526")], "", Some(526)),
            (530, &[], "error code: 1016", Some(1016)),
            (409, &[], "error code: 1001\n", Some(1001)),
            (530, &[], page, Some(1016)),
            (530, &[], "Origin DNS error", Some(1016)),
            (200, &[], "Error 1000 Ray ID: 26ef2a0da3261e5f", Some(1000)),
            (200, &[], "Edge IP restricted - Error 1034", Some(1034)),
            (530, &[], "", None),
            (502, &[], "Origin DNS error", None),
            (200, &[], "error 10161 in a log", None),
            (404, &[], "Error 1999 is not one of Cloudflare's", None),
            (200, &[], "How we met Error 1016 on a Tuesday, and what we learnt from it about names that go away", None),
        ] {
            assert_eq!(error_code(&answer(status, headers, body)), code, "{status} {body}");
        }
    }

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
