//! Which part of a condition decides for this request, and what the request has there.

use super::evaluate::{self, Scope};
use super::fields::{HostIn, Of, Part};
use super::functions::What;
use super::request::Request;
use super::slip::{How, Kind, Slip, near};
use super::syntax::{Argument, Base, Index, Literal, Logic, Member, Operand, Order, Relation, Test};
use super::value::{Kleene, Value};
use super::{Expression, Truth};
use crate::evidence::{redact, text};

/// One comparison of a condition, for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// As written, cleaned: `http.host eq "www.example.com"`.
    pub text: String,
    /// The field that it looks at, with what is picked out of it: `http.request.headers["accept"]`.
    pub field: String,
    /// What the request has there, without secrets. `None`: nothing, or not known.
    pub actual: Option<String>,
    /// Its outcome.
    pub truth: Truth,
    /// If it does not hold: the small mistake that it may be.
    pub slip: Option<Slip>,
}

/// Characters of a term, and of a value, that are shown.
const SHOWN: usize = 200;

impl Expression {
    /// Every comparison, in the order of the source.
    pub fn terms(&self, request: &Request) -> Vec<Term> {
        let mut found = Vec::new();
        each_test(&self.logic, &mut |test| found.push(test));
        found.into_iter().map(|test| self.term(test, request)).collect()
    }

    /// The comparisons that make this condition false: of `and` the sides that are false, of `or` every side, through
    /// `not`. Empty, if it is not false.
    pub fn blame(&self, request: &Request) -> Vec<Term> {
        let mut found = Vec::new();
        if evaluate::logic(&self.logic, request) == Kleene::False {
            blame(&self.logic, Kleene::False, request, &mut found);
        }
        found.into_iter().map(|test| self.term(test, request)).collect()
    }

    fn term(&self, test: &Test, request: &Request) -> Term {
        let subject = subject(&test.left);
        let source = |span: std::ops::Range<usize>| self.source.get(span).unwrap_or_default();
        Term {
            text: text::shorten(&self.shown_test(test), SHOWN),
            field: text::shorten(field_name(source(subject.span.clone())), SHOWN),
            actual: actual(subject, request),
            truth: self.truth_of(test, request),
            slip: slip(test, request),
        }
    }
}

/// `http.request.headers["a"][*]` without the `[*]`.
pub(super) fn field_name(operand: &str) -> &str {
    operand.strip_suffix("[*]").unwrap_or(operand)
}

pub(super) fn each_test<'l>(logic: &'l Logic, then: &mut impl FnMut(&'l Test)) {
    match logic {
        Logic::Constant(_) => {}
        Logic::Test(test) => then(test),
        Logic::Not(inner) => each_test(inner, then),
        Logic::And(sides) | Logic::Or(sides) | Logic::Xor(sides) => {
            for side in sides {
                each_test(side, then);
            }
        }
    }
}

/// The tests that make `logic` be what it is, which is `outcome`.
fn blame<'l>(logic: &'l Logic, outcome: Kleene, request: &Request, found: &mut Vec<&'l Test>) {
    match (logic, outcome) {
        (Logic::Constant(_), _) => {}
        (Logic::Test(test), _) => found.push(test),
        (Logic::Not(inner), outcome) => blame(inner, !outcome, request, found),
        (Logic::And(sides), Kleene::False) | (Logic::Or(sides), Kleene::True) => {
            for side in sides.iter().filter(|side| evaluate::logic(side, request) == outcome) {
                blame(side, outcome, request, found);
            }
        }
        (Logic::And(sides) | Logic::Or(sides), outcome) => {
            for side in sides {
                blame(side, outcome, request, found);
            }
        }
        (Logic::Xor(sides), _) => {
            for side in sides {
                blame(side, evaluate::logic(side, request), request, found);
            }
        }
    }
}

/// The field that a comparison is about: inside of calls, the first one.
pub(super) fn subject(operand: &Operand) -> &Operand {
    let Base::Call(call) = &operand.base else { return operand };
    let inner = call.arguments.iter().find_map(|argument| match argument {
        Argument::Operand(inner) => Some(subject(inner)),
        Argument::Logic(logic) => {
            let mut first = None;
            each_test(logic, &mut |test| {
                first.get_or_insert_with(|| subject(&test.left));
            });
            first
        }
        Argument::Literal(_) => None,
    });
    inner.unwrap_or(operand)
}

fn actual(subject: &Operand, request: &Request) -> Option<String> {
    let mut seen: Vec<String> = Vec::new();
    for view in request.views() {
        let shown = evaluate::operand(subject, Scope { request, view }).shown()?;
        let shown = String::from_utf8_lossy(&shown).into_owned();
        if !seen.contains(&shown) {
            seen.push(shown);
        }
    }
    let shown = seen.join(" or ");
    let safe = match &subject.base {
        Base::Field(field) => match (field.of, subject.path.first()) {
            (Of::Header(name), _) => redact::header(name, &shown),
            (Of::Headers, Some(Index::Key(name))) => redact::header(&String::from_utf8_lossy(name), &shown),
            (Of::Cookies, _) => redact::REDACTED.into(),
            (Of::HeaderValues, _) => return None,
            _ => redact::text(&shown),
        },
        _ => redact::text(&shown),
    };
    Some(text::shorten(&safe, SHOWN))
}

