//! What may answer in place of the origin: Worker routes and domains, Snippets, Cloud Connector.

use serde_json::Value;

use super::read::{self, Reader};

/// A Worker route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRoute {
    /// URL pattern, `*.example.com/api/*`.
    pub pattern: String,
    /// The script; `None`: the route switches Workers off for its URLs.
    pub script: Option<String>,
}

/// A Worker custom domain: the Worker is the origin of the whole host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerDomain {
    /// Host.
    pub hostname: String,
    /// The Worker.
    pub service: Option<String>,
}

/// A Snippet rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The snippet.
    pub name: String,
    /// When it runs.
    pub expression: String,
    /// Is the rule on?
    pub enabled: bool,
}

/// A Cloud Connector rule: requests go to an object store instead of the record's target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// When it applies.
    pub expression: String,
    /// Is the rule on?
    pub enabled: bool,
    /// `aws_s3`, `cloudflare_r2`, `gcp_storage`, `azure_storage` …
    pub provider: Option<String>,
    /// Host of the bucket.
    pub host: Option<String>,
}

pub(super) fn route(_: &mut Reader<'_>, value: &Value) -> Option<WorkerRoute> {
    Some(WorkerRoute {
        pattern: read::text(value, "pattern")?,
        script: read::text(value, "script").filter(|s| !s.is_empty()),
    })
}

pub(super) fn domain(_: &mut Reader<'_>, value: &Value) -> Option<WorkerDomain> {
    Some(WorkerDomain { hostname: read::name(value, "hostname")?, service: read::text(value, "service") })
}

pub(super) fn snippet(_: &mut Reader<'_>, value: &Value) -> Option<Snippet> {
    Some(Snippet {
        name: read::text(value, "snippet_name").unwrap_or_else(|| "(unnamed)".into()),
        expression: read::text(value, "expression")?,
        enabled: read::flag(value, "enabled").unwrap_or(true),
    })
}

pub(super) fn connector(_: &mut Reader<'_>, value: &Value) -> Option<Connector> {
    let parameters = value.get("parameters");
    Some(Connector {
        expression: read::text(value, "expression")?,
        enabled: read::flag(value, "enabled").unwrap_or(true),
        provider: read::text(value, "provider").or_else(|| read::text(value, "cloud_provider")),
        host: parameters.and_then(|parameters| read::name(parameters, "host")),
    })
}
