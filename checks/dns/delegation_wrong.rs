//! The public name servers are not those that Cloudflare assigned to the zone (`facts/cloudflare.md` section 7, gotcha 67).

use crate::check::{Check, Probe, Severity};
use crate::evidence::text::shell_quote;
use crate::evidence::zone::{ZoneKind, ZoneStatus};
use crate::evidence::{Evidence, Proxied};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-delegation-wrong",
    title: "The public name servers are the zone's own",
    severity: Severity::Critical,
    needs: &[Probe::Dns, Probe::Zone, Probe::EdgeHttp],
    why: "Records, rules and certificates of a zone count only while the registrar names its name servers. With \
          others in their place the public sees another provider's records, or another account's zone of the same \
          name; with others beside them, now the one and now the other.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/dns/zone-setups/full-setup/setup/",
        "https://developers.cloudflare.com/dns/nameservers/nameserver-options/",
        "https://developers.cloudflare.com/dns/zone-setups/reference/domain-status/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let zone = evidence.zone_of_host()?;
    let details = zone.details.get()?;
    match &details.kind {
        Some(ZoneKind::Full) => {}
        Some(ZoneKind::Partial) => {
            return Err(NotRun::not_applicable("the zone is partial (CNAME set-up): another provider answers for it"));
        }
        Some(ZoneKind::Secondary) => {
            return Err(NotRun::not_applicable(
                "the zone is secondary: other name servers may stand beside Cloudflare's",
            ));
        }
        Some(ZoneKind::Other(word)) => return Err(NotRun::inconclusive(format!("the zone is of the kind {word}"))),
        None => return Err(Evidence::zone_lacks("its type")),
    }
    let settings = zone.dns_settings.found();
    if settings.and_then(|settings| settings.multi_provider) == Some(true) {
        return Err(NotRun::not_applicable("the zone is set up for several DNS providers"));
    }
    if settings.is_some_and(|settings| settings.own_name_servers) {
        return Err(NotRun::not_applicable("the zone has custom or advanced name servers"));
    }
    let (Some(name), assigned) = (zone.name(), &details.name_servers) else {
        return Err(Evidence::zone_lacks("its name"));
    };
    if assigned.is_empty() {
        return Err(Evidence::zone_lacks("its name servers"));
    }
    let cut = evidence.dns.get()?.zone.get()?;
    if cut.apex.ends_with(&format!(".{name}")) {
        // A deeper zone of its own: what this zone says of the host does not count, and need not.
        return Err(NotRun::not_applicable(format!("the host lies in a deeper zone of its own, {}", cut.apex)));
    }
    let public: Vec<String> =
        cut.name_servers.iter().map(|server| server.trim_end_matches('.').to_ascii_lowercase()).collect();
    let lines = [
        format!("assigned by Cloudflare: {}", assigned.join(", ")),
        format!("public, for {}: {}", cut.apex, public.join(", ")),
    ];
    if cut.apex != name {
        let finding =
            Finding::seen(format!("{name} is not delegated: the public finds the host in the zone {}", cut.apex));
        return Ok(weigh(evidence, finding.proofs(lines), Confidence::Medium));
    }
    if public.is_empty() {
        return Err(NotRun::inconclusive(format!("the public name servers of {name} were not seen")));
    }
    let foreign: Vec<&str> = public.iter().filter(|server| !assigned.contains(server)).map(String::as_str).collect();
    if foreign.is_empty() {
        return Ok(Verdict::pass(format!("{name} is delegated to {}", public.join(", "))));
    }
    // Names below the zone itself may be Cloudflare's under custom names, which the settings would tell.
    if settings.is_none() && foreign.iter().all(|server| server.ends_with(&format!(".{name}"))) {
        return Err(NotRun::inconclusive(
            "the name servers bear the zone's own name; whether they are Cloudflare's custom ones is not known",
        ));
    }
    let others = foreign.join(", ");
    let seen = match (foreign.len() == public.len(), foreign.iter().all(|server| is_cloudflares(server))) {
        (true, true) => {
            format!("the public name servers of {name} are Cloudflare's, but of another account or zone: {others}")
        }
        (true, false) => format!("the public name servers of {name} are not the zone's: {others}"),
        (false, _) => format!("beside the zone's own name servers {name} has others: {others}"),
    };
    let sure = if settings.is_some() { Confidence::High } else { Confidence::Medium };
    Ok(weigh(evidence, Finding::seen(seen).proofs(lines), sure))
}

/// Standard names are `NAME.ns.cloudflare.com`.
fn is_cloudflares(server: &str) -> bool {
    server.ends_with(".ns.cloudflare.com")
}

