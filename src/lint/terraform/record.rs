//! Cloudflare: DNS records, and what their content refers to.

use cfdoctor_checks::model::public_suffix;
use serde_json::{Map, Value};

use super::Reader;
use super::references::Pointed;
use super::resource::{Field, Resource};
use super::zone::name_of;
use crate::lint::declared::{Change, Form, Thing};

impl<'a> Reader<'a> {
    pub(super) fn record(&mut self, resource: &Resource) {
        let zone = self.zone_key(resource);
        let zone_name = self.declared.zone(&zone).name.clone();
        let kind = resource.text("type").or_else(|| resource.was("type")).unwrap_or_default().to_ascii_uppercase();
        let name = full_name(&resource.after, zone_name.as_deref());
        let name_before = full_name(&resource.before, zone_name.as_deref());
        let leads = matches!(kind.as_str(), "A" | "AAAA" | "CNAME");
        let content_before = resource.was("content").or_else(|| resource.was("value")).map(str::to_owned);
        let mut content = None;
        if resource.stays() {
            content = self.content(resource, leads);
            if name.is_none() && leads {
                self.name_untold(resource);
            }
            let row = row(resource, &name, &kind, content.as_deref());
            // A record of which not even the name is known would pass for the record of every host.
            if name.is_some() {
                self.declared.zone(&zone).push("dns_records", row);
            }
        }
        if resource.change.is_some_and(|change| change != Change::None) && resource.before.is_object() {
            let mut row = Map::new();
            let id = resource.before.get("id").and_then(Value::as_str).map(str::to_owned);
            for (key, value) in [
                ("id", id),
                ("name", name_before.clone()),
                ("type", Some(kind.clone())),
                ("content", content_before.clone()),
            ] {
                row.extend(value.map(|value| (key.to_owned(), value.into())));
            }
            self.declared.zone(&zone).drop_row("dns_records", Value::Object(row));
        }
        let proxied = |values: &Value| match values.get("proxied").and_then(Value::as_bool) {
            Some(true) => " (proxied)",
            _ => " (DNS only)",
        };
        let cloud = |values: &Value| if leads { proxied(values) } else { "" };
        let now = content.as_deref().unwrap_or("(known after apply)");
        let detail = match (&content_before, resource.stays()) {
            (Some(before), true) => {
                format!("{kind} {before}{} → {now}{}", cloud(&resource.before), cloud(&resource.after))
            }
            (Some(before), false) => format!("{kind} {before}"),
            (None, _) => format!("{kind} {now}{}", cloud(&resource.after)),
        };
        self.source(Thing::Record(zone, name.or(name_before)), resource, Some(detail));
    }

    fn name_untold(&mut self, resource: &Resource) {
        if resource.field("name") == Field::Unknown {
            return self.tell_unknown(resource, "name");
        }
        let name = resource.text("name").unwrap_or("?");
        self.declared.notes.push(format!(
            "{}: {}: the name of its zone is not in the plan, so {name:?} is no full name; give the host with --url",
            self.file, resource.address
        ));
    }

    /// What it points at: known, or a name of the kind that it will have.
    fn content(&mut self, resource: &Resource, leads: bool) -> Option<String> {
        for path in ["content", "value"] {
            match resource.field(path) {
                Field::Known(value) => return value.as_str().map(str::to_owned),
                Field::Unknown if leads => {
                    // Version 4 computes each of the two from the other: the one that is written is meant.
                    if self.references.of(resource, path).is_empty() && path == "content" {
                        continue;
                    }
                    let found = self.pointed(resource, path).and_then(|(to, attribute)| self.host_of(to, &attribute));
                    if found.is_none() {
                        self.tell_unknown(resource, path);
                    }
                    return found;
                }
                _ => {}
            }
        }
        if leads && resource.field("content") == Field::Unknown {
            self.tell_unknown(resource, "content");
        }
        None
    }

