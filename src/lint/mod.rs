//! Judging what you already have: files of several kinds, laid together into one evidence (`product.md` section 7).

mod account;
pub mod declared;
mod har;
mod http_dump;
mod observations;
mod pem;
mod template;
mod terraform;
mod zone;

use std::fs;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::target::{DeclaredOrigin, Expectation};
use cfdoctor_checks::evidence::text::shorten;
use cfdoctor_checks::evidence::zone::{KEYS, Zone};
use cfdoctor_checks::evidence::{Evidence, Gateway, Gathered, Target};
use time::OffsetDateTime;

use self::declared::{Declared, Places};
use crate::recording::{self, MAX_FILE, RecordingError};

/// What `lint` was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintInput {
    /// `FILE`, `edge:FILE`, `origin:FILE` or a recording's folder.
    pub files: Vec<PathBuf>,
    /// `--kind`: what every file is, whatever it looks like.
    pub kind: Option<Kind>,
    /// `--url`.
    pub url: Option<Target>,
    /// `--origin` or `--assume-origin`.
    pub origin: Option<DeclaredOrigin>,
    /// `--method`.
    pub method: Option<String>,
    /// `--at`: judge as of then.
    pub at: Option<OffsetDateTime>,
    /// `--expect`.
    pub expect: Option<Expectation>,
    /// `--region`.
    pub region: Option<String>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Output of `curl -sI`, `-si`, `-sv` …
    Http,
    /// What somebody saw elsewhere, as JSON.
    Observations,
    /// HAR 1.2, as browsers save it.
    Har,
    /// Cloudflare zone settings, as JSON in the API's shapes.
    Zone,
    /// AWS account settings, as JSON in AWS's shapes: outputs of `aws … get-…` as they are.
    Account,
    /// A Terraform plan or state, as `terraform show -json` writes it.
    Terraform,
    /// A CloudFormation or SAM template, JSON or YAML.
    Template,
    /// A certificate chain as the origin will send it, leaf first, and perhaps its key.
    Pem,
    /// A folder written by `--record`.
    Recording,
}

/// What the files held.
#[derive(Debug, Default)]
pub struct Linted {
    /// One evidence for each target.
    pub evidence: Vec<Evidence>,
    /// Targets that share everything else of an evidence: the hosts of a plan.
    pub groups: Vec<(Evidence, Vec<Target>)>,
    /// What plans and templates declare.
    pub declared: Declared,
    /// Where it is declared.
    pub places: Places,
    /// What was skipped, and where: for the person, on standard error.
    pub notes: Vec<String>,
}

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// A file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is too large.
    #[error("{path}: larger than {most} MiB; cut it to what matters")]
    TooLarge {
        /// Which.
        path: String,
        /// MiB that are read of its kind.
        most: u64,
    },
    /// A file is of no kind that we read, or broken.
    #[error("{path}: {why}")]
    Unreadable {
        /// Which.
        path: String,
        /// What it was taken for, where it stopped making sense, and the remedy.
        why: String,
    },
    /// A recording is broken.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The HAR files do not have it.
    #[error("no HAR file has an answer for {url}")]
    NotInHar {
        /// The URL asked for.
        url: String,
    },
    /// No file says which URL this is about.
    #[error("no file says which URL this is about; give --url URL")]
    NoUrl,
}

/// At which end a dump was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Edge,
    Origin,
}

/// Reads every file and lays them together.
///
/// # Errors
/// A file cannot be read or makes no sense, or no URL is known.
pub fn read(input: &LintInput) -> Result<Linted, LintError> {
    let mut pile = Pile::default();
    for name in &input.files {
        let (end, path) = end_and_path(name);
        pile.add(end, &path, input)?;
    }
    pile.lay_together(input)
}

/// Reads Terraform plans for `--plan`.
///
/// # Errors
/// The file at fault, why, and the remedy.
pub fn plans(files: &[PathBuf], region: Option<&str>) -> Result<Declared, (PathBuf, String)> {
    let mut declared = Declared::default();
    for file in files {
        let wrong = |why: String| (file.clone(), why);
        let mut bytes = Vec::new();
        let opened = fs::File::open(file).and_then(|opened| opened.take(MAX_PLAN + 1).read_to_end(&mut bytes));
        opened.map_err(|error| wrong(format!("cannot be read ({error})")))?;
        if bytes.len() as u64 > MAX_PLAN {
            return Err(wrong(format!("larger than {} MiB", MAX_PLAN / MIB)));
        }
        terraform::read(&bytes, &file.display().to_string(), region, &mut declared).map_err(wrong)?;
    }
    Ok(declared)
}

