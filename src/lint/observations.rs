//! What somebody saw elsewhere (`product.md` section 7, kind "observations"): rows of DNS and TLS, thin as reports are.

use std::net::IpAddr;

use cfdoctor_checks::evidence::dns::{CaaRecord, CaaSearch, CaaStep, Chain, Hop, Lookup, ZoneCut};
use cfdoctor_checks::evidence::redact;
use cfdoctor_checks::evidence::text::{clean, shorten};
use cfdoctor_checks::evidence::tls::{Certificate, ClientCertificate, Connect, Handshake, TlsOutcome};
use cfdoctor_checks::evidence::{Dns, Evidence, Gathered};
use cfdoctor_checks::{NotRun, Probe};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Rows that are kept of each list.
const MAX_ROWS: usize = 500;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Observations {
    dns: Vec<DnsRow>,
    tls: Vec<TlsRow>,
}

#[derive(Debug, Deserialize)]
struct DnsRow {
    name: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    rcode: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TlsRow {
    peer: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    sans: Option<Vec<String>>,
    #[serde(default)]
    not_after: Option<String>,
}

/// Reads the file; rows that are null or unusable are noted and skipped.
///
/// # Errors
/// It is not JSON, or not an object.
pub(super) fn parse(bytes: &[u8]) -> Result<(Observations, Vec<String>), String> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| format!("observations: not JSON: {}", redact::reason(&error)))?;
    let Value::Object(map) = value else { return Err("observations: an object with dns and tls is wanted".into()) };
    let mut notes = Vec::new();
    let mut found = Observations::default();
    rows(map.get("dns"), "dns", &mut found.dns, &mut notes);
    rows(map.get("tls"), "tls", &mut found.tls, &mut notes);
    found.tls.retain(|row| {
        let known = row.peer == "edge" || row.peer == "origin";
        if !known {
            notes.push("tls: a row whose peer is neither edge nor origin, skipped".into());
        }
        known
    });
    Ok((found, notes))
}

fn rows<T: serde::de::DeserializeOwned>(list: Option<&Value>, what: &str, into: &mut Vec<T>, notes: &mut Vec<String>) {
    let list = match list {
        Some(Value::Array(list)) => list.as_slice(),
        Some(single @ Value::Object(_)) => std::slice::from_ref(single),
        Some(Value::Null) | None => return,
        Some(_) => return notes.push(format!("{what}: not a list, skipped")),
    };
    for (index, row) in list.iter().take(MAX_ROWS).enumerate() {
        match serde_json::from_value(row.clone()) {
            Ok(row) => into.push(row),
            Err(error) => notes.push(format!("{what}[{index}]: skipped: {}", redact::reason(&error))),
        }
    }
}

impl Observations {
    /// Puts the rows over the evidence.
    pub(super) fn lay_over(&self, evidence: &mut Evidence) {
        if !self.dns.is_empty() {
            evidence.dns = Gathered::Found(self.dns(evidence));
        }
        for row in &self.tls {
            let (vantage, peer) = match row.peer.as_str() {
                "origin" => {
                    let declared = evidence.target.origin.as_ref().map(|origin| origin.host.clone());
                    (&mut evidence.origin, declared.unwrap_or_else(|| "the origin".into()))
                }
                _ => (&mut evidence.edge, evidence.target.host.clone()),
            };
            vantage.tls = Gathered::Found(row.handshake(peer, &evidence.target.host));
        }
    }

    fn dns(&self, evidence: &Evidence) -> Dns {
        let host = &evidence.target.host;
        let origin = evidence.target.origin.as_ref().map(|origin| origin.host.as_str());
        let seen = |name: &str| self.dns.iter().any(|row| same_name(&row.name, name));
        Dns {
            resolver: "as reported".into(),
            host: self.chain(host),
            host_unchecked: None,
            impossible: None,
            zone: self.zone(host),
            views: Vec::new(),
            caa: self.caa(host),
            validation: self.validation(host, origin),
            origin: match origin {
                Some(origin) if seen(origin) => Gathered::Found(self.chain(origin)),
                _ => Gathered::Missing(NotRun::inconclusive("no DNS of the origin was reported")),
            },
            host_ms: None,
            origin_ms: None,
        }
    }

