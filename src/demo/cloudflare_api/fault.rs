//! Ways in which an API fails.

use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;

use super::envelope;
use crate::demo::serve::{Reply, reply};

/// What an endpoint does in place of answering.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An HTML page with status 200: a login page of somebody's network.
    Html,
    /// An HTML page with this status.
    Status(u16),
    /// An error of the API: status, code, message.
    Error(u16, u64, &'static str),
    /// Never answers.
    Hangs,
    /// Closes the connection.
    Closes,
    /// A body that is not the envelope.
    Body(&'static str),
    /// This as `result`, in a sound envelope.
    Result(Value),
    /// An endless list: so many octets, with or without a stated length.
    Huge {
        /// Octets.
        octets: usize,
        /// Is `Content-Length` sent?
        stated: bool,
    },
    /// 429 with this `Retry-After`, the first so many times.
    RateLimited {
        /// Seconds.
        retry_after: u64,
        /// Times.
        times: u32,
    },
    /// A redirect to another host.
    Redirect(&'static str),
    /// Another fault, the first time only.
    First(Box<Fault>),
}

impl Fault {
    /// What comes in place of the answer, the `times`th time; outer `None`: the answer itself, inner: nothing.
    pub(super) async fn strike(&self, times: u32) -> Option<Option<Reply>> {
        const PAGE: &str = "<!DOCTYPE html><html><title>Sign in</title></html>";
        const HTML: &[(&str, &str)] = &[("content-type", "text/html; charset=utf-8")];
        const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
        Some(Some(match self {
            Fault::Html => reply(200, HTML, PAGE),
            Fault::Status(status) => reply(*status, HTML, PAGE),
            Fault::Error(status, code, message) => envelope::error(*status, *code, message),
            Fault::Hangs => std::future::pending().await,
            Fault::Closes => return Some(None),
            Fault::Body(body) => reply(200, JSON, *body),
            Fault::Result(result) => envelope::result(result),
            Fault::Huge { octets, stated } => huge(*octets, *stated),
            Fault::First(_) if times > 1 => return None,
            Fault::First(fault) => return Box::pin(fault.strike(times)).await,
            Fault::RateLimited { times: most, .. } if times > *most => return None,
            Fault::RateLimited { retry_after, .. } => envelope::rate_limited(*retry_after),
            Fault::Redirect(to) => reply(302, &[("location", to)], ""),
        }))
    }
}

fn huge(octets: usize, stated: bool) -> Reply {
    let start = br#"{"success":true,"result":[""#;
    let mut body = vec![b'x'; octets];
    body.iter_mut().zip(start).for_each(|(place, octet)| *place = *octet);
    let mut reply = reply(200, &[("content-type", "application/json")], Bytes::from(body));
    if !stated {
        reply.headers_mut().insert(http::header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    reply
}
