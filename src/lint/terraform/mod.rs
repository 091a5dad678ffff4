//! A Terraform plan or state, as `terraform show -json` writes it, in the two documents that everything is judged by.
//!
//! Cloudflare's provider of versions 4 and 5 and AWS's are read (`facts/aws.md` sections 9.1 and 9.2). What is known
//! after apply only stays unknown and is named; where the configuration tells what it refers to, the two belong
//! together.

mod api;
mod certificate;
mod domain;
mod file;
mod function;
mod lines;
mod page_rule;
mod record;
mod references;
mod region;
mod resource;
mod rules;
mod setting;
#[cfg(test)]
mod tests;
mod zone;

use std::collections::HashSet;

use cfdoctor_checks::evidence::redact;
use serde_json::Value;
use serde_json::value::RawValue;

use self::file::{ChangeOf, Changed, File, Held, StateModule, Values};
use self::references::{Pointed, References};
use self::resource::{Field, Resource};
use super::declared::{Change, Declared, Form, Source, Thing};
use crate::report::Place;

/// Most notes about values that are not known.
const MOST_NOTES: usize = 40;

/// Reads the file into `declared`; `region` is where AWS's resources are, where the plan does not tell.
///
/// # Errors
/// The file is no plan that can be read: where, and the remedy.
pub(in crate::lint) fn read(
    bytes: &[u8],
    name: &str,
    region: Option<&str>,
    declared: &mut Declared,
) -> Result<(), String> {
    let file = file::parse(bytes)?;
    let resources = resources(&file)?;
    let references = References::new(file.configuration.as_ref(), &resources);
    let regions = region::all(&file, &resources, &references, region);
    let wanted: HashSet<&str> = resources.iter().map(|resource| resource.address.as_str()).collect();
    let lines = lines::of_addresses(bytes, &wanted);
    if file.errored {
        declared.notes.push(format!("{name}: Terraform met an error while planning; the plan is not whole"));
    }
    let mut reader = Reader { file: name, resources: &resources, references, regions, lines, declared, unknown: 0 };
    reader.zones();
    for (at, resource) in resources.iter().enumerate() {
        reader.translate(at, resource);
    }
    reader.finish();
    Ok(())
}

/// Does it look like one?
pub(in crate::lint) fn is_one(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let has = |key: &str| text.contains(key);
    text.starts_with('{') && has("\"format_version\"")
        || has("\"resource_changes\"") && has("\"planned_values\"")
        || has("\"terraform_version\"") && has("\"root_module\"")
}

/// Types that are read; others are passed over without looking into them.
fn is_read(kind: &str) -> bool {
    const AWS: &[&str] = &[
        "aws_acm_certificate",
        "aws_acm_certificate_validation",
        "aws_alb",
        "aws_apigatewayv2_",
        "aws_api_gateway_",
        "aws_cloudfront_distribution",
        "aws_elb",
        "aws_lambda_alias",
        "aws_lambda_function",
        "aws_lambda_permission",
        "aws_lb",
        "aws_region",
        "aws_s3_bucket",
    ];
    kind.starts_with("cloudflare_") || AWS.iter().any(|known| kind.starts_with(known))
}

