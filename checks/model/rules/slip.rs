//! Why a comparison does not hold although it nearly does: the mistakes that people make with hosts, paths and patterns.

use std::fmt;

use super::parser::compile;
use super::wildcard::Pattern;

/// A small difference that keeps a comparison from holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slip {
    /// Only upper and lower case differ; comparisons of strings know case (docs: rules-language/operators).
    Case,
    /// The host has a scheme, port, path or final dot with it; the field is the bare name.
    NotAHost,
    /// The dots are at other places.
    Dots,
    /// `*.example.com` is every name below `example.com` and not `example.com` itself.
    Apex,
    /// The full URI begins with its scheme and the text does not.
    SchemeMissing,
    /// The request has the other scheme.
    OtherScheme,
    /// The request has a query, and the pattern ends before it.
    QueryNotCovered,
    /// The field ends before the `?`.
    QueryInPath,
    /// A slash at the end, on one side only.
    TrailingSlash,
    /// A path begins with a slash.
    LeadingSlash,
    /// The path goes on below the one that is named.
    Below,
    /// `*` is a character of its own for this operator.
    WildcardInLiteral,
    /// A regular expression in an operator that takes none.
    RegexInLiteral,
    /// A pattern must match the whole value, and matches a part of it.
    Part,
    /// Names of headers are in lower case here.
    HeaderName,
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Slip::Case => "only upper and lower case differ, and the comparison knows case",
            Slip::NotAHost => "the field holds the bare host name, without scheme, port, path or final dot",
            Slip::Dots => "the dots are at other places",
            Slip::Apex => "the pattern covers the names below, not the name itself",
            Slip::SchemeMissing => "the full URI begins with http:// or https://, and the text does not",
            Slip::OtherScheme => "the scheme is the other one",
            Slip::QueryNotCovered => "the whole value must match, and the request has a query that nothing covers",
            Slip::QueryInPath => "the path ends before the question mark",
            Slip::TrailingSlash => "the slash at the end is on one side only",
            Slip::LeadingSlash => "a path begins with a slash",
            Slip::Below => "the comparison is with this path only, and the request goes below it",
            Slip::WildcardInLiteral => {
                "the star is an ordinary character for this operator; the operator wildcard knows it"
            }
            Slip::RegexInLiteral => "this operator takes no regular expression; the operator matches does",
            Slip::Part => "the pattern must match the whole value and matches a part of it",
            Slip::HeaderName => "the names of headers are in lower case in this field",
        })
    }
}

/// What the compared value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Host,
    FullUri,
    /// Path and query.
    Uri,
    Path,
    Other,
}

/// How it is compared with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Equal,
    Contains,
    Starts,
    Ends,
    Wildcard,
    StrictWildcard,
    Matches,
}

/// Does the comparison hold?
pub(super) fn holds(how: How, text: &str, value: &str) -> bool {
    let pattern = |strict| Pattern::new(text.as_bytes(), strict).is_ok_and(|pattern| pattern.matches(value.as_bytes()));
    match how {
        How::Equal => text == value,
        How::Contains => value.contains(text),
        How::Starts => value.starts_with(text),
        How::Ends => value.ends_with(text),
        How::Wildcard => pattern(false),
        How::StrictWildcard => pattern(true),
        How::Matches => matches(text, value),
    }
}

fn matches(pattern: &str, value: &str) -> bool {
    compile(pattern).ok().flatten().is_some_and(|regex| regex.is_match(value.as_bytes()))
}

