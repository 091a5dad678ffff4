//! The functions of the Rules language: names and types (docs: ruleset-engine/rules-language/functions; changelog
//! 2026-01-22 for `encode_base64` and `sha256`).
//!
//! Functions that Cloudflare's parser knows and whose documentation could not be read are listed with their types and
//! not computed.

use super::types::{TEXTS, Type};

/// One function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) what: What,
    /// The first argument.
    pub(super) first: Wanted,
    /// The arguments after it.
    pub(super) rest: &'static [Wanted],
    /// How many of the arguments must be there.
    pub(super) least: usize,
    /// May the last one be repeated?
    pub(super) repeats: bool,
    pub(super) returns: Returns,
}

/// What an argument may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) kinds: &'static [Type],
    pub(super) form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A field or a call; "it cannot be a literal".
    Field,
    Literal,
    Either,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Returns {
    Kind(Type),
    /// What the first argument is: an array of arrays, else text.
    LikeFirst,
}

/// What it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Any,
    All,
    Cidr,
    Cidr6,
    Concat,
    Contains,
    DecodeBase64,
    EncodeBase64,
    EndsWith,
    HasKey,
    HasValue,
    Join,
    Len,
    LookupJsonInteger,
    LookupJsonString,
    Lower,
    RegexReplace,
    RemoveBytes,
    RemoveQueryArgs,
    Split,
    StartsWith,
    Substring,
    ToString,
    Upper,
    UrlDecode,
    WildcardReplace,
    /// Known by name and type; its outcome depends on a clock, a key or chance, or is not documented.
    NotHere,
}

const fn field(kinds: &'static [Type]) -> Wanted {
    Wanted { kinds, form: Form::Field }
}

const fn literal(kinds: &'static [Type]) -> Wanted {
    Wanted { kinds, form: Form::Literal }
}

const fn either(kinds: &'static [Type]) -> Wanted {
    Wanted { kinds, form: Form::Either }
}

const TEXT: &[Type] = &[Type::Text];
const INTEGER: &[Type] = &[Type::Integer];
const ADDRESS: &[Type] = &[Type::Address];
const KEY: &[Type] = &[Type::Text, Type::Integer];
const ANYTHING: &[Type] = &[Type::Any];
const TRUTHS: &[Type] = &[Type::List(&Type::Boolean)];

const fn function(name: &'static str, what: What, first: Wanted, rest: &'static [Wanted], returns: Type) -> Function {
    Function { name, what, first, rest, least: 1 + rest.len(), repeats: false, returns: Returns::Kind(returns) }
}

const fn optional(function: Function, least: usize) -> Function {
    Function { least, ..function }
}

const fn repeating(function: Function) -> Function {
    Function { repeats: true, ..function }
}

