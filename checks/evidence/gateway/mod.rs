//! What AWS says of itself: custom domains, certificates, APIs and functions, in AWS's own shapes.
//!
//! A [`Gateway`] is one JSON document (`product.md` section 7, "account") and the same read into types. The document is
//! redacted before it is read, it is what a recording holds, and two gateways are equal when their documents are.
//!
//! | key | holds |
//! |---|---|
//! | `domains` | GetDomainName of v1, v2 or both laid together, with `region`, `api_mappings` (of both), `routing_rules` |
//! | `certificates` | DescribeCertificate's `Certificate`, with `region` |
//! | `apis` | GetApi or GetRestApi, with `region`, `stages`, `routes` and `integrations`, or for REST `resources` (GetResources with its methods) |
//! | `functions` | GetFunctionConfiguration, with `region`, `url_configs` (or one `url_config`), `policy` |
//! | `regions_looked_at` | where domains were looked for |
//! | `identity` | GetCallerIdentity |
//! | `not_read` | what could not be read, and why: `domains.eu-west-1`, `certificates.{id}`, `apis.{id}`, …; each item may have its own |
//!
//! Every key is optional. What is absent is not known; an empty list is known to be none.

mod accept;
mod api;
mod arn;
mod certificate;
mod domain;
mod function;
mod merge;
mod read;
mod redaction;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Gathered;
use crate::verdict::NotRun;

pub use api::{Api, Cors, Integration, Route, Stage};
pub use arn::Arn;
pub use certificate::{Certificate, Renewal, Validation, ValidationRecord};
pub use domain::{Domain, HeaderMatch, Mapping, MutualTls, RoutingRule, RuleCondition, RuleTarget};
pub use function::{Condition, Function, FunctionUrl, Policy, Statement};
pub use read::not_read;
pub use words::{
    AccessMode, Authorization, CertificateKind, CertificateStatus, DomainStatus, EndpointType, IntegrationKind,
    Protocol, RenewalStatus, RoutingMode, ValidationMethod,
};

/// What AWS says of itself. Frozen: the typed parts are read from the document once.
#[derive(Clone, Debug)]
pub struct Gateway {
    document: Value,
    /// Custom domain names.
    pub domains: Gathered<Vec<Domain>>,
    /// Certificates of ACM.
    pub certificates: Gathered<Vec<Certificate>>,
    /// APIs.
    pub apis: Gathered<Vec<Api>>,
    /// Functions.
    pub functions: Gathered<Vec<Function>>,
    /// The regions where domains were looked for.
    pub regions_looked_at: Vec<String>,
    /// Who looked.
    pub identity: Option<Identity>,
    /// What could not be read, and why, by its place in the document.
    pub not_read: BTreeMap<String, NotRun>,
    /// Parts that belong to no item that is there (`get-routes` without its API): how many of each kind.
    pub unattached: BTreeMap<String, usize>,
}

/// Who looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token of the account.
    pub account: Option<String>,
    /// The user or role.
    pub arn: Option<Arn>,
}

impl Gateway {
    /// Reads the document; what cannot be used is passed over. Never fails: a document of another kind is one in which
    /// nothing is known.
    pub fn from_document(document: Value) -> Self {
        Self::of_redacted(merge::settled(redaction::redacted(&document)))
    }

    fn of_redacted(document: Value) -> Self {
        let reasons = read::get(&document, "not_read").and_then(Value::as_object);
        let not_read: BTreeMap<String, NotRun> =
            reasons.into_iter().flatten().map(|(place, why)| (place.clone(), read::reason(why))).collect();
        let unattached = read::get(&document, merge::UNATTACHED).and_then(Value::as_object);
        Gateway {
            domains: list(&document, "domains", "aws apigatewayv2 get-domain-names", &not_read, Domain::read),
            certificates: list(&document, "certificates", "aws acm describe-certificate", &not_read, Certificate::read),
            apis: list(&document, "apis", "aws apigatewayv2 get-apis", &not_read, Api::read),
            functions: list(&document, "functions", "aws lambda get-function-configuration", &not_read, Function::read),
            regions_looked_at: read::texts(&document, "regions_looked_at"),
            identity: read::get(&document, "identity").map(|identity| Identity {
                account: read::text(identity, "Account").filter(|account| account.starts_with("account-")),
                arn: read::text(identity, "Arn").and_then(|arn| Arn::of(&arn)),
            }),
            unattached: unattached
                .into_iter()
                .flatten()
                .map(|(kind, items)| (kind.clone(), items.as_array().map_or(1, Vec::len)))
                .collect(),
            not_read,
            document,
        }
    }

    /// Recognises the document itself and every raw output that belongs in it (`aws apigatewayv2 get-domain-names`,
    /// `aws acm describe-certificate`, …); `None`: something else.
    pub fn accept(value: &Value) -> Option<Self> {
        accept::document(value).map(Self::from_document)
    }

    /// Both laid together: lists are joined, what is told of one thing twice becomes one, and what had no owner finds
    /// it where there is only one that it can be.
    #[must_use]
    pub fn merge(self, other: Gateway) -> Self {
        Self::of_redacted(merge::merged(self.document, other.document))
    }

    /// The redacted document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The custom domains that serve `host`: in each region the exact name, or else the wildcard (`facts/aws.md`
    /// section 3.1: inside one account an exact name beats the wildcard).
    ///
    /// # Errors
    /// Domains were not read.
    pub fn domains_of(&self, host: &str) -> Result<Vec<&Domain>, NotRun> {
        let domains = match &self.domains {
            Gathered::Found(domains) => domains,
            Gathered::Missing(why) => return Err(why.clone()),
        };
        let covering: Vec<&Domain> = domains.iter().filter(|domain| domain.covers(host)).collect();
        let has_exact =
            |region: &Option<String>| covering.iter().any(|one| !one.is_wildcard() && one.region == *region);
        Ok(covering.iter().filter(|one| !one.is_wildcard() || !has_exact(&one.region)).copied().collect())
    }

