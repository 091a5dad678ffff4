//! What is asked of the APIs of Cloudflare and AWS. Mirrors `crate::probe::cloudflare` and `crate::probe::aws`.

use cfdoctor_checks::Probe;
use cfdoctor_checks::evidence::Target;

use super::{Kind, Planner};
use crate::probe::aws::{AwsRegions, FEW};
use crate::probe::cloudflare::{MAX_API_REQUESTS, PERMISSIONS, zone_candidates};
use crate::probe::{MAX_VALIDATION_NAMES, wants_zone};
use crate::settings::Credential;

/// What a region of the account is asked at once.
const OF_A_REGION: &[&str] = &["apigateway GetDomainNames", "apigatewayv2 GetDomainNames"];
/// What is asked for each name under which the host may have a custom domain.
const OF_A_NAME: &[&str] =
    &["apigatewayv2 GetApiMappings", "apigateway GetBasePathMappings", "apigatewayv2 ListRoutingRules"];
/// What is asked where certificates that cover the host may be.
const OF_CERTIFICATES: &str = "acm ListCertificates";
/// What follows from the answers, and when.
const OF_AN_ANSWER: &[(&str, &str)] = &[
    ("acm DescribeCertificate", "a custom domain of the host names a certificate"),
    ("apigatewayv2 GetApi, GetStages, GetRoutes, GetIntegrations", "a mapping, or the record, leads to an API"),
    ("apigateway GetRestApi, GetStages, GetResources", "a mapping, or the record, leads to an API"),
    ("lambda GetFunctionConfiguration, GetPolicy, ListFunctionUrlConfigs", "a route of the path leads to a function"),
    ("lambda ListFunctions, ListFunctionUrlConfigs, GetPolicy", "the record leads to a function URL"),
];

