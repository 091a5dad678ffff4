//! What the record points at has no address.

use super::{Absence, absence, answers, change_record, records, region_for_commands};
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::model::cloudflare;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "dns-target-unresolvable",
    title: "The record's target resolves",
    severity: Severity::Critical,
    needs: &[Probe::Dns, Probe::EdgeHttp],
    why: "Cloudflare looks up the record's target for every new connection; when the custom domain or distribution \
          behind it \
          was deleted or re-created, its name is gone and visitors get 530 with error 1016. A CNAME that dangles \
          can also be \
          taken over by whoever registers the name next.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/error-1016/",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains.html",
    ],
    judge,
};

/// Origin DNS error (`facts/cloudflare.md` section 6).
const ORIGIN_DNS_ERROR: u16 = 1016;

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let refusal = evidence.edge_answer().ok().filter(|response| response.status == 530 || code(response).is_some());
    let said = refusal.and_then(code);
    let named = || match evidence.origin_name() {
        Some(name) => format!("{name} does not resolve"),
        None => "the record's target does not resolve".into(),
    };
    let proofs = |finding: Finding| match evidence.origin_chain() {
        Ok(chain) => finding.proofs(records(chain)).proofs(answers(chain)),
        Err(_) => finding,
    };
    if said == Some(ORIGIN_DNS_ERROR) {
        let status = refusal.map_or(530, |response| response.status);
        let seen = format!("{}: the edge answers {status} with error 1016 (origin DNS error)", named());
        return Ok(Verdict::Fail(proofs(Finding::seen(seen).proof(format!("status {status}, error 1016")))));
    }
    let chain = match evidence.origin_chain() {
        Ok(chain) => chain,
        Err(why) => return without_target(evidence, said, refusal.map(|response| response.status), why),
    };
    if chain.fault.is_some() {
        return Err(NotRun::blocked(Probe::Dns, format!("the CNAME chain of {} never ends", chain.name)));
    }
    let assumed = evidence.target.origin.as_ref().is_some_and(|origin| origin.assumed);
    let served = evidence.edge_serves_fresh().filter(|_| !assumed);
    let finding = |what: &str| proofs(Finding::seen(format!("{}: {what}", named())));
    match absence(chain) {
        Absence::None => Ok(Verdict::pass(format!("{} resolves", chain.name))),
        Absence::Sure(what) | Absence::Half(what) if served.is_some() => Ok(Verdict::Warn(
            finding(what)
                .confidence(Confidence::Low)
                .proof("yet the edge serves answers that an origin made: is this what the record points at?"),
        )),
        Absence::Sure(what) => Ok(Verdict::Fail(finding(what))),
        Absence::Half(what) => Ok(Verdict::Warn(finding(what).confidence(Confidence::Medium))),
        Absence::Failed(_) if served.is_some() => {
            Ok(Verdict::pass(format!("the edge reaches {}, though it does not resolve here", chain.name)))
        }
        Absence::Failed(what) => Ok(Verdict::Warn(finding(&what).confidence(Confidence::Medium))),
        Absence::Unknown(why) => Err(NotRun::inconclusive(format!("{}: {why}", chain.end()))),
    }
}

/// The verdict where the target itself was not looked up: what the edge says of it.
fn without_target(evidence: &Evidence, said: Option<u16>, status: Option<u16>, why: NotRun) -> Result<Verdict, NotRun> {
    if status == Some(530) && said.is_none() {
        let line =
            "the edge answers 530 without a code that we can read; usually that is 1016, the target does not resolve";
        return Ok(Verdict::Fail(Finding::seen(line).proof("status 530").confidence(Confidence::Medium)));
    }
    if evidence.edge_serves_fresh().is_some() {
        return Ok(Verdict::pass("the edge reaches the origin"));
    }
    Err(why)
}

fn code(response: &crate::evidence::Response) -> Option<u16> {
    cloudflare::error_code(response).filter(|code| *code < 2000 && *code >= 1000)
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let region = region_for_commands(evidence);
    let fix = Fix::new(format!(
        "Point {host} at the target that API Gateway shows today for the custom domain {host}, or create that \
         domain again."
    ))
    .shell(
        "The target to point at",
        format!(
            "aws apigatewayv2 get-domain-name --domain-name {host} --region {region} --query \
             'DomainNameConfigurations[0].ApiGatewayDomainName' --output text"
        ),
    );
    change_record(fix, host, "d-xxxxxxxxxx.execute-api.REGION.amazonaws.com", true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::dns::Lookup;

    fn origin(ipv4: Lookup, ipv6: Lookup) -> Evidence {
        let mut chain = lookups(ipv4, ipv6);
        chain.name = TARGET.into();
        declared(chain)
    }

    #[test]
    fn the_edge_says_so() {
        let evidence = edge(with(proxied()), 530, "error code: 1016");
        let verdict = judge(&evidence).unwrap();
        assert!(matches!(&verdict, Verdict::Fail(finding) if finding.confidence == Confidence::High));
        assert_eq!(word(&judge(&edge(nothing(), 530, "error code: 1016"))), "fail", "no DNS is needed");
        let bare = judge(&edge(nothing(), 530, "")).unwrap();
        assert_eq!(bare.finding().unwrap().confidence, Confidence::Medium);
        assert_eq!(word(&judge(&edge(with(proxied()), 530, "error code: 1033"))), "not-applicable", "a tunnel");
        assert_eq!(word(&judge(&edge(nothing(), 200, ""))), "pass");
        assert_eq!(word(&judge(&edge(with(proxied()), 521, ""))), "not-applicable");
        assert_eq!(word(&judge(&edge(nothing(), 521, ""))), "disabled");
    }

    #[test]
    fn the_target_says_so() {
        let gone = || origin(Lookup::NxDomain, Lookup::NxDomain);
        let verdict = judge(&gone()).unwrap();
        assert!(matches!(&verdict, Verdict::Fail(finding) if finding.seen.contains(TARGET)));
        let text = format!("{:?}", fix(&gone(), verdict.finding().unwrap()));
        assert!(text.contains("--region us-west-2") && text.contains(HOST), "{text}");
        let served = judge(&edge(gone(), 200, "")).unwrap();
        assert!(matches!(served, Verdict::Warn(finding) if finding.confidence == Confidence::Low));
        let mut tomorrow = edge(gone(), 200, "");
        tomorrow.target.origin.as_mut().unwrap().assumed = true;
        assert_eq!(word(&judge(&tomorrow)), "fail");
        assert_eq!(word(&judge(&origin(servfail(), servfail()))), "warn");
        assert_eq!(word(&judge(&edge(origin(servfail(), servfail()), 200, ""))), "pass");
        assert_eq!(word(&judge(&origin(Lookup::TimedOut, Lookup::TimedOut))), "inconclusive");
        assert_eq!(word(&judge(&origin(answer(&["192.0.2.1"]), Lookup::NoData))), "pass");
    }

    #[test]
    fn a_visible_chain_that_dangles() {
        assert_eq!(word(&judge(&with(host(chain(&[HOST, TARGET], &[]))))), "fail");
        assert_eq!(word(&judge(&with(host(chain(&[HOST, TARGET], &["192.0.2.1"]))))), "pass");
        assert_eq!(word(&judge(&with(proxied()))), "not-applicable");
    }
}
