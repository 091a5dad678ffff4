//! The lines of a request: ours, and the user's over them.

use std::borrow::Cow;

use cfdoctor_checks::evidence::http::{Failure, Headers, Request};
use cfdoctor_checks::evidence::redact::{self, Secrets};
use cfdoctor_checks::evidence::text;
use http::{HeaderName, HeaderValue, Method, uri};
use secrecy::ExposeSecret as _;

use super::Ask;
use crate::settings::USER_AGENT;

/// Lines that are never sent: Cloudflare answers the first two with error 1000 (`facts/cloudflare.md` gotcha 59), the
/// rest belongs to the connection or announces a body, and we send none.
const NEVER: &[&str] = &[
    "cf-connecting-ip",
    "x-forwarded-for",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
    "expect",
];

/// Lines of our own.
const OURS: [(&str, &str); 2] = [("User-Agent", USER_AGENT), ("Accept", "*/*")];

/// A request that can be sent.
pub(super) struct Prepared {
    /// Method.
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: uri::PathAndQuery,
    /// Host, or the user's own `Host`.
    pub(super) authority: uri::Authority,
    /// Every line except `Host`, names as given.
    pub(super) lines: Vec<(String, HeaderValue)>,
    /// What must not come back in a report.
    pub(super) secrets: Secrets,
}

impl Prepared {
    /// Checks that everything can be written.
    pub(super) fn new(ask: &Ask<'_>) -> Result<Prepared, Failure> {
        let unfit = |what: &str| Failure::Protocol { why: format!("{what} cannot be sent in a request") };
        let method = Method::from_bytes(ask.method.as_bytes()).map_err(|_| unfit("the method"))?;
        let path = ask.path.parse().map_err(|_| unfit("the path"))?;
        let mut authority = ask.authority.to_owned();
        let mut lines: Vec<(String, HeaderValue)> =
            OURS.iter().map(|(name, value)| ((*name).to_owned(), HeaderValue::from_static(value))).collect();
        if matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            lines.push(("Content-Length".into(), HeaderValue::from_static("0")));
        }
        let mut replaced = Vec::new();
        for (name, value) in ask.headers {
            let lower = name.to_ascii_lowercase();
            if NEVER.contains(&lower.as_str()) {
                continue;
            }
            if lower == "host" {
                authority = value.expose_secret().trim().to_owned();
                continue;
            }
            let line = unfit(&format!("the header line {:?}", text::shorten(name, 60)));
            let (Ok(_), Ok(mut value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.expose_secret().trim()))
            else {
                return Err(line);
            };
            value.set_sensitive(true);
            if ["user-agent", "accept"].contains(&lower.as_str()) && !replaced.contains(&lower) {
                lines.retain(|(name, _)| !name.eq_ignore_ascii_case(&lower));
                replaced.push(lower);
            }
            lines.push((name.clone(), value));
        }
        let authority = authority.parse().map_err(|_| unfit("the host name"))?;
        Ok(Prepared { method, path, authority, lines, secrets: secrets(ask) })
    }

    /// The request as HTTP/1.1 writes it.
    pub(super) fn written(&self) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.path, self.authority).into_bytes();
        for (name, value) in &self.lines {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

/// The request as evidence, redacted.
pub(super) fn recorded(ask: &Ask<'_>, prepared: Option<&Prepared>, lower_case: bool) -> Request {
    let mut headers = Headers::default();
    let mut push = |name: &str, value: &[u8]| {
        let name = if lower_case { name.to_ascii_lowercase().into() } else { Cow::Borrowed(name) };
        match OURS.iter().find(|(own, of)| own.eq_ignore_ascii_case(&name) && of.as_bytes() == value) {
            Some((_, of)) => headers.push_harmless(&name, of),
            None => headers.push(&name, &text::of_bytes(value)),
        }
    };
    if let Some(prepared) = prepared {
        push("Host", prepared.authority.as_str().as_bytes());
        prepared.lines.iter().for_each(|(name, value)| push(name, value.as_bytes()));
    }
    let host = prepared.map_or(ask.authority, |prepared| prepared.authority.as_str());
    let url = format!("{}://{host}{}", ask.scheme, ask.path);
    Request { method: text::shorten(ask.method, 40), url: redact::text(&text::clean(&url)), headers }
}

/// The parts of the user's lines that redaction hides: a server may send them back.
fn secrets(ask: &Ask<'_>) -> Secrets {
    let mut found = Secrets::default();
    for (name, value) in ask.headers {
        let value = value.expose_secret().trim();
        found.learn(name, value);
        // A token in a header that seldom holds one.
        if redact::header(name, value).contains(redact::REDACTED) && !value.contains("://") {
            found.add(value);
        }
    }
    found.learn_url(ask.path);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use cfdoctor_checks::evidence::target::Scheme;
    use secrecy::SecretString;

    fn lines(headers: &[(&str, &str)]) -> Result<String, Failure> {
        let headers: Vec<(String, SecretString)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect();
        let ask = Ask { method: "GET", scheme: Scheme::Https, authority: "a.test", path: "/x?y=1", headers: &headers };
        Ok(String::from_utf8(Prepared::new(&ask)?.written()).unwrap())
    }

    #[test]
    fn ours_and_the_users_over_them() {
        assert_eq!(
            lines(&[]).unwrap(),
            format!("GET /x?y=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\n\r\n")
        );
        let text = lines(&[
            ("X-forwarded-For", "192.0.2.1"),
            ("CF-Connecting-IP", "192.0.2.1"),
            ("ACCEPT", "a/b"),
            ("accept", "c/d"),
            ("Host", "b.test"),
            ("Content-Length", "7"),
            ("x-One", "1"),
        ])
        .unwrap();
        assert_eq!(
            text,
            format!(
                "GET /x?y=1 HTTP/1.1\r\nHost: b.test\r\nUser-Agent: {USER_AGENT}\r\nACCEPT: a/b\r\naccept: c/d\r\nx-One: 1\r\n\r\n"
            )
        );
    }

    #[test]
    fn nothing_can_be_smuggled_in() {
        assert!(lines(&[("X", "a\r\nY: b")]).is_err());
        assert!(lines(&[("X\r\nY", "a")]).is_err());
        assert!(lines(&[("Host", "a b")]).is_err());
    }
}
