//! Judging what you already have: files of several kinds, laid together into one evidence (`product.md` section 7).

mod account;
pub mod declared;
mod detect;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod har;
mod http_dump;
mod observations;
mod pem;
mod pile;
mod template;
mod terraform;
mod zone;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use cfdoctor_checks::evidence::target::{DeclaredOrigin, Expectation};
use cfdoctor_checks::evidence::{Evidence, Gateway, Target, redact, text};
use time::OffsetDateTime;

use self::declared::{Declared, Places};
use self::pile::{MAX_PLAN, MIB, Pile};
use crate::recording::RecordingError;

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
    declared.notes = harmless(declared.notes);
    Ok(declared)
}

/// Notes as they may be shown: they quote what stands in the files.
fn harmless(notes: Vec<String>) -> Vec<String> {
    notes.iter().map(|note| redact::text(&text::clean(note))).collect()
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

/// Reads an account file (`lint`, `--aws-json`).
///
/// # Errors
/// It is not JSON, or nothing of an account is in it: what, where, and the command to run.
pub fn account(bytes: &[u8]) -> Result<Gateway, String> {
    account::read(bytes)
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
