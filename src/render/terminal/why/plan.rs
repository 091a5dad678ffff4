//! What to do, in order, and what each change leads to.

use std::io::{self, Write};

use cfdoctor_checks::{Fix, StepKind};

use super::super::super::look::{Detail, Tone};
use super::super::page::Page;
use super::super::problem;
use super::{Story, explain};
use crate::report::{Decision, Expected, Fate, PlannedFix, Predicted};

impl Story<'_> {
    /// The fixes with the prediction after each, and the last word.
    pub(super) fn plan<W: Write>(&mut self, page: &mut Page<'_, W>, decision: &Decision) -> io::Result<()> {
        let mut fixes: Vec<PlannedFix> = decision.plan.clone();
        let diagnosis = self.target.diagnosis.as_ref().filter(|diagnosis| diagnosis.cause.starts_with("cache-"));
        // What the samples show beyond the model (never a HIT, a short life) has a fix of its own.
        if let Some(diagnosis) = diagnosis.filter(|d| fixes.iter().all(|fix| fix.check != d.cause)) {
            let own = PlannedFix {
                check: diagnosis.cause.clone(),
                because: diagnosis.summary.clone(),
                blocks: true,
                changes: Vec::new(),
                after: None,
            };
            fixes.insert(0, own);
        }
        if fixes.is_empty() {
            return Ok(());
        }
        page.blank()?;
        page.rule("What to do, in this order")?;
        let mut seen_before = None;
        for (index, planned) in fixes.iter().enumerate() {
            if index > 0 {
                page.blank()?;
            }
            self.change(page, index + 1, planned)?;
            let after = planned.after.as_ref();
            if let Some(after) = after {
                let says = self.outlook(after, seen_before.as_deref());
                let lead = [(Tone::Plain, "   "), (Tone::Strong, "After this: ")];
                page.para(&lead, &says, 5)?;
                let texts = [says.as_str()];
                if let Some(words) = self.glossary.new_terms(texts) {
                    explain(page, &words, 5)?;
                }
                seen_before = after.because.clone();
            }
        }
        self.end(page, decision)
    }

    fn change<W: Write>(&mut self, page: &mut Page<'_, W>, number: usize, planned: &PlannedFix) -> io::Result<()> {
        let fix = self.target.result(&planned.check).and_then(|result| result.fix.as_ref());
        let lead = format!("{number}. ");
        let Some(fix) = fix else {
            let text = format!("{}: {}", planned.check, planned.changes.join("; "));
            return page.para(&[(Tone::Strong, &lead)], &text, 3);
        };
        let (shown, rest) = match page.look.detail {
            Detail::Full => (fix.clone(), Vec::new()),
            _ => shortened(fix),
        };
        problem::fix(page, &shown, &lead, 1)?;
        if let Some(words) = self.glossary.new_terms([shown.summary.as_str()]) {
            explain(page, &words, 3)?;
        }
        if !rest.is_empty() {
            let text = format!("also as {} (-v or --format json)", rest.join(", "));
            page.toned(&[(Tone::Plain, "   ")], Tone::Quiet, &text, 5)?;
        }
        Ok(())
    }

    /// What will be seen, in words.
    fn outlook(&self, after: &Expected, said: Option<&str>) -> String {
        let because = after.because.as_deref().filter(|because| Some(*because) != said);
        let next = because.map(|because| format!(", because {because}")).unwrap_or_default();
        match after.outcome {
            Fate::Cached => lifetimes(&statuses(after, 2), after),
            Fate::NotEligible | Fate::NotStorable | Fate::NeverFresh | Fate::Fragmented => match because {
                Some(because) => format!("{}, because the next obstacle shows: {because}", statuses(after, 2)),
                None => format!("{}: the next obstacle shows", statuses(after, 2)),
            },
            Fate::NoLookup => format!("the cache is still not asked{next}"),
            Fate::Unknown => format!("this one is out of the way; what comes next is not known{next}"),
        }
    }

    fn end<W: Write>(&self, page: &mut Page<'_, W>, decision: &Decision) -> io::Result<()> {
        page.blank()?;
        let lead = [(Tone::Strong, "In the end: ")];
        match &decision.predicted {
            Some(predicted) => page.para(&lead, &last_word(predicted), 2),
            None if decision.plan.iter().any(|planned| planned.after.is_none()) || decision.plan.is_empty() => {
                page.para(&lead, "not predicted; what would tell more is named above.", 2)
            }
            None => page.para(&lead, "not predicted: a fact that decides is not known yet; look again then.", 2),
        }
    }
}

/// The first way that a person can take; the kinds of the others.
fn shortened(fix: &Fix) -> (Fix, Vec<&'static str>) {
    let first = fix.steps.iter().position(|step| step.kind == StepKind::Code);
    let first = first.or_else(|| fix.steps.iter().position(|step| step.kind == StepKind::Dashboard)).unwrap_or(0);
    let mut rest: Vec<&'static str> = Vec::new();
    for (index, step) in fix.steps.iter().enumerate() {
        let kind = match step.kind {
            StepKind::Code => "code for Node.js",
            StepKind::Dashboard => "a rule in the dashboard",
            StepKind::Api => "API call",
            StepKind::Terraform => "Terraform",
            StepKind::Shell => "a command that shows the effect",
        };
        if index != first && !rest.contains(&kind) {
            rest.push(kind);
        }
    }
    let steps = fix.steps.get(first).cloned().into_iter().collect();
    (Fix { summary: fix.summary.clone(), steps }, rest)
}

/// `MISS, then HIT`.
fn statuses(after: &Expected, count: usize) -> String {
    let mut words: Vec<String> = after.statuses.iter().take(count).map(|set| set.join(" or ")).collect();
    match words.as_slice() {
        [] => "no cf-cache-status".into(),
        [first, rest @ ..] if rest.iter().all(|word| word == first) => {
            words.truncate(1);
            format!("{} each time", words.concat())
        }
        _ => words.join(", then "),
    }
}

/// The statuses with the lifetimes at the edge and in browsers.
pub(super) fn lifetimes(statuses: &str, after: &Expected) -> String {
    let mut text = statuses.to_owned();
    if let Some(seconds) = after.edge_ttl_s {
        let from = after.edge_ttl_from.as_ref().map(|from| format!(" ({from})")).unwrap_or_default();
        text.push_str(&format!("; {seconds} s at the edge{from}"));
    }
    if let Some(seconds) = after.browser_ttl_s {
        text.push_str(&format!("; {seconds} s in browsers"));
    }
    text
}

fn last_word(predicted: &Predicted) -> String {
    let mut text = format!("cf-cache-status: {}", predicted.statuses.join(", then "));
    if let Some(seconds) = predicted.edge_ttl_s {
        text.push_str(&format!("; the edge uses its copy for {seconds} s"));
    }
    if let Some(seconds) = predicted.browser_ttl_s {
        text.push_str(&format!("; browsers use theirs for {seconds} s"));
    }
    text
}
