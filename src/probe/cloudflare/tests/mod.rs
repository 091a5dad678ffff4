//! The API probe over real sockets, against the stand-in.

mod bad_input;
mod fleet;
mod reading;
mod secrets;

use std::time::Duration;

use cfdoctor_checks::NotRun;
use serde_json::{Value, json};

use super::{CloudflareAccess, Looked, look};
use crate::demo::cloudflare_api::{CloudflareApi, Running};
use crate::probe::budget::Budget;

const HOST: &str = "lambda.example.com";

/// A zone as its owner has it: the mixed set-up, with everything that must not be kept.
fn document() -> Value {
    json!({
        "zone": {
            "name": "example.com", "status": "active", "paused": false, "type": "full", "development_mode": 0,
            "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
            "account": {"id": "acc0unt1d1234567890abcdef1234567", "name": "S3cr3t Ltd"},
            "plan": {"legacy_id": "free", "name": "Free Website"}, "meta": {"page_rule_quota": 3},
        },
        "dns_records": [
            {"id": "r1", "type": "CNAME", "name": HOST, "content": "d-abc123.execute-api.us-west-2.amazonaws.com",
             "proxied": true, "ttl": 1, "comment": "c0mment", "tags": ["owner:t4g"]},
            {"id": "r2", "type": "CNAME", "name": "www.example.com",
             "content": "www.example.com.s3-website-us-west-2.amazonaws.com", "proxied": true, "ttl": 1},
            {"id": "r3", "type": "TXT", "name": "example.com", "content": "s3cr3t-verification"},
        ],
        "settings": {"ssl": "flexible", "min_tls_version": "1.2"},
        "page_rules": [{"id": "p1", "status": "active", "priority": 1,
            "targets": [{"target": "url", "constraint": {"operator": "matches", "value": "*lambda*.example.com/*"}}],
            "actions": [{"id": "ssl", "value": "strict"}]}],
        "rulesets": {
            "http_request_late_transform": [{"id": "t1", "action": "rewrite", "expression": "true", "enabled": true,
                "action_parameters": {"headers": {"x-origin-verify": {"operation": "set", "value": "h34der-s3cr3t"}}}}],
            "http_request_cache_settings": [{"id": "c1", "action": "set_cache_settings", "enabled": true,
                "expression": "(http.host eq \"lambda.example.com\")", "action_parameters": {"cache": true}}],
        },
        "worker_routes": [{"id": "w1", "pattern": "example.com/old/*"}],
        "certificate_packs": [{"id": "cp", "type": "universal", "hosts": ["example.com", "*.example.com"],
            "status": "active", "certificates": [{"id": "1", "status": "active"}]}],
    })
}

/// `look` with the stand-in's token.
async fn looked(api: CloudflareApi) -> (Looked, Running) {
    let running = api.serve().await.unwrap();
    (look_at(&running, HOST, &Budget::quiet(Duration::from_secs(20))).await, running)
}

async fn look_at(running: &Running, host: &str, budget: &Budget) -> Looked {
    look(host, &access(running), budget, None).await
}

fn access(running: &Running) -> CloudflareAccess {
    CloudflareAccess::new(running.token(), Some(&running.base_url())).unwrap()
}

fn found(looked: Looked) -> Value {
    match looked {
        Looked::Found(document) => document,
        Looked::Missing(why) => panic!("{}", why.text()),
    }
}

/// The document that the stand-in's zone becomes.
async fn document_of(api: CloudflareApi) -> Value {
    found(looked(api).await.0)
}

/// Why nothing is known.
async fn why_missing(api: CloudflareApi) -> NotRun {
    match looked(api).await.0 {
        Looked::Missing(why) => why,
        Looked::Found(document) => panic!("{document}"),
    }
}
