//! The edge against `facts/cloudflare.md`.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::clients::{Visitor, place, plain, shake_hands};
use super::{header, sound_origin, world};
use crate::demo::old_tls;
use crate::demo::{
    CacheAction, CacheRule, Door, EdgeTtl, Function, HOST, Mode, Origin, OriginCertificate, PlainDoor, Product, Zone,
};

fn with_headers(headers: &'static [(&'static str, &'static str)]) -> Origin {
    let sound = sound_origin();
    Origin { function: Function { headers, ..sound.function.clone() }, ..sound }
}

#[tokio::test]
async fn a_stored_answer_is_a_miss_then_a_hit_with_its_age() {
    let world = world(Zone::default, sound_origin).await;
    let mut visitor = Visitor::of(&world).await;
    let first = visitor.get("/endpoint").await;
    assert_eq!((first.status, header(&first, "cf-cache-status"), header(&first, "age")), (200, "MISS", ""));
    assert_eq!(header(&first, "server"), "cloudflare");
    assert_eq!(header(&first, "cache-control"), "public, s-maxage=7200, max-age=300");
    assert!(!header(&first, "apigw-requestid").is_empty());
    let (ray, colo) = header(&first, "cf-ray").split_once('-').unwrap();
    assert!(ray.len() == 16 && ray.bytes().all(|b| b.is_ascii_hexdigit()) && colo == "SEA", "{ray}-{colo}");
    let second = visitor.get("/endpoint").await;
    assert_eq!((header(&second, "cf-cache-status"), header(&second, "age")), ("HIT", "0"));
    assert_eq!(header(&second, "apigw-requestid"), header(&first, "apigw-requestid"), "the stored copy");
    assert_ne!(header(&second, "cf-ray"), header(&first, "cf-ray"));
    // Another query is another object, and so is another Origin.
    assert_eq!(header(&visitor.get("/endpoint?a=1").await, "cf-cache-status"), "MISS");
    let cors = visitor.ask("/endpoint", &[("origin", "https://shop.example")]).await;
    assert_eq!(header(&cors, "cf-cache-status"), "MISS");
    // HEAD of an eligible URL is served from the object, without a body.
    let head = visitor.ask("/endpoint", &[(":method", "HEAD")]).await;
    assert_eq!((header(&head, "cf-cache-status"), head.body.as_str()), ("HIT", ""));
}

#[tokio::test]
async fn eligibility_is_decided_on_the_request() {
    let world = world(|| Zone { rule: None, ..Zone::default() }, sound_origin).await;
    let mut visitor = Visitor::of(&world).await;
    for path in ["/endpoint", "/a.json", "/a.html"] {
        assert_eq!(header(&visitor.get(path).await, "cf-cache-status"), "DYNAMIC", "{path}");
    }
    for path in ["/a.css", "/robots.txt", "/A.JPG"] {
        let status = visitor.get(path).await;
        assert_eq!(header(&status, "cf-cache-status"), "MISS", "{path}: 404 is kept three minutes");
    }
    let post = visitor.ask("/a.css", &[(":method", "POST")]).await;
    assert_eq!(header(&post, "cf-cache-status"), "DYNAMIC");
}

#[tokio::test]
async fn rules_decide_before_extensions() {
    let bypass = || Zone { rule: Some(CacheRule { methods: &[], action: CacheAction::Bypass }), ..Zone::default() };
    let world_ = world(bypass, sound_origin).await;
    assert_eq!(header(&Visitor::of(&world_).await.get("/a.css").await, "cf-cache-status"), "DYNAMIC");
    let gets_only = || Zone {
        rule: Some(CacheRule { methods: &["GET"], action: CacheAction::Eligible(EdgeTtl::RespectOrigin) }),
        ..Zone::default()
    };
    let world_ = world(gets_only, sound_origin).await;
    let mut visitor = Visitor::of(&world_).await;
    assert_eq!(header(&visitor.get("/endpoint").await, "cf-cache-status"), "MISS");
    let head = visitor.ask("/endpoint", &[(":method", "HEAD")]).await;
    assert_eq!((head.status, header(&head, "cf-cache-status")), (404, "DYNAMIC"), "the gateway has no HEAD route");
}

