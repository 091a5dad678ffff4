//! One page for browsers: self-contained, nothing is fetched, and nothing is lost without scripts.
//!
//! Text from the report is escaped by maud and goes into text and quoted attributes only. The policy in the head
//! allows this page's own style and script by their hashes, and nothing else.

mod certificates;
mod decision;
mod diagnosis;
mod page;
mod parts;
mod picture;
mod results;
mod timings;

use std::io::{self, Write};

use super::Look;
use crate::report::Report;

/// Octets of the sections about targets. What is beyond is in the index only: browsers give up on larger pages.
const MAX_OCTETS: usize = 24 * 1024 * 1024;

/// Writes the report as one HTML file.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    out.write_all(page::page(report, MAX_OCTETS).into_string().as_bytes())
}

#[cfg(test)]
mod tests;
