use serde_json::{Value, json};

use super::*;
use crate::evidence::zone::Zone;

const URL: &str = "https://lambda.example.com/endpoint";

fn zone(document: Value) -> Zone {
    Zone::from_document(document).unwrap()
}

/// A zone of which everything that matters is known, with this laid over it.
fn known(document: Value) -> Zone {
    let base = json!({
        "zone": {"id": "z", "name": "example.com", "plan": {"legacy_id": "free"}, "development_mode": 0},
        "settings": {"ssl": "flexible", "always_use_https": "off", "cache_level": "aggressive", "browser_cache_ttl": 0,
            "development_mode": "off", "always_online": "off"},
        "dns_records": [
            {"type": "CNAME", "name": "lambda.example.com", "content": "d-a.execute-api.us-west-2.amazonaws.com", "proxied": true},
            {"type": "CNAME", "name": "www.example.com", "content": "b.s3-website-us-west-2.amazonaws.com", "proxied": true},
        ],
        "page_rules": [], "worker_routes": [], "worker_domains": [], "snippets": [], "cloud_connector": [],
        "rulesets": {"http_request_dynamic_redirect": [], "http_request_transform": [], "http_config_settings": [],
            "http_request_origin": [], "http_request_late_transform": [], "http_request_cache_settings": [],
            "http_response_cache_settings": []},
    });
    zone(base).merged(document).unwrap()
}

fn of_url(zone: &Zone, url: &str) -> Effective {
    of(zone, &url.parse().unwrap(), None)
}

fn config(expression: &str, ssl: &str) -> Value {
    json!({"id": "r1", "expression": expression, "action": "set_config", "action_parameters": {"ssl": ssl}})
}

fn rules(rules: &[Value]) -> Value {
    json!({"rulesets": {"http_config_settings": rules}})
}

fn page(pattern: &str, priority: i64, actions: Value) -> Value {
    json!({"id": format!("p{priority}"), "priority": priority, "status": "active",
        "targets": [{"target": "url", "constraint": {"operator": "matches", "value": pattern}}], "actions": actions})
}

fn strict() -> Value {
    json!([{"id": "ssl", "value": "strict"}])
}

#[test]
fn a_configuration_rule_beats_a_page_rule_and_that_the_zone() {
    let bare = of_url(&known(json!({"page_rules": []})), URL);
    assert_eq!((bare.ssl.certain(), &bare.ssl.by), (Some(&SslMode::Flexible), &Setter::Setting("ssl")));
    let by_page =
        known(json!({"page_rules": [page("lambda.example.com/*", 1, json!([{"id": "ssl", "value": "full"}]))]}));
    let by_page = of_url(&by_page, URL);
    assert_eq!(by_page.ssl.certain(), Some(&SslMode::Full));
    assert!(by_page.ssl.by.is_page_rule() && by_page.page_rules[0].applies);
    let both = known(json!({
        "page_rules": [page("lambda.example.com/*", 1, json!([{"id": "ssl", "value": "full"}]))],
        "rulesets": {"http_config_settings": [config("(http.host wildcard \"*lambda.example.com\")", "strict")]},
    }));
    let both = of_url(&both, URL);
    assert_eq!(both.ssl.certain(), Some(&SslMode::Strict));
    assert_eq!(
        both.ssl.overruled.iter().map(|(mode, _)| *mode).collect::<Vec<_>>(),
        [SslMode::Flexible, SslMode::Full]
    );
    let [overruled] = both.overruled.as_slice() else { panic!("{:?}", both.overruled) };
    assert_eq!((overruled.because, overruled.value.as_str()), (Stronger::ModernRule, "full"));
}

#[test]
fn the_last_rule_and_the_highest_page_rule_decide() {
    let two = known(rules(&[config("true", "strict"), config("http.host contains \"example\"", "full")]));
    let two = of_url(&two, URL);
    assert_eq!(two.ssl.certain(), Some(&SslMode::Full));
    assert_eq!(two.overruled[0].because, Stronger::LaterRule);
    let pages = known(json!({"page_rules": [
        page("lambda.example.com/*", 1, strict()),
        page("*example.com/*", 2, json!([{"id": "cache_level", "value": "cache_everything"}])),
    ]}));
    let pages = of_url(&pages, URL);
    assert_eq!(pages.ssl.certain(), Some(&SslMode::Flexible));
    assert_eq!(pages.cache.rule.certain(), Some(&RuleSays::Eligible));
    let [overruled] = pages.overruled.as_slice() else { panic!("{:?}", pages.overruled) };
    assert_eq!(overruled.because, Stronger::HigherPriority);
    assert_eq!(overruled.by.to_string(), "Page Rule *example.com/*");
    assert_eq!((overruled.value.as_str(), overruled.instead.as_str()), ("strict", "flexible"));
}

