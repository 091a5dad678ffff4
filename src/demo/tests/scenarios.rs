//! The table of scenarios: well told, quick to start, and the doctor finds in each what it names, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cfdoctor_checks::diagnosis::assess;
use cfdoctor_checks::{all, find as find_check};
use futures_util::{StreamExt, stream};

use crate::demo::{Known, SCENARIOS, Scenario, Sight, TYPICAL, World, find};
use crate::probe::budget::Budget;

#[test]
fn the_table_is_well_formed() {
    assert!(SCENARIOS.len() >= 18);
    let names: BTreeSet<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), SCENARIOS.len(), "names are unique");
    assert!(find(TYPICAL).unwrap().cause.is_some());
    for scenario in SCENARIOS {
        let name = scenario.name;
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
        assert!(!scenario.line.ends_with('.') && scenario.story.ends_with(['.', ')']), "{name}");
        for (check, word) in scenario.expect {
            assert!(find_check(check).is_some(), "{name}: no check {check}");
            assert!(["warn", "fail"].contains(word), "{name}: {word}");
        }
        if let Some(cause) = scenario.cause {
            assert!(scenario.expect.iter().any(|(check, _)| *check == cause), "{name}: the cause is a finding");
        }
    }
}

#[tokio::test]
async fn worlds_start_at_once() {
    World::start(find("healthy").unwrap()).await.unwrap(); // the authorities are made once
    for name in ["healthy", "origin-hangs"] {
        let start = Instant::now();
        let _world = World::start(find(name).unwrap()).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(1), "{name}: {:?}", start.elapsed());
    }
}

/// What the doctor says of a world, as far as it differs from what the scenario names.
async fn difference((scenario, sight): (&'static Scenario, Sight)) -> Option<String> {
    let world = World::start(scenario).await.unwrap();
    let settings = world.settings(sight);
    let evidence = crate::gather(&world.target(sight), &settings, &Budget::quiet(settings.deadline)).await;
    let assessment = assess(&evidence, all());
    let found: BTreeMap<&str, &str> = assessment
        .results
        .iter()
        .filter_map(|judged| {
            let verdict = judged.answer.as_ref().ok()?;
            verdict.finding()?;
            Some((judged.check.id, if matches!(verdict, cfdoctor_checks::Verdict::Fail(_)) { "fail" } else { "warn" }))
        })
        .collect();
    let cause = assessment.diagnosis.map(|diagnosis| diagnosis.cause);
    let black_box = Known { cause: scenario.cause, expect: scenario.expect };
    let Known { cause: expected_cause, expect } = match sight {
        Sight::BlackBox => black_box,
        Sight::Known => scenario.known.unwrap_or(black_box),
    };
    let expected: BTreeMap<&str, &str> = expect.iter().copied().collect();
    (found != expected || cause != expected_cause).then(|| {
        format!("{} ({sight:?}): expected {expected_cause:?} {expected:?}, found {cause:?} {found:?}", scenario.name)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_exactly_what_each_scenario_names() {
    let visits = SCENARIOS.iter().flat_map(|scenario| [(scenario, Sight::BlackBox), (scenario, Sight::Known)]);
    // A build without the AWS probe sees less of what is known.
    let visits = visits.filter(|(_, sight)| cfg!(feature = "aws") || *sight == Sight::BlackBox);
    let differences: Vec<String> =
        stream::iter(visits).map(difference).buffer_unordered(4).filter_map(std::future::ready).collect().await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
