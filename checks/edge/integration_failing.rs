//! 5xx made behind the edge: by the gateway's integration, the function, or whatever the origin is.

use std::sync::LazyLock;

use regex::Regex;

use super::account::{self, Limits};
use super::view::{self, Place, Seen};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::text::shell_quote;
use crate::model::attribution::{self, AnsweredBy, Attribution};
use crate::model::cloudflare;
use crate::model::gateway_error::GatewayErrorKind;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-integration-failing",
    title: "The function or integration answers without a 5xx",
    severity: Severity::Critical,
    needs: &[Probe::EdgeHttp, Probe::OriginHttp, Probe::Gateway],
    why: "The way to the origin works, but what stands there fails: the function crashed, returned a shape that API Gateway \
          does not take, may not be invoked, or was too slow. Cloudflare replaces the body of a 502 and 504 by a page of \
          its own, which hides who said it.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-502-504/",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    ],
    judge,
};

/// Integration time limit of a REST API, by default, in seconds (`facts/aws.md` section 4.3).
const REST_LIMIT: f64 = 29.0;
/// Integration time limit of an HTTP API, always, in seconds (`facts/aws.md` section 4.3).
const HTTP_LIMIT: f64 = 30.0;
/// How far around a limit an answer still counts as having met it, in seconds: network and gateway take their part.
const SLACK: f64 = 2.0;

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let seen = view::answer(evidence)?;
    let told = attribution::attribute(seen.response);
    let status = seen.response.status;
    if !is_failure(status) || told.by == AnsweredBy::Edge || cloudflare::is_challenge(seen.response) {
        return Ok(Verdict::pass("no 5xx from behind the edge"));
    }
    let hidden = seen.place == Place::Edge
        && (attribution::hides_origin(seen.response)
            || (matches!(status, 502 | 504) && told.by == AnsweredBy::Unknown));
    // What the edge hides, the origin's own answer tells.
    let direct = view::origin(evidence).filter(|direct| hidden && is_failure(direct.response.status));
    let (source, told) = match &direct {
        Some(direct) => (direct, attribution::attribute(direct.response)),
        None => (&seen, told),
    };
    let limits = account::limits(evidence);
    let took = source.exchange.timing.head_ms.map(|ms| ms / 1000.0);
    let what = match (&limits, limits.as_ref().and_then(|known| own_limit(known, took?))) {
        (Some(known), Some(seconds)) => {
            format!("the function {} ran into its own time limit of {seconds} s", known.name)
        }
        _ => sentence(source, &told, hidden && direct.is_none()),
    };
    let mut finding = Finding::seen(format!("{status}: {what}"))
        .proof(seen.line())
        .proofs(direct.iter().map(Seen::line))
        .proofs(told.proof.iter().cloned())
        .proofs(limit(source, &told, limits.as_ref()))
        .proofs(limits.iter().flat_map(known_limits))
        .proofs(own_timeout(&source.response.body.prefix))
        .confidence(confidence(&told));
    if hidden {
        finding = finding.proof("Cloudflare puts its own page in place of an origin's 502 or 504");
    }
    Ok(match told.by {
        // An application of its own may be in maintenance; that is for its owner to say.
        AnsweredBy::Application => Verdict::Warn(finding.confidence(Confidence::Medium)),
        _ => Verdict::Fail(finding),
    })
}

fn is_failure(status: u16) -> bool {
    matches!(status, 500..=504)
}

