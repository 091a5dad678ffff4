//! What is known of the request that rules are asked about.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::fields::{Field, Of, Part};
use super::normalize::Normalization;
use super::url::{Sent, Url, View};
use super::value::{List, Map, Value};
use crate::evidence::Target;
use crate::evidence::redact::REDACTED;
use crate::evidence::target::Scheme;

/// A request, as far as it is known. What is not said of it is not known: then a rule that needs it is neither true nor
/// false.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    sent: Sent,
    views: Vec<View>,
    method: String,
    /// Names in lower case; a value that was redacted is `None`.
    headers: Vec<(String, Option<String>)>,
    headers_complete: bool,
    version: Option<String>,
    client_address: Option<IpAddr>,
    zone: Option<String>,
    assumed: BTreeMap<String, Known>,
}

/// A value that somebody knows of a field that a request does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// `cf.client.bot`
    Boolean(bool),
    /// `cf.bot_management.score`
    Integer(i64),
    /// `ip.src.country`
    Text(String),
    /// `cf.edge.server_ip`
    Address(IpAddr),
}

impl Request {
    /// The request for `target`: its URL, method and headers. What other headers a visitor's client sends is not known.
    pub fn of(target: &Target) -> Request {
        let (path, query) = match target.path.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (target.path.clone(), None),
        };
        let sent = Sent {
            scheme: target.scheme,
            host: target.host.clone(),
            port: target.port,
            path,
            query,
            rewritten: None,
            normalization: None,
        };
        let request = Request {
            views: Vec::new(),
            sent,
            // "returned as a string of uppercase characters" (docs, entry http.request.method)
            method: target.method.to_ascii_uppercase(),
            headers: Vec::new(),
            headers_complete: false,
            version: None,
            client_address: None,
            zone: None,
            assumed: BTreeMap::new(),
        };
        let request = target.headers.iter().fold(request, |request, line| {
            let value = Some(line.value.as_str()).filter(|value| !value.contains(REDACTED));
            request.with_header(&line.name, value)
        });
        request.seen()
    }

    fn seen(mut self) -> Self {
        self.views = self.sent.views();
        self
    }

    /// With one more header line; `None`: it is sent, with a value that we do not know.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.map(str::to_owned)));
        self
    }

    /// The client sends no other headers than those given (and `Host`).
    #[must_use]
    pub fn without_other_headers(mut self) -> Self {
        self.headers_complete = true;
        self
    }

    /// Over this protocol: `HTTP/1.1`, `HTTP/2`, `HTTP/3`.
    #[must_use]
    pub fn over(mut self, version: &str) -> Self {
        self.version = Some(version.into());
        self
    }

    /// From this address.
    #[must_use]
    pub fn from_client(mut self, address: IpAddr) -> Self {
        self.client_address = Some(address);
        self
    }

    /// In the zone of this name.
    #[must_use]
    pub fn in_zone(mut self, name: &str) -> Self {
        self.zone = Some(name.to_ascii_lowercase());
        self
    }

    /// In a zone with this kind of URL normalization.
    #[must_use]
    pub fn normalized(mut self, kind: Normalization) -> Self {
        self.sent.normalization = Some(kind);
        self.seen()
    }

    /// After a rewrite rule: later rules see the new path and query, the `raw.` fields keep the old ones (docs, entries
    /// `raw.http.request.*`). `None` keeps what is there; a query of `Some("")` is removed.
    #[must_use]
    pub fn rewritten(mut self, path: Option<&str>, query: Option<&str>) -> Self {
        let (old_path, old_query) =
            self.sent.rewritten.take().unwrap_or_else(|| (self.sent.path.clone(), self.sent.query.clone()));
        let query = match query {
            Some("") => None,
            Some(query) => Some(query.to_owned()),
            None => old_query,
        };
        self.sent.rewritten = Some((path.map_or(old_path, str::to_owned), query));
        self.seen()
    }

    /// With a value for a field that the request itself does not tell.
    #[must_use]
    pub fn assuming(mut self, field: &str, value: Known) -> Self {
        self.assumed.insert(field.into(), value);
        self
    }

    /// Host name, lower case, without port.
    pub fn host(&self) -> &str {
        &self.sent.host
    }

    /// Path as sent, without the query.
    pub fn path(&self) -> &str {
        &self.sent.path
    }

    pub(super) fn views(&self) -> &[View] {
        &self.views
    }

    pub(super) fn assumed(&self, field: &str) -> Value<'_> {
        match self.assumed.get(field) {
            Some(Known::Boolean(value)) => Value::Boolean(*value),
            Some(Known::Integer(value)) => Value::Integer(*value),
            Some(Known::Text(value)) => Value::text(value),
            Some(Known::Address(value)) => Value::Address(*value),
            None => Value::Unknown,
        }
    }

    /// The value of a field, seen in one way.
    pub(super) fn field<'r>(&'r self, field: &Field, view: &'r View) -> Value<'r> {
        match field.of {
            Of::Host => Value::text(&view.host),
            Of::Method => Value::text(&self.method),
            Of::Secure => Value::Boolean(self.sent.scheme == Scheme::Https),
            Of::Port => Value::Integer(self.sent.port.into()),
            Of::Zero => Value::Integer(0),
            Of::Version => text(self.version.as_deref()),
            Of::Zone => text(self.zone.as_deref()),
            Of::ClientAddress => self.client_address.map_or(Value::Unknown, Value::Address),
            Of::Url(Part::Arguments) => Value::Map(Map::Arguments),
            Of::RawUrl(Part::Arguments) => Value::Map(Map::RawArguments),
            Of::Url(part) => part_of(&view.url, part),
            Of::RawUrl(part) => part_of(&view.raw, part),
            Of::Headers => Value::Map(Map::Headers),
            Of::Cookies => Value::Map(Map::Cookies),
            Of::HeaderNames => self.header_names(),
            Of::HeaderValues => Value::List(List {
                items: self.headers.iter().map(|(_, value)| text(value.as_deref())).collect(),
                open: true,
            }),
            // How many are too many is not documented.
            Of::HeadersTruncated => Value::Unknown,
            Of::Header(name) => self.header(name),
            Of::Languages => self.languages(),
            Of::Nothing => self.assumed(field.name),
        }
    }

    /// A field for one header: its value; what it is for a header that is not sent is not documented.
    fn header(&self, name: &str) -> Value<'_> {
        let mut lines = self.headers.iter().filter(|(other, _)| other == name);
        match (lines.next(), lines.next()) {
            (Some((_, value)), None) => text(value.as_deref()),
            _ => Value::Unknown,
        }
    }

    /// "The names are not pre-processed": their case is known in HTTP/2 and later only, where it is the lower one.
    fn header_names(&self) -> Value<'_> {
        let lower = self.version.as_deref().is_some_and(|version| !version.starts_with("HTTP/1"));
        let items = self.headers.iter().map(|(name, _)| if lower { Value::text(name) } else { Value::Unknown });
        Value::List(List { items: items.collect(), open: true })
    }

    /// Sorted by weight, without `*` (docs, entry `http.request.accepted_languages`).
    fn languages(&self) -> Value<'_> {
        let Value::Text(_) = self.header("accept-language") else {
            let absent = self.headers_complete && !self.headers.iter().any(|(name, _)| name == "accept-language");
            return if absent { Value::List(List::default()) } else { Value::Unknown };
        };
        let line =
            self.headers.iter().find(|(name, _)| name == "accept-language").and_then(|(_, value)| value.as_deref());
        let mut tags: Vec<(f32, &str)> = Vec::new();
        for tag in line.unwrap_or_default().split(',') {
            let mut parts = tag.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
            let Ok(weight) = weight else { return Value::Unknown };
            if !name.is_empty() && name != "*" {
                tags.push((weight, name));
            }
        }
        tags.sort_by(|a, b| b.0.total_cmp(&a.0));
        Value::List(List { items: tags.into_iter().map(|(_, name)| Value::text(name)).collect(), open: false })
    }

    /// One entry of a map.
    pub(super) fn entry<'r>(&'r self, map: Map, key: &[u8], view: &'r View) -> Value<'r> {
        let Ok(key) = std::str::from_utf8(key) else { return Value::Unknown };
        match map {
            Map::Headers => self.header_entry(key, view),
            Map::Arguments => arguments(&view.url, key),
            Map::RawArguments => arguments(&view.raw, key),
            Map::Cookies => self.cookie(key),
        }
    }

    /// "The keys … are the names of HTTP request headers converted to lowercase": any other key is never there.
    fn header_entry<'r>(&'r self, key: &str, view: &'r View) -> Value<'r> {
        if key.bytes().any(|octet| octet.is_ascii_uppercase()) {
            return Value::Missing;
        }
        let items: Vec<Value<'r>> = if key == "host" {
            vec![Value::text(&view.host)]
        } else {
            self.headers.iter().filter(|(name, _)| name == key).map(|(_, value)| text(value.as_deref())).collect()
        };
        match (items.is_empty(), self.headers_complete) {
            (false, _) => Value::List(List { items, open: false }),
            (true, true) => Value::Missing,
            (true, false) => Value::Unknown,
        }
    }

    /// "The cookie names are URL decoded … The cookie values are not pre-processed."
    fn cookie(&self, key: &str) -> Value<'_> {
        let mut lines = self.headers.iter().filter(|(name, _)| name == "cookie").peekable();
        if lines.peek().is_none() {
            return if self.headers_complete { Value::Missing } else { Value::Unknown };
        }
        let mut items = Vec::new();
        for (_, line) in lines {
            let Some(line) = line else { return Value::Unknown };
            for pair in line.split(';') {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                if super::compute::url_decode(name.trim().as_bytes(), false, false) == key.as_bytes() {
                    items.push(Value::text(value.trim()));
                }
            }
        }
        if items.is_empty() { Value::Missing } else { Value::List(List { items, open: false }) }
    }

    /// The keys and entries of a map, if all are known.
    pub(super) fn entries<'r>(&'r self, map: Map, view: &'r View) -> Option<Vec<Value<'r>>> {
        let url = match map {
            Map::Arguments => &view.url,
            Map::RawArguments => &view.raw,
            Map::Headers | Map::Cookies => return None,
        };
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in url.arguments() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Some(names.into_iter().map(|name| arguments(url, name)).collect())
    }
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Unknown, Value::text)
}

fn part_of(url: &Url, part: Part) -> Value<'_> {
    match part {
        Part::FullUri => text(url.full.as_deref()),
        Part::Uri => text(url.uri.as_deref()),
        Part::Path => text(url.path.as_deref()),
        Part::Extension => text(url.extension.as_deref()),
        Part::Query => text(url.known_query()),
        Part::ArgumentNames => {
            Value::List(List { items: url.arguments().map(|(name, _)| Value::text(name)).collect(), open: false })
        }
        Part::ArgumentValues => {
            Value::List(List { items: url.arguments().map(|(_, value)| text(value)).collect(), open: false })
        }
        Part::Arguments => Value::Unknown,
    }
}

fn arguments<'r>(url: &'r Url, key: &str) -> Value<'r> {
    let items: Vec<Value<'r>> =
        url.arguments().filter(|(name, _)| *name == key).map(|(_, value)| text(value)).collect();
    if items.is_empty() { Value::Missing } else { Value::List(List { items, open: false }) }
}
