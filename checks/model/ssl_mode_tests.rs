use super::{ModeOutcome, ModeResult, SslMode, outcomes, trust};
use crate::evidence::http::{Failure, Outcome};
use crate::evidence::target::Scheme;
use crate::evidence::tls::{ClientCertificate, Connect, Handshake, Limit, TlsOutcome};
use crate::evidence::{Evidence, Gathered};
use crate::origin::testing::*;

fn words(evidence: &Evidence) -> [String; 5] {
    outcomes(evidence).unwrap().map(|outcome| outcome.outcome.to_string())
}

#[test]
fn nothing_of_the_origin_says_nothing() {
    assert_eq!(outcomes(&evidence()), None);
}

#[test]
fn an_https_only_origin_refuses_the_weak_modes() {
    let pki = pki();
    let evidence = on_port_80(pki.healthy(), refused());
    assert_eq!(words(&evidence), ["521", "521", "served", "served", "served"]);
    let untried = pki.healthy();
    assert_eq!(words(&untried), ["unknown", "unknown", "served", "served", "served"]);
    assert!(outcomes(&untried).unwrap()[0].because.contains("521 or 522 is likely"));
    let mut other_port = evidence.clone();
    other_port.target.port = 8443;
    assert_eq!(words(&other_port)[1], "served", "Flexible is for port 443 only");
}

#[test]
fn an_http_visitor_meets_port_80_unless_the_mode_is_origin_pull() {
    let mut evidence = on_port_80(pki().healthy(), refused());
    evidence.target.scheme = Scheme::Http;
    evidence.target.port = 80;
    assert_eq!(words(&evidence), ["521", "521", "521", "521", "served"]);
}

#[test]
fn a_redirect_to_https_loops_in_the_weak_modes() {
    let redirect = |to: &str| answered(301, [("location", to)], "");
    let evidence = pki().healthy();
    for location in ["https://api.example.com/data", "https://API.example.com:443/data#x"] {
        let looping = on_port_80(evidence.clone(), redirect(location));
        assert_eq!(words(&looping), ["loop", "loop", "served", "served", "served"], "{location}");
    }
    for location in ["https://www.example.com/data", "https://api.example.com/", "https://api.example.com:8443/data"] {
        assert_eq!(words(&on_port_80(evidence.clone(), redirect(location)))[1], "served", "{location}");
    }
    let both = origin_answers(
        on_port_80(evidence, redirect("https://api.example.com/data")),
        redirect("http://api.example.com/data"),
    );
    assert_eq!(words(&both), ["loop", "loop", "loop", "loop", "served"]);
}

#[test]
fn a_bad_certificate_matters_to_strict_only() {
    let pki = pki();
    for leaf in [
        pki.public.sign(Leaf::of(&[HOST]).valid(-90, -1)),
        pki.public.sign(Leaf::of(&["other.example.org"])),
        Leaf::of(&[HOST]).self_signed(),
        Authority::root("Nobody").sign(Leaf::of(&[HOST])),
    ] {
        assert_eq!(words(&pki.site(vec![leaf]))[2..], ["served", "526", "526"]);
    }
    // Without the target's name, a foreign name settles nothing.
    let mut unknown_target = pki.site(vec![pki.public.sign(Leaf::of(&["other.example.org"]))]);
    unknown_target.target.origin = None;
    assert_eq!(words(&unknown_target)[3], "unknown");
    // The service's own certificate covers the record's target: 526 and 403 are both reported.
    let default = pki.site(vec![pki.public.sign(Leaf::of(&["*.execute-api.us-west-2.amazonaws.com"]))]);
    assert_eq!(words(&default)[2..], ["served", "unknown", "unknown"]);
    // After the end of its roots nobody knows what Cloudflare does with Origin CA.
    let mut later = pki.site(vec![pki.origin_ca.sign(Leaf::of(&[HOST]).valid(-10, 5000))]);
    assert_eq!(words(&later)[3], "served");
    later.gathered_at = trust::ORIGIN_CA_ROOTS_END + time::Duration::days(1);
    assert_eq!(words(&later)[3], "unknown");
}

#[test]
fn what_fails_before_the_certificate_fails_in_every_https_mode() {
    let base = evidence();
    for (handshake, wanted) in [
        (failed(Connect::Refused, TlsOutcome::NotReached), "521"),
        (failed(Connect::TimedOut(waited(Limit::Step)), TlsOutcome::NotReached), "522"),
        (failed(Connect::TimedOut(waited(Limit::Deadline)), TlsOutcome::NotReached), "unknown"),
        (failed(Connect::Unreachable { why: "no route".into() }, TlsOutcome::NotReached), "523"),
        (failed(Connect::Open, TlsOutcome::NotTls { first: "HTTP/1.1 400".into() }), "525"),
        (
            failed(
                Connect::Open,
                TlsOutcome::Alert { code: 112, name: "unrecognized_name".into(), after_handshake: false },
            ),
            "525",
        ),
        (failed(Connect::Open, TlsOutcome::Broken { why: "BadSignature".into() }), "unknown"),
        (Handshake { client_certificate: ClientCertificate::Required, ..completed(Vec::new()) }, "unknown"),
        (failed(Connect::Reported, TlsOutcome::Reported { error: Some("connection refused".into()) }), "521"),
    ] {
        let mut evidence = base.clone();
        evidence.origin.tls = Gathered::Found(handshake.clone());
        assert_eq!(words(&evidence)[2..], [wanted; 3], "{handshake:?}");
    }
    let empty = origin_answers(pki().healthy(), Outcome::Failed(Failure::Closed));
    assert_eq!(words(&empty)[2..], ["520"; 3]);
}

#[test]
fn the_words_of_the_report() {
    let outcome = ModeOutcome { mode: SslMode::OriginPull, outcome: ModeResult::Error526, because: "expired".into() };
    let json = serde_json::to_value(&outcome).unwrap();
    assert_eq!(json, serde_json::json!({"mode": "origin_pull", "outcome": "526", "because": "expired"}));
    assert_eq!(outcome.to_string(), "mode origin_pull: 526 (expired)");
}
