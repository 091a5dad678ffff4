//! What each permission is needed for, as data. A test holds the zone's table to the fixtures: taking a part away
//! changes the answers of these checks, and of no other.

/// Part of the zone's document → the checks that depend on it.
pub const COSTS: &[(&str, &[&str])] = &[];

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
