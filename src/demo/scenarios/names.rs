//! Faults of names: records, name servers, targets.

use cfdoctor_checks::evidence::target::Expectation;

use super::{SEEN, SOUND, sound_origin, with_certificate};
use crate::demo::{Door, Known, Mode, Names, Origin, OriginCertificate, PlainDoor, Product, Scenario, Zone};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "name-missing",
        line: "the name does not exist",
        story: "The record was deleted.",
        cause: Some("dns-name-unresolvable"),
        expect: &[("dns-name-unresolvable", "fail")],
        names: Names::NxDomain,
        ..SEEN
    },
    Scenario {
        name: "name-without-address",
        line: "the name exists, without an address",
        story: "Only a TXT record is left under the name.",
        cause: Some("dns-name-unresolvable"),
        expect: &[("dns-name-unresolvable", "fail")],
        names: Names::NoData,
        ..SEEN
    },
    Scenario {
        name: "name-server-fails",
        line: "the zone's name servers fail",
        story: "The name servers answer SERVFAIL.",
        cause: Some("dns-name-unresolvable"),
        expect: &[("dns-name-unresolvable", "fail")],
        names: Names::ServFail,
        ..SEEN
    },
    Scenario {
        name: "dnssec-broken",
        line: "DNSSEC does not validate: resolvers refuse the name",
        story: "The zone moved to Cloudflare, the DS record of the old provider stayed at the registrar.",
        cause: Some("dns-dnssec-broken"),
        expect: &[("dns-dnssec-broken", "fail")],
        names: Names::BrokenDnssec,
        ..SEEN
    },
    Scenario {
        name: "cname-loop",
        line: "two CNAMEs point at each other",
        story: "`lambda` is an alias of `api`, and `api` of `lambda`.",
        cause: Some("dns-cname-loop"),
        expect: &[("dns-cname-loop", "fail")],
        names: Names::Loop,
        ..SEEN
    },
    Scenario {
        name: "stale-negative",
        line: "the name servers know the name, the resolver does not yet",
        story: "The name was looked up before the record was made, and the resolver remembers that there was none.",
        cause: Some("dns-resolvers-disagree"),
        expect: &[("dns-resolvers-disagree", "fail")],
        names: Names::StaleNegative,
        ..SEEN
    },
    Scenario {
        name: "not-proxied",
        line: "the record is DNS-only: visitors meet the origin and its Origin CA certificate",
        story: "Somebody turned the cloud grey to look for a fault, and left it so.",
        cause: Some("dns-not-proxied"),
        expect: &[("dns-not-proxied", "fail"), ("origin-bypass-open", "warn"), ("origin-ca-exposed", "fail")],
        names: Names::DnsOnly,
        origin: || Origin { demands_secret: false, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "dangling-target",
        line: "the record's target no longer exists: 530 with error 1016",
        story: "The custom domain was deleted and made anew; the record still names the old target.",
        cause: Some("dns-target-unresolvable"),
        expect: &[("dns-target-unresolvable", "fail"), ("edge-origin-error", "fail")],
        target_resolves: false,
        ..SOUND
    },
    Scenario {
        name: "default-endpoint",
        line: "the record points at the API's default endpoint: 403 Forbidden",
        story: "The CNAME was made for the invoke URL instead of the custom domain's target.",
        cause: Some("dns-target-default-endpoint"),
        expect: &[
            ("dns-target-default-endpoint", "fail"),
            ("edge-gateway-rejects", "warn"),
            ("origin-default-certificate", "fail"),
        ],
        known: Some(Known {
            cause: Some("dns-target-default-endpoint"),
            expect: &[
                ("aws-custom-domain-missing", "fail"),
                ("dns-target-default-endpoint", "fail"),
                ("edge-gateway-rejects", "warn"),
                ("origin-default-certificate", "fail"),
            ],
        }),
        target: "a1b2c3d4e5.execute-api.us-west-2.amazonaws.com",
        origin: || with_certificate(OriginCertificate::Service),
        ..SOUND
    },
    Scenario {
        name: "foreign-host",
        line: "the record points at a Lambda function URL, which knows only its own name",
        story: "The CNAME was made for the function URL; it refuses every other Host.",
        cause: Some("dns-target-foreign-host"),
        expect: &[("dns-target-foreign-host", "fail"), ("edge-host-rejected", "fail")],
        target: "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-west-2.on.aws",
        origin: || Origin { product: Product::FunctionUrl, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "foreign-bucket",
        line: "the record points at an S3 website whose bucket has another name: 404 NoSuchBucket",
        story: "S3 finds the bucket by the Host, and the bucket is not called like the site. The zone is Flexible, as \
                S3 websites need it.",
        cause: Some("dns-target-foreign-host"),
        expect: &[("dns-target-foreign-host", "fail"), ("edge-host-rejected", "fail")],
        target: "demo-site.s3-website-us-west-2.amazonaws.com",
        wish: Expectation::Any,
        zone: || Zone { mode: Mode::Flexible, ..Zone::default() },
        origin: || Origin {
            product: Product::S3Website { bucket: "demo-site" },
            door: Door::Refused,
            plain: PlainDoor::Serves,
            ..sound_origin()
        },
        ..SOUND
    },
    Scenario {
        name: "wrong-region",
        line: "the record leads to another region than the API's: 403 Forbidden",
        story: "The API lives in us-west-2; the record was copied from a project in eu-central-1, where nobody knows \
                this name.",
        cause: Some("dns-region-mismatch"),
        expect: &[
            ("dns-region-mismatch", "fail"),
            ("edge-gateway-rejects", "warn"),
            ("origin-default-certificate", "fail"),
        ],
        known: Some(Known {
            cause: Some("dns-region-mismatch"),
            expect: &[
                ("aws-target-mismatch", "fail"),
                ("dns-region-mismatch", "fail"),
                ("edge-gateway-rejects", "warn"),
                ("origin-default-certificate", "fail"),
            ],
        }),
        region: Some("us-west-2"),
        target: "d-f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com",
        origin: || with_certificate(OriginCertificate::Service),
        ..SOUND
    },
    Scenario {
        name: "caa-forbids",
        line: "CAA shuts out the authority of the gateway's certificate",
        story: "Somebody allowed the edge's authority by CAA and forgot Amazon: the next renewal will be refused.",
        cause: Some("dns-caa-forbids-issuer"),
        expect: &[("dns-caa-forbids-issuer", "warn")],
        known: Some(Known {
            cause: Some("dns-caa-forbids-issuer"),
            expect: &[("aws-certificate-renewal-blocked", "warn"), ("dns-caa-forbids-issuer", "warn")],
        }),
        records: "@ 300 IN CAA 0 issue \"pki.goog\"\n@ 300 IN CAA 0 issuewild \"pki.goog\"\n",
        origin: || with_certificate(OriginCertificate::Public),
        ..SOUND
    },
];
