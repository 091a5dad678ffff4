//! Visitors do not meet Cloudflare.

use super::find_record;
use crate::check::{Check, Probe, Severity};
use crate::evidence::target::{DeclaredOrigin, Expectation};
use crate::evidence::{Evidence, Proxied};
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-not-proxied",
    title: "Visitors meet Cloudflare",
    severity: Severity::High,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::Zone],
    why: "A DNS-only record sends visitors straight to the origin: no cache, no firewall, no edge certificate, and \
          every rule \
          in the zone is without effect for this name.",
    fix,
    sources: &["https://developers.cloudflare.com/dns/proxy-status/"],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let seen = evidence.proxied();
    if let Proxied::Yes(line) = seen {
        return Ok(Verdict::pass(line));
    }
    if evidence.zone_of_host().is_ok_and(|zone| zone.idle().is_some()) {
        return Err(NotRun::blocked(Probe::Zone, "the whole zone proxies nothing (cloudflare-zone-inactive)"));
    }
    let host = &evidence.target.host;
    let records = evidence.zone_records();
    let lines = || records.iter().map(|record| format!("in the zone: {}", record.describe()));
    // A record whose name the data leaves open may be another's.
    let word = evidence.zone_proxies().filter(|_| records.iter().all(|record| record.name.is_some()));
    let finding = match (seen, word) {
        (Proxied::No(proof), Some(true)) => {
            let seen = format!("{host} is proxied in the zone, yet visitors are led past Cloudflare");
            return Ok(Verdict::Fail(Finding::seen(seen).proofs(proof).proofs(lines())));
        }
        (Proxied::No(proof), _) => Finding::seen(format!("{host} is not proxied: visitors reach the origin directly"))
            .proofs(proof)
            .proofs(lines()),
        (Proxied::Unknown(_), Some(false)) => {
            Finding::seen(format!("{host} is DNS-only in the zone: visitors reach the origin directly")).proofs(lines())
        }
        (Proxied::Unknown(_), Some(true)) if evidence.dns.found().is_none() && evidence.edge.http.found().is_none() => {
            return Ok(Verdict::Pass(records.first().map(|record| record.describe())));
        }
        (Proxied::Unknown(why), _) => {
            evidence.dns.get()?;
            return Err(NotRun::inconclusive(why));
        }
        (Proxied::Yes(line), _) => return Ok(Verdict::pass(line)),
    };
    // Whoever wants it cached, or names what stands behind Cloudflare, has said that it should be proxied.
    let named = |origin: &DeclaredOrigin| !origin.assumed && !origin.from_zone;
    let wanted = evidence.target.expect == Expectation::Cached || evidence.target.origin.as_ref().is_some_and(named);
    Ok(if wanted { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    if evidence.zone_proxies() == Some(true) {
        let servers = evidence.zone_of_host().ok().and_then(|zone| zone.details.found());
        let server = servers.and_then(|details| details.name_servers.first()).map_or("NAME-SERVER", String::as_str);
        return Fix::new(format!(
            "The record of {host} is proxied already: find who answers in its place (another DNS provider, a resolver that is \
             behind, a private zone or a hosts file)."
        ))
        .shell("The zone's own word, and what a public resolver says", format!("dig +short @{server} {host}; dig +short @1.1.1.1 {host}"))
        .dashboard("Overview → Cloudflare nameservers: the registrar must name these");
    }
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

    #[test]
    fn the_zone_knows() {
        let record =
            |proxied: bool| serde_json::json!([{"name": HOST, "type": "CNAME", "content": TARGET, "proxied": proxied}]);
        let open = || with(host(chain(&[HOST, TARGET], &["192.0.2.1"])));
        assert_eq!(word(&judge(&records(nothing(), record(true)))), "pass");
        assert_eq!(word(&judge(&records(nothing(), record(false)))), "warn");
        let mut declared = records(nothing(), record(false));
        declared.target.origin = Some(TARGET.parse().unwrap());
        declared.target.origin.as_mut().unwrap().from_zone = true;
        assert_eq!(word(&judge(&declared)), "warn", "the zone's own record is nobody's wish");
        let verdict = judge(&records(open(), record(true))).unwrap();
        assert!(matches!(&verdict, Verdict::Fail(finding) if finding.seen.contains("led past")), "{verdict:?}");
        let fixed = fix(&records(open(), record(true)), verdict.finding().unwrap());
        assert!(fixed.steps[0].text.contains("@ada.ns.cloudflare.com"), "{fixed:?}");
        let nameless = serde_json::json!([{"type": "CNAME", "content": null, "proxied": false}]);
        assert_eq!(word(&judge(&records(nothing(), nameless))), "disabled", "whose record is it?");
        let paused = zone(open(), serde_json::json!({"zone": {"name": "example.com", "paused": true}}));
        assert_eq!(word(&judge(&paused)), "blocked", "that is the zone's fault");
        assert_eq!(
            word(&judge(&records(with(proxied()), record(false)))),
            "pass",
            "the public still sees the old record"
        );
    }
}
