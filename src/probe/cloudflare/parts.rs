//! The parts of zones, each read once in a run, whoever asks first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::access::Run;
use super::answer::Trouble;
use super::client::Asker;
use super::hide;
use super::once::{Once, Pending};
use super::permissions::{PermissionRow, Shape};
use super::reduce::{self, Reduced};
use crate::probe::api::weight_of;

/// One part of a zone: reduced and without secrets, or why it was not read.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) value: Result<Arc<Value>, Trouble>,
    /// What is missing of it, in words.
    pub(super) cut: Option<String>,
    /// Rows in another shape than documented.
    pub(super) odd_rows: usize,
}

/// What the parts of a zone may take in memory together, octets; the records, of which there may be very many, have a
/// limit of their own.
const MAX_ZONE: usize = 16 * 1024 * 1024;
/// The same for a part about one host.
const MAX_HOST: usize = 1024 * 1024;

/// Every part of every zone, and how much of each zone is held.
#[derive(Default)]
pub(super) struct Parts(Once<Part>, Mutex<HashMap<String, usize>>);

/// What stands for `{zone}`, `{account}` and `{host}`.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) zone: String,
    pub(super) account: Option<String>,
    pub(super) host: String,
}

impl Part {
    pub(super) fn failed(trouble: Trouble) -> Part {
        Part { value: Err(trouble), cut: None, odd_rows: 0 }
    }

    /// Did the list come whole?
    pub(super) fn is_complete(&self) -> bool {
        self.value.is_ok() && self.cut.is_none()
    }

    fn is_last_word(&self) -> bool {
        match &self.value {
            Ok(_) => self.cut.is_none(),
            Err(trouble) => !trouble.passes(),
        }
    }
}

impl Parts {
    /// The part of this row: known, on its way, or asked for now.
    pub(super) fn ask(&self, run: &Arc<Run>, asker: &Asker, row: &PermissionRow, place: &Place) -> Pending<Part> {
        let (run, asker, row, place) = (Arc::clone(run), asker.clone(), *row, place.clone());
        let question = question(&row, &place);
        let is_common = !row.is_of_the_host() && !row.asks_for_the_host();
        self.0.ask(
            question,
            move |part| is_common && part.is_last_word(),
            || async move { read(&run, &asker, &row, &place).await },
        )
    }

    /// A part that may be held.
    fn held(&self, row: &PermissionRow, place: &Place, reduced: Reduced) -> Result<Reduced, Trouble> {
        if row.key == "dns_records" {
            return Ok(reduced);
        }
        let weight = weight_of(&reduced.value);
        if row.asks_for_the_host() || row.is_of_the_host() {
            return if weight > MAX_HOST { Err(Trouble::TooMuch) } else { Ok(reduced) };
        }
        let mut zones = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let held = zones.entry(place.zone.clone()).or_default();
        if *held + weight > MAX_ZONE {
            return Err(Trouble::TooMuch);
        }
        *held += weight;
        Ok(reduced)
    }

    /// Does this row cost no request?
    pub(super) fn knows(&self, row: &PermissionRow, place: &Place) -> bool {
        self.0.knows(&question(row, place))
    }
}

fn question(row: &PermissionRow, place: &Place) -> String {
    match row.asks_for_the_host() || row.is_of_the_host() {
        true => format!("{} {} {} {}", place.zone, row.key, row.query.len(), place.host),
        false => format!("{} {}", place.zone, row.key),
    }
}

async fn read(run: &Run, asker: &Asker, row: &PermissionRow, place: &Place) -> Part {
    let Some(path) = path(row.endpoint, place) else {
        return Part::failed(Trouble::Shape("the zone does not say which account it is in".into()));
    };
    let filled = |value: &'static str| match value {
        "{zone}" => place.zone.as_str(),
        "{host}" => place.host.as_str(),
        plain => plain,
    };
    let query: Vec<(&str, &str)> = row.query.iter().map(|(name, value)| (*name, filled(value))).collect();
    let secrets = [asker.secret(), place.account.as_deref().unwrap_or_default()];
    let mut cut = None;
    let reduced = match row.shape {
        Shape::List(fields, per_page) => {
            let keep = |rows| reduce::list(row.key, fields, rows);
            run.client.list(asker, &path, &query, per_page, keep).await.map(|listing| {
                cut = listing.cut;
                Reduced { value: Value::Array(listing.rows), odd_rows: listing.odd_rows }
            })
        }
        _ => {
            let page = run.client.get(asker, &path, &query).await;
            page.and_then(|page| reduce::part(row.key, row.shape, page.result))
        }
    };
    let reduced = reduced
        .or_else(|trouble| absent(row, place, trouble).and_then(|result| reduce::part(row.key, row.shape, result)));
    match reduced.and_then(|reduced| run.parts.held(row, place, reduced)) {
        Ok(mut reduced) => {
            hide::without(&mut reduced.value, &secrets);
            Part { value: Ok(Arc::new(reduced.value)), cut, odd_rows: reduced.odd_rows }
        }
        Err(trouble) => Part::failed(trouble.without(&secrets)),
    }
}

/// Answers that say that there is none of it.
fn absent(row: &PermissionRow, place: &Place, trouble: Trouble) -> Result<Value, Trouble> {
    match (&trouble, row.shape) {
        (Trouble::Empty, Shape::Rules(_)) => Ok(serde_json::json!({"rules": []})),
        // What the plan does not have is not in use.
        (Trouble::PlanLacks(_), Shape::List(..)) => Ok(Value::Array(Vec::new())),
        (Trouble::PlanLacks(_), Shape::Rules(_)) => Ok(serde_json::json!({"rules": []})),
        (Trouble::PlanLacks(_), Shape::Object(_)) if row.key == "total_tls" => {
            Ok(serde_json::json!({"enabled": false}))
        }
        // The host has no certificate of its own: neither switched on nor off.
        (Trouble::NotFound | Trouble::PlanLacks(_), Shape::Object(_)) if row.is_of_the_host() => {
            Ok(serde_json::json!({"hostname": place.host, "enabled": null}))
        }
        _ => Err(trouble),
    }
}

/// The segments of a path; `None`: the account is not known.
fn path<'a>(endpoint: &'a str, place: &'a Place) -> Option<Vec<&'a str>> {
    let segment = |part: &'a str| match part {
        "{zone}" => Some(place.zone.as_str()),
        "{account}" => place.account.as_deref(),
        "{host}" => Some(place.host.as_str()),
        plain => Some(plain),
    };
    endpoint.split('/').filter(|part| !part.is_empty()).map(segment).collect()
}
