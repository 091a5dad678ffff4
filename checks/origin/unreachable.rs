use super::fixes::{class, place, region};
use super::view::{self, Edge, edge, origin_name};
use crate::check::{Check, Probe, Severity};
use crate::evidence::http::{Failure, Outcome};
use crate::evidence::tls::{Connect, Limit};
use crate::evidence::{Evidence, Exchanges};
use crate::model::origin_host::OriginClass;
use crate::model::ssl_mode::{self, SslMode};
use crate::model::tls_report::ReportedFault;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-unreachable",
    title: "The origin takes connections on its HTTPS port",
    severity: Severity::Critical,
    needs: &[Probe::OriginTls, Probe::OriginHttp, Probe::EdgeHttp, Probe::Zone],
    why: "Before anything else Cloudflare opens a TCP connection to the origin. Refused shows visitors a 521, \
          silence a 522, no route a 523. A door that is closed to everyone but Cloudflare is how it should be.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-521/",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-522/",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-523/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    let handshake = match view::handshake(evidence) {
        Ok(handshake) => handshake,
        Err(why) => return own_word(evidence, &edge).ok_or(why),
    };
    let origin = origin_name(evidence);
    match &handshake.connect {
        Connect::Open => Ok(open(evidence, &edge, &origin)),
        Connect::Reported => reported(evidence, &edge),
        Connect::Refused | Connect::Unreachable { .. } => closed(evidence, &edge, &handshake.connect),
        Connect::TimedOut(patience) if patience.limit == Limit::Step => closed(evidence, &edge, &handshake.connect),
        Connect::TimedOut(_) => own_word(evidence, &edge)
            .ok_or_else(|| NotRun::inconclusive(format!("{origin}: {}", handshake.connect.describe()))),
        Connect::NoAddress { why } => {
            own_word(evidence, &edge).ok_or_else(|| NotRun::blocked(Probe::OriginTls, why.clone()))
        }
        Connect::ProxyFailed { .. } => own_word(evidence, &edge)
            .ok_or_else(|| NotRun::inconclusive(format!("{origin}: {}", handshake.connect.describe()))),
    }
}

/// 521–523 are Cloudflare's own word for a connection that did not come about (`facts/cloudflare.md` section 6).
fn own_word(evidence: &Evidence, edge: &Edge) -> Option<Verdict> {
    let Edge::Error { code: code @ 521..=523, line } = edge else { return None };
    let what = match code {
        521 => "the origin refuses its TCP connections",
        522 => "the origin does not answer its TCP connections",
        _ => "there is no route to the origin",
    };
    let whose = match evidence.target.origin {
        Some(_) => "what we could see of it does not tell which port",
        None => "the port is 443 in Full and strict, 80 in Off and Flexible; --origin HOST would tell",
    };
    let seen = format!("Cloudflare answers {code}: {what}");
    Some(Verdict::Fail(Finding::seen(seen).proof(line).proof(whose).confidence(Confidence::Medium)))
}

/// Open to us, and yet Cloudflare may not come in.
fn open(evidence: &Evidence, edge: &Edge, origin: &str) -> Verdict {
    let Edge::Error { code: code @ 521..=523, line } = edge else {
        return Verdict::pass(format!("{origin} takes connections on port {}", port(evidence)));
    };
    let plain = evidence.origin.http.found().and_then(|http: &Exchanges| http.plain.found());
    let plain_closed = plain.is_some_and(|exchange| matches!(exchange.outcome, Outcome::Failed(Failure::Connect(_))));
    let known = evidence.effective().ok();
    let mode = known.as_ref().and_then(|known| Some((*known.ssl.certain()?, &known.ssl.by)));
    let finding = if let Some((mode, by)) = mode.filter(|(mode, _)| plain_closed && *mode < SslMode::Full) {
        let seen = format!(
            "{origin} takes connections on port {}, its port 80 does not, and Cloudflare answers {code}: the mode is {} \
             ({by}), which uses port 80",
            port(evidence),
            mode.api()
        );
        return Verdict::Fail(Finding::seen(seen).proof(line).proof(by.line()).proofs(modes(evidence)));
    } else if plain_closed && mode.is_none() {
        Finding::seen(format!(
            "{origin} takes connections on port {}, its port 80 does not, and Cloudflare answers {code}: the mode is \
             Off or Flexible, which use port 80, or a firewall refuses Cloudflare",
            port(evidence)
        ))
    } else {
        Finding::seen(format!(
            "{origin} takes our connections, and Cloudflare answers {code}: a firewall refuses Cloudflare's \
             addresses, or the record points elsewhere"
        ))
    };
    Verdict::Fail(finding.proof(line).proofs(modes(evidence)).confidence(Confidence::Medium))
}

