//! The small world is what it claims to be: each server is asked by clients of the tests' own.

pub(in crate::demo) mod clients;
mod edge;
mod fleet;
mod gateway;
mod known;
mod names;
mod ports;
mod scenarios;
mod store;

use super::{Origin, Scenario, World, Zone, find};

/// The sound world with another zone and origin.
async fn world(zone: fn() -> Zone, origin: fn() -> Origin) -> World {
    World::start(&Scenario { zone, origin, ..sound() }).await.unwrap()
}

fn sound() -> Scenario {
    let sound = find("healthy").unwrap();
    Scenario { ..*sound }
}

fn sound_origin() -> Origin {
    (sound().origin)()
}

/// The answer's header, or nothing.
fn header<'a>(answer: &'a clients::Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}
