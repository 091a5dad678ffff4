//! The keys of the file, and what the grammar alone cannot tell of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cfdoctor_checks::evidence::target::{DeclaredOrigin, Expectation};
use cfdoctor_checks::evidence::{Target, redact};
use cfdoctor_checks::{AREAS, RETIRED, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Assertion, Ignore};
use crate::fleet::MOST_AT_ONCE;
use crate::policy::{FailOn, InconclusiveAs};
use crate::report::OWN_AREA;
use crate::{suggest, values};

/// A configuration. The command line wins over it, and it wins over the defaults.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The least status that makes the exit code 1.
    pub fail_on: Option<FailOn>,
    /// What stands in for exit code 3.
    pub inconclusive: Option<InconclusiveAs>,
    /// What the owner wants of the cache, where a target does not say.
    pub expect: Option<Expectation>,
    /// AWS region, where a target does not say.
    pub region: Option<String>,
    /// Run these checks only: ids, areas, globs.
    pub only: Option<Vec<String>>,
    /// Leave these checks out: ids, areas, globs.
    pub skip: Option<Vec<String>>,
    /// GETs at the edge, 1 to 8.
    #[schemars(range(min = 1, max = 8))]
    pub samples: Option<u32>,
    /// Limit of TCP and of TLS, each: `5s`.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "Option<String>")]
    pub connect_timeout: Option<Duration>,
    /// Limit of one request: `35s`.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Duration>,
    /// Limit of everything for one target: `45s`.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "Option<String>")]
    pub deadline: Option<Duration>,
    /// Tries after a transport error, 0 to 5.
    #[schemars(range(max = 5))]
    pub retries: Option<u32>,
    /// Resolver: `ADDR[:PORT]`, tcp://…, tls://…, https://….
    pub resolver: Option<String>,
    /// Repeat the visit for at most so long, until nothing fails: `10m`.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "Option<String>")]
    pub wait: Option<Duration>,
    /// Targets that are visited at the same time, 1 to 4096.
    #[schemars(range(min = 1, max = 4096))]
    pub concurrency: Option<u32>,
    /// Use of the Cloudflare token.
    pub cloudflare: Option<CredentialWord>,
    /// Use of AWS credentials.
    pub aws: Option<CredentialWord>,
    /// Regions in which the custom domain is looked for, or `["all"]`.
    pub aws_regions: Option<Vec<String>>,
    /// Proxy: `[http://|socks5://]HOST[:PORT]`; who needs a password types `--proxy`.
    pub proxy: Option<String>,
    /// Headers of the request to diagnose, `NAME: VALUE`; never a secret: the file is shared.
    pub header: Option<Vec<String>>,
    /// PEM files with roots that are trusted beside the public ones; like every path here, as seen from this file.
    pub cacert: Option<Vec<PathBuf>>,
    /// PEM file with the client certificate for the origin.
    pub cert: Option<PathBuf>,
    /// PEM file with the key of `cert`; the key itself does not belong here.
    pub key: Option<PathBuf>,
    /// PEM file that replaces the built-in Cloudflare Origin CA roots.
    pub origin_ca: Option<PathBuf>,
    /// JSON files of the zone.
    pub zone_json: Option<Vec<PathBuf>>,
    /// JSON files of the AWS account.
    pub aws_json: Option<Vec<PathBuf>>,
    /// An earlier report: what it knew already does not count.
    pub baseline: Option<PathBuf>,
    /// What is examined where the command line names nothing; each with its own options.
    pub target: Vec<TargetConfig>,
    /// Findings that do not count.
    pub ignore: Vec<Ignore>,
    /// Id of a check → low, medium, high or critical; `fail` makes a failure of its warnings, `warn` the contrary.
    pub severity: BTreeMap<String, Override>,
    /// The owner's own conditions.
    pub assert: Vec<Assertion>,
}

/// One target with its own options.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetConfig {
    /// Host name or URL.
    pub url: String,
    /// What the proxied record points at: HOST or HOST:PORT.
    #[serde(default)]
    pub origin: Option<String>,
    /// AWS region where the API lives.
    #[serde(default)]
    pub region: Option<String>,
    /// What the owner wants of the cache.
    #[serde(default)]
    pub expect: Option<Expectation>,
    /// Method of the request to diagnose.
    #[serde(default)]
    pub method: Option<String>,
}

/// `auto`, `never` or `require`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CredentialWord {
    /// Where there are credentials.
    Auto,
    /// Not at all.
    Never,
    /// Always; without them the visit is inconclusive.
    Require,
}

