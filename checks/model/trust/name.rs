//! Names: which pattern of a certificate covers which name.

use super::{Policy, Question};
use crate::evidence::tls::Certificate;

/// Is the certificate for this name?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameVerdict {
    /// Yes.
    Covered {
        /// The entry that covers it, `*.example.com`.
        by: String,
        /// Where that entry stands.
        field: Field,
        /// The name that it covers: the requested one, or the target's.
        name: String,
    },
    /// No.
    NotCovered {
        /// The names it is for.
        presented: Vec<String>,
        /// The names that would have done.
        wanted: Vec<String>,
    },
    /// Could not tell, because …
    Unknown(String),
}

/// Where a name stands in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Subject alternative names.
    AlternativeName,
    /// The subject's common name: Cloudflare takes it, visitors' browsers do not.
    CommonName,
}

impl NameVerdict {
    /// Does it cover the name?
    pub fn is_covered(&self) -> bool {
        matches!(self, NameVerdict::Covered { .. })
    }
}

/// Judges the leaf's names by the policy.
pub(super) fn judge(question: &Question<'_>, leaf: &Certificate) -> NameVerdict {
    if let Some(why) = &leaf.unreadable {
        return NameVerdict::Unknown(format!("the certificate is unreadable: {why}"));
    }
    let strict = question.policy != Policy::PublicWeb;
    let wanted: Vec<&str> = std::iter::once(question.requested).chain(question.target.filter(|_| strict)).collect();
    for name in &wanted {
        let by = leaf.names.iter().find(|pattern| matches(pattern, name)).map(|by| (by, Field::AlternativeName));
        let by = by.or_else(|| {
            let common_name = leaf.common_name.as_ref().filter(|_| strict)?;
            matches(common_name, name).then_some((common_name, Field::CommonName))
        });
        if let Some((by, field)) = by {
            return NameVerdict::Covered { by: by.clone(), field, name: (*name).to_owned() };
        }
    }
    if leaf.der.is_none() && leaf.names.is_empty() {
        return NameVerdict::Unknown("the certificate's names were not reported".into());
    }
    let mut presented = leaf.names.clone();
    presented.extend(leaf.addresses.iter().map(ToString::to_string));
    if presented.is_empty() {
        presented.extend(leaf.common_name.clone());
    }
    NameVerdict::NotCovered { presented, wanted: wanted.iter().map(|name| (*name).to_owned()).collect() }
}

/// Does the pattern cover the name? Without case; `*` stands for exactly one label, the first (RFC 6125 §6.4.3), and
/// not for a whole top-level domain.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.trim_end_matches('.'), name.trim_end_matches('.'));
    if name.is_empty() || name.parse::<std::net::IpAddr>().is_ok() {
        return false;
    }
    match pattern.strip_prefix("*.") {
        Some(rest) => match name.split_once('.') {
            Some((label, parent)) => !label.is_empty() && rest.contains('.') && parent.eq_ignore_ascii_case(rest),
            None => false,
        },
        None => pattern.eq_ignore_ascii_case(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_one_label() {
        for (pattern, name, covered) in [
            ("api.example.com", "API.example.com.", true),
            ("*.example.com", "api.example.com", true),
            ("*.Example.com", "api.example.COM", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.com", "example.com", false),
            ("f*.example.com", "foo.example.com", false),
            ("a.*.example.com", "a.b.example.com", false),
            ("*", "example.com", false),
            ("", "", false),
            ("192.0.2.1", "192.0.2.1", false),
            ("*.0.2.1", "192.0.2.1", false),
        ] {
            assert_eq!(matches(pattern, name), covered, "{pattern} {name}");
        }
    }
}
