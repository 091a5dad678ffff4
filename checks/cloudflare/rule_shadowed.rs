//! A rule matches this URL, and another decides (`facts/cloudflare.md` 3.2, 9.1 rows 3–5 and 7).

use serde_json::json;

use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::target::Expectation;
use crate::evidence::text::shell_quote;
use crate::evidence::zone::Phase;
use crate::model::effective::{Effective, Overruled, Setter, Stronger};
use crate::model::rules::{self, Mention};
use crate::model::url_pattern::{glob, parts};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};
use crate::zone_rule::quoted;

use super::view;

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-rule-shadowed",
    title: "The rule that is made for this URL decides",
    severity: Severity::Medium,
    needs: &[Probe::Zone],
    why: "Of the Page Rules that match only the one of the highest priority applies, so a broad one above hides a narrow \
          one below. Of modern rules all that match apply, and for each setting the last decides. Any modern rule beats \
          a Page Rule, and a Worker on the URL may suppress Page Rules.",
    fix: |evidence, _| fix(evidence),
    sources: &[
        "https://developers.cloudflare.com/rules/page-rules/",
        "https://developers.cloudflare.com/cache/how-to/cache-rules/order/",
        "https://developers.cloudflare.com/rules/reference/page-rules-migration/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let effective = evidence.effective()?;
    let shadowed = shadowed(&effective, evidence);
    let Some(first) = shadowed.first() else {
        if effective.rules.is_empty() && effective.page_rules.is_empty() && !effective.unread.is_empty() {
            return Err(NotRun::inconclusive("no rule of the zone was read"));
        }
        return Ok(Verdict::Pass(None));
    };
    let mut finding = Finding::seen(format!(
        "{} sets {} = {} for this URL, but {}, so it is {}",
        first.setter,
        first.setting,
        first.value,
        because(first),
        first.instead
    ));
    for beaten in &shadowed {
        let line = format!("{}: {} = {}", beaten.setter.line(), beaten.setting, beaten.value);
        let by = format!("{}: {} = {}", beaten.by.line(), beaten.setting, beaten.instead);
        for line in [line, by] {
            if !finding.proof.contains(&line) {
                finding = finding.proof(line);
            }
        }
    }
    let in_doubt = first.because == Stronger::Worker;
    let finding = finding.confidence(if in_doubt { Confidence::Low } else { Confidence::High });
    let decisive = shadowed.iter().any(|beaten| beaten.setting == "cache" && beaten.value == "eligible");
    if evidence.target.expect == Expectation::Cached && decisive && !in_doubt {
        return Ok(Verdict::Fail(finding));
    }
    Ok(Verdict::Warn(if shadowed.iter().any(|beaten| hurts(beaten)) {
        finding
    } else {
        finding.severity(Severity::Low)
    }))
}

fn because(beaten: &Overruled) -> String {
    match beaten.because {
        Stronger::HigherPriority => format!("{} has the higher priority, and only one Page Rule applies", beaten.by),
        Stronger::LaterRule => format!("{} comes later and matches too", beaten.by),
        Stronger::EarlierRule => format!("{} answers before it", beaten.by),
        Stronger::ModernRule => format!("{} beats every Page Rule", beaten.by),
        Stronger::Worker => format!("{} takes the URL, where Page Rules may not act", beaten.by),
    }
}

/// Does somebody lose by it: a stronger mode, or the cache?
fn hurts(beaten: &Overruled) -> bool {
    match beaten.setting {
        "ssl" => view::mode_of(&beaten.value) > view::mode_of(&beaten.instead),
        "cache" => beaten.value == "eligible",
        _ => false,
    }
}

/// A broad rule under a narrow exception is how rules are meant to be written; the other way round is not.
fn shadowed<'e>(effective: &'e Effective, evidence: &Evidence) -> Vec<&'e Overruled> {
    let counts = |beaten: &&Overruled| match beaten.because {
        Stronger::HigherPriority | Stronger::LaterRule => is_narrower(&beaten.setter, &beaten.by, evidence),
        Stronger::ModernRule => hurts(beaten) || is_narrower(&beaten.setter, &beaten.by, evidence),
        Stronger::Worker => hurts(beaten),
        Stronger::EarlierRule => false,
    };
    let mut found: Vec<&Overruled> = effective.overruled.iter().filter(counts).collect();
    found.sort_by_key(|beaten| !hurts(beaten));
    found
}

/// How closely a condition names the URL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Closeness {
    host: bool,
    path: bool,
}

fn closeness(setter: &Setter, evidence: &Evidence) -> Closeness {
    let target = &evidence.target;
    match setter {
        Setter::PageRule { pattern, .. } => {
            let parts = parts(pattern);
            Closeness { host: parts.host == target.host, path: parts.path.trim_matches(['/', '*']).len() > 1 }
        }
        Setter::Rule { expression, .. } => match rules::parse(expression) {
            Ok(expression) => Closeness {
                host: matches!(expression.host_mention(&target.host), Some(Mention::Named(_))),
                path: expression.path_mention(&rules::Request::of(target)).is_some(),
            },
            Err(_) => Closeness { host: false, path: false },
        },
        _ => Closeness { host: false, path: false },
    }
}

fn is_narrower(one: &Setter, other: &Setter, evidence: &Evidence) -> bool {
    if let (Setter::PageRule { pattern: a, .. }, Setter::PageRule { pattern: b, .. }) = (one, other) {
        return glob(b, a) && !glob(a, b) || closeness(one, evidence) > closeness(other, evidence);
    }
    let (one, other) = (closeness(one, evidence), closeness(other, evidence));
    one.host >= other.host && one.path >= other.path && one != other
}

