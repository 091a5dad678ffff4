//! A certificate of ACM (`facts/aws.md` sections 3.2 and 7.1).

use serde_json::Value;
use time::OffsetDateTime;

use super::Arn;
use super::read::{get, has, moment, objects, text, texts};
use super::words::{CertificateKind, CertificateStatus, RenewalStatus, ValidationMethod};
use crate::evidence::text::clean;

/// A certificate, as DescribeCertificate tells it; of ListCertificates only some fields are there.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Its ARN; none where a hand-written account leaves it out.
    pub arn: Option<Arn>,
    /// Where ACM holds it: the ARN's region, or what the account says beside it.
    pub region: Option<String>,
    /// The names that it covers, lower case: the subject alternative names, or the domain name where none are told.
    pub names: Vec<String>,
    /// The subject, as told.
    pub subject: Option<String>,
    /// The issuer's name, as told.
    pub issuer: Option<String>,
    /// Its state.
    pub status: Option<CertificateStatus>,
    /// Where it comes from.
    pub kind: Option<CertificateKind>,
    /// `RSA_2048`, `EC_prime256v1`, …: with an underscore, whatever ACM wrote.
    pub key_algorithm: Option<String>,
    /// First second of its validity.
    pub not_before: Option<OffsetDateTime>,
    /// Last second of its validity.
    pub not_after: Option<OffsetDateTime>,
    /// Who uses it: ARNs.
    pub in_use_by: Vec<String>,
    /// May ACM renew it? Imported ones: never.
    pub is_renewable: Option<bool>,
    /// The renewal under way, or the last one.
    pub renewal: Option<Renewal>,
    /// Why it could not be issued: `CAA_ERROR`, …
    pub failure_reason: Option<String>,
    /// How each name is proved.
    pub validations: Vec<Validation>,
    /// Only a row of a list: validations, renewal and users are not told.
    pub is_summary: bool,
}

/// A renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// How far it is.
    pub status: RenewalStatus,
    /// Why it failed.
    pub reason: Option<String>,
    /// How each name is proved this time.
    pub validations: Vec<Validation>,
}

/// The proof of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// The name.
    pub name: String,
    /// `PENDING_VALIDATION`, `SUCCESS` or `FAILED`.
    pub status: Option<RenewalStatus>,
    /// By what.
    pub method: Option<ValidationMethod>,
    /// The record that has to be in DNS, un-proxied.
    pub record: Option<ValidationRecord>,
}

/// A record that proves the ownership of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationRecord {
    /// Owner name: lower case, no trailing dot.
    pub name: String,
    /// `CNAME`.
    pub kind: String,
    /// What it points at: lower case, no trailing dot.
    pub value: String,
}

impl Certificate {
    /// Reads one item of `certificates`; none where nothing of a certificate is told.
    pub(super) fn read(item: &Value) -> Option<Self> {
        let arn = text(item, "CertificateArn").and_then(|arn| Arn::of(&arn));
        let region = arn.as_ref().and_then(Arn::region).map(ToOwned::to_owned).or_else(|| text(item, "region"));
        let mut names = texts(item, "SubjectAlternativeNames");
        if names.is_empty() {
            names = texts(item, "SubjectAlternativeNameSummaries");
        }
        if names.is_empty() {
            names.extend(text(item, "DomainName"));
        }
        let status = text(item, "Status");
        let kind = text(item, "Type");
        if arn.is_none() && region.is_none() && names.is_empty() && status.is_none() {
            return None;
        }
        Some(Certificate {
            arn,
            region,
            names: names.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect(),
            subject: text(item, "Subject"),
            issuer: text(item, "Issuer"),
            status: status.map(|word| CertificateStatus::of(&word)),
            kind: kind.map(|word| CertificateKind::of(&word)),
            key_algorithm: text(item, "KeyAlgorithm").map(|word| clean(&word).replace('-', "_")),
            not_before: moment(item, "NotBefore"),
            not_after: moment(item, "NotAfter"),
            in_use_by: texts(item, "InUseBy"),
            is_renewable: text(item, "RenewalEligibility").map(|word| word.eq_ignore_ascii_case("ELIGIBLE")),
            renewal: get(item, "RenewalSummary").and_then(|renewal| {
                Some(Renewal {
                    status: RenewalStatus::of(&text(renewal, "RenewalStatus")?),
                    reason: text(renewal, "RenewalStatusReason"),
                    validations: validations(renewal),
                })
            }),
            failure_reason: text(item, "FailureReason"),
            validations: validations(item),
            is_summary: !["SubjectAlternativeNames", "Subject", "Issuer", "InUseBy", "DomainValidationOptions"]
                .iter()
                .any(|key| has(item, key)),
        })
    }

    /// Does it cover `host`, exactly or by a wildcard of one label?
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            None => name == host,
        })
    }

    /// The id at the end of its ARN, else its first name: what people can find it by.
    pub fn label(&self) -> String {
        match (&self.arn, self.names.first()) {
            (Some(arn), _) => arn.id().to_owned(),
            (None, Some(name)) => format!("for {name}"),
            (None, None) => "in the account's data".into(),
        }
    }

    /// Was it brought by the user?
    pub fn is_imported(&self) -> bool {
        self.kind == Some(CertificateKind::Imported)
    }

    /// Does it name Cloudflare's Origin CA as its issuer or subject (`facts/aws.md` section 3.2)?
    pub fn is_cloudflare_origin(&self) -> bool {
        let names_it = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| {
                let lower = text.to_ascii_lowercase();
                lower.contains("cloudflare") && lower.contains("origin")
            })
        };
        self.is_imported() && (names_it(&self.issuer) || names_it(&self.subject))
    }
}

fn validations(item: &Value) -> Vec<Validation> {
    let options = objects(item, "DomainValidationOptions").unwrap_or_default();
    options
        .into_iter()
        .filter_map(|option| {
            let name =
                |value: &Value, key: &str| text(value, key).map(|name| name.trim_end_matches('.').to_ascii_lowercase());
            Some(Validation {
                name: name(option, "DomainName")?,
                status: text(option, "ValidationStatus").map(|word| RenewalStatus::of(&word)),
                method: text(option, "ValidationMethod").map(|word| ValidationMethod::of(&word)),
                record: get(option, "ResourceRecord").and_then(|record| {
                    Some(ValidationRecord {
                        name: name(record, "Name")?,
                        kind: text(record, "Type")?,
                        value: name(record, "Value")?,
                    })
                }),
            })
        })
        .collect()
}
