//! The origin: a regional API Gateway with a custom domain, as `facts/aws.md` sections 1 and 4 describe it, or what
//! stands in its place.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;

use super::pki::{OriginCertificate, Pki};
use super::serve::{self, Port, Reply};
use super::{DemoError, HOST, REGION};
use crate::probe::tls::provider;

/// Which product answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// HTTP API.
    Http,
    /// REST API.
    Rest,
    /// A Lambda function URL: knows only its own name.
    FunctionUrl,
}

/// What happens on port 443 before any HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// TLS.
    Tls,
    /// TLS 1.0 and nothing newer.
    Tls10,
    /// Connection refused.
    Refused,
    /// Takes the connection and says nothing.
    Silent,
    /// Resets.
    Reset,
    /// Plain HTTP where TLS should be.
    PlainHttp,
}

/// What happens on port 80.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainDoor {
    /// Connection refused, as API Gateway does.
    Refused,
    /// Redirects to `https://`.
    Redirects,
    /// Serves.
    Serves,
}

/// The answer of the function behind the route `/endpoint`.
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
}

/// The gateway's limit for an integration: 29 and 30 s in reality, shortened here so that nobody has to wait.
pub const INTEGRATION_LIMIT: Duration = Duration::from_millis(1500);

/// The origin of a scenario.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The certificate of the custom domain.
    pub certificate: OriginCertificate,
    /// Are client certificates demanded?
    pub mutual_tls: bool,
    /// Port 443.
    pub door: Door,
    /// Port 80.
    pub plain: PlainDoor,
    /// Who answers.
    pub product: Product,
    /// Is there a mapping from the custom domain to the API?
    pub mapped: bool,
    /// What the route `GET /endpoint` brings.
    pub function: Function,
}

/// The running origin.
pub(super) struct Running {
    pub(super) https: Port,
    pub(super) http: Port,
}

struct Names {
    domain: Option<Arc<CertifiedKey>>,
    service: Arc<CertifiedKey>,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl ResolvesServerCert for Names {
    /// TLS does not fail for an unknown name: the service's own certificate is shown (`facts/aws.md` section 0.1).
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match (&self.domain, hello.server_name()) {
            (Some(domain), Some(HOST)) => Some(domain.clone()),
            _ => Some(self.service.clone()),
        }
    }
}

pub(super) async fn start(origin: &Origin, pki: &Pki) -> Result<Running, DemoError> {
    let own_name = origin.product == Product::FunctionUrl;
    let domain = if own_name { None } else { pki.origin(origin.certificate, HOST)? };
    let names = Names { domain, service: pki.service(REGION)? };
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = if origin.mutual_tls {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(pki.origin_pull.der())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| DemoError::Setup(error.to_string()))?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut tls = builder.with_cert_resolver(Arc::new(names));
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let shared = Arc::new(origin.clone());
    let handler = move |request: Request<Bytes>| {
        let origin = shared.clone();
        async move { Some(answer(&origin, &request).await) }
    };
    let https = match origin.door {
        Door::Tls => serve::https(Arc::new(tls), handler.clone()).await?,
        Door::Tls10 => serve::tls10().await?,
        Door::Refused => serve::refusing().await?,
        Door::Silent => serve::silent().await?,
        Door::Reset => serve::resetting().await?,
        Door::PlainHttp => serve::http(handler.clone()).await?,
    };
    let http = match origin.plain {
        PlainDoor::Refused => serve::refusing().await?,
        PlainDoor::Serves => serve::http(handler).await?,
        PlainDoor::Redirects => serve::http(|request: Request<Bytes>| async move { Some(redirect(&request)) }).await?,
    };
    Ok(Running { https, http })
}

fn redirect(request: &Request<Bytes>) -> Reply {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut reply = serve::reply(301, &[], "");
    if let Ok(location) = HeaderValue::try_from(format!("https://{}{path}", serve::host(request))) {
        reply.headers_mut().insert(header::LOCATION, location);
    }
    reply
}

async fn answer(origin: &Origin, request: &Request<Bytes>) -> Reply {
    let known = match origin.product {
        Product::FunctionUrl => serve::host(request).ends_with(".on.aws"),
        _ => serve::host(request) == HOST && origin.certificate != OriginCertificate::Service,
    };
    if !known {
        return match origin.product {
            Product::FunctionUrl => denied(),
            _ => forbidden(),
        };
    }
    let path = request.uri().path();
    let get = request.method() == http::Method::GET;
    if !origin.mapped {
        return match origin.product {
            Product::Rest => forbidden(),
            _ => not_found(),
        };
    }
    if !get || !path.starts_with("/endpoint") {
        return match origin.product {
            Product::Rest => {
                rest(403, "MissingAuthenticationTokenException", r#"{"message":"Missing Authentication Token"}"#)
            }
            _ => not_found(),
        };
    }
    let function = &origin.function;
    if function.takes > INTEGRATION_LIMIT {
        tokio::time::sleep(INTEGRATION_LIMIT).await;
        return match origin.product {
            Product::Rest => rest(504, "InternalServerErrorException", r#"{"message": "Endpoint request timed out"}"#),
            _ => http_api(503, &[], r#"{"message":"Service Unavailable"}"#),
        };
    }
    tokio::time::sleep(function.takes).await;
    match origin.product {
        Product::Rest => {
            let mut reply = rest(function.status, "", function.body);
            add(reply.headers_mut(), function.headers);
            reply
        }
        _ => http_api(function.status, function.headers, function.body),
    }
}

/// The front door's answer for a name that no custom domain has, in every region (`facts/aws.md` section 4.2).
fn forbidden() -> Reply {
    rest(403, "ForbiddenException", r#"{"message":"Forbidden"}"#)
}

fn not_found() -> Reply {
    http_api(404, &[], r#"{"message":"Not Found"}"#)
}

fn denied() -> Reply {
    let mut reply = serve::reply(403, &[("content-type", "application/json")], r#"{"Message":"Forbidden"}"#);
    add(
        reply.headers_mut(),
        &[("x-amzn-requestid", "5f0c1a52-3b1e-4c43-9a0e-2f6f3a1c7d11"), ("x-amzn-errortype", "AccessDeniedException")],
    );
    reply
}

fn rest(status: u16, error: &'static str, body: &'static str) -> Reply {
    let mut reply = serve::reply(status, &[("content-type", "application/json")], body);
    add(
        reply.headers_mut(),
        &[("x-amzn-requestid", "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"), ("x-amz-apigw-id", "AbCdEfGhIAMFq1w=")],
    );
    if !error.is_empty() {
        add(reply.headers_mut(), &[("x-amzn-errortype", error)]);
    }
    reply
}

fn http_api(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Reply {
    let mut reply = serve::reply(status, &[("content-type", "application/json")], body);
    add(reply.headers_mut(), &[("apigw-requestid", "JKlmNoPqIAMEvxg=")]);
    add(reply.headers_mut(), headers);
    reply
}

fn add(headers: &mut HeaderMap, lines: &[(&'static str, &'static str)]) {
    for (name, value) in lines {
        let (name, value) = (http::HeaderName::from_static(name), HeaderValue::from_static(value));
        if name == header::CONTENT_TYPE {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
}
