//! The one Page Rule that applies (`facts/cloudflare.md` 3.2), and what may keep it from applying.

use super::decided::Decided;
use super::{JudgedPageRule, Matched, Setter, judge, words};
use crate::evidence::zone::{PageRule, PageRuleActions, Zone};
use crate::evidence::{Gathered, Target};

/// Page Rules for one URL.
pub(super) struct PageRules<'z> {
    /// Those that may be the one, highest first, ending with the one that is for sure.
    candidates: Vec<(&'z PageRule, Setter, Matched)>,
    /// Why Page Rules may not act at all.
    in_doubt: Option<String>,
    /// Why nobody knows.
    unread: Option<String>,
    pub(super) judged: Vec<JudgedPageRule>,
}

/// Why a Page Rule with a Worker in front is in doubt: the migration guide says that Workers suppress Page Rules, the
/// page on Page Rules with Workers says that most actions are respected (forwarding is not)
/// (<https://developers.cloudflare.com/rules/reference/page-rules-migration/>,
/// <https://developers.cloudflare.com/workers/configuration/workers-with-page-rules/>).
const WITH_WORKER: &str =
    "a Worker takes the URL, and Cloudflare's pages disagree on which actions of a Page Rule hold then";

pub(super) fn look<'z>(
    zone: &'z Zone,
    sent: &Target,
    rewritten: Option<&Target>,
    worker: &Decided<Option<String>>,
) -> PageRules<'z> {
    let has_worker = worker.value.as_ref().is_some_and(Option::is_some);
    let mut out = PageRules {
        candidates: Vec::new(),
        in_doubt: has_worker.then(|| WITH_WORKER.to_owned()),
        unread: None,
        judged: Vec::new(),
    };
    let rules = match &zone.page_rules {
        Gathered::Found(rules) => rules,
        Gathered::Missing(why) => {
            out.unread = Some(format!("unless a Page Rule says otherwise (not known: {})", why.text()));
            return out;
        }
    };
    let mut decided = false;
    for rule in rules {
        let setter = Setter::PageRule { id: rule.id.clone(), priority: rule.priority, pattern: rule.pattern.clone() };
        let matched = judge::page_pattern(&rule.pattern, rule.enabled, sent, rewritten);
        let applies = matched.is_yes() && !decided;
        if !decided && matches!(matched, Matched::Yes | Matched::Unknown(_)) {
            out.candidates.push((rule, setter.clone(), matched.clone()));
        }
        decided |= matched.is_yes();
        out.judged.push(JudgedPageRule { setter, matched, applies, sets: words::of_page_rule(&rule.actions) });
    }
    out
}

impl<'z> PageRules<'z> {
    /// The one that applies, and its place in the zone's list.
    pub(super) fn applying(&self) -> Option<(&'z PageRule, &Setter)> {
        let (rule, setter, matched) = self.candidates.last()?;
        matched.is_yes().then_some((*rule, setter))
    }

    /// What they say of one setting.
    pub(super) fn speak<T: PartialEq>(
        &self,
        decided: &mut Decided<T>,
        get: impl Fn(&PageRuleActions) -> Option<T>,
        show: impl Fn(&T) -> String,
    ) {
        if let Some(unread) = &self.unread {
            decided.doubt(unread.clone());
        }
        let winner = self.applying();
        let wins = winner.and_then(|(rule, _)| get(&rule.actions));
        let speaks = wins.is_some();
        if let (Some((_, setter)), Some(value)) = (winner, wins) {
            match &self.in_doubt {
                None => decided.set(value, setter.clone()),
                Some(why) if decided.value.as_ref() != Some(&value) => {
                    decided.doubt(format!("unless {setter} holds, which sets {}: {why}", show(&value)));
                }
                Some(_) => {}
            }
        }
        for (rule, setter, matched) in &self.candidates {
            let Matched::Unknown(terms) = matched else { continue };
            let terms = terms.join(" and ");
            match get(&rule.actions) {
                Some(value) if decided.value.as_ref() != Some(&value) => {
                    decided
                        .doubt(format!("unless {setter} matches, which sets {}: it depends on {terms}", show(&value)));
                }
                None if speaks && self.in_doubt.is_none() => {
                    decided.doubt(format!("unless {setter} matches and applies instead: it depends on {terms}"));
                }
                _ => {}
            }
        }
    }
}
