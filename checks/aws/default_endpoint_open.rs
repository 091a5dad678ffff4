//! The API also answers at its own `execute-api` name, past Cloudflare (`facts/aws.md` section 6, gotchas G16 and G45).

use super::route;
use super::typed::{api_words, deploy, hcl, in_region};
use crate::check::{Check, Probe, Severity};
use crate::evidence::gateway::{Api, EndpointType, Policy, Protocol};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Response};
use crate::model::origin_host::{OriginClass, classify};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-default-endpoint-open",
    title: "The API's default endpoint is closed",
    severity: Severity::Low,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp, Probe::Gateway],
    why: "Beside the custom domain an API answers at https://{api-id}.execute-api.{region}.amazonaws.com, to everyone who \
          learns that name: no firewall, no rate limit and no cache of Cloudflare's stand before it, and mutual TLS of the \
          custom domain does not guard it.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-disable-default-endpoint.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let (api, _) = api(evidence)?;
    let name = route::name(api);
    let own = api.default_host.as_deref();
    if api.endpoint_types == [EndpointType::Private] {
        return Ok(Verdict::pass(format!("{name} is private: its own name is reached from VPC endpoints only")));
    }
    match api.default_endpoint_disabled {
        None => Err(NotRun::inconclusive(format!(
            "the AWS evidence does not tell whether the default endpoint of {} is open (`{}` tells it)",
            api.id,
            question(evidence, api)
        ))),
        Some(true) => Ok(match answered(evidence, own) {
            Some((line, status)) => {
                let next = if is_record(evidence, own) {
                    "the next deployment closes the way that the record takes"
                } else {
                    "the change was not deployed"
                };
                let seen =
                    format!("the default endpoint of {name} is switched off, and still answers {status}: {next}");
                Verdict::Warn(Finding::seen(seen).proof(line))
            }
            None => Verdict::pass(format!("{name} answers at its custom domain only")),
        }),
        Some(false) if is_the_way(evidence, own) => Err(NotRun::not_applicable(format!(
            "the record leads to {}, so the default endpoint is the way in",
            own.unwrap_or("the default endpoint")
        ))),
        Some(false) if api.policy.as_ref().is_some_and(tells_callers_apart) => {
            Ok(Verdict::pass(format!("the resource policy of {name} tells its callers apart, whatever name they ask")))
        }
        Some(false) => {
            let finding = Finding::seen(format!("{name} also answers at its default endpoint, past Cloudflare"));
            Ok(Verdict::Warn(
                finding.proofs(own.map(|host| format!("https://{host}/ is open: disableExecuteApiEndpoint is false"))),
            ))
        }
    }
}

/// The API with its stage: by the custom domain's way, or the one whose own name is asked or pointed at.
fn api(evidence: &Evidence) -> Result<(&Api, Option<&str>), NotRun> {
    let target = &evidence.target;
    let names = [Some(target.host.as_str()), target.origin.as_ref().map(|origin| origin.host.as_str())];
    for name in names.into_iter().flatten() {
        let class = classify(name);
        if let (OriginClass::GatewayDefault, Some(id)) = (class.class, class.id) {
            return Ok((evidence.gateway.get()?.api(&id)?, None));
        }
    }
    let way = route::way(evidence)?;
    Ok((way.api, way.stage()))
}

/// Is this name the target itself, or what its record points at?
fn is_the_way(evidence: &Evidence, own: Option<&str>) -> bool {
    own == Some(evidence.target.host.as_str()) || is_record(evidence, own)
}

/// Does the record point at it?
fn is_record(evidence: &Evidence, own: Option<&str>) -> bool {
    let origin = evidence.target.origin.as_ref().map(|origin| origin.host.as_str());
    origin.is_some() && origin == own
}

/// A statement with a condition on where the caller is: then the name alone opens nothing.
fn tells_callers_apart(policy: &Policy) -> bool {
    let by_place = |key: &str| {
        ["aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip"]
            .iter()
            .any(|name| key.eq_ignore_ascii_case(name))
    };
    policy.statements.iter().any(|statement| statement.conditions.iter().any(|condition| by_place(&condition.key)))
}

