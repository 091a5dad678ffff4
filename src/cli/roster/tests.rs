//! Rosters of what is typed, listed and read.

use cfdoctor_checks::evidence::target::Expectation;
use clap::Parser;

use super::super::args::{Cli, WishArgs};
use super::*;

fn wishes() -> WishArgs {
    Cli::try_parse_from(["cfdoctor", "x.example.com"]).unwrap().check.wishes
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The URLs of a roster of these arguments and lists, and its notices.
fn urls(
    typed: &[&str],
    files: &[std::path::PathBuf],
    shard: Option<&str>,
) -> Result<(Vec<String>, Vec<String>), String> {
    let (config, wishes) = (Config::default(), wishes());
    let wanted = Wanted { wishes: &wishes, config: &config, unless_said: Expectation::Any };
    let mut roster = Roster::new(wanted, &Settings::default(), Vec::new());
    let typed: Vec<String> = typed.iter().map(ToString::to_string).collect();
    let shard = shard.map(|shard| shard.parse().unwrap());
    let settled =
        roster.given(&typed, files, || Ok(Vec::new()), false).and_then(|()| roster.settle(shard, None, false));
    settled.map_err(|error| error.to_string())?;
    let urls: Vec<String> = roster.jobs().map(|job| job.target.url()).collect();
    assert_eq!(urls.len(), roster.total());
    Ok((urls, roster.notices))
}

#[test]
fn all_that_is_given_is_taken_once() {
    let folder = folder(&[
        ("a.txt", "# hosts\nb.example.com\n\na.example.com  # again\n"),
        ("b.txt", "c.example.com\nb.example.com/\n"),
    ]);
    let files = ["a.txt", "b.txt"].map(|name| folder.path().join(name));
    let (urls, notices) = urls(&["a.example.com"], &files, None).unwrap();
    assert_eq!(urls, ["https://a.example.com/", "https://b.example.com/", "https://c.example.com/"]);
    assert_eq!(notices, ["2 targets are given more than once; each is visited once"]);
}

#[test]
fn bad_lines_are_named_and_counted() {
    let folder = folder(&[("a.txt", "a.example.com\nfile:///x\nb.example.com\nlocalhost\n192.0.2.1\n")]);
    let error = urls(&[], &[folder.path().join("a.txt")], None).unwrap_err();
    assert!(error.contains("a.txt, line 2: ") && error.contains("scheme"), "{error}");
    assert!(error.ends_with("2 more lines are bad: 4, 5"), "{error}");
}

#[test]
fn nothing_is_said_to_be_nothing() {
    let folder = folder(&[("a.txt", "# none\n")]);
    assert!(urls(&[], &[folder.path().join("a.txt")], None).unwrap_err().contains("a.txt has none"));
    assert!(urls(&[], &[], None).unwrap_err().contains("--targets FILE"));
    let (none, notices) = urls(&["h0.example.com"], &[], Some("2/3")).unwrap();
    assert!(none.is_empty() && notices[0].contains("none of the 1 targets is in this part"), "{notices:?}");
}

#[test]
fn a_zone_stays_together_and_wildcards_are_named() {
    let (config, wishes) = (Config::default(), wishes());
    let wanted = Wanted { wishes: &wishes, config: &config, unless_said: Expectation::Any };
    let parts: Vec<usize> = (1..=4)
        .map(|part| {
            let wanted = Wanted { ..wanted };
            let mut roster = Roster::new(wanted, &Settings::default(), Vec::new());
            let hosts = (0..20).map(|n| format!("h{n}.example.com")).collect();
            let wildcards = (0..7).map(|n| format!("*.w{n}.example.com")).collect();
            roster.zone("example.com", ZoneHosts { hosts, wildcards, cut: None });
            roster.settle(Some(format!("{part}/4").parse().unwrap()), None, false).unwrap();
            assert!(roster.notices[0].contains("*.w0.example.com") && roster.notices[0].contains("2 more"));
            roster.jobs().count()
        })
        .collect();
    assert_eq!(parts.iter().filter(|count| **count == 20).count(), 1);
    assert_eq!(parts.iter().sum::<usize>(), 20);
}

#[test]
fn targets_are_made_when_they_are_asked_for() {
    let text: String = (0..5_000).map(|n| format!("h{n}.example.com\n")).collect();
    let folder = folder(&[("a.txt", &text)]);
    let (config, wishes) = (Config::default(), wishes());
    let wanted = Wanted { wishes: &wishes, config: &config, unless_said: Expectation::Any };
    let mut roster = Roster::new(wanted, &Settings::default(), Vec::new());
    roster.given(&[], &[folder.path().join("a.txt")], || Ok(Vec::new()), false).unwrap();
    roster.settle(None, None, false).unwrap();
    let mut jobs = roster.jobs();
    let third = jobs.nth(2).unwrap();
    assert_eq!((third.index, third.declared_at.unwrap().line), (2, 3));
    assert_eq!(Arc::strong_count(&jobs.next().unwrap().target), 1, "nobody else holds it");
    assert_eq!(roster.total(), 5_000);
}
