//! The URL relies on a Page Rule, a product that is deprecated (`facts/cloudflare.md` 3.4).

use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::zone::PageRule;
use crate::model::effective::Effective;
use crate::model::page_rule::{self, Translation};
use crate::verdict::{Finding, Fix, NotRun, Verdict};
use crate::zone_rule::ZoneRule;

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-page-rule-superseded",
    title: "No Page Rule decides about this URL",
    severity: Severity::Low,
    needs: &[Probe::Zone],
    why: "Page Rules are deprecated; Cloudflare means to migrate them by itself. They match by URL only, just one applies, \
          and any modern rule silently beats it. The same in modern rules can be read, ordered and tested one by one.",
    fix: |evidence, _| fix(evidence),
    sources: &[
        "https://developers.cloudflare.com/rules/page-rules/",
        "https://developers.cloudflare.com/rules/reference/page-rules-migration/",
        "https://developers.cloudflare.com/cache/how-to/cache-rules/page-rules-migration/",
    ],
    judge,
};

/// The Page Rule that applies here.
fn applying<'z>(evidence: &'z Evidence, effective: &Effective) -> Option<&'z PageRule> {
    let index = effective.page_rules.iter().position(|rule| rule.applies)?;
    evidence.zone.found()?.page_rules.found()?.get(index)
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let effective = evidence.effective()?;
    evidence.zone.get()?.page_rules.get()?;
    let Some(rule) = applying(evidence, &effective) else {
        return Ok(Verdict::pass("no Page Rule applies"));
    };
    let judged = effective.page_rules.iter().find(|judged| judged.applies);
    let sets = judged.map(|judged| judged.sets.as_slice()).unwrap_or_default();
    let sets: Vec<String> = sets.iter().map(|set| format!("{} = {}", set.setting, set.value)).collect();
    let what = if sets.is_empty() { rule.actions.ids.join(", ") } else { sets.join(", ") };
    let seen = format!("this URL relies on Page Rule {} ({what}), a product that is deprecated", rule.pattern);
    let translation = page_rule::translate(rule);
    let equivalents = translation
        .rules
        .iter()
        .map(|rule| format!("the same as a {}: {} {}", rule.phase.product(), rule.expression, rule.parameters));
    let finding = Finding::seen(seen)
        .proofs(judged.map(|judged| judged.setter.line()))
        .proofs(equivalents)
        .proofs(translation.untranslated.iter().map(|id| format!("{id} has no equivalent that could be told here")));
    Ok(Verdict::Warn(finding))
}

fn fix(evidence: &Evidence) -> Fix {
    let effective = evidence.effective().ok();
    let rule = effective.as_deref().and_then(|effective| applying(evidence, effective));
    let Some(rule) = rule else {
        return Fix::new("Replace the Page Rule by modern rules, try them, then delete it.").dashboard(
            "Rules → Page Rules; and Caching → Cache Rules, Rules → Configuration Rules, Redirect Rules, Origin Rules",
        );
    };
    let Translation { rules, untranslated } = page_rule::translate(rule);
    let rest =
        if untranslated.is_empty() { String::new() } else { format!(" Not translated: {}.", untranslated.join(", ")) };
    let fix = Fix::new(format!(
        "Make the same in modern rules, switch Page Rule {} off, look whether all is well, then delete it.{rest}",
        rule.pattern
    ))
    .dashboard(format!("Rules → Page Rules → {} → off, once the new rules are deployed", rule.pattern));
    rules.into_iter().fold(fix, |fix, modern| {
        let rule = ZoneRule {
            phase: modern.phase,
            description: format!("From Page Rule {}", rule.pattern),
            expression: modern.expression,
            action: modern.action,
            parameters: modern.parameters,
        };
        let before = fix.steps.len();
        let mut fix = rule.add_to(fix);
        // A lifetime that beats the origin's word is taken over as it is, and said to be one.
        for step in fix.steps.iter_mut().skip(before).filter(|step| step.text.contains("override_origin")) {
            step.label = format!("As the Page Rule does now, only if it holds no user data: {}", step.label);
        }
        fix
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::*;
    use super::CHECK;
    use crate::StepKind;

    #[test]
    fn the_same_in_modern_rules() {
        let actions = json!([{"id": "ssl", "value": "strict"}, {"id": "cache_level", "value": "cache_everything"}, {"id": "polish", "value": "off"}]);
        let evidence = zone(json!({"page_rules": [page("lambda.example.com/*", 1, actions)]}));
        let (word, seen) = verdict(&CHECK, &evidence);
        assert_eq!(word, "warn/low");
        assert!(seen.contains("ssl = strict") && seen.contains("cache = eligible"), "{seen}");
        let fix = CHECK.mend(&evidence, &crate::Finding::seen(""));
        let text: String =
            fix.steps.iter().filter(|step| step.kind == StepKind::Terraform).map(|s| s.text.as_str()).collect();
        assert!(text.contains("http_config_settings") && text.contains("http_request_cache_settings"), "{text}");
        assert!(text.contains("http*://lambda.example.com/*"), "{text}");
        assert!(fix.summary.contains("polish"), "{}", fix.summary);
    }

    #[test]
    fn others_are_left_alone() {
        let elsewhere =
            zone(json!({"page_rules": [page("www.example.com/*", 1, json!([{"id": "ssl", "value": "strict"}]))]}));
        assert_eq!(verdict(&CHECK, &elsewhere).0, "pass");
        assert_eq!(verdict(&CHECK, &zone(json!({"page_rules": null}))).0, "blocked");
        assert_eq!(verdict(&CHECK, &nothing()).0, "no-credential");
    }
}
