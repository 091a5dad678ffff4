//! `-o FORMAT=FILE`: a file appears whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;

use super::CommandError;
use crate::render::Format;

/// A format and the file it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutputFile {
    pub(super) format: Format,
    pub(super) path: PathBuf,
}

impl FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || {
            let values = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            values.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
        };
        let (format, path) = text.split_once('=').ok_or_else(|| format!("write FORMAT=FILE; formats: {}", names()))?;
        let format = Format::from_str(format, false).map_err(|_| format!("{format:?} is not one of: {}", names()))?;
        if path.is_empty() {
            return Err("the name of the file is missing; write FORMAT=FILE".into());
        }
        Ok(OutputFile { format, path: path.into() })
    }
}

impl OutputFile {
    /// Are these JSON Lines, with which a run can be resumed?
    pub(super) fn is_lines(&self) -> bool {
        self.format == Format::Jsonl
    }

    /// Can it be written, as far as one can tell beforehand?
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let place = self.path.display();
        if self.path.is_dir() {
            return Err(CommandError::usage(format!("-o {place}: this is a folder; name a file")));
        }
        if !folder_of(&self.path).is_dir() {
            return Err(CommandError::usage(format!("-o {place}: its folder does not exist; make it first")));
        }
        Ok(())
    }

    /// Writes beside the file and renames, so that nobody reads half of it. What is no plain file (a pipe, a device)
    /// is written directly.
    pub(super) fn write(&self, text: &[u8]) -> Result<(), CommandError> {
        replace(&self.path, text).map_err(|error| CommandError::output(self.path.display().to_string(), error))
    }
}

/// A file that grows while the program runs.
pub(super) struct Growing {
    file: fs::File,
    /// Where it is until it is whole, and where it belongs.
    beside: Option<(PathBuf, PathBuf)>,
}

impl OutputFile {
    /// Begins the file. `at_once`: what is written so far can be read, and stays when the program is killed; else the
    /// file appears when it is whole.
    pub(super) fn grow(&self, at_once: bool) -> io::Result<Growing> {
        let known = fs::metadata(&self.path);
        if known.as_ref().is_ok_and(|known| !known.is_file()) {
            return Ok(Growing { file: fs::OpenOptions::new().write(true).open(&self.path)?, beside: None });
        }
        if at_once {
            return Ok(Growing { file: fs::File::create(&self.path)?, beside: None });
        }
        let path = if known.is_ok() { fs::canonicalize(&self.path)? } else { self.path.clone() };
        let part = beside(&path);
        let file = fs::File::create(&part)?;
        let growing = Growing { file, beside: Some((part, path)) };
        if let Ok(known) = &known {
            growing.file.set_permissions(known.permissions())?;
        }
        Ok(growing)
    }
}

impl Growing {
    /// Writes more.
    pub(super) fn add(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.write_all(text)
    }

    /// Puts it where it belongs; more can be written then, too.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        match self.beside.take() {
            Some((part, path)) => fs::rename(&part, &path).inspect_err(|_| {
                let _ = fs::remove_file(&part);
            }),
            None => Ok(()),
        }
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.beside {
            let _ = fs::remove_file(part);
        }
    }
}

/// The name of the file until it is whole.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    folder_of(path).join(format!(".{name}.{}.part", std::process::id()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let known = fs::metadata(path);
    if known.as_ref().is_ok_and(|known| !known.is_file()) {
        return fs::OpenOptions::new().write(true).open(path)?.write_all(text);
    }
    // A link keeps leading to the file.
    let path = if known.is_ok() { fs::canonicalize(path)? } else { path.to_owned() };
    let beside = beside(&path);
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(text)?;
        if let Ok(known) = &known {
            file.set_permissions(known.permissions())?;
        }
        fs::rename(&beside, &path)
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_option() {
        let file: OutputFile = "json=a=b.json".parse().unwrap();
        assert_eq!((file.format, file.path), (Format::Json, PathBuf::from("a=b.json")));
        for bad in ["json", "yaml=x", "json=", ""] {
            assert!(bad.parse::<OutputFile>().is_err(), "{bad}");
        }
    }

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let file = OutputFile { format: Format::Json, path: path.clone() };
        file.check().unwrap();
        file.write(b"one").unwrap();
        file.write(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let absent = OutputFile { format: Format::Json, path: folder.path().join("no/report.json") };
        assert!(absent.check().unwrap_err().to_string().contains("make it first"));
        let itself = OutputFile { format: Format::Json, path: folder.path().into() };
        assert!(itself.check().unwrap_err().to_string().contains("name a file"));
    }

    #[test]
    fn growing_files_are_there_at_once_or_when_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        let file = OutputFile { format: Format::Jsonl, path: path.clone() };
        fs::write(&path, "old\n").unwrap();
        let mut later = file.grow(false).unwrap();
        later.add(b"one\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old\n");
        later.settle().unwrap();
        later.add(b"two\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        file.grow(true).unwrap().add(b"new\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new\n");
        drop(file.grow(false).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "what never became whole is gone");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        replace(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
