//! What `serve` can be told.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::{ConfigArgs, KnownArgs, PolicyArgs, SelectArgs, VisitArgs};
use crate::render::look::ColourChoice;
use crate::values;

/// `serve`.
#[derive(Args)]
pub(in crate::cli) struct ServeArgs {
    /// Listen on this address and port
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:19526", help_heading = "The server")]
    pub(in crate::cli) listen: SocketAddr,
    /// Probes at the same time; a further one is answered with 503 and Retry-After
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = "The server",
          value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(in crate::cli) concurrency: u32,
    /// Connect to loopback, private, link-local and other addresses that are not public, too: whoever reaches this
    /// server can then lead it into your network
    #[arg(long, help_heading = "The server")]
    pub(in crate::cli) allow_private: bool,
    /// Probe only what the configuration lists as [[target]]
    #[arg(long, help_heading = "The server")]
    pub(in crate::cli) only_configured: bool,
    /// Taken off the time that Prometheus gives a scrape (X-Prometheus-Scrape-Timeout-Seconds); what is left limits the
    /// probe, as --deadline does
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = values::duration, help_heading = "The server")]
    pub(in crate::cli) timeout_offset: Duration,
    /// After SIGTERM or Ctrl-C, how long running probes may go on
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = values::duration, help_heading = "The server")]
    pub(in crate::cli) grace: Duration,
    /// Log every probe on stderr
    #[arg(short, long, help_heading = "The server")]
    pub(in crate::cli) verbose: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, help_heading = "The server")]
    pub(in crate::cli) color: ColourChoice,
    #[command(flatten)]
    pub(in crate::cli) visit: VisitArgs,
    #[command(flatten)]
    pub(in crate::cli) known: KnownArgs,
    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    #[command(flatten)]
    pub(in crate::cli) config: ConfigArgs,
}
