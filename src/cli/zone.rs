//! `--zone`: the targets are what a zone sends through Cloudflare.

use cfdoctor_checks::NotRun;

use super::CommandError;
use crate::probe::budget::Budget;
use crate::probe::cloudflare::{CloudflareAccess, LOOK_LIMIT, ZoneHosts, hosts};
use crate::settings::{Credential, Settings};

/// The access with which zones are read; `None`: there are none to read.
pub(super) fn access<'a>(
    zones: &[String],
    settings: &'a Settings,
) -> Result<Option<&'a CloudflareAccess>, CommandError> {
    let Some(first) = zones.first() else { return Ok(None) };
    let wrong = |why: &str| Err(CommandError::usage(format!("--zone {first}: {why}")));
    match &settings.cloudflare {
        Credential::Usable(access) => Ok(Some(access)),
        Credential::Absent => wrong(
            "the zone's records are read with an API token; set CLOUDFLARE_API_TOKEN (`cfdoctor access` says which one \
             to make), or list the hosts with --targets",
        ),
        Credential::Unused => {
            wrong("--cloudflare never forbids to read the zone; leave it out, or list the hosts with --targets")
        }
        Credential::Unusable(why) => wrong(why),
    }
}

/// Reads the zones, one after another: each is one or two requests.
pub(super) async fn read(
    zones: &[String],
    access: &CloudflareAccess,
) -> Result<Vec<(String, ZoneHosts)>, CommandError> {
    let mut found = Vec::new();
    for zone in zones {
        match hosts(zone, access, &Budget::quiet(LOOK_LIMIT)).await {
            Ok(hosts) => found.push((zone.clone(), hosts)),
            Err(why @ (NotRun::Forbidden { .. } | NotRun::NotApplicable(_))) => {
                return Err(CommandError::usage(format!("--zone {zone}: {}", why.text())));
            }
            Err(why) => return Err(CommandError::Inconclusive(format!("--zone {zone}: {}", why.text()))),
        }
    }
    Ok(found)
}
