//! What rules set, in the words of people: one spelling for a rule's wish and for what became of it.

use super::{Effective, RedirectTo, Sets, Setter};
use crate::evidence::text::shorten;
use crate::evidence::zone::{
    Action, CacheKey, DirectiveChange, Forwarding, PageRuleActions, QueryKey, Redirect, Route, Text,
};
use crate::model::cache::{BrowserRule, CacheLevel, EdgeTtl, EdgeTtlMode, RuleSays, VaryAction, VaryRule};

pub(super) fn on(on: &bool) -> String {
    if *on { "on".into() } else { "off".into() }
}

pub(super) fn rule_says(says: &RuleSays) -> String {
    match says {
        RuleSays::Nothing => "no word".into(),
        RuleSays::Eligible => "eligible".into(),
        RuleSays::Bypass => "bypass".into(),
    }
}

pub(super) fn edge_ttl(ttl: &EdgeTtl) -> String {
    let mode = match ttl.mode {
        EdgeTtlMode::RespectOrigin => "as the origin says".to_owned(),
        EdgeTtlMode::Override(seconds) => format!("{seconds} s"),
        EdgeTtlMode::BypassByDefault => "as the origin says, else not at all".to_owned(),
    };
    let by_status = ttl.by_status.iter().map(|(from, to, seconds)| {
        let codes = if from == to { from.to_string() } else { format!("{from}–{to}") };
        match seconds {
            -1 => format!(", {codes}: no-store"),
            0 => format!(", {codes}: no-cache"),
            seconds => format!(", {codes}: {seconds} s"),
        }
    });
    std::iter::once(mode).chain(by_status).collect()
}

pub(super) fn browser_ttl(ttl: &BrowserRule) -> String {
    match ttl {
        BrowserRule::RespectOrigin => "as the origin says".into(),
        BrowserRule::Override(seconds) => format!("{seconds} s"),
        BrowserRule::Bypass => "as the origin says, else not at all".into(),
    }
}

pub(super) fn key(key: &CacheKey) -> String {
    let mut parts: Vec<String> = Vec::new();
    match &key.query {
        QueryKey::Whole => {}
        QueryKey::Nothing => parts.push("without the query string".into()),
        QueryKey::Only(names) => parts.push(format!("of the query string only {}", names.join(", "))),
        QueryKey::Without(names) => parts.push(format!("without the parameters {}", names.join(", "))),
    }
    let mut flag = |is_on: bool, text: &str| {
        if is_on {
            parts.push(text.to_owned());
        }
    };
    flag(key.ignore_query_order, "with sorted parameters");
    flag(key.exclude_origin, "without Origin");
    flag(key.device_type, "by device type");
    flag(key.country, "by country");
    flag(key.language, "by language");
    flag(key.resolved_host, "by the resolved host");
    flag(key.deception_armor == Some(true), "with Cache Deception Armor");
    if !key.headers.is_empty() {
        parts.push(format!("with the headers {}", key.headers.join(", ")));
    }
    if !key.cookies.is_empty() {
        parts.push(format!("with the cookies {}", key.cookies.join(", ")));
    }
    if parts.is_empty() { "the default".into() } else { parts.join(", ") }
}

pub(super) fn vary(rule: &VaryRule) -> String {
    let word = |action: &VaryAction| match action {
        VaryAction::Normalize => "normalize",
        VaryAction::Passthrough => "passthrough",
        VaryAction::Bypass => "bypass",
    };
    let headers = rule.headers.iter().map(|(name, action)| format!(", {name}: {}", word(action)));
    std::iter::once(word(&rule.default).to_owned()).chain(headers).collect()
}

pub(super) fn level(level: &CacheLevel) -> String {
    match level {
        CacheLevel::Basic => "basic (no query string)",
        CacheLevel::Simplified => "simplified (ignore query string)",
        CacheLevel::Aggressive => "aggressive (standard)",
    }
    .into()
}

pub(super) fn redirect_to(to: &RedirectTo) -> String {
    match &to.location {
        Some(location) => format!("{} to {}", to.status, shorten(location, 200)),
        None => format!("{} to a computed URL", to.status),
    }
}