/// One way in which a condition looks at a text: the field, how, and the text.
pub(super) struct Look<'t> {
    pub(super) subject: &'t Operand,
    pub(super) how: How,
    pub(super) text: &'t str,
}

/// What a comparison compares its field with, if that is text. `lower(…)` around the field changes nothing here.
pub(super) fn looks(test: &Test) -> Vec<Look<'_>> {
    let (how, texts) = match &test.relation {
        Relation::Order(Order::Equal, Literal::Text(text)) => (How::Equal, vec![text.as_slice()]),
        Relation::Contains(text) => (How::Contains, vec![text.as_slice()]),
        Relation::Matches(pattern, _) => (How::Matches, vec![pattern.as_bytes()]),
        Relation::Wildcard(pattern) if pattern.is_strict() => (How::StrictWildcard, vec![pattern.source()]),
        Relation::Wildcard(pattern) => (How::Wildcard, vec![pattern.source()]),
        Relation::Among(members) => (How::Equal, members.iter().filter_map(member_text).collect()),
        Relation::Holds => return called(&test.left),
        _ => return Vec::new(),
    };
    let Some(subject) = unwrapped(&test.left) else { return Vec::new() };
    let texts = texts.into_iter().filter_map(|text| std::str::from_utf8(text).ok());
    texts.map(|text| Look { subject, how, text }).collect()
}

fn member_text(member: &Member) -> Option<&[u8]> {
    match member {
        Member::Text(text) => Some(text),
        _ => None,
    }
}

/// `starts_with(field, "text")` and its kind.
fn called(operand: &Operand) -> Vec<Look<'_>> {
    let Base::Call(call) = &operand.base else { return Vec::new() };
    let how = match call.function.map(|function| function.what) {
        Some(What::StartsWith) => How::Starts,
        Some(What::EndsWith) => How::Ends,
        Some(What::Contains) => How::Contains,
        Some(What::Any) => {
            return match call.arguments.first() {
                Some(Argument::Logic(Logic::Test(test))) => looks(test),
                _ => Vec::new(),
            };
        }
        _ => return Vec::new(),
    };
    match call.arguments.as_slice() {
        [Argument::Operand(first), Argument::Literal(Literal::Text(text))] => {
            let (Some(subject), Ok(text)) = (unwrapped(first), std::str::from_utf8(text)) else { return Vec::new() };
            vec![Look { subject, how, text }]
        }
        _ => Vec::new(),
    }
}

/// The field itself, also inside of `lower(…)` and `url_decode(…)`.
fn unwrapped(operand: &Operand) -> Option<&Operand> {
    let Base::Call(call) = &operand.base else { return Some(operand) };
    match (call.function.map(|function| function.what), call.arguments.first()) {
        (Some(What::Lower | What::UrlDecode), Some(Argument::Operand(inner))) => unwrapped(inner),
        _ => None,
    }
}

impl Look<'_> {
    /// What kind of value the field has.
    pub(super) fn kind(&self) -> Kind {
        let Base::Field(field) = &self.subject.base else { return Kind::Other };
        match (field.of, field.host_in()) {
            (_, Some(HostIn::Alone)) => Kind::Host,
            (_, Some(HostIn::Url)) => Kind::FullUri,
            (Of::Url(Part::Uri) | Of::RawUrl(Part::Uri), _) => Kind::Uri,
            (Of::Url(Part::Path) | Of::RawUrl(Part::Path), _) => Kind::Path,
            (Of::Headers, _) if self.subject.path.first() == Some(&Index::Key(b"host".to_vec())) => Kind::Host,
            _ => Kind::Other,
        }
    }
}

/// The small mistake that keeps a comparison from holding.
fn slip(test: &Test, request: &Request) -> Option<Slip> {
    if evaluate::test(test, request) != Kleene::False {
        return None;
    }
    let header = subject(&test.left);
    if let (Base::Field(field), Some(Index::Key(name))) = (&header.base, header.path.first())
        && field.of == Of::Headers
        && name.iter().any(u8::is_ascii_uppercase)
    {
        return Some(Slip::HeaderName);
    }
    let view = request.views().first()?;
    looks(test)
        .into_iter()
        .filter_map(|look| {
            let Value::Text(value) = evaluate::operand(look.subject, Scope { request, view }) else { return None };
            near(look.kind(), look.how, look.text, std::str::from_utf8(&value).ok()?)
        })
        .min()
}
