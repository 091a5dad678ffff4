//! Both ends over loopback, sound and not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cfdoctor_checks::evidence::http::Response;
use cfdoctor_checks::evidence::tls::{ClientCertificate, TlsOutcome};
use futures_util::FutureExt as _;
use secrecy::SecretString;

use super::*;
use crate::probe::http::testing::{Said, Server, delayed, scripted, serve, settings, site, speak, tls};

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

fn budget() -> Budget {
    Budget::quiet(Duration::from_secs(8))
}

fn route(server: &Server) -> Route {
    Route {
        peer: "site.test".into(),
        port: server.address.port(),
        addresses: vec![server.address.ip()],
        no_address: None,
        patience: None,
    }
}

fn nowhere() -> Route {
    Route {
        peer: "site.test".into(),
        port: 443,
        addresses: Vec::new(),
        no_address: Some("it is gone".into()),
        patience: None,
    }
}

fn ok(_: &str) -> Said {
    (200, vec![("content-type", "text/plain".into())], "ip=192.0.2.7\ncolo=AMS\n")
}

/// Resolves nothing: no redirect may lead away.
fn nobody(host: String, _: u16) -> BoxFuture<'static, Route> {
    panic!("{host} was looked up")
}

fn exchanges(vantage: &Vantage) -> &Exchanges {
    vantage.http.found().unwrap()
}

fn first(vantage: &Vantage) -> &Response {
    exchanges(vantage).first().unwrap()
}

#[tokio::test]
async fn a_sound_edge_costs_one_connection_for_all_but_the_optional_looks() {
    for alpn in [&["h2", "http/1.1"][..], &["http/1.1"]] {
        let secure = site(Some(tls(alpn, false)), ok).await;
        let clear = site(None, |_| (301, vec![("location", "https://site.test/x".into())], "")).await;
        let (settings, budget) = (settings(), budget());
        let vantage =
            edge(&target("https://site.test/x"), &route(&secure), &route(&clear), &nobody, &settings, &budget).await;
        let http = exchanges(&vantage);
        assert_eq!(http.samples.len(), 3);
        let version = if alpn.len() == 2 { "HTTP/2" } else { "HTTP/1.1" };
        assert!(http.answers().all(|answer| answer.status == 200 && answer.version == version));
        let timing = http.samples[0].timing;
        assert!(timing.connect_ms.is_some() && timing.tls_ms.is_some() && timing.head_ms.is_some());
        assert!(http.samples[1].timing.connect_ms.is_none() && http.samples[1].timing.tls_ms.is_none());
        let trace = http.trace.found().unwrap();
        assert_eq!(trace.response().unwrap().body.prefix, "ip=(redacted)\ncolo=AMS\n");
        assert!(matches!(http.preflight, Gathered::Missing(NotRun::NotApplicable(_))));
        assert_eq!(http.plain.found().unwrap().response().unwrap().status, 301);
        assert_eq!(http.plain.found().unwrap().request.url, "http://site.test/x");
        let handshake = vantage.tls.found().unwrap();
        assert!(handshake.completed());
        assert_eq!(handshake.legacy.found().unwrap().offered, TlsVersion::Tls11);
        // The handshake's connection and the old hello's; five requests in all.
        assert_eq!((secure.connections(), clear.connections()), (2, 1));
        assert_eq!((secure.heads().len(), clear.heads().len()), (4, 1));
        let spent = budget.spent();
        assert_eq!((spent.connections, spent.http_requests), (3, 5));
    }
}

#[tokio::test]
async fn a_server_that_closes_is_connected_to_once_more() {
    let acceptor = tls(&["http/1.1"], false);
    let secure = serve(move |stream, log| {
        let acceptor = acceptor.clone();
        async move {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
            let Ok(stream) = acceptor.accept(stream).await else { return };
            speak(stream, &log, &[answer], false).await;
        }
    })
    .await;
    let clear = site(None, ok).await;
    let (settings, budget) = (settings(), budget());
    let vantage =
        edge(&target("https://site.test/"), &route(&secure), &route(&clear), &nobody, &settings, &budget).await;
    let http = exchanges(&vantage);
    assert_eq!(http.answers().count(), 2);
    assert!(http.samples[1].earlier[0].contains("closed"), "{:?}", http.samples[1].earlier);
    assert!(http.samples[1].timing.tls_ms.is_some());
    assert!(matches!(http.trace, Gathered::Missing(NotRun::Inconclusive(_))));
    assert_eq!(budget.spent().connections, 4);
}

