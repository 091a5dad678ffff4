//! `--only` and `--skip`: ids, areas and globs.

use std::collections::BTreeSet;

use cfdoctor_checks::{AREAS, Check, Probe, RETIRED};

use super::CommandError;
use super::args::SelectArgs;
use super::suggest;

impl SelectArgs {
    /// The chosen checks, in the register's order.
    pub(super) fn checks(&self) -> Result<Vec<&'static Check>, CommandError> {
        let known: Vec<&'static Check> = cfdoctor_checks::all().collect();
        let areas: Vec<&str> = AREAS.iter().map(|area| area.id).collect();
        let ids: Vec<&str> = known.iter().map(|check| check.id).collect();
        let chosen = choose(&ids, &areas, &self.only, &self.skip)?;
        Ok(known.into_iter().filter(|check| chosen.contains(check.id)).collect())
    }
}

/// The parts of the evidence that these checks need.
pub(super) fn probes(checks: &[&'static Check]) -> BTreeSet<Probe> {
    checks.iter().flat_map(|check| check.needs).copied().collect()
}

fn choose<'a>(
    ids: &[&'a str],
    areas: &[&str],
    only: &[String],
    skip: &[String],
) -> Result<BTreeSet<&'a str>, CommandError> {
    let kept = match only {
        [] => ids.iter().copied().collect(),
        _ => matching(ids, areas, "--only", only)?,
    };
    let dropped = matching(ids, areas, "--skip", skip)?;
    let chosen: BTreeSet<&str> = kept.difference(&dropped).copied().collect();
    if chosen.is_empty() && !ids.is_empty() {
        return Err(CommandError::usage("--only and --skip leave no check; `cfdoctor explain` lists them all"));
    }
    Ok(chosen)
}

fn matching<'a>(
    ids: &[&'a str],
    areas: &[&str],
    option: &str,
    patterns: &[String],
) -> Result<BTreeSet<&'a str>, CommandError> {
    let mut found = BTreeSet::new();
    for pattern in patterns.iter().map(|pattern| pattern.trim()).filter(|pattern| !pattern.is_empty()) {
        if areas.contains(&pattern) {
            found.extend(ids.iter().filter(|id| id.split('-').next() == Some(pattern)));
            continue;
        }
        let matches: Vec<&str> = ids.iter().copied().filter(|id| glob(pattern, id)).collect();
        found.extend(&matches);
        if matches.is_empty() {
            return Err(unknown(ids, areas, option, pattern));
        }
    }
    Ok(found)
}

fn unknown(ids: &[&str], areas: &[&str], option: &str, pattern: &str) -> CommandError {
    if RETIRED.contains(&pattern) {
        return CommandError::usage(format!("{option}: the check {pattern:?} is retired; leave it out"));
    }
    let hint = suggest::hint(pattern, ids.iter().chain(areas).copied());
    CommandError::usage(format!(
        "{option}: no check, area or glob {pattern:?} is known{hint} (`cfdoctor explain` lists them all)"
    ))
}

/// `*` stands for any letters, `?` for one.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to try again: after the last star, one letter further on.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t + 1));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(letter) if text.get(t) == Some(letter) => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((after_star, next)) => {
                    retry = Some((after_star, next + 1));
                    (p, t) = (after_star, next);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &[&str] = &["dns-cname-loop", "edge-legacy-tls", "origin-certificate-expired", "cache-never-hit"];
    const AREA_IDS: &[&str] = &["dns", "edge", "origin", "cache"];

    fn chosen(only: &[&str], skip: &[&str]) -> Result<Vec<&'static str>, String> {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        choose(IDS, AREA_IDS, &owned(only), &owned(skip))
            .map(|set| IDS.iter().copied().filter(|id| set.contains(id)).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn ids_areas_and_globs() {
        assert_eq!(chosen(&[], &[]).unwrap(), IDS);
        assert_eq!(chosen(&["edge", "cache-never-hit"], &[]).unwrap(), ["edge-legacy-tls", "cache-never-hit"]);
        assert_eq!(chosen(&["*-certificate-*"], &[]).unwrap(), ["origin-certificate-expired"]);
        assert_eq!(chosen(&[], &["dns", "*-never-*"]).unwrap(), ["edge-legacy-tls", "origin-certificate-expired"]);
    }

    #[test]
    fn errors_name_the_remedy() {
        assert!(chosen(&["edge-legacy-tsl"], &[]).unwrap_err().contains("did you mean edge-legacy-tls?"));
        assert!(chosen(&[], &["orign"]).unwrap_err().contains("--skip: no check, area or glob \"orign\""));
        assert!(chosen(&["x-*"], &[]).unwrap_err().contains("cfdoctor explain"));
        assert!(chosen(&["dns"], &["dns-*"]).unwrap_err().contains("leave no check"));
    }

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*", "", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("*a*a*b", "aaaaaaaaaaaaaaaaaaaaac", false),
            ("ab", "abc", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
