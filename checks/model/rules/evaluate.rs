//! A condition or a value for one request, three-valued.

use super::compute;
use super::functions::What;
use super::request::Request;
use super::syntax::{Argument, Base, Call, Index, Literal, Logic, Member, Operand, Order, Relation, Test};
use super::url::View;
use super::value::{Kleene, List, Value};

/// The request, seen in one of the possible ways.
#[derive(Clone, Copy)]
pub(super) struct Scope<'r> {
    pub(super) request: &'r Request,
    pub(super) view: &'r View,
}

/// The outcome of a condition. A comparison counts only if every view of the request agrees on it.
pub(super) fn logic(logic: &Logic, request: &Request) -> Kleene {
    match logic {
        Logic::Constant(value) => Kleene::from(*value),
        Logic::Test(test) => self::test(test, request),
        Logic::Not(inner) => !self::logic(inner, request),
        Logic::And(sides) => until(sides, request, Kleene::False, Kleene::True, Kleene::and),
        Logic::Or(sides) => until(sides, request, Kleene::True, Kleene::False, Kleene::or),
        Logic::Xor(sides) => sides.iter().map(|side| self::logic(side, request)).fold(Kleene::False, Kleene::xor),
    }
}

fn until(
    sides: &[Logic],
    request: &Request,
    stop: Kleene,
    start: Kleene,
    join: fn(Kleene, Kleene) -> Kleene,
) -> Kleene {
    let mut all = start;
    for side in sides {
        all = join(all, logic(side, request));
        if all == stop {
            break;
        }
    }
    all
}

/// The outcome of one comparison.
pub(super) fn test(test: &Test, request: &Request) -> Kleene {
    let mut outcomes = request.views().iter().map(|view| holds(test, Scope { request, view }));
    let first = outcomes.next().unwrap_or(Kleene::Unknown);
    if outcomes.all(|other| other == first) { first } else { Kleene::Unknown }
}

fn holds(test: &Test, scope: Scope<'_>) -> Kleene {
    relate(&operand(&test.left, scope), &test.relation, scope)
}

/// "Any comparison … where `<expr>` evaluates to a missing value will evaluate to false" (docs: rules-language/values).
fn relate(value: &Value<'_>, relation: &Relation, scope: Scope<'_>) -> Kleene {
    match value {
        Value::Missing => return Kleene::False,
        Value::Unknown => {
            // Whatever the value is, nothing is in the empty set.
            return match relation {
                Relation::Among(members) if members.is_empty() => Kleene::False,
                _ => Kleene::Unknown,
            };
        }
        _ => {}
    }
    let outcome = match (relation, value) {
        (Relation::Holds, value) => return value.truth(),
        (Relation::Order(order, literal), value) => compare(value, literal).map(|found| fits(*order, found)),
        (Relation::Same(order, right), value) => match (operand(right, scope), value) {
            (Value::Missing, _) => Some(false),
            (Value::Text(right), Value::Text(left)) => Some(fits(*order, left.cmp(&right))),
            (Value::Integer(right), Value::Integer(left)) => Some(fits(*order, left.cmp(&right))),
            (Value::Address(right), Value::Address(left)) => Some(fits(*order, left.cmp(&right))),
            _ => None,
        },
        (Relation::Contains(part), Value::Text(text)) => Some(compute::contains(text, part)),
        (Relation::Matches(_, Some(pattern)), Value::Text(text)) => Some(pattern.is_match(text)),
        (Relation::Wildcard(pattern), Value::Text(text)) => Some(pattern.matches(text)),
        (Relation::Among(members), value) => {
            let comparable = matches!(value, Value::Text(_) | Value::Integer(_) | Value::Address(_));
            comparable.then(|| members.iter().any(|member| is(value, member)))
        }
        (Relation::Bits(bits), Value::Integer(value)) => Some(value & bits != 0),
        // Lists are the account's; their items are not in a rule.
        (Relation::Listed(_) | Relation::Contains(_) | Relation::Matches(..), _)
        | (Relation::Wildcard(_) | Relation::Bits(_), _) => None,
    };
    outcome.map_or(Kleene::Unknown, Kleene::from)
}

