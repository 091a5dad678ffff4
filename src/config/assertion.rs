//! The owner's own conditions on what was seen, reported like checks.

use std::time::Duration;

use cfdoctor_checks::evidence::tls::Handshake;
use cfdoctor_checks::evidence::{Evidence, Response, text};
use cfdoctor_checks::model::cache::{CacheInput, Conclusion, decide};
use cfdoctor_checks::model::{origin_host, trust};
use cfdoctor_checks::{Finding, NotRun, Probe, Verdict};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::file::{Fault, fault, said};
use super::ignore::{is_about, shown, sound_subject};
use crate::values;

/// One `[[assert]]`: every condition in it must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Assertion {
    /// What it is called in the report.
    pub name: Option<String>,
    /// Host (`*` stands for any letters) or URL; without it, every target.
    pub target: Option<String>,
    /// At which end.
    pub at: At,
    /// What it is where it does not hold.
    pub level: Level,
    /// Status code, or several of which one must be met.
    pub status: Option<OneOrMore<u16>>,
    /// A header of the answer.
    pub header: Option<HeaderCondition>,
    /// Time that the answer stays fresh at the edge, as the cache model reads it: `90s`, `1h`, `30d`.
    #[serde(deserialize_with = "lifetime")]
    #[schemars(with = "Option<String>")]
    pub ttl_at_least: Option<Duration>,
    /// Whole days that the certificate still lasts.
    pub certificate_days_at_least: Option<u32>,
    /// A part of the certificate's issuer, in letters of any case.
    pub issuer: Option<String>,
    /// AWS region in the name of the record's target.
    pub region: Option<String>,
    /// `cf-cache-status` of the last sample (`none` where there is none), or several of which one must be met.
    pub cache_status: Option<OneOrMore<String>>,
    /// Id of its result.
    #[serde(skip)]
    pub(super) id: String,
    /// `assert.0`: where it stands in the file.
    #[serde(skip)]
    pub(super) path: String,
}

/// A condition on a header.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeaderCondition {
    /// Name.
    pub name: String,
    /// Must it be there (the default), or must it not?
    #[serde(default = "yes")]
    pub present: bool,
    /// A regular expression that its value must match somewhere.
    #[serde(default)]
    pub matches: Option<String>,
}

/// One value, or several of which one must be met.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "write one value, or several in brackets")]
pub enum OneOrMore<T> {
    /// One.
    One(T),
    /// Several.
    More(Vec<T>),
}

/// An end of the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// What visitors meet.
    #[default]
    Edge,
    /// What Cloudflare meets.
    Origin,
}

/// What an assertion is where it does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A failure.
    #[default]
    Fail,
    /// A warning.
    Warn,
}

fn yes() -> bool {
    true
}

impl<T> OneOrMore<T> {
    fn list(&self) -> &[T] {
        match self {
            OneOrMore::One(one) => std::slice::from_ref(one),
            OneOrMore::More(more) => more,
        }
    }
}

impl<T: ToString> OneOrMore<T> {
    fn or(&self) -> String {
        self.list().iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
    }
}

