//! URL normalization, which happens before any rule looks (docs: rules/normalization/how-it-works, settings).
//!
//! Which kind a zone has is a setting; the default is RFC 3986 on incoming URLs. Where it is not known, every kind is
//! tried, and a rule's outcome is known only if all agree. The documentation is at odds with itself about `//`
//! (index: always merged; examples: kept by RFC 3986), so both are tried there.

/// The setting `http_request_sanitize` works by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalization {
    /// Incoming URLs are not normalized.
    Off,
    /// The default: percent-encoding and dot segments.
    Rfc3986,
    /// Also back slashes and repeated slashes.
    Cloudflare,
}

impl Normalization {
    /// The path as rules see it.
    pub(super) fn path(self, path: &str) -> String {
        match self {
            Normalization::Off => path.to_owned(),
            Normalization::Rfc3986 => remove_dot_segments(&percent(path)),
            Normalization::Cloudflare => remove_dot_segments(&percent(&merge_slashes(&path.replace('\\', "/")))),
        }
    }
}

/// `//` as `/`.
pub(super) fn merge_slashes(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

/// Unreserved characters are decoded, reserved ones left, others encoded, escapes in upper case.
pub(super) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let octets = text.as_bytes();
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        at += 1;
        if octet == b'%' {
            match escaped(octets.get(at..)) {
                Some(value) => {
                    push(&mut out, value, is_unreserved(value));
                    at += 2;
                }
                None => out.push('%'),
            }
        } else {
            push(&mut out, octet, is_unreserved(octet) || b":/?#[]@!$&'()*+,;=".contains(&octet));
        }
    }
    out
}

fn push(out: &mut String, octet: u8, plain: bool) {
    if plain {
        out.push(char::from(octet));
    } else {
        out.push_str(&format!("%{octet:02X}"));
    }
}

/// The octet that the two hexadecimal digits at the start stand for.
pub(super) fn escaped(digits: Option<&[u8]>) -> Option<u8> {
    let [high, low, ..] = digits? else { return None };
    let (high, low) = (char::from(*high).to_digit(16)?, char::from(*low).to_digit(16)?);
    u8::try_from(high * 16 + low).ok()
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

/// RFC 3986 §5.2.4.
fn remove_dot_segments(path: &str) -> String {
    let Some(inner) = path.strip_prefix('/') else { return path.to_owned() };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = inner.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::Normalization::{Cloudflare, Off, Rfc3986};

    /// docs: rules/normalization/examples.
    #[test]
    fn the_examples_of_the_documentation() {
        for (given, off, rfc, cloudflare) in [
            ("/hello", "/hello", "/hello", "/hello"),
            ("/%68ello", "/%68ello", "/hello", "/hello"),
            (r"/%68ello//pa\th", r"/%68ello//pa\th", "/hello//pa%5Cth", "/hello/pa/th"),
            ("/hello//../path", "/hello//../path", "/hello/path", "/path"),
        ] {
            assert_eq!(
                (Off.path(given), Rfc3986.path(given), Cloudflare.path(given)),
                (off.into(), rfc.into(), cloudflare.into())
            );
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(Rfc3986.path("/%7eA%2fb%e4%zz%"), "/~A%2Fb%E4%zz%");
        assert_eq!(Rfc3986.path("/ü|"), "/%C3%BC%7C");
        assert_eq!(Rfc3986.path("/a/b/../../../c/."), "/c/");
    }
}