/// `None`: two kinds of value that cannot be compared (one of them came from an unknown field).
fn compare(value: &Value<'_>, literal: &Literal) -> Option<std::cmp::Ordering> {
    match (value, literal) {
        (Value::Text(value), Literal::Text(literal)) => Some(value.as_ref().cmp(literal)),
        (Value::Integer(value), Literal::Integer(literal)) => Some(value.cmp(literal)),
        (Value::Address(value), Literal::Address(literal)) => Some(value.cmp(literal)),
        _ => None,
    }
}

fn fits(order: Order, found: std::cmp::Ordering) -> bool {
    match order {
        Order::Equal => found.is_eq(),
        Order::NotEqual => found.is_ne(),
        Order::Less => found.is_lt(),
        Order::LessOrEqual => found.is_le(),
        Order::Greater => found.is_gt(),
        Order::GreaterOrEqual => found.is_ge(),
    }
}

fn is(value: &Value<'_>, member: &Member) -> bool {
    match (value, member) {
        (Value::Text(value), Member::Text(member)) => value.as_ref() == member,
        (Value::Integer(value), Member::Integers(first, last)) => (first..=last).contains(&value),
        (Value::Address(value), Member::Addresses(first, last)) => {
            value.is_ipv4() == first.is_ipv4() && (first..=last).contains(&value)
        }
        (Value::Address(value), Member::Network(net)) => net.contains(value),
        _ => false,
    }
}

/// The value of a field or a call.
pub(super) fn operand<'r>(operand: &'r Operand, scope: Scope<'r>) -> Value<'r> {
    let value = match &operand.base {
        Base::Field(field) => scope.request.field(field, scope.view),
        Base::Foreign(name) => scope.request.assumed(name),
        Base::Call(call) => self::call(call, scope),
    };
    picked(value, &operand.path, scope)
}

fn picked<'r>(value: Value<'r>, path: &'r [Index], scope: Scope<'r>) -> Value<'r> {
    let Some((index, rest)) = path.split_first() else { return value };
    match (index, value) {
        (_, Value::Missing) => Value::Missing,
        (Index::At(at), Value::List(list)) => match list.items.into_iter().nth(*at) {
            Some(item) => picked(item, rest, scope),
            None if list.open => Value::Unknown,
            None => Value::Missing,
        },
        (Index::Key(key), Value::Map(map)) => picked(scope.request.entry(map, key, scope.view), rest, scope),
        (Index::Each, Value::List(list)) => each(list.items, list.open, rest, scope),
        (Index::Each, Value::Map(map)) => match scope.request.entries(map, scope.view) {
            Some(entries) => each(entries, false, rest, scope),
            None => Value::Unknown,
        },
        _ => Value::Unknown,
    }
}

fn each<'r>(items: Vec<Value<'r>>, open: bool, rest: &'r [Index], scope: Scope<'r>) -> Value<'r> {
    let mut all = List { items: Vec::with_capacity(items.len()), open };
    for item in items {
        match (picked(item, rest, scope), rest.contains(&Index::Each)) {
            (Value::List(inner), true) => {
                all.items.extend(inner.items);
                all.open |= inner.open;
            }
            (item, _) => all.items.push(item),
        }
    }
    Value::List(all)
}

fn call<'r>(call: &'r Call, scope: Scope<'r>) -> Value<'r> {
    let Some(function) = call.function else { return Value::Unknown };
    let first = call.arguments.first();
    match (function.what, first) {
        (What::Any, Some(argument)) => return quantified(argument, scope, Kleene::or, Kleene::False, Kleene::False),
        // What all(…) of something that is not there gives is not documented.
        (What::All, Some(argument)) => return quantified(argument, scope, Kleene::and, Kleene::True, Kleene::Unknown),
        (What::HasKey, Some(argument)) => return has_key(argument, call.arguments.get(1), scope),
        _ => {}
    }
    let mut values: Vec<Value<'r>> = call.arguments.iter().map(|argument| self::argument(argument, scope)).collect();
    if !call.each {
        return compute::call(function.what, &values);
    }
    match values.first().cloned() {
        Some(Value::List(list)) => {
            let items = list.items.into_iter().map(|item| {
                if let Some(first) = values.first_mut() {
                    *first = item;
                }
                compute::call(function.what, &values)
            });
            Value::List(List { items: items.collect(), open: list.open })
        }
        Some(Value::Missing) => Value::Missing,
        _ => Value::Unknown,
    }
}

