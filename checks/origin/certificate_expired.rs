use super::fixes::{new_certificate, reimport};
use super::view::{self, certificate_line, edge, origin_name, weigh};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::tls_report::ReportedFault;
use crate::model::trust::{AnchorKind, DateFaultKind, at_origin};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-certificate-expired",
    title: "The origin's certificate has not expired",
    severity: Severity::Critical,
    needs: &[Probe::OriginTls, Probe::EdgeHttp],
    why: "Full (strict) refuses an expired certificate with a 526 for every visitor, from one second to the next. Full \
          takes it, and takes any other as well.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/full-strict/",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-526/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    let trust = at_origin(evidence);
    let expired: Vec<_> = trust
        .iter()
        .flat_map(|trust| &trust.dates)
        .filter_map(|fault| match fault.kind {
            DateFaultKind::Expired(end) => Some((fault.index, end)),
            DateFaultKind::NotYetValid(_) => None,
        })
        .collect();
    let Some((first, end)) = expired.first().copied() else {
        if view::reported(evidence).contains(&ReportedFault::Expired) {
            let finding =
                Finding::seen(format!("the certificate of {} was reported to have expired", origin_name(evidence)));
            let finding = finding.proofs(view::report_line(evidence)).confidence(Confidence::Medium);
            return Ok(weigh(evidence, &edge, true, finding));
        }
        let chain = view::certificate_chain(evidence, &edge)?;
        let end = chain.first().and_then(|leaf| leaf.not_after);
        let end = end.ok_or_else(|| NotRun::inconclusive("the certificate's dates are not known"))?;
        return Ok(Verdict::pass(format!("valid until {}", end.date())));
    };
    let what = if first == 0 { "certificate" } else { "intermediate certificate" };
    let ago = (evidence.gathered_at - end).whole_days();
    let finding =
        Finding::seen(format!("the {what} of {} expired on {}, {ago} days ago", origin_name(evidence), end.date()));
    let chain = view::chain(evidence)?;
    let lines = expired.iter().filter_map(|(index, _)| Some(certificate_line(*index, chain.get(*index)?)));
    Ok(weigh(evidence, &edge, true, finding.proofs(lines)))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let origin_ca = at_origin(evidence).is_some_and(|trust| trust.anchor() == Some(AnchorKind::OriginCa));
    let fix = new_certificate(evidence, "Replace the expired certificate at the origin.");
    if origin_ca { fix.shell("Where it is in ACM: import over it", reimport(evidence)) } else { fix }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::{Connect, TlsOutcome};
    use crate::origin::testing::*;

    fn expired() -> Evidence {
        let pki = pki();
        pki.site(vec![pki.public.sign(Leaf::of(&[HOST]).valid(-90, -1))])
    }

    #[test]
    fn how_bad_is_decided_at_the_edge() {
        assert_eq!(word(&CHECK, &edge_error(expired(), 526)), "fail/high");
        assert_eq!(word(&CHECK, &served(expired())), "warn/high");
        assert_eq!(word(&CHECK, &edge_hit(expired())), "warn/medium");
        assert_eq!(word(&CHECK, &edge_error(expired(), 522)), "warn/medium");
        assert_eq!(word(&CHECK, &expired()), "fail/medium");
        let mut tomorrow = served(expired());
        tomorrow.target.origin.as_mut().unwrap().assumed = true;
        assert_eq!(word(&CHECK, &tomorrow), "fail/medium");
    }

    #[test]
    fn the_very_second() {
        let pki = pki();
        let mut evidence = pki.site(vec![pki.public.sign(Leaf::of(&[HOST]).valid(-90, 1))]);
        evidence.gathered_at = NOW + Duration::days(1);
        assert_eq!(word(&CHECK, &evidence), "pass");
        evidence.gathered_at += Duration::seconds(1);
        assert_eq!(word(&CHECK, &evidence), "fail/medium");
        evidence.gathered_at = NOW - Duration::days(91);
        assert_eq!(word(&CHECK, &evidence), "pass", "not yet valid is another question");
    }

    #[test]
    fn without_a_certificate_a_526_tells_nothing() {
        assert_eq!(word(&CHECK, &edge_error(evidence(), 526)), "blocked");
        assert_eq!(word(&CHECK, &evidence()), "disabled");
        assert_eq!(word(&CHECK, &pki().site(Vec::new())), "blocked");
    }

    #[test]
    fn reports() {
        let mut evidence = evidence();
        let outcome = TlsOutcome::Reported { error: Some("origin certificate expired; renewal failed".into()) };
        evidence.origin.tls = Gathered::Found(failed(Connect::Reported, outcome));
        assert_eq!(word(&CHECK, &edge_error(evidence.clone(), 526)), "fail/medium");
        assert_eq!(word(&CHECK, &served(evidence)), "warn/medium");
    }
}
