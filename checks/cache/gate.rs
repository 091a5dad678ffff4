//! Fixes are checked before they are shown: what the cache model does not believe is not offered.

use crate::evidence::Evidence;
use crate::model::cache::{self, Obstacle, Settle};
use crate::verdict::{Confidence, Fix};

/// The fix as it may be shown. Where the model, asked again after the change, is still stopped by the same thing, the
/// fix gives way to that sentence and to what would settle it; where the obstacle itself is only a possibility, what
/// would settle it comes first.
pub(crate) fn believed(check: &str, evidence: &Evidence, fix: Fix) -> Fix {
    if !check.starts_with("cache-") {
        return fix;
    }
    let Some(plan) = cache::plan(evidence) else { return fix };
    match plan.obstacle(check).filter(|obstacle| obstacle.blocks) {
        Some(obstacle) if obstacle.after.is_none() => unbelieved(obstacle, evidence),
        Some(Obstacle { step, .. }) if step.confidence == Confidence::Low => match step.settle {
            Some(settle) => first_make_sure(fix, settle, evidence),
            None => fix,
        },
        _ => fix,
    }
}

fn unbelieved(obstacle: &Obstacle, evidence: &Evidence) -> Fix {
    let says = &obstacle.step.says;
    let fix = Fix::new(format!(
        "No fix is offered: of the changes that we know, none takes this away without making something worse ({says}). \
         See first what decides."
    ));
    let settle = obstacle.step.settle.unwrap_or(Settle::TRACE);
    fix.shell(settle.reading, settle.command(&evidence.target))
}

fn first_make_sure(fix: Fix, settle: Settle, evidence: &Evidence) -> Fix {
    let mut sure = Fix::new(format!("This is a possibility; make sure first. If it is so: {}", fix.summary))
        .shell(format!("Make sure first: {}", settle.reading), settle.command(&evidence.target));
    sure.steps.extend(fix.steps);
    sure
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::evidence::Evidence;
    use crate::evidence::target::Expectation::Cached;
    use crate::{Finding, StepKind};

    fn mended(id: &str, evidence: &Evidence) -> crate::Fix {
        let check = crate::find(id).unwrap();
        let verdict = check.run(evidence).unwrap();
        check.mend(evidence, verdict.finding().unwrap_or(&Finding::seen("")))
    }

    #[test]
    fn a_fix_that_leaves_the_obstacle_is_not_offered() {
        let lines: Lines = &[("cache-control", "max-age=600"), ("cf-cache-status", "MISS")];
        let by_header =
            site(CSS).sending("X-Forwarded-Host", "b.example.com").excerpt(&[(200, lines)]).expecting(Cached);
        let fix = mended("cache-key-fragmented", &by_header);
        assert!(fix.summary.starts_with("No fix is offered"), "{}", fix.summary);
        assert_eq!(fix.steps.len(), 1);
        assert!(fix.steps[0].text.contains("a.example.com"), "{}", fix.steps[0].text);
        let by_query = site("https://a.example.com/site.css?utm_source=x").excerpt(&[(200, lines)]).expecting(Cached);
        let fix = mended("cache-key-fragmented", &by_query);
        assert!(fix.summary.contains("Ignore the query string"), "{}", fix.summary);
    }

    #[test]
    fn origin_stays_in_the_key_where_the_answer_depends_on_it() {
        let echo: Lines = &[
            ("cache-control", "max-age=600"),
            ("cf-cache-status", "MISS"),
            ("access-control-allow-origin", "https://app.example.net"),
            ("vary", "Origin"),
        ];
        let evidence = site(CSS).sending("Origin", "https://app.example.net").excerpt(&[(200, echo)]).expecting(Cached);
        let fix = mended("cache-key-fragmented", &evidence);
        assert!(fix.steps.iter().all(|step| !step.text.contains("exclude_origin")), "{fix:?}");
    }

    #[test]
    fn a_possibility_is_settled_first() {
        let thin: Lines = &[("cache-control", "public, max-age=60"), ("cf-cache-status", "BYPASS")];
        let evidence = site(API).excerpt(&[(200, thin)]).expecting(Cached);
        let fix = mended("cache-set-cookie", &evidence);
        assert!(fix.summary.starts_with("This is a possibility"), "{}", fix.summary);
        assert_eq!(fix.steps[0].kind, StepKind::Shell);
        assert!(fix.steps[0].text.contains("--connect-to a.example.com:443"), "{}", fix.steps[0].text);
    }

    #[test]
    fn what_is_believed_is_offered_as_it_is() {
        let evidence = site(API).edge(200, &["DYNAMIC"], &[("cache-control", "s-maxage=60")]).expecting(Cached);
        assert!(mended("cache-not-eligible", &evidence).summary.contains("eligible with a Cache Rule"));
    }
}
