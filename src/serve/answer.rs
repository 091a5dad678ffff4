//! From a request to an answer: everything from outside is bounded and harmless before it is repeated.

use bytes::Bytes;
use cfdoctor_checks::evidence::text;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::own::Refused;
use super::{Query, Running, Unwanted, negotiate, probe};

/// An answer.
pub(super) type Reply = Response<Full<Bytes>>;

/// Characters of a sentence that repeats something from outside.
const MAX_SENTENCE: usize = 500;
/// Seconds until somebody may try again when all seats are taken.
const RETRY: &str = "5";

const INDEX: &str = "cfdoctor, an exporter for Prometheus\n\n\
    /probe?target=URL   visit a target (also origin=, expect=, region=)\n\
    /metrics            the exporter's own metrics\n\
    /healthz            whether it is there\n";

/// Answers one request.
pub(super) async fn answer<B>(running: &Running, request: &Request<B>) -> Reply {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let reply = sentence(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
        return with(reply, ALLOW, "GET, HEAD");
    }
    match request.uri().path() {
        "/" => sentence(StatusCode::OK, INDEX.trim_end()),
        "/healthz" => sentence(StatusCode::OK, "ok"),
        "/metrics" => {
            let syntax = negotiate::syntax(request.headers());
            let mut body = Vec::new();
            // Writing into memory does not fail.
            let _ = running.own.write(running.exporter.concurrency, syntax, &mut body);
            reply(StatusCode::OK, syntax.media_type(), body)
        }
        "/probe" => probed(running, request).await,
        _ => sentence(StatusCode::NOT_FOUND, "there are /probe, /metrics and /healthz"),
    }
}

async fn probed<B>(running: &Running, request: &Request<B>) -> Reply {
    let exporter = &running.exporter;
    let refuse = |why: Refused, status, what: &str| {
        running.own.refuse(why);
        tracing::info!(reason = text::shorten(what, MAX_SENTENCE), "probe refused");
        sentence(status, what)
    };
    let wanted = Query::read(request.uri().query().unwrap_or_default()).map_err(Unwanted::Bad);
    let wanted = wanted.and_then(|query| (exporter.choose)(&query)).and_then(|target| {
        let limit = probe::limit(request.headers(), exporter.settings.deadline, exporter.timeout_offset);
        limit.map(|limit| (target, limit)).map_err(Unwanted::Bad)
    });
    let (target, limit) = match wanted {
        Ok(wanted) => wanted,
        Err(Unwanted::Bad(why)) => return refuse(Refused::BadRequest, StatusCode::BAD_REQUEST, &why),
        Err(Unwanted::NotConfigured(why)) => return refuse(Refused::NotConfigured, StatusCode::FORBIDDEN, &why),
    };
    // No queue: a probe that waits eats the time of its scrape.
    let Ok(_seat) = running.seats.try_acquire() else {
        let why = format!("{} probes are running already (--concurrency)", exporter.concurrency);
        let reply = refuse(Refused::Busy, StatusCode::SERVICE_UNAVAILABLE, &why);
        return with(reply, RETRY_AFTER, RETRY);
    };
    let syntax = negotiate::syntax(request.headers());
    let body = probe::run(running, &target, limit, syntax).await;
    reply(StatusCode::OK, syntax.media_type(), body)
}

/// Plain text; of what came from outside only harmless characters, and not many.
fn sentence(status: StatusCode, what: &str) -> Reply {
    let lines: Vec<String> = what.lines().map(|line| text::shorten(line, MAX_SENTENCE)).collect();
    reply(status, "text/plain; charset=utf-8", lines.join("\n") + "\n")
}

fn reply(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let reply = with(reply, CONTENT_TYPE, media_type);
    with(with(reply, X_CONTENT_TYPE_OPTIONS, "nosniff"), CACHE_CONTROL, "no-store")
}

fn with(mut reply: Reply, name: HeaderName, value: &'static str) -> Reply {
    reply.headers_mut().insert(name, HeaderValue::from_static(value));
    reply
}
