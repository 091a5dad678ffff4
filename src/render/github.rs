//! Annotations of GitHub Actions: workflow commands on stdout
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>).

use std::io::{self, Write};

use cfdoctor_checks::evidence::text;

use super::Look;
use super::findings::{Found, worst_first};
use crate::report::{Report, Status};

/// Annotations of one kind that GitHub shows for a step; it drops the rest without a word.
const MOST: usize = 10;
/// Characters of a message.
const MAX_TEXT: usize = 1000;
/// Octets of a step summary, a little under GitHub's 1 MiB.
pub const SUMMARY_LIMIT: usize = 1024 * 1024 - 1024;

/// Writes the annotations, worst first; what is over the limit as a folded part of the log; the counts last.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    let all = worst_first(report);
    let mut folded = Vec::new();
    for (status, command) in [(Status::Fail, "error"), (Status::Warn, "warning")] {
        let these = all.iter().filter(|found| found.result.status == status);
        let (known, new): (Vec<&Found<'_>>, Vec<&Found<'_>>) =
            these.partition(|found| found.result.suppressed.is_some());
        for found in new.iter().take(MOST) {
            annotation(command, found, out)?;
        }
        folded.extend(new.into_iter().skip(MOST));
        folded.extend(known);
    }
    if !folded.is_empty() {
        writeln!(out, "::group::{} more findings", folded.len())?;
        for found in folded {
            log_line(found, out)?;
        }
        writeln!(out, "::endgroup::")?;
    }
    let unclear = report.targets.iter().filter_map(|target| Some((target, target.inconclusive.as_deref()?)));
    for (target, why) in unclear.take(MOST) {
        let text = format!("{}: could not be judged: {}", text::clean(&target.url), text::shorten(why, MAX_TEXT));
        writeln!(out, "::notice title=cfdoctor::{}", data(&text))?;
    }
    let summary = report.summary;
    let text = format!(
        "{} failed, {} warned, {} passed, {} not run{}; exit code {}",
        summary.fail,
        summary.warn,
        summary.pass,
        summary.not_run,
        super::waived(summary.suppressed),
        report.exit_code
    );
    let interrupted = if report.run.interrupted { " (interrupted)" } else { "" };
    writeln!(out, "::notice title=cfdoctor::{}{interrupted}", data(&text))
}

fn annotation(command: &str, found: &Found<'_>, out: &mut impl Write) -> io::Result<()> {
    write!(out, "::{command} ")?;
    if let Some((path, line)) = found.place() {
        write!(out, "file={},line={line},", property(&path))?;
    }
    let mut text = format!("{}: {}", text::clean(&found.target.url), found.seen(MAX_TEXT));
    if let Some(cause) = &found.result.caused_by {
        text.push_str(&format!(" (explained by {})", text::clean(cause)));
    }
    if let Some(fix) = &found.result.fix {
        text.push_str(&format!("\nFix: {}", text::shorten(&fix.summary, MAX_TEXT)));
    }
    writeln!(out, "title={}::{}", property(&text::clean(&found.result.check)), data(&text))
}

fn log_line(found: &Found<'_>, out: &mut impl Write) -> io::Result<()> {
    let result = found.result;
    let known = result.suppressed.as_deref().map(|why| format!(" (does not count: {})", text::clean(why)));
    let text = format!(
        "{}: {}: {}: {}{}",
        result.status.word(),
        property(&text::clean(&result.check)),
        text::clean(&found.target.url),
        found.seen(MAX_TEXT),
        known.unwrap_or_default()
    );
    // The runner looks for commands of the older form anywhere in a line.
    writeln!(out, "{}", text.replace("##[", "##\u{fffd}"))
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing;

    fn lines(report: &Report) -> Vec<String> {
        let mut out = Vec::new();
        render(report, &Look::plain(80), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn ten_of_a_kind_and_the_rest_folded() {
        let mut report = testing::report_of(&[[Status::Warn; 12], [Status::Fail; 12]].concat(), false);
        report.targets[0].results[0].suppressed = Some("known".into());
        report.targets[0].results[1].seen = Some("x ##[error]y".into());
        let lines = lines(&report);
        let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!((count("::error "), count("::warning "), count("::notice ")), (10, 10, 1));
        assert_eq!((count("fail: "), count("warn: ")), (2, 2), "the rest is in the log");
        assert!(lines[0].starts_with("::error ") && lines.last().unwrap().contains("12 failed, 12 warned"));
        assert!(lines.iter().any(|line| line.ends_with("(does not count: known)")));
        assert!(!lines.iter().any(|line| !line.starts_with("::") && line.contains("##[")));
    }

    #[test]
    fn escapes() {
        assert_eq!(data("50%\r\na: b, c"), "50%25%0D%0Aa: b, c");
        assert_eq!(property("a: b, c\n"), "a%3A b%2C c%0A");
    }
}
