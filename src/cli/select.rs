//! `--only` and `--skip`: ids, areas and globs.

use std::collections::BTreeSet;

use cfdoctor_checks::{AREAS, Check, Probe, RETIRED};

use super::CommandError;
use super::args::SelectArgs;
use super::suggest;
use super::values::glob;
use crate::config::{Assertion, Config};
use crate::report::OWN_AREA;

impl SelectArgs {
    /// The chosen checks, in the register's order. The owner's own conditions can be chosen like them: those that are
    /// not are taken out of the configuration.
    pub(super) fn checks(&self, config: &mut Config) -> Result<Vec<&'static Check>, CommandError> {
        let known: Vec<&'static Check> = cfdoctor_checks::all().collect();
        let own: Vec<String> = config.assert.iter().map(|assertion| assertion.id().to_owned()).collect();
        let own_area = (!own.is_empty()).then_some(OWN_AREA);
        let areas: Vec<&str> = AREAS.iter().map(|area| area.id).chain(own_area).collect();
        let ids: Vec<&str> = known.iter().map(|check| check.id).chain(own.iter().map(String::as_str)).collect();
        let chosen = choose(&ids, &areas, &self.only, &self.skip)?;
        config.assert.retain(|assertion| chosen.contains(assertion.id()));
        Ok(known.into_iter().filter(|check| chosen.contains(check.id)).collect())
    }
}

/// The parts of the evidence that these checks and the owner's own conditions need.
pub(super) fn probes(checks: &[&'static Check], config: &Config) -> BTreeSet<Probe> {
    let own = config.assert.iter().flat_map(Assertion::needs);
    checks.iter().flat_map(|check| check.needs).copied().chain(own).collect()
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
}
