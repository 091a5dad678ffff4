//! Evidence for the tests of this area.

use crate::evidence::dns::{CaaRecord, CaaSearch, CaaStep, Chain, Dns, Hop, Lookup, View, Viewer, ZoneCut};
use crate::evidence::http::{Exchange, Exchanges, Outcome, Request, Response};
use crate::evidence::tls::{Certificate, Connect, Handshake, TlsOutcome};
use crate::evidence::{Evidence, Gathered};
use crate::verdict::{NotRun, Verdict};

pub(super) const HOST: &str = "lambda.example.com";
pub(super) const TARGET: &str = "d-abc123def4.execute-api.us-west-2.amazonaws.com";
pub(super) const DEFAULT: &str = "abc123def4.execute-api.us-west-2.amazonaws.com";

pub(super) fn nothing() -> Evidence {
    Evidence::nothing(
        "https://lambda.example.com/endpoint".parse().unwrap(),
        time::macros::datetime!(2026-11-25 12:00 UTC),
    )
}

pub(super) fn answer(addresses: &[&str]) -> Lookup {
    Lookup::Answer { addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(), ttl: 300, authenticated: false }
}

pub(super) fn servfail() -> Lookup {
    Lookup::ServFail { extended: None }
}

/// The host's chain with these lookups.
pub(super) fn lookups(ipv4: Lookup, ipv6: Lookup) -> Chain {
    Chain { name: HOST.into(), hops: Vec::new(), ipv4, ipv6, fault: None }
}

/// `names` linked by CNAMEs, ending in these IPv4 addresses; none: NXDOMAIN.
pub(super) fn chain(names: &[&str], addresses: &[&str]) -> Chain {
    let hops = names.windows(2).map(|pair| Hop { from: pair[0].into(), to: pair[1].into(), ttl: 60 }).collect();
    let (ipv4, ipv6) =
        if addresses.is_empty() { (Lookup::NxDomain, Lookup::NxDomain) } else { (answer(addresses), Lookup::NoData) };
    Chain { name: names[0].into(), hops, ipv4, ipv6, fault: None }
}

pub(super) fn host(chain: Chain) -> Dns {
    Dns {
        resolver: "192.0.2.53".into(),
        host: chain,
        host_unchecked: None,
        impossible: None,
        zone: Gathered::Found(ZoneCut {
            apex: "example.com".into(),
            name_servers: vec!["ada.ns.cloudflare.com".into()],
            signed: Some(false),
        }),
        views: Vec::new(),
        caa: Gathered::Found(CaaSearch { steps: Vec::new() }),
        validation: Vec::new(),
        origin: Gathered::Missing(NotRun::not_applicable("no origin was declared")),
        host_ms: None,
        origin_ms: None,
    }
}

pub(super) fn proxied() -> Dns {
    host(lookups(answer(&["104.16.1.2", "104.16.2.2"]), Lookup::NoData))
}

pub(super) fn with(dns: Dns) -> Evidence {
    Evidence { dns: Gathered::Found(dns), ..nothing() }
}

/// The zone is known.
pub(super) fn zone(evidence: Evidence, document: serde_json::Value) -> Evidence {
    Evidence { zone: Gathered::Found(crate::evidence::Zone::from_document(document).unwrap()), ..evidence }
}

/// The zone `example.com` in full set-up, active and delegated, with these records.
pub(super) fn records(evidence: Evidence, records: serde_json::Value) -> Evidence {
    let details = serde_json::json!({"name": "example.com", "id": "0a1b", "type": "full", "status": "active", "paused": false,
        "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]});
    zone(evidence, serde_json::json!({"zone": details, "dns_records": records}))
}

/// A proxied host with a declared origin that resolves so.
pub(super) fn declared(origin: Chain) -> Evidence {
    let mut evidence = with(Dns { origin: Gathered::Found(origin.clone()), ..proxied() });
    evidence.target.origin = Some(origin.name.parse().unwrap());
    evidence
}

pub(super) fn exchanges(status: u16, headers: &[(&str, &str)], body: &str) -> Gathered<Exchanges> {
    let mut response: Response =
        serde_json::from_value(serde_json::json!({ "status": status, "version": "HTTP/2" })).unwrap();
    headers.iter().for_each(|(name, value)| response.headers.push(name, value));
    response.body.prefix = body.into();
    let request =
        Request { method: "GET".into(), url: format!("https://{HOST}/endpoint"), headers: Default::default() };
    let outcome = Outcome::Answered(Box::new(response));
    let unseen = || Gathered::Missing(NotRun::not_applicable("not asked"));
    Gathered::Found(Exchanges {
        samples: vec![Exchange { request, sent_at: None, outcome, timing: Default::default(), earlier: Vec::new() }],
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: unseen(),
        trace: unseen(),
        preflight: unseen(),
    })
}

/// An answer through Cloudflare.
pub(super) fn edge(mut evidence: Evidence, status: u16, body: &str) -> Evidence {
    let mut headers = vec![("date", "Wed, 25 Nov 2026 12:00:00 GMT"), ("cf-ray", "230b030023ae2822-SJC")];
    if status < 400 {
        headers.push(("cf-cache-status", "DYNAMIC"));
    }
    evidence.edge.http = exchanges(status, &headers, body);
    evidence
}

/// A completed handshake with this leaf.
pub(super) fn handshake(issuer: &str, names: &[&str]) -> Gathered<Handshake> {
    let leaf = Certificate {
        issuer: issuer.into(),
        names: names.iter().map(ToString::to_string).collect(),
        not_after: Some(time::macros::datetime!(2027-01-25 12:00 UTC)),
        ..Certificate::default()
    };
    Gathered::Found(Handshake {
        peer: HOST.into(),
        address: None,
        server_name: Some(HOST.into()),
        connect: Connect::Open,
        outcome: TlsOutcome::Completed,
        session: None,
        chain: vec![leaf],
        ocsp_stapled: false,
        client_certificate: Default::default(),
        legacy: Gathered::Missing(NotRun::not_applicable("not tried")),
        connect_ms: None,
        tls_ms: None,
        earlier: Vec::new(),
    })
}

pub(super) fn view(who: Viewer, chain: Chain) -> View {
    View { who, server: format!("{who:?}"), chain }
}

/// A CAA step: `tag value`, a leading `!` is the critical flag.
pub(super) fn caa(name: &str, records: &[&str]) -> CaaStep {
    let records = records
        .iter()
        .map(|line| {
            let (tag, value) = line.trim_start_matches('!').split_once(' ').unwrap();
            CaaRecord { critical: line.starts_with('!'), tag: tag.into(), value: value.into() }
        })
        .collect();
    CaaStep { name: name.into(), through: None, records, failed: None }
}

/// The verdict as one word, or the kind of not-run.
pub(super) fn word(answer: &Result<Verdict, NotRun>) -> &'static str {
    match answer {
        Ok(Verdict::Pass(_)) => "pass",
        Ok(Verdict::Warn(_)) => "warn",
        Ok(Verdict::Fail(_)) => "fail",
        Err(why) => why.kind(),
    }
}
