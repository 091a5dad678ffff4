//! Many targets on one page: the problems by cause with the hosts that have them, then how to see one in full.

use std::io::{self, Write};

use cfdoctor_checks::Severity;

use super::super::look::{Detail, Look, Tone};
use super::page::Page;
use super::{footer, some};
use crate::report::{Digest, Group, Report, Run, Status, Unjudged, Verdicts};

/// Names that a group shows: of what is broken, and of anything else.
const NAMES: [usize; 2] = [8, 4];

/// Writes the page of many targets.
///
/// # Errors
/// The writer's own.
pub fn render(digest: &Digest, run: &Run, look: &Look, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(look, out);
    super::simulation(&mut page, run)?;
    let groups = digest.groups();
    for wanted in [Status::Fail, Status::Warn] {
        for one in groups.iter().filter(|group| group.status == wanted) {
            group(&mut page, one)?;
        }
        if wanted == Status::Fail {
            for one in digest.unjudged() {
                not_judged(&mut page, one)?;
            }
        }
    }
    if look.detail != Detail::Quiet {
        totals(&mut page, &digest.verdicts)?;
        see_more(&mut page, groups.first().and_then(|group| group.urls.first()))?;
    }
    footer::run(&mut page, run, &digest.results, 0)
}

/// The same of a whole report.
pub(super) fn of<W: Write>(report: &Report, look: &Look, out: &mut W) -> io::Result<()> {
    render(&Digest::of(report), &report.run, look, out)
}

fn group<W: Write>(page: &mut Page<'_, W>, group: &Group) -> io::Result<()> {
    let (tone, mark) = (Tone::of(group.status), page.look.mark(group.status));
    let id = format!("{}: ", group.check);
    let mut text = some(count(group.targets), "target", "targets").unwrap_or_default();
    if group.severity == Severity::Critical || group.severity == Severity::Low {
        text.push_str(&format!(" [{}]", crate::explain::severity(group.severity)));
    }
    page.para(&[(tone, mark), (Tone::Plain, " "), (tone, &id)], &text, 4)?;
    let [most, few] = NAMES;
    names(page, &group.urls, group.targets, if group.status == Status::Fail { most } else { few })?;
    page.para(&[(Tone::Quiet, "    for instance: ")], &group.seen, 6)?;
    if let Some(fix) = &group.fix {
        page.para(&[(Tone::Strong, "    Fix: ")], fix, 6)?;
    }
    page.blank()
}

fn not_judged<W: Write>(page: &mut Page<'_, W>, unjudged: &Unjudged) -> io::Result<()> {
    let mark = page.look.mark(Status::NotRun);
    let lead = format!("{} could not be judged: ", unjudged.targets);
    page.para(&[(Tone::Caution, mark), (Tone::Plain, " "), (Tone::Caution, &lead)], &unjudged.why, 4)?;
    names(page, &unjudged.urls, unjudged.targets, NAMES[0])?;
    page.blank()
}

/// The first names, and how many more there are.
fn names<W: Write>(page: &mut Page<'_, W>, urls: &[String], all: u64, most: usize) -> io::Result<()> {
    let mut named: Vec<&str> = urls.iter().map(|url| short(url)).collect();
    // They came as they finished.
    named.sort_unstable();
    let mut text = named.into_iter().take(most).collect::<Vec<_>>().join(", ");
    let more = all.saturating_sub(urls.len().min(most) as u64);
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    page.para(&[(Tone::Plain, "    ")], &text, 4)
}

/// What of the URL is not always the same.
fn short(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.strip_suffix('/').filter(|host| !host.contains('/')).unwrap_or(rest)
}

/// `300 targets: 280 well, 12 with warnings, 6 broken, 2 not judged`.
fn totals<W: Write>(page: &mut Page<'_, W>, verdicts: &Verdicts) -> io::Result<()> {
    let Verdicts { pass, warn, fail, inconclusive } = *verdicts;
    let status = match (fail, inconclusive, warn) {
        (1.., ..) => Status::Fail,
        (0, 1.., _) => Status::NotRun,
        (0, 0, 1..) => Status::Warn,
        (0, 0, 0) => Status::Pass,
    };
    let total = some(count(verdicts.total()), "target", "targets").unwrap_or_else(|| "no target".into());
    let mut parts = Vec::new();
    parts.extend((pass > 0).then(|| if pass == verdicts.total() { "all well".into() } else { format!("{pass} well") }));
    parts.extend((warn > 0).then(|| format!("{warn} with warnings")));
    parts.extend((fail > 0).then(|| format!("{fail} broken")));
    parts.extend((inconclusive > 0).then(|| format!("{inconclusive} not judged")));
    let mark = page.look.mark(status);
    let text = format!("{total}: ");
    page.para(&[(Tone::of(status), mark), (Tone::Plain, " "), (Tone::Strong, &text)], &parts.join(", "), 4)
}

fn see_more<W: Write>(page: &mut Page<'_, W>, first: Option<&String>) -> io::Result<()> {
    if let Some(url) = first {
        page.toned(&[], Tone::Quiet, &format!("One in full: cfdoctor {url}"), 4)?;
    }
    page.toned(&[], Tone::Quiet, "Each in full: -v; a line for each: --format short; as data: -o jsonl=FILE", 4)
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short() {
        for (url, shown) in [
            ("https://a.example.com/", "a.example.com"),
            ("https://a.example.com/x/", "a.example.com/x/"),
            ("http://a.example.com/", "http://a.example.com/"),
            ("https://a.example.com:8443/", "a.example.com:8443"),
        ] {
            assert_eq!(short(url), shown);
        }
    }
}
