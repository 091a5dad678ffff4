//! A wrong clock of ours. Here the world's moves instead: by it the doctor's is years behind, years ahead, hours off.

use time::{Duration, OffsetDateTime};

use super::scene::{Scene, all_are_told, all_is_well, examine};
use super::world::{HOST, PUBLIC, World, answering, edge_answer, origin_answer};
use crate::hostile::script::Server;

const YEAR: i64 = 365 * 86_400;
const HOUR: i64 = 3_600;

/// A sound site, so many seconds from now.
fn world_at<const AHEAD: i64>() -> World {
    let now = OffsetDateTime::now_utc() + Duration::seconds(AHEAD);
    let edge = Server::start(PUBLIC.of_the_edge.front_at(HOST, now), answering(|line| edge_answer(line, AHEAD)));
    let origin = Server::start(PUBLIC.of_the_origin.front_at(HOST, now), answering(|_| origin_answer(AHEAD)));
    World { edge: edge.port, origin: origin.port, ..World::sound() }
}

#[test]
fn by_a_wrong_clock_nothing_has_expired() {
    let behind: &[&str] = &["edge-certificate-expiring", "origin-certificate-not-yet", "origin-certificate-expiring"];
    let ahead: &[&str] = &["edge-certificate-expiring", "origin-certificate-expired", "origin-certificate-expiring"];
    let scene = |name, world: World, culprit, dated| Scene::new(name, world.arguments(), culprit).unjudged(dated);
    let mut without_origin =
        scene("years behind, the edge alone", world_at::<{ 3 * YEAR }>(), &["clock"], &behind[..1]);
    let at = without_origin.arguments.iter().position(|argument| argument == "--origin").unwrap();
    without_origin.arguments.drain(at..at + 2);
    all_are_told(vec![
        scene("years behind", world_at::<{ 3 * YEAR }>(), &["clock is wrong", "behind", "1095 days"], behind),
        scene("years ahead", world_at::<{ -3 * YEAR }>(), &["clock is wrong", "ahead", "1095 days"], ahead),
        without_origin,
        // The certificates began, by our clock, only tomorrow; by theirs a month ago.
        scene("31 days behind", world_at::<{ 31 * 24 * HOUR }>(), &["clock is wrong", "behind", "31 days"], behind),
        scene("61 days ahead", world_at::<{ -61 * 24 * HOUR }>(), &["clock is wrong", "ahead", "61 days"], ahead),
    ]);
}

/// Hours do not matter to certificates of months: what is the same by both clocks is judged.
#[test]
fn hours_alone_spoil_nothing() {
    all_is_well("five hours behind", &world_at::<{ 5 * HOUR }>().arguments());
    all_is_well("five hours ahead", &world_at::<{ -5 * HOUR }>().arguments());
}

/// One server with a wrong clock is not ours: the others, and the certificates, agree with us.
#[test]
fn a_server_with_a_wrong_clock_is_not_ours() {
    let edge = Server::start(PUBLIC.of_the_edge.front(HOST), answering(|line| edge_answer(line, 400 * 24 * HOUR)));
    all_is_well("the edge's Date alone", &World { edge: edge.port, ..World::sound() }.arguments());
    let origin = Server::start(PUBLIC.of_the_origin.front(HOST), answering(|_| origin_answer(-400 * 24 * HOUR)));
    all_is_well("the origin's Date alone", &World { origin: origin.port, ..World::sound() }.arguments());
}

/// By the right clock a certificate that has run out still fails.
#[test]
fn by_the_right_clock_what_has_expired_fails() {
    let past = OffsetDateTime::now_utc() - Duration::days(70);
    let edge = Server::start(PUBLIC.of_the_edge.front_at(HOST, past), answering(|line| edge_answer(line, 0)));
    let told = examine(&World { edge: edge.port, ..World::sound() }.arguments());
    assert_eq!(told.results(|id, status| id == "edge-certificate-expiring" && status == "fail").len(), 1);
    assert_eq!(told.code, Some(1));
}
