//! Resolvers and name servers tell different stories.

use std::net::IpAddr;

use super::{answers, published, records};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::dns::{Chain, Lookup, Viewer};
use crate::model::cloudflare;
use crate::model::origin_host::{OriginClass, classify};
use crate::model::our_side::is_local;
use crate::model::public_suffix;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-resolvers-disagree",
    title: "Resolvers and name servers agree",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::Zone],
    why: "Some visitors get one site and others another, or none: a stale or negative answer still in a cache, a \
          name server that \
          missed a change, or a private zone for the same name.",
    fix,
    sources: &[
        "https://www.rfc-editor.org/rfc/rfc2308#section-5",
        "https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let dns = evidence.dns.get()?;
    if dns.host.fault.is_some() {
        return Err(NotRun::blocked(Probe::Dns, format!("the CNAME chain of {} never ends", dns.host.name)));
    }
    let mut compared = 0;
    let mut differences = Vec::new();
    for view in &dns.views {
        match compare(&dns.host, &view.chain) {
            Comparison::Silent => {}
            Comparison::Same => compared += 1,
            Comparison::Differs { ours, theirs, kind } => {
                compared += 1;
                differences.push((view, ours, theirs, kind));
            }
        }
    }
    // The zone itself is the best of the others.
    if differences.is_empty()
        && existence(&dns.host) == Some(false)
        && let Some(record) = published(evidence)
    {
        let finding =
            Finding::seen(format!("by {} {} does not exist, and the zone has it", dns.resolver, dns.host.name))
                .proof(format!("{}: {}", dns.resolver, story(&dns.host)))
                .proof(format!("in the zone: {}", record.describe()))
                .proof("a negative answer that is still kept, or name servers that are not the zone's");
        let sure = evidence.zone_of_host().is_ok_and(crate::evidence::Zone::is_authority);
        return Ok(Verdict::Fail(finding.confidence(if sure { Confidence::High } else { Confidence::Medium })));
    }
    if compared == 0 {
        return Err(NotRun::inconclusive("nobody else gave an answer to compare with"));
    }
    let Some((first, ours, theirs, _)) = differences.first() else {
        return Ok(Verdict::pass(format!("{compared} other answers agree")));
    };
    let seen = format!("by {} {} {ours}, by {} it {theirs}", dns.resolver, dns.host.name, first.server);
    let mut finding = Finding::seen(seen).proof(format!("{}: {}", dns.resolver, story(&dns.host)));
    for (view, ..) in &differences {
        finding = finding.proof(format!("{}: {}", view.server, story(&view.chain)));
    }
    // Where only this machine's own view stands apart, other visitors are not touched.
    let local = differences.iter().all(|(view, ..)| view.who == Viewer::System);
    let existence = differences.iter().any(|(.., kind)| *kind == Kind::Existence);
    Ok(match (existence, local) {
        (true, false) => Verdict::Fail(finding),
        (_, true) => Verdict::Warn(finding.severity(Severity::Medium)),
        (false, false) => Verdict::Warn(finding.confidence(Confidence::Medium)),
    })
}

fn story(chain: &Chain) -> String {
    records(chain).into_iter().chain(answers(chain)).collect::<Vec<_>>().join("; ")
}

#[derive(PartialEq)]
enum Kind {
    Existence,
    Place,
}

enum Comparison {
    Silent,
    Same,
    /// With what the name does by the one and by the other.
    Differs {
        ours: String,
        theirs: String,
        kind: Kind,
    },
}

/// Only existence, proxied-or-not and owner count; addresses of one service rotate, and silence says nothing.
fn compare(ours: &Chain, theirs: &Chain) -> Comparison {
    let (we, they) = (existence(ours), existence(theirs));
    let (Some(we), Some(they)) = (we, they) else { return Comparison::Silent };
    if we != they {
        let word = |exists: bool| String::from(if exists { "exists" } else { "does not exist" });
        return Comparison::Differs { ours: word(we), theirs: word(they), kind: Kind::Existence };
    }
    // The same first target is the same owner: a zone's own servers say nothing of what lies behind it.
    let target = |chain: &Chain| chain.hops.first().map(|hop| hop.to.clone());
    if target(ours).is_some() && target(ours) == target(theirs) {
        return Comparison::Same;
    }
    match (place(ours), place(theirs)) {
        (Some(we), Some(they)) if we != they => {
            Comparison::Differs { ours: format!("is at {we}"), theirs: format!("is at {they}"), kind: Kind::Place }
        }
        _ => Comparison::Same,
    }
}

