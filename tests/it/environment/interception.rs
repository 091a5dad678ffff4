//! Proxies that open TLS and show certificates of their own making.

use super::scene::{Scene, all_are_told};
use super::world::{Authority, HOST, World, answering, edge_answer, origin_answer, saying};
use crate::hostile::script::{Front, Server};

/// A proxy of this authority before both ends, which passes on what they say.
fn both(authority: &Authority) -> World {
    let edge = Server::start(authority.front(HOST), answering(|line| edge_answer(line, 0)));
    let origin = Server::start(authority.front(HOST), answering(|_| origin_answer(0)));
    World { edge: edge.port, origin: origin.port, ..World::sound() }
}

const CERTIFICATES: &[&str] =
    &["edge-certificate", "edge-legacy", "edge-unreachable", "origin-certificate", "origin-chain", "origin-ca"];

#[test]
fn proxies_that_read_tls() {
    let corporate = Authority::new("Example Corporation", "Inspection CA", None);
    let both_ends = both(&corporate);
    let only_edge = World { edge: both_ends.edge, ..World::sound() };
    let refused = Server::start(
        corporate.front(HOST),
        saying(
            "HTTP/1.1 403 Forbidden\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nServer: gateway\r\n\
             Content-Type: text/html\r\nContent-Length: 6\r\n\r\npolicy",
        ),
    );
    let product = Authority::new("Zscaler Inc.", "Zscaler Intermediate Root CA (test)", None);
    let known = both(&product);
    let roots = tempfile::tempdir().unwrap();
    let given = roots.path().join("proxy.pem");
    std::fs::write(&given, product.pem()).unwrap();
    let mut with_root = known.arguments();
    with_root.extend(["--cacert".into(), given.display().to_string()]);
    let culprit: &[&str] = &["opens TLS", "Example Corporation"];
    all_are_told(vec![
        Scene::new("before edge and origin", both_ends.arguments(), culprit).unjudged(CERTIFICATES),
        Scene::new("before the edge only", only_edge.arguments(), culprit).unjudged(&CERTIFICATES[..3]),
        Scene::new("with a page of its own", World { edge: refused.port, ..both_ends }.arguments(), culprit),
        Scene::new("of a known product", known.arguments(), &["opens TLS", "Zscaler"]).unjudged(CERTIFICATES),
        Scene::new("of a known product, its root given", with_root, &["opens TLS", "Zscaler"]).unjudged(CERTIFICATES),
    ]);
}

/// A cache on the way tells one answer of Cloudflare again and again.
#[test]
fn a_cache_before_us() {
    const KEPT: &str = "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nServer: cloudflare\r\n\
                        CF-Ray: 8f0000000000abcd-FRA\r\nCF-Cache-Status: MISS\r\nCache-Control: max-age=300\r\n\
                        Content-Type: text/plain\r\nVia: 1.1 cache.example (squid/6.6)\r\nX-Cache: HIT from cache.example\r\n\
                        Age: 40\r\nContent-Length: 2\r\n\r\nhi";
    let cache = Server::start(Front::Raw, saying(KEPT));
    let secure = Server::start(super::world::PUBLIC.of_the_edge.front(HOST), saying(KEPT));
    let mut clear = World { edge_plain: cache.port, ..World::sound() }.arguments();
    clear.push(format!("http://{HOST}/x"));
    let secure = World { edge: secure.port, ..World::sound() }.arguments();
    let culprit: &[&str] = &["a cache on our own side", "8f0000000000abcd-FRA", "squid"];
    all_are_told(vec![
        Scene::new("a cache before http://", clear, culprit).unjudged(&[
            "cache-",
            "edge-origin-error",
            "edge-differs",
            "edge-challenged",
        ]),
        Scene::new("a cache before https://", secure, culprit).unjudged(&[
            "cache-",
            "edge-origin-error",
            "edge-differs",
            "edge-challenged",
        ]),
    ]);
}
