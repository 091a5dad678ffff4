//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use cfdoctor_checks::evidence::target::Expectation;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use time::OffsetDateTime;

use super::output::OutputFile;
use super::values;
use crate::policy::{FailOn, InconclusiveAs, Policy};
use crate::render::Format;
use crate::render::look::ColourChoice;
use crate::settings::{ConnectTo, Resolve, ResolverChoice};

/// A doctor for sites that put Cloudflare in front of AWS.
///
/// Looks at the whole path (DNS, edge, origin, cache), says what is wrong, why, and what to type to mend it.
/// Nothing is ever changed: probes use GET and HEAD, one OPTIONS preflight with -H Origin, and another method only if
/// -X names it.
#[derive(Parser)]
#[command(name = "cfdoctor", version = VERSION, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) check: CheckArgs,
}

/// Version and features of this build.
const VERSION: &str = if cfg!(feature = "aws") {
    concat!(env!("CARGO_PKG_VERSION"), " (features: aws)")
} else {
    concat!(env!("CARGO_PKG_VERSION"), " (built without aws)")
};

const AFTER_HELP: &str = "\
Examples:
  cfdoctor lambda.example.com
  cfdoctor https://lambda.example.com/endpoint --origin d-abc123.execute-api.us-west-2.amazonaws.com
  cfdoctor --expect cached --format json -o human=report.txt https://lambda.example.com/endpoint
  cfdoctor demo

Exit codes:
  0 nothing at or above --fail-on, 1 something, 2 wrong usage, 3 inconclusive, 4 no targets,
  101 internal error, 130 interrupted";

/// The commands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Look, judge, report (the default command)
    Check(Box<CheckArgs>),
    /// Why a URL is not served from cache: Cloudflare's decision step by step, and what each fix leads to
    Why(Box<WhyArgs>),
    /// Judge what you already have, without network: recordings (--record) and observations
    Lint(Box<LintArgs>),
    /// Which credentials were found, what they may read, which checks a missing permission costs, and the least that
    /// a token and an IAM policy need
    Access(Box<AccessArgs>),
    /// What a check looks at, why it matters and how to mend it; without CHECK, the catalogue
    Explain(ExplainArgs),
    /// Examine a small world on loopback with a known fault; needs no account and no internet
    Demo(Box<DemoArgs>),
    /// What the configuration says
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Compare two JSON reports: what appeared, went away, changed; exit code 1 if something appeared or became worse
    Diff(DiffArgs),
    /// Print the JSON Schema of a format
    Schema {
        /// Which format
        what: SchemaOf,
    },
    /// Print a completion script
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual page (roff; read it with `cfdoctor man | man -l -`)
    Man,
}

/// Formats with a schema.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum SchemaOf {
    /// The JSON report
    Report,
    /// A line of the format jsonl
    Jsonl,
    /// What `diff --format json` prints
    Diff,
    /// The configuration, cfdoctor.toml
    Config,
}

/// `check`.
#[derive(Args)]
pub(super) struct CheckArgs {
    /// Host names or http(s) URLs; `-` reads one for each line from stdin (`#` starts a comment)
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    #[command(flatten)]
    pub(super) wishes: WishArgs,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) known: KnownArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `lint`.
#[derive(Args)]
pub(super) struct LintArgs {
    /// Files and recorded folders; all are laid together. `origin:FILE` was taken at the origin, `edge:FILE` (the
    /// default) at the edge
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// The URL that the files are about, where they do not say
    #[arg(long, value_name = "URL", help_heading = "What is examined")]
    pub(super) url: Option<String>,
    #[command(flatten)]
    pub(super) reading: FileArgs,
    #[command(flatten)]
    pub(super) wishes: WishArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// How files are read.
#[derive(Args)]
#[command(next_help_heading = "What is examined")]
pub(super) struct FileArgs {
    /// What every file is, whatever it looks like
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) kind: Option<crate::lint::Kind>,
    /// Judge as of this time (RFC 3339) instead of the time in the files, or now
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(super) at: Option<OffsetDateTime>,
}

/// `why`.
#[derive(Args)]
pub(super) struct WhyArgs {
    /// Host name or http(s) URL
    #[arg(value_name = "URL")]
    pub(super) url: String,
    /// Saved answers to judge instead of asking over the network, as `lint` reads them; `origin:FILE` was taken at the
    /// origin, `edge:FILE` (the default) at the edge
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reading: FileArgs,
    #[command(flatten)]
    pub(super) wishes: WishArgs,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) known: KnownArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `access`.
#[derive(Args)]
pub(super) struct AccessArgs {
    /// A host to try the permissions on; without it only the credentials themselves are looked at
    #[arg(value_name = "HOST")]
    pub(super) host: Option<String>,
    #[command(flatten)]
    pub(super) known: KnownArgs,
    /// Format of the output
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: AccessFormat,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(super) color: ColourChoice,
}

