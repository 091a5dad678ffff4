//! Recursive descent over the grammar, with the types checked on the way (docs: ruleset-engine/rules-language/operators,
//! values, functions).
//!
//! Precedence: `not`, then `and`, then `xor`, then `or`. What is not in the tables of fields and functions parses as
//! something of unknown type.

use regex::bytes::RegexBuilder;

use super::cursor::{Cursor, is_word};
use super::error::ParseError;
use super::syntax::{Argument, Literal, Logic, Member, Operand, Order, Relation, Shape, Test};
use super::types::Type;
use super::wildcard::Pattern;
use super::{fields, functions};

/// Octets; Cloudflare's own limit is 4,096 characters (docs: rules-language/expressions).
const LONGEST: usize = 64 * 1024;
/// Levels of parentheses, `not` and calls; Cloudflare's parser takes 128.
const DEEPEST: usize = 128;
/// Memory of one compiled pattern, octets.
const PATTERN_SIZE: usize = 4 << 20;

/// Reads a condition to its end.
pub(super) fn condition(source: &str) -> Result<Logic, ParseError> {
    let mut parser = Parser::new(source)?;
    parser.cursor.skip_space();
    let (logic, each) = parser.logic()?;
    parser.end()?;
    if each {
        let message = "a comparison with [*] gives an array; put it into any(…) or all(…)";
        return Err(ParseError::new(0, source.len(), message));
    }
    Ok(logic)
}

/// Reads a value to its end.
pub(super) fn value(source: &str) -> Result<Argument, ParseError> {
    let mut parser = Parser::new(source)?;
    parser.cursor.skip_space();
    let start = parser.cursor.at;
    let argument = if parser.cursor.is_at_text() {
        Argument::Literal(Literal::Text(parser.cursor.text()?))
    } else if parser.cursor.rest().starts_with(['(', '!']) || parser.at_word("not") {
        // A condition as value: the API takes it, what comes of it is not documented.
        Argument::Logic(parser.logic()?.0)
    } else {
        let (operand, shape) = parser.operand()?;
        if shape.each || !shape.kind.fits(Type::Text) {
            return Err(parser
                .cursor
                .error_from(start, format!("expected a string, and this is {}", described(shape))));
        }
        Argument::Operand(operand)
    };
    parser.end()?;
    Ok(argument)
}

/// A place in the source, and how deep it is.
pub(super) struct Parser<'s> {
    pub(super) cursor: Cursor<'s>,
    pub(super) depth: usize,
}

/// A shape, for a message.
pub(super) fn described(shape: Shape) -> String {
    if shape.each { "an array ([*])".into() } else { shape.kind.to_string() }
}

const COMPARISONS: &[(&str, Word)] = &[
    ("==", Word::Order(Order::Equal)),
    ("eq", Word::Order(Order::Equal)),
    ("!=", Word::Order(Order::NotEqual)),
    ("ne", Word::Order(Order::NotEqual)),
    ("<=", Word::Order(Order::LessOrEqual)),
    ("le", Word::Order(Order::LessOrEqual)),
    ("<", Word::Order(Order::Less)),
    ("lt", Word::Order(Order::Less)),
    (">=", Word::Order(Order::GreaterOrEqual)),
    ("ge", Word::Order(Order::GreaterOrEqual)),
    (">", Word::Order(Order::Greater)),
    ("gt", Word::Order(Order::Greater)),
    ("contains", Word::Contains),
    ("matches", Word::Matches),
    ("~", Word::Matches),
    ("wildcard", Word::Wildcard),
    ("strict wildcard", Word::StrictWildcard),
    ("in", Word::In),
    ("bitwise_and", Word::Bits),
];

#[derive(Clone, Copy)]
enum Word {
    Order(Order),
    Contains,
    Matches,
    Wildcard,
    StrictWildcard,
    In,
    Bits,
}

impl<'s> Parser<'s> {
    fn new(source: &'s str) -> Result<Self, ParseError> {
        if source.len() > LONGEST {
            let message = format!("the expression has {} octets; more than {LONGEST} are not read", source.len());
            return Err(ParseError::new(LONGEST, 1, message));
        }
        if source.trim().is_empty() {
            return Err(ParseError::new(0, 0, "the expression is empty"));
        }
        Ok(Parser { cursor: Cursor { source, at: 0 }, depth: 0 })
    }

    fn end(&mut self) -> Result<(), ParseError> {
        self.cursor.skip_space();
        if self.cursor.rest().is_empty() {
            return Ok(());
        }
        let rest = self.cursor.rest();
        Err(self.cursor.error(match rest.chars().next() {
            Some(')') => "this parenthesis was never opened",
            Some('#') => "the Rules language has no comments",
            Some('=') => "a comparison is eq or ==",
            _ if ["AND", "OR", "NOT", "XOR"].iter().any(|word| rest.starts_with(word)) => {
                "operators are written in lower case"
            }
            _ => "expected and, or, xor, or the end",
        }))
    }

