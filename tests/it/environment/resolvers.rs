//! Resolvers that lie, fail, filter or translate.

use super::scene::{Scene, VISITOR, all_are_told};
use super::world::{EDGE_ADDRESS, HOST, ORIGIN, ORIGIN_ADDRESS, World, address, saying, truth};
use crate::hostile::names::{A, ASKED, CUT, NXDOMAIN, OK, Question, REFUSED, SERVFAIL, Speak, record, serve, soa};
use crate::hostile::script::{Front, Server};

const NS: u16 = 2;

/// A sound world behind this resolver. Without `reachable` nobody is where the resolver leads.
fn behind(speak: Speak, reachable: bool) -> Vec<String> {
    let resolver = serve(speak, None);
    if reachable {
        return World { resolver, ..World::sound() }.arguments();
    }
    let short = ["--connect-timeout", "2s", "--timeout", "2s", "--resolver"].map(Into::into);
    short.into_iter().chain([format!("127.0.0.1:{resolver}")]).collect()
}

/// The truth, but this for the host.
fn leading_to(question: &Question, octets: &[u8]) -> Vec<Vec<u8>> {
    vec![if question.name() == HOST { address(question, octets) } else { truth(question) }]
}

/// Is somebody else's application on loopback's port 443, so that a name that leads there finds it?
fn is_taken() -> bool {
    std::net::TcpStream::connect("127.0.0.1:443").is_ok()
}

#[test]
fn failing_resolvers() {
    let names: &[&str] = &["dns-name", "dns-not-proxied", "dns-dnssec", "edge-", "cache-"];
    all_are_told(vec![
        Scene::new(
            "SERVFAIL for everything",
            behind(|q| vec![q.reply(SERVFAIL, &[], &[])], false),
            &["fails on every name", "SERVFAIL"],
        )
        .unjudged(names),
        Scene::new("REFUSED for everything", behind(|q| vec![q.reply(REFUSED, &[], &[])], false), &["REFUSED"])
            .unjudged(names),
        Scene::new("silence", behind(|_| vec![], false), &["no answer in time"]).unjudged(names),
        Scene::new("cut, and TCP refused", behind(|q| vec![q.reply(CUT, &[], &[])], false), &["over TCP"])
            .unjudged(names),
        Scene::new("nonsense", behind(|_| vec![vec![0x2a; 60]], false), &["no "]).unjudged(names),
    ]);
}

#[test]
fn lying_resolvers() {
    let box_ = Server::start(
        Front::Raw,
        saying("HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nServer: park\r\nContent-Length: 0\r\n\r\n"),
    );
    let mut rewritten = behind(
        |q| match truth(q) {
            denied if denied[3] & 15 == 3 => vec![address(q, &[198, 51, 100, 9])],
            _ if q.name() == HOST => vec![address(q, &[198, 51, 100, 9])],
            told => vec![told],
        },
        false,
    );
    rewritten.extend(["--connect-to".into(), format!("{HOST}:80:127.0.0.1:{}", box_.port)]);
    rewritten.extend(["--connect-to".into(), format!("{HOST}:443:127.0.0.1:{}", Server::closed_port())]);
    let mut scenes = vec![
        Scene::new("NXDOMAIN rewritten into an address", rewritten, &["invents answers", "198.51.100.9"])
            .unjudged(VISITOR),
        Scene::new("a filter's 0.0.0.0", behind(|q| leading_to(q, &[0; 4]), false), &["0.0.0.0", "filter"])
            .unjudged(VISITOR),
        Scene::new("a private address", behind(|q| leading_to(q, &[10, 255, 255, 254]), false), &["10.255.255.254"])
            .unjudged(VISITOR),
    ];
    if !is_taken() {
        let filtered = behind(|q| leading_to(q, &[127, 0, 0, 1]), false);
        scenes.push(Scene::new("a filter's 127.0.0.1", filtered, &["127.0.0.1", "filter"]).unjudged(VISITOR));
    }
    all_are_told(scenes);
}

