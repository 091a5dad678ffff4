//! What the HTTP clients of both vendors' APIs share: whom they trust, and through which proxy they go.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::evidence::tls::Der;
use reqwest::NoProxy;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use secrecy::ExposeSecret as _;

use super::tls::provider;
use crate::settings::{Proxy, ProxyKind, Settings};

/// Where an instance, a container or a pod of AWS is given its own credentials: link-local, and never behind a proxy
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>).
const OWN_CREDENTIALS: &str = "169.254.0.0/16,fd00:ec2::/32";

/// How an API is reached: the part of the settings that its client obeys.
#[derive(Clone)]
pub(super) struct Reach {
    roots: Vec<Der>,
    proxy: Option<Proxy>,
    pub(super) connect_timeout: Duration,
}

impl From<&Settings> for Reach {
    fn from(settings: &Settings) -> Self {
        Reach {
            roots: settings.trust.extra_roots.clone(),
            proxy: settings.proxy.clone(),
            connect_timeout: settings.connect_timeout,
        }
    }
}

impl Reach {
    /// A client that follows nothing, and that offers these protocols in TLS.
    pub(super) fn client(&self, alpn: &[&[u8]]) -> Result<reqwest::ClientBuilder, String> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls(alpn)?)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(self.connect_timeout);
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(through(proxy)?);
        }
        Ok(builder)
    }

    /// ring, Mozilla's roots and the user's own, nothing of the machine's.
    fn tls(&self, alpn: &[&[u8]]) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(self.roots.iter().map(|der| CertificateDer::from(der.0.clone())));
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS: {error}"))?
            .with_root_certificates(Arc::new(roots))
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }
}

fn through(proxy: &Proxy) -> Result<reqwest::Proxy, String> {
    let scheme = match proxy.kind {
        ProxyKind::Http => "http",
        ProxyKind::Socks5 => "socks5",
    };
    let host = match proxy.host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => proxy.host.clone(),
    };
    let made = reqwest::Proxy::all(format!("{scheme}://{host}:{}", proxy.port));
    let made = made.map_err(|error| format!("the proxy: {}", reason(&error)))?;
    let made = made.no_proxy(NoProxy::from_string(OWN_CREDENTIALS));
    Ok(match proxy.credentials.as_ref().and_then(|secret| secret.expose_secret().split_once(':')) {
        Some((user, password)) => made.basic_auth(user, password),
        None => made,
    })
}

/// The innermost reason, without the URL.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    for cause in causes(error) {
        last = cause;
    }
    let words = last.to_string();
    text::shorten(if words.is_empty() { "the connection failed" } else { &words }, 200)
}

/// An error and everything below it. `io::Error` hides its inner error from `source`.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
    .take(16)
}
