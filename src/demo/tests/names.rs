//! The name servers of the world, asked with messages of the test's own.

use crate::demo::Sight;
use std::net::SocketAddr;

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::net::UdpSocket;

use super::sound;
use crate::demo::name_server::look_up;
use crate::demo::{HOST, Names, Scenario, World};
use crate::settings::ResolverChoice;

async fn ask(server: SocketAddr, name: &str, kind: RecordType, unchecked: bool) -> Message {
    let mut question = Message::query();
    question.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    question.metadata.recursion_desired = true;
    question.metadata.checking_disabled = unchecked;
    question.edns = Some(Edns::new());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server).await.unwrap();
    socket.send(&question.to_vec().unwrap()).await.unwrap();
    let mut octets = [0; 4096];
    let length = socket.recv(&mut octets).await.unwrap();
    Message::from_vec(&octets[..length]).unwrap()
}

async fn start(names: Names) -> (World, SocketAddr, SocketAddr) {
    let world = World::start(&Scenario { names, ..sound() }).await.unwrap();
    let ResolverChoice::Udp(resolver) = world.settings(Sight::BlackBox).resolver else { panic!("a UDP resolver") };
    let authority = SocketAddr::from(([127, 0, 0, 1], world.settings(Sight::BlackBox).authority_port));
    (world, resolver, authority)
}

#[tokio::test]
async fn a_proxied_name_has_cloudflares_addresses_and_no_alias() {
    let (world, resolver, authority) = start(Names::Proxied).await;
    for (server, authoritative) in [(resolver, false), (authority, true)] {
        let answer = ask(server, "lambda.example.com.", RecordType::A, false).await;
        assert_eq!(answer.metadata.authoritative, authoritative);
        assert_eq!(answer.metadata.recursion_available, !authoritative);
        assert_eq!(answer.answers.len(), 2);
        for record in &answer.answers {
            let RData::A(address) = &record.data else { panic!("{record}") };
            assert!(cfdoctor_checks::model::cloudflare::owns(address.0.into()), "{record}");
        }
    }
    let target = world.target(Sight::BlackBox).origin.unwrap().host;
    assert_eq!(look_up(resolver, &target).await, ["203.0.113.80".parse::<std::net::IpAddr>().unwrap()]);
    let servers = ask(resolver, "example.com.", RecordType::NS, false).await;
    assert_eq!(servers.answers.len(), 2);
    assert_eq!(look_up(resolver, "ada.ns.cloudflare.com").await, [std::net::Ipv4Addr::LOCALHOST]);
}

#[tokio::test]
async fn each_fault_is_told_apart() {
    for (names, code, answers) in [
        (Names::DnsOnly, ResponseCode::NoError, 2),
        (Names::NxDomain, ResponseCode::NXDomain, 0),
        (Names::NoData, ResponseCode::NoError, 0),
        (Names::ServFail, ResponseCode::ServFail, 0),
        (Names::BrokenDnssec, ResponseCode::ServFail, 0),
        (Names::Loop, ResponseCode::ServFail, 0),
        (Names::StaleNegative, ResponseCode::NXDomain, 0),
    ] {
        let (world, resolver, authority) = start(names).await;
        let answer = ask(resolver, "lambda.example.com.", RecordType::A, false).await;
        assert_eq!((answer.metadata.response_code, answer.answers.len()), (code, answers), "{names:?}");
        let denied = matches!(names, Names::NxDomain | Names::NoData | Names::StaleNegative);
        let soa = answer.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
        assert_eq!(soa, denied, "{names:?}: a denial carries the SOA");
        let there = ask(authority, "lambda.example.com.", RecordType::A, false).await;
        if names == Names::StaleNegative {
            assert_eq!(there.answers.len(), 2, "the zone's own server knows it already");
        }
        // A visitor without an address finds nothing.
        let leads = world.settings(Sight::BlackBox).connect_to.iter().any(|rule| rule.host.as_deref() == Some(HOST));
        assert_eq!(leads, names == Names::DnsOnly, "{names:?}");
    }
}

#[tokio::test]
async fn broken_dnssec_answers_those_who_do_not_check() {
    let (_world, resolver, _) = start(Names::BrokenDnssec).await;
    let unchecked = ask(resolver, "lambda.example.com.", RecordType::A, true).await;
    assert_eq!((unchecked.metadata.response_code, unchecked.answers.len()), (ResponseCode::NoError, 2));
    let signed = ask(resolver, "example.com.", RecordType::DS, true).await;
    assert_eq!(signed.answers.len(), 1, "the parent says that the zone is signed");
}

#[tokio::test]
async fn a_dangling_target_has_no_address() {
    let world = World::start(&Scenario { target_resolves: false, ..sound() }).await.unwrap();
    let ResolverChoice::Udp(resolver) = world.settings(Sight::BlackBox).resolver else { panic!("a UDP resolver") };
    let target = world.target(Sight::BlackBox).origin.unwrap().host;
    let answer = ask(resolver, &format!("{target}."), RecordType::A, false).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    let page = super::clients::Visitor::of(&world).await.get("/endpoint").await;
    assert_eq!((page.status, super::header(&page, "cf-error-type")), (530, "1016"));
    assert_eq!(page.body, "error code: 1016");
}