    /// The host that an attribute of another resource will hold.
    fn host_of(&mut self, pointed: Pointed<'a>, attribute: &str) -> Option<String> {
        let to = pointed.resource;
        let region = self.region(pointed.at).map(str::to_owned);
        let region = region.as_deref();
        let known = to.text(attribute).filter(|_| !attribute.is_empty() && !attribute.ends_with("id"));
        if let Some(known) = known {
            return Some(bare(known));
        }
        let reference = format!("{}.{attribute}", to.address);
        match to.kind.as_str() {
            "aws_apigatewayv2_domain_name" | "aws_api_gateway_domain_name" => {
                self.domain_target(pointed.at, to, attribute.contains("cloudfront"))
            }
            "aws_apigatewayv2_api" | "aws_api_gateway_rest_api" => {
                match to.text("id").filter(|_| to.change != Some(Change::Replace)) {
                    Some(id) => Some(format!("{id}.execute-api.{}.amazonaws.com", region?)),
                    None => self.stand_in(to, Form::DefaultEndpoint, region, &reference),
                }
            }
            "aws_apigatewayv2_stage" | "aws_api_gateway_stage" | "aws_api_gateway_deployment" => {
                let path = if to.kind.starts_with("aws_apigatewayv2") { "api_id" } else { "rest_api_id" };
                match to.text(path) {
                    Some(id) => Some(format!("{id}.execute-api.{}.amazonaws.com", region?)),
                    None => {
                        let (api, _) = self.pointed(to, path)?;
                        self.stand_in(api.resource, Form::DefaultEndpoint, region, &reference)
                    }
                }
            }
            "aws_lambda_function_url" => self.stand_in(to, Form::FunctionUrl, region, &reference),
            "aws_cloudfront_distribution" => self.stand_in(to, Form::Distribution, region, &reference),
            "aws_lb" | "aws_alb" | "aws_elb" => self.stand_in(to, Form::LoadBalancer, region, &reference),
            "aws_s3_bucket_website_configuration" | "aws_s3_bucket" if attribute.starts_with("website") => {
                let bucket = match to.text("bucket") {
                    Some(bucket) => bucket.to_owned(),
                    None => self.pointed(to, "bucket")?.0.resource.text("bucket")?.to_owned(),
                };
                Some(format!("{bucket}.s3-website-{}.amazonaws.com", region?))
            }
            "aws_s3_bucket" => Some(format!("{}.s3.{}.amazonaws.com", to.text("bucket")?, region?)),
            _ => None,
        }
    }

    /// The name that a custom domain gets from AWS.
    pub(super) fn domain_target(&mut self, at: usize, domain: &Resource, at_edge: bool) -> Option<String> {
        let region = self.region(at).map(str::to_owned);
        let (path, form) = match (domain.kind.as_str(), at_edge) {
            ("aws_apigatewayv2_domain_name", _) => ("domain_name_configuration.target_domain_name", Form::DomainTarget),
            (_, true) => ("cloudfront_domain_name", Form::Distribution),
            (_, false) => ("regional_domain_name", Form::DomainTarget),
        };
        if let Some(known) = domain.text(path) {
            return Some(name_of(known));
        }
        let shown = path.replace("configuration.", "configuration[0].");
        let reference = format!("{}.{shown}", domain.address);
        self.stand_in(domain, form, region.as_deref(), &reference)
    }
}

/// The host of a URL, or the name itself.
fn bare(text: &str) -> String {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    name_of(rest.split('/').next().unwrap_or(rest))
}

fn row(resource: &Resource, name: &Option<String>, kind: &str, content: Option<&str>) -> Value {
    let mut row = resource.pick(&[("id", "id"), ("proxied", "proxied"), ("ttl", "ttl"), ("settings", "settings")]);
    // Both versions of the provider leave the cloud grey where nothing is said.
    if resource.field("proxied") == Field::Absent {
        row.insert("proxied".into(), false.into());
    }
    row.insert("type".into(), kind.into());
    row.extend(name.clone().map(|name| ("name".to_owned(), name.into())));
    row.extend(content.map(|content| ("content".to_owned(), content.into())));
    Value::Object(row)
}

/// The full name of a record: version 4 takes names inside of the zone, and `@` (`facts/aws.md` section 9.2).
fn full_name(values: &Value, zone: Option<&str>) -> Option<String> {
    let text = |key: &str| values.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(host) = text("hostname") {
        return Some(name_of(host));
    }
    let name = name_of(text("name")?);
    match zone {
        Some(zone) if name == "@" || name == zone => Some(zone.to_owned()),
        Some(zone) if name.ends_with(&format!(".{zone}")) => Some(name),
        Some(zone) => Some(format!("{name}.{zone}")),
        // Without the zone's name, only a name with a public suffix is surely whole.
        None => public_suffix::is_below_known_suffix(&name).then(|| name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_both_versions() {
        let of = |name: &str, zone| full_name(&json!({"name": name}), zone);
        assert_eq!(of("@", Some("example.com")).as_deref(), Some("example.com"));
        assert_eq!(of("www", Some("example.com")).as_deref(), Some("www.example.com"));
        assert_eq!(of("WWW.example.com", Some("example.com")).as_deref(), Some("www.example.com"));
        assert_eq!(of("api.example.com", None).as_deref(), Some("api.example.com"));
        assert_eq!(of("www", None), None);
        assert_eq!(of("_acme.api", None), None);
        let computed = json!({"name": "www", "hostname": "www.example.com"});
        assert_eq!(full_name(&computed, None).as_deref(), Some("www.example.com"));
        assert_eq!(
            bare("https://abc.execute-api.us-east-1.amazonaws.com/prod"),
            "abc.execute-api.us-east-1.amazonaws.com"
        );
    }
}
