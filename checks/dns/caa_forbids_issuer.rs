//! CAA shuts out an authority whose certificate is in this path.

use crate::check::{Check, Probe, Severity};
use crate::evidence::dns::{CaaSearch, CaaStep};
use crate::evidence::gateway::{CertificateKind, CertificateStatus};
use crate::evidence::tls::{Certificate, Connect};
use crate::evidence::{Evidence, Gathered, Handshake};
use crate::model::caa::{self, Authority};
use crate::model::cloudflare;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-caa-forbids-issuer",
    title: "CAA lets the path's certification authorities in",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeTls, Probe::OriginTls, Probe::Gateway],
    why: "An authority must refuse to issue or renew where CAA does not name it. The certificate that is there goes \
          on working, and \
          then ends. CAA is inherited from the parent and through a CNAME, and Cloudflare answers with records of \
          its own that \
          its dashboard does not show.",
    fix,
    sources: &[
        "https://www.rfc-editor.org/rfc/rfc8659",
        "https://developers.cloudflare.com/ssl/edge-certificates/caa-records/",
        "https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html",
    ],
    judge,
};

/// One certificate of the path and what CAA says of its renewal.
struct Forbidden<'a> {
    place: &'static str,
    authority: Authority,
    name: String,
    set: &'a CaaStep,
    expired: bool,
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let dns = evidence.dns.get()?;
    let search = dns.caa.get()?;
    if let Some(failed) = search.steps.iter().find_map(|step| step.failed.as_ref().map(|failed| (step, failed))) {
        return Err(NotRun::inconclusive(format!("CAA of {}: {}", failed.0.name, failed.1.describe())));
    }
    if let Some(verdict) = shut_out_of_acm(evidence, search) {
        return Ok(verdict);
    }
    if search.relevant().is_none() {
        return Ok(Verdict::pass("no CAA record restricts issuance"));
    }
    let places = [("the edge", leaf(&evidence.edge.tls)), ("the origin", leaf(&evidence.origin.tls))];
    let mut judged = Vec::new();
    for (place, leaf) in places {
        let Some(leaf) = leaf else { continue };
        let Some(authority) = caa::authority(&leaf.issuer) else { continue };
        // A certificate for other names (the service's own) is renewed under other records.
        let Some(name) = covering(leaf, &evidence.target.host) else { continue };
        judged.push((place, authority, forbidden(evidence, search, place, leaf, authority, name)));
    }
    let found: Vec<Forbidden> = judged.iter_mut().filter_map(|(_, _, forbidden)| forbidden.take()).collect();
    if !found.is_empty() {
        return Ok(verdict(&found));
    }
    if let Some(verdict) = shut_out_at_the_edge(evidence, search) {
        return Ok(verdict);
    }
    if judged.is_empty() {
        return Err(NotRun::not_applicable(
            "no certificate for this name was seen from an authority whose CAA name we know",
        ));
    }
    let names: Vec<&str> = judged.iter().map(|(_, authority, _)| authority.name).collect();
    Ok(Verdict::pass(format!("CAA lets {} in", names.join(" and "))))
}

fn leaf(handshake: &Gathered<Handshake>) -> Option<&Certificate> {
    handshake.found()?.leaf()
}

/// The entry of the certificate that covers the host: the host itself rather than a wildcard.
fn covering(leaf: &Certificate, host: &str) -> Option<String> {
    let wildcard = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
    let has = |wanted: &str| leaf.names.iter().any(|name| name == wanted);
    if has(host) { Some(host.to_owned()) } else { wildcard.filter(|name| has(name)) }
}

fn forbidden<'a>(
    evidence: &Evidence,
    search: &'a CaaSearch,
    place: &'static str,
    leaf: &Certificate,
    authority: Authority,
    name: String,
) -> Option<Forbidden<'a>> {
    let set = caa::relevant(search, &name)?;
    let expired = leaf.not_after.is_some_and(|end| end < evidence.gathered_at);
    (!caa::permits(&set.records, &authority, name.starts_with("*."))).then_some(Forbidden {
        place,
        authority,
        name,
        set,
        expired,
    })
}

