//! What is read, and what it costs.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::*;
use crate::demo::cloudflare_api::Fault;
use crate::probe::cloudflare::{MAX_API_REQUESTS, PERMISSIONS, verify};

fn paid(mut document: Value) -> Value {
    document["zone"]["plan"] = json!({"legacy_id": "pro", "name": "Pro Website"});
    document
}

#[tokio::test]
async fn the_document_is_complete() {
    let read = document_of(CloudflareApi::new(document())).await;
    assert_eq!(read.get("not_read"), None, "{read}");
    assert_eq!(read.get("notes"), None);
    assert_eq!(read["zone"]["name"], "example.com");
    assert_eq!(read["dns_records"][0]["content"], "d-abc123.execute-api.us-west-2.amazonaws.com");
    assert_eq!(read["settings"]["ssl"], "flexible");
    assert_eq!(read["settings"]["development_mode"], "off");
    assert_eq!(read["page_rules"], document()["page_rules"]);
    assert_eq!(read["rulesets"]["http_config_settings"], json!([]), "no entrypoint is no rules");
    assert_eq!(read["rulesets"]["http_request_cache_settings"], document()["rulesets"]["http_request_cache_settings"]);
    assert_eq!(read["origin_tls_client_auth_hostname"], json!({"hostname": HOST, "enabled": null}));
    assert_eq!(read["certificate_packs"], document()["certificate_packs"]);
    assert_eq!(read["snippets"], json!([]), "the free plan has none");
    for row in PERMISSIONS {
        let pointer = format!("/{}", row.key.replace('.', "/"));
        assert_eq!(read.pointer(&pointer).is_some(), row.key != "total_tls", "{}", row.key);
    }
}

#[tokio::test]
async fn two_round_trips_and_no_more_than_35_requests() {
    const DELAY: Duration = Duration::from_millis(400);
    for (host, document) in [(HOST, document()), (HOST, paid(document())), ("a.b.c.d.example.com", paid(document()))] {
        let running = CloudflareApi::new(document).delay(DELAY).serve().await.unwrap();
        let budget = Budget::quiet(Duration::from_secs(20));
        let start = Instant::now();
        let read = found(look_at(&running, host, &budget).await);
        let took = start.elapsed();
        assert!(took >= DELAY * 2 && took < DELAY * 3, "{took:?}");
        let requests = running.requests();
        assert!(requests.len() <= MAX_API_REQUESTS, "{}: {requests:#?}", requests.len());
        assert_eq!(budget.spent().api_requests as usize, requests.len());
        assert_eq!((budget.spent().http_requests, budget.spent().connections), (0, 0));
        assert_eq!(requests.iter().collect::<BTreeSet<_>>().len(), requests.len(), "nothing twice");
        let is_batch = |path: &String| path.ends_with("/settings") && path.split('/').count() == 4;
        assert!(!requests.iter().any(is_batch), "the batch endpoint is gone");
        for (key, why) in read["not_read"].as_object().into_iter().flatten() {
            assert!(why["text"].as_str().unwrap().contains("35 requests"), "{key}: {why}");
            assert!(PERMISSIONS[PERMISSIONS.len() - 3..].iter().any(|row| row.key == key), "{key}");
        }
    }
}

#[tokio::test]
async fn one_http2_connection_carries_everything() {
    let api = CloudflareApi::new(document());
    let (running, settings) = api.serve_secured(&["h2", "http/1.1"]).await.unwrap();
    let access = access(&running).with(&settings).unwrap();
    let budget = Budget::quiet(Duration::from_secs(20));
    let read = found(look(HOST, &access, &budget, None).await);
    assert_eq!(read.get("not_read"), None);
    assert_eq!(running.connections(), 1);
    assert_eq!(verify(&access, &budget).await.unwrap().status, "active");
    assert_eq!(running.connections(), 1);
}

#[tokio::test]
async fn a_server_without_http2_is_spoken_to_in_http1() {
    for alpn in [&["http/1.1"][..], &[]] {
        let (running, settings) = CloudflareApi::new(document()).serve_secured(alpn).await.unwrap();
        let access = access(&running).with(&settings).unwrap();
        let read = found(look(HOST, &access, &Budget::quiet(Duration::from_secs(20)), None).await);
        assert_eq!(read.get("not_read"), None, "{alpn:?}");
    }
}

#[tokio::test]
async fn an_untrusted_certificate_is_named() {
    let (running, _) = CloudflareApi::new(document()).serve_secured(&["h2"]).await.unwrap();
    let Looked::Missing(why) = look_at(&running, HOST, &Budget::quiet(Duration::from_secs(5))).await else {
        panic!("trusted")
    };
    assert!(why.text().contains("cannot be reached") && why.text().contains("certificate"), "{}", why.text());
    assert_eq!(running.requests().len(), 0, "the token was shown to nobody");
}

#[tokio::test]
async fn the_proxy_is_used_where_one_is_named() {
    use crate::settings::{Proxy, ProxyKind, Settings};
    let running = CloudflareApi::new(document()).serve().await.unwrap();
    let budget = Budget::quiet(Duration::from_secs(5));
    for host in ["127.0.0.1", "::1"] {
        for kind in [ProxyKind::Http, ProxyKind::Socks5] {
            let proxy = Proxy { kind, host: host.into(), port: 1, credentials: Some("me:s3cr3t".into()) };
            let access = access(&running).with(&Settings { proxy: Some(proxy), ..Settings::default() }).unwrap();
            let Looked::Missing(why) = look(HOST, &access, &budget, None).await else { panic!("no proxy used") };
            assert!(why.text().contains("cannot be reached") && !why.text().contains("s3cr3t"), "{}", why.text());
        }
    }
    assert!(running.requests().is_empty());
}

