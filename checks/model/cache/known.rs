//! What the zone's own settings and rules say of this URL, as knowledge of the cache model: only what nothing leaves
//! open. The rest stays unknown, and is narrowed by what was observed.

use super::input::Answer;
use super::zone::{Deciders, KeyRule, ResponseRules, RuleSays, ZoneKnowledge};
use crate::evidence::http::CacheControl;
use crate::evidence::zone::{CacheKey, DirectiveChange, QueryKey};
use crate::model::effective::{Decided, Effective, Setter};

/// Who decided, if anybody did.
fn who<T>(decided: &Decided<T>) -> Option<String> {
    (decided.certain().is_some() && decided.by != Setter::Default).then(|| decided.by.to_string())
}

/// Reads the effective settings.
pub(super) fn knowledge(effective: &Effective, answer: Option<&Answer>) -> ZoneKnowledge {
    let cache = &effective.cache;
    let rule_by = who(&cache.rule).or_else(|| cache.rule.doubts.first().cloned());
    ZoneKnowledge {
        plan: cache.plan.certain().copied(),
        cache_level: cache.level.certain().copied(),
        development_mode: cache.development_mode.certain().copied(),
        browser_cache_ttl: cache.browser_cache_ttl.certain().copied(),
        rule: cache.rule.certain().copied(),
        likely_bypass: likely_bypass(&cache.rule),
        edge_ttl: cache.edge_ttl.certain().cloned().flatten(),
        browser_ttl: cache.browser_ttl.certain().copied().flatten(),
        origin_cache_control: cache.origin_cache_control.certain().copied().flatten(),
        vary: cache.vary.certain().cloned().flatten(),
        key: cache.key.certain().and_then(Option::as_ref).map(key_rule),
        deception_armor: cache.deception_armor.certain().copied(),
        additional_ports: cache.additional_ports.certain().cloned().unwrap_or_default(),
        always_online: cache.always_online.certain().copied(),
        response_rules: response_rules(effective, answer),
        worker: effective.worker.certain().map(Option::is_some),
        platform: None,
        by: Deciders {
            rule: rule_by,
            edge_ttl: who(&cache.edge_ttl),
            browser_ttl: who(&cache.browser_ttl),
            vary: who(&cache.vary),
            key: who(&cache.key),
            response_rules: who(&cache.cache_control).or_else(|| who(&cache.strip_set_cookie)),
            worker: who(&effective.worker).or_else(|| maybe_worker(effective)),
        },
    }
}

/// The rule that bypasses, where all that speaks against it are parts of the zone that nobody read.
fn likely_bypass(rule: &Decided<RuleSays>) -> Option<String> {
    let only_unread = !rule.doubts.is_empty() && rule.doubts.iter().all(|doubt| doubt.contains("not known:"));
    let says = rule.value == Some(RuleSays::Bypass) && rule.by != Setter::Default;
    (says && only_unread).then(|| rule.by.to_string())
}

/// A Worker route of which cannot be told whether it takes the URL.
fn maybe_worker(effective: &Effective) -> Option<String> {
    let open = effective.takers.iter().find(|taker| {
        matches!(taker.setter, Setter::WorkerRoute { script: Some(_), .. }) && taker.matched.unknown().is_some()
    });
    open.map(|taker| taker.setter.to_string())
}

fn key_rule(key: &CacheKey) -> KeyRule {
    let mut extra: Vec<String> = key.headers.iter().map(|name| format!("the header {name}")).collect();
    extra.extend(key.cookies.iter().map(|name| format!("the cookie {name}")));
    let flags = [
        (key.device_type, "the device type"),
        (key.country, "the country"),
        (key.language, "the language"),
        (key.resolved_host, "the resolved host"),
    ];
    extra.extend(flags.into_iter().filter(|(is_on, _)| *is_on).map(|(_, name)| name.to_owned()));
    let (only, without) = match &key.query {
        QueryKey::Only(names) => (names.clone(), Vec::new()),
        QueryKey::Without(names) => (Vec::new(), names.clone()),
        QueryKey::Whole | QueryKey::Nothing => (Vec::new(), Vec::new()),
    };
    KeyRule { ignore_query: key.query == QueryKey::Nothing, only, without, exclude_origin: key.exclude_origin, extra }
}

