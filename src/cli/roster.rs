//! The targets of a run, made one by one: named, listed in files, declared in the configuration, in a plan or in a zone.
//!
//! Everything is read and judged before anything is probed; kept is the text only, and a target is made anew when its
//! turn comes.

mod entry;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::http::HeaderLine;
use cfdoctor_checks::evidence::{Target, redact, text};
use secrecy::ExposeSecret as _;

use super::CommandError;
use super::lists;
use super::targets::Wanted;
use crate::config::Config;
use crate::fleet::{Earlier, Key, Shard};
use crate::probe::cloudflare::ZoneHosts;
use crate::report::Place;
use crate::settings::Settings;
use entry::{Entry, Recipe, Source};

/// A visit to come.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Place among all that were given, from 0, whatever part of them is visited now.
    pub(super) index: usize,
    pub(super) target: Arc<Target>,
    /// The line that names it.
    pub(super) declared_at: Option<Place>,
}

/// The targets of a run.
pub(super) struct Roster<'a> {
    sources: Vec<Source>,
    recipe: Recipe<'a>,
    shard: Option<Shard>,
    /// Those that were given before, by their index.
    repeated: HashSet<usize>,
    /// Targets of this part, each once.
    total: usize,
    earlier: Option<Earlier>,
    /// Where targets stand by their shown URL; only where an earlier run is taken over.
    places: HashMap<Key, usize>,
    /// Are there targets elsewhere: in other parts, or in zones that are not read now?
    pub(super) may_be_empty: bool,
    /// What is to be said about the choice.
    pub(super) notices: Vec<String>,
}

impl<'a> Roster<'a> {
    /// Nothing yet. `required`: what each visit must be able to read.
    pub(super) fn new(wanted: Wanted<'a>, settings: &Settings, required: Vec<Probe>) -> Self {
        let headers =
            settings.request_headers.iter().map(|(name, value)| HeaderLine::new(name, value.expose_secret())).collect();
        let recipe = Recipe { wanted: Some(wanted), headers, required };
        Roster {
            sources: Vec::new(),
            recipe,
            shard: None,
            repeated: HashSet::new(),
            total: 0,
            earlier: None,
            places: HashMap::new(),
            may_be_empty: false,
            notices: Vec::new(),
        }
    }

    /// One target as it is.
    pub(super) fn of(target: Target) -> Self {
        Roster {
            sources: vec![Source::Ready(Arc::new(target))],
            recipe: Recipe { wanted: None, headers: Vec::new(), required: Vec::new() },
            shard: None,
            repeated: HashSet::new(),
            total: 1,
            earlier: None,
            places: HashMap::new(),
            may_be_empty: false,
            notices: Vec::new(),
        }
    }

    /// What was typed (`-` is stdin), and lists; where neither is there and no zone either, what `or_else` gives.
    pub(super) fn given(
        &mut self,
        typed: &[String],
        files: &[impl AsRef<Path>],
        or_else: impl FnOnce() -> Result<Vec<String>, CommandError>,
        has_zones: bool,
    ) -> Result<(), CommandError> {
        if typed.is_empty() && files.is_empty() && !has_zones {
            self.sources.extend(or_else()?.into_iter().map(Source::One));
            return Ok(());
        }
        let mut has_stdin = false;
        for given in typed {
            if given == "-" {
                self.stdin(&mut has_stdin)?;
            } else {
                self.sources.push(Source::One(given.clone()));
            }
        }
        for file in files.iter().map(AsRef::as_ref) {
            if file == Path::new("-") {
                self.stdin(&mut has_stdin)?;
            } else {
                self.sources.push(Source::List(lists::file(file)?));
            }
        }
        Ok(())
    }

    /// Stdin is there once, whoever names it.
    fn stdin(&mut self, has_it: &mut bool) -> Result<(), CommandError> {
        if !std::mem::replace(has_it, true) {
            self.sources.push(Source::List(lists::stdin()?));
        }
        Ok(())
    }

