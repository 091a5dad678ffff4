//! Types of the Rules language. What the tables do not know has the type [`Type::Any`], which goes with everything: a
//! field that is newer than this program must not make a rule unreadable.

use std::fmt;

/// The type of a field, of an argument or of what a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// `ssl`
    Boolean,
    /// 64 bits, signed.
    Integer,
    /// Octets.
    Text,
    /// IPv4 or IPv6.
    Address,
    /// `Array<…>`
    List(&'static Type),
    /// `Map<…>`: text to something.
    Map(&'static Type),
    /// Not in the tables.
    Any,
}

pub(super) const TEXTS: Type = Type::List(&Type::Text);

impl Type {
    /// An array of this.
    pub(super) fn listed(self) -> Type {
        match self {
            Type::Boolean => Type::List(&Type::Boolean),
            Type::Integer => Type::List(&Type::Integer),
            Type::Text => TEXTS,
            Type::Address => Type::List(&Type::Address),
            Type::List(_) | Type::Map(_) | Type::Any => Type::List(&Type::Any),
        }
    }

    /// May a value of this type stand where `wanted` is?
    pub(super) fn fits(self, wanted: Type) -> bool {
        match (self, wanted) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) => a.fits(*b),
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Boolean => f.write_str("a boolean"),
            Type::Integer => f.write_str("an integer"),
            Type::Text => f.write_str("a string"),
            Type::Address => f.write_str("an IP address"),
            Type::List(_) => f.write_str("an array"),
            Type::Map(_) => f.write_str("a map"),
            Type::Any => f.write_str("something unknown"),
        }
    }
}
