//! The function's policy does not let this API invoke it (`facts/aws.md` section 4.2, gotcha G30).

use super::route;
use super::typed::{hcl, in_region, shell_word, yaml};
use crate::check::{Check, Probe, Severity};
use crate::evidence::gateway::{Arn, Function, Integration, Policy, Route, Statement};
use crate::evidence::text::{shell_quote, shorten};
use crate::evidence::{Evidence, Gateway};
use crate::model::lambda_policy::{Call, Caller, Permission, Source, starred};
use crate::model::reach::Way;
use crate::model::{api_route, lambda_policy};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

/// Statements that are listed as proof.
const SHOWN: usize = 4;

pub(crate) const CHECK: Check = Check {
    id: "aws-invoke-permission-missing",
    title: "The function lets this API invoke it",
    severity: Severity::Critical,
    needs: &[Probe::EdgeHttp, Probe::Gateway],
    why: "API Gateway calls a function only if a statement of the function's own policy allows it for this API, stage and \
          route (or if the integration has a role for it). Without one it answers 500 at once, and the function logs \
          nothing: it was never called. The console adds the statement; a template, a renamed route or a new API does not.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html",
        "https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html",
    ],
    judge,
};

/// The call as far as the account tells it.
struct Called<'a> {
    way: Way<'a>,
    route: &'a Route,
    integration: &'a Integration,
    arn: Arn,
}

fn called(evidence: &Evidence) -> Result<Called<'_>, NotRun> {
    let way = route::way(evidence)?;
    let (route, integration) = way.integration()?;
    let arn = match (integration.function(), &integration.uri) {
        (Some(arn), _) => arn,
        (None, Some(uri)) if uri.contains("${") => {
            return Err(NotRun::inconclusive(format!(
                "the function behind {} is named by a stage variable",
                route.key
            )));
        }
        _ => return Err(NotRun::not_applicable(format!("behind {} of {} stands no function", route.key, way.api.id))),
    };
    Ok(Called { way, route, integration, arn })
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let gateway = evidence.gateway.get()?;
    let called = called(evidence)?;
    let Called { way, route, integration, arn } = &called;
    if integration.has_role {
        return Ok(Verdict::pass(format!("the integration of {} calls it under a role of its own", route.key)));
    }
    let function = gateway.function(arn)?;
    let policy = function.policy.get()?;
    let target = &evidence.target;
    let source = Source::new(way.api, way.stage(), route, &target.method, &way.path, Some(arn));
    let call = Call { action: "lambda:InvokeFunction", caller: Caller::Gateway(source), function: Some(arn) };
    let name = label(function);
    let seen = match lambda_policy::judge(policy, &call) {
        Permission::Allowed => {
            return Ok(Verdict::pass(format!("{} of {} may invoke {name}", route.key, way.describe())));
        }
        Permission::Unknown(why) => {
            return Err(NotRun::inconclusive(format!(
                "whether {} may invoke {name} depends on {why}",
                route::name(way.api)
            )));
        }
        Permission::NotAllowed => {
            format!("no statement of {name} lets {} invoke it for {}", way.describe(), route.key)
        }
        Permission::Denied(sid) => format!(
            "a statement{} of {name} forbids {} to invoke it",
            sid.map(|sid| format!(" ({sid})")).unwrap_or_default(),
            way.describe()
        ),
    };
    if let Some(line) = route::works(evidence) {
        return Err(route::contradiction(&seen, &line));
    }
    let finding = Finding::seen(seen)
        .proof(format!("{} of {} → {arn}", route.key, way.describe()))
        .proofs(statements(policy))
        .confidence(route::sureness(evidence, way.domain));
    Ok(Verdict::Fail(finding))
}

/// `endpoint`, `endpoint:live`.
fn label(function: &Function) -> String {
    let qualifier = function.qualifier.as_ref().map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
    format!("the function {}{qualifier}", function.name)
}

