//! The function URL does not admit the public (`facts/aws.md` section 0, fact 9, gotchas G20 and G54).

use super::route;
use super::typed::{hcl, in_region, shell_word, yaml};
use crate::check::{Check, Probe, Severity};
use crate::evidence::{Evidence, Response};
use crate::model::attribution::{self, AnsweredBy};
use crate::model::function_url::{Admission, INVOKE, INVOKE_URL, PublicUse, admission};
use crate::model::gateway_error::GatewayErrorKind;
use crate::model::origin_host::{OriginClass, classify};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-function-url-auth",
    title: "The function URL admits the public",
    severity: Severity::Critical,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp, Probe::Gateway],
    why: "A function URL with authorization AWS_IAM wants signed requests, which Cloudflare does not send. One with \
          authorization NONE still asks the function's policy, and since October 2025 for two permissions: \
          lambda:InvokeFunctionUrl, and lambda:InvokeFunction for calls by the URL. Either way the answer is 403, which \
          looks like a firewall.",
    fix,
    sources: &["https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html", "https://github.com/sst/sst/issues/6198"],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let refusal = refusal(evidence);
    let Some(host) = url_host(evidence) else {
        let none =
            || NotRun::not_applicable(format!("no function URL is known to stand behind {}", evidence.target.host));
        return refusal.map(|refusal| Verdict::Warn(hint(refusal, None))).ok_or_else(none);
    };
    match evidence.gateway.get().and_then(|gateway| admission(gateway, host)) {
        Ok(known) => with_account(evidence, &known, refusal),
        Err(why) => match (refusal, route::works(evidence)) {
            (Some(refusal), _) => Ok(Verdict::Warn(hint(refusal, Some(&why)))),
            (None, Some(line)) => Ok(Verdict::pass(format!("{host} admits the public: {line}"))),
            (None, None) => Err(why),
        },
    }
}

/// The function URL that is asked, or that the record points at.
fn url_host(evidence: &Evidence) -> Option<&str> {
    let target = &evidence.target;
    let names = [Some(target.host.as_str()), target.origin.as_ref().map(|origin| origin.host.as_str())];
    names.into_iter().flatten().find(|name| is_function_url(name))
}

fn is_function_url(name: &str) -> bool {
    classify(name).class == OriginClass::FunctionUrl
}

/// A 403 that the function URL made for a reason of its own. Asked through Cloudflare under another name it refuses the
/// name before all else, which `edge-host-rejected` judges.
fn refusal(evidence: &Evidence) -> Option<String> {
    let (answer, place): (&Response, &str) = match evidence.edge.http.found().and_then(|http| http.first()) {
        Some(_) if !is_function_url(&evidence.target.host) => return None,
        Some(answer) => (answer, ""),
        None => (evidence.origin_answer().ok()?, " (asked directly)"),
    };
    let told = attribution::attribute(answer);
    let error = told.product_error.filter(|error| error.product == Some(AnsweredBy::FunctionUrl))?;
    let is_refusal = answer.status == 403 && error.kind == GatewayErrorKind::AccessDenied;
    is_refusal.then(|| format!("{} answered 403{place}: {}", evidence.target.url(), error.message.unwrap_or_default()))
}

/// Without the account the answer alone speaks, and it is the same for every reason.
fn hint(refusal: String, why: Option<&NotRun>) -> Finding {
    Finding::seen(format!(
        "the function URL does not admit the public: it demands AWS_IAM, or its policy lacks {INVOKE_URL} or, since \
         October 2025, {INVOKE} besides"
    ))
    .proof(refusal)
    .proofs(why.map(|why| format!("the account would tell which: {}", why.text())))
    .confidence(Confidence::Medium)
}

