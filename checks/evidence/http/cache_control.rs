//! `Cache-Control` and the headers of the same grammar: `CDN-Cache-Control`, `Cloudflare-CDN-Cache-Control`,
//! `Surrogate-Control` (RFC 9111 §5.2, RFC 9213). Every directive is kept as it was sent.

use std::fmt;

use super::Headers;
pub use super::cache_control_faults::{Fault, FaultKind};

/// Directives that are read, over all lines: as many as a head may have fields. Sound answers have up to ten, and what
/// follows is judged many times over.
const MAX_DIRECTIVES: usize = 256;

/// The directives of one header, over all its lines, in order, duplicates visible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// How many lines there were; zero: the header was not sent.
    pub lines: usize,
    /// The directives.
    pub directives: Vec<Directive>,
}

/// One element between commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Which directive it is.
    pub name: Name,
    /// The name as it was spelled.
    pub spelled: String,
    /// The argument, without quotes; `None`: there was no `=`.
    pub value: Option<String>,
    /// Was the argument a quoted string?
    pub quoted: bool,
    /// The whole element as sent.
    pub raw: String,
    /// Which line it stands on, from 0.
    pub line: usize,
    /// Octets of that line: start and end.
    pub span: (usize, usize),
}

/// The directives of responses that Cloudflare's documentation speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// `max-age`
    MaxAge,
    /// `s-maxage`
    SMaxage,
    /// `no-store`
    NoStore,
    /// `no-cache`
    NoCache,
    /// `private`
    Private,
    /// `public`
    Public,
    /// `must-revalidate`
    MustRevalidate,
    /// `proxy-revalidate`
    ProxyRevalidate,
    /// `must-understand`
    MustUnderstand,
    /// `no-transform`
    NoTransform,
    /// `immutable`
    Immutable,
    /// `stale-while-revalidate`
    StaleWhileRevalidate,
    /// `stale-if-error`
    StaleIfError,
    /// Anything else.
    Unknown,
}

impl Name {
    /// Every known directive with its spelling.
    pub const KNOWN: &[(Name, &str)] = &[
        (Name::MaxAge, "max-age"),
        (Name::SMaxage, "s-maxage"),
        (Name::NoStore, "no-store"),
        (Name::NoCache, "no-cache"),
        (Name::Private, "private"),
        (Name::Public, "public"),
        (Name::MustRevalidate, "must-revalidate"),
        (Name::ProxyRevalidate, "proxy-revalidate"),
        (Name::MustUnderstand, "must-understand"),
        (Name::NoTransform, "no-transform"),
        (Name::Immutable, "immutable"),
        (Name::StaleWhileRevalidate, "stale-while-revalidate"),
        (Name::StaleIfError, "stale-if-error"),
    ];

    /// The directive with this spelling, in any case.
    pub fn read(spelled: &str) -> Name {
        Name::KNOWN.iter().find(|(_, text)| text.eq_ignore_ascii_case(spelled)).map_or(Name::Unknown, |(name, _)| *name)
    }

    /// The right spelling.
    pub fn text(self) -> &'static str {
        Name::KNOWN.iter().find(|(name, _)| *name == self).map_or("(unknown)", |(_, text)| text)
    }

    /// Does its argument count seconds?
    pub fn takes_seconds(self) -> bool {
        matches!(self, Name::MaxAge | Name::SMaxage | Name::StaleWhileRevalidate | Name::StaleIfError)
    }
}

/// The seconds of a directive, and how well they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seconds {
    /// Digits.
    Whole(u64),
    /// `1.5`: floored since 2026-05-04, rejected before (`facts/cloudflare.md` section 0).
    Decimal {
        /// The whole part.
        floor: u64,
    },
    /// More than 2^31: counted as 2^31 (RFC 9111 §1.2.2).
    Overflow,
    /// Below zero, or not a number: a cache has to treat the answer as stale (RFC 9111 §4.2.1).
    Invalid,
}

/// What RFC 9111 §1.2.2 makes of more seconds than it can count.
pub const MOST_SECONDS: u64 = 1 << 31;

impl Seconds {
    /// Reads an argument.
    pub fn read(text: &str) -> Seconds {
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if digits(text) {
            return match text.parse::<u64>() {
                Ok(n) if n <= MOST_SECONDS => Seconds::Whole(n),
                _ => Seconds::Overflow,
            };
        }
        match text.split_once('.') {
            Some((whole, fraction)) if digits(whole) && digits(fraction) => match whole.parse::<u64>() {
                Ok(floor) if floor <= MOST_SECONDS => Seconds::Decimal { floor },
                _ => Seconds::Overflow,
            },
            _ => Seconds::Invalid,
        }
    }

