//! What sound servers send is recorded, whatever one may think of it.

use cfdoctor_checks::evidence::tls::{ClientCertificate, Connect, TlsOutcome, TlsVersion};
use rcgen::CustomExtension;
use rustls::version::{TLS12, TLS13};
use time::macros::datetime;

use super::super::{Wanted, handshake, worth_a_legacy_hello};
use super::world::{
    Clients, HOST, WANTED, budget, issue, look, params, route, self_signed, serve_tls, server_config, settings,
};

#[tokio::test]
async fn every_chain_is_recorded_as_sent() {
    let mut expired = params(HOST);
    expired.not_before = datetime!(2020-01-01 00:00 UTC);
    expired.not_after = datetime!(2020-02-01 00:00 UTC);
    for (issued, length, name) in [
        (self_signed(&params(HOST)), 1, HOST),
        (issue(&params(HOST)), 2, HOST),
        (issue(&params("other.example.net")), 2, "other.example.net"),
        (issue(&expired), 2, HOST),
    ] {
        for (version, expected) in [(&TLS12, TlsVersion::Tls12), (&TLS13, TlsVersion::Tls13)] {
            let port = serve_tls(server_config(&issued, &[version], Clients::Any)).await;
            let budget = budget();
            let (handshake, io) = handshake(&route(port), &WANTED, &settings(), &budget).await;
            assert_eq!((&handshake.connect, &handshake.outcome), (&Connect::Open, &TlsOutcome::Completed));
            assert!(io.is_some() && handshake.tls_ms.is_some() && handshake.connect_ms.is_some());
            let sent: Vec<_> = issued.chain.iter().map(|der| der.to_vec()).collect();
            let seen: Vec<_> = handshake.chain.iter().map(|seen| seen.der.clone().unwrap().0).collect();
            assert_eq!((seen.len(), &seen), (length, &sent));
            assert_eq!(handshake.leaf().unwrap().names, [name]);
            assert_eq!(handshake.session.as_ref().map(|session| session.version), Some(expected));
            assert!(handshake.ocsp_stapled);
            assert_eq!(handshake.server_name.as_deref(), Some(HOST));
            assert_eq!(handshake.client_certificate, ClientCertificate::NotAsked);
            assert!(handshake.earlier.is_empty() && !worth_a_legacy_hello(&handshake));
            assert_eq!(budget.spent().connections, 1);
        }
    }
}

#[tokio::test]
async fn what_was_agreed_has_its_usual_names() {
    let issued = issue(&params(HOST));
    for (version, protocols, cipher, alpn) in [
        (&TLS13, &[&b"h2"[..], b"http/1.1"][..], "TLS_AES_128_GCM_SHA256", Some("h2")),
        (&TLS12, &[b"http/1.1"], "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Some("http/1.1")),
        (&TLS13, &[], "TLS_AES_128_GCM_SHA256", None),
    ] {
        let mut config = server_config(&issued, &[version], Clients::Any);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let session = look(serve_tls(config).await).await.0.session.unwrap();
        assert_eq!((session.cipher.as_str(), session.alpn.as_deref()), (cipher, alpn));
        assert_eq!(session.group.as_deref(), Some("X25519"));
    }
    let mut config = server_config(&issued, &[&TLS13], Clients::Any);
    config.alpn_protocols = vec![b"spdy/1".to_vec()];
    let (handshake, _) = look(serve_tls(config).await).await;
    let TlsOutcome::Alert { code, name, after_handshake } = handshake.outcome else { panic!("{handshake:?}") };
    assert_eq!((code, name.as_str(), after_handshake), (120, "no_application_protocol", false));
}

#[tokio::test]
async fn a_second_visit_is_not_a_resumption() {
    let port = serve_tls(server_config(&issue(&params(HOST)), &[&TLS12, &TLS13], Clients::Any)).await;
    for _ in 0..3 {
        let (handshake, io) = look(port).await;
        let mut io = io.unwrap();
        assert!(super::world::ask(&mut io).await.starts_with(b"HTTP/1.1 200"));
        assert_eq!(handshake.chain.len(), 2);
        assert!(handshake.ocsp_stapled);
    }
}

#[tokio::test]
async fn an_address_is_no_server_name_and_nonsense_is_not_sent() {
    let port = serve_tls(server_config(&issue(&params(HOST)), &[&TLS13], Clients::Any)).await;
    let by_address = Wanted { server_name: "127.0.0.1", ..WANTED };
    let (seen, _) = handshake(&route(port), &by_address, &settings(), &budget()).await;
    assert_eq!((seen.server_name, seen.outcome), (None, TlsOutcome::Completed));
    let nonsense = Wanted { server_name: "a b\u{1b}", ..WANTED };
    let (seen, io) = handshake(&route(port), &nonsense, &settings(), &budget()).await;
    assert!(io.is_none());
    assert!(
        matches!(seen.outcome, TlsOutcome::Broken { why } if why.contains("server name") && !why.contains('\u{1b}'))
    );
}

#[tokio::test]
async fn the_chain_stays_when_the_handshake_fails_after_it() {
    let mut strange = params(HOST);
    let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    unknown.set_criticality(true);
    strange.custom_extensions.push(unknown);
    let issued = issue(&strange);
    for version in [&TLS12, &TLS13] {
        let mut config = server_config(&issue(&params(HOST)), &[version], Clients::Any);
        config.cert_resolver = std::sync::Arc::new(Always(issued.chain.clone(), issued.key()));
        let (handshake, io) = look(serve_tls(config).await).await;
        assert!(io.is_none());
        let TlsOutcome::Broken { why } = &handshake.outcome else { panic!("{handshake:?}") };
        assert!(why.contains("P-256"), "{why}");
        assert_eq!(handshake.leaf().unwrap().names, [HOST]);
        assert_eq!(handshake.chain.len(), 2);
        assert!(!worth_a_legacy_hello(&handshake));
    }
}

/// Shows a certificate that rustls would not load by itself.
#[derive(Debug)]
struct Always(Vec<rustls_pki_types::CertificateDer<'static>>, rustls_pki_types::PrivateKeyDer<'static>);

impl rustls::server::ResolvesServerCert for Always {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<std::sync::Arc<rustls::sign::CertifiedKey>> {
        let key = super::super::provider().key_provider.load_private_key(self.1.clone_key()).unwrap();
        Some(std::sync::Arc::new(rustls::sign::CertifiedKey::new(self.0.clone(), key)))
    }
}
