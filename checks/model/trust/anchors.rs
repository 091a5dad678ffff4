//! Whom we trust: Mozilla's roots, what the user added, Cloudflare Origin CA.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use time::OffsetDateTime;
use time::macros::datetime;

use super::Policy;
use crate::evidence::tls::{Certificate, Der, TrustInputs};

/// What kind of anchor a chain ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorKind {
    /// A public CA (Mozilla's list).
    Public,
    /// A root of `--cacert`.
    Extra,
    /// Cloudflare Origin CA: trusted by Cloudflare only.
    OriginCa,
}

impl AnchorKind {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            AnchorKind::Public => "a public CA",
            AnchorKind::Extra => "a root given with --cacert",
            AnchorKind::OriginCa => "Cloudflare Origin CA",
        }
    }
}

/// End of both built-in Cloudflare Origin CA roots (`facts/cloudflare.md` section 5).
pub const ORIGIN_CA_ROOTS_END: OffsetDateTime = datetime!(2029-08-15 17:00 UTC);

/// A root with what webpki's anchors leave out.
#[derive(Clone)]
pub(super) struct Anchor {
    pub(super) kind: AnchorKind,
    pub(super) anchor: TrustAnchor<'static>,
    /// End of the root's own validity; `None` for the public list, which carries none.
    pub(super) ends: Option<OffsetDateTime>,
    /// The root's bytes, where they are held.
    pub(super) der: Option<Vec<u8>>,
}

static PUBLIC: LazyLock<Vec<Anchor>> = LazyLock::new(|| {
    webpki_roots::TLS_SERVER_ROOTS
        .iter()
        .map(|anchor| Anchor { kind: AnchorKind::Public, anchor: anchor.clone(), ends: None, der: None })
        .collect()
});

static ORIGIN_CA: LazyLock<Vec<Anchor>> = LazyLock::new(|| {
    [
        include_bytes!("../../data/origin_ca_rsa_root.pem").as_slice(),
        include_bytes!("../../data/origin_ca_ecc_root.pem"),
    ]
    .into_iter()
    .filter_map(|pem| CertificateDer::from_pem_slice(pem).ok())
    .filter_map(|der| anchor(AnchorKind::OriginCa, &der))
    .collect()
});

/// Anchors, and what they were read for.
type Read = (Policy, TrustInputs, Rc<Vec<Anchor>>);

thread_local! {
    /// The anchors of the last policies and roots: every target of a run has the same roots, and reading one costs more
    /// than a signature.
    static LAST: RefCell<Vec<Read>> = const { RefCell::new(Vec::new()) };
}

/// The anchors of a policy: public ones first.
pub(super) fn of(policy: Policy, roots: &TrustInputs) -> Rc<Vec<Anchor>> {
    /// One for each policy.
    const MOST: usize = 3;
    let is_it = |(by, of, _): &&Read| *by == policy && of == roots;
    if let Some(known) = LAST.with_borrow(|last| last.iter().find(is_it).map(|(_, _, anchors)| Rc::clone(anchors))) {
        return known;
    }
    let anchors = Rc::new(read(policy, roots));
    LAST.with_borrow_mut(|last| {
        if last.len() >= MOST {
            last.remove(0);
        }
        last.push((policy, roots.clone(), Rc::clone(&anchors)));
    });
    anchors
}

fn read(policy: Policy, roots: &TrustInputs) -> Vec<Anchor> {
    let given = |kind, list: &[Der]| -> Vec<Anchor> { list.iter().filter_map(|der| anchor(kind, &der.0)).collect() };
    if policy == Policy::CustomStore {
        return given(AnchorKind::Extra, &roots.extra_roots);
    }
    let mut all = PUBLIC.clone();
    all.extend(given(AnchorKind::Extra, &roots.extra_roots));
    if policy == Policy::FullStrict {
        match &roots.origin_ca {
            Some(list) => all.extend(given(AnchorKind::OriginCa, list)),
            None => all.extend(ORIGIN_CA.iter().cloned()),
        }
    }
    all
}

