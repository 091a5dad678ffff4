//! A line to one server: opens its connection when needed, asks over it, opens it anew when the server closed it.

use std::net::IpAddr;

use cfdoctor_checks::evidence::Handshake;
use cfdoctor_checks::evidence::http::{Exchange, Failure, Outcome};
use cfdoctor_checks::evidence::target::Scheme;
use cfdoctor_checks::evidence::text;
use cfdoctor_checks::evidence::tls::Connect;
use cfdoctor_checks::model::trust::{self, Policy};
use time::OffsetDateTime;

use crate::probe::budget::{Budget, MAX_CONNECTIONS, MAX_REQUESTS};
use crate::probe::dial::{self, Route};
use crate::probe::http::{Answer, Ask, Connection};
use crate::probe::tls::{self, Notes, Wanted};
use crate::settings::Settings;

/// What we speak: as browsers at the edge, and as Cloudflare towards the origin (`facts/cloudflare.md` section 4.3).
const ALPN: &[&[u8]] = &[b"h2", b"http/1.1"];

/// A line to the server of one scheme, host and port.
pub(super) struct Line {
    /// Scheme of the URLs.
    pub(super) scheme: Scheme,
    /// Host of the URLs, and SNI.
    pub(super) host: String,
    /// Port of the URLs (the route may lead elsewhere).
    pub(super) port: u16,
    route: Route,
    client_identity: bool,
    /// Whose rules say whether the server is who it says, and the other name that it may go by.
    policy: Policy,
    alias: Option<String>,
    /// Why the server of the open connection is not trusted, if so.
    distrust: Option<String>,
    connection: Option<Connection>,
    opened: bool,
    reopenings: u32,
    setup: Option<(Option<f64>, Option<f64>)>,
    notes: Option<Notes>,
}

impl Line {
    /// A line that is not open yet.
    pub(super) fn new(scheme: Scheme, host: &str, port: u16, route: Route, settings: &Settings) -> Self {
        Line {
            scheme,
            host: host.to_owned(),
            port,
            route,
            client_identity: false,
            policy: Policy::PublicWeb,
            alias: None,
            distrust: None,
            connection: None,
            opened: false,
            reopenings: settings.retries.max(1),
            setup: None,
            notes: None,
        }
    }

    /// The line is Cloudflare's to the origin, whose name is `peer`: it shows the client certificate of `--cert`, where
    /// one is given, and trusts as Full (strict) does.
    #[must_use]
    pub(super) fn towards_origin(mut self, peer: &str, settings: &Settings) -> Self {
        self.client_identity = settings.client_identity.is_some();
        self.policy = Policy::FullStrict;
        self.alias = Some(peer.to_owned()).filter(|peer| peer.parse::<IpAddr>().is_err());
        self
    }

    /// Connects and shakes hands.
    pub(super) async fn shake_hands(&mut self, settings: &Settings, budget: &Budget) -> Handshake {
        self.opened = true;
        let wanted = Wanted { server_name: &self.host, alpn: ALPN, client_identity: self.client_identity };
        let (handshake, stream) = tls::handshake(&self.route, &wanted, settings, budget).await;
        // Judging a chain is work; without lines of the user's there is nothing to keep.
        self.distrust = if settings.request_headers.is_empty() { None } else { self.doubt(&handshake, settings) };
        if let Some(stream) = stream {
            self.notes = Some(stream.notes());
            self.setup = Some((handshake.connect_ms, handshake.tls_ms));
            let h2 = handshake.session.as_ref().is_some_and(|session| session.alpn.as_deref() == Some("h2"));
            self.connection = Connection::over(Box::new(stream), h2, budget, settings).await.ok();
        }
        handshake
    }

    /// Why a secret of the user may not go to this server, if so: as curl, we send none to who cannot prove its name.
    fn doubt(&self, handshake: &Handshake, settings: &Settings) -> Option<String> {
        let trust = trust::judge(&trust::Question {
            policy: self.policy,
            chain: &handshake.chain,
            requested: &self.host,
            target: self.alias.as_deref(),
            at: OffsetDateTime::now_utc(),
            roots: &settings.trust,
        });
        let name = self.alias.as_deref().unwrap_or(&self.host);
        (trust.accepted() != Some(true)).then(|| {
            format!(
                "the request holds a secret (-H), and the certificate of {} is not trusted; leave the header out, or \
                 give its root with --cacert",
                text::clean(name)
            )
        })
    }

    /// Writes into `handshake` what only the first exchange showed: a refusal that TLS 1.3 sends late.
    pub(super) fn apply_late_fault(&self, handshake: &mut Handshake) {
        if let Some(notes) = &self.notes {
            tls::apply_late_fault(handshake, notes);
        }
    }

