//! Which box answered: told from status, headers and body (`facts/aws.md` sections 4.1 and 4.2, `facts/cloudflare.md`
//! sections 1.1 A, 2 and 6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloudflare;
use super::gateway_error::{self, GatewayError};
use crate::evidence::http::Headers;
use crate::evidence::{Evidence, Exchanges, Response};

/// The box that made an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    /// Cloudflare's edge itself: error page, challenge, block, redirect.
    Edge,
    /// A Cloudflare Worker.
    Worker,
    /// CloudFront itself.
    CloudFront,
    /// An HTTP API: its own error, or a success that it passed on.
    ApiGatewayHttp,
    /// A REST (or WebSocket) API: its own error, or a success that it passed on.
    ApiGatewayRest,
    /// A Lambda function URL.
    FunctionUrl,
    /// What stands behind the gateway: an error that is not the gateway's own.
    Lambda,
    /// An application load balancer itself.
    Alb,
    /// S3.
    S3,
    /// A web server or application that is none of these.
    Application,
    /// Could not be told.
    #[default]
    Unknown,
}

impl AnsweredBy {
    /// As in the report: `api-gateway-http`.
    pub fn word(self) -> &'static str {
        match self {
            AnsweredBy::Edge => "edge",
            AnsweredBy::Worker => "worker",
            AnsweredBy::CloudFront => "cloudfront",
            AnsweredBy::ApiGatewayHttp => "api-gateway-http",
            AnsweredBy::ApiGatewayRest => "api-gateway-rest",
            AnsweredBy::FunctionUrl => "function-url",
            AnsweredBy::Lambda => "lambda",
            AnsweredBy::Alb => "alb",
            AnsweredBy::S3 => "s3",
            AnsweredBy::Application => "application",
            AnsweredBy::Unknown => "unknown",
        }
    }

    /// As people write it in a sentence: "API Gateway (HTTP API)".
    pub fn title(self) -> &'static str {
        match self {
            AnsweredBy::Edge => "Cloudflare's edge",
            AnsweredBy::Worker => "a Cloudflare Worker",
            AnsweredBy::CloudFront => "CloudFront",
            AnsweredBy::ApiGatewayHttp => "API Gateway (HTTP API)",
            AnsweredBy::ApiGatewayRest => "API Gateway (REST API)",
            AnsweredBy::FunctionUrl => "the Lambda function URL",
            AnsweredBy::Lambda => "the application behind API Gateway",
            AnsweredBy::Alb => "the load balancer",
            AnsweredBy::S3 => "S3",
            AnsweredBy::Application => "the application",
            AnsweredBy::Unknown => "a box that could not be told",
        }
    }

    /// Is it API Gateway, of either kind?
    pub fn is_gateway(self) -> bool {
        matches!(self, AnsweredBy::ApiGatewayHttp | AnsweredBy::ApiGatewayRest)
    }
}

/// Who made an answer, and how that was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// The box.
    pub by: AnsweredBy,
    /// The error that API Gateway or a function URL made in its own name.
    pub product_error: Option<GatewayError>,
    /// The lines that tell, quotable.
    pub proof: Vec<String>,
}

/// Who made this answer?
pub fn attribute(response: &Response) -> Attribution {
    let (by, proof) = edge(response)
        .or_else(|| worker(response))
        .or_else(|| store(response))
        .or_else(|| cloudfront_page(response))
        .unwrap_or((AnsweredBy::Unknown, Vec::new()));
    if by != AnsweredBy::Unknown {
        return Attribution { by, product_error: None, proof };
    }
    // API Gateway marks every answer with a request id, so a whole head without one rules it out.
    let unmarked = has_whole_head(response) && !cloudflare::is_forwarded_by_aws(response);
    let product_error = gateway_error::decode(response, unmarked || shows_application(response));
    let (by, proof) = match &product_error {
        Some(error) => (error.product.unwrap_or_default(), gateway_proof(response, error)),
        None => passed_on(response).unwrap_or_else(|| other(response)),
    };
    Attribution { by, product_error, proof }
}

