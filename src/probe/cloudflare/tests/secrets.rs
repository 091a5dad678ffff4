//! Nothing that must not be seen gets into a document.

use super::*;
use crate::demo::cloudflare_api::Fault;

/// Everything of the zone that nobody may see.
const CANARIES: &[&str] =
    &["acc0unt1d", "S3cr3t Ltd", "owner@example.com", "c0mment", "t4g", "s3cr3t", "h34der", "DemoReadOnlyToken"];

#[tokio::test]
async fn no_canary_is_in_the_document() {
    let read = document_of(CloudflareApi::new(document())).await.to_string();
    for canary in CANARIES {
        assert!(!read.contains(canary), "{canary}: {read}");
    }
    assert!(read.contains("x-origin-verify") && read.contains("(redacted)"));
}

#[tokio::test]
async fn what_an_api_repeats_is_hidden_too() {
    let echo = json!([{"id": "p1", "actions": [{"id": "forwarding_url", "value": {
        "url": "https://x.example.com/acc0unt1d1234567890abcdef1234567/DemoReadOnlyToken0DemoReadOnlyToken0Demo"}}]}]);
    let api = CloudflareApi::new(document())
        .fault("/pagerules", Fault::Result(echo))
        .fault("/settings/ssl", Fault::Error(400, 1, "bad token DemoReadOnlyToken0DemoReadOnlyToken0Demo"));
    let read = document_of(api).await;
    for canary in CANARIES {
        assert!(!read.to_string().contains(canary), "{canary}: {read}");
    }
    let url = &read["page_rules"][0]["actions"][0]["value"]["url"];
    assert_eq!(*url, "https://x.example.com/(redacted)/(redacted)");
}

#[tokio::test]
async fn control_characters_do_not_come_through() {
    let mut zone = document();
    zone["worker_routes"][0]["pattern"] = json!("example.com/\u{1b}[2J\u{202e}*");
    let read = document_of(CloudflareApi::new(zone)).await;
    assert_eq!(read["worker_routes"][0]["pattern"], "example.com/\u{fffd}[2J\u{fffd}*");
}
