//! Ways that do not lead anywhere: firewalls, missing families of addresses, packets that are too large.

use super::relay::black_hole;
use super::scene::{Scene, all_are_told};
use super::world::{EDGE_ADDRESS, HOST, ORIGIN, World, address, truth};
use crate::hostile::names::{A, OK, Question, serve, soa};
use crate::hostile::script::{Front, Server, Step};

const EVERYTHING: &[&str] = &["edge-", "cache-", "origin-"];
/// The same but for `http://`, which passes.
const SECURE: &[&str] = &[
    "edge-unreachable",
    "edge-certificate",
    "edge-legacy",
    "edge-origin-error",
    "edge-challenged",
    "edge-gateway",
    "edge-host",
    "cache-",
    "origin-",
];
/// An address of each family to which no machine opens a TCP connection: "network is unreachable", as where a family is
/// missing (a group's, RFC 1112 and RFC 4291).
const NOWHERE: [&str; 2] = ["224.0.0.1", "[ff02::1]"];

/// The limits of those who wait in vain.
fn in_vain(world: World) -> Vec<String> {
    let mut arguments = world.arguments();
    arguments.extend(["--connect-timeout", "3s", "--timeout", "3s", "--deadline", "20s"].map(Into::into));
    arguments
}

/// A firewall that does this on port 443 of everybody.
fn firewall(steps: Vec<Step>) -> World {
    let [edge, origin] = [(); 2].map(|()| Server::start(Front::Raw, steps.clone()).port);
    World { edge, origin, ..World::sound() }
}

#[test]
fn firewalls() {
    let page = "HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nblocked";
    let closed = World { edge: Server::closed_port(), origin: Server::closed_port(), ..World::sound() };
    let culprit: &[&str] = &["our own network"];
    // Where the origin is not known, nothing was there to compare with.
    let alone = |world: World| {
        let mut arguments = in_vain(world);
        let at = arguments.iter().position(|argument| argument == "--origin").unwrap();
        arguments.drain(at..at + 2);
        arguments
    };
    let resets = firewall(vec![Step::Hello, Step::Reset]);
    all_are_told(vec![
        Scene::new("443 is refused to everybody", closed.arguments(), culprit).unjudged(SECURE),
        Scene::new("443 is reset for everybody", resets.arguments(), culprit).unjudged(SECURE),
        Scene::new("443 is closed for everybody", firewall(vec![Step::Hello, Step::Close]).arguments(), culprit)
            .unjudged(SECURE),
        Scene::new("443 is silent for everybody", in_vain(firewall(vec![Step::Silence])), culprit).unjudged(SECURE),
        Scene::new(
            "443 speaks HTTP for everybody",
            firewall(vec![Step::Hello, Step::Say(page.into()), Step::Close]).arguments(),
            &["our own network", "not TLS"],
        )
        .unjudged(SECURE),
        Scene::new("443 is refused, and the origin is not known", alone(closed), &["our own network"]).unjudged(SECURE),
        Scene::new("443 is reset, and the origin is not known", alone(resets), &["nothing else"]).unjudged(SECURE),
    ]);
}

#[test]
fn packets_that_are_too_large() {
    let sound = World::sound();
    let holes = |small| World { edge: black_hole(sound.edge, small), origin: black_hole(sound.origin, small), ..sound };
    // A body that does not fit behind a head that does: after the handshake nothing large comes any more.
    let silent_edge = Server::start(super::world::PUBLIC.of_the_edge.front(HOST), vec![Step::Request, Step::Silence]);
    let silent_origin =
        Server::start(super::world::PUBLIC.of_the_origin.front(HOST), vec![Step::Request, Step::Silence]);
    let late = World { edge: silent_edge.port, origin: silent_origin.port, ..sound };
    all_are_told(vec![
        Scene::new("the certificates do not come through", in_vain(holes(0)), &["MTU"]).unjudged(SECURE),
        Scene::new("the answers do not come through", in_vain(late), &["MTU"]).unjudged(&[
            "cache-",
            "edge-origin-error",
            "edge-gateway",
            "origin-bypass",
        ]),
    ]);
}

/// AAAA only, on a machine without IPv6; A only, on one without IPv4.
#[test]
fn families_that_are_missing() {
    let only_v6 = |q: &Question| {
        let cloudflare = [0x26, 6, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x68, 0x10, 0x84, 0xe5];
        vec![match (q.name().as_str(), q.kind) {
            (HOST, A) => q.reply(OK, &[], &[soa()]),
            (HOST, _) => address(q, &cloudflare),
            _ => truth(q),
        }]
    };
    let only_v4 = |q: &Question| vec![if q.name() == HOST { address(q, &EDGE_ADDRESS) } else { truth(q) }];
    let lead = |nowhere: &str| {
        [443, 80].map(|port| ["--connect-to".to_owned(), format!("{HOST}:{port}:{nowhere}:{port}")]).concat()
    };
    let scene = |name, resolver, nowhere: &str, culprit| {
        // The first rule that fits counts.
        let mut arguments = lead(nowhere);
        arguments.extend(World { resolver, ..World::sound() }.arguments());
        Scene::new(name, arguments, culprit)
    };
    let without_origin = |mut scene: Scene, nowhere: &str| {
        for port in [443, 80] {
            scene.arguments.splice(0..0, ["--connect-to".into(), format!("{ORIGIN}:{port}:{nowhere}:{port}")]);
        }
        scene
    };
    let [v4, v6] = NOWHERE;
    all_are_told(vec![
        scene("no IPv6", serve(only_v6, None), v6, &["no way over IPv6"]),
        scene("no IPv4", serve(only_v4, None), v4, &["no way over IPv4"]),
        without_origin(scene("no way at all", serve(only_v4, None), v4, &["no way over IPv4"]), v4)
            .unjudged(EVERYTHING),
    ]);
    // Only the origin is out of our reach: the edge is judged, and nothing is said of what it could not see.
    let mut arguments =
        [443, 80].map(|port| ["--connect-to".to_owned(), format!("{ORIGIN}:{port}:{v6}:{port}")]).concat();
    arguments.extend(World::sound().arguments());
    all_are_told(vec![
        Scene { code: 0, ..Scene::new("no IPv6 for the origin", arguments, &["no way over IPv6"]) }.unjudged(&[
            "origin-unreachable",
            "origin-handshake",
            "origin-certificate",
            "origin-bypass",
        ]),
    ]);
}
