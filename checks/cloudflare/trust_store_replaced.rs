//! A custom origin trust store that does not hold the root of the origin's chain (`facts/cloudflare.md` section 4.2,
//! gotcha 52).

use super::api;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::text::shorten;
use crate::evidence::zone::TrustedAuthority;
use crate::model::cloudflare::error_code;
use crate::model::ssl_mode::SslMode;
use crate::model::trust::{AnchorKind, PathVerdict, Trust, at_origin, at_origin_by_store, served_chain};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-trust-store-replaced",
    title: "Cloudflare trusts the CA of the origin's certificate",
    severity: Severity::Critical,
    needs: &[Probe::Zone, Probe::OriginTls, Probe::EdgeHttp],
    why: "Once a CA is uploaded to the custom origin trust store, the public CAs no longer count: under Full (strict) \
          a perfectly public certificate, such as ACM's, is then a 526.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/custom-origin-trust-store/",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-526/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let store = evidence.zone_of_host()?.trust_store.get()?;
    let active: Vec<&TrustedAuthority> = store.iter().filter(|authority| authority.active).collect();
    if active.is_empty() {
        return Ok(Verdict::pass("the zone has no trust store of its own: public CAs and Cloudflare Origin CA count"));
    }
    let handshake = evidence.origin.tls.get()?;
    let (Some(by), Some(usual)) = (at_origin_by_store(evidence), at_origin(evidence)) else {
        return Err(NotRun::blocked(Probe::OriginTls, "no certificate of the origin was seen"));
    };
    if matches!(by.trust.path, PathVerdict::Trusted { .. }) {
        return Ok(Verdict::pass("the zone's own trust store holds the CA of the origin's certificate"));
    }
    let Some(anchor) = usual.anchor() else {
        return Err(NotRun::not_applicable(format!(
            "{}, with or without the zone's own trust store (origin-certificate-untrusted)",
            usual.path.describe()
        )));
    };
    let issuer = served_chain(handshake).last().map(|last| last.issuer.clone()).unwrap_or_default();
    let finding = Finding::seen(format!(
        "the zone's own trust store replaces the public CAs, and the root of the origin's certificate ({}) is not in it",
        if issuer.is_empty() { anchor.name() } else { &issuer }
    ))
    .proofs(active.iter().map(|authority| line(authority)))
    .proof(format!("the chain as usual: {}; by the store: to none of its authorities", usual.path.describe()));
    if !by.whole {
        return Err(NotRun::inconclusive(
            "the zone has a trust store of its own, and not every certificate in it could be read",
        ));
    }
    Ok(weigh(evidence, &usual, anchor, finding))
}

fn line(authority: &TrustedAuthority) -> String {
    let issuer = authority.issuer.as_deref().map_or_else(|| "an authority".into(), |issuer| shorten(issuer, 120));
    let ends = authority.expires_on.map(|end| format!(", until {}", end.date())).unwrap_or_default();
    format!("in the custom origin trust store: {issuer}{ends}")
}

