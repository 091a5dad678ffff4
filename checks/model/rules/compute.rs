//! What functions return (docs: ruleset-engine/rules-language/functions). Where the documentation leaves a case open,
//! the outcome is not known.

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ipnet::IpNet;

use super::functions::What;
use super::normalize::escaped;
use super::parser::compile;
use super::value::{List, Value};
use super::wildcard::Pattern;

/// The value of a call. Missing first arguments give missing values, except where the documentation says otherwise.
pub(super) fn call<'r>(what: What, arguments: &[Value<'r>]) -> Value<'r> {
    let (first, rest) = match arguments {
        [first, rest @ ..] => (first, rest),
        [] => return Value::Unknown,
    };
    match what {
        What::NotHere | What::Any | What::All | What::HasKey => return Value::Unknown,
        What::Concat => return concat(arguments),
        _ => {}
    }
    if arguments.contains(&Value::Unknown) {
        return Value::Unknown;
    }
    if arguments.contains(&Value::Missing) {
        return Value::Missing;
    }
    match what {
        What::Join => return join(first, rest),
        What::HasValue => return has_value(first, rest),
        What::Len => return len(first),
        What::ToString => return first.shown().map_or(Value::Unknown, Value::owned),
        What::Cidr | What::Cidr6 => return cidr(what, first, rest),
        _ => {}
    }
    let Value::Text(text) = first else { return Value::Unknown };
    of_text(what, text, rest).unwrap_or(Value::Unknown)
}

fn of_text<'r>(what: What, text: &Cow<'r, [u8]>, rest: &[Value<'r>]) -> Option<Value<'r>> {
    let words: Vec<&[u8]> = rest.iter().filter_map(octets).collect();
    let word = |at: usize| words.get(at).copied();
    Some(match what {
        What::Lower => Value::owned(text.to_ascii_lowercase()),
        What::Upper => Value::owned(text.to_ascii_uppercase()),
        What::StartsWith => Value::Boolean(text.starts_with(word(0)?)),
        What::EndsWith => Value::Boolean(text.ends_with(word(0)?)),
        What::Contains => Value::Boolean(contains(text, word(0)?)),
        What::RemoveBytes => {
            let gone = word(0)?;
            Value::owned(text.iter().copied().filter(|octet| !gone.contains(octet)).collect::<Vec<_>>())
        }
        What::Substring => substring(text, rest)?,
        What::UrlDecode => {
            let options = word(0).unwrap_or_default();
            Value::owned(decode_url(text, options.contains(&b'r'), options.contains(&b'u'))?)
        }
        What::DecodeBase64 => Value::owned(decode_base64(text)?),
        What::EncodeBase64 => {
            let flags = word(0).unwrap_or_default();
            let engine = match (flags.contains(&b'u'), flags.contains(&b'p')) {
                (false, false) => &STANDARD_NO_PAD,
                (false, true) => &STANDARD,
                (true, false) => &URL_SAFE_NO_PAD,
                (true, true) => &URL_SAFE,
            };
            Value::owned(engine.encode(text))
        }
        What::RemoveQueryArgs => {
            let kept: Vec<&[u8]> = text
                .split(|octet| *octet == b'&')
                .filter(|pair| !words.contains(&pair.split(|octet| *octet == b'=').next().unwrap_or_default()))
                .collect();
            Value::owned(kept.join(&b'&'))
        }
        What::Split => split(text, word(0)?, rest.get(1)?)?,
        What::RegexReplace => regex_replace(text, word(0)?, word(1)?)?,
        What::WildcardReplace => {
            let strict = word(2).is_some_and(|flags| flags.contains(&b's'));
            wildcard_replace(text, word(0)?, word(1)?, strict)?
        }
        What::LookupJsonString => Value::owned(json(text, rest)?.as_str()?),
        What::LookupJsonInteger => Value::Integer(json(text, rest)?.as_i64()?),
        _ => return None,
    })
}

fn octets<'v>(value: &'v Value<'_>) -> Option<&'v [u8]> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// A missing value is an empty string here (docs, entry `http.request.accepted_languages`).
fn concat<'r>(arguments: &[Value<'r>]) -> Value<'r> {
    if arguments.iter().any(|argument| matches!(argument, Value::List(_))) {
        let mut all = List::default();
        for argument in arguments {
            let Value::List(list) = argument else { return Value::Unknown };
            all.items.extend(list.items.iter().cloned());
            all.open |= list.open;
        }
        return Value::List(all);
    }
    let mut out = Vec::new();
    for argument in arguments {
        match argument {
            Value::Missing => {}
            other => match other.shown() {
                Some(text) => out.extend(text),
                None => return Value::Unknown,
            },
        }
    }
    Value::owned(out)
}

