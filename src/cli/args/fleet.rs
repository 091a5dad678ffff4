//! Options of many targets.

use std::path::PathBuf;

use clap::Args;

use crate::fleet::{AT_ONCE, MOST_AT_ONCE, Shard};
use crate::values;

/// Which targets, and how many at once.
#[derive(Args)]
#[command(next_help_heading = "Many targets")]
pub(in crate::cli) struct FleetArgs {
    /// File with one host name or URL on each line (`#` starts a comment), `-` for stdin; may be repeated
    #[arg(long = "targets", value_name = "FILE")]
    pub(in crate::cli) lists: Vec<PathBuf>,
    /// Every proxied record of this zone, read with the API token in CLOUDFLARE_API_TOKEN; wildcards are named and left
    /// out; may be repeated
    #[arg(long = "zone", value_name = "NAME", value_parser = values::zone)]
    pub(in crate::cli) zones: Vec<String>,
    /// Targets that are visited at the same time
    #[arg(long, value_name = "N", default_value_t = AT_ONCE,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_AT_ONCE)))]
    pub(in crate::cli) concurrency: u32,
    /// Only part K of N: by host, with --zone by zone, so that further targets move none. A part without targets is
    /// well (exit code 0)
    #[arg(long, value_name = "K/N")]
    pub(in crate::cli) shard: Option<Shard>,
    /// JSON Lines of an earlier run (-o jsonl=FILE): what it has finished is not visited again, and counts. May be the
    /// file that is written now
    #[arg(long, value_name = "REPORT.jsonl")]
    pub(in crate::cli) resume: Option<PathBuf>,
}
