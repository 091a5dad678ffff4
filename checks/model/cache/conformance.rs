//! Runs the table of `fixtures/cache-model`: data that says what Cloudflare does, each line with its source.

use serde_json::Value;
use time::macros::format_description;

use super::*;
use crate::evidence::http::{CacheControl, Headers};
use crate::evidence::{Response, Target};

const TABLES: &[(&str, &str)] = &[
    ("eligibility", include_str!("../../../fixtures/cache-model/eligibility.json")),
    ("storability", include_str!("../../../fixtures/cache-model/storability.json")),
    ("freshness", include_str!("../../../fixtures/cache-model/freshness.json")),
    ("key", include_str!("../../../fixtures/cache-model/key.json")),
];

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn input(case: &Value) -> CacheInput {
    let target: Target = case["url"].as_str().unwrap().parse().unwrap();
    let mut request = Asked::of(&target);
    request.method = case["method"].as_str().unwrap_or("GET").into();
    request.headers = strings(&case["request"]);
    let at = case["at"].as_str().unwrap_or("origin");
    let mut headers = Headers::default();
    if at != "excerpt" {
        headers.push("date", "Mon, 23 Nov 2026 10:00:00 GMT");
    }
    for line in case["headers"].as_array().unwrap() {
        headers.push(line[0].as_str().unwrap(), line[1].as_str().unwrap());
    }
    let status = u16::try_from(case["status"].as_u64().unwrap_or(200)).unwrap();
    let response = Response { status, version: "HTTP/1.1".into(), headers, body: Default::default() };
    let samples = strings(&case["observed"]).iter().map(|word| seen(word, at, status)).collect();
    let day = format_description!("[year]-[month]-[day]");
    let mut zone = zone(&case["zone"]);
    zone.platform = platform::of_host(&request.host);
    CacheInput {
        request,
        response: Some(Answer::of(&response, at == "origin")),
        date: time::Date::parse(case["date"].as_str().unwrap_or("2026-11-23"), &day).unwrap(),
        zone,
        observed: Observed { samples, left_out: 0 },
    }
}

fn seen(word: &str, at: &str, http: u16) -> Seen {
    let ours = at != "excerpt";
    Seen {
        index: 0,
        status: (!word.is_empty()).then(|| CacheStatus::parse(word)),
        http,
        whole: ours,
        age: None,
        colo: ours.then(|| "SEA".into()),
        at: None,
        method: "GET".into(),
        head: false,
        ours,
        edge_made: false,
        by_cloudflare: true,
    }
}

fn zone(value: &Value) -> ZoneKnowledge {
    let text = |key: &str| value[key].as_str();
    let action = |word: &Value| match word.as_str().unwrap() {
        "bypass" => VaryAction::Bypass,
        "passthrough" => VaryAction::Passthrough,
        _ => VaryAction::Normalize,
    };
    ZoneKnowledge {
        likely_bypass: None,
        plan: text("plan").map(|plan| match plan {
            "free" => Plan::Free,
            "pro" => Plan::Pro,
            "business" => Plan::Business,
            _ => Plan::Enterprise,
        }),
        cache_level: text("cache_level").map(|level| match level {
            "basic" => CacheLevel::Basic,
            "simplified" => CacheLevel::Simplified,
            _ => CacheLevel::Aggressive,
        }),
        development_mode: value["development_mode"].as_bool(),
        browser_cache_ttl: value["browser_cache_ttl"].as_u64(),
        rule: text("rule").map(|rule| match rule {
            "eligible" => RuleSays::Eligible,
            "bypass" => RuleSays::Bypass,
            _ => RuleSays::Nothing,
        }),
        edge_ttl: value.get("edge_ttl").map(|ttl| EdgeTtl {
            mode: match (ttl["override"].as_u64(), ttl["bypass_by_default"].as_bool()) {
                (Some(seconds), _) => EdgeTtlMode::Override(seconds),
                (_, Some(true)) => EdgeTtlMode::BypassByDefault,
                _ => EdgeTtlMode::RespectOrigin,
            },
            by_status: ttl["status"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|row| {
                    let code = |at: usize| u16::try_from(row[at].as_u64().unwrap()).unwrap();
                    (code(0), code(1), row[2].as_i64().unwrap())
                })
                .collect(),
        }),
        browser_ttl: value.get("browser_ttl").map(|ttl| match ttl["override"].as_u64() {
            Some(seconds) => BrowserRule::Override(seconds),
            None => BrowserRule::RespectOrigin,
        }),
        origin_cache_control: value["occ"].as_bool(),
        vary: value.get("vary").map(|vary| VaryRule {
            default: action(&vary["default"]),
            headers: vary["headers"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, word)| (name.clone(), action(word)))
                .collect(),
        }),
        key: value.get("key").map(|key| KeyRule {
            ignore_query: key["ignore_query"].as_bool().unwrap_or(false),
            exclude_origin: key["exclude_origin"].as_bool().unwrap_or(false),
            ..KeyRule::default()
        }),
        deception_armor: value["armor"].as_bool(),
        additional_ports: value["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|port| u16::try_from(port.as_u64().unwrap()).unwrap())
            .collect(),
        always_online: None,
        response_rules: value.get("response_rule").map(|rule| ResponseRules {
            cache_control: rule["cache_control"].as_str().map(|text| CacheControl::parse([text])),
            strip_set_cookie: rule["strip_set_cookie"].as_bool().unwrap_or(false),
        }),
        worker: value["worker"].as_bool(),
        platform: None,
        by: Default::default(),
    }
}

#[test]
fn the_model_agrees_with_the_table() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (table, text) in TABLES {
        let cases: Vec<Value> = serde_json::from_str(text).unwrap();
        for case in &cases {
            count += 1;
            let decision = decide(&input(case));
            let expect = &case["expect"];
            let mut complain = |what: &str, got: String, want: &Value| {
                wrong.push(format!("{table}: {}: {what} is {got}, not {want} ({})", case["name"], case["source"]));
            };
            if decision.obstacle() != expect["decides"].as_str() {
                complain("what decides", format!("{:?}", decision.decider()), &expect["decides"]);
            }
            let mut want: Vec<Vec<CacheStatus>> = strings(&expect["statuses"])
                .iter()
                .map(|set| set.split('|').map(CacheStatus::parse).collect())
                .collect();
            let mut got = decision.expected.clone();
            for set in want.iter_mut().chain(&mut got) {
                set.sort_by_key(ToString::to_string);
            }
            if got != want {
                complain("cf-cache-status", format!("{got:?}"), &expect["statuses"]);
            }
            for (key, got) in [("edge_ttl", decision.freshness.edge_s), ("browser_ttl", decision.browser_ttl.seconds)] {
                if let Some(want) = expect.get(key)
                    && got != want.as_u64()
                {
                    complain(key, format!("{got:?}"), want);
                }
            }
            let open = expect["statuses"].as_array().unwrap().iter().any(|set| set.as_str().unwrap().contains('|'));
            let of_its_kind = open && case["conflict"] != true;
            // Both outcomes stand where the sources conflict; after a change of meaning they stand for the days before.
            let settled = ["REVALIDATED|EXPIRED", "BYPASS|MISS"];
            if of_its_kind
                && !strings(&expect["statuses"]).iter().all(|set| !set.contains('|') || settled.contains(&set.as_str()))
            {
                complain("conflict", "not marked".into(), &expect["statuses"]);
            }
            assert!(case["source"].as_str().unwrap().starts_with("facts/"), "{}", case["name"]);
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 250, "only {count} cases");
}