fn closed(evidence: &Evidence, edge: &Edge, connect: &Connect) -> Result<Verdict, NotRun> {
    let origin = origin_name(evidence);
    let what = format!("{origin}, port {}: {}", port(evidence), connect.describe());
    match edge {
        Edge::Serves(line) => Ok(Verdict::pass(format!("closed to everyone but Cloudflare ({what}; {line})"))),
        Edge::Error { code: 521..=523, line } => {
            let seen = match class(evidence) {
                OriginClass::S3Website => format!("{what}; an S3 website has no HTTPS, which Full and strict need"),
                _ => what,
            };
            Ok(Verdict::Fail(Finding::seen(seen).proof(line).proofs(modes(evidence))))
        }
        Edge::Error { code, line } => Ok(Verdict::pass(format!(
            "closed to us only: Cloudflare comes in, for its {code} is about what follows ({line})"
        ))),
        Edge::Silent(_) | Edge::Unseen if class(evidence).is_http_only() => Err(NotRun::not_applicable(format!(
            "{what}; an {} has no HTTPS by its nature: only Off and Flexible reach it, Full and strict answer 521 or \
            522",
            class(evidence).name()
        ))),
        Edge::Silent(line) if !matches!(connect, Connect::Refused) => {
            Err(NotRun::inconclusive(format!("{what}; whether it is open to Cloudflare was not seen ({line})")))
        }
        Edge::Unseen if !matches!(connect, Connect::Refused) && !view::our_network_works(evidence) => {
            Err(NotRun::inconclusive(format!("{what}; nothing else was there to tell whether it is our own network")))
        }
        Edge::Silent(_) | Edge::Unseen => {
            let finding =
                Finding::seen(format!("{what}; that is meant only if it is closed to everyone but Cloudflare"))
                    .confidence(Confidence::Medium)
                    .proofs(edge.line().map(str::to_owned))
                    .proofs(modes(evidence));
            Ok(Verdict::Warn(finding))
        }
    }
}

fn reported(evidence: &Evidence, edge: &Edge) -> Result<Verdict, NotRun> {
    if let Some(verdict) = own_word(evidence, edge) {
        return Ok(verdict);
    }
    let faults = view::reported(evidence);
    if let (Edge::Error { code: 520..=525, line }, Some(kind)) = (edge, view::reported_http_only(evidence)) {
        let seen =
            format!("what stands behind was reported to be an {kind}, which has no HTTPS: Full and strict need it");
        let finding = Finding::seen(seen).proof(line).proofs(view::report_line(evidence));
        return Ok(Verdict::Fail(finding.confidence(Confidence::Medium)));
    }
    let tcp = [ReportedFault::Refused, ReportedFault::TimedOut, ReportedFault::Unreachable];
    match (edge, faults.iter().any(|fault| tcp.contains(fault))) {
        (Edge::Serves(line), true) => Ok(Verdict::pass(format!("closed to the reporter, not to Cloudflare ({line})"))),
        (_, true) => {
            let finding = Finding::seen(format!("{} was reported not to take connections", origin_name(evidence)));
            Ok(Verdict::Fail(finding.proofs(view::report_line(evidence)).confidence(Confidence::Medium)))
        }
        (_, false) => Err(NotRun::not_applicable("only a report of the origin's certificate is known")),
    }
}

