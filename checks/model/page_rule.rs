//! A Page Rule as the modern rules that do the same
//! (<https://developers.cloudflare.com/rules/reference/page-rules-migration/>).

use serde_json::{Map, Value, json};

use crate::evidence::zone::{Forwarding, PageRule, PageRuleActions, Phase, QueryKey};
use crate::model::cache::{BrowserRule, CacheLevel, EdgeTtl, EdgeTtlMode, RuleSays};
use crate::model::url_pattern::parts;

/// A modern rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ModernRule {
    /// Its product.
    pub phase: Phase,
    /// Its expression.
    pub expression: String,
    /// `set_config`, `set_cache_settings`, `route`, `redirect`.
    pub action: &'static str,
    /// `action_parameters`, in the API's shape.
    pub parameters: Value,
}

/// What a Page Rule becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Translation {
    /// The rules that do the same.
    pub rules: Vec<ModernRule>,
    /// Actions of which no equivalent is given here, by their ids.
    pub untranslated: Vec<String>,
}

/// Actions that are translated.
const KNOWN: &[&str] = &[
    "ssl",
    "always_use_https",
    "forwarding_url",
    "edge_cache_ttl",
    "cache_ttl_by_status",
    "browser_cache_ttl",
    "explicit_cache_control",
    "bypass_cache_on_cookie",
    "host_header_override",
    "resolve_override",
    "cache_by_device_type",
    "cache_deception_armor",
];

/// The pattern as a wildcard for the full URI: every scheme where none is named, every query where none is.
pub fn wildcard(pattern: &str) -> String {
    let own = parts(pattern);
    let scheme = if own.scheme.is_some() { "" } else { "http*://" };
    let root = if own.path.is_empty() && own.query.is_none() && !own.host.ends_with('*') { "/" } else { "" };
    let open = if own.query.is_some() || pattern.ends_with('*') { "" } else { "*" };
    let mut whole = format!("{scheme}{pattern}{root}{open}");
    // Two stars in a row are an error in the Rules language.
    while whole.contains("**") {
        whole = whole.replace("**", "*");
    }
    whole
}

/// Text of the Rules language; a backslash is one in a pattern too.
fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn condition(pattern: &str) -> String {
    format!("(http.request.full_uri wildcard {})", text(&wildcard(pattern)))
}

/// The rules that do the same as this Page Rule.
pub fn translate(rule: &PageRule) -> Translation {
    let actions = &rule.actions;
    let expression = condition(&rule.pattern);
    let mut rules = Vec::new();
    let mut add = |phase, expression: &str, action, parameters| {
        rules.push(ModernRule { phase, expression: expression.to_owned(), action, parameters });
    };
    if let Some(mode) = actions.ssl {
        add(Phase::Config, &expression, "set_config", json!({ "ssl": mode.api() }));
    }
    if actions.always_use_https {
        let bare = rule.pattern.split_once("://").map_or(rule.pattern.as_str(), |(_, rest)| rest);
        let http = condition(&format!("http://{bare}"));
        add(
            Phase::Redirect,
            &http,
            "redirect",
            to(
                &json!({
            "expression": "wildcard_replace(http.request.full_uri, \"http://*\", \"https://${1}\")" }),
                301,
            ),
        );
    }
    if let Some(forwarding) = &actions.forwarding {
        add(Phase::Redirect, &expression, "redirect", forward(&rule.pattern, forwarding));
    }
    let cache = cache(actions);
    if !cache.is_empty() {
        add(Phase::Cache, &expression, "set_cache_settings", Value::Object(cache));
    }
    if let Some(cookie) = &actions.bypass_on_cookie {
        let with_cookie = format!("({} and http.cookie contains {})", condition(&rule.pattern), text(cookie));
        if !cookie.contains(['.', '*', '|', '(']) {
            add(Phase::Cache, &with_cookie, "set_cache_settings", json!({ "cache": false }));
        }
    }
    let mut route = Map::new();
    if let Some(host) = &actions.host_header {
        route.insert("host_header".into(), json!(host));
    }
    if let Some(host) = &actions.resolve_override {
        route.insert("origin".into(), json!({ "host": host }));
    }
    if !route.is_empty() {
        add(Phase::Origin, &expression, "route", Value::Object(route));
    }
    let level = matches!(actions.cache_level, Some(CacheLevel::Simplified)) || actions.cache.is_some();
    let is_known = |id: &str| {
        KNOWN.contains(&id)
            && (id != "bypass_cache_on_cookie" || rules.iter().any(|rule| rule.expression.contains("http.cookie")))
            || id == "cache_level" && level
            || id == "cache_key_fields" && actions.key.is_some()
    };
    let untranslated = actions.ids.iter().filter(|id| !is_known(id)).cloned().collect();
    Translation { rules, untranslated }
}

