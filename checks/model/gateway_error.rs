//! What API Gateway, or a Lambda function URL, says in its own name (`facts/aws.md` sections 4.1 and 4.2).
//!
//! `x-amzn-errortype` is the proof; bodies are hints (all but the 413 can be re-templated, and an application may write
//! the same words), so a hint counts only where nothing shows the application's hand.

use serde::{Deserialize, Serialize};

use super::attribution::AnsweredBy;
use crate::evidence::Response;

/// An error in the service's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayError {
    /// Which error.
    pub kind: GatewayErrorKind,
    /// Which product says so; `None`: the words are the same in several, and no header tells.
    pub product: Option<AnsweredBy>,
    /// Told by `x-amzn-errortype`, not only by the body.
    pub by_header: bool,
    /// The message of the body.
    pub message: Option<String>,
}

/// The errors that matter here (`facts/aws.md` section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayErrorKind {
    /// `Forbidden`: unknown Host, no mapping, disabled endpoint, API key, mutual TLS, AWS WAF … all in the same words.
    Forbidden,
    /// `Not Found`: no route (HTTP API).
    NotFound,
    /// `Missing Authentication Token`: no such resource, method or stage, or IAM and no signature (REST API).
    MissingAuthenticationToken,
    /// `User: … is not authorized to perform: execute-api:Invoke`: resource policy or IAM.
    AccessDenied,
    /// `User is not authorized to access this resource`: a Lambda authorizer said no.
    NotAuthorized,
    /// `Unauthorized`: an authorizer wants a token.
    Unauthorized,
    /// A token or signature has expired.
    ExpiredToken,
    /// A SigV4 signature does not fit.
    InvalidSignature,
    /// `Too Many Requests`: throttled.
    TooManyRequests,
    /// `Limit Exceeded`: a usage plan's quota.
    LimitExceeded,
    /// The request body is too large.
    RequestTooLarge,
    /// Another 4xx that the service makes: 400, 414, 415.
    BadRequest,
    /// `Internal server error`: the integration, or the permission to call it, failed.
    InternalServerError,
    /// The authorizer itself failed or is misconfigured.
    AuthorizerFailure,
    /// `Endpoint request timed out`: the REST API's integration time limit.
    EndpointRequestTimedOut,
    /// `Service Unavailable`: the HTTP API's integration time limit.
    ServiceUnavailable,
    /// A name that is not known here.
    Other,
}

/// The message of a body that is an object with nothing but `message` (or `Message`).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    text: String,
    /// `Message`, as function URLs and IAM write it.
    capital: bool,
    /// `{"message": "…"}` with a space, as REST integration errors are written.
    spaced: bool,
}

impl Message {
    /// REST's words for an integration that failed, with their status.
    fn is_of_integration(&self, status: u16) -> bool {
        self.spaced
            && !self.capital
            && matches!(
                (status, self.text.as_str()),
                (504, "Endpoint request timed out") | (500 | 502, "Internal server error")
            )
    }
}

/// The service's own error in this answer, if it is one. `application` says that something shows the application's hand.
pub(super) fn decode(response: &Response, application: bool) -> Option<GatewayError> {
    if response.status < 400 {
        return None;
    }
    let message = message(&response.body.prefix);
    let text = message.as_ref().map(|message| message.text.clone());
    let product = product_by_header(response);
    if let Some(name) = response.headers.first("x-amzn-errortype") {
        let name = name.split(':').next().unwrap_or(name).trim();
        let kind = kind_by_type(name, text.as_deref());
        // Policies speak with a capital Message too, but they name execute-api.
        let policy = text.as_deref().is_some_and(|text| text.contains("execute-api"));
        let capital = message.as_ref().is_some_and(|message| message.capital);
        let product = match product {
            Some(AnsweredBy::FunctionUrl) | None if policy => Some(AnsweredBy::ApiGatewayRest),
            None if capital => Some(AnsweredBy::FunctionUrl),
            None => Some(AnsweredBy::ApiGatewayRest),
            told => told,
        };
        return Some(GatewayError { kind, product, by_header: true, message: text });
    }
    // A REST error carries x-amzn-errortype; a whole head without it is the application's, except for the two that the
    // integration's failure brings, in words and spacing of their own (`facts/aws.md` section 4.1).
    let whole_rest = product == Some(AnsweredBy::ApiGatewayRest) && response.headers.has("date");
    if application
        || (whole_rest && !message.as_ref().is_some_and(|message| message.is_of_integration(response.status)))
    {
        return None;
    }
    if is_function_url_crash(response) {
        let kind = GatewayErrorKind::InternalServerError;
        let message = Some(response.body.prefix.trim().to_owned());
        return Some(GatewayError { kind, product: Some(AnsweredBy::FunctionUrl), by_header: false, message });
    }
    let message = message?;
    let (kind, wording) = kind_by_words(response.status, &message)?;
    Some(GatewayError { kind, product: product.or(wording), by_header: false, message: text })
}

