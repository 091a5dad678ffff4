//! What can be typed.

mod fleet;
mod options;
mod serve;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::render::look::ColourChoice;

pub(super) use fleet::FleetArgs;
pub(super) use options::{
    ConfigArgs, CredentialUse, DataFormat, FileArgs, KnownArgs, NetworkArgs, OutputArgs, PolicyArgs, SelectArgs,
    VisitArgs, WishArgs,
};
pub(super) use serve::ServeArgs;

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
  cfdoctor --targets hosts.txt -o jsonl=report.jsonl --resume report.jsonl
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
    /// Judge files, without network: headers, HAR, recordings, zone, account, plans, PEM
    Lint(Box<LintArgs>),
    /// Which credentials were found, what they may read, which checks a missing permission costs, and the least that
    /// a token and an IAM policy need
    Access(Box<AccessArgs>),
    /// What a check looks at, why it matters and how to mend it; without CHECK, the catalogue
    Explain(ExplainArgs),
    /// Examine a small world on loopback with a known fault; needs no account and no internet
    Demo(Box<DemoArgs>),
    /// An exporter for Prometheus in the multi-target style: /probe?target=URL visits that target, /metrics tells of the
    /// exporter itself, /healthz that it is there
    Serve(Box<ServeArgs>),
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
    /// Host names or http(s) URLs; `-` reads one for each line from stdin (`#` starts a comment); see --targets and --zone
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    #[command(flatten)]
    pub(super) fleet: FleetArgs,
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
    /// Reach the APIs through this proxy: [http://|socks5://][USER:PASSWORD@]HOST[:PORT]
    #[arg(long, value_name = "PROXY", help_heading = "How to look")]
    pub(super) proxy: Option<String>,
    /// PEM file with roots that are trusted beside the public ones
    #[arg(long, value_name = "FILE", help_heading = "How to look")]
    pub(super) cacert: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
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
    /// The earlier report (-o json=FILE or -o jsonl=FILE; JSON Lines of several parts may stand in one file)
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
    pub(super) fleet: FleetArgs,
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
        assert!(bare.command.is_none() && bare.check.network.visit.ipv4);
        let named = Cli::try_parse_from(["cfdoctor", "check", "demo", "--only", "dns,edge-*"]).unwrap();
        let Some(Command::Check(check)) = named.command else { panic!("not check") };
        assert_eq!((check.targets, check.select.only), (vec!["demo".to_owned()], vec!["dns".into(), "edge-*".into()]));
        assert!(matches!(Cli::try_parse_from(["cfdoctor", "demo"]).unwrap().command, Some(Command::Demo(_))));
        let both = Cli::try_parse_from(["cfdoctor", "check", "a.example.com", "-4", "-6"]);
        assert!(both.is_err());
    }
}