/// "If the items array is empty, the returned value will be an empty string."
fn join<'r>(first: &Value<'r>, rest: &[Value<'r>]) -> Value<'r> {
    let (Value::List(list), Some(separator)) = (first, rest.first().and_then(octets)) else { return Value::Unknown };
    let items: Option<Vec<&[u8]>> = list.items.iter().map(octets).collect();
    match items {
        Some(items) if !list.open => Value::owned(items.join(separator)),
        _ => Value::Unknown,
    }
}

fn has_value<'r>(first: &Value<'r>, rest: &[Value<'r>]) -> Value<'r> {
    let (Value::List(list), Some(wanted)) = (first, rest.first()) else { return Value::Unknown };
    if list.items.contains(wanted) {
        return Value::Boolean(true);
    }
    if list.open || list.items.contains(&Value::Unknown) { Value::Unknown } else { Value::Boolean(false) }
}

fn len<'r>(first: &Value<'r>) -> Value<'r> {
    let length = match first {
        Value::Text(text) => text.len(),
        Value::List(list) if !list.open => list.items.len(),
        _ => return Value::Unknown,
    };
    i64::try_from(length).map_or(Value::Unknown, Value::Integer)
}

fn cidr<'r>(what: What, first: &Value<'r>, rest: &[Value<'r>]) -> Value<'r> {
    let bits: Vec<u8> = rest
        .iter()
        .filter_map(|value| match value {
            Value::Integer(bits) => u8::try_from(*bits).ok(),
            _ => None,
        })
        .collect();
    let (Value::Address(address), Some(last)) = (first, bits.last()) else { return Value::Unknown };
    let length = match (address, what) {
        (IpAddr::V4(_), What::Cidr6) => return Value::Address(*address),
        (IpAddr::V4(_), _) => bits.first().copied().unwrap_or(*last),
        (IpAddr::V6(_), _) => *last,
    };
    if length == 0 {
        return Value::Unknown;
    }
    IpNet::new(*address, length).map_or(Value::Unknown, |net| Value::Address(net.network()))
}

/// Negative indexes count from the end; what an index outside of the text gives is not documented.
fn substring<'r>(text: &[u8], rest: &[Value<'r>]) -> Option<Value<'r>> {
    let place = |value: &Value<'_>| match value {
        Value::Integer(at @ 0..) => usize::try_from(*at).ok(),
        Value::Integer(at) => text.len().checked_sub(usize::try_from(at.unsigned_abs()).ok()?),
        _ => None,
    };
    let start = place(rest.first()?)?;
    let end = rest.get(1).map_or(Some(text.len()), place)?;
    text.get(start..end).map(Value::owned)
}

/// How often a text is decoded again; nobody encodes more often, and each time costs a walk over the text.
const ROUNDS: usize = 32;

/// `+` and `%20` are spaces; `recursive` decodes until nothing changes, `unicode` knows `%uXXXX`.
fn decode_url(text: &[u8], recursive: bool, unicode: bool) -> Option<Vec<u8>> {
    let mut now = url_decode(text, true, unicode);
    if !recursive {
        return Some(now);
    }
    for _ in 0..ROUNDS {
        let next = url_decode(&now, true, unicode);
        if next == now {
            return Some(now);
        }
        now = next;
    }
    None
}

