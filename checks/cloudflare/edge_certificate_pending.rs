//! The edge's certificate for the host is not issued yet, or its issuance failed (`facts/cloudflare.md` 4.6, 8.3).

use super::api;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::text::shell_quote;
use crate::evidence::zone::{CertificatePack, PackStatus, ZoneKind};
use crate::model::caa;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-edge-certificate-pending",
    title: "A certificate pack that covers the host is active",
    severity: Severity::Critical,
    needs: &[Probe::Zone, Probe::Dns, Probe::EdgeTls, Probe::EdgeHttp],
    why: "Until Cloudflare's CA has validated the name, the edge has no certificate to show for it: browsers fail \
          before any HTTP. What validation waits for, or what it met, stands in the pack.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/reference/certificate-statuses/",
        "https://developers.cloudflare.com/ssl/edge-certificates/changing-dcv-method/",
        "https://developers.cloudflare.com/ssl/edge-certificates/caa-records/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let zone = evidence.zone_of_host()?;
    let packs = zone.packs.get()?;
    evidence.meant_for_the_edge()?;
    let host = &evidence.target.host;
    let covering = || packs.iter().filter(|pack| pack.covers(host));
    if let Some(pack) = covering().find(|pack| pack.status == PackStatus::Active) {
        return Ok(Verdict::pass(pack.describe()));
    }
    let waiting: Vec<&CertificatePack> = covering().filter(|pack| is_on_its_way(pack) || has_failed(pack)).collect();
    let Some(first) = waiting.first() else {
        return Err(match covering().find(|pack| matches!(pack.status, PackStatus::Other(_))) {
            Some(pack) => NotRun::inconclusive(format!("not known here: {}", pack.describe())),
            None => NotRun::not_applicable(format!(
                "no certificate pack that is on its way names {host} (edge-certificate-not-covering)"
            )),
        });
    };
    let failed = waiting.iter().all(|pack| has_failed(pack));
    let seen = if failed {
        format!("the edge's certificate for {host} was not issued: {}", first.status.word())
    } else {
        format!("the edge's certificate for {host} is not active yet: {}", first.status.word())
    };
    let mut finding = Finding::seen(seen).proofs(waiting.iter().map(|pack| pack.describe()));
    for pack in &waiting {
        finding = finding
            .proofs(pack.validation_errors.iter().map(|error| format!("validation: {error}")))
            .proofs(pack.validation_records.iter().map(|record| format!("validation waits for: {record}")))
            .proofs(shut_out(evidence, pack));
    }
    let held = zone.verification.found().is_some_and(|all| all.iter().any(|state| state.brand_check == Some(true)));
    if held {
        finding = finding.proof("Cloudflare's brand check holds the certificate back (a name that looks like a brand)");
    }
    // Another certificate may stand in: a custom hostname's, or one that the data does not list.
    let handshake = evidence.edge.tls.found();
    let shown = handshake.filter(|handshake| handshake.completed()).and_then(|handshake| handshake.leaf());
    Ok(match (handshake, shown) {
        (_, Some(leaf)) if leaf.covers(host) => Verdict::Warn(
            finding
                .proof(format!("yet the edge shows a certificate for {}", leaf.names.join(", ")))
                .confidence(Confidence::Low)
                .severity(Severity::Medium),
        ),
        (Some(_), _) => Verdict::Fail(finding),
        (None, _) if failed => Verdict::Fail(finding.confidence(Confidence::Medium)),
        (None, _) => Verdict::Warn(finding.confidence(Confidence::Medium)),
    })
}

fn is_on_its_way(pack: &CertificatePack) -> bool {
    matches!(pack.status, PackStatus::Pending(_))
}

/// Given up while it was being issued; what was deleted or switched off is simply not there.
fn has_failed(pack: &CertificatePack) -> bool {
    matches!(&pack.status, PackStatus::Dead(word)
        if ["initializing_timed_out", "validation_timed_out", "issuance_timed_out", "deployment_timed_out", "expired"]
            .contains(&word.as_str()))
}

/// The authority of a pack, by the API's word.
fn authority(pack: &CertificatePack) -> Option<&'static caa::Authority> {
    let name = match pack.authority.as_deref()? {
        "google" => "Google Trust Services",
        "lets_encrypt" => "Let's Encrypt",
        "ssl_com" => "SSL.com",
        _ => return None,
    };
    caa::EDGE.iter().find(|authority| authority.name == name)
}

