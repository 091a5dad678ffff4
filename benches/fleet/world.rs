//! A world for many hosts that costs little: a name server that answers every name, an edge with a warm cache, one
//! origin behind several names.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio_rustls::TlsAcceptor;

use crate::limit;
use crate::link::Slow;

/// Names of the origin: targets of a fleet are spread over accounts and APIs.
pub const ORIGINS: usize = 16;
/// The hosts' zone.
const ZONE: &str = "example.com";

/// How far away everything is, round trips in milliseconds.
#[derive(Clone, Copy, Default)]
pub struct Distances {
    pub resolver: u64,
    pub edge: u64,
    pub origin: u64,
}

impl Distances {
    /// `20/40/80`, as they are written and handed on.
    pub fn parse(text: &str) -> Option<Distances> {
        let [resolver, edge, origin] = text.split('/').map(str::parse).collect::<Result<Vec<u64>, _>>().ok()?[..]
        else {
            return None;
        };
        Some(Distances { resolver, edge, origin })
    }
}

/// Where everything is.
#[derive(Clone, Serialize, Deserialize)]
pub struct Places {
    pub resolver: SocketAddr,
    pub edge: SocketAddr,
    pub edge_plain: SocketAddr,
    pub origin: SocketAddr,
    pub origin_plain: SocketAddr,
    pub path: String,
    /// DER.
    pub public_root: Vec<u8>,
    pub origin_ca: Vec<u8>,
}

impl Places {
    /// The host with this number.
    pub fn host(&self, n: usize) -> String {
        format!("h{n}.{ZONE}")
    }

    /// What the limit engine wants to know.
    pub fn of_host(&self, n: usize) -> limit::Places {
        limit::Places {
            resolver: self.resolver,
            edge: self.edge,
            origin: self.origin,
            host: self.host(n),
            origin_host: origin_of(n),
            path: self.path.clone(),
        }
    }
}

/// The origin's name for this host.
pub fn origin_of(n: usize) -> String {
    origin_name(n % ORIGINS)
}

/// A name of the origin.
pub fn origin_name(n: usize) -> String {
    format!("d-a1b2c3d{n:03}.execute-api.us-west-2.amazonaws.com")
}

/// Serves until it is killed; the first line of its output says where.
pub fn run(distances: Distances) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let pki = Pki::new();
        let resolver = UdpSocket::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let resolver_at = resolver.local_addr().expect("bound");
        tokio::spawn(names(resolver, ms(distances.resolver)));
        let refusing = TcpSocket::new_v4().expect("a socket");
        refusing.bind("127.0.0.1:0".parse().expect("an address")).expect("loopback has a free port");
        let places = Places {
            resolver: resolver_at,
            edge: serve(Some(pki.edge), edge, ms(distances.edge)).await,
            edge_plain: serve(None, redirect, ms(distances.edge)).await,
            origin: serve(Some(pki.origin), origin, ms(distances.origin)).await,
            origin_plain: refusing.local_addr().expect("bound"),
            path: "/endpoint".into(),
            public_root: pki.public_root,
            origin_ca: pki.origin_ca,
        };
        println!("{}", serde_json::to_string(&places).expect("plain data"));
        std::future::pending::<()>().await;
    });
}

type Reply = Response<Full<Bytes>>;

fn edge(request: &Request<Incoming>) -> Reply {
    let reply = Response::builder().header("server", "cloudflare").header("cf-ray", "8f1e2d3c4b5a6978-SEA");
    let reply = reply.header("date", httpdate::fmt_http_date(std::time::SystemTime::now()));
    if request.uri().path() == "/cdn-cgi/trace" {
        let text =
            "fl=1f1\nh=example.com\nip=192.0.2.1\nts=1\nvisit_scheme=https\ncolo=SEA\nhttp=http/2\ntls=TLSv1.3\n";
        return reply.header("content-type", "text/plain").body(text.into()).expect("a sound answer");
    }
    reply
        .header("content-type", "application/json")
        .header("apigw-requestid", "qZv5h7VNHDcqQhU=")
        .header("cache-control", "public, s-maxage=7200, max-age=300")
        .header("etag", "\"a1\"")
        .header("age", "100")
        .header("cf-cache-status", "HIT")
        .body("{\"ok\":true}".into())
        .expect("a sound answer")
}