    /// A zone that was read.
    pub(super) fn zone(&mut self, name: &str, found: ZoneHosts) {
        const NAMED: usize = 5;
        let ZoneHosts { hosts, wildcards, cut } = found;
        if !wildcards.is_empty() {
            let named: Vec<String> = wildcards.iter().take(NAMED).map(|name| text::clean(name)).collect();
            let more = wildcards.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.notices.push(format!(
                "--zone {name}: left out, since nobody can visit a wildcard: {}{more}; name the hosts behind it with \
                 --targets",
                named.join(", ")
            ));
        }
        let (sound, odd): (Vec<String>, Vec<String>) =
            hosts.into_iter().partition(|host| host.parse::<Target>().is_ok());
        if let Some(first) = odd.first() {
            let what = if odd.len() == 1 { "a name" } else { "names" };
            let first = text::shorten(first, 100);
            self.notices
                .push(format!("--zone {name}: left out: {} {what} that no URL can hold, as {first:?}", odd.len()));
        }
        if let Some(cut) = cut {
            self.notices.push(format!("--zone {name}: not every record is known: {}", text::clean(&cut)));
        }
        self.sources.push(Source::Zone(name.to_owned(), sound));
    }

    /// Reads every target once; what is wrong with one ends the run before anything is probed.
    pub(super) fn settle(
        &mut self,
        shard: Option<Shard>,
        resume: Option<&Path>,
        may_be_absent: bool,
    ) -> Result<(), CommandError> {
        self.shard = shard;
        let mut known = HashSet::new();
        let mut shown: HashMap<Key, (usize, u32)> = HashMap::new();
        let mut bad = lists::Bad::default();
        let (mut given, mut total) = (0_usize, 0);
        let mut repeated = HashSet::new();
        for (index, entry) in self.entries().enumerate() {
            given += 1;
            let target = match entry.make(&self.recipe) {
                Ok(target) => target,
                Err(error) => {
                    bad.add(error, entry.line)?;
                    continue;
                }
            };
            let url = target.url();
            if !known.insert(Key::of(&url)) {
                repeated.insert(index);
            } else if self.is_here(&entry, &target) {
                total += 1;
                if resume.is_some() {
                    shown.entry(shown_key(&url)).or_insert((index, 0)).1 += 1;
                }
            }
        }
        bad.end()?;
        if given == 0 && !self.may_be_empty {
            return Err(CommandError::NoTargets(self.none()));
        }
        if !repeated.is_empty() {
            let what = if repeated.len() == 1 { "1 target is" } else { &format!("{} targets are", repeated.len()) };
            self.notices.push(format!("{what} given more than once; each is visited once"));
        }
        (self.repeated, self.total) = (repeated, total);
        if let Some(shard) = shard.filter(|_| total == 0) {
            let all = if given > 0 { format!("none of the {given} targets") } else { "no target".into() };
            self.notices.push(format!("--shard {shard}: {all} is in this part"));
        }
        match resume {
            Some(path) if !may_be_absent || path.exists() => self.resume(path, shown),
            _ => Ok(()),
        }
    }

    /// Takes over what an earlier run has finished. Of URLs that look the same without their secrets nobody can tell
    /// which one it was: they are visited again.
    fn resume(&mut self, path: &Path, shown: HashMap<Key, (usize, u32)>) -> Result<(), CommandError> {
        let place = text::clean(&path.display().to_string());
        let earlier = Earlier::read(path, |key| shown.get(&key).is_some_and(|(_, times)| *times == 1))
            .map_err(|error| CommandError::usage(format!("--resume {place}: {error}")))?;
        let mut said = format!("--resume {place}: {} of {} targets are finished", earlier.len(), self.total);
        if earlier.cut > 0 {
            said.push_str(&format!("; {} that the interruption cut short are visited again", earlier.cut));
        }
        if earlier.is_torn {
            said.push_str("; its last line is torn and left out");
        }
        if let Some(first) = &earlier.first_other {
            let first = text::shorten(first, 100);
            said.push_str(&format!("; {} lines are about other targets and left out, as {first}", earlier.others));
        }
        self.notices.push(said);
        self.places = shown.into_iter().map(|(key, (index, _))| (key, index)).collect();
        self.earlier = Some(earlier);
        Ok(())
    }

