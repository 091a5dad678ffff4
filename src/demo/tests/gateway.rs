//! The origin against `facts/aws.md` section 4.

use crate::demo::Sight;
use std::sync::Arc;
use std::time::Duration;

use cfdoctor_checks::evidence::tls::Certificate;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::clients::{at_origin, place, plain, shake_hands};
use super::{header, sound, sound_origin, world};
use crate::demo::{
    Door, Function, HOST, INTEGRATION_LIMIT, Origin, OriginCertificate, PlainDoor, Product, Scenario, World, Zone, find,
};
use crate::settings::ClientIdentity;

fn open() -> Origin {
    Origin { demands_secret: false, ..sound_origin() }
}

fn failing(product: Product, takes: Duration) -> Origin {
    let sound = open();
    Origin { product, function: Function { takes, crashes: true, ..sound.function.clone() }, ..sound }
}

#[tokio::test]
async fn http_apis_speak_their_own_words() {
    let world_ = world(Zone::default, open).await;
    let found = at_origin(&world_, HOST, "/endpoint", &[], None).await.unwrap();
    assert_eq!((found.status, found.body.as_str()), (200, r#"{"ok":true}"#));
    let id = header(&found, "apigw-requestid");
    assert!(id.ends_with('=') && id.len() == 16, "{id}");
    for absent in ["x-amzn-requestid", "x-amz-apigw-id", "x-amzn-errortype"] {
        assert!(!found.headers.contains_key(absent), "{absent}");
    }
    for (path, headers) in [("/other", &[][..]), ("/endpoint/deeper", &[]), ("/endpoint", &[(":method", "HEAD")])] {
        let missing = at_origin(&world_, HOST, path, headers, None).await.unwrap();
        assert_eq!(missing.status, 404, "{path}: routes are literal");
    }
    assert_eq!(at_origin(&world_, HOST, "/x", &[], None).await.unwrap().body, r#"{"message":"Not Found"}"#);
    let world_ = world(Zone::default, || failing(Product::Http, Duration::ZERO)).await;
    let crash = at_origin(&world_, HOST, "/endpoint", &[], None).await.unwrap();
    assert_eq!((crash.status, crash.body.as_str()), (500, r#"{"message":"Internal Server Error"}"#));
    let world_ = world(Zone::default, || failing(Product::Http, INTEGRATION_LIMIT * 2)).await;
    let late = at_origin(&world_, HOST, "/endpoint", &[], None).await.unwrap();
    assert_eq!((late.status, late.body.as_str()), (503, r#"{"message":"Service Unavailable"}"#));
    assert_eq!(header(&late, "content-type"), "");
    let world_ = world(Zone::default, sound_origin).await;
    let denied = at_origin(&world_, HOST, "/endpoint", &[], None).await.unwrap();
    assert_eq!((denied.status, denied.body.as_str()), (403, r#"{"message":"Forbidden"}"#), "the authorizer's");
    assert!(denied.headers.contains_key("apigw-requestid") && !denied.headers.contains_key("x-amzn-errortype"));
}

#[tokio::test]
async fn rest_apis_speak_their_own_words() {
    let rest = || Origin { product: Product::Rest, ..open() };
    let world_ = world(Zone::default, rest).await;
    let found = at_origin(&world_, HOST, "/endpoint", &[], None).await.unwrap();
    assert_eq!(found.status, 200);
    assert_eq!(header(&found, "x-amzn-requestid").len(), 36);
    assert!(header(&found, "x-amz-apigw-id").ends_with('=') && !found.headers.contains_key("apigw-requestid"));
    let missing = at_origin(&world_, HOST, "/other", &[], None).await.unwrap();
    assert_eq!((missing.status, missing.body.as_str()), (403, r#"{"message":"Missing Authentication Token"}"#));
    assert_eq!(header(&missing, "x-amzn-errortype"), "MissingAuthenticationTokenException");
    for (takes, status, body) in [
        (Duration::ZERO, 502, r#"{"message": "Internal server error"}"#),
        (INTEGRATION_LIMIT * 2, 504, r#"{"message": "Endpoint request timed out"}"#),
    ] {
        let scenario = if takes.is_zero() { "function-crashes" } else { "hidden-timeout" };
        let world = World::start(find(scenario).unwrap()).await.unwrap();
        let answer = at_origin(&world, HOST, "/endpoint", &[], None).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
    }
    let world_ = world(Zone::default, || Origin { product: Product::Rest, mapped: false, ..open() }).await;
    let unmapped = at_origin(&world_, HOST, "/endpoint", &[], None).await.unwrap();
    assert_eq!((unmapped.status, unmapped.body.as_str()), (403, r#"{"message":"Forbidden"}"#));
}

/// The names in the certificate that the origin shows for `name`.
async fn shown(world: &World, name: &str) -> Vec<String> {
    let target = world.target(Sight::BlackBox).origin.unwrap().host;
    let stream = shake_hands(place(world, &target, 443), name, &[], None).await.unwrap();
    Certificate::parse(&stream.get_ref().1.peer_certificates().unwrap()[0]).names
}

#[tokio::test]
async fn unknown_names_get_the_services_certificate_and_forbidden() {
    let world_ = world(Zone::default, open).await;
    assert_eq!(shown(&world_, HOST).await, [HOST]);
    assert_eq!(shown(&world_, "nobody.invalid").await, ["*.execute-api.us-west-2.amazonaws.com"]);
    let stranger = at_origin(&world_, "nobody.invalid", "/endpoint", &[], None).await.unwrap();
    assert_eq!((stranger.status, stranger.body.as_str()), (403, r#"{"message":"Forbidden"}"#));
    assert_eq!(header(&stranger, "x-amzn-errortype"), "ForbiddenException");
    let missing = || Origin { certificate: OriginCertificate::Service, ..open() };
    let world_ = world(Zone::default, missing).await;
    assert_eq!(shown(&world_, HOST).await, ["*.execute-api.us-west-2.amazonaws.com"]);
    assert_eq!(at_origin(&world_, HOST, "/endpoint", &[], None).await.unwrap().status, 403);
    let elsewhere = World::start(find("wrong-region").unwrap()).await.unwrap();
    assert_eq!(shown(&elsewhere, HOST).await, ["*.execute-api.eu-central-1.amazonaws.com"]);
}

/// A client certificate that no trust store holds.
fn stranger() -> ClientIdentity {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["stranger.example".into()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ClientIdentity { chain: vec![certificate.der().clone()], key: Arc::new(key) }
}

#[tokio::test]
async fn mutual_tls_drops_the_bare_and_forbids_the_stranger() {
    let world = World::start(find("healthy-client-certificate").unwrap()).await.unwrap();
    let own = world.settings(Sight::BlackBox).client_identity.unwrap();
    assert!(at_origin(&world, HOST, "/endpoint", &[], None).await.is_err(), "no certificate, no answer");
    let refused = at_origin(&world, HOST, "/endpoint", &[], Some(&stranger())).await.unwrap();
    assert_eq!((refused.status, header(&refused, "x-amzn-errortype")), (403, "ForbiddenException"));
    assert_eq!(at_origin(&world, HOST, "/endpoint", &[], Some(&own)).await.unwrap().status, 200);
    // The demand belongs to the custom domain: another name is met without it.
    assert_eq!(at_origin(&world, "nobody.invalid", "/", &[], None).await.unwrap().status, 403);
}

#[tokio::test]
async fn other_boxes_answer_in_their_own_way() {
    let url = World::start(find("foreign-host").unwrap()).await.unwrap();
    assert_eq!(shown(&url, HOST).await, ["*.lambda-url.us-west-2.on.aws"]);
    let denied = at_origin(&url, HOST, "/endpoint", &[], None).await.unwrap();
    assert_eq!((denied.status, header(&denied, "x-amzn-errortype")), (403, "AccessDeniedException"));
    assert!(denied.body.starts_with(r#"{"Message":"#) && !denied.headers.contains_key("x-amz-apigw-id"));
    let own = url.target(Sight::BlackBox).origin.unwrap().host;
    assert_eq!(at_origin(&url, &own, "/endpoint", &[], None).await.unwrap().status, 200);

    let bucket = World::start(find("foreign-bucket").unwrap()).await.unwrap();
    let website = place(&bucket, &bucket.target(Sight::BlackBox).origin.unwrap().host, 80);
    let missing = plain(website, HOST, "/endpoint", &[]).await.unwrap();
    assert_eq!((missing.status, header(&missing, "server")), (404, "AmazonS3"));
    assert!(missing.body.contains("<li>Code: NoSuchBucket</li>\n") && missing.body.contains(HOST), "{}", missing.body);

    let balancer = || Origin { product: Product::LoadBalancer, plain: PlainDoor::Redirects, ..sound_origin() };
    let world = World::start(&Scenario { origin: balancer, ..sound() }).await.unwrap();
    let target = world.target(Sight::BlackBox).origin.unwrap().host;
    let redirect = plain(place(&world, &target, 80), HOST, "/endpoint", &[]).await.unwrap();
    assert_eq!((redirect.status, header(&redirect, "location")), (301, "https://lambda.example.com/endpoint"));
    let closed = at_origin(&world, HOST, "/endpoint", &[], None).await.unwrap();
    assert_eq!((closed.status, header(&closed, "server")), (403, "awselb/2.0"));
}

#[tokio::test]
async fn plain_http_may_stand_on_443() {
    let origin = || Origin { door: Door::PlainHttp, ..open() };
    let world = world(Zone::default, origin).await;
    let target = world.target(Sight::BlackBox).origin.unwrap().host;
    assert_eq!(plain(place(&world, &target, 443), HOST, "/endpoint", &[]).await.unwrap().status, 200);
}
