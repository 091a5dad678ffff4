//! A custom domain name of API Gateway, with its mappings and routing rules (`facts/aws.md` sections 3 and 7.1).

use serde_json::Value;

use super::read::{get, has, host, number, objects, part, text, texts, truth};
use super::words::{AccessMode, DomainStatus, EndpointType, RoutingMode};
use super::{Arn, sentence};
use crate::evidence::Gathered;
use crate::model::origin_host::{OriginClass, classify};

/// A custom domain name, as GetDomainName of both API versions tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// The host name, or a wildcard: lower case, no trailing dot.
    pub name: String,
    /// Where it lives, as far as the answer tells.
    pub region: Option<String>,
    /// How it is reached; two while it moves from one to the other.
    pub endpoint_types: Vec<EndpointType>,
    /// What a record has to point at: `d-….execute-api.…` (regional).
    pub target: Option<String>,
    /// The CloudFront name of an edge-optimised domain.
    pub distribution: Option<String>,
    /// The certificate of the regional or private endpoint.
    pub certificate: Option<Arn>,
    /// The certificate of the edge-optimised endpoint: has to be in us-east-1.
    pub edge_certificate: Option<Arn>,
    /// The certificate that proves the ownership of the name where mutual TLS uses an imported one.
    pub ownership_certificate: Option<Arn>,
    /// Its state.
    pub status: Option<DomainStatus>,
    /// AWS's words about that state.
    pub status_message: Option<String>,
    /// `TLS_1_2`, `SecurityPolicy_…`: only the first API version tells the newer ones.
    pub security_policy: Option<String>,
    /// Does it insist that SNI and Host agree? `None`: not set, which is basic. Only the first API version tells.
    pub access_mode: Gathered<Option<AccessMode>>,
    /// The trust store of mutual TLS, where it is on.
    pub mutual_tls: Option<MutualTls>,
    /// What leads from a path to an API; mappings, unless it says otherwise.
    pub routing_mode: RoutingMode,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: Option<String>,
    /// Its mappings, in the order of AWS.
    pub mappings: Gathered<Vec<Mapping>>,
    /// Its routing rules, by priority.
    pub rules: Gathered<Vec<RoutingRule>>,
}

/// Mutual TLS of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutualTls {
    /// `s3://bucket/key` of the accepted authorities.
    pub truststore: Option<String>,
    /// Its version in the bucket.
    pub version: Option<String>,
    /// What AWS found wrong with it.
    pub warnings: Vec<String>,
}

/// A path's way to an API: API mapping (v2) or base path mapping (v1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First part of the path, without slashes around it; empty catches all (`(none)` in v1).
    pub key: String,
    /// The API; none where a hand-written account leaves it out.
    pub api: Option<String>,
    /// The stage, if it is set.
    pub stage: Option<String>,
}

/// A routing rule (REST targets only).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingRule {
    /// Its id.
    pub id: Option<String>,
    /// 1 to 1 000 000; the lowest is asked first.
    pub priority: u64,
    /// All have to hold.
    pub conditions: Vec<RuleCondition>,
    /// Where it leads.
    pub target: Option<RuleTarget>,
}

/// A condition of a routing rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleCondition {
    /// The path begins with one of these (case matters).
    BasePaths(Vec<String>),
    /// One of these header lines fits.
    Headers(Vec<HeaderMatch>),
    /// A kind of condition that this version does not know.
    Unknown,
}

/// A header line that a routing rule wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderMatch {
    /// The header's name.
    pub name: String,
    /// The wanted value; `*` stands for anything.
    pub glob: String,
}

/// Where a routing rule leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTarget {
    /// The API.
    pub api: String,
    /// The stage.
    pub stage: Option<String>,
    /// Is the base path taken off before the API sees the path?
    pub strips_base_path: bool,
}

