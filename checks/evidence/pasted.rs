//! URLs and names as people paste them into reports: with placeholders, spaces and defanged dots. Read for `lint`
//! only, where nothing is ever looked up by them.

use std::str::FromStr;

use super::target::{DeclaredOrigin, Target, TargetError};

/// Stands for a host of which a placeholder left nothing.
const NO_NAME: &str = "host";

impl Target {
    /// Reads a URL out of somebody's report.
    ///
    /// `https://<your domain>/a b?v=<token>` is a URL with a placeholder for host: angle brackets and what no host name
    /// can hold go, a name without a dot may stand, and path and query are percent-encoded.
    ///
    /// # Errors
    /// What not even a placeholder explains: another scheme, an address, a user name.
    pub fn pasted(given: &str) -> Result<Target, TargetError> {
        let strict = given.parse::<Target>();
        if strict.is_ok() {
            return strict;
        }
        let text: String = given.chars().filter(|c| !c.is_control()).collect();
        let text = text.trim().trim_matches(['"', '\'', '`']);
        let text = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
        let lower = text.to_ascii_lowercase();
        let schemes = [("https://", "https"), ("http://", "http"), ("hxxps://", "https"), ("hxxp://", "http")];
        let found = schemes.iter().find(|(written, _)| lower.starts_with(written));
        let (scheme, rest) = match found {
            Some((written, scheme)) => (Some(*scheme), text.get(written.len()..).unwrap_or_default()),
            None if lower.contains("://") || lower.is_empty() => return strict,
            None => (None, text),
        };
        let end = authority_end(rest);
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if authority.contains('@') {
            return strict; // never guess at what may be a password
        }
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (name, Some(port)),
            _ => (authority, None),
        };
        let name = host(name);
        let dotless = !name.contains('.');
        // The grammar of targets wants a dot; a name without one is lent a suffix that is taken back below.
        let lent = if dotless { format!("{name}.example") } else { name.clone() };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = if path.starts_with(['/', '?']) { path.replace(' ', "%20") } else { String::new() };
        let scheme = scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default();
        let mut target = Target::from_str(&format!("{scheme}{lent}{port}{path}")).or(strict)?;
        if dotless {
            target.host = name;
        }
        Ok(target)
    }
}

/// Where the host ends: at the first `/`, `?` or `#` outside of angle brackets.
fn authority_end(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            '/' | '?' | '#' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// A host name out of a placeholder: `<Your Domain>` is `your-domain`, `example[.]com` is `example.com`.
fn host(text: &str) -> String {
    let text = text.replace("[.]", ".").replace("(.)", ".").replace("[dot]", ".");
    let mut out = String::new();
    for c in text.chars().take(400) {
        match c {
            '<' | '>' | '{' | '}' | '[' | ']' | '(' | ')' | '$' | '*' | '"' | '\'' | '`' => {}
            '.' | '…' => {
                if !out.is_empty() && !out.ends_with('.') {
                    out.push('.');
                }
            }
            c if c.is_alphanumeric() || c == '-' || c == '_' => out.extend(c.to_lowercase()),
            _ if out.ends_with('-') => {}
            _ => out.push('-'),
        }
    }
    let ascii = idna::domain_to_ascii(&out).unwrap_or(out);
    let labels = ascii.split('.').map(|label| label.trim_matches('-')).filter(|label| !label.is_empty());
    let labels: Vec<&str> = labels.map(|label| label.get(..label.len().min(63)).unwrap_or(NO_NAME)).collect();
    if labels.is_empty() { NO_NAME.into() } else { labels.join(".") }
}

impl DeclaredOrigin {
    /// Reads an origin out of somebody's report: names without a dot and placeholders may stand.
    ///
    /// # Errors
    /// A URL, or a port that is none.
    pub fn pasted(given: &str) -> Result<DeclaredOrigin, TargetError> {
        let strict = given.parse::<DeclaredOrigin>();
        if strict.is_ok() || given.contains('/') {
            return strict;
        }
        let (name, port) = match given.trim().rsplit_once(':') {
            Some((name, port)) => match port.parse() {
                Ok(port) if port > 0 => (name, port),
                _ => return strict,
            },
            None => (given.trim(), 443),
        };
        Ok(DeclaredOrigin::named(host(name), port))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> String {
        Target::pasted(text).unwrap().url()
    }

    #[test]
    fn placeholders_stand() {
        for (given, want) in [
            ("https://a.example.com/x?y=1", "https://a.example.com/x?y=1"),
            ("https://<domain>/.well-known/x", "https://domain/.well-known/x"),
            (
                "https://<project>.example.com/o?token=<same token each time>",
                "https://project.example.com/o?token=%3Csame%20token%20each%20time%3E",
            ),
            ("https://<your domain / app>/a b", "https://your-domain-app/a%20b"),
            ("hxxps://a[.]example[.]com/x", "https://a.example.com/x"),
            ("<https://a.example.com/x>", "https://a.example.com/x"),
            ("https://{host}:8443/", "https://host:8443/"),
            ("https://example…/x", "https://example/x"),
            ("https://***/x", "https://host/x"),
            ("localhost", "https://localhost/"),
            ("https://shop..example.com/", "https://shop.example.com/"),
        ] {
            assert_eq!(url(given), want, "{given}");
        }
        assert!(Target::pasted("https://<domain>/x").unwrap().path_named);
        assert!(!Target::pasted("https://<domain>/").unwrap().path_named);
    }

    #[test]
    fn what_no_placeholder_explains_is_refused() {
        for given in ["", "file:///etc/passwd", "ftp://a.example.com/", "https://user:secret@example.com/", "192.0.2.1"]
        {
            assert!(Target::pasted(given).is_err(), "{given}");
        }
        assert!(DeclaredOrigin::pasted("https://a.example.com").is_err());
        assert!(DeclaredOrigin::pasted("a:b").is_err());
    }

    #[test]
    fn origins() {
        for (given, want) in
            [("NXDOMAIN", "nxdomain"), ("<target>", "target"), ("d-abc.example.net.", "d-abc.example.net")]
        {
            assert_eq!(DeclaredOrigin::pasted(given).unwrap().host, want);
        }
        assert_eq!(DeclaredOrigin::pasted("origin:8080").unwrap().port, 8080);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}", host in "[ -~]{0,30}") {
            let _ = Target::pasted(&text);
            let _ = DeclaredOrigin::pasted(&text);
            if let Ok(target) = Target::pasted(&format!("https://{host}/x")) {
                prop_assert!(!target.host.is_empty() && target.host.len() <= 253);
                prop_assert!(target.path.starts_with('/'));
                prop_assert!(!target.url().contains(char::is_whitespace));
            }
        }
    }
}
