//! Builders for the tests of this area.

use time::OffsetDateTime;
use time::macros::datetime;

use crate::evidence::dns::{Chain, Dns, Hop, Lookup, ZoneCut};
use crate::evidence::http::{Body, Exchange, Exchanges, Headers, Outcome, Request, Response, Timing};
use crate::evidence::target::DeclaredOrigin;
use crate::evidence::tls::{
    Certificate, ClientCertificate, Connect, Handshake, LegacyAnswer, LegacyHello, Limit, Patience, Session,
    TlsOutcome, TlsVersion,
};
use crate::evidence::{Evidence, Gathered, Vantage};
use crate::verdict::{Finding, NotRun, Verdict};

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);
pub(super) const URL: &str = "https://api.example.com/orders";

/// What Cloudflare adds to every proxied answer, with a date.
pub(super) const PROXIED: &[(&str, &str)] = &[
    ("date", "Tue, 24 Nov 2026 10:00:00 GMT"),
    ("server", "cloudflare"),
    ("cf-ray", "8a1b2c3d4e5f6071-SEA"),
    ("cf-cache-status", "DYNAMIC"),
    ("content-type", "application/json"),
];

/// The same for an answer that the edge made before the cache.
pub(super) const EDGE_MADE: &[(&str, &str)] = &[
    ("date", "Tue, 24 Nov 2026 10:00:00 GMT"),
    ("server", "cloudflare"),
    ("cf-ray", "8a1b2c3d4e5f6071-SEA"),
    ("content-type", "text/html"),
];

pub(super) fn nothing(url: &str) -> Evidence {
    Evidence::nothing(url.parse().unwrap(), NOW)
}

pub(super) fn response(status: u16, headers: &[&[(&str, &str)]], body: &str) -> Response {
    let headers: Headers =
        headers.iter().flat_map(|set| set.iter()).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let body = Body { length: body.len() as u64, prefix: body.into(), ..Body::default() };
    Response { status, version: "HTTP/1.1".into(), headers, body }
}

pub(super) fn exchange(url: &str, response: Response) -> Exchange {
    Exchange {
        request: Request { method: "GET".into(), url: url.into(), headers: Headers::default() },
        sent_at: Some(NOW),
        outcome: Outcome::Answered(Box::new(response)),
        timing: Timing::default(),
        earlier: Vec::new(),
    }
}

pub(super) fn exchanges(samples: Vec<Exchange>) -> Exchanges {
    let unseen = || Gathered::Missing(NotRun::not_applicable("not asked in this test"));
    Exchanges {
        samples,
        redirects: Vec::new(),
        redirects_stopped: None,
        plain: unseen(),
        trace: unseen(),
        preflight: unseen(),
    }
}

/// Evidence of one answer at the edge.
pub(super) fn edge(url: &str, response: Response) -> Evidence {
    let mut evidence = nothing(url);
    evidence.edge.http = Gathered::Found(exchanges(vec![exchange(url, response)]));
    evidence
}

/// Evidence of one answer at the origin, asked directly, and nothing at the edge.
pub(super) fn origin_only(url: &str, response: Response) -> Evidence {
    let mut evidence = nothing(url);
    evidence.origin.http = Gathered::Found(exchanges(vec![exchange(url, response)]));
    evidence
}

/// Adds the origin's own answers.
pub(super) fn with_origin(mut evidence: Evidence, answers: Vec<Response>) -> Evidence {
    let url = evidence.target.url();
    let samples = answers.into_iter().map(|answer| exchange(&url, answer)).collect();
    evidence.target.origin = Some(DeclaredOrigin {
        host: "d-abc123def4.execute-api.us-west-2.amazonaws.com".into(),
        port: 443,
        assumed: false,
        from_zone: false,
    });
    evidence.origin.http = Gathered::Found(exchanges(samples));
    evidence
}

/// A function URL that the account of [`with_account`] has.
pub(super) const FUNCTION_URL: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-west-2.on.aws";

/// Adds an account that leads [`URL`] to a route with these settings, of an HTTP API, and on to a function of 3 s; its
/// function URL admits the public.
pub(super) fn with_account(mut evidence: Evidence, route: serde_json::Value) -> Evidence {
    use serde_json::json;
    let arn = "arn:aws:lambda:us-west-2:123456789012:function:orders";
    let allow = |action: &str| json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": arn});
    let mut own = json!({"routeKey": "GET /orders", "target": "integrations/i"});
    route.as_object().unwrap().iter().for_each(|(key, value)| own[key] = value.clone());
    evidence.gateway = Gathered::Found(crate::evidence::Gateway::from_document(json!({
        "domains": [{"domainName": "api.example.com", "region": "us-west-2",
            "regionalDomainName": "d-abc123def4.execute-api.us-west-2.amazonaws.com",
            "api_mappings": [{"apiId": "f1e2d3c4b5", "apiMappingKey": "", "stage": "live"}]}],
        "apis": [{"apiId": "f1e2d3c4b5", "protocolType": "HTTP", "region": "us-west-2", "routes": [own],
            "stages": [{"stageName": "live", "defaultRouteSettings": {"throttlingRateLimit": 0.0}}],
            "integrations": [{"integrationId": "i", "integrationType": "AWS_PROXY", "integrationUri": arn, "timeoutInMillis": 10_000}]}],
        "functions": [{"FunctionArn": arn, "Timeout": 3, "State": "Active",
            "policy": {"Statement": [allow("lambda:InvokeFunctionUrl"), allow("lambda:InvokeFunction")]},
            "url_configs": [{"FunctionUrl": format!("https://{FUNCTION_URL}/"), "AuthType": "NONE"}]}],
    })));
    evidence
}

