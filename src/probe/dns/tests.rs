use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cfdoctor_checks::evidence::Gathered;
use cfdoctor_checks::evidence::dns::{ChainFault, Lookup, Viewer};
use cfdoctor_checks::evidence::tls::Der;
use hickory_proto::op::ResponseCode;
use tokio::net::UdpSocket;

use super::*;
use crate::demo::name_server::{Fault, Running, World};

const HOUSE: &str = "
    @ 3600 IN NS ns1
    ns1 3600 IN A 127.0.0.1
    www 300 IN A 192.0.2.1
    www 120 IN A 192.0.2.2
    www 300 IN AAAA 2001:db8::1
    alias 120 IN CNAME www
    gone 60 IN CNAME missing.elsewhere.test.
    only4 60 IN A 192.0.2.4
    text 60 IN TXT x
    loop1 60 IN CNAME loop2
    loop2 60 IN CNAME loop1
";

fn world() -> World {
    World::default().zone("example.test.", HOUSE).zone("elsewhere.test.", "api 30 IN A 198.51.100.7")
}

fn settings(resolver: ResolverChoice) -> Settings {
    Settings { resolver, connect_timeout: Duration::from_millis(800), ..Settings::default() }
}

async fn asker(server: &Running) -> Asker {
    asker_with(&settings(ResolverChoice::Udp(server.address))).await
}

async fn asker_with(settings: &Settings) -> Asker {
    Asker::new(settings, &Budget::quiet(Duration::from_secs(20))).await
}

fn answer(lookup: &Lookup) -> (Vec<String>, u32) {
    match lookup {
        Lookup::Answer { addresses, ttl, .. } => (addresses.iter().map(ToString::to_string).collect(), *ttl),
        other => panic!("{other:?}"),
    }
}

fn hops(chain: &Chain) -> Vec<String> {
    chain.hops.iter().map(|hop| format!("{} {} {}", hop.from, hop.ttl, hop.to)).collect()
}

#[tokio::test]
async fn a_chain_in_one_round_trip_with_ttls_as_sent() {
    let server = world().serve().await.unwrap();
    let chain = asker(&server).await.chain("Alias.Example.test").await;
    assert_eq!(hops(&chain), ["alias.example.test 120 www.example.test"]);
    let (mut addresses, ttl) = answer(&chain.ipv4);
    addresses.sort();
    assert_eq!((addresses, ttl), (vec!["192.0.2.1".into(), "192.0.2.2".into()], 120));
    assert_eq!(answer(&chain.ipv6), (vec!["2001:db8::1".into()], 300));
    assert_eq!(chain.name, "alias.example.test");
    let mut asked = server.asked();
    asked.sort();
    assert_eq!(asked, ["alias.example.test A", "alias.example.test AAAA"]);
}

#[tokio::test]
async fn absence_is_told_apart() {
    let server = world()
        .fault("broken.example.test.", Fault::Code(ResponseCode::ServFail))
        .fault("refused.example.test.", Fault::Code(ResponseCode::Refused))
        .fault("odd.example.test.", Fault::Code(ResponseCode::NXRRSet))
        .fault("mute.example.test.", Fault::Silence)
        .fault("www.example.test.", Fault::Blocked)
        .serve()
        .await
        .unwrap();
    let asker = asker(&server).await;
    let gone = asker.chain("gone.example.test").await;
    assert_eq!((gone.ipv4.clone(), gone.fault.clone()), (Lookup::NxDomain, None));
    assert_eq!(hops(&gone), ["gone.example.test 60 missing.elsewhere.test"]);
    assert_eq!(asker.chain("text.example.test").await.ipv4, Lookup::NoData);
    assert_eq!(asker.chain("only4.example.test").await.ipv6, Lookup::NoData);
    assert_eq!(asker.chain("no.example.test").await.ipv4, Lookup::NxDomain);
    assert_eq!(asker.chain("broken.example.test").await.ipv4, Lookup::ServFail { extended: None });
    assert_eq!(asker.chain("refused.example.test").await.ipv4, Lookup::Refused);
    assert_eq!(asker.chain("odd.example.test").await.ipv4, Lookup::Other { rcode: 8 });
    assert!(
        matches!(asker.chain("www.example.test").await.ipv4, Lookup::Unreachable { why } if why.contains("15 Blocked"))
    );
    assert!(matches!(asker.chain("a..b").await.ipv4, Lookup::Unreachable { .. }));
    let start = Instant::now();
    assert_eq!(asker.chain("mute.example.test").await.ipv4, Lookup::TimedOut);
    assert!(start.elapsed() < Duration::from_millis(3000), "{:?}", start.elapsed());
    assert_eq!(server.asked().iter().filter(|line| *line == "mute.example.test A").count(), 2);
}

