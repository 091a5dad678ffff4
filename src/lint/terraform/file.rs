//! The JSON that `terraform show -json` writes (`facts/aws.md` section 9.3), read without what nobody asks for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cfdoctor_checks::evidence::redact;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A plan, or a state.
#[derive(Deserialize)]
pub(super) struct File<'a> {
    pub(super) format_version: Option<String>,
    #[serde(borrow)]
    pub(super) resource_changes: Option<Vec<Changed<'a>>>,
    #[serde(borrow)]
    pub(super) prior_state: Option<State<'a>>,
    /// Of a state file.
    #[serde(borrow)]
    pub(super) values: Option<Values<'a>>,
    /// Of a plan that tells no changes.
    #[serde(borrow)]
    pub(super) planned_values: Option<&'a RawValue>,
    pub(super) configuration: Option<Configuration<'a>>,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub(super) errored: bool,
}

#[derive(Deserialize)]
pub(super) struct Variable {
    #[serde(default)]
    pub(super) value: Value,
}

#[derive(Deserialize)]
pub(super) struct State<'a> {
    #[serde(borrow)]
    pub(super) values: Option<Values<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Values<'a> {
    #[serde(borrow)]
    pub(super) root_module: Option<StateModule<'a>>,
}

#[derive(Deserialize)]
pub(super) struct StateModule<'a> {
    pub(super) address: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) resources: Vec<Held<'a>>,
    #[serde(borrow, default)]
    pub(super) child_modules: Vec<StateModule<'a>>,
}

/// A resource of a state, or of planned values.
#[derive(Deserialize)]
pub(super) struct Held<'a> {
    #[serde(borrow)]
    pub(super) address: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) mode: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(default)]
    pub(super) index: Option<Value>,
    #[serde(borrow)]
    pub(super) values: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) sensitive_values: Option<&'a RawValue>,
}

/// A resource and what becomes of it.
#[derive(Deserialize)]
pub(super) struct Changed<'a> {
    #[serde(borrow)]
    pub(super) address: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) module_address: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) mode: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(default)]
    pub(super) index: Option<Value>,
    /// Set for an object that is no longer the current one.
    #[serde(borrow)]
    pub(super) deposed: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) change: &'a RawValue,
}

#[derive(Deserialize)]
pub(super) struct ChangeOf {
    #[serde(default)]
    pub(super) actions: Vec<String>,
    #[serde(default)]
    pub(super) before: Value,
    #[serde(default)]
    pub(super) after: Value,
    #[serde(default)]
    pub(super) after_unknown: Value,
    #[serde(default)]
    pub(super) before_sensitive: Value,
    #[serde(default)]
    pub(super) after_sensitive: Value,
}

#[derive(Deserialize)]
pub(super) struct Configuration<'a> {
    #[serde(default)]
    pub(super) provider_config: BTreeMap<String, Provider>,
    #[serde(borrow, default)]
    pub(super) root_module: Module<'a>,
}

#[derive(Deserialize)]
pub(super) struct Provider {
    #[serde(default)]
    pub(super) expressions: Map<String, Value>,
}

#[derive(Default, Deserialize)]
pub(super) struct Module<'a> {
    #[serde(borrow, default)]
    pub(super) resources: Vec<Written<'a>>,
    #[serde(borrow, default)]
    pub(super) module_calls: BTreeMap<String, Call<'a>>,
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, Output>,
}

/// A resource as it is written.
#[derive(Deserialize)]
pub(super) struct Written<'a> {
    #[serde(borrow)]
    pub(super) address: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) provider_config_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) expressions: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Call<'a> {
    #[serde(default)]
    pub(super) expressions: Map<String, Value>,
    #[serde(borrow, default)]
    pub(super) module: Module<'a>,
}

#[derive(Deserialize)]
pub(super) struct Output {
    #[serde(default)]
    pub(super) expression: Value,
}

/// Reads the file.
///
/// # Errors
/// It is cut off, no such file, or of a version that is not known: where, and the remedy.
pub(super) fn parse(bytes: &[u8]) -> Result<File<'_>, String> {
    let remedy = "make it anew with `terraform show -json PLAN > plan.json`";
    let file: File<'_> = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => {
            format!(
                "a Terraform plan that is cut off: it ends at line {}, column {}; {remedy}",
                error.line(),
                error.column()
            )
        }
        _ => format!("taken for a Terraform plan, which stops making sense at {}; {remedy}", redact::reason(&error)),
    })?;
    let Some(version) = &file.format_version else {
        return Err(format!("no format_version in it: not what `terraform show -json` writes; {remedy}"));
    };
    if version.split('.').next() != Some("1") {
        return Err(format!(
            "format_version {:?} of the Terraform plan is not known to this version of cfdoctor, which reads 1.x; \
             make the plan with Terraform 1.x or OpenTofu 1.x, or use a newer cfdoctor",
            cfdoctor_checks::evidence::text::shorten(version, 20)
        ));
    }
    if file.resource_changes.is_none() && file.values.is_none() && file.planned_values.is_none() {
        return Err(format!("neither a plan (resource_changes) nor a state (values) is in it; {remedy}"));
    }
    Ok(file)
}