impl Domain {
    /// Reads one item of `domains`; none without a name.
    pub(super) fn read(item: &Value) -> Option<Self> {
        let name = host(item, "domainName")?;
        let arn = |value: &Value, key: &str| Arn::of(&text(value, key)?);
        let configurations = objects(item, "domainNameConfigurations").unwrap_or_default();
        let kind = |value: &Value| text(value, "endpointType").map(|word| EndpointType::of(&word));
        let of_kind =
            |edge: bool| configurations.iter().copied().find(|value| (kind(value) == Some(EndpointType::Edge)) == edge);
        let (at_home, at_edge) = (of_kind(false), of_kind(true));
        let first = configurations.first().copied();
        let v1 = get(item, "endpointConfiguration");
        let mut endpoint_types: Vec<EndpointType> =
            v1.map(|v1| texts(v1, "types")).unwrap_or_default().iter().map(|word| EndpointType::of(word)).collect();
        if endpoint_types.is_empty() {
            endpoint_types = configurations.iter().filter_map(|value| kind(value)).collect();
        }
        let is_edge = endpoint_types == [EndpointType::Edge];
        let is_regional = endpoint_types.contains(&EndpointType::Regional);
        let target = host(item, "regionalDomainName").filter(|_| !is_edge);
        let target = target.or_else(|| host(at_home?, "apiGatewayDomainName"));
        let distribution =
            host(item, "distributionDomainName").filter(|_| endpoint_types.contains(&EndpointType::Edge));
        // v1 keeps the certificate of an edge-optimised and of a private domain under the same key.
        let plain = arn(item, "certificateArn");
        let was_read_by_v1 = v1.is_some() || has(item, "regionalDomainName") || has(item, "distributionDomainName");
        Some(Domain {
            region: region(item, target.as_deref()),
            distribution: distribution.or_else(|| host(at_edge?, "apiGatewayDomainName")),
            certificate: arn(item, "regionalCertificateArn")
                .or_else(|| arn(at_home?, "certificateArn"))
                .or_else(|| plain.clone().filter(|_| endpoint_types == [EndpointType::Private])),
            edge_certificate: plain
                .filter(|_| endpoint_types.contains(&EndpointType::Edge) || (!is_regional && endpoint_types.is_empty()))
                .or_else(|| arn(at_edge?, "certificateArn")),
            ownership_certificate: arn(item, "ownershipVerificationCertificateArn")
                .or_else(|| arn(first?, "ownershipVerificationCertificateArn")),
            status: text(item, "domainNameStatus")
                .or_else(|| text(first?, "domainNameStatus"))
                .map(|word| DomainStatus::of(&word)),
            status_message: text(item, "domainNameStatusMessage").or_else(|| text(first?, "domainNameStatusMessage")),
            security_policy: text(item, "securityPolicy").or_else(|| text(first?, "securityPolicy")),
            access_mode: match text(item, "endpointAccessMode") {
                Some(word) => Gathered::Found(Some(AccessMode::of(&word))),
                None if was_read_by_v1 => Gathered::Found(None),
                None => part(
                    item,
                    "endpointAccessMode",
                    || {
                        sentence(
                            &format!("the endpoint access mode of {name}"),
                            &command(&name, "apigateway", "get-domain-name"),
                        )
                    },
                    |_| None,
                ),
            },
            mutual_tls: get(item, "mutualTlsAuthentication").and_then(MutualTls::read),
            routing_mode: text(item, "routingMode").map_or(RoutingMode::Mappings, |word| RoutingMode::of(&word)),
            ip_address_type: v1.and_then(|v1| text(v1, "ipAddressType")).or_else(|| text(first?, "ipAddressType")),
            mappings: mappings(item, &name),
            rules: part(
                item,
                "routing_rules",
                || {
                    sentence(
                        &format!("the routing rules of {name}"),
                        &command(&name, "apigatewayv2", "list-routing-rules"),
                    )
                },
                |value| {
                    let mut rules: Vec<RoutingRule> = value.as_array()?.iter().filter_map(RoutingRule::read).collect();
                    rules.sort_by_key(|rule| rule.priority);
                    Some(rules)
                },
            ),
            name,
            endpoint_types,
            target,
        })
    }

    /// Is it a wildcard?
    pub fn is_wildcard(&self) -> bool {
        self.name.starts_with("*.")
    }

