//! Options that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use cfdoctor_checks::evidence::target::Expectation;
use clap::{Args, ValueEnum};
use time::OffsetDateTime;

use crate::cli::output::OutputFile;
use crate::policy::{FailOn, InconclusiveAs, Policy};
use crate::render::Format;
use crate::render::look::ColourChoice;
use crate::settings::{ConnectTo, Resolve, ResolverChoice};
use crate::values;

/// How files are read.
#[derive(Args)]
#[command(next_help_heading = "What is examined")]
pub(in crate::cli) struct FileArgs {
    /// What every file is, whatever it looks like
    #[arg(long, value_enum, value_name = "KIND")]
    pub(in crate::cli) kind: Option<crate::lint::Kind>,
    /// Judge as of this time (RFC 3339) instead of the time in the files, or now
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(in crate::cli) at: Option<OffsetDateTime>,
}

/// Which configuration.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Configuration")]
pub(in crate::cli) struct ConfigArgs {
    /// The configuration; without it the file that CFDOCTOR_CONFIG names, else the first cfdoctor.toml from here up to
    /// the repository's root
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    pub(in crate::cli) no_config: bool,
}

/// What reddens the build.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct PolicyArgs {
    /// The least status that makes the exit code 1
    #[arg(long, value_enum, value_name = "STATUS", default_value_t)]
    pub(in crate::cli) fail_on: FailOn,
    /// What stands in for exit code 3 [default: exit code 3]
    #[arg(long, value_enum, value_name = "STATUS")]
    pub(in crate::cli) inconclusive: Option<InconclusiveAs>,
}

impl PolicyArgs {
    pub(in crate::cli) fn policy(&self) -> Policy {
        Policy { fail_on: self.fail_on, inconclusive: self.inconclusive }
    }
}

/// People, or a program.
#[derive(Clone, Copy, Default, ValueEnum)]
pub(in crate::cli) enum DataFormat {
    /// For people
    #[default]
    Human,
    /// As data
    Json,
}

/// What the user wishes to know.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "What is examined")]
pub(in crate::cli) struct WishArgs {
    /// What the proxied DNS record points at (its content), so that the origin is examined too
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with = "assume_origin")]
    pub(in crate::cli) origin: Option<String>,
    /// Tomorrow's origin: examined, but not compared with today's edge
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(in crate::cli) assume_origin: Option<String>,
    /// What the owner wants of the cache: `any` makes a cache blocker a warning, `cached` a failure; with `uncached`,
    /// being stored is the failure [default: any]
    #[arg(long, value_name = "WISH", value_parser = values::expectation())]
    pub(in crate::cli) expect: Option<Expectation>,
    /// AWS region where the API lives
    #[arg(long, value_parser = values::region)]
    pub(in crate::cli) region: Option<String>,
    /// Method of the request to diagnose [default: GET]
    #[arg(short = 'X', long, value_parser = values::method)]
    pub(in crate::cli) method: Option<String>,
}

/// How to look, whatever the target.
#[derive(Args)]
#[command(next_help_heading = "How to look")]
pub(in crate::cli) struct VisitArgs {
    /// Use this address for HOST and PORT, as curl does; `*` stands for every host
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", value_parser = values::resolve)]
    pub(in crate::cli) resolve: Vec<Resolve>,
    /// Connect to HOST2:PORT2 where HOST1:PORT1 is meant, as curl does; empty parts match or keep everything
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2", value_parser = values::connect_to)]
    pub(in crate::cli) connect_to: Vec<ConnectTo>,
    /// Ask this resolver: ADDR[:PORT], tcp://ADDR[:PORT], tls://HOST[:PORT] or https://…
    #[arg(long, value_name = "RESOLVER", value_parser = values::resolver)]
    pub(in crate::cli) resolver: Option<ResolverChoice>,
    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub(in crate::cli) ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub(in crate::cli) ipv6: bool,
    /// Connect through this proxy: [http://|socks5://][USER:PASSWORD@]HOST[:PORT]
    #[arg(long, value_name = "PROXY")]
    pub(in crate::cli) proxy: Option<String>,
    /// PEM file with roots that are trusted beside the public ones
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) cacert: Vec<PathBuf>,
    /// PEM file that replaces the built-in Cloudflare Origin CA roots
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) origin_ca: Option<PathBuf>,
    /// GETs at the edge
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(in crate::cli) samples: u32,
    /// Limit of TCP and of TLS, each (500ms, 5s, 2m)
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::duration)]
    pub(in crate::cli) connect_timeout: Duration,
    /// Limit of one request; longer than API Gateway's own 29 or 30 s, so that its limit is seen
    #[arg(long, value_name = "DURATION", default_value = "35s", value_parser = values::duration)]
    pub(in crate::cli) timeout: Duration,
    /// Limit of everything for one target
    #[arg(long, value_name = "DURATION", default_value = "45s", value_parser = values::duration)]
    pub(in crate::cli) deadline: Duration,
    /// Tries after a transport error; each is recorded
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=5))]
    pub(in crate::cli) retries: u32,
}

