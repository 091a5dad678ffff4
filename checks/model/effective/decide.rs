//! From the zone's lowest word to its strongest, setting by setting.

use super::decided::{Decided, Overruled, Stronger};
use super::page_rules::{self, PageRules};
use super::{
    CacheSettings, Effective, JudgedRule, Matched, RedirectTo, Setter, Unread, judge, near_miss, takers, words,
};
use crate::evidence::target::Scheme;
use crate::evidence::zone::{Action, Phase, Rule, Text, Zone};
use crate::evidence::{Gathered, Response, Target};
use crate::model::cache::{CacheLevel, RuleSays};
use crate::model::rules::{self, Computed, Known, Request};
use crate::model::url_pattern;

/// A rule with its answer and its expression.
pub(super) struct Heard<'z> {
    pub(super) rule: &'z Rule,
    pub(super) judged: JudgedRule,
    pub(super) expression: judge::Read,
    pub(super) blamed: Vec<rules::Term>,
}

/// The rules of one phase for one request.
struct PhaseRules<'z> {
    heard: Vec<Heard<'z>>,
    unread: Option<String>,
}

fn phase<'z>(zone: &'z Zone, phase: Phase, request: &Request) -> PhaseRules<'z> {
    match zone.rules.of(phase) {
        Gathered::Missing(why) => PhaseRules {
            heard: Vec::new(),
            unread: Some(format!("unless a {} says otherwise (not known: {})", phase.product(), why.text())),
        },
        Gathered::Found(rules) => {
            let of = rules.len();
            let heard = rules.iter().enumerate().map(|(index, rule)| {
                let judge::Heard { matched, read, blamed } = judge::condition(&rule.expression, rule.enabled, request);
                let setter = Setter::Rule {
                    phase,
                    position: index + 1,
                    of,
                    id: rule.id.clone(),
                    description: rule.description.clone(),
                    expression: rule.expression.clone(),
                };
                let sets = words::of_action(&rule.action);
                Heard { rule, judged: JudgedRule { setter, phase, matched, sets }, expression: read, blamed }
            });
            PhaseRules { heard: heard.collect(), unread: None }
        }
    }
}

impl PhaseRules<'_> {
    /// What they say of one setting: the last sure word wins.
    fn speak<T: PartialEq>(
        &self,
        decided: &mut Decided<T>,
        get: impl Fn(&Action) -> Option<T>,
        show: impl Fn(&T) -> String,
    ) {
        if let Some(unread) = &self.unread {
            decided.doubt(unread.clone());
        }
        for heard in &self.heard {
            if let Some(value) = get(&heard.rule.action) {
                decided.hear(value, &heard.judged.setter, &heard.judged.matched, &show);
            }
        }
    }
}

fn some<T>(show: impl Fn(&T) -> String) -> impl Fn(&Option<T>) -> String {
    move |value| value.as_ref().map_or_else(|| "nothing".into(), &show)
}

/// The request that rules are asked about.
fn request_of(zone: &Zone, target: &Target) -> Request {
    let request = Request::of(target);
    match zone.name() {
        Some(name) => request.in_zone(name),
        None => request,
    }
}

/// With what Cache Response Rules mostly look at.
fn answered(request: &Request, answer: Option<&Response>) -> Request {
    let mut request = request.clone();
    if let Some(answer) = answer {
        request = request.assuming("http.response.code", Known::Integer(answer.status.into()));
        if let Some(kind) = answer.media_type() {
            request = request.assuming("http.response.content_type.media_type", Known::Text(kind));
        }
    }
    request
}

