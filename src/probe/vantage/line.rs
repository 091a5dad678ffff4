//! A line to one server: opens its connection when needed, asks over it, opens it anew when the server closed it.

use cfdoctor_checks::evidence::Handshake;
use cfdoctor_checks::evidence::http::{Exchange, Failure, Outcome};
use cfdoctor_checks::evidence::target::Scheme;
use cfdoctor_checks::evidence::tls::Connect;

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
            connection: None,
            opened: false,
            reopenings: settings.retries.max(1),
            setup: None,
            notes: None,
        }
    }

    /// The line shows the client certificate of `--cert`, where one is given.
    #[must_use]
    pub(super) fn with_client_identity(mut self, settings: &Settings) -> Self {
        self.client_identity = settings.client_identity.is_some();
        self
    }

    /// Connects and shakes hands.
    pub(super) async fn shake_hands(&mut self, settings: &Settings, budget: &Budget) -> Handshake {
        self.opened = true;
        let wanted = Wanted { server_name: &self.host, alpn: ALPN, client_identity: self.client_identity };
        let (handshake, stream) = tls::handshake(&self.route, &wanted, settings, budget).await;
        if let Some(stream) = stream {
            self.notes = Some(stream.notes());
            self.setup = Some((handshake.connect_ms, handshake.tls_ms));
            let h2 = handshake.session.as_ref().is_some_and(|session| session.alpn.as_deref() == Some("h2"));
            self.connection = Connection::over(Box::new(stream), h2, budget, settings).await.ok();
        }
        handshake
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
                && let Err(failure) = self.open(&mut earlier, settings, budget).await
            {
                return Answer::none(what, failure, earlier);
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
