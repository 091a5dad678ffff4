//! Which zone a host is in: its labels walked up, all candidates asked at once.

use std::sync::Arc;

use cfdoctor_checks::evidence::text;
use cfdoctor_checks::model::public_suffix;
use cfdoctor_checks::{NotRun, Probe};
use futures_util::future::join_all;
use serde_json::Value;

use super::access::Run;
use super::answer::Trouble;
use super::client::Asker;
use super::once::{Once, arrival};
use super::permissions::{ZONE, ZONE_FIELDS};
use super::{hide, reduce};
use crate::probe::api::weight_of;

/// Names asked for one host.
pub(super) const MAX_CANDIDATES: usize = 4;

/// What the zones of one name may take in memory, octets.
const MAX_WEIGHT: usize = 1024 * 1024;

/// What the API said of each name asked for.
#[derive(Default)]
pub(super) struct Lookups(Once<Arc<Result<Vec<Value>, Trouble>>>);

/// The zone of a host.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) account: Option<String>,
    /// `zone` of the document: reduced, without secrets.
    pub(super) document: Value,
    /// Requests that finding it took.
    pub(super) requests: usize,
}

impl Found {
    /// `free`: what the plan is called, where it is said.
    pub(super) fn has_free_plan(&self) -> bool {
        self.document.pointer("/plan/legacy_id").and_then(Value::as_str) == Some("free")
    }

    /// Does Universal SSL not cover the host? It covers the zone's name and one label below it, except that in a
    /// partial zone each host has its own certificate (`facts/cloudflare.md` section 4.6).
    pub(super) fn is_deep(&self, host: &str) -> bool {
        let below = host.strip_suffix(self.name.as_str()).and_then(|rest| rest.strip_suffix('.')).unwrap_or_default();
        below.contains('.') && self.document.get("type").and_then(Value::as_str) != Some("partial")
    }
}

/// Names that may be the zone's, the most specific first.
pub(crate) fn candidates(host: &str) -> Vec<&str> {
    let Some(domain) = public_suffix::registrable(host).or_else(|| host.contains('.').then_some(host)) else {
        return Vec::new();
    };
    // Whoever is listed in the private part of the Public Suffix List has a zone for it nevertheless.
    let private = public_suffix::private(host).filter(|suffix| suffix.contains('.'));
    let mut names = Vec::new();
    let mut rest = Some(host);
    while let Some(name) = rest {
        names.push(name);
        if name == private.unwrap_or(domain) {
            break;
        }
        rest = name.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'));
    }
    // Zones far below the registrable domain are rare.
    names.split_off(names.len().saturating_sub(MAX_CANDIDATES))
}

/// The zone that serves `host`: of the active ones the most specific, else the most specific of all.
pub(super) async fn zone(run: &Arc<Run>, asker: &Asker, host: &str) -> Result<Found, NotRun> {
    let names = candidates(host);
    if names.is_empty() {
        return Err(NotRun::NotApplicable(format!("{} is no name that a zone could have", text::shorten(host, 100))));
    }
    let mut requests = 0;
    let asked: Vec<_> = names
        .iter()
        .map(|name| {
            let (run_, asker, wanted) = (Arc::clone(run), asker.clone(), (*name).to_owned());
            requests += usize::from(!run.lookups.0.knows(name));
            // The shortest name is that of many hosts; the others are kept only where a zone was found.
            let is_common = names.last() == Some(name);
            let keep = move |answer: &Arc<Result<Vec<Value>, Trouble>>| match answer.as_ref() {
                Ok(zones) => is_common || !zones.is_empty(),
                Err(trouble) => is_common && !trouble.passes(),
            };
            run.lookups.0.ask((*name).to_owned(), keep, || async move {
                let page = run_.client.get(&asker, &["zones"], &[("name", &wanted), ("per_page", "50")]).await;
                Arc::new(page.and_then(|page| named(page.result, &wanted)))
            })
        })
        .collect();
    let answers = join_all(asked.into_iter().map(arrival)).await;
    let mut trouble = None;
    let mut found = Vec::new();
    for answer in answers {
        match answer.as_deref() {
            Some(Ok(zones)) if !zones.is_empty() => found.push(zones.clone()),
            Some(Ok(_)) => {}
            Some(Err(why)) => trouble = trouble.or_else(|| Some(why.clone())),
            None => trouble = trouble.or(Some(Trouble::Unreachable("the question was dropped".into()))),
        }
    }
    let chosen = found.iter().find(|zones| zones.iter().any(is_active)).or_else(|| found.first());
    match (chosen, trouble) {
        (Some(zones), _) => one_of(zones, asker, requests),
        (None, Some(trouble)) => Err(trouble.not_run(ZONE.permission)),
        (None, None) => Err(NotRun::Forbidden { probe: Probe::Zone, scope: unseen(&names) }),
    }
}

