//! Credentials and files that tell the configuration itself.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::Zone;
use serde_json::Value;

use super::CommandError;
use super::args::{CredentialUse, KnownArgs};
use super::values;
use crate::lint;
use crate::lint::declared::Tomorrow;
use crate::probe::aws::{AwsAccess, AwsRegions, AwsUse};
use crate::probe::cloudflare::CloudflareAccess;
use crate::recording::MAX_FILE;
use crate::settings::{Credential, Settings};

/// Lays what is given over the settings.
pub(super) fn apply(given: &KnownArgs, region: Option<&str>, settings: &mut Settings) -> Result<(), CommandError> {
    settings.cloudflare = cloudflare(given.cloudflare, settings);
    let account = AwsAccess::from_environment(aws(given.aws), regions(&given.aws_regions)?, variable);
    settings.aws = Some(account.with(settings));
    for file in &given.zone_json {
        let wrong = |why: String| CommandError::usage(format!("--zone-json {}: {why}", file.display()));
        let read = Zone::from_document(json(file).map_err(wrong)?).map_err(|error| wrong(error.to_string()))?;
        settings.zone_file = Some(Arc::new(match settings.zone_file.take() {
            Some(zone) => Arc::unwrap_or_clone(zone).laid_under(&read),
            None => read,
        }));
    }
    for file in &given.aws_json {
        let wrong = |why: String| CommandError::usage(format!("--aws-json {}: {why}", file.display()));
        let read = crate::lint::account(&bytes(file).map_err(wrong)?).map_err(wrong)?;
        settings.gateway_file = Some(Arc::new(match settings.gateway_file.take() {
            Some(gateway) => Arc::unwrap_or_clone(gateway).merge(read),
            None => read,
        }));
    }
    if !given.plan.is_empty() {
        let declared = lint::plans(&given.plan, region)
            .map_err(|(file, why)| CommandError::usage(format!("--plan {}: {why}", file.display())))?;
        for note in &declared.notes {
            // Nobody may be reading; what is not known changes no verdict.
            let _ = writeln!(std::io::stderr(), "cfdoctor: {note}");
        }
        settings.plan = Some(Arc::new(Tomorrow::new(declared)));
    }
    Ok(())
}

/// What these options demand of every target.
pub(super) fn required(given: &KnownArgs) -> Vec<Probe> {
    let demands = [(given.cloudflare, Probe::Zone), (given.aws, Probe::Gateway)];
    demands.into_iter().filter(|(choice, _)| *choice == CredentialUse::Require).map(|(_, probe)| probe).collect()
}

fn aws(choice: CredentialUse) -> AwsUse {
    match choice {
        CredentialUse::Auto => AwsUse::Auto,
        CredentialUse::Never => AwsUse::Never,
        CredentialUse::Require => AwsUse::Require,
    }
}

/// `--aws-regions`: names of regions, or `all`.
fn regions(given: &[String]) -> Result<AwsRegions, CommandError> {
    match given {
        [] => Ok(AwsRegions::Usual),
        [all] if all == "all" => Ok(AwsRegions::All),
        names => {
            let wrong = |why: String| CommandError::usage(format!("--aws-regions: {why}"));
            let known = names.iter().map(|name| values::region(name).map_err(wrong));
            known.collect::<Result<_, _>>().map(AwsRegions::Named)
        }
    }
}

/// A token that cannot be used costs the zone, and nothing else of the visit.
fn cloudflare(choice: CredentialUse, settings: &Settings) -> Credential<CloudflareAccess> {
    if choice == CredentialUse::Never {
        return Credential::Unused;
    }
    let found = CloudflareAccess::from_environment(variable).and_then(|access| match access {
        Some(access) => access.with(settings).map(Some),
        None => Ok(None),
    });
    match found {
        Ok(Some(access)) => Credential::Usable(access),
        Ok(None) => Credential::Absent,
        Err(error) => Credential::Unusable(error.to_string()),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(|value| value.to_string_lossy().into_owned())
}

fn json(file: &Path) -> Result<Value, String> {
    serde_json::from_slice(&bytes(file)?).map_err(|error| format!("not JSON: it stops making sense at {error}"))
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let opened = File::open(file).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    opened.map_err(|error| format!("cannot be read ({error})"))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    Ok(bytes)
}
