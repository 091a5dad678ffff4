//! Cloudflare's addresses and fingerprints.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;
use regex::Regex;

use super::errors::{self, Layer};
use crate::evidence::http::{Exchange, HeaderLine, Response};

/// Cloudflare's published ranges (`facts/cloudflare-ips.txt`, <https://www.cloudflare.com/ips/>).
pub static RANGES: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    include_str!("../data/cloudflare-ips.txt").lines().filter_map(|l| l.trim().parse().ok()).collect()
});

/// Does Cloudflare publish this address as its own?
pub fn owns(address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().or_else(|| translated(v6)).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    RANGES.iter().any(|range| range.contains(&address))
}

/// Those that Cloudflare does not publish as its own. A resolver that translates for networks without IPv4 (DNS64,
/// RFC 6147) makes IPv6 addresses of the IPv4 ones, under a prefix of its own: such a one is no other address.
pub fn outside(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let is_made_of_one = |v6: Ipv6Addr| addresses.contains(&IpAddr::V4(last_octets(v6)));
    let is_outside = |address: &&IpAddr| match address {
        IpAddr::V6(v6) => !owns(**address) && !is_made_of_one(*v6),
        IpAddr::V4(_) => !owns(**address),
    };
    addresses.iter().filter(is_outside).copied().collect()
}

/// The IPv4 address under one of the prefixes that every translator may use (RFC 6052 section 2.1, RFC 8215).
fn translated(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let is_well_known = v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let is_local = v6.segments()[..3] == [0x64, 0xff9b, 1];
    (is_well_known || is_local).then(|| last_octets(v6))
}

fn last_octets(v6: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = v6.octets();
    Ipv4Addr::new(a, b, c, d)
}

/// What proves that Cloudflare took part in an exchange; printed as the line that shows it.
pub enum Fingerprint<'a> {
    /// A header that Cloudflare alone sends.
    Line(&'a HeaderLine),
    /// `server: cloudflare`.
    Server,
    /// An error code of Cloudflare's own.
    Code(u16),
    /// The data centre in `/cdn-cgi/trace`.
    Trace(&'a str),
}

impl fmt::Display for Fingerprint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fingerprint::Line(line) => line.fmt(f),
            Fingerprint::Server => f.write_str("server: cloudflare"),
            Fingerprint::Code(code) => write!(f, "Cloudflare's error {code}"),
            Fingerprint::Trace(line) => write!(f, "/cdn-cgi/trace: {line}"),
        }
    }
}

