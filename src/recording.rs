//! Evidence to a folder and back: `--record`, `lint DIR`, the fixtures.
//!
//! One JSON file for each part, so that a scenario can be a short difference from another. Evidence is redacted when
//! it is made, so a recording can be published as it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cfdoctor_checks::evidence::redact;
use cfdoctor_checks::evidence::tls::TrustInputs;
use cfdoctor_checks::evidence::{Evidence, Gathered, Target, Traffic};
use cfdoctor_checks::{NotRun, Probe};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Version of the folder's layout.
pub const VERSION: u32 = 1;

/// Largest file that is read, octets (`product.md` section 10).
pub const MAX_FILE: u64 = 10 * 1024 * 1024;

/// The file that makes a folder a recording.
pub const VISIT: &str = "visit.json";
const DNS: &str = "dns.json";
const EDGE: &str = "edge.json";
const ORIGIN: &str = "origin.json";
/// In Cloudflare's own shapes, as `lint` and `--zone-json` read it.
const ZONE: &str = "zone.json";
/// In AWS's own shapes, as `lint` and `--aws-json` read it.
const ACCOUNT: &str = "account.json";

/// What went wrong with a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: not part of a recording: {} (record again with --record DIR)", redact::reason(.source))]
    Json {
        /// Which.
        path: String,
        /// The place and the reason.
        source: serde_json::Error,
    },
    /// A file is too large.
    #[error("{path}: larger than {} MiB", MAX_FILE / 1024 / 1024)]
    TooLarge {
        /// Which.
        path: String,
    },
    /// Made by a newer version.
    #[error("{path}: layout version {found}, this cfdoctor reads up to {VERSION}; use the newer cfdoctor")]
    Newer {
        /// Which.
        path: String,
        /// The version found.
        found: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct Visit {
    recording_version: u32,
    cfdoctor: String,
    target: Target,
    #[serde(with = "time::serde::rfc3339")]
    gathered_at: OffsetDateTime,
    #[serde(default)]
    trust: TrustInputs,
    #[serde(default)]
    traffic: Traffic,
    /// Why there is no zone beside it.
    #[serde(default)]
    no_zone: Option<NotRun>,
    /// Why there is no account beside it.
    #[serde(default)]
    no_gateway: Option<NotRun>,
}

/// Writes the evidence into `folder`, which is made where it is missing. Each file is replaced in one step.
///
/// # Errors
/// The folder or a file could not be written.
pub fn write(evidence: &Evidence, folder: &Path) -> Result<(), RecordingError> {
    fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
    let visit = Visit {
        recording_version: VERSION,
        cfdoctor: env!("CARGO_PKG_VERSION").into(),
        target: evidence.target.clone(),
        gathered_at: evidence.gathered_at,
        trust: evidence.trust.clone(),
        traffic: evidence.traffic,
        no_zone: evidence.zone.get().err(),
        no_gateway: evidence.gateway.get().err(),
    };
    put_known(folder, ZONE, &evidence.zone)?;
    put_known(folder, ACCOUNT, &evidence.gateway)?;
    put(folder, DNS, &evidence.dns)?;
    put(folder, EDGE, &evidence.edge)?;
    put(folder, ORIGIN, &evidence.origin)?;
    put(folder, VISIT, &visit)
}

/// Reads a recording; files that `folder` lacks are taken from `base`, if there is one.
///
/// # Errors
/// A file is missing in both, unreadable, too large or not part of a recording.
pub fn read(folder: &Path, base: Option<&Path>) -> Result<Evidence, RecordingError> {
    let place = |name: &str| {
        let own = folder.join(name);
        match base {
            Some(base) if !own.exists() => base.join(name),
            _ => own,
        }
    };
    let path = place(VISIT);
    let version: Version = take(&path)?;
    if version.recording_version > VERSION {
        return Err(RecordingError::Newer { path: path.display().to_string(), found: version.recording_version });
    }
    let visit: Visit = take(&path)?;
    Ok(Evidence {
        target: visit.target,
        gathered_at: visit.gathered_at,
        trust: visit.trust,
        dns: take(&place(DNS))?,
        edge: take(&place(EDGE))?,
        origin: take(&place(ORIGIN))?,
        zone: known(&place(ZONE), visit.no_zone, Probe::Zone)?,
        gateway: known(&place(ACCOUNT), visit.no_gateway, Probe::Gateway)?,
        traffic: visit.traffic,
    })
}

/// What an API told, in its vendor's shapes; else why nobody asked.
fn known<T: DeserializeOwned>(
    path: &Path,
    why_not: Option<NotRun>,
    probe: Probe,
) -> Result<Gathered<T>, RecordingError> {
    if path.exists() {
        return take(path).map(Gathered::Found);
    }
    Ok(Gathered::Missing(why_not.unwrap_or(NotRun::NoCredential(probe))))
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    recording_version: u32,
}

/// Is this folder a recording?
pub fn is_recording(folder: &Path) -> bool {
    folder.join(VISIT).is_file()
}

fn io_error(path: &Path, source: io::Error) -> RecordingError {
    RecordingError::Io { path: path.display().to_string(), source }
}

/// Writes what an API told; what an earlier recording had in its place goes away.
fn put_known<T: Serialize>(folder: &Path, name: &str, part: &Gathered<T>) -> Result<(), RecordingError> {
    if let Gathered::Found(part) = part {
        return put(folder, name, part);
    }
    let path = folder.join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&path, error)),
        _ => Ok(()),
    }
}

