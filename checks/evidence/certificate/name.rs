//! Distinguished names as people read them (RFC 4514).

use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::evidence::text;

/// Attributes shown of one name: real ones have fewer than ten.
const MAX_ATTRIBUTES: usize = 32;
/// Characters shown of one value: X.520 allows 64 for most.
const MAX_VALUE: usize = 128;

/// RFC 4514: the most specific part first, `CN=www.example.com,O=Example,C=US`. Unlike there, attributes without a
/// short name keep their readable value (`2.5.4.97=NTRUS-1`), for the form is for people.
pub(super) fn readable(name: &X509Name<'_>) -> String {
    let parts: Vec<String> = name
        .iter_rdn()
        .take(MAX_ATTRIBUTES)
        .map(|part| part.iter().take(MAX_ATTRIBUTES).map(attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

/// The most specific common name: the last one.
pub(super) fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_attributes().filter(|attribute| attribute.attr_type().to_id_string() == "2.5.4.3").last().map(value)
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    format!("{}={}", short_name(&oid).unwrap_or(&oid), escape(&value(attribute)))
}

fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

/// The value, cleaned, whichever string type it has.
fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    let octets = attribute.as_slice();
    let readable = match attribute.attr_value().tag() {
        Tag::BmpString => {
            let units: Vec<u16> =
                octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).take(2 * MAX_VALUE).collect();
            String::from_utf16_lossy(&units)
        }
        _ => text::clean_bytes(octets.get(..8 * MAX_VALUE).unwrap_or(octets)),
    };
    text::shorten(&readable, MAX_VALUE)
}

/// RFC 4514 §2.4.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\');
        let at_the_rim = (at == 0 && matches!(c, '#' | ' ')) || (at == last && c == ' ');
        if special || at_the_rim {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_the_rfc_says() {
        assert_eq!(escape("Example, Inc."), r"Example\, Inc.");
        assert_eq!(escape("#1 "), r"\#1\ ");
        assert_eq!(escape("a b"), "a b");
        assert_eq!(escape(" "), r"\ ");
        assert_eq!(escape(""), "");
    }
}