/// The first certificate of a PEM text, where it is one.
pub(super) fn pem(text: &str) -> Option<Der> {
    let der = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
    webpki::anchor_from_trusted_cert(&der).ok()?;
    Some(Der(der.to_vec()))
}

/// Roots that cannot be read are no anchors.
fn anchor(kind: AnchorKind, der: &[u8]) -> Option<Anchor> {
    let certificate = CertificateDer::from(der);
    let anchor = webpki::anchor_from_trusted_cert(&certificate).ok()?.to_owned();
    Some(Anchor { kind, anchor, ends: Certificate::parse(der).not_after, der: Some(der.to_vec()) })
}

/// What an issuer's name says, where the certificate itself was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// Cloudflare Origin CA (`facts/cloudflare.md` section 5, issuer names).
    OriginCa,
    /// A public CA.
    Public,
    /// Neither, or no name at all.
    Other,
}

/// Public CAs as their certificates and people write them; lower case.
const PUBLIC_NAMES: &[&str] = &[
    "amazon",
    "starfield",
    "godaddy",
    "go daddy",
    "let's encrypt",
    "lets encrypt",
    "internet security research group",
    "isrg root",
    "google trust services",
    "globalsign",
    "digicert",
    "geotrust",
    "rapidssl",
    "thawte",
    "sectigo",
    "usertrust",
    "comodo",
    "zerossl",
    "ssl.com",
    "ssl corp",
    "entrust",
    "identrust",
    "quovadis",
    "certum",
    "buypass",
    "actalis",
    "microsoft azure",
];

/// Reads an issuer's name (RFC 4514 form, a common name alone, or what somebody wrote down).
pub fn issuer_by_name(issuer: &str) -> Issuer {
    let lower = issuer.to_lowercase();
    if lower.contains("cloudflare origin") {
        return Issuer::OriginCa;
    }
    let common_name = lower.strip_prefix("cn=").unwrap_or(&lower);
    let short: Cow<'_, str> = common_name.split(',').next().unwrap_or_default().trim().into();
    // Let's Encrypt's and Google's intermediates have names of two or three characters: R11, E5, WE1, WR3.
    let digits = short.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let letters = &short[..short.len() - digits.len()];
    let numbered = !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit());
    if numbered && matches!(letters, "r" | "e" | "we" | "wr") || PUBLIC_NAMES.iter().any(|name| lower.contains(name)) {
        return Issuer::Public;
    }
    Issuer::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_roots_are_whole() {
        assert_eq!(ORIGIN_CA.len(), 2);
        assert!(ORIGIN_CA.iter().all(|root| root.ends == Some(ORIGIN_CA_ROOTS_END)));
        assert!(PUBLIC.len() > 100);
        assert_eq!(of(Policy::PublicWeb, &TrustInputs::default()).len(), PUBLIC.len());
        assert_eq!(of(Policy::FullStrict, &TrustInputs::default()).len(), PUBLIC.len() + 2);
        let none = TrustInputs { origin_ca: Some(Vec::new()), ..TrustInputs::default() };
        assert_eq!(of(Policy::FullStrict, &none).len(), PUBLIC.len());
        let junk = TrustInputs { extra_roots: vec![Der(vec![1, 2, 3])], origin_ca: None };
        assert_eq!(of(Policy::PublicWeb, &junk).len(), PUBLIC.len());
    }

    #[test]
    fn issuers_by_name() {
        for (name, kind) in [
            ("OU=CloudFlare Origin SSL ECC Certificate Authority,O=CloudFlare\\, Inc.,C=US", Issuer::OriginCa),
            ("Cloudflare Origin CA", Issuer::OriginCa),
            ("CN=Amazon RSA 2048 M02,O=Amazon,C=US", Issuer::Public),
            ("CN=R11,O=Let's Encrypt,C=US", Issuer::Public),
            ("R3", Issuer::Public),
            ("CN=WE1", Issuer::Public),
            ("CN=R2D2", Issuer::Other),
            ("CN=Example Corp Issuing CA", Issuer::Other),
            ("CN=Cloudflare Inc ECC CA-3", Issuer::Other),
            ("", Issuer::Other),
        ] {
            assert_eq!(issuer_by_name(name), kind, "{name}");
        }
    }
}
