use super::fixes::{class, new_certificate, place};
use super::suites;
use super::view::{self, Edge, edge, origin_name};
use crate::check::{Check, Probe, Severity};
use crate::evidence::tls::{ClientCertificate, Connect, Handshake, LegacyAnswer, Limit, TlsOutcome, TlsVersion};
use crate::evidence::{Evidence, Gathered};
use crate::model::tls_report::ReportedFault;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-handshake-failing",
    title: "The TLS handshake with the origin succeeds",
    severity: Severity::Critical,
    needs: &[Probe::OriginTls, Probe::EdgeHttp],
    why: "In Full and strict modes Cloudflare speaks TLS to the origin with the visitor's name as SNI. Where no \
          version, cipher or name is agreed, or the port does not speak TLS at all, every visitor sees a 525.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-525/",
        "https://developers.cloudflare.com/ssl/origin-configuration/cipher-suites/",
        "https://developers.cloudflare.com/ssl/origin-configuration/automatic-key-exchange/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    let handshake = match view::handshake(evidence) {
        Ok(handshake) => handshake,
        Err(why) => return own_word(&edge).ok_or(why),
    };
    if matches!(handshake.client_certificate, ClientCertificate::Required | ClientCertificate::Rejected) {
        return Err(NotRun::not_applicable(
            "it ends for want of a client certificate (origin-client-certificate-required)",
        ));
    }
    let origin = origin_name(evidence);
    match &handshake.outcome {
        TlsOutcome::Completed => Ok(completed(&edge, handshake, &origin)),
        TlsOutcome::NotReached => {
            own_word(&edge).ok_or_else(|| NotRun::blocked(Probe::OriginTls, handshake.connect.describe()))
        }
        TlsOutcome::Reported { .. } => reported(evidence, &edge),
        TlsOutcome::TimedOut(patience) if patience.limit != Limit::Step => {
            own_word(&edge).ok_or_else(|| NotRun::inconclusive(format!("{origin}: cut after {}", patience.describe())))
        }
        TlsOutcome::Broken { why } => match own_word(&edge) {
            Some(Verdict::Fail(finding)) => Ok(Verdict::Fail(finding.proof(format!("our own handshake: {why}")))),
            _ => Err(NotRun::inconclusive(format!("our library gave up, Cloudflare's may not: {why}"))),
        },
        outcome => failed(evidence, &edge, handshake, &fault(outcome)),
    }
}

/// 525 is Cloudflare's own word for a handshake that failed.
fn own_word(edge: &Edge) -> Option<Verdict> {
    let Edge::Error { code: 525, line } = edge else { return None };
    let finding = Finding::seen("Cloudflare answers 525: its TLS handshake with the origin fails");
    Some(Verdict::Fail(finding.proof(line).confidence(Confidence::Medium)))
}

fn completed(edge: &Edge, handshake: &Handshake, origin: &str) -> Verdict {
    let agreed = handshake.session.as_ref().map(|session| format!("{}, {}", session.version.name(), session.cipher));
    let agreed = agreed.unwrap_or_else(|| "handshake done".into());
    let Edge::Error { code: 525, line } = edge else {
        return Verdict::pass(format!("{origin}: {agreed}"));
    };
    let finding = Finding::seen(format!(
        "our handshake with {origin} succeeds ({agreed}), and Cloudflare answers 525: one of the two wants what the \
         other does not have"
    ));
    Verdict::Fail(
        finding
            .proof(line)
            .proof(
                "on Cloudflare's side: origin_tls_compliance_modes with pqh or fips, an SNI override, a client \
                 certificate that the origin refuses",
            )
            .proof("on the origin's side: rules by source address, a certificate for our address only")
            .confidence(Confidence::Medium),
    )
}

fn fault(outcome: &TlsOutcome) -> String {
    match outcome {
        TlsOutcome::Alert { code: 112, .. } => {
            "the alert unrecognized_name: it has no certificate for this name".into()
        }
        TlsOutcome::Alert { code, name, .. } => format!("the alert {name} ({code})"),
        TlsOutcome::NotTls { first } => format!("no TLS at all: \"{first}\""),
        TlsOutcome::Closed => "a closed connection".into(),
        TlsOutcome::Reset => "a reset connection".into(),
        TlsOutcome::TimedOut(patience) => format!("nothing within {}", patience.describe()),
        other => format!("{other:?}"),
    }
}