/// Formats of `access`.
#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum AccessFormat {
    /// For people at a terminal
    #[default]
    Human,
    /// As data
    Json,
    /// What is needed, without looking: the page docs/access.md
    Markdown,
}

/// `explain`.
#[derive(Args)]
pub(super) struct ExplainArgs {
    /// Id of a check, or an area
    #[arg(value_name = "CHECK")]
    pub(super) check: Option<String>,
    /// Format of the output
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ExplainFormat,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(super) color: ColourChoice,
}

/// Formats of `explain`.
#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum ExplainFormat {
    /// For people at a terminal
    #[default]
    Human,
    /// A page of documentation
    Markdown,
    /// The catalogue as data
    Json,
}

/// `demo`.
#[derive(Args)]
pub(super) struct DemoArgs {
    /// Which scenario; without it, a typical broken site
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: Option<String>,
    /// List the scenarios, one for each line
    #[arg(long)]
    pub(super) list: bool,
    /// Show the cache decision, as `why` does
    #[arg(long)]
    pub(super) why: bool,
    /// Look as somebody does who may not read the zone and the account
    #[arg(long)]
    pub(super) black_box: bool,
    /// Keep the evidence, redacted, as a folder that `lint` reads
    #[arg(long, value_name = "DIR")]
    pub(super) record: Option<PathBuf>,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `diff`.
#[derive(Args)]
pub(super) struct DiffArgs {
    /// The earlier report (written with --format json or -o json=FILE)
    #[arg(value_name = "OLD.json")]
    pub(super) old: PathBuf,
    /// The later report
    #[arg(value_name = "NEW.json")]
    pub(super) new: PathBuf,
    /// Format of the output
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: DataFormat,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(super) color: ColourChoice,
}

/// `config`.
#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Every effective value, and where it comes from: default, file and line, environment variable or flag
    Show(Box<ShowArgs>),
}

/// `config show`.
#[derive(Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) wishes: WishArgs,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) known: KnownArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Format of the output
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(super) format: DataFormat,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, help_heading = "Output")]
    pub(super) color: ColourChoice,
}

/// Which configuration.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Configuration")]
pub(super) struct ConfigArgs {
    /// The configuration; without it the file that CFDOCTOR_CONFIG names, else the first cfdoctor.toml from here up to
    /// the repository's root
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(super) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    pub(super) no_config: bool,
}

/// What reddens the build.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(super) struct PolicyArgs {
    /// The least status that makes the exit code 1
    #[arg(long, value_enum, value_name = "STATUS", default_value_t)]
    pub(super) fail_on: FailOn,
    /// What stands in for exit code 3 [default: exit code 3]
    #[arg(long, value_enum, value_name = "STATUS")]
    pub(super) inconclusive: Option<InconclusiveAs>,
}

impl PolicyArgs {
    pub(super) fn policy(&self) -> Policy {
        Policy { fail_on: self.fail_on, inconclusive: self.inconclusive }
    }
}

/// People, or a program.
#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum DataFormat {
    /// For people
    #[default]
    Human,
    /// As data
    Json,
}

/// What the user wishes to know.
#[derive(Args, Clone)]
#[command(next_help_heading = "What is examined")]
pub(super) struct WishArgs {
    /// What the proxied DNS record points at (its content), so that the origin is examined too
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with = "assume_origin")]
    pub(super) origin: Option<String>,
    /// Tomorrow's origin: examined, but not compared with today's edge
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) assume_origin: Option<String>,
    /// What the owner wants of the cache: `any` makes a cache blocker a warning, `cached` a failure; with `uncached`,
    /// being stored is the failure [default: any]
    #[arg(long, value_name = "WISH", value_parser = values::expectation())]
    pub(super) expect: Option<Expectation>,
    /// AWS region where the API lives
    #[arg(long, value_parser = values::region)]
    pub(super) region: Option<String>,
    /// Method of the request to diagnose [default: GET]
    #[arg(short = 'X', long, value_parser = values::method)]
    pub(super) method: Option<String>,
}