fn redirect(request: &Request<Incoming>) -> Reply {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    Response::builder()
        .status(301)
        .header("server", "cloudflare")
        .header("cf-ray", "8f1e2d3c4b5a6978-SEA")
        .header("date", httpdate::fmt_http_date(std::time::SystemTime::now()))
        .header("location", format!("https://{host}{}", request.uri().path()))
        .body(Full::default())
        .expect("a sound answer")
}

/// Only Cloudflare gets in.
fn origin(_: &Request<Incoming>) -> Reply {
    Response::builder()
        .status(403)
        .header("content-type", "application/json")
        .header("date", httpdate::fmt_http_date(std::time::SystemTime::now()))
        .header("apigw-requestid", "FU+ghB3h+kRydOw=")
        .body("{\"message\":\"Forbidden\"}".into())
        .expect("a sound answer")
}

fn ms(number: u64) -> std::time::Duration {
    std::time::Duration::from_millis(number)
}

async fn serve(
    config: Option<Arc<ServerConfig>>,
    answer: fn(&Request<Incoming>) -> Reply,
    round_trip: std::time::Duration,
) -> SocketAddr {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("loopback has a free port");
    let listener: TcpListener = socket.listen(4096).expect("a queue");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let acceptor = config.map(TlsAcceptor::from);
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let acceptor = acceptor.clone();
            let _ = stream.set_nodelay(true);
            let stream = Slow::new(stream, round_trip);
            tokio::spawn(async move {
                let _ = connection(stream, acceptor, answer).await;
            });
        }
    });
    address
}

async fn connection(stream: Slow, acceptor: Option<TlsAcceptor>, answer: fn(&Request<Incoming>) -> Reply) {
    let service = service_fn(move |request| async move { Ok::<_, Infallible>(answer(&request)) });
    let Some(acceptor) = acceptor else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        return;
    };
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(stream);
    if h2 {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
    }
}

struct Pki {
    public_root: Vec<u8>,
    origin_ca: Vec<u8>,
    edge: Arc<ServerConfig>,
    origin: Arc<ServerConfig>,
}

impl Pki {
    fn new() -> Pki {
        let root = Authority::new("Demo Trust Services", "Demo Public Root", None);
        let issuer = Authority::new("Google Trust Services", "WE1 (demo)", Some(&root));
        let origin_ca = Authority::new("CloudFlare, Inc.", "CloudFlare Origin CA (demo)", None);
        let wildcard = format!("*.{ZONE}");
        Pki {
            edge: issuer.serves(&wildcard, (-21, 69), true),
            origin: origin_ca.serves(&wildcard, (-30, 5445), false),
            public_root: root.der.to_vec(),
            origin_ca: origin_ca.der.to_vec(),
        }
    }
}

