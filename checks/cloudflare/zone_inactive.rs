//! The zone is not in use, so that nothing in it has an effect (`facts/cloudflare.md` section 7, gotchas 67 and 74).

use super::api;
use crate::check::{Check, Probe, Severity};
use crate::evidence::target::Expectation;
use crate::evidence::text::shell_quote;
use crate::evidence::zone::{ZoneKind, ZoneStatus};
use crate::evidence::{Evidence, Idle, Proxied, Zone};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-zone-inactive",
    title: "The zone is in use",
    severity: Severity::Critical,
    needs: &[Probe::Zone, Probe::Dns, Probe::EdgeHttp],
    why: "A zone that is pending, moved away, paused or in DNS-only mode proxies nothing, whatever its records say: \
          visitors meet the origin itself, and no certificate, rule or cache of the zone has an effect.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/dns/zone-setups/reference/domain-status/",
        "https://developers.cloudflare.com/fundamentals/manage-domains/pause-cloudflare/",
        "https://developers.cloudflare.com/dns/proxy-status/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let zone = evidence.zone_of_host()?;
    let name = zone.name().unwrap_or("the zone");
    let details = zone.details.get();
    let Some(idle) = zone.idle() else {
        return match details?.status.as_ref() {
            Some(ZoneStatus::Other(word)) => Err(NotRun::inconclusive(format!("{name} has the status {word}"))),
            Some(_) => Ok(Verdict::pass(format!("{name} is active"))),
            None => Err(Evidence::zone_lacks("its status")),
        };
    };
    let (what, word) = match idle {
        Idle::Pending => ("is pending: Cloudflare does not answer for it yet", "status: pending"),
        Idle::Moved => ("was moved away: its name servers are no longer Cloudflare's", "status: moved"),
        Idle::Paused => ("is paused: its records are answered, and nothing is proxied", "paused: true"),
        Idle::DnsOnly => ("is in DNS-only mode: its records are answered, and nothing is proxied", "mode: DNS only"),
    };
    let records = evidence.zone_records();
    let finding = Finding::seen(format!("the zone {name} {what}"))
        .proof(format!("zone {name}: {word}"))
        .proofs(servers(evidence, zone, &idle))
        .proofs(records.iter().map(|record| format!("in the zone: {}", record.describe())));
    // Somebody's Cloudflare answers all the same: another account's zone of this name, or the data is old.
    if let Proxied::Yes(line) = evidence.proxied() {
        let finding = finding
            .proof(format!("yet visitors meet Cloudflare ({line}): the data is old, or another account has the name"));
        return Ok(Verdict::Warn(finding.confidence(Confidence::Low).severity(Severity::Medium)));
    }
    let seen = matches!(evidence.proxied(), Proxied::No(_));
    // That pausing and DNS-only mode take the proxy from every record follows from the documents, but is not in them.
    let sure = seen || matches!(idle, Idle::Pending | Idle::Moved);
    let finding = finding.confidence(if sure { Confidence::High } else { Confidence::Medium });
    let meant = evidence.target.expect == Expectation::Cached
        || matches!(idle, Idle::Pending | Idle::Moved)
        || evidence.zone_proxies() != Some(false);
    Ok(if meant { Verdict::Fail(finding) } else { Verdict::Warn(finding.severity(Severity::Medium)) })
}

