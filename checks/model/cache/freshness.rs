//! How long is a stored answer fresh, by which word? (`facts/cloudflare.md` 1.1 D, 1.3–1.5, 1.9.)

use std::sync::LazyLock;

use super::decision::{ASK, BrowserTtl, Freshness, HEADERS, Settle, Source, Step, Trace};
use super::input::{Answer, CacheInput};
use super::storability::PINGORA;
use super::zone::{BrowserRule, who};
use crate::evidence::http::{CacheControl, CacheStatus, Expires, FaultKind, Name, Seconds};
use crate::verdict::Confidence;

const CONTROL: &str = "https://developers.cloudflare.com/cache/concepts/cache-control/";
const EDGE_TTL: &str = "https://developers.cloudflare.com/cache/how-to/edge-browser-cache-ttl/";

/// Zone setting `browser_cache_ttl` of a new zone: 4 h.
pub const DEFAULT_BROWSER_TTL: u64 = 14_400;

static DEFAULTS: LazyLock<Vec<(u16, u64)>> = LazyLock::new(|| {
    include_str!("../../data/default-edge-ttl.csv")
        .lines()
        .filter_map(|line| line.split_once(','))
        .filter_map(|(status, ttl)| Some((status.trim().parse().ok()?, ttl.trim().parse().ok()?)))
        .collect()
});

/// Seconds that Cloudflare keeps an eligible answer with this status that says nothing of freshness.
pub fn default_ttl(status: u16) -> Option<u64> {
    DEFAULTS.iter().find(|(known, _)| *known == status).map(|(_, ttl)| *ttl)
}

/// The words by which the origin leaves no lifetime: `no-cache`, zero seconds, an `Expires` that is past.
pub(super) fn zero(input: &CacheInput, answer: &Answer) -> Option<String> {
    match by_origin(input, answer) {
        Says::Zero(by, _) => Some(by),
        Says::Fresh(..) | Says::Broken(_) | Says::Nothing => None,
    }
}

/// What one header says of the lifetime.
enum Says {
    /// These seconds.
    Fresh(u64, Source),
    /// Stored, but to be confirmed each time; the words that say so.
    Zero(String, Source),
    /// Seconds that are none.
    Broken(String),
    /// Nothing.
    Nothing,
}

fn read(header: &CacheControl, source: Source, pingora: bool) -> Says {
    if header.forbids(Name::NoCache) {
        return Says::Zero("no-cache".into(), source);
    }
    for name in [Name::SMaxage, Name::MaxAge] {
        let Some(directive) = header.first(name) else { continue };
        let source = match (source, name) {
            (Source::MaxAge, Name::SMaxage) => Source::SMaxage,
            (source, _) => source,
        };
        match header.seconds(name) {
            Some(Seconds::Decimal { .. }) if !pingora => continue,
            Some(seconds) => {
                return match seconds.floored() {
                    Some(0) => Says::Zero(directive.raw.clone(), source),
                    Some(n) => Says::Fresh(n, source),
                    None => Says::Broken(directive.raw.clone()),
                };
            }
            None => {}
        }
    }
    Says::Nothing
}

/// The lifetime by the origin's headers.
fn by_origin(input: &CacheInput, answer: &Answer) -> Says {
    let pingora = input.date >= PINGORA;
    let rules = input.zone.response_rules.as_ref();
    if let Some(set) = rules.and_then(|rules| rules.cache_control.as_ref()) {
        match read(set, Source::ResponseRule, pingora) {
            Says::Nothing => {}
            says => return says,
        }
    }
    let (name, header) = answer.winner();
    let source = match name {
        "Cloudflare-CDN-Cache-Control" => Source::CloudflareCdnCacheControl,
        "CDN-Cache-Control" => Source::CdnCacheControl,
        "Surrogate-Control" => Source::SurrogateControl,
        _ => Source::MaxAge,
    };
    match read(header, source, pingora) {
        Says::Nothing if source == Source::MaxAge => match &answer.expires {
            None => Says::Nothing,
            Some(expires) => {
                let now = answer.date.unwrap_or_else(|| input.date.midnight().assume_utc());
                match (expires.seconds_from(now), expires) {
                    (0, Expires::Unparsable(text)) => {
                        Says::Zero(format!("Expires: {text}, which is no date and counts as past"), Source::Expires)
                    }
                    (0, _) => Says::Zero(format!("Expires: {}, which is past", expires.print()), Source::Expires),
                    (seconds, _) => Says::Fresh(seconds, Source::Expires),
                }
            }
        },
        says => says,
    }
}

