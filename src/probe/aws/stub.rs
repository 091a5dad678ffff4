//! A table of answers on loopback, for what the emulator does not do: pages, refusals, throttling, routing modes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cfdoctor_checks::evidence::tls::{Der, TrustInputs};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::{AwsAccess, AwsRegions, Fixed};
use crate::probe::tls::provider;
use crate::settings::Settings;

/// One request as the stub saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) question: String,
    start: Instant,
    end: Instant,
}

pub(super) type Answers = BTreeMap<String, Vec<(u16, Value)>>;

/// The account.
#[derive(Clone)]
pub(super) struct Stub {
    pub(super) endpoint: String,
    pub(super) answers: Arc<Mutex<Answers>>,
    pub(super) seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// Opens an account in which nothing is.
    pub(super) async fn open(delay: Duration) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Stub::at(format!("http://{}", listener.local_addr().unwrap()));
        let server = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream, delay));
            }
        });
        stub
    }

    /// The same over TLS, under the name `localhost`; with what a client has to be told to trust it.
    pub(super) async fn open_secured() -> (Stub, Settings) {
        let issued = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let (certificate, key) = (issued.cert.der().clone(), issued.signing_key.serialize_der());
        let trust = TrustInputs { extra_roots: vec![Der(certificate.to_vec())], origin_ca: None };
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key).unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Stub::at(format!("https://localhost:{}", listener.local_addr().unwrap().port()));
        let server = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, acceptor) = (server.clone(), acceptor.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        server.serve(stream, Duration::ZERO).await;
                    }
                });
            }
        });
        (stub, Settings { trust, ..Settings::default() })
    }

    fn at(endpoint: String) -> Stub {
        Stub { endpoint, answers: Arc::default(), seen: Arc::default() }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, delay: Duration) {
        let service = service_fn(move |request| self.clone().answer(request, delay));
        // A client that goes away is no matter.
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    /// The answer to a question: `eu-west-1 /v2/domainnames?nextToken=2`, `eu-west-1 ListCertificates`. Several answers
    /// are given one after another, the last of them for ever.
    pub(super) fn says(&self, question: &str, status: u16, answer: Value) -> &Self {
        self.answers.lock().unwrap().entry(question.into()).or_default().push((status, answer));
        self
    }

    /// Takes the answers to a question back.
    pub(super) fn forget(&self, question: &str) -> &Self {
        self.answers.lock().unwrap().remove(question);
        self
    }

    /// Denies a question as AWS does.
    pub(super) fn denies(&self, question: &str, action: &str, resource: &str) -> &Self {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/x is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows it"
        );
        self.says(question, 403, json!({"__type": "AccessDeniedException", "message": message}))
    }

    /// Access with these regions.
    pub(super) fn access(&self, region: &str, regions: AwsRegions) -> AwsAccess {
        let secret = SecretString::from("secret".to_owned());
        let fixed =
            Fixed { endpoint: self.endpoint.clone(), key: "AKIDEXAMPLE".into(), secret, region: Some(region.into()) };
        AwsAccess::fixed(fixed, regions)
    }

    /// Every question so far.
    pub(super) fn questions(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.question.clone()).collect()
    }

    /// The longest row of questions of which each began after the answer to the one before.
    pub(super) fn round_trips(&self) -> usize {
        let mut seen = self.seen.lock().unwrap().clone();
        seen.sort_by_key(|one| one.end);
        let (mut count, mut last) = (0, None);
        for one in seen {
            if last.is_none_or(|last| one.start >= last) {
                count += 1;
                last = Some(one.end);
            }
        }
        count
    }

    async fn answer(self, request: Request<Incoming>, delay: Duration) -> Result<Response<Full<Bytes>>, Infallible> {
        let start = Instant::now();
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`
        let scope: Vec<String> = header("authorization").split(['/', ',']).map(ToOwned::to_owned).collect();
        let region = scope.get(2).cloned().unwrap_or_else(|| "unsigned".into());
        let target = header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        let is_sts = scope.get(3).is_some_and(|service| service == "sts");
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let _ = request.into_body().collect().await;
        let question = match () {
            () if is_sts => format!("{region} GetCallerIdentity"),
            () if !target.is_empty() => format!("{region} {target}"),
            () => {
                // The size of a page is of no interest.
                let (path, query) = path.split_once('?').unwrap_or((&path, ""));
                let kept: Vec<&str> = query
                    .split('&')
                    .filter(|pair| !pair.starts_with("limit") && !pair.starts_with("maxResults"))
                    .collect();
                let query = kept.join("&");
                format!("{region} {path}{}{query}", if query.is_empty() { "" } else { "?" })
            }
        };
        tokio::time::sleep(delay).await;
        let given = {
            let mut answers = self.answers.lock().unwrap();
            let rest = answers.get_mut(&question);
            rest.and_then(|rest| if rest.len() > 1 { Some(rest.remove(0)) } else { rest.first().cloned() })
        };
        let nothing = || match () {
            () if question.ends_with("GetPolicy") || question.contains("/functions") => {
                (404, json!({"__type": "ResourceNotFoundException", "Message": "no"}))
            }
            () if question.ends_with("/domainnames") && question.contains("/v2/") => (200, json!({"items": []})),
            () if question.ends_with("/domainnames") => (200, json!({"item": []})),
            () if question.ends_with("ListCertificates") => (200, json!({"CertificateSummaryList": []})),
            () => (404, json!({"__type": "NotFoundException", "message": "Invalid identifier specified"})),
        };
        self.seen.lock().unwrap().push(Seen { question: question.clone(), start, end: Instant::now() });
        let (status, body) = match (is_sts, given) {
            (true, None) => {
                let xml = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                    <Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>AIDAIOSFODNN7EXAMPLE</UserId><Account>123456789012</Account>\
                    </GetCallerIdentityResult></GetCallerIdentityResponse>";
                (200, xml.to_owned())
            }
            (true, Some((status, code))) => {
                let code = code.as_str().unwrap_or_default();
                (
                    status,
                    format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"),
                )
            }
            (false, given) => {
                let (status, body) = given.unwrap_or_else(nothing);
                (status, body.to_string())
            }
        };
        let kind =
            serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body.get("__type")?.as_str()?.to_owned()));
        let mut response = Response::builder().status(status).header("content-type", "application/json");
        if let Some(kind) = kind {
            response = response.header("x-amzn-errortype", kind);
        }
        Ok(response.body(Full::from(body)).unwrap())
    }
}
