//! Faults that visitors meet at the edge.

use std::time::Duration;

use cfdoctor_checks::evidence::target::Expectation;

use super::{BALANCER, SEEN, SOUND, sound_function, sound_origin};
use crate::demo::{Function, Known, Mode, Origin, PlainDoor, Product, Scenario, Zone};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "flexible",
        line: "SSL mode Flexible, but API Gateway has no port 80: 521",
        story: "The zone is Flexible for an old website. The gateway listens on 443 only and would be fine with strict.",
        cause: Some("cloudflare-ssl-mode-weak"),
        expect: &[("cloudflare-ssl-mode-weak", "fail"), ("edge-origin-error", "fail"), ("origin-unreachable", "fail")],
        zone: || Zone { mode: Mode::Flexible, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "redirect-loop",
        line: "SSL mode Flexible, and the origin insists on HTTPS: a loop",
        story: "The zone is Flexible for an old website; the load balancer redirects plain HTTP to HTTPS.",
        cause: Some("edge-redirect-loop"),
        expect: &[("cache-not-eligible", "warn"), ("edge-redirect-loop", "fail")],
        known: Some(Known {
            cause: Some("cloudflare-ssl-mode-weak"),
            expect: &[
                ("cache-not-eligible", "warn"),
                ("cloudflare-ssl-mode-weak", "warn"),
                ("edge-redirect-loop", "fail"),
            ],
        }),
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
        known: Some(Known {
            cause: None,
            expect: &[("cloudflare-minimum-tls-weak", "warn"), ("edge-legacy-tls", "warn")],
        }),
        zone: || Zone { legacy_tls: true, ..Zone::default() },
        ..SOUND
    },
    Scenario {
        name: "deep-name",
        line: "two labels below the zone: no certificate covers the name",
        story: "Universal SSL covers example.com and one label below it; v1.lambda.example.com is one label deeper.",
        cause: Some("edge-certificate-not-covering"),
        expect: &[("edge-certificate-not-covering", "fail")],
        host: "v1.lambda.example.com",
        ..SEEN
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
        name: "challenged",
        line: "a challenge page stands before the API",
        story: "Under Attack mode is on: browsers pass, API clients do not.",
        cause: Some("edge-challenged"),
        expect: &[("edge-challenged", "warn")],
        wish: Expectation::Any,
        zone: || Zone { challenge: true, ..Zone::default() },
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
        expect: &[("edge-integration-failing", "fail")],
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
        expect: &[("edge-integration-failing", "fail")],
        wish: Expectation::Any,
        origin: || Origin {
            product: Product::Rest,
            demands_secret: false,
            function: Function { takes: Duration::from_secs(60), ..sound_function() },
            ..sound_origin()
        },
        ..SOUND
    },
];
