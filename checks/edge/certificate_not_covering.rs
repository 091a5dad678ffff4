//! Does the edge have a certificate for this name?

use super::report::{self, Reported};
use super::view;
use crate::check::{Check, Probe, Severity};
use crate::evidence::tls::{Certificate, Handshake, TlsOutcome};
use crate::evidence::zone::{CertificatePack, PackStatus};
use crate::evidence::{Evidence, Proxied};
use crate::model::public_suffix;
use crate::verdict::{Confidence, Finding, Fix, NotRun, Verdict};

pub(crate) const CHECK: Check = Check {
    id: "edge-certificate-not-covering",
    title: "The edge's certificate names the host",
    severity: Severity::Critical,
    needs: &[Probe::Dns, Probe::EdgeTls, Probe::EdgeHttp, Probe::Zone],
    why: "A proxied name is served with Cloudflare's certificate, not with yours. Universal SSL names the zone's apex and \
          one label below it; for a deeper name, or while a certificate is pending, the handshake fails before any HTTP.",
    fix,
    sources: &[
        "https://developers.cloudflare.com/ssl/edge-certificates/universal-ssl/limitations/",
        "https://developers.cloudflare.com/ssl/edge-certificates/advanced-certificate-manager/",
    ],
    judge,
};

fn judge(evidence: &Evidence) -> Result<Verdict, NotRun> {
    let handshake = match evidence.edge.tls.get() {
        Ok(handshake) => handshake,
        Err(why) => return by_packs_alone(evidence).unwrap_or(Err(why)),
    };
    view::behind_cloudflare(evidence)?;
    let host = &evidence.target.host;
    let Some((problem, proof)) = problem(handshake, host)? else {
        return Ok(Verdict::pass(format!("{host} is covered")));
    };
    let depth = Depth::of(evidence);
    let sure = depth.below_universal() || matches!(evidence.proxied(), Proxied::Yes(_));
    // A refusal alone may also be a certificate that is still pending, or another fault of the handshake.
    let observed = handshake.leaf().is_some_and(is_known);
    let finding = Finding::seen(problem).proofs(proof);
    let Some(packs) = packs(evidence) else {
        let confidence =
            if sure && (observed || depth.below_universal()) { Confidence::High } else { Confidence::Medium };
        return Ok(Verdict::Fail(finding.proof(depth.sentence()).proofs(switches(evidence)).confidence(confidence)));
    };
    let finding = finding.proofs(pack_lines(packs, host));
    let covering = packs.iter().any(|pack| pack.covers(host) && pack.status == PackStatus::Active);
    if covering {
        let why = "yet an active pack names the host: it may have become active only now, or another certificate is \
                   stronger (a custom one, or another zone's)";
        return Ok(Verdict::Fail(finding.proof(why).confidence(Confidence::Low)));
    }
    Ok(Verdict::Fail(finding.proof(depth.sentence()).proofs(switches(evidence))))
}

/// The certificate packs, where the zone's are known.
fn packs(evidence: &Evidence) -> Option<&Vec<CertificatePack>> {
    evidence.zone_of_host().ok()?.packs.found()
}

/// Without a look at the edge: the packs tell it all, where the host is known to be proxied.
fn by_packs_alone(evidence: &Evidence) -> Option<Result<Verdict, NotRun>> {
    let packs = packs(evidence)?;
    let zone = evidence.zone_of_host().ok()?;
    if zone.idle().is_some() || evidence.zone_proxies() != Some(true) {
        return None;
    }
    let host = &evidence.target.host;
    let custom = zone.custom_hostnames.found().is_some_and(|all| all.iter().any(|custom| custom.hostname == *host));
    if packs.iter().any(|pack| pack.covers(host)) || custom {
        // What is on its way is another check's question.
        let active = packs.iter().find(|pack| pack.covers(host) && pack.status == PackStatus::Active)?;
        return Some(Ok(Verdict::pass(active.describe())));
    }
    let finding = Finding::seen(format!("no certificate pack of the zone names {host}"))
        .proofs(pack_lines(packs, host))
        .proof(Depth::of(evidence).sentence())
        .proofs(switches(evidence));
    Some(Ok(Verdict::Fail(finding)))
}

/// The packs, those that name the host first.
fn pack_lines(packs: &[CertificatePack], host: &str) -> Vec<String> {
    const SHOWN: usize = 5;
    let mut sorted: Vec<&CertificatePack> = packs.iter().collect();
    sorted.sort_by_key(|pack| !pack.covers(host));
    let mut lines: Vec<String> =
        sorted.iter().take(SHOWN).map(|pack| format!("in the zone: {}", pack.describe())).collect();
    if packs.is_empty() {
        lines.push("in the zone: no certificate pack".into());
    }
    lines
}