#[test]
fn what_is_not_known_is_a_doubt_unless_the_rest_decides() {
    let open = known(rules(&[config("ip.src.country eq \"US\"", "strict")]));
    let open = of_url(&open, URL);
    assert_eq!((open.ssl.value, open.ssl.certain()), (Some(SslMode::Flexible), None));
    assert!(open.ssl.doubts[0].contains("ip.src.country"), "{:?}", open.ssl.doubts);
    let same = of_url(&known(rules(&[config("ip.src.country eq \"US\"", "flexible")])), URL);
    assert_eq!(same.ssl.certain(), Some(&SslMode::Flexible));
    let decided = of_url(&known(rules(&[config("ip.src.country eq \"US\"", "off"), config("true", "strict")])), URL);
    assert_eq!(decided.ssl.certain(), Some(&SslMode::Strict));
    let broken = of_url(&known(rules(&[config("http.host eq", "strict")])), URL);
    assert_eq!(broken.ssl.certain(), None);
    let Matched::Unreadable(error) = &broken.rules[0].matched else { panic!() };
    assert!(error.caret.contains('^'));
}

#[test]
fn what_was_not_read_is_a_doubt() {
    let little = of_url(&zone(json!({"settings": {"ssl": "flexible"}})), URL);
    assert_eq!((little.ssl.value, little.ssl.certain()), (Some(SslMode::Flexible), None));
    assert!(little.unread.iter().any(|unread| unread.part == "Configuration Rules"));
    let nothing = of_url(&zone(json!({"page_rules": []})), URL);
    assert_eq!((nothing.ssl.value, nothing.cache.rule.value), (None, Some(RuleSays::Nothing)));
    assert!(nothing.cache.rule.certain().is_none());
}

#[test]
fn a_rewrite_changes_what_later_rules_see() {
    let zone = known(json!({"rulesets": {
        "http_request_transform": [{"expression": "http.request.uri.path eq \"/endpoint\"", "action": "rewrite",
            "action_parameters": {"uri": {"path": {"value": "/v2/endpoint"}}}}],
        "http_config_settings": [config("starts_with(http.request.uri.path, \"/v2/\")", "strict")],
        "http_request_dynamic_redirect": [], "http_request_origin": [], "http_request_cache_settings": [],
    }}));
    let effective = of_url(&zone, "https://lambda.example.com/endpoint?q=1");
    assert_eq!(effective.path.certain().map(String::as_str), Some("/v2/endpoint?q=1"));
    assert_eq!(effective.ssl.certain(), Some(&SslMode::Strict));
}

#[test]
fn redirects_answer_first() {
    let always = known(json!({"settings": {"ssl": "flexible", "always_use_https": "on"}}));
    assert_eq!(of_url(&always, URL).redirect.certain(), Some(&None));
    let http = of_url(&always, "http://lambda.example.com/endpoint");
    let to = http.redirect.certain().unwrap().clone().unwrap();
    assert_eq!((to.status, to.location.as_deref()), (301, Some(URL)));
    let rule = |target: Value| {
        json!({"expression": "true", "action": "redirect", "action_parameters":
        {"from_value": {"target_url": target, "status_code": 302, "preserve_query_string": true}}})
    };
    let two = known(json!({"rulesets": {"http_request_dynamic_redirect": [
        rule(json!({"expression": "concat(\"https://new.example.com\", http.request.uri.path)"})),
        rule(json!({"value": "https://other.example.com/"})),
    ]}}));
    let two = of_url(&two, "https://lambda.example.com/endpoint?a=b");
    let to = two.redirect.value.clone().unwrap().unwrap();
    assert_eq!(to.location.as_deref(), Some("https://new.example.com/endpoint?a=b"));
    assert_eq!(two.overruled[0].because, Stronger::EarlierRule);
    let forward = json!([{"id": "forwarding_url", "value": {"url": "https://www.example.com/$1", "status_code": 301}}]);
    let forward = of_url(&known(json!({"page_rules": [page("lambda.example.com/*", 1, forward)]})), URL);
    assert_eq!(forward.redirect.value.unwrap().unwrap().location.as_deref(), Some("https://www.example.com/endpoint"));
}

