//! The edge still takes TLS 1.0 or 1.1 (`facts/cloudflare.md` section 4.3, gotcha 57).

use super::api;
use crate::check::{Check, Probe, Severity};
use crate::evidence::Evidence;
use crate::evidence::text::shell_quote;
use crate::evidence::zone::HostTls;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "cloudflare-minimum-tls-weak",
    title: "Visitors need at least TLS 1.2",
    severity: Severity::Low,
    needs: &[Probe::Zone, Probe::Dns, Probe::EdgeHttp],
    why: "TLS 1.0 and 1.1 are deprecated (RFC 8996), and audits object to them; new zones still start with 1.0. The \
          setting is about visitors only: the way to the origin has its own.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/edge-certificates/additional-options/minimum-tls/",
        "https://www.rfc-editor.org/rfc/rfc8996",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let zone = evidence.zone_of_host()?;
    evidence.meant_for_the_edge()?;
    let host = &evidence.target.host;
    if let Some(own) = own(evidence) {
        return weigh(&own.value, &format!("for {host}"), Confidence::High);
    }
    let value = zone.settings.minimum_tls.get()?;
    let sure = if zone.host_minimum_tls.found().is_some() { Confidence::High } else { Confidence::Medium };
    weigh(value, "in the whole zone", sure)
}

/// The host's own setting, which beats the zone's.
fn own(evidence: &Evidence) -> Option<&HostTls> {
    let rows = evidence.zone_of_host().ok()?.host_minimum_tls.found()?;
    rows.iter().find(|row| row.hostname == evidence.target.host)
}

fn weigh(value: &str, place: &str, sure: Confidence) -> Result<Verdict, NotRun> {
    match value {
        "1.0" | "1.1" => {
            let finding = Finding::seen(format!("the edge takes TLS {value} {place}"))
                .proof(format!("min_tls_version {place}: {value}"));
            let finding = match sure {
                Confidence::High => finding,
                _ => finding.proof("whether the host has a value of its own is not known"),
            };
            Ok(Verdict::Warn(finding.confidence(sure)))
        }
        "1.2" | "1.3" => Ok(Verdict::pass(format!("TLS {value} or newer, {place}"))),
        other => Err(NotRun::inconclusive(format!("min_tls_version is {other:?}, which is not known here"))),
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    const BODY: &str = r#"{"value":"1.2"}"#;
    let host = &evidence.target.host;
    let fix = Fix::new("Set the minimum to TLS 1.2; look first whether old clients (devices, old SDKs) still come.");
    if own(evidence).is_some() {
        let path = format!("/hostnames/settings/min_tls_version/{host}");
        return fix.api(format!("For {host}"), api::call("PUT", &path, Some(BODY))).terraform(
            "Cloudflare provider v5",
            format!(
                "resource \"cloudflare_hostname_tls_setting\" \"host\" {{\n  zone_id    = var.zone_id\n  \
                 setting_id = \"min_tls_version\"\n  hostname   = \"{host}\"\n  value      = \"1.2\"\n}}"
            ),
        );
    }
    fix.dashboard("SSL/TLS → Edge Certificates → Minimum TLS Version: TLS 1.2")
        .api("For the whole zone", api::call("PATCH", "/settings/min_tls_version", Some(BODY)))
        .terraform(
            "Cloudflare provider v5",
            "resource \"cloudflare_zone_setting\" \"min_tls_version\" {\n  zone_id    = var.zone_id\n  \
             setting_id = \"min_tls_version\"\n  value      = \"1.2\"\n}",
        )
        .shell(
            "What an old client gets then",
            format!("curl -sS --tls-max 1.1 -o /dev/null {}", shell_quote(&evidence.target.url())),
        )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::zone_testing::*;
    use super::*;

    fn of(zone: Value, hosts: Value) -> Evidence {
        with(json!({"settings": {"min_tls_version": zone}, "hostname_settings": {"min_tls_version": hosts}}))
    }

    #[test]
    fn zone_and_host() {
        let own = |value: &str| json!([{"hostname": "other.example.com", "value": "1.0"}, {"hostname": HOST, "value": value}]);
        for (zone, hosts, expected) in [
            (json!("1.0"), json!([]), "warn/high"),
            (json!("1.1"), json!([]), "warn/high"),
            (json!("1.2"), json!([]), "pass"),
            (json!("1.3"), json!([]), "pass"),
            (json!("1.0"), Value::Null, "warn/medium"),
            (json!("1.2"), own("1.0"), "warn/high"),
            (json!("1.0"), own("1.2"), "pass"),
            (Value::Null, own("1.2"), "pass"),
            (Value::Null, json!([]), "blocked"),
            (json!("9"), json!([]), "inconclusive"),
        ] {
            assert_eq!(word(&CHECK, &of(zone.clone(), hosts.clone())), expected, "{zone} {hosts}");
        }
        assert_eq!(word(&CHECK, &openly(of(json!("1.0"), json!([])))), "not-applicable");
        let host_fix = CHECK.mend(&of(json!("1.2"), own("1.0")), &Finding::seen("x"));
        assert!(host_fix.steps[0].text.contains("/hostnames/settings/min_tls_version/lambda.example.com"));
    }
}