#[tokio::test]
async fn loops_and_endless_chains_are_found_behind_a_servfail() {
    let long: String = (0..20).map(|n| format!("n{n} 60 IN CNAME n{}\n", n + 1)).collect();
    let ok: String = (0..16).map(|n| format!("k{n} 60 IN CNAME k{}\n", n + 1)).collect();
    let zone = format!("{HOUSE}\n{long}n20 60 IN A 192.0.2.20\n{ok}k16 60 IN A 192.0.2.16\n");
    let server = World::default().zone("example.test.", &zone).follows(8).serve().await.unwrap();
    let asker = asker(&server).await;
    let chain = asker.chain("loop1.example.test").await;
    assert_eq!(chain.fault, Some(ChainFault::Loop { at: "loop1.example.test".into() }));
    assert_eq!(hops(&chain), ["loop1.example.test 60 loop2.example.test", "loop2.example.test 60 loop1.example.test"]);
    let chain = asker.chain("n0.example.test").await;
    assert_eq!((chain.fault, chain.hops.len()), (Some(ChainFault::TooLong), 17));
    assert!(chain.ipv4.is_silent());
    let chain = asker.chain("k0.example.test").await;
    assert_eq!((chain.fault, chain.hops.len()), (None, 16));
    assert_eq!(answer(&chain.ipv4).0, ["192.0.2.16"]);
}

#[tokio::test]
async fn a_signature_failure_turns_into_an_answer_with_checking_disabled() {
    let server = world().fault("www.example.test.", Fault::Bogus("expired yesterday")).serve().await.unwrap();
    let asker = asker(&server).await;
    let expected = Lookup::ServFail { extended: Some("7 Signature Expired: expired yesterday".into()) };
    assert_eq!(asker.chain("www.example.test").await.ipv4, expected);
    assert_eq!(answer(&asker.unchecked("www.example.test").await).0.len(), 2);
    assert_eq!(asker.unchecked("no.example.test").await, Lookup::NxDomain);
}

