//! Every check on every scenario: exact verdicts, honest needs, no panic, the same answer twice.

use std::collections::{BTreeMap, BTreeSet};

use cfdoctor_checks::diagnosis::{assess, judge};
use cfdoctor_checks::evidence::{Evidence, Target};
use cfdoctor_checks::{Check, NotRun, Probe, StepKind, Verdict, all, find};

use crate::fixtures;

/// The word of an answer.
fn word(answer: &Result<Verdict, NotRun>) -> &'static str {
    match answer {
        Ok(Verdict::Pass(_)) => "pass",
        Ok(Verdict::Warn(_)) => "warn",
        Ok(Verdict::Fail(_)) => "fail",
        Err(_) => "not-run",
    }
}

#[test]
fn each_scenario_gives_exactly_its_verdicts() {
    let mut wrong = Vec::new();
    for fixture in fixtures::all() {
        let assessment = assess(&fixture.evidence, all());
        let found: BTreeMap<String, String> = assessment
            .results
            .iter()
            .map(|judged| (judged.check.id.to_owned(), word(&judged.answer).to_owned()))
            .filter(|(_, word)| word == "warn" || word == "fail")
            .collect();
        if found != fixture.scenario.expect {
            wrong.push(format!("{}: expected {:?}, found {found:?}", fixture.name, fixture.scenario.expect));
        }
        let cause = assessment.diagnosis.map(|diagnosis| diagnosis.cause.to_owned());
        if cause != fixture.scenario.cause {
            wrong.push(format!("{}: expected cause {:?}, found {cause:?}", fixture.name, fixture.scenario.cause));
        }
        assert!(fixture.scenario.story.len() > 20, "{}: tell the story", fixture.name);
        assert!(fixture.scenario.source.starts_with("https://"), "{}: name the source", fixture.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What our own side did is named, and nobody says that all is well.
#[test]
fn our_own_side_is_inconclusive() {
    let own: Vec<_> = fixtures::all().iter().filter(|fixture| fixture.name.starts_with("own-")).collect();
    assert!(own.len() > 8);
    for fixture in own {
        let assessment = assess(&fixture.evidence, all());
        let said = assessment.inconclusive.unwrap_or_default();
        // https:// was seen there.
        assert!(!said.is_empty() || fixture.name == "own-box-on-port-80", "{} names nobody", fixture.name);
        let failed = assessment.results.iter().any(|judged| matches!(judged.answer, Ok(Verdict::Fail(_))));
        assert!(!failed, "{}: {said}", fixture.name);
    }
}

#[test]
fn every_check_passes_somewhere_and_speaks_somewhere() {
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for fixture in fixtures::all() {
        for check in all() {
            seen.entry(check.id).or_default().insert(word(&check.run(&fixture.evidence)));
        }
    }
    let silent: Vec<_> = all()
        .filter(|check| {
            let words = &seen[check.id];
            !words.contains("pass") || !(words.contains("warn") || words.contains("fail"))
        })
        .map(|check| format!("{}: only {:?}", check.id, seen[check.id]))
        .collect();
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn needs_are_honest() {
    let mut wrong = BTreeSet::new();
    let mut mattered: BTreeSet<(&str, Probe)> = BTreeSet::new();
    for fixture in fixtures::all() {
        let without: BTreeMap<Probe, Evidence> =
            Probe::ALL.iter().map(|probe| (*probe, fixture.evidence.clone().without(*probe))).collect();
        let mut only: BTreeMap<&[Probe], Evidence> = BTreeMap::new();
        for check in all() {
            let whole = check.run(&fixture.evidence);
            let needed = only.entry(check.needs).or_insert_with(|| {
                let others = Probe::ALL.iter().filter(|probe| !check.needs.contains(probe));
                others.fold(fixture.evidence.clone(), |evidence, probe| evidence.without(*probe))
            });
            if check.run(needed) != whole {
                wrong.insert(format!("{} looks at more than it needs ({})", check.id, fixture.name));
            }
            let matters = check.needs.iter().filter(|probe| check.run(&without[probe]) != whole);
            mattered.extend(matters.map(|probe| (check.id, *probe)));
        }
    }
    for check in all() {
        for probe in check.needs {
            // Parts of later issues cannot be blanked yet.
            if !mattered.contains(&(check.id, *probe)) && !matches!(probe, Probe::Zone | Probe::Gateway) {
                wrong.insert(format!("{} names {probe:?}, which never mattered", check.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn missing_parts_never_fail_and_never_panic() {
    for fixture in fixtures::all() {
        // Each part alone is gone, each part alone is left, and nothing is left.
        for mask in (0_u32..32).filter(|mask| mask.count_ones() <= 1 || mask.count_ones() >= 4) {
            let gone = Probe::ALL.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
            let evidence = gone.fold(fixture.evidence.clone(), |evidence, (_, probe)| evidence.without(*probe));
            let assessment = assess(&evidence, all());
            for judged in &assessment.results {
                assert!(
                    !matches!(judged.answer, Err(NotRun::Bug(_))),
                    "{}: {} panicked with {mask:05b}",
                    fixture.name,
                    judged.check.id
                );
            }
            if let Some(diagnosis) = &assessment.diagnosis {
                let cause = assessment.results.iter().find(|judged| judged.check.id == diagnosis.cause).unwrap();
                assert!(cause.answer.as_ref().is_ok_and(|verdict| verdict.finding().is_some()));
            }
        }
        // The record's target that the user named is evidence too, so it is taken away here.
        let target = Target { origin: None, region: None, ..fixture.evidence.target.clone() };
        let nothing = Evidence::nothing(target, fixture.evidence.gathered_at);
        for check in all() {
            assert!(!matches!(check.run(&nothing), Ok(Verdict::Fail(_))), "{} fails on no evidence", check.id);
        }
    }
}

#[test]
fn the_same_evidence_gives_the_same_answer() {
    for fixture in fixtures::all() {
        let text = serde_json::to_string(&fixture.evidence).unwrap();
        let again: Evidence = serde_json::from_str(&text).unwrap();
        assert_eq!(again, fixture.evidence, "{}: evidence changes when it is written and read", fixture.name);
        for check in all() {
            assert_eq!(check.run(&fixture.evidence), check.run(&again), "{}: {}", fixture.name, check.id);
        }
    }
}

#[test]
fn an_expiry_verdict_never_improves_with_time() {
    let badness = |answer: &Result<Verdict, NotRun>| match answer {
        Ok(Verdict::Fail(_)) => 3,
        Ok(Verdict::Warn(_)) => 2,
        Ok(Verdict::Pass(_)) => 1,
        Err(_) => 0,
    };
    let dated = ["edge-certificate-expiring", "origin-certificate-expired", "origin-ca-unmanaged"];
    for fixture in fixtures::all() {
        for id in dated {
            let check = find(id).unwrap();
            let mut worst = 0;
            for days in [0, 30, 100, 400, 2000, 9000] {
                let mut later = fixture.evidence.clone();
                later.gathered_at += time::Duration::days(days);
                let now = badness(&check.run(&later));
                assert!(now >= worst || now == 0, "{}: {id} improves after {days} days", fixture.name);
                worst = worst.max(now);
            }
        }
    }
}

/// A URL from a file may be anybody's: no command to paste lets it out of its word.
#[test]
fn a_quotation_mark_in_the_url_stays_in_its_word() {
    let mut seen = 0;
    for fixture in fixtures::all() {
        let mut evidence = fixture.evidence.clone();
        evidence.target.path = "/it';id;'".into();
        for check in all() {
            let Ok(verdict) = check.run(&evidence) else { continue };
            let Some(finding) = verdict.finding() else { continue };
            for step in check.mend(&evidence, finding).steps {
                if matches!(step.kind, StepKind::Shell | StepKind::Api) {
                    assert!(!step.text.contains("it';id"), "{}: {}: {}", fixture.name, check.id, step.text);
                    seen += usize::from(step.text.contains(r"it'\'';id"));
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} commands hold the URL");
}

/// One snapshot for each check: what it says wherever it speaks.
#[test]
fn wording() {
    let fixtures = fixtures::all();
    for check in all() {
        let text = spoken(check, fixtures);
        if !text.is_empty() {
            insta::with_settings!({ snapshot_path => "wording", prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(check.id, text);
            });
        }
    }
}

fn spoken(check: &'static Check, fixtures: &[fixtures::Fixture]) -> String {
    let mut out = String::new();
    for fixture in fixtures {
        let judged = judge(&fixture.evidence, std::iter::once(check)).into_iter().next();
        let Some(Ok(verdict)) = judged.map(|judged| judged.answer) else { continue };
        let Some(finding) = verdict.finding() else { continue };
        let severity = finding.severity.unwrap_or(check.severity);
        let kind = if matches!(verdict, Verdict::Fail(_)) { "fail" } else { "warn" };
        out += &format!("{} [{kind}, {severity:?}, {:?}]\n  {}\n", fixture.name, finding.confidence, finding.seen);
        for line in &finding.proof {
            out += &format!("  - {line}\n");
        }
        let fix = (check.fix)(&fixture.evidence, finding);
        out += &format!("  fix: {}\n", fix.summary);
        for step in &fix.steps {
            let text = step.text.replace('\n', "\n      ");
            out += &format!("    {:?} ({}): {text}\n", step.kind, step.label);
        }
    }
    out
}
