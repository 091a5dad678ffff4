//! Many healthy hosts: the doctor's engine (look, judge, one JSON line a host) against the limit engine and against
//! what people use, in one run: `cargo bench --locked --bench fleet`.
//!
//! World, limit engine and doctor are processes of their own (this program again), so that each one's CPU time and
//! memory are its own. Engine and doctor take turns. All share the machine: hosts a second are what is left of it.
//!
//! `CFDOCTOR_FLEET_HOSTS` (default 2000) and `CFDOCTOR_FLEET_ROUNDS` (default 3) make it longer or shorter.

#![recursion_limit = "256"]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs
)]

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod doctor;
#[path = "../common/limit.rs"]
mod limit;
mod link;
mod measure;
mod peers;
mod world;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use measure::Measured;
use world::{Distances, Places};

/// What this process is; not set: the one that drives the others.
const ROLE: &str = "CFDOCTOR_FLEET_ROLE";
/// Where the world is, as JSON.
const PLACES: &str = "CFDOCTOR_FLEET_PLACES";
/// How far away the world is; not set: no way at all.
const DISTANCES: &str = "CFDOCTOR_FLEET_DISTANCES";
/// Round trips to the resolver, the edge and the origin, ms, as performance.md has them.
const ROUND_TRIPS: &str = "20/40/80";

/// Visits at once where goals 3, 6 and 7 are measured.
const AT_ONCE: usize = 256;
/// Ten times the knee (goal 9).
const OVERLOAD: usize = 2500;

fn main() {
    match std::env::var(ROLE).as_deref() {
        Ok("world") => {
            world::run(std::env::var(DISTANCES).map_or_else(
                |_| Distances::default(),
                |text| Distances::parse(&text).expect("the driver sets it well"),
            ))
        }
        Ok("engine") => println!("{}", measure::engine(&places(), number("COUNT"), number("AT_ONCE"))),
        Ok("doctor") => {
            println!("{}", doctor::run(&places(), number("COUNT"), number("AT_ONCE"), number("FORCED") == 1))
        }
        _ => drive(),
    }
}

fn drive() {
    let hosts = wanted("HOSTS", 2000);
    let rounds = wanted("ROUNDS", 3);
    println!("{hosts} healthy hosts, {AT_ONCE} at once; medians of {rounds} runs each, taken in turn");
    let far = {
        let (_world, places) = start_world(Some(ROUND_TRIPS));
        println!("\nround trips of {ROUND_TRIPS} ms to the resolver, the edge and the origin");
        in_turn(&places, hosts, rounds).1
    };
    println!("\nwithout delay");
    let (_world, places) = start_world(None);
    let (engine, doctor) = in_turn(&places, hosts, rounds);
    for count in [hosts / 4, 2 * hosts] {
        role("doctor", &places, count, AT_ONCE, false).print(&format!("cfdoctor, {count} hosts"), &engine);
    }
    println!("\n{OVERLOAD} asked for at once (goal 9: no site is blamed)");
    println!("{}", Measured::HEAD);
    let adapts = role("doctor", &places, hosts.max(OVERLOAD), OVERLOAD, false);
    adapts.print("cfdoctor, adapting", &engine);
    let forced = role("doctor", &places, hosts.max(OVERLOAD), OVERLOAD, true);
    forced.print("cfdoctor, all at once", &engine);
    peers::measure(&places, hosts, &engine);
    for (name, measured) in
        [("far away", &far), ("at once", &doctor), ("overload", &adapts), ("overload, all at once", &forced)]
    {
        assert_eq!(measured.wrong, 0, "{name}: every host is healthy");
    }
}

/// Engine and doctor, each `rounds` times.
fn in_turn(places: &Places, hosts: usize, rounds: usize) -> (Measured, Measured) {
    let (mut engine, mut doctor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        engine.push(role("engine", places, hosts, AT_ONCE, false));
        doctor.push(role("doctor", places, hosts, AT_ONCE, false));
    }
    let (engine, doctor) = (Measured::median(engine), Measured::median(doctor));
    println!("{}", Measured::HEAD);
    engine.print("limit engine (E)", &engine);
    doctor.print("cfdoctor", &engine);
    (engine, doctor)
}

fn start_world(distances: Option<&str>) -> (Ended, Places) {
    let mut command = this("world");
    command.envs(distances.map(|text| (DISTANCES, text)));
    let mut child = command.stdout(Stdio::piped()).spawn().expect("this program can be started again");
    let mut line = String::new();
    let output = child.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut line).expect("the world tells its places");
    (Ended(child), serde_json::from_str(&line).expect("as JSON"))
}

/// Ends a process with its owner.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn role(role: &str, places: &Places, count: usize, at_once: usize, forced: bool) -> Measured {
    let places = serde_json::to_string(places).expect("plain data");
    let mut command = this(role);
    command.env(PLACES, places);
    for (name, value) in [("COUNT", count), ("AT_ONCE", at_once), ("FORCED", usize::from(forced))] {
        command.env(format!("CFDOCTOR_FLEET_{name}"), value.to_string());
    }
    let output = command.stderr(Stdio::inherit()).output().expect("this program can be started again");
    assert!(output.status.success(), "{role} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).expect("measurements as JSON")
}

fn this(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.env(ROLE, role).stdin(Stdio::null());
    command
}

fn places() -> Places {
    serde_json::from_str(&std::env::var(PLACES).expect("the driver sets it")).expect("JSON")
}

fn number(name: &str) -> usize {
    std::env::var(format!("CFDOCTOR_FLEET_{name}")).expect("the driver sets it").parse().expect("a number")
}

fn wanted(name: &str, default: usize) -> usize {
    std::env::var(format!("CFDOCTOR_FLEET_{name}")).map_or(default, |value| value.parse().expect("a number"))
}
