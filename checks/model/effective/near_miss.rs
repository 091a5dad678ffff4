//! The rules that were meant for this URL: same host or a similar path, and the part that keeps them from matching.

use super::decide::Heard;
use super::{Effective, JudgedPageRule, Matched, Miss, NearMiss, Sets, Slip, correct};
use crate::evidence::Target;
use crate::evidence::text::shorten;
use crate::evidence::zone::{PageRule, Phase, Zone};
use crate::model::rules::{Expression, Mention, Request, Slip as TermSlip, Term, similar_path};
use crate::model::url_pattern::{glob, parts};

/// Does the term look at the host?
pub(super) fn is_of_host(term: &Term) -> bool {
    term.field == "http.host" || term.field == "raw.http.host"
}

fn is_of_url(term: &Term) -> bool {
    ["http.request.full_uri", "raw.http.request.full_uri", "http.request.uri", "raw.http.request.uri"]
        .contains(&term.field.as_str())
}

fn is_of_path(term: &Term) -> bool {
    term.field.ends_with("http.request.uri.path")
}

/// A host that was written like a URL or in capitals, as the bare name.
pub(super) fn bare_host(text: &str) -> String {
    let bare = parts(text).host.trim_end_matches('.').to_ascii_lowercase();
    bare.trim().to_owned()
}

