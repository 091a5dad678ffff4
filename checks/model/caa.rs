//! Which certification authorities a CAA set lets in (RFC 8659 §4).

use crate::evidence::dns::{CaaRecord, CaaSearch, CaaStep};

/// A certification authority and the names by which it recognises itself in CAA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// What people call it.
    pub name: &'static str,
    /// Part of the issuer's organisation in its certificates.
    organisation: &'static str,
    /// Any of these in an `issue` record lets it in.
    pub domains: &'static [&'static str],
}

/// Amazon (`facts/aws.md` section 3.2): any of the four names suffices.
pub const AMAZON: Authority = Authority {
    name: "Amazon",
    organisation: "O=Amazon",
    domains: &["amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"],
};

/// The authorities that Cloudflare uses at the edge today (`facts/cloudflare.md` section 4.6), with the names in
/// <https://developers.cloudflare.com/ssl/reference/certificate-authorities/>.
pub const EDGE: &[Authority] = &[
    Authority { name: "Google Trust Services", organisation: "O=Google Trust Services", domains: &["pki.goog"] },
    Authority { name: "Let's Encrypt", organisation: "O=Let's Encrypt", domains: &["letsencrypt.org"] },
    Authority { name: "SSL.com", organisation: "O=SSL Corp", domains: &["ssl.com"] },
];

/// The authority that signed, by the issuer's name (RFC 4514); `None`: not one whose CAA names we know.
pub fn authority(issuer: &str) -> Option<Authority> {
    let plain = issuer.replace('\\', "").replace('\u{2019}', "'");
    EDGE.iter().chain([&AMAZON]).find(|authority| plain.contains(authority.organisation)).copied()
}

/// The relevant set for a certificate that covers `name`, which may begin with `*.`: the search begins at the name
/// without that label (RFC 8659 §3).
pub fn relevant<'a>(search: &'a CaaSearch, name: &str) -> Option<&'a CaaStep> {
    let base = name.strip_prefix("*.").unwrap_or(name);
    search.steps.iter().skip_while(|step| step.name != base).find(|step| !step.records.is_empty())
}

/// May the authority issue for a name of this kind, under this set?
///
/// Parameters after `;` restrict account or method, which only the authority can judge: they do not shut it out.
pub fn permits(records: &[CaaRecord], authority: &Authority, wildcard: bool) -> bool {
    const UNDERSTOOD: &[&str] =
        &["issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"];
    if records.iter().any(|record| record.critical && !UNDERSTOOD.contains(&record.tag.as_str())) {
        return false;
    }
    let with = |tag: &'static str| records.iter().filter(move |record| record.tag == tag);
    let tag = if wildcard && with("issuewild").next().is_some() { "issuewild" } else { "issue" };
    with(tag).next().is_none()
        || with(tag).any(|record| {
            let domain = record.value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            authority.domains.contains(&domain.as_str())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(lines: &[&str]) -> Vec<CaaRecord> {
        lines
            .iter()
            .map(|line| {
                let (tag, value) = line.trim_start_matches('!').split_once(' ').unwrap();
                CaaRecord { critical: line.starts_with('!'), tag: tag.into(), value: value.into() }
            })
            .collect()
    }

    #[test]
    fn who_is_let_in() {
        for (lines, wildcard, allowed) in [
            (&["issue amazon.com"][..], false, true),
            (&["issue AWSTRUST.com"], false, true),
            (&["issue letsencrypt.org", "issue amazonaws.com; validationmethods=dns-01"], false, true),
            (&["issue letsencrypt.org"], false, false),
            (&["issue ;"], false, false),
            (&["issue "], false, false),
            (&["iodef mailto:x@example.com"], false, true),
            (&["issuewild letsencrypt.org"], false, true),
            (&["issuewild letsencrypt.org"], true, false),
            (&["issue letsencrypt.org", "issuewild amazon.com"], true, true),
            (&["issue amazon.com", "issuewild ;"], true, false),
            (&["issue amazon.com"], true, true),
            (&["issue amazon.com", "!tbs unknown"], false, false),
            (&["issue notamazon.com"], false, false),
        ] {
            assert_eq!(permits(&set(lines), &AMAZON, wildcard), allowed, "{lines:?} {wildcard}");
        }
    }

    #[test]
    fn names_authorities() {
        assert_eq!(authority("CN=Amazon RSA 2048 M02,O=Amazon,C=US"), Some(AMAZON));
        assert_eq!(authority("CN=E7,O=Let's Encrypt,C=US").map(|a| a.name), Some("Let's Encrypt"));
        assert_eq!(authority("C=US, O=Google Trust Services, CN=WE1").map(|a| a.name), Some("Google Trust Services"));
        assert_eq!(authority("O=SSL Corporation,CN=Cloudflare TLS Issuing ECC CA 1").map(|a| a.name), Some("SSL.com"));
        assert_eq!(authority("O=CloudFlare\\, Inc.,OU=CloudFlare Origin SSL Certificate Authority"), None);
    }
}
