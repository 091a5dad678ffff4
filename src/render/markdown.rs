//! GitHub's Markdown, for a comment on a pull request or a step summary: the verdict first, findings worst first,
//! each with proof and fix folded under it. Text from outside is inert: see `inline`.

mod inline;

use std::io::{self, Write};

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::{Fix, StepKind};

use super::findings::{Found, worst_first};
use super::{Look, requests};
use crate::explain;
use crate::report::{Diagnosis, Reason, Report, ResultReport, Status, Summary, TargetReport};
use inline::{cell, fence, prose};

/// Octets of a comment: GitHub takes 65,536 characters.
const COMMENT_LIMIT: usize = 65_536;
/// Octets kept for the last lines.
const RESERVE: usize = 512;
/// Lines of proof that are quoted.
const PROOF_LINES: usize = 12;
/// Characters of a sentence, a line of proof, a line of a step.
const MAX_LINE: usize = 600;
/// Lines of a step.
const STEP_LINES: usize = 60;

/// Writes the report; what does not fit into a comment is counted.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, _look: &Look, out: &mut impl Write) -> io::Result<()> {
    out.write_all(within(report, COMMENT_LIMIT).as_bytes())
}

/// The report in at most so many octets (but never less than its last lines).
pub fn within(report: &Report, limit: usize) -> String {
    let mut page = Page { text: String::new(), limit: limit.saturating_sub(RESERVE) };
    page.block(&headline(report));
    if let Some(what) = &report.run.simulation {
        page.block(&format!("Simulation: {}\n", prose(&line(what))));
    }
    for notice in &report.run.notices {
        page.block(&format!("Note: {}\n", prose(&line(notice))));
    }
    targets(report, &mut page);
    for target in &report.targets {
        if let Some(diagnosis) = &target.diagnosis {
            page.block(&diagnosed(target, diagnosis));
        }
        if let Some(why) = &target.inconclusive {
            page.block(&format!("Could not be judged: {}: {}\n", prose(&line(&target.url)), prose(&line(why))));
        }
    }
    let all = worst_first(report);
    let (new, known): (Vec<&Found<'_>>, Vec<&Found<'_>>) =
        all.iter().partition(|found| found.result.suppressed.is_none());
    findings("Findings", &new, &mut page);
    findings("Findings that do not count", &known, &mut page);
    not_run(report, &mut page);
    page.text + &last_line(report)
}

/// Text that ends before a limit; a block is there whole or not at all.
struct Page {
    text: String,
    limit: usize,
}

impl Page {
    /// Adds a block and an empty line, if it fits.
    fn block(&mut self, block: &str) -> bool {
        let fits = self.text.len() + block.len() < self.limit;
        if fits {
            self.text.push_str(block);
            self.text.push('\n');
        }
        fits
    }
}

fn line(from: &str) -> String {
    text::shorten(from, MAX_LINE)
}

fn headline(report: &Report) -> String {
    let Summary { pass, warn, fail, not_run, suppressed } = report.summary;
    let word = match (fail, warn, report.targets.iter().any(|target| target.inconclusive.is_some())) {
        (1.., ..) => "broken",
        (0, _, true) => "could not tell",
        (0, 1.., _) => "warnings",
        (0, 0, false) if report.targets.is_empty() => "nothing examined",
        (0, 0, false) => "all well",
    };
    format!(
        "## cfdoctor: {word}\n\n{fail} failed, {warn} warned, {pass} passed, {not_run} not run{}.\n",
        super::waived(suppressed)
    )
}

/// One row for each target.
fn targets(report: &Report, page: &mut Page) {
    let head = "| target | verdict | cause | fail | warn | pass | not run |\n|---|---|---|---|---|---|---|\n";
    let mut table = head.to_owned();
    // A third of the room at most: findings say more.
    let most = page.limit / 3;
    let mut left_out = 0;
    for target in &report.targets {
        let Summary { pass, warn, fail, not_run, .. } = Summary::of(target.results.iter());
        let cause = target.diagnosis.as_ref().map(|diagnosis| cell(&line(&diagnosis.cause))).unwrap_or_default();
        let url = cell(&line(&target.url));
        let row = format!("| {url} | {} | {cause} | {fail} | {warn} | {pass} | {not_run} |\n", target.verdict.word());
        if table.len() + row.len() > most {
            left_out += 1;
        } else {
            table.push_str(&row);
        }
    }
    if left_out < report.targets.len() {
        page.block(&table);
    }
    if left_out > 0 {
        page.block(&format!("{left_out} more targets are not in this table.\n"));
    }
}

fn diagnosed(target: &TargetReport, diagnosis: &Diagnosis) -> String {
    let mut block = format!(
        "**Diagnosis** of {}: {} ({} confidence). {}\n",
        prose(&line(&target.url)),
        code(&diagnosis.cause),
        confidence(diagnosis),
        prose(&line(&diagnosis.summary))
    );
    if let Some(predicted) = &diagnosis.predicted {
        let statuses = predicted.statuses.join(" → ");
        block.push_str(&format!("\nOnce mended: {}", prose(&line(&statuses))));
        if let Some(seconds) = predicted.edge_ttl_s {
            block.push_str(&format!(", {seconds} s at the edge"));
        }
        block.push_str(".\n");
    }
    block
}

fn confidence(diagnosis: &Diagnosis) -> &'static str {
    match diagnosis.confidence {
        cfdoctor_checks::Confidence::High => "high",
        cfdoctor_checks::Confidence::Medium => "medium",
        cfdoctor_checks::Confidence::Low => "low",
    }
}

