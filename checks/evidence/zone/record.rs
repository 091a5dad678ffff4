//! DNS records of the zone.

use serde_json::Value;

use super::read::{self, Reader};

/// CNAMEs are followed this far inside the zone.
const MOST_HOPS: usize = 8;

/// One DNS record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its id, for API calls.
    pub id: Option<String>,
    /// Its full name, lower case, without the final dot; `None`: the data does not say.
    pub name: Option<String>,
    /// `A`, `CNAME` …
    pub kind: Option<String>,
    /// What it points at; names in lower case without the final dot.
    pub content: Option<String>,
    /// Orange cloud; `None`: the data does not say.
    pub proxied: Option<bool>,
}

/// The zone's records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records(pub Vec<Record>);

impl Record {
    /// Does it lead somewhere: A, AAAA or CNAME?
    pub fn leads(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| ["A", "AAAA", "CNAME"].contains(&kind))
    }

    /// The address that it holds, if it holds one.
    pub fn address(&self) -> Option<std::net::IpAddr> {
        self.content.as_deref()?.parse().ok()
    }

    /// `lambda.example.com CNAME d-….amazonaws.com (proxied)`.
    pub fn describe(&self) -> String {
        let cloud = match self.proxied {
            Some(true) => " (proxied)",
            Some(false) => " (DNS only)",
            None => "",
        };
        let part = |part: &Option<String>, unknown: &str| part.clone().unwrap_or_else(|| unknown.into());
        format!("{} {} {}{cloud}", part(&self.name, "?"), part(&self.kind, "record"), part(&self.content, "?"))
    }
}

impl Records {
    /// The records that answer for `host`: its own, else those of the wildcard one label up (RFC 4592: the closest
    /// encloser's), else a lone record whose name the data does not tell.
    pub fn of(&self, host: &str) -> Vec<&Record> {
        let exact = self.named(host);
        if !exact.is_empty() {
            return exact;
        }
        if !self.0.iter().any(|record| record.name.as_deref().is_some_and(|name| is_below(name, host)))
            && let Some(wild) = self.wildcard(host)
        {
            return wild;
        }
        match self.0.as_slice() {
            [lone] if lone.name.is_none() => vec![lone],
            _ => Vec::new(),
        }
    }

    /// The leading records of exactly this name.
    fn named(&self, host: &str) -> Vec<&Record> {
        self.0.iter().filter(|record| record.leads() && record.name.as_deref() == Some(host)).collect()
    }

    /// The nearest wildcard; a name that exists on the way up ends the search (RFC 4592 §3.3.1).
    fn wildcard(&self, host: &str) -> Option<Vec<&Record>> {
        let mut rest = host;
        while let Some((_, parent)) = rest.split_once('.') {
            let found = self.named(&format!("*.{parent}"));
            if !found.is_empty() {
                return Some(found);
            }
            let exists = |name: &str| name == parent || is_below(name, parent);
            if self.0.iter().filter_map(|record| record.name.as_deref()).any(exists) {
                return None;
            }
            rest = parent;
        }
        None
    }

    /// What a record of `host` points at, CNAMEs to names of the same zone followed: the last record on that way.
    pub fn end_of(&self, host: &str) -> Option<&Record> {
        let mut last: Option<&Record> = None;
        let mut name = host.to_owned();
        for _ in 0..MOST_HOPS {
            let found = if last.is_none() { self.of(&name) } else { self.named_or_wild(&name) };
            let Some(record) = found.into_iter().find(|record| record.content.is_some()) else { break };
            last = Some(record);
            match (&record.content, record.kind.as_deref()) {
                (Some(content), Some("CNAME") | None) if *content != name => name.clone_from(content),
                _ => break,
            }
        }
        last
    }

    fn named_or_wild(&self, host: &str) -> Vec<&Record> {
        let exact = self.named(host);
        if exact.is_empty() { self.wildcard(host).unwrap_or_default() } else { exact }
    }
}

/// Is `name` below `parent`?
fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.') && rest != "*.")
}

pub(super) fn records(reader: &mut Reader<'_>, value: &Value) -> Option<Records> {
    reader
        .list("dns_records", value, |_, row| {
            row.as_object()?;
            let kind = read::text(row, "type").map(|kind| kind.to_ascii_uppercase());
            let is_name = kind.as_deref().is_none_or(|kind| kind != "CAA" && kind != "TXT");
            Some(Record {
                id: read::text(row, "id"),
                name: read::name(row, "name"),
                content: if is_name { read::name(row, "content") } else { read::text(row, "content") },
                kind,
                proxied: read::flag(row, "proxied"),
            })
        })
        .map(Records)
}
