//! The custom domain leads the path to no API (`facts/aws.md` section 3.5, gotchas G3 and G5).

use super::route;
use super::typed::{hcl, in_region, shell_word, yaml};
use crate::check::{Check, Probe, Severity};
use crate::evidence::gateway::{Api, Domain, Mapping, RoutingMode, RoutingRule, RuleCondition};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Gathered};
use crate::model::mapping::{self, Caught};
use crate::model::{api_route, reach};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

/// Mappings and rules that are listed as proof.
const SHOWN: usize = 8;

pub(crate) const CHECK: Check = Check {
    id: "aws-mapping-missing",
    title: "A mapping or routing rule leads the path to an API",
    severity: Severity::High,
    needs: &[Probe::EdgeHttp, Probe::Gateway],
    why: "A custom domain serves nothing by itself: a mapping, or a routing rule, leads from the path to an API and its \
          stage. Without one that takes the path the domain answers 403 Forbidden, which looks like a firewall. In the \
          routing mode ROUTING_RULE_ONLY, which the console proposes, mappings are ignored.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-routing-mode.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html",
        "https://repost.aws/knowledge-center/api-gateway-troubleshoot-403-forbidden",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let domain = route::domain(evidence)?;
    let target = &evidence.target;
    let path = target.path_only();
    let caught = mapping::caught(domain, reach::asked(target))?;
    match &caught {
        Caught::Reserved => {
            return Err(NotRun::not_applicable(format!(
                "{path} is reserved: API Gateway answers it itself on every custom domain"
            )));
        }
        Caught::Mapping(_) | Caught::Rule(..) => return Ok(Verdict::pass(describe(&caught, path))),
        Caught::Nothing => {}
    }
    if !target.path_named && leads_somewhere(domain) {
        return Ok(Verdict::pass(format!(
            "nothing of {} takes /, which you did not name; {}",
            domain.name,
            all(domain).join("; ")
        )));
    }
    let seen = sentence(domain, path);
    if let Some(line) = route::works(evidence) {
        return Err(route::contradiction(&seen, &line));
    }
    let finding = Finding::seen(seen)
        .proof(format!("routing mode of {}: {}", domain.name, domain.routing_mode))
        .proofs(all(domain))
        .proofs(nearly(domain, path))
        .confidence(route::sureness(evidence, domain));
    Ok(Verdict::Fail(finding))
}

/// What caught the path.
fn describe(caught: &Caught<'_>, path: &str) -> String {
    match caught {
        Caught::Rule(found, _) => format!("{path} is taken by {}", rule(found)),
        Caught::Mapping(found) => format!("{path} is taken by {}", mapped(found)),
        Caught::Reserved | Caught::Nothing => format!("nothing takes {path}"),
    }
}

fn sentence(domain: &Domain, path: &str) -> String {
    let name = &domain.name;
    if domain.routing_mode == RoutingMode::Rules
        && let Some(ignored) = ignored(domain, path)
    {
        return format!(
            "{name} has the routing mode ROUTING_RULE_ONLY and no rule for {path}: {}, which would take it, is ignored",
            mapped(ignored)
        );
    }
    let what = match (&domain.routing_mode, leads_somewhere(domain)) {
        (RoutingMode::Rules, false) => "no routing rule, and its routing mode ROUTING_RULE_ONLY asks for nothing else",
        (RoutingMode::Rules, true) => "no routing rule for it, and ROUTING_RULE_ONLY asks for nothing else",
        (RoutingMode::RulesThenMappings, _) => "neither a routing rule nor a mapping for it",
        (_, false) => "no mapping at all",
        (_, true) => "no mapping for it, and none with an empty key, which would take everything",
    };
    format!("{name} leads {path} to no API: it has {what}")
}

/// The mapping that would take the path if the mode did not ignore mappings.
fn ignored<'a>(domain: &'a Domain, path: &str) -> Option<&'a Mapping> {
    mapping::mapping(domain.mappings.found()?, path)
}

/// Is there anything at all that the mode asks for?
fn leads_somewhere(domain: &Domain) -> bool {
    let rules = || domain.rules.found().is_some_and(|rules| !rules.is_empty());
    let mappings = || domain.mappings.found().is_some_and(|mappings| !mappings.is_empty());
    match domain.routing_mode {
        RoutingMode::Rules => rules(),
        RoutingMode::RulesThenMappings => rules() || mappings(),
        _ => mappings(),
    }
}

/// Everything that the domain has, and whether its mode asks for it.
fn all(domain: &Domain) -> Vec<String> {
    let asks_rules = matches!(domain.routing_mode, RoutingMode::Rules | RoutingMode::RulesThenMappings);
    let asks_mappings = domain.routing_mode != RoutingMode::Rules;
    let note = |asks: bool| if asks { "" } else { " (ignored in this mode)" };
    let rules = domain.rules.found().into_iter().flatten().map(|one| format!("{}{}", rule(one), note(asks_rules)));
    let mappings =
        domain.mappings.found().into_iter().flatten().map(|one| format!("{}{}", mapped(one), note(asks_mappings)));
    let mut lines: Vec<String> = rules.chain(mappings).collect();
    if lines.len() > SHOWN {
        let more = lines.split_off(SHOWN).len();
        lines.push(format!("and {more} more"));
    }
    lines
}

