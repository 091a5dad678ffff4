//! Everything that is asked about one host, and what has arrived of it.

use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::MAX_API_REQUESTS;
use super::access::CloudflareAccess;
use super::answer::Trouble;
use super::client::Asker;
use super::document::Draft;
use super::lookup::Found;
use super::once::{Pending, arrival};
use super::parts::{Part, Place};
use super::permissions::{PERMISSIONS, PermissionRow, When};

/// Lists of which the host's own rows matter most, and the filter for these.
const FILTERS: &[(&str, &[(&str, &str)])] =
    &[("dns_records", &[("name", "{host}")]), ("custom_hostnames", &[("hostname", "{host}")])];

/// The questions about one host.
pub(super) struct Asked<'a> {
    access: &'a CloudflareAccess,
    asker: &'a Asker,
    zone: &'a Found,
    place: &'a Place,
    parts: Vec<(&'static PermissionRow, Pending<Part>)>,
    /// Not asked, because it is known to be none.
    none: Vec<&'static PermissionRow>,
    /// Not asked, because there was no request left.
    left_out: Vec<&'static PermissionRow>,
    /// The host's own rows of lists that came cut or not at all.
    own: Mutex<Vec<(&'static PermissionRow, Pending<Part>)>>,
}

impl<'a> Asked<'a> {
    /// Asks everything at once that makes sense for this zone and host.
    pub(super) fn all(access: &'a CloudflareAccess, asker: &'a Asker, zone: &'a Found, place: &'a Place) -> Asked<'a> {
        let own = Mutex::default();
        let mut asked =
            Asked { access, asker, zone, place, parts: Vec::new(), none: Vec::new(), left_out: Vec::new(), own };
        let mut requests = zone.requests;
        let is_deep = zone.is_deep(&place.host);
        for row in PERMISSIONS {
            match row.when {
                When::PaidPlan if zone.has_free_plan() => {
                    asked.none.push(row);
                    continue;
                }
                When::Shallow if is_deep => continue,
                When::Deep if !is_deep => continue,
                _ => {}
            }
            let parts = &access.run.parts;
            if !parts.knows(row, place) {
                if requests >= MAX_API_REQUESTS {
                    asked.left_out.push(row);
                    continue;
                }
                requests += 1;
            }
            asked.parts.push((row, parts.ask(&access.run, asker, row, place)));
        }
        asked
    }

    /// Waits for these parts, or for all where none is named, and for the host's own rows of a list among them that
    /// came cut or not at all.
    pub(super) async fn arrival(&self, keys: &[&str]) {
        let wanted = self.parts.iter().filter(|(row, _)| keys.is_empty() || keys.contains(&row.key));
        let each = wanted.map(async |(row, pending)| {
            let Some(part) = arrival(pending.clone()).await else { return };
            let filter = FILTERS.iter().find(|(key, _)| *key == row.key).map(|(_, filter)| *filter);
            let Some(filter) = filter.filter(|_| lacks_rows(&part)) else { return };
            let own = row.of_the_host(filter);
            let pending = self.access.run.parts.ask(&self.access.run, self.asker, &own, self.place);
            arrival(pending.clone()).await;
            self.own.lock().unwrap_or_else(PoisonError::into_inner).push((row, pending));
        });
        join_all(each).await;
    }

    /// What has arrived of these parts, or of all where none is named. `late`: why the others have not.
    pub(super) fn document(&self, keys: &[&str], late: &str) -> Value {
        let is_wanted = |row: &PermissionRow| keys.is_empty() || keys.contains(&row.key);
        let mut draft = Draft::of(self.zone.document.clone());
        for (row, pending) in self.parts.iter().filter(|(row, _)| is_wanted(row)) {
            let part = pending.borrow().clone();
            match part {
                Some(part) => draft.add(row, part),
                None => draft.left_out(row, late),
            }
        }
        for (row, pending) in self.own.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(part) = pending.borrow().clone().filter(|_| is_wanted(row)) {
                draft.add_rows(row, part);
            }
        }
        for row in self.none.iter().filter(|row| is_wanted(row)) {
            draft.put(row.key, json!([]));
        }
        for row in self.left_out.iter().filter(|row| is_wanted(row)) {
            draft.left_out(row, &format!("left out: one host costs at most {MAX_API_REQUESTS} requests"));
        }
        // The zone itself says how long it lasts.
        if keys.is_empty()
            && let Some(seconds) = self.zone.document.get("development_mode").and_then(Value::as_i64)
        {
            draft.put("settings.development_mode", if seconds > 0 { "on" } else { "off" }.into());
        }
        draft.done()
    }
}

/// Is asking for the host's own rows worth while? Where the permission or the time is lacking it is not.
fn lacks_rows(part: &Part) -> bool {
    match &part.value {
        Ok(_) => !part.is_complete(),
        Err(trouble) => matches!(
            trouble,
            Trouble::TooLarge
                | Trouble::TooMuch
                | Trouble::ServerError(_)
                | Trouble::Shape(_)
                | Trouble::NotJson { .. }
                | Trouble::Refused { .. }
        ),
    }
}
