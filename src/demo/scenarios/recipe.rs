//! The recipe that people follow, in a mixed zone: Flexible for an S3 website, strict for the API's host by a rule of its
//! own. Then each step of it broken alone, and the five classic mistakes with the rule.

use serde_json::{Value, json};

use super::{SOUND, rule, sound_origin, with_certificate, with_headers};
use crate::demo::{CacheAction, EdgeTtl, Known, Mode, Names, Origin, OriginCertificate, Scenario, Zone};

/// The sound recipe: everything else here differs from it in one step.
const RECIPE: Scenario = Scenario {
    name: "mixed-zone",
    line: "sound: the zone is Flexible for an S3 website, and a rule makes the API's host strict",
    story: "Certificate, custom domain, mapping, proxied record, strict for this host, cache rule and Cache-Control: the \
            whole recipe, beside a website that has no HTTPS.",
    told: |zone| {
        beside_a_website(zone);
        zone["rulesets"]["http_config_settings"] = strict("(http.host wildcard \"*lambda.example.com\")");
    },
    ..SOUND
};

pub(super) const SCENARIOS: &[Scenario] = &[
    RECIPE,
    Scenario {
        name: "recipe-certificate",
        line: "the recipe, but the Origin CA certificate in ACM has ended: 526",
        story: "It was made for a year, and nobody renews an imported certificate.",
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
        ..RECIPE
    },
    Scenario {
        name: "recipe-domain",
        line: "the recipe, but nobody made the custom domain: 403 Forbidden",
        story: "The certificate is in ACM, the record leads to the right region, and the gateway does not know the name.",
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
        ..RECIPE
    },
    Scenario {
        name: "recipe-mapping",
        line: "the recipe, but the custom domain has no API mapping",
        story: "Certificate and custom domain are there; the mapping from the domain to the API was forgotten.",
        cause: Some("edge-gateway-rejects"),
        expect: &[("edge-gateway-rejects", "fail")],
        known: Some(Known {
            cause: Some("aws-mapping-missing"),
            expect: &[("aws-mapping-missing", "fail"), ("edge-gateway-rejects", "fail")],
        }),
        origin: || Origin { mapped: false, ..sound_origin() },
        ..RECIPE
    },
    Scenario {
        name: "recipe-record",
        line: "the recipe, but the record is DNS-only: visitors meet the Origin CA certificate",
        story: "The cloud was left grey.",
        cause: Some("dns-not-proxied"),
        expect: &[("dns-not-proxied", "fail"), ("origin-bypass-open", "warn"), ("origin-ca-exposed", "fail")],
        names: Names::DnsOnly,
        origin: || Origin { demands_secret: false, ..sound_origin() },
        ..RECIPE
    },
    Scenario {
        name: "recipe-rule",
        line: "the recipe, but the zone is Flexible for the API too: 521",
        story: "The rule that makes this host strict was never made.",
        cause: Some("cloudflare-ssl-mode-weak"),
        expect: FLEXIBLE,
        zone: flexible,
        told: beside_a_website,
        ..RECIPE
    },
    Scenario {
        name: "recipe-cache-rule",
        line: "the recipe, but no rule makes JSON eligible: DYNAMIC",
        story: "The API sends a perfect Cache-Control, and the path has no extension.",
        cause: Some("cache-not-eligible"),
        expect: &[("cache-not-eligible", "fail")],
        zone: || Zone { rule: None, ..Zone::default() },
        ..RECIPE
    },
    Scenario {
        name: "recipe-cache-control",
        line: "the recipe, but the API sends no Cache-Control and the rule leaves it to the API",
        story: "The cache rule's edge TTL is \"use cache-control header if present, bypass cache if not\".",
        cause: Some("cache-control-missing"),
        expect: &[("cache-control-missing", "fail")],
        zone: || Zone { rule: rule(&[], CacheAction::Eligible(EdgeTtl::BypassByDefault)), ..Zone::default() },
        origin: || with_headers(&[]),
        ..RECIPE
    },
    Scenario {
        name: "page-rule-pattern",
        line: "the Page Rule that should make the API strict has a pattern that does not match it",
        story: "The pattern has no asterisk at its end, so that it matches the bare host only.",
        cause: Some("cloudflare-ssl-mode-weak"),
        expect: FLEXIBLE,
        known: Some(Known {
            cause: Some("cloudflare-ssl-mode-weak"),
            expect: &[
                ("cloudflare-rule-never-matches", "warn"),
                ("cloudflare-ssl-mode-weak", "fail"),
                ("edge-origin-error", "fail"),
                ("origin-unreachable", "fail"),
            ],
        }),
        zone: flexible,
        told: |zone| {
            beside_a_website(zone);
            zone["page_rules"] = json!([page_rule(1, "lambda.example.com/", "strict")]);
        },
        ..RECIPE
    },
    Scenario {
        name: "page-rule-shadowed",
        line: "mixed zone: a broader Page Rule comes before the one that makes the API strict: 521",
        story: "The zone is Flexible for S3 websites. One Page Rule keeps everything Flexible, another makes the API \
                strict; the first has the higher priority, and of Page Rules only one applies.",
        cause: Some("cloudflare-ssl-mode-weak"),
        expect: FLEXIBLE,
        known: Some(Known {
            cause: Some("cloudflare-ssl-mode-weak"),
            expect: &[
                ("cloudflare-page-rule-superseded", "warn"),
                ("cloudflare-rule-shadowed", "warn"),
                ("cloudflare-ssl-mode-weak", "fail"),
                ("edge-origin-error", "fail"),
                ("origin-unreachable", "fail"),
            ],
        }),
        zone: flexible,
        told: |zone| {
            beside_a_website(zone);
            let rules = [page_rule(2, "*example.com/*", "flexible"), page_rule(1, "lambda.example.com/*", "strict")];
            zone["page_rules"] = json!(rules);
        },
        ..RECIPE
    },
    Scenario {
        name: "page-rule-full",
        line: "the Page Rule for the API says Full instead of Full (strict): it works, unverified",
        story: "Full takes any certificate, so that whoever stands between edge and origin can read along.",
        cause: None,
        expect: &[],
        known: Some(Known {
            cause: Some("cloudflare-ssl-mode-weak"),
            expect: &[("cloudflare-page-rule-superseded", "warn"), ("cloudflare-ssl-mode-weak", "warn")],
        }),
        zone: || Zone { mode: Mode::Full, ..Zone::default() },
        told: |zone| {
            beside_a_website(zone);
            zone["page_rules"] = json!([page_rule(1, "lambda.example.com/*", "full")]);
        },
        ..RECIPE
    },
    Scenario {
        name: "page-rule-deep",
        line: "the Page Rule is right, but the host is two labels deep: no certificate at the edge",
        story: "Universal SSL covers example.com and one label below it; v1.lambda.example.com is one deeper.",
        cause: Some("edge-certificate-not-covering"),
        expect: &[("edge-certificate-not-covering", "fail")],
        known: Some(Known {
            cause: Some("edge-certificate-not-covering"),
            expect: &[("cloudflare-page-rule-superseded", "warn"), ("edge-certificate-not-covering", "fail")],
        }),
        host: "v1.lambda.example.com",
        told: |zone| {
            beside_a_website(zone);
            zone["page_rules"] = json!([page_rule(1, "*lambda.example.com/*", "strict")]);
        },
        ..RECIPE
    },
];

