//! The scenarios of `cfdoctor demo`, each a difference from the sound one.

use std::time::Duration;

use cfdoctor_checks::evidence::target::Expectation;

use super::HOST;
use super::edge::Zone;
use super::gateway::{Function, Product};
use super::origin::{Door, Origin, PlainDoor};
use super::pki::OriginCertificate;
use super::store::{CacheAction, CacheRule, EdgeTtl};
use super::upstream::Mode;
use super::world::{Names, Scenario};

/// What `demo` shows without a name: a typical broken site.
pub const TYPICAL: &str = "no-custom-domain";

/// The custom domain's target.
const TARGET: &str = "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com";
/// A machine that is no API Gateway.
const MACHINE: &str = "ec2-203-0-113-80.us-west-2.compute.amazonaws.com";
/// A load balancer.
const BALANCER: &str = "shop-1234567890.us-west-2.elb.amazonaws.com";

const CACHEABLE: &[(&str, &str)] = &[("cache-control", "public, max-age=14400, s-maxage=7200"), ("etag", "\"a1\"")];

fn sound_function() -> Function {
    Function { status: 200, headers: CACHEABLE, body: "{\"ok\":true}", takes: Duration::ZERO, crashes: false }
}

fn sound_origin() -> Origin {
    Origin {
        certificate: OriginCertificate::OriginCa,
        mutual_tls: false,
        demands_secret: true,
        door: Door::Tls,
        plain: PlainDoor::Refused,
        product: Product::Http,
        mapped: true,
        function: sound_function(),
    }
}

fn with_certificate(certificate: OriginCertificate) -> Origin {
    Origin { certificate, ..sound_origin() }
}

fn with_door(door: Door) -> Origin {
    Origin { door, ..sound_origin() }
}

fn with_headers(headers: &'static [(&'static str, &'static str)]) -> Origin {
    Origin { function: Function { headers, ..sound_function() }, ..sound_origin() }
}

const fn rule(methods: &'static [&'static str], action: CacheAction) -> Option<CacheRule> {
    Some(CacheRule { methods, action })
}

/// The sound world: everything else differs from it.
const SOUND: Scenario = Scenario {
    name: "healthy",
    line: "a sound site: strict, Origin CA, closed to others, cached by a rule",
    story: "Everything is as it should be: only Cloudflare gets in at the origin, and the edge answers MISS, then HIT.",
    cause: None,
    expect: &[],
    host: HOST,
    path: "/endpoint",
    wish: Expectation::Cached,
    region: None,
    names: Names::Proxied,
    records: "",
    target: TARGET,
    target_resolves: true,
    has_client_certificate: false,
    zone: Zone::default,
    origin: sound_origin,
};

