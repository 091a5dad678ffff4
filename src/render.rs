//! From a report to text. A renderer gets the report and a [`Look`], and judges nothing.

pub mod html;
pub mod json;
pub mod look;
pub mod short;
pub mod terminal;

use std::io::{self, Write};

use clap::ValueEnum;

use crate::report::Report;
pub use look::{Detail, Look};

/// A format of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    #[default]
    Human,
    /// One line for each finding, and one with the verdict of each target.
    Short,
    /// The whole report (`cfdoctor schema report` describes it).
    Json,
    /// One page for browsers, with everything in it.
    Html,
}

/// Writes the report in this format.
///
/// # Errors
/// The writer's own.
pub fn render(format: Format, report: &Report, look: &Look, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Human => terminal::render(report, look, out),
        Format::Short => short::render(report, look, out),
        Format::Json => json::render(report, look, out),
        Format::Html => html::render(report, look, out),
    }
}
