//! Values while an expression is evaluated: there, missing, or not known.

use std::borrow::Cow;
use std::net::IpAddr;

/// A value of this request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'r> {
    /// "Accessing … a non-existing key in a map … produces a missing value" (docs: rules-language/values).
    Missing,
    /// This request has one, and we do not know it.
    Unknown,
    Boolean(bool),
    Integer(i64),
    Text(Cow<'r, [u8]>),
    Address(IpAddr),
    List(List<'r>),
    /// Looked up by name when needed.
    Map(Map),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct List<'r> {
    pub(super) items: Vec<Value<'r>>,
    /// There may be more that we do not know of.
    pub(super) open: bool,
}

/// Maps of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Map {
    Headers,
    Arguments,
    RawArguments,
    Cookies,
}

/// Kleene's three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kleene {
    False,
    Unknown,
    True,
}

impl<'r> Value<'r> {
    pub(super) fn text(text: &'r str) -> Self {
        Value::Text(Cow::Borrowed(text.as_bytes()))
    }

    pub(super) fn owned(text: impl Into<Vec<u8>>) -> Self {
        Value::Text(Cow::Owned(text.into()))
    }

    /// As a condition: a missing value is false.
    pub(super) fn truth(&self) -> Kleene {
        match self {
            Value::Boolean(value) => Kleene::from(*value),
            Value::Missing => Kleene::False,
            _ => Kleene::Unknown,
        }
    }

    /// For people and for URLs; `None` for what is missing or not known.
    pub(super) fn shown(&self) -> Option<Vec<u8>> {
        Some(match self {
            Value::Missing | Value::Unknown | Value::Map(_) => return None,
            Value::Boolean(value) => value.to_string().into_bytes(),
            Value::Integer(value) => value.to_string().into_bytes(),
            Value::Address(value) => value.to_string().into_bytes(),
            Value::Text(text) => text.to_vec(),
            Value::List(list) if list.open => return None,
            Value::List(list) => list.items.iter().map(Value::shown).collect::<Option<Vec<_>>>()?.join(&b", "[..]),
        })
    }
}

impl From<bool> for Kleene {
    fn from(value: bool) -> Self {
        if value { Kleene::True } else { Kleene::False }
    }
}

impl std::ops::Not for Kleene {
    type Output = Kleene;

    fn not(self) -> Kleene {
        match self {
            Kleene::False => Kleene::True,
            Kleene::Unknown => Kleene::Unknown,
            Kleene::True => Kleene::False,
        }
    }
}

impl Kleene {
    pub(super) fn and(self, other: Kleene) -> Kleene {
        match (self, other) {
            (Kleene::False, _) | (_, Kleene::False) => Kleene::False,
            (Kleene::True, Kleene::True) => Kleene::True,
            _ => Kleene::Unknown,
        }
    }

    pub(super) fn or(self, other: Kleene) -> Kleene {
        !((!self).and(!other))
    }

    pub(super) fn xor(self, other: Kleene) -> Kleene {
        match (self, other) {
            (Kleene::Unknown, _) | (_, Kleene::Unknown) => Kleene::Unknown,
            (a, b) => Kleene::from(a != b),
        }
    }
}