/// The product by its request-id headers (`facts/aws.md` section 0, fact 2).
pub(super) fn product_by_header(response: &Response) -> Option<AnsweredBy> {
    let has = |name| response.headers.has(name);
    if has("x-amz-apigw-id") {
        Some(AnsweredBy::ApiGatewayRest)
    } else if has("apigw-requestid") {
        Some(AnsweredBy::ApiGatewayHttp)
    } else if has("x-amzn-requestid") && response.headers.first("x-amzn-errortype").is_none_or(is_function_urls) {
        Some(AnsweredBy::FunctionUrl)
    } else {
        None
    }
}

/// The one error type that function URLs are known to send.
fn is_function_urls(name: &str) -> bool {
    name.split(':').next().is_some_and(|name| name.trim() == "AccessDeniedException")
}

/// A function URL's answer for a function that crashed: 502 with plain text (`facts/aws.md` G21).
fn is_function_url_crash(response: &Response) -> bool {
    response.status == 502
        && product_by_header(response) == Some(AnsweredBy::FunctionUrl)
        && response.body.prefix.trim() == "Internal Server Error"
}

fn message(body: &str) -> Option<Message> {
    let body = body.trim();
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).ok()?;
    if object.len() != 1 {
        return None;
    }
    let (key, value) = object.iter().next()?;
    let text = value.as_str()?.to_owned();
    let spaced = body.starts_with("{\"message\": ");
    match key.as_str() {
        "message" => Some(Message { text, capital: false, spaced }),
        "Message" => Some(Message { text, capital: true, spaced }),
        _ => None,
    }
}

fn kind_by_type(name: &str, message: Option<&str>) -> GatewayErrorKind {
    use GatewayErrorKind::*;
    match name {
        "ForbiddenException" => Forbidden,
        "NotFoundException" => NotFound,
        "MissingAuthenticationTokenException" => MissingAuthenticationToken,
        "AccessDeniedException" if message.is_some_and(is_authorizers) => NotAuthorized,
        "AccessDeniedException" => AccessDenied,
        "UnauthorizedException" => Unauthorized,
        "ExpiredTokenException" => ExpiredToken,
        "InvalidSignatureException" | "IncompleteSignatureException" | "UnrecognizedClientException" => {
            InvalidSignature
        }
        "TooManyRequestsException" | "ThrottlingException" => TooManyRequests,
        "LimitExceededException" => LimitExceeded,
        "RequestTooLargeException" => RequestTooLarge,
        "BadRequestException" | "UnsupportedMediaTypeException" => BadRequest,
        "InternalServerErrorException" if message == Some("Endpoint request timed out") => EndpointRequestTimedOut,
        "InternalServerErrorException" | "InternalFailureException" => InternalServerError,
        "AuthorizerConfigurationException" | "AuthorizerFailureException" => AuthorizerFailure,
        "ServiceUnavailableException" => ServiceUnavailable,
        _ if message == Some("Endpoint request timed out") => EndpointRequestTimedOut,
        _ => Other,
    }
}

/// By the words and the status that goes with them; the letter case tells REST from HTTP API (`facts/aws.md` fact 2).
fn kind_by_words(status: u16, message: &Message) -> Option<(GatewayErrorKind, Option<AnsweredBy>)> {
    use GatewayErrorKind::*;
    let (rest, http) = (Some(AnsweredBy::ApiGatewayRest), Some(AnsweredBy::ApiGatewayHttp));
    Some(match (status, message.text.as_str()) {
        (403, text) if text.contains("Function URL authorization") => (AccessDenied, Some(AnsweredBy::FunctionUrl)),
        (403, text) if text.starts_with("User:") && text.contains("execute-api:Invoke") => (AccessDenied, rest),
        (403, text) if is_authorizers(text) => (NotAuthorized, rest),
        (403, "Missing Authentication Token") => (MissingAuthenticationToken, rest),
        (403, "Forbidden") if message.capital => (AccessDenied, Some(AnsweredBy::FunctionUrl)),
        (403, "Forbidden") => (Forbidden, None),
        (401, "Unauthorized") => (Unauthorized, None),
        (404, "Not Found") => (NotFound, http),
        (413, _) => (RequestTooLarge, None),
        (429, "Too Many Requests") => (TooManyRequests, None),
        (429, "Limit Exceeded") => (LimitExceeded, rest),
        (500 | 502, "Internal server error") => (InternalServerError, rest),
        (500, "Internal Server Error") => (InternalServerError, http.filter(|_| !message.spaced)),
        (503, "Service Unavailable") => (ServiceUnavailable, http),
        (504, "Endpoint request timed out") => (EndpointRequestTimedOut, rest),
        _ => return None,
    })
}

fn is_authorizers(text: &str) -> bool {
    text.starts_with("User is not authorized to access this resource")
}