/// One round of decoding; `plus`: `+` is a space.
pub(super) fn url_decode(text: &[u8], plus: bool, unicode: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&octet) = text.get(at) {
        at += 1;
        if octet == b'%' {
            if let Some(value) = escaped(text.get(at..)) {
                out.push(value);
                at += 2;
                continue;
            }
            if unicode && let Some(c) = code_point(text.get(at..)) {
                out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += 5;
                continue;
            }
        }
        out.push(if plus && octet == b'+' { b' ' } else { octet });
    }
    out
}

fn code_point(text: Option<&[u8]>) -> Option<char> {
    let digits = std::str::from_utf8(text?.strip_prefix(b"u")?.get(..4)?).ok()?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// What text that is not Base64 gives is not documented.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    LENIENT.decode(text).ok()
}

fn split<'r>(text: &[u8], separator: &[u8], limit: &Value<'r>) -> Option<Value<'r>> {
    let Value::Integer(limit @ 1..=128) = limit else { return None };
    if separator.is_empty() {
        return None;
    }
    let (mut items, mut rest) = (Vec::new(), text);
    while items.len() + 1 < usize::try_from(*limit).ok()? {
        let Some(at) = rest.windows(separator.len()).position(|window| window == separator) else { break };
        items.push(Value::owned(rest.get(..at)?));
        rest = rest.get(at + separator.len()..)?;
    }
    items.push(Value::owned(rest));
    Some(Value::List(List { items, open: false }))
}

/// "When there are multiple matches, only one replacement occurs (the first one)."
fn regex_replace<'r>(text: &[u8], pattern: &[u8], replacement: &[u8]) -> Option<Value<'r>> {
    let regex = compile(std::str::from_utf8(pattern).ok()?).ok()??;
    let Some(found) = regex.captures(text) else { return Some(Value::owned(text)) };
    let groups: Vec<&[u8]> = found.iter().map(|group| group.map_or(&b""[..], |group| group.as_bytes())).collect();
    let whole = found.get(0)?;
    let mut out = text.get(..whole.start())?.to_vec();
    out.extend(filled(replacement, &groups)?);
    out.extend(text.get(whole.end()..)?);
    Some(Value::owned(out))
}

/// "If there is no match, the function will return `source` unchanged."
fn wildcard_replace<'r>(text: &[u8], pattern: &[u8], replacement: &[u8], strict: bool) -> Option<Value<'r>> {
    let pattern = Pattern::new(pattern, strict).ok()?;
    let Some(stars) = pattern.captures(text) else { return Some(Value::owned(text)) };
    let groups: Vec<&[u8]> = std::iter::once(text).chain(stars).collect();
    filled(replacement, &groups).map(Value::owned)
}

/// `${1}` is a group, `$$` is `$`. What a number without a group gives is not documented.
fn filled(replacement: &[u8], groups: &[&[u8]]) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::new(), replacement);
    while let Some(at) = rest.iter().position(|octet| *octet == b'$') {
        out.extend(rest.get(..at)?);
        rest = rest.get(at + 1..)?;
        if let Some(after) = rest.strip_prefix(b"$") {
            out.push(b'$');
            rest = after;
        } else {
            let inner = rest.strip_prefix(b"{")?;
            let end = inner.iter().position(|octet| *octet == b'}')?;
            let number: usize = std::str::from_utf8(inner.get(..end)?).ok()?.parse().ok()?;
            out.extend(*groups.get(number)?);
            rest = inner.get(end + 1..)?;
        }
    }
    out.extend(rest);
    Some(out)
}

/// What stands at that place of a JSON document. What a place that is not there gives is not documented.
fn json(text: &[u8], keys: &[Value<'_>]) -> Option<serde_json::Value> {
    let document: serde_json::Value = serde_json::from_slice(text).ok()?;
    let found = keys.iter().try_fold(&document, |value, key| match key {
        Value::Text(name) => value.get(std::str::from_utf8(name).ok()?),
        Value::Integer(at) => value.get(usize::try_from(*at).ok()?),
        _ => None,
    });
    found.cloned()
}