/// The box that the report names: the edge's first answer, refined by the origin's own where the edge hides who it was
/// (its branded page takes the place of an origin's 502 and 504).
pub fn answered_by(evidence: &Evidence) -> AnsweredBy {
    let first = |http: &crate::evidence::Gathered<Exchanges>| {
        http.found().and_then(Exchanges::first).map(|response| (response.status, attribute(response).by))
    };
    let comparable = !evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
    let origin = first(&evidence.origin.http).filter(|_| comparable);
    match (first(&evidence.edge.http), origin) {
        (Some((at_edge, AnsweredBy::Unknown)), Some((at_origin, by))) if at_edge == at_origin => by,
        (Some((_, by)), _) => by,
        (None, origin) => origin.map_or(AnsweredBy::Unknown, |(_, by)| by),
    }
}

/// Were all headers seen? Reports quote a few; a head as sent has a date and says something of its content, and
/// through Cloudflare carries `server` and `cf-ray` besides.
pub fn has_whole_head(response: &Response) -> bool {
    let headers = &response.headers;
    let proxied = headers.has("cf-ray") || headers.has("cf-cache-status");
    let content = ["content-type", "content-length", "location", "transfer-encoding"];
    headers.has("date")
        && content.iter().any(|name| headers.has(name))
        && (!proxied || (headers.has("cf-ray") && headers.has("server")))
}

/// Is it a proxied answer that reached neither cache nor origin: whole, by Cloudflare, without `cf-cache-status`, and
/// without an AWS header (`facts/cloudflare.md` section 1.1 A)?
fn skipped_cache(response: &Response) -> bool {
    response.headers.has("cf-ray")
        && has_whole_head(response)
        && !response.headers.has("cf-cache-status")
        && !cloudflare::is_forwarded_by_aws(response)
}

type Told = (AnsweredBy, Vec<String>);

fn edge(response: &Response) -> Option<Told> {
    let mut proof: Vec<String> =
        ["cf-error-type", "cf-mitigated"].iter().flat_map(|name| response.headers.quote(name)).collect();
    if let Some(code) = cloudflare::error_code(response) {
        proof.push(format!("Cloudflare's error {code} (HTTP {})", response.status));
    } else if response.status >= 500 && cloudflare::is_plain_edge_page(response) {
        proof.push(format!("an unbranded {} page of the edge's own server", response.status));
    } else if matches!(response.status, 403 | 429 | 503) && cloudflare::security_page(response).is_some() {
        proof.extend(cloudflare::security_page(response).map(|mark| format!("page of Cloudflare's: {mark}")));
    } else if (response.is_redirect() || is_page_of_refusal(response)) && skipped_cache(response) {
        proof.push(format!("{} with cf-ray and without cf-cache-status: made before the cache", response.status));
    }
    (!proof.is_empty()).then_some((AnsweredBy::Edge, proof))
}

/// A block is a page unless its owner made it something else; a Worker's own refusal is seldom one.
fn is_page_of_refusal(response: &Response) -> bool {
    matches!(response.status, 403 | 429) && response.media_type().is_some_and(|kind| kind == "text/html")
}

/// A Worker's answer: proxied 2xx without `cf-cache-status`, `Location`, `cf-mitigated` and `cf-error-type`, all headers
/// seen (`facts/cloudflare.md` section 1.1 A).
fn worker(response: &Response) -> Option<Told> {
    let absent = ["cf-cache-status", "location", "cf-mitigated", "cf-error-type"];
    let is_one = (200..300).contains(&response.status)
        && response.headers.has("cf-ray")
        && has_whole_head(response)
        && !absent.iter().any(|name| response.headers.has(name));
    is_one.then(|| {
        let mut proof = response.headers.quote("cf-ray");
        proof.push(format!("a proxied {} without cf-cache-status", response.status));
        (AnsweredBy::Worker, proof)
    })
}

fn store(response: &Response) -> Option<Told> {
    let headers = &response.headers;
    if headers.first("server") == Some("AmazonS3") || (headers.has("x-amz-id-2") && headers.has("x-amz-request-id")) {
        let mut proof: Vec<String> =
            ["server", "x-amz-request-id"].iter().flat_map(|name| headers.quote(name)).collect();
        proof.retain(|line| !is_cloudflares(line));
        return Some((AnsweredBy::S3, proof));
    }
    let code = s3_code(response)?;
    Some((AnsweredBy::S3, vec![format!("S3's error code in the body: {code}")]))
}

