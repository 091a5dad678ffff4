use super::view::certificate_line;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::trust::{AnchorKind, Issuer, Policy, Question, issuer_by_name, judge as judge_chain, served_chain};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-ca-exposed",
    title: "Visitors do not meet a Cloudflare Origin CA certificate",
    severity: Severity::Critical,
    needs: &[Probe::EdgeTls],
    why: "Cloudflare Origin CA is trusted by Cloudflare alone. When the record is DNS-only, or Cloudflare is paused, \
          visitors reach the origin directly and every browser refuses its certificate.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/origin-ca/troubleshooting/",
        "https://developers.cloudflare.com/dns/proxy-status/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let handshake = evidence.edge.tls.get()?;
    let chain = served_chain(handshake);
    let Some(leaf) = chain.first() else {
        return Err(NotRun::blocked(Probe::EdgeTls, "no certificate was seen where visitors connect"));
    };
    let trust = judge_chain(&Question {
        policy: Policy::FullStrict,
        chain,
        requested: &evidence.target.host,
        target: None,
        at: evidence.gathered_at,
        roots: &evidence.trust,
    });
    let origin_ca = trust.anchor() == Some(AnchorKind::OriginCa) || issuer_by_name(&leaf.issuer) == Issuer::OriginCa;
    if !origin_ca {
        return Ok(Verdict::pass(if leaf.issuer.is_empty() {
            "the issuer is not Cloudflare Origin CA".to_owned()
        } else {
            format!("issued by {}", leaf.issuer)
        }));
    }
    let seen = format!(
        "visitors of {} meet a Cloudflare Origin CA certificate at {}, which no browser trusts",
        evidence.target.host,
        handshake.place()
    );
    Ok(Verdict::Fail(Finding::seen(seen).proof(certificate_line(0, leaf))))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    Fix::new(format!("Let {host} pass through Cloudflare again, or give the origin a certificate of a public CA."))
        .dashboard(format!(
            "DNS → Records → {host} → proxy status: Proxied; Overview: is Cloudflare paused on this site?"
        ))
        .api("Find the record's id", super::fixes::find_record(host))
        .api(
            "Turn the proxy on",
            "curl -X PATCH \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records/$RECORD_ID\" \
             -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
             --data '{\"proxied\":true}'",
        )
        .terraform("In the record", "resource \"cloudflare_dns_record\" \"host\" {\n  # …\n  proxied = true\n}")
        .shell(
            "Or a public certificate",
            format!(
                "aws acm request-certificate --domain-name {host} --validation-method DNS --region {}",
                super::fixes::region(evidence)
            ),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::tls::Certificate;
    use crate::evidence::{Evidence, Gathered};
    use crate::origin::testing::*;

    fn meeting(chain: Vec<Certificate>, pki: &Pki) -> Evidence {
        let mut evidence = pki.healthy();
        evidence.edge.tls = Gathered::Found(completed(chain));
        evidence
    }

    #[test]
    fn origin_ca_where_visitors_are() {
        let pki = pki();
        let exposed = meeting(vec![pki.origin_ca.sign(Leaf::of(&[HOST]))], &pki);
        assert_eq!(word(&CHECK, &exposed), "fail/high");
        let reported = Certificate { issuer: "Cloudflare Origin CA".into(), ..Certificate::default() };
        assert_eq!(word(&CHECK, &meeting(vec![reported], &pki)), "fail/high");
    }

    #[test]
    fn at_the_origin_it_is_where_it_belongs() {
        let pki = pki();
        let mut evidence = meeting(vec![pki.public.sign(Leaf::of(&[HOST]))], &pki);
        evidence.origin.tls = Gathered::Found(completed(vec![pki.origin_ca.sign(Leaf::of(&[HOST]))]));
        assert_eq!(word(&CHECK, &evidence), "pass");
        assert_eq!(word(&CHECK, &evidence.without(Probe::EdgeTls)), "disabled");
        assert_eq!(word(&CHECK, &meeting(Vec::new(), &pki)), "blocked");
    }
}
