//! The whole report as JSON.

use std::io::{self, Write};

use super::Look;
use crate::report::Report;

/// Writes the report as one JSON document.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
