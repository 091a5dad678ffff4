//! The cache decision as a trace that somebody can follow who has never heard of `cf-cache-status`.

mod glossary;
mod plan;

use std::io::{self, Write};

use cfdoctor_checks::Confidence;

use super::super::look::{Detail, Look, Tone};
use super::page::Page;
use super::{footer, problem, unseen};
use crate::report::{
    Decision, DecisionStep, Diagnosis, Fate, Phase, Report, ResultReport, Status, StepOutcome, TargetReport,
};
use glossary::Glossary;

/// Writes, for each target, why it is or is not served from cache, and what to do.
///
/// # Errors
/// The writer's own.
pub fn render(report: &Report, look: &Look, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(look, out);
    if let Some(what) = &report.run.simulation {
        page.para(&[(Tone::Caution, "Simulation: ")], what, 0)?;
        page.blank()?;
    }
    for (index, target) in report.targets.iter().enumerate() {
        if index > 0 {
            page.blank()?;
        }
        Story { target, glossary: Glossary::default() }.tell(&mut page)?;
    }
    if look.detail != Detail::Quiet {
        page.blank()?;
    }
    footer::run(&mut page, &report.run, &report.summary, report.targets.len())
}

/// What is told of one target.
struct Story<'a> {
    target: &'a TargetReport,
    glossary: Glossary,
}

impl<'a> Story<'a> {
    fn tell<W: Write>(&mut self, page: &mut Page<'_, W>) -> io::Result<()> {
        let target = self.target;
        if let Some((diagnosis, result)) = something_before_the_cache(target) {
            self.not_yet(page, diagnosis, result)?;
            if target.decision.is_none() {
                return Ok(());
            }
            page.blank()?;
        }
        let Some(decision) = &target.decision else { return nothing_to_tell(page, target) };
        headline(page, target, decision)?;
        if page.look.detail != Detail::Quiet {
            self.samples(page, decision)?;
            self.steps(page, decision)?;
        }
        self.decider(page, decision)?;
        self.plan(page, decision)
    }

    /// An error page, a refusal, a broken certificate: whoever meets that does not ask for copies.
    fn not_yet<W: Write>(
        &mut self,
        page: &mut Page<'_, W>,
        diagnosis: &Diagnosis,
        result: Option<&ResultReport>,
    ) -> io::Result<()> {
        page.para(&[(Tone::Strong, &self.target.url), (Tone::Strong, ": the cache is not the question yet")], "", 2)?;
        page.blank()?;
        let status = result.map_or(Status::Fail, |result| result.status);
        let mark = page.look.mark(status);
        let lead = [(Tone::of(status), mark), (Tone::Plain, " "), (Tone::of(status), &diagnosis.cause)];
        page.para(&lead, &format!(" ({})", sure(diagnosis.confidence)), 4)?;
        page.para(&[(Tone::Plain, "  ")], &diagnosis.summary, 2)?;
        let proof = result.into_iter().flat_map(|result| &result.proof);
        for line in proof.take(4) {
            page.para(&[(Tone::Plain, "    ")], line, 6)?;
        }
        if let Some(fix) = result.and_then(|result| result.fix.as_ref()) {
            page.blank()?;
            problem::fix(page, fix, "  First: ", 2)?;
        }
        let again = format!("ask again when that is mended: cfdoctor why {}", self.target.url);
        page.blank()?;
        page.para(&[(Tone::Strong, "  Then: ")], &again, 8)
    }

    /// What the edge said, in its own words, and what these words mean.
    fn samples<W: Write>(&mut self, page: &mut Page<'_, W>, decision: &Decision) -> io::Result<()> {
        page.para(
            &[],
            "Cloudflare's data centres (the edge) can keep a copy of what your own server (the origin) answers, and \
             serve the next visitor from it. The header cf-cache-status in each answer says what became of that. Seen:",
            0,
        )?;
        for line in &decision.samples {
            page.para(&[(Tone::Plain, "  ")], line, 5)?;
        }
        let samples = decision.samples.iter().map(String::as_str);
        let place = decision.samples.iter().any(|line| line.contains(", at "));
        let mut words: Vec<String> = self.glossary.new_terms(samples).into_iter().collect();
        words.extend(place.then(|| "the letters at the end = the data centre that answered".to_owned()));
        explain(page, &words.join("; "), 2)?;
        page.blank()
    }