fn to(target: &Value, status: u16) -> Value {
    json!({ "from_value": { "target_url": target, "status_code": status, "preserve_query_string": true } })
}

/// `$1` counts the stars of the pattern; those of `http*://` come before them.
fn forward(pattern: &str, forwarding: &Forwarding) -> Value {
    if !forwarding.url.contains('$') {
        let target = json!({ "value": forwarding.url });
        return json!({ "from_value": { "target_url": target, "status_code": forwarding.status,
            "preserve_query_string": false } });
    }
    let shift = if pattern.contains("://") { 0 } else { 1 };
    let target = (1..=9)
        .rev()
        .fold(forwarding.url.clone(), |url, star| url.replace(&format!("${star}"), &format!("${{{}}}", star + shift)));
    let value = format!("wildcard_replace(http.request.full_uri, {}, {})", text(&wildcard(pattern)), text(&target));
    json!({ "from_value": { "target_url": { "expression": value }, "status_code": forwarding.status,
        "preserve_query_string": false } })
}

fn cache(actions: &PageRuleActions) -> Map<String, Value> {
    let mut set = Map::new();
    match actions.cache {
        Some(RuleSays::Eligible) => drop(set.insert("cache".into(), json!(true))),
        Some(RuleSays::Bypass) => drop(set.insert("cache".into(), json!(false))),
        Some(RuleSays::Nothing) | None => {}
    }
    if let Some(ttl) = &actions.edge_ttl {
        set.insert("edge_ttl".into(), edge_ttl(ttl));
    }
    match actions.browser_ttl {
        Some(BrowserRule::RespectOrigin) => drop(set.insert("browser_ttl".into(), json!({ "mode": "respect_origin" }))),
        Some(BrowserRule::Override(seconds)) => {
            set.insert("browser_ttl".into(), json!({ "mode": "override_origin", "default": seconds }));
        }
        Some(BrowserRule::Bypass) | None => {}
    }
    if let Some(on) = actions.origin_cache_control {
        set.insert("origin_cache_control".into(), json!(on));
    }
    let key = key(actions);
    if !key.is_empty() {
        set.insert("cache_key".into(), Value::Object(key));
    }
    set
}

fn edge_ttl(ttl: &EdgeTtl) -> Value {
    let mut out = match ttl.mode {
        EdgeTtlMode::Override(seconds) => json!({ "mode": "override_origin", "default": seconds }),
        EdgeTtlMode::RespectOrigin => json!({ "mode": "respect_origin" }),
        EdgeTtlMode::BypassByDefault => json!({ "mode": "bypass_by_default" }),
    };
    let rows: Vec<Value> = ttl
        .by_status
        .iter()
        .map(|(from, to, seconds)| match from == to {
            true => json!({ "status_code": from, "value": seconds }),
            false => json!({ "status_code_range": { "from": from, "to": to }, "value": seconds }),
        })
        .collect();
    if !rows.is_empty()
        && let Some(map) = out.as_object_mut()
    {
        map.insert("status_code_ttl".into(), Value::Array(rows));
    }
    out
}

