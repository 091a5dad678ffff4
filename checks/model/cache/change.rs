//! Changes that an owner can make, applied to the model, so that a fix is believed before it is shown.

use std::borrow::Cow;

use super::decision::Text;
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
    /// The origin sends a type that is the extension's.
    FitType,
    /// The query string leaves the cache key.
    IgnoreQuery,
    /// `Origin` leaves the cache key.
    ExcludeOrigin,
    /// The object is split into parts that are small enough.
    SplitObject,
    /// A name of the owner's own zone stands in front.
    UseOwnZone,
    /// The Worker fetches through the cache, or stores what it makes.
    CacheInWorker,
}

impl Change {
    /// The change in words.
    pub fn words(&self) -> Text {
        Cow::Borrowed(match self {
            Change::MakeEligible => "a Cache Rule makes the URL eligible",
            Change::StopBypassing => "no rule bypasses the cache any more, and Development Mode is off",
            Change::UseGet => "it is asked with GET",
            Change::UseStandardPort => "it is asked on the standard port",
            Change::SetCacheControl { value } => return Cow::Owned(format!("the origin sends Cache-Control: {value}")),
            Change::DropSetCookie => "the origin sets no cookie on this answer",
            Change::StripSetCookie => "a Cache Response Rule strips the cookie",
            Change::AllowShared => "the origin adds public to Cache-Control",
            Change::DropAuthorization => "the request carries no Authorization",
            Change::DropVary => "the origin sends no Vary: *",
            Change::FitType => "the origin sends the Content-Type of the extension",
            Change::IgnoreQuery => "the query string leaves the cache key",
            Change::ExcludeOrigin => "the Origin header leaves the cache key",
            Change::SplitObject => "each part of the object is under the limit",
            Change::UseOwnZone => "a name of your own zone stands in front",
            Change::CacheInWorker => "the Worker fetches through the cache, or stores what it makes",
        })
    }
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
                let value = super::plan::with_public(answer);
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
        Change::FitType => {
            if let Some(answer) = &mut input.response {
                answer.media_type = None;
            }
        }
        Change::IgnoreQuery => input.zone.key.get_or_insert_with(KeyRule::default).ignore_query = true,
        Change::ExcludeOrigin => input.zone.key.get_or_insert_with(KeyRule::default).exclude_origin = true,
        Change::SplitObject => {
            if let Some(answer) = &mut input.response {
                answer.size = None;
            }
        }
        // What that zone's rules will say is not known yet.
        Change::UseOwnZone => (input.zone.platform, input.zone.rule) = (None, None),
        Change::CacheInWorker => (input.zone.worker, input.zone.rule) = (Some(false), Some(RuleSays::Eligible)),
    }
}
