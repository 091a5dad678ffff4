use super::fixes::{class, region};
use super::view::origin_name;
use crate::check::{Check, Probe, Severity};
use crate::evidence::http::{Failure, Outcome};
use crate::evidence::redact::REDACTED;
use crate::evidence::tls::{ClientCertificate, Limit};
use crate::evidence::{Evidence, Exchange};
use crate::model::origin_host::OriginClass;
use crate::verdict::{Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-bypass-open",
    title: "The origin answers Cloudflare only",
    severity: Severity::Low,
    needs: &[Probe::OriginHttp, Probe::OriginTls, Probe::Zone],
    why: "Whoever learns the origin's name (old DNS data, a repository, a log) reaches it past Cloudflare: no \
          firewall, no rate limit, no cache, every request billed. A regional API Gateway domain answers everyone who \
          asks for the name.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/authenticated-origin-pull/",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let http = evidence.origin.http.get()?;
    let origin = origin_name(evidence);
    let first = http.samples.first().ok_or_else(|| NotRun::blocked(Probe::OriginHttp, "the origin was not asked"))?;
    let response = match &first.outcome {
        Outcome::Answered(response) => response,
        Outcome::Failed(failure) if is_ours(failure) => return Err(NotRun::inconclusive(failure.describe())),
        Outcome::Failed(failure) => return Ok(Verdict::pass(format!("closed to us: {}", failure.describe()))),
    };
    if !(200..300).contains(&response.status) {
        return Ok(Verdict::pass(format!("asked directly, it answers {}", response.status)));
    }
    let handshake = evidence.origin.tls.found();
    if handshake.is_some_and(|handshake| handshake.client_certificate == ClientCertificate::Sent) {
        return Err(NotRun::inconclusive("it got the certificate of --cert, which others do not have"));
    }
    if carries_a_secret(first) {
        return Err(NotRun::inconclusive("the request carried a secret of yours, which others do not have"));
    }
    let finding =
        Finding::seen(format!("{origin}, asked directly, answers {} to anyone who knows its name", response.status))
            .proof(format!("origin: {} {} → {}", first.request.method, first.request.url, response.status))
            .proofs(handshake.map(|handshake| format!("at {}, without a client certificate", handshake.place())))
            .proofs(sent_in_vain(evidence));
    Ok(Verdict::Warn(finding))
}

/// Cloudflare shows a certificate, and the origin does not ask for it.
fn sent_in_vain(evidence: &Evidence) -> Option<String> {
    let zone = evidence.zone_of_host().ok()?;
    let pulls = &zone.origin_pulls;
    let levels = [
        ("this host", pulls.host.found()),
        ("the zone", pulls.zone.found()),
        ("all zones", zone.settings.origin_pulls.found()),
    ];
    let (level, _) = levels.into_iter().find(|(_, on)| *on == Some(&true))?;
    Some(format!("Authenticated Origin Pulls is on (the certificate of {level}), and the origin does not demand it"))
}

/// Our own decisions and time limits, which say nothing of the origin.
fn is_ours(failure: &Failure) -> bool {
    matches!(failure, Failure::NotSent { .. })
        || matches!(failure, Failure::TimedOut(patience) if patience.limit != Limit::Step)
        || matches!(failure, Failure::Connect(crate::evidence::tls::Connect::ProxyFailed { .. }))
        || matches!(
            failure,
            Failure::Connect(crate::evidence::tls::Connect::TimedOut(patience)) if patience.limit != Limit::Step
        )
}

