//! An API of API Gateway with its stages, routes and integrations (`facts/aws.md` section 7.1).

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::{get, has, number, part, text, texts, truth};
use super::words::{Authorization, EndpointType, IntegrationKind, Protocol};
use super::{Arn, Policy, sentence};
use crate::evidence::Gathered;
use crate::evidence::text::shell_quote;

/// An API: GetApi (HTTP, WebSocket) or GetRestApi.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// HTTP, WebSocket or REST.
    pub protocol: Protocol,
    /// Where it lives, as far as the answer tells.
    pub region: Option<String>,
    /// Host of the default endpoint, `{id}.execute-api.…`, where it is known.
    pub default_host: Option<String>,
    /// Is the default endpoint switched off? AWS leaves it on; none: the data does not tell.
    pub default_endpoint_disabled: Option<bool>,
    /// How a REST API is reached; HTTP and WebSocket APIs are regional.
    pub endpoint_types: Vec<EndpointType>,
    /// CORS that an HTTP API answers by itself.
    pub cors: Option<Cors>,
    /// The resource policy of a REST API, if it has one.
    pub policy: Option<Policy>,
    /// Types that a REST API hands on as bytes.
    pub binary_media_types: Vec<String>,
    /// Its stages.
    pub stages: Gathered<Vec<Stage>>,
    /// Its routes; for a REST API the methods of its resources.
    pub routes: Gathered<Vec<Route>>,
    /// What stands behind its routes.
    pub integrations: Gathered<Vec<Integration>>,
}

/// CORS of an HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Allowed origins.
    pub origins: Vec<String>,
    /// Allowed methods.
    pub methods: Vec<String>,
    /// Are credentials allowed?
    pub credentials: bool,
}

/// A stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name, `$default` among them.
    pub name: String,
    /// Does a change go live by itself?
    pub auto_deploy: Option<bool>,
    /// What is deployed; none: nothing is.
    pub deployment: Option<String>,
    /// AWS's words about the last deployment.
    pub deployment_message: Option<String>,
    /// Requests a second, of the whole stage.
    pub rate_limit: Option<f64>,
    /// Requests at once, of the whole stage.
    pub burst_limit: Option<u64>,
    /// Is the cache of a REST stage on?
    pub cache_enabled: bool,
    /// ARN of the web ACL of a REST stage.
    pub web_acl: Option<String>,
    /// The settings of single methods of a REST stage: `*/*` → cached or not, and seconds.
    pub method_caching: BTreeMap<String, (bool, Option<u64>)>,
}

/// A route: `GET /items`, `ANY /{proxy+}`, `$default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// As AWS writes it.
    pub key: String,
    /// The id of its integration.
    pub integration: Option<String>,
    /// Who may call it.
    pub authorization: Authorization,
    /// Does it want an API key?
    pub api_key_required: bool,
}

/// What stands behind a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Its id; for a REST API the key of its route.
    pub id: String,
    /// What kind of thing.
    pub kind: Option<IntegrationKind>,
    /// Where it leads.
    pub uri: Option<String>,
    /// The method that is used there.
    pub method: Option<String>,
    /// Milliseconds.
    pub timeout_ms: Option<u64>,
    /// `1.0` or `2.0`.
    pub payload_format: Option<String>,
    /// `INTERNET` or `VPC_LINK`.
    pub connection: Option<String>,
    /// Does it call under a role of its own (`credentialsArn`, REST: `credentials`), so that the function's resource
    /// policy is not asked?
    pub has_role: bool,
    /// The request parameters that a REST stage cache tells entries apart by; none: not told.
    pub cache_keys: Option<Vec<String>>,
    /// Status → `overwrite:header.cache-control` → value.
    pub response_parameters: BTreeMap<String, BTreeMap<String, String>>,
}

