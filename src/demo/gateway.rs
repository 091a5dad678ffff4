//! What answers at the origin: API Gateway with a custom domain, a function URL, an S3 website or a load balancer,
//! word for word as `facts/aws.md` section 4 has it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};

use super::serve::{self, Reply};
use super::token;

/// Which product answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// HTTP API.
    Http,
    /// REST API.
    Rest,
    /// A Lambda function URL: knows only its own name.
    FunctionUrl,
    /// An S3 website: HTTP only, the bucket is found by the Host.
    S3Website {
        /// The bucket that exists.
        bucket: &'static str,
    },
    /// A load balancer before the function: takes every Host and adds nothing to the function's answers.
    LoadBalancer,
}

/// The answer of the function behind `GET /endpoint`.
#[derive(Clone, Debug)]
pub struct Function {
    /// Status.
    pub status: u16,
    /// Header lines.
    pub headers: &'static [(&'static str, &'static str)],
    /// Body.
    pub body: &'static str,
    /// Time until it answers; beyond the gateway's own limit the gateway answers for it.
    pub takes: Duration,
    /// It throws, or answers in a form that the gateway cannot read.
    pub crashes: bool,
}

/// The gateway's limit for an integration: 29 s (REST) and 30 s (HTTP) in reality, shortened here so that nobody has
/// to wait.
pub const INTEGRATION_LIMIT: Duration = Duration::from_millis(700);

/// The one route besides `/ping`.
pub(super) const ROUTE: &str = "/endpoint";

/// The header that a Transform Rule of the zone adds and an authorizer at the origin demands (`facts/aws.md`
/// section 6.2, "secret header").
pub(super) const SECRET: (&str, &str) = ("x-origin-secret", "demo");

/// An API, and the custom domain before it.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub(super) product: Product,
    /// The custom domain's name; `None`: nobody made one.
    pub(super) domain: Option<String>,
    /// Is there a mapping from the custom domain to the API?
    pub(super) mapped: bool,
    /// Does an authorizer (or a listener rule) demand the secret header?
    pub(super) demands_secret: bool,
    pub(super) function: Function,
}

