//! A sound site in a small world: name server, edge and origin, each of which a scene may replace.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::CertificateDer;
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};

use crate::hostile::certificates::config;
use crate::hostile::names::{A, ASKED, NXDOMAIN, OK, Question, SOA, record, serve, soa};
use crate::hostile::script::{Front, Server, Step};

pub(super) const HOST: &str = "lambda.example.com";
pub(super) const ORIGIN: &str = "origin.example.net";
/// Cloudflare's.
pub(super) const EDGE_ADDRESS: [u8; 4] = [104, 16, 132, 229];
/// Of a documentation range (RFC 5737).
pub(super) const ORIGIN_ADDRESS: [u8; 4] = [203, 0, 113, 80];
const AAAA: u16 = 28;

/// An authority of the world.
pub(super) struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    /// Is it the end of a chain, and not sent?
    is_root: bool,
}

impl Authority {
    pub(super) fn new(organisation: &str, name: &str, above: Option<&Authority>) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let made = match above {
            Some(above) => params.signed_by(&key, &above.issuer),
            None => params.self_signed(&key),
        };
        let certificate = made.unwrap().der().clone();
        Authority { certificate, issuer: Issuer::new(params, key), is_root: above.is_none() }
    }

    /// TLS with a certificate for `name`, of which a third of 90 days is over at `now`.
    pub(super) fn front_at(&self, name: &str, now: OffsetDateTime) -> Front {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = now - Duration::days(30);
        params.not_after = now + Duration::days(60);
        let mut chain = vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()];
        if !self.is_root {
            chain.push(self.certificate.clone());
        }
        Front::Tls(config(chain, &key, &[b"http/1.1"]))
    }

    pub(super) fn front(&self, name: &str) -> Front {
        self.front_at(name, OffsetDateTime::now_utc())
    }

    pub(super) fn pem(&self) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&self.certificate);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }
}

/// The public authorities of the world; the doctor gets their root with `--cacert`.
pub(super) struct Public {
    pub(super) root: Authority,
    pub(super) of_the_edge: Authority,
    pub(super) of_the_origin: Authority,
}

pub(super) static PUBLIC: LazyLock<Public> = LazyLock::new(|| {
    let root = Authority::new("Public Trust of the World", "Root", None);
    // As in reality, edge and origin have theirs from different authorities.
    let of_the_edge = Authority::new("Google Trust Services", "WE1 (test)", Some(&root));
    let of_the_origin = Authority::new("Amazon", "Amazon RSA 2048 M01 (test)", Some(&root));
    Public { root, of_the_edge, of_the_origin }
});

/// A `Date`, so many seconds from now.
pub(super) fn date(ahead: i64) -> String {
    let at = OffsetDateTime::now_utc() + Duration::seconds(ahead);
    at.format(&Rfc2822).unwrap().replace("+0000", "GMT")
}

/// Cloudflare's number of an answer; each has its own.
fn ray() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0x8f00_0000_0000_0001);
    format!("{:016x}-FRA", NEXT.fetch_add(1, Ordering::SeqCst))
}

/// An answer of the edge, dated so far ahead.
pub(super) fn edge_answer(line: &str, ahead: i64) -> String {
    let head = format!("Date: {}\r\nServer: cloudflare\r\nCF-Ray: {}\r\n", date(ahead), ray());
    if line.contains("/cdn-cgi/trace") {
        let body = format!("fl=1f1\nh={HOST}\nip=192.0.2.7\ncolo=FRA\nhttp=http/1.1\ntls=TLSv1.3\n");
        let length = body.len();
        return format!("HTTP/1.1 200 OK\r\n{head}Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}");
    }
    format!(
        "HTTP/1.1 200 OK\r\n{head}CF-Cache-Status: DYNAMIC\r\nContent-Type: application/json\r\n\
         Apigw-Requestid: c2FtcGxl=\r\nContent-Length: 11\r\n\r\n{{\"ok\":true}}"
    )
}

/// An answer of the origin, dated so far ahead.
pub(super) fn origin_answer(ahead: i64) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Type: application/json\r\nApigw-Requestid: c2FtcGxl=\r\n\
         Content-Length: 11\r\n\r\n{{\"ok\":true}}",
        date(ahead)
    )
}

/// `http://` at the edge: on to `https://`.
pub(super) fn redirect() -> String {
    format!(
        "HTTP/1.1 301 Moved Permanently\r\nDate: {}\r\nServer: cloudflare\r\nCF-Ray: {}\r\n\
         Location: https://{HOST}/x\r\nContent-Length: 0\r\n\r\n",
        date(0),
        ray()
    )
}

/// Answers each request by its first line.
pub(super) fn answering(of: fn(&str) -> String) -> Vec<Step> {
    vec![Step::Request, Step::Answer(of)]
}

/// Says the same to each request.
pub(super) fn saying(text: &str) -> Vec<Step> {
    vec![Step::Request, Step::Say(text.into())]
}

/// What a resolver says that tells the truth: host and origin have their addresses, and nothing else is there.
pub(super) fn truth(question: &Question) -> Vec<u8> {
    match (question.name().as_str(), question.kind) {
        (HOST, A) => address(question, &EDGE_ADDRESS),
        (ORIGIN, A) => address(question, &ORIGIN_ADDRESS),
        (HOST | ORIGIN | "example.com", _) => question.reply(OK, &[], &[soa()]),
        _ => question.reply(NXDOMAIN, &[], &[soa()]),
    }
}

/// One record with this address, of either family.
pub(super) fn address(question: &Question, octets: &[u8]) -> Vec<u8> {
    let kind = if octets.len() == 4 { A } else { AAAA };
    match question.kind == kind {
        true => question.reply(OK, &[record(ASKED, kind, 60, octets)], &[]),
        false if question.kind == SOA => question.reply(OK, &[], &[soa()]),
        false => question.reply(OK, &[], &[soa()]),
    }
}

/// A sound site; each part is replaced by giving another port.
#[derive(Clone, Copy)]
pub(super) struct World {
    pub(super) resolver: u16,
    pub(super) edge: u16,
    pub(super) edge_plain: u16,
    pub(super) origin: u16,
    pub(super) origin_plain: u16,
}

impl World {
    pub(super) fn sound() -> World {
        static SOUND: LazyLock<(World, [Server; 3])> = LazyLock::new(|| {
            let edge = Server::start(PUBLIC.of_the_edge.front(HOST), answering(|line| edge_answer(line, 0)));
            let plain = Server::start(Front::Raw, answering(|_| redirect()));
            let origin = Server::start(PUBLIC.of_the_origin.front(HOST), answering(|_| origin_answer(0)));
            let world = World {
                resolver: serve(|question| vec![truth(question)], None),
                edge: edge.port,
                edge_plain: plain.port,
                origin: origin.port,
                origin_plain: Server::closed_port(),
            };
            (world, [edge, plain, origin])
        });
        SOUND.0
    }

    /// The options that lead there; the origin is named.
    pub(super) fn arguments(&self) -> Vec<String> {
        let resolver = format!("127.0.0.1:{}", self.resolver);
        let mut arguments = vec!["--resolver".into(), resolver, "--origin".into(), ORIGIN.into()];
        let ends = [(HOST, 443, self.edge), (HOST, 80, self.edge_plain), (ORIGIN, 443, self.origin)];
        for (host, port, to) in ends.into_iter().chain([(ORIGIN, 80, self.origin_plain)]) {
            arguments.extend(["--connect-to".into(), format!("{host}:{port}:127.0.0.1:{to}")]);
        }
        arguments
    }
}