/// What the zone does with this URL.
///
/// `answer`: the origin's answer, if one is known, for rules that look at it. The scheme, method and headers are the
/// target's: ask with `http` to learn what visitors of `http://` meet.
pub fn of(zone: &Zone, target: &Target, answer: Option<&Response>) -> Effective {
    let sent = request_of(zone, target);
    let redirects = phase(zone, Phase::Redirect, &sent);
    let rewrites = phase(zone, Phase::Rewrite, &sent);
    let path = rewritten(target, &rewrites, &sent);
    // What could not be computed leaves the later rules the path as it was sent, with a doubt.
    let changed = path.value.as_ref().filter(|path| **path != target.path).map(|path| {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let target =
            Target { path: if query.is_empty() { path.into() } else { format!("{path}?{query}") }, ..target.clone() };
        (sent.clone().rewritten(Some(path), Some(query)), target)
    });
    let later = changed.as_ref().map_or(&sent, |(request, _)| request);
    let later_target = changed.as_ref().map(|(_, target)| target);
    let config = phase(zone, Phase::Config, later);
    let origin = phase(zone, Phase::Origin, later);
    let headers = phase(zone, Phase::RequestHeaders, later);
    let cache = phase(zone, Phase::Cache, later);
    let responses = phase(zone, Phase::CacheResponse, &answered(later, answer));

    let mut takers_seen = Vec::new();
    let worker = takers::worker(zone, target, later_target, &mut takers_seen);
    let snippets = takers::snippets(zone, later, &mut takers_seen);
    let connector = takers::connector(zone, later, &mut takers_seen);
    let pages = page_rules::look(zone, target, later_target, &worker);

    let settings = &zone.settings;
    let mut ssl = Decided::of_zone(&settings.ssl, Setter::Setting("ssl"), |mode| *mode);
    pages.speak(&mut ssl, |actions| actions.ssl, |mode| mode.api().into());
    config.speak(&mut ssl, |action| if let Action::Config(set) = action { set.ssl } else { None }, |m| m.api().into());

    let mut always = Decided::of_zone(&settings.always_use_https, Setter::Setting("always_use_https"), |on| *on);
    pages.speak(&mut always, |actions| actions.always_use_https.then_some(true), words::on);

    let redirect =
        redirect(target, &redirects, &pages, &always, &sent, worker.value.as_ref().is_some_and(Option::is_some));

    let route = |get: fn(&crate::evidence::zone::Route) -> Option<String>| {
        move |action: &Action| if let Action::Route(route) = action { get(route).map(Some) } else { None }
    };
    let mut host_header = Decided::nobody(None);
    pages.speak(&mut host_header, |actions| actions.host_header.clone().map(Some), some(String::clone));
    origin.speak(&mut host_header, route(|route| route.host_header.clone()), some(String::clone));
    let mut sni = Decided::nobody(None);
    origin.speak(&mut sni, route(|route| route.sni.clone()), some(String::clone));
    let mut dns_override = Decided::nobody(None);
    pages.speak(&mut dns_override, |actions| actions.resolve_override.clone().map(Some), some(String::clone));
    origin.speak(&mut dns_override, route(|route| route.host.clone()), some(String::clone));
    let mut port = Decided::nobody(None);
    let port_of = |action: &Action| if let Action::Route(route) = action { route.port.map(Some) } else { None };
    origin.speak(&mut port, port_of, some(u16::to_string));

    let cache_settings = cache_settings(zone, &pages, &cache, &responses);
    let unread = unread(zone);
    let mut effective = Effective {
        url: target.url(),
        rules: Vec::new(),
        page_rules: Vec::new(),
        takers: takers_seen,
        unread,
        path,
        redirect,
        ssl,
        always_use_https: always,
        host_header,
        sni,
        dns_override,
        port,
        worker,
        snippets,
        connector,
        cache: cache_settings,
        overruled: Vec::new(),
        near_misses: Vec::new(),
    };
    let phases = [&redirects, &rewrites, &config, &origin, &headers, &cache, &responses];
    let requests = [&sent, &sent, later, later, later, later, later];
    for (rules, request) in phases.into_iter().zip(requests) {
        for heard in &rules.heard {
            effective.near_misses.extend(near_miss::of_rule(heard, request, zone));
        }
    }
    for (rule, judged) in zone.page_rules.found().into_iter().flatten().zip(&pages.judged) {
        effective.near_misses.extend(near_miss::of_page_rule(rule, judged, target, zone));
    }
    effective.keep_what_matters();
    effective.page_rules = pages.judged;
    let all = [redirects, rewrites, config, origin, headers, cache, responses];
    effective.rules = all.into_iter().flat_map(|rules| rules.heard).map(|heard| heard.judged).collect();
    effective.overruled = overruled(&effective);
    effective
}

/// Path and query after the URL Rewrite Rules.
fn rewritten(target: &Target, rules: &PhaseRules<'_>, request: &Request) -> Decided<String> {
    let mut path = Decided::nobody(target.path.clone());
    if let Some(unread) = &rules.unread {
        path.doubt(unread.clone());
    }
    for heard in &rules.heard {
        let Action::Rewrite(rewrite) = &heard.rule.action else { continue };
        if rewrite.path.is_none() && rewrite.query.is_none() {
            continue;
        }
        let current = path.value.clone().unwrap_or_else(|| target.path.clone());
        let (old_path, old_query) = current.split_once('?').map_or((current.as_str(), None), |(p, q)| (p, Some(q)));
        let part = |text: &Option<Text>, old: &str| match text {
            None => Some(old.to_owned()),
            Some(text) => computed(text, request),
        };
        match (part(&rewrite.path, old_path), part(&rewrite.query, old_query.unwrap_or_default())) {
            (Some(new), Some(query)) if query.is_empty() => {
                path.hear(new, &heard.judged.setter, &heard.judged.matched, String::clone);
            }
            (Some(new), Some(query)) => {
                path.hear(format!("{new}?{query}"), &heard.judged.setter, &heard.judged.matched, String::clone);
            }
            _ if matches!(heard.judged.matched, Matched::Yes | Matched::Unknown(_) | Matched::Unreadable(_)) => {
                path.doubt(format!("{} rewrites the URL to what cannot be computed here", heard.judged.setter));
            }
            _ => {}
        }
    }
    path
}