pub(super) fn edge_http(evidence: &mut Evidence) -> &mut Exchanges {
    http(&mut evidence.edge)
}

pub(super) fn origin_http(evidence: &mut Evidence) -> &mut Exchanges {
    http(&mut evidence.origin)
}

fn http(vantage: &mut Vantage) -> &mut Exchanges {
    match &mut vantage.http {
        Gathered::Found(http) => http,
        Gathered::Missing(_) => panic!("no exchanges in this test"),
    }
}

pub(super) fn lookup(addresses: &[&str]) -> Lookup {
    Lookup::Answer { addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(), ttl: 300, authenticated: false }
}

/// The host resolves to these addresses, through these CNAMEs, in this zone.
pub(super) fn with_dns(mut evidence: Evidence, addresses: &[&str], hops: &[&str], apex: Option<&str>) -> Evidence {
    let name = evidence.target.host.clone();
    let mut from = name.clone();
    let hops = hops
        .iter()
        .map(|to| Hop { from: std::mem::replace(&mut from, (*to).to_owned()), to: (*to).to_owned(), ttl: 60 })
        .collect();
    let missing = || NotRun::not_applicable("not asked in this test");
    evidence.dns = Gathered::Found(Dns {
        resolver: "192.0.2.53".into(),
        host: Chain { name, hops, ipv4: lookup(addresses), ipv6: Lookup::NoData, fault: None },
        host_unchecked: None,
        impossible: None,
        zone: match apex {
            Some(apex) => Gathered::Found(ZoneCut { apex: apex.into(), name_servers: Vec::new(), signed: None }),
            None => Gathered::Missing(missing()),
        },
        views: Vec::new(),
        caa: Gathered::Missing(missing()),
        validation: Vec::new(),
        origin: Gathered::Missing(missing()),
        host_ms: None,
        origin_ms: None,
    });
    evidence
}

/// Cloudflare's addresses, zone `example.com`.
pub(super) fn proxied_dns(evidence: Evidence) -> Evidence {
    with_dns(evidence, &["104.16.1.1"], &[], Some("example.com"))
}

/// A completed TLS 1.3 handshake with this leaf.
pub(super) fn handshake(leaf: Certificate) -> Handshake {
    Handshake {
        peer: "api.example.com".into(),
        address: Some("104.16.1.1:443".parse().unwrap()),
        server_name: Some("api.example.com".into()),
        connect: Connect::Open,
        outcome: TlsOutcome::Completed,
        session: Some(Session {
            version: TlsVersion::Tls13,
            cipher: "TLS13_AES_128_GCM_SHA256".into(),
            group: None,
            alpn: Some("h2".into()),
        }),
        chain: vec![leaf],
        ocsp_stapled: false,
        client_certificate: ClientCertificate::NotAsked,
        legacy: Gathered::Missing(NotRun::not_applicable("not tried in this test")),
        connect_ms: Some(5.0),
        tls_ms: Some(9.0),
        earlier: Vec::new(),
    }
}

/// A handshake that failed.
pub(super) fn failed(connect: Connect, outcome: TlsOutcome) -> Handshake {
    Handshake { connect, outcome, session: None, chain: Vec::new(), ..handshake(Certificate::default()) }
}

/// Somebody's report of a TLS error.
pub(super) fn reported(error: &str) -> Handshake {
    Handshake { address: None, ..failed(Connect::Reported, TlsOutcome::Reported { error: Some(error.into()) }) }
}

pub(super) fn alert(code: u8, name: &str) -> TlsOutcome {
    TlsOutcome::Alert { code, name: name.into(), after_handshake: false }
}

pub(super) fn patience(limit: Limit) -> Patience {
    Patience { after_ms: 5000, limit }
}

/// A leaf that names `names`, valid until `not_after`, with 90 days of life.
pub(super) fn leaf(names: &[&str], not_after: OffsetDateTime) -> Certificate {
    Certificate {
        issuer: "CN=WE1,O=Google Trust Services,C=US".into(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        not_before: Some(not_after - time::Duration::days(90)),
        not_after: Some(not_after),
        ..Certificate::default()
    }
}

pub(super) fn legacy(answer: LegacyAnswer) -> Gathered<LegacyHello> {
    Gathered::Found(LegacyHello {
        offered: TlsVersion::Tls11,
        answer,
        chain: Vec::new(),
        asks_client_certificate: false,
    })
}

/// The finding of an answer that has to be a failure.
pub(super) fn failure(answer: Result<Verdict, NotRun>) -> Finding {
    match answer {
        Ok(Verdict::Fail(finding)) => finding,
        other => panic!("{other:?}"),
    }
}
