use super::fixes::{class, region};
use super::view::{self, Edge, edge, line, origin_name};
use crate::check::{Check, Probe, Severity};
use crate::evidence::tls::{ClientCertificate, Connect, Handshake, TlsOutcome};
use crate::evidence::{Evidence, Response};
use crate::model::origin_host::OriginClass;
use crate::model::ssl_mode::SslMode;
use crate::model::tls_report::ReportedFault;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "origin-client-certificate-required",
    title: "Cloudflare can show the client certificate that the origin wants",
    severity: Severity::Critical,
    needs: &[Probe::OriginTls, Probe::OriginHttp, Probe::EdgeHttp, Probe::Zone],
    why: "An origin that refuses whoever has no client certificate is well protected, as long as Cloudflare has one: \
          Authenticated Origin Pulls must be on, with a certificate that the origin's trust store knows. Else \
          visitors see 525, 520 or 400. Merely asking for one is healthy.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/origin-configuration/authenticated-origin-pull/",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mutual-tls.html",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let edge = edge(evidence);
    let origin = origin_name(evidence);
    let handshake = match view::handshake(evidence) {
        Ok(handshake) => handshake,
        // Nobody asked the origin, and yet its refusal is seen: it came through the edge.
        Err(why) => return through_the_edge(evidence, &origin).ok_or(why),
    };
    let Some(refusal) = refusal(evidence, handshake) else { return accepts(evidence, &edge, handshake) };
    let finding = Finding::seen(format!("{origin} refuses whoever shows no client certificate")).proof(refusal);
    // The same refusal through Cloudflare: what came through is the origin's answer, and it is a no.
    let through =
        (*edge != Edge::Unseen).then(|| evidence.edge_exchanges().find(|e| e.response().is_some_and(refuses)));
    if let Some(exchange) = through.flatten() {
        let shows = match Pulls::of(evidence) {
            Some(Pulls::Sends(which)) => format!("Cloudflare shows {which}, which the origin does not know"),
            Some(Pulls::None) => "Authenticated Origin Pulls is off at every level: Cloudflare shows none".into(),
            None => "Cloudflare shows none, or not the right one".into(),
        };
        return Ok(Verdict::Fail(finding.proof(line(exchange)).proof(shows)));
    }
    Ok(match &*edge {
        Edge::Serves(line) => Verdict::pass(format!("closed to everyone but Cloudflare, which shows one ({line})")),
        Edge::Error { code: 520 | 525, line } => {
            let pulls = Pulls::of(evidence).map(|pulls| match pulls {
                Pulls::Sends(which) => {
                    format!("Cloudflare shows {which}: the origin's trust store does not know its CA")
                }
                Pulls::None => "Authenticated Origin Pulls is off at every level".into(),
            });
            Verdict::Fail(finding.proof(line).proofs(pulls))
        }
        other => match Pulls::of(evidence) {
            Some(Pulls::Sends(which)) => {
                Verdict::pass(format!("closed to everyone without a certificate; Cloudflare shows {which}"))
            }
            Some(Pulls::None) => Verdict::Fail(
                finding
                    .proofs(other.line().map(str::to_owned))
                    .proof("Authenticated Origin Pulls is off at every level: Cloudflare shows none"),
            ),
            None => {
                let finding = finding
                    .proofs(other.line().map(str::to_owned))
                    .proof("whether Cloudflare shows one was not seen: a fresh answer of the edge would tell");
                Verdict::Warn(finding.confidence(Confidence::Medium))
            }
        },
    })
}

/// The refusal as visitors meet it, where the origin itself was not asked.
fn through_the_edge(evidence: &Evidence, origin: &str) -> Option<Verdict> {
    let exchange = evidence.edge_exchanges().find(|exchange| exchange.response().is_some_and(refuses))?;
    let shows = match Pulls::of(evidence) {
        Some(Pulls::Sends(which)) => format!("Cloudflare shows {which}, which the origin does not know"),
        Some(Pulls::None) => "Authenticated Origin Pulls is off at every level: Cloudflare shows none".into(),
        None => "Cloudflare shows none, or not the right one".into(),
    };
    let finding = Finding::seen(format!("{origin} refuses whoever shows no client certificate, Cloudflare too"));
    Some(Verdict::Fail(finding.proof(line(exchange)).proof("\"No required SSL certificate was sent\"").proof(shows)))
}