#[tokio::test]
async fn cut_answers_come_over_tcp_and_edns_is_left_out_where_it_hurts() {
    let server = world()
        .fault("www.example.test.", Fault::Cut)
        .fault("only4.example.test.", Fault::NoEdns)
        .serve()
        .await
        .unwrap();
    let asker = asker(&server).await;
    assert_eq!(answer(&asker.chain("www.example.test").await.ipv4).0.len(), 2);
    assert!(server.asked().contains(&"www.example.test A/tcp".to_owned()));
    assert_eq!(answer(&asker.chain("only4.example.test").await.ipv4).0, ["192.0.2.4"]);
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_is_silent_or_refuses() {
    let mute = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = world().serve().await.unwrap();
    let refuses = World::default().authority().serve().await.unwrap();
    for bad in [mute.local_addr().unwrap(), refuses.address] {
        let settings = settings(ResolverChoice::System);
        let budget = Budget::quiet(Duration::from_secs(20));
        let step = Duration::from_secs(4);
        let panel = Panel::new(vec![Server::udp(bad), Server::udp(server.address)], step, &budget);
        let asker = Asker::with(panel, step, &settings, &budget);
        let start = Instant::now();
        assert_eq!(answer(&asker.chain("www.example.test").await.ipv4).0.len(), 2);
        assert!(start.elapsed() < step, "{:?}", start.elapsed());
        assert_eq!(asker.label(), server.address.to_string());
        assert_eq!(budget.spent().dns_queries, 4);
        asker.chain("www.example.test").await;
        assert_eq!(budget.spent().dns_queries, 6, "the bad one is asked again");
    }
}

#[tokio::test]
async fn nobody_to_ask_is_evidence() {
    let budget = Budget::quiet(Duration::from_secs(1));
    let settings = settings(ResolverChoice::Tls { host: "127.0.0.1".into(), port: 1 });
    let asker = Asker::new(&settings, &budget).await;
    assert!(matches!(asker.chain("www.example.test").await.ipv4, Lookup::Unreachable { .. }));
    let nobody = Asker::with(Panel::nobody("no name server".into(), &budget), Duration::ZERO, &settings, &budget);
    assert_eq!(nobody.chain("www.example.test").await.ipv6, Lookup::Unreachable { why: "no name server".into() });
    let over = Asker::new(&settings, &Budget::quiet(Duration::ZERO)).await;
    assert!(matches!(over.chain("www.example.test").await.ipv4, Lookup::NotAsked { .. }));
}

#[tokio::test]
async fn families_are_obeyed() {
    let server = world().serve().await.unwrap();
    let four = Settings { family: Family::V4, ..settings(ResolverChoice::Udp(server.address)) };
    let chain = asker_with(&four).await.chain("www.example.test").await;
    assert!(matches!(chain.ipv6, Lookup::NotAsked { why } if why == "-4 was given"));
    let six = Settings { family: Family::V6, ..four };
    let asker = asker_with(&six).await;
    assert!(matches!(asker.chain("www.example.test").await.ipv4, Lookup::NotAsked { why } if why == "-6 was given"));
    assert_eq!(answer(&asker.unchecked("www.example.test").await).0, ["2001:db8::1"]);
}

/// Answers each question with forgeries only: wrong id, wrong question, no DNS at all, the question itself.
async fn forger() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0u8; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let question = &buffer[..length];
            let end_of_name = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
            let mut forged = question[..end_of_name + 4].to_vec();
            forged[2..12].copy_from_slice(&[0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
            forged.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 66]);
            let mut wrong_id = forged.clone();
            wrong_id[0] ^= 0xff;
            let mut wrong_name = forged.clone();
            wrong_name[13] ^= 1;
            for packet in [&wrong_id[..], &wrong_name[..], b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
                socket.send_to(packet, from).await.unwrap();
            }
        }
    });
    address
}

#[tokio::test]
async fn forgeries_are_not_believed() {
    let asker = asker_with(&settings(ResolverChoice::Udp(forger().await))).await;
    let chain = asker.chain("www.example.test").await;
    assert!(chain.ipv4.is_silent() && chain.ipv6.is_silent(), "{chain:?}");
}

#[tokio::test]
async fn caa_climbs_and_follows_aliases() {
    let server = World::default()
        .zone(
            "example.test.",
            "a.b 60 IN A 192.0.2.1
             @ 60 IN CAA 0 issue \"Amazon.com\"
             @ 60 IN CAA 128 iodef \"mailto:x@example.test\"
             to 60 IN CNAME own.elsewhere.test.
             plain 60 IN CNAME api.elsewhere.test.",
        )
        .zone("elsewhere.test.", "own 60 IN CAA 0 issue \";\"\napi 60 IN A 192.0.2.2")
        .zone("none.test.", "www 60 IN A 192.0.2.3")
        .fault("broken.none.test.", Fault::Code(ResponseCode::ServFail))
        .serve()
        .await
        .unwrap();
    let asker = asker(&server).await;
    let search = |name: &'static str| {
        let asker = asker.clone();
        async move { asker.surroundings(name).await.caa.found().unwrap().clone() }
    };
    let climbed = search("a.b.example.test").await;
    let names: Vec<&str> = climbed.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["a.b.example.test", "b.example.test", "example.test"]);
    let mut records = climbed.relevant().unwrap().records.clone();
    records.sort_by(|a, b| a.tag.cmp(&b.tag));
    assert_eq!((records[0].critical, records[0].tag.as_str()), (true, "iodef"));
    assert_eq!((records[1].tag.as_str(), records[1].value.as_str()), ("issue", "Amazon.com"));
    let aliased = search("to.example.test").await;
    assert_eq!(aliased.steps.len(), 1);
    assert_eq!(aliased.steps[0].through.as_deref(), Some("own.elsewhere.test"));
    assert_eq!(aliased.steps[0].records[0].value, ";");
    let inherited = search("plain.example.test").await;
    assert_eq!(inherited.relevant().unwrap().name, "example.test");
    assert_eq!(search("www.none.test").await.relevant(), None);
    let failed = search("broken.none.test").await;
    assert_eq!((failed.steps.len(), &failed.steps[0].failed), (1, &Some(Lookup::ServFail { extended: None })));
}

