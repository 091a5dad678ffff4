//! May the answer be stored? Decided when the response is there; a "no" shows as `BYPASS`, and before 2026-05-26
//! often as `MISS` (`facts/cloudflare.md` 1.1 C).

use time::Date;
use time::macros::date;

use super::decision::{ASK, HEADERS, Outcome, Settle, Step, Trace};
use super::eligibility::is_default_cacheable;
use super::freshness;
use super::input::{Answer, CacheInput};
use super::sharing::{authorization, cookies, vary};
use super::zone::{EdgeTtlMode, Plan, who};
use crate::evidence::http::{CacheControl, Name};
use crate::verdict::Confidence;

const UNCACHED: &str = "https://developers.cloudflare.com/cache/troubleshooting/investigating-uncached-responses/";
const LIMITS: &str = "https://developers.cloudflare.com/cache/concepts/default-cache-behavior/";
const STATUS: &str = "https://developers.cloudflare.com/cache/how-to/configure-cache-status-code/";
const CONTROL: &str = "https://developers.cloudflare.com/cache/concepts/cache-control/";
const CDN_CONTROL: &str = "https://developers.cloudflare.com/cache/concepts/cdn-cache-control/";
const ARMOR: &str = "https://developers.cloudflare.com/cache/cache-security/cache-deception-armor/";
const RULES: &str = "https://developers.cloudflare.com/cache/how-to/cache-rules/settings/";

/// What shows the rules that may refuse to store.
const ZONE_RULES: Settle = Settle::by(
    "for PHASE in http_request_cache_settings http_response_cache_settings; do curl -sS -H \"Authorization: Bearer \
     $CLOUDFLARE_API_TOKEN\" https://api.cloudflare.com/client/v4/zones/$ZONE_ID/rulesets/phases/$PHASE/entrypoint; done",
    "the rules of the cache: the last one that matches this URL decides",
);

/// The cache runs on Pingora: `Vary: *` bypasses, fractions of seconds are floored
/// (<https://developers.cloudflare.com/changelog/post/2026-05-04-pingora-powers-cache/>).
pub(super) const PINGORA: Date = date!(2026 - 05 - 04);

/// Answers that may not be stored say `BYPASS`, and `MISS` means storable
/// (<https://developers.cloudflare.com/changelog/post/2026-05-26-bypass-status-for-uncacheable-responses/>).
pub(super) const MISS_MEANS_STORABLE: Date = date!(2026 - 05 - 26);

/// Largest object on Free, Pro and Business: 512 MB. Whether a MB is 10^6 or 2^20 octets is not written; the larger
/// is taken.
pub const LARGEST_OBJECT: u64 = 512 << 20;

/// Largest object on Enterprise, unless agreed otherwise: 5 GB.
pub const LARGEST_OBJECT_ENTERPRISE: u64 = 5 << 30;

/// Adds the steps; the answer is the worst of them.
pub(super) fn judge(input: &CacheInput, trace: &mut Trace) -> Outcome {
    let start = trace.steps.len();
    let Some(answer) = &input.response else {
        trace.add(Step::ask("response", "What did the origin answer?", UNCACHED).unknown(
            Some("cache-control-missing"),
            "no answer was seen",
            HEADERS,
        ));
        return Outcome::Unknown;
    };
    let steps = [size, status, directives, zero_without_control, cookies, authorization, vary, armor, silence, unseen];
    for step in steps {
        if let Some(step) = step(input, answer)
            && trace.add(step)
        {
            return Outcome::No;
        }
    }
    trace.worst_since(start)
}

/// A rule forces a lifetime, so the origin's headers do not matter (they are overridden, `no-store` included).
pub(super) fn forced(input: &CacheInput, answer: &Answer) -> bool {
    input.zone.forced_ttl(answer.status).is_some_and(|(seconds, _)| seconds > 0)
}

fn size(input: &CacheInput, answer: &Answer) -> Option<Step> {
    let size = answer.size?;
    let limit = match input.zone.plan {
        Some(Plan::Enterprise) => LARGEST_OBJECT_ENTERPRISE,
        Some(_) => LARGEST_OBJECT,
        None if size > LARGEST_OBJECT => LARGEST_OBJECT,
        None => return None,
    };
    let step = Step::ask("size", "Is the object small enough?", LIMITS).saw(format!("size {} MB", size / 1_000_000));
    if size <= limit || input.observed.proves_stored() {
        return Some(step.yes("it is within the limit"));
    }
    let confidence = if input.zone.plan.is_some() || size > LARGEST_OBJECT_ENTERPRISE || input.observed.is_bypass() {
        Confidence::High
    } else {
        Confidence::Medium
    };
    Some(step.no(
        "cache-object-too-large",
        confidence,
        format!(
            "{} MB is over the limit of 512 MB (Free, Pro, Business; 5 GB on Enterprise); the whole object counts, \
             not the range asked for",
            size / 1_000_000
        ),
    ))
}

