//! Captive portals and filters: boxes that answer in the place of everybody.

use super::scene::{Scene, all_are_told};
use super::world::{Authority, HOST, World, address, answering, edge_answer, saying};
use crate::hostile::names::serve;
use crate::hostile::script::{Front, Server};

const LOGIN: &str = "HTTP/1.1 302 Found\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nServer: portal/2.1\r\n\
                     Location: http://login.portal.example/?from=x\r\nContent-Length: 0\r\n\r\n";
const PAGE: &str = "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nServer: portal/2.1\r\n\
                    Content-Type: text/html\r\nContent-Length: 27\r\n\r\n<h1>Welcome, please pay</h1>";
const BLOCKED: &str = "HTTP/1.1 403 Forbidden\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nServer: filter/7\r\n\
                       Content-Type: text/html\r\nContent-Length: 16\r\n\r\n<h1>blocked</h1>";

/// A box on both ports of both ends, with a certificate of its own.
fn portal(answer: &str, certificate_for: &str) -> World {
    let own = Authority::new("Hotel Network", "Portal", None);
    let secure = Server::start(own.front(certificate_for), saying(answer));
    let plain = Server::start(Front::Raw, saying(answer));
    World { edge: secure.port, origin: secure.port, edge_plain: plain.port, origin_plain: plain.port, ..World::sound() }
}

#[test]
fn portals() {
    let login = portal(LOGIN, "login.portal.example");
    let page = portal(PAGE, "login.portal.example");
    let blocked = portal(BLOCKED, HOST);
    // One address for everything: a private one, and one of its owner.
    let private = serve(|question| vec![address(question, &[127, 0, 0, 1])], None);
    let public = serve(|question| vec![address(question, &[198, 51, 100, 9])], None);
    let astray: &[&str] = &["edge-", "cache-", "dns-not-proxied", "dns-name", "dns-resolvers", "origin-"];
    all_are_told(vec![
        Scene::new(
            "a portal that redirects, on Cloudflare's addresses",
            login.arguments(),
            &["captive portal", "Hotel Network"],
        ),
        Scene::new("a portal with a page, on Cloudflare's addresses", page.arguments(), &["captive portal"]),
        Scene::new("a filter with a certificate for the name", blocked.arguments(), &["Hotel Network"]),
        Scene::new(
            "a portal to which DNS leads",
            World { resolver: private, ..login }.arguments(),
            &["the resolver 127.0.0.1", "captive portal"],
        )
        .unjudged(astray),
        Scene::new(
            "a provider's box to which DNS leads",
            World { resolver: public, ..page }.arguments(),
            &["invents answers", "198.51.100.9"],
        )
        .unjudged(astray),
    ]);
}

/// `https://` passes, `http://` is answered by a box: what `https://` shows is judged, `http://` is not.
#[test]
fn boxes_on_the_clear_port() {
    let page = Server::start(Front::Raw, saying(PAGE));
    let login = Server::start(Front::Raw, saying(LOGIN));
    let garbage = Server::start(Front::Raw, saying("<!-- advertisement -->\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"));
    let on_clear = |port| World { edge_plain: port, ..World::sound() }.arguments();
    let only_plain = |name, port, culprit| Scene {
        code: 0,
        unjudged: &["edge-http-not-redirected"],
        ..Scene::new(name, on_clear(port), culprit)
    };
    all_are_told(vec![
        only_plain("a portal on port 80", login.port, &["answers http:// in Cloudflare's place", "302"]),
        only_plain("a page on port 80", page.port, &["answers http:// in Cloudflare's place", "200"]),
        only_plain("octets put before the answer on port 80", garbage.port, &["not HTTP"]),
        only_plain("port 80 is closed on the way", Server::closed_port(), &["refused"]),
    ]);
}

/// The target itself is `http://`, and somebody changes the body on the way: edge and origin differ, and neither did it.
#[test]
fn octets_changed_in_clear_text() {
    let altered =
        Server::start(Front::Raw, answering(|line| edge_answer(line, 0).replace("{\"ok\":true}", "{\"no\":true}")));
    let mut arguments = World { edge_plain: altered.port, ..World::sound() }.arguments();
    arguments.extend([format!("http://{HOST}/x"), "--only".into(), "edge-differs-from-origin".into()]);
    all_are_told(vec![
        Scene::new("octets changed in clear text", arguments, &["clear text"]).unjudged(&["edge-differs-from-origin"]),
    ]);
}