/// Is `host` a name below `parent`, which is written without star?
pub(super) fn is_below(host: &str, parent: &str) -> bool {
    !parent.is_empty() && !parent.contains('*') && host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

/// Are they a name and its `www`?
pub(super) fn is_twin(a: &str, b: &str) -> bool {
    a.strip_prefix("www.") == Some(b) || b.strip_prefix("www.") == Some(a)
}

/// Do two names differ by one or two letters, digits aside (`api1` and `api2` are two hosts)?
pub(super) fn is_typo(written: &str, actual: &str) -> bool {
    if written == actual || written.contains('*') || written.len() < 8 {
        return false;
    }
    let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    letters(written) != letters(actual) && distance(written, actual, 2) && digits(written) == digits(actual)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Is the edit distance (with neighbours swapped) at most `most`?
fn distance(a: &str, b: &str, most: usize) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return false;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().is_some_and(|cost| *cost <= most)
}

/// Do a written path and the URL's differ by a slash, case, or a missing star?
pub(super) fn is_similar_path(written: &str, path: &str) -> bool {
    similar_path(written, path).is_some()
}

/// Has the zone no record of its own for this name, as far as is known?
fn is_foreign(zone: &Zone, name: &str) -> bool {
    let Some(records) = zone.records.found() else { return false };
    !records.0.iter().any(|record| record.name.as_deref() == Some(name)) && zone.name() != Some(name)
}

/// Is this a name that rules are made for without a thought of the names below it: the apex, or its `www`?
fn is_site(zone: &Zone, name: &str) -> bool {
    zone.name().is_some_and(|zone| name == zone || name.strip_prefix("www.") == Some(zone))
}

/// A modern rule that does not match.
pub(super) fn of_rule(heard: &Heard<'_>, request: &Request, zone: &Zone) -> Option<NearMiss> {
    if !matches!(heard.judged.phase, Phase::Config | Phase::Origin | Phase::Cache) {
        return None;
    }
    let near = |slip, because, corrected| NearMiss {
        setter: heard.judged.setter.clone(),
        would_set: heard.judged.sets.clone(),
        slip,
        because,
        corrected,
    };
    match &heard.judged.matched {
        Matched::Disabled(would) if matches!(**would, Matched::Yes) => {
            Some(near(Slip::Disabled, vec!["it is switched off".into()], None))
        }
        Matched::Unreadable(error) if heard.rule.expression.contains(request.host()) => {
            Some(near(Slip::Unreadable, vec![format!("its expression cannot be read: {}", error.message)], None))
        }
        Matched::No(misses) => {
            let expression = heard.expression.as_ref().as_ref().ok()?;
            let (slip, corrected) = slip_of(expression, heard, request, zone)?;
            Some(near(slip, misses.iter().map(clause).collect(), corrected))
        }
        _ => None,
    }
}

fn clause(miss: &Miss) -> String {
    let actual =
        miss.actual.as_deref().map(|actual| format!("; here it is {}", shorten(actual, 120))).unwrap_or_default();
    let slip = miss.slip.as_deref().map(|slip| format!(" ({slip})")).unwrap_or_default();
    format!("{} does not hold{actual}{slip}", miss.term)
}

fn slip_of(
    expression: &Expression,
    heard: &Heard<'_>,
    request: &Request,
    zone: &Zone,
) -> Option<(Slip, Option<String>)> {
    let blamed = &heard.blamed;
    // What depends on the method, a header or a country is meant for other requests.
    if !blamed.iter().all(|term| is_of_host(term) || is_of_url(term) || is_of_path(term)) {
        return None;
    }
    let corrected = correct::expression(expression, blamed, request);
    if let Some(corrected) = corrected {
        let slip = blamed.iter().filter_map(|term| Some(kind(term, term.slip?, request))).min()?;
        return Some((slip, Some(corrected)));
    }
    let of_host: Vec<&Term> = blamed.iter().filter(|term| is_of_host(term)).collect();
    for term in &of_host {
        for text in correct::literals(&term.text) {
            let bare = bare_host(&text);
            let deeper = is_below(request.host(), &bare) && !is_site(zone, &bare);
            let typo = is_typo(&bare, request.host()) && is_foreign(zone, &bare);
            // The same site under its other name, as for Page Rules: what is cached there was meant to be cached here.
            let twin = heard.judged.phase == Phase::Cache && is_twin(&bare, request.host());
            if deeper || typo || twin {
                let slip = if typo || twin { Slip::Host } else { Slip::Deeper };
                let corrected = correct::with_host(expression, term, request);
                return corrected.map(|corrected| (slip, Some(corrected)));
            }
        }
    }
    // The host is the right one, and the path another.
    let named = matches!(expression.host_mention(request.host()), Some(Mention::Named(_)));
    (named && of_host.is_empty()).then_some((Slip::OtherPath, None))
}

fn kind(term: &Term, slip: TermSlip, request: &Request) -> Slip {
    let of_host = is_of_host(term);
    match slip {
        TermSlip::NotAHost | TermSlip::Dots | TermSlip::LeadingSlash | TermSlip::QueryInPath => Slip::Impossible,
        TermSlip::WildcardInLiteral | TermSlip::RegexInLiteral if of_host => Slip::Impossible,
        // Hosts are always in lower case.
        TermSlip::Case if of_host => Slip::Impossible,
        TermSlip::SchemeMissing => Slip::Impossible,
        TermSlip::OtherScheme => Slip::Scheme,
        TermSlip::QueryNotCovered => Slip::Query,
        TermSlip::Apex => Slip::Host,
        TermSlip::Part if of_host => Slip::Host,
        // `https://host/` for every path but the root.
        _ if request.path() != "/" && is_of_url(term) => Slip::NoPath,
        _ => Slip::Path,
    }
}

/// A Page Rule that does not match.
pub(super) fn of_page_rule(rule: &PageRule, judged: &JudgedPageRule, target: &Target, zone: &Zone) -> Option<NearMiss> {
    let near = |slip, because, corrected| NearMiss {
        setter: judged.setter.clone(),
        would_set: judged.sets.clone(),
        slip,
        because,
        corrected,
    };
    // Redirects for http:// are meant for http:// only.
    let redirects = rule.actions.forwarding.is_some() || rule.actions.always_use_https;
    match &judged.matched {
        Matched::Disabled(would) if would.is_yes() && !redirects => {
            Some(near(Slip::Disabled, vec!["it is switched off".into()], None))
        }
        Matched::No(misses) if !redirects => {
            let because: Vec<String> = misses.iter().map(page_clause).collect();
            let foreign = |name: &str| is_foreign(zone, name);
            let found = correct::pattern(&rule.pattern, target, foreign);
            if let Some((slip, corrected)) = found {
                let site = slip == Slip::Deeper && is_site(zone, parts(&rule.pattern).host);
                let because = match slip {
                    Slip::NoPath => vec![format!(
                        "without /* it covers the root only, and the URL's path is {}",
                        shorten(target.path_only(), 120)
                    )],
                    _ => because,
                };
                return (!site).then(|| near(slip, because, Some(corrected)));
            }
            let host = parts(&rule.pattern).host;
            let own = host == target.host || host.contains('*') && host.len() > 4 && glob(host, &target.host);
            own.then(|| near(Slip::OtherPath, because, None))
        }
        Matched::Unknown(terms) if !redirects => {
            let because = terms.iter().map(|term| format!("it is not known {term}")).collect();
            let (slip, corrected) = correct::pattern(&rule.pattern, target, |_| false)?;
            Some(near(slip, because, Some(corrected)))
        }
        _ => None,
    }
}

fn page_clause(miss: &Miss) -> String {
    let actual = miss.actual.as_deref().unwrap_or("another");
    format!("its {} is not the URL's {}", miss.term, shorten(actual, 120))
}

impl Effective {
    /// Leaves only what would change something.
    pub(super) fn keep_what_matters(&mut self) {
        let misses = std::mem::take(&mut self.near_misses);
        let changes = |set: &Sets| match self.in_words(set.setting) {
            Some((now, _)) => now != set.value,
            None => matches!(set.setting, "ssl" | "cache_level" | "always_use_https"),
        };
        let kept: Vec<NearMiss> = misses
            .into_iter()
            .filter_map(|miss| {
                let would_set: Vec<Sets> = miss.would_set.into_iter().filter(changes).collect();
                (!would_set.is_empty()).then_some(NearMiss { would_set, ..miss })
            })
            .collect();
        self.near_misses = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_and_two_hosts() {
        for (written, actual, wanted) in [
            ("lamdba.example.com", "lambda.example.com", true),
            ("lambada.example.com", "lambda.example.com", true),
            ("api1.example.com", "api2.example.com", false),
            ("shop.example.com", "lambda.example.com", false),
            ("lambda.example.com", "lambda.example.com", false),
        ] {
            assert_eq!(is_typo(written, actual), wanted, "{written}");
        }
    }

    #[test]
    fn a_host_is_below_another() {
        assert!(is_below("eu.lambda.example.com", "lambda.example.com"));
        assert!(!is_below("eulambda.example.com", "lambda.example.com") && !is_below("a.b", "*.b"));
    }

    #[test]
    fn a_host_written_as_a_url() {
        for text in
            ["https://Lambda.example.com/", "lambda.example.com:443", "lambda.example.com.", "LAMBDA.example.com"]
        {
            assert_eq!(bare_host(text), "lambda.example.com", "{text}");
        }
    }
}