fn unseen(names: &[&str]) -> String {
    format!(
        "sight of any zone named {}: the token may be for another account or for other zones, or the site is in no \
         zone at Cloudflare",
        names.join(" or ")
    )
}

/// The zones of exactly this name. The filter has changed its syntax before: what it lets through is looked at.
fn named(result: Value, name: &str) -> Result<Vec<Value>, Trouble> {
    let Value::Array(rows) = result else { return Err(Trouble::Shape("no list of zones".into())) };
    let is_it = |row: &Value| {
        let found = row.get("name").and_then(Value::as_str);
        found.is_some_and(|found| found.trim_end_matches('.').eq_ignore_ascii_case(name))
    };
    let zones: Vec<Value> = rows.into_iter().filter(is_it).collect();
    match zones.iter().map(weight_of).sum::<usize>() {
        ..=MAX_WEIGHT => Ok(zones),
        _ => Err(Trouble::TooMuch),
    }
}

fn is_active(zone: &Value) -> bool {
    zone.get("status").and_then(Value::as_str) == Some("active")
}

/// The one zone among those of the same name, which may be in several accounts.
fn one_of(zones: &[Value], asker: &Asker, requests: usize) -> Result<Found, NotRun> {
    let active: Vec<&Value> = zones.iter().filter(|zone| is_active(zone)).collect();
    let zone = match (active.as_slice(), zones) {
        ([one], _) => *one,
        ([], [one]) => one,
        (active, all) => {
            let name = all.first().and_then(|zone| zone.get("name")).and_then(Value::as_str).unwrap_or_default();
            let how = if active.is_empty() { "none of them is active" } else { "more than one is active" };
            return Err(NotRun::Inconclusive(format!(
                "the token sees {} zones named {}, and {how}: make a token for the account that serves the site",
                all.len(),
                text::shorten(name, 100)
            )));
        }
    };
    let id = |value: Option<&Value>| {
        let id = value.and_then(Value::as_str)?;
        let is_id =
            (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        is_id.then(|| id.to_owned())
    };
    let account = id(zone.pointer("/account/id"));
    let odd = |what: &str| NotRun::Inconclusive(Trouble::Shape(what.into()).text());
    let zone_id = id(zone.get("id")).ok_or_else(|| odd("a zone without an id"))?;
    let reduced = reduce::part(ZONE.key, super::permissions::Shape::Object(ZONE_FIELDS), zone.clone());
    let mut document = reduced.map_err(|trouble| NotRun::Inconclusive(trouble.text()))?.value;
    hide::without(&mut document, &[asker.secret(), account.as_deref().unwrap_or_default()]);
    let name = document.get("name").and_then(Value::as_str).unwrap_or_default().trim_end_matches('.').to_lowercase();
    Ok(Found { id: zone_id, name, account, document, requests })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_walked_up_to_the_registrable_domain() {
        assert_eq!(candidates("lambda.example.com"), ["lambda.example.com", "example.com"]);
        assert_eq!(candidates("example.co.uk"), ["example.co.uk"]);
        assert_eq!(candidates("a.b.example.co.uk"), ["a.b.example.co.uk", "b.example.co.uk", "example.co.uk"]);
        assert_eq!(
            candidates("f.e.d.c.b.a.example.com"),
            ["c.b.a.example.com", "b.a.example.com", "a.example.com", "example.com"]
        );
        assert_eq!(candidates("x.site.github.io"), ["x.site.github.io", "site.github.io", "github.io"]);
        assert_eq!(candidates("www.example.internal"), ["www.example.internal", "example.internal"]);
        assert!(candidates("localhost").is_empty());
    }

    #[test]
    fn universal_ssl_covers_one_label() {
        let zone = |kind: &str| Found {
            id: "z".into(),
            name: "example.com".into(),
            account: None,
            document: json!({"type": kind}),
            requests: 1,
        };
        assert!(!zone("full").is_deep("example.com"));
        assert!(!zone("full").is_deep("a.example.com"));
        assert!(zone("full").is_deep("b.a.example.com"));
        assert!(!zone("partial").is_deep("b.a.example.com"));
    }
}