#[tokio::test]
async fn a_failed_handshake_leaves_what_port_80_says() {
    let secure = scripted(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], false).await;
    let clear = site(None, ok).await;
    let (settings, budget) = (settings(), budget());
    let at = target("https://site.test/");
    let vantage = edge(&at, &route(&secure), &route(&clear), &nobody, &settings, &budget).await;
    assert!(!vantage.tls.found().unwrap().completed());
    let http = exchanges(&vantage);
    assert!(http.samples.is_empty());
    let Gathered::Missing(NotRun::Blocked { probe: Probe::EdgeHttp, by }) = &http.trace else { panic!() };
    assert!(by.contains("TLS"), "{by}");
    assert_eq!(http.plain.found().unwrap().response().unwrap().status, 200);
    let leg = origin(
        &at,
        &"o.test".parse().unwrap(),
        &Overrides::default(),
        &route(&secure),
        &route(&clear),
        &settings,
        &budget,
    )
    .await;
    assert!(exchanges(&leg.vantage).samples.is_empty());
    assert_eq!(exchanges(&leg.vantage).plain.found().unwrap().response().unwrap().status, 200);
}

#[tokio::test]
async fn without_an_address_nothing_was_asked() {
    let (settings, budget) = (settings(), budget());
    let vantage = edge(&target("https://site.test/"), &nowhere(), &nowhere(), &nobody, &settings, &budget).await;
    assert!(matches!(vantage.tls.found().unwrap().connect, Connect::NoAddress { .. }));
    assert!(matches!(vantage.tls.found().unwrap().legacy, Gathered::Missing(NotRun::Blocked { .. })));
    let Gathered::Missing(NotRun::Blocked { by, .. }) = &vantage.http else { panic!("{:?}", vantage.http) };
    assert!(by.contains("it is gone"), "{by}");
    assert_eq!((budget.spent().connections, budget.spent().http_requests), (0, 0));
}

#[tokio::test]
async fn only_what_is_wanted_is_asked() {
    let secure = site(Some(tls(&["h2"], false)), ok).await;
    let clear = site(None, ok).await;
    let at = target("https://site.test/");
    let visit = async |probes: &[Probe]| {
        let settings = Settings { probes: probes.iter().copied().collect(), ..settings() };
        let budget = budget();
        let vantage = edge(&at, &route(&secure), &route(&clear), &nobody, &settings, &budget).await;
        let origin_leg = origin(
            &at,
            &"o.test".parse().unwrap(),
            &Overrides::default(),
            &route(&secure),
            &route(&clear),
            &settings,
            &budget,
        )
        .await;
        (vantage, origin_leg.vantage, budget.spent())
    };
    let (at_edge, at_origin, spent) = visit(&[Probe::Dns]).await;
    for (vantage, http) in [(&at_edge, Probe::EdgeHttp), (&at_origin, Probe::OriginHttp)] {
        assert!(matches!(vantage.tls, Gathered::Missing(NotRun::Disabled(_))));
        assert_eq!(vantage.http, Gathered::Missing(NotRun::Disabled(http)));
    }
    assert_eq!((spent.connections, spent.http_requests), (0, 0));
    let (at_edge, at_origin, spent) = visit(&[Probe::EdgeTls, Probe::OriginTls]).await;
    assert!(at_edge.tls.found().unwrap().completed() && at_origin.tls.found().unwrap().completed());
    assert_eq!((spent.connections, spent.http_requests), (3, 0));
    let (at_edge, _, spent) = visit(&[Probe::EdgeHttp]).await;
    assert_eq!(exchanges(&at_edge).samples.len(), 3);
    assert_eq!(spent.connections, 2);
}

