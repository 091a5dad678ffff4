//! Every way in which token, zone and API are not what they should be: a sentence, and no harm.

use std::time::Instant;

use super::*;
use crate::demo::cloudflare_api::{Fault, TokenState};
use crate::probe::cloudflare::look_within;

#[tokio::test]
async fn a_refused_token_is_said_to_be_what_it_is() {
    for (state, kind, words) in [
        (TokenState::Revoked, "forbidden", "revoked, expired, disabled or mistyped"),
        (TokenState::Expired, "forbidden", "revoked, expired, disabled or mistyped"),
        (TokenState::AddressFiltered, "forbidden", "client IP filter"),
        (TokenState::ShutOut, "inconclusive", "code 10502"),
    ] {
        let why = why_missing(CloudflareApi::new(document()).token(state)).await;
        assert_eq!(why.kind(), kind, "{state:?}");
        assert!(why.text().contains(words) && !why.text().contains("192.0.2.77"), "{}", why.text());
    }
    let running = CloudflareApi::new(document()).serve().await.unwrap();
    let budget = Budget::quiet(Duration::from_secs(5));
    for (token, words) in
        [("Abcdefghij-klm", "code 6003"), ("AnotherTokenAnotherTokenAnotherTokenAnot", "no valid token")]
    {
        let access = CloudflareAccess::new(token, Some(&running.base_url())).unwrap();
        let Looked::Missing(why) = look(HOST, &access, &budget, None).await else { panic!("accepted") };
        assert_eq!(why.kind(), "forbidden");
        assert!(why.text().contains(words) && !why.text().contains(token), "{}", why.text());
    }
}

#[tokio::test]
async fn a_token_that_may_not_list_zones() {
    let why = why_missing(CloudflareApi::new(document()).without_permission("Zone Read")).await;
    assert_eq!(why.kind(), "forbidden");
    assert!(why.text().contains("lacks Zone Read, or is not valid at all"), "{}", why.text());
}

#[tokio::test]
async fn a_zone_that_the_token_does_not_see() {
    let mut other = document();
    other["zone"]["name"] = "example.org".into();
    let why = why_missing(CloudflareApi::new(other)).await;
    assert_eq!(why.kind(), "forbidden");
    assert!(why.text().contains("any zone named lambda.example.com or example.com"), "{}", why.text());
    assert!(why.text().contains("another account"), "{}", why.text());
}

fn zone(id: &str, name: &str, status: &str, account: &str) -> Value {
    let mut zone = document();
    for (key, value) in [("id", id), ("name", name), ("status", status)] {
        zone["zone"][key] = value.into();
    }
    zone["zone"]["account"]["id"] = account.into();
    zone
}

#[tokio::test]
async fn the_name_in_two_zones() {
    let both = |first: &str, second: &str| {
        CloudflareApi::new(zone("z1", "example.com", first, "a1")).zone(zone("z2", "example.com", second, "a2"))
    };
    assert_eq!(document_of(both("moved", "active")).await["zone"]["id"], "z2");
    let why = why_missing(both("active", "active")).await;
    assert_eq!(why.kind(), "inconclusive");
    assert!(why.text().contains("2 zones named example.com, and more than one is active"), "{}", why.text());
    assert!(why_missing(both("pending", "moved")).await.text().contains("none of them is active"));
}

#[tokio::test]
async fn the_most_specific_active_zone_serves_the_host() {
    let both =
        |child: &str| CloudflareApi::new(zone("z1", "example.com", "active", "a1")).zone(zone("z2", HOST, child, "a1"));
    assert_eq!(document_of(both("active")).await["zone"]["id"], "z2");
    assert_eq!(document_of(both("pending")).await["zone"]["id"], "z1", "its name servers are not asked yet");
    let alone = CloudflareApi::new(zone("z1", "example.com", "pending", "a1"));
    assert_eq!(document_of(alone).await["zone"]["status"], "pending");
}

#[tokio::test]
async fn an_api_that_is_none() {
    for (fault, words) in [
        (Fault::Html, "HTTP 200 with text/html where JSON was due"),
        (Fault::Status(403), "HTTP 403 with text/html"),
        (Fault::Status(500), "failed with HTTP 500"),
        (Fault::Body("[1,"), "where JSON was due"),
        (Fault::Body("{\"a\":1}"), "HTTP 200: no reason given"),
        (Fault::Body("[]"), "unknown shape"),
        (Fault::Result(json!({"id": 1})), "no list of zones"),
        (Fault::Result(json!([{"name": "example.com"}])), "a zone without an id"),
        (Fault::Result(json!([{"name": "example.com", "id": "../../x"}])), "a zone without an id"),
        (Fault::Result(json!([7, null, {"name": 7}])), "sight of any zone"),
        (Fault::Closes, "cannot be reached"),
        (Fault::Redirect("https://login.example.com/"), "redirect (HTTP 302)"),
        (Fault::Huge { octets: 50 * 1024 * 1024, stated: true }, "larger than 10 MiB"),
        (Fault::Huge { octets: 50 * 1024 * 1024, stated: false }, "larger than 10 MiB"),
        (Fault::RateLimited { retry_after: 300, times: 9 }, "rate limited: 300 s"),
    ] {
        let start = Instant::now();
        let why = why_missing(CloudflareApi::new(document()).fault("/zones", fault.clone())).await;
        assert!(why.text().contains(words), "{words}: {}", why.text());
        assert!(start.elapsed() < Duration::from_secs(5), "{words}");
    }
    let nobody = CloudflareAccess::new("Abcdefghij", Some("http://127.0.0.1:1/client/v4")).unwrap();
    let budget = Budget::quiet(Duration::from_secs(5));
    let Looked::Missing(why) = look(HOST, &nobody, &budget, None).await else { panic!("nobody is there") };
    assert!(why.text().to_lowercase().contains("refused"), "{}", why.text());
}

