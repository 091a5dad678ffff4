//! Certificates and TLS at the edge, and what the edge trusts and shows at the origin.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::read::{self, Reader};
use crate::evidence::Gathered;

/// A certificate pack of the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePack {
    /// Its id, for API calls.
    pub id: Option<String>,
    /// `universal`, `advanced`, `total_tls`, `mh_custom` …
    pub kind: Option<String>,
    /// The names it covers, lower case.
    pub hosts: Vec<String>,
    /// Its status.
    pub status: PackStatus,
    /// The authority.
    pub authority: Option<String>,
    /// When its earliest certificate ends, where told.
    pub expires_on: Option<OffsetDateTime>,
    /// What went wrong in validation, in Cloudflare's words.
    pub validation_errors: Vec<String>,
    /// What validation waits for: `TXT _acme-challenge.example.com value`, or an HTTP path.
    pub validation_records: Vec<String>,
}

/// Status of a certificate pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackStatus {
    /// In use (also while it is being replaced: `pending_expiration`, `pending_cleanup`, `deactivating`,
    /// `backup_issued`).
    Active,
    /// On its way: the API's word.
    Pending(String),
    /// Given up, gone or not in use: the API's word.
    Dead(String),
    /// Any other word.
    Other(String),
}

/// State of the validation of an edge certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// `active`, `initializing`, `authorizing` …
    pub certificate_status: Option<String>,
    /// `txt`, `http` …
    pub method: Option<String>,
    /// Did the validation succeed?
    pub verified: Option<bool>,
    /// Did Cloudflare's own brand check hold the certificate back?
    pub brand_check: Option<bool>,
}

/// Total TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalTls {
    /// Is it on?
    pub enabled: bool,
    /// Its authority.
    pub authority: Option<String>,
}

/// One authority of the custom origin trust store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedAuthority {
    /// Issuer as the API tells it.
    pub issuer: Option<String>,
    /// The certificate, PEM.
    pub pem: Option<String>,
    /// Is it in use?
    pub active: bool,
    /// When it ends.
    pub expires_on: Option<OffsetDateTime>,
}

/// Authenticated Origin Pulls beside the global setting (`facts/cloudflare.md` 4.5).
#[derive(Clone, Debug, PartialEq)]
pub struct OriginPulls {
    /// For the whole zone, with an uploaded certificate.
    pub zone: Gathered<bool>,
    /// Has the zone such a certificate that is active?
    pub zone_certificate: Gathered<bool>,
    /// For this one host, with a certificate of its own.
    pub host: Gathered<bool>,
}

/// A TLS setting for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTls {
    /// Host.
    pub hostname: String,
    /// Value, as in `1.2`.
    pub value: String,
}

/// A custom hostname (Cloudflare for SaaS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomHostname {
    /// Host.
    pub hostname: String,
    /// `active`, `pending` …
    pub status: Option<String>,
    /// Its own origin.
    pub origin: Option<String>,
}

impl CertificatePack {
    /// `universal pack (active, google): example.com, *.example.com`.
    pub fn describe(&self) -> String {
        const SHOWN: usize = 6;
        let kind = self.kind.as_deref().unwrap_or("certificate");
        let authority = self.authority.as_ref().map(|authority| format!(", {authority}")).unwrap_or_default();
        let mut hosts = self.hosts.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if self.hosts.len() > SHOWN {
            hosts += &format!(" and {} more", self.hosts.len() - SHOWN);
        }
        format!("{kind} pack ({}{authority}): {hosts}", self.status.word())
    }

    /// Does a name of the pack cover `host`: itself, or a wildcard for one label?
    pub fn covers(&self, host: &str) -> bool {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.hosts
            .iter()
            .any(|own| own == host || (own.strip_prefix("*.").is_some() && own.strip_prefix("*.") == parent))
    }
}

impl PackStatus {
    /// The API's word, or `active`.
    pub fn word(&self) -> &str {
        match self {
            PackStatus::Active => "active",
            PackStatus::Pending(word) | PackStatus::Dead(word) | PackStatus::Other(word) => word,
        }
    }
}

pub(super) fn pack(_: &mut Reader<'_>, value: &Value) -> Option<CertificatePack> {
    value.as_object()?;
    let certificates = value.get("certificates").and_then(Value::as_array);
    let ends = certificates.into_iter().flatten().filter_map(|certificate| date(certificate, "expires_on"));
    let rows = |key: &str| value.get(key).and_then(Value::as_array).into_iter().flatten();
    Some(CertificatePack {
        id: read::text(value, "id"),
        kind: read::text(value, "type"),
        hosts: value
            .get("hosts")
            .map(|hosts| read::texts(hosts).iter().map(|host| host.to_ascii_lowercase()).collect())
            .unwrap_or_default(),
        status: read::text(value, "status").map_or(PackStatus::Other("unknown".into()), status),
        authority: read::text(value, "certificate_authority"),
        expires_on: ends.min().or_else(|| date(value, "expires_on")),
        validation_errors: rows("validation_errors")
            .filter_map(|error| read::text(error, "message").or_else(|| error.as_str().map(str::to_owned)))
            .map(|text| crate::evidence::text::shorten(&text, 200))
            .collect(),
        validation_records: rows("validation_records").filter_map(validation_record).collect(),
    })
}