/// The difference that keeps `value` from fitting `text`, if it is a small one. Nothing, if it fits.
pub(super) fn near(kind: Kind, how: How, text: &str, value: &str) -> Option<Slip> {
    if text.is_empty() || holds(how, text, value) {
        return None;
    }
    let fits = |text: &str| holds(how, text, value);
    let whole = matches!(how, How::Equal | How::Starts | How::Wildcard | How::StrictWildcard);
    let literal = matches!(how, How::Equal | How::Contains | How::Starts | How::Ends);
    let cased = match how {
        How::Matches => matches(&format!("(?i){text}"), value),
        How::StrictWildcard => holds(How::Wildcard, text, value),
        _ => holds(how, &text.to_ascii_lowercase(), &value.to_ascii_lowercase()),
    };
    if cased {
        return Some(Slip::Case);
    }
    if let Some(slip) = match kind {
        Kind::Host => host(how, text, value),
        Kind::FullUri => full_uri(how, text, value),
        Kind::Path | Kind::Uri => path(kind, how, text, value),
        Kind::Other => None,
    } {
        return Some(slip);
    }
    if literal && text.contains('*') {
        let around = match how {
            How::Contains => format!("*{text}*"),
            How::Starts => format!("{text}*"),
            How::Ends => format!("*{text}"),
            _ => text.to_owned(),
        };
        if holds(How::Wildcard, &around.replace("**", "*"), value) {
            return Some(Slip::WildcardInLiteral);
        }
    }
    let like_regex = ["\\", "^", "$", ".*", "(", "[", "|"].iter().any(|sign| text.contains(sign));
    if how != How::Matches && like_regex && text.len() > 3 && matches(text, value) {
        return Some(Slip::RegexInLiteral);
    }
    let inner = text.trim_matches('*');
    let part = matches!(how, How::Wildcard | How::StrictWildcard) && !inner.is_empty() && kind != Kind::FullUri;
    (whole && part && fits(&format!("*{inner}*"))).then_some(Slip::Part)
}

fn host(how: How, text: &str, value: &str) -> Option<Slip> {
    let bare = host_of(text);
    if bare != text && holds(how, bare, value) {
        return Some(Slip::NotAHost);
    }
    let below = text.strip_prefix('*').unwrap_or(text).strip_prefix('.');
    let for_below = matches!(how, How::Wildcard | How::StrictWildcard) && text.starts_with("*.") || how == How::Ends;
    if for_below && below.is_some_and(|name| name.eq_ignore_ascii_case(value)) {
        return Some(Slip::Apex);
    }
    let dotless = |name: &str| name.replace('.', "");
    (how == How::Equal && dotless(text).eq_ignore_ascii_case(&dotless(value))).then_some(Slip::Dots)
}

/// A host that was written like a URL, without what is no host.
fn host_of(text: &str) -> &str {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?']).next().unwrap_or_default();
    let text = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(text, |(host, _)| host);
    text.strip_suffix('.').unwrap_or(text)
}

fn full_uri(how: How, text: &str, value: &str) -> Option<Slip> {
    let anchored = matches!(how, How::Equal | How::Starts | How::Wildcard | How::StrictWildcard);
    if !anchored {
        return None;
    }
    let without_query = value.split('?').next().unwrap_or_default();
    let fits = |text: &str| holds(how, text, value);
    let covered = |text: &str| fits(text) || holds(how, text, without_query);
    if !text.contains("://") && (covered(&format!("https://{text}")) || covered(&format!("http://{text}"))) {
        return Some(Slip::SchemeMissing);
    }
    let other = match text.split_once("://") {
        Some(("http", rest)) => Some(format!("https://{rest}")),
        Some(("https", rest)) => Some(format!("http://{rest}")),
        _ => None,
    };
    if other.is_some_and(|text| covered(&text)) {
        return Some(Slip::OtherScheme);
    }
    if without_query != value && holds(how, text, without_query) {
        return Some(Slip::QueryNotCovered);
    }
    slashed(how, text, value)
}

fn path(kind: Kind, how: How, text: &str, value: &str) -> Option<Slip> {
    let fits = |text: &str| holds(how, text, value);
    let anchored = matches!(how, How::Equal | How::Starts | How::Wildcard | How::StrictWildcard);
    if anchored && !text.starts_with(['/', '*']) && fits(&format!("/{text}")) {
        return Some(Slip::LeadingSlash);
    }
    if kind == Kind::Path
        && let Some((before, _)) = text.split_once('?')
        && !before.is_empty()
        && fits(before)
    {
        return Some(Slip::QueryInPath);
    }
    let without_query = value.split('?').next().unwrap_or_default();
    if anchored && without_query != value && holds(how, text, without_query) {
        return Some(Slip::QueryNotCovered);
    }
    let below = how == How::Equal
        && text.len() > 1
        && value.strip_prefix(text.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1);
    slashed(how, text, value).or(below.then_some(Slip::Below))
}

fn slashed(how: How, text: &str, value: &str) -> Option<Slip> {
    let anchored = matches!(how, How::Equal | How::Ends | How::Wildcard | How::StrictWildcard | How::Starts);
    let with = holds(how, text, &format!("{value}/"));
    let without = value.len() > 1 && value.strip_suffix('/').is_some_and(|value| holds(how, text, value));
    (anchored && (with || without)).then_some(Slip::TrailingSlash)
}

