//! Page Rule patterns (`facts/cloudflare.md` 3.3).

use super::{Part, PatternMatch, glob, normalised, parts, path_and_query};
use crate::evidence::Target;

/// Does the pattern of a Page Rule match the target's URL?
///
/// Scheme and port may be left out, and then all match; `*` may span segments; the query string is ignored unless the
/// pattern contains one. Unverified, and so unknown where it matters: case, normalisation, and a star of the host that
/// would have to reach into the path.
pub fn page_rule(pattern: &str, target: &Target) -> PatternMatch {
    let (path, query) = path_and_query(target);
    let found = as_sent(pattern, target, path, query);
    if matches!(found, PatternMatch::Yes) {
        return found;
    }
    // The same pattern and URL without case.
    if pattern.bytes().any(|b| b.is_ascii_uppercase()) || path.bytes().any(|b| b.is_ascii_uppercase()) {
        let lower = as_sent(
            &pattern.to_ascii_lowercase(),
            target,
            &path.to_ascii_lowercase(),
            query.map(str::to_ascii_lowercase).as_deref(),
        );
        if matches!(lower, PatternMatch::Yes) {
            return PatternMatch::Unknown("whether upper and lower case count in Page Rule patterns".into());
        }
    }
    let tidy = normalised(path);
    if tidy != path && matches!(as_sent(pattern, target, &tidy, query), PatternMatch::Yes) {
        return PatternMatch::Unknown("whether Page Rules see the URL before or after normalization".into());
    }
    found
}

fn as_sent(pattern: &str, target: &Target, path: &str, query: Option<&str>) -> PatternMatch {
    let wanted = parts(pattern);
    let no = |part, wanted: &str, actual: &str| PatternMatch::No(part, wanted.to_owned(), actual.to_owned());
    let scheme = target.scheme.to_string();
    if let Some(wanted) = wanted.scheme.filter(|wanted| !glob(wanted, &scheme)) {
        return no(Part::Scheme, wanted, &scheme);
    }
    let port = target.port.to_string();
    if let Some(wanted) = wanted.port.filter(|wanted| *wanted != port) {
        return no(Part::Port, wanted, &port);
    }
    // A bare host stands for its root.
    let root = if wanted.path.is_empty() && !wanted.host.ends_with('*') { "/" } else { "" };
    let place = format!("{}{}{root}", wanted.host, wanted.path);
    let whole = |path: &str, query: Option<&str>| match query {
        Some(query) => format!("{}{path}?{query}", target.host),
        None => format!("{}{path}", target.host),
    };
    let matches = match wanted.query {
        Some(wanted) => {
            glob(&format!("{place}?{wanted}"), &whole(path, Some(query.unwrap_or_default()))) && query.is_some()
        }
        None => glob(&place, &whole(path, None)),
    };
    let host_matches = glob(wanted.host, &target.host);
    match (matches, host_matches) {
        (true, true) => PatternMatch::Yes,
        (true, false) if wanted.path.is_empty() => PatternMatch::Yes,
        (true, false) => PatternMatch::Unknown("whether the * of a host reaches into the path".into()),
        (false, false) => no(Part::Host, wanted.host, &target.host),
        (false, true) => {
            let path_matches = glob(&format!("{}{root}", wanted.path), path);
            match (wanted.query, query) {
                (Some(wanted), _) if path_matches => no(Part::Query, wanted, query.unwrap_or("(none)")),
                // The documented translation would match what a star finds in the query string.
                (None, Some(_)) if glob(&format!("{place}*"), &whole(path, query)) => {
                    PatternMatch::Unknown("whether a * in the path reaches into the query string".into())
                }
                _ => no(Part::Path, if wanted.path.is_empty() { "/" } else { wanted.path }, path),
            }
        }
    }
}

/// What `$1`, `$2` … stand for; `None`: more than one reading is possible.
pub fn captures(pattern: &str, target: &Target) -> Option<Vec<String>> {
    let wanted = parts(pattern);
    let (path, query) = path_and_query(target);
    let text = match (wanted.query, query) {
        (Some(_), Some(query)) => format!("{}{path}?{query}", target.host),
        _ => format!("{}{path}", target.host),
    };
    let root = if wanted.path.is_empty() && !wanted.host.ends_with('*') { "/" } else { "" };
    let place = match wanted.query {
        Some(query) => format!("{}{}{root}?{query}", wanted.host, wanted.path),
        None => format!("{}{}{root}", wanted.host, wanted.path),
    };
    // A star in the scheme counts too.
    let stars = wanted.scheme.map_or(0, |scheme| scheme.matches('*').count());
    if stars > 0 {
        return None;
    }
    let shortest = spans(&place, &text)?;
    let reversed = |text: &str| text.chars().rev().collect::<String>();
    let mut longest = spans(&reversed(&place), &reversed(&text))?;
    longest.reverse();
    let longest: Vec<String> = longest.iter().map(|part| reversed(part)).collect();
    (shortest == longest).then_some(shortest)
}

