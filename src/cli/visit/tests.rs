//! Rounds of visits that look at nothing real.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cfdoctor_checks::evidence::target::Expectation;
use clap::Parser;
use serde_json::Value;

use super::*;
use crate::cli::args::{Cli, OutputArgs};
use crate::cli::targets::Wanted;
use crate::config::{Config, Loaded};

/// What one run needs.
struct Place {
    folder: tempfile::TempDir,
    output: OutputArgs,
    wishes: crate::cli::args::WishArgs,
    config: Config,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines = format!("jsonl={}", folder.path().join("out.jsonl").display());
        let whole = format!("json={}", folder.path().join("out.json").display());
        let arguments = ["cfdoctor", "x.example.com", "-q", "--fail-on", "warn", "-o", &lines, "-o", &whole];
        let check = Cli::try_parse_from(arguments).unwrap().check;
        Place { folder, output: check.output, wishes: check.wishes, config: Config::default() }
    }

    fn roster(&self, count: usize) -> Roster<'_> {
        let list = self.folder.path().join("list");
        let hosts: String = (0..count).map(|n| format!("h{n}.example.com\n")).collect();
        std::fs::write(&list, hosts).unwrap();
        let wanted = Wanted { wishes: &self.wishes, config: &self.config, unless_said: Expectation::Any };
        let mut roster = Roster::new(wanted, &Settings::default(), Vec::new());
        roster.given(&[], &[list], || Ok(Vec::new()), false).unwrap();
        roster.settle(None, None, false).unwrap();
        roster
    }

    /// The hosts of the JSON Lines and of the whole report, and the exit code in both.
    fn told(&self) -> (Vec<String>, Vec<String>, [Value; 2]) {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap();
        let lines: Vec<Value> = read("out.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let whole: Value = serde_json::from_str(&read("out.json")).unwrap();
        let host = |target: &Value| Some(target["host"].as_str()?.to_owned());
        let hosts = lines.iter().filter_map(|line| host(&line["target"])).collect();
        let whole_hosts = whole["targets"].as_array().unwrap().iter().filter_map(host).collect();
        (hosts, whole_hosts, [lines.last().unwrap()["exit_code"].clone(), whole["exit_code"].clone()])
    }
}

fn tour<'a>(roster: &'a Roster<'a>, wait: Option<Duration>) -> Tour<'a> {
    let settings = Settings::default();
    Tour { roster, settings, concurrency: 8, wait, record: None, simulation: None }
}

/// Nothing was seen, and nobody is to blame.
fn nothing(target: &Target) -> Evidence {
    Evidence::nothing(target.clone(), OffsetDateTime::UNIX_EPOCH)
}

/// What a visit of the healthy fixture saw; years later its certificates have expired.
fn healthy(target: &Target, years: i64) -> Evidence {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/healthy");
    let evidence = crate::recording::read(&folder, None).unwrap();
    let gathered_at = evidence.gathered_at + time::Duration::days(366 * years);
    Evidence { target: Target { host: target.host.clone(), ..evidence.target.clone() }, gathered_at, ..evidence }
}

#[tokio::test]
async fn lines_come_as_they_finish_and_the_whole_in_the_order_given() {
    let place = Place::new();
    let roster = place.roster(20);
    let checks: Vec<_> = cfdoctor_checks::all().collect();
    let loaded = Loaded::default();
    let stage = Stage::new(&place.output, &checks, &loaded).unwrap();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gather = {
        let most = most.clone();
        move |target: Arc<Target>, _: Arc<Settings>, _: Budget| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Later ones are quicker.
                let number: u64 = target.host[1..].split('.').next().unwrap().parse().unwrap();
                tokio::time::sleep(Duration::from_millis(200 - number * 10)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                nothing(&target)
            }
        }
    };
    let code = visit_by(&stage, tour(&roster, None), gather).await.unwrap();
    let (lines, whole, codes) = place.told();
    assert_eq!((code, codes), (3, [3.into(), 3.into()]));
    let order: Vec<String> = (0..20).map(|n| format!("h{n}.example.com")).collect();
    assert_eq!(whole, order);
    assert_ne!(lines, order);
    assert_eq!(lines.len(), 20);
    assert_eq!(most.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn a_panic_costs_one_target() {
    let place = Place::new();
    let roster = place.roster(3);
    let (checks, loaded) = (cfdoctor_checks::all().collect::<Vec<_>>(), Loaded::default());
    let stage = Stage::new(&place.output, &checks, &loaded).unwrap();
    let gather = |target: Arc<Target>, _: Arc<Settings>, _: Budget| async move {
        assert!(target.host != "h1.example.com", "this visit breaks");
        nothing(&target)
    };
    assert_eq!(visit_by(&stage, tour(&roster, None), gather).await.unwrap(), 3);
    assert_eq!(place.told().1.len(), 3);
}

/// `--wait`: those that fail, and no others.
#[tokio::test]
async fn only_what_failed_is_visited_again() {
    let place = Place::new();
    let roster = place.roster(12);
    let checks: Vec<_> = cfdoctor_checks::all().filter(|check| check.id == "origin-certificate-expired").collect();
    let loaded = Loaded::default();
    let stage = Stage::new(&place.output, &checks, &loaded).unwrap();
    let visits: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let gather = {
        let visits = visits.clone();
        move |target: Arc<Target>, _: Arc<Settings>, _: Budget| {
            let times = {
                let mut visits = visits.lock().unwrap();
                let times = visits.entry(target.host.clone()).or_default();
                *times += 1;
                *times
            };
            async move {
                // Two are broken at first, and one for ever.
                match target.host.as_str() {
                    "h3.example.com" | "h4.example.com" if times == 1 => healthy(&target, 20),
                    "h5.example.com" => healthy(&target, 20),
                    _ => healthy(&target, 0),
                }
            }
        }
    };
    let code = visit_by(&stage, tour(&roster, Some(Duration::from_secs(9))), gather).await.unwrap();
    let visits = visits.lock().unwrap().clone();
    let times = |host: &str| visits[&format!("{host}.example.com")];
    assert_eq!((times("h0"), times("h3"), times("h4"), times("h11")), (1, 2, 2, 1));
    assert_eq!(times("h5"), 2, "there was no time for a third");
    let (lines, whole, codes) = place.told();
    assert_eq!((code, codes), (1, [1.into(), 1.into()]));
    assert_eq!((lines.len(), whole.len()), (12, 12), "each is told once");
    assert_eq!(lines.last().unwrap(), "h5.example.com", "what fails is told when nothing better can come");
}

#[test]
fn what_is_left_is_counted() {
    let place = Place::new();
    let (named, more) = count_left(place.roster(NAMED + 5).jobs());
    assert_eq!((named.len(), more, named[0].as_str()), (NAMED, 5, "https://h0.example.com/"));
}