/// A good answer that came from the default endpoint.
fn answered(evidence: &Evidence, own: Option<&str>) -> Option<(String, u16)> {
    let good = |answer: &&Response| (200..300).contains(&answer.status);
    if own == Some(evidence.target.host.as_str())
        && let Some(answer) = route::edge(evidence).filter(good)
    {
        return Some((format!("GET {} answered {}", evidence.target.url(), answer.status), answer.status));
    }
    if !is_record(evidence, own) {
        return None;
    }
    let answer = evidence.origin_answer().ok().filter(good)?;
    Some((format!("{}, asked directly, answered {}", own?, answer.status), answer.status))
}

/// The command that tells.
fn question(evidence: &Evidence, api: &Api) -> String {
    let region = in_region(evidence, api.region.as_deref());
    match api.protocol {
        Protocol::Rest => format!("aws apigateway get-rest-api --rest-api-id {}{region}", shell_quote(&api.id)),
        _ => format!("aws apigatewayv2 get-api --api-id {}{region}", shell_quote(&api.id)),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let Ok((api, stage)) = api(evidence) else {
        let region = super::fixes::region(evidence);
        return Fix::new("Switch the API's default endpoint off, once nothing but the custom domain uses it.")
            .shell("HTTP API", format!("aws apigatewayv2 update-api --api-id \"$API_ID\" --disable-execute-api-endpoint --region {region}"))
            .shell("REST API (then deploy it)", format!("aws apigateway update-rest-api --rest-api-id \"$API_ID\" --patch-operations op=replace,path=/disableExecuteApiEndpoint,value=true --region {region}"));
    };
    let is_rest = api.protocol == Protocol::Rest;
    let region = in_region(evidence, api.region.as_deref());
    let id = shell_quote(&api.id);
    if is_record(evidence, api.default_host.as_deref()) {
        // To deploy now would close the only way in.
        let host = &evidence.target.host;
        let fix = super::fixes::custom_domain(evidence, &super::fixes::region(evidence));
        let back = if is_rest {
            format!(
                "aws apigateway update-rest-api --rest-api-id {id} --patch-operations \
                 op=replace,path=/disableExecuteApiEndpoint,value=false{region}"
            )
        } else {
            format!("aws apigatewayv2 update-api --api-id {id} --no-disable-execute-api-endpoint{region}")
        };
        return Fix {
            summary: format!(
                "First give {host} a custom domain and point the record at its target; deploy nothing before that."
            ),
            ..fix
        }
        .shell("Until then, leave the default endpoint on", back);
    }
    if api.default_endpoint_disabled == Some(true) {
        let fix = Fix::new(format!(
            "Deploy {} once more: a default endpoint that is switched off answers until then.",
            route::name(api)
        ));
        return if is_rest {
            fix.shell("Deploy", deploy(evidence, api, stage))
        } else {
            fix.shell(
                "Deploy (a stage that deploys by itself needs nothing)",
                format!(
                    "aws apigatewayv2 create-deployment --api-id {id} --stage-name {}{region}",
                    super::typed::shell_word(stage.or_else(|| super::typed::stage_of(api)), "STAGE")
                ),
            )
        };
    }
    let (template, resource) = api_words(api);
    let fix = Fix::new(format!(
        "Switch the default endpoint of {} off, once nothing but {} uses it (a smoke test, a webhook, an old client).",
        route::name(api),
        evidence.target.host
    ));
    let fix = if is_rest {
        fix.shell(
            "Switch it off",
            format!("aws apigateway update-rest-api --rest-api-id {id} --patch-operations op=replace,path=/disableExecuteApiEndpoint,value=true{region}"),
        )
        .shell("It acts when a stage is deployed", deploy(evidence, api, stage))
    } else {
        fix.shell(
            "Switch it off",
            format!("aws apigatewayv2 update-api --api-id {id} --disable-execute-api-endpoint{region}"),
        )
    };
    fix.terraform(
        "AWS provider",
        format!(
            "resource \"{resource}\" \"api\" {{\n  name                         = {}\n  disable_execute_api_endpoint = true\n}}",
            hcl(api.name.as_deref(), "name")
        ),
    )
    .code(format!("SAM template, properties of the {template}"), "DisableExecuteApiEndpoint: true")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    const OWN: &str = "f1e2d3c4b5.execute-api.us-west-2.amazonaws.com";

    fn with(api: Value) -> Evidence {
        let mut own = json!({"apiId": "f1e2d3c4b5", "protocolType": "HTTP", "region": "us-west-2", "name": "shop"});
        api.as_object().unwrap().iter().for_each(|(key, value)| own[key] = value.clone());
        site(json!({
            "domains": [{"domainName": HOST, "region": "us-west-2", "regionalDomainName": TARGET,
                "api_mappings": [{"apiId": "f1e2d3c4b5", "apiMappingKey": "", "stage": "prod"}]}],
            "apis": [own],
        }))
    }

    fn rest(more: Value) -> Value {
        let mut own = json!({"apiId": null, "id": "f1e2d3c4b5", "protocolType": null});
        more.as_object().unwrap().iter().for_each(|(key, value)| own[key] = value.clone());
        own
    }

    fn at(mut site: Evidence, origin: &str) -> Evidence {
        site.target.origin = Some(origin.parse().unwrap());
        site
    }

    #[test]
    fn open_closed_and_not_told() {
        let open = with(json!({"disableExecuteApiEndpoint": false}));
        assert_eq!(word(&CHECK, &open), "warn/high");
        assert!(
            fix_text(&CHECK, &open)
                .contains("update-api --api-id 'f1e2d3c4b5' --disable-execute-api-endpoint --region us-west-2")
        );
        assert_eq!(word(&CHECK, &with(json!({"disableExecuteApiEndpoint": true}))), "pass");
        let why = CHECK.run(&with(json!({}))).unwrap_err();
        assert!(why.text().contains("aws apigatewayv2 get-api --api-id 'f1e2d3c4b5'"), "{}", why.text());
        let rest = with(rest(json!({"disableExecuteApiEndpoint": false})));
        assert!(fix_text(&CHECK, &rest).contains("create-deployment --rest-api-id 'f1e2d3c4b5' --stage-name 'prod'"));
    }

    #[test]
    fn switched_off_and_not_deployed() {
        let asked = || {
            let mut site = with(json!({"disableExecuteApiEndpoint": true}));
            site.target.host = OWN.into();
            site.target.origin = None;
            site
        };
        let site = edge(asked(), 200, "{}");
        assert_eq!(word(&CHECK, &site), "warn/high");
        assert!(CHECK.run(&site).unwrap().finding().unwrap().seen.contains("not deployed"));
        assert!(fix_text(&CHECK, &site).contains("create-deployment --api-id"));
        assert_eq!(word(&CHECK, &edge(asked(), 403, "{}")), "pass");
        let mut direct = at(with(json!({"disableExecuteApiEndpoint": true})), OWN);
        direct.origin.http = edge(direct.clone(), 204, "").edge.http;
        assert_eq!(word(&CHECK, &direct), "warn/high");
        let text = fix_text(&CHECK, &direct);
        assert!(text.contains("deploy nothing before that") && !text.contains("create-deployment"), "{text}");
    }

    #[test]
    fn the_way_in_is_not_to_be_closed() {
        assert_eq!(word(&CHECK, &at(with(json!({"disableExecuteApiEndpoint": false})), OWN)), "not-applicable");
    }

    #[test]
    fn guarded_by_policy_or_private() {
        let statement = json!([{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}}]);
        let guarded = rest(json!({"disableExecuteApiEndpoint": false, "policy": {"Statement": statement}}));
        assert_eq!(word(&CHECK, &with(guarded)), "pass");
        let private =
            rest(json!({"disableExecuteApiEndpoint": false, "endpointConfiguration": {"types": ["PRIVATE"]}}));
        assert_eq!(word(&CHECK, &with(private)), "pass");
        let open = json!([{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]);
        let policy = rest(json!({"disableExecuteApiEndpoint": false, "policy": {"Statement": open}}));
        assert_eq!(word(&CHECK, &with(policy)), "warn/high");
    }
}