    /// Is it open, or may it be opened?
    pub(super) fn is_usable(&self, budget: &Budget) -> bool {
        self.is_open() || ((!self.opened || self.reopenings > 0) && connections_left(budget) > 0)
    }

    /// Is it open?
    pub(super) fn is_open(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_open)
    }

    /// The open connection for requests beside (HTTP/2).
    pub(super) fn beside(&self) -> Option<Connection> {
        self.connection.as_ref().filter(|connection| connection.is_open()).and_then(Connection::beside)
    }

    /// Asks. Transport failures are tried again as `--retries` says, and once where the server had closed an idle
    /// connection; each is recorded.
    pub(super) async fn ask(&mut self, what: &Ask<'_>, settings: &Settings, budget: &Budget) -> Answer {
        let mut earlier = Vec::new();
        loop {
            if !self.is_open()
                // On the heap: it takes more room than all that comes after it, and rarely happens here over TLS.
                && let Err(failure) = Box::pin(self.open(&mut earlier, settings, budget)).await
            {
                return Answer::none(what, failure, earlier);
            }
            if let Some(why) = self.distrust.as_ref().filter(|_| what.holds_a_secret()) {
                return Answer::none(what, Failure::NotSent { why: why.clone() }, earlier);
            }
            let Some(connection) = self.connection.as_mut() else {
                return Answer::none(what, Failure::Closed, earlier);
            };
            let reused = connection.is_used();
            let mut answer = connection.ask(what).await;
            if let Some((connect_ms, tls_ms)) = self.setup.take() {
                answer.exchange.timing.connect_ms = connect_ms;
                answer.exchange.timing.tls_ms = tls_ms;
            }
            let may_repeat = is_safe(what.method)
                && self.reopenings > 0
                && connections_left(budget) > 0
                && (reused || settings.retries > 0)
                && !budget.is_over()
                && requests_left(budget) > 0;
            if may_repeat && let Some(failure) = transport_failure(&answer.exchange, reused) {
                earlier.push(failure);
                self.connection = None;
                continue;
            }
            answer.exchange.earlier = earlier;
            return answer;
        }
    }

    async fn open(&mut self, earlier: &mut Vec<String>, settings: &Settings, budget: &Budget) -> Result<(), Failure> {
        if self.opened {
            if self.reopenings == 0 {
                return Err(Failure::Closed);
            }
            self.reopenings -= 1;
            if earlier.is_empty() {
                earlier.push("the server had closed the connection after an earlier answer".into());
            }
        }
        self.connection = None;
        self.opened = true;
        if self.scheme == Scheme::Https {
            let handshake = self.shake_hands(settings, budget).await;
            earlier.extend(handshake.earlier.iter().cloned());
            return if self.connection.is_some() { Ok(()) } else { Err(failure(&handshake)) };
        }
        let dialed = dial::open(&self.route, settings, budget).await;
        earlier.extend(dialed.earlier);
        let Some(stream) = dialed.stream else {
            return Err(Failure::Connect(dialed.connect));
        };
        self.setup = Some((dialed.connect_ms, None));
        self.connection = Some(Connection::over(stream, false, budget, settings).await?);
        Ok(())
    }
}

/// Requests that may still be sent.
pub(super) fn requests_left(budget: &Budget) -> u32 {
    MAX_REQUESTS.saturating_sub(budget.spent().http_requests)
}

/// TCP connections that may still be opened.
fn connections_left(budget: &Budget) -> u32 {
    MAX_CONNECTIONS.saturating_sub(budget.spent().connections)
}

/// Methods that may be sent again (RFC 9110 section 9.2.1).
pub(super) fn is_safe(method: &str) -> bool {
    ["GET", "HEAD", "OPTIONS"].contains(&method)
}

/// A failure that another try may mend, in words. On a connection that was idle an HTTP/2 GOAWAY is one.
fn transport_failure(exchange: &Exchange, reused: bool) -> Option<String> {
    match &exchange.outcome {
        Outcome::Failed(failure @ (Failure::Closed | Failure::Reset)) => Some(failure.describe()),
        Outcome::Failed(failure @ Failure::Protocol { .. }) if reused => Some(failure.describe()),
        _ => None,
    }
}

/// Why there is no TLS connection.
pub(super) fn failure(handshake: &Handshake) -> Failure {
    if handshake.connect == Connect::Open {
        Failure::Tls { why: handshake.outcome.describe() }
    } else {
        Failure::Connect(handshake.connect.clone())
    }
}