/// What proves that Cloudflare took part in this exchange, if anything does.
///
/// `cf-ray` is set on every proxied response (`facts/cloudflare.md` section 2); `/cdn-cgi/trace` with `colo=` is
/// answered by the edge alone. An answer of which only a part was quoted is known by what Cloudflare alone sends:
/// `cf-cache-status`, `cf-mitigated`, `cf-error-type`, or one of its own error codes.
pub fn fingerprint(exchange: &Exchange) -> Option<Fingerprint<'_>> {
    let response = exchange.response()?;
    let line = |name: &str| response.headers.lines().iter().find(|line| line.name.eq_ignore_ascii_case(name));
    if let Some(ray) = line("cf-ray") {
        return Some(Fingerprint::Line(ray));
    }
    if response.headers.first("server").is_some_and(|server| server.eq_ignore_ascii_case("cloudflare")) {
        return Some(Fingerprint::Server);
    }
    if let Some(own) = OWN_HEADERS.iter().find_map(|name| line(name)) {
        return Some(Fingerprint::Line(own));
    }
    if let Some(code) = error_code(response) {
        return Some(Fingerprint::Code(code));
    }
    if exchange.request.url.contains("/cdn-cgi/trace") && response.status == 200 {
        return response.body.prefix.lines().find(|line| line.starts_with("colo=")).map(Fingerprint::Trace);
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

/// Header names that Cloudflare alone sends, beside `cf-ray` (`facts/cloudflare.md` section 2).
const OWN_HEADERS: &[&str] = &["cf-cache-status", "cf-mitigated", "cf-error-type"];

/// Header names that an AWS service leaves on its answer (`facts/aws.md` section 4.1): whoever sees one knows that the
/// answer was forwarded, not made by the edge.
pub const AWS_HEADERS: &[&str] =
    &["x-amz-apigw-id", "apigw-requestid", "x-amzn-requestid", "x-amzn-errortype", "x-amz-request-id", "x-amz-cf-id"];

/// Did the answer come from behind the edge, by an AWS header on it?
pub fn is_forwarded_by_aws(response: &Response) -> bool {
    AWS_HEADERS.iter().any(|name| response.headers.has(name))
}

/// The code of an error that Cloudflare made: `cf-error-type`, then the 1xxx on the page, then the 52x/530 status
/// (`facts/cloudflare.md` section 6).
///
/// A 530 carries its code only on the page. The plain-text form `error code: NNNN` is third-party knowledge there, so
/// text counts only where nothing else speaks for the origin as the author: no AWS header, and not `2xx` with
/// `cf-cache-status`.
pub fn error_code(response: &Response) -> Option<u16> {
    if let Some(code) = response.headers.first("cf-error-type").and_then(|value| value.trim().parse().ok()) {
        return Some(code);
    }
    if is_forwarded_by_aws(response) {
        return None;
    }
    let by_status = matches!(response.status, 520..=527 | 530).then_some(response.status);
    let page = if by_status.is_some() || may_be_error_page(response) { code_on_page(response) } else { None };
    page.or(by_status)
}

/// May the body be a page of Cloudflare's own? Its error pages have no `cf-cache-status` (or no hit), and its text is a
/// page or a few words, never JSON.
fn may_be_error_page(response: &Response) -> bool {
    let json = response.media_type().is_some_and(|kind| kind.contains("json"));
    let stored = response.headers.has("cf-cache-status");
    let successful_and_whole = response.status < 400 && response.headers.has("content-type");
    !json && !stored && !successful_and_whole
}

/// `error code: 1016`, `Error 1016`, `Edge IP Restricted - Error 1034`, or the title of a code; 1xxx codes and 52x.
fn code_on_page(response: &Response) -> Option<u16> {
    static NUMBER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)\berror(?:\s+code)?\s*:?\s*(1[0-9]{3}|52[0-7]|530)\b").ok());
    let body = &response.body.prefix;
    let number = NUMBER
        .as_ref()
        .and_then(|pattern| {
            pattern.captures(&visible_text(body)).map(|found| found.get(1).map(|code| code.as_str().to_owned()))
        })
        .flatten()
        .and_then(|code| code.parse().ok())
        .filter(|code: &u16| *code < 1000 || errors::lookup(*code).is_some());
    number.or_else(|| (response.status == 530).then(|| code_by_title(body)).flatten())
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

/// The 1xxx code whose title (the table's meaning without what stands in parentheses) is in the text.
fn code_by_title(body: &str) -> Option<u16> {
    let body = body.to_ascii_lowercase();
    errors::all()
        .filter(|error| error.code >= 1000 && error.layer != Layer::EdgeSecurity)
        .find(|error| {
            let title = error.meaning.split('(').next().unwrap_or_default().trim().to_ascii_lowercase();
            title.contains(' ') && body.contains(&title)
        })
        .map(|error| error.code)
}

/// Does the body name Cloudflare as its author: the branded page that also replaces an origin's 502 and 504
/// (`facts/cloudflare.md` section 6, "502/504 caveat")?
pub fn is_branded_page(response: &Response) -> bool {
    let body = response.body.prefix.to_ascii_lowercase();
    // What a client gets that does not ask for HTML.
    if body.trim() == format!("error code: {}", response.status) {
        return true;
    }
    ["cf-error-details", "cloudflare ray id", "cf-wrapper", "performance &amp; security by", "| cloudflare"]
        .iter()
        .any(|mark| body.contains(mark))
}

/// The bare page of a few lines that the edge's own server makes for a 502, 503 or 504: an origin's is branded
/// (`facts/cloudflare.md` section 6).
pub fn is_plain_edge_page(response: &Response) -> bool {
    response.body.prefix.to_ascii_lowercase().contains("<center>cloudflare</center>")
}

/// What Cloudflare's challenge and block pages say, in lower case (`facts/cloudflare.md` gotcha 39; the pages' own
/// words). The challenge script alone proves nothing: Cloudflare also adds it to sound pages.
const SECURITY_PAGES: &[&str] = &[
    "just a moment...",
    "checking your browser before accessing",
    "enable javascript and cookies to continue",
    "performing security verification",
    "sorry, you have been blocked",
    "attention required!",
    "you are being rate limited",
    "used cloudflare to restrict access",
    "_cf_chl_opt",
    "cf-browser-verification",
    "verify you are human",
    "verifying you are human",
];

/// The words that make this a challenge or block page of Cloudflare's: only on a 403, 429 or 503, never in JSON, and
/// never on an answer that came past the cache.
pub fn security_page(response: &Response) -> Option<&'static str> {
    let json = response.media_type().is_some_and(|kind| kind.contains("json"));
    let passed_cache = response.headers.has("cf-cache-status") || is_forwarded_by_aws(response);
    if json || passed_cache || !matches!(response.status, 403 | 429 | 503) {
        return None;
    }
    let body = response.body.prefix.to_ascii_lowercase();
    let named = || {
        let words = ["challenge", "captcha", "blocked", "rate limit"];
        words.into_iter().find(|word| body.contains("cloudflare") && body.contains(word))
    };
    SECURITY_PAGES.iter().copied().find(|mark| body.contains(mark)).or_else(named)
}

