//! Changes that an owner can make, applied to the model, so that a fix is believed before it is shown.

use super::input::CacheInput;
use super::zone::{EdgeTtlMode, KeyRule, ResponseRules, RuleSays};
use super::{Decision, decide, eligibility};
use crate::evidence::http::{CacheControl, Vary};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A Cache Rule makes the URL eligible.
    MakeEligible,
    /// The rule that bypasses the cache goes, or Development Mode is turned off.
    StopBypassing,
    /// Ask with GET.
    UseGet,
    /// Use the standard port.
    UseStandardPort,
    /// The origin sends this `Cache-Control`, and none of the headers that beat it.
    SetCacheControl {
        /// The value.
        value: String,
    },
    /// The origin does not set cookies on this answer.
    DropSetCookie,
    /// A Cache Response Rule strips the cookie.
    StripSetCookie,
    /// The origin says `public`: the answer may be shared.
    AllowShared,
    /// The request carries no `Authorization`.
    DropAuthorization,
    /// The origin sends no `Vary`.
    DropVary,
    /// The query string leaves the cache key.
    IgnoreQuery,
    /// `Origin` leaves the cache key.
    ExcludeOrigin,
}

/// The decision after these changes, in order.
pub fn after(input: &CacheInput, changes: &[Change]) -> Decision {
    let mut changed = settled(input);
    for change in changes {
        apply(&mut changed, change);
    }
    decide(&changed)
}

/// The input with what was observed turned into knowledge: after a change, the old samples say nothing any more, but
/// what they proved of the zone still holds.
pub(super) fn settled(input: &CacheInput) -> CacheInput {
    let mut out = input.clone();
    let default = eligibility::is_default_cacheable(&input.request);
    if input.observed.proves_eligible() {
        out.zone.rule.get_or_insert(if default { RuleSays::Nothing } else { RuleSays::Eligible });
        out.zone.development_mode.get_or_insert(false);
        if !out.zone.additional_ports.contains(&input.request.port) {
            out.zone.additional_ports.push(input.request.port);
        }
    } else if input.observed.is_dynamic() && eligibility::could_be_eligible(input) {
        out.zone.rule.get_or_insert(if default { RuleSays::Bypass } else { RuleSays::Nothing });
    }
    out.observed = super::Observed::default();
    out
}

/// Applies one change.
pub(super) fn apply(input: &mut CacheInput, change: &Change) {
    match change {
        Change::MakeEligible => input.zone.rule = Some(RuleSays::Eligible),
        Change::StopBypassing => {
            let default = eligibility::is_default_cacheable(&input.request);
            input.zone.rule = Some(if default { RuleSays::Nothing } else { RuleSays::Eligible });
            input.zone.development_mode = Some(false);
        }
        Change::UseGet => input.request.method = "GET".into(),
        Change::UseStandardPort => input.request.port = input.request.scheme.default_port(),
        Change::SetCacheControl { value } => {
            if let Some(answer) = &mut input.response {
                answer.cache_control = CacheControl::parse([value.as_str()]);
                answer.cdn = CacheControl::default();
                answer.cloudflare_cdn = CacheControl::default();
                answer.surrogate = CacheControl::default();
                answer.expires = None;
                (answer.rewritable, answer.whole) = (false, true);
            }
            if let Some(rules) = &mut input.zone.response_rules {
                rules.cache_control = None;
            }
            if let Some(rule) = &mut input.zone.edge_ttl
                && rule.mode == EdgeTtlMode::BypassByDefault
            {
                rule.mode = EdgeTtlMode::RespectOrigin;
            }
        }
        Change::DropSetCookie => {
            if let Some(answer) = &mut input.response {
                answer.cookies.clear();
                answer.whole = true;
            }
        }
        Change::StripSetCookie => {
            input.zone.response_rules.get_or_insert_with(ResponseRules::default).strip_set_cookie = true;
        }
        Change::AllowShared => {
            if let Some(answer) = &mut input.response {
                let mut words: Vec<String> = vec!["public".into()];
                let (_, header) = answer.winner();
                words.extend(header.directives.iter().map(|directive| directive.raw.clone()));
                let value = words.join(", ");
                let parsed = CacheControl::parse([value.as_str()]);
                if answer.cloudflare_cdn.is_present() {
                    answer.cloudflare_cdn = parsed;
                } else if answer.cdn.is_present() {
                    answer.cdn = parsed;
                } else if answer.surrogate.is_present() {
                    answer.surrogate = parsed;
                } else {
                    answer.cache_control = parsed;
                }
            }
        }
        Change::DropAuthorization => input.request.headers.retain(|name| name != "authorization"),
        Change::DropVary => {
            if let Some(answer) = &mut input.response {
                answer.vary = Vary::default();
            }
        }
        Change::IgnoreQuery => input.zone.key.get_or_insert_with(KeyRule::default).ignore_query = true,
        Change::ExcludeOrigin => input.zone.key.get_or_insert_with(KeyRule::default).exclude_origin = true,
    }
}