/// What each star stands for, as short as possible from left to right.
fn spans(pattern: &str, text: &str) -> Option<Vec<String>> {
    let mut fixed = pattern.split('*');
    let mut rest = text.strip_prefix(fixed.next()?)?;
    let fixed: Vec<&str> = fixed.collect();
    let Some((last, middle)) = fixed.split_last() else { return rest.is_empty().then(Vec::new) };
    let mut found = Vec::with_capacity(fixed.len());
    for part in middle {
        let at = rest.find(part)?;
        found.push(rest.get(..at)?.to_owned());
        rest = rest.get(at + part.len()..)?;
    }
    found.push(rest.strip_suffix(last)?.to_owned());
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str, url: &str) -> PatternMatch {
        page_rule(pattern, &url.parse().unwrap())
    }

    #[test]
    fn documented_patterns() {
        for (pattern, url, wanted) in [
            ("example.com/*", "https://example.com/", true),
            ("example.com/*", "https://example.com/a/b?c=d", true),
            ("example.com/*", "https://www.example.com/", false),
            ("*example.com/*", "https://example.com/", true),
            ("*example.com/*", "https://a.b.example.com/x", true),
            ("*.example.com/*", "https://a.example.com/x", true),
            ("*.example.com/*", "https://example.com/x", false),
            ("example.com", "https://example.com/", true),
            ("example.com", "https://example.com/a", false),
            ("example.com/foo/*", "https://example.com/foo", false),
            ("example.com/foo/*", "https://example.com/foo/", true),
            ("example.com/foo*", "https://example.com/foo", true),
            ("example.com/foo*", "https://example.com/food/x", true),
            ("example.com/foo", "https://example.com/foo?x=1", true),
            ("example.com/foo?x=*", "https://example.com/foo?x=1", true),
            ("example.com/foo?x=*", "https://example.com/foo", false),
            ("example.com/foo?x=*", "https://example.com/foo?y=1", false),
            ("http://example.com/*", "https://example.com/", false),
            ("http*://example.com/*", "https://example.com/", true),
            ("https://example.com/*", "https://example.com/", true),
            ("example.com:8443/*", "https://example.com/", false),
            ("example.com:8443/*", "https://example.com:8443/", true),
            ("example.com/*", "https://example.com:8443/", true),
            ("example.com/*/downloads/*.txt", "https://example.com/a/b/downloads/x/y.txt?q", true),
            ("*lambda.example.com/*", "https://eulambda.example.com/endpoint", true),
            ("lambda*.example.com/*", "https://lambda.eu.example.com/endpoint", true),
        ] {
            assert_eq!(of(pattern, url) == PatternMatch::Yes, wanted, "{pattern} {url}: {:?}", of(pattern, url));
            assert!(!matches!(of(pattern, url), PatternMatch::Unknown(_)), "{pattern} {url}");
        }
    }

    #[test]
    fn the_part_that_differs_is_named() {
        let part = |pattern: &str, url: &str| match of(pattern, url) {
            PatternMatch::No(part, ..) => part,
            other => panic!("{other:?}"),
        };
        assert_eq!(part("http://example.com/*", "https://example.com/"), Part::Scheme);
        assert_eq!(part("example.com/*", "https://a.example.com/"), Part::Host);
        assert_eq!(part("example.com:2053/*", "https://example.com/"), Part::Port);
        assert_eq!(part("example.com/a/*", "https://example.com/b"), Part::Path);
        assert_eq!(part("example.com/a?b", "https://example.com/a?c"), Part::Query);
    }

    #[test]
    fn what_is_not_documented_is_not_known() {
        for (pattern, url) in [
            ("Example.com/*", "https://example.com/"),
            ("example.com/Foo", "https://example.com/foo"),
            ("example.com/foo", "https://example.com/Foo"),
            ("example.com/a/b", "https://example.com/a//b"),
            ("*lambda.example.com/*", "https://www.example.com/lambda.example.com/x"),
            ("example.com/*.jpg", "https://example.com/a?file=b.jpg"),
        ] {
            assert!(matches!(of(pattern, url), PatternMatch::Unknown(_)), "{pattern} {url}: {:?}", of(pattern, url));
        }
    }

    #[test]
    fn stars_are_captured_where_there_is_one_reading() {
        let of = |pattern: &str, url: &str| captures(pattern, &url.parse().unwrap());
        assert_eq!(of("example.com/old/*", "https://example.com/old/a?b").unwrap(), ["a"]);
        assert_eq!(of("*.example.com/*", "https://a.example.com/b").unwrap(), ["a", "b"]);
        assert_eq!(of("example.com/*/*", "https://example.com/a/b/c"), None);
        assert_eq!(of("http*://example.com/*", "https://example.com/a"), None);
    }
}
