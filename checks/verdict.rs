//! What a check answers: a verdict with its proof, or why it was not run, and the fix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{Probe, Severity};

/// The answer of a check that could judge.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Looked, and it is right. The text, if any, is what was seen ("expires in 71 days").
    Pass(Option<String>),
    /// Works today at a risk, or breaks a SHOULD.
    Warn(Finding),
    /// Broken now or on a known date, or breaks a MUST.
    Fail(Finding),
}

impl Verdict {
    /// A pass that says what was seen.
    pub fn pass(seen: impl Into<String>) -> Self {
        Verdict::Pass(Some(seen.into()))
    }

    /// The finding of a warning or failure.
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Verdict::Pass(_) => None,
            Verdict::Warn(finding) | Verdict::Fail(finding) => Some(finding),
        }
    }
}

/// How sure a finding is as an explanation (`diagnosis.md` section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Sources conflict, or a key fact is unknown: worded as a possibility, and names what would settle it.
    Low,
    /// One inference, no contradiction.
    Medium,
    /// The deciding evidence was observed.
    #[default]
    High,
}

/// What a warning or failure saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// One sentence with the observed value.
    pub seen: String,
    /// The lines of evidence, each whole and quotable.
    pub proof: Vec<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Replaces the check's own severity, where `diagnosis.md` section 2 says so.
    pub severity: Option<Severity>,
}

impl Finding {
    /// A finding of high confidence.
    pub fn seen(seen: impl Into<String>) -> Self {
        Finding { seen: seen.into(), proof: Vec::new(), confidence: Confidence::High, severity: None }
    }

    /// Adds one line of proof.
    #[must_use]
    pub fn proof(mut self, line: impl Into<String>) -> Self {
        self.proof.push(line.into());
        self
    }

    /// Adds lines of proof.
    #[must_use]
    pub fn proofs(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.proof.extend(lines);
        self
    }

    /// Lowers the confidence.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Replaces the check's severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}

/// Why a check could not be judged. Never a verdict, never silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotRun {
    /// No credential for this probe.
    NoCredential(Probe),
    /// The credential lacks a permission.
    Forbidden {
        /// The probe that was refused.
        probe: Probe,
        /// The permission that is missing.
        scope: String,
    },
    /// An earlier fact kept this probe from looking.
    Blocked {
        /// The probe that could not look.
        probe: Probe,
        /// The fact that kept it, as a clause ("the name does not resolve").
        by: String,
    },
    /// Switched off by an option or left out of this build.
    Disabled(Probe),
    /// The question does not arise here; the text says why.
    NotApplicable(String),
    /// Something on our side, or a challenge: nobody's fault that we could see.
    Inconclusive(String),
    /// The check itself panicked.
    Bug(String),
}

impl NotRun {
    /// The question does not arise, because …
    pub fn not_applicable(why: impl Into<String>) -> Self {
        NotRun::NotApplicable(why.into())
    }

    /// The record's target is not to be seen: public DNS hides it behind a proxied record.
    pub fn origin_unknown() -> Self {
        NotRun::not_applicable("what the proxied record points at is hidden from public DNS; name it with --origin")
    }

    /// Could not tell, because …
    pub fn inconclusive(why: impl Into<String>) -> Self {
        NotRun::Inconclusive(why.into())
    }

    /// `probe` could not look, because …
    pub fn blocked(probe: Probe, by: impl Into<String>) -> Self {
        NotRun::Blocked { probe, by: by.into() }
    }

    /// The word of `product.md` section 3 for this reason.
    pub fn kind(&self) -> &'static str {
        match self {
            NotRun::NoCredential(_) => "no-credential",
            NotRun::Forbidden { .. } => "forbidden",
            NotRun::Blocked { .. } => "blocked",
            NotRun::Disabled(_) => "disabled",
            NotRun::NotApplicable(_) => "not-applicable",
            NotRun::Inconclusive(_) => "inconclusive",
            NotRun::Bug(_) => "bug",
        }
    }

    /// The reason as a sentence for people.
    pub fn text(&self) -> String {
        match self {
            NotRun::NoCredential(probe) => format!("no credential for {probe}"),
            NotRun::Forbidden { probe, scope } => {
                format!("the credential for {probe} lacks {scope}")
            }
            NotRun::Blocked { probe, by } => format!("{probe} was not examined: {by}"),
            NotRun::Disabled(probe) => format!("{probe} is switched off"),
            NotRun::NotApplicable(why) | NotRun::Inconclusive(why) => why.clone(),
            NotRun::Bug(what) => format!("the check itself failed ({what}); please report this"),
        }
    }
}

/// What to change, and how exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// One sentence: the change.
    pub summary: String,
    /// The exact things to type, pick or paste.
    pub steps: Vec<Step>,
}

/// One way, or one part, of a fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What kind of step this is.
    pub kind: StepKind,
    /// What it does, or where it applies, in a few words.
    pub label: String,
    /// The text to type, pick or paste.
    pub text: String,
}

/// Where a step is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A path through the web console, `A → B → C`.
    Dashboard,
    /// A shell command.
    Shell,
    /// A call of the vendor's API.
    Api,
    /// Terraform.
    Terraform,
    /// Code of the application.
    Code,
}

impl Fix {
    /// A fix in one sentence, to which steps are added.
    pub fn new(summary: impl Into<String>) -> Self {
        Fix { summary: summary.into(), steps: Vec::new() }
    }

    /// With the zone's id in place of the placeholder `$ZONE_ID`.
    pub(crate) fn in_zone(mut self, id: &str) -> Self {
        for step in &mut self.steps {
            step.text = step.text.replace("$ZONE_ID", id);
        }
        self
    }

    fn step(mut self, kind: StepKind, label: impl Into<String>, text: impl Into<String>) -> Self {
        self.steps.push(Step { kind, label: label.into(), text: text.into() });
        self
    }

    /// A path through the console.
    #[must_use]
    pub fn dashboard(self, text: impl Into<String>) -> Self {
        self.step(StepKind::Dashboard, "Dashboard", text)
    }

    /// A shell command, with what it does.
    #[must_use]
    pub fn shell(self, label: impl Into<String>, text: impl Into<String>) -> Self {
        self.step(StepKind::Shell, label, text)
    }

    /// An API call, with what it does.
    #[must_use]
    pub fn api(self, label: impl Into<String>, text: impl Into<String>) -> Self {
        self.step(StepKind::Api, label, text)
    }

    /// A Terraform snippet, with what it does.
    #[must_use]
    pub fn terraform(self, label: impl Into<String>, text: impl Into<String>) -> Self {
        self.step(StepKind::Terraform, label, text)
    }

    /// A piece of application code, with its language or place.
    #[must_use]
    pub fn code(self, label: impl Into<String>, text: impl Into<String>) -> Self {
        self.step(StepKind::Code, label, text)
    }
}
