//! Cloudflare's own limits and challenges, aimed at us.

use super::scene::{Scene, all_are_told, examine_with};
use super::world::{HOST, PUBLIC, World, saying};
use crate::hostile::script::{Front, Server};

/// An edge that answers everything with this.
fn refusing(status: &str, lines: &str, body: &str) -> Vec<String> {
    let answer = format!(
        "HTTP/1.1 {status}\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nServer: cloudflare\r\nCF-Ray: 8f00-FRA\r\n\
         Content-Type: text/html\r\n{lines}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let edge = Server::start(PUBLIC.of_the_edge.front(HOST), saying(&answer));
    World { edge: edge.port, ..World::sound() }.arguments()
}

#[test]
fn limits_and_challenges() {
    let unseen: &[&str] = &[
        "cache-",
        "edge-challenged",
        "edge-origin-error",
        "edge-gateway-rejects",
        "edge-host-rejected",
        "edge-integration",
        "edge-differs",
        "edge-body",
    ];
    let scene = |name, arguments, culprit| Scene::new(name, arguments, culprit).unjudged(unseen);
    let page = |title: &str| format!("<html><head><title>{title}</title></head></html>");
    all_are_told(vec![
        scene(
            "a challenge",
            refusing("403 Forbidden", "cf-mitigated: challenge\r\n", &page("Just a moment...")),
            &["challenge"],
        ),
        scene("1015", refusing("429 Too Many Requests", "Retry-After: 3600\r\n", "error code: 1015"), &["1015"]),
        scene("1015 as a page", refusing("429 Too Many Requests", "", &page("Access denied | Error 1015")), &["429"]),
        scene("a limit without a page", refusing("429 Too Many Requests", "Retry-After: 9\r\n", ""), &["429"]),
        scene("1020", refusing("403 Forbidden", "", "error code: 1020"), &["1020"]),
        scene("1010, for our User-Agent", refusing("403 Forbidden", "", "error code: 1010"), &["1010"]),
        scene(
            "a block page",
            refusing("403 Forbidden", "", &page("Attention Required! | Cloudflare")),
            &["challenge or block page"],
        ),
        scene("an AWS WAF challenge", refusing("202 Accepted", "x-amzn-waf-action: challenge\r\n", ""), &["AWS WAF"]),
    ]);
}

/// The API limits us too: what it would have told is not known, and whoever demands it hears so.
#[test]
fn the_api_limits_us() {
    let answer = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Type: application/json\r\n\
                  Content-Length: 95\r\n\r\n{\"success\":false,\"errors\":[{\"code\":10429,\
                  \"message\":\"Too many requests\"}],\"result\":null}        ";
    let api = Server::start(Front::Raw, saying(answer));
    let base = format!("http://127.0.0.1:{}/client/v4", api.port);
    let limited = |extra: &[&str]| {
        let mut arguments = World::sound().arguments();
        arguments.extend(extra.iter().map(ToString::to_string));
        examine_with(
            &arguments,
            &[("CLOUDFLARE_BASE_URL", &base), ("CLOUDFLARE_API_TOKEN", "AbCdEf0123456789AbCdEf0123456789AbCdEf01")],
        )
    };
    let (asked, required) = (limited(&[]), limited(&["--cloudflare", "require"]));
    assert_eq!((asked.code, required.code), (Some(0), Some(3)), "{}{}", asked.stderr, required.stderr);
    for told in [asked, required] {
        let of_the_zone = told.results(|id, status| id.starts_with("cloudflare-") && status != "not-run");
        assert!(of_the_zone.is_empty(), "{of_the_zone:?}");
        let reasons = told.results(|id, _| id == "cloudflare-zone-inactive").concat();
        assert!(reasons.contains("rate") || reasons.contains("limit"), "{reasons}");
    }
}