fn status(input: &CacheInput, answer: &Answer) -> Option<Step> {
    let step =
        Step::ask("status", "Is the status one that is stored?", STATUS).saw(format!("status {}", answer.status));
    if let Some((seconds, _)) = input.zone.forced_ttl(answer.status) {
        return Some(if seconds < 0 {
            let says = format!("{} says no-store for this status code", who(&input.zone.by.edge_ttl, "a rule"));
            step.no("cache-control-overridden", Confidence::High, says)
        } else {
            step.yes("a rule gives it a lifetime")
        });
    }
    if input.observed.proves_stored() {
        return Some(step.yes("a copy was seen"));
    }
    if answer.status == 206 {
        // Partial content is a piece of an object; Cloudflare stores the whole one where it may (Range row of 1.10).
        let told = input.observed.statuses().count() > 1 || input.observed.is_excerpt();
        let never = told && input.observed.statuses().all(|s| !s.is_from_cache());
        return Some(match never && input.observed.proves_eligible() {
            true => step.no(
                "cache-status-uncacheable",
                Confidence::Low,
                "206 Partial Content to a Range request, and no copy came of it: the whole object was probably never \
                 stored; ask once without Range",
            ),
            false => step.yes("206 to a Range request: the whole object may be stored"),
        });
    }
    if freshness::default_ttl(answer.status).is_some() {
        return Some(step.yes("its default lifetime is in Cloudflare's table"));
    }
    if answer.speaks_of_freshness() {
        return Some(step.yes("not in the table of defaults, but the origin speaks of freshness"));
    }
    if !answer.whole {
        return Some(step.unknown(
            Some("cache-status-uncacheable"),
            "not in the table of defaults; whether a lifetime was sent is not known",
            HEADERS,
        ));
    }
    Some(step.no(
        "cache-status-uncacheable",
        Confidence::High,
        format!("{} is not cached by default, and neither a header nor a rule gives it a lifetime", answer.status),
    ))
}

pub(super) fn quote(name: &str, header: &CacheControl) -> String {
    format!("{name}: {header}")
}

fn directives(input: &CacheInput, answer: &Answer) -> Option<Step> {
    let (name, header) = match input.zone.response_rules.as_ref().and_then(|rules| rules.cache_control.as_ref()) {
        Some(set) => ("Cache-Control (as a Cache Response Rule sets it)", set),
        None => answer.winner(),
    };
    let source = if name == "Cache-Control" { CONTROL } else { CDN_CONTROL };
    let step = Step::ask("directives", "Does the header that decides allow storing?", source);
    if !header.is_present() {
        return Some(if answer.whole || answer.from_origin {
            step.saw("no Cache-Control").yes("no header forbids it")
        } else {
            step.saw("no Cache-Control quoted").unknown(None, "the headers were not all seen", HEADERS)
        });
    }
    let step = step.saw(quote(name, header));
    if forced(input, answer) {
        return Some(step.yes(format!(
            "{} overrides what the origin says, no-store and private included",
            who(&input.zone.by.edge_ttl, "a rule")
        )));
    }
    let denied = [Name::NoStore, Name::Private].into_iter().find(|denied| header.forbids(*denied));
    if let Some(denied) = denied {
        if input.observed.proves_stored() {
            return Some(step.yes(format!("{} stands there, yet a copy was seen: a rule overrides it", denied.text())));
        }
        let confidence = if answer.from_origin || input.observed.is_bypass() || answer.whole {
            Confidence::High
        } else {
            Confidence::Medium
        };
        return Some(step.no(
            "cache-control-forbids",
            confidence,
            format!("{name} says {}, which forbids storing", denied.text()),
        ));
    }
    let meant = header.meant();
    if let Some(denied) = [Name::NoStore, Name::Private].into_iter().find(|name| meant.contains(name)) {
        return Some(step.unknown(
            Some("cache-control-malformed"),
            format!("{} is meant but not written in a way that caches understand", denied.text()),
            Settle::by(ASK, "once it is written as the grammar wants it, it counts"),
        ));
    }
    let named = header.qualified(Name::Private).len() + header.qualified(Name::NoCache).len();
    if named > 0 && input.zone.origin_cache_control() == Some(false) {
        let says = "private= or no-cache= with fields keeps the whole answer out while Origin Cache Control is off";
        return Some(step.no("cache-control-forbids", Confidence::High, says));
    }
    Some(step.yes("neither no-store nor private stands in it"))
}

