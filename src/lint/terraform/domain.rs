//! AWS: custom domain names and their mappings.

use serde_json::{Map, Value, json};

use super::Reader;
use super::resource::{Field, Resource};
use super::zone::name_of;
use crate::lint::declared::{Change, List, Thing};

impl<'a> Reader<'a> {
    pub(super) fn domain(&mut self, at: usize, resource: &'a Resource) {
        if !resource.stays() {
            if let Some(name) = resource.was("domain_name") {
                let name = name_of(name);
                self.declared.account.drop(List::Domains, &name);
                self.source(Thing::Domain(name), resource, None);
            }
            return;
        }
        let Some(name) = resource.text("domain_name").map(name_of) else {
            return self.tell_unknown(resource, "domain_name");
        };
        let mut value = match resource.kind.as_str() {
            "aws_apigatewayv2_domain_name" => self.of_version_2(at, resource),
            _ => self.of_version_1(at, resource),
        };
        if let Some(region) = self.region(at) {
            value.insert("region".into(), region.into());
        }
        value.extend(resource.pick(&[("routing_mode", "routingMode"), ("arn", "domainNameArn")]));
        let mutual = resource.rows("mutual_tls_authentication").first();
        let truststore = |key: &str| mutual.and_then(|mutual| mutual.get(key)).filter(|value| value.is_string());
        if mutual.is_some() {
            let uri = truststore("truststore_uri").cloned().unwrap_or_else(|| "s3://(known after apply)".into());
            let mut tls = Map::from_iter([("truststoreUri".to_owned(), uri)]);
            tls.extend(
                truststore("truststore_version").map(|version| ("truststoreVersion".to_owned(), version.clone())),
            );
            value.insert("mutualTlsAuthentication".into(), Value::Object(tls));
        }
        if let Some(reason) = self.nobody_manages_mappings() {
            value.insert("not_read".into(), json!({"api_mappings": reason}));
        } else {
            self.declared.account.knows(List::Domains, "api_mappings");
        }
        if value.get("routingMode").is_none_or(|mode| mode == "API_MAPPING_ONLY" || mode == "BASE_PATH_MAPPING_ONLY") {
            value.insert("routing_rules".into(), json!([]));
        }
        self.declared.account.declare(List::Domains, &name, value, resource.is_new());
        self.source(Thing::Domain(name.clone()), resource, Some(name));
    }

    /// Domains and mappings live in different configurations where one team owns the names and another the APIs: a plan
    /// with neither API nor mapping tells nothing about mappings.
    fn nobody_manages_mappings(&self) -> Option<Value> {
        let manages = self.resources.iter().any(|resource| {
            !resource.is_data
                && matches!(
                    resource.kind.as_str(),
                    "aws_apigatewayv2_api_mapping"
                        | "aws_api_gateway_base_path_mapping"
                        | "aws_apigatewayv2_api"
                        | "aws_api_gateway_rest_api"
                )
        });
        let why = "the plan manages neither mappings nor APIs; another configuration may";
        (!manages).then(|| json!({"kind": "inconclusive", "text": why}))
    }

    fn of_version_2(&mut self, at: usize, resource: &'a Resource) -> Map<String, Value> {
        let path = |key: &str| format!("domain_name_configuration.{key}");
        let mut configuration = resource.pick(&[
            (&path("endpoint_type"), "endpointType"),
            (&path("security_policy"), "securityPolicy"),
            (&path("ip_address_type"), "ipAddressType"),
        ]);
        configuration.entry("endpointType").or_insert_with(|| "REGIONAL".into());
        for (key, theirs) in [
            ("certificate_arn", "certificateArn"),
            ("ownership_verification_certificate_arn", "ownershipVerificationCertificateArn"),
        ] {
            if let Some(arn) = self.certificate_at(resource, &path(key)) {
                configuration.insert(theirs.into(), arn.into());
            }
        }
        if let Some(target) = self.domain_target(at, resource, false) {
            configuration.insert("apiGatewayDomainName".into(), target.into());
        }
        Map::from_iter([("domainNameConfigurations".to_owned(), json!([configuration]))])
    }

