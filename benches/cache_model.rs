//! Decisions of the cache model in a second on one core: `cargo bench --locked --bench cache_model`.
//!
//! The cases are those of the conformance table, `fixtures/cache-model/`: requests and answers of every kind, with
//! what was observed of each. The goal is 200,000 decisions a second.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use cfdoctor_checks::evidence::http::{CacheStatus, Headers};
use cfdoctor_checks::evidence::{Response, Target};
use cfdoctor_checks::model::cache::{Answer, Asked, CacheInput, Observed, Seen, ZoneKnowledge, decide, platform};
use serde_json::Value;
use time::Date;
use time::macros::{date, format_description};

const GOAL: f64 = 200_000.0;
const ROUND: Duration = Duration::from_millis(500);
const ROUNDS: usize = 7;

fn main() {
    let inputs = inputs();
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| rate(&inputs)).collect();
    rates.sort_by(f64::total_cmp);
    let (median, least) = (rates[ROUNDS / 2], rates[0]);
    println!(
        "{} cases; {median:.0} decisions a second (the slowest of {ROUNDS} rounds: {least:.0}); goal {GOAL:.0}",
        inputs.len()
    );
    assert!(cfg!(debug_assertions) || median >= GOAL, "slower than the goal");
}

/// Decisions a second over one round.
fn rate(inputs: &[CacheInput]) -> f64 {
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        for input in inputs {
            black_box(decide(black_box(input)));
            count += 1;
        }
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn inputs() -> Vec<CacheInput> {
    let files = ["eligibility", "storability", "freshness", "key"];
    let tables = files.map(|name| std::fs::read_to_string(format!("fixtures/cache-model/{name}.json")).unwrap());
    tables.iter().flat_map(|text| serde_json::from_str::<Vec<Value>>(text).unwrap()).map(|case| input(&case)).collect()
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn input(case: &Value) -> CacheInput {
    let target: Target = case["url"].as_str().unwrap().parse().unwrap();
    let mut request = Asked::of(&target);
    request.method = case["method"].as_str().unwrap_or("GET").into();
    request.headers = words(&case["request"]);
    let lines = case["headers"].as_array().unwrap().iter();
    let headers: Headers =
        lines.map(|line| (line[0].as_str().unwrap().to_owned(), line[1].as_str().unwrap().to_owned())).collect();
    let status = u16::try_from(case["status"].as_u64().unwrap_or(200)).unwrap();
    let response = Response { status, version: "HTTP/1.1".into(), headers, body: Default::default() };
    let day = format_description!("[year]-[month]-[day]");
    let date = case["date"].as_str().map_or(date!(2026 - 11 - 23), |text| Date::parse(text, &day).unwrap());
    let zone = ZoneKnowledge { platform: platform::of_host(&request.host), ..ZoneKnowledge::default() };
    let samples = words(&case["observed"]).iter().map(|word| seen(word, status)).collect();
    let response = Some(Answer::of(&response, case["at"] != "excerpt"));
    CacheInput { request, response, date, zone, observed: Observed { samples, left_out: 0 } }
}

fn seen(word: &str, http: u16) -> Seen {
    Seen {
        index: 0,
        status: (!word.is_empty()).then(|| CacheStatus::parse(word)),
        http,
        whole: true,
        age: None,
        colo: Some("SEA".into()),
        at: None,
        method: "GET".into(),
        head: false,
        ours: true,
        edge_made: false,
        by_cloudflare: true,
    }
}