/// Universal SSL and Total TLS, where they are known.
fn switches(evidence: &Evidence) -> Vec<String> {
    let Ok(zone) = evidence.zone_of_host() else { return Vec::new() };
    let word = |on: bool| if on { "on" } else { "off" };
    let universal = zone.universal.found().map(|on| format!("Universal SSL: {}", word(*on)));
    let total = zone.total_tls.found().map(|total| format!("Total TLS: {}", word(total.enabled)));
    universal.into_iter().chain(total).collect()
}

/// What is wrong, with its proof; `None`: the leaf covers the host.
fn problem(handshake: &Handshake, host: &str) -> Result<Option<(String, Vec<String>)>, NotRun> {
    match &handshake.outcome {
        TlsOutcome::Alert { code, name, .. } if report::refuses_the_name(*code) => {
            let line =
                format!("TLS with {} for the name {host} ended with the alert {name} ({code})", handshake.place());
            return Ok(Some((
                format!("the edge has no certificate for {host}: it refuses TLS with {name}"),
                vec![line],
            )));
        }
        TlsOutcome::Reported { error: Some(error) } if report::read(error) == Reported::Name => {
            let line = format!("reported at the edge: {error}");
            return Ok(Some((format!("the edge seems to have no certificate for {host}: {error}"), vec![line])));
        }
        _ => {}
    }
    let leaf = handshake.leaf().filter(|leaf| is_known(leaf));
    let leaf = leaf.ok_or_else(|| NotRun::inconclusive("no certificate of the edge was seen"))?;
    if leaf.covers(host) {
        return Ok(None);
    }
    let names = some(&leaf.names);
    Ok(Some((
        format!("the edge's certificate names {names}, not {host}"),
        vec![format!("names in the certificate: {names}")],
    )))
}

/// Are its names known? A report may give only an issuer or a date.
fn is_known(leaf: &Certificate) -> bool {
    !leaf.names.is_empty() || (leaf.der.is_some() && leaf.unreadable.is_none())
}

fn some(names: &[String]) -> String {
    const SHOWN: usize = 4;
    match names.len() {
        0 => "nothing".into(),
        n if n <= SHOWN => names.join(", "),
        n => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
    }
}

/// How deep the host lies below its zone.
struct Depth {
    host: String,
    zone: String,
    /// The zone was seen in DNS, not only derived from the public suffix list.
    known: bool,
    labels: usize,
}

impl Depth {
    fn of(evidence: &Evidence) -> Depth {
        let host = evidence.target.host.clone();
        let by_dns = || Some(evidence.dns.found()?.zone.found()?.apex.trim_end_matches('.').to_owned());
        let by_zone = evidence.zone_of_host().ok().and_then(|zone| zone.name()).map(str::to_owned);
        let seen = by_zone.or_else(by_dns);
        let known = seen.as_ref().is_some_and(|apex| host == *apex || host.ends_with(&format!(".{apex}")));
        let zone = seen
            .filter(|_| known)
            .or_else(|| public_suffix::registrable(&host).map(str::to_owned))
            .unwrap_or_else(|| host.clone());
        let below = host.strip_suffix(&zone).unwrap_or_default().trim_end_matches('.');
        let labels = if below.is_empty() { 0 } else { below.split('.').count() };
        Depth { host, zone, known, labels }
    }

    /// Universal SSL covers the apex and one label (`facts/cloudflare.md` section 4.6).
    fn below_universal(&self) -> bool {
        self.labels > 1
    }

    fn sentence(&self) -> String {
        let Depth { host, zone, .. } = self;
        if self.known && !self.below_universal() {
            return format!(
                "Universal SSL would cover {host} in the zone {zone}: it may be pending or switched off, or another \
                 certificate stands in its place"
            );
        }
        if self.below_universal() {
            let how = if self.known { "" } else { " (by the public suffix list)" };
            format!(
                "{host} lies {} labels below the zone {zone}{how}; Universal SSL covers {zone} and *.{zone} only",
                self.labels
            )
        } else {
            format!(
                "Universal SSL would cover {host} in the zone {zone}: its certificate may be pending, or {host} lies in a deeper zone"
            )
        }
    }
}

