//! Worker route patterns (<https://developers.cloudflare.com/workers/configuration/routing/routes/>, "Matching
//! behavior" and "Validity").

use super::{Part, PatternMatch, glob, parts, path_and_query};
use crate::evidence::Target;

/// Does a Worker route match the target's URL?
///
/// A star may begin the host and end the path. The whole URL counts, the query string too. The path is case-sensitive;
/// the host is for routes made before 2023-10-15 only, and a route does not tell its age.
pub fn worker_route(pattern: &str, target: &Target) -> PatternMatch {
    let wanted = parts(pattern);
    if !is_host_pattern(wanted.host) {
        if let Some(routes) = PagesRoutes::read(pattern) {
            return routes.matches(path_and_query(target).0);
        }
        return PatternMatch::Unknown(format!(
            "its pattern, which is told as {:?}",
            crate::evidence::text::shorten(pattern, 60)
        ));
    }
    let (path, query) = path_and_query(target);
    let no = |part, wanted: &str, actual: &str| PatternMatch::No(part, wanted.to_owned(), actual.to_owned());
    let scheme = target.scheme.to_string();
    if let Some(wanted) = wanted.scheme.filter(|wanted| !wanted.eq_ignore_ascii_case(&scheme)) {
        return no(Part::Scheme, wanted, &scheme);
    }
    let host = wanted.host.to_ascii_lowercase();
    if !glob(&host, &target.host) {
        return no(Part::Host, wanted.host, &target.host);
    }
    // "there is an implied path of `/` if you do not specify one"
    let wanted_path = if wanted.path.is_empty() { "/" } else { wanted.path };
    let asked = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    if !glob(wanted_path, &asked) {
        return match glob(wanted_path, path) {
            true => no(Part::Query, "(none)", query.unwrap_or_default()),
            false => no(Part::Path, wanted_path, path),
        };
    }
    if host != wanted.host {
        return PatternMatch::Unknown(
            "whether the route is from before 2023-10-15, when upper case in a host counted".into(),
        );
    }
    if let Some(port) = wanted.port.filter(|port| *port != target.port.to_string()) {
        return no(Part::Port, port, &target.port.to_string());
    }
    PatternMatch::Yes
}

/// Could this be a host with its stars? Else somebody wrote in words what the pattern is.
fn is_host_pattern(host: &str) -> bool {
    let octet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'*') || !b.is_ascii();
    host.contains(['.', '*']) && host.bytes().all(octet)
}

/// Where the Functions of a Pages project run, by its `_routes.json`: the paths of `include` without those of `exclude`,
/// which is the stronger (<https://developers.cloudflare.com/pages/functions/routing/>). Told as the file's own JSON, or
/// in words around the two lists.
struct PagesRoutes<'p> {
    include: Vec<&'p str>,
    exclude: Vec<&'p str>,
}

impl<'p> PagesRoutes<'p> {
    fn read(pattern: &'p str) -> Option<PagesRoutes<'p>> {
        let (before, after) = pattern.split_once("include")?;
        let (include, exclude) = match (after.split_once("exclude"), before.split_once("exclude")) {
            (Some(both), _) => both,
            (None, Some((_, exclude))) => (after, exclude),
            (None, None) => (after, ""),
        };
        let paths = |list: &'p str| {
            let words = list.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '[' | ']' | '{' | '}'));
            words.filter(|word| word.starts_with('/')).collect::<Vec<_>>()
        };
        let routes = PagesRoutes { include: paths(include), exclude: paths(exclude) };
        (!routes.include.is_empty()).then_some(routes)
    }

    fn matches(&self, path: &str) -> PatternMatch {
        let no = |wanted: String| PatternMatch::No(Part::Path, wanted, path.to_owned());
        if let Some(excluded) = self.exclude.iter().find(|pattern| glob(pattern, path)) {
            return no(format!("outside {excluded}"));
        }
        match self.include.iter().any(|pattern| glob(pattern, path)) {
            true => PatternMatch::Yes,
            false => no(self.include.join(", ")),
        }
    }
}