/// The error code in S3's XML (REST) or HTML (website) body (`facts/aws.md` section 4.1).
pub fn s3_code(response: &Response) -> Option<&str> {
    const CODES: &[&str] = &[
        "NoSuchBucket",
        "NoSuchKey",
        "AccessDenied",
        "PermanentRedirect",
        "TemporaryRedirect",
        "InvalidBucketName",
        "AllAccessDisabled",
        "NoSuchWebsiteConfiguration",
        "MethodNotAllowed",
        "SlowDown",
        "InternalError",
    ];
    let body = &response.body.prefix;
    ["<Code>", "Code: "].iter().find_map(|mark| {
        let rest = &body[body.find(mark)? + mark.len()..];
        CODES.iter().copied().find(|code| {
            rest.strip_prefix(code).is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric()))
        })
    })
}

fn cloudfront_page(response: &Response) -> Option<Told> {
    let body = &response.body.prefix;
    let own = body.contains("Generated by cloudfront") || body.contains("The request could not be satisfied");
    (response.status >= 400 && own).then(|| {
        let mut proof = vec!["CloudFront's own page: \"The request could not be satisfied\"".to_owned()];
        proof.extend(response.headers.quote("x-cache"));
        (AnsweredBy::CloudFront, proof)
    })
}

fn gateway_proof(response: &Response, error: &GatewayError) -> Vec<String> {
    let names = ["x-amzn-errortype", "x-amz-apigw-id", "apigw-requestid", "x-amzn-requestid", "x-amz-cf-pop"];
    let mut proof: Vec<String> = names.iter().flat_map(|name| response.headers.quote(name)).collect();
    proof.extend(error.message.as_ref().map(|text| format!("body: {}", crate::evidence::text::shorten(text, 160))));
    proof
}

/// An answer that a gateway, a function URL, CloudFront or a load balancer passed on or made without words of its own.
fn passed_on(response: &Response) -> Option<Told> {
    let headers = &response.headers;
    let quote = |names: &[&str]| names.iter().flat_map(|name| headers.quote(name)).collect::<Vec<_>>();
    if let Some(product) = gateway_error::product_by_header(response) {
        let proof = quote(&["x-amz-apigw-id", "apigw-requestid", "x-amzn-requestid"]);
        let own_words = response.status >= 400 && !hides_origin(response);
        let by = if own_words && product.is_gateway() { AnsweredBy::Lambda } else { product };
        return Some((by, proof));
    }
    if headers.all("server").any(|server| server.starts_with("awselb/")) {
        return Some((AnsweredBy::Alb, quote(&["server"])));
    }
    let via = headers.all("via").any(|via| via.contains("(CloudFront)"));
    if via || headers.has("x-amz-cf-id") || headers.all("x-cache").any(|value| value.ends_with("from cloudfront")) {
        return Some((AnsweredBy::CloudFront, quote(&["via", "x-amz-cf-pop", "x-cache"])));
    }
    None
}

/// Does Cloudflare's branded page stand in place of what the origin said (`facts/cloudflare.md` section 6)?
pub fn hides_origin(response: &Response) -> bool {
    matches!(response.status, 502 | 504) && cloudflare::is_branded_page(response)
}

fn other(response: &Response) -> Told {
    if hides_origin(response) {
        let line = format!("Cloudflare's branded page takes the place of the origin's {}", response.status);
        return (AnsweredBy::Unknown, vec![line]);
    }
    if shows_application(response) {
        let names = ["x-powered-by", "server"];
        let lines = names.iter().flat_map(|name| response.headers.quote(name));
        return (AnsweredBy::Application, lines.filter(|line| !is_cloudflares(line)).collect());
    }
    if has_whole_head(response) && !skipped_cache(response) {
        return (AnsweredBy::Application, vec!["no header of an AWS service".into()]);
    }
    (AnsweredBy::Unknown, Vec::new())
}

/// `server: cloudflare` tells of the way, not of who wrote the answer.
fn is_cloudflares(line: &str) -> bool {
    line.to_ascii_lowercase().ends_with(": cloudflare")
}