/// CAA that keeps the pack's authority from issuing.
fn shut_out(evidence: &Evidence, pack: &CertificatePack) -> Option<String> {
    let authority = authority(pack)?;
    let search = evidence.dns.found()?.caa.found()?;
    let set = search.relevant()?;
    let wildcard = !pack.hosts.contains(&evidence.target.host);
    (!caa::permits(&set.records, authority, wildcard))
        .then(|| format!("CAA at {} does not let {} in ({})", set.name, authority.name, authority.domains.join(", ")))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let zone = evidence.zone_of_host().ok();
    let host = &evidence.target.host;
    let packs = zone.and_then(|zone| zone.packs.found());
    let pack = packs.and_then(|packs| packs.iter().find(|p| p.covers(host) && (is_on_its_way(p) || has_failed(p))));
    let details = zone.and_then(|zone| zone.details.found());
    let elsewhere = details.and_then(|details| details.kind.as_ref()) == Some(&ZoneKind::Partial);
    let mut fix = Fix::new(format!("Let the CA validate {host}, then let Cloudflare try again."));
    if let Some(authority) = pack.filter(|pack| shut_out(evidence, pack).is_some()).and_then(authority) {
        let apex = zone.and_then(|zone| zone.name()).unwrap_or(host);
        let domain = authority.domains.first().copied().unwrap_or_default();
        fix = fix.dashboard(format!(
            "First let {} in. DNS → Records → Add record: CAA, {apex}, tag \"Only allow specific hostnames\", {domain}; and \
             the same for wildcards",
            authority.name
        ));
    }
    let records = pack.map(|pack| pack.validation_records.as_slice()).unwrap_or_default();
    let place = if elsewhere { "at the zone's own DNS provider" } else { "in the zone (DNS only)" };
    for record in records {
        fix = match record.split_once(' ') {
            Some(("HTTP", url)) => {
                fix.shell("The token that the CA fetches must be served", format!("curl -sSi {}", shell_quote(url)))
            }
            _ => fix.dashboard(format!("Create this record {place}: {record}")),
        };
    }
    let id = pack.and_then(|pack| pack.id.as_deref());
    let id = id.filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')).unwrap_or("$PACK_ID");
    fix.dashboard("SSL/TLS → Edge Certificates: the pack that names the host must become Active")
        .api("State and errors of the packs", api::call("GET", "/ssl/certificate_packs?status=all", None))
        .api("Ask for a validation at once", api::call("PATCH", &format!("/ssl/verification/{id}"), Some("{}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::zone_testing::*;
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::dns::{CaaRecord, CaaSearch, CaaStep};
    use crate::evidence::tls::{Certificate, Connect, Handshake, TlsOutcome};

    fn pack(status: &str, hosts: Value) -> Value {
        json!({"id": "7-a", "type": "universal", "hosts": hosts, "status": status, "certificate_authority": "lets_encrypt",
            "validation_errors": [{"message": "CAA records block issuance"}],
            "validation_records": [{"txt_name": "_acme-challenge.example.com", "txt_value": "abc"}]})
    }

    fn of(packs: Value) -> Evidence {
        with(json!({"zone": {"name": "example.com"}, "certificate_packs": packs}))
    }

    fn wide() -> Value {
        json!(["example.com", "*.example.com"])
    }

    fn shown(mut evidence: Evidence, names: &[&str]) -> Evidence {
        let leaf = Certificate { names: names.iter().map(|n| n.to_string()).collect(), ..Certificate::default() };
        let outcome = if names.is_empty() {
            TlsOutcome::Alert { code: 40, name: "handshake_failure".into(), after_handshake: false }
        } else {
            TlsOutcome::Completed
        };
        evidence.edge.tls = Gathered::Found(Handshake {
            peer: HOST.into(),
            address: None,
            server_name: Some(HOST.into()),
            connect: Connect::Open,
            outcome,
            session: None,
            chain: if names.is_empty() { Vec::new() } else { vec![leaf] },
            ocsp_stapled: false,
            client_certificate: Default::default(),
            legacy: Gathered::Missing(NotRun::not_applicable("not tried")),
            connect_ms: None,
            tls_ms: None,
            earlier: Vec::new(),
        });
        evidence
    }

    #[test]
    fn every_state() {
        for (status, unseen, refused) in [
            ("active", "pass", "pass"),
            ("backup_issued", "pass", "pass"),
            ("pending_validation", "warn/medium", "fail/high"),
            ("validation_timed_out", "fail/medium", "fail/high"),
            ("deleted", "not-applicable", "not-applicable"),
            ("resting", "inconclusive", "inconclusive"),
        ] {
            let evidence = of(json!([pack(status, wide())]));
            assert_eq!(word(&CHECK, &evidence), unseen, "{status}");
            assert_eq!(word(&CHECK, &shown(evidence, &[])), refused, "{status}");
        }
        let both = json!([pack("pending_validation", wide()), pack("active", json!([HOST]))]);
        assert_eq!(word(&CHECK, &of(both)), "pass", "an active one beside it");
        let other = json!([pack("pending_validation", json!(["*.deep.example.com"]))]);
        assert_eq!(word(&CHECK, &of(other)), "not-applicable");
        let served = shown(of(json!([pack("pending_validation", wide())])), &["*.example.com"]);
        assert_eq!(word(&CHECK, &served), "warn/low");
        assert_eq!(word(&CHECK, &openly(of(json!([pack("pending_validation", wide())])))), "not-applicable");
    }

    #[test]
    fn the_record_to_create_and_the_authority_to_let_in() {
        let mut evidence = served(of(json!([pack("validation_timed_out", wide())])));
        let Gathered::Found(dns) = &mut evidence.dns else { unreachable!() };
        let records = vec![CaaRecord { critical: false, tag: "issue".into(), value: "pki.goog".into() }];
        let step = CaaStep { name: "example.com".into(), through: None, records, failed: None };
        dns.caa = Gathered::Found(CaaSearch { steps: vec![step] });
        let finding = found(&CHECK, &evidence);
        let text = finding.proof.join("\n");
        assert!(text.contains("CAA at example.com does not let Let's Encrypt in"), "{text}");
        assert!(text.contains("waits for: TXT _acme-challenge.example.com abc"), "{text}");
        let fix = format!("{:?}", CHECK.mend(&evidence, &finding));
        assert!(fix.contains("letsencrypt.org") && fix.contains("TXT _acme-challenge.example.com abc"), "{fix}");
        assert!(fix.contains("/ssl/verification/7-a"), "{fix}");
    }
}
