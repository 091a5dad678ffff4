//! Lines on a page of a given width.

use std::io::{self, Write};

use textwrap::{Options, WordSeparator, WordSplitter};
use unicode_width::UnicodeWidthStr;

use super::super::look::{Look, Tone};

/// Columns that text needs beside its lead before it moves to the next line.
const ROOM: usize = 16;

/// Writes wrapped lines; everything that goes through it is made harmless.
pub(super) struct Page<'a, W: Write> {
    pub(super) look: &'a Look,
    out: &'a mut W,
    /// Is the last line empty?
    after_blank: bool,
}

impl<'a, W: Write> Page<'a, W> {
    pub(super) fn new(look: &'a Look, out: &'a mut W) -> Self {
        Page { look, out, after_blank: false }
    }

    /// Columns that the text takes here.
    pub(super) fn width_of(&self, text: &str) -> usize {
        self.look.text(text).width()
    }

    /// The text with spaces up to `width` columns.
    pub(super) fn padded(&self, text: &str, width: usize) -> String {
        let text = self.look.text(text);
        let missing = width.saturating_sub(text.width());
        text + &" ".repeat(missing)
    }

    /// An empty line, unless there is one already.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.after_blank, true) { Ok(()) } else { writeln!(self.out) }
    }

    /// The lead, then the text, wrapped; later lines start at column `hang`.
    pub(super) fn para(&mut self, lead: &[(Tone, &str)], text: &str, hang: usize) -> io::Result<()> {
        self.toned(lead, Tone::Plain, text, hang)
    }

    /// Like [`Page::para`], with a tone for the text.
    pub(super) fn toned(&mut self, lead: &[(Tone, &str)], tone: Tone, text: &str, hang: usize) -> io::Result<()> {
        let look = self.look;
        self.after_blank = false;
        let pieces: Vec<(Tone, String)> = lead.iter().map(|(tone, piece)| (*tone, look.text(piece))).collect();
        let taken: usize = pieces.iter().map(|(_, piece)| piece.width()).sum();
        let text = look.text(text);
        let alone = text.is_empty() || taken + ROOM > look.width;
        let last = pieces.len().saturating_sub(1);
        for (index, (tone, piece)) in pieces.iter().enumerate() {
            let piece = if alone && index == last { piece.trim_end() } else { piece };
            write!(self.out, "{}", look.paint(*tone, piece))?;
        }
        if alone {
            writeln!(self.out)?;
            if text.is_empty() {
                return Ok(());
            }
        }
        let (first, rest) = (" ".repeat(if alone { hang } else { taken }), " ".repeat(hang));
        let options = Options::new(look.width)
            .initial_indent(&first)
            .subsequent_indent(&rest)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        for (index, line) in textwrap::wrap(&text, options).iter().enumerate() {
            // The lead already stands where the first line's indent would be.
            let (indent, words) = match index {
                0 if alone => (first.as_str(), line.get(hang..).unwrap_or_default()),
                0 => ("", line.get(taken..).unwrap_or_default()),
                _ => (rest.as_str(), line.get(hang..).unwrap_or_default()),
            };
            writeln!(self.out, "{indent}{}", look.paint(tone, words))?;
        }
        Ok(())
    }

    /// Lines to be pasted: indented, never wrapped, never cut.
    pub(super) fn verbatim(&mut self, text: &str, indent: usize) -> io::Result<()> {
        self.after_blank = false;
        for line in text.split('\n') {
            let line = self.look.text(line);
            writeln!(self.out, "{}{line}", " ".repeat(if line.is_empty() { 0 } else { indent }))?;
        }
        Ok(())
    }

    /// A URL on its own line, behind a quiet label.
    pub(super) fn url(&mut self, label: &str, url: &str, indent: usize) -> io::Result<()> {
        self.after_blank = false;
        let label = self.look.paint(Tone::Quiet, &self.look.text(label));
        writeln!(self.out, "{}{label}{}", " ".repeat(indent), self.look.link(url))
    }

    /// A heading with a rule up to the width.
    pub(super) fn rule(&mut self, title: &str) -> io::Result<()> {
        self.after_blank = false;
        let stroke = if self.look.unicode { "─" } else { "-" };
        let taken = title.width() + 4;
        let line = format!("{} {title} {}", stroke.repeat(2), stroke.repeat(self.look.width.saturating_sub(taken)));
        writeln!(self.out, "{}", self.look.paint(Tone::Strong, &line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(look: &Look, write: impl FnOnce(&mut Page<'_, Vec<u8>>)) -> String {
        let mut out = Vec::new();
        write(&mut Page::new(look, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_keep_to_the_width() {
        let look = Look::plain(40);
        let words =
            "wide 世界世界世界世界世界世界世界世界世界世界世界世界世界世界 and long-hyphenated-words everywhere here";
        let text = page(&look, |page| page.para(&[(Tone::Bad, "✗"), (Tone::Plain, " id: ")], words, 4).unwrap());
        assert!(text.starts_with("✗ id: wide"), "{text}");
        for line in text.lines() {
            assert!(line.width() <= 40, "{line}");
        }
        assert!(text.contains("long-hyphenated-words"), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("    ")));
    }

    #[test]
    fn a_long_lead_stands_alone() {
        let look = Look::plain(40);
        let lead = "a-lead-that-leaves-hardly-any-room: ";
        let text = page(&look, |page| page.para(&[(Tone::Plain, lead)], "what follows", 2).unwrap());
        assert_eq!(text, "a-lead-that-leaves-hardly-any-room:\n  what follows\n");
    }

    #[test]
    fn verbatim_is_neither_wrapped_nor_cut() {
        let look = Look::plain(40);
        let long = "x".repeat(200);
        let text = page(&look, |page| page.verbatim(&format!("{long}\n\n  y"), 2).unwrap());
        assert_eq!(text, format!("  {long}\n\n    y\n"));
    }
}
