//! The record leads back to Cloudflare.

use super::{answers, change_record, records};
use crate::check::{Check, Probe, Severity};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Response};
use crate::model::cloudflare;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-target-is-cloudflare",
    title: "The record leads to the origin, not back to Cloudflare",
    severity: Severity::Critical,
    needs: &[Probe::Dns, Probe::EdgeHttp, Probe::Zone],
    why: "A record that points at Cloudflare's own addresses sends the request in a circle (1000), one that points \
          at a name in \
          another account is refused (1014), and some addresses are reserved (1034).",
    fix,
    sources: &[
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/error-1000/",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/error-1014/",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/error-1034/",
        "https://developers.cloudflare.com/pages/configuration/custom-domains/",
    ],
    judge,
};

/// Suffixes of Cloudflare's own products, which are meant to be pointed at.
const PRODUCTS: &[&str] =
    &[".pages.dev", ".workers.dev", ".cfargotunnel.com", ".r2.dev", ".r2.cloudflarestorage.com", ".cdn.cloudflare.net"];

/// Products that answer for a host only once it is theirs: what they are, and how it becomes so. A bare CNAME does not do
/// it: 522 (<https://developers.cloudflare.com/pages/configuration/custom-domains/>), or 1014 from another account.
const BY_INVITATION: &[(&str, &str, &str)] = &[
    (".pages.dev", "a Pages project", "Workers & Pages → the project → Custom domains → Set up a custom domain"),
    (".workers.dev", "a Worker", "Workers & Pages → the Worker → Settings → Domains & Routes → Add custom domain"),
    (".r2.dev", "an R2 bucket", "R2 → the bucket → Settings → Custom Domains → Connect Domain"),
];

/// What a product of Cloudflare's is called, and where a host is added to it.
fn by_invitation(name: &str) -> Option<(&'static str, &'static str)> {
    let found = BY_INVITATION.iter().find(|(suffix, ..)| name.ends_with(suffix));
    found.map(|(_, what, place)| (*what, *place))
}

/// The zone's own proxied record leads to a product that may not know the host, and nothing else takes the URL.
fn uninvited(evidence: &Evidence) -> Option<(String, &'static str)> {
    let zone = evidence.zone_of_host().ok()?;
    let added = |domain: &crate::evidence::zone::WorkerDomain| domain.hostname == evidence.target.host;
    if zone.worker_domains.found().is_some_and(|all| all.iter().any(added)) || !is_left_to_the_record(evidence) {
        return None;
    }
    evidence.zone_records().into_iter().filter(|record| record.proxied != Some(false)).find_map(|record| {
        let content = record.content.as_deref().filter(|_| record.kind.as_deref() == Some("CNAME"))?;
        let content = content.trim_end_matches('.').to_ascii_lowercase();
        let (what, _) = by_invitation(&content)?;
        Some((content, what))
    })
}

