//! `--resume`: what an earlier run has finished, read from its JSON Lines.
//!
//! The file is read twice and never held: once for which targets it has, once for their reports.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Key;
use crate::render::jsonl::Line;
use crate::report::{SCHEMA_VERSION, TargetReport};

/// Octets of one line: a thousand times a usual one.
const MAX_LINE: u64 = 64 * 1024 * 1024;
/// How each of our lines begins.
const BEGINNING: &[u8] = b"{\"schema_version\":";

/// Which targets an earlier run has finished.
#[derive(Debug)]
pub struct Earlier {
    /// The file.
    pub path: PathBuf,
    /// The last whole line about each.
    lines: HashMap<Key, u64>,
    /// The file ends in the middle of a line.
    pub is_torn: bool,
    /// Lines on targets that were being visited when the run was interrupted: those are visited again.
    pub cut: u64,
    /// Lines on targets that nobody asks about now.
    pub others: u64,
    /// The first of these.
    pub first_other: Option<String>,
}

/// The report that an earlier run made on a target.
#[derive(Debug)]
pub struct Finished {
    /// The line as it stands there, without its end.
    pub line: String,
    /// The report in it.
    pub target: TargetReport,
}

/// Why a file cannot be resumed from; each names line and remedy.
#[derive(Debug, thiserror::Error)]
pub enum EarlierLinesError {
    /// The system's reason.
    #[error("cannot be read ({0})")]
    Io(#[from] io::Error),
    /// Something else than a line of ours.
    #[error("line {line}: no line of the format jsonl ({why}); name a file that -o jsonl=FILE has written")]
    NotLine {
        /// From 1.
        line: u64,
        /// What does not fit.
        why: String,
    },
    /// Made by a program that knows more.
    #[error(
        "line {line}: its schema version is {found}, and this cfdoctor ({version}) reads up to {SCHEMA_VERSION}; go on \
         with the newer cfdoctor",
        version = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// From 1.
        line: u64,
        /// The version found.
        found: u64,
    },
}

/// What the first reading needs of a line.
#[derive(Deserialize)]
struct Outline {
    schema_version: u64,
    #[serde(default)]
    run: RunOutline,
    #[serde(default)]
    target: Option<TargetOutline>,
}

#[derive(Default, Deserialize)]
struct RunOutline {
    #[serde(default)]
    interrupted: bool,
}

#[derive(Deserialize)]
struct TargetOutline {
    url: String,
}

impl Earlier {
    /// Reads which targets are finished; `is_wanted`: is the target one of today's?
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn read(path: &Path, is_wanted: impl Fn(Key) -> bool) -> Result<Self, EarlierLinesError> {
        let mut earlier = Earlier {
            path: path.to_owned(),
            lines: HashMap::new(),
            is_torn: false,
            cut: 0,
            others: 0,
            first_other: None,
        };
        let mut lines = Lines::open(path)?;
        while let Some((number, line)) = lines.next()? {
            let outline: Outline = match serde_json::from_slice(line) {
                Ok(outline) => outline,
                // What was being written when the program was killed.
                Err(_) if is_torn_beginning(line) && lines.is_last()? => {
                    earlier.is_torn = true;
                    break;
                }
                Err(error) => return Err(EarlierLinesError::NotLine { line: number, why: error.to_string() }),
            };
            if outline.schema_version > u64::from(SCHEMA_VERSION) {
                return Err(EarlierLinesError::Newer { line: number, found: outline.schema_version });
            }
            let Some(TargetOutline { url }) = outline.target else { continue };
            let key = Key::of(&url);
            if outline.run.interrupted {
                earlier.cut += 1;
            } else if is_wanted(key) {
                earlier.lines.insert(key, number);
            } else {
                earlier.others += 1;
                earlier.first_other.get_or_insert(url);
            }
        }
        Ok(earlier)
    }

    /// Is this target finished?
    pub fn has(&self, key: Key) -> bool {
        self.lines.contains_key(&key)
    }

    /// How many are finished.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Is none finished?
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Gives each finished report to `take`, in the order of the file; the later line on a target counts.
    ///
    /// # Errors
    /// The file cannot be read, or is not the same any more; or what `take` says.
    pub fn each<E: From<EarlierLinesError>>(&self, mut take: impl FnMut(Finished) -> Result<(), E>) -> Result<(), E> {
        let mut lines = Lines::open(&self.path).map_err(EarlierLinesError::from)?;
        let mut left = self.lines.len();
        while left > 0 {
            let Some((number, line)) = lines.next()? else { break };
            let outline: Result<Outline, _> = serde_json::from_slice(line);
            let Ok(Outline { target: Some(TargetOutline { url }), .. }) = outline else { continue };
            if self.lines.get(&Key::of(&url)) != Some(&number) {
                continue;
            }
            left -= 1;
            let wrong = |why: String| EarlierLinesError::NotLine { line: number, why };
            let text = std::str::from_utf8(line).map_err(|error| wrong(error.to_string()))?;
            let read: Line<'_> = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
            if let Some(target) = read.target {
                take(Finished { line: text.trim_end().to_owned(), target: target.into_owned() })?;
            }
        }
        Ok(())
    }
}

