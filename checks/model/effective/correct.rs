//! The condition or pattern that would match: proposed by the kind of slip, and believed only if it then matches.

use std::sync::LazyLock;

use regex::Regex;

use super::{Slip, near_miss};
use crate::evidence::Target;
use crate::model::rules::{self, Expression, Request, Slip as TermSlip, Term, Truth};
use crate::model::url_pattern::{Parts, PatternMatch, page_rule, parts};

/// A string of the Rules language, without escapes.
static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r##"r?#*"([^"\\]*)"#*"##).ok());
/// `field operator "text"`.
static COMPARISON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r##"^\s*([\w.]+)\s+(eq|==|wildcard|strict wildcard|contains)\s+r?#*"([^"\\]*)"#*\s*$"##).ok()
});
/// `function(field, "text")`.
static CALL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r##"^\s*(starts_with|ends_with)\(([\w.]+),\s*r?#*"([^"\\]*)"#*\)\s*$"##).ok());

/// A comparison that was taken apart.
struct Comparison {
    field: String,
    operator: String,
    text: String,
}

fn comparison(term: &str) -> Option<Comparison> {
    let of = |found: regex::Captures<'_>, field: usize, operator: usize| Comparison {
        field: found[field].to_owned(),
        operator: found[operator].to_owned(),
        text: found[3].to_owned(),
    };
    if let Some(found) = COMPARISON.as_ref().and_then(|regex| regex.captures(term)) {
        return Some(of(found, 1, 2));
    }
    CALL.as_ref().and_then(|regex| regex.captures(term)).map(|found| of(found, 2, 1))
}

/// The texts that a term compares with.
pub(super) fn literals(term: &str) -> Vec<String> {
    let found = LITERAL.as_ref().map(|regex| regex.captures_iter(term).map(|found| found[1].to_owned()).collect());
    found.unwrap_or_default()
}

/// A term for this slip that may hold.
fn term(term: &Term, slip: TermSlip, host: &str) -> Option<String> {
    if let TermSlip::Case | TermSlip::NotAHost | TermSlip::Dots = slip
        && near_miss::is_of_host(term)
    {
        let wrong =
            literals(&term.text).into_iter().find(|text| near_miss::bare_host(text) == host || slip == TermSlip::Dots);
        return match wrong {
            Some(text) => Some(term.text.replacen(&format!("\"{text}\""), &format!("\"{host}\""), 1)),
            None => Some(term.text.to_ascii_lowercase()),
        };
    }
    let Comparison { field, operator, text } = comparison(&term.text)?;
    let is_wildcard = operator.ends_with("wildcard");
    let wildcard = |text: &str| format!("{field} wildcard \"{text}\"");
    let open = |text: &str| if text.ends_with('*') { text.to_owned() } else { format!("{text}*") };
    Some(match slip {
        TermSlip::Case => match operator.as_str() {
            "strict wildcard" => wildcard(&text),
            "starts_with" | "ends_with" => format!("{operator}(lower({field}), \"{}\")", text.to_ascii_lowercase()),
            _ => format!("lower({field}) {operator} \"{}\"", text.to_ascii_lowercase()),
        },
        TermSlip::NotAHost | TermSlip::Dots => return None,
        TermSlip::Apex if is_wildcard => format!("({field} wildcard \"{text}\" or {field} eq \"{host}\")"),
        TermSlip::Apex => format!("({} or {field} eq \"{host}\")", term.text),
        TermSlip::SchemeMissing => wildcard(&format!("http*://{}", open(&text))),
        TermSlip::OtherScheme => {
            let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
            wildcard(&format!("http*://{}", if is_wildcard { rest.to_owned() } else { open(rest) }))
        }
        TermSlip::QueryNotCovered => wildcard(&open(&text)),
        TermSlip::QueryInPath => {
            let path = text.split('?').next().unwrap_or_default();
            term.text.replacen(&format!("\"{text}\""), &format!("\"{path}\""), 1)
        }
        TermSlip::TrailingSlash => {
            let base = text.trim_end_matches('*').trim_end_matches('/');
            match operator.as_str() {
                "eq" | "==" => format!("{field} in {{\"{base}\" \"{base}/\"}}"),
                "starts_with" => format!("starts_with({field}, \"{base}\")"),
                _ => wildcard(&format!("{base}*")),
            }
        }
        TermSlip::LeadingSlash => term.text.replacen(&format!("\"{text}\""), &format!("\"/{text}\""), 1),
        TermSlip::Below => format!("starts_with({field}, \"{text}\")"),
        TermSlip::WildcardInLiteral => match operator.as_str() {
            "starts_with" => wildcard(&open(&text)),
            "ends_with" => wildcard(&format!("*{}", text.trim_start_matches('*'))),
            "contains" => wildcard(&format!("*{}*", text.trim_matches('*'))),
            _ => wildcard(&text),
        },
        TermSlip::Part => wildcard(&open(&text)),
        TermSlip::RegexInLiteral | TermSlip::HeaderName => return None,
    })
}

