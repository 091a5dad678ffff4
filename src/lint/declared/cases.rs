//! The targets of what is declared: every proxied record and every custom domain, unless one is named.

use cfdoctor_checks::evidence::target::DeclaredOrigin;
use cfdoctor_checks::evidence::{Gateway, Gathered, Target, Zone};
use serde_json::{Value, json};

use super::account::List;
use super::{Declared, DeclaredZone, is_stand_in};

/// Most targets that are made out of files: who has more names them.
const MOST: usize = 1_000;

impl Declared {
    /// The zone that holds `host`: by its name, else by its records, else the only one.
    pub fn zone_of(&self, host: &str) -> Option<&DeclaredZone> {
        let named = |zone: &&DeclaredZone| zone.name.as_deref().is_some_and(|name| is_in(host, name));
        let longest = self.zones.iter().filter(named).max_by_key(|zone| zone.name.as_ref().map_or(0, String::len));
        let has_record = |zone: &&DeclaredZone| {
            let rows = zone.document.get("dns_records").and_then(Value::as_array);
            rows.into_iter().flatten().any(|row| row.get("name").and_then(Value::as_str) == Some(host))
        };
        let only = || match self.zones.as_slice() {
            [only] if only.name.is_none() => Some(only),
            _ => None,
        };
        longest.or_else(|| self.zones.iter().find(has_record)).or_else(only)
    }

    /// The hosts to examine, each once, in the order of declaration: proxied records, then custom domains.
    pub fn hosts(&self, notes: &mut Vec<String>) -> Vec<String> {
        let mut hosts: Vec<String> = Vec::new();
        let mut known = std::collections::HashSet::new();
        let mut add = |host: String| {
            if known.insert(host.clone()) {
                hosts.push(host);
            }
        };
        let mut wild: Vec<String> = Vec::new();
        for zone in &self.zones {
            let rows = zone.document.get("dns_records").and_then(Value::as_array);
            for row in rows.into_iter().flatten() {
                let text = |key: &str| row.get(key).and_then(Value::as_str);
                let leads = matches!(text("type"), Some("A" | "AAAA" | "CNAME"));
                match text("name") {
                    Some(name) if leads && row.get("proxied") == Some(&json!(true)) => match name.starts_with("*.") {
                        true => wild.push(name.to_owned()),
                        false => add(name.to_owned()),
                    },
                    _ => {}
                }
            }
        }
        for domain in self.account.items(List::Domains).filter(|domain| domain.is_whole) {
            match domain.id.starts_with("*.") {
                true => wild.push(domain.id.clone()),
                false => add(domain.id.clone()),
            }
        }
        if !wild.is_empty() && hosts.is_empty() {
            notes.push(format!("{} stand for many names; give one with --url", wild.join(", ")));
        }
        hosts.retain(|host| !is_stand_in(host));
        if hosts.len() > MOST {
            notes.push(format!(
                "{} hosts are declared; the first {MOST} are examined, name others with --url",
                hosts.len()
            ));
            hosts.truncate(MOST);
        }
        hosts
    }

    /// The zone of `host` as it will be.
    pub fn zone_over(&self, host: &str, today: Option<&Zone>) -> Option<Zone> {
        let today_document = today.map(Zone::document);
        let Some(declared) = self.zone_of(host) else { return today.cloned() };
        let mut document = declared.over(today_document);
        if let (Some(name), Some(document)) = (&declared.name, document.as_object_mut()) {
            let details = document.entry("zone").or_insert_with(|| json!({}));
            if details.get("name").is_none() {
                details["name"] = name.clone().into();
            }
        }
        if let (Some(pulls), Some(document)) = (declared.host_pulls.get(host), document.as_object_mut()) {
            document.insert("origin_tls_client_auth_hostname".into(), json!({"hostname": host, "enabled": pulls}));
        }
        match Zone::from_document(document) {
            Ok(zone) => Some(zone),
            Err(_) => today.cloned(),
        }
    }

    /// The account as it will be.
    pub fn account_over(&self, today: Option<&Gateway>) -> Option<Gateway> {
        if self.account.is_empty() {
            return today.cloned();
        }
        Some(Gateway::from_document(self.account.over(today.map(Gateway::document))))
    }

    /// Targets that can share one evidence: those of one zone.
    pub fn groups(&self, hosts: Vec<String>) -> Vec<(Option<String>, Vec<String>)> {
        let mut groups: Vec<(Option<String>, Vec<String>)> = Vec::new();
        for host in hosts {
            let zone = self.zone_of(&host);
            // A host with a setting of its own is alone.
            let alone = zone.is_some_and(|zone| zone.host_pulls.contains_key(&host));
            let key = zone.map(|zone| if alone { format!("{} {host}", zone.key) } else { zone.key.clone() });
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, hosts)) => hosts.push(host),
                None => groups.push((key, vec![host])),
            }
        }
        groups
    }
}

/// Is `host` the zone's apex, or below it?
fn is_in(host: &str, zone: &str) -> bool {
    host.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What the zone's record of the target's host points at, where nobody named another.
pub fn origin_of(zone: &Gathered<Zone>, target: &Target) -> Option<DeclaredOrigin> {
    let records = zone.found()?.records.found()?;
    DeclaredOrigin::of_record(records, &target.host)
}
