//! May the request ask the cache at all? Decided before the origin is asked; a "no" shows as `DYNAMIC`
//! (`facts/cloudflare.md` 1.1 A and B).

use std::sync::LazyLock;

use time::Date;
use time::macros::date;

use super::decision::{ASK, Outcome, Settle, Step, Trace};
use super::input::{Asked, CacheInput};
use super::zone::{CacheLevel, RuleSays, who};
use crate::verdict::Confidence;

const RESPONSES: &str = "https://developers.cloudflare.com/cache/concepts/cache-responses/";
const DEFAULTS: &str = "https://developers.cloudflare.com/cache/concepts/default-cache-behavior/";
const RULES: &str = "https://developers.cloudflare.com/cache/how-to/cache-rules/settings/";
const PORTS: &str = "https://developers.cloudflare.com/fundamentals/reference/network-ports/";
const LEVELS: &str = "https://developers.cloudflare.com/cache/how-to/set-caching-levels/";
const DEVELOPMENT: &str = "https://developers.cloudflare.com/cache/reference/development-mode/";
const WORKERS: &str = "https://developers.cloudflare.com/workers/reference/how-the-cache-works/";

/// Before about this day an ineligible answer carried no `cf-cache-status` at all; later it says `DYNAMIC`.
const DYNAMIC_IS_SHOWN_SINCE: Date = date!(2019 - 01 - 01);

/// Ports whose answers are cached; the other proxied ports are not (network-ports page).
const CACHEABLE_PORTS: &[u16] = &[80, 8080, 443];

static EXTENSIONS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("../../data/cacheable-extensions.txt").lines().map(str::trim).filter(|l| !l.is_empty()).collect()
});

/// Is the path cached without any rule? By extension, or because it is `robots.txt`; never by media type.
pub fn is_default_cacheable(request: &Asked) -> bool {
    request.path.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case("robots.txt"))
        || request.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(e)))
}

/// Are method and port ones that are cached, so that DYNAMIC tells of rules and extension?
pub(super) fn could_be_eligible(input: &CacheInput) -> bool {
    let request = &input.request;
    matches!(request.method.as_str(), "GET" | "HEAD") && CACHEABLE_PORTS.contains(&request.port)
}

/// Adds the steps; the answer is the worst of them.
pub(super) fn judge(input: &CacheInput, trace: &mut Trace) -> Outcome {
    let start = trace.steps.len();
    let steps = [owner, before_cache, method, development_mode, port];
    for step in steps {
        if let Some(step) = step(input)
            && trace.add(step)
        {
            return Outcome::No;
        }
    }
    let (rule, settled) = rule(input);
    if !trace.add(rule) && !settled && !trace.add(extension(input)) {
        trace.add(cache_level(input));
    }
    trace.worst_since(start)
}

/// Was the request decided on, before the response? By the status, or in old answers by its absence.
fn seen_dynamic(input: &CacheInput) -> bool {
    input.observed.is_dynamic() || (input.date < DYNAMIC_IS_SHOWN_SINCE && input.observed.bypasses_cache_altogether())
}

/// How sure DYNAMIC makes: HEAD and contrary samples leave a doubt.
fn certainty(input: &CacheInput) -> Confidence {
    let doubt = input.observed.is_mixed() || input.observed.has_head() || !input.observed.is_dynamic();
    if doubt { Confidence::Medium } else { Confidence::High }
}

fn seen(input: &CacheInput) -> String {
    let words: Vec<String> = input.observed.statuses().map(ToString::to_string).collect();
    if words.is_empty() { "no cf-cache-status".into() } else { format!("cf-cache-status: {}", words.join(", ")) }
}

fn owner(input: &CacheInput) -> Option<Step> {
    let platform = input.zone.platform.as_ref()?;
    let step = Step::ask("owner", "Is this Cloudflare yours to configure?", platform.source)
        .saw(format!("{}: {}", platform.name, platform.seen_by));
    if input.observed.has_hit() {
        return Some(step.yes("the platform's edge serves it from cache"));
    }
    if platform.caches && input.observed.proves_eligible() {
        return Some(step.yes("the platform's edge asks its cache; the answer's own headers decide"));
    }
    let owner = match platform.confidence {
        Confidence::Low => format!("the Cloudflare in front may belong to {}, not to a zone of yours", platform.name),
        _ => format!("the Cloudflare in front belongs to {}, not to a zone of yours", platform.name),
    };
    Some(step.no("cache-platform-owned", platform.confidence, format!("{owner}: {}", platform.way)))
}

