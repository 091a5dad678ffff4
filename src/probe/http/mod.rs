//! One HTTP connection, and what is asked over it. Whatever a server does ends as a recorded outcome within bounds.

mod body;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod head;
mod one;
mod request;
mod two;
mod watch;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::time::Duration;

use cfdoctor_checks::evidence::http::{BodyEnd, Exchange, Failure, Headers, Outcome, Response, Timing};
use cfdoctor_checks::evidence::redact::{self, Secrets};
use cfdoctor_checks::evidence::target::Scheme;
use cfdoctor_checks::evidence::tls::Patience;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::probe::budget::{Budget, MAX_REQUESTS};
use crate::probe::dial::BoxedIo;
use crate::settings::Settings;
use body::Collector;
use head::Head;
use one::One;
use request::Prepared;
use two::Two;

/// A request without a body.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Method.
    pub method: &'a str,
    /// Scheme of the URL.
    pub scheme: Scheme,
    /// The `Host` header, or `:authority`.
    pub authority: &'a str,
    /// Path and query, starting with `/`.
    pub path: &'a str,
    /// Lines beside `Host`, `User-Agent` and `Accept`, which they replace where they bear the same name.
    pub headers: &'a [(String, SecretString)],
}

impl Ask<'_> {
    /// Is a line of it one whose value is never shown?
    pub(crate) fn holds_a_secret(&self) -> bool {
        self.headers.iter().any(|(name, value)| {
            let value = value.expose_secret();
            redact::header(name, value) != value
        })
    }
}

/// An exchange, and what following its redirect needs.
pub(crate) struct Answer {
    /// As evidence: redacted.
    pub(crate) exchange: Exchange,
    /// The raw `Location` of a redirect; it may hold secrets and is never recorded.
    pub(crate) location: Option<String>,
}

impl Answer {
    /// What comes of a request that could not be sent.
    pub(crate) fn none(what: &Ask<'_>, failure: Failure, earlier: Vec<String>) -> Self {
        let exchange = Exchange {
            request: request::recorded(what, None, false),
            sent_at: None,
            outcome: Outcome::Failed(failure),
            timing: Timing::default(),
            earlier,
        };
        Answer { exchange, location: None }
    }
}

/// A connection over any stream.
pub struct Connection {
    wire: Wire,
    used: u32,
    timeout: Duration,
    budget: Budget,
}

enum Wire {
    One(Box<One>),
    Two(Box<Two>),
}

impl Connection {
    /// Speaks HTTP/2 (`h2`) or HTTP/1.1 over `io`.
    ///
    /// # Errors
    /// The HTTP/2 preface could not be sent.
    pub async fn over(io: BoxedIo, h2: bool, budget: &Budget, settings: &Settings) -> Result<Connection, Failure> {
        let wire = if h2 {
            let opened = budget.limit(settings.timeout, pin!(Two::over(io))).await;
            Wire::Two(Box::new(opened.map_err(Failure::TimedOut)??))
        } else {
            Wire::One(Box::new(One::new(io)))
        };
        Ok(Connection { wire, used: 0, timeout: settings.timeout, budget: budget.clone() })
    }

    /// Asks, and reads the answer to the bounds of `product.md` section 10.
    pub async fn send(&mut self, what: &Ask<'_>) -> Exchange {
        self.ask(what).await.exchange
    }

    /// May another request be sent?
    pub fn is_open(&self) -> bool {
        match &self.wire {
            Wire::One(one) => one.is_open(),
            Wire::Two(two) => two.is_open(),
        }
    }

    /// Was it used before?
    pub(crate) fn is_used(&self) -> bool {
        self.used > 0
    }

    /// The same connection for requests beside, where HTTP/2 allows that.
    pub(crate) fn beside(&self) -> Option<Connection> {
        let Wire::Two(two) = &self.wire else { return None };
        let wire = Wire::Two(Box::new(two.beside()));
        Some(Connection { wire, used: self.used, timeout: self.timeout, budget: self.budget.clone() })
    }