/// A VPN's own view leads past Cloudflare, straight to the origin with its good certificate: what is met there is not
/// what visitors meet.
#[test]
fn a_split_horizon_that_leads_past_cloudflare() {
    let world = World::sound();
    let arguments = World {
        resolver: serve(|q| leading_to(q, &[10, 1, 2, 3]), None),
        edge: world.origin,
        edge_plain: world.origin_plain,
        ..world
    };
    all_are_told(vec![
        Scene::new("a split horizon", arguments.arguments(), &["10.1.2.3", "split horizon"]).unjudged(VISITOR),
    ]);
}

/// The resolver leads to a public address of its own choice; the zone's own server knows better. That one is asked on
/// port 53, which only root may open.
#[test]
fn against_the_zones_own_server() {
    let Ok(authority) = std::net::UdpSocket::bind("127.77.53.1:53") else {
        assert!(std::env::var_os("CFDOCTOR_REAL_SERVERS").is_none(), "port 53 of 127.77.53.1 is needed");
        return;
    };
    std::thread::spawn(move || {
        let mut packet = [0; 4096];
        while let Ok((length, client)) = authority.recv_from(&mut packet) {
            // Authoritative, without recursion.
            let Some(mut answer) = Question::read(&packet[..length]).map(|question| truth(&question)) else { continue };
            (answer[2], answer[3]) = (0x84, answer[3] & 15);
            let _ = authority.send_to(&answer, client);
        }
    });
    let lies = serve(
        |q| {
            let server = b"\x03ns1\x07example\x03com\0";
            vec![match (q.name().as_str(), q.kind) {
                ("example.com", NS) => q.reply(OK, &[record(ASKED, NS, 60, server)], &[]),
                ("ns1.example.com", _) => address(q, &[127, 77, 53, 1]),
                (HOST, A) => address(q, &[198, 51, 100, 9]),
                _ => truth(q),
            }]
        },
        None,
    );
    let page = "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nServer: park\r\nContent-Length: 0\r\n\r\n";
    let parking = Server::start(super::world::Authority::new("Parking", "Parking", None).front(HOST), saying(page));
    let plain = Server::start(Front::Raw, saying(page));
    let world = World { resolver: lies, edge: parking.port, edge_plain: plain.port, ..World::sound() };
    all_are_told(vec![
        Scene::new(
            "a parking address",
            world.arguments(),
            &["the zone's own server", "198.51.100.9", "104.16.132.229"],
        )
        .unjudged(VISITOR),
    ]);
}

/// What a resolver leaves out or makes up may not matter: then everything is judged as ever.
#[test]
fn resolvers_that_do_no_harm() {
    // Translated for a network without IPv4 (RFC 6147), under the common prefix and under one of its own.
    let common = |q: &Question| {
        let [a, b, c, d] = if q.name() == HOST { EDGE_ADDRESS } else { ORIGIN_ADDRESS };
        let translated = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d];
        vec![match (q.name().as_str(), q.kind) {
            (HOST | ORIGIN, 28) => address(q, &translated),
            (HOST | ORIGIN, A) => q.reply(OK, &[], &[soa()]),
            _ => truth(q),
        }]
    };
    let own = |q: &Question| {
        let [a, b, c, d] = if q.name() == HOST { EDGE_ADDRESS } else { ORIGIN_ADDRESS };
        let translated = [0x20, 1, 0x0d, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, a, b, c, d];
        vec![match (q.name().as_str(), q.kind) {
            (HOST | ORIGIN, 28) => address(q, &translated),
            _ => truth(q),
        }]
    };
    for (name, speak) in [
        ("DNS64", common as Speak),
        ("DNS64 under a prefix of its own", own),
        ("AAAA left out", |q| vec![if q.kind == 28 { q.reply(NXDOMAIN & !3, &[], &[]) } else { truth(q) }]),
        ("every name twice", |q| vec![truth(q), truth(q)]),
    ] {
        super::scene::all_is_well(name, &behind(speak, true));
    }
}
