//! The last look at what servers said: nothing that the run itself keeps secret may be in it, in any spelling.
//!
//! What a request sent is taken out of its own answer where that is read; here it is what reached another server by a
//! redirect, a name, a certificate or a proxy.

use cfdoctor_checks::evidence::redact::Secrets;
use cfdoctor_checks::evidence::{Evidence, Gathered};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::aws::AwsAccess;
use crate::settings::{Credential, Settings};

/// What the settings hold: the user's own header lines, the proxy's password, the Cloudflare token.
fn of(settings: &Settings) -> Secrets {
    let mut secrets = Secrets::default();
    settings.request_headers.iter().for_each(|(name, value)| secrets.learn(name, value.expose_secret()));
    if let Some(credentials) = settings.proxy.as_ref().and_then(|proxy| proxy.credentials.as_ref()) {
        let credentials = credentials.expose_secret();
        secrets.add(credentials);
        secrets.add(credentials.split_once(':').map_or("", |(_, password)| password));
    }
    if let Credential::Usable(access) = &settings.cloudflare {
        secrets.add(access.token());
    }
    secrets
}

/// Takes them out of everything that servers said. The documents of the APIs are made without them.
pub(super) fn take_out(evidence: &mut Evidence, settings: &Settings) {
    if let Some(keys) = settings.aws.as_ref().and_then(AwsAccess::secrets) {
        clean(&mut evidence.gateway, keys);
    }
    let secrets = &of(settings);
    if secrets.is_empty() {
        return;
    }
    clean(&mut evidence.dns, secrets);
    clean(&mut evidence.edge, secrets);
    clean(&mut evidence.origin, secrets);
    if matches!(evidence.zone, Gathered::Missing(_)) {
        clean(&mut evidence.zone, secrets);
    }
    if matches!(evidence.gateway, Gathered::Missing(_)) {
        clean(&mut evidence.gateway, secrets);
    }
}

fn clean<T: Serialize + DeserializeOwned>(part: &mut T, secrets: &Secrets) {
    let Ok(text) = serde_json::to_string(part) else { return };
    // A text that was cut may end in the beginning of one.
    if !secrets.are_in(&text) && !text.contains('…') {
        return;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return };
    blank(&mut value, secrets);
    // Read from octets as recordings are, not from the value: evidence has one reader in the program, which is large.
    let read = serde_json::to_vec(&value).and_then(|octets| serde_json::from_slice(&octets));
    // Where a word of our own is somebody's secret, it is no secret.
    if let Ok(cleaned) = read {
        *part = cleaned;
    }
}

fn blank(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) => *text = secrets.blank(std::mem::take(text)),
        Value::Array(all) => all.iter_mut().for_each(|value| blank(value, secrets)),
        Value::Object(all) => all.values_mut().for_each(|value| blank(value, secrets)),
        _ => {}
    }
}
