//! Servers that want to see a certificate from us.

use std::sync::Arc;
use std::time::Duration;

use cfdoctor_checks::evidence::tls::{ClientCertificate, TlsOutcome};
use rcgen::ExtendedKeyUsagePurpose;
use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;

use super::super::{Wanted, apply_late_fault, handshake};
use super::world::{
    Clients, HOST, Issued, WANTED, ask, budget, issue, look, params, route, serve, serve_tls, server_config, settings,
};
use crate::settings::{ClientIdentity, Settings};

fn client() -> Issued {
    let mut client = params("client.example.com");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    issue(&client)
}

fn with(identity: &Issued) -> Settings {
    let client_identity = Some(ClientIdentity { chain: identity.chain.clone(), key: Arc::new(identity.key()) });
    Settings { client_identity, ..settings() }
}

const AT_ORIGIN: Wanted<'static> = Wanted { client_identity: true, ..WANTED };

#[tokio::test]
async fn asking_is_told_from_requiring_in_tls_1_2() {
    let (server, client) = (issue(&params(HOST)), client());
    let (seen, _) = look(serve_tls(server_config(&server, &[&TLS12], Clients::Asked(&client))).await).await;
    assert_eq!((seen.outcome, seen.client_certificate), (TlsOutcome::Completed, ClientCertificate::Asked));
    let (seen, io) = look(serve_tls(server_config(&server, &[&TLS12], Clients::Required(&client))).await).await;
    assert!(io.is_none());
    assert!(matches!(seen.outcome, TlsOutcome::Alert { after_handshake: false, .. }), "{:?}", seen.outcome);
    assert_eq!(seen.client_certificate, ClientCertificate::Required);
    assert_eq!(seen.chain.len(), 2);
}

#[tokio::test]
async fn asking_is_told_from_requiring_in_tls_1_3_by_the_first_read() {
    let (server, client) = (issue(&params(HOST)), client());
    let (mut seen, io) = look(serve_tls(server_config(&server, &[&TLS13], Clients::Asked(&client))).await).await;
    let mut io = io.unwrap();
    assert!(ask(&mut io).await.starts_with(b"HTTP/1.1 200"));
    apply_late_fault(&mut seen, &io.notes());
    assert_eq!((&seen.outcome, seen.client_certificate), (&TlsOutcome::Completed, ClientCertificate::Asked));

    let port = serve_tls(server_config(&server, &[&TLS13], Clients::Required(&client))).await;
    for late in [false, true] {
        let (mut seen, io) = look(port).await;
        let mut io = io.unwrap();
        assert_eq!((&seen.outcome, seen.client_certificate), (&TlsOutcome::Completed, ClientCertificate::Asked));
        if late {
            // The server is gone by now, and writing to it fails; its alert must not be lost by that.
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                io.write_all(b"GET /").await.unwrap();
                io.flush().await.unwrap();
            }
        }
        assert_eq!(ask(&mut io).await, b"");
        let notes = io.notes();
        drop(io);
        assert_eq!(notes.alert(), Some(116));
        apply_late_fault(&mut seen, &notes);
        let name = "certificate_required".into();
        assert_eq!(seen.outcome, TlsOutcome::Alert { code: 116, name, after_handshake: true });
        assert_eq!(seen.client_certificate, ClientCertificate::Required);
    }
}

#[tokio::test]
async fn our_certificate_is_shown_at_the_origin_only() {
    let (server, client) = (issue(&params(HOST)), client());
    for version in [&TLS12, &TLS13] {
        let port = serve_tls(server_config(&server, &[version], Clients::Required(&client))).await;
        let (mut seen, io) = handshake(&route(port), &AT_ORIGIN, &with(&client), &budget()).await;
        let mut io = io.unwrap();
        assert!(ask(&mut io).await.starts_with(b"HTTP/1.1 200"));
        apply_late_fault(&mut seen, &io.notes());
        assert_eq!((&seen.outcome, seen.client_certificate), (&TlsOutcome::Completed, ClientCertificate::Sent));
    }
    let port = serve_tls(server_config(&server, &[&TLS12], Clients::Required(&client))).await;
    let (seen, _) = handshake(&route(port), &WANTED, &with(&client), &budget()).await;
    assert_eq!(seen.client_certificate, ClientCertificate::Required);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_rejected() {
    let (server, trusted, other) = (issue(&params(HOST)), client(), client());
    for version in [&TLS12, &TLS13] {
        let port = serve_tls(server_config(&server, &[version], Clients::Required(&trusted))).await;
        let (mut seen, io) = handshake(&route(port), &AT_ORIGIN, &with(&other), &budget()).await;
        if let Some(mut io) = io {
            ask(&mut io).await;
            apply_late_fault(&mut seen, &io.notes());
        }
        assert!(matches!(seen.outcome, TlsOutcome::Alert { .. }), "{:?}", seen.outcome);
        assert_eq!(seen.client_certificate, ClientCertificate::Rejected);
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_said() {
    let (server, client) = (issue(&params(HOST)), client());
    let mut given = with(&client);
    if let Some(identity) = &mut given.client_identity {
        identity.key = Arc::new(rustls_pki_types::PrivateKeyDer::Pkcs8(vec![1, 2, 3].into()));
    }
    let port = serve_tls(server_config(&server, &[&TLS13], Clients::Asked(&client))).await;
    let (seen, _) = handshake(&route(port), &AT_ORIGIN, &given, &budget()).await;
    assert_eq!(seen.client_certificate, ClientCertificate::Asked);
    assert!(seen.earlier.iter().any(|line| line.contains("client certificate was not sent")), "{:?}", seen.earlier);
}

/// The server looks at the certificate by itself and just goes away.
#[tokio::test]
async fn going_away_without_a_word_is_a_refusal_unless_we_were_accepted() {
    let (server, client) = (issue(&params(HOST)), client());
    for (tickets, clients, expected) in [
        (0, Clients::Asked(&client), ClientCertificate::Required),
        (1, Clients::Asked(&client), ClientCertificate::Asked),
        (0, Clients::Any, ClientCertificate::NotAsked),
    ] {
        let mut config = server_config(&server, &[&TLS13], clients);
        config.send_tls13_tickets = tickets;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let port = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move { drop(acceptor.accept(stream).await) }
        })
        .await;
        let (mut seen, io) = look(port).await;
        let mut io = io.unwrap();
        assert_eq!(ask(&mut io).await, b"");
        apply_late_fault(&mut seen, &io.notes());
        assert_eq!((&seen.outcome, seen.client_certificate), (&TlsOutcome::Completed, expected));
    }
}
