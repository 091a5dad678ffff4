//! A Cloudflare zone as its API tells of it: settings, records, rules, certificates (`facts/cloudflare.md` section 8).
//!
//! It is read from one JSON object in Cloudflare's own shapes, whoever made that: the probe, `--zone-json`, `lint`, a
//! recording. So the same zone gives the same report, whichever way it came.

mod cache_settings;
mod certificate;
mod details;
pub mod hide;
mod page_rule;
mod read;
mod record;
mod rule;
mod settings;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Gathered;
use super::text::shorten;
use read::Reader;

pub use cache_settings::{CacheKey, CacheSettings, QueryKey};
pub use certificate::{
    CertificatePack, CustomHostname, HostTls, OriginPulls, PackStatus, TotalTls, TrustedAuthority, Verification,
};
pub use details::{CloudRegion, Details, DnsMode, DnsSettings, ZoneKind, ZoneStatus};
pub use page_rule::{Forwarding, PageRule, PageRuleActions};
pub use record::{Record, Records};
pub use rule::{
    Action, ConfigSettings, DirectiveChange, HeaderChange, Phase, Redirect, ResponseSettings, Rewrite, Route, Rule,
    Rulesets, Text,
};
pub use settings::Settings;
pub use worker::{Connector, Snippet, WorkerDomain, WorkerRoute};

/// What is known of a zone; each part may be missing for itself.
#[derive(Clone, Debug)]
pub struct Zone {
    document: Arc<Value>,
    /// The zone itself.
    pub details: Gathered<Details>,
    /// Its DNS settings.
    pub dns_settings: Gathered<DnsSettings>,
    /// Its DNS records.
    pub records: Gathered<Records>,
    /// Its settings.
    pub settings: Settings,
    /// Page Rules, highest priority first, disabled ones too.
    pub page_rules: Gathered<Vec<PageRule>>,
    /// Modern rules by phase.
    pub rules: Rulesets,
    /// Worker routes.
    pub worker_routes: Gathered<Vec<WorkerRoute>>,
    /// Worker custom domains.
    pub worker_domains: Gathered<Vec<WorkerDomain>>,
    /// Snippet rules.
    pub snippets: Gathered<Vec<Snippet>>,
    /// Cloud Connector rules.
    pub connectors: Gathered<Vec<Connector>>,
    /// Certificate packs of the edge.
    pub packs: Gathered<Vec<CertificatePack>>,
    /// Validation of the edge's certificates.
    pub verification: Gathered<Vec<Verification>>,
    /// Is Universal SSL on?
    pub universal: Gathered<bool>,
    /// Total TLS.
    pub total_tls: Gathered<TotalTls>,
    /// The custom origin trust store; any active entry replaces the public authorities (section 4.2).
    pub trust_store: Gathered<Vec<TrustedAuthority>>,
    /// Authenticated Origin Pulls beside the global setting.
    pub origin_pulls: OriginPulls,
    /// Minimum TLS versions for single hosts.
    pub host_minimum_tls: Gathered<Vec<HostTls>>,
    /// Region hints of Smart Tiered Cache.
    pub cloud_regions: Gathered<Vec<CloudRegion>>,
    /// Custom hostnames (Cloudflare for SaaS).
    pub custom_hostnames: Gathered<Vec<CustomHostname>>,
    /// Shapes that this version does not know, with their place.
    pub oddities: Vec<String>,
}

/// Why a document is no zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAZone {
    /// Not a JSON object.
    #[error("a zone is a JSON object; this is {0}")]
    NotAnObject(&'static str),
    /// No key of a zone.
    #[error(
        "no part of a zone is in it; its keys are {0}. Expected are zone, dns_records, settings, page_rules, rulesets …"
    )]
    NoKnownKey(String),
    /// An answer of the API that tells of a failure.
    #[error("this is an API answer that failed: {0}")]
    FailedAnswer(String),
    /// An API answer whose result has no shape that we know.
    #[error(
        "this is an API answer, but what is in its result cannot be told: put it under its key, for instance {{\"dns_records\": …}}"
    )]
    UnknownResult,
}

