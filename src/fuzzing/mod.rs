//! What the fuzz targets do with the octets that they are given: each parser of what comes from outside, and what must
//! hold whatever it is fed. Built for tests and for `fuzz/` only; the corpus of `fuzz/corpus/` goes through the same
//! functions here, without a fuzzer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod headers;
mod holds;
mod reports;
mod rules;
mod values;

pub(crate) use holds::{harmless, judged, redacted_once};

use crate::lint::fuzzing as lint;
use crate::probe::fuzzing as probe;

/// A parser with all that must hold.
pub type Body = fn(&[u8]);

/// Every target: the name of its program in `fuzz/` and of its folder in `fuzz/corpus/`.
pub const TARGETS: &[(&str, Body)] = &[
    ("account", lint::account),
    ("certificates", lint::certificates),
    ("cloudflare_api", probe::cloudflare::answer),
    ("config", reports::config),
    ("dns", probe::dns::message),
    ("har", lint::har),
    ("headers", headers::headers),
    ("http_dump", lint::http_dump),
    ("http_one", probe::http::one),
    ("http_two", probe::http::two),
    ("observations", lint::observations),
    ("recording", reports::recording),
    ("report", reports::report),
    ("rules", rules::expressions),
    ("patterns", rules::patterns),
    ("template", lint::template),
    ("terraform", lint::terraform),
    ("tls_hello", probe::tls::hello),
    ("values", values::values),
    ("zone", lint::zone),
];

/// Feeds the target of this name.
///
/// # Panics
/// Something that must hold does not, or there is no such target.
pub fn feed(name: &str, octets: &[u8]) {
    let (_, body) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    body(octets);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::*;

    /// Every input that once broke something or led somewhere new, and a few that are simply large.
    #[test]
    fn the_corpus_holds() {
        for (name, body) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
            let files: Vec<_> = fs::read_dir(&folder)
                .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
                .map(|entry| entry.unwrap().path())
                .collect();
            assert!(!files.is_empty(), "{name} has no corpus");
            for file in files {
                let octets = fs::read(&file).unwrap();
                let start = Instant::now();
                body(&octets);
                assert!(start.elapsed() < Duration::from_secs(30), "{} takes too long", file.display());
            }
            for octets in
                [vec![], vec![0; 100_000], b"{\"".repeat(50_000), b"[".repeat(100_000), b"a:\n ".repeat(30_000)]
            {
                body(&octets);
            }
        }
    }

    #[test]
    fn every_target_has_its_program() {
        let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        let programs = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap());
        let mut programs: Vec<&str> = programs.collect();
        let mut targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        programs.sort_unstable();
        targets.sort_unstable();
        assert_eq!(programs, targets);
    }
}
