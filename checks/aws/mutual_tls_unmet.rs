//! The custom domain wants a client certificate, and Cloudflare has none for it (`facts/aws.md` section 3.4,
//! `facts/cloudflare.md` section 4.5, gotchas G13 and 53).

use super::fixes::zone_id;
use super::route;
use super::typed::{hcl, in_region, shell_word, yaml};
use crate::check::{Check, Probe, Severity};
use crate::evidence::gateway::{Domain, MutualTls};
use crate::evidence::text::shell_quote;
use crate::evidence::{Evidence, Gathered, Zone};
use crate::model::attribution::attribute;
use crate::model::gateway_error::GatewayErrorKind;
use crate::model::reach;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "aws-mutual-tls-unmet",
    title: "Cloudflare shows the client certificate that the custom domain wants",
    severity: Severity::Critical,
    needs: &[Probe::EdgeHttp, Probe::Zone, Probe::Gateway],
    why: "A custom domain with mutual TLS answers nobody without a client certificate of its trust store. Cloudflare shows \
          one only where Authenticated Origin Pulls are on, for this host, for the zone or for all zones alike; else \
          visitors see 525, 520 or 403.",
    fix,
    sources: &[
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mutual-tls.html",
        "https://developers.cloudflare.com/ssl/origin-configuration/authenticated-origin-pull/",
        "https://repost.aws/knowledge-center/api-gateway-mutual-tls-403-errors",
    ],
    judge,
};

/// What Cloudflare shows the origin of this host: the level that is nearest to it decides.
#[derive(Clone, Debug, PartialEq)]
enum Shown {
    /// A certificate that was uploaded for this host.
    OfHost,
    /// A certificate that was uploaded for the zone.
    OfZone,
    /// The certificate that all zones share.
    Shared,
    /// None, at none of the three levels.
    Nothing,
    /// It is switched on for the zone, which has no certificate for it.
    WithoutCertificate,
}

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let domain = route::domain(evidence)?;
    let Some(mutual) = &domain.mutual_tls else { return without(domain) };
    // An answer that the API or the function made went through that door.
    if let Some(answer) = evidence.edge_serves_fresh().filter(|answer| answer.status < 500 && answer.status != 403)
        && route::edge(evidence).is_some()
    {
        return Ok(Verdict::pass(format!(
            "{} wants a client certificate, and Cloudflare shows it one (the edge serves its {})",
            domain.name, answer.status
        )));
    }
    let trouble = trouble(evidence);
    let shown = evidence.zone.get().and_then(shown);
    let finding = |text: String| {
        Finding::seen(text)
            .proof(store(domain, mutual))
            .proofs(warnings(mutual))
            .proofs(trouble.clone().map(|(line, _)| line))
    };
    let name = &domain.name;
    match shown {
        Ok(Shown::Nothing) => {
            let finding = finding(format!("{name} wants a client certificate, and Cloudflare shows none"))
                .proof("Authenticated Origin Pulls are off for this host, for the zone, and globally");
            Ok(Verdict::Fail(finding.confidence(route::sureness(evidence, domain))))
        }
        Ok(Shown::WithoutCertificate) => Ok(Verdict::Warn(
            finding(format!("{name} wants a client certificate, and the zone has none to show"))
                .proof("origin_tls_client_auth is on, and no certificate of the zone is active")
                .confidence(Confidence::Medium),
        )),
        Ok(shown) => match (&trouble, mutual.warnings.is_empty()) {
            (Some((_, is_tls)), _) => {
                let finding =
                    finding(format!("{name} wants a client certificate, and seems to refuse {}", shown.name()))
                        .proof(shown.hint())
                        .confidence(Confidence::Medium);
                Ok(if *is_tls { Verdict::Fail(finding) } else { Verdict::Warn(finding) })
            }
            (None, false) => Ok(Verdict::Warn(
                finding(format!("AWS warns of the trust store by which {name} judges {}", shown.name()))
                    .confidence(Confidence::Medium),
            )),
            (None, true) => {
                Ok(Verdict::pass(format!("{name} wants a client certificate, and Cloudflare shows {}", shown.name())))
            }
        },
        // What Cloudflare shows is not known.
        Err(why) => match &trouble {
            Some(_) => Ok(Verdict::Warn(
                finding(format!(
                    "{name} wants a client certificate, and Cloudflare seems to show none that it accepts"
                ))
                .proof(format!("what Cloudflare shows is not known: {}", why.text()))
                .confidence(Confidence::Medium),
            )),
            None => Err(why),
        },
    }
}

/// No mutual TLS, as far as the data is more than a name.
fn without(domain: &Domain) -> Result<Verdict, NotRun> {
    if domain.status.is_none() && domain.targets().next().is_none() {
        return Err(NotRun::inconclusive(format!(
            "the AWS evidence does not tell whether {} wants a client certificate (`aws apigatewayv2 get-domain-name \
             --domain-name {}` tells it)",
            domain.name,
            shell_quote(&domain.name)
        )));
    }
    Ok(Verdict::pass(format!("{} wants no client certificate", domain.name)))
}

