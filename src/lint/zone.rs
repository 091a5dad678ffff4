//! A zone file, as far as this version reads it: what the proxied record of the host points at, which public DNS
//! hides. It is what `--origin` would say.

use cfdoctor_checks::evidence::target::DeclaredOrigin;
use serde_json::Value;

/// CNAMEs are followed this far inside the zone.
const MOST_HOPS: usize = 8;

/// The records of a zone file that lead somewhere.
#[derive(Debug, Default)]
pub(super) struct Records(Vec<Record>);

#[derive(Debug)]
struct Record {
    /// `None`: the file does not say; then it is about the URL's host.
    name: Option<String>,
    content: DeclaredOrigin,
}

impl Records {
    /// Reads `dns_records`, and a raw API response with records in `result`.
    pub(super) fn read(zone: &Value) -> Records {
        let lists = [zone.get("dns_records"), zone.get("result")];
        let rows = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
        Records(rows.filter_map(record).collect())
    }

    /// What the record of this host points at: CNAMEs to names of the same zone are followed, the wildcard counts.
    pub(super) fn origin_of(&self, host: &str) -> Option<DeclaredOrigin> {
        let mut found: Option<&DeclaredOrigin> = None;
        for _ in 0..MOST_HOPS {
            let name = found.map_or(host, |origin| origin.host.as_str());
            match self.record_of(name, found.is_none()) {
                Some(record) => found = Some(&record.content),
                None => break,
            }
        }
        found.cloned()
    }

    fn record_of(&self, host: &str, is_asked: bool) -> Option<&Record> {
        let exact = self.0.iter().find(|record| record.name.as_deref() == Some(host));
        let wildcard = || {
            let parent = host.split_once('.')?.1;
            self.0.iter().find(|record| record.name.as_deref().and_then(|name| name.strip_prefix("*.")) == Some(parent))
        };
        let nameless = || self.0.iter().find(|record| record.name.is_none()).filter(|_| is_asked && self.0.len() == 1);
        exact.or_else(wildcard).or_else(nameless)
    }
}

fn record(row: &Value) -> Option<Record> {
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    if !["A", "AAAA", "CNAME"].contains(&text("type")?) {
        return None;
    }
    let name = text("name").map(|name| name.trim_end_matches('.').to_ascii_lowercase());
    Some(Record { name, content: DeclaredOrigin::pasted(text("content")?).ok()? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn origin(zone: &Value, host: &str) -> Option<String> {
        Records::read(zone).origin_of(host).map(|origin| origin.host)
    }

    #[test]
    fn the_record_of_the_host() {
        let zone = json!({"dns_records": [
            null,
            {"type": "TXT", "name": "a.example.com", "content": "x"},
            {"type": "CNAME", "name": "a.example.com", "content": "b.example.com.", "proxied": true},
            {"type": "CNAME", "name": "B.example.com", "content": "d-abc.execute-api.us-west-2.amazonaws.com"},
            {"type": "A", "name": "*.example.com", "content": "192.0.2.1"},
            {"type": "CNAME", "name": "loop.example.com", "content": "loop.example.com"},
        ]});
        assert_eq!(origin(&zone, "a.example.com").as_deref(), Some("d-abc.execute-api.us-west-2.amazonaws.com"));
        assert_eq!(origin(&zone, "c.example.com").as_deref(), Some("192.0.2.1"));
        assert_eq!(origin(&zone, "example.org"), None);
        assert_eq!(origin(&zone, "loop.example.com").as_deref(), Some("loop.example.com"));
    }

    #[test]
    fn a_lone_record_without_a_name_is_about_the_url() {
        let lone = json!({"result": [{"type": "A", "content": "192.0.2.1"}], "success": true});
        assert_eq!(origin(&lone, "a.example.com").as_deref(), Some("192.0.2.1"));
        let two =
            json!({"dns_records": [{"type": "A", "content": "192.0.2.1"}, {"type": "A", "content": "192.0.2.2"}]});
        assert_eq!(origin(&two, "a.example.com"), None);
        assert_eq!(origin(&json!({"dns_records": 7, "result": null}), "a.example.com"), None);
    }
}
