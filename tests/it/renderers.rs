//! Every renderer over one rich report: wording, width, colour, and that nothing from outside gets through raw.

use cfdoctor::render::{Detail, Format, Look, render};
use cfdoctor::report::{Report, Status};
use unicode_width::UnicodeWidthStr;

use crate::{rich, whole};

fn text(format: Format, report: &Report, look: &Look) -> String {
    let mut out = Vec::new();
    render(format, report, look, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn human_at_80_columns() {
    insta::assert_snapshot!(text(Format::Human, &rich::report(), &Look::plain(80)));
}

#[test]
fn human_at_120_columns() {
    insta::assert_snapshot!(text(Format::Human, &rich::report(), &Look::plain(120)));
}

#[test]
fn human_in_colour_with_links() {
    let look = Look { colour: true, links: true, ..Look::plain(80) };
    let shown = text(Format::Human, &rich::report(), &look);
    insta::assert_snapshot!(shown.replace('\x1b', "␛"));
}

#[test]
fn human_in_ascii() {
    let shown = text(Format::Human, &rich::report(), &Look { unicode: false, ..Look::plain(80) });
    assert!(shown.is_ascii());
    insta::assert_snapshot!(shown);
}

#[test]
fn human_in_full_and_quiet() {
    insta::assert_snapshot!(text(Format::Human, &rich::report(), &Look { detail: Detail::Full, ..Look::plain(80) }));
    let quiet = Look { detail: Detail::Quiet, ..Look::plain(80) };
    insta::assert_snapshot!(text(Format::Human, &rich::report(), &quiet));
    assert_eq!(text(Format::Human, &rich::healthy_only(), &quiet), "");
}

/// Thirty targets: broken, warned about, well, and one that could not be judged.
fn many() -> Report {
    let few = rich::report();
    let targets = (0..30).map(|number| {
        let mut target = few.targets[[0, 1, 1, 1, 2, 1][number % 6]].clone();
        target.host = format!("h{number}.example.com");
        target.url = format!("https://{}/", target.host);
        if number % 6 == 3 {
            let result = &mut target.results[0];
            (result.status, result.severity) = (Status::Warn, cfdoctor_checks::Severity::Low);
            result.seen = Some(format!("TLS 1.0 is taken by {}", target.host));
            target.verdict = cfdoctor::report::TargetVerdict::Warn;
        }
        target
    });
    Report::new(few.run, targets.collect(), &cfdoctor::policy::Policy::default())
}

#[test]
fn many_targets_share_a_page() {
    let report = many();
    for width in [80, 120] {
        let shown = text(Format::Human, &report, &Look::plain(width));
        assert!(shown.lines().all(|line| line.width() <= width), "{shown}");
        insta::assert_snapshot!(format!("many_targets_at_{width}"), shown);
    }
    let full = text(Format::Human, &report, &Look { detail: Detail::Full, ..Look::plain(80) });
    assert!(full.contains("h29.example.com") && full.lines().count() > 500);
    let quiet = text(Format::Human, &report, &Look { detail: Detail::Quiet, ..Look::plain(80) });
    assert!(!quiet.contains("well") && quiet.contains("h0.example.com"), "{quiet}");
    let ascii = text(Format::Human, &report, &Look { unicode: false, ..Look::plain(80) });
    assert!(ascii.is_ascii());
}

#[test]
fn a_healthy_site_gets_a_good_word() {
    insta::assert_snapshot!(text(Format::Human, &rich::healthy_only(), &Look::plain(80)));
}

#[test]
fn short() {
    insta::assert_snapshot!(text(Format::Short, &rich::report(), &Look::plain(80)));
    let quiet = Look { detail: Detail::Quiet, ..Look::plain(80) };
    assert_eq!(text(Format::Short, &rich::healthy_only(), &quiet), "");
}

#[test]
fn prose_keeps_to_the_width() {
    for width in [80, 120] {
        let shown = text(Format::Human, &rich::report(), &Look::plain(width));
        let targets = rich::report().targets;
        let results = || targets.iter().flat_map(|target| &target.results);
        let steps =
            results().flat_map(|result| &result.fix).flat_map(|fix| &fix.steps).flat_map(|step| step.text.lines());
        let unwrapped: Vec<&str> = steps.chain(results().filter_map(|result| result.docs.as_deref())).collect();
        for line in shown.lines().filter(|line| line.width() > width) {
            assert!(unwrapped.iter().any(|block| !block.is_empty() && line.ends_with(block)), "{line}");
        }
    }
}

#[test]
fn blocks_can_be_pasted() {
    let shown = text(Format::Human, &rich::report(), &Look { colour: true, ..Look::plain(40) });
    for step in rich::report().targets[0].results.iter().filter_map(|r| r.fix.as_ref()).flat_map(|fix| &fix.steps) {
        if step.kind != cfdoctor_checks::StepKind::Dashboard {
            for line in step.text.lines() {
                assert!(shown.lines().any(|shown| shown.trim_start() == line.trim_start()), "{line}");
            }
        }
    }
}

#[test]
fn json_keeps_its_schema() {
    let schema = serde_json::to_value(Report::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [rich::report(), rich::healthy_only()] {
        let json: serde_json::Value = serde_json::from_str(&text(Format::Json, &report, &Look::plain(80))).unwrap();
        let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
    }
    let wrong = serde_json::json!({"schema_version": 1, "targets": []});
    assert!(!validator.is_valid(&wrong));
    insta::assert_json_snapshot!(rich::report());
}

#[test]
fn hostile_text_is_inert_in_every_format() {
    let evil = "a\x1b[2J\x1b]8;;http://evil\x07\u{9b}31m\u{202e}b\r\nc\u{0}";
    let mut report = rich::report();
    let target = &mut report.targets[0];
    target.url = evil.into();
    target.answered_by = Some(evil.into());
    target.inconclusive = Some(evil.into());
    for area in &mut target.areas {
        area.summary = Some(evil.into());
    }
    for result in &mut target.results {
        result.seen = Some(evil.into());
        result.proof = vec![evil.into()];
        result.docs = Some(evil.into());
        if let Some(reason) = &mut result.reason {
            reason.text = evil.into();
        }
        for step in result.fix.iter_mut().flat_map(|fix| &mut fix.steps) {
            step.label = evil.into();
            step.text = evil.into();
        }
    }
    for format in [Format::Human, Format::Short] {
        for detail in [Detail::Normal, Detail::Full] {
            let shown = text(format, &report, &Look { detail, ..Look::plain(80) });
            let raw: Vec<char> = shown.chars().filter(|c| c.is_control() && *c != '\n').collect();
            assert_eq!(raw, Vec::<char>::new(), "{format:?}");
            assert!(!shown.contains('\u{202e}'));
        }
    }
    let lines = text(Format::Short, &report, &Look::plain(80)).lines().count();
    let findings = report.targets.iter().flat_map(|t| &t.results).filter(|r| r.status >= Status::Warn).count();
    assert_eq!(lines, findings + report.targets.len(), "one line each");
}

#[test]
fn a_simulation_and_an_interruption_are_said() {
    let mut report = rich::healthy_only();
    report.run.simulation = Some("the scenario \"healthy\" on loopback; nothing outside this machine was asked".into());
    report.run.interrupted = true;
    report.run.not_visited = vec!["https://later.example.com/".into()];
    let shown = text(Format::Human, &report, &Look::plain(80));
    assert!(shown.starts_with("Simulation: the scenario \"healthy\" on loopback"), "{shown}");
    assert!(shown.contains("Interrupted: 1 not visited: https://later.example.com/"), "{shown}");
    let short = text(Format::Short, &report, &Look::plain(80));
    assert!(short.ends_with("https://later.example.com/: verdict: not visited (interrupted)\n"), "{short}");
}

#[test]
fn a_page_stands_alone_and_holds_every_result() {
    for report in [rich::report(), whole::report(), whole::hostile()] {
        let page = text(Format::Html, &report, &Look::plain(80));
        let results = report.targets.iter().map(|target| target.results.len()).sum::<usize>();
        assert_eq!(page.matches("<article class=\"result ").count(), results);
        assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
        let wanted = "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-";
        assert_eq!(page.matches(wanted).count(), 1);
        for way_out in
            ["<link", "<img", "<iframe", " src=\"", " style=\"", "@import", "url(", " onclick", "\"javascript:"]
        {
            assert!(!page.contains(way_out), "{way_out}");
        }
        for rest in page.split(" href=\"").skip(1) {
            assert!(rest.starts_with('#') || rest.starts_with("https://"), "{}", &rest[..40]);
        }
        let raw: Vec<char> = page.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert_eq!(raw, Vec::<char>::new());
        assert!(!page.contains('\u{202e}'));
    }
}

#[test]
fn anchors_of_a_page_lead_somewhere_and_are_unique() {
    for report in [rich::report(), whole::report(), whole::hostile()] {
        let page = text(Format::Html, &report, &Look::plain(80));
        let names = |mark: &str| -> Vec<String> {
            page.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).map(ToOwned::to_owned).collect()
        };
        let ids = names(" id=\"");
        let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
        for place in names(" href=\"#") {
            assert!(unique.contains(&place), "{place}");
        }
    }
}