#[test]
fn a_worker_takes_the_url_and_leaves_page_rules_in_doubt() {
    let zone = known(json!({
        "page_rules": [page("lambda.example.com/*", 1, strict())],
        "worker_routes": [
            {"pattern": "*example.com/*", "script": "wide"},
            {"pattern": "lambda.example.com/*", "script": "narrow"},
            {"pattern": "lambda.example.com/static/*"},
        ],
    }));
    let taken = of_url(&zone, URL);
    assert_eq!(taken.worker.certain(), Some(&Some("narrow".to_owned())));
    assert_eq!((taken.ssl.value, taken.ssl.certain()), (Some(SslMode::Flexible), None));
    assert!(taken.ssl.doubts[0].contains("Worker"), "{:?}", taken.ssl.doubts);
    assert!(taken.overruled.iter().any(|o| o.because == Stronger::Worker), "{:?}", taken.overruled);
    let free = of_url(&zone, "https://lambda.example.com/static/x");
    assert_eq!((free.worker.certain(), free.ssl.certain()), (Some(&None), Some(&SslMode::Strict)));
    let domain = known(json!({"worker_domains": [{"hostname": "lambda.example.com", "service": "app"}]}));
    assert_eq!(of_url(&domain, URL).worker.certain(), Some(&Some("app".to_owned())));
}

#[test]
fn overrides_of_the_origin() {
    let zone = known(json!({
        "page_rules": [page("lambda.example.com/*", 1, json!([
            {"id": "host_header_override", "value": "a.example.net"}, {"id": "resolve_override", "value": "b.example.com"}]))],
        "rulesets": {"http_request_origin": [{"expression": "true", "action": "route", "action_parameters":
            {"host_header": "c.example.net", "origin": {"port": 8443}}}]},
    }));
    let effective = of_url(&zone, URL);
    assert_eq!(effective.host_header.certain(), Some(&Some("c.example.net".to_owned())));
    assert_eq!(effective.dns_override.certain(), Some(&Some("b.example.com".to_owned())));
    assert_eq!((effective.port.certain(), effective.sni.certain()), (Some(&Some(8443)), Some(&None)));
}

#[test]
fn a_page_rule_pattern_that_misses_is_recognised_and_corrected() {
    for (pattern, url, slip, corrected) in [
        ("lambda.example.com", URL, Slip::NoPath, Some("lambda.example.com/*")),
        ("lambda.example.com/", URL, Slip::NoPath, Some("lambda.example.com/*")),
        ("lambda.example.com/endpoint/*", URL, Slip::Path, Some("lambda.example.com/endpoint*")),
        ("http://lambda.example.com/*", URL, Slip::Scheme, Some("lambda.example.com/*")),
        ("*.lambda.example.com/*", URL, Slip::Host, Some("*lambda.example.com/*")),
        ("lamdba.example.com/*", URL, Slip::Host, Some("lambda.example.com/*")),
        ("lambda.example.com/*", "https://eu.lambda.example.com/x", Slip::Deeper, Some("eu.lambda.example.com/*")),
        ("lambda.example.com/endpoint?*", URL, Slip::Query, Some("lambda.example.com/endpoint")),
        ("lambda.example.com/other/*", URL, Slip::OtherPath, None),
        ("LAMBDA.example.com/*", URL, Slip::Host, Some("lambda.example.com/*")),
    ] {
        let effective = of_url(&known(json!({"page_rules": [page(pattern, 1, strict())]})), url);
        let [miss] = effective.near_misses.as_slice() else { panic!("{pattern}: {:?}", effective.near_misses) };
        assert_eq!((miss.slip, miss.corrected.as_deref()), (slip, corrected), "{pattern}");
        assert!(!miss.because.is_empty(), "{pattern}");
    }
    for pattern in ["example.com/*", "www.example.com/*", "shop.example.com/*", "lambda.example.org/*"] {
        let effective = of_url(&known(json!({"page_rules": [page(pattern, 1, strict())]})), URL);
        assert!(effective.near_misses.is_empty(), "{pattern}: {:?}", effective.near_misses);
    }
    // What would change nothing is no miss.
    let same = json!({"page_rules": [page("lambda.example.com", 1, json!([{"id": "ssl", "value": "flexible"}]))]});
    assert!(of_url(&known(same), URL).near_misses.is_empty());
}