fn before_cache(input: &CacheInput) -> Option<Step> {
    let step = Step::ask("before-cache", "Does the request get as far as the cache?", RESPONSES).saw(seen(input));
    if input.observed.statuses().next().is_some() {
        return Some(step.yes("the answer carries cf-cache-status, so Cloudflare got as far as that question"));
    }
    if input.zone.worker == Some(true) {
        let worker = who(&input.zone.by.worker, "a Worker");
        return Some(step.saw(format!("{worker} takes this URL")).no(
            "cache-worker-in-front",
            Confidence::High,
            "a Worker answers in front of the cache; what it makes is not stored by itself",
        ));
    }
    if input.date >= DYNAMIC_IS_SHOWN_SINCE && input.observed.bypasses_cache_altogether() {
        let step = Step { source: WORKERS, ..step };
        return Some(match input.zone.worker {
            Some(false) => step.no(
                "cache-worker-in-front",
                Confidence::Low,
                "Cloudflare answers with success and without cf-cache-status, and no Worker route takes the URL: \
                 another product that runs before the cache made the answer, or a route was removed since",
            ),
            _ => step.no(
                "cache-worker-in-front",
                Confidence::Medium,
                "Cloudflare answers with success and without cf-cache-status: a Worker (or another product that runs \
                 before the cache) made the answer",
            ),
        });
    }
    // An excerpt without the header proves nothing by itself; a Worker route that may take the URL makes it likely.
    if input.zone.worker.is_none()
        && let Some(route) = &input.zone.by.worker
    {
        let says =
            format!("no cf-cache-status was seen, and {route} may take this URL: a Worker answers before the cache");
        let settle = Settle::by(ASK, "no cf-cache-status in a whole answer: the Worker made it");
        return Some(step.no("cache-worker-in-front", Confidence::Low, says).settled_by(settle));
    }
    Some(step.unknown(None, "no cf-cache-status was seen", Settle::by(ASK, "run it twice and read cf-cache-status")))
}

fn method(input: &CacheInput) -> Option<Step> {
    let method = input.request.method.as_str();
    let step = Step::ask("method", "Is the method GET or HEAD?", DEFAULTS).saw(format!("method {method}"));
    Some(match method {
        "GET" => step.yes("GET may be cached"),
        "HEAD" => step.yes("HEAD of an eligible URL is fetched as GET"),
        _ => step.no(
            "cache-method-uncacheable",
            Confidence::High,
            format!("{method} is never cached; only GET and HEAD are"),
        ),
    })
}

fn development_mode(input: &CacheInput) -> Option<Step> {
    let step = Step::ask("development-mode", "Is Development Mode off?", DEVELOPMENT);
    Some(match input.zone.development_mode {
        Some(true) if input.observed.has_hit() => {
            step.saw(seen(input)).yes("it is on, yet a copy was served: it was turned on only since")
        }
        Some(true) => step.no(
            "cache-rule-bypasses",
            Confidence::High,
            "Development Mode is on: for three hours nothing is served from cache",
        ),
        Some(false) => step.yes("it is off"),
        None if input.observed.proves_eligible() => step.saw(seen(input)).yes("the cache was asked, so it is off"),
        None => step.unknown(
            None,
            "the zone's settings are not known",
            Settle::by(
                "curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
                 https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/development_mode",
                "\"value\":\"off\" rules it out",
            ),
        ),
    })
}

