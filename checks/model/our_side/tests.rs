//! Each culprit from whole evidence, and each look-alike that is none.

use std::net::IpAddr;

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::evidence::Target;

/// A healthy visit: Cloudflare's addresses, its answers, an origin that answers.
fn healthy() -> Value {
    let head = |extra: &[(&str, &str)]| {
        let mut lines = vec![json!(["Date", "Tue, 24 Nov 2026 10:00:00 GMT"]), json!(["Content-Type", "text/plain"])];
        lines.extend(extra.iter().map(|(name, value)| json!([name, value])));
        lines
    };
    let exchange = |url: &str, headers: Vec<Value>| {
        json!({"request": {"method": "GET", "url": url}, "sent_at": "2026-11-24T10:00:00Z",
            "outcome": {"answered": {"status": 200, "version": "HTTP/1.1", "headers": headers}}})
    };
    let ray = |number: &str| head(&[("CF-Ray", number), ("Server", "cloudflare")]);
    let none = json!({"missing": {"not-applicable": "not asked"}});
    let url = "https://api.example.com/x";
    let exchanges = |samples: Vec<Value>, plain: Value| json!({"found": {"samples": samples, "plain": plain, "trace": none, "preflight": none}});
    let handshake = |peer: &str, address: &str| {
        json!({"found": {"peer": peer, "address": address, "connect": "open", "outcome": "completed", "legacy": none,
            "chain": [{"names": ["api.example.com"], "issuer": "CN=WE1,O=Google Trust Services,C=US",
                "not_before": "2026-11-01T00:00:00Z", "not_after": "2027-01-20T00:00:00Z"}]}})
    };
    let lookup = |address: &str| json!({"answer": {"addresses": [address], "ttl": 60}});
    let chain = |name: &str, address: &str| json!({"name": name, "ipv4": lookup(address), "ipv6": "no-data"});
    json!({
        "target": serde_json::to_value(url.parse::<Target>().unwrap()).unwrap(),
        "gathered_at": "2026-11-24T10:00:00Z",
        "dns": {"found": {"resolver": "192.0.2.53", "host": chain("api.example.com", "104.16.1.2"),
            "zone": none, "caa": none, "origin": {"found": chain("origin.example.net", "203.0.113.80")}}},
        "edge": {"tls": handshake("api.example.com", "104.16.1.2:443"), "http": exchanges(
            vec![exchange(url, ray("8a1b2c3d4e5f6071-SEA")), exchange(url, ray("8a1b2c3d4e5f6072-SEA"))],
            json!({"found": exchange("http://api.example.com/x", ray("8a1b2c3d4e5f6073-SEA"))}))},
        "origin": {"tls": handshake("origin.example.net", "203.0.113.80:443"),
            "http": exchanges(vec![exchange(url, head(&[]))], none.clone())},
    })
}

/// A healthy visit with these differences: a dotted path and what stands there; `*` for every element.
fn with(changes: &[(&str, Value)]) -> Evidence {
    fn change(value: &mut Value, path: &[&str], new: &Value) {
        match path {
            [] => *value = new.clone(),
            ["*", rest @ ..] => value.as_array_mut().unwrap().iter_mut().for_each(|one| change(one, rest, new)),
            [key, rest @ ..] => match key.parse::<usize>() {
                Ok(index) => change(&mut value[index], rest, new),
                Err(_) => change(&mut value[*key], rest, new),
            },
        }
    }
    let mut value = healthy();
    for (path, new) in changes {
        change(&mut value, &path.split('.').collect::<Vec<_>>(), new);
    }
    serde_json::from_value(value).unwrap()
}

/// The culprit and what it spoils; one at most is expected.
fn told(changes: &[(&str, Value)]) -> Option<(String, Vec<Part>)> {
    let all = disturbances(&with(changes));
    assert!(all.len() <= 1, "{all:#?}");
    all.into_iter().next().map(|one| (one.culprit, one.spoils))
}

fn says(changes: &[(&str, Value)], words: &str, spoils: &[Part]) {
    let (culprit, spoilt) = told(changes).unwrap_or_else(|| panic!("nobody says {words:?}"));
    assert!(culprit.contains(words), "{culprit}");
    assert_eq!(spoilt, spoils, "{culprit}");
}

const ALL: &[Part] = &[Part::EdgeTls, Part::EdgeHttp, Part::OriginTls, Part::OriginHttp];
const STRANGE: &[(&str, &str)] = &[("Date", "Tue, 24 Nov 2026 10:00:00 GMT"), ("Server", "box")];