/// What the edge shows of a door that stays shut, and whether it is TLS that fails.
fn trouble(evidence: &Evidence) -> Option<(String, bool)> {
    if let Some(code @ (520 | 525)) = route::edge_error(evidence) {
        return Some((format!("the edge answers {code}"), true));
    }
    let answer = route::edge(evidence).filter(|answer| answer.status == 403)?;
    let error = attribute(answer).product_error.filter(|error| error.kind == GatewayErrorKind::Forbidden)?;
    Some((format!("the edge passes on 403 Forbidden of {}", error.product_name()), false))
}

/// Host before zone before global (`facts/cloudflare.md` section 4.5).
fn shown(zone: &Zone) -> Result<Shown, NotRun> {
    let pulls = &zone.origin_pulls;
    let levels = [&pulls.host, &pulls.zone, &zone.settings.origin_pulls];
    let on = |level: &Gathered<bool>| level.found() == Some(&true);
    let kinds = [Shown::OfHost, Shown::OfZone, Shown::Shared];
    if let Some((_, kind)) = levels.iter().zip(kinds).find(|(level, _)| on(level)) {
        return Ok(match kind {
            Shown::OfZone if pulls.zone_certificate.found() == Some(&false) => Shown::WithoutCertificate,
            kind => kind,
        });
    }
    for level in levels {
        level.get()?;
    }
    Ok(Shown::Nothing)
}

impl Shown {
    fn name(&self) -> &'static str {
        match self {
            Shown::OfHost => "the certificate that was uploaded for this host",
            Shown::OfZone => "the certificate that was uploaded for the zone",
            Shown::Shared => "the certificate that all zones of Cloudflare share",
            Shown::Nothing | Shown::WithoutCertificate => "no certificate",
        }
    }

    /// What the trust store has to hold for it.
    fn hint(&self) -> &'static str {
        match self {
            Shown::Shared => {
                "the trust store has to hold Cloudflare's origin-pull CA (authenticated_origin_pull_ca.pem), whole"
            }
            _ => "the trust store has to hold the CA of that certificate, with its whole chain up to the root",
        }
    }
}

fn store(domain: &Domain, mutual: &MutualTls) -> String {
    let version = mutual.version.as_ref().map(|version| format!(", version {version}")).unwrap_or_default();
    format!("the trust store of {}: {}{version}", domain.name, mutual.truststore.as_deref().unwrap_or("(not told)"))
}