fn fix(evidence: &Evidence) -> Fix {
    let effective = evidence.effective().ok();
    let found = effective.as_deref().map(|effective| shadowed(effective, evidence)).unwrap_or_default();
    let Some(first) = found.first() else {
        return Fix::new("Put the narrow rule where it decides: Page Rules at the top, modern rules last.")
            .dashboard("Rules → Page Rules, or the product's list of rules: drag the rule to its place");
    };
    match (&first.setter, first.because) {
        (Setter::PageRule { id, .. }, Stronger::HigherPriority) => {
            let above = match &first.by {
                Setter::PageRule { priority, .. } => priority.saturating_add(1),
                _ => 1,
            };
            let body = json!({ "priority": above }).to_string();
            Fix::new(format!(
                "Move {} above {} (then only its own actions apply: repeat there what is still needed of the other), or \
                 replace it by a modern rule, which beats every Page Rule.",
                first.setter, first.by
            ))
            .dashboard(format!("Rules → Page Rules → drag {} above {}", first.setter, first.by))
            .api(
                "Give it the higher priority",
                format!(
                    "curl -sS -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json {} \
                     https://api.cloudflare.com/client/v4/zones/$ZONE_ID/pagerules/{}",
                    shell_quote(&body),
                    super::fixes::word(id.as_deref(), "PAGE_RULE_ID")
                ),
            )
        }
        (Setter::Rule { phase, id, .. }, _) => move_last(first, *phase, id.as_deref()),
        _ => Fix::new(format!(
            "Replace {} by a modern rule at the end of its product's list; {} decides otherwise.",
            first.setter, first.by
        ))
        .dashboard(format!(
            "Rules → Create rule → Custom filter expression: (http.host eq {}) → Place at: Last → Deploy; then delete {}",
            quoted(&evidence.target.host),
            first.setter
        )),
    }
}

fn move_last(beaten: &Overruled, phase: Phase, id: Option<&str>) -> Fix {
    let api = phase.api();
    let rule = super::fixes::word(id, "RULE_ID");
    Fix::new(format!("Move {} behind {}, or take this URL out of the latter.", beaten.setter, beaten.by))
        .dashboard(format!("{}s → {} → Edit → Place at: Last → Save", phase.product(), beaten.setter))
        .api(
            "Move it to the end",
            format!(
                "API=https://api.cloudflare.com/client/v4/zones/$ZONE_ID/rulesets\n\
                 RULESET=$(curl -sS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \"$API/phases/{api}/entrypoint\")\n\
                 RULESET_ID=$(echo \"$RULESET\" | jq -r .result.id)\n\
                 LAST=$(echo \"$RULESET\" | jq -r '.result.rules[-1].id')\n\
                 echo \"$RULESET\" | jq --arg last \"$LAST\" '.result.rules[] | select(.id == \"{rule}\") | {{action, \
                 action_parameters, description, enabled, expression, ref, position: {{after: $last}}}}' | curl -sS -X PATCH \
                 -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json @- \"$API/$RULESET_ID/rules/{rule}\""
            ),
        )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::*;
    use super::CHECK;

    fn cache(expression: &str, eligible: bool) -> Value {
        json!({"id": "c", "description": expression, "expression": expression, "action": "set_cache_settings",
            "action_parameters": {"cache": eligible}})
    }

    #[test]
    fn a_broad_page_rule_above_a_narrow_one() {
        let ssl = |mode: &str| json!([{"id": "ssl", "value": mode}]);
        let hidden = zone(
            json!({"page_rules": [page("lambda.example.com/*", 1, ssl("strict")), page("*example.com/*", 2, ssl("flexible"))]}),
        );
        let (word, seen) = verdict(&CHECK, &hidden);
        assert_eq!(word, "warn/medium");
        assert!(seen.contains("higher priority"), "{seen}");
        let right = zone(
            json!({"page_rules": [page("lambda.example.com/*", 2, ssl("strict")), page("*example.com/*", 1, ssl("flexible"))]}),
        );
        assert_eq!(verdict(&CHECK, &right).0, "pass");
    }

    #[test]
    fn a_broad_rule_behind_a_narrow_one() {
        let rules = |rules: &[Value]| zone(json!({"rulesets": {"http_request_cache_settings": rules}}));
        let api = "http.host eq \"lambda.example.com\"";
        let late = rules(&[cache(api, true), cache("true", false)]);
        assert_eq!(verdict(&CHECK, &late).0, "warn/medium");
        let mut wanted = late.clone();
        wanted.target.expect = crate::evidence::target::Expectation::Cached;
        assert_eq!(verdict(&CHECK, &wanted).0, "fail/medium");
        // The exception behind the general rule is how it is meant.
        assert_eq!(verdict(&CHECK, &rules(&[cache("true", true), cache(api, false)])).0, "pass");
        assert_eq!(verdict(&CHECK, &rules(&[cache(api, true)])).0, "pass");
    }

    #[test]
    fn modern_rules_and_workers_over_page_rules() {
        let everything = json!([{"id": "cache_level", "value": "cache_everything"}]);
        let both = zone(json!({
            "page_rules": [page("lambda.example.com/*", 1, everything)],
            "rulesets": {"http_request_cache_settings": [cache("true", false)]},
        }));
        assert_eq!(verdict(&CHECK, &both).0, "warn/medium");
        let worker = zone(json!({
            "page_rules": [page("lambda.example.com/*", 1, json!([{"id": "ssl", "value": "strict"}]))],
            "worker_routes": [{"pattern": "lambda.example.com/*", "script": "w"}],
        }));
        assert_eq!(verdict(&CHECK, &worker).0, "warn/medium/doubtful");
        assert_eq!(verdict(&CHECK, &nothing()).0, "no-credential");
    }
}
