//! What each permission is needed for, as data. A test holds the zone's table to the fixtures: taking a part away
//! changes the answers of these checks, and of no other.

/// Part of the zone's document → the checks that depend on it.
pub const COSTS: &[(&str, &[&str])] = &[
    ("certificate_packs", &["cloudflare-edge-certificate-pending", "edge-certificate-not-covering"]),
    ("cloud_connector", &["cloudflare-strict-breaks-neighbour", "cloudflare-worker-intercepts"]),
    ("cloud_regions", &["cloudflare-tiered-cache-unhinted"]),
    ("custom_trust_store", &["cloudflare-trust-store-replaced"]),
    (
        "dns_records",
        &[
            "cloudflare-minimum-tls-weak",
            "cloudflare-strict-breaks-neighbour",
            "cloudflare-tiered-cache-unhinted",
            "cloudflare-zone-inactive",
            "dns-name-unresolvable",
            "dns-resolvers-disagree",
            "dns-target-is-address",
            "edge-http-not-redirected",
        ],
    ),
    ("dns_settings", &["dns-delegation-wrong"]),
    ("hostname_settings.min_tls_version", &["cloudflare-minimum-tls-weak"]),
    ("origin_tls_client_auth_hostname", &["aws-mutual-tls-unmet"]),
    ("origin_tls_client_auth_settings", &["aws-mutual-tls-unmet"]),
    (
        "page_rules",
        &[
            "cloudflare-page-rule-superseded",
            "cloudflare-rule-never-matches",
            "cloudflare-rule-shadowed",
            "cloudflare-ssl-mode-weak",
            "cloudflare-strict-breaks-neighbour",
            "edge-http-not-redirected",
            "origin-unreachable",
        ],
    ),
    (
        "rulesets.http_config_settings",
        &[
            "cloudflare-rule-never-matches",
            "cloudflare-ssl-mode-weak",
            "cloudflare-strict-breaks-neighbour",
            "origin-unreachable",
        ],
    ),
    (
        "rulesets.http_request_cache_settings",
        &[
            "cache-control-missing",
            "cache-not-eligible",
            "cache-rule-bypasses",
            "cache-type-mismatch",
            "cloudflare-rule-never-matches",
            "cloudflare-rule-shadowed",
        ],
    ),
    ("rulesets.http_request_dynamic_redirect", &["cloudflare-strict-breaks-neighbour", "edge-http-not-redirected"]),
    ("rulesets.http_request_origin", &["cloudflare-strict-breaks-neighbour"]),
    ("settings.always_online", &["cache-stale-disabled"]),
    ("settings.always_use_https", &["edge-http-not-redirected"]),
    ("settings.min_tls_version", &["cloudflare-minimum-tls-weak"]),
    (
        "settings.ssl",
        &[
            "cloudflare-rule-shadowed",
            "cloudflare-ssl-mode-weak",
            "cloudflare-strict-breaks-neighbour",
            "origin-unreachable",
        ],
    ),
    ("settings.tiered_cache_smart_topology_enable", &["cloudflare-tiered-cache-unhinted"]),
    ("settings.tls_client_auth", &["aws-mutual-tls-unmet"]),
    ("worker_domains", &["cloudflare-strict-breaks-neighbour"]),
    ("worker_routes", &["cloudflare-strict-breaks-neighbour", "cloudflare-worker-intercepts"]),
    ("zone", &["cloudflare-zone-inactive", "dns-delegation-wrong", "dns-not-proxied", "dns-resolvers-disagree"]),
];

/// The checks that depend on a part of the zone.
pub fn checks_of(key: &str) -> Vec<&'static str> {
    COSTS.iter().find(|(part, _)| *part == key).map(|(_, checks)| checks.to_vec()).unwrap_or_default()
}

/// One IAM action.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// `acm:DescribeCertificate`.
    pub name: &'static str,
    /// What it is needed for, as the resources of a policy.
    pub resources: &'static [&'static str],
    /// The checks that depend on it.
    pub checks: &'static [&'static str],
}

const GATEWAY: &[&str] = &[
    "arn:aws:apigateway:*::/domainnames",
    "arn:aws:apigateway:*::/domainnames/*",
    "arn:aws:apigateway:*::/apis",
    "arn:aws:apigateway:*::/apis/*",
    "arn:aws:apigateway:*::/restapis",
    "arn:aws:apigateway:*::/restapis/*",
];
const FUNCTIONS: &[&str] = &["arn:aws:lambda:*:*:function:*"];

/// The actions that are asked for (`facts/aws.md` section 7.2).
pub const ACTIONS: &[Action] = &[
    Action {
        name: "apigateway:GET",
        resources: GATEWAY,
        checks: &[
            "aws-certificate-region",
            "aws-custom-domain-missing",
            "aws-default-endpoint-open",
            "aws-domain-frozen",
            "aws-endpoint-type",
            "aws-mapping-missing",
            "aws-mutual-tls-unmet",
            "aws-region-split",
            "aws-security-policy-outdated",
            "aws-stage-cache-stacked",
            "aws-target-mismatch",
        ],
    },
    Action {
        name: "apigateway:ListRoutingRules",
        resources: &["arn:aws:apigateway:*:*:/domainnames/*"],
        checks: &["aws-mapping-missing"],
    },
    Action { name: "acm:ListCertificates", resources: &["*"], checks: &["aws-certificate-region"] },
    Action {
        name: "acm:DescribeCertificate",
        resources: &["arn:aws:acm:*:*:certificate/*"],
        checks: &["aws-certificate-renewal-blocked", "aws-certificate-unusable"],
    },
    Action { name: "lambda:GetFunctionConfiguration", resources: FUNCTIONS, checks: &["edge-integration-failing"] },
    Action {
        name: "lambda:GetPolicy",
        resources: FUNCTIONS,
        checks: &["aws-function-url-auth", "aws-invoke-permission-missing"],
    },
    Action { name: "lambda:GetFunctionUrlConfig", resources: FUNCTIONS, checks: &["aws-function-url-auth"] },
    Action { name: "lambda:ListFunctionUrlConfigs", resources: FUNCTIONS, checks: &["aws-function-url-auth"] },
    Action { name: "lambda:ListFunctions", resources: &["*"], checks: &["aws-function-url-auth"] },
];
