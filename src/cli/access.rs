//! `cfdoctor access`: credentials, permissions, and the least that would do.

use std::fmt::Write as _;
use std::time::Duration;

use cfdoctor_checks::evidence::Target;
use cfdoctor_checks::evidence::target::Expectation;

use super::args::{AccessArgs, AccessFormat, WishArgs};
use super::setup::{Setup, Typed};
use super::{CommandError, known, settings, stage, targets, to_stdout, visit};
use crate::access::{self, Access, Permission, Side, State};
use crate::config::Config;
use crate::policy;
use crate::probe::budget::Budget;
use crate::render::Look;
use crate::report::Status;

/// Everything that is asked, together.
const LIMIT: Duration = Duration::from_secs(45);

/// Runs the command.
pub(super) fn run(mut arguments: AccessArgs, typed: Typed) -> Result<u8, CommandError> {
    if matches!(arguments.format, AccessFormat::Markdown) {
        to_stdout(markdown().as_bytes())?;
        return Ok(policy::OK);
    }
    let setup = Setup::load(&arguments.config, typed)?;
    setup.known(&mut arguments.known);
    let config = &setup.loaded.config;
    let mut settings = settings::reach(arguments.proxy.as_deref(), &arguments.cacert)?;
    known::apply(&arguments.known, config.region.as_deref(), &mut settings)?;
    let target = arguments.host.as_deref().map(|host| wished(host, config)).transpose()?;
    let runtime = visit::runtime()?;
    let found = runtime.block_on(access::look(target.as_ref(), &settings, &Budget::quiet(LIMIT)));
    runtime.shutdown_background();
    let text = match arguments.format {
        AccessFormat::Json => json(&found),
        AccessFormat::Markdown | AccessFormat::Human => human(&found, &stage::stdout_look(arguments.color)),
    };
    to_stdout(text.as_bytes())?;
    Ok(policy::OK)
}

/// The host with what the configuration says of it.
fn wished(host: &str, config: &Config) -> Result<Target, CommandError> {
    let read: Result<Target, _> = host.parse();
    let mut target = read.map_err(|error| CommandError::usage(error.to_string()))?;
    let wishes = targets::wishes_for(&target.url(), &WishArgs::default(), config, Expectation::Any);
    targets::wish(&mut target, &wishes, targets::Reading::Strict)?;
    Ok(target)
}

fn json(found: &Access) -> String {
    let places = token_places();
    let value = serde_json::json!({
        "cloudflare": found.cloudflare,
        "aws": found.aws,
        "least_privilege": {"cloudflare_token": places, "iam_policy": access::least_privilege()},
    });
    format!("{value:#}\n")
}

/// The page of the documentation: every permission with the checks that need it.
fn markdown() -> String {
    let mut text = String::from(
        "# What cfdoctor may read\n\nMade by `cfdoctor access --format markdown`. Nothing here is needed: without a \
         credential the other checks go on.\n\n## Cloudflare token\n\nMy Profile → API Tokens → Create Custom Token:\n\n\
         | permission | checks that need it |\n|---|---|\n",
    );
    let listed = |checks: &[&str]| {
        let checks: Vec<String> = checks.iter().map(|check| format!("`{check}`")).collect();
        if checks.is_empty() { "detail of other checks".to_owned() } else { checks.join(", ") }
    };
    for one in access::token_permissions() {
        let _ = writeln!(text, "| {} | {} |", one.place, listed(&one.checks));
    }
    text.push_str("\n## AWS\n\n| action | checks that need it |\n|---|---|\n");
    for action in access::ACTIONS {
        let _ = writeln!(text, "| `{}` | {} |", action.name, listed(action.checks));
    }
    let _ = writeln!(text, "\nThe least that a policy needs:\n\n```json\n{:#}\n```", access::least_privilege());
    text
}

/// The permissions of the least-privilege token, as the dashboard spells them.
fn token_places() -> Vec<String> {
    let mut places: Vec<String> = access::token_permissions().into_iter().map(|one| one.place).collect();
    places.sort_unstable();
    places
}

fn human(found: &Access, look: &Look) -> String {
    let mut text = String::new();
    side(&mut text, "Cloudflare", &found.cloudflare, look);
    side(&mut text, "AWS", &found.aws, look);
    let _ = writeln!(text, "The least that a Cloudflare token needs (My Profile → API Tokens → Create Custom Token):");
    for place in token_places() {
        let _ = writeln!(text, "  {place}");
    }
    let _ = writeln!(text, "\nThe least that an IAM policy needs:");
    let _ = writeln!(text, "{:#}", access::least_privilege());
    if look.unicode { text } else { text.replace('→', ">") }
}

fn side(text: &mut String, name: &str, side: &Side, look: &Look) {
    let mark = |status: Status| look.mark(status).to_owned();
    let _ = writeln!(text, "{name}");
    let usable = if side.usable { Status::Pass } else { Status::NotRun };
    let _ = writeln!(text, "{} {}", mark(usable), side.credential);
    if let Some(tried) = &side.tried {
        let _ = writeln!(text, "{} tried on {tried}", mark(Status::Pass));
        for one in &side.permissions {
            permission(text, one, &mark);
        }
    }
    text.push('\n');
}

fn permission(text: &mut String, one: &Permission, mark: &dyn Fn(Status) -> String) {
    let status = match one.state {
        State::Missing => Status::Fail,
        State::Unknown => Status::NotRun,
        State::Granted => Status::Pass,
    };
    let place = if one.name.contains(':') { &one.name } else { &one.place };
    let _ = write!(text, "  {} {place}", mark(status));
    match (one.state, &one.because) {
        (State::Missing, _) => text.push_str(": missing"),
        (State::Unknown, Some(why)) => {
            let _ = write!(text, ": not known ({why})");
        }
        _ => {}
    }
    text.push('\n');
    if one.state == State::Missing && !one.checks.is_empty() {
        let _ = writeln!(text, "      costs {}", one.checks.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_documentation_is_this_table() {
        assert_eq!(
            include_str!("../../docs/access.md"),
            markdown(),
            "cfdoctor access --format markdown > docs/access.md"
        );
    }

    #[test]
    fn every_check_of_the_tables_exists() {
        let zone = access::COSTS.iter().flat_map(|(_, checks)| *checks);
        for check in zone.chain(access::ACTIONS.iter().flat_map(|action| action.checks)) {
            assert!(cfdoctor_checks::find(check).is_some(), "{check}");
        }
        let policy = access::least_privilege().to_string();
        assert!(!policy.contains("apikeys") && policy.contains("acm:DescribeCertificate"));
    }
}
