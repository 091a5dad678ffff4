//! Single zone settings (`facts/cloudflare.md` 8.3, "Setting ids").

use serde_json::Value;

use super::read::{self, Reader};
use crate::evidence::Gathered;
use crate::model::cache::CacheLevel;
use crate::model::ssl_mode::SslMode;

/// The settings that checks read; each is missing for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `ssl`.
    pub ssl: Gathered<SslMode>,
    /// `ssl_automatic_mode` is `auto`: Cloudflare may raise the mode by itself (section 4.4).
    pub ssl_automatic: Gathered<bool>,
    /// `always_use_https`.
    pub always_use_https: Gathered<bool>,
    /// `min_tls_version`, as in `1.2`.
    pub minimum_tls: Gathered<String>,
    /// `tls_client_auth`: global Authenticated Origin Pulls.
    pub origin_pulls: Gathered<bool>,
    /// `cache_level`.
    pub cache_level: Gathered<CacheLevel>,
    /// `browser_cache_ttl`, seconds; 0: the origin's headers are respected.
    pub browser_cache_ttl: Gathered<u64>,
    /// `always_online`.
    pub always_online: Gathered<bool>,
    /// `development_mode`.
    pub development_mode: Gathered<bool>,
    /// `origin_max_http_version`.
    pub origin_max_http_version: Gathered<String>,
    /// `origin_tls_compliance_modes`: `pqh`, `fips`.
    pub origin_compliance: Gathered<Vec<String>>,
    /// `origin_error_page_pass_thru`.
    pub error_pass_through: Gathered<bool>,
    /// `tiered_caching`.
    pub tiered_caching: Gathered<bool>,
    /// `tiered_cache_smart_topology_enable`.
    pub smart_topology: Gathered<bool>,
    /// `websockets`.
    pub websockets: Gathered<bool>,
}

impl Settings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Settings {
        Settings {
            ssl: one(reader, "ssl", ssl_mode),
            ssl_automatic: one(reader, "ssl_automatic_mode", |value| match value.as_str()? {
                "auto" => Some(true),
                "custom" => Some(false),
                _ => None,
            }),
            always_use_https: one(reader, "always_use_https", read::on),
            minimum_tls: one(reader, "min_tls_version", |value| value.as_str().map(str::to_owned)),
            origin_pulls: one(reader, "tls_client_auth", read::on),
            cache_level: one(reader, "cache_level", cache_level),
            browser_cache_ttl: one(reader, "browser_cache_ttl", |value| read::number(value)?.try_into().ok()),
            always_online: one(reader, "always_online", read::on),
            development_mode: one(reader, "development_mode", read::on),
            origin_max_http_version: one(reader, "origin_max_http_version", |v| v.as_str().map(str::to_owned)),
            origin_compliance: one(reader, "origin_tls_compliance_modes", |value| {
                value.is_array().then(|| read::texts(value))
            }),
            error_pass_through: one(reader, "origin_error_page_pass_thru", read::on),
            tiered_caching: one(reader, "tiered_caching", read::on),
            smart_topology: one(reader, "tiered_cache_smart_topology_enable", read::on),
            websockets: one(reader, "websockets", read::on),
        }
    }
}

/// A setting's value, given bare or as the API's object `{id, value, …}`.
fn one<T>(reader: &mut Reader<'_>, id: &str, read: impl Fn(&Value) -> Option<T>) -> Gathered<T> {
    reader.inner("settings", id, |_, value| read(value.get("value").unwrap_or(value)))
}

/// The API's word for an SSL mode.
pub(super) fn ssl_mode(value: &Value) -> Option<SslMode> {
    let word = value.as_str()?;
    SslMode::ALL.into_iter().find(|mode| mode.api() == word)
}

pub(super) fn cache_level(value: &Value) -> Option<CacheLevel> {
    match value.as_str()? {
        "basic" => Some(CacheLevel::Basic),
        "simplified" => Some(CacheLevel::Simplified),
        "aggressive" => Some(CacheLevel::Aggressive),
        _ => None,
    }
}
