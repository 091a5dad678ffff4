//! The name has no address.

use super::{Absence, absence, add_record, answers, published, records};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-name-unresolvable",
    title: "The name resolves",
    severity: Severity::Critical,
    needs: &[Probe::Dns, Probe::Zone],
    why: "Without an address nobody gets as far as Cloudflare. NXDOMAIN means that there is no record of any type, \
          NODATA \
          that there is one but neither A nor AAAA, SERVFAIL that the zone's servers do not answer for it.",
    fix,
    sources: &[
        "https://www.rfc-editor.org/rfc/rfc2308#section-2",
        "https://developers.cloudflare.com/dns/manage-dns-records/how-to/create-dns-records/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let dns = evidence.dns.get()?;
    let host = &dns.host;
    if host.fault.is_some() {
        return Err(NotRun::blocked(Probe::Dns, format!("the CNAME chain of {} never ends", host.name)));
    }
    let absence = absence(host);
    if !matches!(absence, Absence::None | Absence::Unknown(_))
        && let Some(other) = dns.views.iter().find(|view| !view.chain.addresses().is_empty())
    {
        return Err(NotRun::inconclusive(format!(
            "{} has no address at {}, but {} knows one",
            host.name, dns.resolver, other.server
        )));
    }
    if matches!(absence, Absence::Sure(_))
        && host.hops.is_empty()
        && let Some(record) = published(evidence)
    {
        return Err(NotRun::inconclusive(format!(
            "{} has no address at {}, but the zone has {} (dns-resolvers-disagree)",
            host.name,
            dns.resolver,
            record.describe()
        )));
    }
    if matches!(absence, Absence::Sure(_) | Absence::Half(_)) && !host.hops.is_empty() {
        return Err(NotRun::blocked(
            Probe::Dns,
            format!("{} has its record, whose target {} does not resolve", host.name, host.end()),
        ));
    }
    let finding = |seen: String| {
        Finding::seen(seen).proofs(records(host)).proofs(answers(host)).proofs(lacking(evidence)).proofs(
            dns.zone.found().map(|zone| format!("zone {}, name servers {}", zone.apex, zone.name_servers.join(", "))),
        )
    };
    match absence {
        Absence::None => {
            let addresses: Vec<String> = host.addresses().iter().map(ToString::to_string).collect();
            Ok(Verdict::pass(format!("{} → {}", host.name, addresses.join(", "))))
        }
        Absence::Sure(what) => Ok(Verdict::Fail(finding(format!("{} does not resolve: {what}", host.name)))),
        Absence::Half(what) => {
            let seen = format!("{} may have no address: {what}", host.name);
            Ok(Verdict::Warn(finding(seen).confidence(Confidence::Medium)))
        }
        Absence::Failed(_) if dns.host_unchecked.as_ref().is_some_and(|lookup| !lookup.addresses().is_empty()) => {
            Err(NotRun::blocked(Probe::Dns, "the name resolves only with DNSSEC checking disabled"))
        }
        Absence::Failed(what) => {
            let elsewhere = dns.views.iter().any(|view| matches!(super::absence(&view.chain), Absence::Failed(_)));
            let settled = elsewhere || dns.host_unchecked.is_some();
            let mut finding = finding(format!("{} does not resolve: {what}", host.name));
            if !settled {
                finding = finding
                    .confidence(Confidence::Medium)
                    .proof(format!("whether DNSSEC is behind it: dig +cd {} (an answer there means yes)", host.name));
            }
            Ok(Verdict::Fail(finding))
        }
        Absence::Unknown(why) => Err(NotRun::inconclusive(format!("{} at {}: {why}", host.name, dns.resolver))),
    }
}