impl Assertion {
    pub(super) fn check(&self, path: &str) -> Result<(), Fault> {
        let conditions = [
            self.status.is_some(),
            self.header.is_some(),
            self.ttl_at_least.is_some(),
            self.certificate_days_at_least.is_some(),
            self.issuer.is_some(),
            self.region.is_some(),
            self.cache_status.is_some(),
        ];
        if !conditions.contains(&true) {
            let keys = "status, header, ttl-at-least, certificate-days-at-least, issuer, region or cache-status";
            return Err(fault(path, format!("nothing is asserted; give {keys}")));
        }
        if self.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(fault(format!("{path}.name"), "the name is empty; give one, or leave it out"));
        }
        said(&format!("{path}.target"), self.target.as_deref(), sound_subject)?;
        said(&format!("{path}.region"), self.region.as_deref(), |text| values::region(text).map(drop))?;
        let codes = self.status.as_ref().map_or(&[][..], OneOrMore::list);
        if self.status.is_some() && (codes.is_empty() || codes.iter().any(|code| !(100..600).contains(code))) {
            return Err(fault(format!("{path}.status"), "give status codes from 100 to 599"));
        }
        let words = self.cache_status.as_ref().map_or(&[][..], OneOrMore::list);
        if self.cache_status.is_some() && words.is_empty() {
            return Err(fault(format!("{path}.cache-status"), "give at least one word, such as HIT"));
        }
        let Some(header) = &self.header else { return Ok(()) };
        if header.name.is_empty() || !header.name.bytes().all(values::is_token_byte) {
            return Err(fault(format!("{path}.header.name"), "this is not the name of a header"));
        }
        let Some(pattern) = &header.matches else { return Ok(()) };
        let path = format!("{path}.header.matches");
        if !header.present {
            return Err(fault(path, "a header that must not be there has no value to match; leave one of the two out"));
        }
        compiled(pattern).map(drop).map_err(|error| {
            let why = error.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
            fault(path, format!("{pattern:?} is no regular expression: {why}"))
        })
    }

    /// `assert-long-lived`, or a number where it has no name.
    pub(super) fn make_id(&self, index: usize) -> String {
        let name = self.name.as_deref().unwrap_or_default().to_ascii_lowercase();
        let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let slug = words.collect::<Vec<_>>().join("-");
        if slug.is_empty() { format!("assert-{}", index + 1) } else { format!("assert-{slug}") }
    }

    /// The id of its result.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is called in the report.
    pub(crate) fn title(&self) -> String {
        match &self.name {
            Some(name) => text::shorten(name.trim(), 120),
            None => format!("Condition {}", self.id.trim_start_matches("assert-")),
        }
    }

    /// Is it about this target?
    pub fn is_about(&self, evidence: &Evidence) -> bool {
        is_about(self.target.as_deref(), &evidence.target.host, &shown(&evidence.target))
    }

    /// The parts of the evidence that it needs.
    pub fn needs(&self) -> Vec<Probe> {
        let http = match self.at {
            At::Edge => Probe::EdgeHttp,
            At::Origin => Probe::OriginHttp,
        };
        let mut needs = Vec::new();
        needs.extend((self.status.is_some() || self.header.is_some()).then_some(http));
        needs.extend((self.certificate_days_at_least.is_some() || self.issuer.is_some()).then(|| self.tls()));
        needs.extend((self.ttl_at_least.is_some() || self.cache_status.is_some()).then_some(Probe::EdgeHttp));
        needs.extend(self.region.is_some().then_some(Probe::Dns));
        needs
    }

    /// Does it hold?
    ///
    /// # Errors
    /// What it is about was not seen.
    pub fn judge(&self, evidence: &Evidence) -> Result<Verdict, NotRun> {
        let mut seen = Vec::new();
        let mut broken = Vec::new();
        let conditions = [
            self.status(evidence),
            self.header(evidence),
            self.ttl(evidence),
            self.days(evidence),
            self.issuer(evidence),
            self.region(evidence),
            self.cache_status(evidence),
        ];
        let mut unseen = None;
        for condition in conditions.into_iter().flatten() {
            match condition {
                Ok((true, text)) => seen.push(text),
                Ok((false, text)) => broken.push(text),
                Err(why) => unseen = unseen.or(Some(why)),
            }
        }
        // One that is broken is enough, whatever could not be told of the others.
        if broken.is_empty() {
            return match unseen {
                Some(why) => Err(why),
                None => Ok(Verdict::pass(seen.join("; "))),
            };
        }
        let finding = Finding::seen(broken.join("; ")).proofs(seen);
        Ok(match self.level {
            Level::Fail => Verdict::Fail(finding),
            Level::Warn => Verdict::Warn(finding),
        })
    }

    fn answer<'a>(&self, evidence: &'a Evidence) -> Result<&'a Response, NotRun> {
        match self.at {
            At::Edge => evidence.edge_answer(),
            At::Origin => evidence.origin_answer(),
        }
    }

    fn handshake<'a>(&self, evidence: &'a Evidence) -> Result<&'a Handshake, NotRun> {
        match self.at {
            At::Edge => evidence.edge.tls.get(),
            At::Origin => evidence.origin.tls.get(),
        }
    }

    fn status(&self, evidence: &Evidence) -> Option<Condition> {
        let wanted = self.status.as_ref()?;
        Some(self.answer(evidence).map(|answer| {
            let text = format!("the status is {} ({} wanted)", answer.status, wanted.or());
            (wanted.list().contains(&answer.status), text)
        }))
    }

    fn header(&self, evidence: &Evidence) -> Option<Condition> {
        let wanted = self.header.as_ref()?;
        Some(self.answer(evidence).and_then(|answer| {
            let name = wanted.name.to_ascii_lowercase();
            let values: Vec<&str> = answer.headers.all(&name).collect();
            if values.is_empty() && wanted.present && !answer.is_whole() {
                return Err(NotRun::inconclusive("the headers of the answer were not all seen"));
            }
            let shown = text::shorten(&values.join(", "), 120);
            Ok(match (values.is_empty(), wanted.present, &wanted.matches) {
                (true, true, _) => (false, format!("there is no header {name}")),
                (true, false, _) => (true, format!("there is no header {name}")),
                (false, false, _) => (false, format!("the header {name} is there: {shown}")),
                (false, true, None) => (true, format!("{name}: {shown}")),
                (false, true, Some(pattern)) => {
                    let holds = compiled(pattern).is_ok_and(|pattern| pattern.is_match(&values.join(", ")));
                    (holds, format!("{name}: {shown} (/{}/ wanted)", text::shorten(pattern, 60)))
                }
            })
        }))
    }

    fn ttl(&self, evidence: &Evidence) -> Option<Condition> {
        let wanted = self.ttl_at_least?.as_secs();
        let decision = CacheInput::of(evidence).map(|input| decide(&input));
        Some(match decision.map(|decision| (decision.conclusion, decision.freshness.edge_s)) {
            Some((Conclusion::Cached | Conclusion::Fragmented, Some(seconds))) => {
                Ok((seconds >= wanted, format!("{seconds} s at the edge ({wanted} s wanted)")))
            }
            Some((Conclusion::NotEligible | Conclusion::NotStorable | Conclusion::NeverFresh, _)) => {
                Ok((wanted == 0, format!("the edge does not keep the answer fresh ({wanted} s wanted)")))
            }
            _ => Err(NotRun::inconclusive("how long the edge keeps the answer cannot be told")),
        })
    }

    fn days(&self, evidence: &Evidence) -> Option<Condition> {
        let wanted = i64::from(self.certificate_days_at_least?);
        Some(self.handshake(evidence).and_then(|handshake| {
            let ends = trust::served_chain(handshake).first().and_then(|leaf| leaf.not_after);
            let ends = ends.ok_or_else(|| NotRun::blocked(self.tls(), "no certificate was seen"))?;
            let left = (ends - evidence.gathered_at).whole_days();
            Ok((left >= wanted, format!("the certificate lasts {left} days ({wanted} wanted)")))
        }))
    }

    fn issuer(&self, evidence: &Evidence) -> Option<Condition> {
        let wanted = self.issuer.as_ref()?;
        Some(self.handshake(evidence).and_then(|handshake| {
            let leaf = trust::served_chain(handshake).first();
            let leaf = leaf.ok_or_else(|| NotRun::blocked(self.tls(), "no certificate was seen"))?;
            let holds = leaf.issuer.to_lowercase().contains(&wanted.to_lowercase());
            Ok((holds, format!("issued by {} ({wanted:?} wanted)", leaf.issuer)))
        }))
    }

    fn region(&self, evidence: &Evidence) -> Option<Condition> {
        let wanted = self.region.as_ref()?;
        let name = evidence.origin_name().map(origin_host::classify).and_then(|host| host.region);
        Some(match name {
            Some(region) => Ok((region == *wanted, format!("the target is in {region} ({wanted} wanted)"))),
            None => Err(NotRun::origin_unknown()),
        })
    }

    fn cache_status(&self, evidence: &Evidence) -> Option<Condition> {
        let wanted = self.cache_status.as_ref()?;
        let answers = evidence.edge.http.get().map(|http| http.answers().last());
        Some(answers.and_then(|last| {
            let last = last.ok_or_else(|| NotRun::blocked(Probe::EdgeHttp, "the edge did not answer"))?;
            let seen = last.headers.first("cf-cache-status").unwrap_or("none");
            let holds = wanted.list().iter().any(|word| word.eq_ignore_ascii_case(seen.trim()));
            Ok((holds, format!("cf-cache-status is {} ({} wanted)", text::shorten(seen, 20), wanted.or())))
        }))
    }

    fn tls(&self) -> Probe {
        match self.at {
            At::Edge => Probe::EdgeTls,
            At::Origin => Probe::OriginTls,
        }
    }
}

/// Does it hold, and what was seen; or why nobody can tell.
type Condition = Result<(bool, String), NotRun>;

/// A pattern of the user, bounded so that no pattern can eat the memory.
fn compiled(pattern: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| error.to_string())
}

/// `90s`, `1h`, `30d`, or a number of seconds.
fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "write a number and a unit: 90s, 30m, 1h or 30d")]
    enum Given {
        Seconds(u32),
        Text(String),
    }
    match Option::<Given>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Given::Seconds(seconds)) => Ok(Some(Duration::from_secs(seconds.into()))),
        Some(Given::Text(text)) => values::lifetime(&text).map(Some).map_err(serde::de::Error::custom),
    }
}