    /// The number a cache of today works with; `None`: it is not one.
    pub fn floored(self) -> Option<u64> {
        match self {
            Seconds::Whole(n) | Seconds::Decimal { floor: n } => Some(n),
            Seconds::Overflow => Some(MOST_SECONDS),
            Seconds::Invalid => None,
        }
    }
}

impl CacheControl {
    /// Reads the values of the header's lines.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> CacheControl {
        let mut all = CacheControl::default();
        for (line, text) in lines.into_iter().enumerate() {
            all.lines += 1;
            for (start, element) in elements(text, MAX_DIRECTIVES - all.directives.len()) {
                let end = start + element.len();
                let (spelled, value) = split_at_equals(element);
                let (value, quoted) = match value {
                    Some(value) => {
                        let (value, quoted) = unquote(value);
                        (Some(value), quoted)
                    }
                    None => (None, false),
                };
                all.directives.push(Directive {
                    name: Name::read(spelled),
                    spelled: spelled.to_owned(),
                    value,
                    quoted,
                    raw: element.to_owned(),
                    line,
                    span: (start, end),
                });
            }
        }
        all
    }

    /// Was the header sent?
    pub fn is_present(&self) -> bool {
        self.lines > 0
    }

    /// The first directive with this name.
    pub fn first(&self, name: Name) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.name == name)
    }

    /// Is the directive there, qualified or not?
    pub fn has(&self, name: Name) -> bool {
        self.first(name).is_some()
    }

    /// Is it there without naming fields: does it speak of the whole answer?
    pub fn forbids(&self, name: Name) -> bool {
        self.directives.iter().any(|directive| directive.name == name && directive.fields().is_empty())
    }

    /// The fields that `private="…"` or `no-cache="…"` names, lower case.
    pub fn qualified(&self, name: Name) -> Vec<String> {
        self.directives.iter().filter(|d| d.name == name).flat_map(Directive::fields).collect()
    }

    /// The seconds of the first directive with this name.
    pub fn seconds(&self, name: Name) -> Option<Seconds> {
        let directive = self.first(name)?;
        Some(directive.value.as_deref().map_or(Seconds::Invalid, Seconds::read))
    }

    /// Does a shared cache get a positive lifetime, with nothing beside it that forbids the use?
    pub fn wants_shared_storing(&self) -> bool {
        let positive = |name| self.seconds(name).and_then(Seconds::floored).is_some_and(|n| n > 0);
        let lifetime = if self.has(Name::SMaxage) { positive(Name::SMaxage) } else { positive(Name::MaxAge) };
        lifetime && !self.forbids(Name::NoStore) && !self.forbids(Name::Private) && !self.forbids(Name::NoCache)
    }

    /// Its lines written anew.
    pub fn print(&self) -> Vec<String> {
        (0..self.lines)
            .map(|line| {
                let of_line = self.directives.iter().filter(|d| d.line == line);
                of_line.map(|d| d.raw.as_str()).collect::<Vec<_>>().join(", ")
            })
            .collect()
    }
}

impl fmt::Display for CacheControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print().join(", "))
    }
}

impl Directive {
    /// The field names of a qualified `private` or `no-cache`, lower case.
    pub fn fields(&self) -> Vec<String> {
        if !matches!(self.name, Name::Private | Name::NoCache) {
            return Vec::new();
        }
        let value = self.value.as_deref().unwrap_or_default();
        value.split(',').map(|field| field.trim().to_ascii_lowercase()).filter(|field| !field.is_empty()).collect()
    }
}

impl Headers {
    /// `Cache-Control`.
    pub fn cache_control(&self) -> CacheControl {
        CacheControl::parse(self.all("cache-control"))
    }

    /// `CDN-Cache-Control` (RFC 9213), which Cloudflare forwards.
    pub fn cdn_cache_control(&self) -> CacheControl {
        CacheControl::parse(self.all("cdn-cache-control"))
    }

    /// `Cloudflare-CDN-Cache-Control`, which Cloudflare consumes: only the origin's own answer shows it.
    pub fn cloudflare_cdn_cache_control(&self) -> CacheControl {
        CacheControl::parse(self.all("cloudflare-cdn-cache-control"))
    }

    /// `Surrogate-Control`.
    pub fn surrogate_control(&self) -> CacheControl {
        CacheControl::parse(self.all("surrogate-control"))
    }
}

