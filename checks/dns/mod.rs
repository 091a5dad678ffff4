//! The checks of the area `dns`, in the order shown to people.

mod caa_forbids_issuer;
mod cname_loop;
mod dnssec_broken;
mod name_unresolvable;
mod not_proxied;
mod region_mismatch;
mod resolvers_disagree;
mod target_default_endpoint;
mod target_foreign_host;
mod target_is_cloudflare;
mod target_unresolvable;
#[cfg(test)]
mod testing;

use crate::check::Area;
use crate::evidence::dns::{Chain, Lookup};
use crate::evidence::{Evidence, Proxied, Response};
use crate::model::cloudflare;
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
        not_proxied::CHECK,
        target_unresolvable::CHECK,
        target_default_endpoint::CHECK,
        target_foreign_host::CHECK,
        target_is_cloudflare::CHECK,
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

/// The verdict on a target that cannot serve the name where no answer shows it: a failure where the edge fails or DNS
/// itself shows the record, else, by the user's word alone, a warning.
fn unseen(evidence: &Evidence, finding: Finding) -> Verdict {
    let finding = finding.confidence(Confidence::Medium);
    let edge = evidence.edge_answer().ok().filter(|response| !is_challenged(response));
    let line = match edge {
        Some(response) => format!("the edge answers {}, which does not tell", response.status),
        None => "no answer of the origin through the edge was seen".into(),
    };
    let finding =
        finding.proof(format!("{line}; a Host override (Enterprise) or a Worker on the route would change this"));
    if edge.is_none() && evidence.target.origin.is_some() { Verdict::Warn(finding) } else { Verdict::Fail(finding) }
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
    let named = || crate::model::origin_host::classify(evidence.origin_name()?).region.filter(real);
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
        shapes
    }

    #[test]
    fn needs_are_honest_and_fixes_never_panic() {
        use crate::check::Probe;
        for check in AREA.checks {
            for probe in Probe::ALL.iter().filter(|probe| !matches!(probe, Probe::Zone | Probe::Gateway)) {
                let changed: Vec<Evidence> = shapes()
                    .into_iter()
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
