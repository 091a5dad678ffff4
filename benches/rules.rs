//! Evaluating 300 rules for one URL: `cargo bench --locked --bench rules`. The goal is under a millisecond.
//!
//! The rules are those of the conformance table, `fixtures/rules/examples.json` (documentation and public rulesets), with
//! hosts of their own, as a large zone has them. Reading them is measured too, and is no part of the goal: a zone's rules
//! are read once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::model::rules::{Expression, Request, parse};
use serde_json::Value;

const RULES: usize = 300;
const ROUNDS: usize = 101;
const GOAL: Duration = Duration::from_millis(1);

fn main() {
    let sources = sources();
    let target: Target = "https://lambda.example.com/api/items/42?page=2".parse().unwrap();
    let request = Request::of(&target);
    let mut reading = Vec::new();
    let mut evaluating = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let rules: Vec<Expression> = sources.iter().map(|source| parse(black_box(source)).unwrap()).collect();
        reading.push(start.elapsed());
        let start = Instant::now();
        for rule in &rules {
            black_box(rule.evaluate(black_box(&request)));
        }
        evaluating.push(start.elapsed());
    }
    let (reading, evaluating) = (median(reading), median(evaluating));
    println!("{RULES} rules for one URL, medians of {ROUNDS} rounds");
    println!("evaluating  {:>8.3} ms (goal: under {} ms)", millis(evaluating), GOAL.as_millis());
    println!("reading     {:>8.3} ms, once for a zone", millis(reading));
    assert!(cfg!(debug_assertions) || evaluating < GOAL, "slower than the goal");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn sources() -> Vec<String> {
    let table = std::fs::read_to_string("fixtures/rules/examples.json").unwrap();
    let cases: Vec<Value> = serde_json::from_str(&table).unwrap();
    let written = cases.iter().filter_map(|case| case["expression"].as_str());
    written.cycle().take(RULES).enumerate().map(|(number, source)| of_its_own(number, source)).collect()
}

/// Half of the rules are about a host, one in thirty about the one that is asked for.
fn of_its_own(number: usize, source: &str) -> String {
    match number % 30 {
        0 => format!("http.host eq \"lambda.example.com\" and ({source})"),
        odd if odd % 2 == 1 => {
            format!("http.host in {{\"host{number}.example.com\" \"www{number}.example.com\"}} and ({source})")
        }
        _ => source.to_owned(),
    }
}
