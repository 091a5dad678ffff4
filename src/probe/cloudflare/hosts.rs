//! `--zone`: the names that a zone sends through Cloudflare. What is read here need not be read again for the visits.

use std::collections::BTreeSet;
use std::sync::Arc;

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::{NotRun, Probe};
use serde_json::Value;

use super::access::CloudflareAccess;
use super::once::arrival;
use super::parts::Place;
use super::permissions::PERMISSIONS;
use super::{LOOK_LIMIT, late, lookup};
use crate::probe::budget::Budget;

/// Names of a zone's proxied records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneHosts {
    /// Each name once, in alphabetical order.
    pub hosts: Vec<String>,
    /// `*.example.com`: no host, so nobody can visit it.
    pub wildcards: Vec<String>,
    /// What is missing of the records, in words.
    pub cut: Option<String>,
}

/// Reads the zone of exactly this name.
///
/// # Errors
/// `Forbidden`: the token does not see the zone or its records; anything else: the API could not be asked.
pub async fn hosts(name: &str, access: &CloudflareAccess, budget: &Budget) -> Result<ZoneHosts, NotRun> {
    let asker = access.asker(budget, LOOK_LIMIT);
    let read = async {
        let zone = lookup::zone(&access.run, &asker, name).await?;
        if zone.name != name {
            let scope =
                format!("sight of a zone named {name} ({name} is in the zone {})", text::shorten(&zone.name, 100));
            return Err(NotRun::Forbidden { probe: Probe::Zone, scope });
        }
        let row = PERMISSIONS.iter().find(|row| row.key == "dns_records");
        let row = row.ok_or_else(|| NotRun::Bug("no row for the records".into()))?;
        let place = Place { zone: zone.id, account: zone.account, host: name.to_owned() };
        let part = arrival(access.run.parts.ask(&access.run, &asker, row, &place)).await;
        let part = part.ok_or_else(|| NotRun::inconclusive("the question was dropped"))?;
        let records = part.value.map_err(|trouble| trouble.not_run(row.permission))?;
        Ok(ZoneHosts { cut: part.cut, ..proxied(&records) })
    };
    match budget.limit(LOOK_LIMIT, read).await {
        Ok(read) => read,
        Err(patience) => Err(NotRun::Inconclusive(late(&patience, LOOK_LIMIT))),
    }
}

/// The names of the proxied records.
fn proxied(records: &Arc<Value>) -> ZoneHosts {
    let rows = records.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_proxied = |row: &&Value| row.get("proxied").and_then(Value::as_bool) == Some(true);
    let names: BTreeSet<String> = rows
        .iter()
        .filter(is_proxied)
        .filter_map(|row| row.get("name").and_then(Value::as_str))
        .map(|name| name.trim_end_matches('.').to_lowercase())
        .collect();
    let (wildcards, hosts) = names.into_iter().partition(|name| name.contains('*'));
    ZoneHosts { hosts, wildcards, cut: None }
}