fn put<T: Serialize>(folder: &Path, name: &str, value: &T) -> Result<(), RecordingError> {
    let path: PathBuf = folder.join(name);
    let text = serde_json::to_string_pretty(value)
        .map_err(|source| RecordingError::Json { path: path.display().to_string(), source })?;
    write_whole(&path, &format!("{text}\n")).map_err(|source| io_error(&path, source))
}

/// Writes beside `path`, then renames: a reader never sees half a file.
///
/// # Errors
/// The system's own.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

fn take<T: DeserializeOwned>(path: &Path) -> Result<T, RecordingError> {
    let size = fs::metadata(path).map_err(|source| io_error(path, source))?.len();
    if size > MAX_FILE {
        return Err(RecordingError::TooLarge { path: path.display().to_string() });
    }
    let text = fs::read(path).map_err(|source| io_error(path, source))?;
    serde_json::from_slice(&text).map_err(|source| RecordingError::Json { path: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use cfdoctor_checks::evidence::Evidence;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let target: Target = "https://lambda.example.com/x".parse().unwrap();
        let evidence = Evidence::nothing(target, datetime!(2026-11-23 10:00 UTC));
        let folder = tempfile::tempdir().unwrap();
        write(&evidence, folder.path()).unwrap();
        assert!(is_recording(folder.path()));
        assert_eq!(read(folder.path(), None).unwrap(), evidence);
        let empty = tempfile::tempdir().unwrap();
        assert!(read(empty.path(), None).is_err());
        assert_eq!(read(empty.path(), Some(folder.path())).unwrap(), evidence);
    }

    #[test]
    fn a_zone_keeps_cloudflares_shapes() {
        let target: Target = "https://lambda.example.com/x".parse().unwrap();
        let mut evidence = Evidence::nothing(target, datetime!(2026-11-23 10:00 UTC));
        let document = serde_json::json!({"settings": {"ssl": "strict"}});
        evidence.zone = Gathered::Found(cfdoctor_checks::evidence::Zone::from_document(document.clone()).unwrap());
        let folder = tempfile::tempdir().unwrap();
        write(&evidence, folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join(ZONE)).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
        assert_eq!(read(folder.path(), None).unwrap(), evidence);
        evidence.zone = Gathered::Missing(NotRun::Disabled(Probe::Zone));
        write(&evidence, folder.path()).unwrap();
        assert_eq!(read(folder.path(), None).unwrap(), evidence);
    }

    #[test]
    fn newer_and_broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(VISIT), r#"{"recording_version": 99}"#).unwrap();
        assert!(read(folder.path(), None).unwrap_err().to_string().contains("version 99"));
        fs::write(folder.path().join(VISIT), "{").unwrap();
        assert!(read(folder.path(), None).unwrap_err().to_string().contains("visit.json"));
    }
}