/// How specific a route is: the greater wins. Host before path (known issue "Route specificity": `a.example.com/*` beats
/// `*.example.com/a`), an exact host before a wildcard, the longer before the shorter.
///
/// The known issue also says that `example.com/images*` beats `example.com/images/*`; routes that are so alike are told
/// apart by [`Specificity::is_like`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    exact_host: bool,
    host: usize,
    exact_path: bool,
    path: usize,
    scheme: bool,
}

/// See [`Specificity`].
pub fn specificity(pattern: &str) -> Specificity {
    let wanted = parts(pattern);
    let path = if wanted.path.is_empty() { "/" } else { wanted.path };
    Specificity {
        exact_host: !wanted.host.contains('*'),
        host: wanted.host.trim_start_matches('*').len(),
        exact_path: !path.ends_with('*'),
        path: path.trim_end_matches('*').len(),
        scheme: wanted.scheme.is_some(),
    }
}

impl Specificity {
    /// Do the two differ by no more than a slash before the star, where Cloudflare has a known bug?
    pub fn is_like(self, other: Specificity) -> bool {
        let alike = Specificity { path: 0, ..self } == Specificity { path: 0, ..other };
        alike && !self.exact_path && self.path.abs_diff(other.path) <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str, url: &str) -> bool {
        worker_route(pattern, &url.parse().unwrap()) == PatternMatch::Yes
    }

    #[test]
    fn documented_patterns() {
        for (pattern, url, wanted) in [
            ("https://*.example.com/images/*", "https://a.example.com/images/x", true),
            ("https://*.example.com/images/*", "http://a.example.com/images/x", false),
            ("*example.com/*", "https://example.com/", true),
            ("*example.com/*", "https://www.example.com/path", true),
            ("*.example.com/*", "https://example.com/", false),
            ("*example.com/*", "https://myexample.com/", true),
            ("*example.com/*", "https://not-example.org/", false),
            ("example.com", "https://example.com/", true),
            ("example.com", "https://example.com/a", false),
            ("example.com/path*", "https://example.com/path/readme.txt", true),
            ("*example.com/images/cat.png", "https://example.com/images/cat.png", true),
            ("*example.com/images/cat.png", "https://example.com/images/cat.png?foo=bar", false),
            ("*example.com/images/*", "https://example.com/images/cat.png?foo=bar", true),
            ("example.com/Images/*", "https://example.com/images/x", false),
        ] {
            assert_eq!(of(pattern, url), wanted, "{pattern} {url}");
        }
        let old = worker_route("Example.com/*", &"https://example.com/".parse().unwrap());
        assert!(matches!(old, PatternMatch::Unknown(_)), "{old:?}");
        for words in ["(not reported)", "all of the site", "functions/[[path]].ts", ""] {
            let told = worker_route(words, &"https://example.com/".parse().unwrap());
            assert!(matches!(told, PatternMatch::Unknown(_)), "{words}: {told:?}");
        }
    }

    #[test]
    fn functions_of_a_pages_project() {
        let json = r#"{"version": 1, "include": ["/*"], "exclude": ["/build/*"]}"#;
        for (pattern, url, wanted) in [
            (json, "https://example.com/favicon.ico", true),
            (json, "https://example.com/build/a.js", false),
            ("_routes.json: exclude /build/*, include /*", "https://example.com/build/a.js", false),
            ("the Function's routes include /api/*", "https://example.com/api/x?y=1", true),
            ("include /api/*", "https://example.com/", false),
        ] {
            assert_eq!(of(pattern, url), wanted, "{pattern} {url}");
        }
        let words = worker_route("includes every page", &"https://example.com/".parse().unwrap());
        assert!(matches!(words, PatternMatch::Unknown(_)), "{words:?}");
        assert!(of("example.com/include/*", "https://example.com/include/x"), "a path is no list");
    }

    #[test]
    fn the_most_specific_wins() {
        for (more, less) in [
            ("www.example.com/*", "*.example.com/*"),
            ("example.com/hello/*", "example.com/*"),
            ("a.example.com/*", "*.example.com/a"),
            ("*example.com/images/cat.png", "*example.com/images/*"),
        ] {
            assert!(specificity(more) > specificity(less), "{more} {less}");
        }
        assert!(specificity("example.com/images*").is_like(specificity("example.com/images/*")));
        assert!(!specificity("example.com/*").is_like(specificity("example.com/images/*")));
    }
}
