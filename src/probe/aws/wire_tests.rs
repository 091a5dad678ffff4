//! The way to the APIs: whom the client trusts, through which proxy it goes, what is counted, what is too large.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cfdoctor_checks::evidence::{Gathered, Target};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::stub::Stub;
use super::{AwsAccess, AwsRegions, look};
use crate::probe::budget::Budget;
use crate::settings::{Proxy, ProxyKind, Settings};

/// What the domains of the region are, or why they are not known.
async fn domains(access: &AwsAccess, budget: &Budget) -> Result<usize, String> {
    let target: Target = "api.example.com".parse().unwrap();
    match look(&target, None, access, budget).await {
        Gathered::Missing(why) => Err(why.text()),
        Gathered::Found(gateway) => match gateway.domains.get() {
            Ok(domains) => Ok(domains.len()),
            Err(why) => Err(why.text()),
        },
    }
}

fn budget() -> Budget {
    Budget::quiet(Duration::from_secs(40))
}

fn proxy(kind: ProxyKind, port: u16) -> Proxy {
    Proxy { kind, host: "127.0.0.1".into(), port, credentials: Some("me:s3cr3t".into()) }
}

/// An HTTP proxy that knows CONNECT only; the heads of what it was asked.
async fn tunnels() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let kept = heads.clone();
    tokio::spawn(async move {
        while let Ok((mut visitor, _)) = listener.accept().await {
            let kept = kept.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(visitor.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let place = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
                kept.lock().unwrap().push(head);
                let mut server = TcpStream::connect(place).await?;
                visitor.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut visitor, &mut server).await
            });
        }
    });
    (port, heads)
}

#[tokio::test]
async fn the_users_roots_are_trusted_and_nothing_of_the_machines() {
    let (stub, settings) = Stub::open_secured().await;
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    let why = domains(&access, &budget()).await.unwrap_err();
    assert!(why.contains("was not reached") && why.contains("certificate"), "{why}");
    assert!(stub.questions().is_empty(), "nothing was asked of who is not trusted");
    assert_eq!(domains(&access.with(&settings), &budget()).await, Ok(0));
}

#[tokio::test]
async fn requests_go_through_the_proxy() {
    let (stub, settings) = Stub::open_secured().await;
    let (port, heads) = tunnels().await;
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    let proxied = Settings { proxy: Some(proxy(ProxyKind::Http, port)), ..settings };
    assert_eq!(domains(&access.clone().with(&proxied), &budget()).await, Ok(0));
    let heads = heads.lock().unwrap().clone();
    let place = stub.endpoint.trim_start_matches("https://");
    assert!(!heads.is_empty() && heads.iter().all(|head| head.starts_with(&format!("CONNECT {place} "))), "{heads:?}");
    assert!(heads.iter().all(|head| head.to_ascii_lowercase().contains("proxy-authorization: basic")), "{heads:?}");

    let asked = stub.questions().len();
    for kind in [ProxyKind::Http, ProxyKind::Socks5] {
        let nobody = Settings { proxy: Some(proxy(kind, 1)), ..proxied.clone() };
        let why = domains(&access.clone().with(&nobody), &budget()).await.unwrap_err();
        assert!(why.contains("was not reached") && !why.contains("s3cr3t"), "{why}");
    }
    assert_eq!(stub.questions().len(), asked, "not without the proxy");
}

#[tokio::test]
async fn every_try_is_counted_for_the_target_that_asks() {
    let stub = Stub::open(Duration::ZERO).await;
    let throttled = json!({"__type": "TooManyRequestsException", "message": "slow down"});
    stub.says("eu-west-1 /domainnames", 429, throttled).says("eu-west-1 /domainnames", 200, json!({"item": []}));
    let access = stub.access("eu-west-1", AwsRegions::Usual);
    let (first, second) = (budget(), budget());
    assert_eq!(domains(&access, &first).await, Ok(0));
    let asked = stub.questions().len();
    assert_eq!((first.spent().api_requests as usize, first.spent().http_requests), (asked, 0));
    assert_eq!(domains(&access, &second).await, Ok(0));
    let more = stub.questions().len() - asked;
    assert_eq!(second.spent().api_requests as usize, more, "the list of the region is read once in a run");
    assert!(more < asked);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let stub = Stub::open(Duration::ZERO).await;
    stub.says("eu-west-1 /domainnames", 200, json!({"item": [], "padding": "x".repeat(9 << 20)}));
    stub.says("eu-west-1 /v2/domainnames", 500, json!({"message": "x".repeat(9 << 20)}));
    let why = domains(&stub.access("eu-west-1", AwsRegions::Usual), &budget()).await.unwrap_err();
    assert!(why.contains("answered strangely: the answer is larger than 8 MiB"), "{why}");
    let times = |question: &str| stub.questions().iter().filter(|asked| *asked == question).count();
    assert_eq!((times("eu-west-1 /domainnames"), times("eu-west-1 /v2/domainnames")), (1, 1), "not asked again");
}
