//! The HTTP side of the SDK: the client that asks Cloudflare's API too, so that roots of trust, proxy and bounds are the
//! same. Every try is counted on the account of the target that asks.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::call::MAX_BODY;
use crate::probe::api::{Reach, reason};
use crate::probe::budget::Budget;

tokio::task_local! {
    /// Whose request it is.
    static ACCOUNT: Budget;
}

/// Does this work; each request in it counts for this target.
pub(super) async fn on_account_of<T>(budget: &Budget, work: impl Future<Output = T>) -> T {
    ACCOUNT.scope(budget.clone(), work).await
}

/// The limits of a client: to connect, and between two pieces of an answer.
type Limits = (Option<Duration>, Option<Duration>);

/// Clients by their limits: the metadata service of an instance has its own, very short ones.
#[derive(Clone)]
pub(super) struct Wire {
    reach: Reach,
    usual: reqwest::Client,
    others: Arc<Mutex<HashMap<Limits, SharedHttpConnector>>>,
}

impl Wire {
    pub(super) fn new(reach: Reach) -> Result<Self, String> {
        let usual = client(&reach, (None, None))?;
        Ok(Wire { reach, usual, others: Arc::default() })
    }

    pub(super) fn shared(self) -> SharedHttpClient {
        SharedHttpClient::new(self)
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            // What could be set up once can be set up again.
            let client = client(&self.reach, limits).unwrap_or_else(|_| self.usual.clone());
            SharedHttpConnector::new(Line(client))
        };
        others.entry(limits).or_insert_with(made).clone()
    }
}

fn client(reach: &Reach, (connect, read): Limits) -> Result<reqwest::Client, String> {
    let mut builder = reach.client(&[b"h2", b"http/1.1"])?;
    if let Some(limit) = connect {
        builder = builder.connect_timeout(limit.min(reach.connect_timeout));
    }
    if let Some(limit) = read {
        builder = builder.read_timeout(limit);
    }
    builder.build().map_err(|error| reason(&error))
}

/// One client.
#[derive(Debug)]
struct Line(reqwest::Client);

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // Outside of a target's work there is nothing to count on.
        let _ = ACCOUNT.try_with(Budget::count_api_request);
        HttpConnectorFuture::new(exchange(self.0.clone(), request))
    }
}

async fn exchange(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.bytes().map(<[u8]>::to_vec).ok_or_else(|| ConnectorError::user("a body that streams".into()))?;
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
        .map_err(|error| ConnectorError::user(reason(&error).into()))?;
    let mut response = client.execute(request).await.map_err(|error| failure(&error))?;
    let too_large = || {
        let text = format!("the answer is larger than {} MiB", MAX_BODY / 1024 / 1024);
        ConnectorError::other(text.into(), None)
    };
    if response.content_length().is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = http::Response::new(SdkBody::from(body));
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// The reason without the URL, which may hold a token of a list's next page.
fn failure(error: &reqwest::Error) -> ConnectorError {
    let words = reason(error).into();
    if error.is_timeout() { ConnectorError::timeout(words) } else { ConnectorError::io(words) }
}