/// The expression with its slips mended, if it then matches.
pub(super) fn expression(expression: &Expression, blamed: &[Term], request: &Request) -> Option<String> {
    let mended: Vec<(&str, String)> = blamed
        .iter()
        .filter_map(|blamed| Some((blamed.text.as_str(), term(blamed, blamed.slip?, request.host())?)))
        .collect();
    let source = expression.source();
    let one_by_one = mended.iter().map(|(old, new)| source.replacen(old, new, 1));
    let all = mended.iter().fold(source.to_owned(), |source, (old, new)| source.replacen(old, new, 1));
    one_by_one.chain([all]).find(|candidate| holds(candidate, request))
}

/// The expression with this host beside the one that it names.
pub(super) fn with_host(expression: &Expression, blamed: &Term, request: &Request) -> Option<String> {
    let host = request.host();
    let new = match comparison(&blamed.text) {
        Some(Comparison { field, operator, text }) if operator == "eq" || operator == "==" => {
            format!("{field} in {{\"{text}\" \"{host}\"}}")
        }
        Some(_) => format!("({} or http.host eq \"{host}\")", blamed.text),
        // One more member of a set.
        None if blamed.text.ends_with('}') => {
            format!("{} \"{host}\"}}", blamed.text.trim_end_matches('}').trim_end())
        }
        None => return None,
    };
    let candidate = expression.source().replacen(&blamed.text, &new, 1);
    holds(&candidate, request).then_some(candidate)
}

fn holds(source: &str, request: &Request) -> bool {
    rules::parse(source).is_ok_and(|mended| !matches!(mended.evaluate(request), Truth::False))
}

fn printed(parts: &Parts<'_>) -> String {
    let scheme = parts.scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default();
    let port = parts.port.map(|port| format!(":{port}")).unwrap_or_default();
    let query = parts.query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}{}{port}{}{query}", parts.host, parts.path)
}

/// The likeliest pattern that matches, with the kind of slip.
pub(super) fn pattern(text: &str, target: &Target, foreign: impl Fn(&str) -> bool) -> Option<(Slip, String)> {
    let own = parts(text);
    let host = target.host.as_str();
    let bare = own.host.trim_start_matches("*.");
    let path = own.path.trim_end_matches('*').trim_end_matches('/');
    let lower = own.host.to_ascii_lowercase();
    let star_path = format!("{path}*");
    let url_path = target.path_only();
    let hosts: Vec<(Slip, String)> = [
        (own.host.is_empty(), Slip::Host, host.to_owned()),
        (lower != own.host, Slip::Host, lower.clone()),
        (own.host.starts_with("*.") && bare == host, Slip::Host, format!("*{bare}")),
        (near_miss::is_twin(bare, host), Slip::Host, host.to_owned()),
        (foreign(own.host) && near_miss::is_typo(own.host, host), Slip::Host, host.to_owned()),
        (near_miss::is_below(host, own.host), Slip::Deeper, host.to_owned()),
    ]
    .into_iter()
    .filter(|(is, ..)| *is)
    .map(|(_, slip, host)| (slip, host))
    .collect();
    let no_path = matches!(own.path, "" | "/") && own.query.is_none();
    let paths: Vec<(Slip, &str)> = [
        (no_path, Slip::NoPath, "/*"),
        (!no_path && near_miss::is_similar_path(own.path, url_path), Slip::Path, star_path.as_str()),
    ]
    .into_iter()
    .filter(|(is, ..)| *is)
    .map(|(_, slip, path)| (slip, path))
    .collect();
    let mut candidates: Vec<(Slip, Parts<'_>)> = vec![
        (Slip::Scheme, Parts { scheme: None, ..own.clone() }),
        (Slip::Scheme, Parts { port: None, ..own.clone() }),
        (Slip::Query, Parts { query: None, ..own.clone() }),
    ];
    candidates.extend(paths.iter().map(|(slip, path)| (*slip, Parts { path, ..own.clone() })));
    for (slip, host) in &hosts {
        candidates.push((*slip, Parts { host, ..own.clone() }));
        candidates.extend(paths.iter().map(|(_, path)| (*slip, Parts { host, path, ..own.clone() })));
    }
    // The case of the path as the URL has it.
    let same_path = own.path.eq_ignore_ascii_case(url_path);
    let cased = if same_path { url_path.to_owned() } else { own.path.to_ascii_lowercase() };
    candidates.push((Slip::Path, Parts { path: &cased, ..own.clone() }));
    candidates.push((Slip::Host, Parts { host: &lower, path: &cased, ..own.clone() }));
    candidates
        .into_iter()
        .map(|(slip, parts)| (slip, printed(&parts)))
        .find(|(_, candidate)| candidate != text && page_rule(candidate, target) == PatternMatch::Yes)
}