fn computed(text: &Text, request: &Request) -> Option<String> {
    match text {
        Text::Fixed(text) => Some(text.clone()),
        Text::Computed(source) => match rules::parse_value(source).ok()?.evaluate(request) {
            Computed::Known(text) => Some(text),
            Computed::Unknown(_) => None,
        },
    }
}

/// Of Single Redirects the first that matches answers; below them Always Use HTTPS, below that a Page Rule's forwarding.
fn redirect(
    target: &Target,
    rules: &PhaseRules<'_>,
    pages: &PageRules<'_>,
    always: &Decided<bool>,
    request: &Request,
    has_worker: bool,
) -> Decided<Option<RedirectTo>> {
    let show = some(words::redirect_to);
    let mut redirect = Decided::nobody(None);
    // Where a Worker takes the URL, a Page Rule's forwarding is ignored: there the pages agree.
    if !has_worker {
        let forwarded = |actions: &crate::evidence::zone::PageRuleActions| {
            actions.forwarding.as_ref().map(|to| Some(RedirectTo { status: to.status, location: None }))
        };
        pages.speak(&mut redirect, forwarded, &show);
        if let Some((rule, _)) = pages.applying()
            && let Some(to) = &rule.actions.forwarding
            && let Some(Some(value)) = &mut redirect.value
        {
            value.location = forwarded_to(&rule.pattern, &to.url, target);
        }
    }
    if target.scheme == Scheme::Http {
        let https =
            Target { scheme: Scheme::Https, port: if target.port == 80 { 443 } else { target.port }, ..target.clone() };
        let to = Some(RedirectTo { status: 301, location: Some(https.url()) });
        match always.value {
            Some(true) => redirect.set(to, always.by.clone()),
            Some(false) => {}
            None => redirect.doubt("unless Always Use HTTPS is on (not known)"),
        }
        redirect.doubts.extend(always.doubts.iter().filter(|_| always.value.is_some()).cloned());
    }
    if let Some(unread) = &rules.unread {
        redirect.doubt(unread.clone());
    }
    for heard in rules.heard.iter().rev() {
        let Action::Redirect(action) = &heard.rule.action else { continue };
        let mut location = action.target.as_ref().and_then(|target| computed(target, request));
        if let (Some(location), true, Some((_, query))) =
            (&mut location, action.keeps_query, target.path.split_once('?'))
        {
            location.push(if location.contains('?') { '&' } else { '?' });
            location.push_str(query);
        }
        let to = Some(RedirectTo {
            status: action.status,
            location: location.map(|url| crate::evidence::text::clean(&url)),
        });
        redirect.hear(to, &heard.judged.setter, &heard.judged.matched, &show);
    }
    redirect
}

/// The forwarding URL with `$1`, `$2` … filled in.
fn forwarded_to(pattern: &str, url: &str, target: &Target) -> Option<String> {
    if !url.contains('$') {
        return Some(url.to_owned());
    }
    let stars = url_pattern::captures(pattern, target)?;
    let filled = stars
        .iter()
        .enumerate()
        .rev()
        .fold(url.to_owned(), |url, (index, star)| url.replace(&format!("${}", index + 1), star));
    Some(crate::evidence::text::clean(&filled))
}