    /// What an earlier run has finished.
    pub(super) fn earlier(&self) -> Option<&Earlier> {
        self.earlier.as_ref()
    }

    /// Where the target stands that an earlier run has finished.
    pub(super) fn index_of(&self, shown_url: &str) -> usize {
        self.places.get(&Key::of(shown_url)).copied().unwrap_or_default()
    }

    /// Targets of this part, those that are finished included.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Is this a part of a list, which may be empty?
    pub(super) fn is_part(&self) -> bool {
        self.shard.is_some()
    }

    /// The visits to come, each made when it is asked for.
    pub(super) fn jobs(&self) -> impl Iterator<Item = Job> + '_ {
        self.all().filter(|job| self.earlier.as_ref().is_none_or(|earlier| !earlier.has(shown_key(&job.target.url()))))
    }

    /// Every target of this part.
    pub(super) fn all(&self) -> impl Iterator<Item = Job> + '_ {
        let all = self.entries().enumerate().filter(|(index, _)| !self.repeated.contains(index));
        all.filter_map(|(index, entry)| {
            // What was wrong with any was said before.
            let target = entry.make(&self.recipe).ok()?;
            self.is_here(&entry, &target).then(|| Job { index, target, declared_at: entry.place() })
        })
    }

    fn is_here(&self, entry: &Entry<'_>, target: &Target) -> bool {
        self.shard.is_none_or(|shard| shard.holds(entry.zone().unwrap_or(&target.host)))
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.sources.iter().flat_map(|source| -> Box<dyn Iterator<Item = Entry<'_>> + '_> {
            let entry = |text, line| Entry { source, text, line };
            match source {
                Source::One(text) => Box::new(std::iter::once(entry(text, 0))),
                Source::List(list) => Box::new(list.lines().map(move |(line, text)| entry(text, line))),
                Source::Zone(_, hosts) => Box::new(hosts.iter().map(move |host| entry(host, 0))),
                Source::Ready(_) => Box::new(std::iter::once(entry("", 0))),
            }
        })
    }

    /// Why there is nothing.
    fn none(&self) -> String {
        let names: Vec<String> = self
            .sources
            .iter()
            .filter_map(|source| match source {
                Source::List(list) => {
                    Some(format!("{} has none; write one host name or URL on each line", list.name()))
                }
                Source::Zone(name, _) => Some(format!("the zone {name} has no proxied record with a name to visit")),
                _ => None,
            })
            .collect();
        match names.as_slice() {
            [] => {
                "no targets: give a host name or a URL, or a list with --targets FILE (- for stdin), or list them in \
                   cfdoctor.toml (cfdoctor --help says more)"
                    .into()
            }
            names => format!("no targets: {}", names.join("; ")),
        }
    }
}

/// The key of a URL as reports show it.
fn shown_key(url: &str) -> Key {
    Key::of(&text::clean(&redact::text(url)))
}

/// What the configuration lists, else the hosts that the plan declares.
pub(super) fn unless_given(config: &Config, settings: &Settings) -> Result<Vec<String>, CommandError> {
    match &settings.plan {
        Some(plan) if config.target.is_empty() => {
            let (hosts, notes) = plan.hosts();
            if hosts.is_empty() {
                let why = notes.first().map_or("it declares no proxied record and no custom domain", String::as_str);
                return Err(CommandError::NoTargets(format!("no targets: --plan: {why}; name a host or a URL")));
            }
            Ok(hosts)
        }
        _ => Ok(config.target.iter().map(|declared| declared.url.clone()).collect()),
    }
}

#[cfg(test)]
mod tests;
