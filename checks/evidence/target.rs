//! What the user asked about.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::http::HeaderLine;
use crate::check::Probe;

/// The URL and the wishes of the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host name: lower case, A-labels, no trailing dot; never an address.
    pub host: String,
    /// Port of the URL.
    pub port: u16,
    /// Path and query as sent; starts with `/`.
    pub path: String,
    /// Did the user name a path, or is `/` ours?
    #[serde(default)]
    pub path_named: bool,
    /// The method to diagnose, `GET` unless `-X` names another.
    #[serde(default = "get")]
    pub method: String,
    /// The user's own request headers, secrets redacted.
    #[serde(default)]
    pub headers: Vec<HeaderLine>,
    /// What the owner wants of the cache.
    #[serde(default)]
    pub expect: Expectation,
    /// Where the API lives, if the user said so.
    #[serde(default)]
    pub region: Option<String>,
    /// What the proxied record points at, if the user said so.
    #[serde(default)]
    pub origin: Option<DeclaredOrigin>,
    /// What must be readable (`--cloudflare require`, `--aws require`): without it the visit is inconclusive.
    #[serde(default)]
    pub required: Vec<Probe>,
}

fn get() -> String {
    "GET".into()
}

/// Scheme of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme's default port.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        })
    }
}

/// What the owner wants of the cache (`--expect`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Expectation {
    /// A cache blocker is a failure.
    Cached,
    /// Being stored is the failure.
    Uncached,
    /// A cache blocker is a warning.
    #[default]
    Any,
}

/// The origin that the user named, or tomorrow's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredOrigin {
    /// Host name (lower case, no trailing dot) or address.
    pub host: String,
    /// Port, 443 unless given.
    pub port: u16,
    /// Tomorrow's origin (`--assume-origin`): today's edge does not use it, so the two are not compared.
    #[serde(default)]
    pub assumed: bool,
    /// Read from the zone's record, not said by the user.
    #[serde(default)]
    pub from_zone: bool,
}

impl DeclaredOrigin {
    /// An origin that the user named.
    pub fn named(host: impl Into<String>, port: u16) -> Self {
        DeclaredOrigin { host: host.into(), port, assumed: false, from_zone: false }
    }

    /// What the zone's record of `host` points at.
    pub fn of_record(records: &super::zone::Records, host: &str) -> Option<Self> {
        let content = records.end_of(host)?.content.as_deref()?;
        let found = DeclaredOrigin::pasted(content).ok()?;
        // A zone that leads nowhere but back to the host tells nothing of an origin.
        (found.host != host).then_some(DeclaredOrigin { from_zone: true, ..found })
    }
}

/// Why a target, or an origin, could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a target: {why}")]
pub struct TargetError {
    given: String,
    why: String,
}

impl Target {
    /// `https://{host}{path}` as the user would write it, without a default port.
    pub fn url(&self) -> String {
        if self.port == self.scheme.default_port() {
            format!("{}://{}{}", self.scheme, self.host, self.path)
        } else {
            format!("{}://{}:{}{}", self.scheme, self.host, self.port, self.path)
        }
    }

    /// The value of the `Host` header.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The same without signed URL parameters and tokens: what may be kept and shown.
    #[must_use]
    pub fn redacted(&self) -> Target {
        Target { path: super::redact::text(&self.path), ..self.clone() }
    }

    /// Path without the query.
    pub fn path_only(&self) -> &str {
        self.path.split('?').next().unwrap_or("/")
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// Reads a host name, `host:port`, or an `http`/`https` URL; IDN becomes A-labels.
    fn from_str(given: &str) -> Result<Self, TargetError> {
        let fail = |why: &str| TargetError { given: shown(given), why: why.into() };
        let text = given.trim();
        if text.is_empty() {
            return Err(fail("it is empty; give a host name or a URL"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(fail("it contains a space or control character; write a space in a path as %20"));
        }
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Err(fail(ADDRESS));
        }
        let (has_scheme, full) = match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
                (true, text.to_owned())
            }
            Some((scheme, _)) => {
                return Err(fail(&format!("the scheme {scheme:?} is not examined; only http and https are")));
            }
            None if scheme_without_slashes(text) => {
                return Err(fail("only http:// and https:// URLs are examined"));
            }
            None => (false, format!("https://{text}")),
        };
        let url = url::Url::parse(&full).map_err(|error| fail(&explain(error)))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError {
                given: "(URL with user name)".into(),
                why: "a user name or password in the URL is not sent; use -H 'Authorization: …'".into(),
            });
        }
        let Some(url::Host::Domain(host)) = url.host() else {
            return Err(fail(ADDRESS));
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        check_name(&host).map_err(|why| fail(&why))?;
        if url.port() == Some(0) {
            return Err(fail(PORT));
        }
        let scheme = if url.scheme() == "http" { Scheme::Http } else { Scheme::Https };
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let after_scheme = full.split_once("://").map_or("", |(_, rest)| rest);
        Ok(Target {
            scheme,
            host,
            port: url.port().unwrap_or(scheme.default_port()),
            path: if path.is_empty() { "/".into() } else { path.into() },
            path_named: (has_scheme || text.contains('/'))
                && after_scheme.find('/').is_some_and(|at| after_scheme.len() > at + 1)
                || text.contains('?'),
            method: get(),
            headers: Vec::new(),
            expect: Expectation::Any,
            region: None,
            origin: None,
            required: Vec::new(),
        })
    }
}

