//! `cfdoctor serve`: a Prometheus exporter in the multi-target style. Prometheus names the target and the doctor visits it,
//! once for each scrape; whoever drops the scrape ends the visit.
//!
//! Whoever reaches the port may name targets, so the guard ([`crate::probe::Reach`]) is on unless it is taken off, every
//! request is bounded and inert, and only so many probes run at a time.

mod answer;
mod listen;
mod negotiate;
mod own;
mod probe;
mod query;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cfdoctor_checks::Check;
use cfdoctor_checks::evidence::Target;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::config::Loaded;
use crate::policy::Policy;
use crate::settings::{Credential, Settings};

pub use listen::run;
pub use query::Query;

/// What the APIs told is asked again after so long: long enough to be polite to them, short enough to see a change.
const API_AGE: Duration = Duration::from_secs(300);

/// How a query becomes a target, or one sentence why it does not.
pub type Choose = dyn Fn(&Query) -> Result<Target, Unwanted> + Send + Sync;

/// Why a target is not probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// The query makes no sense.
    Bad(String),
    /// It is none of the configured targets.
    NotConfigured(String),
}

/// What an exporter is told to do.
pub struct Exporter {
    /// How to look; [`Settings::deadline`] is the most that one probe may take.
    pub settings: Settings,
    /// By what to judge.
    pub checks: Vec<&'static Check>,
    /// The owner's wishes.
    pub loaded: Loaded,
    /// What counts as success.
    pub policy: Policy,
    /// From a query to a target.
    pub choose: Box<Choose>,
    /// Probes at the same time.
    pub concurrency: usize,
    /// Taken off the time that Prometheus gives a scrape, for the way back.
    pub timeout_offset: Duration,
    /// How long running probes may go on after a stop.
    pub grace: Duration,
}

/// An exporter at work.
struct Running {
    exporter: Exporter,
    seats: Semaphore,
    own: own::Own,
    /// True: every probe ends now with what it has.
    interrupt: watch::Sender<bool>,
    apis: Mutex<Apis>,
}

/// Access to the APIs, with everything that they told since.
struct Apis {
    since: Instant,
    cloudflare: Credential<crate::probe::cloudflare::CloudflareAccess>,
    aws: Option<crate::probe::aws::AwsAccess>,
}

impl Running {
    fn new(exporter: Exporter) -> Self {
        let apis = Apis {
            since: Instant::now(),
            cloudflare: exporter.settings.cloudflare.clone(),
            aws: exporter.settings.aws.clone(),
        };
        Running {
            seats: Semaphore::new(exporter.concurrency.min(Semaphore::MAX_PERMITS)),
            own: own::Own::new(),
            interrupt: watch::channel(false).0,
            apis: Mutex::new(apis),
            exporter,
        }
    }

    /// The settings of a probe that may take so long.
    fn settings(&self, limit: Duration) -> Settings {
        let mut apis = self.apis.lock().unwrap_or_else(PoisonError::into_inner);
        if apis.since.elapsed() > API_AGE {
            if let Credential::Usable(access) = &mut apis.cloudflare {
                *access = access.renewed();
            }
            apis.aws = apis.aws.take().map(|access| access.with(&self.exporter.settings));
            apis.since = Instant::now();
        }
        Settings {
            deadline: limit,
            connect_timeout: probe::connect_limit(self.exporter.settings.connect_timeout, limit),
            cloudflare: apis.cloudflare.clone(),
            aws: apis.aws.clone(),
            ..self.exporter.settings.clone()
        }
    }
}