/// How the path that a rule names nearly is the path of a request; nothing, if it is, or is another path altogether.
pub fn similar_path(written: &str, path: &str) -> Option<Slip> {
    let how = if written.contains('*') { How::Wildcard } else { How::Equal };
    near(Kind::Path, how, written, path)
}

#[cfg(test)]
mod tests {
    use super::How::{Contains, Ends, Equal, Starts, StrictWildcard, Wildcard};
    use super::Kind::{FullUri, Host, Path, Uri};
    use super::*;

    #[test]
    fn small_differences_have_names() {
        let host = "lambda.example.com";
        let url = "https://lambda.example.com/endpoint?x=1";
        for (kind, how, text, value, expected) in [
            (Host, Equal, "Lambda.example.com", host, Slip::Case),
            (Host, StrictWildcard, "*.Example.com", host, Slip::Case),
            (Host, Equal, "https://lambda.example.com/", host, Slip::NotAHost),
            (Host, Equal, "lambda.example.com:443", host, Slip::NotAHost),
            (Host, Equal, "lambda.example.com.", host, Slip::NotAHost),
            (Host, Wildcard, "lambda.example.com/*", host, Slip::NotAHost),
            (Host, Equal, "lambdaexample.com", host, Slip::Dots),
            (Host, Equal, "lambda..example.com", host, Slip::Dots),
            (Host, Wildcard, "*.example.com", "example.com", Slip::Apex),
            (Host, Ends, ".example.com", "example.com", Slip::Apex),
            (Host, Equal, "*.example.com", host, Slip::WildcardInLiteral),
            (Host, Contains, "lambda.*", host, Slip::WildcardInLiteral),
            (Host, Equal, r"^lambda\.example\.com$", host, Slip::RegexInLiteral),
            (FullUri, Wildcard, "lambda.example.com/*", url, Slip::SchemeMissing),
            (FullUri, Starts, "lambda.example.com/", url, Slip::SchemeMissing),
            (FullUri, Wildcard, "http://lambda.example.com/*", url, Slip::OtherScheme),
            (FullUri, Equal, "https://lambda.example.com/endpoint", url, Slip::QueryNotCovered),
            (FullUri, Wildcard, "https://*/endpoint", url, Slip::QueryNotCovered),
            (Uri, Equal, "/endpoint", "/endpoint?x=1", Slip::QueryNotCovered),
            (Path, Equal, "/endpoint?x=1", "/endpoint", Slip::QueryInPath),
            (Path, Equal, "/endpoint/", "/endpoint", Slip::TrailingSlash),
            (Path, Equal, "/endpoint", "/endpoint/", Slip::TrailingSlash),
            (Path, Wildcard, "/endpoint/*", "/endpoint", Slip::TrailingSlash),
            (Path, Starts, "/endpoint/", "/endpoint", Slip::TrailingSlash),
            (Path, Starts, "endpoint", "/endpoint/a", Slip::LeadingSlash),
            (Path, Equal, "/endpoint", "/endpoint/a", Slip::Below),
            (Path, Equal, "/Endpoint", "/endpoint", Slip::Case),
            (Path, Starts, "/end*", "/endpoint", Slip::WildcardInLiteral),
            (Path, Wildcard, "/end", "/endpoint", Slip::Part),
        ] {
            assert_eq!(near(kind, how, text, value), Some(expected), "{text} {value}");
        }
    }

    #[test]
    fn other_hosts_and_paths_are_no_slips() {
        for (kind, how, text, value) in [
            (Host, Equal, "api1.example.com", "api2.example.com"),
            (Host, Equal, "example.com", "lambda.example.com"),
            (Host, Wildcard, "*.example.org", "lambda.example.com"),
            (Host, Equal, "lambda.example.com", "lambda.example.com"),
            (FullUri, Wildcard, "https://www.example.com/*", "https://lambda.example.com/"),
            (Path, Equal, "/other", "/endpoint"),
            (Path, Equal, "/", "/endpoint"),
            (Path, Equal, "/end", "/endpoint"),
            (Path, Starts, "", "/endpoint"),
        ] {
            assert_eq!(near(kind, how, text, value), None, "{text} {value}");
        }
    }

    #[test]
    fn paths_alike() {
        assert_eq!(similar_path("/api/*", "/api"), Some(Slip::TrailingSlash));
        assert_eq!(similar_path("/API/x", "/api/x"), Some(Slip::Case));
        assert_eq!(similar_path("/api/x", "/api/x"), None);
        assert_eq!(similar_path("/shop", "/api"), None);
    }
}