fn sentence(seen: &Seen<'_>, told: &Attribution, hidden: bool) -> String {
    use GatewayErrorKind::*;
    let Some(error) = &told.product_error else {
        return match told.by {
            AnsweredBy::Lambda => "the function behind API Gateway answers this itself".into(),
            AnsweredBy::CloudFront => "CloudFront got no usable answer from its own origin".into(),
            AnsweredBy::Alb => "the load balancer got no usable answer from its targets".into(),
            AnsweredBy::Application => "the application answers this itself".into(),
            AnsweredBy::Unknown if hidden => "what the origin said is hidden by Cloudflare's page; API Gateway says so for a bad function answer (502) or at its time limit (504)".into(),
            by => format!("made behind the edge, at or behind {}", by.title()),
        };
    };
    let who = error.product_name();
    match error.kind {
        EndpointRequestTimedOut => format!("{who} gave up on the integration at its time limit (29 s unless raised)"),
        ServiceUnavailable => {
            format!("{who} gave up on the integration at its time limit (30 s), or could not reach it")
        }
        AuthorizerFailure => format!("{who} could not run the authorizer"),
        InternalServerError if seen.response.status == 502 => {
            format!(
                "{who} could not use what the function returned: it crashed, timed out or answered in another shape"
            )
        }
        InternalServerError => format!("{who} could not invoke the function (permission) or use its answer"),
        _ => format!("{who} answers {}", error.kind.name()),
    }
}

/// High when the service names itself in a header; a body is a hint; nothing at all leaves a possibility.
fn confidence(told: &Attribution) -> Confidence {
    match (&told.product_error, told.by) {
        (Some(error), _) if error.by_header || !told.proof.iter().all(|line| line.starts_with("body:")) => {
            Confidence::High
        }
        (None, AnsweredBy::Lambda | AnsweredBy::FunctionUrl | AnsweredBy::CloudFront) => Confidence::High,
        (Some(_), _) | (None, AnsweredBy::Alb | AnsweredBy::S3) => Confidence::Medium,
        (None, _) => Confidence::Low,
    }
}

/// Whose time limit it was, by how long the answer took.
fn limit(seen: &Seen<'_>, told: &Attribution, known: Option<&Limits<'_>>) -> Option<String> {
    let took = seen.exchange.timing.head_ms? / 1000.0;
    let near = |limit: f64| (took - limit).abs() <= SLACK;
    if let Some(seconds) = known.and_then(|known| own_limit(known, took)) {
        return Some(format!("it took {took:.1} s: the function's own time limit of {seconds} s"));
    }
    if let Some(seconds) = known.and_then(|known| known.integration).filter(|seconds| near(*seconds)) {
        return Some(format!("it took {took:.1} s: the integration's time limit of {seconds} s"));
    }
    let whose = match told.by {
        AnsweredBy::ApiGatewayRest if near(REST_LIMIT) => "the REST API's integration limit of 29 s",
        AnsweredBy::ApiGatewayHttp if near(HTTP_LIMIT) => "the HTTP API's integration limit of 30 s",
        AnsweredBy::Unknown if near(REST_LIMIT) || near(HTTP_LIMIT) => {
            "an integration limit of API Gateway (29 s REST, 30 s HTTP API)"
        }
        _ if took < 1.0 => return Some(format!("it took {:.0} ms: no time limit was met", took * 1000.0)),
        _ => return Some(format!("it took {took:.1} s: no time limit of API Gateway's was met")),
    };
    Some(format!("it took {took:.1} s: {whose}"))
}

/// The function's own limit in seconds, where the answer came as it ended: below the gateway's, and not before it.
fn own_limit(known: &Limits<'_>, took: f64) -> Option<u64> {
    let seconds = known.function?.timeout?;
    #[allow(clippy::cast_precision_loss)] // 900 at most
    let limit = seconds as f64;
    let is_first = known.integration.is_none_or(|integration| limit < integration);
    (is_first && took >= limit && took - limit <= SLACK).then_some(seconds)
}

/// What the account says of the function and of the limits on the way.
fn known_limits(known: &Limits<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(function) = known.function else { return lines };
    let name = known.name;
    match (function.timeout, known.integration) {
        #[allow(clippy::cast_precision_loss)] // 900 at most
        (Some(own), Some(integration)) if own as f64 > integration => lines.push(format!(
            "the function {name} may run for {own} s, and API Gateway waits {integration} s: it works on in vain"
        )),
        (Some(own), Some(integration)) => {
            lines.push(format!("the function {name} may run for {own} s, and API Gateway waits {integration} s"));
        }
        (Some(own), None) => lines.push(format!("the function {name} may run for {own} s")),
        (None, _) => {}
    }
    let odd = |what: &str, word: &Option<String>, good: &[&str]| {
        word.as_ref().filter(|word| !good.contains(&word.as_str())).map(|word| format!("{what} of {name}: {word}"))
    };
    lines.extend(odd("the state", &function.state, &["Active"]));
    lines.extend(odd("the last update", &function.last_update, &["Successful"]));
    lines
}