    /// Does it serve `host`: the name itself, or one label in place of the wildcard's `*`?
    pub fn covers(&self, host: &str) -> bool {
        match self.name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            None => self.name == host,
        }
    }

    /// Is it edge-optimised, and nothing else?
    pub fn is_edge(&self) -> bool {
        self.endpoint_types == [EndpointType::Edge]
    }

    /// Is it regional?
    pub fn is_regional(&self) -> bool {
        self.endpoint_types.contains(&EndpointType::Regional)
    }

    /// Does its policy belong to the enhanced ones, which exclude mutual TLS and HTTP APIs (`facts/aws.md` section 3.3)?
    pub fn has_enhanced_policy(&self) -> bool {
        self.security_policy.as_deref().is_some_and(|policy| policy.starts_with("SecurityPolicy_"))
    }

    /// The names that a record may point at: the regional target, the distribution.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.target.as_deref().into_iter().chain(self.distribution.as_deref())
    }
}

/// The region: said, in the ARN, or in the target's name. Never the certificate's, which may be the wrong one.
fn region(item: &Value, target: Option<&str>) -> Option<String> {
    let of_arn = || Arn::of(&text(item, "domainNameArn")?)?.region().map(ToOwned::to_owned);
    let of_target = || {
        let class = classify(target?);
        class.region.filter(|_| class.class == OriginClass::GatewayCustomTarget)
    };
    text(item, "region").or_else(of_arn).or_else(of_target)
}

fn command(name: &str, service: &str, what: &str) -> String {
    format!("aws {service} {what} --domain-name {}", crate::evidence::text::shell_quote(name))
}

/// Mappings of both versions; what both tell is one.
fn mappings(item: &Value, name: &str) -> Gathered<Vec<Mapping>> {
    part(
        item,
        "api_mappings",
        || sentence(&format!("the mappings of {name}"), &command(name, "apigatewayv2", "get-api-mappings")),
        |value| {
            let mut mappings: Vec<Mapping> = Vec::new();
            for mapping in value.as_array()?.iter().filter_map(Mapping::read) {
                if !mappings.iter().any(|known| known.key == mapping.key) {
                    mappings.push(mapping);
                }
            }
            Some(mappings)
        },
    )
}

impl Mapping {
    fn read(item: &Value) -> Option<Self> {
        let key = text(item, "apiMappingKey").or_else(|| text(item, "basePath"));
        let api = text(item, "apiId").or_else(|| text(item, "restApiId"));
        let stage = text(item, "stage");
        let has_key = has(item, "apiMappingKey") || has(item, "basePath");
        if !has_key && api.is_none() && stage.is_none() {
            return None;
        }
        let key = key.unwrap_or_default();
        let key = if key == "(none)" { String::new() } else { key.trim_matches('/').to_owned() };
        Some(Mapping { key, api, stage })
    }
}

impl MutualTls {
    /// `{}` is none.
    fn read(value: &Value) -> Option<Self> {
        let truststore = text(value, "truststoreUri");
        let warnings = texts(value, "truststoreWarnings");
        let version = text(value, "truststoreVersion");
        (truststore.is_some() || version.is_some()).then_some(MutualTls { truststore, version, warnings })
    }
}

impl RoutingRule {
    fn read(item: &Value) -> Option<Self> {
        let conditions = objects(item, "conditions").unwrap_or_default().into_iter().map(RuleCondition::read).collect();
        let actions = objects(item, "actions").unwrap_or_default();
        let invoke = actions.first().and_then(|action| get(action, "invokeApi"));
        let target = invoke.and_then(|invoke| {
            Some(RuleTarget {
                api: text(invoke, "apiId")?,
                stage: text(invoke, "stage"),
                strips_base_path: truth(invoke, "stripBasePath").unwrap_or(false),
            })
        });
        Some(RoutingRule { id: text(item, "routingRuleId"), priority: number(item, "priority")?, conditions, target })
    }
}

impl RuleCondition {
    fn read(value: &Value) -> Self {
        if let Some(paths) = get(value, "matchBasePaths") {
            return RuleCondition::BasePaths(texts(paths, "anyOf"));
        }
        let Some(headers) = get(value, "matchHeaders").and_then(|headers| objects(headers, "anyOf")) else {
            return RuleCondition::Unknown;
        };
        let line = |line: &Value| Some(HeaderMatch { name: text(line, "header")?, glob: text(line, "valueGlob")? });
        RuleCondition::Headers(headers.into_iter().filter_map(line).collect())
    }
}
