use super::fixes::new_certificate;
use super::view::{self, Edge, certificate_line, edge, origin_name, weigh};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::tls::Certificate;
use crate::model::tls_report::ReportedFault;
use crate::model::trust::{
    AnchorKind, Issuer, PathVerdict, Trust, at_origin, at_origin_by_store, is_cloudflare_client_certificate,
    service_certificate,
};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-certificate-untrusted",
    title: "The origin's certificate comes from a CA that Cloudflare trusts",
    severity: Severity::High,
    needs: &[Probe::OriginTls, Probe::EdgeHttp, Probe::Zone],
    why: "Full (strict) takes certificates of public CAs and of Cloudflare Origin CA; others are a 526. Under Full \
          anybody between Cloudflare and the origin can present such a certificate, and read and alter the traffic.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/full-strict/",
        "https://developers.cloudflare.com/ssl/origin-configuration/origin-ca/",
        "https://developers.cloudflare.com/ssl/origin-configuration/custom-origin-trust-store/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    let origin = origin_name(evidence);
    let faults = view::reported(evidence);
    if faults.iter().any(|fault| matches!(fault, ReportedFault::SelfSigned | ReportedFault::UnknownIssuer)) {
        let finding = Finding::seen(format!("the certificate of {origin} was reported not to be trusted"));
        let finding = finding.proofs(view::report_line(evidence)).confidence(Confidence::Medium);
        return Ok(weigh(evidence, &edge, false, finding));
    }
    let chain = view::certificate_chain(evidence, &edge)?;
    let (Some(leaf), Some(trust)) = (chain.first(), at_origin(evidence)) else {
        return Err(NotRun::inconclusive("no certificate of the origin was seen"));
    };
    let finding = |what: String| {
        let lines = chain.iter().enumerate().map(|(index, certificate)| certificate_line(index, certificate));
        Finding::seen(what).proofs(lines)
    };
    if is_cloudflare_client_certificate(leaf) {
        let what = format!(
            "{origin} serves a Cloudflare client certificate (SSL/TLS → Client Certificates), which is not for servers"
        );
        return Ok(weigh(evidence, &edge, false, finding(what)));
    }
    // The store's own authorities are as good there as public ones.
    if at_origin_by_store(evidence).is_some_and(|by| matches!(by.trust.path, PathVerdict::Trusted { .. })) {
        return Ok(Verdict::pass("trusted through the zone's custom origin trust store"));
    }
    match &trust.path {
        PathVerdict::Trusted { by, .. } => Ok(trusted(evidence, &edge, leaf, &trust, *by, finding)),
        PathVerdict::SelfSigned => {
            let what = format!("the certificate of {origin} is self-signed");
            Ok(weigh(evidence, &edge, false, finding(what)))
        }
        PathVerdict::UnknownIssuer { issuer, name_of } => {
            let what = match name_of {
                Some(kind) => format!(
                    "the certificate of {origin} bears the issuer name \"{issuer}\" of {}, but was signed by another \
                    key",
                    kind.name()
                ),
                None => format!(
                    "the certificate of {origin} is issued by \"{issuer}\", neither a public CA nor Cloudflare Origin CA"
                ),
            };
            Ok(weigh(evidence, &edge, false, own_trust_store(evidence, &edge, finding(what))))
        }
        PathVerdict::NotAServerCertificate | PathVerdict::ConstraintViolated(_) => {
            let what = format!("the certificate of {origin}: {}", trust.path.describe());
            Ok(weigh(evidence, &edge, false, finding(what)))
        }
        PathVerdict::Incomplete { .. } => {
            Err(NotRun::not_applicable(format!("{} (origin-chain-incomplete)", trust.path.describe())))
        }
        PathVerdict::Reported(Issuer::OriginCa | Issuer::Public) => Ok(Verdict::pass(trust.path.describe())),
        PathVerdict::CaUsedAsLeaf
        | PathVerdict::CannotVerify(_)
        | PathVerdict::Unreadable(_)
        | PathVerdict::Reported(Issuer::Other)
        | PathVerdict::Absent => {
            let what = trust.path.describe();
            if edge.code() == Some(526) && trust.dates.is_empty() && trust.name.is_covered() {
                let what =
                    format!("Cloudflare refuses the certificate of {origin} (526), which we cannot judge: {what}");
                return Ok(weigh(evidence, &edge, false, finding(what).confidence(Confidence::Low)));
            }
            Err(NotRun::inconclusive(what))
        }
    }
}

/// A private CA is sound where the zone trusts it by an own trust store, which only the zone's settings show.
fn own_trust_store(evidence: &Evidence, edge: &Edge, finding: Finding) -> Finding {
    let is_known = evidence.zone_of_host().is_ok_and(|zone| zone.trust_store.found().is_some());
    match edge {
        Edge::Serves(_) if !is_known => finding
            .proof("unless that CA was uploaded to the zone's custom origin trust store")
            .confidence(Confidence::Medium),
        _ => finding,
    }
}

/// Everything is right with it here, and Cloudflare refuses it all the same.
fn trusted(
    evidence: &Evidence,
    edge: &Edge,
    leaf: &Certificate,
    trust: &Trust,
    by: AnchorKind,
    finding: impl Fn(String) -> Finding,
) -> Verdict {
    let refused = edge.code() == Some(526) && trust.accepted() == Some(true) && service_certificate(leaf).is_none();
    if !refused {
        return Verdict::pass(format!("trusted through {}", by.name()));
    }
    let store = evidence.zone_of_host().ok().and_then(|zone| zone.trust_store.found());
    let store = match store.map(|store| store.iter().any(|authority| authority.active)) {
        Some(true) => ": the zone has its own origin trust store, which replaces the public CAs",
        Some(false) => "; the zone has no origin trust store of its own",
        None => ": perhaps the zone has its own origin trust store, which replaces the public CAs",
    };
    let what = format!(
        "Cloudflare answers 526 to a certificate that passes every check here (trusted through {}){store}",
        by.name()
    );
    let finding = finding(what)
        .proofs(edge.line().map(str::to_owned))
        .proof("or the certificate was revoked, or the record points at another origin than the one examined here")
        .confidence(Confidence::Low);
    Verdict::Fail(finding)
}