#[tokio::test]
async fn redirects_are_followed_and_the_users_lines_stay_at_home() {
    let secure = site(Some(tls(&["h2", "http/1.1"], false)), |path| match path {
        "/" => (302, vec![("location", "/a?token=s3cr3t-in-url".into())], ""),
        "/a?token=s3cr3t-in-url" => (301, vec![("location", "http://other.test:81/b#f".into())], ""),
        _ => ok(path),
    })
    .await;
    let other = site(None, |_| (200, vec![], "there")).await;
    let clear = site(None, ok).await;
    let settings = Settings {
        request_headers: vec![("Authorization".into(), SecretString::from("Bearer abcdefghijkl"))],
        samples: 2,
        ..settings()
    };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let resolve = |host: String, port: u16| {
        asked.lock().unwrap().push((host, port));
        let route = route(&other);
        async move { route }.boxed()
    };
    let vantage =
        edge(&target("https://site.test/"), &route(&secure), &route(&clear), &resolve, &settings, &budget()).await;
    let http = exchanges(&vantage);
    let hops: Vec<(&str, u16)> =
        http.redirects.iter().map(|hop| (hop.request.url.as_str(), hop.response().unwrap().status)).collect();
    assert_eq!(hops, [("https://site.test/a?token=(redacted)", 301), ("http://other.test:81/b", 200)]);
    assert_eq!(http.redirects_stopped, None);
    assert_eq!(*asked.lock().unwrap(), [("other.test".to_owned(), 81)]);
    assert_eq!(secure.connections(), 2, "the hop to the same host uses the same connection");
    let sent = |server: &Server, path: &str| {
        let heads = server.heads();
        let head = heads.iter().find(|head| head.contains(path)).unwrap_or_else(|| panic!("{path}: {heads:?}"));
        head.contains("abcdefghijkl")
    };
    assert!(sent(&secure, "GET /\n") && sent(&secure, "/a?token=s3cr3t-in-url"));
    assert!(!sent(&secure, "/cdn-cgi/trace") && !sent(&other, "/b") && !sent(&clear, "GET /"));
    assert!(other.heads()[0].contains("host: other.test:81"), "{:?}", other.heads());
    assert!(!serde_json::to_string(&vantage).unwrap().contains("s3cr3t"));
}

#[tokio::test]
async fn redirects_stop_at_loops_and_limits() {
    let follow = async |says: fn(&str) -> Said, method: &str| {
        let secure = site(Some(tls(&["h2"], false)), says).await;
        let clear = site(None, ok).await;
        let target = Target { method: method.into(), ..target("https://site.test/0") };
        let settings = Settings { samples: 1, ..settings() };
        let vantage = edge(&target, &route(&secure), &route(&clear), &nobody, &settings, &budget()).await;
        let http = exchanges(&vantage);
        (http.redirects.len(), http.redirects_stopped.clone().unwrap_or_default(), secure.heads())
    };
    let same = follow(|_| (301, vec![("location", "https://site.test:443/0".into())], ""), "GET").await;
    assert!(same.0 == 0 && same.1.contains("loop"), "{same:?}");
    let pair = follow(|path| (302, vec![("location", if path == "/0" { "/1" } else { "/0" }.into())], ""), "GET").await;
    assert!(pair.0 == 1 && pair.1.contains("loop"), "{pair:?}");
    let long = follow(
        |path| match path.trim_start_matches('/').parse::<u32>() {
            Ok(number) => (302, vec![("location", format!("/{}", number + 1))], ""),
            Err(_) => ok(path),
        },
        "GET",
    )
    .await;
    assert!(long.0 == 7 && long.1.contains("request"), "12: plain, sample, trace, hops, two for others; {long:?}");
    let away = follow(|_| (301, vec![("location", "ftp://site.test/".into())], ""), "GET").await;
    assert!(away.0 == 0 && away.1.contains("out of HTTP"), "{away:?}");
    let unreadable = follow(|_| (301, vec![("location", "https://[bad/".into())], ""), "GET").await;
    assert!(unreadable.0 == 0 && unreadable.1.contains("cannot be read"), "{unreadable:?}");
    let post = follow(|_| (307, vec![("location", "/1".into())], ""), "POST").await;
    assert!(post.0 == 0 && post.1.contains("POST"), "{post:?}");
    assert_eq!(post.2.iter().filter(|head| head.starts_with("POST")).count(), 1);
    let see_other =
        follow(|path| if path == "/0" { (303, vec![("location", "/1".into())], "") } else { ok(path) }, "POST").await;
    assert!(see_other.0 == 1 && see_other.2.iter().any(|head| head.starts_with("GET /1")), "{see_other:?}");
}