fn port(input: &CacheInput) -> Option<Step> {
    let port = input.request.port;
    let step = Step::ask("port", "Is the port one that is cached?", PORTS).saw(format!("port {port}"));
    Some(if CACHEABLE_PORTS.contains(&port) || input.zone.additional_ports.contains(&port) {
        step.yes("80, 8080 and 443 are")
    } else if input.observed.proves_eligible() {
        step.yes("the cache was asked, so a rule makes it one")
    } else {
        step.no(
            "cache-port-uncacheable",
            Confidence::High,
            format!("port {port} is proxied, but not cached; 80, 8080 and 443 are"),
        )
    })
}

/// What rules say; the flag: no need to ask for the extension any more.
fn rule(input: &CacheInput) -> (Step, bool) {
    let default = is_default_cacheable(&input.request);
    let size = input.response.as_ref().and_then(|answer| answer.size);
    let too_large = size.is_some_and(|size| size > super::storability::LARGEST_OBJECT);
    let step = Step::ask("rule", "Do your zone's rules leave the cache on?", RULES);
    let rule = who(&input.zone.by.rule, "a rule");
    // What the zone says and what was seen may contradict each other: the zone was read at another time, or something
    // stronger than rules decides.
    match input.zone.rule {
        Some(RuleSays::Bypass) if input.observed.is_bypass() => {
            let says = format!("{rule} bypasses the cache for this URL (shown as BYPASS here, as DYNAMIC otherwise)");
            (step.saw(seen(input)).no("cache-rule-bypasses", Confidence::Medium, says), true)
        }
        Some(RuleSays::Bypass) if input.observed.proves_eligible() => {
            let says = format!(
                "{rule} bypasses the cache for this URL, yet it was asked: the rule came since, or something stronger decides"
            );
            (step.saw(seen(input)).yes(says), true)
        }
        Some(RuleSays::Bypass) => {
            let says = format!("{rule} bypasses the cache for this URL (shown as DYNAMIC)");
            (step.no("cache-rule-bypasses", Confidence::High, says), true)
        }
        Some(RuleSays::Eligible) if input.observed.is_dynamic() && !input.observed.has_head() => {
            let says = format!(
                "{rule} makes the URL eligible, yet DYNAMIC: something that is stronger decides (a Worker's own settings), or \
                 the rule came since"
            );
            (step.saw(seen(input)).no("cache-not-eligible", Confidence::Low, says).settled_by(Settle::TRACE), true)
        }
        Some(RuleSays::Eligible) => (step.yes(format!("{rule} makes the URL eligible")), true),
        Some(RuleSays::Nothing) if input.observed.proves_eligible() && !default => {
            let says = "no rule that is known speaks of it, yet the cache was asked: a Worker's own settings, or a rule that is gone";
            (step.saw(seen(input)).yes(says), true)
        }
        Some(RuleSays::Nothing)
            if seen_dynamic(input)
                && default
                && !too_large
                && input.zone.development_mode == Some(false)
                && !(input.request.query.is_some() && input.zone.cache_level != Some(CacheLevel::Aggressive)) =>
        {
            let says = "the path is eligible by default and no rule that is known says otherwise, yet DYNAMIC: a rule that \
                        is gone by now, or something stronger";
            (step.saw(seen(input)).no("cache-rule-bypasses", Confidence::Low, says).settled_by(Settle::TRACE), true)
        }
        Some(RuleSays::Nothing) => (step.yes("no rule speaks of it; the default decides"), false),
        None if input.zone.likely_bypass.is_some() && (seen_dynamic(input) || input.observed.is_bypass()) => {
            let rule = who(&input.zone.likely_bypass, "a rule");
            let says = format!("{rule} bypasses the cache for this URL, unless a rule decides that was not read");
            (step.saw(seen(input)).no("cache-rule-bypasses", Confidence::Medium, says), true)
        }
        None if input.observed.proves_eligible() => {
            let says = if default {
                "eligible, as its extension is by default"
            } else {
                "eligible without a default extension: a rule makes it so"
            };
            (step.saw(seen(input)).yes(says), true)
        }
        // What is known to stand before the cache goes before a rule that nobody has seen.
        None if seen_dynamic(input) && default && !too_large && input.zone.by.worker.is_some() => {
            let worker = who(&input.zone.by.worker, "a Worker");
            let (takes, confidence) = match input.zone.worker {
                Some(_) => ("takes", certainty(input).min(Confidence::Medium)),
                None => ("may take", Confidence::Low),
            };
            let says = format!(
                "the path is eligible by default, yet DYNAMIC, and {worker} {takes} this URL: what a Worker makes itself is \
                 not cached, and what it fetches is as its own settings say"
            );
            let step = step.saw(seen(input)).no("cache-worker-in-front", confidence, says);
            (step.settled_by(Settle::TRACE), true)
        }
        // A size that is never stored is a visible reason: it goes before a rule that nobody has seen.
        None if seen_dynamic(input) && default && !too_large => {
            let extra = if input.request.query.is_some() {
                ", or Cache Level \"No query string\" meets the query string"
            } else {
                ""
            };
            let says =
                format!("the path is eligible by default, yet DYNAMIC: a rule or Development Mode turns it off{extra}");
            let confidence = certainty(input).min(Confidence::Medium);
            (step.saw(seen(input)).no("cache-rule-bypasses", confidence, says), true)
        }
        None => (
            step.unknown(
                None,
                match &input.zone.by.rule {
                    Some(doubt) => format!("what the zone's rules say is open: {doubt}"),
                    None => "the zone's rules are not known".to_owned(),
                },
                Settle::by(
                    "curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
                     https://api.cloudflare.com/client/v4/zones/$ZONE_ID/\
                     rulesets/phases/http_request_cache_settings/entrypoint",
                    "the last rule whose expression matches this URL decides",
                ),
            ),
            false,
        ),
    }
}

