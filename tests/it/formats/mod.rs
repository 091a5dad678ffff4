//! Thousands of random reports through every format: valid, the same statuses and exit code, hostile text inert.

mod random;
mod read_back;
pub mod validators;

use std::path::PathBuf;

use cfdoctor::render::{Detail, Format, Look, render};
use cfdoctor::report::{CertificateReport, End, Place, Report, Status, TimingReport};
use cfdoctor_checks::evidence::text;
use clap::ValueEnum;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use time::macros::datetime;

use crate::rich;
use read_back::expected;
use validators::Piece;

/// Reports of the property test.
const REPORTS: usize = 2000;
/// Of these, files for the programs that read a batch.
const BATCH: usize = 300;

fn shown(format: Format, report: &Report) -> String {
    let mut out = Vec::new();
    render(format, report, &Look { detail: Detail::Full, ..Look::plain(80) }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What every format promises. A new one needs nothing here; one that can be read back gets a reader.
pub fn holds(format: Format, report: &Report) -> String {
    let text = shown(format, report);
    let raw: Vec<char> = text.chars().filter(|c| *c != '\n' && text::is_hostile(*c)).collect();
    assert_eq!(raw, Vec::<char>::new(), "{format:?}");
    if let Some(read) = read_back::reader(format) {
        let said = read(&text);
        let wanted = match format {
            Format::Sarif => expected(report, |status| status != Status::Pass),
            Format::Github | Format::Gitlab => expected(report, Status::is_finding),
            Format::Openmetrics => said.statuses.clone(),
            Format::Markdown => said.statuses.clone(),
            _ => expected(report, |_| true),
        };
        assert_eq!(said.statuses, wanted, "{format:?}\n{text}");
        if let Some(code) = said.exit_code {
            assert_eq!(code, report.exit_code, "{format:?}");
        }
    }
    text
}

/// A series is there once, however often a report repeats itself.
fn metrics_hold(report: &Report, text: &str) {
    let said: Vec<_> = read_back::openmetrics(text).statuses.into_keys().collect();
    let wanted: Vec<_> = expected(report, |_| true).into_keys().collect();
    assert_eq!(said, wanted);
}

/// Nothing but our own structure: no HTML, link or table that a report brought with it, and no word outside code that
/// GitHub or GitLab would turn into one.
fn markdown_is_inert(report: &Report, text: &str) {
    const OURS: &[&str] =
        &["<details><summary>Proof and fix</summary>", "<details><summary>Not run</summary>", "</details>"];
    assert!(text.len() <= 65_536);
    let pieces = validators::markdown(text);
    let mut cells = 0;
    for piece in &pieces {
        match piece {
            Piece::Html(html) => assert!(OURS.contains(&html.as_str()), "{html}\n{text}"),
            Piece::Link(to) => assert!(to.starts_with("https://"), "{to}"),
            Piece::CellEnd => cells += 1,
            Piece::Code(_) => {}
            Piece::Text(words) => {
                let words = words.to_lowercase();
                for mark in ["@", "://", "www.", "<", "[", "`", "|", "$", "_", "~", "\\"] {
                    let is_link = mark == "://" && pieces.contains(&Piece::Link(words.clone()));
                    assert!(
                        !words.contains(mark) || is_link || words.starts_with("https://"),
                        "{mark}: {words}\n{text}"
                    );
                }
                let reference =
                    words.match_indices('#').any(|(at, _)| words[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
                assert!(!reference, "{words}");
            }
        }
    }
    assert_eq!(cells % 7, 0, "{text}");
    let count =
        |what: &str| pieces.iter().filter(|piece| matches!(piece, Piece::Html(html) if html.starts_with(what))).count();
    assert_eq!(count("<details>"), count("</details>"), "{text}");
    // Whole where it fits.
    if !text.contains("more do not fit here") {
        assert_eq!(read_back::markdown(text).statuses, expected(report, Status::is_finding), "{text}");
    }
}

/// Every case of JUnit keeps its words: what was cleaned, and nothing else, is there after parsing.
fn junit_keeps_the_words(report: &Report, text: &str) {
    let document = roxmltree::Document::parse(text).unwrap();
    let suites = document.descendants().filter(|node| node.has_tag_name("testsuite"));
    let names: Vec<&str> = suites.filter_map(|suite| suite.attribute("name")).collect();
    let clean = |url: &String| text::clean(url).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    let urls: Vec<String> =
        report.targets.iter().map(|target| &target.url).chain(&report.run.not_visited).map(clean).collect();
    assert_eq!(names, urls);
}

#[test]
fn random_reports_hold_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let (junit, metrics): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let share = |seed: u8| {
            let folder = &folder;
            scope.spawn(move || random_share(seed, folder))
        };
        [1, 2].map(share).into_iter().map(|share| share.join().unwrap()).unzip()
    });
    validators::xmllint(&junit.concat());
    validators::openmetrics(&metrics.concat());
}

/// Half of the reports, always the same ones; the files for the programs that read a batch.
fn random_share(seed: u8, folder: &tempfile::TempDir) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = random::report();
    let (mut junit, mut metrics) = (Vec::new(), Vec::new());
    for number in 0..REPORTS / 2 {
        let report = strategy.new_tree(&mut runner).unwrap().current();
        for format in Format::value_variants() {
            let text = holds(*format, &report);
            let keep = |ending| {
                let path = folder.path().join(format!("{seed}-{number:04}.{ending}"));
                std::fs::write(&path, &text).unwrap();
                path
            };
            match format {
                Format::Json => assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report),
                Format::Junit => {
                    junit_keeps_the_words(&report, &text);
                    if number < BATCH / 2 {
                        junit.push(keep("xml"));
                    }
                }
                Format::Markdown => markdown_is_inert(&report, &text),
                Format::Openmetrics => {
                    metrics_hold(&report, &text);
                    if number < BATCH / 2 {
                        metrics.push(keep("txt"));
                    }
                }
                _ => {}
            }
        }
    }
    (junit, metrics)
}