/// Might it be the beginning of a line of ours? After a crash of the machine zeros may follow.
fn is_torn_beginning(line: &[u8]) -> bool {
    let written = line.split(|octet| *octet == 0).next().unwrap_or_default();
    let common = written.len().min(BEGINNING.len());
    written.get(..common) == BEGINNING.get(..common)
}

/// Lines with their numbers, one at a time.
struct Lines {
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Lines { file: BufReader::new(File::open(path)?), line: Vec::new(), number: 0 })
    }

    /// The next line that is not empty.
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, EarlierLinesError> {
        loop {
            self.line.clear();
            self.number += 1;
            if (&mut self.file).take(MAX_LINE).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            if self.line.len() as u64 >= MAX_LINE {
                return Err(EarlierLinesError::NotLine { line: self.number, why: "it is too long".into() });
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((self.number, &self.line)));
            }
        }
    }

    fn is_last(&mut self) -> io::Result<bool> {
        Ok(self.file.fill_buf()?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::render::jsonl;
    use crate::report::{Status, Tool, testing};

    fn line(host: &str, status: Status, interrupted: bool) -> String {
        let mut report = testing::report_of(&[status], false);
        report.run.interrupted = interrupted;
        report.targets[0].url = format!("https://{host}/");
        let mut out = Vec::new();
        jsonl::target(&Tool::this(), &report.run, &report.targets[0], &Policy::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn last() -> String {
        let mut out = Vec::new();
        let run = testing::report_of(&[], false).run;
        jsonl::last(&Tool::this(), &run, jsonl::Sums::default(), 0, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn read(text: &str, wanted: &[&str]) -> Result<(Earlier, Vec<(String, Status)>), EarlierLinesError> {
        let file = file(text);
        let keys: Vec<Key> = wanted.iter().map(|host| Key::of(&format!("https://{host}/"))).collect();
        let earlier = Earlier::read(file.path(), |key| keys.contains(&key))?;
        let mut told = Vec::new();
        earlier.each(|finished| -> Result<(), EarlierLinesError> {
            assert!(serde_json::from_str::<Line<'_>>(&finished.line).is_ok());
            told.push((finished.target.url, finished.target.results[0].status));
            Ok(())
        })?;
        Ok((earlier, told))
    }

    #[test]
    fn finished_targets_are_told_and_the_later_line_counts() {
        let text = [
            line("a.example.com", Status::Fail, false),
            line("b.example.com", Status::Pass, false),
            last(),
            line("a.example.com", Status::Warn, false),
            line("c.example.com", Status::Pass, true),
            line("other.example.com", Status::Fail, false),
            last(),
        ];
        let (earlier, told) = read(&text.concat(), &["a.example.com", "b.example.com", "c.example.com"]).unwrap();
        let url = |host: &str| format!("https://{host}/");
        assert_eq!(told, [(url("b.example.com"), Status::Pass), (url("a.example.com"), Status::Warn)]);
        assert!(earlier.has(Key::of(&url("a.example.com"))) && !earlier.has(Key::of(&url("c.example.com"))));
        assert_eq!((earlier.len(), earlier.cut, earlier.others, earlier.is_torn), (2, 1, 1, false));
        assert_eq!(earlier.first_other, Some(url("other.example.com")));
    }

    #[test]
    fn a_torn_last_line_is_no_error() {
        let (one, two) = (line("a.example.com", Status::Pass, false), line("b.example.com", Status::Pass, false));
        for cut in [1, 5, 30, two.len() / 2, two.len() - 2] {
            let (earlier, told) = read(&format!("{one}{}", &two[..cut]), &["a.example.com", "b.example.com"]).unwrap();
            assert_eq!((told.len(), earlier.is_torn), (1, true), "{cut}");
        }
        let (earlier, _) = read(&format!("{one}{}", two.trim_end()), &["a.example.com", "b.example.com"]).unwrap();
        assert_eq!((earlier.len(), earlier.is_torn), (2, false), "only the line's end is missing");
        let (earlier, _) = read(&format!("{one}\0\0\0\0"), &["a.example.com"]).unwrap();
        assert!(earlier.is_torn);
        assert!(read("", &[]).unwrap().0.is_empty());
    }

    #[test]
    fn what_is_something_else_is_said_with_its_line() {
        let good = line("a.example.com", Status::Pass, false);
        let newer = good.replacen("\"schema_version\":1", "\"schema_version\":2", 1);
        for (text, says) in [
            (format!("{good}{}\n{good}", &good[..40]), "line 2: no line"),
            (format!("{good}{newer}"), "line 2: its schema version is 2"),
            ("<html>\n".into(), "line 1: no line"),
            ("{\n  \"schema_version\": 1,\n".into(), "line 1: no line"),
            ("a.example.com\n".into(), "-o jsonl=FILE"),
        ] {
            let error = read(&text, &["a.example.com"]).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(Earlier::read(Path::new("/nonexistent"), |_| true).unwrap_err().to_string().contains("cannot be read"));
    }
}
