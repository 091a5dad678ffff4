//! The names of what keeps a comparison open: fields, lists, functions.

use super::evaluate::{self, Scope};
use super::explain::field_name;
use super::request::Request;
use super::syntax::{Argument, Base, Logic, Operand, Relation, Test};
use super::value::{Map, Value};

/// Why something about this operand is not known, in names: fields, functions.
pub(super) fn of_operand(operand: &Operand, source: &str, request: &Request, names: &mut Vec<String>) {
    let values: Vec<Value<'_>> =
        request.views().iter().map(|view| evaluate::operand(operand, Scope { request, view })).collect();
    let disagree = values.windows(2).any(|pair| pair.first() != pair.last());
    let open = disagree || values.iter().any(|value| is_open(value));
    match &operand.base {
        Base::Field(_) | Base::Foreign(_) => {
            if open {
                push(names, field_name(source.get(operand.span.clone()).unwrap_or_default()));
            }
        }
        Base::Call(call) => {
            let before = names.len();
            for argument in &call.arguments {
                match argument {
                    Argument::Operand(inner) => of_operand(inner, source, request, names),
                    Argument::Logic(logic) => of_tests(logic, source, request, names),
                    Argument::Literal(_) => {}
                }
            }
            if open && names.len() == before {
                push(names, &format!("{}()", call.name));
            }
        }
    }
}

fn of_tests(logic: &Logic, source: &str, request: &Request, names: &mut Vec<String>) {
    match logic {
        Logic::Constant(_) => {}
        Logic::Test(test) => of_test(test, source, request, names),
        Logic::Not(inner) => of_tests(inner, source, request, names),
        Logic::And(sides) | Logic::Or(sides) | Logic::Xor(sides) => {
            sides.iter().for_each(|side| of_tests(side, source, request, names));
        }
    }
}

/// What keeps a comparison open.
pub(super) fn of_test(test: &Test, source: &str, request: &Request, names: &mut Vec<String>) {
    of_operand(&test.left, source, request, names);
    match &test.relation {
        Relation::Same(_, right) => of_operand(right, source, request, names),
        Relation::Listed(name) => push(names, &format!("${name}")),
        Relation::Matches(pattern, None) => push(names, &format!("matches {pattern:?}")),
        _ => {}
    }
}

fn is_open(value: &Value<'_>) -> bool {
    match value {
        Value::Unknown | Value::Map(Map::Headers | Map::Cookies) => true,
        Value::List(list) => list.open || list.items.iter().any(is_open),
        _ => false,
    }
}

fn push(names: &mut Vec<String>, name: &str) {
    let name = crate::evidence::text::shorten(name, 120);
    if !names.contains(&name) {
        names.push(name);
    }
}