/// Is there no Worker, and no rule, that is known to send the URL elsewhere?
fn is_left_to_the_record(evidence: &Evidence) -> bool {
    evidence.effective().is_ok_and(|effective| {
        !matches!(effective.worker.value, Some(Some(_))) && !matches!(effective.host_header.value, Some(Some(_)))
    })
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    // Today's edge does not use tomorrow's origin.
    let assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
    let answer = evidence.edge_answer().ok().filter(|_| !assumed);
    if let Some(finding) = answer.and_then(|response| refused(evidence, response)) {
        return Ok(finding);
    }
    if let Some(why) = meant(evidence) {
        return Ok(Verdict::pass(why));
    }
    if let Some((name, what)) = uninvited(evidence) {
        match answer {
            Some(response) if response.status == 522 => {
                let seen = format!("the record leads to {name}, {what} that does not know {}", evidence.target.host);
                let finding = Finding::seen(seen).proof(format!("{} CNAME {name}, proxied", evidence.target.host));
                let finding = finding.proof("the edge answers 522, as it does for a host that was not added there");
                return Ok(Verdict::Fail(finding.confidence(Confidence::Medium)));
            }
            Some(_) => {}
            None if evidence.edge.http.found().is_none() => {
                let seen = format!(
                    "the record leads to {name}, {what}: it answers for {} only if the host was added there, which is not \
                     seen here (else 522, or 1014 where it is another account's)",
                    evidence.target.host
                );
                let finding = Finding::seen(seen).proof(format!("{} CNAME {name}, proxied", evidence.target.host));
                let settle = format!("what would settle it: curl -sSi {}", shell_quote(&evidence.target.url()));
                let finding = finding.proof(settle).confidence(Confidence::Low).severity(Severity::Low);
                return Ok(Verdict::Warn(finding));
            }
            None => {}
        }
    }
    if let Some(declared) = &evidence.target.origin
        && let Ok(address) = declared.host.parse::<std::net::IpAddr>()
    {
        if !cloudflare::owns(address) && !is_resolver(address) {
            return Ok(Verdict::pass(format!("{address} is not Cloudflare's")));
        }
        return by_address(answer, Finding::seen(format!("the record's address {address} is Cloudflare's own")));
    }
    let chain = match evidence.origin_chain() {
        Ok(chain) => chain,
        Err(_) if !assumed && evidence.edge_serves_fresh().is_some() => {
            return Ok(Verdict::pass("the edge reaches the origin"));
        }
        Err(why) => return Err(why),
    };
    let names = chain.hops.iter().map(|hop| hop.to.as_str()).chain([chain.name.as_str()]);
    if let Some(product) = names.into_iter().find(|name| PRODUCTS.iter().any(|suffix| name.ends_with(suffix))) {
        return Ok(Verdict::pass(format!("{product} is a Cloudflare product, meant to be pointed at")));
    }
    let addresses = chain.addresses();
    match addresses.iter().find(|address| cloudflare::owns(**address) || is_resolver(**address)) {
        Some(address) => {
            let seen = format!("the record's target {} is at Cloudflare itself ({address})", chain.name);
            by_address(answer, Finding::seen(seen).proofs(records(chain)).proofs(answers(chain)))
        }
        None if addresses.is_empty() => Err(NotRun::blocked(Probe::Dns, format!("{} has no address", chain.end()))),
        None => Ok(Verdict::pass(format!("{} is outside Cloudflare's ranges", chain.name))),
    }
}

/// What the zone knows: a target in the same zone is of the same account and works, and a custom hostname is answered by the
/// SaaS zone (`facts/cloudflare.md` section 7).
fn meant(evidence: &Evidence) -> Option<String> {
    let zone = evidence.zone_of_host().ok()?;
    let host = &evidence.target.host;
    if zone.custom_hostnames.found().is_some_and(|all| all.iter().any(|custom| custom.hostname == *host)) {
        return Some(format!("{host} is a custom hostname of the zone (Cloudflare for SaaS)"));
    }
    let target = evidence.origin_name().filter(|target| target != host)?;
    let same = zone.name().is_some() && zone.holds(target) && zone.proxies(target) != Some(false);
    same.then(|| format!("{target} is a name of the same zone"))
}

/// 1.1.1.1 and 1.0.0.1 are outside the published ranges (1034, `facts/cloudflare.md` section 6).
fn is_resolver(address: std::net::IpAddr) -> bool {
    matches!(address, std::net::IpAddr::V4(v4) if matches!(v4.octets(), [1, 1, 1, 1] | [1, 0, 0, 1]))
}

/// The edge's own word for it.
fn refused(evidence: &Evidence, response: &Response) -> Option<Verdict> {
    let (code, what) = match cloudflare::error_code(response)? {
        1000 => (1000, "DNS points to a prohibited address"),
        1014 => (1014, "the CNAME leads to a name of another account"),
        1034 => (1034, "the address in the record is restricted"),
        _ => return None,
    };
    let finding = Finding::seen(format!("the edge answers with error {code}: {what}"))
        .proof(format!("status {}, error {code}", response.status));
    // Such a request looks as if it had been through Cloudflare before, whatever the record says (section 6, 1000).
    Some(match forwarded(evidence).filter(|_| code == 1000) {
        Some(name) => Verdict::Warn(
            finding
                .confidence(Confidence::Low)
                .proof(format!("the request carried {name}, which alone can cause 1000: try without it")),
        ),
        None => Verdict::Fail(finding),
    })
}

