//! Flag over file over default: what was typed, and the configuration laid under it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cfdoctor_checks::Check;
use clap::ArgMatches;
use clap::parser::ValueSource;

use super::args::{
    ConfigArgs, CredentialUse, FleetArgs, KnownArgs, NetworkArgs, OutputArgs, PolicyArgs, SelectArgs, VisitArgs,
};
use super::{CommandError, values};
use crate::config::{self, CredentialWord, Loaded, VARIABLE};

/// The options that the user typed; a default is not typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    ids: BTreeSet<String>,
    /// What stands in the arguments of the innermost command.
    pub(super) matches: ArgMatches,
}

impl Typed {
    /// Those of the innermost command.
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let mut innermost = matches;
        while let Some((_, inner)) = innermost.subcommand() {
            innermost = inner;
        }
        let is_typed = |id: &&clap::Id| innermost.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        let ids = innermost.ids().filter(is_typed).map(ToString::to_string).collect();
        Typed { ids, matches: innermost.clone() }
    }

    /// Did the user type it? By the name of its field.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }
}

/// How the file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundBy {
    /// `--config`.
    Flag,
    /// `CFDOCTOR_CONFIG`.
    Variable,
    /// It lies here or further up.
    Looking,
}

/// What every command that judges begins with.
pub(super) struct Setup {
    /// The configuration; an empty one where there is none.
    pub(super) loaded: Loaded,
    /// How it was found; `None`: there is none.
    pub(super) found_by: Option<FoundBy>,
    pub(super) typed: Typed,
}

impl Setup {
    /// Finds and reads the configuration.
    pub(super) fn load(choice: &ConfigArgs, typed: Typed) -> Result<Self, CommandError> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let here = std::env::current_dir().ok();
        let found = find(choice, variable, here.as_deref());
        let loaded = match &found {
            Some((path, by)) => config::read(path).map_err(|error| {
                let by = if *by == FoundBy::Variable { format!("{VARIABLE}: ") } else { String::new() };
                CommandError::usage(format!("{by}{error}"))
            })?,
            None => Loaded::default(),
        };
        Ok(Setup { loaded, found_by: found.map(|(_, by)| by), typed })
    }

    /// The file's value, unless one was typed.
    fn fill<T: Clone>(&self, id: &str, slot: &mut T, value: Option<&T>) {
        if let Some(value) = value.filter(|_| !self.typed.has(id)) {
            slot.clone_from(value);
        }
    }

    /// Policy, and what is known already.
    pub(super) fn output(&self, given: &mut OutputArgs) {
        self.policy(&mut given.policy);
        let baseline = self.loaded.config.baseline.as_deref().map(|path| self.loaded.beside(path));
        self.fill("baseline", &mut given.baseline, baseline.map(Some).as_ref());
    }

    /// The paths of the file, as they are seen from here.
    fn beside(&self, paths: &Option<Vec<PathBuf>>) -> Option<Vec<PathBuf>> {
        Some(paths.as_ref()?.iter().map(|path| self.loaded.beside(path)).collect())
    }

    /// The same for an option with one path.
    fn one_beside(&self, path: Option<&PathBuf>) -> Option<Option<PathBuf>> {
        Some(Some(self.loaded.beside(path?)))
    }

    pub(super) fn policy(&self, given: &mut PolicyArgs) {
        let config = &self.loaded.config;
        self.fill("fail_on", &mut given.fail_on, config.fail_on.as_ref());
        self.fill("inconclusive", &mut given.inconclusive, config.inconclusive.map(Some).as_ref());
    }

    pub(super) fn network(&self, given: &mut NetworkArgs) -> Result<(), CommandError> {
        let config = &self.loaded.config;
        self.visit(&mut given.visit)?;
        self.fill("wait", &mut given.wait, config.wait.map(Some).as_ref());
        self.fill("headers", &mut given.headers, config.header.as_ref());
        // Certificate and key are one thing: half of it is never taken from the file.
        if !self.typed.has("cert") && !self.typed.has("key") {
            self.fill("cert", &mut given.cert, self.one_beside(config.cert.as_ref()).as_ref());
            self.fill("key", &mut given.key, self.one_beside(config.key.as_ref()).as_ref());
        }
        Ok(())
    }

    pub(super) fn visit(&self, given: &mut VisitArgs) -> Result<(), CommandError> {
        let config = &self.loaded.config;
        let resolver = config.resolver.as_deref().map(values::resolver).transpose().map_err(CommandError::Usage)?;
        self.fill("samples", &mut given.samples, config.samples.as_ref());
        self.fill("connect_timeout", &mut given.connect_timeout, config.connect_timeout.as_ref());
        self.fill("timeout", &mut given.timeout, config.timeout.as_ref());
        self.fill("deadline", &mut given.deadline, config.deadline.as_ref());
        self.fill("retries", &mut given.retries, config.retries.as_ref());
        self.fill("resolver", &mut given.resolver, resolver.map(Some).as_ref());
        self.fill("proxy", &mut given.proxy, config.proxy.clone().map(Some).as_ref());
        self.fill("cacert", &mut given.cacert, self.beside(&config.cacert).as_ref());
        self.fill("origin_ca", &mut given.origin_ca, self.one_beside(config.origin_ca.as_ref()).as_ref());
        Ok(())
    }

    pub(super) fn fleet(&self, given: &mut FleetArgs) {
        self.fill("concurrency", &mut given.concurrency, self.loaded.config.concurrency.as_ref());
    }

    pub(super) fn known(&self, given: &mut KnownArgs) {
        let config = &self.loaded.config;
        let word = |word: CredentialWord| match word {
            CredentialWord::Auto => CredentialUse::Auto,
            CredentialWord::Never => CredentialUse::Never,
            CredentialWord::Require => CredentialUse::Require,
        };
        self.fill("cloudflare", &mut given.cloudflare, config.cloudflare.map(word).as_ref());
        self.fill("aws", &mut given.aws, config.aws.map(word).as_ref());
        self.fill("aws_regions", &mut given.aws_regions, config.aws_regions.as_ref());
        self.fill("zone_json", &mut given.zone_json, self.beside(&config.zone_json).as_ref());
        self.fill("aws_json", &mut given.aws_json, self.beside(&config.aws_json).as_ref());
    }

    /// The chosen checks; the owner's own conditions that are not chosen are forgotten.
    pub(super) fn checks(&mut self, given: &mut SelectArgs) -> Result<Vec<&'static Check>, CommandError> {
        self.select(given);
        given.checks(&mut self.loaded.config)
    }

    /// Who types `--only` wants just that, whatever the file leaves out.
    pub(super) fn select(&self, given: &mut SelectArgs) {
        let config = &self.loaded.config;
        self.fill("only", &mut given.only, config.only.as_ref());
        if !self.typed.has("only") {
            self.fill("skip", &mut given.skip, config.skip.as_ref());
        }
    }
}

