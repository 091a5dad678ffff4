//! `cfdoctor diff OLD.json NEW.json`

use std::path::Path;

use super::args::{DataFormat, DiffArgs};
use super::{CommandError, stage, to_stdout};
use crate::render::look::{Look, Tone};
use crate::report::{Answer, Change, Difference, Report, RunReference, Status};

/// Runs the command: 0 when nothing that counts appeared or became worse, else 1.
pub(super) fn run(arguments: &DiffArgs) -> Result<u8, CommandError> {
    let (old, new) = (read(&arguments.old)?, read(&arguments.new)?);
    let difference = Difference::between(&old, &new);
    let text = match arguments.format {
        DataFormat::Human => human(&difference, &stage::stdout_look(arguments.color)),
        DataFormat::Json => serde_json::to_string_pretty(&difference)
            .map(|json| json + "\n")
            .map_err(|error| CommandError::Internal(format!("diff: {error}")))?,
    };
    to_stdout(text.as_bytes())?;
    Ok(difference.exit_code)
}

fn read(path: &Path) -> Result<Report, CommandError> {
    Report::read(path).map_err(|error| CommandError::usage(format!("diff: {}: {error}", path.display())))
}

fn human(difference: &Difference, look: &Look) -> String {
    let mut lines = vec![format!("old  {}", run_line(&difference.old)), format!("new  {}", run_line(&difference.new))];
    let mut lines_of = |title: &str, mark: &str, changes: &[Change]| {
        if !changes.is_empty() {
            lines.push(String::new());
            lines.push(look.paint(Tone::Strong, title));
            lines.extend(changes.iter().map(|change| change_line(mark, change, look)));
        }
    };
    lines_of("Appeared", "+", &difference.appeared);
    lines_of("Went away", "-", &difference.gone);
    lines_of("Changed", "~", &difference.changed);
    for (urls, what) in [(&difference.only_old, "No longer examined"), (&difference.only_new, "Not examined before")] {
        if !urls.is_empty() {
            let urls: Vec<String> = urls.iter().map(|url| look.text(url)).collect();
            lines.push(format!("\n{what}: {}", urls.join(", ")));
        }
    }
    let Difference { appeared, gone, changed, unchanged, .. } = difference;
    lines.push(format!(
        "\n{} appeared, {} went away, {} changed, {unchanged} as before",
        appeared.len(),
        gone.len(),
        changed.len()
    ));
    lines.join("\n") + "\n"
}

fn run_line(run: &RunReference) -> String {
    let text = format!("run {} of {}, cfdoctor {}", run.id, run.started_at, run.version);
    cfdoctor_checks::evidence::text::clean(&text)
}

fn change_line(mark: &str, change: &Change, look: &Look) -> String {
    let status = |answer: &Answer| look.paint(Tone::of(answer.status), answer.status.word());
    let said = |answer: &Answer| answer.said.as_deref().map(|said| look.text(said)).unwrap_or_default();
    let (what, text) = match (&change.before, &change.now) {
        (Some(before), Some(now)) if now.status.is_finding() && before.status.is_finding() => {
            let what = if before.status == now.status {
                status(now)
            } else {
                format!("{} {} {}", status(before), look.text("→"), status(now))
            };
            let same = before.said == now.said;
            (what, if same { said(now) } else { format!("{} (was: {})", said(now), said(before)) })
        }
        (_, Some(now)) if now.status.is_finding() => (status(now), said(now)),
        (Some(before), Some(now)) if now.status == Status::NotRun => {
            (status(before), format!("{} (now not run: {})", said(before), said(now)))
        }
        (Some(before), Some(_)) => (status(before), format!("{} (now well)", said(before))),
        (Some(before), None) => (status(before), format!("{} (not asked now)", said(before))),
        (None, _) => (String::new(), String::new()),
    };
    let known = change.now.as_ref().and_then(|now| now.suppressed.as_deref());
    let known = known.map(|why| format!(" [does not count: {}]", look.text(why))).unwrap_or_default();
    format!("  {mark} {what}: {}: {}: {text}{known}", look.text(&change.check), look.text(&change.url))
}
