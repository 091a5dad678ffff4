//! `Cache-Control` and its kin, written so that caches read something else (`facts/cloudflare.md` 0, 1.1 D 6, and
//! section 10 item 3).

use super::{case, fixes};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::http::{FaultKind, Name};
use crate::model::cache::Answer;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

const ID: &str = "cache-control-malformed";

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "Cache-Control is written as caches read it",
    severity: Severity::Medium,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::OriginHttp, Probe::Zone],
    why: "Directives are parted by commas, seconds are whole numbers without quotation marks or units, and a word \
          that no cache knows is ignored without a sound: s-max-age, \"max-age: 60\", \"public; max-age=60\" and \
          max-age=1h all lose the lifetime that was meant.",
    fix: |evidence, _| fixes::give_lifetime(Fix::new("Write the header as the grammar wants it."), evidence),
    sources: &[
        "https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2",
        "https://developers.cloudflare.com/cache/concepts/cache-control/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let case = case::look(evidence)?;
    let Some(answer) = case.input.response.as_ref() else { return Ok(Verdict::Pass(None)) };
    if case.plan.obstacles.iter().any(|obstacle| obstacle.check == ID && obstacle.blocks) {
        return Ok(case.judge(evidence, ID));
    }
    let forbidden = case.plan.obstacles.iter().any(|obstacle| obstacle.check == "cache-control-forbids");
    if forbidden {
        // The answer is not stored anyway; how its lifetime is written comes after that.
        return Ok(Verdict::Pass(None));
    }
    let faults = faults(answer);
    let Some((header, first)) = faults.first() else { return Ok(Verdict::Pass(None)) };
    let lost = answer.winner().1.meant().iter().any(|name| matches!(name, Name::MaxAge | Name::SMaxage));
    let finding = Finding::seen(format!("{header} says {:?}: {}", first.raw, first.says))
        .proofs(faults.iter().map(|(header, fault)| format!("{header}: {} ({})", fault.raw, fault.says)))
        .confidence(if matches!(first.kind, FaultKind::Decimal(_)) { Confidence::Medium } else { Confidence::High });
    // A slip that costs the lifetime matters; the others only might.
    Ok(Verdict::Warn(if lost { finding } else { finding.severity(Severity::Low) }))
}

/// Every fault that matters, with the header it stands in.
fn faults(answer: &Answer) -> Vec<(&'static str, crate::evidence::http::Fault)> {
    let headers = [
        ("Cloudflare-CDN-Cache-Control", &answer.cloudflare_cdn),
        ("CDN-Cache-Control", &answer.cdn),
        ("Surrogate-Control", &answer.surrogate),
        ("Cache-Control", &answer.cache_control),
    ];
    headers
        .into_iter()
        .flat_map(|(name, header)| header.faults().into_iter().map(move |fault| (name, fault)))
        .filter(|(_, fault)| fault.kind.matters())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::CHECK;
    use crate::evidence::target::Expectation::Cached;

    fn sent(value: &str, statuses: &[&str]) -> crate::evidence::Evidence {
        site(CSS).edge(200, statuses, &[("cache-control", value)])
    }

    #[test]
    fn slips_are_named() {
        for value in [
            "s-max-age=60",
            "public; max-age=60",
            "max-age: 60",
            "max-age=\"60\"",
            "max-age=60, max-age=0",
            "max-age=1.5",
        ] {
            let slip = sent(value, &["MISS", "MISS"]);
            let (word_, seen) = verdict(&CHECK, &slip);
            assert_eq!(word_, "warn", "{value}: {seen}");
            is_honest(&CHECK, &slip);
        }
        assert!(verdict(&CHECK, &sent("s-max-age=60", &["MISS"])).1.contains("s-maxage was probably meant"));
    }

    #[test]
    fn a_lifetime_that_is_no_number_keeps_the_copy_stale() {
        assert_eq!(word(&CHECK, &sent("max-age=1h", &["MISS", "EXPIRED"]).expecting(Cached)), "fail");
        assert_eq!(word(&CHECK, &sent("max-age=1h", &["HIT"])), "warn");
    }

    #[test]
    fn what_is_in_order_passes() {
        for value in ["public, max-age=60", "no-store, no-cache, must-revalidate, max-age=0", "max-age=99999999999"] {
            assert_eq!(word(&CHECK, &sent(value, &["MISS"])), "pass", "{value}");
        }
        // What forbids storing is named by its own check.
        assert_eq!(word(&CHECK, &sent("public, no-store", &["BYPASS"])), "pass");
    }
}
