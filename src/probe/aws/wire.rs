//! The HTTP side of the SDK: the client that asks Cloudflare's API too, so that roots of trust, proxy and bounds are the
//! same. Every try is counted on the account of the target that asks. Large answers are held one at a time, each until
//! its question is done with it.

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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::call::{MAX_BODY, MAX_WEIGHT};
use crate::probe::api::{Reach, SMALL, aside, reason, weight};
use crate::probe::budget::Budget;

/// The right to hold a large answer, for as long as the question lasts.
type Turn = Arc<tokio::sync::Mutex<Option<OwnedSemaphorePermit>>>;

tokio::task_local! {
    /// Whose request it is, and the question's turn.
    static ACCOUNT: (Budget, Turn);
}

/// Does this work, which is one question after another; each request in it counts for this target.
pub(super) async fn on_account_of<T>(budget: &Budget, work: impl Future<Output = T>) -> T {
    ACCOUNT.scope((budget.clone(), Turn::default()), work).await
}

/// The limits of a client: to connect, and between two pieces of an answer.
type Limits = (Option<Duration>, Option<Duration>);

/// Clients by their limits: the metadata service of an instance has its own, very short ones.
#[derive(Clone)]
pub(super) struct Wire {
    reach: Reach,
    usual: reqwest::Client,
    others: Arc<Mutex<HashMap<Limits, SharedHttpConnector>>>,
    large: Arc<Semaphore>,
}

impl Wire {
    pub(super) fn new(reach: Reach) -> Result<Self, String> {
        let usual = client(&reach, (None, None))?;
        Ok(Wire { reach, usual, others: Arc::default(), large: Arc::new(Semaphore::new(1)) })
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
            SharedHttpConnector::new(Line { client, large: self.large.clone() })
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
struct Line {
    client: reqwest::Client,
    large: Arc<Semaphore>,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // Outside of a target's work there is nothing to count on.
        let turn = ACCOUNT.try_with(|(budget, turn)| {
            budget.count_api_request();
            turn.clone()
        });
        let room = Room { turn: turn.unwrap_or_default(), large: self.large.clone() };
        let exchange = aside(exchange(self.client.clone(), request, room));
        HttpConnectorFuture::new(async move {
            exchange.await.unwrap_or_else(|| Err(ConnectorError::other("the question was dropped".into(), None)))
        })
    }
}

/// Where a large answer finds its place.
struct Room {
    turn: Turn,
    large: Arc<Semaphore>,
}

impl Room {
    /// Waits until the large answers of other questions are done with.
    async fn enter(&self) {
        let mut turn = self.turn.lock().await;
        if turn.is_none() {
            // Nobody closes the semaphore.
            *turn = self.large.clone().acquire_owned().await.ok();
        }
    }
}

async fn exchange(client: reqwest::Client, request: HttpRequest, room: Room) -> Result<HttpResponse, ConnectorError> {
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
        if body.len() + chunk.len() > SMALL {
            room.enter().await;
        }
        body.extend_from_slice(&chunk);
    }
    let weight = weight(&body);
    if weight > MAX_WEIGHT {
        return Err(ConnectorError::other("the answer holds more than cfdoctor keeps".into(), None));
    }
    if weight > SMALL * 8 {
        room.enter().await;
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