impl GatewayErrorKind {
    /// The words that people search for.
    pub fn name(self) -> &'static str {
        use GatewayErrorKind::*;
        match self {
            Forbidden => "Forbidden",
            NotFound => "Not Found",
            MissingAuthenticationToken => "Missing Authentication Token",
            AccessDenied => "access denied by policy",
            NotAuthorized => "User is not authorized",
            Unauthorized => "Unauthorized",
            ExpiredToken => "expired token",
            InvalidSignature => "invalid signature",
            TooManyRequests => "Too Many Requests",
            LimitExceeded => "Limit Exceeded",
            RequestTooLarge => "request too large",
            BadRequest => "bad request",
            InternalServerError => "Internal server error",
            AuthorizerFailure => "authorizer failure",
            EndpointRequestTimedOut => "Endpoint request timed out",
            ServiceUnavailable => "Service Unavailable",
            Other => "an error of its own",
        }
    }
}

impl GatewayError {
    /// The product as people write it.
    pub fn product_name(&self) -> &'static str {
        self.product.map_or("API Gateway", AnsweredBy::title)
    }
}

#[cfg(test)]
mod tests {
    use super::GatewayErrorKind::*;
    use super::*;
    use crate::evidence::http::{Body, Headers};

    fn answer(status: u16, headers: Headers, body: &str) -> Response {
        let body = Body { length: body.len() as u64, prefix: body.into(), ..Body::default() };
        Response { status, version: "HTTP/1.1".into(), headers, body }
    }

    #[test]
    fn the_error_type_is_cut_at_its_colon() {
        let headers =
            [("x-amzn-errortype", "ForbiddenException:http://internal.amazon.com/coral/"), ("x-amz-apigw-id", "abc=")];
        let found = decode(&answer(403, headers.into(), r#"{"message":"Forbidden"}"#), false).unwrap();
        assert_eq!((found.kind, found.product, found.by_header), (Forbidden, Some(AnsweredBy::ApiGatewayRest), true));
    }

    #[test]
    fn a_policy_is_not_a_function_url() {
        let headers = || [("x-amzn-requestid", "u"), ("x-amzn-errortype", "AccessDeniedException")].into();
        let policy = r#"{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: x"}"#;
        let product = |body| decode(&answer(403, headers(), body), false).and_then(|error| error.product);
        assert_eq!(product(policy), Some(AnsweredBy::ApiGatewayRest));
        assert_eq!(product(r#"{"Message":"Forbidden"}"#), Some(AnsweredBy::FunctionUrl));
    }

    #[test]
    fn words_and_letter_case_tell() {
        use AnsweredBy::*;
        for (status, body, kind, product) in [
            (403, r#"{"message":"Forbidden"}"#, Forbidden, None),
            (403, r#"{"message":"Missing Authentication Token"}"#, MissingAuthenticationToken, Some(ApiGatewayRest)),
            (404, r#"{"message":"Not Found"}"#, NotFound, Some(ApiGatewayHttp)),
            (500, r#"{"message":"Internal Server Error"}"#, InternalServerError, Some(ApiGatewayHttp)),
            (502, r#"{"message": "Internal server error"}"#, InternalServerError, Some(ApiGatewayRest)),
            (503, r#"{"message":"Service Unavailable"}"#, ServiceUnavailable, Some(ApiGatewayHttp)),
            (504, r#"{"message": "Endpoint request timed out"}"#, EndpointRequestTimedOut, Some(ApiGatewayRest)),
            (
                403,
                r#"{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: x"}"#,
                AccessDenied,
                Some(ApiGatewayRest),
            ),
            (
                403,
                r#"{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: x"}"#,
                AccessDenied,
                Some(FunctionUrl),
            ),
            (
                403,
                r#"{"Message":"User is not authorized to access this resource with an explicit deny"}"#,
                NotAuthorized,
                Some(ApiGatewayRest),
            ),
        ] {
            let found = decode(&answer(status, Headers::default(), body), false);
            assert_eq!(found.map(|e| (e.kind, e.product, e.by_header)), Some((kind, product, false)), "{body}");
        }
    }

    #[test]
    fn an_applications_own_errors_are_not_the_gateways() {
        let http = || [("apigw-requestid", "a=")].into();
        for (status, headers, body, application) in [
            (404, http(), r#"{"message":"Not Found","path":"/x"}"#, false),
            (404, http(), r#"{"error":"Not Found"}"#, false),
            (404, http(), r#"{"message":"Not Found"}"#, true),
            (404, http(), "Not Found", false),
            (200, http(), r#"{"message":"Forbidden"}"#, false),
            (404, [("x-amz-apigw-id", "a="), ("date", "x")].into(), r#"{"message":"Not Found"}"#, false),
            (418, http(), r#"{"message":"Forbidden"}"#, false),
        ] {
            assert_eq!(decode(&answer(status, headers, body), application), None, "{status} {body}");
        }
    }

    #[test]
    fn a_function_url_that_crashed() {
        let headers: Headers = [("x-amzn-requestid", "u")].into();
        let found = decode(&answer(502, headers, "Internal Server Error"), false).unwrap();
        assert_eq!((found.kind, found.product), (InternalServerError, Some(AnsweredBy::FunctionUrl)));
        assert_eq!(decode(&answer(502, Headers::default(), "Internal Server Error"), false), None);
    }
}