/// `origin:FILE` and `edge:FILE`; a file that really has such a name wins.
fn end_and_path(name: &Path) -> (End, PathBuf) {
    let plain = name.to_path_buf();
    if plain.exists() {
        return (End::Edge, plain);
    }
    match name.to_str().and_then(|name| name.split_once(':')) {
        Some(("origin", path)) => (End::Origin, PathBuf::from(path)),
        Some(("edge", path)) => (End::Edge, PathBuf::from(path)),
        _ => (End::Edge, plain),
    }
}

/// Largest plan: those of thousands of resources have tens of megabytes.
const MAX_PLAN: u64 = 256 * MIB;
const MIB: u64 = 1024 * 1024;

/// What the files brought so far.
#[derive(Default)]
struct Pile {
    recording: Option<Evidence>,
    edge: Vec<http_dump::Answer>,
    origin: Vec<http_dump::Answer>,
    har: Vec<har::Group>,
    observed: Vec<observations::Observations>,
    zone: Option<Zone>,
    account: Option<Gateway>,
    declared: Declared,
    /// Is there a plan or a template?
    plans: bool,
    pem: pem::Pem,
    notes: Vec<String>,
}

impl Pile {
    fn add(&mut self, end: End, path: &Path, input: &LintInput) -> Result<(), LintError> {
        let shown = path.display().to_string();
        let io = |source| LintError::Io { path: shown.clone(), source };
        let metadata = fs::metadata(path).map_err(io)?;
        if metadata.is_dir() {
            if !recording::is_recording(path) {
                let why = format!("a folder without {}: not a recording (--record DIR makes one)", recording::VISIT);
                return Err(LintError::Unreadable { path: shown, why });
            }
            self.recording = Some(recording::read(path, None)?);
            return Ok(());
        }
        let mut file = fs::File::open(path).map_err(io)?;
        let mut start = Vec::new();
        file.by_ref().take(START).read_to_end(&mut start).map_err(io)?;
        let unreadable = |why: String| LintError::Unreadable { path: shown.clone(), why };
        let kind = match input.kind {
            Some(kind) => kind,
            None if looks_like_har(&start) => Kind::Har,
            None if terraform::is_one(&start) => Kind::Terraform,
            None if metadata.len() > MAX_FILE => return Err(LintError::TooLarge { path: shown, most: MAX_FILE / MIB }),
            None => {
                let mut whole = start.clone();
                file.by_ref().read_to_end(&mut whole).map_err(io)?;
                detect(&whole).map_err(unreadable)?
            }
        };
        file.rewind().map_err(io)?;
        if kind == Kind::Har {
            let found = har::read(BufReader::with_capacity(1 << 20, file)).map_err(unreadable)?;
            self.notes.extend(found.notes.into_iter().map(|note| format!("{shown}: {note}")));
            self.har.extend(found.groups);
            return Ok(());
        }
        let most = if kind == Kind::Terraform { MAX_PLAN } else { MAX_FILE };
        if metadata.len() > most {
            return Err(LintError::TooLarge { path: shown, most: most / MIB });
        }
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).map_err(io)?;
        match kind {
            Kind::Observations => {
                let (found, notes) = observations::parse(&bytes).map_err(unreadable)?;
                self.notes.extend(notes.into_iter().map(|note| format!("{shown}: {note}")));
                self.observed.push(found);
            }
            Kind::Zone => {
                let zone = zone::laid_over(self.zone.take(), &bytes).map_err(unreadable)?;
                self.notes
                    .extend(zone.oddities.iter().map(|what| format!("{shown}: not understood, left out: {what}")));
                self.zone = Some(zone);
            }
            Kind::Account => {
                let account = account::read(&bytes).map_err(unreadable)?;
                self.account = Some(match self.account.take() {
                    Some(known) => known.merge(account),
                    None => account,
                });
            }
            Kind::Terraform => {
                let region = input.region.as_deref();
                terraform::read(&bytes, &shown, region, &mut self.declared).map_err(unreadable)?;
                self.plans = true;
            }
            Kind::Template => {
                let region = input.region.as_deref();
                template::read(&bytes, &shown, region, &mut self.declared).map_err(unreadable)?;
                self.plans = true;
            }
            Kind::Pem => self.pem.add(&bytes, &shown, &mut self.notes).map_err(unreadable)?,
            Kind::Http => {
                let (answers, notes) = http_dump::parse(&bytes).map_err(unreadable)?;
                self.notes.extend(notes.into_iter().map(|note| format!("{shown}: {note}")));
                match end {
                    End::Edge => self.edge.extend(answers),
                    End::Origin => self.origin.extend(answers),
                }
            }
            Kind::Har | Kind::Recording => {
                return Err(unreadable("a recording is a folder; give the folder, not a file in it".into()));
            }
        }
        Ok(())
    }

    fn lay_together(mut self, input: &LintInput) -> Result<Linted, LintError> {
        self.notes.append(&mut self.declared.notes);
        let unreadable = |(path, why)| LintError::Unreadable { path, why };
        self.pem.agree(&mut self.notes).map_err(unreadable)?;
        let mut places = self.declared.places();
        places.chain = self.pem.place().cloned();
        let linted = if self.har.is_empty() { self.lay_together_one(input)? } else { self.lay_together_har(input)? };
        Ok(Linted { declared: self.declared, places, ..linted })
    }

    fn lay_together_one(&mut self, input: &LintInput) -> Result<Linted, LintError> {
        let mut evidence = match (&self.recording, &input.url) {
            (Some(recorded), _) => recorded.clone(),
            (None, Some(target)) => Evidence::nothing(target.clone(), input.at.unwrap_or_else(now)),
            (None, None) => {
                let url = self.edge.iter().chain(&self.origin).find_map(http_dump::Answer::url);
                match url.and_then(|url| Target::pasted(&url).ok()) {
                    Some(target) => Evidence::nothing(target, input.at.unwrap_or_else(now)),
                    None => return self.declared_hosts(input),
                }
            }
        };
        if let Some(at) = input.at {
            evidence.gathered_at = at;
        }
        input.apply(&mut evidence.target);
        self.lay_known(&mut evidence);
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(self.account.iter().flat_map(account::waiting));
        for observed in &self.observed {
            observed.lay_over(&mut evidence);
        }
        let (edge, origin) = (std::mem::take(&mut self.edge), std::mem::take(&mut self.origin));
        http_dump::lay_over(&mut evidence, edge, origin, input.method.as_deref(), &mut notes);
        evidence.target = evidence.target.redacted();
        Ok(Linted { evidence: vec![evidence], notes, ..Linted::default() })
    }

    /// The hosts that plans and templates declare: each is a target.
    fn declared_hosts(&mut self, input: &LintInput) -> Result<Linted, LintError> {
        let hosts = self.declared.hosts(&mut self.notes);
        if hosts.is_empty() {
            // A plan without a site is no mistake; files of other kinds that name no URL are.
            let notes = std::mem::take(&mut self.notes);
            return if self.plans { Ok(Linted { notes, ..Linted::default() }) } else { Err(LintError::NoUrl) };
        }
        if hosts.len() > 1 && self.pem.place().is_some() {
            self.notes.push("the chain is not judged: name the host that will send it with --url".into());
        }
        let lone = hosts.len() == 1;
        let mut groups = Vec::new();
        for (_, hosts) in self.declared.groups(hosts) {
            let targets = hosts.iter().filter_map(|host| host.parse::<Target>().ok());
            let mut targets: Vec<Target> = targets.collect();
            let Some(first) = targets.first() else { continue };
            let mut evidence = Evidence::nothing(first.clone(), input.at.unwrap_or_else(now));
            input.apply(&mut evidence.target);
            self.lay_declared(&mut evidence, lone);
            for target in &mut targets {
                input.apply(target);
                if target.origin.is_none() {
                    target.origin = declared::origin_of(&evidence.zone, target);
                }
            }
            groups.push((evidence, targets));
        }
        Ok(Linted { groups, notes: std::mem::take(&mut self.notes), ..Linted::default() })
    }

    /// Zone and account: the files', what is declared laid over them, and the chain that the origin will send.
    fn lay_declared(&self, evidence: &mut Evidence, with_chain: bool) {
        let host = evidence.target.host.clone();
        let zone = self.zone.clone().or_else(|| evidence.zone.found().cloned());
        if let Some(zone) = self.declared.zone_over(&host, zone.as_ref()) {
            evidence.zone = Gathered::Found(zone);
        }
        let account = match (self.account.clone(), evidence.gateway.found()) {
            (Some(account), Some(recorded)) => Some(account.merge(recorded.clone())),
            (account, recorded) => account.or_else(|| recorded.cloned()),
        };
        if let Some(gateway) = self.declared.account_over(account.as_ref()) {
            evidence.gateway = Gathered::Found(gateway);
        }
        if with_chain && let Some(handshake) = self.pem.handshake(&evidence.target) {
            evidence.origin.tls = handshake;
        }
    }

    /// The zone and the account of the files, and what its record points at where the user did not say it.
    fn lay_known(&self, evidence: &mut Evidence) {
        self.lay_declared(evidence, true);
        if evidence.target.origin.is_none() {
            evidence.target.origin = declared::origin_of(&evidence.zone, &evidence.target);
        }
    }

    /// One evidence for each URL of the HAR files, or for the one that was named.
    fn lay_together_har(&mut self, input: &LintInput) -> Result<Linted, LintError> {
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(self.account.iter().flat_map(account::waiting));
        let mut found = Vec::new();
        for group in std::mem::take(&mut self.har) {
            let Ok(mut target) = group.url.parse::<Target>() else {
                notes.push(format!("{}: not a URL that can be judged, skipped", shorten(&group.url, 80)));
                continue;
            };
            if input.url.as_ref().is_some_and(|url| url.url() != target.url()) {
                continue;
            }
            input.apply(&mut target);
            if input.method.is_none()
                && let Some(first) = group.exchanges.first()
            {
                target.method.clone_from(&first.request.method);
            }
            let newest = group.exchanges.iter().filter_map(|exchange| exchange.sent_at).max();
            let at = input.at.or(newest).unwrap_or_else(now);
            let mut evidence = Evidence::nothing(target.redacted(), at);
            self.lay_known(&mut evidence);
            evidence.edge.http = Gathered::Found(http_dump::only_samples(group.exchanges, Probe::EdgeHttp));
            for observed in &self.observed {
                observed.lay_over(&mut evidence);
            }
            found.push(evidence);
        }
        if let (true, Some(url)) = (found.is_empty(), &input.url) {
            return Err(LintError::NotInHar { url: url.url() });
        }
        Ok(Linted { evidence: found, notes, ..Linted::default() })
    }
}