#[tokio::test]
async fn the_zone_is_found_and_its_servers_are_compared() {
    let stale = World::default()
        .zone(
            "example.test.",
            "@ 3600 IN NS ns1\nwww 300 IN A 203.0.113.9\nfar 60 IN CNAME api.elsewhere.test.\nnear 60 IN CNAME www",
        )
        .authority()
        .serve()
        .await
        .unwrap();
    let server = world()
        .zone("signed.test.", "www 60 IN A 192.0.2.1\nalias 60 IN CNAME www.example.test.")
        .signed("signed.test.")
        .fault("lame.test.", Fault::Code(ResponseCode::ServFail))
        .fault("www.lame.test.", Fault::Code(ResponseCode::ServFail))
        .serve()
        .await
        .unwrap();
    let settings = Settings { authority_port: stale.address.port(), ..settings(ResolverChoice::Udp(server.address)) };
    let asker = asker_with(&settings).await;
    let around = asker.surroundings("www.example.test").await;
    let zone = around.zone.found().unwrap();
    assert_eq!((zone.apex.as_str(), zone.signed), ("example.test", Some(false)));
    assert_eq!(zone.name_servers, ["ns1.example.test"]);
    assert_eq!(around.views.len(), 1, "with --resolver nobody else is asked");
    assert_eq!(around.views[0].who, Viewer::Authoritative);
    assert_eq!(around.views[0].server, "ns1.example.test (127.0.0.1)");
    assert_eq!(answer(&around.views[0].chain.ipv4).0, ["203.0.113.9"]);
    assert_ne!(asker.chain("www.example.test").await.ipv4, around.views[0].chain.ipv4);
    let near = &asker.surroundings("near.example.test").await.views[0].chain;
    assert_eq!((near.hops.len(), answer(&near.ipv4).0), (1, vec!["203.0.113.9".into()]));
    let far = &asker.surroundings("far.example.test").await.views[0].chain;
    assert_eq!(far.hops.len(), 1);
    assert!(matches!(&far.ipv4, Lookup::NotAsked { why } if why.contains("outside the zone")));
    let signed = asker.surroundings("alias.signed.test").await.zone;
    assert_eq!(signed.found().unwrap().apex, "signed.test", "not the zone of the alias's target");
    assert_eq!(signed.found().unwrap().signed, Some(true));
    assert!(matches!(asker.surroundings("www.lame.test").await.zone, Gathered::Missing(_)));
}

#[tokio::test]
async fn what_stands_in_for_a_name_server_is_not_taken_for_one() {
    let impostor = world().serve().await.unwrap(); // recursive, hence without AA
    let settings =
        Settings { authority_port: impostor.address.port(), ..settings(ResolverChoice::Udp(impostor.address)) };
    let views = asker_with(&settings).await.surroundings("alias.example.test").await.views;
    assert!(views[0].chain.hops.is_empty());
    assert!(matches!(&views[0].chain.ipv4, Lookup::Unreachable { why } if why.contains("not authoritative")));
}

fn identity() -> (Arc<rustls::ServerConfig>, Der) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (Arc::new(config), Der(made.cert.der().to_vec()))
}

