//! A zone file: JSON in the shapes of Cloudflare's API.

use cfdoctor_checks::evidence::Zone;
use serde_json::Value;

/// Reads the file and lays it over what other files told of the zone.
///
/// # Errors
/// The file is not JSON, or no zone: what, where, and the remedy.
pub(super) fn laid_over(zone: Option<Zone>, bytes: &[u8]) -> Result<Zone, String> {
    let document: Value = serde_json::from_slice(bytes)
        .map_err(|error| format!("taken for a zone, which stops making sense at {error}; save it whole"))?;
    match zone {
        Some(zone) => zone.merged(document),
        None => Zone::from_document(document),
    }
    .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_files_make_one_zone() {
        let settings = laid_over(None, br#"{"settings": {"ssl": "full"}}"#).unwrap();
        let both =
            laid_over(Some(settings), br#"{"result": [{"type": "A", "content": "192.0.2.1"}], "success": true}"#);
        let both = both.unwrap();
        assert!(both.settings.ssl.found().is_some() && both.records.found().is_some());
    }

    #[test]
    fn what_is_no_zone_is_named() {
        assert!(laid_over(None, b"{").unwrap_err().contains("line 1"));
        assert!(laid_over(None, br#"{"a": 1}"#).unwrap_err().contains("no part of a zone"));
        assert!(laid_over(None, br#"{"success": false, "errors": [{"code": 9109}]}"#).unwrap_err().contains("9109"));
    }
}