struct Authority {
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(organisation: &str, name: &str, above: Option<&Authority>) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = OffsetDateTime::now_utc() - Duration::days(400);
        params.not_after = OffsetDateTime::now_utc() + Duration::days(9000);
        let made = match above {
            Some(above) => params.signed_by(&key, &above.issuer),
            None => params.self_signed(&key),
        };
        Authority { der: made.expect("a certificate").der().clone(), issuer: Issuer::new(params, key) }
    }

    /// A server with a certificate for `name`, valid from so many days ago to so many days on.
    fn serves(&self, name: &str, (from, to): (i64, i64), with_issuer: bool) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = OffsetDateTime::now_utc() + Duration::days(from);
        params.not_after = OffsetDateTime::now_utc() + Duration::days(to);
        let mut chain = vec![params.signed_by(&key, &self.issuer).expect("a certificate").der().clone()];
        chain.extend(with_issuer.then(|| self.der.clone()));
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they belong together");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// Resolver and name server in one: what is asked is told by the name.
async fn names(socket: UdpSocket, round_trip: std::time::Duration) {
    let socket = Arc::new(socket);
    let mut question = [0; 1500];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut question).await else { continue };
        let Some(answer) = answer(&question[..length]) else { continue };
        if round_trip.is_zero() {
            let _ = socket.send_to(&answer, client).await;
            continue;
        }
        let socket = socket.clone();
        tokio::spawn(async move {
            tokio::time::sleep(round_trip).await;
            let _ = socket.send_to(&answer, client).await;
        });
    }
}

const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;
const AAAA: u16 = 28;

fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels: Vec<String> = Vec::new();
    while let length @ 1.. = usize::from(*question.get(at)?) {
        labels.push(String::from_utf8_lossy(question.get(at + 1..at + 1 + length)?).to_ascii_lowercase());
        at += 1 + length;
    }
    let kind = u16::from_be_bytes([*question.get(at + 1)?, *question.get(at + 2)?]);
    let end = at + 5;
    let name = labels.join(".");
    let recursion = question[2] & 1;
    let zone = if labels.len() > 2 { labels[labels.len() - 2..].join(".") } else { name.clone() };
    let is_host = zone == ZONE && labels.len() > 2;
    let records: Vec<(u16, u32, Vec<u8>)> = match kind {
        A if is_host => vec![(A, 300, vec![104, 16, 132, 229]), (A, 300, vec![104, 16, 133, 229])],
        AAAA if is_host => {
            let address: std::net::Ipv6Addr = "2606:4700::6810:84e5".parse().expect("an address");
            vec![(AAAA, 300, address.octets().to_vec())]
        }
        // Each account's API has addresses of its own.
        A if name.ends_with("amazonaws.com") => vec![(A, 60, vec![203, 0, 113, 80 + number_of(&labels[0])])],
        A if name.ends_with("cloudflare.com") => vec![(A, 86400, vec![127, 0, 0, 1])],
        NS if name == ZONE => {
            ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"].map(|server| (NS, 86400, wire(server))).to_vec()
        }
        SOA if name == zone => vec![(SOA, 300, soa())],
        _ => Vec::new(),
    };
    let mut out = question.get(..2)?.to_vec();
    // An answer, by an authority where nobody asked for recursion, which is to be had.
    out.extend([0x80 | recursion | if recursion == 0 { 4 } else { 0 }, 0x80]);
    let denials = u8::from(records.is_empty());
    out.extend([0, 1, 0, u8::try_from(records.len()).ok()?, 0, denials, 0, 0]);
    out.extend(question.get(12..end)?);
    for (kind, ttl, data) in records {
        out.extend([0xc0, 12]);
        record(&mut out, kind, ttl, &data);
    }
    if denials == 1 {
        out.extend(wire(&zone));
        record(&mut out, SOA, 300, &soa());
    }
    Some(out)
}

/// The number of an origin's name.
fn number_of(label: &str) -> u8 {
    let digits = label.len() - label.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    label[label.len() - digits..].parse::<usize>().map_or(0, |n| u8::try_from(n % ORIGINS).expect("few"))
}

fn record(out: &mut Vec<u8>, kind: u16, ttl: u32, data: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    out.extend(ttl.to_be_bytes());
    out.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
    out.extend(data);
}

fn soa() -> Vec<u8> {
    let mut data = [wire("ns1.example.com"), wire("hostmaster.example.com")].concat();
    for number in [1_u32, 3600, 600, 86400, 300] {
        data.extend(number.to_be_bytes());
    }
    data
}

fn wire(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).expect("a label is short"));
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}