fn strange() -> Value {
    json!(STRANGE.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>())
}

fn no_marks() -> [(&'static str, Value); 2] {
    [
        ("edge.http.found.samples.*.outcome.answered.headers", strange()),
        ("edge.http.found.plain", json!({"missing": {"not-applicable": "x"}})),
    ]
}

#[test]
fn nothing_disturbs_a_healthy_visit() {
    assert_eq!(told(&[]), None);
    assert_eq!(wrong_clock(&with(&[])), None);
}

#[test]
fn a_resolver_that_fails_or_invents() {
    let failed = json!({"serv-fail": {}});
    let fails = [
        ("dns.found.host.ipv4", failed.clone()),
        ("dns.found.host.ipv6", failed.clone()),
        ("dns.found.origin", json!({"missing": {"not-applicable": "x"}})),
    ];
    let broken = |impossible: Value| [&fails[..], &[("dns.found.impossible", impossible)]].concat();
    says(&broken(failed.clone()), "fails on every name", &[Part::Dns, Part::EdgeTls, Part::EdgeHttp]);
    let unchecked = ("dns.found.host_unchecked", json!({"answer": {"addresses": ["192.0.2.1"], "ttl": 1}}));
    assert_eq!(told(&[&broken(failed)[..], &[unchecked]].concat()), None, "it does answer");
    assert_eq!(told(&broken(json!("nx-domain"))), None, "this name alone");
    let mute = [("dns.found.host.ipv4", json!("timed-out")), ("dns.found.host.ipv6", json!("refused"))];
    says(&mute, "is of no use", &[Part::Dns, Part::EdgeTls, Part::EdgeHttp]);
    let invented = ("dns.found.impossible", json!({"answer": {"addresses": ["198.51.100.9"], "ttl": 1}}));
    assert_eq!(told(std::slice::from_ref(&invented)), None, "Cloudflare answered");
    let host = ("dns.found.host.ipv4.answer.addresses", json!(["198.51.100.9"]));
    let astray = [&no_marks()[..], &[invented, host]].concat();
    says(&astray, "invents answers", &[Part::Dns, Part::EdgeTls, Part::EdgeHttp]);
}

#[test]
fn a_private_address_counts_unless_cloudflare_is_met_there() {
    let private = ("dns.found.host.ipv4.answer.addresses", json!(["10.1.2.3"]));
    assert_eq!(told(std::slice::from_ref(&private)), None, "a split horizon that works");
    let past = [&no_marks()[..], &[private]].concat();
    says(&past, "10.1.2.3", &[Part::Dns, Part::EdgeTls, Part::EdgeHttp]);
    let view = |who: &str, address: &str| {
        json!({"who": who, "server": "ns1", "chain": {"name": "api.example.com", "ipv6": "no-data",
            "ipv4": {"answer": {"addresses": [address], "ttl": 60}}}})
    };
    let seen = |views: Value| told(&[&past[..], &[("dns.found.views", views)]].concat());
    assert_eq!(seen(json!([view("authoritative", "10.1.2.3")])), None, "the zone says so itself");
    assert!(seen(json!([view("authoritative", "10.1.2.3"), view("public", "104.16.1.2")])).is_some());
    for (address, local) in [
        ("192.168.1.1", true),
        ("100.64.0.1", true),
        ("100.128.0.1", false),
        ("0.0.0.0", true),
        ("203.0.113.80", false),
        ("::", true),
        ("fd00::1", true),
        ("::ffff:127.0.0.1", true),
        ("2001:db8::1", false),
    ] {
        assert_eq!(is_local(address.parse::<IpAddr>().unwrap()), local, "{address}");
    }
}

#[test]
fn the_zones_own_servers_against_the_resolver() {
    let view = |address: &str| {
        json!([{"who": "authoritative", "server": "ns1", "chain": {"name": "api.example.com", "ipv6": "no-data",
            "ipv4": {"answer": {"addresses": [address], "ttl": 60}}}}])
    };
    let host = ("dns.found.host.ipv4.answer.addresses", json!(["198.51.100.9"]));
    let seen = |address: &str| [&no_marks()[..], &[host.clone(), ("dns.found.views", view(address))]].concat();
    says(&seen("104.16.1.2"), "the zone's own server ns1", &[Part::Dns, Part::EdgeTls, Part::EdgeHttp]);
    assert_eq!(told(&seen("198.51.100.9")), None, "not proxied, by its own servers");
}

#[test]
fn a_stranger_on_cloudflares_addresses() {
    let portal = [&no_marks()[..], &[("edge.tls.found.chain.0.names", json!(["portal.example"]))]].concat();
    says(&portal, "captive portal", &EDGE);
    assert_eq!(told(&no_marks()), None, "he has the certificate of a public authority");
    let http = ("edge.tls.found.outcome", json!({"not-tls": {"first": "HTTP/1.1 403"}}));
    let spoken = [
        http,
        ("edge.tls.found.chain", json!([])),
        ("edge.http", json!({"missing": {"blocked": {"probe": "edge-http", "by": "TLS failed"}}})),
    ];
    says(&spoken, "speaks no TLS", &EDGE);
}

#[test]
fn http_by_a_stranger_beside_https_by_cloudflare() {
    let headers = "edge.http.found.plain.found.outcome.answered.headers";
    says(&[(headers, strange())], "answers http://", &[Part::EdgePlain]);
    let redirect = json!([["Date", "Tue, 24 Nov 2026 10:00:00 GMT"], ["Location", "https://api.example.com/x"]]);
    let status = ("edge.http.found.plain.found.outcome.answered.status", json!(301));
    assert_eq!(told(&[(headers, redirect), status.clone()]), None, "as any site does");
    let login = json!([["Date", "Tue, 24 Nov 2026 10:00:00 GMT"], ["Location", "https://login.example/"]]);
    says(&[(headers, login), status], "answers http://", &[Part::EdgePlain]);
}

#[test]
fn an_answer_that_is_told_again() {
    let same = json!([["CF-Ray", "8a1b2c3d4e5f6071-SEA"], ["Via", "1.1 box"]]);
    let samples = "edge.http.found.samples.*.outcome.answered.headers";
    says(&[(samples, same.clone())], "1.1 box", &[Part::EdgeHttp]);
    assert_eq!(told(&[(samples, json!([["CF-Ray", "8a1b"], ["Via", "1.1 box"]]))]), None, "made up");
    assert_eq!(told(&[(samples, json!([["CF-Ray", "8a1b2c3d4e5f6071-SEA"]]))]), None, "somebody's model of an edge");
    let content = json!([["CF-Ray", "8a1b2c3d4e5f6071-SEA"], ["Via", "1.1 x.cloudfront.net (CloudFront)"]]);
    assert_eq!(told(&[(samples, content)]), None, "that is behind Cloudflare");
    assert_eq!(told(&[(samples, same), ("edge.http.found.samples.0.sent_at", json!(null))]), None, "a report");
}

#[test]
fn a_product_that_opens_tls() {
    let issuer = |end: &str| (format!("{end}.tls.found.chain.0.issuer"), json!("CN=Zscaler Root,O=Zscaler Inc."));
    let (edge, origin) = (issuer("edge"), issuer("origin"));
    says(&[(&edge.0, edge.1.clone())], "not the origin's", &[Part::EdgeTls]);
    let both = [(edge.0.as_str(), edge.1), (origin.0.as_str(), origin.1)];
    says(&both, "opens TLS", &[Part::EdgeTls, Part::OriginTls, Part::OriginHttp]);
}

#[test]
fn what_passes_to_nobody() {
    let fails = |end: &str, outcome: Value| {
        vec![
            (format!("{end}.tls.found.outcome"), outcome),
            (format!("{end}.tls.found.chain"), json!([])),
            (format!("{end}.http"), json!({"missing": {"blocked": {"probe": "edge-http", "by": "TLS failed"}}})),
        ]
    };
    let both = |one: Value, other: Value| [fails("edge", one), fails("origin", other)].concat();
    let slow = || json!({"timed-out": {"after_ms": 10_000, "limit": "step"}});
    let check = |changes: Vec<(String, Value)>| {
        told(&changes.iter().map(|(path, new)| (path.as_str(), new.clone())).collect::<Vec<_>>())
    };
    let (culprit, spoils) = check(both(slow(), slow())).unwrap();
    assert!(culprit.contains("MTU") && spoils == ALL, "{culprit}");
    let (culprit, spoils) = check(both("reset".into(), "closed".into())).unwrap();
    assert!(culprit.contains("firewall") && spoils == ALL, "{culprit}");
    assert_eq!(check(fails("edge", "reset".into())), None, "the origin answers");
    let alert = json!({"alert": {"code": 40, "name": "handshake_failure"}});
    assert_eq!(check(both("reset".into(), alert)), None, "the origin spoke TLS");
    let cut = json!({"timed-out": {"after_ms": 10_000, "limit": "deadline"}});
    assert_eq!(check(both(slow(), cut)), None, "that was our own limit");
}

#[test]
fn answers_that_come_from_nobody() {
    let slow = || json!({"failed": {"timed-out": {"after_ms": 35_000, "limit": "step"}}});
    let edge = ("edge.http.found.samples.*.outcome", slow());
    let nothing = ("edge.http.found.plain", json!({"missing": {"not-applicable": "x"}}));
    let origin = ("origin.http.found.samples.*.outcome", slow());
    says(&[edge.clone(), nothing.clone(), origin], "handshakes do", &[Part::EdgeHttp, Part::OriginHttp]);
    assert_eq!(told(&[edge, nothing]), None, "the origin answers");
}

#[test]
fn a_family_that_leads_nowhere() {
    let no_route = json!({"unreachable": {"why": "Network is unreachable"}});
    let edge = [
        ("edge.tls.found.connect", no_route.clone()),
        ("edge.tls.found.address", json!("[2606:4700::1]:443")),
        ("edge.tls.found.outcome", json!("not-reached")),
    ];
    says(&edge, "no way over IPv6", &EDGE);
    let origin = [
        ("origin.tls.found.connect", json!({"unreachable": {"why": "No route to host"}})),
        ("origin.tls.found.outcome", json!("not-reached")),
    ];
    assert_eq!(told(&origin), None, "the edge was reached over IPv4, so it may be the origin's network");
    let other = [&origin[..], &[("origin.tls.found.address", json!("[2001:db8::1]:443"))]].concat();
    says(&other, "no way over IPv6", &ORIGIN);
}

#[test]
fn clocks() {
    let at = |time: &str| ("gathered_at", json!(time));
    let sent = |time: &str| {
        [
            ("edge.http.found.samples.*.sent_at", json!(time)),
            ("edge.http.found.plain.found.sent_at", json!(time)),
            ("origin.http.found.samples.*.sent_at", json!(time)),
        ]
    };
    let clock = |time: &str, more: &[(&str, Value)]| {
        wrong_clock(&with(&[&sent(time)[..], &[at(time)], more].concat())).map(|clock| (clock.theirs, clock.culprit))
    };
    let behind = clock("2023-11-24T10:00:00Z", &[]).unwrap();
    assert_eq!(behind.0, datetime!(2026-11-24 10:00 UTC));
    assert!(behind.1.contains("1096 days behind"), "{}", behind.1);
    assert!(clock("2029-11-24T10:00:00Z", &[]).unwrap().1.contains("ahead"));
    assert!(clock("2026-11-24T13:00:00Z", &[]).unwrap().1.contains("3 hours ahead"));
    assert_eq!(clock("2026-11-24T10:08:00Z", &[]), None, "clocks differ a little");
    // One answer's date is not enough where the certificates speak for our clock.
    let silent = ("origin.http", json!({"missing": {"disabled": "origin-http"}}));
    assert_eq!(clock("2026-11-26T10:00:00Z", std::slice::from_ref(&silent)), None);
    assert!(clock("2023-11-24T10:00:00Z", &[silent]).is_some(), "they had not begun");
    let stored = json!([["Date", "Mon, 23 Nov 2026 10:00:00 GMT"], ["CF-Ray", "8a1b"], ["Age", "86400"]]);
    let answers = "edge.http.found.samples.*.outcome.answered.headers";
    assert_eq!(wrong_clock(&with(&[(answers, stored)])), None, "out of a cache");
}

#[test]
fn what_was_spoilt_names_the_culprit() {
    let evidence = with(&no_marks());
    let disturbance = Disturbance { culprit: "a box".into(), spoils: vec![Part::EdgeHttp, Part::Dns] };
    let left = undisturbed(&evidence, &[disturbance]);
    let told = Err(NotRun::inconclusive("a box"));
    assert_eq!((left.edge.http.get().map(|_| ()), left.dns.get().map(|_| ())), (told.clone(), told));
    assert_eq!(left.edge.tls, evidence.edge.tls);
    let off = evidence.without(Probe::EdgeHttp);
    let disturbance = Disturbance { culprit: "a box".into(), spoils: vec![Part::EdgeHttp] };
    assert_eq!(undisturbed(&off, &[disturbance]).edge.http, off.edge.http, "switched off it stays");
}