impl Planner<'_> {
    /// Can the zone still tell what the record points at?
    pub(super) fn zone_may_tell(&self, target: &Target) -> bool {
        matches!(self.settings.cloudflare, Credential::Usable(_)) && wants_zone(target, self.settings)
    }

    pub(super) fn cloudflare(&mut self, target: &Target) {
        let Credential::Usable(access) = &self.settings.cloudflare else { return };
        if !wants_zone(target, self.settings) {
            return;
        }
        let base = access.base_url().to_owned();
        let to = self.through_proxy(access.place());
        for name in zone_candidates(&target.host) {
            self.add(Kind::Request, format!("GET {base}/zones?name={name}"), &to, None);
        }
        for row in PERMISSIONS {
            let path = row.endpoint.replace("{host}", &target.host);
            let known = "the zone is found, and no other target has read it in this run";
            let only_if = row.condition().map_or_else(|| known.to_owned(), |why| format!("{known}; {why}"));
            self.add(Kind::Request, format!("GET {base}{path}"), &to, Some(&only_if));
        }
        let only_if = Some("a list has more than one page, or was cut");
        let further = format!("further pages of the zone's lists; without them at most {MAX_API_REQUESTS} requests");
        self.add(Kind::Request, further, &to, only_if);
    }

    pub(super) fn aws(&mut self, target: &Target) {
        if self.settings.aws.as_ref().is_some_and(|access| access.refusal().is_none()) && self.wants(Probe::Gateway) {
            self.account(target);
        }
        let may_name = self.settings.gateway_file.is_some()
            || self.settings.aws.as_ref().is_some_and(|access| access.refusal().is_none());
        if may_name && self.wants(Probe::Gateway) && self.wants(Probe::Dns) {
            let what = format!("CNAME of the records by which ACM validates, at most {MAX_VALIDATION_NAMES}");
            let to = super::resolver(&self.settings.resolver);
            self.add(Kind::Lookup, what, to, Some("a certificate of the account that covers the host names some"));
        }
    }

    fn account(&mut self, target: &Target) {
        let Some(access) = self.settings.aws.clone() else { return };
        let to = self.through_proxy("the AWS APIs".into());
        let only_if = "the profile has no keys of its own (single sign-on, a role, a container; none twice in a run)";
        self.add(Kind::Request, "credentials, from wherever the profile has them", &to, Some(only_if));
        self.add(Kind::Request, "sts GetCallerIdentity", &to, Some("no other target has asked in this run"));
        let places = match access.regions() {
            AwsRegions::Usual => {
                let own = target.region.as_deref().map(|region| format!(", {region}")).unwrap_or_default();
                vec![format!(
                    "each region of: the record's target{own}, the profile (else, and for CloudFront, us-east-1)"
                )]
            }
            AwsRegions::All => vec!["every region with API Gateway".to_owned()],
            AwsRegions::Named(named) => named.clone(),
        };
        let is_many = match access.regions() {
            AwsRegions::Usual => false,
            AwsRegions::All => true,
            AwsRegions::Named(named) => named.len() > FEW,
        };
        let only_if = is_many.then_some("the custom domain is there");
        let parent = target.host.split_once('.').map(|(_, parent)| format!(" and *.{parent}")).unwrap_or_default();
        for place in places {
            for question in OF_A_REGION {
                self.add(Kind::Request, format!("{question} in {place}"), &to, None);
            }
            self.add(Kind::Request, format!("{OF_CERTIFICATES} in {place}"), &to, only_if);
            for question in OF_A_NAME {
                self.add(Kind::Request, format!("{question} of {}{parent} in {place}", target.host), &to, only_if);
            }
        }
        for (question, only_if) in OF_AN_ANSWER {
            self.add(Kind::Request, *question, &to, Some(only_if));
        }
        self.add(Kind::Request, "further pages, and up to 3 more tries", &to, Some("there are some, or AWS throttles"));
    }

    fn through_proxy(&self, place: String) -> String {
        match &self.settings.proxy {
            Some(proxy) => format!("{place} through the proxy {}:{}", proxy.host, proxy.port),
            None => place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Planned, plan};
    use super::*;
    use crate::probe::aws::{AwsAccess, AwsUse};
    use crate::probe::cloudflare::CloudflareAccess;
    use crate::settings::Settings;

    const TOKEN: &str = "Abcdefghij_klmnopqrst-uvwxyzABCDEFGHIJKL";

    fn settings() -> Settings {
        let regions = AwsRegions::Named(vec!["us-west-2".into()]);
        let profile = |name: &str| (name == "AWS_PROFILE").then(|| "dev".to_owned());
        Settings {
            cloudflare: Credential::Usable(CloudflareAccess::new(TOKEN, None).unwrap()),
            aws: Some(AwsAccess::from_environment(AwsUse::Auto, regions, profile)),
            ..Settings::default()
        }
    }

    fn planned(settings: &Settings) -> Vec<Planned> {
        plan(&"https://lambda.example.com/endpoint".parse().unwrap(), settings)
    }

    #[test]
    fn what_would_be_asked_of_the_apis_is_listed() {
        let all = planned(&settings());
        let text = serde_json::to_string(&all).unwrap();
        assert!(!text.contains(TOKEN));
        let at_cloudflare: Vec<&str> =
            all.iter().filter(|step| step.to == "api.cloudflare.com:443").map(|step| step.what.as_str()).collect();
        for path in ["/zones?name=example.com", "/zones/{zone}/dns_records", "/zones/{zone}/settings/ssl"] {
            let url = format!("GET https://api.cloudflare.com/client/v4{path}");
            assert!(at_cloudflare.contains(&url.as_str()), "{url}: {at_cloudflare:#?}");
        }
        assert!(at_cloudflare.len() > PERMISSIONS.len());
        let is_asked = |word: &str| all.iter().any(|step| step.what.contains(word));
        for word in ["GetCallerIdentity", "GetDomainNames in us-west-2", "DescribeCertificate", "ACM validates"] {
            assert_eq!(is_asked(word), cfg!(feature = "aws"), "{word}");
        }
        let origin = all.iter().find(|step| step.to == "the record's target:443").unwrap();
        assert!(origin.only_if.as_ref().unwrap().contains("the zone tells"), "{origin:?}");
    }

    #[test]
    fn what_is_switched_off_or_not_needed_is_not_listed() {
        let nothing = Settings { cloudflare: Credential::Unused, aws: None, ..settings() };
        let narrow = Settings { probes: [Probe::EdgeTls].into(), ..settings() };
        for settings in [nothing, narrow] {
            let text = serde_json::to_string(&planned(&settings)).unwrap();
            for word in ["api.cloudflare.com", "AWS", "ACM", "the record's target"] {
                assert!(!text.contains(word), "{word}: {text}");
            }
        }
    }

    #[test]
    fn a_file_tells_the_origin_as_the_api_would() {
        let zone = serde_json::json!({"zone": {"name": "example.com"}, "dns_records": [{"type": "CNAME", "proxied": true,
            "name": "lambda.example.com", "content": "d-abc.execute-api.us-west-2.amazonaws.com"}]});
        let zone_file = Some(cfdoctor_checks::evidence::Zone::from_document(zone).unwrap());
        let all = planned(&Settings { zone_file: zone_file.map(std::sync::Arc::new), ..Settings::default() });
        assert!(all.iter().any(|step| step.to == "d-abc.execute-api.us-west-2.amazonaws.com:443"), "{all:?}");
    }
}
