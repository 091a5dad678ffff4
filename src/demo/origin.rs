//! The origin's doors: what happens at its two ports before anything is said in HTTP.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme};

use super::DemoError;
use super::gateway::{Api, Function, Product};
use super::old_tls;
use super::pki::{OriginCertificate, Pki};
use super::serve::{self, Peer, Port, Reply, TlsDoor};
use crate::probe::tls::provider;

/// What happens on port 443 before any HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// TLS.
    Tls,
    /// SSL 3.0 and nothing newer. (Cloudflare still speaks TLS 1.0 to origins, `facts/cloudflare.md` section 4.3, so an
    /// origin of that age would not fail.)
    OldTls,
    /// Refuses every handshake with an alert.
    RefusesTls,
    /// Connection refused.
    Refused,
    /// No answer to a SYN.
    Hangs,
    /// No route.
    Unroutable,
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
    /// Resets.
    Resets,
}

/// The origin of a scenario.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The certificate of the custom domain.
    pub certificate: OriginCertificate,
    /// Are client certificates demanded?
    pub mutual_tls: bool,
    /// Does an authorizer let only Cloudflare in, by a header that the zone adds?
    pub demands_secret: bool,
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

/// Opens the origin behind `target` for the visitor's name `host`.
pub(super) async fn start(origin: &Origin, host: &str, target: &str, pki: &Pki) -> Result<Running, DemoError> {
    let own = match origin.product {
        Product::FunctionUrl | Product::S3Website { .. } => None,
        _ => pki.origin(origin.certificate, host)?,
    };
    let service = match (&own, origin.product) {
        // A load balancer has its owner's certificate, and shows it to everybody.
        (Some(own), Product::LoadBalancer) => own.clone(),
        _ => pki.service(target)?,
    };
    let trust_store = trust_store(pki)?;
    let api = Arc::new(Api {
        product: origin.product,
        domain: own.is_some().then(|| host.to_owned()),
        mapped: origin.mapped,
        demands_secret: origin.demands_secret,
        function: origin.function.clone(),
    });
    let (store, mutual_tls) = (trust_store.clone(), origin.mutual_tls);
    let handler = move |request: Request<Bytes>| {
        let trusted = !mutual_tls || is_trusted(&store, &request);
        let api = api.clone();
        async move { Some(api.answer(&request, trusted).await) }
    };
    let chain = own.as_ref().unwrap_or(&service).cert.clone();
    let https = match origin.door {
        Door::Tls => {
            let client = origin.mutual_tls.then_some(trust_store);
            serve::https(Arc::new(tls_door(host, own, service, client)?), handler.clone()).await?
        }
        Door::OldTls => serve::old(old_tls::SSL3, chain).await?,
        Door::RefusesTls => serve::refusing_tls().await?,
        Door::Refused => serve::refusing()?,
        Door::Hangs => serve::hanging().await?,
        Door::Unroutable => serve::unroutable(),
        Door::Silent => serve::silent().await?,
        Door::Reset => serve::resetting().await?,
        Door::PlainHttp => serve::http(handler.clone()).await?,
    };
    let http = match origin.plain {
        PlainDoor::Refused => serve::refusing()?,
        PlainDoor::Serves => serve::http(handler).await?,
        PlainDoor::Resets => serve::resetting().await?,
        PlainDoor::Redirects => serve::http(|request: Request<Bytes>| async move { Some(redirect(&request)) }).await?,
    };
    Ok(Running { https, http })
}

/// TLS does not fail for an unknown name: the service's own certificate is shown (`facts/aws.md` section 0.1). Client
/// certificates are the custom domain's matter only.
fn tls_door(
    host: &str,
    own: Option<Arc<CertifiedKey>>,
    service: Arc<CertifiedKey>,
    client: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<TlsDoor, DemoError> {
    let config = |key: Arc<CertifiedKey>, client: Option<Arc<dyn ClientCertVerifier>>| {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let builder = match client {
            Some(store) => builder.with_client_cert_verifier(Arc::new(AnyClient(store))),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok::<_, DemoError>(Arc::new(config))
    };
    let own = own.map(|key| config(key, client)).transpose()?;
    let service = config(service, None)?;
    let host = host.to_owned();
    let choose = move |name: Option<&str>| match &own {
        Some(own) if name == Some(host.as_str()) => Some(own.clone()),
        _ => Some(service.clone()),
    };
    Ok(TlsDoor { choose: Box::new(choose), old: None })
}

fn trust_store(pki: &Pki) -> Result<Arc<dyn ClientCertVerifier>, DemoError> {
    let mut roots = RootCertStore::empty();
    roots.add(pki.origin_pull.der())?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| DemoError::Setup(error.to_string()))
}

/// Is the client's certificate one of the trust store?
fn is_trusted(store: &Arc<dyn ClientCertVerifier>, request: &Request<Bytes>) -> bool {
    let peer = request.extensions().get::<Peer>().and_then(|peer| peer.tls.as_ref());
    let Some((leaf, others)) = peer.and_then(|tls| tls.client.split_first()) else { return false };
    store.verify_client_cert(leaf, others, UnixTime::now()).is_ok()
}

/// Demands a client certificate and takes any: whether the trust store holds it shows in the answer, not in an alert.
struct AnyClient(Arc<dyn ClientCertVerifier>);

impl fmt::Debug for AnyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyClient")
    }
}

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// As a load balancer does it: with its own name, to the same URL.
fn redirect(request: &Request<Bytes>) -> Reply {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut reply = serve::reply(301, &[("server", "awselb/2.0")], "");
    let location = format!("https://{}{path}", serve::host(request));
    super::gateway::set(reply.headers_mut(), "location", &location);
    reply
}
