//! From a report to text. A renderer gets the report and a [`Look`], and judges nothing.

mod findings;
pub mod github;
pub mod gitlab;
pub mod html;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod look;
pub mod markdown;
pub mod openmetrics;
pub mod sarif;
pub mod short;
pub mod terminal;

use std::io::{self, Write};

use cfdoctor_checks::evidence::text;
use clap::ValueEnum;

use crate::report::{Report, Run};
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
    /// A line of JSON for each target as soon as it is done, and one with the sums (`cfdoctor schema jsonl`).
    Jsonl,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, a suite for each target.
    Junit,
    /// Annotations of GitHub Actions; the step summary too, where there is one.
    Github,
    /// Code quality of GitLab.
    Gitlab,
    /// For a comment on a pull request.
    Markdown,
    /// For Prometheus.
    Openmetrics,
    /// One page for browsers, with everything in it.
    Html,
}

/// `, 2 do not count`, where some do not.
fn waived(suppressed: u32) -> String {
    match suppressed {
        0 => String::new(),
        1 => ", 1 does not count".into(),
        _ => format!(", {suppressed} do not count"),
    }
}

/// `6 requests sent, 41 to the APIs of Cloudflare and AWS`.
fn requests(run: &Run) -> String {
    let sent = match run.requests_sent {
        0 => "no request sent".into(),
        1 => "1 request sent".into(),
        many => format!("{many} requests sent"),
    };
    match run.api_requests_sent {
        0 => sent,
        many => format!("{sent}, {many} to the APIs of Cloudflare and AWS"),
    }
}

/// A sentence on its own: begins with a capital letter, unless its first word is a name (`lambda.example.com`, `s-maxage`).
pub(crate) fn sentence(given: &str) -> String {
    let clean = text::clean(given);
    let word = clean.split(' ').next().unwrap_or_default();
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return clean;
    }
    let (first, rest) = clean.split_at(1);
    first.to_ascii_uppercase() + rest
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
        Format::Jsonl => jsonl::render(report, look, out),
        Format::Sarif => sarif::render(report, look, out),
        Format::Junit => junit::render(report, look, out),
        Format::Github => github::render(report, look, out),
        Format::Gitlab => gitlab::render(report, look, out),
        Format::Markdown => markdown::render(report, look, out),
        Format::Openmetrics => openmetrics::render(report, look, out),
        Format::Html => html::render(report, look, out),
    }
}