#[tokio::test]
async fn what_may_not_be_stored_is_bypassed() {
    let origins: [fn() -> Origin; 4] = [
        || with_headers(&[("cache-control", "no-store")]),
        || with_headers(&[("cache-control", "private, max-age=60")]),
        || with_headers(&[("cache-control", "public, max-age=600"), ("set-cookie", "session=1")]),
        || with_headers(&[("cache-control", "max-age=600"), ("vary", "*")]),
    ];
    for origin in origins {
        let world = world(Zone::default, origin).await;
        let mut visitor = Visitor::of(&world).await;
        for _ in 0..2 {
            let answer = visitor.get("/endpoint").await;
            assert_eq!(header(&answer, "cf-cache-status"), "BYPASS", "{:?}", origin().function.headers);
            let cookie = origin().function.headers.iter().any(|(name, _)| *name == "set-cookie");
            assert_eq!(answer.headers.contains_key("set-cookie"), cookie);
        }
    }
    let world_ = world(Zone::default, || with_headers(&[("cache-control", "max-age=600")])).await;
    let private = Visitor::of(&world_).await.ask("/endpoint", &[("authorization", "Bearer x")]).await;
    assert_eq!(header(&private, "cf-cache-status"), "BYPASS");
}

#[tokio::test]
async fn what_is_never_fresh_expires_each_time() {
    let world = world(Zone::default, || with_headers(&[("cache-control", "public, no-cache")])).await;
    let mut visitor = Visitor::of(&world).await;
    let statuses = [visitor.get("/endpoint").await, visitor.get("/endpoint").await, visitor.get("/endpoint").await];
    assert_eq!(statuses.map(|answer| header(&answer, "cf-cache-status").to_owned()), ["MISS", "EXPIRED", "EXPIRED"]);
}

#[tokio::test]
async fn an_overriding_rule_drops_the_cookie_and_keeps_the_answer() {
    let zone = || Zone {
        rule: Some(CacheRule { methods: &[], action: CacheAction::Eligible(EdgeTtl::Override(60)) }),
        ..Zone::default()
    };
    let world = world(zone, || with_headers(&[("cache-control", "no-store"), ("set-cookie", "a=1")])).await;
    let mut visitor = Visitor::of(&world).await;
    let first = visitor.get("/endpoint").await;
    assert_eq!((header(&first, "cf-cache-status"), header(&first, "set-cookie")), ("MISS", ""));
    assert_eq!(header(&visitor.get("/endpoint").await, "cf-cache-status"), "HIT");
}

#[tokio::test]
async fn browsers_are_told_four_hours_and_never_less_than_the_origin_said() {
    let zone = || Zone { browser_ttl: 14_400, ..Zone::default() };
    let world_ = world(zone, sound_origin).await;
    let shown = Visitor::of(&world_).await.get("/endpoint").await;
    assert_eq!(header(&shown, "cache-control"), "public, s-maxage=7200, max-age=14400");
    let world_ = world(zone, || with_headers(&[("cache-control", "max-age=86400")])).await;
    assert_eq!(header(&Visitor::of(&world_).await.get("/endpoint").await, "cache-control"), "max-age=86400");
    // Not where the answer is not stored.
    let world_ = world(zone, || with_headers(&[("cache-control", "no-store")])).await;
    assert_eq!(header(&Visitor::of(&world_).await.get("/endpoint").await, "cache-control"), "no-store");
}

#[tokio::test]
async fn the_trace_names_visitor_and_place() {
    let world = world(Zone::default, || Origin { door: Door::Refused, ..sound_origin() }).await;
    let trace = Visitor::of(&world).await.ask("/cdn-cgi/trace", &[("user-agent", "a test")]).await;
    assert_eq!((trace.status, header(&trace, "cf-cache-status")), (200, ""), "also while the origin is down");
    for line in [
        "h=lambda.example.com",
        "ip=127.0.0.1",
        "visit_scheme=https",
        "uag=a test",
        "colo=SEA",
        "http=http/2",
        "tls=TLSv1.3",
        "sni=plaintext",
    ] {
        assert!(trace.body.lines().any(|own| own == line), "{line}: {}", trace.body);
    }
}

