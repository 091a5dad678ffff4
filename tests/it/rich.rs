//! One report that holds everything that a renderer can meet.

use cfdoctor::policy::Policy;
use cfdoctor::report::{
    AreaReport, Diagnosis, Observed, Predicted, Reason, ReasonKind, Report, ResultReport, RuledOut, Run,
    SslModeOutcome, Status, TargetReport, TargetVerdict,
};
use cfdoctor_checks::evidence::target::Expectation;
use cfdoctor_checks::{Confidence, Fix, Severity};
use time::macros::datetime;

pub fn report() -> Report {
    Report::new(run(), vec![broken(), healthy(), challenged()], &Policy::default())
}

pub fn healthy_only() -> Report {
    Report::new(Run { requests_sent: 6, api_requests_sent: 0, ..run() }, vec![healthy()], &Policy::default())
}

fn run() -> Run {
    Run {
        id: "3f2a".into(),
        started_at: datetime!(2026-11-23 10:00 UTC),
        elapsed_ms: 812,
        requests_sent: 14,
        api_requests_sent: 73,
        interrupted: false,
        not_visited: Vec::new(),
        not_visited_more: 0,
        attempts: 1,
        simulation: None,
        notices: Vec::new(),
    }
}

fn result(check: &str, title: &str, status: Status, seen: Option<&str>) -> ResultReport {
    ResultReport {
        check: check.to_owned().into(),
        area: check.split('-').next().unwrap().to_owned().into(),
        title: title.to_owned().into(),
        status,
        severity: Severity::Medium,
        confidence: status.is_finding().then_some(Confidence::High),
        seen: seen.map(Into::into),
        proof: Vec::new(),
        caused_by: None,
        reason: None,
        fix: None,
        docs: Some("https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/".into()),
        fingerprint: "00".into(),
        suppressed: None,
        declared_at: None,
    }
}

fn not_run(check: &str, title: &str, kind: ReasonKind, text: &str) -> ResultReport {
    let reason = Some(Reason { kind, text: text.into() });
    ResultReport { reason, ..result(check, title, Status::NotRun, None) }
}

fn area(id: &str, title: &str, status: Status, summary: Option<&str>) -> AreaReport {
    AreaReport { id: id.into(), title: title.into(), status, summary: summary.map(Into::into) }
}

fn target(host: &str, path: &str, verdict: TargetVerdict) -> TargetReport {
    TargetReport {
        url: format!("https://{host}{path}"),
        host: host.into(),
        expect: Expectation::Any,
        answered_by: None,
        verdict,
        inconclusive: None,
        diagnosis: None,
        gathered_at: None,
        path: Vec::new(),
        certificates: Vec::new(),
        timings: Vec::new(),
        observed: None,
        decision: None,
        ssl_modes: None,
        areas: Vec::new(),
        results: Vec::new(),
        requests_sent: 5,
        api_requests_sent: 36,
        declared_at: None,
        notices: Vec::new(),
    }
}

