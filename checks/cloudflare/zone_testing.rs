//! Evidence for the tests of this area.

use serde_json::{Value, json};

use crate::check::{Check, Probe};
use crate::evidence::dns::{Chain, Dns, Hop, Lookup, ZoneCut};
use crate::evidence::http::{Exchange, Exchanges, Outcome, Request, Response};
use crate::evidence::{Evidence, Gathered, Zone};
use crate::verdict::{Confidence, Finding, NotRun, Verdict};

pub(super) const HOST: &str = "lambda.example.com";
pub(super) const TARGET: &str = "d-abc123def4.execute-api.us-west-2.amazonaws.com";

pub(super) fn nothing() -> Evidence {
    let target = "https://lambda.example.com/endpoint".parse().unwrap();
    Evidence::nothing(target, time::macros::datetime!(2026-11-25 12:00 UTC))
}

/// A zone is known, and nothing else.
pub(super) fn with(document: Value) -> Evidence {
    Evidence { zone: Gathered::Found(Zone::from_document(document).unwrap()), ..nothing() }
}

fn dns(hops: Vec<Hop>, addresses: &[&str], servers: &[&str]) -> Gathered<Dns> {
    let unseen = || NotRun::not_applicable("not asked in this test");
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Gathered::Found(Dns {
        resolver: "192.0.2.53".into(),
        host: Chain {
            name: HOST.into(),
            hops,
            ipv4: Lookup::Answer { addresses, ttl: 300, authenticated: false },
            ipv6: Lookup::NoData,
            fault: None,
        },
        host_unchecked: None,
        impossible: None,
        zone: Gathered::Found(ZoneCut {
            apex: "example.com".into(),
            name_servers: servers.iter().map(ToString::to_string).collect(),
            signed: Some(false),
        }),
        views: Vec::new(),
        caa: Gathered::Missing(unseen()),
        origin: Gathered::Missing(unseen()),
        validation: Vec::new(),
        host_ms: None,
        origin_ms: None,
    })
}

/// Public DNS leads openly to the origin.
pub(super) fn openly(mut evidence: Evidence) -> Evidence {
    let hop = Hop { from: HOST.into(), to: TARGET.into(), ttl: 300 };
    evidence.dns = dns(vec![hop], &["192.0.2.7"], &["ns1.example.net", "ns2.example.net"]);
    evidence
}

/// The edge answers so.
pub(super) fn answers(mut evidence: Evidence, status: u16, headers: &[(&str, &str)], body: &str) -> Evidence {
    let mut response: Response = serde_json::from_value(json!({ "status": status, "version": "HTTP/2" })).unwrap();
    headers.iter().for_each(|(name, value)| response.headers.push(name, value));
    response.body.prefix = body.into();
    let request = Request { method: "GET".into(), url: evidence.target.url(), headers: Default::default() };
    let outcome = Outcome::Answered(Box::new(response));
    let unseen = || Gathered::Missing(NotRun::not_applicable("not asked in this test"));
    evidence.edge.http = Gathered::Found(Exchanges {
        samples: vec![Exchange { request, sent_at: None, outcome, timing: Default::default(), earlier: Vec::new() }],
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: unseen(),
        trace: unseen(),
        preflight: unseen(),
    });
    evidence
}

/// The edge passes on a fresh answer of the origin.
pub(super) fn served(mut evidence: Evidence) -> Evidence {
    evidence.dns = dns(Vec::new(), &["104.16.1.2"], &["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]);
    let headers =
        [("date", "Wed, 25 Nov 2026 12:00:00 GMT"), ("cf-ray", "230b030023ae2822-SJC"), ("cf-cache-status", "MISS")];
    answers(evidence, 200, &headers, "{}")
}

/// `fail/high`, `warn/low`, `pass`, or the kind of `NotRun`; also that needs are honest and the fix says something.
pub(super) fn word(check: &Check, evidence: &Evidence) -> String {
    let answer = check.run(evidence);
    let blanked = Probe::ALL.iter().filter(|probe| !check.needs.contains(probe));
    let needed = blanked.fold(evidence.clone(), |evidence, probe| evidence.without(*probe));
    assert_eq!(check.run(&needed), answer, "{} looks at more than it needs", check.id);
    let of = |kind: &str, finding: &Finding| {
        let fix = check.mend(evidence, finding);
        assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{}: {fix:?}", check.id);
        let confidence = match finding.confidence {
            Confidence::High => "high",
            Confidence::Medium => "medium",
            Confidence::Low => "low",
        };
        format!("{kind}/{confidence}")
    };
    match answer {
        Ok(Verdict::Pass(_)) => "pass".into(),
        Ok(Verdict::Warn(finding)) => of("warn", &finding),
        Ok(Verdict::Fail(finding)) => of("fail", &finding),
        Err(why) => why.kind().into(),
    }
}

pub(super) fn found(check: &Check, evidence: &Evidence) -> Finding {
    check.run(evidence).unwrap().finding().unwrap().clone()
}
