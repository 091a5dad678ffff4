//! `cfdoctor serve`: options and configuration laid together, then [`crate::serve`].

use std::io::{self, Write as _};
use std::net::SocketAddr;

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::evidence::text;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::args::{ServeArgs, WishArgs};
use super::setup::{Setup, Typed};
use super::targets::{Reading, wish, wishes_for};
use super::{CommandError, known, select, settings, stage, visit};
use crate::config::Config;
use crate::policy;
use crate::probe::Reach;
use crate::serve::{self, Choose, Exporter, Query, Unwanted};
use crate::settings::Settings;
use crate::values;

/// Runs the command until it is told to stop.
pub(super) fn run(mut arguments: ServeArgs, typed: Typed) -> Result<u8, CommandError> {
    let mut setup = Setup::load(&arguments.config, typed)?;
    setup.policy(&mut arguments.policy);
    setup.visit(&mut arguments.visit)?;
    setup.known(&mut arguments.known);
    let checks = setup.checks(&mut arguments.select)?;
    let config = setup.loaded.config.clone();
    if arguments.only_configured && config.target.is_empty() {
        let file = setup.loaded.file.as_deref().unwrap_or("no configuration");
        return Err(CommandError::usage(format!(
            "--only-configured: {file} lists no [[target]]; add them, or leave it out"
        )));
    }
    let mut settings = Settings {
        reach: if arguments.allow_private { Reach::Anywhere } else { Reach::PublicOnly },
        probes: select::probes(&checks, &config),
        ..settings::visit(&arguments.visit)?
    };
    known::apply(&arguments.known, config.region.as_deref(), &mut settings)?;
    let required = known::required(&arguments.known);
    if arguments.verbose {
        stage::log(arguments.color);
    }
    let exporter = Exporter {
        settings,
        checks,
        loaded: setup.loaded,
        policy: arguments.policy.policy(),
        choose: choose(config, arguments.only_configured, required),
        concurrency: usize::try_from(arguments.concurrency).unwrap_or(usize::MAX),
        timeout_offset: arguments.timeout_offset,
        grace: arguments.grace,
    };
    let runtime = visit::runtime()?;
    let ended = runtime.block_on(async {
        let stop = signals()?;
        let (listener, address) = bind(arguments.listen).await?;
        // Nobody may be reading.
        let _ = writeln!(io::stderr(), "cfdoctor: listening on http://{address}/probe?target=URL");
        serve::run(listener, exporter, stop).await;
        Ok(policy::OK)
    });
    runtime.shutdown_background();
    ended
}

async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), CommandError> {
    let wrong = |error: io::Error| {
        CommandError::usage(format!("--listen {wanted}: {error}; name another address or port, or end what is there"))
    };
    let listener = TcpListener::bind(wanted).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    Ok((listener, address))
}

/// From a query to a target, with the wishes that the configuration has for it.
fn choose(config: Config, only_configured: bool, required: Vec<Probe>) -> Box<Choose> {
    Box::new(move |query: &Query| {
        let mut target: Target = query.target.parse().map_err(|error| bad("target", &error))?;
        let url = target.url();
        if only_configured {
            if config.options_of(&url).is_none() {
                let why = format!("{} is none of the configured targets", text::clean(&url));
                return Err(Unwanted::NotConfigured(why));
            }
            if query.origin.is_some() {
                return Err(Unwanted::Bad("origin: the configuration says it (--only-configured)".into()));
            }
        }
        let region = query.region.as_deref().map(values::region).transpose();
        let typed = WishArgs {
            origin: query.origin.clone(),
            assume_origin: None,
            expect: query.expect,
            region: region.map_err(|why| bad("region", &why))?,
            method: None,
        };
        let wishes = wishes_for(&url, &typed, &config, Expectation::Any);
        wish(&mut target, &wishes, Reading::Strict).map_err(|error| Unwanted::Bad(said(&error)))?;
        target.required.clone_from(&required);
        Ok(target)
    })
}

fn bad(parameter: &str, why: &impl ToString) -> Unwanted {
    Unwanted::Bad(format!("{parameter}: {}", text::clean(&why.to_string())))
}

/// The sentences of the command line, about a parameter.
fn said(error: &CommandError) -> String {
    let said = text::clean(&error.to_string());
    said.strip_prefix("--").map_or(said.clone(), ToOwned::to_owned)
}

/// A word for each SIGTERM or Ctrl-C.
fn signals() -> Result<mpsc::Receiver<()>, CommandError> {
    let (sender, words) = mpsc::channel(2);
    let interrupted = sender.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && interrupted.send(()).await.is_ok() {}
        // Without Ctrl-C there is SIGTERM.
        std::future::pending::<()>().await;
    });
    #[cfg(unix)]
    {
        let wrong = |error| CommandError::Internal(format!("SIGTERM cannot be heard: {error}"));
        let mut terminated =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(wrong)?;
        tokio::spawn(async move { while terminated.recv().await.is_some() && sender.send(()).await.is_ok() {} });
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    const FILE: &str = "region = \"eu-west-1\"\n[[target]]\nurl = \"https://lambda.example.com/endpoint\"\n\
                        origin = \"d-abc.example.net\"\nexpect = \"cached\"\n";

    fn chosen(query: &str, only_configured: bool) -> Result<Target, Unwanted> {
        let config = config::parse("cfdoctor.toml", FILE).unwrap().config;
        let choose = choose(config, only_configured, vec![Probe::Gateway]);
        choose(&Query::read(query).map_err(Unwanted::Bad)?)
    }

    #[test]
    fn the_file_knows_its_targets_and_the_query_wins() {
        let own = chosen("target=https://lambda.example.com/endpoint", false).unwrap();
        assert_eq!(own.origin.as_ref().map(|origin| origin.host.as_str()), Some("d-abc.example.net"));
        assert_eq!((own.expect, own.region.as_deref()), (Expectation::Cached, Some("eu-west-1")));
        assert_eq!(own.required, [Probe::Gateway]);
        let query = "target=lambda.example.com/endpoint&expect=any&region=us-west-2&origin=d-x.example.net:8443";
        let other = chosen(query, false).unwrap();
        assert_eq!(other.origin.map(|origin| origin.port), Some(8443));
        assert_eq!((other.expect, other.region.as_deref()), (Expectation::Any, Some("us-west-2")));
        assert_eq!(chosen("target=other.example.com", false).unwrap().origin, None);
    }

    #[test]
    fn only_what_is_configured() {
        assert!(chosen("target=https://lambda.example.com/endpoint", true).is_ok());
        assert!(matches!(chosen("target=other.example.com", true), Err(Unwanted::NotConfigured(_))));
        let led_astray = "target=https://lambda.example.com/endpoint&origin=10.0.0.1";
        assert!(matches!(chosen(led_astray, true), Err(Unwanted::Bad(why)) if why.starts_with("origin: ")));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_parameter() {
        for (query, said) in [
            ("target=ftp://x", "target: "),
            ("target=127.0.0.1", "target: "),
            ("target=a.example.com&region=us-wset-2", "region: "),
            ("target=a.example.com&origin=%0d%0a", "origin: "),
        ] {
            match chosen(query, false) {
                Err(Unwanted::Bad(why)) => assert!(why.starts_with(said) && !why.contains('\n'), "{why}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