#[tokio::test]
async fn the_records_come_before_the_slowest_answer() {
    let api = CloudflareApi::new(document()).fault("/ssl/verification", Fault::Hangs);
    let running = api.serve().await.unwrap();
    let (sender, early) = oneshot::channel();
    let budget = Budget::quiet(Duration::from_millis(1_500));
    let (access, start) = (access(&running), Instant::now());
    let early = async {
        let looked = early.await.unwrap();
        (looked, start.elapsed())
    };
    let (whole, (early, took)) = tokio::join!(look(HOST, &access, &budget, Some(sender)), early);
    assert!(took < Duration::from_millis(1_000), "{took:?}");
    let early = found(early);
    assert_eq!(early["dns_records"], found(whole.clone())["dns_records"]);
    assert_eq!(early["rulesets"], json!({"http_request_origin": [], "http_request_transform": []}));
    assert_eq!(early.get("certificate_packs"), None);
    let whole = found(whole);
    assert_eq!(whole["not_read"].as_object().unwrap().len(), 1, "the rest of the zone is unharmed");
    let why = whole["not_read"]["ssl_verification"]["text"].as_str().unwrap();
    assert!(why.contains("before the deadline"), "{why}");
}

#[tokio::test]
async fn each_missing_permission_costs_its_own_parts_only() {
    let permissions: BTreeSet<_> = PERMISSIONS.iter().map(|row| row.permission).collect();
    for permission in permissions {
        let read = document_of(CloudflareApi::new(paid(document())).without_permission(permission)).await;
        let not_read = read["not_read"].as_object().unwrap();
        for row in PERMISSIONS.iter().filter(|row| !["total_tls", "ssl_automatic_mode"].contains(&row.key)) {
            let forbidden = json!({"kind": "forbidden", "permission": permission});
            let is_left_out = not_read.get(row.key).is_some_and(|why| why["kind"] == "inconclusive");
            assert_eq!(
                not_read.get(row.key) == Some(&forbidden),
                row.permission == permission && !is_left_out,
                "{}",
                row.key
            );
        }
        assert_eq!(read["zone"]["name"], "example.com");
    }
}

#[tokio::test]
async fn long_lists_are_read_page_by_page() {
    let mut document = document();
    let more = (0..250).map(|n| {
        json!({"id": format!("m{n}"), "type": "A", "name": format!("m{n}.example.com"),
        "content": "192.0.2.1", "proxied": false, "ttl": 300})
    });
    document["dns_records"].as_array_mut().unwrap().splice(0..0, more);
    let (read, running) = looked(CloudflareApi::new(document.clone()).max_per_page(100)).await;
    let read = found(read);
    assert_eq!(read["dns_records"].as_array().unwrap().len(), 252, "all but the TXT record");
    let pages: Vec<_> = running.requests().into_iter().filter(|path| path.contains("/dns_records")).collect();
    assert_eq!(pages.len(), 3, "{pages:?}");

    let (read, running) = looked(CloudflareApi::new(document).max_per_page(5)).await;
    let read = found(read);
    assert_eq!(read["dns_records"].as_array().unwrap().len(), 101, "20 pages, and the host's own");
    assert!(read["dns_records"].as_array().unwrap().iter().any(|record| record["name"] == HOST));
    assert_eq!(read["notes"], json!(["dns_records: only the first 100 of 253 are read"]));
    let own: Vec<_> = running.requests().into_iter().filter(|path| path.contains("name=lambda")).collect();
    assert_eq!(own.len(), 2, "{own:?}");
}

#[tokio::test]
async fn a_deep_host_is_asked_about_total_tls() {
    let running = CloudflareApi::new(document()).serve().await.unwrap();
    let budget = Budget::quiet(Duration::from_secs(20));
    let read = found(look_at(&running, "v1.lambda.example.com", &budget).await);
    assert_eq!((&read["total_tls"], read.get("universal_ssl")), (&json!({"enabled": false}), None));
}

#[tokio::test]
async fn the_token_is_verified() {
    use crate::demo::cloudflare_api::TokenState;
    use crate::probe::cloudflare::{TokenFault, Trouble};
    let budget = Budget::quiet(Duration::from_secs(20));
    for (state, status) in [
        (TokenState::Active, Ok("active")),
        (TokenState::Expired, Ok("expired")),
        (TokenState::Revoked, Err(TokenFault::Invalid)),
        (TokenState::AddressFiltered, Err(TokenFault::Address)),
        (TokenState::ShutOut, Err(TokenFault::ShutOut)),
    ] {
        let running = CloudflareApi::new(document()).token(state).serve().await.unwrap();
        let verified = verify(&access(&running), &budget).await;
        assert_eq!(
            verified.as_ref().map(|v| v.status.as_str()),
            status.as_ref().map(|s| *s).map_err(|f| Trouble::Token(*f)).as_ref().copied(),
            "{state:?}"
        );
        assert_eq!(verified.is_ok_and(|verified| verified.is_active()), state == TokenState::Active);
    }
}
