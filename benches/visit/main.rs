//! One healthy visit against the physical limit and the limit engine, in one run: `cargo bench --locked --bench visit`.
//!
//! L = max(d + 4e, d + 3o) for the round trips d to the resolver, e to the edge and o to the origin. The demo world
//! answers; relays make its links slow. Engine and doctor take turns, so that the machine's moods hit both.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "../common/limit.rs"]
mod limit;
mod relay;
#[path = "../common/script.rs"]
mod script;

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use cfdoctor::demo::{Sight, World, find};
use cfdoctor::probe::budget::Budget;
use cfdoctor::settings::{ResolverChoice, Settings};
use cfdoctor::shared::Shared;
use cfdoctor_checks::evidence::Target;

const ROUNDS: usize = 15;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let scenario = find("healthy").expect("the demo has a healthy world");
    let world = World::start(scenario).await.expect("loopback can be used");
    println!("one healthy host, origin known; medians of {ROUNDS} visits each, taken in turn");
    println!("{:<28} {:>9} {:>9} {:>9} {:>8} {:>8}", "round trips d/e/o", "L", "engine", "cfdoctor", "x L", "x engine");
    for (d, e, o) in [(20, 40, 80), (0, 0, 0)] {
        let [d, e, o] = [d, e, o].map(Duration::from_millis);
        let (target, mut settings, places) = slow_links(&world, d, e, o).await;
        let (mut engine, mut doctor) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let start = Instant::now();
            limit::visit(&places).await;
            engine.push(start.elapsed());
            // The edge's cache is warm in both cases; what is measured is the way, not the object. Names are not known
            // from the visit before.
            settings.shared = Shared::default();
            let start = Instant::now();
            let evidence = cfdoctor::gather(&target, &settings, &Budget::quiet(settings.deadline)).await;
            let assessment = cfdoctor_checks::diagnosis::assess(&evidence, cfdoctor_checks::all());
            doctor.push(start.elapsed());
            assert!(assessment.diagnosis.is_none(), "the healthy world is healthy: {:?}", assessment.diagnosis);
        }
        let (engine, doctor) = (median(engine), median(doctor));
        let l = (d + 4 * e).max(d + 3 * o);
        let times_l = if l.is_zero() { "-".into() } else { format!("{:.2}", doctor.as_secs_f64() / l.as_secs_f64()) };
        println!(
            "{:<28} {:>6} ms {:>6.1} ms {:>6.1} ms {:>8} {:>8.2}",
            format!("{}/{}/{} ms", d.as_millis(), e.as_millis(), o.as_millis()),
            l.as_millis(),
            engine.as_secs_f64() * 1000.0,
            doctor.as_secs_f64() * 1000.0,
            times_l,
            doctor.as_secs_f64() / engine.as_secs_f64(),
        );
        if !l.is_zero() {
            peers(&places, l, engine).await;
        }
    }
}

/// What people use for one host, over the same slow links; both look at less.
async fn peers(places: &limit::Places, l: Duration, engine: Duration) {
    const TIMES: usize = 5;
    let missing = script::missing();
    if !missing.is_empty() {
        println!("  the script is skipped: {} not installed", missing.join(", "));
        return;
    }
    let look: fn(&limit::Places) -> Command = script::look;
    let programs = [("dig + openssl + curl, script", look), ("curl, two requests, edge only", script::curl)];
    for (name, program) in programs {
        let mut took = Vec::new();
        for _ in 0..TIMES {
            let mut command = program(places);
            let run = tokio::task::spawn_blocking(move || {
                let start = Instant::now();
                let status = command.status().expect("it is installed");
                (start.elapsed(), status.success())
            });
            let (elapsed, well) = run.await.expect("it does not panic");
            assert!(well, "{name} works here");
            took.push(elapsed);
        }
        let took = median(took);
        println!(
            "{:<28} {:>9} {:>9} {:>6.1} ms {:>8.2} {:>8.2}",
            format!("  {name}"),
            "",
            "",
            took.as_secs_f64() * 1000.0,
            took.as_secs_f64() / l.as_secs_f64(),
            took.as_secs_f64() / engine.as_secs_f64(),
        );
    }
}

/// The world behind slow links: what the doctor is told, and the same places for the engine.
async fn slow_links(world: &World, d: Duration, e: Duration, o: Duration) -> (Target, Settings, limit::Places) {
    let (target, mut settings) = (world.target(Sight::BlackBox), world.settings(Sight::BlackBox));
    let origin_host = target.origin.as_ref().expect("the healthy world declares its origin").host.clone();
    let ResolverChoice::Udp(resolver) = settings.resolver else { panic!("the world has a UDP resolver") };
    let slow_resolver = relay::udp(resolver, d).await;
    settings.resolver = ResolverChoice::Udp(slow_resolver);
    settings.authority_port = relay::udp(SocketAddr::from(([127, 0, 0, 1], settings.authority_port)), e).await.port();
    let (mut edge, mut origin) = (None, None);
    for rule in &mut settings.connect_to {
        let backend = format!(
            "{}:{}",
            rule.to_host.as_deref().unwrap_or("127.0.0.1"),
            rule.to_port.expect("the world's ports are chosen by the system")
        );
        let backend: SocketAddr = backend.parse().expect("the world maps to addresses");
        let at_origin = rule.host.as_deref() == Some(origin_host.as_str());
        let slow = relay::tcp(backend, if at_origin { o } else { e }).await;
        (rule.to_host, rule.to_port) = (Some(slow.ip().to_string()), Some(slow.port()));
        match (at_origin, rule.port) {
            (true, Some(443)) => origin = Some(slow),
            (false, Some(443)) if rule.host.as_deref() == Some(target.host.as_str()) => edge = Some(slow),
            _ => {}
        }
    }
    let places = limit::Places {
        resolver: slow_resolver,
        edge: edge.expect("the edge's port is mapped"),
        origin: origin.expect("the origin's port is mapped"),
        host: target.host.clone(),
        origin_host,
        path: target.path.clone(),
    };
    (target, settings, places)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