/// The rich report, with what only some formats have a place for.
fn richer() -> Report {
    let mut report = rich::report();
    let target = &mut report.targets[0];
    let day = |day| Some(datetime!(2026-11-20 12:00 UTC) + time::Duration::days(day));
    for (end, days) in [(End::Edge, 58), (End::Origin, 0)] {
        target.certificates.push(CertificateReport {
            end,
            subject: "CN=lambda.example.com".into(),
            issuer: "CN=Amazon RSA 2048 M02".into(),
            names: vec!["lambda.example.com".into()],
            not_before: day(-90),
            not_after: day(days),
            days_left: Some(days - 3),
        });
    }
    target.timings.push(TimingReport {
        end: End::Edge,
        label: "request 1".into(),
        dns_ms: None,
        connect_ms: Some(20.5),
        tls_ms: Some(41.0),
        head_ms: Some(120.25),
        total_ms: None,
        status: Some(526),
        cf_cache_status: None,
        failed: None,
    });
    target.declared_at = Some(Place { file: "infra/cfdoctor.toml".into(), line: 12 });
    let known = target.results.iter_mut().find(|result| result.check == "cache-control-missing").unwrap();
    known.suppressed = Some("baseline: known since 2026-11-01".into());
    report
}

#[test]
fn each_format_shows_the_rich_report() {
    for format in Format::value_variants() {
        let mut text = holds(*format, &richer());
        // These have snapshots elsewhere, and a line of JSON holds what JSON holds.
        if matches!(format, Format::Human | Format::Short | Format::Json | Format::Jsonl) {
            continue;
        }
        if *format == Format::Sarif {
            // The catalogue's own words change with every check.
            let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
            for rule in document["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
                for field in ["help", "fullDescription", "helpUri", "defaultConfiguration", "properties"] {
                    rule.as_object_mut().unwrap().remove(field);
                }
            }
            text = serde_json::to_string_pretty(&document).unwrap();
        }
        let name = format.to_possible_value().unwrap().get_name().to_owned();
        insta::assert_snapshot!(name, text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }
}

#[test]
fn lines_keep_their_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(cfdoctor::render::jsonl::Line<'static>)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let text = shown(Format::Jsonl, &rich::report());
    assert_eq!(text.lines().count(), rich::report().targets.len() + 1, "the sums come last");
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(validator.is_valid(&line));
        assert_eq!(line["run"]["id"], "3f2a");
    }
}