    pub(crate) async fn ask(&mut self, what: &Ask<'_>) -> Answer {
        let is_h2 = matches!(self.wire, Wire::Two(_));
        let prepared = Prepared::new(what);
        let mut exchange = Exchange {
            request: request::recorded(what, prepared.as_ref().ok(), is_h2),
            sent_at: None,
            outcome: Outcome::Failed(Failure::Closed),
            timing: Timing::default(),
            earlier: Vec::new(),
        };
        let start = Instant::now();
        let budget = self.budget.clone();
        let watch = budget.watch();
        let secrets = prepared.as_ref().map(|prepared| prepared.secrets.clone()).unwrap_or_default();
        match self.exchange(what, prepared, &mut exchange).await {
            Ok((response, location)) => {
                exchange.timing.total_ms = Some(milliseconds(start));
                exchange.outcome = Outcome::Answered(Box::new(response));
                Answer { exchange, location }
            }
            Err(failure) => {
                if let Wire::One(one) = &mut self.wire {
                    one.close();
                }
                // A server that lost patience with us is not to blame.
                let excuse = watch.overloaded().filter(|_| matches!(failure, Failure::Closed | Failure::Reset));
                exchange.outcome =
                    Outcome::Failed(excuse.map_or_else(|| harmless(failure, &secrets), Failure::TimedOut));
                Answer { exchange, location: None }
            }
        }
    }

    async fn exchange(
        &mut self,
        what: &Ask<'_>,
        prepared: Result<Prepared, Failure>,
        exchange: &mut Exchange,
    ) -> Result<(Response, Option<String>), Failure> {
        let prepared = prepared?;
        if let Wire::One(one) = &mut self.wire
            && one.is_stale()
        {
            return Err(Failure::Closed);
        }
        if !self.budget.take_request() {
            return Err(Failure::Protocol { why: format!("not asked: {MAX_REQUESTS} requests are the limit") });
        }
        self.used += 1;
        let start = Instant::now();
        exchange.sent_at = Some(OffsetDateTime::now_utc());
        let head = match &mut self.wire {
            Wire::One(one) => self.budget.limit(self.timeout, pin!(one.head(&prepared))).await,
            Wire::Two(two) => self.budget.limit(self.timeout, pin!(two.head(what.scheme, &prepared))).await,
        };
        let head = head.map_err(Failure::TimedOut)??;
        exchange.timing.head_ms = Some(milliseconds(start));
        let mut body = Collector::default();
        let left = self.timeout.saturating_sub(start.elapsed());
        let end = match &mut self.wire {
            Wire::One(one) => self.budget.limit(left, pin!(one.body(&head, &mut body))).await,
            Wire::Two(two) => self.budget.limit(left, pin!(two.body(&mut body))).await,
        };
        let end = end.unwrap_or_else(|patience| {
            let after_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            BodyEnd::TimedOut(Patience { after_ms, ..patience })
        });
        let location = matches!(head.status, 301 | 302 | 303 | 307 | 308)
            .then(|| head.all("location").next().map(str::to_owned))
            .flatten();
        Ok((response(head, body, end, &prepared.secrets), location))
    }
}

/// The answer as evidence.
fn response(head: Head, body: Collector, end: BodyEnd, secrets: &Secrets) -> Response {
    let end = match end {
        BodyEnd::Broken { why } => BodyEnd::Broken { why: secrets.blank(redact::text(&why)) },
        end => end,
    };
    let body = body.finish(&head, end, secrets);
    let mut headers = Headers::default();
    for (name, value) in head.lines {
        headers.push(&secrets.blank(name), &secrets.blank(value));
    }
    Response { status: head.status, version: head.version, headers, body }
}

/// A failure repeats what came; none of it may be a secret that we sent.
fn harmless(failure: Failure, secrets: &Secrets) -> Failure {
    let words = |why: String| secrets.blank(redact::text(&why));
    match failure {
        Failure::NotHttp { why } => Failure::NotHttp { why: words(why) },
        Failure::Protocol { why } => Failure::Protocol { why: words(why) },
        Failure::TooLarge { why } => Failure::TooLarge { why: words(why) },
        other => other,
    }
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}