#[test]
fn an_expression_that_misses_is_recognised_and_corrected() {
    for (expression, slip, corrected) in [
        (r#"http.host eq "Lambda.example.com""#, Slip::Impossible, Some(r#"http.host eq "lambda.example.com""#)),
        (
            r#"http.host eq "https://lambda.example.com/""#,
            Slip::Impossible,
            Some(r#"http.host eq "lambda.example.com""#),
        ),
        (
            r#"http.host eq "*lambda.example.com""#,
            Slip::Impossible,
            Some(r#"http.host wildcard "*lambda.example.com""#),
        ),
        (
            r#"http.request.full_uri wildcard "lambda.example.com/*""#,
            Slip::Impossible,
            Some(r#"http.request.full_uri wildcard "http*://lambda.example.com/*""#),
        ),
        (
            r#"(http.host eq "lambda.example.com" and http.request.uri.path eq "/endpoint/")"#,
            Slip::Path,
            Some(r#"(http.host eq "lambda.example.com" and http.request.uri.path in {"/endpoint" "/endpoint/"})"#),
        ),
        (
            r#"(http.host eq "lambda.example.com" and starts_with(http.request.uri.path, "endpoint"))"#,
            Slip::Impossible,
            Some(r#"(http.host eq "lambda.example.com" and starts_with(http.request.uri.path, "/endpoint"))"#),
        ),
        (
            r#"http.host wildcard "*.lambda.example.com""#,
            Slip::Host,
            Some(r#"(http.host wildcard "*.lambda.example.com" or http.host eq "lambda.example.com")"#),
        ),
        (
            r#"http.host eq "lamdba.example.com""#,
            Slip::Host,
            Some(r#"http.host in {"lamdba.example.com" "lambda.example.com"}"#),
        ),
        (r#"http.host eq "lambda.example.com" and http.request.uri.path eq "/other""#, Slip::OtherPath, None),
    ] {
        let effective = of_url(&known(rules(&[config(expression, "strict")])), URL);
        let [miss] = effective.near_misses.as_slice() else { panic!("{expression}: {:?}", effective.near_misses) };
        assert_eq!((miss.slip, miss.corrected.as_deref()), (slip, corrected), "{expression}");
    }
    for expression in [
        r#"http.host eq "www.example.com""#,
        r#"http.host eq "lambda.example.com" and http.request.method eq "POST""#,
        r#"http.host eq "api.example.com" and http.request.uri.path eq "/endpoint""#,
        r#"not http.host eq "lambda.example.com""#,
    ] {
        let effective = of_url(&known(rules(&[config(expression, "strict")])), URL);
        assert!(effective.near_misses.is_empty(), "{expression}: {:?}", effective.near_misses);
    }
    let mut off = config(r#"http.host eq "lambda.example.com""#, "strict");
    off["enabled"] = json!(false);
    assert_eq!(of_url(&known(rules(&[off])), URL).near_misses[0].slip, Slip::Disabled);
}

#[test]
fn setters_are_recognised_by_people() {
    let mut rule = config("true", "strict");
    rule["description"] = json!("Strict for the APIs");
    let effective = of_url(&known(rules(&[rule])), URL);
    assert_eq!(effective.ssl.by.to_string(), "Configuration Rule \"Strict for the APIs\"");
    assert_eq!(effective.ssl.by.line(), "Configuration Rule \"Strict for the APIs\" (1 of 1): true");
}

#[test]
fn a_large_zone_is_judged_at_once() {
    let many: Vec<Value> = (0..300)
        .map(|number| config(&format!("http.host in {{\"host{number}.example.com\"}} and ssl"), "full"))
        .chain([config("http.host eq \"lambda.example.com\"", "strict")])
        .collect();
    let zone = known(rules(&many));
    assert_eq!(of_url(&zone, URL).ssl.certain(), Some(&SslMode::Strict));
    assert_eq!(of_url(&zone, URL).rules.len(), 301);
}
