//! The ways to lead a path of a custom domain to an API.

use super::mapping_missing::{ignored, mapped};
use super::route;
use super::typed::{hcl, in_region, shell_word, stage_of, yaml};
use crate::evidence::Evidence;
use crate::evidence::gateway::{Api, Domain, Mapping, RoutingMode};
use crate::evidence::text::shell_quote;
use crate::model::{api_route, reach};
use crate::verdict::Fix;

/// The API that has a route for the request, if it is the only one of the domain's region.
fn candidate<'a>(evidence: &'a Evidence, domain: &Domain) -> Option<&'a Api> {
    let gateway = evidence.gateway.found()?;
    let near = || {
        let apis = gateway.apis.found().into_iter().flatten();
        apis.filter(|api| api.region.is_none() || domain.region.is_none() || api.region == domain.region)
    };
    let target = &evidence.target;
    let takes = |api: &&Api| {
        api.routes.found().is_some_and(|routes| {
            api_route::caught(api, routes, &target.method, &target.path).is_some_and(|route| route.key != "$default")
        })
    };
    let mut taking = near().filter(takes);
    match (taking.next(), taking.next()) {
        (Some(one), None) => Some(one),
        (None, _) => {
            let mut all = near();
            all.next().filter(|_| all.next().is_none())
        }
        _ => None,
    }
}

/// A mapping for the path, or a routing mode that heeds the one that is there.
pub(super) fn mapping(evidence: &Evidence) -> Fix {
    let target = &evidence.target;
    let domain = reach::domain(evidence).ok();
    let name = domain.map_or(target.host.as_str(), |domain| domain.name.as_str());
    let region = in_region(evidence, domain.and_then(|domain| domain.region.as_deref()));
    if let Some(domain) = domain.filter(|domain| domain.routing_mode == RoutingMode::Rules)
        && let Some(mapping) = ignored(domain, target.path_only())
    {
        return heed_mappings(domain, mapping, &region);
    }
    let api = domain.and_then(|domain| candidate(evidence, domain));
    let stage = api.and_then(stage_of);
    let id = api.map(|api| api.id.as_str());
    let what = api.map_or_else(|| "the API".into(), route::name);
    let (api_word, stage_word) = (shell_word(id, "API_ID"), shell_word(stage, "STAGE"));
    let fix = Fix::new(format!(
        "Map {name} to {what}; a mapping with an empty key takes every path that no other key takes."
    ));
    if let Some(domain) = domain.filter(|domain| domain.routing_mode == RoutingMode::Rules) {
        return fix
            .shell(
                "Mappings count beside the rules from then on (a REST API may be given a routing rule instead)",
                mode(domain, &region),
            )
            .shell("The mapping", mapping_command(name, &api_word, &stage_word, &region))
            .terraform("AWS provider", terraform(name, id, stage))
            .code("CloudFormation", template(name, id, stage));
    }
    let command = if domain.is_some_and(Domain::is_edge) {
        // v2 of the API cannot manage an edge-optimised domain (facts/aws.md section 3.2).
        format!(
            "aws apigateway create-base-path-mapping --domain-name {} --rest-api-id {api_word} --stage {stage_word}{region}",
            shell_quote(name)
        )
    } else {
        mapping_command(name, &api_word, &stage_word, &region)
    };
    fix.shell("The mapping", command)
        .shell(
            "The APIs that there are",
            format!("aws apigatewayv2 get-apis --query 'Items[].[ApiId,Name]'{region}; aws apigateway get-rest-apis --query 'items[].[id,name]'{region}"),
        )
        .terraform("AWS provider", terraform(name, id, stage))
        .code("CloudFormation", template(name, id, stage))
}

fn mapping_command(name: &str, api: &str, stage: &str, region: &str) -> String {
    format!(
        "aws apigatewayv2 create-api-mapping --domain-name {} --api-id {api} --stage {stage}{region}",
        shell_quote(name)
    )
}

/// The mapping is there: the mode has to ask for it.
fn heed_mappings(domain: &Domain, mapping: &Mapping, region: &str) -> Fix {
    Fix::new(format!(
        "Let {} heed its mappings: {} is there, and its routing mode ignores it.",
        domain.name,
        mapped(mapping)
    ))
    .shell("Change the routing mode", mode(domain, region))
    .dashboard(format!("API Gateway → Custom domain names → {} → Routing details → Edit → Routing mode", domain.name))
    .terraform(
        "AWS provider, in the aws_apigatewayv2_domain_name or aws_api_gateway_domain_name",
        format!("routing_mode = \"{}\"", wanted_mode(domain)),
    )
    .code(
        "CloudFormation, property of the AWS::ApiGatewayV2::DomainName",
        format!("RoutingMode: {}", wanted_mode(domain)),
    )
}

/// Rules that are there go on to count (they are refused on a domain with mappings of HTTP APIs, facts/aws.md section 3.5).
fn wanted_mode(domain: &Domain) -> &'static str {
    let has_rules = domain.rules.found().is_none_or(|rules| !rules.is_empty());
    if has_rules { "ROUTING_RULE_THEN_API_MAPPING" } else { "API_MAPPING_ONLY" }
}

fn mode(domain: &Domain, region: &str) -> String {
    format!(
        "aws apigatewayv2 update-domain-name --domain-name {} --routing-mode {}{region}",
        shell_quote(&domain.name),
        wanted_mode(domain)
    )
}

fn terraform(name: &str, api: Option<&str>, stage: Option<&str>) -> String {
    format!(
        "resource \"aws_apigatewayv2_api_mapping\" \"api\" {{\n  domain_name = {}\n  api_id      = {}\n  \
         stage       = {}\n}}",
        hcl(Some(name), "domain_name"),
        hcl(api, "api_id"),
        hcl(stage, "stage")
    )
}

fn template(name: &str, api: Option<&str>, stage: Option<&str>) -> String {
    format!(
        "ApiMapping:\n  Type: AWS::ApiGatewayV2::ApiMapping\n  Properties:\n    DomainName: {}\n    ApiId: {}\n    \
         Stage: {}",
        yaml(Some(name), "DomainName"),
        yaml(api, "ApiId"),
        yaml(stage, "Stage")
    )
}
