//! AWS: certificates of ACM.

use cfdoctor_checks::evidence::tls::Certificate;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::Reader;
use super::resource::{Field, Resource};
use crate::lint::declared::{Form, List, Thing};

impl<'a> Reader<'a> {
    pub(super) fn certificate(&mut self, at: usize, resource: &'a Resource) {
        if !resource.stays() {
            if let Some(arn) = resource.was("arn") {
                self.declared.account.drop(List::Certificates, arn);
            }
            return;
        }
        let Some(arn) = self.arn_of(at, resource) else { return };
        let mut value = resource.pick(&[
            ("domain_name", "DomainName"),
            ("status", "Status"),
            ("not_before", "NotBefore"),
            ("not_after", "NotAfter"),
            ("key_algorithm", "KeyAlgorithm"),
            ("renewal_eligibility", "RenewalEligibility"),
            ("type", "Type"),
        ]);
        if let Some(region) = self.region(at) {
            value.insert("region".into(), region.into());
        }
        let name = resource.text("domain_name").map(str::to_owned);
        let mut names: Vec<Value> = name.iter().map(|name| name.clone().into()).collect();
        for other in resource.rows("subject_alternative_names") {
            if !names.contains(other) {
                names.push(other.clone());
            }
        }
        let is_imported = resource.field("certificate_body") != Field::Absent;
        value.entry("Type").or_insert_with(|| if is_imported { "IMPORTED".into() } else { "AMAZON_ISSUED".into() });
        if let Some(pem) = resource.text("certificate_body") {
            names = imported(pem, &mut value).unwrap_or(names);
        }
        if !names.is_empty() {
            value.insert("SubjectAlternativeNames".into(), names.into());
        }
        let options: Vec<Value> = resource.rows("domain_validation_options").iter().filter_map(validation).collect();
        if !options.is_empty() {
            value.insert("DomainValidationOptions".into(), options.into());
        }
        self.declared.account.declare(List::Certificates, &arn, value, resource.is_new());
        self.source(Thing::Certificate(arn), resource, name);
    }

    /// The ARN of a certificate: known, or put together out of what is known.
    fn arn_of(&mut self, at: usize, resource: &Resource) -> Option<String> {
        if let Some(arn) = resource.text("arn") {
            return Some(arn.to_owned());
        }
        let region = self.region(at).unwrap_or_default().to_owned();
        let id = self.stand_in(resource, Form::Id, None, &format!("{}.arn", resource.address))?;
        Some(format!("arn:aws:acm:{region}:************:certificate/{id}"))
    }

    /// The certificate's ARN at a path, also through the resource that waits for its validation.
    pub(super) fn certificate_at(&mut self, resource: &Resource, path: &str) -> Option<String> {
        match resource.field(path) {
            Field::Known(value) => value.as_str().filter(|arn| !arn.is_empty()).map(str::to_owned),
            Field::Absent => None,
            Field::Unknown => {
                let found = self.pointed(resource, path).and_then(|(to, _)| match to.resource.kind.as_str() {
                    "aws_acm_certificate_validation" => match to.resource.text("certificate_arn") {
                        Some(_) => Some(to),
                        None => self.pointed(to.resource, "certificate_arn").map(|(to, _)| to),
                    },
                    _ => Some(to),
                });
                match found {
                    Some(to) if to.resource.kind == "aws_acm_certificate" => self.arn_of(to.at, to.resource),
                    Some(to) => {
                        to.resource.text("certificate_arn").or_else(|| to.resource.text("arn")).map(str::to_owned)
                    }
                    None => {
                        self.tell_unknown(resource, path);
                        None
                    }
                }
            }
        }
    }
}

/// What an imported certificate says of itself; its names.
fn imported(pem: &str, value: &mut Map<String, Value>) -> Option<Vec<Value>> {
    let chain = Certificate::parse_pem_chain(pem.as_bytes()).ok()?;
    let leaf = chain.first().filter(|leaf| leaf.unreadable.is_none())?;
    for (key, text) in [("Issuer", &leaf.issuer), ("Subject", &leaf.subject)] {
        value.insert(key.into(), text.clone().into());
    }
    for (key, time) in [("NotBefore", leaf.not_before), ("NotAfter", leaf.not_after)] {
        let text = time.and_then(|time| time.format(&Rfc3339).ok());
        value.extend(text.map(|text| (key.to_owned(), text.into())));
    }
    Some(leaf.names.iter().map(|name| name.clone().into()).collect())
}

fn validation(option: &Value) -> Option<Value> {
    let text = |key: &str| option.get(key).and_then(Value::as_str);
    let mut row = json!({"DomainName": text("domain_name")?, "ValidationMethod": "DNS"});
    if let (Some(name), Some(kind), Some(value)) =
        (text("resource_record_name"), text("resource_record_type"), text("resource_record_value"))
    {
        row["ResourceRecord"] = json!({"Name": name, "Type": kind, "Value": value});
    }
    Some(row)
}
