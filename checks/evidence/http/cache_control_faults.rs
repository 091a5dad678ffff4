//! What is wrong with a `Cache-Control` as it was written, and what was probably meant.

use super::cache_control::{CacheControl, Directive, Name, Seconds};

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// The element as sent.
    pub raw: String,
    /// In words, with what was probably meant.
    pub says: String,
}

/// The kinds of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No directive has this name, but one looks much like it.
    Misspelt(Name),
    /// Directives are parted by something else than a comma, or name and value by something else than `=`.
    WrongSeparator(Vec<Name>),
    /// The same directive twice, with different arguments.
    Duplicate(Name),
    /// Seconds in quotes (RFC 9111 §5.2.2.1 forbids to send them).
    Quoted(Name),
    /// Seconds with a fraction.
    Decimal(Name),
    /// More seconds than a cache counts.
    Overflow(Name),
    /// The argument is missing, negative, or carries a unit.
    NotSeconds(Name),
    /// Two directives that deny each other.
    Contradiction(Name, Name),
    /// A quotation mark is missing.
    OpenQuote,
}

impl FaultKind {
    /// Does the fault change what a cache does (or leave that open)?
    pub fn matters(&self) -> bool {
        !matches!(self, FaultKind::Overflow(_))
    }
}

impl CacheControl {
    /// What is wrong with the header, in the order of its elements.
    pub fn faults(&self) -> Vec<Fault> {
        let mut out: Vec<Fault> = self.directives.iter().filter_map(fault_of).collect();
        for (at, directive) in self.directives.iter().enumerate() {
            let earlier = self.directives[..at].iter().find(|d| d.name == directive.name);
            if let Some(earlier) = earlier
                && directive.name.takes_seconds()
                && earlier.value != directive.value
            {
                out.push(Fault {
                    kind: FaultKind::Duplicate(directive.name),
                    raw: format!("{}, {}", earlier.raw, directive.raw),
                    says: format!("{} stands twice with different values", directive.name.text()),
                });
            }
        }
        let positive_shared = self.seconds(Name::SMaxage).and_then(Seconds::floored).is_some_and(|n| n > 0);
        let pairs = [
            (Name::Public, Name::Private, true),
            (Name::Public, Name::NoStore, true),
            (Name::Immutable, Name::NoStore, true),
            (Name::SMaxage, Name::Private, positive_shared),
            (Name::SMaxage, Name::NoStore, positive_shared),
        ];
        for (allows, denies, applies) in pairs {
            if applies && self.has(allows) && self.forbids(denies) {
                out.push(Fault {
                    kind: FaultKind::Contradiction(allows, denies),
                    raw: self.to_string(),
                    says: format!("{} and {} deny each other; {} wins", allows.text(), denies.text(), denies.text()),
                });
            }
        }
        out
    }

    /// Directives that were probably meant by an element that no cache understands.
    pub fn meant(&self) -> Vec<Name> {
        self.faults()
            .into_iter()
            .flat_map(|fault| match fault.kind {
                FaultKind::Misspelt(name) => vec![name],
                FaultKind::WrongSeparator(names) => names,
                _ => Vec::new(),
            })
            .collect()
    }
}

fn fault_of(directive: &Directive) -> Option<Fault> {
    let fault = |kind, says: String| Some(Fault { kind, raw: directive.raw.clone(), says });
    if directive.raw.matches('"').count() % 2 == 1 && !directive.raw.contains('\\') {
        return fault(FaultKind::OpenQuote, "a quotation mark is missing".into());
    }
    let name = directive.name;
    if name == Name::Unknown {
        let parts = directive.raw.split([';', ':', ' ', '=']).map(str::trim).filter(|part| !part.is_empty());
        let names: Vec<Name> = parts.map(Name::read).filter(|name| *name != Name::Unknown).collect();
        if !names.is_empty() && directive.spelled.contains([';', ':', ' ']) {
            let list = names.iter().map(|name| name.text()).collect::<Vec<_>>().join(", ");
            return fault(
                FaultKind::WrongSeparator(names),
                format!("only commas part directives, and only = joins a value; {list} was probably meant"),
            );
        }
        let nearest = nearest(&directive.spelled)?;
        return fault(
            FaultKind::Misspelt(nearest),
            format!("no directive has this name; {} was probably meant", nearest.text()),
        );
    }
    if !name.takes_seconds() {
        return None;
    }
    let value = directive.value.as_deref().unwrap_or_default();
    if value.contains([';', ' ']) {
        let names: Vec<Name> = std::iter::once(name)
            .chain(value.split([';', ' ', '=']).map(str::trim).map(Name::read).filter(|n| *n != Name::Unknown))
            .collect();
        return fault(FaultKind::WrongSeparator(names), "only commas part directives".into());
    }
    match Seconds::read(value) {
        Seconds::Invalid if value.is_empty() => fault(FaultKind::NotSeconds(name), "it needs =SECONDS".into()),
        Seconds::Invalid => fault(FaultKind::NotSeconds(name), format!("{value:?} is not a number of seconds")),
        Seconds::Decimal { floor } => fault(
            FaultKind::Decimal(name),
            format!("a fraction: Cloudflare counts {floor} s since 2026-05-04 and ignored it before"),
        ),
        Seconds::Whole(_) if directive.quoted => {
            fault(FaultKind::Quoted(name), "seconds stand without quotation marks".into())
        }
        Seconds::Overflow => fault(FaultKind::Overflow(name), "more seconds than a cache counts (2^31)".into()),
        Seconds::Whole(_) => None,
    }
}

