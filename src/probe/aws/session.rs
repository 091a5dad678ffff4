//! Credentials, clients, and what is shared by every target of a run.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use cfdoctor_checks::evidence::redact::Secrets;
use cfdoctor_checks::{NotRun, Probe};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::call::{Refusal, chain, refusal};
use super::errors::{self, Place};
use super::questions::RegionDomains;
use super::wire::{Wire, on_account_of};
use super::{Asked, AwsAccess, AwsUse, Inner};
use crate::probe::budget::Budget;

/// Longest wait for credentials: single sign-on and assumed roles are requests of their own.
const CREDENTIALS_TIME: Duration = Duration::from_secs(15);
/// Longest wait for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(4);
/// Longest wait for one answer, with every try.
const ANSWER_TIME: Duration = Duration::from_secs(15);
/// The control plane of API Gateway gives 10 requests a second and 40 at once (`facts/aws.md` section 3.5).
const PACE: Duration = Duration::from_millis(100);
const BURST: u32 = 40;
/// Where there is no other: the region of everything global.
const GLOBAL: &str = "us-east-1";

/// The clients of one region.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) v1: aws_sdk_apigateway::Client,
    pub(super) v2: aws_sdk_apigatewayv2::Client,
    pub(super) acm: aws_sdk_acm::Client,
    pub(super) lambda: aws_sdk_lambda::Client,
}

/// A session with an account.
pub(super) struct Session {
    base: SdkConfig,
    /// The credentials' parts, to be looked for where they must not be.
    secrets: Vec<SecretString>,
    profile: Option<String>,
    home: Option<String>,
    clients: Mutex<HashMap<String, Clients>>,
    domains: Mutex<HashMap<String, Arc<OnceCell<Arc<RegionDomains>>>>>,
    identity: OnceCell<Value>,
    next: tokio::sync::Mutex<Option<Instant>>,
}

impl AwsAccess {
    /// The session, opened once in a run.
    pub(super) async fn session(&self, budget: &Budget) -> Result<&Session, NotRun> {
        let inner = &self.inner;
        let open = on_account_of(budget, inner.session.get_or_try_init(|| Box::pin(Session::open(inner))));
        budget.limit(CREDENTIALS_TIME, open).await.unwrap_or_else(|patience| {
            let seconds = patience.after_ms / 1000;
            Err(errors::no_credentials(&format!("no answer in {seconds} s"), false, inner.asked.profile.as_deref()))
        })
    }
}