fn validation_record(value: &Value) -> Option<String> {
    let text = |key: &str| read::text(value, key);
    match (text("txt_name"), text("txt_value"), text("http_url"), text("cname"), text("cname_target")) {
        (Some(name), Some(content), ..) => Some(format!("TXT {name} {content}")),
        (_, _, Some(url), ..) => Some(format!("HTTP {url}")),
        (.., Some(name), Some(target)) => Some(format!("CNAME {name} {target}")),
        _ => None,
    }
}

/// The words of `facts/cloudflare.md` 8.3.
fn status(word: String) -> PackStatus {
    match word.as_str() {
        "active" | "pending_expiration" | "pending_cleanup" | "deactivating" | "backup_issued" => PackStatus::Active,
        "initializing" | "pending_validation" | "pending_issuance" | "pending_deployment" | "holding_deployment"
        | "staging_deployment" | "staging_active" => PackStatus::Pending(word),
        "deleted"
        | "pending_deletion"
        | "expired"
        | "initializing_timed_out"
        | "validation_timed_out"
        | "issuance_timed_out"
        | "deployment_timed_out"
        | "deletion_timed_out"
        | "inactive" => PackStatus::Dead(word),
        _ => PackStatus::Other(word),
    }
}

pub(super) fn verification(_: &mut Reader<'_>, value: &Value) -> Option<Verification> {
    value.as_object()?;
    Some(Verification {
        certificate_status: read::text(value, "certificate_status"),
        method: read::text(value, "validation_method"),
        verified: read::flag(value, "verification_status"),
        brand_check: read::flag(value, "brand_check"),
    })
}

pub(super) fn total_tls(_: &mut Reader<'_>, value: &Value) -> Option<TotalTls> {
    Some(TotalTls {
        enabled: read::flag(value, "enabled").or_else(|| read::on(value))?,
        authority: read::text(value, "certificate_authority"),
    })
}

pub(super) fn trusted(_: &mut Reader<'_>, value: &Value) -> Option<TrustedAuthority> {
    value.as_object()?;
    // The PEM keeps its line ends: it is parsed, never shown.
    let pem = value.get("certificate").and_then(Value::as_str).map(str::to_owned);
    Some(TrustedAuthority {
        issuer: read::text(value, "issuer"),
        pem,
        active: read::text(value, "status").is_none_or(|status| status == "active"),
        expires_on: date(value, "expires_on"),
    })
}

pub(super) fn host_tls(_: &mut Reader<'_>, value: &Value) -> Option<HostTls> {
    Some(HostTls { hostname: read::name(value, "hostname")?, value: read::text(value, "value")? })
}

pub(super) fn custom_hostname(_: &mut Reader<'_>, value: &Value) -> Option<CustomHostname> {
    Some(CustomHostname {
        hostname: read::name(value, "hostname")?,
        status: read::text(value, "status"),
        origin: read::name(value, "custom_origin_server"),
    })
}

impl OriginPulls {
    pub(super) fn read(reader: &mut Reader<'_>) -> OriginPulls {
        let enabled = |_: &mut Reader<'_>, value: &Value| read::flag(value, "enabled").or_else(|| read::on(value));
        OriginPulls {
            zone: reader.part("origin_tls_client_auth_settings", enabled),
            zone_certificate: reader.part("origin_tls_client_auth", |r, value| {
                let certificates = r.list("origin_tls_client_auth", value, |_, row| Some(read::text(row, "status")));
                Some(certificates?.iter().any(|status| status.as_deref().is_none_or(|status| status == "active")))
            }),
            // A host without an association has none: the API then leaves `enabled` out, or says null.
            host: reader.part("origin_tls_client_auth_hostname", |_, value| {
                value.as_object()?;
                Some(read::flag(value, "enabled").unwrap_or(false))
            }),
        }
    }
}

/// A time as the API writes it: RFC 3339, or `2006-01-02 15:04:05 +0000 UTC` (section 5).
fn date(value: &Value, key: &str) -> Option<OffsetDateTime> {
    let text = value.get(key)?.as_str()?;
    OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
        let (day, rest) = text.split_once(' ')?;
        let time = rest.split(' ').next()?;
        OffsetDateTime::parse(&format!("{day}T{time}Z"), &Rfc3339).ok()
    })
}
