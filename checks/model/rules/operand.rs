//! Fields, calls and what is picked out of them, with the types of arguments checked.

use super::error::ParseError;
use super::fields;
use super::functions::{self, Form, Function, Returns, Wanted, What};
use super::parser::{Parser, described};
use super::syntax::{Argument, Base, Call, Index, Literal, Operand, Shape};
use super::types::Type;

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Result<(Operand, Shape), ParseError> {
        let start = self.cursor.at;
        let name = self.cursor.name();
        if name.is_empty() {
            let at_text = self.cursor.is_at_text();
            return Err(self.cursor.error(if at_text {
                "expected a field or a function; a value stands on the right of an operator only"
            } else {
                "expected a field or a function"
            }));
        }
        let end = self.cursor.at;
        self.cursor.skip_space();
        let (base, kind) = if self.cursor.take("(") {
            self.call(name, start)?
        } else {
            self.cursor.at = end;
            match fields::find(name) {
                Some(field) => (Base::Field(field), field.kind),
                None => (Base::Foreign(foreign(name, start)?), Type::Any),
            }
        };
        let (path, shape) = self.indexes(kind)?;
        Ok((Operand { span: start..self.cursor.at, base, path }, shape))
    }

    fn indexes(&mut self, mut kind: Type) -> Result<(Vec<Index>, Shape), ParseError> {
        let (mut path, mut each) = (Vec::new(), false);
        loop {
            let start = self.cursor.at;
            if !self.cursor.take("[") {
                return Ok((path, Shape { kind, each }));
            }
            self.cursor.skip_space();
            let index = if self.cursor.take("*") {
                Index::Each
            } else if self.cursor.rest().starts_with('"') {
                Index::Key(self.cursor.text()?)
            } else {
                let rest = self.cursor.rest();
                let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let digits = rest.get(..length).unwrap_or_default();
                let Ok(number) = digits.parse::<u32>() else {
                    return Err(self.cursor.error("expected a number from 0, \"name\" or *"));
                };
                self.cursor.at += length;
                Index::At(usize::try_from(number).unwrap_or(usize::MAX))
            };
            self.cursor.skip_space();
            self.cursor.expect("]", "expected ]")?;
            kind = match (kind, &index) {
                (Type::List(element), Index::At(_) | Index::Each) => *element,
                (Type::Map(element), Index::Key(_) | Index::Each) => *element,
                (Type::Any, _) => Type::Any,
                (kind, _) => {
                    let what = match index {
                        Index::At(_) => "no numbered elements",
                        Index::Key(_) => "no named elements",
                        Index::Each => "no elements",
                    };
                    return Err(self.cursor.error_from(start, format!("{kind} has {what}")));
                }
            };
            each |= index == Index::Each;
            path.push(index);
        }
    }

    fn call(&mut self, name: &str, start: usize) -> Result<(Base, Type), ParseError> {
        self.deeper()?;
        let function = functions::find(name);
        let mut arguments = Vec::new();
        let mut shapes: Vec<Shape> = Vec::new();
        self.cursor.skip_space();
        while !self.cursor.take(")") {
            if !arguments.is_empty() {
                self.cursor.expect(",", "expected , or )")?;
                self.cursor.skip_space();
            }
            let (place, index) = (self.cursor.at, arguments.len());
            let wanted = match function {
                Some(function) => Some(
                    function
                        .wanted(index)
                        .ok_or_else(|| self.cursor.error(format!("{name} takes no {} argument", ordinal(index))))?,
                ),
                None => None,
            };
            let (argument, shape) = self.argument()?;
            if let (Some(function), Some(wanted)) = (function, wanted) {
                let literal = matches!(argument, Argument::Literal(_));
                self.check(function, wanted, literal, shape, index, place)?;
            }
            arguments.push(argument);
            shapes.push(shape);
            self.cursor.skip_space();
        }
        self.depth -= 1;
        if let Some(function) = function.filter(|function| arguments.len() < function.least) {
            let message = format!("{name} needs at least {} arguments", function.least);
            return Err(self.cursor.error_from(start, message));
        }
        let each = shapes.first().is_some_and(|shape| shape.each)
            && !function.is_some_and(|function| matches!(function.what, What::Any | What::All));
        let kind = match function.map(|function| function.returns) {
            None => Type::Any,
            Some(Returns::Kind(kind)) => kind,
            Some(Returns::LikeFirst) => match shapes.first() {
                Some(Shape { kind: list @ Type::List(_), each: false }) => *list,
                _ => Type::Text,
            },
        };
        let call = Call { name: name.into(), function, arguments, each };
        Ok((Base::Call(call), if each { kind.listed() } else { kind }))
    }

    fn argument(&mut self) -> Result<(Argument, Shape), ParseError> {
        let rest = self.cursor.rest();
        let single = |kind| Shape { kind, each: false };
        if self.cursor.is_at_text() {
            return Ok((Argument::Literal(Literal::Text(self.cursor.text()?)), single(Type::Text)));
        }
        if rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Ok((Argument::Literal(self.cursor.literal(Type::Integer)?), single(Type::Integer)));
        }
        if rest.starts_with(['(', '!']) || self.at_word("not") {
            let (logic, each) = self.logic()?;
            return Ok((Argument::Logic(logic), Shape { kind: Type::Boolean, each }));
        }
        let (operand, shape) = self.operand()?;
        let end = self.cursor.at;
        self.cursor.skip_space();
        let alone = self.cursor.rest().starts_with([',', ')']);
        self.cursor.at = end;
        if alone {
            return Ok((Argument::Operand(operand), shape));
        }
        let (logic, each) = self.compared(operand, shape)?;
        Ok((Argument::Logic(logic), Shape { kind: Type::Boolean, each }))
    }

    fn check(
        &self,
        function: &Function,
        wanted: Wanted,
        literal: bool,
        shape: Shape,
        index: usize,
        place: usize,
    ) -> Result<(), ParseError> {
        let name = function.name;
        let fail = |message: String| Err(self.cursor.error_from(place, message));
        match wanted.form {
            Form::Field if literal => {
                return fail(format!("{name} takes a field or a call here, not a literal value"));
            }
            Form::Literal if !literal => return fail(format!("{name} takes a literal value here, not a field")),
            _ => {}
        }
        if shape.each && index > 0 {
            return fail("[*] is possible in the first argument only".into());
        }
        if matches!(function.what, What::Any | What::All) {
            let array = shape.kind.fits(Type::List(&Type::Boolean)) && !shape.each;
            let mapped = shape.each && shape.kind.fits(Type::Boolean);
            return if array || mapped {
                Ok(())
            } else {
                fail(format!(
                    "{name} takes an array of booleans (a comparison with [*]), and this is {}",
                    described(shape)
                ))
            };
        }
        if wanted.kinds.iter().any(|kind| shape.kind.fits(*kind)) {
            return Ok(());
        }
        fail(format!("{name} takes {} here, and this is {}", kinds(wanted.kinds), described(shape)))
    }
}

fn kinds(kinds: &[Type]) -> String {
    kinds.iter().map(Type::to_string).collect::<Vec<_>>().join(" or ")
}

fn ordinal(index: usize) -> &'static str {
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"].get(index).copied().unwrap_or("further")
}

/// A name that is not in the table: all fields but `ssl` have a dot, so one without is a mistake.
fn foreign(name: &str, start: usize) -> Result<String, ParseError> {
    let fail = |message: &str| Err(ParseError::new(start, name.len(), message));
    if !name.contains('.') {
        return fail("there is no such field");
    }
    if name.split('.').any(str::is_empty) {
        return fail("this is not the name of a field");
    }
    Ok(name.into())
}
