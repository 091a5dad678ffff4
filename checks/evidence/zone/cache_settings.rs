//! What a Cache Rule (or the cache part of a Page Rule) sets; what it leaves alone is `None`.

use serde_json::Value;

use super::read::{self, Reader};
use crate::model::cache::{BrowserRule, EdgeTtl, EdgeTtlMode, VaryAction, VaryRule};

/// `action_parameters` of `set_cache_settings` (`facts/cloudflare.md` 8.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheSettings {
    /// `cache`: eligible, or bypass.
    pub cache: Option<bool>,
    /// `edge_ttl`.
    pub edge_ttl: Option<EdgeTtl>,
    /// `browser_ttl`.
    pub browser_ttl: Option<BrowserRule>,
    /// `cache_key`.
    pub key: Option<CacheKey>,
    /// `origin_cache_control`.
    pub origin_cache_control: Option<bool>,
    /// `vary`.
    pub vary: Option<VaryRule>,
    /// `serve_stale.disable_stale_while_updating`.
    pub disable_stale_while_updating: Option<bool>,
    /// `additional_cacheable_ports`.
    pub additional_ports: Vec<u16>,
    /// `respect_strong_etags`.
    pub respect_strong_etags: Option<bool>,
    /// `read_timeout`, seconds.
    pub read_timeout: Option<i64>,
}

/// `cache_key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheKey {
    /// `cache_by_device_type`, or `user.device_type`.
    pub device_type: bool,
    /// `cache_deception_armor`.
    pub deception_armor: Option<bool>,
    /// `ignore_query_strings_order`.
    pub ignore_query_order: bool,
    /// `custom_key.query_string`.
    pub query: QueryKey,
    /// `custom_key.header.include` and `check_presence`, lower case.
    pub headers: Vec<String>,
    /// `custom_key.header.exclude_origin`.
    pub exclude_origin: bool,
    /// `custom_key.cookie.include` and `check_presence`.
    pub cookies: Vec<String>,
    /// `custom_key.host.resolved`.
    pub resolved_host: bool,
    /// `custom_key.user.geo`.
    pub country: bool,
    /// `custom_key.user.lang`.
    pub language: bool,
}

/// What of the query string enters the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum QueryKey {
    /// All of it.
    #[default]
    Whole,
    /// Nothing of it.
    Nothing,
    /// These parameters only.
    Only(Vec<String>),
    /// All but these parameters.
    Without(Vec<String>),
}

pub(super) fn cache_settings(reader: &mut Reader<'_>, place: &str, value: &Value) -> CacheSettings {
    CacheSettings {
        cache: read::flag(value, "cache"),
        edge_ttl: value.get("edge_ttl").filter(|ttl| ttl.is_object()).map(|ttl| edge_ttl(reader, place, ttl)),
        browser_ttl: value.get("browser_ttl").and_then(|ttl| browser_ttl(reader, place, ttl)),
        key: value.get("cache_key").filter(|key| key.is_object()).map(cache_key),
        origin_cache_control: read::flag(value, "origin_cache_control"),
        vary: value.get("vary").and_then(|vary| vary_rule(reader, place, vary)),
        disable_stale_while_updating: value
            .get("serve_stale")
            .and_then(|stale| read::flag(stale, "disable_stale_while_updating")),
        additional_ports: value
            .get("additional_cacheable_ports")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|port| read::number(port)?.try_into().ok())
            .collect(),
        respect_strong_etags: read::flag(value, "respect_strong_etags"),
        read_timeout: value.get("read_timeout").and_then(read::number),
    }
}

fn edge_ttl(reader: &mut Reader<'_>, place: &str, value: &Value) -> EdgeTtl {
    let seconds = value.get("default").and_then(read::number).and_then(|seconds| u64::try_from(seconds).ok());
    let mode = match (read::text(value, "mode").as_deref(), seconds) {
        (Some("override_origin"), Some(seconds)) => EdgeTtlMode::Override(seconds),
        (Some("bypass_by_default"), _) => EdgeTtlMode::BypassByDefault,
        (Some("respect_origin") | None, _) => EdgeTtlMode::RespectOrigin,
        (Some(_), _) => {
            reader.odd(format_args!("{place}.edge_ttl"), value);
            EdgeTtlMode::RespectOrigin
        }
    };
    let rows = value.get("status_code_ttl").and_then(Value::as_array);
    let by_status = rows.into_iter().flatten().filter_map(|row| {
        let code = |value: &Value| read::number(value).and_then(|code| u16::try_from(code).ok());
        let seconds = row.get("value").and_then(read::number)?;
        if let Some(one) = row.get("status_code").and_then(code) {
            return Some((one, one, seconds));
        }
        // A range may be open at one end.
        let range = row.get("status_code_range")?;
        Some((range.get("from").and_then(code).unwrap_or(100), range.get("to").and_then(code).unwrap_or(999), seconds))
    });
    EdgeTtl { mode, by_status: by_status.collect() }
}