/// `no-cache` and zero lifetimes are `BYPASS` while Origin Cache Control is off (Enterprise's default).
fn zero_without_control(input: &CacheInput, answer: &Answer) -> Option<Step> {
    if answer.winner().0 != "Cache-Control" || forced(input, answer) {
        return None;
    }
    let zero = freshness::zero(input, answer)?;
    let off = input.zone.origin_cache_control() == Some(false);
    let step = Step::ask("zero", "Is an answer without lifetime stored?", CONTROL).saw(zero.clone());
    match (off, input.observed.is_bypass()) {
        (true, _) => {
            Some(step.no("cache-control-revalidates", Confidence::High, "not while Origin Cache Control is off"))
        }
        (false, true) => Some(step.no(
            "cache-control-revalidates",
            Confidence::High,
            format!("{zero}: no lifetime, and BYPASS says that it was not stored"),
        )),
        (false, false) => None,
    }
}

fn armor(input: &CacheInput, answer: &Answer) -> Option<Step> {
    if input.zone.deception_armor != Some(true) || forced(input, answer) || input.observed.proves_stored() {
        return None;
    }
    let (extension, kind) = (input.request.extension()?, answer.media_type.as_deref()?);
    let step = Step::ask("deception-armor", "Do extension and Content-Type agree?", ARMOR)
        .saw(format!(".{extension}, {kind}"));
    let dynamic = matches!(kind, "text/html" | "application/json" | "application/xhtml+xml");
    let mismatch =
        dynamic && is_default_cacheable(&input.request) && !answer.wants_caching(input.date.midnight().assume_utc());
    Some(if mismatch {
        step.no(
            "cache-type-mismatch",
            Confidence::High,
            "Cache Deception Armor keeps it out: the type is not the extension's",
        )
    } else {
        step.yes("nothing that Cache Deception Armor objects to")
    })
}

/// A rule that does not cache where the origin is silent.
fn silence(input: &CacheInput, answer: &Answer) -> Option<Step> {
    let rule = input.zone.edge_ttl.as_ref()?;
    if rule.mode != EdgeTtlMode::BypassByDefault || forced(input, answer) {
        return None;
    }
    let step = Step::ask("silence", "Does the origin speak of freshness, as the rule demands?", RULES);
    Some(if answer.speaks_of_freshness() {
        step.yes("it does")
    } else {
        let seen_whole = answer.whole || answer.from_origin;
        step.no(
            "cache-control-missing",
            if seen_whole { Confidence::High } else { Confidence::Medium },
            format!(
                "{} bypasses the cache where the origin sends no lifetime",
                who(&input.zone.by.edge_ttl, "the rule")
            ),
        )
    })
}

/// BYPASS without a visible reason: something that the edge does not show.
fn unseen(input: &CacheInput, answer: &Answer) -> Option<Step> {
    if !input.observed.is_bypass() {
        return None;
    }
    let step = Step::ask("unseen", "Is there a reason for BYPASS that the edge does not show?", UNCACHED)
        .saw("cf-cache-status: BYPASS");
    let settle = Settle::by(
        "curl -sS -o /dev/null -D - --connect-to {host}:{port}:{origin} {url}",
        "the origin's own headers: read Set-Cookie and Cloudflare-CDN-Cache-Control",
    );
    let freshness = answer.wants_caching(input.date.midnight().assume_utc());
    if !answer.whole && !answer.from_origin {
        if !freshness {
            return Some(step.unknown(Some("cache-control-forbids"), "the headers were not all seen", HEADERS));
        }
        // Freshness is quoted and allows storing, so the next reason in Cloudflare's order is a cookie.
        return Some(Step { settle: Some(settle), ..step }.no(
            "cache-set-cookie",
            Confidence::Low,
            "BYPASS although the quoted Cache-Control allows storing: most likely the answer sets a cookie that was \
             not quoted",
        ));
    }
    // The origin's own answer shows what the edge hides, so what is left stands in the zone.
    let (confidence, settle) =
        if answer.from_origin { (Confidence::Medium, ZONE_RULES) } else { (Confidence::Low, settle) };
    let step = Step { settle: Some(settle), ..step };
    Some(match (answer.speaks_of_freshness(), answer.from_origin) {
        (false, true) => step.no(
            "cache-control-missing",
            confidence,
            "BYPASS, and the origin's own answer says nothing of freshness: most likely a rule's Edge TTL bypasses the \
             cache where the origin is silent",
        ),
        (false, false) => step.no(
            "cache-control-missing",
            confidence,
            "BYPASS, and the answer says nothing of freshness: probably a rule bypasses the cache where the origin is \
             silent, or Cloudflare-CDN-Cache-Control (which visitors do not see) forbids storing",
        ),
        (true, true) => step.no(
            "cache-control-overridden",
            confidence,
            "BYPASS although the origin's own answer allows storing: most likely a Cache Response Rule forbids it, or \
             a rule's vary setting",
        ),
        (true, false) => step.no(
            "cache-control-overridden",
            confidence,
            "BYPASS although every visible header allows storing: something invisible at the edge decides, probably \
             Cloudflare-CDN-Cache-Control, else a Cache Response Rule or a rule's vary setting",
        ),
    })
}
