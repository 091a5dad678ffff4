//! Faults of the origin: custom domain, certificate, port, handshake.

use super::{BALANCER, MACHINE, SOUND, sound_origin, with_certificate, with_door};
use crate::demo::{Door, Known, Mode, Origin, OriginCertificate, PlainDoor, Product, Scenario, Zone};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "no-custom-domain",
        line: "Full (strict), but the custom domain was never created: 403 Forbidden",
        story: "The record points at a custom domain's target in the right region, but no custom domain has this name. \
                The gateway shows its own certificate, whose name fits the record's target, so that strict lets it \
                pass, and answers Forbidden.",
        cause: Some("origin-default-certificate"),
        expect: &[("edge-gateway-rejects", "warn"), ("origin-default-certificate", "fail")],
        known: Some(Known {
            cause: Some("aws-custom-domain-missing"),
            expect: &[
                ("aws-custom-domain-missing", "fail"),
                ("edge-gateway-rejects", "warn"),
                ("origin-default-certificate", "fail"),
            ],
        }),
        origin: || with_certificate(OriginCertificate::Service),
        ..SOUND
    },
    Scenario {
        name: "expired",
        line: "the origin's certificate ended last week: 526",
        story: "An Origin CA certificate of one year was imported into ACM and forgotten.",
        cause: Some("origin-certificate-expired"),
        expect: &[("edge-origin-error", "fail"), ("origin-certificate-expired", "fail")],
        known: Some(Known {
            cause: Some("aws-certificate-renewal-blocked"),
            expect: &[
                ("aws-certificate-renewal-blocked", "fail"),
                ("aws-certificate-unusable", "fail"),
                ("edge-origin-error", "fail"),
                ("origin-certificate-expired", "fail"),
            ],
        }),
        origin: || with_certificate(OriginCertificate::Expired),
        ..SOUND
    },
    Scenario {
        name: "expiring",
        line: "the origin's certificate ends in ten days, and nothing has renewed it",
        story: "The validation record was deleted from the zone, so ACM cannot renew the certificate.",
        cause: Some("origin-certificate-expiring"),
        expect: &[("origin-certificate-expiring", "warn")],
        known: Some(Known {
            cause: Some("aws-certificate-renewal-blocked"),
            expect: &[("aws-certificate-renewal-blocked", "fail"), ("origin-certificate-expiring", "warn")],
        }),
        origin: || with_certificate(OriginCertificate::Expiring),
        ..SOUND
    },
    Scenario {
        name: "renewal-time-bomb",
        line: "green today: the certificate ends in ten days, its validation record is gone, CAA shuts Amazon out",
        story: "Everything works. Somebody tidied the zone up and took the odd-looking CNAME of ACM away, and CAA allows \
                the edge's authority only. In ten days every visitor gets 526.",
        cause: Some("dns-caa-forbids-issuer"),
        expect: &[("dns-caa-forbids-issuer", "warn"), ("origin-certificate-expiring", "warn")],
        known: Some(Known {
            cause: Some("aws-certificate-renewal-blocked"),
            expect: &[
                ("aws-certificate-renewal-blocked", "fail"),
                ("dns-caa-forbids-issuer", "warn"),
                ("origin-certificate-expiring", "warn"),
            ],
        }),
        records: "@ 300 IN CAA 0 issue \"pki.goog\"\n@ 300 IN CAA 0 issuewild \"pki.goog\"\n",
        origin: || with_certificate(OriginCertificate::Expiring),
        ..SOUND
    },
    Scenario {
        name: "not-yet-valid",
        line: "the origin's certificate begins next week: 526",
        story: "A certificate was prepared for a migration and imported too early.",
        cause: Some("origin-certificate-not-yet-valid"),
        expect: &[("edge-origin-error", "fail"), ("origin-certificate-not-yet-valid", "fail")],
        known: Some(Known {
            cause: Some("origin-certificate-not-yet-valid"),
            expect: &[
                ("aws-certificate-unusable", "fail"),
                ("edge-origin-error", "fail"),
                ("origin-certificate-not-yet-valid", "fail"),
            ],
        }),
        origin: || with_certificate(OriginCertificate::NotYetValid),
        ..SOUND
    },
    Scenario {
        name: "wrong-name",
        line: "the origin's certificate is for another name: 526",
        story: "The custom domain got the certificate of another project.",
        cause: Some("origin-certificate-name-mismatch"),
        expect: &[("edge-origin-error", "fail"), ("origin-certificate-name-mismatch", "fail")],
        known: Some(Known {
            cause: Some("origin-certificate-name-mismatch"),
            expect: &[
                ("aws-certificate-unusable", "fail"),
                ("edge-origin-error", "fail"),
                ("origin-certificate-name-mismatch", "fail"),
            ],
        }),
        origin: || with_certificate(OriginCertificate::WrongName),
        ..SOUND
    },
    Scenario {
        name: "untrusted",
        line: "the origin's certificate is home-made: 526",
        story: "A certificate of a home-made authority was imported into ACM.",
        cause: Some("origin-certificate-untrusted"),
        expect: &[("edge-origin-error", "fail"), ("origin-certificate-untrusted", "fail")],
        origin: || with_certificate(OriginCertificate::Untrusted),
        ..SOUND
    },
    Scenario {
        name: "full-self-signed",
        line: "SSL mode Full hides a self-signed certificate: it works, and anybody could stand in between",
        story: "The certificate was self-signed for a test and stayed. Full takes any certificate.",
        cause: Some("origin-certificate-untrusted"),
        expect: &[("origin-certificate-untrusted", "warn")],
        known: Some(Known {
            cause: Some("origin-certificate-untrusted"),
            expect: &[("cloudflare-ssl-mode-weak", "warn"), ("origin-certificate-untrusted", "warn")],
        }),
        zone: || Zone { mode: Mode::Full, ..Zone::default() },
        origin: || with_certificate(OriginCertificate::SelfSigned),
        ..SOUND
    },
    Scenario {
        name: "missing-intermediate",
        line: "the origin does not send its intermediate certificate: 526",
        story: "The certificate was imported into ACM without its chain.",
        cause: Some("origin-chain-incomplete"),
        expect: &[("edge-origin-error", "fail"), ("origin-chain-incomplete", "fail")],
        origin: || with_certificate(OriginCertificate::NoIntermediate),
        ..SOUND
    },
    Scenario {
        name: "tls-outdated",
        line: "the origin knows nothing newer than SSL 3.0: 525",
        story: "An appliance of another age stands where the gateway should be. (With TLS 1.0 Cloudflare would still \
                talk.)",
        cause: Some("origin-tls-outdated"),
        expect: &[("edge-origin-error", "fail"), ("origin-tls-outdated", "fail")],
        target: MACHINE,
        origin: || with_door(Door::OldTls),
        ..SOUND
    },
    Scenario {
        name: "client-certificate",
        line: "the origin demands a client certificate that Cloudflare does not send: 525",
        story: "Mutual TLS was switched on at the custom domain, authenticated origin pulls were not.",
        cause: Some("origin-client-certificate-required"),
        expect: &[("edge-origin-error", "fail"), ("origin-client-certificate-required", "fail")],
        known: Some(Known {
            cause: Some("aws-mutual-tls-unmet"),
            expect: &[
                ("aws-mutual-tls-unmet", "fail"),
                ("edge-origin-error", "fail"),
                ("origin-client-certificate-required", "fail"),
            ],
        }),
        origin: || Origin { mutual_tls: true, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "handshake-refused",
        line: "the origin refuses every handshake: 525",
        story: "A load balancer lost its certificate and answers each hello with an alert.",
        cause: Some("origin-handshake-failing"),
        expect: &[("edge-origin-error", "fail"), ("origin-handshake-failing", "fail")],
        target: BALANCER,
        origin: || with_door(Door::RefusesTls),
        ..SOUND
    },
    Scenario {
        name: "plain-http-on-443",
        line: "the origin speaks plain HTTP on port 443: 525",
        story: "A listener on port 443 was made without TLS.",
        cause: Some("origin-handshake-failing"),
        expect: &[("edge-origin-error", "fail"), ("origin-handshake-failing", "fail")],
        target: BALANCER,
        origin: || Origin { door: Door::PlainHttp, product: Product::LoadBalancer, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "origin-silent",
        line: "the origin takes the connection and never speaks TLS: 525",
        story: "A proxy without a healthy target takes the connection and waits. Edge and doctor wait one second at most here, \
                not their usual time.",
        cause: Some("origin-handshake-failing"),
        expect: &[("edge-origin-error", "fail"), ("origin-handshake-failing", "fail")],
        target: BALANCER,
        origin: || with_door(Door::Silent),
        ..SOUND
    },
    Scenario {
        name: "origin-refused",
        line: "nothing listens on the origin's port 443: 521",
        story: "The record points at a machine that serves plain HTTP only.",
        cause: Some("origin-unreachable"),
        expect: &[("edge-origin-error", "fail"), ("origin-unreachable", "fail")],
        target: MACHINE,
        origin: || Origin {
            door: Door::Refused,
            plain: PlainDoor::Serves,
            product: Product::LoadBalancer,
            ..sound_origin()
        },
        ..SOUND
    },
    Scenario {
        name: "origin-hangs",
        line: "nothing comes back from the origin's port 443: 522",
        story: "A security group drops the packets. Cloudflare waits 19 s for the connection and the doctor 10 s; here \
                it is one second at most.",
        cause: Some("origin-unreachable"),
        expect: &[("edge-origin-error", "fail"), ("origin-unreachable", "fail")],
        target: MACHINE,
        origin: || with_door(Door::Hangs),
        ..SOUND
    },
    Scenario {
        name: "no-route",
        line: "there is no route to the origin's address: 523",
        story: "The machine's network was taken down; its name still resolves.",
        cause: Some("origin-unreachable"),
        expect: &[("edge-origin-error", "fail"), ("origin-unreachable", "fail")],
        target: MACHINE,
        origin: || with_door(Door::Unroutable),
        ..SOUND
    },
    Scenario {
        name: "bypass-open",
        line: "all is well, except that the origin serves everybody who knows its name",
        story: "Nothing at the gateway asks whether a request came through Cloudflare.",
        expect: &[("origin-bypass-open", "warn")],
        origin: || Origin { demands_secret: false, ..sound_origin() },
        ..SOUND
    },
];
