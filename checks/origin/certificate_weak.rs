use super::fixes::new_certificate;
use super::view::{self, certificate_line, origin_name};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::tls::{Certificate, Key};
use crate::model::trust::{PathVerdict, at_origin};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-certificate-weak",
    title: "The origin's certificate uses strong algorithms",
    severity: Severity::Medium,
    needs: &[Probe::OriginTls],
    why: "RSA keys under 2048 bits can be broken, and SHA-1 and MD5 signatures can be forged. Public CAs have issued \
          neither for years, and clients drop them one after another, without a word.",
    fix,
    sources: &[
        "https://cabforum.org/working-groups/server/baseline-requirements/requirements/",
        "https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html",
    ],
    judge,
};

/// Baseline Requirements 6.1.5.
const MINIMUM_RSA_BITS: u32 = 2048;
/// By the names that the evidence has for them.
const BROKEN_SIGNATURES: &[&str] =
    &["md2WithRSAEncryption", "md5WithRSAEncryption", "sha1WithRSAEncryption", "ecdsa-with-SHA1", "dsa-with-SHA1"];

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let chain = view::chain(evidence)?;
    let known = chain.first().is_some_and(|leaf| leaf.key.is_some());
    if !known {
        return Err(NotRun::inconclusive("key and signature of the certificate are not known"));
    }
    // What was sent and is not needed harms nobody.
    let places: Vec<usize> = match at_origin(evidence).as_deref().map(|trust| &trust.path) {
        Some(PathVerdict::Trusted { used, .. }) => used.clone(),
        _ => (0..chain.len()).collect(),
    };
    let weak: Vec<(usize, &Certificate, String)> = places
        .into_iter()
        .filter_map(|index| {
            let certificate = chain.get(index)?;
            Some((index, certificate, weakness(certificate)?))
        })
        .collect();
    let Some((_, _, what)) = weak.first() else {
        let leaf = chain.first().map(describe).unwrap_or_default();
        return Ok(Verdict::pass(leaf));
    };
    let finding = Finding::seen(format!("{} serves a certificate with {what}", origin_name(evidence)));
    Ok(Verdict::Warn(finding.proofs(
        weak.iter().map(|(index, certificate, what)| format!("{}: {what}", certificate_line(*index, certificate))),
    )))
}

/// The signature of a certificate that vouches for itself protects nothing, so it is not weighed.
fn weakness(certificate: &Certificate) -> Option<String> {
    match &certificate.key {
        Some(Key::Rsa { bits }) if (1..MINIMUM_RSA_BITS).contains(bits) => {
            return Some(format!("an RSA key of {bits} bits"));
        }
        Some(Key::Other { algorithm }) if algorithm == "DSA" => return Some("a DSA key".into()),
        _ => {}
    }
    let broken = !certificate.self_signed && BROKEN_SIGNATURES.contains(&certificate.signature.as_str());
    broken.then(|| format!("the signature algorithm {}", certificate.signature))
}

fn describe(leaf: &Certificate) -> String {
    let key = match &leaf.key {
        Some(Key::Rsa { bits }) => format!("RSA {bits}"),
        Some(Key::Ec { curve }) => curve.clone(),
        Some(Key::Other { algorithm }) => algorithm.clone(),
        None => "key not known".into(),
    };
    format!("{key}, {}", leaf.signature)
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    new_certificate(evidence, "Replace it by a certificate with RSA 2048 or P-256, signed with SHA-256.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::testing::*;

    #[test]
    fn short_keys_and_old_hashes() {
        let rsa1024 = include_bytes!("../evidence/certificate/fixtures/rsa1024.pem");
        let short = pki().site(Certificate::parse_pem_chain(rsa1024).unwrap());
        assert_eq!(word(&CHECK, &short), "warn/high");
        assert!(seen(&CHECK, &short).contains("1024"));
        let mut leaf = pki().public.sign(Leaf::of(&[HOST]));
        leaf.signature = "sha1WithRSAEncryption".into();
        leaf.der = None;
        let old = pki().site(vec![leaf.clone()]);
        assert_eq!(word(&CHECK, &old), "warn/high");
        leaf.self_signed = true;
        assert_eq!(word(&CHECK, &pki().site(vec![leaf])), "pass");
    }

    #[test]
    fn strong_ones_and_unneeded_ones() {
        let pki = pki();
        let rsa1024 = include_bytes!("../evidence/certificate/fixtures/rsa1024.pem");
        let mut chain = vec![pki.public.sign(Leaf::of(&[HOST]))];
        chain.extend(Certificate::parse_pem_chain(rsa1024).unwrap());
        assert_eq!(word(&CHECK, &pki.site(chain)), "pass");
        assert_eq!(word(&CHECK, &pki.healthy()), "pass");
        assert_eq!(word(&CHECK, &pki.site(vec![Certificate::default()])), "inconclusive");
        assert_eq!(word(&CHECK, &evidence()), "disabled");
    }
}