/// The keys of a zone document.
pub const KEYS: &[&str] = &[
    "zone",
    "dns_settings",
    "dns_records",
    "settings",
    "page_rules",
    "rulesets",
    "worker_routes",
    "worker_domains",
    "snippets",
    "cloud_connector",
    "certificate_packs",
    "ssl_verification",
    "universal_ssl",
    "total_tls",
    "custom_trust_store",
    "origin_tls_client_auth_settings",
    "origin_tls_client_auth",
    "origin_tls_client_auth_hostname",
    "hostname_settings",
    "cloud_regions",
    "custom_hostnames",
    "not_read",
];

impl Zone {
    /// Reads a document: an object with some of [`KEYS`], or one raw API answer `{result: …}`.
    ///
    /// # Errors
    /// It is not a zone; what is odd inside a zone is kept in [`Zone::oddities`] instead.
    pub fn from_document(document: Value) -> Result<Zone, NotAZone> {
        let document = match document {
            Value::Object(map) if map.contains_key("success") || map.contains_key("result") => raw_answer(map)?,
            Value::Object(map) => map,
            other => return Err(NotAZone::NotAnObject(kind_of(&other))),
        };
        if !KEYS.iter().any(|key| document.contains_key(*key)) {
            let keys: Vec<&str> = document.keys().take(6).map(String::as_str).collect();
            return Err(NotAZone::NoKnownKey(shorten(&format!("{keys:?}"), 120)));
        }
        Ok(Zone::read(hide::document(document)))
    }

    /// A zone of which nothing is known: the base of tests.
    pub fn unknown() -> Zone {
        Zone::read(Map::new())
    }

    fn read(document: Map<String, Value>) -> Zone {
        let mut reader = Reader::new(&document);
        let on = |_: &mut Reader<'_>, value: &Value| read::flag(value, "enabled").or_else(|| read::on(value));
        let mut zone = Zone {
            document: Arc::new(Value::Null),
            details: reader.part("zone", details::details),
            dns_settings: reader.part("dns_settings", details::dns_settings),
            records: reader.part("dns_records", record::records),
            settings: Settings::read(&mut reader),
            page_rules: reader.part("page_rules", page_rule::page_rules),
            rules: Rulesets::read(&mut reader),
            worker_routes: reader.part("worker_routes", |r, v| r.list("worker_routes", v, worker::route)),
            worker_domains: reader.part("worker_domains", |r, v| r.list("worker_domains", v, worker::domain)),
            snippets: reader.part("snippets", |r, v| r.list("snippets", v, worker::snippet)),
            connectors: reader.part("cloud_connector", |r, v| r.list("cloud_connector", v, worker::connector)),
            packs: reader.part("certificate_packs", |r, v| r.list("certificate_packs", v, certificate::pack)),
            verification: reader
                .part("ssl_verification", |r, v| r.list("ssl_verification", v, certificate::verification)),
            universal: reader.part("universal_ssl", on),
            total_tls: reader.part("total_tls", certificate::total_tls),
            trust_store: reader
                .part("custom_trust_store", |r, v| r.list("custom_trust_store", v, certificate::trusted)),
            origin_pulls: OriginPulls::read(&mut reader),
            host_minimum_tls: reader.inner("hostname_settings", "min_tls_version", |r, v| {
                r.list("hostname_settings.min_tls_version", v, certificate::host_tls)
            }),
            cloud_regions: reader.part("cloud_regions", |r, v| r.list("cloud_regions", v, details::cloud_region)),
            custom_hostnames: reader
                .part("custom_hostnames", |r, v| r.list("custom_hostnames", v, certificate::custom_hostname)),
            oddities: Vec::new(),
        };
        zone.oddities = reader.oddities;
        zone.document = Arc::new(Value::Object(document));
        zone
    }

    /// The document that it was read from.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// What is missing of the list under this key, in the words of whoever read it; `None`: it is whole.
    pub fn missing_of(&self, key: &str) -> Option<&str> {
        let notes = self.document.get("notes")?.as_array()?;
        notes.iter().filter_map(Value::as_str).find_map(|note| note.strip_prefix(key)?.strip_prefix(": "))
    }