/// `the mapping "v1" → stage prod of f1e2d3c4b5`.
fn mapped(mapping: &Mapping) -> String {
    let key = if mapping.key.is_empty() {
        "the mapping of every path".into()
    } else {
        format!("the mapping {:?}", mapping.key)
    };
    format!("{key} → {}", place(mapping.stage.as_deref(), mapping.api.as_deref()))
}

fn place(stage: Option<&str>, api: Option<&str>) -> String {
    match (stage, api) {
        (Some(stage), Some(api)) => format!("stage {stage} of {api}"),
        (Some(stage), None) => format!("stage {stage}"),
        (None, Some(api)) => api.to_owned(),
        (None, None) => "an API that is not told".into(),
    }
}

/// `the routing rule of priority 100 (path v1; Host shop.*) → stage prod of f1e2d3c4b5`.
fn rule(rule: &RoutingRule) -> String {
    let condition = |condition: &RuleCondition| match condition {
        RuleCondition::BasePaths(paths) => format!("path {}", paths.join(" or ")),
        RuleCondition::Headers(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| format!("{} {}", line.name, line.glob)).collect();
            lines.join(" or ")
        }
        RuleCondition::Unknown => "a condition that this version does not know".into(),
    };
    let conditions: Vec<String> = rule.conditions.iter().map(condition).collect();
    let when = if conditions.is_empty() { "every request".into() } else { conditions.join("; ") };
    let to = rule
        .target
        .as_ref()
        .map_or("nowhere that we know".into(), |target| place(target.stage.as_deref(), Some(&target.api)));
    format!("the routing rule of priority {} ({when}) → {to}", rule.priority)
}

