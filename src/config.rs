//! `cfdoctor.toml`: what a project wants of its sites, kept beside it (`product.md` section 8).
//!
//! One file wins: `--config`, else `CFDOCTOR_CONFIG`, else the first `cfdoctor.toml` from here up to the repository's
//! root. What is misspelt or of the wrong kind is an error with line and column.

mod apply;
mod assertion;
mod file;
mod ignore;
mod position;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cfdoctor_checks::evidence::redact;

use crate::recording::MAX_FILE;
use crate::report::Place;
use crate::suggest;
use file::Fault;
use position::Positions;

pub use apply::IgnoresSeen;
pub use assertion::{Assertion, At, HeaderCondition, Level, OneOrMore};
pub use file::{Config, CredentialWord, Override, TargetConfig};
pub use ignore::Ignore;
pub use position::Position;

/// The file's name where it is looked for.
pub const NAME: &str = "cfdoctor.toml";
/// The variable that names another file.
pub const VARIABLE: &str = "CFDOCTOR_CONFIG";

/// A configuration with the file that it comes from. The default is none: nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The file, as it is shown.
    pub file: Option<String>,
    /// What it says.
    pub config: Config,
    /// What it says, as written.
    pub(crate) table: toml::Table,
    positions: Positions,
    /// The folder of the file, from which its paths are seen.
    folder: PathBuf,
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}: {message}", place.map(|place| format!(":{}:{}", place.line, place.column)).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub path: String,
    /// Where in it.
    pub place: Option<Position>,
    /// What is wrong, and the remedy.
    pub message: String,
}

impl Loaded {
    /// A path of the file, as it is seen from here.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The line of a key such as `target.0.url`.
    pub fn place(&self, path: &str) -> Option<Place> {
        let line = self.positions.key(path)?.line;
        Some(Place { file: self.file.clone()?, line: u32::try_from(line).unwrap_or(u32::MAX) })
    }
}

/// The file that applies where nobody names one: from `start` upwards to the root of the repository. Outside of a
/// repository only `start` counts: what lies further up is somebody else's.
pub fn discover(start: &Path) -> Option<PathBuf> {
    let depth = start.ancestors().position(|folder| folder.join(".git").exists()).unwrap_or(0);
    let found = start.ancestors().take(depth + 1).position(|folder| folder.join(NAME).is_file())?;
    // Relative, so that it reads well and CI systems can follow it.
    Some((0..found).map(|_| "..").collect::<PathBuf>().join(NAME))
}

/// Reads a configuration.
///
/// # Errors
/// It cannot be read, is not TOML, or says something that this version does not know.
pub fn read(path: &Path) -> Result<Loaded, ConfigError> {
    let shown = path.display().to_string();
    let wrong = |message: String| ConfigError { path: shown.clone(), place: None, message };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| wrong(format!("cannot be read ({error})")))?;
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| wrong(format!("cannot be read ({error})")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(wrong("larger than 10 MiB; this is no configuration".into()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let sound =
            String::from_utf8_lossy(error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default());
        let place = Some(Position::of(&sound, sound.len()));
        ConfigError { place, ..wrong("this is not UTF-8 text".into()) }
    })?;
    let mut loaded = parse(&shown, &text)?;
    loaded.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    loaded.config.unreadable(&loaded.folder).map_err(|fault| loaded.positions.error(&shown, fault))?;
    Ok(loaded)
}

/// Reads the text of a configuration; `path` is named in errors.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &str, text: &str) -> Result<Loaded, ConfigError> {
    // What editors of Windows put before everything.
    let text = text.trim_start_matches('\u{feff}');
    let syntax = |error: toml::de::Error| {
        let place = error.span().map(|span| Position::of(text, span.start));
        ConfigError { path: path.to_owned(), place, message: helpful(error.message()) }
    };
    let mut config: Config = toml::from_str(text).map_err(syntax)?;
    let table = toml::from_str(text).map_err(syntax)?;
    for (index, assertion) in config.assert.iter_mut().enumerate() {
        assertion.id = assertion.make_id(index);
        assertion.path = format!("assert.{index}");
    }
    let positions = Positions::of(text);
    config.check().map_err(|fault| positions.error(path, fault))?;
    Ok(Loaded { file: Some(path.to_owned()), config, table, positions, folder: PathBuf::new() })
}