/// Does something show that a web application wrote the answer? API Gateway's own errors carry none of these.
fn shows_application(response: &Response) -> bool {
    const SIGNS: &[&str] =
        &["x-powered-by", "etag", "last-modified", "x-request-id", "x-runtime", "x-amzn-remapped-date", "x-served-by"];
    let headers: &Headers = &response.headers;
    let remapped = headers.lines().iter().any(|line| starts_with(&line.name, "x-amzn-remapped-"));
    let own_server = headers.all("server").any(|server| {
        !["cloudflare", "server", "amazons3", "cloudfront", "amazon"]
            .iter()
            .any(|other| server.eq_ignore_ascii_case(other))
            && !starts_with(server, "awselb")
    });
    SIGNS.iter().any(|name| headers.has(name)) || remapped || own_server
}

/// Without regard to case.
fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::http::Body;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let body = Body { length: body.len() as u64, prefix: body.into(), ..Body::default() };
        Response { status, version: "HTTP/1.1".into(), headers, body }
    }

    const DATE: (&str, &str) = ("date", "Tue, 24 Nov 2026 10:00:00 GMT");
    const JSON: (&str, &str) = ("content-type", "application/json");
    const HTML: (&str, &str) = ("content-type", "text/html");
    const RAY: (&str, &str) = ("cf-ray", "8a1b2c3d4e5f6071-SEA");
    const SERVER: (&str, &str) = ("server", "cloudflare");
    const DYNAMIC: (&str, &str) = ("cf-cache-status", "DYNAMIC");

    fn by(status: u16, headers: &[(&str, &str)], body: &str) -> AnsweredBy {
        attribute(&answer(status, headers, body)).by
    }

    #[test]
    fn the_edge_itself() {
        assert_eq!(by(403, &[("cf-mitigated", "challenge")], ""), AnsweredBy::Edge);
        assert_eq!(by(502, &[("cf-error-type", "502")], ""), AnsweredBy::Edge);
        assert_eq!(by(521, &[], ""), AnsweredBy::Edge);
        assert_eq!(by(530, &[], "error code: 1016"), AnsweredBy::Edge);
        assert_eq!(by(301, &[RAY, SERVER, DATE, ("location", "https://x.example/")], ""), AnsweredBy::Edge);
        assert_eq!(by(403, &[RAY, SERVER, DATE, HTML], "blocked"), AnsweredBy::Edge);
        assert_eq!(by(403, &[RAY, SERVER, DATE, JSON], r#"{"error":"no key"}"#), AnsweredBy::Unknown, "a Worker's?");
        assert_eq!(by(502, &[RAY, SERVER, DATE, HTML], "<center>cloudflare</center>"), AnsweredBy::Edge);
    }

    #[test]
    fn a_worker_only_by_the_whole_rule() {
        assert_eq!(by(200, &[RAY, SERVER, DATE, JSON], "{}"), AnsweredBy::Worker);
        assert_ne!(by(200, &[RAY, JSON], "{}"), AnsweredBy::Worker, "not all headers were seen");
        assert_ne!(by(200, &[RAY, SERVER, DATE, JSON, DYNAMIC], "{}"), AnsweredBy::Worker);
        assert_ne!(by(404, &[RAY, SERVER, DATE, JSON], "{}"), AnsweredBy::Worker);
        assert_ne!(by(200, &[DATE, JSON], "{}"), AnsweredBy::Worker, "not proxied");
    }

    #[test]
    fn aws_products() {
        let rest = ("x-amz-apigw-id", "abc=");
        let http = ("apigw-requestid", "abc=");
        let request = ("x-amzn-requestid", "uuid");
        assert_eq!(by(200, &[RAY, SERVER, DATE, JSON, DYNAMIC, http], "{}"), AnsweredBy::ApiGatewayHttp);
        assert_eq!(by(200, &[rest, request], "{}"), AnsweredBy::ApiGatewayRest);
        assert_eq!(by(200, &[rest, request, ("x-amz-cf-id", "x")], "{}"), AnsweredBy::ApiGatewayRest, "edge-optimised");
        assert_eq!(by(404, &[DATE, JSON, http], r#"{"message":"Not Found"}"#), AnsweredBy::ApiGatewayHttp);
        assert_eq!(by(404, &[DATE, JSON, http], r#"{"detail":"Not Found"}"#), AnsweredBy::Lambda);
        assert_eq!(
            by(404, &[DATE, JSON, http, ("x-powered-by", "Express")], r#"{"message":"Not Found"}"#),
            AnsweredBy::Lambda
        );
        assert_eq!(by(500, &[DATE, JSON, rest, request], r#"{"message": "oops"}"#), AnsweredBy::Lambda);
        assert_eq!(by(200, &[DATE, JSON, request], "{}"), AnsweredBy::FunctionUrl);
        assert_eq!(
            by(403, &[request, ("x-amzn-errortype", "AccessDeniedException")], r#"{"Message":"Forbidden"}"#),
            AnsweredBy::FunctionUrl
        );
        assert_eq!(by(503, &[("server", "awselb/2.0")], "<center><h1>503</h1></center>"), AnsweredBy::Alb);
        assert_eq!(by(403, &[("x-cache", "Error from cloudfront")], ""), AnsweredBy::CloudFront);
        assert_eq!(by(403, &[], "<H2>The request could not be satisfied.</H2>"), AnsweredBy::CloudFront);
        assert_eq!(by(404, &[], "404 Not Found, Code: NoSuchBucket"), AnsweredBy::S3);
        assert_eq!(
            by(403, &[("x-amz-request-id", "1"), ("x-amz-id-2", "2"), ("via", "1.1 x (CloudFront)")], ""),
            AnsweredBy::S3
        );
    }

    #[test]
    fn ambiguous_words_name_the_error_but_no_product() {
        let found = attribute(&answer(403, &[RAY, SERVER], r#"{"message":"Forbidden"}"#));
        assert_eq!(found.by, AnsweredBy::Unknown);
        assert_eq!(found.product_error.map(|e| e.product), Some(None));
        let whole = attribute(&answer(403, &[RAY, SERVER, DATE, JSON, DYNAMIC], r#"{"message":"Forbidden"}"#));
        assert_eq!((whole.by, whole.product_error), (AnsweredBy::Application, None), "no request id of AWS");
    }

    #[test]
    fn others() {
        assert_eq!(
            by(404, &[DATE, JSON, RAY, SERVER, DYNAMIC], r#"{"message":"Nothing here"}"#),
            AnsweredBy::Application
        );
        assert_eq!(by(404, &[("x-powered-by", "PHP/8.3")], ""), AnsweredBy::Application);
        assert_eq!(by(404, &[], ""), AnsweredBy::Unknown);
        let hidden = answer(504, &[RAY, SERVER, DATE, HTML, DYNAMIC], "<div id=\"cf-error-details\">");
        assert_eq!(attribute(&hidden).by, AnsweredBy::Unknown);
        assert!(attribute(&hidden).proof[0].contains("branded"));
        let marked = [RAY, SERVER, DATE, HTML, DYNAMIC, ("apigw-requestid", "x=")];
        let page = "<title>api.example.com | 504: Gateway time-out</title><div id=\"cf-wrapper\">";
        assert_eq!(by(504, &marked, page), AnsweredBy::ApiGatewayHttp, "the page is not the application's");
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(
            status in 100u16..999,
            names in proptest::collection::vec(0usize..12, 0..8),
            value in "\\PC{0,40}",
            body in "\\PC{0,200}",
            mark in 0usize..6,
        ) {
            let known = ["date", "server", "cf-ray", "cf-cache-status", "cf-error-type", "cf-mitigated", "location",
                "content-type", "x-amzn-errortype", "x-amz-apigw-id", "apigw-requestid", "x-amzn-requestid"];
            let marks = ["", "<Code>", "Code: ", "Error 1016", "{\"message\":\"Forbidden\"}", "cf-error-details"];
            let headers: Vec<(&str, &str)> = names.iter().map(|at| (known[*at], value.as_str())).collect();
            let told = attribute(&answer(status, &headers, &format!("{}{body}", marks[mark])));
            proptest::prop_assert!(told.product_error.is_none() || status >= 400);
        }
    }
}
