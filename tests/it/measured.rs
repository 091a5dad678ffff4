//! What a report tells beside its results: the path, the certificates' dates, the times.

use cfdoctor::report::{End, Hop, HopId, Leg, Report, Status, TargetReport, examine};
use cfdoctor_checks::Check;

use crate::{fixtures, whole};

fn target(fixture: &fixtures::Fixture) -> TargetReport {
    let checks: Vec<&'static Check> = cfdoctor_checks::all().collect();
    examine(&fixture.evidence, &checks)
}

fn named(name: &str) -> TargetReport {
    target(fixtures::all().iter().find(|fixture| fixture.name == name).unwrap())
}

fn legs(hops: &[Hop]) -> impl Iterator<Item = (HopId, bool, &Leg)> {
    hops.iter().flat_map(|hop| {
        let link = hop.link.iter().map(|link| (hop.id, true, link));
        link.chain([(hop.id, false, &hop.here)])
    })
}

/// Where the path of this fixture breaks: the place, and whether it is the way there.
fn broken(name: &str) -> Vec<(HopId, bool)> {
    let target = named(name);
    legs(&target.path).filter(|(_, _, leg)| leg.broken).map(|(id, way, _)| (id, way)).collect()
}

#[test]
fn every_finding_has_one_place_on_the_path_and_the_cause_marks_the_break() {
    let mut drawn = 0;
    for fixture in fixtures::all() {
        let target = target(fixture);
        if target.path.is_empty() {
            continue;
        }
        drawn += 1;
        for result in &target.results {
            let places =
                legs(&target.path).filter(|(_, _, leg)| leg.findings.iter().any(|id| *id == result.check)).count();
            assert_eq!(places, usize::from(result.status.is_finding()), "{}: {}", fixture.name, result.check);
        }
        let marked: Vec<&Leg> = legs(&target.path).map(|(_, _, leg)| leg).filter(|leg| leg.broken).collect();
        match &target.diagnosis {
            Some(diagnosis) => {
                assert_eq!(marked.len(), 1, "{}", fixture.name);
                assert!(marked[0].findings.contains(&diagnosis.cause) && marked[0].status.is_finding());
            }
            None => assert!(marked.is_empty(), "{}", fixture.name),
        }
        assert_eq!(target.path[0].id, HopId::Visitor);
        assert!(target.path.windows(2).all(|pair| pair[0].id < pair[1].id), "{}", fixture.name);
    }
    assert!(drawn > 100, "{drawn}");
}

#[test]
fn the_break_is_where_people_would_look() {
    assert_eq!(broken("healthy"), []);
    assert_eq!(broken("certificate-expired"), [(HopId::Origin, true)]);
    assert_eq!(broken("origin-refused"), [(HopId::Origin, true)]);
    assert_eq!(broken("custom-domain-missing"), [(HopId::Origin, false)]);
    assert_eq!(broken("cache-json-without-rule"), [(HopId::Edge, false)]);
    assert_eq!(broken("edge-certificate-expired"), [(HopId::Edge, true)]);
    assert_eq!(broken("not-proxied"), [(HopId::Edge, true)]);
    assert_eq!(broken("function-crashes"), [(HopId::Function, false)]);
}

#[test]
fn a_sound_path_is_seen_at_work_to_its_end() {
    let healthy = named("healthy");
    for (id, way, leg) in legs(&healthy.path) {
        assert_eq!(leg.status, Status::Pass, "{id:?} {way}");
    }
    let expired = named("certificate-expired");
    let last = expired.path.last().unwrap();
    assert_eq!((last.id, last.here.status), (HopId::Function, Status::NotRun), "nobody saw what is behind the break");
}

#[test]
fn certificates_and_times_are_those_of_the_evidence() {
    let expired = named("certificate-expired");
    let origin = expired.certificates.iter().find(|certificate| certificate.end == End::Origin).unwrap();
    let now = expired.gathered_at.unwrap();
    let end = origin.not_after.unwrap();
    assert!(end < now && origin.not_before.unwrap() < end);
    assert_eq!(origin.days_left, Some((end - now).whole_days()));
    assert!(origin.days_left.unwrap() < 0);

    let healthy = named("healthy");
    let edge: Vec<_> = healthy.timings.iter().filter(|timing| timing.end == End::Edge).collect();
    assert_eq!(edge[0].label, "request 1");
    assert!(edge[0].head_ms.unwrap() <= edge[0].total_ms.unwrap() && edge[0].status == Some(200));
    assert!(edge.len() > 1 && edge.iter().any(|timing| timing.cf_cache_status.as_deref() == Some("HIT")));
}

#[test]
fn they_are_in_the_schema_and_older_reports_without_them_can_be_read() {
    let schema = serde_json::to_value(Report::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let report = whole::report();
    let mut json = serde_json::to_value(&report).unwrap();
    let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(serde_json::from_value::<Report>(json.clone()).unwrap(), report);
    for target in json["targets"].as_array_mut().unwrap() {
        for field in ["gathered_at", "path", "certificates", "timings"] {
            assert!(target.as_object_mut().unwrap().remove(field).is_some(), "{field}");
        }
    }
    assert!(validator.is_valid(&json));
    assert!(serde_json::from_value::<Report>(json).unwrap().targets.iter().all(|target| target.path.is_empty()));
}
