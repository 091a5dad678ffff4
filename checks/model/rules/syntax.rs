//! The tree of an expression.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use regex::bytes::Regex;

use super::fields::Field;
use super::functions::Function;
use super::types::Type;
use super::wildcard::Pattern;

/// True or false, or (inside of `any` and `all`) a list of those.
#[derive(Clone, Debug)]
pub(super) enum Logic {
    /// `true`, `false`
    Constant(bool),
    /// One comparison, or a boolean by itself.
    Test(Box<Test>),
    Not(Box<Logic>),
    And(Vec<Logic>),
    Xor(Vec<Logic>),
    Or(Vec<Logic>),
}

/// `left` against something.
#[derive(Clone, Debug)]
pub(super) struct Test {
    /// Octets of the source.
    pub(super) span: Range<usize>,
    pub(super) left: Operand,
    pub(super) relation: Relation,
}

#[derive(Clone, Debug)]
pub(super) enum Relation {
    /// The boolean itself.
    Holds,
    Order(Order, Literal),
    /// Another field on the right.
    Same(Order, Operand),
    Contains(Vec<u8>),
    /// `None`: the pattern needs what this program's engine leaves out, so the outcome is not known.
    Matches(String, Option<Regex>),
    Wildcard(Pattern),
    Among(Vec<Member>),
    /// `in $name`
    Listed(String),
    /// `&`: has it any of these bits?
    Bits(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(Vec<u8>),
    Integer(i64),
    Address(IpAddr),
}

/// One element of `{…}`.
#[derive(Clone, Debug)]
pub(super) enum Member {
    Text(Vec<u8>),
    Integers(i64, i64),
    Addresses(IpAddr, IpAddr),
    Network(IpNet),
}

/// A field or a call, and what is picked out of it.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) span: Range<usize>,
    pub(super) base: Base,
    pub(super) path: Vec<Index>,
}

#[derive(Clone, Debug)]
pub(super) enum Base {
    Field(&'static Field),
    /// A field that is not in the table.
    Foreign(String),
    Call(Call),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Index {
    At(usize),
    Key(Vec<u8>),
    /// `[*]`
    Each,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    /// As written.
    pub(super) name: String,
    /// `None`: not in the table.
    pub(super) function: Option<&'static Function>,
    pub(super) arguments: Vec<Argument>,
    /// The first argument has `[*]`: the function is called for every element.
    pub(super) each: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Argument {
    Literal(Literal),
    Operand(Operand),
    Logic(Logic),
}

impl Operand {
    pub(super) fn is_each(&self) -> bool {
        self.path.contains(&Index::Each)
    }
}

/// The type of an operand, and whether there are many of it (`[*]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) kind: Type,
    pub(super) each: bool,
}