/// Every resource of the file that is read.
fn resources(file: &File<'_>) -> Result<Vec<Resource>, String> {
    let mut all = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    for changed in file.resource_changes.iter().flatten() {
        if is_read(&changed.kind) && changed.deposed.is_none() {
            all.push(changed_resource(changed)?);
            known.insert(changed.address.clone().into_owned());
        }
    }
    let mut hold = |values: &Values<'_>, data_only: bool| {
        let mut modules: Vec<&StateModule<'_>> = values.root_module.iter().collect();
        while let Some(module) = modules.pop() {
            let address = module.address.as_deref().unwrap_or_default();
            for held in &module.resources {
                let is_new =
                    is_read(&held.kind) && (!data_only || held.mode == "data") && !known.contains(&*held.address);
                if is_new && let Some(resource) = held_resource(held, address)? {
                    known.insert(held.address.clone().into_owned());
                    all.push(resource);
                }
            }
            modules.extend(&module.child_modules);
        }
        Ok::<(), String>(())
    };
    // What a plan read of data sources is in the state before it.
    if let Some(values) = file.prior_state.as_ref().and_then(|state| state.values.as_ref()) {
        hold(values, true)?;
    }
    if let Some(values) = &file.values {
        hold(values, false)?;
    }
    if let (None, Some(planned)) = (&file.resource_changes, file.planned_values) {
        let values: Values<'_> = serde_json::from_slice(planned.get().as_bytes())
            .map_err(|error| format!("planned_values of the Terraform plan stop making sense at {error}"))?;
        hold(&values, false)?;
    }
    Ok(all)
}

fn changed_resource(changed: &Changed<'_>) -> Result<Resource, String> {
    let change: ChangeOf = serde_json::from_slice(changed.change.get().as_bytes()).map_err(|error| {
        let address = cfdoctor_checks::evidence::text::shorten(&changed.address, 120);
        format!("the change of {address} in the Terraform plan makes no sense: {}", redact::reason(&error))
    })?;
    let has = |action: &str| change.actions.iter().any(|known| known == action);
    let kind = match (has("create"), has("delete"), has("update")) {
        (true, true, _) => Change::Replace,
        (true, false, _) => Change::Create,
        (false, true, _) => Change::Delete,
        (_, _, true) => Change::Update,
        _ => Change::None,
    };
    // What Terraform forgets stays as it is.
    let after = if has("forget") { change.before.clone() } else { change.after };
    let module_address = changed.module_address.as_deref().unwrap_or_default();
    Ok(Resource {
        address: changed.address.clone().into_owned(),
        kind: changed.kind.clone().into_owned(),
        module: module_names(module_address),
        module_address: module_address.to_owned(),
        written: written(&changed.mode, &changed.kind, &changed.name),
        index: changed.index.clone(),
        is_data: changed.mode == "data",
        change: Some(kind),
        before: resource::without_secrets(change.before, &change.before_sensitive),
        after: resource::without_secrets(after, &change.after_sensitive),
        unknown: resource::secrets_as_unknown(change.after_unknown, &change.after_sensitive),
    })
}

fn held_resource(held: &Held<'_>, module_address: &str) -> Result<Option<Resource>, String> {
    let value = |raw: Option<&RawValue>| match raw {
        Some(raw) => serde_json::from_str::<Value>(raw.get())
            .map_err(|error| format!("the values of {} make no sense: {}", held.address, redact::reason(&error))),
        None => Ok(Value::Null),
    };
    let (values, secret) = (value(held.values)?, value(held.sensitive_values)?);
    Ok(values.is_object().then(|| Resource {
        address: held.address.clone().into_owned(),
        kind: held.kind.clone().into_owned(),
        module: module_names(module_address),
        module_address: module_address.to_owned(),
        written: written(&held.mode, &held.kind, &held.name),
        index: held.index.clone(),
        is_data: held.mode == "data",
        change: None,
        before: Value::Null,
        after: resource::without_secrets(values, &secret),
        unknown: resource::secrets_as_unknown(Value::Null, &secret),
    }))
}

fn written(mode: &str, kind: &str, name: &str) -> String {
    format!("{}{kind}.{name}", if mode == "data" { "data." } else { "" })
}

/// `module.a["x"].module.b` → `a`, `b`.
fn module_names(address: &str) -> Vec<String> {
    let parts = references::parts(address);
    parts.iter().filter(|part| !part.starts_with('[') && *part != "module").cloned().collect()
}

/// One file being translated.
struct Reader<'a> {
    file: &'a str,
    resources: &'a [Resource],
    references: References<'a>,
    /// Region of each resource.
    regions: Vec<Option<String>>,
    lines: std::collections::HashMap<String, u32>,
    declared: &'a mut Declared,
    unknown: usize,
}