fn port(evidence: &Evidence) -> u16 {
    evidence.target.origin.as_ref().map_or(443, |origin| origin.port)
}

fn modes(evidence: &Evidence) -> Vec<String> {
    ssl_mode::outcomes(evidence).iter().flatten().map(ToString::to_string).collect()
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let origin = place(evidence);
    let region = region(evidence);
    match class(evidence) {
        OriginClass::S3Website => Fix::new(
            "Put something with HTTPS between Cloudflare and the bucket: CloudFront, or Cloud Connector to its REST \
             endpoint.",
        )
        .dashboard("Rules → Cloud Connector → Amazon S3, for this host name")
        .shell(
            "Or a distribution in front of the website endpoint",
            format!("aws cloudfront create-distribution --origin-domain-name {origin}"),
        ),
        OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault if evidence.zone.found().is_some() => {
            crate::cloudflare::make_strict(evidence).shell(
                "And the target that the record must have",
                format!(
                    "aws apigateway get-domain-name --domain-name {} --query regionalDomainName --region {region}",
                    evidence.target.host
                ),
            )
        }
        OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault => Fix::new(
            "API Gateway listens on port 443 only and lets everybody connect: point the record at the custom domain's \
             current target, and set the encryption mode to Full (strict).",
        )
        .shell(
            "The target that the record must have",
            format!(
                "aws apigateway get-domain-name --domain-name {} --query regionalDomainName --region {region}",
                evidence.target.host
            ),
        )
        .dashboard("SSL/TLS → Overview → Full (strict); Off and Flexible use port 80")
        .api(
            "The same",
            "curl -X PATCH \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/ssl\" \
             -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
             --data '{\"value\":\"strict\"}'",
        ),
        _ => Fix::new(
            "Let the origin listen on port 443 and its firewall admit Cloudflare's addresses \
             (https://www.cloudflare.com/ips/), or correct the record.",
        )
        .shell("Does it listen?", format!("nc -vz {origin} 443"))
        .shell(
            "Admit Cloudflare in an AWS security group, once for each range",
            format!(
                "for range in $(curl -s https://www.cloudflare.com/ips-v4); do aws ec2 \
                 authorize-security-group-ingress --group-id \"$SECURITY_GROUP\" --protocol tcp --port 443 --cidr \
                 \"$range\" --region {region}; done"
            ),
        )
        .dashboard("DNS → Records → the record's content; SSL/TLS → Overview: Full (strict) uses port 443"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::TlsOutcome;
    use crate::origin::testing::*;

    fn connecting(connect: Connect) -> Evidence {
        let mut evidence = evidence();
        evidence.origin.tls = Gathered::Found(failed(connect, TlsOutcome::NotReached));
        evidence
    }

    #[test]
    fn a_closed_door_is_a_fault_only_to_cloudflare() {
        let silent = || Connect::TimedOut(waited(Limit::Step));
        let no_route = || Connect::Unreachable { why: "no route to host".into() };
        for connect in [Connect::Refused, silent(), no_route()] {
            let evidence = connecting(connect);
            assert_eq!(word(&CHECK, &served(evidence.clone())), "pass");
            assert_eq!(word(&CHECK, &edge_error(evidence.clone(), 525)), "pass");
            assert_eq!(word(&CHECK, &edge_error(evidence.clone(), 526)), "pass");
            for code in [521, 522, 523] {
                assert_eq!(word(&CHECK, &edge_error(evidence.clone(), code)), "fail/high");
            }
        }
        assert_eq!(word(&CHECK, &edge_hit(connecting(Connect::Refused))), "warn/medium");
        assert_eq!(word(&CHECK, &connecting(Connect::Refused)), "warn/medium");
        assert_eq!(word(&CHECK, &edge_hit(connecting(silent()))), "inconclusive");
        assert_eq!(word(&CHECK, &connecting(silent())), "inconclusive");
        assert_eq!(word(&CHECK, &connecting(no_route())), "inconclusive");
    }

    #[test]
    fn our_own_limits_blame_nobody() {
        for limit in [Limit::Deadline, Limit::Interrupted, Limit::Overloaded] {
            let evidence = connecting(Connect::TimedOut(waited(limit)));
            assert_eq!(word(&CHECK, &evidence), "inconclusive");
            assert_eq!(word(&CHECK, &edge_error(evidence, 522)), "fail/medium", "Cloudflare's word stands");
        }
        assert_eq!(word(&CHECK, &connecting(Connect::ProxyFailed { why: "407".into() })), "inconclusive");
        let nameless = connecting(Connect::NoAddress { why: "NXDOMAIN".into() });
        assert_eq!(word(&CHECK, &nameless), "blocked");
    }

    #[test]
    fn the_edges_own_word_is_enough_for_a_guess() {
        assert_eq!(word(&CHECK, &edge_error(evidence(), 522)), "fail/medium");
        assert_eq!(word(&CHECK, &edge_error(evidence(), 526)), "disabled");
        let mut unknown = edge_error(evidence(), 521);
        unknown.target.origin = None;
        assert_eq!(word(&CHECK, &unknown), "fail/medium");
        unknown.edge.http = Gathered::Missing(NotRun::Disabled(Probe::EdgeHttp));
        assert_eq!(word(&CHECK, &unknown), "not-applicable");
    }

    #[test]
    fn open_to_us_and_not_to_cloudflare() {
        let open = pki().healthy();
        assert_eq!(word(&CHECK, &open), "pass");
        assert_eq!(word(&CHECK, &served(open.clone())), "pass");
        assert_eq!(word(&CHECK, &edge_error(open.clone(), 522)), "fail/medium");
        assert!(seen(&CHECK, &edge_error(open.clone(), 522)).contains("firewall"));
        let https_only = on_port_80(edge_error(open, 521), refused());
        assert_eq!(word(&CHECK, &https_only), "fail/medium");
        assert!(seen(&CHECK, &https_only).contains("Flexible"));
    }

    #[test]
    fn an_origin_without_https_by_nature() {
        let mut website = connecting(Connect::Refused);
        website.target.origin = Some("www.example.com.s3-website-us-west-2.amazonaws.com".parse().unwrap());
        assert_eq!(word(&CHECK, &website), "not-applicable");
        assert_eq!(word(&CHECK, &served(website.clone())), "pass");
        let failing = edge_error(website, 521);
        assert_eq!(word(&CHECK, &failing), "fail/high");
        assert!(seen(&CHECK, &failing).contains("has no HTTPS"));
    }

    #[test]
    fn tomorrows_origin_is_not_judged_by_todays_edge() {
        let mut evidence = served(connecting(Connect::Refused));
        evidence.target.origin.as_mut().unwrap().assumed = true;
        assert_eq!(word(&CHECK, &evidence), "warn/medium");
    }

    #[test]
    fn reports() {
        let report = |error: &str| {
            let mut evidence = evidence();
            let outcome = TlsOutcome::Reported { error: Some(error.into()) };
            evidence.origin.tls = Gathered::Found(failed(Connect::Reported, outcome));
            evidence
        };
        assert_eq!(word(&CHECK, &report("connection refused")), "fail/medium");
        assert_eq!(word(&CHECK, &served(report("connection refused"))), "pass");
        assert_eq!(word(&CHECK, &report("certificate has expired")), "not-applicable");
        assert_eq!(word(&CHECK, &edge_error(report("certificate has expired"), 522)), "fail/medium");
    }
}