/// What `[severity]` does with a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Override {
    /// Severity low.
    Low,
    /// Severity medium.
    Medium,
    /// Severity high.
    High,
    /// Severity critical.
    Critical,
    /// A failure becomes a warning.
    Warn,
    /// A warning becomes a failure.
    Fail,
}

impl Override {
    /// The severity that it sets, if it is one.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Override::Low => Some(Severity::Low),
            Override::Medium => Some(Severity::Medium),
            Override::High => Some(Severity::High),
            Override::Critical => Some(Severity::Critical),
            Override::Warn | Override::Fail => None,
        }
    }
}

/// Something that the grammar lets pass, and that is wrong.
#[derive(Debug)]
pub(super) struct Fault {
    /// `target.0.url`.
    pub(super) path: String,
    /// Is it the key that is wrong, or its value?
    pub(super) in_key: bool,
    pub(super) message: String,
}

/// The fault of a value.
pub(super) fn fault(path: impl Into<String>, message: impl Into<String>) -> Fault {
    Fault { path: path.into(), in_key: false, message: message.into() }
}

impl Config {
    /// What the grammar alone cannot tell.
    pub(super) fn check(&self) -> Result<(), Fault> {
        within("samples", self.samples, 1, 8)?;
        within("retries", self.retries, 0, 5)?;
        within("concurrency", self.concurrency, 1, MOST_AT_ONCE)?;
        said("region", self.region.as_deref(), |text| values::region(text).map(drop))?;
        said("resolver", self.resolver.as_deref(), |text| values::resolver(text).map(drop))?;
        said("proxy", self.proxy.as_deref(), without_password)?;
        for (index, line) in self.header.iter().flatten().enumerate() {
            said(&format!("header.{index}"), Some(line), without_secret)?;
        }
        if self.key.is_some() && self.cert.is_none() {
            return Err(Fault { in_key: true, ..fault("key", "the key of which certificate? name its file as cert") });
        }
        for (key, patterns) in [("only", &self.only), ("skip", &self.skip)] {
            for (index, pattern) in patterns.iter().flatten().enumerate() {
                self.known(pattern).map_err(|why| fault(format!("{key}.{index}"), why))?;
            }
        }
        let all = self.aws_regions.as_deref() == Some(&["all".to_owned()]);
        for (index, name) in self.aws_regions.iter().flatten().enumerate().filter(|_| !all) {
            said(&format!("aws-regions.{index}"), Some(name), |text| values::region(text).map(drop))?;
        }
        for (index, target) in self.target.iter().enumerate() {
            target.check(&format!("target.{index}"))?;
            let url = target.target().map(|target| target.url());
            if url.is_ok_and(|url| self.options_of(&url).is_some_and(|(first, _)| first < index)) {
                return Err(fault(format!("target.{index}.url"), "this URL is declared twice"));
            }
        }
        for (index, one) in self.assert.iter().enumerate() {
            one.check(&format!("assert.{index}"))?;
            if self.assert.iter().take(index).any(|other| other.id == one.id) {
                let path = format!("assert.{index}.name");
                return Err(fault(path, format!("there are two conditions {:?}; give each its own name", one.id)));
            }
        }
        for (index, ignore) in self.ignore.iter().enumerate() {
            ignore.check(&format!("ignore.{index}"), self)?;
        }
        for id in self.severity.keys() {
            let is_id = |known: &str| known == id;
            if !self.ids().any(is_id) && !RETIRED.contains(&id.as_str()) {
                let hint = suggest::hint(id, self.ids());
                let message = format!("no check is called {id:?}{hint} (`cfdoctor explain` lists them all)");
                return Err(Fault { path: format!("severity.{id}"), in_key: true, message });
            }
        }
        Ok(())
    }

