//! Cloudflare's own limits and challenges, aimed at us.

use super::scene::{Scene, all_are_told};
use super::world::{HOST, PUBLIC, World, saying};
use crate::hostile::script::Server;

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