/// Adds the step and tells the lifetime.
pub(super) fn judge(input: &CacheInput, trace: &mut Trace) -> Freshness {
    let Some(answer) = &input.response else { return Freshness::default() };
    let step = Step::ask("lifetime", "Is the stored copy fresh for a while?", CONTROL);
    let certain = answer.from_origin || !answer.rewritable;
    let fresh = |seconds, from, certain| Freshness { edge_s: Some(seconds), from: Some(from), certain };
    if let Some((seconds, source)) = input.zone.forced_ttl(answer.status) {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        let step = step.saw(source.name());
        trace.add(if seconds == 0 {
            let rule = who(&input.zone.by.edge_ttl, "a rule");
            step.no("cache-control-overridden", Confidence::High, format!("{rule} says no-cache for this status code"))
        } else {
            step.yes(match &input.zone.by.edge_ttl {
                Some(rule) => format!("{seconds} s, by {rule}"),
                None => format!("{seconds} s, by {}", source.name()),
            })
        });
        return fresh(seconds, source, true);
    }
    let hit = input.observed.has_hit();
    let says = by_origin(input, answer);
    let step = match answer.winner() {
        (name, header) if header.is_present() => step.saw(format!("{name}: {header}")),
        _ => step.saw(match &answer.expires {
            Some(expires) => format!("Expires: {}", expires.print()),
            None if answer.whole || answer.from_origin => "no Cache-Control, no Expires".into(),
            None => "no Cache-Control quoted".into(),
        }),
    };
    if input.observed.only_revalidates() || refetches(input) && matches!(says, Says::Zero(..)) {
        let words = input.observed.statuses().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let sure = if matches!(says, Says::Zero(..)) { Confidence::High } else { Confidence::Medium };
        trace.add(step.saw(format!("cf-cache-status: {words}")).no(
            "cache-control-revalidates",
            sure,
            match &says {
                Says::Zero(by, _) => format!("{by}: stored, but the origin is asked at each request ({words})"),
                _ => format!("stored, but the origin is asked at each request ({words})"),
            },
        ));
        return fresh(0, Source::MaxAge, false);
    }
    match says {
        Says::Fresh(seconds, source) => {
            trace.add(step.yes(format!("{seconds} s, by {}", source.name())));
            fresh(seconds, source, certain || source == Source::SMaxage)
        }
        Says::Zero(by, source) if hit => {
            trace.add(step.yes(format!("{by} stands there, yet a fresh copy was served: a rule overrides it")));
            Freshness { edge_s: None, from: Some(source), certain: false }
        }
        Says::Zero(by, source) => {
            trace.add(step.no(
                "cache-control-revalidates",
                Confidence::High,
                format!("{by}: an answer that is stored has to be confirmed with the origin at each request"),
            ));
            fresh(0, source, certain)
        }
        Says::Broken(raw) if !hit => {
            trace.add(step.no(
                "cache-control-malformed",
                Confidence::Medium,
                format!("{raw} is not a number of seconds, so the copy counts as stale"),
            ));
            Freshness::default()
        }
        Says::Broken(raw) => {
            trace.add(step.yes(format!("{raw} is not a number of seconds, yet a copy was served")));
            Freshness::default()
        }
        Says::Nothing => silent(input, answer, step, trace),
    }
}