/// A key that differs in its case only, or the stage typed in front of a path that is taken.
fn nearly(domain: &Domain, path: &str) -> Vec<String> {
    let mappings = domain.mappings.found().map(Vec::as_slice).unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    let by_case = mappings.iter().find(|one| {
        let key = one.key.to_ascii_lowercase();
        let rest = lower.trim_start_matches('/').strip_prefix(&key);
        !key.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let mut lines: Vec<String> =
        by_case.map(|one| format!("case matters: the key is {:?}", one.key)).into_iter().collect();
    if let Some((stage, rest)) = path.trim_start_matches('/').split_once('/')
        && mappings.iter().any(|one| one.stage.as_deref() == Some(stage))
        && let Some(found) = mapping::mapping(mappings, &format!("/{rest}"))
    {
        lines.push(format!(
            "{stage} is a stage, which is no part of a custom domain's URL: /{rest} is taken by {}",
            mapped(found)
        ));
    }
    lines
}

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

fn stage_of(api: &Api) -> Option<&str> {
    match &api.stages {
        Gathered::Found(stages) => match stages.as_slice() {
            [one] => Some(&one.name),
            several => several.iter().find(|stage| stage.name == "$default").map(|stage| stage.name.as_str()),
        },
        Gathered::Missing(_) => None,
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
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
        "Map {name} to {what}; with an empty key the mapping takes every path that no longer key takes."
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn with(more: Value) -> Evidence {
        let mut domain = json!({"domainName": HOST, "region": "us-west-2", "regionalDomainName": TARGET,
            "endpointConfiguration": {"types": ["REGIONAL"]}});
        more.as_object().unwrap().iter().for_each(|(key, value)| domain[key] = value.clone());
        site(
            json!({"domains": [domain], "apis": [{"apiId": "f1e2d3c4b5", "protocolType": "HTTP", "region": "us-west-2",
            "stages": [{"stageName": "$default"}]}]}),
        )
    }

    fn mapped_to(keys: &[&str]) -> Value {
        keys.iter().map(|key| json!({"apiId": "f1e2d3c4b5", "apiMappingKey": key, "stage": "prod"})).collect()
    }

    fn found(site: &Evidence) -> Finding {
        CHECK.run(site).unwrap().finding().unwrap().clone()
    }

    #[test]
    fn a_mapping_that_takes_the_path_is_named() {
        let Ok(Verdict::Pass(Some(line))) = CHECK.run(&with(json!({"api_mappings": mapped_to(&["", "endpoint"])})))
        else {
            panic!("no pass")
        };
        assert_eq!(line, "/endpoint is taken by the mapping \"endpoint\" → stage prod of f1e2d3c4b5");
        let thin = site(
            json!({"domains": [{"DomainName": HOST, "api_mappings": [{"ApiMappingKey": "", "Stage": null, "ApiId": null}]}]}),
        );
        assert_eq!(word(&CHECK, &thin), "pass", "whose it is does not matter");
    }

    #[test]
    fn nothing_takes_it() {
        let none = with(json!({"api_mappings": []}));
        assert_eq!(word(&CHECK, &none), "fail/high");
        assert!(found(&none).seen.contains("no mapping at all"));
        let other = with(json!({"api_mappings": mapped_to(&["v1", "Endpoint"])}));
        let finding = found(&other);
        assert!(finding.seen.contains("none with an empty key"), "{finding:?}");
        assert!(finding.proof.iter().any(|line| line.contains("case matters")), "{finding:?}");
        let text = fix_text(&CHECK, &other);
        assert!(text.contains("create-api-mapping --domain-name 'lambda.example.com' --api-id 'f1e2d3c4b5' --stage '$default' --region us-west-2"), "{text}");
    }

    #[test]
    fn a_stage_in_front_is_no_path() {
        let mut site = with(json!({"api_mappings": mapped_to(&["v1"])}));
        site.target.path = "/prod/v1/orders".into();
        assert!(found(&site).proof.iter().any(|line| line.contains("/v1/orders is taken by")), "{:?}", found(&site));
    }

    #[test]
    fn rules_only_with_mappings_is_named() {
        let site =
            with(json!({"routingMode": "ROUTING_RULE_ONLY", "routing_rules": [], "api_mappings": mapped_to(&[""])}));
        assert_eq!(word(&CHECK, &site), "fail/high");
        assert!(found(&site).seen.contains("is ignored"));
        let text = fix_text(&CHECK, &site);
        assert!(text.contains("--routing-mode API_MAPPING_ONLY"), "{text}");
        let rules = json!([{"priority": 1, "conditions": [{"matchBasePaths": {"anyOf": ["v1"]}}],
            "actions": [{"invokeApi": {"apiId": "r", "stage": "prod"}}]}]);
        let ruled =
            with(json!({"routingMode": "ROUTING_RULE_ONLY", "routing_rules": rules, "api_mappings": mapped_to(&[""])}));
        assert!(fix_text(&CHECK, &ruled).contains("ROUTING_RULE_THEN_API_MAPPING"));
        let bare = with(json!({"routingMode": "ROUTING_RULE_ONLY", "routing_rules": rules, "api_mappings": []}));
        assert!(found(&bare).seen.contains("no routing rule for it"));
        let both =
            with(json!({"routingMode": "ROUTING_RULE_THEN_API_MAPPING", "routing_rules": rules, "api_mappings": []}));
        assert!(found(&both).seen.contains("neither a routing rule nor a mapping"));
    }

    #[test]
    fn a_path_that_nobody_named_is_judged_only_where_nothing_leads_anywhere() {
        let mut site = with(json!({"api_mappings": mapped_to(&["v1"])}));
        (site.target.path, site.target.path_named) = ("/".into(), false);
        assert_eq!(word(&CHECK, &site), "pass");
        let mut bare = with(json!({"api_mappings": []}));
        (bare.target.path, bare.target.path_named) = ("/".into(), false);
        assert_eq!(word(&CHECK, &bare), "fail/high");
        bare.target.path = "/ping".into();
        assert_eq!(word(&CHECK, &bare), "not-applicable");
    }

    #[test]
    fn what_is_not_known_or_contradicted_is_no_failure() {
        assert_eq!(word(&CHECK, &with(json!({}))), "inconclusive", "mappings were not read");
        let none = with(json!({"api_mappings": []}));
        assert_eq!(word(&CHECK, &edge(none.clone(), 200, "{}")), "inconclusive");
        assert_eq!(word(&CHECK, &gateway_says(none.clone(), 403, "Forbidden")), "fail/high");
        let mut elsewhere = none.clone();
        elsewhere.target.origin = Some("my-lb-1234567890.us-west-2.elb.amazonaws.com".parse().unwrap());
        assert_eq!(word(&CHECK, &elsewhere), "not-applicable");
        elsewhere.target.origin = Some("api.example.net".parse().unwrap());
        assert_eq!(word(&CHECK, &elsewhere), "fail/medium", "a name that may lead to it");
        assert_eq!(word(&CHECK, &gateway_says(elsewhere, 403, "Forbidden")), "fail/high");
        assert_eq!(word(&CHECK, &site(json!({"domains": []}))), "blocked");
        let mut tomorrow = edge(none, 200, "{}");
        tomorrow.target.origin.as_mut().unwrap().assumed = true;
        assert_eq!(word(&CHECK, &tomorrow), "fail/high", "today's edge tells nothing of tomorrow's origin");
    }

    #[test]
    fn an_edge_optimised_domain_is_mapped_by_v1() {
        let site = with(json!({"endpointConfiguration": {"types": ["EDGE"]}, "api_mappings": []}));
        assert!(fix_text(&CHECK, &site).contains("create-base-path-mapping"));
    }
}
