//! The scenarios of `cfdoctor demo`, each a difference from the sound one.

use std::time::Duration;

use cfdoctor_checks::evidence::target::Expectation;

use super::edge::Zone;
use super::gateway::{Door, Function, Origin, PlainDoor, Product};
use super::pki::OriginCertificate;
use super::upstream::Mode;
use super::world::{Names, Scenario};

/// What `demo` shows without a name: a typical broken site.
pub const TYPICAL: &str = "no-custom-domain";

/// The custom domain's target.
const TARGET: &str = "d-a1b2c3d4e5.execute-api.us-west-2.amazonaws.com";

const CACHEABLE: &[(&str, &str)] = &[("cache-control", "public, max-age=14400, s-maxage=7200"), ("etag", "\"a1\"")];

fn sound_function() -> Function {
    Function { status: 200, headers: CACHEABLE, body: "{\"ok\":true}", takes: Duration::ZERO }
}

fn sound_origin() -> Origin {
    Origin {
        certificate: OriginCertificate::OriginCa,
        mutual_tls: false,
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

/// The sound world: everything else differs from it.
const SOUND: Scenario = Scenario {
    name: "healthy",
    line: "a sound site: strict, Origin CA, cached by a rule",
    story: "Everything is as it should be: the edge answers MISS, then HIT.",
    cause: None,
    expect: &[],
    path: "/endpoint",
    wish: Expectation::Cached,
    names: Names::Proxied,
    target: TARGET,
    target_resolves: true,
    zone: Zone::default,
    origin: sound_origin,
};

/// Every scenario, in the order of `demo --list`.
pub const SCENARIOS: &[Scenario] = &[
    SOUND,
    Scenario {
        name: "healthy-suspicious",
        line: "sound, though it looks broken from outside",
        story: "The origin is closed to everybody but Cloudflare by mutual TLS, `/` answers 403, Cloudflare's own cookie \
                is set, and two data centres answer in turn. All of it is as it should be.",
        path: "/",
        wish: Expectation::Any,
        zone: || Zone {
            origin_pull: true,
            bot_cookie: true,
            colos: &["SEA", "PDX"],
            eligible: false,
            ..Zone::default()
        },
        origin: || Origin { mutual_tls: true, product: Product::Rest, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "no-custom-domain",
        line: "Full (strict), but the custom domain was never created: 403 Forbidden",
        story: "The record points at a custom domain's target in the right region, but no custom domain has this name. \
                The gateway shows its own certificate, whose name fits the record's target, so that strict lets it \
                pass, and answers Forbidden.",
        cause: Some("origin-default-certificate"),
        origin: || with_certificate(OriginCertificate::Service),
        ..SOUND
    },
    Scenario {
        name: "expired",
        line: "the origin's certificate ended last week: 526",
        story: "An Origin CA certificate of one year was imported into ACM and forgotten.",
        cause: Some("origin-certificate-expired"),
        origin: || with_certificate(OriginCertificate::Expired),
        ..SOUND
    },
    Scenario {
        name: "not-yet-valid",
        line: "the origin's certificate begins next week: 526",
        story: "A certificate was prepared for a migration and imported too early.",
        cause: Some("origin-certificate-not-yet-valid"),
        origin: || with_certificate(OriginCertificate::NotYetValid),
        ..SOUND
    },
    Scenario {
        name: "wrong-name",
        line: "the origin's certificate is for another name: 526",
        story: "The custom domain got the certificate of another project.",
        cause: Some("origin-certificate-name-mismatch"),
        origin: || with_certificate(OriginCertificate::WrongName),
        ..SOUND
    },
    Scenario {
        name: "untrusted",
        line: "the origin's certificate is home-made: 526",
        story: "A certificate of a home-made authority was imported into ACM.",
        cause: Some("origin-certificate-untrusted"),
        origin: || with_certificate(OriginCertificate::Untrusted),
        ..SOUND
    },
    Scenario {
        name: "missing-intermediate",
        line: "the origin does not send its intermediate certificate: 526",
        story: "The certificate was imported into ACM without its chain.",
        cause: Some("origin-chain-incomplete"),
        origin: || with_certificate(OriginCertificate::NoIntermediate),
        ..SOUND
    },
    Scenario {
        name: "tls-outdated",
        line: "the origin knows nothing newer than TLS 1.0: 525",
        story: "An old load balancer stands where the gateway should be.",
        cause: Some("origin-tls-outdated"),
        origin: || with_door(Door::Tls10),
        ..SOUND
    },
    Scenario {
        name: "client-certificate",
        line: "the origin demands a client certificate that Cloudflare does not send: 525",
        story: "Mutual TLS was switched on at the custom domain, authenticated origin pulls were not.",
        cause: Some("origin-client-certificate-required"),
        origin: || Origin { mutual_tls: true, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "origin-refused",
        line: "nothing listens on the origin's port 443: 521",
        story: "The record points at a machine that serves plain HTTP only.",
        cause: Some("origin-unreachable"),
        origin: || Origin { door: Door::Refused, plain: PlainDoor::Serves, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "origin-silent",
        line: "the origin takes the connection and never speaks TLS: 525",
        story: "A load balancer without a healthy target takes the connection and waits. Time limits are shortened here.",
        cause: Some("origin-handshake-failing"),
        origin: || with_door(Door::Silent),
        ..SOUND
    },
    Scenario {
        name: "plain-http-on-443",
        line: "the origin speaks plain HTTP on port 443: 525",
        story: "A listener on port 443 was made without TLS.",
        cause: Some("origin-handshake-failing"),
        origin: || with_door(Door::PlainHttp),
        ..SOUND
    },
    Scenario {
        name: "dangling-target",
        line: "the record's target no longer exists: 530 with error 1016",
        story: "The custom domain was deleted and made anew; the record still names the old target.",
        cause: Some("dns-target-unresolvable"),
        target_resolves: false,
        ..SOUND
    },
    Scenario {
        name: "default-endpoint",
        line: "the record points at the API's default endpoint: 403 Forbidden",
        story: "The CNAME was made for the invoke URL instead of the custom domain's target.",
        cause: Some("dns-target-default-endpoint"),
        target: "a1b2c3d4e5.execute-api.us-west-2.amazonaws.com",
        origin: || with_certificate(OriginCertificate::Service),
        ..SOUND
    },
    Scenario {
        name: "foreign-host",
        line: "the record points at a Lambda function URL, which knows only its own name",
        story: "The CNAME was made for the function URL; it refuses every other Host.",
        cause: Some("dns-target-foreign-host"),
        target: "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-west-2.on.aws",
        zone: || Zone { mode: Mode::Full, ..Zone::default() },
        origin: || Origin { product: Product::FunctionUrl, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "redirect-loop",
        line: "SSL mode Flexible, and the origin insists on HTTPS: a loop",
        story: "The zone is Flexible for an old website; the new origin redirects plain HTTP to HTTPS.",
        cause: Some("edge-redirect-loop"),
        zone: || Zone { mode: Mode::Flexible, ..Zone::default() },
        origin: || Origin { plain: PlainDoor::Redirects, ..sound_origin() },
        ..SOUND
    },
    Scenario {
        name: "name-missing",
        line: "the name does not exist",
        story: "The record was deleted.",
        cause: Some("dns-name-unresolvable"),
        names: Names::NxDomain,
        ..SOUND
    },
    Scenario {
        name: "name-without-address",
        line: "the name exists, without an address",
        story: "Only a TXT record is left under the name.",
        cause: Some("dns-name-unresolvable"),
        names: Names::NoData,
        ..SOUND
    },
    Scenario {
        name: "name-server-fails",
        line: "the zone's name servers fail",
        story: "The name servers answer SERVFAIL.",
        cause: Some("dns-name-unresolvable"),
        names: Names::ServFail,
        ..SOUND
    },
    Scenario {
        name: "dnssec-broken",
        line: "DNSSEC does not validate: resolvers refuse the name",
        story: "The zone moved to Cloudflare, the DS record of the old provider stayed at the registrar.",
        cause: Some("dns-dnssec-broken"),
        names: Names::BrokenDnssec,
        ..SOUND
    },
    Scenario {
        name: "cname-loop",
        line: "two CNAMEs point at each other",
        story: "`lambda` is an alias of `api`, and `api` of `lambda`.",
        cause: Some("dns-cname-loop"),
        names: Names::Loop,
        ..SOUND
    },
    Scenario {
        name: "stale-negative",
        line: "the name servers know the name, the resolver does not yet",
        story: "The name was looked up before the record was made, and the resolver remembers that there was none.",
        cause: Some("dns-resolvers-disagree"),
        names: Names::StaleNegative,
        ..SOUND
    },
    Scenario {
        name: "not-proxied",
        line: "the record is DNS-only: visitors meet the origin and its Origin CA certificate",
        story: "Somebody turned the cloud grey to look for a fault, and left it so.",
        cause: Some("dns-not-proxied"),
        names: Names::DnsOnly,
        ..SOUND
    },
    Scenario {
        name: "not-eligible",
        line: "a perfect Cache-Control, and DYNAMIC for ever",
        story: "The API sends s-maxage, but no rule makes the path eligible: Cloudflare decides by extension.",
        cause: Some("cache-not-eligible"),
        zone: || Zone { eligible: false, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "no-store",
        line: "eligible by a rule, but the API sends no-store: BYPASS",
        story: "The framework's default forbids storing.",
        cause: Some("cache-control-forbids"),
        origin: || with_headers(&[("cache-control", "no-store")]),
        ..SOUND
    },
    Scenario {
        name: "set-cookie",
        line: "eligible by a rule, but a session cookie comes along: BYPASS",
        story: "The framework starts a session for every visitor.",
        cause: Some("cache-set-cookie"),
        origin: || {
            with_headers(&[("cache-control", "public, max-age=600"), ("set-cookie", "session=demo; Path=/; HttpOnly")])
        },
        ..SOUND
    },
    Scenario {
        name: "route-missing",
        line: "no route matches the path: 404 Not Found by the gateway",
        story: "The function is reachable under /endpoint; somebody published /endpiont.",
        cause: Some("edge-gateway-rejects"),
        path: "/endpiont",
        ..SOUND
    },
    Scenario {
        name: "hidden-timeout",
        line: "the function is too slow: a branded 504 hides the gateway's own words",
        story: "A REST API gives up on its function (after 29 s in reality, sooner here) and answers 504, and \
                Cloudflare puts its own page in place of the answer.",
        cause: Some("edge-integration-failing"),
        origin: || Origin {
            product: Product::Rest,
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
        wish: Expectation::Any,
        zone: || Zone { challenge: true, ..Zone::default() },
        ..SOUND
    },
];

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
