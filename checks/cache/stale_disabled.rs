//! `stale-while-revalidate` and `stale-if-error` that something else cancels (`facts/cloudflare.md` 1.4, 9.1 rows 31
//! and 32).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::http::{Name, Seconds};
use crate::evidence::{Evidence, Target};
use crate::model::cache::{CacheInput, freshness};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cache-stale-disabled",
    title: "Stale directives that the origin sends take effect",
    severity: Severity::Low,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Always Online switches them off for the whole zone; s-maxage, must-revalidate, proxy-revalidate and no-cache forbid to serve stale copies, so \
          stale-while-revalidate and stale-if-error beside them do nothing: visitors wait for the origin (EXPIRED \
          instead of UPDATING).",
    fix: |evidence, _| {
        let input = CacheInput::of(evidence);
        if input.as_ref().is_some_and(|input| input.zone.always_online == Some(true)) {
            return without_always_online(&evidence.target);
        }
        let value = input.and_then(|input| rewritten(&input));
        let value = value.unwrap_or_else(|| "public, max-age=7200, stale-while-revalidate=60".into());
        let fix = Fix::new(
            "Use max-age without s-maxage or must-revalidate; where browsers should keep it for a shorter time than \
             the edge, set the edge's time with a Cache Rule's Edge TTL.",
        );
        fixes::look_twice(fixes::send_header(fix, &value), &evidence.target)
    },
    sources: &[
        "https://developers.cloudflare.com/cache/concepts/cache-control/",
        "https://developers.cloudflare.com/cache/concepts/revalidation/",
    ],
    judge,
};

/// Always Online goes before every directive.
fn without_always_online(target: &Target) -> Fix {
    let fix = Fix::new("Switch Always Online off: while it is on, no stale directive of the origin counts.")
        .dashboard("Caching → Configuration → Always Online → Off")
        .api(
            "Switch it off",
            "curl -sS -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json '{\"value\":\"off\"}' \
             https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/always_online",
        )
        .terraform(
            "Cloudflare provider v5",
            "resource \"cloudflare_zone_setting\" \"always_online\" {\n  zone_id    = var.zone_id\n  setting_id = \
             \"always_online\"\n  value      = \"off\"\n}",
        );
    fixes::look_twice(fix, target)
}

/// The same header without what cancels its stale directives.
fn rewritten(input: &CacheInput) -> Option<String> {
    let (_, header) = input.response.as_ref()?.winner();
    let lifetime = header.seconds(Name::SMaxage).or(header.seconds(Name::MaxAge)).and_then(Seconds::floored)?;
    let mut words = vec!["public".to_owned(), format!("max-age={lifetime}")];
    for name in [Name::StaleWhileRevalidate, Name::StaleIfError] {
        words.extend(header.first(name).map(|directive| directive.raw.clone()));
    }
    Some(words.join(", "))
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let case = case::look(evidence)?.unless_blocked()?;
    let cancelled = freshness::cancelled_stale(&case.input);
    let Some((what, by)) = cancelled.first() else { return Ok(Verdict::Pass(None)) };
    let header = case.input.response.as_ref().map(|answer| {
        let (name, header) = answer.winner();
        format!("{name}: {header}")
    });
    Ok(Verdict::Warn(
        Finding::seen(format!("{by} cancels {what}: visitors wait for the origin when the copy is stale"))
            .proofs(header)
            .proofs(cancelled.iter().map(|(what, by)| format!("{what} is cancelled by {by}"))),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;

    #[test]
    fn cancelled_or_not() {
        let of = |value: &str| site(CSS).edge(200, &["MISS", "HIT"], &[("cache-control", value)]);
        let dead = of("s-maxage=600, stale-while-revalidate=60");
        assert_eq!(word(&CHECK, &dead), "warn");
        is_honest(&CHECK, &dead);
        let Ok(crate::Verdict::Warn(finding)) = CHECK.run(&dead) else { panic!() };
        let fix = (CHECK.fix)(&dead, &finding);
        assert!(fix.steps[0].text.contains("public, max-age=600, stale-while-revalidate=60"), "{}", fix.steps[0].text);
        assert_eq!(word(&CHECK, &of("max-age=600, must-revalidate, stale-if-error=60")), "warn");
        assert_eq!(word(&CHECK, &of("max-age=600, stale-while-revalidate=60")), "pass");
        assert_eq!(word(&CHECK, &of("s-maxage=600, stale-if-error=0")), "pass");
        let dynamic = site(API).edge(200, &["DYNAMIC"], &[("cache-control", "s-maxage=60, stale-if-error=60")]);
        assert_eq!(word(&CHECK, &dynamic), "not-applicable");
    }

    #[test]
    fn always_online_is_known_from_the_zone() {
        let sound =
            site(CSS).edge(200, &["MISS", "HIT"], &[("cache-control", "max-age=600, stale-while-revalidate=60")]);
        let under = |word: &str| {
            let mut evidence = sound.clone();
            let document = serde_json::json!({"zone": {"name": "example.com"}, "settings": {"always_online": word}});
            evidence.zone = crate::evidence::Gathered::Found(crate::evidence::Zone::from_document(document).unwrap());
            evidence
        };
        assert_eq!(word(&CHECK, &under("off")), "pass");
        assert_eq!(word(&CHECK, &under("on")), "warn");
        is_honest(&CHECK, &under("on"));
        let fix = CHECK.mend(&under("on"), &crate::Finding::seen(""));
        assert!(fix.summary.contains("Always Online off"), "{}", fix.summary);
    }
}