/// What Flexible does to an API Gateway, whoever looks.
const FLEXIBLE: &[(&str, &str)] =
    &[("cloudflare-ssl-mode-weak", "fail"), ("edge-origin-error", "fail"), ("origin-unreachable", "fail")];

fn flexible() -> Zone {
    Zone { mode: Mode::Flexible, ..Zone::default() }
}

/// The zone is Flexible, and S3 websites are why.
fn beside_a_website(zone: &mut Value) {
    zone["settings"]["ssl"] = json!("flexible");
    let websites = ["example.com", "www.example.com"].map(|name| {
        let content = format!("{name}.s3-website-us-west-2.amazonaws.com");
        json!({"type": "CNAME", "name": name, "content": content, "proxied": true, "ttl": 1})
    });
    if let Some(records) = zone["dns_records"].as_array_mut() {
        records.extend(websites);
    }
}

/// A Configuration Rule that makes these requests strict.
fn strict(expression: &str) -> Value {
    json!([{
        "id": "4e1fc9fa937b11eaa1b71c4d701ab86e",
        "description": "Strict for the APIs",
        "expression": expression,
        "enabled": true,
        "action": "set_config",
        "action_parameters": {"ssl": "strict"},
    }])
}

fn page_rule(priority: u32, pattern: &str, mode: &str) -> Value {
    json!({
        "id": format!("9a7806061c88ada191ed06f989cc3da{priority}"),
        "priority": priority,
        "status": "active",
        "targets": [{"target": "url", "constraint": {"operator": "matches", "value": pattern}}],
        "actions": [{"id": "ssl", "value": mode}],
    })
}
