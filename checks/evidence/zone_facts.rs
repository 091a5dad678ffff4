//! Facts of the zone that several checks need, derived in one place.

use super::zone::{DnsMode, Record, Zone, ZoneKind, ZoneStatus};
use super::{Evidence, Proxied};
use crate::check::Probe;
use crate::verdict::{Fix, NotRun};

/// Why a zone proxies nothing (`facts/cloudflare.md` section 7 and gotchas 67, 74).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idle {
    /// `pending` or `initializing`: its name servers are not in use yet; until then its records are DNS-only.
    Pending,
    /// `moved`: the name servers are somebody else's again.
    Moved,
    /// Paused ("Pause Cloudflare on Site").
    Paused,
    /// DNS-only mode: the flag `proxied` has no effect.
    DnsOnly,
}

impl Zone {
    /// Why it proxies nothing; `None`: nothing known says so.
    pub fn idle(&self) -> Option<Idle> {
        let details = self.details.found();
        match details.and_then(|details| details.status.as_ref()) {
            Some(ZoneStatus::Pending | ZoneStatus::Initializing) => return Some(Idle::Pending),
            Some(ZoneStatus::Moved) => return Some(Idle::Moved),
            Some(ZoneStatus::Active | ZoneStatus::Other(_)) | None => {}
        }
        if details.and_then(|details| details.paused) == Some(true) {
            return Some(Idle::Paused);
        }
        let mode = self.dns_settings.found().and_then(|settings| settings.mode.as_ref());
        let dns_only = mode == Some(&DnsMode::DnsOnly) || details.and_then(|details| details.dns_only) == Some(true);
        dns_only.then_some(Idle::DnsOnly)
    }

    /// Is Cloudflare the authority for its names? Not in a partial (CNAME) or secondary set-up, or where that is not
    /// known; a zone that is not in use is none either.
    pub fn is_authority(&self) -> bool {
        let kind = self.details.found().and_then(|details| details.kind.as_ref());
        kind == Some(&ZoneKind::Full) && !matches!(self.idle(), Some(Idle::Pending | Idle::Moved))
    }

    /// Does the name lie in this zone? Unknown counts as yes: the data was given for the host.
    pub fn holds(&self, host: &str) -> bool {
        self.name().is_none_or(|zone| is_within(zone, host))
    }

    /// Is `host` proxied, by its records: one that is makes all of the name so, and a DNS-only CNAME to a proxied name
    /// of the same account is proxied too (`facts/cloudflare.md` section 7)? `None`: the records do not tell.
    pub fn proxies(&self, host: &str) -> Option<bool> {
        let records = self.records.found()?;
        let mut own = records.of(host);
        for _ in 0..MOST_HOPS {
            if own.is_empty() || own.iter().any(|record| record.proxied == Some(true)) {
                return (!own.is_empty()).then_some(true);
            }
            if own.iter().any(|record| record.proxied.is_none()) {
                return None;
            }
            let next = own.iter().find_map(|record| {
                let content = record.content.as_deref().filter(|_| record.kind.as_deref() == Some("CNAME"))?;
                self.name().is_some_and(|zone| is_within(zone, content)).then(|| records.of(content))
            });
            match next {
                Some(next) if !next.is_empty() => own = next,
                _ => return Some(false),
            }
        }
        None
    }
}

/// CNAMEs are followed this far inside the zone.
const MOST_HOPS: usize = 8;