/// Does the name exist? Only a definite answer counts, and NODATA for one family says nothing.
fn existence(chain: &Chain) -> Option<bool> {
    if !chain.addresses().is_empty()
        || !chain.hops.is_empty() && !matches!(chain.ipv4, Lookup::NxDomain | Lookup::NoData)
    {
        return Some(true);
    }
    let both = [&chain.ipv4, &chain.ipv6];
    if both.contains(&&Lookup::NxDomain) || both.iter().all(|lookup| **lookup == Lookup::NoData) {
        return Some(false);
    }
    None
}

/// Whose the name's addresses are, where that can be told.
fn place(chain: &Chain) -> Option<String> {
    // A translator's prefix (RFC 6052 §2.1) hides whose the address is.
    let synthetic = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.segments()[..2] == [0x64, 0xff9b]);
    let addresses: Vec<IpAddr> = chain.addresses().into_iter().filter(|address| !synthetic(address)).collect();
    if !addresses.is_empty() && cloudflare::outside(&addresses).is_empty() {
        return Some("Cloudflare".into());
    }
    if addresses.iter().any(|address| is_local(*address)) {
        return Some("a private address".into());
    }
    // The zone's own servers stop at the first name outside it, so only the first target can be compared.
    let target = chain.hops.first().map(|hop| hop.to.as_str());
    if let Some(target) = target {
        if target.ends_with(".cdn.cloudflare.net") {
            return Some("Cloudflare".into());
        }
        if classify(target).class != OriginClass::Unknown {
            return Some("AWS".into());
        }
        return public_suffix::registrable(target).map(ToOwned::to_owned);
    }
    // Published by neither, and without a name: proxied it is not, unless the customer brought the addresses along.
    None
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let server = evidence
        .dns
        .found()
        .and_then(|dns| dns.zone.found())
        .and_then(|zone| zone.name_servers.first().cloned())
        .unwrap_or_else(|| "NAME-SERVER".into());
    let authoritative = evidence.dns.found().into_iter().flat_map(|dns| &dns.views);
    let address = authoritative
        .filter(|view| view.who == Viewer::Authoritative)
        .find_map(|view| view.chain.addresses().first().map(ToString::to_string))
        .unwrap_or_else(|| "ADDRESS".into());
    Fix::new(
        "If the name servers are right, wait for the TTL, or flush the cache that is behind; if one of them is \
         wrong, bring it up to \
         date or take it out of the delegation; a private zone needs the same record.",
    )
    .shell("The zone's own word", format!("dig +norecurse @{server} {host} A"))
    .shell("Flush this machine's cache", "resolvectl flush-caches")
    .shell("Meanwhile, without DNS", format!("curl --resolve {host}:443:{address} https://{host}/"))
    .dashboard("To flush 1.1.1.1: https://one.one.one.one/purge-cache/")
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::dns::Dns;

    fn judged(ours: Chain, who: Viewer, theirs: Chain) -> &'static str {
        word(&judge(&with(Dns { views: vec![view(who, theirs)], ..host(ours) })))
    }

    fn at(addresses: &[&str]) -> Chain {
        lookups(answer(addresses), Lookup::NoData)
    }

    fn absent() -> Chain {
        lookups(Lookup::NxDomain, Lookup::NxDomain)
    }

    #[test]
    fn existence() {
        assert_eq!(judged(absent(), Viewer::Public, at(&["104.16.1.2"])), "fail");
        assert_eq!(judged(at(&["104.16.1.2"]), Viewer::Authoritative, absent()), "fail");
        assert_eq!(judged(at(&["104.16.1.2"]), Viewer::System, absent()), "warn");
        let nodata = lookups(Lookup::NoData, Lookup::NoData);
        assert_eq!(judged(at(&["104.16.1.2"]), Viewer::Public, nodata), "fail");
        assert_eq!(judged(absent(), Viewer::Public, absent()), "pass");
    }

    #[test]
    fn place() {
        assert_eq!(judged(at(&["104.16.1.2"]), Viewer::System, at(&["10.0.0.7"])), "warn");
        let grey = || chain(&[HOST, TARGET], &["203.0.113.9"]);
        assert_eq!(judged(at(&["104.16.1.2"]), Viewer::Authoritative, grey()), "warn");
        let outside = || Lookup::NotAsked { why: "outside the zone".into() };
        let stops = Chain { ipv4: outside(), ipv6: outside(), ..chain(&[HOST, TARGET], &[]) };
        assert_eq!(judged(chain(&[HOST, TARGET], &["10.0.0.7"]), Viewer::Authoritative, stops), "pass");
        let elsewhere = chain(&[HOST, "site.example.net"], &["203.0.113.9"]);
        assert_eq!(judged(grey(), Viewer::Public, elsewhere), "warn");
        let mut outside = grey();
        outside.ipv4 = Lookup::NotAsked { why: "outside the zone".into() };
        outside.ipv6 = outside.ipv4.clone();
        assert_eq!(judged(grey(), Viewer::Authoritative, outside), "pass");
    }

    #[test]
    fn rotation_and_silence_are_no_difference() {
        assert_eq!(judged(at(&["104.16.1.2"]), Viewer::Public, at(&["172.67.1.2"])), "pass");
        assert_eq!(judged(at(&["203.0.113.1"]), Viewer::Public, at(&["198.51.100.1"])), "pass");
        assert_eq!(judged(at(&["203.0.113.1"]), Viewer::Public, at(&["104.16.1.2"])), "pass", "may be brought along");
        let other = chain(&[HOST, "d-zzz.execute-api.eu-west-1.amazonaws.com"], &["203.0.113.9"]);
        assert_eq!(judged(chain(&[HOST, TARGET], &["203.0.113.9"]), Viewer::Public, other), "pass", "regions rotate");
        let mute = || lookups(Lookup::TimedOut, Lookup::TimedOut);
        assert_eq!(judged(at(&["104.16.1.2"]), Viewer::Public, mute()), "inconclusive");
        assert_eq!(
            judged(at(&["104.16.1.2"]), Viewer::Public, lookups(Lookup::NoData, Lookup::TimedOut)),
            "inconclusive"
        );
        assert_eq!(judged(mute(), Viewer::Public, at(&["104.16.1.2"])), "inconclusive");
        let translated = lookups(answer(&["104.16.1.2"]), answer(&["64:ff9b::6810:102"]));
        assert_eq!(judged(translated, Viewer::Public, at(&["104.16.1.2"])), "pass");
        assert_eq!(word(&judge(&with(proxied()))), "inconclusive");
    }

    #[test]
    fn the_zone_is_asked_too() {
        let record = serde_json::json!([{"name": HOST, "type": "A", "content": "192.0.2.7", "proxied": true}]);
        let of = |ours: Chain| super::super::testing::records(with(host(ours)), record.clone());
        let verdict = judge(&of(absent())).unwrap();
        assert!(matches!(&verdict, Verdict::Fail(finding) if finding.seen.contains("the zone has it")), "{verdict:?}");
        assert_eq!(word(&judge(&of(at(&["104.16.1.2"])))), "inconclusive", "nobody else was asked");
        let nothing_there = super::super::testing::records(with(host(absent())), serde_json::json!([]));
        assert_eq!(word(&judge(&nothing_there)), "inconclusive");
        let moved = zone(with(host(absent())), serde_json::json!({"zone": {"status": "moved"}, "dns_records": record}));
        assert_eq!(word(&judge(&moved)), "inconclusive", "the zone is not asked by anyone");
    }
}
