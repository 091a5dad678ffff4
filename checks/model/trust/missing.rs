//! Is the unknown issuer an intermediate of a public CA that was not sent, or a CA of the owner's own?
//!
//! The bytes alone do not settle it: in both cases the last certificate names an issuer that is not there. What public
//! CAs must put into every certificate, and private ones seldom do, makes one of them likelier.

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::anchors::Anchor;
use crate::evidence::tls::Certificate;
use crate::verdict::Confidence;

/// How likely an intermediate is missing, and why; `None`: a private CA is likelier.
///
/// `last` is the certificate whose issuer was not sent.
pub(super) fn likely(leaf: &Certificate, last: &Certificate, anchors: &[Anchor]) -> Option<(Confidence, String)> {
    // Browsers demand certificate transparency of public certificates; the Baseline Requirements (7.1.2.7) demand one
    // of their policies. Nobody else has either.
    if marks(leaf) {
        return Some((Confidence::High, "the certificate bears the marks of a public CA (SCT or CA/B policy)".into()));
    }
    if let Some(url) = last.issuer_url.as_ref().filter(|url| url.starts_with("http")) {
        return Some((Confidence::Medium, format!("its issuer's certificate is published at {url}")));
    }
    let issuer = super::path::tidy(&last.issuer).to_lowercase();
    // A root signs leaves itself only in private hands.
    if issuer.contains("root") {
        return None;
    }
    if ["intermediate", "issuing ca", "subordinate", "sub ca"].iter().any(|word| issuer.contains(word)) {
        return Some((Confidence::Medium, "its issuer's name is that of an intermediate".into()));
    }
    let organisation = organisation_of_issuer(last)?;
    let known = anchors.iter().any(|root| contains(&root.anchor.subject, &organisation));
    known.then(|| {
        let name = String::from_utf8_lossy(&organisation);
        (Confidence::Medium, format!("its issuer's organisation, {}, owns a trusted root", super::path::tidy(&name)))
    })
}

/// Signed certificate timestamps (RFC 6962 §3.3), or a policy under 2.23.140.1.2 (CA/Browser Forum).
fn marks(leaf: &Certificate) -> bool {
    let Some(der) = &leaf.der else { return false };
    let Ok((_, parsed)) = X509Certificate::from_der(&der.0) else { return false };
    parsed.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::CertificatePolicies(policies) => {
            policies.iter().any(|policy| policy.policy_id.to_id_string().starts_with("2.23.140.1."))
        }
        _ => extension.oid.to_id_string() == "1.3.6.1.4.1.11129.2.4.2",
    })
}

fn organisation_of_issuer(certificate: &Certificate) -> Option<Vec<u8>> {
    let der = certificate.der.as_ref()?;
    let (_, parsed) = X509Certificate::from_der(&der.0).ok()?;
    let organisation = parsed.issuer().iter_organization().next()?.as_slice().to_vec();
    (organisation.len() > 2).then_some(organisation)
}

fn contains(subject: &[u8], value: &[u8]) -> bool {
    subject.windows(value.len()).any(|window| window == value)
}