    /// One level deeper, or too deep.
    pub(super) fn deeper(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.cursor.error(format!("nested more than {DEEPEST} levels deep")));
        }
        Ok(())
    }

    pub(super) fn logic(&mut self) -> Result<(Logic, bool), ParseError> {
        self.chain(&["or", "||"], Logic::Or, |parser| {
            parser.chain(&["xor", "^^"], Logic::Xor, |parser| parser.chain(&["and", "&&"], Logic::And, Self::unary))
        })
    }

    fn chain(
        &mut self,
        words: &[&str],
        joined: fn(Vec<Logic>) -> Logic,
        mut side: impl FnMut(&mut Self) -> Result<(Logic, bool), ParseError>,
    ) -> Result<(Logic, bool), ParseError> {
        let (first, each) = side(self)?;
        let mut sides = vec![first];
        loop {
            let before = self.cursor.at;
            self.cursor.skip_space();
            if !words.iter().any(|word| self.cursor.take(word)) {
                self.cursor.at = before;
                break;
            }
            self.cursor.skip_space();
            let start = self.cursor.at;
            let (next, other) = side(self)?;
            if each != other {
                let message = "one side is a boolean, the other an array of booleans ([*])";
                return Err(self.cursor.error_from(start, message));
            }
            sides.push(next);
        }
        let logic = match sides.pop() {
            Some(only) if sides.is_empty() => only,
            last => {
                sides.extend(last);
                joined(sides)
            }
        };
        Ok((logic, each))
    }

    fn unary(&mut self) -> Result<(Logic, bool), ParseError> {
        self.cursor.skip_space();
        let denied = self.cursor.take("!") || self.at_word("not") && self.cursor.take("not");
        if denied || self.cursor.take("(") {
            self.deeper()?;
            self.cursor.skip_space();
            let read = if denied {
                self.unary().map(|(logic, each)| (Logic::Not(Box::new(logic)), each))
            } else {
                let read = self.logic()?;
                self.cursor.skip_space();
                self.cursor.expect(")", "expected ), and, or, xor")?;
                Ok(read)
            };
            self.depth -= 1;
            return read;
        }
        self.comparison()
    }

    /// Is `word` next, and not only the beginning of a longer name?
    pub(super) fn at_word(&self, word: &str) -> bool {
        self.cursor.rest().strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_word))
    }

    fn comparison(&mut self) -> Result<(Logic, bool), ParseError> {
        for (word, value) in [("true", true), ("false", false)] {
            if self.at_word(word) {
                self.cursor.take(word);
                return Ok((Logic::Constant(value), false));
            }
        }
        let (left, shape) = self.operand()?;
        self.compared(left, shape)
    }

    /// What comes after an operand.
    pub(super) fn compared(&mut self, left: Operand, shape: Shape) -> Result<(Logic, bool), ParseError> {
        let end = self.cursor.at;
        self.cursor.skip_space();
        let place = self.cursor.at;
        let word = self.comparison_word();
        let relation = match (word, shape.kind) {
            (None, Type::Boolean | Type::Any) => {
                self.cursor.at = end;
                Relation::Holds
            }
            (None, kind) => return Err(self.no_operator(kind)),
            (Some(_), Type::Boolean) => {
                self.cursor.at = place;
                let message = "a boolean stands by itself, without operator; deny it by not";
                return Err(self.cursor.error(message));
            }
            (Some(_), kind @ (Type::List(_) | Type::Map(_))) => {
                self.cursor.at = place;
                let message = format!("{kind} cannot be compared: pick one by [0], or use any(…[*] …)");
                return Err(self.cursor.error(message));
            }
            (Some(word), kind) => {
                self.cursor.skip_space();
                self.relation(word, kind, place)?
            }
        };
        let span = left.span.start..self.cursor.at;
        Ok((Logic::Test(Box::new(Test { span, left, relation })), shape.each))
    }

    fn no_operator(&self, kind: Type) -> ParseError {
        let rest = self.cursor.rest();
        if rest.starts_with('=') {
            return self.cursor.error("a comparison is eq or ==");
        }
        if self.at_word("not") || rest.starts_with("!in") {
            return self.cursor.error("not stands before the whole comparison: not http.host in {…}");
        }
        if ["starts_with", "ends_with"].iter().any(|name| self.at_word(name)) {
            return self.cursor.error("this is a function: starts_with(field, \"…\"), ends_with(field, \"…\")");
        }
        self.cursor.error(format!("expected a comparison: this is {kind}, and no condition by itself"))
    }

    fn comparison_word(&mut self) -> Option<Word> {
        let found = COMPARISONS.iter().find(|(word, _)| self.cursor.rest().starts_with(word));
        if let Some((word, meaning)) = found {
            self.cursor.at += word.len();
            return Some(*meaning);
        }
        let rest = self.cursor.rest();
        (rest.starts_with('&') && !rest.starts_with("&&") && self.cursor.take("&")).then_some(Word::Bits)
    }

    fn relation(&mut self, word: Word, kind: Type, place: usize) -> Result<Relation, ParseError> {
        let wrong = |parser: &Self, wanted: &str| {
            Err(ParseError::new(place, parser.cursor.at.saturating_sub(place).max(1), wanted))
        };
        match word {
            Word::Order(order) => self.order(order, kind),
            Word::Bits if !kind.fits(Type::Integer) => wrong(self, "bits are compared in integers only"),
            Word::Bits => self.cursor.integer().map(Relation::Bits),
            Word::In => self.set(kind),
            _ if !kind.fits(Type::Text) => wrong(self, "this operator is for strings only"),
            Word::Contains => match self.cursor.literal(Type::Text)? {
                Literal::Text(text) => Ok(Relation::Contains(text)),
                _ => wrong(self, "expected a string"),
            },
            Word::Matches => {
                let start = self.cursor.at;
                let pattern = self.cursor.pattern()?;
                let compiled = compile(&pattern).map_err(|message| self.cursor.error_from(start, message))?;
                Ok(Relation::Matches(pattern, compiled))
            }
            Word::Wildcard | Word::StrictWildcard => {
                let start = self.cursor.at;
                let text = self.cursor.text()?;
                let pattern = Pattern::new(&text, matches!(word, Word::StrictWildcard));
                pattern.map(Relation::Wildcard).map_err(|message| self.cursor.error_from(start, message))
            }
        }
    }

    fn order(&mut self, order: Order, kind: Type) -> Result<Relation, ParseError> {
        let starts_name = |c: char| c.is_ascii_alphabetic() || c == '_';
        let name: &str = {
            let rest = self.cursor.rest();
            rest.get(..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())).unwrap_or_default()
        };
        let named = fields::find(name).is_some() || functions::find(name).is_some() && name.starts_with(starts_name);
        if named {
            let start = self.cursor.at;
            let (right, shape) = self.operand()?;
            if shape.each || !shape.kind.fits(kind) {
                let message = format!("expected {kind}, and this is {}", described(shape));
                return Err(self.cursor.error_from(start, message));
            }
            return Ok(Relation::Same(order, right));
        }
        self.cursor.literal(kind).map(|literal| Relation::Order(order, literal))
    }

    fn set(&mut self, kind: Type) -> Result<Relation, ParseError> {
        if self.cursor.take("$") {
            let rest = self.cursor.rest();
            let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
            let length = rest.find(|c: char| !name(c)).unwrap_or(rest.len());
            let list = rest.get(..length).unwrap_or_default();
            if list.is_empty() || rest.get(length..).is_some_and(|rest| rest.starts_with(is_word)) {
                return Err(self.cursor.error("the name of a list has lower-case letters, digits and _ only"));
            }
            self.cursor.at += length;
            return Ok(Relation::Listed(list.into()));
        }
        self.cursor.expect("{", "expected values in braces, {\"a\" \"b\"}, or a list, $name")?;
        let mut members: Vec<Member> = Vec::new();
        loop {
            self.cursor.skip_space();
            if self.cursor.take("}") {
                return Ok(Relation::Among(members));
            }
            if self.cursor.rest().is_empty() {
                return Err(self.cursor.error("expected }"));
            }
            if self.cursor.rest().starts_with(',') {
                return Err(self.cursor.error("the values in braces are separated by spaces, without commas"));
            }
            members.push(self.cursor.member(kind)?);
        }
    }
}

/// A pattern as Cloudflare's engine reads it: octets, Unicode only where the pattern asks for it (docs: functions,
/// `url_decode`, `(?u)`). `None`: it needs tables that are left out here, or too much memory.
pub(super) fn compile(pattern: &str) -> Result<Option<regex::bytes::Regex>, String> {
    match RegexBuilder::new(pattern).unicode(false).size_limit(PATTERN_SIZE).nest_limit(100).build() {
        Ok(compiled) => Ok(Some(compiled)),
        Err(regex::Error::Syntax(message)) if message.contains("property") || message.contains("Unicode-aware") => {
            Ok(None)
        }
        Err(regex::Error::Syntax(message)) => {
            let last = message.lines().last().unwrap_or_default();
            Err(format!("the regular expression cannot be read: {}", last.trim_start_matches("error: ")))
        }
        Err(_) => Ok(None),
    }
}