fn key(actions: &PageRuleActions) -> Map<String, Value> {
    let mut out = Map::new();
    let mut custom = Map::new();
    let query = actions.key.as_ref().map(|key| &key.query);
    let query = match (query, actions.cache_level) {
        (Some(QueryKey::Nothing), _) | (None | Some(QueryKey::Whole), Some(CacheLevel::Simplified)) => {
            Some(json!({ "exclude": { "all": true } }))
        }
        (Some(QueryKey::Only(names)), _) => Some(json!({ "include": { "list": names } })),
        (Some(QueryKey::Without(names)), _) => Some(json!({ "exclude": { "list": names } })),
        (Some(QueryKey::Whole) | None, _) => None,
    };
    if let Some(query) = query {
        custom.insert("query_string".into(), query);
    }
    if let Some(key) = &actions.key {
        if key.device_type {
            out.insert("cache_by_device_type".into(), json!(true));
        }
        if let Some(on) = key.deception_armor {
            out.insert("cache_deception_armor".into(), json!(on));
        }
        if !key.headers.is_empty() || key.exclude_origin {
            custom.insert("header".into(), json!({ "include": key.headers, "exclude_origin": key.exclude_origin }));
        }
        if !key.cookies.is_empty() {
            custom.insert("cookie".into(), json!({ "include": key.cookies }));
        }
        if key.country || key.language {
            custom.insert("user".into(), json!({ "geo": key.country, "lang": key.language }));
        }
        if key.resolved_host {
            custom.insert("host".into(), json!({ "resolved": true }));
        }
    }
    if !custom.is_empty() {
        out.insert("custom_key".into(), Value::Object(custom));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::zone::Zone;
    use crate::model::effective;
    use crate::model::rules::{self, Computed, Request, Truth};

    fn rule(pattern: &str, actions: Value) -> (PageRule, Value) {
        let document = json!({"page_rules": [{"id": "p", "priority": 1, "status": "active", "actions": actions,
            "targets": [{"target": "url", "constraint": {"operator": "matches", "value": pattern}}]}]});
        let zone = Zone::from_document(document.clone()).unwrap();
        (zone.page_rules.found().unwrap()[0].clone(), document)
    }

    #[test]
    fn patterns_become_wildcards() {
        for (pattern, wanted) in [
            ("example.com/*/downloads/*.txt", "http*://example.com/*/downloads/*.txt*"),
            ("example.com/*", "http*://example.com/*"),
            ("example.com", "http*://example.com/*"),
            ("*example.com/*", "http*://*example.com/*"),
            ("https://example.com/a", "https://example.com/a*"),
            ("example.com/a?b=*", "http*://example.com/a?b=*"),
        ] {
            assert_eq!(wildcard(pattern), wanted, "{pattern}");
        }
    }

    /// The translation does to a URL what the Page Rule did.
    #[test]
    fn the_same_comes_out() {
        let urls =
            ["https://lambda.example.com/endpoint?x=1", "https://lambda.example.com/", "https://www.example.com/a"];
        let (ssl, cached) =
            (json!({"id": "ssl", "value": "strict"}), json!({"id": "cache_level", "value": "cache_everything"}));
        let actions = json!([ssl, cached, {"id": "edge_cache_ttl", "value": 7200}, {"id": "browser_cache_ttl", "value": 0},
            {"id": "host_header_override", "value": "b.example.com"}, {"id": "cache_ttl_by_status", "value": {"500-599": "no-store"}}]);
        for pattern in ["lambda.example.com/*", "*example.com/*", "lambda.example.com/endpoint"] {
            let (old, document) = rule(pattern, actions.clone());
            let translated = translate(&old);
            assert!(translated.untranslated.is_empty(), "{:?}", translated.untranslated);
            let mut phases =
                json!({"http_config_settings": [], "http_request_origin": [], "http_request_cache_settings": []});
            for rule in &translated.rules {
                phases[rule.phase.api()] = json!([{"expression": rule.expression, "action": rule.action,
                    "action_parameters": rule.parameters}]);
            }
            let all = json!({"settings": {"ssl": "flexible"}, "rulesets": {"http_config_settings": [],
                "http_request_origin": [], "http_request_cache_settings": []}, "worker_routes": [], "worker_domains": []});
            let before = Zone::from_document(all.clone()).unwrap().merged(document).unwrap();
            let after =
                Zone::from_document(all).unwrap().merged(json!({"rulesets": phases, "page_rules": []})).unwrap();
            for url in urls {
                let of = |zone: &Zone| effective::of(zone, &url.parse().unwrap(), None);
                let (before, after) = (of(&before), of(&after));
                for setting in ["ssl", "cache", "edge_ttl", "browser_ttl", "host_header"] {
                    let words = |e: &effective::Effective| e.in_words(setting).map(|(value, _)| value);
                    assert_eq!(words(&before), words(&after), "{pattern} {url} {setting}");
                }
            }
        }
    }

    #[test]
    fn redirects_keep_their_stars() {
        let forward = json!([{"id": "forwarding_url", "value": {"url": "https://example.com/$1", "status_code": 301}}]);
        let (rule, _) = rule("www.example.com/*", forward);
        let translated = translate(&rule);
        let request = Request::of(&"https://www.example.com/a/b".parse().unwrap());
        let [redirect] = translated.rules.as_slice() else { panic!("{translated:?}") };
        assert_eq!(rules::parse(&redirect.expression).unwrap().evaluate(&request), Truth::True);
        let value = redirect.parameters["from_value"]["target_url"]["expression"].as_str().unwrap();
        let computed = rules::parse_value(value).unwrap().evaluate(&request);
        assert_eq!(computed, Computed::Known("https://example.com/a/b".into()));
    }

    #[test]
    fn what_has_no_equivalent_is_named() {
        let (rule, _) = rule("a.example.com/*", json!([{"id": "polish", "value": "off"}, {"id": "always_use_https"}]));
        let translated = translate(&rule);
        assert_eq!(translated.untranslated, ["polish"]);
        let http = Request::of(&"http://a.example.com/x".parse().unwrap());
        let https = Request::of(&"https://a.example.com/x".parse().unwrap());
        let expression = rules::parse(&translated.rules[0].expression).unwrap();
        assert_eq!((expression.evaluate(&http), expression.evaluate(&https)), (Truth::True, Truth::False));
    }
}