fn with_account(evidence: &Evidence, known: &Admission<'_>, refusal: Option<String>) -> Result<Verdict, NotRun> {
    let name = &known.function.name;
    let works = route::works(evidence);
    let was_refused = refusal.is_some();
    let found = |text: String| {
        Finding::seen(text).proof(format!("https://{}/ of {name}", known.url.host)).proofs(refusal.clone())
    };
    match &known.public {
        PublicUse::Open => Ok(Verdict::pass(format!("the function URL of {name} admits the public"))),
        PublicUse::Iam => match works {
            Some(line) => {
                Ok(Verdict::pass(format!("the function URL of {name} demands AWS_IAM, and something signs: {line}")))
            }
            None => {
                let finding = found(format!(
                    "the function URL of {name} demands AWS_IAM: only signed requests, and Cloudflare signs none"
                ));
                // Asked by its own name it may be meant for callers that sign.
                let is_meant = is_function_url(&evidence.target.host);
                Ok(if is_meant {
                    Verdict::Warn(finding.confidence(Confidence::Medium))
                } else {
                    Verdict::Fail(finding)
                })
            }
        },
        PublicUse::Denied(sid) => {
            let sid = sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
            contradicted(
                works,
                found(format!("a statement{sid} of {name} forbids the public to use its function URL")),
                true,
            )
        }
        PublicUse::Lacks { actions, is_certain } => {
            let both = actions.len() > 1;
            let what = if both {
                format!("neither {INVOKE_URL} nor {INVOKE}, which public use of its URL needs since October 2025")
            } else if actions.contains(&INVOKE) {
                format!(
                    "{INVOKE_URL} and not {INVOKE}, the second permission that public use of its URL needs since October 2025"
                )
            } else {
                format!("no {INVOKE_URL}, without which nobody may use its URL")
            };
            let mut finding = found(format!("the policy of {name} has {what}"));
            if !is_certain {
                finding = finding.proof(
                    "when the URL was made is not told: one that is older than October 2025 needs the first alone",
                );
            }
            contradicted(works, finding, *is_certain || was_refused)
        }
    }
}