/// Cache Response Rules that match for sure.
fn response_rules(effective: &Effective, answer: Option<&Answer>) -> Option<ResponseRules> {
    let cache = &effective.cache;
    if cache.response_rule.certain() != Some(&true) {
        return None;
    }
    let changes = cache.cache_control.certain().filter(|changes| !changes.is_empty());
    Some(ResponseRules {
        cache_control: changes.and_then(|changes| Some(changed(&answer?.cache_control, changes))),
        strip_set_cookie: cache.strip_set_cookie.certain() == Some(&true),
    })
}

/// `Cache-Control` as the rules leave it.
fn changed(sent: &CacheControl, changes: &[DirectiveChange]) -> CacheControl {
    let is_changed = |raw: &str| {
        let name = raw.split('=').next().unwrap_or_default().trim();
        changes.iter().any(|change| change.name.eq_ignore_ascii_case(name))
    };
    let kept = sent.directives.iter().map(|directive| directive.raw.clone()).filter(|raw| !is_changed(raw));
    let set = changes.iter().filter(|change| !change.removes).map(|change| match &change.value {
        Some(value) => format!("{}={value}", change.name),
        None => change.name.clone(),
    });
    let line = kept.chain(set).collect::<Vec<_>>().join(", ");
    CacheControl::parse([line.as_str()])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::evidence::http::{Name, Seconds};
    use crate::evidence::zone::Zone;
    use crate::evidence::{Response, Target};
    use crate::model::cache::{EdgeTtlMode, Plan};
    use crate::model::effective;

    fn of(rules: Value) -> ZoneKnowledge {
        let document = json!({
            "zone": {"name": "example.com", "plan": {"legacy_id": "pro"}, "development_mode": 0},
            "settings": {"cache_level": "aggressive", "browser_cache_ttl": 0},
            "page_rules": [], "worker_routes": [], "worker_domains": [], "rulesets": rules,
        });
        let target: Target = "https://a.example.com/x".parse().unwrap();
        let mut response: Response = serde_json::from_value(json!({"status": 200, "version": "HTTP/2"})).unwrap();
        response.headers.push("cache-control", "private, max-age=5");
        let zone = Zone::from_document(document).unwrap();
        knowledge(&effective::of(&zone, &target, Some(&response)), Some(&Answer::of(&response, true)))
    }

    fn cache(expression: &str, parameters: Value) -> Value {
        json!({"description": "R", "expression": expression, "action": "set_cache_settings", "action_parameters": parameters})
    }

    #[test]
    fn what_is_sure_is_known_and_named() {
        let rule = cache(
            "true",
            json!({"cache": true, "edge_ttl": {"mode": "override_origin", "default": 60},
            "cache_key": {"custom_key": {"query_string": {"include": {"list": ["page"]}}, "user": {"geo": true}}}}),
        );
        let zone = of(json!({"http_request_cache_settings": [rule], "http_response_cache_settings": []}));
        assert_eq!((zone.plan, zone.rule, zone.worker), (Some(Plan::Pro), Some(RuleSays::Eligible), Some(false)));
        assert_eq!(zone.edge_ttl.unwrap().mode, EdgeTtlMode::Override(60));
        let key = zone.key.unwrap();
        assert_eq!((key.only, key.extra), (vec!["page".to_owned()], vec!["the country".to_owned()]));
        assert_eq!(zone.by.rule.as_deref(), Some("Cache Rule \"R\""));
    }

    #[test]
    fn what_is_open_stays_unknown() {
        let rule = cache("ip.src.country eq \"US\"", json!({"cache": true}));
        let zone = of(json!({"http_request_cache_settings": [rule], "http_response_cache_settings": []}));
        assert_eq!((zone.rule, zone.response_rules), (None, None));
        assert!(zone.by.rule.unwrap().contains("ip.src.country"));
        let unread = of(json!({"http_response_cache_settings": []}));
        assert_eq!((unread.rule, unread.edge_ttl), (None, None));
    }

    #[test]
    fn response_rules_change_what_the_origin_says() {
        let control = json!({"description": "S", "expression": "http.response.code eq 200", "action": "set_cache_control",
            "action_parameters": {"private": {"operation": "remove"}, "s-maxage": {"operation": "set", "value": 600}}});
        let strip = cache("true", json!({"strip_set_cookie": true}));
        let zone = of(json!({"http_request_cache_settings": [], "http_response_cache_settings": [control, strip]}));
        let rules = zone.response_rules.unwrap();
        let control = rules.cache_control.unwrap();
        assert!(rules.strip_set_cookie && !control.forbids(Name::Private));
        assert_eq!(control.seconds(Name::SMaxage).and_then(Seconds::floored), Some(600));
        assert_eq!(control.seconds(Name::MaxAge).and_then(Seconds::floored), Some(5));
    }
}