/// The name servers as assigned and as the public sees them; they decide only where the zone is not in use.
fn servers(evidence: &Evidence, zone: &Zone, idle: &Idle) -> Vec<String> {
    if !matches!(idle, Idle::Pending | Idle::Moved) {
        return Vec::new();
    }
    let assigned = zone.details.found().map(|details| details.name_servers.join(", ")).filter(|list| !list.is_empty());
    let public = evidence.dns.found().and_then(|dns| dns.zone.found());
    let public = public.filter(|cut| zone.name().is_none_or(|name| name == cut.apex) && !cut.name_servers.is_empty());
    let assigned = assigned.map(|list| format!("assigned name servers: {list}"));
    let public = public.map(|cut| format!("public name servers of {}: {}", cut.apex, cut.name_servers.join(", ")));
    assigned.into_iter().chain(public).collect()
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let zone = evidence.zone_of_host().ok();
    let name = zone.and_then(Zone::name).unwrap_or(&evidence.target.host);
    match zone.and_then(Zone::idle) {
        Some(Idle::Paused) => Fix::new(format!("Let Cloudflare take up {name} again."))
            .dashboard("Overview → Advanced Actions → Enable Cloudflare on Site")
            .api("Take it up", api::call("PATCH", "", Some(r#"{"paused":false}"#)))
            .terraform(
                "Cloudflare provider v5",
                format!("resource \"cloudflare_zone\" \"zone\" {{\n  # …\n  name   = \"{name}\"\n  paused = false\n}}"),
            ),
        Some(Idle::DnsOnly) => Fix::new(format!("Set the zone mode of {name} back to standard."))
            .api("Set it back", api::call("PATCH", "/dns_settings", Some(r#"{"zone_mode":"standard"}"#))),
        _ => activate(evidence, zone, name),
    }
}

fn activate(evidence: &Evidence, zone: Option<&Zone>, name: &str) -> Fix {
    let details = zone.and_then(|zone| zone.details.found());
    let again = |fix: Fix| fix.api("Let Cloudflare look again", api::call("PUT", "/activation_check", None));
    if details.and_then(|details| details.kind.as_ref()) == Some(&ZoneKind::Partial) {
        let fix = Fix::new(format!(
            "Add the verification record of {name} (CNAME set-up) at its own DNS provider, and point {} at {}.cdn.cloudflare.net.",
            evidence.target.host, evidence.target.host
        ))
        .dashboard("Overview: the verification TXT record cloudflare-verify…");
        return again(fix);
    }
    let servers = details.map(|details| details.name_servers.join(", ")).filter(|list| !list.is_empty());
    let servers = servers.unwrap_or_else(|| "the two that Overview shows".into());
    let fix = Fix::new(format!(
        "At the registrar, make the name servers of {name} Cloudflare's and no others: {servers}. Take an old DS record \
         (DNSSEC) away first."
    ))
    .dashboard("Overview → Cloudflare nameservers (copy them to the registrar)")
    .shell("What the public sees", format!("dig +short NS {}", shell_quote(name)));
    again(fix)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::zone_testing::*;
    use super::*;

    fn of(details: Value, proxied: bool) -> Evidence {
        let mut document = json!({
            "zone": {"name": "example.com", "id": "0a1b", "status": "active", "paused": false, "type": "full",
                "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]},
            "dns_records": [{"name": HOST, "type": "CNAME", "content": TARGET, "proxied": proxied}],
        });
        for (key, value) in details.as_object().unwrap() {
            document["zone"][key] = value.clone();
        }
        with(document)
    }

    #[test]
    fn each_way_of_not_being_in_use() {
        assert_eq!(word(&CHECK, &of(json!({}), true)), "pass");
        for status in ["pending", "initializing", "moved"] {
            assert_eq!(word(&CHECK, &of(json!({"status": status}), true)), "fail/high", "{status}");
        }
        assert_eq!(word(&CHECK, &of(json!({"paused": true}), true)), "fail/medium");
        assert_eq!(word(&CHECK, &openly(of(json!({"paused": true}), true))), "fail/high");
        assert_eq!(word(&CHECK, &of(json!({"meta": {"dns_only": true}}), true)), "fail/medium");
        assert_eq!(
            word(&CHECK, &of(json!({"meta": {"dns_only": true}}), false)),
            "warn/medium",
            "nothing was to be proxied"
        );
        assert_eq!(word(&CHECK, &of(json!({"status": "hibernating"}), true)), "inconclusive");
        assert_eq!(word(&CHECK, &of(json!({"status": null}), true)), "blocked");
    }

    #[test]
    fn name_servers_are_shown_side_by_side() {
        let finding = found(&CHECK, &openly(of(json!({"status": "pending"}), true)));
        let text = finding.proof.join("\n");
        assert!(text.contains("assigned name servers: ada.ns.cloudflare.com"), "{text}");
        assert!(text.contains("public name servers of example.com: ns1.example.net"), "{text}");
        let paused = found(&CHECK, &openly(of(json!({"paused": true}), true)));
        assert!(!paused.proof.join("\n").contains("name servers"), "they are not what is wrong");
    }

    #[test]
    fn cloudflare_that_answers_contradicts() {
        assert_eq!(word(&CHECK, &served(of(json!({"status": "pending"}), true))), "warn/low");
        assert_eq!(word(&CHECK, &nothing()), "no-credential");
        assert_eq!(
            word(&CHECK, &with(json!({"zone": {"name": "example.org", "status": "pending"}}))),
            "not-applicable"
        );
    }

    #[test]
    fn the_fix_fits_the_reason() {
        let text = |evidence: &Evidence| format!("{:?}", CHECK.mend(evidence, &found(&CHECK, evidence)));
        assert!(text(&of(json!({"paused": true}), true)).contains("paused\\\":false"));
        assert!(text(&of(json!({"paused": true}), true)).contains("zones/0a1b\\\""));
        assert!(text(&of(json!({"status": "pending"}), true)).contains("ada.ns.cloudflare.com, bob"));
        assert!(text(&of(json!({"status": "pending", "type": "partial"}), true)).contains("cdn.cloudflare.net"));
        assert!(text(&of(json!({"meta": {"dns_only": true}}), true)).contains("zone_mode"));
    }
}