/// No word of freshness that a cache understands.
fn silent(input: &CacheInput, answer: &Answer, step: Step, trace: &mut Trace) -> Freshness {
    let (_, header) = answer.winner();
    let faults = header.faults();
    let lost = faults.iter().find(|fault| {
        matches!(fault.kind, FaultKind::Misspelt(Name::MaxAge | Name::SMaxage) | FaultKind::WrongSeparator(_))
            || matches!(fault.kind, FaultKind::Decimal(_)) && input.date < PINGORA
    });
    if let Some(fault) = lost
        && !input.observed.has_hit()
    {
        trace.add(step.unknown(
            Some("cache-control-malformed"),
            format!("{:?}: {}; the lifetime is lost", fault.raw, fault.says),
            Settle::by(ASK, "once it is written as the grammar wants it, the lifetime counts"),
        ));
        return Freshness::default();
    }
    let seen_all = answer.whole || answer.from_origin || header.is_present();
    match default_ttl(answer.status) {
        Some(seconds) if seen_all => {
            let step = Step { source: EDGE_TTL, ..step };
            trace.add(
                step.yes(format!("the origin says nothing; Cloudflare assumes {seconds} s for {}", answer.status)),
            );
            Freshness { edge_s: Some(seconds), from: Some(Source::Default), certain: answer.from_origin }
        }
        _ => {
            trace.add(step.unknown(None, "no lifetime was seen", HEADERS));
            Freshness::default()
        }
    }
}

/// The same copy is fetched anew again and again, never served fresh.
fn refetches(input: &CacheInput) -> bool {
    !input.observed.has_hit() && input.observed.count(&CacheStatus::Expired) > 1
}

/// What makes `stale-while-revalidate` or `stale-if-error` of the origin's ineffective: the directive and the reason
/// (`facts/cloudflare.md` 1.4). With Origin Cache Control off the first is not cancelled by directives.
pub fn cancelled_stale(input: &CacheInput) -> Vec<(&'static str, String)> {
    let Some(answer) = &input.response else { return Vec::new() };
    let (_, header) = answer.winner();
    let mut out = Vec::new();
    let killers = [Name::MustRevalidate, Name::ProxyRevalidate, Name::SMaxage, Name::NoCache];
    let killer = killers.into_iter().find(|name| header.has(*name));
    let wanted = |name| header.seconds(name).and_then(Seconds::floored).is_some_and(|n| n > 0);
    for name in [Name::StaleWhileRevalidate, Name::StaleIfError] {
        if !wanted(name) {
            continue;
        }
        let by = match (input.zone.always_online, killer) {
            (Some(true), _) => "Always Online".to_owned(),
            (_, Some(killer)) if name == Name::StaleIfError || input.zone.origin_cache_control() != Some(false) => {
                killer.text().to_owned()
            }
            _ => continue,
        };
        out.push((name.text(), by));
    }
    out
}

/// How long browsers keep an answer that the edge stores: the zone's or rule's Browser TTL where the origin's is
/// lower or absent (`facts/cloudflare.md` 1.9).
pub(super) fn browser(input: &CacheInput) -> BrowserTtl {
    let Some(answer) = &input.response else { return BrowserTtl::default() };
    let control = &answer.cache_control;
    let now = answer.date.unwrap_or_else(|| input.date.midnight().assume_utc());
    let sent = match control.seconds(Name::MaxAge).and_then(Seconds::floored) {
        _ if control.forbids(Name::NoCache) => Some(0),
        Some(seconds) => Some(seconds),
        None => answer.expires.as_ref().map(|expires| expires.seconds_from(now)),
    };
    if control.forbids(Name::NoStore) {
        return BrowserTtl::default();
    }
    let setting = match input.zone.browser_ttl {
        Some(BrowserRule::Override(seconds)) => {
            return BrowserTtl { seconds: Some(seconds), rewritten: sent != Some(seconds), assumed: false };
        }
        Some(BrowserRule::RespectOrigin) => Some(0),
        Some(BrowserRule::Bypass) if sent.is_none() => return BrowserTtl::default(),
        Some(BrowserRule::Bypass) => Some(0),
        None => input.zone.browser_cache_ttl,
    };
    let assumed = setting.is_none();
    if sent.is_none() && !answer.whole && !answer.from_origin {
        return BrowserTtl::default();
    }
    match setting.unwrap_or(DEFAULT_BROWSER_TTL) {
        0 => BrowserTtl { seconds: sent, rewritten: false, assumed },
        floor => {
            let rewritten = sent.is_none_or(|sent| sent < floor);
            BrowserTtl { seconds: Some(sent.unwrap_or(0).max(floor)), rewritten, assumed }
        }
    }
}