#[tokio::test]
async fn a_target_in_clear_text_is_sampled_there() {
    let secure = site(Some(tls(&["h2"], false)), ok).await;
    let clear = site(None, |path| match path {
        "/x" => (301, vec![("location", "https://site.test/x".into())], ""),
        path => ok(path),
    })
    .await;
    let budget = budget();
    let vantage =
        edge(&target("http://site.test/x"), &route(&secure), &route(&clear), &nobody, &settings(), &budget).await;
    let http = exchanges(&vantage);
    assert_eq!((http.samples.len(), first(&vantage).status), (3, 301));
    assert_eq!(http.plain.found(), http.samples.first());
    assert!(vantage.tls.found().unwrap().completed());
    assert_eq!(http.redirects[0].request.url, "https://site.test/x");
    assert_eq!(budget.spent().connections, 3, "the hop uses the handshake's connection");
}

#[tokio::test]
async fn who_asks_to_wait_is_not_sampled_again() {
    let secure = site(Some(tls(&["h2"], false)), |_| (429, vec![("retry-after", "60".into())], "")).await;
    let clear = site(None, ok).await;
    let vantage =
        edge(&target("https://site.test/"), &route(&secure), &route(&clear), &nobody, &settings(), &budget()).await;
    assert_eq!(exchanges(&vantage).samples.len(), 1);
}

#[tokio::test]
async fn another_method_is_sent_once_and_its_preflight_names_it() {
    let secure = site(Some(tls(&["h2"], false)), ok).await;
    let clear = site(None, ok).await;
    let settings = Settings {
        request_headers: vec![
            ("Origin".into(), SecretString::from("https://app.test")),
            ("X-Mine".into(), SecretString::from("secret-of-mine")),
            ("Cookie".into(), SecretString::from("a=b")),
        ],
        ..settings()
    };
    let target = Target { method: "POST".into(), ..target("https://site.test/p") };
    let vantage = edge(&target, &route(&secure), &route(&clear), &nobody, &settings, &budget()).await;
    let http = exchanges(&vantage);
    assert_eq!((http.samples.len(), http.samples[0].request.method.as_str()), (1, "POST"));
    let preflight = &http.preflight.found().unwrap().request;
    assert_eq!((preflight.method.as_str(), preflight.headers.first("origin")), ("OPTIONS", Some("https://app.test")));
    let heads = secure.heads();
    let options = heads.iter().find(|head| head.starts_with("OPTIONS /p")).unwrap();
    assert!(options.contains("access-control-request-method: POST\n"), "{options}");
    assert!(options.contains("access-control-request-headers: x-mine"), "{options}");
    assert!(!options.contains("secret-of-mine") && !options.contains("cookie"), "{options}");
    assert!(heads.iter().any(|head| head.starts_with("POST /p") && head.contains("content-length: 0")), "{heads:?}");
    assert!(clear.heads()[0].starts_with("GET /p"));
}