/// Every scenario, in the order of `demo --list`.
pub const SCENARIOS: &[Scenario] = &[
    SOUND,
    Scenario {
        name: "healthy-suspicious",
        line: "sound, though it looks broken from outside",
        story: "The origin is closed to everybody but Cloudflare by mutual TLS and shows an Origin CA certificate, `/` \
                answers 403, HEAD reads DYNAMIC, Cloudflare's own cookie is set, and two data centres answer. All of it \
                is as it should be.",
        path: "/",
        wish: Expectation::Any,
        zone: || Zone {
            origin_pull: true,
            bot_cookie: true,
            colos: &["SEA", "PDX"],
            rule: rule(&["GET"], CacheAction::Eligible(EdgeTtl::RespectOrigin)),
            ..Zone::default()
        },
        origin: || Origin { mutual_tls: true, demands_secret: false, product: Product::Rest, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "healthy-client-certificate",
        line: "sound, and the doctor has the client certificate that the origin demands",
        story: "Mutual TLS closes the origin; with --cert and --key the doctor sees it as Cloudflare does.",
        has_client_certificate: true,
        zone: || Zone { origin_pull: true, ..Zone::default() },
        origin: || Origin { mutual_tls: true, demands_secret: false, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "no-custom-domain",
        line: "Full (strict), but the custom domain was never created: 403 Forbidden",
        story: "The record points at a custom domain's target in the right region, but no custom domain has this name. \
                The gateway shows its own certificate, whose name fits the record's target, so that strict lets it \
                pass, and answers Forbidden.",
        cause: Some("origin-default-certificate"),
        expect: &[
            ("cache-status-uncacheable", "fail"),
            ("edge-gateway-rejects", "warn"),
            ("origin-default-certificate", "fail"),
        ],
        origin: || with_certificate(OriginCertificate::Service),
        ..SOUND
    },
    Scenario {
        name: "wrong-region",
        line: "the record leads to another region than the API's: 403 Forbidden",
        story: "The API lives in us-west-2; the record was copied from a project in eu-central-1, where nobody knows \
                this name.",
        cause: Some("dns-region-mismatch"),
        expect: &[
            ("cache-status-uncacheable", "fail"),
            ("dns-region-mismatch", "fail"),
            ("edge-gateway-rejects", "warn"),
            ("origin-default-certificate", "fail"),
        ],
        region: Some("us-west-2"),
        target: "d-f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com",
        origin: || with_certificate(OriginCertificate::Service),
        ..SOUND
    },
    Scenario {
        name: "default-endpoint",
        line: "the record points at the API's default endpoint: 403 Forbidden",
        story: "The CNAME was made for the invoke URL instead of the custom domain's target.",
        cause: Some("dns-target-default-endpoint"),
        expect: &[
            ("cache-status-uncacheable", "fail"),
            ("dns-target-default-endpoint", "fail"),
            ("edge-gateway-rejects", "warn"),
            ("origin-default-certificate", "fail"),
        ],
        target: "a1b2c3d4e5.execute-api.us-west-2.amazonaws.com",
        origin: || with_certificate(OriginCertificate::Service),
        ..SOUND
    },
    Scenario {
        name: "foreign-host",
        line: "the record points at a Lambda function URL, which knows only its own name",
        story: "The CNAME was made for the function URL; it refuses every other Host.",
        cause: Some("dns-target-foreign-host"),
        expect: &[
            ("cache-status-uncacheable", "fail"),
            ("dns-target-foreign-host", "fail"),
            ("edge-host-rejected", "fail"),
        ],
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
        name: "expired",
        line: "the origin's certificate ended last week: 526",
        story: "An Origin CA certificate of one year was imported into ACM and forgotten.",
        cause: Some("origin-certificate-expired"),
        expect: &[("edge-origin-error", "fail"), ("origin-certificate-expired", "fail")],
        origin: || with_certificate(OriginCertificate::Expired),
        ..SOUND
    },
    Scenario {
        name: "expiring",
        line: "the origin's certificate ends in ten days, and nothing has renewed it",
        story: "ACM renews two months before the end, if it can. The validation record is gone, so it cannot.",
        cause: Some("origin-certificate-expiring"),
        expect: &[("origin-certificate-expiring", "warn")],
        origin: || with_certificate(OriginCertificate::Expiring),
        ..SOUND
    },
    Scenario {
        name: "not-yet-valid",
        line: "the origin's certificate begins next week: 526",
        story: "A certificate was prepared for a migration and imported too early.",
        cause: Some("origin-certificate-not-yet-valid"),
        expect: &[("edge-origin-error", "fail"), ("origin-certificate-not-yet-valid", "fail")],
        origin: || with_certificate(OriginCertificate::NotYetValid),
        ..SOUND
    },
    Scenario {
        name: "wrong-name",
        line: "the origin's certificate is for another name: 526",
        story: "The custom domain got the certificate of another project.",
        cause: Some("origin-certificate-name-mismatch"),
        expect: &[("edge-origin-error", "fail"), ("origin-certificate-name-mismatch", "fail")],
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
        name: "dangling-target",
        line: "the record's target no longer exists: 530 with error 1016",
        story: "The custom domain was deleted and made anew; the record still names the old target.",
        cause: Some("dns-target-unresolvable"),
        expect: &[("dns-target-unresolvable", "fail"), ("edge-origin-error", "fail")],
        target_resolves: false,
        ..SOUND
    },
    Scenario {
        name: "flexible",
        line: "SSL mode Flexible, but API Gateway has no port 80: 521",
        story: "The zone is Flexible for an old website. The gateway listens on 443 only and would be fine with strict.",
        cause: Some("origin-unreachable"),
        expect: &[("edge-origin-error", "fail"), ("origin-unreachable", "fail")],
        zone: || Zone { mode: Mode::Flexible, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "redirect-loop",
        line: "SSL mode Flexible, and the origin insists on HTTPS: a loop",
        story: "The zone is Flexible for an old website; the load balancer redirects plain HTTP to HTTPS.",
        cause: Some("edge-redirect-loop"),
        expect: &[("cache-not-eligible", "warn"), ("edge-redirect-loop", "fail")],
        target: BALANCER,
        wish: Expectation::Any,
        zone: || Zone { mode: Mode::Flexible, rule: None, ..Zone::default() },
        origin: || Origin { plain: PlainDoor::Redirects, product: Product::LoadBalancer, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "http-not-redirected",
        line: "https:// is fine, http:// answers 521",
        story: "Full (strict) follows the visitor's scheme to the origin, and the gateway has no port 80. Always Use \
                HTTPS was never switched on.",
        cause: Some("edge-http-not-redirected"),
        expect: &[("edge-http-not-redirected", "warn")],
        zone: || Zone { always_use_https: false, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "legacy-tls",
        line: "the edge still takes TLS 1.0 and 1.1",
        story: "The zone's minimum was never raised from its default.",
        cause: None,
        expect: &[("edge-legacy-tls", "warn")],
        zone: || Zone { legacy_tls: true, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "deep-name",
        line: "two labels below the zone: no certificate covers the name",
        story: "Universal SSL covers example.com and one label below it; v1.lambda.example.com is one label deeper.",
        cause: Some("edge-certificate-not-covering"),
        expect: &[("edge-certificate-not-covering", "fail"), ("edge-gateway-rejects", "warn")],
        host: "v1.lambda.example.com",
        ..SOUND
    },
    Scenario {
        name: "edge-expiring",
        line: "the edge's certificate ends in five days",
        story: "An uploaded certificate, which Cloudflare does not renew.",
        cause: Some("edge-certificate-expiring"),
        expect: &[("edge-certificate-expiring", "warn")],
        zone: || Zone { certificate_days: 5, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "caa-forbids",
        line: "CAA shuts out the authority of the gateway's certificate",
        story: "Somebody allowed the edge's authority by CAA and forgot Amazon: the next renewal will be refused.",
        cause: Some("dns-caa-forbids-issuer"),
        expect: &[("dns-caa-forbids-issuer", "warn")],
        records: "@ 300 IN CAA 0 issue \"pki.goog\"\n@ 300 IN CAA 0 issuewild \"pki.goog\"\n",
        origin: || with_certificate(OriginCertificate::Public),
        ..SOUND
    },
    Scenario {
        name: "name-missing",
        line: "the name does not exist",
        story: "The record was deleted.",
        cause: Some("dns-name-unresolvable"),
        expect: &[("dns-name-unresolvable", "fail"), ("edge-gateway-rejects", "warn")],
        names: Names::NxDomain,
        ..SOUND
    },
    Scenario {
        name: "name-without-address",
        line: "the name exists, without an address",
        story: "Only a TXT record is left under the name.",
        cause: Some("dns-name-unresolvable"),
        expect: &[("dns-name-unresolvable", "fail"), ("edge-gateway-rejects", "warn")],
        names: Names::NoData,
        ..SOUND
    },
    Scenario {
        name: "name-server-fails",
        line: "the zone's name servers fail",
        story: "The name servers answer SERVFAIL.",
        cause: Some("dns-name-unresolvable"),
        expect: &[("dns-name-unresolvable", "fail"), ("edge-gateway-rejects", "warn")],
        names: Names::ServFail,
        ..SOUND
    },
    Scenario {
        name: "dnssec-broken",
        line: "DNSSEC does not validate: resolvers refuse the name",
        story: "The zone moved to Cloudflare, the DS record of the old provider stayed at the registrar.",
        cause: Some("dns-dnssec-broken"),
        expect: &[("dns-dnssec-broken", "fail"), ("edge-gateway-rejects", "warn")],
        names: Names::BrokenDnssec,
        ..SOUND
    },
    Scenario {
        name: "cname-loop",
        line: "two CNAMEs point at each other",
        story: "`lambda` is an alias of `api`, and `api` of `lambda`.",
        cause: Some("dns-cname-loop"),
        expect: &[("dns-cname-loop", "fail"), ("edge-gateway-rejects", "warn")],
        names: Names::Loop,
        ..SOUND
    },
    Scenario {
        name: "stale-negative",
        line: "the name servers know the name, the resolver does not yet",
        story: "The name was looked up before the record was made, and the resolver remembers that there was none.",
        cause: Some("dns-resolvers-disagree"),
        expect: &[("dns-resolvers-disagree", "fail"), ("edge-gateway-rejects", "warn")],
        names: Names::StaleNegative,
        ..SOUND
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
        name: "not-eligible",
        line: "a perfect Cache-Control, and DYNAMIC for ever",
        story: "The API sends s-maxage, but no rule makes the path eligible: Cloudflare decides by extension.",
        cause: Some("cache-not-eligible"),
        expect: &[("cache-not-eligible", "fail")],
        zone: || Zone { rule: None, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "no-store",
        line: "eligible by a rule, but the API sends no-store: BYPASS",
        story: "The framework's default forbids storing.",
        cause: Some("cache-control-forbids"),
        expect: &[("cache-control-forbids", "fail")],
        origin: || with_headers(&[("cache-control", "no-store")]),
        ..SOUND
    },
    Scenario {
        name: "no-cache-control",
        line: "eligible by a rule that leaves it to the origin, and the origin says nothing: BYPASS",
        story: "The rule's edge TTL is \"use cache-control header if present, bypass cache if not\", and the function \
                sends none.",
        cause: Some("cache-control-missing"),
        expect: &[("cache-control-missing", "warn")],
        zone: || Zone { rule: rule(&[], CacheAction::Eligible(EdgeTtl::BypassByDefault)), ..Zone::default() },
        origin: || with_headers(&[]),
        ..SOUND
    },
    Scenario {
        name: "set-cookie",
        line: "eligible by a rule, but a session cookie comes along: BYPASS",
        story: "The framework starts a session for every visitor.",
        cause: Some("cache-set-cookie"),
        expect: &[("cache-set-cookie", "fail")],
        origin: || {
            with_headers(&[("cache-control", "public, max-age=600"), ("set-cookie", "session=demo; Path=/; HttpOnly")])
        },
        ..SOUND
    },
    Scenario {
        name: "revalidates",
        line: "stored, but never fresh: MISS, then EXPIRED for ever",
        story: "The framework sends no-cache: Cloudflare keeps the answer and asks again each time.",
        cause: Some("cache-control-revalidates"),
        expect: &[("cache-control-revalidates", "fail")],
        origin: || with_headers(&[("cache-control", "public, no-cache"), ("etag", "\"a1\"")]),
        ..SOUND
    },
    Scenario {
        name: "browser-ttl",
        line: "browsers keep the answer four hours, the origin said five minutes",
        story: "Browser Cache TTL stands at its default of four hours and raises what the origin says.",
        expect: &[("cache-browser-ttl-rewritten", "warn")],
        has_client_certificate: true,
        zone: || Zone { browser_ttl: 14_400, origin_pull: true, ..Zone::default() },
        origin: || Origin { mutual_tls: true, demands_secret: false, ..sound_origin() },
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
    Scenario {
        name: "route-missing",
        line: "no route matches the path: 404 Not Found by the gateway",
        story: "The function is reachable under /endpoint; somebody published /endpiont.",
        cause: Some("edge-gateway-rejects"),
        expect: &[("edge-gateway-rejects", "fail")],
        path: "/endpiont",
        ..SOUND
    },
    Scenario {
        name: "function-crashes",
        line: "the function crashes: a branded 502 hides the gateway's own words",
        story: "The function of a REST API throws; the gateway answers 502, and Cloudflare puts its own page in place of \
                the answer.",
        cause: Some("edge-integration-failing"),
        expect: &[
            ("cache-status-uncacheable", "warn"),
            ("edge-differs-from-origin", "warn"),
            ("edge-integration-failing", "warn"),
        ],
        wish: Expectation::Any,
        origin: || Origin {
            product: Product::Rest,
            demands_secret: false,
            function: Function { crashes: true, ..sound_function() },
            ..sound_origin()
        },
        ..SOUND
    },
    Scenario {
        name: "hidden-timeout",
        line: "the function is too slow: a branded 504 hides the gateway's own words",
        story: "A REST API gives up on its function (after 29 s in reality, sooner here) and answers 504, and \
                Cloudflare puts its own page in place of the answer.",
        cause: Some("edge-integration-failing"),
        expect: &[
            ("cache-status-uncacheable", "warn"),
            ("edge-differs-from-origin", "warn"),
            ("edge-integration-failing", "warn"),
        ],
        wish: Expectation::Any,
        origin: || Origin {
            product: Product::Rest,
            demands_secret: false,
            function: Function { takes: Duration::from_secs(60), ..sound_function() },
            ..sound_origin()
        },
        ..SOUND
    },
    Scenario {
        name: "challenged",
        line: "a challenge page stands before the API",
        story: "Under Attack mode is on: browsers pass, API clients do not.",
        cause: Some("edge-challenged"),
        expect: &[("edge-challenged", "warn")],
        wish: Expectation::Any,
        zone: || Zone { challenge: true, ..Zone::default() },
        ..SOUND
    },
];

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