fn verdict(found: &[Forbidden]) -> Verdict {
    let what: Vec<String> = found
        .iter()
        .map(|f| {
            format!(
                "{}'s certificate for {} is from {}, which CAA at {} does not allow",
                f.place, f.name, f.authority.name, f.set.name
            )
        })
        .collect();
    let mut finding = Finding::seen(what.join("; "));
    for forbidden in found {
        finding = finding.proofs(lines(forbidden.set));
    }
    finding.proof.dedup();
    // What is served today is not broken today: the authority refuses at the next renewal.
    if found.iter().any(|f| f.expired) {
        Verdict::Fail(finding.proof("and the certificate has expired"))
    } else {
        Verdict::Warn(finding)
    }
}

fn lines(set: &CaaStep) -> Vec<String> {
    let owner = match &set.through {
        Some(target) => format!("{} (through its CNAME to {target})", set.name),
        None => set.name.clone(),
    };
    set.records
        .iter()
        .map(|r| format!("{owner} CAA {} {} \"{}\"", if r.critical { 128 } else { 0 }, r.tag, r.value))
        .collect()
}

/// Data that tells of one certificate of ACM and of no domain that shows it: it is about that certificate, and CAA of its
/// name keeps Amazon from issuing it. Where the account is read, `aws-certificate-renewal-blocked` says so.
fn shut_out_of_acm(evidence: &Evidence, search: &CaaSearch) -> Option<Verdict> {
    let certificate = the_only_one(evidence)?;
    let (name, set) = certificate.names.iter().find_map(|name| {
        let set = nearest(search, name)?;
        (!caa::permits(&set.records, &caa::AMAZON, name.starts_with("*."))).then_some((name, set))
    })?;
    let owner = match &set.through {
        Some(target) => format!("{} (through its CNAME to {target})", set.name),
        None => set.name.clone(),
    };
    let waits = certificate.status == Some(CertificateStatus::PendingValidation);
    let ended = certificate.not_after.is_some_and(|end| end < evidence.gathered_at);
    let what = if waits { "issue" } else { "renew" };
    let finding = Finding::seen(format!("CAA at {owner} does not let Amazon {what} the certificate for {name}"))
        .proofs(lines(set))
        .proofs(certificate.status.as_ref().map(|status| format!("ACM: status {status}")))
        .proofs(above(search, set))
        .confidence(Confidence::Medium);
    Some(if waits || ended { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
}

/// The set for the name: of what was reported, the one at the name or the next above it.
fn nearest<'a>(search: &'a CaaSearch, name: &str) -> Option<&'a CaaStep> {
    let base = name.strip_prefix("*.").unwrap_or(name);
    let covers =
        |step: &&CaaStep| base.strip_suffix(&step.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    search.steps.iter().filter(covers).find(|step| !step.records.is_empty())
}

/// A set further up that lets Amazon in, and is never asked: people look there first.
fn above(search: &CaaSearch, set: &CaaStep) -> Option<String> {
    let higher = search.steps.iter().skip_while(|step| step.name != set.name).skip(1);
    let lets_in = |step: &&CaaStep| !step.records.is_empty() && caa::permits(&step.records, &caa::AMAZON, false);
    let step = higher.into_iter().find(lets_in)?;
    Some(format!("{} lets Amazon in, but is not asked: the search ends at the first set (RFC 8659 §3)", step.name))
}

/// The only certificate of data that tells of no domains, where Amazon issues it.
fn the_only_one(evidence: &Evidence) -> Option<&crate::evidence::gateway::Certificate> {
    let gateway = evidence.gateway.found()?;
    if gateway.domains.found().is_some() || gateway.unread("domains").is_some() {
        return None;
    }
    let [one] = gateway.certificates.found()?.as_slice() else { return None };
    let by_others = matches!(one.kind, Some(CertificateKind::Imported | CertificateKind::Private));
    let issued_by_others = one.issuer.as_deref().is_some_and(|issuer| !issuer.contains("Amazon"));
    (!by_others && !issued_by_others).then_some(one)
}

/// The edge has no certificate to show, and none of Cloudflare's authorities may issue one.
fn shut_out_at_the_edge(evidence: &Evidence, search: &CaaSearch) -> Option<Verdict> {
    let handshake = evidence.edge.tls.found()?;
    let without = handshake.connect == Connect::Open && !handshake.completed() && handshake.chain.is_empty();
    let addresses = evidence.dns.found()?.host.addresses();
    let at_cloudflare = !addresses.is_empty() && addresses.iter().all(|address| cloudflare::owns(*address));
    if !without || !at_cloudflare {
        return None;
    }
    let set = caa::relevant(search, &evidence.target.host)?;
    let none = caa::EDGE
        .iter()
        .all(|authority| !caa::permits(&set.records, authority, false) && !caa::permits(&set.records, authority, true));
    none.then(|| {
        let names: Vec<&str> = caa::EDGE.iter().map(|authority| authority.name).collect();
        Verdict::Fail(
            Finding::seen(format!(
                "the edge has no certificate for {}, and CAA at {} allows none of {}",
                evidence.target.host,
                set.name,
                names.join(", ")
            ))
            .proofs(lines(set))
            .confidence(Confidence::Medium),
        )
    })
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let search = evidence.dns.found().and_then(|dns| dns.caa.found());
    let set = search.and_then(CaaSearch::relevant);
    let owner = set.map_or(evidence.target.host.as_str(), |set| set.name.as_str());
    let origin = leaf(&evidence.origin.tls).and_then(|leaf| caa::authority(&leaf.issuer));
    let edge = leaf(&evidence.edge.tls).and_then(|leaf| caa::authority(&leaf.issuer));
    let mut wanted: Vec<&str> = [edge, origin]
        .into_iter()
        .flatten()
        .filter(|authority| {
            set.is_none_or(|set| {
                !caa::permits(&set.records, authority, false) || !caa::permits(&set.records, authority, true)
            })
        })
        .filter_map(|authority| authority.domains.first().copied())
        .collect();
    if wanted.is_empty() {
        wanted.push(if the_only_one(evidence).is_some() { "amazon.com" } else { "pki.goog" });
    }
    if let Some(target) = set.and_then(|set| set.through.as_ref()) {
        let fix = Fix::new(format!(
            "The set belongs to {target}, where the CNAME of {owner} leads: have its owner add the authority, or let \
             {owner} have a record of another kind, beside which CAA of its own can stand."
        ))
        .shell("The set as it is", format!("dig +noall +answer {target} CAA"));
        return wanted.iter().fold(fix, |fix, domain| {
            fix.code("What its owner would add", format!("{target}. CAA 0 issue \"{domain}\""))
        });
    }
    let fix = Fix::new(format!("Add the missing authority to the CAA records at {owner}; the others may stay."));
    // An `issuewild` where there was none would shut the others out of wildcards (RFC 8659 §4.3).
    let wildcards = set.is_some_and(|set| set.records.iter().any(|record| record.tag == "issuewild"));
    let tags = if wildcards { &["issue", "issuewild"][..] } else { &["issue"] };
    wanted.into_iter().flat_map(|domain| tags.iter().map(move |tag| (domain, *tag))).fold(fix, |fix, (domain, tag)| {
        fix.dashboard(format!("DNS → Records → Add record: CAA, {owner}, tag {tag}, value {domain}"))
            .api(format!("Let {domain} in ({tag})"), add_caa(owner, tag, domain))
            .terraform(
                "Cloudflare provider v5",
                format!(
                    "resource \"cloudflare_dns_record\" \"caa_{tag}\" {{\n  zone_id = var.zone_id\n  name    = \
                     \"{owner}\"\n  type    = \"CAA\"\n  ttl     = 1\n  data    = {{ flags = 0, tag = \"{tag}\", value = \
                     \"{domain}\" }}\n}}"
                ),
            )
    })
}

fn add_caa(owner: &str, tag: &str, domain: &str) -> String {
    let record = format!(r#"{{"type":"CAA","name":"{owner}","data":{{"flags":0,"tag":"{tag}","value":"{domain}"}}}}"#);
    format!(
        "curl -X POST -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
         \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records\" --data '{record}'"
    )
}

#[cfg(test)]
#[path = "caa_forbids_issuer_tests.rs"]
mod tests;