    /// The zone's name, if known.
    pub fn name(&self) -> Option<&str> {
        self.details.found()?.name.as_deref()
    }

    /// The zone's id for API calls, else the placeholder `$ZONE_ID`.
    pub fn id_or_placeholder(&self) -> &str {
        self.details.found().and_then(|details| details.id.as_deref()).unwrap_or("$ZONE_ID")
    }

    /// The same zone with what another document knows laid over it, key by key.
    ///
    /// # Errors
    /// The other document is not a zone.
    pub fn merged(self, other: Value) -> Result<Zone, NotAZone> {
        Ok(self.laid_under(&Zone::from_document(other)?))
    }

    /// The same zone with what `upper` knows laid over it, key by key.
    #[must_use]
    pub fn laid_under(self, upper: &Zone) -> Zone {
        let (Value::Object(mut all), Value::Object(new)) =
            (Arc::unwrap_or_clone(self.document), upper.document().clone())
        else {
            return Zone::unknown();
        };
        for (key, value) in new {
            match (all.get_mut(&key), value) {
                (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
                (_, value) => {
                    all.insert(key, value);
                }
            }
        }
        Zone::read(all)
    }
}

/// The same document is the same zone.
impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.document, &other.document) || self.document == other.document
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Zone::from_document(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What a raw answer of one endpoint holds, under the key where it belongs.
fn raw_answer(mut answer: Map<String, Value>) -> Result<Map<String, Value>, NotAZone> {
    if answer.get("success").and_then(Value::as_bool) == Some(false) {
        let errors = answer.get("errors").map(ToString::to_string).unwrap_or_default();
        return Err(NotAZone::FailedAnswer(shorten(&super::redact::text(&errors), 200)));
    }
    let result = answer.remove("result").unwrap_or(Value::Null);
    let mut document = Map::new();
    let (key, value) = placed(result).ok_or(NotAZone::UnknownResult)?;
    document.insert(key.to_owned(), value);
    Ok(document)
}

/// Where a result of the API belongs, by its shape.
fn placed(result: Value) -> Option<(&'static str, Value)> {
    let one = result.as_array().and_then(|rows| rows.iter().find(|row| row.is_object())).unwrap_or(&result).clone();
    let has = |keys: &[&str]| keys.iter().all(|key| one.get(*key).is_some());
    let is_list = result.is_array();
    if has(&["type", "content"]) {
        return Some(("dns_records", listed(result)));
    }
    if has(&["targets", "actions"]) {
        return Some(("page_rules", listed(result)));
    }
    if has(&["phase"]) && !is_list {
        let phase = result.get("phase")?.as_str()?.to_owned();
        let rules = result.get("rules").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
        return Some(("rulesets", serde_json::json!({ phase: rules })));
    }
    if has(&["name_servers"]) || has(&["name", "status", "plan"]) {
        return Some(("zone", one));
    }
    if has(&["pattern"]) {
        return Some(("worker_routes", listed(result)));
    }
    if has(&["hostname", "service"]) {
        return Some(("worker_domains", listed(result)));
    }
    if has(&["snippet_name", "expression"]) {
        return Some(("snippets", listed(result)));
    }
    if has(&["hosts", "certificate_authority"]) || has(&["hosts", "certificates"]) {
        return Some(("certificate_packs", listed(result)));
    }
    if has(&["certificate_status"]) {
        return Some(("ssl_verification", listed(result)));
    }
    if has(&["id", "value"]) {
        let rows = if is_list { result.as_array().cloned().unwrap_or_default() } else { vec![one] };
        let settings =
            rows.iter().filter_map(|row| Some((row.get("id")?.as_str()?.to_owned(), row.get("value")?.clone())));
        return Some(("settings", Value::Object(settings.collect())));
    }
    None
}

fn listed(value: Value) -> Value {
    if value.is_array() { value } else { Value::Array(vec![value]) }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
