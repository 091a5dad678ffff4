//! A check explained for people: the same page as the report.

use std::io::{self, Write};

use cfdoctor_checks::Fix;

use super::super::look::{Look, Tone};
use super::page::Page;
use super::problem;

/// What is told about a check.
pub struct Explained<'a> {
    /// Id.
    pub id: &'a str,
    /// The healthy state.
    pub title: &'a str,
    /// How much a failure hurts, in a word.
    pub severity: &'a str,
    /// What it looks at.
    pub looks_at: String,
    /// Why it matters.
    pub why: &'a str,
    /// The fix, for an example.
    pub fix: Option<&'a Fix>,
    /// Sources of the claims.
    pub sources: &'a [String],
}

/// Writes one check in full.
///
/// # Errors
/// The writer's own.
pub fn explained(what: &Explained<'_>, look: &Look, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(look, out);
    page.para(&[(Tone::Strong, what.id)], "", 2)?;
    page.para(&[(Tone::Plain, "  ")], what.title, 2)?;
    page.blank()?;
    page.para(&[(Tone::Strong, "  Severity  ")], what.severity, 12)?;
    page.para(&[(Tone::Strong, "  Looks at  ")], &what.looks_at, 12)?;
    page.para(&[(Tone::Strong, "  Why       ")], what.why, 12)?;
    if let Some(fix) = what.fix {
        problem::fix(&mut page, fix, "  Fix       ", 2)?;
    }
    for (index, source) in what.sources.iter().enumerate() {
        page.url(if index == 0 { "  Sources   " } else { "            " }, source, 0)?;
    }
    Ok(())
}

/// Writes one line of the catalogue.
///
/// # Errors
/// The writer's own.
pub fn explained_line(id: &str, title: &str, width: usize, look: &Look, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(look, out);
    let id = page.padded(id, width);
    page.para(&[(Tone::Plain, "  "), (Tone::Plain, &id), (Tone::Plain, "  ")], title, width + 4)
}