/// The user's own header that makes a request look as if it came through Cloudflare.
fn forwarded(evidence: &Evidence) -> Option<&str> {
    let names = evidence.target.headers.iter().map(|line| line.name.as_str());
    names.into_iter().find(|name| {
        ["cf-connecting-ip", "x-forwarded-for"].iter().any(|forwarded| name.eq_ignore_ascii_case(forwarded))
    })
}

/// The target is Cloudflare's: a circle, unless it is a SaaS provider or a name of the same account, which works.
fn by_address(answer: Option<&Response>, finding: Finding) -> Result<Verdict, NotRun> {
    if answer.is_some_and(|response| response.status < 500 && cloudflare::error_code(response).is_none()) {
        return Ok(Verdict::pass("the target is at Cloudflare, and it works: a SaaS provider, or the same account"));
    }
    let settle = "a provider that offers Cloudflare for SaaS, or a name of the same account, would be in order";
    Ok(match answer {
        Some(response) => Verdict::Fail(
            finding.confidence(Confidence::Medium).proof(format!("the edge answers {}", response.status)).proof(settle),
        ),
        None => Verdict::Warn(finding.confidence(Confidence::Low).proof(settle)),
    })
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    if let Some((name, what)) = uninvited(evidence)
        && let Some((_, place)) = by_invitation(&name)
    {
        let fix = Fix::new(format!(
            "Add {host} to {name}, {what}; the record alone is not enough. Where that belongs to another account, its owner \
             has to add it."
        ));
        return fix
            .dashboard(format!("{place}: {host}"))
            .shell("Does it answer?", format!("curl -sSi {}", shell_quote(&evidence.target.url())));
    }
    let fix = Fix::new(format!(
        "Point {host} at the origin itself. A name in another Cloudflare account has to be added there as a custom \
         hostname (Cloudflare for SaaS) or custom domain; a site without an origin uses 192.0.2.1 or 100::."
    ));
    let fix = match forwarded(evidence) {
        Some(name) => fix.shell(
            format!("First of all: the same without {name}"),
            format!("curl -sSi {}", shell_quote(&evidence.target.url())),
        ),
        None => fix,
    };
    change_record(fix, host, "d-xxxxxxxxxx.execute-api.REGION.amazonaws.com", true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn at(name: &str, address: &str) -> Evidence {
        declared(chain(&[name], &[address]))
    }

    #[test]
    fn the_edge_says_so() {
        for code in [1000, 1014, 1034] {
            assert_eq!(word(&judge(&edge(nothing(), 409, &format!("error code: {code}")))), "fail", "{code}");
        }
        let mut own = edge(with(proxied()), 403, "error code: 1000");
        own.target.headers.push(crate::evidence::http::HeaderLine::new("CF-Connecting-IP", "192.0.2.1"));
        assert_eq!(word(&judge(&own)), "warn");
        assert_eq!(word(&judge(&edge(nothing(), 530, "error code: 1016"))), "disabled");
        assert_eq!(word(&judge(&edge(with(proxied()), 200, ""))), "pass");
    }

    #[test]
    fn the_target_says_so() {
        let circle = || at("other.example.net", "104.16.9.9");
        assert_eq!(word(&judge(&circle())), "warn");
        let verdict = judge(&edge(circle(), 522, "")).unwrap();
        assert!(matches!(&verdict, Verdict::Fail(finding) if finding.confidence == Confidence::Medium));
        assert_eq!(word(&judge(&edge(circle(), 200, ""))), "pass", "SaaS, or the same account");
        assert_eq!(word(&judge(&at("site.pages.dev", "104.16.9.9"))), "pass");
        assert_eq!(word(&judge(&at("abc.cfargotunnel.com", "104.16.9.9"))), "pass");
        assert_eq!(word(&judge(&at(TARGET, "192.0.2.1"))), "pass");
        assert_eq!(word(&judge(&with(proxied()))), "not-applicable");
        assert_eq!(word(&judge(&declared(chain(&[TARGET], &[])))), "blocked");
    }

    #[test]
    fn addresses_as_origin() {
        let mut evidence = with(proxied());
        for (address, expected) in [("104.16.9.9", "warn"), ("1.1.1.1", "warn"), ("192.0.2.1", "pass")] {
            evidence.target.origin = Some(address.parse().unwrap());
            assert_eq!(word(&judge(&evidence)), expected, "{address}");
        }
        let mut tomorrow = edge(evidence, 200, "");
        tomorrow.target.origin = Some("104.16.9.9".parse().unwrap());
        assert_eq!(word(&judge(&tomorrow)), "pass");
        tomorrow.target.origin.as_mut().unwrap().assumed = true;
        assert_eq!(word(&judge(&tomorrow)), "warn", "today's answer is not about tomorrow's record");
    }

    #[test]
    fn products_that_know_their_hosts() {
        let of = |content: &str, proxied: bool, more: serde_json::Value| {
            let mut document = serde_json::json!({"zone": {"name": "example.com"}, "dns_records": [
                {"name": HOST, "type": "CNAME", "content": content, "proxied": proxied}]});
            for (key, value) in more.as_object().unwrap() {
                document[key] = value.clone();
            }
            zone(nothing(), document)
        };
        let none = || serde_json::json!({});
        let thin = judge(&of("site.pages.dev", true, none())).unwrap();
        let finding = thin.finding().unwrap();
        assert_eq!((finding.confidence, finding.severity), (Confidence::Low, Some(Severity::Low)));
        assert!(
            fix(&of("site.pages.dev", true, none()), finding)
                .summary
                .contains("Add lambda.example.com to site.pages.dev")
        );
        assert_eq!(word(&judge(&edge(of("site.pages.dev", true, none()), 522, ""))), "fail");
        assert_ne!(word(&judge(&edge(of("site.pages.dev", true, none()), 200, ""))), "warn", "it works");
        assert_eq!(word(&judge(&edge(of("site.pages.dev", true, none()), 409, "error code: 1014"))), "fail");
        let domain = serde_json::json!({"worker_domains": [{"hostname": HOST, "service": "site"}]});
        assert_ne!(word(&judge(&of("site.workers.dev", true, domain))), "warn", "it was added");
        for (content, proxied) in [("site.pages.dev", false), ("abc.cfargotunnel.com", true), (TARGET, true)] {
            assert_ne!(word(&judge(&of(content, proxied, none()))), "warn", "{content} {proxied}");
        }
    }

    #[test]
    fn names_of_the_same_account() {
        let www = || at("www.example.com", "104.16.9.9");
        assert_eq!(word(&judge(&edge(www(), 522, ""))), "fail");
        let own = |proxied: bool| serde_json::json!([{"name": "www.example.com", "type": "A", "content": "192.0.2.7", "proxied": proxied}]);
        assert_eq!(word(&judge(&edge(super::super::testing::records(www(), own(true)), 522, ""))), "pass");
        assert_eq!(word(&judge(&edge(super::super::testing::records(www(), own(false)), 522, ""))), "fail");
        let custom = serde_json::json!({"zone": {"name": "example.com"}, "custom_hostnames": [{"hostname": HOST}]});
        assert_eq!(word(&judge(&edge(zone(at("other.example.net", "104.16.9.9"), custom), 522, ""))), "pass");
        let said = edge(super::super::testing::records(www(), own(true)), 409, "error code: 1014");
        assert_eq!(word(&judge(&said)), "fail", "the edge's own word counts first");
    }
}
