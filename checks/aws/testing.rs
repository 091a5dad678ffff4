//! Evidence for the tests of this area.

use serde_json::Value;

use crate::check::Check;
use crate::evidence::dns::{CaaRecord, CaaSearch, CaaStep, Chain, Dns, Hop, Lookup};
use crate::evidence::http::{Exchange, Exchanges, Outcome, Request, Response};
use crate::evidence::tls::{Certificate, Connect, Handshake, TlsOutcome};
use crate::evidence::{Evidence, Gateway, Gathered, Zone};
use crate::verdict::{NotRun, Verdict};

pub(super) const HOST: &str = "lambda.example.com";
pub(super) const TARGET: &str = "d-abc123def4.execute-api.us-west-2.amazonaws.com";
/// Beginning of an ARN of ACM.
pub(super) const ACM: &str = "arn:aws:acm:us-west-2:123456789012";

/// The site with this account and a record that points at [`TARGET`].
pub(super) fn site(account: Value) -> Evidence {
    let mut target: crate::evidence::Target = "https://lambda.example.com/endpoint".parse().unwrap();
    target.origin = Some(TARGET.parse().unwrap());
    let at = time::macros::datetime!(2026-11-25 12:00 UTC);
    Evidence { gateway: Gathered::Found(Gateway::from_document(account)), ..Evidence::nothing(target, at) }
}

/// The same with this zone.
pub(super) fn with_zone(site: Evidence, zone: Value) -> Evidence {
    Evidence { zone: Gathered::Found(Zone::from_document(zone).unwrap()), ..site }
}

fn unasked<T>() -> Gathered<T> {
    Gathered::Missing(NotRun::not_applicable("not asked"))
}

/// A name with these CNAMEs and this answer at their end.
pub(super) fn chain(names: &[&str], ipv4: Lookup) -> Chain {
    let hops = names.windows(2).map(|pair| Hop { from: pair[0].into(), to: pair[1].into(), ttl: 60 }).collect();
    Chain { name: names[0].into(), hops, ipv4, ipv6: Lookup::NoData, fault: None }
}

pub(super) fn addresses(all: &[&str]) -> Lookup {
    Lookup::Answer { addresses: all.iter().map(|a| a.parse().unwrap()).collect(), ttl: 60, authenticated: false }
}

/// What DNS told of the host, as a start.
pub(super) fn names() -> Dns {
    Dns {
        resolver: "192.0.2.53".into(),
        host: chain(&[HOST], addresses(&["104.16.1.2"])),
        host_unchecked: None,
        impossible: None,
        zone: unasked(),
        views: Vec::new(),
        caa: unasked(),
        validation: Vec::new(),
        host_ms: None,
        origin_ms: None,
        origin: unasked(),
    }
}

pub(super) fn with_names(site: Evidence, dns: Dns) -> Evidence {
    Evidence { dns: Gathered::Found(dns), ..site }
}

/// CAA records of the zone's apex.
pub(super) fn caa(records: &[(&str, &str)]) -> Gathered<CaaSearch> {
    let of = |(tag, value): &(&str, &str)| CaaRecord { critical: false, tag: (*tag).into(), value: (*value).into() };
    let step = |name: &str, records| CaaStep { name: name.into(), through: None, records, failed: None };
    let steps = vec![step(HOST, Vec::new()), step("example.com", records.iter().map(of).collect())];
    Gathered::Found(CaaSearch { steps })
}

/// The origin shows a certificate for these names.
pub(super) fn shows(mut site: Evidence, names: &[&str]) -> Evidence {
    let leaf = Certificate { names: names.iter().map(ToString::to_string).collect(), ..Certificate::default() };
    site.origin.tls = Gathered::Found(Handshake {
        peer: TARGET.into(),
        address: None,
        server_name: Some(HOST.into()),
        connect: Connect::Open,
        outcome: TlsOutcome::Completed,
        session: None,
        chain: vec![leaf],
        ocsp_stapled: false,
        client_certificate: Default::default(),
        legacy: unasked(),
        connect_ms: None,
        tls_ms: None,
        earlier: Vec::new(),
    });
    site
}

pub(super) fn answer(mut site: Evidence, status: u16, headers: &[(&str, &str)], body: &str) -> Evidence {
    let mut response: Response =
        serde_json::from_value(serde_json::json!({"status": status, "version": "HTTP/2"})).unwrap();
    headers.iter().for_each(|(name, value)| response.headers.push(name, value));
    response.body.prefix = body.into();
    let request =
        Request { method: "GET".into(), url: format!("https://{HOST}/endpoint"), headers: Default::default() };
    let outcome = Outcome::Answered(Box::new(response));
    site.edge.http = Gathered::Found(Exchanges {
        samples: vec![Exchange { request, sent_at: None, outcome, timing: Default::default(), earlier: Vec::new() }],
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: unasked(),
        trace: unasked(),
        preflight: unasked(),
    });
    site
}

/// An answer through Cloudflare; a good one was made by the origin just now.
pub(super) fn edge(site: Evidence, status: u16, body: &str) -> Evidence {
    let mut headers = vec![("date", "Wed, 25 Nov 2026 12:00:00 GMT"), ("server", "cloudflare"), ("cf-ray", "2-SJC")];
    if status < 500 {
        headers.push(("cf-cache-status", "DYNAMIC"));
    }
    answer(site, status, &headers, body)
}

/// An error of an HTTP API, passed on by the edge.
pub(super) fn gateway_says(site: Evidence, status: u16, message: &str) -> Evidence {
    let headers = [("apigw-requestid", "a="), ("cf-ray", "2-SJC"), ("cf-cache-status", "DYNAMIC")];
    answer(site, status, &headers, &format!("{{\"message\":\"{message}\"}}"))
}

/// The verdict as one word with its confidence, or the kind of not-run.
pub(super) fn word(check: &Check, site: &Evidence) -> String {
    match check.run(site) {
        Ok(Verdict::Pass(_)) => "pass".into(),
        Ok(Verdict::Warn(finding)) => format!("warn/{:?}", finding.confidence).to_lowercase(),
        Ok(Verdict::Fail(finding)) => format!("fail/{:?}", finding.confidence).to_lowercase(),
        Err(why) => why.kind().into(),
    }
}

/// The fix for what was found, as text.
pub(super) fn fix_text(check: &Check, site: &Evidence) -> String {
    let finding = check.run(site).unwrap().finding().unwrap().clone();
    let fix = (check.fix)(site, &finding);
    let steps: Vec<String> = fix.steps.iter().map(|step| format!("{}: {}", step.label, step.text)).collect();
    format!("{}\n{}", fix.summary, steps.join("\n"))
}