fn failed(evidence: &Evidence, edge: &Edge, handshake: &Handshake, fault: &str) -> Result<Verdict, NotRun> {
    let origin = origin_name(evidence);
    let name = handshake.server_name.as_deref().unwrap_or("no name");
    let finding = Finding::seen(format!("{origin} answers the handshake for {name} with {fault}"));
    if let Gathered::Found(hello) = &handshake.legacy
        && let LegacyAnswer::Accepted { version, cipher } = &hello.answer
    {
        return accepted_when_old(edge, finding, *version, cipher);
    }
    match edge {
        Edge::Serves(line) => Ok(Verdict::pass(format!("closed to us, not to Cloudflare ({line})"))),
        Edge::Error { code: 526, line } => {
            Ok(Verdict::pass(format!("Cloudflare's handshake succeeds: its 526 is about the certificate ({line})")))
        }
        Edge::Error { code: 520 | 525, line } => Ok(Verdict::Fail(finding.proof(line))),
        Edge::Error { line, .. } | Edge::Silent(line) => {
            Ok(Verdict::Warn(finding.proof(line).confidence(Confidence::Medium)))
        }
        // A door may be closed to us on purpose; no TLS on the port, or no certificate for the name, is closed to all.
        Edge::Unseen => {
            let finding = finding.confidence(Confidence::Medium);
            let to_all = matches!(handshake.outcome, TlsOutcome::NotTls { .. } | TlsOutcome::Alert { .. });
            Ok(if to_all { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
        }
    }
}

/// We cannot speak with it, and an older client could: does Cloudflare offer what it picked?
fn accepted_when_old(edge: &Edge, finding: Finding, version: TlsVersion, cipher: &str) -> Result<Verdict, NotRun> {
    if version < TlsVersion::Tls12 {
        return Err(NotRun::not_applicable(format!(
            "it speaks nothing newer than {} (origin-tls-outdated)",
            version.name()
        )));
    }
    let picked = format!("to an older hello it answers {}, {cipher}", version.name());
    let offered = suites::cloudflare_offers(cipher);
    match (edge, offered) {
        (Edge::Serves(line), _) => Ok(Verdict::pass(format!("our library cannot, Cloudflare can ({line})"))),
        (Edge::Error { code: 525, line }, _) => Ok(Verdict::Fail(finding.proof(line).proof(picked))),
        (_, Some(true)) => Ok(Verdict::pass(format!("{picked}: our library has that not, Cloudflare has"))),
        (_, Some(false)) => {
            let finding = finding.proof(format!("{picked}, which Cloudflare does not offer to origins"));
            Ok(Verdict::Warn(finding.confidence(Confidence::Medium)))
        }
        (_, None) => Err(NotRun::inconclusive(format!("{picked}; whether Cloudflare offers that is not known"))),
    }
}

fn reported(evidence: &Evidence, edge: &Edge) -> Result<Verdict, NotRun> {
    let faults = view::reported(evidence);
    let about = |fault: &ReportedFault| matches!(fault, ReportedFault::Handshake | ReportedFault::NotTls);
    if !faults.iter().any(about) {
        return own_word(edge).ok_or_else(|| NotRun::not_applicable("no failed handshake was reported"));
    }
    match edge {
        Edge::Serves(line) => Ok(Verdict::pass(format!("closed to the reporter, not to Cloudflare ({line})"))),
        _ => {
            let finding =
                Finding::seen(format!("the TLS handshake with {} was reported to fail", origin_name(evidence)));
            let finding = finding.proofs(view::report_line(evidence)).proofs(edge.line().map(str::to_owned));
            Ok(Verdict::Fail(finding.confidence(Confidence::Medium)))
        }
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let handshake = evidence.origin.tls.found();
    let outcome = handshake.map(|handshake| &handshake.outcome);
    if class(evidence).is_http_only() {
        return Fix::new(
            "This origin has no HTTPS: put CloudFront in front of it, or reach the bucket's REST endpoint through \
             Cloud Connector.",
        )
        .dashboard("Rules → Cloud Connector → Amazon S3, for this host name");
    }
    if matches!(outcome, Some(TlsOutcome::Completed))
        || handshake.is_some_and(|handshake| handshake.connect == Connect::Reported)
    {
        return Fix::new(
            "Take away what only Cloudflare's handshake has, one by one; leave the mode at Full (strict).",
        )
        .api(
            "Demands on the origin's TLS (an empty list demands nothing)",
            "curl \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/origin_tls_compliance_modes\" \
                 -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\"",
        )
        .dashboard(
            "Rules → Origin Rules: an SNI or Host override; SSL/TLS → Origin Server → Authenticated Origin Pulls",
        )
        .shell(
            "What the origin says to the visitor's name",
            format!("openssl s_client -connect {}:443 -servername {host} </dev/null", place(evidence)),
        );
    }
    new_certificate(
        evidence,
        &format!("Let the origin speak TLS 1.2 or 1.3 on port 443, with a certificate for {host}."),
    )
    .shell(
        "What it says now",
        format!("openssl s_client -connect {}:443 -servername {host} </dev/null", place(evidence)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::testing::*;

    fn ending(outcome: TlsOutcome) -> Evidence {
        let mut evidence = evidence();
        evidence.origin.tls = Gathered::Found(crate::origin::testing::failed(Connect::Open, outcome));
        evidence
    }

    fn alert(code: u8) -> TlsOutcome {
        TlsOutcome::Alert { code, name: crate::evidence::tls::alert_name(code).into(), after_handshake: false }
    }

    #[test]
    fn a_handshake_that_fails() {
        for outcome in [
            alert(40),
            alert(112),
            TlsOutcome::NotTls { first: "HTTP/1.1 400 Bad Request".into() },
            TlsOutcome::Closed,
            TlsOutcome::Reset,
            TlsOutcome::TimedOut(waited(Limit::Step)),
        ] {
            let evidence = ending(outcome);
            assert_eq!(word(&CHECK, &edge_error(evidence.clone(), 525)), "fail/high");
            assert_eq!(word(&CHECK, &served(evidence.clone())), "pass");
            assert_eq!(word(&CHECK, &edge_error(evidence.clone(), 526)), "pass");
            assert_eq!(word(&CHECK, &edge_hit(evidence.clone())), "warn/medium");
        }
        assert_eq!(word(&CHECK, &ending(alert(112))), "fail/medium");
        assert_eq!(word(&CHECK, &ending(TlsOutcome::Reset)), "warn/medium", "may be closed to us on purpose");
    }

    #[test]
    fn what_is_not_the_origins_fault() {
        assert_eq!(word(&CHECK, &ending(TlsOutcome::TimedOut(waited(Limit::Deadline)))), "inconclusive");
        assert_eq!(word(&CHECK, &ending(TlsOutcome::Broken { why: "BadSignature".into() })), "inconclusive");
        let broken = ending(TlsOutcome::Broken { why: "BadSignature".into() });
        assert_eq!(word(&CHECK, &edge_error(broken, 525)), "fail/medium");
        let mut unreached = evidence();
        unreached.origin.tls =
            Gathered::Found(crate::origin::testing::failed(Connect::Refused, TlsOutcome::NotReached));
        assert_eq!(word(&CHECK, &unreached), "blocked");
    }

    #[test]
    fn ours_succeeds_and_cloudflares_does_not() {
        let fine = pki().healthy();
        assert_eq!(word(&CHECK, &fine), "pass");
        assert_eq!(word(&CHECK, &edge_error(fine.clone(), 526)), "pass");
        assert_eq!(word(&CHECK, &edge_error(fine, 525)), "fail/medium");
    }

    #[test]
    fn nothing_but_a_525() {
        assert_eq!(word(&CHECK, &edge_error(evidence(), 525)), "fail/medium");
        assert_eq!(word(&CHECK, &edge_error(evidence(), 526)), "disabled");
    }

    #[test]
    fn servers_that_only_older_clients_can_speak_with() {
        let old = |version, cipher: &str| {
            let mut evidence = ending(alert(40));
            let Gathered::Found(handshake) = &mut evidence.origin.tls else { unreachable!() };
            handshake.legacy = legacy(TlsVersion::Tls12, version, cipher);
            evidence
        };
        assert_eq!(word(&CHECK, &old(TlsVersion::Tls12, "TLS_RSA_WITH_AES_128_CBC_SHA")), "pass");
        assert_eq!(word(&CHECK, &old(TlsVersion::Tls12, "0xC013")), "pass");
        assert_eq!(word(&CHECK, &old(TlsVersion::Tls12, "0x0033")), "warn/medium");
        assert_eq!(word(&CHECK, &edge_error(old(TlsVersion::Tls12, "0x0033"), 525)), "fail/high");
        assert_eq!(word(&CHECK, &old(TlsVersion::Tls10, "0x002F")), "not-applicable");
        assert_eq!(word(&CHECK, &old(TlsVersion::Tls12, "something")), "inconclusive");
    }

    #[test]
    fn the_want_of_a_client_certificate_is_another_matter() {
        let mut evidence = edge_error(pki().healthy(), 525);
        let Gathered::Found(handshake) = &mut evidence.origin.tls else { unreachable!() };
        handshake.client_certificate = ClientCertificate::Required;
        assert_eq!(word(&CHECK, &evidence), "not-applicable");
    }

    #[test]
    fn reports() {
        let report = |error: &str| {
            let mut evidence = evidence();
            let outcome = TlsOutcome::Reported { error: Some(error.into()) };
            evidence.origin.tls = Gathered::Found(crate::origin::testing::failed(Connect::Reported, outcome));
            evidence
        };
        assert_eq!(word(&CHECK, &report("sslv3 alert handshake failure")), "fail/medium");
        assert_eq!(word(&CHECK, &served(report("sslv3 alert handshake failure"))), "pass");
        assert_eq!(word(&CHECK, &edge_error(report("it fails somehow"), 525)), "fail/medium");
        assert_eq!(word(&CHECK, &report("certificate has expired")), "not-applicable");
    }
}
