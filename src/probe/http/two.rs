//! HTTP/2 over a stream, with the library below hyper: it tells resets and GOAWAY with their reasons.

use std::sync::Arc;

use bytes::Bytes;
use cfdoctor_checks::evidence::http::{BodyEnd, Failure};
use cfdoctor_checks::evidence::text;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::header::HeaderName;
use http::{Request, Uri};
use tokio::task::JoinHandle;

use super::body::{Collector, MAX_BODY};
use super::head::{self, Framing, Head, MAX_FIELDS, MAX_HEAD};
use super::request::Prepared;
use super::watch::{Watch, Watched};
use cfdoctor_checks::evidence::target::Scheme;

use crate::probe::dial::BoxedIo;

/// Flow control: how much of a body may be on its way to us.
const WINDOW: u32 = 128 * 1024;
/// Octets that may come before the head of an answer: window, head, settings, pings.
const BEFORE_HEAD: u64 = 2 * WINDOW as u64;
/// Octets that may come from the head of an answer on: body, its frames, window.
const AFTER_HEAD: u64 = 2 * MAX_BODY;

/// A connection that speaks HTTP/2.
pub(super) struct Two {
    send: SendRequest<Bytes>,
    driver: Arc<Driver>,
    watch: Watch,
    body: Option<RecvStream>,
}

/// The task that moves the frames; ends with its connection.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Two {
    pub(super) async fn over(io: BoxedIo) -> Result<Self, Failure> {
        let (io, watch) = Watched::new(io);
        watch.allow(BEFORE_HEAD);
        let done = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(2 * MAX_HEAD as u32)
            .handshake::<_, Bytes>(io)
            .await;
        let (send, connection) = done.map_err(|error| failure(&error, &watch, 0))?;
        let driver = tokio::spawn(async move {
            let _ = connection.await; // its error reaches every stream, and the watch
        });
        Ok(Two { send, driver: Arc::new(Driver(driver)), watch, body: None })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.driver.0.is_finished()
    }

    /// The same connection, for a request beside.
    pub(super) fn beside(&self) -> Self {
        Two { send: self.send.clone(), driver: self.driver.clone(), watch: self.watch.clone(), body: None }
    }

    /// Sends the request and reads the head of its answer.
    pub(super) async fn head(&mut self, scheme: Scheme, prepared: &Prepared) -> Result<Head, Failure> {
        let request = request(scheme, prepared)?;
        self.watch.allow(BEFORE_HEAD);
        let before = self.watch.read();
        let answered = async {
            let mut send = self.send.clone().ready().await?;
            let (answer, _) = send.send_request(request, true)?;
            answer.await
        };
        let answer = answered.await.map_err(|error| failure(&error, &self.watch, before))?;
        self.watch.allow(AFTER_HEAD);
        let (parts, body) = answer.into_parts();
        let size: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if parts.headers.len() > MAX_FIELDS {
            return Err(Failure::TooLarge { why: format!("more than {MAX_FIELDS} fields") });
        }
        if size > MAX_HEAD {
            return Err(Failure::TooLarge { why: "more than 64 KiB".into() });
        }
        let lines = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text::clean(text::of_bytes(value.as_bytes()).trim())))
            .collect();
        let status = parts.status.as_u16();
        let bodiless = prepared.method == http::Method::HEAD || matches!(status, 204 | 304);
        self.body = (!bodiless).then_some(body);
        let framing = if bodiless { Framing::Nothing } else { Framing::Frames };
        Ok(Head { status, version: "HTTP/2".into(), lines, framing, persists: true })
    }

    /// Reads the body of the answer whose head came last.
    pub(super) async fn body(&mut self, into: &mut Collector) -> BodyEnd {
        let Some(mut body) = self.body.take() else {
            return BodyEnd::Complete;
        };
        while let Some(data) = body.data().await {
            let data = match data {
                Ok(data) => data,
                Err(error) => {
                    return BodyEnd::Broken { why: failure(&error, &self.watch, u64::MAX).describe() };
                }
            };
            if !into.take(&data) {
                return BodyEnd::CutByUs;
            }
            if body.flow_control().release_capacity(data.len()).is_err() {
                return BodyEnd::Broken { why: "flow control failed".into() };
            }
        }
        BodyEnd::Complete
    }
}

fn request(scheme: Scheme, prepared: &Prepared) -> Result<Request<()>, Failure> {
    let unfit = |error: http::Error| Failure::Protocol { why: text::shorten(&error.to_string(), 120) };
    let scheme = match scheme {
        Scheme::Http => http::uri::Scheme::HTTP,
        Scheme::Https => http::uri::Scheme::HTTPS,
    };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(prepared.authority.clone())
        .path_and_query(prepared.path.clone())
        .build()
        .map_err(unfit)?;
    let mut request = Request::builder().method(prepared.method.clone()).uri(uri).body(()).map_err(unfit)?;
    for (name, value) in &prepared.lines {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            request.headers_mut().append(name, value.clone());
        }
    }
    Ok(request)
}

/// An error of the library, typed; `before`: octets that had come when the request was sent.
fn failure(error: &h2::Error, watch: &Watch, before: u64) -> Failure {
    if let Some(fault) = watch.fault() {
        return fault;
    }
    let first = watch.first();
    if first.len() >= 4 && (head::could_begin(&first) || !matches!(first[3], 0..=0x0a)) {
        let Failure::NotHttp { why } = head::not_http(&first) else { return Failure::Closed };
        return Failure::NotHttp { why: format!("HTTP/2 was agreed, but {why}") };
    }
    if let Some(io) = error.get_io() {
        return super::watch::failure(io);
    }
    let over = error.is_library()
        && (error.reason() == Some(Reason::REFUSED_STREAM) && error.is_reset()
            || watch.read().saturating_sub(before) > MAX_HEAD as u64);
    if over {
        return Failure::TooLarge { why: "more than 64 KiB".into() };
    }
    Failure::Protocol { why: text::shorten(&error.to_string(), 200) }
}