fn cache_settings(
    zone: &Zone,
    pages: &PageRules<'_>,
    rules: &PhaseRules<'_>,
    responses: &PhaseRules<'_>,
) -> CacheSettings {
    type Set = crate::evidence::zone::CacheSettings;
    fn of<T>(get: impl Fn(&Set) -> Option<T>) -> impl Fn(&Action) -> Option<T> {
        move |action| if let Action::Cache(set) = action { get(set) } else { None }
    }
    let settings = &zone.settings;
    let mut rule = Decided::nobody(RuleSays::Nothing);
    pages.speak(&mut rule, |actions| actions.cache, words::rule_says);
    let says = |on: bool| if on { RuleSays::Eligible } else { RuleSays::Bypass };
    rules.speak(&mut rule, of(|set| set.cache.map(says)), words::rule_says);

    let mut edge_ttl = Decided::nobody(None);
    pages.speak(&mut edge_ttl, |actions| actions.edge_ttl.clone().map(Some), some(words::edge_ttl));
    rules.speak(&mut edge_ttl, of(|set| set.edge_ttl.clone().map(Some)), some(words::edge_ttl));

    let mut browser_ttl = Decided::nobody(None);
    pages.speak(&mut browser_ttl, |actions| actions.browser_ttl.map(Some), some(words::browser_ttl));
    rules.speak(&mut browser_ttl, of(|set| set.browser_ttl.map(Some)), some(words::browser_ttl));

    let mut key = Decided::nobody(None);
    pages.speak(&mut key, |actions| actions.key.clone().map(Some), some(words::key));
    rules.speak(&mut key, of(|set| set.key.clone().map(Some)), some(words::key));

    let mut armor = Decided::nobody(false);
    pages.speak(&mut armor, |actions| actions.key.as_ref()?.deception_armor, words::on);
    rules.speak(&mut armor, of(|set| set.key.as_ref()?.deception_armor), words::on);

    let mut control = Decided::nobody(None);
    pages.speak(&mut control, |actions| actions.origin_cache_control.map(Some), some(words::on));
    rules.speak(&mut control, of(|set| set.origin_cache_control.map(Some)), some(words::on));

    let mut vary = Decided::nobody(None);
    rules.speak(&mut vary, of(|set| set.vary.clone().map(Some)), some(words::vary));

    let mut additional_ports = Decided::nobody(Vec::new());
    let ports = |set: &Set| Some(set.additional_ports.clone()).filter(|ports| !ports.is_empty());
    rules.speak(&mut additional_ports, of(ports), |list| words::ports(list));

    let mut stale = Decided::nobody(false);
    rules.speak(&mut stale, of(|set| set.disable_stale_while_updating), words::on);

    let mut level = Decided::of_zone(&settings.cache_level, Setter::Setting("cache_level"), |level| *level);
    let page_level = |actions: &crate::evidence::zone::PageRuleActions| -> Option<CacheLevel> { actions.cache_level };
    pages.speak(&mut level, page_level, words::level);

    let mut response_rule = Decided::nobody(false);
    let any = |action: &Action| {
        matches!(action, Action::Response(_) | Action::CacheControl(_) | Action::Other(_)).then_some(true)
    };
    responses.speak(&mut response_rule, any, words::on);
    let mut strip_set_cookie = Decided::nobody(false);
    let strips =
        |action: &Action| if let Action::Response(set) = action { set.strip_set_cookie.then_some(true) } else { None };
    responses.speak(&mut strip_set_cookie, strips, words::on);

    CacheSettings {
        rule,
        edge_ttl,
        browser_ttl,
        key,
        origin_cache_control: control,
        vary,
        deception_armor: armor,
        additional_ports,
        stale_while_updating_disabled: stale,
        response_rule,
        strip_set_cookie,
        cache_control: directives(responses),
        level,
        browser_cache_ttl: Decided::of_zone(&settings.browser_cache_ttl, Setter::Setting("browser_cache_ttl"), |s| *s),
        development_mode: development_mode(zone),
        always_online: Decided::of_zone(&settings.always_online, Setter::Setting("always_online"), |on| *on),
        plan: match zone.details.found().and_then(|details| details.plan) {
            Some(plan) => {
                Decided { value: Some(plan), by: Setter::Setting("plan"), overruled: Vec::new(), doubts: Vec::new() }
            }
            None => Decided {
                value: None,
                by: Setter::Default,
                overruled: Vec::new(),
                doubts: vec!["the plan is not known".into()],
            },
        },
    }
}

/// Every change to `Cache-Control`; of one directive the last change holds.
fn directives(responses: &PhaseRules<'_>) -> Decided<Vec<crate::evidence::zone::DirectiveChange>> {
    let mut all = Decided::nobody(Vec::new());
    if let Some(unread) = &responses.unread {
        all.doubt(unread.clone());
    }
    for heard in &responses.heard {
        let Action::CacheControl(changes) = &heard.rule.action else { continue };
        let mut now = all.value.clone().unwrap_or_default();
        now.retain(|old: &crate::evidence::zone::DirectiveChange| changes.iter().all(|new| new.name != old.name));
        now.extend(changes.iter().cloned());
        let doubts = std::mem::take(&mut all.doubts);
        all.hear(now, &heard.judged.setter, &heard.judged.matched, |changes| words::directives(changes));
        all.doubts.splice(..0, doubts);
    }
    all
}

