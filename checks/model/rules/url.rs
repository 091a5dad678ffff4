//! The URL of a request as rules see it: each part as text, in every way that is possible while a setting or a detail
//! of Cloudflare's is not known.

use super::normalize::{Normalization, merge_slashes, percent};
use crate::evidence::redact::REDACTED;
use crate::evidence::target::Scheme;

/// One way to see the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// `Host`, with or without the port that is not the scheme's own: which of both is not documented.
    pub(super) host: String,
    /// As rules see it, rewritten by rules before.
    pub(super) url: Url,
    /// As received: the `raw.` fields.
    pub(super) raw: Url,
}

/// Parts of a URL. `None`: something of it was redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) full: Option<String>,
    pub(super) uri: Option<String>,
    pub(super) path: Option<String>,
    pub(super) extension: Option<String>,
    /// Without the `?`; empty if there is none. A redacted value stands in it as such.
    pub(super) query: String,
}

/// What is given of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) scheme: Scheme,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
    pub(super) query: Option<String>,
    /// Path and query that a rewrite rule put in their place.
    pub(super) rewritten: Option<(String, Option<String>)>,
    pub(super) normalization: Option<Normalization>,
}

impl Sent {
    /// Every way in which rules may see it; without repetitions, at least one.
    pub(super) fn views(&self) -> Vec<View> {
        let mut paths = vec![self.path.clone()];
        if self.path.contains("//") {
            paths.push(merge_slashes(&self.path));
        }
        let mut hosts = vec![self.host.clone()];
        if self.port != self.scheme.default_port() {
            hosts.push(format!("{}:{}", self.host, self.port));
        }
        let kinds = match self.normalization {
            Some(kind) => vec![kind],
            None => vec![Normalization::Rfc3986, Normalization::Off, Normalization::Cloudflare],
        };
        let mut views: Vec<View> = Vec::new();
        for host in &hosts {
            for raw_path in &paths {
                for query in self.queries() {
                    for kind in &kinds {
                        let raw = Url::new(self.scheme, host, raw_path, query, false);
                        let normal = query.map(|query| match kind {
                            Normalization::Off => query.to_owned(),
                            _ => normal_query(query),
                        });
                        let plain = query.map(str::to_owned);
                        for query in [plain, normal] {
                            let url = match &self.rewritten {
                                Some((path, query)) => Url::new(self.scheme, host, path, query.as_deref(), true),
                                None => Url::new(self.scheme, host, &kind.path(raw_path), query.as_deref(), true),
                            };
                            let view = View { host: host.clone(), url, raw: raw.clone() };
                            if !views.contains(&view) {
                                views.push(view);
                            }
                        }
                    }
                }
            }
        }
        views
    }

    /// Whether a `?` with nothing behind it is kept is not documented.
    fn queries(&self) -> Vec<Option<&str>> {
        match self.query.as_deref() {
            Some("") => vec![Some(""), None],
            query => vec![query],
        }
    }
}

/// What stands in a redacted value's place is no URL.
fn normal_query(query: &str) -> String {
    query.split(REDACTED).map(percent).collect::<Vec<_>>().join(REDACTED)
}

impl Url {
    fn new(scheme: Scheme, host: &str, path: &str, query: Option<&str>, lower: bool) -> Url {
        let path_known = !path.contains(REDACTED);
        let query_known = !query.is_some_and(|query| query.contains(REDACTED));
        let uri = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let whole = path_known && query_known;
        let extension = extension(path);
        let lowered = extension.to_ascii_lowercase();
        Url {
            full: whole.then(|| format!("{scheme}://{host}{uri}")),
            uri: whole.then_some(uri),
            path: path_known.then(|| path.to_owned()),
            // Whether the raw field is in lower case too is not documented.
            extension: (path_known && (lower || lowered == extension)).then_some(lowered),
            query: query.unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn known_query(&self) -> Option<&str> {
        Some(self.query.as_str()).filter(|query| !query.contains(REDACTED))
    }

    /// Names and values of the query, as sent. `None`: redacted, or without a `=`, whose value is not documented.
    pub(super) fn arguments(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
            Some((name, value)) => (name, Some(value).filter(|value| !value.contains(REDACTED))),
            None => (pair, None),
        })
    }
}

/// "The string after the last dot in the URI path"; of `/.mp3` it is empty (docs, entry
/// `http.request.uri.path.extension`).
fn extension(path: &str) -> &str {
    let segment = path.rsplit('/').next().unwrap_or_default();
    segment.rsplit_once('.').filter(|(name, _)| !name.is_empty()).map_or("", |(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str) -> Sent {
        Sent {
            scheme: Scheme::Https,
            host: "a.example.com".into(),
            port: 443,
            path: path.into(),
            query: None,
            rewritten: None,
            normalization: None,
        }
    }

    /// The table of the documentation, entry `http.request.uri.path.extension`.
    #[test]
    fn extensions() {
        for (path, expected) in [
            ("/foo", ""),
            ("/foo.mp3", "mp3"),
            ("/.mp3", ""),
            ("/.foo.mp3", "mp3"),
            ("/foo.tar.bz2", "bz2"),
            ("/foo.", ""),
            ("/foo.MP3", "mp3"),
            ("/a.b/c", ""),
        ] {
            assert_eq!(sent(path).views()[0].url.extension.as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn an_ordinary_url_has_one_view() {
        assert_eq!(sent("/a/b.css").views().len(), 1);
        assert_eq!(Sent { query: Some("a=1&b=%20".into()), ..sent("/") }.views().len(), 1);
        assert_eq!(sent("/a//b").views().len(), 3);
        assert_eq!(Sent { port: 8443, ..sent("/") }.views().len(), 2);
        assert_eq!(sent("/%7Ea").views().len(), 2);
        assert_eq!(Sent { normalization: Some(Normalization::Rfc3986), ..sent("/%7Ea") }.views().len(), 1);
    }

    #[test]
    fn what_was_redacted_is_not_known() {
        let sent = Sent { query: Some("a=1&token=(redacted)".into()), ..sent("/x") };
        let views = sent.views();
        assert_eq!(views.len(), 1);
        let url = &views[0].url;
        assert_eq!((url.uri.as_deref(), url.path.as_deref(), url.known_query()), (None, Some("/x"), None));
        assert_eq!(url.arguments().collect::<Vec<_>>(), [("a", Some("1")), ("token", None)]);
    }
}
