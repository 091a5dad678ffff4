use super::fixes::new_certificate;
use super::view::{self, certificate_line, edge, origin_name, weigh};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::tls_report::ReportedFault;
use crate::model::trust::{DateFaultKind, at_origin};
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-certificate-not-yet-valid",
    title: "The origin's certificate is already valid",
    severity: Severity::Critical,
    needs: &[Probe::OriginTls, Probe::EdgeHttp],
    why: "Full (strict) refuses a certificate before its first day with a 526, as it does after the last. It was \
          installed too early, or made on a machine whose clock runs ahead.",
    fix,
    sources: &["https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/full-strict/"],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    let trust = at_origin(evidence);
    let early = trust.iter().flat_map(|trust| &trust.dates).find_map(|fault| match fault.kind {
        DateFaultKind::NotYetValid(start) => Some((fault.index, start)),
        DateFaultKind::Expired(_) => None,
    });
    let Some((index, start)) = early else {
        if view::reported(evidence).contains(&ReportedFault::NotYetValid) {
            let finding =
                Finding::seen(format!("the certificate of {} was reported not to be valid yet", origin_name(evidence)));
            let finding = finding.proofs(view::report_line(evidence)).confidence(Confidence::Medium);
            return Ok(weigh(evidence, &edge, true, finding));
        }
        let chain = view::certificate_chain(evidence, &edge)?;
        let start = chain.first().and_then(|leaf| leaf.not_before);
        let start = start.ok_or_else(|| NotRun::inconclusive("the certificate's first day is not known"))?;
        return Ok(Verdict::pass(format!("valid since {}", start.date())));
    };
    let chain = view::chain(evidence)?;
    let from = format!("{} {:02}:{:02} UTC", start.date(), start.hour(), start.minute());
    let finding = Finding::seen(format!("the certificate of {} is valid only from {from}", origin_name(evidence)))
        .proofs(chain.get(index).map(|certificate| certificate_line(index, certificate)));
    Ok(weigh(evidence, &edge, true, finding))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    new_certificate(evidence, "Serve the previous certificate until this one begins, or a new one that is valid now.")
        .shell("Is this machine's clock right?", "date -u; curl -sI https://www.cloudflare.com | grep -i '^date:'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::testing::*;

    #[test]
    fn before_the_first_second() {
        let pki = pki();
        let early = pki.site(vec![pki.public.sign(Leaf::of(&[HOST]).valid(1, 90))]);
        assert_eq!(word(&CHECK, &edge_error(early.clone(), 526)), "fail/high");
        assert_eq!(word(&CHECK, &served(early.clone())), "warn/high");
        assert_eq!(word(&CHECK, &early), "fail/medium");
        let mut begun = early;
        begun.gathered_at = NOW + time::Duration::days(1);
        assert_eq!(word(&CHECK, &begun), "pass");
    }

    #[test]
    fn healthy_and_unseen() {
        assert_eq!(word(&CHECK, &served(pki().healthy())), "pass");
        assert_eq!(word(&CHECK, &edge_error(evidence(), 526)), "blocked");
        let pki = pki();
        assert_eq!(word(&CHECK, &pki.site(vec![pki.public.sign(Leaf::of(&[HOST]).valid(-90, -1))])), "pass");
    }
}