fn statements(policy: &Policy) -> Vec<String> {
    if policy.statements.is_empty() {
        return vec!["its policy has no statement".into()];
    }
    let mut lines: Vec<String> = policy.statements.iter().take(SHOWN).map(statement).collect();
    if policy.statements.len() > SHOWN {
        lines.push(format!("and {} more statements", policy.statements.len() - SHOWN));
    }
    lines
}

/// `Allow lambda:InvokeFunction to Service:apigateway.amazonaws.com if AWS:SourceArn ArnLike arn:…`.
fn statement(statement: &Statement) -> String {
    let effect = match statement.allows {
        Some(true) => "Allow",
        Some(false) => "Deny",
        None => "(no effect)",
    };
    let conditions: Vec<String> = statement
        .conditions
        .iter()
        .map(|condition| format!("{} {} {}", condition.key, condition.operator, condition.values.join(" or ")))
        .collect();
    let when = if conditions.is_empty() { String::new() } else { format!(" if {}", conditions.join(" and ")) };
    let sid = statement.sid.as_ref().map(|sid| format!("{sid}: ")).unwrap_or_default();
    shorten(
        &format!(
            "statement {sid}{effect} {} to {}{when}",
            statement.actions.join(", "),
            statement.principals.join(", ")
        ),
        300,
    )
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let called = called(evidence).ok();
    let gateway = evidence.gateway.found();
    let function = called.as_ref().map(|called| &called.arn);
    let (name, qualifier) = function.and_then(Arn::function).map_or((None, None), |(name, q)| (Some(name), q));
    let region = in_region(evidence, function.and_then(Arn::region));
    let source = called.as_ref().and_then(source_arn);
    let source_word = source.as_ref().map_or_else(|| "\"$SOURCE_ARN\"".into(), Arn::for_shell);
    let qualifier_option = qualifier.map(|q| format!(" --qualifier {}", shell_quote(q))).unwrap_or_default();
    let function_word = shell_word(name, "FUNCTION");
    let denied = called.as_ref().and_then(|called| denied(evidence, gateway?, called));
    let what = called.as_ref().map_or_else(|| "the API".into(), |called| route::name(called.way.api));
    let fix = Fix::new(format!("Let {what} invoke {}.", name.map_or_else(|| "the function".into(), ToOwned::to_owned)));
    let fix = match denied {
        Some(sid) => fix.shell(
            "Take the statement away that forbids it",
            format!("aws lambda remove-permission --function-name {function_word}{qualifier_option} --statement-id {}{region}", shell_quote(&sid)),
        ),
        None => fix,
    };
    fix.shell(
        "The permission, for this route in every stage",
        format!(
            "aws lambda add-permission --function-name {function_word}{qualifier_option} --statement-id {} --action \
             lambda:InvokeFunction --principal apigateway.amazonaws.com --source-arn {source_word}{region}",
            statement_id(called.as_ref())
        ),
    )
    .terraform(
        "AWS provider",
        format!(
            "resource \"aws_lambda_permission\" \"api\" {{\n  function_name = {}\n  action        = \
             \"lambda:InvokeFunction\"\n  principal     = \"apigateway.amazonaws.com\"\n  source_arn    = {}\n{}}}",
            hcl(name, "function_name"),
            execution_arn(called.as_ref()),
            qualifier.map(|q| format!("  qualifier     = {}\n", hcl(Some(q), "qualifier"))).unwrap_or_default()
        ),
    )
    .code(
        "SAM / CloudFormation (an event of the function makes it by itself)",
        format!(
            "ApiPermission:\n  Type: AWS::Lambda::Permission\n  Properties:\n    FunctionName: {}\n    Action: \
             lambda:InvokeFunction\n    Principal: apigateway.amazonaws.com\n    SourceArn: !Sub {}",
            yaml(function_with(name, qualifier).as_deref(), "FunctionName"),
            yaml(Some(&template_arn(called.as_ref())), "SourceArn")
        ),
    )
}