/// What Cloudflare shows to this host's origin: host before zone before global (`facts/cloudflare.md` section 4.5).
enum Pulls {
    /// A certificate; which.
    Sends(&'static str),
    /// None: off at each of the three levels.
    None,
}

impl Pulls {
    /// `None`: not all that decides is known.
    fn of(evidence: &Evidence) -> Option<Pulls> {
        let zone = evidence.zone_of_host().ok()?;
        // No certificate is shown where the way to the origin is plain HTTP.
        if let Ok(effective) = evidence.effective()
            && matches!(effective.ssl.certain(), Some(SslMode::Off | SslMode::Flexible))
        {
            return Some(Pulls::None);
        }
        let pulls = &zone.origin_pulls;
        let zone_level = match (pulls.zone.found(), pulls.zone_certificate.found()) {
            (Some(true), Some(true)) => Some(true),
            (Some(false), _) | (_, Some(false)) => Some(false),
            _ => None,
        };
        match (pulls.host.found(), zone_level, zone.settings.origin_pulls.found()) {
            (Some(true), ..) => Some(Pulls::Sends("the certificate of this host")),
            (Some(false), Some(true), _) => Some(Pulls::Sends("the zone's own certificate")),
            (Some(false), Some(false), Some(true)) => {
                Some(Pulls::Sends("the certificate that all zones share (CN=origin-pull.cloudflare.net)"))
            }
            (Some(false), Some(false), Some(false)) => Some(Pulls::None),
            _ => None,
        }
    }
}

/// How it refuses: in the handshake, or in HTTP after it (nginx's way).
fn refusal(evidence: &Evidence, handshake: &Handshake) -> Option<String> {
    if handshake.client_certificate == ClientCertificate::Required {
        return Some(match &handshake.outcome {
            TlsOutcome::Alert { name, after_handshake: true, .. } => format!("alert {name} after the handshake"),
            TlsOutcome::Alert { name, .. } => format!("alert {name}"),
            _ => "it asks for a certificate, and ends the connection without one".into(),
        });
    }
    // certificate_required (RFC 8446 §6.2).
    if matches!(handshake.outcome, TlsOutcome::Alert { code: 116, .. }) {
        return Some("alert certificate_required".into());
    }
    if view::reported(evidence).contains(&ReportedFault::ClientCertificate) {
        return view::report_line(evidence);
    }
    let answer = evidence.origin_answer().ok().filter(|response| refuses(response))?;
    Some(format!("asked directly, it answers {} with \"No required SSL certificate was sent\"", answer.status))
}

/// nginx with `ssl_verify_client on` completes the handshake and refuses in HTTP.
fn refuses(response: &Response) -> bool {
    response.status == 400 && response.body.prefix.contains("No required SSL certificate was sent")
}

fn accepts(evidence: &Evidence, edge: &Edge, handshake: &Handshake) -> Result<Verdict, NotRun> {
    match (handshake.client_certificate, &handshake.outcome) {
        (ClientCertificate::Rejected, _) => match edge {
            Edge::Serves(line) => {
                Ok(Verdict::pass(format!("it refuses our certificate, and not Cloudflare's ({line})")))
            }
            _ => Err(NotRun::inconclusive("it refuses the certificate of --cert; Cloudflare's may be another")),
        },
        (ClientCertificate::Sent, _) => {
            Err(NotRun::inconclusive("it got the certificate of --cert; whether it would do without is not known"))
        }
        (ClientCertificate::Asked, TlsOutcome::Completed) => {
            Ok(Verdict::pass("it asks for a client certificate, and goes on without one"))
        }
        (ClientCertificate::NotAsked, TlsOutcome::Completed) => Ok(Verdict::pass("it asks for none")),
        (_, TlsOutcome::NotReached) => Err(NotRun::blocked(Probe::OriginTls, handshake.connect.describe())),
        _ if handshake.connect == Connect::Reported => {
            Err(NotRun::not_applicable(format!("nothing of the kind was reported of {}", origin_name(evidence))))
        }
        _ => Err(NotRun::inconclusive("the handshake failed for another reason")),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let host = &evidence.target.host;
    let fix = Fix::new(
        "Switch Authenticated Origin Pulls on, with a certificate whose CA is in the origin's trust store; the one \
         of your own zone rather than the one that all zones share.",
    )
    .dashboard("SSL/TLS → Origin Server → Authenticated Origin Pulls")
    .api(
        "Upload a client certificate of your own CA for this zone",
        "curl -X POST \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/origin_tls_client_auth\" \
         -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
         --data '{\"certificate\":\"…\",\"private_key\":\"…\"}'",
    )
    .api(
        "Switch it on",
        "curl -X PUT \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/origin_tls_client_auth/settings\" \
         -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
         --data '{\"enabled\":true}'",
    )
    .terraform(
        "The same",
        "resource \"cloudflare_authenticated_origin_pulls_settings\" \"zone\" {\n  zone_id = var.zone_id\n  \
         enabled = true\n}",
    );
    if !matches!(class(evidence), OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault) {
        return fix;
    }
    fix.shell(
        "Let API Gateway read a changed trust store (a new version is taken only when the domain is saved)",
        format!(
            "aws apigateway update-domain-name --domain-name {host} --patch-operations \
             op=replace,path=/mutualTlsAuthentication/truststoreVersion,value=\"$VERSION\" --region {}",
            region(evidence)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Gathered;
    use crate::origin::testing::*;

    const NGINX: &str = "<html><head><title>400 No required SSL certificate was sent</title></head>";

    fn with(client_certificate: ClientCertificate, outcome: TlsOutcome) -> Evidence {
        let mut evidence = pki().healthy();
        let Gathered::Found(handshake) = &mut evidence.origin.tls else { unreachable!() };
        handshake.client_certificate = client_certificate;
        handshake.outcome = outcome;
        evidence
    }

    #[test]
    fn refusing_is_a_fault_only_where_cloudflare_has_none() {
        let alert = TlsOutcome::Alert { code: 116, name: "certificate_required".into(), after_handshake: true };
        for outcome in [TlsOutcome::Reset, alert] {
            let evidence = with(ClientCertificate::Required, outcome);
            assert_eq!(word(&CHECK, &served(evidence.clone())), "pass");
            for code in [520, 525] {
                assert_eq!(word(&CHECK, &edge_error(evidence.clone(), code)), "fail/high");
            }
            assert_eq!(word(&CHECK, &edge_hit(evidence.clone())), "warn/medium");
            assert_eq!(word(&CHECK, &evidence), "warn/medium");
        }
    }

    #[test]
    fn nginx_refuses_through_the_edge_too() {
        let nobody_asked = |mut evidence: Evidence| {
            evidence.origin.tls = Gathered::Missing(NotRun::Disabled(Probe::OriginTls));
            evidence.origin.http = Gathered::Missing(NotRun::Disabled(Probe::OriginHttp));
            evidence
        };
        let mut evidence = nobody_asked(served(pki().healthy()));
        assert_eq!(word(&CHECK, &evidence), "disabled");
        let Gathered::Found(http) = &mut evidence.edge.http else { unreachable!() };
        for sample in &mut http.samples {
            if let crate::evidence::http::Outcome::Answered(response) = &mut sample.outcome {
                (response.status, response.body.prefix) = (400, NGINX.into());
            }
        }
        assert_eq!(word(&CHECK, &evidence), "fail/high");
    }

    #[test]
    fn nginx_refuses_in_http() {
        let asked = with(ClientCertificate::Asked, TlsOutcome::Completed);
        let refusing = origin_answers(asked.clone(), answered(400, [("server", "nginx")], NGINX));
        assert_eq!(word(&CHECK, &served(refusing.clone())), "pass");
        assert_eq!(word(&CHECK, &refusing), "warn/medium");
        let through = at_edge(refusing, 400, [("cf-cache-status", "DYNAMIC"), ("cf-ray", "1")], NGINX);
        assert_eq!(word(&CHECK, &through), "fail/high");
        assert_eq!(word(&CHECK, &origin_answers(asked, answered(400, [], "bad request"))), "pass");
    }

    #[test]
    fn asking_is_healthy() {
        assert_eq!(word(&CHECK, &with(ClientCertificate::Asked, TlsOutcome::Completed)), "pass");
        assert_eq!(word(&CHECK, &with(ClientCertificate::NotAsked, TlsOutcome::Completed)), "pass");
    }

    #[test]
    fn what_our_own_certificate_leaves_open() {
        assert_eq!(word(&CHECK, &with(ClientCertificate::Sent, TlsOutcome::Completed)), "inconclusive");
        let rejected = with(ClientCertificate::Rejected, TlsOutcome::Reset);
        assert_eq!(word(&CHECK, &rejected), "inconclusive");
        assert_eq!(word(&CHECK, &served(rejected)), "pass");
        assert_eq!(word(&CHECK, &with(ClientCertificate::NotAsked, TlsOutcome::Reset)), "inconclusive");
    }

    fn pulls(mut evidence: Evidence, global: &str, zone: bool, host: bool) -> Evidence {
        let document = serde_json::json!({
            "zone": {"name": "example.com"}, "settings": {"tls_client_auth": global, "ssl": "strict"},
            "origin_tls_client_auth_settings": {"enabled": zone}, "origin_tls_client_auth": [{"status": "active"}],
            "origin_tls_client_auth_hostname": {"hostname": HOST, "enabled": host}, "page_rules": [],
            "rulesets": {"http_config_settings": []}, "worker_routes": [],
        });
        evidence.zone = Gathered::Found(crate::evidence::Zone::from_document(document).unwrap());
        evidence
    }

    #[test]
    fn the_zone_knows_what_cloudflare_shows() {
        let refusing = || with(ClientCertificate::Required, TlsOutcome::Reset);
        assert_eq!(word(&CHECK, &pulls(refusing(), "off", false, false)), "fail/high");
        for (global, zone, host) in [("on", false, false), ("off", true, false), ("off", false, true)] {
            assert_eq!(word(&CHECK, &pulls(refusing(), global, zone, host)), "pass", "{global} {zone} {host}");
        }
        let refused = pulls(edge_error(refusing(), 525), "on", false, false);
        assert_eq!(word(&CHECK, &refused), "fail/high");
        let Ok(Verdict::Fail(finding)) = CHECK.run(&refused) else { panic!("no failure") };
        assert!(finding.proof.iter().any(|line| line.contains("all zones share")), "{finding:?}");
        assert_eq!(word(&CHECK, &pulls(served(refusing()), "off", false, false)), "pass", "it works");
        assert_eq!(
            word(&CHECK, &pulls(with(ClientCertificate::NotAsked, TlsOutcome::Completed), "off", false, false)),
            "pass"
        );
    }
}