fn is_within(zone: &str, host: &str) -> bool {
    host.strip_suffix(zone).is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

impl Evidence {
    /// The zone, where it is the host's.
    ///
    /// # Errors
    /// Nobody looked, or the data is another zone's.
    pub fn zone_of_host(&self) -> Result<&Zone, NotRun> {
        let zone = self.zone.get()?;
        if zone.holds(&self.target.host) {
            return Ok(zone);
        }
        let name = zone.name().unwrap_or_default();
        Err(NotRun::not_applicable(format!("{} does not lie in the zone {name}", self.target.host)))
    }

    /// The host's records in its zone, with names: what the zone says for sure.
    pub fn zone_records(&self) -> Vec<&Record> {
        let records = self.zone_of_host().ok().and_then(|zone| zone.records.found());
        records.map(|records| records.of(&self.target.host)).unwrap_or_default()
    }

    /// The zone's word on whether the host is proxied, as [`Zone::proxies`].
    pub fn zone_proxies(&self) -> Option<bool> {
        self.zone_of_host().ok()?.proxies(&self.target.host)
    }

    /// Is the host meant to pass through Cloudflare: neither seen nor said to be DNS-only?
    ///
    /// # Errors
    /// It is not: the question of the caller does not arise.
    pub fn meant_for_the_edge(&self) -> Result<(), NotRun> {
        let seen = matches!(self.proxied(), Proxied::No(_));
        if self.zone_proxies() == Some(false) || seen && self.zone_proxies().is_none() {
            return Err(NotRun::not_applicable(format!("{} is not proxied by Cloudflare", self.target.host)));
        }
        Ok(())
    }

    /// A part of the zone that the caller cannot do without was not among what is known.
    pub(crate) fn zone_lacks(what: &str) -> NotRun {
        NotRun::blocked(Probe::Zone, format!("what is known of the zone does not include {what}"))
    }

    /// The fix with the zone's and the record's own ids in the place of `$ZONE_ID` and `$RECORD_ID`, where they are known.
    pub(crate) fn with_ids(&self, mut fix: Fix) -> Fix {
        let Ok(zone) = self.zone_of_host() else { return fix };
        let plain = |id: &&str| !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric());
        let zone_id = zone.details.found().and_then(|details| details.id.as_deref()).filter(plain);
        let records = self.zone_records();
        let record_id = match records.as_slice() {
            [one] if one.name.as_deref() == Some(self.target.host.as_str()) => one.id.as_deref().filter(plain),
            _ => None,
        };
        if let Some(id) = record_id {
            fix.steps.iter_mut().for_each(|step| step.text = step.text.replace("$RECORD_ID", id));
        }
        match zone_id {
            Some(id) => fix.in_zone(id),
            None => fix,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::evidence::Gathered;

    fn with(document: Value) -> Evidence {
        let mut evidence =
            Evidence::nothing("https://a.example.com/".parse().unwrap(), time::OffsetDateTime::UNIX_EPOCH);
        evidence.zone = Gathered::Found(Zone::from_document(document).unwrap());
        evidence
    }

    #[test]
    fn proxied_by_records() {
        let of = |records: Value| with(json!({"zone": {"name": "example.com"}, "dns_records": records})).zone_proxies();
        let record = |name: &str, kind: &str, content: &str, proxied: Value| json!({"name": name, "type": kind, "content": content, "proxied": proxied});
        assert_eq!(of(json!([record("a.example.com", "A", "192.0.2.1", json!(true))])), Some(true));
        assert_eq!(of(json!([record("a.example.com", "A", "192.0.2.1", json!(false))])), Some(false));
        assert_eq!(of(json!([record("a.example.com", "A", "192.0.2.1", Value::Null)])), None);
        assert_eq!(of(json!([])), None);
        let alias = record("a.example.com", "CNAME", "b.example.com", json!(false));
        let through = |proxied: bool| json!([alias, record("b.example.com", "A", "192.0.2.1", json!(proxied))]);
        assert_eq!((of(through(true)), of(through(false))), (Some(true), Some(false)));
        let circle = record("b.example.com", "CNAME", "a.example.com", json!(false));
        assert_eq!(of(json!([alias, circle])), None, "no end");
    }

    #[test]
    fn another_zone_says_nothing() {
        let evidence = with(json!({"zone": {"name": "ample.com"}, "dns_records": []}));
        assert!(matches!(evidence.zone_of_host(), Err(NotRun::NotApplicable(_))));
        assert!(with(json!({"zone": {"name": "a.example.com"}})).zone_of_host().is_ok());
        assert!(with(json!({"settings": {}})).zone_of_host().is_ok());
    }

    #[test]
    fn why_nothing_is_proxied() {
        let of = |document: Value| with(document).zone.found().unwrap().idle();
        assert_eq!(of(json!({"zone": {"status": "active", "paused": false}})), None);
        assert_eq!(of(json!({"zone": {"status": "pending"}})), Some(Idle::Pending));
        assert_eq!(of(json!({"zone": {"status": "moved", "paused": true}})), Some(Idle::Moved));
        assert_eq!(of(json!({"zone": {"status": "active", "paused": true}})), Some(Idle::Paused));
        assert_eq!(of(json!({"zone": {"meta": {"dns_only": true}}})), Some(Idle::DnsOnly));
        assert_eq!(of(json!({"dns_settings": {"zone_mode": "dns_only"}})), Some(Idle::DnsOnly));
        assert_eq!(of(json!({"dns_settings": {"zone_mode": "cdn_only"}})), None);
    }

    #[test]
    fn ids_fill_placeholders_and_odd_ones_do_not() {
        let fix = || Fix::new("x").api("x", "zones/$ZONE_ID/dns_records/$RECORD_ID");
        let of = |zone: &str, record: &str| {
            let records = json!([{"id": record, "name": "a.example.com", "type": "A", "content": "192.0.2.1"}]);
            let evidence = with(json!({"zone": {"name": "example.com", "id": zone}, "dns_records": records}));
            evidence.with_ids(fix()).steps[0].text.clone()
        };
        assert_eq!(of("0a1b", "2c"), "zones/0a1b/dns_records/2c");
        assert_eq!(of("$(id)", "2c"), "zones/$ZONE_ID/dns_records/2c");
        assert_eq!(with(json!({"settings": {}})).with_ids(fix()), fix());
    }
}
