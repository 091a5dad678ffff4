//! The checks of the area `dns`, in the order shown to people.

mod caa_forbids_issuer;
mod cname_loop;
mod delegation_wrong;
mod dnssec_broken;
mod name_unresolvable;
mod not_proxied;
mod region_mismatch;
mod resolvers_disagree;
mod target_default_endpoint;
mod target_foreign_host;
mod target_is_address;
mod target_is_cloudflare;
mod target_unresolvable;
#[cfg(test)]
mod testing;

use crate::check::Area;
use crate::evidence::dns::{Chain, Lookup, View, Viewer};
use crate::evidence::zone::{Details, Record, ZoneKind};
use crate::evidence::{Evidence, Idle, Proxied, Response};
use crate::model::cloudflare;
use crate::model::origin_host::classify;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

/// The area.
pub(crate) const AREA: Area = Area {
    id: "dns",
    title: "DNS",
    summary,
    checks: &[
        name_unresolvable::CHECK,
        cname_loop::CHECK,
        dnssec_broken::CHECK,
        delegation_wrong::CHECK,
        not_proxied::CHECK,
        target_unresolvable::CHECK,
        target_default_endpoint::CHECK,
        target_foreign_host::CHECK,
        target_is_cloudflare::CHECK,
        target_is_address::CHECK,
        resolvers_disagree::CHECK,
        region_mismatch::CHECK,
        caa_forbids_issuer::CHECK,
    ],
};

/// One line for an area that is all well.
fn summary(evidence: &Evidence) -> Option<String> {
    const SHOWN: usize = 4;
    let dns = evidence.dns.found()?;
    let addresses = dns.host.addresses();
    if addresses.is_empty() {
        return None;
    }
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = addresses.len().saturating_sub(SHOWN);
    let mut line = format!("{} → {}", dns.host.name, shown.join(", "));
    if more > 0 {
        line.push_str(&format!(" and {more} more"));
    }
    if matches!(evidence.proxied(), Proxied::Yes(_)) {
        line.push_str(" (Cloudflare)");
    }
    if let Some(zone) = dns.zone.found() {
        line.push_str(&format!(", zone {}", zone.apex));
    }
    Some(line)
}

/// The hops of a chain as records, for proof.
fn records(chain: &Chain) -> Vec<String> {
    chain.hops.iter().map(|hop| format!("{} {} CNAME {}", hop.from, hop.ttl, hop.to)).collect()
}

/// The chain's end with what was answered there, for proof.
fn answers(chain: &Chain) -> Vec<String> {
    [("A", &chain.ipv4), ("AAAA", &chain.ipv6)]
        .into_iter()
        .filter(|(_, lookup)| !matches!(lookup, Lookup::NotAsked { .. }))
        .map(|(kind, lookup)| format!("{} {kind}: {}", chain.end(), lookup.describe()))
        .collect()
}

