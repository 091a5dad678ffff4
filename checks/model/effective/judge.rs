//! Does a rule match this URL?

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{Matched, Miss, Unreadable};
use crate::evidence::Target;
use crate::model::rules::{self, Expression, ParseError, Request, Term, Truth};
use crate::model::url_pattern::{PatternMatch, page_rule, worker_route};

/// An expression as it was read, or why it cannot be.
pub(super) type Read = Rc<Result<Expression, ParseError>>;

/// Expressions that are remembered: those of a large zone.
const MOST_REMEMBERED: usize = 2048;

thread_local! {
    /// A zone's rules are asked about many URLs (the target, its neighbours) and read once: what an expression means
    /// depends on nothing but its text.
    static KNOWN: RefCell<HashMap<String, Read>> = RefCell::new(HashMap::new());
}

fn read(source: &str) -> Read {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(source).map(Rc::clone)) {
        return known;
    }
    let read = Rc::new(rules::parse(source));
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(source.to_owned(), Rc::clone(&read));
    });
    read
}

/// What a condition makes of a request.
pub(super) struct Heard {
    pub(super) matched: Matched,
    pub(super) read: Read,
    /// The terms that keep it from matching.
    pub(super) blamed: Vec<Term>,
}

/// A condition of a modern rule for this request.
pub(super) fn condition(source: &str, enabled: bool, request: &Request) -> Heard {
    let read = read(source);
    let (matched, blamed) = match read.as_ref() {
        Ok(expression) => truth(expression, request),
        Err(error) => {
            let (at, message, caret) = (error.at, error.message.clone(), error.caret(source));
            (Matched::Unreadable(Unreadable { at, message, caret }), Vec::new())
        }
    };
    Heard { matched: if enabled { matched } else { Matched::Disabled(Box::new(matched)) }, read, blamed }
}

fn truth(expression: &Expression, request: &Request) -> (Matched, Vec<Term>) {
    match expression.evaluate(request) {
        Truth::True => (Matched::Yes, Vec::new()),
        Truth::Unknown(terms) => (Matched::Unknown(terms), Vec::new()),
        Truth::False => {
            let blamed = expression.blame(request);
            let miss = |term: &Term| Miss {
                term: term.text.clone(),
                actual: term.actual.clone(),
                slip: term.slip.map(|slip| slip.to_string()),
            };
            (Matched::No(blamed.iter().map(miss).collect()), blamed)
        }
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