    fn steps<W: Write>(&mut self, page: &mut Page<'_, W>, decision: &Decision) -> io::Result<()> {
        page.rule("Cloudflare's decision, step by step")?;
        let marks = [StepOutcome::Yes, StepOutcome::No, StepOutcome::Unknown].map(|outcome| mark(page, outcome).trim());
        let [well, decides, open] = marks;
        page.toned(&[], Tone::Quiet, &format!("{well} not the reason   {decides} this decides   {open} not known"), 0)?;
        for phase in [Phase::Request, Phase::Answer, Phase::Lifetime, Phase::Key] {
            let steps: Vec<&DecisionStep> = decision.steps.iter().filter(|step| step.phase == phase).collect();
            page.blank()?;
            page.para(&[(Tone::Strong, heading(phase))], "", 0)?;
            for step in &steps {
                self.step(page, step)?;
            }
            if steps.is_empty() {
                let says = match decision.steps.last().map(|step| step.phase) {
                    Some(last) if last < phase => "does not come up: it was decided above",
                    _ => "nothing was seen that would tell",
                };
                let mark = page.look.mark(Status::NotRun);
                page.toned(&[(Tone::Quiet, "  "), (Tone::Quiet, mark), (Tone::Plain, " ")], Tone::Quiet, says, 4)?;
            }
        }
        page.blank()
    }

    fn step<W: Write>(&mut self, page: &mut Page<'_, W>, step: &DecisionStep) -> io::Result<()> {
        let (mark, tone) = (mark(page, step.outcome), tone(step.outcome));
        let question = format!("{} ", step.question);
        let lead = [(Tone::Plain, "  "), (tone, mark), (Tone::Plain, " ")];
        let hang = page.width_of(mark) + 3;
        let word = match step.outcome {
            StepOutcome::Yes => "Yes",
            StepOutcome::No => "No",
            StepOutcome::Unknown => "Not known",
        };
        page.para(&lead, &format!("{question}{word}: {}", step.says), hang)?;
        let deeper = " ".repeat(hang);
        if !step.looked_at.is_empty() {
            let looked = step.looked_at.join("; ");
            page.para(&[(Tone::Plain, &deeper), (Tone::Quiet, "looked at ")], &looked, hang + 2)?;
        }
        let texts = [step.question.as_str(), step.says.as_str()].into_iter();
        if let Some(words) = self.glossary.new_terms(texts.chain(step.looked_at.iter().map(String::as_str))) {
            explain(page, &words, hang)?;
        }
        if let Some(settle) = step.settle.as_ref().filter(|_| step.outcome != StepOutcome::Yes) {
            page.para(&[(Tone::Plain, &deeper), (Tone::Quiet, "to know: ")], &settle.reading, hang + 2)?;
            page.verbatim(&settle.command, hang + 2)?;
        }
        if page.look.detail == Detail::Full {
            page.url("source: ", &step.source, hang)?;
        }
        Ok(())
    }

    /// What decides, in one sentence with its certainty.
    fn decider<W: Write>(&mut self, page: &mut Page<'_, W>, decision: &Decision) -> io::Result<()> {
        let target = self.target;
        let diagnosis = target.diagnosis.as_ref().filter(|diagnosis| diagnosis.cause.starts_with("cache-"));
        let step = decision.steps.iter().find(|step| step.outcome == StepOutcome::No);
        let (check, says, confidence) = match (diagnosis, step) {
            (Some(diagnosis), _) => (Some(&diagnosis.cause), &diagnosis.summary, Some(diagnosis.confidence)),
            (None, Some(step)) => (step.check.as_ref(), &step.says, step.confidence),
            (None, None) => return self.no_decider(page, decision),
        };
        page.rule("What decides")?;
        let status = check.and_then(|check| target.result(check)).map_or(Status::Fail, |result| result.status);
        let mark = page.look.mark(status);
        let sure = confidence.map(|confidence| format!(" ({})", sure(confidence))).unwrap_or_default();
        let name = check.map_or("decided", |check| check);
        page.para(&[(Tone::of(status), mark), (Tone::Plain, " "), (Tone::of(status), name)], &sure, 4)?;
        page.para(&[(Tone::Plain, "  ")], says, 2)?;
        if let Some(words) = self.glossary.new_terms([says.as_str()]) {
            explain(page, &words, 2)?;
        }
        Ok(())
    }

