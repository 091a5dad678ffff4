//! A check in words: for the terminal, as Markdown, as data. Everything comes from the fields of the check.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use cfdoctor_checks::evidence::{Evidence, Target};
use cfdoctor_checks::{AREAS, Check, Finding, Fix, Probe, Severity, StepKind};
use serde::Serialize;
use time::OffsetDateTime;

use crate::render::Look;
use crate::render::terminal::{Explained, explained, explained_line};

/// One check, as the catalogue has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Id.
    pub id: String,
    /// The area's id.
    pub area: String,
    /// The healthy state.
    pub title: String,
    /// How much a failure hurts.
    pub severity: Severity,
    /// Why it matters.
    pub why: String,
    /// The fix, shown for an example host.
    pub fix: Option<Fix>,
    /// Sources of the claims.
    pub sources: Vec<String>,
    /// What it looks at.
    pub needs: Vec<Probe>,
}

#[derive(Serialize)]
struct Catalogue<'a> {
    checks: &'a [&'a Entry],
}

/// Every check, in the order shown to people.
pub fn catalogue() -> Vec<Entry> {
    let example = example();
    cfdoctor_checks::all().map(|check| entry(check, example.as_ref())).collect()
}

/// The check with this id.
pub fn find(id: &str) -> Option<Entry> {
    cfdoctor_checks::find(id).map(|check| entry(check, example().as_ref()))
}

fn entry(check: &Check, example: Option<&Evidence>) -> Entry {
    let finding = Finding::seen("an example");
    let fix = example.and_then(|evidence| catch_unwind(AssertUnwindSafe(|| (check.fix)(evidence, &finding))).ok());
    Entry {
        id: check.id.into(),
        area: check.area().into(),
        title: check.title.into(),
        severity: check.severity,
        why: check.why.into(),
        fix,
        sources: check.sources.iter().map(ToString::to_string).collect(),
        needs: check.needs.to_vec(),
    }
}

/// A site at which nobody has looked.
fn example() -> Option<Evidence> {
    let mut target: Target = "https://lambda.example.com/endpoint".parse().ok()?;
    target.region = Some("us-west-2".into());
    target.origin = "d-abc123def4.execute-api.us-west-2.amazonaws.com".parse().ok();
    Some(Evidence::nothing(target, OffsetDateTime::UNIX_EPOCH))
}

/// The word of a severity.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

impl Entry {
    fn explained(&self) -> Explained<'_> {
        let looks_at = self.needs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Explained {
            id: &self.id,
            title: &self.title,
            severity: severity(self.severity),
            looks_at,
            why: &self.why,
            fix: self.fix.as_ref(),
            sources: &self.sources,
        }
    }
}

/// For the terminal, in full.
///
/// # Errors
/// The writer's own.
pub fn human(entries: &[&Entry], look: &Look, out: &mut impl Write) -> io::Result<()> {
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        explained(&entry.explained(), look, out)?;
    }
    Ok(())
}

/// For the terminal, a line each under its area.
///
/// # Errors
/// The writer's own.
pub fn human_catalogue(entries: &[&Entry], look: &Look, out: &mut impl Write) -> io::Result<()> {
    let width = entries.iter().map(|entry| entry.id.len()).max().unwrap_or_default();
    for area in AREAS {
        let own: Vec<&&Entry> = entries.iter().filter(|entry| entry.area == area.id).collect();
        if own.is_empty() {
            continue;
        }
        writeln!(out, "{}", look.paint(crate::render::look::Tone::Strong, area.title))?;
        for entry in own {
            explained_line(&entry.id, &entry.title, width, look, out)?;
        }
    }
    Ok(())
}

/// As Markdown.
///
/// # Errors
/// The writer's own.
pub fn markdown(entries: &[&Entry], out: &mut impl Write) -> io::Result<()> {
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let needs = entry.needs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        writeln!(out, "## `{}`\n", entry.id)?;
        writeln!(out, "**{}** (severity: {})\n", entry.title, severity(entry.severity))?;
        writeln!(out, "Looks at: {needs}.\n")?;
        writeln!(out, "### Why it matters\n\n{}\n", entry.why)?;
        if let Some(fix) = &entry.fix {
            writeln!(out, "### How to mend it\n\n{}\n", fix.summary)?;
            for step in &fix.steps {
                if step.kind == StepKind::Dashboard {
                    writeln!(out, "- {}: {}\n", step.label, step.text)?;
                } else {
                    let fence = fence(&step.text);
                    writeln!(out, "{}:\n\n{fence}{}\n{}\n{fence}\n", step.label, language(step.kind), step.text)?;
                }
            }
        }
        writeln!(out, "### Sources\n")?;
        for source in &entry.sources {
            writeln!(out, "- <{source}>")?;
        }
    }
    Ok(())
}

/// Backticks, one more than any run in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat((longest + 1).max(3))
}

fn language(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Shell | StepKind::Api => "sh",
        StepKind::Terraform => "hcl",
        StepKind::Dashboard | StepKind::Code => "",
    }
}

/// As data: `{"checks": […]}`.
///
/// # Errors
/// The writer's own.
pub fn json(entries: &[&Entry], out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Catalogue { checks: entries })?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use cfdoctor_checks::NotRun;

    use super::*;

    const CHECK: Check = Check {
        id: "edge-example",
        title: "The edge is well",
        severity: Severity::High,
        needs: &[Probe::EdgeTls, Probe::EdgeHttp],
        why: "Visitors meet the edge first.",
        fix: |evidence, _| {
            Fix::new(format!("Mend {}.", evidence.target.host)).dashboard("A → B").shell("do it", "echo '```'")
        },
        sources: &["https://example.com/docs"],
        judge: |_| Err(NotRun::inconclusive("never asked")),
    };

    fn shown(write: impl FnOnce(&[&Entry], &mut Vec<u8>) -> io::Result<()>) -> String {
        let entry = entry(&CHECK, example().as_ref());
        let mut out = Vec::new();
        write(&[&entry], &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn human_tells_everything() {
        let text = shown(|entries, out| human(entries, &Look::plain(80), out));
        for part in ["edge-example", "The edge is well", "high", "TLS at the edge, HTTP at the edge", "Visitors meet"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("Mend lambda.example.com.") && text.contains("https://example.com/docs"), "{text}");
    }

    #[test]
    fn markdown_fences_hold() {
        let text = shown(markdown);
        assert!(text.starts_with("## `edge-example`\n"), "{text}");
        assert!(text.contains("````sh\necho '```'\n````\n"), "{text}");
        assert!(text.contains("- Dashboard: A → B\n"), "{text}");
    }

    #[test]
    fn json_has_the_fields_of_the_contract() {
        let text = shown(json);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let entry = value["checks"][0].as_object().unwrap();
        let mut keys: Vec<&str> = entry.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["area", "fix", "id", "needs", "severity", "sources", "title", "why"]);
        assert_eq!(entry["fix"]["steps"][1]["kind"], "shell");
        assert_eq!(entry["needs"][0], "edge-tls");
    }

    #[test]
    fn every_check_can_be_explained() {
        for entry in catalogue() {
            assert!(!entry.why.is_empty() && entry.fix.is_some_and(|fix| !fix.summary.is_empty()), "{}", entry.id);
            assert!(entry.sources.iter().all(|source| source.starts_with("https://")), "{}", entry.id);
        }
    }
}
