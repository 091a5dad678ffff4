//! What the HTTP clients of both vendors' APIs share: whom they trust, through which proxy they go, on which thread they
//! work, and how much of an answer is kept.

use std::error::Error;
use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cfdoctor_checks::evidence::redact::REDACTED;
use cfdoctor_checks::evidence::text;
use cfdoctor_checks::evidence::tls::Der;
use reqwest::NoProxy;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use super::tls::provider;
use crate::settings::{Proxy, ProxyKind, Settings};

/// Where an instance, a container or a pod of AWS is given its own credentials: link-local, and never behind a proxy
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>).
const OWN_CREDENTIALS: &str = "169.254.0.0/16,fd00:ec2::/32";

/// Octets of an answer that are read beside others; what is larger is read and taken apart one after another.
pub(super) const SMALL: usize = 128 * 1024;

/// What values cost beside their text, octets: a map's first node, a list's first entries, an entry of either. By the
/// standard library's B-tree of strings and values (11 places of 56 octets in a node) and list (4 places at first,
/// doubled when full).
const MAP: usize = 700;
const LIST: usize = 128;
const ENTRY: usize = 100;

/// About how many octets the values of this JSON text take in memory. Punctuation within strings counts, too.
pub(super) fn weight(text: &[u8]) -> usize {
    let cost = |octet: &u8| match octet {
        b'{' => MAP,
        b'[' => LIST,
        b',' => ENTRY,
        _ => 1,
    };
    text.iter().map(cost).sum()
}

/// About how many octets this value takes in memory.
pub(super) fn weight_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 32,
        Value::String(text) => 48 + text.len(),
        Value::Array(list) => LIST + list.iter().map(weight_of).sum::<usize>(),
        Value::Object(map) => {
            let fields: usize = map.iter().map(|(name, value)| 24 + name.len() + weight_of(value)).sum();
            MAP * (map.len() / 8 + 1) + fields
        }
    }
}

/// Takes out, everywhere, what must not be seen: ids of accounts, tokens and keys, should a text hold them.
pub(super) fn without(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::String(words) => {
            for secret in secrets.iter().filter(|secret| secret.len() >= 8) {
                if words.contains(secret) {
                    *words = words.replace(secret, REDACTED);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| without(value, secrets)),
        Value::Object(object) => object.values_mut().for_each(|value| without(value, secrets)),
        _ => {}
    }
}

/// Where the clients of the APIs work: whatever an API floods them with takes no time from the visits, which share
/// their threads with nothing else.
static ASIDE: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("apis").enable_all().build().ok()
});

/// Does this work aside, for as long as somebody waits for it. `None`: it broke off.
pub(super) async fn aside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    // Without a thread of their own the clients work where everybody does.
    let Some(runtime) = ASIDE.as_ref() else { return Some(work.await) };
    let task = runtime.spawn(work);
    let _wanted = Wanted(task.abort_handle());
    task.await.ok()
}

struct Wanted(AbortHandle);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn many_small_pieces_weigh_more_than_their_text() {
        let many = format!("[{}{{}}]", "{},".repeat(1000));
        assert!(weight(many.as_bytes()) > 500_000, "{}", weight(many.as_bytes()));
        let long = serde_json::to_vec(&json!([{"a": "x".repeat(100_000)}])).unwrap();
        assert!((100_000..102_000).contains(&weight(&long)), "{}", weight(&long));
        for value in [json!([{}, {}, {}]), json!({"a": [1, 2, 3], "b": {"c": "d"}}), json!([[], [null]])] {
            let text = serde_json::to_vec(&value).unwrap();
            let (before, after) = (weight(&text), weight_of(&value));
            assert!(before <= after * 2 && after <= before * 2, "{value}: {before}, {after}");
        }
    }

    #[tokio::test]
    async fn work_aside_ends_with_those_who_wait() {
        assert_eq!(aside(async { 7 }).await, Some(7));
        assert_eq!(aside(async { panic!("the work fails") }).await, None::<u8>);
        let (kept, mut gone) = tokio::sync::oneshot::channel::<()>();
        let work = aside(async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), work).await.is_err());
        assert!(tokio::time::timeout(Duration::from_secs(5), &mut gone).await.unwrap().is_err(), "still at work");
    }
}