fn browser_ttl(reader: &mut Reader<'_>, place: &str, value: &Value) -> Option<BrowserRule> {
    let seconds = value.get("default").and_then(read::number).and_then(|seconds| u64::try_from(seconds).ok());
    match (read::text(value, "mode").as_deref(), seconds) {
        (Some("respect_origin"), _) => Some(BrowserRule::RespectOrigin),
        (Some("override_origin"), Some(seconds)) => Some(BrowserRule::Override(seconds)),
        (Some("bypass_by_default" | "bypass"), _) => Some(BrowserRule::Bypass),
        _ => {
            reader.odd(format_args!("{place}.browser_ttl"), value);
            None
        }
    }
}

fn vary_rule(reader: &mut Reader<'_>, place: &str, value: &Value) -> Option<VaryRule> {
    let action = |value: &Value| match value.get("action").and_then(Value::as_str)? {
        "normalize" => Some(VaryAction::Normalize),
        "passthrough" => Some(VaryAction::Passthrough),
        "bypass" => Some(VaryAction::Bypass),
        _ => None,
    };
    let Some(default) = value.get("default").and_then(action) else {
        reader.odd(format_args!("{place}.vary"), value);
        return None;
    };
    let headers = value.get("headers").and_then(Value::as_object);
    let headers =
        headers.into_iter().flatten().filter_map(|(name, what)| Some((name.to_ascii_lowercase(), action(what)?)));
    Some(VaryRule { default, headers: headers.collect() })
}

fn cache_key(value: &Value) -> CacheKey {
    let custom = value.get("custom_key");
    let part = |name: &str| custom.and_then(|custom| custom.get(name));
    let names = |part: Option<&Value>, keys: &[&str]| -> Vec<String> {
        keys.iter().filter_map(|key| part?.get(*key)).flat_map(read::texts).collect()
    };
    let (header, user) = (part("header"), part("user"));
    let on = |part: Option<&Value>, key: &str| part.and_then(|part| read::flag(part, key)).unwrap_or(false);
    CacheKey {
        device_type: on(Some(value), "cache_by_device_type") || on(user, "device_type"),
        deception_armor: read::flag(value, "cache_deception_armor"),
        ignore_query_order: on(Some(value), "ignore_query_strings_order"),
        query: part("query_string").map(query_key).unwrap_or_default(),
        headers: names(header, &["include", "check_presence"]).iter().map(|name| name.to_ascii_lowercase()).collect(),
        exclude_origin: on(header, "exclude_origin"),
        cookies: names(part("cookie"), &["include", "check_presence"]),
        resolved_host: on(part("host"), "resolved"),
        country: on(user, "geo"),
        language: on(user, "lang"),
    }
}

/// `"*"`, `["*"]`, `{all: true}` and `{list: […]}` all occur (`facts/cloudflare.md` 1.8).
pub(super) fn query_key(value: &Value) -> QueryKey {
    enum Names {
        All,
        These(Vec<String>),
    }
    let names = |key: &str| {
        let value = value.get(key).filter(|value| !value.is_null())?;
        if value.get("all").and_then(Value::as_bool) == Some(true) {
            return Some(Names::All);
        }
        let list = read::texts(value.get("list").unwrap_or(value));
        if list.iter().any(|name| name == "*") {
            return Some(Names::All);
        }
        (!list.is_empty()).then_some(Names::These(list))
    };
    match (names("exclude"), names("include")) {
        (Some(Names::All), _) => QueryKey::Nothing,
        (Some(Names::These(list)), _) => QueryKey::Without(list),
        (None, Some(Names::These(list))) => QueryKey::Only(list),
        (None, Some(Names::All) | None) => QueryKey::Whole,
    }
}