    /// The certificate with this ARN.
    ///
    /// # Errors
    /// It was not read.
    pub fn certificate(&self, arn: &Arn) -> Result<&Certificate, NotRun> {
        let found = self
            .certificates
            .found()
            .into_iter()
            .flatten()
            .find(|certificate| certificate.arn.as_ref().is_some_and(|own| own.is(arn)));
        let command = || format!("aws acm describe-certificate --certificate-arn {}", arn.for_shell());
        found.ok_or_else(|| self.why("certificates", arn.id(), &format!("the certificate {}", arn.id()), &command()))
    }

    /// The API with this id.
    ///
    /// # Errors
    /// It was not read.
    pub fn api(&self, id: &str) -> Result<&Api, NotRun> {
        let command = || format!("aws apigatewayv2 get-api --api-id {}", super::text::shell_quote(id));
        let found = self.apis.found().into_iter().flatten().find(|api| api.id == id);
        found.ok_or_else(|| self.why("apis", id, &format!("the API {id}"), &command()))
    }

    /// The function with this ARN: the alias or version itself, if the ARN names one.
    ///
    /// # Errors
    /// It was not read.
    pub fn function(&self, arn: &Arn) -> Result<&Function, NotRun> {
        let Some((name, qualifier)) = arn.function() else {
            return Err(NotRun::not_applicable(format!("{arn} is not a function")));
        };
        let found = self.functions.found().into_iter().flatten().find(|function| {
            let regions_agree = match (function.region.as_deref(), arn.region()) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            };
            function.name == name && function.qualifier.as_deref() == qualifier && regions_agree
        });
        let mut command =
            format!("aws lambda get-function-configuration --function-name {}", super::text::shell_quote(name));
        if let Some(qualifier) = qualifier {
            command += &format!(" --qualifier {}", super::text::shell_quote(qualifier));
        }
        found.ok_or_else(|| self.why("functions", name, &format!("the function {name}"), &command))
    }

    /// The function that answers at the function URL `host`, with that URL.
    ///
    /// # Errors
    /// Functions were not read, or none of them has it.
    pub fn function_url(&self, host: &str) -> Result<(&Function, &FunctionUrl), NotRun> {
        let functions = self.functions.found().into_iter().flatten();
        let urls =
            functions.flat_map(|function| function.urls.found().into_iter().flatten().map(move |url| (function, url)));
        let command = "aws lambda get-function-url-config";
        urls.into_iter()
            .find(|(_, url)| url.host == host)
            .ok_or_else(|| self.why("functions", host, &format!("the function behind {host}"), command))
    }

    /// The owner names of the DNS records by which ACM proves the certificates of the host's custom domains, or where
    /// none names its certificate, those that cover the host; each once.
    pub fn validation_names(&self, host: &str) -> Vec<String> {
        let domains = self.domains_of(host).unwrap_or_default();
        let shown: Vec<&Arn> =
            domains.iter().flat_map(|domain| domain.certificate.iter().chain(&domain.edge_certificate)).collect();
        let certificates = self.certificates.found().into_iter().flatten().filter(|certificate| {
            let is_shown = |arn: &Arn| shown.iter().any(|one| one.is(arn));
            if shown.is_empty() { certificate.covers(host) } else { certificate.arn.as_ref().is_some_and(is_shown) }
        });
        let mut names: Vec<String> = Vec::new();
        for certificate in certificates {
            let renewal = certificate.renewal.iter().flat_map(|renewal| &renewal.validations);
            for record in certificate.validations.iter().chain(renewal).filter_map(|one| one.record.as_ref()) {
                if !names.contains(&record.name) {
                    names.push(record.name.clone());
                }
            }
        }
        names
    }

    /// The first thing at `place` (`domains`, `certificates.7a…`), or under it, that could not be read.
    pub fn unread(&self, place: &str) -> Option<NotRun> {
        self.not_read
            .iter()
            .find(|(key, _)| key.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
            .map(|(_, why)| why.clone())
    }

    fn why(&self, list: &str, item: &str, what: &str, command: &str) -> NotRun {
        let exactly = self.not_read.get(&format!("{list}.{item}")).or_else(|| self.not_read.get(list));
        exactly.cloned().unwrap_or_else(|| NotRun::Inconclusive(sentence(what, command)))
    }
}

/// The reason for a part that is not in the evidence, with what would bring it.
fn sentence(what: &str, command: &str) -> String {
    format!("the AWS evidence does not hold {what} (`{command}` tells it)")
}

fn list<T>(
    document: &Value,
    key: &str,
    command: &str,
    not_read: &BTreeMap<String, NotRun>,
    read: impl Fn(&Value) -> Option<T>,
) -> Gathered<Vec<T>> {
    match read::objects(document, key) {
        Some(items) => Gathered::Found(items.into_iter().filter_map(read).collect()),
        None => {
            // Where nothing of a list was read, the reason of its first item is the reason of the list.
            let of_item =
                || not_read.iter().find(|(place, _)| place.starts_with(&format!("{key}."))).map(|(_, why)| why);
            let why = not_read.get(key).or_else(of_item).cloned();
            Gathered::Missing(why.unwrap_or_else(|| NotRun::Inconclusive(sentence(&format!("any {key}"), command))))
        }
    }
}

impl PartialEq for Gateway {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

impl Serialize for Gateway {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Gateway {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Gateway::from_document(Value::deserialize(deserializer)?))
    }
}