impl Positions {
    /// The fault with its place in the file.
    fn error(&self, path: &str, fault: Fault) -> ConfigError {
        let place = if fault.in_key { self.key(&fault.path) } else { self.value_at(&fault.path) };
        let what = fault.path.split('.').filter(|part| part.parse::<usize>().is_err()).collect::<Vec<_>>().join(".");
        ConfigError { path: path.to_owned(), place, message: format!("{what}: {}", fault.message) }
    }
}

/// The reader's message, with what was probably meant.
fn helpful(message: &str) -> String {
    let message = redact::reason(&message);
    let message = message.lines().next().unwrap_or(&message);
    let mut quoted = message.split('`').skip(1).step_by(2);
    let is_unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match quoted.next() {
        Some(given) if is_unknown => format!("{message}{}", suggest::hint(given, quoted)),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse("cfdoctor.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn the_contracts_example_is_read() {
        let config = parse(
            "cfdoctor.toml",
            r#"
fail-on = "warn"
[[target]]
url = "https://lambda.example.com/endpoint"
origin = "d-abc123.execute-api.us-west-2.amazonaws.com"
region = "us-west-2"
expect = "cached"
[[ignore]]
check = "aws-default-endpoint-open"
target = "lambda.example.com"
because = "kept for the smoke test until the DNS cut-over"
until = 2027-01-31
[severity]
origin-bypass-open = "fail"
edge-legacy-tls = "high"
[[assert]]
name = "long lived"
status = 200
header = { name = "cache-control", matches = "s-maxage" }
ttl-at-least = "1h"
certificate-days-at-least = 20
"#,
        )
        .unwrap();
        assert_eq!(config.place("target.0").unwrap(), Place { file: "cfdoctor.toml".into(), line: 3 });
        let config = config.config;
        assert_eq!(config.target.len(), 1);
        assert_eq!(config.ignore[0].until.unwrap().to_string(), "2027-01-31");
        assert_eq!(config.severity.len(), 2);
        assert_eq!(config.assert[0].ttl_at_least.unwrap().as_secs(), 3600);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, place, said) in [
            ("fial-on = \"warn\"\n", ":1:1:", "did you mean fail-on?"),
            ("\n[[target]]\nurl = 7\n", ":3:7:", "string"),
            ("[[target]]\nurl = \"ftp://x\"\n", ":2:7:", "http"),
            ("[[target]]\nurl = \"a.example.com\"\nregion = \"us-wset-2\"\n", ":3:10:", "did you mean us-west-2?"),
            ("[[ignore]]\ncheck = \"edge-legacy-tls\"\n", ":1:", "because"),
            ("[[ignore]]\ncheck = \"edge-legacy-tsl\"\nbecause = \"x\"\n", ":2:9:", "did you mean edge-legacy-tls?"),
            ("[[ignore]]\ncheck = \"edge-legacy-tls\"\nbecause = \" \"\n", ":3:11:", "reason"),
            ("[severity]\nedge-legacy-tls = \"dire\"\n", ":2:", "dire"),
            ("[severity]\nedge-legcy-tls = \"low\"\n", "", "did you mean edge-legacy-tls?"),
            ("[[assert]]\nname = \"x\"\n", ":1:1:", "nothing is asserted"),
            ("[[assert]]\nheader = { name = \"a\", matches = \"(\" }\n", "", "regular expression"),
            ("fail-on = \"warn\nx", "cfdoctor.toml:", ""),
            ("timeout = \"5\"\n", ":1:11:", "unit"),
        ] {
            let error = error(text);
            assert!(error.contains(place) && error.contains(said), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_nearest_file_wins_inside_the_repository() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("repo/deep/er");
        fs::create_dir_all(&inner).unwrap();
        fs::create_dir(root.path().join("repo/.git")).unwrap();
        fs::write(root.path().join(NAME), "").unwrap();
        assert_eq!(discover(&inner), None, "a file outside the repository is somebody else's");
        fs::write(root.path().join("repo").join(NAME), "").unwrap();
        assert_eq!(discover(&inner), Some("../../cfdoctor.toml".into()));
        fs::write(inner.join(NAME), "").unwrap();
        assert_eq!(discover(&inner), Some(NAME.into()));
        assert_eq!(discover(root.path()), Some(NAME.into()), "no repository: only here");
        assert_eq!(discover(&root.path().join("elsewhere")), None);
    }
}
