//! The custom domain leads the path to no API (`facts/aws.md` section 3.5, gotchas G3 and G5).

use super::mapping_fixes;
use super::route;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::gateway::{Domain, Mapping, RoutingMode, RoutingRule, RuleCondition};
use crate::model::mapping::{self, Caught};
use crate::model::reach;
use crate::verdict::{Finding, NotRun, Verdict};

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
    fix: |evidence, _| mapping_fixes::mapping(evidence),
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
pub(super) fn ignored<'a>(domain: &'a Domain, path: &str) -> Option<&'a Mapping> {
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
pub(super) fn mapped(mapping: &Mapping) -> String {
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
