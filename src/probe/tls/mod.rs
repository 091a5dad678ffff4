//! TLS seen from outside: everything is accepted and written down; whether it is sound is judged elsewhere.

mod answer;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hello;
mod outcome;
mod recorder;
mod stream;
mod tap;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cfdoctor_checks::NotRun;
use cfdoctor_checks::evidence::Gathered;
use cfdoctor_checks::evidence::tls::{ClientCertificate, Connect, Handshake, Limit, Session, TlsOutcome, TlsVersion};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, ClientConfig, ClientConnection, ProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::budget::Budget;
use super::dial::{self, Route};
use crate::settings::Settings;
use recorder::{Identity, Recorder};
use tap::{Tap, Traces};

pub use hello::legacy;
pub use outcome::worth_a_legacy_hello;
pub use stream::{Notes, TlsIo, apply_late_fault};

/// Addresses tried the first time; a retry takes one, so that one end never eats the other's connections.
const FIRST_TRIES: usize = 2;
/// Before a retry: what was overloaded or restarted gets a moment.
const PAUSE: Duration = Duration::from_millis(200);

/// What to ask for in the handshake.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Sent as SNI, unless it is an address.
    pub server_name: &'a str,
    /// Protocols offered, best first: `h2`, `http/1.1`. Empty: no ALPN.
    pub alpn: &'a [&'a [u8]],
    /// May `--cert` be shown? Only at the origin.
    pub client_identity: bool,
}

/// The order in which Cloudflare offers them to an origin (`facts/cloudflare.md` section 4.3), and browsers to the edge.
/// Others follow in the library's order.
const ORDER: [CipherSuite; 7] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// The cryptography of every TLS connection of this program.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = rustls::crypto::ring::default_provider();
        let place = |suite: CipherSuite| ORDER.iter().position(|one| *one == suite).unwrap_or(ORDER.len());
        provider.cipher_suites.sort_by_key(|suite| place(suite.suite()));
        Arc::new(provider)
    });
    Arc::clone(&PROVIDER)
}

/// Connects and shakes hands; whatever happens is in the [`Handshake`]. The stream is there when it completed.
///
/// A TLS 1.3 server that refuses a client without certificate says so only on the first read: give the stream's
/// [`TlsIo::notes`] to [`apply_late_fault`] when reading is over. `legacy` is left for [`legacy`] to fill.
pub async fn handshake(
    route: &Route,
    wanted: &Wanted<'_>,
    settings: &Settings,
    budget: &Budget,
) -> (Handshake, Option<TlsIo>) {
    let mut result = attempt(FIRST_TRIES, route, wanted, settings, budget).await;
    for _ in 0..settings.retries {
        if !worth_another_try(&result.0) || budget.is_over() {
            break;
        }
        // The pause ends by its own length, or there is no time for another try.
        match budget.limit(PAUSE, std::future::pending::<()>()).await {
            Err(patience) if patience.limit != Limit::Step => break,
            _ => {}
        }
        let again = attempt(1, route, wanted, settings, budget).await;
        if says_less(&again.0, &result.0) {
            result.0.earlier.push(format!("tried again: {}", outcome::failure(&again.0)));
            break;
        }
        let (before, _) = std::mem::replace(&mut result, again);
        let mut earlier = before.earlier.clone();
        earlier.push(outcome::failure(&before));
        earlier.append(&mut result.0.earlier);
        result.0.earlier = earlier;
    }
    result
}

/// Transport errors only. A connection that did not open in time is not tried again: the wait was long enough, and
/// another would eat the deadline.
fn worth_another_try(handshake: &Handshake) -> bool {
    match &handshake.connect {
        Connect::Refused => true,
        Connect::Open => match &handshake.outcome {
            TlsOutcome::Closed | TlsOutcome::Reset => true,
            TlsOutcome::TimedOut(patience) => patience.limit == Limit::Step,
            _ => false,
        },
        _ => false,
    }
}

/// Our own limits ended the second try, or it got less far: the first one tells more about the peer.
fn says_less(again: &Handshake, before: &Handshake) -> bool {
    match (&again.connect, &again.outcome) {
        (Connect::Open, TlsOutcome::Completed) => false,
        (Connect::TimedOut(patience), _) | (Connect::Open, TlsOutcome::TimedOut(patience))
            if patience.limit != Limit::Step =>
        {
            true
        }
        (Connect::NoAddress { .. } | Connect::ProxyFailed { .. }, _) => true,
        (connect, _) => {
            (before.connect == Connect::Open && *connect != Connect::Open)
                || (again.chain.is_empty() && !before.chain.is_empty())
        }
    }
}

