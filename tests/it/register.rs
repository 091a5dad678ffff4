//! The register is whole: every file is a check, every check says what it must.

use std::collections::HashSet;
use std::fs;

use cfdoctor_checks::{AREAS, RETIRED, all};

#[test]
fn every_file_of_an_area_is_a_check_and_every_check_a_file() {
    for area in AREAS {
        let mut files: Vec<String> = fs::read_dir(format!("checks/{}", area.id))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
            .filter(|name| {
                let text = fs::read_to_string(format!("checks/{}/{name}.rs", area.id)).unwrap();
                name != "mod" && text.contains("const CHECK: Check")
            })
            .map(|name| format!("{}-{}", area.id, name.replace('_', "-")))
            .collect();
        let mut ids: Vec<String> = area.checks.iter().map(|check| check.id.to_owned()).collect();
        files.sort();
        ids.sort();
        assert_eq!(files, ids, "area {}", area.id);
    }
}

#[test]
fn ids_are_unique_and_never_reused() {
    let mut seen = HashSet::new();
    for check in all() {
        assert!(seen.insert(check.id), "{} stands twice", check.id);
        assert!(!RETIRED.contains(&check.id), "{} is retired", check.id);
    }
}

#[test]
fn every_check_says_what_why_and_by_which_source() {
    for check in all() {
        assert!(check.why.len() > 40, "{}: why", check.id);
        assert!(!check.title.is_empty() && !check.title.ends_with('.'), "{}: title", check.id);
        assert!(!check.needs.is_empty(), "{}: needs", check.id);
        assert!(!check.sources.is_empty(), "{}: sources", check.id);
        assert!(check.sources.iter().all(|source| source.starts_with("https://")), "{}: sources", check.id);
    }
}
