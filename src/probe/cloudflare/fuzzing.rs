//! Answers of the Cloudflare API.

use cfdoctor_checks::evidence::Zone;
use serde_json::json;

use super::client;
use super::tell::{Head, tell};
use crate::fuzzing::harmless;

pub(crate) fn pause(value: &str) -> Option<u64> {
    client::pause(value)
}

/// The first octet tells the status; what is a result is read as a part of a zone.
pub(crate) fn answer(octets: &[u8]) {
    const STATUSES: &[u16] = &[200, 400, 401, 403, 404, 429, 500, 503, 302, 204];
    let Some((status, body)) = octets.split_first() else { return };
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let head = Head { status, media_type: "application/json".into(), retry_after: Some(7) };
    match tell(&head, body) {
        Ok(page) => {
            for part in ["zone", "dns_records", "settings", "page_rules", "worker_routes", "certificate_packs"] {
                if let Ok(zone) = Zone::from_document(json!({part: page.result})) {
                    zone.oddities.iter().for_each(|what| harmless(what));
                }
            }
            let _ = client::rows_of(page.result);
        }
        Err(trouble) => {
            let text = trouble.text();
            harmless(&text);
            assert!(text.chars().count() < 1000, "{text}");
            let _ = (trouble.not_run("Zone Read").text(), trouble.not_read("Zone Read"));
        }
    }
}
