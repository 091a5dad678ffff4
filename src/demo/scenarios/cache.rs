//! Sites that work, and are not served from cache.

use super::{SEEN, SOUND, rule, with_headers};
use crate::demo::{CacheAction, EdgeTtl, Scenario, Zone};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "not-eligible",
        line: "a perfect Cache-Control, and DYNAMIC for ever",
        story: "The API sends s-maxage, but no rule makes the path eligible: Cloudflare decides by extension.",
        cause: Some("cache-not-eligible"),
        expect: &[("cache-not-eligible", "fail")],
        zone: || Zone { rule: None, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "no-store",
        line: "eligible by a rule, but the API sends no-store: BYPASS",
        story: "The framework's default forbids storing.",
        cause: Some("cache-control-forbids"),
        expect: &[("cache-control-forbids", "fail")],
        origin: || with_headers(&[("cache-control", "no-store")]),
        ..SOUND
    },
    Scenario {
        name: "no-cache-control",
        line: "eligible by a rule that leaves it to the origin, and the origin says nothing: BYPASS",
        story: "The rule's edge TTL is \"use cache-control header if present, bypass cache if not\", and the function \
                sends none.",
        cause: Some("cache-control-missing"),
        expect: &[("cache-control-missing", "fail")],
        zone: || Zone { rule: rule(&[], CacheAction::Eligible(EdgeTtl::BypassByDefault)), ..Zone::default() },
        origin: || with_headers(&[]),
        ..SOUND
    },
    Scenario {
        name: "set-cookie",
        line: "eligible by a rule, but a session cookie comes along: BYPASS",
        story: "The framework starts a session for every visitor.",
        cause: Some("cache-set-cookie"),
        expect: &[("cache-set-cookie", "fail")],
        origin: || {
            with_headers(&[("cache-control", "public, max-age=600"), ("set-cookie", "session=demo; Path=/; HttpOnly")])
        },
        ..SOUND
    },
    Scenario {
        name: "revalidates",
        line: "stored, but never fresh: MISS, then EXPIRED for ever",
        story: "The framework sends no-cache: Cloudflare keeps the answer and asks again each time.",
        cause: Some("cache-control-revalidates"),
        expect: &[("cache-control-revalidates", "fail")],
        origin: || with_headers(&[("cache-control", "public, no-cache"), ("etag", "\"a1\"")]),
        ..SOUND
    },
    Scenario {
        name: "browser-ttl",
        line: "browsers keep the answer four hours, the origin said five minutes",
        story: "Browser Cache TTL stands at its default of four hours and raises what the origin says.",
        expect: &[("cache-browser-ttl-rewritten", "warn")],
        zone: || Zone { browser_ttl: 14_400, origin_pull: true, ..Zone::default() },
        ..SEEN
    },
];