#[tokio::test]
async fn plain_http_is_redirected_or_follows_the_mode() {
    let edge = |world: &crate::demo::World| place(world, HOST, 80);
    let world_ = world(Zone::default, sound_origin).await;
    let redirect = plain(edge(&world_), HOST, "/endpoint?x=1", &[]).await.unwrap();
    assert_eq!((redirect.status, header(&redirect, "location")), (301, "https://lambda.example.com/endpoint?x=1"));
    assert_eq!(header(&redirect, "cf-cache-status"), "");
    let open = || Zone { always_use_https: false, ..Zone::default() };
    let world_ = world(open, sound_origin).await;
    assert_eq!(plain(edge(&world_), HOST, "/endpoint", &[]).await.unwrap().status, 521, "strict follows the visitor");
    let pull = || Zone { always_use_https: false, mode: Mode::OriginPull, ..Zone::default() };
    let world_ = world(pull, sound_origin).await;
    assert_eq!(plain(edge(&world_), HOST, "/endpoint", &[]).await.unwrap().status, 200);
    let off = || Zone { always_use_https: false, mode: Mode::Off, ..Zone::default() };
    let world_ = world(off, || Origin { plain: PlainDoor::Serves, ..sound_origin() }).await;
    let down = Visitor::of(&world_).await.get("/endpoint").await;
    assert_eq!((down.status, header(&down, "location")), (301, "http://lambda.example.com/endpoint"));
    assert_eq!(plain(edge(&world_), HOST, "/endpoint", &[]).await.unwrap().status, 200);
}

#[tokio::test]
async fn each_way_of_failing_has_its_code() {
    let strict = Zone::default;
    type Case = (fn() -> Zone, fn() -> Origin, u16);
    let cases: [Case; 14] = [
        (strict, || Origin { door: Door::Refused, ..sound_origin() }, 521),
        (strict, || Origin { door: Door::Hangs, ..sound_origin() }, 522),
        (strict, || Origin { door: Door::Unroutable, ..sound_origin() }, 523),
        (strict, || Origin { door: Door::Silent, ..sound_origin() }, 525),
        (strict, || Origin { door: Door::Reset, ..sound_origin() }, 525),
        (strict, || Origin { door: Door::RefusesTls, ..sound_origin() }, 525),
        (strict, || Origin { door: Door::OldTls, ..sound_origin() }, 525),
        (strict, || Origin { door: Door::PlainHttp, ..sound_origin() }, 525),
        (strict, || Origin { mutual_tls: true, ..sound_origin() }, 525),
        (strict, || Origin { certificate: OriginCertificate::Expired, ..sound_origin() }, 526),
        (strict, || Origin { certificate: OriginCertificate::NoIntermediate, ..sound_origin() }, 526),
        (strict, || Origin { certificate: OriginCertificate::SelfSigned, ..sound_origin() }, 526),
        (|| Zone { mode: Mode::Flexible, ..Zone::default() }, sound_origin, 521),
        // Flexible and an origin that closes without an answer.
        (
            || Zone { mode: Mode::Flexible, ..Zone::default() },
            || Origin { plain: PlainDoor::Resets, ..sound_origin() },
            520,
        ),
    ];
    for (zone, origin, code) in cases {
        let world = world(zone, origin).await;
        let mut visitor = Visitor::of(&world).await;
        let page = visitor.ask("/endpoint", &[("accept", "text/html")]).await;
        let case = format!("{:?} {:?}", zone().mode, origin());
        assert_eq!((page.status, header(&page, "cf-error-type")), (code, code.to_string().as_str()), "{case}");
        assert_eq!((header(&page, "cf-error-origin"), header(&page, "cf-cache-status")), ("edge", ""));
        assert!(page.body.contains(&format!("Error code {code}")) && page.body.contains("Cloudflare"), "{case}");
        if code != 522 && code != 525 {
            assert_eq!(visitor.get("/endpoint").await.body, format!("error code: {code}"));
        }
    }
}

