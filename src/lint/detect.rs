//! What the content says a file is.

use cfdoctor_checks::evidence::Gateway;
use cfdoctor_checks::evidence::zone::KEYS;

use super::{Kind, account, http_dump, pem, template};

/// Octets that are enough to know a HAR file by.
pub(super) const START: u64 = 64 * 1024;

/// `{"log": …`: the one kind that is read as a stream, whatever its size.
pub(super) fn looks_like_har(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with("\"log\""))
}

/// What the content says a file is.
pub(super) fn detect(bytes: &[u8]) -> Result<Kind, String> {
    if let Some(what) = known_binary(bytes) {
        return Err(format!("this is {what}, not something that lint reads"));
    }
    let text = String::from_utf8_lossy(bytes);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() {
        return Err("the file is empty".into());
    }
    if start.starts_with('{') || start.starts_with('[') {
        let value: serde_json::Value = match serde_json::from_slice(bytes) {
            Ok(value) => value,
            // Several outputs of the AWS CLI, one after another.
            Err(_) if account::read(bytes).is_ok() => return Ok(Kind::Account),
            Err(error) => return Err(account::cut(bytes, &error)),
        };
        if value.get("dns").is_some() || value.get("tls").is_some() {
            return Ok(Kind::Observations);
        }
        let has = |keys: &[&str]| keys.iter().any(|key| value.get(key).is_some());
        // Both a zone and an account tell what could not be read.
        let is_zone = KEYS.iter().any(|key| *key != "not_read" && has(&[key]));
        if is_zone || has(&["result"]) && has(&["success"]) {
            return Ok(Kind::Zone);
        }
        if template::is_one(&value) {
            return Ok(Kind::Template);
        }
        if Gateway::accept(&value).is_some() {
            return Ok(Kind::Account);
        }
        let keys = value.as_object().map(|map| map.keys().take(5).cloned().collect::<Vec<_>>().join(", "));
        return Err(match keys {
            Some(keys) => format!(
                "JSON with the keys {keys:?}: neither a HAR file (log), nor observations (dns, tls), nor a zone, nor an \
                 account or an output of `aws … get-…`, nor a Terraform plan (resource_changes) or a template (Resources)"
            ),
            None => "JSON that is not an object".into(),
        });
    }
    if pem::is_one(&text) {
        return Ok(Kind::Pem);
    }
    if http_dump::looks_like_one(&text) {
        return Ok(Kind::Http);
    }
    if template::is_yaml_one(&text) {
        return Ok(Kind::Template);
    }
    if let Some(what) = account::useless_output(&text) {
        return Err(what);
    }
    // Its words are not repeated: somebody may have named the wrong file.
    Err("no kind of file that lint reads (an HTTP dump has a line HTTP/… STATUS); say what it is with --kind".into())
}

fn known_binary(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"%PDF", "a PDF"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "gzip data; unpack it first"),
        (b"\x7fELF", "a program"),
    ];
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| *what).or_else(|| {
        let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
        (head.iter().filter(|b| **b == 0).count() > 0).then_some("binary data")
    })
}
