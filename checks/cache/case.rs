//! What every check of this area starts from: the question, the plan, and whether there is anything to judge.

use std::rc::Rc;

use crate::check::{Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::target::Expectation;
use crate::model::cache::{self, CacheInput, CachePlan, Observed, Obstacle, Outcome};
use crate::model::effective::Setter;
use crate::model::{attribution, cloudflare};
use crate::verdict::{Confidence, Finding, NotRun, Verdict};

/// The question that the evidence asks of the cache, and the model's answer.
pub(super) struct Case {
    pub(super) input: Rc<CacheInput>,
    pub(super) plan: Rc<CachePlan>,
    pub(super) wanted: bool,
}

/// The samples that tell of the cache, errors included.
pub(super) fn samples(evidence: &Evidence) -> Result<Rc<Observed>, NotRun> {
    let http = evidence.edge.http.get()?;
    let observed = Observed::of(evidence);
    let Some(first) = observed.samples.first() else {
        if http.answers().any(cloudflare::is_challenge) {
            return Err(NotRun::inconclusive("every answer at the edge was a challenge, so the cache was not reached"));
        }
        return Err(match http.answers().find(|answer| cloudflare::is_origin_error(answer)) {
            Some(error) => {
                NotRun::blocked(Probe::EdgeHttp, format!("the edge answers with its own error {}", error.status))
            }
            None => NotRun::blocked(Probe::EdgeHttp, "no answer came from the edge"),
        });
    };
    if first.whole && !observed.samples.iter().any(|seen| seen.by_cloudflare) {
        return Err(NotRun::not_applicable(
            "the answers carry no sign of Cloudflare, so there is no cache of its to judge",
        ));
    }
    Ok(observed)
}

/// The case, where the answer is one whose caching is a question.
pub(super) fn look(evidence: &Evidence) -> Result<Rc<Case>, NotRun> {
    evidence.once(|evidence| look_anew(evidence).map(Rc::new))
}

fn look_anew(evidence: &Evidence) -> Result<Case, NotRun> {
    let observed = samples(evidence)?;
    if observed.samples.iter().all(|seen| seen.edge_made && seen.whole) {
        return Err(NotRun::not_applicable("the edge redirects or refuses before it asks its cache"));
    }
    let first = observed.samples.first().map_or(0, |seen| seen.http);
    if first >= 400 && !evidence.target.path_named {
        return Err(NotRun::not_applicable(format!("/ answers {first}; name a path that serves something")));
    }
    if first >= 500 {
        return Err(NotRun::not_applicable(format!("the answer is an error ({first}): mend that first")));
    }
    if first >= 400
        && let Ok(answer) = evidence.edge_answer()
        && attribution::attribute(answer).product_error.is_some()
    {
        return Err(NotRun::not_applicable(format!("AWS itself answers {first}: mend that first")));
    }
    let input =
        CacheInput::of(evidence).ok_or_else(|| NotRun::blocked(Probe::EdgeHttp, "no answer came from the edge"))?;
    let plan = cache::plan(evidence)
        .ok_or_else(|| NotRun::not_applicable(format!("the answer is an error ({first}): mend that first")))?;
    let wanted = cache::wanted(evidence, &input);
    Ok(Case { input, plan, wanted })
}

/// The verdict of a check that names one obstacle of the plan.
pub(super) fn obstacle(evidence: &Evidence, id: &'static str) -> Result<Verdict, NotRun> {
    Ok(look(evidence)?.judge(evidence, id))
}

impl Case {
    /// The first obstacle that keeps the answer out of the cache.
    pub(super) fn decider(&self) -> Option<&Obstacle> {
        self.plan.obstacles.first().filter(|obstacle| obstacle.blocks)
    }

    /// Is the answer kept from being served from cache by something that another check names?
    pub(super) fn unless_blocked(self: Rc<Self>) -> Result<Rc<Case>, NotRun> {
        match self.decider() {
            Some(obstacle) => {
                Err(NotRun::not_applicable(format!("the answer does not live in the cache ({})", obstacle.check)))
            }
            None => Ok(self),
        }
    }

    /// Warns or fails where `id` is an obstacle, passes where it is not.
    pub(super) fn judge(&self, evidence: &Evidence, id: &'static str) -> Verdict {
        let found = self.plan.obstacles.iter().enumerate().find(|(_, obstacle)| obstacle.check == id);
        let Some((position, obstacle)) = found.filter(|(_, obstacle)| obstacle.blocks) else {
            return Verdict::Pass(self.cleared(id));
        };
        if evidence.target.expect == Expectation::Uncached {
            return Verdict::pass("not stored, as you want");
        }
        let finding = self.finding(evidence, position, obstacle);
        // DYNAMIC and BYPASS fail the wish by themselves, however unsure their reason is.
        let seen = &self.input.observed;
        let sure = finding.confidence > Confidence::Low || seen.is_bypass() || seen.is_dynamic();
        let fails = evidence.target.expect == Expectation::Cached
            && position == 0
            && sure
            && !seen.is_mixed()
            && !seen.has_head();
        if fails { Verdict::Fail(finding) } else { Verdict::Warn(finding) }
    }

    fn finding(&self, evidence: &Evidence, position: usize, obstacle: &Obstacle) -> Finding {
        let step = &obstacle.step;
        let says = match (position, self.plan.obstacles.first()) {
            (0, _) | (_, None) => sentence(&step.says),
            (_, Some(first)) => format!("Next, once {} is mended: {}", first.check, step.says),
        };
        let says = if !self.wanted && position == 0 {
            format!("{says}; as configured, if nobody wants it cached")
        } else {
            says
        };
        let mut finding = Finding::seen(says).confidence(step.confidence);
        for line in step.looked_at.iter().map(|line| line.to_string()).chain(self.sample_lines()) {
            if !finding.proof.contains(&line) {
                finding.proof.push(line);
            }
        }
        if matches!(obstacle.check, "cache-rule-bypasses" | "cache-not-eligible") {
            finding = finding.proofs(rule_lines(evidence));
        }
        if let Some(settle) = step.settle {
            let command = settle.command(&evidence.target);
            finding = finding.proof(if command.contains("--connect-to") && is_closed_to_us(evidence) {
                "what would settle it: the headers that the function itself sends (the origin refuses us)".to_owned()
            } else {
                format!("what would settle it: {command} ({})", settle.reading)
            });
        }
        if self.input.observed.has_head() {
            finding = finding.proof("asked with HEAD, which misleads: ask with GET to be sure");
        }
        if position > 0 {
            finding.confidence = finding.confidence.min(Confidence::Medium);
        }
        // What only comes next, and what nobody asked for, is no more than a hint.
        if !self.wanted || position > 0 {
            finding = finding.severity(Severity::Low);
        }
        finding
    }

    /// The samples, one line each.
    pub(super) fn sample_lines(&self) -> Vec<String> {
        self.input.observed.lines()
    }

    /// What clears the check, where the model asked its question.
    fn cleared(&self, id: &str) -> Option<String> {
        let step = self.plan.now.steps.iter().find(|step| step_belongs(step.id, id))?;
        (step.outcome == Outcome::Yes).then(|| step.says.to_string())
    }
}

/// The rule that decides, as the zone has it, and those that were meant to.
fn rule_lines(evidence: &Evidence) -> Vec<String> {
    let Ok(effective) = evidence.effective() else { return Vec::new() };
    let decider = Some(&effective.cache.rule.by).filter(|by| **by != Setter::Default).map(Setter::line);
    let beaten = effective.overruled.iter().filter(|beaten| beaten.setting == "cache");
    let beaten = beaten.map(|beaten| format!("{} sets {}, and is overruled", beaten.setter.line(), beaten.value));
    let missed = effective.meant_for("cache").filter(|miss| miss.slip.is_mistake());
    let missed = missed.map(|miss| format!("{} does not match: {}", miss.setter.line(), miss.because.join("; ")));
    decider.into_iter().chain(beaten).chain(missed).collect()
}

/// Does the origin refuse whoever does not come through Cloudflare?
fn is_closed_to_us(evidence: &Evidence) -> bool {
    let answer = evidence.origin.http.found().and_then(|http| http.first());
    answer.is_some_and(|answer| matches!(answer.status, 401 | 403))
}

/// The step of the model that a check reads.
fn step_belongs(step: &str, check: &str) -> bool {
    matches!(
        (step, check),
        ("extension", "cache-not-eligible")
            | ("rule", "cache-rule-bypasses")
            | ("method", "cache-method-uncacheable")
            | ("port", "cache-port-uncacheable")
            | ("status", "cache-status-uncacheable")
            | ("size", "cache-object-too-large")
            | ("directives", "cache-control-forbids")
            | ("lifetime", "cache-control-revalidates" | "cache-control-missing")
            | ("set-cookie", "cache-set-cookie")
            | ("authorization", "cache-authorization")
            | ("vary", "cache-vary-blocks")
            | ("deception-armor", "cache-type-mismatch")
            | ("key", "cache-key-fragmented")
            | ("before-cache", "cache-worker-in-front")
            | ("owner", "cache-platform-owned")
    )
}

/// The value of a request header: as a dump shows it, else as the user gave it.
pub(super) fn request_header<'a>(evidence: &'a Evidence, name: &str) -> Option<&'a str> {
    let sent = evidence.edge.http.found().into_iter().flat_map(|http| &http.samples);
    let lines = sent.flat_map(|sample| sample.request.headers.lines()).chain(&evidence.target.headers);
    lines.into_iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value.as_str())
}

/// A clause as the beginning of a sentence.
pub(super) fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    match chars.next() {
        // Words of the protocol keep their case.
        Some(first) if clause.split([' ', '=']).next().is_some_and(|word| !word.contains('-')) => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => clause.to_owned(),
    }
}