impl<'a> Reader<'a> {
    fn translate(&mut self, at: usize, resource: &'a Resource) {
        if resource.is_data {
            return;
        }
        match resource.kind.as_str() {
            "cloudflare_dns_record" | "cloudflare_record" => self.record(resource),
            "cloudflare_ruleset" => self.ruleset(resource),
            "cloudflare_page_rule" => self.page_rule(resource),
            kind if kind.starts_with("cloudflare_") => self.zone_part(resource),
            "aws_apigatewayv2_domain_name" | "aws_api_gateway_domain_name" => self.domain(at, resource),
            "aws_apigatewayv2_api_mapping" | "aws_api_gateway_base_path_mapping" => self.mapping(resource),
            "aws_apigatewayv2_api" | "aws_api_gateway_rest_api" => self.api(at, resource),
            kind if kind.starts_with("aws_apigatewayv2_") || kind.starts_with("aws_api_gateway_") => {
                self.api_part(resource);
            }
            "aws_acm_certificate" => self.certificate(at, resource),
            kind if kind.starts_with("aws_lambda_") => self.function(at, resource),
            _ => {}
        }
    }

    /// What can be said once everything was seen.
    fn finish(&mut self) {
        self.rest_routes();
        if self.unknown > MOST_NOTES {
            let more = self.unknown - MOST_NOTES;
            self.declared.notes.push(format!("{}: {more} more values are known after apply only", self.file));
        }
    }

    fn place(&self, resource: &Resource) -> Place {
        Place { file: self.file.to_owned(), line: self.lines.get(&resource.address).copied().unwrap_or(1) }
    }

    /// Remembers where a thing is declared.
    fn source(&mut self, thing: Thing, resource: &Resource, detail: Option<String>) {
        let place = self.place(resource);
        let change = resource.change.unwrap_or(Change::None);
        self.declared.sources.push(Source { thing, name: resource.address.clone(), place, change, detail });
    }

    /// Says that a value is not known, and what it refers to.
    fn tell_unknown(&mut self, resource: &Resource, path: &str) {
        self.unknown += 1;
        if self.unknown > MOST_NOTES {
            return;
        }
        let references = self.references.of(resource, path);
        let refers = references.first().map(|to| format!("; it refers to {to}")).unwrap_or_default();
        let (file, address) = (self.file, &resource.address);
        self.declared.notes.push(format!("{file}: {address}: {path} is known after apply only{refers}"));
    }

    fn region(&self, at: usize) -> Option<&str> {
        self.regions.get(at)?.as_deref()
    }

    /// What an unknown value of a resource refers to.
    fn pointed(&self, resource: &Resource, path: &str) -> Option<(Pointed<'a>, String)> {
        self.references.resolve(resource, path)
    }

    /// The id of a resource, or what stands in for it.
    fn id_of(&mut self, resource: &Resource) -> String {
        if let Some(id) = resource.text("id").filter(|_| resource.change != Some(Change::Replace)) {
            return id.to_owned();
        }
        let reference = format!("{}.id", resource.address);
        self.stand_in(resource, Form::Id, None, &reference).unwrap_or(reference)
    }

    /// A name that stands in for something of this resource.
    fn stand_in(&mut self, resource: &Resource, form: Form, region: Option<&str>, reference: &str) -> Option<String> {
        let owner = format!("{}:{}", self.file, resource.address);
        self.declared.stand_ins.name(&owner, form, region, reference)
    }

    /// The id at a path: known, or that of the resource which it refers to.
    fn id_at(&mut self, resource: &Resource, path: &str) -> Option<String> {
        match resource.field(path) {
            Field::Known(value) => value.as_str().map(str::to_owned),
            Field::Absent => None,
            Field::Unknown => match self.pointed(resource, path) {
                Some((pointed, _)) => Some(self.id_of(pointed.resource)),
                None => {
                    self.tell_unknown(resource, path);
                    None
                }
            },
        }
    }
}