impl Api {
    /// The answer to a request that got as far as HTTP; `trusted` is false for a client certificate that the trust
    /// store does not hold (`facts/aws.md` section 3.4: 403, not an alert).
    pub(super) async fn answer(&self, request: &Request<Bytes>, trusted: bool) -> Reply {
        let host = serve::host(request);
        match self.product {
            Product::FunctionUrl if !host.ends_with(".on.aws") => denied(),
            Product::FunctionUrl => self.at_function_url().await,
            Product::S3Website { bucket } if bucket != host => no_such_bucket(&host),
            Product::S3Website { .. } => self.at_website(request),
            Product::LoadBalancer => self.behind_balancer(request).await,
            Product::Http | Product::Rest if !trusted || self.domain.as_deref() != Some(host.as_str()) => {
                // Asked for a name that no custom domain has, the front door of the region answers, the same for both.
                rest(403, "ForbiddenException", r#"{"message":"Forbidden"}"#)
            }
            Product::Http => self.http_api(request).await,
            Product::Rest => self.rest_api(request).await,
        }
    }

    async fn http_api(&self, request: &Request<Bytes>) -> Reply {
        if !self.mapped || !is_route(request) {
            return http(404, r#"{"message":"Not Found"}"#);
        }
        if self.demands_secret && !has_secret(request) {
            return http(403, r#"{"message":"Forbidden"}"#);
        }
        match self.invoke().await {
            Invoked::Answered => self.passed_on(http(self.function.status, self.function.body)),
            Invoked::Crashed => http(500, r#"{"message":"Internal Server Error"}"#),
            Invoked::TimedOut => {
                let mut reply = http(503, r#"{"message":"Service Unavailable"}"#);
                reply.headers_mut().remove(header::CONTENT_TYPE);
                reply
            }
        }
    }

    async fn rest_api(&self, request: &Request<Bytes>) -> Reply {
        if !self.mapped {
            return rest(403, "ForbiddenException", r#"{"message":"Forbidden"}"#);
        }
        if !is_route(request) {
            let missing = r#"{"message":"Missing Authentication Token"}"#;
            return rest(403, "MissingAuthenticationTokenException", missing);
        }
        if self.demands_secret && !has_secret(request) {
            let denied = r#"{"Message":"User is not authorized to access this resource with an explicit deny"}"#;
            return rest(403, "AccessDeniedException", denied);
        }
        match self.invoke().await {
            Invoked::Answered => self.passed_on(rest(self.function.status, "", self.function.body)),
            Invoked::Crashed => rest(502, "InternalServerErrorException", r#"{"message": "Internal server error"}"#),
            Invoked::TimedOut => rest(504, "", r#"{"message": "Endpoint request timed out"}"#),
        }
    }

    async fn at_function_url(&self) -> Reply {
        match self.invoke().await {
            Invoked::Answered => {
                let mut reply = serve::reply(self.function.status, JSON, self.function.body);
                set(reply.headers_mut(), "x-amzn-requestid", &token::uuid());
                self.passed_on(reply)
            }
            Invoked::Crashed | Invoked::TimedOut => serve::reply(502, &[], "Internal Server Error"),
        }
    }

    fn at_website(&self, request: &Request<Bytes>) -> Reply {
        if is_route(request) {
            return self.passed_on(s3(serve::reply(self.function.status, JSON, self.function.body)));
        }
        s3(serve::reply(404, HTML, s3_page("404 Not Found", "NoSuchKey", "The specified key does not exist.", "")))
    }

    async fn behind_balancer(&self, request: &Request<Bytes>) -> Reply {
        if !is_route(request) {
            return serve::reply(404, HTML, "<html><head><title>404 Not Found</title></head></html>");
        }
        if self.demands_secret && !has_secret(request) {
            // A listener rule's fixed answer: made by the balancer, not by what is behind it.
            return serve::reply(
                403,
                &[("content-type", "text/plain; charset=utf-8"), ("server", "awselb/2.0")],
                "Forbidden",
            );
        }
        match self.invoke().await {
            Invoked::Answered => self.passed_on(serve::reply(self.function.status, JSON, self.function.body)),
            Invoked::Crashed | Invoked::TimedOut => {
                let page = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1>\
                            </center></body></html>";
                serve::reply(502, &[("content-type", "text/html"), ("server", "awselb/2.0")], page)
            }
        }
    }

    async fn invoke(&self) -> Invoked {
        if self.function.takes > INTEGRATION_LIMIT {
            tokio::time::sleep(INTEGRATION_LIMIT).await;
            return Invoked::TimedOut;
        }
        tokio::time::sleep(self.function.takes).await;
        if self.function.crashes { Invoked::Crashed } else { Invoked::Answered }
    }

    /// With the function's own header lines, which the products pass on unchanged (`facts/aws.md` section 5.1).
    fn passed_on(&self, mut reply: Reply) -> Reply {
        for (name, value) in self.function.headers {
            let (name, value) = (http::HeaderName::from_static(name), HeaderValue::from_static(value));
            if name == header::CONTENT_TYPE {
                reply.headers_mut().insert(name, value);
            } else {
                reply.headers_mut().append(name, value);
            }
        }
        reply
    }
}

/// What became of an invocation.
enum Invoked {
    Answered,
    Crashed,
    TimedOut,
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const HTML: &[(&str, &str)] = &[("content-type", "text/html; charset=utf-8")];

/// Routes are literal: HEAD has none unless somebody makes one (`facts/aws.md` section 5.10).
fn is_route(request: &Request<Bytes>) -> bool {
    request.method() == Method::GET && request.uri().path() == ROUTE
}

fn has_secret(request: &Request<Bytes>) -> bool {
    request.headers().get(SECRET.0).is_some_and(|value| value == SECRET.1)
}

fn http(status: u16, body: &'static str) -> Reply {
    let mut reply = serve::reply(status, JSON, body);
    set(reply.headers_mut(), "apigw-requestid", &token::short());
    reply
}

fn rest(status: u16, error: &'static str, body: &'static str) -> Reply {
    let mut reply = serve::reply(status, JSON, body);
    let headers = reply.headers_mut();
    set(headers, "x-amzn-requestid", &token::uuid());
    set(headers, "x-amz-apigw-id", &token::short());
    if !error.is_empty() {
        set(headers, "x-amzn-errortype", error);
    }
    reply
}

/// A function URL asked for another name; the body is of the product's style, its exact words are not known.
fn denied() -> Reply {
    let mut reply = serve::reply(403, JSON, r#"{"Message":"Forbidden"}"#);
    set(reply.headers_mut(), "x-amzn-requestid", &token::uuid());
    set(reply.headers_mut(), "x-amzn-errortype", "AccessDeniedException");
    reply
}

fn no_such_bucket(host: &str) -> Reply {
    let bucket = format!("<li>BucketName: {host}</li>\n");
    s3(serve::reply(
        404,
        HTML,
        s3_page("404 Not Found", "NoSuchBucket", "The specified bucket does not exist", &bucket),
    ))
}

fn s3_page(title: &str, code: &str, message: &str, more: &str) -> String {
    format!(
        "<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n<li>Code: {code}</li>\n\
         <li>Message: {message}</li>\n{more}<li>RequestId: {}</li>\n</ul>\n<hr/>\n</body>\n</html>\n",
        token::short()
    )
}

fn s3(mut reply: Reply) -> Reply {
    let headers = reply.headers_mut();
    set(headers, "server", "AmazonS3");
    set(headers, "x-amz-request-id", &token::short());
    set(headers, "x-amz-id-2", &token::short());
    reply
}

pub(super) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(http::HeaderName::from_static(name), value);
    }
}