fn function_with(name: Option<&str>, qualifier: Option<&str>) -> Option<String> {
    Some(match qualifier {
        Some(qualifier) => format!("{}:{qualifier}", name?),
        None => name?.to_owned(),
    })
}

/// The name of the statement that forbids it.
fn denied(evidence: &Evidence, gateway: &Gateway, called: &Called<'_>) -> Option<String> {
    let Called { way, route, arn, .. } = called;
    let policy = gateway.function(arn).ok()?.policy.found()?;
    let source = Source::new(way.api, way.stage(), route, &evidence.target.method, &way.path, Some(arn));
    let call = Call { action: "lambda:InvokeFunction", caller: Caller::Gateway(source), function: Some(arn) };
    match lambda_policy::judge(policy, &call) {
        Permission::Denied(sid) => sid,
        _ => None,
    }
}

/// `f1e2d3c4b5/*/GET/items/*`: the route in every stage.
fn pattern(called: &Called<'_>) -> String {
    format!("{}/*/{}", called.way.api.id, tail(called.route))
}

fn tail(route: &Route) -> String {
    match api_route::split(&route.key) {
        Some((method, path)) => {
            let method = if method == "ANY" { "*" } else { method };
            format!("{method}/{}", starred(path).trim_start_matches('/'))
        }
        None => route.key.clone(),
    }
}

fn source_arn(called: &Called<'_>) -> Option<Arn> {
    let region = called.way.api.region.as_deref().or_else(|| called.arn.region())?;
    let partition = called.arn.partition()?;
    let account = called.arn.account().unwrap_or("ACCOUNT");
    Arn::of(&format!("arn:{partition}:execute-api:{region}:{account}:{}", pattern(called)))
}

/// A name that is made of the API's id, which has letters and digits only; else it is left out.
fn statement_id(called: Option<&Called<'_>>) -> String {
    let id = called.map(|called| called.way.api.id.as_str()).unwrap_or_default();
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric()) { format!("api-{id}") } else { "api".into() }
}

/// As `!Sub` of a template fills it in.
fn template_arn(called: Option<&Called<'_>>) -> String {
    let pattern = called.map_or_else(|| "${ApiId}/*".into(), pattern);
    format!("arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:{pattern}")
}