pub(super) fn argument<'r>(argument: &'r Argument, scope: Scope<'r>) -> Value<'r> {
    match argument {
        Argument::Literal(Literal::Text(text)) => Value::Text(text.as_slice().into()),
        Argument::Literal(Literal::Integer(value)) => Value::Integer(*value),
        Argument::Literal(Literal::Address(value)) => Value::Address(*value),
        Argument::Operand(operand) => self::operand(operand, scope),
        Argument::Logic(logic) => truths(logic, scope),
    }
}

fn quantified<'r>(
    argument: &'r Argument,
    scope: Scope<'r>,
    join: fn(Kleene, Kleene) -> Kleene,
    empty: Kleene,
    missing: Kleene,
) -> Value<'r> {
    let outcome = match self::argument(argument, scope) {
        Value::List(list) => {
            let known = list.items.iter().map(Value::truth).fold(empty, join);
            if list.open { join(known, Kleene::Unknown) } else { known }
        }
        Value::Missing => missing,
        _ => Kleene::Unknown,
    };
    boolean(outcome)
}

fn boolean<'r>(outcome: Kleene) -> Value<'r> {
    match outcome {
        Kleene::True => Value::Boolean(true),
        Kleene::False => Value::Boolean(false),
        Kleene::Unknown => Value::Unknown,
    }
}

fn has_key<'r>(map: &'r Argument, key: Option<&'r Argument>, scope: Scope<'r>) -> Value<'r> {
    let (Value::Map(map), Some(Argument::Literal(Literal::Text(key)))) = (argument(map, scope), key) else {
        return Value::Unknown;
    };
    match scope.request.entry(map, key, scope.view) {
        Value::List(_) => Value::Boolean(true),
        Value::Missing => Value::Boolean(false),
        _ => Value::Unknown,
    }
}

/// A condition inside of a call: a list where it has `[*]`.
fn truths<'r>(logic: &'r Logic, scope: Scope<'r>) -> Value<'r> {
    match logic {
        Logic::Constant(value) => Value::Boolean(*value),
        Logic::Test(test) => match operand(&test.left, scope) {
            Value::List(list) if test.left.is_each() => {
                let items = list.items.iter().map(|item| boolean(relate(item, &test.relation, scope)));
                Value::List(List { items: items.collect(), open: list.open })
            }
            Value::Missing if test.left.is_each() => Value::Missing,
            Value::List(list) if test.relation.is_alone() => Value::List(list),
            value => boolean(relate(&value, &test.relation, scope)),
        },
        Logic::Not(inner) => match truths(inner, scope) {
            Value::List(list) => Value::List(List {
                items: list.items.iter().map(|item| boolean(!item.truth())).collect(),
                open: list.open,
            }),
            Value::Boolean(value) => Value::Boolean(!value),
            other => other,
        },
        Logic::And(sides) => side_by_side(sides, scope, Kleene::and),
        Logic::Or(sides) => side_by_side(sides, scope, Kleene::or),
        Logic::Xor(sides) => side_by_side(sides, scope, Kleene::xor),
    }
}

/// Element by element; arrays of different lengths have no documented outcome.
fn side_by_side<'r>(sides: &'r [Logic], scope: Scope<'r>, join: fn(Kleene, Kleene) -> Kleene) -> Value<'r> {
    let values = sides.iter().map(|side| truths(side, scope));
    let joined = values.reduce(|left, right| match (left, right) {
        (Value::List(left), Value::List(right)) if left.items.len() == right.items.len() => Value::List(List {
            items: left.items.iter().zip(&right.items).map(|(a, b)| boolean(join(a.truth(), b.truth()))).collect(),
            open: left.open || right.open,
        }),
        (left @ Value::Boolean(_), right @ Value::Boolean(_)) => boolean(join(left.truth(), right.truth())),
        (Value::Missing, Value::Missing) => Value::Missing,
        _ => Value::Unknown,
    });
    joined.unwrap_or(Value::Unknown)
}

impl Relation {
    fn is_alone(&self) -> bool {
        matches!(self, Relation::Holds)
    }
}
