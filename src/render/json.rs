//! The whole report as JSON: one document, or a line for each target.

use std::borrow::Cow;
use std::io::{self, Write};

use cfdoctor_checks::evidence::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::report::{Report, Run, SCHEMA_VERSION, TargetReport, Tool};

/// Writes the report as one JSON document.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", harmless(&serde_json::to_string_pretty(report)?))
}

/// A line of `jsonl`: one target, and the run that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line<'a> {
    /// Version of this format, that of the report.
    pub schema_version: u32,
    /// Who made the report.
    pub tool: Cow<'a, Tool>,
    /// The run; the same in all its lines.
    pub run: Cow<'a, Run>,
    /// The exit code of the run.
    pub exit_code: u8,
    /// The target.
    pub target: Cow<'a, TargetReport>,
}

/// Writes a line for each target.
///
/// # Errors
/// The writer's own.
pub fn lines(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    for target in &report.targets {
        let line = Line {
            schema_version: SCHEMA_VERSION,
            tool: Cow::Borrowed(&report.tool),
            run: Cow::Borrowed(&report.run),
            exit_code: report.exit_code,
            target: Cow::Borrowed(target),
        };
        writeln!(out, "{}", harmless(&serde_json::to_string(&line)?))?;
    }
    Ok(())
}

/// JSON in which the characters that move a cursor, hide text or turn its direction are spelt `\uXXXX`. The document
/// stays the same: such characters stand in strings only.
pub(super) fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && text::is_hostile(c) {
            // All of them are in the Basic Multilingual Plane.
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_spelt_out() {
        let text = "a\u{9b}\u{202e}\u{7f}\u{1b}é\n";
        let json = harmless(&serde_json::to_string(text).unwrap());
        assert_eq!(json, r#""a\u009b\u202e\u007f\u001bé\n""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