fn fix(evidence: &Evidence, finding: &Finding) -> Fix {
    let trusted = at_origin(evidence).is_some_and(|trust| trust.accepted() == Some(true));
    if trusted && finding.confidence == Confidence::Low {
        return Fix::new(
            "See whether the zone has a custom origin trust store; add the root of this chain to it, or empty it.",
        )
        .api(
            "What it holds (an empty list: the public CAs are trusted)",
            "curl \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/acm/custom_trust_store\" \
             -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\"",
        )
        .dashboard("SSL/TLS → Origin Server → Custom Origin Trust Store; DNS → Records: the record's content");
    }
    new_certificate(evidence, "Serve a certificate of a public CA or of Cloudflare Origin CA at the origin.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::{Connect, TlsOutcome};
    use crate::origin::testing::*;

    #[test]
    fn self_signed_and_private() {
        let pki = pki();
        let own = pki.site(vec![Leaf::of(&[HOST]).self_signed()]);
        assert_eq!(word(&CHECK, &edge_error(own.clone(), 526)), "fail/high");
        assert_eq!(word(&CHECK, &served(own.clone())), "warn/high");
        assert_eq!(word(&CHECK, &own), "warn/medium");
        let private = pki.site(vec![Authority::root("Example Corp Root").sign(Leaf::of(&[HOST]))]);
        assert_eq!(word(&CHECK, &edge_error(private.clone(), 526)), "fail/high");
        assert_eq!(word(&CHECK, &served(private)), "warn/medium", "the zone may trust it");
    }

    #[test]
    fn look_alikes_are_named() {
        let pki = pki();
        let client =
            pki.site(vec![Authority::root("Managed CA").sign(Leaf::of(&[]).common_name("Cloudflare").for_clients())]);
        assert!(seen(&CHECK, &edge_error(client, 526)).contains("client certificate"));
        let forged = pki.site(vec![Authority::origin_ca().sign(Leaf::of(&[HOST]))]);
        assert!(seen(&CHECK, &forged).contains("another key"));
        let for_clients = pki.site(vec![pki.public.sign(Leaf::of(&[HOST]).for_clients())]);
        assert_eq!(word(&CHECK, &edge_error(for_clients, 526)), "fail/high");
    }

    #[test]
    fn a_sound_certificate_that_is_refused() {
        let pki = pki();
        let sound = edge_error(pki.healthy(), 526);
        assert_eq!(word(&CHECK, &sound), "fail/low");
        assert!((CHECK.fix)(&sound, CHECK.run(&sound).unwrap().finding().unwrap()).summary.contains("trust store"));
        // Its date or its name explains the 526.
        for leaf in [Leaf::of(&[HOST]).valid(-90, -1), Leaf::of(&["other.example.org"])] {
            assert_eq!(word(&CHECK, &edge_error(pki.site(vec![pki.public.sign(leaf)]), 526)), "pass");
        }
        let default = pki.site(vec![pki.public.sign(Leaf::of(&["*.execute-api.us-west-2.amazonaws.com"]))]);
        assert_eq!(word(&CHECK, &edge_error(default, 526)), "pass");
    }

    #[test]
    fn the_trusted_are_left_alone() {
        let pki = pki();
        assert_eq!(word(&CHECK, &served(pki.healthy())), "pass");
        assert_eq!(word(&CHECK, &served(pki.site(vec![pki.origin_ca.sign(Leaf::of(&[HOST]))]))), "pass");
        assert_eq!(word(&CHECK, &edge_error(pki.healthy(), 522)), "pass");
    }

    #[test]
    fn a_missing_intermediate_is_another_matter() {
        let pki = pki();
        let middle = pki.public.intermediate("Middle", "Public Root Ltd");
        let evidence = edge_error(pki.site(vec![middle.sign(Leaf::of(&[HOST]))]), 526);
        assert_eq!(word(&CHECK, &evidence), "not-applicable");
    }

    #[test]
    fn what_cannot_be_judged() {
        let pki = pki();
        let ca = pki.site(vec![pki.public.sign(Leaf::of(&[HOST]).ca())]);
        assert_eq!(word(&CHECK, &served(ca.clone())), "inconclusive");
        assert_eq!(word(&CHECK, &edge_error(ca, 526)), "fail/low");
        assert_eq!(word(&CHECK, &pki.site(vec![Certificate::parse(b"junk")])), "inconclusive");
        assert_eq!(word(&CHECK, &edge_error(evidence(), 526)), "blocked");
    }

    #[test]
    fn reports() {
        let mut evidence = evidence();
        let outcome = TlsOutcome::Reported { error: Some("self-signed certificate".into()) };
        evidence.origin.tls = Gathered::Found(failed(Connect::Reported, outcome));
        assert_eq!(word(&CHECK, &edge_error(evidence.clone(), 526)), "fail/medium");
        let outcome = TlsOutcome::Reported { error: None };
        let leaf = Certificate { issuer: "Amazon RSA 2048 M02".into(), ..Certificate::default() };
        let handshake = Handshake { chain: vec![leaf], ..failed(Connect::Reported, outcome) };
        evidence.origin.tls = Gathered::Found(handshake);
        assert_eq!(word(&CHECK, &evidence), "pass");
    }

    use crate::evidence::Handshake;
}