/// How to look.
#[derive(Args)]
#[command(next_help_heading = "How to look")]
pub(super) struct NetworkArgs {
    /// Header of the request to diagnose; never sent to another host; `Origin` also asks for a CORS preflight
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Use this address for HOST and PORT, as curl does; `*` stands for every host
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", value_parser = values::resolve)]
    pub(super) resolve: Vec<Resolve>,
    /// Connect to HOST2:PORT2 where HOST1:PORT1 is meant, as curl does; empty parts match or keep everything
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2", value_parser = values::connect_to)]
    pub(super) connect_to: Vec<ConnectTo>,
    /// Ask this resolver: ADDR[:PORT], tcp://ADDR[:PORT], tls://HOST[:PORT] or https://…
    #[arg(long, value_name = "RESOLVER", value_parser = values::resolver)]
    pub(super) resolver: Option<ResolverChoice>,
    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub(super) ipv6: bool,
    /// Connect through this proxy: [http://|socks5://][USER:PASSWORD@]HOST[:PORT]
    #[arg(long, value_name = "PROXY")]
    pub(super) proxy: Option<String>,
    /// PEM file with roots that are trusted beside the public ones
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Vec<PathBuf>,
    /// PEM file with the client certificate for the origin, leaf first (and its key, unless --key is given)
    #[arg(long, value_name = "FILE")]
    pub(super) cert: Option<PathBuf>,
    /// PEM file with the key of --cert; never shown
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// PEM file that replaces the built-in Cloudflare Origin CA roots
    #[arg(long, value_name = "FILE")]
    pub(super) origin_ca: Option<PathBuf>,
    /// GETs at the edge
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(super) samples: u32,
    /// Limit of TCP and of TLS, each (500ms, 5s, 2m)
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::duration)]
    pub(super) connect_timeout: Duration,
    /// Limit of one request; longer than API Gateway's own 29 or 30 s, so that its limit is seen
    #[arg(long, value_name = "DURATION", default_value = "35s", value_parser = values::duration)]
    pub(super) timeout: Duration,
    /// Limit of everything for one target
    #[arg(long, value_name = "DURATION", default_value = "45s", value_parser = values::duration)]
    pub(super) deadline: Duration,
    /// Tries after a transport error; each is recorded
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=5))]
    pub(super) retries: u32,
    /// Repeat the visit until nothing fails or the time is up (DNS, certificates and rules take minutes to spread);
    /// pauses of 5, 10, 20 … 60 s
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(super) wait: Option<Duration>,
    /// Keep the evidence, redacted, in this folder, for `cfdoctor lint DIR`
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(super) record: Option<PathBuf>,
    /// Say every lookup, connection and request that would be made, and stop
    #[arg(long, help_heading = "Output")]
    pub(super) dry_run: bool,
}

/// What Cloudflare and AWS themselves say of the configuration.
#[derive(Args)]
#[command(next_help_heading = "Configuration of Cloudflare and AWS")]
pub(super) struct KnownArgs {
    /// Read the zone with the API token in CLOUDFLARE_API_TOKEN: `auto` where one is set; `require` makes the visit
    /// inconclusive (3) where the zone cannot be read
    #[arg(long, value_enum, value_name = "USE", default_value_t)]
    pub(super) cloudflare: CredentialUse,
    /// Read the account with the usual AWS credentials: `auto` where AWS_PROFILE, AWS_ACCESS_KEY_ID or a web identity
    /// is set
    #[arg(long, value_enum, value_name = "USE", default_value_t)]
    pub(super) aws: CredentialUse,
    /// Regions in which the custom domain is looked for, separated by commas, or `all`
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(super) aws_regions: Vec<String>,
    /// The zone as JSON in the shapes of Cloudflare's API, laid over what the API says; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) zone_json: Vec<PathBuf>,
    /// The account as JSON in AWS's shapes (outputs of `aws … get-…`), laid over what the API says; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) aws_json: Vec<PathBuf>,
    /// A Terraform plan (`terraform show -json PLAN`), laid over today's answers: what will break after apply; may be
    /// repeated. Without TARGET, the hosts that it declares are examined
    #[arg(long, value_name = "PLAN.json")]
    pub(super) plan: Vec<PathBuf>,
}

/// Whether credentials are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum CredentialUse {
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
pub(super) struct SelectArgs {
    /// Run these only: ids, areas, globs, separated by commas
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// Leave these out: ids, areas, globs, separated by commas
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    pub(super) skip: Vec<String>,
}

/// What is told, where, and what reddens the build.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Format on stdout
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Write this format to a file too; may be repeated
    #[arg(short = 'o', long = "output", value_name = "FORMAT=FILE")]
    pub(super) outputs: Vec<OutputFile>,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// An earlier JSON report: what it knew already is marked and does not count, unless it is worse now
    #[arg(long, value_name = "REPORT.json")]
    pub(super) baseline: Option<PathBuf>,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(super) color: ColourChoice,
    /// No progress on stderr
    #[arg(long)]
    pub(super) no_progress: bool,
    /// Problems only: nothing is printed about what is well
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Every result in full, and what is done, on stderr
    #[arg(short, long)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn check_is_the_default_command() {
        let bare = Cli::try_parse_from(["cfdoctor", "-4", "lambda.example.com"]).unwrap();
        assert!(bare.command.is_none() && bare.check.network.ipv4);
        let named = Cli::try_parse_from(["cfdoctor", "check", "demo", "--only", "dns,edge-*"]).unwrap();
        let Some(Command::Check(check)) = named.command else { panic!("not check") };
        assert_eq!((check.targets, check.select.only), (vec!["demo".to_owned()], vec!["dns".into(), "edge-*".into()]));
        assert!(matches!(Cli::try_parse_from(["cfdoctor", "demo"]).unwrap().command, Some(Command::Demo(_))));
        let both = Cli::try_parse_from(["cfdoctor", "check", "a.example.com", "-4", "-6"]);
        assert!(both.is_err());
    }
}
