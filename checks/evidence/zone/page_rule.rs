//! Page Rules as the API tells of them (`facts/cloudflare.md` 3.3, 8.3).

use serde_json::Value;

use super::cache_settings::{CacheKey, QueryKey, query_key};
use super::read::{self, Reader};
use super::settings::{cache_level, ssl_mode};
use crate::model::cache::{BrowserRule, CacheLevel, EdgeTtl, EdgeTtlMode, RuleSays};
use crate::model::ssl_mode::SslMode;

/// One Page Rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRule {
    /// Its id.
    pub id: Option<String>,
    /// Higher wins.
    pub priority: i64,
    /// Is it on?
    pub enabled: bool,
    /// URL pattern.
    pub pattern: String,
    /// What it does.
    pub actions: PageRuleActions,
}

/// What a Page Rule does; what it leaves alone is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRuleActions {
    /// The ids of all its actions, as sent.
    pub ids: Vec<String>,
    /// `ssl`.
    pub ssl: Option<SslMode>,
    /// `always_use_https`.
    pub always_use_https: bool,
    /// `forwarding_url`.
    pub forwarding: Option<Forwarding>,
    /// `cache_level`: `cache_everything` and `bypass` speak as a rule …
    pub cache: Option<RuleSays>,
    /// … the others as the zone's setting.
    pub cache_level: Option<CacheLevel>,
    /// `edge_cache_ttl` and `cache_ttl_by_status`.
    pub edge_ttl: Option<EdgeTtl>,
    /// `browser_cache_ttl`.
    pub browser_ttl: Option<BrowserRule>,
    /// `explicit_cache_control`.
    pub origin_cache_control: Option<bool>,
    /// `cache_key_fields`, `cache_by_device_type`, `cache_deception_armor`.
    pub key: Option<CacheKey>,
    /// `bypass_cache_on_cookie`.
    pub bypass_on_cookie: Option<String>,
    /// `host_header_override`.
    pub host_header: Option<String>,
    /// `resolve_override`.
    pub resolve_override: Option<String>,
}

/// `forwarding_url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// Where to; `$1` stands for what the first `*` matched.
    pub url: String,
    /// 301 or 302.
    pub status: u16,
}

pub(super) fn page_rules(reader: &mut Reader<'_>, value: &Value) -> Option<Vec<PageRule>> {
    let mut rules = reader.list("page_rules", value, page_rule)?;
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
    Some(rules)
}

fn page_rule(reader: &mut Reader<'_>, value: &Value) -> Option<PageRule> {
    let target = value.get("targets").and_then(Value::as_array).and_then(|targets| targets.first());
    let pattern = target.and_then(|target| read::text(target.get("constraint")?, "value"));
    let rows = value.get("actions").and_then(Value::as_array);
    let mut actions = PageRuleActions::default();
    for row in rows.into_iter().flatten() {
        if let Some(id) = read::text(row, "id") {
            apply(&mut actions, reader, &id, row.get("value").unwrap_or(&Value::Null));
            actions.ids.push(id);
        }
    }
    Some(PageRule {
        id: read::text(value, "id"),
        priority: value.get("priority").and_then(read::number).unwrap_or(0),
        enabled: read::text(value, "status").is_none_or(|status| status == "active"),
        pattern: pattern?,
        actions,
    })
}

fn apply(actions: &mut PageRuleActions, reader: &mut Reader<'_>, id: &str, value: &Value) {
    let text = || value.as_str().map(crate::evidence::text::clean);
    let seconds = || read::number(value).and_then(|seconds| u64::try_from(seconds).ok());
    let known = match id {
        "ssl" => set(&mut actions.ssl, ssl_mode(value)),
        "always_use_https" => {
            actions.always_use_https = read::on(value).unwrap_or(true);
            true
        }
        "forwarding_url" => set(&mut actions.forwarding, forwarding(value)),
        "cache_level" => match value.as_str() {
            Some("cache_everything") => set(&mut actions.cache, Some(RuleSays::Eligible)),
            Some("bypass") => set(&mut actions.cache, Some(RuleSays::Bypass)),
            _ => set(&mut actions.cache_level, cache_level(value)),
        },
        "edge_cache_ttl" => match seconds() {
            Some(0) => true,
            Some(seconds) => {
                actions.edge_ttl.get_or_insert_default().mode = EdgeTtlMode::Override(seconds);
                true
            }
            None => false,
        },
        "cache_ttl_by_status" => {
            actions.edge_ttl.get_or_insert_default().by_status.extend(by_status(value));
            true
        }
        "browser_cache_ttl" => set(
            &mut actions.browser_ttl,
            seconds().map(|s| if s == 0 { BrowserRule::RespectOrigin } else { BrowserRule::Override(s) }),
        ),
        "explicit_cache_control" => set(&mut actions.origin_cache_control, read::on(value)),
        "cache_key_fields" => {
            key_fields(actions.key.get_or_insert_default(), value);
            true
        }
        "cache_by_device_type" => {
            actions.key.get_or_insert_default().device_type = read::on(value).unwrap_or(true);
            true
        }
        "cache_deception_armor" => {
            actions.key.get_or_insert_default().deception_armor = Some(read::on(value).unwrap_or(true));
            true
        }
        "bypass_cache_on_cookie" => set(&mut actions.bypass_on_cookie, text()),
        "host_header_override" => set(&mut actions.host_header, text().map(|host| host.to_ascii_lowercase())),
        "resolve_override" => set(&mut actions.resolve_override, text().map(|host| host.to_ascii_lowercase())),
        _ => true,
    };
    if !known {
        reader.odd(format_args!("page_rules: action {id}"), value);
    }
}

/// Keeps what could be read; `false`: nothing could.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let known = value.is_some();
    *place = value.or(place.take());
    known
}

fn forwarding(value: &Value) -> Option<Forwarding> {
    let status = value.get("status_code").and_then(read::number).and_then(|code| u16::try_from(code).ok());
    Some(Forwarding { url: read::text(value, "url")?, status: status.unwrap_or(302) })
}

/// `{"200": 60, "300-399": "no-cache", "500-599": "no-store"}`.
fn by_status(value: &Value) -> Vec<(u16, u16, i64)> {
    let rows = value.as_object().into_iter().flatten();
    rows.filter_map(|(codes, ttl)| {
        let (from, to) = codes.split_once('-').unwrap_or((codes, codes));
        let seconds = match ttl.as_str() {
            Some("no-cache") => 0,
            Some("no-store") => -1,
            _ => read::number(ttl)?,
        };
        Some((from.trim().parse().ok()?, to.trim().parse().ok()?, seconds))
    })
    .collect()
}

fn key_fields(key: &mut CacheKey, value: &Value) {
    let names = |part: &str, name: &str| value.get(part).and_then(|p| p.get(name)).map(read::texts).unwrap_or_default();
    if let Some(query) = value.get("query_string") {
        key.query = query_key(query);
    }
    key.headers = [names("header", "include"), names("header", "check_presence")]
        .concat()
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    key.exclude_origin = names("header", "exclude").iter().any(|name| name.eq_ignore_ascii_case("origin"));
    key.cookies = [names("cookie", "include"), names("cookie", "check_presence")].concat();
    let on = |part: &str, name: &str| value.get(part).and_then(|p| read::flag(p, name)).unwrap_or(false);
    key.resolved_host = on("host", "resolved");
    key.device_type |= on("user", "device_type");
    key.country = on("user", "geo");
    key.language = on("user", "lang");
    if key.query == QueryKey::Whole && value.get("query_string").and_then(|q| read::flag(q, "ignore")) == Some(true) {
        key.query = QueryKey::Nothing;
    }
}
