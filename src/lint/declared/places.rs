//! Which line of which file a finding is about, and what a plan changes.

use std::collections::HashSet;

use crate::report::{Place, ResultReport, TargetReport};

use super::account::Behind;
use super::{Change, Declared, Source, StandIns, Thing};

/// Most lines of a target's notices.
const MOST_NOTICES: usize = 12;

/// What is needed of what was declared once everything is judged.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub(super) sources: Vec<Source>,
    stand_ins: StandIns,
    /// The PEM file with the chain that the origin will send.
    pub chain: Option<Place>,
}

/// A kind of thing that a check speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Record,
    Setting(&'static str),
    Rules(&'static str),
    PageRule,
    Worker,
    Part(&'static str),
    Domain,
    Mapping,
    Api,
    Function,
    Certificate,
    Chain,
}

/// What each check speaks of, the likeliest first.
fn kinds(check: &str) -> &'static [Kind] {
    use Kind::{Api, Certificate, Chain, Domain, Function, Mapping, PageRule, Part, Record, Rules, Setting, Worker};
    const CONFIG: Kind = Rules("http_config_settings");
    const CACHE: Kind = Rules("http_request_cache_settings");
    match check {
        "cloudflare-ssl-mode-weak" | "edge-redirect-loop" => &[CONFIG, PageRule, Setting("ssl"), Record],
        "cloudflare-strict-breaks-neighbour" => &[Setting("ssl"), CONFIG],
        "cloudflare-rule-never-matches" | "cloudflare-rule-shadowed" => &[
            CONFIG,
            CACHE,
            Rules("http_request_origin"),
            Rules("http_request_dynamic_redirect"),
            Rules("http_request_transform"),
            Rules("http_request_late_transform"),
            Rules("http_response_cache_settings"),
            PageRule,
        ],
        "cloudflare-page-rule-superseded" => &[PageRule],
        "cloudflare-trust-store-replaced" => &[Part("custom_trust_store")],
        "cloudflare-minimum-tls-weak" => &[Part("hostname_settings"), Setting("min_tls_version")],
        "cloudflare-worker-intercepts" | "cache-worker-in-front" => &[Worker],
        "cloudflare-tiered-cache-unhinted" => &[Setting("tiered_cache_smart_topology_enable")],
        "cloudflare-zone-inactive" | "dns-delegation-wrong" => &[Part("zone")],
        "aws-mapping-missing" => &[Mapping, Domain],
        "aws-target-mismatch" | "aws-custom-domain-missing" => &[Record, Domain],
        "aws-invoke-permission-missing" | "aws-function-url-auth" => &[Function, Api],
        "aws-default-endpoint-open" | "aws-stage-cache-stacked" => &[Api],
        _ if check.starts_with("aws-certificate") => &[Certificate, Domain],
        _ if check.starts_with("aws-") => &[Domain],
        _ if check.starts_with("cache-") => {
            &[CACHE, Rules("http_response_cache_settings"), PageRule, Setting("cache_level")]
        }
        _ if check.starts_with("origin-") => &[Chain, Domain, Record],
        _ => &[Record],
    }
}

impl Declared {
    /// What judging leaves to be done.
    pub fn places(&self) -> Places {
        Places { sources: self.sources.clone(), stand_ins: self.stand_ins.clone(), chain: None }
    }
}

impl Places {
    /// Is there nothing to anchor to?
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.chain.is_none()
    }

    /// The sources that have to do with a host.
    pub(super) fn related<'a>(&'a self, host: &str, zone: Option<&str>, behind: &Behind) -> Vec<&'a Source> {
        let concerns = |source: &&Source| match &source.thing {
            Thing::Record(_, Some(name)) => {
                name == host || name.strip_prefix('*').is_some_and(|rest| host.ends_with(rest))
            }
            Thing::Record(_, None) => false,
            Thing::Domain(name) | Thing::Mapping(name) => behind.domains.contains(name),
            Thing::Api(id) => behind.apis.contains(id),
            Thing::Function(name) => behind.functions.contains(name),
            Thing::Certificate(arn) => behind.certificates.contains(arn),
            other => other.zone() == zone,
        };
        self.sources.iter().filter(concerns).collect()
    }

    /// Gives every finding its line, tells what stands in for what is not known yet, and with `changes` what becomes
    /// of the things behind the target.
    pub fn anchor(&self, declared: &Declared, target: &mut TargetReport, changes: bool) {
        let zone = declared.zone_of(&target.host).map(|zone| zone.key.clone());
        let behind = declared.account.behind(&target.host);
        let related = self.related(&target.host, zone.as_deref(), &behind);
        let of_target =
            |source: &&&Source| matches!(&source.thing, Thing::Record(_, Some(name)) if *name == target.host);
        let domain = |source: &&&Source| matches!(source.thing, Thing::Domain(_));
        let first = related.iter().find(of_target).or_else(|| related.iter().find(domain));
        let place = first.map(|source| source.place.clone()).or_else(|| self.chain.clone());
        target.declared_at = place.or(target.declared_at.take());
        for result in &mut target.results {
            if !result.status.is_finding() {
                continue;
            }
            match self.source_of(result, &related) {
                Some(Found::Source(source)) => {
                    result.declared_at = Some(source.place.clone());
                    let Place { file, line } = &source.place;
                    result.proof.push(format!("declared by {} ({file}:{line})", source.name));
                }
                Some(Found::Chain(place)) => result.declared_at = Some(place.clone()),
                None => {}
            }
        }
        if changes {
            target.notices.extend(notices(&related));
        }
        self.tell(target);
    }

    fn source_of<'a>(&'a self, result: &ResultReport, related: &[&'a Source]) -> Option<Found<'a>> {
        let text = std::iter::once(result.seen.as_deref().unwrap_or_default())
            .chain(result.proof.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join("\n");
        let mentions_page_rule = text.contains("Page Rule");
        let mut found = None;
        for kind in kinds(&result.check) {
            if *kind == Kind::Chain {
                if let Some(place) = &self.chain {
                    return Some(Found::Chain(place));
                }
                continue;
            }
            // A rule decides only if the finding names one; a setting is what is left.
            let named = match kind {
                Kind::Rules(phase) => text.contains(product(phase)),
                Kind::PageRule => mentions_page_rule,
                _ => true,
            };
            let of_kind: Vec<&&Source> = related.iter().filter(|source| is_of(kind, &source.thing)).collect();
            let mentioned = of_kind.iter().find(|source| {
                source.detail.as_deref().is_some_and(|detail| text.contains(detail)) || text.contains(&source.name)
            });
            match mentioned.or_else(|| of_kind.first()) {
                Some(source) if named => return Some(Found::Source(source)),
                Some(source) => found = found.or(Some(Found::Source(source))),
                None => {}
            }
        }
        found
    }

    /// References in place of the names that stand in for them.
    fn tell(&self, target: &mut TargetReport) {
        let tell = |text: &mut String| {
            if let Some(told) = self.stand_ins.told(text) {
                *text = told;
            }
        };
        for result in &mut target.results {
            result.seen.as_mut().into_iter().chain(&mut result.proof).for_each(tell);
            result.reason.iter_mut().for_each(|reason| tell(&mut reason.text));
            if let Some(fix) = &mut result.fix {
                tell(&mut fix.summary);
                fix.steps.iter_mut().for_each(|step| {
                    tell(&mut step.label);
                    tell(&mut step.text);
                });
            }
        }
        if let Some(diagnosis) = &mut target.diagnosis {
            tell(&mut diagnosis.summary);
            diagnosis.ruled_out.iter_mut().for_each(|out| tell(&mut out.because));
        }
        target.areas.iter_mut().filter_map(|area| area.summary.as_mut()).for_each(tell);
        target.ssl_modes.iter_mut().flatten().for_each(|mode| tell(&mut mode.because));
        target.notices.iter_mut().for_each(tell);
        target.inconclusive.iter_mut().for_each(tell);
    }
}

enum Found<'a> {
    Source(&'a Source),
    Chain(&'a Place),
}

/// What a plan does to the things behind a host, in words.
fn notices(related: &[&Source]) -> Vec<String> {
    let mut known = HashSet::new();
    let changed = related.iter().filter(|source| source.change != Change::None);
    let lines: Vec<String> = changed
        .map(|source| {
            let detail = source.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("the plan {} {}{detail}", source.change.verb(), source.name)
        })
        .filter(|line| known.insert(line.clone()))
        .collect();
    let more = lines.len().saturating_sub(MOST_NOTICES);
    let rest = (more > 0).then(|| format!("… and {more} changes more"));
    let line = |line: String| cfdoctor_checks::evidence::text::shorten(&line, 300);
    lines.into_iter().take(MOST_NOTICES).map(line).chain(rest).collect()
}

/// The name that findings give to a rule of the phase.
fn product(phase: &str) -> &'static str {
    use cfdoctor_checks::evidence::zone::Phase;
    Phase::ALL.into_iter().find(|known| known.api() == phase).map_or("Rule", Phase::product)
}

fn is_of(kind: &Kind, thing: &Thing) -> bool {
    match (kind, thing) {
        (Kind::Record, Thing::Record(..))
        | (Kind::PageRule, Thing::PageRule(..))
        | (Kind::Worker, Thing::Worker(_))
        | (Kind::Domain, Thing::Domain(_))
        | (Kind::Mapping, Thing::Mapping(_))
        | (Kind::Api, Thing::Api(_))
        | (Kind::Function, Thing::Function(_))
        | (Kind::Certificate, Thing::Certificate(_)) => true,
        (Kind::Setting(id), Thing::Setting(_, own)) => id == own,
        (Kind::Rules(phase), Thing::Rules(_, own)) => phase == own,
        (Kind::Part(key), Thing::Part(_, own)) => key == own,
        _ => false,
    }
}