    fn no_decider<W: Write>(&mut self, page: &mut Page<'_, W>, decision: &Decision) -> io::Result<()> {
        page.rule("What decides")?;
        let (status, says) = match (decision.outcome, was_served(self.target)) {
            (_, true) => {
                let life = plan::lifetimes("Nothing stands in the way, and a copy was served", &decision.expected);
                (Status::Pass, life)
            }
            (Fate::Cached, _) => {
                (Status::Warn, "Nothing that can be seen stands in the way, but no copy was served yet.".to_owned())
            }
            _ => {
                let open = decision.steps.iter().filter(|step| step.outcome == StepOutcome::Unknown);
                let open: Vec<&str> = open.map(|step| step.question.as_str()).collect();
                (Status::Warn, format!("It cannot be told yet. Open: {}", open.join(" ")))
            }
        };
        let mark = page.look.mark(status);
        page.para(&[(Tone::of(status), mark), (Tone::Plain, " ")], &says, 2)
    }
}

/// A failure elsewhere that a visitor meets before any cache, or a reason why no answer tells of the cache.
fn something_before_the_cache(target: &TargetReport) -> Option<(&Diagnosis, Option<&ResultReport>)> {
    let diagnosis = target.diagnosis.as_ref().filter(|diagnosis| !diagnosis.cause.starts_with("cache-"))?;
    let result = target.result(&diagnosis.cause);
    let fails = result.is_none_or(|result| result.status == Status::Fail);
    (fails || target.decision.is_none()).then_some((diagnosis, result))
}

fn nothing_to_tell<W: Write>(page: &mut Page<'_, W>, target: &TargetReport) -> io::Result<()> {
    page.para(&[(Tone::Strong, &target.url), (Tone::Strong, ": nothing can be told of the cache")], "", 2)?;
    page.blank()?;
    let why = target.inconclusive.clone().unwrap_or_else(|| {
        let cache: Vec<&ResultReport> = target.results.iter().filter(|result| result.area == "cache").collect();
        unseen(&cache)
    });
    let mark = page.look.mark(Status::NotRun);
    page.para(&[(Tone::Caution, mark), (Tone::Plain, " ")], &why, 2)
}

fn headline<W: Write>(page: &mut Page<'_, W>, target: &TargetReport, decision: &Decision) -> io::Result<()> {
    let says = match (decision.outcome, was_served(target)) {
        (Fate::NeverFresh, _) => ": a copy is kept, but the origin is asked each time",
        (_, true) => " is served from cache",
        (Fate::Cached, _) => " may be cached, but no copy was served",
        (Fate::Unknown, _) => ": is it cached? Not everything is known",
        _ => " is not served from cache",
    };
    page.para(&[(Tone::Strong, &target.url), (Tone::Strong, says)], "", 2)?;
    page.blank()
}

/// Did the edge serve a copy?
fn was_served(target: &TargetReport) -> bool {
    let copies = ["HIT", "STALE", "UPDATING"];
    target.observed.as_ref().is_some_and(|seen| seen.statuses.iter().any(|status| copies.contains(&status.as_str())))
}

fn heading(phase: Phase) -> &'static str {
    match phase {
        Phase::Request => "1. May this request ask the cache? (decided before the origin is asked)",
        Phase::Answer => "2. May the answer be kept? (decided when the origin has answered)",
        Phase::Lifetime => "3. How long may the copy be used?",
        Phase::Key => "4. Will anybody ask for the same copy?",
    }
}

fn mark<W: Write>(page: &Page<'_, W>, outcome: StepOutcome) -> &'static str {
    match (outcome, page.look.unicode) {
        (StepOutcome::Yes, _) => page.look.mark(Status::Pass),
        (StepOutcome::No, _) => page.look.mark(Status::Fail),
        (StepOutcome::Unknown, true) => "?",
        (StepOutcome::Unknown, false) => "? ",
    }
}

fn tone(outcome: StepOutcome) -> Tone {
    match outcome {
        StepOutcome::Yes => Tone::Good,
        StepOutcome::No => Tone::Bad,
        StepOutcome::Unknown => Tone::Caution,
    }
}

fn sure(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "seen, so it is sure",
        Confidence::Medium => "likely: concluded, not seen",
        Confidence::Low => "a possibility only",
    }
}

/// New words, quietly.
fn explain<W: Write>(page: &mut Page<'_, W>, words: &str, indent: usize) -> io::Result<()> {
    if words.is_empty() {
        return Ok(());
    }
    let space = " ".repeat(indent);
    page.toned(&[(Tone::Plain, &space)], Tone::Quiet, &format!("({words})"), indent + 1)
}
