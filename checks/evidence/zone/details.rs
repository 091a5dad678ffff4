//! The zone itself and its DNS settings.

use serde_json::Value;

use super::read::{self, Reader};
use crate::model::cache::Plan;

/// `GET /zones/{id}`, as far as a check needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Its id, for API calls.
    pub id: Option<String>,
    /// Its name: the apex, lower case.
    pub name: Option<String>,
    /// Its status.
    pub status: Option<ZoneStatus>,
    /// Is it paused ("Pause Cloudflare on Site")?
    pub paused: Option<bool>,
    /// How it is set up.
    pub kind: Option<ZoneKind>,
    /// Seconds that Development Mode still runs; not positive: off.
    pub development_mode: Option<i64>,
    /// The name servers that Cloudflare assigned, lower case.
    pub name_servers: Vec<String>,
    /// The plan.
    pub plan: Option<Plan>,
    /// The plan in Cloudflare's own words, where it is none of the four.
    pub plan_name: Option<String>,
    /// `meta.dns_only`: nothing is proxied.
    pub dns_only: Option<bool>,
    /// `meta.phishing_detected`.
    pub phishing_detected: Option<bool>,
    /// What a partial zone's names end in.
    pub cname_suffix: Option<String>,
}

/// `status` of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneStatus {
    /// Being set up.
    Initializing,
    /// Its name servers are not Cloudflare's yet.
    Pending,
    /// In use.
    Active,
    /// Its name servers are somebody else's again.
    Moved,
    /// Any other word.
    Other(String),
}

/// `type` of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneKind {
    /// Cloudflare is the DNS provider.
    Full,
    /// CNAME set-up: another DNS provider is.
    Partial,
    /// Cloudflare is a secondary.
    Secondary,
    /// Any other word.
    Other(String),
}

/// `GET /zones/{id}/dns_settings`, as far as a check needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsSettings {
    /// What the zone's records do.
    pub mode: Option<DnsMode>,
    /// May other providers' name servers stand beside Cloudflare's?
    pub multi_provider: Option<bool>,
    /// Custom or advanced name servers: then the assigned pair is not what the registrar must name.
    pub own_name_servers: bool,
}

/// `zone_mode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsMode {
    /// Proxied and DNS-only records.
    Standard,
    /// Nothing is proxied.
    DnsOnly,
    /// Nothing but proxying.
    CdnOnly,
    /// Any other word.
    Other(String),
}

/// A hint where an origin's cloud region is, for Smart Tiered Cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudRegion {
    /// The origin's address.
    pub origin_ip: Option<String>,
    /// `aws`, `azure`, `gcp`, `oci`.
    pub vendor: Option<String>,
    /// The region.
    pub region: Option<String>,
}

pub(super) fn details(reader: &mut Reader<'_>, value: &Value) -> Option<Details> {
    value.as_object()?;
    let plan_word = value.get("plan").and_then(|plan| {
        plan.as_str().map(str::to_owned).or_else(|| read::text(plan, "legacy_id")).or_else(|| read::text(plan, "name"))
    });
    let plan = plan_word.as_deref().and_then(plan_of);
    let meta = value.get("meta");
    let development_mode = value.get("development_mode");
    if let (None, Some(word)) = (plan, &plan_word) {
        reader.odd("zone.plan", &Value::String(word.clone()));
    }
    Some(Details {
        id: read::text(value, "id"),
        name: read::name(value, "name"),
        status: read::text(value, "status").map(status),
        paused: read::flag(value, "paused"),
        kind: read::text(value, "type").map(kind),
        development_mode: development_mode
            .and_then(|mode| read::number(mode).or_else(|| read::on(mode).map(|on| if on { 1 } else { 0 }))),
        name_servers: value
            .get("name_servers")
            .map(|servers| read::texts(servers).iter().map(|s| s.trim_end_matches('.').to_ascii_lowercase()).collect())
            .unwrap_or_default(),
        plan_name: plan_word.filter(|_| plan.is_none()),
        plan,
        dns_only: meta.and_then(|meta| read::flag(meta, "dns_only")),
        phishing_detected: meta.and_then(|meta| read::flag(meta, "phishing_detected")),
        cname_suffix: read::name(value, "cname_suffix"),
    })
}

fn plan_of(word: &str) -> Option<Plan> {
    let word = word.to_ascii_lowercase();
    [("enterprise", Plan::Enterprise), ("business", Plan::Business), ("pro", Plan::Pro), ("free", Plan::Free)]
        .into_iter()
        .find(|(name, _)| word == *name || word.split([' ', '_']).any(|part| part == *name))
        .map(|(_, plan)| plan)
}

fn status(word: String) -> ZoneStatus {
    match word.as_str() {
        "initializing" => ZoneStatus::Initializing,
        "pending" => ZoneStatus::Pending,
        "active" => ZoneStatus::Active,
        "moved" => ZoneStatus::Moved,
        _ => ZoneStatus::Other(word),
    }
}

fn kind(word: String) -> ZoneKind {
    match word.as_str() {
        "full" => ZoneKind::Full,
        "partial" => ZoneKind::Partial,
        "secondary" => ZoneKind::Secondary,
        _ => ZoneKind::Other(word),
    }
}

pub(super) fn dns_settings(_: &mut Reader<'_>, value: &Value) -> Option<DnsSettings> {
    value.as_object()?;
    let servers = value.get("nameservers").and_then(|servers| read::text(servers, "type"));
    Some(DnsSettings {
        mode: read::text(value, "zone_mode").map(|word| match word.as_str() {
            "standard" => DnsMode::Standard,
            "dns_only" => DnsMode::DnsOnly,
            "cdn_only" => DnsMode::CdnOnly,
            _ => DnsMode::Other(word),
        }),
        multi_provider: read::flag(value, "multi_provider"),
        own_name_servers: read::flag(value, "foundation_dns") == Some(true)
            || servers.is_some_and(|kind| kind.starts_with("custom")),
    })
}

pub(super) fn cloud_region(_: &mut Reader<'_>, value: &Value) -> Option<CloudRegion> {
    value.as_object()?;
    Some(CloudRegion {
        origin_ip: read::text(value, "origin_ip"),
        vendor: read::text(value, "vendor"),
        region: read::text(value, "region"),
    })
}