/// The known directive that `spelled` is probably meant to be: the same letters, or one or two slips away.
fn nearest(spelled: &str) -> Option<Name> {
    let letters = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).take(40).collect()
    };
    let given = letters(spelled);
    if given.len() < 4 {
        return None;
    }
    let known = Name::KNOWN.iter().map(|(name, text)| (*name, letters(text)));
    known
        .map(|(name, text)| (distance(&given, &text), text.len(), name))
        .filter(|(slips, length, _)| *slips <= if *length >= 8 { 2 } else { 1 })
        .min_by_key(|(slips, _, _)| *slips)
        .map(|(_, _, name)| name)
}

/// Letters to insert, drop, replace, or swap with a neighbour (restricted Damerau–Levenshtein distance).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<FaultKind> {
        CacheControl::parse([text]).faults().into_iter().map(|fault| fault.kind).collect()
    }

    #[test]
    fn names_the_directive_that_was_meant() {
        for (text, want) in [
            ("maxage=60", Name::MaxAge),
            ("max_age=60", Name::MaxAge),
            ("s-max-age=60", Name::SMaxage),
            ("smaxage=60", Name::SMaxage),
            ("nostore", Name::NoStore),
            ("no-sotre", Name::NoStore),
            ("must-revalidated", Name::MustRevalidate),
            ("stale-while-revalidating=5", Name::StaleWhileRevalidate),
            ("pubilc", Name::Public),
        ] {
            let found = kinds(text);
            if text.starts_with("stale") {
                // Three letters away is a guess, not a slip.
                assert!(found.is_empty(), "{text}: {found:?}");
            } else {
                assert_eq!(found, [FaultKind::Misspelt(want)], "{text}");
            }
        }
        for fine in ["pre-check=0, post-check=0", "community=\"x\"", "max-stale=3", "proxy", "no-store, no-cache"] {
            assert_eq!(kinds(fine), [], "{fine}");
        }
    }

    #[test]
    fn tells_separators_units_and_quotes() {
        assert_eq!(kinds("public; max-age=60"), [FaultKind::WrongSeparator(vec![Name::Public, Name::MaxAge])]);
        assert_eq!(kinds("max-age=60; public"), [FaultKind::WrongSeparator(vec![Name::MaxAge, Name::Public])]);
        assert_eq!(kinds("max-age: 60"), [FaultKind::WrongSeparator(vec![Name::MaxAge])]);
        assert_eq!(kinds("public max-age=60"), [FaultKind::WrongSeparator(vec![Name::Public, Name::MaxAge])]);
        assert_eq!(kinds("max-age=1h"), [FaultKind::NotSeconds(Name::MaxAge)]);
        assert_eq!(kinds("max-age"), [FaultKind::NotSeconds(Name::MaxAge)]);
        assert_eq!(kinds("max-age=\"60\""), [FaultKind::Quoted(Name::MaxAge)]);
        assert_eq!(kinds("max-age=1.5"), [FaultKind::Decimal(Name::MaxAge)]);
        assert_eq!(kinds("private=\"a"), [FaultKind::OpenQuote]);
    }

    #[test]
    fn tells_duplicates_and_contradictions() {
        assert_eq!(kinds("max-age=60, max-age=60"), []);
        assert_eq!(kinds("max-age=60, max-age=0"), [FaultKind::Duplicate(Name::MaxAge)]);
        assert_eq!(kinds("public, no-store"), [FaultKind::Contradiction(Name::Public, Name::NoStore)]);
        assert_eq!(kinds("public, private=\"set-cookie\""), []);
        assert_eq!(kinds("no-store, no-cache, must-revalidate, max-age=0"), []);
    }
}