    /// The records by which ACM proves a name: a CNAME whose owner's first label begins with `_`.
    fn validation(&self, host: &str, origin: Option<&str>) -> Vec<Chain> {
        let mut found: Vec<Chain> = Vec::new();
        for row in &self.dns {
            let name = normal(&row.name);
            let is_one = row.kind.eq_ignore_ascii_case("CNAME") && name.starts_with('_');
            if is_one && name != host && Some(name.as_str()) != origin && !found.iter().any(|chain| chain.name == name)
            {
                found.push(self.chain(&name));
            }
        }
        found
    }

    fn chain(&self, name: &str) -> Chain {
        let mut hops: Vec<Hop> = Vec::new();
        let mut at = name.to_owned();
        while let Some(row) =
            self.dns.iter().find(|row| row.kind.eq_ignore_ascii_case("CNAME") && same_name(&row.name, &at))
        {
            let Some(to) = row.data.as_deref().map(normal) else { break };
            if hops.len() > 16 || hops.iter().any(|hop| hop.from == to) {
                break;
            }
            hops.push(Hop { from: at, to: to.clone(), ttl: 0 });
            at = to;
        }
        Chain { name: name.to_owned(), ipv4: self.lookup(&at, "A"), ipv6: self.lookup(&at, "AAAA"), hops, fault: None }
    }

    fn lookup(&self, name: &str, kind: &str) -> Lookup {
        let own = |row: &&DnsRow| same_name(&row.name, name);
        let addresses: Vec<IpAddr> = self
            .dns
            .iter()
            .filter(own)
            .filter(|row| row.kind.eq_ignore_ascii_case(kind))
            .filter_map(|row| row.data.as_deref()?.trim().parse().ok())
            .take(64)
            .collect();
        if !addresses.is_empty() {
            return Lookup::Answer { addresses, ttl: 0, authenticated: false };
        }
        let rcode = self.dns.iter().filter(own).find_map(|row| row.rcode.as_deref());
        match rcode.map(str::to_ascii_uppercase).as_deref() {
            Some("NXDOMAIN") => Lookup::NxDomain,
            Some("NODATA") => Lookup::NoData,
            Some("SERVFAIL") => Lookup::ServFail { extended: None },
            Some("REFUSED") => Lookup::Refused,
            Some("TIMEOUT") => Lookup::TimedOut,
            Some(other) => Lookup::Unreachable { why: shorten(other, 40) },
            None => Lookup::NotAsked { why: "not reported".into() },
        }
    }

    fn zone(&self, host: &str) -> Gathered<ZoneCut> {
        let above = |row: &&DnsRow| {
            let name = normal(&row.name);
            row.kind.eq_ignore_ascii_case("NS") && (host == name || host.ends_with(&format!(".{name}")))
        };
        let Some(apex) = self.dns.iter().filter(above).map(|row| normal(&row.name)).max_by_key(String::len) else {
            return Gathered::Missing(NotRun::inconclusive("no NS record was reported"));
        };
        let mut name_servers: Vec<String> = self
            .dns
            .iter()
            .filter(|row| row.kind.eq_ignore_ascii_case("NS") && same_name(&row.name, &apex))
            .filter_map(|row| row.data.as_deref().map(normal))
            .collect();
        name_servers.sort();
        Gathered::Found(ZoneCut { apex, name_servers, signed: None })
    }

    /// The name whose search the rows tell: the host, unless all of them are about another name. Then it is the deepest
    /// of these; what is judged by it is a certificate of that name, never the host.
    fn caa_about(&self, host: &str, rows: &[&DnsRow]) -> String {
        let chain = self.chain(host);
        let touches = |owner: &str| host == owner || host.ends_with(&format!(".{owner}"));
        let told = |name: &String| touches(name) || chain.hops.iter().any(|hop| hop.to == *name);
        let owners: Vec<String> = rows.iter().map(|row| normal(&row.name)).collect();
        if owners.iter().any(told) {
            return host.to_owned();
        }
        // A set that is owned by an alias's target is that of the alias.
        let alias = |owner: &String| {
            let row = self.dns.iter().find(|row| row.data.as_deref().is_some_and(|to| normal(to) == *owner));
            row.filter(|row| row.kind.eq_ignore_ascii_case("CNAME")).map(|row| normal(&row.name))
        };
        let names = owners.iter().map(|owner| alias(owner).unwrap_or_else(|| owner.clone()));
        names.max_by_key(|name| name.split('.').count()).unwrap_or_else(|| host.to_owned())
    }