impl Api {
    /// Reads one item of `apis`; none without an id.
    pub(super) fn read(item: &Value) -> Option<Self> {
        let v2 = text(item, "apiId");
        let id = v2.clone().or_else(|| text(item, "id"))?;
        let protocol = match text(item, "protocolType") {
            Some(word) => Protocol::of(&word),
            None if v2.is_some() => Protocol::Http,
            None => Protocol::Rest,
        };
        let endpoint = text(item, "apiEndpoint").and_then(|url| host_of(&url));
        let region = text(item, "region").or_else(|| crate::model::origin_host::classify(endpoint.as_deref()?).region);
        let default_host = endpoint.or_else(|| Some(default_host(&id, region.as_deref()?)));
        let configuration = get(item, "endpointConfiguration");
        let types = configuration.map(|value| texts(value, "types")).unwrap_or_default();
        let resources = get(item, "resources").and_then(Value::as_array);
        let (routes, integrations) = match resources {
            Some(resources) => {
                let (routes, integrations) = of_resources(resources);
                (Gathered::Found(routes), Gathered::Found(integrations))
            }
            None => parts(item, &id, &protocol),
        };
        Some(Api {
            name: text(item, "name"),
            default_host,
            // What AWS says of an API that exists is whole, though not every emulator writes what is off.
            default_endpoint_disabled: truth(item, "disableExecuteApiEndpoint").or_else(|| {
                ["apiEndpoint", "createdDate", "apiKeySource", "rootResourceId"]
                    .iter()
                    .any(|key| has(item, key))
                    .then_some(false)
            }),
            endpoint_types: types.iter().map(|word| EndpointType::of(word)).collect(),
            cors: get(item, "corsConfiguration").filter(|cors| cors.as_object().is_some_and(|o| !o.is_empty())).map(
                |cors| Cors {
                    origins: texts(cors, "allowOrigins"),
                    methods: texts(cors, "allowMethods"),
                    credentials: truth(cors, "allowCredentials").unwrap_or(false),
                },
            ),
            policy: get(item, "policy").and_then(Policy::read),
            binary_media_types: texts(item, "binaryMediaTypes"),
            stages: part(
                item,
                "stages",
                || sentence(&format!("the stages of {id}"), &command(&id, &protocol, "get-stages")),
                |value| Some(value.as_array()?.iter().filter_map(Stage::read).collect()),
            ),
            routes,
            integrations,
            id,
            protocol,
            region,
        })
    }

    /// The stage with this name.
    ///
    /// # Errors
    /// The stages were not read.
    pub fn stage(&self, name: &str) -> Result<Option<&Stage>, crate::verdict::NotRun> {
        match &self.stages {
            Gathered::Found(stages) => Ok(stages.iter().find(|stage| stage.name == name)),
            Gathered::Missing(why) => Err(why.clone()),
        }
    }

    /// The integration of a route.
    ///
    /// # Errors
    /// The integrations were not read.
    pub fn integration(&self, route: &Route) -> Result<Option<&Integration>, crate::verdict::NotRun> {
        match &self.integrations {
            Gathered::Found(all) => Ok(all.iter().find(|one| Some(&one.id) == route.integration.as_ref())),
            Gathered::Missing(why) => Err(why.clone()),
        }
    }
}

fn command(id: &str, protocol: &Protocol, what: &str) -> String {
    match protocol {
        Protocol::Rest => format!("aws apigateway {what} --rest-api-id {}", shell_quote(id)),
        _ => format!("aws apigatewayv2 {what} --api-id {}", shell_quote(id)),
    }
}

fn parts(item: &Value, id: &str, protocol: &Protocol) -> (Gathered<Vec<Route>>, Gathered<Vec<Integration>>) {
    let resources = get(item, "not_read").and_then(|reasons| get(reasons, "resources"));
    if let Some(why) = resources {
        let why = super::read::reason(why);
        return (Gathered::Missing(why.clone()), Gathered::Missing(why));
    }
    let absent = |what: &str, of_v2: &str| {
        let what_to_run = if *protocol == Protocol::Rest { "get-resources --embed methods" } else { of_v2 };
        sentence(&format!("the {what} of {id}"), &command(id, protocol, what_to_run))
    };
    let routes = part(
        item,
        "routes",
        || absent("routes", "get-routes"),
        |value| Some(value.as_array()?.iter().filter_map(Route::read).collect()),
    );
    let integrations = part(
        item,
        "integrations",
        || absent("integrations", "get-integrations"),
        |value| Some(value.as_array()?.iter().filter_map(|item| Integration::read(item, None)).collect()),
    );
    (routes, integrations)
}