#[tokio::test]
async fn the_origin_is_asked_as_cloudflare_asks_and_again_when_told() {
    let secure = site(Some(tls(&["h2", "http/1.1"], false)), ok).await;
    let clear = site(None, ok).await;
    let (settings, budget) = (settings(), budget());
    let at = target("https://site.test/x");
    let mut leg = origin(
        &at,
        &"o.test".parse().unwrap(),
        &Overrides::default(),
        &route(&secure),
        &route(&clear),
        &settings,
        &budget,
    )
    .await;
    let handshake = leg.vantage.tls.found().unwrap();
    assert_eq!((handshake.server_name.as_deref(), handshake.completed()), (Some("site.test"), true));
    assert!(matches!(handshake.legacy, Gathered::Missing(NotRun::NotApplicable(_))));
    assert_eq!(exchanges(&leg.vantage).samples.len(), 1);
    assert!(secure.heads()[0].contains(":authority: site.test\n"), "{:?}", secure.heads());
    assert!(leg.again(&settings, &budget).await);
    assert_eq!(exchanges(&leg.vantage).answers().count(), 2);
    assert_eq!((secure.connections(), budget.spent().connections), (1, 2));
    let post = Target { method: "POST".into(), ..at };
    let asked_as = Overrides::default();
    let way = (route(&secure), route(&clear));
    let mut leg = origin(&post, &"o.test".parse().unwrap(), &asked_as, &way.0, &way.1, &settings, &budget).await;
    assert!(!leg.again(&settings, &budget).await);
}

#[tokio::test]
async fn overrides_are_what_the_origin_hears() {
    let secure = site(Some(tls(&["h2", "http/1.1"], false)), ok).await;
    let clear = site(None, ok).await;
    let at = target("https://site.test/x");
    let overrides = Overrides { host: Some("shop.test".into()), server_name: None, path: Some("/v2/x?y=1".into()) };
    let way = (route(&secure), route(&clear));
    let leg = origin(&at, &"o.test".parse().unwrap(), &overrides, &way.0, &way.1, &settings(), &budget()).await;
    assert_eq!(leg.vantage.tls.found().unwrap().server_name.as_deref(), Some("shop.test"));
    assert!(secure.heads()[0].contains(":authority: shop.test\n"), "{:?}", secure.heads());
    assert!(secure.heads()[0].starts_with("GET /v2/x?y=1\n"), "{:?}", secure.heads());
    let apart = Overrides { server_name: Some("sni.test".into()), ..Overrides::default() };
    let leg = origin(&at, &"o.test".parse().unwrap(), &apart, &way.0, &way.1, &settings(), &budget()).await;
    assert_eq!(leg.vantage.tls.found().unwrap().server_name.as_deref(), Some("sni.test"));
    assert!(secure.heads().last().unwrap().contains("site.test"), "{:?}", secure.heads());
}

#[tokio::test]
async fn a_refusal_after_the_handshake_is_written_into_it() {
    for alpn in ["h2", "http/1.1"] {
        let secure = site(Some(tls(&[alpn], true)), ok).await;
        let clear = site(None, ok).await;
        let at = target("https://site.test/x");
        let leg = origin(
            &at,
            &"o.test".parse().unwrap(),
            &Overrides::default(),
            &route(&secure),
            &route(&clear),
            &settings(),
            &budget(),
        )
        .await;
        let handshake = leg.vantage.tls.found().unwrap();
        assert_eq!(handshake.client_certificate, ClientCertificate::Required, "{alpn}: {handshake:?}");
        assert!(
            matches!(handshake.outcome, TlsOutcome::Alert { after_handshake: true, .. }),
            "{alpn}: {:?}",
            handshake.outcome
        );
        let sample = &exchanges(&leg.vantage).samples[0];
        assert!(matches!(sample.outcome, Outcome::Failed(Failure::Tls { .. })), "{alpn}: {:?}", sample.outcome);
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_that_is_told() {
    let lossy = |retries: u32| async move {
        let acceptor = tls(&["http/1.1"], false);
        let served = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let secure = serve(move |stream, log| {
            let (acceptor, served) = (acceptor.clone(), served.clone());
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let answers = match served.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                    0 => vec![Vec::new()],
                    _ => vec![b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()],
                };
                speak(stream, &log, &answers, false).await;
            }
        })
        .await;
        let clear = site(None, ok).await;
        let settings = Settings { retries, ..settings() };
        let at = target("https://site.test/");
        origin(
            &at,
            &"o.test".parse().unwrap(),
            &Overrides::default(),
            &route(&secure),
            &route(&clear),
            &settings,
            &budget(),
        )
        .await
        .vantage
    };
    let vantage = lossy(1).await;
    assert_eq!(first(&vantage).status, 200);
    assert_eq!(exchanges(&vantage).samples[0].earlier.len(), 1);
    let vantage = lossy(0).await;
    let sample = &exchanges(&vantage).samples[0];
    assert!(matches!(sample.outcome, Outcome::Failed(Failure::Closed)) && sample.earlier.is_empty(), "{sample:?}");
}