/// `Task timed out after 3.00 seconds`: the function's own limit, which Lambda states.
fn own_timeout(body: &str) -> Option<String> {
    static PATTERN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"Task timed out after ([0-9]{1,4}(?:\.[0-9]{1,3})?) seconds").ok());
    let found = PATTERN.as_ref()?.captures(body)?;
    Some(format!("the function's own time limit ended it after {} s", found.get(1)?.as_str()))
}

/// A whole second or two below the gateway's limit, so that the function can still say what went wrong.
fn below(integration: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
    let whole = integration as u64;
    whole.saturating_sub(2).max(1)
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    use GatewayErrorKind::*;
    let seen = view::answer(evidence).ok();
    let hidden = seen.as_ref().is_some_and(|seen| {
        attribution::hides_origin(seen.response) || attribution::attribute(seen.response).by == AnsweredBy::Unknown
    });
    let source = view::origin(evidence).filter(|direct| hidden && is_failure(direct.response.status)).or(seen);
    let told = source.as_ref().map(|seen| attribution::attribute(seen.response)).unwrap_or_default();
    let status = source.as_ref().map_or(0, |seen| seen.response.status);
    let kind = told.product_error.as_ref().map(|error| error.kind);
    let account::Ids { api, function, region, source: allowed, .. } = account::ids(evidence);
    let limits = account::limits(evidence);
    let log_group = match &limits {
        Some(limits) => shell_quote(&format!("/aws/lambda/{}", limits.name)),
        None => "/aws/lambda/FUNCTION".into(),
    };
    let logs =
        |fix: Fix| fix.shell("What the function logged", format!("aws logs tail {log_group} --since 15m{region}"));
    let took = source.as_ref().and_then(|seen| seen.exchange.timing.head_ms).map(|ms| ms / 1000.0);
    if let Some(own) = limits.as_ref().and_then(|limits| own_limit(limits, took?)) {
        let longer =
            limits.as_ref().and_then(|limits| limits.integration).map_or(own.saturating_mul(3).min(900), below);
        return logs(Fix::new(format!(
            "Give the function more time than its {own} s, and less than whoever waits for it; or more memory, which makes \
             it faster."
        )))
        .shell(
            "More time",
            format!("aws lambda update-function-configuration --function-name {function} --timeout {longer}{region}"),
        )
        .terraform("AWS provider, in the aws_lambda_function", format!("timeout = {longer}"))
        .code("SAM template, property of the AWS::Serverless::Function", format!("Timeout: {longer}"));
    }
    if matches!(kind, Some(EndpointRequestTimedOut | ServiceUnavailable)) || status == 504 {
        return logs(Fix::new("Answer within the integration's time limit: do the slow part outside the request, or shorten it."))
            .shell("The function's own limit must lie below the gateway's", format!("aws lambda update-function-configuration --function-name {function} --timeout {}{region}", limits.and_then(|limits| limits.integration).map_or(28, below)))
            .shell("REST API, Regional or private: the 29 s can be raised by quota, then per method", format!("aws apigateway update-integration --rest-api-id {api} --resource-id RESOURCE_ID --http-method GET --patch-operations op=replace,path=/timeoutInMillis,value=60000{region}"))
            .code("Or accept and answer later", "return { statusCode: 202, headers: { location: \"/jobs/ID\" } };");
    }
    if told.by == AnsweredBy::Application {
        return Fix::new("Mend the application; Cloudflare only passes its answer on.")
            .shell("What it says when asked directly", view::ask_directly(evidence));
    }
    let fix = logs(Fix::new("Let the function return what API Gateway takes, within its own time limit, and let API Gateway invoke it."))
        .code("The shape of a proxy answer (body is a string)", "return { statusCode: 200, headers: { \"content-type\": \"application/json\" }, body: JSON.stringify(result) };")
        .shell("Its own time limit and memory", format!("aws lambda get-function-configuration --function-name {function} --query '[Timeout,MemorySize]'{region}"));
    let fix = if told.by == AnsweredBy::FunctionUrl {
        fix
    } else {
        fix.shell(
            "500 at once: let this API invoke it",
            format!("aws lambda add-permission --function-name {function} --statement-id api --action lambda:InvokeFunction --principal apigateway.amazonaws.com --source-arn {allowed}{region}"),
        )
    };
    fix.shell("What the origin says without Cloudflare's page", view::ask_directly(evidence))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Response;

    const HTTP: &[(&str, &str)] = &[("apigw-requestid", "abc=")];
    const REST: &[(&str, &str)] =
        &[("x-amz-apigw-id", "abc="), ("x-amzn-requestid", "u"), ("x-amzn-errortype", "InternalServerErrorException")];

    fn failure(evidence: &Evidence) -> Finding {
        match (CHECK.judge)(evidence) {
            Ok(Verdict::Fail(finding)) => finding,
            other => panic!("{other:?}"),
        }
    }

    fn at_edge(answer: Response) -> Finding {
        failure(&edge(URL, answer))
    }

    fn branded(status: u16) -> Response {
        response(status, &[PROXIED], "<div id=\"cf-error-details\">")
    }

    #[test]
    fn the_services_own_words() {
        let http = at_edge(response(500, &[PROXIED, HTTP], r#"{"message":"Internal Server Error"}"#));
        assert!(http.seen.contains("HTTP API") && http.seen.contains("permission"), "{}", http.seen);
        assert_eq!(http.confidence, Confidence::High);
        let slow = at_edge(response(503, &[PROXIED, HTTP], r#"{"message":"Service Unavailable"}"#));
        assert!(slow.seen.contains("30 s"));
        let rest = failure(&origin_only(URL, response(502, &[REST], r#"{"message": "Internal server error"}"#)));
        assert!(rest.seen.contains("REST API"));
        let own = at_edge(response(500, &[PROXIED, HTTP], r#"{"error":"boom"}"#));
        assert!(own.seen.contains("function behind"));
        let by_body = at_edge(response(504, &[], r#"{"message": "Endpoint request timed out"}"#));
        assert_eq!(by_body.confidence, Confidence::Medium);
    }

    #[test]
    fn a_hidden_body_is_read_at_the_origin() {
        let alone = at_edge(branded(504));
        assert_eq!(alone.confidence, Confidence::Low);
        assert!(alone.seen.contains("hidden"));
        let direct = response(504, &[REST], r#"{"message": "Endpoint request timed out"}"#);
        let mut evidence = with_origin(edge(URL, branded(504)), vec![direct]);
        origin_http(&mut evidence).samples[0].timing.head_ms = Some(29_050.0);
        let finding = failure(&evidence);
        assert_eq!(finding.confidence, Confidence::High);
        assert!(finding.seen.contains("REST API"), "{}", finding.seen);
        assert!(finding.proof.iter().any(|line| line.contains("29.1 s") || line.contains("29.0 s")), "{finding:?}");
        evidence.target.origin.as_mut().unwrap().assumed = true;
        assert_eq!(failure(&evidence).confidence, Confidence::Low, "tomorrow's origin says nothing of today's edge");
    }

    #[test]
    fn whose_time_limit() {
        let timed = |status, headers: &[&[(&str, &str)]], ms| {
            let mut evidence = edge(URL, response(status, headers, ""));
            edge_http(&mut evidence).samples[0].timing.head_ms = Some(ms);
            failure(&evidence).proof.join("\n")
        };
        assert!(timed(504, &[], 29_400.0).contains("integration limit of API Gateway"));
        assert!(timed(502, &[], 3_100.0).contains("no time limit of API Gateway's"));
        assert!(timed(502, &[], 7.4).contains("it took 7 ms"));
        let body = r#"{"errorMessage":"2026-11-24T10:00:00Z u Task timed out after 3.00 seconds"}"#;
        let own = at_edge(response(502, &[HTTP], body));
        assert!(own.proof.iter().any(|line| line.contains("after 3.00 s")), "{own:?}");
    }

    #[test]
    fn the_account_knows_the_limits() {
        let timed = |status: u16, ms: f64| {
            let answer = response(status, &[PROXIED, HTTP], r#"{"message":"Internal Server Error"}"#);
            let mut evidence = with_account(edge(URL, answer), serde_json::json!({}));
            edge_http(&mut evidence).samples[0].timing.head_ms = Some(ms);
            evidence
        };
        let own = timed(500, 3_080.0);
        let proof = failure(&own).proof.join("\n");
        assert!(failure(&own).seen.contains("ran into its own time limit of 3 s"), "{}", failure(&own).seen);
        assert!(proof.contains("it took 3.1 s: the function's own time limit of 3 s"), "{proof}");
        assert!(proof.contains("the function orders may run for 3 s, and API Gateway waits 10 s"), "{proof}");
        let fix = (CHECK.fix)(&own, &Finding::seen(""));
        assert!(fix.summary.contains("more time than its 3 s"), "{}", fix.summary);
        assert!(
            fix.steps.iter().any(|step| step.text.contains("--function-name 'orders' --timeout 8 --region us-west-2")),
            "{fix:?}"
        );
        assert!(failure(&timed(503, 10_100.0)).proof.join("\n").contains("the integration's time limit of 10 s"));
        let at_once = timed(500, 40.0);
        assert!(failure(&at_once).proof.join("\n").contains("no time limit was met"));
        let fix = (CHECK.fix)(&at_once, &Finding::seen(""));
        assert!(fix.steps.iter().any(|step| step.text.contains("':f1e2d3c4b5/*'")), "{fix:?}");
    }

    #[test]
    fn little_is_known() {
        assert_eq!(failure(&origin_only(URL, response(502, &[], ""))).confidence, Confidence::Low);
        let page = response(
            503,
            &[&[("server", "awselb/2.0")]],
            "<center><h1>503 Service Temporarily Unavailable</h1></center>",
        );
        assert!(failure(&origin_only(URL, page)).seen.contains("load balancer"));
    }

    #[test]
    fn an_applications_own_5xx_is_a_warning() {
        let answer = (CHECK.judge)(&edge(URL, response(503, &[PROXIED], r#"{"maintenance":true}"#)));
        assert!(matches!(answer, Ok(Verdict::Warn(_))), "{answer:?}");
    }

    #[test]
    fn what_the_edge_makes_is_not_the_integrations() {
        for answer in [
            response(522, &[EDGE_MADE], ""),
            response(503, &[EDGE_MADE, &[("cf-mitigated", "challenge")]], ""),
            response(502, &[EDGE_MADE], "<center>cloudflare</center>"),
            response(404, &[PROXIED, HTTP], r#"{"message":"Not Found"}"#),
            response(200, &[PROXIED, HTTP], "{}"),
        ] {
            assert!(matches!((CHECK.judge)(&edge(URL, answer.clone())), Ok(Verdict::Pass(_))), "{answer:?}");
        }
    }

    #[test]
    fn the_fix_fits_the_failure() {
        let fix = |answer| (CHECK.fix)(&edge(URL, answer), &Finding::seen("")).summary;
        assert!(fix(branded(504)).contains("time limit: do the slow part"));
        assert!(fix(response(500, &[HTTP], r#"{"message":"Internal Server Error"}"#)).contains("invoke it"));
        assert!(fix(response(503, &[PROXIED], "{}")).contains("application"));
    }
}