fn extension(input: &CacheInput) -> Step {
    let what = match input.request.extension() {
        Some(extension) => format!("extension .{extension}"),
        None => "no extension".to_owned(),
    };
    let step = Step::ask("extension", "Is the URL cached by default?", DEFAULTS).saw(what.clone());
    if is_default_cacheable(&input.request) {
        return step.yes("its extension is on the list of 56 (or it is robots.txt)");
    }
    // Where the zone's rules are known, none of them turns it off.
    let off = if input.zone.rule == Some(RuleSays::Nothing) { "" } else { " (or one turns it off)" };
    let says = match input.request.extension() {
        Some(extension) => {
            format!("extension .{extension} is not cached by default, and no rule makes the URL eligible{off}")
        }
        None => format!("a path without a file extension is not cached by default, and no rule makes it eligible{off}"),
    };
    if seen_dynamic(input) {
        let step = step.saw(seen(input));
        let now = input.date.midnight().assume_utc();
        let good = input.response.as_ref().filter(|answer| answer.wants_caching(now));
        let (step, says) = match good {
            Some(answer) if answer.winner().1.is_present() => {
                let (name, header) = answer.winner();
                (step.saw(format!("{name}: {header}")), format!("{says}; {name} sets a lifetime, but does not opt in"))
            }
            _ => (step, says),
        };
        return step.no("cache-not-eligible", certainty(input), says);
    }
    if input.zone.rule == Some(RuleSays::Nothing) {
        return step.no("cache-not-eligible", Confidence::High, says);
    }
    step.unknown(
        Some("cache-not-eligible"),
        format!("{what}: not cached by default; whether a rule makes it eligible is not known"),
        Settle::by(ASK, "cf-cache-status: DYNAMIC means that no rule does"),
    )
}

fn cache_level(input: &CacheInput) -> Step {
    let step = Step::ask("cache-level", "Does the Cache Level allow the query string?", LEVELS);
    match (input.zone.cache_level, &input.request.query) {
        (_, None) => step.yes("there is no query string"),
        (Some(CacheLevel::Basic), Some(_)) => step.no(
            "cache-not-eligible",
            Confidence::Medium,
            "Cache Level \"No query string\" serves from cache only where there is none",
        ),
        (Some(_), Some(_)) => step.yes("the Cache Level allows it"),
        (None, Some(_)) => step.unknown(
            None,
            "the zone's Cache Level is not known; \"Standard\" allows it",
            Settle::by(
                "curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
                 https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/cache_level",
                "\"value\":\"aggressive\" (Standard) rules it out",
            ),
        ),
    }
}
