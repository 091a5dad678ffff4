//! Custom domain names, mappings, routing rules and certificates of a template.

use serde_json::{Map, Value, json};

use super::intrinsics::not_read;
use super::{Reader, Resource};
use crate::lint::declared::{Form, List, Thing};

impl Reader<'_> {
    pub(super) fn domain(&mut self, resource: &Resource) {
        let Some(name) = resource.text("DomainName").map(name_of) else { return };
        let mut value = match resource.kind.as_str() {
            "AWS::ApiGatewayV2::DomainName" => {
                let rows = resource.get("DomainNameConfigurations").and_then(Value::as_array);
                let mut rows: Vec<Value> = rows.cloned().unwrap_or_default();
                let target = self.attribute(resource, "RegionalDomainName");
                for row in rows.iter_mut().filter_map(Value::as_object_mut) {
                    row.entry("EndpointType").or_insert_with(|| "REGIONAL".into());
                    row.extend(target.clone().map(|target| ("apiGatewayDomainName".to_owned(), target.into())));
                }
                Map::from_iter([("domainNameConfigurations".to_owned(), Value::Array(rows))])
            }
            _ => {
                let mut value = resource.pick(&[
                    ("CertificateArn", "certificateArn"),
                    ("RegionalCertificateArn", "regionalCertificateArn"),
                    ("OwnershipVerificationCertificateArn", "ownershipVerificationCertificateArn"),
                    ("SecurityPolicy", "securityPolicy"),
                    ("EndpointAccessMode", "endpointAccessMode"),
                ]);
                let types = resource.get("EndpointConfiguration.Types").cloned().unwrap_or_else(|| json!(["EDGE"]));
                let is_edge = types.as_array().is_some_and(|types| types.iter().any(|kind| kind == "EDGE"));
                value.insert("endpointConfiguration".into(), json!({"types": types}));
                let (key, attribute) = match is_edge {
                    true => ("distributionDomainName", "DistributionDomainName"),
                    false => ("regionalDomainName", "RegionalDomainName"),
                };
                value.extend(self.attribute(resource, attribute).map(|target| (key.to_owned(), target.into())));
                value
            }
        };
        value.extend(
            resource.pick(&[("RoutingMode", "routingMode"), ("MutualTlsAuthentication", "mutualTlsAuthentication")]),
        );
        self.declare_domain(resource, &name, value);
    }

    /// A domain with what is the same for every kind.
    pub(super) fn declare_domain(&mut self, resource: &Resource, name: &str, mut value: Map<String, Value>) {
        if let Some(region) = self.resolver.region() {
            value.insert("region".into(), region.into());
        }
        if self.resolver.manages_mappings {
            self.declared.account.knows(List::Domains, "api_mappings");
        } else {
            let why = "the template manages neither mappings nor APIs; another stack may";
            value.insert("not_read".into(), not_read("api_mappings", why));
        }
        if value.get("routingMode").is_none_or(|mode| mode == "API_MAPPING_ONLY" || mode == "BASE_PATH_MAPPING_ONLY") {
            value.insert("routing_rules".into(), json!([]));
        }
        self.declared.account.declare(List::Domains, name, value, false);
        self.source(Thing::Domain(name.to_owned()), resource, Some(name.to_owned()));
    }

    pub(super) fn mapping(&mut self, resource: &Resource) {
        let Some(domain) = resource.text("DomainName").map(name_of) else { return };
        let mut row = resource.pick(&[("Stage", "stage")]);
        let key = resource.text("ApiMappingKey").or_else(|| resource.text("BasePath")).unwrap_or_default();
        row.insert("apiMappingKey".into(), key.into());
        row.extend(resource.pick(&[("ApiId", "apiId"), ("RestApiId", "apiId")]));
        let detail = format!("{domain}/{key}");
        self.part(List::Domains, &domain, "api_mappings", row);
        self.source(Thing::Mapping(domain), resource, Some(detail));
    }

    pub(super) fn routing_rule(&mut self, resource: &Resource) {
        // The rule names its domain by ARN: `arn:…:/domainnames/{name}`.
        let name = resource.text("DomainNameArn").and_then(|arn| arn.rsplit_once('/')).map(|(_, name)| name_of(name));
        let Some(domain) = name else { return };
        let row = resource.pick(&[("Priority", "priority"), ("Conditions", "conditions"), ("Actions", "actions")]);
        self.part(List::Domains, &domain, "routing_rules", row);
        self.source(Thing::Mapping(domain), resource, None);
    }

    pub(super) fn certificate(&mut self, resource: &Resource) {
        let arn = self.own_id(resource);
        let mut value = resource.pick(&[("DomainName", "DomainName"), ("KeyAlgorithm", "KeyAlgorithm")]);
        let mut names: Vec<Value> = resource.get("DomainName").cloned().into_iter().collect();
        let others = resource.get("SubjectAlternativeNames").and_then(Value::as_array);
        names.extend(others.into_iter().flatten().filter(|name| Some(*name) != resource.get("DomainName")).cloned());
        value.insert("SubjectAlternativeNames".into(), names.into());
        value.insert("Type".into(), "AMAZON_ISSUED".into());
        if let Some(region) = self.resolver.region() {
            value.insert("region".into(), region.into());
        }
        self.declared.account.declare(List::Certificates, &arn, value, false);
        self.source(Thing::Certificate(arn), resource, resource.text("DomainName").map(str::to_owned));
    }

    /// The custom domain in a SAM API: domain and mappings in one block.
    pub(super) fn serverless_domain(&mut self, resource: &Resource, api: &str, stage: &str) {
        let Some(name) = resource.text("Domain.DomainName").map(name_of) else { return };
        let is_http = resource.kind == "AWS::Serverless::HttpApi";
        // SAM's own default is regional, other than API Gateway's.
        let endpoint = resource.text("Domain.EndpointConfiguration").unwrap_or("REGIONAL").to_owned();
        let is_edge = endpoint == "EDGE";
        let form = if is_edge { Form::Distribution } else { Form::DomainTarget };
        let shown = format!("{}.Domain.DomainName", resource.id);
        let owner = format!("{} domain", resource.id);
        let target = self.resolver.stand_in(&owner, form, &shown, &mut self.declared.stand_ins);
        let target = target.map(Value::from);
        let mut value = Map::new();
        let of = |key: &str| resource.get(&format!("Domain.{key}")).cloned();
        if is_http {
            let mut row = Map::from_iter([("endpointType".to_owned(), Value::from(endpoint))]);
            for (ours, theirs) in [
                ("CertificateArn", "certificateArn"),
                ("SecurityPolicy", "securityPolicy"),
                ("OwnershipVerificationCertificateArn", "ownershipVerificationCertificateArn"),
            ] {
                row.extend(of(ours).map(|value| (theirs.to_owned(), value)));
            }
            row.extend(target.map(|target| ("apiGatewayDomainName".to_owned(), target)));
            value.insert("domainNameConfigurations".into(), json!([row]));
        } else {
            let key = if is_edge { "certificateArn" } else { "regionalCertificateArn" };
            value.extend(of("CertificateArn").map(|arn| (key.to_owned(), arn)));
            value.extend(of("SecurityPolicy").map(|policy| ("securityPolicy".to_owned(), policy)));
            let key = if is_edge { "distributionDomainName" } else { "regionalDomainName" };
            value.extend(target.map(|target| (key.to_owned(), target)));
            value.insert("endpointConfiguration".into(), json!({"types": [endpoint]}));
        }
        value.extend(of("MutualTlsAuthentication").map(|tls| ("mutualTlsAuthentication".to_owned(), tls)));
        self.declare_domain(resource, &name, value);
        let paths = match of("BasePath") {
            Some(Value::Array(paths)) => paths,
            Some(Value::String(path)) => vec![path.into()],
            _ => vec!["".into()],
        };
        for path in paths.iter().filter_map(Value::as_str) {
            let key = if path == "(none)" { "" } else { path.trim_matches('/') };
            let row = json!({"apiMappingKey": key, "apiId": api, "stage": stage});
            self.declared.account.part(List::Domains, &name, "api_mappings", row);
        }
    }
}

fn name_of(text: &str) -> String {
    text.trim_end_matches('.').to_ascii_lowercase()
}
