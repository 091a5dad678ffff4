//! API Gateway's own refusals of a path that the user named.

use super::account;
use super::host_rejected;
use super::refusal_fixes;
use super::view::{self, Place, Seen};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::target::Target;
use crate::evidence::text::shell_quote;
use crate::model::attribution::{self, AnsweredBy};
use crate::model::gateway_error::{GatewayError, GatewayErrorKind};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-gateway-rejects",
    title: "API Gateway knows the path",
    severity: Severity::High,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp, Probe::Gateway],
    why: "403 Forbidden, 403 Missing Authentication Token and 404 Not Found of API Gateway mean that the request came \
          through Cloudflare and reached AWS: there is no mapping, route or stage for it, or a policy refuses it. It is \
          never Cloudflare's firewall.",
    fix,
    sources: &[
        "https://repost.aws/knowledge-center/api-gateway-troubleshoot-403-forbidden",
        "https://repost.aws/knowledge-center/api-gateway-403-custom-domain",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let seen = view::answer(evidence)?;
    let target = &evidence.target;
    let told = attribution::attribute(seen.response);
    let Some(error) = told.product_error.as_ref().filter(|error| is_refusal(error, seen.response.status)) else {
        return Ok(stage_in_path(target, &seen, told.by).map_or_else(|| Verdict::pass("no refusal"), Verdict::Warn));
    };
    if seen.exchange.request.method != target.method {
        return Err(NotRun::inconclusive(format!(
            "asked with {}: routes are matched by method, so ask with {}",
            seen.exchange.request.method, target.method
        )));
    }
    if seen.exchange.request.method.eq_ignore_ascii_case("HEAD") {
        return Err(NotRun::inconclusive("asked with HEAD, which few routes have; ask with GET"));
    }
    if let Some(finding) = only_through_cloudflare(evidence, &seen, error) {
        return Ok(Verdict::Fail(finding));
    }
    // A function URL has no routes: its refusal is the same for every path. Behind Cloudflare it may refuse the Host.
    let of_function = error.product == Some(AnsweredBy::FunctionUrl);
    if of_function && host_rejected::is_foreign(target) && seen.place == Place::Edge {
        return Err(NotRun::not_applicable("the function URL was asked under another Host than its own"));
    }
    if !target.path_named && !of_function {
        return Ok(Verdict::pass(format!(
            "/ is answered {} {} by {}; name a real route to have it judged",
            seen.response.status,
            error.kind.name(),
            error.product_name()
        )));
    }
    let by_account = account::refusal(evidence, error.kind).filter(|_| !of_function);
    let (certain, text) = match &by_account {
        Some(known) => (known.is_certain, known.text.as_str()),
        None => meaning(target, error.kind),
    };
    let mut finding = Finding::seen(format!(
        "{} answers {} {} for {}: {text}",
        error.product_name(),
        seen.response.status,
        error.kind.name(),
        target.path_only()
    ))
    .proof(seen.line())
    .proofs(told.proof.clone())
    .proofs(by_account.iter().flat_map(|known| known.proof.clone()))
    .proofs(hints(target, error.kind))
    .proof("made by AWS, not by Cloudflare's WAF: the edge's own blocks carry cf-mitigated, cf-error-type or a Cloudflare page");
    if !certain || !(error.by_header || error.product.is_some()) {
        finding = finding.confidence(Confidence::Medium);
    }
    Ok(if certain { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
}

/// Is it a refusal (not a failing integration)?
fn is_refusal(error: &GatewayError, status: u16) -> bool {
    use GatewayErrorKind::*;
    let failing =
        matches!(error.kind, InternalServerError | AuthorizerFailure | EndpointRequestTimedOut | ServiceUnavailable);
    (400..500).contains(&status) && !failing
}

/// Is it certain that the caller cannot get through, and what it means. A 403 that an authorizer, key, IAM or AWS WAF
/// would also give, and a 401, may be just as the owner wants it (`facts/aws.md` section 4.2).
fn meaning(target: &Target, kind: GatewayErrorKind) -> (bool, &'static str) {
    use GatewayErrorKind::*;
    let authorized = target.headers.iter().any(|line| line.name.eq_ignore_ascii_case("authorization"));
    match kind {
        NotFound => (true, "no route, mapping or stage takes this path and method"),
        MissingAuthenticationToken if authorized => (true, "no resource or stage takes this path and method"),
        MissingAuthenticationToken => {
            (false, "no resource or stage takes this path and method, or the method wants IAM")
        }
        Forbidden => (
            false,
            "no mapping for this path, no custom domain for this name, a missing API key, a client certificate, or AWS WAF; the word alone does not tell",
        ),
        AccessDenied => (false, "a policy (resource policy, IAM, or the function URL's own) refuses the caller"),
        NotAuthorized => (false, "the authorizer refuses the caller"),
        Unauthorized => (false, "the authorizer wants a token"),
        ExpiredToken | InvalidSignature => (false, "the signature does not fit; Host is part of it"),
        TooManyRequests | LimitExceeded => (false, "the throttle or the usage plan's quota is used up"),
        RequestTooLarge => (true, "the request is larger than the service takes (10 MB, function URL 6 MB)"),
        _ => (false, "the request is refused"),
    }
}

/// What in the path itself makes it likely.
fn hints(target: &Target, kind: GatewayErrorKind) -> Vec<String> {
    let path = target.path_only();
    let mut hints = Vec::new();
    if matches!(path, "/ping" | "/sping") {
        hints.push(format!("{path} is reserved for API Gateway's own health checks on a custom domain"));
    }
    if let Some((stage, _)) = stage_first(target, kind) {
        hints.push(format!(
            "/{stage} looks like a stage: a custom domain's URL has none; an execute-api URL begins with it, and its \
             root needs a / at the end"
        ));
    }
    hints
}

/// The first segment of a path that nothing takes, where it looks like a stage, and the path after it.
fn stage_first(target: &Target, kind: GatewayErrorKind) -> Option<(&str, String)> {
    const STAGES: &[&str] = &["prod", "production", "dev", "stage", "staging", "test", "qa", "default", "$default"];
    let routing = matches!(kind, GatewayErrorKind::MissingAuthenticationToken | GatewayErrorKind::NotFound);
    let path = target.path_only().trim_start_matches('/');
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let is_stage = routing && STAGES.iter().any(|stage| first.eq_ignore_ascii_case(stage));
    is_stage.then(|| (first, format!("/{rest}")))
}

/// Refused through Cloudflare, fine when asked directly: AWS lets others in, but not Cloudflare's addresses.
fn only_through_cloudflare(evidence: &Evidence, seen: &Seen<'_>, error: &GatewayError) -> Option<Finding> {
    use GatewayErrorKind::*;
    let refused = seen.response.status == 403 && matches!(error.kind, Forbidden | AccessDenied);
    let direct = view::origin(evidence).filter(|direct| direct.response.status < 400)?;
    (refused && seen.place == Place::Edge).then(|| {
        Finding::seen(format!(
            "{} refuses Cloudflare ({} {}), and answers {} when asked directly: its resource policy or AWS WAF lacks Cloudflare's ranges",
            error.product_name(),
            seen.response.status,
            error.kind.name(),
            direct.response.status
        ))
        .proof(seen.line())
        .proof(direct.line())
        .proof("both address families count: Cloudflare also connects over IPv6")
    })
}

/// The application's own 404 that quotes the requested path with a segment before it: the stage reached it
/// (`facts/aws.md` G32). A 404 that quotes the path as asked is the application's business.
fn stage_in_path(target: &Target, seen: &Seen<'_>, by: AnsweredBy) -> Option<Finding> {
    let path = target.path_only();
    if seen.response.status != 404 || by != AnsweredBy::Lambda || path.len() < 2 {
        return None;
    }
    let body = &seen.response.body.prefix;
    let stage = body.match_indices(path).find_map(|(at, _)| {
        let before = &body[..at];
        let stage = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$'))).next()?;
        before.strip_suffix(stage)?.ends_with(['/']).then_some(stage).filter(|stage| !stage.is_empty())
    })?;
    Some(
        Finding::seen(format!(
            "the application answers 404 for /{stage}{path}: the stage or base path /{stage} reached it"
        ))
        .proof(seen.line())
        .proof(format!("body: {}", crate::evidence::text::shorten(body.trim(), 160)))
        .confidence(Confidence::Medium),
    )
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    use GatewayErrorKind::*;
    let host = &evidence.target.host;
    let path = evidence.target.path_only();
    let account::Ids { api, stage: stage_word, domain, function, region, .. } = account::ids(evidence);
    let seen = view::answer(evidence).ok();
    let error = seen.as_ref().and_then(|seen| attribution::attribute(seen.response).product_error);
    if let (Some(seen), Some(error)) = (&seen, &error)
        && only_through_cloudflare(evidence, seen, error).is_some()
    {
        return Fix::new(
            "Admit every Cloudflare range, IPv4 and IPv6, in the resource policy and AWS WAF; then deploy the stage.",
        )
        .shell("The ranges of today", "curl -s https://api.cloudflare.com/client/v4/ips")
        .shell(
            "The policy in force",
            format!("aws apigateway get-rest-api --rest-api-id {api} --query policy --output text{region}"),
        )
        .shell(
            "A policy takes effect when the stage is deployed",
            format!("aws apigateway create-deployment --rest-api-id {api} --stage-name {stage_word}{region}"),
        );
    }
    let of_function = error.as_ref().is_some_and(|error| error.product == Some(AnsweredBy::FunctionUrl));
    let known = error.as_ref().filter(|_| !of_function).and_then(|error| account::refusal(evidence, error.kind));
    if let Some(known) = known {
        return refusal_fixes::by_reason(evidence, &known.reason);
    }
    match error.map(|error| error.kind) {
        Some(AccessDenied) if of_function => Fix::new(
            "Give the public both permissions that a function URL needs since October 2025 (or sign the requests, if it is meant for IAM).",
        )
        .shell("What it has", format!("aws lambda get-policy --function-name {function} --query Policy --output text{region}"))
        .shell("First", format!("aws lambda add-permission --function-name {function} --statement-id url --action lambda:InvokeFunctionUrl --principal '*' --function-url-auth-type NONE{region}"))
        .shell("Second", format!("aws lambda add-permission --function-name {function} --statement-id url-invoke --action lambda:InvokeFunction --principal '*' --invoked-via-function-url{region}")),
        Some(Unauthorized | NotAuthorized | ExpiredToken | InvalidSignature) => {
            Fix::new("Ask with the credentials that the API wants; then the path behind them is judged.")
                .shell("With a token", format!("cfdoctor -H 'Authorization: Bearer TOKEN' {}", shell_quote(&evidence.target.url())))
        }
        Some(TooManyRequests | LimitExceeded) => Fix::new("Raise the throttle or quota that is used up, or ask less often.")
            .shell("Stage throttling", format!("aws apigatewayv2 get-stages --api-id {api} --query 'Items[].DefaultRouteSettings'{region}"))
            .shell("Usage plans (REST API)", "aws apigateway get-usage-plans"),
        Some(RequestTooLarge) => Fix::new("Send large bodies to S3 by a presigned URL, not through the API."),
        kind => match kind.and_then(|kind| stage_first(&evidence.target, kind)) {
            Some((stage, rest)) => Fix::new(format!(
                "Ask without the stage: https://{host}{rest}. Or map {host} with the base path {stage} to that stage."
            ))
            .shell("Without the stage", format!("curl -sSi {}", shell_quote(&format!("https://{host}{rest}")))),
            None => Fix::new(format!(
                "Map {host} to the API and stage that has {path}, and deploy the route; a custom domain's URL carries \
                 no stage."
            )),
        }
        .shell("What the domain maps", format!("aws apigatewayv2 get-api-mappings --domain-name {domain}{region}"))
        .shell("HTTP API: its routes", format!("aws apigatewayv2 get-routes --api-id {api} --query 'Items[].RouteKey'{region}"))
        .shell("REST API: its resources", format!("aws apigateway get-resources --rest-api-id {api} --query 'items[].[path,resourceMethods]'{region}"))
        .shell("A mapping for every path", format!("aws apigatewayv2 create-api-mapping --domain-name {domain} --api-id {api} --stage {stage_word}{region}"))
        .shell("REST API: deploy what was changed", format!("aws apigateway create-deployment --rest-api-id {api} --stage-name {stage_word}{region}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Response;
    use crate::evidence::http::HeaderLine;

    const HTTP: &[(&str, &str)] = &[("apigw-requestid", "abc=")];

    fn rest(kind: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![("x-amz-apigw-id", "abc="), ("x-amzn-requestid", "uuid"), ("x-amzn-errortype", kind)]
    }

    fn forbidden() -> Response {
        response(403, &[PROXIED, &rest("ForbiddenException")], r#"{"message":"Forbidden"}"#)
    }

    fn run(url: &str, answer: Response) -> Result<Verdict, NotRun> {
        (CHECK.judge)(&edge(url, answer))
    }

    fn warning(answer: Result<Verdict, NotRun>) -> Finding {
        match answer {
            Ok(Verdict::Warn(finding)) => finding,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn forbidden_alone_never_proves_routing() {
        let finding = warning(run(URL, forbidden()));
        assert_eq!(finding.confidence, Confidence::Medium);
        assert!(finding.proof.iter().any(|line| line.contains("not by Cloudflare's WAF")));
        warning(run(URL, response(403, &[], r#"{"message":"Forbidden"}"#)));
    }

    #[test]
    fn a_bare_slash_passes_with_a_note() {
        for answer in [forbidden(), response(404, &[PROXIED, HTTP], r#"{"message":"Not Found"}"#)] {
            let Ok(Verdict::Pass(Some(note))) = run("https://api.example.com/", answer) else { panic!("no note") };
            assert!(note.contains("name a real route"), "{note}");
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        let not_found = response(404, &[PROXIED, HTTP], r#"{"message":"Not Found"}"#);
        assert!(matches!(run(URL, not_found), Ok(Verdict::Fail(f)) if f.seen.contains("no route")));
        let missing = || {
            response(
                403,
                &[PROXIED, &rest("MissingAuthenticationTokenException")],
                r#"{"message":"Missing Authentication Token"}"#,
            )
        };
        assert!(warning(run(URL, missing())).seen.contains("wants IAM"));
        let mut evidence = edge(URL, missing());
        evidence.target.headers.push(HeaderLine::new("Authorization", "Bearer x"));
        assert!(matches!((CHECK.judge)(&evidence), Ok(Verdict::Fail(_))), "with credentials it can only be the route");
        warning(run(URL, response(401, &[PROXIED, HTTP], r#"{"message":"Unauthorized"}"#)));
        warning(run(URL, response(429, &[PROXIED, HTTP], r#"{"message":"Too Many Requests"}"#)));
        let large = response(413, &[PROXIED, HTTP], r#"{"message":"HTTP content length exceeded 10485760 bytes."}"#);
        assert!(matches!(run(URL, large), Ok(Verdict::Fail(_))));
    }

    #[test]
    fn stages_and_reserved_paths_are_hinted_at() {
        let missing = response(403, &[], r#"{"message":"Missing Authentication Token"}"#);
        let finding =
            warning((CHECK.judge)(&origin_only("https://id.execute-api.eu-west-1.amazonaws.com/Prod", missing)));
        assert!(finding.proof.iter().any(|line| line.contains("/Prod looks like a stage")), "{finding:?}");
        let finding = warning(run("https://api.example.com/ping", forbidden()));
        assert!(finding.proof.iter().any(|line| line.contains("reserved")));
    }

    #[test]
    fn refused_only_through_cloudflare() {
        let evidence = with_origin(edge("https://api.example.com/", forbidden()), vec![response(200, &[HTTP], "{}")]);
        let Ok(Verdict::Fail(finding)) = (CHECK.judge)(&evidence) else { panic!("no failure") };
        assert!(finding.seen.contains("lacks Cloudflare's ranges"));
        assert!((CHECK.fix)(&evidence, &finding).summary.contains("IPv6"));
        let mut tomorrow = evidence;
        tomorrow.target.origin.as_mut().unwrap().assumed = true;
        assert!(matches!((CHECK.judge)(&tomorrow), Ok(Verdict::Pass(_))), "tomorrow's origin is not compared");
    }

    #[test]
    fn the_account_says_why() {
        use serde_json::json;
        let run = |answer: Response, route: serde_json::Value| (CHECK.judge)(&with_account(edge(URL, answer), route));
        let keyed = warning(run(forbidden(), json!({"apiKeyRequired": true})));
        assert!(keyed.seen.contains("GET /orders wants an API key"), "{}", keyed.seen);
        let unauthorized = || response(401, &[PROXIED, HTTP], r#"{"message":"Unauthorized"}"#);
        assert!(warning(run(unauthorized(), json!({"authorizationType": "JWT"}))).seen.contains("(JWT)"));
        assert!(warning(run(forbidden(), json!({"authorizationType": "AWS_IAM"}))).seen.contains("AWS_IAM"));
        let not_found = || response(404, &[PROXIED, HTTP], r#"{"message":"Not Found"}"#);
        let Ok(Verdict::Fail(finding)) = run(not_found(), json!({"routeKey": "GET /items"})) else {
            panic!("no failure")
        };
        assert!(
            finding.seen.contains("stage live of f1e2d3c4b5 (HTTP API) has no route for GET /orders"),
            "{finding:?}"
        );
        assert!(finding.proof.iter().any(|line| line == "its routes: GET /items"), "{finding:?}");
        let limited = response(429, &[PROXIED, HTTP], r#"{"message":"Too Many Requests"}"#);
        assert!(matches!(run(limited, json!({})), Ok(Verdict::Fail(finding)) if finding.seen.contains("is 0")));
        assert!(
            warning(run(forbidden(), json!({}))).seen.contains("the word alone does not tell"),
            "nothing there refuses"
        );
        let evidence = with_account(edge(URL, not_found()), json!({"routeKey": "GET /items"}));
        let steps = (CHECK.fix)(&evidence, &finding).steps;
        assert!(
            steps
                .iter()
                .any(|step| step.text.contains("get-routes --api-id 'f1e2d3c4b5'") && step.text.ends_with("us-west-2"))
        );
    }

    #[test]
    fn head_proves_nothing() {
        let mut evidence = edge(URL, forbidden());
        edge_http(&mut evidence).samples[0].request.method = "HEAD".into();
        assert!(matches!((CHECK.judge)(&evidence), Err(NotRun::Inconclusive(_))));
        evidence.target.method = "HEAD".into();
        assert!(matches!((CHECK.judge)(&evidence), Err(NotRun::Inconclusive(_))));
    }

    #[test]
    fn applications_and_the_edge_are_left_alone() {
        for answer in [
            response(404, &[PROXIED, HTTP], r#"{"detail":"Not Found"}"#),
            response(404, &[PROXIED, HTTP], "Cannot GET /orders"),
            response(403, &[PROXIED], r#"{"message":"Forbidden"}"#),
            response(403, &[EDGE_MADE, &[("cf-mitigated", "challenge")]], ""),
            response(403, &[], ""),
            response(500, &[PROXIED, HTTP], r#"{"message":"Internal Server Error"}"#),
            response(200, &[PROXIED, HTTP], "{}"),
        ] {
            assert!(matches!(run(URL, answer.clone()), Ok(Verdict::Pass(_))), "{answer:?}");
        }
    }

    #[test]
    fn a_stage_that_reached_the_application() {
        let finding = warning(run(URL, response(404, &[PROXIED, HTTP], "Cannot GET /prod/orders")));
        assert!(finding.seen.contains("/prod reached it"), "{}", finding.seen);
    }

    #[test]
    fn a_function_urls_permissions() {
        let body = r#"{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: x"}"#;
        let through = edge(URL, response(403, &[PROXIED], body));
        assert!(matches!((CHECK.judge)(&through), Ok(Verdict::Pass(_))), "a whole head without an AWS request id");
        let through = edge(URL, response(403, &[PROXIED, &[("x-amzn-requestid", "uuid")]], body));
        assert!(matches!((CHECK.judge)(&through), Err(NotRun::NotApplicable(_))), "edge-host-rejected judges it");
        let evidence = origin_only("https://example.com/", response(403, &[], body));
        let finding = warning((CHECK.judge)(&evidence));
        assert!((CHECK.fix)(&evidence, &finding).steps.iter().any(|step| step.text.contains("lambda:InvokeFunction ")));
    }
}
