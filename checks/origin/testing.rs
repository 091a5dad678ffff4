//! Evidence for tests of this area: a healthy site, and what can be changed about it.

use time::Duration;

pub(crate) use crate::model::trust::testing::{Authority, Leaf, NOW};

use crate::evidence::http::{Body, BodyEnd, Failure, Headers, Outcome, Request, Timing};
use crate::evidence::tls::{
    Certificate, ClientCertificate, Connect, LegacyAnswer, LegacyHello, Limit, Patience, Session, TlsOutcome,
    TlsVersion, TrustInputs,
};
use crate::evidence::{Evidence, Exchange, Exchanges, Gathered, Handshake, Response};
use crate::verdict::{Confidence, Finding, NotRun, Verdict};
use crate::{Check, Probe};

pub(crate) const HOST: &str = "api.example.com";
pub(crate) const ORIGIN: &str = "d-abc123.execute-api.us-west-2.amazonaws.com";

/// Who signs in these tests.
pub(crate) struct Pki {
    pub(crate) public: Authority,
    pub(crate) origin_ca: Authority,
}

pub(crate) fn pki() -> Pki {
    Pki { public: Authority::root("Public Root"), origin_ca: Authority::origin_ca() }
}

impl Pki {
    /// A site whose origin serves this chain; nobody looked at the edge.
    pub(crate) fn site(&self, chain: Vec<Certificate>) -> Evidence {
        let mut evidence = evidence();
        evidence.trust =
            TrustInputs { extra_roots: vec![self.public.der()], origin_ca: Some(vec![self.origin_ca.der()]) };
        evidence.origin.tls = Gathered::Found(completed(chain));
        evidence
    }

    /// A site whose origin serves a sound certificate.
    pub(crate) fn healthy(&self) -> Evidence {
        self.site(vec![self.public.sign(Leaf::of(&[HOST]))])
    }
}

/// The target with its origin declared; nobody looked anywhere.
pub(crate) fn evidence() -> Evidence {
    let mut target: crate::evidence::Target = "https://api.example.com/data".parse().unwrap();
    target.origin = Some(ORIGIN.parse().unwrap());
    Evidence::nothing(target, NOW)
}

pub(crate) fn completed(chain: Vec<Certificate>) -> Handshake {
    Handshake {
        peer: ORIGIN.into(),
        address: Some("192.0.2.7:443".parse().unwrap()),
        server_name: Some(HOST.into()),
        connect: Connect::Open,
        outcome: TlsOutcome::Completed,
        session: Some(Session {
            version: TlsVersion::Tls13,
            cipher: "TLS13_AES_128_GCM_SHA256".into(),
            group: None,
            alpn: None,
        }),
        chain,
        ocsp_stapled: false,
        client_certificate: ClientCertificate::NotAsked,
        legacy: Gathered::Missing(NotRun::Disabled(Probe::OriginTls)),
        connect_ms: Some(20.0),
        tls_ms: Some(40.0),
        earlier: Vec::new(),
    }
}

/// A handshake that did not go through.
pub(crate) fn failed(connect: Connect, outcome: TlsOutcome) -> Handshake {
    Handshake { connect, outcome, session: None, ..completed(Vec::new()) }
}

pub(crate) fn waited(limit: Limit) -> Patience {
    Patience { after_ms: 5000, limit }
}

pub(crate) fn legacy(offered: TlsVersion, version: TlsVersion, cipher: &str) -> Gathered<LegacyHello> {
    Gathered::Found(LegacyHello {
        offered,
        answer: LegacyAnswer::Accepted { version, cipher: cipher.into() },
        chain: Vec::new(),
        asks_client_certificate: false,
    })
}

pub(crate) fn exchange(url: &str, outcome: Outcome) -> Exchange {
    Exchange {
        request: Request { method: "GET".into(), url: url.into(), headers: Headers::default() },
        sent_at: Some(NOW + Duration::seconds(1)),
        outcome,
        timing: Timing::default(),
        earlier: Vec::new(),
    }
}