#[tokio::test]
async fn tcp_tls_and_https_keep_one_connection_and_verify() {
    let (config, root) = identity();
    let mut dot = (*config).clone();
    dot.alpn_protocols = Vec::new();
    let tls = world().serve_tls(Arc::new(dot), None).await;
    let https = world().serve_tls(config, Some("/dns-query")).await;
    let tcp = world().serve().await.unwrap();
    let url = format!("https://127.0.0.1:{}/dns-query", https.address.port());
    for (choice, label) in [
        (ResolverChoice::Tcp(tcp.address), format!("tcp://{}", tcp.address)),
        (
            ResolverChoice::Tls { host: "localhost".into(), port: tls.address.port() },
            format!("tls://localhost:{}", tls.address.port()),
        ),
        (ResolverChoice::Https { url: url.clone() }, url),
    ] {
        let mut settings = settings(choice.clone());
        settings.family = Family::V4;
        if !matches!(choice, ResolverChoice::Tcp(_)) {
            let untrusted = asker_with(&settings).await.chain("www.example.test").await;
            assert!(
                matches!(&untrusted.ipv4, Lookup::Unreachable { why } if why.contains("certificate")),
                "{untrusted:?}"
            );
        }
        settings.trust.extra_roots.push(root.clone());
        settings.family = Family::Any;
        if matches!(choice, ResolverChoice::Tls { .. }) {
            settings.family = Family::V4; // localhost may be ::1 too, where nobody listens
        }
        let asker = asker_with(&settings).await;
        let chain = asker.chain("alias.example.test").await;
        assert_eq!(answer(&chain.ipv4).0.len(), 2, "{choice:?}: {chain:?}");
        assert_eq!(chain.hops.len(), 1);
        assert_eq!(asker.chain("no.example.test").await.ipv4, Lookup::NxDomain);
        assert_eq!(asker.label(), label);
    }
}

#[tokio::test]
async fn other_eyes_see_other_things() {
    let public = world().serve().await.unwrap();
    let budget = Budget::quiet(Duration::from_secs(20));
    let server = [Server::udp(public.address)];
    let panel = Panel::new(server.to_vec(), Duration::from_secs(1), &budget);
    let names = Names::default();
    let mut views = Views {
        names: &names,
        panel: &panel,
        budget: &budget,
        family: Family::Any,
        step: Duration::from_secs(1),
        authority_port: 53,
        reach: Reach::Anywhere,
        public: &server,
    };
    let seen = views.public("alias.example.test").await;
    assert_eq!((seen.who, seen.server.as_str(), seen.chain.hops.len()), (Viewer::Public, panel.label().as_str(), 1));
    // The hosts file and RFC 6761 §6.3 need no network.
    let local = views.system("localhost").await;
    assert_eq!(local.who, Viewer::System);
    assert!(local.chain.addresses().iter().all(std::net::IpAddr::is_loopback), "{local:?}");
    assert!(!local.chain.addresses().is_empty(), "{local:?}");
    views.family = Family::V4;
    assert!(matches!(views.system("localhost").await.chain.ipv6, Lookup::NotAsked { .. }));
}

#[tokio::test]
async fn can_be_asked_from_many_tasks() {
    let server = world().serve().await.unwrap();
    let asker = asker(&server).await;
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let asker = asker.clone();
            tokio::spawn(async move {
                (asker.chain("alias.example.test").await, asker.surroundings("www.example.test").await)
            })
        })
        .collect();
    for task in tasks {
        let (chain, around) = task.await.unwrap();
        assert_eq!(answer(&chain.ipv4).0.len(), 2);
        assert_eq!(around.zone.found().unwrap().apex, "example.test");
    }
}

#[tokio::test]
async fn name_servers_out_of_reach_are_not_asked() {
    let server = world().serve().await.unwrap();
    let authority = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings {
        authority_port: authority.local_addr().unwrap().port(),
        reach: Reach::PublicOnly,
        ..settings(ResolverChoice::Udp(server.address))
    };
    let around = asker_with(&settings).await.surroundings("www.example.test").await;
    let [view] = around.views.as_slice() else { panic!("{:?}", around.views) };
    assert_eq!(view.who, Viewer::Authoritative);
    for lookup in [&view.chain.ipv4, &view.chain.ipv6] {
        assert!(
            matches!(lookup, Lookup::NotAsked { why } if why.contains("127.0.0.1 is a loopback address")),
            "{lookup:?}"
        );
    }
    assert!(authority.try_recv(&mut [0; 512]).is_err(), "a question came");
}
