//! Files of every kind, from their octets to the report.

use std::sync::LazyLock;

use cfdoctor_checks::evidence::Evidence;
use time::macros::datetime;

use super::declared::Tomorrow;
use super::detect::detect;
use super::pile::Pile;
use super::{End, Kind, LintError, LintInput};
use crate::fuzzing::{harmless, judged};

/// Hosts of a plan that are judged: all go the same way.
const MOST: usize = 2;

static INPUT: LazyLock<LintInput> = LazyLock::new(|| LintInput {
    url: "https://lambda.example.com/endpoint".parse().ok(),
    at: Some(datetime!(2026-11-23 10:00 UTC)),
    ..LintInput::default()
});
/// The same without a URL: the file must tell it.
static BARE: LazyLock<LintInput> = LazyLock::new(|| LintInput { url: None, ..INPUT.clone() });

/// AWS account settings.
pub(crate) fn account(octets: &[u8]) {
    read(Kind::Account, octets);
}

/// PEM; and each block of it, or the file itself, as a certificate.
pub(crate) fn certificates(octets: &[u8]) {
    use cfdoctor_checks::evidence::tls::Certificate;
    let certificate = Certificate::parse(octets);
    [&certificate.subject, &certificate.issuer].into_iter().chain(&certificate.names).for_each(|words| harmless(words));
    if let Ok(chain) = Certificate::parse_pem_chain(octets) {
        assert!(chain.len() <= cfdoctor_checks::evidence::certificate::MAX_CHAIN);
    }
    read(Kind::Pem, octets);
    // The DER of a chain of one, judged as the origin's.
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64(octets));
    read(Kind::Pem, pem.as_bytes());
}

fn base64(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

/// HAR.
pub(crate) fn har(octets: &[u8]) {
    read(Kind::Har, octets);
}

/// Saved answers.
pub(crate) fn http_dump(octets: &[u8]) {
    read(Kind::Http, octets);
}

/// What somebody saw.
pub(crate) fn observations(octets: &[u8]) {
    read(Kind::Observations, octets);
}

/// CloudFormation and SAM.
pub(crate) fn template(octets: &[u8]) {
    read(Kind::Template, octets);
}

/// A plan, in `lint` and over live answers.
pub(crate) fn terraform(octets: &[u8]) {
    read(Kind::Terraform, octets);
}

/// Cloudflare zone settings.
pub(crate) fn zone(octets: &[u8]) {
    read(Kind::Zone, octets);
}

fn read(kind: Kind, octets: &[u8]) {
    if let Err(why) = detect(octets) {
        harmless(&why);
    }
    for input in [&*BARE, &*INPUT] {
        let mut pile = Pile::default();
        if let Err(why) = pile.take(End::Edge, kind, octets, "file", input) {
            harmless(&why);
            assert!(why.len() < 8192, "{why}");
            return;
        }
        match pile.lay_together(input) {
            Ok(linted) => {
                linted.notes.iter().for_each(|note| harmless(note));
                let mut reports: Vec<_> = linted.evidence.iter().take(MOST).map(judged).collect();
                for (base, targets) in linted.groups.iter().take(MOST) {
                    for target in targets.iter().take(MOST) {
                        reports.push(judged(&Evidence { target: target.clone(), ..base.clone() }));
                    }
                }
                for target in reports.iter_mut().flat_map(|report| &mut report.targets) {
                    linted.places.anchor(&linted.declared, target, true);
                }
                if matches!(kind, Kind::Terraform | Kind::Template)
                    && let Some(url) = &input.url
                {
                    let mut evidence = Evidence::nothing(url.clone(), datetime!(2026-11-23 10:00 UTC));
                    Tomorrow::new(linted.declared).adjust(&mut evidence);
                    judged(&evidence);
                }
            }
            Err(LintError::Unreadable { why, .. }) => harmless(&why),
            Err(error) => harmless(&error.to_string()),
        }
    }
}
