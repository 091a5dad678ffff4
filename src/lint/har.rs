//! HAR 1.2, as browsers save it: read as a stream, entry by entry, so that a file of 100 MB needs little memory.
//!
//! Bodies are dropped as they pass; what is kept of each URL is bounded.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;

use cfdoctor_checks::evidence::http::{Body, BodyEnd, Exchange, Headers, Outcome, Request, Response, Timing};
use cfdoctor_checks::evidence::redact::{self, Secrets};
use cfdoctor_checks::evidence::text::{clean, shorten};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Answers that are kept of one URL.
const MAX_SAMPLES: usize = 16;
/// URLs that are kept of one file.
const MAX_URLS: usize = 50_000;
/// Characters of a body that are kept of each answer: enough to know an error by.
const PREFIX: usize = 1024;
/// Notes that are kept; the rest is counted.
const MAX_NOTES: usize = 20;

/// The answers of one URL, in the file's order.
pub(super) struct Group {
    pub(super) url: String,
    pub(super) exchanges: Vec<Exchange>,
}

/// What a file held.
#[derive(Default)]
pub(super) struct Har {
    pub(super) groups: Vec<Group>,
    pub(super) notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    started_date_time: Option<String>,
    #[serde(default)]
    time: Option<f64>,
    request: HarRequest,
    response: HarResponse,
    #[serde(default, rename = "_fromCache")]
    from_cache: Option<serde_json::Value>,
    #[serde(default)]
    timings: Option<Timings>,
}

#[derive(Deserialize)]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<NameValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarResponse {
    status: i64,
    #[serde(default)]
    http_version: Option<String>,
    #[serde(default)]
    headers: Vec<NameValue>,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    size: Option<i64>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct NameValue {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Timings {
    #[serde(default)]
    connect: Option<f64>,
    #[serde(default)]
    ssl: Option<f64>,
    #[serde(default)]
    wait: Option<f64>,
}

/// Reads the whole stream.
///
/// # Errors
/// The place where it stopped making sense, if nothing before that could be judged.
pub(super) fn read(reader: impl Read) -> Result<Har, String> {
    let mut sink = Sink::default();
    let mut json = serde_json::Deserializer::from_reader(reader);
    let result = Root(&mut sink).deserialize(&mut json);
    if let Err(error) = result {
        // A browser that crashed while saving leaves a file cut in the middle: what is whole is judged.
        if sink.har.groups.is_empty() {
            return Err(format!(
                "taken for a HAR file, which stops making sense after {} entries: {}",
                sink.entries,
                redact::reason(&error)
            ));
        }
        sink.note(format!(
            "stops making sense after {} entries ({}); what is whole is judged",
            sink.entries,
            redact::reason(&error)
        ));
    } else if !sink.has_log {
        return Err("JSON without log.entries: not a HAR file".into());
    } else if sink.har.groups.is_empty() {
        return Err(format!("a HAR file without a usable entry (of {})", sink.entries));
    }
    for exchange in sink.har.groups.iter_mut().flat_map(|group| &mut group.exchanges) {
        hide(exchange, &sink.secrets);
    }
    if sink.unnoted > 0 {
        sink.har.notes.push(format!("and {} more notes of this kind", sink.unnoted));
    }
    Ok(sink.har)
}

#[derive(Default)]
struct Sink {
    har: Har,
    places: HashMap<String, usize>,
    entries: usize,
    unnoted: usize,
    has_log: bool,
    secrets: Secrets,
}

impl Sink {
    fn note(&mut self, note: String) {
        if self.har.notes.len() < MAX_NOTES { self.har.notes.push(note) } else { self.unnoted += 1 }
    }

    fn take(&mut self, value: &serde_json::value::RawValue) {
        self.entries += 1;
        let index = self.entries - 1;
        match serde_json::from_str::<Entry>(value.get()) {
            Ok(entry) => self.keep(index, entry),
            Err(error) => self.note(format!("entry {index}: skipped: {}", redact::reason(&error))),
        }
    }

    fn keep(&mut self, index: usize, entry: Entry) {
        let url = entry.request.url.split('#').next().unwrap_or_default().to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return; // data:, blob:, extension pages: nobody's network
        }
        let from_cache = entry.from_cache.as_ref().is_some_and(|value| !value.is_null());
        let Some(status) = u16::try_from(entry.response.status).ok().filter(|s| (100..1000).contains(s)) else {
            return self.note(format!("entry {index}: no answer (blocked, cancelled or failed), skipped"));
        };
        if from_cache || status == 304 {
            return self.note(format!("entry {index}: answered by the browser's own cache, skipped"));
        }
        let place = match self.places.get(&url) {
            Some(place) => *place,
            None if self.har.groups.len() >= MAX_URLS => {
                return self.note(format!("entry {index}: beyond {MAX_URLS} URLs, skipped"));
            }
            None => {
                self.places.insert(url.clone(), self.har.groups.len());
                self.har.groups.push(Group { url: url.clone(), exchanges: Vec::new() });
                self.har.groups.len() - 1
            }
        };
        if let Some(group) = self.har.groups.get_mut(place)
            && group.exchanges.len() < MAX_SAMPLES
        {
            let lines = entry.request.headers.iter().chain(&entry.response.headers);
            lines.for_each(|line| self.secrets.guess(&line.name, &line.value));
            self.secrets.learn_url(&url);
            group.exchanges.push(exchange(entry, &url, status));
        }
    }
}

