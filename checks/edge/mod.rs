//! The checks of the area `edge`, in the order shown to people.

mod account;
mod body_base64;
mod certificate_expiring;
mod certificate_not_covering;
mod challenged;
mod differs_from_origin;
mod gateway_rejects;
mod host_rejected;
mod http_not_redirected;
mod integration_failing;
mod legacy_tls;
mod origin_error;
mod preflight_blocked;
mod redirect_loop;
mod refusal_fixes;
mod report;
#[cfg(test)]
mod testing;
mod unreachable;
mod view;

use crate::check::Area;
use crate::evidence::Evidence;
use crate::model::{attribution, cloudflare};

/// The area.
pub(crate) const AREA: Area = Area {
    id: "edge",
    title: "Edge",
    summary,
    checks: &[
        unreachable::CHECK,
        certificate_not_covering::CHECK,
        certificate_expiring::CHECK,
        legacy_tls::CHECK,
        http_not_redirected::CHECK,
        redirect_loop::CHECK,
        origin_error::CHECK,
        challenged::CHECK,
        gateway_rejects::CHECK,
        host_rejected::CHECK,
        preflight_blocked::CHECK,
        integration_failing::CHECK,
        body_base64::CHECK,
        differs_from_origin::CHECK,
    ],
};

/// One line for an area that is all well: `TLS 1.3, Google Trust Services certificate with 71 days left; answers 200 by
/// api-gateway-http via SEA`.
fn summary(evidence: &Evidence) -> Option<String> {
    let parts: Vec<String> = [tls(evidence), http(evidence)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn tls(evidence: &Evidence) -> Option<String> {
    let handshake = evidence.edge.tls.found()?;
    let version = handshake.session.as_ref().map(|session| session.version.name().to_owned());
    let certificate = handshake.leaf().and_then(|leaf| {
        let left = (leaf.not_after? - evidence.gathered_at).whole_days();
        let issuer = leaf.issuer_name().map(|name| format!("{name} ")).unwrap_or_default();
        Some(format!("{issuer}certificate with {left} days left"))
    });
    let parts: Vec<String> = [version, certificate].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn http(evidence: &Evidence) -> Option<String> {
    let response = evidence.edge.http.found()?.first()?;
    let by = match attribution::answered_by(evidence) {
        attribution::AnsweredBy::Unknown => String::new(),
        by => format!(" by {}", by.word()),
    };
    let colo = cloudflare::colo(response).map(|colo| format!(" via {colo}")).unwrap_or_default();
    Some(format!("answers {}{by}{colo}", response.status))
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;
    use crate::check::Probe;
    use crate::evidence::tls::{Certificate, LegacyAnswer, TlsVersion};
    use crate::evidence::{Gathered, Response};
    use crate::verdict::{Finding, NotRun, Verdict};

    /// Sound, and with everything on it that looks suspicious and is not.
    fn healthy() -> Evidence {
        let sound = leaf(&["example.com", "*.example.com"], NOW + time::Duration::days(71));
        let answer = |body: &str| {
            response(200, &[PROXIED, &[("apigw-requestid", "x="), ("set-cookie", "__cf_bm=x; path=/")]], body)
        };
        let mut evidence = with_origin(proxied_dns(edge(URL, answer("{}"))), vec![answer("{}")]);
        let mut tls = handshake(sound);
        tls.legacy = legacy(LegacyAnswer::Alert { code: 70, name: "protocol_version".into() });
        evidence.edge.tls = Gathered::Found(tls);
        evidence.origin.tls = Gathered::Found(handshake(Certificate::default()));
        let http = edge_http(&mut evidence);
        http.samples.push(exchange(URL, answer("{}")));
        http.samples[1] = exchange(
            URL,
            response(200, &[PROXIED, &[("cf-ray", "8a1b2c3d4e5f6072-LHR"), ("apigw-requestid", "y=")]], "{}"),
        );
        let redirect = response(301, &[EDGE_MADE, &[("location", URL)]], "");
        http.plain = Gathered::Found(exchange("http://api.example.com/orders", redirect));
        evidence
    }

    fn speaking(evidence: &Evidence) -> Vec<&'static str> {
        let speaks = |check: &&crate::Check| check.run(evidence).is_ok_and(|verdict| verdict.finding().is_some());
        AREA.checks.iter().filter(speaks).map(|check| check.id).collect()
    }

    #[test]
    fn the_healthy_site_is_left_alone_and_summed_up() {
        assert_eq!(speaking(&healthy()), Vec::<&str>::new());
        assert_eq!(
            summary(&healthy()).as_deref(),
            Some(
                "TLS 1.3, Google Trust Services certificate with 71 days left; answers 200 by api-gateway-http via SEA"
            )
        );
        assert_eq!(summary(&nothing(URL)), None);
    }

    #[test]
    fn healthy_look_alikes_are_left_alone() {
        let gateway = [("apigw-requestid", "x=")];
        for (what, url, answer) in [
            (
                "/ is no route",
                "https://api.example.com/",
                response(404, &[PROXIED, &gateway], r#"{"message":"Not Found"}"#),
            ),
            ("an application's 404", URL, response(404, &[PROXIED, &gateway], r#"{"detail":"no order 7"}"#)),
            ("another application's 404", URL, response(404, &[PROXIED], r#"{"message":"Not Found"}"#)),
            ("a tunnel", URL, response(200, &[PROXIED], "hello")),
            ("Pages", URL, response(200, &[PROXIED, &[("etag", "\"1\"")]], "<!doctype html>")),
            ("a page about errors", URL, response(200, &[PROXIED], "How to mend Error 1016, and Error 522")),
        ] {
            assert_eq!(speaking(&proxied_dns(edge(url, answer))), Vec::<&str>::new(), "{what}");
        }
    }

    /// Evidence in which every part is there and something is wrong with it.
    fn variety() -> Vec<Evidence> {
        let answers: Vec<Response> = vec![
            response(200, &[PROXIED], "{}"),
            response(522, &[EDGE_MADE], ""),
            response(403, &[EDGE_MADE, &[("cf-mitigated", "challenge")]], ""),
            response(403, &[PROXIED, &[("apigw-requestid", "x")]], r#"{"message":"Forbidden"}"#),
            response(504, &[PROXIED], "<div id=\"cf-error-details\">"),
            response(404, &[], "Code: NoSuchBucket"),
            response(403, &[], ""),
            response(301, &[PROXIED, &[("location", URL)]], ""),
            response(200, &[&[("content-type", "image/png")]], "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"),
        ];
        let mut all = Vec::new();
        for answer in answers {
            for (addresses, hops) in [(["104.16.1.1"], vec![]), (["192.0.2.7"], vec!["d111111abcdef8.cloudfront.net"])]
            {
                let direct = response(504, &[&[("x-amz-apigw-id", "x"), ("content-type", "text/plain")]], "");
                for direct in [direct, response(200, &[&[("content-type", "text/plain")]], "")] {
                    let mut evidence =
                        with_origin(with_dns(edge(URL, answer.clone()), &addresses, &hops, None), vec![direct]);
                    let mut tls = handshake(leaf(&["other.example"], NOW + time::Duration::days(1)));
                    let cipher = "0xC013".into();
                    tls.legacy = legacy(LegacyAnswer::Accepted { version: TlsVersion::Tls10, cipher });
                    evidence.edge.tls = Gathered::Found(tls.clone());
                    evidence.origin.tls = Gathered::Found(tls);
                    let http = edge_http(&mut evidence);
                    http.plain = Gathered::Found(exchange("http://api.example.com/orders", answer.clone()));
                    http.preflight = Gathered::Found(exchange(URL, response(403, &[], "")));
                    all.push(evidence.clone());
                    all.push(with_account(evidence.clone(), serde_json::json!({"apiKeyRequired": true})));
                    let refused = crate::evidence::tls::Connect::Refused;
                    evidence.edge.tls = Gathered::Found(failed(refused, crate::evidence::tls::TlsOutcome::NotReached));
                    all.push(evidence);
                }
            }
        }
        // The same loop in a zone that tells who made it so.
        let zone = serde_json::json!({"settings": {"ssl": "flexible"}, "page_rules": [], "rulesets": {"http_config_settings": []}});
        let mut known = edge(URL, response(301, &[PROXIED, &[("location", URL)]], ""));
        known.zone = Gathered::Found(crate::evidence::Zone::from_document(zone).unwrap());
        all.push(known);
        let headers = [("x-amzn-requestid", "uuid"), ("x-amzn-errortype", "AccessDeniedException")];
        let refused = response(403, &[PROXIED, &headers], r#"{"Message":"Forbidden"}"#);
        let mut by_url = with_account(edge(URL, refused), serde_json::json!({}));
        by_url.target.origin = Some(FUNCTION_URL.parse().unwrap());
        all.push(by_url);
        all
    }

    /// Zones that change an answer.
    fn zoned(mut evidence: Evidence) -> Evidence {
        let document = serde_json::json!({"zone": {"name": "example.com"}, "settings": {"always_use_https": "off"},
            "page_rules": [], "certificate_packs": []});
        evidence.zone = Gathered::Found(crate::evidence::Zone::from_document(document).unwrap());
        evidence
    }

    #[test]
    fn needs_are_honest() {
        let all: Vec<Evidence> = variety().into_iter().chain([healthy()]).collect();
        let zoned = all.iter().cloned().map(zoned);
        let all: Vec<Evidence> = all.iter().cloned().chain(zoned).collect();
        for check in AREA.checks {
            for probe in Probe::ALL {
                let differs = |evidence: &Evidence| {
                    check.run(evidence).map_err(kind) != check.run(&evidence.clone().without(*probe)).map_err(kind)
                };
                let matters =
                    all.iter().any(|evidence| differs(evidence) || without_edge_differs(check, evidence, *probe));
                assert_eq!(matters, check.needs.contains(probe), "{} and {probe:?}", check.id);
            }
        }
    }

    /// Some checks look at the origin only where nobody asked the edge.
    fn without_edge_differs(check: &crate::Check, evidence: &Evidence, probe: Probe) -> bool {
        let base = evidence.clone().without(Probe::EdgeHttp);
        check.run(&base).map_err(kind) != check.run(&base.clone().without(probe)).map_err(kind)
    }

    fn kind(why: NotRun) -> String {
        why.text()
    }

    #[test]
    fn every_check_is_well_formed_and_its_fix_never_panics() {
        for check in AREA.checks {
            assert!(check.id.starts_with("edge-"), "{}", check.id);
            assert!(check.sources.iter().all(|source| source.starts_with("https://")), "{}", check.id);
            for evidence in variety().into_iter().chain([nothing(URL), healthy()]) {
                let fix = (check.fix)(&evidence, &Finding::seen("x"));
                assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{}", check.id);
            }
        }
    }

    #[test]
    fn no_evidence_is_no_verdict() {
        for check in AREA.checks {
            let answer = check.run(&nothing(URL));
            assert!(!matches!(answer, Ok(Verdict::Warn(_) | Verdict::Fail(_) | Verdict::Pass(_))), "{}", check.id);
        }
    }
}