/// The data centre that answered, from `cf-ray: <16 hex>-<IATA>` (`facts/cloudflare.md` section 2).
pub fn colo(response: &Response) -> Option<&str> {
    let (_, colo) = response.headers.first("cf-ray")?.rsplit_once('-')?;
    (colo.len() == 3 && colo.bytes().all(|b| b.is_ascii_uppercase())).then_some(colo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::http::{Body, Headers};

    fn answer(status: u16, headers: Headers, body: &str) -> Response {
        let body = Body { length: body.len() as u64, prefix: body.into(), ..Body::default() };
        Response { status, version: "HTTP/1.1".into(), headers, body }
    }

    #[test]
    fn decodes_its_own_errors() {
        for (status, body, code) in [
            (530, "error code: 1016", Some(1016)),
            (530, "origin DNS error", Some(1016)),
            (530, "<title>Origin DNS error | x.example | Cloudflare</title>", Some(1016)),
            (530, "Error 1033 Ray ID: 0 Argo Tunnel error", Some(1033)),
            (530, "", Some(530)),
            (522, "", Some(522)),
            (522, "<title>x.example | 522: Connection timed out</title> Error code 522", Some(522)),
            (403, "Edge IP Restricted - Error 1034", Some(1034)),
            (403, "Error 1000 Ray ID: 0 DNS points to prohibited IP", Some(1000)),
            (409, "error code: 1001", Some(1001)),
            (200, "Error 1014", Some(1014)),
            (404, "order 1016 not found", None),
            (404, "Error 1999", None),
            (500, "", None),
        ] {
            assert_eq!(error_code(&answer(status, Headers::default(), body)), code, "{status} {body}");
        }
        assert_eq!(error_code(&answer(403, [("cf-error-type", "1020")].into(), "")), Some(1020));
    }

    #[test]
    fn leaves_the_origins_own_errors_alone() {
        let json = [("content-type", "application/json")].into();
        assert_eq!(error_code(&answer(400, json, r#"{"message":"error code: 1016"}"#)), None);
        let forwarded = [("cf-ray", "0-SEA"), ("cf-cache-status", "DYNAMIC")].into();
        assert_eq!(error_code(&answer(500, forwarded, "Error 1001 in module x")), None);
        let aws = [("apigw-requestid", "x")].into();
        assert_eq!(error_code(&answer(530, aws, "error code: 1016")), None);
        let page = [("content-type", "text/html"), ("date", "x")].into();
        assert_eq!(error_code(&answer(200, page, "How to mend Error 1016")), None);
    }

    #[test]
    fn reads_the_data_centre() {
        let response = answer(200, [("cf-ray", "8a1b2c3d4e5f6071-SEA")].into(), "");
        assert_eq!(colo(&response), Some("SEA"));
        assert_eq!(colo(&answer(200, [("cf-ray", "8a1b2c3d4e5f6071")].into(), "")), None);
    }

    #[test]
    fn reads_error_codes_of_reports() {
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
            (530, &[], "", Some(530)),
            (502, &[], "Origin DNS error", None),
            (200, &[], "error 10161 in a log", None),
            (404, &[], "Error 1999 is not one of Cloudflare's", None),
        ] {
            assert_eq!(
                error_code(&answer(
                    status,
                    headers.iter().copied().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
                    body
                )),
                code,
                "{status} {body}"
            );
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
