//! In which region a resource is: it says so, its provider does, or its neighbours' ARNs.

use std::collections::HashMap;

use cfdoctor_checks::model::origin_host::{classify, region};
use serde_json::Value;

use super::file::File;
use super::references::References;
use super::resource::Resource;

/// The region of each resource, in their order.
pub(super) fn all(
    file: &File<'_>,
    resources: &[Resource],
    references: &References<'_>,
    given: Option<&str>,
) -> Vec<Option<String>> {
    let mut of_provider: HashMap<&str, Option<String>> = HashMap::new();
    let mut seen: HashMap<&str, String> = HashMap::new();
    for resource in resources.iter().filter(|resource| resource.kind.starts_with("aws_")) {
        let key = references.provider(resource).unwrap_or_default();
        of_provider.entry(key).or_insert_with(|| configured(file, key));
        if let Some(region) = told(resource) {
            seen.entry(key).or_insert(region);
        }
    }
    let of = |resource: &Resource| {
        let key = references.provider(resource).unwrap_or_default();
        let own = resource.text("region").map(str::to_owned);
        let provider = || of_provider.get(key).cloned().flatten();
        own.or_else(provider).or_else(|| seen.get(key).cloned()).or_else(|| given.map(str::to_owned))
    };
    resources.iter().map(|resource| if resource.kind.starts_with("aws_") { of(resource) } else { None }).collect()
}

/// The region of a provider's configuration: written there, or in a variable.
fn configured(file: &File<'_>, key: &str) -> Option<String> {
    let providers = &file.configuration.as_ref()?.provider_config;
    let plain = key.rsplit_once(':').map_or(key, |(_, plain)| plain);
    let expression = providers.get(key).or_else(|| providers.get(plain))?.expressions.get("region")?;
    if let Some(constant) = expression.get("constant_value").and_then(Value::as_str) {
        return Some(constant.to_owned());
    }
    let references = expression.get("references")?.as_array()?;
    let variable = references.iter().filter_map(Value::as_str).find_map(|to| to.strip_prefix("var."))?;
    file.variables.get(variable)?.value.as_str().filter(|name| region(name).is_some()).map(str::to_owned)
}

/// What the resource's own ARN, or a name that AWS gave it, tells. Never a certificate's ARN in it, which may be of the
/// wrong region.
fn told(resource: &Resource) -> Option<String> {
    if resource.kind == "aws_region" {
        return resource.text("region").or_else(|| resource.text("name")).map(str::to_owned);
    }
    let of_arn = |path: &&str| {
        let arn = resource.text(path)?;
        arn.split(':').nth(3).filter(|name| region(name).is_some()).map(str::to_owned)
    };
    let of_host = |path: &&str| classify(resource.text(path)?.trim_start_matches("https://")).region;
    ["arn", "execution_arn", "invoke_arn", "function_arn"].iter().find_map(of_arn).or_else(|| {
        ["api_endpoint", "regional_domain_name", "domain_name_configuration.target_domain_name"]
            .iter()
            .find_map(of_host)
    })
}