/// Secrets of the user's own headers are known by what stands in their place.
fn carries_a_secret(exchange: &Exchange) -> bool {
    exchange.request.headers.lines().iter().any(|line| line.value.contains(REDACTED))
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let region = region(evidence);
    let own_certificate = "SSL/TLS → Origin Server → Authenticated Origin Pulls, with a certificate of your own CA \
                           (the shared one proves only that some Cloudflare zone asks)";
    match class(evidence) {
        OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault => Fix::new(
            "Let the custom domain demand a client certificate that only your zone has, and close the default \
             endpoint; or check a secret header, set by a Transform Rule, in an authorizer.",
        )
        .dashboard(own_certificate)
        .shell(
            "Mutual TLS on the custom domain (security policy TLS_1_2; an imported certificate needs an ownership \
            one too)",
            format!(
                "aws apigateway update-domain-name --domain-name {host} --patch-operations \
                 op=replace,path=/mutualTlsAuthentication/truststoreUri,value=s3://BUCKET/truststore.pem --region {region}"
            ),
        )
        .shell(
            "The default endpoint (HTTP API; a REST API: update-rest-api, then deploy again)",
            format!(
                "aws apigatewayv2 update-api --api-id \"$API_ID\" --disable-execute-api-endpoint --region {region}"
            ),
        ),
        _ => Fix::new("Admit Cloudflare only: by client certificate, by address, or by a tunnel.")
            .dashboard(own_certificate)
            .dashboard("Or Zero Trust → Networks → Tunnels: the origin then needs no open port at all")
            .code(
                "nginx: the certificate",
                "ssl_client_certificate /etc/ssl/own-origin-pull-ca.pem;\nssl_verify_client on;",
            ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::Connect;
    use crate::origin::testing::*;

    #[test]
    fn open_to_anyone() {
        for status in [200, 204] {
            assert_eq!(word(&CHECK, &origin_answers(pki().healthy(), answered(status, [], "{}"))), "warn/high");
        }
        assert_eq!(CHECK.severity, Severity::Low);
        assert_eq!(word(&CHECK, &origin_answers(evidence(), answered(200, [], "{}"))), "warn/high");
    }

    #[test]
    fn closed_in_any_way() {
        for status in [301, 401, 403, 404, 500] {
            assert_eq!(word(&CHECK, &origin_answers(pki().healthy(), answered(status, [], ""))), "pass");
        }
        for failure in [Failure::Connect(Connect::Refused), Failure::Reset, Failure::Tls { why: "alert".into() }] {
            assert_eq!(word(&CHECK, &origin_answers(pki().healthy(), Outcome::Failed(failure))), "pass");
        }
        let ours = [Failure::TimedOut(waited(Limit::Deadline)), Failure::NotSent { why: "a secret".into() }];
        for failure in ours {
            assert_eq!(word(&CHECK, &origin_answers(pki().healthy(), Outcome::Failed(failure))), "inconclusive");
        }
    }

    #[test]
    fn what_others_do_not_have() {
        let mut ours = origin_answers(pki().healthy(), answered(200, [], "{}"));
        let Gathered::Found(handshake) = &mut ours.origin.tls else { unreachable!() };
        handshake.client_certificate = ClientCertificate::Sent;
        assert_eq!(word(&CHECK, &ours), "inconclusive");
        let mut secret = origin_answers(pki().healthy(), answered(200, [], "{}"));
        let Gathered::Found(http) = &mut secret.origin.http else { unreachable!() };
        http.samples[0].request.headers.push("authorization", "Bearer abcdefgh");
        assert_eq!(word(&CHECK, &secret), "inconclusive");
        assert_eq!(word(&CHECK, &evidence()), "disabled");
    }

    #[test]
    fn a_certificate_that_nobody_asks_for_is_named() {
        let mut open = origin_answers(pki().healthy(), answered(200, [], "{}"));
        let document = serde_json::json!({"settings": {"tls_client_auth": "on"}});
        open.zone = Gathered::Found(crate::evidence::Zone::from_document(document).unwrap());
        assert_eq!(word(&CHECK, &open), "warn/high");
        let Ok(Verdict::Warn(finding)) = CHECK.run(&open) else { panic!("no warning") };
        assert!(finding.proof.iter().any(|line| line.contains("does not demand it")), "{finding:?}");
    }
}