/// What was given, as an error may repeat it: it may hold a password or a signed parameter.
fn shown(given: &str) -> String {
    super::text::shorten(&super::redact::text(given), 120)
}

const PORT: &str = "the port is not a number from 1 to 65535";
const ADDRESS: &str =
    "an address has no zone and no certificate name; give the host name, and pin the address with --resolve";

fn scheme_without_slashes(text: &str) -> bool {
    ["file:", "data:", "mailto:", "javascript:"].iter().any(|s| text.to_ascii_lowercase().starts_with(s))
}

fn explain(error: url::ParseError) -> String {
    match error {
        url::ParseError::InvalidPort => PORT.into(),
        url::ParseError::IdnaError => "the host is not a valid (international) domain name".into(),
        url::ParseError::InvalidIpv4Address | url::ParseError::InvalidIpv6Address => ADDRESS.into(),
        url::ParseError::InvalidDomainCharacter => "the host contains a character that no host name can have".into(),
        other => other.to_string(),
    }
}

/// Is `host` a name that DNS could hold and a certificate could cover? (RFC 1035 §2.3.4; underscores occur.)
fn check_name(host: &str) -> Result<(), String> {
    if host.len() > 253 {
        return Err(format!("the host name has {} octets, more than 253", host.len()));
    }
    for label in host.split('.') {
        if label.is_empty() {
            return Err("the host name has an empty label (two dots in a row?)".into());
        }
        if label.len() > 63 {
            return Err(format!("the label {:?} has more than 63 octets", super::text::shorten(label, 40)));
        }
        if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(format!("the label {label:?} contains a character that no host name can have"));
        }
    }
    if !host.contains('.') {
        return Err("it has no dot; give the full host name, for instance lambda.example.com".into());
    }
    Ok(())
}

impl FromStr for DeclaredOrigin {
    type Err = TargetError;

    /// Reads `HOST`, `HOST:PORT`, an address or `[v6]:PORT`.
    fn from_str(given: &str) -> Result<Self, TargetError> {
        let fail = |why: &str| TargetError { given: shown(given), why: why.into() };
        let text = given.trim().trim_end_matches('/');
        if text.contains("://") || text.contains('/') {
            return Err(fail("an origin is HOST or HOST:PORT, as in the DNS record, without scheme and path"));
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
            return Ok(DeclaredOrigin::named(address.to_string(), 443));
        }
        if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
            if socket.port() == 0 {
                return Err(fail(PORT));
            }
            return Ok(DeclaredOrigin::named(socket.ip().to_string(), socket.port()));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|p| *p > 0).ok_or_else(|| fail(PORT))?),
            None => (text, 443),
        };
        let host = idna::domain_to_ascii(host).map_err(|_| fail("the host is not a valid domain name"))?;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        check_name(&host).map_err(|why| fail(&why))?;
        Ok(DeclaredOrigin::named(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        text.parse().unwrap()
    }

    #[test]
    fn reads_hosts_and_urls() {
        let plain = target("Lambda.Example.com.");
        assert_eq!((plain.url().as_str(), plain.path_named), ("https://lambda.example.com/", false));
        let deep = target("http://a.example.com:8080/x%20y?q=1#f");
        assert_eq!((deep.url().as_str(), deep.path_named), ("http://a.example.com:8080/x%20y?q=1", true));
        assert_eq!(target("a.example.com/x").path, "/x");
        assert!(target("a.example.com/x").path_named);
        assert!(!target("https://a.example.com/").path_named);
        assert_eq!(target("münchen.example").host, "xn--mnchen-3ya.example");
        assert_eq!(target("a.example.com:8443").port, 8443);
    }

    #[test]
    fn refuses_what_it_cannot_examine() {
        for (given, why) in [
            ("", "empty"),
            ("a b.example.com", "space"),
            ("file:///etc/passwd", "scheme"),
            ("192.0.2.1", "--resolve"),
            ("[2001:db8::1]", "--resolve"),
            ("https://[2001:db8::1]:443/", "--resolve"),
            ("localhost", "no dot"),
            ("a..example.com", "empty label"),
            ("a.example.com:99999", "port"),
            ("a.example.com:0", "port"),
            ("https://user:secret@example.com/", "Authorization"),
            ("mailto:a@example.com", "only http"),
        ] {
            let error = given.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(why), "{given:?}: {error}");
            assert!(!error.contains("secret"));
        }
        for given in ["https://user:secret@exa mple.com/", "https://a b.example.com/?token=secret"] {
            let error = given.parse::<Target>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn reads_origins() {
        let origin: DeclaredOrigin = "d-abc123.execute-api.us-west-2.amazonaws.com.".parse().unwrap();
        assert_eq!((origin.host.as_str(), origin.port), ("d-abc123.execute-api.us-west-2.amazonaws.com", 443));
        assert_eq!("[2001:db8::1]:8443".parse::<DeclaredOrigin>().unwrap().port, 8443);
        for bad in ["https://x.example.com/", "o.example.com:0", "192.0.2.1:0", "[2001:db8::1]:0", "o..example.com"] {
            assert!(bad.parse::<DeclaredOrigin>().is_err(), "{bad}");
        }
    }
}
