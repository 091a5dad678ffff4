//! `Set-Cookie` (RFC 6265 §4.1): name and attributes; values are redacted before they get here.

use super::Headers;

/// One cookie as set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie {
    /// The cookie's name; empty when none was sent.
    pub name: String,
    /// Attributes in order: name as sent, value if there is one.
    pub attributes: Vec<(String, Option<String>)>,
}

/// Cookies that Cloudflare itself sets (<https://developers.cloudflare.com/fundamentals/reference/policies-compliances/cloudflare-cookies/>).
const OF_CLOUDFLARE: &[&str] = &[
    "__cf_bm",
    "__cfduid",
    "__cflb",
    "__cfruid",
    "__cfseq",
    "__cfwaitingroup",
    "_cfuvid",
    "cf_clearance",
    "cf_chl_rc_i",
    "cf_chl_rc_m",
    "cf_chl_rc_ni",
    "cf_ob_info",
    "cf_use_ob",
    "cf_appsession",
    "cf_authorization",
];

/// Attributes that are read: there are seven.
const MAX_ATTRIBUTES: usize = 32;

impl SetCookie {
    /// Reads one line.
    pub fn parse(line: &str) -> SetCookie {
        let mut parts = line.split(';');
        let pair = parts.next().unwrap_or_default();
        let name = pair.split_once('=').map_or("", |(name, _)| name).trim().to_owned();
        let attributes = parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .take(MAX_ATTRIBUTES)
            .map(|part| match part.split_once('=') {
                Some((name, value)) => (name.trim().to_owned(), Some(value.trim().to_owned())),
                None => (part.to_owned(), None),
            })
            .collect();
        SetCookie { name, attributes }
    }

    /// Is it one that Cloudflare sets, not the application?
    pub fn is_cloudflares(&self) -> bool {
        OF_CLOUDFLARE.iter().any(|name| name.eq_ignore_ascii_case(&self.name))
    }

    /// The value of an attribute, compared without case; `Some("")`: it stands without a value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(attribute, _)| attribute.eq_ignore_ascii_case(name))?;
        Some(found.1.as_deref().unwrap_or(""))
    }

    /// How people call it: the name, or what stands for it.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { "(a cookie without name)" } else { &self.name }
    }

    /// The line written anew, with the value redacted.
    pub fn print(&self) -> String {
        let mut out = format!("{}={}", self.name, crate::evidence::redact::REDACTED);
        for (name, value) in &self.attributes {
            out.push_str("; ");
            out.push_str(name);
            if let Some(value) = value {
                out.push('=');
                out.push_str(value);
            }
        }
        out
    }
}

impl Headers {
    /// Every `Set-Cookie`.
    pub fn set_cookies(&self) -> Vec<SetCookie> {
        self.all("set-cookie").map(SetCookie::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_name_and_attributes() {
        let headers = Headers::from([("Set-Cookie", "sid=abc; Path=/; HttpOnly"), ("set-cookie", "__cf_bm=x")]);
        let cookies = headers.set_cookies();
        assert_eq!(cookies[0].name, "sid");
        assert_eq!((cookies[0].attribute("path"), cookies[0].attribute("httponly")), (Some("/"), Some("")));
        assert!(!cookies[0].is_cloudflares() && cookies[1].is_cloudflares());
        assert_eq!(SetCookie::parse("novalue").label(), "(a cookie without name)");
    }

    proptest! {
        #[test]
        fn printing_agrees(line in ".{0,80}") {
            let once = SetCookie::parse(&line);
            prop_assert_eq!(&once, &SetCookie::parse(&once.print()));
        }
    }
}