fn warnings(mutual: &MutualTls) -> Vec<String> {
    mutual.warnings.iter().take(4).map(|warning| format!("AWS of the trust store: {warning}")).collect()
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let zone = zone_id(evidence);
    let domain = reach::domain(evidence).ok();
    let mutual = domain.and_then(|domain| domain.mutual_tls.as_ref());
    let store = mutual.and_then(|mutual| mutual.truststore.as_deref());
    let name = domain.map_or(evidence.target.host.as_str(), |domain| domain.name.as_str());
    let region = in_region(evidence, domain.and_then(|domain| domain.region.as_deref()));
    let call = |method: &str, path: &str, data: &str| {
        format!(
            "curl -X {method} \"https://api.cloudflare.com/client/v4/zones/{zone}/{path}\" -H \"Authorization: Bearer \
             $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' --data {}",
            shell_quote(data)
        )
    };
    Fix::new(format!(
        "Switch Authenticated Origin Pulls on with a client certificate of your own CA, and put that CA with its whole \
         chain into the trust store of {name}; Cloudflare's shared certificate proves only that some zone asks."
    ))
    .dashboard("SSL/TLS → Origin Server → Authenticated Origin Pulls")
    .api("Upload the zone's own certificate", call("POST", "origin_tls_client_auth", r#"{"certificate":"…","private_key":"…"}"#))
    .api("Show it", call("PUT", "origin_tls_client_auth/settings", r#"{"enabled":true}"#))
    .api(
        "Or show the shared one, where the trust store holds authenticated_origin_pull_ca.pem",
        call("PATCH", "settings/tls_client_auth", r#"{"value":"on"}"#),
    )
    .terraform(
        "Cloudflare provider v5",
        "resource \"cloudflare_authenticated_origin_pulls_settings\" \"zone\" {\n  zone_id = var.zone_id\n  enabled = true\n}",
    )
    .shell(
        "Add the CA to those that the trust store has",
        format!(
            "aws s3 cp {uri} truststore.pem && cat own-ca-chain.pem >> truststore.pem && aws s3 cp truststore.pem {uri}",
            uri = shell_word(store, "TRUSTSTORE_URI")
        ),
    )
    .shell(
        "A changed trust store acts when the domain is saved with its new version (of a bucket with versions)",
        format!(
            "aws apigatewayv2 update-domain-name --domain-name {} --mutual-tls-authentication \
             TruststoreUri={},TruststoreVersion=\"$VERSION\"{region}",
            shell_quote(name),
            shell_word(store, "TRUSTSTORE_URI")
        ),
    )
    .terraform(
        "AWS provider, in the aws_apigatewayv2_domain_name or aws_api_gateway_domain_name",
        format!(
            "mutual_tls_authentication {{\n  truststore_uri     = {}\n  truststore_version = \
             aws_s3_object.truststore.version_id\n}}",
            hcl(store, "truststore_uri")
        ),
    )
    .code(
        "SAM template, in the Domain of the API",
        format!("MutualTlsAuthentication:\n  TruststoreUri: {}", yaml(store, "TruststoreUri")),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::testing::*;

    fn wants(warnings: Value) -> Evidence {
        site(json!({"domains": [{"domainName": HOST, "region": "us-west-2", "regionalDomainName": TARGET,
            "domainNameStatus": "AVAILABLE", "mutualTlsAuthentication": {"truststoreUri": "s3://bucket/ca.pem",
            "truststoreVersion": "7", "truststoreWarnings": warnings}}]}))
    }

    fn zone(host: Value, zone: Value, global: Value) -> Value {
        json!({"settings": {"tls_client_auth": global}, "origin_tls_client_auth_settings": {"enabled": zone},
            "origin_tls_client_auth": [], "origin_tls_client_auth_hostname": {"enabled": host}})
    }

    fn off() -> Value {
        zone(json!(false), json!(false), json!("off"))
    }

    #[test]
    fn nothing_is_shown_at_any_level() {
        let site = with_zone(wants(json!([])), off());
        assert_eq!(word(&CHECK, &site), "fail/high");
        let text = fix_text(&CHECK, &site);
        assert!(text.contains("TruststoreUri='s3://bucket/ca.pem'") && text.contains("us-west-2"), "{text}");
        assert_eq!(word(&CHECK, &edge(site.clone(), 200, "{}")), "pass", "something shows one");
        assert_eq!(word(&CHECK, &edge(site.clone(), 404, "{}")), "pass", "the function answered");
        assert_eq!(word(&CHECK, &edge(site, 525, "")), "fail/high");
    }

    #[test]
    fn one_level_is_enough() {
        for levels in [
            zone(json!(true), json!(false), json!("off")),
            zone(json!(false), json!(false), json!("on")),
            zone(json!(null), json!(null), json!("on")),
        ] {
            assert_eq!(word(&CHECK, &with_zone(wants(json!([])), levels.clone())), "pass", "{levels}");
        }
        let mut own = zone(json!(false), json!(true), json!("off"));
        assert_eq!(word(&CHECK, &with_zone(wants(json!([])), own.clone())), "warn/medium", "on, without a certificate");
        own["origin_tls_client_auth"] = json!([{"id": "c", "status": "active"}]);
        assert_eq!(word(&CHECK, &with_zone(wants(json!([])), own)), "pass");
    }

    #[test]
    fn one_that_is_refused() {
        let shared = || zone(json!(false), json!(false), json!("on"));
        let site = with_zone(wants(json!([])), shared());
        assert_eq!(word(&CHECK, &edge(site.clone(), 525, "")), "fail/medium");
        let refused = gateway_says(site, 403, "Forbidden");
        assert_eq!(word(&CHECK, &refused), "warn/medium");
        let finding = CHECK.run(&refused).unwrap().finding().unwrap().clone();
        assert!(finding.proof.iter().any(|line| line.contains("authenticated_origin_pull_ca.pem")), "{finding:?}");
        let warned = with_zone(wants(json!(["The certificate chain is incomplete"])), shared());
        assert_eq!(word(&CHECK, &warned), "warn/medium");
    }

    #[test]
    fn an_unknown_zone_is_not_certain() {
        assert_eq!(word(&CHECK, &wants(json!([]))), "no-credential");
        assert_eq!(word(&CHECK, &edge(wants(json!([])), 525, "")), "warn/medium");
        assert_eq!(word(&CHECK, &edge(wants(json!([])), 200, "")), "pass");
        let partly = with_zone(wants(json!([])), json!({"settings": {"tls_client_auth": "off"}}));
        assert_eq!(word(&CHECK, &partly), "blocked", "two levels are not known");
    }

    #[test]
    fn a_domain_that_wants_none() {
        let none =
            json!({"domains": [{"domainName": HOST, "regionalDomainName": TARGET, "mutualTlsAuthentication": {}}]});
        assert_eq!(word(&CHECK, &with_zone(site(none), off())), "pass");
        let thin = json!({"domains": [{"domainName": HOST, "region": "us-west-2"}]});
        assert_eq!(word(&CHECK, &with_zone(site(thin), off())), "inconclusive");
    }
}
