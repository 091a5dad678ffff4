//! May one visitor's answer be another's: cookies, Authorization, Vary (`facts/cloudflare.md` 1.1 C, 1.6, 1.7).

use super::decision::{HEADERS, Step};
use super::eligibility::is_default_cacheable;
use super::input::{Answer, CacheInput};
use super::storability::{PINGORA, forced, quote};
use super::zone::{RuleSays, VaryAction, who};
use crate::evidence::http::Name;
use crate::verdict::Confidence;

const CONTROL: &str = "https://developers.cloudflare.com/cache/concepts/cache-control/";
const COOKIES: &str = "https://developers.cloudflare.com/cache/concepts/cache-behavior/";
const VARY: &str = "https://developers.cloudflare.com/cache/concepts/vary/";

pub(super) fn cookies(input: &CacheInput, answer: &Answer) -> Option<Step> {
    let step = Step::ask("set-cookie", "Is the answer free of cookies?", COOKIES);
    if answer.cookies.is_empty() {
        return Some(if answer.whole || answer.from_origin {
            step.saw("no Set-Cookie").yes("no cookie of the application's")
        } else {
            step.saw("no Set-Cookie quoted").unknown(None, "the headers were not all seen", HEADERS)
        });
    }
    let names = answer.cookies.iter().map(|cookie| cookie.label()).collect::<Vec<_>>().join(", ");
    let step = step.saw(format!("Set-Cookie: {names}"));
    if forced(input, answer) {
        return Some(step.yes(format!(
            "the Edge TTL of {} takes the cookie away, for visitors too",
            who(&input.zone.by.edge_ttl, "a rule")
        )));
    }
    if input.zone.response_rules.as_ref().is_some_and(|rules| rules.strip_set_cookie) {
        return Some(step.yes(format!("{} strips it", who(&input.zone.by.response_rules, "a Cache Response Rule"))));
    }
    if input.observed.proves_stored() {
        return Some(step.yes("a copy was seen all the same: a rule strips it"));
    }
    let control = &answer.cache_control;
    let qualified = [Name::Private, Name::NoCache]
        .into_iter()
        .any(|name| control.qualified(name).iter().any(|field| field == "set-cookie"));
    if qualified && input.zone.origin_cache_control() != Some(false) {
        return Some(
            step.yes("the origin names Set-Cookie in private= or no-cache=: the cookie is dropped, the rest stored"),
        );
    }
    let by_default = input.zone.rule != Some(RuleSays::Eligible) && is_default_cacheable(&input.request);
    if by_default && input.zone.origin_cache_control() == Some(false) {
        return Some(step.yes("stripped, because Origin Cache Control is off and the extension is a default one"));
    }
    let inner = answer.cookies.iter().all(|cookie| cookie.is_cloudflares());
    Some(step.no(
        "cache-set-cookie",
        Confidence::High,
        if inner {
            format!("the origin's own answer sets the cookie {names}: a second Cloudflare stands behind the first, and its cookie blocks storing")
        } else {
            format!("the answer sets the cookie {names}, and answers that set cookies are not stored")
        },
    ))
}

pub(super) fn authorization(input: &CacheInput, answer: &Answer) -> Option<Step> {
    if !input.request.has("authorization") {
        return None;
    }
    let step = Step::ask("authorization", "May an answer to a request with Authorization be shared?", CONTROL)
        .saw("the request carries Authorization");
    if forced(input, answer) || input.observed.proves_stored() {
        return Some(step.yes("a rule's Edge TTL applies, or a copy was seen"));
    }
    if input.zone.origin_cache_control() == Some(false) {
        return Some(step.yes("Origin Cache Control is off: it may be stored"));
    }
    let (name, header) = answer.winner();
    let shared = [Name::Public, Name::SMaxage, Name::MustRevalidate];
    if let Some(directive) = shared.into_iter().find(|directive| header.has(*directive)) {
        return Some(step.saw(quote(name, header)).yes(format!("{} allows it", directive.text())));
    }
    let confidence =
        if answer.whole || answer.from_origin || header.is_present() { Confidence::High } else { Confidence::Medium };
    let step = if header.is_present() { step.saw(quote(name, header)) } else { step };
    Some(step.no(
        "cache-authorization",
        confidence,
        "the request carries Authorization, and the answer has none of public, s-maxage and must-revalidate",
    ))
}

pub(super) fn vary(input: &CacheInput, answer: &Answer) -> Option<Step> {
    let vary = &answer.vary;
    if !vary.star && vary.names.is_empty() {
        return None;
    }
    let step = Step::ask("vary", "Does Vary allow storing?", VARY).saw(format!("Vary: {}", vary.print()));
    if vary.star {
        if input.observed.proves_stored() {
            return Some(step.yes("a copy was seen"));
        }
        if input.date >= PINGORA {
            return Some(step.no("cache-vary-blocks", Confidence::High, "Vary: * is never stored (since 2026-05-04)"));
        }
        return Some(step.yes("before 2026-05-04 Vary was ignored"));
    }
    if let Some(rule) = &input.zone.vary {
        let action = |name: &String| {
            rule.headers.iter().find(|(known, _)| known == name).map_or(rule.default, |(_, action)| *action)
        };
        if let Some(blocked) = vary.names.iter().find(|name| action(name) == VaryAction::Bypass) {
            return Some(step.no(
                "cache-vary-blocks",
                Confidence::High,
                format!(
                    "{} has the action bypass for {blocked}",
                    who(&input.zone.by.vary, "the Cache Rule's vary setting")
                ),
            ));
        }
        return Some(step.yes("the Cache Rule puts what it names into the key"));
    }
    Some(step.yes("without a vary setting in a Cache Rule, Cloudflare ignores it"))
}