async fn attempt(
    tries: usize,
    route: &Route,
    wanted: &Wanted<'_>,
    settings: &Settings,
    budget: &Budget,
) -> (Handshake, Option<TlsIo>) {
    let watch = budget.watch();
    let dialed = dial::open_at_most(tries, route, settings, budget).await;
    let sni = wanted.server_name.strip_suffix('.').unwrap_or(wanted.server_name);
    let mut handshake = Handshake {
        peer: route.peer.clone(),
        address: dialed.address,
        server_name: sni.parse::<IpAddr>().is_err().then(|| sni.to_owned()),
        connect: dialed.connect,
        outcome: TlsOutcome::NotReached,
        session: None,
        chain: Vec::new(),
        ocsp_stapled: false,
        client_certificate: ClientCertificate::NotAsked,
        legacy: Gathered::Missing(NotRun::NotApplicable("the old versions were not asked for".into())),
        connect_ms: dialed.connect_ms,
        tls_ms: None,
        earlier: dialed.earlier,
    };
    let Some(stream) = dialed.stream else { return (handshake, None) };

    let recorder = Arc::new(Recorder::new(&provider()));
    let (identity, unusable) = match &settings.client_identity {
        Some(given) if wanted.client_identity => Identity::of(given, &provider()),
        _ => (Identity::none(), None),
    };
    handshake.earlier.extend(unusable);
    let identity = Arc::new(identity);
    let prepared = config(wanted, &recorder, &identity).and_then(|config| {
        ServerName::try_from(sni.to_owned())
            .map(|name| (config, name))
            .map_err(|_| format!("{} cannot be sent as a server name", cfdoctor_checks::evidence::text::clean(sni)))
    });
    let (config, name) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => {
            handshake.outcome = TlsOutcome::Broken { why };
            return (handshake, None);
        }
    };

    let traces = Traces::default();
    let start = Instant::now();
    let connecting = pin!(TlsConnector::from(Arc::new(config)).connect(name, Tap::new(stream, traces.clone())));
    let result = budget.limit(route.step(settings), connecting).await;
    let elapsed = start.elapsed();

    recorder.write_into(&mut handshake, &settings.shared.certificates);
    let mut io = None;
    handshake.outcome = match result {
        Ok(Ok(stream)) => {
            handshake.session = session(stream.get_ref().1);
            handshake.tls_ms = Some((elapsed.as_secs_f64() * 1e6).round() / 1e3);
            io = Some(TlsIo::new(stream, traces));
            TlsOutcome::Completed
        }
        Ok(Err(error)) => match recorder.signature_error() {
            Some(error) => outcome::unverifiable(handshake.leaf(), &error),
            None => outcome::of(&error, &traces, elapsed),
        },
        Err(patience) => outcome::unfinished(patience, &traces),
    };
    if matches!(handshake.outcome, TlsOutcome::Closed | TlsOutcome::Reset)
        && let Some(patience) = watch.overloaded()
    {
        let what = outcome::failure(&handshake);
        handshake.earlier.push(format!("{what}, while our own machine was overloaded"));
        handshake.outcome = TlsOutcome::TimedOut(patience);
    }
    handshake.client_certificate = outcome::client_certificate(identity.answered(), &handshake.outcome);
    (handshake, io)
}

/// A fresh configuration for each connection: a shared one resumes, and then no certificate is sent.
fn config(wanted: &Wanted<'_>, recorder: &Arc<Recorder>, identity: &Arc<Identity>) -> Result<ClientConfig, String> {
    // What all connections have in common is made once: the library makes room for sessions that nobody resumes.
    static COMMON: LazyLock<Result<ClientConfig, String>> = LazyLock::new(|| {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Recorder::new(&provider())))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(config)
    });
    let mut config = COMMON.as_ref().map_err(Clone::clone)?.clone();
    config.dangerous().set_certificate_verifier(recorder.clone());
    config.client_auth_cert_resolver = identity.clone();
    config.alpn_protocols = wanted.alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// What was agreed.
fn session(connection: &ClientConnection) -> Option<Session> {
    let version = match connection.protocol_version()? {
        ProtocolVersion::TLSv1_2 => TlsVersion::Tls12,
        ProtocolVersion::TLSv1_3 => TlsVersion::Tls13,
        _ => return None,
    };
    let cipher = connection.negotiated_cipher_suite()?.suite().as_str().unwrap_or("unknown");
    Some(Session {
        version,
        // rustls writes TLS13_AES_128_GCM_SHA256 where IANA has TLS_AES_128_GCM_SHA256.
        cipher: cipher.replacen("TLS13_", "TLS_", 1),
        group: connection
            .negotiated_key_exchange_group()
            .and_then(|group| group.name().as_str().map(ToOwned::to_owned)),
        alpn: connection
            .alpn_protocol()
            .map(|protocol| cfdoctor_checks::evidence::text::shorten(&String::from_utf8_lossy(protocol), 32)),
    })
}
