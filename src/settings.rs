//! How to look: every option that a probe obeys, parsed once.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::tls::TrustInputs;
use cfdoctor_checks::evidence::{Gateway, Zone};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;

use crate::lint::declared::Tomorrow;
use crate::probe::Reach;
use crate::probe::aws::AwsAccess;
use crate::probe::cloudflare::CloudflareAccess;
use crate::shared::Shared;

/// The fixed, honest User-Agent of every request.
pub const USER_AGENT: &str = concat!("cfdoctor/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")");

/// How to look.
#[derive(Clone)]
pub struct Settings {
    /// Where connections may go. What the user's own machine and options name (resolver, proxy, APIs) is not judged.
    pub reach: Reach,
    /// Who is asked about names.
    pub resolver: ResolverChoice,
    /// `-4`, `-6`.
    pub family: Family,
    /// `--resolve`: addresses in place of DNS.
    pub resolve: Vec<Resolve>,
    /// `--connect-to`: another place for the TCP connection; Host and SNI stay.
    pub connect_to: Vec<ConnectTo>,
    /// `--proxy`.
    pub proxy: Option<Proxy>,
    /// `--cert`, `--key`: the client certificate for the origin.
    pub client_identity: Option<ClientIdentity>,
    /// `--cacert`, `--origin-ca`.
    pub trust: TrustInputs,
    /// `-H`: sent to the target's host only; names as given.
    pub request_headers: Vec<(String, SecretString)>,
    /// GETs at the edge.
    pub samples: u32,
    /// TCP and TLS, each.
    pub connect_timeout: Duration,
    /// One request, from its sending to the end of its body.
    pub timeout: Duration,
    /// Everything for one target.
    pub deadline: Duration,
    /// Tries after a transport error.
    pub retries: u32,
    /// The parts of the evidence that the chosen checks need.
    pub probes: BTreeSet<Probe>,
    /// Port of authoritative name servers: 53, except in the demo world.
    pub authority_port: u16,
    /// The Cloudflare API.
    pub cloudflare: Credential<CloudflareAccess>,
    /// `--zone-json`: laid over what the API tells.
    pub zone_file: Option<Arc<Zone>>,
    /// The AWS APIs; `None`: nobody looked for credentials.
    pub aws: Option<AwsAccess>,
    /// `--aws-json`: laid over what the APIs tell.
    pub gateway_file: Option<Arc<Gateway>>,
    /// `--plan`: what will be there after apply.
    pub plan: Option<Arc<Tomorrow>>,
    /// What the visits with these settings share.
    pub shared: Shared,
}

/// A credential, or why there is none.
#[derive(Clone, Debug, Default)]
pub enum Credential<T> {
    /// Not to be used.
    Unused,
    /// None was found.
    #[default]
    Absent,
    /// One was found that cannot be used: why, without its value.
    Unusable(String),
    /// To be used.
    Usable(T),
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            reach: Reach::Anywhere,
            resolver: ResolverChoice::System,
            family: Family::Any,
            resolve: Vec::new(),
            connect_to: Vec::new(),
            proxy: None,
            client_identity: None,
            trust: TrustInputs::default(),
            request_headers: Vec::new(),
            samples: 3,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(35),
            deadline: Duration::from_secs(45),
            retries: 1,
            probes: Probe::ALL.iter().copied().collect(),
            authority_port: 53,
            cloudflare: Credential::Absent,
            zone_file: None,
            aws: None,
            gateway_file: None,
            plan: None,
            shared: Shared::default(),
        }
    }
}

/// Who is asked about names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolverChoice {
    /// The system's name servers, compared with a public resolver.
    System,
    /// `ADDR[:PORT]`: UDP, and TCP where the answer is cut.
    Udp(SocketAddr),
    /// `tcp://ADDR[:PORT]`.
    Tcp(SocketAddr),
    /// `tls://HOST[:PORT]`: DNS over TLS.
    Tls {
        /// Name in the certificate, or the address.
        host: String,
        /// Port, 853 unless given.
        port: u16,
    },
    /// `https://…`: DNS over HTTPS.
    Https {
        /// The whole URL.
        url: String,
    },
}

/// Address family to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Both.
    #[default]
    Any,
    /// `-4`.
    V4,
    /// `-6`.
    V6,
}

impl Family {
    /// May this address be used?
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        }
    }
}

/// `--resolve HOST:PORT:ADDR[,ADDR…]`; `*` as host matches every host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// Host, lower case, or `*`.
    pub host: String,
    /// Port of the URL.
    pub port: u16,
    /// Addresses to use.
    pub addresses: Vec<IpAddr>,
}

/// `--connect-to HOST1:PORT1:HOST2:PORT2`; an empty part matches, or keeps, everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    /// Host of the request, lower case; `None`: any.
    pub host: Option<String>,
    /// Port of the request; `None`: any.
    pub port: Option<u16>,
    /// Host or address to connect to; `None`: the same.
    pub to_host: Option<String>,
    /// Port to connect to; `None`: the same.
    pub to_port: Option<u16>,
}

/// `--proxy`.
#[derive(Clone)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Host or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `user:password`, if given.
    pub credentials: Option<SecretString>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP CONNECT.
    Http,
    /// SOCKS 5; the proxy connects to the address that we resolved.
    Socks5,
}

/// A client certificate with its key.
#[derive(Clone)]
pub struct ClientIdentity {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Never shown.
    pub key: Arc<PrivateKeyDer<'static>>,
}
