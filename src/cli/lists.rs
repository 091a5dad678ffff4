//! Lists of targets: one on each line, `#` starts a comment.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use cfdoctor_checks::evidence::text;

use super::CommandError;

/// Octets of a list (`product.md` section 10).
const MAX_LIST: u64 = 10 * 1024 * 1024;
/// Lines that are named beside the first bad one.
const NAMED: usize = 8;

/// A list that was read; its text is kept, nothing else.
pub(super) struct List {
    /// `None`: stdin.
    path: Option<String>,
    text: String,
}

/// Reads a file.
pub(super) fn file(path: &Path) -> Result<List, CommandError> {
    let shown = text::clean(&path.display().to_string());
    let file = File::open(path)
        .map_err(|error| CommandError::usage(format!("--targets {shown}: cannot be read ({error})")))?;
    let text = read(file, &format!("--targets {shown}"))?;
    Ok(List { path: Some(shown), text })
}

/// Reads stdin.
pub(super) fn stdin() -> Result<List, CommandError> {
    Ok(List { path: None, text: read(std::io::stdin().lock(), "stdin")? })
}

/// A list out of memory.
#[cfg(any(test, fuzzing))]
pub(super) fn pasted(text: &str) -> List {
    List { path: None, text: text.to_owned() }
}

fn read(from: impl Read, place: &str) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    let read = from.take(MAX_LIST + 1).read_to_end(&mut bytes);
    read.map_err(|error| CommandError::usage(format!("{place}: cannot be read ({error})")))?;
    if bytes.len() as u64 > MAX_LIST {
        return Err(CommandError::usage(format!("{place}: more than 10 MiB of targets; split the list")));
    }
    String::from_utf8(bytes)
        .map_err(|_| CommandError::usage(format!("{place}: this is not UTF-8 text; write one target on each line")))
}

impl List {
    /// What people call it.
    pub(super) fn name(&self) -> &str {
        self.path.as_deref().unwrap_or("stdin")
    }

    /// The file, if it is one.
    pub(super) fn path(&self) -> Option<String> {
        self.path.clone()
    }

    /// Line numbers from 1, and the target of each line that has one. `#` starts a comment at the start of a line or
    /// after a space, so that a URL may hold one.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u32, &str)> {
        let lines = self.text.trim_start_matches('\u{feff}').lines().zip(1..);
        lines.filter_map(|(line, number)| {
            let line = line.trim();
            let end = if line.starts_with('#') { Some(0) } else { line.find(" #").or_else(|| line.find("\t#")) };
            let line = line.get(..end.unwrap_or(line.len())).unwrap_or(line).trim();
            (!line.is_empty()).then_some((number, line))
        })
    }
}

/// Bad lines: the first is told whole, the others are counted.
#[derive(Default)]
pub(super) struct Bad {
    first: Option<CommandError>,
    named: Vec<String>,
    more: usize,
}

impl Bad {
    /// One more; at once an error where it stands in no list.
    pub(super) fn add(&mut self, error: CommandError, line: u32) -> Result<(), CommandError> {
        if line == 0 || !matches!(error, CommandError::Usage(_)) {
            return Err(error);
        }
        if self.first.is_none() {
            self.first = Some(error);
        } else {
            self.more += 1;
            if self.named.len() < NAMED {
                self.named.push(line.to_string());
            }
        }
        Ok(())
    }

    /// The error, if there were any.
    pub(super) fn end(self) -> Result<(), CommandError> {
        match (self.first, self.more) {
            (None, _) => Ok(()),
            (Some(first), 0) => Err(first),
            (Some(first), more) => {
                let lines = if more == 1 { "line is" } else { "lines are" };
                let rest = if more > self.named.len() { ", …" } else { "" };
                Err(CommandError::usage(format!("{first}; {more} more {lines} bad: {}{rest}", self.named.join(", "))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blanks_are_no_targets() {
        let list = pasted("\u{feff}# hosts\n a.example.com \r\n\nhttps://b.example.com/x#y  # why\n");
        assert_eq!(list.lines().collect::<Vec<_>>(), [(2, "a.example.com"), (4, "https://b.example.com/x#y")]);
        assert_eq!(list.name(), "stdin");
    }

    #[test]
    fn many_bad_lines_make_one_sentence() {
        let mut bad = Bad::default();
        for line in 1..=1000 {
            bad.add(CommandError::usage(format!("x, line {line}: bad")), line).unwrap();
        }
        let error = bad.end().unwrap_err().to_string();
        assert_eq!(error, "x, line 1: bad; 999 more lines are bad: 2, 3, 4, 5, 6, 7, 8, 9, …");
        assert!(Bad::default().add(CommandError::usage("typed"), 0).is_err());
    }
}
