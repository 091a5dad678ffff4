//! Where a name can be registered: the Public Suffix List.
//!
//! `data/public_suffix_list.dat` has the rules of <https://publicsuffix.org/list/public_suffix_list.dat>, version
//! 2026-10-22; its other comments are left out. As data they cost the program a fifth of a megabyte; the crates that
//! compile them to code cost two.

use std::sync::LazyLock;

use publicsuffix::{List, Psl as _, Type};

static LIST: LazyLock<List> = LazyLock::new(|| {
    // The file is part of the program, and a test reads it.
    include_str!("../data/public_suffix_list.dat").parse().unwrap_or_default()
});

/// The registrable domain of `host`: its public suffix and one label more. A suffix that no list knows is the last
/// label. `host` is in lower case, without a dot at its end.
pub fn registrable(host: &str) -> Option<&str> {
    LIST.domain(host.as_bytes()).and_then(|domain| str::from_utf8(domain.as_bytes()).ok())
}

/// The suffix of `host` from the list's private part, such as `github.io`: whoever is listed there has a zone for it
/// nevertheless.
pub fn private(host: &str) -> Option<&str> {
    let suffix = LIST.suffix(host.as_bytes()).filter(|suffix| suffix.typ() == Some(Type::Private))?;
    str::from_utf8(suffix.as_bytes()).ok()
}

/// Does `host` end in a suffix that the list has, and is it more than that suffix?
pub fn is_below_known_suffix(host: &str) -> bool {
    LIST.domain(host.as_bytes()).is_some_and(|domain| domain.suffix().is_known())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read() {
        let lines = include_str!("../data/public_suffix_list.dat").lines();
        let rules = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        assert!(rules > 9000, "{rules}");
        for (host, domain) in [
            ("example.com", Some("example.com")),
            ("a.b.example.com", Some("example.com")),
            ("com", None),
            ("a.example.co.uk", Some("example.co.uk")),
            // A wildcard, and an exception from it.
            ("a.b.c.ck", Some("b.c.ck")),
            ("c.ck", None),
            ("www.ck", Some("www.ck")),
            ("a.www.ck", Some("www.ck")),
            // Names beyond ASCII stand in the list as they are read, and in DNS as they are sent.
            ("a.xn--55qx5d.cn", Some("a.xn--55qx5d.cn")),
            ("b.a.xn--fiqs8s", Some("a.xn--fiqs8s")),
            ("a.b.local-only", Some("b.local-only")),
            ("localhost", None),
            ("", None),
            (".", None),
            ("..", None),
        ] {
            assert_eq!(registrable(host), domain, "{host}");
        }
        assert_eq!(private("me.github.io"), Some("github.io"));
        assert_eq!(private("example.com"), None);
        assert!(is_below_known_suffix("example.com"));
        assert!(!is_below_known_suffix("com"));
        assert!(!is_below_known_suffix("a.local-only"));
    }
}