fn fix(evidence: &Evidence, _: &Finding) -> Fix {
    let depth = Depth::of(evidence);
    let (host, zone) = (&depth.host, &depth.zone);
    let off = evidence.zone_of_host().is_ok_and(|zone| zone.universal.found() == Some(&false));
    if off && !depth.below_universal() {
        return Fix::new(format!("Switch Universal SSL on: it covers {host}."))
            .dashboard("SSL/TLS → Edge Certificates → Universal SSL → Enable")
            .api("Switch it on", view::zone_call("PATCH", "ssl/universal/settings", r#"{"enabled":true}"#));
    }
    if !depth.below_universal() {
        return Fix::new("See why the zone's certificate is not active, and let Cloudflare issue it.")
            .dashboard("SSL/TLS → Edge Certificates: the pack that names the host must be Active")
            .shell(
                "Status and validation errors of the packs",
                "curl -s \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/ssl/certificate_packs?status=all\" -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\"",
            )
            .shell("CAA must allow the edge's CA", format!("dig +short CAA {zone}"));
    }
    let parent = host.split_once('.').map_or(host.as_str(), |(_, parent)| parent);
    let flat = host.strip_suffix(&format!(".{zone}")).unwrap_or(host).replace('.', "-");
    let hosts = format!("\"{zone}\",\"*.{parent}\"");
    Fix::new(format!(
        "Order an advanced certificate that names {host}, or use a name with one label below {zone}, such as {flat}.{zone}."
    ))
    .dashboard("SSL/TLS → Edge Certificates → Order Advanced Certificate (or Total TLS)")
    .api(
        "Order it (Advanced Certificate Manager)",
        view::zone_call(
            "POST",
            "ssl/certificate_packs/order",
            &format!(
                r#"{{"type":"advanced","hosts":[{hosts}],"validation_method":"txt","validity_days":90,"certificate_authority":"google"}}"#
            ),
        ),
    )
    .terraform(
        "Cloudflare provider v5",
        format!(
            "resource \"cloudflare_certificate_pack\" \"deep\" {{\n  zone_id               = var.zone_id\n  type                  = \"advanced\"\n  hosts                 = [\"{zone}\", \"*.{parent}\"]\n  validation_method     = \"txt\"\n  validity_days         = 90\n  certificate_authority = \"google\"\n}}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::Gathered;
    use crate::evidence::tls::Connect;
    use time::Duration;

    fn at(url: &str, handshake: Handshake) -> Evidence {
        let mut evidence = proxied_dns(nothing(url));
        evidence.edge.tls = Gathered::Found(handshake);
        evidence
    }

    fn run(url: &str, handshake: Handshake) -> Result<Verdict, NotRun> {
        (CHECK.judge)(&at(url, handshake))
    }

    const DEEP: &str = "https://api.staging.example.com/";

    #[test]
    fn covered_names_pass() {
        let sound = leaf(&["example.com", "*.example.com"], NOW + Duration::days(60));
        assert!(matches!(run(URL, handshake(sound.clone())), Ok(Verdict::Pass(_))));
        assert_eq!(failure(run(DEEP, handshake(sound))).confidence, Confidence::High);
    }

    #[test]
    fn an_alert_is_explained_by_the_depth() {
        let refused = || failed(Connect::Open, alert(40, "handshake_failure"));
        let deep = failure(run(DEEP, refused()));
        assert_eq!(deep.confidence, Confidence::High);
        assert!(deep.proof.iter().any(|line| line.contains("2 labels below the zone example.com")), "{deep:?}");
        let flat = failure(run(URL, refused()));
        assert_eq!(flat.confidence, Confidence::Medium, "it may be pending");
        assert!(matches!(
            run(DEEP, failed(Connect::Open, alert(70, "protocol_version"))),
            Err(NotRun::Inconclusive(_))
        ));
    }

    #[test]
    fn a_reported_error_counts_without_other_evidence() {
        let mut evidence = nothing("https://cctv.secret.example.co.uk/");
        evidence.edge.tls = Gathered::Found(reported("ERR_SSL_VERSION_OR_CIPHER_MISMATCH"));
        let finding = failure((CHECK.judge)(&evidence));
        assert_eq!(finding.confidence, Confidence::High);
        assert!(finding.proof.iter().any(|line| line.contains("zone example.co.uk")), "{finding:?}");
        evidence.edge.tls = Gathered::Found(reported("connection refused"));
        assert!(matches!((CHECK.judge)(&evidence), Err(NotRun::Inconclusive(_))));
    }

    #[test]
    fn a_report_without_names_says_nothing() {
        let mut only_issuer = reported("");
        only_issuer.outcome = TlsOutcome::Reported { error: None };
        only_issuer.chain = vec![Certificate { issuer: "O=Google Trust Services".into(), ..Certificate::default() }];
        assert!(matches!(run(URL, only_issuer), Err(NotRun::Inconclusive(_))));
    }

    #[test]
    fn the_zone_seen_in_dns_beats_the_list() {
        let refused = failed(Connect::Open, alert(112, "unrecognized_name"));
        let mut evidence = with_dns(nothing(DEEP), &["104.16.1.1"], &[], Some("staging.example.com"));
        evidence.edge.tls = Gathered::Found(refused);
        assert_eq!(failure((CHECK.judge)(&evidence)).confidence, Confidence::Medium);
    }

    #[test]
    fn silent_for_an_origin_that_is_not_proxied() {
        let mut evidence = with_dns(nothing(DEEP), &["192.0.2.7"], &["origin.example.net"], None);
        evidence.edge.tls = Gathered::Found(failed(Connect::Open, alert(40, "handshake_failure")));
        assert!(matches!((CHECK.judge)(&evidence), Err(NotRun::NotApplicable(_))));
    }

    #[test]
    fn the_fix_names_a_flat_alternative() {
        let evidence = at(DEEP, failed(Connect::Open, alert(40, "handshake_failure")));
        let fix = (CHECK.fix)(&evidence, &Finding::seen(""));
        assert!(fix.summary.contains("api-staging.example.com"), "{}", fix.summary);
        assert!(fix.steps.iter().any(|step| step.text.contains("*.staging.example.com")));
    }

    fn zoned(mut evidence: Evidence, change: serde_json::Value) -> Evidence {
        let record =
            serde_json::json!({"name": evidence.target.host, "type": "A", "content": "192.0.2.7", "proxied": true});
        let mut document =
            serde_json::json!({"zone": {"name": "example.com", "status": "active"}, "dns_records": [record]});
        change.as_object().unwrap().iter().for_each(|(key, value)| document[key] = value.clone());
        evidence.zone = Gathered::Found(crate::evidence::Zone::from_document(document).unwrap());
        evidence
    }

    fn universal(status: &str) -> serde_json::Value {
        serde_json::json!({"certificate_packs": [{"type": "universal", "hosts": ["example.com", "*.example.com"], "status": status}],
            "universal_ssl": {"enabled": true}})
    }

    #[test]
    fn packs_make_it_exact() {
        let refused = || failed(Connect::Open, alert(40, "handshake_failure"));
        let deep = failure((CHECK.judge)(&zoned(at(DEEP, refused()), universal("active"))));
        assert_eq!(deep.confidence, Confidence::High);
        let text = deep.proof.join("\n");
        assert!(text.contains("universal pack (active): example.com") && text.contains("Universal SSL: on"), "{text}");
        let covered = failure((CHECK.judge)(&zoned(at(URL, refused()), universal("active"))));
        assert_eq!(covered.confidence, Confidence::Low, "the pack is there");
        let none = serde_json::json!({"certificate_packs": [], "universal_ssl": {"enabled": false}});
        let off = zoned(at(URL, refused()), none);
        assert_eq!(failure((CHECK.judge)(&off)).confidence, Confidence::High);
        assert!((CHECK.fix)(&off, &Finding::seen("")).summary.contains("Universal SSL on"));
    }

    #[test]
    fn packs_alone() {
        let of = |url: &str, change| (CHECK.judge)(&zoned(nothing(url), change));
        assert!(
            matches!(of(DEEP, universal("active")), Ok(Verdict::Fail(finding)) if finding.confidence == Confidence::High)
        );
        assert!(matches!(of(URL, universal("active")), Ok(Verdict::Pass(_))));
        assert!(
            matches!(of(URL, universal("pending_validation")), Err(NotRun::Disabled(_))),
            "another check's question"
        );
        let mut grey = universal("active");
        grey["dns_records"] = serde_json::json!([{"name": "api.staging.example.com", "type": "A", "content": "192.0.2.7", "proxied": false}]);
        assert!(matches!(of(DEEP, grey), Err(NotRun::Disabled(_))), "not proxied");
        let mut custom = universal("active");
        custom["custom_hostnames"] = serde_json::json!([{"hostname": "api.staging.example.com"}]);
        assert!(matches!(of(DEEP, custom), Err(NotRun::Disabled(_))), "it has a certificate of its own");
    }
}
