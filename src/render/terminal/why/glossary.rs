//! Each term once, in a few words, where it is first used.

/// A term and what it means; longer terms stand before those that they contain.
const TERMS: &[(&str, &str)] = &[
    ("DYNAMIC", "the cache was not even asked"),
    ("BYPASS", "the cache was asked, but the answer may not be kept"),
    ("MISS", "no copy here yet, so the origin was asked"),
    ("HIT", "served from the copy at the edge"),
    ("EXPIRED", "the copy was too old, so the origin was asked again"),
    ("REVALIDATED", "the copy was too old; the origin confirmed that it is still right"),
    ("UPDATING", "served from an old copy while a new one is fetched"),
    ("STALE", "served from an old copy, because the origin did not answer"),
    ("age", "seconds since the copy was made"),
    ("zone", "your domain with its settings at Cloudflare"),
    ("Worker", "a program that runs at the edge, in front of the cache"),
    ("Development Mode", "a switch that turns the cache off for three hours"),
    ("Cache Response Rule", "a rule that changes the origin's answer before it is kept"),
    ("Cache Rule", "a setting of yours that says for which URLs the cache is on, off or different"),
    ("Cache Level", "the zone's setting for URLs with a query string"),
    ("eligible", "the cache is asked for it"),
    ("Cloudflare-CDN-Cache-Control", "Cache-Control for Cloudflare alone; visitors never see it"),
    ("CDN-Cache-Control", "Cache-Control for caches between origin and visitor"),
    ("Cache-Control", "the header by which the origin says who may keep its answer, and for how long"),
    ("Expires", "a date until which a copy is good; Cache-Control is stronger"),
    ("s-maxage", "seconds that shared caches, such as the edge, may use a copy"),
    ("max-age", "seconds that a copy may be used"),
    ("no-store", "nobody may keep it"),
    ("private", "only the visitor's own browser may keep it"),
    ("no-cache", "may be kept, but must be confirmed with the origin before each use"),
    ("Set-Cookie", "gives the visitor a cookie, so the answer looks made for that one visitor"),
    ("Authorization", "the request header with which a visitor says who they are"),
    ("Vary", "names the request headers that the answer depends on"),
    ("Origin Cache Control", "a setting: does Cloudflare follow Cache-Control to the letter?"),
    ("Edge TTL", "how long the edge may use a copy"),
    ("Browser TTL", "how long browsers may use their own copy"),
    ("Age", "seconds since the copy was made"),
    ("query string", "what stands after the ? of a URL"),
    ("key", "what a copy is filed under: the URL with its query string, and little else"),
];

/// Which terms were explained already.
#[derive(Default)]
pub(super) struct Glossary {
    known: Vec<&'static str>,
}

impl Glossary {
    /// The terms that these texts use for the first time, with their meaning.
    pub(super) fn new_terms<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let text = texts.into_iter().collect::<Vec<_>>().join(" \u{b7} ");
        let fresh: Vec<_> =
            TERMS.iter().filter(|(term, _)| !self.known.contains(term) && is_word_of(term, &text)).collect();
        self.known.extend(fresh.iter().map(|(term, _)| term));
        let lines: Vec<String> = fresh.iter().map(|(term, meaning)| format!("{term} = {meaning}")).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

/// Does the term stand in the text as a word of its own, or in the plural?
fn is_word_of(term: &str, text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == '.';
    text.match_indices(term).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let rest = text.get(at + term.len()..).unwrap_or_default();
        let after = rest.strip_prefix('s').unwrap_or(rest).chars().next();
        // A dot that ends a sentence is no part of a name.
        let ends = |c: char| !part(c) || c == '.' && !rest.chars().nth(1).is_some_and(char::is_alphanumeric);
        !before.is_some_and(part) && after.is_none_or(ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_term_once() {
        let mut glossary = Glossary::default();
        let first = glossary.new_terms(["cf-cache-status: MISS, HIT"]).unwrap();
        assert!(first.contains("MISS = ") && first.contains("HIT = "), "{first}");
        assert_eq!(glossary.new_terms(["HIT"]), None);
        let header = glossary.new_terms(["Cloudflare-CDN-Cache-Control"]).unwrap();
        assert_eq!(header.matches(" = ").count(), 1, "{header}");
        assert_eq!(glossary.new_terms(["page.key/x", "monkey"]), None);
        assert!(glossary.new_terms(["two Cache Rules."]).is_some());
    }
}