    /// A file that is named and cannot be read; paths are as seen from `folder`.
    pub(super) fn unreadable(&self, folder: &Path) -> Result<(), Fault> {
        fn several(files: &Option<Vec<PathBuf>>) -> &[PathBuf] {
            files.as_deref().unwrap_or_default()
        }
        let one = |file: &'_ Option<PathBuf>| file.iter().cloned().collect::<Vec<_>>();
        let lists = [("cacert", &self.cacert), ("zone-json", &self.zone_json), ("aws-json", &self.aws_json)];
        let lists = lists.map(|(key, files)| (key, several(files).to_vec(), true));
        let single = [("cert", &self.cert), ("key", &self.key), ("origin-ca", &self.origin_ca)];
        let single =
            single.into_iter().chain([("baseline", &self.baseline)]).map(|(key, file)| (key, one(file), false));
        for (key, files, is_list) in lists.into_iter().chain(single) {
            for (index, file) in files.iter().enumerate() {
                if let Err(error) = std::fs::File::open(folder.join(file)) {
                    let path = if is_list { format!("{key}.{index}") } else { key.to_owned() };
                    let file = folder.join(file);
                    return Err(fault(path, format!("{} cannot be read ({error})", file.display())));
                }
            }
        }
        Ok(())
    }

    /// The checks, and the owner's own conditions.
    fn ids(&self) -> impl Iterator<Item = &str> {
        cfdoctor_checks::all().map(|check| check.id).chain(self.assert.iter().map(|one| one.id.as_str()))
    }

    /// Is there a check, an area, or a check that matches the glob? A check that was retired is no error: the file may
    /// have to serve an older version too.
    pub(super) fn known(&self, name: &str) -> Result<(), String> {
        let areas = || AREAS.iter().map(|area| area.id).chain([OWN_AREA]);
        let is_known =
            areas().any(|area| area == name) || RETIRED.contains(&name) || self.ids().any(|id| values::glob(name, id));
        if is_known {
            return Ok(());
        }
        let hint = suggest::hint(name, self.ids().chain(areas()));
        Err(format!("no check, area or glob {name:?} is known{hint} (`cfdoctor explain` lists them all)"))
    }

    /// The options that the file has for this URL, and its place in the list.
    pub(crate) fn options_of(&self, url: &str) -> Option<(usize, &TargetConfig)> {
        let mut all = self.target.iter().enumerate();
        all.find(|(_, declared)| declared.target().is_ok_and(|target| target.url() == url))
    }
}

impl TargetConfig {
    fn check(&self, path: &str) -> Result<(), Fault> {
        let target = |text: &str| text.parse::<Target>().map(drop).map_err(|error| error.to_string());
        let origin = |text: &str| text.parse::<DeclaredOrigin>().map(drop).map_err(|error| error.to_string());
        said(&format!("{path}.url"), Some(&self.url), target)?;
        said(&format!("{path}.origin"), self.origin.as_deref(), origin)?;
        said(&format!("{path}.region"), self.region.as_deref(), |text| values::region(text).map(drop))?;
        said(&format!("{path}.method"), self.method.as_deref(), |text| values::method(text).map(drop))
    }

    /// The target without its options.
    ///
    /// # Errors
    /// It is no host and no URL.
    pub fn target(&self) -> Result<Target, String> {
        self.url.parse::<Target>().map_err(|error| error.to_string())
    }
}

fn within(key: &str, value: Option<u32>, least: u32, most: u32) -> Result<(), Fault> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(fault(key, format!("{value} is not from {least} to {most}")))
        }
        _ => Ok(()),
    }
}

/// A password in a file that a repository keeps is no secret any more.
fn without_password(proxy: &str) -> Result<(), String> {
    match proxy.contains('@') {
        true => {
            Err("a password does not belong in this file; type --proxy, or take it from the environment of the job \
                     (--proxy \"$PROXY\")"
                .into())
        }
        false => Ok(()),
    }
}

/// A header whose value would be redacted is a secret.
fn without_secret(line: &str) -> Result<(), String> {
    let Some((name, value)) = line.split_once(':') else {
        return Err("write \"NAME: VALUE\", with a colon".into());
    };
    // A probe that no pattern for values knows: only the name can make it secret.
    let by_name = redact::header(name.trim(), "x") != "x" || name.trim().eq_ignore_ascii_case("cookie");
    match by_name || redact::header(name.trim(), value.trim()) != value.trim() {
        true => Err(format!(
            "the value of {} is a secret, which does not belong in this file; type -H, with the value from the environment",
            cfdoctor_checks::evidence::text::clean(name.trim())
        )),
        false => Ok(()),
    }
}

/// A value that one of the command line's own parsers refuses.
pub(super) fn said(path: &str, value: Option<&str>, parse: impl Fn(&str) -> Result<(), String>) -> Result<(), Fault> {
    value.map_or(Ok(()), |text| parse(text).map_err(|why| fault(path, why)))
}

/// `500ms`, `5s`, `2m`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| values::duration(&text).map_err(serde::de::Error::custom)).transpose()
}
