//! What the edge says in its own name: error pages, the challenge, redirects, `/cdn-cgi/trace`.

use http::{HeaderMap, header};
use rustls::ProtocolVersion;

use super::gateway::set;
use super::serve::{self, Peer, Reply};
use super::upstream::OriginFault;

/// Who asks, and for what.
pub(super) struct Visit<'a> {
    pub(super) scheme: &'static str,
    pub(super) host: &'a str,
    pub(super) colo: &'a str,
    pub(super) headers: &'a HeaderMap,
}

impl Visit<'_> {
    /// Pages are HTML; a client that does not ask for HTML gets the code alone, as it is seen in the wild
    /// (`facts/cloudflare.md` section 6, unverified there).
    fn wants_html(&self) -> bool {
        let accept = self.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        accept.contains("text/html")
    }

    fn page(&self, status: u16, code: u16, name: &str) -> Reply {
        if !self.wants_html() {
            return serve::reply(
                status,
                &[("content-type", "text/plain; charset=UTF-8")],
                format!("error code: {code}"),
            );
        }
        let host = self.host;
        serve::reply(
            status,
            &[("content-type", "text/html; charset=UTF-8")],
            format!(
                "<!DOCTYPE html>\n<html><head><title>{host} | {code}: {name}</title></head><body><h1>{name} \
                 <span>Error code {code}</span></h1><p>Performance &amp; security by Cloudflare</p></body></html>\n"
            ),
        )
    }

    /// The way to the origin failed (`facts/cloudflare.md` section 6).
    pub(super) fn error(&self, fault: OriginFault) -> Reply {
        let (status, code) = fault.codes();
        let mut reply = self.page(status, code, fault.name());
        set(reply.headers_mut(), "cf-error-type", &code.to_string());
        set(reply.headers_mut(), "cf-error-origin", "edge");
        set(reply.headers_mut(), "cache-control", "private, max-age=0, no-store");
        reply
    }

    /// Stands in place of the origin's own 502 or 504.
    pub(super) fn branded(&self, status: u16) -> Reply {
        self.page(status, status, if status == 502 { "Bad gateway" } else { "Gateway time-out" })
    }

    /// HTML whatever was asked for (`facts/cloudflare.md` section 2).
    pub(super) fn challenge(&self) -> Reply {
        serve::reply(
            403,
            &[("content-type", "text/html; charset=UTF-8"), ("cf-mitigated", "challenge")],
            "<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head></html>\n",
        )
    }

    /// To the same URL in another scheme.
    pub(super) fn redirect(&self, scheme: &str, path: &str) -> Reply {
        let mut reply = serve::reply(301, &[("content-type", "text/html")], "");
        set(reply.headers_mut(), "location", &format!("{scheme}://{}{path}", self.host));
        reply
    }

    /// `key=value` lines, in the order of the real thing.
    pub(super) fn trace(&self, peer: &Peer, http: http::Version) -> Reply {
        let tls = peer.tls.as_ref();
        let version = match tls.and_then(|tls| tls.version) {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(_) => "TLSv1.2",
            None => "off",
        };
        let sni = if tls.is_some_and(|tls| tls.server_name.is_some()) { "plaintext" } else { "off" };
        let agent = self.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let http = if http == http::Version::HTTP_2 { "http/2" } else { "http/1.1" };
        let (host, address, scheme, colo) = (self.host, peer.address, self.scheme, self.colo);
        let text = format!(
            "fl=1f1\nh={host}\nip={address}\nts={}.000\nvisit_scheme={scheme}\nuag={agent}\ncolo={colo}\nsliver=none\n\
             http={http}\nloc=US\ntls={version}\nsni={sni}\nwarp=off\ngateway=off\nrbi=off\nkex=X25519\n",
            now.as_secs()
        );
        serve::reply(200, &[("content-type", "text/plain")], text)
    }
}