impl LintInput {
    /// What the command line says of the target, over what the files say.
    fn apply(&self, target: &mut Target) {
        if let Some(url) = &self.url {
            (target.scheme, target.port) = (url.scheme, url.port);
            (target.host, target.path, target.path_named) = (url.host.clone(), url.path.clone(), url.path_named);
        }
        target.expect = self.expect.unwrap_or(target.expect);
        target.origin = self.origin.clone().or(target.origin.take());
        target.region = self.region.clone().or(target.region.take());
        if let Some(method) = &self.method {
            target.method.clone_from(method);
        }
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Octets that are enough to know a HAR file by.
const START: u64 = 64 * 1024;

/// `{"log": …`: the one kind that is read as a stream, whatever its size.
fn looks_like_har(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with("\"log\""))
}

/// What the content says a file is.
fn detect(bytes: &[u8]) -> Result<Kind, String> {
    if let Some(what) = known_binary(bytes) {
        return Err(format!("this is {what}, not something that lint reads"));
    }
    let text = String::from_utf8_lossy(bytes);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() {
        return Err("the file is empty".into());
    }
    if start.starts_with('{') || start.starts_with('[') {
        let value: serde_json::Value = match serde_json::from_slice(bytes) {
            Ok(value) => value,
            // Several outputs of the AWS CLI, one after another.
            Err(_) if account::read(bytes).is_ok() => return Ok(Kind::Account),
            Err(error) => return Err(account::cut(bytes, &error)),
        };
        if value.get("dns").is_some() || value.get("tls").is_some() {
            return Ok(Kind::Observations);
        }
        let has = |keys: &[&str]| keys.iter().any(|key| value.get(key).is_some());
        // Both a zone and an account tell what could not be read.
        let is_zone = KEYS.iter().any(|key| *key != "not_read" && has(&[key]));
        if is_zone || has(&["result"]) && has(&["success"]) {
            return Ok(Kind::Zone);
        }
        if template::is_one(&value) {
            return Ok(Kind::Template);
        }
        if Gateway::accept(&value).is_some() {
            return Ok(Kind::Account);
        }
        let keys = value.as_object().map(|map| map.keys().take(5).cloned().collect::<Vec<_>>().join(", "));
        return Err(match keys {
            Some(keys) => format!(
                "JSON with the keys {keys:?}: neither a HAR file (log), nor observations (dns, tls), nor a zone, nor an \
                 account or an output of `aws … get-…`, nor a Terraform plan (resource_changes) or a template (Resources)"
            ),
            None => "JSON that is not an object".into(),
        });
    }
    if pem::is_one(&text) {
        return Ok(Kind::Pem);
    }
    if http_dump::looks_like_one(&text) {
        return Ok(Kind::Http);
    }
    if template::is_yaml_one(&text) {
        return Ok(Kind::Template);
    }
    if let Some(what) = account::useless_output(&text) {
        return Err(what);
    }
    Err(format!(
        "no kind of file that lint reads; it begins with {:?} (an HTTP dump has a line HTTP/… STATUS)",
        shorten(start.lines().next().unwrap_or_default(), 60)
    ))
}

/// Reads an account file (`lint`, `--aws-json`).
///
/// # Errors
/// It is not JSON, or nothing of an account is in it: what, where, and the command to run.
pub fn account(bytes: &[u8]) -> Result<Gateway, String> {
    account::read(bytes)
}

fn known_binary(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"%PDF", "a PDF"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "gzip data; unpack it first"),
        (b"\x7fELF", "a program"),
    ];
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| *what).or_else(|| {
        let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
        (head.iter().filter(|b| **b == 0).count() > 0).then_some("binary data")
    })
}
