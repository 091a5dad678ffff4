//! A rule that was meant for this URL and does not match it (`facts/cloudflare.md` 3.3, 9.1 row 6).

use super::fixes;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::target::Expectation;
use crate::model::effective::{Effective, NearMiss, Slip};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-rule-never-matches",
    title: "The rules that name this URL match it",
    severity: Severity::Medium,
    needs: &[Probe::Zone],
    why: "A rule that misses by a slash, a star, a scheme or a capital letter does nothing, and nothing says so. \
          example.com/foo/* does not match /foo; a host without /* covers its root only; the Rules language compares \
          strings by case, knows hosts in lower case only, and takes a * for itself outside of wildcard.",
    fix: |evidence, _| fix(evidence),
    sources: &[
        "https://developers.cloudflare.com/rules/page-rules/reference/wildcard-matching/",
        "https://developers.cloudflare.com/ruleset-engine/rules-language/operators/",
        "https://developers.cloudflare.com/ruleset-engine/rules-language/fields/reference/http.host/",
    ],
    judge,
};

/// Those that look like a mistake by themselves, likeliest first.
fn mistakes(effective: &Effective) -> Vec<&NearMiss> {
    let counts = |miss: &&NearMiss| miss.slip.is_mistake() || miss.slip == Slip::Unreadable;
    let mut found: Vec<&NearMiss> = effective.near_misses.iter().filter(counts).collect();
    found.sort_by_key(|miss| miss.slip);
    found
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let effective = evidence.effective()?;
    let found = mistakes(&effective);
    let Some(first) = found.first() else {
        if effective.rules.is_empty() && effective.page_rules.is_empty() && !effective.unread.is_empty() {
            return Err(NotRun::inconclusive("no rule of the zone was read"));
        }
        return Ok(Verdict::Pass(None));
    };
    let wish = |miss: &NearMiss| {
        let sets = miss.would_set.iter().map(|set| format!("{} = {}", set.setting, set.value));
        sets.collect::<Vec<_>>().join(", ")
    };
    let more = if found.len() > 1 { format!(" (and {} more rules)", found.len() - 1) } else { String::new() };
    let seen = match first.slip {
        Slip::Unreadable => format!("{} names this host, and its expression cannot be read", first.setter),
        _ => format!("{} names this URL and does not match it: {}{more}", first.setter, first.because.join("; ")),
    };
    let mut finding = Finding::seen(seen);
    for miss in &found {
        finding = finding.proof(miss.setter.line()).proof(format!("it would set {}", wish(miss)));
        finding = finding.proofs(miss.because.iter().cloned());
        finding = finding.proofs(caret(&effective, miss));
        finding = finding.proofs(miss.corrected.as_ref().map(|corrected| format!("this would match: {corrected}")));
    }
    finding.confidence = match first.slip {
        Slip::Impossible => Confidence::High,
        Slip::Unreadable => Confidence::Low,
        // Page Rules of which the documentation does not tell whether they match.
        _ if effective
            .page_rules
            .iter()
            .any(|rule| rule.setter == first.setter && rule.matched.unknown().is_some()) =>
        {
            Confidence::Low
        }
        _ => Confidence::Medium,
    };
    if first.slip == Slip::Unreadable {
        return Ok(Verdict::Warn(finding.severity(Severity::Low)));
    }
    let decides =
        found.iter().any(|miss| miss.would_set.iter().any(|set| set.setting == "cache" && set.value == "eligible"));
    let wanted = evidence.target.expect == Expectation::Cached && finding.confidence > Confidence::Low;
    Ok(if decides && wanted { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
}

/// The place where an expression cannot be read.
fn caret(effective: &Effective, miss: &NearMiss) -> Vec<String> {
    let rule = effective.rules.iter().find(|rule| rule.setter == miss.setter);
    match rule.map(|rule| &rule.matched) {
        Some(crate::model::effective::Matched::Unreadable(error)) => error.caret.lines().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn fix(evidence: &Evidence) -> Fix {
    let effective = evidence.effective().ok();
    let found = effective.as_deref().map(mistakes).unwrap_or_default();
    let fix = match found.first() {
        Some(miss) => match &miss.corrected {
            Some(corrected) => Fix::new(format!("Correct {}, if it is meant for this URL: {corrected}", miss.setter)),
            None => Fix::new(format!("Correct {}, if it is meant for this URL.", miss.setter)),
        },
        None => Fix::new("Correct the pattern or expression of the rule that is meant for this URL."),
    };
    let fix = found.iter().fold(fix, |fix, miss| fixes::correct(evidence, fix, miss));
    fix.dashboard("Account Home → Trace → the URL: shows which rules match it")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::*;
    use super::CHECK;

    #[test]
    fn a_slip_of_the_pen() {
        let pages =
            |pattern: &str| zone(json!({"page_rules": [page(pattern, 1, json!([{"id": "ssl", "value": "strict"}]))]}));
        let (word, seen) = verdict(&CHECK, &pages("lambda.example.com/endpoint/*"));
        assert_eq!(word, "warn/medium/unsure");
        assert!(seen.contains("/endpoint/*"), "{seen}");
        assert_eq!(verdict(&CHECK, &pages("lambda.example.com/*")).0, "pass");
        assert_eq!(verdict(&CHECK, &pages("lambda.example.com/other/*")).0, "pass", "another path is no mistake");
        assert_eq!(verdict(&CHECK, &pages("www.example.com/*")).0, "pass");
        assert_eq!(verdict(&CHECK, &pages("Lambda.example.com/*")).0, "warn/medium/doubtful");
        let capital =
            zone(json!({"rulesets": {"http_config_settings": [strict("http.host eq \"Lambda.example.com\"")]}}));
        assert_eq!(verdict(&CHECK, &capital).0, "warn/medium");
    }

    #[test]
    fn the_sites_other_name() {
        let of = |phase: &str, rule: serde_json::Value| {
            let mut evidence = zone(json!({"rulesets": {phase: [rule]}}));
            evidence.target = "https://www.shop.example.com/a".parse().unwrap();
            evidence
        };
        let names = "http.host eq \"shop.example.com\"";
        let cached = json!({"id": "c1", "expression": names, "action": "set_cache_settings", "action_parameters": {"cache": true}});
        assert_eq!(verdict(&CHECK, &of("http_request_cache_settings", cached)).0, "warn/medium/unsure");
        assert_eq!(
            verdict(&CHECK, &of("http_config_settings", strict(names))).0,
            "pass",
            "an origin of its own may be meant"
        );
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_shown_with_its_place() {
        let broken =
            zone(json!({"rulesets": {"http_config_settings": [strict("http.host = \"lambda.example.com\"")]}}));
        assert_eq!(verdict(&CHECK, &broken).0, "warn/low/doubtful");
        let Ok(crate::Verdict::Warn(finding)) = CHECK.run(&broken) else { panic!() };
        assert!(finding.proof.iter().any(|line| line.trim() == "^"), "{:?}", finding.proof);
    }

    #[test]
    fn fails_where_the_cache_was_wanted() {
        let rule = json!([{"id": "c1", "expression": "http.host eq \"lambda.example.com\" and http.request.uri.path eq \"/endpoint/\"",
            "action": "set_cache_settings", "action_parameters": {"cache": true}}]);
        let mut evidence = zone(json!({"rulesets": {"http_request_cache_settings": rule}}));
        assert_eq!(verdict(&CHECK, &evidence).0, "warn/medium/unsure");
        evidence.target.expect = crate::evidence::target::Expectation::Cached;
        assert_eq!(verdict(&CHECK, &evidence).0, "fail/medium/unsure");
        let fix = CHECK.mend(&evidence, &crate::Finding::seen(""));
        assert!(
            fix.steps.iter().any(|step| step.text.contains("/rules/c1") && step.text.contains("023e105f")),
            "{fix:?}"
        );
        assert_eq!(verdict(&CHECK, &nothing()).0, "no-credential");
    }
}
