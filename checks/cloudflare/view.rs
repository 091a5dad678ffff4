//! What several checks of this area look at: what a record leads to, and how people call a mode.

use crate::evidence::target::Scheme;
use crate::evidence::zone::Zone;
use crate::evidence::{Evidence, Target};
use crate::model::origin_host::{OriginClass, classify};
use crate::model::ssl_mode::SslMode;

/// As the dashboard writes it.
pub(super) fn mode_name(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Off => "Off",
        SslMode::Flexible => "Flexible",
        SslMode::Full => "Full",
        SslMode::Strict => "Full (strict)",
        SslMode::OriginPull => "Strict (SSL-Only Origin Pull)",
    }
}

/// The mode of an API's word.
pub(super) fn mode_of(word: &str) -> Option<SslMode> {
    SslMode::ALL.into_iter().find(|mode| mode.api() == word)
}

/// Suffixes of Cloudflare's own products: the edge speaks to itself, whatever the mode is.
const PRODUCTS: &[(&str, &str)] = &[
    (".cfargotunnel.com", "Cloudflare Tunnel"),
    (".pages.dev", "Cloudflare Pages"),
    (".workers.dev", "a Worker"),
    (".r2.dev", "R2"),
    (".r2.cloudflarestorage.com", "R2"),
];

/// What the record of a host leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Behind {
    /// Its name or address.
    pub(super) name: String,
    /// The class of that name.
    pub(super) class: OriginClass,
    /// A product of Cloudflare's own, by name.
    pub(super) product: Option<&'static str>,
}

fn behind(name: &str) -> Behind {
    Behind {
        name: name.to_owned(),
        class: classify(name).class,
        product: PRODUCTS.iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, product)| *product),
    }
}

/// What the zone's record of this host leads to.
pub(super) fn of_record(zone: &Zone, host: &str) -> Option<Behind> {
    zone.records.found()?.end_of(host)?.content.as_deref().map(behind)
}

/// What stands behind the target: as the user says, else as the zone's record says.
pub(super) fn of_target(evidence: &Evidence) -> Option<Behind> {
    if let Some(origin) = &evidence.target.origin {
        return Some(behind(&origin.host));
    }
    of_record(evidence.zone.found()?, &evidence.target.host)
}

/// The same URL as visitors of `https://` ask for it.
pub(super) fn over_https(target: &Target) -> Target {
    match target.scheme {
        Scheme::Https => target.clone(),
        Scheme::Http => {
            Target { scheme: Scheme::Https, port: if target.port == 80 { 443 } else { target.port }, ..target.clone() }
        }
    }
}

/// The root of a host as visitors of `https://` ask for it.
pub(super) fn root_of(host: &str) -> Option<Target> {
    format!("https://{host}/").parse().ok()
}

/// Names of proxied records with what they lead to, each once; wildcards are left out, for they are no hosts.
pub(super) fn proxied_hosts(zone: &Zone) -> Vec<(String, Behind)> {
    let mut out: Vec<(String, Behind)> = Vec::new();
    for record in zone.records.found().map(|records| records.0.as_slice()).unwrap_or_default() {
        let Some(name) = record.name.as_deref().filter(|name| !name.contains('*')) else { continue };
        if record.proxied != Some(true) || !record.leads() || out.iter().any(|(known, _)| known == name) {
            continue;
        }
        if let Some(behind) = of_record(zone, name) {
            out.push((name.to_owned(), behind));
        }
    }
    out
}