    fn of_version_1(&mut self, at: usize, resource: &'a Resource) -> Map<String, Value> {
        let mut value =
            resource.pick(&[("security_policy", "securityPolicy"), ("endpoint_access_mode", "endpointAccessMode")]);
        for (key, theirs) in [
            ("certificate_arn", "certificateArn"),
            ("regional_certificate_arn", "regionalCertificateArn"),
            ("ownership_verification_certificate_arn", "ownershipVerificationCertificateArn"),
        ] {
            if let Some(arn) = self.certificate_at(resource, key) {
                value.insert(theirs.into(), arn.into());
            }
        }
        let configuration = resource.rows("endpoint_configuration").first();
        let of = |key: &str| configuration.and_then(|one| one.get(key)).filter(|value| !value.is_null()).cloned();
        // Without a word it is edge-optimised (`facts/aws.md` section 9.1).
        let types = of("types").unwrap_or_else(|| json!(["EDGE"]));
        let is_edge = types.as_array().is_some_and(|types| types.iter().any(|kind| kind == "EDGE"));
        let mut endpoint = Map::from_iter([("types".to_owned(), types)]);
        endpoint.extend(of("ip_address_type").map(|kind| ("ipAddressType".to_owned(), kind)));
        value.insert("endpointConfiguration".into(), Value::Object(endpoint));
        let key = if is_edge { "distributionDomainName" } else { "regionalDomainName" };
        if let Some(target) = self.domain_target(at, resource, is_edge) {
            value.insert(key.into(), target.into());
        }
        value
    }

    /// Name of the domain at a path: known, or that of the resource which it refers to.
    fn domain_at(&self, resource: &Resource, path: &str) -> Option<String> {
        let known = resource.text(path).or_else(|| resource.was(path)).map(name_of);
        known.or_else(|| Some(name_of(self.pointed(resource, path)?.0.resource.text("domain_name")?)))
    }

    pub(super) fn mapping(&mut self, resource: &Resource) {
        let Some(domain) = self.domain_at(resource, "domain_name") else {
            return self.tell_unknown(resource, "domain_name");
        };
        let (key, stage, api) = match resource.kind.as_str() {
            "aws_apigatewayv2_api_mapping" => ("api_mapping_key", "stage", "api_id"),
            _ => ("base_path", "stage_name", "api_id"),
        };
        let account = &mut self.declared.account;
        if resource.before.is_object() && resource.change.is_some_and(|change| change != Change::None) {
            account.drop_part(List::Domains, &domain, "api_mappings", resource.was(key).unwrap_or_default());
        }
        if resource.stays() {
            if resource.field(key) == Field::Unknown {
                return self.tell_unknown(resource, key);
            }
            let mut row = Map::from_iter([("apiMappingKey".to_owned(), resource.text(key).unwrap_or_default().into())]);
            if let Some(api) = self.id_at(resource, api) {
                row.insert("apiId".into(), api.into());
            }
            if let Some(stage) = self.stage_at(resource, stage) {
                row.insert("stage".into(), stage.into());
            }
            self.declared.account.part(List::Domains, &domain, "api_mappings", Value::Object(row));
        }
        let detail = format!("{domain}/{}", resource.text(key).or_else(|| resource.was(key)).unwrap_or_default());
        self.source(Thing::Mapping(domain), resource, Some(detail));
    }

    /// Name of the stage at a path: known, or that of the resource which it refers to.
    pub(super) fn stage_at(&self, resource: &Resource, path: &str) -> Option<String> {
        if let Some(known) = resource.text(path) {
            return Some(known.to_owned());
        }
        let to = self.pointed(resource, path)?.0.resource;
        to.text("name").or_else(|| to.text("stage_name")).map(str::to_owned)
    }
}