/// An active zone whose host passes through Cloudflare works for those who were seen: a cache may be behind, or the data.
fn weigh(evidence: &Evidence, finding: Finding, sure: Confidence) -> Verdict {
    let details = evidence.zone_of_host().ok().and_then(|zone| zone.details.found());
    let active = details.and_then(|details| details.status.as_ref()) == Some(&ZoneStatus::Active);
    match evidence.proxied() {
        Proxied::Yes(line) if active => Verdict::Warn(
            finding
                .proof(format!("yet the zone is active and visitors meet Cloudflare ({line})"))
                .confidence(sure.min(Confidence::Medium))
                .severity(Severity::High),
        ),
        _ => Verdict::Fail(finding.confidence(sure)),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let zone = evidence.zone_of_host().ok();
    let name = zone.and_then(|zone| zone.name()).unwrap_or(&evidence.target.host);
    let assigned = zone.and_then(|zone| zone.details.found()).map(|details| details.name_servers.join(" and "));
    let assigned = assigned.filter(|servers| !servers.is_empty()).unwrap_or_else(|| "those that Overview shows".into());
    let account = if assigned.contains(".cloudflare.com") {
        " If the zone is kept in another account, use that one instead."
    } else {
        ""
    };
    Fix::new(format!(
        "At the registrar of {name}, name exactly the zone's own name servers: {assigned}. Take an old DS record away first, \
         and copy what the old provider has and this zone lacks.{account}"
    ))
    .dashboard("Overview → Cloudflare nameservers (copy them to the registrar)")
    .shell("What the parent says", format!("dig +trace NS {}", shell_quote(name)))
    .api(
        "Let Cloudflare look again",
        "curl -sS -X PUT -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
         \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/activation_check\"",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;

    const OWN: [&str; 2] = ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"];

    fn of(change: Value, servers: &[&str], apex: &str) -> Evidence {
        let mut document = json!({
            "zone": {"name": "example.com", "type": "full", "status": "active", "name_servers": OWN},
            "dns_settings": {"multi_provider": false, "nameservers": {"type": "cloudflare.standard"}},
        });
        for (part, values) in change.as_object().unwrap() {
            match values {
                Value::Object(values) => values.iter().for_each(|(key, value)| document[part][key] = value.clone()),
                other => document[part] = other.clone(),
            }
        }
        let mut evidence =
            zone(with(host(lookups(answer(&["192.0.2.7"]), crate::evidence::dns::Lookup::NoData))), document);
        let Gathered::Found(dns) = &mut evidence.dns else { unreachable!() };
        let Gathered::Found(cut) = &mut dns.zone else { unreachable!() };
        cut.apex = apex.into();
        cut.name_servers = servers.iter().map(ToString::to_string).collect();
        evidence
    }

    #[test]
    fn whose_name_servers() {
        for (change, servers, apex, expected) in [
            (json!({}), &OWN[..], "example.com", "pass"),
            (json!({}), &["BOB.ns.cloudflare.com."], "example.com", "pass"),
            (json!({}), &["ns1.example.net", "ns2.example.net"], "example.com", "fail"),
            (json!({}), &["eve.ns.cloudflare.com", "max.ns.cloudflare.com"], "example.com", "fail"),
            (json!({}), &["ada.ns.cloudflare.com", "ns1.example.net"], "example.com", "fail"),
            (json!({"dns_settings": {"multi_provider": true}}), &["ns1.example.net"], "example.com", "not-applicable"),
            (
                json!({"dns_settings": {"foundation_dns": true}}),
                &["blue.foundationdns.com"],
                "example.com",
                "not-applicable",
            ),
            (json!({"dns_settings": null}), &["ns1.example.com"], "example.com", "inconclusive"),
            (json!({"dns_settings": null}), &["ns1.example.net"], "example.com", "fail"),
            (json!({"zone": {"type": "partial"}}), &["ns1.example.net"], "example.com", "not-applicable"),
            (json!({"zone": {"type": "secondary"}}), &["ns1.example.net"], "example.com", "not-applicable"),
            (json!({"zone": {"type": null}}), &["ns1.example.net"], "example.com", "blocked"),
            (json!({"zone": {"name_servers": []}}), &["ns1.example.net"], "example.com", "blocked"),
            (json!({}), &["ns1.example.net"], "lambda.example.com", "not-applicable"),
            (json!({"zone": {"name": "lambda.example.com"}}), &["ns1.example.net"], "example.com", "fail"),
            (json!({}), &[], "example.com", "inconclusive"),
        ] {
            let text = format!("{change} {servers:?} {apex}");
            assert_eq!(word(&judge(&of(change, servers, apex))), expected, "{text}");
        }
    }

    #[test]
    fn an_active_zone_that_serves_is_a_warning() {
        let evidence = edge(of(json!({}), &["eve.ns.cloudflare.com"], "example.com"), 200, "");
        let verdict = judge(&evidence).unwrap();
        assert!(matches!(&verdict, Verdict::Warn(f) if f.confidence == Confidence::Medium), "{verdict:?}");
        let moved = of(json!({"zone": {"status": "moved"}}), &["eve.ns.cloudflare.com"], "example.com");
        assert_eq!(word(&judge(&edge(moved, 200, ""))), "fail", "somebody else's Cloudflare answers");
        assert!(fix(&evidence, verdict.finding().unwrap()).summary.contains("ada.ns.cloudflare.com and bob"));
    }
}