/// The API's own attribute, and the route.
fn execution_arn(called: Option<&Called<'_>>) -> String {
    let resource = match called.map(|called| &called.way.api.protocol) {
        Some(crate::evidence::gateway::Protocol::Rest) => "aws_api_gateway_rest_api.api",
        _ => "aws_apigatewayv2_api.api",
    };
    let tail = called.map_or_else(|| "*".into(), |called| tail(called.route));
    let tail = hcl(Some(&tail), "route");
    format!("\"${{{resource}.execution_arn}}/*/{}\"", tail.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    const FUNCTION: &str = "arn:aws:lambda:us-west-2:123456789012:function:f";

    fn with(statements: Value, integration: Value) -> Evidence {
        let mut own = json!({"integrationId": "i", "integrationType": "AWS_PROXY", "integrationUri": FUNCTION});
        integration.as_object().unwrap().iter().for_each(|(key, value)| own[key] = value.clone());
        site(json!({
            "domains": [{"domainName": HOST, "region": "us-west-2", "regionalDomainName": TARGET,
                "api_mappings": [{"apiId": "f1e2d3c4b5", "apiMappingKey": "", "stage": "prod"}]}],
            "apis": [{"apiId": "f1e2d3c4b5", "protocolType": "HTTP", "region": "us-west-2",
                "routes": [{"routeKey": "GET /{name}", "target": "integrations/i"}], "integrations": [own]}],
            "functions": [{"FunctionArn": FUNCTION, "policy": {"Statement": statements}}],
        }))
    }

    fn allow(source: &str) -> Value {
        json!([{"Sid": "api", "Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "lambda:InvokeFunction", "Resource": FUNCTION, "Condition": {"ArnLike": {"AWS:SourceArn": source}}}])
    }

    fn source(tail: &str) -> String {
        format!("arn:aws:execute-api:us-west-2:123456789012:f1e2d3c4b5/{tail}")
    }

    #[test]
    fn allowed_for_this_api_stage_and_route() {
        for tail in ["*", "prod/GET/*", "*/*/{name}"] {
            assert_eq!(word_of(allow(&source(tail))), "pass", "{tail}");
        }
        for tail in ["dev/*/*", "*/POST/*", "*/GET/orders/*"] {
            assert_eq!(word_of(allow(&source(tail))), "fail/high", "{tail}");
        }
        assert_eq!(word_of(json!([])), "fail/high");
        assert_eq!(word_of(allow("arn:aws:execute-api:us-west-2:123456789012:other12345/*")), "fail/high");
    }

    fn word_of(statements: Value) -> String {
        word(&CHECK, &with(statements, json!({})))
    }

    #[test]
    fn a_role_asks_no_policy() {
        assert_eq!(
            word(&CHECK, &with(json!([]), json!({"credentialsArn": "arn:aws:iam::123456789012:role/r"}))),
            "pass"
        );
    }

    #[test]
    fn what_cannot_be_judged_never_fails() {
        let mut odd = allow(&source("*"));
        odd[0]["Condition"]["IpAddress"] = json!({"aws:SourceIp": "192.0.2.0/24"});
        assert_eq!(word_of(odd), "inconclusive");
        let stage = json!({"integrationUri": "arn:aws:apigateway:us-west-2:lambda:path/2015-03-31/functions/arn:aws:lambda:us-west-2:123456789012:function:${stageVariables.f}/invocations"});
        assert_eq!(word(&CHECK, &with(json!([]), stage)), "inconclusive");
        let http = json!({"integrationType": "HTTP_PROXY", "integrationUri": "https://shop.example.net"});
        assert_eq!(word(&CHECK, &with(json!([]), http)), "not-applicable");
        let working = edge(with(json!([]), json!({})), 200, "{}");
        assert_eq!(word(&CHECK, &working), "inconclusive");
        assert_eq!(word(&CHECK, &site(json!({"domains": [{"domainName": HOST}]}))), "inconclusive");
        let mut unread = with(json!([]), json!({}));
        let mut document = unread.gateway.found().unwrap().document().clone();
        document["functions"][0]["policy"] = json!(null);
        unread = site(document);
        let why = CHECK.run(&unread).unwrap_err().text();
        assert!(why.contains("aws lambda get-policy --function-name 'f'"), "{why}");
    }

    #[test]
    fn the_fix_names_function_route_and_account() {
        let text = fix_text(&CHECK, &with(json!([]), json!({})));
        let arn = "'arn:aws:execute-api:us-west-2:'\"$(aws sts get-caller-identity --query Account --output text)\"':f1e2d3c4b5/*/GET/*'";
        for part in [
            arn,
            "--function-name 'f'",
            "--statement-id api-f1e2d3c4b5",
            "--region us-west-2",
            "f1e2d3c4b5/*/GET/*\"",
            "execution_arn}/*/GET/*",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let mut denied = allow(&source("*"));
        denied
            .as_array_mut()
            .unwrap()
            .push(json!({"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "lambda:*", "Resource": FUNCTION}));
        let site = with(denied, json!({}));
        assert_eq!(word(&CHECK, &site), "fail/high");
        assert!(fix_text(&CHECK, &site).contains("remove-permission --function-name 'f' --statement-id 'no'"));
    }

    #[test]
    fn a_statement_in_one_line() {
        let site = with(allow(&source("dev/*")), json!({}));
        let finding = CHECK.run(&site).unwrap().finding().unwrap().clone();
        assert!(finding.proof.iter().any(|line| line.starts_with("statement api: Allow lambda:InvokeFunction to Service:apigateway.amazonaws.com if AWS:SourceArn ArnLike")), "{finding:?}");
    }
}
