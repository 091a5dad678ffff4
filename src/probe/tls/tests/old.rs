//! Servers older than TLS 1.2, and the raw hello that finds them.

use std::time::Duration;

use cfdoctor_checks::evidence::tls::{LegacyAnswer, LegacyHello, TlsOutcome, TlsVersion};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::{legacy, worth_a_legacy_hello};
use super::world::{
    Clients, HOST, budget, hear_hello, issue, look, params, route, self_signed, serve, serve_tls, serve_words,
    server_config, settings,
};
use crate::settings::Settings;

async fn raw(port: u16, offered: TlsVersion) -> LegacyHello {
    legacy(&route(port), HOST, offered, &settings(), &budget()).await
}

/// What a server that knows TLS 1.0 at most says to any hello: it chooses TLS 1.0 and RSA with AES, and shows its
/// certificate.
fn tls10_flight() -> Vec<u8> {
    let message =
        |kind: u8, body: &[u8]| [&[kind][..], &u32::try_from(body.len()).unwrap().to_be_bytes()[1..], body].concat();
    let certificate = self_signed(&params(HOST)).chain[0].to_vec();
    let sized = |body: &[u8]| [&u32::try_from(body.len()).unwrap().to_be_bytes()[1..], body].concat();
    let messages = [
        message(2, &[&[3, 1][..], &[1; 32], &[0, 0x00, 0x2f, 0]].concat()),
        message(11, &sized(&sized(&certificate))),
        message(14, &[]),
    ]
    .concat();
    messages
        .chunks(100)
        .flat_map(|part| [&[22, 3, 1][..], &u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat())
        .collect()
}

#[tokio::test]
async fn an_old_server_is_recognised_with_its_certificate() {
    let port = serve(|mut stream| async move {
        hear_hello(&mut stream).await;
        let _ = stream.write_all(&tls10_flight()).await;
        let _ = stream.read_u8().await;
    })
    .await;
    let (seen, _) = look(port).await;
    assert!(matches!(seen.outcome, TlsOutcome::Broken { .. }), "{:?}", seen.outcome);
    assert!(worth_a_legacy_hello(&seen));

    let visit = budget();
    let heard = legacy(&route(port), HOST, TlsVersion::Tls12, &settings(), &visit).await;
    let cipher = "TLS_RSA_WITH_AES_128_CBC_SHA".into();
    assert_eq!(heard.answer, LegacyAnswer::Accepted { version: TlsVersion::Tls10, cipher });
    assert_eq!(heard.chain[0].names, [HOST]);
    assert!(!heard.asks_client_certificate);
    assert_eq!(visit.spent().connections, 1);
}

#[tokio::test]
async fn a_modern_server_refuses_old_versions_and_takes_1_2() {
    let (issued, client) = (issue(&params(HOST)), self_signed(&params("client.example.com")));
    let port = serve_tls(server_config(&issued, &[&TLS12, &TLS13], Clients::Asked(&client))).await;
    for offered in [TlsVersion::Ssl3, TlsVersion::Tls10, TlsVersion::Tls11] {
        let heard = raw(port, offered).await;
        assert_eq!(heard.offered, offered);
        assert!(matches!(heard.answer, LegacyAnswer::Alert { .. }), "{:?}", heard.answer);
    }
    for offered in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let heard = raw(port, offered).await;
        assert_eq!(heard.offered, TlsVersion::Tls12);
        assert!(
            matches!(heard.answer, LegacyAnswer::Accepted { version: TlsVersion::Tls12, .. }),
            "{:?}",
            heard.answer
        );
        assert!(heard.asks_client_certificate);
        let sent: Vec<_> = issued.chain.iter().map(|der| der.to_vec()).collect();
        let seen: Vec<_> = heard.chain.iter().map(|seen| seen.der.clone().unwrap().0).collect();
        assert_eq!(seen, sent);
    }
    let only_new = serve_tls(server_config(&issued, &[&TLS13], Clients::Any)).await;
    let refused = LegacyAnswer::Alert { code: 70, name: "protocol_version".into() };
    assert_eq!(raw(only_new, TlsVersion::Tls12).await.answer, refused);
}

#[tokio::test]
async fn no_answer_is_said_in_words() {
    async fn why(port: u16) -> String {
        match raw(port, TlsVersion::Tls11).await.answer {
            LegacyAnswer::Nothing { why } => why,
            other => panic!("{other:?}"),
        }
    }
    assert!(why(serve_words(b"HTTP/1.1 400 Bad Request\r\n\r\n").await).await.contains("not TLS: HTTP/1.1 400"));
    assert!(why(serve_words(b"").await).await.contains("closed"));
    let reset = serve(|mut stream| async move {
        hear_hello(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert!(why(reset).await.contains("reset"));
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert!(why(dead).await.contains("refused"));

    let silent = serve(|mut stream| async move { while stream.read_u8().await.is_ok() {} }).await;
    let short = Settings { connect_timeout: Duration::from_millis(100), ..settings() };
    let heard = legacy(&route(silent), HOST, TlsVersion::Tls11, &short, &budget()).await;
    assert!(matches!(heard.answer, LegacyAnswer::Nothing { why } if why.contains("no answer within")));
}

#[tokio::test]
async fn a_choice_counts_although_the_rest_never_comes() {
    let port = serve(|mut stream| async move {
        hear_hello(&mut stream).await;
        let _ = stream.write_all(&tls10_flight()[..150]).await;
        while stream.read_u8().await.is_ok() {}
    })
    .await;
    let short = Settings { connect_timeout: Duration::from_millis(200), ..settings() };
    let heard = legacy(&route(port), HOST, TlsVersion::Tls11, &short, &budget()).await;
    assert!(matches!(heard.answer, LegacyAnswer::Accepted { version: TlsVersion::Tls10, .. }), "{:?}", heard.answer);
}