/// What the absence of addresses at a chain's end means.
enum Absence {
    /// There are addresses.
    None,
    /// Neither A nor AAAA, for sure: NXDOMAIN or NODATA.
    Sure(&'static str),
    /// No A record; AAAA was not asked for (or the other way round).
    Half(&'static str),
    /// The servers failed, with their reason.
    Failed(String),
    /// It cannot be told.
    Unknown(String),
}

/// Reads both lookups of a chain together.
fn absence(chain: &Chain) -> Absence {
    let both = [&chain.ipv4, &chain.ipv6];
    if both.iter().any(|lookup| !lookup.addresses().is_empty()) {
        return Absence::None;
    }
    if both.contains(&&Lookup::NxDomain) {
        return Absence::Sure("NXDOMAIN (no such name)");
    }
    if both.iter().all(|lookup| **lookup == Lookup::NoData) {
        return Absence::Sure("NODATA (the name exists, with neither A nor AAAA)");
    }
    if both.iter().all(|lookup| matches!(lookup, Lookup::ServFail { .. } | Lookup::NotAsked { .. }))
        && let Some(failed) = both.iter().find(|lookup| matches!(lookup, Lookup::ServFail { .. }))
    {
        return Absence::Failed(failed.describe());
    }
    match both {
        [Lookup::NoData, Lookup::NotAsked { .. }] => Absence::Half("NODATA for A; AAAA was not asked for"),
        [Lookup::NotAsked { .. }, Lookup::NoData] => Absence::Half("NODATA for AAAA; A was not asked for"),
        [one, other] => Absence::Unknown(format!("A: {}; AAAA: {}", one.describe(), other.describe())),
    }
}

/// The name that the record points at.
fn target_name(evidence: &Evidence) -> Result<&str, NotRun> {
    evidence.origin_name().ok_or_else(|| match evidence.dns.get() {
        Err(why) if evidence.target.origin.is_none() => why,
        _ if evidence.target.origin.is_some() => NotRun::not_applicable("the record's target is an address"),
        _ => NotRun::origin_unknown(),
    })
}

/// A challenge or a block: it says nothing about the origin.
fn is_challenged(response: &Response) -> bool {
    cloudflare::is_challenge(response)
        || matches!(cloudflare::error_code(response), Some(1006..=1010 | 1012 | 1015 | 1020))
}

/// The verdict on a target that cannot serve the name where no answer shows it: a failure where the edge fails, or DNS or
/// the zone itself shows the record, else, by the user's word alone, a warning. What the zone does in the record's place is
/// heard first.
fn unseen(evidence: &Evidence, name: &str, finding: Finding) -> Result<Verdict, NotRun> {
    let known = evidence.zone_of_host().and_then(|_| evidence.effective()).ok();
    if let Some(effective) = &known {
        if let Some(Some(store)) = &effective.connector.value {
            return Err(NotRun::not_applicable(format!("{} sends this URL to {store}", effective.connector.by)));
        }
        if let Some(Some(worker)) = &effective.worker.value {
            return Err(NotRun::inconclusive(format!(
                "the Worker {worker} takes this URL, and may ask {name} by another name"
            )));
        }
        if let Some(Some(sent)) = &effective.host_header.value {
            let by = &effective.host_header.by;
            let fits = classify(sent).class == classify(name).class && classify(sent).id == classify(name).id;
            return if fits {
                Ok(Verdict::pass(format!("{by} sends the name {sent}")))
            } else {
                Err(NotRun::inconclusive(format!("{by} sends the name {sent}; whether {name} knows that was not seen")))
            };
        }
    }
    let edge = evidence.edge_answer().ok().filter(|response| !is_challenged(response));
    let line = match edge {
        Some(response) => format!("the edge answers {}, which does not tell", response.status),
        None => "no answer of the origin through the edge was seen".into(),
    };
    let nothing_else = known.as_ref().is_some_and(|effective| {
        effective.host_header.certain() == Some(&None)
            && effective.worker.certain() == Some(&None)
            && effective.connector.certain() == Some(&None)
    });
    let declared = evidence.target.origin.as_ref();
    if nothing_else && declared.is_some_and(|origin| origin.from_zone) {
        return Ok(Verdict::Fail(
            finding.proof(format!("{line}; no rule and no Worker of the zone sends another name for this URL")),
        ));
    }
    let finding = finding
        .confidence(Confidence::Medium)
        .proof(format!("{line}; a Host override (Enterprise) or a Worker on the route would change this"));
    let by_word_alone = declared.is_some_and(|origin| !origin.from_zone);
    Ok(if edge.is_none() && by_word_alone { Verdict::Warn(finding) } else { Verdict::Fail(finding) })
}

/// The record of the host in its zone, where the public should see it: the zone is in use and Cloudflare its only
/// authority, as far as is known, and none of its own servers denies the name.
fn published(evidence: &Evidence) -> Option<&Record> {
    let zone = evidence.zone_of_host().ok()?;
    let full = |details: &Details| details.kind.as_ref().is_none_or(|kind| *kind == ZoneKind::Full);
    if !zone.details.found().is_none_or(full) || matches!(zone.idle(), Some(Idle::Pending | Idle::Moved)) {
        return None;
    }
    let denied = |view: &View| view.who == Viewer::Authoritative && matches!(absence(&view.chain), Absence::Sure(_));
    if evidence.dns.found().is_some_and(|dns| dns.views.iter().any(denied)) {
        return None;
    }
    let record =
        evidence.zone_records().into_iter().find(|record| record.name.is_some() && record.content.is_some())?;
    // A flattened DNS-only CNAME is absent with its target.
    let flat = record.proxied != Some(true) && record.kind.as_deref() == Some("CNAME");
    let dangles = || evidence.dns.found()?.origin.found().map(|chain| chain.addresses().is_empty());
    (!flat || dangles() != Some(true)).then_some(record)
}

/// Steps that make a proxied record for the host.
fn add_record(fix: Fix, host: &str, content: &str) -> Fix {
    fix.dashboard(format!("DNS → Records → Add record: CNAME, {host}, target {content}, Proxied"))
        .api(
            "Add it",
            format!(
                "curl -X POST -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
                 \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records\" \
                 --data '{{\"type\":\"CNAME\",\"name\":\"{host}\",\"content\":\"{content}\",\"proxied\":true}}'"
            ),
        )
        .terraform("Cloudflare provider v5", record_resource(host, content, true))
}

fn record_resource(host: &str, content: &str, proxied: bool) -> String {
    format!(
        "resource \"cloudflare_dns_record\" \"site\" {{\n  zone_id = var.zone_id\n  name    = \"{host}\"\n  \
         type    = \"CNAME\"\n  content = \"{content}\"\n  ttl     = 1\n  proxied = {proxied}\n}}"
    )
}

/// The call that shows the host's record with its id.
fn find_record(fix: Fix, host: &str) -> Fix {
    fix.api(
        "Find the record's id",
        format!(
            "curl -s -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \
             \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records?name={host}\""
        ),
    )
}

/// Steps that show and change the host's record.
fn change_record(fix: Fix, host: &str, content: &str, proxied: bool) -> Fix {
    let fix = fix.dashboard(format!(
        "DNS → Records → {host} → Edit: CNAME {content}, {}",
        if proxied { "Proxied" } else { "DNS only" }
    ));
    find_record(fix, host)
        .api(
            "Change it",
            format!(
                "curl -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
                 \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records/$RECORD_ID\" \
                 --data '{{\"type\":\"CNAME\",\"name\":\"{host}\",\"content\":\"{content}\",\"proxied\":{proxied}}}'"
            ),
        )
        .terraform("Cloudflare provider v5", record_resource(host, content, proxied))
}

/// The region to write into commands: the user's, the one in the origin's name, or a placeholder.
fn region_for_commands(evidence: &Evidence) -> String {
    let real = |name: &String| crate::model::origin_host::region(name).is_some();
    let named = || classify(evidence.origin_name()?).region.filter(real);
    evidence.target.region.clone().filter(real).or_else(named).unwrap_or_else(|| "$AWS_REGION".into())
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;

    #[test]
    fn summary_says_what_was_seen() {
        let line = summary(&with(proxied())).unwrap();
        assert_eq!(line, "lambda.example.com → 104.16.1.2, 104.16.2.2 (Cloudflare), zone example.com");
        assert_eq!(summary(&with(host(lookups(Lookup::NxDomain, Lookup::NxDomain)))), None);
        assert_eq!(summary(&nothing()), None);
    }

    /// Evidence of many shapes.
    fn shapes() -> Vec<Evidence> {
        let names = [TARGET, DEFAULT, "abc.lambda-url.us-east-1.on.aws", "b.s3.us-west-9.amazonaws.com"];
        let mut shapes: Vec<Evidence> = names
            .into_iter()
            .flat_map(|name| [declared(chain(&[name], &["104.16.9.9"])), declared(chain(&[name], &[]))])
            .chain(names.map(|name| with(host(chain(&[HOST, name], &["192.0.2.1"])))))
            .chain([with(proxied()), with(host(lookups(servfail(), servfail()))), nothing()])
            .collect();
        for (status, body) in [(200, ""), (403, ""), (530, "error code: 1016"), (409, "error code: 1014")] {
            let edges: Vec<Evidence> = shapes.iter().take(15).cloned().map(|e| edge(e, status, body)).collect();
            shapes.extend(edges);
        }
        for shape in shapes.clone() {
            let mut shape = shape;
            shape.edge.tls = handshake("O=Google Trust Services", &[HOST]);
            shape.origin.tls = handshake("O=Amazon", &[HOST]);
            shape.origin.http = exchanges(403, &[], "<Code>PermanentRedirect</Code>");
            if let crate::evidence::Gathered::Found(dns) = &mut shape.dns {
                let steps = vec![caa(HOST, &["issue letsencrypt.org"])];
                dns.caa = crate::evidence::Gathered::Found(crate::evidence::dns::CaaSearch { steps });
            }
            shapes.push(shape);
        }
        let base = shapes.clone();
        for document in zones() {
            shapes.extend(base.iter().cloned().map(|mut shape| {
                shape = zone(shape, document.clone());
                if let Some(origin) = &mut shape.target.origin {
                    origin.from_zone = true;
                }
                shape
            }));
        }
        shapes
    }

    /// Zones of many shapes.
    fn zones() -> Vec<serde_json::Value> {
        let details = |change: serde_json::Value| {
            let mut details = serde_json::json!({"name": "example.com", "type": "full", "status": "active",
                "name_servers": ["ada.ns.cloudflare.com"]});
            change.as_object().unwrap().iter().for_each(|(key, value)| details[key] = value.clone());
            details
        };
        let record = |kind: &str, content: &str, proxied: bool| serde_json::json!({"name": HOST, "type": kind, "content": content, "proxied": proxied});
        let other = serde_json::json!({"name": "eu.example.com", "type": "CNAME", "content": TARGET.replace("us-west-2", "eu-west-1")});
        let override_host = serde_json::json!([{"expression": "true", "action": "route", "enabled": true,
            "action_parameters": {"host_header": DEFAULT}}]);
        vec![
            serde_json::json!({"zone": details(serde_json::json!({})), "dns_records": [record("CNAME", TARGET, true), other]}),
            serde_json::json!({"zone": details(serde_json::json!({"paused": true})), "dns_records": [record("A", "198.18.0.7", false)]}),
            serde_json::json!({"zone": details(serde_json::json!({"name_servers": ["eve.ns.cloudflare.com"]})),
                "dns_records": [record("CNAME", DEFAULT, false)], "rulesets": {"http_request_origin": override_host}}),
            serde_json::json!({"zone": details(serde_json::json!({"type": "partial"})), "custom_hostnames": [{"hostname": HOST}],
                "worker_routes": [{"pattern": "*example.com/*", "script": "w"}]}),
        ]
    }

    /// An address is the target, and a service shows itself there.
    fn pinned() -> Evidence {
        let mut evidence = zone(edge(with(proxied()), 526, ""), zones()[1].clone());
        evidence.target.origin = Some("198.18.0.7".parse().unwrap());
        evidence.origin.tls = handshake("O=Amazon", &["*.execute-api.us-west-2.amazonaws.com"]);
        evidence.origin.http = exchanges(403, &[("apigw-requestid", "x="), ("date", "x")], "");
        evidence
    }

    /// The resolver denies a name that the zone has.
    fn absent() -> Evidence {
        zone(with(host(lookups(Lookup::NxDomain, Lookup::NxDomain))), zones()[0].clone())
    }

    #[test]
    fn needs_are_honest_and_fixes_never_panic() {
        use crate::check::Probe;
        for check in AREA.checks {
            for probe in Probe::ALL.iter().filter(|probe| **probe != Probe::Gateway) {
                let changed: Vec<Evidence> = shapes()
                    .into_iter()
                    .chain([pinned(), absent()])
                    .filter(|shape| check.run(shape) != check.run(&shape.clone().without(*probe)))
                    .collect();
                assert_eq!(!changed.is_empty(), check.needs.contains(probe), "{} and {probe}: {changed:#?}", check.id);
            }
            for shape in shapes() {
                let finding = check.run(&shape).ok().and_then(|verdict| verdict.finding().cloned());
                let fix = (check.fix)(&shape, &finding.unwrap_or_else(|| crate::Finding::seen("x")));
                assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{}", check.id);
            }
        }
    }
}