#[tokio::test]
async fn full_takes_any_certificate_and_strict_only_trusted_ones() {
    let full = || Zone { mode: Mode::Full, ..Zone::default() };
    let origins: [fn() -> Origin; 4] = [
        || Origin { certificate: OriginCertificate::Expired, ..sound_origin() },
        || Origin { certificate: OriginCertificate::WrongName, ..sound_origin() },
        || Origin { certificate: OriginCertificate::Untrusted, ..sound_origin() },
        || Origin { certificate: OriginCertificate::NotYetValid, ..sound_origin() },
    ];
    for origin in origins {
        let served = world(full, origin).await;
        assert_eq!(Visitor::of(&served).await.get("/endpoint").await.status, 200);
        let refused = world(Zone::default, origin).await;
        assert_eq!(Visitor::of(&refused).await.get("/endpoint").await.status, 526);
    }
    let public = world(Zone::default, || Origin { certificate: OriginCertificate::Public, ..sound_origin() }).await;
    assert_eq!(Visitor::of(&public).await.get("/endpoint").await.status, 200);
    // The target's name suffices: the service's own wildcard passes, and the gateway refuses.
    let service = world(Zone::default, || Origin { certificate: OriginCertificate::Service, ..sound_origin() }).await;
    let answer = Visitor::of(&service).await.get("/endpoint").await;
    assert_eq!((answer.status, answer.body.as_str()), (403, r#"{"message":"Forbidden"}"#));
}

#[tokio::test]
async fn origin_pulls_show_the_client_certificate() {
    let pulls = || Zone { origin_pull: true, adds_secret: false, ..Zone::default() };
    let closed = || Origin { mutual_tls: true, demands_secret: false, ..sound_origin() };
    let world = world(pulls, closed).await;
    assert_eq!(Visitor::of(&world).await.get("/endpoint").await.status, 200);
}

#[tokio::test]
async fn branded_pages_hide_the_origins_own() {
    let crashing = || {
        let sound = sound_origin();
        let function = Function { crashes: true, ..sound.function.clone() };
        Origin { product: Product::Rest, function, ..sound }
    };
    let world_ = world(Zone::default, crashing).await;
    let mut visitor = Visitor::of(&world_).await;
    let page = visitor.ask("/endpoint", &[("accept", "text/html")]).await;
    assert_eq!((page.status, header(&page, "cf-error-type")), (502, ""));
    assert!(page.body.contains("502: Bad gateway") && !page.body.contains("Internal server error"), "{}", page.body);
    fn slow() -> Origin {
        let mut origin = sound_origin();
        origin.function.takes = Duration::from_secs(60);
        origin
    }
    // The HTTP API's 503 stays readable.
    let world_ = world(Zone::default, slow).await;
    let answer = Visitor::of(&world_).await.get("/endpoint").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"message":"Service Unavailable"}"#));
    let world_ = world(Zone::default, || Origin { product: Product::Rest, ..slow() }).await;
    assert_eq!(Visitor::of(&world_).await.get("/endpoint").await.body, "error code: 504");
}

#[tokio::test]
async fn challenges_cookies_and_places() {
    let world_ = world(|| Zone { challenge: true, ..Zone::default() }, sound_origin).await;
    let challenge = Visitor::of(&world_).await.get("/endpoint").await;
    assert_eq!((challenge.status, header(&challenge, "cf-mitigated")), (403, "challenge"));
    assert!(header(&challenge, "content-type").starts_with("text/html"));
    let zone = || Zone { bot_cookie: true, colos: &["SEA", "PDX"], ..Zone::default() };
    let world_ = world(zone, sound_origin).await;
    for colo in ["SEA", "PDX", "SEA"] {
        let mut visitor = Visitor::of(&world_).await;
        let first = visitor.get("/endpoint").await;
        assert!(header(&first, "cf-ray").ends_with(colo), "a connection stays in one place, the next one may not");
        assert!(header(&first, "set-cookie").starts_with("__cf_bm="));
        assert!(header(&visitor.get("/endpoint").await, "cf-ray").ends_with(colo));
    }
    let again = Visitor::of(&world_).await.get("/endpoint").await;
    assert_eq!(header(&again, "cf-cache-status"), "HIT", "each place has its own cache, and PDX was asked before");
}

#[tokio::test]
async fn the_edge_covers_its_zone_and_one_label_below() {
    let world = world(Zone::default, sound_origin).await;
    let edge = place(&world, HOST, 443);
    for name in ["example.com", "other.example.com"] {
        assert!(shake_hands(edge, name, &["h2"], None).await.is_ok(), "{name}");
    }
    for name in ["a.b.example.com", "example.org"] {
        let refusal = shake_hands(edge, name, &["h2"], None).await.unwrap_err().to_string();
        assert!(refusal.contains("HandshakeFailure"), "{name}: {refusal}");
    }
}

/// A ClientHello of TLS 1.1 with `TLS_RSA_WITH_AES_128_CBC_SHA` and nothing else.
pub(super) fn old_hello(version: u8) -> Vec<u8> {
    let body = [&[3, version][..], &[7; 32], &[0, 0, 2, 0, 0x2f, 1, 0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
}

#[tokio::test]
async fn old_hellos_are_taken_only_where_the_zone_says_so() {
    for (zone, first) in
        [((|| Zone { legacy_tls: true, ..Zone::default() }) as fn() -> Zone, [22, 3, 2]), (Zone::default, [21, 3, 1])]
    {
        let world = world(zone, sound_origin).await;
        let mut stream = TcpStream::connect(place(&world, HOST, 443)).await.unwrap();
        stream.write_all(&old_hello(2)).await.unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[..3], first);
        if first[0] == 21 {
            assert_eq!(answer[5..], [2, old_tls::PROTOCOL_VERSION]);
        }
    }
}