/// One file wins.
fn find(choice: &ConfigArgs, variable: Option<PathBuf>, here: Option<&Path>) -> Option<(PathBuf, FoundBy)> {
    if choice.no_config {
        return None;
    }
    let named = choice.config.clone().map(|path| (path, FoundBy::Flag));
    let named = named.or_else(|| variable.map(|path| (path, FoundBy::Variable)));
    named.or_else(|| Some((config::discover(here?)?, FoundBy::Looking)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory, FromArgMatches};

    use super::super::args::{CheckArgs, Cli};
    use super::*;
    use crate::policy::FailOn;
    use crate::settings::ResolverChoice;

    fn setup(arguments: &[&str], text: &str) -> (Setup, CheckArgs) {
        let matches = Cli::command().try_get_matches_from([&["cfdoctor"], arguments].concat()).unwrap();
        let check = Cli::from_arg_matches(&matches).unwrap().check;
        let loaded = config::parse("cfdoctor.toml", text).unwrap();
        (Setup { loaded, found_by: Some(FoundBy::Flag), typed: Typed::of(&matches) }, check)
    }

    #[test]
    fn the_file_replaces_defaults_and_never_what_was_typed() {
        let text = "fail-on = \"warn\"\nsamples = 5\ntimeout = \"9s\"\nresolver = \"192.0.2.53\"\naws = \"never\"\n\
                    cloudflare = \"require\"\ninconclusive = \"pass\"\nwait = \"2m\"\nconcurrency = 9\n";
        // The default, typed: the file must not win over it.
        let typed = ["a.example.com", "--samples", "3", "--fail-on", "fail", "--cloudflare", "auto"];
        let (setup, mut check) = setup(&typed, text);
        setup.policy(&mut check.output.policy);
        setup.network(&mut check.network).unwrap();
        setup.known(&mut check.known);
        setup.fleet(&mut check.fleet);
        assert_eq!(check.fleet.concurrency, 9);
        assert_eq!((check.network.visit.samples, check.output.policy.fail_on), (3, FailOn::Fail));
        assert_eq!((check.known.cloudflare, check.known.aws), (CredentialUse::Auto, CredentialUse::Never));
        assert_eq!(check.network.visit.timeout, Duration::from_secs(9));
        assert_eq!(check.network.visit.deadline, Duration::from_secs(45));
        assert_eq!(check.network.wait, Some(Duration::from_secs(120)));
        assert!(matches!(check.network.visit.resolver, Some(ResolverChoice::Udp(_))));
        assert!(check.output.policy.inconclusive.is_some());
    }

    #[test]
    fn a_typed_selection_is_not_narrowed_by_the_file() {
        let text = "skip = [\"cache\"]\n[[assert]]\nname = \"Up\"\nstatus = 200\n";
        let ids = |arguments: &[&str]| {
            let (mut setup, mut check) = setup(arguments, text);
            let checks = setup.checks(&mut check.select).unwrap();
            (checks.iter().any(|check| check.area() == "cache"), checks.len(), setup.loaded.config.assert.len())
        };
        let (cache, _, own) = ids(&[]);
        assert_eq!((cache, own), (false, 1));
        assert_eq!(ids(&["--only", "cache-never-hit"]), (true, 1, 0));
        assert_eq!(ids(&["--only", "assert-up"]), (false, 0, 1));
        assert_eq!(ids(&["--skip", "assert"]).2, 0);
        assert!(ids(&["--skip", "dns"]).0, "a typed --skip replaces the file's");
    }

    #[test]
    fn one_file_wins() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(config::NAME), "").unwrap();
        let here = Some(folder.path());
        let named = ConfigArgs { config: Some("a.toml".into()), no_config: false };
        let by = |choice: &ConfigArgs, variable: Option<&str>| find(choice, variable.map(PathBuf::from), here);
        assert_eq!(by(&named, Some("b.toml")), Some(("a.toml".into(), FoundBy::Flag)));
        assert_eq!(by(&ConfigArgs::default(), Some("b.toml")), Some(("b.toml".into(), FoundBy::Variable)));
        assert_eq!(by(&ConfigArgs::default(), None), Some((config::NAME.into(), FoundBy::Looking)));
        assert_eq!(by(&ConfigArgs { no_config: true, config: None }, Some("b.toml")), None);
    }
}