/// What the policy says against what is seen.
fn contradicted(works: Option<String>, finding: Finding, is_certain: bool) -> Result<Verdict, NotRun> {
    match works {
        Some(line) => Err(route::contradiction(&finding.seen, &line)),
        None if is_certain => Ok(Verdict::Fail(finding)),
        None => Ok(Verdict::Warn(finding.confidence(Confidence::Medium))),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = url_host(evidence);
    let known = host.and_then(|host| admission(evidence.gateway.found()?, host).ok());
    let name = known.as_ref().map(|known| known.function.name.as_str());
    let own_region = known.as_ref().and_then(|known| known.function.region.clone());
    let region = in_region(evidence, own_region.or_else(|| classify(host?).region).as_deref());
    let alias = known.as_ref().and_then(|known| known.url.qualifier.as_deref());
    let qualifier =
        alias.map(|alias| format!(" --qualifier {}", crate::evidence::text::shell_quote(alias))).unwrap_or_default();
    let function = shell_word(name, "FUNCTION");
    let function = format!("--function-name {function}{qualifier}");
    let called = name.map_or_else(|| "the function".into(), ToOwned::to_owned);
    match known.as_ref().map(|known| &known.public) {
        Some(PublicUse::Iam) => {
            let fix = Fix::new(format!(
                "If {called} is meant for everybody, set its authorization to NONE and give the public both permissions \
                 (then guard it by a secret header that a Transform Rule sets); else let a Worker sign the requests."
            ))
            .shell("For everybody", format!("aws lambda update-function-url-config {function} --auth-type NONE{region}"));
            permissions(fix, &[INVOKE_URL, INVOKE], &function, &region, name)
                .code("Or a Worker that signs (with the package aws4fetch)", signing_worker(host))
        }
        Some(PublicUse::Denied(sid)) => {
            Fix::new(format!("Take the statement away that forbids the public to use the URL of {called}.")).shell(
                "Take it away",
                format!(
                    "aws lambda remove-permission {function} --statement-id {}{region}",
                    shell_word(sid.as_deref(), "STATEMENT_ID")
                ),
            )
        }
        Some(PublicUse::Lacks { actions, .. }) => {
            let fix = Fix::new(format!(
                "Add to the policy of {called} what public use of its URL lacks: {}.",
                actions.join(" and ")
            ));
            permissions(fix, actions, &function, &region, name)
        }
        Some(PublicUse::Open) | None => {
            let fix = Fix::new(
                "Look whether the function URL is meant for the public; if it is, set its authorization to NONE and give \
                 the public both permissions that it needs since October 2025.",
            )
            .shell("Whom it admits", format!("aws lambda get-function-url-config {function} --query AuthType --output text{region}"))
            .shell("What its policy allows", format!("aws lambda get-policy {function} --query Policy --output text{region}"));
            permissions(fix, &[INVOKE_URL, INVOKE], &function, &region, name)
        }
    }
}

/// The statements for these actions, in three languages.
fn permissions(fix: Fix, actions: &[&str], function: &str, region: &str, name: Option<&str>) -> Fix {
    let fix = actions.iter().fold(fix, |fix, action| {
        let (sid, condition) = if *action == INVOKE { ("url-invoke", "--invoked-via-function-url") } else { ("url", "--function-url-auth-type NONE") };
        fix.shell(
            format!("Allow {action}"),
            format!("aws lambda add-permission {function} --statement-id {sid} --action {action} --principal '*' {condition}{region}"),
        )
    });
    let resource = |action: &&str| {
        let (label, condition) = if *action == INVOKE {
            ("url_invoke", "invoked_via_function_url = true")
        } else {
            ("url", "function_url_auth_type   = \"NONE\"")
        };
        format!(
            "resource \"aws_lambda_permission\" \"{label}\" {{\n  function_name            = {}\n  action                   = \
             \"{action}\"\n  principal                = \"*\"\n  {condition}\n}}",
            hcl(name, "function_name")
        )
    };
    let permission = |action: &&str| {
        let (label, condition) = if *action == INVOKE {
            ("UrlInvokePermission", "InvokedViaFunctionUrl: true")
        } else {
            ("UrlPermission", "FunctionUrlAuthType: NONE")
        };
        format!(
            "{label}:\n  Type: AWS::Lambda::Permission\n  Properties:\n    FunctionName: {}\n    Action: {action}\n    \
             Principal: \"*\"\n    {condition}",
            yaml(name, "FunctionName")
        )
    };
    fix.terraform(
        "AWS provider (invoked_via_function_url needs a recent one)",
        actions.iter().map(resource).collect::<Vec<_>>().join("\n\n"),
    )
    .code("SAM / CloudFormation", actions.iter().map(permission).collect::<Vec<_>>().join("\n"))
}

fn signing_worker(host: Option<&str>) -> String {
    let host = hcl(Some(host.unwrap_or("URL_ID.lambda-url.REGION.on.aws")), "host");
    format!(
        "import {{ AwsClient }} from \"aws4fetch\";\nexport default {{ fetch(request, env) {{\n  const aws = new AwsClient({{ \
         accessKeyId: env.KEY_ID, secretAccessKey: env.SECRET, service: \"lambda\" }});\n  const url = new \
         URL(request.url);\n  url.hostname = {host};\n  return aws.fetch(url, {{ method: request.method, body: \
         request.body }});\n}} }};"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    const URL: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-west-2.on.aws";
    const ARN: &str = "arn:aws:lambda:us-west-2:123456789012:function:f";
    const BODY: &str = r#"{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: x"}"#;

    fn account(auth: &str, created: Value, actions: &[&str]) -> Value {
        let one = |action: &&str| json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": ARN});
        let statements: Vec<Value> = actions.iter().map(one).collect();
        json!({"functions": [{"FunctionArn": ARN, "policy": {"Statement": statements},
            "url_configs": [{"FunctionUrl": format!("https://{URL}/"), "AuthType": auth, "CreationTime": created}]}]})
    }

    fn behind(account: Value) -> Evidence {
        let mut site = site(account);
        site.target.origin = Some(URL.parse().unwrap());
        site
    }

    fn itself(account: Value) -> Evidence {
        let mut site = site(account);
        (site.target.host, site.target.origin) = (URL.into(), None);
        site
    }

    fn new() -> Value {
        json!("2026-05-01T00:00:00Z")
    }

    fn refused(site: Evidence) -> Evidence {
        let mut site = edge(site, 403, BODY);
        let crate::evidence::Gathered::Found(http) = &mut site.edge.http else { unreachable!() };
        let crate::evidence::http::Outcome::Answered(answer) = &mut http.samples[0].outcome else { unreachable!() };
        answer.headers.push("x-amzn-requestid", "uuid");
        answer.headers.push("x-amzn-errortype", "AccessDeniedException");
        site
    }

    #[test]
    fn which_permission_is_missing_is_said() {
        for (actions, missing, present) in [
            (vec![INVOKE_URL], "add-permission --function-name 'f' --statement-id url-invoke", "--statement-id url "),
            (vec![INVOKE], "add-permission --function-name 'f' --statement-id url ", "--statement-id url-invoke"),
        ] {
            let site = behind(account("NONE", new(), &actions));
            assert_eq!(word(&CHECK, &site), "fail/high", "{actions:?}");
            let text = fix_text(&CHECK, &site);
            assert!(text.contains(missing) && !text.contains(present) && text.contains("us-west-2"), "{text}");
        }
        let none = behind(account("NONE", json!(null), &[]));
        assert_eq!(word(&CHECK, &none), "fail/high");
        assert!(CHECK.run(&none).unwrap().finding().unwrap().seen.contains("neither"));
        assert_eq!(word(&CHECK, &behind(account("NONE", new(), &[INVOKE_URL, INVOKE]))), "pass");
    }

    #[test]
    fn an_older_url_needs_the_first_alone() {
        assert_eq!(word(&CHECK, &behind(account("NONE", json!("2024-05-01T00:00:00Z"), &[INVOKE_URL]))), "pass");
        let untold = account("NONE", json!(null), &[INVOKE_URL]);
        assert_eq!(word(&CHECK, &behind(untold.clone())), "warn/medium");
        assert_eq!(word(&CHECK, &refused(itself(untold.clone()))), "fail/high", "it was seen to refuse");
        assert_eq!(word(&CHECK, &edge(behind(untold), 200, "{}")), "inconclusive");
    }

    #[test]
    fn signed_requests() {
        let iam = || account("AWS_IAM", new(), &[]);
        assert_eq!(word(&CHECK, &behind(iam())), "fail/high");
        assert_eq!(word(&CHECK, &itself(iam())), "warn/medium", "its own callers may sign");
        assert_eq!(word(&CHECK, &edge(behind(iam()), 200, "{}")), "pass", "a Worker signs");
        let text = fix_text(&CHECK, &behind(iam()));
        assert!(text.contains("--auth-type NONE") && text.contains("aws4fetch"), "{text}");
    }

    #[test]
    fn without_the_account_the_body_is_a_hint() {
        let blind = |mut site: Evidence| {
            site.gateway = crate::evidence::Gathered::Missing(NotRun::NoCredential(Probe::Gateway));
            site
        };
        let site = refused(blind(itself(json!({}))));
        assert_eq!(word(&CHECK, &site), "warn/medium");
        assert!(fix_text(&CHECK, &site).contains("get-policy --function-name \"$FUNCTION\""));
        assert_eq!(word(&CHECK, &blind(itself(json!({})))), "no-credential");
        assert_eq!(word(&CHECK, &refused(itself(account("NONE", new(), &[])))), "fail/high");
        let mut direct = blind(crate::aws::testing::site(json!({})));
        direct.target.origin = None;
        direct.origin.http = refused(direct.clone()).edge.http;
        assert_eq!(word(&CHECK, &direct), "warn/medium", "somebody's dump of what the origin says");
    }

    #[test]
    fn another_name_is_another_question() {
        assert_eq!(word(&CHECK, &refused(behind(json!({})))), "inconclusive", "the account does not hold it");
        assert_eq!(word(&CHECK, &refused(site(json!({})))), "not-applicable");
        assert_eq!(word(&CHECK, &site(account("AWS_IAM", new(), &[]))), "not-applicable", "the record leads elsewhere");
        assert_eq!(word(&CHECK, &edge(itself(json!({})), 200, "{}")), "pass");
    }
}