impl Session {
    async fn open(inner: &Inner) -> Result<Self, NotRun> {
        let Asked { choice, profile, fixed, .. } = &inner.asked;
        let http = Wire::new(inner.reach.clone())
            .map_err(|why| {
                NotRun::blocked(Probe::Gateway, format!("the client of the AWS APIs cannot be set up: {why}"))
            })?
            .shared();
        let provider = ProviderConfig::without_region().with_http_client(http.clone());
        let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::builder().configure(&provider).build());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIME.min(inner.reach.connect_timeout))
            .operation_attempt_timeout(Duration::from_secs(8))
            .operation_timeout(ANSWER_TIME)
            .build();
        // Quick at first, for throttling is over soon; the budget ends it in any case.
        let retries = RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(Duration::from_millis(200))
            .with_max_backoff(Duration::from_secs(3));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(retries);
        let home = match fixed {
            Some(fixed) => {
                let keys = Credentials::new(fixed.key.clone(), fixed.secret.expose_secret(), None, None, "fixed");
                loader = loader.credentials_provider(keys).endpoint_url(fixed.endpoint.clone());
                fixed.region.clone()
            }
            None => {
                let home = region.region().await.map(|region| region.to_string());
                let provider =
                    provider.with_region(Some(Region::new(home.clone().unwrap_or_else(|| GLOBAL.to_owned()))));
                if *choice != AwsUse::Require {
                    loader = loader.credentials_provider(chain_without_metadata(&provider));
                }
                home
            }
        };
        let base = loader.region(Region::new(home.clone().unwrap_or_else(|| GLOBAL.to_owned()))).load().await;
        let mut secrets = Vec::new();
        if let Some(provider) = base.credentials_provider() {
            let credentials = provider.provide_credentials().await.map_err(|error| {
                let is_absent = matches!(error, CredentialsError::CredentialsNotLoaded(_));
                errors::no_credentials(&chain(&error), is_absent, profile.as_deref())
            })?;
            let parts = [credentials.access_key_id(), credentials.secret_access_key()];
            secrets.extend(parts.into_iter().chain(credentials.session_token()).map(SecretString::from));
            let mut known = Secrets::default();
            secrets.iter().for_each(|secret: &SecretString| known.add(secret.expose_secret()));
            let _ = inner.secrets.set(known);
        }
        Ok(Session {
            base,
            secrets,
            profile: profile.clone(),
            home,
            clients: Mutex::default(),
            domains: Mutex::default(),
            identity: OnceCell::new(),
            next: tokio::sync::Mutex::default(),
        })
    }

    /// The profile's region.
    pub(super) fn home_region(&self) -> Option<&str> {
        self.home.as_deref()
    }

    /// The profile's region, or the one of everything global.
    pub(super) fn home(&self) -> &str {
        self.home.as_deref().unwrap_or(GLOBAL)
    }

    /// Where a question is asked, for sentences.
    pub(super) fn place<'a>(&'a self, service: &'a str, region: &'a str) -> Place<'a> {
        Place { service, region, profile: self.profile.as_deref(), action: service }
    }

    /// The clients of a region.
    pub(super) fn at(&self, region: &str) -> Clients {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let config = self.base.to_builder().region(Region::new(region.to_owned())).build();
            Clients {
                v1: aws_sdk_apigateway::Client::new(&config),
                v2: aws_sdk_apigatewayv2::Client::new(&config),
                acm: aws_sdk_acm::Client::new(&config),
                lambda: aws_sdk_lambda::Client::new(&config),
            }
        };
        clients.entry(region.to_owned()).or_insert_with(made).clone()
    }

    /// The parts of the credentials.
    pub(super) fn secrets(&self) -> Vec<&str> {
        self.secrets.iter().map(ExposeSecret::expose_secret).collect()
    }

    /// Asks one question in its turn, for as long as the budget allows.
    pub(super) async fn ask<T>(
        &self,
        budget: &Budget,
        question: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        // The SDK's futures are large: they are not moved about on the stack.
        let question = Box::pin(question);
        let in_turn = async {
            self.turn().await;
            question.await
        };
        let answer = budget.limit(ANSWER_TIME, on_account_of(budget, in_turn)).await.unwrap_or(Err(Refusal::Late));
        answer.map_err(|refusal| refusal.without(&self.secrets()))
    }

    /// Waits until the control plane's rate allows one more request.
    async fn turn(&self) {
        let start = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            // The time of the next free slot lags behind the clock by at most the burst.
            let earliest = now.checked_sub(PACE * (BURST - 1)).unwrap_or(now);
            let slot = next.map_or(earliest, |next| next.max(earliest));
            *next = Some(slot + PACE);
            slot
        };
        tokio::time::sleep_until(start).await;
    }

    /// GetCallerIdentity, once in a run.
    pub(super) async fn identity(&self, budget: &Budget) -> Result<Value, Refusal> {
        let ask = || async {
            let client = aws_sdk_sts::Client::new(&self.base);
            let answer = client.get_caller_identity().send().await.map_err(|error| refusal(&error))?;
            Ok(json!({"UserId": answer.user_id(), "Account": answer.account(), "Arn": answer.arn()}))
        };
        self.ask(budget, self.identity.get_or_try_init(ask)).await.cloned()
    }

    /// The domains of a region, listed once in a run; what failed for a passing reason is asked again.
    pub(super) async fn domains<F>(&self, region: &str, list: impl FnOnce() -> F) -> Arc<RegionDomains>
    where
        F: Future<Output = RegionDomains>,
    {
        let cell = {
            let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
            domains.entry(region.to_owned()).or_default().clone()
        };
        let listed = cell.get_or_try_init(|| async {
            let listed = Arc::new(list().await);
            if listed.is_passing() { Err(listed) } else { Ok(listed) }
        });
        match listed.await {
            Ok(listed) => listed.clone(),
            Err(listed) => listed,
        }
    }
}

/// The standard chain without the metadata service of an instance, which costs seconds where there is none.
fn chain_without_metadata(provider: &ProviderConfig) -> CredentialsProviderChain {
    CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
        .or_else("Profile", ProfileFileCredentialsProvider::builder().configure(provider).build())
        .or_else("WebIdentityToken", WebIdentityTokenCredentialsProvider::builder().configure(provider).build())
        .or_else("Container", aws_config::ecs::EcsCredentialsProvider::builder().configure(provider).build())
}