/// A 526 is the proof; a fresh answer shows that nobody verifies, or that Origin CA still counts.
fn weigh(evidence: &Evidence, usual: &Trust, anchor: AnchorKind, finding: Finding) -> Verdict {
    let refused = evidence.edge_answer().ok().and_then(error_code) == Some(526);
    let serves = evidence.edge_serves_fresh().is_some();
    // Whether Origin CA stays trusted beside such a store is not known.
    if anchor == AnchorKind::OriginCa {
        let finding = finding
            .proof("whether Cloudflare Origin CA stays trusted beside such a store is not documented")
            .confidence(Confidence::Low);
        return match (refused, serves) {
            (true, _) => Verdict::Fail(finding.proof("the edge answers 526")),
            (false, true) => Verdict::pass("the origin's certificate is Cloudflare Origin CA's, and the edge takes it"),
            (false, false) => Verdict::Warn(finding),
        };
    }
    // Only the issuer's name is known.
    let finding = match usual.path {
        PathVerdict::Reported(_) => finding.confidence(Confidence::Medium),
        _ => finding,
    };
    let mode = evidence.effective().ok().and_then(|effective| effective.ssl.certain().copied());
    let verifies = matches!(mode, Some(SslMode::Strict | SslMode::OriginPull));
    let mode = mode.map(|mode| format!("SSL mode for this URL: {}", mode.api()));
    if refused {
        return Verdict::Fail(finding.proof("the edge answers 526").proofs(mode));
    }
    if serves {
        let finding = finding.proof("the edge still serves fresh answers, so nobody verifies the origin").proofs(mode);
        return Verdict::Warn(finding.severity(Severity::Medium));
    }
    let seen_at_edge = evidence.edge_answer().is_ok();
    let finding = finding.proofs(mode);
    if verifies && !seen_at_edge {
        return Verdict::Fail(finding);
    }
    let line = "not decided at the edge: strict and origin_pull would answer 526";
    let confidence = finding.confidence.min(Confidence::Medium);
    Verdict::Warn(finding.proof(line).confidence(confidence).severity(Severity::High))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let issuer = evidence.origin.tls.found().and_then(|handshake| served_chain(handshake).last());
    let issuer = issuer.map(|last| last.issuer.clone()).filter(|issuer| !issuer.is_empty());
    let root =
        issuer.map_or_else(|| "the root of the origin's chain".into(), |issuer| format!("the root \"{issuer}\""));
    Fix::new(format!(
        "Add {root} to the custom origin trust store, or take every authority out of it: then the public CAs count again."
    ))
    .dashboard("SSL/TLS → Origin Server → Custom Origin Trust Store")
    .api("What is in it", api::call("GET", "/acm/custom_trust_store", None))
    .api(
        "Add a root, for instance Amazon Root CA 1 for certificates of ACM",
        format!(
            "curl -sS https://www.amazontrust.com/repository/AmazonRootCA1.pem -o root.pem\n\
             jq -n --rawfile certificate root.pem '{{certificate: $certificate}}' | {}",
            api::call("POST", "/acm/custom_trust_store", None).replace("-X POST", "-X POST --json @-")
        ),
    )
    .api("Or take one out, by the id that the list shows", api::call("DELETE", "/acm/custom_trust_store/$AUTHORITY_ID", None))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use serde_json::{Value, json};

    use super::super::zone_testing::word;
    use super::*;
    use crate::evidence::{Gathered, Zone};
    use crate::origin::testing::{Authority, HOST, Leaf, edge_error, edge_hit, pki, served};

    fn pem(authority: &Authority) -> String {
        let text = base64::engine::general_purpose::STANDARD.encode(&authority.der().0);
        let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    fn zone(mut evidence: Evidence, store: Value, mode: &str) -> Evidence {
        let empty = json!([]);
        let document = json!({
            "zone": {"name": "example.com"}, "custom_trust_store": store, "settings": {"ssl": mode},
            "page_rules": empty, "worker_routes": empty, "rulesets": {"http_config_settings": empty},
        });
        evidence.zone = Gathered::Found(Zone::from_document(document).unwrap());
        evidence
    }

    fn entry(authority: &Authority, status: &str) -> Value {
        json!([{"id": "1", "issuer": "CN=Corporate Root", "status": status, "certificate": pem(authority)}])
    }

    #[test]
    fn public_certificates_under_a_foreign_store() {
        let pki = pki();
        let corporate = Authority::root("Corporate Root");
        let site = || pki.healthy();
        let foreign = || entry(&corporate, "active");
        assert_eq!(word(&CHECK, &zone(site(), json!([]), "strict")), "pass");
        assert_eq!(word(&CHECK, &zone(site(), entry(&corporate, "pending_deletion"), "strict")), "pass");
        assert_eq!(word(&CHECK, &zone(edge_error(site(), 526), foreign(), "strict")), "fail/high");
        assert_eq!(word(&CHECK, &zone(served(site()), foreign(), "full")), "warn/high");
        assert_eq!(word(&CHECK, &zone(edge_hit(site()), foreign(), "strict")), "warn/medium");
        assert_eq!(word(&CHECK, &zone(site(), foreign(), "strict")), "fail/high");
        assert_eq!(word(&CHECK, &zone(site(), foreign(), "full")), "warn/medium");
        assert_eq!(word(&CHECK, &zone(site(), entry(&pki.public, "active"), "strict")), "pass", "the root is in it");
        let unreadable = json!([{"id": "1", "status": "active", "certificate": "…"}]);
        assert_eq!(word(&CHECK, &zone(edge_error(site(), 526), unreadable, "strict")), "inconclusive");
        assert_eq!(word(&CHECK, &zone(crate::origin::testing::evidence(), foreign(), "strict")), "disabled");
    }

    #[test]
    fn a_private_authority_is_what_the_store_is_for() {
        let pki = pki();
        let corporate = Authority::root("Corporate Root");
        let site = || pki.site(vec![corporate.sign(Leaf::of(&[HOST]))]);
        let own = zone(served(site()), entry(&corporate, "active"), "strict");
        assert_eq!(word(&CHECK, &own), "pass");
        let untrusted = crate::find("origin-certificate-untrusted").unwrap();
        assert_eq!(word(untrusted, &own), "pass");
        assert_eq!(word(&CHECK, &zone(site(), entry(&pki.public, "active"), "strict")), "not-applicable");
    }

    #[test]
    fn of_origin_ca_nobody_knows() {
        let pki = pki();
        let corporate = Authority::root("Corporate Root");
        let site = || pki.site(vec![pki.origin_ca.sign(Leaf::of(&[HOST]))]);
        let under = |evidence| zone(evidence, entry(&corporate, "active"), "strict");
        assert_eq!(word(&CHECK, &under(edge_error(site(), 526))), "fail/low");
        assert_eq!(word(&CHECK, &under(served(site()))), "pass");
        assert_eq!(word(&CHECK, &under(site())), "warn/low");
    }
}