/// The setting, or the seconds that it still runs.
fn development_mode(zone: &Zone) -> Decided<bool> {
    let by = Setter::Setting("development_mode");
    let by_details = zone.details.found().and_then(|details| details.development_mode).map(|seconds| seconds > 0);
    match (&zone.settings.development_mode, by_details) {
        (Gathered::Missing(_), Some(on)) => Decided { value: Some(on), by, overruled: Vec::new(), doubts: Vec::new() },
        (setting, _) => Decided::of_zone(setting, by, |on| *on),
    }
}

/// Parts of the zone that decide something here and were not read.
fn unread(zone: &Zone) -> Vec<Unread> {
    fn why<T>(part: &'static str, gathered: &Gathered<T>) -> Option<Unread> {
        match gathered {
            Gathered::Found(_) => None,
            Gathered::Missing(why) => Some(Unread { part, why: why.text() }),
        }
    }
    let mut out: Vec<Unread> = Vec::new();
    out.extend(why("zone setting ssl", &zone.settings.ssl));
    out.extend(why("Page Rules", &zone.page_rules));
    for phase in Phase::ALL {
        let name = match phase {
            Phase::Redirect => "Redirect Rules",
            Phase::Rewrite => "URL Rewrite Rules",
            Phase::Config => "Configuration Rules",
            Phase::Origin => "Origin Rules",
            Phase::RequestHeaders => "Request Header Transform Rules",
            Phase::Cache => "Cache Rules",
            Phase::CacheResponse => "Cache Response Rules",
        };
        out.extend(why(name, zone.rules.of(phase)));
    }
    out.extend(why("Worker routes", &zone.worker_routes));
    out.extend(why("Worker domains", &zone.worker_domains));
    out.extend(why("Snippets", &zone.snippets));
    out.extend(why("Cloud Connector", &zone.connectors));
    out
}

/// What matches and yet does not decide.
fn overruled(effective: &Effective) -> Vec<Overruled> {
    let mut out = Vec::new();
    let mut compare = |setter: &Setter, sets: &[super::Sets], stronger: &dyn Fn(&Setter) -> (Setter, Stronger)| {
        for set in sets {
            let Some((instead, by)) = effective.in_words(set.setting) else { continue };
            if instead == set.value || by == setter {
                continue;
            }
            let (by, because) = stronger(by);
            out.push(Overruled {
                setting: set.setting,
                value: set.value.clone(),
                setter: setter.clone(),
                instead,
                by,
                because,
            });
        }
    };
    let winner = effective.page_rules.iter().find(|rule| rule.applies);
    for rule in effective.page_rules.iter().filter(|rule| rule.matched.is_yes()) {
        match winner.filter(|winner| winner.setter != rule.setter) {
            // A modern rule that decides would beat either.
            Some(winner) => compare(&rule.setter, &rule.sets, &|by| match by {
                Setter::Rule { .. } => (by.clone(), Stronger::ModernRule),
                _ => (winner.setter.clone(), Stronger::HigherPriority),
            }),
            None => {
                let worker = &effective.worker;
                let has_worker = worker.value.as_ref().is_some_and(Option::is_some);
                compare(&rule.setter, &rule.sets, &|by| match by {
                    Setter::Rule { .. } => (by.clone(), Stronger::ModernRule),
                    _ if has_worker => (worker.by.clone(), Stronger::Worker),
                    _ => (by.clone(), Stronger::ModernRule),
                });
            }
        }
    }
    for rule in effective.rules.iter().filter(|rule| rule.matched.is_yes()) {
        compare(&rule.setter, &rule.sets, &|by| (by.clone(), Stronger::LaterRule));
    }
    out.extend(later_redirects(effective));
    out
}

/// Redirects that match after one that answers already.
fn later_redirects(effective: &Effective) -> Vec<Overruled> {
    let Some(Some(to)) = &effective.redirect.value else { return Vec::new() };
    let rules = effective.rules.iter().filter(|rule| rule.phase == Phase::Redirect && rule.matched.is_yes());
    let others = rules.filter(|rule| rule.setter != effective.redirect.by);
    others
        .flat_map(|rule| rule.sets.iter().map(move |set| (rule, set)))
        .map(|(rule, set)| Overruled {
            setting: "redirect",
            value: set.value.clone(),
            setter: rule.setter.clone(),
            instead: words::redirect_to(to),
            by: effective.redirect.by.clone(),
            because: Stronger::EarlierRule,
        })
        .collect()
}