/// The elements between commas outside quotes, at most `most`, each trimmed, with its offset; empty ones are left out.
fn elements(text: &str, most: usize) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices().chain([(text.len(), ',')]) {
        let at_end = at == text.len();
        match c {
            _ if escaped && !at_end => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted || at_end => {
                let piece = &text[start..at];
                let trimmed = piece.trim();
                if out.len() == most {
                    break;
                }
                if !trimmed.is_empty() {
                    out.push((start + (piece.len() - piece.trim_start().len()), trimmed));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    out
}

fn split_at_equals(element: &str) -> (&str, Option<&str>) {
    match element.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (element, None),
    }
}

/// The text of a quoted string, or the token as it is.
fn unquote(value: &str) -> (String, bool) {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return (value.to_owned(), false);
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    (out, true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> CacheControl {
        CacheControl::parse([text])
    }

    #[test]
    fn reads_what_servers_send() {
        let all = read("Public, MAX-AGE=60 , private=\"Set-Cookie, X-A\", no-cache, s-maxage=\"7\"");
        assert_eq!(all.directives.len(), 5);
        assert!(all.has(Name::Public) && !all.forbids(Name::Private) && all.forbids(Name::NoCache));
        assert_eq!(all.qualified(Name::Private), ["set-cookie", "x-a"]);
        assert_eq!(all.seconds(Name::MaxAge), Some(Seconds::Whole(60)));
        assert_eq!(all.seconds(Name::SMaxage), Some(Seconds::Whole(7)));
        assert!(all.first(Name::SMaxage).unwrap().quoted);
        assert_eq!(all.first(Name::MaxAge).unwrap().spelled, "MAX-AGE");
        let (start, end) = all.first(Name::MaxAge).unwrap().span;
        assert_eq!((start, end), (8, 18));
    }

    #[test]
    fn keeps_lines_and_duplicates() {
        let all = CacheControl::parse(["max-age=1", "public,, max-age=2"]);
        assert_eq!((all.lines, all.directives.len()), (2, 3));
        assert_eq!(all.directives[2].line, 1);
        assert_eq!(all.seconds(Name::MaxAge), Some(Seconds::Whole(1)));
        assert!(!CacheControl::parse([]).is_present());
        assert!(CacheControl::parse([""]).is_present());
    }

    #[test]
    fn lists_without_end_are_cut() {
        let all = CacheControl::parse([format!("no-store,{}", "a,".repeat(200)).as_str(), &"b,".repeat(20_000), "c"]);
        assert_eq!((all.lines, all.directives.len()), (3, MAX_DIRECTIVES));
        assert!(all.has(Name::NoStore));
    }

    #[test]
    fn numbers_of_every_kind() {
        for (text, want) in [
            ("0", Seconds::Whole(0)),
            ("1.5", Seconds::Decimal { floor: 1 }),
            ("99999999999999999999", Seconds::Overflow),
            ("4294967296", Seconds::Overflow),
            ("99999999999999999999.5", Seconds::Overflow),
            ("-1", Seconds::Invalid),
            ("1h", Seconds::Invalid),
            ("", Seconds::Invalid),
            ("1.", Seconds::Invalid),
            ("٣", Seconds::Invalid),
        ] {
            assert_eq!(Seconds::read(text), want, "{text}");
        }
        assert_eq!(read("max-age").seconds(Name::MaxAge), Some(Seconds::Invalid));
    }

    #[test]
    fn positive_lifetimes_are_wishes() {
        for (text, want) in [
            ("max-age=60", true),
            ("public, max-age=0, s-maxage=60", true),
            ("max-age=60, s-maxage=0", false),
            ("private, max-age=60", false),
            ("no-store, max-age=60", false),
            ("private=\"set-cookie\", max-age=60", true),
            ("public", false),
        ] {
            assert_eq!(read(text).wants_shared_storing(), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_printing_agrees(lines in proptest::collection::vec(".{0,60}", 0..4)) {
            let once = CacheControl::parse(lines.iter().map(String::as_str));
            let printed = once.print();
            let again = CacheControl::parse(printed.iter().map(String::as_str));
            prop_assert_eq!(once.directives.len(), again.directives.len());
            for (a, b) in once.directives.iter().zip(&again.directives) {
                prop_assert_eq!((a.name, &a.spelled, &a.value, a.quoted, &a.raw, a.line),
                                (b.name, &b.spelled, &b.value, b.quoted, &b.raw, b.line));
            }
            let _ = once.faults();
        }

        #[test]
        fn spans_point_at_the_element(line in "[ -~é]{0,80}") {
            let all = CacheControl::parse([line.as_str()]);
            for directive in &all.directives {
                prop_assert_eq!(&line[directive.span.0..directive.span.1], directive.raw.as_str());
            }
        }
    }
}
