//! Visitors do not meet Cloudflare.

use super::find_record;
use crate::check::{Check, Probe, Severity};
use crate::evidence::target::Expectation;
use crate::evidence::{Evidence, Proxied};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-not-proxied",
    title: "Visitors meet Cloudflare",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeHttp],
    why: "A DNS-only record sends visitors straight to the origin: no cache, no firewall, no edge certificate, and \
          every rule \
          in the zone is without effect for this name.",
    fix,
    sources: &["https://developers.cloudflare.com/dns/proxy-status/"],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let proof = match evidence.proxied() {
        Proxied::Yes(line) => return Ok(Verdict::pass(line)),
        Proxied::Unknown(why) => {
            evidence.dns.get()?;
            return Err(NotRun::inconclusive(why));
        }
        Proxied::No(proof) => proof,
    };
    let finding = Finding::seen(format!("{} is not proxied: visitors reach the origin directly", evidence.target.host))
        .proofs(proof);
    // Whoever wants it cached, or names what stands behind Cloudflare, has said that it should be proxied.
    let wanted = evidence.target.expect == Expectation::Cached
        || evidence.target.origin.as_ref().is_some_and(|origin| !origin.assumed);
    Ok(if wanted { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let content = evidence.origin_name().unwrap_or("d-xxxxxxxxxx.execute-api.REGION.amazonaws.com");
    if crate::model::origin_host::classify(content).class.is_http_only() {
        return Fix::new(format!(
            "{content} speaks HTTP only, so that merely turning the proxy on would fail under Full (strict): let \
             Cloud Connector \
             take {host} to the bucket, and proxy the record then."
        ))
        .dashboard("Rules → Cloud Connector → Amazon S3; then DNS → Records → Edit → Proxied");
    }
    let fix = Fix::new(format!(
        "Turn the proxy on for {host}, with SSL mode Full (strict) set first. If its DNS is not at Cloudflare, move \
         the zone's name \
         servers there."
    ))
    .dashboard(format!("DNS → Records → {host} → Edit → Proxy status: Proxied"));
    find_record(fix, host)
        .api(
            "Turn it on",
            "curl -X PATCH -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
             \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/dns_records/$RECORD_ID\" --data '{\"proxied\":true}'",
        )
        .terraform(
            "In the record (Cloudflare provider v5)",
            "resource \"cloudflare_dns_record\" \"site\" {\n  # …\n  ttl     = 1\n  proxied = true\n}",
        )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const WHOLE: [(&str, &str); 2] = [("date", "Wed, 25 Nov 2026 12:00:00 GMT"), ("apigw-requestid", "abc=")];

    #[test]
    fn a_visible_chain_to_the_origin_is_not_proxied() {
        let mut evidence = with(host(chain(&[HOST, TARGET], &["192.0.2.1"])));
        let verdict = judge(&evidence).unwrap();
        assert!(matches!(&verdict, Verdict::Warn(finding) if finding.proof[0].contains("CNAME")), "{verdict:?}");
        let fixed = fix(&evidence, verdict.finding().unwrap());
        assert!(
            fixed.steps.iter().any(|step| step.text.ends_with("'{\"proxied\":true}'")),
            "the record's content stays"
        );
        evidence.target.expect = Expectation::Cached;
        assert_eq!(word(&judge(&evidence)), "fail");
        evidence.edge.http = exchanges(200, &WHOLE, "");
        assert_eq!(word(&judge(&evidence)), "fail");
        // Another Cloudflare customer stands behind the CNAME: visitors do meet Cloudflare.
        assert_eq!(word(&judge(&edge(evidence, 200, ""))), "pass");
    }

    #[test]
    fn a_bucket_website_is_not_simply_proxied() {
        let evidence =
            with(host(chain(&[HOST, "lambda.example.com.s3-website-us-west-2.amazonaws.com"], &["192.0.2.1"])));
        let verdict = judge(&evidence).unwrap();
        assert!(fix(&evidence, verdict.finding().unwrap()).summary.contains("HTTP only"));
    }

    #[test]
    fn addresses_alone_prove_nothing_outside_the_list() {
        let byoip = with(host(lookups(answer(&["203.0.113.9"]), answer(&[]))));
        assert_eq!(word(&judge(&byoip)), "inconclusive");
        assert_eq!(word(&judge(&edge(byoip.clone(), 200, ""))), "pass");
        let mut bare = byoip;
        bare.edge.http = exchanges(200, &WHOLE, "");
        assert_eq!(word(&judge(&bare)), "warn");
        bare.edge.http = exchanges(200, &WHOLE[1..], "");
        assert_eq!(word(&judge(&bare)), "inconclusive", "a few quoted headers");
    }

    #[test]
    fn proxied_names_pass() {
        assert_eq!(word(&judge(&with(proxied()))), "pass");
        let partial = chain(&[HOST, "lambda.example.com.cdn.cloudflare.net"], &["104.16.1.2"]);
        assert_eq!(word(&judge(&with(host(partial)))), "pass");
        let mut thin = nothing();
        thin.edge.http = exchanges(530, &[], "");
        assert_eq!(word(&judge(&thin)), "pass", "only Cloudflare answers 530");
        assert_eq!(word(&judge(&nothing())), "disabled");
    }
}