fn broken() -> TargetReport {
    let expired = ResultReport {
        severity: Severity::Critical,
        proof: vec![
            "not after: 2026-11-20T12:00:00Z".into(),
            "subject: CN=lambda.example.com, issuer: CN=Amazon RSA 2048 M02, O=Amazon, C=US, and so on until the \
             line is longer than any terminal that people read it on"
                .into(),
        ],
        fix: Some(
            Fix::new("Import the renewed certificate into ACM in us-west-2, under the same ARN.")
                .shell(
                    "import it",
                    "aws acm import-certificate --region us-west-2 \\\n  --certificate-arn \"$CERTIFICATE_ARN\" \\\n  --certificate fileb://leaf.pem --private-key fileb://key.pem --certificate-chain fileb://chain.pem",
                )
                .dashboard("AWS Certificate Manager → the certificate → Reimport, then paste leaf, key and chain"),
        ),
        ..result(
            "origin-certificate-expired",
            "The origin's certificate is valid today",
            Status::Fail,
            Some("the certificate of d-abc123.execute-api.us-west-2.amazonaws.com expired 3 days ago"),
        )
    };
    let symptom = ResultReport {
        caused_by: Some("origin-certificate-expired".into()),
        proof: vec!["HTTP/2 526".into()],
        ..result(
            "edge-origin-error",
            "The edge reaches the origin",
            Status::Fail,
            Some("the edge answers 526: it does not accept the origin's certificate"),
        )
    };
    let legacy = ResultReport {
        severity: Severity::Low,
        proof: (1..=12).map(|n| format!("offered TLS 1.0, cipher {n}, and it was accepted")).collect(),
        fix: Some(
            Fix::new("Raise the minimum TLS version of the zone to 1.2.")
                .dashboard("SSL/TLS → Edge Certificates → Minimum TLS Version → 1.2")
                .api(
                    "set it",
                    "curl -X PATCH \"https://api.cloudflare.com/client/v4/zones/$ZONE_ID/settings/min_tls_version\" \\\n  -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" --json '{\"value\":\"1.2\"}'",
                )
                .terraform(
                    "zone setting",
                    "resource \"cloudflare_zone_setting\" \"min_tls\" {\n  zone_id    = var.zone_id\n  setting_id = \"min_tls_version\"\n\n  value = \"1.2\"\n}",
                ),
        ),
        ..result("edge-legacy-tls", "Old TLS is refused", Status::Warn, Some("the edge accepts TLS 1.0"))
    };
    let missing = ResultReport {
        confidence: Some(Confidence::Medium),
        fix: Some(
            Fix::new("Send the header from the function.")
                .code("Node.js", "headers: { 'Cache-Control': 'public, s-maxage=7200' }"),
        ),
        ..result(
            "cache-control-missing",
            "The origin says how long its answer is fresh",
            Status::Warn,
            Some("the answer carries no Cache-Control and no Expires"),
        )
    };
    let challenge = "every sample was answered by a challenge";
    TargetReport {
        answered_by: Some("edge".into()),
        diagnosis: Some(Diagnosis {
            cause: "origin-certificate-expired".into(),
            confidence: Confidence::High,
            summary: "The origin's certificate expired, and the edge verifies it (Full (strict)), so it answers 526 \
                      to every visitor."
                .into(),
            then: vec!["cache-control-missing".into()],
            ruled_out: vec![
                RuledOut { check: "dns-not-proxied".into(), because: "the answer carries cf-ray".into() },
                RuledOut {
                    check: "origin-certificate-name-mismatch".into(),
                    because: "the leaf covers lambda.example.com".into(),
                },
            ],
            predicted: Some(Predicted {
                statuses: vec!["MISS".into(), "HIT".into()],
                edge_ttl_s: Some(7200),
                browser_ttl_s: Some(14400),
            }),
        }),
        observed: Some(Observed { statuses: vec!["none".into()], age_s: None }),
        decision: None,
        ssl_modes: Some(
            [
                ("off", "521", "port 80 is refused"),
                ("full", "served", "TLS can be completed"),
                ("strict", "526", "the certificate expired"),
            ]
            .map(|(mode, outcome, because)| SslModeOutcome {
                mode: mode.into(),
                outcome: outcome.into(),
                because: because.into(),
            })
            .into(),
        ),
        areas: vec![
            area(
                "dns",
                "DNS",
                Status::Pass,
                Some("104.16.0.1, 2606:4700::6810:1 (Cloudflare); zone example.com, signed"),
            ),
            area("edge", "Edge", Status::Fail, None),
            area("origin", "Origin", Status::Fail, None),
            area("cloudflare", "Cloudflare zone", Status::NotRun, None),
            area("cache", "Cache", Status::Warn, None),
        ],
        results: vec![
            result("dns-name-unresolvable", "The name resolves", Status::Pass, Some("2 addresses")),
            result("dns-cname-loop", "The CNAME chain ends", Status::Pass, None),
            symptom,
            legacy,
            not_run("edge-preflight-blocked", "Preflights pass", ReasonKind::NotApplicable, "no -H Origin was given"),
            expired,
            result("origin-unreachable", "The origin answers", Status::Pass, Some("203.0.113.7:443 in 80 ms")),
            not_run(
                "cloudflare-ssl-mode-weak",
                "The edge verifies the origin's certificate",
                ReasonKind::NoCredential,
                "no credential for the Cloudflare zone",
            ),
            not_run(
                "cloudflare-zone-inactive",
                "The zone is active",
                ReasonKind::NoCredential,
                "no credential for the Cloudflare zone",
            ),
            missing,
            not_run("cache-never-hit", "The cache answers", ReasonKind::Inconclusive, challenge),
        ],
        ..target("lambda.example.com", "/endpoint", TargetVerdict::Fail)
    }
}

fn healthy() -> TargetReport {
    TargetReport {
        answered_by: Some("api-gateway-http".into()),
        observed: Some(Observed { statuses: vec!["MISS".into(), "HIT".into()], age_s: Some(1) }),
        decision: None,
        areas: vec![
            area("dns", "DNS", Status::Pass, Some("104.16.0.1 (Cloudflare)")),
            area("cache", "Cache", Status::Pass, Some("MISS → HIT; 7200 s at the edge")),
        ],
        results: vec![
            result("dns-name-unresolvable", "The name resolves", Status::Pass, Some("1 address")),
            result("cache-never-hit", "The cache answers", Status::Pass, Some("the second sample was a HIT")),
        ],
        ..target("good.example.com", "/", TargetVerdict::Pass)
    }
}

fn challenged() -> TargetReport {
    let why = "every sample at the edge was a challenge";
    TargetReport {
        inconclusive: Some(why.into()),
        areas: vec![area("cache", "Cache", Status::NotRun, None)],
        results: vec![not_run("cache-never-hit", "The cache answers", ReasonKind::Inconclusive, why)],
        ..target("guarded.example.com", "/", TargetVerdict::Inconclusive)
    }
}
