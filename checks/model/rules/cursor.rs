//! Reading the source octet by octet: words, numbers, strings, addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::error::ParseError;
use super::normalize::escaped;
use super::syntax::{Literal, Member};
use super::types::Type;

/// A place in the source.
pub(super) struct Cursor<'s> {
    pub(super) source: &'s str,
    pub(super) at: usize,
}

impl<'s> Cursor<'s> {
    pub(super) fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// Steps over `token` if it is next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn expect(&mut self, token: &str, why: &str) -> Result<(), ParseError> {
        if self.take(token) { Ok(()) } else { Err(self.error(why)) }
    }

    /// An error at the next word, or character.
    pub(super) fn error(&self, message: impl Into<String>) -> ParseError {
        let rest = self.rest();
        let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let length = if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word };
        ParseError::new(self.at, length, message)
    }

    pub(super) fn error_from(&self, start: usize, message: impl Into<String>) -> ParseError {
        ParseError::new(start, self.at.saturating_sub(start).max(1), message)
    }

    /// `http.request.uri.path`; empty if no name is next.
    pub(super) fn name(&mut self) -> &'s str {
        let rest = self.rest();
        let mut end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            end = 0;
        }
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    pub(super) fn is_at_text(&self) -> bool {
        let rest = self.rest();
        rest.starts_with('"')
            || rest.strip_prefix('r').is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    }

    /// `"…"` with its escapes: `\"`, `\\`, `\xHH`, `\OOO`; or `r"…"`.
    pub(super) fn text(&mut self) -> Result<Vec<u8>, ParseError> {
        if !self.take("\"") {
            return self.raw().map(|text| text.as_bytes().to_vec());
        }
        let start = self.at - 1;
        let mut out = Vec::new();
        loop {
            let Some(&octet) = self.source.as_bytes().get(self.at) else {
                return Err(self.unended(start));
            };
            self.at += 1;
            match octet {
                b'"' => return Ok(out),
                b'\\' => out.push(self.escape()?),
                _ => out.push(octet),
            }
        }
    }

    fn escape(&mut self) -> Result<u8, ParseError> {
        let after = self.source.as_bytes().get(self.at..).unwrap_or_default();
        let (value, length) = match after {
            [octet @ (b'"' | b'\\'), ..] => (Some(*octet), 1),
            [b'x', digits @ ..] => (escaped(Some(digits)), 3),
            [b'0'..=b'7', b'0'..=b'7', b'0'..=b'7', ..] => {
                let digits = after.get(..3).unwrap_or_default();
                let value = digits.iter().fold(0_u16, |sum, digit| sum * 8 + u16::from(digit - b'0'));
                (u8::try_from(value).ok(), 3)
            }
            _ => (None, 1),
        };
        match value {
            Some(value) => {
                self.at += length;
                Ok(value)
            }
            None => Err(ParseError::new(
                self.at - 1,
                2,
                "in a quoted string a backslash stands before \", \\, xHH or three octal digits; write a raw string, \
                 r\"…\", or \\\\",
            )),
        }
    }

    /// `r"…"`, `r#"…"#`
    fn raw(&mut self) -> Result<&'s str, ParseError> {
        let start = self.at;
        let rest = self.rest();
        let opened = rest.strip_prefix('r').and_then(|rest| {
            let after = rest.trim_start_matches('#');
            after.strip_prefix('"').map(|inner| (rest.len() - after.len(), inner))
        });
        let Some((hashes, inner)) = opened else { return Err(self.error("expected a string, \"…\" or r\"…\"")) };
        if hashes > 255 {
            return Err(self.error("a raw string has at most 255 #"));
        }
        let end = format!("\"{}", "#".repeat(hashes));
        self.at = self.source.len() - inner.len();
        let Some(length) = inner.find(&end) else { return Err(self.unended(start)) };
        self.at += length + end.len();
        Ok(inner.get(..length).unwrap_or_default())
    }

    fn unended(&self, start: usize) -> ParseError {
        ParseError::new(start, 1, "the string has no end")
    }

    /// The pattern of `matches`: in a quoted string only `\"` is an escape, the rest is the pattern's own.
    pub(super) fn pattern(&mut self) -> Result<String, ParseError> {
        if !self.take("\"") {
            return self.raw().map(str::to_owned);
        }
        let start = self.at - 1;
        let mut out = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\\' => match characters.next() {
                    Some((_, '"')) => out.push('"'),
                    Some((_, escaped)) => out.extend(['\\', escaped]),
                    None => break,
                },
                _ => out.push(c),
            }
        }
        Err(self.unended(start))
    }

    /// Steps over a string of any kind.
    pub(super) fn text_or_pattern(&mut self) -> bool {
        let start = self.at;
        self.text().is_ok() || {
            self.at = start;
            self.pattern().is_ok()
        }
    }

    /// A decimal, `0x` or (with a leading zero) octal integer.
    pub(super) fn integer(&mut self) -> Result<i64, ParseError> {
        let start = self.at;
        let negative = self.take("-");
        let rest = self.rest();
        let (radix, digits) = match rest.as_bytes() {
            [b'0', b'x' | b'X', ..] => (16, rest.get(2..).unwrap_or_default()),
            [b'0', b'0'..=b'9', ..] => (8, rest.get(1..).unwrap_or_default()),
            _ => (10, rest),
        };
        let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        let digits = digits.get(..length).unwrap_or_default();
        if digits.is_empty() {
            self.at = start;
            return Err(self.error("expected an integer"));
        }
        self.at += rest.len().min(length + if radix == 16 { 2 } else { usize::from(radix == 8) });
        let value = i64::from_str_radix(&format!("{}{digits}", if negative { "-" } else { "" }), radix);
        value.map_err(|_| self.error_from(start, "the integer does not fit into 64 bits"))
    }

    fn address_word(&mut self) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '/'))).unwrap_or(rest.len());
        // The two dots of a range are no part of an address.
        let end = rest.get(..end).and_then(|word| word.find("..")).unwrap_or(end);
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    pub(super) fn address(&mut self) -> Result<IpAddr, ParseError> {
        let start = self.at;
        let word = self.address_word();
        if word.is_empty() {
            return Err(self.error("expected an IP address, without quotation marks"));
        }
        if word.contains('/') {
            return Err(self.error_from(start, "a network stands in braces only: in {192.0.2.0/24}"));
        }
        word.parse().map_err(|_| self.error_from(start, "this is not an IP address"))
    }

    /// Two or more octets in hexadecimal: `61:62`.
    fn octets(&mut self) -> Option<Vec<u8>> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || c == ':')).unwrap_or(rest.len());
        let word = rest.get(..end)?;
        let octets: Option<Vec<u8>> =
            word.split(':').map(|pair| if pair.len() == 2 { escaped(Some(pair.as_bytes())) } else { None }).collect();
        let octets = octets.filter(|octets| octets.len() > 1)?;
        self.at += end;
        Some(octets)
    }

    /// A value to compare something of type `kind` with.
    pub(super) fn literal(&mut self, kind: Type) -> Result<Literal, ParseError> {
        match kind {
            Type::Text => {
                if !self.is_at_text()
                    && let Some(octets) = self.octets()
                {
                    return Ok(Literal::Text(octets));
                }
                if !self.is_at_text() {
                    return Err(self.error("expected a string: \"…\" or r\"…\""));
                }
                Ok(Literal::Text(self.text()?))
            }
            Type::Integer => {
                let value = self.integer()?;
                if self.rest().starts_with(['.', '/', ':']) && !self.rest().starts_with("..") {
                    return Err(self.error("expected an integer, and nothing after it"));
                }
                Ok(Literal::Integer(value))
            }
            Type::Address => Ok(Literal::Address(self.address()?)),
            _ if self.is_at_text() => Ok(Literal::Text(self.text()?)),
            _ => {
                let rest = self.rest();
                let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || ":.-x".contains(c))).unwrap_or(rest.len());
                if rest.get(..end).is_some_and(|word| word.parse::<IpAddr>().is_ok()) {
                    return Ok(Literal::Address(self.address()?));
                }
                Ok(Literal::Integer(self.integer()?))
            }
        }
    }

    /// One element of `{…}`.
    pub(super) fn member(&mut self, kind: Type) -> Result<Member, ParseError> {
        let start = self.at;
        let backwards = "the range ends before it begins";
        match kind {
            Type::Integer => self.integers(start, backwards),
            Type::Address => self.addresses(start, backwards),
            Type::Text => match self.literal(kind)? {
                Literal::Text(text) => Ok(Member::Text(text)),
                _ => Err(self.error_from(start, "expected a string")),
            },
            _ if self.is_at_text() => Ok(Member::Text(self.text()?)),
            _ => {
                let rest = self.rest();
                let end = rest.find(|c: char| c.is_whitespace() || c == '}').unwrap_or(rest.len());
                let word = rest.get(..end).unwrap_or_default();
                let word = word.split("..").next().unwrap_or_default();
                if word.contains('/') || word.parse::<IpAddr>().is_ok() {
                    self.addresses(start, backwards)
                } else {
                    self.integers(start, backwards)
                }
            }
        }
    }

    fn integers(&mut self, start: usize, backwards: &str) -> Result<Member, ParseError> {
        let first = self.integer()?;
        let last = if self.take("..") { self.integer()? } else { first };
        if last < first { Err(self.error_from(start, backwards)) } else { Ok(Member::Integers(first, last)) }
    }

    fn addresses(&mut self, start: usize, backwards: &str) -> Result<Member, ParseError> {
        let word = self.address_word();
        if word.is_empty() {
            return Err(self.error("expected an IP address or a network, without quotation marks or commas"));
        }
        if word.contains('/') {
            let net: IpNet = word.parse().map_err(|_| self.error_from(start, "this is not a network"))?;
            if net.addr() != net.network() {
                let message = format!("the address has bits behind its prefix; write {}", net.trunc());
                return Err(self.error_from(start, message));
            }
            return Ok(Member::Network(net));
        }
        let first: IpAddr = word.parse().map_err(|_| self.error_from(start, "this is not an IP address"))?;
        let last = if self.take("..") { self.address()? } else { first };
        if first.is_ipv4() != last.is_ipv4() {
            return Err(self.error_from(start, "a range has two addresses of one family"));
        }
        if last < first { Err(self.error_from(start, backwards)) } else { Ok(Member::Addresses(first, last)) }
    }
}

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}
