//! Whole evidence with parts taken away or changed, as a recording could hold it: judged without a panic, told validly
//! and alike in every format, and nothing is concluded from what is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cfdoctor::policy::Policy;
use cfdoctor::render::Format;
use cfdoctor::report::{ReasonKind, Report, Run, examine};
use cfdoctor_checks::evidence::Evidence;
use cfdoctor_checks::{Check, Probe, Verdict, all};
use clap::ValueEnum;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::{fixtures, formats};

/// Changed evidences that are judged.
const JUDGED: usize = 2000;
/// Of these, every twentieth is told in every format.
const TOLD: usize = 20;

/// What stands in the place of something else.
static STRANGE: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let long = "a".repeat(5000);
    vec![
        json!(null),
        json!(""),
        json!(" "),
        json!("\u{1b}[31m\u{202e}\r\n::error::x"),
        json!("\"'><script>alert(1)</script>"),
        json!("é".repeat(300)),
        json!(long),
        json!("..//%00%zz?&=#"),
        json!("*.example.com"),
        json!("-1"),
        json!("99999999999999999999"),
        json!("1969-12-31T23:59:59Z"),
        json!("9999-12-31T23:59:59Z"),
        json!(0),
        json!(-1),
        json!(65_536),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(true),
        json!([]),
        json!({}),
        json!([["cache-control", "max-age=1, max-age=2, private"], ["cf-cache-status", "HIT"], ["age", "-1"]]),
        json!({"missing": {"inconclusive": "x"}}),
        json!({"missing": "bug"}),
    ]
});