/// How to look.
#[derive(Args)]
#[command(next_help_heading = "How to look")]
pub(in crate::cli) struct NetworkArgs {
    /// Header of the request to diagnose; never sent to another host; `Origin` also asks for a CORS preflight
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(in crate::cli) headers: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) visit: VisitArgs,
    /// PEM file with the client certificate for the origin, leaf first (and its key, unless --key is given)
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) cert: Option<PathBuf>,
    /// PEM file with the key of --cert; never shown
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(in crate::cli) key: Option<PathBuf>,
    /// Repeat the visit until nothing fails or the time is up (DNS, certificates and rules take minutes to spread);
    /// pauses of 5, 10, 20 … 60 s
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(in crate::cli) wait: Option<Duration>,
    /// Keep the evidence, redacted, in this folder, for `cfdoctor lint DIR`
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(in crate::cli) record: Option<PathBuf>,
    /// Say every lookup, connection and request that would be made, and stop
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) dry_run: bool,
}

/// What Cloudflare and AWS themselves say of the configuration.
#[derive(Args)]
#[command(next_help_heading = "Configuration of Cloudflare and AWS")]
pub(in crate::cli) struct KnownArgs {
    /// Read the zone with the API token in CLOUDFLARE_API_TOKEN: `auto` where one is set; `require` makes the visit
    /// inconclusive (3) where the zone cannot be read
    #[arg(long, value_enum, value_name = "USE", default_value_t)]
    pub(in crate::cli) cloudflare: CredentialUse,
    /// Read the account with the usual AWS credentials: `auto` where AWS_PROFILE, AWS_ACCESS_KEY_ID or a web identity
    /// is set
    #[arg(long, value_enum, value_name = "USE", default_value_t)]
    pub(in crate::cli) aws: CredentialUse,
    /// Regions in which the custom domain is looked for, separated by commas, or `all`
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(in crate::cli) aws_regions: Vec<String>,
    /// The zone as JSON in the shapes of Cloudflare's API, laid over what the API says; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) zone_json: Vec<PathBuf>,
    /// The account as JSON in AWS's shapes (outputs of `aws … get-…`), laid over what the API says; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) aws_json: Vec<PathBuf>,
    /// A Terraform plan (`terraform show -json PLAN`), laid over today's answers: what will break after apply; may be
    /// repeated. Without TARGET, the hosts that it declares are examined
    #[arg(long, value_name = "PLAN.json")]
    pub(in crate::cli) plan: Vec<PathBuf>,
}

/// Whether credentials are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum CredentialUse {
    /// Where there are some
    #[default]
    Auto,
    /// Not at all
    Never,
    /// Always; without them the visit is inconclusive
    Require,
}

/// Which checks.
#[derive(Args)]
#[command(next_help_heading = "Which checks")]
pub(in crate::cli) struct SelectArgs {
    /// Run these only: ids, areas, globs, separated by commas
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    pub(in crate::cli) only: Vec<String>,
    /// Leave these out: ids, areas, globs, separated by commas
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    pub(in crate::cli) skip: Vec<String>,
}

/// What is told, where, and what reddens the build.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputArgs {
    /// Format on stdout
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) format: Format,
    /// Write this format to a file too; may be repeated
    #[arg(short = 'o', long = "output", value_name = "FORMAT=FILE")]
    pub(in crate::cli) outputs: Vec<OutputFile>,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    /// An earlier JSON report: what it knew already is marked and does not count, unless it is worse now
    #[arg(long, value_name = "REPORT.json")]
    pub(in crate::cli) baseline: Option<PathBuf>,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(in crate::cli) color: ColourChoice,
    /// No progress on stderr
    #[arg(long)]
    pub(in crate::cli) no_progress: bool,
    /// Problems only: nothing is printed about what is well
    #[arg(short, long, conflicts_with = "verbose")]
    pub(in crate::cli) quiet: bool,
    /// Every result in full, and what is done, on stderr
    #[arg(short, long)]
    pub(in crate::cli) verbose: bool,
    #[command(flatten)]
    pub(in crate::cli) config: ConfigArgs,
}
