//! Cloudflare's Rules language: conditions and values, read, type-checked and evaluated for one request.
//!
//! Sources: cloudflare-docs, `src/content/docs/ruleset-engine/rules-language/` (operators, values, functions,
//! expressions), `src/content/fields/index.yaml` (the reference of fields) and `src/content/docs/rules/normalization/`.
//! What a request does not tell, or the documentation leaves open, is *not known*: a condition is then true or false
//! only where the rest decides it anyway (Kleene's logic), and what keeps it open is named. The conformance table is
//! `fixtures/rules/`.

mod compute;
#[cfg(test)]
mod conformance;
mod cursor;
mod error;
mod evaluate;
mod explain;
mod fields;
mod functions;
mod mention;
mod normalize;
mod operand;
mod parser;
#[cfg(test)]
mod properties;
mod request;
mod secret;
mod slip;
mod syntax;
#[cfg(test)]
mod tests;
mod types;
mod unknown;
mod url;
mod value;
mod wildcard;

pub use error::ParseError;
pub use explain::Term;
pub use mention::Mention;
pub use normalize::Normalization;
pub use request::{Known, Request};
pub use slip::{Slip, similar_path};

use evaluate::Scope;
use syntax::{Argument, Base, Logic, Operand, Relation, Test};
use value::Kleene;

/// A condition, as a rule has it.
#[derive(Clone, Debug)]
pub struct Expression {
    source: String,
    logic: Logic,
}

/// A value that an action computes: the target of a redirect, a path, a header.
#[derive(Clone, Debug)]
pub struct ValueExpression {
    source: String,
    value: Argument,
}

/// Does it match?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// Yes.
    True,
    /// No.
    False,
    /// It depends on these: fields (`ip.src.country`), lists (`$office_list`), functions (`uuidv4()`).
    Unknown(Vec<String>),
}

/// What a value expression gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Computed {
    /// This text, neither cleaned nor redacted.
    Known(String),
    /// It depends on these.
    Unknown(Vec<String>),
}

/// Reads a condition.
///
/// Fields and functions that are not in the tables (newer than this program) are read too, as values of which nothing
/// is known: [`Expression::unknown_fields`].
///
/// # Errors
/// Where Cloudflare would not take it either, or where it is larger or deeper than any real rule (64 KiB, 128 levels).
pub fn parse(source: &str) -> Result<Expression, ParseError> {
    match parser::condition(source) {
        Ok(logic) => Ok(Expression { source: source.into(), logic }),
        Err(error) => Err(error.within(source)),
    }
}

/// Reads a value, such as `concat("https://www.example.com", http.request.uri.path)`.
///
/// # Errors
/// As for [`parse`].
pub fn parse_value(source: &str) -> Result<ValueExpression, ParseError> {
    match parser::value(source) {
        Ok(value) => Ok(ValueExpression { source: source.into(), value }),
        Err(error) => Err(error.within(source)),
    }
}

impl Expression {
    /// Does it match this request?
    pub fn evaluate(&self, request: &Request) -> Truth {
        match evaluate::logic(&self.logic, request) {
            Kleene::True => Truth::True,
            Kleene::False => Truth::False,
            Kleene::Unknown => {
                let mut names = Vec::new();
                self.open(&self.logic, request, &mut names);
                Truth::Unknown(names)
            }
        }
    }

    /// As it was given; [`Expression::shown`] is for people.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Fields, and functions (`name()`), that are not in the tables: the language has grown, or it is a typing error.
    pub fn unknown_fields(&self) -> Vec<String> {
        let mut names = Vec::new();
        explain::each_test(&self.logic, &mut |test| foreign_in_test(test, &mut names));
        names
    }

    /// What keeps it open: the sides of unknown outcome.
    fn open(&self, logic: &Logic, request: &Request, names: &mut Vec<String>) {
        match logic {
            Logic::Constant(_) => {}
            Logic::Test(test) => {
                for name in self.names(test, request) {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            Logic::Not(inner) => self.open(inner, request, names),
            Logic::And(sides) | Logic::Or(sides) | Logic::Xor(sides) => {
                for side in sides.iter().filter(|side| evaluate::logic(side, request) == Kleene::Unknown) {
                    self.open(side, request, names);
                }
            }
        }
    }

    fn names(&self, test: &Test, request: &Request) -> Vec<String> {
        let mut names = Vec::new();
        unknown::of_test(test, &self.source, request, &mut names);
        if names.is_empty() {
            names.push(crate::evidence::text::shorten(&self.shown_test(test), 120));
        }
        names
    }

    fn truth_of(&self, test: &Test, request: &Request) -> Truth {
        match evaluate::test(test, request) {
            Kleene::True => Truth::True,
            Kleene::False => Truth::False,
            Kleene::Unknown => Truth::Unknown(self.names(test, request)),
        }
    }
}

impl ValueExpression {
    /// The value for this request.
    pub fn evaluate(&self, request: &Request) -> Computed {
        let of_view = |view| match &self.value {
            Argument::Logic(_) => None,
            value => evaluate::argument(value, Scope { request, view }).shown(),
        };
        let mut values: Vec<Option<Vec<u8>>> = request.views().iter().map(of_view).collect();
        values.dedup();
        match values.pop() {
            Some(Some(value)) if values.is_empty() => Computed::Known(String::from_utf8_lossy(&value).into_owned()),
            _ => {
                let mut names = Vec::new();
                if let Argument::Operand(operand) = &self.value {
                    unknown::of_operand(operand, &self.source, request, &mut names);
                }
                if names.is_empty() {
                    names.push(crate::evidence::text::shorten(&self.source, 120));
                }
                Computed::Unknown(names)
            }
        }
    }

    /// As it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The value for people: cleaned and redacted, not shortened.
    pub fn shown(&self) -> String {
        crate::evidence::text::clean(&crate::evidence::redact::text(&self.source))
    }

    /// As [`Expression::unknown_fields`].
    pub fn unknown_fields(&self) -> Vec<String> {
        let mut names = Vec::new();
        foreign_in_argument(&self.value, &mut names);
        names
    }
}

fn foreign_in_test(test: &Test, names: &mut Vec<String>) {
    foreign(&test.left, names);
    if let Relation::Same(_, right) = &test.relation {
        foreign(right, names);
    }
}

fn foreign_in_argument(argument: &Argument, names: &mut Vec<String>) {
    match argument {
        Argument::Literal(_) => {}
        Argument::Operand(operand) => foreign(operand, names),
        Argument::Logic(logic) => explain::each_test(logic, &mut |test| foreign_in_test(test, names)),
    }
}

fn foreign(operand: &Operand, names: &mut Vec<String>) {
    let name = match &operand.base {
        Base::Field(_) => None,
        Base::Foreign(name) => Some(name.clone()),
        Base::Call(call) => {
            call.arguments.iter().for_each(|argument| foreign_in_argument(argument, names));
            call.function.is_none().then(|| format!("{}()", call.name))
        }
    };
    names.extend(name.map(|name| crate::evidence::text::clean(&name)).filter(|name| !names.contains(name)));
}