/// GetResources with `embed=methods`: a method of a resource is a route with its own integration.
fn of_resources(resources: &[Value]) -> (Vec<Route>, Vec<Integration>) {
    let (mut routes, mut integrations) = (Vec::new(), Vec::new());
    for resource in resources {
        let Some(path) = text(resource, "path") else { continue };
        let methods = get(resource, "resourceMethods").and_then(Value::as_object);
        for (method, settings) in methods.into_iter().flatten() {
            let key = format!("{method} {path}");
            let integration = get(settings, "methodIntegration").and_then(|value| Integration::read(value, Some(&key)));
            routes.push(Route {
                integration: integration.as_ref().map(|integration| integration.id.clone()),
                authorization: authorization(settings),
                api_key_required: truth(settings, "apiKeyRequired").unwrap_or(false),
                key,
            });
            integrations.extend(integration);
        }
    }
    (routes, integrations)
}

fn authorization(item: &Value) -> Authorization {
    text(item, "authorizationType").map_or(Authorization::None, |word| Authorization::of(&word))
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().filter(|host| !host.is_empty()).map(str::to_ascii_lowercase)
}

/// `{id}.execute-api.{region}.{suffix}` (`facts/aws.md` sections 1.1 and 2).
pub(super) fn default_host(id: &str, region: &str) -> String {
    let suffix = match crate::model::origin_host::region(region).map(|region| region.partition) {
        Some("aws-cn") => "amazonaws.com.cn",
        Some("aws-eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("{id}.execute-api.{region}.{suffix}")
}

impl Stage {
    fn read(item: &Value) -> Option<Self> {
        let defaults = get(item, "defaultRouteSettings").unwrap_or(&Value::Null);
        let methods = get(item, "methodSettings").and_then(Value::as_object);
        let caching = |(key, settings): (&String, &Value)| {
            let enabled = truth(settings, "cachingEnabled").unwrap_or(false);
            (key.clone(), (enabled, number(settings, "cacheTtlInSeconds")))
        };
        Some(Stage {
            name: text(item, "stageName")?,
            auto_deploy: truth(item, "autoDeploy"),
            deployment: text(item, "deploymentId"),
            deployment_message: text(item, "lastDeploymentStatusMessage"),
            rate_limit: get(defaults, "throttlingRateLimit").and_then(Value::as_f64),
            burst_limit: number(defaults, "throttlingBurstLimit"),
            cache_enabled: truth(item, "cacheClusterEnabled").unwrap_or(false),
            web_acl: text(item, "webAclArn"),
            method_caching: methods.into_iter().flatten().map(caching).collect(),
        })
    }
}

impl Route {
    fn read(item: &Value) -> Option<Self> {
        let target = text(item, "target");
        Some(Route {
            key: text(item, "routeKey")?,
            integration: target.map(|target| target.trim_start_matches("integrations/").to_owned()),
            authorization: authorization(item),
            api_key_required: truth(item, "apiKeyRequired").unwrap_or(false),
        })
    }
}

impl Integration {
    fn read(item: &Value, id: Option<&str>) -> Option<Self> {
        let kind = text(item, "integrationType").or_else(|| text(item, "type"));
        let parameters = get(item, "responseParameters").and_then(Value::as_object);
        let texts_of = |(status, values): (&String, &Value)| {
            let values = values.as_object().into_iter().flatten();
            let texts = values.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
            (status.clone(), texts.collect())
        };
        Some(Integration {
            id: id.map(ToOwned::to_owned).or_else(|| text(item, "integrationId"))?,
            kind: kind.map(|word| IntegrationKind::of(&word)),
            uri: text(item, "integrationUri").or_else(|| text(item, "uri")),
            method: text(item, "integrationMethod").or_else(|| text(item, "httpMethod")),
            timeout_ms: number(item, "timeoutInMillis"),
            payload_format: text(item, "payloadFormatVersion"),
            connection: text(item, "connectionType"),
            has_role: text(item, "credentialsArn").or_else(|| text(item, "credentials")).is_some(),
            cache_keys: has(item, "cacheKeyParameters").then(|| texts(item, "cacheKeyParameters")),
            response_parameters: parameters.into_iter().flatten().map(texts_of).collect(),
        })
    }

    /// The function behind it: the ARN itself, or the one inside of
    /// `arn:…:apigateway:…:lambda:path/…/functions/{function}/invocations`. None where a stage variable fills it in.
    pub fn function(&self) -> Option<Arn> {
        let uri = self.uri.as_deref().filter(|uri| !uri.contains("${"))?;
        let inner = uri.split_once("/functions/").map_or(uri, |(_, rest)| rest);
        let arn = Arn::of(inner.split('/').next()?)?;
        arn.function().is_some().then_some(arn)
    }
}