    fn caa(&self, host: &str) -> Gathered<CaaSearch> {
        let rows: Vec<&DnsRow> = self.dns.iter().filter(|row| row.kind.eq_ignore_ascii_case("CAA")).collect();
        if rows.is_empty() {
            return Gathered::Missing(NotRun::inconclusive("no CAA record was reported"));
        }
        // The name and what it is an alias of, then upwards (RFC 8659 §3).
        let own = |name: &str| {
            let aliases = self.chain(name).hops.into_iter().map(|hop| hop.to);
            std::iter::once(name.to_owned()).chain(aliases).find(|n| rows.iter().any(|r| same_name(&r.name, n)))
        };
        let mut steps = Vec::new();
        let mut name = self.caa_about(host, &rows);
        loop {
            let owner = own(&name);
            let records = owner.iter().flat_map(|owner| {
                rows.iter().filter(|row| same_name(&row.name, owner)).filter_map(|row| caa_record(row.data.as_deref()?))
            });
            let records: Vec<CaaRecord> = records.collect();
            // Asked at an alias, a resolver answers under the alias's own name.
            let through = match owner {
                Some(owner) if owner != name => Some(owner),
                Some(_) => self.chain(&name).hops.pop().map(|hop| hop.to),
                None => None,
            };
            steps.push(CaaStep { name: name.clone(), through, records, failed: None });
            match name.split_once('.') {
                Some((_, parent)) if parent.contains('.') => name = parent.to_owned(),
                _ => break,
            }
        }
        Gathered::Found(CaaSearch { steps })
    }
}

impl TlsRow {
    fn handshake(&self, peer: String, host: &str) -> Handshake {
        let filled = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(clean);
        let error = filled(&self.error);
        let issuer = filled(&self.issuer);
        let names: Vec<String> = self.sans.iter().flatten().map(|name| normal(name)).take(500).collect();
        let not_after = self.not_after.as_deref().and_then(date);
        let reported = issuer.is_some() || !names.is_empty() || not_after.is_some();
        let certificate =
            Certificate { issuer: issuer.unwrap_or_default(), names, not_after, ..Certificate::default() };
        Handshake {
            peer,
            address: None,
            server_name: Some(host.to_owned()),
            connect: Connect::Reported,
            outcome: TlsOutcome::Reported { error },
            session: None,
            chain: if reported { vec![certificate] } else { Vec::new() },
            ocsp_stapled: false,
            client_certificate: ClientCertificate::NotAsked,
            legacy: Gathered::Missing(NotRun::Disabled(Probe::EdgeTls)),
            connect_ms: None,
            tls_ms: None,
            earlier: Vec::new(),
        }
    }
}

/// `0 issue "amazon.com"`, with or without quotes and flags.
fn caa_record(data: &str) -> Option<CaaRecord> {
    let mut words = data.split_whitespace();
    let first = words.next()?;
    let (flags, tag) = match first.parse::<u8>() {
        Ok(flags) => (flags, words.next()?),
        Err(_) => (0, first),
    };
    let value = words.collect::<Vec<_>>().join(" ");
    Some(CaaRecord {
        critical: flags & 128 != 0,
        tag: clean(tag).to_ascii_lowercase(),
        value: clean(value.trim_matches('"')),
    })
}

/// RFC 3339, a bare day, or openssl's `Nov 23 12:00:00 2026 GMT`.
fn date(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(time);
    }
    let day = time::macros::format_description!("[year]-[month]-[day]");
    if let Ok(day) = time::Date::parse(text.get(..10)?, &day) {
        return Some(day.midnight().assume_utc());
    }
    let openssl =
        time::macros::format_description!("[month repr:short] [day padding:space] [hour]:[minute]:[second] [year] GMT");
    time::PrimitiveDateTime::parse(text, &openssl).ok().map(time::PrimitiveDateTime::assume_utc)
}

fn normal(name: &str) -> String {
    clean(name.trim().trim_end_matches('.')).to_ascii_lowercase()
}

fn same_name(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

#[cfg(test)]
#[path = "observations_tests.rs"]
mod tests;