/// Without all that a check needs it says nothing, good or bad, whatever else is known. (A part alone may excuse or
/// silence a check: taken away, the verdict rests on the parts that are left.)
#[test]
fn nothing_is_concluded_from_what_is_not_there() {
    let mut wrong = BTreeSet::new();
    for fixture in fixtures::all() {
        let mut bare = fixture.evidence.clone();
        // What the user says of the origin is evidence too.
        (bare.target.origin, bare.target.region) = (None, None);
        let mut without: BTreeMap<&[Probe], Evidence> = BTreeMap::new();
        for check in all() {
            let evidence = without
                .entry(check.needs)
                .or_insert_with(|| check.needs.iter().fold(bare.clone(), |evidence, probe| evidence.without(*probe)));
            if let Ok(verdict) = check.run(evidence) {
                let word = match verdict {
                    Verdict::Pass(_) => "passes",
                    Verdict::Warn(_) => "warns",
                    Verdict::Fail(_) => "fails",
                };
                wrong.insert(format!("{} {word} without {:?} ({})", check.id, check.needs, fixture.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Random choices.
struct Dice(TestRng);

impl Dice {
    fn new(seed: u8) -> Self {
        Dice(TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
    }

    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end.max(1) as u64) as usize
    }
}

/// Everything in a document, to be chosen from.
fn places(value: &Value, at: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    let mut inner = |key: String, value: &Value| {
        at.push(key);
        all.push(at.clone());
        places(value, at, all);
        at.pop();
    };
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| inner(index.to_string(), value)),
        Value::Object(map) => map.iter().for_each(|(key, value)| inner(key.clone(), value)),
        _ => {}
    }
}

fn pointer(place: &[String]) -> String {
    place.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
}

/// One change somewhere.
fn change(document: &mut Value, dice: &mut Dice) {
    let mut all = Vec::new();
    places(document, &mut Vec::new(), &mut all);
    let Some(place) = all.get(dice.below(all.len())) else { return };
    let Some((last, above)) = place.split_last() else { return };
    let other = all.get(dice.below(all.len())).and_then(|other| document.pointer(&pointer(other))).cloned();
    let Some(parent) = document.pointer_mut(&pointer(above)) else { return };
    let kind = dice.below(6);
    match parent {
        Value::Array(list) => {
            let Ok(index) = last.parse::<usize>() else { return };
            match kind {
                0 | 1 => drop(list.remove(index)),
                2 => {
                    let copy = list[index].clone();
                    list.extend(std::iter::repeat_n(copy, 1 + dice.below(40)));
                }
                3 => list.reverse(),
                _ => list[index] = strange(&list[index], other, dice),
            }
        }
        Value::Object(map) => match kind {
            0 | 1 => drop(map.remove(last)),
            _ => {
                let new = strange(&map[last], other, dice);
                map.insert(last.clone(), new);
            }
        },
        _ => {}
    }
}

/// Something in the place of `old`: of the same kind more often than not, so that it is still evidence.
fn strange(old: &Value, other: Option<Value>, dice: &mut Dice) -> Value {
    match (old, dice.below(4)) {
        (_, 0) => other.unwrap_or_default(),
        (Value::String(_), 1 | 2) => {
            let texts: Vec<&Value> = STRANGE.iter().filter(|value| value.is_string()).collect();
            texts[dice.below(texts.len())].clone()
        }
        (Value::String(text), _) => {
            let mut characters: Vec<char> = text.chars().collect();
            let at = dice.below(characters.len() + 1);
            match dice.below(3) {
                0 => characters.truncate(at),
                1 => characters.insert(at, ['\0', ',', '"', '.', '*', '9', 'é'][dice.below(7)]),
                _ => characters.rotate_left(at.min(text.chars().count())),
            }
            Value::String(characters.into_iter().collect())
        }
        (Value::Number(_), 1 | 2) => json!([0, 1, 99, 100, 599, 999, 65_535][dice.below(7)]),
        (Value::Bool(flag), _) => json!(!flag),
        _ => STRANGE[dice.below(STRANGE.len())].clone(),
    }
}

fn report(evidence: &Evidence, checks: &[&'static Check]) -> Report {
    let run = Run {
        id: "0".into(),
        started_at: datetime!(2026-11-23 10:00 UTC),
        elapsed_ms: 1,
        api_requests_sent: 0,
        requests_sent: 0,
        attempts: 1,
        interrupted: false,
        not_visited_more: 0,
        not_visited: Vec::new(),
        simulation: None,
        notices: Vec::new(),
    };
    Report::new(run, vec![examine(evidence, checks)], &Policy::default())
}

#[test]
fn changed_evidence_is_judged_and_told() {
    std::thread::scope(|scope| {
        for seed in [1, 2] {
            scope.spawn(move || share(seed, JUDGED / 2));
        }
    });
}

fn share(seed: u8, count: usize) {
    let checks: Vec<&'static Check> = all().collect();
    let documents: Vec<Value> =
        fixtures::all().iter().map(|fixture| serde_json::to_value(&fixture.evidence).unwrap()).collect();
    let schema = jsonschema::validator_for(&serde_json::to_value(Report::schema()).unwrap()).unwrap();
    let mut dice = Dice::new(seed);
    let (mut judged, mut refused) = (0, 0);
    while judged < count {
        let mut document = documents[dice.below(documents.len())].clone();
        for _ in 0..=dice.below(4) {
            change(&mut document, &mut dice);
        }
        let evidence: Evidence = match serde_json::from_value(document) {
            Ok(evidence) => evidence,
            Err(_) => {
                refused += 1;
                continue;
            }
        };
        judged += 1;
        let report = report(&evidence, &checks);
        for result in &report.targets[0].results {
            let is_bug = result.reason.as_ref().is_some_and(|reason| reason.kind == ReasonKind::Bug);
            assert!(!is_bug, "{}: {:?}\n{}", result.check, result.reason, serde_json::to_string(&evidence).unwrap());
        }
        assert!([0, 1, 3].contains(&report.exit_code));
        if judged % TOLD == 0 {
            let json = serde_json::to_value(&report).unwrap();
            let wrong: Vec<_> = schema.iter_errors(&json).map(|error| error.to_string()).collect();
            assert_eq!(wrong, Vec::<String>::new());
            for format in Format::value_variants() {
                formats::holds(*format, &report);
            }
        }
    }
    assert!(refused > 0 && refused < 20 * count, "{refused} of {judged} refused");
}

/// A part that is broken is named, with what is wrong there and the remedy.
#[test]
fn a_part_that_is_no_evidence_is_named() {
    let mut dice = Dice::new(3);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..150 {
        let fixture = &fixtures::all()[dice.below(fixtures::all().len())];
        let folder = tempfile::tempdir().unwrap();
        cfdoctor::recording::write(&fixture.evidence, folder.path()).unwrap();
        let parts = ["visit", "dns", "edge", "origin", "zone", "account"];
        let path = folder.path().join(format!("{}.json", parts[dice.below(parts.len())]));
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let mut document: Value = serde_json::from_str(&text).unwrap();
        change(&mut document, &mut dice);
        let mut text = document.to_string();
        if dice.below(4) == 0 {
            text = text.chars().take(dice.below(text.len())).collect();
        }
        std::fs::write(&path, text).unwrap();
        match cfdoctor::recording::read(folder.path(), None) {
            Ok(_) => read += 1,
            Err(error) => {
                let error = error.to_string();
                assert!(error.starts_with(&path.display().to_string()), "{error}");
                assert!(error.contains("record again with --record DIR") || error.contains("use the newer"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(read > 10 && refused > 10, "{read} read, {refused} refused");
}