pub(super) fn ports(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn directives(changes: &[DirectiveChange]) -> String {
    let one = |change: &DirectiveChange| match (&change.value, change.removes) {
        (_, true) => format!("-{}", change.name),
        (Some(value), _) => format!("{}={value}", change.name),
        (None, _) => change.name.clone(),
    };
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn one(setting: &'static str, value: impl Into<String>) -> Sets {
    Sets { setting, value: value.into() }
}

/// What a modern rule sets.
pub(super) fn of_action(action: &Action) -> Vec<Sets> {
    match action {
        Action::Config(config) => {
            let ssl = config.ssl.map(|mode| one("ssl", mode.api()));
            let others = config.sets.iter().filter(|name| *name != "ssl").map(|name| one("other", name.as_str()));
            ssl.into_iter().chain(others).collect()
        }
        Action::Cache(cache) => {
            let mut sets = Vec::new();
            sets.extend(cache.cache.map(|on| one("cache", if on { "eligible" } else { "bypass" })));
            sets.extend(cache.edge_ttl.as_ref().map(|ttl| one("edge_ttl", edge_ttl(ttl))));
            sets.extend(cache.browser_ttl.as_ref().map(|ttl| one("browser_ttl", browser_ttl(ttl))));
            sets.extend(cache.key.as_ref().map(|k| one("cache_key", key(k))));
            sets.extend(cache.origin_cache_control.map(|is| one("origin_cache_control", on(&is))));
            sets.extend(cache.vary.as_ref().map(|rule| one("vary", vary(rule))));
            if !cache.additional_ports.is_empty() {
                sets.push(one("additional_cacheable_ports", ports(&cache.additional_ports)));
            }
            sets
        }
        Action::Route(Route { host_header, sni, host, port }) => {
            let mut sets = Vec::new();
            sets.extend(host_header.as_deref().map(|host| one("host_header", host)));
            sets.extend(sni.as_deref().map(|sni| one("sni", sni)));
            sets.extend(host.as_deref().map(|host| one("dns_override", host)));
            sets.extend(port.map(|port| one("port", port.to_string())));
            sets
        }
        Action::Redirect(Redirect { target, status, .. }) => {
            let target = match target {
                Some(Text::Fixed(url)) => shorten(url, 200),
                Some(Text::Computed(expression)) => format!("the value of {}", shorten(expression, 200)),
                None => "nowhere".into(),
            };
            vec![one("redirect", format!("{status} to {target}"))]
        }
        Action::Rewrite(rewrite) => {
            let text = |text: &Text| match text {
                Text::Fixed(text) | Text::Computed(text) => shorten(text, 200),
            };
            let mut sets = Vec::new();
            sets.extend(rewrite.path.as_ref().map(|path| one("path", text(path))));
            sets.extend(rewrite.query.as_ref().map(|query| one("query", text(query))));
            sets.extend(rewrite.headers.iter().map(|header| one("header", header.name.as_str())));
            sets
        }
        Action::Response(response) => {
            let flags = [
                (response.strip_set_cookie, "strip_set_cookie"),
                (response.strip_etags, "strip_etags"),
                (response.strip_last_modified, "strip_last_modified"),
            ];
            flags.into_iter().filter(|(is, _)| *is).map(|(_, name)| one(name, "on")).collect()
        }
        Action::CacheControl(changes) => vec![one("cache_control", directives(changes))],
        Action::Other(name) => vec![one("other", name.as_str())],
    }
}

/// What a Page Rule sets.
pub(super) fn of_page_rule(actions: &PageRuleActions) -> Vec<Sets> {
    let mut sets = Vec::new();
    sets.extend(actions.ssl.map(|mode| one("ssl", mode.api())));
    if actions.always_use_https {
        sets.push(one("always_use_https", "on"));
    }
    sets.extend(
        actions
            .forwarding
            .as_ref()
            .map(|Forwarding { url, status }| one("redirect", format!("{status} to {}", shorten(url, 200)))),
    );
    sets.extend(actions.cache.as_ref().map(|says| one("cache", rule_says(says))));
    sets.extend(actions.cache_level.as_ref().map(|l| one("cache_level", level(l))));
    sets.extend(actions.edge_ttl.as_ref().map(|ttl| one("edge_ttl", edge_ttl(ttl))));
    sets.extend(actions.browser_ttl.as_ref().map(|ttl| one("browser_ttl", browser_ttl(ttl))));
    sets.extend(actions.key.as_ref().map(|k| one("cache_key", key(k))));
    sets.extend(actions.origin_cache_control.map(|is| one("origin_cache_control", on(&is))));
    sets.extend(actions.host_header.as_deref().map(|host| one("host_header", host)));
    sets.extend(actions.resolve_override.as_deref().map(|host| one("dns_override", host)));
    sets
}

impl Effective {
    /// What holds for a setting, in the same words as [`Sets::value`], and who set it; `None`: not known, or not a
    /// setting of which one value holds.
    pub fn in_words(&self, setting: &str) -> Option<(String, &Setter)> {
        fn of<T>(decided: &super::Decided<T>, show: impl Fn(&T) -> String) -> Option<(String, &Setter)> {
            decided.value.as_ref().map(|value| (show(value), &decided.by))
        }
        fn or_none<T>(show: impl Fn(&T) -> String) -> impl Fn(&Option<T>) -> String {
            move |value| value.as_ref().map_or_else(|| "no word".into(), &show)
        }
        let cache = &self.cache;
        match setting {
            "ssl" => of(&self.ssl, |mode| mode.api().into()),
            "always_use_https" => of(&self.always_use_https, on),
            "host_header" => of(&self.host_header, or_none(String::clone)),
            "sni" => of(&self.sni, or_none(String::clone)),
            "dns_override" => of(&self.dns_override, or_none(String::clone)),
            "port" => of(&self.port, or_none(u16::to_string)),
            "cache" => of(&cache.rule, rule_says),
            "cache_level" => of(&cache.level, level),
            "edge_ttl" => of(&cache.edge_ttl, or_none(edge_ttl)),
            "browser_ttl" => of(&cache.browser_ttl, or_none(browser_ttl)),
            "cache_key" => of(&cache.key, or_none(key)),
            "origin_cache_control" => of(&cache.origin_cache_control, or_none(on)),
            "vary" => of(&cache.vary, or_none(vary)),
            "additional_cacheable_ports" => of(&cache.additional_ports, |list| ports(list)),
            _ => None,
        }
    }
}