#[tokio::test]
async fn the_main_line_waits_for_no_optional_look() {
    let secure = site(Some(tls(&["h2"], false)), |path| match path {
        "/" => (302, vec![("location", "/there".into())], ""),
        path => ok(path),
    })
    .await;
    let clear = scripted(vec![Vec::new()], true).await; // takes the request and says nothing
    let (settings, budget) = (settings(), budget());
    let start = std::time::Instant::now();
    let vantage =
        edge(&target("https://site.test/"), &route(&secure), &route(&clear), &nobody, &settings, &budget).await;
    let http = exchanges(&vantage);
    assert!(matches!(http.plain.found().unwrap().outcome, Outcome::Failed(Failure::TimedOut(_))));
    let (plain, hop) = (http.plain.found().unwrap().sent_at.unwrap(), http.redirects[0].sent_at.unwrap());
    assert!(hop - plain < settings.timeout, "the hop was asked while port 80 still kept us waiting");
    assert!(start.elapsed() < 2 * settings.timeout);
}

#[tokio::test]
async fn connections_run_out_without_blame() {
    let secure = site(Some(tls(&["h2"], false)), |_| (302, vec![("location", "https://other.test/".into())], "")).await;
    let clear = site(None, ok).await;
    let (settings, budget) = (settings(), budget());
    while budget.spent().connections < 4 {
        assert!(budget.take_connection());
    }
    let other = route(&secure);
    let resolve = move |_: String, _: u16| {
        let other = other.clone();
        async move { other }.boxed()
    };
    let at = target("https://site.test/");
    let vantage = edge(&at, &route(&secure), &route(&clear), &resolve, &settings, &budget).await;
    let http = exchanges(&vantage);
    assert_eq!(http.samples.len(), 3);
    assert!(http.redirects.is_empty());
    assert!(http.redirects_stopped.as_ref().unwrap().contains("no connection"), "{:?}", http.redirects_stopped);
    let leg = origin(
        &at,
        &"o.test".parse().unwrap(),
        &Overrides::default(),
        &route(&secure),
        &route(&clear),
        &settings,
        &budget,
    )
    .await;
    let Gathered::Missing(NotRun::Blocked { by, .. }) = &leg.vantage.http else { panic!("{:?}", leg.vantage.http) };
    assert!(by.contains("used up"), "{by}");
    assert_eq!(budget.spent().connections, 6);
}

#[tokio::test]
async fn round_trips_are_not_wasted() {
    let round_trip = Duration::from_millis(150);
    // TLS, first sample, second sample; over HTTP/2 the trace goes beside the second, else it follows.
    for (alpn, trips) in [("h2", 3), ("http/1.1", 4)] {
        let secure = site(Some(tls(&[alpn], false)), ok).await;
        let clear = site(None, ok).await;
        let far = delayed(&secure, round_trip).await;
        let settings = Settings { samples: 2, timeout: Duration::from_secs(5), ..settings() };
        let at = target("https://site.test/");
        // A busy machine adds time to some visits; a wasted round trip would be in every one.
        let mut least = Duration::MAX;
        for _ in 0..10 {
            let start = std::time::Instant::now();
            let vantage = edge(&at, &route(&far), &route(&clear), &nobody, &settings, &budget()).await;
            let taken = start.elapsed();
            assert_eq!(exchanges(&vantage).answers().count(), 2);
            assert!(exchanges(&vantage).trace.found().unwrap().response().is_some());
            let head_ms = exchanges(&vantage).samples[1].timing.head_ms.unwrap();
            assert!(taken >= round_trip * trips && head_ms >= 150.0, "{alpn}: {taken:?}, {head_ms}");
            least = least.min(taken);
            if least < round_trip * trips + round_trip * 2 / 3 {
                break;
            }
        }
        assert!(least < round_trip * trips + round_trip * 2 / 3, "{alpn}: {least:?}");
    }
}
