//! The stand-in is what it claims to be: asked by a plain client of the tests' own.

use serde_json::{Value, json};

use super::*;
use crate::demo::tests::clients::{self, Answer};

fn document() -> Value {
    json!({
        "zone": {"id": "z1", "name": "example.com", "account": {"id": "a1"}},
        "dns_records": [
            {"id": "1", "type": "A", "name": "a.example.com", "content": "192.0.2.1", "comment": "mine"},
            {"id": "2", "type": "TXT", "name": "a.example.com", "content": "x"},
            {"id": "3", "type": "A", "name": "b.example.com", "content": "192.0.2.2"},
        ],
        "rulesets": {"http_request_origin": [{"id": "o"}], "http_request_transform": []},
        "worker_domains": [{"id": "d", "hostname": "a.example.com"}],
    })
}

async fn ask(api: &Running, path: &str, token: &str) -> (u16, Value, Answer) {
    let path = format!("/client/v4{path}");
    let headers = [("authorization", token)];
    let answer = clients::plain(api.address(), "localhost", &path, &headers).await.unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default(), answer)
}

async fn get(api: &Running, path: &str) -> (u16, Value) {
    let (status, body, _) = ask(api, path, &format!("Bearer {TOKEN}")).await;
    (status, body)
}

fn code(body: &Value) -> &Value {
    &body["errors"][0]["code"]
}

#[tokio::test]
async fn answers_have_the_recorded_shapes() {
    let api = CloudflareApi::new(document()).serve().await.unwrap();
    let (status, body) = get(&api, "/zones?name=example.com").await;
    assert_eq!((status, &body["success"], &body["errors"]), (200, &json!(true), &json!([])));
    assert_eq!(body["result"][0]["account"]["id"], "a1");
    assert_eq!(body["result_info"], json!({"page": 1, "per_page": 20, "count": 1, "total_count": 1, "total_pages": 1}));
    assert_eq!(get(&api, "/zones?name=example.org").await.1["result"], json!([]));
    let (_, records) = get(&api, "/zones/z1/dns_records?name=a.example.com&type=A").await;
    assert_eq!(records["result"], json!([document()["dns_records"][0]]));
    let (_, setting) = get(&api, "/zones/z1/settings/ssl").await;
    assert_eq!(setting["result"], json!({"id": "ssl", "value": "full", "editable": true, "modified_on": null}));
    let (_, rules) = get(&api, "/zones/z1/rulesets/phases/http_request_origin/entrypoint").await;
    assert_eq!((&rules["result"]["kind"], &rules["result"]["rules"]), (&json!("zone"), &json!([{"id": "o"}])));
    let (status, empty) = get(&api, "/zones/z1/rulesets/phases/http_request_transform/entrypoint").await;
    assert_eq!((status, empty["result"].get("rules")), (200, None), "rules may be absent");
    let (status, none) = get(&api, "/zones/z1/rulesets/phases/http_config_settings/entrypoint").await;
    assert_eq!((status, code(&none)), (404, &json!(10003)));
    let (_, domains) = get(&api, "/accounts/a1/workers/domains?zone_id=z1").await;
    assert_eq!(domains["result"][0]["zone_id"], "z1");
    assert_eq!(get(&api, "/accounts/a2/workers/domains").await.1["result"], json!([]));
    for (path, wanted) in [("/zones/z9/dns_records", 7003), ("/zones/z1/settings", 7000), ("/nonsense", 7000)] {
        assert_eq!(*code(&get(&api, path).await.1), json!(wanted), "{path}");
    }
    assert_eq!(api.requests()[0], "/zones?name=example.com");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let api = CloudflareApi::new(document()).max_per_page(2).serve().await.unwrap();
    let (_, first) = get(&api, "/zones/z1/dns_records?per_page=5000").await;
    assert_eq!(first["result_info"], json!({"page": 1, "per_page": 2, "count": 2, "total_count": 3, "total_pages": 2}));
    let (_, last) = get(&api, "/zones/z1/dns_records?per_page=2&page=2").await;
    assert_eq!(last["result"], json!([document()["dns_records"][2]]));
    for page in ["3", "99999999999999999999", "18446744073709551615"] {
        let (status, beyond) = get(&api, &format!("/zones/z1/dns_records?per_page=2&page={page}")).await;
        assert_eq!(status, 200);
        assert!(beyond["result"].as_array().unwrap().len() <= 2);
    }
}

#[tokio::test]
async fn a_token_is_needed_and_may_lack_permissions() {
    let api = CloudflareApi::new(document()).without_permission("DNS Read").serve().await.unwrap();
    let (status, body) = get(&api, "/zones/z1/dns_records").await;
    assert_eq!((status, code(&body)), (403, &json!(10000)));
    assert_eq!(get(&api, "/zones/z1/pagerules").await.0, 200);
    for (token, status, wanted) in [
        ("", 400, 6003),
        ("Bearer Bearer x", 400, 6003),
        ("Bearer AnotherTokenAnotherTokenAnotherTokenAnot", 403, 9109),
    ] {
        let (found, body, _) = ask(&api, "/zones", token).await;
        assert_eq!((found, code(&body)), (status, &json!(wanted)), "{token}");
    }
    let (status, body, _) = ask(&api, "/user/tokens/verify", "Bearer AnotherTokenAnotherTokenAnotherTokenAnot").await;
    assert_eq!((status, code(&body)), (401, &json!(1000)));
    assert_eq!(get(&api, "/user/tokens/verify").await.1["result"]["status"], "active");
}

#[tokio::test]
async fn too_many_requests_are_refused_for_a_while() {
    let api = CloudflareApi::new(document()).limit(2, 1).serve().await.unwrap();
    let bearer = format!("Bearer {TOKEN}");
    for _ in 0..2 {
        assert_eq!(get(&api, "/zones").await.0, 200);
    }
    for _ in 0..2 {
        let (status, body, answer) = ask(&api, "/zones", &bearer).await;
        assert_eq!((status, code(&body)), (429, &json!(971)));
        assert_eq!(answer.headers["retry-after"], "1");
    }
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(get(&api, "/zones").await.0, 200);
}

#[tokio::test]
async fn only_get_is_taken() {
    let api = CloudflareApi::new(document()).serve().await.unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [(":method", "DELETE"), ("authorization", bearer.as_str())];
    let answer = clients::plain(api.address(), "localhost", "/client/v4/zones/z1", &headers).await.unwrap();
    assert_eq!(answer.status, 405);
}