/// What the file shows as a secret in one place is one in every other.
fn hide(exchange: &mut Exchange, secrets: &Secrets) {
    if let Outcome::Answered(response) = &mut exchange.outcome {
        response.headers.hide(secrets);
        response.body.prefix = secrets.blank(std::mem::take(&mut response.body.prefix));
    }
    exchange.request.url = secrets.blank(std::mem::take(&mut exchange.request.url));
}

fn exchange(entry: Entry, url: &str, status: u16) -> Exchange {
    let content = entry.response.content;
    let text = content.as_ref().and_then(|content| match content.encoding.as_deref() {
        None | Some("") => content.text.as_deref(),
        Some(_) => None, // base64: binary
    });
    let prefix = text.map(|text| redact::text(&shorten(text, PREFIX))).unwrap_or_default();
    let length = content.as_ref().and_then(|content| content.size).and_then(|size| u64::try_from(size).ok());
    let version = entry.response.http_version.unwrap_or_default().to_ascii_lowercase();
    let version = match version.as_str() {
        "h2" | "http/2" | "http/2.0" => "HTTP/2",
        "h3" | "http/3" | "http/3.0" => "HTTP/3",
        "http/1.0" => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    let positive = |value: Option<f64>| value.filter(|ms| *ms >= 0.0);
    let timings = entry.timings.as_ref();
    Exchange {
        request: Request {
            method: shorten(&entry.request.method, 20),
            url: redact::text(&clean(url)),
            headers: headers(entry.request.headers),
        },
        sent_at: entry.started_date_time.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok()),
        outcome: Outcome::Answered(Box::new(Response {
            status,
            version: version.into(),
            headers: headers(entry.response.headers),
            body: Body { length: length.unwrap_or(0), sha256: None, prefix, end: BodyEnd::Unknown },
        })),
        timing: Timing {
            connect_ms: timings.and_then(|t| positive(t.connect)),
            tls_ms: timings.and_then(|t| positive(t.ssl)),
            head_ms: timings.and_then(|t| positive(t.wait)),
            total_ms: positive(entry.time),
        },
        earlier: Vec::new(),
    }
}

/// HTTP/2 pseudo headers are the browser's way of writing the request line.
fn headers(list: Vec<NameValue>) -> Headers {
    // Browsers join the lines of a repeated header with a line feed.
    let lines = list.into_iter().filter(|line| !line.name.starts_with(':')).flat_map(|line| {
        let values: Vec<String> = line.value.split('\n').map(str::to_owned).collect();
        values.into_iter().map(move |value| (line.name.clone(), value))
    });
    lines.take(256).collect()
}

/// `{"log": …}`.
struct Root<'a>(&'a mut Sink);
/// `{"entries": […], …}`.
struct Log<'a>(&'a mut Sink);
/// `[entry, …]`.
struct Entries<'a>(&'a mut Sink);

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with log")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "log" {
                map.next_value_seed(Log(&mut *self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Log<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Log<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with entries")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "entries" {
                self.0.has_log = true;
                map.next_value_seed(Entries(&mut *self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        // Each entry is first taken as raw text, so that one of a wrong shape costs itself and no other.
        while let Some(entry) = list.next_element::<Box<serde_json::value::RawValue>>()? {
            self.0.take(&entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(url: &str, status: i64, extra: &str) -> String {
        format!(
            r#"{{"startedDateTime":"2026-11-23T10:00:00.000Z","time":12.5,{extra}"request":{{"method":"GET","url":"{url}","headers":[{{"name":":authority","value":"x"}},{{"name":"Cookie","value":"a=secret"}}]}},"response":{{"status":{status},"httpVersion":"h2","headers":[{{"name":"set-cookie","value":"a=secret\nb=secret"}}],"content":{{"size":5,"text":"hello"}}}},"timings":{{"connect":-1,"wait":3}}}}"#
        )
    }

    #[test]
    fn groups_by_url_and_skips_what_is_no_answer() {
        let text = format!(
            r#"{{"log":{{"version":"1.2","pages":[{{}}],"entries":[{},{},{},null,{}]}}}}"#,
            entry("https://a.example.com/x#f", 200, ""),
            entry("https://a.example.com/x", 200, ""),
            entry("https://a.example.com/y", 200, r#""_fromCache":"disk","#),
            entry("https://a.example.com/z", 0, ""),
        );
        let har = read(text.as_bytes()).unwrap();
        assert_eq!(har.groups.len(), 1);
        assert_eq!(har.groups[0].exchanges.len(), 2);
        assert_eq!(har.notes.len(), 3, "{:?}", har.notes);
        let first = &har.groups[0].exchanges[0];
        assert_eq!(first.response().unwrap().headers.all("set-cookie").count(), 2);
        assert!(!serde_json::to_string(first).unwrap().contains("secret"));
        assert_eq!(first.timing.connect_ms, None);
    }

    #[test]
    fn a_cut_file_keeps_what_is_whole() {
        let whole = format!(
            r#"{{"log":{{"entries":[{},{}]}}}}"#,
            entry("https://a.example.com/x", 200, ""),
            entry("https://b.example.com/", 200, "")
        );
        let har = read(&whole.as_bytes()[..whole.len() - 40]).unwrap();
        assert_eq!(har.groups.len(), 1);
        assert!(har.notes[0].contains("after 1 entries"), "{:?}", har.notes);
        assert!(read(&b"{\"log\":{\"entries\":["[..]).is_err());
        assert!(read(&b"{\"other\":1}"[..]).err().unwrap().contains("not a HAR"));
    }
}