#[tokio::test]
async fn an_api_that_hangs_ends_at_the_nearest_limit() {
    let hanging = || CloudflareApi::new(document()).fault("", Fault::Hangs);
    let running = hanging().serve().await.unwrap();
    let start = Instant::now();
    let own = Duration::from_millis(300);
    let budget = Budget::quiet(Duration::from_secs(20));
    let Looked::Missing(why) = look_within(own, HOST, &access(&running), &budget, None).await else { panic!("found") };
    assert_eq!(why.text(), "the Cloudflare API did not answer within 300 ms");
    let budget = Budget::quiet(Duration::from_millis(200));
    let Looked::Missing(why) = look_at(&running, HOST, &budget).await else { panic!("found") };
    assert!(why.text().contains("before the deadline of the visit"), "{}", why.text());
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn faults_of_one_endpoint_stay_there() {
    for (fault, words) in [
        (Fault::Html, "text/html"),
        (Fault::Status(502), "HTTP 502"),
        (Fault::Closes, "cannot be reached"),
        (Fault::Body("nonsense"), "JSON was due"),
        (Fault::Result(json!({"rows": []})), "no list"),
        (Fault::Huge { octets: 50 * 1024 * 1024, stated: false }, "larger than 10 MiB"),
        (Fault::Error(500, 1, "x"), "HTTP 500"),
    ] {
        let read = document_of(CloudflareApi::new(document()).fault("/workers/routes", fault)).await;
        let why = read["not_read"]["worker_routes"]["text"].as_str().unwrap();
        assert!(why.contains(words), "{words}: {why}");
        assert_eq!(read["not_read"].as_object().unwrap().len(), 1, "{read}");
    }
}

#[tokio::test]
async fn a_list_of_records_that_is_too_large_leaves_the_hosts_own() {
    // The fault strikes the first request to the list, which is the whole one.
    let api = CloudflareApi::new(document())
        .fault("/dns_records", Fault::First(Box::new(Fault::Huge { octets: 11 * 1024 * 1024, stated: true })));
    let read = document_of(api).await;
    assert_eq!(read["dns_records"].as_array().unwrap().len(), 1);
    assert_eq!(read["dns_records"][0]["name"], HOST);
    assert_eq!(read["notes"], json!(["dns_records: only those of the host are read"]));
}

#[tokio::test]
async fn a_pause_is_kept_where_there_is_time() {
    let fault = Fault::RateLimited { retry_after: 1, times: 1 };
    let start = Instant::now();
    let (read, running) = looked(CloudflareApi::new(document()).fault("/settings/ssl", fault)).await;
    let read = found(read);
    assert_eq!(read["settings"]["ssl"], "flexible");
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(running.requests().iter().filter(|path| path.ends_with("/settings/ssl")).count(), 2, "once more");
}

#[tokio::test]
async fn an_exhausted_account_is_not_pressed() {
    let (read, running) = looked(CloudflareApi::new(document()).limit(10, 300)).await;
    let read = found(read);
    let not_read = read["not_read"].as_object().unwrap();
    assert!(!not_read.is_empty());
    for why in not_read.values() {
        assert!(why["text"].as_str().unwrap().contains("rate limited"), "{why}");
    }
    assert!(running.requests().len() <= 35, "nothing is asked again");
}

#[tokio::test]
async fn drift_is_kept_or_noted() {
    let mut zone = document();
    zone["rulesets"]["http_request_cache_settings"] = json!([
        {"id": "c1", "action": "set_quantum_cache", "action_parameters": {"cache_key": {"custom_key": {"query_string": {"exclude": "*"}}}}},
        {"id": "c2", "action_parameters": {"cache_key": {"custom_key": {"query_string": {"exclude": {"list": ["a"]}}}}}},
    ]);
    zone["zone"]["status"] = "hibernating".into();
    zone["settings"]["ssl"] = json!({"mode": "quantum"});
    zone["worker_routes"] = json!([7, {"id": "w"}, null]);
    let read = document_of(CloudflareApi::new(zone.clone())).await;
    assert_eq!(read["rulesets"]["http_request_cache_settings"], zone["rulesets"]["http_request_cache_settings"]);
    assert_eq!(read["zone"]["status"], "hibernating");
    assert_eq!(read["settings"]["ssl"], json!({"mode": "quantum"}));
    assert_eq!(read["worker_routes"], json!([{"id": "w"}]));
    assert_eq!(read["notes"], json!(["worker_routes: 2 entries of an unknown shape were left out"]));
}

#[tokio::test]
async fn what_the_plan_lacks_is_not_in_use() {
    const LACKS: &str = "Access to configure this resource has not been granted for this zone. This feature is \
                         available with the Advanced Certificate Manager.";
    let api = CloudflareApi::new(document())
        .fault("/acm/custom_trust_store", Fault::Error(403, 1450, LACKS))
        .fault("/cache/tiered_cache_smart_topology_enable", Fault::Error(403, 1135, "Zone is not entitled to this"));
    let read = document_of(api).await;
    assert_eq!(read["custom_trust_store"], json!([]));
    let why = &read["not_read"]["settings.tiered_cache_smart_topology_enable"];
    assert_eq!(why["kind"], "not-applicable");
    assert!(why["text"].as_str().unwrap().contains("not entitled"), "{why}");
}