/// The zone's own word that there is no such record.
fn lacking(evidence: &Evidence) -> Option<String> {
    let zone = evidence.zone_of_host().ok()?;
    let host = &evidence.target.host;
    let by_worker = zone.worker_domains.found().is_some_and(|all| all.iter().any(|domain| domain.hostname == *host));
    let none = zone.records.found()?.of(host).is_empty() && zone.name().is_some() && !by_worker;
    none.then(|| format!("the zone {} has no record for {host}", zone.name().unwrap_or_default()))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let servfail = evidence.dns.found().is_some_and(|dns| matches!(absence(&dns.host), Absence::Failed(_)));
    if servfail {
        return Fix::new(
            "Let the zone's name servers answer: delegation and DNSSEC at the registrar must be those \
                         of the zone.",
        )
        .shell("See where it breaks", format!("dig +trace {host}; dig +cd {host}"))
        .dashboard(
            "DNS → Settings → DNSSEC (its DS record must be the one at the registrar); Overview → \
                        Cloudflare nameservers",
        );
    }
    let content = evidence.origin_name().unwrap_or("d-xxxxxxxxxx.execute-api.REGION.amazonaws.com");
    let summary = format!("Create a proxied record for {host} that points at the API's custom domain target.");
    add_record(
        Fix::new(summary).shell("What there is", format!("dig +noall +answer {host} A {host} AAAA")),
        host,
        content,
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::dns::{Dns, Lookup, Viewer};

    #[test]
    fn tells_absences_apart() {
        let nodata = || Lookup::NoData;
        let unasked = || Lookup::NotAsked { why: "-4 was given".into() };
        for (ipv4, ipv6, expected) in [
            (answer(&["104.16.1.2"]), nodata(), "pass"),
            (nodata(), answer(&["2606:4700::1"]), "pass"),
            (Lookup::NxDomain, Lookup::TimedOut, "fail"),
            (nodata(), nodata(), "fail"),
            (nodata(), unasked(), "warn"),
            (servfail(), servfail(), "fail"),
            (servfail(), Lookup::TimedOut, "inconclusive"),
            (nodata(), Lookup::TimedOut, "inconclusive"),
            (Lookup::Refused, Lookup::Refused, "inconclusive"),
            (Lookup::TimedOut, Lookup::TimedOut, "inconclusive"),
        ] {
            let text = format!("{ipv4:?} {ipv6:?}");
            assert_eq!(word(&judge(&with(host(lookups(ipv4, ipv6))))), expected, "{text}");
        }
        assert_eq!(word(&judge(&nothing())), "disabled");
    }

    #[test]
    fn leaves_to_others_what_is_theirs() {
        let absent = || lookups(Lookup::NxDomain, Lookup::NxDomain);
        let known = vec![view(Viewer::Authoritative, lookups(answer(&["104.16.1.2"]), Lookup::NoData))];
        assert_eq!(word(&judge(&with(Dns { views: known, ..host(absent()) }))), "inconclusive");
        assert_eq!(word(&judge(&with(host(chain(&[HOST, TARGET], &[]))))), "blocked");
        let signed = Dns { host_unchecked: Some(answer(&["192.0.2.1"])), ..host(lookups(servfail(), servfail())) };
        assert_eq!(word(&judge(&with(signed))), "blocked");
    }

    #[test]
    fn a_servfail_that_stays_one_unchecked_is_sure() {
        let open = with(host(lookups(servfail(), servfail())));
        assert_eq!(judge(&open).unwrap().finding().unwrap().confidence, Confidence::Medium);
        let settled = with(Dns { host_unchecked: Some(servfail()), ..host(lookups(servfail(), servfail())) });
        let verdict = judge(&settled).unwrap();
        assert_eq!(verdict.finding().unwrap().confidence, Confidence::High);
        assert!(fix(&settled, verdict.finding().unwrap()).steps[0].text.contains("+trace"));
    }

    #[test]
    fn the_zone_has_it_or_lacks_it() {
        let absent = || with(host(lookups(Lookup::NxDomain, Lookup::NxDomain)));
        let record =
            |proxied: bool| serde_json::json!([{"name": HOST, "type": "CNAME", "content": TARGET, "proxied": proxied}]);
        assert_eq!(word(&judge(&super::super::testing::records(absent(), record(true)))), "inconclusive");
        let mut dangling = super::super::testing::records(absent(), record(false));
        assert_eq!(word(&judge(&dangling)), "inconclusive", "its target was not looked up");
        let crate::evidence::Gathered::Found(dns) = &mut dangling.dns else { unreachable!() };
        dns.origin = crate::evidence::Gathered::Found(chain(&[TARGET], &[]));
        assert_eq!(word(&judge(&dangling)), "fail", "it is flattened, and dangles");
        let lacking = super::super::testing::records(absent(), serde_json::json!([]));
        let verdict = judge(&lacking).unwrap();
        assert!(verdict.finding().unwrap().proof.iter().any(|line| line.contains("has no record for")), "{verdict:?}");
        let mut denied = super::super::testing::records(absent(), record(true));
        let crate::evidence::Gathered::Found(dns) = &mut denied.dns else { unreachable!() };
        dns.views = vec![view(Viewer::Authoritative, lookups(Lookup::NxDomain, Lookup::NxDomain))];
        assert_eq!(word(&judge(&denied)), "fail", "the zone's own server denies it");
    }
}