fn code(id: &str) -> String {
    inline::code(&line(id))
}

fn findings(title: &str, all: &[&Found<'_>], page: &mut Page) {
    if all.is_empty() {
        return;
    }
    page.block(&format!("### {title}\n"));
    let mut left_out = 0;
    for found in all {
        // A finding without its details is better than none.
        if !page.block(&(sentence(found) + "\n" + &details(found))) && !page.block(&sentence(found)) {
            left_out += 1;
        }
    }
    if left_out > 0 {
        page.text.push_str(&format!("{left_out} more do not fit here.\n\n"));
    }
}

fn sentence(found: &Found<'_>) -> String {
    let result = found.result;
    let mut text = format!(
        "**{}** {} ({}) at {}: {}",
        result.status.word(),
        code(&result.check),
        explain::severity(result.severity),
        prose(&line(&found.target.url)),
        prose(&found.seen(MAX_LINE))
    );
    match &result.caused_by {
        Some(cause) => text.push_str(&format!(" (explained by {})", code(cause))),
        None if found.is_cause() => text.push_str(" (the cause)"),
        None => {}
    }
    if let Some(why) = &result.suppressed {
        text.push_str(&format!(" (does not count: {})", prose(&line(why))));
    }
    text + "\n"
}

/// Proof, fix and source, folded.
fn details(found: &Found<'_>) -> String {
    let result = found.result;
    let mut text = String::new();
    if !result.proof.is_empty() {
        let lines: Vec<String> = result.proof.iter().take(PROOF_LINES).map(|proof| line(proof)).collect();
        text.push_str(&fence("", &lines));
    }
    if let Some(fix) = &result.fix {
        text.push_str(&mend(fix));
    }
    if let Some(link) = result.docs.as_deref().and_then(inline::link) {
        text.push_str(&format!("\nSource: {link}\n"));
    }
    if text.is_empty() {
        return text;
    }
    format!("<details><summary>Proof and fix</summary>\n\n{text}\n</details>\n")
}

fn mend(fix: &Fix) -> String {
    let mut text = format!("\nFix: {}\n", prose(&line(&fix.summary)));
    for (step, number) in fix.steps.iter().zip(1..) {
        let number: u32 = number;
        let language = match step.kind {
            StepKind::Shell | StepKind::Api => "sh",
            StepKind::Terraform => "hcl",
            StepKind::Dashboard | StepKind::Code => "",
        };
        let lines: Vec<String> = step.text.lines().take(STEP_LINES).map(text::clean).collect();
        text.push_str(&format!("\nStep {number}, {}:\n\n{}", prose(&line(&step.label)), fence(language, &lines)));
    }
    text
}

/// How many were not run, by reason.
fn not_run(report: &Report, page: &mut Page) {
    let mut counts: std::collections::BTreeMap<&Reason, u32> = std::collections::BTreeMap::new();
    let all = report.targets.iter().flat_map(|target| &target.results);
    for reason in all.filter(|result: &&ResultReport| result.status == Status::NotRun).filter_map(|r| r.reason.as_ref())
    {
        *counts.entry(reason).or_default() += 1;
    }
    if counts.is_empty() || !page.block("<details><summary>Not run</summary>\n") {
        return;
    }
    let mut left_out = 0;
    for (reason, count) in counts {
        let word = serde_json::to_value(reason.kind).ok();
        let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned();
        if !page.block(&format!("{count} × {word}: {}\n", prose(&line(&reason.text)))) {
            left_out += count;
        }
    }
    if left_out > 0 {
        page.text.push_str(&format!("{left_out} more.\n\n"));
    }
    page.text.push_str("</details>\n\n");
}

fn last_line(report: &Report) -> String {
    let run = &report.run;
    let interrupted = match (run.interrupted, run.left()) {
        (false, _) => String::new(),
        (true, left) => format!("; interrupted, {left} not visited"),
    };
    format!(
        "Exit code {}; {}; cfdoctor {}{interrupted}.\n",
        report.exit_code,
        requests(run),
        prose(&text::shorten(&report.tool.version, 40))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing;

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut report = testing::report_of(&[Status::Fail; 300], false);
        for result in &mut report.targets[0].results {
            result.proof = vec!["x".repeat(5000); 30];
        }
        let text = within(&report, COMMENT_LIMIT);
        assert!(text.len() <= COMMENT_LIMIT, "{}", text.len());
        assert!(text.contains("more do not fit here."), "{text}");
        assert!(text.ends_with(".\n") && text.contains("Exit code 1; "));
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        let all = within(&report, usize::MAX);
        assert_eq!(all.matches("**fail** `dns-something`").count(), 300);
        // Every limit is kept, and no fold stays open.
        report.targets[0].results.truncate(12);
        for result in &mut report.targets[0].results {
            result.proof = vec!["x".repeat(300)];
        }
        report.targets[0].results.extend(testing::report_of(&[Status::NotRun; 3], false).targets[0].results.clone());
        for (number, result) in report.targets[0].results.iter_mut().enumerate().skip(12) {
            let text = format!("because of {number}");
            result.reason = Some(Reason { kind: crate::report::ReasonKind::Blocked, text });
        }
        for limit in (0..8000).step_by(97) {
            let text = within(&report, limit);
            assert!(text.len() <= limit.max(RESERVE), "{limit}: {}", text.len());
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count(), "{limit}");
        }
    }
}
