//! URL patterns of Page Rules and Worker routes.
//!
//! What the documentation leaves open (does case count, is the URL normalised first, may the `*` of a host reach into
//! the path) gives no confident answer: where it would matter, the match is unknown.

mod page_rule;
mod worker_route;

pub use page_rule::{captures, page_rule};
pub use worker_route::{Specificity, specificity, worker_route};

use crate::evidence::Target;

/// Does a pattern match a URL?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternMatch {
    /// It does.
    Yes,
    /// It does not: the part of the pattern, and what the URL has there.
    No(Part, String, String),
    /// Cannot be told: on what it depends, as a clause.
    Unknown(String),
}

/// A part of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `https`
    Scheme,
    /// Host name.
    Host,
    /// Port.
    Port,
    /// Path.
    Path,
    /// Query string.
    Query,
}

impl Part {
    /// As people call it.
    pub fn word(self) -> &'static str {
        match self {
            Part::Scheme => "scheme",
            Part::Host => "host",
            Part::Port => "port",
            Part::Path => "path",
            Part::Query => "query string",
        }
    }
}

/// A pattern taken apart: `SCHEME://HOST:PORT/PATH?QUERY`, of which only the host must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts<'p> {
    /// What stands before `://`.
    pub scheme: Option<&'p str>,
    /// The host, with its stars.
    pub host: &'p str,
    /// The port.
    pub port: Option<&'p str>,
    /// From the first `/`; empty where there is none.
    pub path: &'p str,
    /// After the first `?`.
    pub query: Option<&'p str>,
}

/// Takes a pattern apart.
pub fn parts(pattern: &str) -> Parts<'_> {
    let (scheme, rest) = match pattern.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, pattern),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => (host, Some(port)),
        _ => (authority, None),
    };
    Parts { scheme, host, port, path, query }
}

/// `*` is any number of octets; the whole text must match. Linear in both.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(octet) if Some(octet) == text.get(t) => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|octet| *octet == b'*'))
}

/// Path and query of a target.
fn path_and_query(target: &Target) -> (&str, Option<&str>) {
    match target.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&target.path, None),
    }
}

/// The path as the URL normaliser might leave it: dot segments and doubled slashes gone, escapes of letters undone.
fn normalised(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        match segment {
            "." => {}
            ".." => {
                out.pop();
            }
            segment => out.push(segment),
        }
    }
    let end = if path.ends_with('/') && !out.is_empty() { "/" } else { "" };
    unescaped(&format!("/{}{end}", out.join("/")))
}

/// Escapes of unreserved characters undone (RFC 3986 §6.2.2.2).
fn unescaped(path: &str) -> String {
    let octets = path.as_bytes();
    let mut out = Vec::with_capacity(octets.len());
    let mut at = 0;
    while let Some(octet) = octets.get(at) {
        let hex = (*octet == b'%').then(|| path.get(at + 1..at + 3)).flatten();
        let decoded = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match decoded.filter(|b| b.is_ascii_alphanumeric() || b"-._~".contains(b)) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*octet);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_patterns_apart() {
        let all = parts("https://*.example.com:8443/a/*?b=*");
        assert_eq!((all.scheme, all.host, all.port), (Some("https"), "*.example.com", Some("8443")));
        assert_eq!((all.path, all.query), ("/a/*", Some("b=*")));
        let bare = parts("example.com");
        assert_eq!((bare.scheme, bare.host, bare.port, bare.path, bare.query), (None, "example.com", None, "", None));
    }

    #[test]
    fn globs() {
        for (pattern, text, wanted) in [
            ("a*c", "abbbc", true),
            ("a*c", "abcd", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a*a", "a", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(glob(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn normalises_as_the_edge_might() {
        for (path, wanted) in
            [("/a//b/../c", "/a/c"), ("/%61/", "/a/"), ("/", "/"), ("/a%2Fb", "/a%2Fb"), ("/%4", "/%4")]
        {
            assert_eq!(normalised(path), wanted, "{path}");
        }
    }
}
