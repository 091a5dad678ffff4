//! The checks of the area `aws`, in the order shown to people: what the account says of the way from the record's
//! target to the function.

mod fixes;
mod mapped_api;
mod mapping_fixes;
mod route;
mod seen;
mod subject;
#[cfg(test)]
mod testing;
mod typed;
mod validation;

mod certificate_region;
mod certificate_renewal_blocked;
mod certificate_unusable;
mod custom_domain_missing;
mod default_endpoint_open;
mod domain_frozen;
mod endpoint_type;
mod function_url_auth;
mod invoke_permission_missing;
mod mapping_missing;
mod mutual_tls_unmet;
mod region_split;
mod security_policy_outdated;
mod stage_cache_stacked;
mod target_mismatch;

pub(crate) use mapped_api::MappedApi;

use crate::check::Area;
use crate::evidence::Evidence;
use crate::evidence::gateway::{Domain, EndpointType};
use crate::model::reach;

/// The area.
pub(crate) const AREA: Area = Area {
    id: "aws",
    title: "AWS",
    summary,
    checks: &[
        custom_domain_missing::CHECK,
        domain_frozen::CHECK,
        target_mismatch::CHECK,
        certificate_region::CHECK,
        certificate_unusable::CHECK,
        certificate_renewal_blocked::CHECK,
        endpoint_type::CHECK,
        mapping_missing::CHECK,
        invoke_permission_missing::CHECK,
        region_split::CHECK,
        default_endpoint_open::CHECK,
        security_policy_outdated::CHECK,
        mutual_tls_unmet::CHECK,
        stage_cache_stacked::CHECK,
        function_url_auth::CHECK,
    ],
};

/// `us-west-2: lambda.example.com (regional), certificate 5444 days left, /endpoint → stage $default of a1b2c3d4e5 (HTTP API)`.
fn summary(evidence: &Evidence) -> Option<String> {
    let domain = reach::domain(evidence).ok()?;
    let mut line = subject::place(domain);
    let shown = evidence.gateway.found().and_then(|gateway| subject::of(gateway, domain).ok()?.first().copied());
    if let Some(end) = shown.and_then(|subject| subject.certificate.not_after) {
        line += &format!(", certificate {} days left", (end - evidence.gathered_at).whole_days());
    }
    if let Ok(way) = reach::way(evidence) {
        line += &format!(", {} → {}", evidence.target.path_only(), way.describe());
    }
    Some(line)
}

/// `regional`, `edge-optimised`, as people say it.
fn kind(domain: &Domain) -> Option<String> {
    let word = |kind: &EndpointType| match kind {
        EndpointType::Edge => "edge-optimised".to_owned(),
        other => other.word().to_ascii_lowercase(),
    };
    let words: Vec<String> = domain.endpoint_types.iter().map(word).collect();
    (!words.is_empty()).then(|| words.join(" and "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::*;
    use super::*;
    use crate::verdict::NotRun;

    #[test]
    fn no_evidence_is_never_a_finding_and_every_fix_can_be_shown() {
        let example: crate::evidence::Target = "https://www.example.com/".parse().unwrap();
        let nothing = Evidence::nothing(example, time::macros::datetime!(2026-11-25 12:00 UTC));
        for check in AREA.checks {
            assert!(matches!(check.run(&nothing), Err(why) if !matches!(why, NotRun::Bug(_))), "{}", check.id);
            let fix = (check.fix)(&nothing, &crate::Finding::seen(""));
            assert!(!fix.summary.is_empty() && !fix.steps.is_empty(), "{}", check.id);
        }
    }

    #[test]
    fn one_line_for_an_area_that_is_well() {
        let site = site(json!({"domains": [{"domainName": HOST, "region": "us-west-2",
            "regionalCertificateArn": format!("{ACM}:certificate/7a-1"), "endpointConfiguration": {"types": ["REGIONAL"]},
            "api_mappings": [{"apiId": "f1e2d3c4b5", "apiMappingKey": "", "stage": "$default"}]}],
            "certificates": [{"CertificateArn": format!("{ACM}:certificate/7a-1"), "NotAfter": "2027-01-25T12:00:00Z"}],
            "apis": [{"apiId": "f1e2d3c4b5", "protocolType": "HTTP"}]}));
        assert_eq!(
            summary(&site).unwrap(),
            "us-west-2: lambda.example.com (regional), certificate 61 days left, /endpoint → stage $default of f1e2d3c4b5 \
             (HTTP API)"
        );
        assert_eq!(summary(&super::testing::site(json!({"domains": []}))), None);
    }
}