pub(crate) fn answered<const N: usize>(status: u16, headers: [(&str, &str); N], body: &str) -> Outcome {
    Outcome::Answered(Box::new(Response {
        status,
        version: "HTTP/2".into(),
        headers: headers.into(),
        body: Body { length: body.len() as u64, sha256: None, prefix: body.into(), end: BodyEnd::Complete },
    }))
}

pub(crate) fn exchanges(samples: Vec<Exchange>) -> Exchanges {
    let unseen = || Gathered::Missing(NotRun::Disabled(Probe::EdgeHttp));
    Exchanges {
        samples,
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: unseen(),
        trace: unseen(),
        preflight: unseen(),
    }
}

/// The edge answers so.
pub(crate) fn at_edge<const N: usize>(
    mut evidence: Evidence,
    status: u16,
    headers: [(&str, &str); N],
    body: &str,
) -> Evidence {
    evidence.edge.http =
        Gathered::Found(exchanges(vec![exchange("https://api.example.com/data", answered(status, headers, body))]));
    evidence
}

/// The edge passes on a fresh answer of the origin.
pub(crate) fn served(evidence: Evidence) -> Evidence {
    at_edge(evidence, 200, [("cf-ray", "8f-SEA"), ("cf-cache-status", "DYNAMIC")], "{}")
}

/// The edge answers with one of Cloudflare's own errors.
pub(crate) fn edge_error(evidence: Evidence, status: u16) -> Evidence {
    at_edge(evidence, status, [("cf-ray", "8f-SEA"), ("server", "cloudflare")], "error code: 5xx")
}

/// The edge answers from its cache.
pub(crate) fn edge_hit(evidence: Evidence) -> Evidence {
    at_edge(evidence, 200, [("cf-ray", "8f-SEA"), ("cf-cache-status", "HIT"), ("age", "5")], "{}")
}

/// The origin, asked directly over HTTPS, does this.
pub(crate) fn origin_answers(mut evidence: Evidence, outcome: Outcome) -> Evidence {
    let plain = evidence.origin.http.found().map(|http| http.plain.clone());
    let mut http = exchanges(vec![exchange("https://api.example.com/data", outcome)]);
    http.plain = plain.unwrap_or(http.plain);
    evidence.origin.http = Gathered::Found(http);
    evidence
}

/// The origin, asked on port 80, does this.
pub(crate) fn on_port_80(mut evidence: Evidence, outcome: Outcome) -> Evidence {
    let mut http = evidence.origin.http.found().cloned().unwrap_or_else(|| exchanges(Vec::new()));
    http.plain = Gathered::Found(exchange("http://api.example.com/data", outcome));
    evidence.origin.http = Gathered::Found(http);
    evidence
}

pub(crate) fn refused() -> Outcome {
    Outcome::Failed(Failure::Connect(Connect::Refused))
}

/// `fail/high`, `warn/low`, `pass`, or the kind of `NotRun`; also that the fix does not panic and says something.
pub(crate) fn word(check: &Check, evidence: &Evidence) -> String {
    let of = |kind: &str, finding: &Finding| {
        let fix = (check.fix)(evidence, finding);
        assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{}: {fix:?}", check.id);
        assert!(!finding.seen.is_empty(), "{}", check.id);
        let confidence = match finding.confidence {
            Confidence::High => "high",
            Confidence::Medium => "medium",
            Confidence::Low => "low",
        };
        format!("{kind}/{confidence}")
    };
    let answer = check.run(evidence);
    let blanked = Probe::ALL.iter().filter(|probe| !check.needs.contains(probe));
    let needed = blanked.fold(evidence.clone(), |evidence, probe| evidence.without(*probe));
    assert_eq!(check.run(&needed), answer, "{} looks at more than it needs", check.id);
    match answer {
        Ok(Verdict::Pass(_)) => "pass".into(),
        Ok(Verdict::Warn(finding)) => of("warn", &finding),
        Ok(Verdict::Fail(finding)) => of("fail", &finding),
        Err(why) => why.kind().into(),
    }
}

/// The sentence of the finding.
pub(crate) fn seen(check: &Check, evidence: &Evidence) -> String {
    check.run(evidence).unwrap().finding().unwrap().seen.clone()
}
