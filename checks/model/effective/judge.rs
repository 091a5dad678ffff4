//! Does a rule match this URL?

use super::{Matched, Miss, Unreadable};
use crate::evidence::Target;
use crate::model::rules::{self, Expression, Request, Truth};
use crate::model::url_pattern::{PatternMatch, page_rule, worker_route};

/// A condition of a modern rule for this request; the expression too, if it can be read.
pub(super) fn condition(source: &str, enabled: bool, request: &Request) -> (Matched, Option<Expression>) {
    let (matched, expression) = match rules::parse(source) {
        Ok(expression) => (truth(&expression, request), Some(expression)),
        Err(error) => {
            let caret = error.caret(source);
            (Matched::Unreadable(Unreadable { at: error.at, message: error.message, caret }), None)
        }
    };
    (if enabled { matched } else { Matched::Disabled(Box::new(matched)) }, expression)
}

pub(super) fn truth(expression: &Expression, request: &Request) -> Matched {
    match expression.evaluate(request) {
        Truth::True => Matched::Yes,
        Truth::Unknown(terms) => Matched::Unknown(terms),
        Truth::False => Matched::No(
            expression
                .blame(request)
                .into_iter()
                .map(|term| Miss { term: term.text, actual: term.actual, slip: term.slip.map(|slip| slip.to_string()) })
                .collect(),
        ),
    }
}

fn pattern(found: PatternMatch) -> Matched {
    match found {
        PatternMatch::Yes => Matched::Yes,
        PatternMatch::Unknown(what) => Matched::Unknown(vec![what]),
        PatternMatch::No(part, wanted, actual) => {
            let miss = Miss { term: format!("{} {wanted}", part.word()), actual: Some(actual), slip: None };
            Matched::No(vec![miss])
        }
    }
}

/// A pattern for the URL as sent and as rewritten: whether Page Rules and Workers see a rewritten URL is not documented.
fn both(sent: &Target, rewritten: Option<&Target>, matches: impl Fn(&Target) -> PatternMatch) -> Matched {
    let first = pattern(matches(sent));
    match rewritten.map(|target| pattern(matches(target))) {
        Some(second) if second.is_yes() != first.is_yes() => {
            Matched::Unknown(vec!["whether patterns see the URL before or after a URL Rewrite Rule".into()])
        }
        _ => first,
    }
}

/// The pattern of a Page Rule.
pub(super) fn page_pattern(text: &str, enabled: bool, sent: &Target, rewritten: Option<&Target>) -> Matched {
    let matched = both(sent, rewritten, |target| page_rule(text, target));
    if enabled { matched } else { Matched::Disabled(Box::new(matched)) }
}

/// The pattern of a Worker route.
pub(super) fn route_pattern(text: &str, sent: &Target, rewritten: Option<&Target>) -> Matched {
    both(sent, rewritten, |target| worker_route(text, target))
}
