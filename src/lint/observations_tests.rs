use time::macros::datetime;

use super::*;

fn laid(json: &str) -> (Evidence, Vec<String>) {
    let (found, notes) = parse(json.as_bytes()).unwrap();
    let mut target: cfdoctor_checks::evidence::Target = "https://api.example.com/".parse().unwrap();
    target.origin = Some("d-abc.execute-api.us-west-2.amazonaws.com".parse().unwrap());
    let mut evidence = Evidence::nothing(target, datetime!(2026-11-23 10:00 UTC));
    found.lay_over(&mut evidence);
    (evidence, notes)
}

#[test]
fn caa_of_another_name_is_not_the_hosts() {
    let (evidence, _) = laid(
        r#"{"dns": [
            {"name": "app.example.org", "type": "CNAME", "data": "host.example.net."},
            {"name": "host.example.net", "type": "CAA", "data": "0 issue \"letsencrypt.org\""},
            {"name": "example.org", "type": "CAA", "data": "0 issue \"amazon.com\""}]}"#,
    );
    let search = evidence.dns.get().unwrap().caa.get().unwrap();
    let names: Vec<&str> = search.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["app.example.org", "example.org"]);
    assert_eq!(search.steps[0].through.as_deref(), Some("host.example.net"));
    let (own, _) = laid(r#"{"dns": [{"name": "example.com", "type": "CAA", "data": "0 issue \"x.example\""}]}"#);
    assert_eq!(own.dns.get().unwrap().caa.get().unwrap().steps[0].name, "api.example.com");
}

#[test]
fn rows_become_chains() {
    let (evidence, notes) = laid(
        r#"{"dns": [
            {"name": "api.example.com.", "type": "A", "data": "104.16.0.1"},
            {"name": "d-abc.execute-api.us-west-2.amazonaws.com", "type": "A", "rcode": "NXDOMAIN"},
            {"name": "example.com", "type": "NS", "data": "x.ns.cloudflare.com."},
            {"name": "example.com", "type": "CAA", "data": "0 issue \"letsencrypt.org\""},
            null, {"type": "A"}]}"#,
    );
    let dns = evidence.dns.get().unwrap();
    assert_eq!(dns.host.addresses().len(), 1);
    assert_eq!(dns.origin.get().unwrap().ipv4, Lookup::NxDomain);
    assert_eq!(dns.zone.get().unwrap().apex, "example.com");
    assert_eq!(dns.caa.get().unwrap().relevant().unwrap().records[0].value, "letsencrypt.org");
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn tls_rows_become_reported_handshakes() {
    let (evidence, notes) = laid(
        r#"{"tls": [{"peer": "origin", "error": "certificate has expired", "issuer": "R3", "sans": ["api.example.com"],
            "not_after": "2025-05-01"}, {"peer": "moon"}]}"#,
    );
    let handshake = evidence.origin.tls.get().unwrap();
    assert_eq!(handshake.outcome, TlsOutcome::Reported { error: Some("certificate has expired".into()) });
    assert_eq!(handshake.leaf().unwrap().not_after, Some(datetime!(2025-05-01 0:00 UTC)));
    assert!(notes[0].contains("neither edge nor origin"));
}

#[test]
fn dates_of_three_kinds() {
    for text in ["2026-11-23T12:00:00Z", "Nov 23 12:00:00 2026 GMT"] {
        assert_eq!(date(text), Some(datetime!(2026-11-23 12:00 UTC)), "{text}");
    }
    assert_eq!(date("soon"), None);
}