/// Sorted by name.
pub(super) const FUNCTIONS: &[Function] = &[
    function("all", What::All, field(TRUTHS), &[], Type::Boolean),
    function("any", What::Any, field(TRUTHS), &[], Type::Boolean),
    function("bit_slice", What::NotHere, field(TEXT), &[literal(INTEGER), literal(INTEGER)], Type::Integer),
    function("cidr", What::Cidr, field(ADDRESS), &[literal(INTEGER), literal(INTEGER)], Type::Address),
    function("cidr6", What::Cidr6, field(ADDRESS), &[literal(INTEGER)], Type::Address),
    repeating(function("coalesce", What::NotHere, either(ANYTHING), &[either(ANYTHING)], Type::Any)),
    Function {
        returns: Returns::LikeFirst,
        ..repeating(function("concat", What::Concat, either(CONCATENABLE), &[either(CONCATENABLE)], Type::Text))
    },
    function("contains", What::Contains, field(TEXT), &[either(TEXT)], Type::Boolean),
    function("decode_base64", What::DecodeBase64, field(TEXT), &[], Type::Text),
    optional(function("encode_base64", What::EncodeBase64, either(TEXT), &[literal(TEXT)], Type::Text), 1),
    function("ends_with", What::EndsWith, field(TEXT), &[either(TEXT)], Type::Boolean),
    function("has_key", What::HasKey, field(&[Type::Map(&Type::Any)]), &[literal(TEXT)], Type::Boolean),
    function(
        "has_value",
        What::HasValue,
        field(&[Type::Map(&Type::Any), Type::List(&Type::Any)]),
        &[literal(KEY)],
        Type::Boolean,
    ),
    repeating(function("hash_in_range", What::NotHere, either(ANYTHING), &[either(ANYTHING)], Type::Boolean)),
    repeating(optional(
        function("hmac", What::NotHere, either(ANYTHING), &[either(ANYTHING), either(ANYTHING)], Type::Text),
        1,
    )),
    function("ip_in_range", What::NotHere, field(ADDRESS), &[either(ANYTHING)], Type::Boolean),
    repeating(optional(
        function("is_jwt_present", What::NotHere, either(ANYTHING), &[either(ANYTHING)], Type::Boolean),
        0,
    )),
    repeating(optional(
        function("is_jwt_valid", What::NotHere, either(ANYTHING), &[either(ANYTHING)], Type::Boolean),
        0,
    )),
    optional(
        function(
            "is_timed_hmac_valid_v0",
            What::NotHere,
            literal(TEXT),
            &[either(TEXT), literal(INTEGER), field(INTEGER), literal(INTEGER), literal(TEXT)],
            Type::Boolean,
        ),
        4,
    ),
    function("join", What::Join, field(&[TEXTS]), &[either(TEXT)], Type::Text),
    function("len", What::Len, field(&[Type::Text, Type::List(&Type::Any)]), &[], Type::Integer),
    repeating(function("lookup_json_integer", What::LookupJsonInteger, field(TEXT), &[literal(KEY)], Type::Integer)),
    repeating(function("lookup_json_string", What::LookupJsonString, field(TEXT), &[literal(KEY)], Type::Text)),
    function("lower", What::Lower, field(TEXT), &[], Type::Text),
    function("regex_replace", What::RegexReplace, either(TEXT), &[literal(TEXT), either(TEXT)], Type::Text),
    function("remove_bytes", What::RemoveBytes, field(TEXT), &[literal(TEXT)], Type::Text),
    repeating(function("remove_query_args", What::RemoveQueryArgs, field(TEXT), &[literal(TEXT)], Type::Text)),
    function("sha256", What::NotHere, either(TEXT), &[], Type::Text),
    function("sha512", What::NotHere, either(TEXT), &[], Type::Text),
    function("split", What::Split, field(TEXT), &[literal(TEXT), literal(INTEGER)], TEXTS),
    function("starts_with", What::StartsWith, field(TEXT), &[either(TEXT)], Type::Boolean),
    optional(function("substring", What::Substring, field(TEXT), &[literal(INTEGER), literal(INTEGER)], Type::Text), 2),
    function("to_string", What::ToString, field(&[Type::Integer, Type::Boolean, Type::Address]), &[], Type::Text),
    optional(function("trim", What::NotHere, field(TEXT), &[literal(TEXT)], Type::Text), 1),
    optional(function("trim_end", What::NotHere, field(TEXT), &[literal(TEXT)], Type::Text), 1),
    optional(function("trim_start", What::NotHere, field(TEXT), &[literal(TEXT)], Type::Text), 1),
    function("upper", What::Upper, field(TEXT), &[], Type::Text),
    optional(function("url_decode", What::UrlDecode, field(TEXT), &[literal(TEXT)], Type::Text), 1),
    function("uuidv4", What::NotHere, field(TEXT), &[], Type::Text),
    repeating(optional(function("wildcard", What::NotHere, either(ANYTHING), &[either(ANYTHING)], Type::Boolean), 1)),
    optional(
        function(
            "wildcard_replace",
            What::WildcardReplace,
            field(TEXT),
            &[literal(TEXT), either(TEXT), literal(TEXT)],
            Type::Text,
        ),
        3,
    ),
];

const CONCATENABLE: &[Type] = &[Type::Text, Type::Integer, Type::List(&Type::Any)];

/// The function of that name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by_key(&name, |function| function.name).ok().and_then(|at| FUNCTIONS.get(at))
}

impl Function {
    /// What the argument at `index` may be.
    pub(super) fn wanted(&self, index: usize) -> Option<Wanted> {
        match index.checked_sub(1) {
            None => Some(self.first),
            Some(index) => self.rest.get(index).or_else(|| self.rest.last().filter(|_| self.repeats)).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
        assert!(FUNCTIONS.iter().all(|function| find(function.name).is_some()));
    }
}
